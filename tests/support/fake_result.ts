/**
 * Results of runs that never ran: a situation is decided and every action is
 * taken for done.
 *
 * @module
 */
import type { Action } from "../../lib/plan_types.ts";
import type { Outcome, RunResult } from "../../lib/run_types.ts";
import { decided, type Options, type Situation } from "./literal_plans.ts";
import { situationOf } from "./literal_disk.ts";

/** A run that did all it had to. */
export function resultOf(
  it: Partial<Situation>,
  more: Partial<RunResult> = {},
  options: Options = {},
): RunResult {
  const { plan } = decided(situationOf(it), options);
  const isDryRun = more.isDryRun ?? false;
  return {
    id: "20260520-120000-ab12",
    startedAtMs: Date.UTC(2026, 4, 20, 12),
    finishedAtMs: Date.UTC(2026, 4, 20, 12, 0, 1, 500),
    isDryRun,
    outcomes: plan.actions.map((action) => outcomeOf(action, isDryRun)),
    problems: plan.problems,
    waiting: plan.waiting,
    untouched: 0,
    pruned: { files: 0, bytes: 0 },
    stop: null,
    exitCode: 0,
    ...more,
  };
}

function outcomeOf(action: Action, isDryRun: boolean): Outcome {
  const isOpen = action.conflict !== null && action.conflict.winner === null;
  const kind = isDryRun ? "planned" : isOpen ? "skipped" : "done";
  const { newPath } = action;
  return { action, kind, detail: null, newPath, error: null };
}

/** The same run, some of its actions having come to something else. */
export function withOutcomes(
  result: RunResult,
  change: (outcome: Outcome) => Partial<Outcome>,
): RunResult {
  const outcomes = result.outcomes.map((outcome) => ({
    ...outcome,
    ...change(outcome),
  }));
  return { ...result, outcomes };
}
