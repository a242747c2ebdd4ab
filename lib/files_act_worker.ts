/// <reference lib="deno.worker" />

/**
 * A thread that changes the roots: it answers requests to act, in turn.
 *
 * @module
 */
import { actHandlers } from "./files_handlers.ts";
import type { Both } from "./types.ts";
import { SharedState } from "./wire_messages.ts";
import { checkpointOf, serve } from "./wire_port.ts";

/** What a thread is told first, by who starts it. */
export interface ActBegin {
  /** Where requests come from. */
  readonly port: MessagePort;
  /** Absolute paths of the roots. */
  readonly paths: Both<string>;
  /** Of the run's {@linkcode SharedState}. */
  readonly shared: SharedArrayBuffer;
}

self.onmessage = ({ data }: MessageEvent<ActBegin>): void => {
  const { port, paths } = data;
  const shared = new SharedState(data.shared);
  const checkpoint = checkpointOf(shared);
  serve(port, actHandlers({ paths, shared, checkpoint }));
};
