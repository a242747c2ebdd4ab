/**
 * Threads that copy small files: the copies of a plan are collected into
 * batches, handed out a few ahead, and taken back in order, while the run
 * plans, records and tells what they did before.
 *
 * @module
 */
import { folderOf } from "./paths.ts";
import type { Action } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import type { Both } from "./types.ts";
import {
  type CopyDone,
  type CopyOrder,
  type CopyReply,
  type CopyTask,
  packTasks,
  unpackDone,
  type WireRoot,
} from "./wire_messages.ts";

/** A call that takes longer is one that waits for a network, in ms. */
const SLOW_MS = 1;

/** Threads that wait most of the time: more gain little, and take memory. */
const MOST_WAITING = 16;

/** So many copies take longer than a thread to start. */
const MANY_COPIES = 400;

/**
 * How many threads are worth it. Where each call waits for a network, they
 * wait side by side; elsewhere they share the cores with the run itself.
 *
 * @param callMs What a call takes on the slower side at least, in ms.
 * @param copies How many small copies there are.
 * @returns 0: they are made before threads have started.
 */
export function threadsFor(callMs: number, copies: number): number {
  if (callMs >= SLOW_MS) return copies >= MOST_WAITING ? MOST_WAITING : 0;
  if (copies < MANY_COPIES) return 0;
  return Math.min(4, Math.max(2, navigator.hardwareConcurrency));
}

/** One thread, and the batches it has. */
class CopyThread {
  readonly #worker: Worker;
  readonly #waiting: {
    readonly tasks: readonly CopyTask[];
    readonly resolve: (done: readonly CopyDone[]) => void;
  }[] = [];
  #isLost = false;

  constructor(begin: CopyOrder) {
    const url = new URL("./files_act_worker.ts", import.meta.url);
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<CopyReply>) => {
      this.#waiting.shift()?.resolve(unpackDone(data));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#lose();
    };
    this.#worker.postMessage(begin);
  }

  /** How many batches it has. */
  get load(): number {
    return this.#isLost ? Infinity : this.#waiting.length;
  }

  copy(tasks: readonly CopyTask[]): Promise<readonly CopyDone[]> {
    const { promise, resolve } = Promise.withResolvers<readonly CopyDone[]>();
    this.#waiting.push({ tasks, resolve });
    if (this.#isLost) this.#lose();
    else {
      const order = packTasks(tasks);
      this.#worker.postMessage(order, [order.numbers.buffer]);
    }
    return promise;
  }

  /** A thread that died has left what it had to do. */
  #lose(): void {
    this.#isLost = true;
    for (const { tasks, resolve } of this.#waiting.splice(0)) {
      resolve(tasks.map(() => ({ kind: "undone" })));
    }
  }

  end(): void {
    this.#worker.terminate();
    this.#lose();
  }
}

/** Threads that copy. */
export class CopyThreads implements Disposable {
  readonly #stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #threads: readonly CopyThread[];

  /** Starts so many. */
  constructor(roots: Both<Root>, count: number) {
    const tell = ({ path, traits, self }: Root): WireRoot => ({
      path,
      traits,
      self: self && { dev: self.dev, ino: self.ino },
    });
    const begin: CopyOrder = {
      kind: "begin",
      roots: { left: tell(roots.left), right: tell(roots.right) },
      stop: this.#stop,
    };
    this.#threads = Array.from({ length: count }, () => new CopyThread(begin));
  }

  /** How many there are. */
  get count(): number {
    return this.#threads.length;
  }

  /** Has a batch copied; tells what became of each task, in their order. */
  copy(tasks: readonly CopyTask[]): Promise<readonly CopyDone[]> {
    const idlest = this.#threads.reduce((best, other) =>
      other.load < best.load ? other : best
    );
    return idlest.copy(tasks);
  }

  /** Nothing more is begun; what is under way is finished or dropped. */
  stop(): void {
    Atomics.store(new Int32Array(this.#stop), 0, 1);
  }

  /** Ends the threads. */
  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread.end();
  }
}

/** Limits of a batch. */
const MOST_FILES = 128;
const BATCH_BYTES = 8 * 1024 * 1024;

/** From here on a batch ends with a folder: threads then rarely meet there. */
const FOLDER_FILES = 64;

/** Larger files are copied by the run itself, chunk by chunk. */
const SMALL_BYTES = 1024 * 1024;

/** Batches per thread that are handed out: one is made, one waits. */
const AHEAD = 2;

/** Whether a file is small enough for a batch. */
export function isSmall(sizeBytes: number): boolean {
  return sizeBytes <= SMALL_BYTES;
}

/** A copy, what it belongs to, and what a thread made of it. */
export interface TakenBack<Item> {
  readonly item: Item;
  readonly task: CopyTask;
  readonly done: CopyDone;
}

/** Copies on their way through threads; an `Item` is whatever they belong to. */
export class ThreadedCopies<Item> {
  readonly #threads: CopyThreads;
  readonly #take: (copies: readonly TakenBack<Item>[]) => Promise<void>;
  readonly #batchFiles: number;
  readonly #batches: {
    readonly copies: readonly Omit<TakenBack<Item>, "done">[];
    readonly done: Promise<readonly CopyDone[]>;
  }[] = [];
  #copies: Omit<TakenBack<Item>, "done">[] = [];
  #bytes = 0;

  /**
   * @param threads Make the copies.
   * @param count How many copies there will be.
   * @param take Told what became of a batch.
   */
  constructor(
    threads: CopyThreads,
    count: number,
    take: (copies: readonly TakenBack<Item>[]) => Promise<void>,
  ) {
    this.#threads = threads;
    this.#take = take;
    // Each thread is to get some, and at the end none is to wait for another.
    const each = Math.ceil(count / (AHEAD * threads.count));
    this.#batchFiles = Math.min(MOST_FILES, each);
  }

  /** Adds a copy. May wait for earlier ones, and tell of them. */
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
    while (this.#batches.length > AHEAD * this.#threads.count) {
      await this.#takeNext();
    }
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
    await this.finish();
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

/**
 * Starts threads for a plan that has enough for them to do.
 *
 * @param start Starts threads for so many small copies; null: not worth it.
 * @param take Told what became of a batch.
 * @returns Null: it goes without them.
 */
export function threadedCopies<Item>(
  actions: readonly Action[],
  start: ((copies: number) => CopyThreads | null) | undefined,
  take: (copies: readonly TakenBack<Item>[]) => Promise<void>,
): ThreadedCopies<Item> | null {
  let copies = 0;
  for (const { work } of actions) {
    if (work.kind === "copy" && isSmall(work.source.sizeBytes)) copies++;
  }
  const threads = start?.(copies) ?? null;
  return threads && new ThreadedCopies(threads, copies, take);
}
