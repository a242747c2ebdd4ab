import fc from "fast-check";
import assert from "node:assert/strict";
import { identityOf } from "../lib/metadata.ts";
import { joinPath, NO_FOLDING } from "../lib/paths.ts";
import { findRenames, inFolder, type Renamed } from "../lib/plan_renames.ts";
import {
  currentPath,
  type Elsewhere,
  type FoundFile,
  type Pair,
} from "../lib/plan_types.ts";
import { type Both, SIDES } from "../lib/types.ts";
import {
  but,
  editedSituation as edited,
  edits,
  file,
  folder,
  merged,
  metadataOf,
  type Situation,
} from "./support/literal_plans.ts";
import { situationOf } from "./support/literal_disk.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const A = file("one", { ino: 1 });
const KEY = identityOf(metadataOf(A));
const NOBODY = {
  left: new Map<string, Elsewhere>(),
  right: new Map<string, Elsewhere>(),
};
const ELSEWHERE = new Map([[KEY, { path: "x", reason: "of a reason" }]]);
const NOTHING = {
  left: new Map<string, string>(),
  right: new Map<string, string>(),
};

function renamesIn(
  it: Partial<Situation>,
  unknownFiles: Both<ReadonlyMap<string, Elsewhere>> = NOBODY,
  sharedIno = 0,
  ignored: Both<ReadonlyMap<string, string>> = NOTHING,
): Renamed {
  const { pairs, folders } = merged(situationOf(it));
  return findRenames(pairs, {
    folders: new Map(folders.map((folder) => [folder.key, folder])),
    unknownFiles,
    ignored,
    isSharedId: (_side, id) => id.ino === sharedIno,
  });
}

function placeOf(found: FoundFile | null): string {
  return found === null ? "-" : joinPath(found.folder.key, found.name);
}

/** `a: b a` is the pair recorded at a, which Left has at b and Right at a. */
function told(pairs: readonly Pair[]): string[] {
  return pairs.map((pair) =>
    `${pair.row?.path ?? "new"}: ${placeOf(pair.left)} ${placeOf(pair.right)}`
  ).sort();
}

/** [what, situation, pairs] */
const ROWS: readonly [string, Partial<Situation>, readonly string[]][] = [
  [
    "joins a gone path and the one new path that is the file",
    { record: { a: A }, left: { b: A }, right: { a: A } },
    ["a: b a"],
  ],
  [
    "joins a rename into another folder",
    {
      record: { a: A, d: folder() },
      left: { a: A, d: folder() },
      right: { "d/a": A },
    },
    ["a: a d/a"],
  ],
  [
    "joins both sides' renames to one name",
    { record: { a: A }, left: { b: A }, right: { b: A } },
    ["a: b b"],
  ],
  [
    "joins both sides' renames to two names",
    { record: { a: A }, left: { b: A }, right: { c: A } },
    ["a: b c"],
  ],
  [
    "joins a rename against a deletion",
    { record: { a: A }, left: { b: A } },
    ["a: b -"],
  ],
  [
    "leaves two candidates alone",
    { record: { a: A }, left: { b: A, c: A }, right: { a: A } },
    ["a: - a", "new: b -", "new: c -"],
  ],
  [
    "leaves two gone paths alone that one new path could be",
    { record: { a: A, b: A }, left: { c: A }, right: { a: A, b: A } },
    ["a: - a", "b: - b", "new: c -"],
  ],
  [
    "leaves a taken name alone",
    { record: { a: A }, left: { b: A }, right: { a: A, b: file("other") } },
    ["a: - a", "new: b b"],
  ],
  [
    "leaves files without ids alone",
    {
      record: { a: but(A, { ino: null }) },
      left: { b: but(A, { ino: null }) },
      right: { a: but(A, { ino: null }) },
    },
    ["a: - a", "new: b -"],
  ],
  [
    "leaves a path alone that is there still",
    {
      record: { a: A },
      left: { a: but(A, { ino: 5, content: "new one" }), b: A },
      right: { a: A },
    },
    ["a: a a", "new: b -"],
  ],
];

for (const [what, it, wanted] of ROWS) {
  Deno.test(`findRenames() ${what} (section 2)`, () => {
    const { pairs, unknown } = renamesIn(it);
    assert.deepEqual(told(pairs), wanted);
    assert.deepEqual(unknown, []);
  });
}

Deno.test("findRenames() leaves an id alone that several rows share (section 1)", () => {
  const it = { record: { a: A }, left: { b: A }, right: { a: A } };
  assert.deepEqual(told(renamesIn(it, NOBODY, 1).pairs), [
    "a: - a",
    "new: b -",
  ]);
});

Deno.test("findRenames() tells gone paths whose file must be left alone (section 2)", () => {
  const it = { record: { a: A }, left: { b: A } };
  for (const side of SIDES) {
    const { pairs, unknown } = renamesIn(it, { ...NOBODY, [side]: ELSEWHERE });
    assert.deepEqual(told(unknown.map(({ pair }) => pair)), ["a: - -"]);
    assert.deepEqual(unknown.map((it) => [it.side, it.elsewhere.path]), [
      [side, "x"],
    ]);
    assert.deepEqual(told(pairs), ["new: b -"]);
  }
});

Deno.test("findRenames() looks for unknown paths on the side that misses the file (section 2)", () => {
  const it = { record: { a: A }, right: { a: A } };
  const { pairs, unknown } = renamesIn(it, {
    ...NOBODY,
    right: ELSEWHERE,
  });
  assert.deepEqual(told(pairs), ["a: - a"]);
  assert.deepEqual(unknown, []);
});

Deno.test("findRenames() drops no file and doubles none, whatever was edited", () => {
  const places = (pairs: readonly Pair[]) =>
    SIDES.map((side) =>
      pairs.map((pair) => pair[side]).filter((found) => found !== null)
        .map((found) => joinPath(currentPath(found.folder, side)!, found.name))
        .sort()
    );
  fc.assert(
    fc.property(edits(false), (made) => {
      const it = edited(made, NO_FOLDING);
      const before = merged(it).pairs;
      const { pairs, unknown } = renamesIn(it);
      assert.deepEqual(
        places([...pairs, ...unknown.map(({ pair }) => pair)]),
        places(before),
      );
      const rows = pairs.filter(({ row }) => row !== null).length;
      assert.equal(rows, before.filter(({ row }) => row !== null).length);
    }),
    { numRuns: 200 },
  );
});

/** Of a file that Left saves: [name it has meanwhile, is it met so]. */
const SAVES: readonly [string, boolean][] = [
  ["~WRL0001.tmp", true],
  ["5F2A1B00", true],
  ["5F2A1B00.tmp", true],
  ["a~", true],
  ["A.TEMP", true],
  [".goutputstream-X1Y2", true],
  [".a.swp", true],
  ["a.sb-1234", true],
  ["d/a.tmp", false],
  ["#recycle/a", false],
  ["b", false],
  ["5F2A1B0", false],
];

for (const [name, isMet] of SAVES) {
  Deno.test(`findRenames() meets a file that is now ${name} as ${isMet ? "" : "not "}being saved`, () => {
    const it = {
      record: { a: A, d: folder() },
      left: { [name]: A },
      right: { a: A },
    };
    const { saved } = renamesIn(it);
    assert.deepEqual(
      saved.map(({ pair, side, as }) => [pair.key, side, as]),
      isMet ? [["a", "left", name]] : [],
    );
  });
}

Deno.test("findRenames() meets a file with an ignored name in its folder as being saved", () => {
  const it = { record: { a: A }, left: {}, right: { a: A } };
  const ignored = {
    ...NOTHING,
    left: new Map([[inFolder("", metadataOf(A)), "a.bak"]]),
  };
  const { saved } = renamesIn(it, NOBODY, 0, ignored);
  assert.deepEqual(saved.map(({ side, as }) => [side, as]), [[
    "left",
    "a.bak",
  ]]);
});

Deno.test("findRenames() takes the other side's rename along with what is being saved", () => {
  const it = {
    record: { a: A },
    left: { "a~": A },
    right: { b: A },
  };
  const { saved, pairs } = renamesIn(it);
  assert.deepEqual(told(saved.map(({ pair }) => pair)), ["a: - b"]);
  assert.deepEqual(told(pairs), ["a: - b", "new: a~ -"]);
});
