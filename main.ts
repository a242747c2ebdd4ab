/**
 * The sync program. It expects to be started with just the permissions it
 * needs: by the launcher, or compiled with them.
 *
 * @module
 */
import { launchedHost, runProgram } from "./lib/cli_program.ts";
import { takeHanded } from "./lib/sandbox_permissions.ts";

const { handed, rest } = takeHanded(Deno.args);
Deno.exit(await runProgram(rest, launchedHost(handed)));
