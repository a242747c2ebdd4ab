/**
 * From verdicts to drafts: clash names first, then one path at a time, and the
 * folders.
 *
 * @module
 */
import { type Case, isQuiet, type RemovalSettings } from "./cases.ts";
import { ClashNames, type ClashPlace } from "./clashes.ts";
import type { ContestSettings } from "./contest.ts";
import { DraftList } from "./draft_list.ts";
import type { Layout } from "./folders.ts";
import type { NameRoom } from "./names.ts";
import type { Folding } from "./paths.ts";
import { FileActions } from "./plan_actions.ts";
import { FolderActions } from "./plan_folders.ts";
import type { Merged } from "./plan_merge.ts";
import type { Draft } from "./plan_order.ts";
import type { Inquiry } from "./plan_types.ts";
import type { Folder, Pair } from "./tree.ts";
import { otherSide, type Side } from "./types.ts";

/** What building depends on besides the cases. */
export interface BuildContext {
  readonly layout: Layout;
  readonly folders: readonly Folder[];
  readonly inquiry: Inquiry;
  readonly merged: Merged;
  /** Sides on which suspiciously many files changed. */
  readonly massChanged: ReadonlySet<Side>;
  readonly settings: RemovalSettings & ContestSettings & {
    readonly folding: Folding;
    readonly roomIn?: ((folder: Folder) => NameRoom) | undefined;
  };
}

/** Builds the actions of a plan. */
export class PlanBuilder {
  readonly #cases: readonly Case[];
  readonly #context: BuildContext;
  readonly #clashes: ClashNames;
  readonly #claimed = new Set<Pair>();

  /**
   * @param cases Every path with something to do or to record.
   * @param context Where everything will be, and the settings.
   */
  constructor(cases: readonly Case[], context: BuildContext) {
    this.#cases = cases;
    this.#context = context;
    const byKey = new Map(
      cases.filter(({ pair }) => pair.row === null || isQuiet(pair))
        .map((item) => [item.pair.key, item]),
    );
    const folders = new Set(context.folders.map(({ key }) => key));
    this.#clashes = new ClashNames(context.inquiry, {
      folding: context.settings.folding,
      pairAt: (location, key) => {
        const pair = byKey.get(key)?.pair;
        return pair ?? context.merged.pairAt(location.folder, key);
      },
      isFolder: (key) => folders.has(key),
      isIdle: (pair) =>
        isQuiet(pair) || byKey.get(pair.key)?.pair === pair ||
        context.merged.alike.has(pair),
      roomIn: context.settings.roomIn,
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
    const { folders, layout, settings, massChanged } = this.#context;
    const forFolders = new FolderActions(folders, layout, settings);
    const list = new DraftList(layout, settings.folding, forFolders);
    const forFiles = new FileActions(list, settings, massChanged);
    for (const item of this.#cases) {
      if (this.#claimed.has(item.pair)) continue;
      forFiles.add(item, clashing.get(item) ?? null);
    }
    for (const item of open) forFiles.add(item, null);
    return [...forFolders.drafts, ...list.drafts];
  }

  #clashPlaceFor({ pair, verdict }: Case): ClashPlace | null {
    if (verdict.kind === "aside") {
      if (verdict.isRemoved) return null;
      const version = pair[verdict.from]!;
      return this.#clashes.choose(verdict.target, verdict.from, version);
    }
    if (verdict.kind !== "copy" || verdict.contest?.policy !== "clash") {
      return null;
    }
    const loser = otherSide(verdict.contest.winner);
    return this.#clashes.choose(verdict.target, loser, pair[loser]!);
  }
}
