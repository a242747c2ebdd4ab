/**
 * A large file that several threads copy at once, piece by piece. Helpers are
 * never relied on: a piece that none of them has finished is copied by the
 * thread that began.
 *
 * @module
 */

/** Threads that are near each other leave few gaps, which disks fill. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** Where in the shared memory what is counted. */
const NEXT = 0;
const CLOSED = 1;
const HELPERS = 2;
const COUNTERS = 3;

/** So long is waited for a helper before it is looked again, in ms. */
const WAIT_MS = 10;

/** A part of a file. */
export interface Piece {
  readonly index: number;
  readonly at: number;
  readonly length: number;
}

/** What threads know of a copy that they share. */
export class SharedCopy {
  /** To be sent to other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #sizeBytes: number;
  readonly #counters: Int32Array;
  readonly #done: Uint8Array;
  readonly #told: boolean[] = [];

  /**
   * @param sizeBytes Size of the file.
   * @param memory As another thread sent it; left out: a new copy.
   */
  constructor(sizeBytes: number, memory?: SharedArrayBuffer) {
    const pieces = Math.ceil(sizeBytes / PIECE_BYTES);
    const head = COUNTERS * Int32Array.BYTES_PER_ELEMENT;
    this.memory = memory ?? new SharedArrayBuffer(head + pieces);
    this.#sizeBytes = sizeBytes;
    this.#counters = new Int32Array(this.memory, 0, COUNTERS);
    this.#done = new Uint8Array(this.memory, head, pieces);
  }

  /** The next piece that nobody has begun; null: there is none. */
  take(): Piece | null {
    if (this.isClosed) return null;
    return this.#piece(Atomics.add(this.#counters, NEXT, 1));
  }

  /** A piece that was begun and not finished; null: there is none. */
  missing(): Piece | null {
    const index = this.#done.indexOf(0);
    return index < 0 ? null : this.#piece(index);
  }

  #piece(index: number): Piece | null {
    const at = index * PIECE_BYTES;
    if (at >= this.#sizeBytes) return null;
    const length = Math.min(PIECE_BYTES, this.#sizeBytes - at);
    return { index, at, length };
  }

  /** Notes that a piece is written. */
  finish({ index }: Piece): void {
    Atomics.store(this.#done, index, 1);
  }

  /** How many bytes of finished pieces were not told of before. */
  newBytes(): number {
    let bytes = 0;
    for (let index = 0; index < this.#done.length; index++) {
      if (Atomics.load(this.#done, index) === 0 || this.#told[index]) continue;
      this.#told[index] = true;
      bytes += this.#piece(index)?.length ?? 0;
    }
    return bytes;
  }

  /**
   * Helps, unless that is over.
   *
   * @param work Takes pieces until there are none.
   */
  help(work: () => void): void {
    Atomics.add(this.#counters, HELPERS, 1);
    try {
      if (!this.isClosed) work();
    } finally {
      Atomics.sub(this.#counters, HELPERS, 1);
      Atomics.notify(this.#counters, HELPERS);
    }
  }

  /** Whether nothing is to be copied any more. */
  get isClosed(): boolean {
    return Atomics.load(this.#counters, CLOSED) !== 0;
  }

  /** No piece is begun any more. */
  close(): void {
    Atomics.store(this.#counters, CLOSED, 1);
  }

  /**
   * Waits a moment for helpers.
   *
   * @returns Whether one has something of the file open still.
   */
  isHelped(): boolean {
    const helpers = Atomics.load(this.#counters, HELPERS);
    if (helpers === 0) return false;
    Atomics.wait(this.#counters, HELPERS, helpers, WAIT_MS);
    return true;
  }
}
