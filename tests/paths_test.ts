import fc from "fast-check";
import assert from "node:assert/strict";
import { UsageError } from "../lib/errors.ts";
import {
  comparePaths,
  folderOf,
  type Folding,
  isWindowsPath,
  isWithin,
  joinPath,
  keyOf,
  nameOf,
  NO_FOLDING,
  typedPath,
  whyNoArguments,
  whyNoPath,
  withoutPrefix,
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

const POSIX = { left: "/srv/left", right: "/srv/right/" };
const WINDOWS = { left: "C:\\pdrive_local", right: "P:\\" };

/** [what is typed, the path it means; with a slash at its end: a folder] */
const ON_POSIX: readonly [string, string][] = [
  ["a", "a"],
  ["d/a", "d/a"],
  ["./d//a", "d/a"],
  ["d/./a", "d/a"],
  ["d/", "d/"],
  ["d/.", "d/"],
  ["", "/"],
  [".", "/"],
  ["./", "/"],
  ["/srv/left", "/"],
  ["/srv/left/", "/"],
  ["/srv/left/d/a", "d/a"],
  ["/srv/right/d/", "d/"],
  ["a\\b", "a\\b"],
  ["C:\\x", "C:\\x"],
];

const ON_WINDOWS: readonly [string, string][] = [
  ["d\\a", "d/a"],
  [".\\d\\", "d/"],
  ["c:\\PDrive_Local\\d\\a", "d/a"],
  ["P:\\d/a", "d/a"],
  ["p:\\", "/"],
  ["\\\\?\\C:\\pdrive_local\\d\\a", "d/a"],
  ["\\\\.\\P:\\d\\", "d/"],
  ["P:/d/", "d/"],
];

for (
  const [isWindows, roots, rows] of [
    [false, POSIX, ON_POSIX],
    [true, WINDOWS, ON_WINDOWS],
  ] as const
) {
  for (const [typed, meant] of rows) {
    Deno.test(`typedPath(${JSON.stringify(typed)}${isWindows ? ", on Windows" : ""})`, () => {
      const { path, isFolder } = typedPath(typed, roots, isWindows);
      assert.equal(isFolder ? `${path}/` : path, meant);
    });
  }
}

Deno.test("typedPath() takes a root as the disk spells it, too", () => {
  const real = { ...POSIX, left: "/disk/Left" };
  const read = (typed: string) => typedPath(typed, POSIX, false, real).path;
  assert.equal(read("/disk/Left/d/a"), "d/a");
  assert.equal(read("/srv/left/d/a"), "d/a");
  assert.equal(read("disk/Left"), "disk/Left");
  assert.throws(() => read("/disk/left/d"), UsageError);
});

Deno.test("typedPath() refuses what is in neither root", () => {
  for (
    const typed of [
      "/",
      "/srv",
      "/srv/left2/a",
      "/srv/lef",
      "..",
      "d/../a",
      "/srv/left/..",
    ]
  ) {
    assert.throws(() => typedPath(typed, POSIX, false), UsageError, typed);
  }
  for (
    const typed of ["C:\\x", "C:", "D:\\a", "\\\\server\\x", "d\\..\\a", "\\a"]
  ) {
    assert.throws(() => typedPath(typed, WINDOWS, true), UsageError, typed);
  }
});

/** [as it is written, as everything else spells it] */
const PREFIXES: readonly (readonly [string, string])[] = [
  ["\\\\?\\C:\\x", "C:\\x"],
  ["\\\\.\\C:\\x", "C:\\x"],
  ["\\\\?\\c:/x", "c:/x"],
  ["\\\\?/C:\\", "C:\\"],
  ["\\\\?\\UNC\\server\\share\\x", "\\\\server\\share\\x"],
  ["\\\\?\\unc\\server\\share", "\\\\server\\share"],
  ["\\\\.\\UNC\\server\\share", "\\\\server\\share"],
  // Nothing to be taken off, or nothing left then.
  ["C:\\x", "C:\\x"],
  ["\\\\server\\share", "\\\\server\\share"],
  ["\\\\?\\C:", "\\\\?\\C:"],
  ["\\\\?\\Volume{1}\\x", "\\\\?\\Volume{1}\\x"],
  ["\\\\?\\UNC", "\\\\?\\UNC"],
  ["\\\\UNC\\server\\share", "\\\\UNC\\server\\share"],
  ["//?/C:/x", "//?/C:/x"],
];

for (const [path, plain] of PREFIXES) {
  Deno.test(`withoutPrefix("${path}") is ${plain}`, () => {
    assert.equal(withoutPrefix(path), plain);
  });
}

const FINE = [
  "C:\\",
  "P:/",
  "C:\\a\\..\\b\\.",
  "\\\\server\\share\\x y",
  "config.yaml",
  "..\\logs\\a.log",
  ".hidden",
  "C:\\console\\null\\com10\\auxiliary.txt\\nul-1",
  "C:\\~$a #!%&'(),;=@[]^_`{}",
];

for (const path of FINE) {
  Deno.test(`whyNoPath() has nothing against ${path}`, () => {
    assert.equal(whyNoPath(path), null);
  });
}

/** [path, what is to be written] */
const STRANGE: readonly (readonly [string, RegExp])[] = [
  ["P:", /^a path in full, such as P:\\ or/],
  ["C:config.yaml", /^a path in full/],
  ["C:..\\x", /^a path in full/],
  ["\\\\?\\Volume{1}\\x", /^a path that begins with a drive or a share/],
  ["\\\\.\\PhysicalDrive0", /^a path that begins with a drive or a share/],
  ["\\\\?\\C:", /^a path that begins with a drive or a share/],
  ["//./nul", /^a path that begins with a drive or a share/],
  ...[
    "nul",
    "C:\\NUL",
    "C:\\con\\a",
    "prn.html",
    "C:\\aux .txt",
    "com1.tar.gz",
    "LPT\u00b9",
    "CONIN$",
    "conout$",
    "nul:",
    "C:\\x\\com\u00b2.log",
  ].map((path) =>
    [path, /^another name, as .* is a device of Windows$/] as const
  ),
  ["C:\\data ", /^"C:\\data", without blank or dot/],
  ["C:\\data.", /^"C:\\data", without/],
  ["C:\\data . .\\x", /^"C:\\data\\x", without/],
  ["a /b", /^"a\/b", without/],
  ["C:\\...", /without blank or dot at the end/],
  ...["<", ">", ":", '"', "|", "?", "*"].map((it) =>
    [`C:\\a${it}b`, new RegExp(`^names without \\${it},`)] as const
  ),
];

for (const [path, allowed] of STRANGE) {
  Deno.test(`whyNoPath("${path}") says what to write`, () => {
    assert.match(whyNoPath(path) ?? "", allowed);
  });
}

Deno.test("a double quote in an argument is told of, and all that it took with it", () => {
  assert.equal(whyNoArguments(["restore", "Ordner A\\", "--list"]), null);
  const taken = 'Ordner A" --config C:\\c\\config.yaml';
  const why = whyNoArguments(["restore", taken]) ?? "";
  assert.ok(why.includes(taken), why);
});

Deno.test("a Windows path is known by its beginning on any system", () => {
  for (const path of ["C:\\", "p:/x", "\\\\server\\share"]) {
    assert.ok(isWindowsPath(path), path);
  }
  for (const path of ["/srv", "C:", "x", "//server/share", ""]) {
    assert.ok(!isWindowsPath(path), path);
  }
});
