import assert from "node:assert/strict";
import {
  destroy,
  flushFolder,
  linkTo,
  moveToFree,
  renameFile,
  replace,
  requireReplaceable,
  respell,
  setProperties,
} from "../lib/file_ops.ts";
import { moveAcross } from "../lib/files_copy.ts";
import type { Root } from "../lib/root_files.ts";
import { Skipped } from "../lib/system.ts";
import { file, type Tree } from "./support/support.ts";
import {
  after,
  intercept,
  systemError,
  TwoRoots,
} from "./support/two_roots.ts";

const TMP = ".office-sync-tmp-pair-run-1";
const ASIDE = ".office-sync-tmp-pair-run-2";

/** A Left with a tree, one of a file system without links if so wished. */
function rooms(left: Tree, hasLinks = true): TwoRoots {
  const rooms = new TwoRoots().write({ left });
  rooms.left.hasLinks = hasLinks;
  for (const name of [TMP, ASIDE]) rooms.left.admit(name);
  return rooms;
}

/** All contents of a tree, wherever they are. */
function contents(tree: Tree): string[] {
  return Object.values(tree).flatMap((it) =>
    typeof it === "string" ? [it] : contents(it as Tree)
  ).sort();
}

for (const hasLinks of [true, false]) {
  const where = hasLinks ? "" : " where there are no links";

  Deno.test(`a new name is given${where}, and the temporary one goes`, () => {
    using at = rooms({ [TMP]: "new", d: {} }, hasLinks);
    moveToFree(at.left, TMP, "d/a");
    assert.deepEqual(at.trees().left, { d: { a: "new" } });
  });

  const taken: Record<string, (path: string) => void> = {
    "a file": (path) => Deno.writeTextFileSync(path, "old"),
    "a folder": (path) => Deno.mkdirSync(path),
    "a link that leads nowhere": (path) => Deno.symlinkSync("nowhere", path),
  };
  for (const [what, make] of Object.entries(taken)) {
    Deno.test(`a new name is not taken from ${what}${where}`, () => {
      using at = rooms({ [TMP]: "new" }, hasLinks);
      make(at.left.absolute("a"));
      const before = at.trees();
      assert.throws(() => moveToFree(at.left, TMP, "a"), Skipped);
      assert.deepEqual(at.trees(), before);
    });
  }

  Deno.test(`a replaced file is never missing or half${where}, and the old one is kept aside`, () => {
    using at = rooms({ a: "old", [TMP]: "newer" }, hasLinks);
    const seen = at.seen("left", "a");
    assert.equal(replace(at.left, TMP, "a", seen, ASIDE), false);
    assert.deepEqual(at.trees().left, { [ASIDE]: "old", a: "newer" });
  });

  for (
    const [what, change] of [
      [
        "another size",
        (path: string) => Deno.writeTextFileSync(path, "longer"),
      ],
      ["another time", (path: string) => Deno.utimeSync(path, 1, 1)],
      ["another file", (path: string) => {
        const { mtime } = Deno.lstatSync(path);
        Deno.writeTextFileSync(`${path}~`, "OLD");
        Deno.utimeSync(`${path}~`, mtime!, mtime!);
        Deno.renameSync(`${path}~`, path);
      }],
      ["no file", (path: string) => Deno.removeSync(path)],
    ] as const
  ) {
    Deno.test(`what has ${what} than the scan saw is not replaced and not destroyed${where}`, () => {
      using at = rooms({ a: "old", [TMP]: "new" }, hasLinks);
      const seen = at.seen("left", "a");
      change(at.left.absolute("a"));
      const before = at.trees();
      const { left } = at;
      assert.throws(() => replace(left, TMP, "a", seen, ASIDE), Skipped);
      assert.throws(() => destroy(left, "a", seen, ASIDE), Skipped);
      assert.deepEqual(at.trees(), before);
    });
  }

  Deno.test(`a file written to while it is put aside is not replaced${where}`, () => {
    using at = rooms({ a: "old", [TMP]: "new" }, hasLinks);
    const seen = at.seen("left", "a");
    using _program = after("renameSync", (_, aside) => {
      Deno.writeTextFileSync(aside!, "edited");
    });
    assert.throws(() => replace(at.left, TMP, "a", seen, ASIDE), Skipped);
    assert.deepEqual(at.trees().left, { [TMP]: "new", a: "edited" });
  });

  Deno.test(`a file written to just after it was replaced is told${where}`, () => {
    using at = rooms({ a: "old", [TMP]: "new" }, hasLinks);
    const seen = at.seen("left", "a");
    using handle = Deno.openSync(at.left.absolute("a"), { append: true });
    const edit = () => void handle.writeSync(new TextEncoder().encode("er"));
    const call = hasLinks ? "linkSync" : "renameSync";
    using _program = intercept(call, (real, from, to) => {
      real(from, to);
      if (from!.endsWith(TMP)) edit();
    });
    assert.equal(replace(at.left, TMP, "a", seen, ASIDE), true);
    assert.deepEqual(at.trees().left, { [ASIDE]: "older", a: "new" });
  });

  Deno.test(`a file saved anew while the old one is put aside is kept${where}`, () => {
    using at = rooms({ a: "old", [TMP]: "new" }, hasLinks);
    const seen = at.seen("left", "a");
    using _program = after("renameSync", () => {
      Deno.writeTextFileSync(at.left.absolute("a~"), "saved anew");
      Deno.renameSync(at.left.absolute("a~"), at.left.absolute("a"));
    });
    assert.throws(() => replace(at.left, TMP, "a", seen, ASIDE), Skipped);
    assert.equal(at.trees().left["a"], "saved anew");
  });

  Deno.test(`a destroyed file is gone, and nothing is left of it${where}`, () => {
    using at = rooms({ a: "old", b: "other" }, hasLinks);
    destroy(at.left, "a", at.seen("left", "a"), ASIDE);
    assert.deepEqual(at.trees().left, { b: "other" });
  });

  Deno.test(`a file written to while it is destroyed is put back${where}`, () => {
    using at = rooms({ a: "old" }, hasLinks);
    const seen = at.seen("left", "a");
    using _program = after("renameSync", (_, aside) => {
      Deno.writeTextFileSync(aside!, "edited");
    });
    assert.throws(() => destroy(at.left, "a", seen, ASIDE), Skipped);
    assert.deepEqual(at.trees().left, { a: "edited" });
  });

  for (const act of ["destroyed", "replaced"] as const) {
    // Where there are links, a replaced file never leaves its name.
    if (act === "replaced" && hasLinks) continue;
    Deno.test(`an edited file that can't be put back is not left under a temporary name${where} (${act})`, () => {
      using at = rooms({ a: "old" }, hasLinks);
      const seen = at.seen("left", "a");
      Deno.writeTextFileSync(at.left.absolute(TMP), "new");
      using _program = after("renameSync", (path, aside) => {
        Deno.writeTextFileSync(aside!, "edited");
        Deno.writeTextFileSync(path!, "saved anew");
      });
      assert.throws(
        () =>
          act === "destroyed"
            ? destroy(at.left, "a", seen, ASIDE)
            : replace(at.left, TMP, "a", seen, ASIDE),
        Skipped,
      );
      // The next run removes temporary files: only second copies may be there.
      for (const name of at.names("left")) {
        if (name.includes("tmp-")) Deno.removeSync(at.left.absolute(name));
      }
      assert.deepEqual(contents(at.trees().left), ["edited", "saved anew"]);
    });
  }
}

Deno.test("a file system that has no links is not asked again", () => {
  using at = rooms({ a: "1" });
  let asked = 0;
  using _system = intercept("linkSync", () => {
    asked++;
    throw systemError("ENOTSUP");
  });
  assert.equal(linkTo(at.left, "a", "b"), false);
  assert.equal(linkTo(at.left, "a", "c"), false);
  assert.equal(asked, 1);
  moveToFree(at.left, "a", "b");
  assert.deepEqual(at.trees().left, { b: "1" });
});

Deno.test("trying whether a file can be replaced leaves no trace", () => {
  using at = rooms({ a: "old" });
  const seen = at.seen("left", "a");
  requireReplaceable(at.left, "a", ASIDE);
  assert.deepEqual(at.trees().left, { a: "old" });
  assert.deepEqual(at.seen("left", "a"), seen);
});

Deno.test("an error while replacing leaves the old file and no second name", () => {
  using at = rooms({ a: "old", [TMP]: "new" });
  const seen = at.seen("left", "a");
  {
    using _system = intercept("renameSync", () => {
      throw systemError("EBUSY");
    });
    const act = () => replace(at.left, TMP, "a", seen, ASIDE);
    assert.throws(act, { code: "EBUSY" });
  }
  assert.deepEqual(at.trees().left, { [TMP]: "new", a: "old" });
});

Deno.test("times are set to the millisecond, before 1970 and far ahead too", () => {
  using at = rooms({ a: "1" });
  for (const base of [-1e12, 0, 946_684_800_000, 1_577_836_922_000, 5e12]) {
    for (const ms of [0, 1, 202, 499, 777, 999]) {
      setProperties(at.left, "a", { mtimeMs: base + ms, mode: null });
      assert.equal(at.seen("left", "a").mtimeMs, base + ms);
    }
  }
});

Deno.test("a mode is set without the time, and a time without the mode", () => {
  using at = rooms({ a: file("1", { mode: 0o644, mtime: 1000 }) });
  setProperties(at.left, "a", { mtimeMs: null, mode: 0o600 });
  assert.equal(at.seen("left", "a").mode, 0o600);
  assert.equal(at.seen("left", "a").mtimeMs, 1000);
  setProperties(at.left, "a", { mtimeMs: 2000, mode: null });
  assert.equal(at.seen("left", "a").mode, 0o600);
});

Deno.test("what the system refuses to set is no failure, other errors are", () => {
  using at = rooms({ a: file("1", { mode: 0o644, mtime: 1000 }) });
  const set = () => setProperties(at.left, "a", { mtimeMs: 1, mode: null });
  for (const [code, isFailure] of [["EPERM", false], ["EIO", true]] as const) {
    using _system = intercept("utimeSync", () => {
      throw systemError(code);
    });
    if (isFailure) assert.throws(set, { code });
    else set();
  }
});

Deno.test("flushing a folder that is gone by now is no failure", () => {
  using at = rooms({ d: {} });
  flushFolder(at.left, "d");
  flushFolder(at.left, "gone");
  assert.throws(() => flushFolder(brokenRoot(at.left), "d"));
});

/** A root whose folders can't be opened. */
function brokenRoot(root: Root): Root {
  return Object.assign(Object.create(root), { absolute: () => "\0" });
}

Deno.test("another spelling is given in one step where that works", () => {
  using at = rooms({ plan: "1" });
  assert.equal(respell(at.left, "plan", "Plan", null), true);
  assert.deepEqual(at.trees().left, { Plan: "1" });
});

Deno.test("another spelling that takes two steps is not begun, and goes through the name it is given then", () => {
  using at = rooms({ plan: "1" });
  const seen: string[] = [];
  {
    using _system = intercept("renameSync", () => {});
    assert.equal(respell(at.left, "plan", "Plan", null), false);
    assert.deepEqual(at.trees().left, { plan: "1" });
  }
  using _system = intercept("renameSync", (real, from, to) => {
    real(from, to);
    seen.push(...at.names("left"));
  });
  assert.equal(respell(at.left, "plan", "Plan", "1"), true);
  assert.deepEqual(seen.filter((it) => it !== ".office-sync"), [
    ".office-sync-mv-1",
    "Plan",
  ]);
});

/** A move to another disk of the root. */
function across(at: TwoRoots): Promise<unknown> {
  return moveAcross(at.left, {
    from: "d/a",
    to: "b",
    seen: at.seen("left", "d/a"),
    temporary: at.left.admit(TMP),
    aside: at.left.admit(`d/${ASIDE}`),
  });
}

Deno.test("a file that goes to another disk takes its time and mode along, and leaves nothing", async () => {
  const a = file("a", { mtime: 5e11, mode: 0o640 });
  using at = new TwoRoots().write({ left: { d: { a } } });
  const { id: _, ...seen } = at.seen("left", "d/a");
  await across(at);
  const { id: __, ...moved } = at.seen("left", "b");
  assert.deepEqual(moved, seen);
  assert.deepEqual(at.trees().left, { d: {}, b: "a" });
});

Deno.test("a file that is saved just before its old name goes keeps it, and there is no second one", async () => {
  using at = new TwoRoots().write({ left: { d: { a: "old" } } });
  const path = at.left.absolute("d/a");
  using _program = after("linkSync", () => {
    Deno.writeTextFileSync(path, "saved just now");
  });
  await assert.rejects(across(at), Skipped);
  assert.deepEqual(at.trees().left, { d: { a: "saved just now" } });
});

Deno.test("a file that is edited under its new name at once stays, under both names", async () => {
  using at = new TwoRoots().write({ left: { d: { a: "old" } } });
  using _program = after("linkSync", () => {
    Deno.writeTextFileSync(at.left.absolute("d/a"), "saved just now");
    Deno.writeTextFileSync(at.left.absolute("b"), "edited there");
  });
  await assert.rejects(across(at), Skipped);
  assert.deepEqual(at.trees().left, {
    d: { a: "saved just now" },
    b: "edited there",
  });
});

Deno.test("a new name on another disk that was taken meanwhile is not taken over", async () => {
  using at = new TwoRoots().write({ left: { d: { a: "a" } } });
  using _program = after("openSync", () => {
    Deno.writeTextFileSync(at.left.absolute("b"), "theirs");
  });
  await assert.rejects(across(at), Skipped);
  assert.deepEqual(at.trees().left, { d: { a: "a" }, b: "theirs" });
});

Deno.test("a new name on another disk is flushed before the old one goes", async () => {
  using at = new TwoRoots().write({ left: { d: { a: "a" } } });
  const calls: string[] = [];
  const short = (path: string) => path.slice(at.left.path.length);
  using _opens = intercept("openSync", (real, path, ...rest) => {
    calls.push(`open ${short(path!)}`);
    return real(path, ...rest);
  });
  using _renames = intercept("renameSync", (real, from, to) => {
    calls.push(`rename ${short(from!)}`);
    return real(from, to);
  });
  await across(at);
  assert.ok(calls.indexOf("open ") < calls.indexOf("rename /d/a"), `${calls}`);
  assert.ok(calls.includes("open "), `${calls}`);
});

// The second name that a rename gives, when something comes in between.

Deno.test("a rename that the system refuses takes its second name back", () => {
  using at = rooms({ a: "old" });
  const seen = at.seen("left", "a");
  {
    let isDone = false;
    using _busy = intercept("renameSync", (real, ...args) => {
      if (isDone) return real(...args);
      isDone = true;
      throw systemError("EBUSY");
    });
    const act = () => renameFile(at.left, "a", "b", seen, ASIDE);
    assert.throws(act, { code: "EBUSY" });
  }
  assert.deepEqual(at.trees().left, { a: "old" });
});

Deno.test("what took the new name in the middle of a rename keeps it, whether the rename is refused or not", () => {
  for (const isRefused of [true, false]) {
    using at = rooms({ a: "old" });
    const seen = at.seen("left", "a");
    let isDone = false;
    using _hers = intercept("renameSync", (real, ...args) => {
      if (isDone) return real(...args);
      isDone = true;
      Deno.writeTextFileSync(`${at.outside}/hers`, "hers");
      real(`${at.outside}/hers`, `${at.left.path}/b`);
      if (isRefused) throw systemError("EBUSY");
      return real(...args);
    });
    assert.throws(() => renameFile(at.left, "a", "b", seen, ASIDE));
    assert.deepEqual(at.trees().left, { a: "old", b: "hers" });
  }
});

Deno.test("what is saved under the old name in the middle of a rename stays there, and the version before it goes", () => {
  using at = rooms({ a: "old" });
  const seen = at.seen("left", "a");
  let isDone = false;
  using _hers = intercept("renameSync", (real, ...args) => {
    if (isDone) return real(...args);
    isDone = true;
    Deno.writeTextFileSync(`${at.outside}/hers`, "hers");
    real(`${at.outside}/hers`, `${at.left.path}/a`);
    return real(...args);
  });
  assert.throws(() => renameFile(at.left, "a", "b", seen, ASIDE), Skipped);
  assert.deepEqual(at.trees().left, { a: "hers" });
});

Deno.test("a new name that somebody removes in the middle of a rename leaves the file under the old one", () => {
  using at = rooms({ a: "old" });
  const seen = at.seen("left", "a");
  using _gone = after("renameSync", () => {
    Deno.removeSync(`${at.left.path}/b`);
  });
  assert.throws(() => renameFile(at.left, "a", "b", seen, ASIDE), Skipped);
  assert.deepEqual(at.trees().left, { a: "old" });
});
