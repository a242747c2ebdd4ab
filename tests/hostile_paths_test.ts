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
import { moveAcross, stageCopy } from "../lib/files_copy.ts";
import { actHandlers } from "../lib/files_handlers.ts";
import { lookHandlers } from "../lib/files_look.ts";
import { showHandlers } from "../lib/files_show.ts";
import { removeLeftovers } from "../lib/files_leftovers.ts";
import { OpenFile } from "../lib/files_read.ts";
import {
  flawIn,
  isOwnName,
  movingName,
  Refused,
  temporaryName,
} from "../lib/names.ts";
import { requirePaths, Root } from "../lib/root_files.ts";
import { PLAIN_TRAITS } from "../lib/root_traits.ts";
import { admitRun } from "../lib/files_deleted.ts";
import { SoftDelete } from "../lib/soft_delete.ts";
import { CHANGED, Skipped } from "../lib/system.ts";
import { both, type Metadata, type Side } from "../lib/types.ts";
import {
  type ActBatch,
  type ActOrder,
  type FilesWork,
  packCopies,
  SharedState,
  type WireRoot,
} from "../lib/wire_messages.ts";
import type { Handlers } from "../lib/wire_port.ts";
import {
  NO_PARTS,
  NO_PATHS,
  NOT_ON_WINDOWS,
  OWN_PATHS,
} from "./support/hostile_paths.ts";
import { describe, file, MemoryOffice } from "./support/support.ts";
import { PATH_CALLS, replaceCall } from "./support/system_calls.ts";
import { TwoRoots } from "./support/two_roots.ts";
import { anyText } from "./support/random_text.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const isWindows = Deno.build.os === "windows";

const changed = { name: "Skipped", message: CHANGED };

// The fence: which paths come through, and what is done with one that does not.

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

/** A copy from Left, but for its path. */
const copyTask = (source: Metadata) => ({
  ...{ from: "left", source, target: null, mode: null } as const,
  ...{ keepsHash: false, number: 1 },
});

/** Each place for a path in an action that is ordered. */
const ORDERED: readonly (readonly [
  string,
  (path: string, seen: Metadata) => FilesWork,
])[] = [
  ["copy", (path, source) => ({
    ...{ ...copyTask(source), kind: "copy", path, target: source },
    ...{ fate: "destroy", clashPath: null, isDoubtful: false, rowPath: null },
    softDeleted: null,
  })],
  ["copy, soft-deleted", (path, source) => ({
    ...{ ...copyTask(source), kind: "copy", path: "new", target: null },
    ...{ fate: "destroy", clashPath: null, isDoubtful: false, rowPath: null },
    softDeleted: { side: "left", run: "20260102-030405-pair", path },
  })],
  ["remove", (path, metadata) => ({
    ...{ kind: "remove", on: "left", path, metadata },
    ...{ fate: "destroy", rowPath: "a" },
  })],
  ...(["path", "clashPath"] as const).map((slot) =>
    [`clash, ${slot}`, (path: string, metadata: Metadata): FilesWork => ({
      ...{ kind: "clash", from: "left", path: "a", clashPath: "new", metadata },
      ...{ existing: { left: null, right: null }, winner: null, leaves: true },
      ...{ keepsHash: false, rowPath: null, [slot]: path },
    })] as const
  ),
  ...(["from", "to", "other"] as const).map((slot) =>
    [`rename, ${slot}`, (path: string, metadata: Metadata): FilesWork => ({
      ...{ kind: "rename", on: "left", from: "a", to: "new", metadata },
      ...{ mtimeMs: 0, mode: 0, row: null, rowPath: null, keepsHalves: false },
      other: null,
      ...{ [slot]: slot === "other" ? { path, metadata } : path },
    })] as const
  ),
  ...(["from", "to"] as const).map((slot) =>
    [`rename of a folder, ${slot}`, (path: string): FilesWork => ({
      ...{ kind: "rename-directory", on: "left", from: "d", to: "new" },
      open: [],
      ...{ rowPath: null, isMount: { left: false, right: false } },
      ...{ id: { left: null, right: null }, [slot]: path },
    })] as const
  ),
  ["a folder that is made", (path) => ({
    ...{ kind: "create-directory", on: "left", path, isMount: false, id: null },
  })],
  ["a folder that is removed", (path) => ({
    ...{ kind: "remove-directory", on: "left", path, rowPath: "d" },
  })],
];

const ordered = (work: FilesWork): ActOrder => ({
  ...{ at: 0, work, needs: [], mayWait: true, row: null, mark: null },
  ...{ number: 1, copied: null },
});

/** Has a batch carried out, of which a part is hostile. */
function act(at: TwoRoots, part: Partial<ActBatch>): unknown {
  return handlers(at).act({
    wire: both((side) => wire(at[side])),
    ids: { left: "own", right: "own" },
    owner: { pair: "pair", run: "run" },
    startedAtMs: 0,
    forMs: 50,
    copies: packCopies([]),
    orders: [],
    full: [],
    drops: [],
    fills: [],
    ...part,
  }, () => {});
}

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
  "a message, show": async (at, path, metadata) => {
    const root = wire(at.left);
    const asks = { side: "left", root, path, metadata } as const;
    const shown = await handlers(at).show(asks, () => {});
    if ("why" in shown) throw new Skipped(shown.why);
  },
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
  "a message, act, a copy to a new name": (at, path, source) =>
    act(at, { copies: packCopies([{ ...copyTask(source), path }]) }),
  "a message, act, a copy that is not wanted": (at, path) =>
    act(at, { drops: [{ side: "left", path, number: 1, folders: [] }] }),
  "a message, act, a folder that was made": (at, path) =>
    act(at, {
      drops: [{ side: "left", path: "new", number: 1, folders: [path] }],
    }),
  "a message, act, a folder to be filled": (at, path) =>
    act(at, { fills: [{ side: "left", path, id: { ino: 1, birthMs: 1 } }] }),
  ...Object.fromEntries(
    ORDERED.map(([slot, work]) => [
      `a message, act, ${slot}`,
      (at: TwoRoots, path: string, seen: Metadata) =>
        act(at, { orders: [ordered(work(path, seen))] }),
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
  "respell, from": ({ left }, path) => respell(left, path, "A", null),
  "respell, to": ({ left }, path) => respell(left, "a", path, null),
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
  return {
    ...lookHandlers(world),
    ...actHandlers(world),
    ...showHandlers(world),
  };
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
  const how = { mode: 0o600, model: null, wantsHash: false };
  return { from, path, seen, to, temporary, ...how };
}

/** A run's folder among the soft-deleted files. */
const RUN = "20260102-030405-pair";

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
      // There a run keeps what would have too long a path.
      const isRuns = what === "a message, act, copy, soft-deleted" &&
        flawIn(path, isWindows)?.own === "plain";
      if (isRuns) continue;
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
    await requireRefused(at, path, flawIn(path, isWindows)!.why);
    assert.match(flawIn(path, false)!.why, /is the program's own$/);
    assert.throws(() => requirePaths([path]), Refused, path);
  }
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
    fc.oneof(fc.constantFrom(...PIECES), anyText),
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

Deno.test({
  name:
    "a run leaves alone what is refused as the program's own, wherever it stands and however it is spelled, and ends in order",
  // There nobody can make files of such names.
  ignore: isWindows,
  async fn() {
    // Those of a rename are told: a run must not take what they hold for gone.
    const names = new Set(
      OWN_PATHS.map((path) => path.split("/").find(isOwnName)!)
        .filter((name) => !/-mv-/i.test(name)),
    );
    using office = new MemoryOffice();
    await office.agree();
    const top = [...names].filter((it) => it !== ".office-sync");
    const tree = (all: Iterable<string>) =>
      Object.fromEntries([...all].map((name) => [name, { x: "1" }]));
    office.write({
      left: { ...tree(top), d: { ...tree(names), a: "a" } },
      right: { d: { b: "b" } },
    });
    for (let n = 0; n < 2; n++) {
      const result = await office.run();
      assert.equal(result.exitCode, 0, describe(result));
      assert.deepEqual(office.trees().right, { d: { a: "a", b: "b" } });
    }
  },
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
  for (const part of NO_PARTS) {
    const names = { pair: part, run: "run" };
    assert.throws(() => temporaryName(names, 1), Refused, part);
    assert.throws(() => temporaryName({ pair: "p", run: part }, 1), Refused);
    assert.throws(() => movingName(part), Refused, part);
  }
});

Deno.test("a message that names a pair, a run or a number by more than that is refused, with nothing done", async () => {
  using at = fenced();
  const { left } = at;
  const before = everything(at.folder);
  const seen = at.seen("left", "a");
  const side = "left";
  const all = handlers(at);
  const nothing = () => {};
  const copies = packCopies([{ ...copyTask(seen), path: "new" }]);
  for (const part of NO_PARTS) {
    const owners = [{ pair: part, run: "run" }, { pair: "pair", run: part }];
    const asks: (() => unknown)[] = [
      () => all.number({ side, pair: part, give: null }, nothing),
      () => all.number({ side, pair: part, give: 7 }, nothing),
      () =>
        all.prune(
          { side, root: wire(left), runs: [`${RUN}/${part}`] },
          nothing,
        ),
      ...[part, `${RUN}/${part}`].flatMap((run) => {
        const from = { side, run, path: "a" } as const;
        const file = { ...from, metadata: seen };
        const roots = both((it) => wire(at[it]));
        const [, copy] = ORDERED.find(([slot]) => slot === "copy")!;
        const work = { ...copy("new", seen), softDeleted: from } as FilesWork;
        return [
          () => act(at, { orders: [ordered(work)] }),
          () =>
            all.answer(
              { roots, questions: [{ kind: "hash", file }] },
              nothing,
            ),
        ];
      }),
      ...owners.flatMap((owner) => [
        () => all.introduce({ side, owner, replaces: true }, nothing),
        () => all.rehearse({ side, owner }, nothing),
        () => act(at, { owner, copies }),
        () =>
          act(at, {
            owner,
            drops: [{ side, path: "a", number: 1, folders: [] }],
          }),
      ]),
      () => {
        const number = part as unknown as number;
        return act(at, { drops: [{ side, path: "a", number, folders: [] }] });
      },
    ];
    for (const ask of asks) {
      await assert.rejects(
        async () => await ask(),
        (error: Error) => {
          const { cause = error } = error;
          assert.ok(cause instanceof Refused, `${part}: ${ask}: ${error}`);
          return true;
        },
        `${part}: ${ask}`,
      );
    }
  }
  assert.deepEqual(everything(at.folder), before);
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

Deno.test({
  name:
    "what is read through a folder that was swapped for a link just after the look is another file: nothing of it goes anywhere",
  ignore: isWindows,
  async fn() {
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
  },
});

Deno.test({
  name:
    "what is written through such a folder is a new file of a temporary name at most: nothing outside is replaced, renamed or removed",
  ignore: isWindows,
  async fn() {
    using at = new TwoRoots().write({
      left: { d: { a: "new" } },
      right: { d: { a: "old" } },
    });
    const { right } = at;
    const seen = {
      left: at.seen("left", "d/a"),
      right: at.seen("right", "d/a"),
    };
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
  },
});
