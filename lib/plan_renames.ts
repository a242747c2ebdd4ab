/**
 * Finds files that only changed their name: a recorded path that is gone and
 * an unrecorded one that is the same file become one pair.
 *
 * A new spelling of the same key needs no finding: it is one pair already.
 *
 * @module
 */
import { identityOf, type Traits } from "./metadata.ts";
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
  type Folder,
  type FoundFile,
  type Pair,
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
        files[side].set(inFolder(folderOf(path), found.metadata), as);
      }
      const above = passingFolder(path);
      if (above !== null) {
        files[side].set(belowPassing(above, path, found.metadata), as);
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
 * @param metadata Of the file.
 */
function belowPassing(
  above: string,
  path: string,
  metadata: Metadata,
): string {
  const inside = path.slice(above.length + 1);
  return inFolder(`${folderOf(above)}//${inside}`, metadata);
}

/** Where the file of a path stands whose folder got a passing name. */
function savedAbove(
  folder: Folder,
  name: string,
  half: Metadata,
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
      add(created, sameFileKey(found.metadata), pair);
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
function sameFileKey(metadata: Metadata): string | null {
  const { id, sizeBytes, mtimeMs } = metadata;
  return id && `${identityOf(metadata)}:${sizeBytes}:${mtimeMs}`;
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

// Finds folders that only changed their name, from the top down: a recorded
// folder that is gone on a side while its id stands at one unrecorded path
// there. All that follows is decided as if it had always had its new name.

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

/** What finding depends on besides scans and record. */
export interface FolderRenameSettings {
  readonly traits: Both<Traits>;
  readonly folding: Folding;
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

  /** @param rename The next one, in terms of those before it. */
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
  settings: FolderRenameSettings,
): FolderRenames {
  return new Finder(scans, record, settings).find();
}

/** A recorded folder that stands at another path. */
interface Standing {
  /** As the side has it. */
  readonly path: string;
  readonly entry: DirectoryEntry;
}

class Finder {
  readonly #scans: Both<SideScan>;
  readonly #record: RecordView;
  readonly #settings: FolderRenameSettings;
  readonly #renames: FolderRenames;
  /** Rows by their folded path. */
  readonly #rows = new Map<string, DirectoryRow>();
  /** Ids of rows on a side, as {@linkcode keyOfId}; twice: of none. */
  readonly #rowsById: Both<Map<string, DirectoryRow | null>>;
  readonly #listings: Both<Map<string, Listing>>;
  readonly #entries = new Map<Listing, Map<string, Entry[]>>();
  /** Folded paths that are to be left alone. */
  readonly #problems: Both<Set<string>>;
  /** Recorded folders at another path, by id; twice: null. */
  readonly #standing: Both<Map<string, Standing | null>>;

  constructor(
    scans: Both<SideScan>,
    record: RecordView,
    settings: FolderRenameSettings,
  ) {
    this.#scans = scans;
    this.#record = record;
    this.#settings = settings;
    this.#renames = new FolderRenames(settings.folding);
    this.#rowsById = { left: new Map(), right: new Map() };
    this.#listings = { left: new Map(), right: new Map() };
    this.#problems = { left: new Set(), right: new Set() };
    this.#standing = { left: new Map(), right: new Map() };
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
    const found = this.#foundOf(row);
    const order = this.#renames.all.length;
    const files = this.#record.countBelow(row.path);
    return found && { ...found, files, order };
  }

  #foundOf(row: DirectoryRow): Omit<FolderRename, "files" | "order"> | null {
    const from = this.#renames.renamed(row.path);
    const to = {
      left: this.#newPath(row, "left", from),
      right: this.#newPath(row, "right", from),
    };
    if (to.left !== null && to.right !== null) {
      if (this.#key(to.left) === this.#key(to.right)) {
        const [by, at] = [SIDES, { left: from, right: from }];
        return { row, from, at, to: to.left, by, isContested: false };
      }
      for (const side of SIDES) {
        const path = to[side]!;
        const across = otherSide(side);
        if (!this.#isFree(path, across, row)) continue;
        const at = { left: from, right: from, [across]: to[across]! };
        return { row, from, at, to: path, by: [side], isContested: true };
      }
      return null;
    }
    for (const side of SIDES) {
      const path = to[side];
      const across = otherSide(side);
      if (path === null || !this.#isThere(row, across, from)) continue;
      if (!this.#isFree(path, across, row)) continue;
      const at = { left: from, right: from };
      return { row, from, at, to: path, by: [side], isContested: false };
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
      this.#isLeftAlone(it, path) || this.#isLeftAlone(it, from)
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

  #isLeftAlone(side: Side, path: string): boolean {
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
    const known = this.#entries.get(listing);
    if (known) return known;
    const entries = new Map<string, Entry[]>();
    for (const entry of entriesOf(listing)) {
      const key = this.#key(entry.name);
      const others = entries.get(key);
      if (others) others.push(entry);
      else entries.set(key, [entry]);
    }
    this.#entries.set(listing, entries);
    return entries;
  }

  #key(path: string): string {
    return keyOf(path, this.#settings.folding);
  }
}

function keyOfId({ ino, birthMs }: FileId): string {
  return `${ino}:${birthMs}`;
}
