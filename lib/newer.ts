/**
 * Which of two versions is the newer.
 *
 * @module
 */
import { cutToTick } from "./metadata.ts";
import type { FoundFile } from "./tree.ts";
import type { Side } from "./types.ts";

/** What comparing times depends on. */
export interface Clocks {
  /** The coarser of both roots' ticks, in ms. */
  readonly coarserTickMs: number;
  /** By the local clock, in ms since 1970. */
  readonly nowMs: number;
}

/** The earliest mtime anybody can mean, and how far ahead clocks may be. */
const EARLIEST_MS = Date.UTC(1980, 0, 1);
const AHEAD_MS = 24 * 60 * 60 * 1000;

/** Why one of two versions wins, as far as times tell. */
export type TimeReason =
  | "newer"
  /** Both have the same time: Left's is taken. */
  | "same time"
  /** The other one's time can't be meant. */
  | "wrong time"
  /** Neither time can be meant: the later one is taken. */
  | "wrong times";

/** The side that wins, and why. */
export interface Newer {
  readonly side: Side;
  readonly reason: TimeReason;
}

/**
 * The side with the later mtime; Left on a tie. A time that nobody can mean
 * loses against any other.
 *
 * @param left Left's file.
 * @param right Right's file.
 * @param clocks Of this run.
 */
export function newerOf(
  left: FoundFile,
  right: FoundFile,
  clocks: Clocks,
): Newer {
  const a = left.figures.mtimeMs;
  const b = right.figures.mtimeMs;
  const isBelievable = (timeMs: number) =>
    timeMs >= EARLIEST_MS && timeMs <= clocks.nowMs + AHEAD_MS;
  if (isBelievable(a) !== isBelievable(b)) {
    return { side: isBelievable(a) ? "left" : "right", reason: "wrong time" };
  }
  if (isSameTime(a, b, clocks)) return { side: "left", reason: "same time" };
  const reason = isBelievable(a) ? "newer" : "wrong times";
  return { side: b > a ? "right" : "left", reason };
}

/**
 * Whether two times of two sides are the same, as far as both can tell.
 *
 * @param a In ms since 1970.
 * @param b In ms since 1970.
 * @param clocks Of this run.
 */
export function isSameTime(a: number, b: number, clocks: Clocks): boolean {
  const { coarserTickMs } = clocks;
  return cutToTick(a, coarserTickMs) === cutToTick(b, coarserTickMs);
}

/**
 * A side as it is called in sentences.
 *
 * @param side The side.
 */
export function words(side: Side): string {
  return side === "left" ? "Left" : "Right";
}
