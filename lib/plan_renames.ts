/**
 * Finds files that only changed their name: a recorded path that is gone and
 * an unrecorded one that is the same file become one pair.
 *
 * A new spelling of the same key needs no finding: it is one pair already.
 *
 * @module
 */
import { identityOf } from "./metadata.ts";
import { isPassing, passingFolder } from "./names.ts";
import { folderOf, isWithin, joinPath } from "./paths.ts";
import {
  currentPath,
  type Folder,
  type FoundFile,
  type Pair,
  spelledPath,
} from "./tree.ts";
import {
  type Both,
  type FileFigures,
  type FileId,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";

/** What finding renames depends on besides the pairs. */
export interface RenameSettings {
  /** Folders on either side by their key: a name they hold is taken. */
  readonly folders: ReadonlyMap<string, Folder>;
  /**
   * Files that are left alone but might be one that is missed elsewhere, by
   * {@linkcode identityOf}.
   */
  readonly strays: Both<ReadonlyMap<string, Elsewhere>>;
  /** Paths of ignored files, by {@linkcode inFolder}. */
  readonly ignored: Both<ReadonlyMap<string, string>>;
  /** Ids that more than one recorded file of a side has: they tell nothing. */
  isSharedId(side: Side, id: FileId): boolean;
}

/** Where a file stands that is missed at its recorded path. */
export interface Elsewhere {
  /** As the side spells it. */
  readonly path: string;
  /** Why it is left alone there, in words. */
  readonly reason: string;
}

/** A path that is gone on a side, and where its file stands. */
export interface Missed {
  readonly pair: Pair;
  readonly side: Side;
  readonly elsewhere: Elsewhere;
}

/** A path that is gone on a side while a program saves its file. */
export interface BeingSaved {
  readonly pair: Pair;
  readonly side: Side;
  /** The passing or ignored name that its file has meanwhile. */
  readonly as: string;
  /** Key of the path with that name; null for an ignored one. */
  readonly asKey: string | null;
}

/** Pairs with the renamed ones joined. */
export interface Renamed {
  readonly pairs: readonly Pair[];
  /** Gone paths whose file stands where it must be left alone. */
  readonly unknown: readonly Missed[];
  /** Pairs, which are among `pairs` too, that are being saved on a side. */
  readonly saved: readonly BeingSaved[];
}

/**
 * What is equal for one file in one folder.
 *
 * @param folder The folder's path.
 * @param figures Of the file.
 */
export function inFolder(folder: string, figures: FileFigures): string {
  return `${folder}/${identityOf(figures)}`;
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
  const unknown: Missed[] = [];
  const saved: BeingSaved[] = [];
  const passing = passingFiles(pairs);
  for (const pair of pairs) {
    if (pair.row === null) continue;
    const missed = amongStrays(pair, settings);
    if (missed !== null) {
      unknown.push(missed);
      continue;
    }
    const to = pickTargets(pair, moves, sources, settings);
    for (const side of SIDES) if (to[side]) taken.add(to[side]);
    const whole = {
      ...pair,
      left: to.left?.left ?? pair.left,
      right: to.right?.right ?? pair.right,
    };
    joined.push(whole);
    for (const side of SIDES) {
      const as = savedAs(whole, side, passing, settings);
      if (as !== null) saved.push({ pair: whole, side, ...as });
    }
  }
  const others = pairs.filter((pair) => pair.row === null && !taken.has(pair));
  return { pairs: [...joined, ...others], unknown, saved };
}

type SavedAs = Pick<BeingSaved, "as" | "asKey">;

/** Files with a passing name, by {@linkcode inFolder}. */
function passingFiles(pairs: readonly Pair[]): Both<Map<string, SavedAs>> {
  const files = {
    left: new Map<string, SavedAs>(),
    right: new Map<string, SavedAs>(),
  };
  for (const side of SIDES) {
    if (!pairs.some((pair) => pair.row !== null && pair[side] === null)) {
      continue;
    }
    for (const pair of pairs) {
      const found = pair[side];
      if (found === null) continue;
      const path = pathOf(found, side);
      const as = { as: path, asKey: pair.key };
      if (isPassing(path)) {
        files[side].set(inFolder(folderOf(path), found.figures), as);
      }
      const above = passingFolder(path);
      if (above !== null) {
        files[side].set(belowPassing(above, path, found.figures), as);
      }
    }
  }
  return files;
}

/**
 * What is equal for a file and itself in a folder that only got another name
 * beside its own.
 *
 * @param above The folder.
 * @param path Of the file, below it.
 * @param figures Of the file.
 */
function belowPassing(
  above: string,
  path: string,
  figures: FileFigures,
): string {
  const inside = path.slice(above.length + 1);
  return inFolder(`${folderOf(above)}//${inside}`, figures);
}

/** Where the file of a path stands whose folder got a passing name. */
function savedAbove(
  folder: Folder,
  name: string,
  half: FileFigures,
  side: Side,
  passing: ReadonlyMap<string, SavedAs>,
): SavedAs | null {
  const path = joinPath(spelledPath(folder, side), name);
  for (let at = folder; at.parent !== null; at = at.parent) {
    // A folder that is there is not being saved.
    if (currentPath(at, side) !== null) break;
    const as = passing.get(belowPassing(spelledPath(at, side), path, half));
    if (as !== undefined) return as;
  }
  return null;
}

/** The name under which the file of a gone path stands in its own folder. */
function savedAs(
  pair: Pair,
  side: Side,
  passing: Both<ReadonlyMap<string, SavedAs>>,
  { folders, ignored }: RenameSettings,
): SavedAs | null {
  const half = pair.row?.[side];
  const folder = currentPath(pair.at.folder, side);
  if (!half || pair[side] !== null) return null;
  if (folder === null) {
    const { at: { folder, name } } = pair;
    return savedAbove(folder, name, half, side, passing[side]);
  }
  // A folder took its name: nothing is going to be saved there.
  if (isFolderOn(folders, pair.key, side)) return null;
  const file = inFolder(folder, half);
  const as = ignored[side].get(file);
  return passing[side].get(file) ??
    (as === undefined ? null : { as, asKey: null });
}

function pathOf({ at }: FoundFile, side: Side): string {
  return joinPath(currentPath(at.folder, side) ?? "", at.name);
}

function isFolderOn(
  folders: RenameSettings["folders"],
  key: string,
  side: Side,
): boolean {
  return (folders.get(key)?.name[side] ?? null) !== null;
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
    if (
      pair.row === null && found !== null && !isPassing(pathOf(found, side))
    ) {
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
    if (!id || settings.isSharedId(side, id)) continue;
    const above = passingFolder(pathOf(target[side]!, side));
    if (above !== null && !isWithin(source.row!.path, above)) continue;
    moves.set(source, target);
  }
  return moves;
}

/** Equal for one unchanged file under two names; null where nothing tells. */
function sameFileKey(figures: FileFigures): string | null {
  const { id, sizeBytes, mtimeMs } = figures;
  return id && `${identityOf(figures)}:${sizeBytes}:${mtimeMs}`;
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
    isFolderOn(settings.folders, key, side);
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
function amongStrays(pair: Pair, { strays }: RenameSettings): Missed | null {
  for (const side of SIDES) {
    const half = pair.row?.[side];
    if (half === undefined || pair[side] !== null) continue;
    const elsewhere = strays[side].get(identityOf(half));
    if (elsewhere !== undefined) return { pair, side, elsewhere };
  }
  return null;
}
