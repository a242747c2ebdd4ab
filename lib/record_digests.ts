/**
 * Digests of recorded folders, made from their rows.
 *
 * @module
 */
import { DigestBuilder } from "./listing.ts";
import { nameOf } from "./paths.ts";
import type { StateDb } from "./state_db.ts";
import { fromStored, type StoredFile } from "./state_rows.ts";
import { FILE_COLUMNS } from "./state_schema.ts";
import type { DirectoryRow, Side } from "./types.ts";
import { SIDES } from "./types.ts";

/**
 * Gives a folder the digests of its rows; none where the next run has to look
 * into it in any case.
 *
 * @param db The state DB, in a transaction.
 * @param folder Id of the folder.
 */
export function sealFolder(db: StateDb, folder: number): void {
  const builders = { left: new DigestBuilder(), right: new DigestBuilder() };
  const rows = db.query(
    `SELECT ${FILE_COLUMNS} FROM files WHERE folder = ?`,
    folder,
  );
  for (const stored of rows) {
    const row = fromStored(stored as unknown as StoredFile);
    // A hash is there because the next run has to read the file.
    if (row.hash !== null) return;
    for (const side of SIDES) {
      const name = nameOf(row.path);
      builders[side].add({ kind: "file", name, ...row[side] });
    }
  }
  const children = db.query(
    `SELECT path, mount_left, mount_right FROM directories
     WHERE parent = ? AND agreed = 1`,
    folder,
  );
  for (const [path, mountL, mountR] of children) {
    const name = nameOf(String(path));
    builders.left.add({ kind: "directory", name, isMount: mountL === 1 });
    builders.right.add({ kind: "directory", name, isMount: mountR === 1 });
  }
  db.run(
    "UPDATE directories SET digest_left = ?, digest_right = ? WHERE id = ?",
    builders.left.value(),
    builders.right.value(),
    folder,
  );
}

/**
 * Digests of a side by folder.
 *
 * @param directories The recorded folders.
 * @param side The side.
 */
export function digestsOf(
  directories: ReadonlyMap<string, DirectoryRow>,
  side: Side,
): Map<string, string> {
  const digests = new Map<string, string>();
  for (const { path, digest } of directories.values()) {
    const known = digest[side];
    if (known !== null) digests.set(path, known);
  }
  return digests;
}
