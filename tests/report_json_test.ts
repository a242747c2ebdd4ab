import assert from "node:assert/strict";
import { ConfigError, EXIT, LockedError, UsageError } from "../lib/errors.ts";
import { jsonError, jsonReport } from "../lib/report_json.ts";
import { summarize } from "../lib/report_text.ts";
import { ACTION_NAMES } from "../lib/types.ts";
import { resultOf, withOutcomes } from "./support/fake_result.ts";
import {
  but,
  file,
  folder,
  HOUR,
  OLD,
  problem,
} from "./support/literal_plans.ts";

/** The one JSON document of a run, as interface and programs know it. */

const A = file("one");
const NEWER = but(A, { content: "newer", mtimeMs: OLD + HOUR });
const OLDER = but(A, { content: "older one" });
const CONFLICT = { record: { a: A }, left: { a: NEWER }, right: { a: OLDER } };
const NOTIFY = { policies: { modify_modify: "notify" } } as const;

const NOTHING = Object.fromEntries(ACTION_NAMES.map((name) => [name, 0]));
const COUNTS = {
  ...NOTHING,
  bytesCopied: 0,
  skipped: 0,
  failed: 0,
  openConflicts: 0,
  unknown: 0,
  waiting: 0,
  doubtful: 0,
};

// deno-lint-ignore no-explicit-any
type Document = any;

Deno.test("jsonReport() of a run that did nothing has every key", () => {
  assert.deepEqual(jsonReport(resultOf({}, { untouched: 3 }), false), {
    run: {
      id: "20260520-120000-ab12",
      startedAt: "2026-05-20T12:00:00.000Z",
      finishedAt: "2026-05-20T12:00:01.500Z",
      dryRun: false,
      exitCode: 0,
    },
    summary: { ...COUNTS, NOOP: 3 },
    actions: [],
    problems: [],
    guard: null,
  });
});

Deno.test("jsonReport() lists an action with all its keys, null where one says nothing", () => {
  const document: Document = jsonReport(resultOf({ left: { a: A } }), false);
  assert.deepEqual(document.actions, [{
    action: "COPY_LEFT_TO_RIGHT",
    path: "a",
    newPath: null,
    files: null,
    rule: "5.9",
    side: "right",
    reason: "new on Left",
    outcome: "done",
    detail: null,
    bytes: 3,
  }]);
});

Deno.test("jsonReport() lists folders without bytes, and clashes without a side", () => {
  const it = { ...CONFLICT, left: { ...CONFLICT.left, d: folder() } };
  const document: Document = jsonReport(resultOf(it), false);
  const [clash, create] = document.actions;
  assert.equal(create.action, "CREATE_DIR_RIGHT");
  assert.equal(create.bytes, null);
  assert.equal(clash.action, "CLASH_CREATE");
  assert.equal(clash.side, null);
  assert.equal(clash.newPath, "a.clash-20260510-120000-right");
});

Deno.test("jsonReport() says what became of each action", () => {
  const it = { left: { a: A, b: A, c: A } };
  const kinds = { a: "done", b: "skipped", c: "failed" } as const;
  const result = withOutcomes(resultOf(it, { exitCode: 1 }), ({ action }) => ({
    kind: kinds[action.path as keyof typeof kinds],
    detail: action.path === "a" ? null : "in use",
  }));
  const document: Document = jsonReport(result, false);
  assert.deepEqual(
    document.actions.map((it: Document) => [it.path, it.outcome, it.detail]),
    [["a", "done", null], ["b", "skipped", "in use"], [
      "c",
      "failed",
      "in use",
    ]],
  );
  assert.equal(document.run.exitCode, 1);
});

Deno.test("jsonReport() of a plan says 'planned'", () => {
  const result = resultOf({ left: { a: A } }, { isDryRun: true });
  const document: Document = jsonReport(result, false);
  assert.equal(document.run.dryRun, true);
  assert.equal(document.actions[0].outcome, "planned");
  assert.equal(document.summary.COPY_LEFT_TO_RIGHT, 1);
});

Deno.test("jsonReport() lists open conflicts, unchanged paths only when asked", () => {
  const unchanged = { record: { z: A }, left: { z: A }, right: { z: A } };
  const it = {
    record: { ...CONFLICT.record, ...unchanged.record },
    left: { ...CONFLICT.left, ...unchanged.left },
    right: { ...CONFLICT.right, ...unchanged.right },
  };
  const result = resultOf(it, {}, { ...NOTIFY, listUnchanged: true });
  const pathsOf = (listsUnchanged: boolean) => {
    const document: Document = jsonReport(result, listsUnchanged);
    return document.actions.map((it: Document) => `${it.action} ${it.path}`);
  };
  assert.deepEqual(pathsOf(false), ["NOOP a"]);
  assert.deepEqual(pathsOf(true), ["NOOP a", "NOOP z"]);
});

Deno.test("jsonReport() lists no change of the record alone that concerns no file", () => {
  const it = { left: { d: folder() }, right: { d: folder() } };
  const document: Document = jsonReport(resultOf(it), true);
  assert.deepEqual(document.actions, []);
});

Deno.test("jsonReport() lists problems, ignored paths apart", () => {
  const left = { link: problem("symlink"), "x.tmp": problem("ignored") };
  const document: Document = jsonReport(resultOf({ left }), false);
  assert.deepEqual(document.problems, [
    { side: "left", path: "link", reason: "a problem: symlink" },
  ]);
  assert.equal(document.summary.unknown, 1);
});

Deno.test("jsonReport() of a stopped run names the guard and the next step", () => {
  const stop = { name: "identity", reason: "It is gone.", hint: "Connect it." };
  const document: Document = jsonReport(
    resultOf({}, { stop, exitCode: 3 }),
    false,
  );
  assert.deepEqual(document.guard, {
    name: "identity",
    reason: "It is gone. Connect it.",
  });
  assert.equal(document.run.exitCode, 3);
});

Deno.test("jsonReport() is plain data", () => {
  const document = jsonReport(resultOf(CONFLICT), true);
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
});

Deno.test("jsonError() says code, message and problems", () => {
  const problem = {
    file: "config.yaml",
    line: 3,
    column: 1,
    key: "left_rot",
    message: "unknown key left_rot",
  };
  assert.deepEqual(jsonError(new ConfigError([problem])), {
    error: {
      code: 2,
      message: "config.yaml:3:1: unknown key left_rot",
      problems: [problem],
    },
  });
  assert.deepEqual(jsonError(new UsageError("Unknown command.")), {
    error: { code: 2, message: "Unknown command.", problems: [] },
  });
  const locked: Document = jsonError(new LockedError("/x.db"));
  assert.equal(locked.error.code, EXIT.busy);
});

Deno.test("summarize() counts done and planned actions by name", () => {
  const it = {
    record: { a: A, b: A, d: folder() },
    left: { a: NEWER, n: A },
    right: { a: A, b: A, d: folder() },
  };
  for (const isDryRun of [false, true]) {
    const counts = summarize(resultOf(it, { isDryRun, untouched: 5 }));
    assert.deepEqual(counts, {
      ...COUNTS,
      NOOP: 5,
      COPY_LEFT_TO_RIGHT: 2,
      SOFT_DELETE_RIGHT: 1,
      REMOVE_DIR_RIGHT: 1,
      bytesCopied: 8,
    });
  }
});

Deno.test("summarize() counts the bytes of clash copies as copied", () => {
  const counts = summarize(resultOf(CONFLICT));
  assert.equal(counts.CLASH_CREATE, 1);
  assert.equal(counts.COPY_LEFT_TO_RIGHT, 1);
  assert.equal(counts.bytesCopied, 9 + 5);
});

Deno.test("summarize() counts what was not done apart from what was", () => {
  for (const kind of ["skipped", "failed"] as const) {
    const result = withOutcomes(resultOf({ left: { a: A } }), () => ({ kind }));
    assert.deepEqual(summarize(result), { ...COUNTS, [kind]: 1 });
  }
});

Deno.test("summarize() counts an open conflict once, as that", () => {
  const counts = summarize(resultOf(CONFLICT, {}, NOTIFY));
  assert.deepEqual(counts, { ...COUNTS, openConflicts: 1 });
});

Deno.test("summarize() counts unchanged files, listed or not, and no folders", () => {
  const it = {
    record: { a: A, b: A },
    left: { a: A, b: A, d: folder() },
    right: { a: A, b: A, d: folder() },
  };
  const listed = resultOf(it, {}, { listUnchanged: true });
  assert.equal(summarize(listed).NOOP, 2);
  assert.equal(summarize(resultOf(it, { untouched: 2 })).NOOP, 2);
});
