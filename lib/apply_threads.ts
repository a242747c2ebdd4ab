/**
 * A few threads that copy small files, batch by batch, while the run plans,
 * records and tells what they did before; or parts of a large one.
 *
 * @module
 */
import type { CopyOrder, CopyReply, CopyRoot } from "./files_copy.ts";
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
    const tell = ({ path, habits, self }: Root): CopyRoot => {
      return { path, habits, self: self && { dev: self.dev, ino: self.ino } };
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
