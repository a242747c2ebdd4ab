import assert from "node:assert/strict";
import { HELP, type Invocation, readArguments } from "../lib/cli.ts";
import { EXIT, UsageError } from "../lib/errors.ts";

const PLAIN: Invocation = {
  command: "sync",
  config: "config.yaml",
  isJson: false,
  isQuiet: false,
  isVerbose: false,
  allowDeletes: false,
  allowChanges: false,
  acceptRoots: false,
};

/** [arguments, what they ask for besides the plainest] */
const ASKED: readonly [string, Partial<Invocation>][] = [
  ["", {}],
  ["sync", {}],
  ["plan", { command: "plan" }],
  ["--dry-run", { command: "plan" }],
  ["sync --dry-run", { command: "plan" }],
  ["plan --dry-run", { command: "plan" }],
  ["--help", { command: "help" }],
  ["-h", { command: "help" }],
  ["plan --help", { command: "help" }],
  ["--version", { command: "version" }],
  ["-V", { command: "version" }],
  ["--help --version", { command: "help" }],
  ["--config a.yaml", { config: "a.yaml" }],
  ["--config=a.yaml", { config: "a.yaml" }],
  ["plan --config a.yaml", { command: "plan", config: "a.yaml" }],
  ["--config a.yaml plan", { command: "plan", config: "a.yaml" }],
  ["--json", { isJson: true }],
  ["--quiet", { isQuiet: true }],
  ["--verbose", { isVerbose: true }],
  ["--allow-deletes", { allowDeletes: true }],
  ["--allow-changes", { allowChanges: true }],
  ["--accept-roots", { acceptRoots: true }],
  ["--quiet --json", { isQuiet: true, isJson: true }],
  [
    "sync --json --verbose --allow-deletes --allow-changes --accept-roots",
    {
      isJson: true,
      isVerbose: true,
      allowDeletes: true,
      allowChanges: true,
      acceptRoots: true,
    },
  ],
];

const split = (line: string) => line.split(" ").filter((word) => word !== "");

for (const [line, more] of ASKED) {
  Deno.test(`readArguments("${line}")`, () => {
    assert.deepEqual(readArguments(split(line)), { ...PLAIN, ...more });
  });
}

Deno.test("readArguments() takes a config path with spaces as it is", () => {
  const { config } = readArguments(["--config", "P:\\my docs\\c.yaml"]);
  assert.equal(config, "P:\\my docs\\c.yaml");
});

/** [arguments, what the error must name] */
const WRONG: readonly [readonly string[], RegExp][] = [
  [["snyc"], /"snyc".*sync, plan/],
  [["sync", "extra"], /"extra"/],
  [["plan", "a", "b"], /"a"/],
  [["--nope"], /--nope/],
  [["-x"], /-x/],
  [["--config"], /--config/],
  [["--config", ""], /--config/],
  [["--config="], /--config/],
  [["--config", "--json"], /--config/],
  [["--json=yes"], /--json/],
  [["--no-json"], /--no-json/],
  [["--quiet", "--verbose"], /--quiet.*--verbose/],
  [[""], /""/],
  [["sync", "--", "--json"], /--json/],
];

for (const [args, named] of WRONG) {
  Deno.test(`readArguments(${JSON.stringify(args)}) is wrong use: exit 2 (section 9)`, () => {
    assert.throws(() => readArguments(args), (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.exitCode, EXIT.usage);
      assert.match(error.message, named);
      assert.doesNotMatch(error.message, /\n/, "one line");
      return true;
    });
  });
}

Deno.test("readArguments() shows no control character of a wrong word raw", () => {
  for (const args of [["a\u001b[2Jb"], ["--a\u001b[2Jb"], ["sync", "x\ny"]]) {
    assert.throws(() => readArguments(args), (error) => {
      assert.ok(error instanceof UsageError);
      assert.ok(!error.message.includes("\u001b"));
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  }
});

Deno.test("HELP names every command, option and exit code", () => {
  const words = [
    "sync",
    "plan",
    "--config FILE",
    "--dry-run",
    "--json",
    "--quiet",
    "--verbose",
    "--allow-deletes",
    "--allow-changes",
    "--accept-roots",
    "--help",
    "--version",
  ];
  for (const word of words) assert.ok(HELP.includes(word), word);
  for (const code of Object.values(EXIT)) {
    assert.match(HELP, new RegExp(`^ +${code} +\\S`, "m"));
  }
  for (const line of HELP.split("\n")) assert.ok(line.length <= 80, line);
});
