/** Renames whose name is taken, unknown or contested (sections 2 and 3). */
import { testRows } from "./support/plan_rows.ts";
import {
  but,
  type FakeFile,
  file,
  folder,
  HOUR,
  OLD,
  problem,
  row,
} from "./support/fake_tree.ts";

const BASE = file("one");
const withId = (ino: number, more: Partial<FakeFile> = {}): FakeFile =>
  but(BASE, { ino, ...more });
const A = withId(1);
const MODE = { mode: 0o600 };

testRows([
  {
    it:
      "takes a rename onto a path that the other side made too for deletion and creation (section 3)",
    record: { a: A },
    left: { b: A },
    right: {
      a: A,
      b: withId(9, { content: "new there", mtimeMs: OLD - HOUR }),
    },
    acts: [
      "CLASH_CREATE b -> b.clash-20260510-110000-right (5.2)",
      "COPY_LEFT_TO_RIGHT b (5.2)",
      "SOFT_DELETE_RIGHT a (5.7)",
    ],
  },
  {
    it:
      "takes a rename onto a folder of the other side for deletion and creation (section 3)",
    record: { a: A },
    left: { b: A },
    right: { a: A, b: folder() },
    acts: [
      "CLASH_CREATE b -> b.clash-20260510-120000-left (5.2)",
      "CREATE_DIR_LEFT b (5.10)",
      "SOFT_DELETE_RIGHT a (5.7)",
    ],
  },
  {
    it:
      "takes two renames onto one name for deletions and a conflict (section 2)",
    record: { a: A, c: withId(3, { content: "three", mtimeMs: OLD + HOUR }) },
    left: { b: A, c: withId(3, { content: "three", mtimeMs: OLD + HOUR }) },
    right: { a: A, b: withId(3, { content: "three", mtimeMs: OLD + HOUR }) },
    acts: [
      "CLASH_CREATE b -> b.clash-20260510-120000-left (5.2)",
      "COPY_RIGHT_TO_LEFT b (5.2)",
      "SOFT_DELETE_RIGHT a (5.7)",
      "SOFT_DELETE_LEFT c (5.8)",
    ],
  },
  {
    it:
      "neither renames nor deletes where the new path is unknown over there (section 2)",
    record: { a: A },
    left: { b: A },
    right: { a: A, b: problem("symlink") },
    acts: [],
    records: [],
    problems: ["right/b: symlink", "left/a: elsewhere"],
  },
  {
    it:
      "renames nothing where the old path is unknown on the other side (R 5.9)",
    record: { a: A },
    left: { b: A },
    right: { a: problem("unreadable") },
    acts: ["COPY_LEFT_TO_RIGHT b (5.9)"],
    problems: ["right/a: unreadable"],
  },
  {
    it:
      "neither renames into a folder that is left alone nor deletes (section 2)",
    record: { a: A, "d/x": BASE },
    left: { "d/a": A, "d/x": BASE },
    right: { a: A, d: problem("unreadable", folder()) },
    acts: [],
    records: [],
    problems: ["right/d: unreadable", "left/a: elsewhere"],
  },
  {
    it:
      "brings a file back under its new name where the other side deleted it (R 5.6)",
    record: { a: A },
    left: { b: A },
    acts: ["COPY_LEFT_TO_RIGHT b (5.6)"],
    records: [],
  },
  {
    it: "only records what both sides renamed alike (section 3)",
    record: { a: A },
    left: { b: A },
    right: { b: A },
    acts: [],
    records: ["record put b (was a)"],
  },
  {
    it:
      "takes two new names for a metadata conflict: Left's on equal mtimes (R 5.13)",
    record: { a: A },
    left: { b: A },
    right: { c: A },
    acts: ["RENAME_RIGHT c -> b (5.13)"],
    isTie: true,
  },
  {
    it: "takes the newer side's name of two (R 5.13)",
    record: { a: row(A, but(A, { mtimeMs: OLD + HOUR })) },
    left: { b: A },
    right: { c: but(A, { mtimeMs: OLD + HOUR }) },
    acts: ["RENAME_LEFT b -> c +time (5.13)"],
  },
  {
    it: "leaves two new names to a person (section 4)",
    record: { a: A },
    left: { b: A },
    right: { c: A },
    options: { policies: { metadata_conflict: "notify" } },
    acts: ["OPEN a (5.13)"],
    records: [],
  },
  {
    it: "takes a name against a mode for a metadata conflict (R 5.13)",
    record: { a: A },
    left: { b: A },
    right: { a: withId(1, MODE) },
    acts: ["RENAME_RIGHT a -> b +mode (5.13)"],
    isTie: true,
  },
  {
    it: "moves a file into a folder of its own former name (section 2)",
    record: { a: A },
    left: { a: A },
    right: { "a/a": A },
    acts: [
      "SOFT_DELETE_LEFT a (5.8)",
      "CREATE_DIR_LEFT a (5.10)",
      "COPY_RIGHT_TO_LEFT a/a (5.10)",
    ],
  },
  {
    it: "moves two files into folders of each other's former name (section 2)",
    record: { a: A, b: withId(2) },
    left: { a: A, b: withId(2) },
    right: { "b/a": A, "a/b": withId(2) },
    acts: [
      "SOFT_DELETE_LEFT a (5.8)",
      "CREATE_DIR_LEFT a (5.10)",
      "SOFT_DELETE_LEFT b (5.8)",
      "CREATE_DIR_LEFT b (5.10)",
      "COPY_RIGHT_TO_LEFT a/b (5.10)",
      "COPY_RIGHT_TO_LEFT b/a (5.10)",
    ],
  },
  {
    it: "moves a folder's only file to the folder's name (section 2)",
    record: { "a/x": A },
    left: { "a/x": A },
    right: { a: A },
    acts: [
      "SOFT_DELETE_LEFT a/x (5.8)",
      "REMOVE_DIR_LEFT a (5.8)",
      "COPY_RIGHT_TO_LEFT a (5.10)",
    ],
  },
  {
    it:
      "takes a file that made way for a folder for deletion and creation (section 2)",
    record: { a: A },
    left: { b: A, a: folder() },
    right: { a: A },
    acts: [
      "SOFT_DELETE_RIGHT a (5.7)",
      "CREATE_DIR_RIGHT a (5.9)",
      "COPY_LEFT_TO_RIGHT b (5.9)",
    ],
  },
  {
    it: "takes files that swapped their names for edits of both (R 5.3)",
    record: { a: A, b: withId(2, { content: "three" }) },
    left: { b: A, a: withId(2, { content: "three" }) },
    right: { a: A, b: withId(2, { content: "three" }) },
    acts: ["COPY_LEFT_TO_RIGHT a (5.3)", "COPY_LEFT_TO_RIGHT b (5.3)"],
  },
  {
    it:
      "takes a file moved over another for an edit and a deletion (R 5.3, 5.7)",
    record: { a: A, b: withId(2, { content: "three" }) },
    left: { b: A },
    right: { a: A, b: withId(2, { content: "three" }) },
    acts: ["COPY_LEFT_TO_RIGHT b (5.3)", "SOFT_DELETE_RIGHT a (5.7)"],
  },
]);
