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

Deno.test({
  name:
    "the owner that a copy is to have is given to it, and never to what a link in its place leads to",
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
  async fn() {
    using at = new TwoRoots().write({ left: { a: "1" } });
    const others = `${at.outside}/others`;
    Deno.writeTextFileSync(others, "somebody's");
    const temporary = at.right.absolute("copy");
    const { file } = await stageCopy({
      from: at.left,
      path: "a",
      seen: at.seen("left", "a"),
      to: at.right,
      temporary: "copy",
      mode: 0o644,
      model: { path: "copy", uid: 12_345, gid: 23_456 },
      wantsHash: false,
      checkpoint() {
        Deno.removeSync(temporary);
        Deno.symlinkSync(others, temporary);
        return Promise.resolve();
      },
    });
    file.close();
    assert.equal(Deno.lstatSync(others).uid, 0);
    assert.equal(Deno.lstatSync(temporary).uid, 12_345);
  },
});
