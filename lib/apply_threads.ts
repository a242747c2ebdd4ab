/**
 * A few threads that copy small files, batch by batch, while the run plans,
 * records and tells what they did before; or parts of a large one.
 *
 * @module
 */
import {
  type CopyOrder,
  type CopyReply,
  type CopyRoot,
  SharedCopy,
} from "./files_copy.ts";
import { folderOf } from "./paths.ts";
import type { Action } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import type { Both } from "./types.ts";
import {
  type CopyDone,
  type CopyTask,
  packTasks,
  type ShareTask,
  unpackDone,
} from "./wire_messages.ts";

/** One thread, and the batches it has. */
class CopyThread {
  readonly #worker: Worker;
  readonly #waiting: {
    readonly tasks: readonly CopyTask[];
    readonly resolve: (done: readonly CopyDone[]) => void;
  }[] = [];
  #isLost = false;

  constructor(worker: Worker, begin: CopyOrder) {
    this.#worker = worker;
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
    if (this.#isLost) return Promise.resolve(allFailed(tasks));
    const { promise, resolve } = Promise.withResolvers<readonly CopyDone[]>();
    this.#waiting.push({ tasks, resolve });
    const packed = packTasks(tasks);
    const message: CopyOrder = { kind: "batch", tasks: packed };
    this.#worker.postMessage(message, [packed.numbers.buffer]);
    return promise;
  }

  /** A thread that died has left what it had to do. */
  #lose(): void {
    this.#isLost = true;
    for (const { tasks, resolve } of this.#waiting.splice(0)) {
      resolve(allFailed(tasks));
    }
  }

  help(task: ShareTask, memory: SharedArrayBuffer): void {
    const message: CopyOrder = { kind: "share", task, memory };
    this.#worker.postMessage(message);
  }

  end(): void {
    this.#worker.terminate();
    this.#lose();
  }
}

function newThread(): Worker {
  const url = new URL("./files_act_worker.ts", import.meta.url);
  return new Worker(url, { type: "module" });
}

function allFailed(tasks: readonly CopyTask[]): readonly CopyDone[] {
  return tasks.map(() => ({ kind: "failed" }));
}

/** A call that takes longer is one that waits for a network, in ms. */
const SLOW_MS = 1;

/** Threads that wait most of the time: more gain little, and take memory. */
const MOST_WAITING = 16;

/** How many threads are worth it. */
export interface ThreadCount {
  /**
   * How many threads copy small files.
   *
   * @param copies How many small copies there are.
   * @returns 0: they are made before threads have started.
   */
  countFor(copies: number): number;
  /** Threads besides the run's own that copy parts of one large file. */
  readonly helpers: number;
}

/** So many copies take longer than a thread to start. */
const MANY_COPIES = 400;

/** So many are worth telling threads of that have started. */
const SOME_COPIES = 64;

/**
 * How many threads are worth it. Where each call waits for a network, they
 * wait side by side; elsewhere they share the cores with the run itself, which
 * plans, records and tells.
 *
 * @param callMs What a call takes on the slower side at least, in ms.
 * @param warm How many threads there are that have loaded what copies: of few
 *   copies only these are told.
 */
export function threadsFor(callMs: number, warm: number): ThreadCount {
  if (callMs >= SLOW_MS) {
    const countFor = (copies: number) =>
      copies >= MOST_WAITING ? MOST_WAITING : 0;
    return { countFor, helpers: 7 };
  }
  const cores = navigator.hardwareConcurrency;
  const count = Math.min(4, Math.max(2, cores));
  const countFor = (copies: number): number => {
    if (copies >= MANY_COPIES) return count;
    return copies >= SOME_COPIES ? Math.min(warm, count) : 0;
  };
  return { countFor, helpers: Math.min(3, cores - 1) };
}

/** Threads that copy. */
export class CopyThreads implements Disposable {
  readonly #stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #threads: readonly CopyThread[];

  /**
   * Starts them.
   *
   * @param roots Both roots.
   * @param count How many.
   * @param idle Threads that have nothing else to do any more. Those that are
   *   used are taken out, and ended with the others.
   */
  constructor(roots: Both<Root>, count: number, idle: Worker[] = []) {
    const tell = ({ path, traits, self }: Root): CopyRoot => {
      return { path, traits, self: self && { dev: self.dev, ino: self.ino } };
    };
    const begin: CopyOrder = {
      kind: "begin",
      roots: { left: tell(roots.left), right: tell(roots.right) },
      stop: this.#stop,
    };
    this.#threads = Array.from(
      { length: count },
      () => new CopyThread(idle.shift() ?? newThread(), begin),
    );
  }

  /** How many there are. */
  get count(): number {
    return this.#threads.length;
  }

  /**
   * Has a batch copied.
   *
   * @param tasks The batch.
   * @returns What became of each task, in their order.
   */
  copy(tasks: readonly CopyTask[]): Promise<readonly CopyDone[]> {
    const [first, ...others] = this.#threads;
    const idlest = others.reduce(
      (best, other) => other.load < best.load ? other : best,
      first!,
    );
    return idlest.copy(tasks);
  }

  /**
   * Has all of them help with a large file.
   *
   * @param task The file.
   * @param memory What its threads share.
   */
  help(task: ShareTask, memory: SharedArrayBuffer): void {
    for (const thread of this.#threads) thread.help(task, memory);
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

// The copies of a plan that threads make: collected into batches, handed out
// a few ahead, and taken back in order.

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

// Threads that help with copies of large files.

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
