/**
 * A conflict as it is told and recorded.
 *
 * @module
 */
import type { Take } from "./cli_args.ts";
import { EXIT, type ExitCode } from "./errors.ts";
import { type Clocks, newerOf, type TimeReason, words } from "./metadata.ts";
import { clashName, COMMON_ROOM, type NameRoom } from "./names.ts";
import { type Folding, isWithin, joinPath, keyOf } from "./paths.ts";
import type { DraftList } from "./plan_actions.ts";
import { doubtOf, refOf } from "./plan_changes.ts";
import type { Folder, FoundFile, Location, Pair } from "./plan_merge.ts";
import type { Draft } from "./plan_order.ts";
import {
  type Action,
  type Conflict,
  type Fate,
  fateOf,
  type Inquiry,
  type Plan,
  type SoftDeleteSettings,
  type Version,
} from "./plan_types.ts";
import type { Stop } from "./run_types.ts";
import type { Case } from "./sync_logic.ts";
import { fileSide, printable } from "./text.ts";
import {
  type Both,
  type ConflictKind,
  type Metadata,
  otherSide,
  type Policy,
  type Rule,
  type Side,
  SIDES,
} from "./types.ts";

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
      ? locate({ folder: found.folder, name: clashName })
      : locate(found);
    const { sizeBytes, mtimeMs } = found.metadata;
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
  return pair.row === null ? pair[winner] ?? pair : pair;
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

// Who wins where both sides changed a path, and what becomes of the other
// version: by the config's policy, or as a person has ruled.

/** Why a side wins a conflict. */
export type WinReason =
  | TimeReason
  /** The other version is one that perhaps nobody meant. */
  | "doubtful"
  /** A person said so. */
  | "chosen"
  /** Folders have no time of their own: Left's name is taken. */
  | "no time"
  /** A folder keeps its name against a file. */
  | "folder";

/** The side that wins, and why. */
export interface Win {
  readonly side: Side;
  readonly reason: WinReason;
}

/** A conflict and who wins it. */
export interface Contest {
  readonly kind: ConflictKind;
  readonly rule: Rule;
  readonly policy: Policy;
  readonly winner: Side;
  readonly winReason: WinReason;
}

/** What a person said about one conflict that was left open. */
export interface Ruling {
  /** The folded path. */
  readonly key: string;
  /** The version to be kept; both: as the policy clash has it. */
  readonly take: Take;
  /** A folder was chosen against a file: all that is in it stays. */
  readonly keepsFolder: boolean;
}

/** What a contest depends on besides the path. */
export interface ContestSettings extends Clocks {
  /** A side carries no modes: they are no change. Left out: both do. */
  readonly ignoresModes?: boolean | undefined;
  readonly policies: Readonly<Record<ConflictKind, Policy>>;
  readonly softDelete: SoftDeleteSettings;
  /** Null: the policies alone decide. */
  readonly ruling: Ruling | null;
}

/** What a contest is about. */
export interface ContestSubject {
  readonly key: string;
  readonly kind: ConflictKind;
  readonly rule: Rule;
  /** Who wins unless a person has chosen. */
  readonly win: Win;
  /** Content that might lose; null on a side where none is at stake. */
  readonly left: FoundFile | null;
  readonly right: FoundFile | null;
}

/**
 * The contest about a path.
 *
 * @param subject What it is about.
 * @param settings Policies, and what a person ruled.
 */
export function contestOf(
  subject: ContestSubject,
  settings: ContestSettings,
): Contest {
  const { key, kind, rule } = subject;
  const { ruling, policies, softDelete } = settings;
  const { side, reason } = subject.win;
  const base = { kind, rule, winner: side, winReason: reason };
  if (ruling?.key !== key) return { ...base, policy: policies[kind] };
  if (ruling.take === "both") return { ...base, policy: "clash" };
  const winner = ruling.take;
  const lost = subject[otherSide(winner)];
  // What soft delete would not take must not be lost either.
  const isKept = lost !== null &&
    fateOf(lost.metadata.sizeBytes, softDelete) === "soft-delete";
  const policy = isKept ? "overwrite" : "clash";
  return { kind, rule, policy, winner, winReason: "chosen" };
}

/**
 * The side that wins where both have a file: the chosen or else the newer one.
 *
 * @param pair The path.
 * @param settings Clocks, and what a person ruled.
 */
export function winnerOf(
  pair: Pair,
  settings: Pick<ContestSettings, "ruling"> & Clocks,
): Win {
  const { ruling } = settings;
  return ruling === null || ruling.key !== pair.key || ruling.take === "both"
    ? newerOf(pair.left!, pair.right!, settings)
    : { side: ruling.take, reason: "chosen" };
}

/**
 * The side that wins where both have content of their own: as
 * {@linkcode winnerOf}, but that a version which perhaps nobody meant never
 * wins against another one.
 *
 * @param pair The path.
 * @param settings Clocks, and what a person ruled.
 */
export function contentWinnerOf(
  pair: Pair,
  settings: Pick<ContestSettings, "ruling"> & Clocks,
): Win {
  const win = winnerOf(pair, settings);
  const loser = otherSide(win.side);
  const isDoubtful = win.reason !== "chosen" &&
    doubtOf(pair, win.side) !== null && doubtOf(pair, loser) === null;
  return isDoubtful ? { side: loser, reason: "doubtful" } : win;
}

/**
 * Why that side wins. A file that was only renamed is no newer for it: of
 * names, nothing but the files' times can be said.
 *
 * @param contest The contest.
 */
export function winnerWords({ kind, winner, winReason }: Contest): string {
  const won = words(winner);
  switch (winReason) {
    case "chosen":
      return `${won}'s was chosen`;
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

/**
 * The side whose folder a person chose, with all that is in it, where a path
 * is in such a folder.
 *
 * @param key The folded path.
 * @param ruling What the person said.
 */
export function chosenFolderSide(
  key: string,
  ruling: Ruling | null,
): Side | null {
  if (!ruling?.keepsFolder || ruling.take === "both") return null;
  return key !== ruling.key && isWithin(key, ruling.key) ? ruling.take : null;
}

// Finds a free name for each clash copy, or one that holds the very content
// already.

/** A clash name and what stands there. */
export interface ClashPlace {
  readonly name: string;
  /** What holds the very content already, on each side. */
  readonly existing: Both<Metadata | null>;
  /** The pair at that name: this conflict takes care of it. */
  readonly claimed: Pair | null;
}

/** What choosing depends on. */
export interface ClashSettings {
  readonly folding: Folding;
  /** Any path of a folder that was looked at. */
  pairAt(location: Location, key: string): Pair | null;
  /** Whether a folder stands at a path on either side. */
  isFolder(key: string): boolean;
  /** How long a name in a folder may be. Left out: as most disks hold. */
  readonly roomIn?: ((folder: Folder) => NameRoom) | undefined;
  /** Whether a path is free of any other plan. */
  isIdle(pair: Pair): boolean;
}

/** Gives clash names; never one twice. */
export class ClashNames {
  readonly #inquiry: Inquiry;
  readonly #settings: ClashSettings;
  readonly #given = new Set<string>();

  /**
   * @param inquiry Answers about content; what is missing is asked.
   * @param settings What is known of the folders.
   */
  constructor(inquiry: Inquiry, settings: ClashSettings) {
    this.#inquiry = inquiry;
    this.#settings = settings;
  }

  /**
   * The first name that each side has free, or with exactly this content.
   *
   * @param target Where the conflict is.
   * @param side The side that has the version.
   * @param version The version to be kept.
   * @returns The name, or null where files have to be read first.
   */
  choose(
    target: Location,
    side: Side,
    version: FoundFile,
  ): ClashPlace | null {
    const room = this.#settings.roomIn?.(target.folder) ?? COMMON_ROOM;
    for (let attempt = 1;; attempt++) {
      const { mtimeMs } = version.metadata;
      const clash = { name: target.name, mtimeMs, side, attempt, room };
      const name = clashName(clash);
      const folded = keyOf(name, this.#settings.folding);
      const key = joinPath(target.folder.key, folded);
      if (this.#given.has(key)) continue;
      const place = target.folder.taken.has(folded)
        ? this.#reuse({ folder: target.folder, name }, key, side, version)
        : { name, existing: { left: null, right: null }, claimed: null };
      if (place === "pending") return null;
      if (place === null) continue;
      this.#given.add(key);
      return place;
    }
  }

  #reuse(
    location: Location,
    key: string,
    side: Side,
    version: FoundFile,
  ): ClashPlace | "pending" | null {
    if (this.#settings.isFolder(key)) return null;
    const pair = this.#settings.pairAt(location, key);
    if (pair === null || !this.#settings.isIdle(pair)) return null;
    for (const on of SIDES) {
      const found = pair[on];
      if (found === null) continue;
      if (found.name !== location.name) return null;
      if (found.metadata.sizeBytes !== version.metadata.sizeBytes) return null;
      const answer = this.#inquiry.ask({
        kind: "compare",
        a: refOf(side, version),
        b: refOf(on, found),
        wantsHash: false,
      });
      if (answer === null) return "pending";
      if (answer.kind !== "same") return null;
    }
    const existing = {
      left: pair.left?.metadata ?? null,
      right: pair.right?.metadata ?? null,
    };
    return { name: location.name, existing, claimed: pair };
  }
}

// The action that keeps the losing version of a conflict.

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
    bytes: version.metadata.sizeBytes,
    work: {
      kind: "clash",
      from: how.from,
      path,
      clashPath,
      metadata: version.metadata,
      existing: place.existing,
      winner: item.pair[otherSide(how.from)]?.metadata ?? null,
      leaves: how.leaves,
      keepsHash: how.keepsHash,
      rowPath: item.pair.row && list.locateRow(item.pair),
    },
    conflict: how.conflict,
  }, {
    frees: how.leaves ? [list.place(how.from, how.target)] : [],
    after: how.after,
    within: [folder],
  });
}

// Settling one open conflict as a person says: what is to be done for it, and
// whether it is still the one the person has seen. Pure.

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
