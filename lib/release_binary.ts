/**
 * Makes a binary with the sandbox of one config baked in, and runs it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { join, posix, resolve, win32 } from "node:path";
import {
  type Invocation,
  optionValue,
  outputOf,
  splitArguments,
  withHelp,
} from "./cli_args.ts";
import { print, warn } from "./cli_output.ts";
import type { FilesOf, ProgramHost } from "./cli_program.ts";
import {
  loadConfig,
  onDisk,
  parseConfig,
  requireApart,
  withStateDb,
} from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, SyncError, UsageError } from "./errors.ts";
import { isInside, whyNoPath } from "./paths.ts";
import { V8_FLAGS } from "./sandbox_launcher.ts";
import {
  networkRefusal,
  networkRootsOf,
  networkWords,
  oldWordHint,
  REAL_PATH,
  type RealPath,
  realRootsOf,
  requireLocalState,
  wallWords,
} from "./sandbox_network.ts";
import {
  flagsOf,
  type Sandbox,
  type SandboxConfig,
  sandboxOf,
  type ThreadPermissions,
} from "./sandbox_permissions.ts";
import { entryFile, MADE_FOR } from "./started_as.ts";
import { codeOf } from "./system.ts";
import { printable, quoted, shellQuoted, VERSION } from "./text.ts";
import { type Both, bothOf, SIDES } from "./types.ts";
import type { NetworkRoot } from "./wire_messages.ts";

// A binary's sandbox was made with it and can't be changed: a config that asks
// for another one is refused in words, before anything fails for it.

/** What is baked into a binary. No secret is in it. */
export interface MadeFor {
  /** The part of the config its sandbox was made from. */
  readonly config: SandboxConfig;
  /** What its threads may do; without the flags, which are baked as such. */
  readonly sandbox: Omit<Sandbox, "flags">;
  /** Of the engine of the command panel. */
  readonly panel: ThreadPermissions;
}

/**
 * What a program in a binary runs in.
 *
 * @param made What the binary was made for.
 * @param filesOf Gives what answers for its roots.
 */
export function binaryHost(made: MadeFor, filesOf: FilesOf): ProgramHost {
  return {
    filesOf,
    check: (invocation) => requirePossible(made, invocation),
    async loadConfig(file) {
      requireConfigFile(made, file);
      const config = await loadConfig(made.config.file);
      const part = sandboxPart(config);
      requireSameText(made, part);
      const files = await filesOf(config.roots);
      // One that is not there a guard tells, as anywhere.
      const real = await bothOf((side) =>
        files.ask("check", { side }).then(
          ({ path }) => path,
          () => config.roots[side],
        )
      );
      requireReached(made, part, real);
      return await withStateDb(config, filesOf);
    },
  };
}

/**
 * The sandbox of a binary. It takes all commands, and so has that of sync and
 * that of the panel; no thread has both.
 *
 * @param spelled Tells how the disk spells a path; left out: as it is written,
 *   as that disk can't be looked at.
 */
function binarySandbox(
  config: SandboxConfig,
  realRoots: readonly string[],
  spelled: (path: string) => string = (path) => path,
): Sandbox & Pick<MadeFor, "panel"> {
  const all = { programFolder: null, realRoots, onDisk: spelled };
  const sync = { access: "sync", outputFile: null, ...all } as const;
  const sandbox = sandboxOf(config, sync);
  const outputFile = entryFile(config);
  // Any port that is free, as nobody knows now which one will be.
  const { engine: panel } = sandboxOf(config, {
    ...{ access: "panel", port: 0, outputFile, ...all },
  });
  const { files, engine, flags } = sandbox;
  return {
    ...sandbox,
    panel,
    flags: files === "all" ? flags : flagsOf([files, engine, panel]),
  };
}

/** By keys of the config. */
function pathsOf({ roots, stateDb, logging }: SandboxConfig) {
  return [
    ["left_root", roots.left],
    ["right_root", roots.right],
    ["state_db", stateDb],
    ["logging.file", logging.file],
  ] as const;
}

/**
 * The part of a config that a sandbox is made from, and nothing else.
 *
 * @param config The whole config, passwords included.
 * @returns What may be baked.
 */
export function sandboxPart(config: Config): SandboxConfig {
  const { file, roots, logging, email, monitor } = config;
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
    monitor: monitor && { host: monitor.host },
    networkRoots: config.networkRoots,
  };
}

/**
 * Requires that a config asks for the sandbox the binary has, as far as its
 * text tells.
 *
 * @param made What the binary was made for.
 * @param config What the config says now.
 * @throws {SyncError} It names other folders, files, or another mail server or
 *   monitor.
 */
export function requireSameText(made: MadeFor, config: SandboxConfig): void {
  const [was, is] = [made.config, config].map((it) =>
    String(binarySandbox(it, []).flags)
  );
  if (was === is) return;
  const differences = differencesOf(made.config, config).join("; ");
  throw refusal(
    `This office-sync was made for other folders or another mail server or monitor: ${differences}.`,
    "Undo that in the config, or make a new one",
    config.file,
  );
}

/**
 * Requires that the sandbox of a binary reaches what the config names: what
 * could only be told by a failure at the first file, or not at all.
 *
 * @param real The real paths of both roots.
 * @param realPath Tells those of other folders; null: any will do.
 * @throws {SyncError} A root is on the network, and the binary was made with
 *   less than that takes, or with all permissions, which the config refuses;
 *   or a path is spelled on the disk as the sandbox does not know it.
 */
export function requireReached(
  made: MadeFor,
  config: SandboxConfig,
  real: Both<string>,
  realPath: RealPath | null = REAL_PATH,
): void {
  requireLocalState(config.stateDb, realPath);
  const isRefused = config.networkRoots === "refuse";
  const { files } = made.sandbox;
  if (files === "all") {
    // Else nothing is missing.
    if (!isRefused) return;
    throw refusal(
      "This office-sync was made with all permissions, for a root on the " +
        "network, and the config says sandbox.network_roots: refuse.",
      "What to do: let it say fence, or make a new one",
      config.file,
    );
  }
  const realRoots = realPath === null ? [] : SIDES.map((side) => real[side]);
  const network = networkRootsOf(config, realRoots);
  if (network.length > 0) {
    const first = isRefused
      ? "let the config say sandbox.network_roots: fence, and make"
      : "make";
    throw refusal(
      `${networkWords(network)}, where nothing less than all permissions ` +
        "lets anybody read files, and this office-sync was made with less.",
      `What to do: ${first} a new one on this computer, or with the root ` +
        "written as \\\\server\\share",
      config.file,
    );
  }
  // An open file is judged by how the disk spells it, which who made this may
  // not have been able to see, or which has changed since.
  const log = config.logging.file;
  const spelled = [
    ...SIDES.map((side) =>
      [`${side}_root`, config.roots[side], real[side]] as const
    ),
    ["logging.file", log, onDisk(log)] as const,
  ];
  const may = [...files.write, ...made.sandbox.engine.write];
  for (const [key, path, found] of spelled) {
    if (found === path || may.some((it) => isInside(found, it))) continue;
    throw refusal(
      `${key} ${quoted(path)} is spelled ${quoted(found)} on the disk, which ` +
        "the sandbox that this office-sync was made with does not let it " +
        "touch.",
      "What to do: write it so in the config, and make a new one",
      config.file,
    );
  }
}

function refusal(message: string, todo: string, file: string): SyncError {
  const word = shellQuoted(file, !file.startsWith("/")) ?? quoted(file);
  const hint = `${todo}: deno task compile --config ${word}`;
  return new SyncError(message, EXIT.usage, { hint });
}

/** What a person would look for in the config, each with both values. */
function differencesOf(was: SandboxConfig, is: SandboxConfig): string[] {
  const valuesOf = (it: SandboxConfig) =>
    Object.entries({
      left_root: it.roots.left,
      right_root: it.roots.right,
      state_db: it.stateDb,
      "logging.file": it.logging.file,
      "logging.max_files": it.logging.maxFiles,
      "email.smtp_host": it.email?.smtpHost,
      "email.smtp_port": it.email?.smtpPort,
      "email.password_env": it.email?.passwordEnv,
      "monitor's host": it.monitor?.host,
    }).map((
      [key, it],
    ) => [key, `${it ?? ""}` === "" ? "nothing" : quoted(`${it}`)]);
  const now = valuesOf(is);
  return valuesOf(was).flatMap(([key, value], n) =>
    value === now[n]![1] ? [] : [`${key} was ${value} and is ${now[n]![1]}`]
  );
}

function requireConfigFile({ config }: MadeFor, file: string): void {
  const isWindows = !config.file.startsWith("/");
  const full = (isWindows ? win32 : posix).resolve(file);
  // A path is the same there in any case and with any slash.
  const key = (path: string) =>
    isWindows ? win32.normalize(path).toLowerCase() : path;
  if (key(full) === key(config.file)) return;
  throw refusal(
    `This office-sync was made for the config ${quoted(config.file)} and can` +
      ` read no other: ${quoted(full)}.`,
    "Make one for that config",
    full,
  );
}

function requirePossible({ config }: MadeFor, invocation: Invocation): void {
  if (invocation.command === "init") {
    throw new UsageError(
      `This office-sync has its config, ${quoted(config.file)}, and can write` +
        " no other; init is for deno task sync.",
    );
  }
  if (invocation.command === "panel" && invocation.port !== 0) {
    throw new UsageError(
      "--port: this office-sync takes any port that is free.",
    );
  }
  const { option, file } = outputOf(invocation);
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
const WORKERS = [
  "engine_worker",
  "files_look_worker",
  "files_act_worker",
  "files_show_worker",
];

/** The options that were given, by name. */
export type Given = Readonly<Record<string, string | undefined>>;

/**
 * Runs a task, and tells in words what is wrong.
 *
 * @param args The arguments.
 * @param help What `--help` prints: the options are those it lists.
 * @param task The task.
 * @returns The exit code.
 */
export async function runTask(
  args: readonly string[],
  help: string,
  task: (given: Given) => Promise<void>,
): Promise<number> {
  try {
    const isWindows = Deno.build.os === "windows";
    const options = new Map(
      [...help.matchAll(/^ {2}--([a-z-]+) ([A-Z]+)/gmu)]
        .map(([, name = "", value = ""]) => [name, { value }]),
    );
    const { words: [word], values } = splitArguments<string>(
      withHelp(args, isWindows),
      { ...Object.fromEntries(options), help: { value: "", short: "h" } },
    );
    if (word !== undefined) {
      throw new UsageError(`Unexpected argument ${quoted(word)}.`);
    }
    if (values.has("help")) print(help);
    else {
      const given = [...values].map(([name, value]) => [
        name,
        optionValue(name, options.get(name)!.value, value, isWindows),
      ]);
      await task(Object.fromEntries(given));
    }
    return EXIT.agreed;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    warn(error.hint ? `${error.message}\n${error.hint}` : error.message);
    return error.exitCode;
  }
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
 * Roots on the network, as far as they can be seen from here.
 *
 * @param file The config, as a person can mend it here.
 * @param isWindows Whether that is the system it is for.
 * @param realPath Tells real paths of roots here; null: this is another system.
 * @returns With real paths of all roots, and with drives of which only the
 *   computer they are on can tell: `P:` and the like.
 * @throws {SyncError} There are some, and the config does not allow that.
 */
export function networkFrom(
  config: Pick<Config, "roots" | "networkRoots">,
  file: string,
  isWindows: boolean,
  realPath: RealPath | null,
): {
  readonly network: readonly NetworkRoot[];
  readonly realRoots: readonly string[];
  readonly unseenDrives: readonly string[];
} {
  const asked = realPath ?? ((root: string) => root);
  const realRoots = realRootsOf(config, isWindows ? asked : null);
  const network = networkRootsOf(config, realRoots);
  if (network.length > 0 && config.networkRoots === "refuse") {
    throw networkRefusal({ file }, network);
  }
  // C: is where Windows itself is.
  const drives = SIDES.flatMap((side) =>
    /^(?!C:)[A-Z]:/iu.exec(config.roots[side])?.[0].toUpperCase() ?? []
  );
  const isSeen = !isWindows || realPath !== null;
  return {
    network,
    realRoots,
    unseenDrives: isSeen ? [] : [...new Set(drives)],
  };
}

/**
 * Makes the program plain files that need no package and no network. What a
 * run rarely needs stays in files of its own: it would be loaded by each run
 * otherwise, and a mailer takes as long to load as a small sync takes.
 *
 * @param folder Where the files are put; main.js is the one to be started.
 * @throws {SyncError} It can't be bundled.
 */
export async function bundle(folder: string): Promise<void> {
  await runDeno(
    [
      ...["bundle", "--quiet", "--frozen", "--platform=deno"],
      ...["--code-splitting", `--outdir=${folder}`, "main.ts"],
      ...WORKERS.map((it) => `lib/${it}.ts`),
    ],
    PROJECT,
    EXIT.unexpected,
  );
  const files = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
    .map(({ name }) => join(folder, name));
  for (const worker of WORKERS) {
    // Bundling leaves a worker's name as it was written.
    const url = `"./${worker}.ts"`;
    const users = files.filter((it) => Deno.readTextFileSync(it).includes(url));
    if (users.length === 0) throw new Error(`The bundle starts no ${worker}.`);
    for (const file of users) {
      const code = Deno.readTextFileSync(file);
      Deno.writeTextFileSync(
        file,
        code.replaceAll(url, `"./lib/${worker}.js"`),
      );
    }
  }
}

/**
 * Runs this Deno.
 *
 * @param exitCode What it means if it fails.
 * @throws {SyncError} It failed; the cause has all it said.
 */
async function runDeno(
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
  readonly flags: readonly string[];
  /** Absolute path of the binary. */
  readonly output: string;
  /** Null: this system. */
  readonly target: string | null;
  /** Drives of which only that computer can tell. */
  readonly unseenDrives: readonly string[];
}

/**
 * Makes a binary, and says what it may touch.
 *
 * @param given The options, by name.
 * @throws {SyncError} A config or a path is not usable, or the binary can't
 * be made.
 */
export async function compile(given: Given): Promise<void> {
  const plan = await planBinary(given);
  const { made, output } = plan;
  requireBase(plan);
  for (const line of planTold(plan)) warn(line);
  await compileBinary(plan);
  await requireProgram(plan);
  print(`Made ${quoted(output)} for the config ${quoted(made.config.file)}:`);
  for (const flag of plan.flags) print(`  ${flag}`);
}

/** What there is to say of roots on the network, in lines. */
export function planTold({ made, unseenDrives }: BinaryPlan): string[] {
  const { walls } = made.sandbox;
  const hint = oldWordHint(made.config);
  const told = hint === null ? [] : [hint];
  if (walls.by === "fence") return [...told, wallWords(walls)];
  if (unseenDrives.length === 0) return told;
  return [
    ...told,
    `If ${unseenDrives.join(" or ")} is a network drive on that computer, ` +
    "this office-sync will stop there and say so: write " +
    "\\\\server\\share in its place, or make it on that computer.",
  ];
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
  given: Given,
  realPath: RealPath | null = REAL_PATH,
): Promise<BinaryPlan> {
  const target = given.target ?? null;
  const isWindows = target === null
    ? Deno.build.os === "windows"
    : target.includes("windows");
  const file = resolve(given.config ?? "config.yaml");
  const place = given["config-path"] ?? file;
  requirePath("--config-path", place, isWindows);
  // What is wrong with it is told of the file that a person can mend.
  await loadConfig(file);
  const text = Deno.readTextFileSync(file);
  const config = sandboxPart(await parseConfig(text, place));
  for (const [key, path] of pathsOf(config)) requirePath(key, path, isWindows);
  requireLocalState(
    config.stateDb,
    isWindows ? realPath ?? ((path) => path) : null,
  );
  const { realRoots, unseenDrives } = networkFrom(
    config,
    file,
    isWindows,
    realPath,
  );
  if (target === null) requireApart(config, null);
  const spelled = target === null ? onDisk : undefined;
  const { flags, panel, ...sandbox } = binarySandbox(
    ...[config, realRoots, spelled] as const,
  );
  const output = resolve(given.output ?? "office-sync");
  const ending = isWindows && !/\.exe$/iu.test(output) ? ".exe" : "";
  return {
    made: { config, sandbox, panel },
    flags,
    output: output + ending,
    target,
    unseenDrives,
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
    await bundle(folder);
    const target = plan.target === null ? [] : [`--target=${plan.target}`];
    await runDeno(
      [
        "compile",
        // Nothing around the bundle counts, neither settings nor packages.
        "--no-config",
        "--no-lock",
        "--no-check",
        "--unstable-worker-options",
        "--app-name=office-sync",
        V8_FLAGS,
        ...WORKERS.map((worker) => `--include=lib/${worker}.js`),
        ...target,
        `--output=${plan.output}`,
        ...plan.flags,
        "main.js",
        MADE_FOR + JSON.stringify(plan.made),
      ],
      folder,
      EXIT.usage,
    );
  } catch (error) {
    const isMissing = error instanceof SyncError &&
      String(error.cause).includes("dl.deno.land");
    if (!isMissing) throw error;
    throw new SyncError(
      `The base runtime of a binary, denort ${Deno.version.deno}, can't be` +
        " downloaded from dl.deno.land: name a copy of it with DENORT_BIN=FILE," +
        " or make the portable folder, which needs none: deno task package.",
      EXIT.unexpected,
      { cause: error },
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/**
 * What can be seen of a base for another system, where what comes out can't
 * be tried out.
 */
function requireBase({ target }: BinaryPlan): void {
  const base = Deno.env.get("DENORT_BIN");
  if (base === undefined) return;
  requireFile("DENORT_BIN", base);
  if (target === null) return;
  const isWindows = target.includes("windows");
  const denort = `must be a denort ${Deno.version.deno}`;
  const why = /\.exe$/iu.test(base) !== isWindows
    ? `${denort} for ${target}, whose name ${
      isWindows ? "ends" : "does not end"
    } in .exe`
    : Buffer.from(Deno.readFileSync(base)).includes(DENO_WORDS)
    ? `is the deno executable, and ${denort}: on top of deno there would be no sandbox`
    : null;
  if (why === null) return;
  throw new SyncError(`DENORT_BIN: ${quoted(base)} ${why}.`, EXIT.usage);
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
