/// <reference lib="deno.worker" />

import { type CopyOrder, obey } from "./files_copy.ts";

/**
 * A thread that copies.
 *
 * @module
 */

self.onmessage = ({ data }: MessageEvent<CopyOrder>): void => {
  const reply = obey(data);
  if (reply !== null) self.postMessage(reply, [reply.numbers.buffer]);
};
