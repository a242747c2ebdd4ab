/**
 * The sync program. It expects to be started with just the permissions it
 * needs: by the launcher, or compiled with them.
 *
 * @module
 */
import { runProgram } from "./lib/program.ts";

Deno.exit(await runProgram(Deno.args));
