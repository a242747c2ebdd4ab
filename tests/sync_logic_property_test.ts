import fc from "fast-check";
import assert from "node:assert/strict";
import { NO_FOLDING } from "../lib/paths.ts";
import type { Plan } from "../lib/plan_types.ts";
import { POLICIES } from "../lib/types.ts";
import { FakeDisk } from "./support/fake_disk.ts";
import { edits, situationOf } from "./support/fake_edits.ts";
import { decided, IGNORING_CASE, type Options } from "./support/fake_merge.ts";
import {
  acts,
  lines,
  mirror,
  mirroredUnordered,
  told,
  unordered,
} from "./support/fake_plan.ts";
import {
  but,
  type FakeFile,
  HOUR,
  type Situation,
} from "./support/fake_tree.ts";

/**
 * What holds of every plan, on random edits of both sides (section 8). A
 * failure prints its seed; run it again with `fc.assert(…, { seed })`.
 */

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const RUNS = { numRuns: 200 };

const policy = fc.constantFrom(...POLICIES);
const policies = fc.record({
  modify_modify: policy,
  new_new: policy,
  metadata_conflict: policy,
});

/** Roots that tell cases apart, and roots that don't. */
const ROOTS = [
  { name: "", options: { isFirstMeeting: false }, folding: NO_FOLDING },
  {
    name: ", case ignored",
    options: { ...IGNORING_CASE, isFirstMeeting: false },
    folding: { ...NO_FOLDING, ignoresCase: true },
  },
] as const;

/** A plan that only keeps conflicts open has nothing left to do. */
function checkSettled(it: Situation, options: Options): void {
  const { plan } = decided(it, options);
  const isOpen = plan.actions.some(({ conflict }) => conflict !== null);
  const open = acts(plan).filter((line) => line.startsWith("OPEN"));
  assert.deepEqual(acts(plan), open, "a second run");
  if (!isOpen) assert.deepEqual(lines(plan), [], "a second run");
}

for (const { name, options, folding } of ROOTS) {
  Deno.test(`decide(): both sides agree after one run, nothing is lost, a second run is empty${name} (section 8)`, () => {
    fc.assert(
      fc.property(edits(folding.ignoresCase), (made) => {
        const it = situationOf(made, folding);
        const disk = new FakeDisk(it, options);
        disk.carryOut(decided(it, options).plan);
        assert.deepEqual(disk.tree("left"), disk.tree("right"));
        assert.deepEqual(disk.falseRows(), []);
        assert.deepEqual(disk.lostOf(it), []);
        checkSettled(disk.situation(), options);
      }),
      RUNS,
    );
  });

  Deno.test(`decide(): the same under any policies${name} (section 8)`, () => {
    fc.assert(
      fc.property(edits(folding.ignoresCase), policies, (made, chosen) => {
        const it = situationOf(made, folding);
        const all = { ...options, policies: chosen };
        const disk = new FakeDisk(it, all);
        const { plan } = decided(it, all);
        disk.carryOut(plan);
        assert.deepEqual(disk.falseRows(), []);
        assert.deepEqual(disk.lostOf(it), []);
        checkSettled(disk.situation(), all);
        const isOpen = plan.actions.some(({ conflict }) =>
          conflict?.winner === null
        );
        if (!isOpen) assert.deepEqual(disk.tree("left"), disk.tree("right"));
      }),
      RUNS,
    );
  });

  Deno.test(`decide(): whatever fails, the rest goes on and the next run ends it${name} (sections 5, 8)`, () => {
    const failing = fc.uniqueArray(fc.nat(8), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        edits(folding.ignoresCase),
        policies,
        failing,
        (made, chosen, which) => {
          const it = situationOf(made, folding);
          const all = { ...options, policies: chosen };
          const first = new FakeDisk(it, all);
          first.carryOut(
            decided(it, all).plan,
            (index) => which.includes(index),
          );
          assert.deepEqual(first.lostOf(it), []);
          assert.deepEqual(first.falseRows(), []);
          const between = first.situation();
          const second = new FakeDisk(between, all);
          second.carryOut(decided(between, all).plan);
          assert.deepEqual(second.lostOf(between), []);
          checkSettled(second.situation(), all);
        },
      ),
      RUNS,
    );
  });

  Deno.test(`decide(mirror(x)) is mirror(decide(x)) on random edits${name} (section 8)`, () => {
    fc.assert(
      fc.property(edits(folding.ignoresCase), policies, (made, chosen) => {
        const it = withoutTies(situationOf(made, folding));
        const all = { ...options, policies: chosen };
        const { plan } = decided(it, all);
        fc.pre(!hasTie(plan));
        const mirrored = decided(mirror(it), all).plan;
        if (isInWords(plan)) {
          const words = plan.actions.map((action) => told(mirror(action)));
          assert.deepEqual(lines(mirrored).sort(), words.sort());
          return;
        }
        assert.deepEqual(unordered(mirrored), mirroredUnordered(plan));
      }),
      RUNS,
    );
  });
}

/** Every file of Right is a little newer than any of Left. */
function withoutTies(it: Situation): Situation {
  const newer = (file: FakeFile) =>
    but(file, { mtimeMs: file.mtimeMs + HOUR / 2 });
  const right = Object.entries(it.right).map(([path, entry]) =>
    [path, entry.kind === "file" ? newer(entry) : entry] as const
  );
  const record = Object.entries(it.record).map(([path, row]) =>
    [
      path,
      row.kind === "row" ? { ...row, right: newer(row.right) } : row,
    ] as const
  );
  return {
    left: it.left,
    record: Object.fromEntries(record),
    right: Object.fromEntries(right),
  };
}

/** Folders have no mtime: of two new names Left's is taken. */
function hasTie({ actions }: Plan): boolean {
  return actions.some(({ conflict, work }) =>
    work.kind === "rename-directory" && work.rowPath === null ||
    conflict?.kind === "metadata_conflict" && conflict.versions.left === null
  );
}

/** Of two renames of one file the first goes first: only words are compared. */
function isInWords({ actions }: Plan): boolean {
  const names = new Set(actions.map(({ name }) => name));
  return names.has("RENAME_LEFT") && names.has("RENAME_RIGHT");
}
