import assert from "node:assert/strict";
import { takeLock } from "../lib/state_db.ts";
import {
  LONG_AGO,
  programScenario as scenario,
  type Stage,
  type Told,
} from "./support/scenario.ts";
import { file, MemoryOffice, softDeleted } from "./support/support.ts";

/** The command `conflicts`: what is open, and how one is resolved. */

const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";
const MARK = "clash-20240301-100005";

const NOTIFY = "conflict_policy:\n" +
  ["modify_modify", "new_new", "metadata_conflict"]
    .map((kind) => `  ${kind}: notify\n`).join("");

/** Each starts the command several times: as it is written is enough. */
const ALONE = { settings: NOTIFY, isMirrored: false };

type Take = "left" | "right" | "both";

/** The real command, on the side that stands for the one that is told. */
function resolve(stage: Stage, path: string, take: Take): Promise<Told> {
  const swapped = take === "left" ? "right" : "left";
  const side = take === "both" || !stage.isMirrored ? take : swapped;
  return stage.run("conflicts", "resolve", path, side);
}

async function listed(stage: Stage): Promise<string[]> {
  const { conflicts } = await stage.office.json("conflicts");
  return conflicts.map((it: { path: string }) => it.path);
}

/** Left is older; an ordinary run has left it open. */
async function disagree(stage: Stage, content = "newer!"): Promise<void> {
  await stage.begin({ d: { "a.txt": "first" }, "q.txt": "q" });
  stage.write({
    left: { d: { "a.txt": file("older edit", { mtime: OLDER }) } },
    right: { d: { "a.txt": file(content, { mtime: NEWER }) } },
  });
  assert.equal((await stage.office.run()).exitCode, 1);
}

scenario(
  "conflicts resolve: the older version of left is chosen, that of right goes to soft delete",
  async (stage) => {
    await disagree(stage);
    assert.deepEqual(await listed(stage), ["d/a.txt"]);
    const told = await resolve(stage, "d/a.txt", "left");
    assert.equal(told.code, 0, told.stderr);
    assert.deepEqual(told.lines, [
      "5.1 COPY_LEFT_TO_RIGHT d/a.txt -> deleted/d/a.txt",
    ]);
    assert.match(
      told.document.actions[0]!.reason,
      /Left's was chosen; the other version goes to soft delete/,
    );
    stage.holds({ d: { "a.txt": "older edit" }, "q.txt": "q" });
    assert.deepEqual(stage.softDeleted("right"), { "d/a.txt": "newer!" });
    assert.deepEqual(await listed(stage), []);
    const { run, actions } = await stage.office.json(
      "history",
      told.document.run.id,
    );
    assert.equal(run.exitCode, 0);
    assert.deepEqual(
      actions.map((it: { outcome: string }) => it.outcome),
      ["done"],
    );
  },
  ALONE,
);

scenario(
  "conflicts resolve: both is the clash policy",
  async (stage) => {
    await disagree(stage);
    const told = await resolve(stage, "d/a.txt", "both");
    assert.deepEqual(told.lines, [
      `5.1 CLASH_CREATE d/a.txt -> d/a.${MARK}-left.txt`,
      "5.1 COPY_RIGHT_TO_LEFT d/a.txt",
    ]);
    stage.holds({
      d: { [`a.${MARK}-left.txt`]: "older edit", "a.txt": "newer!" },
      "q.txt": "q",
    });
  },
  ALONE,
);

for (const settings of ["enabled: false", "max_size_mb: 0.000001"]) {
  scenario(
    `conflicts resolve: what soft delete would not take becomes a clash copy (${settings})`,
    async (stage) => {
      await disagree(stage);
      const told = await resolve(stage, "d/a.txt", "left");
      const copy = "a.clash-20240302-113000-right.txt";
      assert.deepEqual(told.lines, [
        `5.1 CLASH_CREATE d/a.txt -> d/${copy}`,
        "5.1 COPY_LEFT_TO_RIGHT d/a.txt",
      ]);
      stage.holds({
        d: { [copy]: "newer!", "a.txt": "older edit" },
        "q.txt": "q",
      });
    },
    { isMirrored: false, settings: `${NOTIFY}soft_delete:\n  ${settings}\n` },
  );
}

scenario(
  "conflicts resolve: never against a version of right that was not listed",
  async (stage) => {
    await disagree(stage);
    // As long as the listed one: only its time tells.
    stage.write({
      right: { d: { "a.txt": file("NEWER?", { mtime: "2024-03-03" }) } },
    });
    const before = stage.snapshots();
    const told = await resolve(stage, "d/a.txt", "left");
    assert.equal(told.code, 1);
    assert.match(told.document.guard!.reason, /not as it was.*Run sync again/);
    assert.deepEqual(stage.snapshots(), before);
    assert.deepEqual(await listed(stage), ["d/a.txt"]);
    await stage.ends(1);
    assert.equal((await resolve(stage, "d/a.txt", "left")).code, 0);
    assert.deepEqual(stage.softDeleted("right"), { "d/a.txt": "NEWER?" });
  },
  ALONE,
);

scenario(
  "conflicts resolve does nothing else, and leaves other conflicts listed",
  async (stage) => {
    await disagree(stage);
    stage.write({
      left: { "n.txt": file("of Left", { mtime: OLDER }) },
      right: { "n.txt": file("of Right!", { mtime: NEWER }) },
    });
    await stage.ends(1);
    const { conflicts } = await stage.office.json("conflicts");
    stage.write({ left: { "later.txt": "later" } });
    stage.remove("right", "q.txt");
    const told = await resolve(stage, "d/a.txt", "right");
    assert.deepEqual([told.code, told.lines], [0, [
      "5.1 COPY_RIGHT_TO_LEFT d/a.txt -> deleted/d/a.txt",
    ]]);
    assert.deepEqual(stage.trees(), {
      left: {
        d: { "a.txt": "newer!" },
        "later.txt": "later",
        "n.txt": "of Left",
        "q.txt": "q",
      },
      right: { d: { "a.txt": "newer!" }, "n.txt": "of Right!" },
    });
    const after = await stage.office.json("conflicts");
    assert.deepEqual(after.conflicts, conflicts.slice(1));
    await resolve(stage, "n.txt", "both");
    await stage.ends(0);
  },
  ALONE,
);

/** Left has a file where right has a folder, with changes of right in it. */
async function fileAgainstFolder(stage: Stage): Promise<void> {
  await stage.begin({
    x: { "same.txt": "same", "edited.txt": "first", sub: { "s.txt": "s" } },
    "other.txt": "o",
  });
  stage.remove("left", "x");
  stage.write({
    left: { x: file("a file", { mtime: OLDER }) },
    right: { x: { "edited.txt": file("edited", { mtime: NEWER }) } },
  });
  await stage.ends(1);
  assert.deepEqual(await listed(stage), ["x"]);
}

scenario(
  "conflicts resolve: the folder of right is chosen against a file, with all in it",
  async (stage) => {
    await fileAgainstFolder(stage);
    const told = await resolve(stage, "x", "right");
    assert.equal(told.code, 0, told.stderr);
    stage.holds({
      "other.txt": "o",
      x: { "edited.txt": "edited", "same.txt": "same", sub: { "s.txt": "s" } },
    });
    assert.deepEqual(stage.softDeleted("left"), { x: "a file" });
    assert.deepEqual(stage.softDeleted("right"), {});
  },
  ALONE,
);

scenario(
  "conflicts resolve: a file of left that soft delete would not take leaves its name to the folder",
  async (stage) => {
    await fileAgainstFolder(stage);
    const told = await resolve(stage, "x", "right");
    assert.equal(told.code, 0, told.stderr);
    stage.holds({
      "other.txt": "o",
      x: { "edited.txt": "edited", "same.txt": "same", sub: { "s.txt": "s" } },
      [`x.${MARK}-left`]: "a file",
    });
  },
  {
    isMirrored: false,
    settings: `${NOTIFY}soft_delete:\n  max_size_mb: 0.000001\n`,
  },
);

scenario(
  "conflicts resolve: a file of left is not chosen against a folder nobody has looked into",
  async (stage) => {
    await fileAgainstFolder(stage);
    const before = stage.snapshots();
    const told = await resolve(stage, "x", "left");
    assert.equal(told.code, 2);
    const { error } = told.document as unknown as {
      error: { message: string };
    };
    assert.match(error.message, /a folder on Right.*rename/);
    assert.deepEqual(stage.snapshots(), before);
    assert.deepEqual(await listed(stage), ["x"]);
    // What the message says to do.
    stage.rename("right", "x", "x-old");
    await stage.ends(0);
    const { left } = stage.trees();
    assert.deepEqual(Object.keys(left), ["other.txt", "x", "x-old"]);
    assert.equal(left["x"], "a file");
  },
  ALONE,
);

scenario(
  "conflicts resolve: what an action builds on is done with it",
  async (stage) => {
    await stage.begin({ "plan.txt": "p", "q.txt": "q" });
    stage.rename("left", "plan.txt", "one.txt");
    stage.write({ right: { "new folder": {} } });
    stage.rename("right", "plan.txt", "new folder/plan.txt");
    await stage.ends(1);
    // The run has made the folder on left; it is gone again.
    stage.remove("left", "new folder");
    stage.write({ right: { "new folder": { "more.txt": "more" } } });
    const told = await resolve(stage, "plan.txt", "right");
    assert.deepEqual([told.code, told.lines], [
      0,
      [
        "5.12 CREATE_DIR_LEFT new folder",
        "5.13 RENAME_LEFT one.txt -> new folder/plan.txt",
      ].map((it) => it.replace(/^5\.12 (CREATE)/, "$1")).sort(),
    ]);
    await stage.ends(0);
  },
  ALONE,
);

scenario(
  "conflicts resolve: mode and time of right are chosen",
  async (stage) => {
    await stage.begin({ "a.txt": file("a", { mode: 0o644 }) });
    stage.write({
      left: { "a.txt": file("a", { mode: 0o600, mtime: NEWER }) },
      right: { "a.txt": file("a", { mode: 0o640, mtime: OLDER }) },
    });
    await stage.ends(1);
    const told = await resolve(stage, "a.txt", "right");
    assert.deepEqual([told.code, told.lines], [0, [
      "5.13 RENAME_LEFT a.txt",
    ]]);
    const { mode, mtime } = Deno.statSync(stage.at("left", "a.txt"));
    assert.equal(mode! & 0o777, 0o640);
    assert.equal(mtime!.toISOString(), new Date(OLDER).toISOString());
  },
  ALONE,
);

Deno.test("conflicts resolve: only what is listed, and only while no run is active", async () => {
  using office = new MemoryOffice(NOTIFY);
  const none = await office.commandHere("conflicts");
  assert.deepEqual([none.code, none.stderr], [0, ""]);
  assert.match(none.stdout, /No conflict is open/);
  const early = await office.commandHere(
    "conflicts",
    "resolve",
    "a.txt",
    "left",
  );
  assert.deepEqual([early.code, early.stdout], [2, ""]);
  assert.match(early.stderr, /^No conflict is open at "a.txt"/);
  office.write({ left: { "a.txt": "l", "b.txt": "b" } });
  office.write({ right: { "a.txt": "right" } });
  await office.run();
  const other = await office.commandHere(
    "conflicts",
    "resolve",
    "b.txt",
    "left",
  );
  assert.equal(other.code, 2);
  const outside = await office.json("conflicts", "resolve", "../a.txt", "left");
  assert.equal(outside.error.code, 2);
  {
    using _lock = takeLock(office.stateDb);
    const busy = await office.commandHere(
      "conflicts",
      "resolve",
      "a.txt",
      "left",
    );
    assert.equal(busy.code, 4, busy.stderr);
  }
  assert.deepEqual(office.trees().right, { "a.txt": "right", "b.txt": "b" });
  // Typed with its root, as a file manager copies it.
  const path = `${office.right}/a.txt`;
  const done = await office.commandHere("conflicts", "resolve", path, "left");
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^Resolved: a.txt: new on both sides; Left's/);
  assert.deepEqual(softDeleted(office.right), { "a.txt": "right" });
});

Deno.test("conflicts resolve stops at a guard, and nothing is changed", async () => {
  using office = new MemoryOffice(`${NOTIFY}safety:\n  max_delete_files: 0\n`);
  office.write({ left: { "a.txt": "a", "b.txt": "b" } });
  await office.agree();
  office.write({ left: { "a.txt": "left!" }, right: { "a.txt": "right!!" } });
  await office.run();
  for (const name of ["b.txt"]) Deno.removeSync(`${office.left}/${name}`);
  office.configure(
    `${NOTIFY}safety:\n  max_delete_files: 0\n  max_delete_percent: 1\n`,
  );
  const stopped = await office.commandHere(
    "conflicts",
    "resolve",
    "a.txt",
    "left",
  );
  assert.equal(stopped.code, 3, stopped.stderr);
  assert.equal(office.trees().right["a.txt"], "right!!");
});

Deno.test("conflicts: every key of the document is there", async () => {
  using office = new MemoryOffice(NOTIFY);
  const mtime = "2024-03-01T10:00:05.000Z";
  office.write({ left: { "a.txt": file("l", { mtime }), x: "file" } });
  office.write({ right: { "a.txt": file("right", { mtime }), x: {} } });
  const { id, startedAtMs } = await office.run();
  const since = { run: id, startedAt: new Date(startedAtMs).toISOString() };
  const { conflicts } = await office.json("conflicts");
  assert.deepEqual(conflicts[0], {
    path: "a.txt",
    kind: "new_new",
    rule: "5.2",
    left: { path: "a.txt", sizeBytes: 1, mtime },
    right: { path: "a.txt", sizeBytes: 5, mtime },
    since,
  });
  assert.equal(conflicts[1].path, "x");
  assert.equal(conflicts[1].right, null);
  // A later run keeps what was open before.
  await office.run();
  const again = await office.json("conflicts");
  assert.deepEqual(again.conflicts, conflicts);
  const text = await office.commandHere("conflicts");
  assert.match(text.stdout, /^x {2}\[new_new, rule 5.2, open since /m);
  assert.match(text.stdout, /^ {2}Right: a folder$/m);
});

Deno.test("conflicts resolve leaves what compare.always_read needs to the next run", async () => {
  using office = new MemoryOffice(NOTIFY);
  const mtime = LONG_AGO;
  office.write({
    left: { "a.txt": file("a", { mtime }), "b.xls": file("one", { mtime }) },
  });
  await office.agree();
  office.write({ left: { "a.txt": "left!" }, right: { "a.txt": "right!!" } });
  await office.run();
  office.configure(`${NOTIFY}compare:\n  always_read: [xls]\n`);
  await office.run({ resolve: { path: "a.txt", take: "left" } });
  await office.agree();
  office.write({ left: { "b.xls": file("two", { mtime }) } });
  await office.agree();
  assert.equal(office.trees().right["b.xls"], "two");
});

const COPY = `d/a.${MARK}-left.txt`;

/** The older version of left is a clash copy, the newer one the file. */
async function clash(stage: Stage): Promise<void> {
  await stage.begin({ d: { "a.txt": "first" }, "q.txt": "q" });
  stage.write({
    left: { d: { "a.txt": file("older edit", { mtime: OLDER }) } },
    right: { d: { "a.txt": file("newer!", { mtime: NEWER }) } },
  });
  assert.equal((await stage.office.run()).exitCode, 0);
}

async function copies(stage: Stage): Promise<string[]> {
  const { clashCopies } = await stage.office.json("conflicts");
  return clashCopies.map((it: { copy: { path: string }; of: string }) =>
    `${it.copy.path} of ${it.of}`
  );
}

const CLASH = { isMirrored: false };

scenario(
  "conflicts lists clash copies that are still there, each with its file",
  async (stage) => {
    await clash(stage);
    assert.deepEqual(await copies(stage), [`${COPY} of d/a.txt`]);
    const { stdout } = await stage.office.commandHere("conflicts");
    assert.match(
      stdout,
      /No conflict is open.*still there:\nd\/a\.clash-\S+\n {2}copy: 2024-03-01.*10 bytes\n {2}file: d\/a\.txt, 2024-03-02.*\n\nTo settle one: .* CLASHCOPY file\|copy\|both/s,
    );
    const why = await stage.office.json("why", COPY);
    assert.equal(why.clashOf, "d/a.txt");
    assert.equal((await stage.office.json("why", "d/a.txt")).clashOf, null);
    stage.remove("left", COPY, "d/a.txt");
    await stage.ends(0);
    assert.deepEqual(await copies(stage), []);
  },
  CLASH,
);

/** [what is chosen, what is there then, what is soft-deleted on each side] */
const SETTLED = [
  ["file", { "a.txt": "newer!" }, { [COPY]: "older edit" }],
  ["copy", { "a.txt": "older edit" }, { "d/a.txt": "newer!" }],
  ["both", {
    "a.txt": "newer!",
    [`a.${MARK}-left.txt`]: "older edit",
  }, {}],
] as const;

for (const [keep, left, deleted] of SETTLED) {
  for (const settings of ["", "soft_delete: { enabled: false }\n"]) {
    scenario(
      `conflicts resolve CLASHCOPY ${keep}: nothing is lost (${settings})`,
      async (stage) => {
        await clash(stage);
        const told = await stage.run("conflicts", "resolve", COPY, keep);
        assert.equal(told.code, 0, told.stderr);
        stage.holds({ d: left, "q.txt": "q" });
        for (const side of ["left", "right"] as const) {
          assert.deepEqual(stage.softDeleted(side), deleted);
        }
        assert.deepEqual(await copies(stage), []);
        // The record knows: the next run has nothing to do.
        const next = await stage.run();
        assert.deepEqual([next.code, next.lines], [0, []]);
      },
      { ...CLASH, settings },
    );
  }
}

scenario(
  "a clash copy that was settled with both is listed no more, also in a folder with a new name",
  async (stage) => {
    await clash(stage);
    await stage.run("conflicts", "resolve", COPY, "both");
    stage.rename("left", "d", "e");
    await stage.ends(0);
    assert.deepEqual(await copies(stage), []);
  },
  CLASH,
);

/** What somebody did after the copy was listed. */
const MEANWHILE: Record<string, (stage: Stage) => void> = {
  "the copy was edited on right": (stage) =>
    stage.write({
      right: {
        d: { [`a.${MARK}-left.txt`]: file("edited", { mtime: NEWER }) },
      },
    }),
  "the copy is gone on left": (stage) => stage.remove("left", COPY),
  "the file was edited on left": (stage) =>
    stage.write({ left: { d: { "a.txt": file("edited", { mtime: OLDER }) } } }),
  "the file is gone on right": (stage) => stage.remove("right", "d/a.txt"),
};

for (const [what, change] of Object.entries(MEANWHILE)) {
  scenario(
    `conflicts resolve CLASHCOPY: nothing is done where ${what}`,
    async (stage) => {
      await clash(stage);
      change(stage);
      const before = stage.snapshots();
      for (const keep of ["file", "copy", "both"]) {
        const told = await stage.run("conflicts", "resolve", COPY, keep);
        assert.equal(told.code, 1);
        assert.match(told.document.guard!.reason, /not as it was.*Run sync/);
        assert.deepEqual(stage.snapshots(), before);
      }
      assert.equal((await copies(stage)).length, 1);
      await stage.office.run();
    },
    CLASH,
  );
}

scenario(
  "conflicts resolve CLASHCOPY copy gives it the name that its file had",
  async (stage) => {
    await clash(stage);
    stage.remove("left", "d/a.txt");
    await stage.ends(0);
    const told = await stage.run("conflicts", "resolve", COPY, "copy");
    assert.equal(told.code, 0, told.stderr);
    stage.holds({ d: { "a.txt": "older edit" }, "q.txt": "q" });
    await stage.ends(0);
  },
  CLASH,
);

scenario(
  "conflicts resolve CLASHCOPY: nothing is done to a file that somebody has open",
  async (stage) => {
    await clash(stage);
    const owner = "Anna Berg,anna,pc-7,30.11.2026 09:12,;";
    stage.write({ right: { d: { ".~lock.a.txt#": owner } } });
    const before = stage.snapshots();
    const told = await stage.run("conflicts", "resolve", COPY, "copy");
    assert.equal(told.code, 1);
    assert.match(
      told.document.guard!.reason,
      /^On Right, d\/a\.txt is open by Anna Berg .* closed there/,
    );
    assert.deepEqual(stage.snapshots(), before);
    const kept = await stage.run("conflicts", "resolve", COPY, "file");
    assert.equal(kept.code, 0, kept.stderr);
    stage.remove("right", "d/.~lock.a.txt#");
    stage.holds({ d: { "a.txt": "newer!" }, "q.txt": "q" });
    await stage.ends(0);
  },
  CLASH,
);

scenario(
  "conflicts resolve takes what fits: of a conflict a side, of a clash copy what is to be the file",
  async (stage) => {
    await clash(stage);
    const say = async (...words: string[]) => {
      const told = await stage.office.commandHere(
        "conflicts",
        "resolve",
        ...words,
      );
      assert.equal(told.code, 2);
      return told.stderr;
    };
    assert.match(
      await say(COPY, "left"),
      /is a clash copy: file, copy or both/,
    );
    assert.match(await say("q.txt", "file"), /No conflict.*nor is it a clash/);
    assert.match(await say(COPY, "middle"), /left, right or both for a conf/);
  },
  CLASH,
);
