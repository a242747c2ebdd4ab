/**
 * How much of a file is read at once.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** More at once would leave the processor's cache. */
export const CHUNK_BYTES = 256 * 1024;

/**
 * A buffer for a file: a small one is read in one piece, its end included.
 *
 * @param sizeBytes What the file is said to have.
 */
export function bufferFor(sizeBytes: number): Buffer {
  return Buffer.allocUnsafe(Math.min(sizeBytes + 1, CHUNK_BYTES));
}
