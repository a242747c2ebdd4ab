/**
 * What stands as it stood in the run before: actions that can't be done, paths
 * that are left alone, open conflicts. It is one row for all runs that met it,
 * and one line in a run's log for all of a kind, with since when and how often:
 * else 500 files that can't be copied would fill state DB and log with the
 * same 500 lines in every run.
 *
 * A row says from which run on it held, and until which. Both are numbers of
 * *whole* runs: those that came to all of their actions. A run that a guard or
 * a signal stopped has none, and neither begins nor ends anything.
 *
 * @module
 */
import { standingFields } from "./log_lines.ts";
import type { Outcome, RunResult } from "./run_result.ts";
import type { SqlValue, StateDb } from "./state_db.ts";
import { timeWords } from "./text.ts";
import type { Problem } from "./types.ts";

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
