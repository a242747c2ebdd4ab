/**
 * The temporary names of one run.
 *
 * @module
 */
import { OWN_FOLDER, temporaryName, type TemporaryOwner } from "./names.ts";
import { folderOf, joinPath } from "./paths.ts";
import type { Root } from "./root_files.ts";

/** Gives temporary names of one run. */
export class TemporaryNames {
  /** Pair and run. */
  readonly owner: TemporaryOwner;
  readonly #roots: readonly Root[];
  #count = 0;

  /**
   * @param owner Pair and run.
   * @param roots Where they are to be.
   */
  constructor(owner: TemporaryOwner, roots: readonly Root[] = []) {
    this.owner = owner;
    this.#roots = roots;
  }

  /**
   * A name beside a file, so that it inherits the rights of its folder; in the
   * product's own folder, where one beside it had too long a path.
   *
   * @param path The file.
   */
  beside(path: string): string {
    const name = temporaryName(this.owner, ++this.#count);
    const folder = folderOf(path);
    const isTooLong = this.#roots.some((root) =>
      root.pathRoom(folder) < name.length
    );
    return joinPath(isTooLong ? OWN_FOLDER : folder, name);
  }
}
