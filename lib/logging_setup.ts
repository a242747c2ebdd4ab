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
import { cantUse, logFiles } from "./own_files.ts";
import { rulesOf } from "./paths.ts";
import { INTERRUPTED, type Outcome, type RunResult } from "./run_types.ts";
import { codeOf } from "./system.ts";
import { anyWords, errorWords, printable, quoted } from "./text.ts";
import type { Problem } from "./types.ts";

/** Levels, the lowest first. */
export const LEVELS = ["debug", "info", "warning", "error"] as const;

/** How much a record matters. */
export type LogLevel = typeof LEVELS[number];

/** Where a log goes and what is written to it. */
export interface LogOptions {
  /** Absolute path; its folder is made where it is missing. */
  readonly file: string;
  /** A file is rotated before it grows beyond this. */
  readonly maxSizeBytes: number;
  /** How many files are kept, the current one included. */
  readonly maxFiles: number;
  /** The lowest level that is written. */
  readonly level: LogLevel;
  /** What the records of one run have in common. */
  readonly runId: string;
  /** Other files of the program, named where the log is somebody else's. */
  readonly others?: readonly string[];
}

/**
 * Opens the log of a run, and makes its folder where it is missing. Several
 * logs can be open at once; nothing is shared between them.
 *
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
 * });
 * log.info("Left has 12 changes, Right has 3.");
 * ```
 */
export function openLog(options: LogOptions): Log {
  const { file, others = [] } = options;
  try {
    return new Log(new LogFile(options));
  } catch (cause) {
    // Not the config's fault: a file of root's, a disk that is full or gone.
    const isTheDisks = ["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EIO"]
      .includes(codeOf(cause) ?? "");
    if (isTheDisks) {
      throw cantUse({
        what: "The log",
        path: file,
        key: "logging.file",
        others: [...logFiles(file), ...others],
      }, cause);
    }
    throw new SyncError(
      `Can't write the log file ${printable(file)}: ${errorWords(cause)}`,
      EXIT.usage,
      { cause, hint: "Check logging.file in the config." },
    );
  }
}

/**
 * Loss of power takes at most this many characters or this long. Every write
 * waits for the disk, so one per record would hold up a run with many.
 */
const HELD_BACK = { chars: 65_536, ms: 1_000 } as const;

/** The log of one run; disposing of it writes what is left and closes it. */
export class Log implements Disposable {
  /** Null: closed, or there never was one. */
  #file: LogFile | null;
  readonly #onUnload = () => this[Symbol.dispose]();
  #pending = "";
  #timer: ReturnType<typeof setTimeout> | null = null;
  #failure: string | null = null;

  /** @param file Null for a log that goes nowhere. */
  constructor(file: LogFile | null) {
    this.#file = file;
    // Deno.exit runs no disposers, but it does fire this.
    if (file !== null) addEventListener("unload", this.#onUnload);
  }

  /** The first thing that kept a record from being written; null: none. */
  get failure(): string | null {
    return this.#failure;
  }

  /** INFO: a stage of the run. */
  info(text: string): void {
    this.#write("info", text);
  }

  /** WARNING: something a person should know. */
  warning(text: string): void {
    this.#write("warning", text);
  }

  /** ERROR: something that ended the run, with the stack of its cause. */
  error(text: string, cause?: unknown): void {
    this.#write("error", text, cause);
  }

  /** An action, in the level that what became of it deserves. */
  outcome({ action, kind, newPath, detail, error }: Outcome): void {
    const { name, path, rule, bytes } = action;
    const reason = [
      ...kind === "planned" ? ["planned"] : [],
      action.reason,
      ...detail ? [detail] : [],
    ].join("; ");
    const to = newPath === null ? "" : ` new_path=${quoted(newPath)}`;
    const fields = `${name} path=${quoted(path)}${to} rule=${rule ?? "-"}` +
      ` reason=${quoted(reason)} size=${bytes ?? "-"}`;
    if (kind === "failed") {
      this.error(`${fields} failed=${quoted(errorWords(error))}`, error);
    } else if (kind === "skipped") {
      this.warning(`${fields} skipped=${quoted(detail ?? "")}`);
    } else if (name !== "NOOP" || action.conflict !== null) this.info(fields);
  }

  /** WARNING: an unknown path. */
  problem({ side, path, reason }: Omit<Problem, "kind" | "metadata">): void {
    this.warning(
      `PROBLEM side=${side} path=${quoted(path)} reason=${quoted(reason)}`,
    );
  }

  /** What stopped a run; nothing where it was not stopped. */
  stop({ stop }: Pick<RunResult, "stop">): void {
    if (stop === null) return;
    const isFault = stop.name !== INTERRUPTED && !stop.isWaiting;
    const level = isFault ? "error" : "warning";
    this.#write(level, `${stop.name}: ${stop.reason}`);
  }

  /** Writes what is still held back, for instance to learn of a failure. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending === "") return;
    const error = this.#file?.write(this.#pending) ?? null;
    this.#pending = "";
    if (error !== null) this.#remember(error);
  }

  [Symbol.dispose](): void {
    removeEventListener("unload", this.#onUnload);
    this.flush();
    this.#file?.[Symbol.dispose]();
    this.#file = null;
  }

  #write(level: LogLevel, text: string, cause?: unknown): void {
    if (this.#file === null) return;
    const { options } = this.#file;
    if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level)) return;
    try {
      const record = `${level.toUpperCase()} ${options.runId} ${text}`;
      this.#pending += `${new Date().toISOString()} ${printable(record)}\n` +
        stackLines(cause);
    } catch (error) {
      this.#remember(error);
    }
    const limit = Math.min(HELD_BACK.chars, options.maxSizeBytes);
    if (this.#pending.length >= limit) return this.flush();
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.flush(), HELD_BACK.ms);
    // A run that is over must not wait for its log.
    Deno.unrefTimer(this.#timer);
  }

  #remember(error: unknown): void {
    const file = printable(this.#file?.options.file ?? "");
    this.#failure ??= `Writing the log file ${file} failed: ${
      errorWords(error)
    }`;
  }
}

/** A log that goes nowhere, where none can be written. */
export const NO_LOG: Log = new Log(null);

// It stands on the bare calls: loading a library for it would take every run
// longer than all it writes, and those at hand take no notice of a disk that
// has room for a part only.

/**
 * The file of a log: appended to, rotated by size, and never trusted to have
 * taken what it was given.
 */
class LogFile implements Disposable {
  readonly options: LogOptions;
  #file: Deno.FsFile | null;
  /** A full disk took a part of what was written: its line has no end. */
  #isTorn = false;
  #rotates = true;

  /** @throws The system's error where it can't be opened. */
  constructor(options: LogOptions) {
    this.options = options;
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

  [Symbol.dispose](): void {
    if (this.#isTorn) this.write("");
    this.#close();
  }

  /** Gives what went wrong, or null. */
  #makeRoom(bytes: number): unknown {
    try {
      this.#file ??= open(this.options.file);
      const { isFile, size } = this.#file.statSync();
      const { maxSizeBytes } = this.options;
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
    const { file, maxFiles } = this.options;
    const old = (number: number) => number === 0 ? file : `${file}.${number}`;
    if (maxFiles === 1) Deno.removeSync(file);
    for (let number = maxFiles - 1; number > 0; number--) {
      renameIfThere(old(number - 1), old(number));
    }
  }

  #append(bytes: Uint8Array): void {
    this.#file ??= open(this.options.file);
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
    Deno.mkdirSync(rulesOf(file).dirname(file), { recursive: true });
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

/** Causes can go in circles. */
const MAX_CAUSES = 5;

/**
 * The stack of an error and those of its causes. Every line is indented, so
 * that none passes for a record, whatever the message says.
 *
 * @param thrown What was thrown, of any kind.
 * @returns The lines, each with its line break; "" for undefined.
 */
export function stackLines(thrown: unknown): string {
  const texts: string[] = [];
  let at = thrown;
  while (at !== undefined && texts.length < MAX_CAUSES) {
    const error: Error | null = at instanceof Error ? at : null;
    // How to start Deno is no advice for who reads this.
    const text = (error?.stack ?? anyWords(at))
      .replaceAll(/, run again with the --\S+ flag/gu, "");
    texts.push(texts.length === 0 ? text : `Caused by: ${text}`);
    at = error?.cause;
  }
  return texts.flatMap((text) => text.split("\n"))
    .map((line) => `    ${printable(line)}\n`).join("");
}

/**
 * Things of one kind that stand as in the run before, as a record.
 *
 * @example Files that can't be copied for a week
 * ```text
 * AS_BEFORE COPY_LEFT_TO_RIGHT failed count=500 since=1970-01-01T00:00:00.000Z
 *   since_run=42 runs=672 first="a.txt" why="access is denied"
 * ```
 */
export function standingFields({ what, why, first, count, since }: {
  readonly what: string;
  /** In words; "" where it says nothing. */
  readonly why: string;
  /** Path of the first; "" where it says nothing. */
  readonly first: string;
  readonly count: number;
  readonly since: {
    readonly run: string;
    /** In ms since 1970. */
    readonly startedAtMs: number;
    readonly runs: number;
  };
}): string {
  const time = new Date(since.startedAtMs).toISOString();
  return `AS_BEFORE ${printable(what)} count=${count} since=${time}` +
    ` since_run=${printable(since.run)} runs=${since.runs}` +
    (first === "" ? "" : ` first=${quoted(first)}`) +
    (why === "" ? "" : ` why=${quoted(why)}`);
}
