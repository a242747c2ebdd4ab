/**
 * Threads that copy small files: the copies of a plan are collected into
 * batches, handed out a few ahead, and taken back in order, while the run
 * plans, records and tells what they did before.
 *
 * @module
 */
import { folderOf } from "./paths.ts";
import type { Root } from "./root_files.ts";
import type { Both } from "./types.ts";
import {
  type CopyDone,
  type CopyOrder,
  type CopyReply,
  type CopyTask,
  packTasks,
  unpackDone,
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

/** Larger files are copied by the run itself, chunk by chunk. */
const SMALL_BYTES = 1024 * 1024;

/** Whether threads copy a file of that size. */
export function isSmall(sizeBytes: number): boolean {
  return sizeBytes <= SMALL_BYTES;
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
      this.end();
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
    if (this.#isLost) this.end();
    else {
      const order = packTasks(tasks);
      this.#worker.postMessage(order, [order.numbers.buffer]);
    }
    return promise;
  }

  /** Ends it; a thread that died has left what it had to do, too. */
  end(): void {
    this.#isLost = true;
    this.#worker.terminate();
    for (const { tasks, resolve } of this.#waiting.splice(0)) {
      resolve(tasks.map(() => ({ kind: "undone" })));
    }
  }
}

/** Limits of a batch. */
const MOST_FILES = 128;
const BATCH_BYTES = 8 * 1024 * 1024;

/** From here on a batch ends with a folder: threads then rarely meet there. */
const FOLDER_FILES = 64;

/** Batches per thread that are handed out: one is made, one waits. */
const AHEAD = 2;

/** A copy, what it belongs to, and what a thread made of it. */
export interface TakenBack<Item> {
  readonly item: Item;
  readonly task: CopyTask;
  readonly done: CopyDone;
}

/** Threads that copy; an `Item` is whatever a copy belongs to. */
export class CopyThreads<Item> {
  readonly #threads: readonly CopyThread[];
  readonly #take: (copies: readonly TakenBack<Item>[]) => Promise<void>;
  readonly #batchFiles: number;
  readonly #stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #batches: {
    readonly copies: readonly Omit<TakenBack<Item>, "done">[];
    readonly done: Promise<readonly CopyDone[]>;
  }[] = [];
  #copies: Omit<TakenBack<Item>, "done">[] = [];
  #bytes = 0;

  /**
   * Starts them.
   *
   * @param count How many threads.
   * @param copies How many copies there will be.
   * @param take Told what became of a batch.
   */
  constructor(
    roots: Both<Root>,
    count: number,
    copies: number,
    take: (copies: readonly TakenBack<Item>[]) => Promise<void>,
  ) {
    const tell = ({ path, traits, self }: Root) => ({
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
    this.#take = take;
    // Each thread is to get some, and at the end none is to wait for another.
    this.#batchFiles = Math.min(MOST_FILES, Math.ceil(copies / AHEAD / count));
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
    while (this.#batches.length > AHEAD * this.#threads.length) {
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
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    this.#copies = [];
    await this.finish();
  }

  /** Ends the threads, as soon as they have nothing half done. */
  async end(): Promise<void> {
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    await Promise.all(this.#batches.map(({ done }) => done));
    for (const thread of this.#threads) thread.end();
  }

  #handOut(): void {
    const copies = this.#copies;
    if (copies.length === 0) return;
    this.#copies = [];
    this.#bytes = 0;
    const idlest = this.#threads.reduce((best, other) =>
      other.load < best.load ? other : best
    );
    const done = idlest.copy(copies.map(({ task }) => task));
    this.#batches.push({ copies, done });
  }

  async #takeNext(): Promise<void> {
    const { copies, done } = this.#batches.shift()!;
    const all = await done;
    await this.#take(copies.map((copy, n) => ({ ...copy, done: all[n]! })));
  }
}
