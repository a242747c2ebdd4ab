/**
 * The conflicts that a run settled.
 *
 * @module
 */
import type { Conflict } from "./plan_types.ts";
import type { Outcome } from "./run_result.ts";
import { conflictWords } from "./text.ts";
import type { Both } from "./types.ts";

/** A conflict that was settled, or is to be. */
export interface SettledConflict {
  readonly conflict: Conflict;
  /** In a sentence. */
  readonly words: string;
}

/**
 * The conflicts that a run settled, or would, each once.
 *
 * @param outcomes Of the run.
 * @param roots Absolute paths of the roots.
 */
export function settledConflicts(
  outcomes: readonly Outcome[],
  roots: Both<string>,
): SettledConflict[] {
  const settled = new Map<string, SettledConflict>();
  for (const { action, kind, newPath } of outcomes) {
    const { conflict, work, side } = action;
    const isSettled = kind === "done" || kind === "planned";
    if (!isSettled || !conflict?.winner) continue;
    const isKept = work.kind === "copy" && work.fate === "soft-delete";
    const keptAt = isKept && newPath && side
      ? `${roots[side]}/${newPath}`
      : null;
    const fate = isKept ? "kept in soft delete" : "not kept";
    const words = conflictWords(conflict, fate, keptAt);
    settled.set(conflict.path, { conflict, words });
  }
  return [...settled.values()];
}
