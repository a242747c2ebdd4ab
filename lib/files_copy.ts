/**
 * Copies, in two steps, so that many of them can be flushed at once.
 *
 * @module
 */
import { removeDespite } from "./attributes.ts";
import { keepAsClash, placeNew, replace } from "./file_ops.ts";
import { folderOf } from "./paths.ts";
import {
  foldersTo,
  isAsPlaced,
  isYoung,
  type Performed,
  type PerformerContext,
  rowOf,
  sided,
  type WorkOf,
} from "./performing.ts";
import { inPieces } from "./pieces.ts";
import type { Root } from "./root_files.ts";
import { isAcrossDisks } from "./soft_delete.ts";
import type { FlushedCopy, StagedCopy } from "./staged.ts";
import type { CopyRequest } from "./staging.ts";
import { inWords } from "./system.ts";
import { type Both, type FileFigures, otherSide, SIDES } from "./types.ts";
import type { CopyTask } from "./wire_messages.ts";

/**
 * What has to be staged for a copy. Looks at what it is to replace.
 *
 * @param work The copy.
 * @param roots Both roots.
 * @param temporary Path of the temporary file.
 * @throws {Skipped} What it is to replace is something else by now.
 */
export function requestFor(
  work: Omit<CopyTask, "temporary">,
  roots: Both<Root>,
  temporary: string,
): CopyRequest {
  const to = roots[otherSide(work.from)];
  // A new name is looked at when it is taken: that can't be overtaken.
  const replaced = work.target && to.requireFile(work.path, work.target);
  return {
    from: roots[work.from],
    path: work.path,
    seen: work.source,
    to,
    temporary,
    mode: work.mode ?? replaced?.mode ?? work.source.mode,
    wantsHash: work.keepsHash || isYoung(work.source, roots),
  };
}

/** Carries out copies. */
export class Copier {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;

  /** @param context Roots, names and what leads to the record. */
  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
  }

  /**
   * The first step of a copy: looks at both sides and writes aside.
   *
   * @param work The copy.
   */
  async stage(work: WorkOf<"copy">): Promise<StagedCopy> {
    const { staging } = await import("./staging.ts");
    const temporary = this.#context.names.beside(work.path);
    const { onBytes, pause, share } = this.#context;
    const { from, path, source: seen } = work;
    const request: CopyRequest = {
      ...requestFor(work, this.#roots, temporary),
      onBytes,
      share: (file) => share?.({ from, path, seen, temporary }, file),
    };
    return await inPieces(staging(request), pause);
  }

  /**
   * The copy as a thread is told of it.
   *
   * @param work The copy.
   */
  taskFor(work: WorkOf<"copy">): CopyTask {
    const { from, path, source, target, mode, keepsHash } = work;
    const temporary = this.#context.names.beside(path);
    return { from, path, source, target, mode, keepsHash, temporary };
  }

  /**
   * The second step of a copy: puts the flushed file in place.
   *
   * @param work The copy.
   * @param copy What the first step wrote, flushed.
   */
  async place(work: WorkOf<"copy">, copy: FlushedCopy): Promise<Performed> {
    if (work.target !== null) {
      const done = await this.#replace(work, copy, work.target);
      return this.placed(work, copy, done);
    }
    placeNew(copy.to, copy.temporary, work.path);
    return this.placed(work, copy);
  }

  /**
   * What a copy did that is in place.
   *
   * @param work The copy.
   * @param copy What was written.
   * @param done What became of the version it replaced.
   */
  placed(
    work: WorkOf<"copy">,
    copy: Pick<FlushedCopy, "source" | "figures" | "lookedAtMs" | "hash">,
    done: Pick<Performed, "keptAt" | "note"> = { keptAt: null, note: null },
  ): Performed {
    const to = otherSide(work.from);
    const row = rowOf({
      path: work.path,
      figures: sided(work.from, copy.source, copy.figures),
      lookedAtMs: copy.lookedAtMs,
      hash: copy.hash,
      keepsHash: work.keepsHash,
    }, this.#roots);
    const folders = [{ side: to, folder: folderOf(work.path) }];
    if (done.keptAt !== null) folders.push(...foldersTo(to, done.keptAt));
    const change = { kind: "put", row, rowPath: work.rowPath } as const;
    return { changes: [change], folders, ...done };
  }

  async #replace(
    work: WorkOf<"copy">,
    copy: FlushedCopy,
    seen: FileFigures,
  ): Promise<Pick<Performed, "keptAt" | "note">> {
    const { to } = copy;
    const { softDelete, names } = this.#context;
    const keptAt = work.fate === "soft-delete"
      ? softDelete.placeFor(to, work.path)
      : null;
    const replaceBy = (aside: string) =>
      replace(to, copy.temporary, work.path, seen, aside);
    if (keptAt !== null) {
      try {
        replaceBy(keptAt);
        return { keptAt, note: null };
      } catch (error) {
        if (!isAcrossDisks(error)) throw error;
      }
    }
    const { aside, isEdited } = replaceBy(names.beside(work.path));
    let why = isEdited
      ? "written to at the last moment"
      : this.#isClashLost(work)
      ? "its clash copy was changed at once"
      : null;
    if (why === null && keptAt !== null) {
      try {
        await softDelete.moveAcross(to, aside, seen, keptAt);
        return { keptAt, note: null };
      } catch (error) {
        why = `can't be kept in soft delete (${inWords(error)})`;
      }
    }
    if (why === null) {
      removeDespite(to.absolute(aside));
      return { keptAt: null, note: null };
    }
    const kept = keepAsClash(to, aside, work.path);
    return { keptAt: null, note: `${why}; that version is now ${kept}` };
  }

  /**
   * Somebody changed or removed a clash copy before it was needed. The next
   * run would do the same on the other side.
   */
  #isClashLost({ clashPath }: WorkOf<"copy">): boolean {
    const row = clashPath === null ? null : this.#context.rowAt(clashPath);
    return row !== null &&
      SIDES.some((side) => !isAsPlaced(this.#roots[side], row));
  }
}
