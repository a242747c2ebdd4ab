import assert from "node:assert/strict";
import { fromFileUrl } from "./support/urls.ts";
import { LONG_AGO } from "./support/scenario.ts";
import { file, Office } from "./support/support.ts";

// A hole costs no disk, and reading it takes minutes: far longer than the
// flushes of a busy disk hold a run up that was told to end.
const LONG_BYTES = 200 * 1024 ** 3;

/** An office with one action that takes a while, and one before it. */
function slowOffice(settings = ""): Office {
  const office = new Office(settings);
  office.write({ left: { a: {} } });
  hole(`${office.left}/long`, LONG_AGO);
  return office;
}

function hole(path: string, mtimeMs: number): void {
  using made = Deno.createSync(path);
  made.truncateSync(LONG_BYTES);
  made.utimeSync(new Date(mtimeMs), new Date(mtimeMs));
}

function words(office: Office, args: readonly string[]): string[] {
  const launch = fromFileUrl("../main.ts");
  const run = [Deno.execPath(), "run", "--no-prompt", "-A", launch];
  return [...run, ...args, "--config", office.config];
}

function start(office: Office, ...args: string[]): Deno.ChildProcess {
  const [program = "", ...rest] = words(office, args);
  return new Deno.Command(program, {
    args: rest,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** On a terminal of its own; what is written to it is typed there. */
function onTerminal(office: Office, ...args: string[]): Deno.ChildProcess {
  const line = words(office, args).map((it) => `'${it}'`).join(" ");
  return new Deno.Command("script", {
    args: ["-qec", `exec ${line}`, "/dev/null"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !isSo();) {
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== null;
  } catch {
    return false;
  }
}

function temporaries(office: Office): string[] {
  return [...Deno.readDirSync(office.right)].map(({ name }) => name)
    .filter((name) => name.startsWith(".office-sync-tmp"));
}

function statusOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/status`);
}

/** Whether a signal was sent to a process that has not got it yet. */
function isPending(pid: number, signal: number): boolean {
  const [, mask = ""] = /^ShdPnd:\s*(\S+)/m.exec(statusOf(pid))!;
  return (BigInt(`0x${mask}`) >> BigInt(signal - 1) & 1n) === 1n;
}

function isCopying(office: Office): Promise<void> {
  return until("a copy", () => temporaries(office).length > 0);
}

/** That a run was cut off in the copy, and that the next one goes on. */
async function assertGoesOn(office: Office, code: number): Promise<void> {
  assert.deepEqual(temporaries(office), []);
  assert.ok(!exists(`${office.right}/long`));
  const { runs } = await office.json("history");
  assert.equal(runs[0].exitCode, code);
  assert.match(runs[0].stoppedBy, /^interrupted: .*: 1 of 2 actions done\.$/);
  const log = Deno.readTextFileSync(office.log);
  assert.match(log, /WARNING .* interrupted: .*1 of 2 actions done\.\n/);
  assert.ok(log.endsWith(`INFO ${runs[0].id} ended with exit code ${code}\n`));
  Deno.removeSync(`${office.left}/long`);
  office.write({ left: { long: file("short", { mtime: LONG_AGO }) } });
  await office.agree();
  assert.deepEqual(office.trees().right, { a: {}, long: "short" });
}

const isWindows = Deno.build.os === "windows";

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test({
    name: `${signal} in a long copy ends the run with ${code} at once`,
    ignore: isWindows,
    fn: async () => {
      using office = slowOffice();
      const page = `${office.folder}/page.html`;
      const child = start(office, "--json", "--report", page);
      await isCopying(office);
      child.kill(signal);
      const begin = performance.now();
      const output = await child.output();
      assert.ok(performance.now() - begin < 20_000, "not at once");
      assert.equal(output.code, code);
      const { run, summary, guard, actions } = JSON.parse(
        new TextDecoder().decode(output.stdout),
      );
      assert.equal(run.exitCode, code);
      assert.equal(summary.CREATE_DIR_RIGHT, 1);
      assert.equal(summary.COPY_LEFT_TO_RIGHT, 0);
      assert.equal(actions.length, 1);
      assert.equal(guard.name, "interrupted");
      const shown = Deno.readTextFileSync(page);
      assert.match(shown, /Interrupted[^]*<tr data-kind="CREATE_DIR_RIGHT"/);
      assert.doesNotMatch(shown, /<tr data-kind="COPY_LEFT_TO_RIGHT"/);
      const said = new TextDecoder().decode(output.stderr);
      assert.match(
        said,
        /^[^\n]*: 1 of 2 actions done\. The next run [^\n]*\n$/,
      );
      await assertGoesOn(office, code);
    },
  });
}

Deno.test({
  name: "Ctrl+C on a terminal ends the run with 130, and says so in one line",
  ignore: isWindows,
  fn: async () => {
    using office = slowOffice();
    const child = onTerminal(office);
    await isCopying(office);
    const keyboard = child.stdin.getWriter();
    await keyboard.write(new Uint8Array([3]));
    const { code, stdout } = await child.output();
    await keyboard.close().catch(() => {});
    const shown = new TextDecoder().decode(stdout);
    assert.equal(code, 130, shown);
    assert.match(shown, /Stopped by Ctrl\+C: 1 of 2 actions done\. The next/);
    await assertGoesOn(office, 130);
  },
});

Deno.test({
  name: "a terminal that is closed ends the run in good order",
  ignore: isWindows,
  fn: async () => {
    using office = slowOffice();
    const child = onTerminal(office);
    await isCopying(office);
    child.kill("SIGKILL");
    await child.output();
    const hasEnded = () =>
      Deno.readTextFileSync(office.log).includes("ended with exit code");
    await until("the end", hasEnded);
    await assertGoesOn(office, 143);
  },
});

Deno.test({
  name: "a signal while contents are compared ends a plan with 130 at once",
  ignore: isWindows,
  fn: async () => {
    using office = new Office();
    hole(`${office.left}/long`, LONG_AGO);
    hole(`${office.right}/long`, LONG_AGO + 60_000);
    const child = start(office, "plan", "--json");
    await until("a beginning", () => exists(office.log));
    // The scan of two files is through by then.
    await new Promise((resolve) => setTimeout(resolve, 700));
    child.kill("SIGINT");
    const { code, stdout } = await child.output();
    const { run, guard } = JSON.parse(new TextDecoder().decode(stdout));
    assert.deepEqual([code, run.exitCode, run.dryRun], [130, 130, true]);
    assert.match(guard.reason, /^Stopped by Ctrl\+C: nothing was changed\./);
  },
});

/** An office whose runs have a mail to send, to a server that is silent. */
function mailingOffice(server: Deno.TcpListener): Office {
  const office = new Office(
    `email: { smtp_host: 127.0.0.1, smtp_port: ${server.addr.port}, ` +
      "security: none, from: a@b.c, to: a@b.c }\n",
  );
  return office.write({
    left: { a: file("1", { mtime: LONG_AGO }) },
    right: { a: file("22", { mtime: LONG_AGO + 60_000 }) },
  });
}

Deno.test({
  name:
    "a signal to all processes of a group is one, though the launcher passes it on",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using office = mailingOffice(server);
    const launcher = start(office);
    const call = await server.accept();
    const { pid } = launcher;
    const children = `/proc/${pid}/task/${pid}/children`;
    const program = Number(Deno.readTextFileSync(children));
    // However long the launcher takes to pass it on, the other one comes right
    // after that.
    assert.ok(program > 0, "0 would be all of this group");
    Deno.kill(program, "SIGSTOP");
    try {
      await until("a stop", () => /^State:\s*T/m.test(statusOf(program)));
      launcher.kill("SIGTERM");
      await until("the launcher's signal", () => isPending(program, 15));
    } finally {
      Deno.kill(program, "SIGCONT");
    }
    await until("its delivery", () => !isPending(program, 15));
    Deno.kill(program, "SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 200));
    call.close();
    // All but the mail was done before.
    const { code, stdout } = await launcher.output();
    assert.equal(code, 0);
    assert.match(new TextDecoder().decode(stdout), /Both sides agree/);
  },
});

Deno.test({
  name: "another Ctrl+C ends a run at once that can't end yet",
  ignore: isWindows,
  fn: async () => {
    using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using office = mailingOffice(server);
    const child = start(office);
    using _call = await server.accept();
    const begin = performance.now();
    // Within half a second of the first one it is the same; how long it takes
    // until that is heard, nobody can tell from here.
    const pressing = setInterval(() => child.kill("SIGINT"), 300);
    const { code, stderr } = await child.output();
    clearInterval(pressing);
    assert.equal(new TextDecoder().decode(stderr), "");
    // It would wait for the mail server for 20 s, and end with 0.
    assert.ok(performance.now() - begin < 15_000, "not at once");
    assert.equal(code, 130);
    office.configure("");
    await office.agree();
  },
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test({
    name:
      `${signal} in the middle of a restore drops the copy at hand, keeps what is done, and ends with ${code}`,
    ignore: isWindows,
    fn: async () => {
      using office = new Office();
      const kept =
        `${office.right}/.office-sync/deleted/20260501-120000-abcdef`;
      Deno.mkdirSync(`${kept}/d`, { recursive: true });
      Deno.writeTextFileSync(`${kept}/a`, "one");
      hole(`${kept}/d/long`, LONG_AGO);
      const child = start(office, "restore", "./", "--json");
      const folder = `${office.left}/d`;
      const isUnderWay = () =>
        exists(folder) && [...Deno.readDirSync(folder)].length > 0;
      await until("a copy", isUnderWay);
      child.kill(signal);
      const begin = performance.now();
      const output = await child.output();
      assert.ok(performance.now() - begin < 20_000, "not at once");
      assert.equal(output.code, code);
      const text = new TextDecoder();
      const document = JSON.parse(text.decode(output.stdout));
      assert.equal(document.exitCode, code);
      assert.deepEqual(
        document.files.map((it: { path: string; outcome: string }) => [
          it.path,
          it.outcome,
        ]),
        [["a", "done"]],
      );
      assert.match(
        text.decode(output.stderr),
        /^[^\n]*: 1 of 2 files brought back\. The same command [^\n]*\n$/,
      );
      const log = Deno.readTextFileSync(office.log);
      assert.match(
        log,
        /WARNING .* interrupted: .*1 of 2 files brought back\.\n/,
      );
      assert.ok(log.trimEnd().endsWith(`ended with exit code ${code}`));
      const a = { a: "one" };
      assert.deepEqual(office.trees(), { left: a, right: a });
      assert.ok(Deno.statSync(`${kept}/d/long`).size === LONG_BYTES);
      Deno.removeSync(`${kept}/d/long`);
      Deno.writeTextFileSync(`${kept}/d/long`, "short");
      const again = await office.command("restore", "./");
      assert.equal(again.code, 0, again.stderr);
      const all = { a: "one", d: { long: "short" } };
      assert.deepEqual(office.trees(), { left: all, right: all });
    },
  });
}

Deno.test({
  name: "Ctrl+C ends a doctor at once, and leaves nothing in either root",
  ignore: isWindows,
  fn: async () => {
    using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using office = mailingOffice(server);
    const before = office.trees();
    const child = start(office, "doctor");
    // It has been through with the roots when it calls the mail server.
    using _call = await server.accept();
    child.kill("SIGINT");
    const begin = performance.now();
    const { code } = await child.output();
    assert.ok(performance.now() - begin < 20_000, "not at once");
    assert.equal(code, 130);
    assert.deepEqual(office.trees(), before);
    assert.ok(!exists(`${office.left}/.office-sync`));
    assert.ok(!exists(office.stateDb));
  },
});

Deno.test({
  name: "Ctrl+C at a question of init ends it with nothing written",
  ignore: isWindows,
  fn: async () => {
    using office = new Office();
    Deno.removeSync(office.config);
    const child = onTerminal(office, "init");
    const keyboard = child.stdin.getWriter();
    let text = "";
    let isAsked = false;
    const shown = child.stdout.pipeThrough(new TextDecoderStream());
    for await (const part of shown) {
      text += part;
      if (isAsked || !text.includes("Left, the folder")) continue;
      isAsked = true;
      await keyboard.write(new Uint8Array([3]));
    }
    const { code } = await child.status;
    await keyboard.close().catch(() => {});
    await child.stderr.cancel();
    assert.equal(code, 2, text);
    assert.match(text, /Broken off: nothing was written\./);
    assert.ok(!exists(office.config));
  },
});
