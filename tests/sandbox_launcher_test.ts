import assert from "node:assert/strict";
import { join } from "node:path";
import { loadConfig } from "../lib/config_loader.ts";
import {
  cleanEnvironment,
  launch,
  type Started,
  V8_FLAGS,
} from "../lib/sandbox_launcher.ts";
import { IN_SANDBOX, startedAs } from "../lib/started_as.ts";
import { saidBy } from "./support/support.ts";

/** What the program was told, and its arguments. */
const taken = (args: readonly string[]) =>
  startedAs<Started>(IN_SANDBOX, args)!;

/** Says how it was started, then does what the variable ACT says. */
const PROGRAM = `
const can = (name, path) => Deno.permissions.querySync({ name, path }).state;
const signals = [];
for (const signal of Deno.build.os === "windows" ? [] : ["SIGINT", "SIGTERM"]) {
  Deno.addSignalListener(signal, () => signals.push(signal));
}
const paths = ["left", "right", "config.db", "logs", "config.yaml", "out.html"];
console.log(JSON.stringify({
  args: Deno.args,
  read: paths.filter((path) => can("read", path) === "granted"),
  write: paths.filter((path) => can("write", path) === "granted"),
  others: ["net", "env", "run", "ffi", "sys", "read", "write"]
    .filter((name) => Deno.permissions.querySync({ name }).state === "granted"),
  password: Deno.env.get("MAIL_PW") ?? null,
}));
const act = Deno.args.find((arg) => arg.startsWith("act:"));
if (act === "act:exit") Deno.exit(7);
if (act === "act:die") Deno.kill(Deno.pid, "SIGKILL");
if (act === "act:read") console.log(await new Response(Deno.stdin.readable).text());
if (act === "act:wait") {
  while (signals.length === 0) await new Promise((done) => setTimeout(done, 20));
  // Time for a second one that must not come.
  await new Promise((done) => setTimeout(done, 300));
  console.log(signals.join());
  Deno.exit(signals.length === 1 ? 130 : 99);
}
`;

const HARNESS = (launcher: string, program: string) => `
import { launch } from ${JSON.stringify(launcher)};
const [first, ...rest] = Deno.args;
const isWindows = first === "on-windows";
Deno.exitCode = await launch(isWindows ? rest : Deno.args, {
  program: ${JSON.stringify(program)},
  ...isWindows ? { isWindows } : {},
});
`;

/** A folder to start from, with a config and a stand-in for the program. */
class Office implements Disposable {
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());

  constructor(config: string | null = "left_root: left\nright_root: right\n") {
    for (const name of ["left", "right", "start"]) {
      Deno.mkdirSync(this.at(name));
    }
    this.write("cli_program.ts", PROGRAM);
    const launcher = import.meta.resolve("../lib/sandbox_launcher.ts");
    this.write(
      "start/harness.ts",
      HARNESS(launcher, this.at("cli_program.ts")),
    );
    if (config !== null) this.write("config.yaml", config);
  }

  at(...names: string[]): string {
    return join(this.folder, ...names);
  }

  write(name: string, text: string): void {
    Deno.writeTextFileSync(this.at(name), text);
  }

  /** With the permissions the launcher has to make do with. */
  command(args: string[], options: Deno.CommandOptions = {}): Deno.Command {
    const config = join(import.meta.dirname ?? "", "..", "deno.json");
    return new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "--frozen", `--config=${config}`],
        ...["--ignore-env", "--allow-read", "--allow-run"],
        ...[this.at("start", "harness.ts"), ...args],
      ],
      cwd: this.folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...options,
    });
  }

  async launch(args: string[], options: Deno.CommandOptions = {}) {
    const { code, stdout, stderr } = await this.command(args, options).output();
    const [out, err] = [stdout, stderr].map((it) =>
      new TextDecoder().decode(it)
    );
    return { code, out: out ?? "", err: err ?? "" };
  }

  /** In this process, where it starts no program. */
  here(...args: readonly string[]) {
    return saidBy(() => launch(args, { program: "nothing" }));
  }

  /** How the program was started. */
  async start(args: string[], options: Deno.CommandOptions = {}) {
    const { code, out, err } = await this.launch(args, options);
    assert.equal(err, "");
    assert.equal(code, 0);
    return JSON.parse(out);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

const WRITING = ["left", "right", "config.db", "logs"];
const READING = [...WRITING, "config.yaml"];

Deno.test("launch() starts a sync that may write roots, state DB and logs, and nothing else", async () => {
  using office = new Office();
  const { read, write, others } = await office.start([]);
  assert.deepEqual([read, write, others], [READING, WRITING, []]);
});

Deno.test("launch() lets a command that only looks write logs only", async () => {
  using office = new Office();
  const { read, write } = await office.start(["plan"]);
  assert.deepEqual([read, write], [READING, ["logs"]]);
});

for (const args of [["--help"], ["frobnicate"], ["--config"]]) {
  Deno.test(`launch() starts "${args.join(" ")}" with no permission, without a config`, async () => {
    using office = new Office(null);
    const { read, write, others } = await office.start(args);
    assert.deepEqual([read, write, others], [[], [], []]);
  });
}

Deno.test("launch() starts what is wrong on Windows with no permission: the program says what it is", async () => {
  using office = new Office();
  const { read, write } = await office.start(["on-windows", "/?"]);
  assert.deepEqual([read, write], [[], []]);
});

Deno.test("launch() lets init write the config it is to make", async () => {
  using office = new Office(null);
  const { read, write } = await office.start(["init", "--left", "left"]);
  assert.deepEqual([read, write], [["config.yaml"], ["config.yaml"]]);
});

Deno.test("launch() lets a report be written, in a plan as well", async () => {
  using office = new Office();
  for (
    const args of [["plan", "--report", "out.html"], [
      "plan",
      "--report=out.html",
    ]]
  ) {
    assert.deepEqual((await office.start(args)).write, ["logs", "out.html"]);
  }
  const started = await office.start([
    "schedule",
    "--write",
    office.at("out.html"),
  ]);
  assert.deepEqual(started.write, ["logs", "out.html"]);
});

Deno.test("launch() refuses a folder as a report: all in it could be written", async () => {
  using office = new Office();
  const config = office.at("config.yaml");
  const args = ["schedule", "--config", config, "--write", "."];
  const { code, stderr } = await office.here(...args);
  assert.equal(code, 2);
  assert.equal(stderr, "The output file . is a folder.\n");
});

Deno.test("launch() hands on arguments unchanged", async () => {
  using office = new Office();
  const args = ["sync", "--x=1", "", "a b", "ü,*", '"', "--", "--help", "\\"];
  const started = await office.start(args);
  assert.deepEqual(taken(started.args).rest, args);
});

Deno.test("launch() reads the config once, and hands it on", async () => {
  using office = new Office();
  for (const said of ["config.yaml", office.at("config.yaml")]) {
    const { args } = await office.start(["plan", "--config", said]);
    const config = await loadConfig(office.at("config.yaml"));
    // With the one state DB that is meant.
    const resolved = { ...config, oldStateDb: null };
    assert.deepEqual(taken(args).told.handed, { said, config: resolved });
  }
});

Deno.test("launch() hands on no password: others can see what a program is started with", async () => {
  const mail =
    "email: { smtp_host: localhost, username: u, password: 5ecret, from: a@b.c, to: a@b.c }";
  using office = new Office(`left_root: left\nright_root: right\n${mail}\n`);
  const { args } = await office.start(["sync"]);
  assert.equal(taken(args).told.handed?.config, null);
  assert.deepEqual(taken(args).rest, ["sync"]);
});

Deno.test("launch() leaves a config to the program that is too long for a command line", async () => {
  const names = Array.from({ length: 2_000 }, (_, n) => `name-${n}`);
  using office = new Office(
    `left_root: left\nright_root: right\nignore: { filenames_exact: [${names}] }\n`,
  );
  const { args } = await office.start(["sync"]);
  assert.equal(taken(args).told.handed?.config, null);
  assert.deepEqual(taken(args).rest, ["sync"]);
});

Deno.test("launch() hides the environment, but for the password's variable", async () => {
  const mail =
    "email: { smtp_host: localhost, username: u, password_env: MAIL_PW, from: a@b.c, to: a@b.c }";
  using office = new Office(`left_root: left\nright_root: right\n${mail}\n`);
  const env = { MAIL_PW: "p" };
  assert.equal((await office.start(["sync"], { env })).password, "p");
  assert.equal((await office.start(["plan"], { env })).password, null);
});

Deno.test("launch() takes a config from the current folder, wherever the program is", async () => {
  using office = new Office();
  const cwd = office.at("start");
  Deno.renameSync(office.at("config.yaml"), office.at("start", "config.yaml"));
  // These folders may belong to another project with settings of its own.
  for (const folder of [".", "start"]) {
    office.write(`${folder}/deno.json`, '{ "compilerOptions": 5 }');
  }
  const { write } = await office.start(["sync"], { cwd });
  assert.ok(write.includes("left"));
  const named = await office.launch(["--config", "../config.yaml"], { cwd });
  assert.equal(named.code, 2);
});

Deno.test("launch() hands on standard input and the exit code", async () => {
  using office = new Office();
  const child = office.command(["sync", "act:read"], { stdin: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("yes\n"));
  await writer.close();
  const { stdout } = await child.output();
  assert.match(new TextDecoder().decode(stdout), /\nyes\n/);
  assert.equal((await office.launch(["sync", "act:exit"])).code, 7);
});

Deno.test({
  name: "launch() ends with 5 if something killed the program, and says so",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    using office = new Office();
    const { code, err } = await office.launch(["sync", "act:die"]);
    assert.equal(code, 5);
    assert.match(err, /^The program was ended by SIGKILL: .*\n$/);
  },
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `launch() passes on ${signal} once, and waits for the program`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      using office = new Office();
      const child = office.command(["sync", "act:wait"]).spawn();
      const lines = child.stdout.pipeThrough(new TextDecoderStream());
      let text = "";
      for await (const part of lines) {
        if (text === "") child.kill(signal);
        text += part;
      }
      assert.equal(text.trim().split("\n").at(-1), signal);
      assert.equal((await child.status).code, 130);
      await child.stderr.cancel();
    },
  });
}

Deno.test("launch() says what to do where there is no config, in one line", async () => {
  using office = new Office(null);
  const { code, out, err } = await office.launch(["plan"]);
  assert.deepEqual([code, out], [2, ""]);
  assert.match(
    err,
    /^There is no .*config\.yaml; .* --config FILE, .* the command init\.\n$/,
  );
});

const BAD = "left_root: left\nright_rot: right\nstate_db: 3\n";

Deno.test("launch() tells each problem of a config in a line of its own, exit code 2", async () => {
  using office = new Office(BAD);
  const { code, stdout, stderr } = await office.here(
    "sync",
    "--config",
    office.at("config.yaml"),
  );
  assert.equal(code, 2);
  assert.equal(stdout, "");
  const lines = stderr.trimEnd().split("\n");
  assert.equal(lines.length, 3);
  for (const line of lines) assert.match(line, /config\.yaml:\d+:\d+: /);
});

Deno.test("launch() tells problems as JSON with --json", async () => {
  using office = new Office(BAD);
  const config = office.at("config.yaml");
  const all = ["sync", "--json", "--config", config];
  const { code, stdout, stderr } = await office.here(...all);
  assert.equal(code, 2);
  assert.equal(stderr, "");
  const { error } = JSON.parse(stdout);
  assert.equal(error.code, 2);
  assert.equal(error.problems.length, 3);
  const keys = ["column", "file", "key", "line", "message"];
  for (const it of error.problems) {
    assert.deepEqual(Object.keys(it).sort(), keys);
  }
  using none = new Office(null);
  const missing = await none.launch(["--json"]);
  assert.equal(missing.code, 2);
  assert.deepEqual(JSON.parse(missing.out).error.problems, []);
});

Deno.test("a run may take more memory than a PC has: the system pages it out", () => {
  const limit = 'import v8 from "node:v8";' +
    "console.log(v8.getHeapStatistics().heap_size_limit)";
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["eval", V8_FLAGS, limit],
  }).outputSync();
  const bytes = Number(new TextDecoder().decode(stdout));
  assert.ok(bytes >= 16 * 1024 ** 3, `${bytes} bytes`);
});

/** Settings that end a program at its start, or let others into it. */
const FOREIGN = {
  DENO_V8_FLAGS: "--help",
  NODE_OPTIONS: "--require /nowhere.js",
  DENO_TOKIO_EVENT_INTERVAL: "often",
  DENO_UNSTABLE_CONTROL_SOCK: "/nowhere",
  DENO_PERMISSION_BROKER_PATH: "/nowhere",
  NODE_CHANNEL_FD: "5",
  OTEL_DENO: "true",
  DENO_NEVER_HEARD_OF: "1",
  SSLKEYLOGFILE: "/nowhere/keys",
};

Deno.test("settings that are made for other programs of Deno and Node don't reach the program", async () => {
  using place = new Office();
  const launcher = import.meta.resolve("../lib/sandbox_launcher.ts");
  const names = JSON.stringify(Object.keys(FOREIGN));
  place.write(
    "program.js",
    `Deno.exit(${names}.some((it) => Deno.env.has(it)) ? 1 : 7);`,
  );
  // In a process of its own: tests of other files start programs meanwhile.
  place.write(
    "harness.ts",
    `import { runInSandbox } from ${JSON.stringify(launcher)};
    for (const [name, value] of Object.entries(${JSON.stringify(FOREIGN)})) {
      Deno.env.set(name, value);
    }
    const flags = ["--no-prompt", "--allow-env"];
    Deno.exit(await runInSandbox(flags, [${
      JSON.stringify(place.at("program.js"))
    }]));`,
  );
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", place.at("harness.ts")],
  }).output();
  assert.equal(code, 7, new TextDecoder().decode(stderr));
});

Deno.test("what a mail's certificate and an audit need, and all that is not Deno's, is left", () => {
  const kept = {
    PATH: "/bin",
    DENO_CERT: "/c.pem",
    DENO_TLS_CA_STORE: "system",
    NODE_EXTRA_CA_CERTS: "/d.pem",
    DENO_DIR: "/cache",
    DENO_AUDIT_PERMISSIONS: "/used.jsonl",
    OFFICE_PASSWORD: "1",
    MY_DENO_X: "1",
    NO_COLOR: "1",
  };
  assert.deepEqual(cleanEnvironment({ ...FOREIGN, ...kept }), kept);
  assert.equal(cleanEnvironment({}), null, "there is nothing to be seen");
});
