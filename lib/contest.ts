/**
 * Who wins where both sides changed a path, and what becomes of the other
 * version: by the config's policy, or as a person has ruled.
 *
 * @module
 */
import type { Take } from "./invocation.ts";
import { type Clocks, newerOf, type TimeReason, words } from "./metadata.ts";
import { isWithin } from "./paths.ts";
import { doubtOf } from "./plan_changes.ts";
import { fateOf, type SoftDeleteSettings } from "./plan_types.ts";
import type { FoundFile, Pair } from "./tree.ts";
import {
  type ConflictKind,
  otherSide,
  type Policy,
  type Rule,
  type Side,
} from "./types.ts";

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
    fateOf(lost.figures.sizeBytes, softDelete) === "soft-delete";
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
