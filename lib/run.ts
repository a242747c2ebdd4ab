/**
 * The stages of a run, in order, once it has its lock and its state DB.
 *
 * @module
 */
import type { CarryOutContext } from "./apply_plan.ts";
import {
  addedActions,
  openAsListed,
  type Refusal,
  type Resolution,
  rulingOn,
} from "./conflict.ts";
import {
  EXIT,
  type ExitCode,
  GuardError,
  InterruptedError,
  LockedError,
  type StopSignal,
  SyncError,
} from "./errors.ts";
import { completeMoves, foreignLeftovers } from "./files_leftovers.ts";
import { type TemporaryOwner, timeMark } from "./names.ts";
import { joinPath, nameOf } from "./paths.ts";
import { guardPlan } from "./plan_guard.ts";
import {
  currentPath,
  type Folder,
  merge,
  type Merged,
  type MergeSettings,
  type RecordView,
  type SideScan,
} from "./plan_merge.ts";
import type { DecidedPair } from "./plan_rules.ts";
import type { Action, Answer, DecisionSettings, Plan } from "./plan_types.ts";
import { type Look, Root } from "./root_files.ts";
import { checkRoots } from "./root_identity.ts";
import type { Probe } from "./root_traits.ts";
import {
  joiningWords,
  lostRecord,
  meet,
  type Meeting,
  requireNewest,
  requireStillThere,
} from "./run_identify.ts";
import {
  type FinishedScan,
  type RootScan,
  scanBoth,
  scanRequests,
  Scans,
} from "./run_scan.ts";
import {
  decisionSettings,
  type Interrupt,
  INTERRUPTED,
  isTold,
  Meter,
  needsPerson,
  NOTHING_PRUNED,
  type Outcome,
  probeRoots,
  rememberRooms,
  roomIn,
  type RunResult,
  type Stop,
  type SyncConfig,
  type SyncListener,
  type SyncOptions,
  UNINTERRUPTED,
} from "./run_types.ts";
import { asGuard, type Lock, StateDb, takeLock } from "./state_db.ts";
import { NO_RECORD, RecordStore } from "./state_record.ts";
import { beginRun, endRun, listedConflict } from "./state_runs.ts";
import { decide } from "./sync_logic.ts";
import { inWords, Skipped } from "./system.ts";
import {
  type Both,
  otherSide,
  type Problem,
  type Side,
  SIDES,
} from "./types.ts";

// From what was found and recorded to a plan: decides, reads what decisions
// depend on, and decides again.

/** A plan, and what led to it. */
export interface Decided {
  readonly plan: Plan;
  /** Every path with something to do or to record. */
  readonly pairs: readonly DecidedPair[];
  readonly merged: Merged;
  readonly settings: DecisionSettings;
}

/** What goes on while files are read. */
export interface WhileReading {
  /** Asked whether to go on. */
  readonly interrupt: Interrupt;
  /** Counts what is read. */
  readonly meter?: Meter;
}

/**
 * Decides, reads what decisions depend on, and decides again.
 *
 * @param merged What was found and recorded.
 * @param roots Both roots.
 * @param settings What decides besides.
 * @param reading Who counts, and who may break it off.
 * @throws {InterruptedError} The run is to end.
 */
export async function decideReading(
  merged: Merged,
  roots: Both<Root>,
  settings: DecisionSettings,
  { interrupt, meter }: WhileReading,
): Promise<Decided> {
  const answers = new Map<string, Answer>();
  for (;;) {
    await interrupt.pass();
    meter?.begin("decide");
    const decision = decide(merged, answers, settings);
    if (decision.kind === "plan") {
      const { plan, pairs } = decision;
      return { plan, pairs, merged, settings };
    }
    // Most runs have nothing to read.
    const { answerTo } = await import("./files_read.ts");
    const files = decision.questions.size;
    meter?.begin("compare", { files, bytes: null });
    for (const [id, question] of decision.questions) {
      const onBytes = (bytes: number) => meter?.add(0, bytes);
      const checkpoint = () => interrupt.pass();
      answers.set(id, await answerTo(question, roots, checkpoint, onBytes));
      meter?.add(1, 0);
    }
  }
}

/**
 * Of a plan that leaves a conflict open, what it takes to resolve that one.
 *
 * @param decided The plan in which it is open.
 * @param resolution What a person asks for.
 * @param db The state DB, which lists what the person has seen.
 * @param roots Both roots.
 * @param interrupt Asked whether to go on.
 * @returns A plan for that conflict alone, or why there is none.
 * @throws {InterruptedError} The run is to end.
 */
export async function resolvingPlan(
  decided: Decided,
  resolution: Resolution,
  db: StateDb,
  roots: Both<Root>,
  interrupt: Interrupt,
): Promise<Plan | Refusal> {
  const { plan, merged, settings } = decided;
  const listed = listedConflict(db, resolution.path);
  const conflict = openAsListed(plan, listed, resolution);
  if ("stop" in conflict) return conflict;
  const ruling = rulingOn(conflict, resolution.take, settings.folding);
  const ruled = await decideReading(
    merged,
    roots,
    { ...settings, ruling },
    { interrupt },
  );
  const actions = addedActions(ruled.plan, plan);
  return { ...plan, actions, problems: [] };
}

/**
 * What a plan that is only shown comes to.
 *
 * @param plan The plan.
 * @param listener Told of each outcome.
 */
export function plannedOutcomes(
  plan: Plan,
  listener: { onOutcome(outcome: Outcome): void },
): Outcome[] {
  return plan.actions.map((action) => {
    const { newPath } = action;
    const detail = { detail: null, newPath, error: null };
    const outcome: Outcome = { action, kind: "planned", ...detail };
    listener.onOutcome(outcome);
    return outcome;
  });
}

// A run that was stopped: by a guard before anything was changed, or by a
// signal at any moment.

/** What a run that was stopped before it changed anything came to. */
export const NOTHING_DONE = {
  outcomes: [],
  problems: [],
  waiting: [],
  untouched: 0,
  pruned: NOTHING_PRUNED,
} as const;

/** A stop, and what the program ends with then. */
export type Stopped = Pick<RunResult, "stop" | "exitCode"> & {
  readonly stop: Stop;
};

/**
 * A guard, a lock or a signal that stopped a run, as part of its result.
 *
 * @param thrown What was thrown.
 * @param stateDb The state DB: damage to it is a guard's business.
 * @returns Null for anything unexpected.
 */
export function asStop(thrown: unknown, stateDb: string): Stopped | null {
  const error = asGuard(thrown, stateDb);
  if (error instanceof InterruptedError) {
    const reason = `${error.message}: nothing was changed.`;
    return interruption(reason, "Run again.", error.exitCode);
  }
  const isStop = error instanceof GuardError || error instanceof LockedError;
  if (!isStop) return null;
  const name = error instanceof GuardError ? error.guard : "lock";
  const stop = { name, reason: error.message, hint: error.hint ?? "" };
  const exitCode = thrown instanceof LockedError ? EXIT.busy : EXIT.guard;
  return { stop, exitCode };
}

/**
 * What to throw where something went wrong while files were changed: that is
 * too late for a guard.
 *
 * @param thrown What was thrown.
 * @param stateDb The state DB.
 */
export function asFailure(thrown: unknown, stateDb: string): unknown {
  const known = asGuard(thrown, stateDb);
  if (!(known instanceof GuardError)) return thrown;
  if (known.guard !== "state") return thrown;
  return new SyncError(
    known.message.replace("Nothing was changed.", "The run broke off."),
    EXIT.unexpected,
    {
      cause: thrown,
      hint: `${known.hint} What was synced already is recognised.`,
    },
  );
}

/**
 * The stop of a run that a signal cut short while it changed things.
 *
 * @param signal Which.
 * @param actions All that was to be done.
 * @param outcomes Of those that were come to.
 * @returns Null where nothing was left to do.
 */
export function asCut(
  signal: StopSignal | null,
  actions: readonly Action[],
  outcomes: readonly Outcome[],
): Stopped | null {
  if (signal === null || outcomes.length === actions.length) return null;
  const all = actions.filter(({ name }) => name !== "NOOP").length;
  const done =
    outcomes.filter(({ action, kind }) =>
      kind === "done" && action.name !== "NOOP"
    ).length;
  const { message, exitCode } = new InterruptedError(signal);
  const reason = `${message}: ${done} of ${all} actions done.`;
  return interruption(reason, "The next run does the rest.", exitCode);
}

function interruption(
  reason: string,
  hint: string,
  exitCode: ExitCode,
): Stopped {
  return { stop: { name: INTERRUPTED, reason, hint }, exitCode };
}

/**
 * Whether a signal stopped a run.
 *
 * @param result What came of it.
 */
export function isInterrupted(result: Pick<RunResult, "stop">): boolean {
  return result.stop?.name === INTERRUPTED;
}

// A second look at what is missing: the runtime ends a listing without a word
// when a disk fails in the middle, and nothing must count as deleted only
// because it was not listed.

/**
 * Merges, and merges again where something that was not listed is there.
 *
 * @param scans What each scan handed on.
 * @param record What was recorded when both sides last agreed.
 * @param settings Traits of the roots and what follows from the config.
 * @param roots Both roots.
 */
export function mergeWitnessed(
  scans: Both<SideScan>,
  record: RecordView,
  settings: MergeSettings,
  roots: Both<Root>,
): Merged {
  const merged = merge(scans, record, settings);
  const found = unlisted(merged, roots);
  if (found.left.length + found.right.length === 0) return merged;
  const more = (side: Side): SideScan => ({
    listings: scans[side].listings,
    problems: [...scans[side].problems, ...found[side]],
  });
  return merge({ left: more("left"), right: more("right") }, record, settings);
}

/**
 * Looks at every recorded path that a scan did not list, in folders that are
 * there.
 *
 * @param merged What was found and recorded.
 * @param roots Both roots.
 * @returns A problem for each path that is there all the same, or can't be
 *   looked at.
 */
function unlisted(
  merged: Merged,
  roots: Both<Root>,
): Both<readonly Problem[]> {
  const problems: { left: Problem[]; right: Problem[] } = {
    left: [],
    right: [],
  };
  const look = (
    side: Side,
    folder: Folder,
    name: string,
    wanted: Look["kind"],
  ): void => {
    const parent = currentPath(folder, side);
    if (parent === null) return;
    const path = joinPath(parent, name);
    const reason = whyNotGone(roots[side], path, wanted);
    if (reason === null) return;
    const kind = "unreadable" as const;
    problems[side].push({ side, path, kind, reason, metadata: null });
  };
  for (const { row, folder, ...found } of merged.pairs) {
    if (row === null) continue;
    for (const side of SIDES) {
      if (found[side] === null) look(side, folder, nameOf(row.path), "file");
    }
  }
  for (const { row, parent, name } of merged.folders) {
    if (row === null || parent === null) continue;
    for (const side of SIDES) {
      if (name[side] === null) {
        look(side, parent, nameOf(row.path), "directory");
      }
    }
  }
  return problems;
}

/** Null where the path is gone indeed, or has become something else. */
function whyNotGone(
  root: Root,
  path: string,
  wanted: Look["kind"],
): string | null {
  try {
    return root.look(path).kind === wanted && root.secondName(path) === null
      ? "it is there, though its folder's listing left it out: have the disk checked"
      : null;
  } catch (error) {
    return error instanceof Skipped ? null : inWords(error);
  }
}

/** What a run is. */
export interface RunContext {
  readonly id: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  readonly config: SyncConfig;
  readonly options: SyncOptions;
  readonly listener: SyncListener;
}

/** Both roots, ready to be scanned. */
interface Met {
  readonly meeting: Meeting;
  readonly probes: Both<Probe>;
  readonly roots: Both<Root>;
}

/** One run, or one plan. */
export class Run {
  readonly #id: string;
  readonly #config: SyncConfig;
  readonly #options: SyncOptions;
  readonly #listener: SyncListener;
  readonly #interrupt: Interrupt;
  readonly #meter: Meter;
  readonly #db: StateDb;
  readonly #record: RecordStore;
  readonly #startedAtMs: number;
  readonly #paths: Both<string>;
  readonly #pair: string;

  /**
   * @param context What the run is.
   * @param db The state DB, open; for a plan read-only.
   */
  constructor(context: RunContext, db: StateDb) {
    const { id, startedAtMs, config, options, listener } = context;
    this.#id = id;
    this.#config = config;
    this.#options = options;
    this.#listener = listener;
    this.#interrupt = options.interrupt ?? UNINTERRUPTED;
    this.#meter = new Meter((progress) => listener.onProgress?.(progress));
    this.#db = db;
    this.#record = new RecordStore(db);
    this.#startedAtMs = startedAtMs;
    this.#paths = config.roots;
    this.#pair = this.#pairName();
  }

  get #owner(): TemporaryOwner {
    return { pair: this.#pair, run: this.#id };
  }

  /** Names the pair of roots in temporary and soft-delete names. */
  #pairName(): string {
    const known = this.#db.meta("pair");
    if (known !== null || this.#options.isDryRun) return known ?? "plan";
    const pair = crypto.randomUUID().slice(0, 6);
    this.#db.setMeta("pair", pair);
    return pair;
  }

  /**
   * Goes through all stages.
   *
   * @param scanners Wait for a root each.
   * @throws Whatever is unexpected, and guards that stop a plan.
   */
  async go(scanners: Both<RootScan>): Promise<RunResult> {
    const { isDryRun } = this.#options;
    if (!isDryRun) beginRun(this.#db, this.#id, this.#startedAtMs);
    try {
      const result = await this.#stages(scanners);
      if (!isDryRun) this.#end(result);
      return result;
    } catch (error) {
      const stopped = asStop(error, this.#config.stateDb);
      if (stopped === null || isDryRun) throw error;
      const result = this.#stopped(stopped);
      // A damaged DB can't even take that.
      if (stopped.stop.name !== "state") endRun(this.#db, result);
      return result;
    }
  }

  /** What a run did is done, whether it can be noted or not. */
  #end(result: RunResult): void {
    try {
      endRun(this.#db, result, this.#options.settle?.path ?? null);
    } catch (error) {
      throw asFailure(error, this.#config.stateDb);
    }
  }

  #stopped(stopped: Stopped): RunResult {
    return { ...this.#run(), ...NOTHING_DONE, ...stopped };
  }

  #run(): Pick<RunResult, "id" | "startedAtMs" | "finishedAtMs" | "isDryRun"> {
    const { isDryRun } = this.#options;
    const [startedAtMs, finishedAtMs] = [this.#startedAtMs, Date.now()];
    return { id: this.#id, startedAtMs, finishedAtMs, isDryRun };
  }

  async #stages(scanners: Both<RootScan>): Promise<RunResult> {
    const met = this.#meet();
    const { meeting, probes, roots } = met;
    const { isDryRun } = this.#options;
    completeMoves(this.#record, roots, isDryRun ? "plan" : "start");
    const record = meeting.forgets
      ? NO_RECORD
      : this.#record.view(meeting.idsCount);
    const recordedFiles = meeting.forgets ? 0 : this.#record.countFiles();
    // Without a record nobody knows what there is.
    const files = recordedFiles === 0 ? null : 2 * recordedFiles;
    this.#meter.begin("scan", { files, bytes: null });
    const scanning = this.#scan(scanners, probes, record, meeting);
    const scans = await this.#interrupt.waitFor(scanning);
    requireStillThere(meeting, this.#paths);
    const settings = decisionSettings(this.#config, probes, this.#record, {
      startedAtMs: this.#startedAtMs,
      recordedFiles,
      listUnchanged: this.#options.listUnchanged,
      roomIn: roomIn(this.#db, roots, isDryRun ? null : this.#owner),
    });
    const merging: MergeSettings = {
      traits: { left: probes.left.traits, right: probes.right.traits },
      folding: settings.folding,
      isSuspicious: settings.isSuspicious,
      keepUnchanged: this.#options.listUnchanged,
      trustsMetadata: settings.isFirstMeeting && !settings.verifyFirstRun &&
        this.#options.settle === undefined,
    };
    const merged = mergeWitnessed(
      this.#withForeign(scans),
      record,
      merging,
      roots,
    );
    this.#tellJoining(meeting, merged);
    const { alike } = merged;
    const reading = { interrupt: this.#interrupt, meter: this.#meter };
    const decided = await decideReading(merged, roots, settings, reading);
    this.#listener.onDecided?.(decided);
    this.#guard(decided.plan, recordedFiles);
    const { settle } = this.#options;
    const plan = settle === undefined
      ? decided.plan
      : await resolvingPlan(decided, settle, this.#db, roots, this.#interrupt);
    if ("stop" in plan) return this.#stopped(plan);
    await this.#interrupt.pass();
    const outcomes = isDryRun
      ? plannedOutcomes(plan, this.#listener)
      : await this.#carryOut(plan, { ...met, scans, alike });
    const looked = merged.pairs.filter(({ row }) => row !== null).length;
    const untouched = Math.max(0, recordedFiles - looked) + alike.count;
    return this.#result(plan, outcomes, untouched);
  }

  /** What other PCs' runs have left is there, and is nobody's file. */
  #withForeign(scans: Both<FinishedScan>): Both<SideScan> {
    const all = (side: Side): SideScan => {
      const { listings, problems, summary } = scans[side];
      const foreign = foreignLeftovers(
        side,
        summary.leftovers,
        this.#pair,
        this.#startedAtMs,
      );
      return { listings, problems: [...problems, ...foreign] };
    };
    return { left: all("left"), right: all("right") };
  }

  /** The roots: there, apart, known, and probed. */
  #meet(): Met {
    checkRoots(this.#paths);
    const owner = this.#owner;
    const { isDryRun, acceptRoots } = this.#options;
    const options = { isDryRun, acceptRoots, owner };
    const meeting = meet(this.#db, this.#paths, options);
    if (meeting.isKnown) requireNewest(this.#db, this.#paths);
    if (meeting.warning) {
      this.#listener.onWarning(meeting.warning, true);
      const alert = lostRecord(meeting.warning, this.#id, this.#db);
      this.#listener.onAlert?.(alert);
    }
    const probes = probeRoots(
      this.#db,
      this.#paths,
      isDryRun ? null : owner,
      (text) => this.#listener.onWarning(text),
    );
    const roots = {
      left: new Root("left", this.#paths.left, probes.left.traits),
      right: new Root("right", this.#paths.right, probes.right.traits),
    };
    return { meeting, probes, roots };
  }

  #tellJoining({ newSide }: Meeting, { pairs }: Merged): void {
    if (newSide === null) return;
    const files =
      pairs.filter((pair) =>
        pair.row === null && pair[newSide] !== null &&
        pair[otherSide(newSide)] === null
      ).length;
    this.#listener.onJoining?.(newSide, files);
    const words = joiningWords(newSide, files);
    if (words !== null) this.#listener.onWarning(words, true);
  }

  #guard(plan: Plan, recordedFiles: number): void {
    for (const problem of plan.problems) {
      if (isTold(problem)) this.#listener.onProblem(problem);
    }
    const { safety } = this.#config;
    guardPlan(plan.counts, recordedFiles, safety, this.#options.allowed);
  }

  async #carryOut(
    plan: Plan,
    found: Met & Pick<CarryOutContext, "scans" | "alike">,
  ): Promise<readonly Outcome[]> {
    try {
      const { carryOut } = await import("./apply_plan.ts");
      const outcomes = await carryOut(plan.actions, {
        ...found,
        meter: this.#meter,
        interrupt: this.#interrupt,
        db: this.#db,
        record: this.#record,
        paths: this.#paths,
        owner: this.#owner,
        startedAtMs: this.#startedAtMs,
        alwaysRead: this.#options.settle === undefined
          ? this.#config.compare.alwaysRead
          : this.#alwaysReadBefore(),
        waiting: plan.waiting,
        suspects: plan.suspects,
        onOutcome: (outcome) => this.#listener.onOutcome(outcome),
        onWarning: (text) => this.#listener.onWarning(text),
      });
      rememberRooms(this.#db, found.roots);
      return outcomes;
    } catch (error) {
      throw asFailure(error, this.#config.stateDb);
    }
  }

  /** What the last run read always: rows are as it left them. */
  #alwaysReadBefore(): readonly string[] {
    return JSON.parse(this.#db.meta("always_read") ?? "[]");
  }

  #scan(
    scanners: Both<RootScan>,
    probes: Both<Probe>,
    record: RecordView,
    meeting: Meeting,
  ): Promise<Both<FinishedScan>> {
    const { alwaysRead } = this.#config.compare;
    const before = JSON.stringify(this.#alwaysReadBefore());
    // A listing of all paths needs all rows, and so does another setting.
    const isFull = this.#options.listUnchanged ||
      before !== JSON.stringify(alwaysRead);
    const requests = scanRequests({
      paths: this.#paths,
      probes,
      directories: record.directories,
      idsCount: meeting.idsCount,
      isFull,
    });
    return scanBoth(scanners, requests, {
      ignore: this.#config.ignore,
      meter: this.#meter,
      interrupt: this.#interrupt,
    });
  }

  #result(
    plan: Plan,
    outcomes: readonly Outcome[],
    untouched: number,
  ): RunResult {
    const { isDryRun } = this.#options;
    const isLeft = !isDryRun && needsPerson(outcomes, plan.problems);
    const cut = asCut(this.#interrupt.signal, plan.actions, outcomes);
    return {
      ...this.#run(),
      outcomes,
      problems: plan.problems,
      waiting: plan.waiting.filter(({ isOver }) => !isOver),
      untouched,
      pruned: NOTHING_PRUNED,
      stop: null,
      exitCode: isLeft ? EXIT.leftForPerson : EXIT.agreed,
      ...cut,
    };
  }
}

// A run from its lock to its result.

/**
 * An id for a run: its time and random digits, as several runs of a second
 * need different ones.
 *
 * @param nowMs In ms since 1970.
 */
export function newRunId(nowMs: number): string {
  return `${timeMark(nowMs)}-${crypto.randomUUID().slice(0, 8)}`;
}

/**
 * Makes both sides agree, or, as a dry run, says what that would take.
 *
 * @param id Id of the run.
 * @param config What to sync and how.
 * @param options What is asked for this time.
 * @param listener Told of each outcome.
 * @param scans The scans, where they were started before; they are ended.
 * @returns What came of it; a guard that stopped it is part of that.
 */
export async function runSync(
  id: string,
  config: SyncConfig,
  options: SyncOptions,
  listener: SyncListener,
  scans: Scans = new Scans(config.stateDb),
): Promise<RunResult> {
  const { startedAtMs = Date.now() } = options;
  const context: RunContext = { id, startedAtMs, config, options, listener };
  using scanners = scans;
  try {
    if (options.isDryRun) return await plan(context, scanners);
    using lock = await lockOrTell(context);
    return await underLock(context, scanners, lock);
  } catch (error) {
    const result = stoppedBy(error, context);
    if (result === null) throw error;
    return result;
  }
}

/** A lock that can't be made must be told as well as any guard. */
async function lockOrTell(context: RunContext): Promise<Lock> {
  const { config, listener } = context;
  try {
    return takeLock(config.stateDb);
  } catch (error) {
    // Another run is no trouble.
    if (!(error instanceof LockedError)) {
      const result = stoppedBy(error, context);
      await listener.onEnd?.({ result, error, db: null, lock: null });
    }
    throw error;
  }
}

/**
 * A run that did not even come to its lock: tells it as a run does that was
 * stopped, under the lock and by the state DB where there are any, so that it
 * is mailed once and not in every try.
 *
 * @param id Id of the run.
 * @param config What it was to sync.
 * @param options What was asked for.
 * @param listener Told of its end.
 * @param error What stopped it.
 * @returns What came of it.
 * @throws What was given, where it is no guard.
 */
export async function endBeforeStart(
  id: string,
  config: SyncConfig,
  options: SyncOptions,
  listener: Pick<SyncListener, "onOpen" | "onEnd">,
  error: unknown,
): Promise<RunResult> {
  const { startedAtMs = Date.now(), isDryRun } = options;
  const nobody = { onOutcome() {}, onProblem() {}, onWarning() {} };
  const context = { id, startedAtMs, config, options, listener: nobody };
  const result = stoppedBy(error, context);
  if (!isDryRun) {
    let lock: Lock | null = null;
    let db: StateDb | null = null;
    try {
      lock = takeLock(config.stateDb);
      db = new StateDb(config.stateDb, { isReadOnly: false });
      listener.onOpen?.(db);
    } catch {
      // What stopped the run is told without them.
    }
    try {
      await listener.onEnd?.({ result, error, db, lock });
    } finally {
      db?.[Symbol.dispose]();
      lock?.[Symbol.dispose]();
    }
  }
  if (result === null) throw error;
  return result;
}

async function plan(
  context: RunContext,
  scanners: Both<RootScan>,
): Promise<RunResult> {
  using db = new StateDb(context.config.stateDb, { isReadOnly: true });
  return await new Run(context, db).go(scanners);
}

async function underLock(
  context: RunContext,
  scanners: Both<RootScan>,
  lock: Lock,
): Promise<RunResult> {
  const { config, listener } = context;
  let db: StateDb | null = null;
  try {
    let result: RunResult | null = null;
    let error: unknown = null;
    try {
      db = new StateDb(config.stateDb, { isReadOnly: false });
      listener.onOpen?.(db);
      result = await new Run(context, db).go(scanners);
      result = await pruned(db, result, context);
    } catch (thrown) {
      error = thrown;
      result = stoppedBy(thrown, context);
    }
    // Who is in a hurry can't wait for a mail server; the next run tells it.
    const isCut = result !== null && isInterrupted(result);
    if (!isCut) await listener.onEnd?.({ result, error, db, lock });
    if (result === null) throw error;
    return result;
  } finally {
    db?.[Symbol.dispose]();
  }
}

/** Removes what was soft-deleted too long ago, at the end of a run. */
async function pruned(
  db: StateDb,
  result: RunResult,
  { id, startedAtMs, config, options, listener }: RunContext,
): Promise<RunResult> {
  const { retentionDays } = config.softDelete;
  if (result.stop !== null || options.settle !== undefined) return result;
  const isNoted = db.first("SELECT 1 FROM expired LIMIT 1") !== null;
  if (retentionDays === 0 && !isNoted) return result;
  const { pruneOld } = await import("./run_retention.ts");
  const removed = pruneOld(db, {
    run: id,
    startedAtMs,
    paths: config.roots,
    retentionDays,
    onWarning: (text) => listener.onWarning(text),
  });
  return { ...result, pruned: removed };
}

/** What a run came to that was stopped; null for anything unexpected. */
function stoppedBy(
  error: unknown,
  { id, startedAtMs, config, options }: RunContext,
): RunResult | null {
  const stopped = asStop(error, config.stateDb);
  if (stopped === null) return null;
  const finishedAtMs = Date.now();
  const { isDryRun } = options;
  const times = { id, startedAtMs, finishedAtMs, isDryRun };
  return { ...times, ...NOTHING_DONE, ...stopped };
}
