/// <reference lib="deno.worker" />

/**
 * A thread that looks at a root: it scans it.
 *
 * @module
 */
import { scan } from "./scanner.ts";
import { errorWords } from "./text.ts";
import { ignorePredicate } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";
import type { ScanMessage, ScanTask } from "./wire_messages.ts";

/** Numbers per message: a message costs more than a folder. */
const BATCH = 4096;

/** So much time lies between two counts at least, in ms. */
const QUIET_MS = 100;

const send = (message: ScanMessage, transfer: Transferable[] = []): void =>
  self.postMessage(message, transfer);

self.onmessage = async (
  { data: { request, ignore } }: MessageEvent<ScanTask>,
): Promise<void> => {
  let listings: Listing[] = [];
  let size = 0;
  const sendListings = (): void => {
    const buffers = listings.map(({ metadata }) => metadata.buffer);
    send({ kind: "listings", listings }, buffers);
    listings = [];
    size = 0;
  };
  let quietUntil = performance.now() + QUIET_MS;
  try {
    const summary = await scan(request, ignorePredicate(ignore), {
      handOn(listing) {
        listings.push(listing);
        size += listing.metadata.length;
        if (size > BATCH) sendListings();
      },
      tellFiles(files) {
        const now = performance.now();
        if (now < quietUntil) return;
        quietUntil = now + QUIET_MS;
        send({ kind: "seen", files });
      },
    });
    sendListings();
    send({ kind: "done", summary });
  } catch (error) {
    send({ kind: "failed", message: errorWords(error) });
  }
};
