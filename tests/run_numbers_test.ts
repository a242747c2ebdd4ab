import assert from "node:assert/strict";
import { loadConfig } from "../lib/config_loader.ts";
import { StateDb } from "../lib/state_db.ts";
import { snapshot } from "./support/snapshot.ts";
import { actions, describe, Office, write } from "./support/support.ts";
import { intercept, systemError } from "./support/two_roots.ts";

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
  const office = new Office();
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.settle();
  write(office.left, { "old.txt": "old" });
  await office.settle();
  for (const place of placesOf(office)) copy(place, `${place}.kept`);
  // What a backup of that day does not have.
  write(office.left, { "a.txt": "edited" });
  write(office.right, { "new.txt": "new" });
  Deno.removeSync(`${office.right}/old.txt`);
  await office.settle();
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
  const met = await office.settle({ acceptRoots: true });
  assert.deepEqual(actions(met).filter((it) => it.includes("DELETE")), []);
  const { left, right } = office.trees();
  assert.deepEqual(left, right);
  assert.deepEqual(Object.values(left).sort(), [...contents].sort());
  // And it goes on from there.
  assert.deepEqual(actions(await office.settle()), []);
  write(office.left, { "later.txt": "later" });
  Deno.removeSync(`${office.right}/b.txt`);
  await office.settle();
  await office.settle();
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
  assert.deepEqual(actions(await office.settle()), []);
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
  assert.deepEqual(actions(await office.settle()), []);
  write(office.left, { "c.txt": "c" });
  await office.settle();
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
    await office.settle({ acceptRoots: true });
    write(office.left, { "c.txt": "c" });
    await office.settle();
    await office.settle();
  });
}

Deno.test("a run that has nothing to do leaves the numbers alone, also one that only looks at young files again", async () => {
  using office = new Office();
  write(office.left, { "a.txt": "a" });
  await office.settle();
  const before = [office.left, office.right].map((it) => snapshot(it));
  for (let n = 0; n < 3; n++) await office.settle();
  const now = [office.left, office.right].map((it) => snapshot(it));
  assert.deepEqual(now, before);
  assert.deepEqual([numberOn(office, "left"), numberOn(office, "right")], [
    "1",
    "1",
  ]);
  assert.equal((await office.command("--verbose")).code, 0);
  assert.equal(numberOn(office, "right"), "1");
});

Deno.test("two folders that were the same at their first meeting have a number, too", async () => {
  using office = new Office();
  const mtime = { mtime: "2026-01-01" };
  for (const root of [office.left, office.right]) {
    write(root, { "a.txt": "a" });
    Deno.utimeSync(`${root}/a.txt`, new Date(mtime.mtime), 1e9);
  }
  copy(office.right, `${office.right}.kept`);
  await office.settle();
  assert.equal(numberOn(office, "right"), "1");
  // The same edit on both sides is nothing but a new record.
  for (const root of [office.left, office.right]) {
    write(root, { "a.txt": "edited" });
  }
  await office.settle();
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
      using office = new Office();
      write(office.left, { "a.txt": "a" });
      if (!isFirst) await office.settle();
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
      await office.settle();
      assert.deepEqual(office.trees(), { left, right: left });
      await office.settle();
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
    using office = new Office();
    write(office.left, { "a.txt": "a" });
    await office.settle();
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
    assert.deepEqual(actions(await office.settle()), []);
    write(office.left, { "c.txt": "c" });
    await office.settle();
    assert.equal(numberOn(office, side), "3");
  });
}

async function runTelling(office: Office, warnings: string[]) {
  const { newRunId, runSync } = await import("../lib/run.ts");
  const { LocalScans } = await import("./support/local_scans.ts");
  using _ = new LocalScans();
  return await runSync(newRunId(Date.now()), await loadConfig(office.config), {
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
  using office = new Office();
  write(office.left, { "a.txt": "a" });
  await office.settle();
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
  await office.settle();
});

Deno.test("several PCs with one Right have a number each: one restored PC is the other's business", async () => {
  using one = new Office();
  using two = new Office();
  const shared = `left_root: ${two.left}\nright_root: ${one.right}\n`;
  Deno.writeTextFileSync(two.config, shared);
  write(one.left, { "a.txt": "a" });
  await one.settle();
  await two.settle();
  copy(two.stateDb, `${two.stateDb}.kept`);
  for (let n = 0; n < 3; n++) {
    write(two.left, { [`b${n}.txt`]: "b" });
    await two.settle();
    await one.settle();
  }
  const pairs = `${one.right}/.office-sync/pairs`;
  assert.equal([...Deno.readDirSync(pairs)].length, 2);
  bringBack(two.stateDb);
  const { stop } = await two.run();
  assert.equal(stop?.name, "rolled back");
  write(one.left, { "c.txt": "c" });
  await one.settle();
  await two.settle({ acceptRoots: true });
  await one.settle();
  await two.settle();
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
    const { code, stdout } = await office.command(command, "--json");
    assert.equal(code, 3);
    const { guard, actions } = JSON.parse(stdout);
    assert.equal(guard.name, "rolled back");
    assert.match(guard.reason, /^Right is older than at the last run/);
    assert.deepEqual(actions, []);
  }
  const doctor = await office.command("doctor");
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /Right is older than at the last run that/);
  assert.match(doctor.stdout, /--accept-roots/);
  assert.equal((await office.command("--accept-roots")).code, 0);
});
