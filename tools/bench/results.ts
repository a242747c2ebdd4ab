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
const MANY = { of: PART.many, against: { what: PART.few } };
const MEMORY = { measure: "peakBytes" } as const;

/** All goals. */
export const GOALS: readonly Goal[] = [
  goal("unchanged", "≤ 0.75 × Unison", 0.75, UNISON),
  goal("unchanged", "≤ 0.9 × FreeFileSync", 0.9, FREE_FILE_SYNC),
  goal("unchanged", "memory ≤ 120 MB", 120e6, MEMORY),
  goal("changed", "≤ 1.3 × nothing changed", 1.3, {
    against: { row: "unchanged", what: OURS },
  }),
  goal("first-run", "≤ 0.75 × FreeFileSync", 0.75, FREE_FILE_SYNC),
  goal("first-run", "≤ 0.25 × Unison", 0.25, UNISON),
  goal("equal-sides", "≤ 0.5 × Unison", 0.5, UNISON),
  goal("big-file", "≤ 1.1 × cp, both flushed", 1.1, {
    against: { what: CP_FLUSHED },
  }),
  goal("many", "time ≤ 11 × that of a tenth of the files", 11, MANY),
  goal("many", "memory ≤ 1.5 × that of a tenth of the files", 1.5, {
    ...MANY,
    ...MEMORY,
  }),
  goal("rename", "≤ 0.2 × copying, no content copied", 0.2, {
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
  goal("small", "≤ 0.25 s", 0.25),
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
  const sorted = samples.map((it) => it[measure]).sort((a, b) => a - b);
  const [lower, upper] = [(sorted.length - 1) >> 1, sorted.length >> 1];
  return (sorted[lower]! + sorted[upper]!) / 2;
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
      const value = median(own, measure) / (other ? median(other, measure) : 1);
      return [{ goal, place, value, isReached: value <= goal.limit }];
    })
  );
}
