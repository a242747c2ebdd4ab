import assert from "node:assert/strict";
import { dropCopy, stageCopy } from "../lib/files_copy.ts";
import { TwoRoots } from "./support/two_roots.ts";

Deno.test("a copy that is dropped goes, but never through a folder swapped for a link", async () => {
  for (const isSwapped of [false, true]) {
    using at = new TwoRoots().write({ left: { d: { a: "1" } } });
    Deno.mkdirSync(at.right.absolute("d"));
    using copy = (await stageCopy({
      from: at.left,
      path: "d/a",
      seen: at.seen("left", "d/a"),
      to: at.right,
      temporary: "d/copy",
      mode: 0o644,
      wantsHash: false,
    })).file;
    assert.ok(copy);
    if (isSwapped) {
      Deno.renameSync(at.right.absolute("d"), at.right.absolute("away"));
      Deno.writeTextFileSync(`${at.outside}/copy`, "somebody's");
      Deno.symlinkSync(at.outside, at.right.absolute("d"));
    }
    dropCopy({ to: at.right, temporary: "d/copy" });
    if (isSwapped) {
      const text = Deno.readTextFileSync(`${at.outside}/copy`);
      assert.equal(text, "somebody's");
    } else assert.deepEqual(at.trees().right, { d: {} });
  }
});
