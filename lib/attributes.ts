/**
 * Times and modes of files.
 *
 * @module
 */
import type { Root } from "./disk.ts";
import { codeOf } from "./system_errors.ts";

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
    setQuietly(() => Deno.utimeSync(absolute, mtime, mtime));
  }
}
