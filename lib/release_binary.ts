/**
 * Makes a binary with the walls of one config baked in.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { resolve } from "node:path";
import { print, warn } from "./cli_output.ts";
import { onDisk, requireApart } from "./config_loader.ts";
import { EXIT, SyncError } from "./errors.ts";
import {
  HEAD_BYTES,
  platformNamed,
  platformOf,
  platformWords,
} from "./executables.ts";
import { V8_FLAGS } from "./inside.ts";
import { binaryFlags, type MadeFor, sandboxPart } from "./made_for.ts";
import {
  asWritten,
  bundle,
  configFor,
  requireFile,
  requirePath,
  runDeno,
  unseenDrives,
  WORKERS,
} from "./making.ts";
import {
  networkRefusal,
  type NetworkRoot,
  networkRootsOf,
  openWords,
  REAL_PATH,
  type RealPath,
  realRootsOf,
  requireLocalState,
} from "./sandbox_network.ts";
import { isOpen } from "./sandbox_permissions.ts";
import { quoted, VERSION } from "./text.ts";

/** The options of {@linkcode compile}. */
export const COMPILE_OPTIONS = ["config", "output", "target", "config-path"];

/** What `--help` prints. */
export const COMPILE_HELP = `Makes a binary of office-sync for one config.

Usage: deno task compile --config FILE [OPTIONS]

Options:
  --config FILE       the config it is made for (default: config.yaml)
  --output FILE       the binary (default: office-sync in the current folder)
  --target TARGET     another system, such as x86_64-pc-windows-msvc
  --config-path FILE  where the config will lie on that system`;

/** What is to be made. */
export interface BinaryPlan {
  readonly made: MadeFor;
  /** The permission flags, as `sandbox.ts` says them. */
  readonly flags: readonly string[];
  /** Absolute path of the binary. */
  readonly output: string;
  /** Null: this system. */
  readonly target: string | null;
  /** Roots on the network, as far as can be seen from here. */
  readonly network: readonly NetworkRoot[];
  /** Whether the system could be asked that the binary is for. */
  readonly isAsked: boolean;
}

/**
 * Makes a binary, and says what it may touch.
 *
 * @param given The options, by name.
 * @throws {SyncError} A config or a path is not usable, or the binary can't
 * be made.
 */
export async function compile(
  given: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const plan = planBinary(given);
  const { made, network, isAsked } = plan;
  const { config } = made;
  requireBase(plan);
  const drives = isAsked ? [] : unseenDrives(config);
  if (made.isOpen) warn(openWords(network));
  else if (drives.length > 0) warn(driveWords(drives));
  await compileBinary(plan);
  await requireProgram(plan);
  print(`Made ${quoted(plan.output)} for the config ${quoted(config.file)}:`);
  for (const flag of plan.flags) print(`  ${flag}`);
}

function driveWords(drives: readonly string[]): string {
  return `If ${drives.join(" or ")} is a network drive on that computer, this` +
    " office-sync will stop there and say so: write \\\\server\\share in its" +
    " place, or make it on that computer, with sandbox.network_roots:" +
    " allow_all.";
}

/**
 * What the options ask for. Reads the config and changes nothing.
 *
 * @param given The options, by name.
 * @param realPath Tells real paths of roots here.
 * @returns What is to be made.
 * @throws {SyncError} A config or a path is not usable, or a root is on the
 *   network and the config does not allow that.
 */
export function planBinary(
  given: Readonly<Record<string, string | undefined>>,
  realPath: RealPath | null = REAL_PATH,
): BinaryPlan {
  const target = given.target ?? null;
  const isWindows = target === null
    ? Deno.build.os === "windows"
    : target.includes("windows");
  const file = resolve(given.config ?? "config.yaml");
  const place = given["config-path"] ?? file;
  requirePath("--config-path", place, isWindows);
  const config = sandboxPart(configFor(file, place).config);
  requirePath("left_root", config.leftRoot, isWindows);
  requirePath("right_root", config.rightRoot, isWindows);
  requirePath("state_db", config.stateDb, isWindows);
  requirePath("logging.file", config.logging.file, isWindows);
  const asked = isWindows ? realPath ?? asWritten : null;
  requireLocalState(config.stateDb, asked);
  const realRoots = realRootsOf(config, asked);
  const network = networkRootsOf(config, realRoots);
  if (network.length > 0 && config.networkRoots === "refuse") {
    // Told of the file that a person can mend from here.
    throw networkRefusal({ file }, network);
  }
  if (target === null) requireApart(config, null);
  const spelled = target === null ? onDisk : undefined;
  const flags = binaryFlags(config, realRoots, spelled);
  const output = resolve(given.output ?? "office-sync");
  const ending = isWindows && !/\.exe$/iu.test(output) ? ".exe" : "";
  return {
    made: { config, isOpen: isOpen(flags) },
    flags,
    output: output + ending,
    target,
    network,
    isAsked: !isWindows || realPath !== null,
  };
}

/**
 * Makes the binary. Whether it is a program depends on the base it is put on.
 *
 * @param plan What is to be made.
 * @throws {SyncError} It can't be made; also where its base can't be had.
 */
export async function compileBinary(plan: BinaryPlan): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await bundle(["binary.ts"], folder);
    const target = plan.target === null ? [] : [`--target=${plan.target}`];
    await runDeno(
      [
        "compile",
        // Nothing around the bundle counts, neither settings nor packages.
        "--no-config",
        "--no-lock",
        "--no-check",
        "--app-name=office-sync",
        V8_FLAGS,
        ...WORKERS.map((worker) => `--include=${worker}.js`),
        ...target,
        `--output=${plan.output}`,
        ...plan.flags,
        "binary.js",
        JSON.stringify(plan.made),
      ],
      folder,
      EXIT.usage,
    );
  } catch (error) {
    throw isMissingBase(error) ? noBase(error) : error;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function isMissingBase(error: unknown): boolean {
  return error instanceof SyncError &&
    String(error.cause).includes("dl.deno.land");
}

function noBase(cause: unknown): SyncError {
  return new SyncError(
    `The base runtime of a binary, denort ${Deno.version.deno}, can't be` +
      " downloaded from dl.deno.land: name a copy of it with DENORT_BIN=FILE," +
      " or make the portable folder, which needs none: deno task package.",
    EXIT.unexpected,
    { cause },
  );
}

/**
 * What can be seen of a base for another system, where what comes out can't
 * be tried out.
 */
function requireBase({ target }: BinaryPlan): void {
  const base = Deno.env.get("DENORT_BIN");
  if (base === undefined) return;
  requireFile("DENORT_BIN", base);
  const bytes = Buffer.from(Deno.readFileSync(base));
  const found = platformOf(bytes.subarray(0, HEAD_BYTES));
  const wanted = platformNamed(target ?? Deno.build.target);
  const isOther = found?.system !== wanted?.system ||
    found?.processor !== wanted?.processor;
  if (wanted !== null && isOther) {
    throw new SyncError(
      `DENORT_BIN: ${quoted(base)} is ${platformWords(found)}, and must be a` +
        ` denort ${Deno.version.deno} ${platformWords(wanted)}.`,
      EXIT.usage,
    );
  }
  if (target === null || !bytes.includes(DENO_WORDS)) return;
  throw new SyncError(
    `DENORT_BIN: ${quoted(base)} is the deno executable, and must be a denort` +
      ` ${Deno.version.deno}: on top of deno nothing would have walls.`,
    EXIT.usage,
  );
}

/** In the help of the deno executable; a denort has none. */
const DENO_WORDS = "Compile the script into a self contained executable";

/**
 * A base that is no denort gives a file that looks like the binary and is
 * something else, with all permissions: the deno executable, for instance,
 * stays a deno. For another
 * system no more can be seen than {@linkcode requireBase} sees.
 */
async function requireProgram({ output, target }: BinaryPlan): Promise<void> {
  if (target !== null) return;
  if (await versionOf(output) === VERSION) return;
  Deno.removeSync(output);
  const base = Deno.env.get("DENORT_BIN") ?? "";
  throw new SyncError(
    `What came out is not office-sync, and is removed again: DENORT_BIN must` +
      ` name a denort ${Deno.version.deno}, and is ${quoted(base)}.`,
    EXIT.usage,
  );
}

async function versionOf(program: string): Promise<string> {
  const command = new Deno.Command(program, {
    args: ["--version"],
    stdin: "null",
    stderr: "null",
  });
  try {
    const { stdout } = await command.output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    // What can't even be started has none.
    return "";
  }
}
