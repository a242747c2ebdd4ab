/**
 * Conflicts in sentences.
 *
 * @module
 */
import { words } from "./newer.ts";
import type { Conflict, Version } from "./plan_types.ts";
import { printable } from "./text.ts";
import { otherSide, type Side, SIDES } from "./types.ts";

/**
 * A conflict and where each version is now.
 *
 * @param conflict The conflict.
 * @param fate What becomes of a version that is replaced.
 * @param keptAt Where a replaced version is now; null where it is not kept, or
 *   not yet.
 */
export function conflictWords(
  conflict: Conflict,
  fate: string,
  keptAt: string | null,
): string {
  const { winner, policy, versions } = conflict;
  if (winner === null) return openWords(conflict);
  const loser = otherSide(winner);
  const won = versions[winner];
  const lost = versions[loser];
  const path = printable(conflict.path);
  if (conflict.kind === "metadata_conflict") {
    return `${path}: ${causeWords(conflict)}; ` +
      `those of ${words(winner)} were taken`;
  }
  const main = won
    ? `${words(winner)}'s version (${versionWords(won)}) is the file`
    : `${words(winner)}'s folder keeps the name`;
  const other = lost === null
    ? ""
    : policy === "overwrite"
    ? `; ${words(loser)}'s version (${versionWords(lost)}) is replaced, ${
      keptAt === null ? fate : `kept as ${printable(keptAt)}`
    }`
    : `; ${words(loser)}'s version (${versionWords(lost)}) is kept on both ` +
      `sides as ${printable(lost.path)}`;
  return `${path}: ${causeWords(conflict)}; ${main}${other}`;
}

/**
 * A conflict that is left for a person.
 *
 * @param conflict The conflict.
 */
export function openWords(conflict: Conflict): string {
  const versions = SIDES.map((side) => {
    const version = conflict.versions[side];
    const what = version
      ? versionWords(version)
      : fileSide(conflict) === null
      ? "a folder with a new name"
      : "a folder";
    return `${words(side)}: ${what}`;
  });
  return `${printable(conflict.path)}: ${causeWords(conflict)}, and nothing ` +
    `was touched; ${versions.join("; ")}`;
}

/**
 * What makes it a conflict. Of a file against a folder nobody can tell whether
 * the folder was changed: it may be there for what is left alone in it.
 *
 * @param conflict The conflict.
 */
export function causeWords(
  { kind, versions }: Pick<Conflict, "kind" | "versions">,
): string {
  const file = fileSide({ kind, versions });
  if (file !== null) {
    const folder = otherSide(file);
    return `a file on ${words(file)}, a folder on ${words(folder)}`;
  }
  switch (kind) {
    case "modify_modify":
      return "changed on both sides";
    case "new_new":
      return "new on both sides";
    case "metadata_conflict":
      return "name or properties changed on both sides";
  }
}

/**
 * The side of the file where a file stands against a folder.
 *
 * @param conflict The conflict.
 * @returns The side; null for a conflict of any other kind.
 */
export function fileSide(
  { kind, versions }: Pick<Conflict, "kind" | "versions">,
): Side | null {
  if (kind === "metadata_conflict") return null;
  const files = SIDES.filter((side) => versions[side] !== null);
  return files.length === 1 ? files[0]! : null;
}

/**
 * Time and size of a version.
 *
 * @param version The version.
 */
export function versionWords({ sizeBytes, mtimeMs }: Version): string {
  return `${timeWords(mtimeMs)}, ${sizeWords(sizeBytes)}`;
}

/**
 * A time for people: local, to the second.
 *
 * @param timeMs In ms since 1970.
 */
export function timeWords(timeMs: number): string {
  return new Date(timeMs).toLocaleString("sv-SE");
}

/**
 * A size for people.
 *
 * @param bytes The size in bytes.
 *
 * @example
 * ```ts
 * import { sizeWords } from "./conflict_words.ts";
 * sizeWords(1536); // "1.5 KB"
 * ```
 */
export function sizeWords(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  if (bytes === 1) return "1 byte";
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
