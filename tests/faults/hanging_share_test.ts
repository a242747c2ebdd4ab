/**
 * Shares that do not answer, for ever or for a while, in each part of a run: a
 * process that waits for one can't be ended, by nobody.
 *
 * @module
 */
import assert from "node:assert/strict";
import { stuckWords } from "../../lib/sandbox_launcher.ts";
import { fromFileUrl } from "../support/urls.ts";
import { SlowShare } from "../../tools/bench/slow_share.ts";
import { describe, file, Office, read, type Tree } from "../support/support.ts";
import { requireTool, Undone, until } from "./support.ts";

const old = (content: string) =>
  file(content, { mtime: "2024-01-01T00:00:00Z" });

/** What a person presses the second time, for whom half a second is no time. */
const PAUSE_MS = 1000;

/** In which a run that hangs would do something, if it did. */
const STALLED_MS = 300;

/** Ends at once, on a machine that does much else. */
const AT_ONCE_MS = 15_000;

/** Roots that agreed; the right one is a share by now, on which nothing is slow. */
class SharedOffice extends Office {
  readonly share: SlowShare;
  readonly #disks = new Undone();

  constructor() {
    super();
    requireTool("umount");
    const behind = `${this.folder}/behind`;
    // In memory, where flushes take no time.
    for (const folder of [this.left, behind]) this.#disks.disk(folder);
    this.share = new SlowShare(behind, this.right, 0);
  }

  /** The real command, as a process that may have to be left behind. */
  start(...args: string[]): Deno.ChildProcess {
    const launch = fromFileUrl("../main.ts");
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "-A", launch, ...args, "--config"].concat(
        this.config,
      ),
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Starts the command, and waits until it hangs. */
  async hanging(calls: string, ...args: string[]): Promise<Deno.ChildProcess> {
    this.share.hold(calls);
    const child = this.start(...args);
    await until(`a call of ${calls}`, () => this.share.isHeld, 60_000);
    return child;
  }

  override [Symbol.dispose](): void {
    this.share[Symbol.dispose]();
    this.#disks[Symbol.dispose]();
    super[Symbol.dispose]();
  }
}

/** With a new file, one to be read, and others to be removed. */
async function sharedOffice(): Promise<SharedOffice> {
  const office = new SharedOffice();
  // There are no ids on a share: files that are alike might be one another.
  const gone = Array.from({ length: GONE }, (_, n) => [
    goneName(n),
    old("g".repeat(n + 10)),
  ]);
  office.write({
    left: {
      d: { a: old("1") },
      read: old("same"),
      gone: Object.fromEntries(gone),
      ...Object.fromEntries(STAYING.map((name) => [name, old(name)])),
    },
  });
  await office.agree();
  office.write({ left: { d: { n: old("new") } } });
  const now = new Date("2024-05-05T05:05:05Z");
  Deno.utimeSync(`${office.left}/read`, now, now);
  for (let n = 0; n < GONE; n++) {
    Deno.removeSync(`${office.left}/gone/${goneName(n)}`);
  }
  return office;
}

const GONE = 12;
const goneName = (n: number) => `n${String(n).padStart(2, "0")}`;

/** So many that the others are no mass deletion. */
const STAYING = Array.from({ length: 40 }, (_, n) => `stays ${n}`);

/** Its exit code; of one that does not end it is told so. */
async function codeOf(child: Deno.ChildProcess): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(resolve, AT_ONCE_MS, null);
  const ended = await Promise.race([child.status, promise]);
  clearTimeout(timer);
  if (ended !== null) return ended.code;
  child.kill("SIGKILL");
  throw new Error("it did not end");
}

/** Both sides have what Left has. */
async function requireAgreed(office: SharedOffice, left: Tree): Promise<void> {
  const result = await office.agree();
  assert.deepEqual(office.trees(), { left, right: left }, describe(result));
}

/** Where a run hangs, and the calls that are not answered then. */
const PARTS: Readonly<Record<string, string>> = {
  "in its very beginning": "open /.office-sync/root.json",
  "while folders are read": "readdir /d",
  "while contents are compared": "open /read",
  "while a copy is written": "(create|write) /d/.*",
  "while a copy is flushed": "fsync /d/.*",
  "while a copy gets its name": "link /d/n",
  "while a file is removed": "(rename|link|unlink) /gone/n04",
};

for (const [part, calls] of Object.entries(PARTS)) {
  Deno.test(`a share that never answers, ${part}: a second Ctrl+C frees the terminal, and the next run says why it can't begin`, async () => {
    using office = await sharedOffice();
    const left = read(office.left);
    const child = await office.hanging(calls);
    const { pid } = child;
    const children = `/proc/${pid}/task/${pid}/children`;
    const program = Number(Deno.readTextFileSync(children));
    const said = child.stderr.text();
    child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    child.kill("SIGINT");
    assert.equal(await codeOf(child), 130);
    await until(
      "no more than its threads",
      () =>
        /^State:\tZ/m.test(Deno.readTextFileSync(`/proc/${program}/status`)),
    );
    const busy = office.start("--json");
    assert.equal(await codeOf(busy), 4);
    const next = {
      stdout: await busy.stdout.text(),
      stderr: await busy.stderr.text(),
    };
    assert.equal(JSON.parse(next.stdout).run.exitCode, 4);
    assert.equal(next.stderr, `${stuckWords(program)}\n`);
    if (part === "in its very beginning") {
      const quiet = await office.command("--quiet", "--only-new");
      assert.doesNotMatch(quiet.stderr, /system call/);
    }
    office.share.letGo();
    const locked = `FLOCK .* ${program} `;
    await until(
      "its end",
      () => !new RegExp(locked).test(Deno.readTextFileSync("/proc/locks")),
    );
    assert.ok((await said).endsWith(`${stuckWords(program)}\n`), await said);
    await child.stdout.cancel();
    await requireAgreed(office, left);
  });

  Deno.test(`a share that stalls, ${part}: the run goes on where it waited`, async () => {
    using office = await sharedOffice();
    const left = read(office.left);
    const child = await office.hanging(calls, "--quiet");
    await new Promise((resolve) => setTimeout(resolve, STALLED_MS));
    office.share.letGo();
    const { code, stdout, stderr } = await child.output();
    const text = [stdout, stderr].map((it) => new TextDecoder().decode(it));
    assert.deepEqual([code, ...text], [0, "", ""]);
    assert.deepEqual(office.trees(), { left, right: left });
  });

  Deno.test(`a share that stalls, ${part}: a run that was told to end ends with 130 when it answers`, async () => {
    using office = await sharedOffice();
    const left = read(office.left);
    const child = await office.hanging(calls, "--json");
    child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, STALLED_MS));
    office.share.letGo();
    const output = await child.output();
    const [stdout, stderr] = [output.stdout, output.stderr].map((it) =>
      new TextDecoder().decode(it)
    ) as [string, string];
    assert.equal(output.code, 130, stderr);
    assert.match(stderr, /^Stopped by Ctrl\+C: [^\n]*\n$/);
    const { actions, guard } = JSON.parse(stdout);
    assert.equal(guard.name, "interrupted");
    // What is told is done; of all else nothing is.
    const done = actions.map((it: { action: string; path: string }) =>
      `${it.action} ${it.path}`
    );
    const { right } = office.trees() as { right: Record<string, Tree> };
    const isGone = (n: number) => right["gone"]?.[goneName(n)] === undefined;
    for (let n = 0; n < GONE; n++) {
      const told = `SOFT_DELETE_RIGHT gone/${goneName(n)}`;
      assert.equal(done.includes(told), isGone(n), `${told}: ${done}`);
    }
    const copied = done.includes("COPY_LEFT_TO_RIGHT d/n");
    assert.equal(right["d"]?.["n"], copied ? "new" : undefined);
    if (part === "while a file is removed") {
      assert.ok(isGone(3) && !isGone(GONE - 1), done.join());
    }
    const plan = await office.json("plan");
    const still = new Set(
      plan.actions.map((it: { action: string; path: string }) =>
        `${it.action} ${it.path}`
      ),
    );
    assert.deepEqual(done.filter((it: string) => still.has(it)), []);
    await requireAgreed(office, left);
  });
}
