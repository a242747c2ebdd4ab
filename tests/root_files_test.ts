import assert from "node:assert/strict";
import { OpenFile } from "../lib/files_read.ts";
import { isLink, Root } from "../lib/root_files.ts";
import { PLAIN_TRAITS } from "../lib/root_traits.ts";
import { CHANGED, Skipped } from "../lib/system.ts";
import { file, MemoryOffice } from "./support/support.ts";
import {
  after,
  intercept,
  systemError,
  TwoRoots,
} from "./support/two_roots.ts";

const changed = { name: "Skipped", message: CHANGED };

function textOf(root: Root, path: string, bytes = 100): string {
  using open = new OpenFile(root, path, seenAt(root, path));
  const buffer = new Uint8Array(bytes);
  return new TextDecoder().decode(buffer.subarray(0, open.read(buffer)));
}

function seenAt(root: Root, path: string) {
  return root.metadata(Deno.lstatSync(root.absolute(path)));
}

function makePipe(path: string): void {
  const { success } = new Deno.Command("mkfifo", { args: [path] }).outputSync();
  assert.ok(success, "a pipe");
}

Deno.test("a look tells files, folders, nothing, and what is neither", () => {
  using at = new TwoRoots().write({ left: { a: file("one"), d: {} } });
  const { left } = at;
  Deno.symlinkSync(left.absolute("a"), left.absolute("link"));
  Deno.symlinkSync(left.absolute("d"), left.absolute("link to d"));
  makePipe(left.absolute("pipe"));
  const seen = at.seen("left", "a");
  assert.deepEqual(left.look("a"), { kind: "file", metadata: seen });
  assert.equal(seen.sizeBytes, 3);
  assert.deepEqual(left.look("d"), { kind: "directory" });
  assert.deepEqual(left.look(""), { kind: "directory" });
  assert.deepEqual(left.look("b"), { kind: "absent" });
  for (const other of ["link", "link to d", "pipe"]) {
    assert.deepEqual(left.look(other), { kind: "other" }, other);
  }
});

Deno.test("what a listing shows is let in only where nothing else is wrong with its path", () => {
  using at = new TwoRoots().write({ left: { d: { a: "1" } } });
  const { left } = at;
  const own = ".office-sync-tmp-pair-run-1";
  assert.throws(() => left.absolute(`d/${own}`), /the program's own/);
  assert.equal(left.absolute(left.listed("d", own)), `${left.path}/d/${own}`);
  for (const folder of ["..", "d/../..", "", "d//", "/etc", "d/\0"]) {
    const path = left.listed(folder === "" ? "." : folder, own);
    for (const way of ["absolute", "way", "look", "folder"] as const) {
      assert.throws(() => left[way](path), /no name|is empty|NUL/, path);
    }
  }
});

Deno.test("nothing is seen, read or expected through a linked folder", () => {
  using at = new TwoRoots().write({ left: { d: { e: { a: "mine" } } } });
  const { left } = at;
  const seen = at.seen("left", "d/e/a");
  Deno.mkdirSync(`${at.outside}/e`);
  Deno.renameSync(left.absolute("d/e/a"), `${at.outside}/e/a`);
  Deno.removeSync(left.absolute("d"), { recursive: true });
  Deno.symlinkSync(at.outside, left.absolute("d"));
  for (const folder of ["d", "d/e"]) {
    assert.throws(() => left.requireRealFolder(folder), changed, folder);
  }
  assert.throws(() => left.look("d/e/a"), changed);
  assert.throws(() => left.look("d/e/b"), changed);
  assert.throws(() => left.requireAbsent("d/e/b"), changed);
  assert.throws(() => left.requireFile("d/e/a", seen), changed);
  assert.throws(() => new OpenFile(left, "d/e/a", seen), changed);
});

Deno.test("a folder that was real is looked at again a moment later", async () => {
  using at = new TwoRoots().write({ left: { d: { a: "1" } } });
  const { left } = at;
  left.requireRealFolder("d");
  Deno.renameSync(left.absolute("d"), `${at.outside}/d`);
  Deno.symlinkSync(`${at.outside}/d`, left.absolute("d"));
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.throws(() => left.look("d/a"), changed);
});

Deno.test("a folder that is about to change is looked at again at once", () => {
  using at = new TwoRoots().write({ left: { d: { a: "1" } } });
  at.left.requireRealFolder("d");
  Deno.renameSync(at.left.absolute("d"), at.left.absolute("e"));
  at.left.distrust();
  assert.throws(() => at.left.requireRealFolder("d"), changed);
});

Deno.test("a missing folder, or a file in its place, is a change and no error", () => {
  using at = new TwoRoots().write({ left: { f: "1" } });
  assert.throws(() => at.left.look("gone/a"), changed);
  assert.throws(() => at.left.look("f/a"), changed);
});

Deno.test("an error that says nothing about a path is not taken for its absence", () => {
  using at = new TwoRoots();
  using _system = intercept("lstatSync", () => {
    throw systemError("EIO");
  });
  assert.throws(() => at.left.look("a"), { code: "EIO" });
  assert.throws(() => at.left.requireAbsent("a"), { code: "EIO" });
});

const EDITS: Record<string, (path: string) => void> = {
  "another size": (path) => Deno.writeTextFileSync(path, "longer", {}),
  "another time": (path) => Deno.utimeSync(path, 99, 99),
  "a folder in its place": (path) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
  },
  "a link in its place": (path) => {
    Deno.renameSync(path, `${path}~`);
    Deno.symlinkSync(`${path}~`, path);
  },
  "nothing in its place": (path) => Deno.removeSync(path),
  "another file in its place": (path) => {
    Deno.writeTextFileSync(`${path}~`, "ONE");
    Deno.utimeSync(`${path}~`, 50, 50);
    Deno.renameSync(`${path}~`, path);
  },
  "a pipe in its place": (path) => {
    Deno.removeSync(path);
    makePipe(path);
  },
};

for (const [what, edit] of Object.entries(EDITS)) {
  Deno.test(`a file is not what was seen with ${what}, and is not opened`, () => {
    using at = new TwoRoots().write({
      left: { a: file("one", { mtime: 50_000 }) },
    });
    const seen = at.seen("left", "a");
    assert.deepEqual(at.left.metadata(at.left.requireFile("a", seen)), seen);
    edit(at.left.absolute("a"));
    assert.throws(() => at.left.requireFile("a", seen), changed);
    assert.throws(
      () => new OpenFile(at.left, "a", seen)[Symbol.dispose](),
      changed,
    );
  });

  Deno.test(`a file that got ${what} while it was read is told at the end`, () => {
    using at = new TwoRoots().write({
      left: { a: file("one", { mtime: 50_000 }) },
    });
    using open = new OpenFile(at.left, "a", at.seen("left", "a"));
    assert.equal(open.read(new Uint8Array(10)), 3);
    edit(at.left.absolute("a"));
    assert.throws(() => open.finish(), changed);
  });
}

Deno.test("a mode that changed does not make it another file", () => {
  using at = new TwoRoots().write({
    left: { a: file("one", { mode: 0o644 }) },
  });
  const seen = at.seen("left", "a");
  Deno.chmodSync(at.left.absolute("a"), 0o600);
  using open = new OpenFile(at.left, "a", seen);
  assert.equal(open.finish().mode, 0o600);
});

Deno.test("a link put in place between look and opening is not followed", () => {
  using at = new TwoRoots().write({ left: { d: { a: "one" } } });
  const path = at.left.absolute("d/a");
  const seen = at.seen("left", "d/a");
  Deno.writeTextFileSync(`${at.outside}/a`, "two");
  using _program = after("lstatSync", () => {
    Deno.removeSync(path);
    Deno.symlinkSync(`${at.outside}/a`, path);
  });
  assert.throws(() => new OpenFile(at.left, "d/a", seen), changed);
  assert.ok(Deno.lstatSync(path).isSymlink);
});

Deno.test("an access that is denied is told as such, not as a change", () => {
  using at = new TwoRoots().write({ left: { d: { a: "one" } } });
  const seen = at.seen("left", "d/a");
  using _system = intercept("lstatSync", () => {
    throw systemError("EACCES");
  });
  assert.throws(() => new OpenFile(at.left, "d/a", seen), { code: "EACCES" });
});

Deno.test("a file is read to its end, whatever the buffer", () => {
  const content = "0123456789".repeat(1000);
  using at = new TwoRoots().write({ left: { a: content, empty: "" } });
  assert.equal(textOf(at.left, "a", content.length), content);
  assert.equal(textOf(at.left, "a", content.length + 9), content);
  assert.equal(textOf(at.left, "a", 3), "012");
  assert.equal(textOf(at.left, "empty"), "");
});

Deno.test("an unchanged file gives its metadata after reading", () => {
  using at = new TwoRoots().write({
    left: { a: file("one", { mtime: 5e11 }) },
  });
  const seen = at.seen("left", "a");
  using open = new OpenFile(at.left, "a", seen);
  open.read(new Uint8Array(10));
  assert.deepEqual(open.finish(), seen);
});

Deno.test("metadata is cut to the tick of the root", () => {
  using at = new TwoRoots({ tickMs: 2000 }).write({
    left: { a: file("one", { mtime: 1_577_836_923_999 }) },
  });
  const seen = at.seen("left", "a");
  assert.equal(seen.mtimeMs, 1_577_836_922_000);
  Deno.utimeSync(at.left.absolute("a"), 1_577_836_922, 1_577_836_922);
  assert.deepEqual(at.left.metadata(at.left.requireFile("a", seen)), seen);
  using open = new OpenFile(at.left, "a", seen);
  assert.deepEqual(open.finish(), seen);
});

Deno.test("a file with two names has no id, so that it is still the one that was seen", () => {
  using at = new TwoRoots().write({ left: { a: "one" } });
  const seen = at.seen("left", "a");
  assert.notEqual(seen.id, null);
  Deno.linkSync(at.left.absolute("a"), at.left.absolute("b"));
  assert.equal(at.left.metadata(at.left.requireFile("a", seen)).id, null);
});

Deno.test("a root may be written with or without a slash at its end", () => {
  for (const path of ["/tmp/x", "/tmp/x/", "/tmp/x//"]) {
    const root = new Root("left", path, PLAIN_TRAITS);
    assert.equal(root.absolute("a"), "/tmp/x/a");
    assert.equal(root.folder(""), "/tmp/x");
  }
  assert.equal(new Root("left", "/", PLAIN_TRAITS).folder(""), "/");
});

Deno.test("what is skipped says so", () => {
  assert.equal(new Skipped(CHANGED).message, "changed during the run");
});

/** What Windows says of what is marked, but leads nowhere. */
const REFUSALS = [
  "The file or directory is not a reparse point. (os error 4390): readlink",
  "Unsupported reparse point type: readlink",
];

/**
 * Marks paths as Windows marks files of a cloud drive: they are files and
 * folders, and look like links at the same time.
 */
function marked(path: RegExp, refusal: string | null): Disposable {
  const looks = intercept("lstatSync", (real, at) => {
    const info = real(at);
    return path.test(at!) ? { ...info, isSymlink: true } : info;
  });
  const reads = intercept("readLinkSync", (real, at) => {
    if (!path.test(at!)) return real(at);
    if (refusal === null) return "/elsewhere";
    throw new Error(refusal);
  });
  return {
    [Symbol.dispose]() {
      reads[Symbol.dispose]();
      looks[Symbol.dispose]();
    },
  };
}

const MARKED_FILE = { isFile: true, isDirectory: false, isSymlink: true };

Deno.test("a true link is a link, wherever it leads", () => {
  using at = new TwoRoots().write({ left: { a: "1" } });
  const path = at.left.absolute("link");
  for (const target of [at.left.absolute("a"), at.left.path]) {
    Deno.symlinkSync(target, path, { type: "file" });
    assert.equal(isLink(path, Deno.lstatSync(path)), true);
    Deno.removeSync(path);
  }
});

Deno.test("what is marked as a link and can't be read as one for any other reason is left alone as a link", () => {
  for (
    const why of ["Access denied. (os error 5)", "odd", "(os error 43901)"]
  ) {
    using _system = intercept("readLinkSync", () => {
      throw new Error(why);
    });
    assert.equal(isLink("a", MARKED_FILE), true, why);
  }
});

for (const refusal of REFUSALS) {
  Deno.test(`files and folders of a cloud drive are synced like any other: ${refusal.slice(0, 20)}`, () => {
    using at = new TwoRoots().write({ left: { cloud: { a: "1" } } });
    using _system = marked(/[\\/]cloud([\\/]|$)/, refusal);
    assert.equal(at.left.look("cloud").kind, "directory");
    assert.equal(at.left.look("cloud/a").kind, "file");
    const seen = at.seen("left", "cloud/a");
    using open = new OpenFile(at.left, "cloud/a", seen);
    assert.equal(open.read(new Uint8Array(9)), 1);
  });
}

Deno.test("what leads elsewhere is neither a file nor a folder, whatever it says it is", () => {
  using at = new TwoRoots().write({ left: { d: { a: "1" } } });
  using _system = marked(/[\\/]d([\\/]|$)/, null);
  assert.equal(at.left.look("d").kind, "other");
  assert.throws(() => at.left.look("d/a"), /changed during the run/);
});

/** Nothing is fresh that old. */
const LONG_AGO = Date.UTC(2024, 0, 15);

Deno.test("a file that can't be fetched from the cloud is skipped with a reason, never taken for deleted, and done at the next run", async () => {
  using office = new MemoryOffice().write({
    left: {
      a: file("one", { mtime: LONG_AGO }),
      b: file("two", { mtime: LONG_AGO }),
    },
  });
  await office.agree();
  office.write({ left: { a: file("longer", { mtime: LONG_AGO + 5000 }) } });
  {
    using _cloud = intercept("read", () => {
      throw new Error("The cloud file provider … (os error 362)");
    });
    const result = await office.run();
    const [outcome] = result.outcomes.filter(({ kind }) => kind !== "done");
    assert.equal(outcome?.kind, "skipped");
    assert.match(outcome?.detail ?? "", /^it is kept in the cloud only, and/);
    assert.equal(result.exitCode, 1);
  }
  assert.deepEqual(office.trees().right, { a: "one", b: "two" });
  await office.agree();
  assert.deepEqual(office.trees().right, { a: "longer", b: "two" });
});
