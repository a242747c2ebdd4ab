/**
 * Paths as they are typed into a command line.
 *
 * @module
 */
import { printable } from "./text.ts";

/** What no shell gives a meaning to. */
const PLAIN = /^[\p{L}\p{N}_./@:+,][\p{L}\p{N}_./@:+,-]*$/u;

/**
 * A path as one word of a command line, to be copied and pasted.
 *
 * @param path The path.
 * @param isWindows Whether the command line is that of Windows.
 * @returns Null where it holds what can't be typed: a control character, or
 * what turns the direction of the text, which shows as something else.
 *
 * @example
 * ```ts
 * import { shellQuoted } from "./shell_words.ts";
 * shellQuoted("Plan.xlsx", false); // Plan.xlsx
 * shellQuoted("My plan.xlsx", false); // "My plan.xlsx"
 * shellQuoted("$HOME", false); // '$HOME'
 * ```
 */
export function shellQuoted(path: string, isWindows: boolean): string | null {
  if (printable(path) !== path) return null;
  if (PLAIN.test(path)) return path;
  // Windows has no way to write a % that is surely none of a variable's, and
  // names can't hold double quotes there.
  if (isWindows) return path.includes("%") ? null : `"${path}"`;
  // In double quotes these still mean something.
  if (/["$`\\!]/.test(path)) return `'${path.replaceAll("'", `'\\''`)}'`;
  return `"${path}"`;
}
