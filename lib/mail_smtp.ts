/**
 * Sends mails through the configured server, within a bound: neither a server
 * that is down nor one that never ends a sentence holds up a run for longer.
 *
 * What goes wrong on the way is told in words for people: what is wrong, how
 * far it came, and which line of the config to change. Nobody reads what a
 * library, OpenSSL or the system calls it; what the server said is quoted.
 *
 * @module
 */
import { isIPv6, type Socket } from "node:net";
import { Duplex } from "node:stream";
import {
  checkServerIdentity,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
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
    readonly endsAll: boolean;
    /** What the server will not take either when it is asked again. */
    readonly refusal: Refusal | null;
  };

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
      const { code } = Object(error) as MailError;
      // The time for one mail may be up, and not yet that for all.
      const isItsOwn = this.#isLate || code === "EENVELOPE" ||
        code === "EMESSAGE";
      return {
        kind: "failed",
        reason: faultLine(await this.#told(error, session)),
        endsAll: !isItsOwn,
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
    // A mail is many small writes: the system would keep the second one until
    // the server has acknowledged the first, which takes it 40 ms.
    connection.setNoDelay();
    const stream = session.hold(connection, security === "tls");
    const { hostname } = connection.localAddr;
    return {
      host: smtpHost,
      port: smtpPort,
      // Its own name is a fact about the computer, which the sandbox hides: an
      // address stands for it (RFC 5321, 4.1.3).
      name: isIPv6(hostname) ? `[IPv6:${hostname}]` : `[${hostname}]`,
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
      smtp.once("end", () => setTimeout(() => reject({ code: "ECONNECTION" })));
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
  async #certificate(): Promise<PeerCertificate | null> {
    using session = new Session();
    try {
      return await this.#bounded(async () => {
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
        return seen;
      });
    } catch {
      return null;
    }
  }
}

/** How the envelope is asked for without a mail. */
const ADDRESSES = "ADDRESSES";

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

/** What nodemailer logs when a step begins. */
const HEARD: readonly (readonly [RegExp, MailStep])[] = [
  [/^network .*established/, "greet"],
  [/^client (?:EHLO|HELO)/, "greet"],
  [/^client STARTTLS/, "encrypt"],
  [/^client AUTH/, "login"],
  [/^client (?:MAIL|RCPT)/, "address"],
  // The go-ahead, which comes after it has heard all recipients.
  [/^server 354/, "content"],
];

/** One connection: how far it came, and what ends with it. */
class Session implements Disposable {
  step: MailStep = "connect";
  /** The first bytes from the server, one character each. */
  firstSaid = "";
  #stream: Socket | null = null;
  #isOver = false;

  /** Makes a stream of Node's of a connection, as nodemailer wants one. */
  hold(connection: Deno.TcpConn, isEncrypted: boolean): Socket {
    if (this.#isOver) {
      connection.close();
      throw new Error("nobody waits for it any more");
    }
    this.step = isEncrypted ? "encrypt" : "greet";
    const heard = new TransformStream<Uint8Array, Uint8Array>({
      transform: (bytes, to) => {
        if (this.firstSaid.length < 300) {
          this.firstSaid += String.fromCharCode(...bytes.subarray(0, 300));
        }
        to.enqueue(bytes);
      },
    });
    const stream = Duplex.fromWeb({
      readable: connection.readable.pipeThrough(heard),
      writable: connection.writable,
    });
    // One that comes when nobody listens any more would end the program.
    stream.on("error", () => {});
    // More of a socket is not asked of it; the bound of all mails counts.
    const socket: unknown = Object.assign(stream, { setTimeout() {} });
    return this.#stream = socket as Socket;
  }

  /** Learns from nodemailer's log how far it came. */
  get logger() {
    const hear = ({ tnx }: { tnx?: string }, text = "") => {
      const line = `${tnx} ${text}`;
      const heard = HEARD.find(([begin]) => begin.test(line));
      if (heard !== undefined) this.step = heard[1];
    };
    return {
      ...{ trace: hear, debug: hear, info: hear, warn: hear },
      ...{ error: hear, fatal: hear, level() {} },
    };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#stream?.destroy();
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

// What went wrong, in words.

/** How far it came: what was under way when it went wrong. */
type MailStep =
  | "connect"
  | "encrypt"
  /** The server's first words, and ours. */
  | "greet"
  | "login"
  /** Sender and recipients. */
  | "address"
  /** The mail itself, until the server has confirmed it. */
  | "content";

/** Something that went wrong, as it was met. */
interface MailFault {
  readonly error: unknown;
  readonly step: MailStep;
  /** The time that was up, in ms; null: it was not up. */
  readonly lateMs: number | null;
  /** The first bytes that came from the server, one character each. */
  readonly firstSaid: string;
  /** Looked at where it was not trusted, if it could be. */
  readonly certificate: PeerCertificate | null;
}

/**
 * A fault in words, without a full stop: what is wrong, and what to do about
 * it, as an order; null: wait.
 */
export type ToldFault = readonly [says: string, todo: string | null];

/** What an error of the library's, or of Deno's, may have. */
type MailError = Readonly<Record<string, unknown>>;

/** What a person does not have to change anything for. */
const WAIT = null;

const CHECK_SERVER = "check email.smtp_host and email.smtp_port";
const ASK = "ask whoever runs it";
const NO_TLS = "set email.security to starttls, or email.smtp_port to the " +
  "server's port for tls, mostly 465";
const NOT_TAKEN = "it does not take it";
const ON_NETWORK = "is this computer on the network?";
const NO_ANSWER = `${CHECK_SERVER}; a firewall may be in the way`;

/** When it was that the server said no more, or hung up. */
const WHEN: Readonly<Record<MailStep, string>> = {
  connect: "at once",
  encrypt: "when the encryption began",
  greet: "after its first words",
  login: "during the login",
  address: "when it was told whom the mail is for",
  content: "in the middle of the mail, before it had confirmed it",
};

/**
 * Name, code and message of an error where no connection comes about: most of
 * them have no name of their own. Numbers are those of Windows, which words
 * them in its own language.
 */
const UNREACHED: readonly (readonly [RegExp, ...ToldFault])[] = [
  [
    /name or service|nodename nor|no address assoc|os error 1100[14]\b/iu,
    "there is no such host",
    "check email.smtp_host",
  ],
  [
    /lookup|os error 1100[23]\b/iu,
    "its name can't be looked up at the moment",
    ON_NETWORK,
  ],
  [
    /unreach|is down|no route|os error 100(?:5[01]|6[45])\b/iu,
    "there is no way to it",
    `${ON_NETWORK} is the server switched on?`,
  ],
  [
    /^ConnectionRefused/,
    "nothing answers there",
    `${CHECK_SERVER}; is it running?`,
  ],
  [/^TimedOut/, "it does not answer", NO_ANSWER],
  [/^Connection(?:Reset|Aborted)/, "it hung up at once", CHECK_SERVER],
  [
    /^(?:PermissionDenied|NotCapable)/,
    "this computer does not let the program reach it",
    "a firewall or guard on it may be in the way",
  ],
];

/** The server's name for people: host, in its own letters, and port. */
export function serverWords({ smtpHost, smtpPort }: EmailConfig): string {
  return `${hostWords(smtpHost)}:${smtpPort}`;
}

/** What gives a host in its own letters gives nothing for an IPv6 address. */
function hostWords(host: string): string {
  return domainToUnicode(host) || host;
}

/** One fault or refusal in one line. */
function faultLine([says, todo]: ToldFault): string {
  return todo === null ? says : `${says} (${todo})`;
}

/** Finds the words for faults of one server. */
class FaultWords {
  readonly #email: EmailConfig;
  /** Never told, not even where the server repeats it. */
  readonly #secrets: readonly string[];

  /** @param password Null: there is none. */
  constructor(email: EmailConfig, password: string | null) {
    this.#email = email;
    const login = `\0${email.username}\0${password}`;
    this.#secrets = password ? [password, base64(password), base64(login)] : [];
  }

  /** Tells a fault, the server's name first. */
  tell(fault: MailFault): ToldFault {
    const [says, todo] = this.#told(fault);
    return [`${serverWords(this.#email)}: ${says}`, todo];
  }

  /** Tells why one recipient is refused while others are not. */
  refusal(error: unknown): ToldFault {
    const { recipient, response, responseCode } = Object(error) as MailError;
    const whom = this.#asWritten(String(recipient));
    const reply = this.#reply(response);
    if (Number(responseCode) < 500) {
      return [`${whom} is not taken for now${reply}`, WAIT];
    }
    const about = this.#aboutUs(String(response));
    const todo = about ?? "correct or remove it in email.to";
    return [`${whom} is refused${reply}`, todo];
  }

  #told(fault: MailFault): ToldFault {
    const { step, lateMs, firstSaid } = fault;
    const error = Object(fault.error) as MailError;
    // In whichever way it ends where one side speaks TLS and the other not,
    // the server's first bytes tell it.
    const spoken = step === "encrypt" || step === "greet"
      ? this.#otherTongue(firstSaid)
      : null;
    if (spoken !== null) return spoken;
    if (lateMs !== null) return this.#ended(step, lateMs, firstSaid);
    if (isAboutCertificate(error)) return this.#certificate(fault);
    if (error.code === "EAUTH" && !error.responseCode) {
      return [
        "it knows no way to log in that office-sync knows, too",
        "check email.smtp_host and email.username",
      ];
    }
    if (typeof error.response === "string") {
      return this.#replied(error, step, error.response);
    }
    if (step === "connect") {
      const met = `${error.name} ${error.code}: ${error.message}`;
      const known = UNREACHED.find(([about]) => about.test(met));
      if (known !== undefined) return [known[1], known[2]];
      const words = errorWords(fault.error).replace(/ \(os error \d+\)$/, "");
      return [`no connection came about: ${quoted(words)}`, CHECK_SERVER];
    }
    if (isCut(error)) return this.#ended(step, null, firstSaid);
    if (step === "encrypt") {
      return [
        "it can't agree with this computer on an encryption",
        `its software may be too old to be safe; ${ASK}, or name another in ` +
        "email.smtp_host",
      ];
    }
    const words = this.#hidden(errorWords(fault.error));
    return [`the mail can't be sent: ${words}`, WAIT];
  }

  /** What the first bytes tell of a server that was spoken to wrongly. */
  #otherTongue(firstSaid: string): ToldFault | null {
    const { security } = this.#email;
    if (firstSaid === "") return null;
    // A record of TLS begins so: an alert, a handshake.
    // deno-lint-ignore no-control-regex
    if (/^[\x14-\x17]\x03/.test(firstSaid)) {
      if (security === "tls") return null;
      return ["it begins with encryption", "set email.security to tls"];
    }
    if (!/^\d{3}[ -]/.test(firstSaid)) {
      return [
        `what answers there is no mail server${this.#reply(firstSaid)}`,
        "check email.smtp_port and email.smtp_host",
      ];
    }
    if (security !== "tls") return null;
    return ["it does not begin with encryption", NO_TLS];
  }

  /** A step that never ends, or in which the server hangs up: then null. */
  #ended(step: MailStep, lateMs: number | null, firstSaid: string): ToldFault {
    const { security, smtpHost, smtpPort } = this.#email;
    const isLate = lateMs !== null;
    const late = isLate
      ? `${hostWords(smtpHost)} did not take it within ${lateMs / 1000} s: `
      : "";
    if (step === "greet" && firstSaid === "") {
      const todo = security === "tls"
        ? CHECK_SERVER
        : smtpPort === 465
        ? "set email.security to tls: port 465 is for that"
        : `set email.security to tls, if port ${smtpPort} is for that; else ` +
          CHECK_SERVER;
      const says = isLate
        ? "it never said a word"
        : "it hung up without a word";
      return [late + says, todo];
    }
    if (step === "connect" && isLate) {
      return [`${late}it does not answer`, NO_ANSWER];
    }
    const says = `${late}${isLate ? "it said no more" : "it hung up"} ` +
      WHEN[step];
    return step === "encrypt" && security === "tls"
      ? [says, NO_TLS]
      : [says, WAIT];
  }

  #certificate({ error, certificate }: MailFault): ToldFault {
    const trust: ToldFault = [
      "nobody whom this computer trusts vouches for its certificate",
      "check email.smtp_host; an office's own server needs DENO_TLS_CA_STORE " +
      "or DENO_CERT in the environment, see docs/mail.md",
    ];
    const other = "set email.smtp_host to the name that the certificate is for";
    if (certificate === null) {
      return /ALTNAME/.test(codesOf(error))
        ? ["its certificate is for another name", other]
        : trust;
    }
    const [from, to] = [certificate.valid_from, certificate.valid_to]
      .map((it) => new Date(it));
    const clock = "or is this computer's clock wrong?";
    if (Date.now() > Number(to)) {
      return [
        `its certificate has expired, on ${day(to!)}`,
        `whoever runs it has to renew it; ${clock}`,
      ];
    }
    if (Date.now() < Number(from)) {
      return [
        `its certificate is not valid before ${day(from!)}`,
        `whoever runs it has to replace it; ${clock}`,
      ];
    }
    const { smtpHost } = this.#email;
    if (checkServerIdentity(smtpHost, certificate) === undefined) return trust;
    const names = (certificate.subjectaltname ?? "").split(", ")
      .map((it) => quoted(it.replace(/^(?:DNS|IP Address):/, "")).slice(1, -1))
      .filter((it) => it !== "");
    const some = [...names.slice(0, 3), ...names.length > 3 ? ["…"] : []]
      .join(", ") || "no name";
    return [
      `its certificate is for ${some}, not for ${hostWords(smtpHost)}`,
      other,
    ];
  }

  /** A reply that says no. */
  #replied(error: MailError, step: MailStep, response: string): ToldFault {
    const { code, command, responseCode, rejectedErrors } = error;
    if (Array.isArray(rejectedErrors) && rejectedErrors.length > 0) {
      const refusals = rejectedErrors.map((it) => this.refusal(it));
      const todos = new Set(refusals.flatMap(([, todo]) => todo ?? []));
      return [
        refusals.map(([says]) => says).join("; "),
        todos.size > 0 ? [...todos].join("; ") : WAIT,
      ];
    }
    const [forNow, forGood, todo] = code === "EAUTH"
      ? [
        "it can't take a login",
        "the login is refused",
        this.#wantsTls(response) ??
          `check email.username and ${this.#passwordWords()}`,
      ]
      : command === "STARTTLS"
      ? [
        "it can't begin encryption",
        "it offers no STARTTLS",
        "set email.security to tls and email.smtp_port to the server's port " +
        "for it, mostly 465",
      ]
      : step === "greet"
      ? [
        "it takes no mail",
        "it does not want to talk to this computer",
        `${ASK}, or change email.smtp_host`,
      ]
      // Full mailboxes have the same code, and are told at the recipient.
      : /^552|5\.3\.4|5\.2\.3|\bsize\b|too (?:big|large|long)/i.test(response)
      ? [NOT_TAKEN, "the mail is too big for it", `${ASK} how big mails may be`]
      : command === "MAIL FROM"
      ? [
        NOT_TAKEN,
        `the sender ${this.#asWritten(this.#email.from)} is refused`,
        this.#aboutUs(response) ??
          "change email.from to an address that the login, or this computer, " +
            "may send from",
      ]
      : [NOT_TAKEN, "the mail is refused", this.#aboutUs(response) ?? ASK];
    const reply = this.#reply(response);
    return Number(responseCode) < 500
      ? [`${forNow} for now${reply}`, WAIT]
      : [forGood + reply, todo];
  }

  /** What is wrong with sender or login, whatever it was an answer to. */
  #aboutUs(response: string): string | null {
    const wantsTls = this.#wantsTls(response);
    if (wantsTls !== null) return wantsTls;
    const isLogin =
      /^530|auth(?:entication|orization)? (?:is )?required|log ?in|relay/i
        .test(response);
    if (isLogin) {
      return this.#email.username === null
        ? "it may want a login: set email.username and email.password_env"
        : "use the server that email.from belongs to in email.smtp_host; " +
          "this one does not pass such mail on";
    }
    return /sender|from address|not owned by/i.test(response)
      ? "change email.from to an address that may send through it"
      : null;
  }

  #wantsTls(response: string): string | null {
    const { security } = this.#email;
    if (security !== "none" || !/tls|ssl|encrypt/i.test(response)) return null;
    return "set email.security to starttls";
  }

  #passwordWords(): string {
    const { passwordEnv } = this.#email;
    return passwordEnv === null
      ? "email.password"
      : `the variable ${passwordEnv} that email.password_env names`;
  }

  /** An address as the config spells it. */
  #asWritten(address: string): string {
    const bare = (it: string) => /<([^<>]+)>\s*$/u.exec(it)?.[1] ?? it;
    const key = addressKey(bare(address));
    const all = [this.#email.from, ...this.#email.to].map(bare);
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

function codesOf(error: unknown): string {
  const { code, originalCode } = Object(error) as MailError;
  return `${code} ${originalCode}`;
}

/** Whether the server's certificate is what is wrong. */
function isAboutCertificate(error: unknown): boolean {
  return /CERT|ALTNAME|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|CRL|INVALID_CA|PATH_LENGTH/
    .test(codesOf(error));
}

function isCut(error: MailError): boolean {
  const { code, message } = error;
  return code === "ECONNECTION" ||
    // While TLS begins on a connection that was there before.
    (code === "ETLS" && /closed/.test(String(message))) ||
    /ECONNRESET|EPIPE|ECONNABORTED|ENOTCONN|ETIMEDOUT|ERR_STREAM|ERR_SOCKET/
      .test(codesOf(error));
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
