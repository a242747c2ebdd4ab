/**
 * The files' world in threads of its own, and this thread for the main one:
 * only threads that act.
 *
 * @module
 */
import { FilesThreads } from "../../lib/run_threads.ts";
import type { Both } from "../../lib/types.ts";
import type {
  FilesBegin,
  RequestKind,
  SharedState,
} from "../../lib/wire_messages.ts";
import type { Asks, Gives } from "../../lib/wire_port.ts";

/** Threads that act, started one after the other, until they are disposed. */
export class ActingThreads extends FilesThreads implements Disposable {
  readonly #paths: Both<string>;
  readonly #most: number;
  readonly #workers = new Map<number, Worker>();
  readonly #ports: MessagePort[] = [];
  /** How many batches they were given. */
  batches = 0;
  /** Called when they were given one: by then the first thread has one. */
  onBatch: () => void = () => {};

  /**
   * @param paths Absolute paths of the roots.
   * @param most There are no more of them, however many are asked for.
   */
  constructor(paths: Both<string>, shared: SharedState, most: number) {
    const walls = { by: "fence", network: [] } as const;
    super({ looking: [], walls }, shared, (message) => {
      if (message.kind === "start") this.#begin(message.id);
    });
    this.#paths = paths;
    this.#most = most;
  }

  override ask<K extends RequestKind>(
    kind: K,
    asks: Asks<K>,
  ): Promise<Gives<K>> {
    this.batches++;
    const given = super.ask(kind, asks);
    this.onBatch();
    return given;
  }

  #begin(id: number): void {
    if (this.#ports.length === this.#most) return;
    const url = new URL("../../lib/files_act_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    const { port1, port2 } = new MessageChannel();
    const { buffer } = this.shared;
    const begin: FilesBegin = { port: port2, roots: this.#paths, buffer };
    worker.postMessage(begin, [port2]);
    this.#workers.set(id, worker);
    this.#ports.push(port1);
    // It takes a moment to start.
    setTimeout(() => this.hear({ kind: "thread", id, port: port1 }), 1);
  }

  /** Ends the first thread, in the middle of whatever it does. */
  kill(): void {
    for (const [id, worker] of this.#workers) {
      this.#workers.delete(id);
      worker.terminate();
      return this.hear({ kind: "lost", id, why: "killed" });
    }
  }

  /** Ends all of them. */
  [Symbol.dispose](): void {
    for (const worker of this.#workers.values()) worker.terminate();
    for (const port of this.#ports) port.close();
  }
}
