/**
 * The command conflicts: lists what is left for a person, and settles one.
 *
 * @module
 */
import type { ConflictsInvocation } from "./cli_args.ts";
import { print, warn } from "./cli_output.ts";
import { onDisk } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import type { ListedConflict, Settling } from "./conflict.ts";
import { EXIT, type ExitCode, SyncError, UsageError } from "./errors.ts";
import { openLog } from "./logging_setup.ts";
import { words } from "./metadata.ts";
import { keyOf, typedPath } from "./paths.ts";
import type { Version } from "./plan_types.ts";
import { jsonReport, jsonText } from "./report_json.ts";
import { newRunId, runSync } from "./run.ts";
import {
  type Outcome,
  type RunResult,
  SignalInterrupt,
  storedFolding,
} from "./run_types.ts";
import { missingWalls } from "./sandbox_network.ts";
import { StateDb } from "./state_db.ts";
import { listedConflicts } from "./state_runs.ts";
import {
  conflictWords,
  printable,
  PROGRAM,
  quoted,
  timeWords,
  versionWords,
} from "./text.ts";
import { type Both, otherSide, type Rule, type Side, SIDES } from "./types.ts";

// Open conflicts, and one that was settled, told to people and to programs.

/** A conflict as the state DB has it. */
export interface StoredConflict extends ListedConflict {
  readonly rule: Rule;
  /** The run that saw this pair of versions first. */
  readonly sinceRun: string;
  /** When that run began, in ms since 1970; null where it is not known. */
  readonly sinceMs: number | null;
}

/**
 * Open conflicts for people.
 *
 * @param conflicts By path.
 */
export function conflictsText(conflicts: readonly StoredConflict[]): string {
  if (conflicts.length === 0) {
    return "No conflict is open, as far as the last run has seen.";
  }
  return [
    ...conflicts.flatMap(conflictLines),
    "",
    `To settle one: ${PROGRAM} conflicts resolve PATH left|right|both`,
  ].join("\n");
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

function sideWords({ path, versions }: StoredConflict, side: Side): string {
  const version = versions[side];
  if (version !== null) {
    const where = version.path === path ? "" : `${printable(version.path)}, `;
    return where + versionWords(version);
  }
  return versions[otherSide(side)] === null
    ? "a folder with a new name"
    : "a folder";
}

/**
 * Open conflicts as a document.
 *
 * @param conflicts By path.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function conflictsDocument(
  conflicts: readonly StoredConflict[],
): unknown {
  return {
    conflicts: conflicts.map((conflict) => ({
      path: conflict.path,
      kind: conflict.kind,
      rule: conflict.rule,
      left: versionDocument(conflict.versions.left),
      right: versionDocument(conflict.versions.right),
      since: {
        run: conflict.sinceRun,
        startedAt: conflict.sinceMs === null
          ? null
          : new Date(conflict.sinceMs).toISOString(),
      },
    })),
  };
}

function versionDocument(version: Version | null): unknown {
  if (version === null) return null;
  const { path, sizeBytes, mtimeMs } = version;
  return { path, sizeBytes, mtime: new Date(mtimeMs).toISOString() };
}

/**
 * What came of settling a conflict, for people.
 *
 * @param path The conflict's.
 * @param result What came of the run.
 * @param roots Absolute paths of the roots.
 */
export function settledText(
  path: string,
  result: RunResult,
  roots: Both<string>,
): string {
  const left = result.outcomes.filter(({ kind }) => kind !== "done");
  if (left.length > 0) {
    return [
      `Not settled: ${printable(path)}`,
      ...left.map(({ action, detail }) =>
        `  ${action.name} ${printable(action.path)}: ${printable(detail ?? "")}`
      ),
    ].join("\n");
  }
  // A name that was chosen is the path of its conflict from now on.
  const [last] = result.outcomes.filter(({ action }) => action.conflict)
    .toReversed();
  return [
    `Settled: ${last ? settledWords(last, roots) : printable(path)}`,
    ...result.outcomes.filter(({ action }) => action.name !== "NOOP")
      .map(({ action, newPath }) => {
        const to = newPath === null ? "" : ` -> ${printable(newPath)}`;
        return `  ${action.name} ${printable(action.path)}${to}`;
      }),
  ].join("\n");
}

function settledWords(
  { action, newPath }: Outcome,
  roots: Both<string>,
): string {
  const { work, conflict, side } = action;
  const isKept = (work.kind === "copy" || work.kind === "remove") &&
    work.fate === "soft-delete";
  const keptAt = isKept && newPath !== null && side !== null
    ? `${roots[side]}/${newPath}`
    : null;
  return conflictWords(conflict!, "not kept", keptAt);
}

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
  const roots = config.roots;
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
  using log = openLog({ ...config.logging, runId: id });
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
      onOutcome: (outcome) => log.outcome(outcome),
      // What is left alone elsewhere is not this command's concern.
      onProblem() {},
      onWarning: (text) => log.warning(text),
    });
    log.stop(result);
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
  const roots = config.roots;
  if (isJson) print(jsonText(jsonReport(result, false)));
  else if (stop !== null) warn(`${stop.reason}\n${stop.hint}`);
  else if (result.exitCode === EXIT.agreed) {
    print(settledText(path, result, roots));
  } else warn(settledText(path, result, roots));
}
