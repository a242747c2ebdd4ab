/**
 * The errors a person gets to read. Each carries the exit code the program
 * ends with and a hint that says what to do next; anything else that is
 * thrown is unexpected and ends in exit code 5.
 *
 * @module
 */

/** Exit codes of the program. */
export const EXIT = {
  /** Both sides agree; a plan could be made. */
  agreed: 0,
  /** The run finished, but something is left for a person. */
  leftForPerson: 1,
  /** Wrong use or bad config; nothing was touched. */
  usage: 2,
  /** A guard stopped the run; nothing was changed. */
  guard: 3,
  /** Another run is active. */
  busy: 4,
  /** Something nobody foresaw. */
  unexpected: 5,
  /** Ctrl+C: 128 and the number of the signal, as with any program. */
  interrupted: 130,
  /** Somebody else asked the run to end. */
  terminated: 143,
} as const;

/** One of {@linkcode EXIT}. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** Options of {@linkcode SyncError}. */
export interface SyncErrorOptions extends ErrorOptions {
  /** What to do about it, in one sentence. */
  readonly hint?: string;
}

/** An error with an exit code and words for users. */
export class SyncError extends Error {
  override readonly name: string = "SyncError";
  /** The code the program ends with. */
  readonly exitCode: ExitCode;
  /** What to do about it, or null. */
  readonly hint: string | null;

  /**
   * @param message What went wrong, and where, in one line.
   * @param exitCode The code the program ends with.
   * @param options Hint and cause.
   */
  constructor(
    message: string,
    exitCode: ExitCode,
    options: SyncErrorOptions = {},
  ) {
    super(
      message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.exitCode = exitCode;
    this.hint = options.hint ?? null;
  }
}

/** The command line says something that the program does not know. */
export class UsageError extends SyncError {
  override readonly name = "UsageError";

  /** @param message What is wrong with it, and what is allowed. */
  constructor(message: string) {
    super(message, EXIT.usage, { hint: "See --help." });
  }
}

/** One thing wrong with a config file. */
export interface ConfigProblem {
  /** The config file. */
  readonly file: string;
  /** Counted from 1; null where the file could not be read at all. */
  readonly line: number | null;
  /** Counted from 1; null where the file could not be read at all. */
  readonly column: number | null;
  /** The key, with dots between its parts; null where none is to blame. */
  readonly key: string | null;
  /** What was found and what is allowed, in one line. */
  readonly message: string;
}

/** Everything that is wrong with a config file, reported at once. */
export class ConfigError extends SyncError {
  override readonly name = "ConfigError";
  /** In the order in which they stand in the file. */
  readonly problems: readonly ConfigProblem[];

  /**
   * @param problems All that is wrong, at least one.
   * @param options Cause.
   */
  constructor(problems: readonly ConfigProblem[], options: ErrorOptions = {}) {
    super(problems.map(formatConfigProblem).join("\n"), EXIT.usage, options);
    this.problems = problems;
  }
}

/** The guards that can stop a run before anything is changed. */
export type GuardName =
  | "roots"
  | "identity"
  | "away"
  | "state"
  | "mass deletion"
  | "mass change"
  | "rolled back";

/** A guard stopped the run; no file was changed. */
export class GuardError extends SyncError {
  override readonly name = "GuardError";
  /** Which one. */
  readonly guard: GuardName;

  /**
   * @param guard Which guard stopped the run.
   * @param message What it saw and why that stops the run.
   * @param hint The exact next step.
   * @param options Cause.
   */
  constructor(
    guard: GuardName,
    message: string,
    hint: string,
    options: ErrorOptions = {},
  ) {
    super(message, EXIT.guard, { ...options, hint });
    this.guard = guard;
  }
}

/** Another run holds the lock of the state DB. */
export class LockedError extends SyncError {
  override readonly name = "LockedError";

  /** @param stateDb The state DB that is in use. */
  constructor(stateDb: string) {
    super(`Another run is using ${stateDb}.`, EXIT.busy, {
      hint: "Wait until it has ended, then start again.",
    });
  }
}

/** Signals that ask a run to end. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGBREAK";

const SIGNAL_WORDS: Readonly<Record<StopSignal, string>> = {
  SIGINT: "Stopped by Ctrl+C",
  SIGBREAK: "Stopped by Ctrl+Break",
  SIGTERM: "Asked to end (SIGTERM)",
  SIGHUP: "Stopped because the terminal was closed",
};

/** A signal ended the run before it was through. */
export class InterruptedError extends SyncError {
  override readonly name = "InterruptedError";
  /** Which. */
  readonly signal: StopSignal;

  /** @param signal Which. */
  constructor(signal: StopSignal) {
    const isKeyboard = signal === "SIGINT" || signal === "SIGBREAK";
    const code = isKeyboard ? EXIT.interrupted : EXIT.terminated;
    super(SIGNAL_WORDS[signal], code);
    this.signal = signal;
  }
}

/**
 * A config problem as one line: `file:line:column: message`.
 *
 * @param problem What is wrong.
 * @returns The line, without a line break.
 *
 * @example
 * ```ts
 * import { formatConfigProblem } from "./errors.ts";
 * formatConfigProblem({
 *   file: "config.yaml",
 *   line: 3,
 *   column: 1,
 *   key: "left_rot",
 *   message: "unknown key left_rot",
 * }); // "config.yaml:3:1: unknown key left_rot"
 * ```
 */
export function formatConfigProblem(problem: ConfigProblem): string {
  const at = problem.line === null
    ? ""
    : `:${problem.line}:${problem.column ?? 1}`;
  return `${problem.file}${at}: ${problem.message}`;
}
