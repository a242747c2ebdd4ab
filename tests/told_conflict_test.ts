import assert from "node:assert/strict";
import { versionsKey } from "../lib/email_notifications.ts";
import {
  doneConflicts,
  openConflicts,
  type RunResult,
} from "../lib/run_types.ts";
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

Deno.test("doneConflicts() tells a conflict once, whatever number of actions it took", async () => {
  const { outcomes } = await clashed();
  const [told, ...others] = doneConflicts(outcomes);
  assert.deepEqual(others, []);
  assert.deepEqual(told!.done!.actions, ["CLASH_CREATE", "COPY_RIGHT_TO_LEFT"]);
  assert.equal(told!.done!.clashPath, "a.clash-20260101-000000-left.txt");
  assert.equal(told!.done!.cutOff, null);
});

for (const kind of ["skipped", "failed"] as const) {
  for (const name of ["CLASH_CREATE", "COPY_RIGHT_TO_LEFT"]) {
    Deno.test(`doneConflicts() does not tell a conflict whose ${name} was ${kind}: the run that does it will`, async () => {
      const { outcomes } = await clashed();
      const changed = outcomes.map((outcome) =>
        outcome.action.name === name ? { ...outcome, kind } : outcome
      );
      assert.deepEqual(doneConflicts(changed), []);
    });
  }
}

Deno.test("doneConflicts() tells where a replaced version is, and null where it is gone", async () => {
  const overwrite = "conflict_policy:\n  new_new: overwrite\n";
  const [kept] = doneConflicts((await clashed(overwrite)).outcomes);
  assert.match(
    kept!.done!.keptAt ?? "",
    /^\.office-sync\/deleted\/[^/]+\/a\.txt$/,
  );
  assert.equal(kept!.done!.clashPath, null);
  const off = `${overwrite}soft_delete:\n  enabled: false\n`;
  const [gone] = doneConflicts((await clashed(off)).outcomes);
  assert.equal(gone!.done!.keptAt, null);
});

Deno.test("doneConflicts() of a plan tells what it means to do", async () => {
  const { outcomes } = await clashed();
  const planned = outcomes.map((it) => ({ ...it, kind: "planned" as const }));
  assert.deepEqual(doneConflicts(planned), doneConflicts(outcomes));
});

Deno.test("open conflicts are not told as done, and another version is another pair", async () => {
  const notify = "conflict_policy:\n  new_new: notify\n";
  const { outcomes } = await clashed(notify);
  assert.deepEqual(doneConflicts(outcomes), []);
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
