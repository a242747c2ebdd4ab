/**
 * The only code that gives, takes and replaces names of users' files: it
 * never takes a name that it did not find free, and never destroys what it
 * did not look at.
 *
 * @module
 */
import { removeDespite } from "./attributes.ts";
import { isStill } from "./metadata.ts";
import { clashName, MOVING_PREFIX, utf8Length } from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import { inPieces } from "./pieces.ts";
import type { Root } from "./root_files.ts";
import { dropCopy, flushCopies, flushFolder } from "./staged.ts";
import { CHANGED, codeOf, Skipped } from "./system.ts";
import type { FileFigures } from "./types.ts";

/**
 * Gives a flushed file a name that must be free.
 *
 * @param root The root.
 * @param temporary The file.
 * @param path Its name to be.
 * @throws {Skipped} The name is taken by now.
 */
export function placeNew(root: Root, temporary: string, path: string): void {
  root.requireRealFolder(folderOf(path));
  moveToFree(root, temporary, path);
}

/**
 * Moves a file to a name that must be free: a link never replaces anything.
 *
 * @param root The root.
 * @param from The file.
 * @param to Its name to be.
 * @throws {Skipped} The name is taken by now.
 */
export function moveToFree(root: Root, from: string, to: string): void {
  const [source, target] = [root.absolute(from), root.absolute(to)];
  try {
    if (linkTo(root, from, to)) {
      removeDespite(source, target);
      return;
    }
  } catch (error) {
    const isOwn = error instanceof Skipped && root.isSecondName(to, from);
    if (!isOwn) throw error;
    // The short name that Windows gave this very file: it may take it.
    Deno.renameSync(source, target);
    if (root.secondName(to) !== null) throw error;
    return;
  }
  // No links here: look once more, then rename.
  root.requireAbsent(to);
  try {
    Deno.renameSync(source, target);
  } catch (error) {
    throw root.refusal(error, to, from);
  }
}

/**
 * Gives a file a second name.
 *
 * @param root The root.
 * @param from The file.
 * @param to The second name, which must be free.
 * @returns False where the file system has no links.
 * @throws {Skipped} The name is taken.
 */
export function linkTo(root: Root, from: string, to: string): boolean {
  if (!root.hasLinks) return false;
  try {
    Deno.linkSync(root.absolute(from), root.absolute(to));
    return true;
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (code === "EEXIST") {
      root.requireAbsent(to);
      throw new Skipped(CHANGED);
    }
    if (!NO_LINKS.has(code)) throw root.refusal(error, to, from);
    // EPERM may also be about this very file.
    if (code !== "EPERM" && code !== "EMLINK") root.hasLinks = false;
    return false;
  }
}

const NO_LINKS = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
]);

/** What came of replacing a file. */
export interface Replacement {
  /** The version that was replaced, under a temporary name. */
  readonly aside: string;
  /** It was written to at the last moment: it must be kept. */
  readonly isEdited: boolean;
}

/**
 * Replaces a file. Its name is taken first, with whatever stands there by
 * then: a look could be overtaken by a program that saves at that moment, and
 * a rename over the name would destroy what it saved. The new version then
 * takes the name only if it is free still. For that instant nobody finds a
 * file there; nobody ever finds half of one.
 *
 * @param root The root.
 * @param temporary The new version.
 * @param path The name.
 * @param seen What the scan saw there.
 * @param aside Where the old version goes, for the caller to keep or to drop.
 * @throws {Skipped} Something else stood there, or does by now; it is kept.
 */
export function replace(
  root: Root,
  temporary: string,
  path: string,
  seen: FileFigures,
  aside: string,
): Replacement {
  root.requireFile(path, seen);
  root.requireAbsent(aside);
  Deno.renameSync(root.absolute(path), root.absolute(aside));
  try {
    if (!isStillAt(root, aside, seen)) throw new Skipped(CHANGED);
    moveToFree(root, temporary, path);
  } catch (error) {
    putBack(root, aside, path);
    throw error;
  }
  // Whoever had the old version open may have written to it until just now.
  return { aside, isEdited: !isStillAt(root, aside, seen) };
}

function isStillAt(root: Root, path: string, seen: FileFigures): boolean {
  const info = Deno.lstatSync(root.absolute(path));
  return info.isFile && isStill(seen, root.figures(info));
}

/** Two names of one file: nobody put another in its place. */
function isOneFile(root: Root, path: string, other: string): boolean {
  const a = Deno.lstatSync(root.absolute(path));
  const b = Deno.lstatSync(root.absolute(other));
  return a.isFile && a.ino === b.ino && a.dev === b.dev;
}

/**
 * Makes sure that a file could be replaced, without touching it.
 *
 * @param root The root.
 * @param path The file.
 * @param aside Temporary name.
 * @throws The system's error where it refuses.
 */
export function requireReplaceable(
  root: Root,
  path: string,
  aside: string,
): void {
  requireFree(root, path);
  if (!linkTo(root, path, aside)) return;
  removeDespite(root.absolute(aside), root.absolute(path));
}

/**
 * Windows gives also a file in use a second name, and then lets nobody remove
 * either. Being renamed, if only to what it is called, it refuses.
 */
function requireFree(root: Root, path: string): void {
  if (Deno.build.os !== "windows") return;
  Deno.renameSync(root.absolute(path), root.absolute(path));
}

/**
 * Destroys a file, but only the one that was seen: it is moved aside, looked
 * at, and only then removed.
 *
 * @param root The root.
 * @param path The file.
 * @param seen What the scan saw.
 * @param aside Temporary name.
 * @throws {Skipped} It is something else by now; it is put back.
 */
export function destroy(
  root: Root,
  path: string,
  seen: FileFigures,
  aside: string,
): void {
  root.requireFile(path, seen);
  root.requireAbsent(aside);
  Deno.renameSync(root.absolute(path), root.absolute(aside));
  try {
    if (!isStillAt(root, aside, seen)) throw new Skipped(CHANGED);
    removeDespite(root.absolute(aside));
  } catch (error) {
    putBack(root, aside, path);
    throw error;
  }
}

/**
 * Renames a user's file to a name that must be free. A version that is saved
 * anew under the old name meanwhile stays, and so does its name.
 *
 * @param root The root.
 * @param from The file.
 * @param to Its name to be.
 * @param seen What the scan saw.
 * @param aside Temporary name.
 * @throws {Skipped} The name is taken, or the file is another by now.
 */
export function renameFile(
  root: Root,
  from: string,
  to: string,
  seen: FileFigures,
  aside: string,
): void {
  root.requireFile(from, seen);
  requireFree(root, from);
  if (!linkTo(root, from, to)) {
    root.requireAbsent(to);
    Deno.renameSync(root.absolute(from), root.absolute(to));
    if (isStillAt(root, to, seen)) return;
    putBack(root, to, from);
    throw new Skipped(CHANGED);
  }
  try {
    if (!isStillAt(root, to, seen)) throw new Skipped(CHANGED);
    Deno.renameSync(root.absolute(from), root.absolute(aside));
    if (!isOneFile(root, aside, to)) {
      putBack(root, aside, from);
      throw new Skipped(CHANGED);
    }
  } catch (error) {
    // The old name holds what there is to hold.
    removeDespite(root.absolute(to), root.absolute(from));
    throw error;
  }
  removeDespite(root.absolute(aside), root.absolute(to));
}

/** A file on its way to another disk of its root. */
export interface Crossing {
  readonly from: string;
  /** Its name to be, which must be free. */
  readonly to: string;
  /** What the scan saw. */
  readonly seen: FileFigures;
  /** Temporary name on the new one's disk. */
  readonly temporary: string;
  /** Temporary name beside the old one. */
  readonly aside: string;
}

/**
 * Moves a user's file to another disk that is mounted in its root: it is
 * copied and flushed, and only then removed, if it is still what was copied.
 *
 * @param root The root.
 * @param crossing From where to where.
 * @param pause Called between two pieces of work.
 * @returns The figures under the new name.
 * @throws {Skipped} The name is taken, or the file is another by now; it stays.
 */
export async function moveAcross(
  root: Root,
  { from, to, seen, temporary, aside }: Crossing,
  pause?: () => Promise<void>,
): Promise<FileFigures> {
  root.requireAbsent(to);
  const { staging } = await import("./staging.ts");
  const request = { from: root, path: from, seen, to: root, temporary };
  const copying = staging({ ...request, mode: seen.mode, wantsHash: false });
  const [copy] = await flushCopies([await inPieces(copying, pause)]);
  if (!copy || "error" in copy) throw copy?.error;
  try {
    placeNew(root, temporary, to);
  } catch (error) {
    dropCopy(copy);
    throw error;
  }
  try {
    // One disk does not wait for the other: the new name must be on its own
    // before the old one goes.
    for (let folder = folderOf(to);; folder = folderOf(folder)) {
      flushFolder(root, folder);
      if (folder === "") break;
    }
    destroy(root, from, seen, aside);
  } catch (error) {
    takeBack(root, to, copy.figures, temporary);
    throw error;
  }
  return copy.figures;
}

/** A copy that is one too many; edited by now, it is a file of its own. */
function takeBack(
  root: Root,
  path: string,
  seen: FileFigures,
  aside: string,
): void {
  try {
    destroy(root, path, seen, aside);
  } catch (error) {
    if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
  }
}

/** What a temporary name holds must never be the only copy. */
function putBack(root: Root, aside: string, path: string): void {
  try {
    moveToFree(root, aside, path);
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    keepAsClash(root, aside, path);
  }
}

/**
 * Keeps a version that nobody planned for, under the first free clash name.
 *
 * @param root The root.
 * @param aside Where the version is.
 * @param path The path it comes from.
 * @returns Where it is now.
 */
export function keepAsClash(root: Root, aside: string, path: string): string {
  const info = Deno.lstatSync(root.absolute(aside));
  const { mtimeMs } = root.figures(info);
  const { side } = root;
  // In its own folder if any name has room there, else at the top.
  for (let folder = folderOf(path);; folder = "") {
    let { bytes } = root.nameRoom;
    for (let attempt = 1; bytes >= SHORTEST_CLASH;) {
      const room = { ...root.nameRoom, bytes };
      const clash = { name: nameOf(path), mtimeMs, side, attempt, room };
      const name = clashName(clash);
      const place = joinPath(folder, name);
      try {
        if (root.look(place).kind === "absent") {
          moveToFree(root, aside, place);
          return place;
        }
        attempt++;
      } catch (error) {
        if (codeOf(error) !== "ENAMETOOLONG") throw error;
        bytes = utf8Length(name) - 1;
      }
    }
    if (folder === "") throw new Skipped("no clash name is short enough");
  }
}

/** A mark and a letter, in bytes: no clash name is shorter. */
const SHORTEST_CLASH = 32;

/**
 * Gives a folder or file another spelling of the name it has, on a root that
 * takes both for one name. Some systems do nothing when asked for that: then
 * it goes through a name in the middle.
 *
 * @param root The root.
 * @param from The path now.
 * @param to The path to be; equal to it but for spelling.
 * @param through Called before the first of two steps, with the name in the
 *   middle: whoever dies in between must find it written down.
 */
export function respell(
  root: Root,
  from: string,
  to: string,
  through: (middle: string) => void,
): void {
  root.distrust();
  Deno.renameSync(root.absolute(from), root.absolute(to));
  const names = [...Deno.readDirSync(root.absolute(folderOf(to)))];
  if (names.some(({ name }) => name === nameOf(to))) return;
  const middle = joinPath(
    folderOf(to),
    `${MOVING_PREFIX}${crypto.randomUUID().slice(0, 8)}`,
  );
  through(middle);
  Deno.renameSync(root.absolute(from), root.absolute(middle));
  try {
    Deno.renameSync(root.absolute(middle), root.absolute(to));
  } catch (error) {
    // If that fails too, the end of the run or the next run completes it.
    Deno.renameSync(root.absolute(middle), root.absolute(from));
    throw error;
  }
}
