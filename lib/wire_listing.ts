/**
 * One folder of one side, as a scan hands it on: packed, so that it moves
 * between threads without being copied.
 *
 * @module
 */
import { DigestBuilder } from "./folder_digest.ts";
import type { FileFigures, FileId } from "./types.ts";

/** A file in a folder. */
export interface FileEntry extends FileFigures {
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
  readonly figures: Float64Array<ArrayBuffer>;
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
  #figures: Float64Array<ArrayBuffer> = new Float64Array(64 * STRIDE);
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
   * @param figures What the file system reports.
   */
  addFile(name: string, figures: FileFigures): void {
    const at = this.#next(name);
    packFile(figures, this.#figures, at);
    this.#digest.addFile(name, figures);
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
    packDirectory(isMount, id, this.#figures, at);
    this.#digest.addFolder(name, isMount, id);
  }

  /** Where the figures of the next name go. */
  #next(name: string): number {
    const at = this.#names.length * STRIDE;
    if (at + STRIDE > this.#figures.length) this.#grow();
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
    const figures = this.#figures.slice(0, this.#names.length * STRIDE);
    return { folder, ...look, names, figures };
  }

  #grow(): void {
    const larger = new Float64Array(this.#figures.length * 2);
    larger.set(this.#figures);
    this.#figures = larger;
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

function packFile(figures: FileFigures, to: Float64Array, at: number): void {
  to[at] = figures.sizeBytes;
  to[at + 1] = figures.mtimeMs;
  to[at + 2] = figures.id?.ino ?? 0;
  to[at + 3] = figures.id?.birthMs ?? NO_BIRTH;
  to[at + 4] = figures.mode + KIND_FILE * KIND_SHIFT;
}

/**
 * Unpacks a listing.
 *
 * @param listing The packed form.
 * @returns Its entries, in the order in which they were added.
 */
export function entriesOf(listing: Listing): Entry[] {
  if (listing.figures.length === 0) return [];
  return listing.names.split("/").map((name, index) =>
    unpackEntry(name, listing.figures, index * STRIDE)
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
