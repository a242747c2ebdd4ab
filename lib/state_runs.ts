/**
 * What past runs did, what stands since one of them, and which conflicts are
 * open.
 *
 * What a run did is one packed text, or a few. What could not be done, is a
 * conflict or is unknown may *stand*, for many runs: it is one row for all runs
 * that met it, and one line in a run's log for all of a kind, with since when
 * and how often: else 500 files that can't be copied would fill state DB and
 * log with the same 500 lines in every run.
 *
 * A row says from which run on it held, and until which. Both are numbers of
 * *whole* runs: those that came to all of their actions. A run that a guard or
 * a signal stopped has none, and neither begins nor ends anything.
 *
 * @module
 */
import type { ListedConflict } from "./conflict.ts";
import { EXIT } from "./errors.ts";
import { standingFields } from "./logging_setup.ts";
import { comparePaths } from "./paths.ts";
import { waitingWords } from "./plan_open.ts";
import type { Version } from "./plan_types.ts";
import { summarize, type Summary } from "./report_text.ts";
import { openConflicts, type Outcome, type RunResult } from "./run_types.ts";
import { packed, type SqlValue, type StateDb, unpacked } from "./state_db.ts";
import { RecordStore } from "./state_record.ts";
import { timeWords } from "./text.ts";
import type {
  ActionName,
  ConflictKind,
  OutcomeKind,
  Problem,
  Rule,
  Side,
} from "./types.ts";

/** What holds still has no end yet: larger than the number of any run. */
const STILL = Number.MAX_SAFE_INTEGER;

/** Since when something stands. */
interface Since {
  readonly run: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  /** In how many runs, this one included. */
  readonly runs: number;
}

/** What could not be done as of a run, and is not done yet. */
interface Held extends Since {
  readonly seq: SqlValue;
}

/** How many whole runs there were. */
function wholeRuns(db: StateDb): number {
  return Number(db.meta("whole_runs") ?? 0);
}

/** Whether an outcome is one that the next run may meet again. */
function canStand({ action, kind }: Outcome): boolean {
  return action.name !== "NOOP" && (kind === "skipped" || kind === "failed");
}

/** What was so in the last whole run. */
class Standing {
  readonly #db: StateDb;
  #actions: Map<string, Held[]> | null = null;
  #problems: Map<string, Since> | null = null;
  #conflicts: Map<string, Since> | null = null;

  constructor(db: StateDb) {
    this.#db = db;
  }

  /**
   * Since when an action could not be done, or a conflict is open, for the same
   * reason; null: it is another than in the run before.
   */
  action(outcome: Outcome): Since | null {
    const { conflict } = outcome.action;
    if (conflict?.winner === null) {
      const key = keyOf([conflict.path, ...metadataOf(conflict)]);
      return this.#conflictRows().get(key) ?? null;
    }
    if (!canStand(outcome)) return null;
    return this.#actionRows().get(actionKey(toldOf(outcome, 0)))?.[0] ?? null;
  }

  /** Since when a path is unknown, for the same reason. */
  problem({ side, path, reason }: Problem): Since | null {
    return this.#problemRows().get(keyOf([side, path, reason])) ?? null;
  }

  /**
   * Writes down what stands now, in the transaction that ends a whole run, the
   * `nth`. Gives the outcomes that are rows of earlier runs already.
   */
  note(result: RunResult, nth: number): ReadonlySet<Outcome> {
    const known = new Map(
      [...this.#actionRows()].map(([key, rows]) => [key, [...rows]]),
    );
    const held = new Set<Outcome>();
    for (const outcome of result.outcomes) {
      if (!canStand(outcome)) continue;
      if (known.get(actionKey(toldOf(outcome, 0)))?.shift()) held.add(outcome);
    }
    const end = "UPDATE told SET last = ? WHERE run = ? AND seq = ?";
    for (const { run, seq } of [...known.values()].flat()) {
      this.#db.run(end, nth - 1, run, seq);
    }
    const gone = new Set(this.#problemRows().keys());
    for (const { side, path, reason, kind } of result.problems) {
      if (kind === "ignored" || kind === "owner") continue;
      if (gone.delete(keyOf([side, path, reason]))) continue;
      const insert = "INSERT OR IGNORE INTO problems VALUES (?, ?, ?, ?)";
      this.#db.run(insert, side, path, reason, result.id);
    }
    const remove =
      "DELETE FROM problems WHERE side = ? AND path = ? AND reason = ?";
    for (const key of gone) this.#db.run(remove, ...JSON.parse(key));
    return held;
  }

  #actionRows(): Map<string, Held[]> {
    return this.#actions ??= Map.groupBy(
      this.#db.query(
        `SELECT run, started_at, nth, seq, actions
         FROM told JOIN runs ON runs.id = run
         WHERE last = ${STILL} ORDER BY run, seq`,
      ).map(([run, startedAt, nth, seq, told]) => ({
        ...this.#since(run!, startedAt!, nth!),
        seq: seq!,
        key: actionKey(JSON.parse(String(told))),
      })),
      ({ key }) => key,
    );
  }

  #problemRows(): Map<string, Since> {
    return this.#problems ??= this.#rows(
      `SELECT since_run, started_at, nth, side, path, reason
       FROM problems JOIN runs ON runs.id = since_run`,
    );
  }

  #conflictRows(): Map<string, Since> {
    return this.#conflicts ??= this.#rows(
      `SELECT since_run, started_at, nth, path, size_left, size_right,
       mtime_left, mtime_right FROM conflicts JOIN runs ON runs.id = since_run
       WHERE nth IS NOT NULL`,
    );
  }

  #rows(sql: string): Map<string, Since> {
    return new Map(
      this.#db.query(sql).map(([run, startedAt, nth, ...what]) => [
        keyOf(what),
        this.#since(run!, startedAt!, nth!),
      ]),
    );
  }

  #since(run: SqlValue, startedAt: SqlValue, nth: SqlValue): Since {
    // The run that looks is the next one.
    const runs = wholeRuns(this.#db) + 1 - Number(nth) + 1;
    return { run: String(run), startedAtMs: Number(startedAt), runs };
  }
}

/** Where a soft-deleted file was to go names the run: it says nothing. */
function actionKey(told: Told): string {
  const { action, path, rule, side, reason, outcome, detail, bytes } = told;
  return keyOf([action, path, rule, side, reason, outcome, detail, bytes]);
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

  /** Takes an unknown path in, if it is as in the run before. */
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
    const rest = kinds.splice(MOST_KINDS);
    if (rest.length > 0) {
      const what = `${rest.length} other kinds`;
      const count = rest.reduce((sum, kind) => sum + kind.count, 0);
      const since = rest.map((kind) => kind.since).reduce(older);
      kinds.push({ what, why: "", first: "", count, since });
    }
    return kinds.map(standingFields);
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
 * What a run is about: all there is, one conflict, files brought back, or
 * soft-deleted versions removed.
 */
export type RunKind = "sync" | "resolve" | "restore" | "purge";

/** Notes that a run has begun: one that dies is seen in the history too. */
export function beginRun(
  db: StateDb,
  id: string,
  startedAtMs: number,
  kind: RunKind,
): void {
  const insert = "INSERT INTO runs (id, started_at, run_kind) VALUES (?, ?, ?)";
  db.run(insert, id, startedAtMs, kind);
}

/** When a restore began, in whole seconds since 1970. */
export function restoreSeconds(db: StateDb): ReadonlySet<number> {
  const sql = "SELECT started_at / 1000 FROM runs WHERE run_kind = 'restore'";
  return new Set(db.query(sql).map(([second]) => Number(second)));
}

/** Actions in one text: of millions it could not be made, nor read. */
const MOST_IN_TEXT = 50_000;

/**
 * Notes how a run ended, its actions, and the conflicts that are open now.
 *
 * @param part All that the run was about, the conflict at a path, or, where
 *   that is null, soft-deleted versions; null for an ordinary run.
 */
export function endRun(
  db: StateDb,
  result: RunResult,
  part: { readonly resolved: string | null } | null = null,
): void {
  db.transaction(() => {
    const isWhole = result.stop === null && part === null;
    const nth = isWhole ? wholeRuns(db) + 1 : null;
    // What stood before is looked up by the number of the run before.
    const held = nth === null
      ? new Set<Outcome>()
      : new Standing(db).note(result, nth);
    if (nth !== null) db.setMeta("whole_runs", String(nth));
    const write = (seq: number, last: number | null, told: string): void => {
      const insert = "INSERT INTO told VALUES (?, ?, ?, ?)";
      db.run(insert, result.id, seq, last, last === null ? packed(told) : told);
    };
    let done: Told[] = [];
    const writeDone = (): void => {
      if (done.length > 0) write(done[0]!.seq, null, JSON.stringify(done));
      done = [];
    };
    const acted = result.outcomes.filter(({ action }) =>
      action.name !== "NOOP"
    );
    for (const [seq, outcome] of acted.entries()) {
      if (held.has(outcome)) continue;
      const told = toldOf(outcome, seq);
      if (nth !== null && canStand(outcome)) {
        write(seq, STILL, JSON.stringify(told));
        continue;
      }
      done.push(told);
      if (done.length === MOST_IN_TEXT) writeDone();
    }
    writeDone();
    db.run(
      `UPDATE runs SET finished_at = ?, exit_code = ?, summary = ?,
       stopped_by = ?, nth = ? WHERE id = ?`,
      result.finishedAtMs,
      result.exitCode,
      JSON.stringify({ ...summarize(result), ...purgedBy(result) }),
      result.stop && `${result.stop.name}: ${result.stop.reason}`,
      nth,
      result.id,
    );
    removeOld(db, result.id);
    if (result.stop !== null) return;
    if (part === null) noteConflicts(db, result);
    else if (part.resolved !== null && result.exitCode === EXIT.agreed) {
      db.run("DELETE FROM conflicts WHERE path = ?", part.resolved);
    }
  });
}

/** Counted only where there is something: most runs remove nothing. */
function purgedBy({ pruned: { files } }: RunResult): Purged {
  return files === 0 ? {} : { purged: files };
}

/** How many soft-deleted versions a run removed for good. */
export interface Purged {
  readonly purged?: number;
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
    AND id IS NOT (SELECT id FROM runs WHERE exit_code = 0 AND run_kind = 'sync'
      AND stopped_by IS NULL ORDER BY started_at DESC LIMIT 1)
    AND id NOT IN (SELECT since_run FROM problems)
    AND id NOT IN (SELECT since_run FROM conflicts)
    AND id NOT IN (SELECT run FROM told WHERE last >=
      (SELECT min(nth) FROM runs WHERE started_at >= ?1))`;
  db.run(`DELETE FROM told WHERE run IN (${old})`, before, run, young);
  db.run(`DELETE FROM runs WHERE id IN (${old})`, before, run, young);
}

/** A conflict as the state DB has it. */
export interface StoredConflict extends ListedConflict {
  readonly rule: Rule;
  /** The run that saw this pair of versions first. */
  readonly sinceRun: string;
  /** When that run began, in ms since 1970; null where it is not known. */
  readonly sinceMs: number | null;
}

/** A conflict as the last run left it; null where none is open at the path. */
export function listedConflict(
  db: StateDb,
  path: string,
): StoredConflict | null {
  return listedConflicts(db).find((it) => it.path === path) ?? null;
}

/** All conflicts that the last run left open, by path. */
export function listedConflicts(db: StateDb): StoredConflict[] {
  return db.query(
    `SELECT path, kind, rule, path_left, path_right, size_left, size_right,
     mtime_left, mtime_right, since_run, started_at
     FROM conflicts LEFT JOIN runs ON runs.id = since_run ORDER BY path`,
  ).map((row) => {
    const [path, kind, rule, pathL, pathR, sizeL, sizeR, timeL, timeR] = row;
    const [sinceRun, sinceMs] = row.slice(-2);
    const version = (path: unknown, size: unknown, time: unknown) =>
      path === null ? null : {
        path: String(path),
        sizeBytes: Number(size),
        mtimeMs: Number(time),
      } satisfies Version;
    return {
      path: String(path),
      kind: kind as ConflictKind,
      rule: rule as Rule,
      versions: {
        left: version(pathL, sizeL, timeL),
        right: version(pathR, sizeR, timeR),
      },
      sinceRun: String(sinceRun),
      sinceMs: sinceMs as number | null,
    };
  });
}

/** What tells one pair of versions from another. */
function metadataOf({ versions: { left, right } }: ListedConflict) {
  return [
    left?.sizeBytes ?? null,
    right?.sizeBytes ?? null,
    left?.mtimeMs ?? null,
    right?.mtimeMs ?? null,
  ];
}

/** A pair of versions keeps the run that saw it first. */
function noteConflicts(db: StateDb, result: RunResult): void {
  const known = new Map(listedConflicts(db).map((it) => [it.path, it]));
  db.run("DELETE FROM conflicts");
  for (const conflict of openConflicts(result.outcomes)) {
    const { path, kind, rule, versions: { left, right } } = conflict;
    const metadata = metadataOf(conflict);
    const before = known.get(path);
    const isKnown = before && keyOf(metadataOf(before)) === keyOf(metadata);
    db.run(
      "INSERT OR REPLACE INTO conflicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      path,
      kind,
      rule,
      left?.path ?? null,
      right?.path ?? null,
      ...metadata,
      isKnown ? before.sinceRun : result.id,
    );
  }
}

/** A run as the state DB has it. */
export interface PastRun {
  readonly id: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  /** In ms since 1970; null where it was cut off, or goes on still. */
  readonly finishedAtMs: number | null;
  readonly exitCode: number | null;
  readonly summary: Summary & Purged | null;
  /** The guard, and what it said. */
  readonly stoppedBy: string | null;
}

/** What a run did, as it is stored. */
export interface Told {
  /** Its place among all actions of the run. */
  readonly seq: number;
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
}

function toldOf(outcome: Outcome, seq: number): Told {
  const { action, kind, newPath, detail } = outcome;
  const { name, path, rule, side, reason, bytes, files } = action;
  return {
    seq,
    action: name,
    path,
    newPath,
    rule,
    side,
    reason,
    outcome: kind,
    detail,
    bytes,
    files,
  };
}

/** What a past run did. */
export interface PastAction extends Omit<Told, "seq"> {
  readonly run: string;
  /** When its run began, in ms since 1970. */
  readonly startedAtMs: number;
  /** In how many runs it was so, from `run` on; left out: in that one. */
  readonly runs?: number;
}

const RUN_COLUMNS =
  "id, started_at, finished_at, exit_code, summary, stopped_by";

function toRun(row: readonly SqlValue[]): PastRun {
  const [id, started, finished, exitCode, summary, stoppedBy] = row;
  return {
    id: String(id),
    startedAtMs: Number(started),
    finishedAtMs: finished as number | null,
    exitCode: exitCode as number | null,
    summary: summary === null ? null : JSON.parse(String(summary)),
    stoppedBy: stoppedBy as string | null,
  };
}

/** The last runs, newest first. */
export function pastRuns(db: StateDb, limit: number): PastRun[] {
  return db.query(
    `SELECT ${RUN_COLUMNS} FROM runs ORDER BY started_at DESC, id DESC LIMIT ?`,
    limit,
  ).map(toRun);
}

/**
 * Runs whose id begins in a way, oldest first; an id that is written out in
 * full is that run's alone.
 */
export function runsBeginning(db: StateDb, start: string): PastRun[] {
  const runs = db.query(
    `SELECT ${RUN_COLUMNS} FROM runs WHERE substr(id, 1, length(?1)) = ?1
     ORDER BY started_at, id`,
    start,
  ).map(toRun);
  const exact = runs.find(({ id }) => id === start);
  return exact ? [exact] : runs;
}

/**
 * What runs did, in no order.
 *
 * @param where Of which rows of `told`.
 * @param nth Number of the run that looks at what stands.
 * @param contains What is told without this is passed over.
 */
function* pastActions(
  db: StateDb,
  { where, nth, contains = "" }: {
    readonly where: string;
    readonly nth: string;
    readonly contains?: string;
  },
  ...values: readonly SqlValue[]
): Generator<PastAction & Told> {
  const rows = db.query(
    `SELECT run, started_at, actions,
     CASE WHEN last IS NULL THEN 1 ELSE coalesce(max(1, ${nth} - nth + 1), 1) END
     FROM told JOIN runs ON runs.id = run WHERE ${where}`,
    ...values,
  );
  for (const [run, startedAt, told, runs] of rows) {
    const text = unpacked(told!);
    if (!text.includes(contains)) continue;
    // Many, or one.
    for (const action of [JSON.parse(text)].flat()) {
      const startedAtMs = Number(startedAt);
      yield { ...action, run: String(run), startedAtMs, runs: Number(runs) };
    }
  }
}

/** What a run did, in order. */
export function actionsOf(db: StateDb, run: string): PastAction[] {
  // What stood already is a row of the run that met it first.
  const nth = "(SELECT nth FROM runs WHERE id = ?1)";
  const where = `run = ?1 OR last >= ${nth} AND nth < ${nth}`;
  return [...pastActions(db, { where, nth }, run)]
    .sort((a, b) => a.seq - b.seq || b.runs! - a.runs!);
}

/** What was so in the last run, and since when. */
export interface StandingThing {
  readonly side: Side | null;
  readonly path: string;
  /** Such as `COPY_LEFT_TO_RIGHT skipped`, `unknown` or `waits`. */
  readonly what: string;
  readonly why: string;
  /**
   * When the run began that met it first, in ms since 1970; null: `why` says
   * since when a document is open.
   */
  readonly sinceMs: number | null;
}

/** What the last whole run left undone, unknown or waiting; by path. */
export function standingThings(db: StateDb): StandingThing[] {
  const left = [...pastActions(db, { where: "last = ?", nth: "nth" }, STILL)];
  const unknown = db.query(
    `SELECT side, path, reason, started_at FROM problems
     JOIN runs ON runs.id = since_run`,
  );
  return [
    ...left.map(({ side, path, action, outcome, detail, startedAtMs }) => ({
      ...{ side, path, what: `${action} ${outcome}`, why: detail ?? "" },
      sinceMs: startedAtMs,
    })),
    ...unknown.map(([side, path, reason, startedAt]) => ({
      ...{ side: side as Side, path: String(path), what: "unknown" },
      ...{ why: String(reason), sinceMs: Number(startedAt) },
    })),
    ...new RecordStore(db).waiting().map((it) => ({
      ...{ side: it.side, path: it.path, what: "waits", why: waitingWords(it) },
      sinceMs: it.kind === "open" ? null : it.sinceMs,
    })),
  ].sort((a, b) => comparePaths(a.path, b.path));
}

/** What past runs did at a path, before or after it; newest first. */
export function actionsAt(
  db: StateDb,
  path: string,
  limit: number,
): PastAction[] {
  const nth = `min(last, ${wholeRuns(db)})`;
  const contains = JSON.stringify(path);
  return [...pastActions(db, { where: "1", nth, contains })]
    .filter((it) => it.path === path || it.newPath === path)
    .sort((a, b) => b.startedAtMs - a.startedAtMs || b.seq - a.seq)
    .slice(0, limit);
}

/** What past runs did whose new path lies below a folder. */
export function actionsInto(db: StateDb, folder: string): PastAction[] {
  // A slash is the same in JSON.
  const contains = `${folder}/`;
  const where = "last IS NULL";
  return [...pastActions(db, { where, nth: "0", contains })]
    .filter(({ outcome, newPath }) =>
      outcome === "done" && newPath?.startsWith(`${folder}/`)
    );
}
