import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { ownFiles } from "../lib/config_schema.ts";
import { GuardError, LockedError } from "../lib/errors.ts";
import {
  asGuard,
  MIGRATIONS,
  newestVersion,
  StateDb,
  takeLock,
} from "../lib/state_db.ts";
import { FILE_COLUMNS } from "../lib/state_record.ts";
import { actionsAt, actionsOf, type PastAction } from "../lib/state_runs.ts";
import {
  actions,
  file,
  folderInMemory,
  MemoryOffice,
  Office,
  read,
  type Tree,
  write,
} from "./support/support.ts";
import { oldStateDb } from "./support/old_state_db.ts";
import { fromFileUrl } from "./support/urls.ts";

/** A folder for a state DB. */
class Place implements Disposable {
  readonly folder = folderInMemory();
  readonly file = `${this.folder}/state.db`;

  open(isReadOnly = false): StateDb {
    return new StateDb(this.file, { isReadOnly });
  }

  names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

const damaged = { name: "GuardError", guard: "state", exitCode: 3 };

Deno.test("the table of files has the documented columns first, in their order", () => {
  using place = new Place();
  using db = place.open();
  const columns = db.query("SELECT name, pk FROM pragma_table_info('files')");
  assert.deepEqual(columns.slice(0, 7), [
    ["path", 1],
    ["exists_left", 0],
    ["exists_right", 0],
    ["mtime_left", 0],
    ["mtime_right", 0],
    ["size_left", 0],
    ["size_right", 0],
  ]);
  const names = columns.map(([name]) => name);
  assert.equal(names.slice(0, -1).join(", "), FILE_COLUMNS);
});

Deno.test("a row in the table says seconds and bytes to whoever looks with another program", async () => {
  using office = new MemoryOffice();
  office.write({ left: { d: { "ü.txt": "12345" } } });
  Deno.utimeSync(`${office.left}/d/ü.txt`, 1_577_836_922.5, 1_577_836_922.5);
  await office.agree();
  using other = new DatabaseSync(office.stateDb, { readOnly: true });
  const row = { ...other.prepare("SELECT * FROM files").get() };
  const { path, exists_left, exists_right, mtime_left, mtime_right } = row;
  assert.deepEqual([path, exists_left, exists_right], ["d/ü.txt", 1, 1]);
  assert.deepEqual([mtime_left, mtime_right], Array(2).fill(1_577_836_922.5));
  assert.deepEqual([row["size_left"], row["size_right"]], [5, 5]);
});

Deno.test("a new DB has the version of the newest migration", () => {
  using place = new Place();
  place.open()[Symbol.dispose]();
  using db = new DatabaseSync(place.file);
  const version = db.prepare("PRAGMA user_version").get();
  assert.deepEqual({ ...version }, { user_version: newestVersion() });
});

/** All tables and indices, in one spelling, and what a new DB begins with. */
function tablesOf(db: DatabaseSync): unknown {
  const all = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name");
  const spelt = all.all().map(({ name, sql }) =>
    `${name}: ${String(sql).replaceAll(/--.*|["\s]/g, "")}`
  );
  const folders = db.prepare("SELECT * FROM directories").all();
  return [spelt, folders, db.prepare("PRAGMA user_version").get()];
}

Deno.test("a new DB is what one of the first version becomes", () => {
  using place = new Place();
  using before = new Place();
  oldStateDb(before.file, 1).close();
  for (const it of [place, before]) it.open()[Symbol.dispose]();
  using made = new DatabaseSync(place.file);
  using migrated = new DatabaseSync(before.file);
  assert.deepEqual(tablesOf(made), tablesOf(migrated));
});

/** As if a later version of the program brought one more migration. */
function withMigration(sql: string, act: () => void): void {
  const migrations = MIGRATIONS as string[];
  migrations.push(sql);
  try {
    act();
  } finally {
    migrations.pop();
  }
}

Deno.test("a plan reads a DB of any older version, and leaves it as it is", () => {
  for (let version = 1; version < newestVersion(); version++) {
    using place = new Place();
    using old = oldStateDb(place.file, version);
    old.exec(
      `INSERT INTO meta VALUES ('pair', 'abc');
       INSERT INTO directories (path, parent, agreed) VALUES ('d', 1, 1)`,
    );
    const before = Deno.readFileSync(place.file);
    using db = place.open(true);
    assert.equal(db.meta("pair"), "abc");
    assert.deepEqual(db.query("SELECT path, ino_left FROM directories"), [
      ["", null],
      ["d", null],
    ]);
    assert.deepEqual(Deno.readFileSync(place.file), before);
  }
});

Deno.test("a DB of an older version is brought to the newest, and keeps what it holds", () => {
  using place = new Place();
  {
    using db = place.open();
    db.setMeta("key", "value");
  }
  withMigration("CREATE TABLE later (a)", () => {
    using db = place.open();
    assert.deepEqual(db.query("PRAGMA user_version"), [[newestVersion()]]);
    assert.deepEqual(db.query("SELECT * FROM later"), []);
    assert.equal(db.meta("key"), "value");
  });
});

Deno.test("past runs of an older version are told as before: what they did, and what stands", () => {
  using place = new Place();
  {
    using old = oldStateDb(place.file, 7);
    old.exec(`
      INSERT INTO meta VALUES ('whole_runs', '2');
      INSERT INTO runs (id, started_at, nth) VALUES ('a', 1, 1), ('b', 2, 2), ('c', 3, NULL), ('d', 4, NULL);
      INSERT INTO actions VALUES
        ('a', 0, 'COPY_LEFT_TO_RIGHT', 'n"ä', NULL, '5.9', 'right', 'new on Left', 'done', NULL, 7, NULL, NULL),
        ('a', 1, 'COPY_LEFT_TO_RIGHT', 'm', NULL, '5.9', 'right', 'new on Left', 'failed', 'why', 7, ${Number.MAX_SAFE_INTEGER}, NULL),
        ('b', 0, 'RENAME_RIGHT', 'd', 'n"ä', '5.11', 'right', 'renamed', 'done', NULL, NULL, NULL, 3),
        ('c', 0, 'DELETE_LEFT', 'n"ä', NULL, '5.8', 'left', 'gone', 'skipped', 'so', 7, NULL, NULL);
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299)
      INSERT INTO actions SELECT 'd', i, 'DELETE_LEFT', 'many/' || i, NULL,
        '5.8', 'left', 'gone', 'done', NULL, 7, NULL, NULL FROM n`);
  }
  for (const isReadOnly of [true, false]) {
    using db = place.open(isReadOnly);
    const told = (actions: readonly PastAction[]) =>
      actions.map(({ run, action, outcome, runs }) =>
        `${run} ${action} ${outcome} ${runs}`
      );
    assert.deepEqual(told(actionsOf(db, "a")), [
      "a COPY_LEFT_TO_RIGHT done 1",
      "a COPY_LEFT_TO_RIGHT failed 1",
    ]);
    assert.deepEqual(told(actionsOf(db, "b")), [
      "b RENAME_RIGHT done 1",
      "a COPY_LEFT_TO_RIGHT failed 2",
    ]);
    // So many are compressed.
    assert.deepEqual(
      db.query("SELECT run, typeof(actions) FROM told ORDER BY run, seq"),
      [["a", "text"], ["a", "text"], ["b", "text"], ["c", "text"], [
        "d",
        "blob",
      ]],
    );
    assert.deepEqual(
      actionsOf(db, "d").map(({ path }) => path),
      Array.from({ length: 300 }, (_, n) => `many/${n}`),
    );
    assert.deepEqual(actionsAt(db, "many/77", 9).length, 1);
    assert.deepEqual(told(actionsAt(db, 'n"ä', 2)), [
      "c DELETE_LEFT skipped 1",
      "b RENAME_RIGHT done 1",
    ]);
    assert.deepEqual(actionsAt(db, 'n"ä', 9)[2], {
      run: "a",
      startedAtMs: 1,
      seq: 0,
      action: "COPY_LEFT_TO_RIGHT",
      path: 'n"ä',
      newPath: null,
      rule: "5.9",
      side: "right",
      reason: "new on Left",
      outcome: "done",
      detail: null,
      bytes: 7,
      files: null,
      runs: 1,
    });
  }
});

Deno.test("alerts, traits and mails that wait are taken over from a version that named them otherwise", () => {
  using place = new Place();
  const path = '"keptAt":';
  const told = (key: string) =>
    JSON.stringify({
      conflicts: [{ path, done: { actions: [path], [key]: path } }],
    });
  {
    using old = oldStateDb(place.file, 8);
    old.exec(`
      INSERT INTO mailed_troubles VALUES ('a', '{"key":"a"}');
      INSERT INTO meta VALUES ('habits_left', '1'), ('habits_right', '2'),
        ('mail_alarms', '3'), ('mail_intention', '${told("keptAt")}');
      INSERT INTO outbox (created_at, message_id, subject, text, html,
        delivered, news) VALUES
        (1, 'new', '', '', '', '[]', '${told("keptAt")}'),
        (2, 'old', 's', 't', 'h', '[]', NULL)`);
  }
  for (const isReadOnly of [true, false]) {
    using db = place.open(isReadOnly);
    assert.deepEqual(db.query("SELECT * FROM mailed_alerts"), [
      ["a", '{"key":"a"}'],
    ]);
    assert.deepEqual(db.query("SELECT * FROM meta ORDER BY key"), [
      ["mail_alerts", "3"],
      ["mail_intention", told("softDeletedPath")],
      ["traits_left", "1"],
      ["traits_right", "2"],
    ]);
    assert.deepEqual(db.query("SELECT news FROM outbox ORDER BY id"), [
      [told("softDeletedPath")],
      [null],
    ]);
  }
});

Deno.test("a migration that fails leaves the DB at the version before", () => {
  using place = new Place();
  place.open()[Symbol.dispose]();
  withMigration("CREATE TABLE later (a); NO SUCH STATEMENT", () => {
    assert.throws(() => place.open(), /syntax error/);
  });
  using db = place.open();
  assert.deepEqual(db.query("PRAGMA user_version"), [[newestVersion()]]);
  const later = "SELECT * FROM sqlite_master WHERE name = 'later'";
  assert.deepEqual(db.query(later), []);
});

Deno.test("a DB of an old version is brought to the newest at once, or not at all", () => {
  using place = new Place();
  {
    using _old = oldStateDb(place.file, 1);
  }
  withMigration("NO SUCH STATEMENT", () => {
    assert.throws(() => place.open(), /syntax error/);
  });
  using old = new DatabaseSync(place.file);
  const { user_version } = old.prepare("PRAGMA user_version").get()!;
  assert.equal(user_version, 1);
});

for (const isReadOnly of [false, true]) {
  const how = isReadOnly ? "a plan" : "a run";

  Deno.test(`a DB of a newer version stops ${how}, and stays as it is`, () => {
    using place = new Place();
    withMigration("CREATE TABLE later (a)", () => {
      place.open()[Symbol.dispose]();
    });
    const [before, names] = [Deno.readFileSync(place.file), place.names()];
    assert.throws(() => place.open(isReadOnly), {
      ...damaged,
      message: /newer version/,
    });
    assert.deepEqual(Deno.readFileSync(place.file), before);
    assert.deepEqual(place.names(), names);
  });

  Deno.test(`a file that is no DB stops ${how}, and stays as it is`, () => {
    using place = new Place();
    const text = "this was never a database ".repeat(100);
    Deno.writeTextFileSync(place.file, text);
    assert.throws(() => place.open(isReadOnly), {
      ...damaged,
      message: /damaged/,
    });
    assert.equal(Deno.readTextFileSync(place.file), text);
  });
}

Deno.test("a DB damaged in the middle stops a run, which then has changed nothing", async () => {
  using office = new MemoryOffice();
  const names = Array.from({ length: 500 }, (_, n) => `file number ${n}`);
  office.write({
    left: Object.fromEntries(names.map((name) => [name, name])),
  });
  await office.agree();
  const bytes = Deno.readFileSync(office.stateDb);
  bytes.fill(0xa5, 8192, bytes.length - 4096);
  Deno.writeFileSync(office.stateDb, bytes);
  Deno.removeSync(`${office.left}/${names[0]}`);
  office.write({ left: { new: "1" } });
  const before = [read(office.left), read(office.right)];
  for (const isDryRun of [true, false]) {
    const result = await office.run({ isDryRun });
    assert.deepEqual([result.stop?.name, result.exitCode], ["state", 3]);
    assert.deepEqual([read(office.left), read(office.right)], before);
  }
});

Deno.test("opening a missing DB to read writes nothing, and it counts as empty", () => {
  using place = new Place();
  using db = place.open(true);
  assert.equal(db.meta("pair"), null);
  assert.deepEqual(db.query("SELECT * FROM files"), []);
  assert.equal(db.first("SELECT * FROM files"), null);
  assert.deepEqual(place.names(), []);
});

Deno.test("a DB that is open to read can't be written", () => {
  using place = new Place();
  place.open()[Symbol.dispose]();
  using db = place.open(true);
  assert.throws(() => db.setMeta("key", "value"), /only reads must not/);
});

Deno.test("a plan reads beside a run that writes, and sees what was there before", () => {
  using place = new Place();
  using writer = place.open();
  writer.setMeta("key", "old");
  writer.transaction(() => {
    writer.setMeta("key", "new");
    using reader = place.open(true);
    assert.equal(reader.meta("key"), "old");
  });
  assert.equal(writer.meta("key"), "new");
});

Deno.test("a value is remembered, replaced and forgotten", () => {
  using place = new Place();
  using db = place.open();
  assert.equal(db.meta("key"), null);
  for (const value of ["one", "two", ""]) {
    db.setMeta("key", value);
    assert.equal(db.meta("key"), value);
  }
  db.setMeta("key", null);
  assert.equal(db.meta("key"), null);
});

Deno.test("of a transaction that fails nothing is left, and the next one works", () => {
  using place = new Place();
  using db = place.open();
  assert.throws(() =>
    db.transaction(() => {
      db.setMeta("key", "value");
      throw new Error("in the middle");
    }), /in the middle/);
  assert.equal(db.meta("key"), null);
  assert.equal(db.transaction(() => "result"), "result");
});

Deno.test("a run that dies in a transaction leaves the DB as it was before", async () => {
  using place = new Place();
  place.open()[Symbol.dispose]();
  const writing = await startChild(
    `import { StateDb } from "STATE_DB";
     const db = new StateDb("${place.file}", { isReadOnly: false });
     db.setMeta("before", "1");
     db.transaction(() => {
       // More than is held in memory.
       for (let n = 0; n < 1000; n++) db.setMeta("key" + n, "x".repeat(25000));
       console.log("ready");
       // For ever: it must not come to the end of the transaction.
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
  );
  writing.kill("SIGKILL");
  await writing.status;
  assert.ok(Deno.statSync(place.file).size > 1_000_000, "half-written");
  using db = place.open();
  assert.deepEqual(db.query("SELECT key FROM meta"), [["before"]]);
  assert.deepEqual(db.query("PRAGMA integrity_check"), [["ok"]]);
});

Deno.test("a lock is given once, told to the second, and free again after the first", () => {
  using place = new Place();
  {
    using _first = takeLock(place.file);
    assert.throws(() => takeLock(place.file), {
      name: "LockedError",
      exitCode: 4,
    });
    using _other = takeLock(`${place.folder}/other.db`);
  }
  using _again = takeLock(place.file);
});

Deno.test("a lock is freed by the system when its run is killed", async () => {
  using place = new Place();
  const holder = await startChild(
    `import { takeLock } from "STATE_DB";
     globalThis.lock = takeLock("${place.file}");
     console.log("ready");
     setInterval(() => {}, 1000);`,
  );
  assert.throws(() => takeLock(place.file), { name: "LockedError" });
  holder.kill("SIGKILL");
  await holder.status;
  using _lock = takeLock(place.file);
});

Deno.test("a second run beside the first ends with 4 and changes nothing", async () => {
  using office = new MemoryOffice();
  office.write({ left: { a: "1" } });
  using _first = takeLock(office.stateDb);
  const result = await office.run();
  assert.deepEqual([result.stop?.name, result.exitCode], ["lock", 4]);
  assert.deepEqual(office.trees(), { left: { a: "1" }, right: {} });
  const plan = await office.run({ isDryRun: true });
  assert.deepEqual([plan.stop, plan.outcomes.length], [null, 1]);
});

/** A program of its own, as far as the word "ready". */
async function startChild(code: string): Promise<Deno.ChildProcess> {
  const stateDb = fromFileUrl("../lib/state_db.ts");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    cwd: fromFileUrl(".."),
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(
    new TextEncoder().encode(code.replace("STATE_DB", `file://${stateDb}`)),
  );
  await writer.close();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /ready/);
  await reader.cancel();
  return child;
}

Deno.test("damage is told once and in one sentence, however often it is handed on", () => {
  using place = new Place();
  place.open()[Symbol.dispose]();
  Deno.writeTextFileSync(place.file, "no database at all".repeat(99));
  const told = (error: unknown) => {
    const again = asGuard(asGuard(error, place.file), place.file);
    assert.ok(again instanceof GuardError);
    assert.equal(again.message.match(/is damaged/g)?.length, 1);
    assert.equal(again.message.match(/Nothing was changed/g)?.length, 1);
    assert.doesNotMatch(again.message, /\n/);
    return true;
  };
  assert.throws(() => place.open(), told);
  assert.throws(() => place.open(true), told);
});

Deno.test("no guard takes the words of a path for those of SQLite", () => {
  for (
    const error of [
      new Error("Permission denied: open '/srv/corrupt/disk image.txt'"),
      Object.assign(new Error("readonly database"), { code: "EACCES" }),
      new TypeError("malformed"),
    ]
  ) assert.equal(asGuard(error, "/x.db"), error);
});

Deno.test("a lock that is removed in the very moment of taking it is taken anew", () => {
  using place = new Place();
  const { openSync } = Deno;
  let isRemoved = false;
  try {
    Deno.openSync = (path, options) => {
      const file = openSync(path, options);
      if (!isRemoved) Deno.removeSync(path);
      isRemoved = true;
      return file;
    };
    using _lock = takeLock(place.file);
    assert.throws(() => takeLock(place.file), LockedError);
  } finally {
    Deno.openSync = openSync;
  }
});

for (
  const [what, spoil, says] of [
    [
      "a folder that is not there",
      (file: string) =>
        Deno.removeSync(file.replace(/\/[^/]*$/, ""), { recursive: true }),
      /its folder \S+ is not there/,
    ],
    [
      "a folder in place of the lock",
      (file: string) => Deno.mkdirSync(`${file}.lock`),
      /a folder stands there/,
    ],
  ] as const
) {
  Deno.test(`a lock that can't be made is a guard's business: ${what}`, () => {
    const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
    try {
      spoil(`${folder}/state.db`);
      assert.throws(() => takeLock(`${folder}/state.db`), (error) => {
        assert.ok(error instanceof GuardError);
        assert.equal(error.guard, "state");
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /os error|open '/);
        return true;
      });
    } finally {
      try {
        Deno.removeSync(folder, { recursive: true });
      } catch { /* it is gone */ }
    }
  });
}

Deno.test("a state DB that another program has locked is a guard's business", () => {
  using place = new Place();
  place.open()[Symbol.dispose]();
  const error = Object.assign(new Error("database is locked"), {
    code: "ERR_SQLITE_ERROR",
  });
  const guard = asGuard(error, place.file);
  assert.ok(guard instanceof GuardError);
  assert.match(guard.message, /another program has it open and locked\. Noth/);
  assert.match(guard.hint ?? "", /Close that program/);
});

/** Starts one process after the other. */
const STARTING = `for (;;) new Deno.Command(Deno.execPath(), {
  args: ["--version"], stdin: "null", stdout: "null", stderr: "null",
}).outputSync();`;

Deno.test("a lock is free at once, also while another process is being started", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  const url = URL.createObjectURL(new Blob([STARTING]));
  const starting = new Worker(url, { type: "module" });
  try {
    const endMs = performance.now() + 600;
    while (performance.now() < endMs) {
      for (let n = 0; n < 100; n++) takeLock(`${folder}/db`)[Symbol.dispose]();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } finally {
    starting.terminate();
    URL.revokeObjectURL(url);
    Deno.removeSync(folder, { recursive: true });
  }
});

/** A second config in the folder of an office, for roots of its own. */
class SecondConfig extends Office {
  constructor(first: Office, name = "lab.yaml", settings = "") {
    super();
    Deno.removeSync(this.config);
    Object.assign(this, { config: `${first.folder}/${name}` });
    const roots = `left_root: ${this.left}\nright_root: ${this.right}\n`;
    Deno.writeTextFileSync(this.config, roots + settings);
  }
}

function files({ folder }: Office): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => /\.db$/.test(name)).sort();
}

/** Gives the state DB of an office the old name. */
function useOldName(office: Office): string {
  const old = `${office.folder}/office-sync.db`;
  Deno.renameSync(office.stateDb, old);
  Deno.removeSync(`${office.stateDb}.lock`);
  return old;
}

/** As versions before this one left it. */
function forgetPaths(stateDb: string): void {
  using db = new StateDb(stateDb, { isReadOnly: false });
  db.run("DELETE FROM meta WHERE key LIKE 'path_%'");
}

/** [the config, its state DB, its log] */
const NAMES = [
  ["/srv/config.yaml", "config.db", "logs/config.log"],
  ["/srv/office.north.yml", "office.north.db", "logs/office.north.log"],
  ["C:\\office\\Büro Süd.yaml", "Büro Süd.db", "logs/Büro Süd.log"],
  ["settings", "settings.db", "logs/settings.log"],
  [".office", ".office.db", "logs/.office.log"],
  ["/srv/strange.db", "strange.db.db", "logs/strange.db.log"],
] as const;

for (const [config, stateDb, log] of NAMES) {
  Deno.test(`${config} has a state DB and a log of its own name`, () => {
    const expected = { "state_db": stateDb, "logging.file": log };
    assert.deepEqual(ownFiles(config), expected);
  });
}

Deno.test("two configs in one folder have a state DB and a log each, and know nothing of each other", async () => {
  using one = new MemoryOffice();
  using two = new SecondConfig(one);
  write(one.left, { "one.txt": "1" });
  write(two.left, { "two.txt": "2" });
  for (let n = 0; n < 2; n++) {
    for (const office of [one, two]) {
      const { code, stderr } = await office.commandHere();
      assert.equal(code, 0, stderr);
    }
  }
  assert.deepEqual(files(one), ["config.db", "lab.db"]);
  const logs = [...Deno.readDirSync(`${one.folder}/logs`)];
  assert.deepEqual(logs.map(({ name }) => name).sort(), [
    "config.log",
    "lab.log",
  ]);
  assert.deepEqual(one.trees().right, { "one.txt": "1" });
  assert.deepEqual(two.trees().right, { "two.txt": "2" });
});

for (const hasPaths of [true, false]) {
  const made = hasPaths ? "" : ", made by an older version,";
  Deno.test(`an office-sync.db that knows these roots${made} is used on; a second config beside it gets its own`, async () => {
    using one = new MemoryOffice();
    write(one.left, { "a.txt": "a", "b.txt": "b" });
    await one.agree();
    const old = useOldName(one);
    if (!hasPaths) forgetPaths(old);
    Deno.removeSync(`${one.left}/b.txt`);
    using two = new SecondConfig(one);
    write(two.left, { "two.txt": "2" });
    // Whichever comes first.
    assert.equal((await two.commandHere()).code, 0);
    for (const args of [["plan"], ["history"], []]) {
      const { code, stderr } = await one.commandHere(...args);
      assert.equal(code, 0, stderr);
    }
    assert.deepEqual(one.trees().right, { "a.txt": "a" });
    assert.deepEqual(files(one), ["lab.db", "office-sync.db"]);
    assert.equal((await two.commandHere()).code, 0);
    assert.deepEqual(two.trees().right, { "two.txt": "2" });
  });
}

Deno.test("an office-sync.db is used on where the config holds a password, which the program reads by itself", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.agree();
  useOldName(office);
  office.configure(
    "email:\n  smtp_host: 127.0.0.1\n  smtp_port: 9\n  security: none\n" +
      "  username: u\n  password: secret\n  from: a@b.example\n" +
      "  to: a@b.example\n",
  );
  Deno.removeSync(`${office.left}/b.txt`);
  const { code, stderr } = await office.commandHere("--no-email");
  assert.equal(code, 0, stderr);
  assert.deepEqual(office.trees().right, { "a.txt": "a" });
  assert.deepEqual(files(office), ["office-sync.db"]);
});

Deno.test("an office-sync.db is not passed over while a root is away or emptied: a guard stops", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a" });
  await office.agree();
  const old = useOldName(office);
  for (const hasPaths of [true, false]) {
    if (!hasPaths) forgetPaths(old);
    Deno.renameSync(office.right, `${office.right}-away`);
    const away = await office.json();
    assert.equal(away.guard.name, "roots");
    Deno.mkdirSync(office.right);
    const emptied = await office.json();
    assert.equal(emptied.guard.name, "identity");
    assert.deepEqual([...Deno.readDirSync(office.right)], []);
    Deno.removeSync(office.right);
    Deno.renameSync(`${office.right}-away`, office.right);
    assert.equal((await office.commandHere()).code, 0);
    assert.deepEqual(files(office), ["office-sync.db"]);
  }
});

Deno.test("an office-sync.db that a run under the new name could not know yet comes back into use", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.agree();
  useOldName(office);
  // Mistyped roots: a DB of the new name is made, and knows nobody.
  const right = Deno.readTextFileSync(office.config);
  Deno.writeTextFileSync(office.config, "left_root: l\nright_root: r\n");
  assert.equal((await office.commandHere()).code, 3);
  assert.deepEqual(files(office), ["config.db", "office-sync.db"]);
  Deno.writeTextFileSync(office.config, right);
  Deno.removeSync(`${office.left}/b.txt`);
  assert.equal((await office.commandHere()).code, 0);
  assert.deepEqual(office.trees().right, { "a.txt": "a" });
});

Deno.test("a damaged office-sync.db is told, and not replaced by an empty one", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a" });
  await office.agree();
  const old = useOldName(office);
  Deno.writeTextFileSync(old, "no database at all".repeat(100));
  const told = await office.json();
  assert.equal(told.guard.name, "state");
  assert.match(told.guard.reason, /office-sync\.db is damaged/);
  assert.deepEqual(files(office), ["office-sync.db"]);
});

Deno.test("an empty office-sync.db is nobody's", async () => {
  using office = new MemoryOffice();
  Deno.writeTextFileSync(`${office.folder}/office-sync.db`, "");
  write(office.left, { "a.txt": "a" });
  assert.equal((await office.commandHere()).code, 0);
  assert.deepEqual(files(office), ["config.db", "office-sync.db"]);
  assert.equal(Deno.statSync(`${office.folder}/office-sync.db`).size, 0);
});

for (const hasPaths of [true, false]) {
  Deno.test(
    `a config whose roots are both others than its state DB's${
      hasPaths ? "" : ", made by an older version,"
    } is told so, and not to accept them`,
    async () => {
      using one = new Office();
      write(one.left, { "one.txt": "1" });
      await one.agree();
      using two = new SecondConfig(one, "lab.yaml", "state_db: config.db\n");
      write(two.left, { "two.txt": "2" });
      if (!hasPaths) {
        forgetPaths(one.stateDb);
        // Of a pair of its own, so that both have ids.
        Deno.writeTextFileSync(`${two.folder}/x.yaml`, "");
        const config = two.config;
        Object.assign(two, { config: `${two.folder}/x.yaml` });
        two.configure("");
        assert.equal((await two.commandHere()).code, 0);
        Object.assign(two, { config });
      }
      for (const args of [["plan"], [], ["--accept-roots"]]) {
        const told = await two.json(...args);
        assert.equal(told.run.exitCode, 3);
        assert.equal(told.guard.name, "identity");
        const { reason } = told.guard;
        assert.match(reason, /config\.db belongs to another pair of folders/);
        if (hasPaths) assert.ok(reason.includes(`(Left ${one.left}, Right `));
        const { stderr } = await two.commandHere(...args);
        assert.match(
          stderr,
          /state DB of its own: name another file as state_db/,
        );
        assert.doesNotMatch(stderr, /accept/);
      }
      const doctor = await two.commandHere("doctor");
      assert.match(doctor.stdout, /belongs to another pair of folders/);
      assert.doesNotMatch(doctor.stdout, /--accept-roots/);
      // The other pair goes on as if nothing had been.
      Deno.removeSync(`${one.left}/one.txt`);
      await one.agree();
      assert.deepEqual(one.trees().right, {});
    },
  );
}

Deno.test("new folders and a state DB of an older version: it may be another pair's, and that is said before anything else", async () => {
  using one = new MemoryOffice();
  write(one.left, { "one.txt": "1" });
  await one.agree();
  forgetPaths(one.stateDb);
  using two = new SecondConfig(one, "lab.yaml", "state_db: config.db\n");
  const { stop } = await two.run();
  assert.equal(stop?.name, "identity");
  assert.match(stop.hint, /name a state_db of its own in it\. Only if Left is/);
  // The first config's next run notes its places: then it is certain.
  await one.agree();
  const certain = await two.run();
  assert.match(certain.stop!.reason, /belongs to another pair of folders/);
});

Deno.test("both roots may move, and their places are noted anew", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.agree();
  Deno.renameSync(office.left, `${office.left}-moved`);
  Deno.renameSync(office.right, `${office.right}-moved`);
  const moved = "left_root: left-moved\nright_root: right-moved\n";
  Deno.writeTextFileSync(office.config, moved);
  Deno.removeSync(`${office.left}-moved/b.txt`);
  assert.deepEqual(actions(await office.agree()), ["SOFT_DELETE_RIGHT b.txt"]);
  {
    using db = new StateDb(office.stateDb, { isReadOnly: true });
    assert.equal(db.meta("path_left"), `${office.left}-moved`);
    assert.equal(db.meta("path_right"), `${office.right}-moved`);
  }
  // Emptied where it was last: no other pair, but a lost disk.
  Deno.removeSync(`${office.left}-moved`, { recursive: true });
  Deno.removeSync(`${office.right}-moved`, { recursive: true });
  Deno.mkdirSync(`${office.left}-moved`);
  Deno.mkdirSync(`${office.right}-moved`);
  const { stop } = await office.run();
  assert.match(stop!.reason, /its disk or network drive may not be connected/);
});

Deno.test("a config with one other root is told where that was, and of a state DB of its own first", async () => {
  using one = new MemoryOffice();
  write(one.left, { "a.txt": "a" });
  await one.agree();
  Deno.mkdirSync(`${one.folder}/new`);
  const config = `${one.folder}/second.yaml`;
  const text = "left_root: new\nright_root: right\nstate_db: config.db\n";
  Deno.writeTextFileSync(config, text);
  Object.assign(one, { config });
  const { stop } = await one.run();
  assert.equal(stop?.name, "identity");
  assert.match(stop.reason, /^Left .*new\) is another folder than at the last/);
  assert.ok(stop.reason.includes(`when it was ${one.left}: it shows no id`));
  assert.match(stop.hint, /If it is for another pair than .*, name a state_db/);
  assert.deepEqual([...Deno.readDirSync(`${one.folder}/new`)], []);
  // Meant: the new folder takes the place of the old one.
  await one.agree({ acceptRoots: true });
  assert.deepEqual([...Deno.readDirSync(`${one.folder}/new`)].length, 2);
});

Deno.test("roots that are spelled with a slash at their end are where they were", async () => {
  using office = new MemoryOffice();
  await office.agree();
  Deno.writeTextFileSync(
    office.config,
    `left_root: ${office.left}/\nright_root: ./right/\n`,
  );
  Deno.removeSync(`${office.left}/.office-sync`, { recursive: true });
  const { stop } = await office.run();
  assert.match(stop!.reason, /its disk or network drive may not be connected/);
});

const FOLDERS = 5;
const FILES = 8;

/** Folders full of files that were saved long ago. */
function longAgo(): Tree {
  const files = Object.fromEntries(
    Array.from({ length: FILES }, (_, n) => [
      `f${n}`,
      file(`file ${n}`, { mtime: "2024-01-15T08:30:00Z" }),
    ]),
  );
  return Object.fromEntries(
    Array.from({ length: FOLDERS }, (_, n) => [`d${n}`, files]),
  );
}

/** Counts the rows that queries give, table by table. */
class CountedRows implements Disposable {
  readonly rows: Record<string, number> = {};
  readonly #query = StateDb.prototype.query;

  constructor() {
    const { rows } = this;
    const query = this.#query;
    StateDb.prototype.query = function (sql, ...values) {
      const found = query.call(this, sql, ...values);
      const table = /\bFROM\s+(\w+)/i.exec(sql)?.[1] ?? "?";
      rows[table] = (rows[table] ?? 0) + found.length;
      return found;
    };
  }

  [Symbol.dispose](): void {
    StateDb.prototype.query = this.#query;
  }
}

/** An office in which all is recorded, and nothing is young any more. */
async function agreedOffice(): Promise<Office> {
  const office = new MemoryOffice();
  office.write({ left: longAgo() });
  for (let run = 0; run < 3; run++) await office.agree();
  return office;
}

Deno.test("a run in which nothing changed reads no row of a file, and each folder's once", async () => {
  using office = await agreedOffice();
  using counted = new CountedRows();
  await office.agree();
  assert.equal(counted.rows["files"] ?? 0, 0);
  // The root has a row too.
  assert.equal(counted.rows["directories"], FOLDERS + 1);
});

Deno.test("a run in which a file changed reads the rows of its folder, and no other's", async () => {
  using office = await agreedOffice();
  const changed = file("changed, and longer", {
    mtime: "2024-02-20T10:00:00Z",
  });
  office.write({ left: { d1: { f1: changed } } });
  using counted = new CountedRows();
  await office.agree();
  assert.equal(counted.rows["files"], FILES);
});
