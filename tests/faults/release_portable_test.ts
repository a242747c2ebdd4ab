import assert from "node:assert/strict";
import { join } from "node:path";
import { IN_SANDBOX } from "../../lib/started_as.ts";
import { makePackage } from "../../lib/release_portable.ts";
import { Office, read } from "../support/support.ts";
import { fromFileUrl } from "../support/urls.ts";
import { PROBE, REFUSED, type Try } from "../support/sandbox.ts";

const isLinux = Deno.build.os === "linux";

async function output(command: Deno.Command) {
  const { code, stdout, stderr } = await command.output();
  const [out = "", err = ""] = [stdout, stderr].map((it) =>
    new TextDecoder().decode(it)
  );
  return { code, out, err };
}

/** The real command; the roots are written in full, as it asks for. */
async function packaged(office: Office): Promise<string> {
  const roots = `left_root: ${office.left}\nright_root: ${office.right}\n`;
  Deno.writeTextFileSync(office.config, roots);
  const made = await output(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", fromFileUrl("../tools/package.ts")],
      cwd: office.folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }),
  );
  assert.equal(made.code, 0, made.err);
  // Whoever gets it puts it where they like.
  const folder = join(office.folder, "my $office, moved");
  Deno.renameSync(join(office.folder, "office-sync-portable"), folder);
  Deno.removeSync(office.config);
  return folder;
}

/**
 * What goes before a command to take the network from it. Some containers
 * don't let that be done; there the sync is tried with the network, but for
 * CI, which has to prove it.
 */
const WITHOUT_NETWORK = ((): string[] => {
  if (!isLinux) return [];
  const asRoot = Deno.uid() === 0 ? [] : ["--map-root-user"];
  const before = ["unshare", "--net", ...asRoot];
  if (Deno.env.get("CI") !== undefined) return before;
  const [program = "", ...args] = [...before, "true"];
  try {
    const { success } = new Deno.Command(program, { args }).outputSync();
    return success ? before : [];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
})();

/** Starts the launcher: without network, cache and environment. */
function start(folder: string, ...args: readonly string[]) {
  return startIn(folder, {}, ...args);
}

/** The same, with some variables set. */
function startIn(
  folder: string,
  variables: Readonly<Record<string, string>>,
  ...args: readonly string[]
) {
  const home = join(folder, "..", "home");
  Deno.mkdirSync(home, { recursive: true });
  const launcher = join(folder, "office-sync");
  const [program = "", ...all] = [...WITHOUT_NETWORK, launcher, ...args];
  return output(
    new Deno.Command(program, {
      args: all,
      cwd: home,
      clearEnv: true,
      env: { HOME: home, PATH: "/usr/bin:/bin", NO_COLOR: "1", ...variables },
      stdin: "null",
    }),
  );
}

Deno.test({
  name: "the portable folder syncs without network and cache, in its sandbox",
  ignore: !isLinux,
  fn: async () => {
    using office = new Office();
    office.write({
      left: { "a.txt": "one", d: { "b.txt": "two" } },
      right: { "c.txt": "three" },
    });
    const folder = await packaged(office);
    const synced = await start(folder);
    assert.equal(synced.code, 0, synced.err);
    const all = { "a.txt": "one", "c.txt": "three", d: { "b.txt": "two" } };
    assert.deepEqual(office.trees(), { left: all, right: all });
    assert.equal(Deno.statSync(join(folder, "config.db")).isFile, true);
    const checked = await start(folder, "doctor");
    assert.equal(checked.code, 0, checked.out + checked.err);
    const wrong = await start(folder, "frobnicate");
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /Unknown command/);

    const help = await start(folder, "--help");
    assert.match(help.out, /^Usage: office-sync \[COMMAND\]/m);
    assert.ok(help.out.includes(`(default: ${folder}/config.yaml)`), help.out);
    await assertScheduled(office, folder);

    // By a link as well: the folder is where its files are.
    const link = join(office.folder, "office-sync-link");
    await output(
      new Deno.Command("ln", { args: ["-s", `${folder}/office-sync`, link] }),
    );
    const linked = await output(
      new Deno.Command(link, { args: ["plan", "--json"] }),
    );
    assert.equal(linked.code, 0, linked.err);

    await assertUnmoved(office, folder);
    await assertSandbox(office, folder);
  },
});

/** What stands above it, or is set for other programs, changes nothing. */
async function assertUnmoved(office: Office, folder: string): Promise<void> {
  const above = (name: string) => join(office.folder, name);
  for (
    const [text, ...names] of [
      ["{ broken", "package.json", "deno.jsonc"],
      ['{"workspace": ["./nowhere"]}', "package.json", "deno.json"],
    ] as const
  ) {
    for (const name of names) Deno.writeTextFileSync(above(name), text);
    const { code, out, err } = await start(folder, "plan");
    assert.deepEqual([code, err], [0, ""], `${names}: ${text}`);
    assert.match(out, /Nothing to do/);
    for (const name of names) Deno.removeSync(above(name));
  }
  const { code, out, err } = await startIn(folder, {
    DENO_V8_FLAGS: "--help",
    NODE_OPTIONS: "--require /nowhere.js",
    DENO_AUDIT_PERMISSIONS: "/nowhere/used",
    DENO_UNSTABLE_CONTROL_SOCK: "/nowhere",
    DENO_PERMISSION_BROKER_PATH: "/nowhere",
    NODE_CHANNEL_FD: "5",
    DENO_DIR: "cache",
    DENO_EMPTY: "",
    DENO_LINES: "a\nDENO_DIR=b",
  }, "plan");
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /Nothing to do/);
  assert.throws(() => Deno.statSync(join(folder, "..", "home", "cache")));
}

/** What a scheduler is told starts a run of this folder, from anywhere. */
async function assertScheduled(office: Office, folder: string): Promise<void> {
  const { code, out, err } = await start(folder, "schedule", "cron");
  assert.equal(code, 0, err);
  assert.doesNotMatch(out, /launch\.ts|deno/);
  const [, line = ""] = /^(?:\S+ ){5}(.*)\n$/.exec(out) ?? [];
  Deno.writeTextFileSync(join(office.left, "later.txt"), "four");
  const ran = await output(
    new Deno.Command("sh", { args: ["-c", line], cwd: "/", clearEnv: true }),
  );
  assert.deepEqual([ran.code, ran.out], [0, ""], ran.err);
  assert.equal(
    Deno.readTextFileSync(join(office.right, "later.txt")),
    "four",
  );
}

/** In place of the program: something that tries to get out. */
async function assertSandbox(office: Office, folder: string): Promise<void> {
  const main = join(folder, "lib", "main.js");
  Deno.renameSync(main, join(folder, "lib", "launcher.js"));
  Deno.writeTextFileSync(join(folder, "lib", "probe.js"), PROBE);
  Deno.writeTextFileSync(
    main,
    `await import(Deno.args[0].startsWith("${IN_SANDBOX}") ? "./probe.js" : "./launcher.js");`,
  );
  const beside = join(office.folder, "beside.txt");
  Deno.writeTextFileSync(beside, "secret");
  const allowed: Try[] = [
    ["read", join(office.left, "a.txt")],
    ["write", join(office.right, "a.txt")],
  ];
  const refused: Try[] = [
    ["read", beside],
    ["write", beside],
    ["list", folder],
    ["write", join(folder, "config.yaml")],
    ["write", main],
    ["run", join(folder, "deno")],
    ["connect", "127.0.0.1", 25],
    ["listen"],
    ["library"],
    ["sys"],
  ];
  const tries = JSON.stringify([...allowed, ...refused]);
  const { out, err } = await start(folder, "restore", tries);
  assert.notEqual(out, "", err);
  assert.deepEqual(JSON.parse(out), [
    { ok: "one" },
    { ok: null },
    ...refused.map(() => REFUSED),
  ]);
  assert.equal(Deno.readTextFileSync(join(office.right, "a.txt")), "new");
  const planned = JSON.stringify([["write", join(office.left, "a.txt")]]);
  const plan = await start(folder, "why", planned);
  assert.deepEqual(JSON.parse(plan.out), [REFUSED]);
}

Deno.test("a portable folder for Windows", async (t) => {
  using office = new Office();
  const config = join(office.folder, "full.yaml");
  Deno.writeTextFileSync(
    config,
    "left_root: C:\\pdrive_local\nright_root: D:\\office\n",
  );
  const folder = join(office.folder, "p");
  // A small file in place of a Deno for Windows: only its ending counts.
  const exe = join(office.folder, "deno.exe");
  Deno.writeTextFileSync(exe, "MZ".padEnd(64, "\0"));
  await makePackage({ config, output: folder, deno: exe });
  await t.step(
    "both launchers start the same, and only what lies beside them",
    () => assertAlike(folder),
  );
  await t.step(
    "it loads with its program what every run needs, and no more",
    () => assertLoads(folder),
  );
  assert.deepEqual(read(office.right), {});
});

function assertAlike(folder: string): void {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assert.deepEqual(names, [
    "READ-ME.txt",
    "config.yaml",
    "deno.exe",
    "deno.json",
    "lib",
    "office-sync",
    "office-sync.cmd",
  ]);
  const [sh = "", cmd = ""] = ["office-sync", "office-sync.cmd"].map((name) =>
    Deno.readTextFileSync(join(folder, name))
  );
  const flagsOf = (text: string) => text.match(/ --[\w-]+(?=[ \r\n])/g);
  assert.deepEqual(flagsOf(cmd), flagsOf(sh));
  assert.ok(flagsOf(cmd)?.includes(" --ignore-env"));
  assert.doesNotMatch(cmd, /[^\r]\n/);
  for (const [path] of cmd.matchAll(/"[^"]*%~dp0[^"]*"/g)) {
    const name = path.replace(/.*%~dp0/, "").slice(0, -1).replace("\\", "/");
    assert.equal(Deno.statSync(join(folder, name)).isFile, true);
  }
  // For none but its owner: it may hold a password.
  const { mode } = Deno.statSync(join(folder, "config.yaml"));
  if (isLinux) assert.equal(mode! & 0o777, 0o600);
}

/** What a module of a portable folder loads when it is loaded itself. */
function loadedWith(folder: string, name: string): Set<string> {
  const loaded = new Set<string>();
  const load = (module: string): void => {
    if (loaded.has(module)) return;
    loaded.add(module);
    if (!module.startsWith("/")) return;
    const imports = Deno.readTextFileSync(module).matchAll(
      /^(?:import|export)\s(?:[^;"]*?\sfrom\s)?"([^"\n]+)";$/gm,
    );
    for (const [, it = ""] of imports) {
      load(it.startsWith(".") ? join(module, "..", it) : it);
    }
  };
  load(join(folder, "lib", name));
  return loaded;
}

/** With its program what every run needs, and no more. */
function assertLoads(folder: string): void {
  const starts = [...Deno.readDirSync(join(folder, "lib"))]
    .map(({ name }) => name)
    .filter((it) => /^(?:cli_program|sandbox_launcher)-/.test(it));
  assert.equal(starts.length, 2);
  for (const name of starts) {
    const loaded = loadedWith(folder, name);
    assert.ok(loaded.size > 5, [...loaded].join());
    const slow = [
      "node:fs",
      "node:crypto",
      "node:tls",
      "node:http",
      "node:net",
    ];
    assert.deepEqual(slow.filter((it) => loaded.has(it)), [], name);
  }
}

Deno.test("package refuses what would be another folder there, and a folder in use", async () => {
  using office = new Office();
  const at = (name: string) => join(office.folder, name);
  await assert.rejects(
    makePackage({ config: office.config, output: at("p") }),
    /^UsageError: left_root starts at the config's own folder/,
  );
  const config = at("full.yaml");
  Deno.writeTextFileSync(
    config,
    `left_root: ${office.left}\nright_root: ${office.right}\n`,
  );
  await assert.rejects(
    makePackage({ config, output: office.folder }),
    /is not empty; name a new folder/,
  );
  await assert.rejects(
    makePackage({ config, output: join(office.left, "p") }),
    /lies in left_root/,
  );
  await assert.rejects(
    makePackage({ config, output: at("p"), deno: at("nothing") }),
    /--deno: .* is no file/,
  );
  if (!isLinux) return;
  await assert.rejects(
    makePackage({ config, output: "/proc/office-sync-portable" }),
    /^SyncError: "\/proc\/office-sync-portable" can't be made: /,
  );
});

Deno.test("a checkout starts, whatever is broken in a folder above it", async () => {
  using office = new Office();
  const checkout = join(office.folder, "above", "checkout");
  Deno.mkdirSync(join(checkout, "lib"), { recursive: true });
  const project = fromFileUrl("../");
  const modules = [...Deno.readDirSync(join(project, "lib"))];
  for (
    const name of [
      ...["deno.json", "deno.lock", "main.ts"],
      ...modules.map(({ name }) => join("lib", name)),
    ]
  ) Deno.copyFileSync(join(project, name), join(checkout, name));
  for (
    const broken of [
      { "package.json": "{ broken", "deno.json": "[]" },
      { "deno.jsonc": "{ broken" },
    ]
  ) {
    const files = Object.entries(broken).map(([name, text]) => {
      const file = join(checkout, "..", name);
      Deno.writeTextFileSync(file, text);
      return file;
    });
    const { code, err } = await output(
      new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--no-prompt", "--frozen", "--allow-all"],
          ...[join(checkout, "main.ts"), "plan", "--config", office.config],
        ],
        cwd: office.folder,
        stdin: "null",
      }),
    );
    assert.deepEqual([code, err], [0, ""], JSON.stringify(broken));
    for (const file of files) Deno.removeSync(file);
  }
});
