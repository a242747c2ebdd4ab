import assert from "node:assert/strict";
import type { Conflict } from "../lib/plan_types.ts";
import { conflictWords, sizeWords } from "../lib/text.ts";

/** Conflicts and sizes in words. */

/** [bytes, words] */
const SIZES: readonly [number, string][] = [
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1023 bytes"],
  [1024, "1.0 KB"],
  [1536, "1.5 KB"],
  [20 * 1024 * 1024, "20.0 MB"],
  [3 * 1024 ** 3, "3.0 GB"],
  [5000 * 1024 ** 4, "5000.0 TB"],
];

for (const [bytes, words] of SIZES) {
  Deno.test(`sizeWords(${bytes}) is "${words}"`, () => {
    assert.equal(sizeWords(bytes), words);
  });
}

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
