import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { runProgram } from "../lib/cli_program.ts";
import { filesHere } from "../lib/files_handlers.ts";
import {
  binaryHost,
  bundle,
  compile,
  COMPILE_HELP,
  type MadeFor,
  planBinary,
  planTold,
  requireSameText,
  runTask,
} from "../lib/release_binary.ts";
import { binaryProgram } from "../lib/sandbox_threads.ts";
import { MemoryOffice, Office, read, saidBy } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

const EMAIL =
  "email: { smtp_host: mail.example, smtp_port: 2525, username: u, password_env: MAIL_PW, from: a@b.c, to: a@b.c }\n";

/** Makes a binary without trying it out: on this base it is no program. */
const HARNESS = `
import { compileBinary, planBinary } from ${
  JSON.stringify(import.meta.resolve("../lib/release_binary.ts"))
};
const [config, output] = Deno.args;
const plan = await planBinary({ config, output });
await compileBinary(plan);
console.log(JSON.stringify(plan.flags));
`;

async function deno(
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const [out = "", err = ""] = [stdout, stderr].map((it) =>
    new TextDecoder().decode(it)
  );
  return { code, out, err };
}

/** What a compiled file says of how it is to be run. */
function baked(file: string) {
  const bytes = Buffer.from(Deno.readFileSync(file));
  const text = bytes.toString("utf8", bytes.lastIndexOf('{"argv":'));
  return JSON.parse(/^.*?"app_name":"[^"]*"\}/u.exec(text)?.[0] ?? "");
}

Deno.test("a binary has the permissions baked in that sandbox_permissions.ts says, and no others", async () => {
  using office = new Office(EMAIL);
  const harness = join(office.folder, "harness.ts");
  Deno.writeTextFileSync(harness, HARNESS);
  const output = join(office.folder, "office-sync");
  const made = await deno(
    [
      ...["run", "-A", "--frozen", `--config=${fromFileUrl("../deno.json")}`],
      ...[harness, "config.yaml", output],
    ],
    office.folder,
    { DENORT_BIN: Deno.execPath() },
  );
  assert.equal(made.code, 0, made.err);
  const { permissions, argv, entrypoint_key, app_name } = baked(output);
  // It is no program, but a Deno with all permissions.
  Deno.removeSync(output);

  const { folder } = office;
  // The old name, too: whether that knows the roots turns out when it runs.
  const state = ["config.db", "office-sync.db"].flatMap((name) => [
    `${folder}/${name}`,
    `${folder}/${name}.lock`,
  ]);
  const touched = [office.left, office.right, ...state, `${folder}/logs`];
  const { prompt, ...lists } = permissions;
  assert.equal(prompt, false);
  const allowed = Object.entries(lists).filter(([, list]) => list !== null);
  assert.deepEqual(Object.fromEntries(allowed), {
    ignore_env: [],
    allow_env: ["MAIL_PW"],
    allow_net: ["mail.example:2525", "127.0.0.1:0"],
    allow_import: ["nowhere.invalid:1"],
    allow_sys: [
      "statfs",
      "osUptime",
      "hostname",
      "userInfo",
      "uid",
      "gid",
    ],
    allow_read: [...touched, office.config],
    allow_write: [...touched, `${folder}/config.db.panel.html`],
  });
  const { flags } = await planBinary({ config: office.config });
  assert.deepEqual(JSON.parse(made.out), flags);
  assert.deepEqual([entrypoint_key, app_name], ["main.js", "office-sync"]);
  assert.ok(argv[0].startsWith("--made-for="));
  const said: MadeFor = JSON.parse(argv[0].replace("--made-for=", ""));
  assert.equal(said.config.file, office.config);
  assert.notEqual(said.sandbox.files, "all");
  // No thread has both: who listens has no mail server, who mails no port.
  assert.deepEqual(said.sandbox.engine.net, ["mail.example:2525"]);
  assert.deepEqual([said.panel.net, said.panel.env], [["127.0.0.1:0"], []]);
  const engineOf = (...args: string[]) =>
    binaryProgram(said, args).sandbox.engine;
  for (const args of [["panel"], ["--config", "x", "panel", "--no-browser"]]) {
    assert.deepEqual(engineOf(...args), said.panel);
  }
  for (const args of [[], ["sync"], ["why", "panel"], ["--config=panel"]]) {
    assert.deepEqual(engineOf(...args), said.sandbox.engine);
  }
});

Deno.test("what is baked holds no password", async () => {
  using office = new Office(
    EMAIL.replace("password_env: MAIL_PW", "password: s3cret"),
  );
  const plan = await planBinary({ config: office.config });
  assert.doesNotMatch(JSON.stringify(plan), /s3cret/);
});

const WINDOWS = "x86_64-pc-windows-msvc";

/** A config for a Windows computer, in a folder of this one. */
async function windowsPlan(text: string, changes: Record<string, string> = {}) {
  const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  try {
    const config = join(folder, "config.yaml");
    Deno.writeTextFileSync(config, text);
    return await planBinary({
      config,
      target: WINDOWS,
      output: join(folder, "office-sync"),
      "config-path": "C:\\office\\config.yaml",
      ...changes,
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("paths of Windows are baked as they are, P: without a backslash at its end", async () => {
  const plan = await windowsPlan(
    "left_root: C:\\pdrive_local\nright_root: P:\\\n",
  );
  const own = "C:\\office\\config.db,C:\\office\\config.db.lock," +
    "C:\\office\\office-sync.db,C:\\office\\office-sync.db.lock," +
    "C:\\office\\logs";
  assert.deepEqual(plan.flags.slice(-2), [
    `--allow-read=C:\\pdrive_local,P:/,${own},C:\\office\\config.yaml`,
    `--allow-write=C:\\pdrive_local,P:/,${own},` +
    "C:\\office\\config.db.panel.html",
  ]);
  assert.match(plan.output, /office-sync\.exe$/);
});

Deno.test("a share is refused for Windows, or takes all permissions, as the config says", async () => {
  const text = "left_root: C:\\l\nright_root: \\\\server\\share\n";
  await assert.rejects(
    windowsPlan(`${text}sandbox: { network_roots: refuse }\n`),
    /on the network/,
  );
  const open = await windowsPlan(text);
  assert.equal(open.made.sandbox.files, "all");
  assert.deepEqual(open.flags, ["--no-prompt", "--allow-all"]);
});

const WRONG: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  [
    "left_root: C:\\l\nright_root: P:\\\n",
    { "config-path": "/srv/config.yaml" },
    /^--config-path: .* no full path on Windows/,
  ],
  [
    "left_root: C:\\l\nright_root: P:\\\n",
    { target: "x86_64-unknown-linux-gnu" },
    /^--config-path: .* no full path on this system/,
  ],
  [
    "left_root: C:\\l\nright_root: P:\\\n",
    { target: "x86_64-unknown-linux-gnu", "config-path": "/srv/config.yaml" },
    /^left_root: .* no full path on this system/,
  ],
];

for (const [text, changes, message] of WRONG) {
  Deno.test(`paths of another system are refused: ${message.source}`, async () => {
    await assert.rejects(windowsPlan(text, changes), { message });
  });
}

/** Runs the bundle as a binary runs it: baked argument, baked flags. */
async function inBinary(office: Office, plan: string[], ...args: string[]) {
  const [app = "", made = "", ...flags] = plan;
  // A binary reads its worker from itself; here it is a file.
  const withApp = flags.map((flag) =>
    flag.startsWith("--allow-read=") ? `${flag},${app}` : flag
  );
  const bin = join(app, "main.js");
  const run = ["run", "--no-config", "--no-lock", "--unstable-worker-options"];
  return await deno([...run, ...withApp, bin, made, ...args], office.folder);
}

async function binaryOf(office: Office): Promise<string[]> {
  const { made, flags } = await planBinary({ config: office.config });
  const app = join(office.folder, "app");
  Deno.mkdirSync(app);
  await bundle(app);
  return [app, `--made-for=${JSON.stringify(made)}`, ...flags];
}

Deno.test("a binary syncs, and says in words what it was not made for", async () => {
  using office = new Office();
  office.write({ left: { "a.txt": "one", d: { "b.txt": "two" } } });
  const binary = await binaryOf(office);
  const inside = (...args: string[]) => inBinary(office, binary, ...args);

  const synced = await inside();
  assert.equal(synced.code, 0, synced.err);
  assert.deepEqual(read(office.right), {
    "a.txt": "one",
    d: { "b.txt": "two" },
  });
  assert.equal((await inside("plan", "--config=config.yaml")).code, 0);
  const checked = await inside("doctor", "--config", office.config);
  assert.equal(checked.code, 0, checked.out + checked.err);

  const help = await inside("--help");
  assert.match(help.out, /^Usage: office-sync \[COMMAND\]/m);
  assert.ok(help.out.includes(`(default: ${office.config})`), help.out);

  const report = join(office.folder, "page.html");
  const refused: readonly (readonly [string[], RegExp])[] = [
    [["--report", report], /^--report: .* can't write .*page\.html/],
    [["schedule", "cron", "--write", report], /^--write: .* can't write /],
  ];
  for (const [args, words] of refused) {
    const { code, err } = await inside(...args);
    assert.deepEqual([code, words.test(err)], [2, true], err);
  }
  const page = join(office.folder, "logs", "page.html");
  assert.equal((await inside("--report", page)).code, 0);

  const text = Deno.readTextFileSync(office.config);
  Deno.writeTextFileSync(office.config, text.replace(": left", ": elsewhere"));
  const { code, err } = await inside("plan");
  assert.equal(code, 2);
  assert.match(err, /^This office-sync was made for other folders .*left_root/);
  assert.match(err, /elsewhere.*\n.*deno task compile --config/);
});

Deno.test("a binary reads the config that it was made for, and no other, and makes none", async () => {
  using office = new MemoryOffice();
  const { made } = await planBinary({ config: office.config });
  const host = binaryHost(made, (roots) => Promise.resolve(filesHere(roots)));
  const inside = (...args: string[]) => {
    const all = [`--config=${office.config}`, ...args];
    return saidBy(() => runProgram(all, host));
  };
  const other = join(office.folder, "other.yaml");
  Deno.copyFileSync(office.config, other);
  const refused: readonly (readonly [string[], RegExp])[] = [
    [["--config", other], /made for the config .*deno task compile --config/s],
    [["init"], /has its config/],
  ];
  for (const [args, words] of refused) {
    const { code, stderr } = await inside(...args);
    assert.deepEqual([code, words.test(stderr)], [2, true], stderr);
  }
  assert.equal((await inside("history", "--config", office.config)).code, 0);
});

Deno.test("requireSameText() lets pass what changes no sandbox", async () => {
  using office = new Office(EMAIL);
  const { made } = await planBinary({ config: office.config });
  requireSameText(made, made.config);
  // The log has a folder of its own: more files in it are no other sandbox.
  const logging = { ...made.config.logging, maxFiles: 9 };
  requireSameText(made, { ...made.config, logging });
  const email = { ...made.config.email!, smtpPort: 465 };
  assert.throws(
    () => requireSameText(made, { ...made.config, email }),
    /email\.smtp_port was "2525" and is "465"/,
  );
});

/** The real command. */
function compileFor(
  office: Office,
  args: string[],
  env: Record<string, string>,
) {
  const script = fromFileUrl("../tools/compile.ts");
  return deno(["run", "-A", script, ...args], office.folder, env);
}

Deno.test("compile says in one line what to do where the base can't be downloaded, and before that what there is to say of the config", async () => {
  using office = new Office("sandbox: { network_roots: allow_all }\n");
  // A system nobody has made one for here, and a network that is down.
  const { code, out, err } = await compileFor(
    office,
    ["--target", "aarch64-apple-darwin"],
    { HTTPS_PROXY: "http://127.0.0.1:1" },
  );
  assert.deepEqual([code, out], [5, ""]);
  assert.match(
    err,
    /^sandbox\.network_roots: allow_all is called fence now: .*\nThe base runtime .*DENORT_BIN=FILE.*deno task package\.\n$/,
  );
});

/** What is said of a drive that can't be seen from here. */
const DRIVE =
  /^If P: is a network drive on that computer, .* will stop there .*\.$/;

Deno.test("compile leaves nothing that is not office-sync: a deno as its base has no sandbox", async () => {
  using office = new Office();
  const env = { DENORT_BIN: Deno.execPath() };
  const { code, err } = await compileFor(office, [], env);
  assert.equal(code, 2);
  assert.match(
    err,
    /^What came out is not office-sync, .* DENORT_BIN must name/,
  );
  assert.throws(
    () => Deno.statSync(join(office.folder, "office-sync")),
    Deno.errors.NotFound,
  );
});

/** A denort of this very version; the deno executable is none. */
const DENORT = Deno.env.get("DENORT_BIN");

/** Tries to get at a neighbour's file, by its name and as a module. */
const THIEF = `
const [file] = Deno.args;
const tries = [
  () => JSON.parse(Deno.readTextFileSync(file)),
  async () => {
    const options = { with: { type: "json" } };
    return (await import("file://" + file, options)).default;
  },
];
const results = [];
for (const it of tries) {
  try {
    results.push(await it());
  } catch ({ name }) {
    results.push(name);
  }
}
console.log(JSON.stringify(results));
`;

Deno.test({
  name: DENORT === undefined
    ? "not tried, for DENORT_BIN names none: a binary on a real denort"
    : "a binary on a real denort syncs, opens no neighbour's file, and imports one all the same",
  ignore: DENORT === undefined,
  fn: async () => {
    using office = new Office();
    office.write({ left: { "a.txt": "one" }, right: { "b.txt": "two" } });
    const env = { DENORT_BIN: DENORT! };
    const made = await compileFor(office, [], env);
    assert.equal(made.code, 0, made.err);
    const run = async (name: string, ...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(
        join(office.folder, name),
        { args, cwd: office.folder, stdin: "null" },
      ).output();
      const [out = "", err = ""] = [stdout, stderr].map((it) =>
        new TextDecoder().decode(it)
      );
      return { code, out, err };
    };
    const synced = await run("office-sync");
    assert.equal(synced.code, 0, synced.err);
    const all = { "a.txt": "one", "b.txt": "two" };
    assert.deepEqual(office.trees(), { left: all, right: all });
    const checked = await run("office-sync", "doctor");
    assert.equal(checked.code, 0, checked.out + checked.err);
    assert.match(checked.out, /^ok {7}Left, wall: Deno's permissions: /m);

    Deno.writeTextFileSync(join(office.folder, "thief.js"), THIEF);
    const { flags } = await planBinary({ config: office.config });
    const thief = await deno(
      ["compile", "--no-config", "--output=thief", ...flags, "thief.js"],
      office.folder,
      env,
    );
    assert.equal(thief.code, 0, thief.err);
    const secret = join(office.folder, "neighbour.json");
    Deno.writeTextFileSync(secret, '"secret"');
    const { out, err } = await run("thief", secret);
    assert.deepEqual(JSON.parse(out || "[]"), ["NotCapable", "secret"], err);
  },
});

Deno.test("under deno run the same permissions keep the same file from being imported", async () => {
  using office = new Office();
  Deno.writeTextFileSync(join(office.folder, "thief.js"), THIEF);
  const secret = join(office.folder, "neighbour.json");
  Deno.writeTextFileSync(secret, '"secret"');
  const { flags } = await planBinary({ config: office.config });
  const { out, err } = await deno(
    ["run", "--no-config", ...flags, "thief.js", secret],
    office.folder,
  );
  const [opened, imported] = JSON.parse(out || "[]");
  assert.equal(opened, "NotCapable", err);
  assert.match(imported, /Error|NotCapable/);
});

const BASES: readonly (readonly [string, string, string, RegExp])[] = [
  [
    "of another system",
    "base",
    "",
    /must be a denort \S+ for x86_64-pc-windows-msvc, whose name ends in \.exe\.\n$/,
  ],
  [
    "that is the deno executable",
    "base.exe",
    "Compile the script into a self contained executable",
    /is the deno executable, and must be a denort /,
  ],
];

/** The command in this process, with a base. */
function compileHere(args: readonly string[], base: string) {
  const run = () => runTask(args, COMPILE_HELP, compile);
  return saidBy(run, { DENORT_BIN: base });
}

for (const [what, name, text, words] of BASES) {
  Deno.test(`compile refuses a base ${what} for another target, in one line`, async () => {
    using office = new MemoryOffice();
    Deno.writeTextFileSync(
      office.config,
      "left_root: C:\\l\nright_root: D:\\r\n",
    );
    const base = join(office.folder, name);
    Deno.writeTextFileSync(base, text);
    const { code, stdout, stderr } = await compileHere([
      ...["--config", office.config, "--target", WINDOWS],
      ...["--config-path", "C:\\o\\config.yaml"],
    ], base);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^DENORT_BIN: "[^"\n]*base(?:\.exe)?" [^\n]*\n$/);
    assert.match(stderr, words);
  });
}

Deno.test("the deno executable is known by the words that a base is looked at for", () => {
  const bytes = Buffer.from(Deno.readFileSync(Deno.execPath()));
  assert.ok(
    bytes.includes("Compile the script into a self contained executable"),
  );
});

for (const consent of ["refuse", "fence"]) {
  Deno.test(`compile for Windows tells in a line what a drive means that can't be seen from here, with ${consent}`, async () => {
    const told = async (left: string, right: string) =>
      planTold(
        await windowsPlan(
          `left_root: ${left}\nright_root: ${right}\n` +
            `sandbox: { network_roots: ${consent} }\n`,
        ),
      );
    const [line = "", ...more] = await told("C:\\l", "p:\\");
    assert.match(line, DRIVE);
    assert.deepEqual(more, []);
    assert.deepEqual(await told("C:\\l", "c:\\r"), []);
  });
}

Deno.test("compile refuses --target z80", async () => {
  using office = new Office();
  const { code, err } = await compileFor(office, ["--target", "z80"], {});
  assert.equal(code, 2);
  assert.match(err, /^deno compile failed: invalid value 'z80'.*\n$/);
});

for (
  const [args, words, base] of [
    [[], /^DENORT_BIN: "\/none" is no file\.\n/, "/none"],
    [["--frobnicate"], /^Unknown option "--frobnicate"\.\n/],
    [["--output="], /^--output needs a value\.\n/],
    [["--config", "missing.yaml"], /^\S*missing\.yaml: there is no such file/],
  ] as const
) {
  Deno.test(`compile refuses ${args.join(" ") || "a base that is not there"}`, async () => {
    using office = new MemoryOffice();
    const given = args[0] === "--config" ? [] : ["--config", office.config];
    const { code, stderr } = await compileHere([...given, ...args], base ?? "");
    assert.equal(code, 2);
    assert.match(stderr, words);
  });
}
