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
  readonly #run: string;
  readonly #folders = new Map<string, string>();

  /** @param run Names the run's folder: `<time>-<pair>`. */
  constructor(run: string) {
    this.#run = run;
  }

  /**
   * Makes the folders for a file and finds a free name in them.
   *
   * @param root The root.
   * @param path The file to be kept.
   * @returns The path it is to have.
   */
  placeFor(root: Root, path: string): string {
    const folder = this.#folderFor(root, folderOf(path));
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

  /** The folder that stands for a folder of the root; made where needed. */
  #folderFor(root: Root, original: string): string {
    const id = `${root.side}/${original}`;
    const known = this.#folders.get(id);
    if (known !== undefined) return known;
    const folder = original === ""
      ? this.#runFolder(root)
      : this.#make(root, this.#folderFor(root, folderOf(original)), original);
    this.#folders.set(id, folder);
    return folder;
  }

  #runFolder(root: Root): string {
    if (root.look(OWN_FOLDER).kind !== "directory") throw new Skipped(CHANGED);
    const all = this.#makeOne(root, DELETED_FOLDER, "");
    if (all === null) throw new Skipped(CHANGED);
    for (let attempt = 1;; attempt++) {
      const name = numberedName(this.#run, attempt);
      const made = this.#makeOne(root, joinPath(DELETED_FOLDER, name), "");
      if (made !== null) return made;
    }
  }

  /** A name that a file has, from a run in the same second, gets a number. */
  #make(root: Root, parent: string, original: string): string {
    for (let attempt = 1;; attempt++) {
      const name = numberedName(nameOf(original), attempt);
      const made = this.#makeOne(root, joinPath(parent, name), original);
      if (made !== null) return made;
    }
  }

  /** Gives it the mode of the one it stands for: no wider, no narrower. */
  #makeOne(root: Root, folder: string, original: string): string | null {
    const { kind } = root.look(folder);
    if (kind === "directory") return folder;
    if (kind === "file") return null;
    if (kind === "other") throw new Skipped(CHANGED);
    Deno.mkdirSync(root.absolute(folder));
    const mode = Deno.lstatSync(root.absolute(original)).mode;
    if (mode !== null && Deno.build.os !== "windows") {
      // Whoever syncs must be able to put files into it.
      Deno.chmodSync(root.absolute(folder), mode & 0o777 | 0o700);
    }
    return folder;
  }
}
