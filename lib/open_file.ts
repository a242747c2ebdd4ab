/**
 * A file that is open for reading, and still the one that was seen.
 *
 * @module
 */
import fs from "node:fs";
import { figuresOf, type Habits, isStill } from "./figures.ts";
import { CHANGED, Skipped } from "./skipped.ts";
import type { FileFigures } from "./types.ts";

/** The unit in which systems count what a file takes. */
const BLOCK_BYTES = 512;

/** The root that a file is in. */
interface LookedAt {
  readonly habits: Habits;
  info(path: string): Deno.FileInfo | null;
}

/** A file of a root, open for reading. */
export class OpenFile implements Disposable {
  readonly #root: LookedAt;
  readonly #path: string;
  readonly #seen: FileFigures;
  readonly #fd: number;
  #hasHoles = false;
  #dev = 0;
  #ino = 0;

  /**
   * @param root The root it is in.
   * @param path Its path.
   * @param seen What was seen of it.
   * @param fd The open file.
   */
  constructor(root: LookedAt, path: string, seen: FileFigures, fd: number) {
    this.#root = root;
    this.#path = path;
    this.#seen = seen;
    this.#fd = fd;
  }

  /**
   * Reads on.
   *
   * @param buffer Takes the bytes.
   * @returns How many came; fewer than the buffer holds only at the end.
   */
  read(buffer: Uint8Array): number {
    let filled = 0;
    while (filled < buffer.length) {
      const count = fs.readSync(
        this.#fd,
        buffer,
        filled,
        buffer.length - filled,
        null,
      );
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  /**
   * Reads on, as much as comes at once.
   *
   * @param buffer Takes the bytes.
   * @param most How many of them at most.
   * @returns How many came; none only at the end.
   */
  readSome(buffer: Uint8Array, most: number): number {
    return fs.readSync(this.#fd, buffer, 0, most, null);
  }

  /** Requires that the open file is still what was seen. */
  requireUnchanged(): void {
    const info = fs.fstatSync(this.#fd);
    const now = figuresOf({
      size: info.size,
      mtime: new Date(Math.floor(info.mtimeMs)),
      birthtime: new Date(Math.floor(info.birthtimeMs)),
      mode: info.mode,
      ino: info.ino,
      nlink: info.nlink,
    }, this.#root.habits.tickMs);
    if (!info.isFile() || !isStill(this.#seen, now)) {
      throw new Skipped(CHANGED);
    }
    this.#hasHoles = info.blocks * BLOCK_BYTES < info.size;
    this.#dev = info.dev;
    this.#ino = info.ino;
  }

  /** Whether parts of it take no room on its disk. */
  get hasHoles(): boolean {
    return this.#hasHoles;
  }

  /**
   * The look after reading: the path still leads to the very file, and
   * nobody wrote to it meanwhile.
   *
   * @returns Its figures.
   * @throws {Skipped} It changed while it was read.
   */
  finish(): FileFigures {
    const info = this.#root.info(this.#path);
    const figures = info && figuresOf(info, this.#root.habits.tickMs);
    if (!info?.isFile || figures === null || !isStill(this.#seen, figures)) {
      throw new Skipped(CHANGED);
    }
    // Where the path leads to what is open, one look has told of both.
    const isOpenOne = info.ino !== null && info.ino !== 0 &&
      info.ino === this.#ino && info.dev === this.#dev;
    if (!isOpenOne) this.requireUnchanged();
    return figures;
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    fs.closeSync(this.#fd);
  }
}
