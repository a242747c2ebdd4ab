/**
 * What the guards look at: how much of a side is gone or changed.
 *
 * @module
 */
import type { Case, RemovalSettings } from "./cases.ts";
import type { PlanCounts } from "./plan_types.ts";
import { isMoved, type Location } from "./tree.ts";
import { otherSide, type Side, SIDES } from "./types.ts";

/** Fewer changes on a side than this are never too many. */
const MASS_FILES = 30;

/**
 * Sides on which so many files changed that what they replace is kept: content
 * that a program encrypted looks like any other edit.
 *
 * @param counts Of all paths.
 * @param settings How much of the record is too much.
 */
export function massChanged(
  { modified }: Pick<PlanCounts, "modified">,
  { recordedFiles, maxChangePercent }: RemovalSettings,
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
 *
 * @param cases Every path with something to do.
 */
export function countChanges(
  cases: readonly Case[],
): PlanCounts {
  const deleted = { left: 0, right: 0 };
  const modified = { left: 0, right: 0 };
  const recreated = { left: new Map(), right: new Map() };
  // Sizes: of what is gone, and of what is new.
  const gone = { left: new Bag(), right: new Bag() };
  const created = { left: new Bag(), right: new Bag() };
  const names = (
    location: Location,
    figures: { sizeBytes: number; mtimeMs: number },
  ) => `${location.name}\n${figures.sizeBytes}\n${figures.mtimeMs}`;
  const removes = cases.some(({ verdict }) => verdict.kind === "remove");
  for (const { pair } of removes ? cases : []) {
    if (pair.row !== null) continue;
    for (const side of SIDES) {
      const found = pair[side];
      if (found === null) continue;
      const key = names(found.at, found.figures);
      recreated[side].set(key, (recreated[side].get(key) ?? 0) + 1);
      created[side].add(found.figures.sizeBytes);
    }
  }
  for (const { pair, judgement, verdict } of cases) {
    if (judgement.kind !== "recorded") continue;
    for (const side of SIDES) {
      // A rename against a deletion counts as modified, but is no edit.
      const isRenamedOnly = isMoved(pair, side) &&
        pair[otherSide(side)] === null;
      if (judgement.change[side] === "modified" && !isRenamedOnly) {
        modified[side]++;
      }
    }
    if (verdict.kind !== "remove") continue;
    const side = otherSide(verdict.on);
    const key = names(pair.at, judgement.row[side]);
    const left = recreated[side].get(key) ?? 0;
    const { sizeBytes } = judgement.row[side];
    if (left > 0) {
      recreated[side].set(key, left - 1);
      created[side].take(sizeBytes);
    } else {
      deleted[side]++;
      gone[side].add(sizeBytes);
    }
  }
  const replaced = {
    left: gone.left.inCommon(created.left),
    right: gone.right.inCommon(created.right),
  };
  return { deleted, replaced, modified };
}

/** Numbers, each as often as it was added. */
class Bag {
  readonly #counts = new Map<number, number>();

  add(value: number): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
  }

  take(value: number): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) - 1);
  }

  inCommon(other: Bag): number {
    let common = 0;
    for (const [value, count] of this.#counts) {
      common += Math.min(count, Math.max(0, other.#counts.get(value) ?? 0));
    }
    return common;
  }
}
