/**
 * Kills a run whenever it writes to the record, and where it puts replaced
 * versions by.
 *
 * @module
 */
import { busyOffice, keepingOffice, killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a run with something of every kind to do",
  make: busyOffice,
  // Most of a commit's writes are alike: every second of them.
  calls: { pwrite64: 75 },
  step: 2,
});

killEverywhere({
  run: "a run that keeps replaced versions",
  make: keepingOffice,
  calls: { linkat: 2, rename: 2, unlink: 6, mkdir: 4 },
});
