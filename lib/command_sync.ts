/**
 * The commands sync and plan: opens the log, runs, tells what came of it.
 *
 * @module
 */
import type { SyncInvocation } from "./cli_args.ts";
import { openProgress, print, warn } from "./cli_output.ts";
import { openRunLog } from "./command_shared.ts";
import type { Config } from "./config_schema.ts";
import type { RunMails } from "./email_notifications.ts";
import { EXIT, type ExitCode, SyncError } from "./errors.ts";
import { type Log, NO_LOG } from "./logging_setup.ts";
import { words } from "./metadata.ts";
import { waitingWords } from "./plan_open.ts";
import { jsonReport, jsonText } from "./report_json.ts";
import {
  doubtfulAlert,
  prunedWords,
  reportText,
  untoldText,
} from "./report_text.ts";
import { endBeforeStart, newRunId, runSync } from "./run.ts";
import {
  Interrupt,
  isInterrupted,
  isTold,
  type Outcome,
  type RunResult,
  type SyncListener,
} from "./run_types.ts";
import { wallWords } from "./sandbox_network.ts";
import { wasSaid } from "./state_db.ts";
import { StandingKinds } from "./state_runs.ts";
import { printable, VERSION } from "./text.ts";
import { otherSide, type Side } from "./types.ts";
import type { Files } from "./wire_port.ts";

/**
 * Makes one run, or shows what it would do.
 *
 * @param unwritable Roots that can't be written, where that is known.
 */
export async function syncOrPlan(
  invocation: SyncInvocation,
  config: Config,
  files: Files,
  unwritable: readonly Side[] = [],
): Promise<ExitCode> {
  const { roots, email } = config;
  if (invocation.report !== null) {
    const { requireOutside } = await import("./report_html.ts");
    requireOutside(invocation.report, roots);
  }
  files.listen();
  using progress = openProgress(!invocation.isQuiet);
  const startedAtMs = Date.now();
  const id = newRunId(startedAtMs);
  const isDryRun = invocation.command === "plan";
  let opened = NO_LOG;
  let refusal: unknown = null;
  try {
    const began = `${isDryRun ? "plan" : "run"} started, version ${VERSION}, ` +
      `Left ${roots.left}, Right ${roots.right}`;
    opened = openRunLog(config, id, began, files);
  } catch (error) {
    refusal = error;
  }
  using log = opened;
  const standing = new StandingKinds();
  const conflicts: Outcome[] = [];
  const onWarning = (text: string, isGrave = false): void => {
    log.warning(text);
    if (isGrave || !invocation.isQuiet) progress.aside(() => warn(text));
  };
  let mails: RunMails | null = null;
  try {
    if (email !== null && invocation.sendsMail && !isDryRun) {
      const { mailing } = await import("./email_notifications.ts");
      const files = { configFile: config.file, logFile: config.logging.file };
      mails = mailing({
        email,
        facts: { roots, ...files, place },
        run: { id, startedAtMs },
        onInfo: (text) => log.info(text),
        onWarning,
      });
    }
    // All that happens goes to the log as it happens.
    const listener: SyncListener = {
      ...mails?.listener,
      onOpen(db) {
        standing.open(db);
        mails?.listener.onOpen?.(db);
      },
      onOutcome(outcome) {
        if (!standing.takesOutcome(outcome)) log.outcome(outcome);
        if (outcome.action.conflict !== null) conflicts.push(outcome);
      },
      onProblem(problem) {
        if (!standing.takesProblem(problem)) log.problem(problem);
      },
      onWarning,
      onProgress: (it) => progress.show(it),
    };
    const options = {
      files,
      isDryRun,
      startedAtMs,
      allowed: {
        deletes: invocation.allowDeletes,
        changes: invocation.allowChanges,
      },
      acceptRoots: invocation.acceptRoots,
      listUnchanged: invocation.isVerbose,
    };
    const result = refusal === null
      ? await withRootRefusals(
        files,
        await runSync(id, config, options, listener),
        config,
        unwritable,
      )
      : await endBeforeStart(id, config, options, listener, refusal);
    progress[Symbol.dispose]();
    for (const { reason } of result.rootRefusals ?? []) onWarning(reason, true);
    for (const line of standing.lines()) log.warning(line);
    log.stop(result);
    const freed = prunedWords(result.pruned);
    if (freed !== null) log.info(freed);
    const told: Told = {
      result,
      invocation,
      config,
      walls: log === NO_LOG ? null : wallWords(files.walls),
      logFile: log === NO_LOG ? null : config.logging.file,
      asBefore: standing.words(),
    };
    let exitCode = result.exitCode;
    if (log !== NO_LOG) {
      const failure = await writePage(told);
      if (failure !== null) {
        log.error(failure);
        warn(failure);
        if (exitCode === EXIT.agreed) exitCode = EXIT.leftForPerson;
      }
    }
    for (const it of result.waiting) {
      log.info(`${words(it.side)}: ${it.path} waits: ${waitingWords(it)}`);
    }
    log.info(`ended with exit code ${exitCode}`);
    const isShown = !await saysNothingNew(told, exitCode) &&
      show(told, exitCode);
    if (invocation.isQuiet && !isDryRun) {
      const alert = doubtfulAlert(result);
      if (alert !== null) {
        warn(`${alert.title}. ${alert.reason}\n${alert.hint}`);
      }
      // Somebody's version lost, and neither a mail nor a summary says so.
      if (!isShown && !mails?.haveTold()) warnUntold(result, roots);
    }
    if (log !== NO_LOG && result.stop && isInterrupted(result)) {
      warn(`${result.stop.reason} ${result.stop.hint}`);
    }
    if (!isDryRun && !result.stop?.isWaiting) {
      await monitored(config, exitCode, files, log, onWarning);
    }
    log.flush();
    if (log.failure !== null) {
      warn(`The log could not be written: ${log.failure}`);
    }
    return exitCode;
  } catch (error) {
    progress[Symbol.dispose]();
    log.error("the run ended unexpectedly", error);
    if (!isDryRun) {
      const code = error instanceof SyncError
        ? error.exitCode
        : EXIT.unexpected;
      await monitored(config, code, files, log, onWarning);
    }
    log.flush();
    // There is no summary, and what was done is done.
    if (!isDryRun && !mails?.haveTold()) {
      warnUntold({ id, isDryRun, outcomes: conflicts }, roots);
    }
    throw error;
  }
}

/** Tells the config's monitor, if there is one, how a run ended. */
async function monitored(
  { monitor }: Config,
  exitCode: ExitCode,
  files: Files,
  log: Pick<Log, "info">,
  onWarning: (text: string) => void,
): Promise<void> {
  if (monitor === null) return;
  const { tellMonitor } = await import("./monitor.ts");
  const interrupt = new Interrupt(files.shared);
  await tellMonitor(monitor, exitCode, {
    onInfo: (text) => log.info(text),
    onWarning,
    waitFor: (answer) => interrupt.waitFor(answer),
  });
}

/** A plan, with what a run would meet at roots that can't be written. */
async function withRootRefusals(
  files: Files,
  result: RunResult,
  { roots }: Config,
  unwritable: readonly Side[],
): Promise<RunResult> {
  if (!result.isDryRun || result.stop !== null) return result;
  const rootRefusals: NonNullable<RunResult["rootRefusals"]>[number][] = [];
  for (const side of unwritable) {
    const count = result.outcomes.filter(({ action }) =>
      action.name !== "NOOP" && action.side !== otherSide(side)
    ).length;
    // There the run would give it an identity.
    const isRefused = !await hasIdentity(files, side);
    if (!isRefused && count === 0) {
      continue;
    }
    const effect = isRefused
      ? "a run would be refused"
      : count === 1
      ? "of a run, the action that changes it would fail"
      : `of a run, the ${count} actions that change it would fail`;
    const reason = `${words(side)} (${printable(roots[side])}) can't be ` +
      `written: ${effect}. Let the account that runs office-sync write there.`;
    rootRefusals.push({ side, reason });
  }
  return rootRefusals.length === 0 ? result : { ...result, rootRefusals };
}

async function hasIdentity(files: Files, side: Side): Promise<boolean> {
  try {
    return await files.ask("identity", { side }) !== null;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return true;
  }
}

/** Whose computer this is, in words; null where the system does not tell. */
function place(): string | null {
  try {
    // Only a mail that is worded needs it: loading it takes as long as a scan.
    // deno-lint-ignore no-process-global
    const { userInfo } = process.getBuiltinModule("node:os");
    return `PC ${Deno.hostname()}, as ${userInfo().username}`;
  } catch {
    return null;
  }
}

/** What is told of a run, and how. */
interface Told {
  readonly result: RunResult;
  readonly invocation: SyncInvocation;
  readonly config: Config;
  /** What held it to the roots, in a sentence; null: it did not come to that. */
  readonly walls: string | null;
  /** Null where there is no log of it. */
  readonly logFile: string | null;
  /** What of it is as in the run before, in words; null: nothing. */
  readonly asBefore: string | null;
}

/** A run that can't be shown on a page is a run all the same. */
async function writePage(
  { result, invocation, config, walls }: Told,
): Promise<string | null> {
  if (invocation.report === null) return null;
  const { writeReport } = await import("./report_html.ts");
  return writeReport(invocation.report, result, {
    roots: config.roots,
    listsUnchanged: invocation.isVerbose,
    walls,
  });
}

/**
 * Whether a run that is to print only what is new has nothing of that: cron
 * mails whatever is printed, and what a person has to do stays so for days.
 */
async function saysNothingNew(
  { result, invocation, config }: Told,
  exitCode: ExitCode,
): Promise<boolean> {
  if (!invocation.onlyNew || invocation.isJson || result.isDryRun) return false;
  const topic = exitCode === EXIT.busy ? "busy" : "left";
  if (exitCode === EXIT.agreed) {
    return wasSaid(config.stateDb, topic, null, Date.now());
  }
  const text = JSON.stringify([
    exitCode,
    result.stop && [result.stop.name, result.stop.reason],
    result.outcomes.filter(({ kind }) => kind !== "done")
      .map(({ action, kind, detail }) => [
        ...[action.name, action.path, kind, detail],
        action.conflict?.versions,
      ]),
    result.problems.filter(isTold)
      .map(({ side, path, reason }) => [side, path, reason]),
  ]);
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const hex = new Uint8Array(digest).toHex();
  return wasSaid(config.stateDb, topic, hex, Date.now());
}

/** Prints what came of it; false where that is no summary for people. */
function show(
  { result, invocation, config, walls, logFile, asBefore }: Told,
  exitCode: ExitCode,
): boolean {
  const { isJson, isQuiet, isVerbose } = invocation;
  if (isJson) {
    print(jsonText(jsonReport({ ...result, exitCode }, isVerbose)));
    return false;
  }
  if (isInterrupted(result)) return false;
  if (isQuiet && result.exitCode === EXIT.agreed) return false;
  const text = reportText(result, {
    roots: config.roots,
    logFile,
    asBefore,
    isVerbose,
    walls,
  });
  const isFault = result.stop !== null && !result.stop.isWaiting;
  if (isQuiet || isFault) warn(text);
  else print(text);
  return true;
}

function warnUntold(
  result: Parameters<typeof untoldText>[0],
  roots: Config["roots"],
): void {
  const text = untoldText(result, roots);
  if (text !== null) warn(text);
}
