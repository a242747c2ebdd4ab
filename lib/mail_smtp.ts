/**
 * Sends mails through the configured server, within a bound: neither a server
 * that is down nor one that never ends a sentence holds up a run for longer.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isIPv6, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { checkServerIdentity, type TLSSocket } from "node:tls";
import { createTransport } from "nodemailer";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPTransportOptions } from "nodemailer/lib/smtp-transport";
import {
  addressKey,
  type EmailConfig,
  type Mailbox,
  parseMailbox,
} from "./config_schema.ts";
import {
  faultLine,
  FaultWords,
  isAboutCertificate,
  type MailStep,
  type SeenCertificate,
  type ToldFault,
} from "./mail_faults.ts";
import type { MailText } from "./mail_words.ts";

/** Through whom, and how long. */
export interface MailerOptions {
  readonly email: EmailConfig;
  /** Null where the server asks for no login. */
  readonly password: string | null;
  /** For all mails together, in ms. */
  readonly boundMs: number;
}

/** A mail on its way. */
export interface OutgoingMail extends MailText {
  /** Without angle brackets and host. */
  readonly messageId: string;
  /** In ms since 1970. */
  readonly createdAtMs: number;
  /** Addresses that have it already. */
  readonly delivered: readonly string[];
}

/** What a server refuses for good. */
export type Refusal = "login" | "recipients" | "mail";

/** What became of a mail. */
export type Sent =
  | {
    readonly kind: "sent";
    /** Addresses that have it now. */
    readonly delivered: readonly string[];
    /** Why the others have not, one sentence each. */
    readonly refused: readonly string[];
  }
  | {
    readonly kind: "failed";
    readonly reason: string;
    /** No other mail would fare better. */
    readonly isServer: boolean;
    /** The time was up. */
    readonly isLate: boolean;
    /** What the server will not take either when it is asked again. */
    readonly refusal: Refusal | null;
  };

/** Errors that are about one mail. All others are about the server. */
const ONE_MAIL = new Set(["EENVELOPE", "EMESSAGE"]);

/** Sends mails, until its time is up. */
export class Mailer implements Disposable {
  readonly #options: MailerOptions;
  readonly #words: FaultWords;
  readonly #end = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  #isLate = false;
  #hasLoggedIn = false;

  /** @param options Through whom, and how long from now on. */
  constructor(options: MailerOptions) {
    this.#options = options;
    this.#words = new FaultWords(options.email, options.password);
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#end.abort(new Error("the time is up"));
    }, options.boundMs);
    atWork.add(this.#end);
    standGuard();
  }

  /**
   * Sends a mail to all who have not got it yet.
   *
   * @param mail The mail.
   * @returns What became of it; it never throws.
   */
  async send(mail: OutgoingMail): Promise<Sent> {
    const { email } = this.#options;
    const all = recipientsOf(email.to);
    const have = new Set(mail.delivered.map(addressKey));
    const due = all.filter(({ address }) => !have.has(addressKey(address)));
    if (due.length === 0) {
      return { kind: "sent", delivered: mail.delivered, refused: [] };
    }
    const from = mailboxOf(email.from);
    using session = new Session();
    try {
      const info = await this.#bounded(async () => {
        const options = await this.#open(session);
        return await createTransport(options).sendMail({
          from,
          to: all,
          envelope: { from: bare(from), to: due.map(bare) },
          subject: mail.subject,
          text: mail.text,
          html: mail.html,
          date: new Date(mail.createdAtMs),
          messageId: `<${mail.messageId}@${from.address.split("@").at(-1)}>`,
          headers: {
            // Nobody is to answer that they are on holiday: by RFC 3834, and
            // by what Exchange goes by.
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
          },
          disableFileAccess: true,
          disableUrlAccess: true,
          signal: this.#end.signal,
        });
      });
      const taken = new Set(info.accepted.map((it) => addressKey(String(it))));
      const now = due.map(({ address }) => address)
        .filter((address) => taken.has(addressKey(address)));
      return {
        kind: "sent",
        delivered: [...mail.delivered, ...now],
        refused: (info.rejectedErrors ?? [])
          .map((it) => faultLine(this.#words.refusal(it))),
      };
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      return {
        kind: "failed",
        reason: faultLine(await this.#told(error, session)),
        isServer: !ONE_MAIL.has(code),
        isLate: this.#isLate,
        refusal: refusalOf(error),
      };
    }
  }

  /**
   * Whether the server answers, takes the login, the sender and all
   * recipients; nothing is sent.
   *
   * @returns What is wrong; null: nothing. It never throws.
   */
  async verify(): Promise<ToldFault | null> {
    using session = new Session();
    try {
      await this.#bounded(() => this.#tryOut(session));
      return null;
    } catch (error) {
      return await this.#told(error, session);
    }
  }

  /** Whether {@linkcode verify} was asked for the login, and it was taken. */
  get hasLoggedIn(): boolean {
    return this.#hasLoggedIn;
  }

  /** Ends the bound. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    atWork.delete(this.#end);
  }

  /** As long as there is time, and nothing is thrown out of sight. */
  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this.#end;
    signal.throwIfAborted();
    const ended = Promise.withResolvers<never>();
    const stop = () => ended.reject(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      const working = work();
      // When it is given up it may still fail.
      working.catch(() => {});
      return await Promise.race([working, ended.promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #told(error: unknown, session: Session): Promise<ToldFault> {
    return this.#words.tell({
      error,
      step: session.step,
      lateMs: this.#isLate ? this.#options.boundMs : null,
      firstSaid: session.firstSaid,
      certificate: isAboutCertificate(error) ? await this.#certificate() : null,
      nowMs: Date.now(),
    });
  }

  /** Connects, and gives the options for all that follows. */
  async #open(session: Session): Promise<SMTPTransportOptions> {
    const { email, password } = this.#options;
    const { smtpHost, smtpPort, security } = email;
    // By name: that alone is allowed in the sandbox, and all addresses behind
    // it are tried. nodemailer would look the name up itself.
    const connection = await Deno.connect({
      hostname: smtpHost,
      port: smtpPort,
      signal: this.#end.signal,
    });
    const stream = session.hold(connection, security === "tls");
    return {
      host: smtpHost,
      port: smtpPort,
      // Its own name is a fact about the computer, which the sandbox hides.
      name: literal(connection.localAddr.hostname),
      secure: security === "tls",
      requireTLS: security === "starttls",
      ignoreTLS: security === "none",
      connection: stream,
      getSocket: (_options, callback) => callback(null, { connection: stream }),
      logger: session.logger,
      transactionLog: true,
      ...email.username === null || password === null
        ? {}
        : { auth: { user: email.username, pass: password } },
    };
  }

  /** All of a mail's way up to its text. */
  async #tryOut(session: Session): Promise<void> {
    const { email } = this.#options;
    const options = await this.#open(session);
    /** What nodemailer would throw. */
    let refused: object | null = null;
    const smtp = new SMTPConnection({
      ...options,
      customAuth: {
        // What it has for logins of one's own says whatever it is told to.
        [ADDRESSES]: async ({ sendCommand, resolve, extensions }) => {
          session.step = "address";
          const utf8 = extensions.includes("SMTPUTF8") ? " SMTPUTF8" : "";
          const ask = async (command: string, recipient: string) => {
            const more = command === "MAIL FROM" ? utf8 : "";
            const { status, response } = await sendCommand(
              `${command}:<${recipient}>${more}`,
            );
            if (status >= 200 && status < 300) return null;
            const error = { code: "EENVELOPE", command, recipient };
            return { ...error, response, responseCode: status };
          };
          refused = await ask("MAIL FROM", mailboxOf(email.from).address);
          const all = refused === null ? recipientsOf(email.to) : [];
          const rejectedErrors = [];
          for (const { address } of all) {
            const error = await ask("RCPT TO", address);
            if (error === null) continue;
            rejectedErrors.push(error);
            refused = { ...error, rejectedErrors };
          }
          resolve();
        },
      },
    });
    await new Promise<void>((resolve, reject) => {
      // One that comes when nobody listens any more would end the program.
      smtp.on("error", reject);
      // What it said at last is heard first.
      smtp.once("end", () => setTimeout(() => reject(new Cut())));
      const then = (next: () => void) => (error?: unknown) =>
        error ? reject(error) : next();
      const addresses = () =>
        smtp.login({ method: ADDRESSES }, then(() => resolve()));
      smtp.connect(then(() => {
        if (!options.auth || !smtp.allowsAuth) return addresses();
        const { user, pass } = options.auth;
        smtp.login(
          { user, credentials: { user, pass } },
          then(() => {
            this.#hasLoggedIn = true;
            addresses();
          }),
        );
      }));
    }).catch((error) => {
      throw refused ?? error;
    });
    smtp.quit();
    if (refused !== null) throw refused;
  }

  /** The certificate of a server that is not trusted: nothing is told to it. */
  async #certificate(): Promise<SeenCertificate | null> {
    using session = new Session();
    try {
      return await this.#bounded(async () => {
        const { smtpHost } = this.#options.email;
        const smtp = new SMTPConnection({
          ...await this.#open(session),
          tls: { rejectUnauthorized: false },
        });
        await new Promise<void>((resolve, reject) => {
          smtp.on("error", reject);
          smtp.connect((error) => error ? reject(error) : resolve());
        });
        const seen = (smtp._socket as TLSSocket).getPeerCertificate();
        smtp.close();
        return {
          validFromMs: Date.parse(seen.valid_from),
          validToMs: Date.parse(seen.valid_to),
          names: (seen.subjectaltname ?? "").split(", ")
            .map((it) => it.replace(/^(?:DNS|IP Address):/, ""))
            .filter((it) => it !== ""),
          isForHost: checkServerIdentity(smtpHost, seen) === undefined,
        };
      });
    } catch {
      return null;
    }
  }
}

/** How the envelope is asked for without a mail. */
const ADDRESSES = "ADDRESSES";

/** The connection ended. */
class Cut extends Error {
  readonly code = "ECONNECTION";
}

/** Mailers that are at work. */
const atWork = new Set<AbortController>();
let isOnGuard = false;

/**
 * From now on nothing that a library throws in a timer, a callback or an
 * 'error' event ends the program: it ends the mail that is on its way. It
 * stays so when that is done, for what comes late.
 */
function standGuard(): void {
  if (isOnGuard) return;
  isOnGuard = true;
  const end = (event: Event, reason: unknown) => {
    event.preventDefault();
    for (const controller of atWork) controller.abort(reason);
  };
  addEventListener("error", (event) => end(event, event.error));
  addEventListener("unhandledrejection", (event) => end(event, event.reason));
}

/** One connection: how far it came, and what ends with it. */
class Session implements Disposable {
  step: MailStep = "connect";
  /** The first bytes from the server, one character each. */
  firstSaid = "";
  #stream: Socket | null = null;
  #isOver = false;

  /** Makes a stream of a connection, as nodemailer wants one. */
  hold(connection: Deno.TcpConn, isEncrypted: boolean): Socket {
    if (this.#isOver) {
      connection.close();
      throw new Error("nobody waits for it any more");
    }
    this.step = isEncrypted ? "encrypt" : "greet";
    const stream = streamOf(connection, (bytes) => {
      if (this.firstSaid.length >= 300) return;
      this.firstSaid += String.fromCharCode(...bytes.subarray(0, 300));
    });
    return this.#stream = stream;
  }

  /** Learns from nodemailer's log how far it came. */
  get logger() {
    const hear = (entry: { tnx?: string }, text = "") => {
      if (entry.tnx === "client") this.#hearUs(text);
      // The server's go-ahead, which comes after it has heard all recipients.
      else if (entry.tnx === "server" && /^354/.test(text)) {
        this.step = "content";
      } else if (entry.tnx === "network" && /established/.test(text)) {
        this.step = "greet";
      }
    };
    return {
      trace: hear,
      debug: hear,
      info: hear,
      warn: hear,
      error: hear,
      fatal: hear,
      level: () => {},
    };
  }

  #hearUs(command: string): void {
    if (/^(?:EHLO|HELO)/.test(command)) this.step = "greet";
    else if (/^STARTTLS/.test(command)) this.step = "encrypt";
    else if (/^AUTH/.test(command)) this.step = "login";
    else if (/^(?:MAIL|RCPT)/.test(command)) this.step = "address";
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#stream?.destroy();
  }
}

/** Deno's connection as a stream of Node's. */
function streamOf(
  connection: Deno.TcpConn,
  onBytes: (bytes: Uint8Array) => void,
): Socket {
  const buffer = new Uint8Array(16_384);
  const stream = new Duplex({
    read() {
      connection.read(buffer).then((size) => {
        if (size === null) return stream.push(null);
        const bytes = buffer.slice(0, size);
        onBytes(bytes);
        stream.push(Buffer.from(bytes.buffer));
      }).catch((error) => stream.destroy(error));
    },
    write(chunk: Uint8Array, _encoding, callback) {
      const writeAll = async () => {
        for (let at = 0; at < chunk.length;) {
          at += await connection.write(chunk.subarray(at));
        }
      };
      writeAll().then(() => callback(), callback);
    },
    final(callback) {
      // Where the other side is gone already, it has ended as well.
      connection.closeWrite().then(() => callback(), () => callback());
    },
    destroy(error, callback) {
      try {
        connection.close();
      } catch {
        // It is closed.
      }
      callback(error);
    },
  });
  // One that comes when nobody listens any more would end the program.
  stream.on("error", () => {});
  // More of a socket is not asked of it; the bound of all mails is what counts.
  return Object.assign(stream, { setTimeout() {} }) as unknown as Socket;
}

/** What is refused for good; one reply of 4xx may be another one tomorrow. */
function refusalOf(error: unknown): Refusal | null {
  const { code, command, responseCode } = error as Record<string, unknown>;
  const isPermanent = Number(responseCode) >= 500;
  // It knows beforehand that the server takes no mail of that size.
  const isTooBig = command === "MAIL FROM" &&
    (code === "EMESSAGE" || responseCode === 552 || responseCode === 523);
  if (isTooBig || isPermanent && command === "DATA") return "mail";
  if (!isPermanent) return null;
  if (code === "EAUTH") return "login";
  return command === "RCPT TO" ? "recipients" : null;
}

/** The recipients of a config, each once. */
function recipientsOf(to: readonly string[]): Mailbox[] {
  const all = new Map<string, Mailbox>();
  for (const mailbox of to.map(mailboxOf)) {
    const key = addressKey(mailbox.address);
    if (!all.has(key)) all.set(key, mailbox);
  }
  return [...all.values()];
}

function mailboxOf(text: string): Mailbox {
  return parseMailbox(text) ?? { name: "", address: text };
}

function bare({ address }: Mailbox): Mailbox {
  return { name: "", address };
}

/** An address where a host name is expected (RFC 5321, 4.1.3). */
function literal(address: string): string {
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`;
}
