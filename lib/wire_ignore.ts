/**
 * The config's ignore settings as one predicate.
 *
 * @module
 */

/** A pattern over paths, compiled. */
export interface PathPattern {
  /**
   * A regular expression over a path below the root, composed; a folder's ends
   * with `/`.
   */
  readonly source: string;
  readonly ignoresCase: boolean;
  /** What it matches is not ignored, whatever patterns before it say. */
  readonly isException: boolean;
}

/** Which names are left alone; every comparison of names ignores case. */
export interface IgnoreSettings {
  /** Of files: the part after the last dot, with or without the dot. */
  readonly extensions: readonly string[];
  /** How names of files and folders start. */
  readonly prefixes: readonly string[];
  /** Whole names of files and folders. */
  readonly names: readonly string[];
  /** Whole names of files that go with their folder; left out: none. */
  readonly junk?: readonly string[];
  /** Over paths; the last that matches decides. Left out: none. */
  readonly paths?: readonly PathPattern[];
}

/**
 * Tells whether what stands in a folder is to be ignored, and whether it is
 * junk, if it is a file: nobody's work, which keeps no folder.
 *
 * @param folder Path of the folder, which is not ignored itself; left out: the
 *   root.
 */
export type IgnorePredicate = (
  name: string,
  isDirectory: boolean,
  folder?: string,
) => boolean | "junk";

/**
 * Makes the predicate.
 *
 * @returns A predicate over what stands in a folder.
 *
 * @example
 * ```ts
 * import { ignorePredicate } from "./wire_ignore.ts";
 * const isIgnored = ignorePredicate({
 *   extensions: ["tmp"],
 *   prefixes: ["~$"],
 *   names: ["Thumbs.db"],
 * });
 * isIgnored("a.TMP", false); // true
 * ```
 */
export function ignorePredicate(settings: IgnoreSettings): IgnorePredicate {
  const extensions = new Set(
    settings.extensions.map((text) => fold(text).replace(/^\./, "")),
  );
  const prefixes = settings.prefixes.map(fold);
  const names = new Set(settings.names.map(fold));
  const junk = new Set((settings.junk ?? []).map(fold));
  const { paths = [] } = settings;
  const byPath = paths.length === 0 ? null : patternMatcher(paths);
  const isNamed =
    extensions.size + prefixes.length + names.size + junk.size > 0;
  if (!isNamed && byPath === null) return () => false;
  // All that is named matches this, and little else does: of most names a scan
  // needs no more than one test.
  const mayBeNamed = new RegExp(
    [
      `^${anyOf([...names, ...junk])}$`,
      `^${anyOf(prefixes)}`,
      `${anyOf([...extensions])}$`,
    ].join("|"),
  );
  return (name, isDirectory, folder = "") => {
    const folded = fold(name);
    if (mayBeNamed.test(folded)) {
      // Who names it by itself wants it to be left alone, whatever else it is.
      if (names.has(folded)) return true;
      if (!isDirectory && junk.has(folded)) return "junk";
      if (prefixes.some((prefix) => folded.startsWith(prefix))) return true;
      if (!isDirectory && extensions.has(afterLastDot(folded))) return true;
    }
    if (byPath === null) return false;
    const at = byPath(folder === "" ? name : `${folder}/${name}`, isDirectory);
    return at >= 0 && !paths[at]!.isException;
  };
}

/** A regular expression that matches any of these texts, and nothing else. */
function anyOf(texts: readonly string[]): string {
  const any = texts.map(RegExp.escape).join("|");
  return texts.length === 0 ? "(?!)" : `(?:${any})`;
}

/**
 * Makes what tells which pattern decides about a path, none of whose folders
 * is ignored.
 *
 * @returns Gives its position; -1 where none matches.
 */
export function patternMatcher(
  patterns: readonly PathPattern[],
): (path: string, isDirectory: boolean) => number {
  const all = patterns.map(({ source, ignoresCase }) =>
    new RegExp(source, ignoresCase ? "i" : "")
  );
  return (path, isDirectory) => {
    const text = path.normalize("NFC") + (isDirectory ? "/" : "");
    return all.findLastIndex((it) => it.test(text));
  };
}

/**
 * The part of a name after its last dot, in lower case.
 *
 * @returns The extension without its dot; the empty text where there is none.
 */
export function extensionOf(name: string): string {
  return fold(afterLastDot(name));
}

function afterLastDot(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1);
}

/** Composed and in lower case, so that config and disk may differ in both. */
function fold(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
