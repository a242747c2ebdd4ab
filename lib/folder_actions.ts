/**
 * The actions that folders need, and what they mean for everything inside.
 *
 * @module
 */
import { type ContestSettings, winnerWords } from "./contest.ts";
import { isEqualId } from "./figures.ts";
import { folderContest, isContestedName, type Layout } from "./folders.ts";
import { words } from "./newer.ts";
import type { Draft, Place } from "./order.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import type { Action, Conflict, RecordChange } from "./plan.ts";
import { fateOf } from "./fate.ts";
import type { Folder, Junk } from "./tree.ts";
import type { Rule, Side } from "./types.ts";
import { otherSide, SIDES } from "./types.ts";

/** Drafts for folders, and the order they impose on what is inside. */
export class FolderActions {
  /** Every draft for a folder. */
  readonly drafts: Draft[] = [];
  readonly #layout: Layout;
  readonly #settings: ContestSettings;
  /** What has to be done before anything inside a folder. */
  readonly #opening = new Map<Folder, Draft>();
  /** What has to wait for everything inside a folder, by place. */
  readonly #closing = new Map<string, Draft[]>();

  /**
   * @param folders Every folder, parents first.
   * @param layout What becomes of each.
   * @param settings For folders that both sides renamed.
   */
  constructor(
    folders: readonly Folder[],
    layout: Layout,
    settings: ContestSettings,
  ) {
    this.#layout = layout;
    this.#settings = settings;
    for (const folder of folders) {
      if (folder.parent !== null) this.#add(folder);
    }
    for (const draft of this.drafts) this.noteRemoval(draft);
  }

  /**
   * What has to be done before anything in a folder is.
   *
   * @param folder The folder.
   */
  before(folder: Folder): Draft[] {
    for (let at: Folder | null = folder; at !== null; at = at.parent) {
      const draft = this.#opening.get(at);
      if (draft) return [draft];
    }
    return [];
  }

  /**
   * Makes the removal of a folder wait for what leaves it.
   *
   * @param draft Any draft.
   */
  noteRemoval(draft: Draft): void {
    for (const { side, key } of draft.frees) {
      this.#closing.get(`${side}/${folderOf(key)}`)?.push(draft);
    }
  }

  #add(folder: Folder): void {
    const fate = this.#layout.fateOf(folder);
    switch (fate.kind) {
      case "stay":
        return this.#stay(folder);
      case "create":
        this.#moveRecord(folder);
        return this.#create(folder, fate.on);
      case "remove":
        return this.#remove(folder, fate.on);
      case "forget":
        if (!folder.row?.isAgreed) return;
        return this.#record(folder, {
          kind: "forget-directory",
          path: this.#recordedPath(folder)!,
        });
      case "leave":
        return;
    }
  }

  #stay(folder: Folder): void {
    const path = this.#layout.pathOf(folder);
    let isRenamed = false;
    for (const side of SIDES) {
      const name = folder.name[side]!;
      if (name === nameOf(path)) continue;
      isRenamed = true;
      this.#rename(folder, side);
    }
    if (isRenamed) return;
    this.#moveRecord(folder);
    const { row, id, isMount } = folder;
    const isKnown = row?.isAgreed &&
      SIDES.every((side) => isEqualId(id[side], row.id[side]));
    if (isKnown) return;
    this.#record(folder, {
      kind: "put-directory",
      path,
      isMount,
      id,
    });
  }

  #rename(folder: Folder, side: Side): void {
    const path = this.#layout.pathOf(folder);
    const from = joinPath(folderOf(path), folder.name[side]!);
    const conflict = isContestedName(folder)
      ? this.#contest(folder, path)
      : null;
    this.#draft(folder, {
      name: side === "left" ? "RENAME_LEFT" : "RENAME_RIGHT",
      path: from,
      newPath: path,
      rule: conflict?.rule ?? (side === "left" ? "5.12" : "5.11"),
      side,
      reason: conflict === null
        ? `renamed on ${words(otherSide(side))}`
        : "renamed on both sides; " +
          winnerWords(folderContest(folder.key, this.#settings)),
      conflict,
      work: {
        kind: "rename-directory",
        on: side,
        from,
        to: path,
        rowPath: this.#recordedPath(folder),
        isMount: folder.isMount,
        id: folder.id,
      },
    });
  }

  #contest(folder: Folder, path: string): Conflict {
    const contest = folderContest(folder.key, this.#settings);
    const { kind, rule, policy, winner } = contest;
    const versions = { left: null, right: null };
    return { kind, rule, policy, path, versions, winner, isNewer: false };
  }

  /** The record follows where the folder's name changed and no rename does. */
  #moveRecord(folder: Folder): void {
    const from = this.#recordedPath(folder);
    const to = this.#layout.pathOf(folder);
    if (from === null || from === to) return;
    this.#record(folder, { kind: "move-directory", from, to });
  }

  #create(folder: Folder, on: Side): void {
    const path = this.#layout.pathOf(folder);
    const isBack = folder.row !== null;
    const from = otherSide(on);
    const rules: Record<Side, readonly [Rule, Rule]> = {
      left: ["5.10", "5.5"],
      right: ["5.9", "5.6"],
    };
    const where = words(from);
    this.#draft(folder, {
      name: on === "left" ? "CREATE_DIR_LEFT" : "CREATE_DIR_RIGHT",
      path,
      newPath: null,
      rule: rules[on][isBack ? 1 : 0],
      side: on,
      reason: isBack
        ? `holds something new or changed on ${where}`
        : `new on ${where}`,
      work: {
        kind: "create-directory",
        on,
        path,
        isMount: folder.isMount[from],
        id: folder.id[from],
      },
    }, { takes: [{ side: on, key: folder.key }] });
  }

  #remove(folder: Folder, on: Side): void {
    const path = joinPath(
      this.#layout.pathOf(folder.parent!),
      folder.name[on]!,
    );
    const after: Draft[] = [];
    this.#closing.set(`${on}/${folder.key}`, after);
    const rule = on === "left" ? "5.8" : "5.7";
    for (const junk of folder.junk[on]) {
      this.#removeJunk(folder, on, { junk, path, rule });
    }
    this.#draft(folder, {
      name: on === "left" ? "REMOVE_DIR_LEFT" : "REMOVE_DIR_RIGHT",
      path,
      newPath: null,
      rule,
      side: on,
      reason: `removed on ${words(otherSide(on))}`,
      work: {
        kind: "remove-directory",
        on,
        path,
        rowPath: this.#recordedPath(folder)!,
      },
    }, { frees: [{ side: on, key: folder.key }], after });
  }

  /** What is nobody's work keeps no folder, and is kept as a deleted file is. */
  #removeJunk(
    folder: Folder,
    on: Side,
    { junk, path, rule }: {
      readonly junk: Junk;
      readonly path: string;
      readonly rule: Rule;
    },
  ): void {
    const { sizeBytes } = junk.figures;
    const fate = fateOf(sizeBytes, this.#settings.softDelete);
    const [soft, hard] = on === "left"
      ? ["SOFT_DELETE_LEFT", "DELETE_LEFT"] as const
      : ["SOFT_DELETE_RIGHT", "DELETE_RIGHT"] as const;
    const at = joinPath(path, junk.name);
    this.drafts.push({
      action: {
        name: fate === "soft-delete" ? soft : hard,
        path: at,
        newPath: null,
        rule,
        side: on,
        reason: "junk: goes with its folder",
        bytes: sizeBytes,
        work: {
          kind: "remove",
          on,
          path: at,
          figures: junk.figures,
          fate,
          rowPath: joinPath(this.#recordedPath(folder)!, junk.rowName),
        },
        conflict: null,
      },
      frees: [{ side: on, key: junk.key }],
      takes: [],
      after: this.before(folder),
    });
  }

  #record(folder: Folder, change: RecordChange): void {
    this.#draft(folder, {
      name: "NOOP",
      path: this.#layout.pathOf(folder),
      newPath: null,
      rule: null,
      side: null,
      reason: "only the record changes",
      work: { kind: "record", change },
    });
  }

  #draft(
    folder: Folder,
    action: Omit<Action, "needs" | "bytes" | "conflict"> & {
      readonly conflict?: Conflict | null;
    },
    links: {
      readonly frees?: readonly Place[];
      readonly takes?: readonly Place[];
      readonly after?: Draft[];
    } = {},
  ): void {
    const after = links.after ?? [];
    after.push(...this.before(folder));
    const draft: Draft = {
      action: { conflict: null, ...action, bytes: null },
      frees: links.frees ?? [],
      takes: links.takes ?? [],
      after,
    };
    this.drafts.push(draft);
    const opens = action.work.kind !== "remove-directory" &&
      !(action.work.kind === "record" &&
        action.work.change.kind === "forget-directory");
    if (opens) this.#opening.set(folder, draft);
  }

  /** Where the folder's row is once the folders above have moved. */
  #recordedPath(folder: Folder): string | null {
    if (folder.row === null) return null;
    return joinPath(
      this.#layout.rowPathOf(folder.parent!),
      nameOf(folder.row.path),
    );
  }
}
