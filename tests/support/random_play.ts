/**
 * Plays a random scenario, and holds every run against the contract.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openConflicts, type RunResult } from "../../lib/run_types.ts";
import { otherSide, type Side, SIDES } from "../../lib/types.ts";
import { Editor, JUST_WRITTEN_MS } from "./random_edits.ts";
import { configLines, type Scenario } from "./random_office.ts";
import {
  assertDeletionsTravel,
  assertNoLeftovers,
  assertNothingLost,
  assertRecord,
  openPaths,
  plainActions,
} from "./random_office_checks.ts";
import {
  comparable,
  isIgnored,
  settledPart,
  sharedContents,
  type State,
  stateOf,
  withoutAside,
} from "./random_state.ts";
import {
  type Agreed,
  agreedAfter,
  assertDoubtfulKept,
  assertWaiting,
  waitingPaths,
} from "./random_waiting.ts";
import { SharedPaths } from "./shared_paths.ts";
import { describe, MemoryOffice, type Office } from "./support.ts";

/** No guard is to stop a run here. */
export const ALLOWED = { allowed: { deletes: true, changes: true } } as const;

/**
 * Plays a scenario.
 *
 * @param scenario Settings, and the edits before each run.
 * @param prepare Does something to the roots before they are used.
 */
export async function play(
  { settings, rounds }: Scenario,
  prepare: (office: Office) => Disposable | null = () => null,
): Promise<void> {
  using office = new MemoryOffice(configLines(settings));
  using _prepared = prepare(office);
  const editor = new Editor(office, settings);
  let agreed: State | null = null;
  let agreedContents: ReadonlySet<string> = new Set();
  let known: Agreed = new Map();
  const shared = new SharedPaths();
  let wasOpen = false;
  let hadAside = false;
  for (const edits of rounds) {
    edits.forEach((edit) => editor.apply(edit));
    editor.tellApart(known);
    const before = stateOf(office);
    const plan = await office.run({ isDryRun: true, ...ALLOWED });
    assert.deepEqual(stateOf(office), before, "a plan changes nothing");
    const result = await office.run(ALLOWED);
    const after = stateOf(office);
    assertRanAsPlanned(plan, result);
    assertExit(result);
    const open = shared.heldBack(after.trees, openPaths(result));
    const waiting = waitingPaths(office, result, after.trees);
    const settled = (side: Side) =>
      comparable(
        withoutAside(
          settledPart(after.trees[side], open),
          after.trees,
          waiting,
        ),
      );
    assert.deepEqual(
      settled("left"),
      settled("right"),
      `both sides agree: ${describe(result)}`,
    );
    const passage = { agreed, agreedContents, before, after, result };
    assertNothingLost(passage, {
      ...settings,
      isOverwrite: settings.policy === "overwrite",
    });
    const passageOfSaves = { agreed: known, before, after, result };
    const hasTimePassed = editor.hasTimePassed();
    assertWaiting(
      passageOfSaves,
      waiting,
      !hasTimePassed && !wasOpen && open.length === 0,
    );
    assertDoubtfulKept(passageOfSaves, waiting);
    if (settings.policy !== "overwrite") {
      const missing = editor.owed.missing(before, after);
      assert.deepEqual(missing, [], `nobody removed it: ${describe(result)}`);
    }
    const hasAside = waiting.size > 0 || [before, after].some(hasIgnored);
    const isPlain = !hadAside && !hasAside;
    if (!wasOpen && open.length === 0 && isPlain) {
      assertDeletionsTravel(passage);
      assertOneSideIsFollowed(passage);
    }
    assertRecord(office, after.trees, open, waiting);
    assertNoLeftovers(office);
    await assertSettled(office, result);
    assert.deepEqual(stateOf(office), after, "nothing more to do");
    shared.note(after.trees);
    wasOpen = open.length > 0;
    hadAside = hasAside;
    known = agreedAfter(known, after.trees, waiting);
    agreed = wasOpen ? null : after;
    agreedContents = new Set([
      ...sharedContents(after.trees),
      // Rows of open conflicts stay as they were.
      ...(wasOpen || hasAside ? agreedContents : []),
    ]);
  }
}

function hasIgnored({ trees }: State): boolean {
  return SIDES.some((side) =>
    [...trees[side].files.keys(), ...trees[side].folders].some(isIgnored)
  );
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
  assert.deepEqual(
    second.waiting,
    first.waiting,
    "what waits goes on waiting",
  );
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
