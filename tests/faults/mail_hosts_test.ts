import assert from "node:assert/strict";
import { MailServer, type MailServerOptions } from "../support/mail_server.ts";
import { type CommandResult, file, Office } from "../support/support.ts";
import { fromFileUrl } from "../support/urls.ts";
import { requireTool } from "./support.ts";

const HOST = "mail.office.example";

/** Addresses behind a name: one that takes mail, and others. */
type Kind =
  /** Nobody listens there. */
  | "dead"
  /** No packet ever comes back. */
  | "silent"
  /** The server, but it takes seconds to get a connection. */
  | "slow"
  /** The server. */
  | "live";

/** A host name of several addresses, in a world of its own. */
class Hosts implements AsyncDisposable {
  readonly office = new Office();
  readonly #closing: (() => void)[] = [];
  readonly #starting: (() => void)[] = [];
  readonly #lines = ["127.0.0.1 localhost"];

  private constructor(readonly server: MailServer) {}

  static async start(
    kinds: readonly (Kind | `${Kind} v6`)[],
    options: MailServerOptions = {},
    name = HOST,
  ): Promise<Hosts> {
    requireTool("unshare", "mount", "sh");
    const server = await new MailServer({ names: [name], ...options }).start();
    const hosts = new Hosts(server);
    for (const [n, kind] of kinds.entries()) {
      const v6 = kind.endsWith(" v6");
      const address = kind === "live"
        ? "127.0.0.1"
        : v6
        ? "::1"
        : `127.0.0.${20 + n}`;
      hosts.#lines.push(`${address} ${name}`);
      if (/^(?:silent|slow)/.test(kind)) {
        await hosts.#full(address, kind.startsWith("slow"));
      }
    }
    const { office } = hosts;
    Deno.writeTextFileSync(
      `${office.folder}/hosts`,
      `${hosts.#lines.join("\n")}\n`,
    );
    Object.assign(office.env, server.trust);
    return hosts;
  }

  /** A port where so many wait already that no other gets an answer. */
  async #full(hostname: string, isSlow: boolean): Promise<void> {
    const { port } = this.server;
    const listener = Deno.listen({ hostname, port });
    const waiting: Deno.Conn[] = [];
    // One may come late on a busy machine, not two: then it is full.
    for (let late = 0; late < 2;) {
      const signal = AbortSignal.timeout(300);
      try {
        waiting.push(await Deno.connect({ hostname, port, signal }));
        late = 0;
      } catch {
        late++;
      }
    }
    this.#closing.push(() => {
      listener.close();
      for (const connection of waiting) connection.close();
    });
    if (!isSlow) return;
    this.#starting.push(() => {
      const timer = setTimeout(() => void this.#pass(listener), 3500);
      this.#closing.push(() => clearTimeout(timer));
    });
  }

  /** Hands what comes on to the server. */
  async #pass(listener: Deno.TcpListener): Promise<void> {
    try {
      for await (const from of listener) {
        const to = await Deno.connect({ port: this.server.port });
        from.readable.pipeTo(to.writable).catch(() => {});
        to.readable.pipeTo(from.writable).catch(() => {});
      }
    } catch {
      // It is closed.
    }
  }

  /** The real command, launcher and sandbox included, in that world. */
  async command(...args: readonly string[]): Promise<CommandResult> {
    const { office } = this;
    for (const start of this.#starting.splice(0)) start();
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: [
        ...["--mount", "--propagation", "private", "sh", "-c"],
        'mount --bind "$0" /etc/hosts && exec "$@"',
        ...[`${office.folder}/hosts`, Deno.execPath(), "run", "--no-prompt"],
        ...["-A", fromFileUrl("../main.ts"), ...args],
        ...["--config", office.config],
      ],
      cwd: office.folder,
      env: office.env,
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** A conflict that the next run resolves and mails. */
  clash(name = "a.txt"): void {
    this.office.write({
      left: { [name]: file("one", { mtime: Date.UTC(2026, 0, 1) }) },
      right: { [name]: file("three", { mtime: Date.UTC(2026, 0, 2) }) },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing) close();
    await this.server[Symbol.asyncDispose]();
    this.office[Symbol.dispose]();
  }
}

// deno-fmt-ignore
const REACHED: readonly (readonly [kinds: readonly (Kind | `${Kind} v6`)[], security: "starttls" | "tls" | "none"])[] = [
  [["dead", "live"], "starttls"],
  [["dead", "live"], "tls"],
  [["live", "dead"], "none"],
  [["silent", "live"], "starttls"],
  [["silent", "silent", "dead", "live"], "tls"],
  [["dead v6", "live"], "starttls"],
  [["silent v6", "live"], "tls"],
  [["slow", "live"], "starttls"],
  [["slow", "dead"], "tls"],
  [["slow", "silent"], "none"],
];
for (const [kinds, security] of REACHED) {
  Deno.test(`a mail server with addresses that are ${kinds.join(", ")} gets the mail by ${security}`, async () => {
    await using hosts = await Hosts.start(kinds, { security });
    const { office, server } = hosts;
    office.configure(server.config({ smtp_host: HOST }));
    hosts.clash();
    const { code, stdout, stderr } = await hosts.command("sync", "--json");
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).run.exitCode, 0);
    assert.equal(server.take().length, 1);
    const doctor = await hosts.command("doctor", "--json");
    assert.equal(doctor.code, 0, doctor.stdout);
    const { checks } = JSON.parse(doctor.stdout);
    const mail = checks.find(({ check }: { check: string }) =>
      check === "mail"
    );
    assert.equal(mail.status, "ok");
  });
}

// deno-fmt-ignore
const UNREACHED: readonly (readonly [kinds: readonly (Kind | `${Kind} v6`)[], words: string])[] = [
  [["dead", "dead"], "nothing answers there"],
  [["dead v6", "dead"], "nothing answers there"],
  [["silent", "dead"], "did not take it within N s: it does not answer"],
  [["silent", "silent v6"], "did not take it within N s: it does not answer"],
];

// They wait most of their time: all at once.
Deno.test("a mail server none of whose addresses answers costs no run its result; the mail waits", async () => {
  await using stack = new AsyncDisposableStack();
  const all: [Hosts, typeof UNREACHED[number]][] = [];
  for (const each of UNREACHED) {
    all.push([stack.use(await Hosts.start(each[0])), each]);
  }
  await Promise.all(all.map(async ([hosts, [kinds, words]]) => {
    const { office, server } = hosts;
    office.configure(server.config({ smtp_host: HOST }));
    hosts.clash();
    const started = performance.now();
    const { code, stdout, stderr } = await hosts.command("sync", "--json");
    const tookMs = performance.now() - started;
    // 20 s and a start on a busy machine: not twice as long.
    assert.ok(tookMs < 35_000, `${kinds}: ${tookMs} ms`);
    assert.equal(code, 0, `${kinds}: ${stdout}`);
    assert.equal(JSON.parse(stdout).run.exitCode, 0);
    assert.match(
      stderr,
      RegExp(`^E-mail waits .*${words.replace("N", "20")}.*\n$`),
    );
    const doctor = await hosts.command("doctor");
    assert.equal(doctor.code, 1, `${kinds}: ${doctor.stdout}`);
    assert.equal(doctor.stderr, "");
    assert.match(doctor.stdout, RegExp(words.replace("N", "15")));
  }));
});

Deno.test("a mail server's name may have letters of any script", async () => {
  const ascii = "mail.xn--mller-kva.example";
  await using hosts = await Hosts.start(["live"], {}, ascii);
  const { office, server } = hosts;
  office.configure(
    server.config({
      smtp_host: "mail.Müller.example",
      from: "'Büro: Süd (Köln) <sync@müller.example>'",
    }),
  );
  hosts.clash();
  const { code, stderr } = await hosts.command();
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const [mail] = server.take();
  assert.equal(mail!.from!.value[0]!.name, "Büro: Süd (Köln)");
  const { stdout } = await hosts.command("doctor");
  assert.match(stdout, /^ok {7}mail: mail\.müller\.example:\d+ answers and /m);
});
