/**
 * Relative paths: their order, their parts, and the key by which two
 * spellings are the same path.
 *
 * Paths are relative to a root, with `/` between parts; `""` is the root.
 *
 * @module
 */

/** What the two roots make of names, taken together. */
export interface Folding {
  /** Either root takes `A` and `a` for one name. */
  readonly ignoresCase: boolean;
  /** Either root takes composed and decomposed letters for one name. */
  readonly ignoresNormalForm: boolean;
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
 * @param a A path.
 * @param b Another path.
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
 * @param folder The folder's path; `""` is the root.
 * @param name The name.
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
 * @param path The path in question.
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
