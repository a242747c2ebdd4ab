/**
 * Kills a first run, and one that fills new folders, whenever it changes
 * something.
 *
 * @module
 */
import { MemoryOffice } from "../support/support.ts";
import { filledOffice, firstOffice } from "./crash_offices.ts";
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

killEverywhere({
  run: "a run that fills new folders",
  make: () => filledOffice(),
  calls: { linkat: 1, rename: 2, unlink: 1, mkdir: 5, openat: 9, write: 9 },
});
