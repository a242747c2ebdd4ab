/**
 * The record as a run sees it: in today's terms.
 *
 * @module
 */
import type { RecordView } from "./merge.ts";
import type { Both, FileRow, Side } from "./types.ts";
import { SIDES } from "./types.ts";

/** A record that holds nothing. */
export const NO_RECORD: RecordView = {
  directories: new Map(),
  filesIn: () => [],
};

/**
 * The record with clocks shifted and ids that mean nothing dropped.
 *
 * @param record As it is stored.
 * @param shifts What each side's clock moved since, in ms.
 * @param idsCount Whether a side's file ids still mean what they meant.
 */
export function adjusted(
  record: RecordView,
  shifts: Both<number>,
  idsCount: Both<boolean>,
): RecordView {
  const isPlain = SIDES.every((side) => shifts[side] === 0 && idsCount[side]);
  if (isPlain) return record;
  const half = (row: FileRow, side: Side) => ({
    ...row[side],
    mtimeMs: row[side].mtimeMs + shifts[side],
    id: idsCount[side] ? row[side].id : null,
  });
  return {
    directories: record.directories,
    filesIn: (folder) =>
      record.filesIn(folder).map((row) => ({
        ...row,
        left: half(row, "left"),
        right: half(row, "right"),
      })),
  };
}
