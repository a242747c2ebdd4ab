import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { filesHere } from "../lib/files_handlers.ts";
import { timeMark } from "../lib/names.ts";
import { pruneOld } from "../lib/run_retention.ts";
import type { RunResult } from "../lib/run_types.ts";
import { StateDb } from "../lib/state_db.ts";
import { snapshot } from "./support/snapshot.ts";
import {
  MemoryOffice,
  type Office,
  softDeleted,
  type Tree,
  write,
} from "./support/support.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Puts a tree where a run so many days ago would have soft-deleted it. */
function softDeletedBefore(
  root: string,
  days: number,
  pair: string,
  tree: Tree,
): string {
  const name = `${timeMark(Date.now() - days * DAY_MS)}-${pair}`;
  write(root, { ".office-sync": { deleted: { [name]: tree } } });
  const folder = `${root}/.office-sync/deleted/${name}`;
  setTime(folder, days);
  return folder;
}

/** Makes a folder as old as a run so many days ago would have left it. */
function setTime(folder: string, days: number): void {
  const at = new Date(Date.now() - days * DAY_MS);
  Deno.utimeSync(folder, at, at);
}

/** A run so many days ago, by its clock. */
function runBefore(office: Office, days: number): Promise<RunResult> {
  return office.agree({ startedAtMs: Date.now() - days * DAY_MS });
}

function pairOf(office: Office): string {
  using db = new DatabaseSync(office.stateDb);
  return String(
    db.prepare("SELECT value FROM meta WHERE key = 'pair'").get()?.value,
  );
}

/** An office that has met, with a limit of so many days. */
async function agreedOffice(days: number): Promise<Office> {
  const office = new MemoryOffice();
  await office.agree();
  office.configure(`soft_delete: { retention_days: ${days} }`);
  return office;
}

Deno.test("a run removes what its own runs soft-deleted longer ago than retention_days, on both sides, and says so", async () => {
  using office = await agreedOffice(30);
  const pair = pairOf(office);
  for (const root of [office.left, office.right]) {
    softDeletedBefore(root, 33, pair, {
      old: "12345",
      d: { e: { old2: "1" } },
    });
    softDeletedBefore(root, 34, `${pair}-2`, { numbered: "1" });
    softDeletedBefore(root, 29, pair, { young: "1" });
    softDeletedBefore(root, 99, "other1", { others: "1" });
    softDeletedBefore(root, -1, pair, { future: "1" });
    write(root, { ".office-sync": { deleted: { mine: { own: "1" } } } });
  }
  await runBefore(office, 1.1);
  const { code, stdout } = await office.commandHere();
  assert.equal(code, 0);
  const line = /^6 old soft-deleted files removed for good: 14 bytes freed\.$/m;
  assert.match(stdout, line);
  const log = Deno.readTextFileSync(office.log);
  assert.match(log, / INFO .* 6 old soft-deleted files removed for good/);
  for (const root of [office.left, office.right]) {
    const left = { young: "1", others: "1", future: "1", own: "1" };
    assert.deepEqual(softDeleted(root), left);
    const folders = [...Deno.readDirSync(`${root}/.office-sync/deleted`)];
    assert.equal(folders.length, 4, "empty folders go too");
  }
  assert.doesNotMatch((await office.commandHere()).stdout, /soft-deleted/);
});

Deno.test("retention_days 0 keeps everything, and a plan removes nothing", async () => {
  using office = await agreedOffice(0);
  softDeletedBefore(office.right, 9999, pairOf(office), { old: "1" });
  const before = snapshot(office.right);
  await office.commandHere();
  assert.deepEqual(snapshot(office.right), before);
  office.configure("soft_delete: { retention_days: 1 }");
  assert.equal((await office.commandHere("plan")).code, 0);
  assert.deepEqual(snapshot(office.right), before);
});

Deno.test("a run that a guard stops removes nothing", async () => {
  using office = new MemoryOffice();
  write(office.left, { a: "1" });
  await office.agree();
  softDeletedBefore(office.right, 9, pairOf(office), { old: "1" });
  Deno.removeSync(`${office.left}/a`);
  office.configure(
    "soft_delete: { retention_days: 1 }\n" +
      "safety: { max_delete_percent: 0, max_delete_files: 0 }",
  );
  assert.equal((await office.commandHere()).code, 3);
  assert.deepEqual(softDeleted(office.right), { old: "1" });
});

Deno.test("old soft-deleted files are removed without following links", async () => {
  using office = await agreedOffice(1);
  const outside = `${office.folder}/outside`;
  Deno.mkdirSync(outside);
  write(outside, { mine: "1", d: { mine: "2" } });
  const run = softDeletedBefore(office.left, 9, pairOf(office), { old: "1" });
  Deno.symlinkSync(outside, `${run}/folder`);
  Deno.symlinkSync(`${outside}/mine`, `${run}/file`);
  const linked = softDeletedBefore(office.right, 9, pairOf(office), {});
  Deno.removeSync(linked);
  Deno.symlinkSync(`${outside}/d`, linked);
  setTime(run, 9);
  await runBefore(office, 2);
  const { code } = await office.commandHere();
  assert.equal(code, 0);
  assert.throws(() => Deno.lstatSync(run), Deno.errors.NotFound);
  assert.equal(Deno.readTextFileSync(`${outside}/mine`), "1");
  assert.equal(Deno.readTextFileSync(`${outside}/d/mine`), "2");
});

Deno.test("nothing is removed through a link in the place of the soft-delete folder", async () => {
  using office = await agreedOffice(1);
  const outside = `${office.folder}/outside`;
  const run = softDeletedBefore(office.right, 9, pairOf(office), { old: "1" });
  Deno.renameSync(`${office.right}/.office-sync/deleted`, outside);
  Deno.symlinkSync(outside, `${office.right}/.office-sync/deleted`);
  await runBefore(office, 2);
  await office.commandHere();
  const name = run.slice(run.lastIndexOf("/") + 1);
  assert.equal(Deno.readTextFileSync(`${outside}/${name}/old`), "1");
});

Deno.test("what can't be removed is a warning, and the rest is removed", async () => {
  using office = await agreedOffice(1);
  const run = softDeletedBefore(office.right, 9, pairOf(office), {
    a: { stuck: "1", stuck2: "2" },
    b: "3",
  });
  Deno.chmodSync(`${run}/a`, 0o555);
  await runBefore(office, 2);
  const { code, stdout, stderr } = await office.humbleHere();
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^Old soft-deleted files could not be removed: .*\/a\/stuck2? \(access is denied: .* \(EACCES\)\), and 1 more\.$/m,
  );
  assert.match(stdout, /^1 old soft-deleted file removed for good: 1 byte /m);
  assert.match(Deno.readTextFileSync(office.log), / WARNING .*not be removed/);
  assert.deepEqual(softDeleted(office.right), {
    "a/stuck": "1",
    "a/stuck2": "2",
  });
  Deno.chmodSync(`${run}/a`, 0o755);
  // What is left is as old as before, and goes with the next run.
  assert.match(
    (await office.commandHere()).stdout,
    /^2 old soft-deleted files rem/m,
  );
});

Deno.test("of the clocks of PC and share the slower one counts", async () => {
  using office = await agreedOffice(1);
  softDeletedBefore(office.left, 9, pairOf(office), { old: "1" });
  softDeletedBefore(office.right, 9, pairOf(office), { old: "1" });
  using db = new StateDb(office.stateDb, { isReadOnly: false });
  const traits = JSON.parse(db.meta("traits_right") ?? "");
  const slow = { ...traits, clockOffsetMs: -30 * DAY_MS };
  db.setMeta("traits_right", JSON.stringify(slow));
  const paths = { left: office.left, right: office.right };
  const prune = (startedAtMs: number) =>
    pruneOld(filesHere(paths), db, {
      startedAtMs,
      paths,
      softDelete: { retentionDays: 1, maxTotalBytes: 0 },
      onWarning: (text) => assert.fail(text),
    });
  assert.deepEqual(await prune(Date.now() - 2 * DAY_MS), {
    files: 0,
    bytes: 0,
  });
  assert.deepEqual(await prune(Date.now()), { files: 1, bytes: 1 });
  assert.deepEqual(softDeleted(office.right), { old: "1" });
});

/** Files of one run's folder on Right, while nothing else is there. */
async function withOld(days: number): Promise<Office> {
  const office = await agreedOffice(30);
  softDeletedBefore(office.right, days, pairOf(office), { old: "1" });
  return office;
}

function isKept(office: Office): boolean {
  return Object.keys(softDeleted(office.right)).length > 0;
}

/** Days before now of runs in a row, and whether the last removes it. */
const RUNS: readonly [string, number, readonly number[], boolean][] = [
  ["the first run that finds it too old leaves it", 40, [0], false],
  ["a second run within a day leaves it", 40, [0.9, 0.5, 0], false],
  ["a second run a day later removes it", 40, [1, 0], true],
  ["many runs in a day are as one", 40, [1.01, 0.9, 0.6, 0.3, 0], true],
  ["what was young a day before is left", 30.5, [1, 0], false],
  ["one run in 2031 removes nothing", 10, [0.2, -1800, 0], false],
  ["of two runs in 2031 neither removes it", 10, [0, -1800, -1800.5], false],
  ["runs in 2031, then right again, remove nothing", 10, [
    -1800,
    -1800.5,
    0.1,
    -1799,
    0,
  ], false],
  ["after a run in 2031 what is old goes a day later", 40, [
    -1800,
    1,
    0,
  ], true],
  ["after a run in 2031 what is old does not go at once", 40, [
    -1800,
    0,
  ], false],
  ["one run in 2001 removes nothing", 10, [0.2, 9000, 0], false],
  ["after a run in 2001 what is old goes a day later", 40, [
    2,
    9000,
    1,
    0,
  ], true],
  ["a run between that finds it young begins anew", 40, [2, 9000, 0], false],
];

for (const [what, age, runs, isRemoved] of RUNS) {
  Deno.test(`retention: ${what}`, async () => {
    using office = await withOld(age);
    for (const [n, days] of runs.entries()) {
      assert.ok(isKept(office), `before run ${n}`);
      await runBefore(office, days);
    }
    assert.equal(isKept(office), !isRemoved);
  });
}

for (
  const [what, runs] of [
    ["a run in 2001 deletes", [9000]],
    ["the second of two runs in 2001 deletes", [9001, 9000]],
    ["a run in 2001 deletes after one in 2031", [-1800, 9000]],
  ] as const
) {
  Deno.test(`what ${what} is kept as long as anything else, by the runs before`, async () => {
    using office = await agreedOffice(30);
    write(office.left, { a: "1", b: "2" });
    await runBefore(office, 20);
    for (const days of runs.slice(0, -1)) await runBefore(office, days);
    Deno.removeSync(`${office.left}/a`);
    await runBefore(office, runs.at(-1)!);
    const deleted = `${office.right}/.office-sync/deleted`;
    const [{ name }] = [...Deno.readDirSync(deleted)] as [Deno.DirEntry];
    assert.match(name, /^200\d/);
    // As if the disk went by the same clock.
    setTime(`${deleted}/${name}`, 9000);
    for (const days of [19, 17, 15, 2, 0]) await runBefore(office, days);
    assert.deepEqual(softDeleted(office.right), { a: "1" });
    for (const days of [-11, -12.5]) await runBefore(office, days);
    const isEndless = runs[0] < 0;
    assert.deepEqual(softDeleted(office.right), isEndless ? { a: "1" } : {});
  });
}

Deno.test("what the disk says of a folder of an earlier run counts, where it is later", async () => {
  using office = await withOld(400);
  const folder = `${office.right}/.office-sync/deleted`;
  const [{ name }] = [...Deno.readDirSync(folder)] as [Deno.DirEntry];
  setTime(`${folder}/${name}`, 20);
  for (const days of [2, 0]) await runBefore(office, days);
  assert.ok(isKept(office));
  for (const days of [-11, -13]) await runBefore(office, days);
  assert.ok(!isKept(office));
});

Deno.test("a run without retention between is a run that found nothing too old", async () => {
  using office = await withOld(40);
  await runBefore(office, 3);
  office.configure("soft_delete: { retention_days: 0 }");
  await runBefore(office, 2);
  office.configure("soft_delete: { retention_days: 30 }");
  await runBefore(office, 1);
  assert.ok(isKept(office));
  await runBefore(office, 0);
  assert.ok(!isKept(office));
});

/** An office that has met, with room for so many bytes. */
async function roomyOffice(bytes: number): Promise<Office> {
  const office = new MemoryOffice();
  await office.agree();
  office.configure(`soft_delete: { max_total_mb: ${bytes / 1_048_576} }`);
  return office;
}

Deno.test("beyond max_total_mb the oldest go, on each side for itself, by the second run, a day later", async () => {
  using office = await roomyOffice(10);
  const pair = pairOf(office);
  softDeletedBefore(office.left, 9, pair, { oldest: "12345" });
  softDeletedBefore(office.left, 8, pair, { old: "1234", d: { more: "12" } });
  softDeletedBefore(office.left, 7, pair, { young: "1234" });
  softDeletedBefore(office.left, 99, "other1", { others: "1".repeat(99) });
  softDeletedBefore(office.right, 9, pair, { a: "12345" });
  softDeletedBefore(office.right, 8, pair, { b: "12345" });
  const all = softDeleted(office.left);
  await runBefore(office, 1.1);
  await runBefore(office, 0.2);
  assert.deepEqual(softDeleted(office.left), all);
  const { code, stdout } = await office.commandHere();
  assert.equal(code, 0);
  assert.match(stdout, /^1 old soft-deleted file removed for good: 5 bytes/m);
  const { oldest: _, ...rest } = all;
  assert.deepEqual(softDeleted(office.left), rest);
  assert.deepEqual(softDeleted(office.right), { a: "12345", b: "12345" });
  // There is room again: nothing more goes.
  await runBefore(office, -2);
  assert.deepEqual(softDeleted(office.left), rest);
});

Deno.test("what does not fit goes with all that is older, the newest that fit stay, and room that is made meanwhile keeps them", async () => {
  using office = await roomyOffice(5);
  const pair = pairOf(office);
  softDeletedBefore(office.left, 9, pair, { small: "1" });
  const large = softDeletedBefore(office.left, 8, pair, { large: "123456" });
  softDeletedBefore(office.left, 7, pair, { young: "12" });
  await runBefore(office, 3);
  Deno.removeSync(large, { recursive: true });
  await runBefore(office, 1.5);
  await runBefore(office, 0);
  assert.deepEqual(softDeleted(office.left), { small: "1", young: "12" });
  softDeletedBefore(office.left, 8, pair, { large: "123456" });
  await runBefore(office, -1);
  await runBefore(office, -2.1);
  assert.deepEqual(softDeleted(office.left), { young: "12" });
});

Deno.test("max_total_mb goes by the latest time that anything tells, and 0 is no limit", async () => {
  using office = await roomyOffice(5);
  const pair = pairOf(office);
  // The clock of its run was behind by years, and it is the newest.
  const folder = softDeletedBefore(office.left, 9999, pair, { newest: "1234" });
  setTime(folder, 1);
  softDeletedBefore(office.left, 5, pair, { old: "1234" });
  await runBefore(office, 0);
  await runBefore(office, -1.1);
  assert.deepEqual(softDeleted(office.left), { newest: "1234" });
  office.configure("soft_delete: { max_total_mb: 0 }");
  softDeletedBefore(office.left, 7, pair, { more: "1".repeat(99) });
  await runBefore(office, -3);
  await runBefore(office, -5);
  assert.equal(Object.keys(softDeleted(office.left)).length, 2);
});
