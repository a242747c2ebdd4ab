/**
 * Threads that help with copies of large files.
 *
 * @module
 */
import type { CopyThreads } from "./apply_threads.ts";
import { SharedCopy } from "./files_copy.ts";
import type { ThreadSupply } from "./threaded_copies.ts";
import type { ShareTask } from "./wire_messages.ts";

/** A smaller file is copied before a thread has started. */
const LARGE_BYTES = 64 * 1024 * 1024;

/** Starts helpers with the first large file. */
export class LargeCopies implements Disposable {
  readonly #supply: ThreadSupply | undefined;
  #threads: CopyThreads | null = null;

  /** @param supply Where threads come from; undefined: nowhere. */
  constructor(supply: ThreadSupply | undefined) {
    this.#supply = supply;
  }

  /**
   * Has other threads help with a copy.
   *
   * @param task What is copied, and where to.
   * @param file The copy, open and empty.
   * @returns What they share; null where it goes without them.
   */
  share(
    task: Omit<ShareTask, "self">,
    file: Deno.FsFile,
  ): SharedCopy | null {
    const { helpers = 0 } = this.#supply ?? {};
    const { sizeBytes } = task.seen;
    if (helpers === 0 || sizeBytes < LARGE_BYTES) return null;
    this.#threads ??= this.#supply!.start(helpers);
    const { dev, ino } = file.statSync();
    const shared = new SharedCopy(sizeBytes);
    this.#threads.help({ ...task, self: { dev, ino } }, shared.memory);
    return shared;
  }

  /** Ends the threads. */
  [Symbol.dispose](): void {
    this.#threads?.[Symbol.dispose]();
  }
}
