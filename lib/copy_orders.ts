/**
 * A thread that copies batches of small files, or helps with a large one.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { type BatchContext, copyBatch } from "./copy_batch.ts";
import {
  packDone,
  type PackedDone,
  type PackedTasks,
  type ShareTask,
  unpackTasks,
} from "./copy_messages.ts";
import { copyPieces } from "./copy_content.ts";
import { Root, type RootSelf } from "./disk.ts";
import type { Habits } from "./figures.ts";
import { openFile } from "./open_file.ts";
import { SharedCopy } from "./shared_copy.ts";
import type { Both, Side } from "./types.ts";
import { otherSide } from "./types.ts";

/** A root, as a thread is told of it. */
export interface CopyRoot {
  /** Absolute path. */
  readonly path: string;
  readonly habits: Habits;
  readonly self: RootSelf | null;
}

/** What the worker is told: the roots first, then what there is to copy. */
export type CopyMessage =
  | {
    readonly kind: "begin";
    readonly roots: Both<CopyRoot>;
    /** Not 0: no more is to be copied. */
    readonly stop: SharedArrayBuffer;
  }
  | { readonly kind: "batch"; readonly tasks: PackedTasks }
  | {
    readonly kind: "share";
    readonly task: ShareTask;
    readonly memory: SharedArrayBuffer;
  };

function help(
  { from, path, seen, temporary, self }: ShareTask,
  memory: SharedArrayBuffer,
  roots: Both<Root>,
): void {
  const { sizeBytes } = seen;
  const shared = new SharedCopy(sizeBytes, memory);
  shared.help(() => {
    const to = roots[otherSide(from)];
    to.distrust();
    using source = openFile(roots[from], path, seen);
    if (to.look(temporary).kind !== "file") return;
    using file = Deno.openSync(to.absolute(temporary), { write: true });
    const { dev, ino } = file.statSync();
    if (dev !== self.dev || ino !== self.ino) return;
    copyPieces({ source, file, sizeBytes }, shared);
  });
}

/** What the worker tells: what became of a batch, one after the other. */
export type CopyReply = PackedDone;

let context: BatchContext | null = null;

self.onmessage = ({ data }: MessageEvent<CopyMessage>): void => {
  if (data.kind === "begin") {
    const make = (side: Side): Root => {
      const { path, habits, self } = data.roots[side];
      return new Root(side, path, habits, self);
    };
    const stop = new Int32Array(data.stop);
    context = {
      roots: { left: make("left"), right: make("right") },
      isStopped: () => Atomics.load(stop, 0) !== 0,
      flushMs: 0,
    };
    return;
  }
  const { left, right } = context!.roots;
  if (data.kind === "share") {
    try {
      help(data.task, data.memory, context!.roots);
    } catch {
      // Whoever began finds out what is wrong.
    }
    return;
  }
  // The run may have changed folders since the last batch.
  left.distrust();
  right.distrust();
  const done = copyBatch(unpackTasks(data.tasks), context!);
  const reply: CopyReply = packDone(done);
  self.postMessage(reply, [reply.numbers.buffer]);
};
