import assert from "node:assert/strict";
import { V8_FLAGS } from "../lib/inside.ts";

Deno.test("a run may take more memory than a PC has: the system pages it out", () => {
  const limit = 'import v8 from "node:v8";' +
    "console.log(v8.getHeapStatistics().heap_size_limit)";
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["eval", V8_FLAGS, limit],
  }).outputSync();
  const bytes = Number(new TextDecoder().decode(stdout));
  assert.ok(bytes >= 16 * 1024 ** 3, `${bytes} bytes`);
});
