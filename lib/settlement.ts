/**
 * Settling one open conflict as a person says: what is to be done for it, and
 * whether it is still the one the person has seen. Pure.
 *
 * @module
 */
import type { Ruling } from "./contest.ts";
import { EXIT, type ExitCode } from "./errors.ts";
import type { Take } from "./invocation.ts";
import { words } from "./metadata.ts";
import { type Folding, keyOf } from "./paths.ts";
import type { Action, Conflict, Plan, Version } from "./plan_types.ts";
import type { Stop } from "./run_result.ts";
import { fileSide, printable } from "./text.ts";
import { type Both, type ConflictKind, otherSide, SIDES } from "./types.ts";

/** A conflict as the state DB lists it. */
export interface ListedConflict {
  readonly path: string;
  readonly kind: ConflictKind;
  readonly versions: Both<Version | null>;
}

/** What a person asks for. */
export interface Settling {
  readonly path: string;
  readonly take: Take;
}

/** Why a conflict is not settled. */
export interface Refusal {
  readonly stop: Stop;
  readonly exitCode: ExitCode;
}

/**
 * The conflict of a plan that a person wants settled.
 *
 * @param plan A plan in which it is open.
 * @param listed The conflict as it was listed; null where it is not any more.
 * @param settling What the person asks for.
 * @returns The conflict, or why it is not settled: never against a version
 *   that the person has not seen.
 */
export function openAsListed(
  plan: Plan,
  listed: ListedConflict | null,
  settling: Settling,
): Conflict | Refusal {
  const open = plan.actions.map(({ conflict }) => conflict).find((it) =>
    it?.winner === null && it.path === settling.path
  );
  if (!open || !listed || !isSameConflict(open, listed)) {
    return refusal(
      `${printable(settling.path)} is not as it was when the conflict was ` +
        "listed. Nothing was changed.",
      "Run sync again, look at both versions (conflicts), and settle it then.",
      EXIT.leftForPerson,
    );
  }
  const file = fileSide(open);
  if (file === null || settling.take !== file) return open;
  const folder = otherSide(file);
  return refusal(
    `${printable(open.path)} is a file on ${words(file)} and a folder on ` +
      `${words(folder)}; nobody has seen what is in the folder, so it is not ` +
      "removed for the file.",
    `To keep the file, rename the folder on ${
      words(folder)
    } or move it away, ` +
      "then run sync. To keep both or the folder, resolve with both or " +
      `${folder}.`,
    EXIT.usage,
  );
}

function refusal(reason: string, hint: string, exitCode: ExitCode): Refusal {
  return { stop: { name: "conflict", reason, hint }, exitCode };
}

function isSameConflict(open: Conflict, listed: ListedConflict): boolean {
  return open.kind === listed.kind && SIDES.every((side) => {
    const now = open.versions[side];
    const then = listed.versions[side];
    return now?.path === then?.path && now?.sizeBytes === then?.sizeBytes &&
      now?.mtimeMs === then?.mtimeMs;
  });
}

/**
 * What a person said, as the decision takes it.
 *
 * @param conflict The conflict.
 * @param take The version to be kept.
 * @param folding What the roots take for one name.
 */
export function rulingOn(
  conflict: Conflict,
  take: Take,
  folding: Folding,
): Ruling {
  const file = fileSide(conflict);
  return {
    key: keyOf(conflict.path, folding),
    take,
    keepsFolder: file !== null && take === otherSide(file),
  };
}

/**
 * What a ruling adds to a plan: the actions that settle the conflict, and
 * those they build on.
 *
 * @param settled The plan with the ruling.
 * @param open The plan without it.
 * @returns In order; what they need is counted anew.
 */
export function addedActions(settled: Plan, open: Plan): readonly Action[] {
  const known = new Set(open.actions.map(signature));
  const chosen = new Set<number>();
  const choose = (index: number): void => {
    if (chosen.has(index)) return;
    chosen.add(index);
    settled.actions[index]!.needs.forEach(choose);
  };
  const isRemoval = (action: Action) => action.work.kind === "remove-directory";
  settled.actions.forEach((action, index) => {
    const isOpen = action.conflict?.winner === null;
    if (isOpen || isRemoval(action) || known.has(signature(action))) return;
    choose(index);
  });
  // A folder that is empty now may go; what else it waits for is not asked for.
  settled.actions.forEach((action, index) => {
    if (known.has(signature(action)) || !isRemoval(action)) return;
    if (action.needs.every((need) => chosen.has(need))) choose(index);
  });
  const kept = [...chosen].sort((a, b) => a - b);
  const positions = new Map(kept.map((index, at) => [index, at]));
  return kept.map((index) => {
    const action = settled.actions[index]!;
    const needs = action.needs.map((need) => positions.get(need)!);
    return { ...action, needs };
  });
}

function signature({ name, path, newPath, work }: Action): string {
  return JSON.stringify([name, path, newPath, work]);
}
