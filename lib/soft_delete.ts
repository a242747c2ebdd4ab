/**
 * The soft-delete folder of a root: where removed files go.
 *
 * @module
 */
import {
  isStillAt,
  moveToFree,
  removeDespite,
  type TemporaryNames,
  writeDurably,
} from "./file_ops.ts";
import { isAcrossDisks, moveAcross } from "./files_copy.ts";
import { admitRun, isPathFile, SHORT_FOLDER } from "./files_deleted.ts";
import {
  DELETED_FOLDER,
  fittingName,
  type NameRoom,
  numberedName,
  OWN_FOLDER,
  utf8Length,
} from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import type { Root } from "./root_files.ts";
import { CHANGED, codeOf, inWords, orElse, Skipped } from "./system.ts";
import type { Metadata } from "./types.ts";
import type { Pruned } from "./wire_messages.ts";

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
   * Moves a file to the soft-delete folder, but only the one that was seen.
   *
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
      // Where its name is taken by now, it stays where it is.
      moveToFree(root, place, path);
      throw new Skipped(CHANGED);
    }
    return place;
  }

  /**
   * Moves a file to the soft-delete folder from a disk that is mounted inside
   * the root.
   *
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

  /** Makes the folders for a file, and finds a free path for it in them. */
  placeFor(root: Root, path: string): string {
    const run = this.#folderFor(root, "");
    // Room for a number as well.
    if (root.pathRoom(run) >= utf8Length(path) + 4) {
      try {
        const folder = this.#folderFor(root, folderOf(path));
        return numbered(nameOf(path), root.nameRoom, (name) => {
          const place = joinPath(folder, name);
          return root.look(place).kind === "absent" ? place : null;
        });
      } catch (error) {
        // Some shares hold less than the system itself.
        if (codeOf(error) !== "ENAMETOOLONG") throw error;
      }
    }
    return this.#shortPlace(root, joinPath(run, SHORT_FOLDER), path);
  }

  /** The path is on disk before the file is moved. */
  #shortPlace(root: Root, folder: string, path: string): string {
    if (makeFolder(root, folder, "") === null) throw new Skipped(CHANGED);
    for (let n = 1;; n++) {
      const at = joinPath(folder, `${n}.txt`);
      if (root.look(at).kind !== "absent") continue;
      try {
        writeDurably(root.absolute(at), path, 0o600);
      } catch (error) {
        // Another thread of this run has taken it.
        if (codeOf(error) !== "EEXIST") throw error;
        continue;
      }
      const name = fittingName(`${n}-${nameOf(path)}`, root.nameRoom);
      return joinPath(folder, name);
    }
  }

  /** The folder that stands for a folder of the root; made where needed. */
  #folderFor(root: Root, original: string): string {
    const id = `${root.side}/${original}`;
    const known = this.#folders.get(id);
    if (known !== undefined) return known;
    let folder: string;
    if (original === "") {
      if (root.look(root.admit(OWN_FOLDER)).kind !== "directory") {
        throw new Skipped(inTheWay(OWN_FOLDER));
      }
      const all = makeFolder(root, root.admit(DELETED_FOLDER), "");
      if (all === null) throw new Skipped(inTheWay(DELETED_FOLDER));
      // That of another run in the same second keeps its name.
      folder = numbered(
        this.#run,
        undefined,
        (name) => makeFolder(root, admitRun(root, name), ""),
      );
    } else {
      const parent = this.#folderFor(root, folderOf(original));
      folder = numbered(
        nameOf(original),
        root.nameRoom,
        (name) => makeFolder(root, joinPath(parent, name), original),
      );
    }
    this.#folders.set(id, folder);
    return folder;
  }
}

/** The first of a name's numbered forms that can be had. */
function numbered(
  name: string,
  room: NameRoom | undefined,
  take: (name: string) => string | null,
): string {
  for (let attempt = 1;; attempt++) {
    const taken = take(numberedName(name, attempt, room));
    if (taken !== null) return taken;
  }
}

/**
 * Makes a folder that is not there yet, with the mode of the one it stands
 * for: no wider, no narrower.
 *
 * @returns Null where the name is that of something else.
 */
function makeFolder(
  root: Root,
  folder: string,
  original: string,
): string | null {
  const { kind } = root.look(folder);
  if (kind === "directory") {
    const mayBeSecond = nameOf(folder).includes("~");
    return mayBeSecond && root.secondName(folder) !== null ? null : folder;
  }
  if (kind === "file") return null;
  if (kind === "other") throw new Skipped(inTheWay(folder));
  if (!isMade(root, folder)) return makeFolder(root, folder, original);
  const mode = Deno.lstatSync(root.folder(original)).mode;
  if (mode !== null && Deno.build.os !== "windows") {
    // Whoever syncs must be able to put files into it.
    Deno.chmodSync(root.absolute(folder), mode & 0o777 | 0o700);
  }
  return folder;
}

/** Makes a folder; false: another thread of this run was quicker. */
export function isMade(root: Root, folder: string): boolean {
  try {
    Deno.mkdirSync(root.absolute(folder));
    return true;
  } catch (error) {
    const isThere = codeOf(error) === "EEXIST" &&
      root.look(folder).kind !== "absent";
    if (!isThere) throw error;
    return false;
  }
}

/** Said where nothing can be soft-deleted. */
function inTheWay(folder: string): string {
  return `it can't be soft-deleted: ${folder} is no folder; move away what ` +
    "has its name";
}

// What was kept long enough is removed for good.

/**
 * Removes folders of runs with all that is in them, but nothing that links lead
 * to.
 *
 * @param runs Their names.
 */
export function removeRuns(root: Root, runs: readonly string[]): Pruned {
  const removal = new Removal();
  for (const run of runs) {
    removal.removeRun(root, admitRun(root, run));
  }
  const { files, bytes, failed, first } = removal;
  return { files, bytes, failed, first };
}

class Removal implements Pruned {
  files = 0;
  bytes = 0;
  failed = 0;
  first: Pruned["first"] = null;

  /** What can't go stays as old as it was. */
  removeRun(root: Root, path: string): void {
    const mtime = orElse(null, () => root.info(path)?.mtime ?? null);
    this.#remove(root, path);
    try {
      if (mtime !== null && root.look(path).kind === "directory") {
        Deno.utimeSync(root.absolute(path), mtime, mtime);
      }
    } catch (error) {
      // It then counts from now.
      if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
    }
  }

  #remove(root: Root, path: string): void {
    try {
      root.listed(folderOf(path), nameOf(path));
      const look = root.look(path);
      if (look.kind === "directory") {
        for (const { name } of [...Deno.readDirSync(root.absolute(path))]) {
          this.#remove(root, joinPath(path, name));
        }
        root.distrust();
      }
      // Never with what is in it: a link goes, and not what it leads to.
      removeDespite(root.absolute(path));
      const inRun = path.split("/").slice(3).join("/");
      if (look.kind !== "file" || isPathFile(inRun)) return;
      this.files++;
      this.bytes += look.metadata.sizeBytes;
    } catch (error) {
      if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
      // A folder that is not empty: what is in it has been told.
      if (codeOf(error) === "ENOTEMPTY") return;
      this.failed++;
      this.first ??= { path, why: inWords(error) };
    }
  }
}
