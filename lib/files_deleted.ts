/**
 * What lies in a root's soft-delete folder, for whoever looks.
 *
 * @module
 */
import {
  DELETED_FOLDER,
  deletedFolder,
  flawIn,
  OWN_FOLDER,
  Refused,
} from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import type { FileRef } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import { codeOf, inWords, orElse, Skipped } from "./system.ts";
import type { Both } from "./types.ts";
import type { Deleted, RunFolder, SoftDeleted } from "./wire_messages.ts";

/**
 * Where a run's folder holds what would have too long a path in it: no user's
 * folder of that name is ever synced. `<n>-<name>` is a file, and `<n>.txt`
 * has the path that it had.
 */
export const SHORT_FOLDER: string = OWN_FOLDER;

const SHORT_NAME = /^(\d+)-/;
const PATH_NAME = /^\d+\.txt$/;

/** No path is as long, in bytes. */
const MOST_PATH_BYTES = 65_536;

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
export function isPathFile(path: string): boolean {
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
