/**
 * What was measured, what of it counts, and what is to be reached.
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
  /** Of all cores, taken by all else on the machine, and by its host. */
  readonly otherSeconds: number;
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
  readonly samples: Sample[];
}

/** All that a run of the benchmark gives. */
export interface Results {
  /** Lines about the machine, the versions and the day. */
  readonly machine: readonly string[];
  /** Files a side. */
  readonly files: number;
  readonly rounds: number;
  readonly figures: readonly Figure[];
  /** Rows and programs that are missing, with the reason. */
  readonly missing: readonly string[];
}

/** What this project is called in the tables. */
export const OURS = "office-sync";

/** The copying program that flushes as well. */
export const CP_FLUSHED = "cp -a, then sync";

/** The least that any program on Deno takes. */
export const EMPTY = "an empty Deno";

/** How long each call on the slow share takes longer, in ms. */
export const DELAY_MS = 2;

/** One call at a time would take that. */
export const DELAYS = "sum of the delays";

/** What one figure of ours is called where there are several. */
export const PART = {
  few: `${OURS}, few files`,
  many: `${OURS}, 10 × as many`,
  copied: "copied",
  renamed: "renamed",
  slowFirst: `${OURS}, first run`,
  slowFirstDelays: `${DELAYS}, first run`,
} as const;

/** Each kind of work by its name on the command line. */
export const ROWS: Readonly<Record<string, string>> = {
  "unchanged": "Nothing changed",
  "changed": "100 changed, 100 new, 100 deleted on each side",
  "first-run": "First run, everything copied one way",
  "equal-sides": "First run, both sides already the same",
  "big-file": "One large file",
  "many": "10 files changed in one folder, among few or many",
  "rename": "A folder copied, then renamed",
  "slow-share": `A slow share, ${DELAY_MS} ms more on every call`,
  "small": "Nothing changed, 10 files a side",
};

/** What is to be reached. */
export interface Goal {
  readonly row: string;
  /** The program; ours if left out. */
  readonly of?: string;
  /** What it is held against; if left out, the limit is in seconds or bytes. */
  readonly against?: { readonly row?: string; readonly what: string };
  /** What counts; the time if left out. */
  readonly measure?: "peakBytes";
  readonly limit: number;
  /** As it is told. */
  readonly words: string;
}

function goal(
  row: string,
  words: string,
  limit: number,
  how: Pick<Goal, "of" | "against" | "measure"> = {},
): Goal {
  return { row, words, limit, ...how };
}

const UNISON = { against: { what: "Unison" } };
const FREE_FILE_SYNC = { against: { what: "FreeFileSync" } };
const UNCHANGED = { against: { row: "unchanged", what: OURS } };
const MANY = { of: PART.many, against: { what: PART.few } };
const MEMORY = { measure: "peakBytes" } as const;

/** All goals. */
export const GOALS: readonly Goal[] = [
  goal("unchanged", "≤ 0.85 × Unison", 0.85, UNISON),
  goal("unchanged", "≤ 0.95 × FreeFileSync", 0.95, FREE_FILE_SYNC),
  goal("unchanged", "memory ≤ 130 MB", 130e6, MEMORY),
  goal("changed", "≤ 1.3 × nothing changed", 1.3, UNCHANGED),
  goal("first-run", "≤ 1.25 × FreeFileSync", 1.25, FREE_FILE_SYNC),
  goal("first-run", "≤ 0.45 × Unison", 0.45, UNISON),
  goal("first-run", "memory ≤ 300 MB", 300e6, MEMORY),
  goal("equal-sides", "≤ 0.25 × Unison", 0.25, UNISON),
  goal("big-file", "≤ 1.2 × cp, both flushed", 1.2, {
    against: { what: CP_FLUSHED },
  }),
  goal("many", "time ≤ 11 × that of a tenth of the files", 11, MANY),
  goal("many", "memory ≤ 1.5 × that of a tenth of the files", 1.5, {
    ...MANY,
    ...MEMORY,
  }),
  goal("rename", "≤ 0.3 × copying, no content copied", 0.3, {
    of: `${OURS}, ${PART.renamed}`,
    against: { what: `${OURS}, ${PART.copied}` },
  }),
  goal("slow-share", "≤ 1/8 of the sum of the delays", 1 / 8, {
    against: { what: DELAYS },
  }),
  goal("slow-share", "first run ≤ 1/8 of the sum of its delays", 1 / 8, {
    of: PART.slowFirst,
    against: { what: PART.slowFirstDelays },
  }),
  goal("small", "≤ 6 × an empty Deno", 6, { against: { what: EMPTY } }),
];

/** What a goal came to in one place. */
export interface GoalResult {
  readonly goal: Goal;
  readonly place: string;
  /** The ratio, or the figure itself. */
  readonly value: number;
  readonly isReached: boolean;
}

/** The median of a measure over the samples of a figure. */
export function median({ samples }: Figure, measure: keyof Sample): number {
  return middle(samples.map((it) => it[measure]));
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [lower, upper] = [(sorted.length - 1) >> 1, sorted.length >> 1];
  return (sorted[lower]! + sorted[upper]!) / 2;
}

/**
 * One figure in terms of another: the median of the ratios of each round, as
 * what else the machine did then met both. Of unequal numbers of rounds, the
 * ratio of the medians.
 */
export function ratio(
  own: Figure,
  other: Figure,
  measure: "seconds" | "peakBytes" = "seconds",
): number {
  if (own.samples.length !== other.samples.length) {
    return median(own, measure) / median(other, measure);
  }
  const ratios = own.samples.map((it, n) =>
    it[measure] / other.samples[n]![measure]
  );
  return middle(ratios);
}

/** How many cores all else kept busy, on average. */
export function otherCores(figures: readonly Figure[]): number {
  const sum = (measure: keyof Sample) =>
    figures.flatMap(({ samples }) => samples)
      .reduce((all, it) => all + it[measure], 0);
  return sum("otherSeconds") / (sum("seconds") || 1);
}

/** The places of some figures, in the order in which they came. */
export function placesOf(figures: readonly Figure[]): string[] {
  return [...new Set(figures.map(({ place }) => place))];
}

/** The figure of a program at a kind of work in a place. */
export function figureAt(
  figures: readonly Figure[],
  place: string,
  row: string,
  what: string,
): Figure | undefined {
  return figures.find((it) =>
    it.place === place && it.row === row && it.what === what
  );
}

/**
 * Holds figures against goals, in each place. A goal without its figure, or
 * without what that is held against, has no result.
 */
export function goalResults(
  figures: readonly Figure[],
  goals: readonly Goal[],
): GoalResult[] {
  return placesOf(figures).flatMap((place) =>
    goals.flatMap((goal) => {
      const { row, of = OURS, against, measure = "seconds" } = goal;
      const own = figureAt(figures, place, row, of);
      const other = against &&
        figureAt(figures, place, against.row ?? row, against.what);
      if (!own || (against && !other)) return [];
      const value = other ? ratio(own, other, measure) : median(own, measure);
      return [{ goal, place, value, isReached: value <= goal.limit }];
    })
  );
}
