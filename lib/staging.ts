/**
 * Writes copies aside, under temporary names. What it imports takes long to
 * load: who may not need it imports it when a copy is to be made.
 *
 * @module
 */
import fs from "node:fs";
import { setQuietly } from "./attributes.ts";
import { copyingAlone, copyingShared } from "./copy_content.ts";
import { openFile } from "./open_file.ts";
import { folderOf } from "./paths.ts";
import { atOnce, type Pieces } from "./pieces.ts";
import type { Root } from "./root_files.ts";
import type { SharedCopy } from "./shared_copy.ts";
import { dropCopy, type StagedCopy } from "./staged.ts";
import type { FileFigures } from "./types.ts";

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
