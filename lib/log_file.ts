/**
 * The file of a log: appended to, rotated by size, and never trusted to have
 * taken what it was given.
 *
 * It stands on the bare calls: loading a library for it would take every run
 * longer than all it writes, and those at hand take no notice of a disk that
 * has room for a part only.
 *
 * @module
 */
import { dirname } from "node:path";
import { codeOf } from "./system.ts";

/** Where a log goes, and how much is kept of it. */
export interface LogFileOptions {
  /** Absolute path; its folder is made where it is missing. */
  readonly file: string;
  /** A file is rotated before it grows beyond this. */
  readonly maxSizeBytes: number;
  /** How many files are kept, the current one included. */
  readonly maxFiles: number;
}

/** An open log file. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  #file: Deno.FsFile | null;
  /** A full disk took a part of what was written: its line has no end. */
  #isTorn = false;
  #rotates = true;

  /**
   * Opens the file.
   *
   * @param options Where, and how much is kept.
   * @throws The system's error where it can't be opened.
   */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#file = openFirst(options.file);
  }

  /**
   * Appends a text. A file that can't be rotated is written to all the same:
   * on Windows an editor that holds the old one is enough.
   *
   * @param text Whole lines. What the disk does not take is lost: kept for
   *   later, it would grow with the run.
   * @returns The first thing that went wrong; null: nothing.
   */
  write(text: string): unknown {
    const bytes = new TextEncoder().encode(this.#isTorn ? `\n${text}` : text);
    const failure = this.#makeRoom(bytes.length);
    try {
      this.#append(bytes);
      return failure;
    } catch (error) {
      return failure ?? error;
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    if (this.#isTorn) this.write("");
    this.#close();
  }

  /** Gives what went wrong, or null. */
  #makeRoom(bytes: number): unknown {
    try {
      this.#file ??= open(this.#options.file);
      const { isFile, size } = this.#file.statSync();
      const { maxSizeBytes } = this.#options;
      const fits = size === 0 || size + bytes <= maxSizeBytes;
      if (fits || !isFile || !this.#rotates) return null;
      this.#close();
      this.#rotate();
      return null;
    } catch (error) {
      // Once is enough: it would fail at each record from now on.
      this.#rotates = false;
      return error;
    }
  }

  /** The oldest goes, each other one gets the number of the one before it. */
  #rotate(): void {
    const { file, maxFiles } = this.#options;
    const old = (number: number) => number === 0 ? file : `${file}.${number}`;
    if (maxFiles === 1) Deno.removeSync(file);
    for (let number = maxFiles - 1; number > 0; number--) {
      renameIfThere(old(number - 1), old(number));
    }
  }

  #append(bytes: Uint8Array): void {
    this.#file ??= open(this.#options.file);
    for (let at = 0; at < bytes.length;) {
      const count = this.#file.writeSync(bytes.subarray(at));
      at += count;
      this.#isTorn = at < bytes.length && (at > 0 || this.#isTorn);
    }
    this.#isTorn = false;
  }

  #close(): void {
    this.#file?.close();
    this.#file = null;
  }
}

/** The folder is made only when missing: it may be all that is forbidden. */
function openFirst(file: string): Deno.FsFile {
  try {
    return open(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(dirname(file), { recursive: true });
    return open(file);
  }
}

function open(file: string): Deno.FsFile {
  return Deno.openSync(file, { append: true, create: true });
}

function renameIfThere(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
