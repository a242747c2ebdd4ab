/**
 * What the doctor found: one check after the other, told to people and to
 * programs.
 *
 * @module
 */
import { EXIT, type ExitCode } from "./errors.ts";
import { words } from "./metadata.ts";
import { printable } from "./text.ts";
import type { Side } from "./types.ts";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  /** Null where it is about both sides or none. */
  readonly side: Side | null;
  readonly status: "ok" | "warning" | "problem";
  /** What was found. */
  readonly says: string;
  /** What to do about it; null: nothing. */
  readonly todo: string | null;
}

/** What a check is about. */
export type Subject = Pick<Check, "name" | "side">;

/**
 * A check that found nothing wrong.
 *
 * @param of What it is about.
 * @param says What was found.
 */
export function fine(of: Subject, says: string): Check {
  return { ...of, status: "ok", says, todo: null };
}

/**
 * A check that found something that may do harm one day.
 *
 * @param of What it is about.
 * @param says What was found.
 * @param todo What to do about it.
 */
export function warning(of: Subject, says: string, todo: string): Check {
  return { ...of, status: "warning", says, todo };
}

/**
 * A check that found something that a run can't do with.
 *
 * @param of What it is about.
 * @param says What was found.
 * @param todo What to do about it.
 */
export function problem(of: Subject, says: string, todo: string): Check {
  return { ...of, status: "problem", says, todo };
}

/**
 * The exit code for what was found.
 *
 * @param checks All checks.
 */
export function exitCodeOf(checks: readonly Check[]): ExitCode {
  const isWell = checks.every(({ status }) => status === "ok");
  return isWell ? EXIT.agreed : EXIT.leftForPerson;
}

/**
 * What was found, line by line.
 *
 * @param checks All checks.
 */
export function checksText(checks: readonly Check[]): string {
  const bad = checks.filter(({ status }) => status !== "ok").length;
  const verdict = bad === 0
    ? "All is as a run needs it."
    : `${bad} of ${checks.length} checks ${
      bad === 1 ? "needs" : "need"
    } attention.`;
  return [...checks.flatMap(checkLines), "", verdict].join("\n");
}

function checkLines({ name, side, status, says, todo }: Check): string[] {
  const about = side === null ? name : `${words(side)}, ${name}`;
  const mark = status === "ok" ? "ok" : status.toUpperCase();
  const line = `${mark.padEnd(8)} ${about}: ${printable(says)}`;
  return todo === null
    ? [line]
    : [line, `${"".padEnd(8)} What to do: ${printable(todo)}`];
}

/**
 * The document of `doctor --json`.
 *
 * @param checks All checks.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function checksDocument(checks: readonly Check[]): unknown {
  return {
    exitCode: exitCodeOf(checks),
    checks: checks.map(({ name, side, status, says, todo }) => ({
      check: name,
      side,
      status,
      says,
      todo,
    })),
  };
}
