/**
 * What Windows makes of paths and arguments that people write: other spellings
 * of the same, and what looks like a path of a file and is none. Pure: a config
 * may be meant for another system.
 *
 * @module
 */
import { printable } from "./text.ts";

/**
 * Whether a path is in full and of Windows.
 *
 * @param path The path.
 */
export function isWindowsPath(path: string): boolean {
  return /^(?:[A-Za-z]:[\\/]|\\\\)/u.test(path);
}

/**
 * A path without the prefix by which programs of Windows tell each other to
 * take it as it is: the same file, spelled as everything else spells it.
 *
 * @param path The path.
 *
 * @example
 * ```ts
 * import { withoutPrefix } from "./windows_paths.ts";
 * withoutPrefix("\\\\?\\C:\\x"); // C:\x
 * withoutPrefix("\\\\?\\UNC\\server\\share"); // \\server\share
 * ```
 */
export function withoutPrefix(path: string): string {
  return path.replace(/^\\\\[?.][\\/]UNC[\\/]+(?=[^\\/])/iu, "\\\\")
    .replace(/^\\\\[?.][\\/](?=[A-Za-z]:[\\/])/u, "");
}

/** Names of devices, whatever follows a dot, a colon or blanks. */
const DEVICE =
  /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$) *(?:[.:]|$)/iu;

/** In names; a colon would begin the name of another stream of a file. */
const FORBIDDEN = /[<>:"|?*]/u;

/**
 * Why Windows has no file or folder of a path, or another one.
 *
 * @param path The path, in full or not, without a prefix.
 * @returns What is to be written instead, to follow "allowed: "; null where the
 *   path is fine.
 *
 * @example
 * ```ts
 * import { whyNoPath } from "./windows_paths.ts";
 * whyNoPath("C:\\data "); // "C:\data", without blank or dot at the end of a name
 * whyNoPath("C:\\data"); // null
 * ```
 */
export function whyNoPath(path: string): string | null {
  if (/^[A-Za-z]:(?![\\/])/u.test(path)) return WHOLE;
  if (/^[\\/]{2}[?.](?:[\\/]|$)/u.test(path)) {
    return "a path that begins with a drive or a share, such as C:\\folder or " +
      "\\\\server\\share";
  }
  const rest = path.replace(/^[A-Za-z]:/u, "");
  for (const name of rest.split(/[\\/]+/u)) {
    if (name === "" || name === "." || name === "..") continue;
    if (DEVICE.test(name)) {
      return `another name, as ${printable(name)} is a device of Windows`;
    }
    const forbidden = FORBIDDEN.exec(name)?.[0];
    if (forbidden !== undefined) {
      return `names without ${forbidden}, which no name on Windows holds`;
    }
    if (/[. ]$/u.test(name)) {
      const told = path.replaceAll(/(?<=[^\\/. ])[. ]+(?=[\\/]|$)/gu, "");
      return `"${printable(told)}", without blank or dot at the end of a name`;
    }
  }
  return null;
}

/** What `P:` and `P:folder` are: a place that each program has for itself. */
export const WHOLE =
  "a path in full, such as P:\\ or P:\\folder: without the backslash it is wherever a program happens to be on that drive";

/**
 * What is wrong with the arguments of a program on Windows. There a backslash
 * before a closing quote takes the quote into the text, and with it all that
 * follows: another path than was meant, and none of the options.
 *
 * @param args The arguments.
 * @returns In words, with what to do; null: nothing.
 */
export function whyNoArguments(args: readonly string[]): string | null {
  const swallowed = args.find((arg) => arg.includes('"'));
  if (swallowed === undefined) return null;
  return `An argument holds a double quote, which no name on Windows does: ${
    printable(swallowed)
  }. A backslash before a closing quote takes the quote into the text, and all` +
    " that follows: leave that backslash off, or write / in its place.";
}

/**
 * Whether an argument asks for help as Windows' own programs are asked.
 *
 * @param arg The argument.
 */
export function isHelpMark(arg: string): boolean {
  return arg === "/?" || arg === "-?";
}
