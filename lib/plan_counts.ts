/**
 * What the guards look at: how much of a side is gone or changed.
 *
 * @module
 */
import type { Case } from "./cases.ts";
import type { PlanCounts } from "./plan.ts";
import { isMoved, type Location } from "./tree.ts";
import { otherSide, SIDES } from "./types.ts";

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
  const names = (
    location: Location,
    figures: { sizeBytes: number; mtimeMs: number },
  ) => `${location.name}\n${figures.sizeBytes}\n${figures.mtimeMs}`;
  for (const { pair, verdict } of cases) {
    if (verdict.kind !== "copy" || pair.row !== null) continue;
    const found = pair[verdict.from]!;
    const key = names(found.at, found.figures);
    const counts = recreated[verdict.from];
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const { pair, judgement, verdict } of cases) {
    if (judgement.kind !== "recorded") continue;
    for (const side of SIDES) {
      if (judgement.change[side] === "modified" && !isMoved(pair, side)) {
        modified[side]++;
      }
    }
    if (verdict.kind !== "remove") continue;
    const side = otherSide(verdict.on);
    const key = names(pair.at, judgement.row[side]);
    const left = recreated[side].get(key) ?? 0;
    if (left > 0) recreated[side].set(key, left - 1);
    else deleted[side]++;
  }
  return { deleted, modified };
}
