/**
 * Copies a batch of small files: writes all of them aside, flushes all of
 * them, then gives names to those that replace nothing.
 *
 * @module
 */
import { placeNew } from "./file_ops.ts";
import { requestFor } from "./files_copy.ts";
import type { Root } from "./root_files.ts";
import {
  abandonCopy,
  dropCopy,
  type FailedCopy,
  flushCopy,
  type FlushedCopy,
  type StagedCopy,
} from "./staged.ts";
import { beginWriting, stageCopy } from "./staging.ts";
import { troubleOf } from "./system.ts";
import type { Both } from "./types.ts";
import type { CopyDone, CopyTask } from "./wire_messages.ts";

const FAILED = { kind: "failed" } as const;
const LEFT = { kind: "left" } as const;

/** Flushing a file takes longer than this where there is a real disk, in ms. */
const SLOW_MS = 0.2;

/** What a thread knows from batch to batch. */
export interface BatchContext {
  readonly roots: Both<Root>;
  /** Asked between two files whether to leave the rest. */
  isStopped(): boolean;
  /** What flushing one file took in the last batch, in ms. */
  flushMs: number;
}

/**
 * Copies a batch. Never throws: of a copy that can't be made nothing is left,
 * and whoever asked for it is the one to find out why.
 *
 * @param tasks What to copy.
 * @param context Roots, and what the last batch told.
 * @returns What became of each, in their order.
 */
export function copyBatch(
  tasks: readonly CopyTask[],
  context: BatchContext,
): CopyDone[] {
  const { roots } = context;
  const writesEarly = context.flushMs > SLOW_MS;
  const done: CopyDone[] = tasks.map(() => LEFT);
  const staged: (StagedCopy | null)[] = [];
  for (const [n, task] of tasks.entries()) {
    if (context.isStopped()) break;
    staged[n] = null;
    try {
      const request = requestFor(task, roots, task.temporary);
      staged[n] = stageCopy({ ...request, writesEarly });
    } catch (error) {
      done[n] = FAILED;
      // No use in filling up what little is left.
      if (troubleOf(error) === "full") break;
    }
  }
  if (context.isStopped()) {
    for (const copy of staged) if (copy) abandonCopy(copy);
    return done.map(() => LEFT);
  }
  const flushed = flushAll(staged, context);
  for (const [n, copy] of flushed.entries()) {
    if (copy === null) continue;
    if ("error" in copy) done[n] = FAILED;
    else {
      const { source, figures, lookedAtMs, hash } = copy;
      const kind = placed(tasks[n]!, copy);
      done[n] = kind === "failed"
        ? FAILED
        : { kind, source, figures, lookedAtMs, hash };
    }
  }
  return done;
}

/** Flushes what is written aside, and notes how long that takes. */
function flushAll(
  staged: readonly (StagedCopy | null)[],
  context: BatchContext,
): (FlushedCopy | FailedCopy | null)[] {
  const begin = performance.now();
  if (context.flushMs > SLOW_MS) {
    for (const copy of staged) if (copy) beginWriting(copy);
  }
  const flushed = staged.map((copy) => copy && flushCopy(copy));
  const tookMs = (performance.now() - begin) / Math.max(1, staged.length);
  // A disk that was slow once is a disk: that it is quick now is the hint.
  context.flushMs = Math.max(context.flushMs, tookMs);
  return flushed;
}

function placed(
  task: CopyTask,
  copy: { readonly to: Root; readonly temporary: string },
): "placed" | "flushed" | "failed" {
  // What replaces something is put in place where clash copies are known.
  if (task.target !== null) return "flushed";
  try {
    placeNew(copy.to, copy.temporary, task.path);
    return "placed";
  } catch {
    dropCopy(copy);
    return "failed";
  }
}
