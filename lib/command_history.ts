/**
 * The command history: past runs, and what one of them did.
 *
 * @module
 */
import type { HistoryInvocation } from "./cli_args.ts";
import { answer, isoTime } from "./command_shared.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, UsageError } from "./errors.ts";
import type { Summary } from "./report_text.ts";
import { StateDb } from "./state_db.ts";
import {
  actionsOf,
  type PastAction,
  type PastRun,
  pastRuns,
  type Purged,
  runsBeginning,
} from "./state_runs.ts";
import { printable, quoted, sizeWords, timeWords } from "./text.ts";

/** Runs that are named where one was not told well enough. */
const NAMED = 5;

/**
 * Lists past runs, or the actions of one.
 *
 * @throws {UsageError} No run, or more than one, has such an id.
 * @throws {GuardError} "state": the DB can't be read.
 */
export function history(
  { run: start, limit, isJson }: HistoryInvocation,
  config: Config,
): ExitCode {
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  if (start === null) {
    const runs = pastRuns(db, limit);
    answer(
      isJson,
      () => runs.map(runText).join("\n") || "There was no run yet.",
      () => ({ runs: runs.map(runDocument) }),
    );
    return EXIT.agreed;
  }
  const run = onlyOne(runsBeginning(db, start), start);
  const actions = actionsOf(db, run.id);
  answer(
    isJson,
    () =>
      [
        runText(run),
        ...actions.length === 0 ? ["  It changed nothing."] : [],
        ...actions.map((action) => `  ${actionLine(action)}`),
      ].join("\n"),
    () => ({ run: runDocument(run), actions: actions.map(actionDocument) }),
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

function runText(run: PastRun): string {
  const [when, facts] = [timeWords(run.startedAtMs), runFacts(run)];
  const line = [printable(run.id), when, ...facts.slice(0, 3)].join("  ");
  return [line, ...facts.slice(3)].join("\n    ");
}

/** How a run went, and, where something stopped it, what that said. */
export function runFacts(
  { startedAtMs, finishedAtMs, exitCode, stoppedBy, summary }: PastRun,
): string[] {
  if (finishedAtMs === null) {
    return ["not finished: it goes on still, or was cut off"];
  }
  return [
    `${((finishedAtMs - startedAtMs) / 1000).toFixed(1)} s`,
    `exit ${exitCode}`,
    ...stoppedBy === null
      ? [countWords(summary)]
      : ["stopped", printable(stoppedBy)],
  ];
}

/** What is counted together, and how it is called. */
const COUNTED: readonly (readonly [
  string,
  readonly (keyof Summary | keyof Purged)[],
])[] = [
  ["copied", ["COPY_LEFT_TO_RIGHT", "COPY_RIGHT_TO_LEFT"]],
  ["renamed or adjusted", ["RENAME_LEFT", "RENAME_RIGHT"]],
  ["soft-deleted", ["SOFT_DELETE_LEFT", "SOFT_DELETE_RIGHT"]],
  ["deleted for good", ["DELETE_LEFT", "DELETE_RIGHT"]],
  ["clash copies", ["CLASH_CREATE"]],
  ["folders created", ["CREATE_DIR_LEFT", "CREATE_DIR_RIGHT"]],
  ["folders removed", ["REMOVE_DIR_LEFT", "REMOVE_DIR_RIGHT"]],
  ["removed for good", ["purged"]],
  ["brought back", ["RESTORE_LEFT", "RESTORE_RIGHT"]],
  ["open conflicts", ["openConflicts"]],
  ["skipped", ["skipped"]],
  ["failed", ["failed"]],
  ["unknown", ["unknown"]],
];

/** What a run did, in counts. */
function countWords(summary: Summary & Purged | null): string {
  if (summary === null) return "";
  const counts = COUNTED.flatMap(([called, keys]) => {
    // Earlier versions of the program counted less.
    const count = keys.reduce((sum, key) => sum + (summary[key] ?? 0), 0);
    return count === 0 ? [] : [`${called} ${count}`];
  });
  return counts.join(", ") || "nothing to do";
}

/** A past action in one line. */
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

function runDocument(run: PastRun): unknown {
  const { id, startedAtMs, finishedAtMs, exitCode, stoppedBy, summary } = run;
  return {
    id,
    startedAt: isoTime(startedAtMs),
    finishedAt: isoTime(finishedAtMs),
    exitCode,
    stoppedBy,
    summary,
  };
}

/** A past action as in the document of its run. */
export function actionDocument(past: PastAction): Record<string, unknown> {
  const { action, path, newPath, files, rule, side, reason } = past;
  const { outcome, detail, bytes } = past;
  return {
    ...{ action, path, newPath, files, rule, side, reason },
    ...{ outcome, detail, bytes },
  };
}
