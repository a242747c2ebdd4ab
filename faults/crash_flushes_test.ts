/**
 * Kills a run whenever it waits for the disk.
 *
 * @module
 */
import { busyOffice, killEverywhere } from "./crash_support.ts";

killEverywhere({
  run: "a run with something of every kind to do",
  make: busyOffice,
  // Threads are counted one by one: how many there are differs a little.
  calls: { fsync: 55 },
});
