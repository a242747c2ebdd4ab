import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { StateDb } from "../lib/state_db.ts";
import { actionsAt, actionsOf, beginRun, endRun } from "../lib/state_runs.ts";
import { resultOf } from "./support/fake_result.ts";
import { file as fake } from "./support/literal_plans.ts";
import { file, MemoryOffice, type Office, write } from "./support/support.ts";

/** What a query gives. */
function ask(office: Office, sql: string): Record<string, unknown>[] {
  using db = new DatabaseSync(office.stateDb);
  return db.prepare(sql).all();
}

function count(office: Office, sql: string): number {
  return Number(ask(office, `SELECT count(*) AS n FROM ${sql}`)[0]?.n);
}

/** Lines of the log that a run wrote, and its id. */
async function logged(
  office: Office,
  ...args: readonly string[]
): Promise<
  { readonly lines: string[]; readonly id: string; readonly text: string }
> {
  const before = readLog(office).length;
  const { stdout, stderr } = await office.humbleHere(...args);
  const [{ id }] = ask(
    office,
    "SELECT id FROM runs ORDER BY rowid DESC LIMIT 1",
  ) as [{ id: string }];
  const lines = readLog(office).slice(before).split("\n");
  return { lines, id, text: stdout + stderr };
}

function readLog(office: Office): string {
  try {
    return Deno.readTextFileSync(office.log);
  } catch {
    return "";
  }
}

const MANY = 40;

/** Files that nobody may read. */
function locked(office: Office): string[] {
  const names = Array.from({ length: MANY }, (_, n) => `f${n}.txt`);
  for (const name of names) {
    write(office.left, { [name]: name });
    Deno.chmodSync(`${office.left}/${name}`, 0o000);
  }
  return names;
}

Deno.test("what can't be done, as before, is one row and one line with since when and how often", async () => {
  using office = new MemoryOffice();
  const names = locked(office);
  const first = await logged(office);
  const all = (lines: readonly string[]) =>
    lines.filter((line) => / failed="/.test(line)).length;
  assert.equal(all(first.lines), MANY);
  assert.doesNotMatch(first.text, /As before/);
  const second = await logged(office);
  const third = await logged(office);
  for (const [at, { lines, text }] of [second, third].entries()) {
    assert.equal(all(lines), 0);
    const standing = lines.filter((line) => line.includes("AS_BEFORE"));
    assert.equal(standing.length, 1, standing.join("\n"));
    assert.match(
      standing[0]!,
      new RegExp(
        `WARNING \\S+ AS_BEFORE COPY_LEFT_TO_RIGHT failed count=${MANY} ` +
          `since=\\S+Z since_run=${first.id} runs=${
            at + 2
          } first="f0.txt" why="`,
      ),
    );
    assert.match(text, new RegExp(`Failed, tried again next time: ${MANY}`));
    assert.match(
      text,
      new RegExp(`As before: ${MANY} of these, .* in ${at + 2} runs\\.`),
    );
  }
  assert.equal(count(office, "told"), MANY);
  const { actions, summary } = await office.json("history", second.id);
  assert.equal(actions.length, MANY);
  assert.equal(summary, undefined);
  assert.deepEqual(
    actions.map(({ path }: { path: string }) => path).sort(),
    [...names].sort(),
  );
  const told = await office.commandHere("history", third.id);
  assert.match(
    told.stdout,
    /failed: COPY_LEFT_TO_RIGHT f0\.txt .*, since .*, in 3 runs/,
  );
  const json = await office.humbleHere("--json");
  const document = JSON.parse(json.stdout);
  assert.equal(document.summary.failed, MANY);
  assert.equal(document.actions.length, MANY);
});

Deno.test("what is done at last ends there; what fails once more begins anew", async () => {
  using office = new MemoryOffice();
  locked(office);
  const first = await logged(office);
  const second = await logged(office);
  Deno.chmodSync(`${office.left}/f0.txt`, 0o644);
  const third = await logged(office);
  Deno.removeSync(`${office.right}/f0.txt`);
  write(office.left, { "f0.txt": "another" });
  Deno.chmodSync(`${office.left}/f0.txt`, 0o000);
  const fourth = await logged(office);
  const outcomes = async (id: string) => {
    const { actions } = await office.json("history", id);
    return actions.filter(({ path }: { path: string }) => path === "f0.txt")
      .map(({ outcome }: { outcome: string }) => outcome);
  };
  assert.deepEqual(await outcomes(first.id), ["failed"]);
  assert.deepEqual(await outcomes(second.id), ["failed"]);
  assert.deepEqual(await outcomes(third.id), ["done"]);
  assert.deepEqual(await outcomes(fourth.id), ["failed"]);
  assert.match(
    third.lines.join("\n"),
    new RegExp(`count=${MANY - 1} .*runs=3`),
  );
  assert.match(
    fourth.lines.join("\n"),
    /COPY_LEFT_TO_RIGHT path="f0\.txt".* failed="/,
  );
  assert.match(
    fourth.lines.join("\n"),
    new RegExp(`count=${MANY - 1} .*runs=4`),
  );
});

Deno.test("a run that a guard stopped neither ends nor counts what stands", async () => {
  using office = new MemoryOffice();
  locked(office);
  const first = await logged(office);
  Deno.renameSync(office.right, `${office.right}.away`);
  const stopped = await logged(office);
  Deno.renameSync(`${office.right}.away`, office.right);
  const third = await logged(office);
  assert.match(
    third.lines.join("\n"),
    new RegExp(`since_run=${first.id} runs=2`),
  );
  const { actions } = await office.json("history", stopped.id);
  assert.deepEqual(actions, []);
  assert.equal(count(office, "told"), MANY);
});

Deno.test("open conflicts and paths left alone, as before, are one line for all of a kind", async () => {
  using office = new MemoryOffice("conflict_policy: {new_new: notify}\n");
  const times = { left: "2024-03-01T10:00:00Z", right: "2024-03-02T10:00:00Z" };
  for (let n = 0; n < 20; n++) {
    for (const side of ["left", "right"] as const) {
      write(office[side], { [`c${n}`]: file(side, { mtime: times[side] }) });
    }
    Deno.symlinkSync("nowhere", `${office.left}/link${n}`);
  }
  const first = await logged(office);
  assert.equal(first.lines.filter((it) => / PROBLEM /.test(it)).length, 20);
  const second = await logged(office);
  const text = second.lines.join("\n");
  assert.doesNotMatch(text, /"c3"|"link3"/);
  assert.match(text, /AS_BEFORE conflict open count=20 .*runs=2 first="c0"/);
  assert.match(text, /AS_BEFORE PROBLEM side=left count=20 .*runs=2/);
  write(office.left, { c3: file("another", { mtime: times.left }) });
  Deno.removeSync(`${office.left}/link3`);
  const third = (await logged(office)).lines.join("\n");
  assert.match(third, /NOOP path="c3"/);
  assert.match(third, /AS_BEFORE conflict open count=19/);
  assert.match(third, /AS_BEFORE PROBLEM side=left count=19/);
  assert.equal(count(office, "problems"), 19);
});

const DAY_MS = 24 * 60 * 60 * 1000;

/** Adds a run of some days ago, with an action. */
function addRun(office: Office, id: string, daysAgo: number, code: number) {
  using db = new DatabaseSync(office.stateDb);
  const startedAt = Date.now() - daysAgo * DAY_MS;
  db.prepare(
    "INSERT INTO runs (id, started_at, finished_at, exit_code) VALUES (?, ?, ?, ?)",
  ).run(id, startedAt, startedAt, code);
  // One that ended long ago.
  db.prepare(
    "INSERT INTO told (run, seq, last, actions) VALUES (?, 0, 0, '{}')",
  ).run(id);
}

function runs(office: Office): unknown[] {
  return ask(office, "SELECT id FROM runs ORDER BY started_at")
    .map(({ id }) => id);
}

Deno.test("runs of more than 400 days ago go, with what they did", async () => {
  using office = new MemoryOffice();
  await office.run();
  {
    using db = new DatabaseSync(office.stateDb);
    db.exec("DELETE FROM runs");
  }
  addRun(office, "oldest", 900, 0);
  addRun(office, "old", 401, 1);
  addRun(office, "young", 399, 1);
  await office.run();
  const { id } = await office.run();
  const kept = runs(office);
  assert.equal(kept[0], "young");
  assert.equal(kept.at(-1), id);
  assert.deepEqual(
    ask(office, "SELECT run FROM told").map(({ run }) => run),
    [
      "young",
    ],
  );
});

Deno.test("the last good run stays, however old it is", async () => {
  using office = new MemoryOffice();
  await office.run();
  using db = new DatabaseSync(office.stateDb);
  db.exec("DELETE FROM runs");
  addRun(office, "good before", 900, 0);
  addRun(office, "last good", 800, 0);
  addRun(office, "bad", 700, 1);
  Deno.renameSync(office.right, `${office.right}.away`);
  await office.run();
  await office.run();
  assert.deepEqual(runs(office).slice(0, -2), ["last good"]);
  assert.equal(count(office, "told"), 1);
});

Deno.test("one run with a clock that is years ahead removes no past runs", async () => {
  using office = new MemoryOffice();
  await office.run();
  addRun(office, "yesterday", 1, 1);
  await office.run({ startedAtMs: Date.now() + 1000 * DAY_MS });
  assert.ok(runs(office).includes("yesterday"));
});

Deno.test("what stands for more than 400 days is told since then", async () => {
  using office = new MemoryOffice();
  locked(office);
  const first = await logged(office);
  using db = new DatabaseSync(office.stateDb);
  db.exec(`UPDATE runs SET started_at = started_at - ${500 * DAY_MS}`);
  await logged(office);
  const third = await logged(office);
  assert.match(
    third.lines.join("\n"),
    new RegExp(`since_run=${first.id} runs=3`),
  );
  const { actions } = await office.json("history", third.id);
  assert.equal(actions.length, MANY);
});

Deno.test("what a run of very many actions did is told whole, in order", () => {
  const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  using db = new StateDb(`${folder}/state.db`, { isReadOnly: false });
  const result = resultOf({ left: { a: fake("1") } });
  const [first] = result.outcomes;
  const outcomes = Array.from({ length: 120_000 }, (_, n) => ({
    ...first!,
    action: { ...first!.action, path: `f${n}` },
  }));
  beginRun(db, result.id, result.startedAtMs, "sync");
  endRun(db, { ...result, outcomes });
  assert.deepEqual(
    actionsOf(db, result.id).map(({ path }) => path),
    outcomes.map(({ action }) => action.path),
  );
  assert.equal(actionsAt(db, "f119999", 9).length, 1);
  Deno.removeSync(folder, { recursive: true });
});
