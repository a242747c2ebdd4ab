/**
 * A table of situations with the plan that each must lead to. Every row is
 * decided, carried out, decided again, and seen in a mirror.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Plan } from "../../lib/plan_types.ts";
import { FakeDisk } from "./fake_disk.ts";
import { decided, type Options } from "./fake_merge.ts";
import {
  acts,
  lines,
  mirror,
  mirroredUnordered,
  told,
  unordered,
} from "./fake_plan.ts";
import type { RecordTree, SideTree, Situation } from "./fake_tree.ts";

/** A situation and what must come of it. */
export interface PlanRow {
  /** A sentence of the contract. */
  readonly it: string;
  readonly record?: RecordTree;
  readonly left?: SideTree;
  readonly right?: SideTree;
  readonly options?: Options;
  /** What happens on disk or stays open, in order. */
  readonly acts: readonly string[];
  /** What only the record learns, in order. */
  readonly records?: readonly string[];
  /** What is read. */
  readonly asked?: readonly string[];
  /** `left/a.txt: unreadable`, ignored paths apart. */
  readonly problems?: readonly string[];
  /** Left wins because neither side is newer: no mirror. */
  readonly isTie?: boolean;
  /** Times differ between the sides, and stay so. */
  readonly keepsTimes?: boolean;
  /** What a second run finds, where that is something. */
  readonly again?: readonly string[];
}

/** Makes a test of each row. */
export function testRows(rows: readonly PlanRow[]): void {
  for (const row of rows) Deno.test(`decide() ${row.it}`, () => check(row));
}

function check(row: PlanRow): void {
  const it = situationOf(row);
  const { plan, asked } = decided(it, row.options);
  assert.deepEqual(acts(plan), row.acts);
  if (row.records) {
    const records = lines(plan).filter((line) => line.startsWith("record "));
    assert.deepEqual(records.sort(), [...row.records].sort());
  }
  if (row.asked) assert.deepEqual(asked, row.asked);
  const problems = plan.problems.filter(({ kind }) => kind !== "ignored")
    .map(({ side, path, kind }) => `${side}/${path}: ${kind}`);
  assert.deepEqual(problems, row.problems ?? []);
  checkEnd(it, plan, row);
  if (row.isTie) return;
  const mirrored = decided(mirror(it), mirror(row.options)).plan;
  assert.deepEqual(unordered(mirrored), mirroredUnordered(plan), "mirrored");
}

/** A row as a situation. */
export function situationOf(row: Partial<Situation>): Situation {
  const { record = {}, left = {}, right = {} } = row;
  return { record, left, right };
}

/** The plan can be carried out, and a second run finds nothing. */
function checkEnd(it: Situation, plan: Plan, row: PlanRow): void {
  const disk = new FakeDisk(it, row.options);
  disk.carryOut(plan);
  assert.deepEqual(disk.falseRows(), []);
  const again = decided(disk.situation(), row.options).plan;
  const open = plan.actions.filter(({ work }) => work.kind === "none");
  assert.deepEqual(lines(again), row.again ?? open.map(told), "again");
  const isLeft = open.length + plan.problems.length + plan.waiting.length > 0;
  if (isLeft || row.keepsTimes) return;
  assert.deepEqual(disk.tree("left"), disk.tree("right"), "both sides agree");
}
