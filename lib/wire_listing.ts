/**
 * One folder of one side, as a scan hands it on: packed, so that it moves
 * between threads without being copied.
 *
 * @module
 */
import type { FileId, Metadata } from "./types.ts";

// The digest of a folder, which tells an unchanged one without looking at a
// single row of it.

/** Stands for "no id": no file system gives it. */
const NO_BIRTH_FOLDER_DIGEST = -1;

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
   * @param metadata What the file system reports.
   */
  addFile(name: string, metadata: Metadata): void {
    this.#file(name, metadata, 1);
  }

  /**
   * Takes a file out again.
   *
   * @param name Its name.
   * @param metadata As they were added.
   */
  removeFile(name: string, metadata: Metadata): void {
    this.#file(name, metadata, -1);
  }

  #file(name: string, metadata: Metadata, times: 1 | -1): void {
    const { sizeBytes, mtimeMs, mode, id } = metadata;
    const ino = id === null ? 0 : id.ino;
    const birthMs = id === null ? NO_BIRTH_FOLDER_DIGEST : id.birthMs;
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

/** A file in a folder. */
export interface FileEntry extends Metadata {
  readonly kind: "file";
  readonly name: string;
}

/** A folder in a folder. Its times and mode are not synced. */
export interface DirectoryEntry {
  readonly kind: "directory";
  readonly name: string;
  /** Another file system begins here. */
  readonly isMount: boolean;
  readonly id: FileId | null;
}

/** What a scan found at a name. */
export type Entry = FileEntry | DirectoryEntry;

/** The entries of one folder, packed. */
export interface Listing {
  /** The folder's path as this side spells it; `""` is the root. */
  readonly folder: string;
  /** When the folder was looked at, by the local clock, in ms since 1970. */
  readonly lookedAtMs: number;
  /** The folder changed after the scan had begun. */
  readonly isUnsettled: boolean;
  /** The names, joined by `/`. */
  readonly names: string;
  /** {@linkcode STRIDE} numbers for each name. */
  readonly metadata: Float64Array<ArrayBuffer>;
}

/** Numbers per entry: size, mtime, inode, birth time, mode and kind. */
export const STRIDE = 5;

const KIND_SHIFT = 0o1000;
const KIND_FILE = 0;
const KIND_DIRECTORY = 1;
const KIND_MOUNT = 2;
/** Stands for "no id": no file system gives it. */
const NO_BIRTH = -1;

/** Collects one folder's entries and their digest; used again and again. */
export class ListingBuilder {
  #names: string[] = [];
  #metadata: Float64Array<ArrayBuffer> = new Float64Array(64 * STRIDE);
  #digest = new DigestBuilder();

  /** Starts the next folder. */
  clear(): void {
    this.#names = [];
    this.#digest = new DigestBuilder();
  }

  /** @param entry The next entry of the folder. */
  add(entry: Entry): void {
    if (entry.kind === "file") this.addFile(entry.name, entry);
    else this.addDirectory(entry.name, entry.isMount, entry.id);
  }

  /**
   * Adds a file; every one of a scan comes by here.
   *
   * @param name Its name.
   * @param metadata What the file system reports.
   */
  addFile(name: string, metadata: Metadata): void {
    const at = this.#next(name);
    packFile(metadata, this.#metadata, at);
    this.#digest.addFile(name, metadata);
  }

  /**
   * Adds a folder.
   *
   * @param name Its name.
   * @param isMount Whether another file system begins there.
   * @param id Its id.
   */
  addDirectory(name: string, isMount: boolean, id: FileId | null): void {
    const at = this.#next(name);
    packDirectory(isMount, id, this.#metadata, at);
    this.#digest.addFolder(name, isMount, id);
  }

  /** Where the metadata of the next name go. */
  #next(name: string): number {
    const at = this.#names.length * STRIDE;
    if (at + STRIDE > this.#metadata.length) this.#grow();
    this.#names.push(name);
    return at;
  }

  /** The digest of what was added so far. */
  digest(): string {
    return this.#digest.value();
  }

  /**
   * The listing, with numbers of its own.
   *
   * @param folder The folder's path.
   * @param look When the look at it began, in ms since 1970, and whether the
   *   folder changed since the scan began.
   */
  listing(
    folder: string,
    look: { readonly lookedAtMs: number; readonly isUnsettled: boolean },
  ): Listing {
    const names = this.#names.join("/");
    const metadata = this.#metadata.slice(0, this.#names.length * STRIDE);
    return { folder, ...look, names, metadata };
  }

  #grow(): void {
    const larger = new Float64Array(this.#metadata.length * 2);
    larger.set(this.#metadata);
    this.#metadata = larger;
  }
}

function packDirectory(
  isMount: boolean,
  id: FileId | null,
  to: Float64Array,
  at: number,
): void {
  to[at] = 0;
  to[at + 1] = 0;
  to[at + 2] = id?.ino ?? 0;
  to[at + 3] = id?.birthMs ?? NO_BIRTH;
  to[at + 4] = (isMount ? KIND_MOUNT : KIND_DIRECTORY) * KIND_SHIFT;
}

function packFile(metadata: Metadata, to: Float64Array, at: number): void {
  to[at] = metadata.sizeBytes;
  to[at + 1] = metadata.mtimeMs;
  to[at + 2] = metadata.id?.ino ?? 0;
  to[at + 3] = metadata.id?.birthMs ?? NO_BIRTH;
  to[at + 4] = metadata.mode + KIND_FILE * KIND_SHIFT;
}

/**
 * Unpacks a listing.
 *
 * @param listing The packed form.
 * @returns Its entries, in the order in which they were added.
 */
export function entriesOf(listing: Listing): Entry[] {
  if (listing.metadata.length === 0) return [];
  return listing.names.split("/").map((name, index) =>
    unpackEntry(name, listing.metadata, index * STRIDE)
  );
}

function unpackEntry(name: string, from: Float64Array, at: number): Entry {
  const sizeBytes = from[at]!;
  const mtimeMs = from[at + 1]!;
  const ino = from[at + 2]!;
  const birthMs = from[at + 3]!;
  const modeAndKind = from[at + 4]!;
  const kind = Math.floor(modeAndKind / KIND_SHIFT);
  const id: FileId | null = birthMs === NO_BIRTH ? null : { ino, birthMs };
  if (kind !== KIND_FILE) {
    return { kind: "directory", name, isMount: kind === KIND_MOUNT, id };
  }
  const mode = modeAndKind % KIND_SHIFT;
  return { kind: "file", name, sizeBytes, mtimeMs, mode, id };
}
