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
import { identityOf, keyOfId } from "./metadata.ts";
import { isPassing, passingFolder, whyNotOnWindows } from "./names.ts";
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
  type MergeSettings,
  type Pair,
  pathOf,
  type RecordView,
  type SideScan,
  spelledPath,
} from "./plan_merge.ts";
import {
  type Both,
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
}

/** The passing or ignored name that a file has while it is being saved. */
interface SavedAs {
  readonly as: string;
  /** Key of the path with that name; null for an ignored one. */
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
  })[];
}

/**
 * What is equal for one file in one folder.
 *
 * @param folder The folder's path.
 * @param metadata Of the file.
 */
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
  const moves = {
    left: findMoves(pairs, "left", settings),
    right: findMoves(pairs, "right", settings),
  };
  const leaving = {
    left: new Set([...moves.left.keys()].map(({ key }) => key)),
    right: new Set([...moves.right.keys()].map(({ key }) => key)),
  };
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
  const passing = {
    left: passingFiles(pairs, "left"),
    right: passingFiles(pairs, "right"),
  };
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
    const [left, right] = [targetOf(pair, "left"), targetOf(pair, "right")];
    if (left) taken.add(left);
    if (right) taken.add(right);
    const whole = {
      ...pair,
      left: left?.left ?? pair.left,
      right: right?.right ?? pair.right,
    };
    joined.push(whole);
    for (const side of SIDES) {
      const as = savedAs(whole, side, passing[side], settings);
      if (as !== null) saved.push({ pair: whole, side, ...as });
    }
  }
  const others = pairs.filter((pair) => pair.row === null && !taken.has(pair));
  return { pairs: [...joined, ...others], unknown, saved };
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
  return passing.get(file) ?? (as === undefined ? null : { as, asKey: null });
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

/** A folder under its new name. */
export interface FolderRename {
  /** Its row, as it is recorded. */
  readonly row: DirectoryRow;
  /** Its path before, under the new names of folders above that were found. */
  readonly from: string;
  /** Where each side has it that has not got its new name yet. */
  readonly at: Both<string>;
  /** Its path from now on. */
  readonly to: string;
  /** The sides that have it under the new name already. */
  readonly by: readonly Side[];
  /** Both sides renamed it, and not to the same name. */
  readonly isContested: boolean;
  /** How many files are recorded in it. */
  readonly files: number;
  /** Its position among all that were found: each builds on those before. */
  readonly order: number;
}

/** Folders under their new names, and how old and new paths go together. */
export class FolderRenames {
  readonly #renames: FolderRename[] = [];
  readonly #folding: Folding;

  /** @param folding What the roots take for one name. */
  constructor(folding: Folding) {
    this.#folding = folding;
  }

  /** In the order in which they have to be carried out. */
  get all(): readonly FolderRename[] {
    return this.#renames;
  }

  /** Adds the next one, in terms of those before it. */
  add(rename: FolderRename): void {
    this.#renames.push(rename);
  }

  /**
   * Where something recorded is under the new names.
   *
   * @param path As it is recorded.
   */
  renamed(path: string): string {
    let at = path;
    for (const { from, to } of this.#renames) {
      if (this.#isIn(at, from)) at = this.#swap(at, from, to);
    }
    return at;
  }

  /**
   * Where the record has what is at a path under the new names.
   *
   * @param path Under the new names.
   * @returns Null where the record can have nothing: a folder left that place.
   */
  recorded(path: string): string | null {
    let at = path;
    for (const { from, to } of this.#renames.toReversed()) {
      if (this.#isIn(at, to)) at = this.#swap(at, to, from);
      else if (this.#isIn(at, from)) return null;
    }
    return at;
  }

  /**
   * Where a side has now what is at a path under the new names.
   *
   * @param side The side.
   * @param path Under the new names.
   */
  present(side: Side, path: string): string {
    let at = path;
    for (const rename of this.#renames.toReversed()) {
      if (rename.by.includes(side) || !this.#isIn(at, rename.to)) continue;
      at = this.#swap(at, rename.to, rename.at[side]);
    }
    return at;
  }

  /**
   * Where something that a side has now is under the new names.
   *
   * @param side The side.
   * @param path As the side has it.
   */
  placed(side: Side, path: string): string {
    let at = path;
    for (const { by, at: before, to } of this.#renames) {
      const isBehind = !by.includes(side) && this.#isIn(at, before[side]);
      if (isBehind) at = this.#swap(at, before[side], to);
    }
    return at;
  }

  #isIn(path: string, folder: string): boolean {
    const { ignoresCase, ignoresNormalForm } = this.#folding;
    if (!ignoresCase && !ignoresNormalForm) return isWithin(path, folder);
    return isWithin(keyOf(path, this.#folding), keyOf(folder, this.#folding));
  }

  /** The part below the folder stays as it is spelled. */
  #swap(path: string, from: string, to: string): string {
    const depth = from.split("/").length;
    return [to, ...path.split("/").slice(depth)].join("/");
  }
}

/**
 * Finds the folders that got another name.
 *
 * @param scans What each scan handed on.
 * @param record What was recorded when both sides last agreed.
 * @param settings Traits of the roots.
 */
export function findFolderRenames(
  scans: Both<SideScan>,
  record: RecordView,
  settings: MergeSettings,
): FolderRenames {
  return new Finder(scans, record, settings).find();
}

class Finder {
  readonly #scans: Both<SideScan>;
  readonly #record: RecordView;
  readonly #settings: MergeSettings;
  readonly #renames: FolderRenames;
  /** Rows by their folded path. */
  readonly #rows = new Map<string, DirectoryRow>();
  /** Rows by their id on a side; null where two have it. */
  readonly #rowsById = bothMaps<DirectoryRow | null>();
  /** By the folded path of the folder. */
  readonly #listings = bothMaps<Listing>();
  readonly #entries = new Map<Listing, Map<string, Entry[]>>();
  /** Folded paths that are unknown. */
  readonly #problems = {
    left: new Set<string>(),
    right: new Set<string>(),
  };
  /** Recorded folders at another path of a side, by id; null: at two. */
  readonly #standing = bothMaps<
    { readonly path: string; readonly entry: DirectoryEntry } | null
  >();

  constructor(
    scans: Both<SideScan>,
    record: RecordView,
    settings: MergeSettings,
  ) {
    this.#scans = scans;
    this.#record = record;
    this.#settings = settings;
    this.#renames = new FolderRenames(settings.folding);
  }

  find(): FolderRenames {
    // Whatever got another name makes two folders differ.
    const isQuiet = SIDES.every((side) =>
      this.#scans[side].listings.size === 0
    );
    if (isQuiet || this.#record.directories.size <= 1) return this.#renames;
    const candidates = this.#candidates();
    if (candidates.length === 0) return this.#renames;
    for (const side of SIDES) {
      for (const { path } of this.#scans[side].problems) {
        this.#problems[side].add(this.#key(path));
      }
    }
    // One that was found may be what another one waited for.
    for (let found = true; found;) {
      found = false;
      for (const row of candidates) {
        if (this.#renames.all.some((it) => it.row === row)) continue;
        const rename = this.#renameOf(row);
        if (rename === null) continue;
        this.#renames.add(rename);
        found = true;
      }
    }
    return this.#renames;
  }

  /** Recorded folders whose id stands at another path. */
  #candidates(): DirectoryRow[] {
    for (const row of this.#record.directories.values()) {
      this.#rows.set(this.#key(row.path), row);
      if (!row.isAgreed || row.path === "") continue;
      for (const side of SIDES) {
        const id = row.id[side];
        if (id === null) continue;
        const key = keyOfId(id);
        const known = this.#rowsById[side].has(key);
        this.#rowsById[side].set(key, known ? null : row);
      }
    }
    const found = new Set<DirectoryRow>();
    for (const side of SIDES) {
      for (const listing of this.#scans[side].listings.values()) {
        this.#listings[side].set(this.#key(listing.folder), listing);
        for (const entry of entriesOf(listing)) {
          if (entry.kind !== "directory" || entry.id === null) continue;
          const id = keyOfId(entry.id);
          const row = this.#rowsById[side].get(id);
          if (!row) continue;
          const path = joinPath(listing.folder, entry.name);
          if (this.#key(path) === this.#key(row.path)) continue;
          const isSecond = this.#standing[side].has(id);
          this.#standing[side].set(id, isSecond ? null : { path, entry });
          found.add(row);
        }
      }
    }
    return [...found].sort((a, b) => comparePaths(a.path, b.path));
  }

  #renameOf(row: DirectoryRow): FolderRename | null {
    const from = this.#renames.renamed(row.path);
    const files = this.#record.countBelow(row.path);
    const order = this.#renames.all.length;
    const found = { row, from, files, order };
    const to = {
      left: this.#newPath(row, "left", from),
      right: this.#newPath(row, "right", from),
    };
    const { left, right } = to;
    const isContested = left !== null && right !== null;
    if (isContested && this.#key(left) === this.#key(right)) {
      const at = { left: from, right: from };
      return { ...found, at, to: left, by: SIDES, isContested: false };
    }
    for (const side of SIDES) {
      const path = to[side];
      const across = otherSide(side);
      if (path === null || !this.#isFree(path, across, row)) continue;
      if (!isContested && !this.#isThere(row, across, from)) continue;
      const at = { left: from, right: from, [across]: to[across] ?? from };
      return { ...found, at, to: path, by: [side], isContested };
    }
    return null;
  }

  /** Where a folder is on a side that renamed it; null where it did not. */
  #newPath(row: DirectoryRow, side: Side, from: string): string | null {
    const id = row.id[side];
    if (id === null || this.#rowsById[side].get(keyOfId(id)) !== row) {
      return null;
    }
    const standing = this.#standing[side].get(keyOfId(id));
    if (!standing || standing.entry.isMount || row.isMount[side]) return null;
    if (this.#isThere(row, side, from)) return null;
    const path = this.#renames.placed(side, standing.path);
    const key = this.#key(path);
    // Another spelling is no other place, and none may come to lie in itself.
    if (isWithin(key, this.#key(from))) return null;
    // Below a passing name nothing is renamed.
    const inside = joinPath(path, "file");
    const isPassed = isPassing(inside) || passingFolder(inside) !== null;
    if (isPassed || this.#isRecorded(path)) return null;
    if (this.#countIn(side, standing.path) !== 1) return null;
    const isUnknown = SIDES.some((it) =>
      this.#isUnknown(it, path) || this.#isUnknown(it, from)
    );
    return isUnknown ? null : path;
  }

  /** Whether a side may have a folder put at a path. */
  #isFree(path: string, side: Side, row: DirectoryRow): boolean {
    const { traits } = this.#settings;
    if (row.isMount[side]) return false;
    const isHeld = !traits[side].hasWindowsNames ||
      path.split("/").every((name) => whyNotOnWindows(name) === null);
    if (!isHeld) return false;
    const now = this.#renames.present(side, this.#renames.renamed(row.path));
    const folder = this.#renames.present(side, folderOf(path));
    // It would come to lie in itself there.
    if (isWithin(this.#key(folder), this.#key(now))) return false;
    return this.#countIn(side, joinPath(folder, nameOf(path))) === 0;
  }

  /** Whether the record has something at a path, under the new names. */
  #isRecorded(path: string): boolean {
    const recorded = this.#renames.recorded(path);
    if (recorded === null) return false;
    if (this.#rows.has(this.#key(recorded))) return true;
    const folder = this.#rows.get(this.#key(folderOf(recorded)));
    return folder !== undefined &&
      this.#record.filesIn(folder.path).some((it) =>
        this.#key(it.path) === this.#key(recorded)
      );
  }

  #isUnknown(side: Side, path: string): boolean {
    let key = this.#key(this.#renames.present(side, path));
    while (key !== "") {
      if (this.#problems[side].has(key)) return true;
      key = folderOf(key);
    }
    return false;
  }

  /** Whether a side has a recorded folder where it is to be. */
  #isThere(row: DirectoryRow, side: Side, path: string): boolean {
    if (path === "") return true;
    const now = this.#renames.present(side, path);
    const listing = this.#listings[side].get(this.#key(folderOf(now)));
    if (listing === undefined) {
      // As recorded, if it is there at all.
      const parent = this.#recordedAt(folderOf(path));
      return parent !== null && this.#isThere(parent, side, folderOf(path));
    }
    const [entry] = this.#entriesIn(listing).get(this.#key(nameOf(now))) ?? [];
    if (entry?.kind !== "directory") return false;
    const id = row.id[side];
    if (id === null || entry.id === null) return true;
    // One whose id no row knows was made anew.
    return keyOfId(entry.id) === keyOfId(id) ||
      this.#rowsById[side].has(keyOfId(entry.id));
  }

  #recordedAt(path: string): DirectoryRow | null {
    const recorded = this.#renames.recorded(path);
    return recorded === null
      ? null
      : this.#rows.get(this.#key(recorded)) ?? null;
  }

  /** How many things of one key stand at a path of a side. */
  #countIn(side: Side, path: string): number {
    const key = this.#key(path);
    const isProblem = this.#problems[side].has(key);
    const listing = this.#listings[side].get(folderOf(key));
    const own = this.#key(nameOf(path));
    if (listing) {
      const found = this.#entriesIn(listing).get(own)?.length ?? 0;
      return found + (isProblem && found === 0 ? 1 : 0);
    }
    // As recorded, if there is such a folder at all.
    const folder = this.#renames.placed(side, folderOf(path));
    const row = this.#recordedAt(folder);
    const isThere = row !== null && this.#isThere(row, side, folder);
    const isHere = isThere && this.#isRecorded(joinPath(folder, nameOf(path)));
    return isProblem || isHere ? 1 : 0;
  }

  #entriesIn(listing: Listing): Map<string, Entry[]> {
    let entries = this.#entries.get(listing);
    if (entries === undefined) {
      entries = Map.groupBy(entriesOf(listing), ({ name }) => this.#key(name));
      this.#entries.set(listing, entries);
    }
    return entries;
  }

  #key(path: string): string {
    return keyOf(path, this.#settings.folding);
  }
}

function bothMaps<T>(): Both<Map<string, T>> {
  return { left: new Map(), right: new Map() };
}
