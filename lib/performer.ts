/**
 * Carries out single actions: looks at both sides of all paths of an action,
 * acts, and says what the record has to learn. Copies come in two steps, so
 * that many of them can be flushed at once.
 *
 * @module
 */
import { CHANGED, type Root, Skipped } from "./disk.ts";
import {
  destroy,
  moveToFree,
  placeNew,
  replace,
  requireReplaceable,
  respell,
  setProperties,
} from "./file_ops.ts";
import {
  dropCopy,
  flushCopies,
  type FlushedCopy,
  stageCopy,
  type StagedCopy,
  type TemporaryNames,
} from "./staging.ts";
import { isFresh } from "./figures.ts";
import { clashName } from "./names.ts";
import { folderOf, joinPath, keyOf, nameOf } from "./paths.ts";
import { halfOf, type RecordChange, type Work } from "./plan.ts";
import type { SoftDelete } from "./soft_delete.ts";
import type { Both, FileFigures, FileRow, Side } from "./types.ts";
import { otherSide } from "./types.ts";

/** What an action did. */
export interface Performed {
  /** What the record has to learn. */
  readonly changes: readonly RecordChange[];
  /** Folders in which names changed, to be flushed before the record. */
  readonly folders: readonly Place[];
  /** Where a soft-deleted file is now, below its root. */
  readonly keptAt: string | null;
  /** Anything a person should know besides. */
  readonly note: string | null;
}

/** A folder of a side. */
export interface Place {
  readonly side: Side;
  readonly folder: string;
}

/** What performing needs. */
export interface PerformerContext {
  readonly roots: Both<Root>;
  readonly names: TemporaryNames;
  readonly softDelete: SoftDelete;
  /** The row written for a path in this run, if any. */
  rowAt(path: string): FileRow | null;
  /** Writes a rename in two steps down before its first step. */
  noteMove(move: Move): void;
}

/** A rename in two steps. */
export interface Move {
  readonly side: Side;
  readonly from: string;
  readonly middle: string;
  readonly to: string;
}

/** A kind of {@linkcode Work}. */
type WorkOf<K extends Work["kind"]> = Work & { readonly kind: K };

const NOTHING: Performed = {
  changes: [],
  folders: [],
  keptAt: null,
  note: null,
};

/** Carries out actions. */
export class Performer {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;

  /** @param context Roots, names and what leads to the record. */
  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
  }

  /**
   * Carries out anything but a copy.
   *
   * @param work What to do.
   * @throws {Skipped} A path is not what the scan saw.
   */
  async perform(
    work: Exclude<Work, { kind: "copy" }>,
  ): Promise<Performed> {
    switch (work.kind) {
      case "none":
        return NOTHING;
      case "record":
        return { ...NOTHING, changes: [work.change] };
      case "remove":
        return this.#remove(work);
      case "clash":
        return await this.#clash(work);
      case "rename":
        return this.#rename(work);
      case "rename-directory":
        return this.#renameDirectory(work);
      case "create-directory":
        return this.#createDirectory(work);
      case "remove-directory":
        return this.#removeDirectory(work);
    }
  }

  /**
   * The first step of a copy: looks at both sides and writes aside.
   *
   * @param work The copy.
   */
  stage(work: WorkOf<"copy">): StagedCopy {
    const to = this.#roots[otherSide(work.from)];
    // A new name is looked at when it is taken: that can't be overtaken.
    const replaced = work.target && to.requireFile(work.path, work.target);
    const mode = work.mode ?? replaced?.mode ?? work.source.mode;
    return stageCopy({
      from: this.#roots[work.from],
      path: work.path,
      seen: work.source,
      to,
      temporary: this.#context.names.beside(work.path),
      mode,
      wantsHash: work.keepsHash || this.#isYoung(work.source),
    });
  }

  /** Either side may have to rely on the hash. */
  #isYoung(figures: FileFigures): boolean {
    const { left, right } = this.#roots;
    const now = Date.now();
    return isFresh(figures.mtimeMs, now, left.habits) ||
      isFresh(figures.mtimeMs, now, right.habits);
  }

  /**
   * The second step of a copy: puts the flushed file in place.
   *
   * @param work The copy.
   * @param copy What the first step wrote, flushed.
   */
  place(work: WorkOf<"copy">, copy: FlushedCopy): Performed {
    const { to } = copy;
    const done = work.target === null
      ? this.#placeNew(work, copy)
      : this.#replace(work, copy, work.target);
    const row = this.#rowOf(work.path, work.from, copy, work.keepsHash);
    const folders = [{ side: to.side, folder: folderOf(work.path) }];
    if (done.keptAt !== null) {
      folders.push({ side: to.side, folder: folderOf(done.keptAt) });
    }
    const change = { kind: "put", row, rowPath: work.rowPath } as const;
    return { changes: [change], folders, ...done };
  }

  #placeNew(work: WorkOf<"copy">, copy: FlushedCopy): {
    readonly keptAt: null;
    readonly note: null;
  } {
    placeNew(copy.to, copy.temporary, work.path);
    return { keptAt: null, note: null };
  }

  #replace(
    work: WorkOf<"copy">,
    copy: FlushedCopy,
    seen: FileFigures,
  ): Pick<Performed, "keptAt" | "note"> {
    const { to } = copy;
    const isKept = work.fate === "soft-delete";
    const aside = isKept
      ? this.#context.softDelete.placeFor(to, work.path)
      : this.#context.names.beside(work.path);
    const { isEdited } = replace(to, copy.temporary, work.path, seen, aside);
    if (isKept) return { keptAt: aside, note: null };
    if (!isEdited) {
      Deno.removeSync(to.absolute(aside));
      return { keptAt: null, note: null };
    }
    const kept = this.#keepAsClash(to, aside, work.path);
    return {
      keptAt: null,
      note: `written to at the last moment; that version is now ${kept}`,
    };
  }

  /** Keeps a version nobody planned for, under the first free clash name. */
  #keepAsClash(root: Root, aside: string, path: string): string {
    const info = Deno.lstatSync(root.absolute(aside));
    const { mtimeMs } = root.figures(info);
    const { side } = root;
    for (let attempt = 1;; attempt++) {
      const name = clashName({ name: nameOf(path), mtimeMs, side, attempt });
      const place = joinPath(folderOf(path), name);
      if (root.look(place).kind !== "absent") continue;
      moveToFree(root, aside, place);
      return place;
    }
  }

  #rowOf(
    path: string,
    from: Side,
    copy: FlushedCopy,
    keepsHash: boolean,
  ): FileRow {
    const now = Date.now();
    const half = (side: Side) => {
      const figures = side === from ? copy.source : copy.figures;
      const isYoung = isFresh(figures.mtimeMs, now, this.#roots[side].habits);
      return halfOf(figures, isYoung && copy.hash !== null);
    };
    const [left, right] = [half("left"), half("right")];
    const isNeeded = keepsHash || left.isFresh || right.isFresh;
    return { path, left, right, hash: isNeeded ? copy.hash : null };
  }

  #remove(work: WorkOf<"remove">): Performed {
    const root = this.#roots[work.on];
    const other = this.#roots[otherSide(work.on)];
    if (isFileAt(other, work.path)) throw new Skipped(CHANGED);
    const changes = [{ kind: "forget", path: work.rowPath }] as const;
    const folders = [{ side: work.on, folder: folderOf(work.path) }];
    if (work.fate === "destroy") {
      const aside = this.#context.names.beside(work.path);
      destroy(root, work.path, work.figures, aside);
      return { ...NOTHING, changes, folders };
    }
    const keptAt = this.#context.softDelete.move(
      root,
      work.path,
      work.figures,
    );
    folders.push({ side: work.on, folder: folderOf(keptAt) });
    return { ...NOTHING, changes, folders, keptAt };
  }

  async #clash(work: WorkOf<"clash">): Promise<Performed> {
    const { from, path, clashPath } = work;
    const own = this.#roots[from];
    const other = this.#roots[otherSide(from)];
    own.requireFile(path, work.figures);
    if (work.winner !== null) other.requireFile(path, work.winner);
    // A conflict whose loser can't be replaced is left whole.
    requireReplaceable(own, path, this.#context.names.beside(path));
    const isOwnThere = this.#isThere(own, work);
    const isOtherThere = this.#isThere(other, work);
    const first = isOwnThere ? null : await this.#clashCopy(own, own, work);
    const second = isOtherThere
      ? null
      : await this.#clashCopy(own, other, work);
    if (work.leaves) this.#leave(own, work);
    const figures: Both<FileFigures> = from === "left"
      ? { left: ownFigures(work, first), right: otherFigures(work, second) }
      : { left: otherFigures(work, second), right: ownFigures(work, first) };
    const hash = first?.hash ?? second?.hash ?? null;
    const now = Date.now();
    const half = (side: Side) => {
      const { habits } = this.#roots[side];
      const isYoung = isFresh(figures[side].mtimeMs, now, habits);
      return halfOf(figures[side], isYoung && hash !== null);
    };
    const [left, right] = [half("left"), half("right")];
    const isNeeded = left.isFresh || right.isFresh;
    const row = { path: clashPath, left, right, hash: isNeeded ? hash : null };
    const changes: RecordChange[] = [{ kind: "put", row, rowPath: null }];
    if (work.leaves && work.rowPath !== null) {
      changes.push({ kind: "forget", path: work.rowPath });
    }
    const folder = folderOf(clashPath);
    const folders: Place[] = [
      { side: "left", folder },
      { side: "right", folder },
    ];
    return { ...NOTHING, changes, folders };
  }

  #isThere(root: Root, work: WorkOf<"clash">): boolean {
    const existing = work.existing[root.side];
    if (existing === null) {
      root.requireAbsent(work.clashPath);
      return false;
    }
    root.requireFile(work.clashPath, existing);
    return true;
  }

  /** A copy of its own on either side: a link would change with the file. */
  async #clashCopy(
    from: Root,
    to: Root,
    work: WorkOf<"clash">,
  ): Promise<FlushedCopy> {
    const staged = stageCopy({
      from,
      path: work.path,
      seen: work.figures,
      to,
      temporary: this.#context.names.beside(work.clashPath),
      mode: work.figures.mode,
      wantsHash: this.#isYoung(work.figures),
    });
    const [copy] = await flushCopies([staged]);
    if (!copy || "error" in copy) throw copy?.error;
    try {
      placeNew(to, copy.temporary, work.clashPath);
    } catch (error) {
      dropCopy(copy);
      throw error;
    }
    return copy;
  }

  /** The content is under its clash name on both sides: the path gets free. */
  #leave(root: Root, work: WorkOf<"clash">): void {
    const aside = this.#context.names.beside(work.path);
    destroy(root, work.path, work.figures, aside);
  }

  #rename(work: WorkOf<"rename">): Performed {
    const root = this.#roots[work.on];
    const { from, to, other } = work;
    root.requireFile(from, work.figures);
    if (other) {
      this.#roots[otherSide(work.on)].requireFile(other.path, other.figures);
    }
    if (from !== to) this.#give(root, from, to);
    setProperties(root, to, work);
    const folders = [
      { side: work.on, folder: folderOf(from) },
      { side: work.on, folder: folderOf(to) },
    ];
    if (work.row === null) return { ...NOTHING, folders };
    const known = work.rowPath === null
      ? null
      : this.#context.rowAt(work.rowPath);
    const base: FileRow = { ...(known ?? work.row), path: to };
    const row = work.keepsHalves
      ? base
      : { ...base, [work.on]: this.#halfAt(root, to, base) };
    const change = { kind: "put", row, rowPath: work.rowPath } as const;
    return { ...NOTHING, changes: [change], folders };
  }

  #halfAt(root: Root, path: string, row: FileRow) {
    const look = root.look(path);
    if (look.kind !== "file") throw new Skipped(CHANGED);
    const { figures } = look;
    const isYoung = isFresh(figures.mtimeMs, Date.now(), root.habits);
    return halfOf(figures, isYoung && row.hash !== null);
  }

  /** A name that is only another spelling is taken by the very file. */
  #give(root: Root, from: string, to: string): void {
    const { habits } = root;
    const folding = {
      ignoresCase: habits.ignoresCase,
      ignoresNormalForm: habits.ignoresNormalForm,
    };
    if (keyOf(from, folding) === keyOf(to, folding)) {
      respell(
        root,
        from,
        to,
        (middle) =>
          this.#context.noteMove({ side: root.side, from, middle, to }),
      );
      return;
    }
    root.requireAbsent(to);
    moveToFree(root, from, to);
  }

  #renameDirectory(work: WorkOf<"rename-directory">): Performed {
    const root = this.#roots[work.on];
    const { from, to } = work;
    if (root.look(from).kind !== "directory") throw new Skipped(CHANGED);
    root.distrust();
    if (root.habits.ignoresCase || root.habits.ignoresNormalForm) {
      this.#give(root, from, to);
    } else {
      root.requireAbsent(to);
      Deno.renameSync(root.absolute(from), root.absolute(to));
    }
    const change: RecordChange = work.rowPath === null
      ? { kind: "put-directory", path: to, isMount: work.isMount }
      : { kind: "move-directory", from: work.rowPath, to };
    const folders = [{ side: work.on, folder: folderOf(to) }];
    return { ...NOTHING, changes: [change], folders };
  }

  #createDirectory(work: WorkOf<"create-directory">): Performed {
    const { on, path } = work;
    const root = this.#roots[on];
    const from = otherSide(on);
    if (this.#roots[from].look(path).kind !== "directory") {
      throw new Skipped(CHANGED);
    }
    root.requireAbsent(path);
    Deno.mkdirSync(root.absolute(path));
    const isMount = on === "left"
      ? { left: false, right: work.isMount }
      : { left: work.isMount, right: false };
    const change = { kind: "put-directory", path, isMount } as const;
    const folders = [{ side: on, folder: folderOf(path) }];
    return { ...NOTHING, changes: [change], folders };
  }

  #removeDirectory(work: WorkOf<"remove-directory">): Performed {
    const { on, path } = work;
    const root = this.#roots[on];
    if (this.#roots[otherSide(on)].look(path).kind === "directory") {
      throw new Skipped(CHANGED);
    }
    if (root.look(path).kind !== "directory") throw new Skipped(CHANGED);
    root.distrust();
    // Never recursive: whatever came into it meanwhile keeps it.
    Deno.removeSync(root.absolute(path));
    const change = { kind: "forget-directory", path: work.rowPath } as const;
    const folders = [{ side: on, folder: folderOf(path) }];
    return { ...NOTHING, changes: [change], folders };
  }
}

/** Whether a file stands at a path, or below where a folder was. */
function isFileAt(root: Root, path: string): boolean {
  try {
    const { kind } = root.look(path);
    return kind === "file" || kind === "other";
  } catch (error) {
    if (error instanceof Skipped) return false;
    throw error;
  }
}

function ownFigures(
  work: WorkOf<"clash">,
  copy: FlushedCopy | null,
): FileFigures {
  return copy?.figures ?? work.existing[work.from] ?? work.figures;
}

function otherFigures(
  work: WorkOf<"clash">,
  copy: FlushedCopy | null,
): FileFigures {
  return copy?.figures ?? work.existing[otherSide(work.from)] ?? work.figures;
}
