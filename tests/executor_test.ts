import assert from "node:assert/strict";
import { file } from "./support/support.ts";
import { after, intercept } from "./support/two_roots.ts";
import { Bench } from "./support/work_bench.ts";

const changed = "skipped: changed during the run";

Deno.test("a new file is copied with time and mode, and recorded with the metadata of both sides", async () => {
  using at = new Bench().write({
    left: { d: { a: file("one", { mtime: 1_577_836_922_202, mode: 0o640 }) } },
    right: { d: {} },
  });
  assert.deepEqual(await at.do(at.copy("d/a")), ["done"]);
  assert.deepEqual(at.trees().right, { d: { a: "one" } });
  const [left, right] = [at.seen("left", "d/a"), at.seen("right", "d/a")];
  assert.deepEqual({ ...right, id: null }, { ...left, id: null });
  assert.deepEqual(at.rows(), {
    "d/a": {
      path: "d/a",
      left: { ...left, isFresh: false },
      right: { ...right, isFresh: false },
      hash: null,
    },
  });
});

Deno.test("the record is told only what is flushed and in place", async () => {
  using at = new Bench().write({
    left: { a: "new", b: "new too" },
    right: { b: "old" },
  });
  const calls: string[] = [];
  const name = (path: string) => path.replace(/.*\/(left|right)\//, "$1/");
  const trace = (call: string, path: string) => {
    const isTemporary = path.includes("-tmp-");
    calls.push(`${call} ${isTemporary ? "temporary" : name(path)}`);
  };
  using _open = intercept("openSync", (real, path, ...rest) => {
    const opened: Deno.FsFile = real(path, ...rest);
    const flush = opened.syncSync.bind(opened);
    opened.syncSync = () => {
      trace("flush", path!);
      flush();
    };
    return opened;
  });
  using _link = intercept("linkSync", (real, from, to) => {
    real(from, to);
    if (!to!.includes("-tmp-")) trace("in place", to!);
  });
  at.onApply = (changes) => {
    calls.push(`record ${changes.length}`);
    assert.deepEqual(at.trees().right, at.trees().left);
    assert.ok(!at.names("right").some((it) => it.includes("-tmp-")));
  };
  assert.deepEqual(await at.do(at.copy("a"), at.copy("b")), ["done", "done"]);
  const places = calls.filter((it) => /^(in place|record)/.test(it));
  assert.deepEqual(places.slice(0, 3), [
    "in place right/a",
    "in place right/b",
    "record 2",
  ]);
  const folder = calls.findIndex((it) => /^flush .*\/right$/.test(it));
  assert.ok(folder > calls.indexOf("in place right/b"), calls.join(", "));
  assert.ok(folder < calls.indexOf("record 2"), calls.join(", "));
});

Deno.test("a copy is private until it is complete", async () => {
  using at = new Bench().write({ left: { a: file("one", { mode: 0o666 }) } });
  let modes: number[] = [];
  using _rights = intercept("chmodSync", (real, path, mode) => {
    modes.push(Deno.lstatSync(path!).mode! & 0o777);
    modes.push(Deno.readTextFileSync(path!).length);
    real(path, mode);
  });
  assert.deepEqual(await at.do(at.copy("a")), ["done"]);
  modes = modes.slice(0, 2);
  assert.deepEqual(modes, [0o600, 3]);
  assert.equal(at.seen("right", "a").mode, 0o666);
});

Deno.test("a replaced file keeps its mode, unless the source's changed", async () => {
  for (const [mode, expected] of [[null, 0o600], [0o644, 0o644]] as const) {
    using at = new Bench().write({
      left: { a: file("new", { mode: 0o644 }) },
      right: { a: file("older", { mode: 0o600 }) },
    });
    assert.deepEqual(await at.do(at.copy("a", { mode })), ["done"]);
    assert.equal(at.seen("right", "a").mode, expected);
    assert.equal(at.rows()["a"]?.right.mode, expected);
  }
});

Deno.test("the right to run as somebody else is not carried over", async () => {
  using at = new Bench().write({ left: { a: "1" } });
  Deno.chmodSync(at.left.absolute("a"), 0o6755);
  assert.deepEqual(await at.do(at.copy("a")), ["done"]);
  assert.equal(Deno.lstatSync(at.right.absolute("a")).mode! & 0o7777, 0o755);
});

Deno.test("a long file is copied whole", async () => {
  const content = Uint8Array.from({ length: 2_500_000 }, (_, n) => n % 251);
  using at = new Bench().write({ left: { a: file(content) } });
  assert.deepEqual(await at.do(at.copy("a")), ["done"]);
  assert.deepEqual(Deno.readFileSync(at.right.absolute("a")), content);
});

const EDITS: Record<string, (path: string) => void> = {
  "written to": (path) => Deno.writeTextFileSync(path, "edited"),
  "touched": (path) => Deno.utimeSync(path, 9, 9),
  "removed": (path) => Deno.removeSync(path),
  "replaced by a link": (path) => {
    Deno.renameSync(path, `${path}~`);
    Deno.symlinkSync(`${path}~`, path);
  },
  "replaced by a folder": (path) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
  },
};

for (const [what, edit] of Object.entries(EDITS)) {
  for (const side of ["left", "right"] as const) {
    Deno.test(`a copy is skipped if its file on ${side} was ${what} since the scan`, async () => {
      using at = new Bench().write({ left: { a: "new" }, right: { a: "old" } });
      const work = at.copy("a");
      edit(at[side].absolute("a"));
      const before = at.trees();
      assert.deepEqual(await at.do(work), [changed]);
      assert.deepEqual([at.trees(), at.changes], [before, []]);
      assert.deepEqual(at.names("right").filter((it) => /tmp/.test(it)), []);
    });
  }

  Deno.test(`a removal is skipped if its file was ${what} since the scan`, async () => {
    for (const fate of ["soft-delete", "destroy"] as const) {
      using at = new Bench().write({ right: { a: "old" } });
      const work = at.remove("a", { fate });
      edit(at.right.absolute("a"));
      const before = at.trees();
      assert.deepEqual(await at.do(work), [changed]);
      assert.deepEqual([at.trees(), at.changes], [before, []]);
    }
  });

  Deno.test(`a rename is skipped if its file was ${what} since the scan, on either side`, async () => {
    for (const side of ["left", "right"] as const) {
      using at = new Bench().write({ left: { b: "1" }, right: { a: "1" } });
      const work = at.rename("a", "b", { mtimeMs: 5e11, mode: 0o600 });
      edit(at[side].absolute(side === "left" ? "b" : "a"));
      const before = at.trees();
      assert.deepEqual(await at.do(work), [changed]);
      assert.deepEqual([at.trees(), at.changes], [before, []]);
    }
  });
}

Deno.test("a new name that was taken since the scan is not taken over", async () => {
  using at = new Bench().write({ left: { a: "new" } });
  const work = at.copy("a");
  at.write({ right: { a: "somebody's" } });
  assert.deepEqual(await at.do(work), [changed]);
  assert.deepEqual(at.trees(), {
    left: { a: "new" },
    right: { a: "somebody's" },
  });
  assert.deepEqual(at.names("right"), [".office-sync", "a"]);
});

Deno.test("a file that came back on the other side is not removed", async () => {
  using at = new Bench().write({ right: { a: "old" } });
  const work = at.remove("a");
  at.write({ left: { a: "back" } });
  assert.deepEqual(await at.do(work), [changed]);
  assert.deepEqual(at.trees().right, { a: "old" });
});

Deno.test("a source that changes while it is read is dropped", async () => {
  using at = new Bench().write({
    left: { d: { a: "0123456789" } },
    right: { d: {} },
  });
  const work = at.copy("d/a");
  using _program = after("openSync", () => {
    Deno.writeTextFileSync(at.left.absolute("d/a"), "0123456789 and more");
  });
  assert.deepEqual(await at.do(work), [changed]);
  assert.deepEqual([at.trees().right, at.changes], [{ d: {} }, []]);
  assert.deepEqual(at.names("right"), [".office-sync", "d"]);
});

Deno.test("nothing is written or read through a folder swapped for a link", async () => {
  for (const side of ["left", "right"] as const) {
    using at = new Bench().write({
      left: { d: { a: "new", n: "1" } },
      right: { d: { a: "old", r: "2" } },
    });
    const works = [at.copy("d/a"), at.copy("d/n"), at.remove("d/r")];
    Deno.renameSync(at[side].absolute("d"), `${at.outside}/d`);
    Deno.symlinkSync(`${at.outside}/d`, at[side].absolute("d"));
    const before = JSON.stringify(at.trees());
    const expected = side === "left"
      ? [changed, changed, "done"]
      : [changed, changed, changed];
    assert.deepEqual(await at.do(...works), expected);
    if (side === "right") assert.equal(JSON.stringify(at.trees()), before);
    const content = Deno.readTextFileSync(`${at.outside}/d/a`);
    assert.equal(content, side === "left" ? "new" : "old");
    assert.deepEqual([...Deno.readDirSync(`${at.outside}/d`)].length, 2);
  }
});
