/**
 * What `deno task test:windows` starts: runs the tests in `tests/windows/`, and
 * those in `tests/` that make sense there, in Deno for Windows under wine.
 *
 * @module
 */
import { join } from "node:path";
import { warn } from "../../lib/cli_output.ts";
import { enter, makeMachine, NoMachine } from "./machine.ts";
import { PORTABLE } from "./portable.ts";

/** As test runners tell that a test was not run, which is no success. */
const NOT_RUN = 77;

const PROJECT = join(import.meta.dirname ?? ".", "..", "..");

/** What is copied into the machine, besides a cache and a portable folder. */
const PARTS = [
  ...["deno.json", "deno.lock", "launch.ts", "main.ts", "config.example.yaml"],
  ...["lib", "tests"],
];

Deno.exitCode = await main(Deno.args);

async function main(args: readonly string[]): Promise<number> {
  try {
    const root = await makeMachine(warn);
    // All that is needed to be quick later.
    if (args[0] === "--make") return 0;
    return await test(root, args);
  } catch (error) {
    if (!(error instanceof NoMachine)) throw error;
    warn(`Not run: no Windows here, ${error.message}`);
    return NOT_RUN;
  }
}

async function test(root: string, files: readonly string[]): Promise<number> {
  const folder = Deno.makeTempDirSync();
  try {
    const project = join(folder, "office-sync");
    Deno.mkdirSync(project);
    await command("cp", [
      "-r",
      ...PARTS.map((it) => join(PROJECT, it)),
      project,
    ]);
    await command(Deno.execPath(), ["install", "--quiet", "--frozen"], {
      DENO_DIR: join(folder, "cache"),
    });
    await makePortable(root, folder);
    return await enter(root, folder, [
      ...["cmd", "/c", "cd", "/d", "C:\\office-sync", "&&"],
      ...["Z:\\opt\\deno.exe", "test", "--no-prompt", "--frozen"],
      ...["--cached-only", "--allow-all", "--no-check", "--parallel"],
      ...files.length > 0 ? files : ["tests/windows/", ...PORTABLE],
    ]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** As somebody makes it on Linux for a PC with Windows. */
async function makePortable(root: string, folder: string): Promise<void> {
  const config = join(folder, "config.yaml");
  Deno.writeTextFileSync(
    config,
    "left_root: 'C:\\pdrive_local'\nright_root: 'P:\\'\n",
  );
  await command(Deno.execPath(), [
    ...["task", "--quiet", "package", "--config", config],
    ...["--output", join(folder, "Program Files", "Office Sync")],
    ...["--deno", join(root, "opt", "deno.exe")],
  ]);
}

async function command(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: PROJECT,
    env,
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
