import assert from "node:assert/strict";
import { StateDb } from "../lib/state_db.ts";
import {
  file,
  MemoryOffice,
  type Office,
  type Tree,
} from "./support/support.ts";

const FOLDERS = 5;
const FILES = 8;

/** Folders full of files that were saved long ago. */
function longAgo(): Tree {
  const files = Object.fromEntries(
    Array.from({ length: FILES }, (_, n) => [
      `f${n}`,
      file(`file ${n}`, { mtime: "2024-01-15T08:30:00Z" }),
    ]),
  );
  return Object.fromEntries(
    Array.from({ length: FOLDERS }, (_, n) => [`d${n}`, files]),
  );
}

/** Counts the rows that queries give, table by table. */
class CountedRows implements Disposable {
  readonly rows: Record<string, number> = {};
  readonly #query = StateDb.prototype.query;

  constructor() {
    const { rows } = this;
    const query = this.#query;
    StateDb.prototype.query = function (sql, ...values) {
      const found = query.call(this, sql, ...values);
      const table = /\bFROM\s+(\w+)/i.exec(sql)?.[1] ?? "?";
      rows[table] = (rows[table] ?? 0) + found.length;
      return found;
    };
  }

  [Symbol.dispose](): void {
    StateDb.prototype.query = this.#query;
  }
}

/** An office in which all is recorded, and nothing is young any more. */
async function settled(): Promise<Office> {
  const office = new MemoryOffice();
  office.write({ left: longAgo() });
  for (let run = 0; run < 3; run++) await office.settle();
  return office;
}

Deno.test("a run in which nothing changed reads no row of a file, and each folder's once", async () => {
  using office = await settled();
  using counted = new CountedRows();
  await office.settle();
  assert.equal(counted.rows["files"] ?? 0, 0);
  // The root has a row too.
  assert.equal(counted.rows["directories"], FOLDERS + 1);
});

Deno.test("a run in which a file changed reads the rows of its folder once, and no other's", async () => {
  using office = await settled();
  const changed = file("changed, and longer", {
    mtime: "2024-02-20T10:00:00Z",
  });
  office.write({ left: { d1: { f1: changed } } });
  using counted = new CountedRows();
  await office.settle();
  // To compare; the digest is made of what changed.
  assert.equal(counted.rows["files"], FILES);
});
