/// <reference lib="deno.worker" />

/**
 * A thread that looks at the roots.
 *
 * @module
 */
import { lookHandlers } from "./files_look.ts";
import { serveThread } from "./wire_port.ts";

serveThread(self, lookHandlers);
