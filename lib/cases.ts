/**
 * A path on its way from a verdict to actions.
 *
 * @module
 */
import type { Contest } from "./contest.ts";
import type { Judgement } from "./plan_changes.ts";
import type { Verdict } from "./plan_rules.ts";
import type { SoftDeleteSettings } from "./plan_types.ts";
import type { Location, Pair } from "./tree.ts";
import { type Side, SIDES } from "./types.ts";

/** What becomes of removed and replaced files. */
export interface RemovalSettings {
  /** A side carries no modes: they are no change. Left out: both do. */
  readonly ignoresModes?: boolean | undefined;
  readonly softDelete: SoftDeleteSettings;
  /** List paths at which nothing differs. */
  readonly listUnchanged: boolean;
  /** How many files the record holds. */
  readonly recordedFiles: number;
  /** Of those: more changed on one side are more than anybody does at once. */
  readonly maxChangePercent: number;
  /** Whether files of a name are read always. */
  isSuspicious(name: string): boolean;
}

/** A file that has to leave its path to a folder. */
export interface Aside {
  readonly kind: "aside";
  readonly from: Side;
  readonly target: Location;
  readonly contest: Contest;
  /** It goes to soft delete instead of to a clash name. */
  readonly isRemoved: boolean;
}

/** A path, what became of it, and what is to be done about it. */
export interface Case {
  readonly pair: Pair;
  readonly judgement: Judgement & { kind: "recorded" | "unrecorded" };
  readonly verdict: Verdict | Aside;
}

/**
 * Whether a path is recorded, and as recorded on both sides.
 *
 * @param pair The pair.
 */
export function isQuiet(pair: Pair): boolean {
  const { row } = pair;
  return row !== null && SIDES.every((side) => {
    const figures = pair[side]?.figures;
    return figures?.sizeBytes === row[side].sizeBytes &&
      figures.mtimeMs === row[side].mtimeMs &&
      pair[side]?.at.name === pair.at.name;
  });
}
