import assert from "node:assert/strict";
import { whyAway } from "../lib/root_identity.ts";
import { MailOffice } from "./support/mail_server.ts";
import { file, MemoryOffice, Office } from "./support/support.ts";
import { replaceCall } from "./support/system_calls.ts";
import { systemError } from "./support/two_roots.ts";

/** A root that is away: its disk or share is not there. */

const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = DAY_MS / 24;
const WAIT = "safety: {when_away: wait}\n";

/** An office that has synced once, and how its Right goes away and comes back. */
async function met<T extends Office>(office: T): Promise<T> {
  office.write({ left: { "a.txt": file("a", { mtime: 1e12 }) } });
  await office.agree();
  return office;
}

function leave(office: Office, side: "left" | "right" = "right"): void {
  Deno.renameSync(office[side], `${office[side]}-away`);
}

function comeBack(office: Office, side: "left" | "right" = "right"): void {
  try {
    Deno.removeSync(office[side]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.renameSync(`${office[side]}-away`, office[side]);
}

for (const side of ["left", "right"] as const) {
  for (const place of ["nothing", "an empty folder"]) {
    Deno.test(`a run waits for ${side} where ${place} is in its place, and goes on when it is back`, async () => {
      using office = await met(new MemoryOffice(WAIT));
      leave(office, side);
      if (place === "an empty folder") Deno.mkdirSync(office[side]);
      const { code, stdout, stderr } = await office.commandHere();
      assert.equal(code, 0, stderr);
      assert.equal(stderr, "");
      const what = place === "nothing"
        ? "it is not there"
        : "its folder is empty";
      assert.match(
        stdout,
        RegExp(
          `^(Left|Right) \\(.*/${side}\\) is away: ${what}\\. Nothing was done\\. Runs wait for it for 3 days \\(safety\\.away_days\\), until .*\\.\n$`,
        ),
      );
      const { run, guard, actions } = await office.json();
      assert.equal(run.exitCode, 0);
      assert.equal(guard.name, "away");
      assert.deepEqual(actions, []);
      const log = Deno.readTextFileSync(office.log);
      assert.match(log, / WARNING .*away: .* is away/);
      assert.doesNotMatch(log, / ERROR /);
      if (place === "an empty folder") {
        assert.deepEqual([...Deno.readDirSync(office[side])], []);
      }
      comeBack(office, side);
      Deno.writeTextFileSync(`${office.left}/new.txt`, "new");
      await office.agree();
      assert.equal(Deno.readTextFileSync(`${office.right}/new.txt`), "new");
    });
  }
}

Deno.test("what is no root that is away stops the run as ever", async () => {
  const stops = async (
    say: (office: Office) => void,
    name: string,
    settings = WAIT,
  ): Promise<void> => {
    using office = await met(new MemoryOffice(settings));
    say(office);
    const { run, guard } = await office.json();
    assert.deepEqual([run.exitCode, guard.name], [3, name]);
  };
  await stops(leave, "roots", "");
  // Something is there, but not the root.
  await stops((office) => {
    leave(office);
    Deno.mkdirSync(`${office.right}/other`, { recursive: true });
  }, "identity");
  await stops((office) => {
    leave(office);
    Deno.writeTextFileSync(office.right, "a file");
  }, "roots");
  // The config is about another place.
  await stops((office) => {
    const roots = "left_root: left\nright_root: rihgt\n";
    Deno.writeTextFileSync(office.config, roots + WAIT);
  }, "roots");
  using first = new MemoryOffice(WAIT);
  leave(first);
  assert.equal((await first.commandHere()).code, 3);
});

Deno.test("a root that is there and may not be read is not away", async () => {
  using office = await met(new MemoryOffice(WAIT));
  Deno.chmodSync(office.right, 0);
  try {
    assert.equal((await office.humbleHere()).code, 3);
  } finally {
    Deno.chmodSync(office.right, 0o700);
  }
});

/** What a share says that can't be reached, and what says no more than no. */
const OUT_OF_REACH: Readonly<Record<string, RegExp | null>> = {
  EIO: /^it is out of reach \(/,
  ENOTCONN: /^it is out of reach \(/,
  ETIMEDOUT: /^it is out of reach \(/,
  ENOENT: /^it is not there$/,
  EACCES: null,
  EPERM: null,
};

Deno.test("a root that is out of reach is away, with the system's reason", () => {
  for (const [code, why] of Object.entries(OUT_OF_REACH)) {
    using _stat = replaceCall(Deno, "statSync", () => {
      throw systemError(code);
    });
    const told = whyAway("/mnt/share");
    if (why === null) assert.equal(told, null, code);
    else assert.match(told ?? "", why);
  }
});

Deno.test("once every run for away_days has found it away, it is a guard; a run that finds it begins anew", async () => {
  using office = await met(
    new MemoryOffice("safety: {when_away: wait, away_days: 2}\n"),
  );
  const beganMs = Date.now();
  const at = (days: number) =>
    office.run({ startedAtMs: beganMs + days * DAY_MS });
  leave(office);
  assert.equal((await at(0)).exitCode, 0);
  assert.equal((await at(1)).exitCode, 0);
  const { exitCode, stop } = await at(2);
  assert.equal(exitCode, 3);
  assert.equal(stop!.name, "away");
  assert.match(stop!.reason, /every run has found it for 2 days/);
  assert.match(stop!.hint, /safety\.away_days/);
  assert.equal((await at(2.1)).exitCode, 3);
  comeBack(office);
  assert.equal((await at(2.2)).exitCode, 0);
  leave(office);
  const again = await at(2.3);
  assert.equal(again.exitCode, 0);
  assert.equal(again.stop!.isWaiting, true);
  // A clock that was ahead is none to count from.
  assert.equal((await at(0)).exitCode, 0);
  assert.equal((await at(1.9)).exitCode, 0);
  assert.equal((await at(2)).exitCode, 3);
});

Deno.test("a root that comes back for a while begins anew also where the other one is away", async () => {
  using office = await met(
    new MemoryOffice("safety: {when_away: wait, away_days: 1}\n"),
  );
  const beganMs = Date.now();
  const at = (hours: number) =>
    office.run({ startedAtMs: beganMs + hours * HOUR_MS });
  leave(office, "right");
  await at(0);
  comeBack(office, "right");
  leave(office, "left");
  await at(20);
  comeBack(office, "left");
  leave(office, "right");
  assert.equal((await at(30)).exitCode, 0);
});

Deno.test("a plan waits as well, and notes nothing", async () => {
  using office = await met(
    new MemoryOffice("safety: {when_away: wait, away_days: 1}\n"),
  );
  leave(office);
  const beganMs = Date.now();
  const at = (days: number, isDryRun: boolean) =>
    office.run({ startedAtMs: beganMs + days * DAY_MS, isDryRun });
  const plan = await at(0, true);
  assert.deepEqual([plan.exitCode, plan.stop!.name], [0, "away"]);
  assert.equal((await at(5, false)).exitCode, 0);
  assert.equal((await at(6, true)).exitCode, 3);
});

Deno.test("nobody is mailed while a run waits, neither that it is away nor that all is well; then once, and once when it is back", async () => {
  await using place = await MailOffice.start(WAIT);
  const { office, server } = place;
  office.isMailing = true;
  await met(office);
  const beganMs = Date.now();
  const at = async (days: number): Promise<string[]> => {
    await office.run({ startedAtMs: beganMs + days * DAY_MS });
    return server.take().map(({ subject }) => subject ?? "");
  };
  // Something else is wrong at first, and was mailed.
  Deno.removeSync(`${office.right}/.office-sync/root.json`);
  assert.equal((await at(0)).length, 1);
  leave(office);
  assert.deepEqual(await at(1), []);
  assert.deepEqual(await at(2), []);
  const [subject, ...more] = await at(4);
  assert.match(subject!, /stopped by the guard "away"/);
  assert.deepEqual(more, []);
});

Deno.test("a conflict is not resolved while a root is away, and that does not end with 0", async () => {
  using office = new MemoryOffice(
    WAIT + "conflict_policy: {new_new: notify}\n",
  );
  office.write({ left: { "a.txt": "left" }, right: { "a.txt": "right!" } });
  assert.equal((await office.run()).exitCode, 1);
  leave(office);
  const { code } = await office.commandHere(
    "conflicts",
    "resolve",
    "a.txt",
    "left",
  );
  assert.equal(code, 3);
});

Deno.test("doctor takes a run that only waited for none that went well, and tells until when runs wait; why tells that one would", async () => {
  using office = await met(new MemoryOffice(WAIT));
  // deno-lint-ignore no-explicit-any
  const awayIn = ({ checks }: any) =>
    checks.find((it: { check: string }) => it.check === "away");
  assert.equal(awayIn(await office.json("doctor")), undefined);
  leave(office);
  await office.commandHere();
  const told = await office.json("doctor");
  const { checks } = told;
  const away = awayIn(told);
  assert.equal(away.status, "warning");
  assert.match(away.says, /^Right \(.*\) is away: it is not there$/);
  assert.match(away.todo, /^Runs wait for it for 3 days .*, until /);
  const last = checks.find((it: { check: string }) => it.check === "last run");
  assert.equal(last.status, "warning");
  assert.match(
    last.says,
    /only waited \(away: Right .*; the last that went well began/,
  );
  const { stdout } = await office.commandHere("why", "a.txt");
  assert.match(stdout, /A run would wait: Right .* is away/);
});

Deno.test("a page says that a run waits", async () => {
  using office = await met(new MemoryOffice(WAIT));
  leave(office);
  const page = `${office.folder}/page.html`;
  await office.commandHere("--report", page);
  const text = Deno.readTextFileSync(page);
  assert.match(text, /Waiting for a folder that is away/);
  assert.doesNotMatch(text, /Stopped by the guard/);
});

Deno.test("the real command waits, in its sandbox, for a root that is not there", async () => {
  using office = await met(new Office(WAIT));
  leave(office);
  const { code, stdout, stderr } = await office.command("--quiet");
  assert.deepEqual([code, stdout, stderr], [0, "", ""]);
  comeBack(office);
  assert.equal((await office.command("--quiet")).code, 0);
});
