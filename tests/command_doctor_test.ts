import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { clocks, keptOf, space } from "../lib/command_doctor.ts";
import { PLAIN_TRAITS } from "../lib/root_traits.ts";
import { takeLock } from "../lib/state_db.ts";
import { launched } from "./support/sandbox.ts";
import { snapshot } from "./support/snapshot.ts";
import { MemoryOffice, Office, write } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

interface Told {
  readonly exitCode: number;
  readonly checks: readonly {
    readonly check: string;
    readonly side: string | null;
    readonly status: string;
    readonly says: string;
    readonly todo: string | null;
  }[];
}

/**
 * What the doctor has to say in this process, where it has no sandbox: that it
 * has none.
 */
async function told(office: Office): Promise<Told["checks"]> {
  const { exitCode, checks }: Told = await office.json("doctor");
  assert.equal(exitCode, 1);
  const { status } = checks.find(({ check }) => check === "permissions")!;
  assert.equal(status, "warning");
  return checks.filter(({ check }) => check !== "permissions");
}

/** What is besides "ok", as `<status> <side> <check>`. */
async function complaints(office: Office): Promise<string[]> {
  const bad = (await told(office)).filter(({ status }) => status !== "ok");
  for (const { todo } of bad) assert.ok(todo, "each says what to do");
  return bad.map((it) => `${it.status} ${it.side ?? "-"} ${it.check}`);
}

async function saying(office: Office, check: string): Promise<string> {
  return (await told(office)).find((it) => it.check === check)?.says ?? "";
}

/** Everything in the office's folder, with content; no times of folders. */
function whole(office: Office): string {
  return JSON.stringify(snapshot(office.folder)).replaceAll(
    /(folder \d+) [^"]*/g,
    "$1",
  );
}

Deno.test("doctor finds all well before the first run, and writes nothing", async () => {
  using office = new Office().write({ left: { a: "1" } });
  const before = whole(office);
  const { code, stdout } = await office.command("doctor");
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ok {7}Left, free space: .* of .* free$/m);
  assert.match(stdout, /^ok {7}Left, replaced files: they keep .* are lost$/m);
  assert.match(stdout, /^ok {7}Right, writing: a file could be written/m);
  assert.match(stdout, /^ok {7}Right, times: /m);
  assert.match(stdout, /^ok {7}clocks: Left and Right differ by \d+\.\d s$/m);
  assert.match(stdout, /^ok {7}identity: none yet; /m);
  assert.match(stdout, /^ok {7}state DB's disk: local$/m);
  assert.match(stdout, /^ok {7}last run: none yet$/m);
  assert.match(stdout, /^ok {7}mail: no mail is sent$/m);
  assert.match(stdout, /^ok {7}permissions: .* and nothing else$/m);
  assert.match(stdout, /^ok {7}Left, wall: Deno's permissions: /m);
  assert.match(stdout, /^ok {7}Right, wall: Deno's permissions: /m);
  assert.match(stdout, /\n\nAll is as a run needs it\.\n$/);
  assert.equal(whole(office), before);
});

Deno.test("doctor finds all well after a run, and its document has every key", async () => {
  using office = new Office().write({ left: { a: "1" } });
  await office.agree();
  const before = whole(office);
  const { exitCode, checks }: Told = await office.commandJson("doctor");
  assert.equal(exitCode, 0);
  assert.deepEqual(checks.filter(({ status }) => status !== "ok"), []);
  for (const check of checks) {
    const keys = ["check", "side", "status", "says", "todo"];
    assert.deepEqual(Object.keys(check), keys);
  }
  const { says } = checks.find(({ check }) => check === "last run")!;
  assert.match(says, /^the last that went well /);
  // Whether a run can write it is tried: its journal is emptied once more.
  const withoutTime = (text: string) =>
    text.replace(/(-journal[^Z]*?) \S+Z/, "$1");
  assert.equal(withoutTime(whole(office)), withoutTime(before));
});

Deno.test("doctor tells of a root that is missing, and looks at the other all the same", async () => {
  using office = new Office();
  Deno.removeSync(office.right);
  const { code, stdout } = await office.commandHere("doctor");
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^PROBLEM {2}Right, root: right_root .* does not exist\n {9}What to do: /m,
  );
  assert.match(stdout, /^ok {7}Left, writing: /m);
  assert.match(stdout, /\n2 of \d+ checks need attention\.\n$/);
});

Deno.test("doctor tells of roots that are one", async () => {
  using office = new MemoryOffice();
  Deno.removeSync(office.right);
  Deno.symlinkSync(office.left, office.right);
  assert.deepEqual(await complaints(office), ["problem - roots"]);
  const real = (await told(office)).filter(({ check }) =>
    check === "real path"
  );
  assert.match(real[1]?.says ?? "", /\/left, where .*\/right leads to$/);
});

Deno.test("doctor tells of a root that can't be written", async () => {
  using office = new Office();
  Deno.chmodSync(office.right, 0o555);
  const { code, stdout } = await office.humbleHere("doctor");
  assert.equal(code, 1);
  assert.match(stdout, /^PROBLEM {2}Right, writing: no file can be written$/m);
});

Deno.test("doctor tells of roots that are not those of the state DB", async () => {
  using office = new MemoryOffice();
  await office.agree();
  Deno.renameSync(office.stateDb, `${office.stateDb}.old`);
  assert.deepEqual(await complaints(office), ["warning - identity"]);
  Deno.renameSync(`${office.stateDb}.old`, office.stateDb);
  Deno.removeSync(`${office.left}/.office-sync`, { recursive: true });
  assert.deepEqual(await complaints(office), ["problem - identity"]);
});

Deno.test("doctor tells of a damaged state DB, and looks at the roots all the same", async () => {
  using office = new MemoryOffice();
  await office.agree();
  Deno.writeTextFileSync(office.stateDb, "no database at all".repeat(99));
  assert.deepEqual(await complaints(office), ["problem - state DB"]);
  assert.equal(await saying(office, "roots"), "apart from each other");
});

Deno.test("doctor tells of damage inside the state DB", async () => {
  using office = new MemoryOffice().write({
    left: Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`file ${n}`, "1"]),
    ),
  });
  await office.agree();
  const PAGE = 4096;
  const sound = Deno.readFileSync(office.stateDb);
  const damage = (page: number) => {
    const bytes = sound.slice();
    bytes.fill(7, page * PAGE, (page + 1) * PAGE);
    Deno.writeFileSync(office.stateDb, bytes);
  };
  // One that hits a table of files: nothing else would notice it.
  const pages = Array.from({ length: sound.length / PAGE }, (_, n) => n);
  const hidden = pages.find((page) => {
    damage(page);
    return page > 0 && isReadable("meta", "runs") && !isReadable("files");
  });
  assert.notEqual(hidden, undefined);
  const damaged = ["problem - state DB"];
  assert.deepEqual(await complaints(office), damaged);
  // One that hits all.
  Deno.writeFileSync(office.stateDb, sound.slice().fill(7, PAGE));
  assert.deepEqual(await complaints(office), damaged);

  function isReadable(...tables: string[]): boolean {
    try {
      using db = new DatabaseSync(office.stateDb, { readOnly: true });
      for (const table of tables) db.prepare(`SELECT * FROM ${table}`).all();
      return true;
    } catch {
      return false;
    }
  }
});

Deno.test("doctor tells when a run last went well", async () => {
  using office = new MemoryOffice();
  await office.agree();
  const change = (sql: string) => {
    using db = new DatabaseSync(office.stateDb);
    db.exec(sql);
  };
  const DAY = 86_400_000;
  change(`UPDATE runs SET started_at = started_at - 8 * ${DAY}`);
  assert.deepEqual(await complaints(office), ["warning - last run"]);
  assert.match(await saying(office, "last run"), /, which is long ago$/);
  change("UPDATE runs SET exit_code = 3, stopped_by = 'roots: gone'");
  assert.match(
    await saying(office, "last run"),
    /ended with exit code 3 \(roots: gone\); none went well so far$/,
  );
  change("UPDATE runs SET finished_at = NULL, exit_code = NULL");
  assert.match(await saying(office, "last run"), / never ended: /);
  {
    using _run = takeLock(office.stateDb);
    assert.match(await saying(office, "last run"), /^one is active since /);
  }
  change(`UPDATE runs SET started_at = started_at + 9 * ${DAY}`);
  assert.match(await saying(office, "last run"), /clock is behind that$/);
});

Deno.test("doctor takes neither a restore nor a resolved conflict for a run that went well", async () => {
  using office = new MemoryOffice("conflict_policy: { new_new: notify }");
  write(office.left, { a: "one", gone: "gone" });
  await office.agree();
  Deno.removeSync(`${office.left}/gone`);
  await office.agree();
  write(office.left, { b: "one" });
  write(office.right, { b: "three" });
  await office.run();
  using db = new DatabaseSync(office.stateDb);
  db.exec("UPDATE runs SET started_at = started_at - 8 * 86400000");
  const long = / the last that went well began .*/.exec(
    await saying(office, "last run"),
  )?.[0];
  assert.ok(long);
  for (const words of ["restore gone", "conflicts resolve b left"]) {
    const { code, stderr } = await office.commandHere(...words.split(" "));
    assert.equal(code, 0, stderr);
    const now = await saying(office, "last run");
    assert.ok(now.endsWith(long), now);
    assert.match(now, /^that of .* ended with exit code 1; /);
  }
});

Deno.test("doctor names what lists the open conflicts that the last run left", async () => {
  using office = new Office("conflict_policy: { new_new: notify }");
  write(office.left, { a: "one" });
  write(office.right, { a: "three" });
  await office.run();
  const { stdout } = await office.commandHere("doctor");
  assert.match(stdout, /history \S+, and deno task sync conflicts\./);
  Deno.removeSync(`${office.right}/a`);
  await office.agree();
  const again = await office.commandHere("doctor");
  assert.doesNotMatch(again.stdout, /sync conflicts/);
});

Deno.test("doctor tells how much is soft-deleted, and whose it is", async () => {
  using office = new MemoryOffice("soft_delete: { retention_days: 9 }");
  write(office.left, { a: "12345" });
  await office.agree();
  Deno.removeSync(`${office.left}/a`);
  await office.agree();
  const deleted = { "20240101-000000-other1": { b: "123" } };
  write(office.right, { ".office-sync": { deleted } });
  const kept = (await told(office)).filter(({ check }) =>
    check === "soft delete"
  );
  assert.match(
    kept[1]?.says ?? "",
    /^2 files, 8 bytes, kept for 9 days; 3 bytes of it by other PCs, /,
  );
  assert.match(kept[0]?.says ?? "", /^0 files, 0 bytes, kept for 9 days$/);
});

/** A mail server that only says what it must. */
function listen() {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    for await (const connection of server) {
      const say = (line: string) =>
        connection.write(new TextEncoder().encode(`${line}\r\n`));
      await say("220 mail.example");
      const buffer = new Uint8Array(1000);
      for (;;) {
        const count = await connection.read(buffer).catch(() => null);
        if (count === null) break;
        const isEnd = new TextDecoder().decode(buffer).startsWith("QUIT");
        await say(isEnd ? "221 bye" : "250 mail.example").catch(() => {});
        if (isEnd) break;
      }
      connection.close();
    }
  };
  serve().catch(() => {});
  return {
    port: (server.addr as Deno.NetAddr).port,
    [Symbol.dispose]: () => server.close(),
  };
}

function mail(port: number): string {
  return "email: { smtp_host: 127.0.0.1, security: none, from: a@b.c, " +
    `to: a@b.c, smtp_port: ${port} }`;
}

Deno.test("doctor speaks to the mail server", async () => {
  using server = listen();
  using office = new MemoryOffice(mail(server.port));
  assert.equal(
    await saying(office, "mail"),
    `127.0.0.1:${server.port} answers`,
  );
  assert.deepEqual(await complaints(office), []);
});

Deno.test("doctor tells of a mail server that does not answer", async () => {
  using office = new MemoryOffice(mail(1));
  assert.deepEqual(await complaints(office), ["problem - mail"]);
  assert.match(await saying(office, "mail"), /nothing answers there/);
  const login = mail(1).replace("}", ", username: u, password_env: NO_SUCH }");
  office.configure(login);
  assert.match(await saying(office, "mail"), /^the variable NO_SUCH with the /);
});

Deno.test("doctor tells where it is started without the sandbox", async () => {
  using office = new Office();
  const { code, stdout } = await office.commandHere("doctor");
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^WARNING {2}permissions: no sandbox: read, write, net, run, ffi without /m,
  );
  assert.match(stdout, /\n1 of \d+ checks needs attention\.\n$/);
});

Deno.test("doctor goes without what the sandbox of a sync keeps from it", async () => {
  using office = new Office();
  const { flags, first } = await launched(office.config);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", `--config=${fromFileUrl("../deno.json")}`, ...flags],
      ...[fromFileUrl("../main.ts"), first],
      ...["doctor", "--config", office.config],
    ],
  }).output();
  assert.equal(code, 0);
  const text = new TextDecoder().decode(stdout);
  assert.match(text, /^ok {7}state DB's disk: local$/m);
});

Deno.test("little free space is a warning, next to none a problem", () => {
  const MB = 1_048_576;
  const status = (freeBytes: number) =>
    space({ freeBytes, allBytes: 1e12 }).status;
  assert.deepEqual(
    [2048 * MB, 1024 * MB, 1023 * MB, 50 * MB, 49 * MB].map(status),
    ["ok", "ok", "warning", "warning", "problem"],
  );
  assert.equal(space(null).status, "ok");
});

Deno.test("clocks that differ are a warning, also where both differ from the PC's", () => {
  const status = (left: number, right: number) =>
    clocks({
      left: { ...PLAIN_TRAITS, clockOffsetMs: left },
      right: { ...PLAIN_TRAITS, clockOffsetMs: right },
    }).status;
  assert.equal(status(0, 4000), "ok");
  assert.equal(status(-3000, 3000), "warning");
  assert.equal(status(0, -6000), "warning");
  assert.equal(status(9000, 9000), "warning");
});

Deno.test("what stays of a file that is replaced is told for the system and for what may set it", () => {
  const says = (by: "fence" | "permissions", isWindows: boolean) =>
    keptOf({ by }, isWindows);
  assert.equal(says("fence", false), says("permissions", false));
  assert.match(says("fence", false), /^they keep their mode, and owner /);
  assert.match(says("fence", true), /^they keep the time .* access rights and/);
  assert.match(
    says("permissions", true),
    /; rights of their own, .* are lost$/,
  );
});
