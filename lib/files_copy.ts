/**
 * Copies, in two steps, so that many of them can be flushed at once.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { InterruptedError } from "./errors.ts";
import {
  abandonCopy,
  beginWriting,
  type CopyRequest,
  destroy,
  dropCopy,
  type FailedCopy,
  flushCopies,
  flushCopy,
  type FlushedCopy,
  keepAsClash,
  placeNew,
  removeDespite,
  replace,
  requireReplaceable,
  stageCopy,
  type StagedCopy,
  type TemporaryNames,
} from "./file_ops.ts";
import { isFresh, isStill, mayBeFresh, type Traits } from "./metadata.ts";
import { utf8Length } from "./names.ts";
import { folderOf, nameOf } from "./paths.ts";
import { halfOf, type RecordChange, type Work } from "./plan_types.ts";
import {
  bufferFor,
  CHUNK_BYTES,
  inPieces,
  type Look,
  type OpenFile,
  openFile,
  type Pieces,
  Root,
  type RootSelf,
} from "./root_files.ts";
import { longestName } from "./root_traits.ts";
import { isAcrossDisks, type SoftDelete } from "./soft_delete.ts";
import type { Move } from "./state_record.ts";
import { CHANGED, codeOf, inWords, Skipped, troubleOf } from "./system.ts";
import {
  type Both,
  type FileRow,
  type Metadata,
  otherSide,
  type RecordedHalf,
  type Side,
  SIDES,
} from "./types.ts";
import {
  type CopyDone,
  type CopyTask,
  packDone,
  type PackedDone,
  type PackedTasks,
  type ShareTask,
  unpackTasks,
} from "./wire_messages.ts";

// What carrying out an action takes and gives.

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
 * young for its metadata.
 *
 * @param metadata Of the file.
 * @param roots Both roots.
 */
export function isYoung(metadata: Metadata, roots: Both<Root>): boolean {
  const { left, right } = roots;
  const now = Date.now();
  return mayBeFresh(metadata.mtimeMs, now, left.traits) ||
    mayBeFresh(metadata.mtimeMs, now, right.traits);
}

/** A path whose content both sides have now. */
export interface Settled {
  readonly path: string;
  readonly metadata: Both<Metadata>;
  /** When the metadata was taken, in ms since 1970; before, if in doubt. */
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
  const { path, metadata, lookedAtMs, hash, keepsHash } = settled;
  const half = (side: Side): RecordedHalf => {
    const { traits } = roots[side];
    const isUnsure = isFresh(metadata[side].mtimeMs, lookedAtMs, traits);
    return halfOf(metadata[side], isUnsure && hash !== null);
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
  return look.kind === "file" && isStill(half, look.metadata);
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
 * Metadata of both sides from those of one and its other.
 *
 * @param side One side.
 * @param own Its metadata.
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

/**
 * What has to be staged for a copy. Looks at what it is to replace.
 *
 * @param work The copy.
 * @param roots Both roots.
 * @param temporary Path of the temporary file.
 * @throws {Skipped} What it is to replace is something else by now.
 */
export function requestFor(
  work: Omit<CopyTask, "temporary">,
  roots: Both<Root>,
  temporary: string,
): CopyRequest {
  const to = roots[otherSide(work.from)];
  // A new name is looked at when it is taken: that can't be overtaken.
  const replaced = work.target && to.requireFile(work.path, work.target);
  return {
    from: roots[work.from],
    path: work.path,
    seen: work.source,
    to,
    temporary,
    mode: work.mode ?? replaced?.mode ?? work.source.mode,
    wantsHash: work.keepsHash || isYoung(work.source, roots),
  };
}

/** Carries out copies. */
export class Copier {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;

  /** @param context Roots, names and what leads to the record. */
  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
  }

  /**
   * The first step of a copy: looks at both sides and writes aside.
   *
   * @param work The copy.
   */
  async stage(work: WorkOf<"copy">): Promise<StagedCopy> {
    const { staging } = await import("./file_ops.ts");
    const temporary = this.#context.names.beside(work.path);
    const { onBytes, pause, share } = this.#context;
    const { from, path, source: seen } = work;
    const request: CopyRequest = {
      ...requestFor(work, this.#roots, temporary),
      onBytes,
      share: (file) => share?.({ from, path, seen, temporary }, file),
    };
    return await inPieces(staging(request), pause);
  }

  /**
   * The copy as a thread is told of it.
   *
   * @param work The copy.
   */
  taskFor(work: WorkOf<"copy">): CopyTask {
    const { from, path, source, target, mode, keepsHash } = work;
    const temporary = this.#context.names.beside(path);
    return { from, path, source, target, mode, keepsHash, temporary };
  }

  /**
   * The second step of a copy: puts the flushed file in place.
   *
   * @param work The copy.
   * @param copy What the first step wrote, flushed.
   */
  async place(work: WorkOf<"copy">, copy: FlushedCopy): Promise<Performed> {
    if (work.target !== null) {
      const done = await this.#replace(work, copy, work.target);
      return this.placed(work, copy, done);
    }
    placeNew(copy.to, copy.temporary, work.path);
    return this.placed(work, copy);
  }

  /**
   * What a copy did that is in place.
   *
   * @param work The copy.
   * @param copy What was written.
   * @param done What became of the version it replaced.
   */
  placed(
    work: WorkOf<"copy">,
    copy: Pick<FlushedCopy, "source" | "metadata" | "lookedAtMs" | "hash">,
    done: Pick<Performed, "keptAt" | "note"> = { keptAt: null, note: null },
  ): Performed {
    const to = otherSide(work.from);
    const row = rowOf({
      path: work.path,
      metadata: sided(work.from, copy.source, copy.metadata),
      lookedAtMs: copy.lookedAtMs,
      hash: copy.hash,
      keepsHash: work.keepsHash,
    }, this.#roots);
    const folders = [{ side: to, folder: folderOf(work.path) }];
    if (done.keptAt !== null) folders.push(...foldersTo(to, done.keptAt));
    const change = { kind: "put", row, rowPath: work.rowPath } as const;
    return { changes: [change], folders, ...done };
  }

  async #replace(
    work: WorkOf<"copy">,
    copy: FlushedCopy,
    seen: Metadata,
  ): Promise<Pick<Performed, "keptAt" | "note">> {
    const { to } = copy;
    const { softDelete, names } = this.#context;
    const keptAt = work.fate === "soft-delete"
      ? softDelete.placeFor(to, work.path)
      : null;
    const replaceBy = (aside: string) =>
      replace(to, copy.temporary, work.path, seen, aside);
    if (keptAt !== null) {
      try {
        replaceBy(keptAt);
        return { keptAt, note: null };
      } catch (error) {
        if (!isAcrossDisks(error)) throw error;
      }
    }
    const { aside, isEdited } = replaceBy(names.beside(work.path));
    let why = isEdited
      ? "written to at the last moment"
      : this.#isClashLost(work)
      ? "its clash copy was changed at once"
      : null;
    if (why === null && keptAt !== null) {
      try {
        await softDelete.moveAcross(to, aside, seen, keptAt);
        return { keptAt, note: null };
      } catch (error) {
        why = `can't be kept in soft delete (${inWords(error)})`;
      }
    }
    if (why === null) {
      removeDespite(to.absolute(aside));
      return { keptAt: null, note: null };
    }
    const kept = keepAsClash(to, aside, work.path);
    return { keptAt: null, note: `${why}; that version is now ${kept}` };
  }

  /**
   * Somebody changed or removed a clash copy before it was needed. The next
   * run would do the same on the other side.
   */
  #isClashLost({ clashPath }: WorkOf<"copy">): boolean {
    const row = clashPath === null ? null : this.#context.rowAt(clashPath);
    return row !== null &&
      SIDES.some((side) => !isAsPlaced(this.#roots[side], row));
  }
}

// Copies what is in a file, chunk by chunk: alone, or with the help of other
// threads.

const ZEROS = Buffer.alloc(CHUNK_BYTES);

/** A file that is copied, and its copy. */
export interface Copying {
  readonly source: OpenFile;
  /** Open, and empty. */
  readonly file: Deno.FsFile;
  /** What the scan saw. */
  readonly sizeBytes: number;
  /** Told of bytes as they are copied. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Copies from the beginning to the end.
 *
 * @param copying Source and copy.
 * @param wantsHash Whether the content's hash is needed.
 * @returns The hash, or null.
 * @throws {Skipped} The file is longer or shorter than it was.
 */
export function* copyingAlone(
  { source, file, sizeBytes, onBytes }: Copying,
  wantsHash: boolean,
): Pieces<string | null> {
  const hash = wantsHash ? createHash("sha256") : null;
  let left = sizeBytes;
  const buffer = copyBuffer(left);
  for (let isMore = true; isMore;) {
    // One byte more than there should be: none may come.
    const room = Math.min(left + 1, CHUNK_BYTES);
    const count = source.readSome(buffer, room);
    // A file that grows while it is read must not be followed for ever.
    if (count > left) throw new Skipped(CHANGED);
    left -= count;
    isMore = count > 0 && (left > 0 || count === room);
    const chunk = buffer.subarray(0, count);
    hash?.update(chunk);
    const isHole = source.hasHoles && chunk.equals(ZEROS.subarray(0, count));
    if (isHole) file.seekSync(count, Deno.SeekMode.Current);
    else writeAll(file, chunk);
    onBytes?.(count);
    yield;
  }
  // A hole at the end is not there yet.
  if (source.hasHoles) file.truncateSync(sizeBytes);
  return hash?.digest("hex") ?? null;
}

/**
 * Copies while other threads do the same.
 *
 * @param copying Source and copy.
 * @param shared What the threads know of it.
 * @throws {Skipped} The file is longer or shorter than it was.
 */
export function* copyingShared(
  copying: Copying,
  shared: SharedCopy,
): Pieces<void> {
  const { source, sizeBytes, onBytes } = copying;
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    for (let piece = shared.take(); piece; piece = shared.take()) {
      for (const _ of chunksOf(piece, copying, buffer)) yield;
      shared.finish(piece);
      onBytes?.(shared.newBytes());
    }
    shared.close();
    while (shared.isHelped()) yield;
  } finally {
    // What helpers have open must be closed before the copy gets its time, or
    // is dropped.
    shared.close();
    while (shared.isHelped());
  }
  // What went wrong with a helper goes wrong here too, or it does not matter.
  for (let piece = shared.missing(); piece; piece = shared.missing()) {
    for (const _ of chunksOf(piece, copying, buffer)) yield;
    shared.finish(piece);
  }
  onBytes?.(shared.newBytes());
  if (source.readSome(buffer, 1, sizeBytes) > 0) throw new Skipped(CHANGED);
}

/**
 * Copies pieces of a file that another thread began to copy, until there are
 * none left.
 *
 * @param copying Source and copy.
 * @param shared What the threads know of it.
 */
export function copyPieces(copying: Copying, shared: SharedCopy): void {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let piece = shared.take(); piece; piece = shared.take()) {
    for (const _ of chunksOf(piece, copying, buffer)) {
      if (shared.isClosed) return;
    }
    shared.finish(piece);
  }
}

function* chunksOf(
  { at, length }: Piece,
  { source, file }: Copying,
  buffer: Buffer,
): Generator<void, void, void> {
  file.seekSync(at, Deno.SeekMode.Start);
  for (let copied = 0; copied < length;) {
    const room = Math.min(buffer.length, length - copied);
    const count = source.readSome(buffer, room, at + copied);
    if (count === 0) throw new Skipped(CHANGED);
    writeAll(file, buffer.subarray(0, count));
    copied += count;
    yield;
  }
}

/** For what is read and written in one piece, one is enough for all. */
const SHARED = Buffer.allocUnsafeSlow(64 * 1024);

function copyBuffer(sizeBytes: number): Buffer {
  return sizeBytes < SHARED.length ? SHARED : bufferFor(sizeBytes);
}

function writeAll(file: Deno.FsFile, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) {
    at += file.writeSync(chunk.subarray(at));
  }
}

// Copies a batch of small files: writes all of them aside, flushes all of
// them, then gives names to those that replace nothing.

const FAILED = { kind: "failed" } as const;
const LEFT = { kind: "left" } as const;

/** Flushing a file takes longer than this where there is a real disk, in ms. */
const SLOW_MS = 0.2;

/** What a thread knows from batch to batch. */
export interface BatchContext {
  readonly roots: Both<Root>;
  /** Asked between two files whether to leave the rest. */
  isStopped(): boolean;
  /** What flushing one file took in the last batch, in ms. */
  flushMs: number;
}

/**
 * Copies a batch. Never throws: of a copy that can't be made nothing is left,
 * and whoever asked for it is the one to find out why.
 *
 * @param tasks What to copy.
 * @param context Roots, and what the last batch told.
 * @returns What became of each, in their order.
 */
export function copyBatch(
  tasks: readonly CopyTask[],
  context: BatchContext,
): CopyDone[] {
  const { roots } = context;
  const writesEarly = context.flushMs > SLOW_MS;
  const done: CopyDone[] = tasks.map(() => LEFT);
  const staged: (StagedCopy | null)[] = [];
  for (const [n, task] of tasks.entries()) {
    if (context.isStopped()) break;
    staged[n] = null;
    try {
      const request = requestFor(task, roots, task.temporary);
      staged[n] = stageCopy({ ...request, writesEarly });
    } catch (error) {
      done[n] = FAILED;
      // No use in filling up what little is left.
      if (troubleOf(error) === "full") break;
    }
  }
  if (context.isStopped()) {
    for (const copy of staged) if (copy) abandonCopy(copy);
    return done.map(() => LEFT);
  }
  const flushed = flushAll(staged, context);
  for (const [n, copy] of flushed.entries()) {
    if (copy === null) continue;
    if ("error" in copy) done[n] = FAILED;
    else {
      const { source, metadata, lookedAtMs, hash } = copy;
      const kind = placed(tasks[n]!, copy);
      done[n] = kind === "failed"
        ? FAILED
        : { kind, source, metadata, lookedAtMs, hash };
    }
  }
  return done;
}

/** Flushes what is written aside, and notes how long that takes. */
function flushAll(
  staged: readonly (StagedCopy | null)[],
  context: BatchContext,
): (FlushedCopy | FailedCopy | null)[] {
  const begin = performance.now();
  if (context.flushMs > SLOW_MS) {
    for (const copy of staged) if (copy) beginWriting(copy);
  }
  const flushed = staged.map((copy) => copy && flushCopy(copy));
  const tookMs = (performance.now() - begin) / Math.max(1, staged.length);
  // A disk that was slow once is a disk: that it is quick now is the hint.
  context.flushMs = Math.max(context.flushMs, tookMs);
  return flushed;
}

function placed(
  task: CopyTask,
  copy: { readonly to: Root; readonly temporary: string },
): "placed" | "flushed" | "failed" {
  // What replaces something is put in place where clash copies are known.
  if (task.target !== null) return "flushed";
  try {
    placeNew(copy.to, copy.temporary, task.path);
    return "placed";
  } catch {
    dropCopy(copy);
    return "failed";
  }
}

// Clash copies: a conflict's older version, kept on both sides.

/** Makes clash copies. */
export class ClashCopier {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;

  /** @param context Roots, names and what leads to the record. */
  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
  }

  /**
   * Puts a version under its clash name: on its own side first, then across.
   *
   * @param work The version and its name.
   * @throws {Skipped} A path is not what the scan saw.
   */
  async make(work: WorkOf<"clash">): Promise<Performed> {
    const { from, path, clashPath } = work;
    const own = this.#roots[from];
    const other = this.#roots[otherSide(from)];
    own.requireFile(path, work.metadata);
    if (work.winner !== null) other.requireFile(path, work.winner);
    // A conflict whose loser can't be replaced is left whole.
    requireReplaceable(own, path, this.#context.names.beside(path));
    const isOwnThere = this.#isThere(own, work);
    const isOtherThere = this.#isThere(other, work);
    const first = isOwnThere ? null : await this.#clashCopy(own, own, work);
    const second = isOtherThere
      ? null
      : await this.#acrossFrom(own, other, work, first);
    const lookedAtMs = first?.lookedAtMs ?? second?.lookedAtMs ?? Date.now();
    const row = rowOf({
      path: clashPath,
      lookedAtMs,
      metadata: sided(
        from,
        ownMetadata(work, first),
        otherMetadata(work, second),
      ),
      hash: first?.hash ?? second?.hash ?? null,
      keepsHash: work.keepsHash,
    }, this.#roots);
    if (work.leaves) this.#leave(own, work, row);
    const changes: RecordChange[] = [{ kind: "put", row, rowPath: null }];
    if (work.leaves && work.rowPath !== null) {
      changes.push({ kind: "forget", path: work.rowPath });
    }
    const folder = folderOf(clashPath);
    const folders: Place[] = [
      { side: "left", folder },
      { side: "right", folder },
    ];
    return { ...NOTHING, changes, folders };
  }

  #isThere(root: Root, work: WorkOf<"clash">): boolean {
    return this.#orLearn(root, work.clashPath, () => this.#look(root, work));
  }

  /** The next run gives a shorter name to what is too long for a root. */
  #orLearn<T>(root: Root, path: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      const bytes = utf8Length(nameOf(path));
      if (isTooLong(error) && root.pathRoom(folderOf(path)) >= bytes) {
        const folder = root.absolute(folderOf(path));
        const longest = longestName(folder, this.#context.names.owner);
        root.refuseNames(Math.min(longest, bytes - 1));
      }
      throw error;
    }
  }

  #look(root: Root, work: WorkOf<"clash">): boolean {
    const existing = work.existing[root.side];
    if (existing === null) {
      root.requireAbsent(work.clashPath);
      return false;
    }
    root.requireFile(work.clashPath, existing);
    return true;
  }

  /**
   * Neither a signal nor a name that only one side takes may leave half a
   * conflict: then the first copy goes too.
   */
  async #acrossFrom(
    own: Root,
    other: Root,
    work: WorkOf<"clash">,
    first: FlushedCopy | null,
  ): Promise<FlushedCopy> {
    try {
      return await this.#clashCopy(own, other, work);
    } catch (error) {
      const isHalf = error instanceof InterruptedError || isTooLong(error);
      if (first !== null && isHalf) {
        const aside = this.#context.names.beside(work.clashPath);
        destroy(own, work.clashPath, first.metadata, aside);
      }
      throw error;
    }
  }

  /** A copy of its own on either side: a link would change with the file. */
  async #clashCopy(
    from: Root,
    to: Root,
    work: WorkOf<"clash">,
  ): Promise<FlushedCopy> {
    const { staging } = await import("./file_ops.ts");
    const copying = staging({
      from,
      path: work.path,
      seen: work.metadata,
      to,
      temporary: this.#context.names.beside(work.clashPath),
      mode: work.metadata.mode,
      wantsHash: work.keepsHash || isYoung(work.metadata, this.#roots),
      onBytes: this.#context.onBytes,
    });
    const staged = await inPieces(copying, this.#context.pause);
    const [copy] = await flushCopies([staged]);
    if (!copy || "error" in copy) throw copy?.error;
    try {
      this.#orLearn(
        to,
        work.clashPath,
        () => placeNew(to, copy.temporary, work.clashPath),
      );
    } catch (error) {
      dropCopy(copy);
      throw error;
    }
    return copy;
  }

  /**
   * The content is under its clash name on both sides: the path gets free. A
   * copy that is gone from one side would be followed on the other.
   */
  #leave(root: Root, work: WorkOf<"clash">, row: FileRow): void {
    const isKept = SIDES.every((side) => isAsPlaced(this.#roots[side], row));
    if (!isKept) throw new Skipped(CHANGED);
    const aside = this.#context.names.beside(work.path);
    destroy(root, work.path, work.metadata, aside);
  }
}

function isTooLong(error: unknown): boolean {
  return codeOf(error) === "ENAMETOOLONG";
}

function ownMetadata(
  work: WorkOf<"clash">,
  copy: FlushedCopy | null,
): Metadata {
  return copy?.metadata ?? work.existing[work.from] ?? work.metadata;
}

function otherMetadata(
  work: WorkOf<"clash">,
  copy: FlushedCopy | null,
): Metadata {
  return copy?.metadata ?? work.existing[otherSide(work.from)] ?? work.metadata;
}

// A large file that several threads copy at once, piece by piece. Helpers are
// never relied on: a piece that none of them has finished is copied by the
// thread that began.

/** Threads that are near each other leave few gaps, which disks fill. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** Where in the shared memory what is counted. */
const NEXT = 0;
const CLOSED = 1;
const HELPERS = 2;
const COUNTERS = 3;

/** So long is waited for a helper before it is looked again, in ms. */
const WAIT_MS = 10;

/** A part of a file. */
export interface Piece {
  readonly index: number;
  readonly at: number;
  readonly length: number;
}

/** What threads know of a copy that they share. */
export class SharedCopy {
  /** To be sent to other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #sizeBytes: number;
  readonly #counters: Int32Array;
  readonly #done: Uint8Array;
  readonly #told: boolean[] = [];

  /**
   * @param sizeBytes Size of the file.
   * @param memory As another thread sent it; left out: a new copy.
   */
  constructor(sizeBytes: number, memory?: SharedArrayBuffer) {
    const pieces = Math.ceil(sizeBytes / PIECE_BYTES);
    const head = COUNTERS * Int32Array.BYTES_PER_ELEMENT;
    this.memory = memory ?? new SharedArrayBuffer(head + pieces);
    this.#sizeBytes = sizeBytes;
    this.#counters = new Int32Array(this.memory, 0, COUNTERS);
    this.#done = new Uint8Array(this.memory, head, pieces);
  }

  /** The next piece that nobody has begun; null: there is none. */
  take(): Piece | null {
    if (this.isClosed) return null;
    return this.#piece(Atomics.add(this.#counters, NEXT, 1));
  }

  /** A piece that was begun and not finished; null: there is none. */
  missing(): Piece | null {
    const index = this.#done.indexOf(0);
    return index < 0 ? null : this.#piece(index);
  }

  #piece(index: number): Piece | null {
    const at = index * PIECE_BYTES;
    if (at >= this.#sizeBytes) return null;
    const length = Math.min(PIECE_BYTES, this.#sizeBytes - at);
    return { index, at, length };
  }

  /** Notes that a piece is written. */
  finish({ index }: Piece): void {
    Atomics.store(this.#done, index, 1);
  }

  /** How many bytes of finished pieces were not told of before. */
  newBytes(): number {
    let bytes = 0;
    for (let index = 0; index < this.#done.length; index++) {
      if (Atomics.load(this.#done, index) === 0 || this.#told[index]) continue;
      this.#told[index] = true;
      bytes += this.#piece(index)?.length ?? 0;
    }
    return bytes;
  }

  /**
   * Helps, unless that is over.
   *
   * @param work Takes pieces until there are none.
   */
  help(work: () => void): void {
    Atomics.add(this.#counters, HELPERS, 1);
    try {
      if (!this.isClosed) work();
    } finally {
      Atomics.sub(this.#counters, HELPERS, 1);
      Atomics.notify(this.#counters, HELPERS);
    }
  }

  /** Whether nothing is to be copied any more. */
  get isClosed(): boolean {
    return Atomics.load(this.#counters, CLOSED) !== 0;
  }

  /** No piece is begun any more. */
  close(): void {
    Atomics.store(this.#counters, CLOSED, 1);
  }

  /**
   * Waits a moment for helpers.
   *
   * @returns Whether one has something of the file open still.
   */
  isHelped(): boolean {
    const helpers = Atomics.load(this.#counters, HELPERS);
    if (helpers === 0) return false;
    Atomics.wait(this.#counters, HELPERS, helpers, WAIT_MS);
    return true;
  }
}

// What a thread does that copies: batches of small files, or parts of a large
// one.

/** A root, as a thread is told of it. */
export interface CopyRoot {
  /** Absolute path. */
  readonly path: string;
  readonly traits: Traits;
  readonly self: RootSelf | null;
}

/** What a thread is told: the roots first, then what there is to copy. */
export type CopyOrder =
  | {
    readonly kind: "begin";
    readonly roots: Both<CopyRoot>;
    /** Not 0: no more is to be copied. */
    readonly stop: SharedArrayBuffer;
  }
  | { readonly kind: "batch"; readonly tasks: PackedTasks }
  | {
    readonly kind: "share";
    readonly task: ShareTask;
    readonly memory: SharedArrayBuffer;
  };

/** What became of a batch. */
export type CopyReply = PackedDone;

function help(
  { from, path, seen, temporary, self }: ShareTask,
  memory: SharedArrayBuffer,
  roots: Both<Root>,
): void {
  const { sizeBytes } = seen;
  const shared = new SharedCopy(sizeBytes, memory);
  shared.help(() => {
    const to = roots[otherSide(from)];
    to.distrust();
    using source = openFile(roots[from], path, seen);
    if (to.look(temporary).kind !== "file") return;
    using file = Deno.openSync(to.absolute(temporary), { write: true });
    const { dev, ino } = file.statSync();
    if (dev !== self.dev || ino !== self.ino) return;
    copyPieces({ source, file, sizeBytes }, shared);
  });
}

let context: BatchContext | null = null;

/**
 * Does what a thread is told.
 *
 * @param order What it is told.
 * @returns What became of a batch; null where nobody waits for an answer.
 */
export function obey(order: CopyOrder): CopyReply | null {
  if (order.kind === "begin") {
    const make = (side: Side): Root => {
      const { path, traits, self } = order.roots[side];
      return new Root(side, path, traits, self);
    };
    const stop = new Int32Array(order.stop);
    context = {
      roots: { left: make("left"), right: make("right") },
      isStopped: () => Atomics.load(stop, 0) !== 0,
      flushMs: 0,
    };
    return null;
  }
  const { left, right } = context!.roots;
  if (order.kind === "share") {
    try {
      help(order.task, order.memory, context!.roots);
    } catch {
      // Whoever began finds out what is wrong.
    }
    return null;
  }
  // The run may have changed folders since the last batch.
  left.distrust();
  right.distrust();
  return packDone(copyBatch(unpackTasks(order.tasks), context!));
}
