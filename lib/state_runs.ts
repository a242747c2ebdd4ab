/**
 * What past runs did, and which conflicts are open.
 *
 * @module
 */
import { BulkInsert } from "./bulk_insert.ts";
import type { StoredConflict } from "./conflicts_text.ts";
import { EXIT } from "./errors.ts";
import type { Version } from "./plan_types.ts";
import { openConflicts, type Outcome, type RunResult } from "./run_result.ts";
import type { ListedConflict } from "./settlement.ts";
import { canStand, Standing, STILL, wholeRuns } from "./standing.ts";
import type { SqlValue, StateDb } from "./state_db.ts";
import { summarize } from "./summary.ts";
import type { ConflictKind, Rule } from "./types.ts";

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
 * @param settled The conflict that was all the run was about; null for an
 *   ordinary run.
 */
export function endRun(
  db: StateDb,
  result: RunResult,
  settled: string | null = null,
): void {
  db.transaction(() => {
    const isWhole = result.stop === null && settled === null;
    const nth = isWhole ? wholeRuns(db) + 1 : null;
    // What stood before is looked up by the number of the run before.
    const held = nth === null
      ? new Set<Outcome>()
      : new Standing(db).note(result, nth);
    if (nth !== null) db.setMeta("whole_runs", String(nth));
    db.run(
      `UPDATE runs SET finished_at = ?, exit_code = ?, summary = ?,
       stopped_by = ?, nth = ? WHERE id = ?`,
      result.finishedAtMs,
      result.exitCode,
      JSON.stringify(summarize(result)),
      result.stop && `${result.stop.name}: ${result.stop.reason}`,
      nth,
      result.id,
    );
    const acted = result.outcomes.filter(({ action }) =>
      action.name !== "NOOP"
    );
    const rows = new BulkInsert(db, "INSERT INTO actions");
    for (const [seq, outcome] of acted.entries()) {
      if (held.has(outcome)) continue;
      const last = nth !== null && canStand(outcome) ? STILL : null;
      const row = actionRow(result.id, seq, outcome);
      rows.add([...row, last, outcome.action.files]);
    }
    rows.write();
    removeOld(db, result.id);
    if (result.stop !== null) return;
    if (settled === null) noteConflicts(db, result);
    else if (result.exitCode === EXIT.agreed) {
      db.run("DELETE FROM conflicts WHERE path = ?", settled);
    }
  });
}

const KEPT_MS = 400 * 24 * 60 * 60 * 1000;

/**
 * Removes runs, and what they did, that began more than 400 days before both
 * this run and the one before it, and that no younger one came before: a wrong
 * clock must not take all of them, nor one that it only dates back. The last
 * good run stays, and each that something standing goes back to.
 */
function removeOld(db: StateDb, run: string): void {
  const [newest = null] = db.first(
    `SELECT min(started_at) FROM
     (SELECT started_at FROM runs ORDER BY runs.rowid DESC LIMIT 2)`,
  ) ?? [];
  const before = Number(newest) - KEPT_MS;
  const young = db.first(
    "SELECT min(runs.rowid) FROM runs WHERE started_at BETWEEN ? AND ?",
    before,
    Number(newest),
  )?.[0] ?? 0;
  const isAny = db.first(
    "SELECT 1 FROM runs WHERE started_at < ? AND runs.rowid < ? LIMIT 1",
    before,
    young,
  );
  if (isAny === null) return;
  const old = `SELECT id FROM runs WHERE started_at < ?1 AND id <> ?2
    AND runs.rowid < ?3
    AND id IS NOT (SELECT id FROM runs WHERE exit_code = 0
      ORDER BY started_at DESC LIMIT 1)
    AND id NOT IN (SELECT since_run FROM problems)
    AND id NOT IN (SELECT since_run FROM conflicts)
    AND id NOT IN (SELECT run FROM actions WHERE last >=
      (SELECT min(nth) FROM runs WHERE started_at >= ?1))`;
  db.run(`DELETE FROM actions WHERE run IN (${old})`, before, run, young);
  db.run(`DELETE FROM runs WHERE id IN (${old})`, before, run, young);
}

function actionRow(run: string, seq: number, outcome: Outcome): SqlValue[] {
  const { action } = outcome;
  return [
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
  ];
}

/**
 * A conflict as the last run left it.
 *
 * @param db The state DB.
 * @param path Its path.
 * @returns Null where none is open at that path.
 */
export function listedConflict(
  db: StateDb,
  path: string,
): ListedConflict | null {
  return listedConflicts(db).find((it) => it.path === path) ?? null;
}

/**
 * All conflicts that the last run left open, by path.
 *
 * @param db The state DB.
 */
export function listedConflicts(db: StateDb): StoredConflict[] {
  return db.query(
    `SELECT path, kind, rule, path_left, path_right, size_left, size_right,
     mtime_left, mtime_right, since_run, started_at
     FROM conflicts LEFT JOIN runs ON runs.id = since_run ORDER BY path`,
  ).map((row) => {
    const [path, kind, rule, pathL, pathR, sizeL, sizeR, timeL, timeR] = row;
    const [sinceRun, sinceMs] = row.slice(-2);
    return {
      path: String(path),
      kind: kind as ConflictKind,
      rule: rule as Rule,
      versions: {
        left: versionOf(pathL!, sizeL!, timeL!),
        right: versionOf(pathR!, sizeR!, timeR!),
      },
      sinceRun: String(sinceRun),
      sinceMs: sinceMs as number | null,
    };
  });
}

function versionOf(
  path: SqlValue,
  sizeBytes: SqlValue,
  mtimeMs: SqlValue,
): Version | null {
  return path === null ? null : {
    path: String(path),
    sizeBytes: Number(sizeBytes),
    mtimeMs: Number(mtimeMs),
  };
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
