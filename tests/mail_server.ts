/**
 * A real mail server on this computer, for tests: it asks for a login, speaks
 * TLS with a certificate made on the spot, and keeps what arrives, parsed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { makeCertificate } from "./certificate.ts";
import { type CommandResult, Office } from "./support.ts";

/** The login that it takes. */
export const USERNAME = "office";
export const PASSWORD = "pässword 'n\" $ecret";

/** A mail that arrived. */
export interface Arrived extends ParsedMail {
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
  readonly needsLogin?: boolean;
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
    const { cert, key } = makeCertificate({
      names: options.names ?? ["localhost"],
      ...options.validDays === undefined
        ? {}
        : { validDays: options.validDays },
    });
    const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
    this.certificateFile = `${folder}/cert.pem`;
    Deno.writeTextFileSync(this.certificateFile, cert);
    this.#server = new SMTPServer({
      secure: security === "tls",
      cert,
      key,
      disabledCommands: security === "none" ? ["STARTTLS"] : [],
      allowInsecureAuth: security === "none",
      authOptional: !needsLogin,
      authMethods: ["PLAIN", "LOGIN"],
      logger: false,
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
    this.arrived.push({
      ...mail,
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
    const { security = "starttls", needsLogin = true } = this.#options;
    const keys: Record<string, string | null> = {
      smtp_host: "localhost",
      smtp_port: String(this.#port),
      security,
      username: needsLogin ? USERNAME : null,
      password: needsLogin ? `'${PASSWORD.replaceAll("'", "''")}'` : null,
      from: "Office Sync <sync@example.com>",
      to: "anna@example.com",
      ...changes,
    };
    const lines = Object.entries(keys).filter(([, value]) => value !== null)
      .map(([key, value]) => `  ${key}: ${value}`);
    return ["email:", ...lines, ""].join("\n");
  }

  /** The environment of a program that trusts it. */
  get trust(): Record<string, string> {
    return { DENO_CERT: this.certificateFile };
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

/** An office that mails, and the server that it mails to. */
export class MailOffice implements AsyncDisposable {
  readonly office: Office;
  server: MailServer;

  private constructor(server: MailServer, settings: string) {
    this.server = server;
    this.office = new Office(settings + server.config());
    Object.assign(this.office.env, server.trust);
  }

  /** Starts one. */
  static async start(
    settings = "",
    options: MailServerOptions = {},
  ): Promise<MailOffice> {
    return new MailOffice(await new MailServer(options).start(), settings);
  }

  /** The real command, launcher and sandbox included. */
  command(...args: readonly string[]): Promise<CommandResult> {
    return this.office.command(...args);
  }

  /** Removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.office[Symbol.dispose]();
  }
}
