import assert from "node:assert/strict";
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
  file,
  folder,
  HOUR,
  OLD,
  problem,
  type SideTree,
  type Situation,
} from "./support/fake_tree.ts";

/**
 * The decision for one path that is not recorded, in every combination, and
 * what counts as the same content on a first meeting and later.
 */

const NAME = "a.txt";
const WITHIN = file("within");

/** Everything that can stand at an unrecorded path on one side. */
const STATES: Record<string, (side: Side, mtimeMs: number) => SideTree> = {
  "absent": () => ({}),
  "a file": (side, mtimeMs) => ({ [NAME]: file(`${side} text`, { mtimeMs }) }),
  "a file of equal size": (side, mtimeMs) => ({
    [NAME]: file(side.padEnd(5), { mtimeMs }),
  }),
  "a file with the same content": (_side, mtimeMs) => ({
    [NAME]: file("agreed text", { mtimeMs }),
  }),
  "an empty folder": () => ({ [NAME]: folder() }),
  "a folder with a file": () => ({ [`${NAME}/x`]: WITHIN }),
  "unreadable": () => ({ [NAME]: problem("unreadable") }),
  "an unreadable folder": () => ({ [NAME]: problem("unreadable", folder()) }),
  "ignored": () => ({ [NAME]: problem("ignored", file("any")) }),
};

const TIMES: Record<string, readonly [left: number, right: number]> = {
  "Left is newer": [OLD + 2 * HOUR, OLD + HOUR],
  "Right is newer": [OLD + HOUR, OLD + 2 * HOUR],
  "neither is newer": [OLD + HOUR, OLD + HOUR],
};

/** A recorded path stands beside, so this is no first meeting. */
function situation(left: SideTree, right: SideTree): Situation {
  const beside = { "z.txt": file("beside") };
  const sides = {
    left: { ...left, ...beside },
    right: { ...right, ...beside },
  };
  return { record: beside, ...sides };
}

for (const [left, ofLeft] of Object.entries(STATES)) {
  Deno.test(`decide(): not recorded, ${left} on Left, whatever Right came to (section 3)`, () => {
    for (const [right, ofRight] of Object.entries(STATES)) {
      for (const [when, [leftMs, rightMs]] of Object.entries(TIMES)) {
        const it = situation(
          ofLeft("left", leftMs),
          ofRight("right", rightMs),
        );
        for (const new_new of POLICIES) {
          for (const others of POLICIES) {
            const policies = {
              new_new,
              modify_modify: others,
              metadata_conflict: others,
            };
            const about =
              `${right} on Right, ${when}, ${new_new}, others ${others}`;
            check(it, { policies }, about);
            if (leftMs === rightMs) continue;
            const { plan } = decided(it, { policies });
            const mirrored = decided(mirror(it), { policies }).plan;
            assert.deepEqual(
              unordered(mirrored),
              mirroredUnordered(plan),
              `mirrored, ${about}`,
            );
          }
        }
      }
    }
  });
}

/** The plan can be carried out, and ends the matter. */
function check(
  it: Situation,
  options: Options,
  about: string,
): void {
  const { plan } = decided(it, options);
  const disk = new FakeDisk(it, options);
  disk.carryOut(plan);
  assert.deepEqual(disk.falseRows(), [], about);
  assert.deepEqual(disk.lostOf(it), [], about);
  const again = decided(disk.situation(), options).plan;
  const isOpen = acts(plan).some((line) => line.startsWith("OPEN"));
  assert.deepEqual(lines(again), isOpen ? acts(plan) : [], `again, ${about}`);
  if (isOpen || plan.problems.length > 0) return;
  assert.deepEqual(disk.tree("left"), disk.tree("right"), about);
}
