/**
 * Random edits, and every conflict they leave open resolved by a person who
 * may choose anything. `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and
 * `OFFICE_SYNC_PATH` run it longer, or again.
 *
 * @module
 */
import fc from "fast-check";
import assert from "node:assert/strict";
import type { Take } from "../lib/types.ts";
import { openConflicts, type RunResult } from "../lib/run_types.ts";
import { StateDb } from "../lib/state_db.ts";
import { listedConflicts } from "../lib/state_runs.ts";
import { type Both, type Side, SIDES } from "../lib/types.ts";
import { FoldingDisk } from "./support/folding_disk.ts";
import {
  assertCases,
  comparable,
  configLines,
  contentsOf,
  Editor,
  isWithinAny,
  type Scenario,
  scenarios,
  type State,
  stateOf,
  withoutAside,
} from "./support/random_cases.ts";
import {
  ALLOWED,
  assertNoLeftovers,
  assertRecord,
} from "./support/random_runs.ts";
import { describe, MemoryOffice, type Office } from "./support/support.ts";

/** Conflicts may stand in folders that others hold back: not more than that. */
const ROUNDS = 6;

interface Resolving extends Scenario {
  readonly takes: readonly Take[];
}

function resolving(): fc.Arbitrary<Resolving> {
  return fc.record({
    scenario: scenarios({ isMirrored: false, leavesOpen: true }),
    takes: fc.array(fc.constantFrom<Take>("left", "right", "both"), {
      minLength: 1,
      maxLength: 8,
    }),
  }).map(({ scenario, takes }) => ({
    ...scenario,
    settings: {
      ...scenario.settings,
      policy: "notify",
      namePolicy: "notify",
    },
    takes,
  }));
}

async function play(
  { settings, rounds, takes }: Resolving,
  prepare: (office: Office) => Disposable | null = () => null,
): Promise<void> {
  using office = new MemoryOffice(configLines(settings));
  using _prepared = prepare(office);
  const editor = new Editor(office, settings);
  let turn = 0;
  const take = () => takes[turn++ % takes.length]!;
  for (const edits of rounds) {
    edits.forEach((edit) => editor.apply(edit));
    await resolveAll(office, take);
    const { trees } = stateOf(office);
    const shared = (side: Side) =>
      comparable(withoutAside(trees[side], trees, new Set()));
    assert.deepEqual(shared("left"), shared("right"));
    assertRecord(office, trees, []);
    assertNoLeftovers(office);
  }
}

async function resolveAll(office: Office, take: () => Take): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const result = await office.run(ALLOWED);
    const open = openConflicts(result.outcomes);
    if (open.length === 0) {
      return assert.equal(result.exitCode, 0, describe(result));
    }
    for (const { path } of open) await resolve(office, path, take());
  }
  assert.fail("conflicts come back for ever");
}

async function resolve(
  office: Office,
  path: string,
  take: Take,
): Promise<void> {
  const before = stateOf(office);
  const listed = listedPaths(office);
  const result = await office.run({ ...ALLOWED, resolve: { path, take } });
  const after = stateOf(office);
  assertAllKept(before, after, result);
  if (result.exitCode === 2) {
    assert.match(result.stop?.reason ?? "", /folder/, describe(result));
    assert.deepEqual(after, before, "a refusal changes nothing");
    assert.notEqual(take, "both");
    return resolve(office, path, "both");
  }
  assert.equal(result.exitCode, 0, `${path} ${take}: ${describe(result)}`);
  assertTaken(path, take, before.trees, after.trees, describe(result));
  assert.deepEqual(listedPaths(office), listed.filter((it) => it !== path));
  const plan = await office.run({ ...ALLOWED, isDryRun: true });
  const paths = openConflicts(plan.outcomes).map((it) => it.path);
  assert.ok(!paths.includes(path), `${path} is open still: ${describe(plan)}`);
}

function listedPaths(office: Office): string[] {
  using db = new StateDb(office.stateDb, { isReadOnly: true });
  return listedConflicts(db).map(({ path }) => path);
}

/** Whoever is chosen: no version of a conflict is destroyed. */
function assertAllKept(before: State, after: State, result: RunResult): void {
  const now = new Set([
    ...SIDES.flatMap((side) => [...contentsOf(after.trees[side])]),
    ...after.softDeleted,
  ]);
  for (const side of SIDES) {
    for (const [path, { content }] of before.trees[side].files) {
      if (now.has(content)) continue;
      const why = `lost: ${side}/${path} ${content}; ${describe(result)}`;
      assert.ok(isDeleted(result, side, path), why);
    }
  }
}

/** What the other side deleted from a folder that a conflict held back. */
function isDeleted({ outcomes }: RunResult, side: Side, path: string): boolean {
  return outcomes.some(({ action }) =>
    action.side === side && action.path === path &&
    action.name.startsWith("DELETE_") && action.conflict === null
  );
}

/** Both sides have the content that was chosen. */
function assertTaken(
  path: string,
  take: Take,
  before: Both<State["trees"]["left"]>,
  after: Both<State["trees"]["left"]>,
  why: string,
): void {
  if (take === "both") return;
  const chosen = before[take].files.get(path);
  if (chosen === undefined) return;
  for (const side of SIDES) {
    // Another spelling may have been brought along.
    const now = after[side].files.get(path) ??
      [...after[side].files].find(([at]) => isWithinAny(at, [path]))?.[1];
    assert.equal(now?.content, chosen.content, `${side} ${path}: ${why}`);
    assert.equal(now?.mtimeMs, chosen.mtimeMs, `${side} ${path}: ${why}`);
  }
}

Deno.test("whatever a person chooses, nothing is lost and both sides agree in the end", async () => {
  await assertCases(resolving(), (it) => play(it));
});

Deno.test("where case is ignored, whatever a person chooses, both sides agree too", async () => {
  await assertCases(
    resolving(),
    (it) => play(it, (office) => new FoldingDisk([office.left, office.right])),
  );
});
