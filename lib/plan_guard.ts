/**
 * The guards that look at a plan as a whole: a run that would remove or
 * replace most of what is recorded stops, unless a person has allowed it.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import { words } from "./metadata.ts";
import type { DecidedPair } from "./plan_rules.ts";
import {
  type DecisionSettings,
  isMoved,
  type PlanCounts,
} from "./plan_types.ts";
import { both, type Metadata, otherSide, type Side, SIDES } from "./types.ts";

/** From the config's `safety` section. */
export interface SafetyLimits {
  /** In percent of the recorded files. */
  readonly maxDeletePercent: number;
  readonly maxDeleteFiles: number;
  /** In percent of the recorded files. */
  readonly maxChangePercent: number;
  readonly maxChangeFiles: number;
}

/** What a person has allowed for this one run. */
export interface Allowances {
  readonly deletes: boolean;
  readonly changes: boolean;
}

/**
 * Stops a plan that does too much at once.
 *
 * @param counts What the plan found on each side.
 * @param recordedFiles How many files the record holds.
 * @param limits Where "too much" begins.
 * @param allowed What is allowed for this run.
 * @throws {GuardError} "mass deletion" or "mass change".
 *
 * @example
 * ```ts
 * import { guardPlan } from "./plan_guard.ts";
 * guardPlan(
 *   {
 *     deleted: { left: 1, right: 0 },
 *     replaced: { left: 0, right: 0 },
 *     modified: { left: 0, right: 0 },
 *   },
 *   100,
 *   { maxDeletePercent: 50, maxDeleteFiles: 10, maxChangePercent: 50, maxChangeFiles: 200 },
 *   { deletes: false, changes: false },
 * ); // one deletion of a hundred files passes
 * ```
 */
export function guardPlan(
  counts: PlanCounts,
  recordedFiles: number,
  limits: SafetyLimits,
  allowed: Allowances,
): void {
  const isTooMuch = (count: number, percent: number, files: number) =>
    count > files && count > recordedFiles * percent / 100;
  const tooMuch = (percent: number, files: number) =>
    `more than ${percent} % and more than ${files} files`;
  for (const side of SIDES) {
    const [here, there] = [words(side), words(otherSide(side))];
    const { maxDeletePercent, maxDeleteFiles } = limits;
    const [gone, replaced] = [counts.deleted[side], counts.replaced[side]];
    const isDeleted = isTooMuch(gone, maxDeletePercent, maxDeleteFiles);
    if (isDeleted && !allowed.deletes) {
      const perhaps = replaced === 0
        ? ""
        : replaced === 1
        ? " 1 new file of the same size as one of them is there: renamed, perhaps."
        : ` ${replaced} new files of the same sizes are there: renamed, perhaps.`;
      const orRenamed = replaced === 0 ? "" : "or renamed ";
      throw new GuardError(
        "mass deletion",
        `${gone} of ${recordedFiles} recorded files are gone on ${here}, ` +
          `${tooMuch(maxDeletePercent, maxDeleteFiles)}; a run would remove ` +
          `them on ${there} too.${perhaps} Nothing was changed.`,
        `If they are missing by mistake, bring them back on ${here} and run ` +
          `again. If they were deleted ${orRenamed}on purpose, run once with ` +
          "--allow-deletes.",
      );
    }
    const { maxChangePercent, maxChangeFiles } = limits;
    const changed = counts.modified[side];
    const isChanged = isTooMuch(changed, maxChangePercent, maxChangeFiles);
    if (isChanged && !allowed.changes) {
      throw new GuardError(
        "mass change",
        `The content of ${changed} of ${recordedFiles} recorded files changed ` +
          `on ${here}, ${
            tooMuch(maxChangePercent, maxChangeFiles)
          }, as after ` +
          `encryption by malware or a rolled-back backup; a run would replace ` +
          `them on ${there} too. Nothing was changed.`,
        `Open some of the files on ${here}. If they are damaged, restore them ` +
          "there and run again. If they are as they should be, run once with " +
          "--allow-changes.",
      );
    }
  }
}

// What the guards look at: how much of a side is gone or changed.

/** Fewer changes on a side than this are never too many. */
const MASS_FILES = 30;

/**
 * Sides on which so many files changed that what they replace is soft-deleted: content
 * that a program encrypted looks like any other edit.
 */
export function massChanged(
  { modified }: Pick<PlanCounts, "modified">,
  { recordedFiles, maxChangePercent }: DecisionSettings,
): ReadonlySet<Side> {
  const most = recordedFiles * maxChangePercent / 100;
  return new Set(
    SIDES.filter((side) =>
      modified[side] >= MASS_FILES && modified[side] > most
    ),
  );
}

/**
 * Counts deletions and changes of content on each side. A file that reappears
 * elsewhere with the same name, size and mtime was moved, not deleted.
 */
export function countChanges(decided: readonly DecidedPair[]): PlanCounts {
  const deleted = { left: 0, right: 0 };
  const modified = { left: 0, right: 0 };
  // By name, size and mtime.
  const recreated = both(() => new Map<string, number>());
  // By size: what is gone, and what is new.
  const gone = both(() => new Map<number, number>());
  const created = both(() => new Map<number, number>());
  const add = <T>(to: Map<T, number>, key: T, count: number) =>
    to.set(key, (to.get(key) ?? 0) + count);
  const looks = (name: string, { sizeBytes, mtimeMs }: Metadata) =>
    `${name}\n${sizeBytes}\n${mtimeMs}`;
  const removes = decided.some(({ decision }) => decision.kind === "remove");
  for (const { pair } of removes ? decided : []) {
    if (pair.row !== null) continue;
    for (const side of SIDES) {
      const found = pair[side];
      if (found === null) continue;
      add(recreated[side], looks(found.name, found.metadata), 1);
      add(created[side], found.metadata.sizeBytes, 1);
    }
  }
  for (const { pair, changes, decision } of decided) {
    if (changes.kind !== "recorded") continue;
    for (const side of SIDES) {
      // A rename against a deletion counts as modified, but is no edit.
      const isRenamedOnly = isMoved(pair, side) &&
        pair[otherSide(side)] === null;
      if (changes.change[side] === "modified" && !isRenamedOnly) {
        modified[side]++;
      }
    }
    // What a person chose a folder against was not deleted.
    if (decision.kind !== "remove" || decision.conflict !== null) continue;
    const side = otherSide(decision.on);
    const half = pair.row![side];
    const key = looks(pair.name, half);
    if ((recreated[side].get(key) ?? 0) > 0) {
      add(recreated[side], key, -1);
      add(created[side], half.sizeBytes, -1);
    } else {
      deleted[side]++;
      add(gone[side], half.sizeBytes, 1);
    }
  }
  const replaced = both((side) => {
    let common = 0;
    for (const [size, count] of gone[side]) {
      common += Math.min(count, Math.max(0, created[side].get(size) ?? 0));
    }
    return common;
  });
  return { deleted, replaced, modified };
}
