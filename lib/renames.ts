/**
 * Finds files that only changed their name: a recorded path that is gone and
 * an unrecorded one that is the same file become one pair.
 *
 * A new spelling of the same key needs no finding: it is one pair already.
 *
 * @module
 */
import type { Folder, Pair } from "./tree.ts";
import type { Both, FileFigures, FileId, Side } from "./types.ts";
import { otherSide, SIDES } from "./types.ts";

/** What finding renames depends on besides the pairs. */
export interface RenameSettings {
  /** Folders on either side by their key: a name they hold is taken. */
  readonly folders: ReadonlyMap<string, Folder>;
  /**
   * Files that are left alone but might be one that is missed elsewhere, by
   * {@linkcode sameFileKey}.
   */
  readonly strays: Both<ReadonlySet<string>>;
  /** Ids that more than one recorded file of a side has: they tell nothing. */
  isSharedId(side: Side, id: FileId): boolean;
}

/** Pairs with the renamed ones joined. */
export interface Renamed {
  readonly pairs: readonly Pair[];
  /** Gone paths whose file stands where it must be left alone. */
  readonly unknown: readonly Pair[];
}

/**
 * Joins the two halves of each rename.
 *
 * @param pairs One for each path.
 * @param settings What else is known.
 * @returns Pairs in which a side's file may stand at another path than the
 *   row's.
 */
export function findRenames(
  pairs: readonly Pair[],
  settings: RenameSettings,
): Renamed {
  const moves = {
    left: findMoves(pairs, "left", settings),
    right: findMoves(pairs, "right", settings),
  };
  const sources = {
    left: new Set([...moves.left.keys()].map(({ key }) => key)),
    right: new Set([...moves.right.keys()].map(({ key }) => key)),
  };
  const taken = new Set<Pair>();
  const joined: Pair[] = [];
  const unknown: Pair[] = [];
  for (const pair of pairs) {
    if (pair.row === null) continue;
    if (isAmongStrays(pair, settings)) {
      unknown.push(pair);
      continue;
    }
    const to = pickTargets(pair, moves, sources, settings);
    for (const side of SIDES) if (to[side]) taken.add(to[side]);
    joined.push({
      ...pair,
      left: to.left?.left ?? pair.left,
      right: to.right?.right ?? pair.right,
    });
  }
  const others = pairs.filter((pair) => pair.row === null && !taken.has(pair));
  return { pairs: [...joined, ...others], unknown };
}

/** For each gone pair of a side, the one created pair that is the same file. */
function findMoves(
  pairs: readonly Pair[],
  side: Side,
  settings: RenameSettings,
): Map<Pair, Pair> {
  const gone = new Map<string, Pair[]>();
  const created = new Map<string, Pair[]>();
  for (const pair of pairs) {
    if (pair.row !== null && pair[side] === null) {
      add(gone, sameFileKey(pair.row[side]), pair);
    }
  }
  // Where nothing is gone, all that is new need not be gone through.
  if (gone.size === 0) return new Map();
  for (const pair of pairs) {
    const found = pair[side];
    if (pair.row === null && found !== null) {
      add(created, sameFileKey(found.figures), pair);
    }
  }
  const moves = new Map<Pair, Pair>();
  for (const [key, from] of gone) {
    const to = created.get(key) ?? [];
    const [source] = from;
    const [target] = to;
    if (from.length !== 1 || to.length !== 1 || !source || !target) continue;
    const id = source.row?.[side].id;
    if (id && !settings.isSharedId(side, id)) moves.set(source, target);
  }
  return moves;
}

/**
 * Equal for the same file under two names.
 *
 * @param figures Of the file.
 * @returns Null where the file has no id to tell it by.
 */
export function sameFileKey(figures: FileFigures): string | null {
  const { id } = figures;
  return id &&
    `${id.ino}:${id.birthMs}:${figures.sizeBytes}:${figures.mtimeMs}`;
}

function add(to: Map<string, Pair[]>, key: string | null, pair: Pair): void {
  if (key === null) return;
  const known = to.get(key);
  if (known) known.push(pair);
  else to.set(key, [pair]);
}

/** A rename counts only where its new name is free on the other side. */
function pickTargets(
  pair: Pair,
  moves: Both<Map<Pair, Pair>>,
  sources: Both<ReadonlySet<string>>,
  settings: RenameSettings,
): Both<Pair | null> {
  const isFolder = (key: string, side: Side): boolean =>
    (settings.folders.get(key)?.name[side] ?? null) !== null;
  const left = moves.left.get(pair) ?? null;
  const right = moves.right.get(pair) ?? null;
  // Both sides gave the file one new name: nothing is in the way.
  if (left !== null && left === right) return { left, right };
  const isFree = (target: Pair, side: Side): boolean =>
    target[side] === null && !isFolder(target.key, side) &&
    // A folder that took the name of a renamed file: the rename would need the
    // folder, and the folder the name that the rename frees.
    !isBelow(target.at.folder, sources[otherSide(side)]);
  // A folder that took the old name keeps it: the name can't be given back.
  return {
    left: left && !isFolder(pair.key, "left") && isFree(left, "right")
      ? left
      : null,
    right: right && !isFolder(pair.key, "right") && isFree(right, "left")
      ? right
      : null,
  };
}

function isBelow(folder: Folder, keys: ReadonlySet<string>): boolean {
  for (let at: Folder | null = folder; at !== null; at = at.parent) {
    if (keys.has(at.key)) return true;
  }
  return false;
}

/** The file of a gone path stands where it is left alone: it is not deleted. */
function isAmongStrays(pair: Pair, settings: RenameSettings): boolean {
  return SIDES.some((side) => {
    const half = pair.row?.[side];
    if (half === undefined || pair[side] !== null) return false;
    const key = sameFileKey(half);
    return key !== null && settings.strays[side].has(key);
  });
}
