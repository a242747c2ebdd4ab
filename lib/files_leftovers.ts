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
import type { Root } from "./root_files.ts";
import type { Leftover } from "./scanner.ts";
import { CHANGED, codeOf, inWords, Skipped } from "./system.ts";
import { printable } from "./text.ts";
import type { RecordChange } from "./plan_types.ts";
import type { Both, Move, Problem, Side } from "./types.ts";

/** Where renames in two steps are written down. */
export interface MoveRecord {
  moves(): readonly Move[];
  forgetMove(move: Move): void;
  /** The recorded folders, by path. */
  directories(): ReadonlyMap<string, unknown>;
  apply(changes: readonly RecordChange[]): void;
}

/** Another pair's temporary file may belong to a run that goes on. */
const FOREIGN_AGE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Removes temporary files: those of this pair, whose lock proves that nobody
 * uses them, and very old ones of others.
 *
 * @param root The root.
 * @param leftovers What the scan met.
 * @param pair This pair.
 * @param nowMs In ms since 1970.
 */
export function removeLeftovers(
  root: Root,
  leftovers: readonly Leftover[],
  pair: string,
  nowMs: number,
): void {
  for (const leftover of [...leftovers, ...ownLeftovers(root)]) {
    if (!isToGo(leftover, pair, nowMs)) continue;
    const { path } = leftover;
    try {
      if (root.look(path).kind === "file") removeDespite(root.absolute(path));
    } catch (error) {
      const isGone = error instanceof Skipped || codeOf(error) !== null;
      if (!isGone) throw error;
    }
  }
}

function isToGo(
  { path, mtimeMs }: Pick<Leftover, "path" | "mtimeMs">,
  pair: string,
  nowMs: number,
): boolean {
  return isTemporaryOf(nameOf(path), pair) ||
    nowMs - mtimeMs > FOREIGN_AGE_MS;
}

/**
 * Temporary files that a run leaves where they are: whatever folder they are
 * in can't be removed.
 *
 * @param side Where they were met.
 * @param leftovers What the scan met.
 * @param pair This pair.
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

/**
 * The scan does not look into the product's own folder. Where it can't be
 * listed now, the next run tries again.
 */
function ownLeftovers(root: Root): Pick<Leftover, "path" | "mtimeMs">[] {
  const leftovers: Pick<Leftover, "path" | "mtimeMs">[] = [];
  try {
    for (
      const { name, isFile } of Deno.readDirSync(root.absolute(OWN_FOLDER))
    ) {
      if (!isFile || name === "root.json") continue;
      leftovers.push({ path: joinPath(OWN_FOLDER, name), mtimeMs: Infinity });
    }
  } catch (error) {
    if (codeOf(error) === null) throw error;
  }
  return leftovers;
}

/**
 * Completes renames that stopped between their two steps: what is under the
 * name in the middle must not pass for deleted.
 *
 * @param record The record, which has them written down.
 * @param roots The roots.
 * @param isDryRun Nothing may be touched.
 * @throws {GuardError} One can't be completed now; it stays written down.
 */
export function completeMoves(
  record: MoveRecord,
  roots: Both<Root>,
  isDryRun: boolean,
): void {
  for (const move of record.moves()) {
    const root = roots[move.side];
    if (move.middle === move.to) {
      if (!isDryRun) completeFolder(root, record, move);
      continue;
    }
    const trouble = isDryRun
      ? isUnderWay(root, move) ? "a plan changes nothing" : null
      : tryToComplete(root, move);
    if (trouble !== null) throw incomplete(root, move, trouble);
    if (!isDryRun) record.forgetMove(move);
  }
}

/**
 * The same at the end of a run: what can't be completed is left to the next.
 *
 * @param record The record, which has them written down.
 * @param roots The roots.
 */
export function settleMoves(record: MoveRecord, roots: Both<Root>): void {
  for (const move of record.moves()) {
    if (move.middle === move.to) {
      completeFolder(roots[move.side], record, move);
      continue;
    }
    const trouble = tryToComplete(roots[move.side], move);
    if (trouble === null) record.forgetMove(move);
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
  // One that went file by file and was cut off still has both.
  const isDone = isOpen && kindOf(root, to) === "directory" &&
    kindOf(root, from) !== "directory";
  if (isDone) record.apply([{ kind: "move-directory", from, to }]);
  record.forgetMove(move);
}

function kindOf(root: Root, path: string): string {
  try {
    return root.look(path).kind;
  } catch (error) {
    if (error instanceof Skipped || codeOf(error) !== null) return "unknown";
    throw error;
  }
}

function isUnderWay(root: Root, { middle }: Move): boolean {
  return root.look(middle).kind !== "absent";
}

/** What keeps a rename from being completed, in words; null: nothing. */
function tryToComplete(root: Root, move: Move): string | null {
  try {
    completeMove(root, move);
    return null;
  } catch (error) {
    // Its folder is gone: there is nothing to be completed in it.
    if (error instanceof Skipped && error.message === CHANGED) return null;
    const isSystem = error instanceof Skipped || codeOf(error) !== null;
    if (!isSystem) throw error;
    return inWords(error);
  }
}

function incomplete(
  root: Root,
  { from, middle, to }: Move,
  trouble: string,
): GuardError {
  const [before, between, after] = [from, middle, to].map(printable);
  return new GuardError(
    "state",
    `An earlier run stopped while it renamed ${before} to ${after} in ` +
      `${printable(root.path)}: it is ${between} now, and would pass for ` +
      `deleted. It can't be renamed at present: ${trouble}.`,
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
