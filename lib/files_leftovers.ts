/**
 * What runs that died left behind: temporary files, which are removed, and
 * renames in two steps, which are completed.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import { keepAsClash, moveToFree, removeDespite } from "./file_ops.ts";
import { isTemporaryOf, numberedName, OWN_FOLDER } from "./names.ts";
import { folderOf, joinPath, nameOf } from "./paths.ts";
import type { RecordChange } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import { CHANGED, codeOf, inWords, orElse, Skipped } from "./system.ts";
import { printable } from "./text.ts";
import type { Both, Move, Problem, Side } from "./types.ts";
import type { Leftover } from "./wire_messages.ts";

/** Another pair's temporary file may belong to a run that goes on. */
const FOREIGN_AGE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Removes temporary files: those of this pair, whose lock proves that nobody
 * uses them, and very old ones of others.
 *
 * @param leftovers What the scan met.
 * @param nowMs In ms since 1970.
 */
export function removeLeftovers(
  root: Root,
  leftovers: readonly Leftover[],
  pair: string,
  nowMs: number,
): void {
  const paths = leftovers.filter((it) => isToGo(it, pair, nowMs))
    .map(({ path }) => path);
  // The scan does not look into the product's own folder. Where that can't be
  // listed now, the next run tries again.
  orElse(null, () => {
    for (const { name } of Deno.readDirSync(root.absolute(OWN_FOLDER))) {
      if (isTemporaryOf(name, pair)) paths.push(joinPath(OWN_FOLDER, name));
    }
  });
  for (const path of paths) {
    orElse(null, () => {
      if (root.look(path).kind === "file") removeDespite(root.absolute(path));
    });
  }
}

function isToGo(
  { path, mtimeMs }: Leftover,
  pair: string,
  nowMs: number,
): boolean {
  return isTemporaryOf(nameOf(path), pair) || nowMs - mtimeMs > FOREIGN_AGE_MS;
}

/**
 * Temporary files that a run leaves where they are: whatever folder they are
 * in can't be removed.
 *
 * @param leftovers What the scan met.
 * @param nowMs In ms since 1970.
 */
export function foreignLeftovers(
  side: Side,
  leftovers: readonly Leftover[],
  pair: string,
  nowMs: number,
): Problem[] {
  return leftovers.filter((it) => !isToGo(it, pair, nowMs))
    .map(({ path, metadata }) => {
      const reason = "a temporary file of another PC's run; a run removes it " +
        "once it is a week old";
      return { side, path, kind: "own", reason, metadata };
    });
}

/** Where renames in two steps are written down. */
export interface MoveRecord {
  moves(): readonly Move[];
  forgetMove(move: Move): void;
  /** The recorded folders, by path. */
  directories(): ReadonlyMap<string, unknown>;
  apply(changes: readonly RecordChange[]): void;
}

/**
 * Completes renames that stopped between their two steps: what is under the
 * name in the middle must not pass for deleted.
 *
 * @param when A plan touches nothing; at the end of a run, what can't be
 *   completed is left to the next.
 * @throws {GuardError} One can't be completed now; it stays written down.
 */
export function completeMoves(
  record: MoveRecord,
  roots: Both<Root>,
  when: "plan" | "start" | "end",
): void {
  for (const move of record.moves()) {
    const root = roots[move.side];
    if (move.middle === move.to) {
      if (when !== "plan") completeFolder(root, record, move);
      continue;
    }
    const why = when !== "plan"
      ? whyNotCompleted(root, move)
      : root.look(move.middle).kind !== "absent"
      ? "a plan changes nothing"
      : null;
    if (why !== null && when !== "end") {
      throw incomplete(root, move, why);
    }
    if (why === null && when !== "plan") record.forgetMove(move);
  }
}

/**
 * A folder's rename is one step: if it came to that, the rows follow; if not,
 * it is decided anew.
 */
function completeFolder(root: Root, record: MoveRecord, move: Move): void {
  const { from, to } = move;
  const rows = record.directories();
  const isOpen = rows.has(from) && !rows.has(to);
  const isFolder = (path: string) => root.look(path).kind === "directory";
  // One that went file by file and was cut off still has both.
  const isDone = isOpen && orElse(false, () => isFolder(to)) &&
    !orElse(false, () => isFolder(from));
  if (isDone) record.apply([{ kind: "move-directory", from, to }]);
  record.forgetMove(move);
}

/** What keeps a rename from being completed, in words; null: nothing. */
function whyNotCompleted(root: Root, move: Move): string | null {
  try {
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

function incomplete(
  root: Root,
  { from, middle, to }: Move,
  why: string,
): GuardError {
  const [before, between, after] = [from, middle, to].map(printable);
  return new GuardError(
    "state",
    `An earlier run stopped while it renamed ${before} to ${after} in ` +
      `${printable(root.path)}: it is ${between} now, and would pass for ` +
      `deleted. It can't be renamed at present: ${why}.`,
    `Run once more when nothing uses it, or rename ${between} to ${after} ` +
      "by hand.",
  );
}

function completeMove(root: Root, { from, middle, to }: Move): void {
  const { kind } = root.look(middle);
  if (kind === "absent") return;
  // The new name first; if somebody took it, the old one.
  const free = [to, from].find((it) => root.look(it).kind === "absent");
  if (kind !== "directory") {
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
