import assert from "node:assert/strict";
import { TypedLine } from "../lib/cli_output.ts";
import { launchedHost, runProgram } from "../lib/cli_program.ts";
import { configText } from "../lib/command_init.ts";
import { loadConfig, parseConfig } from "../lib/config_loader.ts";
import { PROPOSED } from "./support/config_lines.ts";
import { type CommandResult, MemoryOffice, saidBy } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

const EXAMPLE = Deno.readTextFileSync(fromFileUrl("../config.example.yaml"));
const LAUNCH = fromFileUrl("../main.ts");

/** A folder without a config, to be in. */
class Desk implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  readonly config = `${this.folder}/config.yaml`;

  #args(args: readonly string[]): string[] {
    return ["run", "--no-prompt", "-A", LAUNCH, "init", ...args];
  }

  /** The command in this process, without a terminal. */
  here(...args: readonly string[]) {
    const all = ["init", "--config", this.config, ...args];
    const filesOf = () => Promise.reject(new Error("init has no roots yet"));
    return saidBy(() => runProgram(all, launchedHost(null, filesOf)));
  }

  /** The real command, launcher and sandbox included, without a terminal. */
  async init(...args: readonly string[]) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: this.#args(args),
      cwd: this.folder,
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** The same at a terminal, where somebody answers what is asked. */
  async typed(
    answers: readonly (readonly [
      asked: string,
      line: string,
      meanwhile?: () => void,
    ])[],
  ) {
    const words = [Deno.execPath(), ...this.#args([])];
    const line = words.map((word) => `'${word}'`).join(" ");
    const command = new Deno.Command("script", {
      args: ["-qec", line, "/dev/null"],
      cwd: this.folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    // A question that nobody answers must not hold the tests up.
    const patience = setTimeout(() => command.kill(), 20_000);
    const writer = command.stdin.getWriter();
    const decoder = new TextDecoder();
    let [shown, seen, next] = ["", 0, 0];
    for await (const chunk of command.stdout) {
      shown += decoder.decode(chunk, { stream: true });
      const [asked = "", line = "", meanwhile] = answers[next] ?? [];
      if (next === answers.length || !shown.slice(seen).includes(asked)) {
        continue;
      }
      next++;
      seen = shown.length;
      meanwhile?.();
      await writer.write(new TextEncoder().encode(line));
    }
    clearTimeout(patience);
    writer.close().catch(() => {});
    return { code: (await command.status).code, shown };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("init names the config so that it can be copied into a command line", async () => {
  using desk = new Desk();
  const config = `${desk.folder}/my config.yaml`;
  const roots = ["--left", `${desk.folder}/l`, "--right", `${desk.folder}/r`];
  const { code, stdout } = await desk.here(...roots, "--config", config);
  assert.equal(code, 0);
  assert.ok(
    stdout.includes(`deno task sync doctor --config "${config}" `),
    stdout,
  );
});

Deno.test("init with both folders asks nothing, and writes the example with them", async () => {
  using desk = new Desk();
  const left = `${desk.folder}/it's "my" $& left #1`;
  const { code, stdout } = await desk.init("--left", left, "--right", "P:\\");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^Written: config\.yaml\. .*\nNext: deno task sync doctor /,
  );
  const config = await loadConfig(desk.config);
  assert.equal(config.roots.left, left);
  assert.equal(config.roots.right, "P:\\");
  assert.equal(config.email, null);
  assert.deepEqual(config.ignore, PROPOSED);
  const roots = /^(left|right)_root: .*$/gm;
  const text = Deno.readTextFileSync(desk.config);
  assert.equal(text.replace(roots, ""), EXAMPLE.replace(roots, ""));
});

Deno.test("init's config is one that a run and a plan take", async () => {
  using desk = new Desk();
  using office = new MemoryOffice();
  Deno.removeSync(office.config);
  const { code } = await desk.here(
    ...["--left", office.left, "--right", office.right],
    ...["--config", office.config],
  );
  assert.equal(code, 0);
  assert.equal((await office.commandHere()).code, 0);
});

/** What init does not ask about mails. */
const DEFAULTS = { tellAfterHours: 24, remindDays: 7 };

Deno.test("init keeps every text as it was typed", async () => {
  for (
    const path of [
      "C:\\a b\\c",
      "\\\\server\\share\\x",
      "P:\\",
      "/a'b''",
      "/ä#: x",
    ]
  ) {
    const email = {
      smtp_host: "mail.example.org",
      smtp_port: "25",
      security: "none",
      username: "it's",
      password_env: null,
      password: "$1 'x' \"y\" # \\",
      from: "Office <o@example.org>",
      to: ["a@example.org", "b@example.org"],
    };
    const text = configText({ left: path, right: "/right", email });
    const config = await parseConfig(text, "/office/config.yaml");
    assert.equal(config.roots.left, path);
    const { smtp_host, smtp_port, password_env, ...rest } = email;
    assert.deepEqual(config.email, {
      ...rest,
      smtpHost: smtp_host,
      smtpPort: Number(smtp_port),
      passwordEnv: password_env,
      ...DEFAULTS,
    });
  }
});

Deno.test("init never touches a file that is there, a dangling link either", async () => {
  using desk = new Desk();
  const flags = ["--left", "/l", "--right", "/r"];
  Deno.writeTextFileSync(desk.config, "mine");
  const line = `"${desk.config}" is there already, and stays as it is; name ` +
    "another file with --config.\n";
  const result = await desk.here(...flags);
  assert.deepEqual(result, { code: 2, stdout: "", stderr: line });
  assert.equal((await desk.here()).stderr, line, "nobody is asked in vain");
  assert.equal(Deno.readTextFileSync(desk.config), "mine");
  Deno.removeSync(desk.config);
  Deno.symlinkSync(`${desk.folder}/elsewhere`, desk.config);
  assert.equal((await desk.here(...flags)).code, 2);
  assert.throws(() => Deno.lstatSync(`${desk.folder}/elsewhere`));
});

function requireLine(
  { code, stdout, stderr }: CommandResult,
  line: RegExp,
): void {
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, line);
  assert.equal(stderr.split("\n").length, 2, stderr);
}

Deno.test("init tells in one line what is wrong, and writes nothing", async () => {
  using desk = new Desk();
  const rows: [string[], RegExp][] = [
    [[], /^init asks at a terminal, and there is none; name both folders: /],
    [["--left", "/l"], /^init asks at a terminal/],
    [["--left", "/l", "--right", "a\nb"], /^--right: found a line break/],
    [["--left", "~/l", "--right", "/r"], /^--left: ~ means nothing here; /],
    [
      ["--left", desk.folder, "--right", "/r"],
      /^--left: state_db: .* lies in left_root/,
    ],
    [
      ["--left", "/l", "--right", "/r", "--config", `${desk.folder}/no/c.yaml`],
      /^"\S*\/no\/c\.yaml" can't be written: /,
    ],
  ];
  for (const [args, line] of rows) {
    requireLine(await desk.here(...args), line);
  }
  for (const config of ["c.yaml", "no/c.yaml", `${desk.folder}/no/c.yaml`]) {
    const drive = await desk.init(
      ...["--left", "C:x", "--right", "/r", "--config", config],
    );
    requireLine(drive, /^--left: left_root: found "C:x"; /);
  }
  assert.deepEqual([...Deno.readDirSync(desk.folder)], []);
});

Deno.test("init takes folders from where it is called, wherever the config is", async () => {
  using desk = new Desk();
  Deno.mkdirSync(`${desk.folder}/conf`);
  const { code } = await desk.init(
    ...["--left", "l", "--right", "../r", "--config", "conf/c.yaml"],
  );
  assert.equal(code, 0);
  const config = await loadConfig(`${desk.folder}/conf/c.yaml`);
  assert.equal(config.roots.left, `${desk.folder}/l`);
  assert.equal(config.roots.right, `${desk.folder.replace(/\/[^/]+$/, "")}/r`);
});

const hasTerminal = await new Deno.Command("script", { args: ["--version"] })
  .output().then(({ success }) => success, () => false);

Deno.test({
  name:
    "init asks at a terminal, again where an answer makes no sense, and shows no password",
  ignore: !hasTerminal,
  async fn() {
    using desk = new Desk();
    const { code, shown } = await desk.typed([
      ["Left, ", "~/left\r"],
      ["~ means nothing here", "/it's left\r"],
      ["Right, ", "P:\\\r"],
      ["(y or n) [n]", "y\r"],
      ["Mail server", "mail.example.org\r"],
      ["[starttls]", "tls\r"],
      ["[465]", "\r"],
      ["User name", "office\r"],
      ["[env]", "file\r"],
      ["Password", "hunter3\u007f2\r"],
      ["Sender", "nonsense\r"],
      ['found "nonsense"', "o@example.org\r"],
      ["Who gets", "a@example.org, b@example.org\r"],
    ]);
    assert.equal(code, 0, shown);
    const config = await loadConfig(desk.config);
    assert.equal(config.roots.left, "/it's left");
    assert.deepEqual(config.email, {
      smtpHost: "mail.example.org",
      smtpPort: 465,
      security: "tls",
      username: "office",
      passwordEnv: null,
      password: "hunter2",
      from: "o@example.org",
      to: ["a@example.org", "b@example.org"],
      ...DEFAULTS,
    });
    assert.doesNotMatch(shown, /hunter/);
    assert.equal(Deno.lstatSync(desk.config).mode! & 0o777, 0o600);
  },
});

Deno.test({
  name: "init never touches a file that appears while it asks",
  ignore: !hasTerminal,
  async fn() {
    using desk = new Desk();
    const meanwhile = () => Deno.writeTextFileSync(desk.config, "mine");
    const { code, shown } = await desk.typed([
      ["Left, ", "/l\r"],
      ["Right, ", "/r\r"],
      ["(y or n) [n]", "\r", meanwhile],
    ]);
    assert.equal(code, 2, shown);
    assert.match(shown, /is there already, and stays as it is/);
    assert.equal(Deno.readTextFileSync(desk.config), "mine");
  },
});

Deno.test({
  name: "init writes nothing when the person breaks off",
  ignore: !hasTerminal,
  async fn() {
    using desk = new Desk();
    const { code, shown } = await desk.typed([["Left, ", "/l\r"], [
      "Right, ",
      "\u0004",
    ]]);
    assert.equal(code, 2, shown);
    assert.match(shown, /Broken off: nothing was written\./);
    assert.deepEqual([...Deno.readDirSync(desk.folder)], []);
  },
});

Deno.test("a secret is taken key by key, letters of several bytes too", () => {
  const secret = new TypedLine();
  const keys = new TextEncoder().encode("aä\u007fö\u007f\u007f\u007fbü");
  for (const key of keys) assert.equal(secret.press(key), "goes on");
  assert.equal(secret.press(13), "entered");
  assert.equal(secret.text, "bü");
  assert.equal(new TypedLine().press(3), "broken off");
});
