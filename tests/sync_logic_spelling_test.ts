import assert from "node:assert/strict";
import { POLICIES, type Side } from "../lib/types.ts";
import { FakeDisk } from "./support/fake_disk.ts";
import { decided, IGNORING_CASE, type Options } from "./support/fake_merge.ts";
import { acts, lines } from "./support/fake_plan.ts";
import {
  but,
  type FakeFile,
  file,
  HOUR,
  OLD,
  problem,
  row,
  type SideTree,
  type Situation,
} from "./support/fake_tree.ts";
import { testRows } from "./support/plan_rows.ts";

/**
 * Roots that ignore case: paths pair by key, and a difference in spelling is
 * the name axis. Every combination for one path, then folders.
 */

const NAME = "a.txt";
const BASE = file("first");
const RECORDED = { left: but(BASE, { ino: 1 }), right: but(BASE, { ino: 2 }) };

/** What can become of a recorded file where its spelling may change. */
const STATES: Record<string, (side: Side, mtimeMs: number) => SideTree> = {
  "unchanged": (side) => spelled(side, NAME, {}),
  "modified": (side, mtimeMs) =>
    spelled(side, NAME, { content: `${side} edit`, mtimeMs }),
  "modified as on the other side": (side, mtimeMs) =>
    spelled(side, NAME, { content: "agreed edit", mtimeMs }),
  "touched": (side, mtimeMs) => spelled(side, NAME, { mtimeMs }),
  "given another mode": (side) => spelled(side, NAME, { mode: 0o600 }),
  "respelled A.txt": (side) => spelled(side, "A.txt", {}),
  "respelled a.TXT": (side) => spelled(side, "a.TXT", {}),
  "respelled A.txt and modified": (side, mtimeMs) =>
    spelled(side, "A.txt", { content: `${side} edit`, mtimeMs }),
  "respelled a.TXT and modified as on the other side": (side, mtimeMs) =>
    spelled(side, "a.TXT", { content: "agreed edit", mtimeMs }),
  "respelled a.TXT and touched": (side, mtimeMs) =>
    spelled(side, "a.TXT", { mtimeMs }),
  "deleted": () => ({}),
  "unreadable under another spelling": (side) => ({
    "A.TXT": problem("unreadable", RECORDED[side]),
  }),
};

function spelled(
  side: Side,
  name: string,
  how: Partial<FakeFile>,
): SideTree {
  return { [name]: but(RECORDED[side], how) };
}

const TIMES = {
  "Left is newer": [OLD + 2 * HOUR, OLD + HOUR],
  "Right is newer": [OLD + HOUR, OLD + 2 * HOUR],
  "neither is newer": [OLD + HOUR, OLD + HOUR],
} as const;

for (const [left, makeLeft] of Object.entries(STATES)) {
  Deno.test(`decide(): case ignored, ${left} on Left, whatever Right came to (section 3)`, () => {
    for (const [right, makeRight] of Object.entries(STATES)) {
      for (const [when, [leftMs, rightMs]] of Object.entries(TIMES)) {
        for (const modify_modify of POLICIES) {
          for (const metadata_conflict of POLICIES) {
            const policies = {
              modify_modify,
              metadata_conflict,
              new_new: "clash",
            } as const;
            const it = situation(
              makeLeft("left", leftMs),
              makeRight("right", rightMs),
            );
            const about =
              `${right} on Right, ${when}, ${modify_modify}, ${metadata_conflict}`;
            check(it, { ...IGNORING_CASE, policies }, about);
          }
        }
      }
    }
  });
}

function situation(left: SideTree, right: SideTree): Situation {
  return {
    record: { [NAME]: row(RECORDED.left, RECORDED.right) },
    left,
    right,
  };
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
  assert.deepEqual(disk.lostOf(it), [], about);
  const again = decided(disk.situation(), options).plan;
  const isOpen = acts(plan).some((line) => line.startsWith("OPEN"));
  assert.deepEqual(lines(again), isOpen ? acts(plan) : [], `again, ${about}`);
  if (isOpen || plan.problems.length > 0) return;
  assert.deepEqual(disk.tree("left"), disk.tree("right"), about);
}

const A = but(BASE, { ino: 5 });
const OLD_NAMES = { "docs/a": A, "docs/e/b": A };

testRows([
  {
    it: "renames a folder that differs only so as one action (section 3)",
    record: OLD_NAMES,
    left: { "Docs/a": A, "Docs/e/b": A },
    right: OLD_NAMES,
    options: IGNORING_CASE,
    acts: ["RENAME_RIGHT docs -> Docs (5.11)"],
    records: [],
  },
  {
    it: "lets rows below a respelled folder follow (section 3)",
    record: OLD_NAMES,
    left: { "Docs/a": A, "Docs/E/b": but(A, { content: "edited" }) },
    right: OLD_NAMES,
    options: IGNORING_CASE,
    acts: [
      "RENAME_RIGHT docs -> Docs (5.11)",
      "RENAME_RIGHT Docs/e -> Docs/E (5.11)",
      "COPY_LEFT_TO_RIGHT Docs/E/b (5.3)",
    ],
  },
  {
    it: "only records a folder that both sides respelled alike (section 3)",
    record: OLD_NAMES,
    left: { "Docs/a": A, "Docs/e/b": A },
    right: { "Docs/a": A, "Docs/e/b": A },
    options: IGNORING_CASE,
    acts: [],
    records: ["record move-directory docs -> Docs"],
  },
  {
    it: "takes Left's spelling where both gave a folder a new one (R 5.13)",
    record: OLD_NAMES,
    left: { "Docs/a": A, "Docs/e/b": A },
    right: { "DOCS/a": A, "DOCS/e/b": A },
    options: IGNORING_CASE,
    acts: ["RENAME_RIGHT DOCS -> Docs (5.13)"],
    isTie: true,
  },
  {
    it:
      "leaves a folder with two new spellings to a person, all below frozen (section 4)",
    record: OLD_NAMES,
    left: { "Docs/a": but(A, { content: "edited" }), "Docs/e/b": A },
    right: { "DOCS/a": A, "DOCS/e/b": A, "DOCS/new": A },
    options: { ...IGNORING_CASE, policies: { metadata_conflict: "notify" } },
    acts: ["OPEN Docs (5.13)"],
    records: [],
    isTie: true,
  },
  {
    it:
      "takes Left's spelling of a folder that is new on both sides (section 3)",
    left: { "Docs/a": A },
    right: { "docs/b": A },
    options: IGNORING_CASE,
    acts: [
      "RENAME_RIGHT docs -> Docs (5.11)",
      "COPY_LEFT_TO_RIGHT Docs/a (5.9)",
      "COPY_RIGHT_TO_LEFT Docs/b (5.10)",
    ],
    isTie: true,
  },
  {
    it:
      "drops the rows of a folder that was respelled here and removed there (R 5.7)",
    record: OLD_NAMES,
    right: { "Docs/a": A, "Docs/e/b": A },
    options: IGNORING_CASE,
    acts: [
      "SOFT_DELETE_RIGHT Docs/a (5.7)",
      "SOFT_DELETE_RIGHT Docs/e/b (5.7)",
      "REMOVE_DIR_RIGHT Docs/e (5.7)",
      "REMOVE_DIR_RIGHT Docs (5.7)",
    ],
  },
  {
    it: "leaves two names of one key in a folder alone (section 1)",
    record: { a: A },
    left: { a: A, A: but(A, { content: "another" }) },
    right: { a: but(A, { content: "edited" }) },
    options: { traits: { right: { ignoresCase: true } } },
    acts: [],
    records: [],
    problems: ["left/A: twins"],
  },
  {
    it:
      "leaves a file and a folder of one key alone, all below too (section 1)",
    left: { "d/x": A, D: A },
    options: { traits: { right: { ignoresCase: true } } },
    acts: [],
    problems: ["left/d: twins"],
  },
  {
    it: "has no twins where both roots tell cases apart (section 1)",
    left: { a: A, A: A },
    acts: ["COPY_LEFT_TO_RIGHT A (5.9)", "COPY_LEFT_TO_RIGHT a (5.9)"],
  },
]);

const WINDOWS = { traits: { right: { hasWindowsNames: true } } };

testRows([
  {
    it: "leaves a name alone that the other root can't hold (section 1)",
    left: { "a:b.txt": A, "con": A, "end.": A, "fine.txt": A },
    options: WINDOWS,
    acts: ["COPY_LEFT_TO_RIGHT fine.txt (5.9)"],
    problems: ["left/a:b.txt: name", "left/con: name", "left/end.: name"],
  },
  {
    it:
      "leaves all below a folder alone whose name the other root can't hold (section 1)",
    left: { "a?/b": A, "a?/c/d": A },
    options: WINDOWS,
    acts: [],
    problems: ["left/a?: name"],
  },
  {
    it:
      "does not take a rename to a name the other root can't hold for a deletion (section 2)",
    record: { a: A },
    left: { "a?": A },
    right: { a: A },
    options: WINDOWS,
    acts: [],
    records: [],
    problems: ["left/a?: name", "left/a: elsewhere"],
  },
  {
    it: "asks nothing of a name that both roots hold already (section 1)",
    record: { "a:b": A },
    left: { "a:b": but(A, { content: "edited" }) },
    right: { "a:b": A },
    options: WINDOWS,
    acts: ["COPY_LEFT_TO_RIGHT a:b (5.3)"],
  },
  {
    it: "asks nothing of names in a root that holds them (section 1)",
    right: { "a:b": A },
    options: WINDOWS,
    acts: ["COPY_RIGHT_TO_LEFT a:b (5.10)"],
  },
]);
