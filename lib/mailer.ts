/**
 * Sends mails through the configured server, within a bound: neither a server
 * that is down nor one that never ends a sentence holds up a run for longer.
 *
 * @module
 */
import { connect as openSocket, isIPv6, type Socket } from "node:net";
import { createTransport } from "nodemailer";
import type { EmailConfig } from "./config_schema.ts";
import { errorWords } from "./log_lines.ts";
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

/** What a person can do something with; else what the error says. */
const IN_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing answers there",
  ENOTFOUND: "there is no such host",
  EAUTH: "the login is refused",
  ENOAUTH: "the server takes no login",
};

/** Sends mails, until its time is up. */
export class Mailer implements Disposable {
  readonly #options: MailerOptions;
  readonly #deadline = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  /** @param options Through whom, and how long from now on. */
  constructor(options: MailerOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#deadline.abort(), options.boundMs);
  }

  /**
   * Sends a mail to all who have not got it yet.
   *
   * @param mail The mail.
   * @returns What became of it; it never throws.
   */
  async send(mail: OutgoingMail): Promise<Sent> {
    const { email } = this.#options;
    const to = addressesOf(email.to).filter((it) =>
      !mail.delivered.includes(it)
    );
    if (to.length === 0) {
      return { kind: "sent", delivered: mail.delivered, refused: [] };
    }
    let socket: Socket | null = null;
    try {
      socket = await this.#connect();
      const info = await this.#transport(socket).sendMail({
        from: email.from,
        to: [...email.to],
        envelope: { from: addressOf(email.from), to },
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        date: new Date(mail.createdAtMs),
        messageId: `<${mail.messageId}@${hostOf(email.from)}>`,
        // Nobody is to answer that they are on holiday.
        headers: { "Auto-Submitted": "auto-generated" },
        disableFileAccess: true,
        disableUrlAccess: true,
        signal: this.#deadline.signal,
      });
      return {
        kind: "sent",
        delivered: [...mail.delivered, ...info.accepted.map(String)],
        refused: (info.rejectedErrors ?? []).map((it) => this.#words(it)),
      };
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      return {
        kind: "failed",
        reason: this.#words(error),
        isServer: !ONE_MAIL.has(code),
        isLate: this.#deadline.signal.aborted,
        refusal: refusalOf(error),
      };
    } finally {
      socket?.destroy();
    }
  }

  /**
   * Whether the server answers, and takes the login; nothing is sent.
   *
   * @returns What is wrong, in words; null: nothing. It never throws.
   */
  async verify(): Promise<string | null> {
    let socket: Socket | null = null;
    try {
      socket = await this.#connect();
      await this.#transport(socket).verify();
      return null;
    } catch (error) {
      return this.#words(error);
    } finally {
      socket?.destroy();
    }
  }

  /** Ends the bound. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  /** nodemailer would look the name up itself, and must not in the sandbox. */
  #connect(): Promise<Socket> {
    const { smtpHost, smtpPort } = this.#options.email;
    const { signal } = this.#deadline;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const socket = openSocket({ host: smtpHost, port: smtpPort });
      // One that comes when nobody listens any more would end the program.
      socket.on("error", reject);
      socket.once("connect", () => resolve(socket));
      signal.addEventListener("abort", () => {
        socket.destroy();
        reject(signal.reason);
      }, { once: true });
    });
  }

  #transport(socket: Socket) {
    const { email, password } = this.#options;
    return createTransport({
      host: email.smtpHost,
      port: email.smtpPort,
      // Its own name is a fact about the computer, which the sandbox hides.
      name: literal(socket.localAddress ?? "127.0.0.1"),
      secure: email.security === "tls",
      requireTLS: email.security === "starttls",
      ignoreTLS: email.security === "none",
      getSocket: (_options, callback) => callback(null, { connection: socket }),
      ...email.username === null || password === null
        ? {}
        : { auth: { user: email.username, pass: password } },
    });
  }

  #words(error: unknown): string {
    const { email, password, boundMs } = this.#options;
    if (this.#deadline.signal.aborted) {
      return `${email.smtpHost} did not take it within ${boundMs / 1000} s`;
    }
    const code = String((error as { code?: unknown }).code);
    const known = code in IN_WORDS ? `${IN_WORDS[code]}: ` : "";
    const server = `${email.smtpHost}:${email.smtpPort}`;
    const words = `${server}: ${known}${errorWords(error)}`;
    if (password === null) return words;
    // A server may repeat what it was told.
    const login = `\0${email.username}\0${password}`;
    return [password, base64(password), base64(login)].reduce(
      (text, secret) => text.replaceAll(secret, "***"),
      words,
    );
  }
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

/** The addresses of a config, each once, without the names. */
function addressesOf(to: readonly string[]): string[] {
  return [...new Set(to.map(addressOf))];
}

function addressOf(recipient: string): string {
  return /<([^<>]+)>$/.exec(recipient)?.[1] ?? recipient;
}

function hostOf(from: string): string {
  return addressOf(from).split("@").at(-1) ?? "localhost";
}

/** An address where a host name is expected (RFC 5321, 4.1.3). */
function literal(address: string): string {
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`;
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
