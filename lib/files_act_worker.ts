/// <reference lib="deno.worker" />
/**
 * A thread that copies.
 *
 * @module
 */
import { type CopyOrder, obey } from "./copy_orders.ts";

self.onmessage = ({ data }: MessageEvent<CopyOrder>): void => {
  const reply = obey(data);
  if (reply !== null) self.postMessage(reply, [reply.numbers.buffer]);
};
