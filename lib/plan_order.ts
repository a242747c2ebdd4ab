/**
 * Drafts of actions and their order: what makes room comes before what takes
 * it, what builds on another comes after it, and otherwise kind by kind.
 *
 * @module
 */
import {
  comparePaths,
  folderOf,
  type Folding,
  joinPath,
  keyOf,
} from "./paths.ts";
import type { Action, Folder, Location, Work } from "./plan_types.ts";
import { type ActionName, otherSide, type Side } from "./types.ts";

/** A place an action needs, or makes free. */
export interface Place {
  readonly side: Side;
  /** The folded path. */
  readonly key: string;
}

/** An action before its position is known. */
export interface Draft {
  readonly action: Omit<Action, "needs">;
  /** Places that are free once it is done. */
  readonly frees: readonly Place[];
  /** Places that must be free before. */
  readonly takes: readonly Place[];
  /** Drafts that must be done before, for any other reason. */
  readonly after: readonly Draft[];
}

/** What a draft has to do with others. */
export interface Links extends Partial<Omit<Draft, "action">> {
  /** Folders it works in: what they need comes first. */
  readonly within?: readonly Folder[];
  /** The folder that it makes ready for what is done in it. */
  readonly opens?: Folder;
}

/** What an action's work tells of it. */
function toldBy(
  work: Work,
): Pick<Action, "name" | "path" | "newPath" | "side" | "bytes"> {
  const plain = { newPath: null, bytes: null };
  const on = (
    side: Side,
    verb:
      | "DELETE"
      | "SOFT_DELETE"
      | "RENAME"
      | "CREATE_DIR"
      | "REMOVE_DIR"
      | "RESTORE",
  ): { readonly name: ActionName; readonly side: Side } => {
    return { name: `${verb}_${side === "left" ? "LEFT" : "RIGHT"}`, side };
  };
  switch (work.kind) {
    case "copy": {
      const side = otherSide(work.from);
      const name = side === "right"
        ? "COPY_LEFT_TO_RIGHT"
        : "COPY_RIGHT_TO_LEFT";
      const bytes = work.source.sizeBytes;
      return {
        ...{ ...plain, name, side, path: work.path, bytes },
        ...work.softDeleted && on(side, "RESTORE"),
      };
    }
    case "remove": {
      const verb = work.fate === "soft-delete" ? "SOFT_DELETE" : "DELETE";
      const bytes = work.metadata.sizeBytes;
      return { ...plain, ...on(work.on, verb), path: work.path, bytes };
    }
    case "clash": {
      const { path, clashPath: newPath, metadata: { sizeBytes: bytes } } = work;
      return { name: "CLASH_CREATE", side: null, path, newPath, bytes };
    }
    case "rename": {
      const { from: path, to, metadata: { sizeBytes: bytes } } = work;
      const newPath = path === to ? null : to;
      return { ...on(work.on, "RENAME"), path, newPath, bytes };
    }
    case "rename-directory": {
      const { from: path, to: newPath } = work;
      return { ...plain, ...on(work.on, "RENAME"), path, newPath };
    }
    case "create-directory":
      return { ...plain, ...on(work.on, "CREATE_DIR"), path: work.path };
    case "remove-directory":
      return { ...plain, ...on(work.on, "REMOVE_DIR"), path: work.path };
    case "record":
    case "none":
      return { ...plain, name: "NOOP", side: null, path: "" };
  }
}

/** All drafts of a run. */
export class Drafts {
  readonly all: Draft[] = [];
  readonly #folding: Folding;
  /** What has to be done before anything in a folder. */
  readonly #opening = new Map<Folder, Draft>();

  constructor(folding: Folding) {
    this.#folding = folding;
  }

  /** A name on a side, as something to be freed or taken. */
  place(side: Side, { folder, name }: Location): Place {
    return { side, key: joinPath(folder.key, keyOf(name, this.#folding)) };
  }

  /**
   * Adds a draft.
   *
   * @param work What is to be done.
   * @param why Why, and what the work does not tell: the path, where no file
   *   changes.
   * @param links What it has to do with others.
   */
  add(
    work: Work,
    why: Pick<Action, "reason"> & Partial<Action>,
    links: Links = {},
  ): Draft {
    const { frees = [], takes = [], after = [], within = [], opens } = links;
    const base = { rule: null, conflict: null, files: null };
    const draft: Draft = {
      action: { ...toldBy(work), ...base, ...why, work },
      frees,
      takes,
      after: [...after, ...within.flatMap((it) => this.#before(it))],
    };
    this.all.push(draft);
    if (opens) this.#opening.set(opens, draft);
    return draft;
  }

  /** What has to be done before anything in a folder is. */
  #before(folder: Folder): Draft[] {
    for (let at: Folder | null = folder; at !== null; at = at.parent) {
      const draft = this.#opening.get(at);
      if (draft) return [draft];
    }
    return [];
  }
}

/** Kinds in the order of the contract. */
const RANK: Record<Work["kind"], number> = {
  "clash": 0,
  "create-directory": 1,
  "rename-directory": 2,
  "rename": 2,
  "copy": 3,
  "remove": 4,
  "remove-directory": 5,
  "record": 6,
  "none": 6,
};

/** Most actions need nothing: they share that. */
const NONE: readonly never[] = [];

/**
 * Puts drafts in order.
 *
 * @returns The actions; each needs only actions before it.
 */
export function inOrder(drafts: readonly Draft[]): Action[] {
  /** By the place they free, and by the folder it is in. */
  const freeing = new Map<string, Draft[]>();
  const leaving = new Map<string, Draft[]>();
  const add = (to: Map<string, Draft[]>, id: string, draft: Draft): void => {
    const known = to.get(id);
    if (known) known.push(draft);
    else to.set(id, [draft]);
  };
  for (const draft of drafts) {
    for (const { side, key } of draft.frees) {
      add(freeing, `${side}/${key}`, draft);
      add(leaving, `${side}/${folderOf(key)}`, draft);
    }
  }
  const beforehand = (draft: Draft): readonly Draft[] => {
    const { after, takes, frees, action } = draft;
    // A folder's removal waits for what leaves it.
    const emptied = action.work.kind === "remove-directory" ? frees : NONE;
    if (after.length + takes.length + emptied.length === 0) return NONE;
    return [
      ...after,
      ...takes.flatMap(({ side, key }) => freeing.get(`${side}/${key}`) ?? []),
      ...emptied.flatMap(({ side, key }) =>
        leaving.get(`${side}/${key}`) ?? []
      ),
    ].filter((other) => other !== draft).sort(compareDrafts);
  };
  const actions: Action[] = [];
  const positions = new Map<Draft, number>();
  const visiting = new Set<Draft>();
  const visit = (draft: Draft): void => {
    if (positions.has(draft) || visiting.has(draft)) return;
    visiting.add(draft);
    const before = beforehand(draft);
    before.forEach(visit);
    const needs = new Set(
      before.map((other) => positions.get(other))
        .filter((position) => position !== undefined),
    );
    positions.set(draft, actions.length);
    actions.push({
      ...draft.action,
      needs: needs.size === 0 ? NONE : [...needs],
    });
  };
  [...drafts].sort(compareDrafts).forEach(visit);
  return actions;
}

function compareDrafts(a: Draft, b: Draft): number {
  const rank = RANK[a.action.work.kind] - RANK[b.action.work.kind];
  if (rank !== 0) return rank;
  const byPath = comparePaths(a.action.path, b.action.path);
  // Deepest first: what is in a folder sorts behind it.
  return a.action.work.kind === "remove-directory" ? -byPath : byPath;
}
