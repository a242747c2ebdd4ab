/**
 * Tells a monitor that runs go on and how they end: one such as healthchecks.io
 * or Uptime Kuma, which raises an alarm where it is not asked any more. Of its
 * addresses, which are a secret, nothing is ever told but the host.
 *
 * @module
 */
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode } from "./errors.ts";
import { errorWords, VERSION } from "./text.ts";

/** How long it may take to answer, in ms. */
const BOUND_MS = 10_000;

/**
 * What is asked after a run.
 *
 * @returns Null: nothing, as for a run that did not come to be, or was ended
 *   by somebody.
 */
export function urlAfter(
  monitor: NonNullable<Config["monitor"]>,
  exitCode: ExitCode,
): string | null {
  switch (exitCode) {
    case EXIT.agreed:
    case EXIT.leftForPerson:
      return monitor.pingUrl;
    case EXIT.usage:
    case EXIT.guard:
    case EXIT.unexpected:
      return monitor.failUrl;
    case EXIT.busy:
    case EXIT.interrupted:
    case EXIT.terminated:
      return null;
  }
}

/**
 * Asks an address.
 *
 * @param url One of the monitor's.
 * @param boundMs How long that may take, in ms; left out: 10 s.
 * @returns Why it was not answered well, in words; null: it was.
 */
export async function askMonitor(
  url: string,
  boundMs: number = BOUND_MS,
): Promise<string | null> {
  try {
    const { status, body } = await fetch(url, {
      redirect: "manual",
      headers: { "User-Agent": `office-sync/${VERSION}` },
      signal: AbortSignal.timeout(boundMs),
    });
    await body?.cancel();
    if (status >= 200 && status < 300) return null;
    const isElsewhere = status >= 300 && status < 400;
    return `it answers with ${status}` +
      (isElsewhere ? ", and a redirect is not followed" : "");
  } catch (error) {
    const isLate = error instanceof DOMException &&
      error.name === "TimeoutError";
    if (isLate) return `it did not answer within ${boundMs / 1000} s`;
    const { cause = null } = error as Error;
    const words = errorWords(cause ?? error);
    const { href, pathname } = new URL(url);
    const why = words.replaceAll(` for url (${href})`, "");
    return why.includes(pathname) && pathname !== "/"
      ? "it can't be reached"
      : why;
  }
}

/**
 * Tells how a run ended. It never throws, and changes nothing about that.
 *
 * @param waitFor Waits for the answer, but not beyond a signal.
 */
export async function tellMonitor(
  monitor: NonNullable<Config["monitor"]>,
  exitCode: ExitCode,
  { onInfo, onWarning, waitFor }: {
    onInfo(text: string): void;
    onWarning(text: string): void;
    waitFor(answer: Promise<string | null>): Promise<string | null>;
  },
): Promise<void> {
  const url = urlAfter(monitor, exitCode);
  if (url === null) return;
  const how = url === monitor.pingUrl ? "went well" : "failed";
  let why: string | null;
  try {
    why = await waitFor(askMonitor(url));
  } catch (error) {
    why = errorWords(error);
  }
  if (why === null) onInfo(`told ${monitor.host} that the run ${how}`);
  else {
    onWarning(
      `The monitor at ${monitor.host} could not be told that the run ${how}: ` +
        `${why}. Nothing else about the run is changed by that.`,
    );
  }
}
