/**
 * Signals that ask a run to end. They are noted, and the run looks whether
 * there was one wherever it can stop in good order.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { InterruptedError, type StopSignal } from "./errors.ts";

/** Asked by a run whether to go on. */
export interface Interrupt {
  /** What asked the run to end; null: nothing did. */
  readonly signal: StopSignal | null;
  /**
   * To be called between two pieces of work, however small: it costs next to
   * nothing.
   *
   * @throws {InterruptedError} The run is to end.
   */
  pass(): Promise<void>;
  /**
   * Waits for something that goes on elsewhere, but not beyond a signal.
   *
   * @param work What is waited for; it is left to itself after a signal.
   * @throws {InterruptedError} The run is to end.
   */
  waitFor<T>(work: Promise<T>): Promise<T>;
}

/** Nothing asks the run to end, or it ends at once then. */
export const UNINTERRUPTED: Interrupt = {
  signal: null,
  pass: () => Promise.resolve(),
  waitFor: (work) => work,
};

/** Work between two turns of the event loop, in ms. */
const TURN_MS = 50;

/**
 * One signal may come several times within this, in ms: from the terminal or
 * from whoever ends a group of processes, and from the launcher, which can't
 * know that the program has got it already.
 */
const ONE_SIGNAL_MS = 500;

/** An {@linkcode Interrupt} that listens for signals until it is disposed. */
export class SignalInterrupt implements Interrupt, Disposable {
  readonly #listeners: [StopSignal, () => void][] = [];
  readonly #stopped = Promise.withResolvers<never>();
  #signal: StopSignal | null = null;
  #nextTurn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts to listen. */
  constructor() {
    // Nobody may be waiting when it comes.
    this.#stopped.promise.catch(() => {});
    for (const signal of stopSignals()) {
      const listener = () => this.#note(signal);
      try {
        Deno.addSignalListener(signal, listener);
        this.#listeners.push([signal, listener]);
      } catch (error) {
        // Windows has few of them, and which depends on the version of Deno.
        if (!(error instanceof TypeError)) throw error;
      }
    }
  }

  /** What asked the run to end; null: nothing did. */
  get signal(): StopSignal | null {
    return this.#signal;
  }

  #note(signal: StopSignal): void {
    if (this.#signal !== null) return;
    this.#signal = signal;
    this.#stopped.reject(new InterruptedError(signal));
    // After that a signal does what it does to any program: it ends this one
    // at once, even in the middle of a system call that hangs. A run may be
    // killed at any moment.
    this.#timer = setTimeout(() => this[Symbol.dispose](), ONE_SIGNAL_MS);
  }

  /**
   * Signals are delivered only when the event loop turns, and the work of a
   * run gives it no occasion to.
   */
  async pass(): Promise<void> {
    const now = performance.now();
    if (now >= this.#nextTurn) {
      await new Promise<void>((resolve) => setImmediate(() => resolve()));
      this.#nextTurn = performance.now() + TURN_MS;
    }
    if (this.#signal !== null) throw new InterruptedError(this.#signal);
  }

  /** @param work What is waited for. */
  waitFor<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#stopped.promise]);
  }

  /** Stops to listen. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const listener of this.#listeners.splice(0)) {
      Deno.removeSignalListener(...listener);
    }
  }
}

function stopSignals(): readonly StopSignal[] {
  if (Deno.build.os === "windows") return ["SIGINT", "SIGBREAK", "SIGHUP"];
  // Without a terminal there is none that could be closed: it is then that
  // somebody wants a run to outlive the terminal it was started from (nohup).
  const hasTerminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((it) =>
    it.isTerminal()
  );
  return ["SIGINT", "SIGTERM", ...hasTerminal ? ["SIGHUP" as const] : []];
}
