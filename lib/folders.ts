/**
 * What becomes of folders: a folder lives on where something in it does, and
 * is removed only when nothing but removed things were in it.
 *
 * @module
 */
import { type Contest, contestOf, type ContestSettings } from "./contest.ts";
import { joinPath, nameOf } from "./paths.ts";
import type { Folder, Location } from "./tree.ts";
import { otherSide, type Side, SIDES } from "./types.ts";

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
  readonly isFrozen: boolean;
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
      const fate = fateOf(folder, within);
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
  readonly isFrozen: boolean;
  waits: boolean;
  survives: boolean;
  holdsUnknown: { left: boolean; right: boolean };
}

function fateOf(folder: Folder, content: Mutable): FolderFate {
  const { left, right } = folder.name;
  if (content.isFrozen) return { kind: "leave" };
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
  return isOnOne && !content.isFrozen && !content.waits &&
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
    const isLeft = content.isFrozen || fate.kind === "forget" ||
      fate.kind === "leave";
    const isThere = folder.name[side] !== null || content.isFrozen;
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
