/**
 * What the state DB tells of past runs.
 *
 * @module
 */
import type { PastAction, PastRun } from "./history_text.ts";
import { wholeRuns } from "./standing.ts";
import type { SqlValue, StateDb } from "./state_db.ts";
import type { ActionName, OutcomeKind, Rule, Side } from "./types.ts";

const RUN_COLUMNS =
  "id, started_at, finished_at, exit_code, summary, stopped_by";

const ACTION_COLUMNS = "run, started_at, action, path, new_path, rule, side, " +
  "reason, outcome, detail, bytes, files";

/**
 * The last runs, newest first.
 *
 * @param db The state DB.
 * @param limit How many at most.
 */
export function pastRuns(db: StateDb, limit: number): PastRun[] {
  return db.query(
    `SELECT ${RUN_COLUMNS} FROM runs ORDER BY started_at DESC, id DESC LIMIT ?`,
    limit,
  ).map(toRun);
}

/**
 * Runs whose id begins in a way, oldest first; an id that is written out in
 * full is that run's alone.
 *
 * @param db The state DB.
 * @param start How the id begins.
 */
export function runsBeginning(db: StateDb, start: string): PastRun[] {
  const runs = db.query(
    `SELECT ${RUN_COLUMNS} FROM runs WHERE substr(id, 1, length(?)) = ?
     ORDER BY started_at, id`,
    start,
    start,
  ).map(toRun);
  const exact = runs.find(({ id }) => id === start);
  return exact ? [exact] : runs;
}

/**
 * What a run did, in order.
 *
 * @param db The state DB.
 * @param run Its id.
 */
export function actionsOf(db: StateDb, run: string): PastAction[] {
  // What stood already is a row of the run that met it first.
  const nth = "(SELECT nth FROM runs WHERE id = ?1)";
  return db.query(
    `SELECT ${ACTION_COLUMNS}, ${nth} - nth + 1
     FROM actions JOIN runs ON runs.id = run
     WHERE run = ?1 OR last >= ${nth} AND nth < ${nth} ORDER BY seq, nth`,
    run,
  ).map(toAction);
}

/**
 * What past runs did at a path, newest first.
 *
 * @param db The state DB.
 * @param path The path, before or after it.
 * @param limit How many at most.
 */
export function actionsAt(
  db: StateDb,
  path: string,
  limit: number,
): PastAction[] {
  const runs = `min(coalesce(last, nth), ${wholeRuns(db)}) - nth + 1`;
  return db.query(
    `SELECT ${ACTION_COLUMNS}, ${runs}
     FROM actions JOIN runs ON runs.id = run
     WHERE path = ? OR new_path = ?
     ORDER BY started_at DESC, seq DESC LIMIT ?`,
    path,
    path,
    limit,
  ).map(toAction);
}

function toRun(row: readonly SqlValue[]): PastRun {
  const [id, started, finished, exitCode, summary, stoppedBy] = row;
  return {
    id: String(id),
    startedAtMs: Number(started),
    finishedAtMs: numberOrNull(finished),
    exitCode: numberOrNull(exitCode),
    summary: summary === null ? null : JSON.parse(String(summary)),
    stoppedBy: textOrNull(stoppedBy),
  };
}

function toAction(row: readonly SqlValue[]): PastAction {
  const [run, started, action, path, newPath, rule, side, reason] = row;
  const [outcome, detail, bytes, files, runs] = row.slice(8);
  return {
    run: String(run),
    startedAtMs: Number(started),
    action: action as ActionName,
    path: String(path),
    newPath: textOrNull(newPath),
    rule: textOrNull(rule) as Rule | null,
    side: textOrNull(side) as Side | null,
    reason: String(reason),
    outcome: outcome as OutcomeKind,
    detail: textOrNull(detail),
    bytes: numberOrNull(bytes),
    files: numberOrNull(files),
    runs: Math.max(1, numberOrNull(runs) ?? 1),
  };
}

function textOrNull(value: SqlValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

function numberOrNull(value: SqlValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}
