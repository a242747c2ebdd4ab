/**
 * What a compiled binary was made for. Its walls were built when it was
 * made and can't be moved: a config that asks for others is refused in words,
 * before anything fails at a wall.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import type { Invocation } from "./cli_args.ts";
import type { ProgramHost } from "./cli_program.ts";
import { onDisk } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, SyncError, UsageError } from "./errors.ts";
import { withStateDb } from "./own_files.ts";
import {
  CONSENT,
  networkRootsOf,
  networkWords,
  REAL_PATH,
  type RealPath,
  realRootsOf,
  requireLocalState,
} from "./sandbox_network.ts";
import {
  type SandboxConfig,
  sandboxFlags,
  type SandboxOptions,
} from "./sandbox_permissions.ts";
import { quoted, shellQuoted } from "./text.ts";

/** What is baked into a binary. No secret is in it. */
export interface MadeFor {
  /** The part of the config its walls were built from. */
  readonly config: SandboxConfig;
  /** It has no walls, as a root was a network drive. */
  readonly isOpen: boolean;
}

/** One binary takes all commands: it has the walls of the widest, sync. */
const BINARY: Omit<SandboxOptions, "realRoots" | "onDisk"> = {
  access: "sync",
  programFolder: null,
  outputFile: null,
};

/**
 * The permission flags of a binary.
 *
 * @param config What it has to touch; all paths absolute.
 * @param realRoots Real paths of the roots, where they are Windows paths.
 * @param spelled Tells how the disk spells a path; left out: as it is written,
 *   as that disk can't be looked at.
 * @returns The flags for `deno compile`.
 * @throws {SyncError} As {@linkcode sandboxFlags}.
 */
export function binaryFlags(
  config: SandboxConfig,
  realRoots: readonly string[],
  spelled: (path: string) => string = (path) => path,
): string[] {
  return sandboxFlags(config, { ...BINARY, realRoots, onDisk: spelled });
}

/**
 * The part of a config that walls are built from, and nothing else.
 *
 * @param config The whole config, passwords included.
 * @returns What may be baked.
 */
export function sandboxPart(config: Config): SandboxConfig {
  const { file, leftRoot, rightRoot, logging, email } = config;
  return {
    file,
    leftRoot,
    rightRoot,
    stateDb: config.stateDb,
    oldStateDb: config.oldStateDb,
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
      const { readConfig } = await import("./config_loader.ts");
      const config = await readConfig(made.config.file);
      requireSameWalls(made, sandboxPart(config));
      return await withStateDb(config);
    },
  };
}

/**
 * Requires that a config asks for the walls the binary has.
 *
 * @param made What the binary was made for.
 * @param config What the config says now.
 * @param realPath Tells real paths of roots.
 * @throws {SyncError} It names other folders, files or another mail server, or
 *   a root is on the network and the binary has walls.
 */
export function requireSameWalls(
  made: MadeFor,
  config: SandboxConfig,
  realPath: RealPath | null = REAL_PATH,
): void {
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
  requireReadable(made, config, realPath);
}

/** What could only be told by a failure at the first file, or not at all. */
function requireReadable(
  { isOpen }: MadeFor,
  config: SandboxConfig,
  realPath: RealPath | null,
): void {
  if (isOpen && config.networkRoots === "refuse") {
    throw new SyncError(
      "This office-sync was made without the sandbox, and the config does not" +
        " allow that any more: sandbox.network_roots is refuse.",
      EXIT.usage,
      {
        hint: `Set it to allow_all, or make a new one: ${again(config.file)}`,
      },
    );
  }
  requireLocalState(config.stateDb, realPath);
  const network = networkRootsOf(config, realRootsOf(config, realPath));
  // Without walls nothing is missing.
  if (isOpen) return;
  if (network.length === 0) return requireSpelled(config);
  const isAllowed = config.networkRoots === "allow_all";
  const consent = isAllowed
    ? "make"
    : `let the config say\n${CONSENT}\nand make`;
  const missing = isAllowed
    ? ""
    : "; and the config does not say sandbox.network_roots: allow_all";
  throw new SyncError(
    `${networkWords(network)}, where files can't be read inside the sandbox` +
      ` that this office-sync was made with${missing}.`,
    EXIT.usage,
    {
      hint: `What to do: ${consent} a new one on this computer, or with the` +
        ` root written as \\\\server\\share: ${again(config.file)}`,
    },
  );
}

/**
 * An open file is judged by how the disk spells it, which who made this may not
 * have been able to see, or which has changed since.
 */
function requireSpelled(config: SandboxConfig): void {
  const places = [
    ["left_root", config.leftRoot],
    ["right_root", config.rightRoot],
    ["logging.file", config.logging.file],
  ] as const;
  for (const [key, path] of places) {
    const real = onDisk(path);
    const { state } = Deno.permissions.querySync({ name: "write", path: real });
    if (real === path || state === "granted") continue;
    throw new SyncError(
      `${key} ${quoted(path)} is spelled ${quoted(real)} on the disk, which ` +
        "the sandbox that this office-sync was made with does not let it " +
        "touch.",
      EXIT.usage,
      {
        hint: "What to do: write it so in the config, and make a new one: " +
          again(config.file),
      },
    );
  }
}

/** The walls the text of a config asks for; disks are not looked at. */
function flagsHere(config: SandboxConfig): string[] {
  return binaryFlags({ ...config, networkRoots: "allow_all" }, []);
}

function again(file: string): string {
  const word = shellQuoted(file, !file.startsWith("/"));
  return `deno task compile --config ${word ?? quoted(file)}`;
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
  const [option, file] = "report" in invocation
    ? ["--report", invocation.report]
    : "write" in invocation
    ? ["--write", invocation.write]
    : ["", null];
  if (file === null) return;
  const { state } = Deno.permissions.querySync({ name: "write", path: file });
  if (state === "granted") return;
  throw new UsageError(
    `${option}: this office-sync can't write ${quoted(file)}; it can write` +
      ` into the folder of its log, ${quoted(config.logging.file)}, if that` +
      " holds nothing else.",
  );
}
