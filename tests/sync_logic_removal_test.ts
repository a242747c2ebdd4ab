/** What a copy or a removal does with the file it meets, and what it says. */
import assert from "node:assert/strict";
import { decided } from "./support/fake_merge.ts";
import { situationOf, testRows } from "./support/plan_rows.ts";
import {
  but,
  type FakeFile,
  file,
  HOUR,
  OLD,
  row,
} from "./support/fake_tree.ts";

const A = file("one");
const LATER = OLD + HOUR;

const MB = 1_048_576;
const sized = (sizeBytes: number): FakeFile => but(A, { sizeBytes });

testRows([
  {
    it: "soft-deletes a file of exactly the limit (R 5.7)",
    record: { a: sized(20 * MB) },
    right: { a: sized(20 * MB) },
    acts: ["SOFT_DELETE_RIGHT a (5.7)"],
  },
  {
    it: "hard-deletes a file one byte over the limit (R 5.7)",
    record: { a: sized(20 * MB + 1) },
    right: { a: sized(20 * MB + 1) },
    acts: ["DELETE_RIGHT a (5.7)"],
  },
  {
    it: "soft-deletes an empty file where the limit is 0 (R 5.8)",
    record: { a: file("") },
    left: { a: file("") },
    options: { softDelete: { maxSizeBytes: 0 } },
    acts: ["SOFT_DELETE_LEFT a (5.8)"],
  },
  {
    it: "hard-deletes where soft delete is off (R 5.8)",
    record: { a: A },
    left: { a: A },
    options: { softDelete: { enabled: false } },
    acts: ["DELETE_LEFT a (5.8)"],
  },
  {
    it: "keeps a replaced version with soft_delete.keep_replaced (R 5.4)",
    record: { a: A },
    left: { a: A },
    right: { a: but(A, { content: "edited" }) },
    options: { softDelete: { keepReplaced: true } },
    acts: ["COPY_RIGHT_TO_LEFT a keeping (5.4)"],
  },
  {
    it: "keeps no replaced version that is too large for soft delete (R 5.3)",
    record: { a: A },
    left: { a: but(A, { content: "edited" }) },
    right: { a: A },
    options: { softDelete: { keepReplaced: true, maxSizeBytes: 2 } },
    acts: ["COPY_LEFT_TO_RIGHT a (5.3)"],
  },
]);

/** [what, recorded mode Left, Left now, Right, mode given to Right's file] */
const MODES: readonly [string, number, number, number, number | null][] = [
  [
    "keeps the target's mode where the source's did not change",
    0o644,
    0o644,
    0o600,
    null,
  ],
  ["brings a mode that changed with the content", 0o644, 0o640, 0o600, 0o640],
];

for (const [what, recorded, now, right, given] of MODES) {
  Deno.test(`decide() ${what} (section 3)`, () => {
    const theirs = but(A, { mode: right });
    const { plan } = decided(situationOf({
      record: { a: row(but(A, { mode: recorded }), theirs) },
      left: { a: but(A, { content: "edited", mode: now }) },
      right: { a: theirs },
    }));
    const [work] = plan.actions.map((action) => action.work);
    assert.ok(work?.kind === "copy");
    assert.equal(work.mode, given);
  });
}

Deno.test("decide() gives a new file the mode of its source (R 5.9)", () => {
  const it = situationOf({ left: { a: but(A, { mode: 0o640 }) } });
  const [work] = decided(it).plan.actions.map((action) => action.work);
  assert.ok(work?.kind === "copy");
  assert.equal(work.mode, 0o640);
});

Deno.test("decide() says why, in words, for each rule", () => {
  const edited = but(A, { content: "edited", mtimeMs: LATER });
  const { plan } = decided(situationOf({
    record: {
      a: but(A, { ino: 1 }),
      b: A,
      c: but(A, { ino: 3 }),
      d: but(A, { ino: 4 }),
      e: but(A, { ino: 5 }),
    },
    left: {
      a: edited,
      b: edited,
      c: but(A, { ino: 3 }),
      d: but(A, { mode: 0o600, ino: 4 }),
      f: A,
      g: A,
    },
    right: {
      a: but(A, { ino: 1 }),
      d: but(A, { ino: 4 }),
      e: but(A, { ino: 5 }),
      g: edited,
    },
  }));
  const reasons = plan.actions.map(({ path, reason }) => `${path}: ${reason}`);
  assert.deepEqual(reasons, [
    "g: new on both sides; Right is newer",
    "d: mode changed on Left",
    "a: changed on Left",
    "b: changed on Left, deleted on Right",
    "f: new on Left",
    "g: new on both sides; Right is newer",
    "c: deleted on Right",
    "e: deleted on Left",
  ]);
});

Deno.test("decide() says why a file is deleted for good", () => {
  for (
    const [softDelete, why] of [
      [{ enabled: false }, "deleted on Left; soft delete is off"],
      [{ maxSizeBytes: 1 }, "deleted on Left; too large for soft delete"],
    ] as const
  ) {
    const it = situationOf({ record: { a: A }, right: { a: A } });
    const [action] = decided(it, { softDelete }).plan.actions;
    assert.equal(action?.reason, why);
  }
});
