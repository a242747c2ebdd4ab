/**
 * The config's ignore settings as one predicate.
 *
 * @module
 */

/** Which names are left alone; every comparison ignores case. */
export interface IgnoreSettings {
  /** Of files: the part after the last dot, with or without the dot. */
  readonly extensions: readonly string[];
  /** How names of files and folders start. */
  readonly prefixes: readonly string[];
  /** Whole names of files and folders. */
  readonly names: readonly string[];
  /** Whole names of files that go with their folder; left out: none. */
  readonly junk?: readonly string[];
}

/**
 * Tells whether a name is to be ignored, and whether what has it is junk, if
 * it is a file: nobody's work, which keeps no folder.
 */
export type IgnorePredicate = (
  name: string,
  isDirectory: boolean,
) => boolean | "junk";

/**
 * Makes the predicate.
 *
 * @returns A predicate over names.
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
  if (extensions.size + prefixes.length + names.size + junk.size === 0) {
    return () => false;
  }
  return (name, isDirectory) => {
    const folded = fold(name);
    // Who names it by itself wants it to be left alone, whatever else it is.
    if (names.has(folded)) return true;
    if (!isDirectory && junk.has(folded)) return "junk";
    if (prefixes.some((prefix) => folded.startsWith(prefix))) return true;
    return !isDirectory && extensions.has(afterLastDot(folded));
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
