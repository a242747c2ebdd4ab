/**
 * The action that keeps the losing version of a conflict.
 *
 * @module
 */
import type { Case } from "./cases.ts";
import type { ClashPlace } from "./clashes.ts";
import type { DraftList } from "./draft_list.ts";
import type { Draft } from "./plan_order.ts";
import type { Conflict } from "./plan_types.ts";
import type { Location } from "./tree.ts";
import { otherSide, type Rule, type Side } from "./types.ts";

/** Which version is kept, and why. */
export interface ClashDraft {
  /** The side that has the version. */
  readonly from: Side;
  readonly target: Location;
  readonly rule: Rule;
  readonly reason: string;
  /** The file leaves its path to a folder. */
  readonly leaves: boolean;
  /** Files of its name are read always. */
  readonly keepsHash: boolean;
  readonly conflict: Conflict | null;
  readonly after: readonly Draft[];
}

/**
 * Adds the action.
 *
 * @param list Takes it.
 * @param item The path.
 * @param place Where the clash copy goes.
 * @param how Which version, and why.
 */
export function addClash(
  list: DraftList,
  item: Case,
  place: ClashPlace,
  how: ClashDraft,
): Draft {
  const { folder } = how.target;
  const clashPath = list.locate({ folder, name: place.name });
  const path = list.locate(how.target);
  const version = item.pair[how.from]!;
  return list.add({
    name: "CLASH_CREATE",
    path,
    newPath: clashPath,
    rule: how.rule,
    side: null,
    reason: how.reason,
    bytes: version.figures.sizeBytes,
    work: {
      kind: "clash",
      from: how.from,
      path,
      clashPath,
      figures: version.figures,
      existing: place.existing,
      winner: item.pair[otherSide(how.from)]?.figures ?? null,
      leaves: how.leaves,
      keepsHash: how.keepsHash,
      rowPath: item.pair.row && list.locateRow(item.pair.at),
    },
    conflict: how.conflict,
  }, {
    frees: how.leaves ? [list.place(how.from, how.target)] : [],
    after: how.after,
    within: [folder],
  });
}
