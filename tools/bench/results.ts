/**
 * What was measured, and what of it counts: medians, ratios, goals.
 *
 * @module
 */

/** One run of a program. */
export interface Sample {
  /** From start to exit. */
  readonly seconds: number;
  /** Of all its processes, user and system. */
  readonly cpuSeconds: number;
  /** Peak of its largest process. */
  readonly peakBytes: number;
}

/** All runs of one program at one kind of work, in one place. */
export interface Figure {
  /** Where the trees were: `memory`, `disk` or a folder. */
  readonly place: string;
  readonly row: string;
  /** The program, and what else tells it apart. */
  readonly what: string;
  /** Its command line, with words for paths. */
  readonly command: string;
  readonly samples: readonly Sample[];
}

/** What a figure is held against. */
export interface Goal {
  readonly row: string;
  readonly of: string;
  /** Null: the limit is not a ratio, but in seconds or bytes. */
  readonly against: { readonly row?: string; readonly what: string } | null;
  readonly measure: "seconds" | "peakBytes";
  readonly limit: number;
  /** As it is told. */
  readonly words: string;
}

/** What came of a goal in one place. */
export interface Verdict {
  readonly goal: Goal;
  readonly place: string;
  /** The ratio, or the figure itself. */
  readonly value: number;
  readonly isReached: boolean;
}

/** All that a run of the benchmark gives. */
export interface Results {
  /** Lines about the machine, the versions and the day. */
  readonly machine: readonly string[];
  /** Files a side. */
  readonly files: number;
  readonly rounds: number;
  readonly metadata: readonly Figure[];
  /** Rows and programs that are missing, with the reason. */
  readonly missing: readonly string[];
}

/**
 * The middle of some numbers; of an even count, the mean of the middle two.
 *
 * @throws {RangeError} There are none.
 */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("no values, no median");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle]!;
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

/** The median of a measure over the samples of a figure. */
export function middle(
  { samples }: Figure,
  measure: keyof Sample,
): number {
  return median(samples.map((sample) => sample[measure]));
}

/** The places of some metadata, in the order in which they came. */
export function placesOf(metadata: readonly Figure[]): string[] {
  return [...new Set(metadata.map(({ place }) => place))];
}

/** The figure of a program at a kind of work in a place. */
export function figureAt(
  metadata: readonly Figure[],
  place: string,
  row: string,
  what: string,
): Figure | undefined {
  return metadata.find((it) =>
    it.place === place && it.row === row && it.what === what
  );
}

/**
 * Holds metadata against goals, in each place; a goal without its metadata, or
 * without what they are held against, has no verdict.
 *
 * @param metadata What was measured.
 * @param goals What is to be reached.
 */
export function verdicts(
  metadata: readonly Figure[],
  goals: readonly Goal[],
): Verdict[] {
  return placesOf(metadata).flatMap((place) =>
    goals.flatMap((goal) => {
      const own = figureAt(metadata, place, goal.row, goal.of);
      if (!own) return [];
      let value = middle(own, goal.measure);
      if (goal.against !== null) {
        const { row = goal.row, what } = goal.against;
        const other = figureAt(metadata, place, row, what);
        if (!other) return [];
        value /= middle(other, goal.measure);
      }
      return [{ goal, place, value, isReached: value <= goal.limit }];
    })
  );
}
