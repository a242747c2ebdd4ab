/**
 * The digest of a folder, which tells an unchanged one without looking at a
 * single row of it.
 *
 * @module
 */
import type { FileFigures, FileId } from "./types.ts";

/** Stands for "no id": no file system gives it. */
const NO_BIRTH = -1;

/**
 * The 64-bit digest of a folder: equal entries in any order give equal
 * digests. It tells whether a folder has to be looked at more closely, and is
 * never taken for equality of content.
 *
 * Files count by name, size, mtime, mode and id, folders by name, kind and id.
 */
export class DigestBuilder {
  #low: number;
  #high: number;

  /** @param digest Of what is there already; left out: nothing is. */
  constructor(digest = "") {
    this.#high = parseInt(digest.slice(0, 8), 16) | 0;
    this.#low = parseInt(digest.slice(8), 16) | 0;
  }

  /**
   * @param name Name of the next file.
   * @param figures What the file system reports.
   */
  addFile(name: string, figures: FileFigures): void {
    this.#file(name, figures, 1);
  }

  /**
   * Takes a file out again.
   *
   * @param name Its name.
   * @param figures As they were added.
   */
  removeFile(name: string, figures: FileFigures): void {
    this.#file(name, figures, -1);
  }

  #file(name: string, figures: FileFigures, times: 1 | -1): void {
    const { sizeBytes, mtimeMs, mode, id } = figures;
    const ino = id === null ? 0 : id.ino;
    const birthMs = id === null ? NO_BIRTH : id.birthMs;
    let [a, b] = [hashName(name), hashNameOtherwise(name)];
    a = mixNumber(a, sizeBytes);
    b = mixNumber(b, mtimeMs);
    a = mixNumber(a, mtimeMs);
    b = mixNumber(b, sizeBytes);
    a = mixNumber(a, ino);
    b = mixNumber(b, birthMs);
    a = mixNumber(a, birthMs);
    b = mixNumber(b, ino);
    this.#put(mix(a, mode), mix(b, mode + 7), times);
  }

  /**
   * @param name Name of the next folder.
   * @param isMount Whether another file system begins there.
   * @param id Its id.
   */
  addFolder(name: string, isMount: boolean, id: FileId | null): void {
    const kind = isMount ? 2 : 1;
    // Not its time of creation: see `isEqualId`.
    const ino = id === null ? 0 : id.ino;
    let [a, b] = [hashName(name), hashNameOtherwise(name)];
    a = mixNumber(a, ino);
    b = mixNumber(b, ino);
    this.#put(mix(a, kind), mix(b, kind + 7), 1);
  }

  /**
   * A sum: the order in which a file system lists does not matter, and one
   * entry can be taken out without all others.
   */
  #put(a: number, b: number, times: 1 | -1): void {
    this.#low = (this.#low + times * finish(a ^ (b >>> 7))) | 0;
    this.#high = (this.#high + times * finish(b ^ (a >>> 11))) | 0;
  }

  /** The digest as 16 hex digits. */
  value(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

function hex(number: number): string {
  return (number >>> 0).toString(16).padStart(8, "0");
}

function hashName(name: string): number {
  let hash = 0x9e3779b9;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  }
  return hash;
}

/** Two names that are one to the other hash are two to this. */
function hashNameOtherwise(name: string): number {
  let hash = 0x85ebca6b;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x5bd1e995) ^ (hash >>> 15);
  }
  return hash;
}

function mixNumber(hash: number, value: number): number {
  return mix(mix(hash, value | 0), Math.floor(value / 0x1_0000_0000) | 0);
}

function mix(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let h = hash ^ Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
