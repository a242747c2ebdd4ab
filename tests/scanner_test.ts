import assert from "node:assert/strict";
import { ignoreSettings } from "../lib/config_ignore.ts";
import { parseConfig } from "../lib/config_loader.ts";
import type { Listed, Lister, Told } from "../lib/files_list_windows.ts";
import { folderIdOf } from "../lib/metadata.ts";
import { joinPath } from "../lib/paths.ts";
import { type Scan, scan } from "../lib/scanner.ts";
import { StateDb } from "../lib/state_db.ts";
import { inWords } from "../lib/system.ts";
import type { Checkpoint } from "../lib/types.ts";
import { ignorePredicate } from "../lib/wire_ignore.ts";
import { entriesOf, type Listing } from "../lib/wire_listing.ts";
import type { ScanSummary } from "../lib/wire_messages.ts";
import { ROOTS } from "./support/config_lines.ts";
import {
  file,
  MemoryOffice,
  type Office,
  read,
  type Tree,
} from "./support/support.ts";
import { intercept, systemError, TwoRoots } from "./support/two_roots.ts";

interface Scanned extends ScanSummary {
  readonly listings: ReadonlyMap<string, Listing>;
  /** Every path that was handed on. */
  readonly paths: readonly string[];
}

const IGNORE = { extensions: [".tmp"], prefixes: ["~$"], names: ["Thumbs.db"] };

/** Scans a Left; started long ahead, so that nothing is changing. */
async function look(
  at: TwoRoots,
  request: Partial<Scan> = {},
): Promise<Scanned> {
  const listings = new Map<string, Listing>();
  const summary = await scan(
    {
      side: "left",
      root: at.left.path,
      tickMs: 1,
      startedAtMs: Date.now() + 60_000,
      digests: new Map(),
      ...request,
    },
    ignorePredicate(IGNORE),
    { handOn: (it) => void listings.set(it.folder, it) },
  );
  const paths = [...listings].flatMap(([folder, listing]) =>
    entriesOf(listing).map(({ name }) =>
      folder === "" ? name : `${folder}/${name}`
    )
  );
  return { ...summary, listings, paths: paths.sort() };
}

function problems(scanned: Scanned): Record<string, string> {
  return Object.fromEntries(
    scanned.problems.map(({ path, kind }) => [path, kind]),
  );
}

function rooms(left: Tree): TwoRoots {
  return new TwoRoots().write({ left });
}

Deno.test("a scan hands on every folder with its files and folders, empty ones too", async () => {
  using at = rooms({
    a: file("one", { mtime: 5e11 + 7 }),
    d: { e: {}, b: "" },
  });
  const scanned = await look(at);
  assert.deepEqual(scanned.paths, ["a", "d", "d/b", "d/e"]);
  assert.deepEqual([...scanned.listings.keys()], ["", "d", "d/e"]);
  assert.deepEqual([scanned.files, scanned.folders], [2, 3]);
  const entries = entriesOf(scanned.listings.get("")!);
  assert.deepEqual(entries.find(({ name }) => name === "a"), {
    kind: "file",
    name: "a",
    ...at.seen("left", "a"),
  });
  const id = folderIdOf(Deno.statSync(at.left.absolute("d")));
  assert.notEqual(id, null);
  const folder = { kind: "directory", name: "d", isMount: false, id };
  assert.deepEqual(entries.find(({ name }) => name === "d"), folder);
  assert.deepEqual(scanned.problems, []);
});

Deno.test("times are cut to the root's tick", async () => {
  using at = rooms({ a: file("one", { mtime: 1_577_836_923_999 }) });
  const [entry] = entriesOf(
    (await look(at, { tickMs: 2000 })).listings.get("")!,
  );
  assert.equal(entry?.kind === "file" && entry.mtimeMs, 1_577_836_922_000);
});

Deno.test("the product's own names are never seen, in any spelling and at any depth", async () => {
  const own: Tree = {
    ".office-sync": { deleted: { a: "1" } },
    ".Office-Sync": { a: "1" },
    ".o\ufb03ce-sync. ": { a: "1" },
    ".OFFICE-SYNC-TMP-pair-run-1": "1",
    ".office-sync-tmp-folder": { a: "1" },
  };
  using at = rooms({ ...own, d: { e: own }, ".office-sync.txt": "mine" });
  const scanned = await look(at);
  assert.deepEqual(scanned.paths, [".office-sync.txt", "d", "d/e"]);
  // Whatever folder holds them can't be removed.
  assert.deepEqual(problems(scanned), {
    "d/e/.office-sync": "own",
    "d/e/.Office-Sync": "own",
    "d/e/.o\ufb03ce-sync. ": "own",
  });
  const folders = scanned.leftovers.filter((it) => it.metadata === null);
  assert.deepEqual(folders.map(({ path }) => path).sort(), [
    ".office-sync-tmp-folder",
    "d/e/.office-sync-tmp-folder",
  ]);
});

Deno.test("temporary files are told as leftovers, names in the middle of a rename as problems", async () => {
  using at = rooms({
    d: {
      ".office-sync-tmp-pair-run-1": file("1", { mtime: 5e11 }),
      ".office-sync-mv-12345678": "1",
    },
  });
  const scanned = await look(at);
  assert.deepEqual(scanned.paths, ["d"]);
  const path = "d/.office-sync-tmp-pair-run-1";
  assert.deepEqual(scanned.leftovers, [
    { path, mtimeMs: 5e11, metadata: at.seen("left", path) },
  ]);
  const moving = { "d/.office-sync-mv-12345678": "moving" };
  assert.deepEqual(problems(scanned), moving);
});

Deno.test("a temporary file of another run that vanishes meanwhile is nobody's concern", async () => {
  using at = rooms({ a: "1", ".office-sync-tmp-other-run-1": "2", d: {} });
  using _program = intercept("lstatSync", (real, path) => {
    if (path!.includes("-tmp-")) Deno.removeSync(path!);
    return real(path);
  });
  const scanned = await look(at);
  assert.deepEqual(scanned.paths, ["a", "d"]);
  assert.deepEqual([scanned.problems, scanned.leftovers], [[], []]);
});

Deno.test("links and special files are problems, never followed and never opened", async () => {
  using at = rooms({ d: {} });
  Deno.writeTextFileSync(`${at.outside}/secret`, "x");
  Deno.symlinkSync(at.outside, at.left.absolute("d/folder"));
  Deno.symlinkSync(`${at.outside}/secret`, at.left.absolute("d/file"));
  Deno.symlinkSync("nowhere", at.left.absolute("d/dangling"));
  new Deno.Command("mkfifo", { args: [at.left.absolute("pipe")] }).outputSync();
  using _program = intercept("openSync", (_, path) => {
    assert.fail(`${path} was opened`);
  });
  const scanned = await look(at);
  assert.deepEqual(scanned.paths, ["d"]);
  assert.deepEqual(problems(scanned), {
    "d/dangling": "symlink",
    "d/file": "symlink",
    "d/folder": "symlink",
    pipe: "special",
  });
});

Deno.test("ignored names are quiet problems: files with their metadata, folders unread", async () => {
  const ignored: Tree = {
    "a.TMP": "12345",
    "~$b.docx": "",
    "thumbs.DB": { inner: "" },
    "x.tmp": { seen: "" },
  };
  using at = rooms({ ...ignored, d: ignored, tmp: "1" });
  const scanned = await look(at);
  const below = (folder: string) => [`${folder}x.tmp`, `${folder}x.tmp/seen`];
  assert.deepEqual(scanned.paths, ["d", ...below("d/"), "tmp", ...below("")]);
  const names = ["a.TMP", "~$b.docx", "thumbs.DB"];
  const told = scanned.problems.map(({ path }) => path).sort();
  assert.deepEqual(told, [...names, ...names.map((it) => `d/${it}`)].sort());
  for (const { path, kind, side, metadata } of scanned.problems) {
    assert.deepEqual([kind, side], ["ignored", "left"]);
    const seen = path.endsWith("DB") ? null : at.seen("left", path);
    assert.deepEqual(metadata, seen);
  }
});

Deno.test("a file that can't be looked at is a problem, its neighbours are not", async () => {
  using at = rooms({ d: { e: { f: "2" }, g: "3" } });
  using _system = intercept("lstatSync", (real, path) => {
    if (path!.endsWith("/d/g")) throw systemError("EACCES");
    return real(path);
  });
  const scanned = await look(at);
  assert.deepEqual(problems(scanned), { "d/g": "unreadable" });
  assert.match(scanned.problems[0]!.reason, /denied/);
  assert.deepEqual(scanned.paths, ["d", "d/e", "d/e/f"]);
});

Deno.test("a folder that can't be read to its end is a problem, and nothing of it is handed on", async () => {
  using at = rooms({ a: "1", d: { e: { f: "2" }, g: "3" } });
  using _system = intercept("readDirSync", function* (real, path) {
    yield real(path)[Symbol.iterator]().next().value;
    if (path!.endsWith("/d")) throw systemError("EIO");
    yield* [...real(path)].slice(1);
  });
  const scanned = await look(at);
  assert.deepEqual(problems(scanned), { d: "unreadable" });
  assert.deepEqual(scanned.paths, ["a", "d"]);
});

Deno.test("a folder that vanishes before it is read is not told as empty", async () => {
  using at = rooms({ a: "1", d: { e: "2" } });
  using _system = intercept("lstatSync", (real, path) => {
    const info = real(path);
    if (path!.endsWith("/d")) Deno.removeSync(path!, { recursive: true });
    return info;
  });
  const scanned = await look(at);
  assert.deepEqual(problems(scanned), { d: "vanished" });
  assert.equal(scanned.listings.has("d"), false);
});

Deno.test("a file that vanishes between listing and look is told, not left out", async () => {
  using at = rooms({ a: "1", b: "2" });
  using _program = intercept("lstatSync", (real, path) => {
    if (path!.endsWith("/a")) Deno.removeSync(path!);
    return real(path);
  });
  const scanned = await look(at);
  assert.deepEqual(problems(scanned), { a: "vanished" });
  assert.deepEqual(scanned.paths, ["b"]);
});

Deno.test("a root that can't be read ends the scan", async () => {
  using at = rooms({ a: "1" });
  const root = at.left.absolute("gone");
  await assert.rejects(look(at, { root }), Deno.errors.NotFound);
  using _system = intercept("lstatSync", () => {
    throw systemError("EIO");
  });
  await assert.rejects(look(at), { code: "EIO" });
});

Deno.test("a folder is changing if it changed after the scan began", async () => {
  using at = rooms({ d: { a: "1" }, e: {} });
  const long = new Date(Date.now() - 60_000);
  for (const folder of ["", "e"]) {
    Deno.utimeSync(at.left.folder(folder), long, long);
  }
  const { listings } = await look(at, { startedAtMs: Date.now() - 30_000 });
  const told = [...listings].map(([path, it]) => [path, it.isChanging]);
  assert.deepEqual(told.sort(), [["", false], ["d", true], ["e", false]]);
});

Deno.test("a folder is changing if it changed in the very tick in which the scan began", async () => {
  using at = rooms({ d: { a: "1" }, e: {} });
  const startedAtMs = Date.UTC(2026, 0, 1, 8, 0, 2);
  const times = { "": -2000, d: 0, e: -4000 };
  for (const [folder, ms] of Object.entries(times)) {
    const time = new Date(startedAtMs + ms);
    Deno.utimeSync(at.left.folder(folder), time, time);
  }
  const changing = async (tickMs: number) =>
    [...(await look(at, { startedAtMs, tickMs })).listings]
      .flatMap(([path, it]) => it.isChanging ? [path] : []).sort();
  assert.deepEqual(await changing(1), []);
  assert.deepEqual(await changing(2000), ["d"]);
});

/** Digests as a run leaves them in the record. */
async function digests(office: Office): Promise<Map<string, string>> {
  await office.agree();
  using db = new StateDb(office.stateDb, { isReadOnly: true });
  return new Map(
    db.query("SELECT path, digest_left FROM directories").map((
      [path, digest],
    ) => [String(path), String(digest)]),
  );
}

Deno.test("a folder whose digest is recorded is not handed on, one that changed is", async () => {
  using office = new MemoryOffice();
  const old = (content: string) => file(content, { mtime: 5e11, mode: 0o644 });
  office.write({ left: { a: old("1"), d: { b: old("2"), e: {} } } });
  const known = await digests(office);
  const request = {
    side: "left",
    root: office.left,
    tickMs: 1,
    startedAtMs: Date.now() + 60_000,
    digests: known,
  } as const;
  const handedOn = async (startedAtMs = request.startedAtMs) => {
    const folders: string[] = [];
    await scan({ ...request, startedAtMs }, () => false, {
      handOn: (it) => void folders.push(it.folder),
    });
    return folders;
  };
  assert.deepEqual(await handedOn(), []);
  assert.deepEqual(await handedOn(0), ["", "d", "d/e"], "changing ones are");
  const path = `${office.left}/d/b`;
  const edits: Record<string, () => void> = {
    mode: () => Deno.chmodSync(path, 0o600),
    time: () => Deno.utimeSync(path, 5e8 + 1, 5e8 + 1),
    size: () => Deno.writeTextFileSync(path, "22"),
    name: () => Deno.renameSync(path, `${path}2`),
    kind: () => Deno.mkdirSync(path),
  };
  for (const [what, edit] of Object.entries(edits)) {
    edit();
    // A folder that is new is handed on itself.
    const added = what === "kind" ? ["d/b"] : [];
    assert.deepEqual(await handedOn(), ["d", ...added], what);
  }
});

Deno.test("a digest does not depend on the order in which a system lists", async () => {
  using office = new MemoryOffice();
  // Young files have no digest.
  const old = (content: string) => file(content, { mtime: 5e11 });
  const tree = Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`f${n * 7 % 50}`, old(`${n}`)]),
  );
  office.write({ left: tree });
  const known = await digests(office);
  using _system = intercept("readDirSync", (real, path) => {
    return [...real(path)].reverse()[Symbol.iterator]();
  });
  await scan(
    {
      side: "left",
      root: office.left,
      tickMs: 1,
      startedAtMs: Date.now() + 60_000,
      digests: known,
    },
    () => false,
    { handOn: ({ folder }) => assert.fail(`"${folder}" differs`) },
  );
});

/** Names of a Mac or a NAS that Windows lists, and can't be asked for. */
const NOT_FOR_WINDOWS = [
  "lone.txt.",
  "lone.txt",
  "trail ",
  "trail",
  "CON",
  "aux.tar.gz",
  "com1",
  "nul.txt",
  "a:b",
  "what?",
  "dir.",
  "a|b",
  'say "hi"',
  "tab\there",
  "dots...",
];

const PLAIN = ["lone.txt", "trail"];

for (const isSlow of [false, true]) {
  Deno.test({
    name:
      `on Windows a name that breaks its rules is told, with the way out, and not looked at${
        isSlow ? ", on a slow share too" : ""
      }`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const tree: Record<string, Tree[string]> = { d: { "e ": { "f": "1" } } };
      for (const name of NOT_FOR_WINDOWS) tree[name] = name;
      delete tree["dir."];
      for (let n = 0; isSlow && n < 50; n++) tree[`file ${n}`] = "x";
      using at = rooms({ ...tree, "dir.": { inside: "1" }, ".ds.": "ignored" });
      const looked: string[] = [];
      const note = (path: string) => looked.push(path.split("/").at(-1)!);
      using _looks = intercept("lstatSync", (real, path) => {
        note(path!);
        for (
          const end = performance.now() + 1;
          isSlow && performance.now() < end;
        );
        return real(path);
      });
      using _later = intercept("lstat", (real, path) => {
        note(path!);
        return real(path);
      });
      const scanned = await look(at, { windowsNames: "all" });
      const bad = NOT_FOR_WINDOWS.filter((name) => !PLAIN.includes(name));
      assert.deepEqual(
        problems(scanned),
        Object.fromEntries(
          [...bad, ".ds.", "d/e "].map((name) => [name, "name"]),
        ),
      );
      assert.deepEqual(looked.filter((name) => bad.includes(name)), []);
      for (const { reason } of scanned.problems) {
        assert.match(
          reason,
          /^this system can't open .+: rename it on the machine that made it$/,
        );
      }
      const others = scanned.paths.filter((path) => !path.startsWith("file "));
      assert.deepEqual(others, ["d", ...PLAIN]);
    },
  });
}

Deno.test("where the disk keeps to Windows' rules, a name is told that it lists and does not find", async () => {
  using at = rooms({ "lone.txt.": "1", "a:b": "2", gone: "3" });
  using _disk = intercept("lstatSync", (real, path) => {
    if (/\.$|gone$/.test(path!)) throw systemError("ENOENT");
    return real(path);
  });
  const scanned = await look(at, { windowsNames: "missing" });
  assert.deepEqual(problems(scanned), {
    "lone.txt.": "name",
    gone: "vanished",
  });
  assert.deepEqual(scanned.paths, ["a:b"]);
});

Deno.test("a name that Windows can't ask for is ignored where the config says so", async () => {
  using at = rooms({ "~$lock.": "1" });
  const scanned = await look(at, { windowsNames: "all" });
  assert.deepEqual(problems(scanned), { "~$lock.": "ignored" });
});

/** A share on which every call takes so long, in ms. */
class SlowShare implements Disposable {
  readonly #restore: Disposable[];
  #running = 0;
  /** Calls in flight at the busiest moment. */
  mostAtOnce = 0;
  /** Calls that nothing went on beside. */
  alone = 0;

  constructor(delayMs: number) {
    this.#restore = [
      intercept("lstatSync", (real, path) => {
        this.alone++;
        pause(delayMs);
        return real(path);
      }),
      intercept("lstat", async (real, path) => {
        this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
        await new Promise((done) => setTimeout(done, delayMs));
        this.#running--;
        return await real(path);
      }),
    ];
  }

  [Symbol.dispose](): void {
    for (const it of this.#restore) it[Symbol.dispose]();
  }
}

/** Holds the thread up, as a call that waits for a server does. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** What a scan sees: a path, and what stands there. */
async function walked(
  root: string,
  checkpoint: Checkpoint = () => Promise.resolve(),
): Promise<{ seen: Record<string, string>; folders: number }> {
  const seen: Record<string, string> = {};
  const request = {
    side: "left",
    root,
    tickMs: 1,
    digests: new Map(),
  } as const;
  const { problems, folders } = await scan(
    { ...request, startedAtMs: 0 },
    () => false,
    {
      handOn(listing) {
        for (const entry of entriesOf(listing)) {
          const path = joinPath(listing.folder, entry.name);
          seen[path] ??= entry.kind === "file"
            ? `${entry.sizeBytes}`
            : "folder";
        }
      },
      checkpoint,
    },
  );
  for (const { path, reason } of problems) seen[path] = `no: ${reason}`;
  return { seen, folders };
}

/** Folders in folders, one of them large, one empty. */
function tree(): Tree {
  const files = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`f${n}`, "x".repeat(n % 7)]),
    );
  const folders = Array.from(
    { length: 20 },
    (_, n) =>
      [`d${n}`, { ...files(5), deeper: { ...files(3), empty: {} } }] as const,
  );
  return { ...files(40), large: files(300), ...Object.fromEntries(folders) };
}

Deno.test("on a slow share a walk has many calls in flight, and sees what a quick one sees", async () => {
  using at = new TwoRoots().write({ left: tree() });
  const quick = await walked(at.left.path);
  assert.equal(Object.keys(quick.seen).length, 40 + 1 + 300 + 20 * 11);
  using share = new SlowShare(2);
  const slow = await walked(at.left.path);
  assert.deepEqual(slow, quick);
  assert.ok(share.alone < 50, `${share.alone} calls one by one`);
  assert.ok(share.mostAtOnce > 30, `${share.mostAtOnce} calls at once`);
  assert.ok(share.mostAtOnce <= 64, `${share.mostAtOnce} calls at once`);
});

Deno.test("on a quick disk a walk makes one call after another, one for each name and folder", async () => {
  using at = new TwoRoots().write({ left: tree() });
  const waited: string[] = [];
  using _later = intercept("lstat", (_, path) => void waited.push(path!));
  let calls = 0;
  using _looks = intercept("lstatSync", (real, path) => {
    calls++;
    return real(path);
  });
  const { seen, folders } = await walked(at.left.path);
  assert.deepEqual(waited, []);
  // The root at first, and its own folder, which is not listed.
  assert.equal(calls, 2 + Object.keys(seen).length + folders);
});

Deno.test("one call that takes long does not make a disk slow", async () => {
  using at = new TwoRoots().write({ left: tree() });
  let calls = 0;
  using _looks = intercept("lstatSync", (real, path) => {
    if (++calls % 10 === 0) pause(5);
    return real(path);
  });
  const { seen, folders } = await walked(at.left.path);
  // The root at first, and its own folder, which is not listed.
  assert.equal(calls, 2 + Object.keys(seen).length + folders);
});

for (const delayMs of [0, 2]) {
  const where = delayMs === 0 ? "quick disk" : "slow share";
  Deno.test(`on a ${where} a folder that can't be listed is told, and all others are seen`, async () => {
    using at = new TwoRoots().write({ left: tree() });
    const { seen } = await walked(at.left.path);
    using _share = delayMs > 0 ? new SlowShare(delayMs) : null;
    const failing = `${at.left.path}/d7/deeper`;
    const refuse = (real: (path: string) => unknown, path = "") => {
      if (path === failing) throw systemError("EACCES");
      return real(path);
    };
    using _now = intercept("readDirSync", refuse);
    using _later = intercept("readDir", refuse);
    const expected = Object.entries(seen)
      .filter(([path]) => !path.startsWith("d7/deeper/"))
      .map(([path, what]) =>
        path === "d7/deeper"
          ? [path, `no: ${inWords(systemError("EACCES"))}`]
          : [path, what]
      );
    const found = await walked(at.left.path);
    assert.deepEqual(found.seen, Object.fromEntries(expected));
  });

  Deno.test(`on a ${where} a root that can't be listed ends the walk`, async () => {
    using at = new TwoRoots().write({ left: tree() });
    using _share = delayMs > 0 ? new SlowShare(delayMs) : null;
    using _lost = intercept(delayMs > 0 ? "readDir" : "readDirSync", () => {
      throw systemError("EIO");
    });
    await assert.rejects(walked(at.left.path), { code: "EIO" });
  });

  Deno.test(`on a ${where} a checkpoint that throws ends the walk`, async () => {
    using at = new TwoRoots().write({ left: tree() });
    using _share = delayMs > 0 ? new SlowShare(delayMs) : null;
    let pauses = 0;
    const enough = () =>
      ++pauses < 9 ? Promise.resolve() : Promise.reject(new Error("enough"));
    await assert.rejects(walked(at.left.path, enough), /enough/);
    assert.equal(pauses, 9);
  });
}

Deno.test("a walk changes nothing", async () => {
  using at = new TwoRoots().write({ left: tree() });
  const before = read(at.left.path);
  await walked(at.left.path);
  assert.deepEqual(read(at.left.path), before);
});

/**
 * Lists as Windows does: with metadata, but not with how many names a file
 * has, and with nothing of a link but its name.
 */
class FullLister implements Lister {
  lists = 0;
  readonly #lstat = Deno.lstatSync;
  readonly #told: (name: string, told: Told) => Told | null;

  /** @param told What becomes of what a listing tells of an entry. */
  constructor(told = (_: string, told: Told): Told | null => told) {
    this.#told = told;
  }

  list(folder: string, dev: number): Promise<Listed[] | null> {
    this.lists++;
    const listed: Listed[] = [];
    for (const { name } of Deno.readDirSync(folder)) {
      const info = this.#lstat(`${folder}/${name}`);
      const told = info.isSymlink ? null : { ...info, nlink: 1, dev };
      listed.push({ name, told: told && this.#told(name, told) });
    }
    return Promise.resolve(listed);
  }

  [Symbol.dispose](): void {}
}

/** What a scan told, but for the time of its looks, and whom it looked at. */
async function toldBy(
  office: Office,
  digests: ReadonlyMap<string, string>,
  lister: Lister | null,
  startedAtMs = Date.now() + 60_000,
) {
  const looked: string[] = [];
  using _looks = intercept("lstatSync", (real, path) => {
    looked.push(path!.slice(office.left.length + 1));
    return real(path);
  });
  const listings: Record<string, unknown> = {};
  const root = office.left;
  const summary = await scan(
    { side: "left", root, tickMs: 1, startedAtMs, digests },
    ignorePredicate({ ...IGNORE, junk: [".DS_Store"] }),
    {
      handOn: (it) =>
        void (listings[it.folder] = [entriesOf(it), it.isChanging]),
    },
    () => lister,
  );
  return { told: { ...summary, listings }, looked: new Set(looked) };
}

Deno.test("a scan does not list a folder that a pattern ignores, and lists one with an exception", async () => {
  using at = rooms({
    Old: { deep: { "a.txt": "a" }, "b.txt": "b" },
    d: { Old: { "c.txt": "c" }, keep: { "d.txt": "d" } },
  });
  const listed: string[] = [];
  using _lists = intercept("readDirSync", (real, path) => {
    listed.push(path!.slice(at.left.path.length));
    return real(path);
  });
  const text = `${ROOTS}ignore: {paths: ['/Old/', '/d/*', '!/d/keep/']}`;
  const { ignore } = await parseConfig(text, "/c.yaml");
  const { problems, folders } = await scan(
    {
      side: "left",
      root: at.left.path,
      tickMs: 1,
      startedAtMs: Date.now() + 60_000,
      digests: new Map(),
    },
    ignorePredicate(await ignoreSettings(ignore, false)),
    { handOn() {} },
  );
  const told = problems.map(({ path, kind }) => `${kind} ${path}`).sort();
  assert.deepEqual(told, ["ignored Old", "ignored d/Old"]);
  assert.equal(folders, 3);
  assert.deepEqual(listed.sort(), ["", "/d", "/d/keep"]);
});

/** Old files in folders, some of which nobody syncs. */
async function recordedOffice(): Promise<[Office, Map<string, string>]> {
  const office = new MemoryOffice();
  const old = (content: string) => file(content, { mtime: 5e11, mode: 0o644 });
  office.write({
    left: { a: old("1"), d: { b: old("22"), c: old("333"), e: {} }, f: {} },
  });
  Deno.linkSync(`${office.left}/d/c`, `${office.folder}/outside`);
  return [office, await digests(office)];
}

/** What a scan looks at in any case, with this record. */
const FOLDERS = ["", ".office-sync", "d", "d/e", "f"];

Deno.test("a folder of which a listing tells that it is as recorded is looked at itself, its entries are not", async () => {
  const [office, known] = await recordedOffice();
  using _office = office;
  Deno.writeTextFileSync(`${office.left}/f/new`, "");
  const listed = new FullLister();
  const { told, looked } = await toldBy(office, known, listed);
  assert.deepEqual(Object.keys(told.listings), ["f"]);
  // c has two names, so it has no id in the record.
  const rest = ["d/b", "d/c", "f/new"];
  assert.deepEqual(looked, new Set([...FOLDERS, ...rest]));
  assert.deepEqual([told.files, told.folders, listed.lists], [4, 4, 4]);
});

Deno.test("a new name of a file has no id, also where the folder of the old one is as recorded", async () => {
  const [office, known] = await recordedOffice();
  using _office = office;
  Deno.linkSync(`${office.left}/a`, `${office.left}/f/a`);
  const { told } = await toldBy(office, known, new FullLister());
  const { mtimeMs, mode } = { mtimeMs: 5e11, mode: 0o644 };
  const entry = { kind: "file", name: "a", sizeBytes: 1, mtimeMs, mode };
  assert.deepEqual(told.listings, { f: [[{ ...entry, id: null }], false] });
  // What is handed on has been looked at: the old one has none either.
  const long = Date.now() - 60_000;
  const plain = await toldBy(office, known, null, long);
  const changing = await toldBy(office, known, new FullLister(), long);
  assert.deepEqual(changing.told, plain.told);
});

/** What can be different from the record, or is not of it. */
const SITUATIONS: Record<string, (at: (path: string) => string) => void> = {
  "nothing": () => {},
  "an edit": (at) => Deno.writeTextFileSync(at("d/b"), "another"),
  "a file more": (at) => Deno.writeTextFileSync(at("d/n"), "1"),
  "a file less": (at) => Deno.removeSync(at("d/b")),
  "a file of another folder": (at) => Deno.renameSync(at("a"), at("f/a")),
  "a new name of a file with two": (at) =>
    Deno.linkSync(at("d/c"), at("d/e/c")),
  "a folder more": (at) => Deno.mkdirSync(at("d/e/g")),
  "a renamed folder": (at) => Deno.renameSync(at("f"), at("d/f")),
  "another mode": (at) => Deno.chmodSync(at("a"), 0o600),
  "ignored files with two names": (at) => {
    for (const name of ["x.tmp", "d/.DS_Store"]) {
      Deno.linkSync(at("d/c"), at(name));
    }
  },
  "an ignored folder": (at) => Deno.mkdirSync(at("d/thumbs.db")),
  "links and pipes": (at) => {
    Deno.symlinkSync("nowhere", at("d/link"));
    Deno.symlinkSync(at("d"), at("d/e/folder"));
    new Deno.Command("mkfifo", { args: [at("pipe")] }).outputSync();
  },
  "leftovers": (at) => {
    Deno.linkSync(at("a"), at(".office-sync-tmp-pair-run-1"));
    Deno.writeTextFileSync(at("d/.office-sync-mv-12345678"), "1");
    Deno.mkdirSync(at("d/.office-sync"));
  },
  "all of it": (at) => {
    for (const [what, make] of Object.entries(SITUATIONS)) {
      if (!/^(all|nothing|a file of)/.test(what)) make(at);
    }
  },
};

for (const [what, make] of Object.entries(SITUATIONS)) {
  Deno.test(`with a listing that tells metadata a scan tells what it tells without: ${what}`, async () => {
    const [office, known] = await recordedOffice();
    using _office = office;
    make((path) => `${office.left}/${path}`);
    const now = Date.now();
    for (const startedAtMs of [now - 60_000, now + 60_000]) {
      const plain = await toldBy(office, known, null, startedAtMs);
      using lister = new FullLister();
      const { told } = await toldBy(office, known, lister, startedAtMs);
      assert.deepEqual(told, plain.told);
      assert.ok(lister.lists > 0);
    }
  });
}

Deno.test("a listing that is cut off, wrong, or none makes a scan tell nothing else", async () => {
  const [office, known] = await recordedOffice();
  using _office = office;
  const plain = await toldBy(office, known, null);
  const wrong: Record<string, Lister> = {
    "cut off": new class extends FullLister {
      override async list(folder: string, dev: number) {
        return (await super.list(folder, dev))!.slice(1);
      }
    }(),
    "none": new class extends FullLister {
      override list = () => Promise.resolve(null);
    }(),
    "without ids": new FullLister(() => null),
    "wrong times": new FullLister((_, told) => ({
      ...told,
      mtime: told.birthtime,
    })),
  };
  for (const [what, lister] of Object.entries(wrong)) {
    const { told } = await toldBy(office, known, lister);
    assert.deepEqual(told, plain.told, what);
  }
});

Deno.test("a folder without a digest is not listed with metadata", async () => {
  const [office, known] = await recordedOffice();
  using _office = office;
  known.delete("f");
  using lister = new FullLister();
  const { told } = await toldBy(office, known, lister);
  assert.deepEqual(Object.keys(told.listings), ["f"]);
  assert.equal(lister.lists, 3);
  const request = { side: "left", root: office.left, tickMs: 1 } as const;
  await scan(
    { ...request, startedAtMs: 0, digests: new Map() },
    () => false,
    { handOn() {} },
    () => assert.fail("a lister was opened"),
  );
});

Deno.test("on a slow share folders are listed with metadata, many at once, and seen as by looks", async () => {
  using office = new MemoryOffice();
  const folders = Object.fromEntries(
    Array.from({ length: 60 }, (_, n) => [
      `d${n}`,
      { a: file("1", { mtime: 5e11 }), b: file("22", { mtime: 5e11 }) },
    ]),
  );
  office.write({ left: folders });
  const known = await digests(office);
  Deno.writeTextFileSync(`${office.left}/d7/a`, "edited");
  const plain = await toldBy(office, known, null);
  let [running, most] = [0, 0];
  using lister = new class extends FullLister {
    override async list(folder: string, dev: number) {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, 2));
      running--;
      return await super.list(folder, dev);
    }
  }();
  using share = new SlowShare(2);
  const { told } = await toldBy(office, known, lister);
  assert.deepEqual(told, plain.told);
  assert.deepEqual(Object.keys(told.listings), ["d7"]);
  assert.ok(most > 10, `${most} folders at once`);
  assert.ok(share.alone < 50, `${share.alone} calls one by one`);
});
