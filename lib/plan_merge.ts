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
  findFolderRenames,
  type FolderRename,
  type FolderRenames,
} from "./folder_renames.ts";
import { identityOf, isEqualId } from "./metadata.ts";
import {
  type PairedFolder,
  pairEntries,
  type PairingSettings,
  type ProblemsByName,
} from "./pairing.ts";
import { folderOf, isWithin, joinPath, keyOf, nameOf } from "./paths.ts";
import { halfOf } from "./plan_types.ts";
import {
  EMPTY,
  fromListing,
  fromRecord,
  problemsByFolder,
  type SideEntries,
} from "./side_entries.ts";
import {
  type ChildFolder,
  currentPath,
  type Folder,
  type Pair,
  spelledPath,
} from "./tree.ts";
import {
  type Both,
  type DirectoryRow,
  type FileFigures,
  type FileRow,
  type Problem,
  type Side,
  SIDES,
} from "./types.ts";
import { entriesOf, type Listing } from "./wire_listing.ts";

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
   * Folders of the rows that have no id on a side and of whose figures there
   * {@linkcode identityOf} gives one of `wanted`.
   */
  foldersWithout(side: Side, wanted: ReadonlySet<string>): readonly string[];
}

/** A file that stands where it must be left alone. */
export interface Stray {
  /** As the side spells it. */
  readonly path: string;
  readonly figures: FileFigures;
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
 * @param settings Habits of the roots and what follows from the config.
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
 * Files that came or went, and that another one may be which has their figures:
 * all of them where ids appear or get lost, else those without an id.
 */
function doublesIn(merged: Merged): Both<ReadonlySet<string>> {
  const doubles = { left: new Set<string>(), right: new Set<string>() };
  for (const side of SIDES) {
    const isAny = hasUnproven(merged, side);
    for (const pair of merged.pairs) {
      const figures = pair[side]?.figures ?? null;
      const moved = pair.row === null
        ? figures
        : figures === null
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
      (found.figures.id === null) !== (pair.row[side].id === null);
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
  /** Keys of folders whose figures do not tell whether they are as recorded. */
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
      yield alike.map(({ name, figures }): FileRow => ({
        path: joinPath(path, name),
        left: halfOf(figures.left, false),
        right: halfOf(figures.right, false),
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
          this.#strays[side].push({ path, figures: entry, reason });
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
        const { figures } = file;
        this.#strays[side].push({ path, figures, reason: problem.reason });
      }
    }
    this.#problems.push(...found);
    return children;
  }

  #pairsOf(folder: Folder, wanted: PairingSettings): PairedFolder {
    // Rows can only be told where nothing has to be renamed or moved first.
    const isPlain = this.#record.directories.size <= 1 &&
      currentPath(folder, "left") === currentPath(folder, "right");
    const settings = isPlain ? wanted : { ...wanted, trustsFigures: false };
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
      ? fromListing(listing, this.#settings.habits[side])
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
