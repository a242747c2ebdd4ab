import assert from "node:assert/strict";
import { GuardError } from "../lib/errors.ts";
import {
  checkRoots,
  makeIdentity,
  readIdentity,
} from "../lib/root_identity.ts";
import { PLAIN_TRAITS, probe } from "../lib/root_traits.ts";
import { probeRoots } from "../lib/run_identify.ts";
import { StateDb } from "../lib/state_db.ts";
import { actions, file, Office, write } from "./support/support.ts";
import { intercept, systemError, TwoRoots } from "./support/two_roots.ts";

const OWNER = { pair: "pair", run: "run" };
const ID = "01234567-89ab-cdef-0123-456789abcdef";

function guard(name: string, message: RegExp) {
  return { name: "GuardError", guard: name, message, exitCode: 3 };
}

function identityFile(at: TwoRoots): string {
  return at.left.absolute(".office-sync/root.json");
}

function make(at: TwoRoots, replaces = false) {
  return makeIdentity("left", at.left.path, OWNER, replaces);
}

function readLeft(at: TwoRoots) {
  return readIdentity("left", at.left.path);
}

Deno.test("two folders apart are good roots", () => {
  using at = new TwoRoots();
  checkRoots({ left: at.left.path, right: at.right.path });
  checkRoots({ left: `${at.left.path}/`, right: at.right.path });
  Deno.mkdirSync(`${at.left.path}-2`);
  checkRoots({ left: at.left.path, right: `${at.left.path}-2` });
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
  Deno.test(`a root that ${what} stops the run`, () => {
    using at = new TwoRoots();
    const roots = { left: at.left.path, right: path(at) };
    assert.throws(() => checkRoots(roots), guard("roots", message));
    const [left, right] = [roots.right, roots.left];
    assert.throws(() => checkRoots({ left, right }), { guard: "roots" });
  });
}

Deno.test("a root that can't be read stops the run", () => {
  using at = new TwoRoots();
  using _system = intercept("readDirSync", () => {
    throw systemError("EACCES");
  });
  assert.throws(
    () => checkRoots({ left: at.left.path, right: at.right.path }),
    guard("roots", /left_root .* can't be read \(access is denied/),
  );
});

Deno.test("a root without an identity has none, and reading makes none", () => {
  using at = new TwoRoots();
  assert.equal(readLeft(at), null);
  Deno.removeSync(at.left.absolute(".office-sync"));
  assert.equal(readLeft(at), null);
  assert.deepEqual(at.names("left"), []);
});

Deno.test("an identity is made once, and read as it was made", () => {
  using at = new TwoRoots();
  Deno.removeSync(at.left.absolute(".office-sync"));
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
  Deno.removeSync(at.left.absolute(".office-sync"), { recursive: true });
  Deno.symlinkSync(at.outside, at.left.absolute(".office-sync"));
  const linked = guard("identity", /: \.office-sync is a link\. /);
  assert.throws(() => readLeft(at), linked);
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
  Deno.removeSync(at.left.absolute(".office-sync"));
  Deno.writeTextFileSync(at.left.absolute(".office-sync"), "");
  const stray = guard("identity", /: \.office-sync is a file\. /);
  assert.throws(() => readLeft(at), stray);
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

Deno.test("a root that can't be read any more when it is probed stops the run (roots)", () => {
  using at = new TwoRoots();
  using db = new StateDb(`${at.folder}/state.db`, { isReadOnly: false });
  const paths = { left: at.left.path, right: at.right.path };
  using _ = intercept("utimeSync", (real, path, ...times) => {
    if (path!.startsWith(paths.right)) throw systemError("EIO");
    return real(path, ...times);
  });
  assert.throws(
    () => probeRoots(db, paths, OWNER),
    guard("roots", /^right_root .* can't be read \(the disk reports an error/),
  );
});

Deno.test("a state DB that fails while the roots are probed is not the roots' fault", () => {
  using at = new TwoRoots();
  const paths = { left: at.left.path, right: at.right.path };
  const db = new StateDb(`${at.folder}/state.db`, { isReadOnly: false });
  db[Symbol.dispose]();
  assert.throws(
    () => probeRoots(db, paths, OWNER),
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
    using office = new Office().write({
      left: { a: file("1", { mtime: 5e11 }), b: file("22", { mtime: 5e11 }) },
    });
    using _disk = intercept("chmodSync", (real, path, mode) => {
      if (!path!.startsWith(office.right)) real(path, mode);
    });
    await office.settle();
    for (const name of ["a", "b"]) {
      Deno.chmodSync(`${office.left}/${name}`, 0o755);
    }
    write(office.right, { a: "edited on Right" });
    Deno.removeSync(`${office.right}/b`);
    assert.deepEqual(actions(await office.settle()).sort(), [
      "COPY_RIGHT_TO_LEFT a",
      "SOFT_DELETE_LEFT b",
    ]);
    const { mode } = Deno.lstatSync(`${office.left}/a`);
    assert.equal(mode! & 0o777, 0o755, "it keeps its own");
    assert.deepEqual(actions(await office.settle()), []);
  },
});
