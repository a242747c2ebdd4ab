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
import { dirname } from "node:path";
import { EXIT, SyncError } from "./errors.ts";
import {
  actionFields,
  errorWords,
  type LoggedAction,
  type LoggedProblem,
  problemFields,
  stackLines,
} from "./log_lines.ts";
import { cantUse, logFiles } from "./own_files.ts";
import { INTERRUPTED, type Outcome, type RunResult } from "./run_types.ts";
import { codeOf } from "./system.ts";
import { printable, quoted } from "./text.ts";

// The file of a log: appended to, rotated by size, and never trusted to have
// taken what it was given.
//
// It stands on the bare calls: loading a library for it would take every run
// longer than all it writes, and those at hand take no notice of a disk that
// has room for a part only.

/** Where a log goes, and how much is kept of it. */
export interface LogFileOptions {
  /** Absolute path; its folder is made where it is missing. */
  readonly file: string;
  /** A file is rotated before it grows beyond this. */
  readonly maxSizeBytes: number;
  /** How many files are kept, the current one included. */
  readonly maxFiles: number;
}

/** An open log file. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  #file: Deno.FsFile | null;
  /** A full disk took a part of what was written: its line has no end. */
  #isTorn = false;
  #rotates = true;

  /**
   * Opens the file.
   *
   * @param options Where, and how much is kept.
   * @throws The system's error where it can't be opened.
   */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#file = openFirst(options.file);
  }

  /**
   * Appends a text. A file that can't be rotated is written to all the same:
   * on Windows an editor that holds the old one is enough.
   *
   * @param text Whole lines. What the disk does not take is lost: kept for
   *   later, it would grow with the run.
   * @returns The first thing that went wrong; null: nothing.
   */
  write(text: string): unknown {
    const bytes = new TextEncoder().encode(this.#isTorn ? `\n${text}` : text);
    const failure = this.#makeRoom(bytes.length);
    try {
      this.#append(bytes);
      return failure;
    } catch (error) {
      return failure ?? error;
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    if (this.#isTorn) this.write("");
    this.#close();
  }

  /** Gives what went wrong, or null. */
  #makeRoom(bytes: number): unknown {
    try {
      this.#file ??= open(this.#options.file);
      const { isFile, size } = this.#file.statSync();
      const { maxSizeBytes } = this.#options;
      const fits = size === 0 || size + bytes <= maxSizeBytes;
      if (fits || !isFile || !this.#rotates) return null;
      this.#close();
      this.#rotate();
      return null;
    } catch (error) {
      // Once is enough: it would fail at each record from now on.
      this.#rotates = false;
      return error;
    }
  }

  /** The oldest goes, each other one gets the number of the one before it. */
  #rotate(): void {
    const { file, maxFiles } = this.#options;
    const old = (number: number) => number === 0 ? file : `${file}.${number}`;
    if (maxFiles === 1) Deno.removeSync(file);
    for (let number = maxFiles - 1; number > 0; number--) {
      renameIfThere(old(number - 1), old(number));
    }
  }

  #append(bytes: Uint8Array): void {
    this.#file ??= open(this.#options.file);
    for (let at = 0; at < bytes.length;) {
      const count = this.#file.writeSync(bytes.subarray(at));
      at += count;
      this.#isTorn = at < bytes.length && (at > 0 || this.#isTorn);
    }
    this.#isTorn = false;
  }

  #close(): void {
    this.#file?.close();
    this.#file = null;
  }
}

/** The folder is made only when missing: it may be all that is forbidden. */
function openFirst(file: string): Deno.FsFile {
  try {
    return open(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(dirname(file), { recursive: true });
    return open(file);
  }
}

function open(file: string): Deno.FsFile {
  return Deno.openSync(file, { append: true, create: true });
}

function renameIfThere(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

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

// Outcomes on their way to the log.

/**
 * Writes an outcome to the log, in the level that it deserves.
 *
 * @param log The log.
 * @param outcome The outcome.
 */
export function logOutcome(log: Log, outcome: Outcome): void {
  const { action, kind, newPath, detail, error } = outcome;
  const isQuiet = action.name === "NOOP" && action.conflict === null;
  const entry = {
    name: action.name,
    path: action.path,
    newPath,
    rule: action.rule,
    reason: [
      ...kind === "planned" ? ["planned"] : [],
      action.reason,
      ...detail ? [detail] : [],
    ].join("; "),
    bytes: action.bytes,
  };
  if (kind === "failed") log.failed({ ...entry, error });
  else if (kind === "skipped") log.skipped({ ...entry, why: detail ?? "" });
  else if (!isQuiet) log.action(entry);
}

/**
 * Writes down what stopped a run; nothing where it was not stopped.
 *
 * @param log The log.
 * @param result What came of the run.
 */
export function logStop(log: Log, { stop }: Pick<RunResult, "stop">): void {
  if (stop === null) return;
  const text = `${stop.name}: ${stop.reason}`;
  if (stop.name === INTERRUPTED) log.warning(text);
  else log.error(text);
}
