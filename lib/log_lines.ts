/**
 * How the records of a log are worded: fields with names, each text in
 * quotes, so that a line can be searched, cut up and never mistaken.
 *
 * @module
 */
import { codeOf, inWords } from "./system.ts";
import { printable, quoted } from "./text.ts";
import type { ActionName, Rule, Side } from "./types.ts";

/** An action as it is logged. */
export interface LoggedAction {
  readonly name: ActionName;
  readonly path: string;
  /** The clash, soft-delete or new name; null where there is none. */
  readonly newPath: string | null;
  readonly rule: Rule | null;
  /** In words. */
  readonly reason: string;
  /** Size of the file; null where it says nothing. */
  readonly bytes: number | null;
}

/** A path that is left alone, as it is logged. */
export interface LoggedProblem {
  readonly side: Side;
  readonly path: string;
  /** In words. */
  readonly reason: string;
}

/**
 * An action as fields. What says nothing is a dash.
 *
 * @param action The action.
 * @returns The fields in one line.
 *
 * @example What was done with a file
 * ```ts
 * import { actionFields } from "./log_lines.ts";
 * actionFields({
 *   name: "DELETE_LEFT",
 *   path: "a.txt",
 *   newPath: null,
 *   rule: "5.8",
 *   reason: "deleted on Right",
 *   bytes: 17,
 * }); // DELETE_LEFT path="a.txt" rule=5.8 reason="deleted on Right" size=17
 * ```
 */
export function actionFields(action: LoggedAction): string {
  const { name, path, newPath, rule, reason, bytes } = action;
  const to = newPath === null ? "" : ` new_path=${quoted(newPath)}`;
  return `${name} path=${quoted(path)}${to} rule=${rule ?? "-"}` +
    ` reason=${quoted(reason)} size=${bytes ?? "-"}`;
}

/**
 * A path that is left alone as fields.
 *
 * @param problem The path and why.
 * @returns The fields in one line.
 *
 * @example A link
 * ```ts
 * import { problemFields } from "./log_lines.ts";
 * problemFields({ side: "left", path: "a", reason: "a symlink" });
 * // PROBLEM side=left path="a" reason="a symlink"
 * ```
 */
export function problemFields(problem: LoggedProblem): string {
  const { side, path, reason } = problem;
  return `PROBLEM side=${side} path=${quoted(path)} reason=${quoted(reason)}`;
}

/** Things that stand as in the run before, as they are logged. */
export interface LoggedStanding {
  /** What kind they are. */
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
}

/**
 * Things that stand as in the run before, as fields.
 *
 * @param standing All of one kind.
 * @returns The fields in one line.
 *
 * @example Files that can't be copied for a week
 * ```ts
 * import { standingFields } from "./log_lines.ts";
 * standingFields({
 *   what: "COPY_LEFT_TO_RIGHT failed",
 *   why: "access is denied",
 *   first: "a.txt",
 *   count: 500,
 *   since: { run: "42", startedAtMs: 0, runs: 672 },
 * });
 * // AS_BEFORE COPY_LEFT_TO_RIGHT failed count=500
 * //   since=1970-01-01T00:00:00.000Z since_run=42 runs=672
 * //   first="a.txt" why="access is denied"
 * ```
 */
export function standingFields(standing: LoggedStanding): string {
  const { what, why, first, count, since } = standing;
  const time = new Date(since.startedAtMs).toISOString();
  return `AS_BEFORE ${printable(what)} count=${count} since=${time}` +
    ` since_run=${printable(since.run)} runs=${since.runs}` +
    (first === "" ? "" : ` first=${quoted(first)}`) +
    (why === "" ? "" : ` why=${quoted(why)}`);
}

/** Causes can go in circles. */
const MAX_CAUSES = 5;

/**
 * The stack of an error and those of its causes. Every line is indented, so
 * that none passes for a record, whatever the message says.
 *
 * @param thrown What was thrown, of any kind.
 * @returns The lines, each with its line break; "" for undefined.
 *
 * @example Below a record
 * ```ts
 * import { stackLines } from "./log_lines.ts";
 * stackLines(new Error("no", { cause: new Error("disk full") }));
 * ```
 */
export function stackLines(thrown: unknown): string {
  const texts: string[] = [];
  let at = thrown;
  while (at !== undefined && texts.length < MAX_CAUSES) {
    const error: Error | null = at instanceof Error ? at : null;
    // How to start Deno is no advice for who reads this.
    const text = (error?.stack ?? asText(at))
      .replaceAll(/, run again with the --\S+ flag/gu, "");
    texts.push(texts.length === 0 ? text : `Caused by: ${text}`);
    at = error?.cause;
  }
  return texts.flatMap((text) => text.split("\n"))
    .map((line) => `    ${printable(line)}\n`).join("");
}

/**
 * What an error says, without its stack.
 *
 * @param error What was thrown, of any kind.
 * @returns Its message in one line.
 *
 * @example Of a system's error
 * ```ts
 * import { errorWords } from "./log_lines.ts";
 * errorWords(new Error("No space left on device")); // No space left on device
 * ```
 */
export function errorWords(error: unknown): string {
  if (codeOf(error) === "SANDBOX") return inWords(error);
  return printable(error instanceof Error ? error.message : asText(error));
}

/** Anything can be thrown, also what has no text. */
function asText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "something that can't be shown";
  }
}
