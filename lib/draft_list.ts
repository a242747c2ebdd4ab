/**
 * Collects the drafts for files, each with what it frees, takes and follows.
 *
 * @module
 */
import type { Layout } from "./folders.ts";
import { type Folding, joinPath, keyOf } from "./paths.ts";
import type { FolderActions } from "./plan_folders.ts";
import type { Draft, Place } from "./plan_order.ts";
import type { Action } from "./plan_types.ts";
import type { Folder, Location } from "./tree.ts";
import type { Side } from "./types.ts";

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
