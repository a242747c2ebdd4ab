import assert from "node:assert/strict";
import { newRunId } from "../lib/run.ts";

Deno.test("runs of one moment have different ids", () => {
  const ids = Array.from({ length: 1000 }, () => newRunId(1_779_000_000_000));
  assert.equal(new Set(ids).size, ids.length);
  assert.match(ids[0]!, /^20260517-064000-[0-9a-f]{8}$/);
});
