import assert from "node:assert/strict";
import { entriesOf, ListingBuilder } from "../lib/listing.ts";
import type { RecordChange } from "../lib/plan.ts";
import { digestsOf } from "../lib/record_digests.ts";
import { RecordStore } from "../lib/record_store.ts";
import { scan } from "../lib/scanner.ts";
import { StateDb } from "../lib/state_db.ts";
import { agree, HALF, row, Shelf } from "./record_shelf.ts";
import { file, Office } from "./support.ts";

Deno.test("a digest is there for every folder, but not where a row keeps a hash", () => {
  const isFresh = { left: { ...HALF, isFresh: true }, hash: "abc" };
  using shelf = new Shelf().with(
    "d",
    "d/e",
    "f",
    row("d/a"),
    row("f/b", isFresh),
  );
  assert.deepEqual(shelf.sealed(), []);
  shelf.record.sealFolders();
  assert.deepEqual(shelf.sealed(), ["", "d", "d/e"]);
  shelf.with(row("f/b"));
  shelf.record.sealFolders();
  assert.deepEqual(shelf.sealed(), ["", "d", "d/e", "f"]);
});

const DROPS: Record<string, [RecordChange, readonly string[]]> = {
  "a new row": [{ kind: "put", row: row("d/b"), rowPath: null }, ["d"]],
  "a row that moves": [
    { kind: "put", row: row("e/a"), rowPath: "d/a" },
    ["d", "e"],
  ],
  "a forgotten row": [{ kind: "forget", path: "d/a" }, ["d"]],
  "a new folder": [agree("d/new"), ["d", "d/new"]],
  "a forgotten folder": [{ kind: "forget-directory", path: "d/f" }, ["d"]],
  "a renamed folder": [
    { kind: "move-directory", from: "d/f", to: "d/F" },
    ["d"],
  ],
};

for (const [what, [change, dropped]] of Object.entries(DROPS)) {
  Deno.test(`${what} drops the digest of its folder, and no other`, () => {
    using shelf = new Shelf().with("d", "d/f", "e", row("d/a"), row("d/f/c"));
    shelf.record.sealFolders();
    shelf.record.apply([change]);
    const all = shelf.record.directories().keys();
    const open = [...all].filter((it) => !shelf.sealed().includes(it));
    assert.deepEqual(open.sort(), dropped);
  });
}

Deno.test("digests are dropped all at once", () => {
  using shelf = new Shelf().with("d", row("a"));
  shelf.record.sealFolders();
  shelf.record.dropDigests();
  assert.deepEqual(shelf.sealed(), []);
});

Deno.test("the record's digests are those of a scan of the same content, on both sides", async () => {
  using office = new Office();
  const old = (content: string) => file(content, { mtime: 1_577_836_922_202 });
  office.write({
    left: { a: old("1"), "ä 😀": old(""), d: { b: old("2"), e: {} }, l: {} },
    right: { c: file("3", { mtime: -86_400_001, mode: 0o600 }), r: {} },
  });
  await office.settle();
  using db = new StateDb(office.stateDb, { isReadOnly: true });
  const directories = new RecordStore(db).directories();
  for (const side of ["left", "right"] as const) {
    const found = new Map<string, string>();
    await scan(
      {
        side,
        root: office[side],
        tickMs: 1,
        startedAtMs: 0,
        digests: new Map(),
      },
      () => false,
      {
        handOn: (listing) => {
          const builder = new ListingBuilder();
          for (const entry of entriesOf(listing).reverse()) builder.add(entry);
          found.set(listing.folder, builder.digest());
        },
      },
    );
    assert.deepEqual(digestsOf(directories, side), found);
    assert.deepEqual([...found.keys()].sort(), ["", "d", "d/e", "l", "r"]);
  }
});
