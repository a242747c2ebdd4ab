/**
 * Random edits, and a disk that fails in the middle of each run.
 * `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer,
 * or again.
 *
 * @module
 */
import fc from "fast-check";
import assert from "node:assert/strict";
import type { RunResult } from "../lib/run_types.ts";
import type { Side } from "../lib/types.ts";
import {
  assertCases,
  comparable,
  configLines,
  contentsOf,
  Editor,
  isOverwriting,
  isReplay,
  type Scenario,
  scenarios,
  stateOf,
  withoutAside,
} from "./support/random_cases.ts";
import {
  ALLOWED,
  assertNoLeftovers,
  assertNothingLost,
  assertRecord,
} from "./support/random_runs.ts";
import { describe, MemoryOffice } from "./support/support.ts";
import { systemError } from "./support/two_roots.ts";
import { WatchedCalls } from "./support/watched_calls.ts";

/** What the disk does wrong, and when. */
interface Fault {
  readonly code: string;
  /** After so many calls. */
  readonly after: number;
  /** So many calls fail. */
  readonly length: number;
}

const fault = fc.record<Fault>({
  code: fc.constantFrom("EIO", "EACCES", "EBUSY", "ENOSPC"),
  after: fc.oneof(
    // The roots are met, and looked through; then something is done.
    { weight: 1, arbitrary: fc.nat(45) },
    { weight: 3, arbitrary: fc.integer({ min: 46, max: 180 }) },
  ),
  length: fc.constantFrom(1, 2, 5, Infinity),
});

/** What runs came to in which something failed. */
interface Hits {
  stopped: number;
  halfway: number;
}

async function play(
  { settings, rounds }: Scenario,
  faults: readonly Fault[],
  hits: Hits,
): Promise<void> {
  using office = new MemoryOffice(configLines(settings));
  const editor = new Editor(office, settings);
  const losses = { ...settings, isOverwrite: isOverwriting(settings) };
  let agreedContents: ReadonlySet<string> = new Set();
  for (const [index, edits] of rounds.entries()) {
    edits.forEach((edit) => editor.apply(edit));
    const before = stateOf(office);
    const runs: RunResult[] = [];
    const check = (): void => {
      const after = stateOf(office);
      const outcomes = runs.flatMap((run) => run.outcomes);
      const result = { ...runs.at(-1)!, outcomes };
      assertNothingLost(
        { agreed: null, agreedContents, before, after, result },
        losses,
      );
    };
    {
      const { code, after, length } = faults[index % faults.length]!;
      using _ = new WatchedCalls([office.left, office.right], (n) => {
        if (n > after && n <= after + length) throw systemError(code);
      });
      const result = await office.run(ALLOWED);
      runs.push(result);
      if (result.stop !== null) hits.stopped++;
      if (isHalfway(result)) hits.halfway++;
    }
    check();
    const [broken] = runs;
    if (broken?.stop) {
      assert.deepEqual(stateOf(office), before, describe(broken));
    }
    // Two names of one file, where the old one could not be removed, take one
    // run more.
    for (let n = 0; n < 2 && (n === 0 || runs.at(-1)!.exitCode !== 0); n++) {
      runs.push(await office.run(ALLOWED));
    }
    assert.equal(runs.at(-1)?.exitCode, 0, runs.map(describe).join("\n"));
    check();
    const { trees } = stateOf(office);
    const shared = (side: Side) =>
      comparable(withoutAside(trees[side], trees, new Set()));
    assert.deepEqual(
      shared("left"),
      shared("right"),
      runs.map(describe).join("\n"),
    );
    assertRecord(office, trees, []);
    assertNoLeftovers(office);
    agreedContents = contentsOf(trees.left);
  }
}

function isHalfway({ outcomes }: RunResult): boolean {
  const kinds = new Set(outcomes.map(({ kind }) => kind));
  return kinds.size > 1;
}

Deno.test("whatever fails in the middle of a run, nothing is lost and the next runs do the rest", async () => {
  const hits = { stopped: 0, halfway: 0 };
  const isVaried = () => hits.stopped > 0 && hits.halfway > 0;
  await assertCases(
    fc.tuple(
      scenarios({ isMirrored: false, leavesOpen: false }),
      fc.array(fault, { minLength: 1, maxLength: 4 }),
    ),
    ([scenario, faults]) => play(scenario, faults, hits),
    isVaried,
  );
  assert.ok(isVaried() || isReplay(), JSON.stringify(hits));
});
