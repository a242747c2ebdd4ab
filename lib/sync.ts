/**
 * A run from its lock to its result.
 *
 * @module
 */
import { LockedError } from "./errors.ts";
import { timeMark } from "./names.ts";
import { Run, type RunContext } from "./run.ts";
import type { RunResult } from "./run_result.ts";
import { type RootScan, Scans } from "./run_scan.ts";
import type { SyncConfig, SyncListener, SyncOptions } from "./run_types.ts";
import { type Lock, StateDb, takeLock } from "./state_db.ts";
import { asStop, isInterrupted, NOTHING_DONE } from "./stop.ts";
import type { Both } from "./types.ts";

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
    paths: { left: config.leftRoot, right: config.rightRoot },
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
