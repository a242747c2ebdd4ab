/**
 * Outcomes on their way to the log.
 *
 * @module
 */
import type { Log } from "./logging_setup.ts";
import { INTERRUPTED, type Outcome, type RunResult } from "./run_result.ts";

/**
 * Writes an outcome to the log, in the level that it deserves.
 *
 * @param log The log.
 * @param outcome The outcome.
 */
export function logOutcome(log: Log, outcome: Outcome): void {
  const { action, kind, newPath, detail, error } = outcome;
  const isQuiet = action.name === "NOOP" && action.conflict === null;
  const entry = {
    name: action.name,
    path: action.path,
    newPath,
    rule: action.rule,
    reason: [
      ...kind === "planned" ? ["planned"] : [],
      action.reason,
      ...detail ? [detail] : [],
    ].join("; "),
    bytes: action.bytes,
  };
  if (kind === "failed") log.failed({ ...entry, error });
  else if (kind === "skipped") log.skipped({ ...entry, why: detail ?? "" });
  else if (!isQuiet) log.action(entry);
}

/**
 * Writes down what stopped a run; nothing where it was not stopped.
 *
 * @param log The log.
 * @param result What came of the run.
 */
export function logStop(log: Log, { stop }: Pick<RunResult, "stop">): void {
  if (stop === null) return;
  const text = `${stop.name}: ${stop.reason}`;
  if (stop.name === INTERRUPTED) log.warning(text);
  else log.error(text);
}
