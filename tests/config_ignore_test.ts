import fc from "fast-check";
import assert from "node:assert/strict";
import ignore from "ignore";
import { ignoreSettings } from "../lib/config_ignore.ts";
import { parseConfig } from "../lib/config_loader.ts";
import { ignorePredicate, type IgnoreSettings } from "../lib/wire_ignore.ts";
import { ROOTS, told } from "./support/config_lines.ts";

/** The settings of a config with these patterns, and no others. */
async function settingsOf(
  paths: readonly string[],
  ignoresCase = false,
): Promise<IgnoreSettings> {
  const text = `${ROOTS}ignore: ${JSON.stringify({ paths, junk: [] })}\n`;
  const { ignore } = await parseConfig(text, "/c.yaml");
  return await ignoreSettings(ignore, ignoresCase);
}

/** As a scan asks: from the root down, and not below what is ignored. */
function isIgnored(settings: IgnoreSettings, path: string): boolean {
  const asked = ignorePredicate(settings);
  const isDirectory = path.endsWith("/");
  const names = path.split("/").filter(Boolean);
  return names.some((name, at) => {
    const isLast = at === names.length - 1;
    const folder = names.slice(0, at).join("/");
    return asked(name, isLast ? isDirectory : true, folder) === true;
  });
}

/** [patterns, ignored, not ignored]; a folder ends with a slash. */
// deno-fmt-ignore
const ROWS: readonly [readonly string[], readonly string[], readonly string[]][] = [
  [["*.bak"], ["a.bak", "d/a.bak", "d.bak/", "d.bak/x", ".bak"], ["a.bak.txt", "bak", "a.BAK"]],
  [["/Archive/"], ["Archive/", "Archive/x"], ["Archive", "d/Archive/", "archive/"]],
  [["Archive/"], ["d/Archive/", "d/Archive/x"], ["d/Archive"]],
  [["d/x"], ["d/x", "d/x/y"], ["e/d/x"]],
  [["Scans/**"], ["Scans/a", "Scans/b/"], ["Scans/", "d/Scans/a"]],
  [["**/tmp/*"], ["tmp/a", "a/b/tmp/c/"], ["tmp/", "tmp"]],
  [["*.bak", "!keep.bak"], ["a.bak"], ["keep.bak", "d/keep.bak"]],
  [["!keep.bak", "*.bak"], ["keep.bak"], []],
  [["/d/*", "!/d/keep/"], ["d/a", "d/keep"], ["d/", "d/keep/", "d/keep/a"]],
  [["/d/", "!/d/keep"], ["d/keep", "d/"], []],
  [["a\\*b", "\\!x", "\\#y"], ["a*b", "!x", "#y"], ["axb", "x", "y"]],
  [["[!a-c]x"], ["dx", "!x"], ["ax", "x", "d/ax"]],
  [["u\u0308"], ["\u00fc", "u\u0308"], ["u"]],
];

for (const [patterns, yes, no] of ROWS) {
  Deno.test(`ignore.paths ${JSON.stringify(patterns)}`, async () => {
    const settings = await settingsOf(patterns);
    for (const path of yes) assert.ok(isIgnored(settings, path), path);
    for (const path of no) assert.ok(!isIgnored(settings, path), path);
  });
}

Deno.test("ignore.paths takes upper and lower case for the same where a root does", async () => {
  const settings = await settingsOf(["/Archiv/Ä.*"], true);
  assert.ok(isIgnored(settings, "ARCHIV/ä.TXT"));
});

const part = fc.string({
  unit: fc.constantFrom(..."ab*?![]\\-^ #."),
  maxLength: 5,
});
const patterns = fc.array(
  fc.array(fc.oneof(part, fc.constantFrom("a", "**", "")), {
    minLength: 1,
    maxLength: 4,
  })
    .map((parts) => parts.join("/")),
  { minLength: 1, maxLength: 4 },
);
const name = fc.string({
  unit: fc.constantFrom(..."ab!#. -^"),
  minLength: 1,
  maxLength: 3,
})
  .filter((it) => !/^\.{1,2}$/.test(it));
const paths = fc.array(
  fc.tuple(
    fc.array(name, { minLength: 1, maxLength: 4 }),
    fc.constantFrom("", "/"),
  )
    .map(([names, end]) => names.join("/") + end),
  { minLength: 1, maxLength: 8 },
);

/** Those that a config may have. */
async function allowed(all: readonly string[]): Promise<string[]> {
  const kept: string[] = [];
  for (const it of all) {
    const text = `${ROOTS}ignore: ${JSON.stringify({ paths: [it] })}\n`;
    if ((await told(text)).length === 0) kept.push(it);
  }
  return kept;
}

Deno.test("ignore.paths ignores what the library does, folder by folder; none that is allowed matches nothing", async () => {
  await fc.assert(
    fc.asyncProperty(patterns, paths, async (made, asked) => {
      const kept = await allowed(made);
      const settings = await settingsOf(kept);
      for (const { source } of settings.paths ?? []) {
        assert.ok(!source.includes("[]"), `${kept} -> ${source}`);
      }
      const whole = ignore({ ignorecase: false })
        .add(kept.map((pattern) => ({ pattern })));
      for (const path of asked) {
        assert.equal(
          isIgnored(settings, path),
          whole.ignores(path),
          `${JSON.stringify(kept)}: ${path}`,
        );
      }
    }),
    { numRuns: 200, seed: 20260101 },
  );
});

const hasGit = await new Deno.Command("git", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: "ignore.paths ignores what Git does",
  ignore: !hasGit,
  fn: async () => {
    const root = Deno.makeTempDirSync({ prefix: "office-sync-" });
    const git = async (args: string[], text = ""): Promise<string> => {
      const child = new Deno.Command("git", {
        args: ["-C", root, "-c", "core.ignorecase=false", ...args],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(text));
      await writer.close();
      const { stdout } = await child.output();
      return new TextDecoder().decode(stdout);
    };
    try {
      await git(["init", "-q"]);
      const samples = fc.sample(fc.tuple(patterns, paths), {
        numRuns: 40,
        seed: 20260101,
      });
      for (const [made, asked] of samples) {
        const kept = await allowed(made);
        const settings = await settingsOf(kept);
        Deno.writeTextFileSync(
          `${root}/.gitignore`,
          kept.map((it) => `${it}\n`).join(""),
        );
        // Of a path that is not there, Git goes by its slash.
        const lines = asked.map((it) => `${it}\0`).join("");
        const ignored = new Set(
          (await git(["check-ignore", "--no-index", "-z", "--stdin"], lines))
            .split("\0"),
        );
        for (const path of asked) {
          assert.equal(
            isIgnored(settings, path),
            ignored.has(path),
            `${JSON.stringify(kept)}: ${path}`,
          );
        }
      }
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  },
});
