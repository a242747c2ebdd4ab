/**
 * Copies a batch of small files: writes all of them aside, flushes all of
 * them, then gives names to those that replace nothing.
 *
 * @module
 */
import { requestFor } from "./copier.ts";
import type { CopyDone, CopyTask } from "./copy_messages.ts";
import type { Root } from "./disk.ts";
import { placeNew } from "./file_ops.ts";
import {
  abandonCopy,
  dropCopy,
  flushCopy,
  stageCopy,
  type StagedCopy,
} from "./staging.ts";
import { troubleOf } from "./system_errors.ts";
import type { Both } from "./types.ts";

const FAILED = { kind: "failed" } as const;
const LEFT = { kind: "left" } as const;

/**
 * Copies a batch. Never throws: of a copy that can't be made nothing is left,
 * and whoever asked for it is the one to find out why.
 *
 * @param tasks What to copy.
 * @param roots Both roots.
 * @param isStopped Asked between two files whether to leave the rest.
 * @returns What became of each, in their order.
 */
export function copyBatch(
  tasks: readonly CopyTask[],
  roots: Both<Root>,
  isStopped: () => boolean,
): CopyDone[] {
  const done: CopyDone[] = tasks.map(() => LEFT);
  const staged: (StagedCopy | null)[] = [];
  for (const [n, task] of tasks.entries()) {
    if (isStopped()) break;
    staged[n] = null;
    try {
      staged[n] = stageCopy(requestFor(task, roots, task.temporary));
    } catch (error) {
      done[n] = FAILED;
      // No use in filling up what little is left.
      if (troubleOf(error) === "full") break;
    }
  }
  if (isStopped()) {
    for (const copy of staged) if (copy) abandonCopy(copy);
    return done.map(() => LEFT);
  }
  const flushed = staged.map((copy) => copy && flushCopy(copy));
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
