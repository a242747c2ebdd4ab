/**
 * A run that was stopped before anything was changed.
 *
 * @module
 */
import { GuardError, LockedError } from "./errors.ts";
import { NOTHING_PRUNED, type Stop } from "./run_result.ts";
import { asGuard } from "./state_db.ts";

/** What a run that was stopped came to. */
export const NOTHING_DONE = {
  outcomes: [],
  problems: [],
  untouched: 0,
  pruned: NOTHING_PRUNED,
} as const;

/**
 * A guard or a lock that stopped a run, as part of its result.
 *
 * @param thrown What was thrown.
 * @param stateDb The state DB: damage to it is a guard's business.
 * @returns Null for anything unexpected.
 */
export function asStop(thrown: unknown, stateDb: string): Stop | null {
  const error = asGuard(thrown, stateDb);
  const isStop = error instanceof GuardError || error instanceof LockedError;
  if (!isStop) return null;
  const name = error instanceof GuardError ? error.guard : "lock";
  return { name, reason: error.message, hint: error.hint ?? "" };
}
