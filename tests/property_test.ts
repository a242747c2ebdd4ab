/**
 * Random trees and random edits on both sides, several rounds, on real
 * folders. `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run
 * it longer, or again.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { RunResult } from "../lib/run_types.ts";
import { otherSide, type Policy, SIDES } from "../lib/types.ts";
import {
  assertCases,
  configLines,
  Editor,
  type Scenario,
  scenarios,
  type Snapshot,
  stateOf,
  swapMarks,
} from "./support/random_cases.ts";
import { ALLOWED, play } from "./support/random_runs.ts";
import { MemoryOffice } from "./support/support.ts";

Deno.test("whatever is edited, both sides agree after a run and nothing is lost", async () => {
  const scenario = scenarios({ isMirrored: false, leavesOpen: false });
  await assertCases(scenario, (it) => play(it));
});

Deno.test("with conflicts left to a person, all else agrees and nothing is lost", async () => {
  const scenario = scenarios({ isMirrored: false, leavesOpen: true });
  await assertCases(scenario, (it) => play(it));
});

Deno.test("with sides swapped, a run does the mirrored thing", async () => {
  const scenario = scenarios({ isMirrored: true, leavesOpen: true });
  await assertCases(scenario, playMirrored);
});

async function playMirrored({ settings, rounds }: Scenario): Promise<void> {
  using office = new MemoryOffice(configLines(settings));
  const { policy, namePolicy } = settings;
  const swap = (it: Policy) =>
    it === "left" || it === "right" ? otherSide(it) : it;
  using swapped = new MemoryOffice(configLines({
    ...settings,
    policy: swap(policy),
    namePolicy: swap(namePolicy),
  }));
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
      assert.deepEqual(
        lines(other.trees[otherSide(side)]).map(swapMarks).sort(),
        lines(trees[side]).sort(),
        "the mirrored trees",
      );
    }
  }
}

/** Everything in a tree, in one line each. */
function lines({ files, folders }: Snapshot): string[] {
  const ofFiles = [...files].map(([path, { content, mtimeMs }]) =>
    JSON.stringify([path, content, mtimeMs])
  );
  return [...ofFiles, ...folders];
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
  // Each run has a soft-delete folder of its own.
  return JSON.stringify([kind, ...words, detail]).replaceAll(
    /(\.office-sync\/deleted\/)[^/]+/g,
    "$1run",
  );
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
    detail: outcome.detail && swapMarks(outcome.detail),
  };
}
