/**
 * What the commands have in common: how they answer, how they take a path,
 * and how one that changes something keeps its log.
 *
 * @module
 */
import { print, warn } from "./cli_output.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, GuardError, SyncError } from "./errors.ts";
import { type Log, openLog } from "./logging_setup.ts";
import { type TypedPath, typedPath } from "./paths.ts";
import { jsonText } from "./report_json.ts";
import type { RunResult } from "./run_types.ts";
import { wallWords } from "./sandbox_network.ts";
import { asFailure, type StateDb } from "./state_db.ts";
import { endRun } from "./state_runs.ts";
import { codeOf, inWords } from "./system.ts";
import { quoted } from "./text.ts";
import { type Both, bothOf } from "./types.ts";
import type { Files } from "./wire_port.ts";

/**
 * Prints what was asked for.
 *
 * @param isJson As one document, for programs.
 * @param text For people.
 * @param document Plain data; every key is there, null where it says nothing.
 */
export function answer(
  isJson: boolean,
  text: () => string,
  document: () => unknown,
): void {
  print(isJson ? jsonText(document()) : text());
}

/** A time in a document. */
export function isoTime(timeMs: number): string;
/** A time in a document; null where it is not known. */
export function isoTime(timeMs: number | null): string | null;
export function isoTime(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/**
 * The path below the roots that a person typed.
 *
 * @throws {UsageError} It leads out of the roots.
 */
export async function pathTyped(
  typed: string,
  { roots }: Config,
  files: Files,
): Promise<TypedPath> {
  const isWindows = Deno.build.os === "windows";
  const isAbsolute = /^[/\\]|^\w:/.test(typed);
  const real = isAbsolute ? await realPaths(files, roots) : roots;
  return typedPath(typed, roots, isWindows, real);
}

/** The roots as the disk spells them; as they are written where it won't tell. */
function realPaths(files: Files, roots: Both<string>): Promise<Both<string>> {
  return bothOf(async (side) => {
    try {
      return (await files.ask("check", { side })).path;
    } catch (error) {
      if (!(error instanceof GuardError)) throw error;
      return roots[side];
    }
  });
}

/** The state DB and what stands beside it. */
export function stateFiles(stateDb: string): string[] {
  return [stateDb, `${stateDb}-journal`, `${stateDb}.lock`];
}

/**
 * Opens the log for a command that changes something; its first lines say
 * what began, and what holds it to the roots.
 *
 * @throws {SyncError} There can't be such a file.
 */
export function openRunLog(
  config: Config,
  runId: string,
  began: string,
  { walls }: Pick<Files, "walls">,
): Log {
  const { logging, stateDb } = config;
  const log = openLog({ ...logging, runId, others: stateFiles(stateDb) });
  log.info(began);
  log.info(wallWords(walls));
  return log;
}

/**
 * Notes how a run ended that was about soft-deleted versions only.
 *
 * @param db Null: no history is kept.
 */
export function endPart(result: RunResult, db: StateDb | null, log: Log): void {
  if (db !== null) {
    try {
      endRun(db, result, { resolved: null });
    } catch (error) {
      throw asFailure(error, db.file);
    }
  }
  log.stop(result);
  log.info(`ended with exit code ${result.exitCode}`);
  log.flush();
  if (log.failure !== null) warn(log.failure);
}

/** What is told of a name that a new file can't have. */
export const TAKEN = "is there already, and stays as it is";

/**
 * What is told of a new file that can't be written.
 *
 * @param error What was thrown; what is not the system's is given back.
 * @param instead What to do where the name is taken.
 */
export function cantMake(
  file: string,
  error: unknown,
  instead: string = "",
): unknown {
  const code = codeOf(error);
  if (code === null) return error;
  const why = code === "EEXIST"
    ? `${TAKEN}${instead}`
    : `can't be written: ${inWords(error)}`;
  return new SyncError(`${quoted(file)} ${why}.`, EXIT.usage);
}
