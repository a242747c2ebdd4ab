/**
 * Relative paths: their order, their parts, and the key by which two
 * spellings are the same path.
 *
 * Paths are relative to a root, with `/` between parts; `""` is the root.
 *
 * @module
 */
import type { PlatformPath } from "node:path";
import { UsageError } from "./errors.ts";
import { printable, quoted } from "./text.ts";
import { type Both, SIDES } from "./types.ts";

/** What the two roots make of names, taken together. */
export interface Folding {
  /** Either root takes `A` and `a` for one name. */
  readonly ignoresCase: boolean;
  /** Either root takes composed and decomposed letters for one name. */
  readonly ignoresNormalForm: boolean;
}

/** What both roots take for one name: what either does, as far as is known. */
export function sharedFolding(roots: readonly (Folding | null)[]): Folding {
  return {
    ignoresCase: roots.some((it) => it?.ignoresCase),
    ignoresNormalForm: roots.some((it) => it?.ignoresNormalForm),
  };
}

/** Roots that take every spelling for a name of its own. */
export const NO_FOLDING: Folding = {
  ignoresCase: false,
  ignoresNormalForm: false,
};

/**
 * Orders paths by their UTF-8 bytes, as SQLite does, so that every list in
 * the program and in the state DB has one order.
 *
 * @returns Negative, zero or positive, as `Array.sort` wants it.
 *
 * @example
 * ```ts
 * import { comparePaths } from "./paths.ts";
 * ["b", "a"].sort(comparePaths); // ["a", "b"]
 * ```
 */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codeUnitRank(x) - codeUnitRank(y);
  }
  return a.length - b.length;
}

/** UTF-16 puts surrogates below U+E000; UTF-8 puts what they mean above. */
function codeUnitRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/**
 * Puts a name into a folder.
 *
 * @returns The path of the name in the folder.
 */
export function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/**
 * The folder a path is in.
 *
 * @param path A path other than the root.
 * @returns The folder's path; `""` where that is the root.
 */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/**
 * The last part of a path.
 *
 * @param path A path other than the root.
 * @returns Its name.
 */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Whether a path is a folder itself or something below it.
 *
 * @param folder The folder; everything is within the root.
 */
export function isWithin(path: string, folder: string): boolean {
  return folder === "" || path === folder ||
    path.startsWith(folder) && path[folder.length] === "/";
}

/**
 * The key of a name or path: equal keys are one path to the two roots.
 *
 * @param path A name or a path.
 * @param folding What the roots take for the same.
 * @returns The key.
 *
 * @example
 * ```ts
 * import { keyOf } from "./paths.ts";
 * keyOf("Plan.TXT", { ignoresCase: true, ignoresNormalForm: false }); // "plan.txt"
 * ```
 */
export function keyOf(path: string, folding: Folding): string {
  let key = path;
  if (folding.ignoresNormalForm) key = key.normalize("NFC");
  if (!folding.ignoresCase) return key;
  return ASCII.test(key) ? key.toLowerCase() : foldLetters(key);
}

// deno-lint-ignore no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;

/**
 * Letter by letter, as file systems do it: `ß` and `ss` are two names to them,
 * though one is the capital form of the other in a text.
 */
function foldLetters(text: string): string {
  let folded = "";
  for (const letter of text) {
    // Upper case first: it joins letters that have two lower-case forms.
    const upper = oneLetter(letter.toUpperCase(), letter);
    folded += oneLetter(upper.toLowerCase(), upper);
  }
  return folded;
}

function oneLetter(mapped: string, letter: string): string {
  return [...mapped].length === 1 ? mapped : letter;
}

// What Windows makes of paths and arguments that people write: other spellings
// of the same, and what looks like a path of a file and is none. Pure: a config
// may be meant for another system.

/** Whether a path is in full and of Windows. */
export function isWindowsPath(path: string): boolean {
  return /^(?:[A-Za-z]:[\\/]|\\\\)/u.test(path);
}

/**
 * A path without the prefix by which programs of Windows tell each other to
 * take it as it is: the same file, spelled as everything else spells it.
 *
 * @example
 * ```ts
 * import { withoutPrefix } from "./paths.ts";
 * withoutPrefix("\\\\?\\C:\\x"); // C:\x
 * withoutPrefix("\\\\?\\UNC\\server\\share"); // \\server\share
 * ```
 */
export function withoutPrefix(path: string): string {
  return path.replace(/^\\\\[?.][\\/]UNC[\\/]+(?=[^\\/])/iu, "\\\\")
    .replace(/^\\\\[?.][\\/](?=[A-Za-z]:[\\/])/u, "");
}

/** What is done with paths in full, by the rules of their system. */
export type PathRules = Pick<PlatformPath, "basename" | "dirname" | "resolve">;

/** As the runtime has them, whose module takes as long as all of a config. */
const POSIX: PathRules = {
  basename: nameOf,
  dirname: (path) => folderOf(path) || "/",
  resolve(...paths) {
    const from = paths.findLastIndex((path) => path.startsWith("/"));
    const names: string[] = [];
    for (const name of paths.slice(from).join("/").split("/")) {
      if (name === "..") names.pop();
      else if (name !== "" && name !== ".") names.push(name);
    }
    return `/${names.join("/")}`;
  },
};

function windowsRules(): PlatformPath {
  // deno-lint-ignore no-process-global
  return process.getBuiltinModule("node:path").win32;
}

/**
 * The rules of a path's system.
 *
 * @param path In full, without a slash at its end; so are all that go by them,
 *   but for the last of those that are resolved.
 *
 * @example
 * ```ts
 * import { rulesOf } from "./paths.ts";
 * rulesOf("/srv").resolve("/srv", "../office.db"); // "/office.db"
 * rulesOf("C:\\srv").resolve("C:\\srv", "office.db"); // "C:\\srv\\office.db"
 * ```
 */
export function rulesOf(path: string): PathRules {
  return isWindowsPath(path) ? windowsRules() : POSIX;
}

/**
 * Whether a path is a folder or lies in it, by the rules of its system.
 *
 * @param path In full.
 * @param folder In full.
 */
export function isInside(path: string, folder: string): boolean {
  if (isWindowsPath(path) !== isWindowsPath(folder)) return false;
  if (!isWindowsPath(folder)) return folder === "/" || isWithin(path, folder);
  const { isAbsolute, relative } = windowsRules();
  const way = relative(folder, path);
  return !isAbsolute(way) && !/^\.\.(?:[\\/]|$)/u.test(way);
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
 * import { whyNoPath } from "./paths.ts";
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

/** Whether an argument asks for help as Windows' own programs are asked. */
export function isHelpMark(arg: string): boolean {
  return arg === "/?" || arg === "-?";
}

// Paths as people type them: below a root, or with the root before them.

/** What a person means. */
export interface TypedPath {
  /** Below a root; "" for the root itself. */
  readonly path: string;
  /** All that is in it is meant. */
  readonly isFolder: boolean;
}

/**
 * Reads a path as a person types it: a leading `./`, doubled slashes and a
 * root in front are taken off, on Windows a prefix such as `\\\\?\\` too, a slash at the end makes it a folder.
 *
 * @param roots Absolute paths of the roots.
 * @param isWindows `\` is a separator as well, and case tells nothing.
 * @param realPaths The roots as the disk spells them: a person may, too.
 * @throws {UsageError} It leads out of the roots.
 *
 * @example
 * ```ts
 * import { typedPath } from "./paths.ts";
 * typedPath("./d/", { left: "/l", right: "/r" }, false);
 * // { path: "d", isFolder: true }
 * ```
 */
export function typedPath(
  typed: string,
  roots: Both<string>,
  isWindows: boolean,
  realPaths: Both<string> = roots,
): TypedPath {
  const slashed = (path: string) =>
    isWindows ? path.replaceAll("\\", "/") : path;
  const said = slashed(isWindows ? withoutPrefix(typed) : typed);
  const isAbsolute = said.startsWith("/") || isWindows && /^\w:/.test(said);
  const inRoot = SIDES.flatMap((side) =>
    isAbsolute ? [roots[side], realPaths[side]] : []
  ).map((root) => below(said, slashed(root), isWindows))
    .find((it) => it !== null);
  if (inRoot === undefined && isAbsolute) {
    throw new UsageError(`${quoted(typed)} is in neither root.`);
  }
  const path = inRoot ?? said;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    const wanted = "write the path as it is below the root";
    throw new UsageError(`${quoted(typed)}: .. is not allowed; ${wanted}.`);
  }
  const isFolder = parts.length === 0 || /\/\.?$/.test(path);
  return { path: parts.join("/"), isFolder };
}

/** What follows a root in a path; null where the path is not in it. */
function below(path: string, root: string, isWindows: boolean): string | null {
  const folder = root.replace(/\/+$/, "");
  const start = path.slice(0, folder.length);
  const isSame = isWindows
    ? start.toLowerCase() === folder.toLowerCase()
    : start === folder;
  const rest = path.slice(folder.length);
  return isSame && folder !== "" && (rest === "" || rest.startsWith("/"))
    ? rest
    : null;
}
