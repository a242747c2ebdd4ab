/**
 * What runs that died left behind: which temporary files are to go, and what
 * becomes of renames in two steps.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import { isTemporaryOf } from "./names.ts";
import { nameOf } from "./paths.ts";
import type { RecordChange } from "./plan_types.ts";
import { printable } from "./text.ts";
import {
  type Both,
  type Move,
  type Problem,
  type Side,
  SIDES,
} from "./types.ts";
import type { Leftover, WireRoot } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

/** Another pair's temporary file may belong to a run that goes on. */
const FOREIGN_AGE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Whether a temporary file is to be removed: those of this pair, whose lock
 * proves that nobody uses them, and very old ones of others.
 *
 * @param nowMs In ms since 1970.
 */
export function isToGo(
  { path, mtimeMs }: Leftover,
  pair: string,
  nowMs: number,
): boolean {
  return isTemporaryOf(nameOf(path), pair) || nowMs - mtimeMs > FOREIGN_AGE_MS;
}

/**
 * Temporary files and folders that a run leaves where they are: whatever folder
 * they are in can't be removed.
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
      const what = metadata === null ? "folder" : "file";
      const reason = `a temporary ${what} of another PC's run; a run removes ` +
        "it once it is a week old";
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
 * @param paths Absolute paths of the roots.
 * @param when A plan touches nothing; at the end of a run, what can't be
 *   completed is left to the next.
 * @throws {GuardError} One can't be completed now; it stays written down.
 */
export async function completeMoves(
  files: Files,
  record: MoveRecord,
  roots: Both<WireRoot>,
  paths: Both<string>,
  when: "plan" | "start" | "end",
): Promise<void> {
  const isPlan = when === "plan";
  const all = record.moves();
  for (const side of SIDES) {
    const moves = all.filter((move) => move.side === side);
    if (moves.length === 0) continue;
    const asks = { side, root: roots[side], moves, isPlan };
    const states = await files.ask("moves", asks);
    for (const [n, move] of moves.entries()) {
      const { why, isMade } = states[n]!;
      if (why !== null && when !== "end") throw incomplete(paths, move, why);
      if (why !== null || isPlan) continue;
      if (isMade) followFolder(record, move);
      record.forgetMove(move);
    }
  }
}

/**
 * A folder's rename is one step: if it came to that, the rows follow; if not,
 * it is decided anew.
 */
function followFolder(record: MoveRecord, { from, to }: Move): void {
  const rows = record.directories();
  const isOpen = rows.has(from) && !rows.has(to);
  if (isOpen) record.apply([{ kind: "move-directory", from, to }]);
}

function incomplete(
  paths: Both<string>,
  { side, from, middle, to }: Move,
  why: string,
): GuardError {
  const [before, between, after] = [from, middle, to].map(printable);
  return new GuardError(
    "state",
    `An earlier run stopped while it renamed ${before} to ${after} in ` +
      `${printable(paths[side])}: it is ${between} now, and would pass for ` +
      `deleted. It can't be renamed at present: ${why}.`,
    `Run once more when nothing uses it, or rename ${between} to ${after} ` +
      "by hand.",
  );
}
