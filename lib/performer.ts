/**
 * Carries out single actions: looks at both sides of all paths of an action,
 * acts, and says what the record has to learn.
 *
 * @module
 */
import { ClashCopier } from "./clash_copier.ts";
import { CHANGED, type Root, Skipped } from "./disk.ts";
import { setProperties } from "./attributes.ts";
import { destroy, renameFile, respell } from "./file_ops.ts";
import { cutToTick, isFresh, isStill } from "./figures.ts";
import { folderOf, keyOf } from "./paths.ts";
import {
  foldersTo,
  kindAt,
  NOTHING,
  type Performed,
  type PerformerContext,
  type WorkOf,
} from "./performing.ts";
import { halfOf, type RecordChange, type Work } from "./plan.ts";
import { codeOf } from "./system_errors.ts";
import type { Both, FileRow, RecordedHalf } from "./types.ts";
import { otherSide } from "./types.ts";

/** Carries out actions. */
export class Performer {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;
  readonly #clashes: ClashCopier;

  /** @param context Roots, names and what leads to the record. */
  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
    this.#clashes = new ClashCopier(context);
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
        return await this.#remove(work);
      case "clash":
        return await this.#clashes.make(work);
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

  async #remove(work: WorkOf<"remove">): Promise<Performed> {
    const root = this.#roots[work.on];
    const other = this.#roots[otherSide(work.on)];
    const there = kindAt(other, work.path);
    if (there === "file" || there === "other") throw new Skipped(CHANGED);
    const changes = [{ kind: "forget", path: work.rowPath }] as const;
    const folders = [{ side: work.on, folder: folderOf(work.path) }];
    if (work.fate === "destroy") {
      const aside = this.#context.names.beside(work.path);
      destroy(root, work.path, work.figures, aside);
      return { ...NOTHING, changes, folders };
    }
    const keptAt = await this.#context.softDelete.move(
      root,
      work.path,
      work.figures,
    );
    folders.push(...foldersTo(work.on, keptAt));
    return { ...NOTHING, changes, folders, keptAt };
  }

  #rename(work: WorkOf<"rename">): Performed {
    const root = this.#roots[work.on];
    const { from, to, other } = work;
    root.requireFile(from, work.figures);
    if (other) {
      this.#roots[otherSide(work.on)].requireFile(other.path, other.figures);
    }
    if (from !== to && !this.#respell(root, from, to)) {
      const aside = this.#context.names.beside(from);
      renameFile(root, from, to, work.figures, aside);
    }
    root.requireFile(to, work.figures);
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
      : { ...base, [work.on]: this.#halfAfter(root, work, base) };
    const change = { kind: "put", row, rowPath: work.rowPath } as const;
    return { ...NOTHING, changes: [change], folders };
  }

  /** What a side has after it was touched: nobody else may have touched it. */
  #halfAfter(
    root: Root,
    work: WorkOf<"rename">,
    row: FileRow,
  ): RecordedHalf {
    const lookedAtMs = Date.now();
    const look = root.look(work.to);
    if (look.kind !== "file") throw new Skipped(CHANGED);
    const { figures } = look;
    const { tickMs } = root.habits;
    const asked = cutToTick(work.mtimeMs ?? work.figures.mtimeMs, tickMs);
    // Some servers know no time of creation, and tell that of the last change.
    const seen = work.figures.id;
    const id = figures.id?.ino === seen?.ino ? figures.id : seen;
    // A system that refuses a time leaves the one that was seen.
    const isOurs = [asked, work.figures.mtimeMs].includes(figures.mtimeMs) &&
      isStill({ ...work.figures, mtimeMs: figures.mtimeMs, id }, figures);
    if (!isOurs) throw new Skipped(CHANGED);
    const isYoung = isFresh(figures.mtimeMs, lookedAtMs, root.habits);
    return halfOf(figures, isYoung && row.hash !== null);
  }

  /**
   * Gives a name that is only another spelling: it is taken by the very file.
   *
   * @returns False where the two names are no spellings of one.
   */
  #respell(root: Root, from: string, to: string): boolean {
    const { ignoresCase, ignoresNormalForm } = root.habits;
    const folding = { ignoresCase, ignoresNormalForm };
    if (keyOf(from, folding) !== keyOf(to, folding)) return false;
    respell(
      root,
      from,
      to,
      (middle) => this.#context.noteMove({ side: root.side, from, middle, to }),
    );
    return true;
  }

  #renameDirectory(work: WorkOf<"rename-directory">): Performed {
    const root = this.#roots[work.on];
    const { from, to } = work;
    if (root.look(from).kind !== "directory") throw new Skipped(CHANGED);
    root.distrust();
    if (!this.#respell(root, from, to)) {
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
    const other = this.#roots[otherSide(on)];
    if (kindAt(other, path) === "directory") throw new Skipped(CHANGED);
    if (root.look(path).kind !== "directory") throw new Skipped(CHANGED);
    root.distrust();
    // Never recursive: whatever came into it meanwhile keeps it.
    try {
      Deno.removeSync(root.absolute(path));
    } catch (error) {
      const isInUse = ["ENOTEMPTY", "EEXIST"].includes(codeOf(error) ?? "");
      throw isInUse ? new Skipped(CHANGED) : error;
    }
    const change = { kind: "forget-directory", path: work.rowPath } as const;
    const folders = [{ side: on, folder: folderOf(path) }];
    return { ...NOTHING, changes: [change], folders };
  }
}
