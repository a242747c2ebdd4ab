import assert from "node:assert/strict";
import { HALF, row, Shelf } from "./support/record_shelf.ts";

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
