/**
 * Kills a first run whenever it changes something.
 *
 * @module
 */
import { MemoryOffice } from "../support/support.ts";
import { firstOffice } from "./crash_offices.ts";
import { killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a first run",
  make: () => firstOffice(MemoryOffice),
  calls: {
    linkat: 9,
    rename: 3,
    unlink: 14,
    mkdir: 5,
    // Files are opened beside them: the n-th is not always the same.
    openat: 16,
    write: 15,
    ftruncate: 12,
  },
});
