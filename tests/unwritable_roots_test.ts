import assert from "node:assert/strict";
import { snapshot } from "./support/snapshot.ts";
import { Office, write } from "./support/support.ts";

const isPosix = Deno.build.os !== "windows";

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
        const plan = await office.humbleCommand(...args);
        assert.equal(plan.code, 0, plan.stderr);
        assert.match(plan.stderr, RegExp(says.source, "m"));
      }
      const { code, stdout } = await office.humbleCommand("plan", "--json");
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
      const run = await office.humbleCommand();
      assert.equal(run.code, 3);
      Deno.chmodSync(office[side], 0o755);
      const { stderr } = await office.humbleCommand("plan");
      assert.doesNotMatch(stderr, /can't be written/);
    },
  });

  Deno.test({
    name: `a plan says how many actions would fail where ${side} is known`,
    ignore: !isPosix,
    async fn() {
      const email = "email:\n  smtp_host: 127.0.0.1\n  smtp_port: 9\n" +
        "  security: none\n  username: u\n  password: secret\n" +
        "  from: a@b.example\n  to: a@b.example\n";
      const other = side === "left" ? "right" : "left";
      // With a password the program reads the config by itself.
      for (const settings of ["", email]) {
        using office = new Office(settings);
        write(office.left, { "a.txt": "a" });
        await office.settle();
        write(office[other], { "b.txt": "b", "c.txt": "c" });
        const own = `${office[side]}/.office-sync`;
        for (const path of [office[side], own]) {
          Deno.chmodSync(path, 0o555);
          const { code, stderr } = await office.humbleCommand("plan");
          assert.equal(code, 0);
          assert.match(
            stderr,
            /can't be written: of a run, the 2 actions that/,
          );
          Deno.chmodSync(path, 0o755);
        }
        // Nothing is to be done there.
        Deno.removeSync(`${office[other]}/b.txt`);
        Deno.removeSync(`${office[other]}/c.txt`);
        write(office[side], { "d.txt": "d" });
        Deno.chmodSync(office[side], 0o555);
        const { stderr } = await office.humbleCommand("plan");
        assert.doesNotMatch(stderr, /can't be written/);
        Deno.chmodSync(office[side], 0o755);
      }
    },
  });
}
