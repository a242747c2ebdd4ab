/**
 * From decisions to drafts of actions: the names of losers first, then the
 * folders, then one path at a time.
 *
 * @module
 */
import {
  type ClashPlace,
  clashPlaces,
  type ConflictDecision,
  conflictOf,
  isAsRecorded,
  loserWords,
  winnerWords,
} from "./conflict.ts";
import { isSameId, words } from "./metadata.ts";
import { doubtOf } from "./plan_changes.ts";
import { addFolderActions, type Layout, type OpenIn } from "./plan_folders.ts";
import type { Merged } from "./plan_merge.ts";
import { type Draft, Drafts, type Links } from "./plan_order.ts";
import {
  type DecidedPair,
  type Decision,
  KEEP,
  type Properties,
} from "./plan_rules.ts";
import {
  type Action,
  type Conflict,
  type DecisionSettings,
  type Fate,
  fateOf,
  type Folder,
  halfOf,
  type Inquiry,
  type Location,
  type Pair,
  type RecordChange,
} from "./plan_types.ts";
import {
  type Both,
  both,
  type FileRow,
  otherSide,
  type RecordedHalf,
  type Side,
  SIDES,
} from "./types.ts";

/** What drafting depends on besides the decisions. */
export interface DraftContext {
  readonly layout: Layout;
  readonly folders: readonly Folder[];
  readonly inquiry: Inquiry;
  readonly merged: Merged;
  /** Sides on which suspiciously many files changed. */
  readonly massChanged: ReadonlySet<Side>;
  /** Documents in a folder with a new name that stay where they are. */
  readonly openIn: OpenIn;
  readonly settings: DecisionSettings;
}

/** Of a decision, that of one kind. */
type Of<Kind extends Decision["kind"]> = Extract<
  Decision,
  { readonly kind: Kind }
>;

type Why = Pick<Action, "rule" | "reason" | "conflict">;

/**
 * Makes the drafts of a plan.
 *
 * @param decided Every path with something to do or to record.
 * @param open Conflicts above others, which stay open.
 * @param context Where everything will be, and the settings.
 * @returns The drafts; null where files have to be read first.
 */
export function draftsFor(
  decided: readonly DecidedPair[],
  open: readonly DecidedPair[],
  context: DraftContext,
): readonly Draft[] | null {
  const { folders, inquiry, layout, merged, massChanged, openIn, settings } =
    context;
  const { softDelete, isSuspicious } = settings;
  const drafts = new Drafts(settings.folding);
  const locate = (location: Location) => layout.locate(location);

  function conflictIn(
    pair: Pair,
    decision: ConflictDecision | null,
    main: Location,
    place: ClashPlace | null = null,
  ): Conflict | null {
    return conflictOf(pair, decision, locate(main), locate, place?.name);
  }

  /** Nothing that changes a file. */
  function addNoop(
    { left, right }: Pair,
    work: Action["work"],
    why: Pick<Action, "path" | "reason"> & Partial<Action>,
    links: Links = {},
  ): void {
    const bytes = Math.max(
      left?.metadata.sizeBytes ?? 0,
      right?.metadata.sizeBytes ?? 0,
    );
    drafts.add(work, { bytes, ...why }, links);
  }

  function addRecord(pair: Pair, change: RecordChange, reason: string): void {
    const path = change.kind === "put" ? change.row.path : locate(pair);
    const within = [pair.folder];
    addNoop(pair, { kind: "record", change }, { path, reason }, { within });
  }

  /**
   * Brings names, mtimes and modes, Left first.
   *
   * @param row The row to be written; null where none is recorded yet.
   * @param keepsHalves The content differs still: the halves stay as recorded.
   */
  function addRenames(
    pair: Pair,
    target: Location,
    bring: Both<Properties>,
    row: FileRow | null,
    keepsHalves: boolean,
    why: (side: Side) => Why,
  ): Draft[] {
    const renames: Draft[] = [];
    const to = locate(target);
    for (const side of SIDES) {
      const { [side]: found, [otherSide(side)]: other } = pair;
      if (found === null) continue;
      const from = locate(found);
      const { mtimeMs, mode } = bring[side];
      if (from === to && mtimeMs === null && mode === null) continue;
      const isFirst = renames.length === 0;
      const leaves = drafts.place(side, found);
      const takes = drafts.place(side, target);
      const isElsewhere = leaves.key !== takes.key;
      const draft = drafts.add(
        {
          kind: "rename",
          on: side,
          from,
          to,
          metadata: found.metadata,
          // The other side was looked at, and changed, by the rename before.
          other: isFirst && other !== null
            ? { path: locate(other), metadata: other.metadata }
            : null,
          mtimeMs,
          mode,
          row,
          rowPath: isFirst
            ? pair.row && layout.locateRow(pair)
            : row && row.path,
          keepsHalves,
        },
        why(side),
        {
          frees: isElsewhere ? [leaves] : [],
          takes: isElsewhere ? [takes] : [],
          after: renames,
          within: [found.folder, target.folder],
        },
      );
      renames.push(draft);
    }
    return renames;
  }

  /**
   * Puts a version under its clash name on both sides.
   *
   * @param leaves The file leaves its path to a folder.
   */
  function addClash(
    pair: Pair,
    from: Side,
    target: Location,
    { name, claimed }: ClashPlace,
    leaves: boolean,
    why: Why,
    after: readonly Draft[] = [],
  ): Draft {
    const { folder } = target;
    return drafts.add(
      {
        kind: "clash",
        from,
        path: locate(target),
        clashPath: locate({ folder, name }),
        metadata: pair[from]!.metadata,
        existing: both((side) => claimed?.[side]?.metadata ?? null),
        winner: pair[otherSide(from)]?.metadata ?? null,
        leaves,
        keepsHash: isSuspicious(target.name),
        rowPath: pair.row && layout.locateRow(pair),
      },
      why,
      {
        frees: leaves ? [drafts.place(from, target)] : [],
        after,
        within: [folder],
      },
    );
  }

  /** Content agrees: names and properties, or the record alone. */
  function addAgreed(item: DecidedPair, decision: Of<"agree">): void {
    const { pair } = item;
    const { target, bring, rule, reason } = decision;
    const row = agreedRow(item, locate(target), isSuspicious(target.name));
    const conflict = conflictIn(pair, decision.conflict, target);
    const why = () => ({ rule, reason, conflict });
    const renames = addRenames(pair, target, bring, row, false, why);
    if (renames.length > 0) return;
    const rowPath = pair.row && layout.locateRow(pair);
    if (!isSameRow(pair.row, row, rowPath)) {
      addRecord(pair, { kind: "put", row, rowPath }, reason);
    } else if (settings.listUnchanged) {
      const reason = "nothing changed";
      addNoop(pair, { kind: "none" }, { path: row.path, reason });
    }
  }

  function addCopy(
    pair: Pair,
    decision: Of<"copy">,
    place: ClashPlace | null,
  ): void {
    const { from, target, rule, reason, nameConflict } = decision;
    const to = otherSide(from);
    const path = locate(target);
    const { [from]: source, [to]: replaced, row } = pair;
    const { metadata } = source!;
    const conflict = conflictIn(pair, decision.conflict, target, place);
    // Content and name are two axes: the name comes first.
    const named = conflictIn(pair, nameConflict, target);
    const newRow = row && { ...row, path };
    const before = addRenames(pair, target, KEEP, newRow, true, (side) => ({
      rule: nameConflict?.rule ?? (side === "left" ? "5.12" : "5.11"),
      reason: `renamed on ${words(otherSide(side))}`,
      conflict: named,
    }));
    const isRenamed = before.length > 0;
    if (place) {
      const why = { rule, reason, conflict };
      before.push(addClash(pair, to, target, place, false, why, before));
    }
    const hasNewMode = replaced === null ||
      !settings.ignoresModes && row !== null &&
        row[from].mode !== metadata.mode;
    const doubt = place || replaced === null ? "" : doubtWords(pair, from);
    const isKept = replaced !== null && !place &&
      (decision.conflict !== null || softDelete.keepReplaced);
    const fate: Fate = doubt
      ? "soft-delete"
      : isKept
      ? fateOf(replaced.metadata.sizeBytes, softDelete)
      : "destroy";
    drafts.add({
      kind: "copy",
      from,
      path,
      source: metadata,
      softDeleted: null,
      target: replaced?.metadata ?? null,
      mode: hasNewMode ? metadata.mode : null,
      fate,
      isDoubtful: doubt !== "",
      clashPath: place && locate({ folder: target.folder, name: place.name }),
      keepsHash: isSuspicious(target.name),
      rowPath: row && (isRenamed ? path : layout.locateRow(pair)),
    }, {
      rule,
      reason: reason + doubt + loserWords(decision.conflict, fate),
      conflict,
    }, {
      takes: replaced === null ? [drafts.place(to, target)] : [],
      after: before,
      within: [target.folder],
    });
  }

  /** Why what a version replaces is soft-deleted in any case; "" where it is not. */
  function doubtWords(pair: Pair, from: Side): string {
    const doubt = doubtOf(pair, from);
    const isMass = pair.row !== null && massChanged.has(from);
    if (doubt === null && !isMass) return "";
    const why = doubt === "empty"
      ? "it is empty now"
      : doubt === "older"
      ? "it is older now than at the last run"
      : `so did most files there`;
    return `; ${why}, so what it replaces is soft-deleted`;
  }

  function addRemoval(
    pair: Pair,
    { on, rule, reason, conflict }: Of<"remove">,
  ): void {
    const found = pair[on]!;
    const { metadata } = found;
    const fate = fateOf(metadata.sizeBytes, softDelete);
    const whyDestroyed = fate === "soft-delete"
      ? ""
      : softDelete.enabled
      ? "; too large for soft delete"
      : "; soft delete is off";
    const [path, rowPath] = [locate(found), layout.locateRow(pair)];
    drafts.add({ kind: "remove", on, path, metadata, fate, rowPath }, {
      rule,
      reason: reason + whyDestroyed,
      conflict: conflictIn(pair, conflict, found),
    }, { frees: [drafts.place(on, found)], within: [found.folder] });
  }

  function addFor(item: DecidedPair, place: ClashPlace | null): void {
    const { decision, pair } = item;
    switch (decision.kind) {
      case "agree":
        return addAgreed(item, decision);
      case "copy":
        return addCopy(pair, decision, place);
      case "remove":
        return addRemoval(pair, decision);
      case "aside": {
        const { from, target, conflict } = decision;
        const reason = `a file on ${words(from)}, a folder on ` +
          `${words(otherSide(from))}; ${winnerWords(conflict)}`;
        const { rule } = conflict;
        const told = conflictIn(pair, conflict, target, place);
        const why = { rule, reason, conflict: told };
        addClash(pair, from, target, place!, true, why);
        return;
      }
      case "open": {
        const { rule, winner } = decision.conflict;
        const main = pair.row === null ? pair[winner] ?? pair : pair;
        return addNoop(pair, { kind: "none" }, {
          path: locate(main),
          rule,
          reason: "conflict, left for a person to resolve",
          conflict: conflictIn(pair, decision.conflict, main),
        });
      }
      case "forget": {
        const path = layout.locateRow(pair);
        return addRecord(pair, { kind: "forget", path }, "gone on both sides");
      }
    }
  }

  const idle = new Map<string, Pair>();
  for (const { pair } of decided) {
    if (pair.row === null || isAsRecorded(pair)) idle.set(pair.key, pair);
  }
  const keys = new Set(folders.map(({ key }) => key));
  const choosePlace = clashPlaces(inquiry, merged, idle, keys, settings);
  const places = new Map<DecidedPair, ClashPlace>();
  const claimed = new Set<Pair>();
  for (const item of decided) {
    const { decision, pair } = item;
    const isClash = decision.kind === "aside" ||
      decision.kind === "copy" && decision.conflict?.policy === "clash";
    if (!isClash) continue;
    const loser = decision.kind === "aside"
      ? decision.from
      : otherSide(decision.conflict!.winner);
    const place = choosePlace(decision.target, loser, pair[loser]!);
    if (place === null) continue;
    places.set(item, place);
    if (place.claimed) claimed.add(place.claimed);
  }
  if (inquiry.open.size > 0) return null;
  addFolderActions(drafts, layout, folders, openIn, settings);
  for (const item of decided) {
    if (!claimed.has(item.pair)) addFor(item, places.get(item) ?? null);
  }
  for (const item of open) addFor(item, null);
  return drafts.all;
}

/** The row of a path whose content both sides agree on, as the scans found it. */
function agreedRow(
  { pair, changes }: DecidedPair,
  path: string,
  isSuspicious: boolean,
): FileRow {
  const hash = changes.hash ?? pair.row?.hash ?? null;
  const { left, right } = both((side): RecordedHalf => {
    const { metadata, isFresh } = pair[side]!;
    return halfOf(metadata, isFresh && hash !== null);
  });
  const isNeeded = left.isFresh || right.isFresh || isSuspicious;
  return { path, left, right, hash: isNeeded ? hash : null };
}

/** Whether the record has to learn nothing. */
function isSameRow(
  row: FileRow | null,
  next: FileRow,
  rowPath: string | null,
): boolean {
  if (row === null || rowPath !== next.path || row.hash !== next.hash) {
    return false;
  }
  return SIDES.every((side) => {
    const { [side]: a } = row;
    const { [side]: b } = next;
    const haveSameId = a.id === null ? b.id === null : isSameId(a.id, b.id);
    return a.sizeBytes === b.sizeBytes && a.mtimeMs === b.mtimeMs &&
      a.mode === b.mode && a.isFresh === b.isFresh && haveSameId;
  });
}
