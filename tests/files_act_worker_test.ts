import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { FileRow } from "../lib/types.ts";
import { file, type Tree } from "./support/support.ts";
import { action, Bench } from "./support/work_bench.ts";

const COUNT = 500;
const LONG_AGO = 1_577_836_922_202;

const pathOf = (n: number): string =>
  `f${Math.floor(n / 90)}/${String(n).padStart(3, "0")}.txt`;

/** Many small files of one side; sizes, times and modes differ. */
function many(content: (n: number) => string): Tree {
  const tree: Record<string, Record<string, ReturnType<typeof file>>> = {};
  for (let n = 0; n < COUNT; n++) {
    const [folder = "", name = ""] = pathOf(n).split("/");
    const mode = n % 3 === 0 ? 0o600 : 0o644;
    const mtime = LONG_AGO + n * 1001;
    (tree[folder] ??= {})[name] = file(content(n), { mtime, mode });
  }
  return tree;
}

function folders(bench: Bench): void {
  for (let n = 0; n < COUNT; n += 90) {
    Deno.mkdirSync(bench.right.absolute(pathOf(n).split("/")[0]!), {
      recursive: true,
    });
  }
}

const words = (n: number): string => `content ${n} `.repeat(n % 40);

const big = file("b".repeat(1_300_000), { mtime: LONG_AGO });

/** An office of many files to be copied, with some of every sort. */
function office(): Bench {
  const bench = new Bench().write({
    left: { ...many(words), big },
    right: { f1: { "090.txt": "older", "091.txt": "older too" } },
  });
  folders(bench);
  return bench;
}

function actionsOf(bench: Bench) {
  const paths = Array.from({ length: COUNT }, (_, n) => pathOf(n));
  return [...paths, "big"].map((path) => action(bench.copy(path)));
}

/** A row without what differs from disk to disk. */
function plain({ left, right, hash, path }: FileRow): unknown {
  const half = (it: FileRow["left"]) => ({ ...it, id: it.id !== null });
  return { path, left: half(left), right: half(right), hash };
}

Deno.test("threads copy as a run without them does, and record the same", async () => {
  const came: unknown[] = [];
  for (const hasThreads of [false, true]) {
    using at = office();
    const threads = hasThreads ? at.useThreads(2) : null;
    const outcomes = await at.run(actionsOf(at));
    assert.ok(outcomes.every(({ kind }) => kind === "done"));
    assert.equal(outcomes.length, COUNT + 1);
    assert.deepEqual(at.trees().right, at.trees().left);
    assert.ok(!at.names("right").some((it) => it.includes("-tmp-")));
    const rows = at.rows();
    for (const [path, row] of Object.entries(rows)) {
      const seen = at.seen("right", path);
      assert.deepEqual(row.right.id, seen.id, path);
      assert.equal(row.right.mode, seen.mode, path);
    }
    if (threads !== null) {
      assert.equal(threads.actors, 2);
      assert.ok(threads.batches > 5, `${threads.batches} batches`);
    }
    came.push(Object.keys(rows).sort().map((path) => plain(rows[path]!)));
  }
  assert.deepEqual(came[1], came[0]);
});

Deno.test("a file that is too young for its metadata is recorded with its hash", async () => {
  // Within an hour nothing can be told from times there.
  using at = new Bench({ tickMs: 3_600_000 }).write({ left: many(words) });
  folders(at);
  at.useThreads(2);
  const now = new Date();
  for (const n of [7, 8]) {
    Deno.utimeSync(at.left.absolute(pathOf(n)), now, now);
  }
  await at.run(smallOf(at));
  for (const [path, row] of Object.entries(at.rows())) {
    const isYoung = [pathOf(7), pathOf(8)].includes(path);
    const content = Deno.readFileSync(at.left.absolute(path));
    const hash = createHash("sha256").update(content).digest("hex");
    assert.equal(row.hash, isYoung ? hash : null, path);
    assert.equal(row.left.isFresh, isYoung, path);
  }
});

function smallOf(bench: Bench) {
  return Array.from(
    { length: COUNT },
    (_, n) => action(bench.copy(pathOf(n))),
  );
}

/** What may come in between before a file is copied. */
const EDITS: Record<string, (bench: Bench, path: string) => void> = {
  "the source is written to": ({ left }, path) =>
    Deno.writeTextFileSync(left.absolute(path), "edited"),
  "the source is removed": ({ left }, path) =>
    Deno.removeSync(left.absolute(path)),
  "the source is replaced by a link": ({ left, outside }, path) => {
    Deno.writeTextFileSync(`${outside}/secret`, "secret");
    Deno.removeSync(left.absolute(path));
    Deno.symlinkSync(`${outside}/secret`, left.absolute(path));
  },
  "the new name is taken": ({ right }, path) =>
    Deno.writeTextFileSync(right.absolute(path), "somebody's"),
};

for (const [what, edit] of Object.entries(EDITS)) {
  Deno.test(`a thread skips one copy and makes the others: ${what}`, async () => {
    using at = new Bench().write({ left: many(words) });
    folders(at);
    at.useThreads(2);
    const actions = smallOf(at);
    const hit = [3, 200, 201, COUNT - 1];
    for (const n of hit) edit(at, pathOf(n));
    const before = at.trees().right;
    const outcomes = await at.run(actions);
    const skipped = outcomes.filter(({ kind }) => kind !== "done");
    assert.deepEqual(
      skipped.map(({ action, kind, detail }) => [action.path, kind, detail]),
      hit.map((n) => [pathOf(n), "skipped", "changed during the run"]),
    );
    const { right } = at.trees() as { right: Record<string, Tree> };
    for (let n = 0; n < COUNT; n++) {
      const [folder = "", name = ""] = pathOf(n).split("/");
      const expected = hit.includes(n)
        ? (before as Record<string, Tree>)[folder]?.[name]
        : words(n);
      assert.equal(right[folder]?.[name], expected, pathOf(n));
      assert.equal(pathOf(n) in at.rows(), !hit.includes(n), pathOf(n));
    }
    assert.ok(!at.names("right").some((it) => it.includes("-tmp-")));
  });
}

Deno.test("a folder swapped for a link takes nothing out of the root", async () => {
  using at = new Bench().write({ left: many(words) });
  folders(at);
  at.useThreads(2);
  const actions = smallOf(at);
  Deno.renameSync(at.right.absolute("f1"), `${at.folder}/f1`);
  Deno.symlinkSync(at.outside, at.right.absolute("f1"));
  const outcomes = await at.run(actions);
  for (const { action, kind } of outcomes) {
    const isIn = action.path.startsWith("f1/");
    assert.equal(kind, isIn ? "skipped" : "done", action.path);
  }
  assert.deepEqual([...Deno.readDirSync(at.outside)], []);
});

Deno.test("what is edited while threads copy is recorded as it was copied, or skipped", async () => {
  using at = new Bench().write({ left: many(words) });
  folders(at);
  at.useThreads(2);
  const actions = smallOf(at);
  const seen = new Map(
    actions.map(({ path }) => [path, at.seen("left", path)]),
  );
  let edited = 0;
  at.onOutcome = () => {
    // Somebody writes from the end on, while copies come from the front.
    for (let n = 0; n < 4 && edited < COUNT; n++) {
      const path = at.left.absolute(pathOf(COUNT - 1 - edited++));
      Deno.writeTextFileSync(path, "edited meanwhile");
    }
  };
  const outcomes = await at.run(actions);
  const rows = at.rows();
  const { right } = at.trees() as { right: Record<string, Tree> };
  let skipped = 0;
  for (const [n, { action: { path }, kind }] of outcomes.entries()) {
    const [folder = "", name = ""] = path.split("/");
    if (kind === "done") {
      assert.equal(right[folder]?.[name], words(n), path);
      assert.deepEqual(rows[path]?.left, { ...seen.get(path), isFresh: false });
    } else {
      skipped++;
      assert.equal(kind, "skipped");
      assert.equal(right[folder]?.[name], undefined, path);
      assert.equal(rows[path], undefined);
    }
  }
  assert.ok(skipped > 0 && skipped < COUNT, `${skipped} were skipped`);
});

Deno.test("a signal ends copies of threads: what is told is done and recorded, nothing else is left", async () => {
  // Of the last 400 some are never given to a thread by then: outcomes are told
  // by 256 at most, and four small batches are under way.
  for (const last of [1, 50, 100]) {
    using at = new Bench().write({ left: many(words) });
    folders(at);
    at.useThreads(2);
    let told = 0;
    at.onOutcome = () => {
      if (++told === last) at.shared.stop("SIGINT");
    };
    const outcomes = await at.run(smallOf(at));
    assert.ok(outcomes.length < COUNT, `${outcomes.length} at ${last}`);
    const done = outcomes.map(({ action, kind }) => {
      assert.equal(kind, "done");
      return action.path;
    });
    assert.deepEqual(Object.keys(at.rows()).sort(), done.toSorted());
    const files = at.names("right").filter((it) => it.endsWith(".txt"));
    assert.deepEqual(files, done.toSorted());
    assert.ok(!at.names("right").some((it) => it.includes("-tmp-")));
  }
});

Deno.test("a thread that is killed in the middle of a batch leaves no half file; the other one does the rest", async () => {
  using at = new Bench().write({ left: many(words) });
  folders(at);
  const threads = at.useThreads(2);
  threads.onBatch = () => {
    if (threads.batches === 8) threads.kill();
  };
  const outcomes = await at.run(smallOf(at));
  assert.equal(outcomes.length, COUNT);
  const rows = at.rows();
  const { right } = at.trees() as { right: Record<string, Tree> };
  let unknown = 0;
  for (const [n, { action: { path }, kind, detail }] of outcomes.entries()) {
    const [folder = "", name = ""] = path.split("/");
    const there = right[folder]?.[name];
    assert.equal(path in rows, kind === "done", path);
    if (kind === "done") assert.equal(there, words(n), path);
    else {
      unknown++;
      assert.match(detail ?? "", /^it is not known what became of it/);
      assert.ok(there === undefined || there === words(n), path);
    }
  }
  // One is made, and one waits.
  assert.ok(unknown > 0 && unknown <= 40, `${unknown} are not known`);
});

Deno.test("when the only thread is killed, nobody starts another one for what it had not begun", async () => {
  using at = new Bench().write({ left: many(words) });
  folders(at);
  const threads = at.useThreads(1);
  at.onOutcome = () => threads.kill();
  const outcomes = await at.run(smallOf(at));
  assert.equal(threads.actors, 0);
  const left = outcomes.slice(-100);
  for (const { kind, detail } of left) {
    assert.equal(kind, "skipped");
    assert.match(detail ?? "", /^no thread is left that changes files/);
  }
  const files = at.names("right").filter((it) => it.endsWith(".txt"));
  assert.ok(files.length < COUNT - 100);
});
