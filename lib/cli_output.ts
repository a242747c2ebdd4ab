/**
 * What the program prints: the answer on standard output, all else on
 * standard error.
 *
 * @module
 */
import { EXIT, SyncError } from "./errors.ts";
import type { Phase, Progress } from "./run_types.ts";
import { codeOf, inWords } from "./system.ts";
import { numberWords, sizeWords } from "./text.ts";

/**
 * Prints what was asked for.
 *
 * @param text Whole lines, without the last line break.
 * @throws {SyncError} It can't be written.
 */
export function print(text: string): void {
  try {
    writeAll(Deno.stdout, `${text}\n`);
  } catch (error) {
    const why = codeOf(error) === "EPIPE"
      ? "nobody reads it any more"
      : inWords(error);
    throw new SyncError(
      `What was asked for could not be printed: ${why}.`,
      EXIT.unexpected,
      { cause: error },
    );
  }
}

/**
 * Prints what should be read as one document; where that can't be, says so as
 * to a person.
 *
 * @param document The document.
 * @param text What it says.
 */
export function printOrWarn(document: string, text: string): void {
  try {
    print(document);
  } catch {
    warn(text);
  }
}

/**
 * Prints what a person should know besides.
 *
 * @param text Whole lines, without the last line break.
 */
export function warn(text: string): void {
  try {
    writeAll(Deno.stderr, `${text}\n`);
  } catch {
    // The terminal was closed: nobody is left who could read it.
  }
}

/** A pipe takes so much whole or not at all, in bytes (PIPE_BUF). */
const WHOLE_BYTES = 4096;

/** Pause before a pipe that is full is tried again, in ms. */
const FULL_MS = 10;

function writeAll(to: typeof Deno.stdout, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += to.writeSync(bytes.subarray(at, at + WHOLE_BYTES));
    } catch (error) {
      // Whoever shares a pipe with this program may have set it not to wait: a
      // full one refuses until its reader catches up, and the runtime does not
      // tell how much of a larger piece it had taken.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_MS);
    }
  }
}

// Progress on a terminal: one line that is redrawn, and cleared before
// anything else is printed.

const PHASES: Readonly<Record<Phase, string>> = {
  scan: "Reading folders",
  decide: "Deciding",
  compare: "Comparing contents",
  apply: "Syncing",
};

/** What a small file costs beside its bytes, in bytes' worth of time. */
const BYTES_PER_FILE = 64 * 1024;

const BAR = "=".repeat(20);

/** The longest line with a bar needs so much. */
const ROOMY = 110;

/** What is known besides the counts. */
export interface Pace {
  /** How long the phase has taken, in ms. */
  readonly elapsedMs: number;
  /** What is left of it, in s; null where nobody can know. */
  readonly leftSeconds: number | null;
}

/**
 * The line.
 *
 * @param progress How far the run is.
 * @param pace How fast it gets on.
 * @param width Letters that there is room for.
 *
 * @example
 * ```ts
 * import { progressText } from "./cli_output.ts";
 * progressText({
 *   phase: "apply",
 *   doneFiles: 5,
 *   totalFiles: 10,
 *   doneBytes: 1024,
 *   totalBytes: 2048,
 * }, { elapsedMs: 1000, leftSeconds: 1 }, 79);
 * // Syncing 50 % | 5 of 10 files | 1.0 KB of 2.0 KB | 1.0 KB/s | 0:01 left
 * ```
 */
export function progressText(
  progress: Progress,
  pace: Pace,
  width: number,
): string {
  const { doneFiles, totalFiles, doneBytes, totalBytes } = progress;
  const parts = [PHASES[progress.phase]];
  if (totalFiles !== null) {
    const done = doneOf(progress) / Math.max(1, totalOf(progress));
    const share = Math.min(1, done);
    const bar = BAR.slice(0, Math.floor(share * BAR.length)).padEnd(BAR.length);
    // By the width, not the text: a bar that comes and goes is a nuisance.
    parts[0] += `${width >= ROOMY ? ` [${bar}]` : ""} ${
      Math.floor(share * 100)
    } %`;
  }
  if (doneFiles > 0 || totalFiles !== null) {
    parts.push(`${ofTotal(doneFiles, totalFiles, numberWords)} files`);
  }
  if (doneBytes > 0 || totalBytes) {
    parts.push(ofTotal(doneBytes, totalBytes, sizeWords));
  }
  const seconds = pace.elapsedMs / 1000;
  // Before that a rate says nothing.
  if (seconds >= 0.5 && doneFiles + doneBytes > 0) {
    parts.push(
      doneBytes > 0
        ? `${sizeWords(Math.round(doneBytes / seconds))}/s`
        : `${numberWords(Math.round(doneFiles / seconds))} files/s`,
    );
  }
  if (pace.leftSeconds !== null) parts.push(`${clock(pace.leftSeconds)} left`);
  return parts.join(" | ").slice(0, width);
}

/** More than was expected is no news for a reader. */
function ofTotal(
  done: number,
  total: number | null,
  words: (value: number) => string,
): string {
  return total === null || done > total
    ? words(done)
    : `${words(done)} of ${words(total)}`;
}

function clock(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), seconds / 60 % 60];
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return hours === 0
    ? `${Math.floor(minutes)}:${two(seconds % 60)}`
    : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}

function doneOf({ doneFiles, doneBytes }: Progress): number {
  return doneBytes + doneFiles * BYTES_PER_FILE;
}

function totalOf({ totalFiles, totalBytes }: Progress): number {
  return (totalBytes ?? 0) + (totalFiles ?? 0) * BYTES_PER_FILE;
}

/** The line on a terminal. */
export interface ProgressLine {
  /** Shows how far the run is. */
  show(progress: Progress): void;
  /** Prints something else: the line makes room for it and comes back. */
  aside(print: () => void): void;
  /** Clears the line for good. */
  [Symbol.dispose](): void;
}

/**
 * Shows the line, if anybody wants to see it and standard error is a terminal.
 */
export function openProgress(isWanted: boolean): ProgressLine {
  return isWanted && Deno.stderr.isTerminal() ? new Line() : NO_LINE;
}

const NO_LINE: ProgressLine = {
  show() {},
  aside: (print) => print(),
  [Symbol.dispose]() {},
};

/** What is left is told by the pace of so many steps. */
const STEPS = 50;

class Line implements ProgressLine {
  #shown: Progress | null = null;
  #startedAtMs = 0;
  /** When how much was done, of the phase. */
  #steps: { readonly atMs: number; readonly done: number }[] = [];

  constructor() {
    // The rest of the program takes a moment to load.
    this.#draw(PHASES.scan);
  }

  show(progress: Progress): void {
    const atMs = Date.now();
    // Another phase has another pace.
    if (
      progress.phase !== this.#shown?.phase ||
      progress.totalFiles !== this.#shown.totalFiles
    ) {
      this.#startedAtMs = atMs;
      this.#steps = [{ atMs, done: 0 }];
    }
    this.#shown = progress;
    this.#steps = [...this.#steps, { atMs, done: doneOf(progress) }]
      .slice(-STEPS);
    this.#redraw();
  }

  #redraw(): void {
    if (this.#shown === null) return;
    const [first, last] = [this.#steps[0]!, this.#steps.at(-1)!];
    const msPerUnit = (last.atMs - first.atMs) / (last.done - first.done);
    const seconds = Math.ceil(
      (totalOf(this.#shown) - last.done) * msPerUnit / 1000,
    );
    const isKnown = this.#shown.totalFiles !== null && last.done > 0 &&
      Number.isFinite(seconds);
    const pace = {
      elapsedMs: Date.now() - this.#startedAtMs,
      leftSeconds: isKnown ? Math.max(0, seconds) : null,
    };
    // One letter less than there is room for: no terminal breaks that line.
    this.#draw(progressText(this.#shown, pace, columns() - 1));
  }

  /** Clears the line, then writes; a run that is killed leaves nothing else. */
  #draw(text: string): void {
    try {
      writeAll(Deno.stderr, `\r\x1b[K${text}\r`);
    } catch {
      // The terminal was closed: no reason to break off in the middle.
    }
  }

  aside(print: () => void): void {
    this.#draw("");
    print();
    this.#redraw();
  }

  [Symbol.dispose](): void {
    this.#draw("");
  }
}

function columns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}

/** What is wrong with an answer; null: nothing. */
export type Wrong = string | null;

/**
 * Asks a person at a terminal until the answer will do.
 *
 * @param question What to ask.
 * @param standard The answer of who just presses Enter.
 * @param wrong What is wrong with an answer; null: nothing.
 * @returns The answer, without blanks around it.
 * @throws {SyncError} The person has broken off.
 */
export async function ask(
  question: string,
  standard: string,
  wrong: (answer: string) => Wrong | Promise<Wrong>,
): Promise<string> {
  const shown = standard === "" ? question : `${question} [${standard}]`;
  return await askUntil(() => {
    const typed = readLine(`${shown}: `, true)?.trim() ?? null;
    return typed === "" ? standard : typed;
  }, wrong);
}

/** Asks for what nobody may read over the person's shoulder; as `ask`. */
export async function askSecretly(
  question: string,
  wrong: (answer: string) => Wrong | Promise<Wrong>,
): Promise<string> {
  return await askUntil(() => readLine(`${question}: `, false), wrong);
}

async function askUntil(
  read: () => string | null,
  wrong: (answer: string) => Wrong | Promise<Wrong>,
): Promise<string> {
  for (;;) {
    const answer = read();
    if (answer === null) {
      throw new SyncError("Broken off: nothing was written.", EXIT.usage);
    }
    const why = await wrong(answer);
    if (why === null) return answer;
    warn(why);
  }
}

/**
 * Reads a line, key by key: threads have no prompt of the runtime's.
 *
 * @param isShown Whether what is typed is shown.
 * @returns Null where the person has broken off.
 */
function readLine(question: string, isShown: boolean): string | null {
  // Before the question: whoever is quick is not shown either.
  Deno.stdin.setRaw(true);
  try {
    writeAll(Deno.stdout, question);
    const line = new TypedLine();
    const key = new Uint8Array(1);
    for (;;) {
      const count = Deno.stdin.readSync(key);
      const end = count === null ? "broken off" : line.press(key[0] ?? 0);
      if (end === "broken off") return null;
      if (end === "entered") return line.text;
      if (isShown) writeAll(Deno.stdout, `\r\x1b[K${question}${line.text}`);
    }
  } finally {
    Deno.stdin.setRaw(false);
    writeAll(Deno.stdout, "\r\n");
  }
}

/** What keys in raw mode come as: Ctrl+C, Ctrl+D; Enter; Backspace. */
const KEYS = { end: [3, 4], enter: [10, 13], backspace: [8, 127] };

/** A line that is typed key by key. */
export class TypedLine {
  #bytes: number[] = [];

  /** What has been typed. */
  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#bytes));
  }

  /**
   * Takes a key.
   *
   * @param byte What the terminal gives; of a letter outside ASCII one byte.
   * @returns Whether the line goes on.
   */
  press(byte: number): "goes on" | "entered" | "broken off" {
    if (KEYS.end.includes(byte)) return "broken off";
    if (KEYS.enter.includes(byte)) return "entered";
    if (KEYS.backspace.includes(byte)) {
      const rest = [...this.text].slice(0, -1).join("");
      this.#bytes = [...new TextEncoder().encode(rest)];
    } else this.#bytes.push(byte);
    return "goes on";
  }
}
