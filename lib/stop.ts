/**
 * A run that was stopped: by a guard before anything was changed, or by a
 * signal at any moment.
 *
 * @module
 */
import {
  EXIT,
  type ExitCode,
  GuardError,
  InterruptedError,
  LockedError,
  type StopSignal,
  SyncError,
} from "./errors.ts";
import type { Action } from "./plan_types.ts";
import {
  INTERRUPTED,
  NOTHING_PRUNED,
  type Outcome,
  type RunResult,
  type Stop,
} from "./run_result.ts";
import { asGuard } from "./state_db.ts";

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
