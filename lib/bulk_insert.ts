/**
 * Inserts many rows at a time: one by one takes twice as long.
 *
 * @module
 */
import type { SqlValue, StateDb } from "./state_db.ts";

/** Rows in one statement: more make it no faster. */
const AT_ONCE = 24;

/** Rows of one table that are held back until there are many. */
export class BulkInsert {
  readonly #db: StateDb;
  readonly #into: string;
  #rows: (readonly SqlValue[])[] = [];
  readonly #keys = new Set<SqlValue>();

  /**
   * @param db The state DB.
   * @param into The statement up to its values, such as `INSERT INTO t`.
   */
  constructor(db: StateDb, into: string) {
    this.#db = db;
    this.#into = into;
  }

  /**
   * Holds one more row back.
   *
   * @param row Its values, as many as every other row has.
   */
  add(row: readonly SqlValue[]): void {
    this.#rows.push(row);
    this.#keys.add(row[0]!);
    if (this.#rows.length === AT_ONCE) this.#insert(this.#drop());
  }

  /**
   * Whether a row is held back that begins with a value.
   *
   * @param key The value.
   */
  holds(key: SqlValue): boolean {
    return this.#keys.has(key);
  }

  /** Writes what is held back; to be called before the transaction ends. */
  write(): void {
    for (const row of this.#drop()) this.#insert([row]);
  }

  /** Forgets what is held back: its transaction did not come about. */
  drop(): void {
    this.#drop();
  }

  #drop(): (readonly SqlValue[])[] {
    const rows = this.#rows;
    this.#rows = [];
    this.#keys.clear();
    return rows;
  }

  #insert(rows: readonly (readonly SqlValue[])[]): void {
    const marks = `(${rows[0]!.map(() => "?").join(", ")})`;
    const all = Array(rows.length).fill(marks).join(", ");
    this.#db.run(`${this.#into} VALUES ${all}`, ...rows.flat());
  }
}
