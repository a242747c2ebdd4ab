import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { bareSandbox } from "../lib/sandbox_permissions.ts";
import { assertRefused, Place, REFUSED, type Try } from "./support/sandbox.ts";

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

Deno.test("inside: the disk of a root can be asked what it is, and nothing else of the system", async () => {
  using place = new Place();
  const doctor = { access: "doctor" } as const;
  const room = ["room", place.at("left")] as const;
  assert.deepEqual(await place.inside([room], doctor), [{ ok: true }]);
  assert.deepEqual(await place.inside([room]), [{ ok: true }]);
  const tries: Try[] = [
    ["room", place.at("other")],
    ["sys"],
    ["run", Deno.execPath()],
    ["write", place.at("other", "a.txt")],
  ];
  assertRefused(tries, await place.inside(tries, doctor));
});

Deno.test("bareSandbox() opens one file at most", async () => {
  using place = new Place();
  const file = place.at("conf", "new.yaml");
  const tries: Try[] = [
    ["read", place.config.file],
    ["write", file],
    ["list", place.at("left")],
    ["run", Deno.execPath()],
    ["connect", "127.0.0.1", 1],
  ];
  const behind = (outputFile: string | null, tries: readonly Try[]) =>
    place.behind(bareSandbox(outputFile, []).flags, tries);
  assertRefused(tries, await behind(null, tries));
  const allowed: Try[] = [["write", file], ["read", file]];
  const results = await behind(file, allowed);
  assert.deepEqual(results, [{ ok: null }, { ok: "new" }]);
  const rest = tries.filter((it) => it[0] !== "write");
  assertRefused(rest, await behind(file, rest));
});
