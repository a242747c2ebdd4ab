/**
 * The command conflicts: lists what is left for a person, and settles one.
 *
 * @module
 */
import { print, warn } from "./cli_output.ts";
import { onDisk } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import type { Settling } from "./conflict.ts";
import {
  conflictsDocument,
  conflictsText,
  settledText,
  type StoredConflict,
} from "./conflicts_text.ts";
import { EXIT, type ExitCode, SyncError, UsageError } from "./errors.ts";
import { SignalInterrupt } from "./interrupt.ts";
import type { ConflictsInvocation } from "./invocation.ts";
import { logOutcome, logStop, openLog } from "./logging_setup.ts";
import { keyOf, typedPath } from "./paths.ts";
import { jsonReport, jsonText } from "./report_json.ts";
import type { RunResult } from "./run_result.ts";
import { storedFolding } from "./run_types.ts";
import { missingWalls } from "./sandbox_network.ts";
import { StateDb } from "./state_db.ts";
import { listedConflicts } from "./state_runs.ts";
import { newRunId, runSync } from "./sync.ts";
import { quoted } from "./text.ts";

/**
 * Lists the open conflicts, or settles one of them at once.
 *
 * @param invocation What is asked for.
 * @param config The config.
 * @returns The exit code: 1 where a conflict was not settled.
 * @throws {UsageError} No conflict is open at the path.
 * @throws {SyncError} It can't be settled so.
 * @throws {GuardError} "state": the DB can't be read.
 */
export async function conflicts(
  invocation: ConflictsInvocation,
  config: Config,
): Promise<ExitCode> {
  const { isJson, resolve } = invocation;
  if (resolve === null) {
    using db = new StateDb(config.stateDb, { isReadOnly: true });
    const open = listedConflicts(db);
    print(isJson ? jsonText(conflictsDocument(open)) : conflictsText(open));
    return EXIT.agreed;
  }
  const path = listedPath(resolve.path, config);
  const result = await settle({ path, take: resolve.take }, config);
  tell(path, result, invocation, config);
  return result.exitCode;
}

/** The path as it is listed: typed otherwise it still means the same. */
function listedPath(typed: string, config: Config): string {
  const roots = { left: config.leftRoot, right: config.rightRoot };
  const { path } = typedPath(typed, roots, Deno.build.os === "windows", onDisk);
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  const folding = storedFolding(db);
  const open = listedConflicts(db);
  const spelt = (it: StoredConflict) => [
    it.path,
    it.versions.left?.path ?? it.path,
    it.versions.right?.path ?? it.path,
  ];
  const found = open.find((it) => it.path === path) ??
    open.find((it) =>
      spelt(it).some((known) => keyOf(known, folding) === keyOf(path, folding))
    );
  if (found) return found.path;
  throw new UsageError(
    `No conflict is open at ${quoted(path)}; conflicts lists those that are.`,
  );
}

/** A real run that is about nothing else. */
async function settle(
  settling: Settling,
  config: Config,
): Promise<RunResult> {
  const startedAtMs = Date.now();
  const id = newRunId(startedAtMs);
  using log = openLog({ ...config.logging, runId: id, verbose: false });
  const { path, take } = settling;
  log.info(`conflicts resolve started, path=${quoted(path)}, ${take}`);
  const walls = missingWalls(config);
  if (walls !== null) log.warning(walls);
  try {
    using interrupt = new SignalInterrupt();
    const result = await runSync(id, config, {
      isDryRun: false,
      startedAtMs,
      allowed: { deletes: false, changes: false },
      acceptRoots: false,
      listUnchanged: false,
      settle: settling,
      interrupt,
    }, {
      onOutcome: (outcome) => logOutcome(log, outcome),
      // What is left alone elsewhere is not this command's concern.
      onProblem() {},
      onWarning: (text) => log.warning(text),
    });
    logStop(log, result);
    log.info(`ended with exit code ${result.exitCode}`);
    log.flush();
    return result;
  } catch (error) {
    log.error("conflicts resolve ended unexpectedly", error);
    log.flush();
    throw error;
  }
}

function tell(
  path: string,
  result: RunResult,
  { isJson }: ConflictsInvocation,
  config: Config,
): void {
  const { stop } = result;
  if (stop !== null && result.exitCode === EXIT.usage) {
    throw new SyncError(`${stop.reason} ${stop.hint}`, EXIT.usage);
  }
  const roots = { left: config.leftRoot, right: config.rightRoot };
  if (isJson) print(jsonText(jsonReport(result, false)));
  else if (stop !== null) warn(`${stop.reason}\n${stop.hint}`);
  else if (result.exitCode === EXIT.agreed) {
    print(settledText(path, result, roots));
  } else warn(settledText(path, result, roots));
}
