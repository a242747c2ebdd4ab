/**
 * The files' world in one thread: all that answers requests about the roots.
 *
 * @module
 */
import { lookHandlers } from "./files_look.ts";
import type { Both } from "./types.ts";
import { SharedState } from "./wire_messages.ts";
import { checkpointOf, type Files, FilesHere } from "./wire_port.ts";

/**
 * Answers requests about two roots in this thread.
 *
 * @param paths Absolute paths of the roots.
 * @param shared The stop and the counters; left out: new ones.
 */
export function filesHere(
  paths: Both<string>,
  shared: SharedState = new SharedState(),
): Files {
  const world = { paths, shared, checkpoint: checkpointOf(shared) };
  return new FilesHere(
    lookHandlers(world),
    shared,
    "Nothing holds this run to the two roots: it is made in one thread.",
  );
}
