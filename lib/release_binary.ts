/**
 * Makes a binary with the walls of one config baked in.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { join, posix, resolve, win32 } from "node:path";
import { parseArgs } from "node:util";
import { type Invocation, windowsPath } from "./cli_args.ts";
import { print, warn } from "./cli_output.ts";
import type { ProgramHost } from "./cli_program.ts";
import {
  loadConfig,
  onDisk,
  parseConfig,
  requireApart,
} from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, SyncError, UsageError } from "./errors.ts";
import { withStateDb } from "./own_files.ts";
import { isHelpMark, whyNoArguments, whyNoPath } from "./paths.ts";
import { V8_FLAGS } from "./sandbox_launcher.ts";
import {
  CONSENT,
  networkRefusal,
  type NetworkRoot,
  networkRootsOf,
  networkWords,
  openWords,
  REAL_PATH,
  type RealPath,
  realRootsOf,
  requireLocalState,
} from "./sandbox_network.ts";
import {
  isOpen,
  type SandboxConfig,
  sandboxFlags,
  type SandboxOptions,
} from "./sandbox_permissions.ts";
import { codeOf } from "./system.ts";
import { printable, quoted, shellQuoted, VERSION } from "./text.ts";

// What system a program is for, by its first bytes. Pure.

/** A system and the processor it runs on. */
export interface Platform {
  readonly system: "windows" | "macos" | "linux";
  /** Null where it is another than Deno has. */
  readonly processor: "x86_64" | "aarch64" | null;
}

/** As many bytes tell all there is to know. */
export const HEAD_BYTES = 4096;

const PROCESSORS: Readonly<Record<number, Platform["processor"]>> = {
  // ELF
  0x3e: "x86_64",
  0xb7: "aarch64",
  // PE
  0x8664: "x86_64",
  0xaa64: "aarch64",
  // Mach-O
  0x01000007: "x86_64",
  0x0100000c: "aarch64",
};

/**
 * What system a program is for.
 *
 * @param head Its first bytes.
 * @returns Null for what is no program.
 *
 * @example
 * ```ts
 * import { platformOf } from "./release_binary.ts";
 * platformOf(new TextEncoder().encode("#!/bin/sh")); // null
 * ```
 */
export function platformOf(head: Uint8Array): Platform | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.byteLength < 64) return null;
  const processor = (code: number) => PROCESSORS[code] ?? null;
  switch (view.getUint32(0)) {
    case 0x7f454c46: // ELF
      return {
        system: "linux",
        processor: processor(view.getUint16(18, true)),
      };
    case 0xcffaedfe: // Mach-O, 64 bits
      return {
        system: "macos",
        processor: processor(view.getUint32(4, true)),
      };
  }
  if (view.getUint16(0) !== 0x4d5a) return null; // MZ
  const at = view.getUint32(0x3c, true);
  const isTold = at + 6 <= head.byteLength &&
    view.getUint32(at) === 0x50450000; // PE
  const code = isTold ? view.getUint16(at + 4, true) : 0;
  return { system: "windows", processor: processor(code) };
}

/**
 * The platform that a target of `deno compile` names.
 *
 * @param target Such as `x86_64-pc-windows-msvc`.
 * @returns Null for a name that tells nothing.
 */
export function platformNamed(target: string): Platform | null {
  const system = (["windows", "darwin", "linux"] as const).find((name) =>
    target.includes(name)
  );
  if (system === undefined) return null;
  const processor = (["x86_64", "aarch64"] as const).find((name) =>
    target.startsWith(name)
  );
  return {
    system: system === "darwin" ? "macos" : system,
    processor: processor ?? null,
  };
}

/**
 * A platform in words.
 *
 * @param platform The platform; null for what is none.
 */
export function platformWords(platform: Platform | null): string {
  if (platform === null) return "no program at all";
  const { system, processor } = platform;
  const name = { windows: "Windows", macos: "macOS", linux: "Linux" }[system];
  return `for ${name}${processor === null ? "" : ` (${processor})`}`;
}

// What a compiled binary was made for. Its walls were built when it was
// made and can't be moved: a config that asks for others is refused in words,
// before anything fails at a wall.

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
  const { file, roots, logging, email } = config;
  return {
    file,
    roots,
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
      const { loadConfig } = await import("./config_loader.ts");
      const config = await loadConfig(made.config.file);
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
    ["left_root", config.roots.left],
    ["right_root", config.roots.right],
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
    ["left_root", (it) => it.roots.left],
    ["right_root", (it) => it.roots.right],
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

// What making a binary and making a portable folder share: arguments, the
// config as it will be read elsewhere, the program as a few files, errors in
// words.

const PROJECT = join(import.meta.dirname ?? ".", "..");

/** Their files are loaded by name, so they can't be part of another one. */
export const WORKERS: readonly string[] = [
  "files_look_worker",
  "files_act_worker",
];

/** The options that were given, by name. */
export type Given = Readonly<Record<string, string | undefined>>;

/**
 * Runs a task, and tells in words what is wrong.
 *
 * @param args The arguments.
 * @param names Names of its options; each has a value.
 * @param help What `--help` prints.
 * @param task The task.
 * @returns The exit code.
 */
export async function runTask(
  args: readonly string[],
  names: readonly string[],
  help: string,
  task: (given: Given) => Promise<void>,
): Promise<number> {
  try {
    const given = readOptions(args, names);
    if (given === "help") print(help);
    else await task(given);
    return EXIT.agreed;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    warn(error.hint ? `${error.message}\n${error.hint}` : error.message);
    return error.exitCode;
  }
}

function readOptions(
  args: readonly string[],
  names: readonly string[],
): Given | "help" {
  const isWindows = Deno.build.os === "windows";
  const trouble = isWindows ? whyNoArguments(args) : null;
  if (trouble !== null) throw new UsageError(trouble);
  const texts = names.map((name) => [name, { type: "string" }] as const);
  try {
    const { values: { help, ...values } } = parseArgs({
      args: args.map((it) => isWindows && isHelpMark(it) ? "--help" : it),
      options: {
        ...Object.fromEntries(texts),
        help: { type: "boolean", short: "h" },
      },
    });
    if (help) return "help";
    const given: Given = values;
    const empty = names.find((name) => given[name] === "");
    if (empty !== undefined) throw new Error(`--${empty} needs a value`);
    return isWindows ? withPaths(given) : given;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const [sentence = ""] = (error as Error).message.split(/\. |\n/u);
    throw new UsageError(`${printable(sentence).replace(/\.$/u, "")}.`);
  }
}

/** All options but one name files and folders of this computer. */
function withPaths({ target, ...given }: Given): Given {
  const paths = Object.entries(given).map(([name, path = ""]) =>
    [name, windowsPath(`--${name}`, path)] as const
  );
  const all = Object.fromEntries(paths);
  return target === undefined ? all : { ...all, target };
}

/**
 * Reads a config as it will be read from another place.
 *
 * @param file The config as it is here.
 * @param place Where it will lie; relative paths in it start there.
 * @returns Its text, and what it says.
 * @throws {SyncError} It can't be read, or is not allowed there.
 */
export async function configFor(
  file: string,
  place: string,
): Promise<{ readonly text: string; readonly config: Config }> {
  // What is wrong with it is told of the file that a person can mend.
  await loadConfig(file);
  const text = Deno.readTextFileSync(file);
  return { text, config: await parseConfig(text, place) };
}

/**
 * Requires that a file is there.
 *
 * @param name What names it.
 * @param file Its path.
 * @throws {UsageError} It is not, or is no file.
 */
export function requireFile(name: string, file: string): void {
  try {
    if (Deno.statSync(file).isFile) return;
  } catch (error) {
    if (codeOf(error) === null) throw error;
  }
  throw new UsageError(`${name}: ${quoted(file)} is no file.`);
}

/**
 * Requires that a path means something on the system it is for.
 *
 * @param key What names it.
 * @param path The path.
 * @param isWindows Whether that system is Windows.
 * @throws {UsageError} It is a path of another system, or no full one.
 */
export function requirePath(
  key: string,
  path: string,
  isWindows: boolean,
): void {
  const isRight = isWindows
    ? /^(?:[A-Za-z]:[\\/]|\\\\)/u.test(path)
    : path.startsWith("/");
  const allowed = isWindows && isRight ? whyNoPath(path) : null;
  if (allowed !== null) {
    throw new UsageError(
      `${key}: "${printable(path)}" is not allowed; allowed: ${allowed}.`,
    );
  }
  if (isRight) return;
  const [system, like] = isWindows
    ? ["Windows", "C:\\office\\config.yaml"]
    : ["this system", "/srv/office/config.yaml"];
  throw new UsageError(
    `${key}: ${quoted(path)} is no full path on ${system}, where office-sync` +
      ` is to run; such as ${quoted(like)}.`,
  );
}

/**
 * Roots of which only the Windows computer they are on can tell whether they
 * are on the network.
 *
 * @param config The config.
 * @returns Their drives: `P:` and the like.
 */
export function unseenDrives(
  { roots }: Pick<Config, "roots">,
): string[] {
  // C: is where Windows itself is.
  const drives = [roots.left, roots.right].flatMap((root) =>
    /^(?!C:)[A-Z]:/iu.exec(root)?.[0].toUpperCase() ?? []
  );
  return [...new Set(drives)];
}

/**
 * A root's real path where it can't be looked at.
 *
 * @param root The root.
 */
export function asWritten(root: string): string {
  return root;
}

/**
 * Makes the program plain files that need no package and no network. What a
 * run rarely needs stays in files of its own: it would be loaded by each run
 * otherwise, and a mailer takes as long to load as a small sync takes.
 *
 * @param entries The entry files, in the project's folder.
 * @param folder Where the files are put, all beside each other.
 * @throws {SyncError} It can't be bundled.
 */
export async function bundle(
  entries: readonly string[],
  folder: string,
): Promise<void> {
  const built = Deno.makeTempDirSync();
  try {
    await runDeno(
      [
        "bundle",
        "--quiet",
        "--frozen",
        "--platform=deno",
        "--code-splitting",
        `--outdir=${built}`,
        ...entries,
        ...WORKERS.map((worker) => join("lib", `${worker}.ts`)),
      ],
      PROJECT,
      EXIT.unexpected,
    );
    const codes = [
      ...filesIn(built),
      // One folder for all: workers have come to lie in one of their own.
      ...filesIn(join(built, "lib")).map(([name, code]) =>
        [name, code.replaceAll(/"\.\.\/(?=[^"\n]*\.js")/gu, '"./')] as const
      ),
    ];
    for (const worker of WORKERS) {
      const url = `"./${worker}.ts"`;
      if (!codes.some(([, code]) => code.includes(url))) {
        throw new Error(`The bundle starts no ${worker}.`);
      }
    }
    for (const [name, code] of codes) {
      // Bundling leaves a worker's name as it was written.
      const text = WORKERS.reduce(
        (text, it) => text.replaceAll(`"./${it}.ts"`, `"./${it}.js"`),
        code,
      );
      Deno.writeTextFileSync(join(folder, name), text);
    }
  } finally {
    Deno.removeSync(built, { recursive: true });
  }
}

/** Name and text of each file in a folder. */
function filesIn(folder: string): (readonly [string, string])[] {
  return [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
    .map(({ name }) => [name, Deno.readTextFileSync(join(folder, name))]);
}

/**
 * Runs this Deno.
 *
 * @param args Its arguments.
 * @param cwd Where.
 * @param exitCode What it means if it fails.
 * @throws {SyncError} It failed; the cause has all it said.
 */
export async function runDeno(
  args: readonly string[],
  cwd: string,
  exitCode: ExitCode,
): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
  }).output();
  if (code === 0) return;
  const text = new TextDecoder().decode(stderr).trim();
  // The error and its causes; the rest is progress and addresses of code.
  const told = text.split("\n").map((line) =>
    /^(?:error|\s+\d+): (?!<unknown>)(.*)$/u.exec(line)?.[1] ?? ""
  ).filter((line) => line !== "");
  const words = told.length > 0 ? told.join("; ") : text;
  const message = `deno ${args[0]} failed: ${printable(words)}`;
  throw new SyncError(message, exitCode, { cause: text });
}

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
  /** The permission flags, as `sandbox_permissions.ts` says them. */
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
  const plan = await planBinary(given);
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
export async function planBinary(
  given: Readonly<Record<string, string | undefined>>,
  realPath: RealPath | null = REAL_PATH,
): Promise<BinaryPlan> {
  const target = given.target ?? null;
  const isWindows = target === null
    ? Deno.build.os === "windows"
    : target.includes("windows");
  const file = resolve(given.config ?? "config.yaml");
  const place = given["config-path"] ?? file;
  requirePath("--config-path", place, isWindows);
  const config = sandboxPart((await configFor(file, place)).config);
  requirePath("left_root", config.roots.left, isWindows);
  requirePath("right_root", config.roots.right, isWindows);
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
