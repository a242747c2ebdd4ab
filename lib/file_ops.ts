/**
 * The only code that gives, takes and replaces names of users' files: it
 * never takes a name that it did not find free, and never destroys what it
 * did not look at.
 *
 * @module
 */
import fs from "node:fs";
import { copyingAlone, copyingShared, type SharedCopy } from "./files_copy.ts";
import { isStill } from "./metadata.ts";
import {
  clashName,
  MOVING_PREFIX,
  OWN_FOLDER,
  temporaryName,
  type TemporaryOwner,
  utf8Length,
} from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import {
  atOnce,
  inPieces,
  openFile,
  type Pieces,
  type Root,
} from "./root_files.ts";
import { CHANGED, codeOf, Skipped } from "./system.ts";
import type { Metadata } from "./types.ts";

// Times and modes of files.

/**
 * Sets a property. Who may write a file but does not own it can't set its time
 * or mode, and some file systems have none: that is no failure.
 *
 * @param set Sets it.
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
export function despiteReadOnly(
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
 * @param root The root.
 * @param path The file.
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
  if (mode !== null && Deno.build.os !== "windows") {
    setQuietly(() => Deno.chmodSync(absolute, mode));
  }
  if (mtimeMs !== null) {
    const mtime = new Date(mtimeMs);
    const set = () => Deno.utimeSync(absolute, mtime, mtime);
    setQuietly(() => despiteReadOnly(absolute, set));
  }
}

// Copies that are written aside, under temporary names: flushes them, or drops
// them.

/** How many flushes the disk is given at once. */
const FLUSHES = 8;

/** A copy that is written and open still, to be flushed. */
export interface StagedCopy {
  readonly to: Root;
  readonly temporary: string;
  /** What the look after reading saw of the source. */
  readonly source: Metadata;
  /** When that look began, in ms since 1970. */
  readonly lookedAtMs: number;
  readonly hash: string | null;
  readonly file: Deno.FsFile;
}

/** A flushed copy, ready to be put in place. */
export interface FlushedCopy extends Omit<StagedCopy, "file"> {
  /** Of the temporary file, as the disk reports them. */
  readonly metadata: Metadata;
}

/** A copy that could not be flushed. */
export interface FailedCopy {
  readonly error: unknown;
}

/**
 * Flushes copies to the disk, a few at a time: one by one is the slow way.
 *
 * @param copies The copies; they are closed in any case.
 * @returns For each copy its metadata, or what went wrong.
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
 * @returns The copy and its metadata, or what went wrong.
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
  return { ...copy, metadata: copy.to.metadata(info) };
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
  seen: Metadata,
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

function isStillAt(root: Root, path: string, seen: Metadata): boolean {
  const info = Deno.lstatSync(root.absolute(path));
  return info.isFile && isStill(seen, root.metadata(info));
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
  seen: Metadata,
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
  seen: Metadata,
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
  readonly seen: Metadata;
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
 * @returns The metadata under the new name.
 * @throws {Skipped} The name is taken, or the file is another by now; it stays.
 */
export async function moveAcross(
  root: Root,
  { from, to, seen, temporary, aside }: Crossing,
  pause?: () => Promise<void>,
): Promise<Metadata> {
  root.requireAbsent(to);
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
    takeBack(root, to, copy.metadata, temporary);
    throw error;
  }
  return copy.metadata;
}

/** A copy that is one too many; edited by now, it is a file of its own. */
function takeBack(
  root: Root,
  path: string,
  seen: Metadata,
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

// Writes copies aside, under temporary names. What it imports takes long to
// load: who may not need it imports it when a copy is to be made.

/** A copy to be written aside. */
export interface CopyRequest {
  readonly from: Root;
  /** Path of the source. */
  readonly path: string;
  /** What the scan saw of it. */
  readonly seen: Metadata;
  readonly to: Root;
  /** Path of the temporary file. */
  readonly temporary: string;
  /** Permission bits for the copy. */
  readonly mode: number;
  /** Whether the content's hash is needed. */
  readonly wantsHash: boolean;
  /** Has other threads help with it; gets the copy, open and empty. */
  readonly share?: (file: Deno.FsFile) => SharedCopy | null | undefined;
  /** Leave it to {@linkcode beginWriting} to have the disk begin early. */
  readonly writesEarly?: boolean | undefined;
  /** Told of bytes as they are copied. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Writes a copy aside. The source is looked at before and after.
 *
 * @param request What to copy.
 * @returns The copy; it has to be flushed, or dropped.
 * @throws {Skipped} The source changed.
 */
export function stageCopy(request: CopyRequest): StagedCopy {
  return atOnce(staging(request));
}

/**
 * The same chunk by chunk. A copy that is broken off is dropped.
 *
 * @param request What to copy.
 * @returns Work that gives the copy.
 * @throws {Skipped} The source changed.
 */
export function* staging(request: CopyRequest): Pieces<StagedCopy> {
  const { from, to, path, seen, temporary } = request;
  using source = openFile(from, path, seen);
  to.requireRealFolder(folderOf(temporary));
  const absolute = to.absolute(temporary);
  // Only this user may look into it until it has the rights it is to have.
  const file = Deno.openSync(absolute, {
    write: true,
    createNew: true,
    mode: 0o600,
  });
  try {
    // To ext4 a file cut to nothing is one that is being replaced.
    if (request.writesEarly) file.truncateSync(0);
    const { wantsHash, onBytes, share } = request;
    const copying = { source, file, sizeBytes: seen.sizeBytes, onBytes };
    const shared = wantsHash || source.hasHoles ? null : share?.(file) ?? null;
    let hash: string | null = null;
    if (shared === null) hash = yield* copyingAlone(copying, wantsHash);
    else yield* copyingShared(copying, shared);
    const lookedAtMs = Date.now();
    const after = source.finish();
    if (Deno.build.os !== "windows") {
      setQuietly(() => Deno.chmodSync(absolute, request.mode));
    }
    // A Date: as a fraction of seconds, half of all times lose a millisecond.
    const mtime = new Date(seen.mtimeMs);
    setQuietly(() => file.utimeSync(mtime, mtime));
    return { to, temporary, source: after, lookedAtMs, hash, file };
  } catch (error) {
    file.close();
    dropCopy(request);
    throw error;
  }
}

/**
 * Has the disk begin to write a copy, where it puts that off: ext4 finds room
 * for a file only when it is flushed, and then commits its journal for each
 * file anew. A file that was cut to nothing gets its room when any handle of
 * it is closed, and many flushes find one commit that has done for all. It is
 * no more than a hint: the flush comes all the same.
 *
 * @param copy A copy that was staged with `writesEarly`.
 */
export function beginWriting({ to, temporary }: StagedCopy): void {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  try {
    fs.closeSync(fs.openSync(to.absolute(temporary), flags));
  } catch {
    // Whatever is wrong with it, the flush or the look at it will tell.
  }
}

// The temporary names of one run.

/** Gives temporary names of one run. */
export class TemporaryNames {
  /** Pair and run. */
  readonly owner: TemporaryOwner;
  readonly #roots: readonly Root[];
  #count = 0;

  /**
   * @param owner Pair and run.
   * @param roots Where they are to be.
   */
  constructor(owner: TemporaryOwner, roots: readonly Root[] = []) {
    this.owner = owner;
    this.#roots = roots;
  }

  /**
   * A name beside a file, so that it inherits the rights of its folder; in the
   * product's own folder, where one beside it had too long a path.
   *
   * @param path The file.
   */
  beside(path: string): string {
    const name = temporaryName(this.owner, ++this.#count);
    const folder = folderOf(path);
    const isTooLong = this.#roots.some((root) =>
      root.pathRoom(folder) < name.length
    );
    return joinPath(isTooLong ? OWN_FOLDER : folder, name);
  }
}
