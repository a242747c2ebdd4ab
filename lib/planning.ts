/**
 * From what was found and recorded to a plan: decides, reads what decisions
 * depend on, and decides again.
 *
 * @module
 */
import {
  addedActions,
  openAsListed,
  type Refusal,
  rulingOn,
  type Settling,
} from "./conflict.ts";
import type { Interrupt } from "./interrupt.ts";
import type { Meter } from "./meter.ts";
import type { Merged, RecordView } from "./plan_merge.ts";
import type { Answer, Plan } from "./plan_types.ts";
import { inPieces, type Root } from "./root_files.ts";
import type { Outcome } from "./run_result.ts";
import type { StateDb } from "./state_db.ts";
import type { RecordStore } from "./state_record.ts";
import { listedConflict } from "./state_runs.ts";
import { type Case, decide, type DecisionSettings } from "./sync_logic.ts";
import type { Both } from "./types.ts";

/** A plan, and what led to it. */
export interface Decided {
  readonly plan: Plan;
  /** Every path with something to do or to record. */
  readonly cases: readonly Case[];
  readonly merged: Merged;
  readonly settings: DecisionSettings;
}

/**
 * The record, read folder by folder.
 *
 * @param record The stored record.
 */
export function viewOf(record: RecordStore): RecordView {
  return {
    directories: record.directories(),
    filesIn: (folder) => record.filesIn(folder),
    countBelow: (folder) => record.countBelow(folder),
    foldersWithout: (side, wanted) => record.foldersWithout(side, wanted),
  };
}

/** What goes on while files are read. */
export interface WhileReading {
  /** Asked whether to go on. */
  readonly interrupt: Interrupt;
  /** Counts what is read. */
  readonly meter?: Meter;
}

/**
 * Decides, reads what decisions depend on, and decides again.
 *
 * @param merged What was found and recorded.
 * @param roots Both roots.
 * @param settings What decides besides.
 * @param reading Who counts, and who may break it off.
 * @throws {InterruptedError} The run is to end.
 */
export async function decideReading(
  merged: Merged,
  roots: Both<Root>,
  settings: DecisionSettings,
  { interrupt, meter }: WhileReading,
): Promise<Decided> {
  const answers = new Map<string, Answer>();
  for (;;) {
    await interrupt.pass();
    meter?.begin("decide");
    const decision = decide(merged, answers, settings);
    if (decision.kind === "plan") {
      const { plan, cases } = decision;
      return { plan, cases, merged, settings };
    }
    // Most runs have nothing to read.
    const { answering } = await import("./files_read.ts");
    const files = decision.questions.size;
    meter?.begin("compare", { files, bytes: null });
    for (const [id, question] of decision.questions) {
      const onBytes = (bytes: number) => meter?.add(0, bytes);
      const reading = answering(question, roots, onBytes);
      answers.set(id, await inPieces(reading, () => interrupt.pass()));
      meter?.add(1, 0);
    }
  }
}

/**
 * Of a plan that leaves a conflict open, what it takes to settle that one.
 *
 * @param decided The plan in which it is open.
 * @param settling What a person asks for.
 * @param db The state DB, which lists what the person has seen.
 * @param roots Both roots.
 * @param interrupt Asked whether to go on.
 * @returns A plan for that conflict alone, or why there is none.
 * @throws {InterruptedError} The run is to end.
 */
export async function settlingPlan(
  decided: Decided,
  settling: Settling,
  db: StateDb,
  roots: Both<Root>,
  interrupt: Interrupt,
): Promise<Plan | Refusal> {
  const { plan, merged, settings } = decided;
  const listed = listedConflict(db, settling.path);
  const conflict = openAsListed(plan, listed, settling);
  if ("stop" in conflict) return conflict;
  const ruling = rulingOn(conflict, settling.take, settings.folding);
  const ruled = await decideReading(
    merged,
    roots,
    { ...settings, ruling },
    { interrupt },
  );
  const actions = addedActions(ruled.plan, plan);
  return { ...plan, actions, problems: [] };
}

/**
 * What a plan that is only shown comes to.
 *
 * @param plan The plan.
 * @param listener Told of each outcome.
 */
export function plannedOutcomes(
  plan: Plan,
  listener: { onOutcome(outcome: Outcome): void },
): Outcome[] {
  return plan.actions.map((action) => {
    const { newPath } = action;
    const detail = { detail: null, newPath, error: null };
    const outcome: Outcome = { action, kind: "planned", ...detail };
    listener.onOutcome(outcome);
    return outcome;
  });
}
