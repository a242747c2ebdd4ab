import fc from "fast-check";
import assert from "node:assert/strict";
import { printable, quoted, shellQuoted, sizeWords } from "../lib/text.ts";
import { anyText } from "./support/random_text.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

/** Built from numbers, so that this file can be read without surprises. */
const chars = (...units: number[]) => String.fromCharCode(...units);

const HIDDEN: [what: string, text: string, shown: string][] = [
  ["a line break", "a\nb", "a\\nb"],
  ["a carriage return", "a\rb", "a\\rb"],
  ["a tab", "a\tb", "a\\tb"],
  ["a NUL", chars(0), "\\u0000"],
  ["a terminal escape", chars(0x1b) + "[2J", "\\u001b[2J"],
  ["a delete character", chars(0x7f), "\\u007f"],
  ["an 8-bit terminal escape", chars(0x9b) + "2J", "\\u009b2J"],
  ["a next line character", chars(0x85), "\\u0085"],
  ["a line separator", chars(0x2028), "\\u2028"],
  ["a paragraph separator", chars(0x2029), "\\u2029"],
  [
    "a right-to-left override",
    `a${chars(0x202e)}cod.exe`,
    "a\\u202ecod.exe",
  ],
  ["a bidi isolate", chars(0x2066), "\\u2066"],
  ["an Arabic letter mark", chars(0x61c), "\\u061c"],
  ["a zero-width space", chars(0x200b), "\\u200b"],
  ["a byte order mark", chars(0xfeff), "\\ufeff"],
  ["half a surrogate pair", chars(0xd83d), "\\ud83d"],
];

for (const [what, text, shown] of HIDDEN) {
  Deno.test(`printable() shows ${what}`, () => {
    assert.equal(printable(text), shown);
  });
}

Deno.test("printable() leaves names in every script as they are", () => {
  const names = [
    "Angebot Müller & Söhne (final).docx",
    "報告書.xlsx",
    "تقرير.pdf",
    // A joiner, and a pair of surrogates: no name should be torn apart.
    `family ${chars(0xd83d, 0xdc68, 0x200d, 0xd83d, 0xdc69)}.png`,
    "P:\\Docs\\a.txt",
    'a "b".txt',
  ];
  for (const name of names) assert.equal(printable(name), name);
});

Deno.test("printable() gives one line of visible characters, whatever comes in", () => {
  const hidden = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
  fc.assert(fc.property(anyText, (text) => {
    assert.doesNotMatch(printable(text), hidden);
    assert.equal(printable(printable(text)), printable(text));
  }));
});

Deno.test("quoted() gives one line that says exactly which text it was", () => {
  fc.assert(fc.property(anyText, (text) => {
    assert.equal(JSON.parse(quoted(text)), text);
    assert.doesNotMatch(quoted(text), /[\n\r\u2028]/u);
  }));
});

Deno.test("quoted() lets no text end the quotes early", () => {
  assert.equal(quoted('a" rule=5.3 "\\'), '"a\\" rule=5.3 \\"\\\\"');
});

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

const NAMES = [
  "plain.txt",
  "My plan.txt",
  "Grüße & Küsse.txt",
  "a'b.txt",
  'a"b.txt',
  "$HOME.txt",
  "`id`.txt",
  "back\\slash.txt",
  "wow!.txt",
  "star*?.txt",
  "-dash.txt",
  "~tilde",
  "#hash",
  "semi;colon|pipe>out",
  "100%.txt",
];

Deno.test("shellQuoted() gives one word that a POSIX shell reads as the path", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const words = NAMES.map((name) => shellQuoted(name, false));
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `printf '%s\\n' ${words.join(" ")}`],
  }).output();
  assert.deepEqual(
    new TextDecoder().decode(stdout).trimEnd().split("\n"),
    NAMES,
  );
});

Deno.test("shellQuoted() uses double quotes where both systems' shells take them", () => {
  for (const isWindows of [true, false]) {
    assert.equal(shellQuoted("plain-1.txt", isWindows), "plain-1.txt");
    assert.equal(shellQuoted("My plan.txt", isWindows), '"My plan.txt"');
    assert.equal(shellQuoted("a\nb", isWindows), null);
  }
  assert.equal(shellQuoted("$a & b.txt", true), '"$a & b.txt"');
  assert.equal(shellQuoted("%PATH%.txt", true), null);
});
