/**
 * The kinds of work that are measured, and what is to be reached.
 *
 * @module
 */
import type { Goal } from "./results.ts";

/** What this project is called in the tables. */
export const OURS = "office-sync";

/** The one that flushes as well. */
export const CP_FLUSHED = "cp -a, then sync";

/** One call at a time would take that. */
export const DELAYS = "sum of the delays";

/** How long each call on the slow share takes longer, in ms. */
export const DELAY_MS = 2;

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

const MB = 1e6;

function time(
  row: string,
  limit: number,
  what: string,
  words: string,
  { of = OURS, as = row }: { readonly of?: string; readonly as?: string } = {},
): Goal {
  const against = { row: as, what };
  return { row, of, against, measure: "seconds", limit, words };
}

/** What is to be reached. */
export const GOALS: readonly Goal[] = [
  time("unchanged", 0.75, "Unison", "≤ 0.75 × Unison"),
  time("unchanged", 0.9, "FreeFileSync", "≤ 0.9 × FreeFileSync"),
  {
    row: "unchanged",
    of: OURS,
    against: null,
    measure: "peakBytes",
    limit: 120 * MB,
    words: "memory ≤ 120 MB",
  },
  time("changed", 1.3, OURS, "≤ 1.3 × nothing changed", { as: "unchanged" }),
  time("first-run", 0.75, "FreeFileSync", "≤ 0.75 × FreeFileSync"),
  time("first-run", 0.25, "Unison", "≤ 0.25 × Unison"),
  time("equal-sides", 0.5, "Unison", "≤ 0.5 × Unison"),
  time("big-file", 1.1, CP_FLUSHED, "≤ 1.1 × cp, both flushed"),
  time("many", 11, PART.few, "time ≤ 11 × that of a tenth of the files", {
    of: PART.many,
  }),
  {
    row: "many",
    of: PART.many,
    against: { what: PART.few },
    measure: "peakBytes",
    limit: 1.5,
    words: "memory ≤ 1.5 × that of a tenth of the files",
  },
  time(
    "rename",
    0.2,
    `${OURS}, ${PART.copied}`,
    "≤ 0.2 × copying, no content copied",
    { of: `${OURS}, ${PART.renamed}` },
  ),
  time("slow-share", 1 / 8, DELAYS, "≤ 1/8 of the sum of the delays"),
  time(
    "slow-share",
    1 / 8,
    PART.slowFirstDelays,
    "first run ≤ 1/8 of the sum of its delays",
    { of: PART.slowFirst },
  ),
  {
    row: "small",
    of: OURS,
    against: null,
    measure: "seconds",
    limit: 0.25,
    words: "≤ 0.25 s",
  },
];
