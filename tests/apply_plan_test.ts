import assert from "node:assert/strict";
import { InterruptedError } from "../lib/errors.ts";
import { Skipped } from "../lib/system.ts";
import { otherSide, type Side, SIDES } from "../lib/types.ts";
import {
  describe,
  file,
  MemoryOffice,
  read,
  softDeleted,
  write,
} from "./support/support.ts";
import { after, intercept, systemError } from "./support/two_roots.ts";
import { action, Bench } from "./support/work_bench.ts";

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

function lines(outcomes: Awaited<ReturnType<Bench["run"]>>): string[] {
  return outcomes.map(({ kind, detail }) => `${kind}: ${detail}`);
}

Deno.test("what builds on an action that was not done waits for it, all else goes on", async () => {
  using at = new Bench().write({
    left: { a: "1", b: "2", c: "3", d: "4" },
    right: { b: "x" },
  });
  const works = ["a", "b", "c", "d"].map((path) => at.copy(path));
  Deno.writeTextFileSync(at.left.absolute("a"), "edited");
  const outcomes = await at.run([
    action(works[0]!),
    action(works[1]!, [0]),
    action(works[2]!, [1]),
    action(works[3]!),
  ]);
  assert.deepEqual(lines(outcomes), [
    changed,
    "skipped: waits for a",
    "skipped: waits for b",
    "done: null",
  ]);
  assert.deepEqual(at.trees().right, { b: "x", d: "4" });
});

Deno.test("each outcome is told once, in a list that has the order of the plan", async () => {
  using at = new Bench().write({ left: { a: "1", c: "3" }, right: { b: "2" } });
  const works = [at.copy("a"), at.remove("b"), at.copy("c")];
  const outcomes = await at.run(works.map((work) => action(work)));
  assert.deepEqual(outcomes.map(({ action }) => action.work), works);
  assert.deepEqual(new Set(at.told), new Set(outcomes));
  assert.equal(at.told.length, 3);
});

Deno.test("more copies than one batch holds are all made and recorded", async () => {
  const names = Array.from({ length: 300 }, (_, n) => `f${n}`);
  using at = new Bench().write({
    left: Object.fromEntries(names.map((name) => [name, name])),
  });
  let applied = 0;
  at.onApply = (changes) => {
    if (changes.length > 0) applied++;
  };
  const outcomes = await at.do(...names.map((name) => at.copy(name)));
  assert.deepEqual(new Set(outcomes), new Set(["done"]));
  assert.deepEqual(at.trees().right, at.trees().left);
  assert.equal(Object.keys(at.rows()).length, 300);
  assert.ok(applied >= 2, "the record does not wait for the end");
});

Deno.test("a busy file is tried again, a little later", async () => {
  using at = new Bench().write({ right: { a: "old" } });
  let tries = 0;
  using _program = intercept("renameSync", (real, from, to) => {
    if (++tries < 3) throw systemError("EBUSY");
    return real(from, to);
  });
  assert.deepEqual(await at.do(at.remove("a")), ["done"]);
  assert.equal(tries, 3);
});

Deno.test("a file that stays busy is skipped with the reason, and keeps its row", async () => {
  using at = new Bench().write({ left: { a: "new" }, right: { a: "old" } });
  using _program = intercept("renameSync", () => {
    throw systemError("EBUSY");
  });
  const [outcome] = await at.do(at.copy("a"));
  assert.equal(outcome, "skipped: it is in use by another program (EBUSY)");
  assert.deepEqual([at.trees().right, at.changes], [{ a: "old" }, []]);
  assert.deepEqual(at.names("right"), [".office-sync", "a"]);
});

Deno.test("many busy files, of all kinds of action, wait together, not one after the other", async () => {
  const names = Array.from({ length: 60 }, (_, n) => `f${n}`);
  const tree = (text: string) =>
    Object.fromEntries(names.map((name) => [name, `${text} of ${name}`]));
  using at = new Bench().write({ left: tree("new"), right: tree("old") });
  const works = names.map((name, n) =>
    n % 2 === 0 ? at.copy(name) : at.remove(name)
  );
  for (const name of names.filter((_, n) => n % 2)) {
    Deno.removeSync(at.left.absolute(name));
  }
  using _program = intercept("renameSync", () => {
    throw systemError("EBUSY");
  });
  const began = performance.now();
  const outcomes = await at.do(...works);
  const tookMs = performance.now() - began;
  const busy = "skipped: it is in use by another program (EBUSY)";
  assert.deepEqual(new Set(outcomes), new Set([busy]));
  assert.ok(tookMs < 10_000, `${tookMs} ms`);
  assert.deepEqual(at.trees().right, tree("old"));
  const left = at.names("right").filter((name) => name.includes("-tmp-"));
  assert.deepEqual(left, []);
});

Deno.test("all others have their turn before a busy file is tried again", async () => {
  using at = new Bench().write({ right: { a: "1", b: "2", c: "3" } });
  const tried: string[] = [];
  using _program = intercept("renameSync", (real, from, to) => {
    tried.push(from!.slice(-1));
    if (tried.length === 1) throw systemError("EBUSY");
    return real(from, to);
  });
  const outcomes = await at.do(at.remove("a"), at.remove("b"), at.remove("c"));
  assert.deepEqual(outcomes, ["done", "done", "done"]);
  assert.deepEqual(tried, ["a", "b", "c", "a"]);
});

Deno.test("what builds on a busy file is done after it, or told that it waits for it", async () => {
  for (const busyFor of [2, Infinity]) {
    using at = new Bench().write({ left: { c: "4" }, right: { a: "1" } });
    let tries = 0;
    using _program = intercept("renameSync", (real, from, to) => {
      if (from!.endsWith("/a") && tries++ < busyFor) throw systemError("EBUSY");
      return real(from, to);
    });
    const outcomes = await at.run([
      action(at.remove("a")),
      action(at.copy("c"), [0]),
    ]);
    assert.deepEqual(
      lines(outcomes),
      busyFor === 2 ? ["done: null", "done: null"] : [
        "skipped: it is in use by another program (EBUSY)",
        "skipped: waits for a",
      ],
    );
    assert.equal("c" in at.trees().right, busyFor === 2);
  }
});

Deno.test("a copy whose place is busy is not made twice", async () => {
  using at = new Bench().write({ left: { a: "new" }, right: { a: "old" } });
  let [copies, tries] = [0, 0];
  using _copies = intercept("openSync", (real, path, ...rest) => {
    if (path!.includes("-tmp-")) copies++;
    return real(path, ...rest);
  });
  using _program = intercept("renameSync", (real, from, to) => {
    if (++tries < 3) throw systemError("EBUSY");
    return real(from, to);
  });
  assert.deepEqual(await at.do(at.copy("a")), ["done"]);
  assert.equal(copies, 1);
  assert.deepEqual(at.trees().right, { a: "new" });
});

Deno.test("a run that is ended while files are busy leaves no copies behind", async () => {
  using at = new Bench().write({ left: { a: "new" }, right: { a: "old" } });
  let tries = 0;
  using _program = intercept("renameSync", () => {
    tries++;
    throw systemError("EBUSY");
  });
  at.checkpoint = () =>
    tries === 0
      ? Promise.resolve()
      : Promise.reject(new InterruptedError("SIGINT"));
  assert.deepEqual(await at.do(at.copy("a")), []);
  assert.deepEqual(at.trees().right, { a: "old" });
  assert.deepEqual(at.names("right"), [".office-sync", "a"]);
});

Deno.test("a soft-deleted version is brought back from either side, into folders of its own, and not recorded", async () => {
  const run = "20240101-000000-pair";
  for (const from of SIDES) {
    for (const side of SIDES) {
      using at = new Bench();
      write(at[from].path, {
        ".office-sync": { deleted: { [run]: { d: { e: { a: "1" } } } } },
      });
      const folder = `.office-sync/deleted/${run}/d/e`;
      Deno.chmodSync(`${at[from].path}/${folder}`, 0o710);
      const work = {
        ...at.copy("d/e/a", {
          from: otherSide(side),
          source: at.seen(from, `${folder}/a`),
        }),
        softDeleted: { side: from, run, path: "d/e/a" },
      };
      const flushed = new Set<string>();
      using _open = intercept("openSync", (real, path, options) => {
        if (!path!.includes("-tmp-")) flushed.add(path!);
        return real(path, options);
      });
      assert.deepEqual(await at.do(work), ["done"]);
      for (const folder of ["", "d", "d/e"]) {
        assert.ok(flushed.has(at[side].folder(folder)), folder);
      }
      const tree = { d: { e: { a: "1" } } };
      assert.deepEqual(at.trees()[side], tree);
      assert.deepEqual(at.trees()[otherSide(side)], {});
      const { mode } = Deno.lstatSync(at[side].absolute("d/e"));
      assert.equal(mode! & 0o777, 0o710);
      assert.deepEqual(at.changes, []);
      // It stays where it is.
      const kept = `${at[from].path}/${folder}/a`;
      assert.equal(Deno.readTextFileSync(kept), "1");
    }
  }
});

/** So long that a batch holds no other. */
const LONG_BYTES = 80 * 1024 ** 2;

/** Files of Left that are that long, and take no room. */
function longFiles(at: Bench, ...names: readonly string[]): void {
  for (const name of names) {
    using made = Deno.createSync(at.left.absolute(name));
    made.truncateSync(LONG_BYTES);
  }
}

Deno.test("what is written aside does not wait for a long copy to end", async () => {
  using at = new Bench().write({ left: { a: "short" } });
  longFiles(at, "b");
  at.checkpoint = () =>
    at.names("right").some((it) => it === "a")
      ? Promise.reject(new InterruptedError("SIGINT"))
      : Promise.resolve();
  assert.deepEqual(await at.do(at.copy("a"), at.copy("b")), ["done"]);
  assert.deepEqual(at.trees().right, { a: "short" });
  assert.deepEqual(at.names("right"), [".office-sync", "a"]);
});

Deno.test("a copy gets no name before the one that builds on it is written aside", async () => {
  using at = new Bench();
  longFiles(at, "a", "b");
  const isSecond = () =>
    at.names("right").filter((it) => it.includes("-tmp-")).length === 2;
  at.checkpoint = () =>
    isSecond()
      ? Promise.reject(new InterruptedError("SIGINT"))
      : Promise.resolve();
  const outcomes = await at.run([
    action(at.copy("a")),
    action(at.copy("b"), [0]),
  ]);
  assert.deepEqual(outcomes, []);
  assert.deepEqual(at.names("right"), [".office-sync"]);
});

Deno.test("a copy that builds on another one is dropped with it", async () => {
  using at = new Bench().write({ left: { a: "1", b: "2", c: "3" } });
  using _program = intercept("linkSync", (real, from, to) => {
    if (to === at.right.absolute("a")) throw systemError("EACCES");
    return real(from, to);
  });
  const outcomes = await at.run([
    action(at.copy("a")),
    action(at.copy("b"), [0]),
    action(at.copy("c")),
  ]);
  assert.deepEqual(lines(outcomes).slice(1), [
    "skipped: waits for a",
    "done: null",
  ]);
  assert.deepEqual(at.names("right"), [".office-sync", "c"]);
});

Deno.test("an access that is denied fails one action, the others go on", async () => {
  using at = new Bench().write({ right: { a: "1", b: "2" } });
  using _system = intercept("renameSync", (real, from, to) => {
    if (from!.endsWith("/a")) throw systemError("EACCES");
    return real(from, to);
  });
  const outcomes = await at.run([
    action(at.remove("a")),
    action(at.remove("b", { fate: "destroy" })),
  ]);
  assert.deepEqual(lines(outcomes), [
    "failed: access is denied: give the account that syncs the right to it (EACCES)",
    "done: null",
  ]);
  assert.match(String(outcomes[0]?.error), /EACCES/);
  assert.deepEqual(at.trees().right, { a: "1" });
  assert.deepEqual(at.changes, [{ kind: "forget", path: "b" }]);
});

Deno.test("a full disk stops the copies to its side, and nothing else", async () => {
  using at = new Bench().write({
    left: { a: "1", b: "2" },
    right: { c: "3", d: "4" },
  });
  using _system = intercept("openSync", (real, path, ...rest) => {
    const isFull = path!.startsWith(at.right.path) && path!.includes("-tmp-");
    if (isFull) throw systemError("ENOSPC");
    return real(path, ...rest);
  });
  const works = [
    at.copy("a"),
    at.copy("b"),
    at.copy("c", { from: "right" }),
    at.remove("d"),
  ];
  const [first, second, ...others] = await at.do(...works);
  assert.match(String(first), /^failed: the disk is full/);
  assert.match(String(second), /^failed: the disk is full/);
  assert.deepEqual(others, ["done", "done"]);
});

Deno.test("the roots are asked again before files are removed, and before anything is recorded", async () => {
  using at = new Bench().write({ left: { c: "3" }, right: { a: "1", d: {} } });
  let asked = 0;
  at.verifyRoots = () => {
    asked++;
    throw new Skipped("a root went away during the run");
  };
  const folder = { kind: "remove-directory", on: "right", path: "d" } as const;
  const outcomes = await at.do(
    at.copy("c"),
    at.remove("a"),
    { ...folder, rowPath: "d" },
  );
  const gone = "skipped: a root went away during the run";
  assert.deepEqual(outcomes, [gone, gone, gone]);
  assert.equal(asked, 3);
  assert.deepEqual(at.changes, []);
  assert.deepEqual(at.trees().right, { a: "1", c: "3", d: {} });
});

Deno.test("a folder is removed only while it is empty, and what came into it keeps it", async () => {
  using at = new Bench().write({ right: { d: {}, e: {} } });
  const remove = (path: string) =>
    ({ kind: "remove-directory", on: "right", path, rowPath: path }) as const;
  at.write({ right: { e: { "just now": "1" } } });
  assert.deepEqual(await at.do(remove("d"), remove("e")), [
    "done",
    'skipped: it holds "just now" by now; the next run looks at that',
  ]);
  assert.deepEqual(at.trees().right, { e: { "just now": "1" } });
  assert.deepEqual(at.changes, [{ kind: "forget-directory", path: "d" }]);
});

Deno.test("a folder that came back on the other side is not removed", async () => {
  using at = new Bench().write({ left: { d: {} }, right: { d: {} } });
  const work = { kind: "remove-directory", on: "right", path: "d" } as const;
  assert.deepEqual(await at.do({ ...work, rowPath: "d" }), [changed]);
  assert.deepEqual(at.trees().right, { d: {} });
});

Deno.test("a folder is made only while the other side has it, and where nothing stands", async () => {
  using at = new Bench().write({
    left: { d: {}, e: {}, f: "a file by now" },
    right: { e: "in the way" },
  });
  const make = (path: string) =>
    ({
      kind: "create-directory",
      on: "right",
      path,
      isMount: false,
      id: null,
    }) as const;
  const outcomes = await at.do(...["d", "e", "f", "gone"].map(make));
  assert.deepEqual(outcomes, ["done", changed, changed, changed]);
  assert.deepEqual(at.trees().right, { d: {}, e: "in the way" });
});

Deno.test("the older version is kept on its own side, then on the other, before the newer replaces it", async () => {
  using at = new Bench().write({
    left: { a: file("older", { mtime: 5e11 }) },
    right: { a: file("new", { mtime: 6e11 }) },
  });
  const seen: string[] = [];
  using _place = intercept("linkSync", (real, from, to) => {
    real(from, to);
    if (!to!.includes("-tmp-")) {
      seen.push(
        JSON.stringify([at.trees().left["a"], to!.slice(at.folder.length)]),
      );
    }
  });
  const outcomes = await at.run([
    action(at.clash("a", "a.clash")),
    action(at.copy("a", { from: "right" }), [0]),
  ]);
  assert.deepEqual(lines(outcomes), ["done: null", "done: null"]);
  assert.deepEqual(seen, [
    '["older","/left/a.clash"]',
    '["older","/right/a.clash"]',
    '["new","/left/a"]',
  ]);
  const both = { a: "new", "a.clash": "older" };
  assert.deepEqual(at.trees(), { left: both, right: both });
  assert.deepEqual(Object.keys(at.rows()), ["a.clash", "a"]);
});

Deno.test("a conflict whose older version can't be replaced is left whole", async () => {
  using at = new Bench().write({ left: { a: "older" }, right: { a: "new" } });
  const before = at.trees();
  using _system = intercept("linkSync", () => {
    throw systemError("EACCES");
  });
  const works = [at.clash("a", "a.clash"), at.copy("a", { from: "right" })];
  const outcomes = await at.run(works.map((it, n) => action(it, n ? [0] : [])));
  assert.equal(outcomes[1]?.detail, "waits for a");
  assert.deepEqual([at.trees(), at.changes], [before, []]);
});

Deno.test("a version written to just before it was replaced becomes a clash copy", async () => {
  using at = new Bench().write({
    left: { a: "new" },
    right: { a: file("old", { mtime: 5e11 }) },
  });
  using handle = Deno.openSync(at.right.absolute("a"), { append: true });
  using _program = after("linkSync", () => {
    handle.writeSync(new TextEncoder().encode("er"));
  });
  const [outcome] = await at.do(at.copy("a"));
  assert.match(outcome!, /^done: written to at the last moment; .* a\.clash-/);
  const { a, ...others } = at.trees().right;
  assert.deepEqual([a, Object.values(others)], ["new", ["older"]]);
});

Deno.test("an edit made between rename and record is not recorded as if it had been synced", async () => {
  using at = new Bench().write({ left: { b: "1" }, right: { a: "1" } });
  const work = at.rename("a", "b", { mtimeMs: 5e11 });
  using _program = after("utimeSync", (path) => {
    Deno.writeTextFileSync(path!, "edited");
  });
  await at.do(work);
  assert.equal(at.trees().right["b"], "edited");
  const row = at.rows()["b"];
  assert.notEqual(row?.right.sizeBytes, "edited".length, "not the edit's size");
});

Deno.test("a file gets its mtime also where the system tells that as the time of creation", async () => {
  using at = new Bench().write({ left: { b: "1" }, right: { a: "1" } });
  using _system = intercept("lstatSync", (real, path) => {
    const info = real(path);
    return { ...info, birthtime: info.mtime };
  });
  const [outcome] = await at.do(at.rename("a", "b", { mtimeMs: 5e11 }));
  assert.equal(outcome, "done");
  assert.equal(at.seen("right", "b").mtimeMs, 5e11);
  assert.equal(at.rows()["b"]?.right.mtimeMs, 5e11);
});

Deno.test("a file saved anew under its old name while it is renamed is not removed", async () => {
  using at = new Bench().write({ left: { b: "1" }, right: { a: "1" } });
  const work = at.rename("a", "b");
  let isSaved = false;
  using _program = intercept("removeSync", (real, path) => {
    if (!isSaved && path === at.right.absolute("a")) {
      isSaved = true;
      Deno.writeTextFileSync(`${path}~`, "saved anew");
      Deno.renameSync(`${path}~`, path);
    }
    return real(path);
  });
  await at.do(work);
  const texts = Object.values(at.trees().right);
  assert.deepEqual(texts.includes("saved anew"), isSaved, String(texts));
});

Deno.test("a removed file is soft-deleted, or destroyed, and its row forgotten", async () => {
  using at = new Bench().write({ right: { d: { a: "1", b: "2" } } });
  const outcomes = await at.run([
    action(at.remove("d/a")),
    action(at.remove("d/b", { fate: "destroy", rowPath: "e/b" })),
  ]);
  assert.deepEqual(softDeleted(at.right.path), { "d/a": "1" });
  const kept = ".office-sync/deleted/20260102-030405-pair/d/a";
  assert.deepEqual(outcomes.map(({ newPath }) => newPath), [kept, null]);
  assert.deepEqual(at.changes, [
    { kind: "forget", path: "d/a" },
    { kind: "forget", path: "e/b" },
  ]);
});

Deno.test("a copy that is so young that it could be rewritten unseen is recorded with its hash", async () => {
  using at = new Bench({ tickMs: 2000 }).write({
    left: { young: "1", old: file("2", { mtime: 5e11 }) },
  });
  assert.deepEqual(await at.do(at.copy("young"), at.copy("old")), [
    "done",
    "done",
  ]);
  const { young, old } = at.rows();
  assert.deepEqual([young?.left.isFresh, young?.right.isFresh], [true, true]);
  assert.match(String(young?.hash), /^6b86b273/);
  assert.deepEqual([old?.left.isFresh, old?.hash], [false, null]);
});

/** What somebody does to a clash copy, and where. */
const EDITS_OF_CLASHES: readonly [
  string,
  readonly Side[],
  (path: string) => void,
][] = [
  ["changed on both sides", SIDES, scribble],
  ["changed on Left", ["left"], scribble],
  ["changed on Right", ["right"], scribble],
  ["removed from Left", ["left"], (path) => Deno.removeSync(path)],
  ["removed from Right", ["right"], (path) => Deno.removeSync(path)],
];

function scribble(path: string): void {
  Deno.writeTextFileSync(path, "scribbled over");
}

for (const [what, sides, edit] of EDITS_OF_CLASHES) {
  Deno.test(`a version whose clash copy is ${what} before it is replaced is kept once more (section 6)`, async () => {
    using office = new MemoryOffice("soft_delete: { enabled: false }\n");
    office.write({ left: { "a.txt": "old" } });
    await office.agree();
    const at = (year: number, content: string) =>
      file(content, { mtime: `${year}-01-01T00:00:00Z` });
    office.write({
      left: { "a.txt": at(2024, "left's") },
      right: { "a.txt": at(2025, "right's, newer") },
    });
    let result;
    {
      using _program = intercept("renameSync", (real, from, to) => {
        if (from!.endsWith("left/a.txt")) {
          for (const side of sides) {
            const clash = [...Deno.readDirSync(office[side])]
              .find(({ name }) => name.includes(".clash-"))!;
            edit(`${office[side]}/${clash.name}`);
          }
        }
        return real(from, to);
      });
      result = await office.run();
    }
    assert.equal(read(office.left)["a.txt"], "right's, newer");
    const { detail } = result.outcomes.at(-1)!;
    assert.match(
      detail ?? "",
      /^its clash copy was changed at once; that version is now /,
    );
    await office.agree();
    for (const root of [office.left, office.right]) {
      const contents = Object.values(read(root));
      assert.ok(contents.includes("left's"), describe(result));
    }
  });
}
