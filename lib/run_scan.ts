/**
 * Scans both roots at once, and gathers what is told of them.
 *
 * @module
 */
import { GuardError, InterruptedError } from "./errors.ts";
import { words } from "./metadata.ts";
import type { SideScan } from "./plan_types.ts";
import { digestsOf } from "./state_record.ts";
import { errorWords } from "./text.ts";
import { type Both, bothOf, type DirectoryRow, type Side } from "./types.ts";
import type { IgnoreSettings } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";
import type { Probe, ScanRequest, ScanSummary } from "./wire_messages.ts";
import { type Files, ThreadLost } from "./wire_port.ts";

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
}

/**
 * Scans both roots at once.
 *
 * @throws {GuardError} "roots": one of them can't be read to the end.
 */
export async function scanRoots(
  files: Files,
  context: ScanContext,
): Promise<Both<FinishedScan>> {
  const one = async (side: Side): Promise<FinishedScan> => {
    const listings = new Map<string, Listing>();
    try {
      const asks = { ...requestFor(side, context), ignore: context.ignore };
      const summary = await files.ask("scan", asks, (part) => {
        for (const listing of part) listings.set(listing.folder, listing);
      });
      return { listings, problems: summary.problems, summary };
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      // That says nothing about the disk.
      if (error instanceof ThreadLost) throw error;
      throw new GuardError(
        "roots",
        `${words(side)} (${context.paths[side]}) could not be read to the ` +
          `end: ${errorWords(error)}. Nothing was changed.`,
        "Make sure that the disk or network drive is connected, then run " +
          "again.",
        { cause: error },
      );
    }
  };
  return await bothOf(one);
}

function requestFor(side: Side, context: ScanContext): ScanRequest {
  const { traits, startedAtMs } = context.probes[side];
  return {
    side,
    tickMs: traits.tickMs,
    hasIds: traits.hasIds,
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
