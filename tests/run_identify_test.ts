import assert from "node:assert/strict";
import { type FilesOf, launchedHost, runProgram } from "../lib/cli_program.ts";
import { filesHere } from "../lib/files_handlers.ts";
import { StateDb } from "../lib/state_db.ts";
import type { Side } from "../lib/types.ts";
import { snapshot } from "./support/snapshot.ts";
import {
  file,
  MemoryOffice,
  Office,
  saidBy,
  write,
} from "./support/support.ts";

/** A PC whose Left was never synced, and a share that another PC has synced. */
async function joining(
  side: "left" | "right",
): Promise<{ readonly office: Office } & Disposable> {
  const other = new MemoryOffice();
  const old = { mtime: "2024-01-01" };
  write(other.left, {
    "same.txt": file("same", old),
    "kept.txt": "kept",
    "old.txt": "old",
    d: { "gone.txt": "gone", "gone2.txt": "gone" },
  });
  await other.agree();
  Deno.removeSync(`${other.left}/old.txt`);
  Deno.removeSync(`${other.left}/d`, { recursive: true });
  await other.agree();
  const office = new MemoryOffice("ignore: { extensions: [tmp] }");
  const known = side === "left" ? "right" : "left";
  const roots = `${known}_root: ${other.right}\n${side}_root: ${side}\n`;
  Deno.writeTextFileSync(
    office.config,
    `${roots}ignore: { extensions: [tmp] }\n`,
  );
  // An old copy of the share, from before those were deleted.
  write(office[side], {
    "same.txt": file("same", old),
    "kept.txt": "changed here",
    "old.txt": "old",
    "ignored.tmp": "ignored",
    d: { "gone.txt": "gone", "gone2.txt": "gone" },
  });
  return {
    office,
    [Symbol.dispose]() {
      other[Symbol.dispose]();
      office[Symbol.dispose]();
    },
  };
}

for (const side of ["left", "right"] as const) {
  const [here, there] = side === "left" ? ["Left", "Right"] : ["Right", "Left"];
  const says = `${there} has been synced before and ${here} has not: 3 files ` +
    `that only ${here} has come to ${there}, deleted there before or not.`;
  Deno.test(`a new ${side} with old files that meets a synced root: doctor, plan and run say how many come back`, async () => {
    using it = await joining(side);
    const { office } = it;
    const before = snapshot(office.folder);
    const doctor = await office.commandHere("doctor");
    assert.ok(doctor.stdout.includes(says.slice(0, -1)), doctor.stdout);
    assert.match(doctor.stdout, /Look at the plan before the first run/);
    assert.deepEqual(
      Object.keys(snapshot(office.folder)).filter((path) =>
        !(path in before) && !path.startsWith("logs/")
      ),
      [],
    );
    const plan = await office.commandHere("plan");
    assert.equal(plan.code, 0);
    assert.ok(plan.stderr.includes(says), plan.stderr);
    const run = await office.commandHere("--quiet");
    assert.ok(run.stderr.includes(says), run.stderr);
    assert.match(
      Deno.readTextFileSync(office.log),
      /WARNING .*3 files that only/,
    );
    for (const args of [["plan"], [], ["doctor"]]) {
      const { stdout, stderr } = await office.commandHere(...args);
      assert.doesNotMatch(stdout + stderr, /has been synced before/);
    }
  });
}

Deno.test("an empty folder that meets a synced root brings nothing back, and nothing is said", async () => {
  using it = await joining("left");
  const { office } = it;
  Deno.removeSync(office.left, { recursive: true });
  Deno.mkdirSync(office.left);
  for (const args of [["doctor"], ["plan"], []]) {
    const { stdout, stderr } = await office.commandHere(...args);
    assert.doesNotMatch(stdout + stderr, /synced before/);
  }
});

Deno.test("two new folders, and two that were synced, are no joining", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a" });
  const first = await office.commandHere("plan");
  assert.doesNotMatch(first.stderr, /synced before/);
  await office.agree();
  // A lost state DB is told otherwise.
  Deno.removeSync(office.stateDb);
  const { stderr } = await office.commandHere("plan");
  assert.match(stderr, /Both folders have been synced before/);
  assert.doesNotMatch(stderr, /that only Left has/);
});

Deno.test("a new folder that takes the place of a synced one is joining, too", async () => {
  using office = new MemoryOffice();
  write(office.left, { "a.txt": "a" });
  await office.agree();
  Deno.removeSync(`${office.left}/.office-sync`, { recursive: true });
  write(office.left, { "b.txt": "b" });
  const { code, stderr } = await office.commandHere("--accept-roots");
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^Right has been .* 1 file that only Left has comes to/m,
  );
  using db = new StateDb(office.stateDb, { isReadOnly: true });
  assert.notEqual(db.meta("root_left"), null);
});

Deno.test("doctor tells it in JSON, too", async () => {
  using it = await joining("left");
  const { office } = it;
  const { stdout } = await office.commandHere("doctor", "--json");
  const { checks } = JSON.parse(stdout);
  const [check] = checks.filter((it: { check: string }) =>
    it.check === "first meeting"
  );
  assert.match(JSON.stringify(check), /3 files that only Left has/);
});

const isPosix = Deno.build.os !== "windows";

/** With a password the program reads the config by itself. */
const SETTINGS = {
  left: "",
  right: "email:\n  smtp_host: 127.0.0.1\n  smtp_port: 9\n" +
    "  security: none\n  username: u\n  password: secret\n" +
    "  from: a@b.example\n  to: a@b.example\n",
};

/** A plan in this process, which is told what the launcher would find. */
function planTold(office: Office, side: Side, ...args: readonly string[]) {
  const filesOf: FilesOf = (roots) => Promise.resolve(filesHere(roots));
  const host = { ...launchedHost(null, filesOf), unwritable: [side] };
  const all = [...args, "--config", office.config];
  return saidBy(() => runProgram(all, host));
}

for (const side of ["left", "right"] as const) {
  const called = side === "left" ? "Left" : "Right";
  Deno.test({
    name:
      `a plan says that a run would be refused where ${side} can't be written`,
    ignore: !isPosix,
    async fn() {
      using office = new Office();
      write(office.left, { "a.txt": "a" });
      write(office.right, { "b.txt": "b" });
      Deno.chmodSync(office[side], 0o555);
      const before = snapshot(office[side]);
      const says = RegExp(
        `^${called} \\(.*/${side}\\) can't be written: a run would be refused`,
      );
      for (const args of [["plan"], ["--dry-run"], ["plan", "--quiet"]]) {
        const plan = await planTold(office, side, ...args);
        assert.equal(plan.code, 0, plan.stderr);
        assert.match(plan.stderr, RegExp(says.source, "m"));
      }
      const asked = side === "left" ? "plan" : "--dry-run";
      const { code, stdout } = await office.humbleCommand(asked, "--json");
      assert.equal(code, 0);
      const document = JSON.parse(stdout);
      assert.equal(document.guard, null);
      assert.equal(document.summary.unknown, 0);
      assert.equal(document.problems.length, 1);
      const [{ side: told, path, reason }] = document.problems;
      assert.deepEqual([told, path], [side, ""]);
      assert.match(reason, says);
      assert.deepEqual(snapshot(office[side]), before);
      // And so it is.
      const run = await office.humbleHere();
      assert.equal(run.code, 3);
      Deno.chmodSync(office[side], 0o755);
      if (side === "right") return;
      const { stderr } = await office.humbleCommand("plan");
      assert.doesNotMatch(stderr, /can't be written/);
    },
  });

  Deno.test({
    name: `a plan says how many actions would fail where ${side} is known`,
    ignore: !isPosix,
    async fn() {
      const other = side === "left" ? "right" : "left";
      using office = new Office(SETTINGS[side]);
      write(office.left, { "a.txt": "a" });
      await office.agree();
      write(office[other], { "b.txt": "b", "c.txt": "c" });
      const own = `${office[side]}/.office-sync`;
      Deno.chmodSync(own, 0o555);
      const { code, stderr } = await office.humbleCommand("plan");
      assert.equal(code, 0);
      assert.match(stderr, /can't be written: of a run, the 2 actions that/);
      Deno.chmodSync(own, 0o755);
      // Nothing is to be done there.
      Deno.removeSync(`${office[other]}/b.txt`);
      Deno.removeSync(`${office[other]}/c.txt`);
      write(office[side], { "d.txt": "d" });
      const plan = await planTold(office, side, "plan");
      assert.doesNotMatch(plan.stderr, /can't be written/);
    },
  });
}
