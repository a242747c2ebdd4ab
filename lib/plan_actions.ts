/**
 * From decisions to drafts of actions: the names of losers first, then the
 * folders, then one path at a time.
 *
 * @module
 */
import {
  ClashNames,
  type ClashPlace,
  type ConflictDecision,
  conflictOf,
  isAsRecorded,
  loserWords,
  winnerWords,
} from "./conflict.ts";
import { isSameId, words } from "./metadata.ts";
import { doubtOf } from "./plan_changes.ts";
import { FolderActions, type Layout } from "./plan_folders.ts";
import type { Folder, Location, Merged, Pair } from "./plan_merge.ts";
import { type Draft, Drafts, type Links } from "./plan_order.ts";
import { type DecidedPair, type Decision, KEEP } from "./plan_rules.ts";
import {
  type Action,
  type Conflict,
  type DecisionSettings,
  type Fate,
  fateOf,
  halfOf,
  type Inquiry,
  type RecordChange,
} from "./plan_types.ts";
import {
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
  readonly settings: DecisionSettings;
}

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
  const { folders, inquiry, layout, merged, settings } = context;
  const idle = new Map<string, Pair>();
  for (const { pair } of decided) {
    if (pair.row === null || isAsRecorded(pair)) idle.set(pair.key, pair);
  }
  const keys = new Set(folders.map(({ key }) => key));
  const names = new ClashNames(inquiry, merged, idle, keys, settings);
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
    const place = names.choose(decision.target, loser, pair[loser]!);
    if (place === null) continue;
    places.set(item, place);
    if (place.claimed) claimed.add(place.claimed);
  }
  if (inquiry.open.size > 0) return null;
  const drafts = new Drafts(layout, settings.folding);
  new FolderActions(drafts, folders, settings);
  const files = new FileActions(drafts, context);
  for (const item of decided) {
    if (!claimed.has(item.pair)) files.add(item, places.get(item) ?? null);
  }
  for (const item of open) files.add(item, null);
  return drafts.all;
}

/** Adds what paths need to the drafts. */
class FileActions {
  readonly #drafts: Drafts;
  readonly #layout: Layout;
  readonly #settings: DecisionSettings;
  readonly #massChanged: ReadonlySet<Side>;

  constructor(drafts: Drafts, context: DraftContext) {
    this.#drafts = drafts;
    this.#layout = context.layout;
    this.#settings = context.settings;
    this.#massChanged = context.massChanged;
  }

  /** Adds what a path needs; its loser goes to a place, if it has one. */
  add(item: DecidedPair, place: ClashPlace | null): void {
    const { decision, pair } = item;
    switch (decision.kind) {
      case "agree":
        return this.#agree(item, decision);
      case "copy":
        return this.#copy(pair, decision, place);
      case "remove":
        return this.#remove(pair, decision);
      case "aside": {
        const { from, target, conflict } = decision;
        const reason = `a file on ${words(from)}, a folder on ` +
          `${words(otherSide(from))}; ${winnerWords(conflict)}`;
        this.#clash(pair, from, target, place!, {
          rule: conflict.rule,
          reason,
          conflict: this.#conflict(pair, conflict, target, place),
          leaves: true,
        });
        return;
      }
      case "open":
        return this.#open(pair, decision.conflict);
      case "forget": {
        const path = this.#layout.locateRow(pair);
        const reason = "gone on both sides";
        return this.#record(pair, { kind: "forget", path }, reason);
      }
    }
  }

  #conflict(
    pair: Pair,
    decision: ConflictDecision | null,
    main: Location,
    place: ClashPlace | null = null,
  ): Conflict | null {
    const locate = (location: Location) => this.#layout.locate(location);
    return conflictOf(pair, decision, locate(main), locate, place?.name);
  }

  /** Content agrees: names and properties, or the record alone. */
  #agree(
    item: DecidedPair,
    decision: Decision & { readonly kind: "agree" },
  ): void {
    const { pair } = item;
    const { target, bring, rule, reason } = decision;
    const row = agreedRow(
      item,
      this.#layout.locate(target),
      this.#settings.isSuspicious(target.name),
    );
    const conflict = this.#conflict(pair, decision.conflict, target);
    const renames = this.#rename(pair, target, {
      bring,
      row,
      keepsHalves: false,
      why: () => ({ rule, reason, conflict }),
    });
    if (renames.length > 0) return;
    const rowPath = pair.row && this.#layout.locateRow(pair);
    if (!isSameRow(pair.row, row, rowPath)) {
      return this.#record(pair, { kind: "put", row, rowPath }, reason);
    }
    if (!this.#settings.listUnchanged) return;
    this.#noop(pair, { kind: "none" }, {
      path: row.path,
      reason: "nothing changed",
    });
  }

  /** Brings names, mtimes and modes, Left first. */
  #rename(
    pair: Pair,
    target: Location,
    { bring, row, keepsHalves, why }: {
      readonly bring: (Decision & { readonly kind: "agree" })["bring"];
      /** The row to be written; null where the path is not recorded yet. */
      readonly row: FileRow | null;
      /** The content differs still: the halves stay as recorded. */
      readonly keepsHalves: boolean;
      why(side: Side): Pick<Action, "rule" | "reason" | "conflict">;
    },
  ): Draft[] {
    const drafts: Draft[] = [];
    const to = this.#layout.locate(target);
    for (const side of SIDES) {
      const { [side]: found, [otherSide(side)]: other } = pair;
      if (found === null) continue;
      const from = this.#layout.locate(found);
      const { mtimeMs, mode } = bring[side];
      if (from === to && mtimeMs === null && mode === null) continue;
      const isFirst = drafts.length === 0;
      const [leaves, takes] = [
        this.#drafts.place(side, found),
        this.#drafts.place(side, target),
      ];
      const isElsewhere = leaves.key !== takes.key;
      const draft = this.#drafts.add(
        {
          kind: "rename",
          on: side,
          from,
          to,
          metadata: found.metadata,
          // The other side was looked at, and changed, by the rename before.
          other: !isFirst || other === null ? null : {
            path: this.#layout.locate(other),
            metadata: other.metadata,
          },
          mtimeMs,
          mode,
          row,
          rowPath: isFirst
            ? pair.row && this.#layout.locateRow(pair)
            : row && row.path,
          keepsHalves,
        },
        why(side),
        {
          frees: isElsewhere ? [leaves] : [],
          takes: isElsewhere ? [takes] : [],
          after: drafts,
          within: [found.folder, target.folder],
        },
      );
      drafts.push(draft);
    }
    return drafts;
  }

  #copy(
    pair: Pair,
    decision: Decision & { readonly kind: "copy" },
    place: ClashPlace | null,
  ): void {
    const { from, target, rule, reason } = decision;
    const to = otherSide(from);
    const path = this.#layout.locate(target);
    const { [from]: source, [to]: replaced, row } = pair;
    const { metadata } = source!;
    const conflict = this.#conflict(pair, decision.conflict, target, place);
    // Content and name are two axes: the name comes first.
    const { nameConflict } = decision;
    const named = this.#conflict(pair, nameConflict, target);
    const renames = this.#rename(pair, target, {
      bring: KEEP,
      row: row && { ...row, path },
      keepsHalves: true,
      why: (side) => ({
        rule: nameConflict?.rule ?? (side === "left" ? "5.12" : "5.11"),
        reason: `renamed on ${words(otherSide(side))}`,
        conflict: named,
      }),
    });
    const clash = place && this.#clash(pair, to, target, place, {
      rule,
      reason,
      conflict,
      leaves: false,
    }, renames);
    const hasNewMode = replaced === null ||
      !this.#settings.ignoresModes && row !== null &&
        row[from].mode !== metadata.mode;
    const doubt = place || replaced === null ? "" : this.#doubt(pair, from);
    const { softDelete } = this.#settings;
    const isKept = replaced !== null && !place &&
      (decision.conflict !== null || softDelete.keepReplaced);
    const fate: Fate = doubt
      ? "soft-delete"
      : isKept
      ? fateOf(replaced.metadata.sizeBytes, softDelete)
      : "destroy";
    this.#drafts.add({
      kind: "copy",
      from,
      path,
      source: metadata,
      target: replaced?.metadata ?? null,
      mode: hasNewMode ? metadata.mode : null,
      fate,
      isDoubtful: doubt !== "",
      clashPath: place && this.#clashPath(target, place),
      keepsHash: this.#settings.isSuspicious(target.name),
      rowPath: row &&
        (renames.length > 0 ? path : this.#layout.locateRow(pair)),
    }, {
      rule,
      reason: reason + doubt + loserWords(decision.conflict, fate),
      conflict,
    }, {
      takes: replaced === null ? [this.#drafts.place(to, target)] : [],
      after: [...renames, ...clash ? [clash] : []],
      within: [target.folder],
    });
  }

  #clashPath({ folder }: Location, { name }: ClashPlace): string {
    return this.#layout.locate({ folder, name });
  }

  /** Puts a version under its clash name on both sides. */
  #clash(
    pair: Pair,
    from: Side,
    target: Location,
    place: ClashPlace,
    { leaves, ...why }:
      & Pick<Action, "rule" | "reason" | "conflict">
      // The file leaves its path to a folder.
      & { readonly leaves: boolean },
    after: readonly Draft[] = [],
  ): Draft {
    return this.#drafts.add(
      {
        kind: "clash",
        from,
        path: this.#layout.locate(target),
        clashPath: this.#clashPath(target, place),
        metadata: pair[from]!.metadata,
        existing: both((side) => place.claimed?.[side]?.metadata ?? null),
        winner: pair[otherSide(from)]?.metadata ?? null,
        leaves,
        keepsHash: this.#settings.isSuspicious(target.name),
        rowPath: pair.row && this.#layout.locateRow(pair),
      },
      why,
      {
        frees: leaves ? [this.#drafts.place(from, target)] : [],
        after,
        within: [target.folder],
      },
    );
  }

  /** Why what a version replaces is kept in any case; "" where it is not. */
  #doubt(pair: Pair, from: Side): string {
    const doubt = doubtOf(pair, from);
    const isMass = pair.row !== null && this.#massChanged.has(from);
    if (doubt === null && !isMass) return "";
    const why = doubt === "empty"
      ? "it is empty now"
      : doubt === "older"
      ? "it is older now than at the last run"
      : `so did most files there`;
    return `; ${why}, so what it replaces is kept`;
  }

  #remove(
    pair: Pair,
    { on, rule, reason, conflict }: Decision & { readonly kind: "remove" },
  ): void {
    const found = pair[on]!;
    const { metadata } = found;
    const { softDelete } = this.#settings;
    const fate = fateOf(metadata.sizeBytes, softDelete);
    const whyDestroyed = fate === "soft-delete"
      ? ""
      : softDelete.enabled
      ? "; too large for soft delete"
      : "; soft delete is off";
    this.#drafts.add({
      kind: "remove",
      on,
      path: this.#layout.locate(found),
      metadata,
      fate,
      rowPath: this.#layout.locateRow(pair),
    }, {
      rule,
      reason: reason + whyDestroyed,
      conflict: this.#conflict(pair, conflict, found),
    }, { frees: [this.#drafts.place(on, found)], within: [found.folder] });
  }

  #open(pair: Pair, decision: ConflictDecision): void {
    const main = pair.row === null ? pair[decision.winner] ?? pair : pair;
    const conflict = this.#conflict(pair, decision, main);
    this.#noop(pair, { kind: "none" }, {
      path: this.#layout.locate(main),
      rule: decision.rule,
      reason: "conflict, left for a person to settle",
      conflict,
    });
  }

  #record(pair: Pair, change: RecordChange, reason: string): void {
    const path = change.kind === "put"
      ? change.row.path
      : this.#layout.locate(pair);
    const within = [pair.folder];
    this.#noop(pair, { kind: "record", change }, { path, reason }, { within });
  }

  /** Nothing that changes a file. */
  #noop(
    { left, right }: Pair,
    work: Action["work"],
    why: Pick<Action, "path" | "reason"> & Partial<Action>,
    links: Links = {},
  ): void {
    const bytes = Math.max(
      left?.metadata.sizeBytes ?? 0,
      right?.metadata.sizeBytes ?? 0,
    );
    this.#drafts.add(work, { bytes, ...why }, links);
  }
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
