/**
 * The stages of a run, in order, once it has its lock and its state DB.
 *
 * @module
 */
import { answerTo } from "./contents.ts";
import { Root, Skipped } from "./disk.ts";
import { EXIT, GuardError } from "./errors.ts";
import { Executor } from "./executor.ts";
import { TemporaryNames } from "./staging.ts";
import { guardPlan } from "./guard.ts";
import type { Answer } from "./inquiry.ts";
import { completeMoves, removeLeftovers } from "./leftovers.ts";
import { meet, type Meeting, rememberIds } from "./meeting.ts";
import { merge, type Merged, type RecordView } from "./merge.ts";
import { timeMark } from "./names.ts";
import type { Plan } from "./plan.ts";
import type { Probe } from "./habits.ts";
import { checkRoots, readIdentity } from "./roots.ts";
import { beginRun, endRun } from "./run_history.ts";
import type { Outcome, RunResult } from "./run_result.ts";
import {
  decisionSettings,
  probeRoots,
  type SyncConfig,
  type SyncListener,
  type SyncOptions,
} from "./run_settings.ts";
import { asStop, NOTHING_DONE } from "./stop.ts";
import { adjusted, NO_RECORD } from "./record_view.ts";
import { type FinishedScan, ScanError, type ScanThread } from "./scans.ts";
import { SoftDelete } from "./soft_delete.ts";
import { digestsOf, RecordStore } from "./record_store.ts";
import type { StateDb } from "./state_db.ts";
import { decide, type DecisionSettings } from "./sync_logic.ts";
import { timeShift } from "./time_shift.ts";
import type { Both, Problem, Side } from "./types.ts";
import { SIDES } from "./types.ts";

/** What a run is. */
export interface RunContext {
  readonly id: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  readonly config: SyncConfig;
  readonly options: SyncOptions;
  readonly listener: SyncListener;
}

/** One run, or one plan. */
export class Run {
  readonly #id: string;
  readonly #config: SyncConfig;
  readonly #options: SyncOptions;
  readonly #listener: SyncListener;
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
    this.#db = db;
    this.#record = new RecordStore(db);
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

  /**
   * Goes through all stages.
   *
   * @param threads Wait for a root each.
   * @throws Whatever is unexpected, and guards that stop a plan.
   */
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
    const probes = probeRoots(this.#db, this.#paths, isDryRun ? null : owner);
    const roots = {
      left: new Root("left", this.#paths.left, probes.left.habits),
      right: new Root("right", this.#paths.right, probes.right.habits),
    };
    if (!isDryRun) completeMoves(this.#record, roots);
    const stored = meeting.forgets ? NO_RECORD : this.#view();
    const recordedFiles = meeting.forgets ? 0 : this.#record.countFiles();
    const scans = await this.#scan(threads, probes, stored, meeting);
    this.#verifyRoots(meeting);
    const shifts = {
      left: timeShift(scans.left, stored, "left", recordedFiles),
      right: timeShift(scans.right, stored, "right", recordedFiles),
    };
    const record = adjusted(stored, shifts, meeting.idsCount);
    const settings = decisionSettings(this.#config, probes, this.#record, {
      startedAtMs: this.#startedAtMs,
      isFirstMeeting: recordedFiles === 0,
      listUnchanged: this.#options.listUnchanged,
    });
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

  #view(): RecordView {
    const directories = this.#record.directories();
    return { directories, filesIn: (folder) => this.#record.filesIn(folder) };
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
          : digestsOf(record.directories, side),
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
    const [db, record] = [this.#db, this.#record];
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
      recorder: record,
      verifyRoots: () => this.#requireRoots(seen.meeting),
      noteMove: (move) => record.noteMove(move),
      onOutcome: (outcome) => this.#listener.onOutcome(outcome),
    });
    const outcomes = await executor.run(plan.actions);
    record.sealFolders();
    db.transaction(() => {
      record.clearMoves();
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
        if (shifts[side] !== 0) this.#record.shiftTimes(side, shifts[side]);
        if (!meeting.idsCount[side]) this.#record.dropIds(side);
      }
      this.#record.dropDigests();
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
