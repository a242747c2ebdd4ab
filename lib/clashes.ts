/**
 * Finds a free name for each clash copy, or one that holds the very content
 * already.
 *
 * @module
 */
import { clashName, COMMON_ROOM, type NameRoom } from "./names.ts";
import { type Folding, joinPath, keyOf } from "./paths.ts";
import { refOf } from "./plan_changes.ts";
import type { Inquiry } from "./plan_types.ts";
import type { Folder, FoundFile, Location, Pair } from "./tree.ts";
import { type Both, type FileFigures, type Side, SIDES } from "./types.ts";

/** A clash name and what stands there. */
export interface ClashPlace {
  readonly name: string;
  /** What holds the very content already, on each side. */
  readonly existing: Both<FileFigures | null>;
  /** The pair at that name: this conflict takes care of it. */
  readonly claimed: Pair | null;
}

/** What choosing depends on. */
export interface ClashSettings {
  readonly folding: Folding;
  /** Any path of a folder that was looked at. */
  pairAt(location: Location, key: string): Pair | null;
  /** Whether a folder stands at a path on either side. */
  isFolder(key: string): boolean;
  /** How long a name in a folder may be. Left out: as most disks hold. */
  readonly roomIn?: ((folder: Folder) => NameRoom) | undefined;
  /** Whether a path is free of any other plan. */
  isIdle(pair: Pair): boolean;
}

/** Gives clash names; never one twice. */
export class ClashNames {
  readonly #inquiry: Inquiry;
  readonly #settings: ClashSettings;
  readonly #given = new Set<string>();

  /**
   * @param inquiry Answers about content; what is missing is asked.
   * @param settings What is known of the folders.
   */
  constructor(inquiry: Inquiry, settings: ClashSettings) {
    this.#inquiry = inquiry;
    this.#settings = settings;
  }

  /**
   * The first name that each side has free, or with exactly this content.
   *
   * @param target Where the conflict is.
   * @param side The side that has the version.
   * @param version The version to be kept.
   * @returns The name, or null where files have to be read first.
   */
  choose(
    target: Location,
    side: Side,
    version: FoundFile,
  ): ClashPlace | null {
    const room = this.#settings.roomIn?.(target.folder) ?? COMMON_ROOM;
    for (let attempt = 1;; attempt++) {
      const { mtimeMs } = version.figures;
      const clash = { name: target.name, mtimeMs, side, attempt, room };
      const name = clashName(clash);
      const folded = keyOf(name, this.#settings.folding);
      const key = joinPath(target.folder.key, folded);
      if (this.#given.has(key)) continue;
      const place = target.folder.taken.has(folded)
        ? this.#reuse({ folder: target.folder, name }, key, side, version)
        : { name, existing: { left: null, right: null }, claimed: null };
      if (place === "pending") return null;
      if (place === null) continue;
      this.#given.add(key);
      return place;
    }
  }

  #reuse(
    location: Location,
    key: string,
    side: Side,
    version: FoundFile,
  ): ClashPlace | "pending" | null {
    if (this.#settings.isFolder(key)) return null;
    const pair = this.#settings.pairAt(location, key);
    if (pair === null || !this.#settings.isIdle(pair)) return null;
    for (const on of SIDES) {
      const found = pair[on];
      if (found === null) continue;
      if (found.at.name !== location.name) return null;
      if (found.figures.sizeBytes !== version.figures.sizeBytes) return null;
      const answer = this.#inquiry.ask({
        kind: "compare",
        a: refOf(side, version),
        b: refOf(on, found),
        wantsHash: false,
      });
      if (answer === null) return "pending";
      if (answer.kind !== "same") return null;
    }
    const existing = {
      left: pair.left?.figures ?? null,
      right: pair.right?.figures ?? null,
    };
    return { name: location.name, existing, claimed: pair };
  }
}
