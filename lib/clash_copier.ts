/**
 * Clash copies: a conflict's older version, kept on both sides.
 *
 * @module
 */
import { InterruptedError } from "./errors.ts";
import { destroy, placeNew, requireReplaceable } from "./file_ops.ts";
import { utf8Length } from "./names.ts";
import { folderOf, nameOf } from "./paths.ts";
import {
  isAsPlaced,
  isYoung,
  NOTHING,
  type Performed,
  type PerformerContext,
  type Place,
  rowOf,
  sided,
  type WorkOf,
} from "./performing.ts";
import { inPieces } from "./pieces.ts";
import type { RecordChange } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import { longestName } from "./root_traits.ts";
import { dropCopy, flushCopies, type FlushedCopy } from "./staged.ts";
import { CHANGED, codeOf, Skipped } from "./system.ts";
import {
  type Both,
  type FileFigures,
  type FileRow,
  otherSide,
  SIDES,
} from "./types.ts";

/** Makes clash copies. */
export class ClashCopier {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;

  /** @param context Roots, names and what leads to the record. */
  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
  }

  /**
   * Puts a version under its clash name: on its own side first, then across.
   *
   * @param work The version and its name.
   * @throws {Skipped} A path is not what the scan saw.
   */
  async make(work: WorkOf<"clash">): Promise<Performed> {
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
      : await this.#acrossFrom(own, other, work, first);
    const lookedAtMs = first?.lookedAtMs ?? second?.lookedAtMs ?? Date.now();
    const row = rowOf({
      path: clashPath,
      lookedAtMs,
      figures: sided(
        from,
        ownFigures(work, first),
        otherFigures(work, second),
      ),
      hash: first?.hash ?? second?.hash ?? null,
      keepsHash: work.keepsHash,
    }, this.#roots);
    if (work.leaves) this.#leave(own, work, row);
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
    return this.#orLearn(root, work.clashPath, () => this.#look(root, work));
  }

  /** The next run gives a shorter name to what is too long for a root. */
  #orLearn<T>(root: Root, path: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      const bytes = utf8Length(nameOf(path));
      if (isTooLong(error) && root.pathRoom(folderOf(path)) >= bytes) {
        const folder = root.absolute(folderOf(path));
        const longest = longestName(folder, this.#context.names.owner);
        root.refuseNames(Math.min(longest, bytes - 1));
      }
      throw error;
    }
  }

  #look(root: Root, work: WorkOf<"clash">): boolean {
    const existing = work.existing[root.side];
    if (existing === null) {
      root.requireAbsent(work.clashPath);
      return false;
    }
    root.requireFile(work.clashPath, existing);
    return true;
  }

  /**
   * Neither a signal nor a name that only one side takes may leave half a
   * conflict: then the first copy goes too.
   */
  async #acrossFrom(
    own: Root,
    other: Root,
    work: WorkOf<"clash">,
    first: FlushedCopy | null,
  ): Promise<FlushedCopy> {
    try {
      return await this.#clashCopy(own, other, work);
    } catch (error) {
      const isHalf = error instanceof InterruptedError || isTooLong(error);
      if (first !== null && isHalf) {
        const aside = this.#context.names.beside(work.clashPath);
        destroy(own, work.clashPath, first.figures, aside);
      }
      throw error;
    }
  }

  /** A copy of its own on either side: a link would change with the file. */
  async #clashCopy(
    from: Root,
    to: Root,
    work: WorkOf<"clash">,
  ): Promise<FlushedCopy> {
    const { staging } = await import("./staging.ts");
    const copying = staging({
      from,
      path: work.path,
      seen: work.figures,
      to,
      temporary: this.#context.names.beside(work.clashPath),
      mode: work.figures.mode,
      wantsHash: work.keepsHash || isYoung(work.figures, this.#roots),
      onBytes: this.#context.onBytes,
    });
    const staged = await inPieces(copying, this.#context.pause);
    const [copy] = await flushCopies([staged]);
    if (!copy || "error" in copy) throw copy?.error;
    try {
      this.#orLearn(
        to,
        work.clashPath,
        () => placeNew(to, copy.temporary, work.clashPath),
      );
    } catch (error) {
      dropCopy(copy);
      throw error;
    }
    return copy;
  }

  /**
   * The content is under its clash name on both sides: the path gets free. A
   * copy that is gone from one side would be followed on the other.
   */
  #leave(root: Root, work: WorkOf<"clash">, row: FileRow): void {
    const isKept = SIDES.every((side) => isAsPlaced(this.#roots[side], row));
    if (!isKept) throw new Skipped(CHANGED);
    const aside = this.#context.names.beside(work.path);
    destroy(root, work.path, work.figures, aside);
  }
}

function isTooLong(error: unknown): boolean {
  return codeOf(error) === "ENAMETOOLONG";
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
