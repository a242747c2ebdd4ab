/**
 * What runs that died left behind: temporary files, which are removed, and
 * renames in two steps, which are completed.
 *
 * @module
 */
import {
  keepAsClash,
  moveToFree,
  removeAside,
  removeDespite,
} from "./file_ops.ts";
import {
  flawIn,
  MOVING_PREFIX,
  movingName,
  numberedName,
  Refused,
  TEMPORARY_PREFIX,
} from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import { requirePaths, type Root } from "./root_files.ts";
import { CHANGED, codeOf, inWords, orElse, Skipped } from "./system.ts";
import type { Move } from "./types.ts";
import type { MoveState } from "./wire_messages.ts";

/**
 * Removes temporary files, and folders that were being filled. What can't be
 * removed is left to the next run.
 */
export function removeLeftovers(root: Root, paths: readonly string[]): void {
  // Whatever is said to be left over: never a user's file.
  for (const path of paths) {
    const flaw = flawIn(path, Deno.build.os === "windows");
    const isOurs = flaw?.own &&
      nameOf(path).toLowerCase().startsWith(TEMPORARY_PREFIX);
    if (!isOurs) throw new Refused(path, "no run gives such a name");
  }
  for (const path of paths) {
    orElse(null, () => {
      root.listed(folderOf(path), nameOf(path));
      const { kind } = root.look(path);
      if (kind === "file") removeDespite(root.absolute(path));
      else if (kind === "directory") removeAside(root, path);
    });
  }
}

/**
 * Requires that renames are of users' files and folders, and that each has in
 * its middle a name that a run gives for that: nothing else that is the
 * program's own.
 *
 * @throws {Refused} One of them is not so.
 */
export function requireMoves(moves: readonly Move[]): void {
  for (const { from, middle, to } of moves) {
    requirePaths([from, to]);
    if (middle === to) continue;
    const [folder, name] = [folderOf(middle), nameOf(middle)];
    if (folder !== "") requirePaths([folder]);
    if (movingName(name.slice(MOVING_PREFIX.length)) !== name) {
      throw new Refused(middle, "no run gives such a name");
    }
  }
}

/**
 * Completes a rename that stopped between its two steps, or looks whether that
 * of a folder, which has one step, was made.
 *
 * @param isPlan Nothing is to be changed.
 */
export function completed(root: Root, move: Move, isPlan: boolean): MoveState {
  root.admit(move.middle);
  if (move.middle !== move.to) {
    return { why: whyNotCompleted(root, move, isPlan), isMade: false };
  }
  const isFolder = (path: string) =>
    orElse(false, () => root.look(path).kind === "directory");
  // One that went file by file and was cut off still has both.
  return { why: null, isMade: isFolder(move.to) && !isFolder(move.from) };
}

/** What keeps a rename from being completed, in words; null: nothing. */
function whyNotCompleted(
  root: Root,
  move: Move,
  isPlan: boolean,
): string | null {
  try {
    if (root.look(move.middle).kind === "absent") return null;
    if (isPlan) return "a plan changes nothing";
    completeMove(root, move);
    return null;
  } catch (error) {
    const isKnown = error instanceof Skipped || codeOf(error) !== null;
    if (!isKnown) throw error;
    // Its folder is gone: there is nothing to be completed in it.
    const isGone = error instanceof Skipped && error.message === CHANGED;
    return isGone ? null : inWords(error);
  }
}

function completeMove(root: Root, { from, middle, to }: Move): void {
  // The new name first; if somebody took it, the old one.
  const free = [to, from].find((it) => root.look(it).kind === "absent");
  if (root.look(middle).kind !== "directory") {
    if (free === undefined) keepAsClash(root, middle, to);
    else moveToFree(root, middle, free);
    return;
  }
  for (let place = free ?? to, attempt = 2;; attempt++) {
    if (root.look(place).kind === "absent") {
      return Deno.renameSync(root.absolute(middle), root.absolute(place));
    }
    place = joinPath(folderOf(to), numberedName(nameOf(to), attempt));
  }
}
