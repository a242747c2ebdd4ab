/**
 * The command why: what is known of a path, and what decides about it. It
 * makes a plan and changes nothing.
 *
 * @module
 */
import type { WhyInvocation } from "./cli_args.ts";
import { print } from "./cli_output.ts";
import {
  actionDocument,
  actionLine,
  type PastAction,
} from "./command_history.ts";
import { lineOfKey, onDisk, valueOfKey } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode } from "./errors.ts";
import { words } from "./metadata.ts";
import { typedPath } from "./paths.ts";
import { explain, type Explanation } from "./plan_explain.ts";
import type { Action } from "./plan_types.ts";
import { jsonText } from "./report_json.ts";
import { type Look, Root } from "./root_files.ts";
import { glance } from "./root_traits.ts";
import { type Decided, newRunId, runSync } from "./run.ts";
import type { RunResult, Stop } from "./run_types.ts";
import { StateDb } from "./state_db.ts";
import { RecordStore } from "./state_record.ts";
import { actionsAt } from "./state_runs.ts";
import { codeOf, Skipped } from "./system.ts";
import { printable, versionWords } from "./text.ts";
import { type Both, type FileRow, type Side, SIDES } from "./types.ts";

// Why a run does with a path what it does, told to people and to programs.

/** What stands at a path on a side. */
export interface SideNow {
  readonly kind: "absent" | "file" | "folder" | "other" | "unreadable";
  /** Where; another name than the record's after a rename. */
  readonly path: string;
  readonly sizeBytes: number | null;
  /** In ms since 1970. */
  readonly mtimeMs: number | null;
}

/** A setting that decides, and where it stands. */
export interface DecidingSetting {
  readonly key: string;
  readonly value: string;
  readonly file: string;
  /** Counted from 1; null: the default. */
  readonly line: number | null;
}

/** Everything there is to say about a path. */
export interface Why {
  readonly path: string;
  /** What both sides last agreed on. */
  readonly row: FileRow | null;
  /** A folder is recorded there. */
  readonly isRecordedFolder: boolean;
  readonly now: Both<SideNow>;
  /** Null where no plan could be made. */
  readonly explanation: Explanation | null;
  readonly settings: readonly DecidingSetting[];
  /** Newest first. */
  readonly past: readonly PastAction[];
  /** What would stop a run now. */
  readonly stop: Stop | null;
}

/**
 * Tells a person.
 *
 * @param why What there is to say.
 */
export function whyText(why: Why): string {
  const { explanation, settings, past, stop, now } = why;
  const lines = [
    why.path === "" ? "The roots themselves" : printable(why.path),
    `  Record: ${recordWords(why)}`,
    ...SIDES.map((side) => `  ${words(side)}: ${nowWords(why, now, side)}`),
    ...ruleLines(explanation),
    ...planLines(explanation),
    ...settings.map((it) => `  Config: ${settingWords(it)}`),
  ];
  if (stop) {
    lines.push(
      `  A run would stop: ${printable(stop.reason)}`,
      `  What to do: ${printable(stop.hint)}`,
    );
  }
  if (past.length > 0) lines.push("  Past actions, newest first:");
  for (const action of past) {
    lines.push(`    ${printable(action.run)}  ${actionLine(action)}`);
  }
  return lines.join("\n");
}

function recordWords({ row, isRecordedFolder }: Why): string {
  if (row === null) return isRecordedFolder ? "a folder" : "none";
  const [left, right] = SIDES.map((side) => {
    const { sizeBytes, mtimeMs } = row[side];
    return versionWords({ path: row.path, sizeBytes, mtimeMs });
  });
  return left === right ? `${left}` : `Left ${left}; Right ${right}`;
}

function nowWords(why: Why, now: Both<SideNow>, side: Side): string {
  const { kind, path, sizeBytes, mtimeMs } = now[side];
  const change = why.explanation?.change?.[side];
  const where = path === why.path ? "" : `${printable(path)}, `;
  const what = sizeBytes === null || mtimeMs === null
    ? THINGS[kind]
    : `${where}${versionWords({ path, sizeBytes, mtimeMs })}`;
  return change === undefined ? what : `${what}; ${change}`;
}

const THINGS: Record<SideNow["kind"], string> = {
  absent: "nothing",
  file: "a file",
  folder: "a folder",
  other: "a link or a special file",
  unreadable: "can't be looked at",
};

function ruleLines(explanation: Explanation | null): string[] {
  if (explanation === null) return [];
  const { change, isRecorded, rule } = explanation;
  const number = rule === null ? "none" : rule;
  if (change === null) return rule === null ? [] : [`  Rule: ${number}`];
  const known = isRecorded ? "recorded" : "not recorded";
  return [
    `  Rule: ${number} (${known}; ${change.left} on Left, ${change.right} on ` +
    "Right)",
  ];
}

function planLines(explanation: Explanation | null): string[] {
  if (explanation === null) return ["  Plan: none can be made"];
  const { actions, problem } = explanation;
  const lines = actions.map((action) =>
    `  Plan: ${actionLine(plannedAction(action)).replace(/^planned: /, "")}`
  );
  if (problem !== null) {
    const { path, reason } = problem;
    lines.push(`  Left alone: ${printable(path)}: ${printable(reason)}`);
  }
  return lines.length > 0 ? lines : ["  Plan: nothing to do"];
}

function plannedAction(action: Action): PastAction {
  const { name, path, newPath, rule, side, reason, bytes, files } = action;
  return {
    run: "",
    startedAtMs: 0,
    action: name,
    path,
    newPath,
    rule,
    side,
    reason,
    outcome: "planned",
    detail: null,
    bytes,
    files,
  };
}

function settingWords({ key, value, file, line }: DecidingSetting): string {
  const where = line === null ? "default" : `${printable(file)}:${line}`;
  return `${key}: ${printable(value)} (${where})`;
}

/**
 * The same for programs.
 *
 * @param why What there is to say.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function whyDocument(why: Why): unknown {
  const { explanation, row, stop, now } = why;
  const side = (side: Side) => {
    const { kind, path, sizeBytes, mtimeMs } = now[side];
    const mtime = timeOrNull(mtimeMs);
    const change = explanation?.change?.[side] ?? null;
    return { kind, path, sizeBytes, mtime, change };
  };
  return {
    path: why.path,
    record: {
      kind: row ? "file" : why.isRecordedFolder ? "folder" : null,
      left: row && halfDocument(row, "left"),
      right: row && halfDocument(row, "right"),
    },
    left: side("left"),
    right: side("right"),
    rule: explanation?.rule ?? null,
    actions:
      explanation?.actions.map((action) =>
        actionDocument(plannedAction(action))
      ) ?? [],
    leftAlone: explanation?.problem ?? null,
    settings: why.settings,
    history: why.past.map((action) => ({
      run: action.run,
      startedAt: timeOrNull(action.startedAtMs),
      ...actionDocument(action),
    })),
    guard: stop && { name: stop.name, reason: `${stop.reason} ${stop.hint}` },
  };
}

function halfDocument(row: FileRow, side: Side): unknown {
  const { sizeBytes, mtimeMs } = row[side];
  return { sizeBytes, mtime: timeOrNull(mtimeMs) };
}

function timeOrNull(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/** Past actions that are told at most. */
const PAST = 10;

/**
 * Explains a path.
 *
 * @param invocation What is asked for.
 * @param config The config.
 * @returns The exit code: that of a plan where none could be made.
 * @throws {UsageError} The path leads out of the roots.
 */
export async function why(
  invocation: WhyInvocation,
  config: Config,
): Promise<ExitCode> {
  const roots = config.roots;
  const isWindows = Deno.build.os === "windows";
  const { path } = typedPath(invocation.path, roots, isWindows, onDisk);
  const { result, decided } = await plan(config);
  const explanation = decided && explain(path, {
    plan: decided.plan,
    cases: decided.cases,
    folders: decided.merged.folders,
    folding: decided.settings.folding,
    ignore: config.ignore,
  });
  const told = gather(explanation?.path ?? path, explanation, result, config);
  print(invocation.isJson ? jsonText(whyDocument(told)) : whyText(told));
  return decided === null ? result.exitCode : EXIT.agreed;
}

/** The very plan that a run would follow, even where a guard would stop it. */
async function plan(config: Config): Promise<{
  readonly result: RunResult;
  readonly decided: Decided | null;
}> {
  const seen: Decided[] = [];
  const result = await runSync(newRunId(Date.now()), config, {
    isDryRun: true,
    allowed: { deletes: false, changes: false },
    acceptRoots: false,
    listUnchanged: true,
  }, {
    onOutcome() {},
    onProblem() {},
    onWarning() {},
    onDecided: (decided) => seen.push(decided),
  });
  return { result, decided: seen[0] ?? null };
}

function gather(
  path: string,
  explanation: Explanation | null,
  { stop }: RunResult,
  config: Config,
): Why {
  const known = stop?.name === "state" ? null : stored(path, config);
  return {
    path,
    row: known?.row ?? null,
    isRecordedFolder: known?.isRecordedFolder ?? false,
    now: {
      left: nowAt("left", config.roots.left, path, explanation),
      right: nowAt("right", config.roots.right, path, explanation),
    },
    explanation,
    settings: settingsFor(explanation?.keys ?? [], config),
    past: known?.past ?? [],
    stop,
  };
}

function stored(path: string, config: Config) {
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  const record = new RecordStore(db);
  return {
    row: record.fileAt(path),
    isRecordedFolder: record.directories().get(path)?.isAgreed ?? false,
    past: actionsAt(db, path, PAST),
  };
}

/** What the plan was made from; else what a look shows. */
function nowAt(
  side: Side,
  root: string,
  path: string,
  explanation: Explanation | null,
): SideNow {
  const found = explanation?.now[side];
  if (found) {
    const { sizeBytes, mtimeMs } = found.metadata;
    return { kind: "file", path: found.path, sizeBytes, mtimeMs };
  }
  const nothing = { path, sizeBytes: null, mtimeMs: null };
  try {
    const look = new Root(side, root, glance(root)).look(path);
    if (look.kind !== "file") return { kind: KINDS[look.kind], ...nothing };
    const { sizeBytes, mtimeMs } = look.metadata;
    return { kind: "file", path, sizeBytes, mtimeMs };
  } catch (error) {
    if (error instanceof Skipped) return { kind: "absent", ...nothing };
    if (codeOf(error) === null) throw error;
    return { kind: "unreadable", ...nothing };
  }
}

const KINDS: Record<Exclude<Look["kind"], "file">, SideNow["kind"]> = {
  absent: "absent",
  directory: "folder",
  other: "other",
};

function settingsFor(
  keys: readonly string[],
  config: Config,
): DecidingSetting[] {
  if (keys.length === 0) return [];
  const text = Deno.readTextFileSync(config.file);
  return keys.map((key) => ({
    key,
    value: valueOfKey(config, key),
    file: config.file,
    line: lineOfKey(text, key),
  }));
}
