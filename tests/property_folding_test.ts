/**
 * Random trees and edits in roots that ignore case and normal form.
 * `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer,
 * or again.
 *
 * @module
 */
import { FoldingDisk } from "./support/folding_disk.ts";
import {
  assertCases,
  type Scenario,
  scenarios,
} from "./support/random_cases.ts";
import { play } from "./support/random_runs.ts";

async function playFolded(scenario: Scenario): Promise<void> {
  await play(
    scenario,
    (office) => new FoldingDisk([office.left, office.right]),
  );
}

Deno.test("where case is ignored, both sides agree after a run too, and nothing is lost", async () => {
  const scenario = scenarios({ isMirrored: false, leavesOpen: false });
  await assertCases(scenario, playFolded);
});

Deno.test("where case is ignored and conflicts are left to a person, all else agrees too", async () => {
  const scenario = scenarios({ isMirrored: false, leavesOpen: true });
  await assertCases(scenario, playFolded);
});
