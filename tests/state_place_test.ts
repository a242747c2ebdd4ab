import assert from "node:assert/strict";
import { ownFiles } from "../lib/config_loader.ts";
import { StateDb } from "../lib/state_db.ts";
import { actions, Office, write } from "./support/support.ts";

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
  using one = new Office();
  using two = new SecondConfig(one);
  write(one.left, { "one.txt": "1" });
  write(two.left, { "two.txt": "2" });
  for (let n = 0; n < 2; n++) {
    for (const office of [one, two]) {
      const { code, stderr } = await office.command();
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
    using one = new Office();
    write(one.left, { "a.txt": "a", "b.txt": "b" });
    await one.settle();
    const old = useOldName(one);
    if (!hasPaths) forgetPaths(old);
    Deno.removeSync(`${one.left}/b.txt`);
    using two = new SecondConfig(one);
    write(two.left, { "two.txt": "2" });
    // Whichever comes first.
    assert.equal((await two.command()).code, 0);
    for (const args of [["plan"], ["history"], []]) {
      const { code, stderr } = await one.command(...args);
      assert.equal(code, 0, stderr);
    }
    assert.deepEqual(one.trees().right, { "a.txt": "a" });
    assert.deepEqual(files(one), ["lab.db", "office-sync.db"]);
    assert.equal((await two.command()).code, 0);
    assert.deepEqual(two.trees().right, { "two.txt": "2" });
  });
}

Deno.test("an office-sync.db is used on where the config holds a password, which the program reads by itself", async () => {
  using office = new Office();
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.settle();
  useOldName(office);
  office.configure(
    "email:\n  smtp_host: 127.0.0.1\n  smtp_port: 9\n  security: none\n" +
      "  username: u\n  password: secret\n  from: a@b.example\n" +
      "  to: a@b.example\n",
  );
  Deno.removeSync(`${office.left}/b.txt`);
  const { code, stderr } = await office.command("--no-email");
  assert.equal(code, 0, stderr);
  assert.deepEqual(office.trees().right, { "a.txt": "a" });
  assert.deepEqual(files(office), ["office-sync.db"]);
});

Deno.test("an office-sync.db is not passed over while a root is away or emptied: a guard stops", async () => {
  using office = new Office();
  write(office.left, { "a.txt": "a" });
  await office.settle();
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
    assert.equal((await office.command()).code, 0);
    assert.deepEqual(files(office), ["office-sync.db"]);
  }
});

Deno.test("an office-sync.db that a run under the new name could not know yet comes back into use", async () => {
  using office = new Office();
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.settle();
  useOldName(office);
  // Mistyped roots: a DB of the new name is made, and knows nobody.
  const right = Deno.readTextFileSync(office.config);
  Deno.writeTextFileSync(office.config, "left_root: l\nright_root: r\n");
  assert.equal((await office.command()).code, 3);
  assert.deepEqual(files(office), ["config.db", "office-sync.db"]);
  Deno.writeTextFileSync(office.config, right);
  Deno.removeSync(`${office.left}/b.txt`);
  assert.equal((await office.command()).code, 0);
  assert.deepEqual(office.trees().right, { "a.txt": "a" });
});

Deno.test("a damaged office-sync.db is told, and not replaced by an empty one", async () => {
  using office = new Office();
  write(office.left, { "a.txt": "a" });
  await office.settle();
  const old = useOldName(office);
  Deno.writeTextFileSync(old, "no database at all".repeat(100));
  const told = await office.json();
  assert.equal(told.guard.name, "state");
  assert.match(told.guard.reason, /office-sync\.db is damaged/);
  assert.deepEqual(files(office), ["office-sync.db"]);
});

Deno.test("an empty office-sync.db is nobody's", async () => {
  using office = new Office();
  Deno.writeTextFileSync(`${office.folder}/office-sync.db`, "");
  write(office.left, { "a.txt": "a" });
  assert.equal((await office.command()).code, 0);
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
      await one.settle();
      using two = new SecondConfig(one, "lab.yaml", "state_db: config.db\n");
      write(two.left, { "two.txt": "2" });
      if (!hasPaths) {
        forgetPaths(one.stateDb);
        // Of a pair of its own, so that both have ids.
        Deno.writeTextFileSync(`${two.folder}/x.yaml`, "");
        const config = two.config;
        Object.assign(two, { config: `${two.folder}/x.yaml` });
        two.configure("");
        assert.equal((await two.command()).code, 0);
        Object.assign(two, { config });
      }
      for (const args of [["plan"], [], ["--accept-roots"]]) {
        const told = await two.json(...args);
        assert.equal(told.run.exitCode, 3);
        assert.equal(told.guard.name, "identity");
        const { reason } = told.guard;
        assert.match(reason, /config\.db belongs to another pair of folders/);
        if (hasPaths) assert.ok(reason.includes(`(Left ${one.left}, Right `));
        const { stderr } = await two.command(...args);
        assert.match(
          stderr,
          /state DB of its own: name another file as state_db/,
        );
        assert.doesNotMatch(stderr, /accept/);
      }
      const doctor = await two.command("doctor");
      assert.match(doctor.stdout, /belongs to another pair of folders/);
      assert.doesNotMatch(doctor.stdout, /--accept-roots/);
      // The other pair goes on as if nothing had been.
      Deno.removeSync(`${one.left}/one.txt`);
      await one.settle();
      assert.deepEqual(one.trees().right, {});
    },
  );
}

Deno.test("new folders and a state DB of an older version: it may be another pair's, and that is said before anything else", async () => {
  using one = new Office();
  write(one.left, { "one.txt": "1" });
  await one.settle();
  forgetPaths(one.stateDb);
  using two = new SecondConfig(one, "lab.yaml", "state_db: config.db\n");
  const { stop } = await two.run();
  assert.equal(stop?.name, "identity");
  assert.match(stop.hint, /name a state_db of its own in it\. Only if Left is/);
  // The first config's next run notes its places: then it is certain.
  await one.settle();
  const certain = await two.run();
  assert.match(certain.stop!.reason, /belongs to another pair of folders/);
});

Deno.test("both roots may move, and their places are noted anew", async () => {
  using office = new Office();
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.settle();
  Deno.renameSync(office.left, `${office.left}-moved`);
  Deno.renameSync(office.right, `${office.right}-moved`);
  const moved = "left_root: left-moved\nright_root: right-moved\n";
  Deno.writeTextFileSync(office.config, moved);
  Deno.removeSync(`${office.left}-moved/b.txt`);
  assert.deepEqual(actions(await office.settle()), ["SOFT_DELETE_RIGHT b.txt"]);
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
  using one = new Office();
  write(one.left, { "a.txt": "a" });
  await one.settle();
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
  await one.settle({ acceptRoots: true });
  assert.deepEqual([...Deno.readDirSync(`${one.folder}/new`)].length, 2);
});

Deno.test("roots that are spelled with a slash at their end are where they were", async () => {
  using office = new Office();
  await office.settle();
  Deno.writeTextFileSync(
    office.config,
    `left_root: ${office.left}/\nright_root: ./right/\n`,
  );
  Deno.removeSync(`${office.left}/.office-sync`, { recursive: true });
  const { stop } = await office.run();
  assert.match(stop!.reason, /its disk or network drive may not be connected/);
});
