/**
 * Calls of the system that have to do with some folders, each watched before
 * it is made: for this process, until it is disposed of.
 *
 * @module
 */
import fs from "node:fs";
import { PATH_CALLS, replaceCall } from "./system_calls.ts";

/** Calls on open files, wherever these are. */
const OF_FILES: readonly (readonly [object, string])[] = [
  [fs, "readSync"],
  [Deno.FsFile.prototype, "sync"],
  [Deno.FsFile.prototype, "syncSync"],
  [Deno.FsFile.prototype, "writeSync"],
];

/** Watched calls. */
export class WatchedCalls implements Disposable {
  readonly #folders: readonly string[];
  readonly #before: (n: number) => void;
  readonly #replaced = new DisposableStack();
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
    // Not all file systems let times be set: that one is no failure.
    const { utimeSync: _, ...calls } = PATH_CALLS;
    for (const [call, paths] of Object.entries(calls)) {
      this.#watch(Deno, call, (args) => args.slice(0, paths));
    }
    this.#watch(fs, "openSync", ([path]) => [path]);
    for (const [system, call] of OF_FILES) {
      this.#watch(system, call, () => folders);
    }
  }

  #watch(
    system: object,
    call: string,
    pathsOf: (args: unknown[]) => readonly unknown[],
  ): void {
    this.#replaced.use(replaceCall(system, call, (real, ...args) => {
      this.#pass(pathsOf(args));
      return real(...args);
    }));
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
    this.#replaced.dispose();
  }
}
