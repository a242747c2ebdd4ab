import assert from "node:assert/strict";
import {
  keepBelongings,
  toBeKept,
  toBeSet,
} from "../lib/files_keep_windows.ts";

Deno.test("of what a file has a new version gets the time of creation and what a person sets, and is to be backed up", () => {
  const basic = new Uint8Array(40).fill(7);
  const view = new DataView(basic.buffer);
  for (
    const [had, gets] of [
      [0x0000_0080, 0x20],
      [0x0000_0020, 0x20],
      [0x0000_0003, 0x23],
      [0x0000_2004, 0x2024],
      // Compressed, sparse, temporary, kept elsewhere: what a file is.
      [0x0050_5fd0, 0x20],
    ] as const
  ) {
    view.setUint32(32, had, true);
    toBeKept(basic);
    assert.equal(view.getUint32(32, true), gets);
    const times = [...basic.subarray(0, 32)];
    assert.deepEqual(times, [...Array(8).fill(7), ...Array(24).fill(0)]);
  }
});

Deno.test("rights that follow those of the folder go on to do so, and no list of rights is never set", () => {
  const descriptor = (control: number, at: number) => {
    const rights = new Uint8Array(20);
    const view = new DataView(rights.buffer);
    view.setUint16(2, control, true);
    view.setUint32(16, at, true);
    return [toBeSet(rights), view.getUint16(2, true)];
  };
  assert.deepEqual(descriptor(0x8004, 20), [true, 0x8004]);
  assert.deepEqual(descriptor(0x8404, 20), [true, 0x8504]);
  // Inherits nothing.
  assert.deepEqual(descriptor(0x9004, 20), [true, 0x9004]);
  assert.deepEqual(descriptor(0x8004, 0), [false, 0x8004]);
});

Deno.test({
  name: "on other systems nothing of it is done",
  ignore: Deno.build.os === "windows",
  fn: () => keepBelongings("/nothing/a", "/nothing/b"),
});
