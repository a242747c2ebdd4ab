/**
 * The record: what both sides last agreed on, as rows of the state DB.
 *
 * @module
 */
import { identityOf } from "./metadata.ts";
import { folderOf, nameOf } from "./paths.ts";
import type { RecordView } from "./plan_merge.ts";
import type { RecordChange, Suspect, Waiting } from "./plan_types.ts";
import {
  BulkInsert,
  FILE_COLUMNS,
  FOLDER_COLUMNS,
  type StateDb,
} from "./state_db.ts";
import {
  type Both,
  type DirectoryRow,
  type FileId,
  type FileRow,
  type RecordedHalf,
  type Side,
  SIDES,
} from "./types.ts";
import { DigestBuilder } from "./wire_listing.ts";

// Rows of the state DB as the rest of the program knows them.

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

// Digests of recorded folders: made from their rows, and kept right with them.

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
   * Folders of the rows without an id on a side whose metadata there
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

// The record as a run sees it: in today's terms.

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
