/**
 * Kills a run whenever it writes to the record, and where it puts replaced
 * versions by.
 *
 * @module
 */
import { keepingOffice, killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a run that keeps replaced versions",
  make: keepingOffice,
  calls: { linkat: 2, rename: 2, unlink: 6, mkdir: 4, pwrite64: 112 },
});
