/**
 * A kernel of a test's own, User Mode Linux, in which a program may mount what
 * no container lets it. It sees the files of this system, and ends with it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fromFileUrl } from "../support/urls.ts";
import { requireTool } from "./support.ts";

const MODULES = "/usr/lib/uml/modules";

/** A program in a kernel of its own. */
export interface OwnKernel {
  /** The program, below `tests/`. */
  readonly program: string;
  readonly args?: readonly string[];
  /** Modules that the kernel has to load. */
  readonly modules: readonly string[];
  /** An image that it sees as `/dev/ubda`. */
  readonly disk?: string;
  readonly memoryMb: number;
  /** It is killed, with all that is in it, so long after it began, in s. */
  readonly limitS: number;
}

/**
 * Starts a kernel, runs a program in it, and halts it.
 *
 * @param folder For what the kernel needs itself.
 * @returns All that was said, by the kernel too.
 */
export async function inOwnKernel(
  folder: string,
  { program, args = [], modules, disk, memoryMb, limitS }: OwnKernel,
): Promise<string> {
  requireTool("linux.uml", "modprobe", "mount", "halt", "unshare", "timeout");
  const [version] = [...Deno.readDirSync(MODULES)].map(({ name }) => name);
  assert.ok(version, "the kernel's modules are there");
  // What Deno keeps in databases is each kernel's own: two that write to one
  // at once would break it, for both.
  const told = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] })
    .outputSync().stdout;
  const { npmCache, typescriptCache } = JSON.parse(
    new TextDecoder().decode(told),
  );
  const words = [
    ...[Deno.execPath(), "run", "--no-prompt", "--allow-all", "--no-check"],
    ...["--cached-only", `--config=${fromFileUrl("../deno.json")}`],
    ...[fromFileUrl(program), ...args],
  ];
  const init = `${folder}/init`;
  Deno.writeTextFileSync(
    init,
    `#!/bin/sh
export PATH='${Deno.env.get("PATH")}:/usr/sbin:/sbin' HOME='${
      Deno.env.get("HOME") ?? "/root"
    }'
mount -t proc proc /proc
mount -t tmpfs tmpfs /mnt
mkdir /mnt/lib
ln -s ${MODULES} /mnt/lib/modules
mkdir /mnt/deno
ln -s '${npmCache}' '${typescriptCache}' /mnt/deno
modprobe -d /mnt -a ${modules.join(" ")}
cd /
DENO_DIR=/mnt/deno TMPDIR=/mnt NO_COLOR=1 ${
      words.map((word) => `'${word}'`).join(" ")
    } ||
  dmesg | tail -n 40
halt -f -p -n
`,
  );
  Deno.chmodSync(init, 0o755);
  // Its processes are many: all are in one space, which ends with its first.
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    args: [
      ...["--signal=KILL", String(limitS)],
      ...["unshare", "--fork", "--pid", "--kill-child"],
      ...["linux.uml", `mem=${memoryMb}M`],
      ...["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"],
      ...[...disk === undefined ? [] : [`ubda=${disk}`], `init=${init}`],
      ...["con=null", "con0=null,fd:1", "ssl=null", "quiet"],
    ],
    stdin: "null",
    env: { TMPDIR: folder },
  }).output();
  const said = [stdout, stderr].map((it) => new TextDecoder().decode(it))
    .join("\n");
  assert.equal(code, 0, `ended with ${code}:\n${said}`);
  return said;
}
