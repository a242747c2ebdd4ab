/**
 * What `deno task sync` starts: the launcher, which starts the program.
 *
 * @module
 */

import { launch } from "./lib/launcher.ts";

const STARTED_IN = "--started-in=";

/**
 * A task starts in the project's folder; whoever calls it means paths to
 * start where they stand.
 */
function fromThere(args: readonly string[]): readonly string[] {
  const [first = "", ...rest] = args;
  if (!first.startsWith(STARTED_IN)) return args;
  const folder = first.slice(STARTED_IN.length);
  if (folder !== "") Deno.chdir(folder);
  return rest;
}

Deno.exitCode = await launch(fromThere(Deno.args), {
  program: import.meta.resolve("./main.ts"),
});
