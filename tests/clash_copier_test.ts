import assert from "node:assert/strict";
import { type Side, SIDES } from "../lib/types.ts";
import { describe, file, MemoryOffice, read } from "./support/support.ts";
import { intercept } from "./support/two_roots.ts";

/** What somebody does to a clash copy, and where. */
const EDITS: readonly [string, readonly Side[], (path: string) => void][] = [
  ["changed on both sides", SIDES, scribble],
  ["changed on Left", ["left"], scribble],
  ["changed on Right", ["right"], scribble],
  ["removed from Left", ["left"], (path) => Deno.removeSync(path)],
  ["removed from Right", ["right"], (path) => Deno.removeSync(path)],
];

function scribble(path: string): void {
  Deno.writeTextFileSync(path, "scribbled over");
}

for (const [what, sides, edit] of EDITS) {
  Deno.test(`a version whose clash copy is ${what} before it is replaced is kept once more (section 6)`, async () => {
    using office = new MemoryOffice("soft_delete: { enabled: false }\n");
    office.write({ left: { "a.txt": "old" } });
    await office.settle();
    const at = (year: number, content: string) =>
      file(content, { mtime: `${year}-01-01T00:00:00Z` });
    office.write({
      left: { "a.txt": at(2024, "left's") },
      right: { "a.txt": at(2025, "right's, newer") },
    });
    let result;
    {
      using _program = intercept("renameSync", (real, from, to) => {
        if (from!.endsWith("left/a.txt")) {
          for (const side of sides) {
            const clash = [...Deno.readDirSync(office[side])]
              .find(({ name }) => name.includes(".clash-"))!;
            edit(`${office[side]}/${clash.name}`);
          }
        }
        return real(from, to);
      });
      result = await office.run();
    }
    assert.equal(read(office.left)["a.txt"], "right's, newer");
    const { detail } = result.outcomes.at(-1)!;
    assert.match(
      detail ?? "",
      /^its clash copy was changed at once; that version is now /,
    );
    await office.settle();
    for (const root of [office.left, office.right]) {
      const contents = Object.values(read(root));
      assert.ok(contents.includes("left's"), describe(result));
    }
  });
}
