/**
 * What became of an action, told as its outcome.
 *
 * @module
 */
import type { Performed } from "./files_copy.ts";
import { words } from "./metadata.ts";
import type { Action } from "./plan_types.ts";
import type { Outcome } from "./run_result.ts";
import { inWords, Skipped, troubleOf } from "./system.ts";
import { otherSide, type OutcomeKind } from "./types.ts";

/** One of these. */
export interface ActionResult {
  readonly done?: Performed;
  /** Why it was left; null: there was nothing to do. */
  readonly skipped?: string | null;
  /** What was thrown. */
  readonly failed?: unknown;
}

/**
 * The outcome of an action.
 *
 * @param action The action.
 * @param result What became of it.
 */
export function outcomeOf(action: Action, result: ActionResult): Outcome {
  const { done, skipped, failed } = result;
  const isSkip = failed instanceof Skipped ||
    ["busy", "missing", "away"].includes(troubleOf(failed));
  const isWhole = done !== undefined && done.left === undefined;
  const kind: OutcomeKind = isWhole || skipped === null
    ? "done"
    : skipped !== undefined || isSkip || done
    ? "skipped"
    : "failed";
  return {
    action,
    kind,
    detail: done?.left ?? done?.note ?? keptWords(action, done) ?? skipped ??
      (failed ? whyNot(action, failed) : null),
    newPath: done?.keptAt ?? action.newPath,
    error: kind === "failed" ? failed : null,
  };
}

/** In words, with what a person can do about it. */
function whyNot({ work }: Action, error: unknown): string {
  const isFolder = work.kind === "remove-directory" ||
    work.kind === "rename-directory";
  const isBusy = troubleOf(error) === "busy" && Deno.build.os !== "windows";
  if (!isFolder || !isBusy) return inWords(error);
  const there = words(otherSide(work.on));
  return "it is in use, or another disk is mounted here: unmount it, or " +
    (work.kind === "remove-directory"
      ? `make the folder on ${there} again`
      : `give it its old name on ${there} again`);
}

/** Where the version is that a doubtful one replaced. */
function keptWords({ work }: Action, done?: Performed): string | null {
  const isDoubtful = work.kind === "copy" && work.isDoubtful;
  return isDoubtful && done?.keptAt
    ? `the version before is kept as ${done.keptAt}`
    : null;
}
