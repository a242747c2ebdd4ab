/**
 * The program's version.
 *
 * @module
 */

/** As `--version` prints it. */
export const VERSION = "0.1.0";
