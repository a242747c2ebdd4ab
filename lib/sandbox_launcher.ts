/**
 * Starts the program in its sandbox: reads the config, turns it into the
 * permission flags of a second process and hands on to that one the config,
 * the arguments, the terminal, signals and the exit code.
 *
 * @module
 */
import {
  accessOf,
  type CommandInvocation,
  DEFAULT_CONFIG,
  outputOf,
  readArguments,
} from "./cli_args.ts";
import { printOrWarn, warn } from "./cli_output.ts";
import type { Config } from "./config_schema.ts";
import { ConfigError, EXIT, SyncError, UsageError } from "./errors.ts";
import { OWN_FOLDER } from "./names.ts";
import { rulesOf } from "./paths.ts";
import {
  REAL_PATH,
  type RealPath,
  realRootsOf,
  requireLocalState,
} from "./sandbox_network.ts";
import {
  type Access,
  bareSandbox,
  type Sandbox,
  sandboxOf,
} from "./sandbox_permissions.ts";
import { entryFile, IN_SANDBOX } from "./started_as.ts";
import { errorWords, printable, twinOf } from "./text.ts";
import { type Side, SIDES } from "./types.ts";

/**
 * Each thread's room in memory, in MB. That for what lives shortly, left to
 * itself, grows with the files that are looked at, and is no quicker for it;
 * with less, much of it is taken for what lives long. For all else a PC with
 * little memory is given little by default, and the first meeting of a million
 * files would end there; so it may be paged out.
 *
 * Code is optimized by the thread that runs it: more threads, and their
 * memory, for each that scans only get into each other's way.
 */
export const V8_FLAGS: string = "--v8-flags=" + [
  "--max-semi-space-size=8",
  "--max-old-space-size=16384",
  "--no-concurrent-recompilation",
].join(",");

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
  `--config=${beside("deno.json")}`,
  "--frozen",
  // A computed import would still ask the registry, from the sandbox.
  "--cached-only",
  "--no-remote",
  // Threads with permissions of their own.
  "--unstable-worker-options",
  V8_FLAGS,
];

/** Threads are loaded from there by name, which counts as reading. */
const PROGRAM_FOLDER = import.meta.dirname ?? null;

/** The same, and what `init` writes a config from. */
const PROGRAM = PROGRAM_FOLDER === null ? [] : [
  PROGRAM_FOLDER,
  beside("config.example.yaml"),
];

/**
 * Variables that are settings of Deno and Node begin so. They are made for
 * other programs, and one of them is enough to have every run end with no run
 * at all, its permissions asked of somebody else, or its doings told to one.
 */
export const FOREIGN_PREFIXES: readonly string[] = ["DENO_", "NODE_", "OTEL_"];

/** Those that say which certificates of mail servers are trusted. */
export const KEPT_VARIABLES: readonly string[] = [
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
];

/** Of a checkout: where its packages are, and what docs/sandbox.md tells of. */
const KEPT_HERE = [...KEPT_VARIABLES, "DENO_DIR", "DENO_AUDIT_PERMISSIONS"];

/**
 * The environment of the program: this one without settings for others.
 *
 * @param environment All variables of this process.
 * @returns Null where they can't be seen, as the portable folder's launcher has
 *   cleared them already.
 */
export function cleanEnvironment(
  environment: Readonly<Record<string, string>>,
): Record<string, string> | null {
  const all = Object.entries(environment);
  if (all.length === 0) return null;
  return Object.fromEntries(all.filter(([name]) => {
    // Windows takes no notice of case there.
    const key = Deno.build.os === "windows" ? name.toUpperCase() : name;
    if (key === "SSLKEYLOGFILE") return false;
    return KEPT_HERE.includes(key) ||
      !FOREIGN_PREFIXES.some((prefix) => key.startsWith(prefix));
  }));
}

/**
 * Runs a program in a sandbox, and waits for it. It gets the terminal and the
 * signals. A second signal kills it; where not even that ends it, because a
 * file system does not answer, it is left behind, and that is said.
 *
 * @param permissions The flags that make the sandbox.
 * @param program Path or file URL of the program, and its arguments.
 * @returns Its exit code; 5 where it ended by an accident, which is told.
 */
export async function runInSandbox(
  permissions: readonly string[],
  program: readonly string[],
): Promise<number> {
  let child: Deno.ChildProcess | null = null;
  const kill = (signal: Deno.Signal): void => {
    try {
      child?.kill(signal);
    } catch {
      // It has just ended.
    }
  };
  const { promise: leftBehind, resolve } = Promise.withResolvers<void>();
  let [firstMs, killed] = [Infinity, null as number | null];
  let patience: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  // Listening begins before there is a child: a signal in between would end
  // this process and leave the child alone.
  onSignals((signal, isTheirs) => {
    if (isOver) return;
    const isSecond = performance.now() - firstMs > ONE_SIGNAL_MS;
    firstMs = Math.min(firstMs, performance.now());
    if (!isSecond) return isTheirs || kill(signal);
    killed ??= signal === "SIGTERM" || signal === "SIGHUP" ? 143 : INTERRUPTED;
    kill("SIGKILL");
    // However often it is asked for.
    patience ??= setTimeout(resolve, PATIENCE_MS);
  });
  const env = cleanEnvironment(Deno.env.toObject());
  child = new Deno.Command(Deno.execPath(), {
    args: [...RUN, ...permissions, ...program],
    ...env === null ? {} : { clearEnv: true, env },
  }).spawn();
  const ended = await Promise.race([child.status, leftBehind]);
  isOver = true;
  clearTimeout(patience);
  if (!ended) {
    warn(stuckWords(child.pid));
    // Nobody waits for it any more.
    child.unref();
  }
  if (killed !== null || !ended) return killed ?? INTERRUPTED;
  const code = ended.code >>> 0;
  if (code === STOPPED_BY_KEY) return INTERRUPTED;
  const { signal } = ended;
  const isAccident = signal === null
    ? code >= FIRST_CRASH
    : !ASKING.has(signal);
  if (!isAccident) return code;
  warn(diedWords(signal ?? `Windows (0x${code.toString(16)})`));
  return EXIT.unexpected;
}

/** Signals within this are one: a terminal and a supervisor send it twice. */
const ONE_SIGNAL_MS = 500;

/** What is killed ends within this, unless the system does not let it, in ms. */
const PATIENCE_MS = 500;

/** Said of a process that nothing ends. */
export function stuckWords(pid: number): string {
  return `Process ${pid} is inside a system call that does not come back: a ` +
    "disk or share does not answer. It can't be ended before that, and keeps " +
    "the state DB locked; connect the share again, or restart the PC.";
}

/**
 * Tells who holds a lock, by its number, and was ended a while ago: no more
 * than its threads is left then. A shell looks: this process may not.
 */
const HOLDER = `
pid=$(sed -n "s/.* FLOCK .* WRITE \\([0-9]*\\) [^ ]*:$1 .*/\\1/p" /proc/locks)
for look in 1 2 3 4 5 6; do
  grep -q '^State:.Z' "/proc/$pid/status" || exit
  sleep 0.1
done
echo "$pid"`;

/** The process that holds a lock, was ended and is there still; null: none. */
async function stuckHolder(lock: string): Promise<number | null> {
  if (Deno.build.os !== "linux") return null;
  try {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", HOLDER, "sh", String(Deno.lstatSync(lock).ino)],
      stdin: "null",
      stderr: "null",
    }).output();
    return Number(new TextDecoder().decode(stdout)) || null;
  } catch {
    // No shell, or no lock any more.
    return null;
  }
}

/** What whoever sends it wants; others are an accident. */
const ASKING: ReadonlySet<Deno.Signal> = new Set([
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
]);

/** Said of a program that did not end by itself. */
function diedWords(by: string): string {
  const isKilled = by === "SIGKILL";
  return `The program was ended by ${by}: ` +
    (isKilled ? "somebody killed it, or " : "perhaps ") +
    "memory ran out. The next run finds out what was done, and goes on.";
}

/** From here on Windows numbers what programs are ended for. */
const FIRST_CRASH = 0x8000_0000;

/** What Windows ends a program with at Ctrl+C, and what that is elsewhere. */
const STOPPED_BY_KEY = 0xc000_013a;
const INTERRUPTED = 130;

/**
 * The keyboard's signal goes to all processes of a terminal, on Windows of a
 * console: the child has it already, and a second one would look as if the
 * user had lost patience. All the same it is listened for, to outlive the
 * child and hand on its exit code. And listened for to the very end: what the
 * child died of may come here a moment later.
 */
function onSignals(
  passOn: (signal: Deno.Signal, isTheirs: boolean) => void,
): void {
  const isWindows = Deno.build.os === "windows";
  const isKeyboard = isWindows || Deno.stdin.isTerminal() ||
    Deno.stdout.isTerminal() || Deno.stderr.isTerminal();
  const signals: Deno.Signal[] = [
    "SIGINT",
    isWindows ? "SIGBREAK" : "SIGTERM",
    // A terminal that is closed may tell only the first of its processes.
    "SIGHUP",
  ];
  for (const signal of signals) {
    const isTheirs = isWindows || isKeyboard && signal === "SIGINT";
    try {
      Deno.addSignalListener(signal, () => {
        // Without a terminal somebody wants it to be outlived: that is what
        // nohup is for. The runtime, once it listens to any signal, would end
        // at this one though it was started to ignore it.
        if (signal !== "SIGHUP" || isKeyboard) passOn(signal, isTheirs);
      });
    } catch (error) {
      // A signal that this system has not.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** What is started. */
export interface LaunchOptions {
  /** Path or file URL of the program. */
  readonly program: string;
  /** Tells real paths of roots; if left out, as this system does. */
  readonly realPath?: RealPath | null;
  /** Whether arguments are those of Windows; if left out, as here. */
  readonly isWindows?: boolean;
}

/** What the program is told of what the launcher has read. */
export interface Handed {
  /** The config's name on the command line, so that no other is meant. */
  readonly said: string;
  /** Null: the program has to read it itself. */
  readonly config: Config | null;
  /** Roots that can't be written, as far as was asked. */
  readonly unwritable?: readonly Side[];
  /** What leads a browser into the panel is written there. */
  readonly entryFile?: string;
}

/** Commands that look into both roots, whatever else they do. */
const LOOKING: ReadonlySet<string> = new Set(["sync", "plan", "why", "doctor"]);

/** How the program is started by the launcher. */
export interface Started {
  /** What its threads may do. */
  readonly sandbox: Omit<Sandbox, "flags">;
  /** Null: the command has nothing to do with any. */
  readonly roots: Config["roots"] | null;
  /** Whether the command looks into both, whatever else it does. */
  readonly looks: boolean;
  /** Whether a thread may give contents of files. */
  readonly shows: boolean;
  readonly stateDb: string | null;
  /** Where a person finds what nobody foresaw; null: nowhere. */
  readonly logFile: string | null;
  readonly handed: Handed | null;
}

/**
 * Starts the program with exactly the permissions it needs, and waits for it.
 * Never throws: what is wrong is written to standard error, or, with
 * `--json`, to standard output.
 *
 * @param args The arguments, handed on unchanged.
 * @param options What is started.
 * @returns The exit code: the program's own, 5 if something killed it, or 2 if
 * the config is not usable.
 *
 * @example The whole launcher
 * ```ts
 * import { launch } from "./sandbox_launcher.ts";
 * Deno.exitCode = await launch(Deno.args, { program: "/srv/app/main.ts" });
 * ```
 */
export async function launch(
  args: readonly string[],
  { program, realPath = REAL_PATH, isWindows }: LaunchOptions,
): Promise<number> {
  const invocation = understood(args, isWindows);
  try {
    const { sandbox: { flags, ...threads }, ...told } = invocation === null
      ? without(bareSandbox(null, PROGRAM))
      : await startOf(invocation, realPath);
    const started: Started = { sandbox: threads, ...told };
    const first = IN_SANDBOX + JSON.stringify(started);
    using _ = opening(invocation, told.handed);
    const code = await runInSandbox(flags, [program, first, ...args]);
    const isSilent = invocation !== null && "onlyNew" in invocation &&
      invocation.onlyNew;
    if (code === EXIT.busy && !isSilent && told.stateDb !== null) {
      const pid = await stuckHolder(`${told.stateDb}.lock`);
      if (pid !== null) warn(stuckWords(pid));
    }
    return code;
  } catch (error) {
    const isJson = invocation !== null && "isJson" in invocation &&
      invocation.isJson;
    return complain(error, isJson);
  }
}

/** So often it is looked for what a browser is to open, in ms. */
const LOOK_MS = 100;

/** What opens a file in the browser, by system. */
const OPENERS: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  windows: ["rundll32", "url.dll,FileProtocolHandler"],
  darwin: ["open"],
};

/**
 * Opens the browser as soon as the program has written what leads into the
 * panel: the program itself may start nothing. Where that can't be, the person
 * has the program's line, which names the file.
 */
function opening(
  invocation: CommandInvocation | null,
  handed: Handed | null,
): Disposable {
  const file = handed?.entryFile ?? null;
  const isWanted = invocation?.command === "panel" && invocation.opensBrowser;
  if (!isWanted || file === null) return { [Symbol.dispose]() {} };
  const timer = setInterval(() => {
    if ((statOf(file)?.size ?? 0) === 0) return;
    clearInterval(timer);
    const [opener, ...words] = OPENERS[Deno.build.os] ?? ["xdg-open"];
    try {
      const streams = {
        stdin: "null",
        stdout: "null",
        stderr: "null",
      } as const;
      new Deno.Command(opener!, { args: [...words, file], ...streams })
        .spawn().unref();
    } catch {
      // There is none: that line says what to do.
    }
  }, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * What is asked for; null where that takes no files, as help does. What is
 * wrong the program says, and needs none for that either.
 */
function understood(
  args: readonly string[],
  isWindows = Deno.build.os === "windows",
): CommandInvocation | null {
  try {
    const asked = readArguments(args, isWindows);
    return asked.command === "help" || asked.command === "version"
      ? null
      : asked;
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

/** What is started, and with which flags. */
type Start = Started & { readonly sandbox: Sandbox };

/** For a command that takes no config. */
function without(sandbox: Sandbox): Start {
  const none = {
    roots: null,
    looks: false,
    shows: false,
    stateDb: null,
    logFile: null,
    handed: null,
  };
  return { sandbox, ...none };
}

async function startOf(
  invocation: CommandInvocation,
  realPath: RealPath | null,
): Promise<Start> {
  const { config: said, command } = invocation;
  const file = inFull(said);
  const access = accessOf(invocation);
  const { loadConfig, onDisk } = await import("./config_loader.ts");
  if (access === null) {
    return without(bareSandbox(file, PROGRAM, onDisk));
  }
  if (said === DEFAULT_CONFIG && statOf(file) === null) throw noConfig(file);
  const read = await loadConfig(file);
  try {
    return await startWith(read, invocation, access, realPath);
  } catch (error) {
    // A run that is refused here is one that failed.
    if (command === "sync" && read.monitor && error instanceof SyncError) {
      const { tellMonitor } = await import("./monitor.ts");
      await tellMonitor(read.monitor, error.exitCode, {
        onInfo() {},
        onWarning: warn,
        waitFor: (answer) => answer,
      });
    }
    throw error;
  }
}

/** Asks for nothing that a config can't have. */
async function startWith(
  read: Config,
  invocation: CommandInvocation,
  access: Access,
  realPath: RealPath | null,
): Promise<Start> {
  const { config: said, command } = invocation;
  const { onDisk, requireApart, withStateDb } = await import(
    "./config_loader.ts"
  );
  const config = await withStateDb(read, async (roots) => {
    const { filesHere } = await import("./files_handlers.ts");
    return filesHere(roots);
  });
  requireLocalState(config.stateDb, realPath);
  // Asked once for each path: a drive may be slow to answer.
  const told = new Map<string, string>();
  const spelled = (path: string) => {
    const known = told.get(path) ?? onDisk(path);
    told.set(path, known);
    return known;
  };
  const { option, file: output } = outputOf(invocation);
  const report = option === "--report" && output !== null ? output : null;
  requireApart(config, report && inFull(report), spelled);
  const realRoots = realRootsOf(config, realPath);
  const twin = command === "schedule" ? twinOf(output ?? "") : null;
  const entry = invocation.command === "panel"
    ? entryFile(config, `-${crypto.randomUUID().slice(0, 8)}`)
    : null;
  const sandbox = sandboxOf(config, {
    access,
    programFolder: PROGRAM_FOLDER,
    outputFile: entry ?? (output && checkedOutput(output)),
    port: invocation.command === "panel" ? invocation.port : 0,
    twinFile: twin && checkedOutput(twin),
    realRoots,
    onDisk: spelled,
  });
  const unwritable = command === "plan" ? await unwritableRoots(config) : [];
  const more = {
    ...unwritable.length === 0 ? {} : { unwritable },
    ...entry === null ? {} : { entryFile: entry },
  };
  return {
    sandbox,
    roots: config.roots,
    looks: LOOKING.has(command),
    shows: command === "panel",
    stateDb: config.stateDb,
    logFile: config.logging.file,
    handed: tellable({ said, config, ...more }),
  };
}

/** Windows takes no more than 32,767 characters, flags and quotes included. */
const MAX_LENGTH = 8_000;

/**
 * What may stand on a command line: others on the same computer can see it, so
 * neither a password nor a monitor's address is part of it, and a list may be
 * too long.
 */
function tellable(handed: Handed): Handed {
  const isSecret = (handed.config?.email?.password ?? null) !== null ||
    (handed.config?.monitor ?? null) !== null;
  const isLong = JSON.stringify(handed).length > MAX_LENGTH;
  return isSecret || isLong ? { ...handed, config: null } : handed;
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
  { roots }: Pick<Config, "roots">,
): Promise<Side[]> {
  if (Deno.build.os === "windows") return [];
  try {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", ASK, "sh", roots.left, roots.right],
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
  return inFull(file);
}

/** A path as it was typed here. */
function inFull(path: string): string {
  const here = Deno.cwd();
  return rulesOf(here).resolve(here, path);
}

/** A file beside the folder of the program's modules. */
function beside(name: string): string {
  const modules = import.meta.dirname ?? Deno.cwd();
  return rulesOf(modules).resolve(modules, "..", name);
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
  const hint = error instanceof SyncError ? error.hint : null;
  const text = hint === null ? message : `${message}\n${hint}`;
  if (isJson) {
    const problems = error instanceof ConfigError ? error.problems : [];
    printOrWarn(JSON.stringify({ error: { code, message, problems } }), text);
  } else warn(text);
  return code;
}
