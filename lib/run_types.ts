/**
 * What a run goes by, what it tells while it goes on, and what it came to.
 *
 * @module
 */
import type { ClashResolution, Resolution } from "./conflict.ts";
import { type ExitCode, InterruptedError, type StopSignal } from "./errors.ts";
import type { Allowances } from "./plan_guard.ts";
import type { Merged } from "./plan_merge.ts";
import type { DecidedPair } from "./plan_rules.ts";
import type {
  Action,
  Conflict,
  DecisionSettings,
  Plan,
  Waiting,
} from "./plan_types.ts";
import type { Lock, StateDb } from "./state_db.ts";
import type {
  Checkpoint,
  OutcomeKind,
  Problem,
  ProblemKind,
  Side,
} from "./types.ts";
import type { SharedState } from "./wire_messages.ts";
import { checkpointOf, type Files } from "./wire_port.ts";

/** What a person asked for, for this one run. */
export interface SyncOptions {
  /** Answers for the roots, and says whether the run is to go on. */
  readonly files: Files;
  /** Make a plan and write nothing. */
  readonly isDryRun: boolean;
  readonly allowed: Allowances;
  readonly acceptRoots: boolean;
  /** List paths at which nothing differs. */
  readonly listUnchanged: boolean;
  /** When the run began, in ms since 1970, as its id says. Left out: now. */
  readonly startedAtMs?: number;
  /**
   * Resolve this conflict, or settle this clash copy, and do nothing else. Left
   * out: an ordinary run.
   */
  readonly resolve?: Resolution | ClashResolution;
}

/** Told what happens while it happens. */
export interface SyncListener {
  onOutcome(outcome: Outcome): void;
  onProblem(problem: Problem): void;
  /** `isGrave`: also for who wants to hear of nothing but errors. */
  onWarning(text: string, isGrave?: boolean): void;
  /** What is to be mailed besides; it was said by a warning. */
  onAlert?(alert: Alert): void;
  /** How far the run is, ten times a second at most. */
  onProgress?(progress: Progress): void;
  /** How many files only a side has that meets one that was synced before. */
  onJoining?(side: Side, files: number): void;
  /** What was decided, before a guard looks at it; for who asks why. */
  onDecided?(decided: Decided): void;
  /** The lock is held and the state DB is open; not told to a plan. */
  onOpen?(db: StateDb): void;
  /**
   * It is over, but for what is done here: the lock is still held. Never told
   * to a plan, nor where another run has the lock.
   */
  onEnd?(end: RunEnd): Promise<void>;
}

/** A plan, and what led to it. */
export interface Decided {
  readonly plan: Plan;
  /** Every path with something to do or to record. */
  readonly pairs: readonly DecidedPair[];
  readonly merged: Merged;
  readonly settings: DecisionSettings;
}

/** Something that went wrong, or of weight, for a person to know. */
export interface Alert {
  /** The same in every run that it is the same in. */
  readonly key: string;
  /** It stopped the run; nothing is known of what else there may be. */
  readonly isStop: boolean;
  /** It happened in this run, and the next one does not undo it. */
  readonly isEvent?: boolean;
  /** In a few words. */
  readonly title: string;
  readonly reason: string;
  /** What to do; "" where there is nothing to say. */
  readonly hint: string;
}

/** How a run ended, for what still has to be done under its lock. */
export interface RunEnd {
  /** Null: it ended with `error`. */
  readonly result: RunResult | null;
  readonly error: unknown;
  /** Null where it can't be opened. */
  readonly db: StateDb | null;
  /** Null where it can't be made. */
  readonly lock: Lock | null;
}

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

/** Whether a signal stopped a run. */
export function isInterrupted({ stop }: Pick<RunResult, "stop">): boolean {
  return stop?.name === INTERRUPTED;
}

/** A guard, or a signal, that stopped the run. */
export interface Stop {
  readonly name: string;
  readonly reason: string;
  /** The exact next step. */
  readonly hint: string;
  /** Nothing is wrong: it ends with 0, and a later run does the work. */
  readonly isWaiting?: boolean;
}

/** Old soft-deleted files that were removed for good. */
export interface Pruned {
  readonly files: number;
  readonly bytes: number;
}

/** None were. */
export const NOTHING_PRUNED: Pruned = { files: 0, bytes: 0 };

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
  readonly rootRefusals?: readonly Pick<Problem, "side" | "reason">[];
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
 */
export function openConflicts(outcomes: readonly Outcome[]): Conflict[] {
  return outcomes.flatMap(({ action }) =>
    action.conflict !== null && action.conflict.winner === null
      ? [action.conflict]
      : []
  );
}

/**
 * The conflicts that a run did all it had to about, or would, each once. What
 * was not done is done, and told, by a later run.
 */
export function doneConflicts(outcomes: readonly Outcome[]): Conflict[] {
  const done = new Map<string, Conflict>();
  const undone = new Set<string>();
  for (const { action, kind, newPath, detail } of outcomes) {
    const { conflict, work, path, name } = action;
    if (conflict === null || conflict.winner === null) continue;
    const key = conflictKey(conflict);
    if (kind !== "done" && kind !== "planned") undone.add(key);
    // It may take two actions, the clash copy and the copy across.
    const before = done.get(key)?.done;
    const isKept = (work.kind === "copy" || work.kind === "remove") &&
      work.fate === "soft-delete";
    const isRename = work.kind.startsWith("rename") && newPath !== null;
    done.set(key, {
      ...conflict,
      done: {
        actions: [...before?.actions ?? [], name],
        clashPath: work.kind === "clash"
          ? work.clashPath
          : before?.clashPath ?? null,
        isKept: isKept || before?.isKept === true,
        softDeletedPath: isKept ? newPath : before?.softDeletedPath ?? null,
        renamed: isRename
          ? { from: path, to: newPath }
          : before?.renamed ?? null,
        detail: detail ?? before?.detail ?? null,
        cutOff: null,
      },
    });
  }
  for (const key of undone) done.delete(key);
  return [...done.values()];
}

/**
 * What tells one conflict of a run from another: a path can have one of its
 * content and one of its name.
 *
 * @param conflict The conflict.
 */
export function conflictKey({ kind, path }: Conflict): string {
  return `${kind === "metadata_conflict" ? "name" : "content"} ${path}`;
}

/**
 * Copies that were made, or are planned, of versions that perhaps nobody meant.
 */
export function doubtfulCopies(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(({ action: { work }, kind }) =>
    work.kind === "copy" && work.isDoubtful &&
    (kind === "done" || kind === "planned")
  );
}

/** Unknown for what they are called: nobody is told of each. */
const UNTOLD: ReadonlySet<ProblemKind> = new Set([
  "ignored",
  "own",
  "owner",
]);

/**
 * Whether people are told of an unknown path.
 */
export function isTold({ kind }: Problem): boolean {
  return !UNTOLD.has(kind);
}

/** Problems that nobody has to do anything about. */
const QUIET: ReadonlySet<ProblemKind> = new Set([
  ...UNTOLD,
  "lone",
  "symlink",
  "special",
]);

/** Whether a run left something for a person. */
export function needsPerson(
  outcomes: readonly Outcome[],
  problems: readonly Problem[],
): boolean {
  return outcomes.some(({ kind }) => kind === "skipped" || kind === "failed") ||
    problems.some(isForPerson);
}

/** Whether somebody has to do something about an unknown path. */
export function isForPerson({ kind }: Problem): boolean {
  return !QUIET.has(kind);
}

// How far a run is: counted where the work is done, told now and then.

/** What a run is busy with. */
export type Phase = "scan" | "decide" | "compare" | "apply";

/** How far a phase is. */
export interface Progress {
  readonly phase: Phase;
  readonly doneFiles: number;
  /** Null where nobody can know. */
  readonly totalFiles: number | null;
  readonly doneBytes: number;
  /** Null where nobody can know. */
  readonly totalBytes: number | null;
}

/** So much time lies between two tellings at least, in ms. */
const PAUSE_MS = 100;

/**
 * Counts, and tells at most every 100 ms, however often it is told. What the
 * files' world counts is part of it.
 */
export class Meter {
  readonly #tell: (progress: Progress) => void;
  readonly #shared: SharedState;
  #phase: Omit<Progress, "doneFiles" | "doneBytes"> | null = null;
  #files = 0;
  #bytes = 0;
  #quietUntil = 0;

  constructor(tell: (progress: Progress) => void, shared: SharedState) {
    this.#tell = tell;
    this.#shared = shared;
  }

  /** A phase begins, with so much before it; that is told at once. */
  begin(
    phase: Phase,
    totalFiles: number | null = null,
    totalBytes: number | null = null,
  ): void {
    this.#phase = { phase, totalFiles, totalBytes };
    const { files, bytes } = this.#shared.counted;
    [this.#files, this.#bytes, this.#quietUntil] = [-files, -bytes, 0];
    this.add(0, 0);
  }

  /** So many more files and bytes are done. */
  add(files: number, bytes: number): void {
    this.#files += files;
    this.#bytes += bytes;
    const now = performance.now();
    if (this.#phase === null || now < this.#quietUntil) return;
    this.#quietUntil = now + PAUSE_MS;
    const { files: seen, bytes: read } = this.#shared.counted;
    const [doneFiles, doneBytes] = [this.#files + seen, this.#bytes + read];
    this.#tell({ ...this.#phase, doneFiles, doneBytes });
  }

  /** Waits for what is counted elsewhere, and tells how far it is. */
  async watch<T>(work: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.add(0, 0), PAUSE_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
    }
  }
}

// Signals that ask a run to end. They are noted, and the run looks whether
// there was one wherever it can stop in good order.

/** Who waits for something else looks as often whether there was a signal. */
const LOOK_MS = 50;

/** Tells a run whether to go on. */
export class Interrupt {
  /**
   * Called wherever a run can be interrupted.
   *
   * @throws {InterruptedError} The run is to end.
   */
  readonly checkpoint: Checkpoint;
  readonly #shared: SharedState;

  /** @param shared Where the stop is noted. */
  constructor(shared: SharedState) {
    this.#shared = shared;
    this.checkpoint = checkpointOf(shared);
  }

  /** What asked the run to end; null: nothing did. */
  get signal(): StopSignal | null {
    return this.#shared.signal;
  }

  /**
   * Waits for something that goes on elsewhere, but not beyond a signal.
   *
   * @param work What is waited for; it is left to itself after a signal.
   * @throws {InterruptedError} The run is to end.
   */
  async waitFor<T>(work: Promise<T>): Promise<T> {
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const timer = setInterval(() => {
      const { signal } = this.#shared;
      if (signal !== null) reject(new InterruptedError(signal));
    }, LOOK_MS);
    try {
      return await Promise.race([work, stopped]);
    } finally {
      clearInterval(timer);
    }
  }
}
