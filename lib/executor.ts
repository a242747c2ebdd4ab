/**
 * Carries out a plan: in order, each action on its own, and records what was
 * really done.
 *
 * @module
 */
import { InterruptedError } from "./errors.ts";
import {
  abandonCopy,
  dropCopy,
  flushCopies,
  type FlushedCopy,
  type StagedCopy,
} from "./staged.ts";
import { type CommitContext, Commits } from "./commits.ts";
import { Copier } from "./copier.ts";
import { FolderMover } from "./folder_mover.ts";
import { findFolderMoves, type FolderMove } from "./folder_moves.ts";
import { LargeCopies } from "./large_copies.ts";
import { type ActionResult, outcomeOf } from "./outcomes.ts";
import { Performer } from "./performer.ts";
import type { Performed, PerformerContext } from "./performing.ts";
import type { Action, Work } from "./plan.ts";
import type { Outcome } from "./run_result.ts";
import { troubleOf } from "./system_errors.ts";
import {
  isSmall,
  type TakenBack,
  type ThreadedCopies,
  threadedCopies,
  type ThreadSupply,
} from "./threaded_copies.ts";
import { whenFree } from "./when_free.ts";
import type { FileRow, Side } from "./types.ts";
import { otherSide } from "./types.ts";

/** What executing needs. */
export interface ExecutorContext
  extends Omit<PerformerContext, "rowAt" | "share">, CommitContext {
  /** Threads for many copies or large ones; left out: it goes without. */
  readonly threads?: ThreadSupply;
  /** Told of each outcome as soon as it is certain. */
  onOutcome(outcome: Outcome): void;
}

/** Limits of a batch of copies. */
const BATCH_FILES = 128;
const BATCH_BYTES = 64 * 1024 * 1024;

/** A root that answered is trusted for so long, in ms. */
const ROOT_TRUST_MS = 250;

type CopyWork = Work & { readonly kind: "copy" };

/** An action at its position in the plan. */
interface Positioned {
  readonly index: number;
  readonly action: Action;
}

interface CopyAction extends Positioned {
  readonly work: CopyWork;
}

interface StagedAction extends CopyAction {
  readonly copy: StagedCopy;
}

/** Executes one plan. */
export class Executor {
  readonly #context: ExecutorContext;
  readonly #performer: Performer;
  readonly #copier: Copier;
  readonly #mover: FolderMover;
  readonly #large: LargeCopies;
  readonly #outcomes: Outcome[] = [];
  readonly #written = new Map<string, FileRow>();
  readonly #full = new Set<Side>();
  #staged: StagedAction[] = [];
  #stagedBytes = 0;
  readonly #commits: Commits<Positioned>;
  #threaded: ThreadedCopies<CopyAction> | null = null;
  #isStopped = false;
  #rootsTrustedUntil = 0;

  /** @param context Roots, record and who is told. */
  constructor(context: ExecutorContext) {
    this.#context = context;
    this.#large = new LargeCopies(context.threads);
    const performing: PerformerContext = {
      ...context,
      share: (task, file) => this.#large.share(task, file),
      rowAt: (path) => this.#written.get(path) ?? null,
    };
    this.#performer = new Performer(performing);
    this.#copier = new Copier(performing);
    this.#mover = new FolderMover({ ...context, ...performing });
    this.#commits = new Commits(context, ({ index, action }, error) => {
      this.#settle(index, action, { failed: error });
    });
  }

  /**
   * Carries out the actions.
   *
   * @param actions In order.
   * @returns Their outcomes, in the same order; without those that a signal
   *   left for the next run.
   */
  async run(actions: readonly Action[]): Promise<readonly Outcome[]> {
    using _ = this.#large;
    const take = this.#takeCopies.bind(this);
    this.#threaded = threadedCopies(actions, this.#context.threads, take);
    try {
      await this.#carryOut(actions);
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      // Flushing them might take long: the next run copies them again.
      for (const { copy } of this.#staged.splice(0)) abandonCopy(copy);
      this.#isStopped = true;
      await this.#threaded?.stop();
    } finally {
      await this.#threaded?.end();
    }
    this.#commits.commit();
    // What was not come to has left holes.
    return this.#outcomes.filter(() => true);
  }

  readonly #isDone = (index: number): boolean =>
    this.#outcomes[index]?.kind === "done";

  async #carryOut(actions: readonly Action[]): Promise<void> {
    const moves = findFolderMoves(actions);
    for (const [index, action] of actions.entries()) {
      await this.#context.pause?.();
      if (action.work.kind !== "copy") await this.#finishCopies();
      const move = moves.get(index);
      if (move) await this.#moveFolder(move, actions);
      // It has moved with its folder.
      if (this.#outcomes[index]) continue;
      const waitsFor = action.needs.find((need) => !this.#isDone(need));
      if (waitsFor !== undefined) {
        const path = actions[waitsFor]?.path;
        this.#settle(index, action, { skipped: `waits for ${path}` });
        continue;
      }
      const work = this.#performer.afterRenames(action.work);
      if (work.kind === "copy") await this.#copy({ index, action, work });
      else await this.#perform(index, action, work);
    }
    await this.#finishCopies();
  }

  async #moveFolder(
    move: FolderMove,
    actions: readonly Action[],
  ): Promise<void> {
    const done = await this.#mover.move(move, actions, this.#isDone);
    if (done === null) return;
    for (const [n, position] of move.positions.entries()) {
      this.#settle(position, actions[position]!, { done: done[n]! });
    }
    this.#commits.commit();
  }

  async #copy(item: CopyAction): Promise<void> {
    const { work } = item;
    const isFull = this.#full.has(otherSide(work.from));
    if (this.#threaded && isSmall(work.source.sizeBytes) && !isFull) {
      await this.#threaded.add(item, this.#copier.taskFor(work));
    } else {
      await this.#stage(item);
    }
  }

  async #finishCopies(): Promise<void> {
    await this.#threaded?.finish();
    await this.#placeStaged();
  }

  /** Takes over what a thread has copied. */
  async #takeCopies(copies: readonly TakenBack<CopyAction>[]): Promise<void> {
    for (const { item, task, done } of copies) {
      const { index, action, work } = item;
      if (done.kind === "failed" || done.kind === "left") {
        // Why it went wrong is found out, and told, where it is tried again.
        if (!this.#isStopped) await this.#stage(item);
        continue;
      }
      this.#context.onBytes?.(work.source.sizeBytes);
      if (done.kind === "placed") {
        const performed = this.#copier.placed(work, done);
        this.#settle(index, action, { done: performed });
      } else {
        const to = this.#context.roots[otherSide(work.from)];
        await this.#place(item, { ...done, to, temporary: task.temporary });
      }
    }
    if (this.#commits.isMuch) this.#commits.commit();
  }

  async #stage(item: CopyAction): Promise<void> {
    const { index, action, work } = item;
    const to = otherSide(work.from);
    if (this.#full.has(to)) {
      this.#settle(index, action, { failed: new Error("the disk is full") });
      return;
    }
    try {
      const copy = await whenFree(() => this.#copier.stage(work));
      this.#staged.push({ ...item, copy });
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
    this.#commits.commit();
  }

  async #place(item: CopyAction, copy: FlushedCopy): Promise<void> {
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
    if (this.#commits.isMuch) this.#commits.commit();
  }

  #verifyRoots(): void {
    const now = performance.now();
    if (now < this.#rootsTrustedUntil) return;
    this.#context.verifyRoots();
    this.#rootsTrustedUntil = now + ROOT_TRUST_MS;
  }

  #settle(index: number, action: Action, result: ActionResult): void {
    if (result.done) this.#commits.add({ index, action }, result.done);
    const outcome = outcomeOf(action, result);
    this.#outcomes[index] = outcome;
    this.#context.onOutcome(outcome);
  }

  #noteRows(done: Performed): void {
    for (const change of done.changes) {
      if (change.kind === "put") this.#written.set(change.row.path, change.row);
    }
  }
}
