/** Renames: what counts as one (section 2) and what comes of it (section 3). */
import { testRows } from "./support/plan_rows.ts";
import {
  but,
  type FakeFile,
  file,
  folder,
  HOUR,
  OLD,
} from "./support/fake_tree.ts";

const BASE = file("one");
const withId = (ino: number, more: Partial<FakeFile> = {}): FakeFile =>
  but(BASE, { ino, ...more });
const A = withId(1);

testRows([
  {
    it:
      "renames where exactly one path is gone and one new one is the file (R 5.11)",
    record: { a: A },
    left: { b: A },
    right: { a: A },
    acts: ["RENAME_RIGHT a -> b (5.11)"],
    asked: [],
  },
  {
    it: "renames into a folder that is new as well (R 5.11)",
    record: { a: A },
    left: { "new/deep/b": A },
    right: { a: A },
    acts: [
      "CREATE_DIR_RIGHT new (5.9)",
      "CREATE_DIR_RIGHT new/deep (5.9)",
      "RENAME_RIGHT a -> new/deep/b (5.11)",
    ],
  },
  {
    it: "renames into a folder that takes a removed file's name (R 5.11)",
    record: { a: A, d: withId(2) },
    left: { "d/a": A },
    right: { a: A, d: withId(2) },
    acts: [
      "SOFT_DELETE_RIGHT d (5.7)",
      "CREATE_DIR_RIGHT d (5.9)",
      "RENAME_RIGHT a -> d/a (5.11)",
    ],
  },
  {
    it: "renames out of a folder that is removed (R 5.11)",
    record: { "d/a": A },
    left: { a: A },
    right: { "d/a": A },
    acts: ["RENAME_RIGHT d/a -> a (5.11)", "REMOVE_DIR_RIGHT d (5.7)"],
  },
  {
    it:
      "takes a folder rename for its files' renames and directories (section 3)",
    record: { "d/a": A, "d/e/b": withId(2), "d/f": folder() },
    left: { "n/a": A, "n/e/b": withId(2), "n/f": folder() },
    right: { "d/a": A, "d/e/b": withId(2), "d/f": folder() },
    acts: [
      "CREATE_DIR_RIGHT n (5.9)",
      "CREATE_DIR_RIGHT n/e (5.9)",
      "CREATE_DIR_RIGHT n/f (5.9)",
      "RENAME_RIGHT d/a -> n/a (5.11)",
      "RENAME_RIGHT d/e/b -> n/e/b (5.11)",
      "REMOVE_DIR_RIGHT d/f (5.7)",
      "REMOVE_DIR_RIGHT d/e (5.7)",
      "REMOVE_DIR_RIGHT d (5.7)",
    ],
  },
  {
    it: "takes another size for a deletion and a creation (R 5.7, 5.9)",
    record: { a: A },
    left: { b: but(A, { content: "three" }) },
    right: { a: A },
    acts: ["COPY_LEFT_TO_RIGHT b (5.9)", "SOFT_DELETE_RIGHT a (5.7)"],
  },
  {
    it: "takes another mtime for a deletion and a creation (R 5.7, 5.9)",
    record: { a: A },
    left: { b: but(A, { mtimeMs: OLD + HOUR }) },
    right: { a: A },
    acts: ["COPY_LEFT_TO_RIGHT b (5.9)", "SOFT_DELETE_RIGHT a (5.7)"],
  },
  {
    it: "takes another file id for a deletion and a creation (R 5.7, 5.9)",
    record: { a: A },
    left: { b: withId(2) },
    right: { a: A },
    acts: ["COPY_LEFT_TO_RIGHT b (5.9)", "SOFT_DELETE_RIGHT a (5.7)"],
  },
  {
    it: "guesses no rename where files have no ids (R 5.7, 5.9)",
    record: { a: BASE },
    left: { b: BASE },
    right: { a: BASE },
    acts: ["COPY_LEFT_TO_RIGHT b (5.9)", "SOFT_DELETE_RIGHT a (5.7)"],
  },
  {
    it: "guesses no rename by an id that several rows share (section 1)",
    record: { a: A, b: A },
    left: { b: A, c: A },
    right: { a: A, b: A },
    options: { sharedInos: [1] },
    acts: ["COPY_LEFT_TO_RIGHT c (5.9)", "SOFT_DELETE_RIGHT a (5.7)"],
  },
  {
    it: "guesses no rename where two new paths could be it (section 2)",
    record: { a: A },
    left: { b: A, c: A },
    right: { a: A },
    acts: [
      "COPY_LEFT_TO_RIGHT b (5.9)",
      "COPY_LEFT_TO_RIGHT c (5.9)",
      "SOFT_DELETE_RIGHT a (5.7)",
    ],
  },
  {
    it: "takes a copy beside its original for a new file (R 5.9)",
    record: { a: A },
    left: { a: A, b: A },
    right: { a: A },
    acts: ["COPY_LEFT_TO_RIGHT b (5.9)"],
  },
]);
