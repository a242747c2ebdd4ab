import assert from "node:assert/strict";
import { launchedHost, runProgram } from "../lib/cli_program.ts";
import { parseConfig } from "../lib/config_loader.ts";
import { EXIT, type ExitCode } from "../lib/errors.ts";
import { filesHere } from "../lib/files_handlers.ts";
import { askMonitor, urlAfter } from "../lib/monitor.ts";
import { takeLock } from "../lib/state_db.ts";
import { ROOTS, told } from "./support/config_lines.ts";
import { file, MemoryOffice, Office } from "./support/support.ts";

/** What a monitor is told of runs, by a real server on the loopback address. */

const SECRET = "0d3f6c1e-of-nobody";

/** A monitor: what it was asked, and how it answers. */
class Monitor implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(
    answer: () => Response | Promise<Response> = () => new Response("OK"),
  ) {
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, ({ method, url }) => {
      this.asked.push(`${method} ${url.slice(this.origin.length)}`);
      return answer();
    });
  }

  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  get origin(): string {
    return `http://${this.host}`;
  }

  /** Lines of a config. */
  config(more = ""): string {
    return `monitor:\n  ping_url: ${this.origin}/${SECRET}\n${more}`;
  }

  /** What it was asked since this was asked. */
  take(): string[] {
    return this.asked.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

const WELL = [`GET /${SECRET}`];
const FAILED = [`GET /${SECRET}/fail`];

Deno.test("a monitor is asked once after a run: for one that ended 0 or 1, for one that failed, and for no other", async () => {
  await using monitor = new Monitor();
  using office = new MemoryOffice(
    monitor.config() + "safety: {max_delete_files: 0, max_delete_percent: 0}\n",
  );
  office.write({ left: { "a.txt": file("a", { mtime: 1e12 }) } });
  const ends = async (code: number, asked: string[], ...args: string[]) => {
    const said = await office.commandHere(...args);
    assert.equal(said.code, code, said.stderr);
    assert.deepEqual(monitor.take(), asked, args.join(" "));
  };
  await ends(0, [], "plan");
  await ends(0, WELL);
  await ends(0, WELL, "--quiet");
  await ends(0, WELL, "--json");
  Deno.writeTextFileSync(`${office.left}/b.txt`, "b");
  Deno.mkdirSync(`${office.right}/b.txt`);
  await ends(0, [], "--dry-run");
  office.configure(monitor.config() + "conflict_policy: {new_new: notify}\n");
  Deno.writeTextFileSync(`${office.right}/b.txt/x`, "x");
  await ends(1, WELL);
  await ends(0, [], "history");
  await ends(0, [], "conflicts");
  await ends(0, [], "conflicts", "resolve", "b.txt", "both");
  Deno.removeSync(`${office.left}/a.txt`);
  office.configure(
    monitor.config() + "safety: {max_delete_files: 0, max_delete_percent: 0}\n",
  );
  await ends(3, FAILED);
  await ends(3, [], "plan");
  {
    using _lock = takeLock(office.stateDb);
    await ends(4, []);
  }
  Deno.renameSync(office.right, `${office.right}-away`);
  await ends(3, FAILED);
  office.configure(monitor.config() + "safety: {when_away: wait}\n");
  await ends(0, []);
});

Deno.test("a monitor is told of a run that ended unexpectedly, and of one that is refused before it begins", async () => {
  await using monitor = new Monitor();
  using office = new MemoryOffice(monitor.config());
  const files = filesHere({ left: office.left, right: office.right });
  files.ask = () => Promise.reject(new Error("nobody foresaw it"));
  const host = launchedHost(null, () => Promise.resolve(files));
  using said = silence();
  assert.equal(await runProgram(["--config", office.config], host), 5);
  assert.match(said.text(), /nobody foresaw it/);
  assert.deepEqual(monitor.take(), FAILED);
  const page = `${office.left}/page.html`;
  assert.equal((await office.launchHere("--report", page)).code, 2);
  assert.deepEqual(monitor.take(), FAILED);
  assert.equal((await office.launchHere("plan", "--report", page)).code, 2);
  // Of a config that can't be read nobody knows whom to tell.
  office.configure(monitor.config() + "nonsense: 1\n");
  assert.equal((await office.launchHere()).code, 2);
  assert.deepEqual(monitor.take(), []);
});

/** Catches what the program says. */
function silence() {
  const real = Deno.stderr.writeSync;
  let text = "";
  Deno.stderr.writeSync = (bytes) => {
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  return {
    text: () => text,
    [Symbol.dispose]: () => void (Deno.stderr.writeSync = real),
  };
}

Deno.test("nothing is asked after a signal, nor while another run is active", () => {
  const monitor = { pingUrl: "up", failUrl: "down", host: "h:1" };
  const told = Object.entries(EXIT).map((
    [name, code],
  ) => [name, urlAfter(monitor, code as ExitCode)]);
  assert.deepEqual(Object.fromEntries(told), {
    agreed: "up",
    leftForPerson: "up",
    usage: "down",
    guard: "down",
    busy: null,
    unexpected: "down",
    interrupted: null,
    terminated: null,
  });
});

/** A listener that takes connections and says nothing. */
function mute() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const it of listener) held.push(it);
  })().catch(() => {});
  return {
    host: `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    async [Symbol.asyncDispose]() {
      for (const it of held) it.close();
      listener.close();
      await accepting;
    },
  };
}

Deno.test("a monitor that does not answer holds nothing up for longer than the bound", async () => {
  await using server = mute();
  const began = performance.now();
  const why = await askMonitor(`http://${server.host}/${SECRET}`, 300);
  assert.equal(why, "it did not answer within 0.3 s");
  assert.ok(performance.now() - began < 2_000);
});

Deno.test("whatever a monitor does, no run fails, and nothing but its host is shown", async () => {
  const elsewhere: string[] = [];
  await using other = new Monitor();
  const answers: Record<string, [() => Response, RegExp]> = {
    "an error": [
      () => new Response("no", { status: 500 }),
      /: it answers with 500\./,
    ],
    "no such check": [
      () => new Response("no", { status: 404 }),
      /: it answers with 404\./,
    ],
    "a redirect": [
      () => Response.redirect(`${other.origin}/${SECRET}`, 302),
      /: it answers with 302, and a redirect is not followed\./,
    ],
  };
  for (const [what, [answer, words]] of Object.entries(answers)) {
    await using monitor = new Monitor(answer);
    using office = new MemoryOffice(monitor.config());
    office.write({ left: { "a.txt": "a" } });
    const { code, stdout, stderr } = await office.commandHere();
    assert.equal(code, 0, what);
    assert.deepEqual(monitor.take(), WELL);
    assert.match(stderr, words);
    assert.ok(
      stderr.includes(`The monitor at ${monitor.host} could not be told`),
    );
    const quiet = await office.commandHere("--quiet");
    assert.deepEqual([quiet.code, quiet.stderr], [0, ""]);
    const log = Deno.readTextFileSync(office.log);
    assert.match(log, words);
    const json = await office.commandHere("--json");
    for (const text of [stdout, stderr, log, json.stdout, json.stderr]) {
      assert.ok(!text.includes(SECRET), text);
    }
  }
  assert.deepEqual(other.asked.concat(elsewhere), []);
  // Nobody listens there any more.
  const gone = new Monitor();
  const { host } = gone;
  const settings = gone.config();
  await gone[Symbol.asyncDispose]();
  using office = new MemoryOffice(settings);
  const { code, stderr } = await office.commandHere();
  assert.equal(code, 0);
  assert.match(stderr, /refused/i);
  assert.ok(stderr.includes(host) && !stderr.includes(SECRET), stderr);
});

Deno.test("doctor asks a monitor where nothing else is wrong, and says what that means there", async () => {
  await using monitor = new Monitor();
  using office = new MemoryOffice(monitor.config());
  const check = async () =>
    (await office.json("doctor")).checks
      .find((it: { check: string }) => it.check === "monitor");
  const { status, says } = await check();
  assert.deepEqual([status, says], [
    "ok",
    `${monitor.host} answers, and takes that for a run that went well`,
  ]);
  assert.deepEqual(monitor.take(), WELL);
  Deno.renameSync(office.right, `${office.right}-away`);
  assert.match((await check()).says, /was not asked/);
  assert.deepEqual(monitor.take(), []);
  Deno.renameSync(`${office.right}-away`, office.right);
  await using wrong = new Monitor(() => new Response("", { status: 404 }));
  office.configure(wrong.config());
  const found = await check();
  assert.equal(found.status, "problem");
  assert.equal(found.says, `${wrong.host}: it answers with 404`);
});

Deno.test("the real command reaches its monitor from the sandbox, and shows the address to nobody", async () => {
  await using monitor = new Monitor();
  using office = new Office(
    monitor.config(`  fail_url: ${monitor.origin}/down?status=down\n`),
  );
  office.write({ left: { "a.txt": "a" } });
  const { code, stderr } = await office.command("--quiet");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(monitor.take(), WELL);
  Deno.renameSync(office.right, `${office.right}-away`);
  assert.equal((await office.command("--quiet")).code, 3);
  assert.deepEqual(monitor.take(), ["GET /down?status=down"]);
});

/** [lines, what is asked after a good run, after a failed one] */
const ADDRESSES: readonly [string, string, string, string][] = [
  [
    "ping_url: https://hc-ping.com/an-id",
    "https://hc-ping.com/an-id",
    "https://hc-ping.com/an-id/fail",
    "hc-ping.com:443",
  ],
  [
    "ping_url: https://hc-ping.com/an-id/",
    "https://hc-ping.com/an-id/",
    "https://hc-ping.com/an-id/fail",
    "hc-ping.com:443",
  ],
  [
    "ping_url: http://nas:3001/api/push/x?status=up",
    "http://nas:3001/api/push/x?status=up",
    "http://nas:3001/api/push/x/fail?status=up",
    "nas:3001",
  ],
  [
    "ping_url: http://nas/x?status=up\n  fail_url: http://nas:80/x?status=down",
    "http://nas/x?status=up",
    "http://nas:80/x?status=down",
    "nas:80",
  ],
  [
    "ping_url: http://[::1]:8080/x",
    "http://[::1]:8080/x",
    "http://[::1]:8080/x/fail",
    "[::1]:8080",
  ],
  [
    "ping_url: https://prüfung.example/x",
    "https://prüfung.example/x",
    "https://xn--prfung-4ya.example/x/fail",
    "xn--prfung-4ya.example:443",
  ],
];

for (const [lines, pingUrl, failUrl, host] of ADDRESSES) {
  Deno.test(`parseConfig() reads monitor: ${lines}`, async () => {
    const { monitor } = await parseConfig(
      `${ROOTS}monitor:\n  ${lines}\n`,
      "/c.yaml",
    );
    assert.deepEqual(monitor, { pingUrl, failUrl, host });
  });
}

/** [lines, the one line that is told] */
const WRONG: readonly [string, RegExp][] = [
  [
    "ping_url: hc-ping.com/secret",
    /^c\.yaml:4:13: monitor\.ping_url: found a text, not shown; allowed: an address that begins with https:/,
  ],
  [
    "ping_url: https://user:secret@host/x",
    /: monitor\.ping_url: found a text, not shown; /,
  ],
  [
    "ping_url: https://host/x#secret",
    /: monitor\.ping_url: found a text, not shown; /,
  ],
  [
    "ping_url: 'https://a,b/secret'",
    /: monitor\.ping_url: found a text, not shown; /,
  ],
  [
    "ping_url: ftp://host/secret",
    /: monitor\.ping_url: found a text, not shown; /,
  ],
  [
    "fail_url: https://host/secret",
    /^c\.yaml:4:13: monitor\.fail_url: alone; needed: ping_url$/,
  ],
  [
    "ping_url: https://a/secret\n  fail_url: https://b/secret",
    /^c\.yaml:5:13: monitor\.fail_url: on another host or port than ping_url; allowed: the same for both$/,
  ],
  [
    "ping_url: https://a/secret\n  fail_url: http://a/secret",
    /^c\.yaml:5:13: monitor\.fail_url: on another host or port/,
  ],
];

for (const [lines, words] of WRONG) {
  Deno.test(`parseConfig() refuses monitor: ${lines}, and does not show it`, async () => {
    const [line = "", ...more] = await told(`${ROOTS}monitor:\n  ${lines}\n`);
    assert.deepEqual(more, []);
    assert.match(line, words);
    assert.doesNotMatch(line, /secret/);
  });
}
