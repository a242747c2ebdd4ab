import assert from "node:assert/strict";
import {
  LONG_AGO,
  programScenario as scenario,
  type Stage,
} from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";
import { file } from "./support/support.ts";

const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";

const SUMMARY_KEYS = [
  "COPY_LEFT_TO_RIGHT",
  "COPY_RIGHT_TO_LEFT",
  "DELETE_LEFT",
  "DELETE_RIGHT",
  "SOFT_DELETE_LEFT",
  "SOFT_DELETE_RIGHT",
  "CLASH_CREATE",
  "RENAME_LEFT",
  "RENAME_RIGHT",
  "NOOP",
  "CREATE_DIR_LEFT",
  "CREATE_DIR_RIGHT",
  "REMOVE_DIR_LEFT",
  "REMOVE_DIR_RIGHT",
  "RESTORE_LEFT",
  "RESTORE_RIGHT",
  "bytesCopied",
  "skipped",
  "failed",
  "openConflicts",
  "unknown",
  "waiting",
  "doubtful",
];
const ACTION_KEYS = [
  "action",
  "path",
  "newPath",
  "rule",
  "side",
  "reason",
  "outcome",
  "detail",
  "bytes",
  "files",
];

function keysOf(value: object): string[] {
  return Object.keys(value).sort();
}

const ALONE = { isMirrored: false } as const;

scenario(
  "--json gives one document with every key, on a run and on a plan",
  async (stage) => {
    await stage.begin({ "a.txt": "a", "b.txt": "b" });
    stage.write({ left: { "a.txt": "edited", d: {} } });
    stage.remove("left", "b.txt");
    Deno.symlinkSync("a.txt", stage.at("right", "link"));
    const times: number[] = [];
    for (const args of [["plan"], ["sync"], ["sync"]]) {
      const { document } = await stage.ends(0, ...args);
      assert.deepEqual(
        keysOf(document),
        ["run", "summary", "actions", "problems", "guard"].sort(),
      );
      assert.deepEqual(
        keysOf(document.run),
        ["id", "startedAt", "finishedAt", "dryRun", "exitCode"].sort(),
      );
      assert.equal(document.run.dryRun, args[0] === "plan");
      assert.deepEqual(keysOf(document.summary), [...SUMMARY_KEYS].sort());
      for (const count of Object.values(document.summary)) {
        assert.equal(typeof count, "number");
      }
      for (const item of document.actions) {
        assert.deepEqual(keysOf(item), [...ACTION_KEYS].sort());
      }
      assert.deepEqual(document.problems.map(keysOf), [[
        "path",
        "reason",
        "side",
      ]]);
      assert.equal(document.guard, null);
      const { startedAt, finishedAt } = document.run;
      times.push(Date.parse(startedAt), Date.parse(finishedAt));
    }
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
  },
  { ...ALONE, leavesAlone: true },
);

scenario("--json tells each action in full (R 5.3, 5.7)", async (stage) => {
  await stage.begin({ "a.txt": "a", "b.txt": "bb" });
  stage.write({ left: { "a.txt": "edited" } });
  stage.remove("left", "b.txt");
  const { document } = await stage.ends(0);
  const kept = document.actions[1]?.newPath;
  assert.match(kept!, /^\.office-sync\/deleted\/.+\/b\.txt$/);
  assert.deepEqual(document.actions, [
    {
      action: "COPY_LEFT_TO_RIGHT",
      path: "a.txt",
      newPath: null,
      rule: "5.3",
      side: "right",
      reason: "changed on Left",
      outcome: "done",
      detail: null,
      files: null,
      bytes: 6,
    },
    {
      action: "SOFT_DELETE_RIGHT",
      path: "b.txt",
      newPath: kept,
      rule: "5.7",
      side: "right",
      reason: "deleted on Left",
      outcome: "done",
      detail: null,
      files: null,
      bytes: 2,
    },
  ]);
}, { isMirrored: false });

scenario(
  "--json on a bad config: exit 2 and each problem with its line",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.office.configure("soft_delet: 1\nlogging:\n  level: loud\n");
    const { code, stdout } = await stage.office.commandHere("--json");
    stage.office.configure("");
    assert.equal(code, 2);
    const { error, ...rest } = JSON.parse(stdout);
    assert.deepEqual(rest, {});
    assert.deepEqual(keysOf(error), ["code", "message", "problems"]);
    assert.equal(error.code, 2);
    const lines = error.problems.map(({ line }: { line: number }) => line);
    assert.deepEqual(lines.sort(), [3, 5]);
  },
  ALONE,
);

scenario("NOOPs are counted, and listed with --verbose only", async (stage) => {
  await stage.begin({ "a.txt": "a", d: { "b.txt": "b" } });
  const plain = await stage.ends(0);
  const verbose = await stage.ends(0, "--verbose");
  assert.deepEqual(plain.lines, []);
  assert.deepEqual(verbose.lines, ["- NOOP a.txt", "- NOOP d/b.txt"]);
  assert.equal(plain.document.summary.NOOP, 2);
  assert.equal(verbose.document.summary.NOOP, 2);
  const text = (await stage.office.commandHere("--verbose")).stdout;
  assert.match(text, /a\.txt/);
  assert.match(text, /d\/b\.txt/);
}, ALONE);

scenario("--quiet prints nothing but errors", async (stage) => {
  await stage.begin({ "a.txt": "a" });
  stage.write({ left: { "b.txt": "b" } });
  const quiet = await stage.office.commandHere("--quiet");
  assert.deepEqual(quiet, { code: 0, stdout: "", stderr: "" });
  Deno.renameSync(stage.office.right, `${stage.office.right}-away`);
  const stopped = await stage.office.commandHere("--quiet");
  Deno.renameSync(`${stage.office.right}-away`, stage.office.right);
  assert.deepEqual([stopped.code, stopped.stdout], [3, ""]);
  assert.match(stopped.stderr, /right_root .*does not exist/);
}, ALONE);

scenario(
  "--help and --version need no config and change nothing",
  async (stage) => {
    Deno.removeSync(stage.office.config);
    const before = snapshot(stage.office.folder);
    const help = await stage.office.commandHere("--help");
    assert.deepEqual([help.code, help.stderr], [0, ""]);
    for (
      const option of [
        "--config",
        "--dry-run",
        "--json",
        "--quiet",
        "--verbose",
        "--allow-deletes",
        "--allow-changes",
        "--accept-roots",
        "--help",
        "--version",
      ]
    ) assert.ok(help.stdout.includes(option), option);
    for (const exitCode of [0, 1, 2, 3, 4, 5]) {
      assert.match(help.stdout, new RegExp(`^ +${exitCode} `, "m"));
    }
    const version = await stage.office.commandHere("--version");
    assert.deepEqual([version.code, version.stderr], [0, ""]);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\S*\n$/);
    assert.deepEqual(snapshot(stage.office.folder), before);
    stage.office.configure("");
    await stage.office.agree();
  },
  ALONE,
);

scenario(
  "an unknown option or command: exit 2, nothing is touched",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({ left: { "b.txt": "b" } });
    const before = stage.snapshots();
    for (
      const [args, says] of [
        [["--delete-all"], /--delete-all/],
        [["snyc"], /snyc/],
        [["sync", "now"], /now/],
        [["--quiet", "--verbose"], /--verbose/],
      ] as const
    ) {
      const { code, stdout, stderr } = await stage.office.commandHere(...args);
      assert.deepEqual([code, stdout], [2, ""], args.join(" "));
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /^ +at /m, "no stack for a slip");
      assert.deepEqual(stage.snapshots(), before);
    }
    await stage.office.agree();
  },
  ALONE,
);

scenario(
  "the summary tells an office manager what happened and where things are",
  async (stage) => {
    await stage.begin({
      "report.docx": "first",
      "gone.txt": "gone",
      "budget.xlsx": "first",
      "old name.txt": "named",
    });
    stage.write({
      left: {
        "report.docx": "edited",
        "budget.xlsx": file("older", { mtime: OLDER }),
      },
      right: {
        "budget.xlsx": file("newer!", { mtime: NEWER }),
        "from there.txt": "x".repeat(1536),
      },
    });
    stage.remove("left", "gone.txt");
    stage.rename("left", "old name.txt", "new name.txt");
    const { code, stdout, stderr } = await stage.office.commandHere();
    assert.deepEqual([code, stderr], [0, ""]);
    for (
      const says of [
        `Left:  ${stage.office.left}`,
        `Right: ${stage.office.right}`,
        "Copied from Left to Right: 1",
        "report.docx",
        "Copied from Right to Left: 2",
        "from there.txt",
        "1.5 KB",
        "Soft-deleted on Right: 1",
        `They are in ${stage.office.right}/.office-sync/deleted/`,
        "old name.txt -> new name.txt",
        "Conflicts resolved: 1",
        "budget.clash-20240301-100005-left.xlsx",
        "Both sides agree",
        `Log: ${stage.office.log}`,
      ]
    ) assert.ok(stdout.includes(says), `${says} is missing in:\n${stdout}`);
  },
  ALONE,
);

scenario("the summary says what is left for a person", async (stage) => {
  await stage.begin({ "plan.txt": "first" });
  stage.write({
    left: { "plan.txt": file("one", { mtime: LONG_AGO + 1000 }) },
    right: { "plan.txt": file("other", { mtime: LONG_AGO + 2000 }) },
  });
  Deno.symlinkSync("plan.txt", stage.at("left", "link"));
  const { code, stdout } = await stage.office.commandHere();
  assert.equal(code, 1);
  for (
    const says of [
      "Open conflicts, for a person to resolve: 1",
      "plan.txt: changed on both sides, and nothing was touched",
      "Unknown, left alone on both sides: 1",
      "link: a symbolic link",
      "needs a person",
    ]
  ) assert.ok(stdout.includes(says), `${says} is missing in:\n${stdout}`);
  assert.doesNotMatch(stdout, /Both sides agree/);
}, {
  ...ALONE,
  settings: "conflict_policy:\n  modify_modify: notify\n",
  ends: 1,
});

/** The lines of one run in the log, each without time, level and run id. */
function linesOf(stage: Stage, run: string, level: string): string[] {
  const begin = new RegExp(
    `^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z ${level} ${run} `,
  );
  return Deno.readTextFileSync(stage.office.log).split("\n")
    .filter((line) => begin.test(line))
    .map((line) => line.replace(begin, ""));
}

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
    const warnings = linesOf(stage, document.run.id, "WARNING")
      .filter((line) => !line.startsWith("Without the sandbox"));
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
    const told = stage.told(await stage.office.humbleHere("--json"));
    Deno.chmodSync(stage.at("right", "d"), 0o755);
    assert.equal(told.code, 1);
    const { id } = told.document.run;
    const lines = [
      ...linesOf(stage, id, "WARNING")
        .filter((line) => !line.startsWith("Without the sandbox")),
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

scenario(
  "a control character in a name never reaches terminal or log",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({ left: { "\u001b[31mred\u0007\n2026 ERROR faked": "x" } });
    const { code, stdout } = await stage.office.commandHere("--verbose");
    assert.equal(code, 0);
    const log = Deno.readTextFileSync(stage.office.log);
    for (const text of [stdout, log]) {
      assert.match(text, /red/, "the file is told");
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f]/);
      assert.doesNotMatch(text, /^2026 ERROR/m);
    }
  },
  { isMirrored: false },
);
