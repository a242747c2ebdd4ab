/**
 * The row of a path whose content both sides agree on.
 *
 * @module
 */
import type { Case } from "./cases.ts";
import { isSameId } from "./metadata.ts";
import { halfOf } from "./plan_types.ts";
import { type FileRow, type RecordedHalf, type Side, SIDES } from "./types.ts";

/**
 * Makes the row from what the scans found.
 *
 * @param item The path.
 * @param path Where it will be.
 * @param isSuspicious Whether files of its name are read always.
 */
export function settledRow(
  { pair, judgement }: Case,
  path: string,
  isSuspicious: boolean,
): FileRow {
  const hash = judgement.hash ?? pair.row?.hash ?? null;
  const half = (side: Side): RecordedHalf => {
    const found = pair[side]!;
    return halfOf(found.figures, found.isFresh && hash !== null);
  };
  const [left, right] = [half("left"), half("right")];
  const isNeeded = left.isFresh || right.isFresh || isSuspicious;
  return { path, left, right, hash: isNeeded ? hash : null };
}

/**
 * Whether the record has to learn nothing.
 *
 * @param row The row as it is; null for none.
 * @param next The row as it should be.
 * @param rowPath Where the row will be by then.
 */
export function isSameRow(
  row: FileRow | null,
  next: FileRow,
  rowPath: string | null,
): boolean {
  if (row === null || rowPath !== next.path || row.hash !== next.hash) {
    return false;
  }
  return SIDES.every((side) => isSameHalf(row[side], next[side]));
}

function isSameHalf(a: RecordedHalf, b: RecordedHalf): boolean {
  const haveSameId = a.id === null ? b.id === null : isSameId(a.id, b.id);
  return a.sizeBytes === b.sizeBytes && a.mtimeMs === b.mtimeMs &&
    a.mode === b.mode && a.isFresh === b.isFresh && haveSameId;
}
