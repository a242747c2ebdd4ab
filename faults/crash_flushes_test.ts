/**
 * Kills a run whenever it waits for the disk.
 *
 * @module
 */
import { busyOffice, killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a run with something of every kind to do",
  make: busyOffice,
  calls: { fsync: 69 },
});
