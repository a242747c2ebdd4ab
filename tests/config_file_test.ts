import fc from "fast-check";
import assert from "node:assert/strict";
import { parse } from "yaml";
import { loadConfig, parseConfig } from "../lib/config_loader.ts";
import { CONFIG_KEYS } from "../lib/config_schema.ts";
import { ConfigError, EXIT } from "../lib/errors.ts";
import { PROPOSED, ROOTS, told } from "./support/config_lines.ts";

/** Config files as they are found: the example, unreadable ones, any text. */

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const SLIPS = [
  "password: [§]",
  "password: {§: 1}",
  "password: {§: 1, §: 2}",
  "password: [§",
  "password: '§",
  'password: "§',
  'password: "\\q§"',
  "password: *§",
  "password: &§",
  "password: &§ x",
  "password: !§",
  "password: !§ x",
  "password: !<§",
  "password: §: x",
  "password: %§",
  "password: |§",
  "password: ? §",
  "password: - §",
  "password: {§",
  "password: '§'§",
  "password:§",
  "password:§: x",
  "{password:§}",
  "Password: §",
  "password_env: '§!'",
  "password_env: [§]",
  "pass: {x: §}",
  "smtp_host: smtp://u:§@h",
  "password: x\n  password: §",
  "password: §\n password: §",
  "password:\n    §\n   x: §",
  "password: § # §\n  x",
  "password: '§'",
  "password: >\n    §\n   §",
];
Deno.test("parseConfig() never tells a password, whatever is wrong with it", async () => {
  for (const slip of SLIPS) {
    for (const secret of ["hunter2", "*hunter2", "12345678"]) {
      const text = `${ROOTS}nonsense: 1\nemail:\n  ${
        slip.replaceAll("§", secret)
      }\n  to: x\n`;
      await assert.rejects(
        parseConfig(text, "c.yaml"),
        (error: ConfigError) => {
          const seen = Deno.inspect(error) + JSON.stringify(error);
          const shown = error.message +
            (seen + error.stack).replaceAll(text, "");
          return !shown.includes(secret.replace("*", "")) ||
            assert.fail(`${slip}: ${shown}`);
        },
      );
    }
  }
  assert.deepEqual(
    (await told(`${ROOTS}email: password=hunter2`)).join().includes("hunter2"),
    false,
  );
});

Deno.test("loadConfig() tells why a file can't be read", async () => {
  const folder = await Deno.makeTempDir();
  const rows: [name: string, bytes: Uint8Array | null, line: RegExp][] = [
    [
      "missing.yaml",
      null,
      /: there is no such file; write one with the command init, or name another with --config$/,
    ],
    ["", null, /: can't be read: /],
    [
      "latin.yaml",
      new Uint8Array([0x61, 0x3a, 0x20, 0xe4]),
      /: not in UTF-8; save it as UTF-8$/,
    ],
    [
      "utf16.yaml",
      new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3a, 0]),
      /: not in UTF-8; save it as UTF-8$/,
    ],
  ];
  try {
    for (const [name, bytes, line] of rows) {
      const file = `${folder}/${name}`;
      if (bytes) await Deno.writeFile(file, bytes);
      await assert.rejects(loadConfig(file), (error) => {
        assert(error instanceof ConfigError);
        assert.match(error.message, line);
        const [problem] = error.problems;
        assert.deepEqual([
          problem?.file,
          problem?.line,
          problem?.column,
          problem?.key,
        ], [file, null, null, null]);
        return error.exitCode === EXIT.usage && !error.message.includes("\n");
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const EXAMPLE = new URL("../config.example.yaml", import.meta.url);
const example = Deno.readTextFileSync(EXAMPLE);
/** The example with the settings that it shows switched off. */
const wholeExample = example.replace(
  /^( *)#(?=(?: {2})*(?:- |[a-z_]+:))/gm,
  "$1",
);

Deno.test("config.example.yaml loads, and changes no default but what to ignore", async () => {
  const config = await parseConfig(example, "/c.yaml");
  assert.deepEqual({ ...config, ignore: null }, {
    ...await parseConfig(ROOTS, "/c.yaml"),
    ignore: null,
  });
  assert.deepEqual(config.ignore, PROPOSED);
});

Deno.test("config.example.yaml has every key there is and no other", () => {
  const keys = Object.entries(parse(wholeExample)).flatMap(([key, value]) =>
    value !== null && typeof value === "object"
      ? [key, ...Object.keys(value).map((inner) => `${key}.${inner}`)]
      : [key]
  );
  assert.deepEqual(keys.toSorted(), CONFIG_KEYS.toSorted());
});

Deno.test("config.example.yaml names every default, and what it has switched off loads", async () => {
  const config = await parseConfig(
    wholeExample.replace(/^ *password: .*$/m, ""),
    "/c.yaml",
  );
  assert.equal(config.email?.passwordEnv, "OFFICE_SYNC_PASSWORD");
  const settings = wholeExample.match(/^ +[a-z_]+:/gm) ?? [];
  const required = wholeExample.match(/Required\./g) ?? [];
  const defaults = wholeExample.match(/Default: \S/g) ?? [];
  // left_root and right_root share one word; state_db stands at the margin.
  assert.equal(defaults.length + required.length, settings.length + 2);
});

/** Text that is nearly a config, and text that is nothing like one. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(
    fc.oneof(
      fc.constantFrom(
        ...CONFIG_KEYS.flatMap((key) => key.split(".")),
        "left_root: C:\\a\n",
      ),
      fc.constantFrom(
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n\t",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        '"',
        "'",
        "|",
        ">",
        "*a",
        "&a ",
        "!!str ",
        "%",
        "#",
        "---",
        "? ",
        "\\",
      ),
      fc.string({ unit: "grapheme", maxLength: 4 }),
    ),
    { maxLength: 30 },
  ).map((parts) => parts.join("")),
  fc.dictionary(fc.constantFrom(...CONFIG_KEYS, "x"), fc.jsonValue()).map((
    it,
  ) => JSON.stringify(it)),
);
Deno.test("parseConfig() throws nothing but a ConfigError, each problem in one line with its place", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyText,
      fc.string({ minLength: 1 }),
      async (text, file) => {
        try {
          await parseConfig(text, file);
        } catch (error) {
          assert(error instanceof ConfigError, String(error));
          assert(error.problems.length > 0);
          assert.equal(
            error.message.split(/[\n\r\u2028\u2029]/u).length,
            error.problems.length,
          );
          for (const { line, column } of error.problems) {
            assert(line! >= 1 && column! >= 1);
          }
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
