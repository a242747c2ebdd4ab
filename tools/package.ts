/**
 * What `deno task package` starts: makes a portable folder.
 *
 * @module
 */
import { runTask } from "../lib/release_binary.ts";
import { makePackage, PACKAGE_HELP } from "../lib/release_portable.ts";
import { fromThere } from "../lib/started_as.ts";

const args = fromThere(Deno.args);
Deno.exitCode = await runTask(args, PACKAGE_HELP, makePackage);
