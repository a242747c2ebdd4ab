/**
 * The program behind the command line: loads the config, opens the log, runs
 * the command, prints what came of it.
 *
 * @module
 */
import { HELP, type Invocation, readArguments } from "./cli.ts";
import { type Config, loadConfig } from "./config_loader.ts";
import { EXIT, SyncError } from "./errors.ts";
import { jsonError, jsonReport, jsonText } from "./json_report.ts";
import { type Log, openLog } from "./logging.ts";
import { reportText } from "./report.ts";
import type { Outcome, RunResult } from "./run_result.ts";
import type { SyncListener } from "./run_settings.ts";
import { newRunId, runSync } from "./sync.ts";
import { VERSION } from "./version.ts";

/**
 * Does what the arguments ask for.
 *
 * @param args The arguments.
 * @returns The exit code.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    const invocation = readArguments(args);
    if (invocation.command === "help") return print(HELP.trimEnd());
    if (invocation.command === "version") return print(VERSION);
    const config = loadConfig(invocation.config);
    return await syncOrPlan(invocation, config);
  } catch (error) {
    return complain(error, args.includes("--json"));
  }
}

async function syncOrPlan(
  invocation: Invocation,
  config: Config,
): Promise<number> {
  const id = newRunId(Date.now());
  const isDryRun = invocation.command === "plan";
  using log = openLog({
    ...config.logging,
    runId: id,
    verbose: invocation.isVerbose,
  });
  log.info(
    `${isDryRun ? "plan" : "run"} started, version ${VERSION}, ` +
      `Left ${config.leftRoot}, Right ${config.rightRoot}`,
  );
  for (const text of notYet(config)) {
    log.warning(text);
    if (!invocation.isQuiet) warn(text);
  }
  try {
    const result = await runSync(id, config, {
      isDryRun,
      allowed: {
        deletes: invocation.allowDeletes,
        changes: invocation.allowChanges,
      },
      acceptRoots: invocation.acceptRoots,
      listUnchanged: invocation.isVerbose,
    }, logging(log, invocation));
    if (result.stop) log.error(`${result.stop.name}: ${result.stop.reason}`);
    log.info(`ended with exit code ${result.exitCode}`);
    show(result, invocation, config);
    log.flush();
    if (log.failure !== null) {
      warn(`The log could not be written: ${log.failure}`);
    }
    return result.exitCode;
  } catch (error) {
    log.error("the run ended unexpectedly", error);
    log.flush();
    throw error;
  }
}

/** Settings that are checked, but have no effect in this version. */
function notYet(config: Config): string[] {
  const keys = [
    ...config.email === null ? [] : ["email"],
    ...config.softDelete.retentionDays === 0
      ? []
      : ["soft_delete.retention_days"],
  ];
  return keys.map((key) => `${key} has no effect yet in version ${VERSION}.`);
}

/** Everything that happens goes to the log as it happens. */
function logging(log: Log, invocation: Invocation): SyncListener {
  return {
    onOutcome: (outcome) => logOutcome(log, outcome),
    onProblem: (problem) => log.problem(problem),
    onWarning: (text) => {
      log.warning(text);
      if (!invocation.isQuiet) warn(text);
    },
  };
}

function logOutcome(log: Log, outcome: Outcome): void {
  const { action, kind, newPath, detail, error } = outcome;
  const isQuiet = action.name === "NOOP" && action.conflict === null;
  const entry = {
    name: action.name,
    path: action.path,
    newPath,
    rule: action.rule,
    reason: [
      ...kind === "planned" ? ["planned"] : [],
      action.reason,
      ...detail ? [detail] : [],
    ].join("; "),
    bytes: action.bytes,
  };
  if (kind === "failed") log.failed({ ...entry, error });
  else if (kind === "skipped") log.skipped({ ...entry, why: detail ?? "" });
  else if (!isQuiet) log.action(entry);
}

function show(
  result: RunResult,
  invocation: Invocation,
  config: Config,
): void {
  if (invocation.isJson) {
    print(jsonText(jsonReport(result, invocation.isVerbose)));
    return;
  }
  if (invocation.isQuiet && result.exitCode === EXIT.agreed) return;
  const text = reportText(result, {
    roots: { left: config.leftRoot, right: config.rightRoot },
    logFile: config.logging.file,
    isVerbose: invocation.isVerbose,
  });
  if (invocation.isQuiet || result.stop !== null) warn(text);
  else print(text);
}

function complain(error: unknown, isJson: boolean): number {
  const known = error instanceof SyncError ? error : new SyncError(
    `Something unexpected went wrong: ${
      error instanceof Error ? error.message : String(error)
    }`,
    EXIT.unexpected,
    { cause: error, hint: "The log has the details." },
  );
  if (isJson) print(jsonText(jsonError(known)));
  else warn(known.hint ? `${known.message}\n${known.hint}` : known.message);
  return known.exitCode;
}

function print(text: string): number {
  write(Deno.stdout, text);
  return EXIT.agreed;
}

function warn(text: string): void {
  write(Deno.stderr, text);
}

function write(to: typeof Deno.stdout, text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}
