/**
 * What carrying out an action takes and gives.
 *
 * @module
 */
import { isFresh, isStill, mayBeFresh } from "./metadata.ts";
import { folderOf } from "./paths.ts";
import { halfOf, type RecordChange, type Work } from "./plan_types.ts";
import type { Look, Root } from "./root_files.ts";
import type { SharedCopy } from "./shared_copy.ts";
import type { SoftDelete } from "./soft_delete.ts";
import type { Move } from "./state_record.ts";
import { Skipped } from "./system.ts";
import type { TemporaryNames } from "./temporary_names.ts";
import type {
  Both,
  FileFigures,
  FileRow,
  RecordedHalf,
  Side,
} from "./types.ts";
import type { ShareTask } from "./wire_messages.ts";

/** What an action did. */
export interface Performed {
  /** What the record has to learn. */
  readonly changes: readonly RecordChange[];
  /** Folders in which names changed, to be flushed before the record. */
  readonly folders: readonly Place[];
  /** Where a soft-deleted file is now, below its root. */
  readonly keptAt: string | null;
  /** Anything a person should know besides. */
  readonly note: string | null;
  /** Why only a part of it was done, in words. Left out: all of it was. */
  readonly left?: string;
}

/** A folder of a side. */
export interface Place {
  readonly side: Side;
  readonly folder: string;
}

/** What performing needs. */
export interface PerformerContext {
  readonly roots: Both<Root>;
  readonly names: TemporaryNames;
  readonly softDelete: SoftDelete;
  /** The row written for a path in this run, if any. */
  rowAt(path: string): FileRow | null;
  /** Writes a rename in two steps down before its first step. */
  noteMove(move: Move): void;
  /**
   * Has other threads help with a large file. Left out: there are none.
   *
   * @param task What is copied, and where to.
   * @param file The copy, open and empty.
   * @returns What the threads share; null where it goes without them.
   */
  readonly share?: (
    task: Omit<ShareTask, "self">,
    file: Deno.FsFile,
  ) => SharedCopy | null;
  /** Told of bytes as they are copied. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /**
   * Called between two pieces of work.
   *
   * @throws {InterruptedError} No more is to be done.
   */
  readonly pause?: (() => Promise<void>) | undefined;
}

/** A kind of {@linkcode Work}. */
export type WorkOf<K extends Work["kind"]> = Work & { readonly kind: K };

/** What most actions leave out. */
export const NOTHING: Performed = {
  changes: [],
  folders: [],
  keptAt: null,
  note: null,
};

/**
 * Whether either side might have to rely on a file's hash, because it is too
 * young for its figures.
 *
 * @param figures Of the file.
 * @param roots Both roots.
 */
export function isYoung(figures: FileFigures, roots: Both<Root>): boolean {
  const { left, right } = roots;
  const now = Date.now();
  return mayBeFresh(figures.mtimeMs, now, left.habits) ||
    mayBeFresh(figures.mtimeMs, now, right.habits);
}

/** A path whose content both sides have now. */
export interface Settled {
  readonly path: string;
  readonly figures: Both<FileFigures>;
  /** When the figures were taken, in ms since 1970; before, if in doubt. */
  readonly lookedAtMs: number;
  /** Of the content, where it was made. */
  readonly hash: string | null;
  /** Keep the hash whatever the age of the files. */
  readonly keepsHash: boolean;
}

/**
 * The row of a path that both sides have now.
 *
 * @param settled What each side has.
 * @param roots Both roots.
 */
export function rowOf(settled: Settled, roots: Both<Root>): FileRow {
  const { path, figures, lookedAtMs, hash, keepsHash } = settled;
  const half = (side: Side): RecordedHalf => {
    const { habits } = roots[side];
    const isUnsure = isFresh(figures[side].mtimeMs, lookedAtMs, habits);
    return halfOf(figures[side], isUnsure && hash !== null);
  };
  const [left, right] = [half("left"), half("right")];
  const isNeeded = keepsHash || left.isFresh || right.isFresh;
  return { path, left, right, hash: isNeeded ? hash : null };
}

/**
 * Whether a file is still what this run put there.
 *
 * @param root The root.
 * @param row The row that the run wrote.
 */
export function isAsPlaced(root: Root, row: FileRow): boolean {
  const look = root.look(row.path);
  const half = row[root.side];
  return look.kind === "file" && isStill(half, look.figures);
}

/**
 * What stands at a path; nothing, where the folders above are gone too, or
 * where it is only a second name of something else.
 *
 * @param root The root.
 * @param path The path.
 */
export function kindAt(root: Root, path: string): Look["kind"] {
  try {
    const { kind } = root.look(path);
    const isOther = kind !== "absent" && root.secondName(path) !== null;
    return isOther ? "absent" : kind;
  } catch (error) {
    if (error instanceof Skipped) return "absent";
    throw error;
  }
}

/**
 * Figures of both sides from those of one and its other.
 *
 * @param side One side.
 * @param own Its figures.
 * @param other The other side's.
 */
export function sided<T>(side: Side, own: T, other: T): Both<T> {
  return side === "left"
    ? { left: own, right: other }
    : { left: other, right: own };
}

/**
 * The folders that lead to a soft-deleted file. They may all be new, and must
 * be on disk before the record says where the file went.
 *
 * @param side The side.
 * @param keptAt Where the file is now.
 */
export function foldersTo(side: Side, keptAt: string): Place[] {
  const places: Place[] = [];
  for (
    let folder = folderOf(keptAt);
    folder !== "";
    folder = folderOf(folder)
  ) {
    places.push({ side, folder });
  }
  return places;
}
