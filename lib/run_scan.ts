/**
 * Scans both roots: at once, each in a thread of its own, or, where there is
 * little to see, one after the other without any.
 *
 * @module
 */
import { GuardError, InterruptedError } from "./errors.ts";
import type { ScanMessage, ScanTask } from "./files_look_worker.ts";
import type { SideScan } from "./plan_merge.ts";
import type { Probe } from "./root_traits.ts";
import type { Interrupt, Meter } from "./run_types.ts";
import { scan, type ScanRequest, type ScanSummary } from "./scanner.ts";
import { digestsOf } from "./state_record.ts";
import { errorWords } from "./text.ts";
import { type Both, type DirectoryRow, type Side, SIDES } from "./types.ts";
import { ignorePredicate, type IgnoreSettings } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";

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
   * @param context What both scans have in common.
   * @throws {ScanError} The root can't be read.
   */
  run(request: ScanRequest, context: ScanContext): Promise<FinishedScan>;
}

/** What both scans have in common. */
export interface ScanContext {
  /** Which names to leave alone. */
  readonly ignore: IgnoreSettings;
  /** Counts the files of both. */
  readonly meter: Meter;
  /** Asked now and then whether to go on; what it throws ends a scan here. */
  readonly interrupt: Interrupt;
  /** Told of each folder that differs, while other threads go on scanning. */
  onListing?(folder: string): void;
}

/** A state DB of this size, in bytes, knows of a few thousand files at most. */
const SMALL_BYTES = 1_048_576;

/** The scans of both roots, before they begin. */
export class Scans implements Both<RootScan>, Disposable {
  readonly left: RootScan;
  readonly right: RootScan;

  /**
   * Starts threads, if they are worth it. They take a while to load: the
   * earlier this is done the better.
   *
   * @param stateDb Path of the state DB.
   */
  constructor(stateDb: string) {
    const scan = isSmall(stateDb)
      ? () => new ScanHere()
      : () => new ScanThread();
    [this.left, this.right] = [scan(), scan()];
  }

  /** Ends the threads. */
  [Symbol.dispose](): void {
    for (const side of SIDES) this[side][Symbol.dispose]();
  }
}

/**
 * Whether the last run left so little that two threads would take longer to
 * start than both roots to be scanned. It may be wrong about what there is by
 * now: then the scan takes longer, and that is all.
 */
function isSmall(stateDb: string): boolean {
  try {
    return Deno.statSync(stateDb).size <= SMALL_BYTES;
  } catch {
    // The first run: nobody knows.
    return false;
  }
}

/**
 * Scans in this thread, which has to wait meanwhile: for few files, where
 * starting another thread takes longer.
 */
class ScanHere implements RootScan {
  async run(
    request: ScanRequest,
    { ignore, meter, interrupt }: ScanContext,
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
        checkpoint: () => interrupt.pass(),
      });
      return { listings, problems: summary.problems, summary };
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      throw new ScanError(request.side, errorWords(error));
    }
  }

  // Nothing is left running.
  [Symbol.dispose](): void {}
}

/** A thread that waits for a root to scan. */
class ScanThread implements RootScan {
  readonly #thread: Worker;

  constructor() {
    const url = new URL("./files_look_worker.ts", import.meta.url);
    this.#thread = new Worker(url, { type: "module" });
  }

  run(
    request: ScanRequest,
    { ignore, meter, onListing }: ScanContext,
  ): Promise<FinishedScan> {
    const listings = new Map<string, Listing>();
    let seen = 0;
    const { promise, resolve, reject } = Promise.withResolvers<FinishedScan>();
    this.#thread.onmessage = ({ data }: MessageEvent<ScanMessage>): void => {
      if (data.kind === "listings") {
        for (const listing of data.listings) {
          listings.set(listing.folder, listing);
          onListing?.(listing.folder);
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
    this.#thread.onerror = (event): void => {
      event.preventDefault();
      reject(new ScanError(request.side, event.message));
    };
    const task: ScanTask = { request, ignore };
    this.#thread.postMessage(task);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#thread.terminate();
  }
}

/**
 * Scans both roots at once.
 *
 * @param scans One for each root.
 * @param requests What to scan.
 * @param context What both have in common.
 * @throws {GuardError} "roots": one of them can't be read to the end.
 */
export async function scanBoth(
  scans: Both<RootScan>,
  requests: Both<ScanRequest>,
  context: ScanContext,
): Promise<Both<FinishedScan>> {
  try {
    const [left, right] = await Promise.all([
      scans.left.run(requests.left, context),
      scans.right.run(requests.right, context),
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

// What the scans of both roots need to know of them.

/** What is known of both roots. */
export interface KnownRoots {
  /** Absolute paths. */
  readonly paths: Both<string>;
  readonly probes: Both<Probe>;
  /** The recorded folders. */
  readonly directories: ReadonlyMap<string, DirectoryRow>;
  /** Whether a side's file ids still mean what they meant. */
  readonly idsCount: Both<boolean>;
  /** Whether all folders are asked for, also those that are as recorded. */
  readonly isFull: boolean;
}

/**
 * What each scan is to do.
 *
 * @param known What is known of both roots.
 */
export function scanRequests(known: KnownRoots): Both<ScanRequest> {
  const request = (side: Side): ScanRequest => ({
    side,
    root: known.paths[side],
    tickMs: known.probes[side].traits.tickMs,
    startedAtMs: known.probes[side].startedAtMs,
    windowsNames: Deno.build.os === "windows"
      ? "all"
      : known.probes[side].traits.hasWindowsNames
      ? "missing"
      : undefined,
    digests: known.isFull || !known.idsCount[side]
      ? new Map()
      : digestsOf(known.directories, side),
  });
  return { left: request("left"), right: request("right") };
}
