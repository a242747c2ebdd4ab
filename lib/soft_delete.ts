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
import {
  DELETED_FOLDER,
  deletedFolder,
  fittingName,
  flawIn,
  type NameRoom,
  numberedName,
  OWN_FOLDER,
  Refused,
  utf8Length,
} from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import type { FileRef } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import { CHANGED, codeOf, inWords, orElse, Skipped } from "./system.ts";
import type { Both, Metadata } from "./types.ts";
import type {
  Deleted,
  Pruned,
  RunFolder,
  SoftDeleted,
} from "./wire_messages.ts";

/**
 * Where a run's folder holds what would have too long a path in it: no user's
 * folder of that name is ever synced. `<n>-<name>` is a file, and `<n>.txt`
 * has the path that it had.
 */
const SHORT_FOLDER = OWN_FOLDER;

const SHORT_NAME = /^(\d+)-/;
const PATH_NAME = /^\d+\.txt$/;

/** No path is as long, in bytes. */
const MOST_PATH_BYTES = 65_536;

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

/**
 * What lies in a root's soft-delete folder.
 *
 * @param wantsFiles The files as well.
 */
export function deletedIn(root: Root, wantsFiles: boolean): Deleted {
  const unreadable: Deleted["unreadable"][number][] = [];
  const onUnreadable = (path: string, why: string) =>
    void unreadable.push({ path, why });
  const runs = runFolders(root, onUnreadable).map((run) => ({
    ...run,
    // Where it can't be told now, it is as young as can be.
    mtimeMs: orElse(null, () => root.info(run.path)?.mtime)?.getTime() ??
      Infinity,
    files: wantsFiles ? [...softDeletedFiles(root, run, onUnreadable)] : [],
  }));
  return { runs, unreadable };
}

/**
 * Lets in a run's folder among the soft-deleted files, and what is in it.
 *
 * @param name The folder's name.
 * @returns Its path.
 * @throws {Refused} No run gives such a name.
 */
export function admitRun(root: Root, name: string): string {
  if (deletedFolder(name) === null) {
    throw new Refused(name, "it is no run's folder");
  }
  return root.admit(`${DELETED_FOLDER}/${name}/`);
}

/**
 * The path of a file, below its root; that of a soft-deleted one is let in.
 *
 * @throws {Refused} It leads out of the folder of its run.
 */
export function pathOf(
  { side, run, path }: Pick<FileRef, "side" | "run" | "path">,
  roots: Both<Root>,
): string {
  if (run === undefined) return path;
  const flaw = flawIn(path, Deno.build.os === "windows");
  if (flaw && flaw.own !== "plain") throw new Refused(path, flaw.why);
  return joinPath(admitRun(roots[side], run), path);
}

/** Told of what can't be looked into. */
type OnUnreadable = (path: string, why: string) => void;

/**
 * The folders in which a root's soft-deleted files lie, oldest first. What
 * has another name or is a link was not made by a run, and is not listed.
 */
function runFolders(
  root: Root,
  onUnreadable: OnUnreadable,
): RunFolder[] {
  const all = root.admit(DELETED_FOLDER);
  return entriesOf(root, all, onUnreadable).flatMap((entry) => {
    const { name } = entry;
    const known = entry.isDirectory ? deletedFolder(name) : null;
    return known === null
      ? []
      : [{ ...known, name, path: admitRun(root, name) }];
  }).sort((a, b) => a.timeMs - b.timeMs);
}

/** The files that one run soft-deleted; links are no such files. */
function* softDeletedFiles(
  root: Root,
  run: RunFolder,
  onUnreadable: OnUnreadable,
): Generator<SoftDeleted> {
  const folders = [""];
  for (const folder of folders) {
    const inside = folder === "" ? run.path : joinPath(run.path, folder);
    for (const { name, isDirectory } of entriesOf(root, inside, onUnreadable)) {
      const path = joinPath(folder, name);
      const softDeletedPath = joinPath(run.path, path);
      try {
        root.listed(inside, name);
        if (isDirectory) folders.push(path);
        const look = root.look(softDeletedPath);
        if (look.kind !== "file" || isPathFile(path)) continue;
        const before = pathBefore(root, run.path, path) ?? path;
        yield { softDeletedPath, path: before, metadata: look.metadata };
      } catch (error) {
        onUnreadable(softDeletedPath, wordsOf(error));
      }
    }
  }
}

/**
 * Whether a file in a run's folder only tells the path of another one there.
 *
 * @param path Its path in that folder.
 */
function isPathFile(path: string): boolean {
  return folderOf(path) === SHORT_FOLDER && PATH_NAME.test(nameOf(path));
}

/**
 * The path that a file had which lies under a short one.
 *
 * @param run The run's folder, below the root.
 * @param path The file's path in it.
 * @returns Null for a file that lies under its own path, or whose path is not
 *   told in a way that can be relied on.
 */
function pathBefore(root: Root, run: string, path: string): string | null {
  const [, n] = SHORT_NAME.exec(nameOf(path)) ?? [];
  if (folderOf(path) !== SHORT_FOLDER || n === undefined) return null;
  const at = joinPath(run, `${SHORT_FOLDER}/${n}.txt`);
  const look = root.look(at);
  if (look.kind !== "file" || look.metadata.sizeBytes > MOST_PATH_BYTES) {
    return null;
  }
  const told = orElse("", () => Deno.readTextFileSync(root.absolute(at)));
  // Others may write to the root as well: never a path out of it.
  const isWindows = Deno.build.os === "windows";
  return flawIn(told, isWindows) === null ? told : null;
}

/** Never through a link; nothing where there is no such folder. */
function entriesOf(
  root: Root,
  folder: string,
  onUnreadable: OnUnreadable,
): Deno.DirEntry[] {
  try {
    if (root.look(folder).kind !== "directory") return [];
    return [...Deno.readDirSync(root.absolute(folder))];
  } catch (error) {
    // The folder above it is not there, or is a link.
    if (!(error instanceof Skipped)) onUnreadable(folder, wordsOf(error));
    return [];
  }
}

/** What only a mistake in the program throws is thrown on. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
  return inWords(error);
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
