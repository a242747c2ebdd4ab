/**
 * The command panel: serves the panel's pages to this computer's browser until
 * somebody closes it, or nobody uses it any more.
 *
 * @module
 */
import type { PanelInvocation } from "./cli_args.ts";
import { print } from "./cli_output.ts";
import { cantMake } from "./command_shared.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, InterruptedError, SyncError } from "./errors.ts";
import { entryPage, PanelServer } from "./panel_server.ts";
import { PanelSite } from "./panel_site.ts";
import { codeOf } from "./system.ts";
import type { Files } from "./wire_port.ts";

/** So often it is looked whether there was a signal, in ms. */
const LOOK_MS = 100;

/**
 * Serves the panel.
 *
 * @param entry What leads a browser in is written there: a new file that only
 *   this account can read, and that goes when it has been used or is too old.
 * @throws {SyncError} The port, or the name of that file, is taken.
 */
export async function panel(
  { port }: PanelInvocation,
  config: Config,
  files: Files,
  entry: string,
): Promise<ExitCode> {
  files.listen();
  await using server = listening(new PanelSite(config, files), port);
  writeEntry(entry, entryPage(server));
  try {
    print(
      `The panel is open at http://127.0.0.1:${server.port}/ for 30 minutes ` +
        "after the last click; Ctrl+C ends it.\nIf no browser opens, open " +
        `this file within a minute: ${entry}`,
    );
    void server.entered.then(() => removeEntry(entry));
    let timer: ReturnType<typeof setInterval> | undefined;
    const stopped = new Promise<InterruptedError>((resolve) => {
      timer = setInterval(() => {
        const signal = files.shared.signal;
        if (signal !== null) resolve(new InterruptedError(signal));
      }, LOOK_MS);
    });
    const end = await Promise.race([server.ended, stopped]);
    clearInterval(timer);
    if (end instanceof InterruptedError) return end.exitCode;
    print(end === "closed" ? "The panel was closed." : IDLE);
    return EXIT.agreed;
  } finally {
    removeEntry(entry);
  }
}

const IDLE = "Nobody used the panel for 30 minutes: it is closed.";

function listening(site: PanelSite, port: number): PanelServer {
  try {
    return new PanelServer(site, port);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw error;
    throw new SyncError(
      `--port: another program listens at ${port} already; allowed: a port ` +
        "that is free, or none for any.",
      EXIT.usage,
    );
  }
}

function writeEntry(entry: string, text: string): void {
  try {
    Deno.writeTextFileSync(entry, text, { createNew: true, mode: 0o600 });
  } catch (error) {
    const instead = ": another panel is being opened, or was cut off; remove " +
      "it, or wait a minute";
    throw cantMake(entry, error, instead);
  }
}

function removeEntry(entry: string): void {
  try {
    Deno.removeSync(entry);
  } catch {
    // It is gone already, or holds nothing any more that would lead in.
  }
}
