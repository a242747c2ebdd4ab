/**
 * The guards that look at a plan as a whole: a run that would remove or
 * replace most of what is recorded stops, unless a person has allowed it.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import type { PlanCounts } from "./plan_types.ts";
import { otherSide, type Side, SIDES } from "./types.ts";

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

const CALLED: Record<Side, string> = { left: "Left", right: "Right" };

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
  for (const side of SIDES) {
    const gone = counts.deleted[side];
    const isMassDeletion = gone > limits.maxDeleteFiles &&
      gone > recordedFiles * limits.maxDeletePercent / 100;
    if (isMassDeletion && !allowed.deletes) {
      throw massDeletion(side, counts, recordedFiles, limits);
    }
    const changed = counts.modified[side];
    const isMassChange = changed > limits.maxChangeFiles &&
      changed > recordedFiles * limits.maxChangePercent / 100;
    if (isMassChange && !allowed.changes) {
      throw massChange(side, changed, recordedFiles, limits);
    }
  }
}

function massDeletion(
  side: Side,
  counts: PlanCounts,
  recordedFiles: number,
  limits: SafetyLimits,
): GuardError {
  const gone = counts.deleted[side];
  const replaced = counts.replaced[side];
  const there = CALLED[otherSide(side)];
  const renamed = replaced === 0
    ? ""
    : replaced === 1
    ? " 1 new file of the same size as one of them is there: renamed, perhaps."
    : ` ${replaced} new files of the same sizes are there: renamed, perhaps.`;
  return new GuardError(
    "mass deletion",
    `${gone} of ${recordedFiles} recorded files are gone on ${CALLED[side]}, ` +
      `more than ${limits.maxDeletePercent} % and more than ` +
      `${limits.maxDeleteFiles} files; a run would remove them on ${there} ` +
      `too.${renamed} Nothing was changed.`,
    `If they are missing by mistake, bring them back on ${CALLED[side]} ` +
      `and run again. If they were deleted ${
        replaced === 0 ? "" : "or renamed "
      }on purpose, run once with --allow-deletes.`,
  );
}

function massChange(
  side: Side,
  changed: number,
  recordedFiles: number,
  limits: SafetyLimits,
): GuardError {
  const there = CALLED[otherSide(side)];
  return new GuardError(
    "mass change",
    `The content of ${changed} of ${recordedFiles} recorded files changed on ` +
      `${CALLED[side]}, more than ${limits.maxChangePercent} % and more than ` +
      `${limits.maxChangeFiles} files, as after encryption by malware or a ` +
      `rolled-back backup; a run would replace them on ${there} too. Nothing ` +
      `was changed.`,
    `Open some of the files on ${CALLED[side]}. If they are damaged, restore ` +
      `them there and run again. If they are as they should be, run once with ` +
      `--allow-changes.`,
  );
}
