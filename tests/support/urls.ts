import { fileURLToPath } from "node:url";

const TESTS = new URL("../", import.meta.url);

/**
 * The absolute path of a file beside the tests.
 *
 * @param relative Relative to `tests/`.
 */
export function fromFileUrl(relative: string): string {
  return fileURLToPath(new URL(relative, TESTS));
}
