/**
 * Random edits among which programs save in several steps, things are thrown
 * into a trash inside of a root, versions turn up that perhaps nobody meant,
 * and files have no ids, or the metadata of others. `OFFICE_SYNC_RUNS`,
 * `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer, or again.
 *
 * @module
 */
import fc from "fast-check";
import { parameters, scenarios } from "./support/random_cases.ts";
import { play } from "./support/random_runs.ts";

Deno.test("whatever is saved, thrown away or rolled back, nothing is lost that nobody saw", async () => {
  const scenario = scenarios({
    isMirrored: false,
    leavesOpen: false,
    saves: true,
  });
  const property = fc.asyncProperty(scenario, (it) => play(it));
  await fc.assert(property, parameters());
});

Deno.test("whatever is saved while conflicts are left to a person, nothing is lost that nobody saw", async () => {
  const scenario = scenarios({
    isMirrored: false,
    leavesOpen: true,
    saves: true,
  });
  const property = fc.asyncProperty(scenario, (it) => play(it));
  await fc.assert(property, parameters());
});
