/**
 * Paths as people type them: below a root, or with the root before them.
 *
 * @module
 */
import { UsageError } from "./errors.ts";
import { quoted } from "./text.ts";
import { type Both, SIDES } from "./types.ts";
import { withoutPrefix } from "./windows_paths.ts";

/** What a person means. */
export interface TypedPath {
  /** Below a root; "" for the root itself. */
  readonly path: string;
  /** All that is in it is meant. */
  readonly isFolder: boolean;
}

/**
 * Reads a path as a person types it: a leading `./`, doubled slashes and a
 * root in front are taken off, on Windows a prefix such as `\\\\?\\` too, a slash at the end makes it a folder.
 *
 * @param typed The path.
 * @param roots Absolute paths of the roots.
 * @param isWindows `\` is a separator as well, and case tells nothing.
 * @param onDisk Tells how the disk spells a root: a person may, too.
 * @throws {UsageError} It leads out of the roots.
 *
 * @example
 * ```ts
 * import { typedPath } from "./typed_path.ts";
 * typedPath("./d/", { left: "/l", right: "/r" }, false);
 * // { path: "d", isFolder: true }
 * ```
 */
export function typedPath(
  typed: string,
  roots: Both<string>,
  isWindows: boolean,
  onDisk: (root: string) => string = (root) => root,
): TypedPath {
  const slashed = (path: string) =>
    isWindows ? path.replaceAll("\\", "/") : path;
  const said = slashed(isWindows ? withoutPrefix(typed) : typed);
  const isAbsolute = said.startsWith("/") || isWindows && /^\w:/.test(said);
  const inRoot = SIDES.flatMap((side) =>
    isAbsolute ? [roots[side], onDisk(roots[side])] : []
  ).map((root) => below(said, slashed(root), isWindows))
    .find((it) => it !== null);
  if (inRoot === undefined && isAbsolute) {
    throw new UsageError(`${quoted(typed)} is in neither root.`);
  }
  const path = inRoot ?? said;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    const wanted = "write the path as it is below the root";
    throw new UsageError(`${quoted(typed)}: .. is not allowed; ${wanted}.`);
  }
  const isFolder = parts.length === 0 || /\/\.?$/.test(path);
  return { path: parts.join("/"), isFolder };
}

/** What follows a root in a path; null where the path is not in it. */
function below(path: string, root: string, isWindows: boolean): string | null {
  const folder = root.replace(/\/+$/, "");
  const start = path.slice(0, folder.length);
  const isSame = isWindows
    ? start.toLowerCase() === folder.toLowerCase()
    : start === folder;
  const rest = path.slice(folder.length);
  return isSame && folder !== "" && (rest === "" || rest.startsWith("/"))
    ? rest
    : null;
}
