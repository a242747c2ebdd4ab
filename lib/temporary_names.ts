/**
 * The temporary names of one run.
 *
 * @module
 */
import { temporaryName, type TemporaryOwner } from "./names.ts";
import { folderOf, joinPath } from "./paths.ts";

/** Gives temporary names of one run. */
export class TemporaryNames {
  readonly #owner: TemporaryOwner;
  #count = 0;

  /** @param owner Pair and run. */
  constructor(owner: TemporaryOwner) {
    this.#owner = owner;
  }

  /**
   * A name beside a file, so that it inherits the rights of its folder.
   *
   * @param path The file.
   */
  beside(path: string): string {
    const name = temporaryName(this.#owner, ++this.#count);
    return joinPath(folderOf(path), name);
  }
}
