import fc from "fast-check";
import assert from "node:assert/strict";
import { GuardError } from "../lib/errors.ts";
import {
  type Allowances,
  guardPlan,
  type SafetyLimits,
} from "../lib/plan_guard.ts";
import type { PlanCounts } from "../lib/plan_types.ts";
import { SIDES } from "../lib/types.ts";

/** The guards that look at a plan as a whole (section 7). */

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const DEFAULTS: SafetyLimits = {
  maxDeletePercent: 50,
  maxDeleteFiles: 10,
  maxChangePercent: 50,
  maxChangeFiles: 200,
};
const NOTHING_ALLOWED: Allowances = { deletes: false, changes: false };
const NONE = { left: 0, right: 0 };

/** The guard that stops a plan, or null. */
function stopOf(
  counts: Partial<PlanCounts>,
  recorded: number,
  limits: Partial<SafetyLimits> = {},
  allowed: Partial<Allowances> = {},
): GuardError | null {
  try {
    guardPlan(
      { deleted: NONE, replaced: NONE, modified: NONE, ...counts },
      recorded,
      { ...DEFAULTS, ...limits },
      { ...NOTHING_ALLOWED, ...allowed },
    );
    return null;
  } catch (error) {
    assert.ok(error instanceof GuardError);
    return error;
  }
}

/** [what, files, of how many recorded, limits, whether it stops] */
const DELETIONS: readonly [
  string,
  number,
  number,
  Partial<SafetyLimits>,
  boolean,
][] = [
  ["more than both limits", 11, 20, {}, true],
  ["exactly 10 files", 10, 10, {}, false],
  ["11 files of 22: exactly 50 %", 11, 22, {}, false],
  ["11 files of 21: more than 50 %", 11, 21, {}, true],
  ["many files, but few of all", 5000, 10_001, {}, false],
  ["one more than half of many", 5001, 10_001, {}, true],
  ["all of few files", 9, 9, {}, false],
  ["nothing at all", 0, 0, {}, false],
  ["any deletion where both limits are 0", 1, 100, {
    maxDeletePercent: 0,
    maxDeleteFiles: 0,
  }, true],
  ["all files where 100 % may go", 100, 100, { maxDeletePercent: 100 }, false],
];

for (const [what, files, recorded, limits, stops] of DELETIONS) {
  Deno.test(`guardPlan() ${stops ? "stops" : "lets through"} mass deletion: ${what} (section 7)`, () => {
    for (const side of SIDES) {
      const counts = { deleted: { ...NONE, [side]: files } };
      const stop = stopOf(counts, recorded, limits);
      assert.equal(stop?.guard, stops ? "mass deletion" : undefined, side);
      assert.equal(stopOf(counts, recorded, limits, { deletes: true }), null);
      const other = stopOf(counts, recorded, limits, { changes: true });
      assert.equal(other !== null, stops, "--allow-changes allows no deletion");
    }
  });
}

/** [what, files, of how many recorded, limits, whether it stops] */
const CHANGES: readonly [
  string,
  number,
  number,
  Partial<SafetyLimits>,
  boolean,
][] = [
  ["more than both limits", 201, 400, {}, true],
  ["exactly 200 files", 200, 200, {}, false],
  ["201 files of 402: exactly 50 %", 201, 402, {}, false],
  ["201 files of 401: more than 50 %", 201, 401, {}, true],
  ["all of few files", 150, 150, {}, false],
  ["any change where both limits are 0", 1, 100, {
    maxChangePercent: 0,
    maxChangeFiles: 0,
  }, true],
];

for (const [what, files, recorded, limits, stops] of CHANGES) {
  Deno.test(`guardPlan() ${stops ? "stops" : "lets through"} mass change: ${what} (section 7)`, () => {
    for (const side of SIDES) {
      const counts = { modified: { ...NONE, [side]: files } };
      const stop = stopOf(counts, recorded, limits);
      assert.equal(stop?.guard, stops ? "mass change" : undefined, side);
      assert.equal(stopOf(counts, recorded, limits, { changes: true }), null);
      const other = stopOf(counts, recorded, limits, { deletes: true });
      assert.equal(other !== null, stops, "--allow-deletes allows no change");
    }
  });
}

Deno.test("guardPlan() adds up no two sides (section 7)", () => {
  const half = { left: 8, right: 8 };
  assert.equal(stopOf({ deleted: half }, 20), null);
  assert.equal(stopOf({ modified: { left: 150, right: 150 } }, 300), null);
});

Deno.test("guardPlan() stops just where both limits are exceeded (section 7)", () => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.nat(1000),
      fc.nat(100),
      fc.nat(500),
      (files, recorded, maxDeletePercent, maxDeleteFiles) => {
        const limits = { maxDeletePercent, maxDeleteFiles };
        const counts = { deleted: { left: files, right: 0 } };
        const isTooMuch = files > maxDeleteFiles &&
          files * 100 > recorded * maxDeletePercent;
        assert.equal(stopOf(counts, recorded, limits) !== null, isTooMuch);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("guardPlan() says what it saw, on which side, and the exact next step", () => {
  const deletion = stopOf({ deleted: { left: 0, right: 30 } }, 40);
  assert.equal(deletion?.exitCode, 3);
  assert.match(deletion!.message, /30 of 40 recorded files are gone on Right/);
  assert.match(deletion!.message, /would remove them on Left/);
  assert.match(deletion!.message, /Nothing was changed/);
  assert.match(deletion!.hint!, /--allow-deletes/);
  assert.doesNotMatch(deletion!.message, /renamed/);
  const change = stopOf({ modified: { left: 300, right: 0 } }, 400);
  assert.equal(change?.exitCode, 3);
  assert.match(change!.message, /300 of 400 recorded files changed on Left/);
  assert.match(change!.message, /would replace them on Right/);
  assert.match(change!.hint!, /--allow-changes/);
});

Deno.test("guardPlan() says how many new files have the sizes of what is gone", () => {
  const gone = { deleted: { left: 30, right: 0 } };
  const renamed = { ...gone, replaced: { left: 29, right: 4 } };
  const many = stopOf(renamed, 30);
  assert.match(many!.message, / 29 new files of the same sizes are there: ren/);
  assert.match(many!.hint!, /deleted or renamed on purpose.*--allow-deletes/);
  const one = stopOf({ ...gone, replaced: { left: 1, right: 0 } }, 30);
  assert.match(one!.message, / 1 new file of the same size as one of them is/);
});
