import assert from "node:assert/strict";
import {
  addedActions,
  conflictWords,
  openAsListed,
  rulingOn,
} from "../lib/conflict.ts";
import { keyOf } from "../lib/paths.ts";
import type { Action, Conflict, Plan } from "../lib/plan_types.ts";
import type { Take } from "../lib/types.ts";
import {
  acts,
  decided,
  file,
  folder,
  HOUR,
  IGNORING_CASE,
  lines,
  OLD,
  type Options,
} from "./support/literal_plans.ts";
import { situationOf } from "./support/literal_disk.ts";

/** What a person's word makes of a plan, without any disk. */

const NOTIFY = {
  modify_modify: "notify",
  new_new: "notify",
  metadata_conflict: "notify",
} as const;

const FOLDED: Options = { ...IGNORING_CASE, policies: NOTIFY };

type Parts = Parameters<typeof situationOf>[0];

/** The plan that leaves it open, and what resolving it adds. */
function resolved(parts: Parts, take: Take, options: Options): {
  readonly open: Plan;
  readonly added: readonly Action[];
} {
  const open = decided(situationOf(parts), options).plan;
  const conflict = open.actions.map((it) => it.conflict)
    .find((it): it is Conflict => it?.winner === null)!;
  const folding = {
    ignoresCase: options === FOLDED,
    ignoresNormalForm: false,
  };
  const ruling = rulingOn(conflict, take, folding);
  assert.equal(ruling.key, keyOf(conflict.path, folding));
  const ruled = decided(situationOf(parts), { ...options, ruling }).plan;
  return { open, added: addedActions(ruled, open) };
}

function told(added: readonly Action[]): string[] {
  return acts({ actions: added } as Plan);
}

const RESPELLED: Parts = {
  record: { plans: folder(), "plans/a.txt": file("a") },
  left: { PLANS: folder(), "PLANS/a.txt": file("a") },
  right: { Plans: folder(), "Plans/a.txt": file("a") },
};

for (
  const [take, line] of [
    ["left", "RENAME_RIGHT Plans -> PLANS (5.13)"],
    ["right", "RENAME_LEFT PLANS -> Plans (5.13)"],
    ["both", "RENAME_RIGHT Plans -> PLANS (5.13)"],
  ] as const
) {
  Deno.test(`resolving two new names of a folder: ${take}`, () => {
    const { open, added } = resolved(RESPELLED, take, FOLDED);
    assert.deepEqual(acts(open).map((it) => it.slice(0, 4)), ["OPEN"]);
    assert.deepEqual(told(added), [line]);
    const winner = take === "both" ? "left" : take;
    assert.equal(added[0]?.conflict?.winner, winner);
  });
}

const EDITED: Parts = {
  record: { "a.txt": file("one"), "b.txt": file("b"), "c.txt": file("c") },
  left: {
    "a.txt": file("left", { mtimeMs: OLD + HOUR }),
    "b.txt": file("edited", { mtimeMs: OLD + HOUR }),
  },
  right: {
    "a.txt": file("right edit", { mtimeMs: OLD + 2 * HOUR }),
    "b.txt": file("b"),
    "c.txt": file("c"),
  },
};

Deno.test("addedActions() leaves out what a run would do besides", () => {
  const { open, added } = resolved(EDITED, "left", { policies: NOTIFY });
  assert.equal(open.actions.length, 3);
  assert.deepEqual(told(added), [
    "COPY_LEFT_TO_RIGHT a.txt keeping (5.1)",
  ]);
});

Deno.test("addedActions() counts anew what an action needs", () => {
  // Before it in the whole plan: a clash that the config resolves.
  const { added } = resolved(
    {
      record: EDITED.record!,
      left: { ...EDITED.left, "0.txt": file("new left") },
      right: { ...EDITED.right, "0.txt": file("new on right") },
    },
    "both",
    { policies: { ...NOTIFY, new_new: "clash" } },
  );
  assert.deepEqual(lines({ actions: added } as Plan), [
    "CLASH_CREATE a.txt -> a.clash-20260510-130000-left.txt (5.1)",
    "COPY_RIGHT_TO_LEFT a.txt (5.1)",
  ]);
  assert.deepEqual(added.map(({ needs }) => needs), [[], [0]]);
});

const OPEN = decided(situationOf(EDITED), { policies: NOTIFY }).plan;
const LISTED = OPEN.actions.find(({ conflict }) => conflict)!.conflict!;

/** [what differs, how it was listed] */
const OTHERWISE: readonly [string, Partial<Conflict> | null][] = [
  ["it is not listed any more", null],
  ["another kind", { kind: "new_new" }],
  ["another size on left", versions({ sizeBytes: 1 })],
  ["another time on left", versions({ mtimeMs: 1 })],
  ["another name on left", versions({ path: "b.txt" })],
  [
    "a folder on right",
    { versions: { left: LISTED.versions.left, right: null } },
  ],
];

function versions(left: Partial<Conflict["versions"]["left"]>) {
  const { versions } = LISTED;
  return { versions: { ...versions, left: { ...versions.left!, ...left } } };
}

for (const [what, how] of OTHERWISE) {
  Deno.test(`openAsListed() refuses with 1 what the person has not seen: ${what}`, () => {
    const listed = how && { ...LISTED, ...how };
    const resolution = { path: "a.txt", take: "left" } as const;
    const refusal = openAsListed(OPEN, listed, resolution);
    assert.ok("stop" in refusal);
    assert.equal(refusal.exitCode, 1);
    assert.match(refusal.stop.hint, /^Run sync again/);
  });
}

Deno.test("openAsListed() gives the conflict that is as it was listed", () => {
  const resolution = { path: "a.txt", take: "left" } as const;
  assert.equal(openAsListed(OPEN, { ...LISTED }, resolution), LISTED);
});

/** What a conflict is in a sentence. */

const ROOTS = { left: "/left", right: "/right" };
const VERSION = { path: "a", sizeBytes: 2048, mtimeMs: 0 };
const CONFLICT: Conflict = {
  kind: "modify_modify",
  rule: "5.1",
  policy: "clash",
  path: "a",
  versions: { left: VERSION, right: { ...VERSION, path: "a.clash" } },
  winner: "left",
  isNewer: true,
};

/** [what, conflict, words it must hold] */
const ROWS: readonly [string, Partial<Conflict>, RegExp][] = [
  [
    "changed on both sides",
    {},
    /^a: changed on both sides; Left's version \(.*, 2\.0 KB\) is the file; Right's version \(.*\) is kept on both sides as a\.clash$/,
  ],
  ["new on both sides", { kind: "new_new" }, /^a: new on both sides; /],
  [
    "overwritten",
    { policy: "overwrite" },
    /Right's version \(.*\) is replaced, not kept$/,
  ],
  [
    "that its side always wins",
    { policy: "left", isNewer: false },
    /Left's version \(.*\) is the file, as always here; Right's version \(.*\) is replaced, not kept$/,
  ],
  [
    "of names that its side always wins",
    { kind: "metadata_conflict", policy: "left" },
    /; those of Left were taken, as always here$/,
  ],
  [
    "won by a folder",
    { versions: { left: null, right: VERSION } },
    /Left's folder keeps the name; Right's version/,
  ],
  [
    "over names and properties",
    { kind: "metadata_conflict" },
    /^a: name or properties changed on both sides; those of Left were taken$/,
  ],
  [
    "open",
    { winner: null },
    /^a: changed on both sides, and nothing was touched; Left: .*; Right: .*$/,
  ],
];

for (const [what, how, words] of ROWS) {
  Deno.test(`conflictWords() of a conflict ${what}`, () => {
    assert.match(conflictWords({ ...CONFLICT, ...how }, ROOTS), words);
  });
}

Deno.test("conflictWords() says where there is no file", () => {
  const versions = { left: null, right: VERSION };
  const words = conflictWords(
    { ...CONFLICT, winner: null, versions },
    ROOTS,
  );
  assert.match(
    words,
    /^a: a file on Right, a folder on Left, and .* Left: a folder; Right: /,
  );
});

Deno.test("conflictWords() prints no name raw", () => {
  const words = conflictWords({ ...CONFLICT, path: "a\nb" }, ROOTS);
  assert.ok(words.startsWith("a\\nb: "));
});
