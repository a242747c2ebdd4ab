/**
 * Which paths are links. On Windows that is not what the system calls one:
 * files that a cloud drive keeps elsewhere, or that a server keeps without
 * what they have in common, are marked in the same way as links are, and are
 * files and folders like any other all the same.
 *
 * @module
 */

/** Said by the system where something marked so leads nowhere else. */
const LEADS_NOWHERE = /\(os error 4390\)|Unsupported reparse point type/;

/**
 * Whether a path leads somewhere else.
 *
 * @param absolute The path.
 * @param info What `lstat` gave for it.
 * @returns False only where it is certain: whatever is a link is left alone.
 *
 * @example
 * ```ts
 * import { isLink } from "./links.ts";
 * isLink(".", Deno.lstatSync(".")); // false
 * ```
 */
export function isLink(
  absolute: string,
  info: Pick<Deno.FileInfo, "isFile" | "isDirectory" | "isSymlink">,
): boolean {
  if (!info.isSymlink) return false;
  // A true link is neither.
  if (!info.isFile && !info.isDirectory) return true;
  try {
    Deno.readLinkSync(absolute);
    return true;
  } catch (error) {
    return !(error instanceof Error && LEADS_NOWHERE.test(error.message));
  }
}
