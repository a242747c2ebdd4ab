import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { MailOffice } from "../support/mail_server.ts";
import { launched } from "../support/sandbox.ts";
import { file, Office } from "../support/support.ts";
import { fromFileUrl } from "../support/urls.ts";

/** Gives both sides a conflict that the next run resolves and mails. */
function clash(office: Office, name = "a.txt"): void {
  office.write({
    left: { [name]: file("one", { mtime: Date.UTC(2026, 0, 1) }) },
    right: { [name]: file("three", { mtime: Date.UTC(2026, 0, 2) }) },
  });
}

function waiting(office: Office): number {
  using db = new DatabaseSync(office.stateDb, { readOnly: true });
  return Number(db.prepare("SELECT count(*) AS n FROM outbox").get()?.n);
}

/** A run in one process, so that a signal ends all of it. */
async function started({ config, env }: Office): Promise<Deno.ChildProcess> {
  const main = fromFileUrl("../main.ts");
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "-A",
      main,
      (await launched(config)).first,
      "--config",
      config,
    ],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

Deno.test("a server that never says a word holds a run up for 20 s and no longer", async () => {
  using office = new Office();
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const held: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of silent) held.push(connection);
  })().catch(() => {});
  office.configure(
    `email:\n  smtp_host: localhost\n  smtp_port: ${port}\n` +
      "  from: a@example.com\n  to: b@example.com\n",
  );
  clash(office);
  const started = performance.now();
  const { code, stderr } = await office.command();
  const seconds = (performance.now() - started) / 1000;
  assert.equal(code, 0);
  assert.match(
    stderr,
    /localhost did not take it within 20 s: it never said a word \(set email\.security to tls, /,
  );
  assert.ok(seconds > 19 && seconds < 25, `${seconds} s`);
  assert.equal(waiting(office), 1);
  for (const connection of held) connection.close();
  silent.close();
  await accepting;
});

Deno.test("a run that is killed before it has noted a mail as sent sends it again, as the same mail, and no third time", async () => {
  await using place = await MailOffice.onDisk("");
  const { office, server } = place;
  const killed = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  server.beforeAcknowledged = () => {
    arrived.resolve();
    return killed.promise;
  };
  clash(office);
  const run = await started(office);
  await arrived.promise;
  run.kill("SIGKILL");
  await run.status;
  killed.resolve();
  server.beforeAcknowledged = () => {};
  assert.equal((await place.command()).code, 0);
  const mails = server.take();
  assert.equal(mails.length, 2);
  assert.equal(mails[0]!.messageId, mails[1]!.messageId);
  assert.equal((await place.command()).code, 0);
  assert.deepEqual(server.take(), []);
});
