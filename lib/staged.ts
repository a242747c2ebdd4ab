/**
 * Copies that are written aside, under temporary names: flushes them, or drops
 * them.
 *
 * @module
 */
import { folderOf } from "./paths.ts";
import type { Root } from "./root_files.ts";
import { codeOf } from "./system.ts";
import type { FileFigures } from "./types.ts";

/** How many flushes the disk is given at once. */
const FLUSHES = 8;

/** A copy that is written and open still, to be flushed. */
export interface StagedCopy {
  readonly to: Root;
  readonly temporary: string;
  /** What the look after reading saw of the source. */
  readonly source: FileFigures;
  /** When that look began, in ms since 1970. */
  readonly lookedAtMs: number;
  readonly hash: string | null;
  readonly file: Deno.FsFile;
}

/** A flushed copy, ready to be put in place. */
export interface FlushedCopy extends Omit<StagedCopy, "file"> {
  /** Of the temporary file, as the disk reports them. */
  readonly figures: FileFigures;
}

/** A copy that could not be flushed. */
export interface FailedCopy {
  readonly error: unknown;
}

/**
 * Flushes copies to the disk, a few at a time: one by one is the slow way.
 *
 * @param copies The copies; they are closed in any case.
 * @returns For each copy its figures, or what went wrong.
 */
export async function flushCopies(
  copies: readonly StagedCopy[],
): Promise<(FlushedCopy | FailedCopy)[]> {
  const results: (FlushedCopy | FailedCopy)[] = [];
  let next = 0;
  const flushNext = async (): Promise<void> => {
    for (let at = next++; at < copies.length; at = next++) {
      const copy = copies[at]!;
      try {
        await copy.file.sync();
        results[at] = finished(copy);
      } catch (error) {
        abandonCopy(copy);
        results[at] = { error };
      }
    }
  };
  await Promise.all(Array.from({ length: FLUSHES }, flushNext));
  return results;
}

/**
 * Flushes a copy to the disk, and waits for that.
 *
 * @param copy The copy; it is closed in any case.
 * @returns The copy and its figures, or what went wrong.
 */
export function flushCopy(copy: StagedCopy): FlushedCopy | FailedCopy {
  try {
    copy.file.syncSync();
    return finished(copy);
  } catch (error) {
    abandonCopy(copy);
    return { error };
  }
}

/** Closes a copy that is flushed. */
function finished({ file, ...copy }: StagedCopy): FlushedCopy {
  file.close();
  const info = Deno.lstatSync(copy.to.absolute(copy.temporary));
  return { ...copy, figures: copy.to.figures(info) };
}

/**
 * Drops a copy that is not flushed yet, or could not be.
 *
 * @param copy The copy, as it was staged.
 */
export function abandonCopy(copy: StagedCopy): void {
  try {
    copy.file.close();
  } catch {
    // Closed already.
  }
  dropCopy(copy);
}

/**
 * Drops a copy that is not wanted any more.
 *
 * @param copy The copy.
 */
export function dropCopy(copy: { to: Root; temporary: string }): void {
  const { to, temporary } = copy;
  try {
    // Its folder may be a link by now, and lead to somebody else's file.
    to.distrust();
    to.requireRealFolder(folderOf(temporary));
    Deno.removeSync(to.absolute(temporary));
  } catch {
    // A leftover of this pair: the next run removes it.
  }
}

/**
 * Flushes a folder: names given in it survive a power failure.
 *
 * @param root The root.
 * @param folder The folder.
 */
export function flushFolder(root: Root, folder: string): void {
  // Windows can't open a folder to flush it; NTFS keeps a journal instead.
  if (Deno.build.os === "windows") return;
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(root.absolute(folder), { read: true });
  } catch (error) {
    // Removed since: then its own parent is flushed.
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  try {
    file.syncSync();
  } catch (error) {
    // Some file systems have no flushing of folders.
    if (codeOf(error) !== "EINVAL") throw error;
  } finally {
    file.close();
  }
}
