import assert from "node:assert/strict";
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
