import assert from "node:assert/strict";
import { POLICIES, type Policy, type Side } from "../lib/types.ts";
import { decided } from "./support/fake_merge.ts";
import {
  but,
  DAY,
  type FakeFile,
  file,
  HOUR,
  NOW,
  OLD,
} from "./support/fake_tree.ts";
import { situationOf, testRows } from "./support/plan_rows.ts";

/** Section 4: who wins, what each policy does, and where the loser goes. */

const BASE = file("one");
const edit = (content: string, mtimeMs: number): FakeFile =>
  file(content, { mtimeMs });
const EARLIEST = Date.UTC(1980, 0, 1);

/** [what, Left's mtime, Right's, winner] */
const WINNERS: readonly [string, number, number, Side][] = [
  ["the later mtime wins: Left's", OLD + HOUR, OLD, "left"],
  ["the later mtime wins: Right's", OLD, OLD + HOUR, "right"],
  ["on a tie Left wins", OLD, OLD, "left"],
  [
    "an mtime before 1980 loses, even against Left's tie",
    OLD,
    EARLIEST - 1,
    "left",
  ],
  ["an mtime before 1980 never wins", EARLIEST - 1, EARLIEST, "right"],
  ["the first moment of 1980 is believed", EARLIEST, NOW + 2 * DAY, "left"],
  ["an mtime of zero never wins", 0, OLD, "right"],
  ["an mtime more than a day ahead never wins", NOW + DAY + 1, OLD, "right"],
  ["an mtime a day ahead is believed", OLD, NOW + DAY, "right"],
  ["an mtime too far ahead on Right loses", OLD, NOW + DAY + 1, "left"],
  ["of two that nobody believes the later wins", 0, NOW + 2 * DAY, "right"],
  ["of two before 1980 the later wins", 2, 1, "left"],
];

for (const [what, leftMs, rightMs, winner] of WINNERS) {
  Deno.test(`decide(), conflict: ${what} (section 4)`, () => {
    const { plan } = decided(situationOf({
      // So old that no version is older than the recorded one.
      record: { a: but(BASE, { mtimeMs: 0 }) },
      left: { a: edit("left edit", leftMs) },
      right: { a: edit("right edit", rightMs) },
    }));
    assert.ok(plan.actions.length > 0);
    for (const { conflict } of plan.actions) {
      assert.equal(conflict?.winner, winner);
    }
  });
}

Deno.test("decide(), conflict: mtimes within the coarser tick are a tie (section 4)", () => {
  const { plan } = decided(
    situationOf({
      record: { a: BASE },
      left: { a: edit("left edit", OLD) },
      right: { a: edit("right edit", OLD + 1999) },
    }),
    { traits: { left: { tickMs: 2000 } } },
  );
  assert.equal(plan.actions[0]?.conflict?.winner, "left");
});

/** Every policy, Left being newer. */
const ACTS: Record<Policy, (rule: string) => string[]> = {
  clash: (rule) => [
    `CLASH_CREATE a.txt -> a.clash-20260510-120000-right.txt (${rule})`,
    `COPY_LEFT_TO_RIGHT a.txt (${rule})`,
  ],
  notify: (rule) => [`OPEN a.txt (${rule})`],
  overwrite: (rule) => [`COPY_LEFT_TO_RIGHT a.txt keeping (${rule})`],
};

testRows(POLICIES.flatMap((policy) => [
  {
    it: `settles modify_modify by ${policy} (R 5.1)`,
    record: { "a.txt": BASE },
    left: { "a.txt": edit("left edit", OLD + HOUR) },
    right: { "a.txt": edit("right edit", OLD) },
    options: { policies: { modify_modify: policy } },
    acts: ACTS[policy]("5.1"),
    records: [],
  },
  {
    it: `settles new_new by ${policy} (R 5.2)`,
    left: { "a.txt": edit("left edit", OLD + HOUR) },
    right: { "a.txt": edit("right edit", OLD) },
    options: { policies: { new_new: policy } },
    acts: ACTS[policy]("5.2"),
    records: [],
  },
]));

testRows([
  {
    it:
      "overwrites without keeping where soft delete would not take it (section 4)",
    record: { a: BASE },
    left: { a: edit("left edit", OLD + HOUR) },
    right: { a: edit("right edit", OLD) },
    options: {
      policies: { modify_modify: "overwrite" },
      softDelete: { maxSizeBytes: 9 },
    },
    acts: ["COPY_LEFT_TO_RIGHT a (5.1)"],
  },
  {
    it: "keeps an overwritten version of exactly the limit (section 4)",
    record: { a: BASE },
    left: { a: edit("left edit", OLD + HOUR) },
    right: { a: edit("right edit", OLD) },
    options: {
      policies: { modify_modify: "overwrite" },
      softDelete: { maxSizeBytes: 10 },
    },
    acts: ["COPY_LEFT_TO_RIGHT a keeping (5.1)"],
  },
  {
    it: "ends an open conflict when one side is deleted (R 5.6)",
    record: { a: BASE },
    left: { a: edit("left edit", OLD + HOUR) },
    options: { policies: { modify_modify: "notify" } },
    acts: ["COPY_LEFT_TO_RIGHT a (5.6)"],
  },
  {
    it: "ends an open conflict when one side is put back (R 5.3)",
    record: { a: BASE },
    left: { a: edit("left edit", OLD + HOUR) },
    right: { a: BASE },
    options: { policies: { modify_modify: "notify" } },
    acts: ["COPY_LEFT_TO_RIGHT a (5.3)"],
  },
  {
    it: "ends an open conflict when both are made equal (section 4)",
    record: { a: BASE },
    left: { a: edit("same edit", OLD + HOUR) },
    right: { a: edit("same edit", OLD + HOUR) },
    options: { policies: { modify_modify: "notify" } },
    acts: [],
    records: ["record put a"],
  },
  {
    it: "ends an open conflict when one side is renamed away (section 4)",
    record: { a: BASE },
    left: { b: edit("left edit", OLD + HOUR) },
    right: { a: edit("right edit", OLD) },
    options: { policies: { modify_modify: "notify" } },
    acts: ["COPY_RIGHT_TO_LEFT a (5.5)", "COPY_LEFT_TO_RIGHT b (5.9)"],
  },
]);

Deno.test("decide() tells both versions of a conflict and where each is (section 4)", () => {
  const it = situationOf({
    record: { a: BASE },
    left: { a: edit("left edit", OLD) },
    right: { a: edit("right edit", OLD + HOUR) },
  });
  const { plan } = decided(it);
  const conflict = {
    kind: "modify_modify",
    rule: "5.1",
    policy: "clash",
    path: "a",
    versions: {
      left: {
        path: "a.clash-20260510-120000-left",
        sizeBytes: 9,
        mtimeMs: OLD,
      },
      right: { path: "a", sizeBytes: 10, mtimeMs: OLD + HOUR },
    },
    winner: "right",
    isNewer: true,
  };
  assert.deepEqual(plan.actions.map((it) => it.conflict), [conflict, conflict]);
});

Deno.test("decide() names no winner while a conflict is open (section 4)", () => {
  const it = situationOf({
    left: { a: edit("left edit", OLD) },
    right: { a: edit("right edit", OLD + HOUR) },
  });
  const { plan } = decided(it, { policies: { new_new: "notify" } });
  const [action, ...more] = plan.actions;
  assert.deepEqual(more, []);
  assert.equal(action?.name, "NOOP");
  assert.equal(action?.conflict?.winner, null);
  assert.equal(action?.bytes, 10);
});

Deno.test("decide() says whether an overwritten version is kept (section 4)", () => {
  const it = situationOf({
    record: { a: BASE },
    left: { a: edit("left edit", OLD + HOUR) },
    right: { a: edit("right edit", OLD) },
  });
  const policies = { modify_modify: "overwrite" } as const;
  const [kept] = decided(it, { policies }).plan.actions;
  assert.match(kept!.reason, /the older version goes to soft delete/);
  const [lost] = decided(it, { policies, softDelete: { enabled: false } })
    .plan.actions;
  assert.match(lost!.reason, /the older version is not kept/);
});

Deno.test("decide() applies the newer side's name and mode and tells it (R 5.13)", () => {
  for (const policy of ["clash", "overwrite"] as const) {
    const it = situationOf({
      record: { a: but(BASE, { ino: 1 }) },
      left: { b: but(BASE, { ino: 1, mode: 0o600 }) },
      right: { a: but(BASE, { ino: 1, mtimeMs: OLD + HOUR, mode: 0o640 }) },
    });
    const [action, ...more] =
      decided(it, { policies: { metadata_conflict: policy } }).plan.actions;
    assert.deepEqual(more, []);
    assert.equal(action?.name, "RENAME_LEFT");
    assert.equal(action?.newPath, "a");
    assert.ok(action?.work.kind === "rename");
    assert.equal(action.work.mode, 0o640);
    assert.equal(action.conflict?.kind, "metadata_conflict");
    assert.equal(action.conflict?.winner, "right");
  }
});
