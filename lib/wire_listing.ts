/**
 * One folder of one side, as a scan hands it on: packed in columns, so that it
 * moves between threads without being copied, and with a digest that tells an
 * unchanged one without looking at a single row of it.
 *
 * @module
 */
import type { FileId, Metadata } from "./types.ts";

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
  readonly isChanging: boolean;
  /** The names, joined by `/`. */
  readonly names: string;
  /** {@linkcode STRIDE} numbers for each name. */
  readonly metadata: Float64Array<ArrayBuffer>;
}

/** Numbers per entry: size, mtime, inode, birth time, mode and kind. */
const STRIDE = 5;

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

  /** Adds a file; every one of a scan comes by here. */
  addFile(name: string, metadata: Metadata): void {
    const { sizeBytes, mtimeMs, mode, id } = metadata;
    this.#add(name, sizeBytes, mtimeMs, id, mode + KIND_FILE * KIND_SHIFT);
    this.#digest.addFile(name, metadata);
  }

  /**
   * Adds a folder.
   *
   * @param isMount Whether another file system begins there.
   */
  addDirectory(name: string, isMount: boolean, id: FileId | null): void {
    const kind = isMount ? KIND_MOUNT : KIND_DIRECTORY;
    this.#add(name, 0, 0, id, kind * KIND_SHIFT);
    this.#digest.addFolder(name, isMount, id);
  }

  #add(
    name: string,
    sizeBytes: number,
    mtimeMs: number,
    id: FileId | null,
    modeAndKind: number,
  ): void {
    const at = this.#names.length * STRIDE;
    if (at + STRIDE > this.#metadata.length) {
      const larger = new Float64Array(this.#metadata.length * 2);
      larger.set(this.#metadata);
      this.#metadata = larger;
    }
    this.#names.push(name);
    const to = this.#metadata;
    to[at] = sizeBytes;
    to[at + 1] = mtimeMs;
    to[at + 2] = id?.ino ?? 0;
    to[at + 3] = id?.birthMs ?? NO_BIRTH;
    to[at + 4] = modeAndKind;
  }

  /** The digest of what was added so far. */
  digest(): string {
    return this.#digest.value();
  }

  /** The listing, with numbers of its own. */
  listing(
    folder: string,
    look: Pick<Listing, "lookedAtMs" | "isChanging">,
  ): Listing {
    const names = this.#names.join("/");
    const metadata = this.#metadata.slice(0, this.#names.length * STRIDE);
    return { folder, ...look, names, metadata };
  }
}

/** The entries of a listing, in the order in which they were added. */
export function entriesOf({ names, metadata }: Listing): Entry[] {
  if (metadata.length === 0) return [];
  return names.split("/").map((name, index) => {
    const at = index * STRIDE;
    const birthMs = metadata[at + 3]!;
    const id = birthMs === NO_BIRTH
      ? null
      : { ino: metadata[at + 2]!, birthMs };
    const kind = Math.floor(metadata[at + 4]! / KIND_SHIFT);
    if (kind !== KIND_FILE) {
      return { kind: "directory", name, isMount: kind === KIND_MOUNT, id };
    }
    return {
      kind: "file",
      name,
      sizeBytes: metadata[at]!,
      mtimeMs: metadata[at + 1]!,
      mode: metadata[at + 4]! % KIND_SHIFT,
      id,
    };
  });
}

/**
 * The 64-bit digest of a folder: equal entries in any order give equal
 * digests. It tells whether a folder has to be looked at more closely, and is
 * never taken for equality of content.
 *
 * Files count by name, size, mtime, mode and id, folders by name, kind and id.
 */
export class DigestBuilder {
  #low = 0;
  #high = 0;

  /** @param digest What to go on from; left out: nothing. */
  constructor(digest: string = "0".repeat(16)) {
    this.#high = Number.parseInt(digest.slice(0, 8), 16) | 0;
    this.#low = Number.parseInt(digest.slice(8), 16) | 0;
  }

  /** Takes a file out that was added. */
  removeFile(name: string, metadata: Metadata): void {
    const [low, high] = [this.#low, this.#high];
    [this.#low, this.#high] = [0, 0];
    this.addFile(name, metadata);
    this.#low = (low - this.#low) | 0;
    this.#high = (high - this.#high) | 0;
  }

  /** Adds a file. */
  addFile(name: string, { sizeBytes, mtimeMs, mode, id }: Metadata): void {
    const ino = id?.ino ?? 0;
    const birthMs = id?.birthMs ?? NO_BIRTH;
    let [a, b] = [hashName(name), hashNameOtherwise(name)];
    a = mixNumber(a, sizeBytes);
    b = mixNumber(b, mtimeMs);
    a = mixNumber(a, mtimeMs);
    b = mixNumber(b, sizeBytes);
    a = mixNumber(a, ino);
    b = mixNumber(b, birthMs);
    a = mixNumber(a, birthMs);
    b = mixNumber(b, ino);
    this.#put(mix(a, mode), mix(b, mode + 7));
  }

  /** Adds a folder. */
  addFolder(name: string, isMount: boolean, id: FileId | null): void {
    const kind = isMount ? KIND_MOUNT : KIND_DIRECTORY;
    // Not its time of creation: see `isEqualId`.
    const ino = id?.ino ?? 0;
    const a = mixNumber(hashName(name), ino);
    const b = mixNumber(hashNameOtherwise(name), ino);
    this.#put(mix(a, kind), mix(b, kind + 7));
  }

  /** A sum: the order in which a file system lists does not matter. */
  #put(a: number, b: number): void {
    this.#low = (this.#low + finish(a ^ (b >>> 7))) | 0;
    this.#high = (this.#high + finish(b ^ (a >>> 11))) | 0;
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
