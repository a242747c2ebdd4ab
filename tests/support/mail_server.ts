/**
 * A real mail server on this computer, for tests: it asks for a login, speaks
 * TLS with a certificate made on the spot, and keeps what arrives, parsed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { loadConfig } from "../../lib/config_loader.ts";
import { mailing } from "../../lib/email_notifications.ts";
import { filesHere } from "../../lib/files_handlers.ts";
import { newRunId, runSync } from "../../lib/run.ts";
import type { SyncListener } from "../../lib/run_types.ts";
import { makeCertificate } from "./certificate.ts";
import { type CommandResult, MemoryOffice, Office } from "./support.ts";

/** The login that it takes. */
export const USERNAME = "office";
export const PASSWORD = "pässword 'n\" $ecret";

/** A mail that arrived. */
export interface Arrived extends ParsedMail {
  /** Whom the server was told that it comes from. */
  readonly sender: string;
  /** Whom the server was told to hand it to. */
  readonly recipients: readonly string[];
  readonly isEncrypted: boolean;
  readonly login: string | null;
}

/** How it behaves. */
export interface MailServerOptions {
  readonly security?: "starttls" | "tls" | "none";
  readonly port?: number;
  /** Names in its certificate. */
  readonly names?: readonly string[];
  /** Of its certificate, in days from now; negative: it has run out. */
  readonly validDays?: number;
  /** From when on, in days from now; above 0: it is not valid yet. */
  readonly startDays?: number;
  readonly needsLogin?: boolean;
  /** What else its config says. */
  readonly keys?: Readonly<Record<string, string>>;
}

/** Of a server that encrypts nothing. */
const NO_KEYS = { cert: "", key: "" };

/** Greets at once: it would listen 100 ms for whoever talks too soon. */
class PromptServer extends SMTPServer {
  override connect(
    ...[socket, options]: Parameters<SMTPServer["connect"]>
  ): void {
    super.connect(socket, options);
    const connection = [...this.connections].at(-1)!;
    const greet = connection.connectionReady.bind(connection);
    connection.connectionReady = () => {};
    greet();
  }
}

/** A mail server; a test may change its mind while it runs. */
export class MailServer implements AsyncDisposable {
  readonly arrived: Arrived[] = [];
  /** Who tried to log in, rightly or not. */
  readonly logins: string[] = [];
  /** How often somebody connected. */
  connections = 0;
  /** Addresses that it refuses. */
  readonly refused = new Set<string>();
  /** Takes no login for right. */
  refusesLogin = false;
  /** Whether it takes a mail that it has read: throws, or never ends. */
  takes: (mail: ParsedMail) => Promise<void> | void = () => {};
  /** Runs before a mail that was read is acknowledged. */
  beforeAcknowledged: () => Promise<void> | void = () => {};
  readonly certificateFile: string;
  readonly #server: SMTPServer;
  readonly #options: MailServerOptions;
  #port = 0;
  #isStopped = false;

  /** @param options How it behaves. */
  constructor(options: MailServerOptions = {}) {
    this.#options = options;
    const { security = "starttls", needsLogin = true } = options;
    const { cert, key } = security === "none" ? NO_KEYS : makeCertificate({
      names: options.names ?? ["localhost"],
      ...options.validDays === undefined
        ? {}
        : { validDays: options.validDays },
      ...options.startDays === undefined
        ? {}
        : { startDays: options.startDays },
    });
    const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
    this.certificateFile = `${folder}/cert.pem`;
    Deno.writeTextFileSync(this.certificateFile, cert);
    this.#server = new PromptServer({
      secure: security === "tls",
      ...security === "none" ? {} : { cert, key },
      disabledCommands: security === "none" ? ["STARTTLS"] : [],
      allowInsecureAuth: security === "none",
      authOptional: !needsLogin,
      authMethods: ["PLAIN", "LOGIN"],
      logger: false,
      // It would ask a name server who is calling.
      disableReverseLookup: true,
      closeTimeout: 100,
      onConnect: (_session, callback) => {
        this.connections++;
        callback();
      },
      onAuth: ({ username, password }, _session, callback) => {
        this.logins.push(username ?? "");
        const isRight = username === USERNAME && password === PASSWORD &&
          !this.refusesLogin;
        // As talkative as a server can be.
        if (isRight) callback(null, { user: username });
        else callback(new Error(`wrong password ${password}`));
      },
      onRcptTo: ({ address }, _session, callback) => {
        if (!this.refused.has(address)) return callback();
        const error = new Error(`no mailbox ${address}`);
        callback(Object.assign(error, { responseCode: 550 }));
      },
      onData: (stream, session, callback) => {
        this.#take(stream, session).then(() => callback(), callback);
      },
    });
    this.#server.on("error", () => {});
  }

  // deno-lint-ignore no-explicit-any
  async #take(stream: any, session: any): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of stream) parts.push(part);
    const mail = await simpleParser(Buffer.concat(parts));
    await this.takes(mail);
    this.arrived.push({
      ...mail,
      sender: session.envelope.mailFrom.address,
      recipients: session.envelope.rcptTo.map((
        { address }: { address: string },
      ) => address),
      isEncrypted: session.secure,
      login: session.user || null,
    });
    await this.beforeAcknowledged();
  }

  /** Starts it; gives itself. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(this.#options.port ?? 0, "127.0.0.1", resolve);
    });
    const address = this.#server.server.address();
    this.#port = typeof address === "object" ? address?.port ?? 0 : 0;
    return this;
  }

  get port(): number {
    return this.#port;
  }

  /** The lines of a config that mails go through it with. */
  config(changes: Readonly<Record<string, string | null>> = {}): string {
    const { security = "starttls", needsLogin = true, keys: more } =
      this.#options;
    const keys: Record<string, string | null> = {
      smtp_host: "localhost",
      smtp_port: String(this.#port),
      security,
      username: needsLogin ? USERNAME : null,
      password: needsLogin ? `'${PASSWORD.replaceAll("'", "''")}'` : null,
      from: "Office Sync <sync@example.com>",
      to: "anna@example.com",
      ...more,
      ...changes,
    };
    const lines = Object.entries(keys).filter(([, value]) => value !== null)
      .map(([key, value]) => `  ${key}: ${value}`);
    return ["email:", ...lines, ""].join("\n");
  }

  /** The environment of a program that trusts it. */
  get trust(): Record<string, string> {
    return this.#options.security === "none"
      ? {}
      : { DENO_CERT: this.certificateFile };
  }

  /** What arrived since the last time. */
  take(): Arrived[] {
    return this.arrived.splice(0);
  }

  /** Stops it, also more than once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await new Promise<void>((resolve) => this.#server.close(resolve));
    Deno.removeSync(this.certificateFile.replace(/\/[^/]*$/, ""), {
      recursive: true,
    });
  }
}

/** What a server says to a mail that it will not take. */
export function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

/** An office that mails, and the server that it mails to. */
export class MailOffice implements AsyncDisposable {
  readonly office: Office;
  server: MailServer;

  private constructor(server: MailServer, office: Office) {
    this.server = server;
    this.office = office;
    Object.assign(this.office.env, server.trust);
  }

  /** Starts one. */
  static async start(
    settings = "",
    options: MailServerOptions = { security: "none" },
  ): Promise<MailOffice> {
    const server = await new MailServer(options).start();
    return new MailOffice(server, new MemoryOffice(settings + server.config()));
  }

  /** Starts one on disk, as the real command needs it. */
  static async onDisk(
    settings = "",
    options: MailServerOptions = { security: "none" },
  ): Promise<MailOffice> {
    const server = await new MailServer(options).start();
    return new MailOffice(server, new Office(settings + server.config()));
  }

  /** The real command, launcher and sandbox included. */
  command(...args: readonly string[]): Promise<CommandResult> {
    return this.office.command(...args);
  }

  /** As the command, in this process: a certificate is not trusted there. */
  commandHere(...args: readonly string[]): Promise<CommandResult> {
    return this.office.commandHere(...args);
  }

  /** Removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.office[Symbol.dispose]();
  }
}

/** What a run said: all of it, and what is said with --quiet too. */
export interface Said {
  readonly all: readonly string[];
  readonly grave: readonly string[];
}

/** A run with mails in this process. */
export async function mailedRun(office: Office, how: {
  /** In ms since 1 June 2026. Left out: now. */
  readonly atMs?: number;
  readonly boundMs?: number;
  /** What it listens to otherwise. */
  readonly change?: (listener: SyncListener) => Partial<SyncListener>;
} = {}): Promise<Said> {
  const { atMs, boundMs = 20_000, change } = how;
  const config = await loadConfig(office.config);
  const id = newRunId(Date.now());
  const said = { all: [] as string[], grave: [] as string[] };
  const onWarning = (text: string, isGrave = false) => {
    said.all.push(text);
    if (isGrave) said.grave.push(text);
  };
  const { listener } = mailing({
    email: config.email!,
    facts: {
      roots: config.roots,
      configFile: config.file,
      logFile: config.logging.file,
    },
    run: { id, startedAtMs: Date.now() },
    boundMs,
    now: () => atMs === undefined ? Date.now() : Date.UTC(2026, 5, 1) + atMs,
    onInfo() {},
    onWarning,
  });
  const all = { onOutcome() {}, onProblem() {}, onWarning, ...listener };
  await runSync(id, config, {
    files: filesHere(config.roots),
    isDryRun: false,
    allowed: { deletes: false, changes: false },
    acceptRoots: false,
    listUnchanged: false,
  }, { ...all, ...change?.(all) });
  return said;
}

/** A moment in the talk between a mailer and a server. */
export type Moment =
  | "connect"
  | "EHLO"
  | "STARTTLS"
  /** The first that comes after STARTTLS was taken. */
  | "TLS"
  | "AUTH"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "content"
  | "end";

/** What a faulty server does otherwise at some moments. */
export interface MailFaults {
  /**
   * In place of its reply, without the line's end: text, or what it does to
   * the line that it heard. Null: it hangs up.
   */
  readonly replies?: Partial<
    Record<Moment, string | null | ((heard: string) => string | null)>
  >;
  /** Says nothing from then on, and keeps the connection. */
  readonly silentAt?: Moment;
  /** What it can, in its reply to EHLO. */
  readonly can?: readonly string[];
  readonly address?: string;
  readonly port?: number;
}

/** A mail server with one fault, on a port of its own; it speaks no TLS. */
export class FaultyMailServer implements Disposable {
  /** All that it heard, line by line. */
  readonly heard: string[] = [];
  /** Whether it came to the moment at which it falls silent, or was called. */
  isSilent = false;
  connections = 0;
  readonly #listener: Deno.TcpListener;
  readonly #held = new Set<Deno.TcpConn>();
  readonly #faults: MailFaults;

  /** @param faults What it does otherwise. */
  constructor(faults: MailFaults = {}) {
    this.#faults = faults;
    this.#listener = Deno.listen({
      hostname: faults.address ?? "127.0.0.1",
      port: faults.port ?? 0,
    });
    void this.#serve();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async #serve(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.connections++;
        this.#held.add(connection);
        this.#talk(connection).catch(() => {}).then(() =>
          this.#hangUp(connection)
        );
      }
    } catch {
      // It is closed.
    }
  }

  async #talk(connection: Deno.TcpConn): Promise<void> {
    const encoder = new TextEncoder();
    const { replies = {}, silentAt, can = ["8BITMIME"] } = this.#faults;
    const usual: Partial<Record<Moment, string>> = {
      connect: "220 mail.example",
      EHLO: ["250-mail.example", ...can.map((it) => `250-${it}`), "250 HELP"]
        .join("\r\n"),
      STARTTLS: "502 5.5.1 not here",
      TLS: "",
      AUTH: "235 welcome",
      DATA: "354 go on",
      content: "",
    };
    /** Whether it goes on. */
    const answer = async (moment: Moment, heard: string): Promise<boolean> => {
      if (moment === (silentAt ?? "connect")) this.isSilent = true;
      if (moment === silentAt) await new Promise(() => {});
      const said = moment in replies ? replies[moment]! : usual[moment];
      const reply = typeof said === "function" ? said(heard) : said;
      if (reply === null) return false;
      const text = reply ?? "250 ok";
      if (text !== "") await connection.write(encoder.encode(`${text}\r\n`));
      return true;
    };
    if (!await answer("connect", "")) return;
    let isContent = false;
    let isTls = false;
    let rest = "";
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const size = await connection.read(buffer);
      if (size === null) return;
      if (isTls) {
        if (!await answer("TLS", "")) return;
        continue;
      }
      rest += new TextDecoder().decode(buffer.subarray(0, size));
      if (isContent && !await answer("content", "")) return;
      const lines = rest.split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        this.heard.push(line);
        if (isContent) {
          if (line !== ".") continue;
          isContent = false;
          if (!await answer("end", line)) return;
          continue;
        }
        const verb = line.split(/[ :]/)[0]!.toUpperCase();
        if (verb === "QUIT") {
          await connection.write(encoder.encode("221 bye\r\n"));
          return;
        }
        if (!await answer(verb as Moment, line)) return;
        isContent = verb === "DATA" && !("DATA" in replies);
        isTls = verb === "STARTTLS" && "STARTTLS" in replies;
      }
    }
  }

  #hangUp(connection: Deno.TcpConn): void {
    if (this.#held.delete(connection)) connection.close();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#held) this.#hangUp(connection);
  }
}
