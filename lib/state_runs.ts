/**
 * What past runs did, and which conflicts are open.
 *
 * @module
 */
import type { ListedConflict } from "./conflict.ts";
import { EXIT } from "./errors.ts";
import { standingFields } from "./logging_setup.ts";
import type { Version } from "./plan_types.ts";
import { summarize, type Summary } from "./report_text.ts";
import { openConflicts, type Outcome, type RunResult } from "./run_types.ts";
import { BulkInsert, type SqlValue, type StateDb } from "./state_db.ts";
import { timeWords } from "./text.ts";
import type {
  ActionName,
  ConflictKind,
  OutcomeKind,
  Problem,
  Rule,
  Side,
} from "./types.ts";

// What stands as it stood in the run before: actions that can't be done, paths
// that are left alone, open conflicts. It is one row for all runs that met it,
// and one line in a run's log for all of a kind, with since when and how often:
// else 500 files that can't be copied would fill state DB and log with the
// same 500 lines in every run.
//
// A row says from which run on it held, and until which. Both are numbers of
// *whole* runs: those that came to all of their actions. A run that a guard or
// a signal stopped has none, and neither begins nor ends anything.

/** What holds still has no end yet: larger than the number of any run. */
export const STILL = Number.MAX_SAFE_INTEGER;

/** Since when something stands. */
export interface Since {
  readonly run: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  /** In how many runs, this one included. */
  readonly runs: number;
}

/** A row of a table, and since when it holds. */
interface Row extends Since {
  /** What finds it in its table again. */
  readonly id: readonly SqlValue[];
}

/** How many whole runs there were. */
export function wholeRuns(db: StateDb): number {
  return Number(db.meta("whole_runs") ?? 0);
}

/** Whether an outcome is one that the next run may meet again. */
export function canStand({ action, kind }: Outcome): boolean {
  return action.name !== "NOOP" && (kind === "skipped" || kind === "failed");
}

/** What was so in the last whole run. */
export class Standing {
  readonly #db: StateDb;
  #actions: Map<string, Row[]> | null = null;
  #problems: Map<string, Row> | null = null;
  #conflicts: Map<string, Row> | null = null;

  /** @param db The state DB, open. */
  constructor(db: StateDb) {
    this.#db = db;
  }

  /**
   * Since when an action could not be done, for the same reason.
   *
   * @param outcome What became of it now.
   * @returns Null: it is another than in the run before.
   */
  action(outcome: Outcome): Since | null {
    if (outcome.action.conflict?.winner === null) {
      return this.#conflict(outcome);
    }
    if (!canStand(outcome)) return null;
    return this.#actionRows().get(actionKey(outcome))?.[0] ?? null;
  }

  /** Since when a path is left alone, for the same reason. */
  problem({ side, path, reason }: Problem): Since | null {
    return this.#problemRows().get(keyOf([side, path, reason])) ?? null;
  }

  /**
   * Writes down what stands now, in the transaction that ends a whole run.
   *
   * @param result What came of the run.
   * @param nth Its number.
   * @returns The outcomes that are rows of earlier runs already.
   */
  note(result: RunResult, nth: number): ReadonlySet<Outcome> {
    const known = new Map(
      [...this.#actionRows()].map(([key, rows]) => [key, [...rows]]),
    );
    const held = new Set<Outcome>();
    for (const outcome of result.outcomes) {
      if (!canStand(outcome)) continue;
      if (known.get(actionKey(outcome))?.shift()) held.add(outcome);
    }
    for (const row of [...known.values()].flat()) {
      this.#db.run(
        "UPDATE actions SET last = ? WHERE run = ? AND seq = ?",
        nth - 1,
        ...row.id,
      );
    }
    this.#noteProblems(result);
    return held;
  }

  #noteProblems(result: RunResult): void {
    const gone = new Map(this.#problemRows());
    for (const { side, path, reason, kind } of result.problems) {
      if (kind === "ignored") continue;
      if (gone.delete(keyOf([side, path, reason]))) continue;
      this.#db.run(
        "INSERT OR IGNORE INTO problems VALUES (?, ?, ?, ?)",
        side,
        path,
        reason,
        result.id,
      );
    }
    for (const { id } of gone.values()) {
      this.#db.run(
        "DELETE FROM problems WHERE side = ? AND path = ? AND reason = ?",
        ...id,
      );
    }
  }

  #conflict({ action }: Outcome): Since | null {
    const { conflict } = action;
    if (conflict === null) return null;
    const { left, right } = conflict.versions;
    return this.#conflictRows().get(keyOf([
      conflict.path,
      left?.sizeBytes ?? null,
      right?.sizeBytes ?? null,
      left?.mtimeMs ?? null,
      right?.mtimeMs ?? null,
    ])) ?? null;
  }

  #actionRows(): Map<string, Row[]> {
    if (this.#actions !== null) return this.#actions;
    this.#actions = new Map();
    const stored = this.#db.query(
      `SELECT run, seq, started_at, nth, action, path, rule, side, reason,
       outcome, detail, bytes FROM actions JOIN runs ON runs.id = run
       WHERE last = ${STILL} ORDER BY run, seq`,
    );
    for (const [run, seq, startedAt, nth, ...what] of stored) {
      const row = this.#row([run!, seq!], run!, startedAt!, nth!);
      const rows = this.#actions.get(keyOf(what));
      if (rows) rows.push(row);
      else this.#actions.set(keyOf(what), [row]);
    }
    return this.#actions;
  }

  #problemRows(): Map<string, Row> {
    return this.#problems ??= new Map(
      this.#db.query(
        `SELECT started_at, nth, since_run, side, path, reason
         FROM problems JOIN runs ON runs.id = since_run`,
      ).map(([startedAt, nth, run, ...what]) => [
        keyOf(what),
        this.#row(what, run!, startedAt!, nth!),
      ]),
    );
  }

  #conflictRows(): Map<string, Row> {
    return this.#conflicts ??= new Map(
      this.#db.query(
        `SELECT started_at, nth, since_run, path, size_left, size_right,
         mtime_left, mtime_right
         FROM conflicts JOIN runs ON runs.id = since_run
         WHERE nth IS NOT NULL`,
      ).map(([startedAt, nth, run, ...what]) => [
        keyOf(what),
        this.#row(what, run!, startedAt!, nth!),
      ]),
    );
  }

  #row(
    id: readonly SqlValue[],
    run: SqlValue,
    startedAt: SqlValue,
    nth: SqlValue,
  ): Row {
    // The run that looks is the next one.
    const runs = wholeRuns(this.#db) + 1 - Number(nth) + 1;
    return { id, run: String(run), startedAtMs: Number(startedAt), runs };
  }
}

/** Where a soft-deleted file was to go names the run: it says nothing. */
function actionKey({ action, kind, detail }: Outcome): string {
  const { name, path, rule, side, reason, bytes } = action;
  return keyOf([name, path, rule, side, reason, kind, detail, bytes]);
}

function keyOf(values: readonly unknown[]): string {
  return JSON.stringify(values);
}

/** So many kinds get a line of their own. */
const MOST_KINDS = 20;

/** A kind of things that stand, as a log tells of it. */
interface Kind {
  /** Such as `COPY_LEFT_TO_RIGHT failed`. */
  readonly what: string;
  readonly why: string;
  readonly first: string;
  count: number;
  since: Since;
}

/** Gathers what stands, for the end of a run's log. */
export class StandingKinds {
  readonly #kinds = new Map<string, Kind>();
  #standing: Standing | null = null;
  #count = 0;
  #oldest: Since | null = null;

  /** @param db The state DB; without it, everything counts as new. */
  open(db: StateDb): void {
    this.#standing = new Standing(db);
  }

  /** Takes an outcome in, if it is as in the run before. */
  takesOutcome(outcome: Outcome): boolean {
    const since = this.#standing?.action(outcome) ?? null;
    if (since === null) return false;
    const { action, kind, detail } = outcome;
    const isOpen = action.conflict?.winner === null;
    const what = isOpen ? "conflict open" : `${action.name} ${kind}`;
    const why = isOpen ? action.conflict.kind : detail ?? "";
    this.#add(what, action.path, why, since);
    return true;
  }

  /** Takes a path that is left alone in, if it is as in the run before. */
  takesProblem(problem: Problem): boolean {
    const since = this.#standing?.problem(problem) ?? null;
    if (since === null) return false;
    const { side, path, reason } = problem;
    this.#add(`PROBLEM side=${side}`, path, reason, since);
    return true;
  }

  #add(what: string, path: string, why: string, since: Since): void {
    this.#count++;
    this.#oldest = older(this.#oldest ?? since, since);
    const key = keyOf([what, why]);
    const kind = this.#kinds.get(key);
    if (!kind) {
      this.#kinds.set(key, { what, why, first: path, count: 1, since });
      return;
    }
    kind.count++;
    kind.since = older(kind.since, since);
  }

  /** One line for each kind. */
  lines(): string[] {
    const kinds = [...this.#kinds.values()];
    const rest = kinds.slice(MOST_KINDS);
    const lines = kinds.slice(0, MOST_KINDS).map(standingFields);
    if (rest.length === 0) return lines;
    const count = rest.reduce((sum, kind) => sum + kind.count, 0);
    const since = rest.map((kind) => kind.since).reduce(older);
    const what = `${rest.length} other kinds`;
    return [
      ...lines,
      standingFields({ what, why: "", first: "", count, since }),
    ];
  }

  /** What there is of it, for people; null: nothing. */
  words(): string | null {
    if (this.#oldest === null) return null;
    const { startedAtMs, runs } = this.#oldest;
    return `As before: ${this.#count} of these, at the longest since ` +
      `${timeWords(startedAtMs)}, in ${runs} runs.`;
  }
}

function older(a: Since, b: Since): Since {
  return b.runs > a.runs ? b : a;
}

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

/** A conflict as the last run left it. */
export interface StoredConflict extends ListedConflict {
  readonly rule: Rule;
  /** The run that saw this pair of versions first. */
  readonly sinceRun: string;
  /** When that run began, in ms since 1970; null where it is not known. */
  readonly sinceMs: number | null;
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
    ).map(([path, ...metadata]) => [String(path), metadata]),
  );
  db.run("DELETE FROM conflicts");
  for (const conflict of openConflicts(result.outcomes)) {
    const { left, right } = conflict.versions;
    const metadata = [
      left?.sizeBytes ?? null,
      right?.sizeBytes ?? null,
      left?.mtimeMs ?? null,
      right?.mtimeMs ?? null,
    ];
    const before = known.get(conflict.path);
    const isKnown = metadata.every((figure, n) => figure === before?.[n]);
    const since = isKnown ? String(before?.[4]) : result.id;
    db.run(
      "INSERT OR REPLACE INTO conflicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      conflict.path,
      conflict.kind,
      conflict.rule,
      left?.path ?? null,
      right?.path ?? null,
      ...metadata,
      since,
    );
  }
}

// What the state DB tells of past runs.

/** A run that is over, or goes on. */
export interface PastRun {
  readonly id: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  /** In ms since 1970; null where it was cut off, or goes on still. */
  readonly finishedAtMs: number | null;
  readonly exitCode: number | null;
  readonly summary: Summary | null;
  /** The guard, and what it said. */
  readonly stoppedBy: string | null;
}

/** What a past run did at a path. */
export interface PastAction {
  readonly run: string;
  /** When its run began, in ms since 1970. */
  readonly startedAtMs: number;
  readonly action: ActionName;
  readonly path: string;
  readonly newPath: string | null;
  readonly rule: Rule | null;
  readonly side: Side | null;
  readonly reason: string;
  readonly outcome: OutcomeKind;
  readonly detail: string | null;
  readonly bytes: number | null;
  /** How many files a folder's rename moved; null for all else. */
  readonly files: number | null;
  /** In how many runs it was so, from `run` on; left out: in that one. */
  readonly runs?: number;
}

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
