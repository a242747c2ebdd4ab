/**
 * The commands sync and plan: opens the log, runs, prints what came of it.
 *
 * @module
 */
import type { SyncInvocation } from "./cli_args.ts";
import { openProgress, print, type ProgressLine, warn } from "./cli_output.ts";
import type { Config } from "./config_schema.ts";
import { doubtAlarm, type RunMails } from "./email_notifications.ts";
import { EXIT, type ExitCode, SyncError } from "./errors.ts";
import { type Log, NO_LOG, openLog } from "./logging_setup.ts";
import { words } from "./metadata.ts";
import { jsonReport, jsonText } from "./report_json.ts";
import {
  prunedWords,
  reportText,
  untoldText,
  waitingWords,
} from "./report_text.ts";
import { readIdentity } from "./root_identity.ts";
import { endBeforeStart, isInterrupted, newRunId, runSync } from "./run.ts";
import type { Scans } from "./run_scan.ts";
import {
  type Outcome,
  type RunResult,
  SignalInterrupt,
  type SyncListener,
} from "./run_types.ts";
import { missingWalls } from "./sandbox_network.ts";
import { wasSaid } from "./state_db.ts";
import { StandingKinds } from "./state_runs.ts";
import { printable, VERSION } from "./text.ts";
import { otherSide, type Side } from "./types.ts";

/**
 * Makes one run, or shows what it would do.
 *
 * @param invocation What is asked for.
 * @param config The config.
 * @param scans The scans of its roots, started already.
 * @param unwritable Roots that can't be written, where that is known.
 * @returns The exit code.
 */
export async function syncOrPlan(
  invocation: SyncInvocation,
  config: Config,
  scans: Scans,
  unwritable: readonly Side[] = [],
): Promise<number> {
  const roots = config.roots;
  if (invocation.report !== null) {
    const { requireOutside } = await import("./report_html.ts");
    requireOutside(invocation.report, roots);
  }
  using interrupt = new SignalInterrupt();
  using progress = await openProgress(!invocation.isQuiet);
  const startedAtMs = Date.now();
  const id = newRunId(startedAtMs);
  const isDryRun = invocation.command === "plan";
  const options = {
    isDryRun,
    startedAtMs,
    allowed: {
      deletes: invocation.allowDeletes,
      changes: invocation.allowChanges,
    },
    acceptRoots: invocation.acceptRoots,
    listUnchanged: invocation.isVerbose,
    interrupt,
  };
  const sendsMail = !isDryRun && invocation.sendsMail;
  const opened = logOrRefusal(config, id);
  if (opened.log === null) {
    const { refusal } = opened;
    const listener = logging(NO_LOG, invocation, progress, null);
    const mails = sendsMail
      ? await mailsOf({ id, startedAtMs }, config, NO_LOG, listener)
      : null;
    const result = await endBeforeStart(
      id,
      config,
      options,
      mails?.listener ?? {},
      refusal,
    );
    progress[Symbol.dispose]();
    const told = {
      result,
      invocation,
      config,
      walls: null,
      isLogged: false,
      asBefore: null,
    };
    if (!await saysNothingNew(told, result.exitCode)) {
      show(told, result.exitCode);
    }
    return result.exitCode;
  }
  using log = opened.log;
  log.info(
    `${isDryRun ? "plan" : "run"} started, version ${VERSION}, ` +
      `Left ${config.roots.left}, Right ${config.roots.right}`,
  );
  const walls = missingWalls(config);
  if (walls !== null) log.warning(walls);
  let mails: RunMails | null = null;
  const conflicts: Outcome[] = [];
  try {
    const standing = new StandingKinds();
    const listener = logging(log, invocation, progress, standing);
    if (sendsMail) {
      mails = await mailsOf({ id, startedAtMs }, config, log, listener);
    }
    const planned = await runSync(
      id,
      config,
      options,
      {
        ...listener,
        ...mails?.listener,
        onOpen(db) {
          standing.open(db);
          mails?.listener.onOpen?.(db);
        },
        onOutcome(outcome) {
          listener.onOutcome(outcome);
          if (outcome.action.conflict !== null) conflicts.push(outcome);
        },
      },
      scans,
    );
    const result = withRootTroubles(planned, config, unwritable);
    progress[Symbol.dispose]();
    for (const { reason } of result.rootTroubles ?? []) {
      listener.onWarning(reason, true);
    }
    for (const line of standing.lines()) log.warning(line);
    log.stop(result);
    const freed = prunedWords(result.pruned);
    if (freed !== null) log.info(freed);
    const told = {
      result,
      invocation,
      config,
      walls,
      isLogged: true,
      asBefore: standing.words(),
    };
    const exitCode = await report(told, log);
    for (const { side, path, as } of result.waiting) {
      log.info(`${words(side)}: ${path} waits: ${waitingWords({ as })}`);
    }
    log.info(`ended with exit code ${exitCode}`);
    const isRepeated = await saysNothingNew(told, exitCode);
    if (!isRepeated) show(told, exitCode);
    if (invocation.isQuiet && !isDryRun) {
      const alarm = doubtAlarm(result);
      if (alarm !== null) {
        warn(`${alarm.title}. ${alarm.reason}\n${alarm.hint}`);
      }
      if (!mails?.haveTold()) showUntold(told, isRepeated);
    }
    if (result.stop && isInterrupted(result)) {
      warn(`${result.stop.reason} ${result.stop.hint}`);
    }
    log.flush();
    if (log.failure !== null) {
      warn(`The log could not be written: ${log.failure}`);
    }
    return exitCode;
  } catch (error) {
    progress[Symbol.dispose]();
    log.error("the run ended unexpectedly", error);
    log.flush();
    // There is no summary, and what was done is done.
    const text = mails?.haveTold() || isDryRun
      ? null
      : untoldText({ id, isDryRun, outcomes: conflicts }, roots);
    if (text !== null) warn(text);
    throw error;
  }
}

type OpenedLog =
  | { readonly log: Log }
  | { readonly log: null; readonly refusal: unknown };

function logOrRefusal({ logging, stateDb }: Config, runId: string): OpenedLog {
  try {
    const log = openLog({
      ...logging,
      runId,
      others: [stateDb, `${stateDb}-journal`, `${stateDb}.lock`],
    });
    return { log };
  } catch (refusal) {
    return { log: null, refusal };
  }
}

/** A plan, with what a run would meet at roots that can't be written. */
function withRootTroubles(
  result: RunResult,
  config: Config,
  unwritable: readonly Side[],
): RunResult {
  if (!result.isDryRun || result.stop !== null) return result;
  const rootTroubles = unwritable.flatMap((side) => {
    const root = config.roots[side];
    const where = `${side === "left" ? "Left" : "Right"} (${printable(root)})`;
    const count = result.outcomes.filter(({ action }) =>
      action.name !== "NOOP" && action.side !== otherSide(side)
    ).length;
    // There the run would give it an identity.
    const effect = !hasIdentity(side, root)
      ? "a run would be refused"
      : count === 0
      ? null
      : count === 1
      ? "of a run, the action that changes it would fail"
      : `of a run, the ${count} actions that change it would fail`;
    if (effect === null) {
      return [];
    }
    const reason = `${where} can't be written: ${effect}. Let the account ` +
      "that runs office-sync write there.";
    return [{ side, reason }];
  });
  return rootTroubles.length === 0 ? result : { ...result, rootTroubles };
}

function hasIdentity(side: Side, root: string): boolean {
  try {
    return readIdentity(side, root) !== null;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return true;
  }
}

/** Everything that happens goes to the log as it happens. */
function logging(
  log: Log,
  invocation: SyncInvocation,
  progress: ProgressLine,
  standing: StandingKinds | null,
): SyncListener {
  return {
    onOutcome: (outcome) => {
      if (!standing?.takesOutcome(outcome)) log.outcome(outcome);
    },
    onProblem: (problem) => {
      if (!standing?.takesProblem(problem)) log.problem(problem);
    },
    onWarning: (text, isGrave = false) => {
      log.warning(text);
      if (isGrave || !invocation.isQuiet) {
        progress.aside(() => warn(text));
      }
    },
    onProgress: (it) => progress.show(it),
  };
}

/** What a run is to tell for its mails; null where none are wanted. */
async function mailsOf(
  run: { readonly id: string; readonly startedAtMs: number },
  config: Config,
  log: Log,
  listener: SyncListener,
): Promise<RunMails | null> {
  const { email, roots, file, logging } = config;
  if (email === null) return null;
  const { BOUND_MS, mailing } = await import("./email_notifications.ts");
  return mailing({
    email,
    facts: {
      roots,
      configFile: file,
      logFile: logging.file,
    },
    run,
    boundMs: BOUND_MS,
    onInfo: (text) => log.info(text),
    onWarning: listener.onWarning,
  });
}

/** What is told of a run, and how. */
interface Told {
  readonly result: RunResult;
  readonly invocation: SyncInvocation;
  readonly config: Config;
  /** That there are no walls, in words; null: there are. */
  readonly walls: string | null;
  readonly isLogged: boolean;
  /** What of it is as in the run before, in words; null: nothing. */
  readonly asBefore: string | null;
}

/** Writes the page; a run that can't be shown there is a run all the same. */
async function report(
  { result, invocation, config, walls }: Told,
  log: Log,
): Promise<ExitCode> {
  if (invocation.report === null) return result.exitCode;
  const { writeReport } = await import("./report_html.ts");
  const failure = writeReport(invocation.report, result, {
    roots: config.roots,
    listsUnchanged: invocation.isVerbose,
    missingWalls: walls,
  });
  if (failure === null) return result.exitCode;
  log.error(failure);
  warn(failure);
  return result.exitCode === EXIT.agreed ? EXIT.leftForPerson : result.exitCode;
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
  const what = exitCode === EXIT.agreed ? null : JSON.stringify([
    exitCode,
    result.stop && [result.stop.name, result.stop.reason],
    result.outcomes.filter(({ kind }) => kind !== "done")
      .map(({ action, kind, detail }) => [
        ...[action.name, action.path, kind, detail],
        action.conflict?.versions,
      ]),
    result.problems.filter(({ kind }) => kind !== "ignored")
      .map(({ side, path, reason }) => [side, path, reason]),
  ]);
  const digest = what && await digestOf(what);
  return wasSaid(config.stateDb, topic, digest, Date.now());
}

async function digestOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}

/** Somebody's version lost, and neither a mail nor a summary says so. */
function showUntold(
  { result, invocation, config }: Told,
  isRepeated: boolean,
): void {
  const isShown = !isRepeated && !invocation.isJson && !isInterrupted(result) &&
    result.exitCode !== EXIT.agreed;
  if (isShown) return;
  const roots = config.roots;
  const text = untoldText(result, roots);
  if (text !== null) warn(text);
}

function show(
  { result, invocation, config, walls, isLogged, asBefore }: Told,
  exitCode: ExitCode,
): void {
  if (invocation.isJson) {
    const document = { ...result, exitCode };
    print(jsonText(jsonReport(document, invocation.isVerbose)));
    return;
  }
  if (isInterrupted(result)) return;
  if (invocation.isQuiet && result.exitCode === EXIT.agreed) return;
  const text = reportText(result, {
    roots: config.roots,
    logFile: isLogged ? config.logging.file : null,
    asBefore,
    isVerbose: invocation.isVerbose,
    missingWalls: walls,
  });
  if (invocation.isQuiet || result.stop !== null) warn(text);
  else print(text);
}
