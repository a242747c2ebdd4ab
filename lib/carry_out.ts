/**
 * The part of a run that changes things: old leftovers first, then the plan,
 * then what the next run needs to know.
 *
 * @module
 */
import { CopyThreads, threadsFor } from "./apply_threads.ts";
import { GuardError } from "./errors.ts";
import { TemporaryNames } from "./file_ops.ts";
import { removeLeftovers, settleMoves } from "./files_leftovers.ts";
import type { Interrupt } from "./interrupt.ts";
import type { Meter, Totals } from "./meter.ts";
import { type TemporaryOwner, timeMark } from "./names.ts";
import type { AlikeFiles } from "./plan_merge.ts";
import type { Action, Suspect, Waiting } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import type { Probe } from "./root_traits.ts";
import {
  type Meeting,
  rememberIds,
  requireStillThere,
} from "./run_identify.ts";
import { numberRun } from "./run_numbers.ts";
import type { Outcome } from "./run_result.ts";
import type { FinishedScan, IdleThreads } from "./run_scan.ts";
import type { StateDb } from "./state_db.ts";
import type { RecordStore } from "./state_record.ts";
import { Skipped, WENT_AWAY } from "./system.ts";
import { type Both, type FileRow, SIDES } from "./types.ts";

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
  readonly idle: IdleThreads;
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
  settleMoves(record, roots);
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
  const { record, roots, owner, startedAtMs, probes, meter, idle } = context;
  const [{ Executor }, { SoftDelete }] = await Promise.all([
    import("./apply_plan.ts"),
    import("./soft_delete.ts"),
  ]);
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
    pause: () => context.interrupt.pass(),
    threads: {
      ...threadsFor(callMs, idle.areWarm ? idle.threads.length : 0),
      start: (count) => new CopyThreads(roots, count, idle.threads),
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
