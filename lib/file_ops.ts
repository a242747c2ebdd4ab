/**
 * The only code that gives, takes and replaces names of users' files: it
 * never takes a name that it did not find free, and never destroys what it
 * did not look at.
 *
 * @module
 */
import { folderIdOf, isEqualId, isStill } from "./metadata.ts";
import {
  clashName,
  movingName,
  OWN_FOLDER,
  temporaryName,
  type TemporaryOwner,
  utf8Length,
} from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import type { Root } from "./root_files.ts";
import { CHANGED, codeOf, orElse, Skipped } from "./system.ts";
import type { FileId, Metadata } from "./types.ts";

/**
 * Sets a property. Who may write a file but does not own it can't set its time
 * or mode, and some file systems have none: that is no failure.
 */
export function setQuietly(set: () => void): void {
  try {
    set();
  } catch (error) {
    if (!REFUSALS.has(codeOf(error) ?? "")) throw error;
  }
}

const REFUSALS = new Set(["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EINVAL"]);

/**
 * Does what Windows refuses with a read-only file or folder: there that is
 * taken off for the moment, as the bit is no change that a sync carries, and
 * no reason to leave a file for ever as it was.
 *
 * @param path Absolute path of what may be read-only.
 * @param act What to do.
 * @param after The name that it has then; left out: the same, or none.
 * @throws The system's error where it refuses all the same.
 */
function despiteReadOnly(
  path: string,
  act: () => void,
  after: string = path,
): void {
  try {
    return act();
  } catch (error) {
    if (Deno.build.os !== "windows" || !isReadOnly(path)) throw error;
  }
  Deno.chmodSync(path, 0o666);
  let isDone = false;
  try {
    act();
    isDone = true;
  } finally {
    try {
      Deno.chmodSync(isDone ? after : path, 0o444);
    } catch {
      // It is gone, as it was to be.
    }
  }
}

/** False for what can't be looked at. */
function isReadOnly(path: string): boolean {
  try {
    return ((Deno.lstatSync(path).mode ?? 0o200) & 0o200) === 0;
  } catch {
    return false;
  }
}

/**
 * Removes a file, or a folder that is empty, read-only ones too.
 *
 * @param path Absolute.
 * @param other Another name that the file has, and keeps.
 * @throws The system's error where it refuses.
 */
export function removeDespite(path: string, other: string = path): void {
  despiteReadOnly(path, () => Deno.removeSync(path), other);
}

/**
 * Sets a file's mtime and mode. What the file system refuses is no failure:
 * the record takes what it reports afterwards.
 *
 * @param properties In ms since 1970, and permission bits; null keeps.
 */
export function setProperties(
  root: Root,
  path: string,
  properties: {
    readonly mtimeMs: number | null;
    readonly mode: number | null;
  },
): void {
  const absolute = root.absolute(path);
  const { mtimeMs, mode } = properties;
  // RACE: what takes the name after the look gets them; no content is touched.
  if (mode !== null && Deno.build.os !== "windows") {
    setQuietly(() => Deno.chmodSync(absolute, mode));
  }
  if (mtimeMs !== null) {
    const mtime = new Date(mtimeMs);
    const set = () => Deno.utimeSync(absolute, mtime, mtime);
    setQuietly(() => despiteReadOnly(absolute, set));
  }
}

/**
 * Writes a new file of the program's own, and flushes it.
 *
 * @param path Absolute; nothing is there yet.
 * @param mode Permission bits.
 */
export function writeDurably(path: string, text: string, mode = 0o666): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncSync();
}

/** Flushes a folder: names given in it survive a power failure. */
export function flushFolder(root: Root, folder: string): void {
  flushFolderAt(root.folder(folder));
}

/** The same by its absolute path. */
export function flushFolderAt(path: string): void {
  // Windows can't open a folder to flush it; NTFS keeps a journal instead.
  if (Deno.build.os === "windows") return;
  try {
    using folder = Deno.openSync(path, { read: true });
    try {
      folder.syncSync();
    } catch (error) {
      // Some file systems have no flushing of folders.
      if (codeOf(error) !== "EINVAL") throw error;
    }
  } catch (error) {
    // Removed since: then its own parent is flushed.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Moves a file to a name that must be free.
 *
 * @throws {Skipped} The name is taken by now.
 */
export function moveToFree(root: Root, from: string, to: string): void {
  const [source, target] = [root.absolute(from), root.way(to)];
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
  root.requireAbsent(to);
  try {
    // RACE: without links, a file that gets the name right now is replaced.
    Deno.renameSync(source, target);
  } catch (error) {
    throw root.refusal(error, to, from);
  }
}

/**
 * Gives a file a second name: a link never replaces anything.
 *
 * @param to The second name, which must be free.
 * @returns False where the file system has no links.
 * @throws {Skipped} The name is taken.
 */
export function linkTo(root: Root, from: string, to: string): boolean {
  if (!root.hasLinks) return false;
  const [source, target] = [root.way(from), root.way(to)];
  try {
    Deno.linkSync(source, target);
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

/**
 * Takes a file's name away, with whatever stands there by then, and goes on
 * only if that is what was seen: a look could be overtaken by a program that
 * saves at that moment.
 *
 * @param to Where the file goes: a name that nobody else uses.
 * @param then What to do when it is there.
 * @throws {Skipped} It is something else by now; it is put back, as after any
 *   other error.
 */
function moveSeen(
  root: Root,
  from: string,
  to: string,
  seen: Metadata,
  then: () => void = () => {},
): void {
  root.requireFile(from, seen);
  root.requireAbsent(to);
  // RACE: a version saved right now goes along; the look below finds it.
  Deno.renameSync(root.absolute(from), root.absolute(to));
  try {
    if (!isStillAt(root, to, seen)) throw new Skipped(CHANGED);
    then();
  } catch (error) {
    putBack(root, to, from);
    throw error;
  }
}

/**
 * Replaces a file: its name is taken away first, as a rename over it would
 * destroy what was saved just now, and the new version takes it only if it is
 * free still. For that instant nobody finds a file there; nobody ever finds
 * half of one.
 *
 * @param temporary The new version.
 * @param seen What the scan saw at the path.
 * @param aside Where the old version goes, for the caller to keep or to drop.
 * @returns Whether the old version was written to at the last moment: whoever
 *   had it open may do that, and it must be kept then.
 * @throws {Skipped} Something else stood there, or does by now; it is kept.
 */
export function replace(
  root: Root,
  temporary: string,
  path: string,
  seen: Metadata,
  aside: string,
): boolean {
  moveSeen(root, path, aside, seen, () => moveToFree(root, temporary, path));
  return !isStillAt(root, aside, seen);
}

/**
 * Destroys a file, but only the one that was seen.
 *
 * @param aside Temporary name.
 * @throws {Skipped} It is something else by now; it is put back.
 */
export function destroy(
  root: Root,
  path: string,
  seen: Metadata,
  aside: string,
): void {
  // RACE: what is written to it between look and removal is lost with it.
  moveSeen(root, path, aside, seen, () => removeDespite(root.absolute(aside)));
}

/** Whether a path has the file that was seen. */
export function isStillAt(root: Root, path: string, seen: Metadata): boolean {
  const { isFile, metadata } = root.lookAgain(path, seen, () => {
    const info = Deno.lstatSync(root.absolute(path));
    return { isFile: info.isFile, metadata: root.metadata(info) };
  });
  return isFile && isStill(seen, metadata);
}

/**
 * Makes sure that a file could be replaced, without touching it.
 *
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
 * Renames a user's file to a name that must be free. A version that is saved
 * anew under the old name meanwhile stays, and so does its name.
 *
 * @param seen What the scan saw.
 * @param aside Temporary name.
 * @throws {Skipped} The name is taken, or the file is another by now.
 */
export function renameFile(
  root: Root,
  from: string,
  to: string,
  seen: Metadata,
  aside: string,
): void {
  root.requireFile(from, seen);
  requireFree(root, from);
  if (!linkTo(root, from, to)) return moveSeen(root, from, to, seen);
  const linked = Deno.lstatSync(root.absolute(to));
  const isLinked = (path: string) => isSameFile(root, path, linked);
  try {
    if (!isStillAt(root, to, seen)) throw new Skipped(CHANGED);
    // RACE: a version saved under the old name right now is not the linked
    // file, nor is one saved under the new name: each is left where it is.
    Deno.renameSync(root.absolute(from), root.absolute(aside));
    if (!isLinked(aside) || !isLinked(to)) {
      putBack(root, aside, from);
      throw new Skipped(CHANGED);
    }
  } catch (error) {
    // The old name holds what there is to hold. What has the new one by now
    // is looked at when nobody else can put anything in its place.
    if (root.look(to).kind !== "absent") {
      Deno.renameSync(root.absolute(to), root.absolute(aside));
      if (isLinked(aside)) {
        removeDespite(root.absolute(aside), root.absolute(from));
      } else putBack(root, aside, to);
    }
    throw error;
  }
  removeDespite(root.absolute(aside), root.absolute(to));
}

/**
 * Whether a path leads to a file that was looked at, however it was written to
 * since; where the disk tells no ids, a file of its size and time.
 */
function isSameFile(root: Root, path: string, file: Deno.FileInfo): boolean {
  return orElse(false, () => {
    const now = Deno.lstatSync(root.absolute(path));
    if (!now.isFile || now.dev !== file.dev) return false;
    const tellsIds = !!now.ino && root.traits.hasIds !== false;
    if (tellsIds) return now.ino === file.ino;
    return now.size === file.size &&
      now.mtime?.getTime() === file.mtime?.getTime();
  });
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
 * @param path The path it comes from.
 * @returns Where it is now.
 */
export function keepAsClash(root: Root, aside: string, path: string): string {
  const info = Deno.lstatSync(root.absolute(aside));
  const { mtimeMs } = root.metadata(info);
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
 * it has to go through a name in the middle.
 *
 * @param mark What makes a name of it ({@linkcode movingName}): whoever dies in
 *   between must find that written down; null: try without.
 * @returns False: nothing was done, it takes one.
 */
export function respell(
  root: Root,
  from: string,
  to: string,
  mark: string | null,
): boolean {
  root.distrust();
  const [source, target] = [root.way(from), root.way(to)];
  if (mark === null) {
    Deno.renameSync(source, target);
    const names = [...Deno.readDirSync(root.folder(folderOf(to)))];
    return names.some(({ name }) => name === nameOf(to));
  }
  const middle = root.way(
    root.admit(joinPath(folderOf(to), movingName(mark))),
  );
  Deno.renameSync(source, middle);
  try {
    Deno.renameSync(middle, target);
  } catch (error) {
    // If that fails too, the end of the run or the next run completes it.
    Deno.renameSync(middle, source);
    throw error;
  }
  return true;
}

/** What the longest name takes, in bytes. */
const LONGEST_NAME = 255;

/**
 * Makes a folder that stands aside for a new one while that is filled: it
 * inherits the same rights. What is in it may have any name.
 *
 * @param folder The new folder.
 * @returns Its path; null where folders can't be put in place by one rename, or
 *   names in it would make too long a path.
 */
export function makeAside(
  root: Root,
  folder: string,
  names: TemporaryNames,
): string | null {
  if (Deno.build.os === "windows") return null;
  const aside = names.beside(folder);
  const isBeside = folderOf(aside) === folderOf(folder);
  if (!isBeside || root.pathRoom(aside) < LONGEST_NAME) return null;
  root.admit(`${aside}/`);
  Deno.mkdirSync(root.way(aside));
  return aside;
}

/** A folder that was filled aside. */
export interface FilledFolder {
  readonly aside: string;
  /** Of all copies that are to be in it. */
  readonly names: readonly string[];
  /** The new folder that it is to replace, and that one's id. */
  readonly path: string;
  readonly id: FileId;
}

/**
 * Puts a folder that was filled aside in the place of the new one, in one step.
 *
 * @returns The id that the folder has from now on.
 * @throws {Skipped} Another one is there by now; or something else is in it: a
 *   copy that failed and could not be removed.
 * @throws The system's error where something is in the new one by now.
 */
export function putFilled(
  root: Root,
  { aside, names, path, id }: FilledFolder,
): FileId {
  flushFolder(root, aside);
  root.distrust();
  const info = root.info(path);
  const filled = root.info(aside);
  const isIt = info?.isDirectory && isEqualId(folderIdOf(info), id);
  const own = filled && folderIdOf(filled);
  if (!isIt || !own) throw new Skipped(CHANGED);
  const there = [...Deno.readDirSync(root.absolute(aside))];
  const wanted = new Set(names);
  const isWhole = there.length === wanted.size &&
    there.every(({ name }) => wanted.has(name));
  if (!isWhole) throw new Skipped(CHANGED);
  // RACE: an empty folder that takes its place right now is replaced; the
  // system refuses to replace one with anything in it.
  Deno.renameSync(root.absolute(aside), root.absolute(path));
  root.distrust();
  return own;
}

/**
 * Removes a folder that was being filled, with the copies in it.
 *
 * @throws {Skipped} It holds anything else.
 */
export function removeAside(root: Root, aside: string): void {
  root.distrust();
  root.requireRealFolder(aside);
  const paths = [...Deno.readDirSync(root.absolute(aside))]
    .map(({ name }) => root.listed(aside, name));
  const isOurs = paths.every((path) => root.look(path).kind === "file");
  if (!isOurs) throw new Skipped(CHANGED);
  for (const path of paths) removeDespite(root.absolute(path));
  removeDespite(root.absolute(aside));
  root.distrust();
}

/** Gives temporary names of one run. */
export class TemporaryNames {
  /** Pair and run. */
  readonly owner: TemporaryOwner;
  readonly #roots: readonly Root[];
  readonly #next: () => number;
  #last: { readonly folder: string; readonly room: number } | null = null;

  /**
   * @param owner Pair and run.
   * @param roots Where they are to be.
   * @param next Gives numbers that nobody else has. Left out: they are counted.
   * @throws {Refused} Pair or run are more than a part of a name.
   */
  constructor(
    owner: TemporaryOwner,
    roots: readonly Root[],
    next?: () => number,
  ) {
    // At once, and not when half of a batch is done.
    temporaryName(owner, 0);
    this.owner = owner;
    this.#roots = roots;
    let count = 0;
    this.#next = next ?? (() => ++count);
  }

  /**
   * A name beside a file, so that it inherits the rights of its folder; in the
   * product's own folder, where one beside it had too long a path.
   *
   * @param path The file.
   * @param number Left out: one that no other has.
   */
  beside(path: string, number = this.#next()): string {
    const name = temporaryName(this.owner, number);
    const folder = folderOf(path);
    const room = this.#roomIn(folder);
    const place = joinPath(room < name.length ? OWN_FOLDER : folder, name);
    for (const root of this.#roots) root.admit(place);
    return place;
  }

  /** What a name in a folder may measure on all roots, in bytes. */
  #roomIn(folder: string): number {
    // Most files are in the folder of the one before.
    if (this.#last?.folder !== folder) {
      const rooms = this.#roots.map((root) => root.pathRoom(folder));
      this.#last = { folder, room: Math.min(...rooms) };
    }
    return this.#last.room;
  }
}
