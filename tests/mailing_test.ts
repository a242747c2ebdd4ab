import assert from "node:assert/strict";
import { loadConfig } from "../lib/config_loader.ts";
import { mailing } from "../lib/email_notifications.ts";
import { newRunId, runSync } from "../lib/run.ts";
import type { SyncListener } from "../lib/run_types.ts";
import { MailOffice } from "./support/mail_server.ts";
import { file, Office } from "./support/support.ts";

/** A run with mails in this process; a test may change what it listens to. */
async function run(
  office: Office,
  change: (listener: SyncListener) => Partial<SyncListener>,
  boundMs = 20_000,
): Promise<string[]> {
  const config = await loadConfig(office.config);
  const id = newRunId(Date.now());
  const warnings: string[] = [];
  const base: SyncListener = {
    onOutcome() {},
    onProblem() {},
    onWarning() {},
  };
  const listener = {
    ...base,
    ...mailing({
      email: config.email!,
      facts: {
        roots: config.roots,
        configFile: config.file,
        logFile: config.logging.file,
      },
      run: { id, startedAtMs: Date.now() },
      boundMs,
      onInfo() {},
      onWarning: (text) => warnings.push(text),
    }).listener,
  };
  const options = {
    isDryRun: false,
    allowed: { deletes: false, changes: false },
    acceptRoots: false,
    listUnchanged: false,
  };
  await runSync(id, config, options, { ...listener, ...change(listener) });
  return warnings;
}

function clash(office: Office): void {
  office.write({
    left: { "a.txt": file("one", { mtime: Date.UTC(2026, 0, 1) }) },
    right: { "a.txt": file("three", { mtime: Date.UTC(2026, 0, 2) }) },
  });
}

Deno.test("what a run settled before it was cut off is mailed by the next run, once", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  clash(office);
  // All is done, and nothing was told: as after a loss of power.
  await run(office, () => ({ onEnd: () => Promise.resolve() }));
  assert.equal(Deno.readTextFileSync(`${office.left}/a.txt`), "three");
  assert.equal((await place.command()).code, 0);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.match(mail!.text ?? "", /was cut off while it settled this/);
  assert.match(mail!.text ?? "", /a\.clash-20260101-000000-left\.txt/);
  assert.equal((await place.command()).code, 0);
  assert.deepEqual(server.take(), []);
});

Deno.test("a conflict that a cut-off run did not settle is told by the run that does", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  clash(office);
  await assert.rejects(run(office, () => ({
    onOutcome() {
      throw new Error("cut off");
    },
    onEnd: () => Promise.resolve(),
  })));
  assert.equal((await place.command()).code, 0);
  const mails = server.take();
  assert.equal(mails.length, 1);
  const about = mails[0]!.text?.match(/^a\.txt$/gm);
  assert.equal(about?.length, 1, "once, and not as cut off as well");
});

Deno.test("a guard that stops a run settles nothing, and no mail says so", async () => {
  await using place = await MailOffice.start(
    "safety:\n  max_change_files: 0\n  max_change_percent: 0\n",
  );
  const { office, server } = place;
  office.write({ left: { "a.txt": file("base", { mtime: 1e12 }) } });
  await office.settle();
  clash(office);
  assert.equal((await place.command()).code, 3);
  const subjects = server.take().map(({ subject }) => subject);
  assert.deepEqual(subjects, [
    'office-sync does not sync: The run was stopped by the guard "mass change"',
  ]);
});

/** A server that says some lines, and then nothing any more. */
function muteAfter(lines: readonly string[]) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const serve = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(4096);
    for (const line of lines) {
      await connection.write(new TextEncoder().encode(line));
      if (await connection.read(buffer) === null) return;
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) {
      held.push(connection);
      serve(connection).catch(() => {});
    }
  })().catch(() => {});
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      for (const connection of held) connection.close();
      listener.close();
      await accepting;
    },
  };
}

const GREETING = "220 mail.example.com ESMTP\r\n";
const STARTS = "250-mail.example.com\r\n250 STARTTLS\r\n";
const PHASES: readonly [string, string, readonly string[]][] = [
  ["before its greeting", "none", []],
  ["in the middle of its greeting", "none", ["220 ma"]],
  ["before TLS begins", "tls", []],
  ["after STARTTLS", "starttls", [GREETING, STARTS, "220 go ahead\r\n"]],
  ["after the sender", "none", [GREETING, "250 hello\r\n"]],
  ["after the mail", "none", [
    GREETING,
    "250 hello\r\n",
    "250 sender\r\n",
    "250 recipient\r\n",
    "354 go on\r\n",
  ]],
];

for (const [name, security, lines] of PHASES) {
  Deno.test(`a server that falls silent ${name} holds a run up no longer than the bound`, async () => {
    await using server = muteAfter(lines);
    using office = new Office(
      `email:\n  smtp_host: localhost\n  smtp_port: ${server.port}\n` +
        `  security: ${security}\n  from: a@example.com\n  to: b@example.com\n`,
    );
    clash(office);
    const started = performance.now();
    const warnings = await run(office, () => ({}), 700);
    const ms = performance.now() - started;
    assert.match(
      warnings.join("\n"),
      /localhost did not take it within 0\.7 s/,
    );
    assert.ok(ms > 650 && ms < 4000, `${ms} ms`);
  });
}

Deno.test("many mails together hold a run up no longer than the bound", async () => {
  await using place = await MailOffice.start("", {
    security: "none",
    needsLogin: false,
  });
  const { office, server } = place;
  server.refused.add("anna@example.com");
  for (let n = 0; n < 3; n++) {
    clash(office);
    Deno.writeTextFileSync(`${office.left}/a.txt`, `another ${n}`);
    await run(office, () => ({}));
  }
  assert.deepEqual(server.take(), []);
  server.refused.clear();
  server.beforeAcknowledged = () =>
    new Promise((done) => setTimeout(done, 1300));
  const started = performance.now();
  const warnings = await run(office, () => ({}), 2000);
  assert.ok(performance.now() - started < 5000);
  assert.match(warnings.join("\n"), /within [\d.]+ s/);
  assert.ok(server.take().length < 3);
  server.beforeAcknowledged = () => {};
  assert.deepEqual(await run(office, () => ({})), []);
  assert.deepEqual(await run(office, () => ({})), []);
});
