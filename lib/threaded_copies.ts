/**
 * The copies of a plan that threads make: collected into batches, handed out
 * a few ahead, and taken back in order.
 *
 * @module
 */
import type { CopyThreads } from "./apply_threads.ts";
import { folderOf } from "./paths.ts";
import type { Action } from "./plan_types.ts";
import type { CopyDone, CopyTask } from "./wire_messages.ts";

/** Limits of a batch. */
const MOST_FILES = 128;
const BATCH_BYTES = 8 * 1024 * 1024;

/** From here on a batch ends with a folder: threads then rarely meet there. */
const FOLDER_FILES = 64;

/** Larger files are copied by the run itself, piece by piece. */
const SMALL_BYTES = 1024 * 1024;

/** Batches per thread that are handed out: one is made, one waits. */
const AHEAD = 2;

/**
 * Whether a file is small enough for a batch.
 *
 * @param sizeBytes Its size.
 */
export function isSmall(sizeBytes: number): boolean {
  return sizeBytes <= SMALL_BYTES;
}

/** A copy, and what it belongs to. */
export interface Threaded<Item> {
  readonly item: Item;
  readonly task: CopyTask;
}

/** A copy that a thread has dealt with. */
export interface TakenBack<Item> extends Threaded<Item> {
  readonly done: CopyDone;
}

/** A batch that was handed out. */
interface Batch<Item> {
  readonly copies: readonly Threaded<Item>[];
  readonly done: Promise<readonly CopyDone[]>;
}

/** Told what became of a batch. */
type Take<Item> = (copies: readonly TakenBack<Item>[]) => Promise<void>;

/** Copies on their way through threads; an `Item` is whatever they belong to. */
export class ThreadedCopies<Item> {
  readonly #threads: CopyThreads;
  readonly #take: Take<Item>;
  readonly #batchFiles: number;
  readonly #batches: Batch<Item>[] = [];
  #copies: Threaded<Item>[] = [];
  #bytes = 0;

  /**
   * @param threads Make the copies.
   * @param count How many copies there will be.
   * @param take Told what became of a batch.
   */
  constructor(threads: CopyThreads, count: number, take: Take<Item>) {
    this.#threads = threads;
    this.#take = take;
    // Each thread is to get some, and at the end none is to wait for another.
    const share = Math.ceil(count / (AHEAD * threads.count));
    this.#batchFiles = Math.min(MOST_FILES, share);
  }

  /**
   * Adds a copy. May wait for earlier ones, and tell of them.
   *
   * @param item What it belongs to.
   * @param task What to copy.
   */
  async add(item: Item, task: CopyTask): Promise<void> {
    const last = this.#copies.at(-1)?.task;
    const isOtherFolder = last !== undefined &&
      folderOf(last.path) !== folderOf(task.path);
    if (isOtherFolder && this.#copies.length >= FOLDER_FILES) this.#handOut();
    this.#copies.push({ item, task });
    this.#bytes += task.source.sizeBytes;
    const isFull = this.#copies.length >= this.#batchFiles ||
      this.#bytes >= BATCH_BYTES;
    if (isFull) this.#handOut();
    const most = AHEAD * this.#threads.count;
    while (this.#batches.length > most) await this.#takeNext();
  }

  /** Waits for all copies. */
  async finish(): Promise<void> {
    this.#handOut();
    while (this.#batches.length > 0) await this.#takeNext();
  }

  /** Waits for what is under way, and no more of it than has to be. */
  async stop(): Promise<void> {
    this.#threads.stop();
    this.#copies = [];
    while (this.#batches.length > 0) await this.#takeNext();
  }

  /** Ends the threads, as soon as they have nothing half done. */
  async end(): Promise<void> {
    this.#threads.stop();
    await Promise.all(this.#batches.map(({ done }) => done));
    this.#threads[Symbol.dispose]();
  }

  #handOut(): void {
    const copies = this.#copies;
    if (copies.length === 0) return;
    this.#copies = [];
    this.#bytes = 0;
    const done = this.#threads.copy(copies.map(({ task }) => task));
    this.#batches.push({ copies, done });
  }

  async #takeNext(): Promise<void> {
    const { copies, done } = this.#batches.shift()!;
    const all = await done;
    await this.#take(copies.map((copy, n) => ({ ...copy, done: all[n]! })));
  }
}

/** Where threads come from. */
export interface ThreadSupply {
  /** How many are worth it for so many small copies; 0: none. */
  countFor(copies: number): number;
  /** How many help with a large one. */
  readonly helpers: number;
  /** Starts so many. */
  start(count: number): CopyThreads;
}

/**
 * Starts threads for a plan that has enough for them to do.
 *
 * @param actions The plan.
 * @param threads Where they come from; undefined: nowhere.
 * @param take Told what became of a batch.
 * @returns Null: it goes without them.
 */
export function threadedCopies<Item>(
  actions: readonly Action[],
  threads: ThreadSupply | undefined,
  take: Take<Item>,
): ThreadedCopies<Item> | null {
  let copies = 0;
  for (const { work } of actions) {
    if (work.kind === "copy" && isSmall(work.source.sizeBytes)) copies++;
  }
  const count = threads?.countFor(copies) ?? 0;
  if (!threads || count === 0) return null;
  return new ThreadedCopies(threads.start(count), copies, take);
}
