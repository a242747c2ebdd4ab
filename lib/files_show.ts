/**
 * Shows what is in a file: the one request that gives contents. Only a thread
 * that the main thread has started for it answers that, for the panel.
 *
 * @module
 */
import { rootIn } from "./files_look.ts";
import { OpenFile } from "./files_read.ts";
import { requirePaths } from "./root_files.ts";
import { codeOf, inWords, Skipped } from "./system.ts";
import { type Shown, SHOWN_BYTES } from "./wire_messages.ts";
import type { Handlers, World } from "./wire_port.ts";

/** The request that is answered by showing. */
export function showHandlers(world: World): Pick<Handlers, "show"> {
  return {
    show({ side, root, path, metadata }): Shown {
      requirePaths([path]);
      if (metadata.sizeBytes > SHOWN_BYTES) return { why: "it is too large" };
      try {
        using file = new OpenFile(rootIn(world, side, root), path, metadata);
        const bytes = new Uint8Array(metadata.sizeBytes);
        file.read(bytes);
        file.finish();
        return { bytes };
      } catch (error) {
        const isKnown = error instanceof Skipped || codeOf(error) !== null;
        if (!isKnown) throw error;
        return { why: inWords(error) };
      }
    },
  };
}
