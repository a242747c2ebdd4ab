import assert from "node:assert/strict";
import { settledBy, settledIn, versionsKey } from "../lib/mail_texts.ts";
import { openConflicts, type RunResult } from "../lib/run_types.ts";
import { file, Office } from "./support/support.ts";

/** A run that meets one conflict, of a file or of whatever a test makes. */
async function clashed(settings = ""): Promise<RunResult> {
  using office = new Office(settings);
  office.write({
    left: { "a.txt": file("one", { mtime: Date.UTC(2026, 0, 1) }) },
    right: { "a.txt": file("three", { mtime: Date.UTC(2026, 0, 2) }) },
  });
  return await office.run();
}

Deno.test("settledIn() tells a conflict once, whatever number of actions it took", async () => {
  const { outcomes } = await clashed();
  const [told, ...others] = settledIn(outcomes);
  assert.deepEqual(others, []);
  assert.deepEqual(told!.actions, ["CLASH_CREATE", "COPY_RIGHT_TO_LEFT"]);
  assert.equal(told!.clashPath, "a.clash-20260101-000000-left.txt");
  assert.equal(told!.cutOff, null);
});

for (const kind of ["skipped", "failed"] as const) {
  for (const name of ["CLASH_CREATE", "COPY_RIGHT_TO_LEFT"]) {
    Deno.test(`settledIn() does not tell a conflict whose ${name} was ${kind}: the run that settles it will`, async () => {
      const { outcomes } = await clashed();
      const changed = outcomes.map((outcome) =>
        outcome.action.name === name ? { ...outcome, kind } : outcome
      );
      assert.deepEqual(settledIn(changed), []);
    });
  }
}

Deno.test("settledIn() tells where a replaced version is, and null where it is gone", async () => {
  const overwrite = "conflict_policy:\n  new_new: overwrite\n";
  const [kept] = settledIn((await clashed(overwrite)).outcomes);
  assert.match(kept!.keptAt ?? "", /^\.office-sync\/deleted\/[^/]+\/a\.txt$/);
  assert.equal(kept!.clashPath, null);
  const off = `${overwrite}soft_delete:\n  enabled: false\n`;
  const [gone] = settledIn((await clashed(off)).outcomes);
  assert.equal(gone!.keptAt, null);
});

Deno.test("settledBy() tells what a plan means to settle, and which run", async () => {
  const { outcomes } = await clashed();
  const [told] = settledBy(outcomes.map(({ action }) => action), "run-1");
  const [done] = settledIn(outcomes);
  assert.deepEqual(told, { ...done!, cutOff: "run-1" });
});

Deno.test("open conflicts are not told as settled, and another version is another pair", async () => {
  const notify = "conflict_policy:\n  new_new: notify\n";
  const { outcomes } = await clashed(notify);
  assert.deepEqual(settledIn(outcomes), []);
  const [open] = openConflicts(outcomes);
  const { left, right } = open!.versions;
  const key = versionsKey(open!);
  for (const change of [{ sizeBytes: 99 }, { mtimeMs: 1 }, { path: "A.txt" }]) {
    for (
      const versions of [
        { left: { ...left!, ...change }, right },
        { left, right: { ...right!, ...change } },
      ]
    ) {
      assert.notEqual(versionsKey({ ...open!, versions }), key);
    }
  }
});
