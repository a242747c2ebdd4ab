import assert from "node:assert/strict";
import { loadConfig } from "../lib/config_loader.ts";
import { GuardError } from "../lib/errors.ts";
import { filesHere } from "../lib/files_handlers.ts";
import { temporaryName } from "../lib/names.ts";
import { makeIdentity, readIdentity } from "../lib/root_identity.ts";
import { PLAIN_TRAITS, probe } from "../lib/root_traits.ts";
import { checkRoots, probeRoots } from "../lib/run_identify.ts";
import { StateDb } from "../lib/state_db.ts";
import type { Both } from "../lib/types.ts";
import { snapshot } from "./support/snapshot.ts";
import {
  actions,
  describe,
  file,
  MemoryOffice,
  type Office,
  write,
} from "./support/support.ts";
import { intercept, systemError, TwoRoots } from "./support/two_roots.ts";

const OWNER = { pair: "pair", run: "run" };
const ID = "01234567-89ab-cdef-0123-456789abcdef";

function guard(name: string, message: RegExp) {
  return { name: "GuardError", guard: name, message, exitCode: 3 };
}

function identityFile(at: TwoRoots): string {
  return `${at.left.path}/.office-sync/root.json`;
}

function make(at: TwoRoots, replaces = false) {
  return makeIdentity("left", at.left.path, OWNER, replaces);
}

function readLeft(at: TwoRoots) {
  return readIdentity("left", at.left.path);
}

function check(roots: Both<string>) {
  return checkRoots(filesHere(roots), roots);
}

Deno.test("two folders apart are good roots", async () => {
  using at = new TwoRoots();
  const [left, right] = [at.left.path, at.right.path];
  await check({ left: `${left}/`, right });
  Deno.mkdirSync(`${left}-2`);
  await check({ left, right: `${left}-2` });
  const real = await check({ left, right });
  assert.equal(real.left.path, Deno.realPathSync(left));
  assert.equal(real.right.ino, Deno.statSync(right).ino);
});

const BAD: Record<string, [(at: TwoRoots) => string, RegExp]> = {
  "is missing": [(at) => `${at.folder}/gone`, /right_root .* does not exist/],
  "is a file": [(at) => {
    Deno.writeTextFileSync(`${at.folder}/file`, "");
    return `${at.folder}/file`;
  }, /right_root .* is not a folder/],
  "is the other": [(at) => at.left.path, /the same folder/],
  "leads to the other": [(at) => {
    Deno.symlinkSync(at.left.path, `${at.folder}/link`);
    return `${at.folder}/link`;
  }, /the same folder/],
  "is inside the other": [(at) => {
    Deno.mkdirSync(at.left.absolute("d/e"), { recursive: true });
    return at.left.absolute("d/e");
  }, /right_root .* is inside left_root/],
  "leads inside the other": [(at) => {
    Deno.mkdirSync(at.left.absolute("d"));
    Deno.symlinkSync(at.left.absolute("d"), `${at.folder}/link`);
    return `${at.folder}/link`;
  }, /right_root .* is inside left_root/],
  "contains the other": [
    (at) => at.folder,
    /left_root .* is inside right_root/,
  ],
};

for (const [what, [path, message]] of Object.entries(BAD)) {
  Deno.test(`a root that ${what} stops the run`, async () => {
    using at = new TwoRoots();
    const roots = { left: at.left.path, right: path(at) };
    await assert.rejects(check(roots), guard("roots", message));
    const [left, right] = [roots.right, roots.left];
    await assert.rejects(check({ left, right }), { guard: "roots" });
  });
}

Deno.test("a root that can't be read stops the run", async () => {
  using at = new TwoRoots();
  using _system = intercept("readDirSync", () => {
    throw systemError("EACCES");
  });
  await assert.rejects(
    check({ left: at.left.path, right: at.right.path }),
    guard("roots", /left_root .* can't be read \(access is denied/),
  );
});

Deno.test("a root without an identity has none, and reading makes none", () => {
  using at = new TwoRoots();
  assert.equal(readLeft(at), null);
  Deno.removeSync(`${at.left.path}/.office-sync`);
  assert.equal(readLeft(at), null);
  assert.deepEqual(at.names("left"), []);
});

Deno.test("an identity is made once, and read as it was made", () => {
  using at = new TwoRoots();
  Deno.removeSync(`${at.left.path}/.office-sync`);
  const made = make(at);
  assert.match(made.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.notEqual(made.fileId, null);
  assert.deepEqual(readLeft(at), made);
  const files = [".office-sync", ".office-sync/root.json"];
  assert.deepEqual(at.names("left"), files);
});

Deno.test("an identity that is there is taken, not replaced", () => {
  using at = new TwoRoots();
  const first = make(at);
  const text = Deno.readTextFileSync(identityFile(at));
  assert.deepEqual(make(at), first);
  assert.equal(Deno.readTextFileSync(identityFile(at)), text);
});

Deno.test("of two that make one at once, both take the one that was first", () => {
  using at = new TwoRoots();
  using _program = intercept("linkSync", (real, from, to) => {
    Deno.writeTextFileSync(to!, `{"id":"${ID}"}`, { createNew: true });
    return real(from, to);
  });
  assert.equal(make(at).id, ID);
  assert.deepEqual(at.names("left").length, 2, "no temporary file is left");
});

Deno.test("an identity is made where there are no links, and not replaced there", () => {
  using at = new TwoRoots();
  using _system = intercept("linkSync", () => {
    throw systemError("EPERM");
  });
  const made = make(at);
  assert.deepEqual(make(at), made);
  assert.equal(at.names("left").length, 2);
});

Deno.test("a new identity replaces the old one only where that is asked for", () => {
  using at = new TwoRoots();
  const old = make(at);
  const renewed = make(at, true);
  assert.notEqual(renewed.id, old.id);
  assert.deepEqual(readLeft(at), renewed);
  assert.equal(at.names("left").length, 2);
});

Deno.test("a root that can't be written stops the run, and keeps no temporary file", () => {
  using at = new TwoRoots();
  using _system = intercept("linkSync", () => {
    throw systemError("EROFS");
  });
  assert.throws(
    () => make(at),
    guard("roots", /Left .* can't be written \(the disk is read-only/),
  );
  assert.deepEqual(at.names("left"), [".office-sync"]);
});

/** [what it holds, the text, what is said of it] */
const STRANGE: readonly [string, string, string][] = [
  ["nothing", "", "it is empty"],
  ["blanks", " \n", "it is empty"],
  ["no JSON", "hello", "it is damaged, for it is no JSON"],
  ["half of it", '{ "id": "01234567-89ab', "it is damaged, for it is no JSON"],
  ["zero bytes", "\0\0\0\0", "it is damaged, for it is no JSON"],
  ["no id", "{}", "it holds no id"],
  ["a number", '{"id": 5}', "it holds no id"],
  ["too short an id", '{"id": "abc"}', "it holds no id"],
  ["a null", "null", "it holds no id"],
  ["a list", '["id"]', "it holds no id"],
];

for (const [what, text, says] of STRANGE) {
  Deno.test(`an identity file that holds ${what} stops the run and stays`, () => {
    using at = new TwoRoots();
    Deno.writeTextFileSync(identityFile(at), text);
    const expected = guard("identity", RegExp(`can't be read: ${says}\\. `));
    assert.throws(() => readLeft(at), expected);
    assert.equal(Deno.readTextFileSync(identityFile(at)), text);
  });
}

Deno.test("an identity is never read through a link", () => {
  using at = new TwoRoots();
  make(at);
  const file = identityFile(at);
  Deno.renameSync(file, `${at.outside}/root.json`);
  Deno.symlinkSync(`${at.outside}/root.json`, file);
  assert.throws(() => readLeft(at), guard("identity", /: it is a link\. /));
  Deno.removeSync(`${at.left.path}/.office-sync`, { recursive: true });
  Deno.symlinkSync(at.outside, `${at.left.path}/.office-sync`);
  const linked = guard("identity", /: \.office-sync is a link\. /);
  assert.throws(() => readLeft(at), linked);
});

Deno.test("a link in place of the program's own folder is not followed: nothing is made, tried or listed behind it", async () => {
  using at = new TwoRoots();
  Deno.removeSync(`${at.left.path}/.office-sync`);
  Deno.symlinkSync(at.outside, `${at.left.path}/.office-sync`);
  const leftover = `${at.outside}/${temporaryName(OWNER, 7)}`;
  Deno.writeTextFileSync(leftover, "hers");
  const before = snapshot(at.outside, true);
  assert.equal(probe(at.left.path, OWNER), null);
  const files = filesHere({ left: at.left.path, right: at.right.path });
  const asks = { side: "left", owner: OWNER, traits: null } as const;
  const probed = await files.ask("probe", { ...asks, nameBytes: null });
  assert.equal(probed.isTried, false);
  assert.deepEqual(probed.leftovers, []);
  for (const replaces of [true, false]) {
    const make = () => makeIdentity("left", at.left.path, OWNER, replaces);
    assert.throws(make, guard("roots", /\(\.office-sync is a link\)/));
  }
  assert.deepEqual(snapshot(at.outside, true), before);
});

Deno.test("whatever else stands in place of an identity is called what it is", () => {
  using at = new TwoRoots();
  const file = identityFile(at);
  Deno.mkdirSync(file);
  assert.throws(() => readLeft(at), guard("identity", /: it is a folder\. /));
  Deno.removeSync(file);
  if (Deno.build.os !== "windows") {
    new Deno.Command("mkfifo", { args: [file] }).outputSync();
    const pipe = guard("identity", /: it is no file, but a pipe, socket or de/);
    assert.throws(() => readLeft(at), pipe);
    Deno.removeSync(file);
  }
  Deno.removeSync(`${at.left.path}/.office-sync`);
  Deno.writeTextFileSync(`${at.left.path}/.office-sync`, "");
  const noFolder = guard("identity", /: \.office-sync is a file\. /);
  assert.throws(() => readLeft(at), noFolder);
});

const CLOSED: readonly [string, () => Error, RegExp][] = [
  [
    "the disk does not answer for",
    () => systemError("EIO"),
    /reports an error/,
  ],
  ["nobody may read", () => systemError("EACCES"), /: access is denied/],
  [
    "the sandbox closes",
    () => new Deno.errors.NotCapable("Requires read access to x, run again"),
    /: the sandbox does not let the program reach it/,
  ],
];

for (const [what, error, why] of CLOSED) {
  for (const call of ["lstatSync", "readTextFileSync"] as const) {
    Deno.test(`an identity that ${what} (${call}) is the root's trouble: nobody is told to delete it`, () => {
      using at = new TwoRoots();
      make(at);
      using _system = intercept(call, () => {
        throw error();
      });
      assert.throws(() => readLeft(at), (thrown) => {
        assert.ok(thrown instanceof GuardError);
        assert.equal(thrown.guard, "roots");
        assert.match(thrown.message, why);
        const said = thrown.message + thrown.hint;
        const wrong = /delete|accept-roots|Requires|run again with/;
        assert.doesNotMatch(said, wrong);
        return true;
      });
    });
  }
}

Deno.test("a probe tells this file system's traits and leaves nothing", () => {
  using at = new TwoRoots();
  const { traits, startedAtMs } = probe(at.left.path, OWNER)!;
  const { clockOffsetMs, ...others } = traits;
  const { clockOffsetMs: _, ...plain } = PLAIN_TRAITS;
  if (Deno.build.os === "linux") assert.deepEqual(others, plain);
  assert.ok(Math.abs(clockOffsetMs) < 1000, "one clock");
  assert.ok(Math.abs(startedAtMs - Date.now()) < 5000);
  assert.deepEqual(at.names("left"), [".office-sync"]);
});

for (
  const [tick, shown] of [
    [2000, 1_000_000_000_000],
    [1000, 1_000_000_001_000],
    [100, 1_000_000_001_700],
    [10, 1_000_000_001_770],
    [1, 1_000_000_001_777],
  ] as const
) {
  Deno.test(`a file system that keeps times to ${tick} ms is found out`, () => {
    using at = new TwoRoots();
    using _system = intercept("lstatSync", (real, path) => {
      const info = real(path);
      const isSet = info.mtime?.getTime() === 1_000_000_001_777;
      return isSet ? { ...info, mtime: new Date(shown) } : info;
    });
    assert.equal(probe(at.left.path, OWNER)?.traits.tickMs, tick);
  });
}

Deno.test("a file system that takes upper and lower case, or both normal forms, for one name is found out", () => {
  using at = new TwoRoots();
  using _system = intercept("lstatSync", (real, path) => {
    const folded = path!.replace(
      /[^/]+$/,
      (name) => name.toLowerCase().normalize("NFC"),
    );
    return real(folded);
  });
  const { traits } = probe(at.left.path, OWNER)!;
  assert.deepEqual([traits.ignoresCase, traits.ignoresNormalForm], [
    true,
    true,
  ]);
});

Deno.test("a root that can't be written gives no probe", () => {
  using at = new TwoRoots();
  using _system = intercept("openSync", () => {
    throw systemError("EROFS");
  });
  assert.equal(probe(at.left.path, OWNER), null);
});

Deno.test("a root that can't be read any more when it is probed stops the run (roots)", async () => {
  using at = new TwoRoots();
  using db = new StateDb(`${at.folder}/state.db`, { isReadOnly: false });
  const paths = { left: at.left.path, right: at.right.path };
  using _ = intercept("utimeSync", (real, path, ...times) => {
    if (path!.startsWith(paths.right)) throw systemError("EIO");
    return real(path, ...times);
  });
  await assert.rejects(
    probeRoots(filesHere(paths), db, paths, OWNER),
    guard("roots", /^right_root .* can't be read \(the disk reports an error/),
  );
});

Deno.test("a state DB that fails while the roots are probed is not the roots' fault", async () => {
  using at = new TwoRoots();
  const paths = { left: at.left.path, right: at.right.path };
  const db = new StateDb(`${at.folder}/state.db`, { isReadOnly: false });
  db[Symbol.dispose]();
  await assert.rejects(
    probeRoots(filesHere(paths), db, paths, OWNER),
    (error) => error instanceof Error && !(error instanceof GuardError),
  );
});

/** [what a file system does with a mode, whether modes are carried] */
const MODES: readonly [
  string,
  (real: () => void, mode: number) => void,
  boolean,
][] = [
  ["keeps it", (real) => real(), true],
  ["refuses it", () => {
    throw systemError("EPERM");
  }, false],
  ["does not know it", () => {
    throw systemError("ENOTSUP");
  }, false],
  ["does nothing about it", () => {}, false],
];

for (const [what, chmod, isCarried] of MODES) {
  Deno.test({
    name: `a probe finds out that a file system ${what}: modes are ${
      isCarried ? "" : "not "
    }carried`,
    ignore: Deno.build.os === "windows",
    fn() {
      using at = new TwoRoots();
      using _system = intercept(
        "chmodSync",
        (real, path, mode) => chmod(() => real(path, mode), Number(mode)),
      );
      const { traits } = probe(at.left.path, OWNER)!;
      assert.equal(traits.carriesModes, isCarried);
    },
  });
}

Deno.test({
  name:
    "where Right carries no modes, chmod on Left is no change: an edit there is no conflict, a deletion stays one",
  ignore: Deno.build.os === "windows",
  async fn() {
    using office = new MemoryOffice().write({
      left: { a: file("1", { mtime: 5e11 }), b: file("22", { mtime: 5e11 }) },
    });
    using _disk = intercept("chmodSync", (real, path, mode) => {
      if (!path!.startsWith(office.right)) real(path, mode);
    });
    await office.agree();
    for (const name of ["a", "b"]) {
      Deno.chmodSync(`${office.left}/${name}`, 0o755);
    }
    write(office.right, { a: "edited on Right" });
    Deno.removeSync(`${office.right}/b`);
    assert.deepEqual(actions(await office.agree()).sort(), [
      "COPY_RIGHT_TO_LEFT a",
      "SOFT_DELETE_LEFT b",
    ]);
    const { mode } = Deno.lstatSync(`${office.left}/a`);
    assert.equal(mode! & 0o777, 0o755, "it keeps its own");
    assert.deepEqual(actions(await office.agree()), []);
  },
});

function copy(from: string, to: string): void {
  const { success } = new Deno.Command("cp", { args: ["-a", from, to] })
    .outputSync();
  assert.ok(success, "cp");
}

/** Puts what was kept back in the place of what is there now. */
function bringBack(place: string): void {
  Deno.removeSync(place, { recursive: true });
  copy(`${place}.kept`, place);
}

/** An office whose roots and state DB were kept when it was at run 2. */
async function withBackup(): Promise<Office> {
  const office = new MemoryOffice();
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.agree();
  write(office.left, { "old.txt": "old" });
  await office.agree();
  for (const place of placesOf(office)) copy(place, `${place}.kept`);
  // What a backup of that day does not have.
  write(office.left, { "a.txt": "edited" });
  write(office.right, { "new.txt": "new" });
  Deno.removeSync(`${office.right}/old.txt`);
  await office.agree();
  return office;
}

function placesOf({ left, right, stateDb }: Office): string[] {
  return [left, right, stateDb];
}

function numberOn(office: Office, side: "left" | "right"): string {
  return Deno.readTextFileSync(
    `${office[side]}/.office-sync/pairs/${pairOf(office)}`,
  ).trim();
}

function pairOf({ stateDb }: Office): string {
  using db = new StateDb(stateDb, { isReadOnly: true });
  return db.meta("pair")!;
}

/** A run that the guard stops, with nothing changed below either root. */
async function isStopped(office: Office, says: RegExp): Promise<void> {
  const before = [office.left, office.right].map((it) => snapshot(it));
  for (const isDryRun of [true, false]) {
    const { stop, exitCode } = await office.run({ isDryRun });
    assert.equal(stop?.name, "rolled back", JSON.stringify(stop));
    assert.equal(exitCode, 3);
    assert.match(stop.reason, says);
    assert.match(stop.reason, /Nothing was changed\.$/);
    assert.match(stop.hint, /--accept-roots: nothing is deleted then/);
  }
  const now = [office.left, office.right].map((it) => snapshot(it));
  assert.deepEqual(now, before);
}

/** Accepted, every version that is anywhere is on both sides. */
async function isAccepted(
  office: Office,
  contents: readonly string[],
): Promise<void> {
  const met = await office.agree({ acceptRoots: true });
  assert.deepEqual(actions(met).filter((it) => it.includes("DELETE")), []);
  const { left, right } = office.trees();
  assert.deepEqual(left, right);
  assert.deepEqual(Object.values(left).sort(), [...contents].sort());
  // And it goes on from there.
  assert.deepEqual(actions(await office.agree()), []);
  write(office.left, { "later.txt": "later" });
  Deno.removeSync(`${office.right}/b.txt`);
  await office.agree();
  await office.agree();
  assert.equal(office.trees().left["b.txt"], undefined);
}

const RESTORED: readonly [
  string,
  readonly ("left" | "right" | "stateDb")[],
  RegExp,
  readonly string[],
][] = [
  ["Right", ["right"], /^Right is older .* shows run 2 and had run 3\./, [
    "a",
    "edited",
    "b",
    "new",
    "old",
  ]],
  ["Left", ["left"], /^Left is older .* shows run 2 and had run 3\./, [
    "a",
    "edited",
    "b",
    "new",
    "old",
  ]],
  [
    "both roots",
    ["left", "right"],
    /^Left and Right are older .* run 2 and had run 3; Right .* run 2 and had/,
    ["a", "b", "old"],
  ],
  [
    "the state DB",
    ["stateDb"],
    /^The state DB .* knows of run 2 at most, and Left shows run 3, Right sh/,
    ["edited", "b", "new"],
  ],
  [
    "the whole PC, Left and state DB alike,",
    ["left", "stateDb"],
    /^The state DB .* knows of run 2 at most, and Right shows run 3\./,
    ["a", "edited", "b", "new", "old"],
  ],
];

for (const [what, places, says, contents] of RESTORED) {
  Deno.test(`${what} restored from a backup stops plan and run; accepted, nothing is deleted`, async () => {
    using office = await withBackup();
    for (const place of places) bringBack(office[place]);
    await isStopped(office, says);
    await isAccepted(office, contents);
  });
}

Deno.test("everything restored to one moment is no alarm: it fits together", async () => {
  using office = await withBackup();
  for (const place of placesOf(office)) bringBack(place);
  assert.deepEqual(actions(await office.agree()), []);
});

Deno.test("a root restored from before it had numbers stops the run, one without a record of them does not", async () => {
  using office = await withBackup();
  Deno.removeSync(`${office.right}/.office-sync/pairs`, { recursive: true });
  await isStopped(office, /^Right is older .* shows none and had run 3\./);
  // As an older version of the program leaves both.
  Deno.removeSync(`${office.left}/.office-sync/pairs`, { recursive: true });
  {
    using db = new StateDb(office.stateDb, { isReadOnly: false });
    db.run("DELETE FROM meta WHERE key LIKE 'run_number%'");
  }
  assert.deepEqual(actions(await office.agree()), []);
  write(office.left, { "c.txt": "c" });
  await office.agree();
  assert.equal(numberOn(office, "right"), "1");
});

for (
  const [what, spoil, says] of [
    ["is damaged", (path: string) => Deno.writeTextFileSync(path, ""), "dama"],
    ["is a folder", (path: string) => {
      Deno.removeSync(path);
      Deno.mkdirSync(path);
    }, "it is a folder"],
    ["is a link", (path: string) => {
      Deno.renameSync(path, `${path}.away`);
      Deno.symlinkSync(`${path}.away`, path);
    }, "it is a link"],
  ] as const
) {
  Deno.test(`a number that ${what} counts as none, and is never written through`, async () => {
    using office = await withBackup();
    const path = `${office.left}/.office-sync/pairs/${pairOf(office)}`;
    spoil(path);
    await isStopped(office, RegExp(`^Left is older .* shows none .*${says}`));
    await office.agree({ acceptRoots: true });
    write(office.left, { "c.txt": "c" });
    await office.agree();
    await office.agree();
  });
}

Deno.test("a run that has nothing to do leaves the numbers alone, also one that only looks at young files again", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a" });
  await office.agree();
  const before = [office.left, office.right].map((it) => snapshot(it));
  for (let n = 0; n < 3; n++) await office.agree();
  const now = [office.left, office.right].map((it) => snapshot(it));
  assert.deepEqual(now, before);
  assert.deepEqual([numberOn(office, "left"), numberOn(office, "right")], [
    "1",
    "1",
  ]);
  assert.equal((await office.commandHere("--verbose")).code, 0);
  assert.equal(numberOn(office, "right"), "1");
});

Deno.test("two folders that were the same at their first meeting have a number, too", async () => {
  using office = new MemoryOffice();
  const mtime = { mtime: "2026-01-01" };
  for (const root of [office.left, office.right]) {
    write(root, { "a.txt": "a" });
    Deno.utimeSync(`${root}/a.txt`, new Date(mtime.mtime), 1e9);
  }
  copy(office.right, `${office.right}.kept`);
  await office.agree();
  assert.equal(numberOn(office, "right"), "1");
  // The same edit on both sides is nothing but a new record.
  for (const root of [office.left, office.right]) {
    write(root, { "a.txt": "edited" });
  }
  await office.agree();
  assert.equal(numberOn(office, "left"), "2");
});

/** Where a run dies: what it has done by then, and the call it dies at. */
const DEATHS: readonly [
  string,
  "renameSync" | "openSync",
  (path: string, office: Office) => boolean,
][] = [
  [
    "after its number is noted",
    "renameSync",
    (path, { left }) => path.startsWith(left) && path.endsWith(".new"),
  ],
  [
    "after Left has it",
    "renameSync",
    (path, { right }) => path.startsWith(right) && path.endsWith(".new"),
  ],
  [
    "half-way through writing it on Right",
    "openSync",
    (path, { right }) => path.startsWith(right) && path.endsWith(".new"),
  ],
  [
    "after both have it",
    "openSync",
    (path, { right }) => path === `${right}/.office-sync/pairs`,
  ],
];

for (const [when, call, isThere] of DEATHS) {
  for (const isFirst of [true, false]) {
    Deno.test(`a ${isFirst ? "first " : ""}run that dies ${when} is no alarm, however often`, async () => {
      using office = new MemoryOffice();
      write(office.left, { "a.txt": "a" });
      if (!isFirst) await office.agree();
      for (let n = 0; n < 3; n++) {
        write(office.left, { [`b${n}.txt`]: "b" });
        using _ = intercept(call, (real, path, ...rest) => {
          if (isThere(path!, office)) throw new Error("killed");
          return real(path, ...rest);
        });
        await assert.rejects(office.run(), /killed/);
      }
      const left = {
        "a.txt": "a",
        "b0.txt": "b",
        "b1.txt": "b",
        "b2.txt": "b",
      };
      await office.agree();
      assert.deepEqual(office.trees(), { left, right: left });
      await office.agree();
      const numbers = [numberOn(office, "left"), numberOn(office, "right")];
      assert.equal(numbers[0], numbers[1]);
      const pairs = `${office.right}/.office-sync/pairs`;
      assert.equal([...Deno.readDirSync(pairs)].length, 1, "no leftovers");
    });
  }
}

for (const side of ["left", "right"] as const) {
  const other = side === "left" ? "right" : "left";
  Deno.test(`where ${side} can't be given a number, that is told, all else goes on, and later runs are no alarm`, async () => {
    using office = new MemoryOffice();
    write(office.left, { "a.txt": "a" });
    await office.agree();
    const warnings: string[] = [];
    const folder = `${office[side]}/.office-sync/pairs`;
    {
      using _ = intercept("openSync", (real, path, ...rest) => {
        if (path!.startsWith(folder)) throw systemError("EROFS");
        return real(path, ...rest);
      });
      write(office.left, { "b.txt": "b" });
      const result = await runTelling(office, warnings);
      assert.equal(result.exitCode, 0, describe(result));
    }
    const called = side === "left" ? "Left" : "Right";
    assert.equal(warnings.length, 1);
    const says = RegExp(`^${called} can't be given .*the disk is read-only`);
    assert.match(warnings[0]!, says);
    assert.equal(numberOn(office, side), "1");
    assert.equal(numberOn(office, other), "2");
    assert.deepEqual(actions(await office.agree()), []);
    write(office.left, { "c.txt": "c" });
    await office.agree();
    assert.equal(numberOn(office, side), "3");
  });
}

async function runTelling(office: Office, warnings: string[]) {
  const { newRunId, runSync } = await import("../lib/run.ts");
  const config = await loadConfig(office.config);
  return await runSync(newRunId(Date.now()), config, {
    files: filesHere(config.roots),
    isDryRun: false,
    allowed: { deletes: false, changes: false },
    acceptRoots: false,
    listUnchanged: false,
  }, {
    onOutcome() {},
    onProblem() {},
    onWarning: (text) => warnings.push(text),
  });
}

Deno.test("an unmounted root is given no number: nothing is made on the empty folder", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a" });
  await office.agree();
  write(office.left, { "b.txt": "b" });
  let isGone = false;
  using _ = intercept("openSync", (real, path, ...rest) => {
    // Just before the number is written on Right, after all is looked at.
    if (path!.startsWith(`${office.left}/.office-sync/pairs`) && !isGone) {
      isGone = true;
      Deno.renameSync(office.right, `${office.right}-unmounted`);
      Deno.mkdirSync(office.right);
    }
    return real(path, ...rest);
  });
  const { exitCode } = await office.run();
  assert.equal(exitCode, 1);
  assert.deepEqual([...Deno.readDirSync(office.right)], []);
  Deno.removeSync(office.right);
  Deno.renameSync(`${office.right}-unmounted`, office.right);
  await office.agree();
});

Deno.test("several PCs with one Right have a number each: one restored PC is the other's business", async () => {
  using one = new MemoryOffice();
  using two = new MemoryOffice();
  const shared = `left_root: ${two.left}\nright_root: ${one.right}\n`;
  Deno.writeTextFileSync(two.config, shared);
  write(one.left, { "a.txt": "a" });
  await one.agree();
  await two.agree();
  copy(two.stateDb, `${two.stateDb}.kept`);
  for (let n = 0; n < 3; n++) {
    write(two.left, { [`b${n}.txt`]: "b" });
    await two.agree();
    await one.agree();
  }
  const pairs = `${one.right}/.office-sync/pairs`;
  assert.equal([...Deno.readDirSync(pairs)].length, 2);
  bringBack(two.stateDb);
  const { stop } = await two.run();
  assert.equal(stop?.name, "rolled back");
  write(one.left, { "c.txt": "c" });
  await one.agree();
  await two.agree({ acceptRoots: true });
  await one.agree();
  await two.agree();
});

Deno.test("--accept-roots as a plan looks past old numbers and writes none", async () => {
  using office = await withBackup();
  bringBack(office.right);
  const before = snapshot(office.folder);
  const { exitCode } = await office.run({ isDryRun: true, acceptRoots: true });
  assert.equal(exitCode, 0);
  assert.deepEqual(snapshot(office.folder), before);
});

Deno.test("the command tells of a restored share in plan, run and doctor", async () => {
  using office = await withBackup();
  bringBack(office.right);
  for (const command of ["plan", "sync"]) {
    const { code, stdout } = await office.commandHere(command, "--json");
    assert.equal(code, 3);
    const { guard, actions } = JSON.parse(stdout);
    assert.equal(guard.name, "rolled back");
    assert.match(guard.reason, /^Right is older than at the last run/);
    assert.deepEqual(actions, []);
  }
  const doctor = await office.commandHere("doctor");
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /Right is older than at the last run that/);
  assert.match(doctor.stdout, /--accept-roots/);
  assert.equal((await office.commandHere("--accept-roots")).code, 0);
});
