import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { summarize } from "../lib/report_text.ts";
import {
  LONG_AGO,
  scenario,
  type Stage,
  type Told,
} from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";
import { file, MemoryOffice, type Tree } from "./support/support.ts";

/** Puts text into the config in place of the roots' lines. */
function useRoots(stage: Stage, left: string, right: string): void {
  Deno.writeTextFileSync(
    stage.office.config,
    `left_root: ${left}\nright_root: ${right}\n`,
  );
}

/** A run that a guard stops, with nothing changed below either root. */
async function stops(
  stage: Stage,
  guard: string,
  says: RegExp,
  ...args: readonly string[]
): Promise<void> {
  const before = stage.snapshots();
  const { document } = await stage.ends(guard === "lock" ? 4 : 3, ...args);
  assert.equal(document.guard?.name, guard);
  assert.match(document.guard.reason, says);
  assert.deepEqual(document.actions, []);
  assert.deepEqual(stage.snapshots(), before, "nothing was changed");
}

/** Both sides agree, and each has an edit that a run would copy. */
async function pending(stage: Stage): Promise<void> {
  await stage.begin({ "a.txt": "a", d: { "b.txt": "b" } });
  stage.write({ left: { "new.txt": "new" } });
  stage.remove("right", "d/b.txt");
}

const PENDING = [
  "5.9 COPY_LEFT_TO_RIGHT new.txt",
  "5.8 SOFT_DELETE_LEFT d/b.txt -> deleted/d/b.txt",
];

scenario(
  "guard lock: a run stops with 4 while another is active",
  async (stage) => {
    await pending(stage);
    const lock = Deno.openSync(`${stage.office.stateDb}.lock`, {
      write: true,
      create: true,
    });
    lock.lockSync(true);
    try {
      await stops(stage, "lock", /[Aa]nother run/);
    } finally {
      lock.close();
    }
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario(
  "guard lock: of two runs at once one does all, the other nothing",
  async (stage) => {
    await pending(stage);
    const names = Array.from({ length: 400 }, (_, n) => `many${n}.txt`);
    stage.write({
      left: Object.fromEntries(names.map((name) => [name, name])),
    });
    const told = await Promise.all([stage.run(), stage.run(), stage.run()]);
    const codes = told.map(({ code }) => code).sort();
    assert.equal(codes[0], 0);
    for (const { code, lines } of told) {
      assert.ok(code === 0 || code === 4, `${code}`);
      if (code === 4) assert.deepEqual(lines, []);
    }
    assert.equal(
      told.flatMap(({ lines }) => lines).length,
      402,
      "each thing once",
    );
  },
  { isMirrored: false },
);

scenario("guard roots: the left root is missing", async (stage) => {
  await pending(stage);
  const left = stage.root("left");
  Deno.renameSync(left, `${left}-away`);
  const right = stage.root("right");
  const before = snapshot(right);
  const { document } = await stage.ends(3);
  assert.equal(document.guard?.name, "roots");
  assert.match(document.guard.reason, /does not exist/);
  assert.deepEqual(snapshot(right), before);
  assert.throws(() => Deno.statSync(left), "nobody made a new folder there");
  Deno.renameSync(`${left}-away`, left);
  await stage.does(PENDING);
});

scenario(
  "guard roots: a root is a file, the other, or inside it",
  async (stage) => {
    await pending(stage);
    const { folder, config } = stage.office;
    const asItWas = Deno.readTextFileSync(config);
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync("left", `${folder}/link`);
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ["file", "right", /not a folder/],
      ["left", "file", /not a folder/],
      ["left", "left", /same folder/],
      ["left", "link", /same folder/],
      ["left", "left/d", /inside/],
      ["right/d", "right", /inside/],
    ];
    for (const [left, right, says] of cases) {
      useRoots(stage, left, right);
      await stops(stage, "roots", says);
    }
    Deno.writeTextFileSync(config, asItWas);
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario("guard roots: the left root can't be read", async (stage) => {
  await pending(stage);
  const before = stage.snapshots();
  Deno.chmodSync(stage.root("left"), 0o000);
  const told = stage.told(await stage.office.humbleHere("--json"));
  Deno.chmodSync(stage.root("left"), 0o755);
  assert.equal(told.code, 3);
  assert.equal(told.document.guard?.name, "roots");
  assert.deepEqual(stage.snapshots(), before);
  await stage.does(PENDING);
}, { isMirrored: false });

scenario("guard state: a corrupt state DB stops the run", async (stage) => {
  await pending(stage);
  const { stateDb } = stage.office;
  const whole = Deno.readFileSync(stateDb);
  Deno.writeTextFileSync(
    stateDb,
    "this is no database, it is a text. ".repeat(400),
  );
  await stops(stage, "state", /\S/);
  const torn = whole.slice();
  torn.fill(0x5a, 4096, torn.length - 4096);
  Deno.writeFileSync(stateDb, torn);
  await stops(stage, "state", /\S/);
  Deno.writeFileSync(stateDb, whole);
  await stage.does(PENDING);
}, { isMirrored: false });

scenario(
  "guard state: a state DB of a newer version stops the run",
  async (stage) => {
    await pending(stage);
    const version = (change: (version: number) => number) => {
      using db = new DatabaseSync(stage.office.stateDb);
      const { user_version } = db.prepare("PRAGMA user_version").get()!;
      db.exec(`PRAGMA user_version = ${change(Number(user_version))}`);
    };
    version((is) => is + 1);
    await stops(stage, "state", /newer/);
    version((is) => is - 1);
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario(
  "a lost state DB: a first meeting with a warning, deletions come back",
  async (stage) => {
    await stage.begin({ "a.txt": "a", "b.txt": "b" });
    stage.remove("left", "b.txt");
    for (const { name } of [...Deno.readDirSync(stage.office.folder)]) {
      if (name.startsWith("config.db")) {
        Deno.removeSync(`${stage.office.folder}/${name}`);
      }
    }
    const { stderr } = await stage.does(["5.10 COPY_RIGHT_TO_LEFT b.txt"]);
    assert.match(stderr, /deleted .*come back/);
    const log = Deno.readTextFileSync(stage.office.log);
    assert.match(log, / WARNING .*come back/);
    stage.holds({ "a.txt": "a", "b.txt": "b" });
    assert.equal(
      Deno.statSync(stage.at("left", "b.txt")).mtime?.getTime(),
      LONG_AGO,
    );
  },
  { isMirrored: false, by: "program" },
);

for (
  const [what, settings] of [
    ["state DB", "state_db: left/sub/office-sync.db"],
    ["log", "logging:\n  file: right/office-sync.log"],
  ]
) {
  scenario(
    `the ${what} inside a root: exit 2, nothing is touched`,
    async (stage) => {
      await pending(stage);
      Deno.mkdirSync(`${stage.office.left}/sub`);
      await stage.office.agree();
      stage.write({ left: { "new 2.txt": "new" } });
      stage.office.configure(`${settings}\n`);
      const before = stage.snapshots();
      const { code, stdout, stderr } = await stage.office.commandHere();
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /config\.yaml:\d+:\d+: .*(state_db|logging\.file)/);
      assert.deepEqual(stage.snapshots(), before);
      stage.office.configure("");
      await stage.does(["5.9 COPY_LEFT_TO_RIGHT new 2.txt"]);
    },
    { isMirrored: false },
  );
}

const IDENTITY = ".office-sync/root.json";

function idOf(root: string): string {
  return JSON.parse(Deno.readTextFileSync(`${root}/${IDENTITY}`)).id;
}

/** A run that a guard stops, with nothing changed below either root. */
async function stopsIdentity(
  stage: Stage,
  guard: string,
  says: RegExp,
): Promise<void> {
  const before = stage.snapshots();
  const { document } = await stage.ends(3);
  assert.equal(document.guard?.name, guard);
  assert.match(document.guard.reason, says);
  assert.deepEqual(document.actions, []);
  assert.deepEqual(stage.snapshots(), before, "nothing was changed");
}

async function pendingIdentity(stage: Stage): Promise<void> {
  await stage.begin({ "a.txt": "a", "b.txt": "b" });
  stage.write({ left: { "new.txt": "new" } });
  stage.remove("left", "b.txt");
}

const PENDING_IDENTITY = [
  "5.9 COPY_LEFT_TO_RIGHT new.txt",
  "5.7 SOFT_DELETE_RIGHT b.txt -> deleted/b.txt",
];

/** With the record forgotten nothing counts as deleted. */
const MET_ANEW = [
  "5.9 COPY_LEFT_TO_RIGHT new.txt",
  "5.10 COPY_RIGHT_TO_LEFT b.txt",
];

scenario(
  "each root gets an identity of its own on the first run, and keeps it",
  async (stage) => {
    stage.write({ left: { "a.txt": "a" } });
    await stage.ends(0);
    const ids = [idOf(stage.root("left")), idOf(stage.root("right"))];
    assert.notEqual(ids[0], ids[1]);
    for (const id of ids) assert.match(id, /^[0-9a-f-]{36}$/);
    await stage.ends(0);
    assert.deepEqual(
      [idOf(stage.root("left")), idOf(stage.root("right"))],
      ids,
    );
  },
  { isMirrored: false },
);

scenario(
  "guard identity: root.json is missing on left; --accept-roots makes a new one",
  async (stage) => {
    await pendingIdentity(stage);
    stage.remove("left", IDENTITY);
    await stopsIdentity(stage, "identity", /Left .*identity/);
    await stage.does(MET_ANEW, "--accept-roots");
    stage.holds({ "a.txt": "a", "b.txt": "b", "new.txt": "new" });
  },
);

scenario(
  "guard identity: an empty folder in place of left deletes nothing on right",
  async (stage) => {
    await pendingIdentity(stage);
    const left = stage.root("left");
    Deno.renameSync(left, `${left}-unmounted`);
    Deno.mkdirSync(left);
    await stopsIdentity(stage, "identity", /Left/);
    assert.deepEqual([...Deno.readDirSync(left)], [], "not even an identity");
    Deno.removeSync(left);
    Deno.renameSync(`${left}-unmounted`, left);
    await stage.does(PENDING_IDENTITY);
  },
);

scenario(
  "guard identity: Left and Right are swapped in the config",
  async (stage) => {
    await pendingIdentity(stage);
    const { config } = stage.office;
    Deno.writeTextFileSync(config, "left_root: right\nright_root: left\n");
    await stopsIdentity(stage, "identity", /swapped/);
    stage.office.configure("");
    await stage.does(PENDING_IDENTITY);
  },
  { isMirrored: false },
);

scenario(
  "guard identity: left is another folder that was synced elsewhere",
  async (stage) => {
    await pendingIdentity(stage);
    using elsewhere = new MemoryOffice();
    elsewhere.write({ left: { "else.txt": "else" } });
    await elsewhere.agree();
    const left = stage.root("left");
    Deno.renameSync(left, `${left}-away`);
    Deno.renameSync(elsewhere.left, left);
    await stopsIdentity(stage, "identity", /Left .*another/);
    Deno.renameSync(left, elsewhere.left);
    Deno.renameSync(`${left}-away`, left);
    await stage.does(PENDING_IDENTITY);
  },
  { isMirrored: false },
);

scenario(
  "guard identity: a root.json on left that makes no sense",
  async (stage) => {
    await pendingIdentity(stage);
    const path = stage.at("left", IDENTITY);
    const asItWas = Deno.readTextFileSync(path);
    for (const text of ["", "{", '{"id": 7}', "null"]) {
      Deno.writeTextFileSync(path, text);
      await stopsIdentity(stage, "identity", /Left/);
    }
    Deno.writeTextFileSync(path, asItWas);
    await stage.does(PENDING_IDENTITY);
  },
  { isMirrored: false },
);

scenario(
  "guard roots: right is a copy of left; --accept-roots gives Right a new id",
  async (stage) => {
    await stage.begin({ "a.txt": "a", d: { "b.txt": "b" } });
    const [left, right] = [stage.office.left, stage.office.right];
    Deno.removeSync(right, { recursive: true });
    const { success } = new Deno.Command("cp", { args: ["-a", left, right] })
      .outputSync();
    assert.ok(success, "cp");
    for (const { name } of [...Deno.readDirSync(stage.office.folder)]) {
      if (!name.startsWith("config.db")) continue;
      Deno.removeSync(`${stage.office.folder}/${name}`);
    }
    await stopsIdentity(stage, "roots", /copy/);
    const id = idOf(left);
    await stage.does([], "--accept-roots");
    assert.equal(idOf(left), id, "Left keeps its id");
    assert.notEqual(idOf(right), id, "Right has a new one");
    stage.holds({ "a.txt": "a", d: { "b.txt": "b" } });
  },
  { isMirrored: false },
);

scenario(
  "guard identity: a known right root became a copy of left",
  async (stage) => {
    await pendingIdentity(stage);
    const [left, right] = [stage.root("left"), stage.root("right")];
    const asItWas = Deno.readTextFileSync(`${right}/${IDENTITY}`);
    Deno.copyFileSync(`${left}/${IDENTITY}`, `${right}/${IDENTITY}`);
    const before = stage.snapshots();
    await stage.ends(3);
    assert.deepEqual(stage.snapshots(), before);
    Deno.writeTextFileSync(`${right}/${IDENTITY}`, asItWas);
    await stage.does(PENDING_IDENTITY);
  },
  { isMirrored: false },
);

scenario(
  "--accept-roots forgets the record: nothing is deleted, both sides get everything",
  async (stage) => {
    await pendingIdentity(stage);
    stage.write({ right: { "a.txt": "edited" } });
    const told = await stage.ends(0, "--accept-roots");
    assert.equal(
      told.lines.filter((line) => line.includes("DELETE")).length,
      0,
      told.lines.join("\n"),
    );
    const { left, right } = stage.trees();
    assert.deepEqual(left, right);
    assert.equal(left["b.txt"], "b");
    assert.equal(left["new.txt"], "new");
    assert.ok(Object.values(left).includes("edited"));
    assert.ok(Object.values(left).includes("a"), "no version is lost");
  },
  { isMirrored: false },
);

scenario("--accept-roots as a plan changes nothing", async (stage) => {
  await pendingIdentity(stage);
  stage.remove("right", IDENTITY);
  const before = snapshot(stage.office.folder, true);
  const told = await stage.ends(0, "plan", "--accept-roots");
  assert.deepEqual(
    told.lines,
    MET_ANEW.map((line) => `planned: ${line}`).sort(),
  );
  assert.deepEqual(
    withoutLog(snapshot(stage.office.folder, true)),
    withoutLog(before),
  );
  await stage.does(MET_ANEW, "--accept-roots");
}, { isMirrored: false });

function withoutLog(all: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(all).filter(([path]) => !/^(?:logs\/|$|\/$)/.test(path)),
  );
}

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
    // Longer than a file is fresh: the rows of both are written anew.
    await new Promise((done) => setTimeout(done, 60));
    const { document } = await stage.does([]);
    // What is still fresh is read, and counts as known afterwards.
    assert.ok(document.summary.NOOP! >= 40);
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
      await stage.office.agree({ allowed: { deletes: false, changes: true } });
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
    using other = new MemoryOffice();
    Deno.writeTextFileSync(
      other.config,
      `left_root: left\nright_root: ${stage.office.right}\n`,
    );
    await stage.begin({ "a.txt": "a", "b.txt": "b", "c.txt": "c" });
    await other.agree();
    stage.write({ left: { "a.txt": "edited on the first" } });
    stage.remove("left", "b.txt");
    await stage.ends(0);
    const { code } = await other.commandHere();
    assert.equal(code, 0);
    const held = { "a.txt": "edited on the first", "c.txt": "c" };
    stage.holds(held);
    Deno.renameSync(
      `${other.left}/c.txt`,
      `${other.left}/named on the second.txt`,
    );
    assert.equal((await other.commandHere()).code, 0);
    await stage.does(["5.12 RENAME_LEFT c.txt -> named on the second.txt"]);
  },
  { isMirrored: false },
);

Deno.test("a first meeting records what is alike as it does when it lists everything", async () => {
  using office = new MemoryOffice();
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
  using office = new MemoryOffice();
  const older = file("older", { mtime: OLDER });
  office.write({
    left: { "a.txt": older },
    right: { "a.txt": file("newer", { mtime: NEWER }) },
  });
  await office.agree();
  Deno.removeSync(office.stateDb);
  // As if the run had died before the last of its steps.
  office.write({ left: { "a.txt": older } });
  await office.agree();
  assert.deepEqual(Object.keys(office.trees().left).sort(), [
    "a.clash-20240301-100005-left.txt",
    "a.txt",
  ]);
});

/** Something for each action there is. */
async function muchToDo(stage: Stage): Promise<void> {
  await stage.begin({
    "edited.txt": "e",
    "gone.txt": "g",
    "large.txt": "l".repeat(3000),
    "named.txt": "n",
    "both.txt": "b",
    "deleted and changed.txt": "d",
    "touched.txt": "t",
    was: { deep: { "x.txt": "x" } },
  });
  stage.write({
    left: {
      "edited.txt": "edited",
      "both.txt": file("older", { mtime: OLDER }),
      "nn.txt": file("older", { mtime: OLDER }),
      "touched.txt": file("t", { mtime: OLDER }),
      made: { "new.txt": "new", empty: {} },
      kind: file("a file", { mtime: OLDER }),
    },
    right: {
      "both.txt": file("newer!", { mtime: NEWER }),
      "nn.txt": file("newer!", { mtime: NEWER }),
      "deleted and changed.txt": "changed",
      "theirs.txt": "theirs",
      kind: { "in.txt": "in" },
    },
  });
  stage.remove(
    "left",
    "gone.txt",
    "large.txt",
    "was",
    "deleted and changed.txt",
  );
  stage.rename("left", "named.txt", "renamed.txt");
}

/** Everything there is but for the log, which a plan may write. */
function everything(stage: Stage): Readonly<Record<string, string>> {
  const all = snapshot(stage.office.folder, true);
  return Object.fromEntries(
    Object.entries(all).filter(([path]) => !/^(?:logs\/|\/$)/.test(path)),
  );
}

function deeds({ document }: Told) {
  return document.actions.map((item) => ({
    ...item,
    outcome: "",
    detail: null,
    // Where a file is kept is known when it is done.
    newPath: item.newPath?.startsWith(".office-sync/") ? null : item.newPath,
  }));
}

const SETTINGS = "soft_delete:\n  max_size_mb: 0.001\n";

scenario(
  "a dry run writes nothing, and the run then does what it said",
  async (stage) => {
    await muchToDo(stage);
    const before = everything(stage);
    const planned = await stage.ends(0, "plan");
    assert.deepEqual(
      everything(stage),
      before,
      "nothing is written, DB included",
    );
    assert.equal(planned.document.run.dryRun, true);
    assert.ok(planned.lines.every((line) => line.startsWith("planned: ")));
    const done = await stage.ends(0);
    assert.deepEqual(deeds(done), deeds(planned));
    assert.deepEqual(
      { ...done.document.summary },
      { ...planned.document.summary },
    );
    const names = new Set(done.document.actions.map(({ action }) => action));
    assert.deepEqual([...names].sort(), [
      "CLASH_CREATE",
      "COPY_LEFT_TO_RIGHT",
      "COPY_RIGHT_TO_LEFT",
      "CREATE_DIR_LEFT",
      "CREATE_DIR_RIGHT",
      "DELETE_RIGHT",
      "REMOVE_DIR_RIGHT",
      "RENAME_RIGHT",
      "SOFT_DELETE_RIGHT",
    ]);
  },
  { settings: SETTINGS },
);

scenario(
  "a dry run before the first run leaves no trace, and is what the run then does",
  async (stage) => {
    stage.write({
      left: { "a.txt": file("a", { mtime: OLDER }), d: { "b.txt": "b" } },
      right: { "a.txt": file("other", { mtime: NEWER }), "c.txt": "c" },
    });
    const before = everything(stage);
    const planned = await stage.ends(0, "--dry-run");
    const after = everything(stage);
    assert.deepEqual(after, before, "not even an identity or a state DB");
    const done = await stage.ends(0);
    assert.deepEqual(deeds(done), deeds(planned));
  },
  { isMirrored: false },
);

scenario("a dry run needs no lock", async (stage) => {
  await stage.begin({ "a.txt": "a" });
  stage.write({ left: { "b.txt": "b" } });
  {
    using lock = Deno.openSync(`${stage.office.stateDb}.lock`, {
      write: true,
      create: true,
    });
    lock.lockSync(true);
    const planned = await stage.ends(0, "plan");
    assert.deepEqual(planned.lines, ["planned: 5.9 COPY_LEFT_TO_RIGHT b.txt"]);
  }
  await stage.ends(0);
}, { isMirrored: false });

scenario(
  "a dry run with an open conflict ends with 0: a plan could be made",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({
      left: { "a.txt": "left's" },
      right: { "a.txt": "right's!" },
    });
    const { document } = await stage.ends(0, "plan");
    assert.equal(document.summary.openConflicts, 1);
  },
  {
    settings: "conflict_policy:\n  modify_modify: notify\n",
    isMirrored: false,
    ends: 1,
  },
);

scenario(
  "a dry run of what touching brings says so, with the time as the reason",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    const at = (LONG_AGO + 5000) / 1000;
    Deno.utimeSync(stage.at("left", "a.txt"), at, at);
    const planned = await stage.ends(0, "plan");
    assert.deepEqual(planned.lines, ["planned: 5.11 RENAME_RIGHT a.txt"]);
    const done = await stage.ends(0);
    assert.deepEqual(deeds(done), deeds(planned));
  },
  { isMirrored: false },
);

/** Names `f0.txt` … of as many files. */
function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `f${n}.txt`);
}

/** Every file has a time of its own, so that none passes for another. */
async function begin(stage: Stage, count: number): Promise<void> {
  const files = names(count).map((name, n) => [
    name,
    file(name, { mtime: LONG_AGO + n * 1000 }),
  ]);
  stage.write({ left: { d: Object.fromEntries(files), other: {} } });
  await stage.office.agree();
}

function removeFirst(stage: Stage, count: number): void {
  stage.remove("left", ...names(count).map((name) => `d/${name}`));
}

scenario("a dry run is stopped by the guards as well", async (stage) => {
  await begin(stage, 20);
  removeFirst(stage, 15);
  const { document } = await stage.ends(3, "plan");
  assert.equal(document.guard?.name, "mass deletion");
  const allowed = await stage.ends(0, "plan", "--allow-deletes");
  assert.equal(allowed.document.actions.length, 15);
  await stage.ends(0, "--allow-deletes");
}, { isMirrored: false });
