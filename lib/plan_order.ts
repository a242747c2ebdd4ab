/**
 * The order of actions: what makes room comes before what takes it, what
 * builds on another comes after it, and otherwise kind by kind.
 *
 * @module
 */
import { comparePaths } from "./paths.ts";
import type { Action } from "./plan_types.ts";
import type { Side } from "./types.ts";

/** A place an action needs, or makes free. */
export interface Place {
  readonly side: Side;
  /** The folded path. */
  readonly key: string;
}

/** An action before its position is known. */
export interface Draft {
  readonly action: Omit<Action, "needs">;
  /** Places that are free once it is done. */
  readonly frees: readonly Place[];
  /** Places that must be free before. */
  readonly takes: readonly Place[];
  /** Drafts that must be done before, for any other reason. */
  readonly after: readonly Draft[];
}

/** Kinds in the order of the contract. */
const RANK: Record<Action["work"]["kind"], number> = {
  "clash": 0,
  "create-directory": 1,
  "rename-directory": 2,
  "rename": 2,
  "copy": 3,
  "remove": 4,
  "remove-directory": 5,
  "record": 6,
  "none": 6,
};

/**
 * Puts drafts in order.
 *
 * @param drafts All drafts of a run, in any order.
 * @returns The actions; each needs only actions before it.
 */
export function inOrder(drafts: readonly Draft[]): Action[] {
  const freeing = new Map<string, Draft[]>();
  for (const draft of drafts) {
    for (const place of draft.frees) {
      const known = freeing.get(placeId(place));
      if (known) known.push(draft);
      else freeing.set(placeId(place), [draft]);
    }
  }
  const actions: Action[] = [];
  const positions = new Map<Draft, number>();
  const visiting = new Set<Draft>();
  const visit = (draft: Draft): void => {
    if (positions.has(draft) || visiting.has(draft)) return;
    visiting.add(draft);
    const before = beforehand(draft, freeing);
    before.forEach(visit);
    const needs = before.length === 0 ? NONE : [
      ...new Set(
        before.map((other) => positions.get(other))
          .filter((position) => position !== undefined),
      ),
    ];
    positions.set(draft, actions.length);
    actions.push({ ...draft.action, needs });
  };
  [...drafts].sort(compareDrafts).forEach(visit);
  return actions;
}

/** Most actions need nothing: they share that. */
const NONE: readonly never[] = [];

/** The drafts that come before one, in their order. */
function beforehand(
  draft: Draft,
  freeing: ReadonlyMap<string, readonly Draft[]>,
): readonly Draft[] {
  const { after, takes } = draft;
  if (after.length === 0 && (takes.length === 0 || freeing.size === 0)) {
    return NONE;
  }
  return [
    ...after,
    ...takes.flatMap((place) => freeing.get(placeId(place)) ?? []),
  ].filter((other) => other !== draft).sort(compareDrafts);
}

function placeId(place: Place): string {
  return `${place.side}/${place.key}`;
}

function compareDrafts(a: Draft, b: Draft): number {
  const rank = RANK[a.action.work.kind] - RANK[b.action.work.kind];
  if (rank !== 0) return rank;
  const byPath = comparePaths(a.action.path, b.action.path);
  // Deepest first: what is in a folder sorts behind it.
  return a.action.work.kind === "remove-directory" ? -byPath : byPath;
}
