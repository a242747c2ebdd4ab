/**
 * The soft-delete folder of a root: where removed files are kept.
 *
 * @module
 */
import { isStillAt, moveToFree, type TemporaryNames } from "./file_ops.ts";
import { isAcrossDisks, moveAcross } from "./files_copy.ts";
import {
  type DeletedFolder,
  deletedFolder,
  fittingName,
  isOwnName,
  numberedName,
  OWN_FOLDER,
  utf8Length,
} from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import type { Root } from "./root_files.ts";
import { CHANGED, codeOf, inWords, Skipped } from "./system.ts";
import type { Metadata } from "./types.ts";

/** The folder that holds all soft-deleted files of a root. */
export const DELETED_FOLDER = `${OWN_FOLDER}/deleted`;

/**
 * Where a run's folder holds what would have too long a path in it: no user's
 * folder of that name is ever synced. `<n>-<name>` is a file, and `<n>.txt`
 * has the path that it had.
 */
export const SHORT_FOLDER = OWN_FOLDER;

const SHORT_NAME = /^(\d+)-/;
const PATH_NAME = /^\d+\.txt$/;

/** No path is as long, in bytes. */
const MOST_PATH_BYTES = 65_536;

/**
 * Whether a file in a run's folder only tells the path of another one there.
 *
 * @param path Its path in that folder.
 */
export function isPathFile(path: string): boolean {
  return folderOf(path) === SHORT_FOLDER && PATH_NAME.test(nameOf(path));
}

/**
 * The path that a file had which is kept under a short one.
 *
 * @param root The root.
 * @param run The run's folder, below the root.
 * @param path The file's path in it.
 * @returns Null for a file that is kept under its own path, or whose path is
 *   not told in a way that can be relied on.
 */
export function pathBefore(
  root: Root,
  run: string,
  path: string,
): string | null {
  const [, n] = SHORT_NAME.exec(nameOf(path)) ?? [];
  if (folderOf(path) !== SHORT_FOLDER || n === undefined) return null;
  const at = joinPath(run, `${SHORT_FOLDER}/${n}.txt`);
  const look = root.look(at);
  const isReadable = look.kind === "file" &&
    look.metadata.sizeBytes <= MOST_PATH_BYTES;
  if (!isReadable) return null;
  let told: string;
  try {
    told = Deno.readTextFileSync(root.absolute(at));
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return null;
  }
  // Others may write to the root as well: never a path out of it.
  const isPlain = !told.includes("\0") &&
    told.split("/").every((name) =>
      !["", ".", ".."].includes(name) && !isOwnName(name)
    );
  return isPlain ? told : null;
}

/** Soft-deletes files of one run. */
export class SoftDelete {
  readonly #run: string;
  readonly #names: TemporaryNames;
  readonly #folders = new Map<string, string>();

  /**
   * @param run Names the run's folder: `<time>-<pair>`.
   * @param names For what is on its way from another disk.
   */
  constructor(run: string, names: TemporaryNames) {
    this.#run = run;
    this.#names = names;
  }

  /**
   * Makes the folders for a file and finds a free name in them.
   *
   * @param root The root.
   * @param path The file to be kept.
   * @returns The path it is to have.
   */
  placeFor(root: Root, path: string): string {
    const run = this.#folderFor(root, "");
    const length = utf8Length(path);
    // Room for a number as well.
    if (root.pathRoom(run) < length + 4) return this.#shortPlace(root, path);
    try {
      return this.#ownPlace(root, path);
    } catch (error) {
      // Some shares hold less than the system itself.
      if (codeOf(error) !== "ENAMETOOLONG") throw error;
      return this.#shortPlace(root, path);
    }
  }

  #ownPlace(root: Root, path: string): string {
    const folder = this.#folderFor(root, folderOf(path));
    for (let attempt = 1;; attempt++) {
      const place = joinPath(
        folder,
        numberedName(nameOf(path), attempt, root.nameRoom),
      );
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
  async move(root: Root, path: string, seen: Metadata): Promise<string> {
    root.requireFile(path, seen);
    const place = this.placeFor(root, path);
    try {
      // RACE: a version saved right now goes along; the look below finds it.
      Deno.renameSync(root.absolute(path), root.absolute(place));
    } catch (error) {
      if (!isAcrossDisks(error)) throw error;
      await this.moveAcross(root, path, seen, place);
      return place;
    }
    if (!isStillAt(root, place, seen)) {
      // Where its name is taken by now, it stays where it is kept.
      moveToFree(root, place, path);
      throw new Skipped(CHANGED);
    }
    return place;
  }

  /**
   * Moves a file to the soft-delete folder from a disk that is mounted inside
   * the root: it is copied, flushed, and only then removed.
   *
   * @param root The root.
   * @param path The file.
   * @param seen What was seen of it.
   * @param place Where it goes, as {@linkcode placeFor} gave it.
   * @throws {Skipped} It is something else by now; it stays.
   */
  async moveAcross(
    root: Root,
    path: string,
    seen: Metadata,
    place: string,
  ): Promise<void> {
    await moveAcross(root, {
      from: path,
      to: place,
      seen,
      // There the next run looks for what one that died has left.
      temporary: this.#names.beside(`${OWN_FOLDER}/${nameOf(path)}`),
      aside: this.#names.beside(path),
    });
  }

  /** The path is on disk before the file is moved. */
  #shortPlace(root: Root, path: string): string {
    const run = this.#folderFor(root, "");
    const folder = joinPath(run, SHORT_FOLDER);
    if (this.#makeOne(root, folder, "") === null) throw new Skipped(CHANGED);
    for (let n = 1;; n++) {
      const at = joinPath(folder, `${n}.txt`);
      if (root.look(at).kind !== "absent") continue;
      const options = { write: true, createNew: true, mode: 0o600 };
      using file = Deno.openSync(root.absolute(at), options);
      file.writeSync(new TextEncoder().encode(path));
      file.syncSync();
      const name = fittingName(`${n}-${nameOf(path)}`, root.nameRoom);
      return joinPath(folder, name);
    }
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
    if (root.look(OWN_FOLDER).kind !== "directory") {
      throw new Skipped(inTheWay(OWN_FOLDER));
    }
    const all = this.#makeOne(root, DELETED_FOLDER, "");
    if (all === null) throw new Skipped(inTheWay(DELETED_FOLDER));
    for (let attempt = 1;; attempt++) {
      const name = numberedName(this.#run, attempt);
      const made = this.#makeOne(root, joinPath(DELETED_FOLDER, name), "");
      if (made !== null) return made;
    }
  }

  /** A name that a file has, from a run in the same second, gets a number. */
  #make(root: Root, parent: string, original: string): string {
    for (let attempt = 1;; attempt++) {
      const name = numberedName(nameOf(original), attempt, root.nameRoom);
      const made = this.#makeOne(root, joinPath(parent, name), original);
      if (made !== null) return made;
    }
  }

  /** Gives it the mode of the one it stands for: no wider, no narrower. */
  #makeOne(root: Root, folder: string, original: string): string | null {
    const { kind } = root.look(folder);
    if (kind === "directory") {
      const mayBeSecond = nameOf(folder).includes("~");
      return mayBeSecond && root.secondName(folder) !== null ? null : folder;
    }
    if (kind === "file") return null;
    if (kind === "other") throw new Skipped(inTheWay(folder));
    Deno.mkdirSync(root.absolute(folder));
    const mode = Deno.lstatSync(root.absolute(original)).mode;
    if (mode !== null && Deno.build.os !== "windows") {
      // Whoever syncs must be able to put files into it.
      Deno.chmodSync(root.absolute(folder), mode & 0o777 | 0o700);
    }
    return folder;
  }
}

/** Said where removed files can't be kept. */
function inTheWay(folder: string): string {
  return `it can't be kept: ${folder} is no folder; move away what has its name`;
}

// What lies in the soft-delete folder of a root.

/** A soft-deleted file. */
export interface KeptFile {
  /** The folder of its run. */
  readonly run: RunFolder;
  /** Where it is, below the root. */
  readonly keptAt: string;
  /** The path it had. */
  readonly path: string;
  readonly metadata: Metadata;
}

/** A run's folder below the soft-delete folder. */
export interface RunFolder extends DeletedFolder {
  readonly name: string;
  /** Below the root. */
  readonly path: string;
}

/** Told of what can't be looked into. */
export type OnTrouble = (path: string, why: string) => void;

/**
 * The folders in which a root's soft-deleted files lie, oldest first. What
 * has another name or is a link was not made by a run, and is not listed.
 *
 * @param root The root.
 * @param onTrouble Told if they can't be listed.
 */
export function runFolders(root: Root, onTrouble: OnTrouble): RunFolder[] {
  return entriesOf(root, DELETED_FOLDER, onTrouble).flatMap((entry) => {
    const known = entry.isDirectory ? deletedFolder(entry.name) : null;
    const { name } = entry;
    const path = joinPath(DELETED_FOLDER, name);
    return known === null ? [] : [{ ...known, name, path }];
  }).sort((a, b) => a.timeMs - b.timeMs);
}

/**
 * The files that one run soft-deleted; links are no such files.
 *
 * @param root The root.
 * @param run The run's folder.
 * @param onTrouble Told of what can't be looked at.
 */
export function* keptFiles(
  root: Root,
  run: RunFolder,
  onTrouble: OnTrouble,
): Generator<KeptFile> {
  const folders = [""];
  for (const folder of folders) {
    const inside = folder === "" ? run.path : joinPath(run.path, folder);
    for (const { name, isDirectory } of entriesOf(root, inside, onTrouble)) {
      const path = joinPath(folder, name);
      if (isDirectory) folders.push(path);
      const keptAt = joinPath(run.path, path);
      try {
        const look = root.look(keptAt);
        if (look.kind !== "file" || isPathFile(path)) continue;
        const before = pathBefore(root, run.path, path) ?? path;
        yield { run, keptAt, path: before, metadata: look.metadata };
      } catch (error) {
        onTrouble(keptAt, wordsOf(error));
      }
    }
  }
}

/** Never through a link; nothing where there is no such folder. */
function entriesOf(
  root: Root,
  folder: string,
  onTrouble: OnTrouble,
): Deno.DirEntry[] {
  try {
    if (root.look(folder).kind !== "directory") return [];
    return [...Deno.readDirSync(root.absolute(folder))];
  } catch (error) {
    // The folder above it is not there, or is a link.
    if (!(error instanceof Skipped)) onTrouble(folder, wordsOf(error));
    return [];
  }
}

/** What only a mistake in the program throws is thrown on. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
  return inWords(error);
}
