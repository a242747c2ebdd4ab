/**
 * From verdicts to actions: one path at a time, then the folders.
 *
 * @module
 */
import type { Judgement } from "./changes.ts";
import { ClashNames, type ClashPlace } from "./clashes.ts";
import { FolderActions } from "./folder_actions.ts";
import type { Layout } from "./folders.ts";
import { isSameId } from "./figures.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Merged } from "./merge.ts";
import type { Draft, Place } from "./order.ts";
import { type Folding, joinPath, keyOf } from "./paths.ts";
import {
  type Action,
  type Conflict,
  type Fate,
  halfOf,
  type Version,
} from "./plan.ts";
import type { Folder, FoundFile, Location, Pair } from "./tree.ts";
import type { ActionName, FileRow, RecordedHalf, Rule, Side } from "./types.ts";
import { otherSide, SIDES } from "./types.ts";
import type { Contest, Properties, Verdict } from "./verdict.ts";

/** What becomes of removed and replaced files. */
export interface RemovalSettings {
  readonly softDelete: {
    readonly enabled: boolean;
    /** Up to and including this size. */
    readonly maxSizeBytes: number;
    readonly keepReplaced: boolean;
  };
  /** List paths at which nothing differs. */
  readonly listUnchanged: boolean;
  /** Whether files of a name are read always. */
  isSuspicious(name: string): boolean;
}

/** A file that has to leave its path to a folder. */
export interface Aside {
  readonly kind: "aside";
  readonly from: Side;
  readonly target: Location;
  readonly contest: Contest;
}

/** A path, what became of it, and what is to be done about it. */
export interface Case {
  readonly pair: Pair;
  readonly judgement: Judgement & { kind: "recorded" | "unrecorded" };
  readonly verdict: Verdict | Aside;
}

/** What building depends on besides the cases. */
export interface BuildContext {
  readonly layout: Layout;
  readonly folders: readonly Folder[];
  readonly inquiry: Inquiry;
  readonly merged: Merged;
  readonly settings: RemovalSettings & { readonly folding: Folding };
}

/** Builds the actions of a plan. */
export class PlanBuilder {
  readonly #cases: readonly Case[];
  readonly #context: BuildContext;
  readonly #layout: Layout;
  readonly #structure: FolderActions;
  readonly #clashes: ClashNames;
  readonly #claimed = new Set<Pair>();
  readonly #drafts: Draft[] = [];

  /**
   * @param cases Every path with something to do or to record.
   * @param context Where everything will be, and the settings.
   */
  constructor(cases: readonly Case[], context: BuildContext) {
    this.#cases = cases;
    this.#context = context;
    this.#layout = context.layout;
    this.#structure = new FolderActions(context.folders, context.layout);
    const byKey = new Map(
      cases.filter(({ pair }) => pair.row === null || isQuiet(pair))
        .map((item) => [item.pair.key, item]),
    );
    this.#clashes = new ClashNames(context.inquiry, {
      folding: context.settings.folding,
      pairAt: (location, key) => {
        const pair = byKey.get(key)?.pair;
        return pair ?? context.merged.pairAt(location.folder, key);
      },
      isIdle: (pair) => isQuiet(pair) || byKey.get(pair.key)?.pair === pair,
    });
  }

  /**
   * Builds.
   *
   * @param open Cases that were left out and stay open.
   * @returns The drafts, complete only where nothing had to be asked.
   */
  build(open: readonly Case[]): Draft[] {
    const clashing = new Map<Case, ClashPlace>();
    for (const item of this.#cases) {
      const place = this.#clashPlaceFor(item);
      if (!place) continue;
      clashing.set(item, place);
      if (place.claimed) this.#claimed.add(place.claimed);
    }
    if (this.#context.inquiry.open.size > 0) return [];
    for (const item of this.#cases) {
      if (!this.#claimed.has(item.pair)) {
        this.#add(item, clashing.get(item) ?? null);
      }
    }
    for (const item of open) this.#add(item, null);
    return [...this.#structure.drafts, ...this.#drafts];
  }

  #clashPlaceFor({ pair, verdict }: Case): ClashPlace | null {
    if (verdict.kind === "aside") {
      const version = pair[verdict.from]!;
      return this.#clashes.choose(verdict.target, verdict.from, version);
    }
    if (verdict.kind !== "copy" || verdict.contest?.policy !== "clash") {
      return null;
    }
    const loser = otherSide(verdict.contest.winner);
    return this.#clashes.choose(verdict.target, loser, pair[loser]!);
  }

  #add(item: Case, place: ClashPlace | null): void {
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
          path: this.#layout.locate(item.pair.at),
        }, "gone on both sides");
    }
  }

  /** Content agrees: names and properties, or the record alone. */
  #settle(item: Case, verdict: Verdict & { kind: "settle" }): void {
    const { pair } = item;
    const conflict = this.#conflict(item, verdict.contest);
    const row = this.#settledRow(item, verdict.target);
    const rowPath = pair.row && this.#layout.locate(pair.at);
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
      if (this.#context.settings.listUnchanged) this.#nothing(item, row.path);
      return;
    }
    this.#record(item, { kind: "put", row, rowPath }, verdict.reason);
  }

  #settledRow({ pair, judgement }: Case, target: Location): FileRow {
    const path = this.#layout.locate(target);
    const hash = judgement.hash ?? pair.row?.hash ?? null;
    const half = (side: Side): RecordedHalf => {
      const found = pair[side]!;
      return halfOf(found.figures, found.isFresh && hash !== null);
    };
    const [left, right] = [half("left"), half("right")];
    const isSuspicious = this.#context.settings.isSuspicious(target.name);
    const isNeeded = left.isFresh || right.isFresh || isSuspicious;
    return { path, left, right, hash: isNeeded ? hash : null };
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
    const from = this.#layout.locate(found.at);
    const to = this.#layout.locate(target);
    const { mtimeMs, mode } = how.bring;
    if (from === to && mtimeMs === null && mode === null) return null;
    const other = item.pair[otherSide(side)];
    const [fromPlace, toPlace] = [
      this.#place(side, found.at),
      this.#place(side, target),
    ];
    const isElsewhere = fromPlace.key !== toPlace.key;
    return this.#draft({
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
          { path: this.#layout.locate(other.at), figures: other.figures },
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
    const conflict = this.#conflict(item, contest, place);
    if (place) after.push(this.#clash(item, place, verdict, conflict, after));
    const source = pair[from]!;
    const replaced = pair[to];
    const hasNewMode = replaced === null ||
      pair.row !== null && pair.row[from].mode !== source.figures.mode;
    const fate = place ? "destroy" : this.#fateOfReplaced(verdict, replaced);
    this.#draft({
      name: to === "right" ? "COPY_LEFT_TO_RIGHT" : "COPY_RIGHT_TO_LEFT",
      path: this.#layout.locate(target),
      newPath: null,
      rule: verdict.rule,
      side: to,
      reason: verdict.reason + keptWords(contest, fate),
      bytes: source.figures.sizeBytes,
      work: {
        kind: "copy",
        from,
        path: this.#layout.locate(target),
        source: source.figures,
        target: replaced?.figures ?? null,
        mode: hasNewMode ? source.figures.mode : null,
        fate,
        keepsHash: this.#context.settings.isSuspicious(target.name),
        rowPath: pair.row && this.#layout.locate(pair.at),
      },
      conflict,
    }, {
      takes: replaced === null ? [this.#place(to, target)] : [],
      after,
      within: [target.folder],
    });
  }

  /** Content and name are two axes: the name comes first. */
  #nameFirst(item: Case, verdict: Verdict & { kind: "copy" }): Draft[] {
    const { pair } = item;
    const path = this.#layout.locate(verdict.target);
    const after: Draft[] = [];
    for (const side of SIDES) {
      const rename = this.#rename(item, side, verdict.target, {
        bring: { mtimeMs: null, mode: null },
        row: pair.row && { ...pair.row, path },
        rowPath: pair.row &&
          (after.length === 0 ? this.#layout.locate(pair.at) : path),
        keepsHalves: true,
        rule: verdict.nameContest?.rule ??
          (side === "left" ? "5.12" : "5.11"),
        reason: `renamed on ${side === "left" ? "Right" : "Left"}`,
        conflict: this.#conflict(item, verdict.nameContest),
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
    const { keepReplaced } = this.#context.settings.softDelete;
    const isKept = verdict.contest !== null || keepReplaced;
    if (replaced === null || !isKept) return "destroy";
    return this.#fateOf(replaced.figures.sizeBytes);
  }

  #fateOf(sizeBytes: number): Fate {
    const { enabled, maxSizeBytes } = this.#context.settings.softDelete;
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
    const clashPath = this.#layout.locate({ folder, name: place.name });
    const path = this.#layout.locate(how.target);
    const version = item.pair[how.from]!;
    return this.#draft({
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
        rowPath: item.pair.row && this.#layout.locate(item.pair.at),
      },
      conflict: how.conflict,
    }, {
      frees: how.leaves ? [this.#place(how.from, how.target)] : [],
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
      conflict: this.#conflict(item, verdict.contest, place),
      after: [],
    });
  }

  #remove(item: Case, verdict: Verdict & { kind: "remove" }): void {
    const { on, rule } = verdict;
    const found = item.pair[on]!;
    const path = this.#layout.locate(found.at);
    const fate = this.#fateOf(found.figures.sizeBytes);
    const soft: ActionName = on === "left"
      ? "SOFT_DELETE_LEFT"
      : "SOFT_DELETE_RIGHT";
    const hard: ActionName = on === "left" ? "DELETE_LEFT" : "DELETE_RIGHT";
    this.#draft({
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
        rowPath: this.#layout.locate(item.pair.at),
      },
      conflict: null,
    }, { frees: [this.#place(on, found.at)], within: [found.at.folder] });
  }

  #whyDestroyed(): string {
    return this.#context.settings.softDelete.enabled
      ? "; too large for soft delete"
      : "; soft delete is off";
  }

  #open(item: Case, verdict: Verdict & { kind: "open" }): void {
    const { contest } = verdict;
    this.#draft({
      name: "NOOP",
      path: this.#layout.locate(item.pair.at),
      newPath: null,
      rule: contest.rule,
      side: null,
      reason: "conflict, left for a person to settle",
      bytes: Math.max(
        item.pair.left?.figures.sizeBytes ?? 0,
        item.pair.right?.figures.sizeBytes ?? 0,
      ),
      work: { kind: "none" },
      conflict: this.#conflict(item, contest),
    }, {});
  }

  #nothing(item: Case, path: string): void {
    this.#draft({
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
    change: (Action["work"] & { kind: "record" })["change"],
    reason: string,
  ): void {
    this.#draft({
      name: "NOOP",
      path: change.kind === "put" ? change.row.path : this.#layout.locate(
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

  #conflict(
    item: Case,
    contest: Contest | null,
    place: ClashPlace | null = null,
  ): Conflict | null {
    if (contest === null) return null;
    const { pair } = item;
    const version = (side: Side): Version | null => {
      const found = pair[side];
      if (found === null) return null;
      const isAside = place !== null && side !== contest.winner;
      const path = isAside
        ? this.#layout.locate({ folder: found.at.folder, name: place.name })
        : this.#layout.locate(found.at);
      const { sizeBytes, mtimeMs } = found.figures;
      return { path, sizeBytes, mtimeMs };
    };
    return {
      kind: contest.kind,
      rule: contest.rule,
      policy: contest.policy,
      path: this.#layout.locate(pair.at),
      versions: { left: version("left"), right: version("right") },
      winner: contest.policy === "notify" ? null : contest.winner,
    };
  }

  #place(side: Side, at: Location): Place {
    const { folding } = this.#context.settings;
    return { side, key: joinPath(at.folder.key, keyOf(at.name, folding)) };
  }

  #draft(
    action: Omit<Action, "needs">,
    links: {
      readonly frees?: readonly Place[];
      readonly takes?: readonly Place[];
      readonly after?: readonly Draft[];
      readonly within?: readonly Folder[];
    },
  ): Draft {
    const after = [
      ...(links.after ?? []),
      ...(links.within ?? []).flatMap((it) => this.#structure.before(it)),
    ];
    const draft: Draft = {
      action,
      frees: links.frees ?? [],
      takes: links.takes ?? [],
      after,
    };
    this.#drafts.push(draft);
    this.#structure.noteRemoval(draft);
    return draft;
  }
}

/** Recorded, and as recorded on both sides. */
function isQuiet(pair: Pair): boolean {
  const { row } = pair;
  return row !== null && SIDES.every((side) => {
    const figures = pair[side]?.figures;
    return figures?.sizeBytes === row[side].sizeBytes &&
      figures.mtimeMs === row[side].mtimeMs &&
      pair[side]?.at.name === pair.at.name;
  });
}

function keptWords(contest: Contest | null, fate: Fate): string {
  if (contest?.policy !== "overwrite") return "";
  return fate === "soft-delete"
    ? "; the older version goes to soft delete"
    : "; the older version is not kept";
}

function isSameRow(
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
