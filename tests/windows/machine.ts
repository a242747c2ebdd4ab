/**
 * A Windows to run tests in: wine, in a Debian of its own that is made from
 * packages and kept outside of the project.
 *
 * @module
 */
import { join } from "node:path";

/** There is no machine, and why. */
export class NoMachine extends Error {
  override readonly name = "NoMachine";
}

/** The release that has wine 10; libc-bin has the locale for UTF-8. */
const RELEASE = "trixie";
const PACKAGES = "wine64,libc-bin";

/** To be raised with every change of what is made here. */
const EDITION = 1;

const WINE = "usr/lib/x86_64-linux-gnu/wine";
const SYSTEM32 = "opt/prefix/drive_c/windows/system32";

/** An ordinary user: the tests must not have the rights of root. */
const USER = 1000;

/**
 * Makes the machine, or takes the one that was made before.
 *
 * @param tell Told what goes on.
 * @returns Its root folder.
 * @throws {NoMachine} It can't be made here.
 */
export async function makeMachine(
  tell: (what: string) => void,
): Promise<string> {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    throw new NoMachine("it takes Linux on x86_64");
  }
  if (Deno.uid() !== 0) throw new NoMachine("it takes the rights of root");
  const kept = Deno.env.get("OFFICE_SYNC_WINE") ||
    "/var/cache/office-sync-wine";
  const { deno } = Deno.version;
  const root = join(kept, `${RELEASE}-deno-${deno}-${EDITION}`);
  if (isThere(root)) return root;
  tell(`Making a machine with wine: ${root}`);
  // Under another name until it is whole.
  const making = `${root}.${Deno.pid}`;
  try {
    Deno.mkdirSync(making, { recursive: true });
    await Promise.all([unpackWine(making), fetchDeno(`${making}.deno`, deno)]);
    furnish(making);
    await run("unshare", inside(making, "make", ["wineboot", "-i"]));
    Deno.renameSync(making, root);
  } catch (error) {
    throw new NoMachine(error instanceof Error ? error.message : String(error));
  } finally {
    for (const left of [making, `${making}.deno`]) {
      if (isThere(left)) Deno.removeSync(left, { recursive: true });
    }
  }
  return root;
}

/** Unpacked and no more: installing takes longer than all the rest. */
async function unpackWine(root: string): Promise<void> {
  await run("mmdebstrap", [
    "--variant=extract",
    `--include=${PACKAGES}`,
    '--aptopt=Acquire::Languages "none"',
    RELEASE,
    root,
  ]);
}

/** Deno for Windows, from the registry all packages come from. */
async function fetchDeno(folder: string, version: string): Promise<void> {
  Deno.mkdirSync(folder);
  const name = `@deno/win32-x64@${version}`;
  await run("npm", ["pack", "--silent", `--pack-destination=${folder}`, name]);
  const [packed] = [...Deno.readDirSync(folder)];
  await run("tar", ["xzf", join(folder, packed?.name ?? ""), "-C", folder]);
}

/** What installing would have done, as far as wine needs it. */
function furnish(root: string): void {
  const at = (...names: string[]) => join(root, ...names);
  for (const name of ["lib", "lib64"]) {
    Deno.symlinkSync(`usr/${name}`, at(name));
  }
  for (const name of ["proc", "sys", "dev", "tmp", "home", "p", "share"]) {
    Deno.mkdirSync(at(name), { recursive: true });
  }
  Deno.writeTextFileSync(
    at("etc/passwd"),
    `office:x:${USER}:${USER}::/home:/bin/sh\n`,
  );
  Deno.mkdirSync(at(SYSTEM32), { recursive: true });
  // Links to its own libraries: wine would make copies, 700 MB of them.
  for (const { name } of Deno.readDirSync(at(WINE, "x86_64-windows"))) {
    Deno.symlinkSync(
      join("/", WINE, "x86_64-windows", name),
      at(SYSTEM32, name),
    );
  }
  Deno.copyFileSync(
    at("usr/x86_64-w64-mingw32ucrt/lib/zlib1.dll"),
    at(SYSTEM32, "zlib1.dll"),
  );
  // There is no 32-bit program to run.
  Deno.removeSync(at(WINE, "i386-windows"), { recursive: true });
  const list = at("usr/share/wine/wine.inf");
  Deno.writeTextFileSync(
    list,
    Deno.readTextFileSync(list)
      .replace(/^; registration order matters[^]*?^66000,.*\n/mu, "")
      .replace(/^11,,(?:\*|shell32\.dll,1|quartz\.dll,1)\r?\n/gmu, ""),
  );
  const deno = at("opt/deno.exe");
  Deno.copyFileSync(`${root}.deno/package/deno.exe`, deno);
  Deno.chmodSync(deno, 0o755);
}

/**
 * Runs a program in the machine.
 *
 * @param root The machine's root folder.
 * @param what "make", or the folder of the project that is copied in.
 * @param command The program, as Windows calls it, and its arguments.
 * @returns Its exit code.
 */
export async function enter(
  root: string,
  what: string,
  command: readonly string[],
): Promise<number> {
  const child = new Deno.Command("unshare", {
    args: inside(root, what, command),
    stdin: "null",
    // Never a terminal: wine would draw on it.
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const show = (stream: ReadableStream<Uint8Array>, to: WritableStream) =>
    stream.pipeTo(to, { preventClose: true });
  await Promise.all([
    show(child.stdout, Deno.stdout.writable),
    show(child.stderr, Deno.stderr.writable),
  ]);
  return (await child.status).code;
}

function inside(
  root: string,
  what: string,
  command: readonly string[],
): string[] {
  const script = join(import.meta.dirname ?? ".", "enter.sh");
  return [
    ...["--mount", "--pid", "--fork", "--kill-child"],
    ...["sh", script, root, what, ...command],
  ];
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await outputOf(program, args);
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim().split("\n").slice(-3);
  throw new NoMachine(`${program} failed: ${said.join("; ")}`);
}

async function outputOf(
  program: string,
  args: readonly string[],
): Promise<Deno.CommandOutput> {
  try {
    const options: Deno.CommandOptions = { args: [...args], stdin: "null" };
    return await new Deno.Command(program, options).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new NoMachine(`there is no ${program}`);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
