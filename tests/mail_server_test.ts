import assert from "node:assert/strict";
import { hostname } from "node:os";
import { DatabaseSync } from "node:sqlite";
import {
  MailOffice,
  MailServer,
  type MailServerOptions,
  PASSWORD,
} from "./support/mail_server.ts";
import { file, type Office } from "./support/support.ts";

/** Gives both sides a conflict that the next run settles and mails. */
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

const WAYS: readonly [string, MailServerOptions][] = [
  ["STARTTLS and a login", { security: "starttls" }],
  ["TLS and a login", { security: "tls" }],
  ["no encryption and a login", { security: "none" }],
  ["TLS, without a login", { security: "tls", needsLogin: false }],
];

for (const [name, options] of WAYS) {
  Deno.test(`a mail goes out by ${name}, from inside the sandbox`, async () => {
    await using place = await MailOffice.start("", options);
    clash(place.office);
    const { code, stderr } = await place.command();
    assert.equal(code, 0);
    assert.equal(stderr, "");
    const [mail] = place.server.take();
    assert.equal(mail?.isEncrypted, options.security !== "none");
    assert.equal(mail?.login, options.needsLogin === false ? null : "office");
    assert.equal(waiting(place.office), 0);
  });
}

Deno.test("the server may have any name that leads to it, and the password may come from the environment", async () => {
  const names = ["localhost", hostname()];
  await using place = await MailOffice.start("", { security: "tls", names });
  const { office, server } = place;
  office.configure(server.config({
    smtp_host: hostname(),
    password: null,
    password_env: "MAIL_PASSWORD",
  }));
  clash(office);
  const { stderr } = await place.command();
  assert.match(stderr, /waits for the next run: .*MAIL_PASSWORD/);
  office.env.MAIL_PASSWORD = PASSWORD;
  assert.equal((await place.command()).stderr, "");
  assert.equal(server.take().length, 1);
});

Deno.test("a mail goes to all recipients; who is refused gets it by a later run, the others not again", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.configure(
    server.config({ to: "[Anna <anna@example.com>, bob@example.com]" }),
  );
  server.refused.add("bob@example.com");
  clash(office);
  const { code, stderr } = await place.command();
  assert.equal(code, 0);
  assert.match(stderr, /waits for the next run, for some: .*bob@example\.com/);
  const [first, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.deepEqual(first!.recipients, ["anna@example.com"]);
  server.refused.clear();
  assert.equal((await place.command()).stderr, "");
  const [second, ...more] = server.take();
  assert.deepEqual(more, []);
  assert.deepEqual(second!.recipients, ["bob@example.com"]);
  assert.equal(second!.messageId, first!.messageId);
  assert.equal((await place.command()).stderr, "");
  assert.deepEqual(server.take(), []);
});

Deno.test("a recipient has a mail, however the address is spelled: while another is refused it comes no second time", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  const to = (...all: string[]) =>
    office.configure(server.config({ to: JSON.stringify(all) }));
  server.refused.add("bob@example.com");
  clash(office);
  to(
    "anna@müller.example",
    "Carl@B.example",
    "carl@b.EXAMPLE",
    "bob@example.com",
  );
  const { stderr } = await place.command();
  assert.match(
    stderr,
    /for some: bob@example\.com is refused: "550 .*\(correct or remove it in email\.to\)\n$/,
  );
  const [first, ...more] = server.take();
  assert.deepEqual(more, []);
  assert.equal(first!.recipients.length, 2);
  for (let n = 0; n < 2; n++) {
    assert.equal((await place.command()).code, 0);
    assert.deepEqual(server.take(), []);
  }
  to("Anna@MÜLLER.example", "bob@example.com", "carl@B.example");
  assert.equal((await place.command()).code, 0);
  assert.deepEqual(server.take(), []);
  to("anna@xn--mller-kva.example", "BOB@example.com", "carl@b.example");
  server.refused.clear();
  assert.equal((await place.command()).stderr, "");
  const [second, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.deepEqual(second!.recipients, ["BOB@example.com"]);
});

Deno.test("an empty variable behind password_env is one that is not set", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.configure(
    server.config({ password: null, password_env: "MAIL_PASSWORD" }),
  );
  office.env.MAIL_PASSWORD = "";
  clash(office);
  const { code, stderr } = await place.command();
  assert.equal(code, 0);
  assert.equal(
    stderr,
    "E-mail waits for the next run: the variable MAIL_PASSWORD with the " +
      "password is not set.\n",
  );
  assert.equal(server.connections, 0);
  const doctor = await place.command("doctor");
  assert.equal(doctor.code, 1);
  assert.match(
    doctor.stdout,
    /mail: the variable MAIL_PASSWORD with the password is not set/,
  );
});

Deno.test("a server that is down costs no file and no time; the mail goes out with the next run, once", async () => {
  await using place = await MailOffice.start("");
  const { office } = place;
  const { port } = place.server;
  await place.server[Symbol.asyncDispose]();
  delete office.env.DENO_CERT;
  clash(office);
  const started = performance.now();
  const { code, stderr } = await place.command();
  assert.ok(performance.now() - started < 10_000);
  assert.equal(code, 0, "both sides agree");
  assert.match(
    stderr,
    /^E-mail waits for the next run: .*nothing answers there.*\n$/,
  );
  assert.equal(Deno.readTextFileSync(`${office.left}/a.txt`), "three");
  clash(office, "b.txt");
  assert.equal((await place.command()).code, 0);
  assert.equal(waiting(office), 2);
  place.server = await new MailServer({ port }).start();
  Object.assign(office.env, place.server.trust);
  assert.equal((await place.command()).stderr, "");
  const subjects = place.server.take().map(({ subject }) => subject);
  assert.deepEqual(subjects, [
    "office-sync: 1 conflict: a.txt",
    "office-sync: 1 conflict: b.txt",
  ]);
  assert.equal((await place.command()).stderr, "");
  assert.deepEqual(place.server.take(), []);
});

// deno-fmt-ignore
const BAD: readonly [rule: string, options: MailServerOptions, isTrusted: boolean, words: RegExp][] = [
  ["that nobody vouches for", {}, false, /: nobody whom this computer trusts vouches for its certificate \(.*DENO_CERT.*docs\/mail\.md\)/],
  ["that has run out", { validDays: -1 }, true, /: its certificate has expired, on \d{4}-\d\d-\d\d \(whoever runs it has to renew it; or is this computer's clock wrong\?\)/],
  ["that has run out and that nobody vouches for", { validDays: -1 }, false, /: its certificate has expired, on /],
  ["of tomorrow", { startDays: 1 }, true, /: its certificate is not valid before \d{4}-\d\d-\d\d \(.*clock wrong\?\)/],
  ["of another host", { names: ["mail.example.com", "*.example.net"] }, true, /: its certificate is for mail\.example\.com, \*\.example\.net, not for localhost \(set email\.smtp_host to the name that the certificate is for\)/],
  ["of another host, and that nobody vouches for", { names: ["a.example", "b.example", "c.example", "d.example"] }, false, /: its certificate is for a\.example, b\.example, c\.example, …, not for localhost \(/],
];

for (const [n, [name, options, isTrusted, words]] of BAD.entries()) {
  // What comes of it is the same: one of each is enough.
  for (const security of [n % 2 === 0 ? "starttls" : "tls"] as const) {
    Deno.test(`${security}: a certificate ${name} gets neither password nor mail, and fails no run`, async () => {
      await using place = await MailOffice.start("", { security, ...options });
      const { office, server } = place;
      if (!isTrusted) delete office.env.DENO_CERT;
      clash(office);
      const { code, stderr } = await place.command();
      assert.equal(code, 0);
      assert.match(stderr, /^E-mail waits for the next run: .*certificate/);
      assert.match(stderr, words);
      assert.equal(stderr.trim().split("\n").length, 1);
      assert.deepEqual(server.logins, []);
      assert.deepEqual(server.take(), []);
      assert.equal(waiting(office), 1);
    });
  }
}

Deno.test("doctor tells of a certificate what a run tells", async () => {
  const options: MailServerOptions = { security: "tls", validDays: -1 };
  await using place = await MailOffice.start("", options);
  const { code, stdout, stderr } = await place.command("doctor");
  assert.equal(code, 1);
  assert.equal(stderr, "");
  assert.match(
    stdout,
    /^PROBLEM {2}mail: localhost:\d+: its certificate has expired, on /m,
  );
  assert.deepEqual(place.server.logins, []);
});

Deno.test("a server without STARTTLS gets nothing where STARTTLS is asked for", async () => {
  await using place = await MailOffice.start("", { security: "none" });
  const { office, server } = place;
  office.configure(server.config({ security: "starttls" }));
  clash(office);
  const { stderr } = await place.command();
  assert.match(
    stderr,
    /^E-mail waits for the next run: .*: it offers no STARTTLS: .*\(set email\.security to tls and /,
  );
  assert.deepEqual(server.logins, []);
  assert.deepEqual(server.take(), []);
});

Deno.test("a login that is refused is tried once per run, and the mail waits", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  server.refusesLogin = true;
  for (const name of ["a.txt", "b.txt"]) {
    clash(office, name);
    assert.equal((await place.command()).code, 0);
  }
  assert.equal(waiting(office), 2);
  assert.equal(server.connections, 2, "not once for each mail");
  server.refusesLogin = false;
  assert.equal((await place.command()).stderr, "");
  assert.equal(server.take().length, 2);
});
