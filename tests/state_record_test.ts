import fc from "fast-check";
import assert from "node:assert/strict";
import type { RecordChange } from "../lib/plan_types.ts";
import { scan } from "../lib/scanner.ts";
import { StateDb } from "../lib/state_db.ts";
import { digestsOf, RecordStore } from "../lib/state_record.ts";
import { entriesOf, ListingBuilder } from "../lib/wire_listing.ts";
import { addTo } from "./support/listed.ts";
import { agree, HALF, row, Shelf } from "./support/record_shelf.ts";
import { file, MemoryOffice } from "./support/support.ts";

Deno.test("a row is read as it was written", () => {
  const rows = [
    row("a"),
    row("fresh", {
      left: { ...HALF, isFresh: true },
      hash: "abc",
      right: { ...HALF, sizeBytes: 0, mode: 0o600, id: null },
    }),
    row("d/ä 😀", {
      left: { ...HALF, id: { ino: 2 ** 63, birthMs: -5 }, mtimeMs: -1 },
      right: { ...HALF, sizeBytes: 2 ** 41, mtimeMs: 253_402_300_799_999 },
    }),
  ];
  using shelf = new Shelf().with(...rows);
  for (const each of rows) {
    assert.deepEqual(shelf.record.fileAt(each.path), each);
  }
  assert.deepEqual(shelf.record.filesIn("d"), rows.slice(2));
  assert.equal(shelf.record.fileAt("b"), null);
  assert.deepEqual(shelf.record.filesIn("b"), []);
});

Deno.test("every millisecond comes back as it was", () => {
  using shelf = new Shelf();
  const times = Array.from({ length: 3000 }, (_, n) => 1_577_836_922_000 + n);
  shelf.with(
    ...times.map((mtimeMs) =>
      row(`f${mtimeMs}`, { left: { ...HALF, mtimeMs } })
    ),
  );
  const read = shelf.record.filesIn("").map(({ left }) => left.mtimeMs);
  assert.deepEqual(read.sort(), times);
});

Deno.test("a row that is put again replaces the one before", () => {
  using shelf = new Shelf().with(row("a"), row("a", { hash: "new" }));
  assert.deepEqual(shelf.paths(), ["a"]);
  assert.equal(shelf.record.fileAt("a")?.hash, "new");
});

Deno.test("a row that moves leaves nothing where it was", () => {
  using shelf = new Shelf().with(row("d/a"), row("b"));
  shelf.record.apply([
    { kind: "put", row: row("e/f/a"), rowPath: "d/a" },
    { kind: "put", row: row("b"), rowPath: "b" },
  ]);
  assert.deepEqual(shelf.paths(), ["b", "e/f/a"]);
});

Deno.test("a forgotten row is gone, and forgetting it again is no harm", () => {
  using shelf = new Shelf().with(row("a"), row("ab"));
  const forget = { kind: "forget", path: "a" } as const;
  shelf.record.apply([forget, forget]);
  assert.deepEqual(shelf.paths(), ["ab"]);
});

Deno.test("a folder that is not agreed on is kept only while it holds rows", () => {
  using shelf = new Shelf().with(row("d/e/a"), "x/y");
  assert.deepEqual(shelf.folders(), ["(d)", "(d/e)", "(x)", "x/y"]);
  shelf.record.sealFolders();
  assert.deepEqual(shelf.folders(), ["(d)", "(d/e)", "(x)", "x/y"]);
  shelf.record.apply([
    { kind: "forget", path: "d/e/a" },
    { kind: "forget-directory", path: "x/y" },
  ]);
  shelf.record.sealFolders();
  assert.deepEqual(shelf.folders(), []);
  assert.equal(shelf.record.directories().has(""), true);
});

Deno.test("a folder is agreed on, with its mount points, and no more", () => {
  using shelf = new Shelf();
  const isMount = { left: true, right: false };
  const id = { left: { ino: 7, birthMs: 70 }, right: null };
  shelf.record.apply([{ kind: "put-directory", path: "d", isMount, id }]);
  const known = shelf.record.directories().get("d");
  assert.deepEqual([known?.isAgreed, known?.isMount], [true, isMount]);
  assert.deepEqual(known?.id, id);
  shelf.record.apply([{ kind: "forget-directory", path: "d" }]);
  assert.equal(shelf.record.directories().get("d")?.isAgreed, false);
});

Deno.test("with a folder all below it moves, and nothing that only begins alike", () => {
  const stays = ["dd/a", "d a", "D", "x/d/a", "d_/a", "d%/a", "d-/a"];
  using shelf = new Shelf().with(
    ...["d/a", "d/e/b", "d/d/d", ...stays].map((path) => row(path)),
    ...["d", "d/e", "d/empty"],
  );
  const move = { kind: "move-directory", from: "d", to: "ü😀" } as const;
  shelf.record.apply([move]);
  const moved = ["ü😀/a", "ü😀/e/b", "ü😀/d/d"];
  assert.deepEqual(shelf.paths(), [...moved, ...stays].sort());
  const agreed = shelf.folders().filter((it) => !it.startsWith("("));
  assert.deepEqual(agreed, ["ü😀", "ü😀/e", "ü😀/empty"]);
  shelf.record.apply([{ ...move, from: "ü😀", to: "d" }]);
  shelf.with(row("d/e/new"));
  assert.ok(shelf.paths().includes("d/e/new"));
});

Deno.test("names that mean something to a search are names like any other", () => {
  using shelf = new Shelf().with(row("a_b/x"), row("aXb/x"), row("%/x"));
  shelf.record.apply([
    { kind: "move-directory", from: "a_b", to: "c" },
    { kind: "move-directory", from: "%", to: "p" },
    { kind: "forget", path: "%" },
  ]);
  assert.deepEqual(shelf.paths(), ["aXb/x", "c/x", "p/x"]);
});

Deno.test("changes come all or not at all, and the next ones are not misled", () => {
  using shelf = new Shelf().with(row("a"));
  const broken = row("b", { left: { ...HALF, mtimeMs: NaN } });
  const changes = [
    { kind: "put", row: row("new/folder/x"), rowPath: "a" },
    { kind: "put", row: broken, rowPath: null },
  ] as const;
  assert.throws(() => shelf.record.apply(changes), /NOT NULL/);
  assert.deepEqual([shelf.paths(), shelf.folders()], [["a"], []]);
  shelf.with(row("new/folder/x"));
  assert.deepEqual(shelf.paths(), ["a", "new/folder/x"]);
});

Deno.test("ids that several files of a side share are told, of one side only", () => {
  const right = { ...HALF, id: null };
  const other = { ...HALF, id: { ino: 12, birthMs: 7 } };
  using shelf = new Shelf().with(
    row("a", { right }),
    row("b", { right }),
    row("c", { left: other, right }),
  );
  assert.deepEqual(shelf.record.sharedIds("left"), [HALF.id]);
  assert.deepEqual(shelf.record.sharedIds("right"), []);
  shelf.record.dropIds("left");
  assert.deepEqual(shelf.record.sharedIds("left"), []);
  assert.equal(shelf.record.fileAt("c")?.left.id, null);
});

Deno.test("a rename in two steps is known from its first step to its end", () => {
  using shelf = new Shelf();
  const move = { side: "right", from: "a", middle: "m", to: "A" } as const;
  shelf.record.noteMove(move);
  assert.deepEqual(shelf.record.moves(), [move]);
  shelf.record.forgetMove(move);
  assert.deepEqual(shelf.record.moves(), []);
});

Deno.test("of a forgotten record only the root is left, and it can be filled anew", () => {
  using shelf = new Shelf().with(row("d/e/a"), "d", "d/e", "x");
  shelf.record.sealFolders();
  shelf.record.forgetRecord();
  assert.deepEqual([shelf.paths(), shelf.folders()], [[], []]);
  assert.deepEqual(shelf.sealed(), []);
  shelf.with(row("d/e/b"), "d");
  assert.deepEqual(shelf.paths(), ["d/e/b"]);
});

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

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

/** Half of a row, one of a few. */
const half = fc.record({
  sizeBytes: fc.integer({ min: 0, max: 3 }),
  mtimeMs: fc.constantFrom(0, -1, 1_577_836_922_202),
  mode: fc.constantFrom(0o600, 0o644),
  id: fc.constantFrom(null, HALF.id, { ino: 2 ** 60, birthMs: 5 }),
  isFresh: fc.constant(false),
}, { noNullPrototype: true });

const NAMES = ["a", "b", "ä 😀", "x"];
const place = fc.tuple(
  fc.constantFrom("", "d/", "d/e/", "f/"),
  fc.constantFrom(...NAMES),
).map(([folder, name]) => folder + name);

/** What a run may tell the record. */
const change: fc.Arbitrary<RecordChange> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.record({
        path: place,
        left: half,
        right: half,
        hash: fc.constantFrom(null, null, null, "abc"),
      }, { noNullPrototype: true }),
      fc.option(place),
    ).map(([row, rowPath]): RecordChange => ({ kind: "put", row, rowPath })),
  },
  place.map((path): RecordChange => ({ kind: "forget", path })),
  fc.constantFrom(
    agree("d/new"),
    { kind: "forget-directory", path: "d/e" } as const,
    { kind: "move-directory", from: "d/e", to: "d/E" } as const,
  ),
);

/** Every folder's digests on both sides. */
function digestsIn(shelf: Shelf): unknown {
  const directories = shelf.record.directories();
  return [digestsOf(directories, "left"), digestsOf(directories, "right")];
}

/** A folder can't move to a name that is taken: then nothing has come about. */
function applyOrNot(shelf: Shelf, batch: readonly RecordChange[]): void {
  try {
    shelf.record.apply(batch);
  } catch (error) {
    assert.match(String(error), /UNIQUE constraint failed: /);
  }
}

Deno.test("digests that are kept right with their rows are those made from all of them", () => {
  let kept = 0;
  const runs = fc.array(
    fc.array(fc.array(change, { maxLength: 40 }), { maxLength: 3 }),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(runs, (runs) => {
      using shelf = new Shelf().with("d", "d/e", "f");
      shelf.with(...NAMES.map((name) => row(`d/${name}`)), row("f/a"));
      shelf.record.sealFolders();
      for (const batches of runs) {
        for (const batch of batches) applyOrNot(shelf, batch);
        shelf.record.sealFolders();
        const found = digestsIn(shelf);
        shelf.record.dropDigests();
        shelf.record.sealFolders();
        assert.deepEqual(found, digestsIn(shelf));
        kept++;
      }
    }),
    { numRuns: 15 },
  );
  assert.ok(kept > 15, `${kept} runs`);
});

Deno.test("a row that is written twice at once counts as it was written last", () => {
  using shelf = new Shelf().with("d", row("d/a"));
  shelf.record.sealFolders();
  const written = [6, 7].map((sizeBytes) =>
    row("d/new", { left: { ...HALF, sizeBytes } })
  );
  shelf.with(...written);
  shelf.record.sealFolders();
  const found = digestsIn(shelf);
  shelf.record.dropDigests();
  shelf.record.sealFolders();
  assert.deepEqual(found, digestsIn(shelf));
});

Deno.test("a transaction that does not come about leaves no digest behind", () => {
  using shelf = new Shelf().with("d", row("d/a"), row("d/b"));
  shelf.record.sealFolders();
  const before = digestsIn(shelf);
  const put: RecordChange = {
    kind: "put",
    row: row("d/a", { left: { ...HALF, sizeBytes: 6 } }),
    rowPath: null,
  };
  const broken = { ...put, row: { ...put.row, left: null } } as never;
  assert.throws(() => shelf.record.apply([put, broken]));
  assert.deepEqual(digestsIn(shelf), before);
  shelf.record.apply([{ kind: "forget", path: "d/b" }]);
  shelf.record.sealFolders();
  const after = digestsIn(shelf);
  assert.notDeepEqual(after, before);
  shelf.record.dropDigests();
  shelf.record.sealFolders();
  assert.deepEqual(after, digestsIn(shelf));
});

Deno.test("digests are dropped all at once", () => {
  using shelf = new Shelf().with("d", row("a"));
  shelf.record.sealFolders();
  shelf.record.dropDigests();
  assert.deepEqual(shelf.sealed(), []);
});

Deno.test("the record's digests are those of a scan of the same content, on both sides", async () => {
  using office = new MemoryOffice();
  const old = (content: string) => file(content, { mtime: 1_577_836_922_202 });
  office.write({
    left: { a: old("1"), "ä 😀": old(""), d: { b: old("2"), e: {} }, l: {} },
    right: { c: file("3", { mtime: -86_400_001, mode: 0o600 }), r: {} },
  });
  await office.agree();
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
          for (const entry of entriesOf(listing).reverse()) {
            addTo(builder, entry);
          }
          found.set(listing.folder, builder.digest());
        },
      },
    );
    assert.deepEqual(digestsOf(directories, side), found);
    assert.deepEqual([...found.keys()].sort(), ["", "d", "d/e", "l", "r"]);
  }
});
