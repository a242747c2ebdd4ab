/**
 * The command line of the benchmark.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Size } from "./bench.ts";
import { ROWS } from "./rows.ts";

/** What is asked for. */
export interface Options {
  readonly isHelp: boolean;
  readonly size: Size;
  readonly rows: ReadonlySet<string>;
  /** `memory`, `disk`, or folders. */
  readonly places: readonly string[];
  /** Files for the results; null where there is none. */
  readonly markdown: string | null;
  readonly chart: string | null;
  readonly json: string | null;
  /** Results of an earlier run instead of a new one. */
  readonly from: string | null;
  /** Writes the project's own pages. */
  readonly isWritten: boolean;
}

/** A word on the command line that is not understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What `--help` shows. */
export const HELP = `deno task bench [OPTIONS]

Measures office-sync and every peer that is installed, in turn.

  --quick            20,000 files a side instead of 100,000, 3 rounds
  --only ROW,ROW     only these: ${Object.keys(ROWS).join(", ")}
  --rounds N         runs of each; 5 if left out
  --files N          files a side
  --on PLACE,PLACE   memory (a disk it mounts there, needs root), disk (below
                     /var/tmp), or a folder; memory,disk if left out
  --markdown FILE    writes the tables as Markdown
  --chart FILE       writes the chart as SVG
  --json FILE        writes the metadata, --from FILE shows them again
  --write            writes tools/bench/README.md, chart, results.json and
                     the short table of README.md
`;

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @throws {UsageError} One line that says what is wrong.
 */
export function optionsFrom(args: readonly string[]): Options {
  const values = parsed(args);
  const isQuick = values.quick ?? false;
  const files = number(values.files, "--files", isQuick ? 20_000 : 100_000);
  if (files < 1000 || files % 100 !== 0) {
    throw new UsageError("--files takes 1000 or more, in hundreds.");
  }
  const rows = values.only?.split(",") ?? Object.keys(ROWS);
  for (const row of rows) {
    if (row in ROWS) continue;
    const known = Object.keys(ROWS).join(", ");
    throw new UsageError(`--only knows no "${row}", but ${known}.`);
  }
  const part = files / 100_000;
  const file = (name: string | undefined) =>
    name === undefined ? null : resolve(name);
  return {
    isHelp: values.help ?? false,
    size: {
      files,
      edits: Math.min(100, files / 50),
      largeBytes: Math.round(2e9 * Math.min(1, part)),
      fewer: Math.min(10_000, Math.max(1000, files / 10)),
      rounds: number(values.rounds, "--rounds", isQuick ? 3 : 5),
    },
    rows: new Set(rows),
    places:
      values.on?.split(",").map((it) =>
        it === "memory" || it === "disk" ? it : resolve(it)
      ) ?? ["memory", "disk"],
    markdown: file(values.markdown),
    chart: file(values.chart),
    json: file(values.json),
    from: file(values.from),
    isWritten: values.write ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean" },
        quick: { type: "boolean" },
        write: { type: "boolean" },
        only: { type: "string" },
        rounds: { type: "string" },
        files: { type: "string" },
        on: { type: "string" },
        markdown: { type: "string" },
        chart: { type: "string" },
        json: { type: "string" },
        from: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "?");
  }
}

function number(
  text: string | undefined,
  name: string,
  otherwise: number,
): number {
  if (text === undefined) return otherwise;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError(`${name} takes a whole number above 0, not "${text}".`);
}
