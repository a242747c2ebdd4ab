/**
 * The main thread of the program: it starts the others, each with permissions
 * of its own, joins engine and files, and passes on what only it hears of: a
 * signal, the end, a thread that died. It never blocks, and loads no package.
 *
 * @module
 */
import { EXIT, type StopSignal } from "./errors.ts";
import type { MadeFor } from "./release_binary.ts";
import type { Handed, Started } from "./sandbox_launcher.ts";
import type { ThreadPermissions } from "./sandbox_permissions.ts";
import { printable } from "./text.ts";
import type { Both } from "./types.ts";
import {
  type FilesBegin,
  type FilesKind,
  SharedState,
  type Walls,
} from "./wire_messages.ts";
import { kinds, oneOf, text, whole } from "./wire_shapes.ts";

/** What the engine is started with. */
export interface EngineBegin {
  readonly args: readonly string[];
  /** How the program was started, and with what it was told then. */
  readonly started:
    | { readonly as: "program"; readonly handed: Handed | null }
    | { readonly as: "binary"; readonly made: MadeFor };
  /** Of {@linkcode SharedState}. */
  readonly buffer: SharedArrayBuffer;
  /** Ports of the threads that look already: one for each side, or for both. */
  readonly looking: readonly MessagePort[];
  /** Null: the command has nothing to do with any. */
  readonly roots: Both<string> | null;
  /** What holds the files' threads to them. */
  readonly walls: Walls;
}

/** What it is told later. */
export type ToEngine =
  | { readonly kind: "begin"; readonly begin: EngineBegin }
  /** A thread of the files' world that it asked for. */
  | { readonly kind: "thread"; readonly id: number; readonly port: MessagePort }
  /** One that died. */
  | { readonly kind: "lost"; readonly id: number; readonly why: string };

/** What it tells the main thread. */
export type FromEngine =
  | { readonly kind: "exit"; readonly code: number }
  /** It can't go on. */
  | { readonly kind: "failed"; readonly why: string }
  /** There is something from now on that a signal must not leave half done. */
  | { readonly kind: "listen" }
  /** It needs another thread of the files' world. */
  | { readonly kind: "start"; readonly id: number; readonly what: FilesKind };

/** The engine is not believed here either. */
const MESSAGE = kinds<FromEngine>({
  exit: { code: whole },
  failed: { why: text },
  listen: {},
  start: { id: whole, what: oneOf("look", "act", "show") },
});

/** What is to be run. */
export type Program =
  & Omit<Started, "handed">
  & Pick<EngineBegin, "args" | "started">;

/** The program behind the launcher. */
export function launchedProgram(
  { handed, ...told }: Started,
  args: readonly string[],
): Program {
  return { ...told, args, started: { as: "program", handed } };
}

/** Words that a command without roots is asked for by. */
const IDLE = new Set(["--help", "-h", "--version", "history", "schedule"]);

/** The command; what follows an option that takes a value is none. */
function firstWord(args: readonly string[]): string | undefined {
  return args.find((it, n) =>
    !it.startsWith("-") && !["--config", "--port"].includes(args[n - 1] ?? "")
  );
}

/** The program in a binary. */
export function binaryProgram(
  made: MadeFor,
  args: readonly string[],
): Program {
  const { config } = made;
  const shows = firstWord(args) === "panel";
  const engine = shows ? made.panel : made.sandbox.engine;
  return {
    sandbox: { ...made.sandbox, engine },
    shows,
    roots: config.roots,
    looks: !args.some((it) => IDLE.has(it)),
    stateDb: config.stateDb,
    logFile: config.logging.file,
    // Of several the last one counts: who names another config is told so.
    args: [`--config=${config.file}`, ...args],
    started: { as: "binary", made },
  };
}

/** A state DB of this size, in bytes, knows of a few thousand files at most. */
const SMALL_BYTES = 1_048_576;

/**
 * How many threads are to look from the start. The last run may have left so
 * little that a second one takes longer to start than both roots to be
 * scanned; it may be wrong about what there is by now: then the scan takes
 * longer, and that is all.
 */
function lookersFor({ looks, stateDb }: Program): 0 | 1 | 2 {
  if (!looks) return 0;
  try {
    return Deno.statSync(stateDb!).size <= SMALL_BYTES ? 1 : 2;
  } catch {
    // The first run: nobody knows.
    return 2;
  }
}

/**
 * One signal may come several times within this, in ms: from the terminal or
 * from whoever ends a group of processes, and from the launcher, which can't
 * know that the program has got it already.
 */
const ONE_SIGNAL_MS = 500;

/**
 * Runs the program in its threads. Only here anything ends: this never returns.
 */
export function runThreads(program: Program): Promise<never> {
  // The launcher can't hand on that it was told to ignore it.
  if (!hasTerminal()) Deno.addSignalListener("SIGHUP", () => {});
  const shared = new SharedState();
  const engine = start("engine", program.sandbox.engine);
  const tell = (message: ToEngine, transfer: Transferable[] = []) =>
    engine.postMessage(message, transfer);
  const fail = (why: string): never => {
    const where = program.logFile === null
      ? ""
      : ` The log may have the details: ${printable(program.logFile)}`;
    warn(`Something unexpected went wrong: ${printable(why)}${where}`);
    Deno.exit(EXIT.unexpected);
  };
  const join = (id: number, what: FilesKind, port: MessagePort): void => {
    const { files } = program.sandbox;
    if (what === "show" && !program.shows) fail("no command shows contents");
    const thread = start(
      what,
      what === "show" && files !== "all" ? { ...files, write: [] } : files,
    );
    const lost = (why: string) => tell({ kind: "lost", id, why });
    thread.onmessage = ({ data }: MessageEvent<string>) => lost(data);
    thread.onerror = (event) => {
      event.preventDefault();
      lost(event.message);
    };
    const begin: FilesBegin = {
      port,
      roots: program.roots!,
      buffer: shared.buffer,
    };
    thread.postMessage(begin, [port]);
  };
  engine.onmessage = ({ data }: MessageEvent<FromEngine>): void => {
    const flaw = MESSAGE(data);
    if (flaw !== null) fail(`what the engine tells${flaw}`);
    else if (data.kind === "exit") Deno.exit(data.code);
    else if (data.kind === "failed") fail(data.why);
    else if (data.kind === "listen") onSignals((it) => shared.stop(it));
    else if (program.roots === null) fail("there are no roots to work on");
    else {
      const { port1: port, port2 } = new MessageChannel();
      tell({ kind: "thread", id: data.id, port }, [port]);
      join(data.id, data.what, port2);
    }
  };
  engine.onerror = (event): void => {
    event.preventDefault();
    fail(event.message);
  };
  // The engine has the most to load: it was started first, and begins while
  // the threads are made that it will ask.
  const channels = Array.from(
    { length: lookersFor(program) },
    () => new MessageChannel(),
  );
  const looking = channels.map(({ port1 }) => port1);
  const { args, started, roots, sandbox: { walls } } = program;
  const { buffer } = shared;
  const begin = { args, started, buffer, looking, roots, walls };
  tell({ kind: "begin", begin }, looking);
  for (const [n, { port2 }] of channels.entries()) join(-1 - n, "look", port2);
  return new Promise(() => {});
}

/** Their modules, each named as it stands: bundling looks for these. */
const MODULES = {
  engine: new URL("./engine_worker.ts", import.meta.url),
  look: new URL("./files_look_worker.ts", import.meta.url),
  act: new URL("./files_act_worker.ts", import.meta.url),
  show: new URL("./files_show_worker.ts", import.meta.url),
} as const;

function start(
  name: keyof typeof MODULES,
  permissions: ThreadPermissions | "all",
): Worker {
  return new Worker(MODULES[name], { name, ...threadOptions(permissions) });
}

/** What a thread is started with, so that it may do no more than it is to. */
export function threadOptions(
  permissions: ThreadPermissions | "all",
): WorkerOptions {
  const list = (of: readonly string[]) => of.length > 0 && [...of];
  return {
    type: "module",
    ...permissions === "all" ? {} : {
      deno: {
        permissions: {
          read: list(permissions.read),
          write: list(permissions.write),
          net: list(permissions.net),
          env: list(permissions.env),
          sys: list(permissions.sys),
          run: false,
          ffi: false,
          import: false,
        },
      },
    },
  };
}

function warn(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

/**
 * Listens for signals until one came, and for a moment longer. After that a
 * signal does what it does to any program: it ends this one at once, even in
 * the middle of a system call that hangs. A run may be killed at any moment.
 */
function onSignals(stop: (signal: StopSignal) => void): void {
  const listeners: [StopSignal, () => void][] = [];
  let isStopped = false;
  for (const signal of stopSignals()) {
    const listener = () => {
      if (isStopped) return;
      isStopped = true;
      stop(signal);
      setTimeout(() => {
        for (const it of listeners) Deno.removeSignalListener(...it);
      }, ONE_SIGNAL_MS);
    };
    try {
      Deno.addSignalListener(signal, listener);
      listeners.push([signal, listener]);
    } catch (error) {
      // Windows has few of them, and which depends on the version of Deno.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

function stopSignals(): readonly StopSignal[] {
  if (Deno.build.os === "windows") return ["SIGINT", "SIGBREAK", "SIGHUP"];
  return ["SIGINT", "SIGTERM", ...hasTerminal() ? ["SIGHUP" as const] : []];
}

/**
 * Without a terminal there is none that could be closed: it is then that
 * somebody wants a run to outlive the terminal it was started from (nohup).
 */
function hasTerminal(): boolean {
  return Deno.build.os === "windows" ||
    [Deno.stdin, Deno.stdout, Deno.stderr].some((it) => it.isTerminal());
}
