/** Directories (section 3): created, removed, surviving, forgotten. */
import { testRows } from "./support/plan_rows.ts";
import { but, file, folder, HOUR, OLD, problem } from "./support/fake_tree.ts";

const A = file("one");
const EDIT = but(A, { content: "edited", mtimeMs: OLD + HOUR });
const IGNORED = problem("ignored", file("any"));
const LINK = problem("symlink");

testRows([
  {
    it: "creates an empty folder on the other side (R 5.9)",
    left: { d: folder() },
    acts: ["CREATE_DIR_RIGHT d (5.9)"],
  },
  {
    it: "creates nested folders, those above first (R 5.10)",
    right: { "d/e/f": folder(), "d/a": A },
    acts: [
      "CREATE_DIR_LEFT d (5.10)",
      "CREATE_DIR_LEFT d/e (5.10)",
      "CREATE_DIR_LEFT d/e/f (5.10)",
      "COPY_RIGHT_TO_LEFT d/a (5.10)",
    ],
  },
  {
    it: "only records a folder that both sides made (section 3)",
    left: { d: folder() },
    right: { d: folder() },
    acts: [],
    records: ["record put-directory d"],
  },
  {
    it: "does nothing about a folder that both sides have (section 3)",
    record: { "d/a": A },
    left: { "d/a": A },
    right: { "d/a": A },
    acts: [],
    records: [],
  },
  {
    it: "removes an empty folder that the other side removed (R 5.7)",
    record: { d: folder() },
    right: { d: folder() },
    acts: ["REMOVE_DIR_RIGHT d (5.7)"],
  },
  {
    it:
      "removes a folder with only removed things in it, deepest first (R 5.8)",
    record: { "d/a": A, "d/e/b": A, "d/e/f": folder() },
    left: { "d/a": A, "d/e/b": A, "d/e/f": folder() },
    acts: [
      "SOFT_DELETE_LEFT d/a (5.8)",
      "SOFT_DELETE_LEFT d/e/b (5.8)",
      "REMOVE_DIR_LEFT d/e/f (5.8)",
      "REMOVE_DIR_LEFT d/e (5.8)",
      "REMOVE_DIR_LEFT d (5.8)",
    ],
  },
  {
    it: "only forgets a folder that both sides removed (section 3)",
    record: { "d/a": A, e: folder() },
    acts: [],
    records: [
      "record forget d/a",
      "record forget-directory d",
      "record forget-directory e",
    ],
  },
  {
    it: "keeps a folder with a new file in it, on both sides (R 5.5)",
    record: { "d/a": A },
    right: { "d/a": A, "d/new": EDIT },
    acts: [
      "CREATE_DIR_LEFT d (5.5)",
      "COPY_RIGHT_TO_LEFT d/new (5.10)",
      "SOFT_DELETE_RIGHT d/a (5.7)",
    ],
  },
  {
    it: "keeps a folder with an edited file in it, on both sides (R 5.6)",
    record: { "d/e/a": A, "d/e/b": A },
    left: { "d/e/a": EDIT, "d/e/b": A },
    acts: [
      "CREATE_DIR_RIGHT d (5.6)",
      "CREATE_DIR_RIGHT d/e (5.6)",
      "COPY_LEFT_TO_RIGHT d/e/a (5.6)",
      "SOFT_DELETE_LEFT d/e/b (5.8)",
    ],
  },
  {
    it: "keeps a folder with a new folder in it, on both sides (R 5.6)",
    record: { d: folder() },
    left: { "d/new": folder() },
    acts: ["CREATE_DIR_RIGHT d (5.6)", "CREATE_DIR_RIGHT d/new (5.9)"],
  },
  {
    it: "keeps a folder that a file was renamed into (R 5.6)",
    record: { a: but(A, { ino: 1 }), d: folder() },
    left: { "d/a": but(A, { ino: 1 }) },
    right: { a: but(A, { ino: 1 }) },
    acts: ["CREATE_DIR_RIGHT d (5.6)", "RENAME_RIGHT a -> d/a (5.11)"],
  },
  {
    it: "keeps a folder that an open conflict is in (section 4)",
    record: { a: but(A, { ino: 1 }), d: folder() },
    left: { "d/a": but(A, { ino: 1 }) },
    right: { b: but(A, { ino: 1 }) },
    options: { policies: { metadata_conflict: "notify" } },
    acts: ["CREATE_DIR_RIGHT d (5.6)", "OPEN a (5.13)"],
  },
]);

testRows([
  {
    it:
      "forgets a removed folder that holds an ignored file on the other side (section 3)",
    record: { "d/a": A },
    right: { "d/a": A, "d/x.tmp": IGNORED },
    acts: ["SOFT_DELETE_RIGHT d/a (5.7)"],
    records: ["record forget-directory d"],
    problems: ["right/d: kept"],
  },
  {
    it: "forgets all folders above what must be left alone (section 3)",
    record: { "d/e": folder() },
    left: { "d/e/x.tmp": IGNORED },
    acts: [],
    records: ["record forget-directory d", "record forget-directory d/e"],
    problems: ["left/d: kept"],
  },
  {
    it: "forgets a removed folder that holds a link (section 3)",
    record: { d: folder() },
    right: { "d/x": LINK },
    acts: [],
    records: ["record forget-directory d"],
    problems: ["right/d/x: symlink", "right/d: kept"],
  },
  {
    it: "keeps a folder that holds an unknown path and something new (R 5.10)",
    record: { d: folder() },
    right: { "d/x.tmp": IGNORED, "d/new": A },
    acts: ["CREATE_DIR_LEFT d (5.5)", "COPY_RIGHT_TO_LEFT d/new (5.10)"],
  },
  {
    it: "creates no folder that holds only ignored things (section 3)",
    left: { "d/x.tmp": IGNORED },
    acts: [],
    records: [],
    problems: ["left/d: kept"],
  },
  {
    it:
      "creates no folder that holds only folders of ignored things (section 3)",
    left: { "d/e/x.tmp": IGNORED },
    acts: [],
    records: [],
    problems: ["left/d: kept"],
  },
  {
    it: "creates no folder that can't be read (section 3)",
    left: { "d": problem("unreadable", folder()) },
    acts: [],
    records: [],
    problems: ["left/d: unreadable"],
  },
  {
    it: "creates the part of a new tree that holds something (R 5.9)",
    left: { "d/e/x.tmp": IGNORED, "d/f/a": A },
    acts: [
      "CREATE_DIR_RIGHT d (5.9)",
      "CREATE_DIR_RIGHT d/f (5.9)",
      "COPY_LEFT_TO_RIGHT d/f/a (5.9)",
    ],
    problems: ["left/d/e: kept"],
  },
  {
    it:
      "leaves a recorded folder alone whose name is ignored now, all below too (section 2)",
    record: { "d/a": A, "d/e/b": A },
    left: { d: problem("ignored") },
    right: { "d/a": EDIT, "d/e/new": A },
    acts: [],
    records: [],
  },
  {
    it: "makes a folder of a file without asking more of it (R 5.7)",
    record: { a: A },
    left: { "a/b/c": EDIT },
    right: { a: A },
    acts: [
      "SOFT_DELETE_RIGHT a (5.7)",
      "CREATE_DIR_RIGHT a (5.9)",
      "CREATE_DIR_RIGHT a/b (5.9)",
      "COPY_LEFT_TO_RIGHT a/b/c (5.9)",
    ],
  },
  {
    it:
      "does not take a folder with a new mount point in it for removed (section 2)",
    record: { d: folder(), "d/a": A },
    left: { d: folder({ isMount: true }), "d/a": EDIT },
    right: { d: folder(), "d/a": A },
    acts: [],
    records: [],
    problems: ["left/d: mount"],
  },
  {
    it: "copies into a folder that is a mount point and was (R 5.9)",
    record: { d: folder({ isMount: true }) },
    left: { d: folder({ isMount: true }), "d/a": A },
    right: { d: folder({ isMount: true }) },
    acts: ["COPY_LEFT_TO_RIGHT d/a (5.9)"],
  },
  {
    it: "takes up a folder again that was only held for its rows (section 3)",
    record: { d: folder({ isAgreed: false }), "d/a": A },
    left: { "d/a": A },
    right: { "d/a": A },
    acts: [],
    records: ["record put-directory d"],
  },
]);
