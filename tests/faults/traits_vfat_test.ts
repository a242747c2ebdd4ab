/**
 * A real FAT disk, with its even seconds, in a kernel of its own: few systems
 * have one that is not exFAT, and none lets its clock be moved for a test.
 *
 * @module
 */
import assert from "node:assert/strict";
import { inOwnKernel } from "./own_kernel.ts";
import { requireTool, tool } from "./support.ts";

const MODULES = ["vfat", "nls_cp437", "nls_iso8859-1", "nls_utf8"];

Deno.test("a real FAT disk: even seconds, another hour, one case, few names: nothing is copied without need, nothing is missed", async () => {
  requireTool("mkfs.vfat");
  const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  try {
    const disk = `${folder}/disk`;
    tool("truncate", "-s", "64M", disk);
    tool("mkfs.vfat", "-F", "32", disk);
    const said = await inOwnKernel(folder, {
      program: "faults/fat_program.ts",
      args: ["/dev/ubda"],
      modules: MODULES,
      disk,
      memoryMb: 1500,
      limitS: 300,
    });
    assert.match(said, /^FAT: all as it must be\r?$/m);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
