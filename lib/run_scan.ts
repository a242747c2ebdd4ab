/**
 * Scans both roots: at once, each in a thread of its own, or, where there is
 * little to see, one after the other without any.
 *
 * @module
 */
import { GuardError, InterruptedError } from "./errors.ts";
import { words } from "./metadata.ts";
import type { SideScan } from "./plan_types.ts";
import type { Probe } from "./root_traits.ts";
import type { Interrupt, Meter } from "./run_types.ts";
import { scan } from "./scanner.ts";
import { digestsOf } from "./state_record.ts";
import { errorWords } from "./text.ts";
import { type Both, type DirectoryRow, type Side, SIDES } from "./types.ts";
import { ignorePredicate, type IgnoreSettings } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";
import type {
  ScanMessage,
  ScanRequest,
  ScanSummary,
  ScanTask,
} from "./wire_messages.ts";

/** What one scan gave. */
export interface FinishedScan extends SideScan {
  readonly summary: ScanSummary;
}

/** What the scans of both roots need. */
export interface ScanContext {
  /** Absolute paths. */
  readonly paths: Both<string>;
  readonly probes: Both<Probe>;
  /** The recorded folders. */
  readonly directories: ReadonlyMap<string, DirectoryRow>;
  /** Whether a side's file ids still mean what they meant. */
  readonly idsCount: Both<boolean>;
  /** Whether all folders are asked for, also those that are as recorded. */
  readonly isFull: boolean;
  readonly ignore: IgnoreSettings;
  /** Counts the files of both. */
  readonly meter: Meter;
  readonly interrupt: Interrupt;
}

/** A state DB of this size, in bytes, knows of a few thousand files at most. */
const SMALL_BYTES = 1_048_576;

/** The scans of both roots, before they begin. */
export class Scans implements Disposable {
  /** Null: there is so little that both are scanned before they have started. */
  readonly #threads: Both<Worker> | null;

  /** Threads take a while to load: the earlier this is done the better. */
  constructor(stateDb: string) {
    const url = new URL("./files_look_worker.ts", import.meta.url);
    const start = () => new Worker(url, { type: "module" });
    const isSmall = isSmallAsOf(stateDb);
    this.#threads = isSmall ? null : { left: start(), right: start() };
  }

  /**
   * Scans both roots at once.
   *
   * @throws {GuardError} "roots": one of them can't be read to the end.
   */
  async run(context: ScanContext): Promise<Both<FinishedScan>> {
    const one = async (side: Side): Promise<FinishedScan> => {
      const request = requestFor(side, context);
      try {
        return await (this.#threads
          ? inThread(this.#threads[side], request, context)
          : inThisThread(request, context));
      } catch (error) {
        if (error instanceof InterruptedError) throw error;
        throw new GuardError(
          "roots",
          `${words(side)} (${request.root}) could not be read to the end: ` +
            `${errorWords(error)}. Nothing was changed.`,
          "Make sure that the disk or network drive is connected, then run " +
            "again.",
          { cause: error },
        );
      }
    };
    const [left, right] = await Promise.all([one("left"), one("right")]);
    return { left, right };
  }

  /** Ends the threads. */
  [Symbol.dispose](): void {
    for (const side of SIDES) this.#threads?.[side].terminate();
  }
}

/**
 * Whether the last run left so little that two threads would take longer to
 * start than both roots to be scanned. It may be wrong about what there is by
 * now: then the scan takes longer, and that is all.
 */
function isSmallAsOf(stateDb: string): boolean {
  try {
    return Deno.statSync(stateDb).size <= SMALL_BYTES;
  } catch {
    // The first run: nobody knows.
    return false;
  }
}

function requestFor(side: Side, context: ScanContext): ScanRequest {
  const { traits, startedAtMs } = context.probes[side];
  return {
    side,
    root: context.paths[side],
    tickMs: traits.tickMs,
    startedAtMs,
    windowsNames: Deno.build.os === "windows"
      ? "all"
      : traits.hasWindowsNames
      ? "missing"
      : undefined,
    digests: context.isFull || !context.idsCount[side]
      ? new Map()
      : digestsOf(context.directories, side),
  };
}

/** Gathers what a scan tells. */
class Gathered {
  readonly #listings = new Map<string, Listing>();
  readonly #meter: Meter;
  #seen = 0;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  take(listing: Listing): void {
    this.#listings.set(listing.folder, listing);
  }

  count(files: number): void {
    this.#meter.add(files - this.#seen, 0);
    this.#seen = files;
  }

  finished(summary: ScanSummary): FinishedScan {
    const { problems } = summary;
    return { listings: this.#listings, problems, summary };
  }
}

/** For few files; the run has to wait meanwhile. */
async function inThisThread(
  request: ScanRequest,
  { ignore, meter, interrupt }: ScanContext,
): Promise<FinishedScan> {
  const gathered = new Gathered(meter);
  const summary = await scan(request, ignorePredicate(ignore), {
    handOn: (listing) => gathered.take(listing),
    tellFiles: (files) => gathered.count(files),
    checkpoint: interrupt.checkpoint.bind(interrupt),
  });
  return gathered.finished(summary);
}

function inThread(
  thread: Worker,
  request: ScanRequest,
  { ignore, meter }: ScanContext,
): Promise<FinishedScan> {
  const gathered = new Gathered(meter);
  const { promise, resolve, reject } = Promise.withResolvers<FinishedScan>();
  thread.onmessage = ({ data }: MessageEvent<ScanMessage>): void => {
    if (data.kind === "listings") {
      for (const listing of data.listings) gathered.take(listing);
    } else if (data.kind === "seen") gathered.count(data.files);
    else if (data.kind === "done") resolve(gathered.finished(data.summary));
    else reject(new Error(data.message));
  };
  thread.onerror = (event): void => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  const task: ScanTask = { request, ignore };
  thread.postMessage(task);
  return promise;
}
