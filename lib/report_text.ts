/**
 * A run told to people: what was copied, what was deleted and where it can be
 * found, which conflicts there were, and what needs a person.
 *
 * @module
 */
import { causeWords, conflictWords } from "./conflict.ts";
import { words } from "./metadata.ts";
import { waitingWords } from "./plan_open.ts";
import type { Conflict, Waiting } from "./plan_types.ts";
import {
  type Alert,
  doneConflicts,
  doubtfulCopies,
  isForPerson,
  isTold,
  openConflicts,
  type Outcome,
  type Pruned,
  type RunResult,
} from "./run_types.ts";
import { countOf, printable, PROGRAM, sizeWords } from "./text.ts";
import {
  ACTION_NAMES,
  type ActionName,
  type Both,
  otherSide,
  type Problem,
  type Side,
} from "./types.ts";

/** How often each action was done, or is planned, and what was left. */
export type Summary =
  & { readonly [Name in ActionName]: number }
  & {
    readonly bytesCopied: number;
    readonly skipped: number;
    readonly failed: number;
    readonly openConflicts: number;
    /** Unknown paths, ignored ones apart. */
    readonly unknown: number;
    /** Paths that wait for a later run. */
    readonly waiting: number;
    /** Copies of versions that perhaps nobody meant. */
    readonly doubtful: number;
  };

/** Counts. */
export function summarize(
  result: Pick<RunResult, "outcomes" | "problems" | "waiting" | "untouched">,
): Summary {
  const counts = Object.fromEntries(
    ACTION_NAMES.map((name) => [name, 0]),
  ) as Record<ActionName, number>;
  counts.NOOP = result.untouched;
  let [bytesCopied, skipped, failed] = [0, 0, 0];
  for (const { action, kind } of result.outcomes) {
    if (action.conflict?.winner === null) continue;
    if (kind === "skipped") skipped++;
    else if (kind === "failed") failed++;
    else if (action.name !== "NOOP" || action.bytes !== null) {
      counts[action.name]++;
      if (action.work.kind === "copy" || action.work.kind === "clash") {
        bytesCopied += action.bytes ?? 0;
      }
    }
  }
  return {
    ...counts,
    bytesCopied,
    skipped,
    failed,
    openConflicts: openConflicts(result.outcomes).length,
    unknown: result.problems.filter(isTold).length,
    waiting: result.waiting.length,
    doubtful: doubtfulCopies(result.outcomes).length,
  };
}

/** What a report tells one after the other. */
export interface Parts {
  readonly open: readonly Conflict[];
  readonly done: readonly Conflict[];
  readonly failed: readonly Outcome[];
  readonly skipped: readonly Outcome[];
  readonly unknown: readonly Problem[];
  readonly waiting: readonly Waiting[];
  /** What was done or is planned. */
  readonly actions: readonly Outcome[];
}

/** Parts a result. */
export function partsOf(result: RunResult): Parts {
  const { outcomes, isDryRun } = result;
  const of = (kind: Outcome["kind"]) =>
    outcomes.filter((it) =>
      it.kind === kind && it.action.conflict?.winner !== null
    );
  return {
    open: openConflicts(outcomes),
    done: doneConflicts(outcomes),
    failed: of("failed"),
    skipped: of("skipped"),
    unknown: result.problems.filter(isTold),
    waiting: result.waiting,
    actions: of(isDryRun ? "planned" : "done"),
  };
}

/** What each part of a run is called, and of a plan. */
export const PART_TITLES: Readonly<Record<keyof Parts, readonly string[]>> = {
  open: ["Open conflicts, for a person to resolve"],
  done: ["Conflicts resolved", "Conflicts to resolve"],
  failed: ["Failed, tried again next time"],
  skipped: ["Skipped, tried again next time"],
  unknown: ["Unknown, left alone on both sides"],
  waiting: ["Waiting for the next run"],
  actions: ["What was done", "What a run would do"],
};

/**
 * What actions are called where they were done, and where they are planned;
 * % is the side that is changed. In the order in which they are told.
 */
const PHRASES: Readonly<Record<string, readonly [string, string]>> = {
  COPY: ["copied to %", "copy to %"],
  RENAME: ["renamed or adjusted on %", "rename or adjust on %"],
  SOFT_DELETE: ["soft-deleted on %", "soft-delete on %"],
  DELETE: ["deleted on % for good", "delete on % for good"],
  CREATE_DIR: ["folder created on %", "create folder on %"],
  REMOVE_DIR: ["folder removed on %", "remove folder on %"],
  RESTORE: ["brought back to %", "bring back to %"],
  CLASH_CREATE: ["kept as clash copy", "keep as clash copy"],
  NOOP: ["nothing to do", "nothing to do"],
};

/** An action's name without its sides, and the side that is changed. */
export function verbOf(name: ActionName): [verb: string, side: Side | null] {
  const [end = "", side] = /_(?:[A-Z]+_TO_)?(LEFT|RIGHT)$/.exec(name) ?? [];
  const verb = name.slice(0, name.length - end.length);
  return [verb, side === undefined ? null : side === "LEFT" ? "left" : "right"];
}

/** What an action is called. */
export function actionWords(name: ActionName, isDone: boolean): string {
  const [verb, side] = verbOf(name);
  const phrase = PHRASES[verb]![isDone ? 0 : 1];
  return phrase.replace("%", side === null ? "" : words(side));
}

/** What several actions of a kind are called. */
function actionsTitle(name: ActionName, isDone: boolean): string {
  const [verb, side] = verbOf(name);
  const one = actionWords(name, isDone).replace("folder", "folders");
  const all = verb === "COPY"
    ? one.replace("to", `from ${words(otherSide(side!))} to`)
    : one;
  return all[0]!.toUpperCase() + all.slice(1);
}

/** What retention removed, in a sentence; null where it removed nothing. */
export function prunedWords({ files, bytes }: Pruned): string | null {
  if (files === 0) return null;
  return `${countOf(files, "old soft-deleted file")} removed for good: ` +
    `${sizeWords(bytes)} freed.`;
}

/** Why an action is done, with its rule. */
export function reasonWords({ reason, rule }: Outcome["action"]): string {
  return rule === null ? reason : `${reason}; rule ${rule}`;
}

/** Versions that perhaps nobody meant: more than so many are of weight. */
const FEW_DOUBTFUL = 10;

/** So many of them are named. */
const NAMED = 20;

/**
 * Many good versions were replaced by such that perhaps nobody meant: files
 * that are empty or older now, or all rewritten at once.
 *
 * @returns Null where there are none, or few.
 */
export function doubtfulAlert(
  { outcomes, id, isDryRun }: Pick<RunResult, "outcomes" | "id" | "isDryRun">,
): Alert | null {
  const paths = doubtfulCopies(outcomes).map(({ action }) =>
    printable(action.path)
  );
  if (isDryRun || paths.length <= FEW_DOUBTFUL) return null;
  const rest = paths.length - NAMED;
  const more = rest > 0 ? `, and ${rest} more` : "";
  return {
    key: "doubtful versions",
    isStop: false,
    isEvent: true,
    title: `${paths.length} files went across that perhaps nobody meant so`,
    reason: "They are empty or older than before on the side they came from, " +
      "or very many changed at once. What they replaced was soft-deleted. They are: " +
      `${paths.slice(0, NAMED).join(", ")}${more}.`,
    hint:
      "Look whether they are as they should be. If not, stop the scheduled " +
      `runs, and bring back what was there with "${PROGRAM} restore --force ` +
      `PATH"; "${PROGRAM} history ${id}" lists all, and where each version ` +
      "before is.",
  };
}

// What a run left unsynced: that is mailed when it lasts.

/** Something that a run left unsynced, for a person or for a later run. */
export interface Unsynced {
  /** The same in every run that leaves it so. */
  readonly key: string;
  readonly path: string;
  /** What is left, in a few words. */
  readonly what: string;
  readonly why: string;
  /** What to do; "" for a conflict, which is resolved by a command. */
  readonly hint: string;
  /** Null for all else. */
  readonly conflict: Conflict | null;
}

/** What a person can do about an unknown path; of other kinds the reason says it. */
const UNKNOWN_HINTS: Partial<Record<Problem["kind"], string>> = {
  unreadable: "Let the account that runs office-sync read it.",
  vanished: "Run again when nobody works in its folder.",
  elsewhere: "Move it to where it is synced, or delete it for good.",
};

/** All that keeps a run from ending with both sides alike. */
export function unsyncedIn(
  { outcomes, problems, waiting }: Pick<
    RunResult,
    "outcomes" | "problems" | "waiting"
  >,
): Unsynced[] {
  const conflicts = openConflicts(outcomes).map((conflict): Unsynced => ({
    key: `conflict/${conflict.path}`,
    path: conflict.path,
    what: "open conflict",
    why: causeWords(conflict),
    hint: "",
    conflict,
  }));
  const undone = outcomes.filter(({ kind, action }) =>
    (kind === "skipped" || kind === "failed") &&
    action.conflict?.winner !== null
  ).map(({ action: { name, path }, kind, detail }): Unsynced => ({
    key: `action/${path}`,
    path,
    what: `${kind}: ${actionWords(name, false)}`,
    why: detail ?? "",
    hint: "Remove the cause: each run tries it again.",
    conflict: null,
  }));
  const unknown = problems.filter(isForPerson).map((it): Unsynced => ({
    key: `unknown/${it.side}/${it.path}`,
    path: it.path,
    what: `left alone, as nobody can tell what it is on ${words(it.side)}`,
    why: it.reason,
    hint: UNKNOWN_HINTS[it.kind] ?? "Do what the reason says.",
    conflict: null,
  }));
  const open = waiting.map((it): Unsynced => ({
    key: `waiting/${it.side}/${it.path}`,
    path: it.path,
    what: `waits, as a program works on it on ${words(it.side)}`,
    why: waitingWords(it),
    hint: "Have it saved and closed there.",
    conflict: null,
  }));
  const all = [...conflicts, ...undone, ...unknown, ...open];
  return [...new Map(all.map((it) => [it.key, it])).values()];
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
  /** What held the run to the roots; left out: nothing is said of it. */
  readonly walls?: string | null;
}

/** The summary that a run ends with: lines of text, ready to be printed. */
export function reportText(result: RunResult, options: ReportOptions): string {
  const { roots, logFile, walls } = options;
  const { stop } = result;
  if (stop?.isWaiting) return `${stop.reason} ${stop.hint}`;
  return [
    result.isDryRun ? "Plan (nothing was changed)" : `Run ${result.id}`,
    `  Left:  ${printable(roots.left)}`,
    `  Right: ${printable(roots.right)}`,
    ...walls ? [walls] : [],
    "",
    ...stop === null ? body(result, options) : [
      `STOPPED by the guard "${stop.name}".`,
      stop.reason,
      `What to do: ${stop.hint}`,
    ],
    ...logFile === null ? [] : ["", `Log: ${printable(logFile)}`],
  ].join("\n");
}

function body(result: RunResult, options: ReportOptions): string[] {
  const { isDryRun, pruned } = result;
  const { roots, isVerbose, asBefore } = options;
  const { actions, done, open, ...left } = partsOf(result);
  const history = historyWords(result);
  const lines: string[] = [];
  const tell = (title: string, told: readonly string[], where = AGAIN) => {
    lines.push(title, ...few(told, isVerbose, where));
  };
  /** Its count stands in the title. */
  const tellPart = (
    part: keyof Parts,
    told: readonly string[],
    where?: string,
  ) => {
    if (told.length === 0) return;
    const titles = PART_TITLES[part];
    const title = isDryRun ? titles.at(-1) : titles[0];
    tell(`${title}: ${told.length}`, told, where);
  };
  const verbs = Object.keys(PHRASES);
  const order = (name: ActionName) => verbs.indexOf(verbOf(name)[0]);
  for (const name of ACTION_NAMES.toSorted((a, b) => order(a) - order(b))) {
    // What is unchanged is told only where all is; a conflict has its own part.
    if (name === "CLASH_CREATE" || name === "NOOP" && !isVerbose) continue;
    const items = actions.filter(({ action }) => action.name === name);
    if (items.length === 0) continue;
    const title = actionsTitle(name, !isDryRun);
    tell(`${title}: ${sumWords(items)}`, items.map(itemLine), history);
    lines.push(...softDeletedLines(items, roots));
  }
  tellPart("done", done.map((it) => conflictWords(it, roots)), history);
  tellPart(
    "open",
    open.map((it) => conflictWords(it, roots)),
    isDryRun ? AGAIN : `"${PROGRAM} conflicts" lists all`,
  );
  if (open.length > 0) {
    lines.push(
      `  To resolve one: ${PROGRAM} conflicts resolve PATH left|right|both`,
    );
  }
  for (const part of ["skipped", "failed"] as const) {
    tellPart(
      part,
      left[part].map(({ action, detail }) =>
        `${action.name} ${printable(action.path)}: ${printable(detail ?? "")}`
      ),
    );
  }
  const doubtful = doubtfulCopies(result.outcomes);
  if (doubtful.length > 0) {
    tell(
      `Perhaps nobody meant these versions: ${doubtful.length}`,
      doubtful.map((it) => doubtLine(it, roots)),
      history,
    );
  }
  tellPart(
    "waiting",
    left.waiting.map((it) =>
      `${words(it.side)}: ${printable(it.path)}: ${waitingWords(it)}`
    ),
  );
  tellPart(
    "unknown",
    left.unknown.map(({ side, path, reason }) =>
      `${words(side)}: ${printable(path)}: ${printable(reason)}`
    ),
  );
  if (asBefore) lines.push(asBefore);
  const freed = prunedWords(pruned);
  if (freed !== null) lines.push(freed);
  if (lines.length > 0) lines.push("");
  return [...lines, resultWords(result)];
}

function itemLine({ action, newPath, detail }: Outcome): string {
  const to = newPath && action.work.kind.startsWith("rename")
    ? ` -> ${printable(newPath)}`
    : "";
  const more = detail ? ` (${printable(detail)})` : "";
  return `${printable(action.path)}${to}  [${reasonWords(action)}]${more}`;
}

function doubtLine(
  { action, newPath, detail }: Outcome,
  roots: Both<string>,
): string {
  const side = action.side!;
  const before = newPath
    ? `; the version before was soft-deleted as ` +
      printable(`${roots[side]}/${newPath}`)
    : detail
    ? `; ${printable(detail)}`
    : "";
  const from = words(otherSide(side));
  return `${printable(action.path)}: ${action.reason} (${from})${before}`;
}

/** Where soft-deleted files can be found: the run's own folder. */
function softDeletedLines(
  items: readonly Outcome[],
  roots: Both<string>,
): string[] {
  const folders = new Set<string>();
  for (const { action, newPath } of items) {
    if (!newPath?.startsWith(".office-sync/deleted/") || !action.side) continue;
    const run = newPath.split("/").slice(0, 3).join("/");
    folders.add(`${roots[action.side]}/${run}`);
  }
  return [...folders].map((folder) => `  They are in ${printable(folder)}`);
}

/**
 * The conflicts that a run did something about, for where no mail tells of
 * them; null where there are none.
 */
export function untoldText(
  result: Pick<RunResult, "id" | "isDryRun" | "outcomes">,
  roots: Both<string>,
): string | null {
  const lines = doneConflicts(result.outcomes)
    .map((it) => conflictWords(it, roots));
  if (lines.length === 0) return null;
  return [
    `${countOf(lines.length, "conflict")} resolved, and mailed to nobody:`,
    ...few(lines, false, historyWords(result)),
  ].join("\n");
}

/**
 * What a run came to, in a sentence or two.
 *
 * @param result What came of the run; no guard stopped it.
 * @param place Where the reader finds what is left.
 */
export function resultWords(
  result: RunResult,
  place: "above" | "below" = "above",
): string {
  const counts = summarize(result);
  const acted = result.outcomes.filter(({ action }) => action.name !== "NOOP");
  const unchanged = `${countOf(counts.NOOP, "file")} unchanged`;
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
    ...counts.unknown > 0 ? ["is unknown"] : [],
    ...["open", "saved"].filter((it) =>
      result.waiting.some(({ kind }) => kind === it)
    ).map((it) => it === "open" ? "is open" : "is being saved"),
  ];
  const agree = but.length === 0
    ? "Both sides agree"
    : `Both sides agree but for what ${but.join(" or ")}, listed ${place}`;
  return acted.length === 0
    ? `${agree}; there was nothing to do. ${unchanged}, ${time}.`
    : `${agree}. ${actions} done, ${unchanged}, ${time}.`;
}

/** What is there still is seen by running again. */
const AGAIN = "--verbose lists all";

/** A run that is over is not seen by running again. */
function historyWords(
  { isDryRun, id }: Pick<RunResult, "id" | "isDryRun">,
): string {
  return isDryRun ? AGAIN : `"${PROGRAM} history ${id}" lists all`;
}

/** Lines of one kind that are shown at most. */
const SHOWN = 20;

function few(
  lines: readonly string[],
  isVerbose: boolean,
  where: string,
): string[] {
  const shown = isVerbose ? lines : lines.slice(0, SHOWN);
  const rest = lines.length - shown.length;
  return [
    ...shown.map((line) => `  ${line}`),
    ...rest > 0 ? [`  … and ${rest} more (${where})`] : [],
  ];
}

/** How many, and how large together. */
function sumWords(items: readonly Outcome[]): string {
  const bytes = items.reduce((sum, { action }) => sum + (action.bytes ?? 0), 0);
  const areFolders = items.every(({ action }) => action.bytes === null);
  return areFolders
    ? `${items.length}`
    : `${items.length} (${sizeWords(bytes)})`;
}
