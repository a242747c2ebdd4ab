import fc from "fast-check";
import assert from "node:assert/strict";
import { posix, win32 } from "node:path";
import {
  destroy,
  flushFolder,
  keepAsClash,
  linkTo,
  moveToFree,
  renameFile,
  replace,
  requireReplaceable,
  respell,
  setProperties,
  TemporaryNames,
} from "../lib/file_ops.ts";
import { Performer } from "../lib/files_act.ts";
import { moveAcross, stageCopy } from "../lib/files_copy.ts";
import { actHandlers } from "../lib/files_handlers.ts";
import { lookHandlers } from "../lib/files_look.ts";
import { removeLeftovers } from "../lib/files_leftovers.ts";
import { OpenFile } from "../lib/files_read.ts";
import { flawIn, Refused, temporaryName } from "../lib/names.ts";
import { isLink, requirePaths, Root } from "../lib/root_files.ts";
import { PLAIN_TRAITS } from "../lib/root_traits.ts";
import { admitRun, SoftDelete } from "../lib/soft_delete.ts";
import { CHANGED, Skipped } from "../lib/system.ts";
import { both, type Metadata, type Side } from "../lib/types.ts";
import { SharedState, type WireRoot } from "../lib/wire_messages.ts";
import type { Handlers } from "../lib/wire_port.ts";
import { file, MemoryOffice } from "./support/support.ts";
import { PATH_CALLS, replaceCall } from "./support/system_calls.ts";
import {
  after,
  intercept,
  systemError,
  TwoRoots,
} from "./support/two_roots.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const isWindows = Deno.build.os === "windows";

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
    assert.deepEqual(at.left.requireFile("a", seen), seen);
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
  assert.deepEqual(at.left.requireFile("a", seen), seen);
  using open = new OpenFile(at.left, "a", seen);
  assert.deepEqual(open.finish(), seen);
});

Deno.test("a file with two names has no id, so that it is still the one that was seen", () => {
  using at = new TwoRoots().write({ left: { a: "one" } });
  const seen = at.seen("left", "a");
  assert.notEqual(seen.id, null);
  Deno.linkSync(at.left.absolute("a"), at.left.absolute("b"));
  assert.equal(at.left.requireFile("a", seen).id, null);
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

// The fence: which paths come through, and what is done with one that does not.

/** What no path of a user's file is on any system, by what is wrong with it. */
const NO_PATHS: Readonly<Record<string, readonly unknown[]>> = {
  "it is no text": [
    undefined,
    null,
    7,
    true,
    1n,
    {},
    [],
    ["a"],
    [".."],
    new String("a"),
    new Uint8Array(2),
  ],
  "it is no Unicode": ["\ud800", "a/\udfff", "\udc00\ud800", "d/a\ud83d.txt"],
  "it holds NUL": ["\0", "a\0", "a\0.txt", "d\0/a", "d/\0", "a\0/../../b"],
  "a name in it is empty": [
    "/",
    "//",
    "/a",
    "a/",
    "d//a",
    "d/a//",
    "/etc/passwd",
    "//server/share/a",
    "///",
    "/.office-sync/root.json",
  ],
  '".." is no name': [
    "..",
    "../a",
    "../right/a",
    "../outside/secret",
    "d/..",
    "d/../a",
    "d/../..",
    "d/../../outside/secret",
    "d/e/../../../outside/secret",
    "../../../../../../../../etc/passwd",
    "a/..",
    "gone/../a",
  ],
  '"." is no name': [".", "./a", "d/.", "d/./a", "././.", "./.."],
};

/** What some file system takes for a name of the program's own. */
const OWN_PATHS: readonly string[] = [
  ".office-sync",
  ".office-sync/root.json",
  ".office-sync/pairs/pair",
  ".office-sync/deleted",
  ".office-sync/deleted/20260102-030405-pair/a",
  "d/.office-sync",
  "d/.office-sync/a",
  "d/e/.office-sync/a/b",
  ".Office-Sync/root.json",
  ".OFFICE-SYNC",
  "d/.OFFICE-sync/a",
  // Dots, blanks and streams that Windows does not see.
  ".office-sync./root.json",
  ".office-sync../root.json",
  ".office-sync /root.json",
  ".office-sync . ./root.json",
  ".office-sync:stream",
  ".office-sync::$INDEX_ALLOCATION/root.json",
  ".office-sync.::$DATA",
  // Letters that nobody sees.
  ".office\u200c-sync/root.json",
  "\u200b.office-sync/root.json",
  ".\u00adoffice-sync",
  ".office-sync\ufeff",
  "d/.off\u2060ice-\u200dsync/a",
  ".office-sync\u{e0041}/a",
  // Letters that are the same in capitals, or taken apart.
  ".office-\u017fync/root.json",
  ".off\u0131ce-sync",
  ".o\ufb03ce-sync/root.json",
  ".o\ufb00ice-sync",
  ".of\ufb01ce-sync",
  ".\uff4fffice-sync",
  "\u2024office-sync",
  "\uff0eoffice-sync/a",
  "\ufe52Office-Sync. ",
  ".office\uff0dsync",
  ".\u24defﬁce-sync",
  // What a run has on its way, and another pair's.
  ".office-sync-tmp-pair-run-1",
  "d/.office-sync-tmp-other-run-1",
  "d/.Office-Sync-TMP-pair-run-1",
  ".office-sync-mv-12345678",
  ".office-sync-mv-12345678/a",
  ".OFFICE-SYNC-MV-1",
];

/** What Windows can't hold, by what is wrong with it. */
const NOT_ON_WINDOWS: Readonly<Record<string, readonly string[]>> = {
  'names with "\\\\"': ["a\\b", "\\", "..\\a", "d\\..\\..\\x", "\\\\server\\x"],
  'names with ":"': ["C:", "C:/x", "P:x", "a:b", "a::$DATA", "d:s/a", "nul:"],
  'names with "<"': ["a<b", "<"],
  'names with ">"': ["a>b"],
  'names with "\\""': ['a"b', 'a."'],
  'names with "|"': ["a|b"],
  'names with "?"': ["a?", "?/a", "?\u200b"],
  'names with "*"': ["*", "d/*.txt"],
  'names with "\\u0001"': ["a\u0001"],
  'names with "\\t"': ["a\tb"],
  'names with "\\u001f"': ["d/\u001f"],
  "names that end with a dot or a space": [
    "a.",
    "a ",
    "a...",
    "a. .",
    "...",
    " ",
    "d./a",
    "d /a",
    "d/a /b",
    ".. /a",
    ".../a",
  ],
  "which is the name of a device on Windows": [
    "con",
    "CON",
    "prn",
    "Aux",
    "nul",
    "NUL",
    "com0",
    "com1",
    "COM9",
    "lpt1",
    "LPT0",
    "com\u00b9",
    "com\u00b2",
    "lpt\u00b3",
    "conin$",
    "CONOUT$",
    "clock$",
    "aux.txt",
    "aux.tar.gz",
    "nul .txt",
    "con   .a",
    "con/a",
    "d/nul/a",
    "d/prn.x/a",
  ],
};

/** Names that people give, and that look like something else. */
const REAL_NAMES: readonly string[] = [
  "a",
  "...a",
  "..a",
  "a..b",
  ".a",
  ".office",
  ".office-syncs",
  ".office-sync-2",
  ".office-sync-old/a",
  "office-sync",
  "x.office-sync",
  ".office sync",
  "d/.git/a",
  "~",
  "~a",
  "a~1",
  "OFFICE~1",
  "d/PROGRA~1/a~b.txt",
  "con el equipo.docx",
  "Aux armes.mp3",
  "console",
  "common",
  "com10",
  "com",
  "lpt",
  "auxiliary/nullen",
  "x.con",
  "conin",
  "Übersicht März/Größe.docx",
  "U\u0308bersicht",
  "\u202eabc",
  "\u200b",
  "\u200bx",
  "報告書/二〇二六年.docx",
  "😀/😀.txt",
  " a",
  "a b",
  "-rf",
  "%2e%2e",
  "%00",
  "a;b",
  "a'b",
  "$a",
  "a&b",
  "x".repeat(200),
];

/** The same, where Windows has no such names. */
const REAL_BUT_ON_WINDOWS = Object.values(NOT_ON_WINDOWS).flat();

/** Everything that takes a path, and what is asked of it. */
const ASKS: Readonly<
  Record<string, (at: TwoRoots, path: string, seen: Metadata) => unknown>
> = {
  absolute: ({ left }, path) => left.absolute(path),
  folder: ({ left }, path) => left.folder(path),
  way: ({ left }, path) => left.way(path),
  look: ({ left }, path) => left.look(path),
  info: ({ left }, path) => left.info(path),
  requireFile: ({ left }, path, seen) => left.requireFile(path, seen),
  requireAbsent: ({ left }, path) => left.requireAbsent(path),
  secondName: ({ left }, path) => left.secondName(path),
  "OpenFile": ({ left }, path, seen) => new OpenFile(left, path, seen),
  "a message, looks": (at, path) =>
    handlers(at).looks(
      {
        side: "left",
        root: wire(at.left),
        paths: ["a", path],
        wantsSecond: true,
      },
      () => {},
    ),
  "a message, answer, hash": (at, path, metadata) =>
    handlers(at).answer({
      roots: both((side) => wire(at[side])),
      questions: [{ kind: "hash", file: { side: "left", path, metadata } }],
    }, () => {}),
  "a message, answer, compare": (at, path, metadata) =>
    handlers(at).answer({
      roots: both((side) => wire(at[side])),
      questions: [{
        kind: "compare",
        a: { side: "left", path: "a", metadata },
        b: { side: "right", path, metadata },
        wantsHash: false,
      }],
    }, () => {}),
  ...Object.fromEntries(
    (["from", "to"] as const).map((it) => [
      `a message, moves, ${it}`,
      (at: TwoRoots, path: string) =>
        handlers(at).moves({
          side: "left",
          root: wire(at.left),
          moves: [{
            ...{ side: "left", from: "x", middle: ".office-sync-mv-1" },
            ...{ to: "y", [it]: path },
          }],
          isPlan: false,
        }, () => {}),
    ]),
  ),
  setProperties: ({ left }, path) =>
    setProperties(left, path, { mtimeMs: 0, mode: 0o777 }),
  flushFolder: ({ left }, path) => flushFolder(left, path),
  "moveToFree, from": ({ left }, path) => moveToFree(left, path, "new"),
  "moveToFree, to": ({ left }, path) => moveToFree(left, "a", path),
  "linkTo, from": ({ left }, path) => linkTo(left, path, "new"),
  "linkTo, to": ({ left }, path) => linkTo(left, "a", path),
  "replace, new": ({ left }, path, seen) =>
    replace(left, path, "a", seen, "aside"),
  "replace, old": ({ left }, path, seen) =>
    replace(left, "d/b", path, seen, "aside"),
  "replace, aside": ({ left }, path, seen) =>
    replace(left, "d/b", "a", seen, path),
  destroy: ({ left }, path, seen) => destroy(left, path, seen, "aside"),
  "destroy, aside": ({ left }, path, seen) => destroy(left, "a", seen, path),
  requireReplaceable: ({ left }, path) =>
    requireReplaceable(left, path, "aside"),
  "renameFile, from": ({ left }, path, seen) =>
    renameFile(left, path, "new", seen, "aside"),
  "renameFile, to": ({ left }, path, seen) =>
    renameFile(left, "a", path, seen, "aside"),
  "keepAsClash, aside": ({ left }, path) => keepAsClash(left, path, "a"),
  "respell, from": ({ left }, path) => respell(left, path, "A", () => {}),
  "respell, to": ({ left }, path) => respell(left, "a", path, () => {}),
  "stageCopy, path": ({ left, right }, path, seen) =>
    stageCopy(copyOf(left, path, seen, right, "new")),
  "stageCopy, temporary": ({ left, right }, path, seen) =>
    stageCopy(copyOf(left, "a", seen, right, path)),
  "moveAcross, from": ({ left }, path, seen) =>
    moveAcross(left, {
      ...{ from: path, to: "new", seen },
      ...{ temporary: "temporary", aside: "aside" },
    }),
  "moveAcross, to": ({ left }, path, seen) =>
    moveAcross(left, {
      ...{ from: "a", to: path, seen },
      ...{ temporary: "temporary", aside: "aside" },
    }),
  "SoftDelete.move": ({ left, right }, path, seen) => {
    const names = new TemporaryNames({ pair: "p", run: "r" }, [left, right]);
    return new SoftDelete("20260102-030405-p", names).move(left, path, seen);
  },
};

/** What answers messages about two roots. */
function handlers({ left, right }: TwoRoots): Handlers {
  const shared = new SharedState();
  const paths = { left: left.path, right: right.path };
  const world = { paths, shared, checkpoint: () => Promise.resolve() };
  return { ...lookHandlers(world), ...actHandlers(world) };
}

function wire({ traits, self, refusedNames }: Root): WireRoot {
  return { traits, self, refusedNames };
}

function copyOf(
  from: Root,
  path: string,
  seen: Metadata,
  to: Root,
  temporary: string,
) {
  return { from, path, seen, to, temporary, mode: 0o600, wantsHash: false };
}

/** Two roots, something outside of them, and what there is in all. */
function fenced(): TwoRoots {
  const at = new TwoRoots().write({
    left: { a: "a", d: { b: "b", e: {} } },
    right: { a: "right", d: {} },
  });
  const { path } = at.left;
  Deno.mkdirSync(`${path}/.office-sync/deleted/20260102-030405-pair`, {
    recursive: true,
  });
  for (
    const own of [
      "root.json",
      "deleted/20260102-030405-pair/a",
      "../.office-sync-tmp-pair-run-1",
    ]
  ) Deno.writeTextFileSync(`${path}/.office-sync/${own}`, "own");
  Deno.writeTextFileSync(`${at.outside}/secret`, "secret");
  return at;
}

/** All names and contents in a folder, whatever they are. */
function everything(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory
      ? [path, ...everything(path)]
      : [`${path}: ${Deno.readTextFileSync(path)}`];
  }).sort();
}

/** Requires that nothing that takes a path does anything with this one. */
async function requireRefused(
  at: TwoRoots,
  path: unknown,
  why: string,
): Promise<void> {
  const before = everything(at.folder);
  const seen = at.seen("left", "a");
  const calls = new DisposableStack();
  // Nor is it looked at: no call of the system is given what was refused.
  const told: string[] = [];
  for (const call of Object.keys(PATH_CALLS)) {
    calls.use(replaceCall(Deno, call, (real, ...args) => {
      told.push(
        ...args.filter((it) =>
          it.startsWith?.(at.folder) && it.endsWith(`/${path}`)
        ),
      );
      return real(...args);
    }));
  }
  {
    using _calls = calls;
    for (const [what, ask] of Object.entries(ASKS)) {
      const say = `${what}: ${Deno.inspect(path)}`;
      await assert.rejects(
        async () => await ask(at, path as string, seen),
        (error: Error) => {
          const isText = typeof path === "string";
          const isIt = error instanceof Refused ||
            !isText && error instanceof TypeError;
          assert.ok(isIt, `${say}: ${error}`);
          if (isText) assert.ok(error.message.endsWith(why), error.message);
          return true;
        },
        say,
      );
    }
  }
  if (typeof path === "string") assert.deepEqual(told, []);
  assert.deepEqual(everything(at.folder), before);
}

for (const [why, paths] of Object.entries(NO_PATHS)) {
  Deno.test(`refused, with nothing done, whatever is asked: ${why}`, async () => {
    using at = fenced();
    for (const path of paths) await requireRefused(at, path, why);
    for (const path of paths) {
      assert.throws(() => requirePaths(["a", path]), Refused);
      if (typeof path !== "string") continue;
      assert.throws(() => at.left.requireRealFolder(path), Refused, path);
      // With a slash at its end it is a folder that is meant.
      if (path !== "a/") assert.throws(() => at.left.admit(path), Refused);
    }
  });
}

Deno.test("refused, with nothing done: the program's own, at any depth and in any spelling", async () => {
  using at = fenced();
  for (const path of OWN_PATHS) {
    await requireRefused(at, path, "is the program's own");
    assert.throws(() => requirePaths([path]), Refused, path);
  }
});

Deno.test("refused, with nothing done: what is soft-deleted, by anything but its run and a path below that", async () => {
  using at = fenced();
  const before = everything(at.folder);
  const metadata = at.seen("left", "a");
  const run = "20260102-030405-pair";
  const paths = Object.values(NO_PATHS).flat() as string[];
  const hostile = [
    ...paths.map((path) => ({ run, path })),
    ...["", ".", "..", "a", "root.json", `${run}/..`, `../deleted/${run}`]
      .map((run) => ({ run, path: "a" })),
  ];
  const names = new TemporaryNames({ pair: "p", run: "r" }, [at.right]);
  const performer = new Performer({
    roots: at.roots,
    names,
    softDelete: new SoftDelete(run, names),
    rowAt: () => null,
    noteMove() {},
  });
  for (const it of hostile) {
    const say = Deno.inspect(it);
    const file = { side: "left", ...it, metadata } as const;
    const isIt = (error: unknown) => {
      assert.ok(error instanceof Refused || error instanceof TypeError, say);
      return true;
    };
    await assert.rejects(
      async () =>
        await handlers(at).answer({
          roots: both((side) => wire(at[side])),
          questions: [{ kind: "hash", file }],
        }, () => {}),
      isIt,
      say,
    );
    await assert.rejects(
      () =>
        performer.stage({
          ...{ kind: "copy", from: "left", path: "new/b", source: metadata },
          ...{ softDeleted: { side: "left", ...it }, target: null, mode: null },
          ...{ fate: "soft-delete", clashPath: null, isDoubtful: false },
          ...{ keepsHash: false, rowPath: null },
        }),
      isIt,
      say,
    );
  }
  assert.deepEqual(everything(at.folder), before);
});

Deno.test({
  name: "refused on Windows, with nothing done: what it can't hold",
  ignore: !isWindows,
  async fn() {
    using at = fenced();
    for (const [why, paths] of Object.entries(NOT_ON_WINDOWS)) {
      for (const path of paths) await requireRefused(at, path, why);
    }
  },
});

Deno.test("what Windows can't hold is known for it on any system, with the reason", () => {
  for (const [why, paths] of Object.entries(NOT_ON_WINDOWS)) {
    for (const path of paths) {
      const flaw = flawIn(path, true);
      assert.equal(flaw?.own, null, path);
      assert.ok(flaw?.why.endsWith(why), `${path}: ${flaw?.why}`);
    }
  }
});

Deno.test("there are more than a hundred hostile paths", () => {
  const all = [NO_PATHS, NOT_ON_WINDOWS, { OWN_PATHS }]
    .flatMap((it) => Object.values(it).flat());
  assert.ok(all.length > 150, `${all.length}`);
});

Deno.test("a name that only looks like something else is a name like any other, and is where it says", () => {
  using at = new TwoRoots();
  const { left } = at;
  const names = isWindows
    ? REAL_NAMES
    : [...REAL_NAMES, ...REAL_BUT_ON_WINDOWS];
  for (const path of names) {
    assert.equal(flawIn(path, isWindows), null, path);
    requireThere(left, path);
  }
  for (const path of REAL_NAMES) assert.equal(flawIn(path, true), null, path);
});

/** Writes a file at a path that came through, and requires it to be there. */
function requireThere(root: Root, path: string): void {
  const names = path.split("/");
  names.slice(0, -1).forEach((_, n) => {
    const folder = names.slice(0, n + 1).join("/");
    Deno.mkdirSync(root.absolute(folder), { recursive: true });
  });
  Deno.writeTextFileSync(root.absolute(path), path, { createNew: true });
  let at = root.path;
  for (const name of names) {
    const listed = [...Deno.readDirSync(at)].map((it) => it.name);
    assert.ok(listed.includes(name), `${JSON.stringify(path)}: ${listed}`);
    at += `/${name}`;
  }
  assert.equal(Deno.readTextFileSync(at), path);
  assert.deepEqual(root.look(path).kind, "file");
  Deno.removeSync(`${root.path}/${names[0]}`, { recursive: true });
}

/** Pieces that paths are made of by who wants to get out of a root. */
const PIECES = [
  ...["/", "/", "\\", ".", "..", "", " ", ":", "~1", "\0", "\u200c", "\ud800"],
  ...[
    ".office-sync",
    ".OFFICE",
    "-sync",
    "office",
    "\ufb03",
    "\u017f",
    "-tmp-",
  ],
  ...["a", "B", "\u00fc", "u\u0308", "\uff0e", "\u2215", "con", "nul", "com1"],
  ...["$DATA", "P:", "?", "*", "%2e", "-", "\u202e", "\ud83d\ude00"],
];

const anyPath = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 9 })
    .map((it) => it.join("")),
  fc.array(
    fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "binary" })),
    { maxLength: 5 },
  ).map((it) => it.join("/")),
);

const FOLDS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toLowerCase(),
  (name) => name.toUpperCase(),
  (name) => name.normalize("NFKD").toUpperCase(),
  (name) => name.replaceAll(/\p{DI}/gu, "").normalize("NFC").toLowerCase(),
  (name) => name.replace(/:.*$/s, "").replace(/[. ]+$/, "").toLowerCase(),
  (name) => name.normalize("NFKC").replace(/[. ]+$/, "").toUpperCase(),
];

const SYSTEMS = [[false, posix], [true, win32]] as const;

const RUNS = Number(Deno.env.get("CI") ? 20_000 : 2_000);

Deno.test("no path at random that comes through leads out of a root or to the program's own", () => {
  let through = 0;
  fc.assert(
    fc.property(anyPath, (path) => {
      for (const [isWindows, { resolve, relative, sep }] of SYSTEMS) {
        if (flawIn(path, isWindows) !== null) continue;
        through++;
        const root = isWindows ? "P:\\office\\root" : "/office/root";
        const names = path.split("/");
        const at = resolve(root, path);
        assert.equal(at, [root, ...names].join(sep));
        assert.equal(relative(root, at), names.join(sep));
        // Nor is it anything else beside a name that somebody put there.
        assert.equal(resolve(root, ...names), at);
        for (const name of names) {
          for (const fold of FOLDS) {
            assert.notEqual(fold(name), fold(".office-sync"), path);
          }
        }
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(through > RUNS / 10, `${through} came through`);
});

Deno.test("each path at random that comes through is where it says, on a real disk", () => {
  using at = new TwoRoots();
  let through = 0;
  fc.assert(
    fc.property(anyPath, (path) => {
      try {
        at.left.absolute(path);
      } catch (error) {
        assert.ok(error instanceof Refused, `${error}`);
        return;
      }
      const longest = Math.max(
        ...path.split("/").map((it) => new TextEncoder().encode(it).length),
      );
      if (longest > 255) return;
      requireThere(at.left, path);
      through++;
    }),
    { numRuns: RUNS / 4 },
  );
  assert.ok(through > RUNS / 50, `${through} came through`);
  assert.deepEqual(at.trees(), { left: {}, right: {} });
});

Deno.test("a root is never removed, renamed or replaced, and only looked into", async () => {
  using at = fenced();
  const { left } = at;
  const before = everything(at.folder);
  const seen = at.seen("left", "a");
  // These only look, or flush.
  const looks = [
    ...["folder", "look", "info", "secondName", "flushFolder"],
    ...["requireFile", "requireAbsent", "a message, looks"],
  ];
  for (const [what, ask] of Object.entries(ASKS)) {
    if (looks.includes(what)) continue;
    await assert.rejects(async () => await ask(at, "", seen), (error) => {
      const isLeft = error instanceof Refused ||
        error instanceof Skipped && error.message === CHANGED;
      assert.ok(isLeft, `${what}: ${error}`);
      return true;
    }, what);
  }
  assert.throws(() => left.absolute(""), /it is the root itself$/);
  assert.equal(left.folder(""), left.path);
  assert.equal(left.look("").kind, "directory");
  assert.throws(() => left.requireFile("", seen), changed);
  assert.throws(() => left.requireAbsent(""), changed);
  assert.deepEqual(everything(at.folder), before);
});

Deno.test("a root that is not named in full is none", () => {
  const none = ["", ".", "a", "./a", "../a", "~", "~/a", "C:", "C:a", "P:x"];
  const foreign = isWindows
    ? ["/", "/a", "\\a", "\\\\?\\C:\\a", "\\\\.\\C:\\a", "\\\\server"]
    : ["C:\\", "P:/", "\\\\server\\share"];
  for (const path of [...none, ...foreign]) {
    assert.throws(() => new Root("left", path, PLAIN_TRAITS, null), Refused);
  }
  const real = isWindows
    ? ["C:\\", "P:/", "c:\\a", "\\\\server\\share", "//server/share/a"]
    : ["/", "/a", "//a", "/a/"];
  for (const path of real) {
    assert.ok(new Root("left", path, PLAIN_TRAITS, null).path);
  }
});

// The program's own, for those whose business it is.

Deno.test("what was admitted comes through, by its own path only, in that root only", () => {
  using at = fenced();
  const { left, right } = at;
  const path = "d/.office-sync-tmp-pair-run-7";
  assert.throws(() => left.absolute(path), Refused);
  assert.equal(left.admit(path), path);
  assert.equal(left.absolute(path), `${left.path}/${path}`);
  for (
    const other of [
      "d/.office-sync-tmp-pair-run-8",
      "d/.OFFICE-SYNC-tmp-pair-run-7",
      ".office-sync-tmp-pair-run-7",
      `${path}/a`,
      "d/.office-sync",
    ]
  ) assert.throws(() => left.absolute(other), Refused, other);
  assert.throws(() => right.absolute(path), Refused);
});

Deno.test("a folder that was admitted lets in what is in it where that was said, and never what is above", () => {
  using at = fenced();
  const { left } = at;
  left.admit(".office-sync");
  assert.equal(left.look(".office-sync").kind, "directory");
  assert.throws(() => left.look(".office-sync/root.json"), Refused);
  const run = ".office-sync/deleted/20260102-030405-pair";
  assert.equal(left.admit(`${run}/`), run);
  assert.equal(left.look(run).kind, "directory");
  assert.equal(left.look(`${run}/a`).kind, "file");
  assert.equal(left.look(`${run}/.office-sync-x`).kind, "absent");
  assert.throws(() => left.look(`${run}/.office-sync/1.txt`), changed);
  for (
    const other of [
      `${run}-2/a`,
      ".office-sync/deleted",
      ".office-sync/root.json",
      `${run}/../../root.json`,
    ]
  ) assert.throws(() => left.look(other), Refused, other);
});

Deno.test("the program's own is admitted in its own spelling only", () => {
  using at = new TwoRoots();
  const plain = /^(?:.*\/)?\.office-sync(?:\/|$|-tmp-|-mv-)/;
  for (const path of OWN_PATHS) {
    if (plain.test(path)) assert.equal(at.left.admit(path), path);
    else assert.throws(() => at.left.admit(path), Refused, path);
  }
  // What is a user's needs no leave, and gives none.
  assert.equal(at.left.admit("d/"), "d");
  at.left.admit("x/");
  assert.throws(() => at.left.absolute("x/.office-sync"), Refused);
});

Deno.test("no run has a folder of another name, and no pair or run is more than a part of a name", () => {
  using at = fenced();
  for (
    const name of [
      "..",
      "../pairs",
      "20260102-030405-../../pairs",
      "20260102-030405-a/b",
      "20260102-030405",
      "20260231-030405-pair",
      "root.json",
      "",
    ]
  ) assert.throws(() => admitRun(at.left, name), Refused, name);
  for (
    const part of ["", "..", "a/b", "/../../x", "a\\b", "a:b", "a\0", "a."]
  ) {
    const names = { pair: part, run: "run" };
    assert.throws(() => temporaryName(names, 1), Refused, part);
    assert.throws(() => temporaryName({ pair: "p", run: part }, 1), Refused);
  }
});

Deno.test("nothing passes for a leftover but what has the name of one, and all are held to that first", () => {
  using at = fenced();
  const before = everything(at.folder);
  const own = ".office-sync-tmp-pair-run-1";
  for (
    const path of [
      "a",
      "d/b",
      ".office-sync/root.json",
      ".office-sync/deleted/20260102-030405-pair/a",
      "../right/.office-sync-tmp-pair-run-1",
      "d//.office-sync-tmp-pair-run-1",
      ".office-sync-mv-12345678",
      "",
    ]
  ) {
    assert.throws(() => removeLeftovers(at.left, [own, path]), Refused, path);
  }
  assert.deepEqual(everything(at.folder), before);
  removeLeftovers(at.left, [own]);
  assert.equal(everything(at.folder).length, before.length - 1);
});

// A folder that is swapped for a link after it was looked at.

/** Swaps a folder of a root for a link to a folder outside of it. */
function swap(at: TwoRoots, side: Side, folder: string): void {
  Deno.renameSync(`${at[side].path}/${folder}`, `${at.folder}/away`);
  Deno.symlinkSync(at.outside, `${at[side].path}/${folder}`);
}

Deno.test("what is read through a folder that was swapped for a link just after the look is another file: nothing of it goes anywhere", async () => {
  using at = new TwoRoots().write({
    left: { d: { a: file("mine", { mtime: 5e11 }) } },
  });
  const seen = at.seen("left", "d/a");
  // Of the same size and time.
  Deno.writeTextFileSync(`${at.outside}/a`, "hers");
  Deno.utimeSync(`${at.outside}/a`, 5e8, 5e8);
  at.left.requireRealFolder("d");
  swap(at, "left", "d");
  const temporary = at.right.admit(".office-sync-tmp-pair-run-1");
  await assert.rejects(
    stageCopy(copyOf(at.left, "d/a", seen, at.right, temporary)),
    changed,
  );
  assert.deepEqual(at.trees().right, {});
});

Deno.test("what is written through such a folder is a new file of a temporary name at most: nothing outside is replaced, renamed or removed", async () => {
  using at = new TwoRoots().write({
    left: { d: { a: "new" } },
    right: { d: { a: "old" } },
  });
  const { right } = at;
  const seen = { left: at.seen("left", "d/a"), right: at.seen("right", "d/a") };
  Deno.writeTextFileSync(`${at.outside}/a`, "hers");
  const temporary = right.admit("d/.office-sync-tmp-pair-run-1");
  const aside = right.admit("d/.office-sync-tmp-pair-run-2");
  right.requireRealFolder("d");
  swap(at, "right", "d");
  // RACE: the look is trusted for a moment.
  using copy = (await stageCopy(
    copyOf(at.left, "d/a", seen.left, right, temporary),
  )).file;
  assert.ok(copy);
  const outside = ["a", ".office-sync-tmp-pair-run-1"].sort();
  const names = () => [...Deno.readDirSync(at.outside)].map((it) => it.name);
  assert.deepEqual(names().sort(), outside);
  for (let n = 0; n < 2; n++) {
    for (
      const act of [
        () => replace(right, temporary, "d/a", seen.right, aside),
        () => destroy(right, "d/a", seen.right, aside),
        () => renameFile(right, "d/a", "b", seen.right, aside),
        () => moveToFree(right, temporary, "d/a"),
      ]
    ) assert.throws(act, Skipped);
    assert.deepEqual(names().sort(), outside);
    assert.equal(Deno.readTextFileSync(`${at.outside}/a`), "hers");
    // And once more when it is not trusted any longer.
    right.distrust();
  }
  assert.deepEqual(everything(`${at.folder}/away`).length, 1);
});
