import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { timeMark } from "../lib/names.ts";
import { pruneOld } from "../lib/retention.ts";
import { StateDb } from "../lib/state_db.ts";
import { snapshot } from "./snapshot.ts";
import { Office, softDeleted, type Tree, write } from "./support.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Puts a tree where a run so many days ago would have kept it. */
function keptBefore(
  root: string,
  days: number,
  pair: string,
  tree: Tree,
): string {
  const name = `${timeMark(Date.now() - days * DAY_MS)}-${pair}`;
  write(root, { ".office-sync": { deleted: { [name]: tree } } });
  return `${root}/.office-sync/deleted/${name}`;
}

function pairOf(office: Office): string {
  using db = new DatabaseSync(office.stateDb);
  return String(
    db.prepare("SELECT value FROM meta WHERE key = 'pair'").get()?.value,
  );
}

/** An office that has met, with a limit of so many days. */
async function settled(days: number): Promise<Office> {
  const office = new Office();
  await office.settle();
  office.configure(`soft_delete: { retention_days: ${days} }`);
  return office;
}

Deno.test("a run removes what its own runs soft-deleted longer ago than retention_days, on both sides, and says so", async () => {
  using office = await settled(30);
  const pair = pairOf(office);
  for (const root of [office.left, office.right]) {
    keptBefore(root, 31, pair, { old: "12345", d: { e: { old2: "1" } } });
    keptBefore(root, 32, `${pair}-2`, { numbered: "1" });
    keptBefore(root, 29, pair, { young: "1" });
    keptBefore(root, 99, "other1", { others: "1" });
    keptBefore(root, -1, pair, { future: "1" });
    write(root, { ".office-sync": { deleted: { mine: { own: "1" } } } });
  }
  const { code, stdout } = await office.command();
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
  assert.doesNotMatch((await office.command()).stdout, /soft-deleted/);
});

Deno.test("retention_days 0 keeps everything, and a plan removes nothing", async () => {
  using office = await settled(0);
  keptBefore(office.right, 9999, pairOf(office), { old: "1" });
  const before = snapshot(office.right);
  await office.command();
  assert.deepEqual(snapshot(office.right), before);
  office.configure("soft_delete: { retention_days: 1 }");
  assert.equal((await office.command("plan")).code, 0);
  assert.deepEqual(snapshot(office.right), before);
});

Deno.test("a run that a guard stops removes nothing", async () => {
  using office = new Office();
  write(office.left, { a: "1" });
  await office.settle();
  keptBefore(office.right, 9, pairOf(office), { old: "1" });
  Deno.removeSync(`${office.left}/a`);
  office.configure(
    "soft_delete: { retention_days: 1 }\n" +
      "safety: { max_delete_percent: 0, max_delete_files: 0 }",
  );
  assert.equal((await office.command()).code, 3);
  assert.deepEqual(softDeleted(office.right), { old: "1" });
});

Deno.test("nothing is removed while the clock is behind the last run", async () => {
  using office = await settled(1);
  keptBefore(office.right, 9, pairOf(office), { old: "1" });
  {
    using db = new DatabaseSync(office.stateDb);
    db.exec("UPDATE runs SET started_at = started_at + 86400000");
  }
  const { code, stderr } = await office.command();
  assert.equal(code, 0);
  assert.match(stderr, /^The clock is behind the last run: no old /m);
  assert.deepEqual(softDeleted(office.right), { old: "1" });
});

Deno.test("old soft-deleted files are removed without following links", async () => {
  using office = await settled(1);
  const outside = `${office.folder}/outside`;
  Deno.mkdirSync(outside);
  write(outside, { mine: "1", d: { mine: "2" } });
  const run = keptBefore(office.left, 9, pairOf(office), { old: "1" });
  Deno.symlinkSync(outside, `${run}/folder`);
  Deno.symlinkSync(`${outside}/mine`, `${run}/file`);
  const linked = keptBefore(office.right, 9, pairOf(office), {});
  Deno.removeSync(linked);
  Deno.symlinkSync(`${outside}/d`, linked);
  const { code } = await office.command();
  assert.equal(code, 0);
  assert.throws(() => Deno.lstatSync(run), Deno.errors.NotFound);
  assert.equal(Deno.readTextFileSync(`${outside}/mine`), "1");
  assert.equal(Deno.readTextFileSync(`${outside}/d/mine`), "2");
});

Deno.test("nothing is removed through a link in the place of the soft-delete folder", async () => {
  using office = await settled(1);
  const outside = `${office.folder}/outside`;
  const run = keptBefore(office.right, 9, pairOf(office), { old: "1" });
  Deno.renameSync(`${office.right}/.office-sync/deleted`, outside);
  Deno.symlinkSync(outside, `${office.right}/.office-sync/deleted`);
  await office.command();
  const name = run.slice(run.lastIndexOf("/") + 1);
  assert.equal(Deno.readTextFileSync(`${outside}/${name}/old`), "1");
});

Deno.test("what can't be removed is a warning, and the rest is removed", async () => {
  using office = await settled(1);
  const run = keptBefore(office.right, 9, pairOf(office), {
    a: { stuck: "1", stuck2: "2" },
    b: "3",
  });
  Deno.chmodSync(`${run}/a`, 0o555);
  const { code, stdout, stderr } = await office.humbleCommand();
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^Old soft-deleted files could not be removed: .*\/a\/stuck2? \(access is denied \(EACCES\)\), and 1 more\.$/m,
  );
  assert.match(stdout, /^1 old soft-deleted file removed for good: 1 byte /m);
  assert.match(Deno.readTextFileSync(office.log), / WARNING .*not be removed/);
  assert.deepEqual(softDeleted(office.right), {
    "a/stuck": "1",
    "a/stuck2": "2",
  });
  Deno.chmodSync(`${run}/a`, 0o755);
});

Deno.test("of the clocks of PC and share the slower one counts", async () => {
  using office = await settled(1);
  keptBefore(office.left, 9, pairOf(office), { old: "1" });
  keptBefore(office.right, 9, pairOf(office), { old: "1" });
  using db = new StateDb(office.stateDb, { isReadOnly: false });
  const habits = JSON.parse(db.meta("habits_right") ?? "");
  const slow = { ...habits, clockOffsetMs: -30 * DAY_MS };
  db.setMeta("habits_right", JSON.stringify(slow));
  const pruned = pruneOld(db, {
    run: "run",
    startedAtMs: Date.now(),
    paths: { left: office.left, right: office.right },
    retentionDays: 1,
    onWarning: (text) => assert.fail(text),
  });
  assert.deepEqual(pruned, { files: 1, bytes: 1 });
  assert.deepEqual(softDeleted(office.right), { old: "1" });
});
