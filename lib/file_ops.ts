/**
 * The only code that changes users' files: it writes aside and puts in place,
 * and never takes a name that it did not find free.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { promisify } from "node:util";
import { CHANGED, type Root, Skipped } from "./disk.ts";
import { isStill } from "./figures.ts";
import { MOVING_PREFIX, temporaryName, type TemporaryOwner } from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import { codeOf } from "./system_errors.ts";
import type { FileFigures } from "./types.ts";

const CHUNK_BYTES = 1024 * 1024;
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = fs.constants;

const flushFile = promisify(fs.fsync);

/** How many flushes the disk is given at once. */
const FLUSHES = 8;

/** Gives temporary names of one run. */
export class TemporaryNames {
  readonly #owner: TemporaryOwner;
  #count = 0;

  /** @param owner Pair and run. */
  constructor(owner: TemporaryOwner) {
    this.#owner = owner;
  }

  /**
   * A name beside a file, so that it inherits the rights of its folder.
   *
   * @param path The file.
   */
  beside(path: string): string {
    const name = temporaryName(this.#owner, ++this.#count);
    return joinPath(folderOf(path), name);
  }
}

/** A copy to be written aside. */
export interface CopyRequest {
  readonly from: Root;
  /** Path of the source. */
  readonly path: string;
  /** What the scan saw of it. */
  readonly seen: FileFigures;
  readonly to: Root;
  /** Path of the temporary file. */
  readonly temporary: string;
  /** Permission bits for the copy. */
  readonly mode: number;
  /** Whether the content's hash is needed. */
  readonly wantsHash: boolean;
}

/** A copy that is written and open still, to be flushed. */
export interface StagedCopy {
  readonly to: Root;
  readonly temporary: string;
  /** What the look after reading saw of the source. */
  readonly source: FileFigures;
  readonly hash: string | null;
  readonly fd: number;
}

/**
 * Writes a copy aside. The source is looked at before and after.
 *
 * @param request What to copy.
 * @returns The copy; it has to be flushed, or dropped.
 * @throws {Skipped} The source changed.
 */
export function stageCopy(request: CopyRequest): StagedCopy {
  const { from, to, path, seen, temporary } = request;
  using source = from.open(path, seen);
  to.requireRealFolder(folderOf(temporary));
  const absolute = to.absolute(temporary);
  // Only this user may look into it until it has the rights it is to have.
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  const fd = fs.openSync(absolute, flags, 0o600);
  try {
    const hash = request.wantsHash ? createHash("sha256") : null;
    const size = Math.min(Math.max(seen.sizeBytes, 1) + 1, CHUNK_BYTES);
    const buffer = Buffer.allocUnsafe(size);
    let left = seen.sizeBytes;
    for (let count = -1; count !== 0; left -= count) {
      count = source.read(buffer);
      // A file that grows while it is read must not be followed for ever.
      if (count > left) throw new Skipped(CHANGED);
      const chunk = buffer.subarray(0, count);
      hash?.update(chunk);
      writeAll(fd, chunk);
    }
    const after = source.finish();
    setQuietly(() => fs.fchmodSync(fd, request.mode));
    const seconds = seen.mtimeMs / 1000;
    setQuietly(() => fs.futimesSync(fd, seconds, seconds));
    const digest = hash?.digest("hex") ?? null;
    return { to, temporary, source: after, hash: digest, fd };
  } catch (error) {
    fs.closeSync(fd);
    removeQuietly(absolute);
    throw error;
  }
}

function writeAll(fd: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) {
    at += fs.writeSync(fd, chunk, at, chunk.length - at, null);
  }
}

/** Who may write a file but does not own it can't set time or mode. */
function setQuietly(set: () => void): void {
  try {
    set();
  } catch (error) {
    if (!REFUSALS.has(codeOf(error) ?? "")) throw error;
  }
}

const REFUSALS = new Set(["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EINVAL"]);

function removeQuietly(absolute: string): void {
  try {
    Deno.removeSync(absolute);
  } catch {
    // A leftover of this pair: the next run removes it.
  }
}

/** A flushed copy, ready to be put in place. */
export interface FlushedCopy extends StagedCopy {
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
        await flushFile(copy.fd);
        fs.closeSync(copy.fd);
        const info = Deno.lstatSync(copy.to.absolute(copy.temporary));
        results[at] = { ...copy, figures: copy.to.figures(info) };
      } catch (error) {
        try {
          fs.closeSync(copy.fd);
        } catch {
          // Closed already.
        }
        dropCopy(copy);
        results[at] = { error };
      }
    }
  };
  await Promise.all(Array.from({ length: FLUSHES }, flushNext));
  return results;
}

/**
 * Drops a copy that is not wanted any more.
 *
 * @param copy The copy.
 */
export function dropCopy(copy: { to: Root; temporary: string }): void {
  removeQuietly(copy.to.absolute(copy.temporary));
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
  root.requireAbsent(path);
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
  if (linkTo(root, from, to)) {
    Deno.removeSync(source);
    return;
  }
  // No links here: look once more, then rename.
  root.requireAbsent(to);
  Deno.renameSync(source, target);
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
  try {
    Deno.linkSync(root.absolute(from), root.absolute(to));
    return true;
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (code === "EEXIST") throw new Skipped(CHANGED);
    if (NO_LINKS.has(code)) return false;
    throw error;
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
 * Replaces a file in one step. The old version stays under a temporary name,
 * for the caller to keep or to drop.
 *
 * @param root The root.
 * @param temporary The new version.
 * @param path The name.
 * @param seen What the scan saw there.
 * @param aside Temporary name for the old version.
 * @throws {Skipped} Something else stands there by now.
 */
export function replace(
  root: Root,
  temporary: string,
  path: string,
  seen: FileFigures,
  aside: string,
): Replacement {
  root.requireFile(path, seen);
  const isLinked = linkTo(root, path, aside);
  if (!isLinked) Deno.renameSync(root.absolute(path), root.absolute(aside));
  try {
    if (!isStillAt(root, aside, seen)) throw new Skipped(CHANGED);
    if (isLinked) {
      if (!isOneFile(root, path, aside)) throw new Skipped(CHANGED);
      Deno.renameSync(root.absolute(temporary), root.absolute(path));
    } else {
      moveToFree(root, temporary, path);
    }
  } catch (error) {
    if (isLinked) Deno.removeSync(root.absolute(aside));
    else moveToFree(root, aside, path);
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
  if (linkTo(root, path, aside)) Deno.removeSync(root.absolute(aside));
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
  if (!isStillAt(root, aside, seen)) {
    moveToFree(root, aside, path);
    throw new Skipped(CHANGED);
  }
  Deno.removeSync(root.absolute(aside));
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
    setQuietly(() => Deno.utimeSync(absolute, mtimeMs / 1000, mtimeMs / 1000));
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
  Deno.renameSync(root.absolute(middle), root.absolute(to));
}
