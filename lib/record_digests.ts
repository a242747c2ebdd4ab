/**
 * Digests of recorded folders: made from their rows, and kept right with them.
 *
 * @module
 */
import { nameOf } from "./paths.ts";
import type { StateDb } from "./state_db.ts";
import { folderFromStored, fromStored, type StoredFile } from "./state_rows.ts";
import { FILE_COLUMNS, FOLDER_COLUMNS } from "./state_schema.ts";
import {
  type Both,
  type DirectoryRow,
  type FileRow,
  type Side,
  SIDES,
} from "./types.ts";
import { DigestBuilder } from "./wire_listing.ts";

/** Both sides' digests of a folder, while rows of it change. */
interface Kept {
  readonly left: DigestBuilder;
  readonly right: DigestBuilder;
  changes: number;
}

/** With more changed rows than this it is quicker to go through all of them. */
const MOST_CHANGES = 32;

/**
 * Keeps digests right while rows change. A folder has none in the state DB
 * from its first change until all are written: whenever a run ends, no digest
 * speaks of rows that are not there.
 */
export class FolderDigests {
  readonly #db: StateDb;
  /** Null: to be made from all rows. */
  readonly #kept = new Map<number, Kept | null>();

  /** @param db The state DB. */
  constructor(db: StateDb) {
    this.#db = db;
  }

  /**
   * Takes note that a row is about to change.
   *
   * @param folder Id of its folder.
   * @param before Gives the row as it is, if there is one.
   * @param after The row to be; null: none.
   */
  change(
    folder: number,
    before: () => FileRow | null,
    after: FileRow | null,
  ): void {
    const kept = this.#keptOf(folder);
    if (kept === null) return;
    const isYoung = after !== null && isToBeRead(after);
    if (isYoung || ++kept.changes > MOST_CHANGES) {
      this.#kept.set(folder, null);
      return;
    }
    const old = before();
    for (const side of SIDES) {
      if (old) kept[side].removeFile(nameOf(old.path), old[side]);
      if (after) kept[side].addFile(nameOf(after.path), after[side]);
    }
  }

  /**
   * Takes note that something else in a folder is about to change.
   *
   * @param folder Id of the folder.
   */
  drop(folder: number): void {
    this.#keptOf(folder);
    this.#kept.set(folder, null);
  }

  #keptOf(folder: number): Kept | null {
    const known = this.#kept.get(folder);
    if (known !== undefined) return known;
    const stored = this.#db.first(
      "SELECT digest_left, digest_right FROM directories WHERE id = ?",
      folder,
    );
    const [left = null, right = null] = stored ?? [];
    const kept = left === null || right === null ? null : {
      left: new DigestBuilder(String(left)),
      right: new DigestBuilder(String(right)),
      changes: 0,
    };
    if (kept !== null) this.#set(folder, null, null);
    this.#kept.set(folder, kept);
    return kept;
  }

  /** Gives every folder that has none its digests; in a transaction. */
  seal(): void {
    const open = this.#db.query(
      "SELECT id FROM directories WHERE digest_left IS NULL",
    );
    for (const [id] of open) {
      const folder = Number(id);
      const { left, right } = this.#kept.get(folder) ?? this.#made(folder);
      this.#set(folder, left?.value() ?? null, right?.value() ?? null);
    }
    this.forget();
  }

  /** Made from all rows; none where the next run has to look in any case. */
  #made(folder: number): Partial<Both<DigestBuilder>> {
    const made = { left: new DigestBuilder(), right: new DigestBuilder() };
    const rows = this.#db.query(
      `SELECT ${FILE_COLUMNS} FROM files WHERE folder = ?`,
      folder,
    );
    for (const stored of rows) {
      const row = fromStored(stored as unknown as StoredFile);
      if (isToBeRead(row)) return {};
      const name = nameOf(row.path);
      for (const side of SIDES) made[side].addFile(name, row[side]);
    }
    const children = this.#db.query(
      `SELECT ${FOLDER_COLUMNS} FROM directories
       WHERE parent = ? AND agreed = 1`,
      folder,
    );
    for (const stored of children) {
      const { path, isMount, id } = folderFromStored(stored);
      for (const side of SIDES) {
        made[side].addFolder(nameOf(path), isMount[side], id[side]);
      }
    }
    return made;
  }

  #set(folder: number, left: string | null, right: string | null): void {
    this.#db.run(
      "UPDATE directories SET digest_left = ?, digest_right = ? WHERE id = ?",
      left,
      right,
      folder,
    );
  }

  /** Drops every digest: each folder is looked at again. */
  dropAll(): void {
    this.forget();
    this.#db.run(
      "UPDATE directories SET digest_left = NULL, digest_right = NULL",
    );
  }

  /** Forgets what changed: it has to be found out from all rows. */
  forget(): void {
    this.#kept.clear();
  }
}

/** A hash is there because the next run has to read the file. */
function isToBeRead({ hash, left, right }: FileRow): boolean {
  return hash !== null || left.isFresh || right.isFresh;
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
