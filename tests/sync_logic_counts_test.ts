import assert from "node:assert/strict";
import type { PlanCounts } from "../lib/plan_types.ts";
import { decided, type Options } from "./support/fake_merge.ts";
import { mirror } from "./support/fake_plan.ts";
import {
  but,
  type FakeFile,
  file,
  HOUR,
  OLD,
  problem,
  type Situation,
} from "./support/fake_tree.ts";
import { situationOf } from "./support/plan_rows.ts";

/** What a plan counts for the guards (section 7). */

const A = file("one");
const B = file("other", { mtimeMs: OLD - HOUR });
const NEWER = but(A, { content: "edited", mtimeMs: OLD + HOUR });
const withId = (ino: number): FakeFile => but(A, { ino });

/** What is gone on Left and on Right, and the same of what else is counted. */
const COUNTS: readonly {
  readonly it: string;
  readonly in: Partial<Situation>;
  readonly options?: Options;
  readonly deleted?: readonly [number, number];
  readonly replaced?: readonly [number, number];
  readonly modified?: readonly [number, number];
}[] = [
  {
    it: "files that are gone on a side and would be removed on the other",
    in: {
      record: { a: withId(1), b: withId(2), c: withId(3), d: withId(4) },
      left: { c: withId(3), d: withId(4) },
      right: { a: withId(1), b: withId(2), d: withId(4) },
    },
    deleted: [2, 1],
  },
  {
    it: "no file that is gone on both sides",
    in: { record: { a: A } },
  },
  {
    it: "no file that comes back",
    in: { record: { a: A }, right: { a: NEWER } },
    modified: [0, 1],
  },
  {
    it: "no file that was renamed",
    in: {
      record: { a: withId(1), "d/b": withId(2) },
      left: { x: withId(1), "e/b": withId(2) },
      right: { a: withId(1), "d/b": withId(2) },
    },
  },
  {
    it: "no file whose name, size and mtime reappear in another folder",
    in: {
      record: { "d/a": A, "d/b": B },
      left: { "e/f/a": A, "e/f/b": B },
      right: { "d/a": A, "d/b": B },
    },
  },
  {
    it: "a file that reappears under another name, and no id to know it by",
    in: { record: { "d/a": A }, left: { "e/b": A }, right: { "d/a": A } },
    deleted: [1, 0],
    replaced: [1, 0],
  },
  {
    it: "a file that reappears with another size",
    in: {
      record: { "d/a": A },
      left: { "e/a": but(A, { content: "longer" }) },
      right: { "d/a": A },
    },
    deleted: [1, 0],
  },
  {
    it: "a file that reappears with another mtime",
    in: {
      record: { "d/a": A },
      left: { "e/a": but(A, { mtimeMs: OLD + 1 }) },
      right: { "d/a": A },
    },
    deleted: [1, 0],
    replaced: [1, 0],
  },
  {
    it: "a file that reappears on the other side only",
    in: {
      record: { "d/a": withId(1) },
      right: { "d/a": withId(1), "e/a": A },
    },
    deleted: [1, 0],
  },
  {
    it: "of two gone files one, where one reappears",
    in: {
      record: { "d/a": A, "e/a": A },
      left: { "f/a": A },
      right: { "d/a": A, "e/a": A },
    },
    deleted: [1, 0],
  },
  {
    it: "as many new files as have sizes of gone ones, each for one of them",
    in: {
      record: { "d/a": A, "d/b": A, "d/c": B },
      left: {
        x: A,
        y: B,
        z: B,
        long: but(A, { content: "longer than all" }),
      },
      right: { "d/a": A, "d/b": A, "d/c": B },
    },
    deleted: [3, 0],
    replaced: [2, 0],
  },
  {
    it: "no file that reappears where the other side made a newer one",
    in: {
      record: { "d/a": A },
      left: { "e/a": A },
      right: { "d/a": A, "e/a": NEWER },
    },
  },
  {
    it: "no file that reappears where a conflict stays open",
    in: {
      record: { "d/a": A },
      left: { "e/a": A },
      right: { "d/a": A, "e/a": NEWER },
    },
    options: { policies: { new_new: "notify" } },
  },
  {
    it: "recorded files whose content changed, on either side",
    in: {
      record: { a: A, b: A, c: A, d: A },
      left: { a: NEWER, b: NEWER, c: A, d: NEWER },
      right: { a: A, b: A, c: NEWER, d: but(NEWER, { content: "more" }) },
    },
    modified: [3, 2],
  },
  {
    it: "no file that was only touched, given a mode or created",
    in: {
      record: { a: A, b: A },
      left: {
        a: but(A, { mtimeMs: OLD + HOUR }),
        b: but(A, { mode: 0o600 }),
        c: A,
      },
      right: { a: A, b: A },
    },
  },
  {
    it: "a modified file that was respelled too",
    in: { record: { a: A }, left: { A: NEWER }, right: { a: A } },
    options: { traits: { left: { ignoresCase: true } } },
    modified: [1, 0],
  },
  {
    it: "no file that is renamed against a deletion",
    in: { record: { a: withId(1) }, left: { b: withId(1) } },
  },
  {
    it: "no file that is left alone",
    in: {
      record: { a: A, "d/b": A },
      left: { a: problem("unreadable"), d: problem("ignored") },
      right: { a: NEWER },
    },
  },
];

for (const { it, in: given, options, ...told } of COUNTS) {
  Deno.test(`decide() counts ${it} (section 7)`, () => {
    const situation = situationOf(given);
    const { counts } = decided(situation, options).plan;
    const wanted: PlanCounts = {
      deleted: both(told.deleted ?? [0, 0]),
      replaced: both(told.replaced ?? [0, 0]),
      modified: both(told.modified ?? [0, 0]),
    };
    assert.deepEqual(counts, wanted);
    const mirrored = decided(mirror(situation), mirror(options)).plan.counts;
    assert.deepEqual(mirrored, mirror(wanted), "mirrored");
  });
}

function both([left, right]: readonly [number, number]) {
  return { left, right };
}
