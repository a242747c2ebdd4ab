/**
 * Moves a folder with all that is in it: looks at everything, as the actions
 * do that it stands for, and then gives one name instead of thousands.
 *
 * @module
 */
import type { CommitContext } from "./commits.ts";
import { CHANGED, type Root, Skipped } from "./disk.ts";
import { folderIdOf } from "./figures.ts";
import { respell } from "./file_ops.ts";
import type { FolderMove } from "./folder_moves.ts";
import { folderOf, nameOf } from "./paths.ts";
import {
  kindAt,
  NOTHING,
  type Performed,
  type PerformerContext,
  type WorkOf,
} from "./performing.ts";
import type { Action, RecordChange, Work } from "./plan.ts";
import { codeOf } from "./system_errors.ts";
import type { Both } from "./types.ts";
import { otherSide } from "./types.ts";

/** What moving folders needs. */
export type MoverContext =
  & Pick<PerformerContext, "roots" | "rowAt" | "noteMove" | "pause">
  & Pick<CommitContext, "verifyRoots">;

/** Moves whole folders. */
export class FolderMover {
  readonly #context: MoverContext;
  readonly #roots: Both<Root>;

  /** @param context Roots and what leads to the record. */
  constructor(context: MoverContext) {
    this.#context = context;
    this.#roots = context.roots;
  }

  /**
   * Moves a folder, if it holds just what was planned for, all of it as it was
   * seen. Whatever comes into it, or is edited in it, after it was looked at
   * moves along, and the next run finds it.
   *
   * @param move The folder.
   * @param actions The plan.
   * @param isDone Whether an earlier action of the plan is done.
   * @returns What each action did that it stands for, in their order. Null:
   *   nothing was done, and each of them is to be carried out on its own.
   */
  async move(
    move: FolderMove,
    actions: readonly Action[],
    isDone: (position: number) => boolean,
  ): Promise<readonly Performed[] | null> {
    const root = this.#roots[move.on];
    const [first = 0] = move.positions;
    const parts = move.positions.map((position) => actions[position]!);
    const isReady = parts.every(({ needs }) =>
      needs.every((need) => need >= first || isDone(need))
    );
    if (!isReady) return null;
    try {
      await this.#look(move, parts);
      this.#context.verifyRoots();
      root.distrust();
      root.requireRealFolder(move.from);
      const { from, to } = move;
      if (root.isSecondName(to, from)) {
        const { side } = root;
        const { noteMove } = this.#context;
        respell(
          root,
          from,
          to,
          (middle) => noteMove({ side, from, middle, to }),
        );
      } else {
        root.requireAbsent(to);
        Deno.renameSync(root.absolute(from), root.absolute(to));
      }
    } catch (error) {
      // On its own, each finds out what is wrong with it, and tells.
      if (error instanceof Skipped || codeOf(error) !== null) return null;
      throw error;
    } finally {
      root.distrust();
    }
    // All of them rely on the two names.
    const folders = [move.from, move.to].map((path) => {
      return { side: move.on, folder: folderOf(path) };
    });
    return parts.map(({ work }) => {
      return { ...NOTHING, changes: [this.#changeOf(work)], folders };
    });
  }

  /** What the parts would look at, and that there is nothing else. */
  async #look(move: FolderMove, parts: readonly Action[]): Promise<void> {
    const root = this.#roots[move.on];
    const other = this.#roots[otherSide(move.on)];
    const held = new Map<string, Set<string>>();
    for (const { work } of parts) {
      await this.#context.pause?.();
      if (work.kind === "rename") {
        other.requireFile(work.other!.path, work.other!.figures);
        root.requireFile(work.from, work.figures);
        putIn(held, work.from);
      } else if (work.kind === "create-directory") {
        requireFolder(other, work.path);
      } else if (work.kind === "remove-directory") {
        if (kindAt(other, work.path) === "directory") {
          throw new Skipped(CHANGED);
        }
        requireFolder(root, work.path);
        if (work.path !== move.from) putIn(held, work.path);
      }
    }
    for (const { work } of parts) {
      if (work.kind !== "remove-directory") continue;
      const expected = held.get(work.path) ?? new Set<string>();
      const names = [...Deno.readDirSync(root.absolute(work.path))];
      const isAll = names.length === expected.size &&
        names.every(({ name }) => expected.has(name));
      if (!isAll) throw new Skipped(CHANGED);
    }
  }

  #changeOf(work: Work): RecordChange {
    switch (work.kind) {
      case "rename":
        return this.#moved(work);
      case "create-directory": {
        const isMount = { left: false, right: false };
        const { path } = work;
        const root = this.#roots[work.on];
        const made = folderIdOf(Deno.lstatSync(root.absolute(path)));
        const id = work.on === "left"
          ? { left: made, right: work.id }
          : { left: work.id, right: made };
        return { kind: "put-directory", path, isMount, id };
      }
      case "remove-directory":
        return { kind: "forget-directory", path: work.rowPath };
      default:
        throw new Error(`${work.kind} is no part of moving a folder`);
    }
  }

  /** What is in a folder that moves stays as it was seen. */
  #moved({ to, row, rowPath }: WorkOf<"rename">): RecordChange {
    const known = rowPath === null ? null : this.#context.rowAt(rowPath);
    return { kind: "put", row: { ...(known ?? row!), path: to }, rowPath };
  }
}

function putIn(held: Map<string, Set<string>>, path: string): void {
  const folder = folderOf(path);
  const names = held.get(folder);
  if (names) names.add(nameOf(path));
  else held.set(folder, new Set([nameOf(path)]));
}

function requireFolder(root: Root, path: string): void {
  if (root.look(path).kind !== "directory") throw new Skipped(CHANGED);
}
