/**
 * Scans without threads: the same code in this one. Threads take longer to
 * start than a small scan takes.
 *
 * @module
 */

/** Lets scans be made in this thread, until it is disposed of. */
export class LocalScans implements Disposable {
  readonly #restore: () => void;

  constructor() {
    const here = globalThis as unknown as Record<string, unknown>;
    const { Worker, onmessage, postMessage } = globalThis as typeof here;
    here["Worker"] = LocalWorker;
    this.#restore = () => {
      Object.assign(here, { Worker, onmessage, postMessage });
    };
  }

  /** Gives threads back. */
  [Symbol.dispose](): void {
    this.#restore();
  }
}

/** A worker that is none. */
class LocalWorker {
  onmessage: (event: { data: unknown }) => void = () => {};
  readonly #module: URL;

  constructor(module: URL) {
    this.#module = module;
  }

  async postMessage(task: unknown): Promise<void> {
    const here = globalThis as unknown as Record<string, unknown>;
    await import(this.#module.href);
    // The module has set it when it was loaded first.
    handler ??= here["onmessage"] as typeof handler;
    // There is only one handler, and one that it answers to: in turn.
    turn = turn.then(async () => {
      here["postMessage"] = (data: unknown) => this.onmessage({ data });
      await handler!({ data: task });
    });
    await turn;
  }

  terminate(): void {}
}

let handler: ((event: { data: unknown }) => Promise<void>) | null = null;

let turn: Promise<void> = Promise.resolve();
