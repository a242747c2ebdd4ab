/// <reference lib="deno.worker" />

/**
 * A thread that reads and changes files of the roots.
 *
 * @module
 */
import { actHandlers } from "./files_handlers.ts";
import { serveThread } from "./wire_port.ts";

serveThread(self, actHandlers);
