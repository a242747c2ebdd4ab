/**
 * The action that brings a name, mtime or mode to one side.
 *
 * @module
 */
import type { Case } from "./cases.ts";
import type { DraftList } from "./draft_list.ts";
import type { Draft } from "./plan_order.ts";
import type { Properties } from "./plan_rules.ts";
import type { Conflict } from "./plan_types.ts";
import type { Location } from "./tree.ts";
import { type FileRow, otherSide, type Rule, type Side } from "./types.ts";

/** What is brought, and what the record learns of it. */
export interface RenameDraft {
  readonly bring: Properties;
  /** The row to be written; null where the path is not recorded yet. */
  readonly row: FileRow | null;
  /** The row's path until then; null where there is none. */
  readonly rowPath: string | null;
  /** The content differs still: the halves stay as recorded. */
  readonly keepsHalves: boolean;
  readonly rule: Rule | null;
  readonly reason: string;
  readonly conflict: Conflict | null;
  /** A rename of the same path on the other side. */
  readonly after: readonly Draft[];
}

/**
 * Adds the action, where one is needed.
 *
 * @param list Takes it.
 * @param item The path.
 * @param side The side that is changed.
 * @param target The name it is to have.
 * @param how What is brought.
 * @returns Null where the side has it all.
 */
export function addRename(
  list: DraftList,
  item: Case,
  side: Side,
  target: Location,
  how: RenameDraft,
): Draft | null {
  const found = item.pair[side];
  if (found === null) return null;
  const from = list.locate(found.at);
  const to = list.locate(target);
  const { mtimeMs, mode } = how.bring;
  if (from === to && mtimeMs === null && mode === null) return null;
  const other = item.pair[otherSide(side)];
  // The other side was looked at, and changed, by the rename before.
  const isSecond = how.after.length > 0;
  const [fromPlace, toPlace] = [
    list.place(side, found.at),
    list.place(side, target),
  ];
  const isElsewhere = fromPlace.key !== toPlace.key;
  return list.add({
    name: side === "left" ? "RENAME_LEFT" : "RENAME_RIGHT",
    path: from,
    newPath: from === to ? null : to,
    rule: how.rule,
    side,
    reason: how.reason,
    bytes: found.figures.sizeBytes,
    work: {
      kind: "rename",
      on: side,
      from,
      to,
      figures: found.figures,
      other: isSecond || other === null
        ? null
        : { path: list.locate(other.at), figures: other.figures },
      mtimeMs,
      mode,
      row: how.row,
      rowPath: how.rowPath,
      keepsHalves: how.keepsHalves,
    },
    conflict: how.conflict,
  }, {
    frees: isElsewhere ? [fromPlace] : [],
    takes: isElsewhere ? [toPlace] : [],
    after: how.after,
    within: [found.at.folder, target.folder],
  });
}
