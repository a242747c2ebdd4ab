/**
 * What is done and not recorded yet: folders are flushed first, as the record
 * must not claim names that are not on disk.
 *
 * @module
 */
import type { Performed } from "./performing.ts";
import type { RecordChange } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import { flushFolder } from "./staged.ts";
import { troubleOf } from "./system.ts";
import type { Both, Side } from "./types.ts";

/** Takes what the record has to learn, batch by batch. */
export interface Recorder {
  /** Writes changes in one transaction. */
  apply(changes: readonly RecordChange[]): void;
}

/** What committing needs. */
export interface CommitContext {
  readonly roots: Both<Root>;
  readonly recorder: Recorder;
  /**
   * Makes sure that both roots are still the ones the run began with.
   *
   * @throws {Skipped} One of them does not answer with its id.
   */
  verifyRoots(): void;
}

/** Changes that wait for the record at most. */
const MOST_PENDING = 500;

/** What waits for the record; an `Item` is whatever it belongs to. */
export class Commits<Item> {
  readonly #context: CommitContext;
  readonly #onFailure: (item: Item, error: unknown) => void;
  #pending: { readonly item: Item; readonly done: Performed }[] = [];

  /**
   * @param context Roots and record.
   * @param onFailure Told of what can't be recorded after all.
   */
  constructor(
    context: CommitContext,
    onFailure: (item: Item, error: unknown) => void,
  ) {
    this.#context = context;
    this.#onFailure = onFailure;
  }

  /** Whether so much waits that it should be written down now. */
  get isMuch(): boolean {
    return this.#pending.length >= MOST_PENDING;
  }

  /**
   * Adds what is done.
   *
   * @param item What it belongs to.
   * @param done What was done.
   */
  add(item: Item, done: Performed): void {
    this.#pending.push({ item, done });
  }

  /** Records what waits. */
  commit(): void {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return;
    try {
      // After the actions: what went to another disk must not be recorded.
      this.#context.verifyRoots();
    } catch (error) {
      for (const { item } of pending) this.#onFailure(item, error);
      return;
    }
    const flushed = new Map<string, unknown>();
    const changes: RecordChange[] = [];
    for (const { item, done } of pending) {
      const error = this.#flush(done.folders, flushed);
      if (error === null) changes.push(...done.changes);
      else this.#onFailure(item, error);
    }
    this.#context.recorder.apply(changes);
  }

  /** Flushes folders, each once; gives the first error, or null. */
  #flush(
    places: Performed["folders"],
    flushed: Map<string, unknown>,
  ): unknown {
    for (const { side, folder } of places) {
      const id = `${side}/${folder}`;
      if (!flushed.has(id)) flushed.set(id, this.#flushOne(side, folder));
      const error = flushed.get(id);
      if (error !== null) return error;
    }
    return null;
  }

  #flushOne(side: Side, folder: string): unknown {
    try {
      flushFolder(this.#context.roots[side], folder);
      return null;
    } catch (error) {
      return troubleOf(error) === "missing" ? null : error;
    }
  }
}
