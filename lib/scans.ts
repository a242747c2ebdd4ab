/**
 * Scans both roots: at once, each in a thread of its own, or, where there is
 * little to see, one after the other without any.
 *
 * @module
 */
import { GuardError, InterruptedError } from "./errors.ts";
import { ignorePredicate, type IgnoreSettings } from "./ignore.ts";
import type { Listing } from "./listing.ts";
import type { SideScan } from "./merge.ts";
import type { Meter } from "./meter.ts";
import type { ScanMessage, ScanTask } from "./scan_worker.ts";
import { scan, type ScanRequest, type ScanSummary } from "./scanner.ts";
import type { Both, Side } from "./types.ts";

/** What one scan gave. */
export interface FinishedScan extends SideScan {
  readonly summary: ScanSummary;
}

/** A root could not be read to the end. */
export class ScanError extends Error {
  override readonly name = "ScanError";

  /**
   * @param side Which root.
   * @param message What went wrong.
   */
  constructor(readonly side: Side, message: string) {
    super(message);
  }
}

/** What scans one root. */
export interface RootScan extends Disposable {
  /**
   * Scans.
   *
   * @param request What to scan.
   * @param ignore Which names to leave alone.
   * @param meter Counts the files.
   * @throws {ScanError} The root can't be read.
   */
  run(
    request: ScanRequest,
    ignore: IgnoreSettings,
    meter: Meter,
  ): Promise<FinishedScan>;
}

/**
 * Scans in this thread, which has to wait meanwhile: for few files, where
 * starting another thread takes longer.
 */
export class ScanHere implements RootScan {
  readonly #pause: () => Promise<void>;

  /** @param pause Called between two folders; what it throws ends the scan. */
  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /** {@inheritDoc RootScan.run} */
  async run(
    request: ScanRequest,
    ignore: IgnoreSettings,
    meter: Meter,
  ): Promise<FinishedScan> {
    const listings = new Map<string, Listing>();
    let seen = 0;
    try {
      const summary = await scan(request, ignorePredicate(ignore), {
        handOn: (listing) => void listings.set(listing.folder, listing),
        tellFiles(files) {
          meter.add(files - seen, 0);
          seen = files;
        },
        pause: this.#pause,
      });
      return { listings, problems: summary.problems, summary };
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      const { message } = error instanceof Error ? error : Error(String(error));
      throw new ScanError(request.side, message);
    }
  }

  /** Nothing is left running. */
  [Symbol.dispose](): void {}
}

/** A thread that waits for a root to scan. */
export class ScanThread implements RootScan {
  readonly #worker: Worker;

  /** Starts the thread: it loads while its task is still being prepared. */
  constructor() {
    const url = new URL("./scan_worker.ts", import.meta.url);
    this.#worker = new Worker(url, { type: "module" });
  }

  /** {@inheritDoc RootScan.run} */
  run(
    request: ScanRequest,
    ignore: IgnoreSettings,
    meter: Meter,
  ): Promise<FinishedScan> {
    const listings = new Map<string, Listing>();
    let seen = 0;
    const { promise, resolve, reject } = Promise.withResolvers<FinishedScan>();
    this.#worker.onmessage = ({ data }: MessageEvent<ScanMessage>): void => {
      if (data.kind === "listings") {
        for (const listing of data.listings) {
          listings.set(listing.folder, listing);
        }
      } else if (data.kind === "seen") {
        meter.add(data.files - seen, 0);
        seen = data.files;
      } else if (data.kind === "done") {
        const { summary } = data;
        resolve({ listings, problems: summary.problems, summary });
      } else {
        reject(new ScanError(request.side, data.message));
      }
    };
    this.#worker.onerror = (event): void => {
      event.preventDefault();
      reject(new ScanError(request.side, event.message));
    };
    const task: ScanTask = { request, ignore };
    this.#worker.postMessage(task);
    return promise;
  }

  /** Ends the thread. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

/**
 * Scans both roots at once.
 *
 * @param scans One for each root.
 * @param requests What to scan.
 * @param ignore Which names to leave alone.
 * @param meter Counts the files of both.
 * @throws {GuardError} "roots": one of them can't be read to the end.
 */
export async function scanBoth(
  scans: Both<RootScan>,
  requests: Both<ScanRequest>,
  ignore: IgnoreSettings,
  meter: Meter,
): Promise<Both<FinishedScan>> {
  try {
    const [left, right] = await Promise.all([
      scans.left.run(requests.left, ignore, meter),
      scans.right.run(requests.right, ignore, meter),
    ]);
    return { left, right };
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    const { side, message } = error;
    throw new GuardError(
      "roots",
      `${side === "left" ? "Left" : "Right"} (${requests[side].root}) could ` +
        `not be read to the end: ${message}. Nothing was changed.`,
      "Make sure that the disk or network drive is connected, then run again.",
      { cause: error },
    );
  }
}
