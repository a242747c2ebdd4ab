import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { summarize } from "../lib/report_text.ts";
import { LONG_AGO, scenario } from "./support/scenario.ts";
import { file, Office, type Tree } from "./support/support.ts";

const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";

/** The same on both sides, times included. */
function common(): Tree {
  const files = Array.from({ length: 40 }, (_, n) => [
    `f${n}.txt`,
    file(`content ${n}`, { mtime: LONG_AGO + n * 1000 }),
  ]);
  return { shared: Object.fromEntries(files), empty: {} };
}

function rows(stateDb: string): Record<string, unknown>[] {
  using db = new DatabaseSync(stateDb, { readOnly: true });
  return db.prepare(
    "SELECT path, exists_left, exists_right, mtime_left, mtime_right, " +
      "size_left, size_right FROM files ORDER BY path",
  ).all();
}

scenario(
  "first run on two folders already filled and mostly equal",
  async (stage) => {
    stage.write({
      left: {
        ...common(),
        "only here.txt": file("l", { mtime: OLDER }),
        "other time.txt": file("same", { mtime: OLDER }),
        "other content.txt": file("older", { mtime: OLDER }),
      },
      right: {
        ...common(),
        "only there.txt": file("r", { mtime: OLDER }),
        "other time.txt": file("same", { mtime: NEWER }),
        "other content.txt": file("newer!", { mtime: NEWER }),
      },
    });
    const { document } = await stage.does([
      "5.9 COPY_LEFT_TO_RIGHT only here.txt",
      "5.10 COPY_RIGHT_TO_LEFT only there.txt",
      "- RENAME_LEFT other time.txt",
      "5.2 CLASH_CREATE other content.txt -> " +
      "other content.clash-20240301-100005-left.txt",
      "5.2 COPY_RIGHT_TO_LEFT other content.txt",
    ]);
    assert.equal(document.summary.NOOP, 40);
    assert.equal(document.summary.unknown, 0);
    const { left } = stage.trees();
    assert.equal(Object.keys(left.shared ?? {}).length, 40);
    assert.equal(rows(stage.office.stateDb).length, 40 + 5);
  },
);

scenario(
  "the record has both sides' metadata of each file, in seconds and bytes",
  async (stage) => {
    stage.write({ left: { "a.txt": file("abc", { mtime: OLDER }) } });
    await stage.ends(0);
    const seconds = Date.parse(OLDER) / 1000;
    assert.deepEqual(rows(stage.office.stateDb).map((row) => ({ ...row })), [{
      path: "a.txt",
      exists_left: 1,
      exists_right: 1,
      mtime_left: seconds,
      mtime_right: seconds,
      size_left: 3,
      size_right: 3,
    }]);
  },
  { isMirrored: false },
);

scenario("first run on two empty folders does nothing", async (stage) => {
  const { document } = await stage.does([]);
  assert.equal(document.summary.NOOP, 0);
  stage.holds({});
}, { isMirrored: false });

scenario(
  "a second run straight after the first does nothing",
  async (stage) => {
    stage.write({
      left: { ...common(), "fresh.txt": "just written" },
      right: { "fresh too.txt": "just written" },
    });
    await stage.ends(0);
    const before = stage.snapshots();
    const { document } = await stage.does([]);
    assert.equal(document.summary.NOOP, 42);
    assert.equal(document.summary.bytesCopied, 0);
    assert.deepEqual(stage.snapshots(), before);
  },
  { isMirrored: false },
);

for (const verifies of [false, true]) {
  const how = verifies ? "are read with verify_first_run" : "count as equal";
  scenario(`first run: files of equal size and time ${how}`, async (stage) => {
    stage.write({
      left: { "a.txt": file("abc", { mtime: OLDER }) },
      right: { "a.txt": file("xyz", { mtime: OLDER }) },
    });
    await stage.does(
      verifies
        ? [
          "5.2 CLASH_CREATE a.txt -> a.clash-20240301-100005-right.txt",
          "5.2 COPY_LEFT_TO_RIGHT a.txt",
        ]
        : [],
    );
    const { left, right } = stage.trees();
    assert.deepEqual(
      [left["a.txt"], right["a.txt"]],
      verifies ? ["abc", "abc"] : ["abc", "xyz"],
    );
  }, {
    settings: `compare:\n  verify_first_run: ${verifies}\n`,
    isMirrored: false,
    leavesAlone: !verifies,
  });
}

scenario(
  "a rewrite that keeps size and time is found when the extension is always read (R 5.3)",
  async (stage) => {
    await stage.begin({ "old.xls": "abc", "plain.txt": "abc" });
    stage.write({
      left: {
        "old.xls": file("xyz", { mtime: LONG_AGO }),
        "plain.txt": file("abc", { mtime: LONG_AGO }),
      },
    });
    await stage.does(["5.3 COPY_LEFT_TO_RIGHT old.xls"]);
    stage.holds({ "old.xls": "xyz", "plain.txt": "abc" });
  },
  { settings: "compare:\n  always_read: [xls]\n", isMirrored: false },
);

/** Files whose times lie around the moment at which a run looks at them. */
function young(startMs: number, content: string): Tree {
  return Object.fromEntries(
    Array.from({ length: 300 }, (_, n) => [
      `f${n}.txt`,
      file(content, { mtime: startMs + n * 20 }),
    ]),
  );
}

function freshPaths(stateDb: string): string[] {
  using db = new DatabaseSync(stateDb, { readOnly: true });
  return db.prepare("SELECT path FROM files WHERE fresh_left = 1").all()
    .map(({ path }) => String(path));
}

scenario(
  "a file rewritten in the very moment of the last look is read (R 5.3)",
  async (stage) => {
    let start = 0;
    let fresh: string[] = [];
    // Which moment a file is looked at in is left to chance.
    for (let round = 0; round < 10 && fresh.length === 0; round++) {
      start = Date.now();
      stage.write({ left: young(start, `one, ${round}`) });
      // In another round, all files are others.
      await stage.office.settle({ allowed: { deletes: false, changes: true } });
      fresh = freshPaths(stage.office.stateDb);
    }
    assert.ok(fresh.length > 0, "some were looked at in their first moment");
    const rewritten = Object.entries(young(start, "two, 0"))
      .filter(([name]) => fresh.includes(name));
    stage.write({ left: Object.fromEntries(rewritten) });
    await stage.does(fresh.map((path) => `5.3 COPY_LEFT_TO_RIGHT ${path}`));
  },
  { isMirrored: false },
);

scenario(
  "two PCs share one Right: each brings and takes changes",
  async (stage) => {
    using other = new Office();
    Deno.writeTextFileSync(
      other.config,
      `left_root: left\nright_root: ${stage.office.right}\n`,
    );
    await stage.begin({ "a.txt": "a", "b.txt": "b", "c.txt": "c" });
    await other.settle();
    stage.write({ left: { "a.txt": "edited on the first" } });
    stage.remove("left", "b.txt");
    await stage.ends(0);
    const { code } = await other.command();
    assert.equal(code, 0);
    const held = { "a.txt": "edited on the first", "c.txt": "c" };
    stage.holds(held);
    Deno.renameSync(
      `${other.left}/c.txt`,
      `${other.left}/named on the second.txt`,
    );
    assert.equal((await other.command()).code, 0);
    await stage.does(["5.12 RENAME_LEFT c.txt -> named on the second.txt"]);
  },
  { isMirrored: false },
);

Deno.test("a first meeting records what is alike as it does when it lists everything", async () => {
  using office = new Office();
  const tree: Tree = {
    ...common(),
    deep: { er: { "a.txt": file("a", { mtime: OLDER }), empty: {} } },
    "other time.txt": file("same", { mtime: OLDER }),
    twins: {
      "x.txt": file("x", { mtime: OLDER }),
      "y.txt": file("y", { mtime: NEWER }),
    },
  };
  office.write({ left: tree, right: tree });
  office.write({
    right: { "other time.txt": file("same", { mtime: NEWER }) },
  });
  const recorded = async (listUnchanged: boolean): Promise<unknown> => {
    const result = await office.run({ listUnchanged });
    assert.equal(result.exitCode, 0);
    const all = [rows(office.stateDb), digests(office.stateDb)];
    const { NOOP } = summarize(result);
    Deno.removeSync(office.stateDb);
    for (const root of [office.left, office.right]) {
      Deno.removeSync(`${root}/.office-sync`, { recursive: true });
      Deno.utimeSync(`${root}/other time.txt`, OLDER_DATE, OLDER_DATE);
    }
    Deno.utimeSync(`${office.right}/other time.txt`, NEWER_DATE, NEWER_DATE);
    return [...all, NOOP];
  };
  const plain = await recorded(false);
  assert.deepEqual(plain, await recorded(true));
});

const OLDER_DATE = new Date(OLDER);
const NEWER_DATE = new Date(NEWER);

function digests(stateDb: string): Record<string, unknown>[] {
  using db = new DatabaseSync(stateDb, { readOnly: true });
  return db.prepare(
    "SELECT path, agreed, digest_left, digest_right FROM directories ORDER BY path",
  ).all();
}

Deno.test("the clash copy that a lost record left is known again as what it is", async () => {
  using office = new Office();
  const older = file("older", { mtime: OLDER });
  office.write({
    left: { "a.txt": older },
    right: { "a.txt": file("newer", { mtime: NEWER }) },
  });
  await office.settle();
  Deno.removeSync(office.stateDb);
  // As if the run had died before the last of its steps.
  office.write({ left: { "a.txt": older } });
  await office.settle();
  assert.deepEqual(Object.keys(office.trees().left).sort(), [
    "a.clash-20240301-100005-left.txt",
    "a.txt",
  ]);
});
