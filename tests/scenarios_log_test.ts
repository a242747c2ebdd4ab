import assert from "node:assert/strict";
import {
  commandScenario as scenario,
  LONG_AGO,
  type Stage,
} from "./support/scenario.ts";
import { file } from "./support/support.ts";

/** The lines of one run in the log, each without time, level and run id. */
function linesOf(stage: Stage, run: string, level: string): string[] {
  const begin = new RegExp(
    `^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z ${level} ${run} `,
  );
  return Deno.readTextFileSync(stage.office.log).split("\n")
    .filter((line) => begin.test(line))
    .map((line) => line.replace(begin, ""));
}

const ALONE = { isMirrored: false } as const;

scenario(
  "the log has one INFO line per action, with rule, reason and size",
  async (stage) => {
    await stage.begin({ "a.txt": "a", "gone.txt": "gone", "was.txt": "w" });
    stage.write({ left: { "a.txt": "edited", d: { "new file.txt": "new" } } });
    stage.remove("left", "gone.txt");
    stage.rename("left", "was.txt", "is.txt");
    const { document } = await stage.ends(0);
    const lines = linesOf(stage, document.run.id, "INFO");
    const told = lines.filter((line) => /^[A-Z_]+ path=/.test(line))
      .map((line) => line.replace(/deleted\/[^/]+\//, "deleted/"));
    assert.deepEqual(told.sort(), [
      'COPY_LEFT_TO_RIGHT path="a.txt" rule=5.3 reason="changed on Left" size=6',
      'COPY_LEFT_TO_RIGHT path="d/new file.txt" rule=5.9 reason="new on Left" size=3',
      'CREATE_DIR_RIGHT path="d" rule=5.9 reason="new on Left" size=-',
      'RENAME_RIGHT path="was.txt" new_path="is.txt" rule=5.11 ' +
      'reason="name changed on Left" size=1',
      'SOFT_DELETE_RIGHT path="gone.txt" new_path=".office-sync/deleted/gone.txt" ' +
      'rule=5.7 reason="deleted on Left" size=4',
    ]);
    assert.match(lines[0]!, /run started/);
    assert.match(lines.at(-1)!, /exit code 0/);
  },
  ALONE,
);

scenario(
  "each line of the log has time, level and the run's id",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    const ids: string[] = [];
    for (const name of ["b.txt", "c.txt"]) {
      stage.write({ left: { [name]: name } });
      ids.push((await stage.ends(0)).document.run.id);
    }
    const lines = Deno.readTextFileSync(stage.office.log).trimEnd().split("\n");
    const of = (line: string) =>
      /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:INFO|WARNING|ERROR) (\S+) \S/.exec(line)
        ?.[1];
    assert.deepEqual([...new Set(lines.map(of))], ids);
    for (const [index, id] of ids.entries()) {
      const copies = lines.filter((line) =>
        of(line) === id && line.includes("COPY")
      );
      assert.equal(copies.length, 1);
      assert.ok(copies[0]!.includes(["b.txt", "c.txt"][index]!));
    }
  },
  ALONE,
);

scenario(
  "the log has a WARNING for each path that is left alone",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    Deno.symlinkSync("a.txt", stage.at("left", "link"));
    const { document } = await stage.ends(0);
    const warnings = linesOf(stage, document.run.id, "WARNING");
    assert.deepEqual(warnings, [
      'PROBLEM side=left path="link" ' +
      `reason=${JSON.stringify(document.problems[0]?.reason)}`,
    ]);
  },
  { ...ALONE, leavesAlone: true },
);

scenario(
  "the log has a WARNING or an ERROR with its cause for what was not done",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "a" }, "e.txt": "e" });
    stage.write({ left: { d: { "b.txt": "b" }, "e.txt": "edited" } });
    Deno.chmodSync(stage.at("right", "d"), 0o555);
    const told = stage.told(await stage.office.humbleCommand("--json"));
    Deno.chmodSync(stage.at("right", "d"), 0o755);
    assert.equal(told.code, 1);
    const { id } = told.document.run;
    const lines = [
      ...linesOf(stage, id, "WARNING"),
      ...linesOf(stage, id, "ERROR"),
    ];
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(
      lines[0]!,
      /COPY_LEFT_TO_RIGHT path="d\/b\.txt" rule=5\.9 .*(?:skipped|failed)="/,
    );
    assert.match(linesOf(stage, id, "INFO").join("\n"), /path="e\.txt"/);
    await stage.does(["5.9 COPY_LEFT_TO_RIGHT d/b.txt"]);
  },
  ALONE,
);

scenario("a guard that stops a run is an ERROR in the log", async (stage) => {
  await stage.begin({ "a.txt": "a" });
  Deno.renameSync(stage.office.right, `${stage.office.right}-away`);
  const { document } = await stage.ends(3);
  Deno.renameSync(`${stage.office.right}-away`, stage.office.right);
  const errors = linesOf(stage, document.run.id, "ERROR");
  assert.equal(errors.length, 1);
  assert.match(errors[0]!, /^roots: right_root .*does not exist/);
}, ALONE);

scenario("an open conflict is told in the log", async (stage) => {
  await stage.begin({ "a.txt": "a" });
  stage.write({
    left: { "a.txt": file("one", { mtime: LONG_AGO + 1000 }) },
    right: { "a.txt": file("other", { mtime: LONG_AGO + 2000 }) },
  });
  await stage.ends(1);
  const log = Deno.readTextFileSync(stage.office.log);
  assert.match(log, /path="a\.txt" rule=5\.1 reason="conflict/);
}, {
  ...ALONE,
  settings: "conflict_policy:\n  modify_modify: notify\n",
  ends: 1,
});

scenario(
  "with level warning the log keeps quiet about what went well",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({ left: { "b.txt": "b" } });
    Deno.symlinkSync("a.txt", stage.at("left", "link"));
    await stage.ends(0);
    const log = Deno.readTextFileSync(
      `${stage.office.folder}/own/place/sync.log`,
    );
    assert.doesNotMatch(log, /INFO|b\.txt/);
    assert.match(log, /WARNING .*path="link"/);
  },
  {
    ...ALONE,
    settings: "logging:\n  level: warning\n  file: own/place/sync.log\n",
    leavesAlone: true,
  },
);
