import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { GuardError, LockedError } from "../lib/errors.ts";
import {
  asGuard,
  migrate,
  MIGRATIONS,
  StateDb,
  takeLock,
} from "../lib/state_db.ts";
import { FILE_COLUMNS } from "../lib/state_record.ts";
import { actionsAt, actionsOf, type PastAction } from "../lib/state_runs.ts";
import { Office, read } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

/** A folder for a state DB. */
class Place implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
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
  using office = new Office();
  office.write({ left: { d: { "ü.txt": "12345" } } });
  Deno.utimeSync(`${office.left}/d/ü.txt`, 1_577_836_922.5, 1_577_836_922.5);
  await office.settle();
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
  assert.deepEqual({ ...version }, { user_version: MIGRATIONS.length });
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
  for (let version = 1; version < MIGRATIONS.length; version++) {
    using place = new Place();
    using old = new DatabaseSync(place.file);
    migrate(old, 0, version);
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
    assert.deepEqual(db.query("PRAGMA user_version"), [[MIGRATIONS.length]]);
    assert.deepEqual(db.query("SELECT * FROM later"), []);
    assert.equal(db.meta("key"), "value");
  });
});

Deno.test("past runs of an older version are told as before: what they did, and what stands", () => {
  using place = new Place();
  {
    using old = new DatabaseSync(place.file);
    migrate(old, 0, 7);
    old.exec(`
      INSERT INTO meta VALUES ('whole_runs', '2');
      INSERT INTO runs (id, started_at, nth) VALUES ('a', 1, 1), ('b', 2, 2), ('c', 3, NULL);
      INSERT INTO actions VALUES
        ('a', 0, 'COPY_LEFT_TO_RIGHT', 'n"ä', NULL, '5.9', 'right', 'new on Left', 'done', NULL, 7, NULL, NULL),
        ('a', 1, 'COPY_LEFT_TO_RIGHT', 'm', NULL, '5.9', 'right', 'new on Left', 'failed', 'why', 7, ${Number.MAX_SAFE_INTEGER}, NULL),
        ('b', 0, 'RENAME_RIGHT', 'd', 'n"ä', '5.11', 'right', 'renamed', 'done', NULL, NULL, NULL, 3),
        ('c', 0, 'DELETE_LEFT', 'n"ä', NULL, '5.8', 'left', 'gone', 'skipped', 'so', 7, NULL, NULL)`);
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

Deno.test("a migration that fails leaves the DB at the version before", () => {
  using place = new Place();
  place.open()[Symbol.dispose]();
  withMigration("CREATE TABLE later (a); NO SUCH STATEMENT", () => {
    assert.throws(() => place.open(), /syntax error/);
  });
  using db = place.open();
  assert.deepEqual(db.query("PRAGMA user_version"), [[MIGRATIONS.length]]);
  const later = "SELECT * FROM sqlite_master WHERE name = 'later'";
  assert.deepEqual(db.query(later), []);
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
  using office = new Office();
  const names = Array.from({ length: 500 }, (_, n) => `file number ${n}`);
  office.write({
    left: Object.fromEntries(names.map((name) => [name, name])),
  });
  await office.settle();
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
       Deno.stdin.readSync(new Uint8Array(1));
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
  using office = new Office();
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
