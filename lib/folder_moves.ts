/**
 * Finds folders that only got another name: of a plan, the actions that come
 * to moving a folder with all that is in it.
 *
 * @module
 */
import { folderOf, isWithin, keyOf, nameOf } from "./paths.ts";
import type { Action, RecordChange, Work } from "./plan.ts";
import type { Side } from "./types.ts";

type RenameWork = Work & { readonly kind: "rename" };

/** A folder that can move as a whole. */
export interface FolderMove {
  readonly on: Side;
  readonly from: string;
  readonly to: string;
  /** Positions of all actions that it stands for, in order. */
  readonly positions: readonly number[];
}

/** Below this the moves of single files are as quick. */
const FEW_FILES = 16;

/** Whatever the roots take for one name: what is none of its parts is near. */
const NEAR = { ignoresCase: true, ignoresNormalForm: true };

/**
 * Finds them. A folder counts only where nothing else of the plan has to do
 * with it, under its old name or its new one, on either side, but for what is
 * copied in it once it has moved.
 *
 * @param actions A plan's actions, in order.
 * @returns Folders by the position of their first action.
 */
export function findFolderMoves(
  actions: readonly Action[],
): ReadonlyMap<number, FolderMove> {
  const moves = new Map<number, FolderMove>();
  const candidates = candidatesIn(actions);
  if (candidates.length === 0) return moves;
  assign(actions, candidates);
  for (const candidate of candidates) {
    const move = candidate.toMove(actions);
    if (move !== null) moves.set(move.positions[0]!, move);
  }
  return moves;
}

/** A folder that may turn out to have moved. */
class Candidate {
  /** Something else of the plan has to do with it. */
  isMixed = false;
  readonly #files: number[] = [];
  /** Positions by path below its names: folders to be made and removed. */
  readonly #made = new Map<string, number>();
  readonly #removed = new Map<string, number>();
  /** What can be done in it once it has moved. */
  readonly #later: number[] = [];

  constructor(
    readonly on: Side,
    readonly from: string,
    readonly to: string,
  ) {}

  /** Takes an action that has to do with it: is it part of the move? */
  take(position: number, { work }: Action): void {
    const isOurs = this.#isOurs(work);
    if (!isOurs) this.isMixed = true;
    else if (work.kind === "rename") this.#files.push(position);
    else if (work.kind === "copy") this.#later.push(position);
    else if (work.kind === "create-directory") {
      this.#made.set(work.path.slice(this.to.length), position);
    } else if (work.kind === "remove-directory") {
      this.#removed.set(work.path.slice(this.from.length), position);
    }
  }

  #isOurs(work: Work): boolean {
    const { on, from, to } = this;
    switch (work.kind) {
      case "create-directory":
        return work.on === on && !work.isMount && isWithin(work.path, to);
      case "remove-directory":
        return work.on === on && isWithin(work.path, from);
      case "rename":
        return work.on === on && isPlain(work) &&
          isWithin(work.from, from) && isWithin(work.to, to) &&
          work.from.slice(from.length) === work.to.slice(to.length);
      case "copy":
        // New in it, or edited on the other side: copied after the move.
        return work.clashPath === null && isWithin(work.path, to) &&
          (work.rowPath === null || work.rowPath === work.path);
      default:
        return false;
    }
  }

  /** The move; null where the folder does not move as a whole. */
  toMove(actions: readonly Action[]): FolderMove | null {
    if (this.isMixed || this.#files.length < FEW_FILES) return null;
    const positions = [...this.#files];
    const later = [...this.#later];
    for (const [below, position] of this.#removed) {
      const made = this.#made.get(below);
      if (made === undefined) return null;
      positions.push(made, position);
    }
    for (const [below, position] of this.#made) {
      if (!this.#removed.has(below)) later.push(position);
    }
    positions.sort((a, b) => a - b);
    const [first = 0] = positions;
    const own = new Set(positions);
    const isReady = positions.every((position) =>
      actions[position]!.needs.every((need) => need < first || own.has(need))
    );
    if (!isReady || later.some((position) => position < first)) return null;
    const { on, from, to } = this;
    return { on, from, to, positions };
  }
}

/** A new name for a recorded file, and nothing else. */
function isPlain(work: RenameWork): boolean {
  const { mtimeMs, mode, row, rowPath, other, to } = work;
  return mtimeMs === null && mode === null && row !== null &&
    rowPath !== null && other?.path === to;
}

/** The topmost folders of which one is to be made and one to be removed. */
function candidatesIn(actions: readonly Action[]): Candidate[] {
  const made = new Set<string>();
  const removed = new Set<string>();
  for (const { work } of actions) {
    // Other spellings of folders: paths are not what they seem.
    if (work.kind === "rename-directory") return [];
    if (work.kind === "create-directory") made.add(`${work.on}/${work.path}`);
    if (work.kind === "remove-directory") {
      removed.add(`${work.on}/${work.path}`);
    }
  }
  const found = new Map<string, Candidate>();
  if (made.size === 0 || removed.size === 0) return [];
  for (const { work } of actions) {
    if (work.kind !== "rename") continue;
    const { on } = work;
    let [from, to] = [folderOf(work.from), folderOf(work.to)];
    let top: readonly [string, string] | null = null;
    while (made.has(`${on}/${to}`) && removed.has(`${on}/${from}`)) {
      top = [from, to];
      if (nameOf(from) !== nameOf(to)) break;
      [from, to] = [folderOf(from), folderOf(to)];
    }
    if (top === null) continue;
    const id = `${on}/${top.join("/\n/")}`;
    if (!found.has(id)) found.set(id, new Candidate(on, ...top));
  }
  return [...found.values()];
}

/** Gives each candidate all actions that have to do with it. */
function assign(
  actions: readonly Action[],
  candidates: readonly Candidate[],
): void {
  const nearby = new Nearby(candidates);
  for (const [position, action] of actions.entries()) {
    const near = new Set<Candidate>();
    for (const path of pathsOf(action)) nearby.addTo(near, path);
    for (const candidate of near) {
      candidate.take(position, action);
      if (near.size > 1) candidate.isMixed = true;
    }
  }
}

const NONE: readonly never[] = [];

/** What a folder and the names in it have to do with candidates. */
interface Surroundings {
  /** Candidates that the folder is, or is in. */
  readonly above: readonly Candidate[];
  /** A candidate is one of the names in it. */
  readonly holdsOne: boolean;
}

/** Tells which candidates a path has to do with. */
class Nearby {
  readonly #byKey = new Map<string, readonly Candidate[]>();
  /** Keys of the folders that candidates are in. */
  readonly #parents = new Set<string>();
  /** Many paths are in one folder. */
  readonly #around = new Map<string, Surroundings>();

  constructor(candidates: readonly Candidate[]) {
    for (const candidate of candidates) {
      for (const folder of [candidate.from, candidate.to]) {
        const key = keyOf(folder, NEAR);
        const known = this.#byKey.get(key) ?? NONE;
        this.#byKey.set(key, [...known, candidate]);
        this.#parents.add(folderOf(key));
      }
    }
  }

  addTo(near: Set<Candidate>, path: string): void {
    const { above, holdsOne } = this.#aroundOf(folderOf(path));
    for (const candidate of above) near.add(candidate);
    if (!holdsOne) return;
    for (const candidate of this.#at(path)) near.add(candidate);
  }

  #at(path: string): readonly Candidate[] {
    return this.#byKey.get(keyOf(path, NEAR)) ?? NONE;
  }

  #aroundOf(folder: string): Surroundings {
    const known = this.#around.get(folder);
    if (known) return known;
    const holdsOne = this.#parents.has(keyOf(folder, NEAR));
    const above = folder === ""
      ? NONE
      : [...this.#aroundOf(folderOf(folder)).above, ...this.#at(folder)];
    const around = { above, holdsOne };
    this.#around.set(folder, around);
    return around;
  }
}

/** Every path that an action names. */
function pathsOf({ path, newPath, work }: Action): readonly string[] {
  return [path, ...given(newPath), ...workPaths(work)];
}

function workPaths(work: Work): readonly string[] {
  switch (work.kind) {
    case "copy":
      return [work.path, ...given(work.clashPath, work.rowPath)];
    case "clash":
      return [work.path, work.clashPath, ...given(work.rowPath)];
    case "rename":
      return [
        work.from,
        work.to,
        ...given(work.other?.path ?? null, work.rowPath),
      ];
    case "rename-directory":
      return [work.from, work.to, ...given(work.rowPath)];
    case "remove":
    case "remove-directory":
      return [work.path, work.rowPath];
    case "create-directory":
      return [work.path];
    case "record":
      return changedPaths(work.change);
    case "none":
      return NONE;
  }
}

function changedPaths(change: RecordChange): readonly string[] {
  switch (change.kind) {
    case "put":
      return [change.row.path, ...given(change.rowPath)];
    case "forget":
    case "put-directory":
    case "forget-directory":
      return [change.path];
    case "move-directory":
      return [change.from, change.to];
  }
}

function given(...paths: readonly (string | null)[]): readonly string[] {
  return paths.filter((path) => path !== null);
}
