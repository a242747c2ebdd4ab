import assert from "node:assert/strict";
import { lineOfKey } from "../lib/config_problems.ts";
import { snapshot } from "./support/snapshot.ts";
import { file, MemoryOffice, type Office } from "./support/support.ts";

/** The command `why`, through the real command. */

const LONG_AGO = "2024-01-15T08:30:00.000Z";
const LATER = "2024-03-01T10:00:05.000Z";

/** All that may be written to, but for the log. */
function everything(office: Office): unknown {
  const state = [...Deno.readDirSync(office.folder)].map(({ name }) => name)
    .filter((name) => name !== "logs").sort();
  const db = state.includes("config.db")
    ? Deno.readFileSync(office.stateDb)
    : null;
  const roots = [office.left, office.right].map((it) => snapshot(it));
  return { state, db, roots };
}

function old(content: string): ReturnType<typeof file> {
  return file(content, { mtime: LONG_AGO });
}

function later(content: string): ReturnType<typeof file> {
  return file(content, { mtime: LATER });
}

/** Both sides agreed on these long ago. */
async function begin(settings = ""): Promise<Office> {
  const office = new MemoryOffice(settings);
  const tree = { "a.txt": old("one"), d: { "b.txt": old("b") } };
  office.write({ left: tree });
  await office.agree();
  return office;
}

Deno.test("why: record, both sides, their changes, rule, action, settings and history (R 5.3)", async () => {
  using office = await begin("soft_delete:\n  keep_replaced: true\n");
  const [first] = (await office.json("history")).runs;
  office.write({ left: { "a.txt": later("longer") } });
  const half = { sizeBytes: 3, mtime: LONG_AGO };
  assert.deepEqual(await office.json("why", "./a.txt"), {
    clashOf: null,
    path: "a.txt",
    record: { kind: "file", left: half, right: half },
    left: {
      kind: "file",
      path: "a.txt",
      sizeBytes: 6,
      mtime: LATER,
      change: "modified",
    },
    right: { kind: "file", path: "a.txt", ...half, change: "unchanged" },
    rule: "5.3",
    actions: [{
      action: "COPY_LEFT_TO_RIGHT",
      path: "a.txt",
      newPath: null,
      rule: "5.3",
      side: "right",
      reason: "changed on Left",
      outcome: "planned",
      detail: null,
      files: null,
      bytes: 6,
    }],
    unknown: null,
    settings: [{
      key: "soft_delete.keep_replaced",
      value: "true",
      file: office.config,
      line: 4,
    }],
    history: [{
      run: first.id,
      startedAt: first.startedAt,
      action: "COPY_LEFT_TO_RIGHT",
      path: "a.txt",
      newPath: null,
      rule: "5.9",
      side: "right",
      reason: "new on Left",
      outcome: "done",
      detail: null,
      files: null,
      bytes: 3,
    }],
    guard: null,
  });
  const { stdout } = await office.commandHere("why", `${office.left}/a.txt`);
  assert.match(
    stdout,
    /Rule: 5.3 \(recorded; modified on Left, unchanged on Right\)/,
  );
  assert.match(
    stdout,
    /Plan: COPY_LEFT_TO_RIGHT a.txt {2}\[changed on Left; rule 5.3, 6 bytes\]/,
  );
});

Deno.test("why works before the first run, and writes nothing", async () => {
  using office = new MemoryOffice();
  office.write({ left: { "a.txt": "a" } });
  const before = everything(office);
  const why = await office.json("why", "a.txt");
  assert.equal(why.rule, "5.9");
  assert.deepEqual(why.record, { kind: null, left: null, right: null });
  const nowhere = await office.commandHere("why", "no/such.txt");
  assert.equal(nowhere.code, 0, nowhere.stderr);
  assert.match(
    nowhere.stdout,
    /Record: none\n.*nothing\n.*nothing\n.*nothing to do/,
  );
  assert.deepEqual(everything(office), before);
});

Deno.test("why writes nothing after a run, and does not wait for one", async () => {
  using office = await begin();
  office.write({ right: { "a.txt": later("longer") } });
  const before = everything(office);
  const { takeLock } = await import("../lib/state_db.ts");
  {
    using _lock = takeLock(office.stateDb);
    const why = await office.json("why", "a.txt");
    assert.equal(why.rule, "5.4");
  }
  Deno.removeSync(`${office.stateDb}.lock`);
  const after = everything(office) as { state: string[] };
  const lock = "config.db.lock";
  const { state, ...others } = before as { state: string[] };
  const { state: now, ...rest } = after;
  assert.deepEqual(rest, others);
  assert.deepEqual(now, state.filter((name) => name !== lock));
});

Deno.test("why: ignored paths, with the list and its line", async () => {
  using office = await begin(
    "ignore:\n  extensions: [tmp]\n  filenames_exact: [old]\n",
  );
  office.write({ left: { "x.tmp": "x", old: { deep: { "y.txt": "y" } } } });
  const file = await office.json("why", "x.tmp");
  assert.deepEqual(file.unknown, {
    path: "x.tmp",
    reason: "Left: ignored by the config",
  });
  const [{ key, value, line }] = file.settings;
  assert.deepEqual([key, value, line], ["ignore.extensions", "tmp", 4]);
  assert.deepEqual([file.left.kind, file.left.sizeBytes], ["file", 1]);
  office.write({ left: { "thumbs.db": "" } });
  const [junk] = (await office.json("why", "thumbs.db")).settings;
  assert.deepEqual(
    [junk.key, junk.value],
    ["ignore.junk", "Thumbs.db, desktop.ini, .DS_Store"],
  );
  const below = await office.json("why", "old/deep/y.txt");
  assert.equal(below.unknown.path, "old");
  assert.equal(below.settings[0].key, "ignore.filenames_exact");
  assert.deepEqual(below.actions, []);
});

Deno.test("why: folders, links, and what belongs to office-sync", async () => {
  using office = await begin();
  office.write({ left: { fresh: {} } });
  Deno.symlinkSync("a.txt", `${office.left}/link`);
  const folder = await office.json("why", "fresh/");
  assert.equal(folder.left.kind, "folder");
  assert.equal(folder.right.kind, "absent");
  assert.deepEqual(
    [folder.rule, folder.actions[0].action],
    ["5.9", "CREATE_DIR_RIGHT"],
  );
  const known = await office.json("why", "d");
  assert.equal(known.record.kind, "folder");
  assert.deepEqual(known.actions, []);
  const link = await office.json("why", "link");
  assert.equal(link.left.kind, "other");
  assert.match(link.unknown.reason, /^Left: /);
  const own = await office.json("why", ".office-sync/root.json");
  assert.match(own.unknown.reason, /belongs to office-sync/);
  const root = await office.commandHere("why", office.right);
  assert.equal(root.code, 0, root.stderr);
});

Deno.test("why: renames under either name, deletions, and where they are", async () => {
  using office = await begin();
  Deno.renameSync(`${office.left}/a.txt`, `${office.left}/new.txt`);
  Deno.removeSync(`${office.right}/d/b.txt`);
  const [before, after] = [
    await office.json("why", "a.txt"),
    await office.json("why", "new.txt"),
  ];
  assert.deepEqual(after, before);
  assert.equal(before.left.path, "new.txt");
  assert.deepEqual(
    before.actions.map((it: { action: string }) => it.action),
    ["RENAME_RIGHT"],
  );
  const gone = await office.json("why", "d/b.txt");
  assert.deepEqual([gone.rule, gone.right.change], ["5.8", "deleted"]);
  assert.deepEqual(
    gone.settings.map(({ key, line }: { key: string; line: unknown }) => [
      key,
      line,
    ]),
    [["soft_delete.enabled", null], ["soft_delete.max_size_mb", null]],
  );
  await office.agree();
  const kept = await office.json("why", "d/b.txt");
  assert.equal(kept.history[0].action, "SOFT_DELETE_LEFT");
  assert.match(kept.history[0].newPath, /^\.office-sync\/deleted\/.*d\/b.txt$/);
  const text = await office.commandHere("why", "d/b.txt");
  assert.match(text.stdout, /done: SOFT_DELETE_LEFT d\/b.txt -> \.office-sync/);
});

Deno.test("why: an open conflict, and what it holds back", async () => {
  using office = await begin("conflict_policy:\n  new_new: notify\n");
  office.write({ left: { x: later("file") }, right: { x: { "in.txt": "i" } } });
  const conflict = await office.json("why", "x");
  assert.equal(conflict.rule, "5.2");
  assert.match(conflict.unknown.reason, /left for a person/);
  assert.deepEqual(
    conflict.settings.map((it: { key: string; line: number }) => [
      it.key,
      it.line,
    ]),
    [["conflict_policy.new_new", 4]],
  );
  const below = await office.json("why", "x/in.txt");
  assert.equal(below.unknown.path, "x");
  assert.deepEqual(below.actions, []);
});

Deno.test("why: what a guard stops is explained all the same; a missing root ends with 3", async () => {
  using office = await begin(
    "safety:\n  max_delete_percent: 1\n  max_delete_files: 0\n",
  );
  Deno.removeSync(`${office.left}/a.txt`);
  const why = await office.json("why", "a.txt");
  assert.equal(why.rule, "5.7");
  assert.equal(why.guard.name, "mass deletion");
  Deno.renameSync(office.right, `${office.right}-away`);
  const stopped = await office.commandHere("why", "a.txt");
  assert.equal(stopped.code, 3);
  assert.match(stopped.stdout, /Plan: none can be made/);
  assert.match(stopped.stdout, /A run would stop: right_root/);
  assert.match(stopped.stdout, /done: COPY_LEFT_TO_RIGHT a.txt/);
});

Deno.test("why: a path that leads out of the roots is wrong use", async () => {
  using office = new MemoryOffice();
  for (const path of ["../config.yaml", "/etc/passwd"]) {
    const { code, stdout, stderr } = await office.commandHere("why", path);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(stderr.trim().split("\n").length, 2, stderr);
  }
});

const YAML = `# a comment
left_root: /l
"right_root": /r
soft_delete: { enabled: true,
  keep_replaced: false }
ignore:
  # which
  extensions:
    - tmp
  paths: ["/a/",
    "b" ]
`;

/** [key, line] */
const LINES: readonly [string, number | null][] = [
  ["left_root", 2],
  ["right_root", 3],
  ["soft_delete.enabled", 4],
  ["soft_delete.keep_replaced", 5],
  ["soft_delete.max_size_mb", null],
  ["ignore.extensions", 8],
  ["ignore.paths", 10],
  ["conflict_policy.new_new", null],
  ["left_root.enabled", null],
];

for (const [key, line] of LINES) {
  Deno.test(`lineOfKey() finds ${key}: ${line}`, () => {
    assert.equal(lineOfKey(YAML, key), line);
  });
}

Deno.test("lineOfKey() finds an entry of a list", () => {
  assert.equal(lineOfKey(YAML, "ignore.extensions", 0), 9);
  assert.equal(lineOfKey(YAML, "ignore.paths", 0), 10);
  assert.equal(lineOfKey(YAML, "ignore.paths", 1), 11);
  assert.equal(lineOfKey(YAML, "ignore.paths", 2), null);
});

Deno.test("why: names the pattern that ignores a path, a folder above it, or is its exception", async () => {
  using office = await begin(
    "ignore:\n  paths:\n    - '*.bak'\n    - '!keep.bak'\n    - '/Old/'\n",
  );
  office.write({
    left: {
      "x.bak": old("1"),
      "keep.bak": old("2"),
      Old: { deep: { "a.txt": old("3") } },
    },
  });
  const settingOf = async (path: string) => {
    const { unknown, settings } = await office.json("why", path);
    const [{ key, value, line }, ...more] = settings;
    assert.deepEqual(more, []);
    return [unknown?.path ?? null, key, value, line];
  };
  const key = "ignore.paths";
  assert.deepEqual(await settingOf("x.bak"), ["x.bak", key, "*.bak", 5]);
  assert.deepEqual(await settingOf("keep.bak"), [null, key, "!keep.bak", 6]);
  const below = await settingOf("Old/deep/a.txt");
  assert.deepEqual(below, ["Old", key, "/Old/", 7]);
  const { stdout } = await office.commandHere("why", "x.bak");
  assert.match(stdout, /Config: ignore\.paths: \*\.bak \(.*config\.yaml:5\)/);
  assert.deepEqual((await office.json("why", "a.txt")).settings, []);
});

Deno.test("why: no rule where only the record changes", async () => {
  using office = new MemoryOffice();
  office.write({
    left: { "a.txt": old("one") },
    right: { "a.txt": old("one") },
  });
  // Two of one content keep the rights they had when they met.
  Deno.chmodSync(`${office.left}/a.txt`, 0o644);
  Deno.chmodSync(`${office.right}/a.txt`, 0o600);
  await office.agree();
  Deno.chmodSync(`${office.right}/a.txt`, 0o644);
  const { rule, actions } = await office.json("why", "a.txt");
  const told = actions.map((
    it: { action: string; rule: string | null },
  ) => [it.action, it.rule]);
  assert.deepEqual(told, [["NOOP", null]]);
  assert.equal(rule, null);
});

Deno.test("why: a file in a folder that gets another name goes with it (R 5.11)", async () => {
  using office = await begin();
  Deno.renameSync(`${office.left}/d`, `${office.left}/e`);
  for (const path of ["e/b.txt", "e"]) {
    const { rule, actions } = await office.json("why", path);
    assert.equal(rule, "5.11");
    const [{ action, newPath }] = actions;
    assert.deepEqual([action, newPath], ["RENAME_RIGHT", "e"]);
  }
  assert.equal((await office.json("why", "a.txt")).rule, null);
});
