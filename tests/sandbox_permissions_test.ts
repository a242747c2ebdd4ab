import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SyncError } from "../lib/errors.ts";
import {
  bareFlags,
  type SandboxConfig,
  sandboxFlags,
  type SandboxOptions,
} from "../lib/sandbox_permissions.ts";
import { assertRefused, Place, REFUSED, type Try } from "./support/sandbox.ts";

const CONFIG: SandboxConfig = {
  file: "/office/config.yaml",
  roots: { left: "/left", right: "/right" },
  stateDb: "/office/sync.db",
  logging: { file: "/office/logs/sync.log", maxFiles: 3 },
  email: { smtpHost: "mail.example", smtpPort: 587, passwordEnv: "MAIL_PW" },
  networkRoots: "refuse",
};

const SYNC: SandboxOptions = {
  access: "sync",
  programFolder: "/app/lib",
  outputFile: null,
  realRoots: [],
};

/** The paths behind a flag. */
const pathsOf = (flags: readonly string[], name: string) =>
  flags.find((flag) => flag.startsWith(`${name}=`))?.slice(name.length + 1);

Deno.test("sandboxFlags() names what a run needs, and nothing else", () => {
  assert.deepEqual(sandboxFlags(CONFIG, SYNC), [
    "--no-prompt",
    "--ignore-env",
    "--allow-import=nowhere.invalid:1",
    "--allow-net=mail.example:587",
    "--allow-env=MAIL_PW",
    "--allow-read=/left,/right,/office/sync.db,/office/sync.db.lock,/office/logs,/office/config.yaml,/app/lib",
    "--allow-write=/left,/right,/office/sync.db,/office/sync.db.lock,/office/logs",
  ]);
});

Deno.test("sandboxFlags() lets a plan write logs only, and send nothing", () => {
  assert.deepEqual(sandboxFlags(CONFIG, { ...SYNC, access: "plan" }), [
    "--no-prompt",
    "--ignore-env",
    "--allow-import=nowhere.invalid:1",
    "--allow-read=/left,/right,/office/sync.db,/office/logs,/office/config.yaml,/app/lib",
    "--allow-write=/office/logs",
  ]);
});

Deno.test("sandboxFlags() lets the doctor do what a sync does, and ask how full a disk is", () => {
  const flags = sandboxFlags(CONFIG, { ...SYNC, access: "doctor" });
  const more = flags.filter((flag) =>
    !sandboxFlags(CONFIG, SYNC).includes(flag)
  );
  assert.deepEqual(more, ["--allow-sys=statfs"]);
  assert.equal(flags.length, sandboxFlags(CONFIG, SYNC).length + 1);
});

Deno.test("sandboxFlags() opens no host and no variable where no mail is sent", () => {
  const flags = sandboxFlags({ ...CONFIG, email: null }, SYNC).join(" ");
  assert.doesNotMatch(flags, /allow-net|allow-env/);
});

Deno.test("sandboxFlags() opens no variable where the password is in the config", () => {
  const email = { ...CONFIG.email!, passwordEnv: null };
  const flags = sandboxFlags({ ...CONFIG, email }, SYNC).join(" ");
  assert.match(flags, /--allow-net=mail\.example:587/);
  assert.doesNotMatch(flags, /allow-env/);
});

Deno.test("sandboxFlags() lets an output file be written, not read", () => {
  for (const access of ["sync", "plan"] as const) {
    const outputFile = "/out/report.html";
    const flags = sandboxFlags(CONFIG, { ...SYNC, access, outputFile });
    assert.match(pathsOf(flags, "--allow-write") ?? "", /,\/out\/report.html$/);
    assert.doesNotMatch(pathsOf(flags, "--allow-read") ?? "", /report/);
  }
});

Deno.test("sandboxFlags() reads no program folder in a compiled binary", () => {
  const flags = sandboxFlags(CONFIG, { ...SYNC, programFolder: null });
  assert.doesNotMatch(pathsOf(flags, "--allow-read") ?? "", /app/);
});

const SHARED_LOGS: [beside: string, changes: Partial<SandboxConfig>][] = [
  ["the config", {}],
  ["the state DB", { file: "/c.yaml", stateDb: "/office/x/sync.db" }],
  ["the program", { file: "/c.yaml", stateDb: "/s.db" }],
];

for (const [beside, changes] of SHARED_LOGS) {
  Deno.test(`sandboxFlags() opens only the log files where they lie beside ${beside}`, () => {
    const logging = { file: "/office/sync.log", maxFiles: 3 };
    const flags = sandboxFlags({ ...CONFIG, ...changes, logging }, {
      ...SYNC,
      programFolder: beside === "the program" ? "/office/lib" : "/app/lib",
      access: "plan",
    });
    assert.equal(
      pathsOf(flags, "--allow-write"),
      "/office/sync.log,/office/sync.log.1,/office/sync.log.2",
    );
  });
}

Deno.test("sandboxFlags() names a path once", () => {
  const flags = sandboxFlags({
    ...CONFIG,
    roots: { left: "/left", right: "/left" },
  }, SYNC);
  assert.match(pathsOf(flags, "--allow-write") ?? "", /^\/left,\/office/);
});

Deno.test("sandboxFlags() keeps Windows paths, but for a backslash at the end", () => {
  const flags = sandboxFlags({
    ...CONFIG,
    file: "C:\\office\\config.yaml",
    roots: { left: "C:\\pdrive_local", right: "P:\\" },
    stateDb: "C:\\office\\sync.db",
    logging: { file: "C:\\office\\logs\\sync.log", maxFiles: 5 },
  }, { ...SYNC, programFolder: null });
  assert.equal(
    pathsOf(flags, "--allow-write"),
    "C:\\pdrive_local,P:/,C:\\office\\sync.db,C:\\office\\sync.db.lock,C:\\office\\logs",
  );
});

Deno.test("sandboxFlags() puts an IPv6 address in brackets", () => {
  const email = { ...CONFIG.email!, smtpHost: "2001:db8::1" };
  const flags = sandboxFlags({ ...CONFIG, email }, SYNC);
  assert.ok(flags.includes("--allow-net=[2001:db8::1]:587"));
});

Deno.test("sandboxFlags() refuses a host or variable that would open more than one", () => {
  const hosts = [
    "a,b",
    "*.example",
    "10.0.0.0/8",
    "a b",
    "",
    "a.de:25",
    "ü.de",
  ];
  const names = ["A,B", "*", "AWS_*", "", "A=B"];
  const emails = [
    ...hosts.map((smtpHost) => ({ ...CONFIG.email!, smtpHost })),
    ...names.map((passwordEnv) => ({ ...CONFIG.email!, passwordEnv })),
  ];
  for (const email of emails) {
    const make = () => sandboxFlags({ ...CONFIG, email }, SYNC);
    assert.throws(make, (error) => {
      assert.ok(error instanceof SyncError);
      assert.equal(error.exitCode, 2);
      return true;
    }, JSON.stringify(email));
  }
});

const REAL_ROOTS = ["C:\\pdrive_local", "\\\\server\\share\\office"];

Deno.test("sandboxFlags() refuses a root on the network, and says what to do", () => {
  const make = () => sandboxFlags(CONFIG, { ...SYNC, realRoots: REAL_ROOTS });
  assert.throws(make, (error) => {
    assert.ok(error instanceof SyncError);
    assert.equal(error.exitCode, 2);
    assert.match(error.message, /\\\\server\\share\\office/);
    assert.match(
      error.hint ?? "",
      /\nsandbox:\n {2}network_roots: allow_all\n/,
    );
    return true;
  });
});

Deno.test("sandboxFlags() opens everything for a root on the network only where the config says so", () => {
  const config = { ...CONFIG, networkRoots: "allow_all" } as const;
  assert.deepEqual(
    sandboxFlags(config, { ...SYNC, realRoots: REAL_ROOTS }),
    ["--no-prompt", "--allow-all"],
  );
  assert.ok(
    !sandboxFlags(config, { ...SYNC, realRoots: ["C:\\a", "D:\\b"] })
      .includes("--allow-all"),
  );
});

Deno.test("sandboxFlags() starts the doctor inside the walls where a network root keeps a run from starting", () => {
  const options = { ...SYNC, access: "doctor" } as const;
  assert.deepEqual(
    sandboxFlags(CONFIG, { ...options, realRoots: REAL_ROOTS }),
    sandboxFlags(CONFIG, options),
  );
});

/** A disk that has other letters, and a link, than the config says. */
const onDisk = (path: string) =>
  path.replace(/^\/left/, "/disk/Left").replace(/^\/office/, "/disk/office");

Deno.test("sandboxFlags() names a path as it is written and as the disk spells it", () => {
  const { access: _, ...options } = SYNC;
  const written = pathsOf(
    sandboxFlags(CONFIG, { ...options, access: "sync", onDisk }),
    "--allow-write",
  )?.split(",") ?? [];
  for (const path of written) assert.ok(written.includes(onDisk(path)), path);
  assert.ok(written.includes("/left") && written.includes("/disk/Left"));
  const planned = sandboxFlags(CONFIG, { ...options, access: "plan", onDisk });
  assert.doesNotMatch(pathsOf(planned, "--allow-write") ?? "", /[Ll]eft/);
  for (const flags of [planned]) {
    const read = pathsOf(flags, "--allow-read")?.split(",") ?? [];
    for (const path of read) assert.ok(read.includes(onDisk(path)), path);
  }
});

Deno.test("sandboxFlags() opens only the log files where the log folder is the config's by another name", () => {
  const flags = sandboxFlags({
    ...CONFIG,
    file: "/office/config.yaml",
    stateDb: "/s.db",
    logging: { file: "/link/sync.log", maxFiles: 2 },
  }, {
    ...SYNC,
    access: "plan",
    programFolder: null,
    onDisk: (path) => path.replace(/^\/link/, "/office"),
  });
  assert.equal(
    pathsOf(flags, "--allow-write"),
    "/link/sync.log,/office/sync.log,/link/sync.log.1,/office/sync.log.1",
  );
});

Deno.test("sandboxFlags() keeps to what is written where the disk is on the network", () => {
  const config = { ...CONFIG, roots: { left: "/left", right: "P:\\" } };
  const options = { ...SYNC, access: "doctor" } as const;
  const real = (path: string) => path === "P:\\" ? "\\\\server\\share\\" : path;
  assert.deepEqual(
    sandboxFlags(config, { ...options, onDisk: real }),
    sandboxFlags(config, options),
  );
});

Deno.test("bareFlags() names one file at most", () => {
  const closed = [
    "--no-prompt",
    "--ignore-env",
    "--allow-import=nowhere.invalid:1",
  ];
  assert.deepEqual(bareFlags(null), closed);
  assert.deepEqual(bareFlags("/office/config.yaml"), [
    ...closed,
    "--allow-read=/office/config.yaml",
    "--allow-write=/office/config.yaml",
  ]);
  assert.deepEqual(bareFlags("/office/config.yaml", onDisk).slice(-1), [
    "--allow-write=/office/config.yaml,/disk/office/config.yaml",
  ]);
});

Deno.test("inside: roots, state DB, lock and logs can be read and written", async () => {
  using place = new Place();
  const files = [
    place.at("left", "a.txt"),
    place.at("left", "new.txt"),
    place.at("right", "new.txt"),
    place.at("conf", "sync.db.lock"),
    place.at("logs", "sync.log"),
    place.at("logs", "sync.log.1"),
  ];
  const results = await place.inside([
    ...files.map((file) => ["write", file] as const),
    ...files.map((file) => ["read", file] as const),
    ["makeFolder", place.at("right", "x", "y")],
    ["writeDb", place.config.stateDb],
    ["readDb", place.config.stateDb],
  ]);
  assert.deepEqual(results, [
    ...files.map(() => ({ ok: null })),
    ...files.map(() => ({ ok: "new" })),
    { ok: null },
    { ok: null },
    { ok: 1 },
  ]);
});

Deno.test("inside: a neighbour folder can't be read, listed or written", async () => {
  using place = new Place();
  const tries: Try[] = [
    ["read", place.at("other", "a.txt")],
    ["list", place.at("other")],
    ["list", place.folder],
    ["list", place.at("conf")],
    ["write", place.at("other", "a.txt")],
    ["write", place.at("conf", "other.db")],
    ["write", place.at("left2")],
    ["write", `${place.config.roots.left}/../other/a.txt`],
    ["remove", place.at("other", "a.txt")],
    ["readDb", place.at("conf", "other.db")],
  ];
  assertRefused(tries, await place.inside(tries));
});

Deno.test("inside: config and program can be read, not changed", async () => {
  using place = new Place();
  const { file } = place.config;
  const own = [file, place.at("app", "a.txt")];
  assert.deepEqual(
    await place.inside(own.map((path) => ["read", path])),
    [{ ok: "config" }, { ok: "app" }],
  );
  const tries: Try[] = [
    ...own.map((path) => ["write", path] as const),
    ...own.map((path) => ["remove", path] as const),
    ["write", place.program],
  ];
  assertRefused(tries, await place.inside(tries));
});

Deno.test("inside: the config can't be changed where the log lies beside it", async () => {
  using place = new Place((place) => ({
    logging: { file: place.at("conf", "sync.log"), maxFiles: 2 },
  }));
  const tries: Try[] = [
    ["write", place.config.file],
    ["write", place.at("conf", "sync.log.2")],
  ];
  assertRefused(tries, await place.inside(tries));
  const logs: Try[] = [
    ["write", place.at("conf", "sync.log")],
    ["write", place.at("conf", "sync.log.1")],
    ["remove", place.at("conf", "sync.log.1")],
  ];
  assert.deepEqual(await place.inside(logs), logs.map(() => ({ ok: null })));
});

Deno.test("inside: no program, library or fact about the computer can be had", async () => {
  using place = new Place();
  const tries: Try[] = [["run", Deno.execPath()], ["library"], ["sys"]];
  assertRefused(tries, await place.inside(tries));
});

Deno.test("inside: only workers of the program itself can be started", async () => {
  using place = new Place();
  const results = await place.inside([
    ["worker", place.at("app", "worker.ts")],
    ["worker", place.at("other", "worker.ts")],
  ]);
  assert.deepEqual(results, [{ ok: "hi" }, REFUSED]);
});

Deno.test("inside: environment variables read as unset, without an error", async () => {
  using place = new Place();
  const results = await place.inside(
    [["env", "SECRET"], ["env", "HOME"], ["allEnv"]],
    {},
    { SECRET: "s" },
  );
  assert.deepEqual(results, [
    { ok: [null, null] },
    { ok: [null, null] },
    { ok: [] },
  ]);
});

Deno.test("inside: of all variables only the one with the password can be read", async () => {
  const email = { smtpHost: "127.0.0.1", smtpPort: 1, passwordEnv: "MAIL_PW" };
  using place = new Place(() => ({ email }));
  const results = await place.inside(
    [["env", "MAIL_PW"], ["env", "SECRET"], ["allEnv"]],
    {},
    { MAIL_PW: "p", SECRET: "s" },
  );
  assert.deepEqual(results, [
    { ok: ["p", "p"] },
    { ok: [null, null] },
    { ok: ["MAIL_PW"] },
  ]);
});

/** A server that answers nothing, at a port of its own. */
function listen() {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return {
    port: (server.addr as Deno.NetAddr).port,
    [Symbol.dispose]: () => server.close(),
  };
}

Deno.test("inside: only the mail server can be reached, at its port", async () => {
  using mail = listen();
  using other = listen();
  const smtpHost = "127.0.0.1";
  const email = { smtpHost, smtpPort: mail.port, passwordEnv: null };
  using place = new Place(() => ({ email }));
  const reached = await place.inside([["connect", smtpHost, mail.port]]);
  assert.deepEqual(reached, [{ ok: null }]);
  const tries: Try[] = [
    ["connect", smtpHost, other.port],
    ["connect", "localhost", mail.port],
    ["connect", "example.com", 443],
    ["listen"],
  ];
  assertRefused(tries, await place.inside(tries));
});

Deno.test("inside: nothing can be reached where no mail is sent", async () => {
  using other = listen();
  using place = new Place();
  const tries: Try[] = [["connect", "127.0.0.1", other.port]];
  assertRefused(tries, await place.inside(tries));
});

Deno.test("inside: no code is loaded from a host, also not from those open by default", async () => {
  using place = new Place();
  const tries: Try[] = [
    ["load", "http://127.0.0.1:1/a.js"],
    ["load", "https://deno.land/a.js"],
    ["load", "https://esm.sh/a"],
    ["load", "jsr:@std/path@1"],
    ["load", `file://${place.at("other", "worker.ts")}`],
  ];
  assertRefused(tries, await place.inside(tries));
});

Deno.test("inside: paths with commas, blanks and stars open themselves only", async () => {
  using outer = new Place();
  const names = ["a,b", ",start", "end,", " blank ", "star*", "100%25"];
  for (const name of [...names, "a", "star1", "start"]) {
    Deno.mkdirSync(outer.at("other", name));
  }
  for (const name of names) {
    const left = outer.at("other", name);
    const right = outer.at("right");
    using place = new Place(() => ({ roots: { left, right } }));
    const results = await place.inside([
      ["write", join(left, "x")],
      ["write", outer.at("right", "x")],
      ...["a", "star1", "start"].map((other) =>
        ["write", outer.at("other", other, "x")] as const
      ),
    ]);
    const expected = [{ ok: null }, { ok: null }, REFUSED, REFUSED, REFUSED];
    assert.deepEqual(results, expected, name);
  }
});

Deno.test("inside a plan: the roots can be read, and only logs and the output be written", async () => {
  using place = new Place();
  const outputFile = place.at("report.html");
  const plan = { access: "plan", outputFile } as const;
  const results = await place.inside([
    ["read", place.at("left", "a.txt")],
    ["read", place.at("right", "a.txt")],
    ["write", place.at("logs", "sync.log")],
    ["write", outputFile],
  ], plan);
  assert.deepEqual(results, [
    { ok: "left" },
    { ok: "right" },
    { ok: null },
    { ok: null },
  ]);
  const tries: Try[] = [
    ["write", place.at("left", "a.txt")],
    ["write", place.at("right", "new.txt")],
    ["remove", place.at("left", "a.txt")],
    ["makeFolder", place.at("left", "x")],
    ["write", place.config.stateDb],
    ["write", `${place.config.stateDb}.lock`],
    ["writeDb", place.config.stateDb],
    ["write", place.at("report2.html")],
  ];
  assertRefused(tries, await place.inside(tries, plan));
});

Deno.test("inside a plan: the state DB can be read, also while a run has it open", async () => {
  using place = new Place();
  const { stateDb } = place.config;
  const db = new DatabaseSync(stateDb);
  db.exec(
    "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)",
  );
  const read = async () =>
    await place.inside([["readDb", stateDb]], { access: "plan" });
  assert.deepEqual(await read(), [{ ok: 1 }]);
  db.exec("INSERT INTO t VALUES (2)");
  assert.deepEqual(await read(), [{ ok: 2 }]);
  db.close();
  assert.deepEqual(await read(), [{ ok: 2 }]);
});

Deno.test("inside the doctor: disks can be asked how full they are, and nothing else of the system", async () => {
  using place = new Place();
  const doctor = { access: "doctor" } as const;
  const room = ["room", place.at("left")] as const;
  assert.deepEqual(await place.inside([room], doctor), [{ ok: true }]);
  assertRefused([room], await place.inside([room]));
  const tries: Try[] = [
    ["room", place.at("other")],
    ["sys"],
    ["run", Deno.execPath()],
    ["write", place.at("other", "a.txt")],
  ];
  assertRefused(tries, await place.inside(tries, doctor));
});

Deno.test("bareFlags() opens one file at most", async () => {
  using place = new Place();
  const file = place.at("conf", "new.yaml");
  const tries: Try[] = [
    ["read", place.config.file],
    ["write", file],
    ["list", place.at("left")],
    ["run", Deno.execPath()],
    ["connect", "127.0.0.1", 1],
  ];
  assertRefused(tries, await place.behind(bareFlags(null), tries));
  const allowed: Try[] = [["write", file], ["read", file]];
  const results = await place.behind(bareFlags(file), allowed);
  assert.deepEqual(results, [{ ok: null }, { ok: "new" }]);
  const rest = tries.filter((it) => it[0] !== "write");
  assertRefused(rest, await place.behind(bareFlags(file), rest));
});
