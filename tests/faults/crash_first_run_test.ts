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
  calls: { linkat: 9, rename: 3, unlink: 14, mkdir: 5 },
});

killEverywhere({
  run: "a first run",
  make: () => firstOffice(MemoryOffice),
  // Files are opened beside them: the n-th is not always the same.
  calls: { openat: 5, write: 5, ftruncate: 4 },
  every: 3,
});

killEverywhere({
  run: "a run that fills new folders",
  make: () => filledOffice(MemoryOffice),
  calls: { linkat: 1, rename: 2, unlink: 1, mkdir: 5 },
});

killEverywhere({
  run: "a run that fills new folders",
  make: () => filledOffice(MemoryOffice),
  calls: { openat: 3, write: 3 },
  every: 3,
});
