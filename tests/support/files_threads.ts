/**
 * The files' world in threads of its own: only those that act.
 *
 * @module
 */
import type { ActBegin } from "../../lib/files_act_worker.ts";
import type { Both } from "../../lib/types.ts";
import type { RequestKind, SharedState } from "../../lib/wire_messages.ts";
import {
  type Asks,
  type Files,
  FilesPort,
  type Gives,
  ThreadLost,
} from "../../lib/wire_port.ts";

/** A thread, and the way to it. */
interface Thread {
  readonly worker: Worker;
  readonly port: FilesPort;
  /** This thread's end of the way. */
  readonly end: MessagePort;
}

/** Threads that act, started one after the other, until they are disposed. */
export class FilesThreads implements Files, Disposable {
  readonly shared: SharedState;
  readonly #paths: Both<string>;
  readonly #threads: Thread[] = [];

  readonly #most: number;
  #isOver = false;
  /** How many batches they were given. */
  batches = 0;

  /**
   * @param paths Absolute paths of the roots.
   * @param most There are no more of them, however many are asked for.
   */
  constructor(paths: Both<string>, shared: SharedState, most: number) {
    this.#paths = paths;
    this.shared = shared;
    this.#most = most;
    this.#start();
  }

  get actors(): number {
    return this.#threads.length;
  }

  grow(actors: number): void {
    if (this.actors >= Math.min(actors, this.#most)) return;
    this.#start();
    setTimeout(() => this.grow(actors), 1);
  }

  #start(): void {
    if (this.#isOver) return;
    const url = new URL("../../lib/files_act_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    const { port1, port2 } = new MessageChannel();
    const { buffer } = this.shared;
    const begin: ActBegin = { port: port2, paths: this.#paths, shared: buffer };
    worker.postMessage(begin, [port2]);
    const thread = { worker, port: new FilesPort(port1), end: port1 };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#lose(thread, event.message);
    };
    this.#threads.push(thread);
  }

  /** Ends a thread in the middle of whatever it does. */
  kill(): void {
    this.#isOver = true;
    const [thread] = this.#threads;
    if (thread !== undefined) this.#lose(thread, "killed");
  }

  #lose(thread: Thread, why: string): void {
    thread.worker.terminate();
    thread.end.close();
    this.#threads.splice(this.#threads.indexOf(thread), 1);
    thread.port.lose(why);
  }

  ask<K extends RequestKind>(kind: K, asks: Asks<K>): Promise<Gives<K>> {
    const idlest = this.#threads.toSorted((a, b) => a.port.load - b.port.load);
    const [thread] = idlest;
    if (thread === undefined) return Promise.reject(new ThreadLost("none"));
    this.batches++;
    return thread.port.ask(kind, asks);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const { worker, end } of this.#threads.splice(0)) {
      worker.terminate();
      end.close();
    }
  }
}
