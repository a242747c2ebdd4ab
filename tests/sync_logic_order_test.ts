/** Section 5: the order of a whole plan, and what waits for what. */
import assert from "node:assert/strict";
import { FakeDisk } from "./support/fake_disk.ts";
import { decided, type Options } from "./support/fake_merge.ts";
import { acts, told } from "./support/fake_plan.ts";
import { situationOf } from "./support/plan_rows.ts";
import {
  but,
  type FakeFile,
  file,
  folder,
  HOUR,
  OLD,
  type Situation,
} from "./support/fake_tree.ts";

const A = file("one");
const NEWER = but(A, { content: "newer", mtimeMs: OLD + HOUR });
const OLDER = but(A, { content: "older one" });
const withId = (ino: number): FakeFile => but(A, { ino });

Deno.test("decide() orders clashes, directories, renames, copies, deletions, directories to remove (section 5)", () => {
  const it = situationOf({
    record: {
      "k conflict": A,
      "j edited": A,
      "i deleted": A,
      "h folder/in it": A,
      "h folder/sub": folder(),
      "g named": withId(1),
      "f touched": A,
    },
    left: {
      "k conflict": NEWER,
      "j edited": NEWER,
      "g renamed": withId(1),
      "f touched": but(A, { mode: 0o600 }),
      "e new": A,
      "d new folder/in it": A,
    },
    right: {
      "k conflict": OLDER,
      "j edited": A,
      "i deleted": A,
      "h folder/in it": A,
      "h folder/sub": folder(),
      "g named": withId(1),
      "f touched": A,
    },
  });
  assert.deepEqual(acts(decided(it).plan), [
    "CLASH_CREATE k conflict -> k conflict.clash-20260510-120000-right (5.1)",
    "CREATE_DIR_RIGHT d new folder (5.9)",
    "RENAME_RIGHT f touched +mode (5.11)",
    "RENAME_RIGHT g named -> g renamed (5.11)",
    "COPY_LEFT_TO_RIGHT d new folder/in it (5.9)",
    "COPY_LEFT_TO_RIGHT e new (5.9)",
    "COPY_LEFT_TO_RIGHT j edited (5.3)",
    "COPY_LEFT_TO_RIGHT k conflict (5.1)",
    "SOFT_DELETE_RIGHT h folder/in it (5.7)",
    "SOFT_DELETE_RIGHT i deleted (5.7)",
    "REMOVE_DIR_RIGHT h folder/sub (5.7)",
    "REMOVE_DIR_RIGHT h folder (5.7)",
  ]);
});

/** [what, situation, action → the actions it waits for] */
const NEEDS: readonly {
  readonly it: string;
  readonly in: Partial<Situation>;
  readonly options?: Options;
  readonly waits: Readonly<Record<string, readonly string[]>>;
}[] = [
  {
    it: "the copy after a clash waits for the clash",
    in: { record: { a: A }, left: { a: NEWER }, right: { a: OLDER } },
    waits: {
      "COPY_LEFT_TO_RIGHT a (5.1)": [
        "CLASH_CREATE a -> a.clash-20260510-120000-right (5.1)",
      ],
    },
  },
  {
    it: "anything in a folder to be made waits for the folder",
    in: {
      record: { m: withId(1) },
      left: { "d/a": A, "d/e/m": withId(1) },
      right: { m: withId(1) },
    },
    waits: {
      "COPY_LEFT_TO_RIGHT d/a (5.9)": ["CREATE_DIR_RIGHT d (5.9)"],
      "CREATE_DIR_RIGHT d/e (5.9)": ["CREATE_DIR_RIGHT d (5.9)"],
      "RENAME_RIGHT m -> d/e/m (5.11)": ["CREATE_DIR_RIGHT d/e (5.9)"],
    },
  },
  {
    it: "a folder to be removed waits for all that leaves it",
    in: {
      record: { "d/a": A, "d/m": withId(1), "d/e": folder() },
      left: { m: withId(1) },
      right: { "d/a": A, "d/m": withId(1), "d/e": folder() },
    },
    waits: {
      "REMOVE_DIR_RIGHT d (5.7)": [
        "REMOVE_DIR_RIGHT d/e (5.7)",
        "RENAME_RIGHT d/m -> m (5.11)",
        "SOFT_DELETE_RIGHT d/a (5.7)",
      ],
    },
  },
  {
    it: "a folder that takes a file's name waits for the file to be gone",
    in: { record: { a: A }, left: { "a/b": A }, right: { a: A } },
    waits: { "CREATE_DIR_RIGHT a (5.9)": ["SOFT_DELETE_RIGHT a (5.7)"] },
  },
  {
    it: "a file that takes a folder's name waits for the folder to be gone",
    in: { record: { "a/b": A }, left: { a: NEWER }, right: { "a/b": A } },
    waits: {
      "COPY_LEFT_TO_RIGHT a (5.9)": ["REMOVE_DIR_RIGHT a (5.7)"],
      "REMOVE_DIR_RIGHT a (5.7)": ["SOFT_DELETE_RIGHT a/b (5.7)"],
    },
  },
  {
    it: "a folder waits for the file that goes to a clash name",
    in: {
      record: { z: A },
      left: { z: A, a: OLDER },
      right: { z: A, "a/b": A },
    },
    waits: {
      "CREATE_DIR_LEFT a (5.10)": [
        "CLASH_CREATE a -> a.clash-20260510-120000-left (5.2)",
      ],
      "COPY_RIGHT_TO_LEFT a/b (5.10)": ["CREATE_DIR_LEFT a (5.10)"],
    },
  },
  {
    it: "content waits for the name",
    in: { record: { a: A }, left: { a: NEWER }, right: { A: A } },
    options: { traits: { left: { ignoresCase: true } } },
    waits: { "COPY_LEFT_TO_RIGHT A (5.3)": ["RENAME_LEFT a -> A (5.12)"] },
  },
  {
    it: "what is below a respelled folder waits for its rename",
    in: {
      record: { "d/a": A },
      left: { "D/a": NEWER, "D/e/b": A },
      right: { "d/a": A },
    },
    options: { traits: { left: { ignoresCase: true } } },
    waits: {
      "COPY_LEFT_TO_RIGHT D/a (5.3)": ["RENAME_RIGHT d -> D (5.11)"],
      "CREATE_DIR_RIGHT D/e (5.9)": ["RENAME_RIGHT d -> D (5.11)"],
    },
  },
];

for (const { it, in: given, options, waits } of NEEDS) {
  Deno.test(`decide(): ${it} (section 5)`, () => {
    const { plan } = decided(situationOf(given), options);
    const lines = plan.actions.map(told);
    for (const [line, wanted] of Object.entries(waits)) {
      const action = plan.actions[lines.indexOf(line)];
      assert.ok(action, `${line} is planned: ${lines.join("\n")}`);
      const needs = action.needs.map((need) => lines[need]!).sort();
      assert.deepEqual(needs, wanted, line);
    }
  });
}

Deno.test("decide(): an action that is not done holds up only what builds on it (section 5)", () => {
  for (const { in: given, options } of NEEDS) {
    const it = situationOf(given);
    const { plan } = decided(it, options);
    for (const failing of plan.actions.keys()) {
      const disk = new FakeDisk(it, options);
      // Strict: it throws where an action finds something else than planned.
      const done = disk.carryOut(plan, (index) => index === failing);
      const held = holdsUp(plan.actions.map(({ needs }) => needs), failing);
      assert.equal(done, plan.actions.length - held);
      const next = new FakeDisk(disk.situation(), options);
      next.carryOut(decided(disk.situation(), options).plan);
      assert.deepEqual(next.tree("left"), next.tree("right"), "next run");
    }
  }
});

/** How many actions are not done when one is not. */
function holdsUp(
  needs: readonly (readonly number[])[],
  failing: number,
): number {
  const held = new Set([failing]);
  needs.forEach((of, index) => {
    if (of.some((need) => held.has(need))) held.add(index);
  });
  return held.size;
}
