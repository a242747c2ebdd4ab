import assert from "node:assert/strict";
import { actions, Office } from "./support.ts";

Deno.test("smoke", async () => {
  using office = new Office();
  office.write({ left: { "a.txt": "one", d: { "b.txt": "two" } } });
  const first = await office.settle();
  assert.deepEqual(actions(first), [
    "CREATE_DIR_RIGHT d",
    "COPY_LEFT_TO_RIGHT a.txt",
    "COPY_LEFT_TO_RIGHT d/b.txt",
  ]);
  assert.deepEqual(actions(await office.settle()), []);
  const doc = await office.json();
  assert.equal(doc.summary.NOOP, 2);
});
