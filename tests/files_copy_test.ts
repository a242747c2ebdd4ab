import assert from "node:assert/strict";
import { Skipped } from "../lib/system.ts";
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
      model: null,
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

const LINKS = { link: Deno.symlinkSync, "second name": Deno.linkSync };

for (const [what, link] of Object.entries(LINKS)) {
  Deno.test({
    name:
      `mode and owner that a copy is to have are never given to another file, of which a ${what} took its place`,
    ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
    async fn() {
      using at = new TwoRoots().write({ left: { a: "1" } });
      const others = `${at.outside}/others`;
      Deno.writeTextFileSync(others, "somebody's", { mode: 0o600 });
      const temporary = at.right.absolute("copy");
      const copying = stageCopy({
        from: at.left,
        path: "a",
        seen: at.seen("left", "a"),
        to: at.right,
        temporary: "copy",
        mode: 0o644,
        model: { path: "copy", uid: 12, gid: 23 },
        wantsHash: false,
        checkpoint() {
          Deno.removeSync(temporary);
          link(others, temporary);
          return Promise.resolve();
        },
      });
      await assert.rejects(copying, Skipped);
      const { uid, mode } = Deno.lstatSync(others);
      assert.deepEqual([uid, mode! & 0o777], [0, 0o600]);
      assert.deepEqual(at.trees().right, {});
    },
  });
}
