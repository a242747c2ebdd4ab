/**
 * A real share: Samba serves it and Linux mounts it, both in a kernel of their
 * own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { inOwnKernel } from "./own_kernel.ts";
import { note, requireTool, tool } from "./support.ts";

/** The client, and what it encrypts and signs with. */
const MODULES = [
  ...["cifs", "cmac", "hmac", "ctr", "ccm", "gcm", "ghash-generic"],
  "sha512_generic",
];

Deno.test("a real share: edits, a conflict, renames, deletions and a restore, by this PC and another, and a server that dies in mid-run: nothing is lost, all agree, with few requests a file", async () => {
  requireTool("smbd", "mount.cifs", "ip", "setsid", "mkfs.ext4");
  const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  try {
    const disk = `${folder}/disk`;
    tool("truncate", "-s", "64M", disk);
    tool("mkfs.ext4", "-q", disk);
    const said = await inOwnKernel(folder, {
      program: "faults/share_program.ts",
      args: ["/dev/ubda"],
      modules: MODULES,
      disk,
      memoryMb: 700,
      limitS: 180,
    });
    assert.match(said, /^share: all as it must be\r?$/m);
    for (const [, step = ""] of said.matchAll(/^ {4}(.*?)\r?$/gm)) note(step);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
