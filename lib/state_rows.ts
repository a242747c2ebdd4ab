/**
 * Rows of the state DB as the rest of the program knows them.
 *
 * @module
 */
import type { DirectoryRow, FileId, FileRow, RecordedHalf } from "./types.ts";

/** A file row as SQLite gives and takes it, in the order of its columns. */
export type StoredFile = readonly [
  path: string,
  existsLeft: number,
  existsRight: number,
  mtimeLeft: number,
  mtimeRight: number,
  sizeLeft: number,
  sizeRight: number,
  modeLeft: number,
  modeRight: number,
  inoLeft: number | null,
  inoRight: number | null,
  birthLeft: number | null,
  birthRight: number | null,
  freshLeft: number,
  freshRight: number,
  hash: string | null,
];

/**
 * A row as it is stored.
 *
 * @param row The row.
 */
export function toStored(row: FileRow): StoredFile {
  const { left, right } = row;
  return [
    row.path,
    1,
    1,
    left.mtimeMs / 1000,
    right.mtimeMs / 1000,
    left.sizeBytes,
    right.sizeBytes,
    left.mode,
    right.mode,
    left.id?.ino ?? null,
    right.id?.ino ?? null,
    left.id?.birthMs ?? null,
    right.id?.birthMs ?? null,
    left.isFresh ? 1 : 0,
    right.isFresh ? 1 : 0,
    row.hash,
  ];
}

/**
 * A stored row.
 *
 * @param stored As SQLite gives it.
 */
export function fromStored(stored: StoredFile): FileRow {
  const [path, , , mtimeL, mtimeR, sizeL, sizeR, modeL, modeR] = stored;
  const [, , , , , , , , , inoL, inoR, birthL, birthR, freshL, freshR, hash] =
    stored;
  return {
    path,
    left: half(sizeL, mtimeL, modeL, idOf(inoL, birthL), freshL),
    right: half(sizeR, mtimeR, modeR, idOf(inoR, birthR), freshR),
    hash,
  };
}

/**
 * A stored row of a folder.
 *
 * @param stored Its `FOLDER_COLUMNS`, as SQLite gives them.
 */
export function folderFromStored(stored: readonly unknown[]): DirectoryRow {
  const [path, agreed, mountL, mountR, digestL, digestR, ...ids] = stored;
  const [inoL, inoR, birthL, birthR] = ids as (number | null)[];
  return {
    path: String(path),
    isAgreed: agreed === 1,
    isMount: { left: mountL === 1, right: mountR === 1 },
    digest: {
      left: digestL as string | null,
      right: digestR as string | null,
    },
    id: {
      left: idOf(inoL ?? null, birthL ?? null),
      right: idOf(inoR ?? null, birthR ?? null),
    },
  };
}

function half(
  sizeBytes: number,
  mtimeSeconds: number,
  mode: number,
  id: FileId | null,
  fresh: number,
): RecordedHalf {
  // Seconds are a fraction with an error below a microsecond.
  const mtimeMs = Math.round(mtimeSeconds * 1000);
  return { sizeBytes, mtimeMs, mode, id, isFresh: fresh === 1 };
}

function idOf(ino: number | null, birthMs: number | null): FileId | null {
  return ino === null || birthMs === null ? null : { ino, birthMs };
}
