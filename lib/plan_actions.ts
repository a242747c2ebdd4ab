/**
 * The actions that one path needs.
 *
 * @module
 */
import {
  addClash,
  type ClashPlace,
  conflictOf,
  keptWords,
  winnerWords,
} from "./conflict.ts";
import { isSameId, words } from "./metadata.ts";
import { type Folding, joinPath, keyOf } from "./paths.ts";
import { doubtOf } from "./plan_changes.ts";
import type { FolderActions, Layout } from "./plan_folders.ts";
import type { Folder, FoundFile, Location } from "./plan_merge.ts";
import type { Draft, Place } from "./plan_order.ts";
import type { Properties, Verdict } from "./plan_rules.ts";
import {
  type Action,
  type Conflict,
  type Fate,
  fateOf,
  halfOf,
  type RecordChange,
} from "./plan_types.ts";
import type { Aside, Case, RemovalSettings } from "./sync_logic.ts";
import {
  type ActionName,
  type FileRow,
  otherSide,
  type RecordedHalf,
  type Rule,
  type Side,
  SIDES,
} from "./types.ts";

// The action that brings a name, mtime or mode to one side.

/** What is brought, and what the record learns of it. */
export interface RenameDraft {
  readonly bring: Properties;
  /** The row to be written; null where the path is not recorded yet. */
  readonly row: FileRow | null;
  /** The row's path until then; null where there is none. */
  readonly rowPath: string | null;
  /** The content differs still: the halves stay as recorded. */
  readonly keepsHalves: boolean;
  readonly rule: Rule | null;
  readonly reason: string;
  readonly conflict: Conflict | null;
  /** A rename of the same path on the other side. */
  readonly after: readonly Draft[];
}

/**
 * Adds the action, where one is needed.
 *
 * @param list Takes it.
 * @param item The path.
 * @param side The side that is changed.
 * @param target The name it is to have.
 * @param how What is brought.
 * @returns Null where the side has it all.
 */
export function addRename(
  list: DraftList,
  item: Case,
  side: Side,
  target: Location,
  how: RenameDraft,
): Draft | null {
  const found = item.pair[side];
  if (found === null) return null;
  const from = list.locate(found);
  const to = list.locate(target);
  const { mtimeMs, mode } = how.bring;
  if (from === to && mtimeMs === null && mode === null) return null;
  const other = item.pair[otherSide(side)];
  // The other side was looked at, and changed, by the rename before.
  const isSecond = how.after.length > 0;
  const [fromPlace, toPlace] = [
    list.place(side, found),
    list.place(side, target),
  ];
  const isElsewhere = fromPlace.key !== toPlace.key;
  return list.add({
    name: side === "left" ? "RENAME_LEFT" : "RENAME_RIGHT",
    path: from,
    newPath: from === to ? null : to,
    rule: how.rule,
    side,
    reason: how.reason,
    bytes: found.metadata.sizeBytes,
    work: {
      kind: "rename",
      on: side,
      from,
      to,
      metadata: found.metadata,
      other: isSecond || other === null
        ? null
        : { path: list.locate(other), metadata: other.metadata },
      mtimeMs,
      mode,
      row: how.row,
      rowPath: how.rowPath,
      keepsHalves: how.keepsHalves,
    },
    conflict: how.conflict,
  }, {
    frees: isElsewhere ? [fromPlace] : [],
    takes: isElsewhere ? [toPlace] : [],
    after: how.after,
    within: [found.folder, target.folder],
  });
}

// The row of a path whose content both sides agree on.

/**
 * Makes the row from what the scans found.
 *
 * @param item The path.
 * @param path Where it will be.
 * @param isSuspicious Whether files of its name are read always.
 */
export function settledRow(
  { pair, judgement }: Case,
  path: string,
  isSuspicious: boolean,
): FileRow {
  const hash = judgement.hash ?? pair.row?.hash ?? null;
  const half = (side: Side): RecordedHalf => {
    const found = pair[side]!;
    return halfOf(found.metadata, found.isFresh && hash !== null);
  };
  const [left, right] = [half("left"), half("right")];
  const isNeeded = left.isFresh || right.isFresh || isSuspicious;
  return { path, left, right, hash: isNeeded ? hash : null };
}

/**
 * Whether the record has to learn nothing.
 *
 * @param row The row as it is; null for none.
 * @param next The row as it should be.
 * @param rowPath Where the row will be by then.
 */
export function isSameRow(
  row: FileRow | null,
  next: FileRow,
  rowPath: string | null,
): boolean {
  if (row === null || rowPath !== next.path || row.hash !== next.hash) {
    return false;
  }
  return SIDES.every((side) => isSameHalf(row[side], next[side]));
}

function isSameHalf(a: RecordedHalf, b: RecordedHalf): boolean {
  const haveSameId = a.id === null ? b.id === null : isSameId(a.id, b.id);
  return a.sizeBytes === b.sizeBytes && a.mtimeMs === b.mtimeMs &&
    a.mode === b.mode && a.isFresh === b.isFresh && haveSameId;
}

/** Turns paths into drafts. */
export class FileActions {
  readonly #list: DraftList;
  readonly #settings: RemovalSettings;
  readonly #massChanged: ReadonlySet<Side>;
  readonly #locate: (location: Location) => string;

  /**
   * @param list Takes the drafts.
   * @param settings What becomes of removed and replaced files.
   * @param massChanged Sides on which suspiciously many files changed.
   */
  constructor(
    list: DraftList,
    settings: RemovalSettings,
    massChanged: ReadonlySet<Side>,
  ) {
    this.#massChanged = massChanged;
    this.#list = list;
    this.#settings = settings;
    this.#locate = (location) => list.locate(location);
  }

  /**
   * Adds what a path needs.
   *
   * @param item The path.
   * @param place Where its clash copy goes; null for none.
   */
  add(item: Case, place: ClashPlace | null): void {
    const { verdict } = item;
    switch (verdict.kind) {
      case "settle":
        return this.#settle(item, verdict);
      case "copy":
        return this.#copy(item, verdict, place);
      case "remove":
        return this.#remove(item, verdict);
      case "aside":
        return this.#aside(item, verdict, place);
      case "open":
        return this.#open(item, verdict);
      case "forget":
        return this.#record(item, {
          kind: "forget",
          path: this.#list.locateRow(item.pair),
        }, "gone on both sides");
    }
  }

  /** Content agrees: names and properties, or the record alone. */
  #settle(item: Case, verdict: Verdict & { kind: "settle" }): void {
    const { pair } = item;
    const conflict = conflictOf(item, verdict.contest, this.#locate);
    const row = settledRow(
      item,
      this.#locate(verdict.target),
      this.#settings.isSuspicious(verdict.target.name),
    );
    const rowPath = pair.row && this.#list.locateRow(pair);
    let last: Draft | null = null;
    for (const side of SIDES) {
      const rename = addRename(this.#list, item, side, verdict.target, {
        bring: verdict.bring[side],
        row,
        rowPath: last === null ? rowPath : row.path,
        keepsHalves: false,
        rule: verdict.rule,
        reason: verdict.reason,
        conflict,
        after: last === null ? [] : [last],
      });
      last = rename ?? last;
    }
    if (last !== null) return;
    if (isSameRow(pair.row, row, rowPath)) {
      if (this.#settings.listUnchanged) {
        const reason = "nothing changed";
        const work = { kind: "none" } as const;
        this.#noop(item, { path: row.path, reason, work });
      }
      return;
    }
    this.#record(item, { kind: "put", row, rowPath }, verdict.reason);
  }

  #copy(
    item: Case,
    verdict: Verdict & { kind: "copy" },
    place: ClashPlace | null,
  ): void {
    const { pair } = item;
    const { from, target, contest } = verdict;
    const to = otherSide(from);
    const after = this.#nameFirst(item, verdict);
    const isRenamed = after.length > 0;
    const conflict = conflictOf(
      item,
      contest,
      this.#locate,
      place?.name ?? null,
    );
    if (place) {
      after.push(addClash(this.#list, item, place, {
        from: to,
        target,
        rule: verdict.rule,
        reason: verdict.reason,
        leaves: false,
        keepsHash: this.#settings.isSuspicious(target.name),
        conflict,
        after: [...after],
      }));
    }
    const source = pair[from]!;
    const replaced = pair[to];
    const hasNewMode = replaced === null ||
      !this.#settings.ignoresModes && pair.row !== null &&
        pair.row[from].mode !== source.metadata.mode;
    const doubt = place || replaced === null ? "" : this.#doubt(item, from);
    const fate = place
      ? "destroy"
      : doubt
      ? "soft-delete"
      : this.#fateOfReplaced(verdict, replaced);
    this.#list.add({
      name: to === "right" ? "COPY_LEFT_TO_RIGHT" : "COPY_RIGHT_TO_LEFT",
      path: this.#locate(target),
      newPath: null,
      rule: verdict.rule,
      side: to,
      reason: verdict.reason + doubt + keptWords(contest, fate),
      bytes: source.metadata.sizeBytes,
      work: {
        kind: "copy",
        from,
        path: this.#locate(target),
        source: source.metadata,
        target: replaced?.metadata ?? null,
        mode: hasNewMode ? source.metadata.mode : null,
        fate,
        isDoubtful: doubt !== "",
        clashPath: place &&
          this.#list.locate({ folder: target.folder, name: place.name }),
        keepsHash: this.#settings.isSuspicious(target.name),
        rowPath: pair.row &&
          (isRenamed ? this.#locate(target) : this.#list.locateRow(pair)),
      },
      conflict,
    }, {
      takes: replaced === null ? [this.#list.place(to, target)] : [],
      after,
      within: [target.folder],
    });
  }

  /** Content and name are two axes: the name comes first. */
  #nameFirst(item: Case, verdict: Verdict & { kind: "copy" }): Draft[] {
    const { pair } = item;
    const path = this.#locate(verdict.target);
    const after: Draft[] = [];
    for (const side of SIDES) {
      const rename = addRename(this.#list, item, side, verdict.target, {
        bring: { mtimeMs: null, mode: null },
        row: pair.row && { ...pair.row, path },
        rowPath: pair.row &&
          (after.length === 0 ? this.#list.locateRow(pair) : path),
        keepsHalves: true,
        rule: verdict.nameContest?.rule ??
          (side === "left" ? "5.12" : "5.11"),
        reason: `renamed on ${side === "left" ? "Right" : "Left"}`,
        conflict: conflictOf(item, verdict.nameContest, this.#locate),
        after: [...after],
      });
      if (rename) after.push(rename);
    }
    return after;
  }

  /** Why what a version replaces is kept in any case; "" where it is not. */
  #doubt({ pair }: Case, from: Side): string {
    if (pair.row === null) return "";
    const doubt = doubtOf(pair, from);
    const isMass = this.#massChanged.has(from);
    if (doubt === null && !isMass) return "";
    const why = doubt === "empty"
      ? "it is empty now"
      : doubt === "older"
      ? "it is older now than at the last run"
      : `so did most files there`;
    return `; ${why}, so what it replaces is kept`;
  }

  #fateOfReplaced(
    verdict: Verdict & { kind: "copy" },
    replaced: FoundFile | null,
  ): Fate {
    const { keepReplaced } = this.#settings.softDelete;
    const isKept = verdict.contest !== null || keepReplaced;
    if (replaced === null || !isKept) return "destroy";
    return fateOf(replaced.metadata.sizeBytes, this.#settings.softDelete);
  }

  #aside(item: Case, verdict: Aside, place: ClashPlace | null): void {
    const { from, contest } = verdict;
    if (place === null) {
      return this.#removal(item, from, {
        rule: contest.rule,
        reason: `the folder on ${words(otherSide(from))} was chosen`,
        conflict: conflictOf(item, contest, this.#locate),
      });
    }
    const { target } = verdict;
    addClash(this.#list, item, place, {
      from,
      target,
      rule: contest.rule,
      reason: `a file on ${words(from)}, a folder on ` +
        `${words(otherSide(from))}; ${winnerWords(contest)}`,
      leaves: true,
      keepsHash: this.#settings.isSuspicious(target.name),
      conflict: conflictOf(item, contest, this.#locate, place.name),
      after: [],
    });
  }

  #remove(item: Case, { on, rule }: Verdict & { kind: "remove" }): void {
    const reason = `deleted on ${on === "left" ? "Right" : "Left"}`;
    this.#removal(item, on, { rule, reason, conflict: null });
  }

  #removal(
    item: Case,
    on: Side,
    why: Pick<Action, "rule" | "reason" | "conflict">,
  ): void {
    const found = item.pair[on]!;
    const path = this.#locate(found);
    const { sizeBytes } = found.metadata;
    const fate = fateOf(sizeBytes, this.#settings.softDelete);
    const soft: ActionName = on === "left"
      ? "SOFT_DELETE_LEFT"
      : "SOFT_DELETE_RIGHT";
    const hard: ActionName = on === "left" ? "DELETE_LEFT" : "DELETE_RIGHT";
    this.#list.add({
      name: fate === "soft-delete" ? soft : hard,
      path,
      newPath: null,
      ...why,
      side: on,
      reason: why.reason + (fate === "destroy" ? this.#whyDestroyed() : ""),
      bytes: sizeBytes,
      work: {
        kind: "remove",
        on,
        path,
        metadata: found.metadata,
        fate,
        rowPath: this.#list.locateRow(item.pair),
      },
    }, { frees: [this.#list.place(on, found)], within: [found.folder] });
  }

  #whyDestroyed(): string {
    return this.#settings.softDelete.enabled
      ? "; too large for soft delete"
      : "; soft delete is off";
  }

  #open(item: Case, verdict: Verdict & { kind: "open" }): void {
    const { contest } = verdict;
    const conflict = conflictOf(item, contest, this.#locate);
    this.#noop(item, {
      path: conflict?.path ?? this.#locate(item.pair),
      rule: contest.rule,
      reason: "conflict, left for a person to settle",
      work: { kind: "none" },
      conflict,
    });
  }

  #record(item: Case, change: RecordChange, reason: string): void {
    this.#noop(item, {
      path: change.kind === "put" ? change.row.path : this.#locate(item.pair),
      reason,
      work: { kind: "record", change },
    }, { within: [item.pair.folder] });
  }

  /** Nothing that changes a file. */
  #noop(
    item: Case,
    action: Pick<Action, "path" | "reason" | "work"> & Partial<Action>,
    links: Links = {},
  ): void {
    const { left, right } = item.pair;
    const bytes = Math.max(
      left?.metadata.sizeBytes ?? 0,
      right?.metadata.sizeBytes ?? 0,
    );
    const base = { newPath: null, rule: null, side: null, conflict: null };
    this.#list.add({ name: "NOOP", ...base, bytes, ...action }, links);
  }
}

// Collects the drafts for files, each with what it frees, takes and follows.

/** What a draft has to do with others. */
export interface Links {
  readonly frees?: readonly Place[];
  readonly takes?: readonly Place[];
  readonly after?: readonly Draft[];
  /** Folders it works in: what they need comes first. */
  readonly within?: readonly Folder[];
}

/** Drafts for files. */
export class DraftList {
  /** All of them. */
  readonly drafts: Draft[] = [];
  readonly #layout: Layout;
  readonly #folding: Folding;
  readonly #folders: FolderActions;

  /**
   * @param layout Where everything will be.
   * @param folding What the roots take for one name.
   * @param folders What folders need.
   */
  constructor(layout: Layout, folding: Folding, folders: FolderActions) {
    this.#layout = layout;
    this.#folding = folding;
    this.#folders = folders;
  }

  /**
   * Where a name will be.
   *
   * @param location Folder and name.
   */
  locate(location: Location): string {
    return this.#layout.locate(location);
  }

  /**
   * Where the record has a name when its turn comes.
   *
   * @param location Folder and name.
   */
  locateRow(location: Location): string {
    return joinPath(this.#layout.rowPathOf(location.folder), location.name);
  }

  /**
   * A name on a side, as something to be freed or taken.
   *
   * @param side The side.
   * @param at Folder and name.
   */
  place(side: Side, at: Location): Place {
    return {
      side,
      key: joinPath(at.folder.key, keyOf(at.name, this.#folding)),
    };
  }

  /**
   * Adds a draft.
   *
   * @param action What is to be done.
   * @param links What it has to do with others.
   */
  add(action: Omit<Action, "needs" | "files">, links: Links): Draft {
    const after = [
      ...(links.after ?? []),
      ...(links.within ?? []).flatMap((it) => this.#folders.before(it)),
    ];
    const draft: Draft = {
      action: { ...action, files: null },
      frees: links.frees ?? [],
      takes: links.takes ?? [],
      after,
    };
    this.drafts.push(draft);
    this.#folders.noteRemoval(draft);
    return draft;
  }
}
