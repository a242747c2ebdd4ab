/**
 * What people wrote and nobody replaced or removed after seeing it: it must be
 * somewhere, whatever the sync does.
 *
 * @module
 */
import { type Side, SIDES } from "../../lib/types.ts";
import type { Snapshot, State } from "./random_state.ts";

/** Contents that must not get lost. */
export class Owed {
  /** Where the last person who moved or wrote it put it. */
  readonly #contents = new Map<
    string,
    { readonly side: Side; readonly path: string }
  >();

  /**
   * Takes note of an edit.
   *
   * @param side The side it was made on.
   * @param before That side before it.
   * @param after That side after it.
   * @param isBlind A program did it, which knows what it put where, and does
   *   not look whether that is what is there.
   */
  note(
    side: Side,
    before: Snapshot,
    after: Snapshot,
    isBlind: boolean,
  ): void {
    const was = new Set([...before.files.values()].map((it) => it.content));
    for (const [path, { content }] of after.files) {
      if (content === "" || before.files.get(path)?.content === content) {
        continue;
      }
      // Who only moves it has not written what another replaced.
      if (was.has(content) && !this.#contents.has(content)) continue;
      this.#contents.set(content, { side, path });
    }
    const still = new Set([...after.files.values()].map((it) => it.content));
    for (const [path, { content }] of before.files) {
      if (still.has(content)) continue;
      const author = this.#contents.get(content);
      const isUnseen = isBlind && author !== undefined &&
        author.side !== side && author.path !== path;
      if (!isUnseen) this.#contents.delete(content);
    }
  }

  /**
   * What is owed and was there before a run, and is nowhere after it.
   *
   * @param before Before the run.
   * @param after After it.
   */
  missing(before: State, after: State): string[] {
    const [was, is] = [everything(before), everything(after)];
    return [...this.#contents.keys()].filter((it) =>
      was.has(it) && !is.has(it)
    );
  }
}

/** All contents of both trees and of the soft-delete folders. */
export function everything({ trees, kept }: State): Set<string> {
  const inTrees = SIDES.flatMap((side) =>
    [...trees[side].files.values()].map((it) => it.content)
  );
  return new Set([...kept, ...inTrees]);
}
