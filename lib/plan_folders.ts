/**
 * What becomes of folders: where they and all that is in them will be, the
 * actions they need, and which of them one side alone keeps.
 *
 * @module
 */
import {
  alwaysWinner,
  type ConflictDecision,
  conflictOf,
  decideConflict,
  winnerWords,
} from "./conflict.ts";
import { isEqualId, words } from "./metadata.ts";
import {
  comparePaths,
  folderOf,
  isWithin,
  joinPath,
  keyOf,
  nameOf,
} from "./paths.ts";
import type { Draft, Drafts, Links } from "./plan_order.ts";
import {
  currentPath,
  type DecisionSettings,
  fateOf,
  type Folder,
  type FolderRename,
  type Location,
  type RecordChange,
} from "./plan_types.ts";
import {
  type Both,
  both,
  otherSide,
  type Problem,
  type Side,
  SIDES,
} from "./types.ts";

/**
 * What becomes of a folder: it lives on where something in it does, and is
 * removed only when nothing but removed things were in it.
 */
export type FolderDecision =
  /** Both sides have it. */
  | { readonly kind: "stay" }
  /** One side has it and the other gets it. */
  | { readonly kind: "create"; readonly on: Side }
  /** One side removed it: the other follows. */
  | { readonly kind: "remove"; readonly on: Side }
  /** Neither has it, or what it holds is unknown: drop the record. */
  | { readonly kind: "forget" }
  /** Nothing is done about it, and its record stays. */
  | { readonly kind: "leave" };

/** What is in a folder when everything is decided. */
export interface FolderContent {
  /** Nothing can be told of it and all below. */
  isUnknown: boolean;
  /** Something in it waits for a later run: rows of what it is in stay. */
  waits: boolean;
  /** Something in it will be there on both sides after the run. */
  survives: boolean;
  /** Something in it is unknown on a side. */
  holdsUnknown: Both<boolean>;
}

/** Where folders and files will be when a plan has been carried out. */
export class Layout {
  readonly #decisions = new Map<Folder, FolderDecision>();
  readonly #paths = new Map<Folder, string>();
  /** Folders that one side alone will have, because of what they hold. */
  readonly #lone = new Set<Folder>();
  readonly #settings: DecisionSettings;

  /**
   * @param folders Every folder, parents first.
   * @param contentOf What is directly in a folder, as far as files go.
   * @param settings Who wins where both sides renamed a folder.
   */
  constructor(
    folders: readonly Folder[],
    contentOf: (folder: Folder) => FolderContent,
    settings: DecisionSettings,
  ) {
    this.#settings = settings;
    const contents = new Map(
      folders.map((folder) => [folder, { ...contentOf(folder) }]),
    );
    for (const folder of folders.toReversed()) {
      const content = contents.get(folder)!;
      const decision = decideFolder(folder, content);
      this.#decisions.set(folder, decision);
      const { kind } = decision;
      const { isUnknown, waits, holdsUnknown } = content;
      const { left, right } = folder.name;
      const isLeft = kind === "forget" || kind === "leave";
      const isOnOne = (left === null) !== (right === null);
      if (isOnOne && isLeft && !isUnknown && !waits) this.#lone.add(folder);
      const above = folder.parent && contents.get(folder.parent);
      if (!above) continue;
      if (kind === "stay" || kind === "create") above.survives = true;
      if (waits) above.waits = true;
      const before = above.holdsUnknown;
      above.holdsUnknown = both((side) =>
        before[side] || holdsUnknown[side] || isUnknown ||
        isLeft && folder.name[side] !== null
      );
    }
  }

  /** What becomes of a folder of this layout. */
  decisionOn(folder: Folder): FolderDecision {
    return this.#decisions.get(folder) ?? { kind: "leave" };
  }

  /** Where a folder will be on both sides. */
  pathOf(folder: Folder): string {
    if (folder.parent === null) return "";
    let path = this.#paths.get(folder);
    if (path === undefined) {
      path = this.#chosenPath(folder) ??
        joinPath(this.pathOf(folder.parent), this.#nameOf(folder));
      this.#paths.set(folder, path);
    }
    return path;
  }

  /** Where a name in a folder will be. */
  locate({ folder, name }: Location): string {
    return joinPath(this.pathOf(folder), name);
  }

  /**
   * Where the record has a folder when its turn comes: it follows a new
   * spelling of folders that stay, not of those that go.
   */
  rowPathOf(folder: Folder): string {
    if (folder.parent === null) return "";
    const { kind } = this.decisionOn(folder);
    if (kind === "stay" || kind === "create") return this.pathOf(folder);
    const name = folder.row === null
      ? this.#nameOf(folder)
      : nameOf(folder.row.path);
    return joinPath(this.rowPathOf(folder.parent), name);
  }

  /** Where the record has a name in a folder when its turn comes. */
  locateRow({ folder, name }: Location): string {
    return joinPath(this.rowPathOf(folder), name);
  }

  /** Whether a folder will still be on a side, whoever wants its name. */
  remains(folder: Folder): boolean {
    return this.decisionOn(folder).kind !== "remove" &&
      SIDES.some((side) => folder.name[side] !== null);
  }

  /** A changed spelling wins against the recorded one. */
  #nameOf(folder: Folder): string {
    const recorded = folder.row && nameOf(folder.row.path);
    const { left, right } = folder.name;
    const conflict = folderConflict(folder, this.#settings);
    if (conflict !== null) return folder.name[conflict.winner]!;
    if (left === null || left === recorded) return right ?? recorded ?? left!;
    return left;
  }

  /** The other of a folder's two new names, where a person chose that. */
  #chosenPath(folder: Folder): string | null {
    if (folder.rename === null) return null;
    const conflict = folderConflict(folder, this.#settings);
    return conflict?.winReason === "chosen"
      ? folder.stillAt[conflict.winner]
      : null;
  }

  /**
   * Folders that one side alone has, and what they hold; not of each that is
   * in such a folder.
   *
   * @param problems All that is unknown.
   */
  loneFolders(problems: readonly Problem[]): Problem[] {
    const lone = this.#lone;
    const tops = [...lone].filter(({ parent }) => !lone.has(parent!));
    const held = new Map<string, Held[]>(tops.map(({ key }) => [key, []]));
    const note = (thing: Held): void => {
      let key = keyOf(thing.path, this.#settings.folding);
      while (key !== "" && !held.has(key)) key = folderOf(key);
      held.get(key)?.push(thing);
    };
    // Junk keeps no folder.
    if (tops.length > 0) problems.filter((it) => !it.isJunk).forEach(note);
    for (const folder of lone) {
      const side = sideOf(folder);
      if (!folder.isMount[side]) continue;
      const path = currentPath(folder, side)!;
      note({ side, path, reason: "another disk is mounted here" });
    }
    return tops.map((folder): Problem => {
      const side = sideOf(folder);
      const path = currentPath(folder, side)!;
      const own = held.get(folder.key)!.filter((it) => it.side === side);
      const inside = own.filter((it) => it.path !== path)
        .map((it) => shortly(it, path)).sort();
      const more = inside.length - NAMED;
      const why = [
        ...own.filter((it) => it.path === path).map(({ reason }) => reason),
        ...inside.length === 0 ? [] : [
          `it holds ${inside.slice(0, NAMED).join(", ")}` +
          (more > 0 ? ` and ${more} more` : ""),
        ],
      ].join(", and ") || "it holds what is left alone";
      const reason = `only ${words(side)} has it: ${why}`;
      return { side, path, kind: "lone", reason, metadata: null };
    }).sort((a, b) => comparePaths(a.path, b.path));
  }
}

function decideFolder(folder: Folder, content: FolderContent): FolderDecision {
  const { left, right } = folder.name;
  if (content.isUnknown) return { kind: "leave" };
  if (left !== null && right !== null) return { kind: "stay" };
  if (left === null && right === null) return { kind: "forget" };
  const having = sideOf(folder);
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

/** The side that has a folder which only one has. */
function sideOf({ name }: Folder): Side {
  return name.left === null ? "right" : "left";
}

/**
 * The conflict of a folder to which both sides gave new names that differ.
 * Folders have no times to tell the newer: Left's is taken unless a person or
 * the policy chose, and that of the other where it can't be.
 */
export function folderConflict(
  folder: Folder,
  settings: DecisionSettings,
): ConflictDecision | null {
  const recorded = folder.row && nameOf(folder.row.path);
  const { left, right } = folder.name;
  const isConflict = folder.rename?.isConflict ??
    (recorded !== null && left !== null && right !== null &&
      left !== right && left !== recorded && right !== recorded);
  if (!isConflict) return null;
  const always = alwaysWinner("metadata_conflict", settings);
  const side = folder.rename?.by[0] ?? always?.side ?? "left";
  const reason = side === always?.side ? "always" : "no time";
  const win = { side, reason } as const;
  const at = { key: folder.key, left: null, right: null };
  return decideConflict("metadata_conflict", win, at, settings);
}

/** Something in a folder that only one side has. */
type Held = Pick<Problem, "side" | "path" | "reason">;

/** Of what a folder holds, so much is named. */
const NAMED = 3;

/** Letters of a name that are said. */
const NAME_ROOM = 60;

/** A path in a folder, and in a few words why it is unknown. */
function shortly({ path, reason }: Held, folder: string): string {
  const name = [...path.slice(folder.length + 1)];
  const shown = name.length > NAME_ROOM
    ? `…${name.slice(-NAME_ROOM).join("")}`
    : name.join("");
  return `${shown} (${reason.split(/[:;]/)[0]})`;
}

/** What is open in a folder on a side, relative to it. */
export type OpenIn = (
  folder: Folder,
  side: Side,
) => readonly { readonly path: string }[];

/**
 * Adds what folders need to the drafts.
 *
 * @param folders Every folder, parents first.
 * @param openIn Of those with another path, what stays where it is.
 */
export function addFolderActions(
  drafts: Drafts,
  layout: Layout,
  folders: readonly Folder[],
  openIn: OpenIn,
  settings: DecisionSettings,
): void {
  const renamed = folders.filter(({ rename }) => rename !== null);
  const added = new Set<Folder>();
  /** Renames of folders with another path, as they are to be done. */
  const moves: {
    /** Null: both sides have it there, and only the record follows. */
    readonly side: Side | null;
    readonly from: string;
    readonly to: string;
    /** Where the record has it until then. */
    readonly rowPath: string;
    readonly draft: Draft;
  }[] = [];

  /** Where the folder's row is once the folders above have moved. */
  function recordedPath({ row, parent }: Folder): string | null {
    if (row === null) return null;
    return joinPath(layout.rowPathOf(parent!), nameOf(row.path));
  }

  function addRecord(
    folder: Folder,
    change: RecordChange,
    after: readonly Draft[] = [],
  ): Draft {
    const path = layout.pathOf(folder);
    const why = { path, reason: "only the record changes" };
    return drafts.add({ kind: "record", change }, why, {
      after,
      within: [folder],
      ...change.kind !== "forget-directory" && { opens: folder },
    });
  }

  function addRename(
    folder: Folder,
    on: Side,
    from: string,
    to: string,
    links: Links = {},
  ): Draft {
    const { rename, isMount, id } = folder;
    const files = rename?.files ?? null;
    const what = files === null
      ? ""
      : `folder of ${files} file${files === 1 ? "" : "s"} `;
    const decision = folderConflict(folder, settings);
    const versions = { left: null, right: null };
    const rowPath = rename?.from ?? recordedPath(folder);
    const open = openIn(folder, on).map(({ path }) => path);
    return drafts.add(
      { kind: "rename-directory", on, from, to, rowPath, isMount, id, open },
      {
        files,
        rule: decision?.rule ?? (on === "left" ? "5.12" : "5.11"),
        reason: decision === null
          ? `${what}renamed on ${words(otherSide(on))}`
          : `${what}renamed on both sides; ${winnerWords(decision)}`,
        conflict: conflictOf(versions, decision, to, () => ""),
      },
      { ...links, within: [folder], opens: folder },
    );
  }

  /** The record follows where the folder's name changed and no rename does. */
  function moveRecord(folder: Folder): void {
    const from = recordedPath(folder);
    const to = layout.pathOf(folder);
    if (from === null || from === to) return;
    addRecord(folder, { kind: "move-directory", from, to });
  }

  /** Both have it: a new spelling goes to the side that has the old one. */
  function stay(folder: Folder): void {
    const path = layout.pathOf(folder);
    const behind = SIDES.filter((side) => folder.name[side] !== nameOf(path));
    for (const side of behind) {
      const from = joinPath(folderOf(path), folder.name[side]!);
      addRename(folder, side, from, path);
    }
    if (behind.length > 0) return;
    moveRecord(folder);
    const { row, id, isMount } = folder;
    const isKnown = row?.isAgreed &&
      SIDES.every((side) => isEqualId(id[side], row.id[side]));
    if (isKnown) return;
    addRecord(folder, { kind: "put-directory", path, isMount, id });
  }

  /** Brings the folder's new name to the side that does not have it yet. */
  function follow(folder: Folder, rename: FolderRename): void {
    const to = layout.pathOf(folder);
    // The name of the other side, where a person chose that.
    const chosen = SIDES.find((side) => folder.stillAt[side] === to);
    const behind = SIDES.filter((side) =>
      chosen === undefined ? !rename.by.includes(side) : side !== chosen
    );
    const rowPath = rename.from;
    // The record is told of each in terms of those before it, on either side.
    const recorded = moves.filter((it) =>
      isWithin(rowPath, it.to) || isWithin(to, it.to) ||
      isWithin(to, it.rowPath)
    );
    for (const side of behind) {
      const before = moves.filter((it) => it.side === side);
      const from = before.reduce(
        (at, it) =>
          isWithin(at, it.from) ? it.to + at.slice(it.from.length) : at,
        currentPath(folder, side)!,
      );
      const there = before.filter((it) =>
        isWithin(from, it.to) || isWithin(to, it.from)
      );
      const draft = addRename(folder, side, from, to, {
        takes: [{ side, key: folder.key }],
        frees: [{ side, key: keyOf(from, settings.folding) }],
        after: [...recorded, ...there].map(({ draft }) => draft),
      });
      moves.push({ side, from, to, rowPath, draft });
    }
    if (behind.length > 0) return;
    const change = { kind: "move-directory", from: rowPath, to } as const;
    const after = recorded.map(({ draft }) => draft);
    const draft = addRecord(folder, change, after);
    moves.push({ side: null, from: to, to, rowPath, draft });
  }

  function create(folder: Folder, on: Side): void {
    const path = layout.pathOf(folder);
    const from = otherSide(on);
    const { isMount: { [from]: isMount }, id: { [from]: id } } = folder;
    const isLeft = on === "left";
    drafts.add(
      { kind: "create-directory", on, path, isMount, id },
      folder.row === null
        ? { rule: isLeft ? "5.10" : "5.9", reason: `new on ${words(from)}` }
        : {
          rule: isLeft ? "5.5" : "5.6",
          reason: `holds something new or changed on ${words(from)}`,
        },
      {
        takes: [{ side: on, key: folder.key }],
        within: [folder],
        opens: folder,
      },
    );
  }

  function remove(folder: Folder, on: Side): void {
    const path = joinPath(layout.pathOf(folder.parent!), folder.name[on]!);
    const rowPath = recordedPath(folder)!;
    const rule = on === "left" ? "5.8" : "5.7";
    const within = [folder];
    // What is nobody's work keeps no folder, and is soft-deleted as a deleted file is.
    for (const { key, name, metadata, rowName } of folder.junk[on]) {
      drafts.add(
        {
          kind: "remove",
          on,
          path: joinPath(path, name),
          metadata,
          fate: fateOf(metadata.sizeBytes, settings.softDelete),
          rowPath: joinPath(rowPath, rowName),
        },
        { rule, reason: "junk: goes with its folder" },
        {
          frees: [{ side: on, key }],
          within,
        },
      );
    }
    const reason = `removed on ${words(otherSide(on))}`;
    drafts.add(
      { kind: "remove-directory", on, path, rowPath },
      { rule, reason },
      { frees: [{ side: on, key: folder.key }], within },
    );
  }

  /** Adds what a folder needs, after all that has to come before it. */
  function ensure(folder: Folder): void {
    const { parent, rename, row } = folder;
    if (parent === null || added.has(folder)) return;
    added.add(folder);
    ensure(parent);
    if (rename !== null) {
      // Each is told in terms of those that were found before it.
      for (const other of renamed) {
        if (other.rename!.order < rename.order) ensure(other);
      }
    }
    const decision = layout.decisionOn(folder);
    switch (decision.kind) {
      case "stay":
        return rename === null ? stay(folder) : follow(folder, rename);
      case "create":
        moveRecord(folder);
        return create(folder, decision.on);
      case "remove":
        return remove(folder, decision.on);
      case "forget": {
        if (!row?.isAgreed) return;
        const path = recordedPath(folder)!;
        addRecord(folder, { kind: "forget-directory", path });
      }
    }
  }

  folders.forEach(ensure);
}
