/**
 * The actions that one path needs.
 *
 * @module
 */
import type { Aside, Case, RemovalSettings } from "./cases.ts";
import type { ClashPlace } from "./clashes.ts";
import { conflictOf, keptWords } from "./conflict.ts";
import type { DraftList } from "./draft_list.ts";
import type { Draft } from "./order.ts";
import type { Conflict, Fate, RecordChange } from "./plan.ts";
import { isSameRow, settledRow } from "./settled_rows.ts";
import type { FoundFile, Location } from "./tree.ts";
import type { ActionName, FileRow, Rule, Side } from "./types.ts";
import { otherSide, SIDES } from "./types.ts";
import type { Properties, Verdict } from "./verdict.ts";

/** Turns paths into drafts. */
export class FileActions {
  readonly #list: DraftList;
  readonly #settings: RemovalSettings;
  readonly #locate: (location: Location) => string;

  /**
   * @param list Takes the drafts.
   * @param settings What becomes of removed and replaced files.
   */
  constructor(list: DraftList, settings: RemovalSettings) {
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
        return this.#aside(item, verdict, place!);
      case "open":
        return this.#open(item, verdict);
      case "forget":
        return this.#record(item, {
          kind: "forget",
          path: this.#locate(item.pair.at),
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
    const rowPath = pair.row && this.#locate(pair.at);
    let last: Draft | null = null;
    for (const side of SIDES) {
      const rename = this.#rename(item, side, verdict.target, {
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
      if (this.#settings.listUnchanged) this.#nothing(item, row.path);
      return;
    }
    this.#record(item, { kind: "put", row, rowPath }, verdict.reason);
  }

  /** A draft that renames or touches up one side, where that is needed. */
  #rename(
    item: Case,
    side: Side,
    target: Location,
    how: {
      readonly bring: Properties;
      readonly row: FileRow | null;
      readonly rowPath: string | null;
      readonly keepsHalves: boolean;
      readonly rule: Rule | null;
      readonly reason: string;
      readonly conflict: Conflict | null;
      readonly after: readonly Draft[];
    },
  ): Draft | null {
    const found = item.pair[side];
    if (found === null) return null;
    const from = this.#locate(found.at);
    const to = this.#locate(target);
    const { mtimeMs, mode } = how.bring;
    if (from === to && mtimeMs === null && mode === null) return null;
    const other = item.pair[otherSide(side)];
    const [fromPlace, toPlace] = [
      this.#list.place(side, found.at),
      this.#list.place(side, target),
    ];
    const isElsewhere = fromPlace.key !== toPlace.key;
    return this.#list.add({
      name: side === "left" ? "RENAME_LEFT" : "RENAME_RIGHT",
      path: from,
      newPath: from === to ? null : to,
      rule: how.rule,
      side,
      reason: how.reason,
      bytes: found.figures.sizeBytes,
      work: {
        kind: "rename",
        on: side,
        from,
        to,
        figures: found.figures,
        other: other &&
          { path: this.#locate(other.at), figures: other.figures },
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
      within: [found.at.folder, target.folder],
    });
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
    const conflict = conflictOf(
      item,
      contest,
      this.#locate,
      place?.name ?? null,
    );
    if (place) after.push(this.#clash(item, place, verdict, conflict, after));
    const source = pair[from]!;
    const replaced = pair[to];
    const hasNewMode = replaced === null ||
      pair.row !== null && pair.row[from].mode !== source.figures.mode;
    const fate = place ? "destroy" : this.#fateOfReplaced(verdict, replaced);
    this.#list.add({
      name: to === "right" ? "COPY_LEFT_TO_RIGHT" : "COPY_RIGHT_TO_LEFT",
      path: this.#locate(target),
      newPath: null,
      rule: verdict.rule,
      side: to,
      reason: verdict.reason + keptWords(contest, fate),
      bytes: source.figures.sizeBytes,
      work: {
        kind: "copy",
        from,
        path: this.#locate(target),
        source: source.figures,
        target: replaced?.figures ?? null,
        mode: hasNewMode ? source.figures.mode : null,
        fate,
        keepsHash: this.#settings.isSuspicious(target.name),
        rowPath: pair.row && this.#locate(pair.at),
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
      const rename = this.#rename(item, side, verdict.target, {
        bring: { mtimeMs: null, mode: null },
        row: pair.row && { ...pair.row, path },
        rowPath: pair.row &&
          (after.length === 0 ? this.#locate(pair.at) : path),
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

  #fateOfReplaced(
    verdict: Verdict & { kind: "copy" },
    replaced: FoundFile | null,
  ): Fate {
    const { keepReplaced } = this.#settings.softDelete;
    const isKept = verdict.contest !== null || keepReplaced;
    if (replaced === null || !isKept) return "destroy";
    return this.#fateOf(replaced.figures.sizeBytes);
  }

  #fateOf(sizeBytes: number): Fate {
    const { enabled, maxSizeBytes } = this.#settings.softDelete;
    return enabled && sizeBytes <= maxSizeBytes ? "soft-delete" : "destroy";
  }

  #clash(
    item: Case,
    place: ClashPlace,
    verdict: Verdict & { kind: "copy" },
    conflict: Conflict | null,
    after: readonly Draft[],
  ): Draft {
    const loser = otherSide(verdict.from);
    return this.#clashDraft(item, place, {
      from: loser,
      target: verdict.target,
      rule: verdict.rule,
      reason: verdict.reason,
      leaves: false,
      conflict,
      after: [...after],
    });
  }

  #clashDraft(item: Case, place: ClashPlace, how: {
    readonly from: Side;
    readonly target: Location;
    readonly rule: Rule;
    readonly reason: string;
    readonly leaves: boolean;
    readonly conflict: Conflict | null;
    readonly after: readonly Draft[];
  }): Draft {
    const { folder } = how.target;
    const clashPath = this.#locate({ folder, name: place.name });
    const path = this.#locate(how.target);
    const version = item.pair[how.from]!;
    return this.#list.add({
      name: "CLASH_CREATE",
      path,
      newPath: clashPath,
      rule: how.rule,
      side: null,
      reason: how.reason,
      bytes: version.figures.sizeBytes,
      work: {
        kind: "clash",
        from: how.from,
        path,
        clashPath,
        figures: version.figures,
        existing: place.existing,
        winner: item.pair[otherSide(how.from)]?.figures ?? null,
        leaves: how.leaves,
        rowPath: item.pair.row && this.#locate(item.pair.at),
      },
      conflict: how.conflict,
    }, {
      frees: how.leaves ? [this.#list.place(how.from, how.target)] : [],
      after: how.after,
      within: [folder],
    });
  }

  #aside(item: Case, verdict: Aside, place: ClashPlace): void {
    this.#clashDraft(item, place, {
      from: verdict.from,
      target: verdict.target,
      rule: verdict.contest.rule,
      reason: "a file here and a folder of the same name there",
      leaves: true,
      conflict: conflictOf(
        item,
        verdict.contest,
        this.#locate,
        place?.name ?? null,
      ),
      after: [],
    });
  }

  #remove(item: Case, verdict: Verdict & { kind: "remove" }): void {
    const { on, rule } = verdict;
    const found = item.pair[on]!;
    const path = this.#locate(found.at);
    const fate = this.#fateOf(found.figures.sizeBytes);
    const soft: ActionName = on === "left"
      ? "SOFT_DELETE_LEFT"
      : "SOFT_DELETE_RIGHT";
    const hard: ActionName = on === "left" ? "DELETE_LEFT" : "DELETE_RIGHT";
    this.#list.add({
      name: fate === "soft-delete" ? soft : hard,
      path,
      newPath: null,
      rule,
      side: on,
      reason: `deleted on ${on === "left" ? "Right" : "Left"}` +
        (fate === "destroy" ? this.#whyDestroyed() : ""),
      bytes: found.figures.sizeBytes,
      work: {
        kind: "remove",
        on,
        path,
        figures: found.figures,
        fate,
        rowPath: this.#locate(item.pair.at),
      },
      conflict: null,
    }, { frees: [this.#list.place(on, found.at)], within: [found.at.folder] });
  }

  #whyDestroyed(): string {
    return this.#settings.softDelete.enabled
      ? "; too large for soft delete"
      : "; soft delete is off";
  }

  #open(item: Case, verdict: Verdict & { kind: "open" }): void {
    const { contest } = verdict;
    this.#list.add({
      name: "NOOP",
      path: this.#locate(item.pair.at),
      newPath: null,
      rule: contest.rule,
      side: null,
      reason: "conflict, left for a person to settle",
      bytes: Math.max(
        item.pair.left?.figures.sizeBytes ?? 0,
        item.pair.right?.figures.sizeBytes ?? 0,
      ),
      work: { kind: "none" },
      conflict: conflictOf(item, contest, this.#locate),
    }, {});
  }

  #nothing(item: Case, path: string): void {
    this.#list.add({
      name: "NOOP",
      path,
      newPath: null,
      rule: null,
      side: null,
      reason: "nothing changed",
      bytes: item.pair.left?.figures.sizeBytes ?? 0,
      work: { kind: "none" },
      conflict: null,
    }, {});
  }

  #record(
    item: Case,
    change: RecordChange,
    reason: string,
  ): void {
    this.#list.add({
      name: "NOOP",
      path: change.kind === "put" ? change.row.path : this.#locate(
        item.pair.at,
      ),
      newPath: null,
      rule: null,
      side: null,
      reason,
      bytes: item.pair.left?.figures.sizeBytes ?? 0,
      work: { kind: "record", change },
      conflict: null,
    }, { within: [item.pair.at.folder] });
  }
}
