/**
 * Random edits in roots that also hold what must be left alone: ignored names
 * and links. `OFFICE_SYNC_RUNS` and `OFFICE_SYNC_SEED` run it longer, or again.
 *
 * @module
 */
import fc from "fast-check";
import type { RunResult } from "../lib/run_types.ts";
import assert from "node:assert/strict";
import { otherSide, type Side, SIDES } from "../lib/types.ts";
import {
  assertCases,
  configLines,
  contentsOf,
  type Edit,
  Editor,
  edits,
  HIDING_KINDS,
  isIgnored,
  isWithinAny,
  KINDS,
  type Settings,
  type Snapshot,
  type State,
  stateOf,
} from "./support/random_cases.ts";
import {
  afterRenames,
  ALLOWED,
  assertNoLeftovers,
  assertNothingLost,
  plainActions,
  SharedPaths,
} from "./support/random_runs.ts";
import { describe, MemoryOffice } from "./support/support.ts";

const SETTINGS: Settings = {
  policy: "clash",
  namePolicy: "clash",
  isSoft: true,
  maxBytes: 1 << 20,
  keepReplaced: true,
  verifyFirstRun: true,
};

const anyEdit = fc.oneof(
  {
    weight: 3,
    // The age of files is another test's concern.
    arbitrary: edits(
      KINDS.filter((kind) => !/unseen|just written/.test(kind)),
    ),
  },
  { weight: 1, arbitrary: edits(HIDING_KINDS) },
);

const rounds = fc.tuple(
  fc.array(edits(["create"]), { maxLength: 12 }),
  fc.array(fc.array(anyEdit, { maxLength: 14 }), {
    minLength: 1,
    maxLength: 4,
  }),
).map(([first, others]) => [first, ...others]);

/** What a run must not touch, with all that can be seen of it. */
function unknownIn(
  { links, files, folders }: Snapshot,
  placeOf: (path: string) => string = (path) => path,
): unknown {
  const placed = <T>(all: ReadonlyMap<string, T>) =>
    [...all].map(([path, it]) => [placeOf(path), it] as const);
  return {
    links: placed(links).sort(),
    files: placed(files).filter(([path]) => isIgnored(path)).sort(),
    folders: [...folders].map(placeOf).filter(isIgnored).sort(),
  };
}

/** Requires that whatever differs has to do with what is left alone. */
function assertExplained(
  { trees }: State,
  shared: SharedPaths,
  result: RunResult,
): void {
  const why = describe(result);
  const links = SIDES.flatMap((side) => [...trees[side].links.keys()]);
  // What other PCs' runs have left is not in the trees.
  const foreign = result.problems.filter(({ kind }) => kind === "own");
  const held = [
    ...shared.heldBack(trees, links, isIgnored),
    ...foreign.map(({ path }) => path),
  ];
  const isHeld = (path: string) => isIgnored(path) || isWithinAny(path, held);
  for (const side of SIDES) {
    const { files, folders } = trees[side];
    const other = trees[otherSide(side)];
    for (const [path, { content, mtimeMs }] of files) {
      const counterpart = other.files.get(path);
      const isSame = counterpart?.content === content &&
        counterpart.mtimeMs === mtimeMs;
      assert.ok(isSame || isHeld(path), `${side}/${path} differs: ${why}`);
    }
    const all = [
      ...files.keys(),
      ...folders,
      ...trees[side].links.keys(),
      // Missed, and perhaps what is left alone elsewhere.
      ...held,
    ];
    for (const folder of folders) {
      if (other.folders.has(folder) || isHeld(folder)) continue;
      const isNeeded = all.some((it) =>
        it.startsWith(`${folder}/`) && isHeld(it)
      );
      assert.ok(isNeeded, `${side}/${folder} is on one side only: ${why}`);
    }
  }
}

async function play(rounds: readonly (readonly Edit[])[]): Promise<void> {
  using office = new MemoryOffice(configLines(SETTINGS));
  const editor = new Editor(office, SETTINGS);
  const shared = new SharedPaths();
  for (const round of rounds) {
    round.forEach((edit) => editor.apply(edit));
    const before = stateOf(office);
    const plan = await office.run({ isDryRun: true, ...ALLOWED });
    const result = await office.run(ALLOWED);
    const after = stateOf(office);
    const why = describe(result);
    assert.deepEqual(
      plainActions(result.outcomes),
      plainActions(plan.outcomes),
    );
    // What moved to where the other side has something unknown is told.
    const isTold = result.problems.some(({ kind }) => kind === "elsewhere");
    assert.equal(result.exitCode, isTold ? 1 : 0, why);
    for (const side of SIDES) assertUntouched(before, after, side, result);
    // So is what is being saved, and whatever it became there: another test's.
    if (isTold || result.waiting.length > 0) return;
    assertExplained(after, shared, result);
    shared.note(after.trees);
    // Nothing is ever lost with these settings.
    const agreedContents = new Set(
      SIDES.flatMap((side) => [...contentsOf(before.trees[side])]),
    );
    assertNothingLost({ agreed: null, agreedContents, before, after, result }, {
      ...SETTINGS,
      isOverwrite: false,
    });
    assertNoLeftovers(office);
    const second = await office.run(ALLOWED);
    assert.deepEqual(second.outcomes, [], describe(second));
    assert.deepEqual(stateOf(office), after, "nothing more to do");
  }
}

/** It is as it was; in a renamed folder it went along. */
function assertUntouched(
  before: State,
  after: State,
  side: Side,
  result: RunResult,
): void {
  assert.deepEqual(
    unknownIn(after.trees[side]),
    unknownIn(
      before.trees[side],
      (path) => afterRenames(path, side, result),
    ),
    `what is left alone on ${side}`,
  );
}

Deno.test("what is left alone stays as it is, and whatever else differs has to do with it", async () => {
  await assertCases(rounds, play);
});
