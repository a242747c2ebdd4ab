/**
 * A root on disk: looking at paths in it, and reading files of it, without
 * ever following a link out of it.
 *
 * @module
 */
import fs from "node:fs";
import { figuresOf, type Habits, isStill } from "./figures.ts";
import { isLink } from "./links.ts";
import { folderOf } from "./paths.ts";
import { codeOf } from "./system_errors.ts";
import type { FileFigures, Side } from "./types.ts";

/** The reason for which an action is left for the next run. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** What stands at a path. */
export type Look =
  | { readonly kind: "absent" }
  | { readonly kind: "file"; readonly figures: FileFigures }
  | { readonly kind: "directory" }
  /** A link or a special file. */
  | { readonly kind: "other" };

/** Said where a root is not there any more. */
export const WENT_AWAY = "a root went away during the run";

/** Said wherever a second look finds something else than the scan did. */
export const CHANGED = "changed during the run";

/** A parent folder that was looked at is not looked at again for so long. */
const PARENT_TRUST_MS = 20;

/** The unit in which systems count what a file takes. */
const BLOCK_BYTES = 512;

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

/** One root, and what its file system does to names and times. */
export class Root {
  /** Which root. */
  readonly side: Side;
  /** Absolute path. */
  readonly path: string;
  /** Probed at the start of the run. */
  readonly habits: Habits;
  readonly #trusted = new Map<string, number>();
  readonly #self: Deno.FileInfo | null;
  /** False once the file system has shown that it has no links. */
  hasLinks = true;

  /**
   * @param side Which root.
   * @param path Absolute path.
   * @param habits Its habits.
   */
  constructor(side: Side, path: string, habits: Habits) {
    this.side = side;
    this.path = path.replace(/(?<=.)[/\\]+$/, "");
    this.habits = habits;
    this.#self = statOf(this.absolute(""));
  }

  /** The absolute path of a path in the root. */
  absolute(path: string): string {
    if (path !== "") return `${this.path}/${path}`;
    // P: alone is the current folder of that drive.
    return this.path.endsWith(":") ? `${this.path}/` : this.path;
  }

  /**
   * Looks at a path, without following links.
   *
   * @param path The path.
   * @throws {Skipped} A folder above it is no real folder of the root.
   */
  look(path: string): Look {
    this.requireRealFolder(folderOf(path));
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(this.absolute(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { kind: "absent" };
      throw error;
    }
    if (isLink(this.absolute(path), info)) return { kind: "other" };
    if (info.isFile) return { kind: "file", figures: this.figures(info) };
    return { kind: info.isDirectory ? "directory" : "other" };
  }

  /** Figures as this root's record keeps them. */
  figures(info: Deno.FileInfo): FileFigures {
    return figuresOf(info, this.habits.tickMs);
  }

  /**
   * Makes sure that a folder and all above it are folders of the root and no
   * links: path permissions are lexical, a link would lead out of them.
   *
   * @param folder The folder.
   * @throws {Skipped} One of them is missing or something else.
   */
  requireRealFolder(folder: string): void {
    const until = this.#trusted.get(folder);
    const now = performance.now();
    if (until !== undefined && now < until) return;
    if (folder === "") this.#requireSelf();
    else {
      this.requireRealFolder(folderOf(folder));
      this.#requireFolder(folder);
    }
    if (this.#trusted.size > 1000) this.#trusted.clear();
    this.#trusted.set(folder, now + PARENT_TRUST_MS);
  }

  #requireFolder(folder: string): void {
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(this.absolute(folder));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw new Skipped(CHANGED);
      throw error;
    }
    if (!info.isDirectory || isLink(this.absolute(folder), info)) {
      throw new Skipped(CHANGED);
    }
  }

  /** Where a disk is unmounted, an empty folder takes its place. */
  #requireSelf(): void {
    const now = statOf(this.absolute(""));
    const isSame = now !== null && now.dev === this.#self?.dev &&
      now.ino === this.#self.ino;
    if (!isSame) throw new Skipped(WENT_AWAY);
  }

  /** Forgets which folders were looked at: one of them is about to change. */
  distrust(): void {
    this.#trusted.clear();
  }

  /**
   * Requires that a file is what the scan saw.
   *
   * @param path The file.
   * @param seen What the scan saw.
   * @returns The figures now.
   * @throws {Skipped} It is something else by now.
   */
  requireFile(path: string, seen: FileFigures): FileFigures {
    const look = this.look(path);
    if (look.kind !== "file" || !isStill(seen, look.figures)) {
      throw new Skipped(CHANGED);
    }
    return look.figures;
  }

  /**
   * Requires that nothing stands at a path.
   *
   * @param path The path.
   * @throws {Skipped} Something does.
   */
  requireAbsent(path: string): void {
    if (this.look(path).kind !== "absent") throw new Skipped(CHANGED);
  }

  /**
   * Opens a file for reading: never through a link, and only if it is the
   * one that was seen.
   *
   * @param path The file.
   * @param seen What was seen of it.
   * @returns The open file.
   * @throws {Skipped} It is another file by now.
   */
  open(path: string, seen: FileFigures): OpenFile {
    this.requireRealFolder(folderOf(path));
    // O_NONBLOCK: a pipe swapped in must not hold the run up.
    const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    let fd: number;
    try {
      fd = fs.openSync(this.absolute(path), flags);
    } catch (error) {
      // ELOOP: a link was put in its place.
      const isOther = ["ELOOP", "ENOENT", "ENXIO"].includes(
        codeOf(error) ?? "",
      );
      throw isOther ? new Skipped(CHANGED) : error;
    }
    const file = new OpenFile(this, path, seen, fd);
    try {
      file.requireUnchanged();
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
    return file;
  }
}

/** Null for what can't be looked at. */
function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return null;
  }
}

/** A file of a root, open for reading. */
export class OpenFile implements Disposable {
  readonly #root: Root;
  readonly #path: string;
  readonly #seen: FileFigures;
  readonly #fd: number;
  #hasHoles = false;

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
    this.requireUnchanged();
    return this.#root.requireFile(this.#path, this.#seen);
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    fs.closeSync(this.#fd);
  }
}
