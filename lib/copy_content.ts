/**
 * Copies what is in a file, chunk by chunk: alone, or with the help of other
 * threads.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { bufferFor, CHUNK_BYTES } from "./chunks.ts";
import type { OpenFile } from "./open_file.ts";
import type { Pieces } from "./pieces.ts";
import type { Piece, SharedCopy } from "./shared_copy.ts";
import { CHANGED, Skipped } from "./system.ts";

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
