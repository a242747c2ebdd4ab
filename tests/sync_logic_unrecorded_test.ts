import assert from "node:assert/strict";
import { POLICIES, type Policy, type Side } from "../lib/types.ts";
import { clash } from "./support/expected_plan.ts";
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
  type FakeFile,
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

type Kind = "nothing" | "file" | "folder" | "unknown";

/** Everything that can stand at an unrecorded path on one side. */
const STATES: Record<string, {
  readonly kind: Kind;
  make(side: Side, mtimeMs: number): SideTree;
}> = {
  "absent": { kind: "nothing", make: () => ({}) },
  "a file": {
    kind: "file",
    make: (side, mtimeMs) => ({ [NAME]: file(`${side} text`, { mtimeMs }) }),
  },
  "a file of equal size": {
    kind: "file",
    make: (side, mtimeMs) => ({ [NAME]: file(side.padEnd(5), { mtimeMs }) }),
  },
  "a file with the same content": {
    kind: "file",
    make: (_side, mtimeMs) => ({ [NAME]: file("agreed text", { mtimeMs }) }),
  },
  "an empty folder": { kind: "folder", make: () => ({ [NAME]: folder() }) },
  "a folder with a file": {
    kind: "folder",
    make: () => ({ [`${NAME}/x`]: WITHIN }),
  },
  "unreadable": {
    kind: "unknown",
    make: () => ({ [NAME]: problem("unreadable") }),
  },
  "an unreadable folder": {
    kind: "unknown",
    make: () => ({ [NAME]: problem("unreadable", folder()) }),
  },
  "ignored": {
    kind: "unknown",
    make: () => ({ [NAME]: problem("ignored", file("any")) }),
  },
};

const COPY = {
  left: (path: string) => `COPY_RIGHT_TO_LEFT ${path} (5.10)`,
  right: (path: string) => `COPY_LEFT_TO_RIGHT ${path} (5.9)`,
};
const CREATE = {
  left: `CREATE_DIR_LEFT ${NAME} (5.10)`,
  right: `CREATE_DIR_RIGHT ${NAME} (5.9)`,
};

const across = (side: Side): Side => side === "left" ? "right" : "left";

/** The table of section 3 for unrecorded paths, and its footnotes. */
function expected(
  it: Pick<Situation, Side>,
  kinds: Readonly<Record<Side, Kind>>,
  newNew: Policy,
): string[] {
  if (kinds.left === "unknown" || kinds.right === "unknown") return [];
  const within = (["left", "right"] as const).flatMap((side) => {
    const isThere = `${NAME}/x` in it[side];
    const isOnOther = `${NAME}/x` in it[across(side)];
    return isThere && !isOnOther ? [COPY[across(side)](`${NAME}/x`)] : [];
  });
  for (const side of ["left", "right"] as const) {
    const other = across(side);
    if (kinds[other] === "nothing") {
      if (kinds[side] === "file") return [COPY[other](NAME)];
      if (kinds[side] === "folder") return [CREATE[other], ...within];
    }
    if (kinds[side] === "file" && kinds[other] === "folder") {
      const version = it[side][NAME] as FakeFile;
      return newNew === "notify"
        ? [`OPEN ${NAME} (5.2)`]
        : [clash(NAME, version, side, "5.2"), CREATE[side], ...within];
    }
  }
  if (kinds.left !== "file") return within;
  const left = it.left[NAME] as FakeFile;
  const right = it.right[NAME] as FakeFile;
  const loser: Side = right.mtimeMs > left.mtimeMs ? "left" : "right";
  const copy = COPY[loser](NAME).replace(/5\.\d+/, "5.2");
  if (left.content === right.content) {
    return left.mtimeMs === right.mtimeMs
      ? []
      : [`RENAME_${loser.toUpperCase()} ${NAME} +time`];
  }
  switch (newNew) {
    case "notify":
      return [`OPEN ${NAME} (5.2)`];
    case "overwrite":
      return [copy.replace(" (", " keeping (")];
    case "clash":
      return [clash(NAME, { left, right }[loser], loser, "5.2"), copy];
  }
}

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
  for (const [right, ofRight] of Object.entries(STATES)) {
    Deno.test(`decide(): not recorded, ${left} on Left, ${right} on Right (section 3)`, () => {
      const kinds = { left: ofLeft.kind, right: ofRight.kind };
      for (const [when, [leftMs, rightMs]] of Object.entries(TIMES)) {
        const it = situation(
          ofLeft.make("left", leftMs),
          ofRight.make("right", rightMs),
        );
        for (const new_new of POLICIES) {
          for (const others of POLICIES) {
            const policies = {
              new_new,
              modify_modify: others,
              metadata_conflict: others,
            };
            const wanted = expected(it, kinds, new_new);
            const about = `${when}, ${new_new}, others ${others}`;
            check(it, { policies }, wanted, about);
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
    });
  }
}

/** The plan is as wanted, can be carried out, and ends the matter. */
function check(
  it: Situation,
  options: Options,
  wanted: readonly string[],
  about: string,
): void {
  const { plan } = decided(it, options);
  assert.deepEqual(acts(plan), wanted, about);
  const disk = new FakeDisk(it, options);
  disk.carryOut(plan);
  assert.deepEqual(disk.falseRows(), [], about);
  const again = decided(disk.situation(), options).plan;
  const isOpen = wanted.some((line) => line.startsWith("OPEN"));
  assert.deepEqual(lines(again), isOpen ? wanted : [], `again, ${about}`);
  if (isOpen || plan.problems.length > 0) return;
  assert.deepEqual(disk.tree("left"), disk.tree("right"), about);
}
