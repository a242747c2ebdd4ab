/**
 * Which of the tests in `tests/` run on Windows too.
 *
 * @module
 */

/**
 * Tests of what is pure, and of reading and keeping, as they are. Left out are
 * those that make links, modes or pipes, which Windows has not, or wine has
 * not; and those that start the command from its sources again and again,
 * which takes wine seconds each time.
 */
const SUBJECTS = [
  ...["changes", "cli", "config_loader", "conflict_words", "contents"],
  ...["errors", "metadata", "folders", "guard", "html_report", "ignore"],
  ...[
    "json_report",
    "listing",
    "merge",
    "merge_sparse",
    "names",
    "order",
    "paths",
  ],
  ...["printable", "record_digests", "record_store", "renames", "rules"],
  ...["sandbox", "settlement", "system_errors"],
  ...["told_conflict", "troubles", "typed_path", "windows_paths"],
];

/** Files of tests that are run there as they are. */
export const PORTABLE: readonly string[] = SUBJECTS.map((it) =>
  `tests/${it}_test.ts`
);
