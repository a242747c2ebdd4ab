import assert from "node:assert/strict";
import { threadsFor } from "../lib/apply_plan.ts";
import { filesHere } from "../lib/files_handlers.ts";
import type { Work } from "../lib/plan_types.ts";
import { otherSide, type Side, SIDES } from "../lib/types.ts";
import type {
  ActBatch,
  ActReply,
  RequestKind,
  SharedState,
} from "../lib/wire_messages.ts";
import {
  type Asks,
  type Files,
  type Gives,
  ThreadLost,
} from "../lib/wire_port.ts";
import {
  describe,
  file,
  MemoryOffice,
  read,
  softDeleted,
  write,
} from "./support/support.ts";
import { replaceCall } from "./support/system_calls.ts";
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
  const names = Array.from({ length: 600 }, (_, n) => `f${n}`);
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
  assert.equal(Object.keys(at.rows()).length, 600);
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

Deno.test("who has a busy file open is told with it, as its owner file says", async () => {
  const lock = { ".~lock.a.odt#": "Anna Berg,anna,pc-7,30.11.2026 09:12,;" };
  using at = new Bench().write({
    left: { "a.odt": "new" },
    right: { "a.odt": "old", ...lock },
  });
  using _program = intercept("renameSync", () => {
    throw systemError("EBUSY");
  });
  const [outcome] = await at.do(at.copy("a.odt"));
  assert.match(
    outcome!,
    /^skipped: it is in use by another program \(EBUSY\); open by Anna Berg \(LibreOffice\) since \d\d:\d\d on Right$/,
  );
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
  using _program = intercept("renameSync", () => {
    at.shared.stop("SIGINT");
    throw systemError("EBUSY");
  });
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

Deno.test("both roots are asked again by the batch that removes, and before anything is recorded", async () => {
  for (const side of SIDES) {
    for (const id of [null, "c".repeat(36)]) {
      using at = new Bench().write({
        left: { c: "3" },
        right: { a: "1", d: {} },
      });
      const folder = { kind: "remove-directory", on: "right", path: "d" };
      const works = [
        at.copy("c"),
        at.remove("a"),
        { ...folder, rowPath: "d" } as Work,
      ];
      at.identify(side, id);
      const gone = "skipped: a root went away during the run";
      assert.deepEqual(await at.do(...works), [gone, gone, gone]);
      assert.deepEqual(at.changes, []);
      assert.deepEqual(at.trees().right, { a: "1", c: "3", d: {} });
    }
  }
});

Deno.test("what is done when a root goes away is not recorded", async () => {
  using at = new Bench().write({ left: { a: "1", b: "2" }, right: { d: "3" } });
  using _disk = after("linkSync", () => at.identify("right", null));
  const change = { kind: "forget", path: "gone" } as const;
  const outcomes = await at.do(
    at.copy("a"),
    at.remove("d"),
    { kind: "record", change },
  );
  const gone = "skipped: a root went away during the run";
  assert.deepEqual(outcomes, [gone, gone, gone]);
  assert.deepEqual(at.changes, []);
  assert.deepEqual(at.trees().right, { a: "1", d: "3" });
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

// Batches.

/**
 * What answers a bench's batches, watched: what is asked, and what is told. The
 * clock stands still: how a batch is cut is not a matter of how busy the machine
 * is.
 */
class Watched implements Files, Disposable {
  readonly shared: SharedState;
  readonly walls = { by: "fence", network: [] } as const;
  readonly #files: Files;
  /** What was asked, in order. */
  readonly asked: ActBatch[] = [];
  /** What became of that, in the order in which it was told. */
  readonly told: ActReply[] = [];
  /** How many threads were asked for. */
  readonly grown: number[] = [];
  /** How many were under way at once. */
  most = 0;
  actors = 1;
  readonly isBusy = false;
  /** Called before a batch is carried out; counted from 1. */
  before: (batch: ActBatch, n: number) => void | Promise<void> = () => {};
  /** Called when it is. */
  after: (batch: ActBatch, n: number) => void = () => {};
  #underWay = 0;
  readonly #clock = replaceCall(performance, "now", () => 0);

  constructor(bench: Bench) {
    this.shared = bench.shared;
    this.#files = bench.files;
    bench.files = this;
  }

  grow(actors: number): void {
    this.grown.push(actors);
  }

  listen(): void {}

  async ask<K extends RequestKind>(kind: K, asks: Asks<K>): Promise<Gives<K>> {
    // What only looks is answered by others.
    if (kind !== "act") return await this.#files.ask(kind, asks);
    const batch = asks as ActBatch;
    const n = this.asked.push(batch);
    this.most = Math.max(this.most, ++this.#underWay);
    try {
      await this.before(batch, n);
      const reply = await this.#files.ask(kind, asks);
      this.told.push(reply as ActReply);
      this.after(batch, n);
      return reply;
    } finally {
      this.#underWay--;
    }
  }

  /** Lets the clock go on. */
  [Symbol.dispose](): void {
    this.#clock[Symbol.dispose]();
  }

  /** All paths of a batch, in order. */
  static paths({ copies, orders }: ActBatch): string[] {
    const all = [...copies.paths];
    for (const { at, work } of orders) {
      all.splice(at, 0, "path" in work ? work.path : work.from);
    }
    return all;
  }
}

const paths = Watched.paths;

/** Names of many files. */
const namesOf = (count: number) =>
  Array.from({ length: count }, (_, n) => `f${String(n).padStart(4, "0")}`);

/** Many files of one side. */
function many(count: number): Record<string, string> {
  return Object.fromEntries(namesOf(count).map((name) => [name, name]));
}

const folder = (kind: "create-directory" | "remove-directory", path: string) =>
  kind === "create-directory"
    ? { kind, on: "right", path, isMount: false, id: null } as const
    : { kind, on: "right", path, rowPath: path } as const;

const renameFolder = (from: string, to: string, rowPath = from): Work => ({
  kind: "rename-directory",
  on: "right",
  from,
  to,
  rowPath,
  isMount: { left: false, right: false },
  id: { left: null, right: null },
  open: [],
});

Deno.test("folders are batches of their own, and the next one begins when all before it is recorded", async () => {
  using at = new Bench().write({
    left: { d: { e: {}, a: "1" }, z: "2" },
    right: { g: { h: {} }, x: "3", k: "4" },
  });
  using watched = new Watched(at);
  const happened: string[] = [];
  watched.before = (batch) => void happened.push(`ask ${paths(batch)}`);
  at.onApply = (changes) => happened.push(`record ${changes.length}`);
  const copy = at.copy("z");
  await at.run([
    action(at.remove("x")),
    action(folder("create-directory", "d")),
    action(folder("create-directory", "d/e"), [1]),
    action(at.copy("d/a"), [1]),
    action(copy),
    action(at.remove("k")),
    action(folder("remove-directory", "g/h")),
    action(folder("remove-directory", "g"), [6]),
  ]);
  assert.deepEqual(happened, [
    ...["ask x", "record 1"],
    ...["ask d,d/e", "record 2"],
    ...["ask d/a,z,k", "record 3"],
    ...["ask g/h,g", "record 2"],
  ]);
  assert.deepEqual(at.trees().right, { d: { e: {}, a: "1" }, z: "2" });
});

Deno.test("very many folders go batch by batch, each when the one before is answered; what is in one that was not made waits", async () => {
  const names = namesOf(300);
  const tree = Object.fromEntries(names.map((it) => [it, { in: {} }]));
  using at = new Bench().write({ left: tree, right: { f0001: "in its way" } });
  using watched = new Watched(at);
  const outcomes = await at.run(names.flatMap((name, n) => [
    action(folder("create-directory", name)),
    action(folder("create-directory", `${name}/in`), [2 * n]),
  ]));
  assert.equal(watched.most, 1);
  assert.ok(watched.asked.every((batch) => paths(batch).length <= 256));
  const left = outcomes.filter(({ kind }) => kind !== "done");
  assert.deepEqual(left.map(({ detail }) => detail), [
    "changed during the run",
    "waits for f0001",
  ]);
  assert.equal(Object.keys(at.trees().right).length, 300);
});

Deno.test("what builds on one another is in one batch, in order; the rest of it is left when one is not done", async () => {
  using at = new Bench().write({
    left: { ...many(40), c: "older", d: "older" },
    right: { c: "new", d: "new", w: "1" },
  });
  using watched = new Watched(at);
  at.threads = 20;
  const works = namesOf(40).map((name) => at.copy(name));
  const actions = [
    action(at.clash("c", "c.clash")),
    action(at.clash("d", "d.clash")),
    ...works.map((work) => action(work)),
    action(at.copy("c", { from: "right" }), [0]),
    action(at.copy("d", { from: "right" }), [1]),
    action(at.remove("w"), [43]),
  ];
  Deno.writeTextFileSync(at.left.absolute("d"), "edited meanwhile");
  const outcomes = await at.run(actions);
  const left = outcomes.filter(({ kind }) => kind !== "done");
  assert.deepEqual(left.map(({ action, detail }) => [action.path, detail]), [
    ["d", "changed during the run"],
    ["d", "waits for d"],
    ["w", "waits for d"],
  ]);
  const groups = watched.asked.map((batch) =>
    batch.orders.map(({ at, needs, mayWait, work }) =>
      [work.kind, needs.map((need) => at - need), mayWait].join(" ")
    )
  );
  assert.deepEqual(groups.filter(({ length }) => length > 0), [[
    "clash  true",
    "copy 1 false",
    "clash  true",
    "copy 1 false",
    "remove 1 false",
  ]]);
  assert.equal(at.trees().left["c"], "new");
  assert.equal(at.trees().left["d"], "edited meanwhile");
  assert.equal(at.trees().right["w"], "1");
});

Deno.test("an action that is tried again is told what this run wrote before: its clash copy is held against that", async () => {
  using at = new Bench().write({ left: { a: "older" }, right: { a: "new" } });
  using watched = new Watched(at);
  watched.after = (_, n) => {
    if (n === 1) Deno.writeTextFileSync(at.right.absolute("a.clash"), "gone");
  };
  let isBusy = true;
  using _program = intercept("renameSync", (real, from, to) => {
    if (isBusy && from === at.left.absolute("a")) {
      isBusy = false;
      throw systemError("EBUSY");
    }
    return real(from, to);
  });
  const copy = at.copy("a", { from: "right", clashPath: "a.clash" });
  const outcomes = await at.run([
    action(at.clash("a", "a.clash")),
    action(copy, [0]),
  ]);
  assert.equal(watched.asked.length, 2);
  assert.match(
    lines(outcomes)[1]!,
    /^done: its clash copy was changed at once; that version is now a.clash-/,
  );
  const { a, ...others } = at.trees().left;
  assert.equal(a, "new");
  assert.ok(Object.values(others).includes("older"));
});

Deno.test("what a rename had to copy to another disk is known to what is tried again after it", async () => {
  using at = new Bench().write({
    left: { b: "new words" },
    right: { a: file("old", { mtime: 5e11 }) },
  });
  const seen = at.seen("right", "a");
  using watched = new Watched(at);
  let isBusy = true;
  using _links = intercept("linkSync", (real, from, to) => {
    if (from === at.right.absolute("a")) throw systemError("EXDEV");
    return real(from, to);
  });
  using _program = intercept("renameSync", (real, from, to) => {
    if (isBusy && from === at.right.absolute("b")) {
      isBusy = false;
      throw systemError("EBUSY");
    }
    return real(from, to);
  });
  const rename = at.rename("a", "b", { keepsHalves: true });
  const copy = { ...at.copy("b"), target: seen };
  const outcomes = await at.run([action(rename), action(copy, [0])]);
  assert.deepEqual(lines(outcomes), ["done: null", "done: null"]);
  assert.equal(watched.asked.length, 2);
  assert.deepEqual(at.trees().right, { b: "new words" });
});

Deno.test("a batch is recorded in one go, and nothing of it whose folder can't be flushed", async () => {
  using at = new Bench().write({
    left: { d: { a: "1" }, e: { b: "2", c: "3" } },
    right: { d: {}, e: { b: "old" } },
  });
  let recorded = 0;
  at.onApply = () => recorded++;
  using _disk = intercept("openSync", (real, path, ...rest) => {
    if (path === at.right.absolute("e")) throw systemError("EIO");
    return real(path, ...rest);
  });
  const works = ["d/a", "e/b", "e/c"].map((path) => at.copy(path));
  const [first, ...others] = await at.do(...works);
  assert.equal(first, "done");
  for (const outcome of others) {
    assert.match(outcome, /^failed: the disk reports an error/);
  }
  assert.equal(recorded, 1);
  assert.deepEqual(Object.keys(at.rows()), ["d/a"]);
});

Deno.test("small batches are recorded together, and wait for no long one", async () => {
  using at = new Bench().write({ left: many(64) });
  using watched = new Watched(at);
  at.threads = 20;
  const recorded: number[] = [];
  const isRecorded = Promise.withResolvers<void>();
  at.onApply = (changes) => {
    assert.equal(at.told.length, recorded.length * 48, "told when recorded");
    recorded.push(changes.length);
    isRecorded.resolve();
  };
  watched.before = (_, n) => n < 4 ? undefined : isRecorded.promise;
  const beganMs = Date.now();
  const outcomes = await at.do(...namesOf(64).map((name) => at.copy(name)));
  assert.deepEqual(new Set(outcomes), new Set(["done"]));
  assert.deepEqual(recorded, [48, 16]);
  const tookMs = Date.now() - beganMs;
  assert.ok(tookMs < 5000, `${tookMs} ms`);
});

Deno.test("a rename in two steps is not begun before its name in the middle is written down", async () => {
  for (const kind of ["file", "folder"] as const) {
    const isFile = kind === "file";
    const tree = (name: string) => ({ [name]: isFile ? "1" : { a: "1" } });
    using at = new Bench({ ignoresCase: true }).write({
      left: tree("Plan"),
      right: tree("plan"),
    });
    using watched = new Watched(at);
    const happened: string[] = [];
    const nameIn = (path: string) => path.replace(/.*\//, "");
    at.onMove = ({ from, middle, to }) =>
      happened.push(`note ${from} ${middle.replace(/\w+$/, "*")} ${to}`);
    watched.before = ({ orders }) =>
      void happened.push(`ask ${orders[0]?.mark !== null}`);
    let isFirst = true;
    using _system = intercept("renameSync", (real, from, to) => {
      // As some systems do, asked for another spelling.
      if (isFirst) return void (isFirst = false);
      happened.push(`${nameIn(from!)} ${nameIn(to!)}`.replace(/mv-\w+/g, "*"));
      real(from, to);
    });
    const work = isFile
      ? at.rename("plan", "Plan")
      : renameFolder("plan", "Plan");
    assert.deepEqual(await at.do(work), ["done"]);
    assert.deepEqual(happened, [
      ...isFile ? [] : ["note plan * Plan"],
      "ask false",
      "note plan .office-sync-mv-* Plan",
      "ask true",
      "plan .office-sync-*",
      ".office-sync-* Plan",
    ]);
    assert.deepEqual(at.trees().right, tree("Plan"));
    assert.equal(at.changes.length, 1);
  }
});

Deno.test("both names of a folder are written down before its rename is sent", async () => {
  using at = new Bench().write({
    left: { new: { a: "1" } },
    right: { old: { a: "1" } },
  });
  using watched = new Watched(at);
  const happened: unknown[] = [];
  at.onMove = (move) => happened.push(move);
  watched.before = (batch) => void happened.push(paths(batch));
  const work = renameFolder("old", "new", "recorded");
  assert.deepEqual(await at.do(work), ["done"]);
  assert.deepEqual(happened, [
    { side: "right", from: "recorded", middle: "new", to: "new" },
    ["old"],
  ]);
});

Deno.test("what a batch trusts of folders ends with it", async () => {
  const tree = Object.fromEntries(namesOf(32).map((name) => [name, name]));
  using at = new Bench().write({ left: { d: tree }, right: { d: {} } });
  at.threads = 20;
  const works = namesOf(32).map((name) => at.copy(`d/${name}`));
  using watched = new Watched(at);
  const first = Promise.withResolvers<void>();
  watched.before = (_, n) => n === 1 ? undefined : first.promise;
  watched.after = (_, n) => {
    if (n > 1) return;
    Deno.renameSync(at.right.absolute("d"), at.right.absolute("away"));
    Deno.symlinkSync(at.outside, at.right.absolute("d"));
    first.resolve();
  };
  const outcomes = await at.do(...works);
  assert.equal(watched.asked.length, 2);
  assert.deepEqual(new Set(outcomes.slice(0, 16)), new Set(["done"]));
  assert.deepEqual(new Set(outcomes.slice(16)), new Set([changed]));
  assert.deepEqual([...Deno.readDirSync(at.outside)], []);
});

Deno.test("a batch has 256 actions at most, and two of them wait for a thread", async () => {
  for (const [actors, count] of [[1, 600], [3, 1600]] as const) {
    using at = new Bench().write({ left: many(count) });
    using watched = new Watched(at);
    at.threads = actors;
    // As they start, one after the other.
    watched.before = (_, n) => {
      watched.actors = Math.min(actors, Math.ceil(n / 2));
    };
    const outcomes = await at.do(
      ...namesOf(count).map((it) => at.copy(it)),
    );
    assert.deepEqual(new Set(outcomes), new Set(["done"]));
    const sizes = watched.asked.map((batch) => paths(batch).length);
    assert.equal(Math.max(...sizes), 256);
    assert.equal(watched.most, 2 * actors);
    assert.deepEqual(watched.grown, actors === 1 ? [] : [actors]);
  }
});

Deno.test("a batch copies 32 MB at most, and a larger file alone", async () => {
  const MB = 1024 * 1024;
  using at = new Bench().write({ left: { e: "1", f: "2" } });
  const sizes = { a: 20, b: 12, c: 1, d: 70 };
  for (const [name, size] of Object.entries(sizes)) {
    Deno.writeTextFileSync(at.left.absolute(name), "");
    Deno.truncateSync(at.left.absolute(name), size * MB);
  }
  using watched = new Watched(at);
  const names = ["a", "b", "c", "d", "e", "f"];
  const outcomes = await at.do(...names.map((name) => at.copy(name)));
  assert.deepEqual(new Set(outcomes), new Set(["done"]));
  const asked = watched.asked.map((batch) => paths(batch).join());
  assert.deepEqual(asked, ["a,b", "c", "d", "e,f"]);
});

Deno.test("a batch ends after 50 ms, but never within a group; the rest goes into another one", async () => {
  using at = new Bench().write({
    left: { ...many(10), c: "older" },
    right: { c: "new" },
  });
  using watched = new Watched(at);
  let nowMs = 0;
  using _clock = replaceCall(performance, "now", () => nowMs);
  using _disk = intercept("openSync", (real, path, ...rest) => {
    if (path!.includes("-tmp-")) nowMs += 30;
    return real(path, ...rest);
  });
  const outcomes = await at.run([
    action(at.clash("c", "c.clash")),
    ...namesOf(10).map((name) => action(at.copy(name))),
    action(at.copy("c", { from: "right" }), [0]),
  ]);
  assert.deepEqual(new Set(lines(outcomes)), new Set(["done: null"]));
  assert.ok(watched.asked.length >= 5, `${watched.asked.length} batches`);
  const [first] = watched.asked;
  assert.equal(paths(first!).length, 12);
  // Two copies of the clash, and the copy over the path.
  const [told] = watched.told;
  assert.deepEqual(told?.told.map(([, { kind }]) => kind), ["done", "done"]);
  assert.ok(told?.made.numbers.every(Number.isNaN));
  const again = watched.asked.slice(1).flatMap(paths);
  assert.ok(!again.includes("c"));
});

Deno.test("where each call waits, a batch lasts as many calls", async () => {
  for (const [callMs, forMs] of [[0, 50], [0.4, 50], [2, 200], [20, 2000]]) {
    using at = new Bench().write({ left: many(40) });
    using watched = new Watched(at);
    at.callMs = callMs!;
    at.threads = 8;
    const outcomes = await at.do(...namesOf(40).map((it) => at.copy(it)));
    assert.deepEqual(new Set(outcomes), new Set(["done"]));
    assert.deepEqual(
      new Set(watched.asked.map((batch) => batch.forMs)),
      new Set([forMs]),
    );
    // There each thread is to get some of a few.
    const [first] = watched.asked;
    assert.equal(paths(first!).length, callMs! < 1 ? 16 : 3);
  }
});

Deno.test("a stop lets a batch answer what it has done; what it had not begun is left without a word", async () => {
  using at = new Bench().write({ right: many(6) });
  let removed = 0;
  using _system = after("renameSync", () => removed++);
  using _stop = intercept("renameSync", (real, from, to) => {
    real(from, to);
    if (from!.endsWith("f0002")) at.shared.stop("SIGTERM");
  });
  const outcomes = await at.do(...namesOf(6).map((name) => at.remove(name)));
  assert.deepEqual(outcomes, ["done", "done", "done"]);
  assert.equal(at.changes.length, 3);
  assert.deepEqual(Object.keys(at.trees().right), namesOf(6).slice(3));
});

const unknown =
  "failed: it is not known what became of it; the next run finds out";

Deno.test("what a thread had when it died is not recorded and not sent again, but told; the others do the rest", async () => {
  using at = new Bench().write({ left: many(64) });
  using watched = new Watched(at);
  at.threads = 20;
  watched.actors = 2;
  // It has done all of it, and can't say so any more.
  watched.after = (_, n) => {
    if (n !== 2) return;
    watched.actors = 1;
    throw new ThreadLost("killed");
  };
  const outcomes = await at.do(...namesOf(64).map((name) => at.copy(name)));
  const lost = paths(watched.asked[1]!);
  assert.equal(lost.length, 16);
  const asked = watched.asked.flatMap(paths);
  assert.deepEqual(asked.sort(), namesOf(64));
  for (const [n, name] of namesOf(64).entries()) {
    const isLost = lost.includes(name);
    assert.equal(outcomes[n], isLost ? unknown : "done", name);
    assert.equal(name in at.rows(), !isLost, name);
  }
});

Deno.test("when the last thread died, the rest is told as left for the next run", async () => {
  using at = new Bench().write({ left: many(40), right: { r: "1" } });
  using watched = new Watched(at);
  at.threads = 20;
  watched.before = (_, n) => {
    if (n === 1) return;
    watched.actors = 0;
    throw new ThreadLost("killed");
  };
  const change = { kind: "forget", path: "gone" } as const;
  const outcomes = await at.run([
    ...namesOf(40).map((name) => action(at.copy(name))),
    action(folder("remove-directory", "d")),
    action({ kind: "record", change }),
  ]);
  const left = "skipped: no thread is left that changes files; the next run " +
    "does it";
  const all = lines(outcomes);
  assert.deepEqual(new Set(all.slice(0, 16)), new Set(["done: null"]));
  assert.deepEqual(new Set(all.slice(16, 32)), new Set([unknown]));
  assert.deepEqual(all.slice(32, -1), Array(9).fill(left));
  // That takes no thread that changes files.
  assert.equal(all.at(-1), "done: null");
  assert.equal(at.changes.length, 17);
});

for (const isDone of [true, false]) {
  const how = isDone ? "done all of it" : "done nothing";
  Deno.test(`a run whose thread died with a batch ends with 5, and the next one finds out: it had ${how}`, async () => {
    using office = new MemoryOffice();
    const { left, right } = office;
    office.write({ left: { d: { a: "1" } }, right: { b: "2", c: "3" } });
    const files = filesHere({ left, right });
    let batches = 0;
    const ask: Files["ask"] = async (kind, ...asks) => {
      const isLost = kind === "act" && ++batches === 2;
      const given = isLost && !isDone ? null : await files.ask(kind, ...asks);
      if (isLost) throw new ThreadLost("killed");
      return given!;
    };
    const { shared, walls } = files;
    const result = await office.run({
      files: {
        ask,
        shared,
        walls,
        isBusy: false,
        actors: 1,
        grow() {},
        listen() {},
      },
    });
    assert.equal(result.exitCode, 5, describe(result));
    assert.equal(result.stop, null);
    const details = result.outcomes.map(({ kind, detail }) =>
      detail === null ? kind : `${kind}: ${detail}`
    );
    assert.deepEqual(details, ["done", unknown, unknown, unknown]);
    const next = await office.run();
    assert.equal(next.exitCode, 0, describe(next));
    const tree = { d: { a: "1" }, b: "2", c: "3" };
    assert.deepEqual(office.trees(), { left: tree, right: tree });
  });
}

Deno.test("when a root is away, no more is asked of it: each call might wait in vain", async () => {
  using at = new Bench().write({ left: many(300), right: { back: "1" } });
  using watched = new Watched(at);
  at.threads = 20;
  watched.before = (_, n) => {
    if (n === 3) at.identify("right", null);
  };
  const works = namesOf(300).map((name) => at.copy(name));
  const outcomes = await at.do(...works, at.remove("back"));
  const { length: asked } = watched.asked;
  // What was handed out ahead does not know yet.
  assert.ok(asked <= 5, `${asked} batches`);
  assert.equal(outcomes.length, 301);
  const left = outcomes.filter((it) => it !== "done");
  assert.deepEqual([...new Set(left)], [
    "skipped: a root went away during the run",
  ]);
  assert.ok(at.changes.length < 300 && left.length > 200);
});

Deno.test("a disk that is full gets no more copies, whichever batch they are in", async () => {
  using at = new Bench().write({ left: many(300), right: { back: "1" } });
  using watched = new Watched(at);
  at.threads = 20;
  let tries = 0;
  using _disk = intercept("openSync", (real, path, ...rest) => {
    const isCopy = path!.startsWith(at.right.path) && path!.includes("-tmp-");
    if (isCopy && ++tries > 3) throw systemError("ENOSPC");
    return real(path, ...rest);
  });
  const works = namesOf(300).map((name) => at.copy(name));
  const outcomes = await at.do(...works, at.copy("back", { from: "right" }));
  assert.ok(watched.asked.length > 10);
  // The batch that waits meanwhile does not know yet.
  assert.ok(tries <= 5, `${tries} tries`);
  assert.equal(outcomes.filter((it) => it === "done").length, 4);
  assert.equal(outcomes.at(-1), "done");
  for (const outcome of outcomes.slice(3, -1)) {
    assert.match(outcome, /^failed: the disk is full: make room there/);
  }
});

Deno.test("threads are for what waits, and on a quick disk for many small copies only", () => {
  // By what all of them wait for in all.
  for (
    const [callMs, expected] of [
      [1, [1, 1, 1, 4, 4, 8, 8]],
      [2, [1, 1, 4, 4, 8, 8, 8]],
      [40, [1, 4, 8, 8, 8, 8, 8]],
    ] as const
  ) {
    const counts = [1, 4, 16, 25, 124, 125, 9999].map((actions) =>
      threadsFor(callMs, actions, 0)
    );
    assert.deepEqual(counts, expected, `${callMs} ms`);
  }
  for (const callMs of [0, 0.01, 0.99]) {
    const count = threadsFor(callMs, 400, 400);
    assert.ok(count >= 2 && count <= 4, `${count} threads`);
    const counts = [0, 399, 9999].map((copies) =>
      threadsFor(callMs, 9999, copies)
    );
    assert.deepEqual(counts, [1, 1, count]);
  }
});
