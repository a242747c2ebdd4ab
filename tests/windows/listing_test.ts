import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { loadConfig } from "../../lib/config_loader.ts";
import { type Listed, windowsLister } from "../../lib/files_list_windows.ts";
import { IN_SANDBOX } from "../../lib/started_as.ts";
import type { Tree } from "../support/support.ts";
import { replaceCall } from "../support/system_calls.ts";
import { LONG_AGO, Office, old, output, PROJECT } from "./support.ts";

const SHARE = "\\\\server\\share";

const inOrder = (a: Listed, b: Listed) => a.name < b.name ? -1 : 1;

/** What a listing gives. */
async function listed(folder: string): Promise<Listed[]> {
  using lister = windowsLister();
  const entries = await lister!.list(folder, Deno.lstatSync(folder).dev);
  assert.ok(entries !== null, `${folder} is not listed`);
  return entries.sort(inOrder);
}

/** What a look at each name gives. */
function looked(folder: string): Listed[] {
  return [...Deno.readDirSync(folder)].map(({ name }): Listed => {
    const info = Deno.lstatSync(join(folder, name));
    const { isFile, isDirectory, isSymlink, size, mtime, birthtime } = info;
    const { ino, dev, nlink } = info;
    const told = {
      ...{ isFile, isDirectory, isSymlink, size, mtime, birthtime },
      mode: info.mode! & 0o777,
      ...{ ino, dev, nlink },
    };
    return { name, told };
  }).sort(inOrder);
}

/** Entries of all kinds. */
async function fill(folder: string, count: number): Promise<void> {
  const write = (name: string, bytes: number, atMs = LONG_AGO) => {
    const path = join(folder, name);
    Deno.writeFileSync(path, new Uint8Array(bytes));
    Deno.utimeSync(path, atMs / 1000, atMs / 1000);
  };
  for (let n = 0; n < count - 21; n++) {
    write(
      `file ${n} ${"x".repeat(n % 90)}`,
      n % 300,
      LONG_AGO + n * 86_399_001,
    );
  }
  for (let n = 0; n < 10; n++) Deno.mkdirSync(join(folder, `folder ${n}`));
  for (
    const name of [
      "ÄÖÜ ß",
      "a\u0308 zerlegt",
      "Ωмега 漢字",
      "\u{1f4c4}\u{1f600}.pdf",
      "x".repeat(240),
      "old",
    ]
  ) write(name, 1, Date.UTC(1971, 1, 3, 4, 5, 6, 789));
  for (const name of ["read-only", "hidden", "system", "large"]) {
    write(name, 3);
  }
  Deno.mkdirSync(join(folder, "read-only folder"));
  Deno.truncateSync(join(folder, "large"), 5 * 2 ** 30 + 1);
  for (
    const [attribute, name] of [
      ["+r", "read-only"],
      ["+r", "read-only folder"],
      ["+h", "hidden"],
      ["+s", "system"],
    ] as const
  ) await output(["attrib.exe", attribute, join(folder, name)]);
}

for (
  const [disk, count] of [["C:\\", 201], ["P:\\", 201], [SHARE, 2001]] as const
) {
  Deno.test(`on ${disk} one listing tells of ${count} entries what looks at each tell`, async () => {
    const folder = Deno.makeTempDirSync({
      dir: disk,
      prefix: "office-sync-test-",
    });
    try {
      await fill(folder, count);
      const seen = looked(folder);
      assert.equal(seen.length, count);
      const ways = [folder, folder.replaceAll("\\", "/"), `${folder}\\`];
      if (disk !== SHARE) ways.push(`\\\\?\\${folder}`);
      for (const way of ways) assert.deepEqual(await listed(way), seen, way);
      const told = new Map(seen.map(({ name, told }) => [name, told]));
      assert.equal(told.get("read-only")?.mode, 0o444);
      assert.equal(told.get("large")?.size, 5 * 2 ** 30 + 1);
    } finally {
      for (const name of ["read-only", "read-only folder"]) {
        Deno.chmodSync(join(folder, name), 0o666);
      }
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

Deno.test("drives, empty folders and paths of more than 260 characters are listed, too", async () => {
  using office = new Office();
  for (const folder of ["C:\\", "P:\\", "P:/", office.left]) {
    // But for what other tests make and remove meanwhile.
    const names = (entries: Iterable<{ readonly name: string }>) =>
      [...entries].map(({ name }) => name)
        .filter((it) => !/test-/.test(it)).sort();
    const there = names(Deno.readDirSync(folder));
    assert.deepEqual(names(await listed(folder)), there);
  }
  const names = ["l", "m", "n"].map((it) => it.repeat(120));
  const deep = join(office.left, ...names);
  Deno.mkdirSync(deep, { recursive: true });
  Deno.writeTextFileSync(join(deep, "a"), "1");
  const entries = await listed(deep.replaceAll("\\", "/"));
  assert.deepEqual(entries.map(({ name }) => name), ["a"]);
  assert.deepEqual(entries, looked(deep));
});

Deno.test("what can't be listed is not taken for empty", async () => {
  using office = new Office().write({ left: { a: "1" } });
  using lister = windowsLister();
  for (const name of ["a", "gone", "a\\b"]) {
    assert.equal(await lister!.list(office.at("left", name), 0), null, name);
  }
});

Deno.test("many folders are listed at once", async () => {
  using office = new Office();
  const folders = Array.from({ length: 200 }, (_, n) => `d${n}`);
  const tree = Object.fromEntries(
    folders.map((name, n): [string, Tree] => [name, { [`f${n}`]: "x" }]),
  );
  office.write({ left: tree });
  using lister = windowsLister();
  const lists = await Promise.all(
    folders.map((name) => lister!.list(office.at("left", name), 0)),
  );
  assert.deepEqual(
    lists.map((entries) => entries?.map(({ name }) => name)),
    folders.map((_, n) => [`f${n}`]),
  );
});

/** Files in folders, with what people and programs leave there. */
const TREE: Tree = {
  a: old("1"),
  "Ä.docx": old("22"),
  "~$Other.docx": old("333"),
  "Thumbs.db": old("4"),
  d: {
    ...Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`f${n}`, old("x", n)]),
    ),
    e: { f: {} },
  },
};

Deno.test("a run in which nothing changed looks at no file of a folder that is listed", async () => {
  using office = new Office().write({ left: TREE });
  await office.agrees();
  await office.rests();
  const looked: string[] = [];
  const note = (real: (path: string) => unknown, path?: string) => {
    looked.push(path!.replaceAll("\\", "/"));
    return real(path!);
  };
  {
    using _now = replaceCall(Deno, "lstatSync", note);
    using _later = replaceCall(Deno, "lstat", note);
    await office.rests();
  }
  assert.deepEqual(looked.filter((path) => /\/d\/f\d|\/a$/.test(path)), []);
  assert.ok(looked.some((path) => path.endsWith("/d")));
});

/**
 * The program as on a root on the network: with all permissions, or but one.
 *
 * @returns The paths of what it did, and whether it used FFI.
 */
async function run(
  office: Office,
  ...denied: string[]
): Promise<[string[], boolean]> {
  const used = join(office.folder, "used.jsonl");
  const { roots, stateDb } = await loadConfig(office.config);
  const started = {
    sandbox: {
      engine: "all",
      files: "all",
      walls: { by: "fence", network: [] },
    },
    ...{ roots, stateDb, logFile: office.log, handed: null },
  };
  const { code, stdout, stderr } = await output([
    Deno.execPath(),
    ...["run", "--no-prompt", "--cached-only", "--allow-all", ...denied],
    ...[join(PROJECT, "main.ts"), IN_SANDBOX + JSON.stringify(started)],
    ...["--json", "--config", office.config],
  ], { cwd: PROJECT, env: { DENO_AUDIT_PERMISSIONS: used } });
  assert.equal(code, 0, stdout + stderr);
  const { actions } = JSON.parse(stdout) as { actions: { path: string }[] };
  const usesFfi = Deno.readTextFileSync(used).includes('"ntdll.dll"');
  Deno.removeSync(used);
  return [actions.map(({ path }) => path).sort(), usesFfi];
}

/** All that is recorded of files and folders. */
function record(office: Office): unknown[] {
  using db = new DatabaseSync(
    join(office.config, "..", "config.db"),
    { readOnly: true },
  );
  return ["files", "directories"].map((table) =>
    db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()
  );
}

Deno.test("the program records the same with FFI and without, and each finds nothing to do after the other", async () => {
  using office = new Office().write({ left: TREE });
  // A file with two names has no id.
  Deno.linkSync(office.at("left", "d\\f1"), join(office.folder, "second"));
  const edits = [
    () => {},
    () => {
      office.write({ left: { d: { f7: old("edited", 400) } } });
      Deno.renameSync(office.at("right", "d\\f8"), office.at("right", "g"));
      Deno.removeSync(office.at("left", "d\\f9"));
    },
  ];
  const ways = [[], ["--deny-ffi"]] as const;
  for (const [n, edit] of edits.entries()) {
    edit();
    const [did] = await run(office, ...ways[n]!);
    assert.notDeepEqual(did, []);
    const recorded = record(office);
    assert.deepEqual(await run(office, ...ways[1 - n]!), [[], n === 1]);
    assert.deepEqual(record(office), recorded);
  }
});
