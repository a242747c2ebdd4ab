/**
 * The log of a run: one line per record in a file that is rotated by size.
 * What an action looks like in it:
 *
 * ```text
 * 2026-03-01T08:00:00.123Z INFO 42 COPY_LEFT_TO_RIGHT path="a.txt" rule=5.3 reason="changed on Left" size=17
 * ```
 *
 * Only opening a log can fail. Once it is open it never throws: a full disk
 * must not end a run, so what went wrong is remembered for the summary.
 *
 * @module
 */
import { EXIT, SyncError } from "./errors.ts";
import { LogFile, type LogFileOptions } from "./log_file.ts";
import {
  actionFields,
  errorWords,
  type LoggedAction,
  type LoggedProblem,
  problemFields,
  stackLines,
} from "./log_lines.ts";
import { cantUse, logFiles } from "./own_files.ts";
import { codeOf } from "./system.ts";
import { printable, quoted } from "./text.ts";

/** Levels, the lowest first. */
const LEVELS = ["debug", "info", "warning", "error"] as const;

/** How much a record matters. */
export type LogLevel = typeof LEVELS[number];

/** Where a log goes and what is written to it. */
export interface LogOptions extends LogFileOptions {
  /** The lowest level that is written to the file. */
  readonly level: LogLevel;
  /** What the records of one run have in common. */
  readonly runId: string;
  /** Whether debug records go to standard error, whatever `level` says. */
  readonly verbose: boolean;
  /** Other files of the program, named where the log is somebody else's. */
  readonly others?: readonly string[];
}

/** The log of one run; disposing of it writes what is left and closes it. */
export interface Log extends Disposable {
  /** The first thing that kept a record from being written; null: none. */
  readonly failure: string | null;
  /** INFO: an action that was done. */
  action(action: LoggedAction): void;
  /** WARNING: an action that was not done, and why. */
  skipped(action: LoggedAction & { readonly why: string }): void;
  /** ERROR: an action that failed, with the stack. */
  failed(action: LoggedAction & { readonly error: unknown }): void;
  /** WARNING: a path that is left alone. */
  problem(problem: LoggedProblem): void;
  /** INFO: a stage of the run. */
  info(text: string): void;
  /** WARNING: something a person should know. */
  warning(text: string): void;
  /** ERROR: something that ended the run, with the stack of its cause. */
  error(text: string, cause?: unknown): void;
  /** DEBUG: for whoever looks for a mistake. */
  debug(text: string): void;
  /** Writes what is still held back, for instance to learn of a failure. */
  flush(): void;
}

/**
 * Opens the log of a run, and makes its folder where it is missing. Several
 * logs can be open at once; nothing is shared between them.
 *
 * @param options Where to and how much.
 * @returns The log; to be disposed of at the end of the run.
 * @throws {SyncError} Exit code 2, if there can't be such a file.
 * @throws {GuardError} "state": the system lets nobody write it.
 *
 * @example A log that is closed at the end of its block
 * ```ts
 * import { openLog } from "./logging_setup.ts";
 * using log = openLog({
 *   file: "/srv/office/logs/office-sync.log",
 *   level: "info",
 *   maxSizeBytes: 10_485_760,
 *   maxFiles: 5,
 *   runId: "42",
 *   verbose: false,
 * });
 * log.info("Left has 12 changes, Right has 3.");
 * ```
 */
export function openLog(options: LogOptions): Log {
  try {
    return new FileLog(options);
  } catch (cause) {
    const key = "logging.file" as const;
    const { file } = options;
    const own = { what: "The log", path: file, key, others: [] };
    if (isTheDisks(cause)) {
      const others = options.others ?? [];
      throw cantUse({ ...own, others: [...logFiles(file), ...others] }, cause);
    }
    throw new SyncError(
      `Can't write the log file ${printable(options.file)}: ${
        errorWords(cause)
      }`,
      EXIT.usage,
      { cause, hint: "Check logging.file in the config." },
    );
  }
}

/** Not the config's fault: a file of root's, a disk that is full or gone. */
function isTheDisks(error: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EIO"]
    .includes(codeOf(error) ?? "");
}

/** A log that goes nowhere, where none can be written. */
export const NO_LOG: Log = {
  failure: null,
  action() {},
  skipped() {},
  failed() {},
  problem() {},
  info() {},
  warning() {},
  error() {},
  debug() {},
  flush() {},
  [Symbol.dispose]() {},
};

/**
 * Loss of power takes at most this many characters or this long. Every write
 * waits for the disk, so one per record would hold up a run with many.
 */
const HELD_BACK = { chars: 65_536, ms: 1_000 } as const;

class FileLog implements Log {
  readonly #options: LogOptions;
  readonly #file: LogFile;
  readonly #onUnload = () => this[Symbol.dispose]();
  #pending = "";
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isOpen = true;
  #failure: string | null = null;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#file = new LogFile(options);
    // Deno.exit runs no disposers, but it does fire this.
    addEventListener("unload", this.#onUnload);
  }

  get failure(): string | null {
    return this.#failure;
  }

  action(action: LoggedAction): void {
    this.#write("info", () => actionFields(action));
  }

  skipped(action: LoggedAction & { readonly why: string }): void {
    const text = () => `${actionFields(action)} skipped=${quoted(action.why)}`;
    this.#write("warning", text);
  }

  failed(action: LoggedAction & { readonly error: unknown }): void {
    const why = () => quoted(errorWords(action.error));
    const text = () => `${actionFields(action)} failed=${why()}`;
    this.#write("error", text, action.error);
  }

  problem(problem: LoggedProblem): void {
    this.#write("warning", () => problemFields(problem));
  }

  info(text: string): void {
    this.#write("info", () => printable(text));
  }

  warning(text: string): void {
    this.#write("warning", () => printable(text));
  }

  error(text: string, cause?: unknown): void {
    this.#write("error", () => printable(text), cause);
  }

  debug(text: string): void {
    this.#write("debug", () => printable(text));
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending === "") return;
    const error = this.#file.write(this.#pending);
    this.#pending = "";
    if (error !== null) this.#remember(error);
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    removeEventListener("unload", this.#onUnload);
    this.flush();
    this.#file[Symbol.dispose]();
  }

  #write(level: LogLevel, text: () => string, cause?: unknown): void {
    if (!this.#isOpen) return;
    try {
      const isShown = this.#options.verbose && level === "debug";
      const isKept = LEVELS.indexOf(level) >=
        LEVELS.indexOf(this.#options.level);
      if (!isShown && !isKept) return;
      const time = new Date().toISOString();
      const id = printable(this.#options.runId);
      const record = `${time} ${level.toUpperCase()} ${id} ${text()}\n`;
      if (isShown) show(record);
      if (isKept) this.#hold(record + stackLines(cause));
    } catch (error) {
      this.#remember(error);
    }
  }

  #hold(record: string): void {
    this.#pending += record;
    const limit = Math.min(HELD_BACK.chars, this.#options.maxSizeBytes);
    if (this.#pending.length >= limit) return this.flush();
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.flush(), HELD_BACK.ms);
    // A run that is over must not wait for its log.
    Deno.unrefTimer(this.#timer);
  }

  #remember(error: unknown): void {
    const file = printable(this.#options.file);
    this.#failure ??= `Writing the log file ${file} failed: ${
      errorWords(error)
    }`;
  }
}

function show(record: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(record));
  } catch {
    // Nobody reads it any more.
  }
}
