/**
 * What runs that died left behind: temporary files, which are removed, and
 * renames in two steps, which are completed.
 *
 * @module
 */
import { type Root, Skipped } from "./disk.ts";
import { moveToFree } from "./file_ops.ts";
import { isTemporaryOf, OWN_FOLDER } from "./names.ts";
import { joinPath, nameOf } from "./paths.ts";
import type { Leftover } from "./scanner.ts";
import type { RecordStore } from "./record_store.ts";
import { codeOf } from "./system_errors.ts";
import type { Both } from "./types.ts";

/** Another pair's temporary file may belong to a run that goes on. */
const FOREIGN_AGE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Removes temporary files: those of this pair, whose lock proves that nobody
 * uses them, and very old ones of others.
 *
 * @param root The root.
 * @param leftovers What the scan met.
 * @param pair This pair.
 * @param nowMs In ms since 1970.
 */
export function removeLeftovers(
  root: Root,
  leftovers: readonly Leftover[],
  pair: string,
  nowMs: number,
): void {
  for (const { path, mtimeMs } of [...leftovers, ...ownLeftovers(root)]) {
    const isOwn = isTemporaryOf(nameOf(path), pair);
    const isOld = nowMs - mtimeMs > FOREIGN_AGE_MS;
    if (!isOwn && !isOld) continue;
    try {
      if (root.look(path).kind === "file") Deno.removeSync(root.absolute(path));
    } catch (error) {
      const isGone = error instanceof Skipped || codeOf(error) !== null;
      if (!isGone) throw error;
    }
  }
}

/** The scan does not look into the product's own folder. */
function ownLeftovers(root: Root): Leftover[] {
  const leftovers: Leftover[] = [];
  for (const { name, isFile } of Deno.readDirSync(root.absolute(OWN_FOLDER))) {
    if (!isFile || name === "root.json") continue;
    leftovers.push({ path: joinPath(OWN_FOLDER, name), mtimeMs: Infinity });
  }
  return leftovers;
}

/**
 * Completes renames whose run died between their two steps.
 *
 * @param record The record, which has them written down.
 * @param roots The roots.
 */
export function completeMoves(record: RecordStore, roots: Both<Root>): void {
  for (const { side, from, middle, to } of record.moves()) {
    const root = roots[side];
    if (root.look(middle).kind === "absent") continue;
    // The new name first; if somebody took it, the old one.
    for (const path of [to, from]) {
      if (root.look(path).kind !== "absent") continue;
      if (root.look(middle).kind === "directory") {
        Deno.renameSync(root.absolute(middle), root.absolute(path));
      } else {
        moveToFree(root, middle, path);
      }
      break;
    }
  }
  record.clearMoves();
}
