/**
 * From what became of a path to what is to be done about it: the tables,
 * then names and properties, then the policy for conflicts.
 *
 * @module
 */
import {
  chosenFolderSide,
  type ConflictDecision,
  contentWinnerOf,
  decideConflict,
  newerOf,
  winnerOf,
  winnerWords,
} from "./conflict.ts";
import { isSameTime, words } from "./metadata.ts";
import type {
  Changes,
  RecordedChange,
  UnrecordedChange,
} from "./plan_changes.ts";
import {
  type DecisionSettings,
  isMoved,
  type Location,
  type Pair,
} from "./plan_types.ts";
import {
  type Both,
  both,
  type ConflictKind,
  otherSide,
  type Rule,
  type Side,
} from "./types.ts";

// The tables of the contract, as tables: what to do about the content of one
// path, given what became of it on each side, and about its name and
// properties. Row Left, column Right. The type checker proves that no cell is
// missing.

/** What to do about the content of a path. */
export type Cell =
  /** Content agrees: only name and properties may differ. */
  | { readonly kind: "agree" }
  /** Bring the content to a side. */
  | { readonly kind: "copy"; readonly to: Side; readonly rule: Rule }
  /** Remove the file from a side. */
  | { readonly kind: "remove"; readonly on: Side; readonly rule: Rule }
  /** Both sides have content of their own: equal, or a conflict. */
  | {
    readonly kind: "conflict";
    readonly of: ConflictKind;
    readonly rule: Rule;
  }
  /** Nothing is left of it: drop the row. */
  | { readonly kind: "forget" }
  /** There is nothing. */
  | { readonly kind: "none" };

const agree = { kind: "agree" } as const;
const forget: Cell = { kind: "forget" };
const none: Cell = { kind: "none" };
const copyTo = (to: Side, rule: Rule): Cell => ({ kind: "copy", to, rule });
const removeOn = (on: Side, rule: Rule): Cell => ({ kind: "remove", on, rule });
const conflict = (of: ConflictKind, rule: Rule) => {
  return { kind: "conflict", of, rule } as const;
};

/** Recorded paths. */
// deno-fmt-ignore
export const RECORDED: Record<RecordedChange, Record<RecordedChange, Cell>> = {
  unchanged: { unchanged: agree,                    modified: copyTo("left", "5.4"),            deleted: removeOn("left", "5.8") },
  modified:  { unchanged: copyTo("right", "5.3"),   modified: conflict("modify_modify", "5.1"), deleted: copyTo("right", "5.6") },
  deleted:   { unchanged: removeOn("right", "5.7"), modified: copyTo("left", "5.5"),            deleted: forget },
};

/** Paths that are not recorded. */
// deno-fmt-ignore
export const UNRECORDED: Record<UnrecordedChange, Record<UnrecordedChange, Cell>> = {
  absent:  { absent: none,                   created: copyTo("left", "5.10") },
  created: { absent: copyTo("right", "5.9"), created: conflict("new_new", "5.2") },
};

/** Whether name, mtime or mode of one side are as recorded. */
export type PropertyChange = "same" | "changed";

/** What to do about name and properties, content being the same. */
export type PropertyCell =
  | Extract<Cell, { readonly kind: "agree" | "conflict" }>
  /** Bring name, mtime and mode to a side. */
  | { readonly kind: "bring"; readonly to: Side; readonly rule: Rule };

const bringTo = (to: Side, rule: Rule): PropertyCell => {
  return { kind: "bring", to, rule };
};

/** Name and properties, content unchanged on both sides. */
// deno-fmt-ignore
export const PROPERTIES: Record<PropertyChange, Record<PropertyChange, PropertyCell>> = {
  same:    { same: agree,                    changed: bringTo("left", "5.12") },
  changed: { same: bringTo("right", "5.11"), changed: conflict("metadata_conflict", "5.13") },
};

/** mtime and mode to be brought to a side; null keeps what it has. */
export interface Properties {
  /** In ms since 1970. */
  readonly mtimeMs: number | null;
  readonly mode: number | null;
}

/** What is to be done about a path. */
export type Decision =
  /** Content agrees: bring names and properties, or only record. */
  | {
    readonly kind: "agree";
    readonly target: Location;
    readonly bring: Both<Properties>;
    readonly rule: Rule | null;
    readonly reason: string;
    /** A conflict of names and properties that ends with it. */
    readonly conflict: ConflictDecision | null;
  }
  | {
    readonly kind: "copy";
    readonly from: Side;
    readonly target: Location;
    readonly rule: Rule;
    readonly reason: string;
    /** The conflict of content that ends with it. */
    readonly conflict: ConflictDecision | null;
    /** The conflict of names that ends on the way. */
    readonly nameConflict: ConflictDecision | null;
  }
  | {
    readonly kind: "remove";
    readonly on: Side;
    readonly rule: Rule;
    readonly reason: string;
    /** A folder was chosen against the file. */
    readonly conflict: ConflictDecision | null;
  }
  /** A file leaves its path to a folder, for a clash name. */
  | {
    readonly kind: "aside";
    readonly from: Side;
    readonly target: Location;
    readonly conflict: ConflictDecision;
  }
  /** A conflict that is left for a person. */
  | { readonly kind: "open"; readonly conflict: ConflictDecision }
  | { readonly kind: "forget" };

/** A path, what became of it, and what is to be done about it. */
export interface DecidedPair {
  readonly pair: Pair;
  readonly changes: Changes;
  readonly decision: Decision;
}

/** Nothing is brought. */
export const KEEP: Both<Properties> = both(() => {
  return { mtimeMs: null, mode: null };
});

/**
 * Decides about one path.
 *
 * @param pair What was found and recorded.
 * @param changes What became of its content.
 * @param settings Policies and clocks.
 * @returns What to do, or null where there is nothing at all.
 */
export function decisionOn(
  pair: Pair,
  changes: Changes,
  settings: DecisionSettings,
): Decision | null {
  const decision = byTables(pair, changes, settings);
  if (decision === null || decision.kind === "forget") return decision;
  // Under notify nothing is touched, whatever there is to do besides.
  const { conflict } = decision;
  if (conflict?.policy === "notify") return { kind: "open", conflict };
  const name = decision.kind === "copy" ? decision.nameConflict : null;
  return name?.policy === "notify"
    ? { kind: "open", conflict: name }
    : decision;
}

function byTables(
  pair: Pair,
  changes: Changes,
  settings: DecisionSettings,
): Decision | null {
  const isNew = pair.row === null;
  const cell = changes.kind === "recorded"
    ? RECORDED[changes.change.left][changes.change.right]
    : UNRECORDED[changes.change.left][changes.change.right];
  const copyFrom = (
    from: Side,
    reason: string,
    rule: Rule,
    conflict: ConflictDecision | null = null,
  ): Decision => {
    const { target, conflict: nameConflict } = chooseName(pair, settings);
    return { kind: "copy", from, target, rule, reason, conflict, nameConflict };
  };
  switch (cell.kind) {
    case "none":
      return null;
    case "forget":
      return cell;
    case "agree":
      return byProperties(pair, settings);
    case "remove": {
      const { on, rule } = cell;
      if (chosenFolderSide(pair.key, settings.ruling) === on) {
        // In a folder that a person chose against a file nothing is deleted.
        const reason = `in the folder that was chosen on ${words(on)}`;
        return copyFrom(on, reason, on === "left" ? "5.6" : "5.5");
      }
      const reason = `deleted on ${words(otherSide(on))}`;
      return { kind: "remove", on, rule, reason, conflict: null };
    }
    case "copy": {
      const from = otherSide(cell.to);
      const isBack = !isNew && pair[cell.to] === null;
      const reason = `${isNew ? "new" : "changed"} on ${words(from)}` +
        (isBack ? `, deleted on ${words(cell.to)}` : "");
      return copyFrom(from, reason, cell.rule);
    }
    case "conflict": {
      if (changes.isSame) return adopt(pair, settings);
      const win = contentWinnerOf(cell.of, pair, settings);
      const conflict = decideConflict(cell.of, win, pair, settings);
      const reason = `${isNew ? "new" : "changed"} on both sides; ` +
        winnerWords(conflict);
      return copyFrom(win.side, reason, cell.rule, conflict);
    }
  }
}

/** The name for both sides, and the conflict where each has one of its own. */
function chooseName(pair: Pair, settings: DecisionSettings): {
  readonly target: Location;
  readonly conflict: ConflictDecision | null;
} {
  const { left, right, row } = pair;
  const free = (target: Location) => ({ target, conflict: null });
  if (left === null || right === null) return free(left ?? right ?? pair);
  if (isSamePlace(left, right)) return free(left);
  const kind = row === null ? "new_new" : "metadata_conflict";
  const win = winnerOf(kind, pair, settings);
  if (row === null) return free(pair[win.side]!);
  if (!isMoved(pair, "left")) return free(right);
  if (!isMoved(pair, "right")) return free(left);
  const conflict = decideConflict(kind, win, pair, settings);
  return { target: pair[win.side]!, conflict };
}

function isSamePlace(a: Location, b: Location): boolean {
  return a.folder === b.folder && a.name === b.name;
}

type Property = "name" | "time" | "mode";

/** Content is unchanged on both sides: the third table. */
function byProperties(pair: Pair, settings: DecisionSettings): Decision {
  const changed = both((side): Property[] => {
    const [{ metadata }, half] = [pair[side]!, pair.row![side]];
    const hasMode = settings.ignoresModes || metadata.mode === half.mode;
    return [
      ...isMoved(pair, side) ? ["name" as const] : [],
      ...metadata.mtimeMs === half.mtimeMs ? [] : ["time" as const],
      ...hasMode ? [] : ["mode" as const],
    ];
  });
  const { left, right } = both((side) =>
    changed[side].length > 0 ? "changed" : "same"
  );
  const cell = PROPERTIES[left][right];
  const agree = { kind: "agree", conflict: null } as const;
  if (cell.kind === "agree") {
    const reason = "nothing changed";
    return { ...agree, target: pair, bring: KEEP, rule: null, reason };
  }
  const { rule } = cell;
  if (cell.kind === "bring") {
    const from = otherSide(cell.to);
    const bring = bringFrom(pair, from, changed[from], settings);
    const what = changed[from].join(" and ");
    const reason = `${what} changed on ${words(from)}`;
    return { ...agree, target: pair[from]!, bring, rule, reason };
  }
  const haveModes = [...changed.left, ...changed.right].includes("mode");
  const doAgree = isSamePlace(pair.left!, pair.right!) &&
    (!haveModes || pair.left!.metadata.mode === pair.right!.metadata.mode);
  if (doAgree) return adopt(pair, settings);
  const win = winnerOf("metadata_conflict", pair, settings);
  const conflict = decideConflict("metadata_conflict", win, pair, settings);
  const { winner } = conflict;
  const bring = bringFrom(pair, winner, ["mode", "time"], settings);
  const reason = "name or properties changed on both sides; " +
    winnerWords(conflict);
  return { ...agree, target: pair[winner]!, bring, rule, reason, conflict };
}

/** What is brought from a side, where the other does not have it yet. */
function bringFrom(
  pair: Pair,
  from: Side,
  wanted: readonly Property[],
  { coarserTickMs, ignoresModes }: DecisionSettings,
): Both<Properties> {
  const to = otherSide(from);
  const [source, target] = [pair[from]!.metadata, pair[to]!.metadata];
  const hasTime = isSameTime(source.mtimeMs, target.mtimeMs, coarserTickMs);
  const hasMode = ignoresModes || source.mode === target.mode;
  return {
    ...KEEP,
    [to]: {
      mtimeMs: wanted.includes("time") && !hasTime ? source.mtimeMs : null,
      mode: wanted.includes("mode") && !hasMode ? source.mode : null,
    },
  };
}

/** Both hold the same content: the newer mtime goes to the other side. */
function adopt(pair: Pair, settings: DecisionSettings): Decision {
  const { target, conflict } = chooseName(pair, settings);
  const { side: newer } = newerOf(pair, settings);
  const bring = bringFrom(pair, newer, ["time"], settings);
  const rule = conflict?.rule ?? null;
  const reason = "same content";
  return { kind: "agree", target, bring, rule, reason, conflict };
}
