/**
 * What goes wrong on the way to a mail server, in words for people: what is
 * wrong, how far it came, and which line of the config to change. Nobody reads
 * here what a library, OpenSSL or the system calls it; what the server itself
 * said is quoted.
 *
 * @module
 */
import { domainToUnicode } from "node:url";
import { addressKey, type EmailConfig } from "./config_schema.ts";
import { errorWords } from "./log_lines.ts";
import { quoted } from "./text.ts";

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
 * import { faultLine } from "./mail_faults.ts";
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
