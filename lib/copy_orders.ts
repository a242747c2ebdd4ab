/**
 * What a thread does that copies: batches of small files, or parts of a large
 * one.
 *
 * @module
 */
import { type BatchContext, copyBatch } from "./copy_batch.ts";
import { copyPieces } from "./copy_content.ts";
import type { Habits } from "./metadata.ts";
import { openFile } from "./open_file.ts";
import { Root, type RootSelf } from "./root_files.ts";
import { SharedCopy } from "./shared_copy.ts";
import { type Both, otherSide, type Side } from "./types.ts";
import {
  packDone,
  type PackedDone,
  type PackedTasks,
  type ShareTask,
  unpackTasks,
} from "./wire_messages.ts";

/** A root, as a thread is told of it. */
export interface CopyRoot {
  /** Absolute path. */
  readonly path: string;
  readonly habits: Habits;
  readonly self: RootSelf | null;
}

/** What a thread is told: the roots first, then what there is to copy. */
export type CopyOrder =
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

/** What became of a batch. */
export type CopyReply = PackedDone;

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

let context: BatchContext | null = null;

/**
 * Does what a thread is told.
 *
 * @param order What it is told.
 * @returns What became of a batch; null where nobody waits for an answer.
 */
export function obey(order: CopyOrder): CopyReply | null {
  if (order.kind === "begin") {
    const make = (side: Side): Root => {
      const { path, habits, self } = order.roots[side];
      return new Root(side, path, habits, self);
    };
    const stop = new Int32Array(order.stop);
    context = {
      roots: { left: make("left"), right: make("right") },
      isStopped: () => Atomics.load(stop, 0) !== 0,
      flushMs: 0,
    };
    return null;
  }
  const { left, right } = context!.roots;
  if (order.kind === "share") {
    try {
      help(order.task, order.memory, context!.roots);
    } catch {
      // Whoever began finds out what is wrong.
    }
    return null;
  }
  // The run may have changed folders since the last batch.
  left.distrust();
  right.distrust();
  return packDone(copyBatch(unpackTasks(order.tasks), context!));
}
