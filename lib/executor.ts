/**
 * Carries out a plan: in order, each action on its own, and records what was
 * really done.
 *
 * @module
 */
import { type Root, Skipped } from "./disk.ts";
import { InterruptedError } from "./errors.ts";
import {
  abandonCopy,
  dropCopy,
  flushCopies,
  type FlushedCopy,
  flushFolder,
  type StagedCopy,
} from "./staging.ts";
import { Copier } from "./copier.ts";
import { Performer } from "./performer.ts";
import type { Performed, PerformerContext } from "./performing.ts";
import type { Action, RecordChange, Work } from "./plan.ts";
import type { Outcome } from "./run_result.ts";
import { inWords, troubleOf } from "./system_errors.ts";
import { whenFree } from "./when_free.ts";
import type { Both, FileRow, OutcomeKind, Side } from "./types.ts";
import { otherSide } from "./types.ts";

/** Takes what the record has to learn, batch by batch. */
export interface Recorder {
  /** Writes changes in one transaction. */
  apply(changes: readonly RecordChange[]): void;
}

/** What executing needs. */
export interface ExecutorContext extends Omit<PerformerContext, "rowAt"> {
  readonly recorder: Recorder;
  /**
   * Makes sure that both roots are still the ones the run began with.
   *
   * @throws {Skipped} One of them does not answer with its id.
   */
  verifyRoots(): void;
  /** Told of each outcome as soon as it is certain. */
  onOutcome(outcome: Outcome): void;
}

/** Limits of a batch of copies. */
const BATCH_FILES = 128;
const BATCH_BYTES = 64 * 1024 * 1024;

/** Changes that wait for the record at most. */
const PENDING_CHANGES = 500;

/** A root that answered is trusted for so long, in ms. */
const ROOT_TRUST_MS = 250;

type CopyWork = Work & { readonly kind: "copy" };

interface StagedAction {
  readonly index: number;
  readonly action: Action;
  readonly work: CopyWork;
  readonly copy: StagedCopy;
}

/** An action that is done, and not recorded yet. */
interface PendingAction {
  readonly index: number;
  readonly action: Action;
  readonly done: Performed;
}

/** Executes one plan. */
export class Executor {
  readonly #context: ExecutorContext;
  readonly #performer: Performer;
  readonly #copier: Copier;
  readonly #roots: Both<Root>;
  readonly #outcomes: Outcome[] = [];
  readonly #written = new Map<string, FileRow>();
  readonly #full = new Set<Side>();
  #staged: StagedAction[] = [];
  #stagedBytes = 0;
  #pending: PendingAction[] = [];
  #rootsTrustedUntil = 0;

  /** @param context Roots, record and who is told. */
  constructor(context: ExecutorContext) {
    this.#context = context;
    this.#roots = context.roots;
    const performing: PerformerContext = {
      ...context,
      rowAt: (path) => this.#written.get(path) ?? null,
    };
    this.#performer = new Performer(performing);
    this.#copier = new Copier(performing);
  }

  /**
   * Carries out the actions.
   *
   * @param actions In order.
   * @returns Their outcomes, in the same order; without those that a signal
   *   left for the next run.
   */
  async run(actions: readonly Action[]): Promise<readonly Outcome[]> {
    try {
      await this.#carryOut(actions);
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      // Flushing them might take long: the next run copies them again.
      for (const { copy } of this.#staged.splice(0)) abandonCopy(copy);
    }
    this.#commit();
    // What was not come to has left holes.
    return this.#outcomes.filter(() => true);
  }

  async #carryOut(actions: readonly Action[]): Promise<void> {
    for (const [index, action] of actions.entries()) {
      await this.#context.pause?.();
      if (action.work.kind !== "copy" && this.#staged.length > 0) {
        await this.#placeStaged();
      }
      const waitsFor = action.needs.find((need) =>
        this.#outcomes[need]?.kind !== "done"
      );
      if (waitsFor !== undefined) {
        const path = actions[waitsFor]?.path;
        this.#settle(index, action, { skipped: `waits for ${path}` });
      } else if (action.work.kind === "copy") {
        await this.#stage(index, action, action.work);
      } else {
        await this.#perform(index, action, action.work);
      }
    }
    await this.#placeStaged();
  }

  async #stage(index: number, action: Action, work: CopyWork): Promise<void> {
    const to = otherSide(work.from);
    if (this.#full.has(to)) {
      this.#settle(index, action, { failed: new Error("the disk is full") });
      return;
    }
    try {
      const copy = await whenFree(() => this.#copier.stage(work));
      this.#staged.push({ index, action, work, copy });
      this.#stagedBytes += work.source.sizeBytes;
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      if (troubleOf(error) === "full") this.#full.add(to);
      this.#settle(index, action, { failed: error });
    }
    const isFull = this.#staged.length >= BATCH_FILES ||
      this.#stagedBytes >= BATCH_BYTES;
    if (isFull) await this.#placeStaged();
  }

  /** Flushes what is written aside, puts it in place, and records it. */
  async #placeStaged(): Promise<void> {
    const staged = this.#staged;
    if (staged.length === 0) return;
    this.#staged = [];
    this.#stagedBytes = 0;
    const copies = await flushCopies(staged.map(({ copy }) => copy));
    for (const [at, item] of staged.entries()) {
      const copy = copies[at]!;
      if ("error" in copy) {
        this.#settle(item.index, item.action, { failed: copy.error });
        continue;
      }
      await this.#place(item, copy);
    }
    this.#commit();
  }

  async #place(item: StagedAction, copy: FlushedCopy): Promise<void> {
    const { index, action, work } = item;
    try {
      const done = await whenFree(() => this.#copier.place(work, copy));
      this.#settle(index, action, { done });
    } catch (error) {
      dropCopy(copy);
      this.#settle(index, action, { failed: error });
    }
  }

  async #perform(
    index: number,
    action: Action,
    work: Exclude<Work, CopyWork>,
  ): Promise<void> {
    if (work.kind === "none") {
      this.#settle(index, action, {
        skipped: action.conflict === null ? null : action.reason,
      });
      return;
    }
    try {
      const removes = work.kind === "remove" ||
        work.kind === "remove-directory";
      if (removes) this.#verifyRoots();
      const done = await whenFree(() => this.#performer.perform(work));
      // A second rename builds on the first; a copy relies on clash copies.
      if (work.kind === "rename" || work.kind === "clash") this.#noteRows(done);
      this.#settle(index, action, { done });
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      this.#settle(index, action, { failed: error });
    }
    if (this.#pending.length >= PENDING_CHANGES) this.#commit();
  }

  #verifyRoots(): void {
    const now = performance.now();
    if (now < this.#rootsTrustedUntil) return;
    this.#context.verifyRoots();
    this.#rootsTrustedUntil = now + ROOT_TRUST_MS;
  }

  #settle(index: number, action: Action, result: {
    readonly done?: Performed;
    readonly skipped?: string | null;
    readonly failed?: unknown;
  }): void {
    const { done, skipped, failed } = result;
    if (done) this.#pending.push({ index, action, done });
    const isSkip = failed instanceof Skipped ||
      ["busy", "missing", "away"].includes(troubleOf(failed));
    const kind: OutcomeKind = done || skipped === null
      ? "done"
      : skipped !== undefined || isSkip
      ? "skipped"
      : "failed";
    const outcome: Outcome = {
      action,
      kind,
      detail: done?.note ?? skipped ?? (failed ? inWords(failed) : null),
      newPath: done?.keptAt ?? action.newPath,
      error: kind === "failed" ? failed : null,
    };
    this.#outcomes[index] = outcome;
    this.#context.onOutcome(outcome);
  }

  #noteRows(done: Performed): void {
    for (const change of done.changes) {
      if (change.kind === "put") this.#written.set(change.row.path, change.row);
    }
  }

  /** Folders first: the record must not claim names that are not on disk. */
  #commit(): void {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return;
    try {
      // After the actions: what went to another disk must not be recorded.
      this.#context.verifyRoots();
    } catch (error) {
      for (const { index, action } of pending) {
        this.#settle(index, action, { failed: error });
      }
      return;
    }
    const flushed = new Map<string, unknown>();
    const changes: RecordChange[] = [];
    for (const { index, action, done } of pending) {
      const error = this.#flush(done.folders, flushed);
      if (error === null) changes.push(...done.changes);
      else this.#settle(index, action, { failed: error });
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
      flushFolder(this.#roots[side], folder);
      return null;
    } catch (error) {
      return troubleOf(error) === "missing" ? null : error;
    }
  }
}
