import assert from "node:assert/strict";
import { hostname } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { addressKey, type EmailConfig } from "../lib/config_schema.ts";
import { Mailer, type OutgoingMail, type Sent } from "../lib/mail_smtp.ts";
import {
  FaultyMailServer,
  type MailFaults,
  MailOffice,
  MailServer,
  type MailServerOptions,
  PASSWORD,
  USERNAME,
} from "./support/mail_server.ts";
import { file, type Office } from "./support/support.ts";
import { replaceCall } from "./support/system_calls.ts";

/** What no person is to read. */
const RAW =
  /EPIPE|ECONN|ESOCKET|ETLS|EAUTH|SSL routines|os error|rustls|InvalidContent|altname|socket|undefined|null|NaN|object|command failed|Message failed|\bat \w+.*:\d+:\d+/i;

function configOf(
  port: number,
  changes: Partial<EmailConfig> = {},
): EmailConfig {
  return {
    smtpHost: "localhost",
    smtpPort: port,
    security: "none",
    username: null,
    password: null,
    passwordEnv: null,
    from: "Sync <sync@example.com>",
    to: ["Anna <anna@example.com>"],
    tellAfterHours: 24,
    remindDays: 7,
    ...changes,
  };
}

function mailOf(changes: Partial<OutgoingMail> = {}): OutgoingMail {
  return {
    subject: "a subject",
    text: "a text",
    html: "<p>a text</p>",
    messageId: "id",
    createdAtMs: Date.UTC(2026, 0, 2),
    delivered: [],
    ...changes,
  };
}

async function send(
  email: EmailConfig,
  changes: Partial<OutgoingMail> = {},
  boundMs = 10_000,
): Promise<Sent> {
  const password = email.username === null ? null : PASSWORD;
  using mailer = new Mailer({ email, password, boundMs });
  return await mailer.send(mailOf(changes));
}

async function verify(email: EmailConfig, boundMs = 10_000): Promise<string> {
  const password = email.username === null ? null : PASSWORD;
  using mailer = new Mailer({ email, password, boundMs });
  const fault = await mailer.verify();
  if (fault === null) return "";
  const [says, todo] = fault;
  return todo === null ? says : `${says} (${todo})`;
}

function reasonOf(sent: Sent): string {
  return sent.kind === "failed" ? sent.reason : sent.refused.join("; ");
}

interface FaultRow {
  readonly rule: string;
  readonly faults: MailFaults;
  readonly email?: Partial<EmailConfig>;
  /** After host and port. */
  readonly words: string;
  /** Doctor does not get that far. */
  readonly isMailOnly?: boolean;
  readonly boundMs?: number;
}

const LOGIN = { username: USERNAME, password: PASSWORD };
const CAN_LOGIN = ["AUTH PLAIN LOGIN"];
const THREE = {
  to: ["Anna <anna@example.com>", "Bob <Bob@Example.com>", "c@example.com"],
};

/** A reply for one recipient, another for the rest. */
function onlyFor(whom: string, reply: string) {
  return (heard: string) =>
    heard.toLowerCase().includes(whom) ? reply : "250 ok";
}

// deno-fmt-ignore
const FAULTS: readonly FaultRow[] = [
  // It lets itself be called, and then.
  { rule: "hangs up at once", faults: { replies: { connect: null } }, words: "it hung up without a word (set email.security to tls, if port PORT is for that; else check email.smtp_host and email.smtp_port)" },
  { rule: "never says a word", faults: { silentAt: "connect" }, boundMs: 400, words: "localhost did not take it within 0.4 s: it never said a word (set email.security to tls, if port PORT is for that; else check email.smtp_host and email.smtp_port)" },
  { rule: "is too busy", faults: { replies: { connect: "421 4.3.2 too many connections" } }, words: 'it takes no mail for now: "421 4.3.2 too many connections"' },
  { rule: "does not want this computer", faults: { replies: { connect: "554 5.7.1 blocked, see https://example.com" } }, words: 'it does not want to talk to this computer: "554 5.7.1 blocked, see https://example.com" (ask whoever runs it, or change email.smtp_host)' },
  { rule: "is one for SSH", faults: { replies: { connect: "SSH-2.0-OpenSSH_9.2" } }, words: 'what answers there is no mail server: "SSH-2.0-OpenSSH_9.2" (check email.smtp_port and email.smtp_host)' },
  { rule: "is one for reading mail", faults: { replies: { connect: "* OK IMAP4rev1 ready" } }, words: 'what answers there is no mail server: "* OK IMAP4rev1 ready" (check email.smtp_port and email.smtp_host)' },
  { rule: "hangs up at the first command", faults: { replies: { EHLO: null } }, words: "it hung up after its first words" },
  { rule: "falls silent at the first command", faults: { silentAt: "EHLO" }, boundMs: 400, words: "localhost did not take it within 0.4 s: it said no more after its first words" },
  { rule: "knows no STARTTLS", faults: {}, email: { security: "starttls" }, words: 'it offers no STARTTLS: "502 5.5.1 not here" (set email.security to tls and email.smtp_port to the server\'s port for it, mostly 465)' },
  { rule: "begins without encryption where that is expected", faults: {}, email: { security: "tls" }, words: "it does not begin with encryption (set email.security to starttls, or email.smtp_port to the server's port for tls, mostly 465)" },
  { rule: "is one for web pages", faults: { replies: { connect: "" , EHLO: "HTTP/1.1 400 Bad Request" } }, email: { security: "tls", smtpHost: "localhost" }, boundMs: 400, words: "localhost did not take it within 0.4 s: it said no more when the encryption began (set email.security to starttls, or email.smtp_port to the server's port for tls, mostly 465)" },
  { rule: "can't agree on an encryption", faults: { replies: { connect: "\u0015\u0003\u0001\u0000\u0002\u0002F" } }, email: { security: "tls" }, words: "it can't agree with this computer on an encryption (its software may be too old to be safe; ask whoever runs it, or name another in email.smtp_host)" },
  { rule: "begins with encryption where none is expected", faults: { replies: { connect: "\u0015\u0003\u0001\u0000\u0002\u0002F" } }, email: { security: "starttls" }, words: "it begins with encryption (set email.security to tls)" },
  { rule: "hangs up when encryption begins", faults: { replies: { connect: null } }, email: { security: "tls" }, words: "it hung up when the encryption began (set email.security to starttls, or email.smtp_port to the server's port for tls, mostly 465)" },
  { rule: "hangs up when encryption begins after STARTTLS", faults: { replies: { STARTTLS: "220 go on", TLS: null } }, email: { security: "starttls" }, words: "it hung up when the encryption began" },
  { rule: "falls silent when encryption begins after STARTTLS", faults: { replies: { STARTTLS: "220 go on" } }, email: { security: "starttls" }, boundMs: 400, words: "localhost did not take it within 0.4 s: it said no more when the encryption began" },
  { rule: "goes on without encryption after STARTTLS", faults: { replies: { STARTTLS: "220 go on", TLS: "250 hello" } }, email: { security: "starttls" }, words: "it can't agree with this computer on an encryption (its software may be too old to be safe; ask whoever runs it, or name another in email.smtp_host)" },
  { rule: "has no encryption for now", faults: { replies: { STARTTLS: "454 4.7.0 TLS not available due to temporary reason" } }, email: { security: "starttls" }, words: 'it can\'t begin encryption for now: "454 4.7.0 TLS not available due to temporary reason"' },
  // The login.
  { rule: "refuses the login", faults: { can: CAN_LOGIN, replies: { AUTH: `535 5.7.8 wrong: ${PASSWORD}` } }, email: LOGIN, words: 'the login is refused: "535 5.7.8 wrong: ***" (check email.username and email.password)' },
  { rule: "refuses the login, with the password in a variable", faults: { can: CAN_LOGIN, replies: { AUTH: "535-5.7.8 Username and Password not accepted.\r\n535 5.7.8 Learn more at https://example.com" } }, email: { ...LOGIN, passwordEnv: "PW" }, words: 'the login is refused: "535 5.7.8 Username and Password not accepted. Learn more at https://example.com" (check email.username and the variable PW that email.password_env names)' },
  { rule: "wants encryption before a login", faults: { can: CAN_LOGIN, replies: { AUTH: "538 5.7.11 Encryption required for requested authentication mechanism" } }, email: LOGIN, words: 'the login is refused: "538 5.7.11 Encryption required for requested authentication mechanism" (set email.security to starttls)' },
  { rule: "can't look logins up for now", faults: { can: CAN_LOGIN, replies: { AUTH: "454 4.7.0 Temporary authentication failure" } }, email: LOGIN, words: 'it can\'t take a login for now: "454 4.7.0 Temporary authentication failure"' },
  { rule: "knows other logins only", faults: { can: ["AUTH GSSAPI"], replies: { AUTH: "504 5.5.4 unknown" } }, email: LOGIN, words: 'the login is refused: "504 5.5.4 unknown" (check email.username and email.password)' },
  { rule: "hangs up during the login", faults: { can: CAN_LOGIN, replies: { AUTH: null } }, email: LOGIN, words: "it hung up during the login" },
  { rule: "falls silent during the login", faults: { can: CAN_LOGIN, silentAt: "AUTH" }, email: LOGIN, boundMs: 400, words: "localhost did not take it within 0.4 s: it said no more during the login" },
  // The sender.
  { rule: "wants a login", faults: { replies: { MAIL: "530 5.7.0 Authentication required" } }, words: 'the sender sync@example.com is refused: "530 5.7.0 Authentication required" (it may want a login: set email.username and email.password_env)' },
  { rule: "wants encryption", faults: { replies: { MAIL: "530 5.7.0 Must issue a STARTTLS command first" } }, words: 'the sender sync@example.com is refused: "530 5.7.0 Must issue a STARTTLS command first" (set email.security to starttls)' },
  { rule: "refuses the sender", faults: { replies: { MAIL: "550 5.1.8 no such domain" } }, email: { from: "Büro <sync@müller.example>" }, words: 'the sender sync@müller.example is refused: "550 5.1.8 no such domain" (change email.from to an address that the login, or this computer, may send from)' },
  { rule: "refuses the sender only at the recipient", faults: { replies: { RCPT: "553 5.7.1 <sync@example.com>: Sender address rejected: not owned by user office" } }, words: 'anna@example.com is refused: "553 5.7.1 <sync@example.com>: Sender address rejected: not owned by user office" (change email.from to an address that may send through it)' },
  { rule: "takes no sender for now", faults: { replies: { MAIL: "451 4.3.0 try later" } }, words: 'it does not take it for now: "451 4.3.0 try later"' },
  { rule: "says beforehand that the mail is too big", faults: { replies: { MAIL: "552 5.3.4 Message size exceeds fixed limit" } }, words: 'the mail is too big for it: "552 5.3.4 Message size exceeds fixed limit" (ask whoever runs it how big mails may be)' },
  // Recipients.
  { rule: "refuses the only recipient", faults: { replies: { RCPT: "550 5.1.1 no such user" } }, words: 'anna@example.com is refused: "550 5.1.1 no such user" (correct or remove it in email.to)' },
  { rule: "refuses one of three recipients", faults: { replies: { RCPT: onlyFor("bob@", "550 5.1.1 no such user") } }, email: THREE, words: 'Bob@Example.com is refused: "550 5.1.1 no such user" (correct or remove it in email.to)' },
  { rule: "refuses one of three recipients, and hears all in one go", faults: { can: ["PIPELINING"], replies: { RCPT: onlyFor("anna@", "550 5.1.1 no such user") } }, email: THREE, words: 'anna@example.com is refused: "550 5.1.1 no such user" (correct or remove it in email.to)' },
  { rule: "refuses two of three recipients, each for a reason of its own", faults: { replies: { RCPT: (heard) => /bob/i.test(heard) ? "552 5.2.2 mailbox full" : /c@/.test(heard) ? "450 4.2.0 Greylisted" : "250 ok" } }, email: THREE, words: 'Bob@Example.com is refused: "552 5.2.2 mailbox full" (correct or remove it in email.to); c@example.com is not taken for now: "450 4.2.0 Greylisted"' },
  { rule: "greylists", faults: { replies: { RCPT: "450 4.2.0 Greylisted, see http://example.com" } }, words: 'anna@example.com is not taken for now: "450 4.2.0 Greylisted, see http://example.com"' },
  { rule: "passes nothing on", faults: { replies: { RCPT: "554 5.7.1 Relay access denied" } }, words: 'anna@example.com is refused: "554 5.7.1 Relay access denied" (it may want a login: set email.username and email.password_env)' },
  { rule: "passes nothing on, though somebody has logged in", faults: { can: CAN_LOGIN, replies: { RCPT: "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain" } }, email: LOGIN, words: 'anna@example.com is refused: "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain" (use the server that email.from belongs to in email.smtp_host; this one does not pass such mail on)' },
  { rule: "closes for now at the recipient", faults: { replies: { RCPT: "421 4.3.2 shutting down" } }, words: 'anna@example.com is not taken for now: "421 4.3.2 shutting down"' },
  { rule: "hangs up at the recipient", faults: { replies: { RCPT: null } }, words: "it hung up when it was told whom the mail is for" },
  { rule: "falls silent at the recipient", faults: { silentAt: "RCPT" }, boundMs: 400, words: "localhost did not take it within 0.4 s: it said no more when it was told whom the mail is for" },
  // The mail.
  { rule: "refuses mail at all", isMailOnly: true, faults: { replies: { DATA: "554 5.5.1 no valid recipients" } }, words: 'the mail is refused: "554 5.5.1 no valid recipients" (ask whoever runs it)' },
  { rule: "cuts the connection in mid-mail", isMailOnly: true, faults: { replies: { content: null } }, words: "it hung up in the middle of the mail, before it had confirmed it" },
  { rule: "cuts the connection at its end", isMailOnly: true, faults: { replies: { end: null } }, words: "it hung up in the middle of the mail, before it had confirmed it" },
  { rule: "never confirms it", isMailOnly: true, faults: { silentAt: "end" }, boundMs: 400, words: "localhost did not take it within 0.4 s: it said no more in the middle of the mail, before it had confirmed it" },
  { rule: "finds it too big", isMailOnly: true, faults: { replies: { end: "552 5.3.4 Message too big" } }, words: 'the mail is too big for it: "552 5.3.4 Message too big" (ask whoever runs it how big mails may be)' },
  { rule: "takes it for spam", isMailOnly: true, faults: { replies: { end: "554 5.7.1 Spam message rejected" } }, words: 'the mail is refused: "554 5.7.1 Spam message rejected" (ask whoever runs it)' },
  { rule: "has no room for now", isMailOnly: true, faults: { replies: { end: "452 4.3.1 Insufficient system storage" } }, words: 'it does not take it for now: "452 4.3.1 Insufficient system storage"' },
  { rule: "answers with an escape sequence", isMailOnly: true, faults: { replies: { end: "550 \u001b[2J\u0007x" } }, words: 'the mail is refused: "550 \\u001b[2J\\u0007x" (ask whoever runs it)' },
];

/**
 * Lets a mail's time begin to run when the server is silent: on a busy computer
 * it would be up before anything was said.
 */
function boundBySilence(server: FaultyMailServer, boundMs: number): Disposable {
  return replaceCall(globalThis, "setTimeout", (real, ...args: unknown[]) => {
    const [then, ms] = args;
    if (ms !== boundMs) return real(...args);
    const id = setInterval(() => {
      if (!server.isSilent) return;
      clearInterval(id);
      real(then, ms);
    }, 10);
    // Cleared by the same number, where it was not needed.
    return id;
  });
}

for (const row of FAULTS) {
  const { rule, faults, email = {}, words, isMailOnly, boundMs } = row;
  Deno.test(`a server that ${rule}: a mail and doctor say so`, async () => {
    using server = new FaultyMailServer(faults);
    const config = configOf(server.port, email);
    const bound = boundMs ?? 10_000;
    const expected = words.replaceAll("PORT", String(server.port));
    const at = `localhost:${server.port}: `;
    using _time = boundBySilence(server, boundMs ?? 0);
    const sent = await send(config, {}, bound);
    const told = reasonOf(sent);
    assert.equal(sent.kind === "failed" ? told : at + told, at + expected);
    assert.doesNotMatch(told.replace(/"[^"]*"/g, ""), RAW);
    if (isMailOnly) return;
    server.heard.length = 0;
    server.isSilent = false;
    const doctor = await verify(config, bound);
    // Of many refusals doctor puts what to do at the end.
    if (!/; c@/.test(expected)) assert.equal(doctor, at + expected);
    assert.doesNotMatch(doctor.replace(/"[^"]*"/g, ""), RAW);
    assert.ok(!server.heard.includes("."), "doctor sends nothing");
  });
}

for (const security of ["starttls", "tls"] as const) {
  const other = security === "tls" ? "starttls" : "tls";
  Deno.test(`${other} at a port for ${security}: a mail and doctor say which line to change`, async () => {
    await using server = await new MailServer({ security }).start();
    const { port } = server;
    const config = configOf(port, { security: other, ...LOGIN });
    const words = security === "starttls"
      ? /it does not begin with encryption \(set email\.security to starttls, or email\.smtp_port to /
      : /it never said a word \(set email\.security to tls, if port /;
    for (
      const told of [
        reasonOf(await send(config, {}, 1000)),
        await verify(config, 1000),
      ]
    ) {
      assert.match(told, words);
      assert.doesNotMatch(told, RAW);
    }
    assert.deepEqual(server.logins, []);
  });
}

Deno.test("starttls or none at port 465: the advice is sure", async () => {
  // Of several processes that test this each has an address of its own.
  const address = `127.46.${Deno.pid >> 8 & 255}.${Deno.pid & 255}`;
  using server = new FaultyMailServer({
    silentAt: "connect",
    address,
    port: 465,
  });
  assert.equal(server.port, 465);
  using _time = boundBySilence(server, 300);
  for (const security of ["starttls", "none"] as const) {
    server.isSilent = false;
    const email = { security, smtpHost: address };
    assert.equal(
      reasonOf(await send(configOf(465, email), {}, 300)),
      `${address}:465: ${address} did not take it within 0.3 s: it never ` +
        "said a word (set email.security to tls: port 465 is for that)",
    );
  }
});

// deno-fmt-ignore
const UNREACHED: readonly [rule: string, host: string, port: number, words: RegExp][] = [
  ["a port where nothing is", "127.0.0.1", 1, /^127\.0\.0\.1:1: nothing answers there \(check email\.smtp_host and email\.smtp_port; is it running\?\)$/],
  ["a name that nobody has", "nowhere.invalid", 25, /^nowhere\.invalid:25: (?:there is no such host \(check email\.smtp_host\)|its name can't be looked up at the moment \(is this computer on the network\?\))$/],
  ["a name in other letters", "xn--mller-kva.invalid", 25, /^müller\.invalid:25: /],
  // No system lets anybody connect there.
  ["an address that no way leads to", "224.0.0.1", 25, /^224\.0\.0\.1:25: there is no way to it \(is this computer on the network\? is the server switched on\?\)$/],
];
for (const [rule, smtpHost, port, words] of UNREACHED) {
  Deno.test(`${rule}: a mail and doctor say so`, async () => {
    const config = configOf(port, { smtpHost });
    for (const told of [reasonOf(await send(config)), await verify(config)]) {
      assert.match(told, words);
      assert.doesNotMatch(told, RAW);
    }
  });
}

// deno-fmt-ignore
const CONNECT_ERRORS: readonly [rule: string, error: Error, words: string][] = [
  ["a host that is off", new Error("No route to host (os error 113)"), "there is no way to it (is this computer on the network? is the server switched on?)"],
  ["a network that is off, on Windows", new Error("Ein Socketvorgang konnte nicht ausgeführt werden. (os error 10051)"), "there is no way to it (is this computer on the network? is the server switched on?)"],
  ["a server that never answers", new Deno.errors.TimedOut("Connection timed out (os error 110)"), "it does not answer (check email.smtp_host and email.smtp_port; a firewall may be in the way)"],
  ["a server that resets", new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"), "it hung up at once (check email.smtp_host and email.smtp_port)"],
  ["a firewall of this computer", new Deno.errors.PermissionDenied("Operation not permitted (os error 1)"), "this computer does not let the program reach it (a firewall or guard on it may be in the way)"],
  ["a name without an address", new Error("failed to lookup address information: No address associated with hostname"), "there is no such host (check email.smtp_host)"],
  ["a name that nobody has, on Windows", new Error("Der angegebene Host ist unbekannt. (os error 11001)"), "there is no such host (check email.smtp_host)"],
  ["names that can't be looked up", new Error("failed to lookup address information: System error"), "its name can't be looked up at the moment (is this computer on the network?)"],
  ["names that can't be looked up, on Windows", new Error("Dies ist normalerweise ein zeitweiliger Fehler. (os error 11002)"), "its name can't be looked up at the moment (is this computer on the network?)"],
  ["too many open files", new Error("Too many open files (os error 24)"), 'no connection came about: "Too many open files" (check email.smtp_host and email.smtp_port)'],
];
for (const [rule, error, words] of CONNECT_ERRORS) {
  Deno.test(`${rule}, when it connects: a mail and doctor say what the system says, and no other cause`, async () => {
    using _call = replaceCall(Deno, "connect", () => Promise.reject(error));
    const config = configOf(25);
    for (const told of [reasonOf(await send(config)), await verify(config)]) {
      assert.equal(told, `localhost:25: ${words}`);
      assert.doesNotMatch(told, RAW);
    }
  });
}

// deno-fmt-ignore
const SENDERS: readonly [from: string, header: string, name: string, address: string][] = [
  ["Office: Sync <sync@example.com>", '"Office: Sync" <sync@example.com>', "Office: Sync", "sync@example.com"],
  ["Büro Süd (Köln) <sync@example.com>", "=?UTF-8?Q?B=C3=BCro_S=C3=BCd_=28K=C3=B6ln=29?= <sync@example.com>", "Büro Süd (Köln)", "sync@example.com"],
  ["(Köln) <sync@example.com>", "=?UTF-8?Q?=28K=C3=B6ln=29?= <sync@example.com>", "(Köln)", "sync@example.com"],
  ["Office (South) <sync@example.com>", '"Office (South)" <sync@example.com>', "Office (South)", "sync@example.com"],
  ['"Sync, Office" <sync@example.com>', '"Sync, Office" <sync@example.com>', "Sync, Office", "sync@example.com"],
  ['"Büro, \\"Süd\\"" <sync@example.com>', "=?UTF-8?Q?B=C3=BCro=2C_=22S=C3=BCd=22?= <sync@example.com>", 'Büro, "Süd"', "sync@example.com"],
  ['"other@example.net" <sync@example.com>', '"other@example.net" <sync@example.com>', "other@example.net", "sync@example.com"],
  ["sync@müller.example", "sync@xn--mller-kva.example", "", "sync@xn--mller-kva.example"],
  ["Müller <sync@MÜLLER.example>", "=?UTF-8?Q?M=C3=BCller?= <sync@xn--mller-kva.example>", "Müller", "sync@xn--mller-kva.example"],
  ["<sync@example.com>", "sync@example.com", "", "sync@example.com"],
];
for (const [from, header, name, address] of SENDERS) {
  Deno.test(`${from} is a sender, and a recipient, with name and address apart`, async () => {
    await using server = await new MailServer({
      security: "none",
      needsLogin: false,
    }).start();
    const sent = await send(configOf(server.port, { from, to: [from] }));
    assert.equal(sent.kind, "sent", reasonOf(sent));
    const [mail] = server.take();
    const lines = Object.fromEntries(
      mail!.headerLines.map((
        { key, line },
      ) => [key, line.replaceAll(/\r?\n\s*/g, " ")]),
    );
    assert.equal(lines["from"], `From: ${header}`);
    assert.equal(lines["to"], `To: ${header}`);
    for (const { line } of mail!.headerLines) {
      // deno-lint-ignore no-control-regex
      assert.match(line, /^[\x00-\x7f]*$/);
    }
    const [sender, ...others] = mail!.from!.value;
    assert.deepEqual(others, []);
    assert.equal(sender!.name, name);
    // What reads the mail here shows domains in their own letters.
    const key = addressKey(address);
    assert.equal(addressKey(sender!.address!), key);
    assert.deepEqual(mail!.recipients.map(addressKey), [key]);
    assert.equal(addressKey(mail!.sender), key);
    assert.equal(mail!.messageId, `<id@${address.split("@")[1]}>`);
  });
}

Deno.test("a server is told domains in ASCII, by a mail and by doctor", async () => {
  using server = new FaultyMailServer();
  const email = { from: "Büro <sync@MÜLLER.example>", to: ["b@почта.рф"] };
  const config = configOf(server.port, email);
  for (const way of [send, verify]) {
    await way(config);
    assert.deepEqual(
      server.heard.splice(0).filter((line) => /^(?:MAIL|RCPT)/.test(line)),
      [
        "MAIL FROM:<sync@xn--mller-kva.example>",
        "RCPT TO:<b@xn--80a1acny.xn--p1ai>",
      ],
    );
  }
});

Deno.test("a long name in letters of many bytes arrives whole", async () => {
  await using server = await new MailServer({
    security: "none",
    needsLogin: false,
  }).start();
  const name = "会社の同期 📁 Büro ".repeat(9).trim();
  await send(configOf(server.port, { from: `${name} <a@b.example>` }));
  const [mail] = server.take();
  assert.equal(mail!.from!.value[0]!.name, name);
});

Deno.test("no program answers a mail by itself: neither by RFC 3834 nor as Exchange does", async () => {
  await using server = await new MailServer({
    security: "none",
    needsLogin: false,
  }).start();
  await send(configOf(server.port));
  const [mail] = server.take();
  assert.equal(mail!.headers.get("auto-submitted"), "auto-generated");
  assert.equal(mail!.headers.get("x-auto-response-suppress"), "All");
});

// deno-fmt-ignore
const SPELLINGS: readonly [rule: string, to: string[], delivered: string[], due: string[]][] = [
  ["twice the same", ["a@b.example", "a@b.example"], [], ["a@b.example"]],
  ["in upper and lower case", ["A@b.example", "Anna <a@B.example>", "a@b.EXAMPLE"], [], ["A@b.example"]],
  ["in two spellings of a domain", ["a@müller.example", "A@xn--mller-kva.example", "a@mu\u0308ller.example"], [], ["a@xn--mller-kva.example"]],
  ["who has it, in another case", ["Anna@B.example", "c@b.example"], ["anna@b.example"], ["c@b.example"]],
  ["who has it, noted as the server got it", ["anna@müller.example", "c@b.example"], ["anna@xn--mller-kva.example"], ["c@b.example"]],
  ["who has it, noted as the config had it", ["anna@xn--mller-kva.example", "c@b.example"], ["Anna@Müller.example"], ["c@b.example"]],
];
for (const [rule, to, delivered, due] of SPELLINGS) {
  Deno.test(`a recipient gets a mail once: ${rule}`, async () => {
    await using server = await new MailServer({
      security: "none",
      needsLogin: false,
    }).start();
    const config = configOf(server.port, { to });
    const sent = await send(config, { delivered });
    assert.equal(sent.kind, "sent");
    const [mail, ...more] = server.take();
    assert.deepEqual(more, []);
    assert.deepEqual(mail!.recipients.map(addressKey), due.map(addressKey));
    const now = sent.kind === "sent" ? sent.delivered : [];
    await send(config, { delivered: now });
    assert.deepEqual(server.take(), []);
  });
}

Deno.test("what is thrown where nobody waits for it ends the mail, not the program", async () => {
  using server = new FaultyMailServer({ silentAt: "RCPT" });
  const program = `
    import { EventEmitter } from "node:events";
    import { Mailer } from ${
    JSON.stringify(import.meta.resolve("../lib/mail_smtp.ts"))
  };
    const email = ${JSON.stringify(configOf(server.port))};
    const mail = ${JSON.stringify(mailOf())};
    const ways = {
      timer: () => setTimeout(() => { throw new Error("x"); }),
      immediate: () => setImmediate(() => { throw new Error("x"); }),
      tick: () => process.nextTick(() => { throw new Error("x"); }),
      microtask: () => queueMicrotask(() => { throw new Error("x"); }),
      event: () => setTimeout(() => new EventEmitter().emit("error", new Error("x"))),
      promise: () => { Promise.reject(new Error("x")); },
      text: () => setTimeout(() => { throw "x"; }),
    };
    for (const [name, way] of Object.entries(ways)) {
      using mailer = new Mailer({ email, password: null, boundMs: 60000 });
      // Comes when the server has heard whom the mail is for.
      Deno.stdin.read(new Uint8Array(1)).then(() => setTimeout(way));
      const sent = await mailer.send(mail);
      console.log(name, sent.kind, sent.reason);
    }
    for (const way of Object.values(ways)) way();
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log("done");
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-net",
      "--ignore-env",
      `--config=${new URL("../deno.json", import.meta.url).pathname}`,
      `data:application/javascript,${
        encodeURIComponent(
          `import "node:process"; import process from "node:process"; ${program}`,
        )
      }`,
    ],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  let told = 0;
  const telling = setInterval(() => {
    const heard = server.heard.filter((line) => line.startsWith("RCPT")).length;
    for (; told < heard; told++) stdin.write(new Uint8Array([0]));
  }, 10);
  const { code, stdout, stderr } = await child.output();
  clearInterval(telling);
  await stdin.close().catch(() => {});
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const failure = `failed localhost:${server.port}: the mail can't be sent: x`;
  const names = [
    "timer",
    "immediate",
    "tick",
    "microtask",
    "event",
    "promise",
    "text",
  ];
  assert.equal(
    text(stdout),
    [...names.map((name) => `${name} ${failure}`), "done", ""].join("\n"),
    text(stderr),
  );
  assert.equal(text(stderr), "");
  assert.equal(code, 0);
});

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

const INSIDE = ", from inside the sandbox";

// What is not encrypted asks the sandbox for no more than what begins so.
const WAYS: readonly [string, MailServerOptions][] = [
  [`STARTTLS and a login${INSIDE}`, { security: "starttls" }],
  [`TLS and a login${INSIDE}`, { security: "tls" }],
  ["no encryption and a login", { security: "none" }],
  [`TLS, without a login${INSIDE}`, { security: "tls", needsLogin: false }],
];

for (const [name, options] of WAYS) {
  Deno.test(`a mail goes out by ${name}`, async () => {
    const isInside = name.endsWith(INSIDE);
    await using place = isInside
      ? await MailOffice.onDisk("", options)
      : await MailOffice.start("", options);
    clash(place.office);
    const { code, stderr } = isInside
      ? await place.command()
      : await place.commandHere();
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
  await using place = await MailOffice.onDisk("", { security: "tls", names });
  const { office, server } = place;
  office.configure(server.config({
    smtp_host: hostname(),
    password: null,
    password_env: "MAIL_PASSWORD",
  }));
  clash(office);
  const { stderr } = await place.commandHere();
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
  const { code, stderr } = await place.commandHere();
  assert.equal(code, 0);
  assert.match(stderr, /waits for the next run, for some: .*bob@example\.com/);
  const [first, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.deepEqual(first!.recipients, ["anna@example.com"]);
  server.refused.clear();
  assert.equal((await place.commandHere()).stderr, "");
  const [second, ...more] = server.take();
  assert.deepEqual(more, []);
  assert.deepEqual(second!.recipients, ["bob@example.com"]);
  assert.equal(second!.messageId, first!.messageId);
  assert.equal((await place.commandHere()).stderr, "");
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
  const { stderr } = await place.commandHere();
  assert.match(
    stderr,
    /for some: bob@example\.com is refused: "550 .*\(correct or remove it in email\.to\)\n$/,
  );
  const [first, ...more] = server.take();
  assert.deepEqual(more, []);
  assert.equal(first!.recipients.length, 2);
  for (let n = 0; n < 2; n++) {
    assert.equal((await place.commandHere()).code, 0);
    assert.deepEqual(server.take(), []);
  }
  to("Anna@MÜLLER.example", "bob@example.com", "carl@B.example");
  assert.equal((await place.commandHere()).code, 0);
  assert.deepEqual(server.take(), []);
  to("anna@xn--mller-kva.example", "BOB@example.com", "carl@b.example");
  server.refused.clear();
  assert.equal((await place.commandHere()).stderr, "");
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
  const { code, stderr } = await place.commandHere();
  assert.equal(code, 0);
  assert.equal(
    stderr,
    "E-mail waits for the next run: the variable MAIL_PASSWORD with the " +
      "password is not set.\n",
  );
  assert.equal(server.connections, 0);
  const doctor = await place.commandHere("doctor");
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
  clash(office);
  const { code, stderr } = await place.commandHere();
  assert.equal(code, 0, "both sides agree");
  // Of the mail alone: on a busy computer a run takes long to begin.
  const [told = 0, waits = Infinity] = [/ COPY_/, / E-mail waits /].map((
    what,
  ) =>
    Date.parse(
      Deno.readTextFileSync(office.log).split("\n")
        .find((line) => what.test(line))!.split(" ")[0]!,
    )
  );
  assert.ok(waits - told < 10_000, `${waits - told} ms`);
  assert.match(
    stderr,
    /^E-mail waits for the next run: .*nothing answers there.*\n$/,
  );
  assert.equal(Deno.readTextFileSync(`${office.left}/a.txt`), "three");
  clash(office, "b.txt");
  assert.equal((await place.commandHere()).code, 0);
  assert.equal(waiting(office), 2);
  place.server = await new MailServer({ port, security: "none" }).start();
  assert.equal((await place.commandHere()).stderr, "");
  const subjects = place.server.take().map(({ subject }) => subject);
  assert.deepEqual(subjects, [
    "office-sync: 1 conflict: a.txt",
    "office-sync: 1 conflict: b.txt",
  ]);
  assert.equal((await place.commandHere()).stderr, "");
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

/**
 * Sends a mail, in a process of its own: what it trusts one learns when it
 * starts, and of two servers of one name it takes the certificates for one.
 */
const SENDER = `
  import { Mailer } from ${
  JSON.stringify(import.meta.resolve("../lib/mail_smtp.ts"))
};
  const [email, password, mail] = Deno.args.map((it) => JSON.parse(it));
  using mailer = new Mailer({ email, password, boundMs: 20000 });
  console.log(JSON.stringify(await mailer.send(mail)));
`;

for (const [n, [name, options, isTrusted, words]] of BAD.entries()) {
  // What comes of it is the same: one of each is enough.
  for (const security of [n % 2 === 0 ? "starttls" : "tls"] as const) {
    Deno.test(`${security}: a certificate ${name} gets neither password nor mail`, async () => {
      await using server = await new MailServer({ security, ...options })
        .start();
      const email = configOf(server.port, { security, ...LOGIN });
      const config = new URL("../deno.json", import.meta.url).pathname;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--no-prompt", "-A", `--config=${config}`],
          `data:application/javascript,${encodeURIComponent(SENDER)}`,
          ...[email, PASSWORD, mailOf()].map((it) => JSON.stringify(it)),
        ],
        env: isTrusted ? server.trust : {},
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert.notEqual(text, "", new TextDecoder().decode(stderr));
      const sent: Sent = JSON.parse(text);
      assert.equal(sent.kind, "failed");
      assert.match(reasonOf(sent), words);
      assert.deepEqual(server.logins, []);
      assert.deepEqual(server.take(), []);
    });
  }
}

Deno.test("a certificate that has run out fails no run, and the mail waits", async () => {
  await using place = await MailOffice.onDisk("", {
    security: "starttls",
    validDays: -1,
  });
  const { office, server } = place;
  clash(office);
  const { code, stderr } = await place.command();
  assert.equal(code, 0);
  assert.match(stderr, /^E-mail waits for the next run: .*certificate/);
  assert.equal(stderr.trim().split("\n").length, 1);
  assert.deepEqual(server.logins, []);
  assert.deepEqual(server.take(), []);
  assert.equal(waiting(office), 1);
});

Deno.test("doctor tells of a certificate what a run tells", async () => {
  const options: MailServerOptions = { security: "tls", validDays: -1 };
  await using place = await MailOffice.onDisk("", options);
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
  const { stderr } = await place.commandHere();
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
    assert.equal((await place.commandHere()).code, 0);
  }
  assert.equal(waiting(office), 2);
  assert.equal(server.connections, 2, "not once for each mail");
  server.refusesLogin = false;
  assert.equal((await place.commandHere()).stderr, "");
  assert.equal(server.take().length, 2);
});
