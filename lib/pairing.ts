/**
 * One folder: its entries on both sides and its rows, paired by key.
 *
 * @module
 */
import {
  cutToTick,
  type Habits,
  halfState,
  identityOf,
  isSameId,
} from "./metadata.ts";
import { whyNotOnWindows } from "./names.ts";
import { type Folding, joinPath, keyOf, nameOf } from "./paths.ts";
import {
  type SideEntries,
  type SideFile,
  type SideFolder,
  whyUnsettled,
} from "./side_entries.ts";
import {
  type ChildFolder,
  currentPath,
  type Folder,
  type FoundFile,
  type Junk,
  type Pair,
  spelledPath,
} from "./tree.ts";
import {
  type Both,
  type DirectoryRow,
  type FileFigures,
  type FileRow,
  otherSide,
  type Problem,
  type ProblemKind,
  type Side,
  SIDES,
} from "./types.ts";

/** What is said of a folder whose disk was taken off. */
const NOT_MOUNTED =
  "the disk that was mounted here is not mounted now: mount it again, or, if " +
  "it is gone for good, run once with --accept-roots";

/** What pairing depends on besides the data. */
export interface PairingSettings {
  readonly habits: Both<Habits>;
  readonly folding: Folding;
  /** Give paths at which nothing differs as well. */
  readonly keepUnchanged: boolean;
  /**
   * Nothing is recorded, and equal size and mtime tell equal content: such
   * files are given as rows, not as pairs.
   */
  readonly trustsFigures?: boolean;
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
  /** Files that both sides hold alike: see `trustsFigures`. */
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
  readonly figures: Both<FileFigures>;
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
 * @param settings Habits and folding of the roots.
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
        const figures = { left: left.figures, right: right.figures };
        alike.push({ name: left.name, figures });
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
      if (!isOnOther && this.#settings.habits[other].hasWindowsNames) {
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
    const figures = slot.file[side]?.figures ?? null;
    const folderId = slot.folder[side]?.id ?? null;
    const problem = { side, path, kind, reason, figures, folderId };
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
        return { key, name, figures: it.figures!, rowName };
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
      figures: file.figures,
      isFresh: file.isFresh,
      hasDouble: isDouble(file.figures, slot.row?.[side], doubles[side]),
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
  figures: FileFigures,
  half: FileFigures | undefined,
  doubles: ReadonlySet<string>,
): boolean {
  return doubles.size > 0 && (figures.id === null || half?.id === null) &&
    doubles.has(identityOf({ ...figures, id: null }));
}

function isUnchanged(slot: Slot, settings: PairingSettings): boolean {
  const { row } = slot;
  if (row === null) return false;
  const isSuspicious = settings.isSuspicious(slot.name);
  return SIDES.every((side) => {
    const file = slot.file[side];
    if (file === null || file.name !== nameOf(row.path)) return false;
    const { id } = file.figures;
    if (isDouble(file.figures, row[side], settings.doubles[side])) return false;
    const hasKnownId = id === null
      ? row[side].id === null
      : isSameId(id, row[side].id);
    const state = halfState(file.figures, row[side], isSuspicious);
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
  if (!settings.trustsFigures || settings.keepUnchanged || row !== null) {
    return false;
  }
  if (left.name !== right.name || left.isFresh || right.isFresh) return false;
  const { habits } = settings;
  const tickMs = Math.max(habits.left.tickMs, habits.right.tickMs);
  const [a, b] = [left.figures, right.figures];
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
