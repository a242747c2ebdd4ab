/**
 * Kills a run whenever it writes to the record, and where it puts replaced
 * versions by.
 *
 * @module
 */
import { MemoryOffice } from "../support/support.ts";
import { busyOffice, keepingOffice } from "./crash_offices.ts";
import { killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a run with something of every kind to do",
  make: () => busyOffice(MemoryOffice),
  // Some are made before the run: the runtime keeps compiled code.
  calls: { pwrite64: 13 },
  every: 12,
});

killEverywhere({
  run: "a run that keeps replaced versions",
  make: () => keepingOffice(MemoryOffice),
  calls: { linkat: 2, rename: 2, unlink: 6, mkdir: 4 },
});
