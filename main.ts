/**
 * What starts office-sync, whichever way: a binary is told what it was made
 * for; a person starts the launcher, which starts this once more, as the
 * program, with the permissions that the program needs and no others.
 *
 * @module
 */
import {
  fromThere,
  IN_SANDBOX,
  MADE_FOR,
  startedAs,
} from "./lib/started_as.ts";

const binary = startedAs<never>(MADE_FOR, Deno.args);
const program = startedAs<never>(IN_SANDBOX, Deno.args);
if (binary !== null) {
  const { runBinary } = await import("./lib/release_binary.ts");
  Deno.exit(await runBinary(binary.told, binary.rest));
} else if (program !== null) {
  const { launchedHost, runProgram } = await import("./lib/cli_program.ts");
  Deno.exit(await runProgram(program.rest, launchedHost(program.told)));
} else {
  const { launch } = await import("./lib/sandbox_launcher.ts");
  Deno.exitCode = await launch(fromThere(Deno.args), {
    program: Deno.mainModule,
  });
}
