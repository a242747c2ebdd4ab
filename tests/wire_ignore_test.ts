import fc from "fast-check";
import assert from "node:assert/strict";
import {
  extensionOf,
  ignorePredicate,
  type IgnoreSettings,
} from "../lib/wire_ignore.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const NOTHING: IgnoreSettings = { extensions: [], prefixes: [], names: [] };

/** [settings, name, whether a file is ignored, whether a folder is] */
const ROWS: readonly [Partial<IgnoreSettings>, string, boolean, boolean][] = [
  [{ extensions: ["tmp"] }, "a.tmp", true, false],
  [{ extensions: ["tmp"] }, "a.TMP", true, false],
  [{ extensions: ["TMP"] }, "a.tmp", true, false],
  [{ extensions: [".tmp"] }, "a.tmp", true, false],
  [{ extensions: ["tmp"] }, "a.b.tmp", true, false],
  [{ extensions: ["tmp"] }, ".tmp", true, false],
  [{ extensions: ["tmp"] }, "tmp", false, false],
  [{ extensions: ["tmp"] }, "a.tmp.txt", false, false],
  [{ extensions: ["tmp"] }, "a.tmpx", false, false],
  [{ extensions: ["tmp"] }, "a.xtmp", false, false],
  [{ extensions: ["tmp"] }, "a.tmp ", false, false],
  [{ prefixes: ["~$"] }, "~$plan.xlsx", true, true],
  [{ prefixes: ["~$"] }, "~$", true, true],
  [{ prefixes: ["~$"] }, "plan~$.xlsx", false, false],
  [{ prefixes: [".~lock."] }, ".~LOCK.a#", true, true],
  [{ names: ["Thumbs.db"] }, "thumbs.DB", true, true],
  [{ names: ["Thumbs.db"] }, "thumbs.dbx", false, false],
  [{ names: ["Thumbs.db"] }, "my thumbs.db", false, false],
  [{ names: ["\u00fc"] }, "u\u0308", true, true],
  [{ prefixes: ["\u00dcber"] }, "u\u0308berblick", true, true],
  [{ extensions: ["tmp"], names: ["x"] }, "x", true, true],
];

for (const [settings, name, asFile, asFolder] of ROWS) {
  const [[kind, [text]]] = Object.entries(settings) as [[string, string[]]];
  Deno.test(`ignorePredicate() with ${kind} "${text}": "${name}"`, () => {
    const isIgnored = ignorePredicate({ ...NOTHING, ...settings });
    assert.equal(isIgnored(name, false), asFile, "a file");
    assert.equal(isIgnored(name, true), asFolder, "a folder");
  });
}

Deno.test("ignorePredicate() ignores nothing where nothing is to be ignored", () => {
  const isIgnored = ignorePredicate(NOTHING);
  fc.assert(fc.property(fc.string(), fc.boolean(), (name, isFolder) => {
    assert.equal(isIgnored(name, isFolder), false);
  }));
});

Deno.test("ignorePredicate() ignores case, whatever the name", () => {
  const text = fc.string({ unit: fc.constantFrom(..."aBcÄß.~$1 ") });
  const texts = fc.array(text, { maxLength: 2 });
  fc.assert(fc.property(
    fc.record({ extensions: texts, prefixes: texts, names: texts }),
    text,
    fc.boolean(),
    (settings, name, isFolder) => {
      const isIgnored = ignorePredicate(settings);
      assert.equal(
        isIgnored(name.toLowerCase(), isFolder),
        isIgnored(name, isFolder),
      );
    },
  ));
});

Deno.test("ignorePredicate() ignores what any of its lists names, and nothing else", () => {
  const text = fc.string({
    unit: fc.constantFrom(..."ab.~$|(\\^"),
    maxLength: 3,
  });
  const texts = fc.array(text, { maxLength: 2 });
  const lists = {
    extensions: texts,
    prefixes: texts,
    names: texts,
    junk: texts,
  };
  let ignored = 0;
  fc.assert(
    fc.property(
      fc.record(lists),
      text,
      fc.boolean(),
      (lists, name, isFolder) => {
        const { extensions, prefixes, names, junk } = lists;
        const isExtension = extensions
          .some((it) => it.replace(/^\./, "") === extensionOf(name));
        const expected = names.includes(name) ||
          (!isFolder && junk.includes(name) ? "junk" : false) ||
          prefixes.some((it) => name.startsWith(it)) ||
          !isFolder && isExtension;
        if (expected) ignored++;
        assert.equal(ignorePredicate(lists)(name, isFolder), expected);
      },
    ),
    { numRuns: 2_000 },
  );
  assert.ok(ignored > 200, `${ignored} of them were ignored`);
});

/** [name, the part after the last dot] */
const EXTENSIONS: readonly [string, string][] = [
  ["a.txt", "txt"],
  ["a.b.TXT", "txt"],
  ["a", ""],
  ["a.", ""],
  [".env", "env"],
];

for (const [name, extension] of EXTENSIONS) {
  Deno.test(`extensionOf("${name}") is "${extension}"`, () => {
    assert.equal(extensionOf(name), extension);
  });
}
