import fc from "fast-check";
import assert from "node:assert/strict";
import {
  clashName,
  isOwnName,
  isTemporaryOf,
  numberedName,
  temporaryName,
  timeMark,
  whyNotOnWindows,
} from "../lib/names.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const AT = Date.UTC(2026, 4, 20, 9, 5, 3);
const MARK = ".clash-20260520-090503-left";
const OTHER = ".clash-19991231-235959-right";

function named(name: string, attempt = 1): string {
  return clashName({ name, mtimeMs: AT, side: "left", attempt });
}

/** [name, clash name], by the rules of section 4 */
const CLASHES: readonly [string, string, string][] = [
  ["stands before the extension", "plan.xlsx", `plan${MARK}.xlsx`],
  ["stands before the last extension", "a.tar.gz", `a.tar${MARK}.gz`],
  ["ends a name without extension", "Makefile", `Makefile${MARK}`],
  ["ends a name whose only dot is first", ".env", `.env${MARK}`],
  ["ends a name whose last dot is last", "a.b.", `a.b.${MARK}`],
  ["stands before an extension behind a first dot", ".a.b", `.a${MARK}.b`],
  ["replaces an older mark", `plan${OTHER}.xlsx`, `plan${MARK}.xlsx`],
  [
    "replaces an older mark with a number",
    `plan${OTHER}-12.xlsx`,
    `plan${MARK}.xlsx`,
  ],
  [
    "replaces an older mark of a name without extension",
    `plan${OTHER}`,
    `plan${MARK}`,
  ],
  [
    "replaces an older numbered mark of a name without extension",
    `plan${OTHER}-2`,
    `plan${MARK}`,
  ],
  [
    "replaces an older mark of a name whose only dot is first",
    `.env${OTHER}`,
    `.env${MARK}`,
  ],
  [
    "leaves alone what only looks like a mark",
    "plan.clash-2026.xlsx",
    `plan.clash-2026${MARK}.xlsx`,
  ],
  [
    "leaves a mark in the middle alone",
    `a${OTHER}b.txt`,
    `a${OTHER}b${MARK}.txt`,
  ],
  [
    "keeps spaces, umlauts and emoji",
    "Pl\u00e4ne 😀 (1).txt",
    `Pl\u00e4ne 😀 (1)${MARK}.txt`,
  ],
];

for (const [what, name, wanted] of CLASHES) {
  Deno.test(`clashName(): the mark ${what} (section 4)`, () => {
    assert.equal(named(name), wanted);
  });
}

Deno.test("clashName() counts: nothing, -2, -3 (section 4)", () => {
  const names = [1, 2, 3, 10].map((attempt) => named("a.txt", attempt));
  assert.deepEqual(
    names,
    ["", "-2", "-3", "-10"].map((n) => `a${MARK}${n}.txt`),
  );
});

Deno.test("clashName() says the older version's side and mtime in UTC (section 4)", () => {
  const sides = ["left", "right"] as const;
  for (const side of sides) {
    const name = clashName({ name: "a", mtimeMs: 0, side, attempt: 1 });
    assert.equal(name, `a.clash-19700101-000000-${side}`);
  }
});

const bytes = (text: string) => new TextEncoder().encode(text).length;

/** [what, stem, extension] */
const LONG: readonly [string, string, string][] = [
  ["of 230 letters", "a".repeat(226), ".txt"],
  ["of 255 letters", "a".repeat(251), ".txt"],
  ["of two-byte letters", "\u00e4".repeat(125), ".docx"],
  ["of emoji", "😀".repeat(62), ".docx"],
  ["of emoji at an odd place", "a" + "😀".repeat(62), ".docx"],
  ["without extension", "\u00e4".repeat(127), ""],
  ["with an extension of 60 letters", "a".repeat(190), "." + "x".repeat(60)],
];

for (const [what, stem, extension] of LONG) {
  Deno.test(`clashName() cuts the stem of a name ${what} to 255 bytes (section 4)`, () => {
    const name = named(stem + extension, 12);
    assert.ok(bytes(name) <= 255, `${bytes(name)} bytes`);
    assert.ok(bytes(name) > 251, "no more is cut than has to be");
    assert.ok(name.isWellFormed(), "no letter is cut in two");
    assert.ok(name.endsWith(`${MARK}-12${extension}`), name);
    assert.ok(stem.startsWith(name.slice(0, name.indexOf(MARK))));
  });
}

Deno.test("clashName() keeps an extension of any length that leaves room (section 4)", () => {
  for (const length of [1, 50, 51, 100, 200]) {
    const extension = "." + "x".repeat(length);
    assert.equal(named(`a${extension}`), `a${MARK}${extension}`);
  }
});

Deno.test("clashName() fits, is well formed and tells attempts apart, whatever the name", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 90 })
    .filter((text) => !text.includes("/") && text.isWellFormed());
  fc.assert(
    fc.property(name, fc.integer({ min: 1, max: 999 }), (text, n) => {
      const clash = named(text, n);
      assert.ok(bytes(clash) <= 255);
      assert.ok(clash.isWellFormed());
      assert.ok(!clash.includes("/"));
      assert.notEqual(clash, named(text, n + 1));
      assert.equal(named(clash, n), clash, "a mark is replaced, not added");
    }),
    { numRuns: 300 },
  );
});

/** [ms since 1970, mark] */
const TIMES: readonly [number, string][] = [
  [AT, "20260520-090503"],
  [AT + 999, "20260520-090503"],
  [0, "19700101-000000"],
  [-1000, "19691231-235959"],
];

for (const [timeMs, mark] of TIMES) {
  Deno.test(`timeMark(${timeMs}) is ${mark}`, () => {
    assert.equal(timeMark(timeMs), mark);
  });
}

Deno.test("timeMark() keeps its form whatever a file system claims", () => {
  fc.assert(fc.property(fc.double({ noNaN: true }), (timeMs) => {
    assert.match(timeMark(timeMs), /^\d{8}-\d{6}$/);
  }));
});

/** [name, whether it is the program's own] */
const OWN: readonly [string, boolean][] = [
  [".office-sync", true],
  [".OFFICE-Sync", true],
  [".office-sync-tmp-ab12cd-20260520-1", true],
  [".Office-Sync-TMP-x", true],
  [".office-sync-mv-x", true],
  [".office-sync-notes.txt", false],
  [".office-sync.txt", false],
  ["office-sync", false],
  [".office", false],
  ["a.office-sync", false],
  // As file systems compare names that tell fewer apart.
  [".office-sync. .", true],
  [".Office-Sync::$INDEX_ALLOCATION", true],
  [".o\ufb03ce-sync", true],
  [".office-\u017fync-tmp-x", true],
  ["\u200c.office\u200d-sync", true],
  ["\uff0eoffice-sync", true],
  [".office-sync.a", false],
  [".office-sync a", false],
  ["\u200coffice-sync", false],
  ["\u00fc.office-sync", false],
];

for (const [name, isIt] of OWN) {
  Deno.test(`isOwnName("${name}") is ${isIt} (section 7)`, () => {
    assert.equal(isOwnName(name), isIt);
  });
}

Deno.test("temporaryName() is .office-sync-tmp-<pair>-<run>-<n> and known by its pair (section 6)", () => {
  const name = temporaryName({ pair: "ab12cd", run: "20260520-1" }, 7);
  assert.equal(name, ".office-sync-tmp-ab12cd-20260520-1-7");
  assert.ok(isOwnName(name));
  assert.ok(isTemporaryOf(name, "ab12cd"));
  assert.ok(isTemporaryOf(name.toUpperCase(), "ab12cd"), "in any case");
  assert.ok(!isTemporaryOf(name, "ab12c"));
  assert.ok(!isTemporaryOf(".office-sync-mv-ab12cd-1", "ab12cd"));
});

/** [name, the third name for it] */
const NUMBERED: readonly [string, string][] = [
  ["plan.xlsx", "plan-3.xlsx"],
  ["Makefile", "Makefile-3"],
  [".env", ".env-3"],
  ["a.b.", "a.b.-3"],
];

for (const [name, third] of NUMBERED) {
  Deno.test(`numberedName("${name}", 3) is "${third}" (section 5)`, () => {
    assert.equal(numberedName(name, 1), name);
    assert.equal(numberedName(name, 3), third);
  });
}

Deno.test("numberedName() stays within 255 bytes", () => {
  const name = "\u00e4".repeat(125) + ".docx";
  assert.ok(bytes(numberedName(name, 10)) <= 255);
  assert.ok(numberedName(name, 10).endsWith("-10.docx"));
});

const FORBIDDEN = [...'<>:"\\|?*\u0000\u0001\u001f\n\t'].map((it) => `a${it}b`);
const DEVICES = [
  "CON",
  "prn",
  "Aux",
  "NUL",
  "COM0",
  "com1",
  "COM9",
  "LPT1",
  "lpt9",
  "COM\u00b9",
  "LPT\u00b3",
  "con.txt",
  "nul.tar.gz",
  "COM1.",
];
const ENDINGS = ["a.", "a ", ".", "..", "a.txt ", "a.txt.", "con .txt"];

for (const name of [...FORBIDDEN, ...DEVICES, ...ENDINGS]) {
  Deno.test(`whyNotOnWindows(${JSON.stringify(name)}) gives a reason`, () => {
    assert.match(whyNotOnWindows(name) ?? "", /^the other side can't hold /);
  });
}

Deno.test("whyNotOnWindows() has nothing against names that Windows holds", () => {
  const names = [
    "a.txt",
    "con-1",
    "console",
    "xcon",
    "com",
    "COM10",
    "lpt",
    "a.con",
    " a",
    ".env",
    "a..b",
    "\u00fc 😀",
    "a'b,c;d=e+f[g]{h}~$!@#%^&()_",
  ];
  for (const name of names) assert.equal(whyNotOnWindows(name), null, name);
});

Deno.test("whyNotOnWindows() says the letter without printing it raw", () => {
  assert.match(whyNotOnWindows("a\u001bb")!, /"\\u001b"/);
});
