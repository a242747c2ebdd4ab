import assert from "node:assert/strict";
import {
  folderConflict,
  type FolderContent,
  type FolderDecision,
  Layout,
} from "../lib/plan_folders.ts";
import type { Folder } from "../lib/plan_types.ts";
import type { Both, DirectoryRow } from "../lib/types.ts";
import { settingsOf } from "./support/literal_plans.ts";

/** What becomes of a folder (section 3, directories), in every combination. */

const EMPTY: FolderContent = {
  isUnknown: false,
  survives: false,
  waits: false,
  holdsUnknown: { left: false, right: false },
};

function directoryRow(path: string): DirectoryRow {
  const both = { left: false, right: false };
  const digest = { left: null, right: null };
  const id = { left: null, right: null };
  return { path, isAgreed: true, isMount: both, digest, id };
}

function folderAt(
  key: string,
  parent: Folder | null,
  how: {
    readonly name?: Both<string | null>;
    readonly recorded?: string | null;
    readonly isUnknown?: boolean;
  } = {},
): Folder {
  const name = key.slice(key.lastIndexOf("/") + 1);
  const recorded = how.recorded === undefined ? key : how.recorded;
  return {
    key,
    parent,
    name: how.name ?? { left: name, right: name },
    row: recorded === null ? null : directoryRow(recorded),
    isMount: { left: false, right: false },
    id: { left: null, right: null },
    rename: null,
    stillAt: { left: null, right: null },
    isUnknown: how.isUnknown ?? false,
    junk: { left: [], right: [] },
    holdsUnknown: { left: false, right: false },
    taken: new Set(),
  };
}

const ROOT = folderAt("", null);

function layoutOf(
  folders: readonly Folder[],
  contents: Readonly<Record<string, Partial<FolderContent>>> = {},
): Layout {
  const all = [ROOT, ...folders];
  const contentOf = ({ key }: Folder) => ({ ...EMPTY, ...contents[key] });
  return new Layout(all, contentOf, settingsOf({}, 1));
}

const BOOLEANS = [false, true] as const;

interface Combination {
  readonly isLeft: boolean;
  readonly isRight: boolean;
  readonly isRecorded: boolean;
  readonly survives: boolean;
  readonly unknownLeft: boolean;
  readonly unknownRight: boolean;
  readonly isUnknown: boolean;
}

/** The contract's sentences, one after the other. */
function wanted(it: Combination): FolderDecision {
  if (it.isUnknown) return { kind: "leave" };
  if (it.isLeft && it.isRight) return { kind: "stay" };
  if (!it.isLeft && !it.isRight) return { kind: "forget" };
  const missing = it.isLeft ? "right" : "left";
  const having = it.isLeft ? "left" : "right";
  const holdsUnknown = it.isLeft ? it.unknownLeft : it.unknownRight;
  // "New or edited content in it … survives in its folder on both sides."
  if (it.survives) return { kind: "create", on: missing };
  if (!it.isRecorded) {
    // "An unrecorded folder that holds only such things is not created."
    return holdsUnknown ? { kind: "leave" } : { kind: "create", on: missing };
  }
  // "A folder that holds anything unknown is not removed but forgotten."
  return holdsUnknown ? { kind: "forget" } : { kind: "remove", on: having };
}

function combinations(): Combination[] {
  const names = [
    "isLeft",
    "isRight",
    "isRecorded",
    "survives",
    "unknownLeft",
    "unknownRight",
    "isUnknown",
  ] as const;
  let all: Partial<Combination>[] = [{}];
  for (const name of names) {
    all = all.flatMap((it) => BOOLEANS.map((is) => ({ ...it, [name]: is })));
  }
  return all as Combination[];
}

Deno.test("Layout decides about one folder in all 128 combinations (section 3)", () => {
  for (const it of combinations()) {
    const d = folderAt("d", ROOT, {
      name: { left: it.isLeft ? "d" : null, right: it.isRight ? "d" : null },
      recorded: it.isRecorded ? "d" : null,
    });
    const { isUnknown, survives } = it;
    const holdsUnknown = { left: it.unknownLeft, right: it.unknownRight };
    const layout = layoutOf([d], { d: { isUnknown, survives, holdsUnknown } });
    assert.deepEqual(layout.decisionOn(d), wanted(it), JSON.stringify(it));
  }
});

const onRight = (
  key: string,
  parent: Folder,
  recorded: string | null = key,
) => {
  const name = { left: null, right: key.slice(key.lastIndexOf("/") + 1) };
  return folderAt(key, parent, { name, recorded });
};

/** [what, content by folder, whether d is recorded, fates of d, d/e, d/e/f] */
const NESTED: readonly [
  string,
  Readonly<Record<string, Partial<FolderContent>>>,
  boolean,
  readonly [string, string, string],
][] = [
  ["all are removed where only removed things are in them", {}, true, [
    "remove",
    "remove",
    "remove",
  ]],
  ["all are created where they are new", {}, false, [
    "create",
    "create",
    "create",
  ]],
  [
    "what survives below keeps all above",
    { "d/e/f": { survives: true } },
    true,
    ["create", "create", "create"],
  ],
  [
    "what survives in the middle does not keep what is below",
    { "d/e": { survives: true } },
    true,
    ["create", "create", "remove"],
  ],
  [
    "something unknown below is in all above",
    { "d/e/f": { holdsUnknown: { left: false, right: true } } },
    true,
    ["forget", "forget", "forget"],
  ],
  [
    "something unknown in the middle leaves what is below to be removed",
    { "d/e": { holdsUnknown: { left: false, right: true } } },
    true,
    ["forget", "forget", "remove"],
  ],
  [
    "a new tree that holds only something unknown is left",
    { "d/e/f": { holdsUnknown: { left: false, right: true } } },
    false,
    ["leave", "leave", "leave"],
  ],
  [
    "a new tree is made down to what survives",
    {
      "d/e": { survives: true },
      "d/e/f": { holdsUnknown: { left: false, right: true } },
    },
    false,
    ["create", "create", "leave"],
  ],
  [
    "an unknown folder keeps those above from being removed",
    { "d/e/f": { isUnknown: true } },
    true,
    ["forget", "forget", "leave"],
  ],
];

for (const [what, contents, isRecorded, fates] of NESTED) {
  Deno.test(`Layout: ${what} (section 3)`, () => {
    const recorded = (key: string) => isRecorded ? key : null;
    const d = onRight("d", ROOT, recorded("d"));
    const e = onRight("d/e", d, recorded("d/e"));
    const f = onRight("d/e/f", e, recorded("d/e/f"));
    const layout = layoutOf([d, e, f], contents);
    const kinds = [d, e, f].map((folder) => layout.decisionOn(folder).kind);
    assert.deepEqual(kinds, fates);
  });
}

/** [Left's name, Right's, recorded, the name on both sides, contested] */
const NAMES: readonly [
  string | null,
  string | null,
  string | null,
  string,
  boolean,
][] = [
  ["docs", "docs", "docs", "docs", false],
  ["Docs", "docs", "docs", "Docs", false],
  ["docs", "Docs", "docs", "Docs", false],
  ["Docs", "Docs", "docs", "Docs", false],
  ["Docs", "DOCS", "docs", "Docs", true],
  ["Docs", "docs", null, "Docs", false],
  ["Docs", null, "docs", "Docs", false],
  [null, "DOCS", "docs", "DOCS", false],
  [null, null, "docs", "docs", false],
];

for (const [left, right, recorded, name, isContested] of NAMES) {
  Deno.test(`Layout: ${left} on Left, ${right} on Right, recorded ${recorded}: ${name} (section 3)`, () => {
    const d = folderAt("docs", ROOT, { name: { left, right }, recorded });
    const e = folderAt("docs/e", d);
    const layout = layoutOf([d, e]);
    assert.equal(layout.pathOf(d), name);
    assert.equal(layout.pathOf(e), `${name}/e`);
    assert.equal(layout.locate({ folder: e, name: "a" }), `${name}/e/a`);
    assert.equal(folderConflict(d, settingsOf({}, 1)) !== null, isContested);
  });
}

Deno.test("Layout: the record follows a new spelling of folders that stay, not of those that go", () => {
  const stays = folderAt("docs", ROOT, {
    name: { left: "Docs", right: "docs" },
    recorded: "docs",
  });
  const goes = folderAt("old", ROOT, {
    name: { left: null, right: "OLD" },
    recorded: "old",
  });
  const below = folderAt("old/e", goes, {
    name: { left: null, right: "E" },
    recorded: "old/e",
  });
  const layout = layoutOf([stays, goes, below]);
  assert.equal(layout.rowPathOf(stays), "Docs");
  assert.equal(layout.rowPathOf(goes), "old");
  assert.equal(layout.rowPathOf(below), "old/e");
  assert.equal(layout.pathOf(below), "OLD/E");
});

Deno.test("Layout: the root stays where it is", () => {
  const layout = layoutOf([]);
  assert.equal(layout.pathOf(ROOT), "");
  assert.equal(layout.rowPathOf(ROOT), "");
  assert.equal(layout.locate({ folder: ROOT, name: "a" }), "a");
});

Deno.test("Layout: a folder remains unless it is removed or nowhere", () => {
  const kept = folderAt("kept", ROOT);
  const removed = onRight("removed", ROOT);
  const made = onRight("made", ROOT, null);
  const gone = folderAt("gone", ROOT, { name: { left: null, right: null } });
  const layout = layoutOf([kept, removed, made, gone]);
  const remains = [kept, removed, made, gone].map((it) => layout.remains(it));
  assert.deepEqual(remains, [true, false, true, false]);
});
