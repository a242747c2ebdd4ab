/**
 * What past runs did, and which conflicts are open.
 *
 * @module
 */
import { openConflicts, type Outcome, type RunResult } from "./run_result.ts";
import { summarize } from "./summary.ts";
import type { StateDb } from "./state_db.ts";

/**
 * Notes that a run has begun: one that dies is seen in the history too.
 *
 * @param db The state DB.
 * @param id Id of the run.
 * @param startedAtMs In ms since 1970.
 */
export function beginRun(db: StateDb, id: string, startedAtMs: number): void {
  db.run("INSERT INTO runs (id, started_at) VALUES (?, ?)", id, startedAtMs);
}

/**
 * Notes how a run ended, its actions, and the conflicts that are open now.
 *
 * @param db The state DB.
 * @param result What came of the run.
 */
export function endRun(db: StateDb, result: RunResult): void {
  db.transaction(() => {
    db.run(
      `UPDATE runs SET finished_at = ?, exit_code = ?, summary = ?,
       stopped_by = ? WHERE id = ?`,
      result.finishedAtMs,
      result.exitCode,
      JSON.stringify(summarize(result)),
      result.stop && `${result.stop.name}: ${result.stop.reason}`,
      result.id,
    );
    let seq = 0;
    for (const outcome of result.outcomes) {
      if (outcome.action.name !== "NOOP") {
        noteAction(db, result.id, seq++, outcome);
      }
    }
    if (result.stop === null) noteConflicts(db, result);
  });
}

function noteAction(
  db: StateDb,
  run: string,
  seq: number,
  outcome: Outcome,
): void {
  const { action } = outcome;
  db.run(
    "INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    run,
    seq,
    action.name,
    action.path,
    outcome.newPath,
    action.rule,
    action.side,
    action.reason,
    outcome.kind,
    outcome.detail,
    action.bytes,
  );
}

/** A pair of versions keeps the run that saw it first. */
function noteConflicts(db: StateDb, result: RunResult): void {
  const known = new Map(
    db.query(
      "SELECT path, size_left, size_right, mtime_left, mtime_right, since_run " +
        "FROM conflicts",
    ).map(([path, ...figures]) => [String(path), figures]),
  );
  db.run("DELETE FROM conflicts");
  for (const conflict of openConflicts(result.outcomes)) {
    const { left, right } = conflict.versions;
    const figures = [
      left?.sizeBytes ?? null,
      right?.sizeBytes ?? null,
      left?.mtimeMs ?? null,
      right?.mtimeMs ?? null,
    ];
    const before = known.get(conflict.path);
    const isKnown = figures.every((figure, n) => figure === before?.[n]);
    const since = isKnown ? String(before?.[4]) : result.id;
    db.run(
      "INSERT OR REPLACE INTO conflicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      conflict.path,
      conflict.kind,
      conflict.rule,
      left?.path ?? null,
      right?.path ?? null,
      ...figures,
      since,
    );
  }
}
