/**
 * Carries out a plan: in order, each action on its own, and records what was
 * really done.
 *
 * @module
 */
import {
  CopyThreads,
  isSmall,
  type TakenBack,
  type ThreadedCopies,
  threadedCopies,
  threadsFor,
} from "./apply_threads.ts";
import { GuardError, InterruptedError } from "./errors.ts";
import { TemporaryNames } from "./file_ops.ts";
import {
  type CommitContext,
  Commits,
  type Performed,
  Performer,
  type PerformerContext,
} from "./files_act.ts";
import {
  dropCopy,
  flushCopies,
  type FlushedCopy,
  type StagedCopy,
} from "./files_copy.ts";
import { completeMoves, removeLeftovers } from "./files_leftovers.ts";
import { words } from "./metadata.ts";
import { type TemporaryOwner, timeMark } from "./names.ts";
import { folderOf } from "./paths.ts";
import type { AlikeFiles } from "./plan_merge.ts";
import type { Action, Suspect, Waiting, Work } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import type { Probe } from "./root_traits.ts";
import {
  type Meeting,
  numberRun,
  rememberIds,
  requireStillThere,
} from "./run_identify.ts";
import type { FinishedScan } from "./run_scan.ts";
import type { Interrupt, Meter, Outcome, Totals } from "./run_types.ts";
import type { StateDb } from "./state_db.ts";
import type { RecordStore } from "./state_record.ts";
import { codeOf, inWords, Skipped, troubleOf, WENT_AWAY } from "./system.ts";
import {
  type Both,
  type FileRow,
  otherSide,
  type OutcomeKind,
  SIDES,
} from "./types.ts";

// What became of an action, told as its outcome.

/** One of these. */
export interface ActionResult {
  readonly done?: Performed;
  /** Why it was left; null: there was nothing to do. */
  readonly skipped?: string | null;
  /** What was thrown. */
  readonly failed?: unknown;
}

/**
 * The outcome of an action.
 *
 * @param action The action.
 * @param result What became of it.
 */
export function outcomeOf(action: Action, result: ActionResult): Outcome {
  const { done, skipped, failed } = result;
  const isSkip = failed instanceof Skipped ||
    ["busy", "missing", "away"].includes(troubleOf(failed));
  const isWhole = done !== undefined && done.left === undefined;
  const kind: OutcomeKind = isWhole || skipped === null
    ? "done"
    : skipped !== undefined || isSkip || done
    ? "skipped"
    : "failed";
  return {
    action,
    kind,
    detail: done?.left ?? done?.note ?? keptWords(action, done) ?? skipped ??
      (failed ? whyNot(action, failed) : null),
    newPath: done?.keptAt ?? action.newPath,
    error: kind === "failed" ? failed : null,
  };
}

/** In words, with what a person can do about it. */
function whyNot({ work }: Action, error: unknown): string {
  const isFolder = work.kind === "remove-directory" ||
    work.kind === "rename-directory";
  const isBusy = troubleOf(error) === "busy" && Deno.build.os !== "windows";
  if (!isFolder || !isBusy) return inWords(error);
  const there = words(otherSide(work.on));
  return "it is in use, or another disk is mounted here: unmount it, or " +
    (work.kind === "remove-directory"
      ? `make the folder on ${there} again`
      : `give it its old name on ${there} again`);
}

/** Where the version is that a doubtful one replaced. */
function keptWords({ work }: Action, done?: Performed): string | null {
  const isDoubtful = work.kind === "copy" && work.isDoubtful;
  return isDoubtful && done?.keptAt
    ? `the version before is kept as ${done.keptAt}`
    : null;
}

/** What executing needs. */
export interface ExecutorContext
  extends Omit<PerformerContext, "rowAt">, CommitContext {
  /**
   * Starts threads for so many small copies; null: not worth it. Left out: it
   * goes without.
   */
  readonly startThreads?: (copies: number) => CopyThreads | null;
  /** Told of each outcome as soon as it is certain. */
  onOutcome(outcome: Outcome): void;
}

/** Limits of a batch of copies. */
const BATCH_FILES = 128;
const BATCH_BYTES = 64 * 1024 * 1024;

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

/** What another program kept from being done, or from being begun. */
interface Postponed {
  /** What was thrown; null where it waits for another one that was busy. */
  readonly error: unknown;
  /** The copy that could not be put in place; null for none. */
  readonly copy: FlushedCopy | null;
}

/** Executes one plan. */
export class Executor {
  readonly #context: ExecutorContext;
  readonly #performer: Performer;
  readonly #outcomes: Outcome[] = [];
  readonly #written = new Map<string, FileRow>();
  /** Disks without room: a root may hold several. */
  readonly #full = new Set<string>();
  /** By position: what comes again when all others had their turn. */
  readonly #postponed = new Map<number, Postponed>();
  #staged: StagedAction[] = [];
  #stagedBytes = 0;
  readonly #commits: Commits<Positioned>;
  #threaded: ThreadedCopies<CopyAction> | null = null;
  #isStopped = false;
  #rootsTrustedUntil = 0;

  /** @param context Roots, record and who is told. */
  constructor(context: ExecutorContext) {
    this.#context = context;
    this.#performer = new Performer({
      ...context,
      rowAt: (path) => this.#written.get(path) ?? null,
    });
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
    const take = this.#takeCopies.bind(this);
    const start = this.#context.startThreads;
    this.#threaded = threadedCopies(actions, start, take);
    try {
      await this.#carryOut(actions);
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      // Flushing them might take long: the next run copies them again.
      for (const { copy } of this.#staged.splice(0)) dropCopy(copy);
      for (const { copy } of this.#postponed.values()) copy && dropCopy(copy);
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
    await this.#round(actions, [...actions.keys()]);
    const end = performance.now() + PATIENCE_MS;
    for (const pauseMs of BACK_OFF_MS) {
      if (this.#postponed.size === 0 || performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const again = [...this.#postponed.keys()].sort((a, b) => a - b);
      await this.#round(actions, again, end);
    }
    // In order: what waits for another one is told after it.
    const left = [...this.#postponed].sort(([a], [b]) => a - b);
    this.#postponed.clear();
    for (const [index, { error, copy }] of left) {
      const action = actions[index]!;
      if (copy) dropCopy(copy);
      const skipped = this.#waits(action, actions);
      this.#settle(index, action, error ? { failed: error } : { skipped });
    }
  }

  /**
   * Carries out some of the actions, in order.
   *
   * @param actions All of the plan.
   * @param positions Which of them.
   * @param end No busy one is tried again then, by `performance.now()`.
   */
  async #round(
    actions: readonly Action[],
    positions: readonly number[],
    end = Infinity,
  ): Promise<void> {
    for (const index of positions) {
      await this.#context.checkpoint?.();
      // What waited for one that is done by now has its turn all the same.
      const isBusy = (this.#postponed.get(index)?.error ?? null) !== null;
      if (isBusy && performance.now() > end) continue;
      const action = actions[index]!;
      if (action.work.kind !== "copy") await this.#finishCopies();
      const copied = this.#postponed.get(index)?.copy ?? null;
      this.#postponed.delete(index);
      if (action.needs.some((need) => this.#postponed.has(need))) {
        this.#postponed.set(index, { error: null, copy: null });
        continue;
      }
      const skipped = this.#waits(action, actions);
      if (skipped !== null) {
        this.#settle(index, action, { skipped });
        continue;
      }
      const work = this.#performer.afterRenames(action.work);
      if (work.kind !== "copy") await this.#perform(index, action, work);
      else if (copied === null) await this.#copy({ index, action, work });
      else await this.#place({ index, action, work }, copied);
    }
    await this.#finishCopies();
    this.#commits.commit();
  }

  /** What an action waits for in vain, in words; null: nothing. */
  #waits(action: Action, actions: readonly Action[]): string | null {
    const need = action.needs.find((it) => !this.#isDone(it));
    return need === undefined ? null : `waits for ${actions[need]?.path}`;
  }

  /** Tells what went wrong, unless it may go better in a moment. */
  #fail(
    { index, action }: Positioned,
    error: unknown,
    copy: FlushedCopy | null = null,
  ): void {
    if (troubleOf(error) === "busy") {
      this.#postponed.set(index, { error, copy });
      return;
    }
    if (copy) dropCopy(copy);
    this.#settle(index, action, { failed: error });
  }

  async #copy(item: CopyAction): Promise<void> {
    const { work } = item;
    const isLikely = isSmall(work.source.sizeBytes) && !this.#isFull(work);
    if (this.#threaded && isLikely) {
      await this.#threaded.add(item, this.#performer.taskFor(work));
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

  async #finishCopies(): Promise<void> {
    await this.#threaded?.finish();
    await this.#placeStaged();
  }

  /** Takes over what a thread has copied. */
  async #takeCopies(copies: readonly TakenBack<CopyAction>[]): Promise<void> {
    for (const { item, task, done } of copies) {
      const { index, action, work } = item;
      if (done.kind === "undone") {
        // Why it went wrong is found out, and told, where it is tried again.
        if (!this.#isStopped) await this.#stage(item);
        continue;
      }
      this.#context.onBytes?.(work.source.sizeBytes);
      if (done.kind === "placed") {
        const performed = this.#performer.placed(work, done);
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
    if (this.#isFull(work)) {
      this.#settle(index, action, {
        failed: new Error("the disk is full: make room there"),
      });
      return;
    }
    try {
      const copy = await this.#performer.stage(work);
      this.#staged.push({ ...item, copy });
      this.#stagedBytes += work.source.sizeBytes;
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      if (troubleOf(error) === "full") this.#full.add(this.#diskFor(work));
      this.#fail(item, error);
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
      const done = await this.#performer.place(work, copy);
      this.#settle(index, action, { done });
    } catch (error) {
      this.#fail(item, error, copy);
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
    // Both names of a folder are written down before it is renamed: nothing
    // may wait for its flush by then.
    if (work.kind === "rename-directory") this.#commits.commit();
    try {
      const removes = work.kind === "remove" ||
        work.kind === "remove-directory";
      if (removes) this.#verifyRoots();
      const done = await this.#performer.perform(work);
      // A second rename builds on the first; a copy relies on clash copies.
      if (work.kind === "rename" || work.kind === "clash") this.#noteRows(done);
      this.#settle(index, action, { done });
      // What follows in the folder is recorded under its new name.
      if (work.kind === "rename-directory") this.#commits.commit();
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      this.#fail({ index, action }, error);
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

// The part of a run that changes things: old leftovers first, then the plan,
// then what the next run needs to know.

/** What carrying out a plan needs. */
export interface CarryOutContext {
  readonly db: StateDb;
  readonly record: RecordStore;
  readonly roots: Both<Root>;
  /** Absolute paths of the roots. */
  readonly paths: Both<string>;
  readonly owner: TemporaryOwner;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  /** Extensions that are read always. */
  readonly alwaysRead: readonly string[];
  /** What is being saved. */
  readonly waiting: readonly Waiting[];
  /** What the next run has to read, as the plan says. */
  readonly suspects: readonly Suspect[];
  readonly meeting: Meeting;
  readonly scans: Both<FinishedScan>;
  /** What only the record has to learn. */
  readonly alike: AlikeFiles;
  readonly probes: Both<Pick<Probe, "callMs">>;
  readonly meter: Meter;
  readonly interrupt: Interrupt;
  onOutcome(outcome: Outcome): void;
  onWarning(text: string): void;
}

/**
 * Carries a plan out.
 *
 * @param actions In order.
 * @param context Roots, record and what the scans found.
 * @returns The outcome of each action; of those that a signal left for the
 *   next run there is none.
 */
export async function carryOut(
  actions: readonly Action[],
  context: CarryOutContext,
): Promise<readonly Outcome[]> {
  const { db, record, roots, owner, meeting, startedAtMs } = context;
  for (const side of SIDES) {
    const { leftovers } = context.scans[side].summary;
    removeLeftovers(roots[side], leftovers, owner.pair, startedAtMs);
  }
  // Before anything that a restored backup would undo.
  const changes = context.alike.count > 0 ||
    actions.some((action) => isChange(action, record));
  if (changes) {
    numberRun(db, context.paths, owner.pair, context.onWarning);
  }
  adjustRecord(context);
  // Before what shows them is recorded: a run may end at any moment.
  record.suspect(context.suspects);
  await recordAlike(context);
  // What acts takes a moment to load, and most runs have nothing to do.
  const outcomes = actions.length === 0 ? [] : await execute(actions, context);
  // What follows is true only of a run that came to all of its actions.
  if (outcomes.length < actions.length) return outcomes;
  completeMoves(record, roots, "end");
  record.sealFolders();
  db.transaction(() => {
    rememberIds(db, meeting.identities);
    record.rememberSaved(context.waiting);
    db.setMeta("always_read", JSON.stringify(context.alwaysRead));
  });
  return outcomes;
}

/** Whether an action is more than to learn what a file is by now. */
function isChange({ work }: Action, record: RecordStore): boolean {
  if (work.kind === "none") return false;
  if (work.kind !== "record" || work.change.kind !== "put") return true;
  const { row, rowPath } = work.change;
  const before = rowPath === row.path ? record.fileAt(rowPath) : null;
  return before === null ||
    SIDES.some((side) =>
      before[side].sizeBytes !== row[side].sizeBytes ||
      before[side].mtimeMs !== row[side].mtimeMs
    );
}

async function execute(
  actions: readonly Action[],
  context: CarryOutContext,
): Promise<readonly Outcome[]> {
  const { record, roots, owner, startedAtMs, probes, meter } = context;
  const { SoftDelete } = await import("./soft_delete.ts");
  const names = new TemporaryNames(owner, [roots.left, roots.right]);
  const callMs = Math.max(probes.left.callMs, probes.right.callMs);
  const executor = new Executor({
    roots,
    names,
    softDelete: new SoftDelete(`${timeMark(startedAtMs)}-${owner.pair}`, names),
    recorder: record,
    verifyRoots: () => requireRoots(context),
    noteMove: (move) => record.noteMove(move),
    onOutcome: (outcome) => {
      context.onOutcome(outcome);
      if (outcome.action.name !== "NOOP") meter.add(1, 0);
    },
    onBytes: (bytes) => meter.add(0, bytes),
    checkpoint: () => context.interrupt.pass(),
    startThreads: (copies) => {
      const count = threadsFor(callMs, copies);
      return count === 0 ? null : new CopyThreads(roots, count);
    },
  });
  meter.begin("apply", totalsOf(actions));
  return await executor.run(actions);
}

/** What lies before a run: a clash copy is written on either side. */
function totalsOf(actions: readonly Action[]): Totals {
  let [files, bytes] = [0, 0];
  for (const { name, work, bytes: size } of actions) {
    if (name !== "NOOP") files++;
    if (work.kind === "copy") bytes += size ?? 0;
    if (work.kind === "clash") bytes += 2 * (size ?? 0);
  }
  return { files, bytes };
}

/** So many rows are written at once; in between a signal is heard. */
const ROWS_AT_ONCE = 5_000;

/** Files that were found alike in a first meeting. */
async function recordAlike(context: CarryOutContext): Promise<void> {
  const { alike, record, meeting, paths, interrupt } = context;
  let rows: FileRow[] = [];
  const write = async (): Promise<void> => {
    await interrupt.pass();
    // What went to another disk must not be recorded.
    requireStillThere(meeting, paths);
    record.apply(rows.map((row) => ({ kind: "put", row, rowPath: null })));
    rows = [];
  };
  for (const some of alike.rows()) {
    for (const row of some) rows.push(row);
    if (rows.length >= ROWS_AT_ONCE) await write();
  }
  if (rows.length > 0) await write();
}

/** Ids that mean nothing any more go, before anything else is written. */
function adjustRecord(context: CarryOutContext): void {
  const { db, record, meeting } = context;
  if (SIDES.every((side) => meeting.idsCount[side])) return;
  db.transaction(() => {
    for (const side of SIDES) {
      if (!meeting.idsCount[side]) record.dropIds(side);
    }
    record.dropDigests();
  });
}

/** In the middle of a run a lost root ends no more than what depends on it. */
function requireRoots({ meeting, paths }: CarryOutContext): void {
  try {
    requireStillThere(meeting, paths);
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    throw new Skipped(WENT_AWAY, { cause: error });
  }
}
