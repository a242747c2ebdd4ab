/**
 * Starts the program inside its walls: reads the config, turns it into the
 * permission flags of a second process and hands on to that one the
 * arguments, the terminal, signals and the exit code.
 *
 * It knows of the command line only what the flags depend on; the rest, with
 * all complaints about it, belongs to the program.
 *
 * @module
 */
import { resolve } from "node:path";
import type { Config } from "./config_schema.ts";
import { ConfigError, EXIT, SyncError } from "./errors.ts";
import { handOn } from "./handed_config.ts";
import { runInside } from "./inside.ts";
import { errorWords } from "./log_lines.ts";
import { OWN_FOLDER } from "./names.ts";
import { withStateDb } from "./own_files.ts";
import {
  isHelpMark,
  whyNoArguments,
  whyNoPath,
  withoutPrefix,
} from "./paths.ts";
import {
  networkRootsOf,
  networkWords,
  openWords,
  REAL_PATH,
  type RealPath,
  realRootsOf,
  requireLocalState,
} from "./sandbox_network.ts";
import {
  type Access,
  closedFlags,
  isOpen,
  sandboxFlags,
} from "./sandbox_permissions.ts";
import { printable, twinOf } from "./text.ts";
import { type Side, SIDES } from "./types.ts";

/** What is started. */
export interface LaunchOptions {
  /** Path or file URL of the program. */
  readonly program: string;
  /** Tells real paths of roots; if left out, as this system does. */
  readonly realPath?: RealPath | null;
  /** Whether arguments are those of Windows; if left out, as here. */
  readonly isWindows?: boolean;
}

/** What each command may touch; null: it needs no config. */
const ACCESS = new Map<string, Access | null>([
  ["sync", "sync"],
  ["plan", "plan"],
  ["history", "plan"],
  ["conflicts", "plan"],
  ["conflicts resolve", "sync"],
  ["restore", "sync"],
  ["restore --list", "plan"],
  ["why", "plan"],
  // It tries out what a run will need, the mail server too.
  ["doctor", "doctor"],
  ["init", null],
  ["schedule", "plan"],
]);

/** Options with a value, which is no command even where it stands apart. */
const VALUED = new Set(
  [
    "config",
    "report",
    "write",
    "limit",
    "from",
    "to",
    "left",
    "right",
    "every",
  ],
);

const DEFAULT_CONFIG = "config.yaml";

/** What the flags depend on. */
interface Call {
  /** "" where nothing but the program's own words are asked for. */
  readonly command: string;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly configFile: string | null;
  readonly outputFile: string | null;
}

/**
 * Starts the program with exactly the permissions it needs, and waits for it.
 * Never throws: what is wrong is written to standard error, or, with
 * `--json`, to standard output.
 *
 * @param args The arguments, handed on unchanged.
 * @param options What is started.
 * @returns The exit code: the program's own, 128 + n if signal n killed it,
 * or 2 if the config is not usable.
 *
 * @example The whole launcher
 * ```ts
 * import { launch } from "./sandbox_launcher.ts";
 * Deno.exitCode = await launch(Deno.args, { program: "/srv/app/main.ts" });
 * ```
 */
export async function launch(
  args: readonly string[],
  options: LaunchOptions,
): Promise<number> {
  const { isWindows = Deno.build.os === "windows" } = options;
  const call = readCall(args, isWindows);
  try {
    const { realPath = REAL_PATH } = options;
    const { permissions, handed } = await wallsFor(call, realPath);
    const program = [options.program, ...handed, ...args];
    return await runInside(permissions, program);
  } catch (error) {
    return complain(error, call.isJson);
  }
}

function readCall(args: readonly string[], isWindows: boolean): Call {
  const words: string[] = [];
  const said = new Map<string, string>();
  const end = args.indexOf("--");
  const own = args.slice(0, end < 0 ? args.length : end);
  for (let n = 0; n < own.length; n++) {
    const arg = own[n] ?? "";
    const [, name = "", value] = /^--?([^=]+)(?:=(.*))?$/su.exec(arg) ?? [];
    if (name === "") words.push(arg);
    else said.set(name, value ?? (VALUED.has(name) ? own[++n] ?? "" : ""));
  }
  if (end >= 0) words.push(...args.slice(end + 1));
  const [command = "sync", word] = words;
  const isHelp = ["help", "h", "version", "V"].some((it) => said.has(it)) ||
    isWindows && args.some(isHelpMark);
  const path = (said: string | undefined): string | null => {
    if (said === undefined) return null;
    return isWindows ? withoutPrefix(said) : said;
  };
  const configFile = path(said.get("config"));
  const outputFile = path(said.get("report") ?? said.get("write"));
  // The program says what is wrong, and needs no file for that.
  const isWrong = isWindows && (whyNoArguments(args) !== null ||
    [configFile, outputFile].some((it) => it && whyNoPath(it) !== null));
  const isResolve = command === "conflicts" && word === "resolve";
  const isList = command === "restore" && said.has("list");
  const more = isResolve ? " resolve" : isList ? " --list" : "";
  return {
    command: isHelp || isWrong ? "" : command + more,
    isDryRun: said.has("dry-run"),
    isJson: said.has("json"),
    isQuiet: said.has("quiet"),
    configFile,
    outputFile,
  };
}

/** How the program is started. */
interface Walls {
  readonly permissions: readonly string[];
  /** The config, where it was read. */
  readonly handed: readonly string[];
}

async function wallsFor(
  call: Call,
  realPath: RealPath | null,
): Promise<Walls> {
  const { command, configFile, outputFile } = call;
  // Words that the program does not know either are no reason to open a wall.
  const access = ACCESS.get(command) ?? null;
  const file = resolve(configFile ?? DEFAULT_CONFIG);
  if (command === "init") {
    const { onDisk } = await import("./config_loader.ts");
    return { permissions: closedFlags(file, onDisk), handed: [] };
  }
  if (access === null || configFile === "" || outputFile === "") {
    return { permissions: closedFlags(null), handed: [] };
  }
  if (configFile === null && statOf(file) === null) throw noConfig(file);
  // Reading YAML takes longer to load than all else here: not for --help.
  const { readConfig } = await import("./config_loader.ts");
  const config = await withStateDb(await readConfig(file));
  requireLocalState(config.stateDb, realPath);
  const { onDisk, requireApart } = await import("./config_loader.ts");
  const isReport = outputFile !== null && command !== "schedule";
  // Asked once for each path: a drive may be slow to answer.
  const told = new Map<string, string>();
  const spelled = (path: string) => {
    const known = told.get(path) ?? onDisk(path);
    told.set(path, known);
    return known;
  };
  requireApart(config, isReport ? resolve(outputFile) : null, spelled);
  const realRoots = realRootsOf(config, realPath);
  const twin = command === "schedule" ? twinOf(outputFile ?? "") : null;
  const permissions = sandboxFlags(config, {
    access: call.isDryRun ? "plan" : access,
    programFolder: import.meta.dirname ?? null,
    outputFile: outputFile === null ? null : checkedOutput(outputFile),
    twinFile: twin === null ? null : checkedOutput(twin),
    realRoots,
    onDisk: spelled,
  });
  const network = networkRootsOf(config, realRoots);
  if (network.length > 0 && !call.isQuiet) {
    // Behind walls the doctor may not look at what it would have to name.
    const words = isOpen(permissions)
      ? openWords(network)
      : networkWords(network);
    write(Deno.stderr, words.replace(/\.?$/u, "."));
  }
  const said = configFile ?? DEFAULT_CONFIG;
  const isPlan = command === "plan" || command === "sync" && call.isDryRun;
  const unwritable = isPlan ? await unwritableRoots(config) : [];
  const more = unwritable.length === 0 ? {} : { unwritable };
  return { permissions, handed: handOn({ said, config, ...more }) };
}

/** Writes nothing: a system call of its own tells that, which Deno lacks. */
const ASK = `for at do
  for part in "$at" "$at/${OWN_FOLDER}"; do
    [ ! -d "$part" ] || [ -w "$part" ] || { echo no; continue 2; }
  done
  echo yes
done`;

/**
 * The roots in which a run could change nothing. A plan may not try it, and a
 * read-only disk can't be told from the rights of a folder.
 */
async function unwritableRoots(
  { leftRoot, rightRoot }: Pick<Config, "leftRoot" | "rightRoot">,
): Promise<Side[]> {
  if (Deno.build.os === "windows") return [];
  try {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", ASK, "sh", leftRoot, rightRoot],
      stdin: "null",
      stderr: "null",
    }).output();
    const answers = new TextDecoder().decode(stdout).trim().split("\n");
    return SIDES.filter((_, n) => answers[n] === "no");
  } catch {
    // No shell: then the run itself tells it.
    return [];
  }
}

function noConfig(file: string): SyncError {
  return new SyncError(
    `There is no ${printable(file)}; name a config with --config FILE, or` +
      " write one with the command init.",
    EXIT.usage,
  );
}

/** A folder would open all that is in it. */
function checkedOutput(file: string): string {
  if (statOf(file)?.isDirectory) {
    const message = `The output file ${printable(file)} is a folder.`;
    throw new SyncError(message, EXIT.usage);
  }
  return resolve(file);
}

function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function complain(error: unknown, isJson: boolean): number {
  const code = error instanceof SyncError ? error.exitCode : EXIT.unexpected;
  const message = error instanceof SyncError
    ? error.message
    : `Unexpected: ${errorWords(error)}`;
  if (isJson) {
    const problems = error instanceof ConfigError ? error.problems : [];
    write(Deno.stdout, JSON.stringify({ error: { code, message, problems } }));
    return code;
  }
  const hint = error instanceof SyncError ? error.hint : null;
  write(Deno.stderr, hint === null ? message : `${message}\n${hint}`);
  return code;
}

function write(stream: { writeSync(p: Uint8Array): number }, text: string) {
  stream.writeSync(new TextEncoder().encode(`${text}\n`));
}
