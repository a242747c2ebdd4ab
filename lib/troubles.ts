/**
 * Guards and failures over many runs: each is mailed once, again after a day
 * while it lasts, and once when it is over. What happened once, such as the
 * loss of the record, is mailed once a day at most, and is never over. Pure.
 *
 * @module
 */
import {
  doubtfulCopies,
  type Outcome,
  type RunResult,
  type Stop,
} from "./run_result.ts";
import { printable, PROGRAM } from "./text.ts";

/** A guard that stopped a run, or something that failed in it. */
export interface Trouble {
  /** The same in every run in which it is the same trouble. */
  readonly key: string;
  /** It stopped the run; nothing is known of what else there may be. */
  readonly isStop: boolean;
  /** It happened in this run: the next one does not undo it. */
  readonly isEvent?: boolean;
  /** In a few words. */
  readonly title: string;
  readonly reason: string;
  /** What to do; "" where there is nothing to say. */
  readonly hint: string;
}

/** A trouble that was mailed already. */
export interface KnownTrouble extends Trouble {
  /** Both in ms since 1970. */
  readonly sinceMs: number;
  readonly mailedAtMs: number;
  /** It is over, and nobody was told yet. */
  readonly isOver: boolean;
}

/** What a mail has to tell. */
export interface TroubleNews {
  readonly fresh: readonly Trouble[];
  /** Known for a while, and still there. */
  readonly lasting: readonly KnownTrouble[];
  readonly over: readonly KnownTrouble[];
}

/** Something of weight that a run met, and that does not stop it. */
export interface Alarm {
  /** The same each time. */
  readonly key: string;
  /** In a few words. */
  readonly title: string;
  readonly reason: string;
  /** What to do. */
  readonly hint: string;
}

/** What is to be mailed, and what is to be remembered then. */
export interface Judged {
  /** Null: nothing. */
  readonly news: TroubleNews | null;
  readonly known: readonly KnownTrouble[];
}

/**
 * After so long a trouble is mailed again. A day, but for a few minutes: a run
 * that starts a second earlier than yesterday's must not wait for tomorrow's.
 */
const AGAIN_MS = 24 * 60 * 60 * 1000 - 10 * 60 * 1000;

/**
 * What went wrong in a run that came to a result.
 *
 * @param result What came of the run.
 */
export function troublesOf(result: RunResult): Trouble[] {
  if (result.stop !== null) return [stopped(result.stop)];
  const alarm = doubtAlarm(result);
  return [
    ...alarm === null ? [] : [alarming(alarm)],
    ...result.outcomes.filter(({ kind }) => kind === "failed").map(failed),
  ];
}

/** Versions that perhaps nobody meant: more than so many are of weight. */
const FEW_DOUBTFUL = 10;

/** So many of them are named. */
const NAMED = 20;

/**
 * Many good versions were replaced by such that perhaps nobody meant: files
 * that are empty or older now, or all rewritten at once.
 *
 * @param result What came of the run.
 * @returns Null where there are none, or few.
 */
export function doubtAlarm(
  { outcomes, id, isDryRun }: Pick<RunResult, "outcomes" | "id" | "isDryRun">,
): Alarm | null {
  const paths = doubtfulCopies(outcomes).map(({ action }) =>
    printable(action.path)
  );
  if (isDryRun || paths.length <= FEW_DOUBTFUL) return null;
  const rest = paths.length - NAMED;
  const more = rest > 0 ? `, and ${rest} more` : "";
  return {
    key: "doubtful versions",
    title: `${paths.length} files went across that perhaps nobody meant so`,
    reason: "They are empty or older than before on the side they came from, " +
      "or very many changed at once. What they replaced is kept. They are: " +
      `${paths.slice(0, NAMED).join(", ")}${more}.`,
    hint:
      "Look whether they are as they should be. If not, stop the scheduled " +
      `runs, and bring back what was there with "${PROGRAM} restore --force ` +
      `PATH"; "${PROGRAM} history ${id}" lists all, and where each version ` +
      "before is kept.",
  };
}

/**
 * An alarm as what went wrong.
 *
 * @param alarm What the run met.
 */
export function alarming(alarm: Alarm): Trouble {
  return { ...alarm, isStop: false, isEvent: true };
}

/**
 * A run that ended with an error nobody foresaw.
 *
 * @param message The error, in words.
 * @param hint What to do about it.
 */
export function unexpected(message: string, hint: string): Trouble {
  return {
    key: `unexpected ${withoutNumbers(message)}`,
    isStop: true,
    title: "The run ended with an error",
    reason: message,
    hint,
  };
}

function stopped({ name, reason, hint }: Stop): Trouble {
  return {
    key: `guard ${name} ${withoutNumbers(reason)}`,
    isStop: true,
    title: `The run was stopped by the guard "${name}"`,
    reason,
    hint,
  };
}

function failed({ action, detail }: Outcome): Trouble {
  return {
    key: `failed ${action.name} ${action.path}`,
    isStop: false,
    title: `${action.name} ${action.path}`,
    reason: [
      ...action.rule === null ? [] : [`rule ${action.rule}`],
      action.reason,
      ...detail === null ? [] : [detail],
    ].join("; "),
    hint: "",
  };
}

/**
 * What is the same each time: one file more or less, or the random part of a
 * run's id, does not make it another trouble.
 *
 * @param words What is said.
 */
export function withoutNumbers(words: string): string {
  return words.replaceAll(/[\da-f]*\d[\da-f]*/gi, "#");
}

/**
 * Holds what went wrong now against what was mailed before.
 *
 * @param known What was mailed.
 * @param now What went wrong in this run.
 * @param nowMs In ms since 1970.
 */
export function judge(
  known: readonly KnownTrouble[],
  now: readonly Trouble[],
  nowMs: number,
): Judged {
  const present = new Map(now.map((trouble) => [trouble.key, trouble]));
  const knownKeys = new Set(known.map(({ key }) => key));
  const fresh = [...present.values()].filter(({ key }) => !knownKeys.has(key));
  // What a stopped run did not come to may be there still.
  const isStopped = now.some(({ isStop }) => isStop);
  const updated = known.map((trouble): KnownTrouble => {
    const again = present.get(trouble.key);
    if (again) return { ...trouble, ...again, isOver: false };
    return isStopped || trouble.isEvent
      ? trouble
      : { ...trouble, isOver: true };
  });
  // Remembered for a day, so that it is not told again if it happens again.
  const quiet = updated.filter((it) => it.isEvent && !present.has(it.key))
    .filter((it) => !isOld(it, nowMs));
  const heard = updated.filter((it) => !it.isEvent || present.has(it.key));
  const over = heard.filter(({ isOver }) => isOver);
  const lasting = heard.filter((it) => !it.isOver);
  const isDue = fresh.length > 0 ||
    lasting.some((it) => present.has(it.key) && isOld(it, nowMs)) ||
    // A sync that runs again is told at once. Files that fail are told when
    // none is left: they may get well one by one.
    over.some(({ isStop }) => isStop) ||
    over.length > 0 && !lasting.some(({ isEvent }) => !isEvent);
  if (!isDue) return { news: null, known: [...heard, ...quiet] };
  const mailed = [
    ...lasting.map((it) => ({ ...it, mailedAtMs: nowMs })),
    ...fresh.map((it) => ({
      ...it,
      sinceMs: nowMs,
      mailedAtMs: nowMs,
      isOver: false,
    })),
    ...quiet,
  ];
  return { news: { fresh, lasting, over }, known: mailed };
}

/**
 * What a mail that nobody has got yet would have to say now, together with
 * what is new: nothing in it may be untrue by the time it is read.
 *
 * @param untold What it says.
 * @param judged What is so now.
 * @returns Null where it is true as it is.
 */
export function retold(
  untold: TroubleNews,
  { news, known }: Judged,
): TroubleNews | null {
  const now = new Map(known.map((it) => [it.key, it]));
  const isThere = ({ key, isEvent }: Trouble) =>
    isEvent || now.has(key) && !now.get(key)!.isOver;
  const told = [...untold.fresh, ...untold.lasting];
  const ended = told.filter((it) => !isThere(it));
  if (news === null && ended.length === 0) return null;
  const fresh = byKey([
    ...untold.fresh.filter(isThere).map((it) => now.get(it.key) ?? it),
    ...news?.fresh ?? [],
  ]);
  const lasting = byKey([
    ...untold.lasting.filter(isThere).map((it) => now.get(it.key) ?? it),
    ...news?.lasting ?? [],
  ]).filter(({ key }) => !fresh.some((it) => it.key === key));
  const over = byKey([
    ...untold.over.filter((it) => !isThere(it)),
    ...ended.flatMap((it) => now.get(it.key) ?? []),
    ...news?.over ?? [],
  ]);
  return { fresh, lasting, over };
}

/** The last one of each. */
function byKey<T extends Trouble>(troubles: readonly T[]): T[] {
  return [...new Map(troubles.map((it) => [it.key, it])).values()];
}

/** A clock that was put back must not keep it quiet for years. */
function isOld({ mailedAtMs }: KnownTrouble, nowMs: number): boolean {
  return Math.abs(nowMs - mailedAtMs) >= AGAIN_MS;
}
