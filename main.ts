/**
 * What starts office-sync, whichever way: a person starts the launcher, which
 * starts this once more, as the program, with the permissions that the program
 * needs and no others; a binary is the program at once. The program is a main
 * thread, and what it starts.
 *
 * @module
 */
import type { MadeFor } from "./lib/release_binary.ts";
import type { Started } from "./lib/sandbox_launcher.ts";
import {
  fromThere,
  IN_SANDBOX,
  MADE_FOR,
  startedAs,
} from "./lib/started_as.ts";

const binary = startedAs<MadeFor>(MADE_FOR, Deno.args);
const program = startedAs<Started>(IN_SANDBOX, Deno.args);
if (binary !== null || program !== null) {
  const { binaryProgram, launchedProgram, runThreads } = await import(
    "./lib/sandbox_threads.ts"
  );
  await runThreads(
    binary !== null
      ? binaryProgram(binary.told, binary.rest)
      : launchedProgram(program!.told, program!.rest),
  );
} else {
  const { launch } = await import("./lib/sandbox_launcher.ts");
  Deno.exitCode = await launch(fromThere(Deno.args), {
    program: Deno.mainModule,
  });
}
