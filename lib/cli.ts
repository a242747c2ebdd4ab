/**
 * The command line: words in, a plain value out.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";
import { printable, quoted } from "./printable.ts";

/** What is asked for. */
export interface Invocation {
  readonly command: "sync" | "plan" | "help" | "version";
  /** Path of the config, as it was given. */
  readonly config: string;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly isVerbose: boolean;
  readonly allowDeletes: boolean;
  readonly allowChanges: boolean;
  readonly acceptRoots: boolean;
}

/** What `--help` prints. */
export const HELP = `office-sync: makes a local folder and a share agree

Usage: office-sync [COMMAND] [OPTIONS]

Commands:
  sync               one run (default)
  plan               show what a run would do, and change nothing

Options:
  --config FILE      the config (default: config.yaml in the current folder)
  --dry-run          the same as the command plan
  --json             print one JSON document instead of a summary
  --quiet            print nothing but errors
  --verbose          list everything, unchanged files too
  --allow-deletes    let this run through the guard against mass deletion
  --allow-changes    let this run through the guard against mass change
  --accept-roots     forget the record and meet both folders anew;
                     nothing is deleted
  --help             print this
  --version          print the version

Exit codes:
  0  both sides agree (plan: it could be made)
  1  finished, but something is left for a person
  2  wrong use or bad config; nothing was touched
  3  a guard stopped the run; nothing was changed
  4  another run is active
  5  something unexpected went wrong
`;

const OPTIONS = {
  "config": { type: "string", default: "config.yaml" },
  "dry-run": { type: "boolean", default: false },
  "json": { type: "boolean", default: false },
  "quiet": { type: "boolean", default: false },
  "verbose": { type: "boolean", default: false },
  "allow-deletes": { type: "boolean", default: false },
  "allow-changes": { type: "boolean", default: false },
  "accept-roots": { type: "boolean", default: false },
  "help": { type: "boolean", short: "h", default: false },
  "version": { type: "boolean", short: "V", default: false },
} as const;

const COMMANDS = ["sync", "plan"] as const;

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @throws {UsageError} A word or an option is not known, or has no value.
 *
 * @example
 * ```ts
 * import { readArguments } from "./cli.ts";
 * readArguments(["plan", "--json"]).command; // "plan"
 * ```
 */
export function readArguments(args: readonly string[]): Invocation {
  const { values, positionals } = parse(args);
  const [word = "sync", ...more] = positionals;
  const command = COMMANDS.find((known) => known === word);
  if (command === undefined) {
    throw new UsageError(
      `Unknown command ${quoted(word)}; allowed: ${COMMANDS.join(", ")}.`,
    );
  }
  if (more.length > 0) {
    throw new UsageError(`${command} takes no ${quoted(more[0] ?? "")}.`);
  }
  if (values.config === "") throw new UsageError("--config needs a file name.");
  if (values.quiet && values.verbose) {
    throw new UsageError("--quiet and --verbose can't be had at once.");
  }
  return {
    command: values.help
      ? "help"
      : values.version
      ? "version"
      : values["dry-run"]
      ? "plan"
      : command,
    config: values.config,
    isJson: values.json,
    isQuiet: values.quiet,
    isVerbose: values.verbose,
    allowDeletes: values["allow-deletes"],
    allowChanges: values["allow-changes"],
    acceptRoots: values["accept-roots"],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    const [line = ""] = (error as Error).message.split("\n");
    const [sentence = ""] = line.split(". ");
    throw new UsageError(`${printable(sentence).replace(/\.$/, "")}.`);
  }
}
