/**
 * The command history: past runs, and what one of them did.
 *
 * @module
 */
import { print } from "./cli_output.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, UsageError } from "./errors.ts";
import {
  type PastRun,
  runActionsDocument,
  runActionsText,
  runsDocument,
  runsText,
} from "./history_text.ts";
import type { HistoryInvocation } from "./invocation.ts";
import { jsonText } from "./report_json.ts";
import { StateDb } from "./state_db.ts";
import { actionsOf, pastRuns, runsBeginning } from "./state_runs.ts";
import { quoted } from "./text.ts";

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
