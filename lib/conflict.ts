/**
 * A conflict as it is told and recorded.
 *
 * @module
 */
import type { Case } from "./cases.ts";
import type { Contest } from "./contest.ts";
import type { Conflict, Fate, Version } from "./plan_types.ts";
import type { Location } from "./tree.ts";
import type { Side } from "./types.ts";

/**
 * The conflict that a path is in.
 *
 * @param item The path.
 * @param contest What it is about; null for no conflict.
 * @param locate Where a name will be.
 * @param clashName Name of the clash copy; null for none.
 */
export function conflictOf(
  item: Case,
  contest: Contest | null,
  locate: (location: Location) => string,
  clashName: string | null = null,
): Conflict | null {
  if (contest === null) return null;
  const { pair } = item;
  const version = (side: Side): Version | null => {
    const found = pair[side];
    if (found === null) return null;
    const isAside = clashName !== null && side !== contest.winner;
    const path = isAside
      ? locate({ folder: found.at.folder, name: clashName })
      : locate(found.at);
    const { sizeBytes, mtimeMs } = found.figures;
    return { path, sizeBytes, mtimeMs };
  };
  return {
    kind: contest.kind,
    rule: contest.rule,
    policy: contest.policy,
    path: locate(mainPlace(item, contest)),
    versions: { left: version("left"), right: version("right") },
    winner: contest.policy === "notify" ? null : contest.winner,
    isNewer: contest.winReason === "newer",
  };
}

/** Where the main file is, or will be: no other name is left in the end. */
function mainPlace({ pair, verdict }: Case, { winner }: Contest): Location {
  if ("target" in verdict) return verdict.target;
  return pair.row === null ? pair[winner]?.at ?? pair.at : pair.at;
}

/**
 * What to add to the reason of a copy that overwrites.
 *
 * @param contest The conflict, if any.
 * @param fate What becomes of the losing version.
 */
export function keptWords(contest: Contest | null, fate: Fate): string {
  if (contest?.policy !== "overwrite") return "";
  const which = contest.winReason === "newer" ? "older" : "other";
  return fate === "soft-delete"
    ? `; the ${which} version goes to soft delete`
    : `; the ${which} version is not kept`;
}
