import assert from "node:assert/strict";
import {
  ConfigError,
  type ConfigProblem,
  EXIT,
  formatConfigProblem,
  GuardError,
  LockedError,
  SyncError,
  UsageError,
} from "../lib/errors.ts";

const PROBLEM: ConfigProblem = {
  file: "config.yaml",
  line: 3,
  column: 5,
  key: "left_rot",
  message: "unknown key left_rot",
};

Deno.test("EXIT has the exit codes of section 9", () => {
  assert.deepEqual(EXIT, {
    agreed: 0,
    leftForPerson: 1,
    usage: 2,
    guard: 3,
    busy: 4,
    unexpected: 5,
    interrupted: 130,
    terminated: 143,
  });
});

const CAUSE = new Error("cause");

/** [error, name, exit code, message, hint] */
const ERRORS: readonly [SyncError, string, number, RegExp, RegExp | null][] = [
  [new SyncError("odd", 5), "SyncError", 5, /^odd$/, null],
  [
    new SyncError("odd", 1, { hint: "Do it." }),
    "SyncError",
    1,
    /^odd$/,
    /^Do it\.$/,
  ],
  [new UsageError("odd"), "UsageError", 2, /^odd$/, /--help/],
  [
    new ConfigError([PROBLEM]),
    "ConfigError",
    2,
    /^config\.yaml:3:5: unknown key left_rot$/,
    null,
  ],
  [
    new GuardError("roots", "odd", "Do it."),
    "GuardError",
    3,
    /^odd$/,
    /^Do it\.$/,
  ],
  [
    new LockedError("/a/state.db"),
    "LockedError",
    4,
    /\/a\/state\.db/,
    /then start again/,
  ],
];

for (const [error, name, exitCode, message, hint] of ERRORS) {
  Deno.test(`${name}${hint ? "" : " without hint"} ends in exit code ${exitCode}`, () => {
    assert.ok(error instanceof SyncError);
    assert.ok(error instanceof Error);
    assert.equal(error.name, name);
    assert.equal(error.exitCode, exitCode);
    assert.match(error.message, message);
    if (hint === null) assert.equal(error.hint, null);
    else assert.match(error.hint ?? "", hint);
  });
}

Deno.test("errors keep their cause, and have none of their own", () => {
  const options = { cause: CAUSE };
  const errors = [
    new SyncError("odd", 5, options),
    new ConfigError([PROBLEM], options),
    new GuardError("state", "odd", "Do it.", options),
  ];
  for (const error of errors) assert.equal(error.cause, CAUSE);
  assert.ok(!("cause" in new SyncError("odd", 5)));
});

Deno.test("GuardError says which guard it was", () => {
  assert.equal(new GuardError("mass change", "odd", "").guard, "mass change");
});

Deno.test("ConfigError tells all problems at once, a line each", () => {
  const problems = [PROBLEM, { ...PROBLEM, line: 9, message: "bad value" }];
  const error = new ConfigError(problems);
  assert.deepEqual(error.problems, problems);
  assert.equal(
    error.message,
    "config.yaml:3:5: unknown key left_rot\nconfig.yaml:9:5: bad value",
  );
});

/** [where, line] */
const PLACES: readonly [Partial<ConfigProblem>, string][] = [
  [{}, "config.yaml:3:5: unknown key left_rot"],
  [{ column: null }, "config.yaml:3:1: unknown key left_rot"],
  [{ line: null, column: null }, "config.yaml: unknown key left_rot"],
];

for (const [where, line] of PLACES) {
  Deno.test(`formatConfigProblem(): ${line}`, () => {
    assert.equal(formatConfigProblem({ ...PROBLEM, ...where }), line);
  });
}
