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
import { domainToUnicode } from "node:url";
import { createTransport } from "nodemailer";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPTransportOptions } from "nodemailer/lib/smtp-transport";
import {
  addressKey,
  type EmailConfig,
  type Mailbox,
  parseMailbox,
} from "./config_schema.ts";
import type { MailText } from "./mail_texts.ts";
import { errorWords, quoted } from "./text.ts";

// What goes wrong on the way to a mail server, in words for people: what is
// wrong, how far it came, and which line of the config to change. Nobody reads
// here what a library, OpenSSL or the system calls it; what the server itself
// said is quoted.

/** How far it came: what was under way when it went wrong. */
export type MailStep =
  | "connect"
  | "encrypt"
  /** The server's first words, and ours. */
  | "greet"
  | "login"
  /** Sender and recipients. */
  | "address"
  /** The mail itself, until the server has confirmed it. */
  | "content";

/** What a server's certificate says of itself. */
export interface SeenCertificate {
  /** In ms since 1970. */
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Hosts that it is for. */
  readonly names: readonly string[];
  readonly isForHost: boolean;
}

/** Something that went wrong, as it was met. */
export interface MailFault {
  readonly error: unknown;
  readonly step: MailStep;
  /** The time that was up, in ms; null: it was not up. */
  readonly lateMs: number | null;
  /** The first bytes that came from the server, one character each. */
  readonly firstSaid: string;
  /** Looked at where it was not trusted, if it could be. */
  readonly certificate: SeenCertificate | null;
  /** In ms since 1970. */
  readonly nowMs: number;
}

/** A fault in words. */
export interface ToldFault {
  /** Server and fault, without a full stop. */
  readonly says: string;
  /** What to do, as an order without a full stop; null: wait. */
  readonly todo: string | null;
}

/** An error of the library's, or of Deno's. */
interface MailError {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly originalCode?: unknown;
  readonly command?: unknown;
  readonly response?: unknown;
  readonly responseCode?: unknown;
  readonly recipient?: unknown;
  readonly rejectedErrors?: unknown;
}

/** What a person does not have to change anything for. */
const WAIT = null;

/**
 * The server's name for people.
 *
 * @param email Where it stands.
 * @returns Host, in its own letters, and port.
 */
export function serverWords({ smtpHost, smtpPort }: EmailConfig): string {
  return `${hostWords(smtpHost)}:${smtpPort}`;
}

/** The library gives back nothing for an IPv6 address. */
function hostWords(host: string): string {
  return domainToUnicode(host) || host;
}

/**
 * One fault or refusal in one line.
 *
 * @param told The fault.
 *
 * @example
 * ```ts
 * import { faultLine } from "./mail_smtp.ts";
 * faultLine({ says: "mail.example.com:25: nothing answers there", todo: "check email.smtp_port" });
 * // "mail.example.com:25: nothing answers there (check email.smtp_port)"
 * ```
 */
export function faultLine({ says, todo }: ToldFault): string {
  return todo === null ? says : `${says} (${todo})`;
}

/**
 * Whether the server's certificate is what is wrong.
 *
 * @param error What was thrown.
 */
export function isAboutCertificate(error: unknown): boolean {
  const { code, originalCode } = Object(error) as MailError;
  return /CERT|ALTNAME|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|CRL|INVALID_CA|PATH_LENGTH/
    .test(`${code} ${originalCode}`);
}

/** Finds the words for faults of one server. */
export class FaultWords {
  readonly #email: EmailConfig;
  readonly #host: string;
  readonly #server: string;
  readonly #secrets: readonly string[];

  /**
   * @param email The server, and what is asked of it.
   * @param password Never told, not even where the server repeats it; null:
   * there is none.
   */
  constructor(email: EmailConfig, password: string | null) {
    this.#email = email;
    this.#host = hostWords(email.smtpHost);
    this.#server = serverWords(email);
    const login = `\0${email.username}\0${password}`;
    this.#secrets = password ? [password, base64(password), base64(login)] : [];
  }

  /**
   * Tells a fault.
   *
   * @param fault What was met.
   */
  tell(fault: MailFault): ToldFault {
    const { says, todo } = this.#told(fault);
    return { says: `${this.#server}: ${says}`, todo };
  }

  /**
   * Tells why one recipient is refused while others are not.
   *
   * @param error What the library made of it.
   */
  refusal(error: unknown): ToldFault {
    const { recipient, response, responseCode } = Object(error) as MailError;
    const whom = this.#asWritten(String(recipient));
    const reply = this.#reply(response);
    const says = `${whom} is refused${reply}`;
    if (Number(responseCode) < 500) {
      return { says: `${whom} is not taken for now${reply}`, todo: WAIT };
    }
    const about = this.#aboutUs(String(response));
    return { says, todo: about ?? "correct or remove it in email.to" };
  }

  #told(fault: MailFault): ToldFault {
    const { error, step, lateMs, firstSaid } = fault;
    const { code, command, response } = Object(error) as MailError;
    // In whichever way it ends where one side speaks TLS and the other not,
    // the server's first bytes tell it.
    if (step === "encrypt" || step === "greet") {
      const spoken = this.#otherTongue(firstSaid);
      if (spoken !== null) return spoken;
    }
    if (lateMs !== null) return this.#late(step, lateMs, firstSaid);
    if (isAboutCertificate(error)) return this.#certificate(fault);
    if (code === "EAUTH") return this.#login(Object(error));
    if (command === "STARTTLS" && response) {
      return this.#noEncryption(Object(error));
    }
    if (typeof response === "string") return this.#refused(fault, response);
    if (step === "connect") return this.#unreached(error);
    if (step === "encrypt" && !isCut(Object(error))) {
      const says = "it can't agree with this computer on an encryption";
      const todo = "its software may be too old to be safe; ask whoever " +
        "runs it, or name another in email.smtp_host";
      return { says, todo };
    }
    if (isCut(Object(error))) return this.#cut(step, firstSaid);
    const words = this.#hidden(errorWords(error));
    return { says: `the mail can't be sent: ${words}`, todo: WAIT };
  }

  /** What the first bytes tell of a server that was spoken to wrongly. */
  #otherTongue(firstSaid: string): ToldFault | null {
    const { security } = this.#email;
    if (firstSaid === "") return null;
    // A record of TLS begins so: an alert, a handshake.
    const kind = firstSaid.charCodeAt(0);
    const isTls = kind >= 0x14 && kind <= 0x17 && firstSaid[1] === "\u0003";
    if (isTls && security !== "tls") {
      const says = "it begins with encryption";
      return { says, todo: "set email.security to tls" };
    }
    if (isTls) return null;
    if (/^\d{3}[ -]/.test(firstSaid)) {
      if (security !== "tls") return null;
      const says = "it does not begin with encryption";
      const todo = "set email.security to starttls, or email.smtp_port to " +
        "the server's port for tls, mostly 465";
      return { says, todo };
    }
    const says = `what answers there is no mail server${
      this.#reply(firstSaid)
    }`;
    return { says, todo: "check email.smtp_port and email.smtp_host" };
  }

  #late(step: MailStep, lateMs: number, firstSaid: string): ToldFault {
    const late = `${this.#host} did not take it within ${lateMs / 1000} s: `;
    if (step === "greet" && firstSaid === "") {
      return { says: `${late}it never said a word`, todo: this.#ifTls() };
    }
    const { security } = this.#email;
    const what: Record<MailStep, [what: string, todo: string | null]> = {
      connect: [
        "it does not answer",
        "check email.smtp_host and email.smtp_port; a firewall may be in " +
        "the way",
      ],
      encrypt: [
        "it let the encryption begin and said no more",
        security === "tls"
          ? "set email.security to starttls, if that port is for it; else " +
            "check email.smtp_port"
          : WAIT,
      ],
      greet: ["it said no more after its first words", WAIT],
      login: ["it said no more when it was asked to log in", WAIT],
      address: ["it said no more when it was told whom the mail is for", WAIT],
      content: ["it took the mail's text and never confirmed it", WAIT],
    };
    const [words, todo] = what[step];
    return { says: late + words, todo };
  }

  #ifTls(): string {
    const { security, smtpPort } = this.#email;
    const check = "check email.smtp_host and email.smtp_port";
    if (security === "tls") return check;
    return smtpPort === 465
      ? "set email.security to tls: port 465 is for that"
      : `set email.security to tls, if port ${smtpPort} is for that; else ` +
        check;
  }

  #cut(step: MailStep, firstSaid: string): ToldFault {
    if (step === "greet" && firstSaid === "") {
      return { says: "it hung up without a word", todo: this.#ifTls() };
    }
    const says: Record<MailStep, string> = {
      connect: "the connection broke off at once",
      encrypt: "it hung up when the encryption began",
      greet: "it hung up after its first words",
      login: "it hung up during the login",
      address: "it hung up when it was told whom the mail is for",
      content: "the connection was cut in the middle of the mail, before " +
        "the server had confirmed it",
    };
    const todo = step === "encrypt" && this.#email.security === "tls"
      ? "check that email.smtp_port is the server's port for tls, mostly 465"
      : WAIT;
    return { says: says[step], todo };
  }

  #certificate({ error, certificate, nowMs }: MailFault): ToldFault {
    const trust = {
      says: "nobody whom this computer trusts vouches for its certificate",
      todo: "check email.smtp_host; an office's own server needs " +
        "DENO_TLS_CA_STORE or DENO_CERT in the environment, see docs/mail.md",
    };
    const clock = "or is this computer's clock wrong?";
    const other = "set email.smtp_host to the name that the certificate is for";
    if (certificate === null) {
      const { code, originalCode } = Object(error) as MailError;
      if (!/ALTNAME/.test(`${code} ${originalCode}`)) return trust;
      return { says: "its certificate is for another name", todo: other };
    }
    const { validFromMs, validToMs, names, isForHost } = certificate;
    if (nowMs > validToMs) {
      return {
        says: `its certificate has expired, on ${day(validToMs)}`,
        todo: `whoever runs it has to renew it; ${clock}`,
      };
    }
    if (nowMs < validFromMs) {
      return {
        says: `its certificate is not valid before ${day(validFromMs)}`,
        todo: `whoever runs it has to replace it; ${clock}`,
      };
    }
    if (isForHost) return trust;
    const some = names.slice(0, 3).map((name) => quoted(name).slice(1, -1))
      .join(", ") + (names.length > 3 ? ", …" : "");
    return {
      says: `its certificate is for ${some || "no name"}, not for ${
        hostWords(this.#host)
      }`,
      todo: other,
    };
  }

  #unreached(error: unknown): ToldFault {
    const check = "check email.smtp_host and email.smtp_port";
    const { name, message } = error instanceof Error
      ? error
      : new Error(String(error));
    if (name === "ConnectionRefused") {
      return {
        says: "nothing answers there",
        todo: `${check}; is it running?`,
      };
    }
    if (name === "NetworkUnreachable" || name === "HostUnreachable") {
      const says = "there is no way to it";
      return { says, todo: "is this computer on the network?" };
    }
    if (name === "PermissionDenied" || name === "NotCapable") {
      const says = "this computer does not let the program reach it";
      return { says, todo: "a firewall or guard on it may be in the way" };
    }
    if (/try again|temporary|\b1100[23]\b/iu.test(message)) {
      const says = "its name can't be looked up at the moment";
      return { says, todo: "is this computer on the network?" };
    }
    if (name === "Error") {
      return { says: "there is no such host", todo: "check email.smtp_host" };
    }
    return { says: "no connection came about", todo: check };
  }

  #login({ response, responseCode }: MailError): ToldFault {
    const reply = this.#reply(response);
    if (!responseCode) {
      const says = "it knows no way to log in that office-sync knows, too";
      return { says, todo: "check email.smtp_host and email.username" };
    }
    if (Number(responseCode) < 500) {
      return { says: `it can't take a login for now${reply}`, todo: WAIT };
    }
    return {
      says: `the login is refused${reply}`,
      todo: this.#wantsTls(String(response)) ??
        `check email.username and ${this.#passwordWords()}`,
    };
  }

  #passwordWords(): string {
    const { passwordEnv } = this.#email;
    return passwordEnv === null
      ? "email.password"
      : `the variable ${passwordEnv} that email.password_env names`;
  }

  #noEncryption({ response, responseCode }: MailError): ToldFault {
    const reply = this.#reply(response);
    if (Number(responseCode) < 500) {
      return { says: `it can't begin encryption for now${reply}`, todo: WAIT };
    }
    return {
      says: `it offers no STARTTLS${reply}`,
      todo: "set email.security to tls and email.smtp_port to the server's " +
        "port for it, mostly 465",
    };
  }

  /** A reply that says no. */
  #refused({ error, step }: MailFault, response: string): ToldFault {
    const { command, responseCode, rejectedErrors } = Object(
      error,
    ) as MailError;
    const reply = this.#reply(response);
    if (Array.isArray(rejectedErrors) && rejectedErrors.length > 0) {
      const refusals = rejectedErrors.map((it) => this.refusal(it));
      const todos = refusals.map(({ todo }) => todo).filter((it) =>
        it !== null
      );
      return {
        says: refusals.map(({ says }) => says).join("; "),
        todo: todos.length > 0 ? [...new Set(todos)].join("; ") : WAIT,
      };
    }
    if (Number(responseCode) < 500) {
      const what = step === "greet"
        ? "it takes no mail"
        : "it does not take it";
      return { says: `${what} for now${reply}`, todo: WAIT };
    }
    if (step === "greet") {
      const says = `it does not want to talk to this computer${reply}`;
      return { says, todo: "ask whoever runs it, or change email.smtp_host" };
    }
    if (isAboutSize(response)) {
      const says = `the mail is too big for it${reply}`;
      return { says, todo: "ask whoever runs it how big mails may be" };
    }
    const about = this.#aboutUs(response);
    if (command === "MAIL FROM") {
      return {
        says: `the sender ${this.#asWritten(this.#email.from)} is refused` +
          reply,
        todo: about ?? "change email.from to an address that the login, or " +
            "this computer, may send from",
      };
    }
    return {
      says: `the mail is refused${reply}`,
      todo: about ?? "ask whoever runs it",
    };
  }

  /** What is wrong with sender or login, whatever it was an answer to. */
  #aboutUs(response: string): string | null {
    const { username } = this.#email;
    const wantsTls = this.#wantsTls(response);
    if (wantsTls !== null) return wantsTls;
    const isLogin =
      /^530|auth(?:entication|orization)? (?:is )?required|log ?in/i
        .test(response);
    if (isLogin || /relay/i.test(response)) {
      return username === null
        ? "it may want a login: set email.username and email.password_env"
        : "use the server that email.from belongs to in email.smtp_host; " +
          "this one does not pass such mail on";
    }
    if (/sender|from address|not owned by/i.test(response)) {
      return "change email.from to an address that may send through it";
    }
    return null;
  }

  #wantsTls(response: string): string | null {
    const { security } = this.#email;
    if (security !== "none" || !/tls|ssl|encrypt/i.test(response)) return null;
    return "set email.security to starttls";
  }

  /** An address as the config spells it. */
  #asWritten(address: string): string {
    const key = addressKey(inBrackets(address));
    const all = [this.#email.from, ...this.#email.to].map(inBrackets);
    return quoted(all.find((it) => addressKey(it) === key) ?? address)
      .slice(1, -1);
  }

  /** What the server said, in one line and in quotes; "" for nothing. */
  #reply(response: unknown): string {
    if (typeof response !== "string") return "";
    const [first = "", ...more] = this.#hidden(response).split(/\r?\n/u)
      .filter((line) => line.trim() !== "");
    // Each line begins with the code, and mostly with the other one.
    const rest = more.map((line) =>
      line.replace(/^\d{3}[ -](?:\d\.\d+\.\d+ )?/u, "")
    );
    const text = [first.replace(/^(\d{3})-/u, "$1 "), ...rest].join(" ");
    const letters = [...text.replaceAll(/\s+/gu, " ").trim()];
    const brief = letters.slice(0, MAX_REPLY).join("") +
      (letters.length > MAX_REPLY ? "…" : "");
    return brief === "" ? "" : `: ${quoted(brief)}`;
  }

  #hidden(text: string): string {
    return this.#secrets.reduce(
      (shown, secret) => shown.replaceAll(secret, "***"),
      text,
    );
  }
}

/** In characters. */
const MAX_REPLY = 200;

function inBrackets(mailbox: string): string {
  return /<([^<>]+)>\s*$/u.exec(mailbox)?.[1] ?? mailbox;
}

function isCut({ code, originalCode, message }: MailError): boolean {
  return code === "ECONNECTION" ||
    // While TLS begins on a connection that was there before.
    (code === "ETLS" && /closed/.test(String(message))) ||
    /ECONNRESET|EPIPE|ECONNABORTED|ENOTCONN|ETIMEDOUT|ERR_STREAM|ERR_SOCKET/
      .test(`${code} ${originalCode}`);
}

/** Full mailboxes have the same code, and are told at the recipient. */
function isAboutSize(response: string): boolean {
  return /^552|5\.3\.4|5\.2\.3|\bsize\b|too (?:big|large|long)/i.test(response);
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

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
