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

import { join, resolve } from "node:path";
import type { Config } from "./config_loader.ts";
import { ConfigError, EXIT, SyncError } from "./errors.ts";
import { errorWords } from "./log_lines.ts";
import { printable } from "./printable.ts";
import { type Access, closedFlags, sandboxFlags } from "./sandbox.ts";

/** What is started. */
export interface LaunchOptions {
  /** Path or file URL of the program. */
  readonly program: string;
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
 * import { launch } from "./launcher.ts";
 * Deno.exitCode = await launch(Deno.args, { program: "/srv/app/main.ts" });
 * ```
 */
export async function launch(
  args: readonly string[],
  options: LaunchOptions,
): Promise<number> {
  const call = readCall(args);
  try {
    const permissions = await permissionsFor(call);
    if (permissions.includes("--allow-all")) {
      write(Deno.stderr, "Without the sandbox: a root is on the network.");
    }
    return await run(permissions, [options.program, ...args]);
  } catch (error) {
    return complain(error, call.isJson);
  }
}

function readCall(args: readonly string[]): Call {
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
  const isHelp = ["help", "h", "version", "V"].some((it) => said.has(it));
  const isResolve = command === "conflicts" && word === "resolve";
  const isList = command === "restore" && said.has("list");
  const more = isResolve ? " resolve" : isList ? " --list" : "";
  return {
    command: isHelp ? "" : command + more,
    isDryRun: said.has("dry-run"),
    isJson: said.has("json"),
    configFile: said.get("config") ?? null,
    outputFile: said.get("report") ?? said.get("write") ?? null,
  };
}

async function permissionsFor(call: Call): Promise<string[]> {
  const { command, configFile, outputFile } = call;
  // Words that the program does not know either are no reason to open a wall.
  const access = ACCESS.get(command) ?? null;
  const file = resolve(configFile ?? DEFAULT_CONFIG);
  if (command === "init") return closedFlags(file);
  if (access === null || configFile === "" || outputFile === "") {
    return closedFlags(null);
  }
  if (configFile === null && statOf(file) === null) throw noConfig(file);
  // Reading YAML takes longer to load than all else here: not for --help.
  const { loadConfig } = await import("./config_loader.ts");
  const config = loadConfig(file);
  return sandboxFlags(config, {
    access: call.isDryRun ? "plan" : access,
    programFolder: import.meta.dirname ?? null,
    outputFile: outputFile === null ? null : checkedOutput(outputFile),
    realRoots: realRoots(config),
  });
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

function realRoots(config: Config): string[] {
  if (Deno.build.os !== "windows") return [];
  return [config.leftRoot, config.rightRoot].map((root) => {
    try {
      return Deno.realPathSync(root);
    } catch {
      // A root that is not there is told by the run, as any other guard is.
      return root;
    }
  });
}

function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * What makes the start the same everywhere. The settings are named, as those
 * of another project may be nearer to the current folder. The lock file must
 * be complete: nothing is written beside the program, and a module that is
 * not listed there is not loaded, also when code asks for it while it runs.
 * Types are not checked and compiled code is kept from run to run; both are
 * the defaults, and the start would take half as long again without.
 */
const RUN = [
  "run",
  `--config=${join(import.meta.dirname ?? ".", "..", "deno.json")}`,
  "--frozen",
  // A computed import would still ask the registry, from inside the walls.
  "--cached-only",
];

async function run(
  permissions: readonly string[],
  program: readonly string[],
): Promise<number> {
  let child: Deno.ChildProcess | null = null;
  // Listening begins before there is a child: a signal in between would end
  // this process and leave the child alone.
  using _ = onSignals((signal) => {
    try {
      child?.kill(signal);
    } catch {
      // It has just ended.
    }
  });
  child = new Deno.Command(Deno.execPath(), {
    args: [...RUN, ...permissions, ...program],
  }).spawn();
  const { code } = await child.status;
  return code >>> 0 === STOPPED_BY_KEY ? INTERRUPTED : code;
}

/** What Windows ends a program with at Ctrl+C, and what that is elsewhere. */
const STOPPED_BY_KEY = 0xc000_013a;
const INTERRUPTED = 130;

/**
 * The keyboard's signal goes to all processes of a terminal, on Windows of a
 * console: the child has it already, and a second one would look as if the
 * user had lost patience. All the same it is listened for, to outlive the
 * child and hand on its exit code.
 */
function onSignals(passOn: (signal: Deno.Signal) => void): Disposable {
  const isWindows = Deno.build.os === "windows";
  const isKeyboard = isWindows || Deno.stdin.isTerminal() ||
    Deno.stdout.isTerminal() || Deno.stderr.isTerminal();
  const ignore = () => {};
  const wanted: [Deno.Signal, () => void][] = [
    ["SIGINT", isKeyboard ? ignore : () => passOn("SIGINT")],
    isWindows ? ["SIGBREAK", ignore] : ["SIGTERM", () => passOn("SIGTERM")],
  ];
  // A terminal that is closed may tell only the first of its processes.
  // Without a terminal it is left as it is: that is what nohup is for.
  if (isKeyboard) {
    wanted.push(["SIGHUP", isWindows ? ignore : () => passOn("SIGHUP")]);
  }
  const listeners = wanted.filter((listener) => listens(...listener));
  return {
    [Symbol.dispose]() {
      for (const listener of listeners) Deno.removeSignalListener(...listener);
    },
  };
}

/** False for a signal that this system has not. */
function listens(signal: Deno.Signal, listener: () => void): boolean {
  try {
    Deno.addSignalListener(signal, listener);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
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
