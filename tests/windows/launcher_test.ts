import assert from "node:assert/strict";
import { join } from "node:path";
import {
  copyPortable,
  Office,
  output,
  PORTABLE_COMMAND,
  PROJECT,
} from "./support.ts";

Deno.test("the task of a checkout syncs, inside its sandbox", async () => {
  using office = new Office().write({ left: { a: "1" } });
  const { code, stdout, stderr } = await output([
    ...[Deno.execPath(), "run", "--no-prompt", "--frozen", "--allow-all"],
    ...[join(PROJECT, "main.ts"), `--started-in=${office.folder}`],
    ...["--config", "Sync & Co\\config.yaml"],
  ], { cwd: PROJECT });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Both sides agree/);
  office.holds({ a: "1" });
});

Deno.test("office-sync.cmd passes on arguments, what is said and the exit code", async () => {
  using office = new Office("soft_delete: { max_size_mb: -1 }\n");
  const bad = await office.command();
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /Sync & Co\\config\.yaml.*max_size_mb/);
  const help = await output([PORTABLE_COMMAND, "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Usage: .*office-sync/);
  office.configure("");
  const report = join(office.folder, "what happened.html");
  const told = await office.command("plan", "--report", report);
  assert.equal(told.code, 0, told.stderr);
  assert.match(Deno.readTextFileSync(report), /^<!doctype html>/i);
});

Deno.test("the sandbox holds: nothing but the two roots, the state DB and the log can be touched", async () => {
  using office = new Office().write({ left: { a: "1" } });
  const outside = join(office.folder, "outside.txt");
  Deno.writeTextFileSync(outside, "secret");
  // The program is taken out, and one that tries the sandbox put in its place.
  const copy = join(office.folder, "moved here");
  const command = copyPortable(copy);
  const tries = [
    ["read in a root", () => Deno.readTextFileSync(office.at("left", "a"))],
    [
      "write in a root",
      () => Deno.writeTextFileSync(office.at("right", "b"), ""),
    ],
    ["read outside", () => Deno.readTextFileSync(outside)],
    ["write outside", () => Deno.writeTextFileSync(outside, "")],
    ["list C:", () => Deno.readDirSync("C:\\")],
    ["read the environment", () => Deno.env.get("PATH")!.length],
    ["start a program", () => new Deno.Command("cmd.exe").outputSync()],
    ["load a library", () => Deno.dlopen("kernel32.dll", {})],
  ] as const;
  const program = tries.map(([what, act]) =>
    `try { (${act})(); console.log(${JSON.stringify(what)}); } catch {}`
  ).join("\n");
  const names = `const office = { at: (side, path) => side === "left"
    ? ${JSON.stringify(office.left)} + "\\\\" + path
    : ${JSON.stringify(office.right)} + "\\\\" + path };
    const outside = ${JSON.stringify(outside)};\n`;
  const main = join(copy, "lib\\main.js");
  Deno.renameSync(main, join(copy, "lib\\launcher.js"));
  Deno.writeTextFileSync(join(copy, "lib\\probe.js"), names + program);
  Deno.writeTextFileSync(
    main,
    `await import(Deno.args[0].startsWith("--in-sandbox=") ? "./probe.js" : "./launcher.js");`,
  );
  const { stdout, stderr } = await output([
    ...[command, "--config", office.config],
  ]);
  assert.deepEqual(
    stdout.trim().split(/\r?\n/),
    ["read in a root", "write in a root"],
    stderr,
  );
});

Deno.test("schedule windows prints a task that starts office-sync.cmd by its full path", async () => {
  using office = new Office();
  const { code, stdout, stderr } = await office.command("schedule", "windows");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /<Task version="1\.\d"/);
  assert.match(stdout, /C:\\Program Files\\Office Sync/);
  assert.match(stdout, /Sync &amp; Co\\config\.yaml/);
  const file = join(office.folder, "task.xml");
  const written = await office.command("schedule", "windows", "--write", file);
  assert.equal(written.code, 0, written.stderr);
  assert.deepEqual([...Deno.readFileSync(file).subarray(0, 2)], [0xff, 0xfe]);
});
