import fc from "fast-check";
import assert from "node:assert/strict";
import {
  comparePaths,
  folderOf,
  type Folding,
  isWithin,
  joinPath,
  keyOf,
  nameOf,
  NO_FOLDING,
} from "../lib/paths.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const FOLDINGS: readonly Folding[] = [false, true].flatMap((ignoresCase) =>
  [false, true].map((ignoresNormalForm) => ({ ignoresCase, ignoresNormalForm }))
);

/** Names as file systems give them: text, and neither empty nor with "/". */
const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) =>
  !text.includes("/") && text.isWellFormed()
);
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) =>
  names.join("/")
);

const bytesOf = (text: string) => new TextEncoder().encode(text);

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

const ORDER: readonly [before: string, after: string][] = [
  ["", "a"],
  ["a", "b"],
  ["B", "a"],
  ["a", "a/b"],
  ["a-b", "a/b"],
  ["a.txt", "a/b"],
  ["a/b", "a0"],
  ["z", "ä"],
  // U+FF5E is written with fewer bytes than an emoji, but with a larger unit.
  ["\uff5e", "\u{1f600}"],
];

for (const [before, after] of ORDER) {
  Deno.test(`comparePaths() puts "${before}" before "${after}"`, () => {
    assert.ok(comparePaths(before, after) < 0);
    assert.ok(comparePaths(after, before) > 0);
    assert.equal(comparePaths(before, before), 0);
  });
}

Deno.test("comparePaths() orders by UTF-8 bytes, whatever the paths", () => {
  // Few letters, on both sides of what UTF-16 and UTF-8 order differently.
  const letters = ["a", "b", "/", "\u00e4", "\ud7ff", "\uff5e", "\u{1f600}"];
  const any = fc.string({ unit: fc.constantFrom(...letters), maxLength: 6 });
  fc.assert(
    fc.property(any, any, (a, b) => {
      const wanted = Math.sign(compareBytes(bytesOf(a), bytesOf(b)));
      assert.equal(Math.sign(comparePaths(a, b)), wanted);
    }),
    { numRuns: 300 },
  );
});

/** [path, its folder, its name] */
const PARTS: readonly [string, string, string][] = [
  ["a", "", "a"],
  ["a/b", "a", "b"],
  ["a/b/c.d", "a/b", "c.d"],
  [" a / b ", " a ", " b "],
];

for (const [whole, folder, last] of PARTS) {
  Deno.test(`folderOf(), nameOf(), joinPath(): "${whole}" is "${last}" in "${folder}"`, () => {
    assert.equal(folderOf(whole), folder);
    assert.equal(nameOf(whole), last);
    assert.equal(joinPath(folder, last), whole);
  });
}

Deno.test("joinPath() undoes folderOf() and nameOf()", () => {
  fc.assert(fc.property(path, (any) => {
    assert.equal(joinPath(folderOf(any), nameOf(any)), any);
  }));
});

/** [path, folder, whether it is within] */
const WITHIN: readonly [string, string, boolean][] = [
  ["a", "", true],
  ["", "", true],
  ["a", "a", true],
  ["a/b", "a", true],
  ["a/b/c", "a", true],
  ["ab", "a", false],
  ["a.b", "a", false],
  ["a", "a/b", false],
  ["b/a", "a", false],
  ["", "a", false],
];

for (const [whole, folder, isIt] of WITHIN) {
  Deno.test(`isWithin("${whole}", "${folder}") is ${isIt}`, () => {
    assert.equal(isWithin(whole, folder), isIt);
  });
}

Deno.test("isWithin() holds for every folder above a path", () => {
  fc.assert(fc.property(path, (any) => {
    for (let at = any; at !== ""; at = folderOf(at)) {
      assert.ok(isWithin(any, at));
    }
  }));
});

const COMPOSED = "\u00fc";
const DECOMPOSED = "u\u0308";

/** [what, one spelling, another, with case ignored, with normal form ignored] */
const KEYS: readonly [string, string, string, boolean, boolean][] = [
  ["another case", "Plan.TXT", "plan.txt", true, false],
  ["another case of an umlaut", "\u00dc", "\u00fc", true, false],
  ["two lower-case forms of one letter", "\u03c3", "\u03c2", true, false],
  ["letters with a longer upper case", "Stra\u00dfe", "Strasse", false, false],
  ["a ligature and its letters", "\ufb01n", "fin", false, false],
  ["both cases of a sharp s and two letters", "\u1e9e", "SS", false, false],
  [
    "a final sigma before an extension",
    "\u0391\u03a3.txt",
    "\u03b1\u03c2.txt",
    true,
    false,
  ],
  ["composed and decomposed", COMPOSED, DECOMPOSED, false, true],
  ["other letters", "a", "b", false, false],
  ["a trailing space", "a ", "a", false, false],
];

for (const [what, a, b, inCase, inForm] of KEYS) {
  Deno.test(`keyOf() tells ${what} apart as the roots do`, () => {
    for (const folding of FOLDINGS) {
      const areOne = folding.ignoresCase && inCase ||
        folding.ignoresNormalForm && inForm;
      assert.equal(keyOf(a, folding) === keyOf(b, folding), areOne);
    }
  });
}

Deno.test("keyOf() changes nothing where every spelling is a name of its own", () => {
  fc.assert(fc.property(path, (any) => {
    assert.equal(keyOf(any, NO_FOLDING), any);
  }));
});

Deno.test("keyOf() of a key is the key", () => {
  fc.assert(
    fc.property(path, fc.constantFrom(...FOLDINGS), (any, folding) => {
      const key = keyOf(any, folding);
      assert.equal(keyOf(key, folding), key);
    }),
    { numRuns: 300 },
  );
});

Deno.test("keyOf() of a path is the keys of its names", () => {
  fc.assert(
    fc.property(
      path,
      name,
      fc.constantFrom(...FOLDINGS),
      (folder, last, folding) => {
        const parts = joinPath(keyOf(folder, folding), keyOf(last, folding));
        assert.equal(keyOf(joinPath(folder, last), folding), parts);
      },
    ),
    { numRuns: 300 },
  );
});
