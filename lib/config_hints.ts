/**
 * Which keys a config knows, and which of them may have been meant.
 *
 * @module
 */
import { CONFIG_KEYS } from "./config_schema.ts";

/**
 * The keys that are allowed in a section.
 *
 * @param section Its name; "" for the top.
 */
export function keysOf(section: string): readonly string[] {
  const start = section === "" ? "" : `${section}.`;
  return CONFIG_KEYS.filter((known) => known.startsWith(start))
    .map((known) => known.slice(start.length))
    .filter((known) => !known.includes("."));
}

/**
 * What may have been meant by a key that does not exist.
 *
 * @param section The section it stands in; "" at the top.
 * @param key The key as written.
 * @returns A question, or the keys that are allowed there.
 *
 * @example A slip of the finger
 * ```ts
 * import { hintFor } from "./config_hints.ts";
 * hintFor("soft_delete", "enable"); // "did you mean enabled?"
 * ```
 */
export function hintFor(section: string, key: string): string {
  const here = keysOf(section);
  const plain = key.toLowerCase().replaceAll("-", "_");
  const near = here.map((known) => ({ known, edits: edits(plain, known) }))
    .filter((it) => it.edits <= Math.max(1, it.known.length / 3))
    .toSorted((a, b) => a.edits - b.edits)[0];
  return near ? `did you mean ${near.known}?` : `allowed: ${here.join(", ")}`;
}

/** How many letters to add, drop or change to get from one to the other. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (const [n, letter] of [...from].entries()) {
    const next = [n + 1];
    for (const [m, other] of [...to].entries()) {
      const swap = row[m]! + Number(letter !== other);
      next.push(Math.min(swap, row[m + 1]! + 1, next[m]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
