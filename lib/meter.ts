/**
 * How far a run is: counted where the work is done, told now and then.
 *
 * @module
 */

/** What a run is busy with. */
export type Phase = "scan" | "decide" | "compare" | "apply";

/** How far a phase is. */
export interface Progress {
  readonly phase: Phase;
  readonly doneFiles: number;
  /** Null where nobody can know. */
  readonly totalFiles: number | null;
  readonly doneBytes: number;
  /** Null where nobody can know. */
  readonly totalBytes: number | null;
}

/** What a phase has before it; null where nobody can know. */
export interface Totals {
  readonly files: number | null;
  readonly bytes: number | null;
}

/** So much time lies between two tellings at least, in ms. */
const PAUSE_MS = 100;

/** Counts, and tells at most every 100 ms, however often it is told. */
export class Meter {
  readonly #tell: (progress: Progress) => void;
  #phase: Phase = "scan";
  #totals: Totals = { files: null, bytes: null };
  #files = 0;
  #bytes = 0;
  #quietUntil = 0;

  /** @param tell Takes how far the run is. */
  constructor(tell: (progress: Progress) => void) {
    this.#tell = tell;
  }

  /**
   * A phase begins; that is told at once.
   *
   * @param phase Which.
   * @param totals What it has before it.
   */
  begin(phase: Phase, totals: Totals = { files: null, bytes: null }): void {
    this.#phase = phase;
    this.#totals = totals;
    this.#files = 0;
    this.#bytes = 0;
    this.#quietUntil = 0;
    this.add(0, 0);
  }

  /**
   * Something is done.
   *
   * @param files How many files more.
   * @param bytes How many bytes more.
   */
  add(files: number, bytes: number): void {
    this.#files += files;
    this.#bytes += bytes;
    const now = performance.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + PAUSE_MS;
    this.#tell({
      phase: this.#phase,
      doneFiles: this.#files,
      totalFiles: this.#totals.files,
      doneBytes: this.#bytes,
      totalBytes: this.#totals.bytes,
    });
  }
}
