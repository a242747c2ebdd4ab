/**
 * The state DB, as a file: its lock, its tables and their migrations, and what
 * keeps a run from using it.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { EXIT, GuardError, LockedError, SyncError } from "./errors.ts";
import { cantUse, type OwnFile, refusalOf } from "./own_files.ts";

/** When the last mail was due, in ms since 1970; 0: none ever was. */
export interface MailTimes {
  /** Of a run that could not use the state DB. */
  readonly withoutDb: number;
  /** That the record was lost, and what was mailed with it. */
  readonly lostRecord: number;
}

/** No mail ever was due. */
export const NEVER: MailTimes = { withoutDb: 0, lostRecord: 0 };

/** The lock of a run, as long as the run has it. */
export interface Lock extends Disposable {
  /** What no state DB can remember. */
  times(): MailTimes;
  /** What the disk does not take is forgotten: one more mail at worst. */
  setTimes(times: MailTimes): void;
}

/**
 * Takes the lock that keeps a second run away: a file beside the state DB. The
 * system frees it when this process ends, however it ends.
 *
 * @throws {LockedError} Another run holds it.
 * @throws {GuardError} "state": it can't be made.
 */
export function takeLock(stateDb: string): Lock {
  const file = openLock(stateDb);
  // Through this very handle: Windows lets no other one read what is locked.
  return {
    times() {
      try {
        const bytes = new Uint8Array(file.statSync().size);
        file.seekSync(0, Deno.SeekMode.Start);
        file.readSync(bytes);
        const { withoutDb = 0, lostRecord = 0 } = JSON.parse(
          new TextDecoder().decode(bytes),
        );
        return { withoutDb, lostRecord };
      } catch {
        return NEVER;
      }
    },
    setTimes(times) {
      try {
        file.truncateSync(0);
        file.seekSync(0, Deno.SeekMode.Start);
        file.writeSync(new TextEncoder().encode(JSON.stringify(times)));
      } catch {
        // A disk that does not even take that takes no state DB either.
      }
    },
    [Symbol.dispose]() {
      // A process that is being started at this moment has this handle, too,
      // and would hold the lock a moment longer; not so on Windows.
      if (Deno.build.os !== "windows") file.unlockSync();
      file.close();
    },
  };
}

/** So often a lock is taken anew that was removed in that very moment. */
const MOST_TRIES = 5;

function openLock(stateDb: string): Deno.FsFile {
  const path = `${stateDb}.lock`;
  for (let attempt = 1;; attempt++) {
    let file: Deno.FsFile | null = null;
    try {
      file = Deno.openSync(path, { read: true, write: true, create: true });
      const isTaken = file.tryLockSync(true);
      // RACE: who removes the file between the two calls would let a second
      // run lock a new one, and both would run.
      if (isTaken && (isStillAt(path, file) || attempt === MOST_TRIES)) {
        return file;
      }
      file.close();
      if (isTaken) continue;
    } catch (error) {
      file?.close();
      const what = "The lock of the state DB";
      const others = [stateDb, `${stateDb}-journal`];
      throw cantUse({ what, path, key: "state_db", others }, error);
    }
    throw new LockedError(stateDb);
  }
}

function isStillAt(path: string, file: Deno.FsFile): boolean {
  // Windows removes nothing that is open.
  if (Deno.build.os === "windows") return true;
  try {
    return Deno.lstatSync(path).ino === file.statSync().ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** SQL of a new DB: its tables as they are today. */
const TABLES = `
  CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE directories (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    parent INTEGER REFERENCES directories (id),
    -- 0: only holds rows of paths below that are still waiting
    agreed INTEGER NOT NULL,
    mount_left INTEGER NOT NULL DEFAULT 0,
    mount_right INTEGER NOT NULL DEFAULT 0,
    -- of the rows directly in the folder; NULL: look at it in any case
    digest_left TEXT, digest_right TEXT,
    -- as of files
    ino_left REAL, ino_right REAL,
    birth_left REAL, birth_right REAL
  );
  CREATE INDEX directories_by_parent ON directories (parent);
  INSERT INTO directories (id, path, parent, agreed) VALUES (1, '', NULL, 1);

  CREATE TABLE files (
    path TEXT PRIMARY KEY,
    exists_left INTEGER NOT NULL, exists_right INTEGER NOT NULL,
    -- in seconds since 1970
    mtime_left REAL NOT NULL, mtime_right REAL NOT NULL,
    -- in bytes
    size_left INTEGER NOT NULL, size_right INTEGER NOT NULL,
    mode_left INTEGER NOT NULL, mode_right INTEGER NOT NULL,
    -- REAL: some file systems give numbers beyond 2^53
    ino_left REAL, ino_right REAL,
    -- in milliseconds since 1970
    birth_left REAL, birth_right REAL,
    -- 1: too young to be relied on; hash tells
    fresh_left INTEGER NOT NULL, fresh_right INTEGER NOT NULL,
    hash TEXT,
    folder INTEGER NOT NULL REFERENCES directories (id)
  ) WITHOUT ROWID;
  CREATE INDEX files_by_folder ON files (folder);

  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    -- in milliseconds since 1970
    started_at INTEGER NOT NULL, finished_at INTEGER,
    exit_code INTEGER,
    -- JSON: counts as the run's summary gives them
    summary TEXT,
    -- what stopped it, in words
    stopped_by TEXT,
    -- whole runs are numbered: those that came to all of their actions
    nth INTEGER,
    -- what it is about: 'sync' all, 'resolve' one conflict, 'restore' files
    run_kind TEXT NOT NULL DEFAULT 'sync'
  );
  CREATE INDEX runs_by_start ON runs (started_at);

  -- what runs did, as \`packed\` JSON
  CREATE TABLE told (
    -- seq: of the first action of the run in it
    run TEXT NOT NULL REFERENCES runs (id), seq INTEGER NOT NULL,
    -- NULL: many actions; else one that could not be done and may stand for
    -- many runs: the number of the last whole run that it was so in
    last INTEGER,
    actions NOT NULL,
    PRIMARY KEY (run, seq)
  );
  CREATE INDEX told_by_last ON told (last) WHERE last IS NOT NULL;

  -- paths that were unknown to the last whole run
  CREATE TABLE problems (
    side TEXT NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL,
    since_run TEXT NOT NULL REFERENCES runs (id),
    PRIMARY KEY (side, path, reason)
  ) WITHOUT ROWID;

  CREATE TABLE conflicts (
    path TEXT PRIMARY KEY,
    kind TEXT NOT NULL, rule TEXT NOT NULL,
    -- path, size and time of each side's version; NULL for a folder
    path_left TEXT, path_right TEXT,
    size_left INTEGER, size_right INTEGER,
    mtime_left REAL, mtime_right REAL,
    -- the run that saw this pair of versions first
    since_run TEXT NOT NULL
  ) WITHOUT ROWID;

  -- renames in two steps: completed by the next run if this one dies
  CREATE TABLE moves (
    side TEXT NOT NULL,
    from_path TEXT NOT NULL, middle_path TEXT NOT NULL, to_path TEXT NOT NULL,
    PRIMARY KEY (side, middle_path)
  ) WITHOUT ROWID;

  -- clash copies that are to stay beside their files
  CREATE TABLE settled (path TEXT PRIMARY KEY) WITHOUT ROWID;

  -- runs' folders of soft-deleted files that every run since found too old
  CREATE TABLE expired (
    side TEXT NOT NULL, folder TEXT NOT NULL,
    -- in milliseconds since 1970
    since INTEGER NOT NULL,
    PRIMARY KEY (side, folder)
  ) WITHOUT ROWID;

  -- mails that wait to be sent
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    -- in milliseconds since 1970
    created_at INTEGER NOT NULL,
    -- the same however often it is tried: a second copy can be told
    message_id TEXT NOT NULL,
    subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL,
    -- JSON: addresses that have it already
    delivered TEXT NOT NULL,
    -- JSON: what a mail tells, worded when it is sent; NULL: an older version
    -- worded it
    news TEXT,
    -- in milliseconds since 1970; NULL: never
    tried_at INTEGER,
    refusals INTEGER NOT NULL DEFAULT 0
  );

  -- open conflicts that were mailed, with the versions they were about
  CREATE TABLE mailed_conflicts (
    path TEXT PRIMARY KEY,
    versions TEXT NOT NULL
  ) WITHOUT ROWID;

  -- alerts that were mailed
  CREATE TABLE mailed_alerts (
    key TEXT PRIMARY KEY,
    -- JSON: what it is, since when, and when it was mailed
    alert TEXT NOT NULL
  ) WITHOUT ROWID;

  -- what runs left unsynced, as long as each of them does
  CREATE TABLE unsynced (
    key TEXT PRIMARY KEY,
    -- in milliseconds since 1970; told_at: by the last mail, NULL: by none
    since INTEGER NOT NULL, told_at INTEGER
  ) WITHOUT ROWID;
`;

/**
 * SQL of each migration, oldest first: the n-th brings a DB from version n
 * (`PRAGMA user_version`) to version n + 1, which has what {@linkcode TABLES}
 * of that day had. Never changed, only added to.
 */
export const MIGRATIONS: readonly string[] = [
  `
  -- mails that wait to be sent
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    -- in milliseconds since 1970
    created_at INTEGER NOT NULL,
    -- the same however often it is tried: a second copy can be told
    message_id TEXT NOT NULL,
    subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL,
    -- JSON: addresses that have it already
    delivered TEXT NOT NULL
  );

  -- open conflicts that were mailed, with the versions they were about
  CREATE TABLE mailed_conflicts (
    path TEXT PRIMARY KEY,
    versions TEXT NOT NULL
  ) WITHOUT ROWID;

  -- alerts that were mailed
  CREATE TABLE mailed_troubles (
    key TEXT PRIMARY KEY,
    -- JSON: what it is, since when, and when it was mailed
    trouble TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
  `
  -- digests are plain sums now; the next run makes them anew
  UPDATE directories SET digest_left = NULL, digest_right = NULL;
  `,
  `
  -- JSON: what a mail tells, worded when it is sent; NULL: an older version
  -- worded it
  ALTER TABLE outbox ADD COLUMN news TEXT;
  -- in milliseconds since 1970; NULL: never
  ALTER TABLE outbox ADD COLUMN tried_at INTEGER;
  ALTER TABLE outbox ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- runs' folders of soft-deleted files that every run since found too old
  CREATE TABLE expired (
    side TEXT NOT NULL, folder TEXT NOT NULL,
    -- in milliseconds since 1970
    since INTEGER NOT NULL,
    PRIMARY KEY (side, folder)
  ) WITHOUT ROWID;
  `,
  `
  -- whole runs are numbered: those that came to all of their actions
  ALTER TABLE runs ADD COLUMN nth INTEGER;
  -- number of the last run that it was so in, beyond all numbers while it is;
  -- NULL: its own run alone
  ALTER TABLE actions ADD COLUMN last INTEGER;
  CREATE INDEX actions_by_last ON actions (last) WHERE last IS NOT NULL;

  -- paths that were unknown to the last whole run
  CREATE TABLE problems (
    side TEXT NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL,
    since_run TEXT NOT NULL REFERENCES runs (id),
    PRIMARY KEY (side, path, reason)
  ) WITHOUT ROWID;
  `,
  `
  -- as of files; the next run learns them, and makes all digests anew
  ALTER TABLE directories ADD COLUMN ino_left REAL;
  ALTER TABLE directories ADD COLUMN ino_right REAL;
  ALTER TABLE directories ADD COLUMN birth_left REAL;
  ALTER TABLE directories ADD COLUMN birth_right REAL;
  -- how many files a folder's rename moved
  ALTER TABLE actions ADD COLUMN files INTEGER;
  UPDATE directories SET digest_left = NULL, digest_right = NULL;
  `,
  `
  -- what runs did, as \`packed\` JSON
  CREATE TABLE told (
    -- seq: of the first action of the run in it
    run TEXT NOT NULL REFERENCES runs (id), seq INTEGER NOT NULL,
    -- NULL: many actions; else one that could not be done and may stand for
    -- many runs: the number of the last whole run that it was so in
    last INTEGER,
    actions NOT NULL,
    PRIMARY KEY (run, seq)
  );
  CREATE INDEX told_by_last ON told (last) WHERE last IS NOT NULL;

  CREATE TEMP VIEW old AS SELECT run, seq, last, json_object('seq', seq,
    'action', action, 'path', path, 'newPath', new_path, 'rule', rule,
    'side', side, 'reason', reason, 'outcome', outcome, 'detail', detail,
    'bytes', bytes, 'files', files) AS told FROM actions;
  INSERT INTO told SELECT * FROM old WHERE last IS NOT NULL;
  INSERT INTO told
    SELECT run, min(seq), NULL, packed(json_group_array(json(told))) FROM old
    WHERE last IS NULL GROUP BY run, seq / 50000;
  DROP VIEW old;
  DROP TABLE actions;
  `,
  `
  -- one word for one thing, here too
  ALTER TABLE mailed_troubles RENAME TO mailed_alerts;
  ALTER TABLE mailed_alerts RENAME COLUMN trouble TO alert;
  UPDATE meta SET key = 'traits_left' WHERE key = 'habits_left';
  UPDATE meta SET key = 'traits_right' WHERE key = 'habits_right';
  UPDATE meta SET key = 'mail_alerts' WHERE key = 'mail_alarms';
  -- within a text of JSON the quotation marks would have backslashes
  UPDATE meta SET value = replace(value, '"keptAt":', '"softDeletedPath":')
    WHERE key = 'mail_intention';
  UPDATE outbox SET news = replace(news, '"keptAt":', '"softDeletedPath":');
  `,
  `
  -- clash copies that are to stay beside their files
  CREATE TABLE settled (path TEXT PRIMARY KEY) WITHOUT ROWID;
  `,
  `
  -- what a run is about: 'sync' all, 'resolve' one conflict, 'restore' files
  ALTER TABLE runs ADD COLUMN run_kind TEXT NOT NULL DEFAULT 'sync';
  `,
  `
  -- what runs left unsynced, as long as each of them does
  CREATE TABLE unsynced (
    key TEXT PRIMARY KEY,
    -- in milliseconds since 1970; told_at: by the last mail, NULL: by none
    since INTEGER NOT NULL, told_at INTEGER
  ) WITHOUT ROWID;
  `,
];

/** The version that DBs have today. */
export function newestVersion(): number {
  return MIGRATIONS.length + 1;
}

/**
 * Brings an open DB from one version to another; in a transaction.
 *
 * @param from 0: it is empty, and gets the newest tables.
 */
export function migrate(
  db: DatabaseSync,
  from: number,
  to: number = newestVersion(),
): void {
  db.function("packed", (text) => packed(String(text)));
  const scripts = from === 0 ? [TABLES] : MIGRATIONS.slice(from - 1, to - 1);
  for (const sql of scripts) db.exec(sql);
  db.exec(`PRAGMA user_version = ${to}`);
}

/** Shorter texts are not worth the 15 ms that zlib takes to load. */
const SHORT = 4_000;

/** A text as the state DB keeps it where there may be much of it. */
export function packed(text: string): SqlValue {
  return text.length < SHORT ? text : zlib().deflateRawSync(text);
}

/** Opens what {@linkcode packed} made. */
export function unpacked(value: SqlValue): string {
  return value instanceof Uint8Array
    ? zlib().inflateRawSync(value).toString()
    : String(value);
}

function zlib() {
  // Imported by its name, node:process takes as long.
  // deno-lint-ignore no-process-global
  return process.getBuiltinModule("node:zlib");
}

/** What SQLite's columns hold here. */
export type SqlValue = string | number | null | Uint8Array;

/** Milliseconds to wait for another process that writes just now. */
const BUSY_TIMEOUT_MS = 5000;

/** The state DB, open. */
export class StateDb implements Disposable {
  /** Where it is. */
  readonly file: string;
  #db: DatabaseSync;
  readonly #isReadOnly: boolean;
  /** Only a plan before the first run has none: it writes nothing at all. */
  #hasTables = true;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens a DB, or makes one. To read, a missing DB counts as an empty one.
   *
   * @throws {GuardError} "state": it is corrupt, of a newer version, or the
   *   system lets nobody use it.
   */
  constructor(file: string, { isReadOnly }: { readonly isReadOnly: boolean }) {
    this.file = file;
    this.#isReadOnly = isReadOnly;
    let db: DatabaseSync | null = null;
    try {
      const isMissing = isReadOnly && !exists(file);
      db = new DatabaseSync(isMissing ? ":memory:" : file, {
        readOnly: isReadOnly && !isMissing,
        timeout: BUSY_TIMEOUT_MS,
      });
      this.#db = db;
      this.#prepare();
    } catch (error) {
      // On Windows nobody could move it out of the way as long as it is open.
      db?.close();
      throw this.#guard(error);
    }
  }

  #prepare(): void {
    this.#db.exec("PRAGMA temp_store = MEMORY");
    const version = Number(this.first("PRAGMA user_version")?.[0]);
    if (version > newestVersion()) {
      throw new GuardError(
        "state",
        `${this.file} was written by a newer version of office-sync. ` +
          `Nothing was changed.`,
        "Run the newer version, or name another state_db in the config.",
      );
    }
    if (this.#isReadOnly) {
      // A read makes a damaged file show now, not in the middle.
      this.first("SELECT count(*) FROM sqlite_master");
      this.#hasTables = version > 0;
      if (version > 0 && version < newestVersion()) this.#readCopy(version);
      return;
    }
    // One writer, few commits: a plain journal is enough, and it lets a plan
    // read beside a run without files of its own.
    this.#db.exec("PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL");
    if (version === newestVersion()) return;
    this.transaction(() => migrate(this.#db, version));
  }

  /**
   * Reads on in a copy in memory that is of today's version: the DB is of an
   * older one, and must not be written to.
   */
  #readCopy(version: number): void {
    const copy = new DatabaseSync(":memory:");
    copy.exec("PRAGMA foreign_keys = OFF; BEGIN");
    const scripts = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL";
    for (const [sql] of this.query(scripts)) copy.exec(String(sql));
    const tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
    for (const [name] of this.query(tables)) {
      const rows = this.#statement(`SELECT * FROM ${name}`);
      const marks = rows.columns().map(() => "?").join(", ");
      const insert = copy.prepare(`INSERT INTO ${name} VALUES (${marks})`);
      for (const row of rows.iterate()) {
        insert.run(...row as unknown as SqlValue[]);
      }
    }
    copy.exec("COMMIT");
    migrate(copy, version);
    this.#statements.clear();
    this.#db.close();
    this.#db = copy;
  }

  /** Runs something in one transaction: all of it, or nothing. */
  transaction<T>(work: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw this.#guard(error);
    }
  }

  /** A remembered value, or null. */
  meta(key: string): string | null {
    const row = this.first("SELECT value FROM meta WHERE key = ?", key);
    return row && String(row[0]);
  }

  /** Remembers a value; null forgets it. */
  setMeta(key: string, value: string | null): void {
    if (value === null) this.run("DELETE FROM meta WHERE key = ?", key);
    else this.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value);
  }

  /** Runs a statement that gives no rows; it is prepared once and kept. */
  run(sql: string, ...values: readonly SqlValue[]): Changes {
    try {
      return this.#statement(sql).run(...values);
    } catch (error) {
      throw this.#guard(error);
    }
  }

  /** Runs a script of several statements. */
  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** All rows of a query, as lists of column values; none in an empty DB. */
  query(sql: string, ...values: readonly SqlValue[]): SqlValue[][] {
    if (!this.#hasTables) return [];
    return this.#statement(sql).all(...values) as unknown as SqlValue[][];
  }

  /** The first row of a query, or null. */
  first(sql: string, ...values: readonly SqlValue[]): SqlValue[] | null {
    if (!this.#hasTables) return null;
    const row = this.#statement(sql).get(...values);
    return (row ?? null) as unknown as SqlValue[] | null;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#db.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      // As Deno has it; the published types lag behind.
      (statement as unknown as { setReturnArrays(on: boolean): void })
        .setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard(error: unknown): unknown {
    return asGuard(error, this.file, this.#isReadOnly);
  }
}

/** What a statement changed. */
export interface Changes {
  readonly changes: number | bigint;
  readonly lastInsertRowid: number | bigint;
}

/** Whether a state DB is there. */
export function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Whether the same was said less than a day ago; if not, remembers that it is
 * now. It needs no lock: it is one value, and nothing depends on it.
 *
 * @param file Path of the state DB.
 * @param topic What it is about: each has one value.
 * @param what What is said; null: nothing any more.
 * @param nowMs In ms since 1970.
 * @returns False also where nothing can be remembered.
 */
export function wasSaid(
  file: string,
  topic: string,
  what: string | null,
  nowMs: number,
): boolean {
  try {
    // Opening one that is missing would make it.
    Deno.statSync(file);
    using db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    const key = `said_${topic}`;
    const row = db.prepare("SELECT value FROM meta WHERE key = ?").get(key);
    const known = row === undefined ? null : JSON.parse(String(row.value));
    if (what === null) {
      if (known) db.prepare("DELETE FROM meta WHERE key = ?").run(key);
      return false;
    }
    const isRecent = Math.abs(nowMs - known?.atMs) < DAY_MS;
    if (known?.what === what && isRecent) return true;
    db.exec("PRAGMA journal_mode = TRUNCATE");
    db.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)")
      .run(key, JSON.stringify({ what, atMs: nowMs }));
  } catch {
    // It is said once more, then.
  }
  return false;
}

/**
 * Tries whether a state DB can be written, as a run does, and takes it back.
 * To be called under the lock.
 *
 * @param file Its path; it is there.
 * @throws {GuardError} "state": it can't.
 */
export function tryWriting(file: string): void {
  try {
    using db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    // As a run has it: the journal stays, and is tried as well.
    db.exec("PRAGMA journal_mode = TRUNCATE");
    const row = db.prepare("PRAGMA user_version").get();
    db.exec("BEGIN IMMEDIATE");
    db.exec(`PRAGMA user_version = ${Number(row?.user_version ?? 0)}`);
    db.exec("ROLLBACK");
  } catch (error) {
    throw asGuard(error, file);
  }
}

/** What SQLite says of damage. */
const DAMAGED = /malformed|not a database|corrupt|disk image/i;

/** What it says where the system lets it neither read nor write. */
const REFUSED =
  /readonly database|unable to open|disk is full|disk I\/O|is locked/i;

/** The state DB as one of the program's own files. */
function ownFile(file: string, isRead = false): OwnFile {
  const others = [`${file}-journal`, `${file}.lock`];
  return { what: "The state DB", path: file, key: "state_db", others, isRead };
}

/**
 * Damage, and whatever keeps a run from using the DB, is for a guard to tell;
 * every other error stays what it is.
 *
 * @param isRead It was opened to be read only.
 * @returns A {@linkcode GuardError}, or the error itself.
 */
export function asGuard(
  error: unknown,
  file: string,
  isRead = false,
): unknown {
  // What a path or a message of ours says must not pass for SQLite's words.
  const isSqlite = error instanceof Error && "code" in error &&
    error.code === "ERR_SQLITE_ERROR";
  if (!isSqlite) return error;
  const { message } = error;
  if (DAMAGED.test(message)) {
    // In one line, and no sentence.
    const words = message.replaceAll(/\s+/g, " ").replace(/\.$/, "").trim();
    return new GuardError(
      "state",
      `The state DB ${file} is damaged (${words}). ` +
        "Nothing was changed.",
      "Move the file away and run again: the run is then a first meeting, in " +
        "which files deleted since the last run come back and nothing is " +
        "deleted.",
      { cause: error },
    );
  }
  return REFUSED.test(message) ? refused(error, file, isRead) : error;
}

/**
 * What to throw where something went wrong while files were changed: that is
 * too late for a guard.
 */
export function asFailure(thrown: unknown, stateDb: string): unknown {
  const known = asGuard(thrown, stateDb);
  if (!(known instanceof GuardError) || known.guard !== "state") return thrown;
  return new SyncError(
    known.message.replace("Nothing was changed.", "The run broke off."),
    EXIT.unexpected,
    {
      cause: thrown,
      hint: `${known.hint} What was synced already is recognised.`,
    },
  );
}

/** A state DB that the system lets nobody write, as the guard "state". */
export function cantWrite(file: string, error: unknown): GuardError {
  return cantUse(ownFile(file), error);
}

/** SQLite tells what it could not do; the system tells why. */
function refused(error: Error, file: string, isRead: boolean): GuardError {
  const { message } = error;
  const own = ownFile(file, isRead);
  const journal = `${file}-journal`;
  const as = (code: string) => Object.assign(error, { code });
  if (/is locked/i.test(message)) {
    const cause = { cause: error };
    return cantUse(
      own,
      new Error("another program has it open and locked", cause),
      "Close that program (a database viewer, a backup), then run again.",
    );
  }
  if (/disk is full/i.test(message)) return cantUse(own, as("ENOSPC"));
  if (/disk I\/O/i.test(message)) {
    return cantUse(
      own,
      as("EIO"),
      `Look at its disk, and whose ${journal} is: it has to belong to the ` +
        'account that runs this (sudo chown "$(id -un)", in a terminal of ' +
        "that account).",
    );
  }
  const refusal = refusalOf(file, isRead);
  const isPlan = refusal instanceof Deno.errors.NotCapable ||
    refusal === null && isRead;
  if (isPlan && /readonly database/i.test(message)) {
    return new GuardError(
      "state",
      `The last run was cut off while it wrote the state DB ${file}, and ` +
        "what only reads must not even undo that. Nothing was changed.",
      "Run once (sync), or wait for the next scheduled run.",
      { cause: error },
    );
  }
  if (refusal !== null) return cantUse(own, refusal);
  // The file may be written; its journal, beside it, can't be made.
  return cantUse({ ...own, path: journal, others: [] }, as("EACCES"));
}
