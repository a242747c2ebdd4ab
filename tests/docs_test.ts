import assert from "node:assert/strict";
import { join } from "node:path";
import { fromFileUrl } from "./support/urls.ts";

/** [file, words of a test's name] of each line of the table. */
function namedTests(): [string, string][] {
  const text = Deno.readTextFileSync(fromFileUrl("../docs/safety.md"));
  return text.split("\n")
    .filter((line) => line.startsWith("|") && !/^\| (?:what |-)/.test(line))
    .map((line) => {
      const cell = line.split("|").at(-2)!.trim();
      const [, file = "", words = ""] = /^`([^`]+)`: (.+)$/.exec(cell) ?? [];
      assert.ok(words !== "", `a line names no test: ${line}`);
      return [file, words];
    });
}

Deno.test("every line of docs/safety.md has its test", () => {
  const named = namedTests();
  assert.ok(named.length > 60);
  for (const [file, words] of named) {
    const text = Deno.readTextFileSync(fromFileUrl(`../${file}`));
    // Long names are broken into lines where they are arguments.
    assert.ok(text.replace(/\s+/g, " ").includes(words), `${file}: ${words}`);
  }
});

Deno.test("every test that runs on Windows too is there", () => {
  const script = Deno.readTextFileSync(fromFileUrl("windows/run.sh"));
  const [, names = ""] = /^portable="([^"]+)"$/m.exec(script) ?? [];
  for (const name of names.split(/\s+/)) {
    Deno.statSync(fromFileUrl(`${name}_test.ts`));
  }
});

Deno.test("whatever a module exports is documented, and in types that it exports too", async () => {
  const lib = fromFileUrl("../lib");
  const modules = [...Deno.readDirSync(lib)].map(({ name }) => join(lib, name));
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", fromFileUrl("../main.ts"), ...modules],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  const found = text.matchAll(
    /^error\[([a-z-]+)\]: (.*)\n +--> (\S+):(\d+):(\d+)$/gm,
  );
  const bad = [...found].filter((
    [, rule, what = "", file = "", , column],
  ) =>
    // A member whose name and type say all needs no sentence.
    !(rule === "missing-jsdoc" && column !== "1") &&
    // The config's types are those of its schema, which a package infers.
    !(file.endsWith("/config_schema.ts") &&
      /InferOutput|explicit type/.test(what))
  );
  assert.deepEqual(bad.map(([all]) => all), []);
  assert.match(
    text,
    /Found \d+ documentation lint errors|^Checked \d+ files?/m,
  );
});
