/**
 * Copies: each is written aside under a temporary name, flushed, and then
 * given its name, so that nobody ever finds half of one.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { lchownSync } from "node:fs";
import {
  destroy,
  flushFolder,
  moveToFree,
  removeDespite,
  setQuietly,
} from "./file_ops.ts";
import { keepBelongings } from "./files_keep_windows.ts";
import { CHUNK_BYTES, OpenFile } from "./files_read.ts";
import { mayBeFresh } from "./metadata.ts";
import { folderOf } from "./paths.ts";
import type { Root } from "./root_files.ts";
import { CHANGED, codeOf, orElse, Skipped } from "./system.ts";
import {
  type Both,
  type Checkpoint,
  type Metadata,
  otherSide,
} from "./types.ts";
import type { CopyTask, Made } from "./wire_messages.ts";

/** A file that is there, and has what a copy is to have as well. */
export interface Model extends Pick<Deno.FileInfo, "uid" | "gid"> {
  readonly path: string;
}

/** What was looked at, as a model; null: nothing was. */
export function modelOf(
  path: string,
  info: Deno.FileInfo | null,
): Model | null {
  return info && { path, uid: info.uid, gid: info.gid };
}

/** A copy to be written aside. */
export interface CopyRequest {
  readonly from: Root;
  /** Path of the source. */
  readonly path: string;
  /** What the scan saw of it. */
  readonly seen: Metadata;
  readonly to: Root;
  /** Path of the temporary file. */
  readonly temporary: string;
  /** Permission bits for the copy. */
  readonly mode: number;
  /**
   * A file of that root. The copy is to belong to whom that does; on Windows it
   * gets its access rights, its attributes and when it was created, too.
   */
  readonly model: Model | null;
  /** Whether the content's hash is needed. */
  readonly wantsHash: boolean;
  /** Told of bytes as they are copied. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly checkpoint?: Checkpoint | undefined;
}

/** A copy that is written aside and flushed, ready to be put in place. */
export interface FlushedCopy extends Made {
  readonly to: Root;
  readonly temporary: string;
}

/** A copy that is written aside and open still, to be flushed. */
export interface StagedCopy extends Omit<FlushedCopy, "metadata"> {
  readonly file: Deno.FsFile;
}

/** A copy that could not be flushed. */
export interface FailedCopy {
  readonly error: unknown;
}

const ZEROS = Buffer.alloc(CHUNK_BYTES);

/**
 * Writes a copy aside. The source is looked at before and after.
 *
 * @returns The copy; it has to be flushed, or dropped.
 * @throws {Skipped} The source changed.
 * @throws What the checkpoint between two chunks throws; nothing is left.
 */
export async function stageCopy(request: CopyRequest): Promise<StagedCopy> {
  const { from, to, path, seen, temporary } = request;
  using source = new OpenFile(from, path, seen);
  const file = Deno.openSync(to.way(temporary), {
    write: true,
    createNew: true,
    // Only this user may look into it until it has the rights it is to have.
    mode: 0o600,
  });
  try {
    const hash = request.wantsHash ? createHash("sha256") : null;
    const { hasHoles } = source;
    for (const chunk of source.chunks()) {
      hash?.update(chunk);
      if (hasHoles && chunk.equals(ZEROS.subarray(0, chunk.length))) {
        file.seekSync(chunk.length, Deno.SeekMode.Current);
      } else {
        for (let at = 0; at < chunk.length;) {
          at += file.writeSync(chunk.subarray(at));
        }
      }
      request.onBytes?.(chunk.length);
      await request.checkpoint?.();
    }
    // A hole at the end is not there yet.
    if (hasHoles) file.truncateSync(seen.sizeBytes);
    const lookedAtMs = Date.now();
    const after = source.finish();
    const absolute = to.absolute(temporary);
    const { model } = request;
    if (Deno.build.os !== "windows") {
      // RACE: no call gives a mode to what is open here, but to a path alone,
      // and through a link. One that is put there between look and call has,
      // at worst, a file elsewhere get the copy's, as far as this account may.
      const { isFile, nlink } = Deno.lstatSync(absolute);
      if (!isFile || nlink! > 1) throw new Skipped(CHANGED);
      // Before the mode, by which those who had the file may open it.
      if (model !== null) giveTo(model, absolute);
      setQuietly(() => Deno.chmodSync(absolute, request.mode));
    }
    // A Date: as a fraction of seconds, half of all times lose a millisecond.
    const mtime = new Date(seen.mtimeMs);
    setQuietly(() => file.utimeSync(mtime, mtime));
    if (Deno.build.os === "windows" && model !== null) {
      // After the time, with which wine takes the attributes away.
      // RACE: what took its name since the look has other rights, and they
      // are the copy's until the replacement finds that, and drops it.
      keepBelongings(to.way(model.path), to.way(temporary));
    }
    const hex = hash?.digest("hex") ?? null;
    return { to, temporary, source: after, lookedAtMs, hash: hex, file };
  } catch (error) {
    dropCopy({ to, temporary, file });
    throw error;
  }
}

/**
 * Gives a file of one's own to a user and a group, as far as the system lets
 * one: root gives files away, others let groups have them that they are in.
 */
function giveTo({ uid, gid }: Model, absolute: string): void {
  for (const user of [uid!, -1]) {
    try {
      // Never what a link leads to.
      return lchownSync(absolute, user, gid!);
    } catch (error) {
      if (codeOf(error) === null) throw error;
    }
  }
}

/** How many flushes the disk is given at once. */
const FLUSHES = 8;

/** Flushing a file takes longer than this where there is a real disk, in ms. */
const SLOW_MS = 0.2;

/**
 * Flushes copies to the disk: one by one where that takes no time, elsewhere
 * a few at once.
 *
 * @param copies The copies; they are closed in any case.
 * @returns For each copy its metadata, or what went wrong.
 */
export async function flushCopies(
  copies: readonly StagedCopy[],
): Promise<(FlushedCopy | FailedCopy)[]> {
  const results: (FlushedCopy | FailedCopy)[] = [];
  let isSlow = false;
  let next = 0;
  const flushNext = async (): Promise<void> => {
    for (let at = next++; at < copies.length; at = next++) {
      const { file, ...copy } = copies[at]!;
      try {
        const began = performance.now();
        if (isSlow) await file.sync();
        else file.syncSync();
        isSlow ||= performance.now() - began > SLOW_MS;
        // Looked at while it is open: what some shares tell just after a file
        // was closed is the time of the last write, whatever it was given.
        const info = Deno.lstatSync(copy.to.absolute(copy.temporary));
        file.close();
        results[at] = { ...copy, metadata: copy.to.metadata(info) };
      } catch (error) {
        dropCopy(copies[at]!);
        results[at] = { error };
      }
    }
  };
  await Promise.all(Array.from({ length: FLUSHES }, flushNext));
  return results;
}

/** Drops a copy that is not wanted any more. */
export function dropCopy({ to, temporary, file, folders = [] }: {
  readonly to: Root;
  readonly temporary: string;
  readonly file?: Deno.FsFile;
  readonly folders?: readonly string[];
}): void {
  try {
    file?.close();
  } catch {
    // Closed already.
  }
  try {
    // Its folder may be a link by now, and lead to somebody else's file.
    to.distrust();
    to.requireRealFolder(folderOf(temporary));
    removeDespite(to.absolute(temporary));
  } catch {
    // A leftover of this pair: the next run removes it.
  }
  orElse(undefined, () => {
    for (const folder of folders) {
      to.distrust();
      to.requireRealFolder(folder);
      // Never with anything in it.
      removeDespite(to.absolute(folder));
    }
  });
  to.distrust();
}

/**
 * Makes a copy under a name that must be free.
 *
 * @param path Its name.
 * @throws {Skipped} The name is taken, or the source changed.
 */
export async function copyTo(
  request: CopyRequest,
  path: string,
): Promise<FlushedCopy> {
  const [copy] = await flushCopies([await stageCopy(request)]);
  if (!copy || "error" in copy) throw copy?.error;
  try {
    moveToFree(copy.to, copy.temporary, path);
  } catch (error) {
    dropCopy(copy);
    throw error;
  }
  return copy;
}

/** A file on its way to another disk of its root. */
export interface Crossing {
  readonly from: string;
  /** Its name to be, which must be free. */
  readonly to: string;
  /** What the scan saw. */
  readonly seen: Metadata;
  /** Temporary name on the new one's disk. */
  readonly temporary: string;
  /** Temporary name beside the old one. */
  readonly aside: string;
}

/** Whether a rename failed because source and target are on two disks. */
export function isAcrossDisks(error: unknown): boolean {
  return codeOf(error) === "EXDEV";
}

/**
 * Moves a user's file to another disk that is mounted in its root: it is
 * copied and flushed, and only then removed, if it is still what was copied.
 *
 * @returns The metadata under the new name.
 * @throws {Skipped} The name is taken, or the file is another by now; it stays.
 */
export async function moveAcross(
  root: Root,
  { from, to, seen, temporary, aside }: Crossing,
  checkpoint?: Checkpoint,
): Promise<Metadata> {
  root.requireAbsent(to);
  const model = modelOf(from, root.requireFile(from, seen));
  const { metadata } = await copyTo({
    from: root,
    path: from,
    seen,
    to: root,
    temporary,
    mode: seen.mode,
    model,
    wantsHash: false,
    checkpoint,
  }, to);
  try {
    // One disk does not wait for the other: the new name must be on its own
    // before the old one goes.
    for (let folder = folderOf(to);; folder = folderOf(folder)) {
      flushFolder(root, folder);
      if (folder === "") break;
    }
    destroy(root, from, seen, aside);
  } catch (error) {
    // The copy is one too many; edited by now, it is a file of its own.
    orElse(undefined, () => destroy(root, to, metadata, temporary));
    throw error;
  }
  return metadata;
}

/**
 * Whether either side might have to rely on a file's hash, because it is too
 * young for its metadata.
 */
export function isYoung(
  metadata: Metadata,
  { left, right }: Both<Root>,
): boolean {
  const now = Date.now();
  return mayBeFresh(metadata.mtimeMs, now, left.traits) ||
    mayBeFresh(metadata.mtimeMs, now, right.traits);
}

/**
 * What has to be staged for a copy from one side to the other. Looks at what
 * it is to replace.
 *
 * @param temporary Path of the temporary file.
 * @throws {Skipped} What it is to replace is something else by now.
 */
export function requestFor(
  { from, path, source, target, mode, keepsHash }: CopyTask,
  temporary: string,
  roots: Both<Root>,
): CopyRequest {
  const to = roots[otherSide(from)];
  // A new name is looked at when it is taken: that can't be overtaken.
  const replaced = target && to.requireFile(path, target);
  return {
    from: roots[from],
    path,
    seen: source,
    to,
    temporary,
    mode: mode ?? (replaced?.mode ?? source.mode) & 0o777,
    model: modelOf(path, replaced),
    wantsHash: keepsHash || isYoung(source, roots),
  };
}
