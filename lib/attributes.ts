/**
 * Times and modes of files.
 *
 * @module
 */
import type { Root } from "./root_files.ts";
import { codeOf } from "./system.ts";

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
