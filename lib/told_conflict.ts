/**
 * Conflicts as a mail needs them: plain data that can wait in the state DB.
 *
 * @module
 */
import type { Action, Conflict } from "./plan_types.ts";
import type { Outcome } from "./run_result.ts";
import type { ActionName } from "./types.ts";

/** A conflict, and what became of it. */
export interface ToldConflict {
  readonly conflict: Conflict;
  /** Names of the actions that it took, in order. */
  readonly actions: readonly ActionName[];
  /** The name of its clash copy; null where there is none. */
  readonly clashPath: string | null;
  /** Where a replaced version is, below its side's root; null: nowhere. */
  readonly keptAt: string | null;
  /** Of a name that was given to one side. */
  readonly renamed: { readonly from: string; readonly to: string } | null;
  /** What else there is to say. */
  readonly detail: string | null;
  /** The run that was cut off while it settled it; null for the usual case. */
  readonly cutOff: string | null;
}

/**
 * What tells one conflict of a run from another: a path can have one of its
 * content and one of its name.
 *
 * @param conflict The conflict.
 */
export function conflictKey({ kind, path }: Conflict): string {
  return `${kind === "metadata_conflict" ? "name" : "content"} ${path}`;
}

/**
 * What tells two pairs of versions apart.
 *
 * @param conflict An open conflict.
 */
export function versionsKey({ kind, versions }: Conflict): string {
  return JSON.stringify([kind, versions.left, versions.right]);
}

/**
 * The conflicts that a run settled: those of which everything was done.
 *
 * @param outcomes Of the run.
 */
export function settledIn(outcomes: readonly Outcome[]): ToldConflict[] {
  const settled = new Map<string, ToldConflict>();
  const left = new Set<string>();
  for (const { action, kind, newPath, detail } of outcomes) {
    if (!isSettling(action)) continue;
    const key = conflictKey(action.conflict);
    if (kind !== "done") left.add(key);
    settled.set(key, merge(settled.get(key), action, newPath, detail));
  }
  for (const key of left) settled.delete(key);
  return [...settled.values()];
}

/**
 * The conflicts that a plan settles, for the case that the run is cut off
 * before it can tell what became of them.
 *
 * @param actions Of the plan.
 * @param run Id of the run.
 */
export function settledBy(
  actions: readonly Action[],
  run: string,
): ToldConflict[] {
  const settled = new Map<string, ToldConflict>();
  for (const action of actions) {
    if (!isSettling(action)) continue;
    const key = conflictKey(action.conflict);
    const told = merge(settled.get(key), action, action.newPath, null);
    settled.set(key, { ...told, cutOff: run });
  }
  return [...settled.values()];
}

function isSettling(
  action: Action,
): action is Action & { readonly conflict: Conflict } {
  return action.conflict !== null && action.conflict.winner !== null;
}

/** A conflict may take two actions, the clash copy and the copy across. */
function merge(
  before: ToldConflict | undefined,
  action: Action & { readonly conflict: Conflict },
  newPath: string | null,
  detail: string | null,
): ToldConflict {
  const { work, path, conflict } = action;
  const isRename = work.kind === "rename" || work.kind === "rename-directory";
  const isKept = work.kind === "copy" && work.fate === "soft-delete";
  return {
    conflict,
    actions: [...before?.actions ?? [], action.name],
    clashPath: work.kind === "clash"
      ? work.clashPath
      : before?.clashPath ?? null,
    keptAt: isKept ? newPath : before?.keptAt ?? null,
    renamed: isRename && newPath !== null
      ? { from: path, to: newPath }
      : before?.renamed ?? null,
    detail: detail ?? before?.detail ?? null,
    cutOff: null,
  };
}
