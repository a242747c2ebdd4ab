/**
 * Makes a binary with the walls of one config baked in.
 *
 * @module
 */

import { resolve } from "node:path";
import { EXIT, SyncError, UsageError } from "./errors.ts";
import { binaryFlags, type MadeFor, sandboxPart } from "./made_for.ts";
import { bundle, configFor, requireFile, runDeno, WORKERS } from "./making.ts";
import { print, warn } from "./output.ts";
import { quoted } from "./printable.ts";
import type { SandboxConfig } from "./sandbox.ts";
import { VERSION } from "./version.ts";

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
  const { config, isOpen } = plan.made;
  if (isOpen) warn("Without the sandbox: a root is on the network.");
  else if (config.networkRoots === "allow_all" && isCrossed(plan)) {
    warn(
      "With the sandbox: whether a drive such as P: is on the network can't be" +
        " seen from here. If it is, make the binary on that computer.",
    );
  }
  await compileBinary(plan);
  await requireProgram(plan);
  print(`Made ${quoted(plan.output)} for the config ${quoted(config.file)}:`);
  for (const flag of plan.flags) print(`  ${flag}`);
}

/** Windows is asked about its drives; no other system can be. */
function isCrossed({ target }: BinaryPlan): boolean {
  return target !== null && target.includes("windows") &&
    Deno.build.os !== "windows";
}

/**
 * What the options ask for. Reads the config and changes nothing.
 *
 * @param given The options, by name.
 * @returns What is to be made.
 * @throws {SyncError} A config or a path is not usable.
 */
export function planBinary(
  given: Readonly<Record<string, string | undefined>>,
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
  const flags = binaryFlags(config, realRoots(config, isWindows));
  const output = resolve(given.output ?? "office-sync");
  const ending = isWindows && !/\.exe$/iu.test(output) ? ".exe" : "";
  return {
    made: { config, isOpen: flags.includes("--allow-all") },
    flags,
    output: output + ending,
    target,
  };
}

/** A path of one system means nothing on the other. */
function requirePath(key: string, path: string, isWindows: boolean): void {
  const isRight = isWindows
    ? /^(?:[A-Za-z]:[\\/]|\\\\)/u.test(path)
    : path.startsWith("/");
  if (isRight) return;
  const [system, like] = isWindows
    ? ["Windows", "C:\\office\\config.yaml"]
    : ["this system", "/srv/office/config.yaml"];
  throw new UsageError(
    `${key}: ${
      quoted(path)
    } is no full path on ${system}, where the binary is` +
      ` to run; such as ${quoted(like)}.`,
  );
}

/** Where disks can't be looked at, a name can still tell of a server. */
function realRoots(config: SandboxConfig, isWindows: boolean): string[] {
  if (!isWindows) return [];
  return [config.leftRoot, config.rightRoot].map((root) => {
    try {
      return Deno.build.os === "windows" ? Deno.realPathSync(root) : root;
    } catch {
      // It is not there now; the run tells that.
      return root;
    }
  });
}

/**
 * Makes the binary. Whether it is a program depends on the base it is put on.
 *
 * @param plan What is to be made.
 * @throws {SyncError} It can't be made; also where its base can't be had.
 */
export async function compileBinary(plan: BinaryPlan): Promise<void> {
  const base = Deno.env.get("DENORT_BIN");
  if (base !== undefined) requireFile("DENORT_BIN", base);
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
 * A base that is no denort gives a file that looks like the binary and is
 * something else, with all permissions: the deno executable, for instance,
 * stays a deno. For another system that can't be seen.
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
