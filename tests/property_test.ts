/**
 * Random trees and random edits on both sides, several rounds, on real
 * folders. `OFFICE_SYNC_RUNS` and `OFFICE_SYNC_SEED` run it longer, or again.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { openConflicts, type RunResult } from "../lib/run_result.ts";
import { otherSide, SIDES } from "../lib/types.ts";
import { Editor, JUST_WRITTEN_MS, swapMarks } from "./random_edits.ts";
import {
  configLines,
  parameters,
  type Scenario,
  scenarios,
} from "./random_office.ts";
import {
  assertDeletionsTravel,
  assertNoLeftovers,
  assertNothingLost,
  assertRecord,
  comparable,
  contentsOf,
  openPaths,
  plainActions,
  settledPart,
  type State,
  stateOf,
} from "./random_office_checks.ts";
import { describe, Office } from "./support.ts";

const ALLOWED = { allowed: { deletes: true, changes: true } } as const;

/** Plays a scenario, and holds every run against the contract. */
async function play({ settings, rounds }: Scenario): Promise<void> {
  using office = new Office(configLines(settings));
  const editor = new Editor(office, settings);
  let agreed: State | null = null;
  let agreedContents: ReadonlySet<string> = new Set();
  let wasOpen = false;
  for (const edits of rounds) {
    edits.forEach((edit) => editor.apply(edit));
    const before = stateOf(office);
    const plan = await office.run({ isDryRun: true, ...ALLOWED });
    assert.deepEqual(stateOf(office), before, "a plan changes nothing");
    const result = await office.run(ALLOWED);
    const after = stateOf(office);
    assertRanAsPlanned(plan, result);
    assertExit(result);
    const open = openPaths(result);
    assert.deepEqual(
      comparable(settledPart(after.trees.left, open)),
      comparable(settledPart(after.trees.right, open)),
      `both sides agree: ${describe(result)}`,
    );
    const passage = { agreed, agreedContents, before, after, result };
    assertNothingLost(passage, {
      ...settings,
      isOverwrite: settings.policy === "overwrite",
    });
    if (!wasOpen && open.length === 0) {
      assertDeletionsTravel(passage);
      assertOneSideIsFollowed(passage);
    }
    assertRecord(office, after.trees, open);
    assertNoLeftovers(office);
    await assertSettled(office, result);
    assert.deepEqual(stateOf(office), after, "nothing more to do");
    wasOpen = open.length > 0;
    agreed = wasOpen ? null : after;
    agreedContents = new Set([
      ...contentsOf(settledPart(after.trees.left, open)),
      // Rows of open conflicts stay as they were.
      ...(wasOpen ? agreedContents : []),
    ]);
  }
}

function assertRanAsPlanned(plan: RunResult, result: RunResult): void {
  assert.equal(plan.stop, null);
  assert.deepEqual(
    plainActions(result.outcomes),
    plainActions(plan.outcomes),
    "a run does what its plan says",
  );
}

function assertExit(result: RunResult): void {
  const open = openConflicts(result.outcomes);
  assert.equal(result.exitCode, open.length > 0 ? 1 : 0, describe(result));
  for (const { action, kind } of result.outcomes) {
    const isOpen = action.conflict !== null && action.conflict.winner === null;
    assert.equal(kind, isOpen ? "skipped" : "done", describe(result));
  }
}

/** Where only one side was edited, the other looks like it now. */
function assertOneSideIsFollowed(passage: {
  readonly agreed: State | null;
  readonly before: State;
  readonly after: State;
  readonly result: RunResult;
}): void {
  const { agreed, before, after, result } = passage;
  if (agreed === null) return;
  const { left, right } = agreed.trees;
  const hasModes = isSame(comparable(left, true), comparable(right, true));
  for (const side of SIDES) {
    const other = otherSide(side);
    const isAlone = isSame(
      [...before.trees[other].files],
      [...agreed.trees[other].files],
    ) &&
      isSame(comparable(before.trees[other]), comparable(agreed.trees[other]));
    if (!isAlone) continue;
    const expected = comparable(before.trees[side], hasModes);
    for (const each of SIDES) {
      assert.deepEqual(
        comparable(after.trees[each], hasModes),
        expected,
        `only ${side} was edited: ${describe(result)}`,
      );
    }
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A second run has nothing to do but to note how old files are by now. */
async function assertSettled(office: Office, first: RunResult): Promise<void> {
  const open = openConflicts(first.outcomes);
  const second = await office.run(ALLOWED);
  assert.deepEqual(openConflicts(second.outcomes), open, describe(second));
  const others = second.outcomes.filter(({ action }) =>
    action.conflict === null
  );
  const isAgeing = others.every(({ action: { name, work, path } }) =>
    name === "NOOP" && work.kind === "record" && work.change.kind === "put" &&
    work.change.row.path === path
  );
  assert.ok(isAgeing, `a second run finds nothing: ${describe(second)}`);
  if (others.length === 0) return;
  await new Promise((resolve) => setTimeout(resolve, JUST_WRITTEN_MS + 60));
  await office.run(ALLOWED);
  const last = await office.run(ALLOWED);
  assert.equal(last.outcomes.length, open.length, describe(last));
}

Deno.test("whatever is edited, both sides agree after a run and nothing is lost", async () => {
  const scenario = scenarios({ isMirrored: false, leavesOpen: false });
  await fc.assert(fc.asyncProperty(scenario, play), parameters(30));
});

Deno.test("with conflicts left to a person, all else agrees and nothing is lost", async () => {
  const scenario = scenarios({ isMirrored: false, leavesOpen: true });
  await fc.assert(fc.asyncProperty(scenario, play), parameters(30));
});

Deno.test("with sides swapped, a run does the mirrored thing", async () => {
  const scenario = scenarios({ isMirrored: true, leavesOpen: true });
  await fc.assert(fc.asyncProperty(scenario, playMirrored), parameters(30));
});

async function playMirrored({ settings, rounds }: Scenario): Promise<void> {
  using office = new Office(configLines(settings));
  using swapped = new Office(configLines(settings));
  const editors = [
    new Editor(office, settings),
    new Editor(swapped, settings, true),
  ];
  for (const edits of rounds) {
    edits.forEach((edit) => editors.forEach((editor) => editor.apply(edit)));
    const result = await office.run(ALLOWED);
    const counterpart = await swapped.run(ALLOWED);
    if (isTied(result)) return;
    assert.deepEqual(
      counterpart.outcomes.map(mirrored).map(line).sort(),
      result.outcomes.map(line).sort(),
      "the mirrored actions",
    );
    const [{ trees }, other] = [stateOf(office), stateOf(swapped)];
    for (const side of SIDES) {
      assert.equal(
        swapMarks(JSON.stringify(comparable(other.trees[otherSide(side)]))),
        JSON.stringify(comparable(trees[side])),
        "the mirrored trees",
      );
    }
  }
}

/** On a tie Left wins, which has no mirror image. */
function isTied(result: RunResult): boolean {
  return result.outcomes.some(({ action: { conflict } }) =>
    conflict?.versions.left?.mtimeMs === conflict?.versions.right?.mtimeMs &&
    conflict !== null
  );
}

type Outcome = RunResult["outcomes"][number];

function line({ action, kind, detail }: Outcome): string {
  const { name, path, newPath, rule, side, reason } = action;
  const words = [name, path, newPath, rule, side, reason];
  return JSON.stringify([kind, ...words, detail]);
}

const MIRRORED = new Map(
  [
    ["LEFT", "RIGHT"],
    ["Left", "Right"],
    ["5.3", "5.4"],
    ["5.5", "5.6"],
    ["5.7", "5.8"],
    ["5.9", "5.10"],
    ["5.11", "5.12"],
  ].flatMap(([a, b]) => [[a!, b!], [b!, a!]]),
);

function mirrored(outcome: Outcome): Outcome {
  const { action } = outcome;
  const { name, path, newPath, rule, side, reason } = action;
  const swap = (text: string) => MIRRORED.get(text) ?? text;
  return {
    ...outcome,
    action: {
      ...action,
      name: name.replaceAll(/LEFT|RIGHT/g, swap) as typeof name,
      path: swapMarks(path),
      newPath: newPath && swapMarks(newPath),
      rule: rule && swap(rule) as typeof rule,
      side: side && otherSide(side),
      reason: reason.replaceAll(/Left|Right/g, swap),
    },
  };
}
