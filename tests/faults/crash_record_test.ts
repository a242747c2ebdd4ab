/**
 * Kills a run whenever it writes to the record, and where it puts replaced
 * versions by.
 *
 * @module
 */
import { busyOffice, keepingOffice } from "./crash_offices.ts";
import { killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a run with something of every kind to do",
  make: busyOffice,
  // Some are made before the run: the runtime keeps compiled code.
  calls: { pwrite64: 40 },
  every: 4,
});

killEverywhere({
  run: "a run that keeps replaced versions",
  make: keepingOffice,
  calls: { linkat: 2, rename: 2, unlink: 6, mkdir: 4 },
});
