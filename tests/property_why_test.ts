/**
 * Random edits: whatever a plan does with a path, `why` says just that.
 * `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer,
 * or again.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { loadConfig } from "../lib/config_loader.ts";
import { explain } from "../lib/explanation.ts";
import type { Action } from "../lib/plan.ts";
import type { Decided } from "../lib/planning.ts";
import { type Cell, RECORDED, UNRECORDED } from "../lib/rules.ts";
import { newRunId, runSync } from "../lib/sync.ts";
import { Editor } from "./random_edits.ts";
import {
  configLines,
  edits,
  HIDING_KINDS,
  KINDS,
  parameters,
  type Scenario,
  scenarios,
} from "./random_office.ts";
import { ALLOWED } from "./random_play.ts";
import { snapshot } from "./random_state.ts";
import { Office } from "./support.ts";

/** The decision that `why` looks into. */
async function decidedOf(office: Office): Promise<Decided> {
  const seen: Decided[] = [];
  await runSync(newRunId(Date.now()), loadConfig(office.config), {
    isDryRun: true,
    acceptRoots: false,
    listUnchanged: true,
    ...ALLOWED,
  }, {
    onOutcome() {},
    onProblem() {},
    onWarning() {},
    onDecided: (decided) => seen.push(decided),
  });
  return seen[0]!;
}

/** Without what only the whole plan knows. */
function plain(actions: readonly Action[]): string[] {
  return actions.filter(({ reason }) => reason !== "nothing changed")
    .map(({ name, path, newPath, rule, side, reason }) =>
      JSON.stringify([name, path, newPath, rule, side, reason])
    ).sort();
}

async function assertWhyIsPlan(office: Office): Promise<void> {
  const planned = await office.run({ isDryRun: true, ...ALLOWED });
  const actions = planned.outcomes.map(({ action }) => action);
  const decided = await decidedOf(office);
  const { cases, plan, merged, settings } = decided;
  const { folders } = merged;
  const { folding } = settings;
  const { ignore } = loadConfig(office.config);
  const basis = { plan, cases, folders, folding, ignore };
  const paths = new Set([
    ...actions.flatMap(({ path, newPath }) => newPath ? [path, newPath] : path),
    ...[office.left, office.right].flatMap((root) => {
      const { files, folders } = snapshot(root);
      return [...files.keys(), ...folders];
    }),
  ]);
  for (const path of paths) {
    const why = explain(path, basis);
    const mine = actions.filter((it) =>
      it.path === path || it.newPath === path
    );
    const told = plain(why.actions);
    for (const line of plain(mine)) {
      assert.ok(told.includes(line), `${path}: ${line} is not told: ${told}`);
    }
    for (const line of told) {
      assert.ok(plain(actions).includes(line), `${path}: ${line} is made up`);
    }
    assertRule(path, why);
  }
}

/** The rule is the plan's, and that of the cell in the tables. */
function assertRule(path: string, why: ReturnType<typeof explain>): void {
  const rules = why.actions.map(({ rule }) => rule);
  if (rules.some((rule) => rule !== null)) {
    assert.ok(rules.includes(why.rule), `${path}: ${why.rule} of ${rules}`);
  } else assert.equal(why.rule, null, path);
  if (why.change === null) return;
  const { left, right } = why.change;
  const table: Readonly<Record<string, Readonly<Record<string, Cell>>>> =
    why.isRecorded ? RECORDED : UNRECORDED;
  const cell = table[left]![right]!;
  if (!("rule" in cell)) return;
  const isNamed = ["5.11", "5.12", "5.13", null].includes(why.rule);
  const isClaimed = why.actions.some(({ name }) => name === "CLASH_CREATE");
  // A file against a folder: a conflict, which the tables of files can't tell.
  const isAgainstFolder = why.folder !== null &&
    ["5.1", "5.2"].includes(why.rule ?? "");
  assert.ok(
    isNamed || isClaimed || isAgainstFolder || why.rule === cell.rule,
    `${path}: ${why.rule}, but the table says ${cell.rule}`,
  );
}

async function play({ settings, rounds }: Scenario): Promise<void> {
  using office = new Office(configLines(settings));
  const editor = new Editor(office, settings);
  for (const edits of rounds) {
    edits.forEach((edit) => editor.apply(edit));
    await assertWhyIsPlan(office);
    await office.run(ALLOWED);
    await assertWhyIsPlan(office);
  }
}

Deno.test("why: rule and actions are those of the plan, whatever is edited", async () => {
  const hiding = fc.array(edits([...KINDS, ...HIDING_KINDS]), {
    maxLength: 10,
  });
  const scenario = fc.tuple(
    scenarios({ isMirrored: false, leavesOpen: true }),
    hiding,
  ).map(([it, last]) => ({ ...it, rounds: [...it.rounds, last] }));
  await fc.assert(fc.asyncProperty(scenario, play), parameters(25));
});
