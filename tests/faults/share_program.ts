/**
 * What is tried out on a real share, inside a kernel of its own: all that a run
 * may have to do, for this PC and for another one, and a server that dies.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  actions,
  describe,
  file,
  type FileSpec,
  Office,
  read,
  write,
} from "../support/support.ts";
import { isThere, note, program, tool, until } from "./support.ts";

const [device = ""] = Deno.args;

/** What another PC did is seen so late, for files were in use just before. */
const STALE_MS = 2500;

/** Samba. */
class Server {
  readonly #folder: string;
  #process: Deno.ChildProcess | null = null;

  constructor(shares: Readonly<Record<string, string>>) {
    this.#folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
    const own = ["private dir", "ncalrpc dir"].concat(
      ["lock", "state", "cache", "pid"].map((it) => `${it} directory`),
    );
    const lines = [
      "[global]",
      ...own.map((it) => `${it} = ${this.#folder}`),
      "map to guest = bad user",
      "guest account = root",
      "disable netbios = yes",
      "smb ports = 445",
      "load printers = no",
      "disable spoolss = yes",
      ...Object.entries(shares).flatMap(([name, folder]) => [
        `[${name}]`,
        `path = ${folder}`,
        "guest ok = yes",
        "read only = no",
      ]),
    ];
    Deno.writeTextFileSync(`${this.#folder}/smb.conf`, lines.join("\n"));
  }

  async start(): Promise<void> {
    // Its processes are one group.
    this.#process = new Deno.Command("setsid", {
      args: [
        ...["smbd", "--foreground", "--no-process-group"],
        `--configfile=${this.#folder}/smb.conf`,
        `--log-basename=${this.#folder}`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    // Port 445, listened at.
    const isUp = () =>
      /:01BD [0:]+ 0A/.test(Deno.readTextFileSync("/proc/net/tcp"));
    await until("a server that listens", isUp);
  }

  async kill(): Promise<void> {
    Deno.kill(-this.#process!.pid, "SIGKILL");
    await this.#process!.status;
  }
}

/** How many requests the clients have sent. */
function requests(): number {
  const told = Deno.readTextFileSync("/proc/fs/cifs/Stats");
  return [...told.matchAll(/^SMBs: (\d+)/gm)]
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

function mount(share: string, place: string): void {
  Deno.mkdirSync(place, { recursive: true });
  // As another PC: nothing that one of them knows is known to the other.
  const options = "guest,nosharesock";
  tool("mount", "-t", "cifs", `//127.0.0.1/${share}`, place, "-o", options);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const MTIME = Date.UTC(2024, 0, 15, 8, 30, 0);

function files(count: number): Record<string, FileSpec> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `f${n}`,
      file(`content ${n}`, { mtime: MTIME + n * 3_333 + 777 }),
    ]),
  );
}

/** A pair of roots of which Right is a share, and another PC that has it, too. */
class SharedOffice extends Office {
  readonly other = `${this.folder}/other`;

  constructor(readonly share: string, readonly served: string) {
    super();
    mount(share, this.right);
    mount(share, this.other);
  }

  /** A run that ends well, with these actions, and sides that agree. */
  async ran(what: string, expected: readonly string[] | null): Promise<void> {
    const result = await this.agree();
    const done = actions(result).sort();
    const why = `${what}: ${describe(result)}`;
    if (expected !== null) assert.deepEqual(done, expected.toSorted(), why);
    assert.deepEqual(read(this.served), read(this.left), why);
    assert.deepEqual(read(this.right), read(this.left), why);
  }

  async rests(after: string): Promise<void> {
    await this.ran(`nothing to do after ${after}`, []);
  }

  async restored(path: string): Promise<void> {
    const { code, stdout, stderr } = await this.commandHere("restore", path);
    assert.equal(code, 0, `${path}: ${stdout}${stderr}`);
    assert.deepEqual(read(this.served), read(this.left));
  }

  /**
   * Has Linux tell another mtime of a file once it is read: for that another PC
   * had it open while it was written.
   */
  unsettle(path: string): void {
    const { mtime } = Deno.lstatSync(`${this.right}/${path}`);
    using file = Deno.openSync(`${this.right}/${path}`, { write: true });
    file.writeSync(Deno.readFileSync(`${this.served}/${path}`));
    Deno.openSync(`${this.other}/${path}`).close();
    file.utimeSync(mtime!, mtime!);
    file.syncSync();
  }
}

tool("ip", "link", "set", "lo", "up");
const [disk, memory] = ["disk", "memory"].map((name) => {
  const folder = `/mnt/${name}`;
  Deno.mkdirSync(folder);
  return folder;
}) as [string, string];
tool("mount", device, disk);
Deno.removeSync(`${disk}/lost+found`);
const server = new Server({ disk, memory });
await server.start();
const beganMs = performance.now();
const step = (what: string) =>
  note(`${((performance.now() - beganMs) / 1000).toFixed(1)} s: ${what}`);

const office = new SharedOffice("disk", disk);
const { left, other } = office;
const FOLDERS = 8;
const FILES = 80;
office.write({
  left: Object.fromEntries(
    Array.from(
      { length: FOLDERS },
      (_, n) => [`d${n}`, files(FILES / FOLDERS)],
    ),
  ),
});
let before = requests();
await office.ran("a first run", null);
const first = (requests() - before) / FILES;
await pause(STALE_MS);
before = requests();
await office.agree();
const none = (requests() - before) / FILES;
step(
  `${first.toFixed(1)} requests a new file, ${
    none.toFixed(1)
  } with nothing to do`,
);
assert.ok(first > 5 && first <= 30, `${first} requests a new file`);
assert.ok(none > 0.5 && none <= 2, `${none} requests a file`);

write(left, { d0: { f0: "edited here", n0: "new here" } });
write(other, { d0: { f1: "edited there", n1: "new there" } });
await office.ran("edits on both sides", [
  "COPY_LEFT_TO_RIGHT d0/f0",
  "COPY_LEFT_TO_RIGHT d0/n0",
  "COPY_RIGHT_TO_LEFT d0/f1",
  "COPY_RIGHT_TO_LEFT d0/n1",
]);
await office.rests("edits");
step("edits");

write(left, { d1: { f0: "one version" } });
write(other, { d1: { f0: "another one" } });
await office.ran("a conflict", null);
const versions = Object.values(read(left)["d1"] as object)
  .filter((content) => / version| one$/.test(content)).sort();
assert.deepEqual(versions, ["another one", "one version"]);
await office.rests("a conflict");
step("a conflict");

Deno.renameSync(`${left}/d2/f0`, `${left}/d2/here`);
Deno.renameSync(`${other}/d2/f1`, `${other}/d2/there`);
Deno.renameSync(`${left}/d5`, `${left}/here`);
Deno.removeSync(`${left}/d4/f0`);
Deno.removeSync(`${other}/d4/f1`);
await pause(STALE_MS);
await office.ran("renames and deletions", [
  "RENAME_LEFT d2/f1 -> d2/there",
  "RENAME_RIGHT d2/f0 -> d2/here",
  "RENAME_RIGHT d5 -> here",
  "SOFT_DELETE_LEFT d4/f1",
  "SOFT_DELETE_RIGHT d4/f0",
]);
await office.rests("renames and deletions");
step("renames and deletions");

const deleted = `${disk}/.office-sync/deleted`;
const [run] = [...Deno.readDirSync(deleted)].map(({ name }) => name);
office.unsettle(`.office-sync/deleted/${run}/d4/f0`);
await office.restored("d4/f0");
await office.restored("d4/f1");
await office.ran("files brought back", null);
await office.rests("files brought back");
step("files brought back");

Deno.renameSync(`${other}/d6`, `${other}/there`);
await pause(STALE_MS);
// From here on the client makes up ids: what it meets anew is
// another file.
await office.ran("a folder renamed by another PC", null);
await office.rests("a folder renamed by another PC");
Deno.renameSync(`${left}/d3/f0`, `${left}/d3/here`);
await office.ran("a rename where ids are made up", [
  "RENAME_RIGHT d3/f0 -> d3/here",
]);
// As time does: what is met again has other ids.
Deno.writeTextFileSync("/proc/sys/vm/drop_caches", "2");
before = requests();
await office.agree();
const made = (requests() - before) / FILES;
assert.ok(made <= 3, `${made} requests a file`);
step(`a folder renamed by another PC; ${made.toFixed(1)} requests a file`);

const plain = new SharedOffice("memory", memory);
plain.write({ left: files(4) });
await plain.ran("a first run", null);
await plain.rests("a first run");
write(plain.left, { f0: "one version" });
write(plain.other, { f0: "another one" });
await plain.ran("a conflict", null);
assert.equal(Object.keys(read(plain.left)).length, 5, "one clash copy");
await plain.rests("a conflict");
step("a server that knows no times of creation");

// So many that some are under way when the server dies.
const many = Array.from(
  { length: 60 },
  (_, n) => [`m${n}`, `${n} `.repeat(5_000)],
);
office.write({ left: { many: Object.fromEntries(many) } });
const running = program(office.config, ["--quiet"]);
await until("a copy", () => isThere(`${disk}/many/m3`), 40_000);
await server.kill();
await pause(1000);
await server.start();
const { code, stderr } = await running;
assert.ok([0, 1, 3, 5].includes(code), `${code}: ${stderr}`);
step(`a server that dies and comes back: ended with ${code}`);
await office.ran("the server is back", null);
await office.rests("the server is back");
step("the server is back");

for (const { right, other } of [office, plain]) tool("umount", right, other);
await server.kill();
Deno.stdout.writeSync(new TextEncoder().encode("share: all as it must be\n"));
