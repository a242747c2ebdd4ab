import assert from "node:assert/strict";
import { LONG_AGO, scenario, type Stage } from "./support/scenario.ts";
import { file } from "./support/support.ts";

/** Names `f0.txt` … of as many files. */
function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `f${n}.txt`);
}

/** Every file has a time of its own, so that none passes for another. */
async function begin(stage: Stage, count: number): Promise<void> {
  const files = names(count).map((name, n) => [
    name,
    file(name, { mtime: LONG_AGO + n * 1000 }),
  ]);
  stage.write({ left: { d: Object.fromEntries(files), other: {} } });
  await stage.office.settle();
}

function removeFirst(stage: Stage, count: number): void {
  stage.remove("left", ...names(count).map((name) => `d/${name}`));
}

scenario("a dry run is stopped by the guards as well", async (stage) => {
  await begin(stage, 20);
  removeFirst(stage, 15);
  const { document } = await stage.ends(3, "plan");
  assert.equal(document.guard?.name, "mass deletion");
  const allowed = await stage.ends(0, "plan", "--allow-deletes");
  assert.equal(allowed.document.actions.length, 15);
  await stage.ends(0, "--allow-deletes");
}, { isMirrored: false });
