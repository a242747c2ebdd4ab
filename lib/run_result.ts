/**
 * What a run, or a plan, came to.
 *
 * @module
 */
import type { ExitCode } from "./errors.ts";
import type { Action, Conflict, Waiting } from "./plan_types.ts";
import type { OutcomeKind, Problem, ProblemKind, Side } from "./types.ts";

/** What became of an action. */
export interface Outcome {
  readonly action: Action;
  readonly kind: OutcomeKind;
  /** Why it was skipped or failed, or what else there is to say. */
  readonly detail: string | null;
  /** The clash or new name, or where a soft-deleted file is now. */
  readonly newPath: string | null;
  /** What failed, for the log. */
  readonly error: unknown;
}

/** What a {@linkcode Stop} by a signal is called. */
export const INTERRUPTED = "interrupted";

/** A guard, or a signal, that stopped the run. */
export interface Stop {
  readonly name: string;
  readonly reason: string;
  /** The exact next step. */
  readonly hint: string;
}

/** Old soft-deleted files that were removed for good. */
export interface Pruned {
  readonly files: number;
  readonly bytes: number;
}

/** None were. */
export const NOTHING_PRUNED: Pruned = { files: 0, bytes: 0 };

/** What would keep a run from changing a root. */
export interface RootTrouble {
  readonly side: Side;
  readonly reason: string;
}

/** What a run, or a plan, came to. */
export interface RunResult {
  readonly id: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  /** In ms since 1970. */
  readonly finishedAtMs: number;
  readonly isDryRun: boolean;
  readonly outcomes: readonly Outcome[];
  readonly problems: readonly Problem[];
  /** Of a plan: what would keep a run from changing a root, in words. */
  readonly rootTroubles?: readonly RootTrouble[];
  /** What is left to a later run, though nothing is wrong with it. */
  readonly waiting: readonly Waiting[];
  /** Recorded files in folders that were not even looked into. */
  readonly untouched: number;
  readonly pruned: Pruned;
  readonly stop: Stop | null;
  readonly exitCode: ExitCode;
}

/**
 * The conflicts that a run left for a person.
 *
 * @param outcomes Of the run.
 */
export function openConflicts(outcomes: readonly Outcome[]): Conflict[] {
  return outcomes.flatMap(({ action }) =>
    action.conflict !== null && action.conflict.winner === null
      ? [action.conflict]
      : []
  );
}

/**
 * Copies that were made, or are planned, of versions that perhaps nobody meant.
 *
 * @param outcomes Of the run.
 */
export function doubtfulCopies(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(({ action: { work }, kind }) =>
    work.kind === "copy" && work.isDoubtful &&
    (kind === "done" || kind === "planned")
  );
}

/** Left alone for what they are called: nobody is told of each. */
const UNTOLD: ReadonlySet<ProblemKind> = new Set(["ignored", "own"]);

/**
 * Whether people are told of a path that is left alone.
 *
 * @param problem The path.
 */
export function isTold({ kind }: Problem): boolean {
  return !UNTOLD.has(kind);
}

/** Problems that nobody has to do anything about. */
const QUIET: ReadonlySet<ProblemKind> = new Set([
  ...UNTOLD,
  "kept",
  "symlink",
  "special",
]);

/**
 * Whether a run left something for a person.
 *
 * @param outcomes Of its actions.
 * @param problems What was left alone.
 */
export function needsPerson(
  outcomes: readonly Outcome[],
  problems: readonly Problem[],
): boolean {
  return outcomes.some(({ kind }) => kind === "skipped" || kind === "failed") ||
    problems.some(({ kind }) => !QUIET.has(kind));
}
