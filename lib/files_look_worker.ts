/// <reference lib="deno.worker" />

import { scan, type ScanRequest, type ScanSummary } from "./scanner.ts";
import { errorWords } from "./text.ts";
import { ignorePredicate, type IgnoreSettings } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";

/**
 * The thread that scans one root.
 *
 * @module
 */

/** What the worker is told. */
export interface ScanTask {
  readonly request: ScanRequest;
  readonly ignore: IgnoreSettings;
}

/** What the worker tells of its scan. */
export type ScanMessage =
  | { readonly kind: "listings"; readonly listings: readonly Listing[] }
  /** Files seen so far. */
  | { readonly kind: "seen"; readonly files: number }
  | { readonly kind: "done"; readonly summary: ScanSummary }
  | {
    readonly kind: "failed";
    readonly name: string;
    readonly message: string;
  };

/** Names per message: a message costs more than a folder. */
const BATCH = 4096;

/** So much time lies between two counts at least, in ms. */
const PAUSE_MS = 100;

self.onmessage = ({ data }: MessageEvent<ScanTask>): Promise<void> =>
  scanning(data);

async function scanning({ request, ignore }: ScanTask): Promise<void> {
  let listings: Listing[] = [];
  let size = 0;
  const send = (): void => {
    const message: ScanMessage = { kind: "listings", listings };
    self.postMessage(message, listings.map((it) => it.metadata.buffer));
    listings = [];
    size = 0;
  };
  let quietUntil = performance.now() + PAUSE_MS;
  const tellFiles = (files: number): void => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + PAUSE_MS;
    const message: ScanMessage = { kind: "seen", files };
    self.postMessage(message);
  };
  try {
    const isIgnored = ignorePredicate(ignore);
    const handOn = (listing: Listing): void => {
      listings.push(listing);
      size += listing.metadata.length;
      if (size > BATCH) send();
    };
    const listener = { handOn, tellFiles };
    const summary = await scan(request, isIgnored, listener);
    if (listings.length > 0) send();
    const message: ScanMessage = { kind: "done", summary };
    self.postMessage(message);
  } catch (error) {
    const { name } = error instanceof Error ? error : new Error();
    const message = errorWords(error);
    const failed: ScanMessage = { kind: "failed", name, message };
    self.postMessage(failed);
  }
}
