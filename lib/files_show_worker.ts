/// <reference lib="deno.worker" />

/**
 * A thread that shows what is in files of the roots.
 *
 * @module
 */
import { showHandlers } from "./files_show.ts";
import { serveThread } from "./wire_port.ts";

serveThread(self, showHandlers);
