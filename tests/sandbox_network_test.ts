import assert from "node:assert/strict";
import { join } from "node:path";
import { lookAtRoot } from "../lib/command_doctor.ts";
import { launchedHost, runProgram } from "../lib/cli_program.ts";
import { loadConfig } from "../lib/config_loader.ts";
import { SyncError } from "../lib/errors.ts";
import { filesHere } from "../lib/files_handlers.ts";
import {
  type MadeFor,
  planBinary,
  planTold,
  requireReached,
} from "../lib/release_binary.ts";
import { makePackage } from "../lib/release_portable.ts";
import {
  isNetworkPath,
  networkRootsOf,
  networkWords,
  realRootsOf,
  wallWords,
} from "../lib/sandbox_network.ts";
import { launch as launchHere } from "../lib/sandbox_launcher.ts";
import { type SandboxConfig, sandboxOf } from "../lib/sandbox_permissions.ts";
import { Office, saidBy } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

/** Two drives, and where they really lead to. */
const ROOTS = { left: "L:\\office", right: "P:\\" };
const SHARES = { left: "\\\\ls\\l\\office", right: "\\\\rs\\p" };

const CASES = [[], ["left"], ["right"], ["left", "right"]] as const;
type Sides = (typeof CASES)[number];

/** As Windows would tell it: of a mapped drive the share. */
function realPath(mapped: Sides) {
  return (root: string) =>
    mapped.map((side) => root === ROOTS[side] ? SHARES[side] : root)
      .find((real) => real !== root) ?? root;
}

const EMAIL =
  "email: { smtp_host: localhost, username: u, password: x, from: a@b.c, to: a@b.c }\n";

const CONSENTS = ["refuse", "fence"] as const;

function eachCase(
  what: string,
  test: (mapped: Sides, consent: (typeof CONSENTS)[number]) => unknown,
): void {
  for (const mapped of CASES) {
    for (const consent of CONSENTS) {
      const name = mapped.join(" and ") || "none";
      Deno.test(`${what}, with ${name} on the network and ${consent}`, async () => {
        await test(mapped, consent);
      });
    }
  }
}

/** That it is told in words, with the text that would allow it. */
function assertRefused(error: unknown, mapped: Sides, file: string): true {
  assert.ok(error instanceof SyncError, String(error));
  assert.equal(error.exitCode, 2);
  assertNamed(error.message, mapped);
  assert.match(error.message, /is on the network|are on the network/);
  assert.ok(
    error.hint?.includes(`${file} say\nsandbox:\n  network_roots: fence\n`),
    String(error.hint),
  );
  return true;
}

function assertNamed(text: string, mapped: Sides): void {
  for (const side of ["left", "right"] as const) {
    const isNamed = mapped.some((it) => it === side);
    const told = `${side}_root ${ROOTS[side]} (${SHARES[side]})`;
    assert.equal(text.includes(told), isNamed, text);
  }
}

/** A folder with a config for Windows, and what stands for its Deno. */
class Desk implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  readonly config = join(this.folder, "config.yaml");
  readonly deno = join(this.folder, "deno.exe");

  constructor(consent: string, roots = ROOTS) {
    Deno.writeTextFileSync(
      this.config,
      `left_root: '${roots.left}'\nright_root: '${roots.right}'\n` +
        `sandbox: { network_roots: ${consent} }\n`,
    );
    Deno.writeTextFileSync(this.deno, "MZ".padEnd(64, "\0"));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** As a binary on Windows does it at its start. */
function reached(
  made: MadeFor,
  config: SandboxConfig,
  realPath: (root: string) => string,
): void {
  const { left, right } = config.roots;
  const real = { left: realPath(left), right: realPath(right) };
  requireReached(made, config, real, realPath);
}

const OPEN = ["--no-prompt", "--allow-all"];

/** Says how it was started. */
const PROGRAM = `console.log(
  Deno.permissions.querySync({ name: "write" }).state === "granted",
);`;

const HARNESS = `
import { launch } from ${
  JSON.stringify(import.meta.resolve("../lib/sandbox_launcher.ts"))
};
const [program, real, ...args] = Deno.args;
const shares = JSON.parse(real);
Deno.exitCode = await launch(args, {
  program,
  realPath: (root) => shares[root] ?? root,
});
`;

/** Starts the launcher on a system on which roots are what they are here. */
async function launch(
  desk: Desk,
  mapped: Sides,
  word: string,
  { harness = HARNESS } = {},
) {
  const at = (name: string) => join(desk.folder, name);
  Deno.writeTextFileSync(at("cli_program.ts"), PROGRAM);
  Deno.writeTextFileSync(at("harness.ts"), harness);
  const real = Object.fromEntries(
    mapped.map((side) => [ROOTS[side], SHARES[side]]),
  );
  const settings = join(import.meta.dirname ?? "", "..", "deno.json");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--frozen", `--config=${settings}`, at("harness.ts")],
      ...[at("cli_program.ts"), JSON.stringify(real), word],
    ],
    cwd: desk.folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const [out = "", err = ""] = [stdout, stderr].map((it) =>
    new TextDecoder().decode(it)
  );
  return { code, out, err };
}

eachCase("the launcher does as it must", async (mapped, consent) => {
  using desk = new Desk(consent);
  if (mapped.length > 0 && consent === "refuse") {
    const { code, stdout, stderr } = await refusing(desk, mapped);
    assert.deepEqual([code, stdout], [2, ""]);
    const [message = "", ...hint] = stderr.split("\n");
    const told = new SyncError(message, 2, { hint: hint.join("\n") });
    assertRefused(told, mapped, desk.config);
    return;
  }
  const { code, out, err } = await launch(desk, mapped, "sync");
  assert.deepEqual([code, out, err], [0, `${mapped.length > 0}\n`, ""]);
});

/** The launcher in this process, where it starts no program. */
function refusing(desk: Desk, mapped: Sides, ...args: string[]) {
  const all = [...args, "--config", desk.config];
  const how = { program: "nothing", realPath: realPath(mapped) };
  return saidBy(() => launchHere(all, how));
}

eachCase("compile does as it must", async (mapped, consent) => {
  using desk = new Desk(consent);
  const plan = () =>
    planBinary({
      config: desk.config,
      target: "x86_64-pc-windows-msvc",
      output: join(desk.folder, "office-sync"),
      "config-path": "C:\\office\\config.yaml",
    }, realPath(mapped));
  if (mapped.length > 0 && consent === "refuse") {
    await assert.rejects(plan, (it) => assertRefused(it, mapped, desk.config));
    return;
  }
  const { flags, made } = await plan();
  const { files, walls } = made.sandbox;
  assert.equal(files === "all", mapped.length > 0);
  assert.equal(walls.by, mapped.length > 0 ? "fence" : "permissions");
  assert.equal(String(flags) === String(OPEN), mapped.length > 0);
  assertNamed(wallWords(walls), mapped);
});

eachCase("package does as it must", async (mapped, consent) => {
  using desk = new Desk(consent);
  const { config, deno, folder } = desk;
  const make = (output: string) =>
    makePackage({ config, deno, output }, realPath(mapped));
  if (mapped.length > 0 && consent === "refuse") {
    const output = join(folder, "p");
    const isIt = (it: unknown) => assertRefused(it, mapped, config);
    await assert.rejects(() => make(output), isIt);
    assert.throws(() => Deno.statSync(output), Deno.errors.NotFound);
    return;
  }
  // Nothing but that keeps it from making one.
  await assert.rejects(() => make(folder), /is not empty; name a new folder/);
});

eachCase(
  "a binary that was made with a sandbox does as it must",
  async (mapped, consent) => {
    using desk = new Desk(consent);
    const { made } = await planBinary({
      config: desk.config,
      target: "x86_64-pc-windows-msvc",
      "config-path": "C:\\office\\config.yaml",
    }, null);
    assert.notEqual(made.sandbox.files, "all");
    const start = () => reached(made, made.config, realPath(mapped));
    if (mapped.length === 0) return start();
    assert.throws(start, (error) => {
      assert.ok(error instanceof SyncError);
      assert.equal(error.exitCode, 2);
      assertNamed(error.message, mapped);
      assert.match(
        error.hint ?? "",
        /ake a new one .*deno task compile --config/,
      );
      assert.equal(error.hint?.includes("fence"), consent === "refuse");
      return true;
    });
  },
);

eachCase("doctor tells what it must", async (mapped, consent) => {
  const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  try {
    const roots = { roots: ROOTS };
    const found = networkRootsOf(roots, realRootsOf(roots, realPath(mapped)));
    const isFenced = found.length > 0 && consent === "fence";
    const by = isFenced ? "fence" : "permissions";
    for (const side of ["left", "right"] as const) {
      const network = found.find((it) => it.side === side) ?? null;
      const here = { left: folder, right: folder };
      const { checks, realPath: real } = await lookAtRoot(
        filesHere(here, undefined, { by, network: found }),
        side,
        {
          roots: here,
          networkRoots: consent,
          softDelete: {
            enabled: true,
            maxSizeBytes: 1,
            retentionDays: 0,
            keepReplaced: false,
            maxTotalBytes: 0,
          },
        },
        { pair: "p", run: "r" },
      );
      const place = checks.find(({ name }) => name === "real path")!;
      const isRefused = network !== null && consent === "refuse";
      assert.equal(network !== null, mapped.some((it) => it === side));
      assert.equal(place.status, isRefused ? "problem" : "ok");
      assert.equal(real !== null, !isRefused);
      assert.equal(/on the network/.test(place.says), network !== null);
      const walls = checks.filter(({ name }) => name === "wall");
      const held = isFenced
        ? `the program's own fence, as ${
          network === null ? "the other root" : "it"
        } is on the network: `
        : "Deno's permissions: ";
      assert.equal(walls.length, isRefused ? 0 : 1);
      assert.ok(isRefused || walls[0]!.says.startsWith(held), walls[0]?.says);
      if (!isRefused) continue;
      assert.ok(place.says.includes(`${ROOTS[side]} (${SHARES[side]}) is on`));
      assert.match(place.todo ?? "", /sandbox\.network_roots: fence/);
      assert.match(place.todo ?? "", /while its user is logged on/);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("isNetworkPath() tells servers from drives", () => {
  const servers = [
    "\\\\s\\x",
    "\\\\?\\UNC\\s\\x",
    "\\\\?\\Volume{1}\\",
    "//s/x",
  ];
  const drives = ["C:\\", "P:/x", "\\\\?\\C:\\x", "\\\\.\\C:\\x", "/srv/x"];
  for (const path of servers) assert.equal(isNetworkPath(path), true, path);
  for (const path of drives) assert.equal(isNetworkPath(path), false, path);
});

const NAMED = { left: "C:\\l", right: "//server/share/office" };

Deno.test("a share that is named as one needs no asking, whichever slashes it has", async () => {
  using desk = new Desk("refuse", NAMED);
  const plan = () =>
    planBinary({
      config: desk.config,
      target: "x86_64-pc-windows-msvc",
      "config-path": "C:\\office\\config.yaml",
    }, null);
  await assert.rejects(
    plan,
    /right_root \\\\server\\share\\office is on the network,/,
  );
  const fail = () => assert.fail("asked");
  const config = { roots: { left: "\\\\s\\x", right: "//s/y" } };
  assert.deepEqual(realRootsOf(config, fail), ["\\\\s\\x", "//s/y"]);
});

Deno.test("package refuses a share that is named as one, for Windows only", async () => {
  using desk = new Desk("refuse", NAMED);
  const { config, deno } = desk;
  const output = join(desk.folder, "p");
  await assert.rejects(
    makePackage({ config, deno, output }, null),
    (error) =>
      error instanceof SyncError && error.exitCode === 2 &&
      /\\\\server\\share\\office is on the network/.test(error.message),
  );
});

Deno.test("the real path of a share is told as it is typed", () => {
  const config = { roots: { left: "C:\\l", right: "P:\\" } };
  const roots = networkRootsOf(config, ["C:\\l", "\\\\?\\UNC\\s\\x"]);
  assert.equal(
    networkWords(roots),
    "right_root P:\\ (\\\\s\\x) is on the network",
  );
});

Deno.test("a root whose real path may not be seen is on the network all the same", () => {
  const config = { roots: { left: "C:\\l", right: "P:\\" } };
  const roots = networkRootsOf(config, ["C:\\l", "\\\\"]);
  assert.equal(networkWords(roots), "right_root P:\\ is on the network");
});

Deno.test("the launcher tells a doctor in its sandbox which root is on the network", async () => {
  using desk = new Desk("refuse");
  const { code, out, err } = await launch(desk, ["right"], "doctor");
  assert.deepEqual([code, out, err], [0, "false\n", ""]);
});

Deno.test("the launcher tells a refusal as JSON with --json", async () => {
  using desk = new Desk("refuse");
  const told = await refusing(desk, ["right"], "--json");
  assert.deepEqual([told.code, told.stderr], [2, ""]);
  const { error } = JSON.parse(told.stdout);
  assert.equal(error.code, 2);
  assert.match(error.message, /P:\\ .* sandbox\.network_roots: refuse/);
});

Deno.test("a binary with all permissions stops where the config refuses them", () => {
  const config: SandboxConfig = {
    file: "C:\\o\\config.yaml",
    roots: { left: "C:\\l", right: "P:\\" },
    stateDb: "C:\\o\\s.db",
    logging: { file: "C:\\o\\logs\\l.log", maxFiles: 5 },
    email: null,
    networkRoots: "fence",
  };
  const { flags: _, ...sandbox } = sandboxOf(config, {
    access: "sync",
    programFolder: null,
    outputFile: null,
    realRoots: ["C:\\l", "\\\\rs\\p"],
  });
  const made: MadeFor = { config, sandbox, panel: sandbox.engine };
  reached(made, config, realPath(["right"]));
  // Wherever the roots are by now: it has them all the same.
  for (const mapped of [["right"], []] as const) {
    const refusing = { ...config, networkRoots: "refuse" } as const;
    assert.throws(
      () => reached(made, refusing, realPath(mapped)),
      (error) =>
        error instanceof SyncError && error.exitCode === 2 &&
        /^This office-sync was made with all permissions/.test(error.message),
    );
  }
});

Deno.test("summary, page and log say what holds the roots, and the document keeps its keys", async () => {
  using office = new Office();
  office.write({ left: { a: "1" } });
  const harness = join(office.folder, "harness.ts");
  Deno.writeTextFileSync(harness, HARNESS);
  const shares = JSON.stringify({ [office.right]: SHARES.right });
  const settings = fromFileUrl("../deno.json");
  const run = async (...args: string[]) => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--frozen", `--config=${settings}`, harness],
        ...[import.meta.resolve("../main.ts"), shares, ...args],
      ],
      cwd: office.folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  };
  const page = join(office.folder, "page.html");
  const saidEverywhere = (summary: string, words: string) => {
    assert.ok(summary.includes(`\n${words}\n`), summary);
    const text = Deno.readTextFileSync(page)
      .replaceAll("&#39;", "'").replaceAll("&quot;", '"');
    assert.ok(text.includes(`<p>${words}`), words);
    const lines = Deno.readTextFileSync(office.log).split("\n");
    const began = lines.findLastIndex((it) => it.includes(" started, version"));
    assert.ok(lines[began + 1]?.includes(words), lines[began + 1]);
  };
  const right = {
    side: "right",
    root: office.right,
    share: SHARES.right,
  } as const;
  saidEverywhere(
    await run("--report", page),
    wallWords({ by: "fence", network: [right] }),
  );
  const fenced = JSON.parse(await run("--json"));
  const { stdout } = await office.command("--report", page);
  saidEverywhere(stdout, wallWords({ by: "permissions", network: [] }));
  const local = await office.json();
  assert.deepEqual(Object.keys(fenced), Object.keys(local));
  assert.deepEqual(Object.keys(fenced.run), Object.keys(local.run));
  assert.deepEqual(Object.keys(fenced.summary), Object.keys(local.summary));
  const { checks } = JSON.parse(await run("doctor", "--json"));
  const wall = checks.filter((it: { check: string }) => it.check === "wall");
  assert.match(wall[0].says, /^the program's own fence, as the other root is /);
  assert.match(wall[1].says, /^the program's own fence, as it is on the netw/);
});

const ALLOW_ALL =
  "sandbox.network_roots: allow_all is called fence now: write " +
  "network_roots: fence, or leave it out.\n";

for (const isHanded of [true, false]) {
  const name = isHanded ? "handed on by" : "too secret for";
  Deno.test(`allow_all means fence, and one line says what to write: in a config that is ${name} the launcher`, async () => {
    // With a password the program reads it by itself.
    const settings = isHanded ? "" : EMAIL;
    using office = new Office(
      `${settings}sandbox: { network_roots: allow_all }\n`,
    );
    office.write({ left: { a: "1" } });
    const plan = await office.command("plan");
    assert.deepEqual([plan.code, plan.stderr], [0, ALLOW_ALL]);
    const { config: said } = office;
    const handed = { said, config: await loadConfig(said) };
    const host = launchedHost(
      isHanded ? handed : null,
      (roots) => Promise.resolve(filesHere(roots)),
    );
    const saying = async (...args: string[]) => {
      const all = [...args, "--config", said];
      const { code, stderr } = await saidBy(() => runProgram(all, host));
      return [code, stderr];
    };
    assert.deepEqual(await saying("--no-email"), [0, ALLOW_ALL]);
    assert.deepEqual(await saying("history"), [0, ALLOW_ALL]);
    assert.deepEqual(await saying("plan", "--json"), [0, ""]);
    assert.deepEqual(await saying("--quiet", "--no-email"), [0, ""]);
    assert.deepEqual(office.trees().right, { a: "1" });
  });
}

Deno.test("with allow_all the roots on the network are fenced, and package and compile say what to write", async () => {
  using desk = new Desk("allow_all");
  const { code, out, err } = await launch(desk, ["right"], "sync");
  assert.deepEqual([code, out, err], [0, "true\n", ""]);
  const { config, deno, folder } = desk;
  const output = join(folder, "p");
  const { stdout, stderr } = await saidBy(async () => {
    await makePackage({ config, deno, output }, realPath(["right"]));
    return 0;
  });
  assert.match(stdout, /^Made /);
  assert.ok(Deno.statSync(join(output, "office-sync.cmd")).isFile);
  const [first, second, ...more] = stderr.split("\n");
  assert.equal(`${first}\n`, ALLOW_ALL);
  assertNamed(second ?? "", ["right"]);
  assert.deepEqual(more, [""]);
  const plan = await planBinary({
    config,
    target: "x86_64-pc-windows-msvc",
    "config-path": "C:\\o\\config.yaml",
  }, realPath(["right"]));
  assert.deepEqual(planTold(plan), [first, second]);
});

Deno.test("realPathOnWindows() takes what the sandbox hides for the network, and what is not there for itself", async () => {
  using office = new Office();
  const module = import.meta.resolve("../lib/sandbox_network.ts");
  const code = `
    import { realPathOnWindows } from ${JSON.stringify(module)};
    const paths = ${JSON.stringify([office.left, office.right, "/none"])};
    console.log(JSON.stringify(paths.map(realPathOnWindows)));
  `;
  const file = join(office.folder, "ask.ts");
  Deno.writeTextFileSync(file, code);
  const reads = `--allow-read=${office.left},/none`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-lock", reads],
      ...[`--config=${fromFileUrl("../deno.json")}`, file],
    ],
  }).output();
  const [text, said] = [stdout, stderr].map((it) =>
    new TextDecoder().decode(it)
  );
  assert.equal(said, "");
  assert.deepEqual(JSON.parse(text ?? ""), [
    Deno.realPathSync(office.left),
    "\\\\",
    "/none",
  ]);
});

Deno.test("a state DB on the network is refused before a run, whatever the config allows", async () => {
  using desk = new Desk("fence");
  const config = Deno.readTextFileSync(desk.config);
  Deno.writeTextFileSync(desk.config, `${config}state_db: 'S:\\x.db'\n`);
  const real = { ...SHARES, state: "\\\\s\\state" };
  const said = (path: string) => path === "S:\\" ? real.state : path;
  const plan = (realPath: ((root: string) => string) | null) =>
    planBinary({
      config: desk.config,
      target: "x86_64-pc-windows-msvc",
      "config-path": "C:\\office\\config.yaml",
    }, realPath);
  const words = /^SyncError: state_db S:\\x\.db is on the network; allowed: /;
  const { made } = await plan(null);
  await assert.rejects(plan(said), words);
  assert.throws(() => reached(made, made.config, said), words);
  const { code, out, err } = await launch(desk, [], "doctor");
  assert.deepEqual([code, out, err], [0, "false\n", ""]);
  const harness = HARNESS.replace("shares[root] ?? root", '"\\\\\\\\s"');
  const refused = await launch(desk, [], "doctor", { harness });
  assert.deepEqual([refused.code, refused.out], [2, ""]);
  assert.match(refused.err, /^state_db S:\\x\.db is on the network; [^\n]*\n$/);
});
