/**
 * Writes copies aside, under temporary names, and flushes them.
 *
 * @module
 */
import fs from "node:fs";
import { setQuietly } from "./attributes.ts";
import { copyingAlone, copyingShared } from "./copy_content.ts";
import type { Root } from "./disk.ts";
import { temporaryName, type TemporaryOwner } from "./names.ts";
import { openFile } from "./open_file.ts";
import { folderOf, joinPath } from "./paths.ts";
import { atOnce, type Pieces } from "./pieces.ts";
import type { SharedCopy } from "./shared_copy.ts";
import { codeOf } from "./system_errors.ts";
import type { FileFigures } from "./types.ts";

/** How many flushes the disk is given at once. */
const FLUSHES = 8;

/** Gives temporary names of one run. */
export class TemporaryNames {
  readonly #owner: TemporaryOwner;
  #count = 0;

  /** @param owner Pair and run. */
  constructor(owner: TemporaryOwner) {
    this.#owner = owner;
  }

  /**
   * A name beside a file, so that it inherits the rights of its folder.
   *
   * @param path The file.
   */
  beside(path: string): string {
    const name = temporaryName(this.#owner, ++this.#count);
    return joinPath(folderOf(path), name);
  }
}

/** A copy to be written aside. */
export interface CopyRequest {
  readonly from: Root;
  /** Path of the source. */
  readonly path: string;
  /** What the scan saw of it. */
  readonly seen: FileFigures;
  readonly to: Root;
  /** Path of the temporary file. */
  readonly temporary: string;
  /** Permission bits for the copy. */
  readonly mode: number;
  /** Whether the content's hash is needed. */
  readonly wantsHash: boolean;
  /** Has other threads help with it; gets the copy, open and empty. */
  readonly share?: (file: Deno.FsFile) => SharedCopy | null | undefined;
  /** Leave it to {@linkcode beginWriting} to have the disk begin early. */
  readonly writesEarly?: boolean | undefined;
  /** Told of bytes as they are copied. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** A copy that is written and open still, to be flushed. */
export interface StagedCopy {
  readonly to: Root;
  readonly temporary: string;
  /** What the look after reading saw of the source. */
  readonly source: FileFigures;
  /** When that look began, in ms since 1970. */
  readonly lookedAtMs: number;
  readonly hash: string | null;
  readonly file: Deno.FsFile;
}

/**
 * Writes a copy aside. The source is looked at before and after.
 *
 * @param request What to copy.
 * @returns The copy; it has to be flushed, or dropped.
 * @throws {Skipped} The source changed.
 */
export function stageCopy(request: CopyRequest): StagedCopy {
  return atOnce(staging(request));
}

/**
 * The same chunk by chunk. A copy that is broken off is dropped.
 *
 * @param request What to copy.
 * @returns Work that gives the copy.
 * @throws {Skipped} The source changed.
 */
export function* staging(request: CopyRequest): Pieces<StagedCopy> {
  const { from, to, path, seen, temporary } = request;
  using source = openFile(from, path, seen);
  to.requireRealFolder(folderOf(temporary));
  const absolute = to.absolute(temporary);
  // Only this user may look into it until it has the rights it is to have.
  const file = Deno.openSync(absolute, {
    write: true,
    createNew: true,
    mode: 0o600,
  });
  try {
    // To ext4 a file cut to nothing is one that is being replaced.
    if (request.writesEarly) file.truncateSync(0);
    const { wantsHash, onBytes, share } = request;
    const copying = { source, file, sizeBytes: seen.sizeBytes, onBytes };
    const shared = wantsHash || source.hasHoles ? null : share?.(file) ?? null;
    let hash: string | null = null;
    if (shared === null) hash = yield* copyingAlone(copying, wantsHash);
    else yield* copyingShared(copying, shared);
    const lookedAtMs = Date.now();
    const after = source.finish();
    if (Deno.build.os !== "windows") {
      setQuietly(() => Deno.chmodSync(absolute, request.mode));
    }
    // A Date: as a fraction of seconds, half of all times lose a millisecond.
    const mtime = new Date(seen.mtimeMs);
    setQuietly(() => file.utimeSync(mtime, mtime));
    return { to, temporary, source: after, lookedAtMs, hash, file };
  } catch (error) {
    file.close();
    dropCopy(request);
    throw error;
  }
}

/** A flushed copy, ready to be put in place. */
export interface FlushedCopy extends Omit<StagedCopy, "file"> {
  /** Of the temporary file, as the disk reports them. */
  readonly figures: FileFigures;
}

/** A copy that could not be flushed. */
export interface FailedCopy {
  readonly error: unknown;
}

/**
 * Flushes copies to the disk, a few at a time: one by one is the slow way.
 *
 * @param copies The copies; they are closed in any case.
 * @returns For each copy its figures, or what went wrong.
 */
export async function flushCopies(
  copies: readonly StagedCopy[],
): Promise<(FlushedCopy | FailedCopy)[]> {
  const results: (FlushedCopy | FailedCopy)[] = [];
  let next = 0;
  const flushNext = async (): Promise<void> => {
    for (let at = next++; at < copies.length; at = next++) {
      const copy = copies[at]!;
      try {
        await copy.file.sync();
        results[at] = finished(copy);
      } catch (error) {
        abandonCopy(copy);
        results[at] = { error };
      }
    }
  };
  await Promise.all(Array.from({ length: FLUSHES }, flushNext));
  return results;
}

/**
 * Has the disk begin to write a copy, where it puts that off: ext4 finds room
 * for a file only when it is flushed, and then commits its journal for each
 * file anew. A file that was cut to nothing gets its room when any handle of
 * it is closed, and many flushes find one commit that has done for all. It is
 * no more than a hint: the flush comes all the same.
 *
 * @param copy A copy that was staged with `writesEarly`.
 */
export function beginWriting({ to, temporary }: StagedCopy): void {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  try {
    fs.closeSync(fs.openSync(to.absolute(temporary), flags));
  } catch {
    // Whatever is wrong with it, the flush or the look at it will tell.
  }
}

/**
 * Flushes a copy to the disk, and waits for that.
 *
 * @param copy The copy; it is closed in any case.
 * @returns The copy and its figures, or what went wrong.
 */
export function flushCopy(copy: StagedCopy): FlushedCopy | FailedCopy {
  try {
    copy.file.syncSync();
    return finished(copy);
  } catch (error) {
    abandonCopy(copy);
    return { error };
  }
}

/** Closes a copy that is flushed. */
function finished({ file, ...copy }: StagedCopy): FlushedCopy {
  file.close();
  const info = Deno.lstatSync(copy.to.absolute(copy.temporary));
  return { ...copy, figures: copy.to.figures(info) };
}

/**
 * Drops a copy that is not flushed yet, or could not be.
 *
 * @param copy The copy, as it was staged.
 */
export function abandonCopy(copy: StagedCopy): void {
  try {
    copy.file.close();
  } catch {
    // Closed already.
  }
  dropCopy(copy);
}

/**
 * Drops a copy that is not wanted any more.
 *
 * @param copy The copy.
 */
export function dropCopy(copy: { to: Root; temporary: string }): void {
  const { to, temporary } = copy;
  try {
    // Its folder may be a link by now, and lead to somebody else's file.
    to.distrust();
    to.requireRealFolder(folderOf(temporary));
    Deno.removeSync(to.absolute(temporary));
  } catch {
    // A leftover of this pair: the next run removes it.
  }
}

/**
 * Flushes a folder: names given in it survive a power failure.
 *
 * @param root The root.
 * @param folder The folder.
 */
export function flushFolder(root: Root, folder: string): void {
  // Windows can't open a folder to flush it; NTFS keeps a journal instead.
  if (Deno.build.os === "windows") return;
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(root.absolute(folder), { read: true });
  } catch (error) {
    // Removed since: then its own parent is flushed.
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  try {
    file.syncSync();
  } catch (error) {
    // Some file systems have no flushing of folders.
    if (codeOf(error) !== "EINVAL") throw error;
  } finally {
    file.close();
  }
}
