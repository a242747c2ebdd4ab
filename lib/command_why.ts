/**
 * The command why: what is known of a path, and what decides about it. It
 * makes a plan and changes nothing.
 *
 * @module
 */
import type { WhyInvocation } from "./cli_args.ts";
import { actionDocument, actionLine } from "./command_history.ts";
import { answer, isoTime, pathTyped } from "./command_shared.ts";
import { ignoreSettings } from "./config_ignore.ts";
import { lineOfKey } from "./config_problems.ts";
import { type Config, valueOfKey } from "./config_schema.ts";
import { EXIT, type ExitCode, GuardError } from "./errors.ts";
import { words } from "./metadata.ts";
import { flawIn } from "./names.ts";
import { clashedPath } from "./plan_clashes.ts";
import { explain, type Explanation } from "./plan_explain.ts";
import type { Action } from "./plan_types.ts";
import { newRunId, runSync } from "./run.ts";
import { wireRoot } from "./run_identify.ts";
import type { Decided, RunResult } from "./run_types.ts";
import { StateDb } from "./state_db.ts";
import { RecordStore } from "./state_record.ts";
import { actionsAt, type PastAction } from "./state_runs.ts";
import { printable, PROGRAM, versionWords } from "./text.ts";
import { type Both, bothOf, type Side, SIDES } from "./types.ts";
import type { Looked, WireRoot } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

/** Past actions that are told at most. */
const PAST = 10;

/** What stands at a path on a side. */
interface SideNow {
  readonly kind: "absent" | "file" | "folder" | "other" | "unreadable";
  /** Where; another name than the record's after a rename. */
  readonly path: string;
  readonly sizeBytes: number | null;
  /** In ms since 1970. */
  readonly mtimeMs: number | null;
}

/**
 * Explains a path.
 *
 * @returns The exit code: that of a plan where none could be made.
 * @throws {UsageError} The path leads out of the roots.
 */
export async function why(
  invocation: WhyInvocation,
  config: Config,
  files: Files,
): Promise<ExitCode> {
  const { path } = await pathTyped(invocation.path, config, files);
  const { told, exitCode } = await explained(path, config, files);
  answer(invocation.isJson, () => textOf(told), () => documentOf(told));
  return exitCode;
}

/** Explains a path in lines of text. */
export async function whyText(
  path: string,
  config: Config,
  files: Files,
): Promise<string> {
  return textOf((await explained(path, config, files)).told);
}

async function explained(path: string, config: Config, files: Files): Promise<{
  readonly told: Why;
  readonly exitCode: ExitCode;
}> {
  const { result, decided } = await planNow(config, files, true);
  const folding = decided?.settings.folding;
  const ignore = await ignoreSettings(
    config.ignore,
    folding?.ignoresCase ?? false,
  );
  const explanation = decided && explain(path, {
    plan: decided.plan,
    pairs: decided.pairs,
    folders: decided.merged.folders,
    folding: decided.settings.folding,
    ignore,
  });
  const at = explanation?.path ?? path;
  const now = await bothOf((side) => nowAt(files, side, at, explanation));
  const told = gather(at, explanation, result, config, now);
  return { told, exitCode: decided === null ? result.exitCode : EXIT.agreed };
}

/** The very plan that a run would follow, even where a guard would stop it. */
export async function planNow(
  config: Config,
  files: Files,
  listUnchanged: boolean,
): Promise<{
  readonly result: RunResult;
  readonly decided: Decided | null;
}> {
  const seen: Decided[] = [];
  const result = await runSync(newRunId(Date.now()), config, {
    files,
    isDryRun: true,
    allowed: { deletes: false, changes: false },
    acceptRoots: false,
    listUnchanged,
  }, {
    onOutcome() {},
    onProblem() {},
    onWarning() {},
    onDecided: (decided) => seen.push(decided),
  });
  return { result, decided: seen[0] ?? null };
}

/** Everything there is to say about a path. */
type Why = ReturnType<typeof gather>;

function gather(
  path: string,
  explanation: Explanation | null,
  { stop }: RunResult,
  config: Config,
  now: Both<SideNow>,
) {
  const { file } = config;
  const keys = explanation?.keys ?? [];
  const text = keys.length === 0 ? "" : Deno.readTextFileSync(file);
  const known = stop?.name === "state" ? NOTHING_STORED : stored(path, config);
  return {
    path,
    ...known,
    /** The file that it belongs to; null where it is no clash copy. */
    clashOf: known.row && clashedPath(path),
    now,
    /** Null where no plan could be made. */
    explanation,
    /** The settings that decide, and where each stands. */
    settings: keys.map((key) => {
      const entry = key === "ignore.paths" ? explanation!.pattern : null;
      return {
        key,
        value: entry === null
          ? valueOfKey(config, key)
          : config.ignore.paths[entry]!,
        file,
        /** Null: the default. */
        line: lineOfKey(text, key, entry),
      };
    }),
    /** What would stop a run now. */
    stop,
  };
}

const NOTHING_STORED = { row: null, isRecordedFolder: false, past: [] };

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
async function nowAt(
  files: Files,
  side: Side,
  path: string,
  explanation: Explanation | null,
): Promise<SideNow> {
  const found = explanation?.now[side];
  if (found) {
    const { sizeBytes, mtimeMs } = found.metadata;
    return { kind: "file", path: found.path, sizeBytes, mtimeMs };
  }
  const nothing = { path, sizeBytes: null, mtimeMs: null };
  // Nobody looks at what is the program's own, or at what can't be there.
  if (path !== "" && flawIn(path, Deno.build.os === "windows") !== null) {
    return { kind: "unreadable", ...nothing };
  }
  try {
    const { look } = await lookAt(path, side, files);
    switch (look?.kind) {
      case "file": {
        const { sizeBytes, mtimeMs } = look.metadata;
        return { kind: "file", path, sizeBytes, mtimeMs };
      }
      case "directory":
        return { kind: "folder", ...nothing };
      case "other":
        return { kind: "other", ...nothing };
      case "refused":
        return { kind: "unreadable", ...nothing };
      default:
        return { kind: "absent", ...nothing };
    }
  } catch (error) {
    // The root itself can't be looked into.
    if (!(error instanceof GuardError)) throw error;
    return { kind: "unreadable", ...nothing };
  }
}

/**
 * Looks at a path on a side.
 *
 * @returns What stands there, null for nothing, and the root.
 * @throws {GuardError} The root can't be looked into.
 */
export async function lookAt(
  path: string,
  side: Side,
  files: Files,
): Promise<{ readonly root: WireRoot; readonly look: Looked | null }> {
  const real = await files.ask("check", { side });
  const asks = { side, owner: null, traits: null, nameBytes: null };
  const root = wireRoot(real, await files.ask("probe", asks));
  const paths = [path];
  const [look = null] = await files.ask("looks", {
    ...{ side, root, paths, wantsSecond: false },
  });
  return { root, look };
}

function textOf(why: Why): string {
  const { path, clashOf, settings, past, stop } = why;
  return [
    path === "" ? "The roots themselves" : printable(path),
    ...clashOf === null ? [] : [
      `  Clash copy of ${printable(clashOf)}; to settle it: ${PROGRAM} ` +
      "conflicts resolve CLASHCOPY file|copy|both",
    ],
    `  Record: ${recordWords(why)}`,
    ...SIDES.map((side) => `  ${words(side)}: ${nowWords(why, side)}`),
    ...planLines(why.explanation),
    ...settings.map(({ key, value, file, line }) => {
      const where = line === null ? "default" : `${printable(file)}:${line}`;
      return `  Config: ${key}: ${printable(value)} (${where})`;
    }),
    ...stop === null ? [] : [
      `  A run would ${stop.isWaiting ? "wait" : "stop"}: ${
        printable(stop.reason)
      }`,
      `  What to do: ${printable(stop.hint)}`,
    ],
    ...past.length === 0 ? [] : ["  Past actions, newest first:"],
    ...past.map((it) => `    ${printable(it.run)}  ${actionLine(it)}`),
  ].join("\n");
}

function recordWords({ row, isRecordedFolder }: Why): string {
  if (row === null) return isRecordedFolder ? "a folder" : "none";
  const [left, right] = SIDES.map((side) => versionWords(row[side]));
  return left === right ? `${left}` : `Left ${left}; Right ${right}`;
}

function nowWords(why: Why, side: Side): string {
  const { kind, path, sizeBytes, mtimeMs } = why.now[side];
  const change = why.explanation?.change?.[side];
  const where = path === why.path ? "" : `${printable(path)}, `;
  const what = sizeBytes === null || mtimeMs === null
    ? THINGS[kind]
    : `${where}${versionWords({ sizeBytes, mtimeMs })}`;
  return change === undefined ? what : `${what}; ${change}`;
}

const THINGS: Record<SideNow["kind"], string> = {
  absent: "nothing",
  file: "a file",
  folder: "a folder",
  other: "a link or a special file",
  unreadable: "can't be looked at",
};

function planLines(explanation: Explanation | null): string[] {
  if (explanation === null) return ["  Plan: none can be made"];
  const { change, isRecorded, rule, actions, problem, waits } = explanation;
  const known = isRecorded ? "recorded" : "not recorded";
  const cell = change &&
    ` (${known}; ${change.left} on Left, ${change.right} on Right)`;
  const lines = actions.map((action) =>
    `  Plan: ${actionLine(planned(action)).replace(/^planned: /, "")}`
  );
  if (problem !== null) {
    const { path, reason } = problem;
    const what = waits ? "Waits" : "Unknown";
    lines.push(`  ${what}: ${printable(path)}: ${printable(reason)}`);
  }
  return [
    ...cell === null && rule === null
      ? []
      : [`  Rule: ${rule ?? "none"}${cell ?? ""}`],
    ...lines.length > 0 ? lines : ["  Plan: nothing to do"],
  ];
}

/** An action of the plan as one of a run, for the words they share. */
function planned({ name, ...action }: Action): PastAction {
  const told = { action: name, outcome: "planned", detail: null } as const;
  return { ...action, ...told, run: "", startedAtMs: 0 };
}

function documentOf(why: Why): unknown {
  const { path, explanation, row, isRecordedFolder, stop } = why;
  const half = (side: Side) =>
    row && {
      sizeBytes: row[side].sizeBytes,
      mtime: isoTime(row[side].mtimeMs),
    };
  const now = (side: Side) => {
    const { mtimeMs, ...found } = why.now[side];
    const change = explanation?.change?.[side] ?? null;
    return { ...found, mtime: isoTime(mtimeMs), change };
  };
  return {
    path,
    clashOf: why.clashOf,
    record: {
      kind: row ? "file" : isRecordedFolder ? "folder" : null,
      left: half("left"),
      right: half("right"),
    },
    left: now("left"),
    right: now("right"),
    rule: explanation?.rule ?? null,
    actions: (explanation?.actions ?? []).map((action) =>
      actionDocument(planned(action))
    ),
    unknown: explanation?.problem ?? null,
    settings: why.settings,
    history: why.past.map((action) => ({
      run: action.run,
      startedAt: isoTime(action.startedAtMs),
      ...actionDocument(action),
    })),
    guard: stop && { name: stop.name, reason: `${stop.reason} ${stop.hint}` },
  };
}
