/**
 * What a compiled binary was made for. Its walls were built when it was
 * made and can't be moved: a config that asks for others is refused in words,
 * before anything fails at a wall.
 *
 * @module
 */

import { posix, win32 } from "node:path";
import type { Config } from "./config_schema.ts";
import { EXIT, SyncError, UsageError } from "./errors.ts";
import type { Invocation } from "./invocation.ts";
import { printable, quoted } from "./printable.ts";
import type { ProgramHost } from "./program.ts";
import {
  isNetworkPath,
  type SandboxConfig,
  sandboxFlags,
  type SandboxOptions,
} from "./sandbox.ts";

/** What is baked into a binary. No secret is in it. */
export interface MadeFor {
  /** The part of the config its walls were built from. */
  readonly config: SandboxConfig;
  /** It has no walls, as a root was a network drive. */
  readonly isOpen: boolean;
}

/** One binary takes all commands: it has the walls of the widest, sync. */
const BINARY: Omit<SandboxOptions, "realRoots"> = {
  access: "sync",
  programFolder: null,
  outputFile: null,
};

/**
 * The permission flags of a binary.
 *
 * @param config What it has to touch; all paths absolute.
 * @param realRoots Real paths of the roots, where they are Windows paths.
 * @returns The flags for `deno compile`.
 * @throws {SyncError} As {@linkcode sandboxFlags}.
 */
export function binaryFlags(
  config: SandboxConfig,
  realRoots: readonly string[],
): string[] {
  return sandboxFlags(config, { ...BINARY, realRoots });
}

/**
 * The part of a config that walls are built from, and nothing else.
 *
 * @param config The whole config, passwords included.
 * @returns What may be baked.
 */
export function sandboxPart(config: Config): SandboxConfig {
  const { file, leftRoot, rightRoot, stateDb, logging, email } = config;
  return {
    file,
    leftRoot,
    rightRoot,
    stateDb,
    logging: { file: logging.file, maxFiles: logging.maxFiles },
    email: email && {
      smtpHost: email.smtpHost,
      smtpPort: email.smtpPort,
      passwordEnv: email.passwordEnv,
    },
    networkRoots: config.networkRoots,
  };
}

/**
 * What the program is told in a binary: the one config that is allowed, and
 * what can't be done behind its walls.
 *
 * @param made What the binary was made for.
 * @returns The host to run the program in.
 */
export function binaryHost(made: MadeFor): ProgramHost {
  return {
    check: (invocation) => requirePossible(made, invocation),
    async loadConfig(file) {
      requireConfigFile(made, file);
      const { loadConfig } = await import("./config_loader.ts");
      const config = loadConfig(made.config.file);
      requireSameWalls(made, sandboxPart(config));
      return config;
    },
  };
}

/**
 * Requires that a config asks for the walls the binary has.
 *
 * @param made What the binary was made for.
 * @param config What the config says now.
 * @throws {SyncError} It names other folders, files or another mail server.
 */
export function requireSameWalls(made: MadeFor, config: SandboxConfig): void {
  const said = flagsHere(config);
  if (String(said) !== String(flagsHere(made.config))) {
    const differences = differencesOf(made.config, config).join("; ");
    throw new SyncError(
      `This office-sync was made for other folders or another mail server: ${differences}.`,
      EXIT.usage,
      {
        hint: `Undo that in the config, or make a new one: ${
          again(config.file)
        }`,
      },
    );
  }
  // Without walls nothing is missing.
  if (made.isOpen || Deno.build.os !== "windows") return;
  const network = [config.leftRoot, config.rightRoot].map(realPath)
    .find(isNetworkPath);
  if (network === undefined) return;
  throw new SyncError(
    `A root is on the network (${printable(network)}), where files can't be` +
      " read inside the sandbox this office-sync was made with.",
    EXIT.usage,
    {
      hint: "Use a folder of this computer, or set sandbox.network_roots to" +
        ` allow_all and make a new one on this computer: ${again(config.file)}`,
    },
  );
}

/** The walls the text of a config asks for; disks are not looked at. */
function flagsHere(config: SandboxConfig): string[] {
  return binaryFlags({ ...config, networkRoots: "allow_all" }, []);
}

function realPath(root: string): string {
  try {
    return Deno.realPathSync(root);
  } catch {
    // A root that is not there is told by the run, as any other guard is.
    return root;
  }
}

function again(file: string): string {
  return `deno task compile --config ${quoted(file)}`;
}

/** What a person would look for in the config, each with both values. */
function differencesOf(was: SandboxConfig, is: SandboxConfig): string[] {
  const rows: readonly [string, (it: SandboxConfig) => unknown][] = [
    ["left_root", (it) => it.leftRoot],
    ["right_root", (it) => it.rightRoot],
    ["state_db", (it) => it.stateDb],
    ["logging.file", (it) => it.logging.file],
    ["logging.max_files", (it) => it.logging.maxFiles],
    ["email.smtp_host", (it) => it.email?.smtpHost],
    ["email.smtp_port", (it) => it.email?.smtpPort],
    ["email.password_env", (it) => it.email?.passwordEnv],
  ];
  const told = (value: unknown) =>
    value === undefined || value === null ? "nothing" : quoted(String(value));
  return rows.filter(([, of]) => of(was) !== of(is)).map(([key, of]) =>
    `${key} was ${told(of(was))} and is ${told(of(is))}`
  );
}

function requireConfigFile({ config }: MadeFor, file: string): void {
  const isWindows = !config.file.startsWith("/");
  const full = (isWindows ? win32 : posix).resolve(file);
  // A path is the same there in any case and with any slash.
  const key = (path: string) =>
    isWindows ? win32.normalize(path).toLowerCase() : path;
  if (key(full) === key(config.file)) return;
  throw new SyncError(
    `This office-sync was made for the config ${quoted(config.file)} and can` +
      ` read no other: ${quoted(full)}.`,
    EXIT.usage,
    { hint: `Make one for that config: ${again(full)}` },
  );
}

function requirePossible({ config }: MadeFor, invocation: Invocation): void {
  if (invocation.command === "init") {
    throw new UsageError(
      `This office-sync has its config, ${quoted(config.file)}, and can write` +
        " no other; init is for deno task sync.",
    );
  }
  const report = "report" in invocation ? invocation.report : null;
  if (report === null) return;
  const { state } = Deno.permissions.querySync({ name: "write", path: report });
  if (state === "granted") return;
  throw new UsageError(
    `--report: this office-sync can't write ${quoted(report)}; it can write` +
      ` into the folder of its log, ${quoted(config.logging.file)}, if that` +
      " holds nothing else.",
  );
}
