/**
 * Soft-deleted versions: which one is meant, and which is the newest.
 *
 * @module
 */
import { comparePaths, type Folding, isWithin, keyOf } from "./paths.ts";
import type { FileFigures, Side } from "./types.ts";

/** A soft-deleted version of a file. */
export interface Version {
  /** The side in whose soft-delete folder it lies. */
  readonly side: Side;
  /** The path it had. */
  readonly path: string;
  /** The run that soft-deleted it; null where the state DB knows of none. */
  readonly run: string | null;
  /** Name of the folder of that run, among the soft-deleted files. */
  readonly folder: string;
  /** Where it lies, below the root. */
  readonly keptAt: string;
  /** When that run began, in ms since 1970. */
  readonly removedAtMs: number;
  readonly figures: FileFigures;
}

/** What is asked for. */
export interface Wanted {
  /** "" for everything. */
  readonly path: string;
  /** Everything below the path. */
  readonly isFolder: boolean;
  /** A run or the name of its folder, or how one alone begins; null: any. */
  readonly from: string | null;
}

/**
 * The versions that are asked for, by path and the newest first.
 *
 * @param versions All there are.
 * @param wanted What is asked for.
 * @param folding What the roots take for one name.
 */
export function wantedVersions(
  versions: readonly Version[],
  wanted: Wanted,
  folding: Folding,
): Version[] {
  const key = keyOf(wanted.path, folding);
  const isFrom = wanted.from === null
    ? () => true
    : runMeant(versions, wanted.from);
  return versions.filter((version) => {
    const own = keyOf(version.path, folding);
    const isMeant = wanted.isFolder ? isWithin(own, key) : own === key;
    return isMeant && isFrom(version);
  }).sort((a, b) => comparePaths(a.path, b.path) || newerFirst(a, b));
}

/** The names that a run and its folder begin with, if it is one run only. */
function runMeant(
  versions: readonly Version[],
  from: string,
): (version: Version) => boolean {
  const isMeant = ({ run, folder }: Version): boolean =>
    [run, folder].some((name) => name?.startsWith(from));
  const isNamed = ({ run, folder }: Version): boolean =>
    run === from || folder === from;
  if (versions.some(isNamed)) return isNamed;
  const runs = versions.filter(isMeant).map(({ run, folder }) => run ?? folder);
  return new Set(runs).size === 1 ? isMeant : () => false;
}

/** Removed last; of what one run removed, edited last. */
function newerFirst(a: Version, b: Version): number {
  return b.removedAtMs - a.removedAtMs ||
    b.figures.mtimeMs - a.figures.mtimeMs || comparePaths(a.side, b.side);
}

/**
 * Of each path the newest version.
 *
 * @param versions In any order.
 * @param folding What the roots take for one name.
 */
export function newestOfEach(
  versions: readonly Version[],
  folding: Folding,
): Version[] {
  const newest = new Map<string, Version>();
  for (const version of versions) {
    const key = keyOf(version.path, folding);
    const known = newest.get(key);
    if (known === undefined || newerFirst(version, known) < 0) {
      newest.set(key, version);
    }
  }
  return [...newest.values()].sort((a, b) => comparePaths(a.path, b.path));
}
