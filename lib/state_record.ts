/**
 * The record: what both sides last agreed on, as rows of the state DB.
 *
 * @module
 */
import { BulkInsert } from "./bulk_insert.ts";
import { identityOf } from "./metadata.ts";
import { folderOf } from "./paths.ts";
import type { RecordChange, Suspect, Waiting } from "./plan_types.ts";
import { FolderDigests } from "./record_digests.ts";
import type { StateDb } from "./state_db.ts";
import {
  folderFromStored,
  fromStored,
  type StoredFile,
  toStored,
} from "./state_rows.ts";
import { FILE_COLUMNS, FOLDER_COLUMNS } from "./state_schema.ts";
import type { DirectoryRow, FileId, FileRow, Side } from "./types.ts";

const ROOT_ID = 1;

/** Tables whose paths follow a folder's. */
const MOVED_TABLES = ["files", "directories", "conflicts", "mailed_conflicts"];

/** A rename in two steps: what is moved, through where, to where. */
export interface Move {
  readonly side: Side;
  readonly from: string;
  readonly middle: string;
  readonly to: string;
}

/** The record in a state DB. */
export class RecordStore {
  readonly #db: StateDb;
  readonly #folderIds = new Map<string, number>([["", ROOT_ID]]);
  readonly #digests: FolderDigests;
  readonly #rows: BulkInsert;

  /** @param db The state DB, open. */
  constructor(db: StateDb) {
    this.#db = db;
    this.#digests = new FolderDigests(db);
    const into = `INSERT OR REPLACE INTO files (${FILE_COLUMNS}, folder)`;
    this.#rows = new BulkInsert(db, into);
  }

  /** Every recorded folder by its path. */
  directories(): Map<string, DirectoryRow> {
    const rows = new Map<string, DirectoryRow>();
    const stored = this.#db.query(`SELECT ${FOLDER_COLUMNS} FROM directories`);
    for (const columns of stored) {
      const row = folderFromStored(columns);
      rows.set(row.path, row);
    }
    return rows;
  }

  /** How many files are recorded below a folder. */
  countBelow(folder: string): number {
    // "0" is the letter after "/".
    const found = this.#db.first(
      "SELECT count(*) FROM files WHERE path >= ? AND path < ?",
      `${folder}/`,
      `${folder}0`,
    );
    return Number(found?.[0] ?? 0);
  }

  /** How many files are recorded. */
  countFiles(): number {
    return Number(this.#db.first("SELECT count(*) FROM files")?.[0] ?? 0);
  }

  /** The rows directly in a folder. */
  filesIn(folder: string): FileRow[] {
    const rows = this.#db.query(
      `SELECT ${FILE_COLUMNS} FROM files
       WHERE folder = (SELECT id FROM directories WHERE path = ?)`,
      folder,
    );
    return rows.map((row) => fromStored(row as unknown as StoredFile));
  }

  /** One row, or null. */
  fileAt(path: string): FileRow | null {
    const row = this.#db.first(
      `SELECT ${FILE_COLUMNS} FROM files WHERE path = ?`,
      path,
    );
    return row && fromStored(row as unknown as StoredFile);
  }

  /**
   * Folders of the rows without an id on a side whose figures there
   * {@linkcode identityOf} gives one of `wanted` of.
   */
  foldersWithout(side: Side, wanted: ReadonlySet<string>): string[] {
    const rows = this.#db.query(
      `SELECT path, size_${side}, mtime_${side} FROM files
       WHERE ino_${side} IS NULL`,
    );
    const folders = new Set<string>();
    for (const [path, sizeBytes, mtime] of rows) {
      const mtimeMs = Math.round(Number(mtime) * 1000);
      const figures = { sizeBytes: Number(sizeBytes), mtimeMs, id: null };
      if (wanted.has(identityOf(figures))) folders.add(folderOf(String(path)));
    }
    return [...folders];
  }

  /** Ids that several recorded files of a side share. */
  sharedIds(side: Side): FileId[] {
    return this.#db.query(
      `SELECT ino_${side}, birth_${side} FROM files
       WHERE ino_${side} IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1`,
    ).map(([ino, birthMs]) => ({ ino: Number(ino), birthMs: Number(birthMs) }));
  }

  /** Writes changes of the record in one transaction. */
  apply(changes: readonly RecordChange[]): void {
    if (changes.length === 0) return;
    this.#transaction(() => {
      for (const change of changes) this.#change(change);
      this.#rows.write();
    });
  }

  /**
   * Has the next runs read files before these are called unchanged.
   *
   * @param suspects Those that may be others than the recorded ones.
   */
  suspect(suspects: readonly Suspect[]): void {
    for (const { side, path } of suspects) {
      const row = this.fileAt(path);
      if (row === null || row[side].isFresh) continue;
      const suspect = { ...row, [side]: { ...row[side], isFresh: true } };
      this.apply([{ kind: "put", row: suspect, rowPath: path }]);
    }
  }

  #change(change: RecordChange): void {
    // What becomes of folders may be about the rows before it.
    if (change.kind !== "put" && change.kind !== "forget") this.#rows.write();
    switch (change.kind) {
      case "put": {
        if (change.rowPath !== null && change.rowPath !== change.row.path) {
          this.#forget(change.rowPath);
        }
        const folder = this.#willChange(change.row.path, change.row);
        this.#rows.add([...toStored(change.row), folder]);
        return;
      }
      case "forget":
        return this.#forget(change.path);
      case "put-directory": {
        const id = this.#folderId(change.path);
        this.#db.run(
          `UPDATE directories SET agreed = 1, mount_left = ?, mount_right = ?,
             ino_left = ?, ino_right = ?, birth_left = ?, birth_right = ?
           WHERE id = ?`,
          change.isMount.left ? 1 : 0,
          change.isMount.right ? 1 : 0,
          change.id.left?.ino ?? null,
          change.id.right?.ino ?? null,
          change.id.left?.birthMs ?? null,
          change.id.right?.birthMs ?? null,
          id,
        );
        return this.#digests.drop(this.#folderId(folderOf(change.path)));
      }
      case "forget-directory":
        this.#db.run(
          "UPDATE directories SET agreed = 0 WHERE path = ?",
          change.path,
        );
        return this.#digests.drop(this.#folderId(folderOf(change.path)));
      case "move-directory":
        return this.#moveDirectory(change.from, change.to);
      case "folder-id": {
        const { side, path, id } = change;
        this.#db.run(
          `UPDATE directories SET ino_${side} = ?, birth_${side} = ?
           WHERE path = ?`,
          id?.ino ?? null,
          id?.birthMs ?? null,
          path,
        );
        return this.#digests.drop(this.#folderId(folderOf(path)));
      }
      case "move-file": {
        const row = this.fileAt(change.from);
        if (row === null) return;
        const put = { ...row, path: change.to };
        return this.#change({ kind: "put", row: put, rowPath: change.from });
      }
    }
  }

  #forget(path: string): void {
    this.#willChange(path, null);
    this.#writeIfHeld(path);
    this.#db.run("DELETE FROM files WHERE path = ?", path);
  }

  /** Has the digests of a row's folder follow it; gives the folder's id. */
  #willChange(path: string, row: FileRow | null): number {
    const folder = this.#folderId(folderOf(path));
    const before = (): FileRow | null => {
      this.#writeIfHeld(path);
      return this.fileAt(path);
    };
    this.#digests.change(folder, before, row);
    return folder;
  }

  #writeIfHeld(path: string): void {
    if (this.#rows.holds(path)) this.#rows.write();
  }

  #moveDirectory(from: string, to: string): void {
    for (const table of MOVED_TABLES) {
      this.#db.run(
        `UPDATE ${table} SET path = ? || substr(path, ?)
         WHERE path = ? OR substr(path, 1, ?) = ? || '/'`,
        to,
        [...from].length + 1,
        from,
        [...from].length + 1,
        from,
      );
    }
    this.#forgetIds();
    this.#db.run(
      "UPDATE directories SET parent = ? WHERE path = ?",
      this.#folderId(folderOf(to)),
      to,
    );
    for (const path of [from, to]) {
      this.#digests.drop(this.#folderId(folderOf(path)));
    }
    this.#db.run(
      "DELETE FROM moves WHERE middle_path = ? AND to_path = ?",
      to,
      to,
    );
  }

  /** The folder's id; a folder that is not recorded gets a row to hold on to. */
  #folderId(path: string): number {
    const known = this.#folderIds.get(path);
    if (known !== undefined) return known;
    const row = this.#db.first(
      "SELECT id FROM directories WHERE path = ?",
      path,
    );
    let id = row && Number(row[0]);
    if (id === null) {
      const parent = this.#folderId(folderOf(path));
      const made = this.#db.run(
        "INSERT INTO directories (path, parent, agreed) VALUES (?, ?, 0)",
        path,
        parent,
      );
      id = Number(made.lastInsertRowid);
    }
    this.#folderIds.set(path, id);
    return id;
  }

  /**
   * Gives every folder without a digest a new one, from its rows, and drops
   * folders that hold nothing any more. Done once, when all rows are written:
   * a digest must never speak of rows that are not there.
   */
  sealFolders(): void {
    this.#transaction(() => {
      const holding = `agreed = 0 AND id <> ${ROOT_ID}
        AND NOT EXISTS (SELECT 1 FROM files WHERE folder = directories.id)
        AND NOT EXISTS
          (SELECT 1 FROM directories child WHERE child.parent = directories.id)`;
      let dropped: number;
      do {
        dropped = Number(
          this.#db.run(`DELETE FROM directories WHERE ${holding}`).changes,
        );
      } while (dropped > 0);
      this.#folderIds.clear();
      this.#folderIds.set("", ROOT_ID);
      this.#digests.seal();
    });
  }

  /** Drops every digest: each folder is looked at again. */
  dropDigests(): void {
    this.#digests.dropAll();
  }

  /** Drops the file ids of a side: they mean nothing any more. */
  dropIds(side: Side): void {
    for (const table of ["files", "directories"]) {
      this.#db.run(
        `UPDATE ${table} SET ino_${side} = NULL, birth_${side} = NULL`,
      );
    }
  }

  /** Writes a rename in two steps down, at once. */
  noteMove(move: Move): void {
    this.#db.run(
      "INSERT INTO moves VALUES (?, ?, ?, ?)",
      move.side,
      move.from,
      move.middle,
      move.to,
    );
  }

  /** Renames in two steps that were begun. */
  moves(): Move[] {
    return this.#db.query(
      "SELECT side, from_path, middle_path, to_path FROM moves",
    )
      .map(([side, from, middle, to]) => ({
        side: side === "left" ? "left" : "right",
        from: String(from),
        middle: String(middle),
        to: String(to),
      }));
  }

  /** Forgets one: it is completed. */
  forgetMove({ side, middle }: Move): void {
    this.#db.run(
      "DELETE FROM moves WHERE side = ? AND middle_path = ?",
      side,
      middle,
    );
  }

  /**
   * What the last run met as being saved: `side/path` → since when, in ms since
   * 1970.
   */
  savedSince(): Map<string, number> {
    return new Map(JSON.parse(this.#db.meta("being_saved") ?? "[]"));
  }

  /** Remembers what a run met as being saved, and nothing else of the kind. */
  rememberSaved(waiting: readonly Waiting[]): void {
    const text = JSON.stringify(
      waiting.map(({ side, path, sinceMs }) => [`${side}/${path}`, sinceMs]),
    );
    if (text !== (this.#db.meta("being_saved") ?? "[]")) {
      this.#db.setMeta("being_saved", text);
    }
  }

  /** Forgets everything both sides agreed on. */
  forgetRecord(): void {
    this.#transaction(() => {
      this.#db.exec(`
        DELETE FROM files; DELETE FROM conflicts; DELETE FROM moves;
        UPDATE directories SET parent = NULL;
        DELETE FROM directories WHERE id <> ${ROOT_ID};
        UPDATE directories SET digest_left = NULL, digest_right = NULL;
      `);
    });
    this.#forgetIds();
  }

  /** A transaction that does not come about must not leave ids of folders. */
  #transaction(work: () => void): void {
    try {
      this.#db.transaction(work);
    } catch (error) {
      this.#forgetIds();
      throw error;
    }
  }

  #forgetIds(): void {
    this.#digests.forget();
    this.#rows.drop();
    this.#folderIds.clear();
    this.#folderIds.set("", ROOT_ID);
  }
}
