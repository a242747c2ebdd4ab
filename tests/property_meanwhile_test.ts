/**
 * Random edits, and more of them in the middle of each run.
 * `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer,
 * or again.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { RunResult } from "../lib/run_result.ts";
import { SIDES } from "../lib/types.ts";
import { Editor } from "./random_edits.ts";
import {
  configLines,
  type Edit,
  edits,
  KINDS,
  parameters,
  type Scenario,
  scenarios,
} from "./random_office.ts";
import {
  assertNoLeftovers,
  assertNothingLost,
  assertRecord,
} from "./random_office_checks.ts";
import { ALLOWED } from "./random_play.ts";
import {
  comparable,
  contentsOf,
  sharedContents,
  stateOf,
} from "./random_state.ts";
import { actions, describe, Office } from "./support.ts";
import { WatchedCalls } from "./watched_calls.ts";

/** Edits between two calls of a run. */
interface Meanwhile {
  readonly after: number;
  readonly edits: readonly Edit[];
}

/** What keeps size and time can't be seen in a file that was just looked at. */
const SEEN = KINDS.filter((kind) =>
  !["rewrite unseen", "just written", "save anew, same time"].includes(kind)
);

const meanwhile = fc.record<Meanwhile>({
  after: fc.nat(200),
  edits: fc.array(edits(SEEN), { minLength: 1, maxLength: 4 }),
});

async function play(
  { settings, rounds }: Scenario,
  all: readonly Meanwhile[],
): Promise<number> {
  using office = new Office(configLines(settings));
  const editor = new Editor(office, settings);
  const losses = { ...settings, isOverwrite: settings.policy === "overwrite" };
  let agreedContents: ReadonlySet<string> = new Set();
  let met = 0;
  for (const [index, edits] of rounds.entries()) {
    edits.forEach((edit) => editor.apply(edit));
    const runs: RunResult[] = [];
    const begun = stateOf(office);
    let moment = begun;
    {
      const { after, edits } = all[index % all.length]!;
      using _ = new WatchedCalls([office.left, office.right], (n) => {
        if (n !== after) return;
        met++;
        const { trees } = stateOf(office);
        agreedContents = new Set([
          ...agreedContents,
          ...sharedContents(trees),
        ]);
        edits.forEach((edit) => editor.apply(edit));
        moment = stateOf(office);
      });
      runs.push(await office.run(ALLOWED));
    }
    for (let n = 0; n < 2; n++) runs.push(await office.run(ALLOWED));
    const why = runs.map(describe).join("\n");
    assert.equal(runs.at(-1)?.exitCode, 0, why);
    assert.deepEqual(actions(runs.at(-1)!), [], why);
    const after = stateOf(office);
    assertNothingLost({
      agreed: null,
      agreedContents: new Set([
        ...agreedContents,
        ...sharedContents(moment.trees),
      ]),
      before: moment,
      earlier: new Set(
        SIDES.flatMap((side) => [...contentsOf(begun.trees[side])]),
      ),
      after,
      result: { ...runs[0]!, outcomes: runs.flatMap((run) => run.outcomes) },
    }, losses);
    const { trees } = after;
    assert.deepEqual(comparable(trees.left), comparable(trees.right), why);
    assertRecord(office, trees, []);
    assertNoLeftovers(office);
    agreedContents = contentsOf(trees.left);
  }
  return met;
}

Deno.test("whatever is edited in the middle of a run, nothing is lost and both sides agree in the end", async () => {
  let met = 0;
  const property = fc.asyncProperty(
    scenarios({ isMirrored: false, leavesOpen: false }),
    fc.array(meanwhile, { minLength: 1, maxLength: 4 }),
    async (scenario, all) => {
      met += await play(scenario, all);
    },
  );
  await fc.assert(property, parameters(30));
  assert.ok(met >= 10, `${met} runs`);
});
