import assert from "node:assert/strict";
import { describe, file, Office, read } from "./support.ts";
import { intercept } from "./two_roots.ts";

Deno.test("a version whose clash copies are changed before it is replaced is kept once more (section 6)", async () => {
  using office = new Office();
  office.write({ left: { "a.txt": "old" } });
  await office.settle();
  const at = (year: number, content: string) =>
    file(content, { mtime: `${year}-01-01T00:00:00Z` });
  office.write({
    left: { "a.txt": at(2024, "left's") },
    right: { "a.txt": at(2025, "right's, newer") },
  });
  using _program = intercept("renameSync", (real, from, to) => {
    if (from!.endsWith("left/a.txt")) {
      for (const root of [office.left, office.right]) {
        const clash = [...Deno.readDirSync(root)]
          .find(({ name }) => name.includes(".clash-"))!;
        Deno.writeTextFileSync(`${root}/${clash.name}`, "scribbled over");
      }
    }
    return real(from, to);
  });
  const result = await office.run();
  const contents = Object.values(read(office.left));
  assert.ok(contents.includes("left's"), describe(result));
  assert.equal(read(office.left)["a.txt"], "right's, newer");
  const { detail } = result.outcomes.at(-1)!;
  assert.match(detail ?? "", /^its clash copy was changed at once; that .*-2/);
});
