/**
 * A file system that shows a folder, with a delay on every call: a slow share.
 *
 * It is a real one: the kernel asks for each call through `/dev/fuse` and has
 * to wait. Calls wait side by side, as on a network, where only the way is
 * long. Started by `mountSlowly` of `slow_mount.ts`, with `/dev/fuse` as its
 * input and its standard error.
 *
 * Names and attributes may be kept by the kernel for a second, as clients of
 * SMB and NFS do; each file is asked for again in each run.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { constants } from "node:os";
import { type Answer, FuseFolder, type Request } from "./fuse_folder.ts";

/** Of the protocol: those that the kernel does not wait for. */
const UNAWAITED = {
  forget: 2,
  release: 18,
  releaseFolder: 29,
  interrupt: 36,
  batchForget: 42,
};
const UNANSWERED: readonly number[] = [
  UNAWAITED.forget,
  UNAWAITED.interrupt,
  UNAWAITED.batchForget,
];
const INIT = 26;

/** What the kernel may send at once, with room for what goes before it. */
const LARGEST = 128 * 1024 + 4096;
const HEADER = 40;

const [folder = "", delay = "2", longestName = "255"] = Deno.args;
const delayMs = Number(delay);
const shown = new FuseFolder(folder, Number(longestName));
let calls = 0;
let waitedMs = 0;

/** Requests in the order in which they came, with when they may be answered. */
const waiting: { readonly request: Request; readonly dueMs: number }[] = [];

function answerDue(): void {
  const now = performance.now();
  while (waiting.length > 0 && waiting[0]!.dueMs <= now) {
    const { request, dueMs } = waiting.shift()!;
    waitedMs += now - dueMs + delayMs;
    answer(request);
  }
}

function answer(request: Request): void {
  let result: Answer;
  try {
    result = shown.answer(request);
  } catch (error) {
    result = errnoOf(error);
  }
  if (UNANSWERED.includes(request.opcode)) return;
  const body = typeof result === "number" ? Buffer.alloc(0) : result;
  const head = Buffer.alloc(16);
  head.writeUInt32LE(head.length + body.length, 0);
  head.writeInt32LE(typeof result === "number" ? -result : 0, 4);
  head.writeBigUInt64LE(request.unique, 8);
  try {
    // Standard output would break an answer at what looks like a line's end.
    Deno.stderr.writeSync(Buffer.concat([head, body]));
  } catch (error) {
    // Nobody waits for it any more: the caller was killed.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function errnoOf(error: unknown): number {
  const code = error instanceof Error && "code" in error ? error.code : "EIO";
  const known: Record<string, number> = constants.errno;
  return known[String(code)] ?? constants.errno.EIO;
}

function take(bytes: Buffer): void {
  const opcode = bytes.readUInt32LE(4);
  const request: Request = {
    opcode,
    unique: bytes.readBigUInt64LE(8),
    node: bytes.readBigUInt64LE(16),
    body: bytes.subarray(HEADER),
  };
  if (opcode === INIT || Object.values(UNAWAITED).includes(opcode)) {
    answer(request);
    return;
  }
  calls++;
  waiting.push({ request, dueMs: performance.now() + delayMs });
}

Deno.addSignalListener("SIGUSR1", () => {
  const told = JSON.stringify({ calls, waitedMs });
  Deno.stdout.writeSync(new TextEncoder().encode(`${told}\n`));
  calls = 0;
  waitedMs = 0;
});

// Timers of the event loop are a millisecond late: half the delay.
const { symbols: { ppoll } } = Deno.dlopen("libc.so.6", {
  ppoll: { parameters: ["buffer", "u64", "buffer", "u64"], result: "i32" },
});
const READABLE = 1;
const watched = Buffer.alloc(8);
watched.writeInt16LE(READABLE, 4);
const span = Buffer.alloc(16);

/** Waits for a request, so long at most. */
function comes(ms: number): boolean {
  span.writeBigInt64LE(0n, 0);
  span.writeBigInt64LE(BigInt(Math.max(0, Math.ceil(ms * 1e6))), 8);
  return ppoll(watched, 1n, span, 0n) > 0;
}

const room = Buffer.alloc(LARGEST);

/** Without a request for so long, signals are looked for. */
const IDLE_MS = 20;

for (;;) {
  const next = waiting[0];
  if (comes(next ? next.dueMs - performance.now() : IDLE_MS)) receive();
  else if (!next) await new Promise((resolve) => setTimeout(resolve, 0));
  answerDue();
}

function receive(): void {
  try {
    const length = Deno.stdin.readSync(room);
    if (length !== null) return take(Buffer.from(room.subarray(0, length)));
  } catch (error) {
    // The caller gave up in between.
    if (errnoOf(error) === constants.errno.ENOENT) return;
  }
  // It is unmounted.
  Deno.exit(0);
}
