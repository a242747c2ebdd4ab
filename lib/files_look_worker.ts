/// <reference lib="deno.worker" />

import type { CopyOrder } from "./files_copy.ts";
import { scan, type ScanRequest, type ScanSummary } from "./scanner.ts";
import { errorWords } from "./text.ts";
import { ignorePredicate, type IgnoreSettings } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";

/**
 * The thread that scans one root, and copies when that is done.
 *
 * @module
 */

/** What the worker is told first. */
export interface ScanTask {
  readonly kind: "scan";
  readonly request: ScanRequest;
  readonly ignore: IgnoreSettings;
}

/** There will be something to copy. */
export interface WarmUp {
  readonly kind: "warm-up";
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

/** What copies takes long to load, and most runs have nothing to copy. */
let copying: Promise<typeof import("./files_copy.ts")> | null = null;

self.onmessage = async (
  { data }: MessageEvent<ScanTask | WarmUp | CopyOrder>,
): Promise<void> => {
  if (data.kind === "scan") return await scanning(data);
  // One promise for all: they are obeyed in the order in which they came.
  const { obey } = await (copying ??= import("./files_copy.ts"));
  if (data.kind === "warm-up") return;
  const reply = obey(data);
  if (reply !== null) self.postMessage(reply, [reply.numbers.buffer]);
};

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
