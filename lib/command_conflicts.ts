/**
 * The command conflicts: lists what is left for a person, open conflicts and
 * clash copies, and resolves one.
 *
 * @module
 */
import type { ConflictsInvocation } from "./cli_args.ts";
import { print, warn } from "./cli_output.ts";
import { answer, isoTime, openRunLog, pathTyped } from "./command_shared.ts";
import type { Config } from "./config_schema.ts";
import {
  type ClashResolution,
  conflictWords,
  noFileWords,
  type Resolution,
} from "./conflict.ts";
import { EXIT, type ExitCode, SyncError, UsageError } from "./errors.ts";
import { words } from "./metadata.ts";
import { keyOf } from "./paths.ts";
import type { Version } from "./plan_types.ts";
import { jsonReport, jsonText } from "./report_json.ts";
import { newRunId, runSync } from "./run.ts";
import { storedFolding } from "./run_identify.ts";
import { doneConflicts, type RunResult } from "./run_types.ts";
import { StateDb } from "./state_db.ts";
import { type ClashCopy, RecordStore } from "./state_record.ts";
import { listedConflicts, type StoredConflict } from "./state_runs.ts";
import { printable, PROGRAM, quoted, timeWords, versionWords } from "./text.ts";
import { type Both, type FileRow, type Side, SIDES } from "./types.ts";
import type { Files } from "./wire_port.ts";

/**
 * Lists the open conflicts, or resolves one of them at once.
 *
 * @returns The exit code: 1 where a conflict was not resolved.
 * @throws {UsageError} No conflict is open at the path.
 * @throws {SyncError} It can't be resolved so.
 * @throws {GuardError} "state": the DB can't be read.
 */
export async function conflicts(
  { isJson, resolve }: ConflictsInvocation,
  config: Config,
  files: Files,
): Promise<ExitCode> {
  if (resolve === null) {
    using db = new StateDb(config.stateDb, { isReadOnly: true });
    const open = listedConflicts(db);
    const copies = new RecordStore(db).clashCopies();
    answer(
      isJson,
      () => listText(open, copies),
      () => ({
        conflicts: open.map(conflictDocument),
        clashCopies: copies.map(copyDocument),
      }),
    );
    return EXIT.agreed;
  }
  const asked = await listedAs(resolve, config, files);
  const { path } = asked;
  const result = await resolveOne(asked, config, files);
  const { stop, exitCode } = result;
  if (stop !== null && exitCode === EXIT.usage) {
    throw new SyncError(`${stop.reason} ${stop.hint}`, EXIT.usage);
  }
  if (isJson) print(jsonText(jsonReport(result, false)));
  else if (stop !== null) warn(`${stop.reason}\n${stop.hint}`);
  else {
    const text = resolvedText(path, result, config.roots);
    if (exitCode === EXIT.agreed) print(text);
    else warn(text);
  }
  return exitCode;
}

function listText(
  conflicts: readonly StoredConflict[],
  copies: readonly ClashCopy[],
): string {
  const resolve = `${PROGRAM} conflicts resolve`;
  return [
    ...conflicts.length === 0
      ? ["No conflict is open, as far as the last run has seen."]
      : [
        ...conflicts.flatMap(conflictLines),
        "",
        `To resolve one: ${resolve} PATH left|right|both`,
      ],
    ...copies.length === 0 ? [] : [
      "",
      "Clash copies that are still there:",
      ...copies.flatMap(copyLines),
      "",
      `To settle one: ${resolve} CLASHCOPY file|copy|both`,
    ],
  ].join("\n");
}

/** What a clash copy belongs to is told by its name alone. */
export const NO_FILE =
  "not there under this name: gone, or its long name was cut for the copy";

function copyLines({ copy, of, file }: ClashCopy): string[] {
  const belongs = file === null ? NO_FILE : versionWords(file.left);
  return [
    printable(copy.path),
    `  copy: ${versionWords(copy.left)}`,
    `  file: ${printable(of)}, ${belongs}`,
  ];
}

function copyDocument({ copy, of, file }: ClashCopy): unknown {
  const version = ({ path, left }: FileRow) =>
    versionDocument({ ...left, path });
  return { copy: version(copy), of, file: file && version(file) };
}

function conflictLines(conflict: StoredConflict): string[] {
  const { path, kind, rule, sinceMs, versions } = conflict;
  const since = sinceMs === null ? "" : `, open since ${timeWords(sinceMs)}`;
  return [
    `${printable(path)}  [${kind}, rule ${rule}${since}]`,
    ...SIDES.map((side) => `  ${words(side)}: ${sideWords(conflict, side)}`),
    ...versions.left === null && versions.right === null
      ? ["  No content is at stake: left and right choose whose name it has."]
      : [],
  ];
}

/** What a side has of a conflict. */
export function sideWords(
  { path, versions }: StoredConflict,
  side: Side,
): string {
  const version = versions[side];
  if (version !== null) {
    const where = version.path === path ? "" : `${printable(version.path)}, `;
    return where + versionWords(version);
  }
  return noFileWords({ versions });
}

function conflictDocument(conflict: StoredConflict): unknown {
  const { path, kind, rule, versions, sinceRun, sinceMs } = conflict;
  return {
    path,
    kind,
    rule,
    left: versionDocument(versions.left),
    right: versionDocument(versions.right),
    since: { run: sinceRun, startedAt: isoTime(sinceMs) },
  };
}

function versionDocument(version: Version | null): unknown {
  if (version === null) return null;
  const { path, sizeBytes, mtimeMs } = version;
  return { path, sizeBytes, mtime: isoTime(mtimeMs) };
}

/**
 * What is asked for, of a path as it is listed: typed otherwise it still means
 * the same.
 */
async function listedAs(
  { path: typed, take }: NonNullable<ConflictsInvocation["resolve"]>,
  config: Config,
  files: Files,
): Promise<Resolution | ClashResolution> {
  const { path } = await pathTyped(typed, config, files);
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  const folding = storedFolding(db);
  const open = listedConflicts(db);
  const key = keyOf(path, folding);
  const found = open.find((it) => it.path === path) ??
    open.find((it) =>
      [it.path, ...SIDES.map((side) => it.versions[side]?.path ?? it.path)]
        .some((known) => keyOf(known, folding) === key)
    );
  if (found && take !== "file" && take !== "copy") {
    return { path: found.path, take };
  }
  const copies = new RecordStore(db).clashCopies().map(({ copy }) => copy.path);
  const copy = copies.find((it) => it === path) ??
    copies.find((it) => keyOf(it, folding) === key);
  if (copy !== undefined && take !== "left" && take !== "right") {
    return { path: copy, keep: take };
  }
  const known = found
    ? "is an open conflict: left, right or both."
    : copy !== undefined
    ? "is a clash copy: file, copy or both."
    : null;
  throw new UsageError(
    known === null
      ? `No conflict is open at ${quoted(path)}, nor is it a clash copy; ` +
        "conflicts lists those that are."
      : `${quoted(path)} ${known}`,
  );
}

/** A real run that is about nothing else. */
export async function resolveOne(
  resolve: Resolution | ClashResolution,
  config: Config,
  files: Files,
): Promise<RunResult> {
  const startedAtMs = Date.now();
  const id = newRunId(startedAtMs);
  const { path } = resolve;
  const take = "keep" in resolve ? resolve.keep : resolve.take;
  const began = `conflicts resolve started, path=${quoted(path)}, ${take}`;
  using log = openRunLog(config, id, began, files);
  try {
    files.listen();
    const result = await runSync(id, config, {
      files,
      isDryRun: false,
      startedAtMs,
      allowed: { deletes: false, changes: false },
      acceptRoots: false,
      listUnchanged: false,
      resolve,
    }, {
      onOutcome: (outcome) => log.outcome(outcome),
      // What is unknown elsewhere is not this command's concern.
      onProblem() {},
      onWarning: (text) => log.warning(text),
    });
    log.stop(result);
    log.info(`ended with exit code ${result.exitCode}`);
    return result;
  } catch (error) {
    log.error("conflicts resolve ended unexpectedly", error);
    throw error;
  }
}

/** What became of it, in lines. */
export function resolvedText(
  path: string,
  { outcomes }: RunResult,
  roots: Both<string>,
): string {
  const left = outcomes.filter(({ kind }) => kind !== "done");
  if (left.length > 0) {
    return [
      `Not resolved: ${printable(path)}`,
      ...left.map(({ action, detail }) =>
        `  ${action.name} ${printable(action.path)}: ${printable(detail ?? "")}`
      ),
    ].join("\n");
  }
  // A name that was chosen is the path of its conflict from now on.
  const last = doneConflicts(outcomes).at(-1);
  return [
    `Resolved: ${last ? conflictWords(last, roots) : printable(path)}`,
    ...outcomes.filter(({ action }) => action.name !== "NOOP")
      .map(({ action, newPath }) => {
        const to = newPath === null ? "" : ` -> ${printable(newPath)}`;
        return `  ${action.name} ${printable(action.path)}${to}`;
      }),
  ].join("\n");
}
