/**
 * Kills a run whenever it gives, takes or changes a name or property.
 *
 * @module
 */
import { MemoryOffice } from "../support/support.ts";
import { busyOffice } from "./crash_offices.ts";
import { killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a run with something of every kind to do",
  make: () => busyOffice(MemoryOffice),
  calls: {
    linkat: 14,
    rename: 9,
    unlink: 22,
    mkdir: 8,
    rmdir: 2,
  },
});

killEverywhere({
  run: "a run with something of every kind to do",
  make: () => busyOffice(MemoryOffice),
  calls: { chmod: 8, utimensat: 7 },
  every: 2,
});
