/**
 * The state DB: what both sides last agreed on, and what past runs did.
 *
 * @module
 */
import {
  DatabaseSync,
  type StatementSync as PlainStatement,
} from "node:sqlite";
import { GuardError, LockedError } from "./errors.ts";
import { DigestBuilder } from "./listing.ts";
import type { RecordView } from "./merge.ts";
import { folderOf, nameOf } from "./paths.ts";
import type { RecordChange } from "./plan.ts";
import { FILE_COLUMNS, MIGRATIONS } from "./state_schema.ts";
import { fromStored, type StoredFile, toStored } from "./state_rows.ts";
import type { DirectoryRow, FileId, FileRow, Side } from "./types.ts";
import { SIDES } from "./types.ts";

/** As Deno has it; the published types lag behind. */
type StatementSync = PlainStatement & { setReturnArrays(on: boolean): void };

/** Milliseconds to wait for another process that writes just now. */
const BUSY_TIMEOUT_MS = 5000;

const ROOT_ID = 1;

/** A rename in two steps: what is moved, through where, to where. */
export interface Move {
  readonly side: Side;
  readonly from: string;
  readonly middle: string;
  readonly to: string;
}

/**
 * Takes the lock that keeps a second run away. The system frees it when this
 * process ends, however it ends.
 *
 * @param stateDb Path of the state DB; the lock is a file beside it.
 * @returns Disposable; disposing frees the lock.
 * @throws {LockedError} Another run holds it.
 */
export function takeLock(stateDb: string): Disposable {
  const file = Deno.openSync(`${stateDb}.lock`, { write: true, create: true });
  let isTaken = false;
  try {
    isTaken = file.tryLockSync(true);
  } finally {
    if (!isTaken) file.close();
  }
  if (!isTaken) throw new LockedError(stateDb);
  return { [Symbol.dispose]: () => file.close() };
}

/** The state DB, open. */
export class StateDb implements Disposable {
  /** Where it is. */
  readonly file: string;
  readonly #db: DatabaseSync;
  readonly #folderIds = new Map<string, number>([["", ROOT_ID]]);
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens a DB, or makes one.
   *
   * @param file Its path.
   * @param options With `isReadOnly`, a missing DB counts as an empty one.
   * @throws {GuardError} "state": it is corrupt, or of a newer version.
   */
  constructor(file: string, options: { readonly isReadOnly: boolean }) {
    this.file = file;
    try {
      const isMissing = options.isReadOnly && !exists(file);
      this.#db = new DatabaseSync(isMissing ? ":memory:" : file, {
        readOnly: options.isReadOnly && !isMissing,
        timeout: BUSY_TIMEOUT_MS,
      });
      this.#prepare(options.isReadOnly && !isMissing);
    } catch (error) {
      throw asGuard(error, file);
    }
  }

  #prepare(isReadOnly: boolean): void {
    this.#db.exec("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000");
    const version = Number(this.#value("PRAGMA user_version"));
    if (version > MIGRATIONS.length) {
      throw new GuardError(
        "state",
        `${this.file} was written by a newer version of office-sync. ` +
          `Nothing was changed.`,
        "Run the newer version, or name another state_db in the config.",
      );
    }
    if (isReadOnly) {
      // A read makes a damaged file show now, not in the middle.
      this.#value("SELECT count(*) FROM sqlite_master");
      return;
    }
    // One writer, few commits: a plain journal is enough, and it lets a plan
    // read beside a run without files of its own.
    this.#db.exec("PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL");
    for (let next = version; next < MIGRATIONS.length; next++) {
      this.transaction(() => {
        this.#db.exec(MIGRATIONS[next]!);
        this.#db.exec(`PRAGMA user_version = ${next + 1}`);
      });
    }
  }

  /**
   * Runs something in one transaction: all of it, or nothing.
   *
   * @param work What to do.
   */
  transaction<T>(work: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#folderIds.clear();
      this.#folderIds.set("", ROOT_ID);
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** A remembered value, or null. */
  meta(key: string): string | null {
    if (!this.#hasTables()) return null;
    const row = this.#get("SELECT value FROM meta WHERE key = ?", key);
    return row === undefined ? null : String(row[0]);
  }

  /** Remembers a value; null forgets it. */
  setMeta(key: string, value: string | null): void {
    if (value === null) this.#run("DELETE FROM meta WHERE key = ?", key);
    else this.#run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value);
  }

  /** Every recorded folder by its path. */
  directories(): Map<string, DirectoryRow> {
    const rows = new Map<string, DirectoryRow>();
    if (!this.#hasTables()) return rows;
    const stored = this.#all(
      "SELECT path, agreed, mount_left, mount_right, digest_left, " +
        "digest_right FROM directories",
    );
    for (const [path, agreed, mountL, mountR, digestL, digestR] of stored) {
      rows.set(String(path), {
        path: String(path),
        isAgreed: agreed === 1,
        isMount: { left: mountL === 1, right: mountR === 1 },
        digest: {
          left: digestL as string | null,
          right: digestR as string | null,
        },
      });
    }
    return rows;
  }

  /** How many files are recorded. */
  countFiles(): number {
    if (!this.#hasTables()) return 0;
    return Number(this.#value("SELECT count(*) FROM files"));
  }

  /** The rows directly in a folder. */
  filesIn(folder: string): FileRow[] {
    if (!this.#hasTables()) return [];
    const rows = this.#all(
      `SELECT ${FILE_COLUMNS} FROM files
       WHERE folder = (SELECT id FROM directories WHERE path = ?)`,
      folder,
    );
    return rows.map((row) => fromStored(row as unknown as StoredFile));
  }

  /** One row, or null. */
  fileAt(path: string): FileRow | null {
    const row = this.#get(
      `SELECT ${FILE_COLUMNS} FROM files WHERE path = ?`,
      path,
    );
    return row === undefined ? null : fromStored(row as unknown as StoredFile);
  }

  /** Ids that several recorded files of a side share. */
  sharedIds(side: Side): FileId[] {
    if (!this.#hasTables()) return [];
    return this.#all(
      `SELECT ino_${side}, birth_${side} FROM files
       WHERE ino_${side} IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1`,
    ).map(([ino, birthMs]) => ({ ino: Number(ino), birthMs: Number(birthMs) }));
  }

  /** Writes changes of the record in one transaction. */
  apply(changes: readonly RecordChange[]): void {
    if (changes.length === 0) return;
    this.transaction(() => changes.forEach((change) => this.#change(change)));
  }

  #change(change: RecordChange): void {
    switch (change.kind) {
      case "put": {
        if (change.rowPath !== null && change.rowPath !== change.row.path) {
          this.#forget(change.rowPath);
        }
        const folder = this.#folderId(folderOf(change.row.path));
        this.#run(
          `INSERT OR REPLACE INTO files (${FILE_COLUMNS}, folder)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          ...toStored(change.row),
          folder,
        );
        return this.#dropDigest(folder);
      }
      case "forget":
        return this.#forget(change.path);
      case "put-directory": {
        const id = this.#folderId(change.path);
        this.#run(
          `UPDATE directories SET agreed = 1, mount_left = ?, mount_right = ?
           WHERE id = ?`,
          change.isMount.left ? 1 : 0,
          change.isMount.right ? 1 : 0,
          id,
        );
        return this.#dropDigest(this.#folderId(folderOf(change.path)));
      }
      case "forget-directory":
        this.#run(
          "UPDATE directories SET agreed = 0 WHERE path = ?",
          change.path,
        );
        return this.#dropDigest(this.#folderId(folderOf(change.path)));
      case "move-directory":
        return this.#moveDirectory(change.from, change.to);
    }
  }

  #forget(path: string): void {
    this.#run("DELETE FROM files WHERE path = ?", path);
    this.#dropDigest(this.#folderId(folderOf(path)));
  }

  #moveDirectory(from: string, to: string): void {
    for (const table of ["files", "directories"]) {
      this.#run(
        `UPDATE ${table} SET path = ? || substr(path, ?)
         WHERE path = ? OR substr(path, 1, ?) = ? || '/'`,
        to,
        [...from].length + 1,
        from,
        [...from].length + 1,
        from,
      );
    }
    this.#folderIds.clear();
    this.#folderIds.set("", ROOT_ID);
    this.#dropDigest(this.#folderId(folderOf(to)));
  }

  #dropDigest(folder: number): void {
    this.#run(
      `UPDATE directories SET digest_left = NULL, digest_right = NULL
       WHERE id = ? AND digest_left IS NOT NULL`,
      folder,
    );
  }

  /** The folder's id; a folder that is not recorded gets a row to hold on to. */
  #folderId(path: string): number {
    const known = this.#folderIds.get(path);
    if (known !== undefined) return known;
    const row = this.#get("SELECT id FROM directories WHERE path = ?", path);
    let id = row === undefined ? null : Number(row[0]);
    if (id === null) {
      const parent = this.#folderId(folderOf(path));
      const made = this.#run(
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
    this.transaction(() => {
      const holding = `agreed = 0 AND id <> ${ROOT_ID}
        AND NOT EXISTS (SELECT 1 FROM files WHERE folder = directories.id)
        AND NOT EXISTS
          (SELECT 1 FROM directories child WHERE child.parent = directories.id)`;
      let dropped: number;
      do {
        dropped = Number(
          this.#run(`DELETE FROM directories WHERE ${holding}`).changes,
        );
      } while (dropped > 0);
      this.#folderIds.clear();
      this.#folderIds.set("", ROOT_ID);
      const open = this.#all(
        "SELECT id FROM directories WHERE digest_left IS NULL",
      );
      for (const [id] of open) this.#seal(Number(id));
    });
  }

  #seal(folder: number): void {
    const builders = { left: new DigestBuilder(), right: new DigestBuilder() };
    const rows = this.#all(
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
    const children = this.#all(
      `SELECT path, mount_left, mount_right FROM directories
       WHERE parent = ? AND agreed = 1`,
      folder,
    );
    for (const [path, mountL, mountR] of children) {
      const name = nameOf(String(path));
      builders.left.add({ kind: "directory", name, isMount: mountL === 1 });
      builders.right.add({ kind: "directory", name, isMount: mountR === 1 });
    }
    this.#run(
      "UPDATE directories SET digest_left = ?, digest_right = ? WHERE id = ?",
      builders.left.value(),
      builders.right.value(),
      folder,
    );
  }

  /** Drops every digest: each folder is looked at again. */
  dropDigests(): void {
    this.#run("UPDATE directories SET digest_left = NULL, digest_right = NULL");
  }

  /** Shifts all recorded mtimes of a side, in ms. */
  shiftTimes(side: Side, shiftMs: number): void {
    this.#run(
      `UPDATE files SET mtime_${side} = mtime_${side} + ?`,
      shiftMs / 1000,
    );
  }

  /** Drops the file ids of a side: they mean nothing any more. */
  dropIds(side: Side): void {
    this.#run(`UPDATE files SET ino_${side} = NULL, birth_${side} = NULL`);
  }

  /** Writes a rename in two steps down, at once. */
  noteMove(move: Move): void {
    this.#run(
      "INSERT INTO moves VALUES (?, ?, ?, ?)",
      move.side,
      move.from,
      move.middle,
      move.to,
    );
  }

  /** Renames in two steps that were begun. */
  moves(): Move[] {
    return this.#all("SELECT side, from_path, middle_path, to_path FROM moves")
      .map(([side, from, middle, to]) => ({
        side: side === "left" ? "left" : "right",
        from: String(from),
        middle: String(middle),
        to: String(to),
      }));
  }

  /** Forgets them: all are completed. */
  clearMoves(): void {
    this.#run("DELETE FROM moves");
  }

  /** Forgets everything both sides agreed on. */
  forgetRecord(): void {
    this.transaction(() => {
      this.#db.exec(`
        DELETE FROM files; DELETE FROM conflicts; DELETE FROM moves;
        UPDATE directories SET parent = NULL;
        DELETE FROM directories WHERE id <> ${ROOT_ID};
        UPDATE directories SET digest_left = NULL, digest_right = NULL;
      `);
    });
    this.#folderIds.clear();
    this.#folderIds.set("", ROOT_ID);
  }

  /** Runs a statement that gives nothing back. */
  run(sql: string, ...values: readonly SqlValue[]): void {
    this.#run(sql, ...values);
  }

  /** All rows of a query, as lists of column values. */
  query(sql: string, ...values: readonly SqlValue[]): SqlValue[][] {
    return this.#hasTables() ? this.#all(sql, ...values) : [];
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#db.close();
  }

  #hasTables(): boolean {
    // Only a plan before the first run has none: it writes nothing, not even
    // an empty DB.
    return this.#isMade ||= Number(this.#value("PRAGMA user_version")) > 0;
  }
  #isMade = false;

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql) as StatementSync;
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #run(sql: string, ...values: readonly SqlValue[]): {
    readonly changes: number | bigint;
    readonly lastInsertRowid: number | bigint;
  } {
    return this.#statement(sql).run(...values);
  }

  #all(sql: string, ...values: readonly SqlValue[]): SqlValue[][] {
    return this.#statement(sql).all(...values) as unknown as SqlValue[][];
  }

  #get(sql: string, ...values: readonly SqlValue[]): SqlValue[] | undefined {
    return this.#statement(sql).get(...values) as unknown as
      | SqlValue[]
      | undefined;
  }

  #value(sql: string): SqlValue {
    return this.#get(sql)?.[0] ?? null;
  }
}

/** What SQLite's columns hold here. */
export type SqlValue = string | number | null;

/**
 * The record as merging reads it.
 *
 * @param db The state DB.
 */
export function recordOf(db: StateDb): RecordView {
  const directories = db.directories();
  return { directories, filesIn: (folder) => db.filesIn(folder) };
}

/**
 * Digests of a side by folder.
 *
 * @param record The record.
 * @param side The side.
 */
export function digestsOf(
  record: RecordView,
  side: Side,
): Map<string, string> {
  const digests = new Map<string, string>();
  for (const { path, digest } of record.directories.values()) {
    const known = digest[side];
    if (known !== null) digests.set(path, known);
  }
  return digests;
}

function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const DAMAGED = /malformed|not a database|corrupt|disk image/i;

/**
 * Damage is for a guard to tell; every other error stays what it is.
 *
 * @param error What was thrown.
 * @param file The state DB.
 * @returns A {@linkcode GuardError} for damage, else the error itself.
 */
export function asGuard(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !DAMAGED.test(error.message)) return error;
  return new GuardError(
    "state",
    `The state DB ${file} is damaged (${error.message}). Nothing was changed.`,
    "Move the file away and run again: the run is then a first meeting, in " +
      "which files deleted since the last run come back and nothing is deleted.",
    { cause: error },
  );
}
