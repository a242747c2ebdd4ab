/**
 * A run: the stages in order, no rules.
 *
 * @module
 */
import { answerTo } from "./contents.ts";
import { Root, Skipped } from "./disk.ts";
import { EXIT, GuardError, LockedError } from "./errors.ts";
import { Executor } from "./executor.ts";
import { type Habits, isSameId } from "./figures.ts";
import { TemporaryNames } from "./file_ops.ts";
import { type Allowances, guardPlan, type SafetyLimits } from "./guard.ts";
import { extensionOf, type IgnoreSettings } from "./ignore.ts";
import type { Answer } from "./inquiry.ts";
import { completeMoves, removeLeftovers } from "./leftovers.ts";
import { meet, type Meeting, rememberIds } from "./meeting.ts";
import { merge, type Merged, type RecordView } from "./merge.ts";
import { timeMark } from "./names.ts";
import type { Folding } from "./paths.ts";
import type { Plan } from "./plan.ts";
import {
  checkRoots,
  PLAIN_HABITS,
  type Probe,
  probe,
  readIdentity,
} from "./roots.ts";
import { beginRun, endRun } from "./run_history.ts";
import type { Outcome, RunResult, Stop } from "./run_result.ts";
import { type FinishedScan, ScanError, ScanThread } from "./scans.ts";
import { SoftDelete } from "./soft_delete.ts";
import { asGuard, digestsOf, recordOf, StateDb, takeLock } from "./state_db.ts";
import { decide, type DecisionSettings } from "./sync_logic.ts";
import { timeShift } from "./time_shift.ts";
import type {
  Both,
  ConflictKind,
  FileId,
  FileRow,
  Policy,
  Problem,
  Side,
} from "./types.ts";
import { SIDES } from "./types.ts";

/** The part of a config that a run depends on. */
export interface SyncConfig {
  readonly leftRoot: string;
  readonly rightRoot: string;
  readonly stateDb: string;
  readonly softDelete: {
    readonly enabled: boolean;
    readonly maxSizeBytes: number;
    readonly keepReplaced: boolean;
  };
  readonly policies: Readonly<Record<ConflictKind, Policy>>;
  readonly ignore: IgnoreSettings;
  readonly safety: SafetyLimits;
  readonly compare: {
    readonly verifyFirstRun: boolean;
    readonly alwaysRead: readonly string[];
  };
}

/** What a person asked for, for this one run. */
export interface SyncOptions {
  /** Make a plan and write nothing. */
  readonly isDryRun: boolean;
  readonly allowed: Allowances;
  readonly acceptRoots: boolean;
  /** List paths at which nothing differs. */
  readonly listUnchanged: boolean;
}

/** Told what happens while it happens. */
export interface SyncListener {
  onOutcome(outcome: Outcome): void;
  onProblem(problem: Problem): void;
  onWarning(text: string): void;
}

/**
 * An id for a run: its time and a few random digits.
 *
 * @param nowMs In ms since 1970.
 */
export function newRunId(nowMs: number): string {
  return `${timeMark(nowMs)}-${crypto.randomUUID().slice(0, 4)}`;
}

/**
 * Makes both sides agree, or, as a dry run, says what that would take.
 *
 * @param id Id of the run.
 * @param config What to sync and how.
 * @param options What is asked for this time.
 * @param listener Told of each outcome.
 * @returns What came of it; a guard that stopped it is part of that.
 */
export async function runSync(
  id: string,
  config: SyncConfig,
  options: SyncOptions,
  listener: SyncListener,
): Promise<RunResult> {
  const startedAtMs = Date.now();
  const base = { id, startedAtMs, isDryRun: options.isDryRun };
  // Threads take a while to load: they do while the rest is prepared.
  using left = new ScanThread();
  using right = new ScanThread();
  try {
    using _lock = options.isDryRun ? null : takeLock(config.stateDb);
    using db = new StateDb(config.stateDb, { isReadOnly: options.isDryRun });
    const run = new Run(id, config, options, listener, db, startedAtMs);
    return await run.go({ left, right });
  } catch (error) {
    const stop = asStop(error, config.stateDb);
    if (stop === null) throw error;
    const exitCode = error instanceof LockedError ? EXIT.busy : EXIT.guard;
    return {
      ...base,
      ...NOTHING_DONE,
      finishedAtMs: Date.now(),
      stop,
      exitCode,
    };
  }
}

const NOTHING_DONE = { outcomes: [], problems: [], untouched: 0 } as const;

function asStop(thrown: unknown, stateDb: string): Stop | null {
  const error = asGuard(thrown, stateDb);
  const isStop = error instanceof GuardError || error instanceof LockedError;
  if (!isStop) return null;
  const name = error instanceof GuardError ? error.guard : "lock";
  return { name, reason: error.message, hint: error.hint ?? "" };
}

class Run {
  readonly #id: string;
  readonly #config: SyncConfig;
  readonly #options: SyncOptions;
  readonly #listener: SyncListener;
  readonly #db: StateDb;
  readonly #startedAtMs: number;
  readonly #paths: Both<string>;
  readonly #pair: string;

  constructor(
    id: string,
    config: SyncConfig,
    options: SyncOptions,
    listener: SyncListener,
    db: StateDb,
    startedAtMs: number,
  ) {
    this.#id = id;
    this.#config = config;
    this.#options = options;
    this.#listener = listener;
    this.#db = db;
    this.#startedAtMs = startedAtMs;
    this.#paths = { left: config.leftRoot, right: config.rightRoot };
    this.#pair = this.#pairName();
  }

  /** Names the pair of roots in temporary and soft-delete names. */
  #pairName(): string {
    const known = this.#db.meta("pair");
    if (known !== null || this.#options.isDryRun) return known ?? "plan";
    const pair = crypto.randomUUID().slice(0, 6);
    this.#db.setMeta("pair", pair);
    return pair;
  }

  async go(threads: Both<ScanThread>): Promise<RunResult> {
    const { isDryRun } = this.#options;
    if (!isDryRun) beginRun(this.#db, this.#id, this.#startedAtMs);
    try {
      const result = await this.#stages(threads);
      if (!isDryRun) endRun(this.#db, result);
      return result;
    } catch (error) {
      const stop = asStop(error, this.#config.stateDb);
      if (stop === null || isDryRun) throw error;
      const result: RunResult = {
        id: this.#id,
        startedAtMs: this.#startedAtMs,
        finishedAtMs: Date.now(),
        isDryRun,
        ...NOTHING_DONE,
        stop,
        exitCode: EXIT.guard,
      };
      // A damaged DB can't even take that.
      if (stop.name !== "state") endRun(this.#db, result);
      return result;
    }
  }

  async #stages(threads: Both<ScanThread>): Promise<RunResult> {
    checkRoots(this.#paths);
    const owner = { pair: this.#pair, run: this.#id };
    const { isDryRun, acceptRoots } = this.#options;
    const meeting = meet(this.#db, this.#paths, {
      isDryRun,
      acceptRoots,
      owner,
    });
    if (meeting.warning) this.#listener.onWarning(meeting.warning);
    const probes = this.#probes();
    const roots = {
      left: new Root("left", this.#paths.left, probes.left.habits),
      right: new Root("right", this.#paths.right, probes.right.habits),
    };
    if (!isDryRun) completeMoves(this.#db, roots);
    const stored = meeting.forgets ? NO_RECORD : recordOf(this.#db);
    const recordedFiles = meeting.forgets ? 0 : this.#db.countFiles();
    const scans = await this.#scan(threads, probes, stored, meeting);
    this.#verifyRoots(meeting);
    const shifts = {
      left: timeShift(scans.left, stored, "left", recordedFiles),
      right: timeShift(scans.right, stored, "right", recordedFiles),
    };
    const record = adjusted(stored, shifts, meeting.idsCount);
    const settings = this.#settings(probes, recordedFiles);
    const merged = merge(scans, record, {
      habits: { left: probes.left.habits, right: probes.right.habits },
      folding: settings.folding,
      isSuspicious: settings.isSuspicious,
      keepUnchanged: this.#options.listUnchanged,
    });
    const plan = this.#decide(merged, roots, settings);
    for (const problem of plan.problems) {
      if (problem.kind !== "ignored") this.#listener.onProblem(problem);
    }
    guardPlan(
      plan.counts,
      recordedFiles,
      this.#config.safety,
      this.#options.allowed,
    );
    const looked = merged.pairs.filter(({ row }) => row !== null).length;
    const outcomes = isDryRun
      ? this.#planned(plan)
      : await this.#execute(plan, roots, { meeting, scans, shifts });
    return this.#result(plan, outcomes, Math.max(0, recordedFiles - looked));
  }

  #probes(): Both<Probe> {
    const owner = { pair: this.#pair, run: this.#id };
    const of = (side: Side): Probe => {
      const probed = this.#options.isDryRun
        ? null
        : probe(this.#paths[side], owner);
      if (probed) {
        this.#db.setMeta(`habits_${side}`, JSON.stringify(probed.habits));
        return probed;
      }
      const known = this.#db.meta(`habits_${side}`);
      const habits: Habits = known === null ? PLAIN_HABITS : JSON.parse(known);
      return { habits, startedAtMs: Date.now() + habits.clockOffsetMs };
    };
    return { left: of("left"), right: of("right") };
  }

  async #scan(
    threads: Both<ScanThread>,
    probes: Both<Probe>,
    record: RecordView,
    meeting: Meeting,
  ): Promise<Both<FinishedScan>> {
    const alwaysRead = JSON.stringify(this.#config.compare.alwaysRead);
    // A listing of all paths needs all rows, and so does another setting.
    const isFull = this.#options.listUnchanged ||
      (this.#db.meta("always_read") ?? "[]") !== alwaysRead;
    const scan = (side: Side) =>
      threads[side].run({
        side,
        root: this.#paths[side],
        tickMs: probes[side].habits.tickMs,
        startedAtMs: probes[side].startedAtMs,
        digests: isFull || !meeting.idsCount[side]
          ? new Map()
          : digestsOf(record, side),
      }, this.#config.ignore);
    try {
      const [left, right] = await Promise.all([scan("left"), scan("right")]);
      return { left, right };
    } catch (error) {
      if (!(error instanceof ScanError)) throw error;
      throw new GuardError(
        "roots",
        `${error.side === "left" ? "Left" : "Right"} (${
          this.#paths[error.side]
        }) could not be read to the end: ${error.message}. Nothing was changed.`,
        "Make sure that the disk or network drive is connected, then run again.",
        { cause: error },
      );
    }
  }

  #settings(probes: Both<Probe>, recordedFiles: number): DecisionSettings {
    const { left, right } = probes;
    const folding: Folding = {
      ignoresCase: left.habits.ignoresCase || right.habits.ignoresCase,
      ignoresNormalForm: left.habits.ignoresNormalForm ||
        right.habits.ignoresNormalForm,
    };
    const alwaysRead = new Set(this.#config.compare.alwaysRead);
    let shared: Both<readonly FileId[]> | null = null;
    return {
      folding,
      coarserTickMs: Math.max(left.habits.tickMs, right.habits.tickMs),
      isFirstMeeting: recordedFiles === 0,
      verifyFirstRun: this.#config.compare.verifyFirstRun,
      policies: this.#config.policies,
      nowMs: this.#startedAtMs,
      softDelete: this.#config.softDelete,
      listUnchanged: this.#options.listUnchanged,
      isSuspicious: (name) =>
        alwaysRead.size > 0 && alwaysRead.has(extensionOf(name)),
      isSharedId: (side, id) => {
        shared ??= {
          left: this.#db.sharedIds("left"),
          right: this.#db.sharedIds("right"),
        };
        return shared[side].some((other) => isSameId(other, id));
      },
    };
  }

  /** Decides, reads what decisions depend on, and decides again. */
  #decide(
    merged: Merged,
    roots: Both<Root>,
    settings: DecisionSettings,
  ): Plan {
    const answers = new Map<string, Answer>();
    for (;;) {
      const decision = decide(merged, answers, settings);
      if (decision.kind === "plan") return decision.plan;
      for (const [id, question] of decision.questions) {
        answers.set(id, answerTo(question, roots));
      }
    }
  }

  #planned(plan: Plan): Outcome[] {
    return plan.actions.map((action) => {
      const outcome: Outcome = {
        action,
        kind: "planned",
        detail: null,
        newPath: action.newPath,
        error: null,
      };
      this.#listener.onOutcome(outcome);
      return outcome;
    });
  }

  async #execute(plan: Plan, roots: Both<Root>, seen: {
    readonly meeting: Meeting;
    readonly scans: Both<FinishedScan>;
    readonly shifts: Both<number>;
  }): Promise<readonly Outcome[]> {
    const db = this.#db;
    for (const side of SIDES) {
      const { leftovers } = seen.scans[side].summary;
      removeLeftovers(roots[side], leftovers, this.#pair, this.#startedAtMs);
    }
    this.#adjustRecord(seen.shifts, seen.meeting);
    const owner = { pair: this.#pair, run: this.#id };
    const executor = new Executor({
      roots,
      names: new TemporaryNames(owner),
      softDelete: new SoftDelete(
        `${timeMark(this.#startedAtMs)}-${this.#pair}`,
      ),
      recorder: db,
      verifyRoots: () => this.#requireRoots(seen.meeting),
      noteMove: (move) => db.noteMove(move),
      onOutcome: (outcome) => this.#listener.onOutcome(outcome),
    });
    const outcomes = await executor.run(plan.actions);
    db.sealFolders();
    db.transaction(() => {
      db.clearMoves();
      rememberIds(db, seen.meeting.identities);
      db.setMeta(
        "always_read",
        JSON.stringify(this.#config.compare.alwaysRead),
      );
    });
    return outcomes;
  }

  /** The record in today's terms, before anything else is written to it. */
  #adjustRecord(shifts: Both<number>, meeting: Meeting): void {
    const isMoved = SIDES.some((side) =>
      shifts[side] !== 0 || !meeting.idsCount[side]
    );
    if (!isMoved) return;
    this.#db.transaction(() => {
      for (const side of SIDES) {
        if (shifts[side] !== 0) this.#db.shiftTimes(side, shifts[side]);
        if (!meeting.idsCount[side]) this.#db.dropIds(side);
      }
      this.#db.dropDigests();
    });
  }

  /** A root that was unmounted meanwhile shows an empty folder. */
  #verifyRoots(meeting: Meeting): void {
    for (const side of SIDES) {
      const expected = meeting.identities[side];
      const now = readIdentity(side, this.#paths[side]);
      if (expected === null || now?.id === expected.id) continue;
      throw new GuardError(
        "identity",
        `${side === "left" ? "Left" : "Right"} (${
          this.#paths[side]
        }) went away while it was being read. Nothing was changed.`,
        "Make sure that the disk or network drive is connected, then run again.",
      );
    }
  }

  #requireRoots(meeting: Meeting): void {
    try {
      this.#verifyRoots(meeting);
    } catch (error) {
      if (!(error instanceof GuardError)) throw error;
      throw new Skipped("a root went away during the run");
    }
  }

  #result(
    plan: Plan,
    outcomes: readonly Outcome[],
    untouched: number,
  ): RunResult {
    const isLeft =
      outcomes.some(({ kind }) => kind === "skipped" || kind === "failed") ||
      plan.problems.some(({ kind }) => !QUIET.has(kind));
    const { isDryRun } = this.#options;
    return {
      id: this.#id,
      startedAtMs: this.#startedAtMs,
      finishedAtMs: Date.now(),
      isDryRun,
      outcomes,
      problems: plan.problems,
      untouched,
      stop: null,
      exitCode: isLeft && !isDryRun ? EXIT.leftForPerson : EXIT.agreed,
    };
  }
}

/** Problems that nobody has to do anything about. */
const QUIET: ReadonlySet<Problem["kind"]> = new Set([
  "ignored",
  "symlink",
  "special",
]);

const NO_RECORD: RecordView = { directories: new Map(), filesIn: () => [] };

/** The record in today's terms: clocks shifted, ids that mean nothing dropped. */
function adjusted(
  record: RecordView,
  shifts: Both<number>,
  idsCount: Both<boolean>,
): RecordView {
  const isPlain = SIDES.every((side) => shifts[side] === 0 && idsCount[side]);
  if (isPlain) return record;
  const half = (row: FileRow, side: Side) => ({
    ...row[side],
    mtimeMs: row[side].mtimeMs + shifts[side],
    id: idsCount[side] ? row[side].id : null,
  });
  return {
    directories: record.directories,
    filesIn: (folder) =>
      record.filesIn(folder).map((row) => ({
        ...row,
        left: half(row, "left"),
        right: half(row, "right"),
      })),
  };
}
