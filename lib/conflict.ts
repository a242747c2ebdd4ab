/**
 * Conflicts: who wins where both sides changed a path and under which name the
 * loser is kept, by the config's policy or as a person has ruled; what it
 * takes to resolve one that was left open; and each in a sentence.
 *
 * @module
 */
import { EXIT, type ExitCode } from "./errors.ts";
import { isSameTime, words } from "./metadata.ts";
import { clashName, COMMON_ROOM } from "./names.ts";
import { type Folding, isWithin, joinPath, keyOf } from "./paths.ts";
import { doubtOf, refOf } from "./plan_changes.ts";
import type { Merged } from "./plan_merge.ts";
import {
  type Action,
  type Conflict,
  type DecisionSettings,
  type Fate,
  fateOf,
  type FoundFile,
  type Inquiry,
  type Location,
  type Pair,
  type Plan,
  type Ruling,
  spelledPath,
  type Version,
} from "./plan_types.ts";
import { printable, versionWords } from "./text.ts";
import {
  type Both,
  both,
  type ClashTake,
  type ConflictKind,
  otherSide,
  type Policy,
  type Rule,
  type Side,
  SIDES,
  type Take,
} from "./types.ts";

/** Why a side wins a conflict. */
export type WinReason =
  | "newer"
  /** Both have the same time: Left's is taken. */
  | "same time"
  /** The other one's time can't be meant. */
  | "wrong time"
  /** Neither time can be meant: the later one is taken. */
  | "wrong times"
  /** The other version is one that perhaps nobody meant. */
  | "doubtful"
  /** A person said so. */
  | "chosen"
  /** The policy is this side's name. */
  | "always"
  /** Folders have no time of their own: Left's name is taken. */
  | "no time"
  /** A folder keeps its name against a file. */
  | "folder";

/** The side that wins, and why. */
export interface Win {
  readonly side: Side;
  readonly reason: WinReason;
}

/** What is decided about a conflict. */
export interface ConflictDecision {
  readonly kind: ConflictKind;
  readonly rule: Rule;
  readonly policy: Policy;
  readonly winner: Side;
  readonly winReason: WinReason;
}

/** Whether the loser of a conflict of content is replaced by the winner. */
export function replacesLoser(policy: Policy): boolean {
  return policy !== "clash" && policy !== "notify";
}

const RULES: Readonly<Record<ConflictKind, Rule>> = {
  modify_modify: "5.1",
  new_new: "5.2",
  metadata_conflict: "5.13",
};

/**
 * Decides about a conflict.
 *
 * @param win Who wins unless a person has chosen.
 * @param at The path, with the files of which one might lose its content.
 */
export function decideConflict(
  kind: ConflictKind,
  { side: winner, reason: winReason }: Win,
  at: Pick<Pair, "key" | "left" | "right">,
  { ruling, policies, softDelete }: DecisionSettings,
): ConflictDecision {
  const plain = { kind, rule: RULES[kind], winner, winReason };
  if (ruling?.key !== at.key) return { ...plain, policy: policies[kind] };
  if (ruling.take === "both") return { ...plain, policy: "clash" };
  // No content is at stake where only name or properties differ.
  const lost = kind === "metadata_conflict" ? null : at[otherSide(ruling.take)];
  // What soft delete would not take must not be lost either.
  const isKept = lost !== null &&
    fateOf(lost.metadata.sizeBytes, softDelete) === "soft-delete";
  const policy = isKept ? "overwrite" : "clash";
  return { ...plain, policy, winner: ruling.take, winReason: "chosen" };
}

/** The earliest mtime anybody can mean, and how far ahead clocks may be. */
const EARLIEST_MS = Date.UTC(1980, 0, 1);
const AHEAD_MS = 24 * 60 * 60 * 1000;

/**
 * The side with the later mtime; Left on a tie. A time that nobody can mean
 * loses against any other.
 */
export function newerOf(
  { left, right }: Pair,
  { nowMs, coarserTickMs }: DecisionSettings,
): Win {
  const [a, b] = [left!.metadata.mtimeMs, right!.metadata.mtimeMs];
  const isBelievable = (timeMs: number) =>
    timeMs >= EARLIEST_MS && timeMs <= nowMs + AHEAD_MS;
  if (isBelievable(a) !== isBelievable(b)) {
    return { side: isBelievable(a) ? "left" : "right", reason: "wrong time" };
  }
  if (isSameTime(a, b, coarserTickMs)) {
    return { side: "left", reason: "same time" };
  }
  const reason = isBelievable(a) ? "newer" : "wrong times";
  return { side: b > a ? "right" : "left", reason };
}

/** The side that wins each conflict of a kind; null: none does always. */
export function alwaysWinner(
  kind: ConflictKind,
  { policies }: DecisionSettings,
): Win | null {
  const policy = policies[kind];
  const isSide = policy === "left" || policy === "right";
  return isSide ? { side: policy, reason: "always" } : null;
}

/**
 * The side that wins where both have a file: the chosen one, the one that
 * always does, or the newer one.
 */
export function winnerOf(
  kind: ConflictKind,
  pair: Pair,
  settings: DecisionSettings,
): Win {
  const { ruling } = settings;
  if (ruling?.key !== pair.key) {
    return alwaysWinner(kind, settings) ?? newerOf(pair, settings);
  }
  return ruling.take === "both"
    ? newerOf(pair, settings)
    : { side: ruling.take, reason: "chosen" };
}

/**
 * The side that wins where both have content of their own: as
 * {@linkcode winnerOf}, but that a version which perhaps nobody meant never
 * wins against another one for its time.
 */
export function contentWinnerOf(
  kind: ConflictKind,
  pair: Pair,
  settings: DecisionSettings,
): Win {
  const win = winnerOf(kind, pair, settings);
  const loser = otherSide(win.side);
  const isSaid = win.reason === "chosen" || win.reason === "always";
  const isDoubtful = !isSaid &&
    doubtOf(pair, win.side) !== null && doubtOf(pair, loser) === null;
  return isDoubtful ? { side: loser, reason: "doubtful" } : win;
}

/**
 * Why that side wins. A file that was only renamed is no newer for it: of
 * names, nothing but the files' times can be said.
 */
export function winnerWords(
  { kind, winner, winReason }: ConflictDecision,
): string {
  const won = words(winner);
  switch (winReason) {
    case "chosen":
      return `${won}'s was chosen`;
    case "always":
      return `${won} always wins here`;
    case "newer":
      return kind === "metadata_conflict"
        ? `${won}'s file has the later time`
        : `${won} is newer`;
    case "same time":
      return `both have the same time, so ${won} wins`;
    case "wrong time":
      return `the time on ${words(otherSide(winner))} can't be right, so ` +
        `${won} wins`;
    case "wrong times":
      return `neither time can be right; ${won} has the later one and wins`;
    case "doubtful":
      return `the version on ${words(otherSide(winner))} is empty, or older ` +
        `than at the last run, so ${won} wins`;
    case "no time":
      return `${won}'s name is taken`;
    case "folder":
      return "the folder keeps the name";
  }
}

/** What to add to the reason of a copy that overwrites. */
export function loserWords(
  decision: ConflictDecision | null,
  fate: Fate,
): string {
  if (decision === null || !replacesLoser(decision.policy)) return "";
  const which = decision.winReason === "newer" ? "older" : "other";
  return fate === "soft-delete"
    ? `; the ${which} version goes to soft delete`
    : `; the ${which} version is not kept`;
}

/**
 * The side whose folder a person chose, with all that is in it, where a path
 * is in such a folder.
 */
export function chosenFolderSide(
  key: string,
  ruling: Ruling | null,
): Side | null {
  if (!ruling?.keepsFolder || ruling.take === "both") return null;
  return key !== ruling.key && isWithin(key, ruling.key) ? ruling.take : null;
}

/**
 * A conflict as it is told and recorded.
 *
 * @param files What each side has.
 * @param decision About the conflict; null for none.
 * @param path Where the main file will be: no other name is left in the end.
 * @param locate Where a name will be.
 * @param clashName Name of the loser; null where it gets none.
 */
export function conflictOf(
  files: Pick<Pair, "left" | "right">,
  decision: ConflictDecision | null,
  path: string,
  locate: (location: Location) => string,
  clashName: string | null = null,
): Conflict | null {
  if (decision === null) return null;
  const { kind, rule, policy, winner, winReason } = decision;
  return {
    kind,
    rule,
    policy,
    path,
    versions: both((side): Version | null => {
      const found = files[side];
      if (found === null) return null;
      const isLoser = clashName !== null && side !== winner;
      const name = isLoser ? clashName : found.name;
      const { sizeBytes, mtimeMs } = found.metadata;
      return {
        path: locate({ folder: found.folder, name }),
        sizeBytes,
        mtimeMs,
      };
    }),
    winner: policy === "notify" ? null : winner,
    isNewer: winReason === "newer",
  };
}

// The name of each loser: a free one, or one that holds the very content
// already.

/** A clash name. */
export interface ClashPlace {
  readonly name: string;
  /**
   * The pair at that name, whose files are the very content already: this
   * conflict takes care of it. Null where the name is free.
   */
  readonly claimed: Pair | null;
}

/**
 * Chooses clash names: the first that each side has free, or with exactly the
 * loser's content, and never one twice.
 *
 * @param inquiry Answers about content; what is missing is asked.
 * @param merged What was found and recorded.
 * @param idle Pairs by key of which nothing is read or written otherwise.
 * @param folders Keys of all folders on either side.
 * @returns Gives the loser of a conflict at `target`, which `side` has, its
 *   place; null where files have to be read first.
 */
export function clashPlaces(
  inquiry: Inquiry,
  merged: Merged,
  idle: ReadonlyMap<string, Pair>,
  folders: ReadonlySet<string>,
  settings: DecisionSettings,
): (target: Location, side: Side, loser: FoundFile) => ClashPlace | null {
  const given = new Set<string>();

  /** The pair at a name that is taken, where it is the loser's very content. */
  function claimable(
    { folder, name }: Location,
    key: string,
    side: Side,
    loser: FoundFile,
  ): Pair | "pending" | null {
    if (folders.has(key)) return null;
    const own = idle.get(key);
    const pair = own ?? merged.pairAt(folder, key);
    const isIdle = pair !== null &&
      (pair === own || isAsRecorded(pair) || merged.alike.has(pair));
    if (!isIdle) return null;
    for (const on of SIDES) {
      const found = pair[on];
      if (found === null) continue;
      if (found.name !== name) return null;
      if (found.metadata.sizeBytes !== loser.metadata.sizeBytes) return null;
      const [a, b] = [refOf(side, loser), refOf(on, found)];
      const answer = inquiry.ask({ kind: "compare", a, b, wantsHash: false });
      if (answer === null) return "pending";
      if (answer.kind !== "same") return null;
    }
    return pair;
  }

  return ({ folder, name: from }, side, loser) => {
    const paths = both((it) => spelledPath(folder, it));
    const room = settings.roomIn?.(paths) ?? COMMON_ROOM;
    const { mtimeMs } = loser.metadata;
    for (let attempt = 1;; attempt++) {
      const name = clashName({ name: from, mtimeMs, side, attempt, room });
      const folded = keyOf(name, settings.folding);
      const key = joinPath(folder.key, folded);
      if (given.has(key)) continue;
      const isTaken = folder.taken.has(folded);
      const claimed = isTaken
        ? claimable({ folder, name }, key, side, loser)
        : null;
      if (claimed === "pending") return null;
      if (isTaken && claimed === null) continue;
      given.add(key);
      return { name, claimed };
    }
  };
}

/** Whether a path is recorded, and as recorded on both sides. */
export function isAsRecorded(pair: Pair): boolean {
  const { row } = pair;
  return row !== null && SIDES.every((side) => {
    const metadata = pair[side]?.metadata;
    return metadata?.sizeBytes === row[side].sizeBytes &&
      metadata.mtimeMs === row[side].mtimeMs &&
      pair[side]?.name === pair.name;
  });
}

// Resolving one open conflict as a person says: what is to be done for it, and
// whether it is still the one the person has seen.

/** A conflict as the state DB lists it. */
export type ListedConflict = Pick<Conflict, "path" | "kind" | "versions">;

/** What a person asks for. */
export interface Resolution extends Shown {
  readonly path: string;
  readonly take: Take;
}

/** What a person asks for about a clash copy: what is to be the file. */
export interface ClashResolution extends Shown {
  readonly path: string;
  readonly keep: ClashTake;
}

/** What a person saw before saying something. */
export interface Shown {
  /**
   * The versions that the person has seen, as {@linkcode shownMark} tells them.
   * Left out: those that are listed now.
   */
  readonly shown?: string;
}

/** Tells some versions from all others; null: there is no file. */
export function shownMark(versions: readonly (Version | null)[]): string {
  return JSON.stringify(
    versions.map((it) => it && [it.path, it.sizeBytes, it.mtimeMs]),
  );
}

/** The same of a conflict. */
export function conflictMark({ versions }: ListedConflict): string {
  return shownMark(SIDES.map((side) => versions[side]));
}

/** Why a conflict is not resolved. */
export interface Refusal {
  readonly stop: {
    readonly name: "conflict";
    readonly reason: string;
    /** The exact next step. */
    readonly hint: string;
  };
  readonly exitCode: ExitCode;
}

/**
 * The conflict of a plan that a person wants resolved.
 *
 * @param listed The conflict as it was listed; null where it is not any more.
 * @param resolution What the person asks for.
 * @returns The conflict, or why it is not resolved: never against a version
 *   that the person has not seen.
 */
export function openAsListed(
  plan: Plan,
  listed: ListedConflict | null,
  resolution: Resolution,
): Conflict | Refusal {
  const open = plan.actions.map(({ conflict }) => conflict).find((it) =>
    it?.winner === null && it.path === resolution.path
  );
  const isSeen = listed !== null &&
    (resolution.shown ?? conflictMark(listed)) === conflictMark(listed);
  if (!open || !isSeen || !isSameConflict(open, listed)) {
    return refusalOf(resolution.path);
  }
  const file = fileSide(open);
  if (file === null || resolution.take !== file) return open;
  const folder = words(otherSide(file));
  const reason = `${printable(open.path)} is a file on ${words(file)} and a ` +
    `folder on ${folder}; nobody has seen what is in the folder, so it is ` +
    "not removed for the file.";
  const hint = `To keep the file, rename the folder on ${folder} or move it ` +
    "away, then run sync. To keep both or the folder, resolve with both or " +
    `${otherSide(file)}.`;
  return { stop: { name: "conflict", reason, hint }, exitCode: EXIT.usage };
}

/** What is said of a path that is not as a person has seen it. */
export function refusalOf(path: string): Refusal {
  const reason = `${printable(path)} is not as it was when it was listed. ` +
    "Nothing was changed.";
  const hint =
    "Run sync again, look at both versions (conflicts), and resolve it then.";
  const stop = { name: "conflict", reason, hint } as const;
  return { stop, exitCode: EXIT.leftForPerson };
}

function isSameConflict(open: Conflict, listed: ListedConflict): boolean {
  return open.kind === listed.kind && SIDES.every((side) => {
    const now = open.versions[side];
    const then = listed.versions[side];
    return now?.path === then?.path && now?.sizeBytes === then?.sizeBytes &&
      now?.mtimeMs === then?.mtimeMs;
  });
}

/** What a person said, as the decision takes it. */
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
 * What a ruling adds to a plan: the actions that resolve the conflict, and
 * those they build on.
 *
 * @param resolved The plan with the ruling.
 * @param open The plan without it.
 * @returns In order; what they need is counted anew.
 */
export function addedActions(resolved: Plan, open: Plan): readonly Action[] {
  const known = new Set(open.actions.map(signature));
  const chosen = new Set<number>();
  const choose = (index: number): void => {
    if (chosen.has(index)) return;
    chosen.add(index);
    resolved.actions[index]!.needs.forEach(choose);
  };
  const isRemoval = (action: Action) => action.work.kind === "remove-directory";
  resolved.actions.forEach((action, index) => {
    const isOpen = action.conflict?.winner === null;
    if (isOpen || isRemoval(action) || known.has(signature(action))) return;
    choose(index);
  });
  // A folder that is empty now may go; what else it waits for is not asked for.
  resolved.actions.forEach((action, index) => {
    if (known.has(signature(action)) || !isRemoval(action)) return;
    if (action.needs.every((need) => chosen.has(need))) choose(index);
  });
  const kept = [...chosen].sort((a, b) => a - b);
  const positions = new Map(kept.map((index, at) => [index, at]));
  return kept.map((index) => {
    const action = resolved.actions[index]!;
    const needs = action.needs.map((need) => positions.get(need)!);
    return { ...action, needs };
  });
}

function signature({ name, path, newPath, work }: Action): string {
  return JSON.stringify([name, path, newPath, work]);
}

// Conflicts in sentences.

/**
 * A conflict, and where each version is now.
 *
 * @param roots Absolute paths of the roots.
 */
export function conflictWords(
  conflict: Conflict,
  roots: Both<string>,
): string {
  return `${printable(conflict.path)}: ${becameWords(conflict, roots)}`;
}

/** The same without its path. */
export function becameWords(conflict: Conflict, roots: Both<string>): string {
  const { kind, winner, policy, versions, done } = conflict;
  const cause = causeWords(conflict);
  if (winner === null) {
    const both = SIDES.map((side) => {
      const version = versions[side];
      const what = version ? versionWords(version) : noFileWords(conflict);
      return `${words(side)}: ${what}`;
    });
    return `${cause}, and nothing was touched; ${both.join("; ")}`;
  }
  const isAlways = policy === winner;
  if (kind === "metadata_conflict") {
    return `${cause}; those of ${words(winner)} were taken` +
      (isAlways ? ", as always here" : "");
  }
  const loser = otherSide(winner);
  const [won, lost] = [versions[winner], versions[loser]];
  const main = won
    ? `${words(winner)}'s version (${versionWords(won)}) is the file` +
      (isAlways ? ", as always here" : "")
    : `${words(winner)}'s folder keeps the name`;
  if (lost === null) return `${cause}; ${main}`;
  const isKept = !replacesLoser(policy) || !!done?.clashPath;
  const fate = isKept
    ? `is kept on both sides as ${printable(lost.path)}`
    : done?.softDeletedPath
    ? `is replaced, soft-deleted as ${
      printable(`${roots[loser]}/${done.softDeletedPath}`)
    }`
    : done?.isKept
    ? "is replaced, soft-deleted"
    : "is replaced, not kept";
  return `${cause}; ${main}; ${words(loser)}'s version (${
    versionWords(lost)
  }) ${fate}`;
}

/**
 * What makes it a conflict. Of a file against a folder nobody can tell whether
 * the folder was changed: it may be there for what is unknown in it.
 */
export function causeWords(
  { kind, versions }: Pick<Conflict, "kind" | "versions">,
): string {
  const file = fileSide({ kind, versions });
  if (file !== null) {
    const folder = otherSide(file);
    return `a file on ${words(file)}, a folder on ${words(folder)}`;
  }
  switch (kind) {
    case "modify_modify":
      return "changed on both sides";
    case "new_new":
      return "new on both sides";
    case "metadata_conflict":
      return "name or properties changed on both sides";
  }
}

/** What a side has that has no version in a conflict. */
export function noFileWords({ versions }: Pick<Conflict, "versions">): string {
  return versions.left === null && versions.right === null
    ? "a folder with a new name"
    : "a folder";
}

/**
 * The side of the file where a file stands against a folder; null for a
 * conflict of any other kind.
 */
export function fileSide(
  { kind, versions }: Pick<Conflict, "kind" | "versions">,
): Side | null {
  if (kind === "metadata_conflict") return null;
  const files = SIDES.filter((side) => versions[side] !== null);
  return files.length === 1 ? files[0]! : null;
}
