/**
 * Random edits among which programs save in several steps, things are thrown
 * into a trash inside of a root, versions turn up that perhaps nobody meant,
 * and files have no ids, or the metadata of others. `OFFICE_SYNC_RUNS`,
 * `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer, or again.
 *
 * @module
 */
import { assertCases, scenarios } from "./support/random_cases.ts";
import { play } from "./support/random_runs.ts";

Deno.test("whatever is saved, thrown away or rolled back, nothing is lost that nobody saw", async () => {
  const scenario = scenarios({
    isMirrored: false,
    leavesOpen: false,
    saves: true,
  });
  await assertCases(scenario, (it) => play(it));
});

Deno.test("whatever is saved while conflicts are left to a person, nothing is lost that nobody saw", async () => {
  const scenario = scenarios({
    isMirrored: false,
    leavesOpen: true,
    saves: true,
  });
  await assertCases(scenario, (it) => play(it));
});
