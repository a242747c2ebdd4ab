/**
 * A real FAT disk, with its even seconds, in a kernel of its own: few systems
 * have one that is not exFAT, and none lets its clock be moved for a test.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fromFileUrl } from "../support/urls.ts";
import { requireTool, tool } from "./support.ts";

const MODULES = "/usr/lib/uml/modules";
const NEEDED = [
  "fs/fat/fat",
  "fs/fat/vfat",
  "fs/nls/nls_cp437",
  "fs/nls/nls_iso8859-1",
  "fs/nls/nls_utf8",
];

/** The first program of that kernel: it sees the files of this system. */
function firstProgram(version: string): string {
  const program = fromFileUrl("faults/fat_program.ts");
  return `#!/bin/sh
export PATH='${Deno.env.get("PATH")}:/usr/sbin:/sbin' HOME='${
    Deno.env.get("HOME") ?? "/root"
  }'
mount -t proc proc /proc
mount -t tmpfs tmpfs /mnt
for it in ${NEEDED.join(" ")}; do
  insmod ${MODULES}/${version}/kernel/$it.ko
done
cd /
TMPDIR=/mnt NO_COLOR=1 '${Deno.execPath()}' run --no-prompt --allow-all \\
  --no-check --cached-only --config='${fromFileUrl("../deno.json")}' \\
  '${program}' /dev/ubda
halt -f -p
`;
}

Deno.test("a real FAT disk: even seconds, another hour, one case, few names: nothing is copied without need, nothing is missed", () => {
  requireTool("linux.uml", "insmod", "mkfs.vfat", "mount");
  const [version] = [...Deno.readDirSync(MODULES)].map(({ name }) => name);
  assert.ok(version, "the kernel's modules are there");
  const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  try {
    tool("truncate", "-s", "64M", `${folder}/disk`);
    tool("mkfs.vfat", "-F", "32", `${folder}/disk`);
    Deno.writeTextFileSync(`${folder}/init`, firstProgram(version));
    Deno.chmodSync(`${folder}/init`, 0o755);
    const { stdout, stderr } = new Deno.Command("linux.uml", {
      args: [
        "mem=1500M",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "rw",
        `ubda=${folder}/disk`,
        `init=${folder}/init`,
        "con=null",
        "con0=null,fd:1",
        "ssl=null",
        "quiet",
      ],
      stdin: "null",
      env: { TMPDIR: folder },
    }).outputSync();
    const said = [stdout, stderr].map((it) => new TextDecoder().decode(it));
    assert.match(said.join("\n"), /^FAT: all as it must be\r?$/m);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
