/**
 * Daylight saving on file systems that keep local time: all mtimes of a side
 * seem to move by a whole hour, though no file was touched.
 *
 * @module
 */
import { entriesOf, STRIDE } from "./listing.ts";
import type { RecordView, SideScan } from "./merge.ts";
import { nameOf } from "./paths.ts";
import type { Both, Side } from "./types.ts";

const HOUR_MS = 60 * 60 * 1000;

/** Fewer files than this prove nothing. */
const MIN_FILES = 5;

/** This part of them must agree. */
const MIN_SHARE = 0.9;

/**
 * How far the mtimes of each side have moved since they were recorded.
 *
 * @param scans What the scans handed on.
 * @param record The record.
 * @param recordedFiles How many files the record holds.
 * @returns In ms, as {@linkcode timeShift} tells of each side.
 */
export function timeShifts(
  scans: Both<SideScan>,
  record: RecordView,
  recordedFiles: number,
): Both<number> {
  return {
    left: timeShift(scans.left, record, "left", recordedFiles),
    right: timeShift(scans.right, record, "right", recordedFiles),
  };
}

/**
 * How far the mtimes of a side have moved since they were recorded.
 *
 * @param scan What the scan handed on.
 * @param record The record.
 * @param side The side.
 * @param recordedFiles How many files the record holds.
 * @returns A multiple of an hour in ms; 0 unless nearly all rows agree on one.
 */
export function timeShift(
  scan: SideScan,
  record: RecordView,
  side: Side,
  recordedFiles: number,
): number {
  const shifts = new Map<number, number>();
  let compared = 0;
  // Folders that were not handed on are as recorded: not shifted.
  let listed = 0;
  for (const listing of scan.listings.values()) {
    listed += listing.figures.length / STRIDE;
  }
  if (listed < recordedFiles * MIN_SHARE) return 0;
  for (const listing of scan.listings.values()) {
    const rows = new Map(
      record.filesIn(listing.folder).map((row) => [nameOf(row.path), row]),
    );
    if (rows.size === 0) continue;
    for (const entry of entriesOf(listing)) {
      const half = rows.get(entry.name)?.[side];
      if (entry.kind !== "file" || half?.sizeBytes !== entry.sizeBytes) {
        continue;
      }
      compared++;
      const shift = entry.mtimeMs - half.mtimeMs;
      shifts.set(shift, (shifts.get(shift) ?? 0) + 1);
    }
  }
  const isEnough = compared >= MIN_FILES &&
    compared >= recordedFiles * MIN_SHARE;
  const [shift, count] = [...shifts].sort(([, a], [, b]) => b - a)[0] ?? [0, 0];
  const isWholeHours = shift !== 0 && shift % HOUR_MS === 0;
  return isEnough && isWholeHours && count >= compared * MIN_SHARE ? shift : 0;
}
