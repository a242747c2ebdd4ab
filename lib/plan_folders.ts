/**
 * The actions that folders need, and what they mean for everything inside.
 *
 * @module
 */
import {
  type Contest,
  contestOf,
  type ContestSettings,
  winnerWords,
} from "./conflict.ts";
import { isEqualId, words } from "./metadata.ts";
import {
  folderOf,
  type Folding,
  isWithin,
  joinPath,
  keyOf,
  nameOf,
} from "./paths.ts";
import {
  currentPath,
  type Folder,
  type Junk,
  type Location,
} from "./plan_merge.ts";
import type { Draft, Place } from "./plan_order.ts";
import type { FolderRename } from "./plan_renames.ts";
import {
  type Action,
  type Conflict,
  fateOf,
  type RecordChange,
} from "./plan_types.ts";
import { otherSide, type Rule, type Side, SIDES } from "./types.ts";

// What becomes of folders: a folder lives on where something in it does, and
// is removed only when nothing but removed things were in it.

/** What becomes of a folder. */
export type FolderFate =
  /** Both sides have it. */
  | { readonly kind: "stay" }
  /** One side has it and the other gets it. */
  | { readonly kind: "create"; readonly on: Side }
  /** One side removed it: the other follows. */
  | { readonly kind: "remove"; readonly on: Side }
  /** Neither has it, or what it holds must be left alone: drop the record. */
  | { readonly kind: "forget" }
  /** Left alone, record and all. */
  | { readonly kind: "leave" };

/** What is in a folder when everything is decided. */
export interface FolderContent {
  /** It and all below it is left alone. */
  readonly isUnknown: boolean;
  /** Something in it waits for a later run: rows of what it is in stay. */
  readonly waits: boolean;
  /** Something in it will be there on both sides after the run. */
  readonly survives: boolean;
  /** Something in it is left alone on a side. */
  readonly holdsUnknown: { readonly [S in Side]: boolean };
}

/** Where folders and files will be when a plan has been carried out. */
export class Layout {
  readonly #fates = new Map<Folder, FolderFate>();
  readonly #names = new Map<Folder, string>();
  readonly #paths = new Map<Folder, string>();
  readonly #kept = new Set<Folder>();
  readonly #settings: ContestSettings;

  /**
   * @param folders Every folder, parents first.
   * @param contentOf What is directly in a folder, as far as files go.
   * @param settings Who wins where both sides renamed a folder.
   */
  constructor(
    folders: readonly Folder[],
    contentOf: (folder: Folder) => FolderContent,
    settings: ContestSettings,
  ) {
    this.#settings = settings;
    const content = new Map<Folder, Mutable>();
    for (const folder of folders) {
      const direct = contentOf(folder);
      const holdsUnknown = { ...direct.holdsUnknown };
      content.set(folder, { ...direct, holdsUnknown });
    }
    for (const folder of [...folders].reverse()) {
      const within = content.get(folder)!;
      const fate = fateOfFolders(folder, within);
      this.#fates.set(folder, fate);
      if (isKept(folder, fate, within)) this.#kept.add(folder);
      this.#names.set(folder, finalName(folder, settings));
      const parent = folder.parent && content.get(folder.parent);
      if (parent) passUp(folder, fate, within, parent);
    }
  }

  /** Folders that one side alone will have, because of what they hold. */
  get kept(): ReadonlySet<Folder> {
    return this.#kept;
  }

  /** @param folder A folder of this layout. */
  fateOf(folder: Folder): FolderFate {
    return this.#fates.get(folder) ?? { kind: "leave" };
  }

  /**
   * Where a folder will be on both sides.
   *
   * @param folder A folder of this layout.
   */
  pathOf(folder: Folder): string {
    if (folder.parent === null) return "";
    const known = this.#paths.get(folder);
    if (known !== undefined) return known;
    const chosen = chosenPath(folder, this.#settings);
    if (chosen !== null) {
      this.#paths.set(folder, chosen);
      return chosen;
    }
    const name = this.#names.get(folder) ??
      finalName(folder, this.#settings);
    const path = joinPath(this.pathOf(folder.parent), name);
    this.#paths.set(folder, path);
    return path;
  }

  /**
   * Where a name in a folder will be.
   *
   * @param location Folder and name.
   */
  locate(location: Location): string {
    return joinPath(this.pathOf(location.folder), location.name);
  }

  /**
   * Where the record has a folder when its turn comes: it follows a new
   * spelling of folders that stay, not of those that go.
   *
   * @param folder A folder of this layout.
   */
  rowPathOf(folder: Folder): string {
    if (folder.parent === null) return "";
    const { kind } = this.fateOf(folder);
    if (kind === "stay" || kind === "create") return this.pathOf(folder);
    const name = folder.row === null
      ? finalName(folder, this.#settings)
      : nameOf(folder.row.path);
    return joinPath(this.rowPathOf(folder.parent), name);
  }

  /**
   * Whether a folder will still be on a side, whoever wants its name.
   *
   * @param folder A folder of this layout.
   */
  remains(folder: Folder): boolean {
    const fate = this.fateOf(folder);
    if (fate.kind === "remove") return false;
    return SIDES.some((side) => folder.name[side] !== null);
  }
}

interface Mutable {
  readonly isUnknown: boolean;
  waits: boolean;
  survives: boolean;
  holdsUnknown: { left: boolean; right: boolean };
}

function fateOfFolders(folder: Folder, content: Mutable): FolderFate {
  const { left, right } = folder.name;
  if (content.isUnknown) return { kind: "leave" };
  if (left !== null && right !== null) return { kind: "stay" };
  if (left === null && right === null) return { kind: "forget" };
  const having: Side = left === null ? "right" : "left";
  const missing = otherSide(having);
  if (content.survives) return { kind: "create", on: missing };
  if (content.waits) return { kind: "leave" };
  // The system gives no folder away over which a disk is mounted.
  const mustStay = content.holdsUnknown[having] || folder.isMount[having];
  if (folder.row === null) {
    return mustStay ? { kind: "leave" } : { kind: "create", on: missing };
  }
  return mustStay ? { kind: "forget" } : { kind: "remove", on: having };
}

/** One side alone has it, and keeps it for what it holds. */
function isKept(
  folder: Folder,
  { kind }: FolderFate,
  content: Mutable,
): boolean {
  const isOnOne = (folder.name.left === null) !== (folder.name.right === null);
  return isOnOne && !content.isUnknown && !content.waits &&
    (kind === "forget" || kind === "leave");
}

/** What a folder means for the one it is in. */
function passUp(
  folder: Folder,
  fate: FolderFate,
  content: Mutable,
  parent: Mutable,
): void {
  if (fate.kind === "stay" || fate.kind === "create") parent.survives = true;
  if (content.waits) parent.waits = true;
  for (const side of SIDES) {
    const isLeft = content.isUnknown || fate.kind === "forget" ||
      fate.kind === "leave";
    const isThere = folder.name[side] !== null || content.isUnknown;
    if (content.holdsUnknown[side] || isLeft && isThere) {
      parent.holdsUnknown[side] = true;
    }
  }
}

/** A changed spelling wins against the recorded one. */
function finalName(folder: Folder, settings: ContestSettings): string {
  const recorded = folder.row && nameOf(folder.row.path);
  const { left, right } = folder.name;
  if (isContestedName(folder)) {
    return folder.name[folderContest(folder.key, settings).winner]!;
  }
  if (left === null || left === recorded) return right ?? recorded ?? left!;
  return left;
}

/** The other of a folder's two new names, where a person chose that. */
function chosenPath(folder: Folder, settings: ContestSettings): string | null {
  if (!folder.rename?.isContested) return null;
  const { winner, winReason } = folderContest(folder.key, settings);
  return winReason === "chosen" ? folder.stillAt[winner] : null;
}

/**
 * The contest about a folder's two new names. Folders have no times to tell
 * the newer: Left's is taken unless a person chose.
 *
 * @param key The folder's.
 * @param settings Policies, and what a person ruled.
 */
export function folderContest(
  key: string,
  settings: ContestSettings,
): Contest {
  return contestOf({
    key,
    kind: "metadata_conflict",
    rule: "5.13",
    win: { side: "left", reason: "no time" },
    left: null,
    right: null,
  }, settings);
}

/**
 * Whether both sides gave a folder new spellings that differ.
 *
 * @param folder The folder.
 */
export function isContestedName(folder: Folder): boolean {
  if (folder.rename !== null) return folder.rename.isContested;
  const recorded = folder.row && nameOf(folder.row.path);
  const { left, right } = folder.name;
  return recorded !== null && left !== null && right !== null &&
    left !== right && left !== recorded && right !== recorded;
}

/** Drafts for folders, and the order they impose on what is inside. */
export class FolderActions {
  /** Every draft for a folder. */
  readonly drafts: Draft[] = [];
  readonly #layout: Layout;
  readonly #settings: ContestSettings & { readonly folding: Folding };
  readonly #renamed: readonly Folder[];
  readonly #added = new Set<Folder>();
  /** Renames of folders with another path, as they are to be done. */
  readonly #moves: {
    readonly side: Side;
    readonly from: string;
    readonly to: string;
    readonly draft: Draft;
  }[] = [];
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
    settings: ContestSettings & { readonly folding: Folding },
  ) {
    this.#layout = layout;
    this.#settings = settings;
    this.#renamed = folders.filter(({ rename }) => rename !== null);
    for (const folder of folders) this.#ensure(folder);
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

  /** Adds what a folder needs, after all that has to come before it. */
  #ensure(folder: Folder): void {
    if (folder.parent === null || this.#added.has(folder)) return;
    this.#added.add(folder);
    this.#ensure(folder.parent);
    if (folder.rename !== null) {
      // Each is told in terms of those that were found before it.
      const at = this.#order(folder);
      for (const other of this.#renamed) {
        if (this.#order(other) < at) this.#ensure(other);
      }
    }
    this.#add(folder);
  }

  #order({ rename }: Folder): number {
    return rename?.order ?? 0;
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
    if (folder.rename !== null) return this.#follow(folder, folder.rename);
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

  /** Brings the folder's new name to the side that does not have it yet. */
  #follow(folder: Folder, rename: FolderRename): void {
    const to = this.#layout.pathOf(folder);
    const conflict = rename.isContested ? this.#contest(folder, to) : null;
    // The name of the other side, where a person chose that.
    const chosen = SIDES.find((side) => folder.stillAt[side] === to);
    const behind = SIDES.filter((side) =>
      chosen === undefined ? !rename.by.includes(side) : side !== chosen
    );
    for (const side of behind) {
      const now = currentPath(folder, side)!;
      this.#move(folder, rename, { side, now, to, conflict });
    }
    if (behind.length > 0) return;
    this.#record(folder, { kind: "move-directory", from: rename.from, to });
  }

  #move(
    folder: Folder,
    rename: FolderRename,
    { side, now, to, conflict }: {
      readonly side: Side;
      readonly now: string;
      readonly to: string;
      readonly conflict: Conflict | null;
    },
  ): void {
    const before = this.#moves.filter((it) => it.side === side);
    const from = before.reduce(
      (at, it) => isWithin(at, it.from) ? it.to + at.slice(it.from.length) : at,
      now,
    );
    const { folding } = this.#settings;
    const filesWords = `${rename.files} file${rename.files === 1 ? "" : "s"}`;
    const after = before.filter((it) =>
      isWithin(from, it.to) || isWithin(to, it.to) || isWithin(to, it.from)
    ).map(({ draft }) => draft);
    this.#draft(folder, {
      name: side === "left" ? "RENAME_LEFT" : "RENAME_RIGHT",
      path: from,
      newPath: to,
      rule: conflict?.rule ?? (side === "left" ? "5.12" : "5.11"),
      side,
      files: rename.files,
      reason: conflict === null
        ? `folder of ${filesWords} renamed on ${words(otherSide(side))}`
        : `folder of ${filesWords} renamed on both sides; ` +
          winnerWords(folderContest(folder.key, this.#settings)),
      conflict,
      work: {
        kind: "rename-directory",
        on: side,
        from,
        to,
        rowPath: rename.from,
        isMount: folder.isMount,
        id: folder.id,
      },
    }, {
      takes: [{ side, key: folder.key }],
      frees: [{ side, key: keyOf(from, folding) }],
      after,
    });
    const draft = this.#opening.get(folder)!;
    this.#moves.push({ side, from, to, draft });
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
    const { sizeBytes } = junk.metadata;
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
        files: null,
        work: {
          kind: "remove",
          on,
          path: at,
          metadata: junk.metadata,
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
    action: Omit<Action, "needs" | "bytes" | "conflict" | "files"> & {
      readonly conflict?: Conflict | null;
      readonly files?: number;
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
      action: { conflict: null, files: null, ...action, bytes: null },
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
