/**
 * Finds files and folders that only changed their name. A recorded path of a
 * file that is gone and an unrecorded one that is the same file become one
 * pair; a recorded folder whose id stands at one unrecorded path is taken, with
 * all that is in it, as if it had always had its new name.
 *
 * A new spelling of the same key needs no finding: it is one pair already.
 *
 * @module
 */
import { identityOf, keyOfId, type Traits } from "./metadata.ts";
import { isPassing, passingFolder, whyNotOnWindows } from "./names.ts";
import type { Owner } from "./owner_files.ts";
import {
  comparePaths,
  folderOf,
  type Folding,
  isWithin,
  joinPath,
  keyOf,
  nameOf,
} from "./paths.ts";
import {
  currentPath,
  type Elsewhere,
  type Folder,
  type FolderRename,
  type Pair,
  pathOf,
  type RecordView,
  type SideScan,
  spelledPath,
} from "./plan_types.ts";
import {
  type Both,
  both,
  type DirectoryRow,
  type FileId,
  type Metadata,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";
import {
  type DirectoryEntry,
  entriesOf,
  type Entry,
  type Listing,
} from "./wire_listing.ts";

// Files.

/** What finding renames depends on besides the pairs. */
export interface RenameSettings {
  /** Folders on either side by their key: a name they hold is taken. */
  readonly folders: ReadonlyMap<string, Folder>;
  /**
   * Files at unknown paths, which might be one that is missed elsewhere, by
   * {@linkcode identityOf}.
   */
  readonly unknownFiles: Both<ReadonlyMap<string, Elsewhere>>;
  /** Paths of ignored files, by {@linkcode inFolder}. */
  readonly ignored: Both<ReadonlyMap<string, string>>;
  /** Ids that more than one recorded file of a side has: they tell nothing. */
  isSharedId(side: Side, id: FileId): boolean;
  /** Who has a path open on a side. Left out: nobody has any. */
  ownerOf?(pair: Pair, side: Side): Owner | null;
}

/** The passing or ignored name that a file has while it is being saved. */
export interface SavedAs {
  /** Null: it has none, but somebody has it open. */
  readonly as: string | null;
  /** Key of the path with that name; null for an ignored one, or for none. */
  readonly asKey: string | null;
}

/** Pairs with the renamed ones joined. */
export interface Renamed {
  readonly pairs: readonly Pair[];
  /** Paths that are gone on a side, and whose file stands at an unknown path. */
  readonly unknown: readonly {
    readonly pair: Pair;
    readonly side: Side;
    readonly elsewhere: Elsewhere;
  }[];
  /** Pairs, which are among `pairs` too, that are being saved on a side. */
  readonly saved: readonly (SavedAs & {
    readonly pair: Pair;
    readonly side: Side;
    /** Null: there is no owner file. */
    readonly owner: Owner | null;
  })[];
}

/** What is equal for one file in one folder. */
export function inFolder(folder: string, metadata: Metadata): string {
  return `${folder}/${identityOf(metadata)}`;
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
  const { folders, unknownFiles } = settings;
  const moves = both((side) => findMoves(pairs, side, settings));
  const leaving = both((side) =>
    new Set(moves[side].keys().map(({ key }) => key))
  );
  // A rename counts only where its new name is free on the other side.
  const targetOf = (pair: Pair, side: Side): Pair | null => {
    const target = moves[side].get(pair) ?? null;
    const across = otherSide(side);
    // Both sides gave the file one new name: nothing is in the way.
    if (target === null || target === moves[across].get(pair)) return target;
    // A folder that took the old name keeps it: it can't be given back.
    const isFree = !isFolderOn(folders, pair.key, side) &&
      target[across] === null && !isFolderOn(folders, target.key, across) &&
      // A folder that took the name of a renamed file: the rename would need
      // the folder, and the folder the name that the rename frees.
      !isBelow(target.folder, leaving[side]);
    return isFree ? target : null;
  };
  const taken = new Set<Pair>();
  const joined: Pair[] = [];
  const unknown: Renamed["unknown"][number][] = [];
  const saved: Renamed["saved"][number][] = [];
  const passing = both((side) => passingFiles(pairs, side));
  for (const pair of pairs) {
    const { row } = pair;
    if (row === null) continue;
    const missed = SIDES.flatMap((side) => {
      const elsewhere = pair[side] === null
        ? unknownFiles[side].get(identityOf(row[side]))
        : undefined;
      return elsewhere ? [{ pair, side, elsewhere }] : [];
    })[0];
    if (missed) {
      unknown.push(missed);
      continue;
    }
    const targets = both((side) => targetOf(pair, side));
    if (targets.left) taken.add(targets.left);
    if (targets.right) taken.add(targets.right);
    const found = both((side) => targets[side]?.[side] ?? pair[side]);
    const whole = { ...pair, ...found, ...ownersOf(pair, targets) };
    joined.push(whole);
    for (const side of SIDES) {
      const owner = settings.ownerOf?.(whole, side) ?? null;
      const as = savedAs(whole, side, owner, passing[side], settings);
      if (as !== null) saved.push({ pair: whole, side, owner, ...as });
    }
  }
  const others = pairs.filter((pair) => pair.row === null && !taken.has(pair));
  return { pairs: [...joined, ...others], unknown, saved };
}

/** The owner files where each side has its file now. */
function ownersOf(
  pair: Pair,
  targets: Both<Pair | null>,
): Pick<Pair, "owners"> | null {
  const { left, right } = targets;
  // Most have none.
  if (!pair.owners && !left?.owners && !right?.owners) return null;
  return {
    owners: both((side) => (targets[side] ?? pair).owners?.[side] ?? null),
  };
}

/**
 * Files with a passing name, by {@linkcode inFolder}, and files in a folder
 * with one, by {@linkcode belowPassing}.
 */
function passingFiles(
  pairs: readonly Pair[],
  side: Side,
): Map<string, SavedAs> {
  const files = new Map<string, SavedAs>();
  const isAnyGone = pairs.some((pair) =>
    pair.row !== null && pair[side] === null
  );
  for (const { key: asKey, [side]: found } of isAnyGone ? pairs : []) {
    if (found === null) continue;
    const as = pathOf(found, side);
    if (isPassing(as)) {
      files.set(inFolder(folderOf(as), found.metadata), { as, asKey });
    }
    const above = passingFolder(as);
    if (above !== null) {
      files.set(belowPassing(above, as, found.metadata), { as, asKey });
    }
  }
  return files;
}

/**
 * What is equal for a file at a path and itself where a folder above it only
 * got another name beside its own.
 */
function belowPassing(above: string, path: string, file: Metadata): string {
  const inside = path.slice(above.length + 1);
  return inFolder(`${folderOf(above)}//${inside}`, file);
}

/** The name under which the file of a gone path stands in its own folder. */
function savedAs(
  pair: Pair,
  side: Side,
  owner: Owner | null,
  passing: ReadonlyMap<string, SavedAs>,
  { folders, ignored }: RenameSettings,
): SavedAs | null {
  const half = pair.row?.[side];
  if (!half || pair[side] !== null) return null;
  const folder = currentPath(pair.folder, side);
  if (folder === null) {
    // Of the folders above, one that is there is not being saved.
    const path = joinPath(spelledPath(pair.folder, side), pair.name);
    for (
      let at = pair.folder;
      at.parent !== null && currentPath(at, side) === null;
      at = at.parent
    ) {
      const as = passing.get(belowPassing(spelledPath(at, side), path, half));
      if (as !== undefined) return as;
    }
    return null;
  }
  // A folder took its name: nothing is going to be saved there.
  if (isFolderOn(folders, pair.key, side)) return null;
  const file = inFolder(folder, half);
  const as = ignored[side].get(file);
  const saved = passing.get(file);
  if (saved !== undefined) return saved;
  return as === undefined && owner === null
    ? null
    : { as: as ?? null, asKey: null };
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
  { isSharedId }: RenameSettings,
): Map<Pair, Pair> {
  const moves = new Map<Pair, Pair>();
  const gone = Map.groupBy(
    pairs.filter((pair) => pair.row !== null && pair[side] === null),
    ({ row }) => sameFileKey(row![side]),
  );
  // Where nothing is gone, all that is new need not be gone through.
  if (gone.size === 0) return moves;
  const created = Map.groupBy(
    pairs.filter(({ row, [side]: found }) =>
      row === null && found !== null && !isPassing(pathOf(found, side))
    ),
    (pair) => sameFileKey(pair[side]!.metadata),
  );
  for (const [key, sources] of gone) {
    const targets = created.get(key) ?? [];
    const [source, target] = [sources[0]!, targets[0]!];
    const isOne = sources.length === 1 && targets.length === 1;
    const id = source.row![side].id;
    if (!isOne || id === null || isSharedId(side, id)) continue;
    const above = passingFolder(pathOf(target[side]!, side));
    if (above !== null && !isWithin(source.row!.path, above)) continue;
    moves.set(source, target);
  }
  return moves;
}

/** Equal for one unchanged file under two names; null where nothing tells. */
function sameFileKey(metadata: Metadata): string | null {
  const { id, sizeBytes, mtimeMs } = metadata;
  return id && `${keyOfId(id)}:${sizeBytes}:${mtimeMs}`;
}

function isBelow(folder: Folder, keys: ReadonlySet<string>): boolean {
  for (let at: Folder | null = folder; at !== null; at = at.parent) {
    if (keys.has(at.key)) return true;
  }
  return false;
}

// Folders, from the top down: a recorded folder that is gone on a side while
// its id stands at one unrecorded path there.

/** Folders under their new names, and how old and new paths go together. */
export class FolderRenames {
  /** In the order in which they are carried out; each in terms of those before. */
  readonly all: FolderRename[] = [];
  readonly #folding: Folding;

  constructor(folding: Folding) {
    this.#folding = folding;
  }

  /** Where something recorded is under the new names. */
  renamed(recorded: string): string {
    return this.all.reduce(
      (path, { from, to }) => this.#moved(path, from, to) ?? path,
      recorded,
    );
  }

  /**
   * Where the record has what is at a path under the new names; null where it
   * can have nothing: a folder left that place.
   */
  recorded(renamed: string): string | null {
    let path = renamed;
    for (const { from, to } of this.all.toReversed()) {
      const before = this.#moved(path, to, from);
      if (before === null && this.#isIn(path, from)) return null;
      path = before ?? path;
    }
    return path;
  }

  /** Where a side has now what is at a path under the new names. */
  present(side: Side, renamed: string): string {
    return this.all.filter(({ by }) => !by.includes(side)).reduceRight(
      (path, { at, to }) => this.#moved(path, to, at[side]) ?? path,
      renamed,
    );
  }

  /** Where something that a side has now is under the new names. */
  placed(side: Side, present: string): string {
    return this.all.filter(({ by }) => !by.includes(side)).reduce(
      (path, { at, to }) => this.#moved(path, at[side], to) ?? path,
      present,
    );
  }

  #isIn(path: string, folder: string): boolean {
    return isWithin(keyOf(path, this.#folding), keyOf(folder, this.#folding));
  }

  /** The part below the folder stays as it is spelled; null: it is not in it. */
  #moved(path: string, from: string, to: string): string | null {
    if (!this.#isIn(path, from)) return null;
    const depth = from.split("/").length;
    return [to, ...path.split("/").slice(depth)].join("/");
  }
}

/**
 * Finds the folders that got another name.
 *
 * @param scans What each scan handed on.
 * @param record What was recorded when both sides last agreed.
 */
export function findFolderRenames(
  scans: Both<SideScan>,
  record: RecordView,
  { traits, folding, namesFolders = "left" }: {
    readonly traits: Both<Traits>;
    readonly folding: Folding;
    /** Whose name is taken where both renamed one. */
    readonly namesFolders?: Side;
  },
): FolderRenames {
  const renames = new FolderRenames(folding);
  /** Rows by their folded path. */
  const rows = new Map<string, DirectoryRow>();
  /** Rows by their id on a side; null where two have it. */
  const rowsById = both(() => new Map<string, DirectoryRow | null>());
  /** By the folded path of the folder. */
  const listings = both(() => new Map<string, Listing>());
  const entries = new Map<Listing, Map<string, Entry[]>>();
  /** Folded paths that are unknown. */
  const problems = both(() => new Set<string>());
  /** Recorded folders at another path of a side, by id; null: at two. */
  const elsewhere = both(() =>
    new Map<
      string,
      { readonly path: string; readonly entry: DirectoryEntry } | null
    >()
  );
  const fold = (path: string) => keyOf(path, folding);

  /** Recorded folders whose id stands at another path. */
  function findCandidates(): DirectoryRow[] {
    for (const row of record.directories.values()) {
      rows.set(fold(row.path), row);
      if (!row.isAgreed || row.path === "") continue;
      for (const side of SIDES) {
        const id = row.id[side];
        if (id === null) continue;
        const isSecond = rowsById[side].has(keyOfId(id));
        rowsById[side].set(keyOfId(id), isSecond ? null : row);
      }
    }
    const found = new Set<DirectoryRow>();
    for (const side of SIDES) {
      for (const listing of scans[side].listings.values()) {
        listings[side].set(fold(listing.folder), listing);
        for (const entry of entriesOf(listing)) {
          if (entry.kind !== "directory" || entry.id === null) continue;
          const id = keyOfId(entry.id);
          const row = rowsById[side].get(id);
          if (!row) continue;
          const path = joinPath(listing.folder, entry.name);
          if (fold(path) === fold(row.path)) continue;
          const isSecond = elsewhere[side].has(id);
          elsewhere[side].set(id, isSecond ? null : { path, entry });
          found.add(row);
        }
      }
    }
    return [...found].sort((a, b) => comparePaths(a.path, b.path));
  }

  function renameOf(row: DirectoryRow): FolderRename | null {
    const from = renames.renamed(row.path);
    const files = record.countBelow(row.path);
    const found = { row, from, files, order: renames.all.length };
    const to = both((side) => newPath(row, side, from));
    const { left, right } = to;
    const isConflict = left !== null && right !== null;
    if (isConflict && fold(left) === fold(right)) {
      const at = { left: from, right: from };
      return { ...found, at, to: left, by: SIDES, isConflict: false };
    }
    for (const side of [namesFolders, otherSide(namesFolders)]) {
      const path = to[side];
      const across = otherSide(side);
      if (path === null || !isFree(path, across, row)) continue;
      if (!isConflict && !isThere(row, across, from)) continue;
      const at = { left: from, right: from, [across]: to[across] ?? from };
      return { ...found, at, to: path, by: [side], isConflict };
    }
    return null;
  }

  /** Where a folder is on a side that renamed it; null where it did not. */
  function newPath(row: DirectoryRow, side: Side, from: string): string | null {
    const id = row.id[side] && keyOfId(row.id[side]);
    if (id === null || rowsById[side].get(id) !== row) return null;
    const found = elsewhere[side].get(id);
    if (!found || found.entry.isMount || row.isMount[side]) return null;
    if (isThere(row, side, from)) return null;
    const path = renames.placed(side, found.path);
    // Another spelling is no other place, and none may come to lie in itself.
    if (isWithin(fold(path), fold(from))) return null;
    // Below a passing name nothing is renamed.
    const inside = joinPath(path, "file");
    const isPassed = isPassing(inside) || passingFolder(inside) !== null;
    if (isPassed || isRecorded(path)) return null;
    if (countAt(side, found.path) !== 1) return null;
    const isAnyUnknown = SIDES.some((it) =>
      isUnknown(it, path) || isUnknown(it, from)
    );
    return isAnyUnknown ? null : path;
  }

  /** Whether a side may have a folder put at a path. */
  function isFree(path: string, side: Side, row: DirectoryRow): boolean {
    const isHeld = !traits[side].hasWindowsNames ||
      path.split("/").every((name) => whyNotOnWindows(name) === null);
    if (row.isMount[side] || !isHeld) return false;
    const now = renames.present(side, renames.renamed(row.path));
    const folder = renames.present(side, folderOf(path));
    // It would come to lie in itself there.
    if (isWithin(fold(folder), fold(now))) return false;
    return countAt(side, joinPath(folder, nameOf(path))) === 0;
  }

  function rowAt(path: string): DirectoryRow | null {
    const recorded = renames.recorded(path);
    return recorded === null ? null : rows.get(fold(recorded)) ?? null;
  }

  /** Whether the record has something at a path, under the new names. */
  function isRecorded(path: string): boolean {
    const recorded = renames.recorded(path);
    if (recorded === null) return false;
    const folder = rows.get(fold(folderOf(recorded)));
    return rows.has(fold(recorded)) || folder !== undefined &&
        record.filesIn(folder.path).some((it) =>
          fold(it.path) === fold(recorded)
        );
  }

  function isUnknown(side: Side, path: string): boolean {
    let key = fold(renames.present(side, path));
    while (key !== "" && !problems[side].has(key)) key = folderOf(key);
    return key !== "";
  }

  /** Whether a side has a recorded folder where it is to be. */
  function isThere(row: DirectoryRow, side: Side, path: string): boolean {
    if (path === "") return true;
    const now = renames.present(side, path);
    const listing = listings[side].get(fold(folderOf(now)));
    if (listing === undefined) {
      // As recorded, if it is there at all.
      const parent = rowAt(folderOf(path));
      return parent !== null && isThere(parent, side, folderOf(path));
    }
    const [entry] = entriesIn(listing).get(fold(nameOf(now))) ?? [];
    if (entry?.kind !== "directory") return false;
    const id = row.id[side];
    if (id === null || entry.id === null) return true;
    // One whose id no row knows was made anew.
    return keyOfId(entry.id) === keyOfId(id) ||
      rowsById[side].has(keyOfId(entry.id));
  }

  /** How many things of one key stand at a path of a side. */
  function countAt(side: Side, path: string): number {
    const key = fold(path);
    const problem = problems[side].has(key) ? 1 : 0;
    const listing = listings[side].get(folderOf(key));
    if (listing) {
      return entriesIn(listing).get(fold(nameOf(path)))?.length ?? problem;
    }
    // As recorded, if there is such a folder at all.
    const folder = renames.placed(side, folderOf(path));
    const row = rowAt(folder);
    const isHere = row !== null && isThere(row, side, folder) &&
      isRecorded(joinPath(folder, nameOf(path)));
    return isHere ? 1 : problem;
  }

  function entriesIn(listing: Listing): Map<string, Entry[]> {
    let known = entries.get(listing);
    if (known === undefined) {
      known = Map.groupBy(entriesOf(listing), ({ name }) => fold(name));
      entries.set(listing, known);
    }
    return known;
  }

  // Whatever got another name makes two folders differ.
  const isQuiet = SIDES.every((side) => scans[side].listings.size === 0);
  if (isQuiet || record.directories.size <= 1) return renames;
  const candidates = findCandidates();
  if (candidates.length === 0) return renames;
  for (const side of SIDES) {
    for (const { path } of scans[side].problems) problems[side].add(fold(path));
  }
  // One that was found may be what another one waited for.
  for (let isMore = true; isMore;) {
    isMore = false;
    for (const row of candidates) {
      if (renames.all.some((it) => it.row === row)) continue;
      const rename = renameOf(row);
      if (rename === null) continue;
      renames.all.push(rename);
      isMore = true;
    }
  }
  return renames;
}
