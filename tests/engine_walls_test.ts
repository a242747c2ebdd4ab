import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type Sandbox, sandboxOf } from "../lib/sandbox_permissions.ts";
import { type Attack, ENDING, type Taken } from "./support/hostile_attacks.ts";
import type { Attacks } from "./support/hostile_main.ts";
import { type Snapshot, snapshot } from "./support/snapshot.ts";
import { fromFileUrl } from "./support/urls.ts";

/**
 * The wall around the engine, from inside: an engine that has been turned
 * against whoever runs it gets at nothing in a root or beside it, by whatever
 * the runtime has.
 */

const isWindows = Deno.build.os === "windows";

/** Where the roots are: on Windows on a mapped drive, and on a share. */
const DRIVES = isWindows ? ["P:\\", "\\\\server\\share"] : [undefined];

/** What came of attacks; null of those that ended their thread. */
interface Came {
  readonly code: number;
  readonly taken: readonly (Taken | null)[];
  /** How many descriptors of a root's file the main thread has. */
  readonly open: number;
  readonly stderr: string;
}

/** Two roots and a neighbour, and where the engine may write. */
class Siege implements Disposable {
  readonly #folders: readonly string[];
  readonly root: string;
  readonly right: string;
  readonly neighbour: string;
  readonly own: string;
  readonly secret = `hush-${crypto.randomUUID()}`;
  readonly #server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly sandbox: Sandbox;
  readonly #before: readonly Snapshot[];

  /**
   * @param drive The folder that the roots are to be in; left out: any will do.
   * @param logsAround The log folder holds the roots.
   */
  constructor(drive: string | undefined, logsAround = false) {
    const make = (dir?: string) =>
      Deno.realPathSync(Deno.makeTempDirSync({
        ...dir === undefined ? {} : { dir },
        prefix: "office-sync-test-",
      }));
    const roots = drive === undefined
      ? make()
      : Deno.makeTempDirSync({ dir: drive, prefix: "office-sync-test-" });
    const home = make();
    this.#folders = [roots, home];
    const names = ["left", "right", "neighbour"].map((it) => `${roots}/${it}`);
    [this.root, this.right, this.neighbour] = names as [string, string, string];
    this.own = logsAround ? roots : `${home}/logs`;
    if (!logsAround) Deno.mkdirSync(this.own);
    for (const folder of names) this.#fill(folder);
    const state = `${home}/sync.db`;
    this.sandbox = sandboxOf({
      file: `${home}/config.yaml`,
      roots: { left: this.root, right: this.right },
      stateDb: state,
      logging: { file: `${this.own}/own`, maxFiles: 3 },
      email: { smtpHost: "127.0.0.1", smtpPort: 1, passwordEnv: null },
      networkRoots: "fence",
    }, {
      access: "sync",
      programFolder: fromFileUrl(".."),
      outputFile: null,
      realRoots: [],
    });
    for (const name of ["config.yaml", "sync.db"]) {
      Deno.writeTextFileSync(`${home}/${name}`, "");
    }
    this.fresh();
    this.#before = this.#now();
  }

  /** What the engine may write, as it was. */
  fresh(): void {
    Deno.writeTextFileSync(`${this.own}/own`, "own");
  }

  #fill(folder: string): void {
    const { secret } = this;
    Deno.mkdirSync(`${folder}/d`, { recursive: true });
    const files = {
      "a": secret.padEnd(12_347),
      "lost1": secret,
      "lost2": secret,
      "a.json": JSON.stringify({ secret }),
      "a.js": `export const secret = "${secret}";`,
      "a.cjs": `module.exports = "${secret}";`,
      "worker.js": `postMessage("${secret}");`,
      ".env": `HUSHED=${secret}\n`,
    };
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
    }
    using db = new DatabaseSync(":memory:");
    db.exec(`CREATE TABLE t(a); INSERT INTO t VALUES ('${secret}')`);
    db.exec(`VACUUM INTO '${folder}/a.db'`);
  }

  #now(): Snapshot[] {
    return [this.root, this.right, this.neighbour]
      .map((folder) => snapshot(folder, true));
  }

  attack(what: Attack["what"], name?: string): Attack {
    const { root, neighbour, own, secret } = this;
    const { port } = this.#server.addr as Deno.NetAddr;
    const { size, ino } = Deno.lstatSync(`${root}/a`);
    // A small number may be that of anything else.
    const numbers = [size, ino ?? 0].filter((it) => it > 9999);
    return {
      ...{ what, root, neighbour, own, port, secret, numbers },
      ...name === undefined ? {} : { name },
    };
  }

  /** What came of attacks, in a process of its own. */
  async under(
    flags: readonly string[],
    permissions: Attacks["permissions"],
    attacks: readonly Attack[],
  ): Promise<Came> {
    const asked: Attacks = { permissions, attacks };
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "--cached-only", ...flags],
        fromFileUrl("./support/hostile_main.ts"),
      ],
      cwd: this.own,
      env: { HUSH: this.secret },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // Not as an argument: those the engine may see.
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify(asked)));
    await writer.close();
    const { code, ...outputs } = await child.output();
    const [told, stderr] = [outputs.stdout, outputs.stderr].map((it) =>
      new TextDecoder().decode(it)
    ) as [string, string];
    const nothing = { taken: attacks.map(() => null), open: 0 };
    const { taken, open } = told === "" ? nothing : JSON.parse(told);
    return { code, taken, open, stderr };
  }

  /**
   * As {@linkcode under}, but of threads that live to tell: on a busy machine
   * something that fails late may end one, and what it found is not known.
   */
  async told(...asked: Parameters<Siege["under"]>): Promise<Came> {
    for (let more = 3;; more--) {
      const came = await this.under(...asked);
      if (came.taken.every((it) => it !== null) || more === 0) return came;
      this.fresh();
    }
  }

  /** Requires that nothing in the roots, or beside them, has changed. */
  isWhole(): void {
    assert.deepEqual(this.#now(), this.#before);
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const folder of this.#folders) {
      Deno.removeSync(folder, { recursive: true });
    }
  }
}

const ALL = "that has all permissions";

/** The process of a run: with both roots on the computer, and with one not. */
const PROCESSES: Readonly<
  Record<string, (sandbox: Sandbox) => readonly string[]>
> = {
  "that has the permissions of its threads": ({ flags }) => flags,
  [ALL]: () => ["--no-prompt", "--allow-all"],
};

/** What is tried at least: a check of nothing is none. */
const LEAST = {
  functions: { tried: 300, calls: 5500 },
  doors: { tried: isWindows ? 91 : 104, calls: 0 },
  races: { tried: 8, calls: 2400 },
};

/** In an order in which what one breaks in its own process hits no other. */
const KINDS = ["races", "functions", "doors"] as const;

for (const drive of DRIVES) {
  for (const [kind, flagsOf] of Object.entries(PROCESSES)) {
    // With a root on a share a process never has less.
    if (drive !== DRIVES[0] && kind !== ALL) continue;
    Deno.test(`nothing that the runtime has lets an engine into a root, or to a neighbour, in a process ${kind} ${drive ?? ""}`, async () => {
      using siege = new Siege(drive);
      await requireHeld(siege, flagsOf(siege.sandbox));
    });
  }
}

/** Requires that nothing of all gets in. */
async function requireHeld(
  siege: Siege,
  flags: readonly string[],
  kinds: readonly (keyof typeof LEAST)[] = KINDS,
): Promise<void> {
  const attacks = kinds.map((it) => siege.attack(it));
  const { engine } = siege.sandbox;
  const { code, taken, open, stderr } = await siege.told(
    flags,
    engine,
    attacks,
  );
  assert.equal(code, 0, stderr.slice(-2000));
  assert.equal(open, 2);
  for (const [n, kind] of kinds.entries()) {
    const { tried, calls, open } = taken[n]!;
    assert.deepEqual(open, [], kind);
    assert.ok(tried.length >= LEAST[kind].tried, `${kind}: ${tried.length}`);
    assert.ok(calls >= LEAST[kind].calls, `${kind}: ${calls}`);
  }
  siege.isWhole();
}

Deno.test("an engine whose logs lie in the folder of the roots has the logs alone", async () => {
  using siege = new Siege(DRIVES[0], true);
  const { read, write } = siege.sandbox.engine;
  for (const path of [...read, ...write]) assert.notEqual(path, siege.own);
  await requireHeld(siege, ["--no-prompt", "--allow-all"], ["doors"]);
});

Deno.test("functions that end a thread, or the process, end no more than that", async () => {
  for (const [name, ends] of Object.entries(ENDING)) {
    using siege = new Siege(DRIVES[0]);
    const { flags, engine } = siege.sandbox;
    const attack = siege.attack("ending", name);
    const { taken, code } = await siege.under(flags, engine, [attack]);
    assert.deepEqual(taken, [null], name);
    if (ends === "ends the thread") assert.equal(code, 0, name);
    siege.isWhole();
  }
});

Deno.test("what is tried would get in, were an engine let into the roots", async () => {
  using siege = new Siege(DRIVES[0]);
  const { engine, files } = siege.sandbox;
  assert.ok(files !== "all");
  const read = [...engine.read, ...files.read];
  const net = ["127.0.0.1", "localhost"];
  const open = { ...engine, read, net, env: ["HUSH"] };
  const all = ["--no-prompt", "--allow-all"];
  const attacks = KINDS.map((it) => siege.attack(it));
  const { taken } = await siege.told(all, open, attacks);
  const [races = 0, functions = 0, doors = 0] = taken.map((it) =>
    it?.open.length
  );
  assert.ok(functions >= 50, `${functions} functions`);
  assert.ok(doors >= 10, `${doors} doors`);
  assert.ok(races >= 3, `${races} races`);
  siege.isWhole();
  const writes = { ...engine, write: [...engine.write, ...files.write] };
  await siege.under(all, writes, [siege.attack("doors")]);
  assert.throws(() => siege.isWhole());
});
