/**
 * What `deno task sync` starts: the launcher, which starts the program.
 *
 * @module
 */

import { launch } from "./lib/launcher.ts";

Deno.exitCode = await launch(Deno.args, {
  program: import.meta.resolve("./main.ts"),
});
