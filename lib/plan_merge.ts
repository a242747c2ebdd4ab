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
  halfState,
  identityOf,
  isEqualId,
  isFresh,
  isSameId,
  isSameTime,
  type Traits,
} from "./metadata.ts";
import { whyNotOnWindows } from "./names.ts";
import { documentsOf, isOwnerName, type Owner } from "./owner_files.ts";
import {
  folderOf,
  type Folding,
  isWithin,
  joinPath,
  keyOf,
  nameOf,
} from "./paths.ts";
import { findFolderRenames, type FolderRenames } from "./plan_renames.ts";
import {
  currentPath,
  type Elsewhere,
  type Folder,
  type FolderRename,
  type FoundFile,
  halfOf,
  type OwnedDocument,
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
  type FileRow,
  type Metadata,
  otherSide,
  type Problem,
  type ProblemKind,
  type RecordedHalf,
  type Side,
  SIDES,
} from "./types.ts";
import {
  type DirectoryEntry,
  entriesOf,
  type Listing,
} from "./wire_listing.ts";

/** What merging depends on besides the data. */
export interface MergeSettings {
  readonly traits: Both<Traits>;
  readonly folding: Folding;
  /** Give paths at which nothing differs as well. */
  readonly keepUnchanged: boolean;
  /**
   * Nothing is recorded, and equal size and mtime tell equal content: such
   * files are given as rows, not as pairs.
   */
  readonly trustsMetadata?: boolean;
  /** Whose name a folder gets to which both gave a new one; left out: Left's. */
  readonly namesFolders?: Side;
  /** Whether files of a name are read always. */
  isSuspicious(name: string): boolean;
}

/** A file at an unknown path. */
export interface UnknownFile extends Elsewhere {
  readonly metadata: Metadata;
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
  /** Keys of unknown paths, with why. */
  readonly unknown: ReadonlyMap<string, Problem>;
  /** All problems: those of the scans and those that show in pairing. */
  readonly problems: readonly Problem[];
  /** Documents with an owner file, in all folders that were looked into. */
  readonly owned: readonly OwnedDocument[];
  /** Files at unknown paths: each may be one that is missed elsewhere. */
  readonly unknownFiles: Both<readonly UnknownFile[]>;
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
  const none = both(() => new Set<string>());
  const merged = mergeOnce(scans, view, renames, settings, none);
  const doubles = doublesIn(merged);
  const isTold = SIDES.some((side) =>
    doubles[side].size > 0 &&
    (hasUnproven(merged, side) ||
      view.foldersWithout(side, doubles[side]).length > 0)
  );
  return isTold ? mergeOnce(scans, view, renames, settings, doubles) : merged;
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

/**
 * Files that came or went, and that another one may be which has their metadata:
 * all of them where ids appear or get lost, else those without an id.
 */
function doublesIn(merged: Merged): Both<ReadonlySet<string>> {
  return both((side) => {
    const isAny = hasUnproven(merged, side);
    const doubles = new Set<string>();
    for (const { row, [side]: found } of merged.pairs) {
      // Recorded and there: it did not move.
      if (row !== null && found !== null) continue;
      const moved = found?.metadata ?? row?.[side];
      if (!moved || !isAny && moved.id !== null) continue;
      doubles.add(identityOf({ ...moved, id: null }));
    }
    return doubles;
  });
}

/** Whether a recorded file has no id now and had one, or the other way round. */
function hasUnproven({ pairs }: Merged, side: Side): boolean {
  return pairs.some((pair) => {
    const found = pair[side];
    return found !== null && pair.row !== null &&
      (found.metadata.id === null) !== (pair.row[side].id === null);
  });
}

/** What is said of a folder whose disk was taken off. */
const NOT_MOUNTED =
  "the disk that was mounted here is not mounted now: mount it again, or, if " +
  "it is gone for good, run once with --accept-roots";

const NEWLY_MOUNTED =
  "another disk is mounted here now, which was not so before: unmount it, " +
  "or, if it is to stay, run once with --accept-roots";

const NONE: ReadonlyMap<string, Problem> = new Map();

/** A folder of one side, before it is paired. */
type SideFolder = Omit<DirectoryEntry, "kind">;

/** Everything in a folder that has one key. */
interface Slot {
  readonly key: string;
  readonly name: string;
  row: FileRow | null;
  left: FoundFile | null;
  right: FoundFile | null;
  directory: DirectoryRow | null;
  readonly folders: { left: SideFolder | null; right: SideFolder | null };
  /** Why it is unknown; null where it is not. */
  problems: Problem[] | null;
  /** Left out: there are none. */
  owners?: { left: Owner | null; right: Owner | null };
}

/**
 * @param doubles Of each side, what {@linkcode identityOf} gives without an id
 *   of files that came or went: others that it gives the same of may be those.
 */
function mergeOnce(
  scans: Both<SideScan>,
  record: RecordView,
  renames: FolderRenames,
  settings: MergeSettings,
  doubles: Both<ReadonlySet<string>>,
): Merged {
  const { traits, folding, keepUnchanged, isSuspicious } = settings;
  const fold = (path: string) => keyOf(path, folding);
  /** By the folded path that a folder has from now on. */
  const renamedTo = new Map<string, FolderRename>();
  /** Folded paths at which a side still has what got another name. */
  const stillAt = both(() => new Set<string>());
  /** By folder, then by name. */
  const problemsIn = both(() => new Map<string, Map<string, Problem>>());
  const recordedIn = new Map<string, DirectoryRow[]>();
  /** Keys of folders that differ, and of all above them. */
  const differing = new Set<string>();
  /** Keys of folders whose metadata does not tell whether they are as recorded. */
  const doubted = new Set<string>();

  const folders: Folder[] = [];
  const pairs: Pair[] = [];
  const alikeIn = new Set<Folder>();
  let alikeCount = 0;
  const unknown = new Map<string, Problem>();
  const problems = [...scans.left.problems, ...scans.right.problems];
  const unknownFiles = both((): UnknownFile[] => []);
  const owned: OwnedDocument[] = [];

  function markUp(folder: string): void {
    let key = fold(folder);
    while (!differing.has(key)) {
      differing.add(key);
      if (key === "") return;
      key = folderOf(key);
    }
  }

  function newFolder(
    parent: Folder | null,
    found: Pick<
      Folder,
      "key" | "name" | "row" | "isMount" | "id" | "isUnknown"
    >,
  ): Folder {
    const { key, row } = found;
    const rename = row && renamedTo.get(key) || null;
    return {
      ...found,
      parent,
      rename,
      stillAt: both((side) =>
        rename === null || rename.by.includes(side)
          ? null
          : renames.present(side, row!.path)
      ),
      holdsUnknown: { left: false, right: false },
      junk: { left: [], right: [] },
      taken: new Set(),
    };
  }

  function visit(folder: Folder): void {
    folders.push(folder);
    if (folder.isUnknown) return noteFilesBelow(folder);
    const isAsRecorded = !doubted.has(folder.key) &&
      SIDES.every((side) =>
        folder.name[side] !== null && !listingOf(folder, side)
      );
    const children = isAsRecorded
      ? childrenAsRecorded(folder)
      : childrenIn(folder);
    for (const child of children) visit(child);
  }

  /** What was moved into an unknown folder is there, not gone. */
  function noteFilesBelow(folder: Folder): void {
    const reason = unknown.get(folder.key)?.reason ?? "it is left alone";
    for (const side of SIDES) {
      const path = currentPath(folder, side);
      if (path === null) continue;
      for (const listing of scans[side].listings.values()) {
        if (!isWithin(listing.folder, path)) continue;
        for (const entry of entriesOf(listing)) {
          if (entry.kind !== "file") continue;
          const path = joinPath(listing.folder, entry.name);
          unknownFiles[side].push({ path, metadata: entry, reason });
        }
      }
    }
  }

  /**
   * Folders worth visiting in one that both sides have just as recorded: what
   * they agreed on is there. A row that only stays for what is in it tells of
   * none.
   */
  function childrenAsRecorded(folder: Folder): Folder[] {
    return rowsIn(folder).flatMap((row) => {
      const recorded = nameOf(row.path);
      const key = fold(joinPath(folder.key, recorded));
      const isUnknown = SIDES.some((side) =>
        problemsOf(folder, side).has(recorded)
      );
      const isAsRecorded = row.isAgreed && !isUnknown &&
        !differing.has(key) && !renamedTo.has(key);
      if (isAsRecorded) return [];
      const name = both(() => row.isAgreed ? recorded : null);
      const { isMount, id } = row;
      return [newFolder(folder, { key, name, row, isMount, id, isUnknown })];
    });
  }

  /** Notes all paths of a folder, and gives the folders worth visiting. */
  function childrenIn(folder: Folder): Folder[] {
    const { slots, found } = slotsOf(folder);
    // Rows can only be told where nothing has to be renamed or moved first.
    const mayBeAlike = settings.trustsMetadata === true && !keepUnchanged &&
      record.directories.size <= 1 &&
      currentPath(folder, "left") === currentPath(folder, "right");
    const before = pairs.length;
    const children: Folder[] = [];
    for (const slot of slots.values()) {
      const { key, row, left, right, directory, folders } = slot;
      const isUnknown = slot.problems !== null;
      noteOwned(folder, slot);
      if (isUnknown) noteUnknown(folder, slot);
      else if (row || left || right) {
        if (mayBeAlike && isAlike(slot)) {
          alikeIn.add(folder);
          alikeCount++;
        } else if (keepUnchanged || !isUnchanged(slot)) {
          pairs.push(pairOf(folder, slot));
        }
      }
      if (!directory && !folders.left && !folders.right) continue;
      const child = newFolder(folder, {
        key,
        name: both((side) => folders[side]?.name ?? null),
        row: directory,
        isMount: both((side) => folders[side]?.isMount ?? false),
        id: both((side) => folders[side]?.id ?? null),
        isUnknown,
      });
      // Or a file is still recorded at its path: the folder took its name.
      if (row !== null || isWorthVisiting(child)) children.push(child);
    }
    // No name is chosen in a folder in which nothing differs.
    if (pairs.length > before) {
      for (const name of slots.keys()) folder.taken.add(name);
    }
    problems.push(...found);
    return children;
  }

  function isWorthVisiting(folder: Folder): boolean {
    const { key, row, name, id, isUnknown, rename } = folder;
    return row === null || !row.isAgreed || isUnknown || rename !== null ||
      differing.has(key) ||
      SIDES.some((side) =>
        name[side] !== nameOf(row.path) || !isEqualId(id[side], row.id[side])
      );
  }

  function noteOwned(folder: Folder, slot: Slot): void {
    for (const side of slot.owners ? SIDES : []) {
      const owner = slot.owners![side];
      const file = slot[side];
      if (owner === null || file === null) continue;
      const { name, metadata: { mtimeMs } } = file;
      owned.push({ folder, name, side, owner, mtimeMs });
    }
  }

  function noteUnknown(folder: Folder, slot: Slot): void {
    const { key, row, directory } = slot;
    const problem = problemOf(slot.problems!);
    const { reason } = problem;
    unknown.set(key, problem);
    // Junk goes with the folder, unless anything else stands there.
    const isOther = !problem.isJunk || directory !== null ||
      SIDES.some((side) => slot[side] !== null || slot.folders[side] !== null);
    for (const side of SIDES) {
      const own = slot.problems!.filter((it) => it.side === side);
      const junk = isOther ? [] : own.filter((it) => it.isJunk);
      for (const { path, metadata } of junk) {
        const name = nameOf(path);
        const rowName = row === null ? name : nameOf(row.path);
        folder.junk[side].push({ key, name, metadata: metadata!, rowName });
      }
      if (own.length > 0 && junk.length === 0) folder.holdsUnknown[side] = true;
      const file = slot[side];
      if (file === null) continue;
      const { metadata } = file;
      unknownFiles[side].push({ path: pathOf(file, side), metadata, reason });
    }
  }

  /** The same as the tables come to for such a pair, at a fraction of the cost. */
  function isAlike({ row, name, left, right }: Pair | Slot): boolean {
    if (row !== null || left === null || right === null) return false;
    if (left.name !== right.name || left.isFresh || right.isFresh) return false;
    const tickMs = Math.max(traits.left.tickMs, traits.right.tickMs);
    const [a, b] = [left.metadata, right.metadata];
    return a.sizeBytes === b.sizeBytes &&
      isSameTime(a.mtimeMs, b.mtimeMs, tickMs) &&
      !isSuspicious(name);
  }

  function isUnchanged({ row, name, left, right }: Slot): boolean {
    if (row === null || left === null || right === null) return false;
    const isRead = isSuspicious(name);
    const isSame = (file: FoundFile, half: RecordedHalf) => {
      if (file.hasDouble || file.name !== nameOf(row.path)) return false;
      const { id } = file.metadata;
      return (id === null ? half.id === null : isSameId(id, half.id)) &&
        halfState(file.metadata, half, isRead) === "same";
    };
    return isSame(left, row.left) && isSame(right, row.right);
  }

  function listingOf(folder: Folder, side: Side): Listing | undefined {
    const path = currentPath(folder, side);
    return path === null ? undefined : scans[side].listings.get(path);
  }

  function problemsOf(
    folder: Folder,
    side: Side,
  ): ReadonlyMap<string, Problem> {
    const path = currentPath(folder, side);
    return path === null ? NONE : problemsIn[side].get(path) ?? NONE;
  }

  /** Rows of the folders in one; what moves into a new folder has one, too. */
  function rowsIn(folder: Folder): readonly DirectoryRow[] {
    const path = folder.row?.path ?? spelledPath(folder, "left");
    return recordedIn.get(path) ?? [];
  }

  /** Why what is missing in a folder may not be gone; null where it is. */
  function whyNotGone(folder: Folder, side: Side): string | null {
    if (listingOf(folder, side)?.isChanging) {
      return "it vanished while the folders were being read";
    }
    // A name that is no Unicode can't be looked at: it may be any file.
    const isNameless = problemsOf(folder, side).values()
      .some(({ kind, metadata }) => kind === "name" && metadata === null);
    return isNameless
      ? "it is missing, and may be the file beside it whose name can't be read: rename that one"
      : null;
  }

  /**
   * Everything in a folder by its folded name: its entries on both sides, its
   * rows and the problems.
   *
   * @returns Also the problems that show only here: twins, names, mounts.
   */
  function slotsOf(
    folder: Folder,
  ): { readonly slots: Map<string, Slot>; readonly found: Problem[] } {
    const slots = new Map<string, Slot>();
    const found: Problem[] = [];

    function slotOf(name: string): Slot {
      const folded = fold(name);
      let slot = slots.get(folded);
      if (slot === undefined) {
        slot = {
          key: joinPath(folder.key, folded),
          name,
          row: null,
          left: null,
          right: null,
          directory: null,
          folders: { left: null, right: null },
          problems: null,
        };
        slots.set(folded, slot);
      }
      return slot;
    }

    function report(
      slot: Slot,
      side: Side,
      name: string,
      kind: ProblemKind,
      reason: string,
    ): void {
      const path = joinPath(spelledPath(folder, side), name);
      const metadata = slot[side]?.metadata ?? null;
      const folderId = slot.folders[side]?.id ?? null;
      const problem = { side, path, kind, reason, metadata, folderId };
      found.push(problem);
      (slot.problems ??= []).push(problem);
    }

    /** The slot of something on a side; null where another has it already. */
    function freeSlot(side: Side, name: string): Slot | null {
      const slot = slotOf(name);
      const other = slot[side]?.name ?? slot.folders[side]?.name;
      if (other === undefined) return slot;
      // Two names of one key: which of them would be the other side's?
      const reason = `"${other}" and "${name}" are one name to the other ` +
        "side: rename one of them";
      report(slot, side, name, "twins", reason);
      return null;
    }

    function addFile(
      side: Side,
      name: string,
      metadata: Metadata,
      isFresh: boolean,
    ): void {
      const slot = freeSlot(side, name);
      if (slot === null) return;
      // Another file may be this one where no two ids tell.
      const hasDouble = doubles[side].size > 0 &&
        (metadata.id === null || slot.row?.[side].id === null) &&
        doubles[side].has(identityOf({ ...metadata, id: null }));
      slot[side] = { folder, name, metadata, isFresh, hasDouble };
    }

    /** An owner file beside a document, or beside the place of one. */
    function noteOwner(side: Side, name: string, metadata: Metadata): void {
      const documents = [...slots.values()].filter((it) =>
        it.row !== null || it.left !== null || it.right !== null
      );
      const names = documents.map((it) => it[side]?.name ?? it.name);
      const those = new Set(documentsOf(name, names));
      if (those.size === 0) return;
      const slot = slotOf(name);
      const path = joinPath(currentPath(folder, side) ?? "", name);
      for (const [n, document] of documents.entries()) {
        if (!those.has(names[n]!) || document === slot) continue;
        const owners = document.owners ??= { left: null, right: null };
        const { mtimeMs: sinceMs } = metadata;
        // Of two of one program, the later one tells.
        if ((owners[side]?.sinceMs ?? -Infinity) < sinceMs) {
          owners[side] = { path, sinceMs, by: null };
        }
      }
      // It is nobody's work: it keeps no folder, as junk does not.
      slot[side] = null;
      const reason = `it tells that ${[...those].join(" or ")} is open there`;
      const problem = { side, path, reason, metadata, isJunk: true };
      found.push({ kind: "owner", ...problem });
      (slot.problems ??= []).push({ kind: "owner", ...problem });
    }

    const fileRows = folder.row ? record.filesIn(folder.row.path) : [];
    const folderRows = rowsIn(folder);
    for (const row of fileRows) slotOf(nameOf(row.path)).row = row;
    for (const row of folderRows) slotOf(nameOf(row.path)).directory = row;
    for (const side of SIDES) {
      const listing = listingOf(folder, side);
      const isAsRecorded = !listing && folder.name[side] !== null &&
        folder.row !== null;
      const listed: SideFolder[] = [];
      if (isAsRecorded) {
        for (const { path, [side]: half } of fileRows) {
          addFile(side, nameOf(path), half, half.isFresh);
        }
      } else if (listing) {
        for (const entry of entriesOf(listing)) {
          if (entry.kind === "directory") listed.push(entry);
          else {
            const { name, mtimeMs } = entry;
            const isYoung = isFresh(mtimeMs, listing.lookedAtMs, traits[side]);
            addFile(side, name, entry, isYoung);
          }
        }
      }
      // Folders as they will be once they have their new names there.
      const path = currentPath(folder, side) ?? "";
      const hasMoved = ({ name }: SideFolder) =>
        stillAt[side].has(fold(joinPath(path, name)));
      const isToCome = (row: DirectoryRow) =>
        renamedTo.get(fold(row.path))?.by.includes(side) === false;
      const stay = stillAt[side].size === 0
        ? listed
        : listed.filter((it) => !hasMoved(it));
      const recorded = isAsRecorded
        ? folderRows.filter((row) => row.isAgreed)
        : renamedTo.size === 0
        ? []
        : folderRows.filter(isToCome);
      const more = recorded.map((row): SideFolder => {
        const { isMount: { [side]: isMount }, id: { [side]: id } } = row;
        return { name: nameOf(row.path), isMount, id };
      });
      for (const it of [...stay, ...more]) {
        const slot = freeSlot(side, it.name);
        if (slot !== null) slot.folders[side] = it;
      }
      for (const [name, problem] of problemsOf(folder, side)) {
        (slotOf(name).problems ??= []).push(problem);
      }
    }

    for (const note of ownersIn(slots)) noteOwner(...note);

    // What only shows when both sides and the record stand together.
    const whyMissing = both((side) => whyNotGone(folder, side));
    for (const slot of slots.values()) {
      for (const side of SIDES) {
        const other = otherSide(side);
        const there = slot[side] ?? slot.folders[side];
        const wasMount = slot.directory?.isMount[side];
        if (there === null) {
          const why = whyMissing[side];
          // A disk that is taken off may take its mount point along, as
          // automounters do. Nobody deleted what is on it.
          const isTakenOff = wasMount && slot.folders[other] !== null &&
            currentPath(folder, side) !== null;
          if ((slot.row ?? slot.directory) !== null && why !== null) {
            report(slot, side, slot.name, "vanished", why);
          } else if (isTakenOff) {
            report(slot, side, slot.name, "mount", NOT_MOUNTED);
          }
          continue;
        }
        const isOnOther = slot[other] !== null || slot.folders[other] !== null;
        if (!isOnOther && traits[other].hasWindowsNames) {
          const why = whyNotOnWindows(there.name);
          if (why !== null) report(slot, side, there.name, "name", why);
        }
        const isMount = slot.folders[side]?.isMount ?? wasMount;
        if (wasMount !== undefined && isMount !== wasMount) {
          const why = isMount ? NEWLY_MOUNTED : NOT_MOUNTED;
          report(slot, side, there.name, "mount", why);
        }
      }
    }
    return { slots, found };
  }

  function* alikeRows(): Iterable<readonly FileRow[]> {
    for (const folder of alikeIn) {
      const path = currentPath(folder, "left")!;
      const slots = [...slotsOf(folder).slots.values()];
      yield slots.filter((it) => it.problems === null && isAlike(it))
        .map(({ left, right }): FileRow => ({
          path: joinPath(path, left!.name),
          left: halfOf(left!.metadata, false),
          right: halfOf(right!.metadata, false),
          hash: null,
        }));
    }
  }

  for (const rename of renames.all) {
    // A later one may have taken it along.
    const path = renames.renamed(rename.row.path);
    renamedTo.set(fold(path), rename);
    for (const side of SIDES) {
      if (rename.by.includes(side)) continue;
      stillAt[side].add(fold(renames.present(side, path)));
    }
  }
  for (const problem of problems) {
    const within = problemsIn[problem.side];
    const folder = folderOf(problem.path);
    const names = within.get(folder) ?? new Map<string, Problem>();
    within.set(folder, names.set(nameOf(problem.path), problem));
  }
  for (const row of record.directories.values()) {
    if (row.path === "") continue;
    const parent = folderOf(row.path);
    // Nobody may have it any more: then no listing leads there.
    if (!row.isAgreed) markUp(parent);
    const siblings = recordedIn.get(parent);
    if (siblings) siblings.push(row);
    else recordedIn.set(parent, [row]);
  }
  for (const side of SIDES) {
    for (const folder of scans[side].listings.keys()) {
      markUp(renames.placed(side, folder));
    }
    if (doubles[side].size === 0) continue;
    for (const folder of record.foldersWithout(side, doubles[side])) {
      markUp(folder);
      doubted.add(fold(folder));
    }
  }
  visit(newFolder(null, {
    key: "",
    name: { left: "", right: "" },
    row: record.directories.get("") ?? null,
    isMount: { left: false, right: false },
    id: { left: null, right: null },
    isUnknown: false,
  }));
  return {
    folders,
    pairs,
    unknown,
    problems,
    owned,
    unknownFiles,
    alike: {
      count: alikeCount,
      rows: alikeRows,
      has: (pair) => alikeIn.has(pair.folder) && isAlike(pair),
    },
    pairAt: (folder, key) => {
      const slot = slotsOf(folder).slots.get(nameOf(key));
      const isFile = slot?.row || slot?.left || slot?.right;
      return !slot || slot.problems || !isFile ? null : pairOf(folder, slot);
    },
  };
}

/** Files that are owner files, should a document stand beside them. */
function ownersIn(
  slots: ReadonlyMap<string, Slot>,
): (readonly [side: Side, name: string, metadata: Metadata])[] {
  const owners: [Side, string, Metadata][] = [];
  for (const { left, right, problems } of slots.values()) {
    if (left && isOwnerName(left.name)) {
      owners.push(["left", left.name, left.metadata]);
    }
    if (right && isOwnerName(right.name)) {
      owners.push(["right", right.name, right.metadata]);
    }
    for (const { kind, side, path, metadata } of problems ?? []) {
      const name = nameOf(path);
      if (kind === "ignored" && metadata !== null && isOwnerName(name)) {
        owners.push([side, name, metadata]);
      }
    }
  }
  return owners;
}

/** Of all that is wrong with a path, what a person has to know. */
function problemOf(problems: readonly Problem[]): Problem {
  return problems.find(({ kind }) => kind !== "ignored" && kind !== "own") ??
    problems.at(-1)!;
}

function pairOf(folder: Folder, slot: Slot): Pair {
  const { key, row, left, right, owners } = slot;
  const name = row ? nameOf(row.path) : left?.name ?? right?.name ?? slot.name;
  const pair = { key, folder, name, row, left, right };
  return owners === undefined ? pair : { ...pair, owners };
}
