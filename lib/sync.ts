/**
 * A run from its lock to its result.
 *
 * @module
 */
import { EXIT, LockedError } from "./errors.ts";
import { timeMark } from "./names.ts";
import { pruneOld } from "./retention.ts";
import { Run } from "./run.ts";
import type { RunResult } from "./run_result.ts";
import type { SyncConfig, SyncListener, SyncOptions } from "./run_settings.ts";
import { ScanThread } from "./scans.ts";
import { StateDb, takeLock } from "./state_db.ts";
import { asStop, NOTHING_DONE } from "./stop.ts";

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
  const { isDryRun } = options;
  // Threads take a while to load: they do while the rest is prepared.
  using left = new ScanThread();
  using right = new ScanThread();
  try {
    using _lock = isDryRun ? null : takeLock(config.stateDb);
    using db = new StateDb(config.stateDb, { isReadOnly: isDryRun });
    const run = new Run({ id, startedAtMs, config, options, listener }, db);
    const result = await run.go({ left, right });
    const isRun = !isDryRun && result.stop === null &&
      options.settle === undefined;
    if (!isRun) return result;
    const pruned = pruneOld(db, {
      run: id,
      startedAtMs,
      paths: { left: config.leftRoot, right: config.rightRoot },
      retentionDays: config.softDelete.retentionDays,
      onWarning: (text) => listener.onWarning(text),
    });
    return { ...result, pruned };
  } catch (error) {
    const stop = asStop(error, config.stateDb);
    if (stop === null) throw error;
    const exitCode = error instanceof LockedError ? EXIT.busy : EXIT.guard;
    const finishedAtMs = Date.now();
    const times = { id, startedAtMs, finishedAtMs, isDryRun };
    return { ...times, ...NOTHING_DONE, stop, exitCode };
  }
}
