/**
 * What `deno task sync` starts: the launcher, which starts the program.
 *
 * @module
 */
import { launch } from "./lib/sandbox_launcher.ts";
import { fromThere } from "./lib/started_in.ts";

Deno.exitCode = await launch(fromThere(Deno.args), {
  program: import.meta.resolve("./main.ts"),
});
