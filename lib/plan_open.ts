/**
 * Documents that somebody has open: what must not be done about one meanwhile.
 * It is not replaced, renamed, dated or removed on the side where it is open;
 * what was saved there goes across, unless it is a database, of which nobody
 * can tell when it is whole.
 *
 * @module
 */
import type { ConflictDecision } from "./conflict.ts";
import { isOfDatabase, openWords, type Owner } from "./owner_files.ts";
import { isWithin, joinPath, nameOf } from "./paths.ts";
import type { DecidedPair, Decision } from "./plan_rules.ts";
import {
  type Action,
  currentPath,
  type DecisionSettings,
  type Folder,
  isMoved,
  type Location,
  type OwnedDocument,
  type Pair,
  pathOf,
  type Waiting,
} from "./plan_types.ts";
import { printable } from "./text.ts";
import { type Both, otherSide, type Side, SIDES } from "./types.ts";

/**
 * Who has the document of a path open on a side.
 *
 * @returns Its owner file; null where nobody has.
 */
export function openAt(
  pair: Pair,
  side: Side,
  settings: DecisionSettings,
): Owner | null {
  const owner = pair.owners?.[side] ?? null;
  const file = pair[side]?.metadata ?? pair.row?.[side];
  const isOpen = owner !== null && file !== undefined &&
    settings.isOpen?.(side, owner, file.mtimeMs) === true;
  return isOpen ? owner : null;
}

/** The side on which a database is open: nobody may read it there. */
export function openDatabase(
  pair: Pair,
  settings: DecisionSettings,
): Side | null {
  if (pair.owners === undefined) return null;
  return SIDES.find((side) => {
    const owner = pair[side] && openAt(pair, side, settings);
    return owner !== null && isOfDatabase(nameOf(owner.path));
  }) ?? null;
}

/**
 * The side on which a document is open so that what was decided about it has to
 * wait; null where nothing keeps it from being done.
 */
export function waitsOn(
  { pair, decision }: Pick<DecidedPair, "pair" | "decision">,
  settings: DecisionSettings,
): Side | null {
  if (pair.owners === undefined) return null;
  const isRuled = settings.ruling?.key === pair.key;
  const concerned = SIDES.filter((side) =>
    pair[side] !== null &&
    (conflictsIn(decision).length > 0 && !isRuled ||
      isTouched(pair, decision, side))
  );
  return concerned.find((side) => openAt(pair, side, settings) !== null) ??
    openDatabaseRead(pair, decision, settings);
}

function openDatabaseRead(
  pair: Pair,
  decision: Decision,
  settings: DecisionSettings,
): Side | null {
  const isRead = decision.kind === "copy" || decision.kind === "aside";
  return isRead ? openDatabase(pair, settings) : null;
}

/** The conflicts that a decision ends, or leaves to a person. */
export function conflictsIn(decision: Decision): ConflictDecision[] {
  return [
    "conflict" in decision ? decision.conflict : null,
    "nameConflict" in decision ? decision.nameConflict : null,
  ].filter((it) => it !== null);
}

/** Whether a decision does something to the file that a side has. */
function isTouched(pair: Pair, decision: Decision, side: Side): boolean {
  switch (decision.kind) {
    case "agree": {
      const { target, bring: { [side]: { mtimeMs, mode } } } = decision;
      return mtimeMs !== null || mode !== null || !isAt(pair, side, target);
    }
    case "copy":
      return side === otherSide(decision.from) ||
        !isAt(pair, side, decision.target);
    case "remove":
      return side === decision.on;
    case "aside":
      return side === decision.from;
    case "open":
    case "forget":
      return false;
  }
}

function isAt(pair: Pair, side: Side, { folder, name }: Location): boolean {
  return pair[side]?.folder === folder && pair[side].name === name;
}

/** A document that waits because it is open on a side. */
export function waitingOpen(
  pair: Pair,
  side: Side,
  settings: DecisionSettings,
): Waiting {
  const owner = openAt(pair, side, settings)!;
  const path = pathOf(pair[side]!, side);
  return openWaiting({ side, path, owner });
}

/** Keys of all places that a path has: what has to wait holds them. */
export function placesOf(
  pair: Pair,
  keyOf: (location: Location) => string,
): string[] {
  const moved = SIDES.filter((side) => isMoved(pair, side))
    .map((side) => keyOf(pair[side]!));
  return [pair.key, ...moved];
}

/** What actions would remove or rename though it is open; null: nothing. */
export function openAmong(
  actions: readonly Pick<Action, "work">[],
  owned: readonly OwnedDocument[],
  settings: DecisionSettings,
): Waiting | null {
  const touched = new Set(
    actions.flatMap(({ work }) =>
      work.kind === "remove"
        ? [`${work.on}/${work.path}`]
        : work.kind === "rename"
        ? [`${work.on}/${work.from}`]
        : []
    ),
  );
  for (const { folder, name, side, owner, mtimeMs } of owned) {
    const path = joinPath(currentPath(folder, side) ?? "", name);
    const isTouched = touched.has(`${side}/${path}`);
    if (!isTouched || !settings.isOpen?.(side, owner, mtimeMs)) continue;
    return openWaiting({ side, path, owner });
  }
  return null;
}

/** A document in a folder that is to get another name on its side. */
export interface OpenInFolder {
  /** Relative to the folder. */
  readonly path: string;
  readonly waiting: Waiting;
}

/** Documents that are open in folders with another name, by these. */
export function openInRenamed(
  owned: readonly OwnedDocument[],
  settings: DecisionSettings,
): ReadonlyMap<Folder, Both<readonly OpenInFolder[]>> {
  const found = new Map<Folder, Both<OpenInFolder[]>>();
  for (const { folder, name, side, owner, mtimeMs } of owned) {
    const at = currentPath(folder, side);
    if (at === null || !settings.isOpen?.(side, owner, mtimeMs)) continue;
    const path = joinPath(at, name);
    const waiting = openWaiting({ side, path, owner });
    for (let it: Folder | null = folder; it?.parent; it = it.parent) {
      if (it.rename === null) continue;
      const above = currentPath(it, side);
      if (above === null || !isWithin(path, above)) continue;
      const of = found.get(it) ?? { left: [], right: [] };
      of[side].push({ path: path.slice(above.length + 1), waiting });
      found.set(it, of);
    }
  }
  return found;
}

function openWaiting(
  of: Pick<Waiting, "side" | "path"> & { readonly owner: Owner },
): Waiting {
  const { sinceMs } = of.owner;
  return { kind: "open", ...of, as: null, others: [], sinceMs, isOver: false };
}

/** Why a document waits for a later run. */
export function waitingWords(
  { as, others, owner }: Pick<Waiting, "as" | "others" | "owner">,
): string {
  return [
    as && `it is being saved, and called ${printable(as)} meanwhile`,
    owner && openWords(owner),
    others.length === 0
      ? null
      : `waiting with it: ${others.map(printable).join(", ")}`,
  ].filter((it) => it !== null).join("; ");
}
