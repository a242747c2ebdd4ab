import assert from "node:assert/strict";
import { Skipped } from "../lib/disk.ts";
import {
  agreed,
  assertAgreed,
  files,
  foldersRenamed,
} from "./moving_folders.ts";
import { actions, type Office, type Tree } from "./support.ts";
import { intercept, systemError } from "./two_roots.ts";
import { action, Bench } from "./work_bench.ts";

/** Calls `act` before the n-th call about a path. */
function before(
  call: "lstatSync" | "readDirSync" | "renameSync",
  path: string,
  nth: number,
  act: () => void,
): Disposable {
  let count = 0;
  return intercept(call, (real, ...args) => {
    if (args[0] === path && ++count === nth) act();
    return real(...args);
  });
}

/** Runs until both sides agree; gives the exit codes. */
async function runs(office: Office): Promise<number[]> {
  const codes: number[] = [];
  do codes.push((await office.run()).exitCode); while (
    codes.at(-1) !== 0 && codes.length < 5
  );
  return codes;
}

Deno.test("what is edited, made or deleted in a folder at the moment it moves goes along, and the next run finds it", async () => {
  using office = await agreed({ was: files() });
  const { right } = office;
  Deno.renameSync(`${office.left}/was`, `${office.left}/is`);
  {
    using _ = before("renameSync", `${right}/was`, 1, () => {
      office.write({ right: { was: { f1: "edited just now", new: "1" } } });
      Deno.removeSync(`${right}/was/f2`);
    });
    await office.settle();
  }
  const lines = actions(await office.settle());
  assert.deepEqual(lines, [
    "COPY_RIGHT_TO_LEFT is/f1",
    "COPY_RIGHT_TO_LEFT is/new",
    "SOFT_DELETE_LEFT is/f2",
  ]);
  const { is } = office.trees().left as { is: Tree };
  assert.deepEqual([is.f1, is.new, is.f2], ["edited just now", "1", undefined]);
  await assertAgreed(office);
});

/** What comes in between when a folder is looked at. */
const RACES: Record<string, (office: Office) => Disposable> = {
  "a file in it is edited": (office) =>
    before("lstatSync", `${office.right}/was/f1`, 2, () => {
      office.write({ right: { was: { f1: "edited just now" } } });
    }),
  "a file in it is edited on the other side": (office) =>
    before("lstatSync", `${office.left}/is/f1`, 2, () => {
      office.write({ left: { is: { f1: "edited just now" } } });
    }),
  "a file in it is deleted": (office) =>
    before("lstatSync", `${office.right}/was/f1`, 2, () => {
      Deno.removeSync(`${office.right}/was/f1`);
    }),
  "a file comes into it": (office) =>
    before("readDirSync", `${office.right}/was`, 2, () => {
      office.write({ right: { was: { new: "made just now" } } });
    }),
  "its new name is taken by a folder": (office) =>
    before("readDirSync", `${office.right}/was`, 2, () => {
      office.write({ right: { is: { new: "made just now" } } });
    }),
  "its new name is taken by a file": (office) =>
    before("readDirSync", `${office.right}/was`, 2, () => {
      office.write({ right: { is: "made just now" } });
    }),
};

for (const [what, race] of Object.entries(RACES)) {
  Deno.test(`a folder does not move as a whole when ${what} just before`, async () => {
    using office = await agreed({ was: files() });
    Deno.renameSync(`${office.left}/was`, `${office.left}/is`);
    const renamed = await foldersRenamed(office, async () => {
      using _ = race(office);
      const { exitCode } = await office.run();
      assert.equal(exitCode, 1, "something is left for the next run");
    });
    assert.deepEqual(renamed, []);
    assert.ok((await runs(office)).at(-1) === 0);
    const { left, right } = office.trees();
    assert.deepEqual(right, left);
    const text = JSON.stringify(left);
    const contents = Object.values(files()).slice(2);
    for (const content of contents) assert.ok(text.includes(content), content);
    if (!what.includes("deleted")) assert.match(text, /just now/);
  });
}

for (const code of ["EBUSY", "EACCES", "EXDEV"]) {
  Deno.test(`a folder that may not be renamed (${code}) has its files renamed one by one`, async () => {
    using office = await agreed({ was: files() });
    Deno.renameSync(`${office.left}/was`, `${office.left}/is`);
    using _ = intercept("renameSync", (real, from, to) => {
      if (from === `${office.right}/was`) throw systemError(code);
      real(from, to);
    });
    const inode = Deno.statSync(`${office.right}/was/f1`).ino;
    await office.settle();
    assert.equal(Deno.statSync(`${office.right}/is/f1`).ino, inode);
    await assertAgreed(office);
  });
}

Deno.test("a run that dies when a folder has just moved: the next one finds both sides the same", async () => {
  using office = await agreed({ was: { ...files(), in: files(3) } });
  Deno.renameSync(`${office.left}/was`, `${office.left}/is`);
  const before = office.trees().left;
  {
    using _ = intercept("renameSync", (real, from, to) => {
      real(from, to);
      if (from === `${office.right}/was`) throw new Error("killed");
    });
    await assert.rejects(office.run(), /killed/);
  }
  assert.deepEqual(office.trees(), { left: before, right: before });
  assert.deepEqual(actions(await office.settle()), []);
  await assertAgreed(office);
});

Deno.test("a folder does not move as a whole where a root does not answer with its id", async () => {
  const names = Object.keys(files());
  using at = new Bench().write({
    left: { is: files() },
    right: { was: files() },
  });
  at.verifyRoots = () => {
    throw new Skipped("a root went away");
  };
  const inode = Deno.statSync(at.right.absolute("was")).ino;
  const isMount = false;
  const plan = [
    action({
      kind: "create-directory",
      on: "right",
      path: "is",
      isMount,
      id: null,
    }),
    ...names.map((name) => action(at.rename(`was/${name}`, `is/${name}`), [0])),
    action({
      kind: "remove-directory",
      on: "right",
      path: "was",
      rowPath: "was",
    }, names.map((_, n) => n + 1)),
  ];
  await at.run(plan);
  assert.notEqual(Deno.statSync(at.right.absolute("is")).ino, inode);
  assert.deepEqual(at.changes, [], "nothing is recorded");
});
