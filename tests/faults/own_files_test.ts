/**
 * The program's own files in trouble: those of somebody else, on a disk that
 * is read-only, full or gone. A run says whose they are and what to do, ends
 * with the guard "state", and mails it; the doctor says the same.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MailOffice } from "../support/mail_server.ts";
import { Office, write } from "../support/support.ts";
import { fromFileUrl } from "../support/urls.ts";
import { tool, Undone } from "./support.ts";

const USER = "1000";

/** Deno's cache for the user, whom root's does not belong to. */
let cache = "";
Deno.test.beforeAll(() => {
  cache = Deno.makeTempDirSync({ prefix: "office-sync-cache-" });
  tool("cp", "-r", `${denoDir()}/npm`, cache);
  tool("chown", "-R", USER, cache);
});
Deno.test.afterAll(() => Deno.removeSync(cache, { recursive: true }));

function denoDir(): string {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
  const { denoDir } = JSON.parse(
    new TextDecoder().decode(info.outputSync().stdout),
  );
  return denoDir;
}

/** The real command, as another account than root. */
async function asUser(
  office: Office,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const command = new Deno.Command("setpriv", {
    args: [
      ...["--reuid", USER, "--regid", USER, "--clear-groups"],
      ...[Deno.execPath(), "run", "--no-prompt", "-A"],
      ...[fromFileUrl("../main.ts"), ...args, "--config", office.config],
    ],
    cwd: office.folder,
    env: { ...office.env, DENO_DIR: cache, HOME: cache },
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  const words = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, text: words(stdout) + words(stderr) };
}

Deno.test("files of a first run that was made with sudo: whose they are, what to do, and then it goes on", async () => {
  using office = new Office();
  tool("chown", "-R", USER, office.folder);
  write(office.left, { "a.txt": "a", "b.txt": "b" });
  await office.command();
  Deno.removeSync(`${office.left}/b.txt`);
  const all = [
    `${office.stateDb}`,
    `${office.stateDb}-journal`,
    `${office.stateDb}.lock`,
    office.log,
    `${office.folder}/logs`,
  ];
  for (const command of ["sync", "plan"]) {
    const { code, text } = await asUser(office, command);
    assert.equal(code, 3, text);
    assert.match(text, /guard "state"/);
    assert.match(
      text,
      /logs\/\S+\.log can't be written: it belongs to root, and this account/,
    );
    assert.match(text, /sudo chown "\$\(id -un\)" /);
    for (const path of all) assert.ok(text.includes(path), path);
  }
  const doctor = await asUser(office, "doctor");
  assert.equal(doctor.code, 1);
  assert.match(doctor.text, /^PROBLEM {2}state DB's lock: .*belongs to root/m);
  assert.match(doctor.text, /^PROBLEM {2}state DB: .*belongs to root/m);
  assert.match(doctor.text, /^PROBLEM {2}log: .*belongs to root/m);
  assert.match(
    doctor.text,
    /^PROBLEM {2}Left, writing: \S+\/left\/\.office-sync belongs to root/m,
  );
  assert.doesNotMatch(doctor.text, /right to write to/);
  for (const path of all) tool("chown", USER, path);
  const half = await asUser(office);
  assert.equal(half.code, 1, "the soft-delete folders are root's still");
  assert.match(
    half.text,
    /right\/\.office-sync belongs to root.*nothing can be soft-deleted there.*sudo chown -R/,
  );
  tool("chown", "-R", USER, office.folder);
  const last = await asUser(office);
  assert.equal(last.code, 0, last.text);
  assert.deepEqual(Object.keys(office.trees().right), ["a.txt"]);
});

/** What is root's alone, and how the run names it. */
const ALONE:
  readonly (readonly [string, (office: Office) => string, RegExp])[] = [
    [
      "state DB",
      (it) => it.stateDb,
      /The state DB \S+\.db can't be written: it belongs to root/,
    ],
    [
      "lock",
      (it) => `${it.stateDb}.lock`,
      /The lock of the state DB \S+ can't be written: it belongs to root/,
    ],
    [
      "journal",
      (it) => `${it.stateDb}-journal`,
      /The state DB \S+ can't be written: .*whose \S+-journal is: it has to belong/,
    ],
    ["log", (it) => it.log, /The log \S+ can't be written: it belongs to root/],
  ];

for (const [what, pathOf, says] of ALONE) {
  Deno.test(`only the ${what} belongs to root: the run says so, and is mailed`, async () => {
    await using mail = await MailOffice.onDisk("", { security: "none" });
    const { office, server } = mail;
    await office.command();
    tool("chown", "-R", USER, office.folder);
    tool("chown", "0:0", pathOf(office));
    const { code, text } = await asUser(office);
    assert.equal(code, 3, text);
    assert.match(text.replaceAll("\n", " "), says);
    assert.match(text, /sudo chown/);
    assert.equal(server.arrived.length, 1);
    const mailed = (server.arrived[0]!.text ?? "").replace(/\s+/g, " ");
    assert.match(mailed, says);
  });
}

/** How the state DB's place is in trouble. */
const PLACES: Readonly<
  Record<string, { spoil(disk: string): void; says: RegExp }>
> = {
  "read-only": {
    spoil: (disk) => tool("mount", "-o", "remount,ro", disk),
    says: /can't be written: its disk is read-only/,
  },
  "gone": {
    spoil: (disk) => tool("umount", "-l", disk),
    says: /can't be written: its folder \S+\/state is not there/,
  },
  "full": {
    spoil: fill,
    says: /can't be written: the disk is full/,
  },
};

function fill(disk: string): void {
  for (const bytes of [4096, 1]) {
    try {
      for (;;) {
        const more = new Uint8Array(bytes);
        Deno.writeFileSync(`${disk}/filler`, more, { append: true });
      }
    } catch {
      // That was all.
    }
  }
}

for (const [how, { spoil, says }] of Object.entries(PLACES)) {
  Deno.test(`a state DB whose disk is ${how} stops the run as a guard, mailed and without a change`, async () => {
    await using mail = await MailOffice.onDisk();
    using undone = new Undone();
    const { office, server } = mail;
    const disk = `${office.folder}/disk`;
    undone.disk(disk, "256k");
    Deno.mkdirSync(`${disk}/state`);
    Deno.writeTextFileSync(
      office.config,
      Deno.readTextFileSync(office.config) + "state_db: disk/state/s.db\n",
    );
    write(office.left, { "a.txt": "a" });
    assert.equal((await office.command()).code, 0);
    write(office.left, { "b.txt": "b" });
    spoil(disk);
    const { code, stdout } = await office.command("--json");
    const { guard } = JSON.parse(stdout);
    assert.equal(code, 3, stdout);
    assert.equal(guard.name, "state");
    assert.match(guard.reason, says);
    assert.doesNotMatch(guard.reason, /unexpected|os error|SQLITE/i);
    assert.deepEqual(Object.keys(office.trees().right), ["a.txt"]);
    assert.equal(server.arrived.length, 1);
    const mailed = (server.arrived[0]!.text ?? "").replace(/\s+/g, " ");
    assert.match(mailed, says);
    const doctor = await office.command("doctor");
    assert.equal(doctor.code, 1);
    assert.match(doctor.stdout, says);
  });
}

Deno.test("a folder of root's, in which the first run can make nothing: which one it is, and what to do", async () => {
  using office = new Office();
  Deno.chmodSync(office.folder, 0o755);
  tool("chown", "-R", USER, office.left, office.right);
  const { code, text } = await asUser(office);
  assert.equal(code, 3, text);
  assert.ok(text.includes(`may not make files in ${office.folder}.`), text);
  assert.ok(text.includes(`sudo chown "$(id -un)" ${office.folder} && chmod`));
  const doctor = await asUser(office, "doctor");
  assert.match(
    doctor.text,
    /^PROBLEM {2}state DB's lock: .*may not make files/m,
  );
  tool("chown", USER, office.folder);
  assert.equal((await asUser(office)).code, 0);
});
