/**
 * Scans without threads: the same code in this one. Threads take longer to
 * start than a small scan takes.
 *
 * @module
 */
import type { ScanTask } from "../../lib/wire_messages.ts";

const here = globalThis as unknown as Record<string, unknown>;

/** Puts threads back; null while scans are made in threads. */
let restore: (() => void) | null = null;

/** How many ask for scans without threads. */
let count = 0;

/** Lets scans be made in this thread, until it is disposed of. */
export class LocalScans implements Disposable {
  constructor() {
    count++;
    if (restore !== null) return;
    const { Worker, onmessage, postMessage } = here;
    here["Worker"] = localOr(Worker as typeof globalThis.Worker);
    restore = () =>
      void Object.assign(here, { Worker, onmessage, postMessage });
  }

  /** Gives threads back, when nobody else asks for scans without them. */
  [Symbol.dispose](): void {
    if (--count > 0) return;
    restore?.();
    restore = null;
  }
}

/** Threads that copy are threads all the same. */
function localOr(thread: typeof Worker): unknown {
  return function (module: URL, options?: WorkerOptions): unknown {
    const isScan = module.href.endsWith("/files_look_worker.ts");
    return isScan ? new LocalWorker(module) : new thread(module, options);
  };
}

/** A worker that is none. */
class LocalWorker {
  onmessage: (event: MessageEvent) => void = () => {};
  onerror: (event: ErrorEvent) => void = () => {};
  readonly #module: URL;

  constructor(module: URL) {
    this.#module = module;
  }

  async postMessage(task: ScanTask): Promise<void> {
    await import(this.#module.href);
    // The module has set it when it was loaded first.
    handler ??= here["onmessage"] as typeof handler;
    // There is only one handler, and one that it answers to: in turn.
    turn = turn.then(async () => {
      here["postMessage"] = (data: unknown) =>
        this.onmessage(new MessageEvent("message", { data }));
      await handler!({ data: task });
    });
    await turn;
  }

  terminate(): void {}
}

let handler: ((event: { data: unknown }) => Promise<void>) | null = null;

let turn: Promise<void> = Promise.resolve();
