/**
 * The command line of the benchmark.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ROWS } from "./results.ts";
import type { Size } from "./work.ts";

/** What is asked for. */
export interface Options {
  readonly isHelp: boolean;
  readonly size: Size;
  readonly rows: ReadonlySet<string>;
  /** `memory`, `disk`, or folders. */
  readonly places: readonly string[];
  /** A file for the results; null where there is none. */
  readonly json: string | null;
  /** Results of an earlier run instead of a new one. */
  readonly from: string | null;
  /** The entry of another checkout, measured as one more program, or null. */
  readonly against: string | null;
  /** Writes the project's own pages. */
  readonly isWritten: boolean;
}

/** A word on the command line that is not understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const KNOWN_ROWS = Object.keys(ROWS).join(", ");

/** What `--help` shows. */
export const HELP = `deno task bench [OPTIONS]

Measures office-sync and every peer that is installed, in turn.

  --quick            20,000 files a side instead of 100,000, 3 rounds
  --only ROW,ROW     only these: ${KNOWN_ROWS}
  --rounds N         runs of each; 5 if left out
  --files N          files a side
  --on PLACE,PLACE   memory (a disk it mounts there, needs root), disk (below
                     /var/tmp), or a folder; memory,disk if left out
  --against MAIN.TS  the entry of another checkout, as one more program
  --json FILE        writes the figures, --from FILE shows them again
  --write            writes README.md, chart.svg and results.json beside this
                     program, and the short table of the project's README.md`;

/**
 * Reads the command line.
 *
 * @throws {UsageError} One line that says what is wrong.
 */
export function optionsFrom(args: readonly string[]): Options {
  const values = parsed(args);
  const isQuick = values.quick ?? false;
  const files = number("files", values.files, isQuick ? 20_000 : 100_000);
  if (files < 1000 || files % 100 !== 0) {
    throw new UsageError("--files takes 1000 or more, in hundreds.");
  }
  const rows = new Set(values.only?.split(",") ?? Object.keys(ROWS));
  const unknown = [...rows].find((row) => !(row in ROWS));
  if (unknown !== undefined) {
    throw new UsageError(`--only knows no "${unknown}", but ${KNOWN_ROWS}.`);
  }
  const places = values.on?.split(",") ?? ["memory", "disk"];
  return {
    isHelp: values.help ?? false,
    size: {
      files,
      edits: Math.min(100, files / 50),
      largeBytes: Math.round(2e9 * Math.min(1, files / 100_000)),
      fewer: Math.min(10_000, Math.max(1000, files / 10)),
      rounds: number("rounds", values.rounds, isQuick ? 3 : 5),
    },
    rows,
    places: places.map((it) => /^(memory|disk)$/.test(it) ? it : resolve(it)),
    json: values.json === undefined ? null : resolve(values.json),
    from: values.from ?? null,
    against: values.against === undefined ? null : resolve(values.against),
    isWritten: values.write ?? false,
  };
}

function parsed(args: readonly string[]) {
  const [boolean, string] = [
    ...[{ type: "boolean" }, { type: "string" }] as const,
  ];
  const options = {
    ...{ help: boolean, quick: boolean, write: boolean, only: string },
    ...{
      rounds: string,
      files: string,
      on: string,
      json: string,
      from: string,
      against: string,
    },
  };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "?");
  }
}

function number(name: string, text: string | undefined, byDefault: number) {
  if (text === undefined) return byDefault;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError(
    `--${name} takes a whole number above 0, not "${text}".`,
  );
}
