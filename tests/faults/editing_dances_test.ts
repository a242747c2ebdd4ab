import assert from "node:assert/strict";
import { actions, describe, Office, read } from "../support/support.ts";
import { at, isThere, rests, straced, told, until, why } from "./support.ts";

/** One step of a save: does something in a folder. */
type Step = (folder: string) => void;

const writeNew = (name: string): Step => (folder) =>
  Deno.writeTextFileSync(`${folder}/${name}`, "new version");
const move = (from: string, to: string): Step => (folder) =>
  Deno.renameSync(`${folder}/${from}`, `${folder}/${to}`);
const remove = (name: string): Step => (folder) =>
  Deno.removeSync(`${folder}/${name}`);
const pause: Step = () => {};

/** How programs save `plan.txt`, step by step. */
const DANCES: Readonly<Record<string, readonly Step[]>> = {
  "Word": [
    writeNew("~WRD0001.tmp"),
    move("plan.txt", "~WRL0002.tmp"),
    move("~WRD0001.tmp", "plan.txt"),
    remove("~WRL0002.tmp"),
  ],
  "Excel": [
    writeNew("5A6B7C80"),
    move("plan.txt", "9D0E1F20.tmp"),
    move("5A6B7C80", "plan.txt"),
    remove("9D0E1F20.tmp"),
  ],
  "vim": [
    move("plan.txt", "plan.txt~"),
    writeNew("plan.txt"),
    remove("plan.txt~"),
  ],
  "an editor that keeps a backup": [
    move("plan.txt", "plan.bak"),
    writeNew("plan.txt"),
  ],
  "an editor that saves aside": [
    writeNew(".plan.txt.swp"),
    move(".plan.txt.swp", "plan.txt"),
  ],
  "an editor whose temporary files are ignored": [
    writeNew("~$new"),
    move("plan.txt", "~$old"),
    move("~$new", "plan.txt"),
    remove("~$old"),
  ],
};

for (const [who, steps] of Object.entries(DANCES)) {
  for (let made = 1; made <= steps.length; made++) {
    // Either side has its turn, as the rules are the same for both.
    for (const side of [made % 2 === 0 ? "left" : "right"] as const) {
      const name = `a save of ${who} caught after step ${made} of ` +
        `${steps.length} on ${side} is no deletion`;
      Deno.test(name, async () => {
        using office = new Office();
        office.write({
          left: { d: { "plan.txt": at(2024, "old version") } },
        });
        await office.agree();
        const folder = `${office[side]}/d`;
        const other = `${side === "left" ? office.right : office.left}/d`;
        for (const step of steps.slice(0, made)) step(folder);
        const caught = await office.run();
        const words = actions(caught);
        const isDeleted = words.some((line) => /DELETE/.test(line));
        assert.ok(!isDeleted, `no deletion: ${words.join(", ")}`);
        const there = Object.values(read(other));
        if (made < steps.length) {
          assert.ok(there.length > 0, "a version is left on the other side");
        }
        for (const step of steps.slice(made)) step(folder);
        for (let n = 0; n < 2; n++) await office.run();
        const after = await office.agree();
        assert.deepEqual(actions(after), [], describe(after));
        assert.equal(read(folder)["plan.txt"], "new version");
        assert.equal(read(other)["plan.txt"], "new version");
      });
    }
  }
}

Deno.test("a save that begins after the folder was listed is no deletion", async () => {
  for (let step = 1; step <= 3; step++) {
    using office = new Office();
    office.write({
      left: { d: { "plan.txt": at(2024, "old version") } },
    });
    await office.agree();
    // Each listing takes long: what was listed is gone when it is looked at.
    const delay = "inject=getdents64:delay_exit=300000";
    const running = told(office.config, [], [
      ...straced(office, "-e", "trace=getdents64", "-e", delay),
      `--trace-path=${office.left}/d`,
    ]);
    const steps = [pause, ...DANCES.Word!];
    const trace = `${office.folder}/trace`;
    await until(
      "the folder is listed",
      () =>
        isThere(trace) && Deno.readTextFileSync(trace).includes("getdents64"),
    );
    for (const each of steps.slice(0, step + 1)) each(`${office.left}/d`);
    const caught = await running;
    assert.deepEqual(
      caught.lines.filter((line) => /DELETE/.test(line)),
      [],
      why(caught),
    );
    for (const each of steps.slice(step + 1)) each(`${office.left}/d`);
    for (let n = 0; n < 2; n++) await told(office.config);
    await rests(office.config);
    assert.deepEqual(office.trees().right, {
      d: { "plan.txt": "new version" },
    });
    assert.deepEqual(office.trees().left, office.trees().right);
  }
});
