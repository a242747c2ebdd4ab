/// <reference lib="deno.worker" />

/**
 * A thread that changes the roots: it copies, batch by batch.
 *
 * @module
 */
import { copyBatch } from "./files_copy.ts";
import { Root } from "./root_files.ts";
import type { Both, Side } from "./types.ts";
import { type CopyOrder, packDone, unpackTasks } from "./wire_messages.ts";

let roots: Both<Root> | null = null;
let isStopped = (): boolean => false;
/** Batches are made in turn, in the order in which they came. */
let turn: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<CopyOrder>): void => {
  turn = turn.then(() => obey(data));
};

async function obey(order: CopyOrder): Promise<void> {
  if (order.kind === "begin") {
    const root = (side: Side): Root => {
      const { path, traits, self } = order.roots[side];
      return new Root(side, path, traits, self);
    };
    roots = { left: root("left"), right: root("right") };
    const stop = new Int32Array(order.stop);
    isStopped = () => Atomics.load(stop, 0) !== 0;
    return;
  }
  // The run may have changed folders since the last batch.
  roots!.left.distrust();
  roots!.right.distrust();
  const done = await copyBatch(unpackTasks(order), roots!, isStopped);
  const reply = packDone(done);
  self.postMessage(reply, [reply.numbers.buffer]);
}
