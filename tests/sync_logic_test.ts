import assert from "node:assert/strict";
import type { Plan } from "../lib/plan_types.ts";
import { POLICIES, type Side } from "../lib/types.ts";
import { FakeDisk } from "./support/fake_disk.ts";
import { decided, type Options } from "./support/fake_merge.ts";
import {
  acts,
  lines,
  mirror,
  mirroredUnordered,
  unordered,
} from "./support/fake_plan.ts";
import {
  but,
  type FakeFile,
  file,
  folder,
  HOUR,
  OLD,
  problem,
  row,
  type SideTree,
  type Situation,
} from "./support/fake_tree.ts";

/**
 * The decision for one recorded path in every combination of what became of
 * it on each side, under every policy, whichever side is newer; each carried
 * out, and mirrored.
 */

const NAME = "a.txt";
const BASE = file("first");
const RECORDED: Record<Side, FakeFile> = {
  left: but(BASE, { ino: 1 }),
  right: but(BASE, { ino: 2 }),
};

/** Everything that can become of a recorded file on one side. */
const STATES: Record<string, (side: Side, mtimeMs: number) => SideTree> = {
  "unchanged": (side) => changed(side, {}),
  "modified": (side, mtimeMs) =>
    changed(side, { content: `${side} edit`, mtimeMs }),
  "modified to the same size": (side, mtimeMs) =>
    changed(side, { content: side.padEnd(5), mtimeMs }),
  "modified as on the other side": (side, mtimeMs) =>
    changed(side, { content: "agreed edit", mtimeMs }),
  "touched": (side, mtimeMs) => changed(side, { mtimeMs }),
  "given mode 600": (side) => changed(side, { mode: 0o600 }),
  "given mode 640": (side) => changed(side, { mode: 0o640 }),
  "renamed to b.txt": (side) => renamed(side, "b.txt", {}),
  "renamed to c.txt": (side) => renamed(side, "c.txt", {}),
  "renamed to b.txt with mode 600": (side) =>
    renamed(side, "b.txt", { mode: 0o600 }),
  "rewritten with the same content": (side) => changed(side, { ino: 77 }),
  "rewritten with other content": (side) =>
    changed(side, { content: side.padEnd(5, "!"), ino: 77 }),
  "deleted": () => ({}),
  "replaced by a folder": () => ({ [NAME]: folder() }),
  "unreadable": (side) => unknown("unreadable", side),
  "ignored": (side) => unknown("ignored", side),
};

function changed(side: Side, how: Partial<FakeFile>): SideTree {
  return { [NAME]: but(RECORDED[side], how) };
}

function renamed(
  side: Side,
  name: string,
  how: Partial<FakeFile>,
): SideTree {
  return { [name]: but(RECORDED[side], how) };
}

function unknown(kind: "unreadable" | "ignored", side: Side): SideTree {
  return { [NAME]: problem(kind, RECORDED[side]) };
}

const TIMES: Record<string, readonly [left: number, right: number]> = {
  "Left is newer": [OLD + 2 * HOUR, OLD + HOUR],
  "Right is newer": [OLD + HOUR, OLD + 2 * HOUR],
  "neither is newer": [OLD + HOUR, OLD + HOUR],
};

const ALL_POLICIES = POLICIES.flatMap((modify_modify) =>
  POLICIES.flatMap((new_new) =>
    POLICIES.map((metadata_conflict) => ({
      modify_modify,
      new_new,
      metadata_conflict,
    }))
  )
);

/** A path that is unchanged stands beside, so this is no first meeting. */
function situation(left: SideTree, right: SideTree): Situation {
  const beside = { "z.txt": file("beside") };
  return {
    record: { [NAME]: row(RECORDED.left, RECORDED.right), ...beside },
    left: { ...left, ...beside },
    right: { ...right, ...beside },
  };
}

for (const [left, makeLeft] of Object.entries(STATES)) {
  Deno.test(`decide(): ${left} on Left, whatever Right came to (section 3)`, () => {
    for (const [right, makeRight] of Object.entries(STATES)) {
      for (const [when, [leftMs, rightMs]] of Object.entries(TIMES)) {
        const it = situation(
          makeLeft("left", leftMs),
          makeRight("right", rightMs),
        );
        const seen = new Set<string>();
        for (const policies of ALL_POLICIES) {
          const about = `${right} on Right, ${when}, ${
            Object.values(policies).join(", ")
          }`;
          const { plan } = decided(it, { policies });
          const done = acts(plan).join();
          if (seen.has(done)) continue;
          seen.add(done);
          checkEnd(it, plan, { policies }, about);
        }
      }
    }
  });
}

/** The plan can be carried out, and ends the matter. */
function checkEnd(
  it: Situation,
  plan: Plan,
  options: Options,
  about: string,
): void {
  const disk = new FakeDisk(it, options);
  disk.carryOut(plan);
  assert.deepEqual(disk.falseRows(), [], about);
  assert.deepEqual(disk.lostOf(it), [], about);
  const again = decided(disk.situation(), options).plan;
  const isOpen = plan.actions.some(({ conflict }) => conflict?.winner === null);
  assert.deepEqual(lines(again), isOpen ? acts(plan) : [], `again, ${about}`);
  if (isOpen || plan.problems.length > 0) return;
  assert.deepEqual(disk.tree("left"), disk.tree("right"), about);
}

/** Newer sides that no tie can hide. */
const UNTIED = {
  "Left is newer": [OLD + 2 * HOUR, OLD + HOUR],
  "Right is newer": [OLD + HOUR, OLD + 2 * HOUR],
} as const;

for (const modify_modify of POLICIES) {
  for (const metadata_conflict of POLICIES) {
    const policies = { modify_modify, metadata_conflict };
    const names = Object.values(policies).join(" and ");
    Deno.test(`decide(mirror(x)) is mirror(decide(x)), ties apart, under ${names}`, () => {
      for (const [left, makeLeft] of Object.entries(STATES)) {
        for (const [right, makeRight] of Object.entries(STATES)) {
          for (const [leftMs, rightMs] of Object.values(UNTIED)) {
            const it = situation(
              makeLeft("left", leftMs),
              makeRight("right", rightMs),
            );
            const { plan } = decided(it, { policies });
            const isTie = plan.actions.some(({ conflict }) =>
              conflict !== null && conflict.versions.left?.mtimeMs ===
                conflict.versions.right?.mtimeMs
            );
            if (isTie) continue;
            const mirrored = decided(mirror(it), { policies }).plan;
            const about = `${left}, ${right}`;
            assert.deepEqual(
              unordered(mirrored),
              mirroredUnordered(plan),
              about,
            );
          }
        }
      }
    });
  }
}
