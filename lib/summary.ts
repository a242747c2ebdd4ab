/**
 * A run in figures.
 *
 * @module
 */
import type { Waiting } from "./plan_types.ts";
import {
  doubtfulCopies,
  isTold,
  type Pruned,
  type RunResult,
} from "./run_result.ts";
import { printable, sizeWords } from "./text.ts";
import { ACTION_NAMES, type ActionName } from "./types.ts";

/** How often each action was done, or is planned, and what was left. */
export type Summary =
  & { readonly [Name in ActionName]: number }
  & {
    readonly bytesCopied: number;
    readonly skipped: number;
    readonly failed: number;
    readonly openConflicts: number;
    /** Paths that are left alone, ignored ones apart. */
    readonly unknown: number;
    /** Paths that wait for a later run. */
    readonly waiting: number;
    /** Copies of versions that perhaps nobody meant. */
    readonly doubtful: number;
  };

/**
 * Counts.
 *
 * @param result What came of the run.
 */
export function summarize(
  result: Pick<RunResult, "outcomes" | "problems" | "waiting" | "untouched">,
): Summary {
  const counts = Object.fromEntries(
    ACTION_NAMES.map((name) => [name, 0]),
  ) as Record<ActionName, number>;
  counts.NOOP = result.untouched;
  let [bytesCopied, skipped, failed, openConflicts] = [0, 0, 0, 0];
  for (const { action, kind } of result.outcomes) {
    if (action.conflict !== null && action.conflict.winner === null) {
      openConflicts++;
    } else if (kind === "skipped") skipped++;
    else if (kind === "failed") failed++;
    else if (action.name !== "NOOP" || action.bytes !== null) {
      counts[action.name]++;
      if (action.work.kind === "copy" || action.work.kind === "clash") {
        bytesCopied += action.bytes ?? 0;
      }
    }
  }
  const unknown = result.problems.filter(isTold);
  return {
    ...counts,
    bytesCopied,
    skipped,
    failed,
    openConflicts,
    unknown: unknown.length,
    waiting: result.waiting.length,
    doubtful: doubtfulCopies(result.outcomes).length,
  };
}

/**
 * Why a path waits for a later run.
 *
 * @param waiting The path.
 */
export function waitingWords({ as }: Pick<Waiting, "as">): string {
  return `it is being saved, and called ${printable(as)} meanwhile`;
}

/**
 * What retention removed, in a sentence.
 *
 * @param pruned What was removed.
 * @returns Null where nothing was.
 */
export function prunedWords({ files, bytes }: Pruned): string | null {
  if (files === 0) return null;
  return `${files} old soft-deleted ${
    files === 1 ? "file" : "files"
  } removed for good: ` +
    `${sizeWords(bytes)} freed.`;
}
