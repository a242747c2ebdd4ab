/**
 * What lies in the soft-delete folder of a root.
 *
 * @module
 */
import { type DeletedFolder, deletedFolder } from "./names.ts";
import { joinPath } from "./paths.ts";
import type { Root } from "./root_files.ts";
import { DELETED_FOLDER, isPathFile, pathBefore } from "./soft_delete.ts";
import { codeOf, inWords, Skipped } from "./system.ts";
import type { FileFigures } from "./types.ts";

/** A soft-deleted file. */
export interface KeptFile {
  /** The folder of its run. */
  readonly run: RunFolder;
  /** Where it is, below the root. */
  readonly keptAt: string;
  /** The path it had. */
  readonly path: string;
  readonly figures: FileFigures;
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
        yield { run, keptAt, path: before, figures: look.figures };
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
