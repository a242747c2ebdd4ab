/**
 * The record as a run sees it: in today's terms.
 *
 * @module
 */
import type { RecordView } from "./plan_merge.ts";
import { type Both, type FileRow, type Side, SIDES } from "./types.ts";

/** A record that holds nothing. */
export const NO_RECORD: RecordView = {
  directories: new Map(),
  filesIn: () => [],
  countBelow: () => 0,
  foldersWithout: () => [],
};

/**
 * The record without the file ids that mean nothing any more.
 *
 * @param record As it is stored.
 * @param idsCount Whether a side's file ids still mean what they meant.
 */
export function withoutIds(
  record: RecordView,
  idsCount: Both<boolean>,
): RecordView {
  if (SIDES.every((side) => idsCount[side])) return record;
  const half = (row: FileRow, side: Side) => ({
    ...row[side],
    id: idsCount[side] ? row[side].id : null,
  });
  const directories = new Map(
    [...record.directories].map(([path, row]) => {
      const id = {
        left: idsCount.left ? row.id.left : null,
        right: idsCount.right ? row.id.right : null,
      };
      return [path, { ...row, id }];
    }),
  );
  return {
    directories,
    countBelow: (folder) => record.countBelow(folder),
    // Where ids mean nothing, every folder is looked at.
    foldersWithout: (side, wanted) =>
      idsCount[side]
        ? record.foldersWithout(side, wanted)
        : [...record.directories.keys()],
    filesIn: (folder) =>
      record.filesIn(folder).map((row) => ({
        ...row,
        left: half(row, "left"),
        right: half(row, "right"),
      })),
  };
}
