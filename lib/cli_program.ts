/**
 * The program behind the command line: reads it, hands on to the command, and
 * tells in one line what is wrong.
 *
 * @module
 */
import { type Invocation, readArguments } from "./cli_args.ts";
import { print, warn } from "./cli_output.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, SyncError } from "./errors.ts";
import type { HandedConfig } from "./sandbox_permissions.ts";
import { errorWords, printable, PROGRAM, VERSION } from "./text.ts";
import type { Side } from "./types.ts";

/** What differs between a program behind a launcher and a compiled one. */
export interface ProgramHost {
  /** Throws an error for what can't be done here. */
  readonly check: (invocation: Invocation) => void;
  /** Roots that can't be written, as far as was asked for a plan. */
  readonly unwritable?: readonly Side[];
  /** Gives the config, or says why it may not be used here. */
  readonly loadConfig: (file: string) => Promise<Config>;
}

/**
 * The program behind the launcher, which builds walls for any config and
 * command.
 *
 * @param handed The config, if the launcher handed it on.
 */
export function launchedHost(handed: HandedConfig | null): ProgramHost {
  return {
    check() {},
    unwritable: handed?.unwritable ?? [],
    async loadConfig(file) {
      if (handed?.said === file && handed.config) return handed.config;
      const { loadConfig } = await import("./config_loader.ts");
      const { withStateDb } = await import("./own_files.ts");
      return await withStateDb(await loadConfig(file));
    },
  };
}

/**
 * Does what the arguments ask for. What a command needs is loaded only when
 * it is asked for: the start counts in every run.
 *
 * @param args The arguments.
 * @param host What the program runs in.
 * @returns The exit code.
 */
export async function runProgram(
  args: readonly string[],
  host: ProgramHost,
): Promise<number> {
  try {
    const invocation = readArguments(args, Deno.build.os === "windows");
    host.check(invocation);
    return await obey(invocation, host);
  } catch (error) {
    return await complain(error, args.includes("--json"));
  }
}

async function obey(
  invocation: Invocation,
  { loadConfig, unwritable = [] }: ProgramHost,
): Promise<number> {
  switch (invocation.command) {
    case "help": {
      print(helpText(invocation.of, invocation.config));
      return EXIT.agreed;
    }
    case "version":
      print(VERSION);
      return EXIT.agreed;
    case "init": {
      const { init } = await import("./command_init.ts");
      return await init(invocation);
    }
    case "sync":
    case "plan": {
      const config = await loadConfig(invocation.config);
      const { Scans } = await import("./run_scan.ts");
      // Their threads load while the rest of the program does.
      using scans = new Scans(config.stateDb);
      const { syncOrPlan } = await import("./command_sync.ts");
      return await syncOrPlan(invocation, config, scans, unwritable);
    }
    case "history": {
      const { history } = await import("./command_history.ts");
      return history(invocation, await loadConfig(invocation.config));
    }
    case "conflicts": {
      const { conflicts } = await import("./command_conflicts.ts");
      return await conflicts(invocation, await loadConfig(invocation.config));
    }
    case "restore": {
      const { restore } = await import("./command_restore.ts");
      return await restore(invocation, await loadConfig(invocation.config));
    }
    case "why": {
      const { why } = await import("./command_why.ts");
      return await why(invocation, await loadConfig(invocation.config));
    }
    case "doctor": {
      const { doctor } = await import("./command_doctor.ts");
      return await doctor(invocation, await loadConfig(invocation.config));
    }
    case "schedule": {
      const { schedule } = await import("./command_schedule.ts");
      return schedule(invocation, await loadConfig(invocation.config));
    }
  }
}

async function complain(error: unknown, isJson: boolean): Promise<number> {
  const known = error instanceof SyncError ? error : new SyncError(
    `Something unexpected went wrong: ${errorWords(error)}`,
    EXIT.unexpected,
    { cause: error, hint: "The log has the details." },
  );
  if (isJson) {
    const { jsonError, jsonText } = await import("./report_json.ts");
    print(jsonText(jsonError(known)));
  } else warn(known.hint ? `${known.message}\n${known.hint}` : known.message);
  return known.exitCode;
}

// The words of the command line, and the help that lists them.

/** An option; with two dashes before it. */
export type OptionName = keyof typeof OPTIONS;

/** A command. */
export type CommandName =
  | "sync"
  | "plan"
  | "history"
  | "conflicts"
  | "restore"
  | "why"
  | "doctor"
  | "init"
  | "schedule";

/** What a command takes. */
export interface CommandWords {
  readonly name: CommandName;
  /** What follows it. */
  readonly usage: string;
  readonly does: string;
  readonly options: readonly OptionName[];
}

const SYNC_OPTIONS: readonly OptionName[] = [
  "config",
  "dry-run",
  "json",
  "report",
  "quiet",
  "only-new",
  "verbose",
  "allow-deletes",
  "allow-changes",
  "accept-roots",
  "no-email",
];

/** All commands, in the order in which they are listed. */
export const COMMANDS: readonly CommandWords[] = [
  {
    name: "sync",
    usage: "",
    does: "one run (default)",
    options: SYNC_OPTIONS,
  },
  {
    name: "plan",
    usage: "",
    does: "show what a run would do, and change nothing",
    options: SYNC_OPTIONS,
  },
  {
    name: "history",
    usage: "[RUN]",
    does: "past runs; with RUN what it did",
    options: ["config", "json", "limit"],
  },
  {
    name: "conflicts",
    usage: "[resolve PATH SIDE]",
    does: "open conflicts; with resolve settle one",
    options: ["config", "json"],
  },
  {
    name: "restore",
    usage: "[PATH|FOLDER/]",
    does: "bring back removed and replaced files",
    options: ["config", "json", "list", "from", "to", "force"],
  },
  {
    name: "why",
    usage: "PATH",
    does: "what decides about a path",
    options: ["config", "json"],
  },
  {
    name: "doctor",
    usage: "",
    does: "check that all is as a run needs it",
    options: ["config", "json"],
  },
  {
    name: "init",
    usage: "",
    does: "write a config, asking for what it needs",
    options: ["config", "left", "right"],
  },
  {
    name: "schedule",
    usage: "[windows|systemd|cron]",
    does: "print what a scheduler needs to start runs",
    options: ["config", "every", "write"],
  },
];

/** How a path is written that could be taken for an option. */
export const DASHES = "A path that begins with - goes last, after --";

/**
 * A command whose path begins with a dash.
 *
 * @param name One that takes a path.
 * @param path The path, as it is to be shown.
 */
export function exampleOf(name: CommandName, path: string): string {
  return name === "conflicts"
    ? `conflicts resolve -- ${path} left`
    : `${name} -- ${path}`;
}

/** How each option is told: with what follows it, and what it is for. */
const OPTIONS = {
  "config": [
    "FILE",
    "the config (default: config.yaml in the current folder)",
  ],
  "dry-run": ["", "the same as the command plan"],
  "json": ["", "print one JSON document instead of text"],
  "report": ["FILE", "write a page that shows all actions, for a browser"],
  "quiet": ["", "print nothing but errors"],
  "only-new": [
    "",
    "of errors, print what the run before did not print (a day)",
  ],
  "verbose": ["", "list everything, unchanged files too"],
  "allow-deletes": ["", "let this run through the guard against mass deletion"],
  "allow-changes": ["", "let this run through the guard against mass change"],
  "accept-roots": [
    "",
    "meet both folders anew; nothing is deleted",
  ],
  "no-email": ["", "send no mail"],
  "limit": ["N", "how many runs are listed (default: 20)"],
  "list": ["", "list what can be brought back, and change nothing"],
  "from": ["RUN", "only what this run removed (see history)"],
  "to": ["SIDE", "left, right or both (default)"],
  "force": ["", "let an older version take the place of a newer one"],
  "left": ["FOLDER", "the local folder; nothing is asked then"],
  "right": ["FOLDER", "the share"],
  "every": ["TIME", "how often: 15m (default), 90m, 2h, 24h and the like"],
  "write": ["FILE", "write it into a new file instead"],
  "help": ["", "print this"],
  "version": ["", "print the version"],
} as const satisfies Record<string, readonly [string, string]>;

const EXIT_CODES = `Exit codes:
  0  both sides agree (plan: it could be made)
  1  finished, but something is left for a person
  2  wrong use or bad config; nothing was touched
  3  a guard stopped the run; nothing was changed
  4  another run is active
  5  something unexpected went wrong
  130  Ctrl+C ended the run; the next one does the rest
  143  so did another signal`;

/**
 * What `--help` prints.
 *
 * @param of One command, or null for all of them.
 * @param config The config that this program takes without the option; null:
 *   the one in the current folder.
 */
export function helpText(
  of: CommandName | null,
  config: string | null = null,
): string {
  const command = COMMANDS.find(({ name }) => name === of);
  if (command) {
    return [
      `office-sync ${command.name}: ${command.does}`,
      "",
      `Usage: ${PROGRAM} ${words(command)} [OPTIONS]`,
      "",
      "Options:",
      ...optionLines([...command.options, "help"], config),
      ...command.usage.includes("PATH")
        ? ["", `${DASHES}: ${exampleOf(command.name, "-draft.txt")}`]
        : [],
      "",
      EXIT_CODES,
    ].join("\n");
  }
  return [
    "office-sync: makes a local folder and a share agree",
    "",
    `Usage: ${PROGRAM} [COMMAND] [OPTIONS]`,
    "",
    "Commands:",
    ...columns(COMMANDS.map((it) => [words(it), it.does])),
    "",
    "Options of sync and plan; those of a command: " +
    `${PROGRAM} COMMAND --help`,
    ...optionLines([...SYNC_OPTIONS, "help", "version"], config),
    "",
    EXIT_CODES,
  ].join("\n");
}

function words({ name, usage }: CommandWords): string {
  return usage === "" ? name : `${name} ${usage}`;
}

function optionLines(
  names: readonly OptionName[],
  config: string | null,
): string[] {
  return columns(names.map((name) => {
    const [value, usual] = OPTIONS[name];
    const does = name === "config" && config !== null
      ? `the config (default: ${printable(config)})`
      : usual;
    return [value === "" ? `--${name}` : `--${name} ${value}`, does];
  }));
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}
