import assert from "node:assert/strict";
import { join } from "node:path";
import { SyncError } from "../lib/errors.ts";
import { type Log, type LogOptions, openLog } from "../lib/logging_setup.ts";
import type { Action } from "../lib/plan_types.ts";
import type { Outcome } from "../lib/run_types.ts";

/** A copy that was done, or whatever a test makes of it. */
function outcome(
  changes: Partial<Outcome> = {},
  action: Partial<Action> = {},
): Outcome {
  return {
    kind: "done",
    detail: null,
    newPath: null,
    error: null,
    ...changes,
    action: {
      name: "COPY_LEFT_TO_RIGHT",
      path: "Docs/a.txt",
      newPath: null,
      rule: "5.3",
      side: "right",
      reason: "changed on Left",
      bytes: 17,
      files: null,
      work: { kind: "none" },
      needs: [],
      conflict: null,
      ...action,
    },
  };
}

/** A folder that is gone at the end of the test. */
function tempFolder() {
  const path = Deno.makeTempDirSync();
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

function optionsFor(file: string, changes: Partial<LogOptions> = {}) {
  return {
    file,
    level: "info",
    maxSizeBytes: 1_000_000,
    maxFiles: 3,
    runId: "42",
    ...changes,
  } as const;
}

/** The lines that stand in a log after something was logged. */
function logged(write: (log: Log) => void, changes: Partial<LogOptions> = {}) {
  using folder = tempFolder();
  const file = join(folder.path, "a.log");
  {
    using log = openLog(optionsFor(file, changes));
    write(log);
    assert.equal(log.failure, null);
  }
  return linesOf(file);
}

const linesOf = (file: string) =>
  Deno.readTextFileSync(file).split("\n").slice(0, -1);

/** A record without its time. */
const untimed = (line?: string) => line?.replace(/^\S+ /, "");

Deno.test("a record begins with the time in UTC to the millisecond, level and run", () => {
  const before = Date.now();
  const [line = ""] = logged((log) => log.info("hello"));
  const [, time = "", rest] = /^(\S+) (.*)$/.exec(line) ?? [];
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Date.parse(time) >= before && Date.parse(time) <= Date.now());
  assert.equal(rest, "INFO 42 hello");
});

const RECORDS: [name: string, write: (log: Log) => void, line: string][] = [
  [
    "an action is INFO with path, rule, reason and size",
    (log) => log.outcome(outcome()),
    'INFO 42 COPY_LEFT_TO_RIGHT path="Docs/a.txt" rule=5.3 reason="changed on Left" size=17',
  ],
  [
    "an action with a new name says it",
    (log) =>
      log.outcome(outcome({ newPath: "b.txt" }, { name: "CLASH_CREATE" })),
    'INFO 42 CLASH_CREATE path="Docs/a.txt" new_path="b.txt" rule=5.3 reason="changed on Left" size=17',
  ],
  [
    "an action without rule and size has dashes there",
    (log) => log.outcome(outcome({}, { rule: null, bytes: null })),
    'INFO 42 COPY_LEFT_TO_RIGHT path="Docs/a.txt" rule=- reason="changed on Left" size=-',
  ],
  [
    "a skipped action is WARNING and says why",
    (log) =>
      log.outcome(
        outcome({ kind: "skipped", detail: "changed during the run" }),
      ),
    'WARNING 42 COPY_LEFT_TO_RIGHT path="Docs/a.txt" rule=5.3 reason="changed on Left; changed during the run" size=17 skipped="changed during the run"',
  ],
  [
    "a path left alone is WARNING with its side",
    (log) => log.problem({ side: "right", path: "l", reason: "a symlink" }),
    'WARNING 42 PROBLEM side=right path="l" reason="a symlink"',
  ],
  ["a warning is WARNING", (log) => log.warning("odd"), "WARNING 42 odd"],
  ["an error is ERROR", (log) => log.error("bad"), "ERROR 42 bad"],
];

for (const [name, write, line] of RECORDS) {
  Deno.test(`openLog(): ${name}`, () => {
    assert.deepEqual(logged(write).map(untimed), [line]);
  });
}

Deno.test("a failed action is ERROR, with the stacks of error and cause indented below", () => {
  const error = new Error("can't copy", { cause: new Error("disk full") });
  const [line, ...stack] = logged((log) =>
    log.outcome(outcome({ kind: "failed", error }))
  );
  assert.equal(
    untimed(line),
    'ERROR 42 COPY_LEFT_TO_RIGHT path="Docs/a.txt" rule=5.3 reason="changed on Left" size=17 failed="can\'t copy"',
  );
  assert.equal(stack[0], "    Error: can't copy");
  assert.match(stack[1] ?? "", /^ {8}at .*logging_setup_test\.ts/);
  assert.ok(stack.includes("    Caused by: Error: disk full"));
});

Deno.test("whatever a name or a message holds, it can't pass for a record", () => {
  const forged = "a\n2026-01-01T00:00:00.000Z INFO 42 forged\u001b[2J\u202e";
  const lines = logged((log) => {
    log.outcome(outcome({ newPath: forged }, { path: forged, reason: forged }));
    log.outcome(outcome({ kind: "skipped", detail: forged }));
    log.problem({ side: "left", path: forged, reason: forged });
    log.info(forged);
    log.outcome(outcome({ kind: "failed", error: new Error(forged) }));
    log.error(forged, { toString: () => forged });
  });
  const records = lines.filter((line) => !line.startsWith("    "));
  assert.equal(records.length, 6);
  assert.ok(records.every((line) => !/^\S+ INFO 42 forged/.test(line)));
  assert.ok(lines.every((line) => !/[\p{Cc}\p{Bidi_Control}]/u.test(line)));
});

Deno.test("what is below the level is not written", () => {
  const write = (log: Log) => {
    log.info("i");
    log.warning("w");
    log.error("e");
  };
  const texts = (level: LogOptions["level"]) =>
    logged(write, { level }).map((line) => line.split(" ").at(-1)).join("");
  assert.equal(texts("debug"), "iwe");
  assert.equal(texts("info"), "iwe");
  assert.equal(texts("warning"), "we");
  assert.equal(texts("error"), "e");
});

Deno.test("several logs can be open one after another and at once", () => {
  using folder = tempFolder();
  const [a, b] = [join(folder.path, "a.log"), join(folder.path, "b.log")];
  {
    using first = openLog(optionsFor(a));
    using second = openLog(optionsFor(b, { runId: "43" }));
    first.info("one");
    second.info("two");
  }
  const again = openLog(optionsFor(a, { runId: "44" }));
  again.info("three");
  again[Symbol.dispose]();
  again.info("after the end");
  again[Symbol.dispose]();
  assert.deepEqual(linesOf(a).map(untimed), ["INFO 42 one", "INFO 44 three"]);
  assert.deepEqual(linesOf(b).map(untimed), ["INFO 43 two"]);
});

for (const maxFiles of [1, 3]) {
  Deno.test(`files are rotated by size, between records, and ${maxFiles} are kept`, () => {
    using folder = tempFolder();
    const file = join(folder.path, "a.log");
    {
      using log = openLog(optionsFor(file, { maxSizeBytes: 1_000, maxFiles }));
      for (let n = 0; n < 100; n++) log.info(`record ${n} ${"x".repeat(50)}`);
    }
    const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
    const expected = ["a.log", "a.log.1", "a.log.2"].slice(0, maxFiles);
    assert.deepEqual(names.sort(), expected);
    for (const name of names) {
      const text = Deno.readTextFileSync(join(folder.path, name));
      assert.match(text, /^\d{4}-.*\n$/s);
      assert.ok(text.length < 1_100);
    }
    assert.match(linesOf(file).at(-1) ?? "", /record 99 /);
  });
}

Deno.test("a rotation that fails loses no record, and is remembered", () => {
  using folder = tempFolder();
  const file = join(folder.path, "a.log");
  // A folder in its place: the file can't be renamed to that.
  Deno.mkdirSync(join(`${file}.1`, "full"), { recursive: true });
  using log = openLog(optionsFor(file, { maxSizeBytes: 300, maxFiles: 2 }));
  for (let n = 0; n < 50; n++) log.info(`record ${n}`);
  log.flush();
  assert.equal(linesOf(file).length, 50);
  assert.match(log.failure ?? "", /^Writing the log file .*a\.log failed: /);
});

Deno.test({
  name: "a full disk does not end the run: the first failure is remembered",
  // Writes to this device fail as on a full disk.
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const log = openLog(optionsFor("/dev/full"));
    log.info("one");
    assert.equal(log.failure, null);
    log.flush();
    assert.match(log.failure ?? "", /\/dev\/full failed: .*No space left/);
    log.info("two");
    log[Symbol.dispose]();
  },
});

Deno.test("an error that can't be shown is logged all the same", () => {
  const odd = Object.create(null);
  const lines = logged((log) =>
    log.outcome(outcome({ kind: "failed", error: odd }))
  );
  assert.match(lines[0] ?? "", /failed="something that can't be shown"$/);
  assert.equal(lines.length, 2);
});

Deno.test("a record is in the file soon, without waiting for the end", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "a.log");
  using log = openLog(optionsFor(file));
  log.info("now");
  const end = Date.now() + 10_000;
  while (linesOf(file).length === 0 && Date.now() < end) {
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.equal(untimed(linesOf(file)[0]), "INFO 42 now");
});

Deno.test("the log folder is made where it is missing", () => {
  using folder = tempFolder();
  const file = join(folder.path, "new", "logs", "a.log");
  using log = openLog(optionsFor(file));
  log.info("here");
  log.flush();
  assert.equal(linesOf(file).length, 1);
});

Deno.test("a log that can't be opened is told in one line with its path, exit code 2", () => {
  using folder = tempFolder();
  const blocked = join(folder.path, "blocked");
  Deno.writeTextFileSync(blocked, "a file, no folder");
  for (const file of [join(blocked, "a.log"), folder.path]) {
    assert.throws(() => openLog(optionsFor(file)), (error) => {
      assert.ok(error instanceof SyncError);
      assert.equal(error.exitCode, 2);
      assert.ok(error.message.includes(file));
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
});

/** Runs a few lines of code that log, in a process of their own. */
async function runLogging(file: string, code: string) {
  const options = JSON.stringify(optionsFor(file));
  const module = import.meta.resolve("../lib/logging_setup.ts");
  const script = `${file}.ts`;
  await Deno.writeTextFile(
    script,
    `import { openLog } from "${module}"; const log = openLog(${options});${code}`,
  );
  const config = join(import.meta.dirname ?? "", "..", "deno.json");
  const { code: exit, stdout, stderr } = await new Deno.Command(
    Deno.execPath(),
    {
      args: ["run", "-A", "--no-lock", `--config=${config}`, "--quiet", script],
    },
  ).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { exit, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("what is held back is written when the program exits", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "a.log");
  const ran = await runLogging(file, `log.info("last"); Deno.exit(3);`);
  assert.equal(ran.exit, 3);
  assert.deepEqual(linesOf(file).map(untimed), ["INFO 42 last"]);
});

Deno.test("a program that has nothing left to do does not wait for its log", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "a.log");
  const code = `log.info("x"); const t = performance.now();
    addEventListener("unload", () => console.log(performance.now() - t));`;
  const ran = await runLogging(file, code);
  assert.ok(Number(ran.stdout) < 500, ran.stdout);
  assert.equal(linesOf(file).length, 1);
});
