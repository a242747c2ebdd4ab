/**
 * The command history: past runs, and what one of them did.
 *
 * @module
 */
import type { HistoryInvocation } from "./cli_args.ts";
import { print } from "./cli_output.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, UsageError } from "./errors.ts";
import { jsonText } from "./report_json.ts";
import type { Summary } from "./report_text.ts";
import { StateDb } from "./state_db.ts";
import { actionsOf, pastRuns, runsBeginning } from "./state_runs.ts";
import { printable, quoted, sizeWords, timeWords } from "./text.ts";
import type { ActionName, OutcomeKind, Rule, Side } from "./types.ts";

// Past runs told to people and to programs.

/** A run as the state DB has it. */
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

/** An action as the state DB has it. */
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

/**
 * Past runs, one in a line.
 *
 * @param runs Newest first.
 */
export function runsText(runs: readonly PastRun[]): string {
  if (runs.length === 0) return "There was no run yet.";
  return runs.map(runText).join("\n");
}

/**
 * One run and all it did.
 *
 * @param run The run.
 * @param actions In order.
 */
export function runActionsText(
  run: PastRun,
  actions: readonly PastAction[],
): string {
  const lines = actions.length === 0
    ? ["  It changed nothing."]
    : actions.map((action) => `  ${actionLine(action)}`);
  return [runText(run), ...lines].join("\n");
}

function runText(run: PastRun): string {
  const { id, startedAtMs, finishedAtMs, exitCode, stoppedBy } = run;
  const when = `${printable(id)}  ${timeWords(startedAtMs)}`;
  if (finishedAtMs === null) {
    return `${when}  not finished: it goes on still, or was cut off`;
  }
  const seconds = ((finishedAtMs - startedAtMs) / 1000).toFixed(1);
  const what = stoppedBy === null ? countWords(run.summary) : "stopped";
  const line = `${when}  ${seconds} s  exit ${exitCode}  ${what}`;
  return stoppedBy === null ? line : `${line}\n    ${printable(stoppedBy)}`;
}

/** What is counted together, and how it is called. */
const COUNTED: readonly (readonly [string, readonly (keyof Summary)[]])[] = [
  ["copied", ["COPY_LEFT_TO_RIGHT", "COPY_RIGHT_TO_LEFT"]],
  ["renamed or adjusted", ["RENAME_LEFT", "RENAME_RIGHT"]],
  ["deleted and kept", ["SOFT_DELETE_LEFT", "SOFT_DELETE_RIGHT"]],
  ["deleted for good", ["DELETE_LEFT", "DELETE_RIGHT"]],
  ["clash copies", ["CLASH_CREATE"]],
  ["folders created", ["CREATE_DIR_LEFT", "CREATE_DIR_RIGHT"]],
  ["folders removed", ["REMOVE_DIR_LEFT", "REMOVE_DIR_RIGHT"]],
  ["open conflicts", ["openConflicts"]],
  ["skipped", ["skipped"]],
  ["failed", ["failed"]],
  ["left alone", ["unknown"]],
];

function countWords(summary: Summary | null): string {
  if (summary === null) return "";
  const counts = COUNTED.flatMap(([called, keys]) => {
    const count = keys.reduce((sum, key) => sum + summary[key], 0);
    return count === 0 ? [] : [`${called} ${count}`];
  });
  return counts.length === 0 ? "nothing to do" : counts.join(", ");
}

/**
 * A past action in one line.
 *
 * @param action The action.
 */
export function actionLine(action: PastAction): string {
  const { newPath, rule, reason, outcome, detail, bytes } = action;
  const to = newPath === null ? "" : ` -> ${printable(newPath)}`;
  const why = rule === null ? reason : `${reason}; rule ${rule}`;
  const size = bytes === null ? "" : `, ${sizeWords(bytes)}`;
  const more = detail === null ? "" : ` (${printable(detail)})`;
  const { runs = 1, startedAtMs } = action;
  const since = runs < 2
    ? ""
    : `, since ${timeWords(startedAtMs)}, in ${runs} runs`;
  return `${outcome}: ${action.action} ${printable(action.path)}${to}  ` +
    `[${printable(why)}${size}]${more}${since}`;
}

/**
 * Past runs as a document.
 *
 * @param runs Newest first.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function runsDocument(runs: readonly PastRun[]): unknown {
  return { runs: runs.map(runDocument) };
}

/**
 * One run and all it did, as a document.
 *
 * @param run The run.
 * @param actions In order.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function runActionsDocument(
  run: PastRun,
  actions: readonly PastAction[],
): unknown {
  return { run: runDocument(run), actions: actions.map(actionDocument) };
}

function runDocument(run: PastRun): unknown {
  const { id, startedAtMs, finishedAtMs, exitCode, stoppedBy, summary } = run;
  return {
    id,
    startedAt: new Date(startedAtMs).toISOString(),
    finishedAt: finishedAtMs === null
      ? null
      : new Date(finishedAtMs).toISOString(),
    exitCode,
    stoppedBy,
    summary,
  };
}

/**
 * A past action as a document: as in the document of its run.
 *
 * @param past The action.
 */
export function actionDocument(past: PastAction): Record<string, unknown> {
  const { action, path, newPath, rule, side, reason } = past;
  const { outcome, detail, bytes, files } = past;
  return {
    action,
    path,
    newPath,
    files,
    rule,
    side,
    reason,
    outcome,
    detail,
    bytes,
  };
}

/** Runs that are named where one was not told well enough. */
const NAMED = 5;

/**
 * Lists past runs, or the actions of one.
 *
 * @param invocation What is asked for.
 * @param config The config.
 * @returns The exit code.
 * @throws {UsageError} No run, or more than one, has such an id.
 * @throws {GuardError} "state": the DB can't be read.
 */
export function history(
  invocation: HistoryInvocation,
  config: Config,
): ExitCode {
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  const { isJson, limit } = invocation;
  if (invocation.run === null) {
    const runs = pastRuns(db, limit);
    print(isJson ? jsonText(runsDocument(runs)) : runsText(runs));
    return EXIT.agreed;
  }
  const run = onlyOne(runsBeginning(db, invocation.run), invocation.run);
  const actions = actionsOf(db, run.id);
  print(
    isJson
      ? jsonText(runActionsDocument(run, actions))
      : runActionsText(run, actions),
  );
  return EXIT.agreed;
}

function onlyOne(runs: readonly PastRun[], start: string): PastRun {
  const [run] = runs;
  if (run === undefined) {
    throw new UsageError(`No run has an id that begins with ${quoted(start)}.`);
  }
  if (runs.length === 1) return run;
  const named = runs.slice(0, NAMED).map(({ id }) => id).join(", ");
  const more = runs.length > NAMED ? ", …" : "";
  throw new UsageError(
    `${runs.length} runs begin with ${quoted(start)}: ${named}${more}.`,
  );
}
