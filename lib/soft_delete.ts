/**
 * The soft-delete folder of a root: where removed files are kept.
 *
 * @module
 */
import { CHANGED, type Root, Skipped } from "./disk.ts";
import { moveToFree } from "./file_ops.ts";
import { isStill } from "./figures.ts";
import { numberedName, OWN_FOLDER } from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import type { FileFigures } from "./types.ts";

/** The folder that holds all soft-deleted files of a root. */
export const DELETED_FOLDER = `${OWN_FOLDER}/deleted`;

/** Soft-deletes files of one run. */
export class SoftDelete {
  readonly #folder: string;
  readonly #made = new Set<string>();

  /** @param run Names the run's folder: `<time>-<pair>`. */
  constructor(run: string) {
    this.#folder = joinPath(DELETED_FOLDER, run);
  }

  /**
   * Makes the folders for a file and finds a free name in them.
   *
   * @param root The root.
   * @param path The file to be kept.
   * @returns The path it is to have.
   */
  placeFor(root: Root, path: string): string {
    const folder = joinFolder(this.#folder, folderOf(path));
    this.#makeFolders(root, folder, folderOf(path));
    for (let attempt = 1;; attempt++) {
      const place = joinPath(folder, numberedName(nameOf(path), attempt));
      if (root.look(place).kind === "absent") return place;
    }
  }

  /**
   * Moves a file to the soft-delete folder, but only the one that was seen.
   *
   * @param root The root.
   * @param path The file.
   * @param seen What the scan saw.
   * @returns Where it is now.
   * @throws {Skipped} It is something else by now; it is put back.
   */
  move(root: Root, path: string, seen: FileFigures): string {
    root.requireFile(path, seen);
    const place = this.placeFor(root, path);
    Deno.renameSync(root.absolute(path), root.absolute(place));
    const info = Deno.lstatSync(root.absolute(place));
    if (!info.isFile || !isStill(seen, root.figures(info))) {
      moveToFree(root, place, path);
      throw new Skipped(CHANGED);
    }
    return place;
  }

  /** Folders get the mode of the ones they stand for: no wider, no narrower. */
  #makeFolders(root: Root, folder: string, original: string): void {
    if (this.#made.has(`${root.side}/${folder}`)) return;
    if (folder !== OWN_FOLDER) {
      const above = folder === this.#folder ? "" : folderOf(original);
      this.#makeFolders(root, folderOf(folder), above);
    }
    this.#made.add(`${root.side}/${folder}`);
    const { kind } = root.look(folder);
    if (kind === "directory") return;
    if (kind !== "absent" || folder === OWN_FOLDER) throw new Skipped(CHANGED);
    Deno.mkdirSync(root.absolute(folder));
    const mode = Deno.lstatSync(root.absolute(original)).mode;
    if (mode === null || Deno.build.os === "windows") return;
    // Whoever syncs must be able to put files into it.
    Deno.chmodSync(root.absolute(folder), mode & 0o777 | 0o700);
  }
}

function joinFolder(folder: string, path: string): string {
  return path === "" ? folder : joinPath(folder, path);
}
