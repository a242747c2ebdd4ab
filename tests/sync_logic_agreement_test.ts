/** Section 3 in rows: same content, names and properties. */
import assert from "node:assert/strict";
import { decided } from "./support/fake_merge.ts";
import { situationOf, testRows } from "./support/plan_rows.ts";
import { but, DAY, file, hashOf, HOUR, NOW, OLD } from "./support/fake_tree.ts";

const A = file("one");
const OTHER = but(A, { content: "two" });
const LATER = OLD + HOUR;
/** Something is recorded: no first meeting. */
const Z = file("z");
const MET = { record: { z: Z }, left: { z: Z }, right: { z: Z } };

testRows([
  {
    it: "takes equal size and mtime for equal on a first meeting (section 3)",
    left: { a: A },
    right: { a: A },
    acts: [],
    records: ["record put a"],
    asked: [],
  },
  {
    it: "reads both on a first meeting where an mtime differs (section 3)",
    left: { a: A },
    right: { a: but(A, { mtimeMs: LATER }) },
    acts: ["RENAME_LEFT a +time"],
    asked: ["compare left/a right/a"],
  },
  {
    it:
      "holds mtimes together to the coarser tick on a first meeting (section 3)",
    left: { a: but(A, { mtimeMs: OLD + 1999 }) },
    right: { a: A },
    options: { traits: { right: { tickMs: 2000 } } },
    acts: [],
    asked: [],
    keepsTimes: true,
  },
  {
    it:
      "reads mtimes that differ by the coarser tick on a first meeting (section 3)",
    left: { a: but(A, { mtimeMs: OLD + 2000 }) },
    right: { a: A },
    options: { traits: { right: { tickMs: 2000 } } },
    acts: ["RENAME_RIGHT a +time"],
    asked: ["compare left/a right/a"],
  },
  {
    it: "reads both with compare.verify_first_run (section 3)",
    left: { a: A },
    right: { a: A },
    options: { verifyFirstRun: true },
    acts: [],
    asked: ["compare left/a right/a"],
  },
  {
    it: "finds a difference with compare.verify_first_run (R 5.2)",
    left: { a: A },
    right: { a: OTHER },
    options: { verifyFirstRun: true },
    acts: [
      "CLASH_CREATE a -> a.clash-20260510-120000-right (5.2)",
      "COPY_LEFT_TO_RIGHT a (5.2)",
    ],
    isTie: true,
  },
  {
    it: "reads a kind that is always read on a first meeting too (section 3)",
    left: { "a.xls": A },
    right: { "a.xls": A },
    options: { alwaysRead: ["xls"] },
    acts: [],
    asked: ["compare left/a.xls right/a.xls"],
  },
  {
    it: "reads fresh files on a first meeting (section 3)",
    left: { a: but(A, { mtimeMs: NOW }) },
    right: { a: but(A, { mtimeMs: NOW }) },
    acts: [],
    records: ["record put a"],
    asked: ["compare left/a right/a"],
  },
  {
    it:
      "reads files that are new on both sides once there are rows (section 3)",
    record: MET.record,
    left: { ...MET.left, a: A },
    right: { ...MET.right, a: A },
    acts: [],
    records: ["record put a"],
    asked: ["compare left/a right/a"],
  },
  {
    it: "reads nothing of new files that differ in size (R 5.2)",
    record: MET.record,
    left: { ...MET.left, a: but(A, { content: "three", mtimeMs: LATER }) },
    right: { ...MET.right, a: A },
    acts: [
      "CLASH_CREATE a -> a.clash-20260510-120000-right (5.2)",
      "COPY_LEFT_TO_RIGHT a (5.2)",
    ],
    asked: [],
  },
]);

testRows([
  {
    it: "adopts: the newer mtime goes to the other side (section 3)",
    record: { a: A },
    left: { a: but(OTHER, { mtimeMs: LATER }) },
    right: { a: but(OTHER, { mtimeMs: LATER + HOUR }) },
    acts: ["RENAME_LEFT a +time"],
    asked: ["compare left/a right/a"],
  },
  {
    it: "adopts without a word where both wrote the same at once (section 3)",
    record: { a: A },
    left: { a: but(OTHER, { mtimeMs: LATER }) },
    right: { a: but(OTHER, { mtimeMs: LATER }) },
    acts: [],
    records: ["record put a"],
  },
  {
    it: "adopts both mtimes where only they changed (section 3)",
    record: { a: A },
    left: { a: but(A, { mtimeMs: LATER + HOUR }) },
    right: { a: but(A, { mtimeMs: LATER }) },
    acts: ["RENAME_RIGHT a +time"],
  },
  {
    it: "never adopts an mtime that nobody can mean (section 4)",
    record: { a: A },
    left: { a: but(A, { mtimeMs: NOW + 2 * DAY }) },
    right: { a: but(A, { mtimeMs: LATER }) },
    acts: ["RENAME_LEFT a +time"],
  },
  {
    it: "forgets what is gone on both sides (section 3)",
    record: { a: A },
    acts: [],
    records: ["record forget a"],
  },
  {
    it: "takes the newer side's spelling where nothing is recorded (section 3)",
    left: { "A.txt": but(A, { mtimeMs: LATER }) },
    right: { "a.TXT": A },
    options: { traits: { left: { ignoresCase: true } } },
    acts: ["RENAME_RIGHT a.TXT -> A.txt +time"],
  },
  {
    it:
      "pairs composed and decomposed names where a root takes both for one (section 3)",
    record: { "\u00fc": A },
    left: { "u\u0308": A },
    right: { "\u00fc": A },
    options: { traits: { right: { ignoresNormalForm: true } } },
    acts: ["RENAME_RIGHT \u00fc -> u\u0308 (5.11)"],
  },
  {
    it:
      "takes every spelling for a file of its own where no root ignores case (R 5.7)",
    record: { a: A },
    left: { A: A },
    right: { a: A },
    acts: ["COPY_LEFT_TO_RIGHT A (5.9)", "SOFT_DELETE_RIGHT a (5.7)"],
  },
  {
    it: "brings content and name at once, name first (section 3)",
    record: { a: A },
    left: { a: but(A, { content: "edited", mtimeMs: LATER }) },
    right: { A: A },
    options: { traits: { left: { ignoresCase: true } } },
    acts: ["RENAME_LEFT a -> A (5.12)", "COPY_LEFT_TO_RIGHT A (5.3)"],
  },
  {
    it: "lists unchanged paths only where that is asked for (section 5)",
    record: { a: A, "d/b": A },
    left: { a: A, "d/b": A },
    right: { a: A, "d/b": A },
    options: { listUnchanged: true },
    acts: ["NOOP a", "NOOP d/b"],
    again: ["NOOP a", "NOOP d/b"],
  },
]);

Deno.test("decide() lists an adopted mtime with the reason 'same content'", () => {
  const it = situationOf({
    left: { a: but(A, { mtimeMs: LATER }) },
    right: { a: A },
  });
  const [action] = decided(it).plan.actions;
  assert.equal(action?.reason, "same content");
});

Deno.test("decide() keeps a hash in the row of files that are fresh now", () => {
  const young = but(A, { mtimeMs: NOW });
  const it = situationOf({ left: { a: young }, right: { a: young } });
  const [work] = decided(it).plan.actions.map((action) => action.work);
  assert.ok(work?.kind === "record" && work.change.kind === "put");
  const { hash, left, right } = work.change.row;
  assert.equal(hash, hashOf("one"));
  assert.deepEqual([left.isFresh, right.isFresh], [true, true]);
});
