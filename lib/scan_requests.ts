/**
 * What the scans of both roots need to know of them.
 *
 * @module
 */
import type { Probe } from "./root_traits.ts";
import type { ScanRequest } from "./scanner.ts";
import { digestsOf } from "./state_record.ts";
import type { Both, DirectoryRow, Side } from "./types.ts";

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
    tickMs: known.probes[side].habits.tickMs,
    startedAtMs: known.probes[side].startedAtMs,
    windowsNames: Deno.build.os === "windows"
      ? "all"
      : known.probes[side].habits.hasWindowsNames
      ? "missing"
      : undefined,
    digests: known.isFull || !known.idsCount[side]
      ? new Map()
      : digestsOf(known.directories, side),
  });
  return { left: request("left"), right: request("right") };
}
