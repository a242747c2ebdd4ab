import assert from "node:assert/strict";
import { SlowShare } from "../../tools/bench/slow_share.ts";
import { actions, describe, file, Office, read } from "../support/support.ts";
import { requireTool } from "./support.ts";

const OLD = Date.UTC(2024, 0, 15, 8, 30);

const bytes = (text: string) => new TextEncoder().encode(text).length;

for (const most of [143, 175]) {
  Deno.test(`a real file system with names of ${most} bytes: conflicts on names near that are resolved at once, longer names are told`, async () => {
    requireTool("umount");
    using office = new Office();
    const behind = `${office.folder}/behind`;
    Deno.mkdirSync(behind);
    using _ = new SlowShare(behind, office.right, 0, most);
    const names = [
      "a".repeat(most - 5) + ".docx",
      "ö".repeat(Math.floor(most / 2)),
      "👨‍👩‍👧‍👦".repeat(5) + ".txt",
    ];
    const tooLong = "l".repeat(most + 1);
    const tree = (text: string, mtime: number) =>
      Object.fromEntries(names.map((name) => [name, file(text, { mtime })]));
    office.write({
      left: { ...tree("older", OLD), [tooLong]: "only on Left" },
      right: tree("the newer", OLD + 60_000),
    });
    const first = await office.command("--json");
    assert.equal(first.code, 1, first.stdout + first.stderr);
    const { actions: acted } = JSON.parse(first.stdout);
    const failed = acted.filter((it: { outcome: string }) =>
      it.outcome !== "done"
    );
    assert.deepEqual(failed.map((it: { path: string }) => it.path), [tooLong]);
    assert.match(failed[0].detail, /name is too long for the disk/);
    Deno.renameSync(`${office.left}/${tooLong}`, `${office.left}/shorter`);
    await office.agree();
    const both = read(office.left);
    assert.deepEqual(read(office.right), both);
    assert.equal(Object.keys(both).length, 2 * names.length + 1);
    assert.ok(Object.keys(both).every((name) => bytes(name) <= most));
    for (const name of names) {
      Deno.removeSync(`${office.left}/${name}`);
    }
    const last = await office.agree();
    assert.equal(actions(last).length, names.length, describe(last));
  });
}
