/**
 * From what became of a path to what is to be done about it: the tables,
 * then names and properties, then the policy for conflicts.
 *
 * @module
 */
import {
  chosenFolderSide,
  contentWinnerOf,
  type Contest,
  contestOf,
  type ContestSettings,
  winnerOf,
  winnerWords,
} from "./conflict.ts";
import { isSameTime, newerOf, words } from "./metadata.ts";
import type { Judgement } from "./plan_changes.ts";
import { isMoved, type Location, type Pair } from "./plan_merge.ts";
import {
  type Both,
  type ConflictKind,
  otherSide,
  type Rule,
  type Side,
} from "./types.ts";

// The two tables of the contract, as tables: what to do about the content of
// one path, given what became of it on each side. Row Left, column Right. The
// type checker proves that no cell is missing.

/** What became of a recorded file on one side. */
export const RECORDED_CHANGES = ["unchanged", "modified", "deleted"] as const;

/** One of {@linkcode RECORDED_CHANGES}. */
export type RecordedChange = typeof RECORDED_CHANGES[number];

/** What became of an unrecorded file on one side. */
export const UNRECORDED_CHANGES = ["absent", "created"] as const;

/** One of {@linkcode UNRECORDED_CHANGES}. */
export type UnrecordedChange = typeof UNRECORDED_CHANGES[number];

/** What to do about the content of a path. */
export type Cell =
  /** Content agrees: only name and properties may differ. */
  | { readonly kind: "settled" }
  /** Bring the content to a side. */
  | { readonly kind: "copy"; readonly to: Side; readonly rule: Rule }
  /** Remove the file from a side. */
  | { readonly kind: "remove"; readonly on: Side; readonly rule: Rule }
  /** Both sides have content of their own: equal, or a conflict. */
  | {
    readonly kind: "contest";
    readonly conflict: ConflictKind;
    readonly rule: Rule;
  }
  /** Nothing is left of it: drop the row. */
  | { readonly kind: "forget" }
  /** There is nothing. */
  | { readonly kind: "none" };

const settled: Cell = { kind: "settled" };
const forget: Cell = { kind: "forget" };
const none: Cell = { kind: "none" };
const copyTo = (to: Side, rule: Rule): Cell => ({ kind: "copy", to, rule });
const removeOn = (on: Side, rule: Rule): Cell => ({ kind: "remove", on, rule });
const contest = (conflict: ConflictKind, rule: Rule): Cell => ({
  kind: "contest",
  conflict,
  rule,
});

/** Recorded paths. */
// deno-fmt-ignore
export const RECORDED: Record<RecordedChange, Record<RecordedChange, Cell>> = {
  unchanged: { unchanged: settled,                 modified: copyTo("left", "5.4"),           deleted: removeOn("left", "5.8") },
  modified:  { unchanged: copyTo("right", "5.3"),  modified: contest("modify_modify", "5.1"), deleted: copyTo("right", "5.6") },
  deleted:   { unchanged: removeOn("right", "5.7"), modified: copyTo("left", "5.5"),          deleted: forget },
};

/** Paths that are not recorded. */
// deno-fmt-ignore
export const UNRECORDED: Record<UnrecordedChange, Record<UnrecordedChange, Cell>> = {
  absent:  { absent: none,                   created: copyTo("left", "5.10") },
  created: { absent: copyTo("right", "5.9"), created: contest("new_new", "5.2") },
};

/** Whether name, mtime or mode of one side are as recorded. */
export const PROPERTY_CHANGES = ["same", "changed"] as const;

/** One of {@linkcode PROPERTY_CHANGES}. */
export type PropertyChange = typeof PROPERTY_CHANGES[number];

/** What to do about name and properties, content being settled. */
export type PropertyCell =
  | { readonly kind: "nothing" }
  /** Bring name, mtime and mode to a side. */
  | { readonly kind: "bring"; readonly to: Side; readonly rule: Rule }
  /** Both changed them: the same, or only mtimes, or a conflict. */
  | { readonly kind: "contest"; readonly rule: Rule };

const bringTo = (to: Side, rule: Rule): PropertyCell => ({
  kind: "bring",
  to,
  rule,
});

/** Name and properties, content unchanged on both sides. */
// deno-fmt-ignore
export const PROPERTIES: Record<PropertyChange, Record<PropertyChange, PropertyCell>> = {
  same:    { same: { kind: "nothing" },         changed: bringTo("left", "5.12") },
  changed: { same: bringTo("right", "5.11"), changed: { kind: "contest", rule: "5.13" } },
};

/** mtime and mode to be brought to a side; null keeps what it has. */
export interface Properties {
  /** In ms since 1970. */
  readonly mtimeMs: number | null;
  readonly mode: number | null;
}

/** What is to be done about a path. */
export type Verdict =
  /** Content agrees: bring names and properties, or only record. */
  | {
    readonly kind: "settle";
    readonly target: Location;
    readonly bring: Both<Properties>;
    readonly rule: Rule | null;
    readonly reason: string;
    /** A conflict of names and properties that this settles. */
    readonly contest: Contest | null;
  }
  | {
    readonly kind: "copy";
    readonly from: Side;
    readonly target: Location;
    readonly rule: Rule;
    readonly reason: string;
    /** The conflict of content that this settles. */
    readonly contest: Contest | null;
    /** The conflict of names that is settled on the way. */
    readonly nameContest: Contest | null;
  }
  | { readonly kind: "remove"; readonly on: Side; readonly rule: Rule }
  /** A conflict that is left for a person. */
  | { readonly kind: "open"; readonly contest: Contest }
  | { readonly kind: "forget" };

const KEEP: Properties = { mtimeMs: null, mode: null };

/**
 * Decides about one path.
 *
 * @param pair What was found and recorded.
 * @param judgement What became of its content.
 * @param settings Policies and clocks.
 * @returns What to do, or null where there is nothing at all.
 */
export function verdictOf(
  pair: Pair,
  judgement: Judgement & { kind: "recorded" | "unrecorded" },
  settings: ContestSettings,
): Verdict | null {
  const cell = judgement.kind === "recorded"
    ? RECORDED[judgement.change.left][judgement.change.right]
    : UNRECORDED[judgement.change.left][judgement.change.right];
  switch (cell.kind) {
    case "none":
      return null;
    case "forget":
      return cell;
    case "remove":
      return removeVerdict(pair, cell, settings);
    case "settled":
      return settleProperties(pair, settings);
    case "copy":
      return copyVerdict(pair, cell, settings);
    case "contest":
      return judgement.isSame
        ? adopt(pair, settings)
        : contestVerdict(pair, cell, settings);
  }
}

/** Names of both sides, and the conflict where they can't both be had. */
interface NameChoice {
  readonly target: Location;
  readonly contest: Contest | null;
}

function chooseName(pair: Pair, settings: ContestSettings): NameChoice {
  const { left, right } = pair;
  const free = { contest: null };
  if (left === null || right === null) {
    return { target: (left ?? right) ?? pair, ...free };
  }
  if (isSamePlace(left, right)) return { target: left, ...free };
  const { side: winner } = winnerOf(pair, settings);
  if (pair.row === null) return { target: pair[winner]!, ...free };
  if (!isMoved(pair, "left")) return { target: right, ...free };
  if (!isMoved(pair, "right")) return { target: left, ...free };
  return {
    target: pair[winner]!,
    contest: metadataContest(pair, settings),
  };
}

/** No content is at stake. */
function metadataContest(pair: Pair, settings: ContestSettings): Contest {
  return contestOf({
    key: pair.key,
    kind: "metadata_conflict",
    rule: "5.13",
    win: winnerOf(pair, settings),
    left: null,
    right: null,
  }, settings);
}

function isSamePlace(a: Location, b: Location): boolean {
  return a.folder === b.folder && a.name === b.name;
}

/** Content is unchanged on both sides: the third table. */
function settleProperties(pair: Pair, settings: ContestSettings): Verdict {
  const left = pair.left!;
  const right = pair.right!;
  const changed = {
    left: changedProperties(pair, "left", settings),
    right: changedProperties(pair, "right", settings),
  };
  const cell = PROPERTIES[changed.left.length > 0 ? "changed" : "same"][
    changed.right.length > 0 ? "changed" : "same"
  ];
  if (cell.kind === "nothing") {
    return settle(pair, { reason: "nothing changed" });
  }
  if (cell.kind === "bring") {
    const from = otherSide(cell.to);
    const bring = propertiesOf(pair, from, changed[from], settings);
    return settle(pair[from]!, {
      bring: { left: KEEP, right: KEEP, [cell.to]: bring },
      rule: cell.rule,
      reason: `${changed[from].join(" and ")} changed on ${words(from)}`,
    });
  }
  const haveModes = changed.left.includes("mode") ||
    changed.right.includes("mode");
  const agree = isSamePlace(left, right) &&
    (!haveModes || left.metadata.mode === right.metadata.mode);
  if (agree) return adopt(pair, settings);
  const contest = metadataContest(pair, settings);
  if (contest.policy === "notify") return { kind: "open", contest };
  const { winner } = contest;
  const loser = otherSide(winner);
  const bring = propertiesOf(pair, winner, ["mode", "time"], settings);
  return settle(pair[winner]!, {
    bring: { left: KEEP, right: KEEP, [loser]: bring },
    rule: cell.rule,
    reason: `name or properties changed on both sides; ${winnerWords(contest)}`,
    contest,
  });
}

type Property = "name" | "time" | "mode";

function changedProperties(
  pair: Pair,
  side: Side,
  { ignoresModes }: ContestSettings,
): Property[] {
  const { metadata } = pair[side]!;
  const half = pair.row![side];
  const changed: Property[] = [];
  if (isMoved(pair, side)) changed.push("name");
  if (metadata.mtimeMs !== half.mtimeMs) changed.push("time");
  if (!ignoresModes && metadata.mode !== half.mode) changed.push("mode");
  return changed;
}

/** What is to be brought from a side, where the other does not have it yet. */
function propertiesOf(
  pair: Pair,
  from: Side,
  wanted: readonly Property[],
  settings: ContestSettings,
): Properties {
  const source = pair[from]!.metadata;
  const target = pair[otherSide(from)]!.metadata;
  const hasTime = isSameTime(source.mtimeMs, target.mtimeMs, settings);
  const hasMode = settings.ignoresModes || source.mode === target.mode;
  return {
    mtimeMs: wanted.includes("time") && !hasTime ? source.mtimeMs : null,
    mode: wanted.includes("mode") && !hasMode ? source.mode : null,
  };
}

/** Both hold the same content: the newer mtime goes to the other side. */
function adopt(pair: Pair, settings: ContestSettings): Verdict {
  const { target, contest } = chooseName(pair, settings);
  if (contest?.policy === "notify") return { kind: "open", contest };
  const { side: winner } = newerOf(pair.left!, pair.right!, settings);
  const bring = propertiesOf(pair, winner, ["time"], settings);
  return settle(target, {
    bring: { left: KEEP, right: KEEP, [otherSide(winner)]: bring },
    rule: contest?.rule ?? null,
    reason: "same content",
    contest,
  });
}

function settle(
  target: Location,
  how: Partial<Omit<Verdict & { kind: "settle" }, "kind" | "target">>,
): Verdict {
  return {
    kind: "settle",
    target,
    bring: { left: KEEP, right: KEEP },
    rule: null,
    reason: "",
    contest: null,
    ...how,
  };
}

/** In a folder that a person chose against a file nothing is deleted. */
function removeVerdict(
  pair: Pair,
  cell: Verdict & { kind: "remove" },
  settings: ContestSettings,
): Verdict {
  const from = cell.on;
  if (chosenFolderSide(pair.key, settings.ruling) !== from) return cell;
  return {
    kind: "copy",
    from,
    target: pair[from]!,
    rule: from === "left" ? "5.6" : "5.5",
    reason: `in the folder that was chosen on ${words(from)}`,
    contest: null,
    nameContest: null,
  };
}

function copyVerdict(
  pair: Pair,
  cell: Cell & { kind: "copy" },
  settings: ContestSettings,
): Verdict {
  const { target, contest } = chooseName(pair, settings);
  if (contest?.policy === "notify") return { kind: "open", contest };
  const from = otherSide(cell.to);
  const isNew = pair.row === null;
  const isBack = !isNew && pair[cell.to] === null;
  const reason = isNew
    ? `new on ${words(from)}`
    : isBack
    ? `changed on ${words(from)}, deleted on ${words(cell.to)}`
    : `changed on ${words(from)}`;
  return {
    kind: "copy",
    from,
    target,
    rule: cell.rule,
    reason,
    contest: null,
    nameContest: contest,
  };
}

function contestVerdict(
  pair: Pair,
  cell: Cell & { kind: "contest" },
  settings: ContestSettings,
): Verdict {
  const { conflict: kind, rule } = cell;
  const { key, left, right } = pair;
  const win = contentWinnerOf(pair, settings);
  const subject = { key, kind, rule, win, left, right };
  const contest = contestOf(subject, settings);
  if (contest.policy === "notify") return { kind: "open", contest };
  const { target, contest: nameContest } = chooseName(pair, settings);
  if (nameContest?.policy === "notify") {
    return { kind: "open", contest: nameContest };
  }
  const what = pair.row === null ? "new" : "changed";
  const reason = `${what} on both sides; ${winnerWords(contest)}`;
  const from = win.side;
  return { kind: "copy", from, target, rule, reason, contest, nameContest };
}
