import assert from "node:assert/strict";
import { StateDb } from "../lib/state_db.ts";
import { file, MemoryOffice } from "./support/support.ts";

/** The command `history`, through the real command. */

Deno.test("history: nothing before the first run", async () => {
  using office = new MemoryOffice();
  const { code, stdout } = await office.commandHere("history");
  assert.deepEqual([code, stdout], [0, "There was no run yet.\n"]);
  assert.deepEqual(await office.json("history"), { runs: [] });
  assert.deepEqual(
    [...Deno.readDirSync(office.folder)].map(({ name }) => name).sort(),
    ["config.yaml", "left", "right"],
  );
});

Deno.test("history: runs, newest first, with times, counts, exit code and what stopped them", async () => {
  using office = new MemoryOffice();
  office.write({ left: { "a.txt": "a", d: { "b.txt": "b" } } });
  const first = await office.json("sync");
  Deno.removeSync(`${office.left}/a.txt`);
  const second = await office.json("sync");
  Deno.renameSync(office.right, `${office.right}-away`);
  const third = await office.json("sync");
  const { runs } = await office.json("history");
  const expected = [third, second, first].map(({ run, guard, summary }) => ({
    id: run.id,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    exitCode: run.exitCode,
    stoppedBy: guard ? "roots" : null,
    summary,
  }));
  const told = runs.map((
    { stoppedBy, ...run }: { stoppedBy: string | null },
  ) => ({ ...run, stoppedBy: stoppedBy && stoppedBy.split(":")[0] }));
  assert.deepEqual(told, expected);
  const { stdout } = await office.commandHere("history");
  const lines = stdout.split("\n");
  assert.match(lines[0]!, / s {2}exit 3 {2}stopped$/);
  assert.match(lines[1]!, /^ {4}roots: right_root .* does not exist/);
  assert.match(lines[2]!, /exit 0 {2}soft-deleted 1$/);
  assert.match(lines[3]!, /exit 0 {2}copied 2, folders created 1$/);
  const limited = await office.json("history", "--limit", "2");
  assert.deepEqual(limited.runs, runs.slice(0, 2));
});

Deno.test("history RUN: the actions of one, by a unique beginning of its id", async () => {
  using office = new MemoryOffice();
  office.write({ left: { "a.txt": file("abc"), "line\nbreak": "x" } });
  const { run, actions, summary } = await office.json("sync");
  const start = run.id.slice(0, 17);
  const document = await office.json("history", start);
  assert.deepEqual(document.run, {
    id: run.id,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    exitCode: 0,
    stoppedBy: null,
    summary,
  });
  assert.deepEqual(document.actions, actions, "as the run told them");
  const { stdout } = await office.commandHere("history", run.id);
  assert.match(
    stdout,
    /^ {2}done: COPY_LEFT_TO_RIGHT a.txt {2}\[new on Left; rule 5.9, 3 bytes\]$/m,
  );
  assert.match(stdout, /COPY_LEFT_TO_RIGHT line\\nbreak /);
});

Deno.test("history RUN: no such run, or more than one, is wrong use", async () => {
  using office = new MemoryOffice();
  for (let n = 0; n < 7; n++) await office.run();
  const none = await office.commandHere("history", "nope");
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^No run has an id that begins with "nope"\.\n/);
  const many = await office.commandHere("history", "2");
  assert.equal(many.code, 2);
  assert.match(many.stderr, /^7 runs begin with "2": \S+, .*, …\.\n/);
  // Nothing in it is a pattern.
  const wild = await office.commandHere("history", "%");
  assert.match(wild.stderr, /^No run has an id that begins with "%"/);
  const error = await office.json("history", "2");
  assert.equal(error.error.code, 2);
});

Deno.test("history: an id that is another's beginning is still one run's", async () => {
  using office = new MemoryOffice();
  await office.run();
  {
    using db = new StateDb(office.stateDb, { isReadOnly: false });
    for (const id of ["20240101-0", "20240101-01"]) {
      db.run("INSERT INTO runs (id, started_at) VALUES (?, 1)", id);
    }
  }
  const { run } = await office.json("history", "20240101-0");
  assert.equal(run.id, "20240101-0");
  assert.deepEqual(
    [run.finishedAt, run.exitCode, run.summary],
    [null, null, null],
  );
  const { stdout } = await office.commandHere("history", "20240101-01");
  assert.match(stdout, /not finished: it goes on still, or was cut off/);
});

Deno.test("history: a damaged state DB stops it, in one line and what to do", async () => {
  using office = new MemoryOffice();
  Deno.writeTextFileSync(office.stateDb, "no database at all, but long enough");
  const { code, stderr } = await office.commandHere("history");
  assert.equal(code, 3);
  assert.match(stderr, /^The state DB .* is damaged/);
});
