/**
 * Calls of the system that have to do with some folders, each watched before
 * it is made: for this process, until it is disposed of.
 *
 * @module
 */
import fs from "node:fs";

/** Calls of the runtime, with how many paths they take. */
const CALLS: Readonly<Record<string, number>> = {
  chmodSync: 1,
  linkSync: 2,
  lstatSync: 1,
  mkdirSync: 1,
  openSync: 1,
  readDirSync: 1,
  removeSync: 1,
  renameSync: 2,
};

/**
 * Calls on open files, wherever these are. Not all file systems let times be
 * set: that one is no failure.
 */
const OF_FILES = ["sync", "syncSync", "writeSync"];

// deno-lint-ignore no-explicit-any
type AnyFunction = (...args: any[]) => any;

/** Watched calls. */
export class WatchedCalls implements Disposable {
  readonly #folders: readonly string[];
  readonly #before: (n: number) => void;
  readonly #restore: (() => void)[] = [];
  #count = 0;
  #isBusy = false;

  /**
   * @param folders Absolute paths.
   * @param before Told of each call, counted from 1; calls of its own are not
   *   watched, and what it throws is what the call throws.
   */
  constructor(folders: readonly string[], before: (n: number) => void) {
    this.#folders = folders;
    this.#before = before;
    for (const [call, paths] of Object.entries(CALLS)) {
      this.#replace(Deno, call, (args) => args.slice(0, paths));
    }
    this.#replace(fs, "openSync", ([path]) => [path]);
    for (const call of OF_FILES) {
      this.#replace(Deno.FsFile.prototype, call, () => folders);
    }
  }

  #replace(
    system: object,
    call: string,
    pathsOf: (args: unknown[]) => readonly unknown[],
  ): void {
    const calls = system as Record<string, AnyFunction>;
    const real = calls[call]!;
    const pass = (args: unknown[]): void => this.#pass(pathsOf(args));
    calls[call] = function (this: unknown, ...args: unknown[]): unknown {
      pass(args);
      return real.apply(this, args);
    };
    this.#restore.push(() => calls[call] = real);
  }

  #pass(paths: readonly unknown[]): void {
    const isHere = paths.some((path) =>
      this.#folders.some((it) => `${path}/`.startsWith(`${it}/`))
    );
    if (!isHere || this.#isBusy) return;
    this.#isBusy = true;
    try {
      this.#before(++this.#count);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Makes the calls as they were. */
  [Symbol.dispose](): void {
    for (const restore of this.#restore.reverse()) restore();
  }
}
