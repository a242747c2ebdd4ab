/**
 * The record: what both sides last agreed on, as rows of the state DB, and
 * what later runs need to know of it.
 *
 * @module
 */
import { identityOf } from "./metadata.ts";
import { folderOf, nameOf } from "./paths.ts";
import { clashedPath } from "./plan_clashes.ts";
import type {
  RecordChange,
  RecordView,
  Suspect,
  Waiting,
} from "./plan_types.ts";
import type { SqlValue, StateDb } from "./state_db.ts";
import {
  type Both,
  type DirectoryRow,
  type FileId,
  type FileRow,
  type Move,
  type RecordedHalf,
  type Side,
  SIDES,
} from "./types.ts";
import { DigestBuilder } from "./wire_listing.ts";

/** Columns of a file's row, in the order in which rows are read and written. */
export const FILE_COLUMNS: string = "path, exists_left, exists_right, " +
  "mtime_left, mtime_right, size_left, size_right, mode_left, mode_right, " +
  "ino_left, ino_right, birth_left, birth_right, fresh_left, fresh_right, hash";

function toStored({ path, left, right, hash }: FileRow): SqlValue[] {
  return [
    ...[path, 1, 1],
    ...[left.mtimeMs / 1000, right.mtimeMs / 1000],
    ...[left.sizeBytes, right.sizeBytes],
    ...[left.mode, right.mode],
    ...[left.id?.ino ?? null, right.id?.ino ?? null],
    ...[left.id?.birthMs ?? null, right.id?.birthMs ?? null],
    ...[Number(left.isFresh), Number(right.isFresh)],
    hash,
  ];
}

/** Columns of a folder's row, in the order in which rows are read. */
const FOLDER_COLUMNS = "path, agreed, mount_left, mount_right, " +
  "digest_left, digest_right, ino_left, ino_right, birth_left, birth_right";

function idOf(ino: SqlValue, birthMs: SqlValue): FileId | null {
  return ino === null || birthMs === null
    ? null
    : { ino: ino as number, birthMs: birthMs as number };
}

/** Where it is noted what waits: since when only what is being saved. */
const WAITING_KEYS = { saved: "being_saved", open: "open_documents" } as const;

/** A clash copy as it is recorded. */
export interface ClashCopy {
  readonly copy: FileRow;
  /** The path of the file that it belongs to. */
  readonly of: string;
  /** Null where there is no such file. */
  readonly file: FileRow | null;
}

/** A hash is there because the next run has to read the file. */
function isToBeRead({ hash, left, right }: FileRow): boolean {
  return hash !== null || left.isFresh || right.isFresh;
}

const ROOT_ID = 1;

/** Tables whose paths follow a folder's. */
const MOVED_TABLES = [
  "files",
  "directories",
  "conflicts",
  "mailed_conflicts",
  "settled",
];

/** Rows in one statement: one by one takes twice as long, more no less. */
const AT_ONCE = 24;

/**
 * The record in a state DB.
 *
 * A folder's digest is the sum of what is recorded directly in it, so that a
 * scan can tell that nothing in it changed without any row. A change drops it,
 * and {@linkcode RecordStore.sealFolders} writes it again when all rows are
 * written: no digest ever speaks of rows that are not there, whenever a run
 * ends.
 */
export class RecordStore {
  readonly #db: StateDb;
  readonly #folderIds = new Map<string, number>([["", ROOT_ID]]);
  /**
   * Ids of folders whose digests are dropped already, with the digests of what
   * their rows hold by now; null: they are made from all rows.
   */
  readonly #dropped = new Map<number, Both<DigestBuilder> | null>();
  /** Rows that are to be written with others. */
  #rows: SqlValue[][] = [];

  readonly #idsCount: Both<boolean>;

  /**
   * @param db The state DB, open.
   * @param idsCount Whether a side's file ids still mean what they meant; where
   *   they do not, rows are read without.
   */
  constructor(
    db: StateDb,
    idsCount: Both<boolean> = { left: true, right: true },
  ) {
    this.#db = db;
    this.#idsCount = idsCount;
  }

  /** The record as a run sees it. */
  view(): RecordView {
    return {
      directories: this.directories(),
      filesIn: (folder) => this.filesIn(folder),
      countBelow: (folder) => this.countBelow(folder),
      foldersWithout: (side, wanted) => this.foldersWithout(side, wanted),
    };
  }

  #file(stored: readonly SqlValue[]): FileRow {
    const half = (side: 0 | 1): RecordedHalf => ({
      sizeBytes: stored[5 + side] as number,
      // Seconds are a fraction with an error below a microsecond.
      mtimeMs: Math.round(stored[3 + side] as number * 1000),
      mode: stored[7 + side] as number,
      id: this.#idsCount[SIDES[side]]
        ? idOf(stored[9 + side]!, stored[11 + side]!)
        : null,
      isFresh: stored[13 + side] === 1,
    });
    return {
      path: stored[0] as string,
      left: half(0),
      right: half(1),
      hash: stored[15] as string | null,
    };
  }

  #folder(stored: readonly SqlValue[]): DirectoryRow {
    const [path, agreed, mountL, mountR, digestL, digestR, ...ids] = stored;
    const { left, right } = this.#idsCount;
    return {
      path: path as string,
      isAgreed: agreed === 1,
      isMount: { left: mountL === 1, right: mountR === 1 },
      digest: {
        left: digestL as string | null,
        right: digestR as string | null,
      },
      id: {
        left: left ? idOf(ids[0]!, ids[2]!) : null,
        right: right ? idOf(ids[1]!, ids[3]!) : null,
      },
    };
  }

  /** Every recorded folder by its path. */
  directories(): Map<string, DirectoryRow> {
    return new Map(
      this.#db.query(`SELECT ${FOLDER_COLUMNS} FROM directories`)
        .map((stored) => [stored[0] as string, this.#folder(stored)]),
    );
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
    return this.#db.query(
      `SELECT ${FILE_COLUMNS} FROM files
       WHERE folder = (SELECT id FROM directories WHERE path = ?)`,
      folder,
    ).map((stored) => this.#file(stored));
  }

  /**
   * Clash copies that nobody has settled, by path, each with the file that it
   * belongs to; null where that is not there any more.
   */
  clashCopies(): ClashCopy[] {
    return this.#db.query(
      `SELECT ${FILE_COLUMNS} FROM files WHERE path GLOB '*.clash-[0-9]*'
       AND path NOT IN (SELECT path FROM settled) ORDER BY path`,
    ).flatMap((stored) => {
      const copy = this.#file(stored);
      const of = clashedPath(copy.path);
      return of === null ? [] : [{ copy, of, file: this.fileAt(of) }];
    });
  }

  /** A clash copy is to stay: it is not listed any more. */
  settle(path: string): void {
    this.#db.run(
      "DELETE FROM settled WHERE path NOT IN (SELECT path FROM files)",
    );
    this.#db.run("INSERT OR IGNORE INTO settled VALUES (?)", path);
  }

  /** One row, or null. */
  fileAt(path: string): FileRow | null {
    const row = this.#db.first(
      `SELECT ${FILE_COLUMNS} FROM files WHERE path = ?`,
      path,
    );
    return row && this.#file(row);
  }

  /**
   * Folders of the rows without an id on a side whose metadata there
   * {@linkcode identityOf} gives one of `wanted` of.
   */
  foldersWithout(side: Side, wanted: ReadonlySet<string>): string[] {
    // Where ids mean nothing, every folder is looked at.
    if (!this.#idsCount[side]) return [...this.directories().keys()];
    const rows = this.#db.query(
      `SELECT path, size_${side}, mtime_${side} FROM files
       WHERE ino_${side} IS NULL`,
    );
    const folders = new Set<string>();
    for (const [path, sizeBytes, mtime] of rows) {
      const mtimeMs = Math.round(Number(mtime) * 1000);
      const metadata = { sizeBytes: Number(sizeBytes), mtimeMs, id: null };
      if (wanted.has(identityOf(metadata))) folders.add(folderOf(String(path)));
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
      this.#writeRows();
    });
  }

  /** Has the next runs read files before these are called unchanged. */
  suspect(suspects: readonly Suspect[]): void {
    for (const { side, path } of suspects) {
      const row = this.fileAt(path);
      if (row === null || row[side].isFresh) continue;
      const suspect = { ...row, [side]: { ...row[side], isFresh: true } };
      this.apply([{ kind: "put", row: suspect, rowPath: path }]);
    }
  }

  #change(change: RecordChange): void {
    if (change.kind === "put") {
      const { row, rowPath } = change;
      if (rowPath !== null && rowPath !== row.path) this.#forget(rowPath);
      const folder = this.#dropDigest(folderOf(row.path));
      this.#exchange(folder, row.path, row);
      this.#rows.push([...toStored(row), folder]);
      if (this.#rows.length === AT_ONCE) this.#writeRows();
      return;
    }
    // It may be about the rows before it.
    this.#writeRows();
    switch (change.kind) {
      case "forget":
        return this.#forget(change.path);
      case "put-directory": {
        const { path, isMount, id } = change;
        this.#db.run(
          `UPDATE directories SET agreed = 1, mount_left = ?, mount_right = ?,
             ino_left = ?, ino_right = ?, birth_left = ?, birth_right = ?
           WHERE id = ?`,
          isMount.left ? 1 : 0,
          isMount.right ? 1 : 0,
          id.left?.ino ?? null,
          id.right?.ino ?? null,
          id.left?.birthMs ?? null,
          id.right?.birthMs ?? null,
          this.#folderId(path),
        );
        this.#dropFolderDigest(folderOf(path));
        return;
      }
      case "forget-directory":
        this.#db.run(
          "UPDATE directories SET agreed = 0 WHERE path = ?",
          change.path,
        );
        this.#dropFolderDigest(folderOf(change.path));
        return;
      case "move-directory":
        return this.#moveDirectory(change.from, change.to);
      case "folder-id": {
        const { side, path, id } = change;
        this.#db.run(
          `UPDATE directories
           SET mount_${side} = 0, ino_${side} = ?, birth_${side} = ?
           WHERE path = ?`,
          id?.ino ?? null,
          id?.birthMs ?? null,
          path,
        );
        this.#dropFolderDigest(folderOf(path));
        return;
      }
      case "move-file": {
        const row = this.fileAt(change.from);
        if (row === null) return;
        const put = { ...row, path: change.to };
        return this.#change({ kind: "put", row: put, rowPath: change.from });
      }
    }
  }

  #writeRows(): void {
    const rows = this.#rows;
    this.#rows = [];
    const insert = (some: readonly SqlValue[][]): void => {
      const marks = `(${some[0]!.map(() => "?").join(", ")})`;
      this.#db.run(
        `INSERT OR REPLACE INTO files (${FILE_COLUMNS}, folder)
         VALUES ${Array(some.length).fill(marks).join(", ")}`,
        ...some.flat(),
      );
    };
    if (rows.length === AT_ONCE) insert(rows);
    else for (const row of rows) insert([row]);
  }

  #forget(path: string): void {
    this.#writeRows();
    this.#exchange(this.#dropDigest(folderOf(path)), path, null);
    this.#db.run("DELETE FROM files WHERE path = ?", path);
  }

  #moveDirectory(from: string, to: string): void {
    const length = [...from].length + 1;
    for (const table of MOVED_TABLES) {
      this.#db.run(
        `UPDATE ${table} SET path = ? || substr(path, ?)
         WHERE path = ? OR substr(path, 1, ?) = ? || '/'`,
        to,
        length,
        from,
        length,
        from,
      );
    }
    this.#forgetIds();
    this.#db.run(
      "UPDATE directories SET parent = ? WHERE path = ?",
      this.#folderId(folderOf(to)),
      to,
    );
    for (const path of [from, to]) this.#dropFolderDigest(folderOf(path));
    this.#db.run(
      "DELETE FROM moves WHERE middle_path = ?1 AND to_path = ?1",
      to,
    );
  }

  /** What is in the folder is about to change; gives the folder's id. */
  #dropDigest(folder: string): number {
    const id = this.#folderId(folder);
    if (this.#dropped.has(id)) return id;
    const [left, right] = this.#db.first(
      "SELECT digest_left, digest_right FROM directories WHERE id = ?",
      id,
    ) ?? [];
    const known = typeof left === "string" && typeof right === "string"
      ? { left: new DigestBuilder(left), right: new DigestBuilder(right) }
      : null;
    this.#dropped.set(id, known);
    this.#setDigests(id, null, null);
    return id;
  }

  /** The folder's own entries change, or which folders are in it. */
  #dropFolderDigest(folder: string): void {
    this.#dropped.set(this.#dropDigest(folder), null);
  }

  /** Of a few rows that change, most of a folder need not be read again. */
  #exchange(folder: number, path: string, row: FileRow | null): void {
    const digests = this.#dropped.get(folder);
    if (!digests) return;
    // The row may be one of those that wait to be written.
    this.#writeRows();
    const before = this.fileAt(path);
    if (row !== null && isToBeRead(row)) {
      this.#dropped.set(folder, null);
      return;
    }
    const name = nameOf(path);
    for (const side of SIDES) {
      if (before) digests[side].removeFile(name, before[side]);
      if (row) digests[side].addFile(name, row[side]);
    }
  }

  #setDigests(folder: number, left: string | null, right: string | null): void {
    this.#db.run(
      "UPDATE directories SET digest_left = ?, digest_right = ? WHERE id = ?",
      left,
      right,
      folder,
    );
  }

  /** The folder's id; a folder that is not recorded gets a row to hold on to. */
  #folderId(path: string): number {
    const known = this.#folderIds.get(path);
    if (known !== undefined) return known;
    const found = this.#db.first(
      "SELECT id FROM directories WHERE path = ?",
      path,
    );
    const id = Number(
      found?.[0] ?? this.#db.run(
        "INSERT INTO directories (path, parent, agreed) VALUES (?, ?, 0)",
        path,
        this.#folderId(folderOf(path)),
      ).lastInsertRowid,
    );
    this.#folderIds.set(path, id);
    return id;
  }

  /**
   * Gives every folder without a digest a new one, and drops folders that hold
   * nothing any more. Done once, when all rows are written.
   */
  sealFolders(): void {
    this.#transaction(() => {
      const holdsNothing = `agreed = 0 AND id <> ${ROOT_ID}
        AND NOT EXISTS (SELECT 1 FROM files WHERE folder = directories.id)
        AND NOT EXISTS
          (SELECT 1 FROM directories child WHERE child.parent = directories.id)`;
      const drop = `DELETE FROM directories WHERE ${holdsNothing}`;
      while (Number(this.#db.run(drop).changes) > 0);
      const dropped = new Map(this.#dropped);
      this.#forgetIds();
      const open = this.#db.query(
        "SELECT id FROM directories WHERE digest_left IS NULL",
      );
      for (const [id] of open) {
        const digests = dropped.get(Number(id));
        if (!digests) this.#seal(Number(id));
        else {
          const { left, right } = digests;
          this.#setDigests(Number(id), left.value(), right.value());
        }
      }
    });
  }

  /** Where the next run has to look in any case, the folder gets no digest. */
  #seal(folder: number): void {
    const made = { left: new DigestBuilder(), right: new DigestBuilder() };
    const files = this.#db.query(
      `SELECT ${FILE_COLUMNS} FROM files WHERE folder = ?`,
      folder,
    );
    for (const stored of files) {
      const row = this.#file(stored);
      if (isToBeRead(row)) return;
      const name = nameOf(row.path);
      for (const side of SIDES) made[side].addFile(name, row[side]);
    }
    const folders = this.#db.query(
      `SELECT ${FOLDER_COLUMNS} FROM directories
       WHERE parent = ? AND agreed = 1`,
      folder,
    );
    for (const stored of folders) {
      const { path, isMount, id } = this.#folder(stored);
      for (const side of SIDES) {
        made[side].addFolder(nameOf(path), isMount[side], id[side]);
      }
    }
    this.#setDigests(folder, made.left.value(), made.right.value());
  }

  /** Drops every digest: each folder is looked at again. */
  dropDigests(): void {
    this.#dropped.clear();
    this.#db.run(
      "UPDATE directories SET digest_left = NULL, digest_right = NULL",
    );
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
  noteMove({ side, from, middle, to }: Move): void {
    const insert = "INSERT INTO moves VALUES (?, ?, ?, ?)";
    this.#db.run(insert, side, from, middle, to);
  }

  /** Renames in two steps that were begun. */
  moves(): Move[] {
    return this.#db.query(
      "SELECT side, from_path, middle_path, to_path FROM moves",
    ).map(([side, from, middle, to]) => ({
      side: side as Side,
      from: String(from),
      middle: String(middle),
      to: String(to),
    }));
  }

  /** Forgets one: it is completed. */
  forgetMove({ side, middle }: Move): void {
    const remove = "DELETE FROM moves WHERE side = ? AND middle_path = ?";
    this.#db.run(remove, side, middle);
  }

  /**
   * What was being saved in the last run: `side/path` → since when, in ms since
   * 1970.
   */
  savedSince(): Map<string, number> {
    return new Map(JSON.parse(this.#db.meta(WAITING_KEYS.saved) ?? "[]"));
  }

  /** What waited as of the last run. */
  waiting(): Waiting[] {
    return Object.values(WAITING_KEYS)
      .flatMap((key) => JSON.parse(this.#db.meta(key) ?? "[]"))
      // Earlier versions of the program noted less.
      .flatMap(([, , it]) => it && !it.isOver ? [it] : []);
  }

  /** Remembers what waits, and nothing else of the kind. */
  rememberWaiting(waiting: readonly Waiting[]): void {
    for (const [kind, key] of Object.entries(WAITING_KEYS)) {
      const noted = waiting.filter((it) => it.kind === kind)
        .map((it) => [`${it.side}/${it.path}`, it.sinceMs, it]);
      const text = JSON.stringify(noted);
      if (text !== (this.#db.meta(key) ?? "[]")) this.#db.setMeta(key, text);
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

  /** A transaction that does not come about must leave nothing behind here. */
  #transaction(work: () => void): void {
    try {
      this.#db.transaction(work);
    } catch (error) {
      this.#rows = [];
      this.#forgetIds();
      throw error;
    }
  }

  #forgetIds(): void {
    this.#dropped.clear();
    this.#folderIds.clear();
    this.#folderIds.set("", ROOT_ID);
  }
}

/** A record that holds nothing. */
export const NO_RECORD: RecordView = {
  directories: new Map(),
  filesIn: () => [],
  countBelow: () => 0,
  foldersWithout: () => [],
};

/** Digests of a side by folder. */
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
