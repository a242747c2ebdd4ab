/**
 * The command why: what is known of a path, and what decides about it. It
 * makes a plan and changes nothing.
 *
 * @module
 */
import { print } from "./cli_output.ts";
import { lineOfKey, onDisk, valueOfKey } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode } from "./errors.ts";
import type { WhyInvocation } from "./invocation.ts";
import { typedPath } from "./paths.ts";
import { explain, type Explanation } from "./plan_explain.ts";
import type { Decided } from "./planning.ts";
import { jsonText } from "./report_json.ts";
import { type Look, Root } from "./root_files.ts";
import { glance } from "./root_traits.ts";
import type { RunResult } from "./run_result.ts";
import { StateDb } from "./state_db.ts";
import { RecordStore } from "./state_record.ts";
import { actionsAt } from "./state_runs.ts";
import { newRunId, runSync } from "./sync.ts";
import { codeOf, Skipped } from "./system.ts";
import type { Side } from "./types.ts";
import {
  type DecidingSetting,
  type SideNow,
  type Why,
  whyDocument,
  whyText,
} from "./why_text.ts";

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
  const roots = { left: config.leftRoot, right: config.rightRoot };
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
      left: nowAt("left", config.leftRoot, path, explanation),
      right: nowAt("right", config.rightRoot, path, explanation),
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
    const { sizeBytes, mtimeMs } = found.figures;
    return { kind: "file", path: found.path, sizeBytes, mtimeMs };
  }
  const nothing = { path, sizeBytes: null, mtimeMs: null };
  try {
    const look = new Root(side, root, glance(root)).look(path);
    if (look.kind !== "file") return { kind: KINDS[look.kind], ...nothing };
    const { sizeBytes, mtimeMs } = look.figures;
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
