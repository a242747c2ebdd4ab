/**
 * The stages of a run, in order, once it has its lock and its state DB.
 *
 * @module
 */
import { carryOut, type CarryOutContext } from "./apply_plan.ts";
import { EXIT } from "./errors.ts";
import { completeMoves, foreignLeftovers } from "./files_leftovers.ts";
import { type Interrupt, UNINTERRUPTED } from "./interrupt.ts";
import { Meter } from "./meter.ts";
import type { TemporaryOwner } from "./names.ts";
import { guardPlan } from "./plan_guard.ts";
import type { Merged, MergeSettings, SideScan } from "./plan_merge.ts";
import type { Plan } from "./plan_types.ts";
import {
  decideReading,
  plannedOutcomes,
  settlingPlan,
  viewOf,
} from "./planning.ts";
import { ReadAhead } from "./read_ahead.ts";
import { Root } from "./root_files.ts";
import { checkRoots } from "./root_identity.ts";
import type { Probe } from "./root_traits.ts";
import {
  joiningWords,
  lostRecord,
  meet,
  type Meeting,
  requireStillThere,
} from "./run_identify.ts";
import { requireNewest } from "./run_numbers.ts";
import {
  isTold,
  needsPerson,
  NOTHING_PRUNED,
  type Outcome,
  type RunResult,
} from "./run_result.ts";
import {
  type FinishedScan,
  idleThreads,
  type RootScan,
  scanBoth,
} from "./run_scan.ts";
import {
  decisionSettings,
  probeRoots,
  rememberRooms,
  roomIn,
  type SyncConfig,
  type SyncListener,
  type SyncOptions,
} from "./run_types.ts";
import { scanRequests } from "./scan_requests.ts";
import type { StateDb } from "./state_db.ts";
import { NO_RECORD, RecordStore, withoutIds } from "./state_record.ts";
import { beginRun, endRun } from "./state_runs.ts";
import {
  asCut,
  asFailure,
  asStop,
  NOTHING_DONE,
  type Stopped,
} from "./stop.ts";
import { type Both, otherSide, type Side } from "./types.ts";
import { mergeWitnessed } from "./witness.ts";

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
    this.#paths = { left: config.leftRoot, right: config.rightRoot };
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
    completeMoves(this.#record, roots, isDryRun);
    const stored = new ReadAhead(
      meeting.forgets ? NO_RECORD : viewOf(this.#record),
    );
    const recordedFiles = meeting.forgets ? 0 : this.#record.countFiles();
    // Without a record nobody knows what there is.
    const files = recordedFiles === 0 ? null : 2 * recordedFiles;
    this.#meter.begin("scan", { files, bytes: null });
    const scanning = this.#scan(scanners, probes, stored, meeting);
    const scans = await this.#interrupt.waitFor(scanning);
    requireStillThere(meeting, this.#paths);
    const idle = idleThreads(scanners, scans, { mayCopy: !isDryRun });
    const settings = decisionSettings(this.#config, probes, this.#record, {
      startedAtMs: this.#startedAtMs,
      recordedFiles,
      listUnchanged: this.#options.listUnchanged,
      roomIn: roomIn(this.#db, roots, isDryRun ? null : this.#owner),
    });
    const record = withoutIds(stored, meeting.idsCount);
    const merging: MergeSettings = {
      habits: { left: probes.left.habits, right: probes.right.habits },
      folding: settings.folding,
      isSuspicious: settings.isSuspicious,
      keepUnchanged: this.#options.listUnchanged,
      trustsFigures: settings.isFirstMeeting && !settings.verifyFirstRun &&
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
      : await settlingPlan(decided, settle, this.#db, roots, this.#interrupt);
    if ("stop" in plan) return this.#stopped(plan);
    await this.#interrupt.pass();
    const outcomes = isDryRun
      ? plannedOutcomes(plan, this.#listener)
      : await this.#carryOut(plan, { ...met, scans, idle, alike });
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
      const alarm = lostRecord(meeting.warning, this.#id, this.#db);
      this.#listener.onAlarm?.(alarm);
    }
    const probes = probeRoots(
      this.#db,
      this.#paths,
      isDryRun ? null : owner,
      (text) => this.#listener.onWarning(text),
    );
    const roots = {
      left: new Root("left", this.#paths.left, probes.left.habits),
      right: new Root("right", this.#paths.right, probes.right.habits),
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
    found: Met & Pick<CarryOutContext, "scans" | "idle" | "alike">,
  ): Promise<readonly Outcome[]> {
    try {
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
    record: ReadAhead,
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
      onListing: (folder) => record.expect(folder),
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
