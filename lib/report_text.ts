/**
 * A run told to people: what was copied, what was deleted and where it can be
 * found, which conflicts there were, and what needs a person.
 *
 * @module
 */
import { words } from "./metadata.ts";
import type { Conflict, Waiting } from "./plan_types.ts";
import {
  doubtfulCopies,
  isTold,
  openConflicts,
  type Outcome,
  type Pruned,
  type RunResult,
} from "./run_types.ts";
import {
  conflictWords,
  openWords,
  printable,
  PROGRAM,
  sizeWords,
} from "./text.ts";
import {
  ACTION_NAMES,
  type ActionName,
  type Both,
  otherSide,
} from "./types.ts";

// The conflicts that a run settled.

/** A conflict that was settled, or is to be. */
export interface SettledConflict {
  readonly conflict: Conflict;
  /** In a sentence. */
  readonly words: string;
}

/**
 * The conflicts that a run settled, or would, each once.
 *
 * @param outcomes Of the run.
 * @param roots Absolute paths of the roots.
 */
export function settledConflicts(
  outcomes: readonly Outcome[],
  roots: Both<string>,
): SettledConflict[] {
  const settled = new Map<string, SettledConflict>();
  for (const { action, kind, newPath } of outcomes) {
    const { conflict, work, side } = action;
    const isSettled = kind === "done" || kind === "planned";
    if (!isSettled || !conflict?.winner) continue;
    const isKept = work.kind === "copy" && work.fate === "soft-delete";
    const keptAt = isKept && newPath && side
      ? `${roots[side]}/${newPath}`
      : null;
    const fate = isKept ? "kept in soft delete" : "not kept";
    const words = conflictWords(conflict, fate, keptAt);
    settled.set(conflict.path, { conflict, words });
  }
  return [...settled.values()];
}

// A run in metadata.

/** How often each action was done, or is planned, and what was left. */
export type Summary =
  & { readonly [Name in ActionName]: number }
  & {
    readonly bytesCopied: number;
    readonly skipped: number;
    readonly failed: number;
    readonly openConflicts: number;
    /** Paths that are left alone, ignored ones apart. */
    readonly unknown: number;
    /** Paths that wait for a later run. */
    readonly waiting: number;
    /** Copies of versions that perhaps nobody meant. */
    readonly doubtful: number;
  };

/**
 * Counts.
 *
 * @param result What came of the run.
 */
export function summarize(
  result: Pick<RunResult, "outcomes" | "problems" | "waiting" | "untouched">,
): Summary {
  const counts = Object.fromEntries(
    ACTION_NAMES.map((name) => [name, 0]),
  ) as Record<ActionName, number>;
  counts.NOOP = result.untouched;
  let [bytesCopied, skipped, failed, openConflicts] = [0, 0, 0, 0];
  for (const { action, kind } of result.outcomes) {
    if (action.conflict !== null && action.conflict.winner === null) {
      openConflicts++;
    } else if (kind === "skipped") skipped++;
    else if (kind === "failed") failed++;
    else if (action.name !== "NOOP" || action.bytes !== null) {
      counts[action.name]++;
      if (action.work.kind === "copy" || action.work.kind === "clash") {
        bytesCopied += action.bytes ?? 0;
      }
    }
  }
  const unknown = result.problems.filter(isTold);
  return {
    ...counts,
    bytesCopied,
    skipped,
    failed,
    openConflicts,
    unknown: unknown.length,
    waiting: result.waiting.length,
    doubtful: doubtfulCopies(result.outcomes).length,
  };
}

/**
 * Why a path waits for a later run.
 *
 * @param waiting The path.
 */
export function waitingWords({ as }: Pick<Waiting, "as">): string {
  return `it is being saved, and called ${printable(as)} meanwhile`;
}

/**
 * What retention removed, in a sentence.
 *
 * @param pruned What was removed.
 * @returns Null where nothing was.
 */
export function prunedWords({ files, bytes }: Pruned): string | null {
  if (files === 0) return null;
  return `${files} old soft-deleted ${
    files === 1 ? "file" : "files"
  } removed for good: ` +
    `${sizeWords(bytes)} freed.`;
}

/** How to tell it. */
export interface ReportOptions {
  /** Absolute paths of the roots. */
  readonly roots: Both<string>;
  readonly logFile: string | null;
  /** What of it is as in the run before, in words; left out: nothing. */
  readonly asBefore?: string | null;
  /** List everything, not only the first of each kind. */
  readonly isVerbose: boolean;
  /** That the process has no walls, in words; null: it has. */
  readonly missingWalls?: string | null;
}

/** Lines of one kind that are shown at most. */
const SHOWN = 20;

/** Kinds of action in the order in which they are told. */
const SECTIONS: readonly {
  readonly names: readonly ActionName[];
  readonly done: string;
  readonly planned: string;
}[] = [
  section(
    ["COPY_LEFT_TO_RIGHT"],
    "Copied from Left to Right",
    "Copy from Left to Right",
  ),
  section(
    ["COPY_RIGHT_TO_LEFT"],
    "Copied from Right to Left",
    "Copy from Right to Left",
  ),
  section(
    ["RENAME_LEFT"],
    "Renamed or adjusted on Left",
    "Rename or adjust on Left",
  ),
  section(
    ["RENAME_RIGHT"],
    "Renamed or adjusted on Right",
    "Rename or adjust on Right",
  ),
  section(
    ["SOFT_DELETE_LEFT"],
    "Deleted on Left, kept",
    "Delete on Left, keep",
  ),
  section(
    ["SOFT_DELETE_RIGHT"],
    "Deleted on Right, kept",
    "Delete on Right, keep",
  ),
  section(
    ["DELETE_LEFT"],
    "Deleted on Left for good",
    "Delete on Left for good",
  ),
  section(
    ["DELETE_RIGHT"],
    "Deleted on Right for good",
    "Delete on Right for good",
  ),
  section(
    ["CREATE_DIR_LEFT"],
    "Folders created on Left",
    "Create folders on Left",
  ),
  section(
    ["CREATE_DIR_RIGHT"],
    "Folders created on Right",
    "Create folders on Right",
  ),
  section(
    ["REMOVE_DIR_LEFT"],
    "Folders removed on Left",
    "Remove folders on Left",
  ),
  section(
    ["REMOVE_DIR_RIGHT"],
    "Folders removed on Right",
    "Remove folders on Right",
  ),
];

function section(names: ActionName[], done: string, planned: string) {
  return { names, done, planned };
}

/**
 * The summary that a run ends with.
 *
 * @param result What came of the run.
 * @param options Where the roots and the log are.
 * @returns Lines of text, ready to be printed.
 */
export function reportText(result: RunResult, options: ReportOptions): string {
  const lines: string[] = [];
  const { roots } = options;
  lines.push(
    result.isDryRun ? "Plan (nothing was changed)" : `Run ${result.id}`,
    `  Left:  ${printable(roots.left)}`,
    `  Right: ${printable(roots.right)}`,
    ...options.missingWalls ? [options.missingWalls] : [],
    "",
  );
  if (result.stop) {
    lines.push(
      `STOPPED by the guard "${result.stop.name}".`,
      result.stop.reason,
      `What to do: ${result.stop.hint}`,
    );
  } else {
    lines.push(...body(result, options));
  }
  const { logFile } = options;
  if (logFile !== null) lines.push("", `Log: ${printable(logFile)}`);
  return lines.join("\n");
}

function body(result: RunResult, options: ReportOptions): string[] {
  const wanted = result.isDryRun ? "planned" : "done";
  const carried = result.outcomes.filter(({ kind }) => kind === wanted);
  const lines: string[] = [];
  for (const { names, done, planned } of SECTIONS) {
    const items = carried.filter(({ action }) => names.includes(action.name));
    if (items.length === 0) continue;
    const title = result.isDryRun ? planned : done;
    lines.push(
      `${title}: ${countWords(items)}`,
      ...few(items.map(itemLine), options, historyWords(result)),
      ...keptLines(items, options),
    );
  }
  if (options.isVerbose) {
    const unchanged = carried.filter(({ action }) => action.name === "NOOP");
    if (unchanged.length > 0) {
      lines.push(`Nothing to do: ${countWords(unchanged)}`);
      lines.push(...few(unchanged.map(itemLine), options));
    }
  }
  lines.push(...conflictLines(result, options));
  lines.push(...personLines(result, options));
  if (options.asBefore) lines.push(options.asBefore);
  const freed = prunedWords(result.pruned);
  if (freed !== null) lines.push(freed);
  if (lines.length > 0) lines.push("");
  lines.push(verdict(result));
  return lines;
}

function itemLine({ action, newPath, detail }: Outcome): string {
  const to = newPath && action.work.kind.startsWith("rename")
    ? ` -> ${printable(newPath)}`
    : "";
  const more = detail ? ` (${printable(detail)})` : "";
  return `${printable(action.path)}${to}  [${reasonWords(action)}]${more}`;
}

function reasonWords(action: Outcome["action"]): string {
  return action.rule === null
    ? action.reason
    : `${action.reason}; rule ${action.rule}`;
}

/**
 * The conflicts that a run settled, for where no mail tells of them.
 *
 * @param result What came of the run.
 * @param roots Absolute paths of the roots.
 * @returns Null where it settled none.
 */
export function untoldText(
  result: Pick<RunResult, "id" | "isDryRun" | "outcomes">,
  roots: Both<string>,
): string | null {
  const settled = settledConflicts(result.outcomes, roots);
  if (settled.length === 0) return null;
  const lines = settled.map(({ words }) => words);
  return [
    `${countOf(lines.length, "conflict")} settled, and mailed to nobody:`,
    ...few(lines, { isVerbose: false }, historyWords(result)),
  ].join("\n");
}

/** A run that is over is not seen by running again. */
function historyWords(
  { isDryRun, id }: Pick<RunResult, "id" | "isDryRun">,
): string {
  return isDryRun ? AGAIN : `"${PROGRAM} history ${id}" lists all`;
}

/** Where soft-deleted files can be found: the run's own folder. */
function keptLines(
  items: readonly Outcome[],
  options: ReportOptions,
): string[] {
  const folders = new Set<string>();
  for (const { action, newPath } of items) {
    if (!newPath?.startsWith(".office-sync/deleted/") || !action.side) continue;
    const run = newPath.split("/").slice(0, 3).join("/");
    folders.add(`${options.roots[action.side]}/${run}`);
  }
  return [...folders].map((folder) =>
    `  They are kept in ${printable(folder)}`
  );
}

function conflictLines(result: RunResult, options: ReportOptions): string[] {
  const settled = settledConflicts(result.outcomes, options.roots);
  if (settled.length === 0) return [];
  const title = result.isDryRun ? "Conflicts to settle" : "Conflicts settled";
  const lines = settled.map(({ words }) => words);
  return [
    `${title}: ${settled.length}`,
    ...few(lines, options, historyWords(result)),
  ];
}

/** Everything that a run leaves behind for somebody. */
function personLines(result: RunResult, options: ReportOptions): string[] {
  const lines: string[] = [];
  const open = openConflicts(result.outcomes);
  if (open.length > 0) {
    lines.push(
      `Open conflicts, for a person to settle: ${open.length}`,
      ...few(
        open.map(openWords),
        options,
        result.isDryRun ? AGAIN : `"${PROGRAM} conflicts" lists all`,
      ),
      `  To settle one: ${PROGRAM} conflicts resolve PATH left|right|both`,
    );
  }
  for (
    const [kind, title] of [
      ["skipped", "Skipped, tried again next time"],
      ["failed", "Failed, tried again next time"],
    ] as const
  ) {
    const items = result.outcomes.filter((outcome) =>
      outcome.kind === kind && outcome.action.conflict?.winner !== null
    );
    if (items.length === 0) continue;
    const told = items.map(({ action, detail }) =>
      `${action.name} ${printable(action.path)}: ${printable(detail ?? "")}`
    );
    lines.push(`${title}: ${items.length}`, ...few(told, options));
  }
  const doubtful = doubtfulCopies(result.outcomes);
  if (doubtful.length > 0) {
    const told = doubtful.map(({ action, newPath, detail }) => {
      const kept = newPath && action.side
        ? `; the version before is kept as ` +
          printable(`${options.roots[action.side]}/${newPath}`)
        : detail
        ? `; ${printable(detail)}`
        : "";
      const from = words(otherSide(action.side!));
      return `${printable(action.path)}: ${action.reason} (${from})${kept}`;
    });
    lines.push(
      `Perhaps nobody meant these versions: ${doubtful.length}`,
      ...few(told, options, historyWords(result)),
    );
  }
  if (result.waiting.length > 0) {
    const told = result.waiting.map(({ side, path, as }) =>
      `${words(side)}: ${printable(path)}: ${waitingWords({ as })}`
    );
    lines.push(
      `Waiting for the next run: ${result.waiting.length}`,
      ...few(told, options),
    );
  }
  const problems = result.problems.filter(isTold);
  if (problems.length > 0) {
    const told = problems.map(({ side, path, reason }) =>
      `${words(side)}: ${printable(path)}: ${printable(reason)}`
    );
    lines.push(
      `Left alone on both sides: ${problems.length}`,
      ...few(told, options),
    );
  }
  return lines;
}

/**
 * What a run came to, in a sentence or two.
 *
 * @param result What came of the run; no guard stopped it.
 * @param place Where the reader finds what is left.
 */
export function verdict(
  result: RunResult,
  place: "above" | "below" = "above",
): string {
  const counts = summarize(result);
  const { NOOP: same } = counts;
  const acted = result.outcomes.filter(({ action }) => action.name !== "NOOP");
  const unchanged = `${countOf(same, "file")} unchanged`;
  const actions = countOf(acted.length, "action");
  if (result.isDryRun) {
    return acted.length === 0
      ? `Nothing to do; ${unchanged}.`
      : `${actions} planned; ${unchanged}.`;
  }
  const seconds = (result.finishedAtMs - result.startedAtMs) / 1000;
  const time = `${seconds.toFixed(1)} s`;
  if (result.exitCode !== 0) {
    return `Finished in ${time}; ${unchanged}. What is listed ` +
      `${place} needs a person.`;
  }
  const but = [
    ...counts.unknown > 0 ? ["is left alone"] : [],
    ...counts.waiting > 0 ? ["is being saved"] : [],
  ];
  const agree = but.length === 0
    ? "Both sides agree"
    : `Both sides agree but for what ${but.join(" or ")}, listed ${place}`;
  return acted.length === 0
    ? `${agree}; there was nothing to do. ${unchanged}, ${time}.`
    : `${agree}. ${actions} done, ${unchanged}, ${time}.`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What is there still is seen by running again. */
const AGAIN = "--verbose lists all";

function few(
  lines: readonly string[],
  options: Pick<ReportOptions, "isVerbose">,
  where = AGAIN,
): string[] {
  const shown = options.isVerbose ? lines : lines.slice(0, SHOWN);
  const rest = lines.length - shown.length;
  return [
    ...shown.map((line) => `  ${line}`),
    ...rest > 0 ? [`  … and ${rest} more (${where})`] : [],
  ];
}

function countWords(items: readonly Outcome[]): string {
  const bytes = items.reduce((sum, { action }) => sum + (action.bytes ?? 0), 0);
  const areFolders = items.every(({ action }) => action.bytes === null);
  return areFolders
    ? `${items.length}`
    : `${items.length} (${sizeWords(bytes)})`;
}
