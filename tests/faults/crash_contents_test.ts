/**
 * Kills a run whenever it makes a file, writes to one, or is about to end a
 * commit of the record; a commit begins with the making of a file.
 *
 * @module
 */
import { MemoryOffice } from "../support/support.ts";
import { busyOffice } from "./crash_offices.ts";
import { killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a run with something of every kind to do",
  make: () => busyOffice(MemoryOffice),
  // Files are opened beside them: the n-th is not always the same.
  calls: { openat: 7, write: 8, ftruncate: 4 },
  every: 2,
});
