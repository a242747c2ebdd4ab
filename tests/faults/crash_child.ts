/**
 * One run and nothing around it: no command line, no log, no sandbox, and one
 * thread, whose calls are the same each time. Tests start it as a process of
 * its own, to kill or disturb it. It starts in half the time of the whole
 * program, and its run has an id that is known before, and with it the names
 * of its temporary files. Restoring, with its command line, can be had as well.
 *
 * @module
 */
import { readArguments, type RestoreInvocation } from "../../lib/cli_args.ts";
import { restore } from "../../lib/command_restore.ts";
import type { Config } from "../../lib/config_schema.ts";
import { SyncError } from "../../lib/errors.ts";
import { filesHere } from "../../lib/files_handlers.ts";
import { jsonError, jsonReport } from "../../lib/report_json.ts";
import { runSync } from "../../lib/run.ts";

/** Runs once; gives the exit code and the document. */
async function runOnce(
  id: string,
  config: Config,
): Promise<[number, unknown]> {
  try {
    const result = await runSync(id, config, {
      files: filesHere(config.roots),
      isDryRun: false,
      allowed: { deletes: false, changes: false },
      acceptRoots: false,
      listUnchanged: false,
    }, { onOutcome() {}, onProblem() {}, onWarning() {} });
    return [result.exitCode, jsonReport(result, false)];
  } catch (error) {
    const known = error instanceof SyncError
      ? error
      : new SyncError(String(error), 5, { cause: error });
    return [known.exitCode, jsonError(known)];
  }
}

const [id = "", text = "", ...command] = Deno.args;
const config: Config = JSON.parse(text);
// All is loaded: now is the time to watch this process, and to let it go on.
Deno.stderr.writeSync(new TextEncoder().encode("ready\n"));
Deno.stdin.readSync(new Uint8Array(1));
if (command.length > 0) {
  const invocation = readArguments(command) as RestoreInvocation;
  Deno.exit(await restore(invocation, config, filesHere(config.roots)));
}
const [code, told] = await runOnce(id, config);
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(told)));
Deno.exit(code);
