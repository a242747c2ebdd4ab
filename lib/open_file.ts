/**
 * Reading files of a root, without ever following a link out of it.
 *
 * @module
 */
import fs from "node:fs";
import { figuresOf, isStill } from "./metadata.ts";
import { folderOf } from "./paths.ts";
import type { Root } from "./root_files.ts";
import { CHANGED, codeOf, Skipped } from "./system.ts";
import type { FileFigures } from "./types.ts";

/** The unit in which systems count what a file takes. */
const BLOCK_BYTES = 512;

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

/**
 * Opens a file for reading: never through a link, and only if it is the one
 * that was seen.
 *
 * @param root The root it is in.
 * @param path The file.
 * @param seen What was seen of it.
 * @returns The open file.
 * @throws {Skipped} It is another file by now.
 */
export function openFile(
  root: Root,
  path: string,
  seen: FileFigures,
): OpenFile {
  root.requireRealFolder(folderOf(path));
  // O_NONBLOCK: a pipe swapped in must not hold the run up.
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  let fd: number;
  try {
    fd = fs.openSync(root.absolute(path), flags);
  } catch (error) {
    // ELOOP: a link was put in its place.
    const isOther = ["ELOOP", "ENOENT", "ENXIO"].includes(codeOf(error) ?? "");
    throw isOther ? new Skipped(CHANGED) : error;
  }
  const file = new OpenFile(root, path, seen, fd);
  try {
    file.requireUnchanged();
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
  return file;
}

/** A file of a root, open for reading. */
export class OpenFile implements Disposable {
  readonly #root: Root;
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
  constructor(root: Root, path: string, seen: FileFigures, fd: number) {
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
   * @param at Where in the file; null: where the last one ended.
   * @returns How many came; none only at the end.
   */
  readSome(
    buffer: Uint8Array,
    most: number,
    at: number | null = null,
  ): number {
    return fs.readSync(this.#fd, buffer, 0, most, at);
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
