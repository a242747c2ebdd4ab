import assert from "node:assert/strict";
import {
  isWindowsPath,
  whyNoArguments,
  whyNoPath,
  withoutPrefix,
} from "../lib/paths.ts";

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
