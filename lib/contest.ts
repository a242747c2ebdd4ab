/**
 * Who wins where both sides changed a path, and what becomes of the other
 * version: by the config's policy, or as a person has ruled.
 *
 * @module
 */
import { fateOf, type SoftDeleteSettings } from "./fate.ts";
import type { Take } from "./invocation.ts";
import { type Clocks, newerSide, words } from "./newer.ts";
import { isWithin } from "./paths.ts";
import type { FoundFile, Pair } from "./tree.ts";
import type { ConflictKind, Policy, Rule, Side } from "./types.ts";
import { otherSide } from "./types.ts";

/** A conflict and who wins it. */
export interface Contest {
  readonly kind: ConflictKind;
  readonly rule: Rule;
  readonly policy: Policy;
  /** The newer side, or the one a person chose. */
  readonly winner: Side;
  /** A person chose the winner. */
  readonly isChosen: boolean;
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
  readonly winner: Side;
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
  const base = { kind, rule };
  if (ruling?.key !== key) {
    const { winner } = subject;
    return { ...base, policy: policies[kind], winner, isChosen: false };
  }
  if (ruling.take === "both") {
    const { winner } = subject;
    return { ...base, policy: "clash", winner, isChosen: false };
  }
  const winner = ruling.take;
  const lost = subject[otherSide(winner)];
  // What soft delete would not take must not be lost either.
  const isKept = lost !== null &&
    fateOf(lost.figures.sizeBytes, softDelete) === "soft-delete";
  const policy = isKept ? "overwrite" : "clash";
  return { ...base, policy, winner, isChosen: true };
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
): Side {
  const { ruling } = settings;
  return ruling === null || ruling.key !== pair.key || ruling.take === "both"
    ? newerSide(pair.left!, pair.right!, settings)
    : ruling.take;
}

/**
 * Why that side wins.
 *
 * @param contest The contest.
 */
export function winnerWords({ winner, isChosen }: Contest): string {
  return isChosen
    ? `${words(winner)}'s was chosen`
    : `${words(winner)} is newer`;
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
