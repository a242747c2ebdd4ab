/**
 * Carries out a plan: in order, each action on its own; copies in batches, and
 * in threads where there are many. What was really done goes to the record,
 * once it is certain to be on disk.
 *
 * @module
 */
import {
  CopyThreads,
  isSmall,
  type TakenBack,
  threadsFor,
} from "./apply_threads.ts";
import { GuardError, InterruptedError } from "./errors.ts";
import { flushFolder, TemporaryNames } from "./file_ops.ts";
import { type Performed, Performer, whyNotRenamed } from "./files_act.ts";
import {
  dropCopy,
  flushCopies,
  type FlushedCopy,
  type StagedCopy,
} from "./files_copy.ts";
import { words } from "./metadata.ts";
import { timeMark } from "./names.ts";
import { folderOf } from "./paths.ts";
import type { Action, RecordChange, Work } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import type { Outcome } from "./run_types.ts";
import { SoftDelete } from "./soft_delete.ts";
import { codeOf, errorKind, inWords, Skipped, WENT_AWAY } from "./system.ts";
import {
  type Both,
  type Checkpoint,
  type FileRow,
  type Move,
  otherSide,
  type OutcomeKind,
  type Side,
  SIDES,
} from "./types.ts";

/** What carrying out a plan needs. */
export interface ApplyContext {
  readonly roots: Both<Root>;
  /** Name the pair of roots and the run in temporary names. */
  readonly pair: string;
  readonly run: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  readonly record: {
    /** Writes changes in one transaction. */
    apply(changes: readonly RecordChange[]): void;
    /** Writes a rename in two steps down before its first step. */
    noteMove(move: Move): void;
  };
  /** What a call takes on the slower side at least, in ms. */
  readonly callMs: number;
  /** How many threads copy; left out: as many as are worth it. */
  readonly threadsFor?: typeof threadsFor;
  /**
   * Makes sure that both roots are still the ones the run began with.
   *
   * @throws {GuardError} One of them does not answer with its id.
   */
  verifyRoots(): void;
  /** Told of each outcome as soon as it is certain. */
  onOutcome(outcome: Outcome): void;
  /** Told of bytes as they are copied. */
  onBytes?(bytes: number): void;
  readonly checkpoint: Checkpoint;
}

/**
 * Carries out the actions of a plan.
 *
 * @param actions In order.
 * @returns Their outcomes, in the same order; without those that a signal left
 *   for the next run.
 */
export function applyPlan(
  actions: readonly Action[],
  context: ApplyContext,
): Promise<readonly Outcome[]> {
  return new Applying(actions, context).run();
}

/** Limits of a batch of copies. */
const BATCH_FILES = 128;
const BATCH_BYTES = 64 * 1024 * 1024;

/** Changes that wait for the record at most. */
const MOST_UNRECORDED = 500;

/**
 * Pauses of a run before it tries again what was busy, in ms: one for all of
 * it, as there may be hundreds of files that a program has open.
 */
const BACK_OFF_MS = [50, 200, 600];

/** No more tries are begun so long after the first pause began, in ms. */
const PATIENCE_MS = 3000;

/** A root that answered is trusted for so long, in ms. */
const ROOT_TRUST_MS = 250;

type CopyWork = Work & { readonly kind: "copy" };

/** An action at its position in the plan, and its work as it is by now. */
interface Item<W extends Work = Work> {
  readonly index: number;
  readonly action: Action;
  readonly work: W;
}

/** What another program kept from being done, or from being begun. */
interface Postponed {
  /** What was thrown; null where it waits for another one that was busy. */
  readonly error: unknown;
  /** The copy that could not be put in place; null for none. */
  readonly copy: FlushedCopy | null;
}

/** What is brought back needs folders, and each side waits for the other. */
function isForThreads({ source, softDeleted }: CopyWork): boolean {
  return softDeleted === null && isSmall(source.sizeBytes);
}

/** What became of an action: one of these. */
interface ActionResult {
  readonly done?: Performed;
  /** Why it was left; null: there was nothing to do. */
  readonly skipped?: string | null;
  /** What was thrown. */
  readonly failed?: unknown;
}

/** One plan that is being carried out. */
class Applying {
  readonly #actions: readonly Action[];
  readonly #context: ApplyContext;
  readonly #performer: Performer;
  readonly #outcomes: Outcome[] = [];
  /** Rows that later actions build on. */
  readonly #written = new Map<string, FileRow>();
  /** Disks without room: a root may hold several. */
  readonly #full = new Set<string>();
  /** By position: what comes again when all others had their turn. */
  readonly #postponed = new Map<number, Postponed>();
  #staged: { readonly item: Item<CopyWork>; readonly copy: StagedCopy }[] = [];
  #stagedBytes = 0;
  /** What is done and not recorded yet, by position. */
  #unrecorded: { readonly index: number; readonly done: Performed }[] = [];
  /** Null: it goes without them. */
  readonly #threads: CopyThreads<Item<CopyWork>> | null = null;
  #isStopped = false;
  #rootsTrustedUntil = 0;

  constructor(actions: readonly Action[], context: ApplyContext) {
    const { roots, pair, run, startedAtMs, record, callMs } = context;
    this.#actions = actions;
    this.#context = context;
    // A disk may have gone since anything was looked at.
    for (const side of SIDES) roots[side].distrust();
    const owner = { pair, run };
    const names = new TemporaryNames(owner, [roots.left, roots.right]);
    this.#performer = new Performer({
      roots,
      names,
      softDelete: new SoftDelete(`${timeMark(startedAtMs)}-${pair}`, names),
      rowAt: (path) => this.#written.get(path) ?? null,
      noteMove: (move) => record.noteMove(move),
      onBytes: (bytes) => context.onBytes?.(bytes),
      checkpoint: context.checkpoint,
    });
    let copies = 0;
    for (const { work } of actions) {
      if (work.kind === "copy" && isForThreads(work)) copies++;
    }
    const count = (context.threadsFor ?? threadsFor)(callMs, copies);
    const take = this.#takeCopies.bind(this);
    if (count > 0) this.#threads = new CopyThreads(roots, count, copies, take);
  }

  async run(): Promise<readonly Outcome[]> {
    try {
      await this.#rounds();
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      // Flushing them might take long: the next run copies them again.
      for (const { copy } of this.#staged.splice(0)) dropCopy(copy);
      for (const { copy } of this.#postponed.values()) copy && dropCopy(copy);
      this.#isStopped = true;
      await this.#threads?.stop();
    } finally {
      await this.#threads?.end();
    }
    this.#record();
    // What was not come to has left holes.
    return this.#outcomes.filter(() => true);
  }

  async #rounds(): Promise<void> {
    await this.#round(this.#actions.keys());
    const end = performance.now() + PATIENCE_MS;
    for (const pauseMs of BACK_OFF_MS) {
      if (this.#postponed.size === 0 || performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await this.#round([...this.#postponed.keys()].sort((a, b) => a - b), end);
    }
    // In order: what waits for another one is told after it.
    const left = [...this.#postponed].sort(([a], [b]) => a - b);
    this.#postponed.clear();
    for (const [index, { error, copy }] of left) {
      if (copy) dropCopy(copy);
      const result = error
        ? { failed: error }
        : { skipped: this.#waits(this.#actions[index]!) };
      this.#finish(index, result);
    }
  }

  /**
   * Carries out some of the actions, in order.
   *
   * @param positions Which of them.
   * @param end No busy one is tried again then, by `performance.now()`.
   */
  async #round(positions: Iterable<number>, end = Infinity): Promise<void> {
    for (const index of positions) {
      await this.#context.checkpoint();
      // What waited for one that is done by now has its turn all the same.
      const isBusy = (this.#postponed.get(index)?.error ?? null) !== null;
      if (isBusy && performance.now() > end) continue;
      const action = this.#actions[index]!;
      if (action.work.kind !== "copy") await this.#finishCopies();
      const copied = this.#postponed.get(index)?.copy ?? null;
      this.#postponed.delete(index);
      if (this.#isHeldUp(index, copied)) continue;
      const work = this.#performer.afterRenames(action.work);
      if (work.kind !== "copy") await this.#perform({ index, action, work });
      else if (copied === null) await this.#copy({ index, action, work });
      else await this.#place({ index, action, work }, copied);
    }
    await this.#finishCopies();
    this.#record();
  }

  /**
   * Puts an action off, or leaves it, where one that it builds on was put off
   * or left. One that is only written aside holds nothing up as yet.
   *
   * @param copy What is written aside for it; null for nothing.
   */
  #isHeldUp(index: number, copy: FlushedCopy | null): boolean {
    const action = this.#actions[index]!;
    if (action.needs.some((need) => this.#postponed.has(need))) {
      this.#postponed.set(index, { error: null, copy });
      return true;
    }
    const skipped = this.#waits(action);
    if (skipped === null) return false;
    if (copy) dropCopy(copy);
    this.#finish(index, { skipped });
    return true;
  }

  /** What an action waits for in vain, in words; null: nothing. */
  #waits({ needs }: Action): string | null {
    const need = needs.find((it) =>
      (this.#outcomes[it]?.kind ?? "done") !== "done"
    );
    return need === undefined ? null : `waits for ${this.#actions[need]?.path}`;
  }

  async #perform(
    { index, action, work }: Item<Exclude<Work, CopyWork>>,
  ): Promise<void> {
    if (work.kind === "none") {
      const skipped = action.conflict === null ? null : action.reason;
      return this.#finish(index, { skipped });
    }
    // Both names of a folder are written down before it is renamed: nothing
    // may wait for its flush by then.
    if (work.kind === "rename-directory") this.#record();
    try {
      const removes = work.kind === "remove" ||
        work.kind === "remove-directory";
      if (removes) this.#requireRoots();
      const done = await this.#performer.perform(work);
      // A second rename builds on the first; a copy relies on clash copies.
      if (work.kind === "rename" || work.kind === "clash") {
        for (const change of done.changes) {
          if (change.kind !== "put") continue;
          this.#written.set(change.row.path, change.row);
        }
      }
      this.#finish(index, { done });
      // What follows in the folder is recorded under its new name.
      if (work.kind === "rename-directory") this.#record();
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      this.#fail(index, error);
    }
    if (this.#unrecorded.length >= MOST_UNRECORDED) this.#record();
  }

  /** Before what is removed, or is not recorded: both roots are looked at. */
  #requireRoots(): void {
    if (performance.now() < this.#rootsTrustedUntil) return;
    this.#verifyRoots();
    this.#rootsTrustedUntil = performance.now() + ROOT_TRUST_MS;
  }

  /** In the middle of a run a lost root ends no more than what depends on it. */
  #verifyRoots(): void {
    try {
      this.#context.verifyRoots();
    } catch (error) {
      if (!(error instanceof GuardError)) throw error;
      throw new Skipped(WENT_AWAY, { cause: error });
    }
  }

  async #copy(item: Item<CopyWork>): Promise<void> {
    const { work } = item;
    const isLikely = isForThreads(work) && !this.#isFull(work);
    if (this.#threads && isLikely) {
      await this.#threads.add(item, this.#performer.taskFor(work));
    } else {
      await this.#stage(item);
    }
  }

  #isFull(work: CopyWork): boolean {
    return this.#full.size > 0 && this.#full.has(this.#diskFor(work));
  }

  /** The disk that a copy goes to: others may be mounted inside a root. */
  #diskFor({ from, path }: CopyWork): string {
    const side = otherSide(from);
    const root = this.#context.roots[side];
    const folder = folderOf(path);
    let dev = root.self?.dev;
    try {
      if (folder !== "") dev = root.info(folder)?.dev ?? dev;
    } catch (error) {
      if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
    }
    return `${side}/${dev}`;
  }

  /** Takes over what a thread has copied. */
  async #takeCopies(
    copies: readonly TakenBack<Item<CopyWork>>[],
  ): Promise<void> {
    for (const { item, task, done } of copies) {
      const { index, work } = item;
      if (done.kind === "undone") {
        // Why it went wrong is found out, and told, where it is tried again.
        if (!this.#isStopped) await this.#stage(item);
        continue;
      }
      this.#context.onBytes?.(work.source.sizeBytes);
      if (done.kind === "placed") {
        this.#finish(index, { done: this.#performer.placed(work, done) });
      } else {
        const to = this.#context.roots[otherSide(work.from)];
        await this.#place(item, { ...done, to, temporary: task.temporary });
      }
    }
    if (this.#unrecorded.length >= MOST_UNRECORDED) this.#record();
  }

  async #stage(item: Item<CopyWork>): Promise<void> {
    const { index, work } = item;
    if (this.#isFull(work)) {
      const failed = new Error("the disk is full: make room there");
      return this.#finish(index, { failed });
    }
    try {
      if (work.softDeleted !== null) this.#requireRoots();
      const copy = await this.#performer.stage(work);
      this.#staged.push({ item, copy });
      this.#stagedBytes += work.source.sizeBytes;
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      if (errorKind(error) === "full") this.#full.add(this.#diskFor(work));
      this.#fail(index, error);
    }
    const next = this.#actions[index + 1];
    const nextBytes = next?.work.kind === "copy"
      ? next.work.source.sizeBytes
      : 0;
    // What is written aside does not wait for a long copy to end.
    const isFull = this.#staged.length >= BATCH_FILES ||
      this.#stagedBytes + nextBytes >= BATCH_BYTES;
    // But for the one that belongs to it: then neither side has half of it.
    if (isFull && !next?.needs.includes(index)) await this.#placeStaged();
  }

  async #finishCopies(): Promise<void> {
    await this.#threads?.finish();
    await this.#placeStaged();
  }

  /** Flushes what is written aside, puts it in place, and records it. */
  async #placeStaged(): Promise<void> {
    const staged = this.#staged;
    if (staged.length === 0) return;
    this.#staged = [];
    this.#stagedBytes = 0;
    const copies = await flushCopies(staged.map(({ copy }) => copy));
    for (const [at, { item }] of staged.entries()) {
      const copy = copies[at]!;
      if ("error" in copy) this.#finish(item.index, { failed: copy.error });
      else await this.#place(item, copy);
    }
    this.#record();
  }

  async #place(
    { index, work }: Item<CopyWork>,
    copy: FlushedCopy,
  ): Promise<void> {
    if (this.#isHeldUp(index, copy)) return;
    try {
      this.#finish(index, { done: await this.#performer.place(work, copy) });
    } catch (error) {
      this.#fail(index, error, copy);
    }
  }

  /** Tells what went wrong, unless it may go better in a moment. */
  #fail(index: number, error: unknown, copy: FlushedCopy | null = null): void {
    if (errorKind(error) === "busy") {
      this.#postponed.set(index, { error, copy });
      return;
    }
    if (copy) dropCopy(copy);
    this.#finish(index, { failed: error });
  }

  #finish(index: number, result: ActionResult): void {
    if (result.done) this.#unrecorded.push({ index, done: result.done });
    const outcome = outcomeOf(this.#actions[index]!, result);
    this.#outcomes[index] = outcome;
    this.#context.onOutcome(outcome);
  }

  /**
   * Records what is done. Folders are flushed first, each once: the record must
   * not claim names that are not on disk.
   */
  #record(): void {
    const unrecorded = this.#unrecorded;
    this.#unrecorded = [];
    if (unrecorded.length === 0) return;
    try {
      // After the actions: what went to another disk must not be recorded.
      this.#verifyRoots();
    } catch (failed) {
      for (const { index } of unrecorded) this.#finish(index, { failed });
      return;
    }
    const flushed = new Map<string, unknown>();
    const flush = (side: Side, folder: string): unknown => {
      const key = `${side}/${folder}`;
      if (!flushed.has(key)) {
        flushed.set(key, flushError(this.#context.roots[side], folder));
      }
      return flushed.get(key);
    };
    const changes: RecordChange[] = [];
    for (const { index, done } of unrecorded) {
      const failed = done.folders.map(({ side, folder }) => flush(side, folder))
        .find((error) => error !== null);
      if (failed === undefined) changes.push(...done.changes);
      else this.#finish(index, { failed });
    }
    this.#context.record.apply(changes);
  }
}

/** What went wrong with a folder's flush; null: nothing, or it is gone. */
function flushError(root: Root, folder: string): unknown {
  try {
    flushFolder(root, folder);
    return null;
  } catch (error) {
    return errorKind(error) === "missing" ? null : error;
  }
}

function outcomeOf(action: Action, result: ActionResult): Outcome {
  const { done, skipped, failed } = result;
  const isSkip = failed instanceof Skipped ||
    ["busy", "missing", "away"].includes(errorKind(failed));
  const isWhole = done !== undefined && done.left === undefined;
  const kind: OutcomeKind = isWhole || skipped === null
    ? "done"
    : skipped !== undefined || isSkip || done
    ? "skipped"
    : "failed";
  const { work, newPath } = action;
  // Where the version is that a doubtful one replaced.
  const before =
    work.kind === "copy" && work.isDoubtful && done?.softDeletedPath
      ? `the version before is kept as ${done.softDeletedPath}`
      : null;
  return {
    action,
    kind,
    detail: done?.left ?? done?.note ?? before ?? skipped ??
      (failed ? whyNot(work, failed) : null),
    newPath: done?.softDeletedPath ?? newPath,
    error: kind === "failed" ? failed : null,
  };
}

/** In words, with what a person can do about it. */
function whyNot(work: Work, error: unknown): string {
  const isFolder = work.kind === "remove-directory" ||
    work.kind === "rename-directory";
  const isBusy = errorKind(error) === "busy" && Deno.build.os !== "windows";
  if (!isFolder || !isBusy) {
    const isRename = work.kind === "rename-directory";
    return isRename ? whyNotRenamed(error) : inWords(error);
  }
  const there = words(otherSide(work.on));
  return "it is in use, or another disk is mounted here: unmount it, or " +
    (work.kind === "remove-directory"
      ? `make the folder on ${there} again`
      : `give it its old name on ${there} again`);
}
