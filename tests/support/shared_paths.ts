/**
 * What both sides ever had in common, and which of that is held back because
 * it may stand where it is left alone by now.
 *
 * @module
 */
import { type Both, SIDES } from "../../lib/types.ts";
import { isWithinAny, type Snapshot } from "./random_state.ts";

/** Contents that both sides had, by path. */
export class SharedPaths {
  readonly #contents = new Map<string, Set<string>>();

  /** Takes note of what both sides have at one path. */
  note({ left, right }: Both<Snapshot>): void {
    for (const [path, { content }] of left.files) {
      if (right.files.get(path)?.content !== content) continue;
      const known = this.#contents.get(path) ?? new Set();
      this.#contents.set(path, known.add(content));
    }
  }

  /**
   * Paths that are left alone: some for certain, and those of files that a
   * side has moved to such a place, which may hold back more.
   *
   * @param trees Both sides.
   * @param certain What is left alone for certain, with all below it.
   * @param isIgnored Tells of other paths that they are left alone.
   */
  heldBack(
    trees: Both<Snapshot>,
    certain: readonly string[],
    isIgnored: (path: string) => boolean = () => false,
  ): string[] {
    const held = new Set(certain);
    for (let known = -1; known < held.size;) {
      known = held.size;
      for (const side of SIDES) {
        const { files } = trees[side];
        const hidden = new Set(
          [...files].filter(([path]) =>
            isIgnored(path) || isWithinAny(path, [...held])
          ).map(([, { content }]) => content),
        );
        for (const [path, contents] of this.#contents) {
          const isMissed = [...contents].some((it) => hidden.has(it));
          if (isMissed && !files.has(path)) held.add(path);
        }
      }
    }
    return [...held];
  }
}
