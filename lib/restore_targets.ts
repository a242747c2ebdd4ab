/**
 * What stands where a soft-deleted version is to be brought back to, and
 * whether it may give way.
 *
 * @module
 */
import { answerTo } from "./files_read.ts";
import { cutToTick, words } from "./metadata.ts";
import { whyNotOnWindows } from "./names.ts";
import { joinPath } from "./paths.ts";
import type { Root } from "./root_files.ts";
import { Skipped } from "./system.ts";
import type { Both, FileFigures, Side } from "./types.ts";
import type { Version } from "./versions.ts";

/** The reason for which a version is not brought back. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** A side that is to have a version. */
export interface Target {
  readonly root: Root;
  /** What stands there; null: nothing. */
  readonly standing: FileFigures | null;
}

/** How to judge. */
export interface TargetOptions {
  readonly roots: Both<Root>;
  /** Newer files may be replaced as well. */
  readonly isForced: boolean;
}

/**
 * What a side needs to have a version.
 *
 * @param side The side.
 * @param version The version.
 * @param options How to judge.
 * @returns Null where the side has it already.
 * @throws {Refused} What stands there must not be replaced.
 * @throws {Skipped} It can't be told.
 */
export function targetOn(
  side: Side,
  version: Version,
  options: TargetOptions,
): Target | null {
  const { roots, isForced } = options;
  const root = roots[side];
  const { path, figures } = version;
  requireName(root, path);
  const look = hasFolders(root, path) ? root.look(path) : null;
  if (look === null || look.kind === "absent") return { root, standing: null };
  // Only such names are short ones: no need to list each folder.
  const second = path.includes("~") ? root.secondName(path) : null;
  if (second !== null) throw new Refused(second.why);
  if (look.kind !== "file") {
    const what = look.kind === "directory" ? "a folder" : "a link or the like";
    throw new Refused(`on ${words(side)} ${what} has that name`);
  }
  const standing = look.figures;
  if (isSame(version, root, standing, roots)) return null;
  const { left, right } = roots;
  const tickMs = Math.max(left.habits.tickMs, right.habits.tickMs);
  const isNewer =
    cutToTick(standing.mtimeMs, tickMs) > cutToTick(figures.mtimeMs, tickMs);
  if (isNewer && !isForced) {
    const when = new Date(standing.mtimeMs).toLocaleString("sv-SE");
    throw new Refused(
      `what is on ${words(side)} is newer (${when}); --force brings the ` +
        "older version back all the same, and keeps the newer",
    );
  }
  return { root, standing };
}

function isSame(
  { side, path, keptAt, figures }: Version,
  root: Root,
  standing: FileFigures,
  roots: Both<Root>,
): boolean {
  if (standing.sizeBytes !== figures.sizeBytes) return false;
  const answer = answerTo({
    kind: "compare",
    a: { side, path: keptAt, figures },
    b: { side: root.side, path, figures: standing },
    wantsHash: false,
  }, roots);
  if (answer.kind === "unreadable") throw new Skipped(answer.reason);
  return answer.kind === "same";
}

function requireName(root: Root, path: string): void {
  if (!root.habits.hasWindowsNames) return;
  for (const name of path.split("/")) {
    const why = whyNotOnWindows(name);
    if (why !== null) throw new Refused(`${words(root.side)}: ${why}`);
  }
}

/**
 * Whether all folders that a path is in are there.
 *
 * @throws {Refused} Something else stands in the place of one.
 */
function hasFolders(root: Root, path: string): boolean {
  let folder = "";
  for (const name of path.split("/").slice(0, -1)) {
    folder = joinPath(folder, name);
    const { kind } = root.look(folder);
    if (kind === "absent") return false;
    const second = name.includes("~") ? root.secondName(folder) : null;
    if (second !== null) throw new Refused(second.why);
    if (kind === "directory") continue;
    throw new Refused(
      `on ${words(root.side)} ${folder} is no folder any more`,
    );
  }
  return true;
}
