/**
 * What the portable folder of `deno task package` starts: the launcher. The
 * config is the one in that folder, if no other is named.
 *
 * @module
 */
import { join } from "node:path";
import { launch } from "./lib/sandbox_launcher.ts";

const config = join(import.meta.dirname ?? ".", "..", "config.yaml");
Deno.exitCode = await launch([`--config=${config}`, ...Deno.args], {
  program: import.meta.resolve("./main.js"),
});
