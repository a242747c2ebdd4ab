import assert from "node:assert/strict";
import fc from "fast-check";
import { edits, situationOf as edited } from "./fake_edits.ts";
import { merged } from "./fake_merge.ts";
import { situationOf } from "./plan_rows.ts";
import { but, figuresOf, file, folder, type Situation } from "./fake_tree.ts";
import { joinPath, NO_FOLDING } from "../lib/paths.ts";
import { findRenames, type Renamed, sameFileKey } from "../lib/renames.ts";
import { currentPath, type FoundFile, type Pair } from "../lib/tree.ts";
import { SIDES } from "../lib/types.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const A = file("one", { ino: 1 });
const KEY = sameFileKey(figuresOf(A))!;
const NOBODY = { left: new Set<string>(), right: new Set<string>() };

function renamesIn(
  it: Partial<Situation>,
  strays: { readonly left: Set<string>; readonly right: Set<string> } = NOBODY,
  sharedIno = 0,
): Renamed {
  const { pairs, folders } = merged(situationOf(it));
  return findRenames(pairs, {
    folders: new Map(folders.map((folder) => [folder.key, folder])),
    strays,
    isSharedId: (_side, id) => id.ino === sharedIno,
  });
}

function placeOf(found: FoundFile | null): string {
  return found === null ? "-" : joinPath(found.at.folder.key, found.at.name);
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
    const strays = { ...NOBODY, [side]: new Set([KEY]) };
    const { pairs, unknown } = renamesIn(it, strays);
    assert.deepEqual(told(unknown), ["a: - -"]);
    assert.deepEqual(told(pairs), ["new: b -"]);
  }
});

Deno.test("findRenames() looks for strays of the side that misses the file (section 2)", () => {
  const it = { record: { a: A }, right: { a: A } };
  const { pairs, unknown } = renamesIn(it, {
    ...NOBODY,
    right: new Set([KEY]),
  });
  assert.deepEqual(told(pairs), ["a: - a"]);
  assert.deepEqual(unknown, []);
});

Deno.test("findRenames() drops no file and doubles none, whatever was edited", () => {
  const places = (pairs: readonly Pair[]) =>
    SIDES.map((side) =>
      pairs.map((pair) => pair[side]).filter((found) => found !== null)
        .map(({ at }) => joinPath(currentPath(at.folder, side)!, at.name))
        .sort()
    );
  fc.assert(
    fc.property(edits(false), (made) => {
      const it = edited(made, NO_FOLDING);
      const before = merged(it).pairs;
      const { pairs, unknown } = renamesIn(it);
      assert.deepEqual(places([...pairs, ...unknown]), places(before));
      const rows = pairs.filter(({ row }) => row !== null).length;
      assert.equal(rows, before.filter(({ row }) => row !== null).length);
    }),
    { numRuns: 500 },
  );
});

Deno.test("sameFileKey() is equal for the same id, size and mtime only", () => {
  const key = (more: Parameters<typeof but>[1]) =>
    sameFileKey(figuresOf(but(A, more)));
  assert.equal(key({ mode: 0o600 }), KEY);
  assert.equal(key({ ino: null }), null);
  const others = [{ ino: 2 }, { mtimeMs: 1 }, { sizeBytes: 9 }].map(key);
  assert.equal(new Set([...others, KEY]).size, 4);
});
