/**
 * The main thread of the program: it starts the others, each with permissions
 * of its own, joins engine and files, and passes on what only it hears of: a
 * signal, the end, a thread that died. It never blocks, and loads no package.
 *
 * @module
 */
import { EXIT, type StopSignal } from "./errors.ts";
import type { Handed } from "./sandbox_launcher.ts";
import type { Sandbox, ThreadPermissions } from "./sandbox_permissions.ts";
import { printable } from "./text.ts";
import type { Both } from "./types.ts";
import {
  type FilesBegin,
  type FilesKind,
  SharedState,
} from "./wire_messages.ts";

/** What the engine is started with. */
export interface EngineBegin {
  readonly args: readonly string[];
  /** How the program was started, and with what it was told then. */
  readonly started:
    | { readonly as: "program"; readonly handed: Handed | null }
    | { readonly as: "binary"; readonly made: unknown };
  /** Of {@linkcode SharedState}. */
  readonly buffer: SharedArrayBuffer;
  /** Ports of the threads that look already: one for each side, or for both. */
  readonly looking: readonly MessagePort[];
}

/** What it is told later. */
export type ToEngine =
  | { readonly kind: "begin"; readonly begin: EngineBegin }
  | { readonly kind: "stop" }
  /** A thread of the files' world that it asked for. */
  | { readonly kind: "thread"; readonly id: number; readonly port: MessagePort }
  /** One that died. */
  | { readonly kind: "lost"; readonly id: number; readonly why: string };

/** What it tells the main thread. */
export type FromEngine =
  | { readonly kind: "exit"; readonly code: number }
  /** It can't go on. */
  | { readonly kind: "failed"; readonly why: string }
  /** It needs another thread of the files' world. */
  | { readonly kind: "start"; readonly id: number; readonly what: FilesKind };

/** What is to be run. */
export interface Program {
  readonly args: readonly string[];
  readonly started: EngineBegin["started"];
  /** What its threads may do. */
  readonly sandbox: Pick<Sandbox, "engine" | "files">;
  /** Null: the command has nothing to do with them. */
  readonly roots: Both<string> | null;
  /** How many threads are to look from the start. */
  readonly lookers: 0 | 1 | 2;
  /** Where a person finds what nobody foresaw; null: nowhere. */
  readonly logFile: string | null;
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
  const join = (id: number, what: FilesKind): MessagePort => {
    const thread = start(what, program.sandbox.files);
    const lost = (why: string) => tell({ kind: "lost", id, why });
    thread.onmessage = ({ data }: MessageEvent<string>) => lost(data);
    thread.onerror = (event) => {
      event.preventDefault();
      lost(event.message);
    };
    const { port1, port2 } = new MessageChannel();
    const begin: FilesBegin = {
      port: port2,
      roots: program.roots!,
      buffer: shared.buffer,
    };
    thread.postMessage(begin, [port2]);
    return port1;
  };
  engine.onmessage = ({ data }: MessageEvent<FromEngine>): void => {
    if (data.kind === "exit") Deno.exit(data.code);
    else if (data.kind === "failed") fail(data.why);
    else if (program.roots === null) throw new Error("no roots to work on");
    else {
      const port = join(data.id, data.what);
      tell({ kind: "thread", id: data.id, port }, [port]);
    }
  };
  engine.onerror = (event): void => {
    event.preventDefault();
    fail(event.message);
  };
  onSignals((signal) => {
    shared.stop(signal);
    tell({ kind: "stop" });
  });
  // The engine has the most to load: it was started first.
  const looking = Array.from(
    { length: program.roots === null ? 0 : program.lookers },
    (_, n) => join(-1 - n, "look"),
  );
  const { args, started } = program;
  const begin = { args, started, buffer: shared.buffer, looking };
  tell({ kind: "begin", begin }, looking);
  return new Promise(() => {});
}

/** Their modules, each named as it stands: bundling looks for these. */
const MODULES = {
  engine: new URL("./engine_worker.ts", import.meta.url),
  look: new URL("./files_look_worker.ts", import.meta.url),
  act: new URL("./files_act_worker.ts", import.meta.url),
} as const;

function start(
  name: keyof typeof MODULES,
  permissions: ThreadPermissions | "all",
): Worker {
  const list = (of: readonly string[]) => of.length > 0 && [...of];
  return new Worker(MODULES[name], {
    type: "module",
    name,
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
  });
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
  // Without a terminal there is none that could be closed: it is then that
  // somebody wants a run to outlive the terminal it was started from (nohup).
  const hasTerminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((it) =>
    it.isTerminal()
  );
  return ["SIGINT", "SIGTERM", ...hasTerminal ? ["SIGHUP" as const] : []];
}
