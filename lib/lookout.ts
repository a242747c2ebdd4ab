/**
 * Looks at what stands on a disk: one call after another while each is quick,
 * many at once where each takes its time, as on a slow share.
 *
 * @module
 */

/** What a look gave: what stands there, or why that can't be told. */
export type Look = Deno.FileInfo | FailedLook;

/** A look that failed. */
export class FailedLook {
  /** @param error What the system said. */
  constructor(readonly error: unknown) {}
}

/** A name that is not looked at: this system would find something else. */
export class BadName extends Error {
  override readonly name = "BadName";
}

/** Looks that tell how quick a disk is. */
const SAMPLES = 31;

/** Looks until it is asked again how quick the disk is. */
const SAMPLED_EVERY = 8_192;

/** A look that takes longer is worth waiting for elsewhere, in ms. */
const SLOW_MS = 0.25;

/** What it costs to wait for one look and be told, in ms. */
const WAIT_MS = 0.04;

/** Calls in flight at most: no server gains by more. */
const MOST_AT_ONCE = 64;

/** Looks at one root. */
export class Lookout {
  #samples: number[] = [];
  #looks = 0;
  #atOnce = 1;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /** Whether looks are to be waited for, many at once. */
  get isSlow(): boolean {
    return this.#atOnce > 1;
  }

  /** How many calls are worth having in flight. */
  get atOnce(): number {
    return this.#atOnce;
  }

  /**
   * Looks, and waits for it.
   *
   * @param path Absolute.
   */
  look(path: string): Look {
    if (this.#looks++ % SAMPLED_EVERY >= SAMPLES) return lookAt(path);
    const before = performance.now();
    const look = lookAt(path);
    this.#sample(performance.now() - before);
    return look;
  }

  /**
   * Looks when fewer calls than are worth it are in flight.
   *
   * @param path Absolute.
   */
  later(path: string): Promise<Look> {
    return this.#inTurn(() =>
      Deno.lstat(path).catch((error) => new FailedLook(error))
    );
  }

  /**
   * Lists a folder, in its turn.
   *
   * @param path Absolute.
   * @throws The system's error where it can't be listed.
   */
  namesLater(path: string): Promise<string[]> {
    return this.#inTurn(async () => {
      const names: string[] = [];
      for await (const { name } of Deno.readDir(path)) names.push(name);
      return names;
    });
  }

  /** One look that takes long is chance; half of them are the disk. */
  #sample(tookMs: number): void {
    this.#samples.push(tookMs);
    if (this.#samples.length < SAMPLES) return;
    const sorted = this.#samples.sort((a, b) => a - b);
    const usualMs = sorted[SAMPLES >> 1] ?? 0;
    this.#samples = [];
    if (usualMs < SLOW_MS) return;
    this.#atOnce = Math.min(MOST_AT_ONCE, Math.ceil(usualMs / WAIT_MS));
  }

  async #inTurn<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      await new Promise<void>((go) => this.#queue.push(go));
    } else this.#running++;
    try {
      return await call();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

/**
 * The names in a folder.
 *
 * @param path Absolute.
 * @throws The system's error where it can't be listed.
 */
export function namesIn(path: string): string[] {
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(path)) names.push(name);
  return names;
}

function lookAt(path: string): Look {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    return new FailedLook(error);
  }
}
