/**
 * The tables of the state DB, as migrations: the n-th brings a DB from
 * version n − 1 (`PRAGMA user_version`) to version n.
 *
 * @module
 */

/** SQL of each migration, oldest first. Never changed, only added to. */
export const MIGRATIONS: readonly string[] = [
  `
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
    digest_left TEXT,
    digest_right TEXT
  );
  CREATE INDEX directories_by_parent ON directories (parent);
  INSERT INTO directories (id, path, parent, agreed) VALUES (1, '', NULL, 1);

  CREATE TABLE files (
    path TEXT PRIMARY KEY,
    exists_left INTEGER NOT NULL,
    exists_right INTEGER NOT NULL,
    -- in seconds since 1970
    mtime_left REAL NOT NULL,
    mtime_right REAL NOT NULL,
    -- in bytes
    size_left INTEGER NOT NULL,
    size_right INTEGER NOT NULL,
    mode_left INTEGER NOT NULL,
    mode_right INTEGER NOT NULL,
    -- REAL: some file systems give numbers beyond 2^53
    ino_left REAL,
    ino_right REAL,
    -- in milliseconds since 1970
    birth_left REAL,
    birth_right REAL,
    -- 1: too young to be relied on; hash tells
    fresh_left INTEGER NOT NULL,
    fresh_right INTEGER NOT NULL,
    hash TEXT,
    folder INTEGER NOT NULL REFERENCES directories (id)
  ) WITHOUT ROWID;
  CREATE INDEX files_by_folder ON files (folder);

  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    -- in milliseconds since 1970
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    exit_code INTEGER,
    -- JSON: counts as the run's summary gives them
    summary TEXT,
    -- what stopped it, in words
    stopped_by TEXT
  );
  CREATE INDEX runs_by_start ON runs (started_at);

  CREATE TABLE actions (
    run TEXT NOT NULL REFERENCES runs (id),
    seq INTEGER NOT NULL,
    action TEXT NOT NULL,
    path TEXT NOT NULL,
    new_path TEXT,
    rule TEXT,
    side TEXT,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    bytes INTEGER,
    PRIMARY KEY (run, seq)
  ) WITHOUT ROWID;
  CREATE INDEX actions_by_path ON actions (path);

  CREATE TABLE conflicts (
    path TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    rule TEXT NOT NULL,
    -- path, size and time of each side's version; NULL for a folder
    path_left TEXT,
    path_right TEXT,
    size_left INTEGER,
    size_right INTEGER,
    mtime_left REAL,
    mtime_right REAL,
    -- the run that saw this pair of versions first
    since_run TEXT NOT NULL
  ) WITHOUT ROWID;

  -- renames in two steps: completed by the next run if this one dies
  CREATE TABLE moves (
    side TEXT NOT NULL,
    from_path TEXT NOT NULL,
    middle_path TEXT NOT NULL,
    to_path TEXT NOT NULL,
    PRIMARY KEY (side, middle_path)
  ) WITHOUT ROWID;
  `,
  `
  -- mails that wait to be sent
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    -- in milliseconds since 1970
    created_at INTEGER NOT NULL,
    -- the same however often it is tried: a second copy can be told
    message_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    -- JSON: addresses that have it already
    delivered TEXT NOT NULL
  );

  -- open conflicts that were mailed, with the versions they were about
  CREATE TABLE mailed_conflicts (
    path TEXT PRIMARY KEY,
    versions TEXT NOT NULL
  ) WITHOUT ROWID;

  -- guards and failures that were mailed
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
  -- JSON: what a mail tells; NULL: only its text says
  ALTER TABLE outbox ADD COLUMN news TEXT;
  -- in milliseconds since 1970; NULL: never
  ALTER TABLE outbox ADD COLUMN tried_at INTEGER;
  ALTER TABLE outbox ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- runs' folders of soft-deleted files that every run since found too old
  CREATE TABLE expired (
    side TEXT NOT NULL,
    folder TEXT NOT NULL,
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

  -- paths that the last whole run left alone
  CREATE TABLE problems (
    side TEXT NOT NULL,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
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
];

/** Columns of a folder's row, in the order that `folderFromStored` takes. */
export const FOLDER_COLUMNS = "path, agreed, mount_left, mount_right, " +
  "digest_left, digest_right, ino_left, ino_right, birth_left, birth_right";

/** Columns of a file row, in the order of {@linkcode StoredFile}. */
export const FILE_COLUMNS = "path, exists_left, exists_right, " +
  "mtime_left, mtime_right, size_left, size_right, mode_left, mode_right, " +
  "ino_left, ino_right, birth_left, birth_right, fresh_left, fresh_right, hash";
