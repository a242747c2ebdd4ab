/**
 * State DBs as older versions made them.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { migrate } from "../../lib/state_db.ts";

/** The tables of the first version. */
const FIRST = `
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
    digest_left TEXT, digest_right TEXT
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
    stopped_by TEXT
  );
  CREATE INDEX runs_by_start ON runs (started_at);

  CREATE TABLE actions (
    run TEXT NOT NULL REFERENCES runs (id),
    seq INTEGER NOT NULL,
    action TEXT NOT NULL,
    path TEXT NOT NULL, new_path TEXT,
    rule TEXT, side TEXT, reason TEXT NOT NULL,
    outcome TEXT NOT NULL, detail TEXT,
    bytes INTEGER,
    PRIMARY KEY (run, seq)
  ) WITHOUT ROWID;
  CREATE INDEX actions_by_path ON actions (path);

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
`;

/** Makes a state DB of an older version; nothing may be there yet. */
export function oldStateDb(file: string, version: number): DatabaseSync {
  const db = new DatabaseSync(file);
  db.exec(FIRST);
  migrate(db, 1, version);
  return db;
}
