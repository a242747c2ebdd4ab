import assert from "node:assert/strict";
import { ACTION_NAMES } from "../lib/types.ts";
import {
  busyOffice,
  firstOffice,
  keepingOffice,
} from "./faults/crash_offices.ts";
import {
  type CommandResult,
  file,
  Office,
  softDeleted,
} from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

// By its threads the program does what a run in one thread does.

const OFFICES = { busyOffice, firstOffice, keepingOffice, turnedOffice };

const met = new Set<string>();

for (const [name, make] of Object.entries(OFFICES)) {
  Deno.test(`the command does by its threads what a run in one thread does: ${name}`, async () => {
    using here = await make();
    using there = await make();
    const plain = (document: { actions: Record<string, unknown>[] }) =>
      document.actions.map(({ action, path, newPath, outcome, reason }) => {
        met.add(String(action));
        const to = String(newPath).replace(/\d{8}-\d{6}-\w{6}/, "RUN");
        return [action, path, to, outcome, reason];
      });
    const one = plain(await here.json());
    assert.ok(one.length > 1);
    assert.deepEqual(plain(await there.commandJson()), one);
    assert.deepEqual(there.trees(), here.trees());
    for (const side of ["left", "right"] as const) {
      assert.deepEqual(softDeleted(there[side]), softDeleted(here[side]));
    }
    await there.agree();
    assert.deepEqual((await there.agree()).outcomes, []);
  });
}

/** Renames, and folders that come and go on the other side each. */
async function turnedOffice(): Promise<Office> {
  const office = new Office();
  const old = (content: string) =>
    file(content, { mtime: "2024-01-01T00:00:00Z" });
  office.write({
    left: { name: old("1"), gone: {}, "not there": {}, stays: old("22") },
  });
  await office.agree();
  Deno.renameSync(`${office.right}/name`, `${office.right}/other name`);
  Deno.removeSync(`${office.right}/gone`);
  Deno.removeSync(`${office.left}/not there`);
  return office.write({ left: { new: {} }, right: { newer: {} } });
}

Deno.test("the command resolves a conflict by its threads, and brings back what was soft-deleted", async () => {
  const old = (content: string) =>
    file(content, { mtime: "2024-01-01T00:00:00Z" });
  using office = new Office("conflict_policy: { new_new: notify }\n");
  office.write({ left: { gone: old("gone"), stays: old("s") } });
  await office.agree();
  Deno.removeSync(`${office.left}/gone`);
  office.write({ left: { both: "one" }, right: { both: "the other" } });
  assert.equal((await office.command("--quiet")).code, 1);
  for (
    const args of [["conflicts", "resolve", "both", "left"], [
      "restore",
      "gone",
    ]]
  ) {
    const { code, stderr } = await office.command(...args);
    assert.equal(code, 0, stderr);
  }
  const all = { gone: "gone", stays: "s", both: "one" };
  assert.deepEqual(office.trees(), { left: all, right: all });
});

Deno.test("kinds of actions that the command was seen to do by its threads", () => {
  const others = ACTION_NAMES.filter((it) =>
    it !== "NOOP" && !it.startsWith("RESTORE_") && !met.has(it)
  );
  assert.deepEqual(others, []);
});

// Pipes and terminals.

/** Nothing of a stack, and no words of the runtime. */
function assertPlain({ stdout, stderr }: CommandResult): void {
  for (const text of [stdout, stderr]) {
    assert.doesNotMatch(text, /^\s+at |Uncaught|\.ts:\d+|error: /m);
  }
}

/** The real command in a shell's line, in which it is called `$run`. */
async function inShell(office: Office, line: string): Promise<CommandResult> {
  const main = fromFileUrl("../main.ts");
  const run = [Deno.execPath(), "run", "--no-prompt", "-A", main];
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `set -o pipefail; ${line}`, ...run, "--config", office.config],
    env: { ...office.env },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

const isWindows = Deno.build.os === "windows";

for (const args of ["", "--json"]) {
  Deno.test({
    name:
      `a run whose reader is gone is done all the same, and ends with 5 in words: ${args}`,
    ignore: isWindows,
    fn: async () => {
      using office = new Office().write({ left: { a: "1" } });
      const { code, stderr } = await inShell(
        office,
        `"$0" "$@" ${args} | head -c0`,
      );
      assert.equal(code, 5);
      assert.match(
        stderr,
        /^What was asked for could not be printed: nobody reads it any more\./,
      );
      assertPlain({ code, stdout: "", stderr });
      assert.deepEqual(office.trees().right, { a: "1" });
    },
  });
}

Deno.test({
  name: "a run that nohup started outlives its terminal, in all its threads",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using office = new Office(
      `email: { smtp_host: 127.0.0.1, smtp_port: ${server.addr.port}, ` +
        "security: none, from: a@b.c, to: a@b.c }\n",
    );
    office.write({
      left: { a: file("1", { mtime: "2024-01-01T00:00:00Z" }) },
      right: { a: file("22", { mtime: "2024-02-01T00:00:00Z" }) },
    });
    const ended = inShell(
      office,
      `nohup "$0" "$@" & echo $! >pid; wait $!`
        .replace("pid", `'${office.folder}/pid'`),
    );
    // All but the mail is done by then.
    using call = await server.accept();
    const pid = Number(Deno.readTextFileSync(`${office.folder}/pid`));
    const children = `/proc/${pid}/task/${pid}/children`;
    const program = Number(Deno.readTextFileSync(children));
    // The second one would be for somebody who has lost patience.
    for (let n = 0; n < 2; n++) {
      for (const it of [pid, program]) Deno.kill(it, "SIGHUP");
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    call.close();
    const { code, stdout } = await ended;
    assert.equal(code, 0);
    assert.match(stdout, /Both sides agree/);
  },
});
