/**
 * Brings together what both scans handed on and what the record holds:
 * folder by folder, by key, and only where something differs.
 *
 * A folder that a scan did not hand on is as recorded, so its rows stand for
 * its entries; a folder that neither scan handed on is not even read.
 *
 * @module
 */
import {
  cutToTick,
  halfState,
  identityOf,
  isEqualId,
  isFresh,
  isSameId,
  type Traits,
} from "./metadata.ts";
import { whyNotOnWindows } from "./names.ts";
import {
  folderOf,
  type Folding,
  isWithin,
  joinPath,
  keyOf,
  nameOf,
} from "./paths.ts";
import {
  findFolderRenames,
  type FolderRename,
  type FolderRenames,
} from "./plan_renames.ts";
import { halfOf } from "./plan_types.ts";
import {
  type Both,
  type DirectoryRow,
  type FileId,
  type FileRow,
  type Metadata,
  otherSide,
  type Problem,
  type ProblemKind,
  type Side,
  SIDES,
} from "./types.ts";
import { entriesOf, type Listing } from "./wire_listing.ts";

// What stands in a folder on one side, be it listed or taken from the record.

/** A file of one side, before it is paired. */
export interface SideFile {
  readonly name: string;
  readonly metadata: Metadata;
  readonly isFresh: boolean;
}

/** A folder of one side, before it is paired. */
export interface SideFolder {
  readonly name: string;
  readonly isMount: boolean;
  readonly id: FileId | null;
}

/** What stands in a folder on one side. */
export interface SideEntries {
  /** The folder changed while it was scanned: what is missing may be elsewhere. */
  readonly isUnsettled: boolean;
  readonly files: readonly SideFile[];
  readonly folders: readonly SideFolder[];
}

/** A folder that is not there. */
export const EMPTY: SideEntries = {
  isUnsettled: false,
  files: [],
  folders: [],
};

/**
 * What a listing says.
 *
 * @param listing The listing.
 * @param traits Of the root it comes from.
 */
export function fromListing(listing: Listing, traits: Traits): SideEntries {
  const files: SideFile[] = [];
  const folders: SideFolder[] = [];
  for (const entry of entriesOf(listing)) {
    if (entry.kind === "directory") {
      folders.push(entry);
      continue;
    }
    const isYoung = isFresh(entry.mtimeMs, listing.lookedAtMs, traits);
    files.push({ name: entry.name, metadata: entry, isFresh: isYoung });
  }
  return { isUnsettled: listing.isUnsettled, files, folders };
}

/**
 * What the record says of a folder that is as recorded.
 *
 * @param rows Its file rows.
 * @param directories Its folders' rows.
 * @param side The side.
 */
export function fromRecord(
  rows: readonly FileRow[],
  directories: readonly DirectoryRow[],
  side: Side,
): SideEntries {
  return {
    isUnsettled: false,
    files: rows.map((row) => ({
      name: nameOf(row.path),
      metadata: row[side],
      isFresh: row[side].isFresh,
    })),
    folders: directories.filter((row) => row.isAgreed).map((row) => ({
      name: nameOf(row.path),
      isMount: row.isMount[side],
      id: row.id[side],
    })),
  };
}

/**
 * Problems by the folder they are in, then by name.
 *
 * @param problems Of one side.
 */
export function problemsByFolder(
  problems: readonly Problem[],
): Map<string, Map<string, Problem>> {
  const folders = new Map<string, Map<string, Problem>>();
  for (const problem of problems) {
    const folder = folderOf(problem.path);
    const names = folders.get(folder) ?? new Map<string, Problem>();
    names.set(nameOf(problem.path), problem);
    folders.set(folder, names);
  }
  return folders;
}

/**
 * Why what is missing in a folder may not be gone.
 *
 * @param entries What stands in the folder on a side.
 * @param problems What is to be left alone in it there, by name.
 * @returns The reason in words; null where it is gone for certain.
 */
export function whyUnsettled(
  entries: SideEntries,
  problems: ReadonlyMap<string, Problem>,
): string | null {
  if (entries.isUnsettled) {
    return "it vanished while the folders were being read";
  }
  // A name that is no Unicode can't be looked at: it may be any file.
  const isNameless = [...problems.values()].some(({ kind, metadata }) =>
    kind === "name" && metadata === null
  );
  return isNameless
    ? "it is missing, and may be the file beside it whose name can't be read: rename that one"
    : null;
}

// The folders and paths that a run has to decide about.

/** A folder on either side or in the record. */
export interface Folder {
  /** Its path, folded: what pairs it. */
  readonly key: string;
  readonly parent: Folder | null;
  /** Its name on each side; null where there is no such folder. */
  readonly name: Both<string | null>;
  /** Null where it is not recorded. */
  readonly row: DirectoryRow | null;
  /** Whether another file system begins here. */
  readonly isMount: Both<boolean>;
  /** Null where a side has no such folder, or no id for it. */
  readonly id: Both<FileId | null>;
  /** It got another name; null where it did not. */
  readonly rename: FolderRename | null;
  /** Where a side has it still, which is yet to rename it; else null. */
  readonly stillAt: Both<string | null>;
  /** Its state can't be told: it and all below is left alone. */
  readonly isFrozen: boolean;
  /** Sides on which it directly holds something to be left alone. */
  readonly holdsUnknown: { left: boolean; right: boolean };
  /** Files directly in it that go with it, where it goes. */
  readonly junk: Both<Junk[]>;
  /** All names in it, folded, that exist on a side or are left alone. */
  readonly taken: Set<string>;
}

/** A file that keeps no folder. */
export interface Junk {
  /** Its path, folded. */
  readonly key: string;
  readonly name: string;
  readonly metadata: Metadata;
  /** The name it is recorded under; its own where it is not recorded. */
  readonly rowName: string;
}

/** A name in a folder. */
export interface Location {
  readonly folder: Folder;
  readonly name: string;
}

/** A file where a scan found it. */
export interface FoundFile {
  readonly at: Location;
  readonly metadata: Metadata;
  /** Too young for its metadata to be relied on. */
  readonly isFresh: boolean;
  /**
   * It has no id, and another file of its size and mtime came or went: its
   * metadata does not tell that it is the recorded one.
   */
  readonly hasDouble: boolean;
}

/** One path: what is recorded and what each side has there, as files. */
export interface Pair {
  /** The folded path. */
  readonly key: string;
  /** Where it is recorded, or found. */
  readonly at: Location;
  readonly row: FileRow | null;
  readonly left: FoundFile | null;
  readonly right: FoundFile | null;
}

/** What is known of a child folder before it is visited. */
export interface ChildFolder {
  readonly key: string;
  readonly name: Both<string | null>;
  readonly row: DirectoryRow | null;
  readonly isMount: Both<boolean>;
  readonly id: Both<FileId | null>;
  readonly rename: FolderRename | null;
  readonly stillAt: Both<string | null>;
  readonly isFrozen: boolean;
  /** A file is still recorded at its path: the folder took its name. */
  readonly hasFileRow?: boolean;
}

/**
 * Where a folder is on a side now.
 *
 * @param folder The folder.
 * @param side The side.
 * @returns Its path there, or null where it does not exist.
 */
export function currentPath(folder: Folder, side: Side): string | null {
  if (folder.parent === null) return "";
  const stillAt = folder.stillAt[side];
  if (stillAt !== null) return stillAt;
  const name = folder.name[side];
  const parent = currentPath(folder.parent, side);
  return name === null || parent === null ? null : joinPath(parent, name);
}

/**
 * A folder's path for a message, even where a side does not have it.
 *
 * @param folder The folder.
 * @param side The side.
 */
export function spelledPath(folder: Folder, side: Side): string {
  if (folder.parent === null) return "";
  const name = folder.name[side] ?? folder.name.left ?? folder.name.right ?? "";
  return joinPath(spelledPath(folder.parent, side), name);
}

/**
 * Whether a side's file stands under another name than the row's.
 *
 * @param pair The pair.
 * @param side The side.
 */
export function isMoved(pair: Pair, side: Side): boolean {
  const found = pair[side];
  return found !== null &&
    (found.at.folder !== pair.at.folder || found.at.name !== pair.at.name);
}

// One folder: its entries on both sides and its rows, paired by key.

/** What is said of a folder whose disk was taken off. */
const NOT_MOUNTED =
  "the disk that was mounted here is not mounted now: mount it again, or, if " +
  "it is gone for good, run once with --accept-roots";

/** What pairing depends on besides the data. */
export interface PairingSettings {
  readonly traits: Both<Traits>;
  readonly folding: Folding;
  /** Give paths at which nothing differs as well. */
  readonly keepUnchanged: boolean;
  /**
   * Nothing is recorded, and equal size and mtime tell equal content: such
   * files are given as rows, not as pairs.
   */
  readonly trustsMetadata?: boolean;
  /**
   * Of each side, what {@linkcode identityOf} gives without an id of files that
   * came or went: others that it gives the same of may be those.
   */
  readonly doubles: Both<ReadonlySet<string>>;
  /** Whether files of a name are read always. */
  isSuspicious(name: string): boolean;
}

/** Problems directly in a folder, by name. */
export type ProblemsByName = ReadonlyMap<string, Problem>;

/** What is in one folder. */
export interface FolderContents {
  readonly entries: Both<SideEntries>;
  readonly problems: Both<ProblemsByName>;
  readonly rows: readonly FileRow[];
  readonly directories: readonly DirectoryRow[];
}

/** A path that is left alone. */
export interface UnknownName {
  readonly key: string;
  readonly problem: Problem;
  /** The sides on which it stands. */
  readonly on: readonly Side[];
  /** The files there: each may be one that is missed elsewhere. */
  readonly files: Both<SideFile | null>;
  /** All that stands there is junk: it keeps no folder. */
  readonly junk: Both<readonly Junk[]>;
}

/** What pairing a folder gives. */
export interface PairedFolder {
  readonly pairs: readonly Pair[];
  /** Files that both sides hold alike: see `trustsMetadata`. */
  readonly alike: readonly Alike[];
  readonly children: ChildFolder[];
  /** Every name, folded, that exists on a side or is left alone. */
  readonly taken: Iterable<string>;
  readonly unknown: readonly UnknownName[];
  /** Problems that show only here: twins, names, mount points. */
  readonly found: readonly Problem[];
}

/** A file that both sides hold, under one name and with one content. */
export interface Alike {
  readonly name: string;
  readonly metadata: Both<Metadata>;
}

/** Everything that has one key. */
interface Slot {
  readonly key: string;
  name: string;
  row: FileRow | null;
  directory: DirectoryRow | null;
  file: { left: SideFile | null; right: SideFile | null };
  folder: { left: SideFolder | null; right: SideFolder | null };
  problem: Problem | null;
  problemOn: Side[];
  junk: Problem[];
}

/**
 * Pairs what is in a folder.
 *
 * @param folder The folder.
 * @param contents What is in it.
 * @param settings Traits and folding of the roots.
 */
export function pairEntries(
  folder: Folder,
  contents: FolderContents,
  settings: PairingSettings,
): PairedFolder {
  const slots = new Slots(folder, settings);
  slots.fill(contents);
  const pairs: Pair[] = [];
  const alike: Alike[] = [];
  const children: ChildFolder[] = [];
  const unknown: UnknownName[] = [];
  for (const slot of slots.byName.values()) {
    slots.judge(slot);
    if (slot.problem !== null) {
      const { key, problem, file: files } = slot;
      const junk = slots.junkAt(slot);
      unknown.push({ key, problem, on: slot.problemOn, files, junk });
    } else if (slot.row || slot.file.left || slot.file.right) {
      const { left, right } = slot.file;
      if (left && right && isAlike(slot, left, right, settings)) {
        const metadata = { left: left.metadata, right: right.metadata };
        alike.push({ name: left.name, metadata });
        continue;
      }
      const isLeftOut = !settings.keepUnchanged && isUnchanged(slot, settings);
      if (!isLeftOut) pairs.push(toPair(folder, slot, settings));
    }
    if (slot.directory || slot.folder.left || slot.folder.right) {
      children.push(toChild(slot));
    }
  }
  const taken = slots.byName.keys();
  return { pairs, alike, children, taken, unknown, found: slots.found };
}

class Slots {
  readonly found: Problem[] = [];
  readonly #folder: Folder;
  readonly #settings: PairingSettings;
  /** By name, folded. */
  readonly byName = new Map<string, Slot>();
  /** Why what is missing may not be gone. */
  #unsettled: Both<string | null> = { left: null, right: null };

  constructor(folder: Folder, settings: PairingSettings) {
    this.#folder = folder;
    this.#settings = settings;
  }

  fill(contents: FolderContents): void {
    const { entries, problems } = contents;
    this.#unsettled = {
      left: whyUnsettled(entries.left, problems.left),
      right: whyUnsettled(entries.right, problems.right),
    };
    for (const row of contents.rows) this.#slot(nameOf(row.path)).row = row;
    for (const row of contents.directories) {
      this.#slot(nameOf(row.path)).directory = row;
    }
    for (const side of SIDES) {
      for (const file of contents.entries[side].files) {
        const slot = this.#slot(file.name);
        if (this.#isTwin(slot, side, file.name)) continue;
        slot.file[side] = file;
      }
      for (const folder of contents.entries[side].folders) {
        const slot = this.#slot(folder.name);
        if (this.#isTwin(slot, side, folder.name)) continue;
        slot.folder[side] = folder;
      }
      for (const [name, problem] of contents.problems[side]) {
        this.#setProblem(this.#slot(name), problem);
      }
    }
  }

  #slot(name: string): Slot {
    const folded = keyOf(name, this.#settings.folding);
    const known = this.byName.get(folded);
    if (known) return known;
    const slot: Slot = {
      key: joinPath(this.#folder.key, folded),
      name,
      row: null,
      directory: null,
      file: { left: null, right: null },
      folder: { left: null, right: null },
      problem: null,
      problemOn: [],
      junk: [],
    };
    this.byName.set(folded, slot);
    return slot;
  }

  /** Two names of one key on one side: which of them would be the other's? */
  #isTwin(slot: Slot, side: Side, name: string): boolean {
    const other = slot.file[side]?.name ?? slot.folder[side]?.name;
    if (other === undefined) return false;
    this.#report(
      slot,
      side,
      name,
      "twins",
      `"${other}" and "${name}" are one name to the other side: rename one of them`,
    );
    return true;
  }

  /** Finds what only shows when both sides and the record stand together. */
  judge(slot: Slot): void {
    for (const side of SIDES) {
      const other = otherSide(side);
      const found = slot.file[side] ?? slot.folder[side];
      if (found === null) {
        const why = this.#unsettled[side];
        if ((slot.row ?? slot.directory) !== null && why !== null) {
          this.#report(slot, side, slot.name, "vanished", why);
        } else if (this.#isTakenOff(slot, side)) {
          this.#report(slot, side, slot.name, "mount", NOT_MOUNTED);
        }
        continue;
      }
      const isOnOther = slot.file[other] !== null ||
        slot.folder[other] !== null;
      if (!isOnOther && this.#settings.traits[other].hasWindowsNames) {
        const why = whyNotOnWindows(found.name);
        if (why !== null) this.#report(slot, side, found.name, "name", why);
      }
      const folder = slot.folder[side];
      const recorded = slot.directory?.isMount[side];
      if (folder && recorded !== undefined && recorded !== folder.isMount) {
        const why = folder.isMount
          ? "another disk is mounted here now, which was not so before: " +
            "unmount it, or, if it is to stay, run once with --accept-roots"
          : NOT_MOUNTED;
        this.#report(slot, side, found.name, "mount", why);
      }
    }
  }

  /**
   * A disk that is taken off may take its mount point along, as automounters
   * do. Nobody deleted what is on it.
   */
  #isTakenOff(slot: Slot, side: Side): boolean {
    return slot.directory?.isMount[side] === true &&
      slot.folder[otherSide(side)] !== null &&
      currentPath(this.#folder, side) !== null;
  }

  #report(
    slot: Slot,
    side: Side,
    name: string,
    kind: ProblemKind,
    reason: string,
  ): void {
    const path = joinPath(spelledPath(this.#folder, side), name);
    const metadata = slot.file[side]?.metadata ?? null;
    const folderId = slot.folder[side]?.id ?? null;
    const problem = { side, path, kind, reason, metadata, folderId };
    this.found.push(problem);
    this.#setProblem(slot, problem);
  }

  /** What goes with the folder; nothing where anything else stands there. */
  junkAt(slot: Slot): Both<readonly Junk[]> {
    const { key, problem, file, folder, directory, junk } = slot;
    const isOther = !problem?.isJunk || directory !== null ||
      SIDES.some((side) => file[side] !== null || folder[side] !== null);
    const on = (side: Side): readonly Junk[] =>
      isOther ? [] : junk.filter((it) => it.side === side).map((it) => {
        const name = nameOf(it.path);
        const rowName = slot.row === null ? name : nameOf(slot.row.path);
        return { key, name, metadata: it.metadata!, rowName };
      });
    return { left: on("left"), right: on("right") };
  }

  #setProblem(slot: Slot, problem: Problem): void {
    if (problem.isJunk) slot.junk.push(problem);
    if (
      slot.problem === null || slot.problem.kind === "ignored" ||
      slot.problem.kind === "own"
    ) {
      slot.problem = problem;
    }
    if (!slot.problemOn.includes(problem.side)) {
      slot.problemOn.push(problem.side);
    }
  }
}

function toPair(
  folder: Folder,
  slot: Slot,
  { doubles }: PairingSettings,
): Pair {
  const found = (side: Side): FoundFile | null => {
    const file = slot.file[side];
    return file && {
      at: { folder, name: file.name },
      metadata: file.metadata,
      isFresh: file.isFresh,
      hasDouble: isDouble(file.metadata, slot.row?.[side], doubles[side]),
    };
  };
  const fileName = slot.file.left?.name ?? slot.file.right?.name ?? slot.name;
  return {
    key: slot.key,
    at: { folder, name: slot.row ? nameOf(slot.row.path) : fileName },
    row: slot.row,
    left: found("left"),
    right: found("right"),
  };
}

/** Another file may be this one: no two ids tell. */
function isDouble(
  metadata: Metadata,
  half: Metadata | undefined,
  doubles: ReadonlySet<string>,
): boolean {
  return doubles.size > 0 && (metadata.id === null || half?.id === null) &&
    doubles.has(identityOf({ ...metadata, id: null }));
}

function isUnchanged(slot: Slot, settings: PairingSettings): boolean {
  const { row } = slot;
  if (row === null) return false;
  const isSuspicious = settings.isSuspicious(slot.name);
  return SIDES.every((side) => {
    const file = slot.file[side];
    if (file === null || file.name !== nameOf(row.path)) return false;
    const { id } = file.metadata;
    if (isDouble(file.metadata, row[side], settings.doubles[side])) {
      return false;
    }
    const hasKnownId = id === null
      ? row[side].id === null
      : isSameId(id, row[side].id);
    const state = halfState(file.metadata, row[side], isSuspicious);
    return state === "same" && hasKnownId;
  });
}

/** The same as the tables come to for such a pair, at a fraction of the cost. */
function isAlike(
  { row, name }: Slot,
  left: SideFile,
  right: SideFile,
  settings: PairingSettings,
): boolean {
  if (!settings.trustsMetadata || settings.keepUnchanged || row !== null) {
    return false;
  }
  if (left.name !== right.name || left.isFresh || right.isFresh) return false;
  const { traits } = settings;
  const tickMs = Math.max(traits.left.tickMs, traits.right.tickMs);
  const [a, b] = [left.metadata, right.metadata];
  return a.sizeBytes === b.sizeBytes &&
    cutToTick(a.mtimeMs, tickMs) === cutToTick(b.mtimeMs, tickMs) &&
    !settings.isSuspicious(name);
}

function toChild(slot: Slot): ChildFolder {
  const { left, right } = slot.folder;
  return {
    key: slot.key,
    name: { left: left?.name ?? null, right: right?.name ?? null },
    row: slot.directory,
    isMount: {
      left: left?.isMount ?? false,
      right: right?.isMount ?? false,
    },
    id: { left: left?.id ?? null, right: right?.id ?? null },
    rename: null,
    stillAt: { left: null, right: null },
    isFrozen: slot.problem !== null,
    hasFileRow: slot.row !== null,
  };
}

/** What one scan handed on. */
export interface SideScan {
  /** Listings by folder, as the side spells it. */
  readonly listings: ReadonlyMap<string, Listing>;
  /** Everything that is to be left alone. */
  readonly problems: readonly Problem[];
}

/** The record, read only as far as it is needed. */
export interface RecordView {
  /** Every recorded folder by its path; the root is always there. */
  readonly directories: ReadonlyMap<string, DirectoryRow>;
  /** The rows directly in a folder. */
  filesIn(folder: string): readonly FileRow[];
  /** How many files are recorded below a folder. */
  countBelow(folder: string): number;
  /**
   * Folders of the rows that have no id on a side and of whose metadata there
   * {@linkcode identityOf} gives one of `wanted`.
   */
  foldersWithout(side: Side, wanted: ReadonlySet<string>): readonly string[];
}

/** A file that stands where it must be left alone. */
export interface Stray {
  /** As the side spells it. */
  readonly path: string;
  readonly metadata: Metadata;
  /** Why the path is left alone, in words. */
  readonly reason: string;
}

/**
 * Files that both sides hold alike where nothing is recorded: only their rows
 * are to be written. A first meeting of an office has hundreds of thousands of
 * them, so they are made from the listings when they are asked for, a folder
 * at a time, and kept nowhere.
 */
export interface AlikeFiles {
  readonly count: number;
  /** Their rows, folder by folder. */
  rows(): Iterable<readonly FileRow[]>;
  /** Whether a pair that {@linkcode Merged.pairAt} gave is one of them. */
  has(pair: Pair): boolean;
}

/** What the rest of a run works on. */
export interface Merged {
  /** Every folder that was looked at, parents first. */
  readonly folders: readonly Folder[];
  /** Every path at which something differs, or might. */
  readonly pairs: readonly Pair[];
  /** Keys of paths that are left alone, with why. */
  readonly unknown: ReadonlyMap<string, Problem>;
  /** All problems: those of the scans and those that show in pairing. */
  readonly problems: readonly Problem[];
  /** Files at paths that are left alone: each may be one missed elsewhere. */
  readonly strays: Both<readonly Stray[]>;
  /** Files that are the same on both sides of a first meeting. */
  readonly alike: AlikeFiles;
  /** Any path of a folder that was looked at, even where nothing differs. */
  pairAt(folder: Folder, key: string): Pair | null;
}

/**
 * Merges two scans and the record.
 *
 * @param scans What each scan handed on.
 * @param record What was recorded when both sides last agreed.
 * @param settings Traits of the roots and what follows from the config.
 */
export function merge(
  scans: Both<SideScan>,
  record: RecordView,
  settings: MergeSettings,
): Merged {
  const renames = findFolderRenames(scans, record, settings);
  const view = renames.all.length === 0
    ? record
    : underNewNames(record, renames);
  const none = { left: new Set<string>(), right: new Set<string>() };
  const plain = { ...settings, doubles: none };
  const merged = new Merger(scans, view, renames, plain).run();
  const doubles = doublesIn(merged);
  const isTold = SIDES.some((side) =>
    doubles[side].size > 0 &&
    (hasUnproven(merged, side) ||
      view.foldersWithout(side, doubles[side]).length > 0)
  );
  return isTold
    ? new Merger(scans, view, renames, { ...settings, doubles }).run()
    : merged;
}

/** The record as if folders had always had their new names. */
function underNewNames(record: RecordView, renames: FolderRenames): RecordView {
  const directories = new Map<string, DirectoryRow>();
  for (const row of record.directories.values()) {
    const path = renames.renamed(row.path);
    directories.set(path, { ...row, path });
  }
  return {
    directories,
    filesIn(folder) {
      const recorded = renames.recorded(folder);
      if (recorded === null || recorded === folder) {
        return recorded === null ? [] : record.filesIn(folder);
      }
      return record.filesIn(recorded).map((row) => {
        return { ...row, path: joinPath(folder, nameOf(row.path)) };
      });
    },
    countBelow: (folder) => record.countBelow(renames.recorded(folder) ?? ""),
    foldersWithout: (side, wanted) =>
      record.foldersWithout(side, wanted).map((it) => renames.renamed(it)),
  };
}

/** What merging depends on besides the data. */
export type MergeSettings = Omit<PairingSettings, "doubles">;

/**
 * Files that came or went, and that another one may be which has their metadata:
 * all of them where ids appear or get lost, else those without an id.
 */
function doublesIn(merged: Merged): Both<ReadonlySet<string>> {
  const doubles = { left: new Set<string>(), right: new Set<string>() };
  for (const side of SIDES) {
    const isAny = hasUnproven(merged, side);
    for (const pair of merged.pairs) {
      const metadata = pair[side]?.metadata ?? null;
      const moved = pair.row === null
        ? metadata
        : metadata === null
        ? pair.row[side]
        : null;
      if (moved === null || !isAny && moved.id !== null) continue;
      doubles[side].add(identityOf({ ...moved, id: null }));
    }
  }
  return doubles;
}

/** Whether a recorded file has no id now and had one, or the other way round. */
function hasUnproven({ pairs }: Merged, side: Side): boolean {
  return pairs.some((pair) => {
    const found = pair[side];
    return found !== null && pair.row !== null &&
      (found.metadata.id === null) !== (pair.row[side].id === null);
  });
}

const NO_PROBLEMS: ProblemsByName = new Map();

class Merger {
  readonly #scans: Both<SideScan>;
  readonly #record: RecordView;
  readonly #renames: FolderRenames;
  /** By the folded path that a folder has from now on. */
  readonly #renamedTo = new Map<string, FolderRename>();
  /** Folded paths at which a side still has what got another name. */
  readonly #stillAt: Both<Set<string>> = { left: new Set(), right: new Set() };
  readonly #settings: PairingSettings;
  readonly #problemsIn: Both<Map<string, Map<string, Problem>>>;
  readonly #recordedChildren = new Map<string, DirectoryRow[]>();
  readonly #differing = new Set<string>();
  /** Keys of folders whose metadata does not tell whether they are as recorded. */
  readonly #doubted = new Set<string>();
  readonly #folders: Folder[] = [];
  readonly #pairs: Pair[] = [];
  readonly #alikeIn: Folder[] = [];
  #alikeCount = 0;
  readonly #unknown = new Map<string, Problem>();
  readonly #problems: Problem[];
  readonly #strays: { left: Stray[]; right: Stray[] } = { left: [], right: [] };

  constructor(
    scans: Both<SideScan>,
    record: RecordView,
    renames: FolderRenames,
    settings: PairingSettings,
  ) {
    this.#scans = scans;
    this.#record = record;
    this.#renames = renames;
    this.#settings = settings;
    for (const rename of renames.all) {
      // A later one may have taken it along.
      const path = renames.renamed(rename.row.path);
      this.#renamedTo.set(this.#key(path), rename);
      for (const side of SIDES) {
        if (rename.by.includes(side)) continue;
        this.#stillAt[side].add(this.#key(renames.present(side, path)));
      }
    }
    this.#problems = [...scans.left.problems, ...scans.right.problems];
    this.#problemsIn = {
      left: problemsByFolder(scans.left.problems),
      right: problemsByFolder(scans.right.problems),
    };
    for (const row of record.directories.values()) {
      if (row.path === "") continue;
      const parent = folderOf(row.path);
      // Nobody may have it any more: then no listing leads there.
      if (!row.isAgreed) this.#markUp(parent);
      const siblings = this.#recordedChildren.get(parent);
      if (siblings) siblings.push(row);
      else this.#recordedChildren.set(parent, [row]);
    }
    for (const side of SIDES) {
      for (const folder of scans[side].listings.keys()) {
        this.#markUp(renames.placed(side, folder));
      }
      const doubles = settings.doubles[side];
      if (doubles.size === 0) continue;
      for (const folder of record.foldersWithout(side, doubles)) {
        this.#markUp(folder);
        this.#doubted.add(keyOf(folder, settings.folding));
      }
    }
  }

  run(): Merged {
    const root: Folder = {
      key: "",
      parent: null,
      name: { left: "", right: "" },
      row: this.#record.directories.get("") ?? null,
      isMount: { left: false, right: false },
      id: { left: null, right: null },
      rename: null,
      stillAt: { left: null, right: null },
      isFrozen: false,
      holdsUnknown: { left: false, right: false },
      junk: { left: [], right: [] },
      taken: new Set(),
    };
    this.#visit(root);
    return {
      folders: this.#folders,
      pairs: this.#pairs,
      unknown: this.#unknown,
      problems: this.#problems,
      strays: this.#strays,
      alike: {
        count: this.#alikeCount,
        rows: () => this.#alikeRows(),
        has: ({ at, key }) =>
          this.#alikeIn.includes(at.folder) &&
          this.#pairsOf(at.folder, this.#settings).alike.some(({ name }) =>
            joinPath(at.folder.key, keyOf(name, this.#settings.folding)) === key
          ),
      },
      pairAt: (folder, key) => {
        const all = { ...this.#settings, keepUnchanged: true };
        const { pairs } = this.#pairsOf(folder, all);
        return pairs.find((pair) => pair.key === key) ?? null;
      },
    };
  }

  *#alikeRows(): Iterable<readonly FileRow[]> {
    for (const folder of this.#alikeIn) {
      const path = currentPath(folder, "left")!;
      const { alike } = this.#pairsOf(folder, this.#settings);
      yield alike.map(({ name, metadata }): FileRow => ({
        path: joinPath(path, name),
        left: halfOf(metadata.left, false),
        right: halfOf(metadata.right, false),
        hash: null,
      }));
    }
  }

  /** Marks a folder that differs and all above it as worth visiting. */
  #markUp(folder: string): void {
    let key = keyOf(folder, this.#settings.folding);
    while (!this.#differing.has(key)) {
      this.#differing.add(key);
      if (key === "") return;
      key = folderOf(key);
    }
  }

  #visit(folder: Folder): void {
    this.#folders.push(folder);
    if (folder.isFrozen) return this.#straysBelow(folder);
    const isAsRecorded = !this.#doubted.has(folder.key) &&
      SIDES.every((side) =>
        folder.name[side] !== null && !this.#listingOf(folder, side)
      );
    const children = isAsRecorded
      ? this.#recordedChildrenOf(folder)
      : this.#visitEntries(folder);
    for (const found of children) {
      const child = this.#renames.all.length === 0
        ? found
        : this.#withRename(found);
      const isGone = child.name.left === null || child.name.right === null;
      const isWorthIt = isGone || child.row === null || child.isFrozen ||
        child.name.left !== nameOf(child.row.path) ||
        child.name.right !== nameOf(child.row.path) ||
        !child.row.isAgreed || child.hasFileRow || child.rename !== null ||
        this.#differing.has(child.key) ||
        SIDES.some((side) => !isEqualId(child.id[side], child.row!.id[side]));
      if (!isWorthIt) continue;
      this.#visit({
        ...child,
        parent: folder,
        holdsUnknown: { left: false, right: false },
        junk: { left: [], right: [] },
        taken: new Set(),
      });
    }
  }

  /** What was moved into a folder that is left alone is there, not gone. */
  #straysBelow(folder: Folder): void {
    const reason = this.#unknown.get(folder.key)?.reason ?? "it is left alone";
    for (const side of SIDES) {
      const path = currentPath(folder, side);
      if (path === null) continue;
      for (const listing of this.#scans[side].listings.values()) {
        if (!isWithin(listing.folder, path)) continue;
        for (const entry of entriesOf(listing)) {
          if (entry.kind !== "file") continue;
          const path = joinPath(listing.folder, entry.name);
          this.#strays[side].push({ path, metadata: entry, reason });
        }
      }
    }
  }

  #visitEntries(folder: Folder): ChildFolder[] {
    const { pairs, alike, children, taken, unknown, found } = this.#pairsOf(
      folder,
      this.#settings,
    );
    if (alike.length > 0) {
      this.#alikeIn.push(folder);
      this.#alikeCount += alike.length;
    }
    for (const pair of pairs) this.#pairs.push(pair);
    // No name is chosen in a folder in which nothing differs.
    if (pairs.length > 0) { for (const name of taken) folder.taken.add(name); }
    for (const { key, problem, on, files, junk } of unknown) {
      this.#unknown.set(key, problem);
      for (const side of on) {
        folder.junk[side].push(...junk[side]);
        if (junk[side].length === 0) folder.holdsUnknown[side] = true;
      }
      for (const side of SIDES) {
        const file = files[side];
        if (file === null) continue;
        const path = joinPath(currentPath(folder, side) ?? "", file.name);
        const { metadata } = file;
        this.#strays[side].push({ path, metadata, reason: problem.reason });
      }
    }
    this.#problems.push(...found);
    return children;
  }

  #pairsOf(folder: Folder, wanted: PairingSettings): PairedFolder {
    // Rows can only be told where nothing has to be renamed or moved first.
    const isPlain = this.#record.directories.size <= 1 &&
      currentPath(folder, "left") === currentPath(folder, "right");
    const settings = isPlain ? wanted : { ...wanted, trustsMetadata: false };
    const rows = folder.row === null
      ? []
      : this.#record.filesIn(folder.row.path);
    return pairEntries(folder, {
      entries: {
        left: this.#entriesOf(folder, "left", rows),
        right: this.#entriesOf(folder, "right", rows),
      },
      problems: {
        left: this.#problemsOf(folder, "left"),
        right: this.#problemsOf(folder, "right"),
      },
      rows,
      directories: this.#childRows(folder),
    }, settings);
  }

  #listingOf(folder: Folder, side: Side): Listing | undefined {
    const path = currentPath(folder, side);
    return path === null ? undefined : this.#scans[side].listings.get(path);
  }

  #problemsOf(folder: Folder, side: Side): ProblemsByName {
    const path = currentPath(folder, side);
    return path === null
      ? NO_PROBLEMS
      : this.#problemsIn[side].get(path) ?? NO_PROBLEMS;
  }

  /** Rows of the folders in one; what moves into a new folder has one, too. */
  #childRows(folder: Folder): readonly DirectoryRow[] {
    const path = folder.row?.path ?? spelledPath(folder, "left");
    return this.#recordedChildren.get(path) ?? [];
  }

  /** What stands in a folder on a side: listed, as recorded, or nothing. */
  #entriesOf(
    folder: Folder,
    side: Side,
    rows: readonly FileRow[],
  ): SideEntries {
    const listing = this.#listingOf(folder, side);
    if (folder.name[side] !== null && !listing && folder.row !== null) {
      return fromRecord(rows, this.#childRows(folder), side);
    }
    const listed = listing
      ? fromListing(listing, this.#settings.traits[side])
      : EMPTY;
    return this.#renames.all.length === 0
      ? listed
      : this.#underNewNames(folder, side, listed);
  }

  /** What is listed, as it will be once folders have their new names there. */
  #underNewNames(
    folder: Folder,
    side: Side,
    listed: SideEntries,
  ): SideEntries {
    const path = currentPath(folder, side);
    const stay = listed.folders.filter(({ name }) =>
      !this.#stillAt[side].has(this.#key(joinPath(path ?? "", name)))
    );
    const come = this.#childRows(folder).filter((row) => {
      const rename = this.#renamedTo.get(this.#key(row.path));
      return rename !== undefined && !rename.by.includes(side);
    });
    if (come.length === 0 && stay.length === listed.folders.length) {
      return listed;
    }
    return {
      ...listed,
      folders: [
        ...stay,
        ...come.map(({ path, isMount, id }) => {
          return { name: nameOf(path), isMount: isMount[side], id: id[side] };
        }),
      ],
    };
  }

  /** A folder that got another name, with all that is told of it. */
  #withRename(child: ChildFolder): ChildFolder {
    const rename = this.#renamedTo.get(child.key);
    if (rename === undefined || child.row === null) return child;
    const { path } = child.row;
    const stillAt = (side: Side) =>
      rename.by.includes(side) ? null : this.#renames.present(side, path);
    return {
      ...child,
      rename,
      stillAt: { left: stillAt("left"), right: stillAt("right") },
    };
  }

  #key(path: string): string {
    return keyOf(path, this.#settings.folding);
  }

  /**
   * The folders in one that both sides have just as recorded: what they agreed
   * on is there. A row that is only kept for what is in it tells of none.
   */
  #recordedChildrenOf(folder: Folder): ChildFolder[] {
    return this.#childRows(folder).map((row) => {
      const recorded = nameOf(row.path);
      const path = joinPath(folder.key, recorded);
      const name = row.isAgreed ? recorded : null;
      const isFrozen = SIDES.some((side) =>
        this.#problemsOf(folder, side).has(recorded)
      );
      return {
        key: keyOf(path, this.#settings.folding),
        name: { left: name, right: name },
        row,
        isMount: row.isMount,
        id: row.id,
        rename: null,
        stillAt: { left: null, right: null },
        isFrozen,
      };
    });
  }
}
