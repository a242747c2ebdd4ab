import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { summarize } from "../lib/report_text.ts";
import { LONG_AGO, scenario } from "./support/scenario.ts";
import { DiskOffice, file, type Tree } from "./support/support.ts";

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
    using other = new DiskOffice();
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
  using office = new DiskOffice();
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
  using office = new DiskOffice();
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
