/**
 * The state DB: what both sides last agreed on, and what past runs did.
 *
 * @module
 */
import {
  DatabaseSync,
  type StatementSync as PlainStatement,
} from "node:sqlite";
import { EXIT, GuardError, LockedError, SyncError } from "./errors.ts";
import { MIGRATIONS } from "./state_schema.ts";

/** As Deno has it; the published types lag behind. */
type StatementSync = PlainStatement & { setReturnArrays(on: boolean): void };

/** Milliseconds to wait for another process that writes just now. */
const BUSY_TIMEOUT_MS = 5000;

/** The lock of a run, as long as the run has it. */
export interface Lock extends Disposable {
  /** What a run noted last; "" where none did. */
  note(): string;
  /**
   * Keeps a few words for the next run, also where there is no DB to keep
   * them in.
   */
  setNote(text: string): void;
}

/**
 * Takes the lock that keeps a second run away. The system frees it when this
 * process ends, however it ends.
 *
 * @param stateDb Path of the state DB; the lock is a file beside it.
 * @returns Disposable; disposing frees the lock.
 * @throws {LockedError} Another run holds it.
 */
export function takeLock(stateDb: string): Lock {
  const file = Deno.openSync(`${stateDb}.lock`, {
    read: true,
    write: true,
    create: true,
  });
  let isTaken = false;
  try {
    isTaken = file.tryLockSync(true);
  } finally {
    if (!isTaken) file.close();
  }
  if (!isTaken) throw new LockedError(stateDb);
  // Through this very handle: Windows lets no other one read what is locked.
  return {
    note() {
      const bytes = new Uint8Array(file.statSync().size);
      file.seekSync(0, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        const read = file.readSync(bytes.subarray(at));
        if (read === null) break;
        at += read;
      }
      return new TextDecoder().decode(bytes);
    },
    setNote(text) {
      const bytes = new TextEncoder().encode(text);
      file.truncateSync(0);
      file.seekSync(0, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        at += file.writeSync(bytes.subarray(at));
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

/** The state DB, open. */
export class StateDb implements Disposable {
  /** Where it is. */
  readonly file: string;
  readonly #db: DatabaseSync;
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
    let db: DatabaseSync | null = null;
    try {
      const isMissing = options.isReadOnly && !exists(file);
      db = new DatabaseSync(isMissing ? ":memory:" : file, {
        readOnly: options.isReadOnly && !isMissing,
        timeout: BUSY_TIMEOUT_MS,
      });
      this.#db = db;
      this.#prepare(options.isReadOnly && !isMissing);
    } catch (error) {
      // On Windows nobody could move it out of the way as long as it is open.
      db?.close();
      const known = asGuard(error, file);
      throw known === error ? asUnwritable(error, file) : known;
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
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw asUnwritable(error, this.file);
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

  /**
   * Runs a statement that gives no rows.
   *
   * @param sql The statement; prepared once and kept.
   * @param values For its parameters.
   */
  run(sql: string, ...values: readonly SqlValue[]): Changes {
    try {
      return this.#statement(sql).run(...values);
    } catch (error) {
      throw asUnwritable(error, this.file);
    }
  }

  /** Runs a script of several statements. */
  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** All rows of a query, as lists of column values; none in an empty DB. */
  query(sql: string, ...values: readonly SqlValue[]): SqlValue[][] {
    if (!this.#hasTables()) return [];
    return this.#statement(sql).all(...values) as unknown as SqlValue[][];
  }

  /** The first row of a query, or null. */
  first(sql: string, ...values: readonly SqlValue[]): SqlValue[] | null {
    return this.#hasTables() ? this.#get(sql, ...values) ?? null : null;
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

  #get(sql: string, ...values: readonly SqlValue[]): SqlValue[] | undefined {
    return this.#statement(sql).get(...values) as unknown as
      | SqlValue[]
      | undefined;
  }

  #value(sql: string): SqlValue {
    return this.#get(sql)?.[0] ?? null;
  }
}

/** What a statement changed. */
export interface Changes {
  readonly changes: number | bigint;
  readonly lastInsertRowid: number | bigint;
}

/** What SQLite's columns hold here. */
export type SqlValue = string | number | null;

function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A disk that takes no more is for a person to clear, and loses nothing. */
function asUnwritable(error: unknown, file: string): unknown {
  const isFull = error instanceof Error && !(error instanceof SyncError) &&
    /disk is full|disk I\/O error|readonly database/i.test(error.message);
  if (!isFull) return error;
  return new SyncError(
    `The state DB ${file} can't be written (${error.message}).`,
    EXIT.unexpected,
    {
      cause: error,
      hint: "Free space on its disk, or let it be written, and run again: " +
        "what was synced already is recognised.",
    },
  );
}

/** What SQLite says where a cut-off write has to be undone first. */
const CUT_OFF = /attempt to write a readonly database/i;

const DAMAGED = /malformed|not a database|corrupt|disk image/i;

/**
 * Damage is for a guard to tell; every other error stays what it is.
 *
 * @param error What was thrown.
 * @param file The state DB.
 * @returns A {@linkcode GuardError} for damage, else the error itself.
 */
export function asGuard(error: unknown, file: string): unknown {
  if (!(error instanceof Error)) return error;
  if (CUT_OFF.test(error.message)) {
    return new GuardError(
      "state",
      `The last run was cut off while it wrote the state DB ${file}, and a ` +
        "plan changes nothing, not even to undo that.",
      "Run once (sync), or wait for the next scheduled run.",
      { cause: error },
    );
  }
  if (!DAMAGED.test(error.message)) return error;
  return new GuardError(
    "state",
    `The state DB ${file} is damaged (${error.message}). Nothing was changed.`,
    "Move the file away and run again: the run is then a first meeting, in " +
      "which files deleted since the last run come back and nothing is deleted.",
    { cause: error },
  );
}
