import assert from "node:assert/strict";
import { Office, write } from "../tests/support.ts";
import { Memory } from "./habits_mounts.ts";
import { note, rests, told } from "./neighbours_program.ts";

Deno.test("100,000 files in one folder are synced, and an edit among them", async () => {
  using office = new Office();
  // On a disk each copy is flushed, which takes minutes and shows nothing more.
  await using _left = await Memory.over(office.left);
  await using _right = await Memory.over(office.right);
  const folder = `${office.left}/many`;
  Deno.mkdirSync(folder);
  for (let n = 0; n < 100_000; n++) {
    Deno.openSync(`${folder}/f${n}`, { create: true, write: true }).close();
  }
  const first = await told(office.config);
  assert.equal(first.code, 0, JSON.stringify(first.document.guard));
  assert.equal(first.document.summary.COPY_LEFT_TO_RIGHT, 100_000);
  const second = await rests(office.config);
  write(office.right, { many: { "f77": "edited" } });
  Deno.removeSync(`${office.right}/many/f78`);
  const third = await told(office.config);
  assert.deepEqual([...third.lines].sort(), [
    "COPY_RIGHT_TO_LEFT many/f77",
    "SOFT_DELETE_LEFT many/f78",
  ]);
  const seconds = [first, second, third].map(({ tookMs }) =>
    `${(tookMs / 1000).toFixed(1)} s`
  );
  note(`100,000 files: copied in ${seconds[0]}, then ${seconds.slice(1)}`);
});
