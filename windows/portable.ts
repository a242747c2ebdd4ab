/**
 * Which of the tests in `tests/` run on Windows too.
 *
 * @module
 */

/** Files of tests that are run there as they are. */
export const PORTABLE: readonly string[] = ["tests/paths_test.ts"];
