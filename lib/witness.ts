/**
 * A second look at what is missing: the runtime ends a listing without a word
 * when a disk fails in the middle, and nothing must count as deleted only
 * because it was not listed.
 *
 * @module
 */
import { joinPath, nameOf } from "./paths.ts";
import {
  currentPath,
  type Folder,
  merge,
  type Merged,
  type MergeSettings,
  type RecordView,
  type SideScan,
} from "./plan_merge.ts";
import type { Look, Root } from "./root_files.ts";
import { inWords, Skipped } from "./system.ts";
import { type Both, type Problem, type Side, SIDES } from "./types.ts";

/**
 * Merges, and merges again where something that was not listed is there.
 *
 * @param scans What each scan handed on.
 * @param record What was recorded when both sides last agreed.
 * @param settings Habits of the roots and what follows from the config.
 * @param roots Both roots.
 */
export function mergeWitnessed(
  scans: Both<SideScan>,
  record: RecordView,
  settings: MergeSettings,
  roots: Both<Root>,
): Merged {
  const merged = merge(scans, record, settings);
  const found = unlisted(merged, roots);
  if (found.left.length + found.right.length === 0) return merged;
  const more = (side: Side): SideScan => ({
    listings: scans[side].listings,
    problems: [...scans[side].problems, ...found[side]],
  });
  return merge({ left: more("left"), right: more("right") }, record, settings);
}

/**
 * Looks at every recorded path that a scan did not list, in folders that are
 * there.
 *
 * @param merged What was found and recorded.
 * @param roots Both roots.
 * @returns A problem for each path that is there all the same, or can't be
 *   looked at.
 */
function unlisted(
  merged: Merged,
  roots: Both<Root>,
): Both<readonly Problem[]> {
  const problems: { left: Problem[]; right: Problem[] } = {
    left: [],
    right: [],
  };
  const look = (
    side: Side,
    folder: Folder,
    name: string,
    wanted: Look["kind"],
  ): void => {
    const parent = currentPath(folder, side);
    if (parent === null) return;
    const path = joinPath(parent, name);
    const reason = whyNotGone(roots[side], path, wanted);
    if (reason === null) return;
    const kind = "unreadable" as const;
    problems[side].push({ side, path, kind, reason, figures: null });
  };
  for (const { row, at, ...found } of merged.pairs) {
    if (row === null) continue;
    for (const side of SIDES) {
      if (found[side] === null) look(side, at.folder, nameOf(row.path), "file");
    }
  }
  for (const { row, parent, name } of merged.folders) {
    if (row === null || parent === null) continue;
    for (const side of SIDES) {
      if (name[side] === null) {
        look(side, parent, nameOf(row.path), "directory");
      }
    }
  }
  return problems;
}

/** Null where the path is gone indeed, or has become something else. */
function whyNotGone(
  root: Root,
  path: string,
  wanted: Look["kind"],
): string | null {
  try {
    return root.look(path).kind === wanted && root.secondName(path) === null
      ? "it is there, though its folder's listing left it out: have the disk checked"
      : null;
  } catch (error) {
    return error instanceof Skipped ? null : inWords(error);
  }
}
