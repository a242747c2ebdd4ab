import assert from "node:assert/strict";
import {
  accessOf,
  type CommandInvocation,
  type CommandName,
  COMMANDS,
  helpText,
  type Invocation,
  readArguments,
  type SyncInvocation,
} from "../lib/cli_args.ts";
import { EXIT, UsageError } from "../lib/errors.ts";

const PLAIN: SyncInvocation = {
  command: "sync",
  config: "config.yaml",
  isJson: false,
  isQuiet: false,
  onlyNew: false,
  isVerbose: false,
  allowDeletes: false,
  allowChanges: false,
  acceptRoots: false,
  report: null,
  sendsMail: true,
};

/** [arguments, what they ask for besides the plainest] */
const ASKED: readonly [string, Partial<SyncInvocation>][] = [
  ["", {}],
  ["sync", {}],
  ["plan", { command: "plan" }],
  ["--dry-run", { command: "plan" }],
  ["sync --dry-run", { command: "plan" }],
  ["plan --dry-run", { command: "plan" }],
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
  ["--report a.html", { report: "a.html" }],
  ["plan --report=a.html", { command: "plan", report: "a.html" }],
  ["--no-email", { sendsMail: false }],
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

const COMMON = { config: "config.yaml", isJson: false };
const RESTORE = {
  command: "restore",
  ...COMMON,
  path: "",
  isList: false,
  from: null,
  to: "both",
  isForced: false,
} as const;
const SCHEDULE = {
  command: "schedule",
  config: "config.yaml",
  scheduler: null,
  everyMinutes: 15,
  write: null,
} as const;
const INIT = { command: "init", config: "config.yaml" } as const;
const HISTORY = {
  command: "history",
  ...COMMON,
  run: null,
  limit: 20,
} as const;

/** [arguments, what they ask for] */
const OTHERS: readonly [string, Invocation][] = [
  ["--help", { command: "help", of: null, config: null }],
  ["-h", { command: "help", of: null, config: null }],
  ["plan --help", { command: "help", of: "plan", config: null }],
  ["restore -h", { command: "help", of: "restore", config: null }],
  ["--version", { command: "version" }],
  ["-V", { command: "version" }],
  ["--help --version", { command: "help", of: null, config: null }],
  ["history", HISTORY],
  ["history r1", { ...HISTORY, run: "r1" }],
  ["history --limit 5 --json", { ...HISTORY, limit: 5, isJson: true }],
  ["conflicts", { command: "conflicts", ...COMMON, resolve: null }],
  ["conflicts resolve d/a.txt left", {
    command: "conflicts",
    ...COMMON,
    resolve: { path: "d/a.txt", take: "left" },
  }],
  ["restore a.txt", { ...RESTORE, path: "a.txt" }],
  ["restore d/ --to right --force", {
    ...RESTORE,
    path: "d/",
    to: "right",
    isForced: true,
  }],
  ["restore --from r1", { ...RESTORE, from: "r1" }],
  ["restore --list", { ...RESTORE, isList: true }],
  ["panel", {
    command: "panel",
    config: "config.yaml",
    port: 0,
    opensBrowser: true,
  }],
  ["panel --port 8080 --no-browser", {
    command: "panel",
    config: "config.yaml",
    port: 8080,
    opensBrowser: false,
  }],
  ["why d/a.txt", { command: "why", ...COMMON, path: "d/a.txt" }],
  ["doctor", { command: "doctor", ...COMMON }],
  ["doctor --config b.yaml --json", {
    command: "doctor",
    config: "b.yaml",
    isJson: true,
  }],
  ["schedule", SCHEDULE],
  ["schedule cron --every 2h --write f --config c.yaml", {
    ...SCHEDULE,
    config: "c.yaml",
    scheduler: "cron",
    everyMinutes: 120,
    write: "f",
  }],
  ["init", { ...INIT, left: null, right: null }],
  ["init --left a --right b", { ...INIT, left: "a", right: "b" }],
];

for (const [line, asked] of OTHERS) {
  Deno.test(`readArguments("${line}")`, () => {
    assert.deepEqual(readArguments(split(line)), asked);
  });
}

Deno.test("readArguments() takes a config path with spaces as it is", () => {
  const config = "P:\\my docs\\c.yaml";
  const asked = readArguments(["--config", config]);
  assert.deepEqual(asked, { ...PLAIN, config });
});

/** [arguments, what the error must name] */
const WRONG: readonly [readonly string[], RegExp][] = [
  [["snyc"], /"snyc".*sync, plan/],
  [["constructor"], /"constructor".*sync, plan/],
  [["--report="], /--report needs a value/],
  [["--every", "restore", "schedule"], /--every: "restore"/],
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
  [["sync", "--list"], /sync takes no --list/],
  [["history", "a", "b"], /"b"/],
  [["history", "--limit", "0"], /--limit.*"0".*from 1/],
  [["history", "--limit", "x"], /--limit.*"x"/],
  [["panel", "--port", "0"], /--port: "0".*1 to 65535/],
  [["panel", "--port", "70000"], /--port: "70000".*1 to 65535/],
  [["conflicts", "solve"], /"solve".*resolve/],
  [["conflicts", "resolve", "a"], /path.*left, right or both.*file, copy/],
  [["conflicts", "resolve", "a", "middle"], /"middle".*left, right or both/],
  [["conflicts", "resolve", "a", "left", "b"], /"b"/],
  [["restore"], /path, --from RUN or --list/],
  [["restore", "a", "b"], /"b"/],
  [["restore", "a", "--to", "up"], /--to.*"up".*left, right or both/],
  [["why"], /path/],
  [["why", ""], /path/],
  [["doctor", "now"], /"now"/],
  [["schedule", "at"], /"at" is not allowed; windows, systemd or cron/],
  [["schedule", "--every", "7m"], /--every: "7m" is not allowed/],
  [["schedule", "--write", ""], /--write needs a value/],
  [["sync", "--write", "f"], /sync takes no --write/],
  [["init", "--json"], /init takes no --json/],
  // Of a path that looks like an option it is told how to write it.
  [["why", "-draft.txt"], /^Unknown option "-draft\.txt"\. .*: why -- "-dr/],
  [["why", "-hello.txt"], /: why -- "-hello\.txt"\.$/],
  [["why", "-Vorlage.txt", "--json"], /: why -- "-Vorlage\.txt"\.$/],
  [["why", "--force.txt"], /: why -- "--force\.txt"\.$/],
  [["why", "---"], /: why -- "---"\.$/],
  [["--config", "c", "why", "-x"], /: why -- "-x"\.$/],
  [["restore", "-a b/"], /: restore -- "-a b\/"\.$/],
  [
    ["conflicts", "resolve", "-x", "left"],
    /: conflicts resolve -- "-x" left\.$/,
  ],
  [["plan", "-draft.txt"], /^Unknown option "-draft\.txt"\.$/],
  [["why", "a", "--config", "-c"], /^--config needs .* written --config=-c\.$/],
  [["why", "a", "--config"], /^--config needs a value\.$/],
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

// deno-fmt-ignore
const DASHED: readonly [readonly string[], unknown][] = [
  [["why", "--", "-draft.txt"], { path: "-draft.txt" }],
  [["why", "--", "--json"], { path: "--json", isJson: false }],
  [["why", "--json", "--", "-h"], { path: "-h", isJson: true }],
  [["--", "why", "--x"], { command: "why", path: "--x" }],
  [["why", "--", "--"], { path: "--" }],
  [["why", "-"], { path: "-" }],
  [["restore", "--to", "left", "--", "-a/"], { path: "-a/", to: "left" }],
  [["restore", "--list", "--", "-a"], { path: "-a", isList: true }],
  [["conflicts", "resolve", "--", "-x", "both"], { resolve: { path: "-x", take: "both" } }],
  [["conflicts", "resolve", "--config=-c", "--", "--config", "left"], { config: "-c", resolve: { path: "--config", take: "left" } }],
];

for (const [args, asked] of DASHED) {
  Deno.test(`readArguments(${JSON.stringify(args)}) takes a path that begins with a dash`, () => {
    const invocation = readArguments(args);
    assert.deepEqual({ ...invocation, ...asked as object }, invocation);
  });
}

Deno.test("the help names every command, and that of a command all its options", () => {
  const all = helpText(null);
  for (const [name, { does, options }] of Object.entries(COMMANDS)) {
    assert.ok(all.includes(`  ${name}`) && all.includes(does), name);
    const own = helpText(name as CommandName);
    for (const option of options) {
      assert.match(own, new RegExp(`--${option}\\b`));
    }
    assert.match(own, /--help/);
  }
  for (const text of [all, helpText("why")]) {
    for (const code of Object.values(EXIT)) {
      assert.match(text, new RegExp(`^  ${code}  `, "m"));
    }
    for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  }
});

/** [arguments on Windows, what is said] */
const NOT_ON_WINDOWS: readonly (readonly [readonly string[], RegExp])[] = [
  [
    ["restore", 'Ordner A" --config C:\\c\\config.yaml'],
    /double quote.*Ordner A" --config C:\\c\\config\.yaml\. A backslash/,
  ],
  [["why", 'a"b'], /double quote/],
  [["--config", 'C:\\x\\"'], /double quote/],
  [
    ["--config", "C:config.yaml"],
    /^--config: "C:config\.yaml" is not allowed; allowed: a path in full/,
  ],
  [
    ["init", "--left", "C:\\l", "--right", "P:"],
    /^--right: "P:" .*such as P:\\/,
  ],
  [
    ["--report", "nul.html"],
    /^--report: "nul\.html" .*another name, as nul\.html is a device/,
  ],
  [["--report", "C:\\x\\Con.html"], /device/],
  [["schedule", "--write", "NUL"], /^--write: "NUL" .*device/],
  [
    ["schedule", "--write", "\\\\.\\nul"],
    /^--write: .* allowed: a path that begins with a drive or a share/,
  ],
  [["--config", "lpt1"], /device/],
  [
    ["--config", "C:\\x\\config.yaml "],
    /allowed: "C:\\x\\config\.yaml", without blank/,
  ],
  [["--report", "C:\\x\\a.html:b.html"], /names without :/],
];

for (const [args, words] of NOT_ON_WINDOWS) {
  Deno.test(`readArguments() refuses ${JSON.stringify(args)} on Windows only`, () => {
    assert.throws(() => readArguments(args, true), (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.exitCode, EXIT.usage);
      assert.match(error.message, words);
      return true;
    });
    if (!args.includes("NUL") && !args.includes("\\\\.\\nul")) {
      const isHtml = !args.includes("--report") ||
        args.some((it) => it.endsWith(".html"));
      if (isHtml) readArguments(args, false);
    }
  });
}

Deno.test("readArguments() takes a prefix off a path, on Windows", () => {
  const read = (...args: string[]) => readArguments(args, true);
  const config = "\\\\?\\C:\\c\\config.yaml";
  assert.deepEqual(read("--config", config), {
    ...PLAIN,
    config: "C:\\c\\config.yaml",
  });
  const { report } = read(
    "--report=\\\\?\\UNC\\s\\d\\a.html",
  ) as SyncInvocation;
  assert.equal(report, "\\\\s\\d\\a.html");
});

for (const mark of ["/?", "-?"]) {
  Deno.test(`readArguments() takes ${mark} for --help, on Windows`, () => {
    const help = { command: "help", config: null };
    assert.deepEqual(readArguments([mark], true), { ...help, of: null });
    assert.deepEqual(readArguments(["plan", mark], true), {
      ...help,
      of: "plan",
    });
    assert.deepEqual(readArguments(["--config", "a", mark], true), {
      ...help,
      of: null,
    });
    assert.throws(() => readArguments([mark], false), UsageError);
  });
}

/** [access, arguments] */
const ACCESS = [
  ["plan", ["plan"]],
  ["plan", ["sync", "--dry-run"]],
  ["plan", ["--dry-run"]],
  ["plan", ["history", "12"]],
  ["plan", ["conflicts"]],
  ["plan", ["restore", "--list"]],
  ["plan", ["why", "sync"]],
  ["plan", ["schedule"]],
  ["plan", ["--limit", "5", "history"]],
  ["sync", ["sync"]],
  ["sync", ["--quiet", "sync"]],
  ["sync", ["conflicts", "resolve", "a.txt", "left"]],
  ["panel", ["panel"]],
  ["sync", ["restore", "plan", "--from", "3"]],
  ["sync", ["--config", "plan", "sync"]],
  ["sync", ["--config=config.yaml"]],
  // What comes after -- is a path, not an option.
  ["sync", ["restore", "--", "--dry-run"]],
  ["doctor", ["doctor"]],
  [null, ["init", "--left", "a"]],
] as const;

for (const [access, args] of ACCESS) {
  Deno.test(`accessOf() gives "${args.join(" ")}" what it has to touch`, () => {
    const asked = readArguments(args) as CommandInvocation;
    assert.equal(accessOf(asked), access);
  });
}

for (
  const args of [
    ["sync", "-h"],
    ["--version"],
    ["plan", "--help", "--config", "missing.yaml"],
  ]
) {
  Deno.test(`readArguments() asks for no config with "${args.join(" ")}"`, () => {
    assert.match(readArguments(args).command, /^(?:help|version)$/);
  });
}
