/// <reference lib="deno.worker" />

/**
 * The thread of the engine: all but what touches the roots. It may read the
 * config, use the state DB, log and mail, and has no root.
 *
 * @module
 */
import { EXIT } from "./errors.ts";
import { FilesThreads } from "./run_threads.ts";
import type { EngineBegin, FromEngine, ToEngine } from "./sandbox_threads.ts";
import { errorWords } from "./text.ts";
import { type Both, SIDES } from "./types.ts";
import { SharedState } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

const tell = (message: FromEngine, transfer: Transferable[] = []): void =>
  self.postMessage(message, transfer);

// It would end this thread alone, and nobody would hear of it; that of
// node:process, which takes a while to load, comes down to this one.
const exit = (code = 0): never => {
  tell({ kind: "exit", code });
  throw new Error(`ended with ${code}`);
};
Object.assign(Deno, { exit });

const fail = (event: Event, error: unknown): void => {
  // Nobody is to see a raw stack.
  event.preventDefault();
  tell({ kind: "failed", why: errorWords(error) });
};
self.addEventListener("error", (event) => fail(event, event.error));
self.addEventListener("unhandledrejection", (event) => {
  fail(event, event.reason);
});

let files: FilesThreads | null = null;

self.onmessage = ({ data }: MessageEvent<ToEngine>): void => {
  if (data.kind === "begin") void run(data.begin);
  else files?.hear(data);
};

async function run(begin: EngineBegin): Promise<void> {
  const { args, started, roots, buffer } = begin;
  if (begin.walls.by === "fence") {
    // Here the process sees the environment, and this thread may not: who asks
    // for a variable is to find none.
    const { default: process } = await import("node:process");
    Object.defineProperty(process, "env", { value: {} });
  }
  files = new FilesThreads(begin, new SharedState(buffer), tell);
  const reached = files;
  const filesOf = (of: Both<string>): Promise<Files> => {
    // The main thread had them from the same config.
    const isSame = SIDES.every((side) => of[side] === roots?.[side]);
    if (!isSame) throw new Error("the config names other roots by now");
    return Promise.resolve(reached);
  };
  let code: number = EXIT.unexpected;
  try {
    const { runProgram, launchedHost } = await import("./cli_program.ts");
    const host = started.as === "program"
      ? launchedHost(started.handed, filesOf)
      : (await import("./release_binary.ts")).binaryHost(
        started.made,
        filesOf,
      );
    code = await runProgram(args, host);
  } finally {
    exit(code);
  }
}
