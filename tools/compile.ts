/**
 * What `deno task compile` starts: makes a binary for one config.
 *
 * @module
 */
import { compile, COMPILE_HELP, runTask } from "../lib/release_binary.ts";
import { fromThere } from "../lib/started_as.ts";

const args = fromThere(Deno.args);
Deno.exitCode = await runTask(args, COMPILE_HELP, compile);
