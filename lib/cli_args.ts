/**
 * The command line: words in, a plain value out. One table of commands and one
 * of options tell how they are read, what the help says and what a command may
 * touch.
 *
 * @module
 */
import { UsageError } from "./errors.ts";
import {
  isHelpMark,
  whyNoArguments,
  whyNoPath,
  withoutPrefix,
} from "./paths.ts";
import type { Access } from "./sandbox_permissions.ts";
import {
  EVERY_WORDS,
  minutesOf,
  type Scheduler,
  SCHEDULERS,
} from "./schedule_text.ts";
import { printable, PROGRAM, quoted } from "./text.ts";
import { CLASH_TAKES, type ClashTake, SIDES, type Take } from "./types.ts";

/** The config, where none is named. */
export const DEFAULT_CONFIG = "config.yaml";

/**
 * An option: what it is called in an {@linkcode Invocation}, what follows it
 * ("": nothing), what it does, and how it is read; null where it is not given.
 */
interface Option<Name extends string, T> {
  readonly as: Name;
  readonly value: string;
  readonly does: string;
  readonly short?: string;
  readonly read: (said: string | null) => T;
}

function flag<const N extends string>(
  as: N,
  does: string,
  short?: string,
): Option<N, boolean> {
  const read = (said: string | null) => said !== null;
  return { as, value: "", does, read, ...short ? { short } : {} };
}

/** The value is a path where it is a FILE or FOLDER. */
function valued<const N extends string, T>(
  as: N,
  value: string,
  does: string,
  read: (said: string | null) => T,
): Option<N, T> {
  return { as, value, does, read };
}

function text<const N extends string>(as: N, value: string, does: string) {
  return valued(as, value, does, (said) => said);
}

export const OPTIONS = {
  "config": valued(
    "config",
    "FILE",
    `the config (default: ${DEFAULT_CONFIG} in the current folder)`,
    (said) => said ?? DEFAULT_CONFIG,
  ),
  "dry-run": flag("isDryRun", "the same as the command plan"),
  "json": flag("isJson", "print one JSON document instead of text"),
  "report": valued(
    "report",
    "FILE",
    "write a page that shows all actions, for a browser",
    (said) => {
      // A slip of the hand must not cost a workbook.
      if (said === null || /\.html?$/i.test(said)) return said;
      throw notAllowed("--report", said, "a name that ends in .html");
    },
  ),
  "quiet": flag("isQuiet", "print nothing but errors"),
  "only-new": flag(
    "onlyNew",
    "of errors, print what the run before did not print (a day)",
  ),
  "verbose": flag("isVerbose", "list everything, unchanged files too"),
  "allow-deletes": flag(
    "allowDeletes",
    "let this run through the guard against mass deletion",
  ),
  "allow-changes": flag(
    "allowChanges",
    "let this run through the guard against mass change",
  ),
  "accept-roots": flag(
    "acceptRoots",
    "meet both folders anew; nothing is deleted",
  ),
  "no-email": valued("sendsMail", "", "send no mail", (said) => said === null),
  "limit": valued(
    "limit",
    "N",
    "how many runs are listed (default: 20)",
    (said) => {
      if (said === null || /^[1-9]\d{0,8}$/.test(said)) {
        return Number(said ?? 20);
      }
      throw notAllowed("--limit", said, "a whole number from 1");
    },
  ),
  "list": flag("isList", "list what can be brought back, and change nothing"),
  "from": text("from", "RUN", "only what this run removed (see history)"),
  "to": valued(
    "to",
    "SIDE",
    "left, right or both (default)",
    (said) => takeOf("--to", said ?? "both"),
  ),
  "force": flag(
    "isForced",
    "let an older version take the place of a newer one",
  ),
  "older-than": valued(
    "olderThanDays",
    "DAYS",
    "only what was soft-deleted longer ago; left out: all",
    (said) => {
      if (said === null || /^\d{1,5}$/.test(said)) {
        return said === null ? null : Number(said);
      }
      throw notAllowed("--older-than", said, "a whole number of days");
    },
  ),
  "yes": flag("isSure", "do it without asking"),
  "port": valued(
    "port",
    "N",
    "where the panel listens (default: any port that is free)",
    (said) => {
      const port = Number(said ?? 0);
      if (said === null || /^\d{1,5}$/.test(said) && port > 0 && port < 65536) {
        return port;
      }
      throw notAllowed("--port", said, "a whole number from 1 to 65535");
    },
  ),
  "no-browser": valued(
    "opensBrowser",
    "",
    "open no browser: only print what to open",
    (said) => said === null,
  ),
  "left": text("left", "FOLDER", "the local folder; nothing is asked then"),
  "right": text("right", "FOLDER", "the share"),
  "every": valued(
    "everyMinutes",
    "TIME",
    "how often: 15m (default), 90m, 2h, 24h and the like",
    (said) => {
      const minutes = minutesOf(said ?? "15m");
      if (minutes !== null) return minutes;
      throw notAllowed("--every", said ?? "", EVERY_WORDS);
    },
  ),
  "write": text("write", "FILE", "write it into a new file instead"),
  "help": flag("isHelp", "print this", "h"),
  "version": flag("isVersion", "print the version", "V"),
};

/** An option's name, without its dashes. */
export type OptionName = keyof typeof OPTIONS;

/** What options say, by the names that they have in an invocation. */
export type Values<N extends OptionName> = {
  readonly [O in N as typeof OPTIONS[O]["as"]]: ReturnType<
    typeof OPTIONS[O]["read"]
  >;
};

/**
 * A command: what follows it, what it does, which options it takes, how many
 * words, what these say, and what it may touch; null: no more than it names.
 */
interface Command<N extends OptionName, Words extends object> {
  readonly usage: string;
  readonly does: string;
  readonly options: readonly N[];
  readonly maxWords: number;
  readonly read: (words: readonly string[], options: Values<N>) => Words;
  readonly access: (asked: Values<N> & Words) => Access | null;
}

function command<N extends OptionName, Words extends object>(
  it: Command<N, Words>,
): Command<N, Words> {
  return it;
}

const SYNC_OPTIONS = [
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
] as const;

const SYNC = {
  usage: "",
  options: SYNC_OPTIONS,
  maxWords: 0,
  read(_: readonly string[], asked: Values<"quiet" | "verbose">) {
    if (!asked.isQuiet || !asked.isVerbose) return {};
    throw new UsageError("--quiet and --verbose can't be had at once.");
  },
};

/** All commands, in the order in which they are listed. */
export const COMMANDS = {
  sync: command({
    ...SYNC,
    does: "one run (default)",
    access: () => "sync",
  }),
  plan: command({
    ...SYNC,
    does: "show what a run would do, and change nothing",
    access: () => "plan",
  }),
  history: command({
    usage: "[RUN]",
    does: "past runs; with RUN what it did",
    options: ["config", "json", "limit"],
    maxWords: 1,
    // The run whose actions are wanted; null: the runs.
    read: ([run = null]) => ({ run }),
    access: () => "plan",
  }),
  conflicts: command({
    usage: "[resolve PATH X]",
    does: "conflicts and clash copies; resolve ends one",
    options: ["config", "json"],
    maxWords: 3,
    read: readConflicts,
    access: ({ resolve }) => resolve === null ? "plan" : "sync",
  }),
  restore: command({
    usage: "[PATH|FOLDER/]",
    does: "bring back removed and replaced files",
    options: ["config", "json", "list", "from", "to", "force"],
    maxWords: 1,
    read([path = ""], { isList, from }) {
      // Without one, --list and --from stand for everything.
      if (path !== "" || isList || from !== null) return { path };
      throw new UsageError("restore needs a path, --from RUN or --list.");
    },
    access: ({ isList }) => isList ? "plan" : "sync",
  }),
  purge: command({
    usage: "",
    does: "remove soft-deleted versions for good, now",
    options: ["config", "json", "older-than", "yes"],
    maxWords: 0,
    read: () => ({}),
    access: () => "sync",
  }),
  panel: command({
    usage: "",
    does: "all of that in a browser, on this computer",
    options: ["config", "port", "no-browser"],
    maxWords: 0,
    read: () => ({}),
    access: () => "panel",
  }),
  why: command({
    usage: "PATH",
    does: "what decides about a path",
    options: ["config", "json"],
    maxWords: 1,
    read([path = ""]) {
      if (path !== "") return { path };
      throw new UsageError("why needs a path.");
    },
    access: () => "plan",
  }),
  doctor: command({
    usage: "",
    does: "check that all is as a run needs it",
    options: ["config", "json"],
    maxWords: 0,
    read: () => ({}),
    // It tries out what a run will need, the mail server too.
    access: () => "doctor",
  }),
  init: command({
    usage: "",
    does: "write a config, asking for what it needs",
    options: ["config", "left", "right"],
    maxWords: 0,
    read: () => ({}),
    access: () => null,
  }),
  schedule: command({
    usage: "[windows|systemd|cron]",
    does: "print what a scheduler needs to start runs",
    options: ["config", "every", "write"],
    maxWords: 1,
    read: ([word]) => ({ scheduler: schedulerOf(word) }),
    access: () => "plan",
  }),
};

/** A command. */
export type CommandName = keyof typeof COMMANDS;

/** What a command is asked for. */
export type Asked<C extends CommandName> = C extends CommandName ?
    & Values<typeof COMMANDS[C]["options"][number]>
    & ReturnType<typeof COMMANDS[C]["read"]>
    & { readonly command: C }
  : never;

/** One run, or what it would do. */
export type SyncInvocation = Omit<Asked<"sync">, "command" | "isDryRun"> & {
  readonly command: "sync" | "plan";
};

/** Past runs. */
export type HistoryInvocation = Asked<"history">;

/** Open conflicts. */
export type ConflictsInvocation = Asked<"conflicts">;

/** Soft-deleted versions; of the path "" all. */
export type RestoreInvocation = Asked<"restore">;

/** Soft-deleted versions that are to go. */
export type PurgeInvocation = Asked<"purge">;

/** What is known of a path, and what decides about it. */
export type WhyInvocation = Asked<"why">;

/** A page to settle conflicts and bring files back. */
export type PanelInvocation = Asked<"panel">;

/** Whether all is as a run needs it. */
export type DoctorInvocation = Asked<"doctor">;

/** A first config. */
export type InitInvocation = Asked<"init">;

/** Runs at regular intervals. */
export type ScheduleInvocation = Asked<"schedule">;

/** What is asked for, and may touch the config. */
export type CommandInvocation =
  | SyncInvocation
  | Asked<Exclude<CommandName, "sync" | "plan">>;

/** What is asked for. */
export type Invocation =
  | CommandInvocation
  /** Of one command, or of all of them. */
  | {
    readonly command: "help";
    readonly of: CommandName | null;
    /** The config of a program that has one of its own. */
    readonly config: string | null;
  }
  | { readonly command: "version" };

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @param isWindows Paths are those of Windows, and `/?` asks for help.
 * @throws {UsageError} A word or an option is not known there, has no value, or
 *   one that names no file.
 *
 * @example
 * ```ts
 * import { readArguments } from "./cli_args.ts";
 * readArguments(["plan", "--json"]).command; // "plan"
 * ```
 */
export function readArguments(
  args: readonly string[],
  isWindows: boolean = false,
): Invocation {
  const said = splitArguments(withHelp(args, isWindows), OPTIONS);
  const [word = "sync", ...words] = said.words;
  if (!Object.hasOwn(COMMANDS, word)) {
    const names = Object.keys(COMMANDS).join(", ");
    throw new UsageError(`Unknown command ${quoted(word)}; allowed: ${names}.`);
  }
  const name = word as CommandName;
  if (said.values.has("help")) {
    return {
      command: "help",
      of: said.words.length === 0 ? null : name,
      config: ownConfig(args),
    };
  }
  if (said.values.has("version")) return { command: "version" };
  const { options, maxWords, read }: Omit<
    Command<OptionName, object>,
    "access"
  > = COMMANDS[name];
  for (const option of said.values.keys()) {
    if (!options.includes(option)) {
      throw new UsageError(`${name} takes no --${option}.`);
    }
  }
  const { isDryRun, ...asked }: Partial<Values<OptionName>> = Object
    .fromEntries(
      options.map((option) => {
        const { as, read, value: kind } = OPTIONS[option];
        const value = said.values.get(option) ?? null;
        return [as, read(optionValue(option, kind, value, isWindows))];
      }),
    );
  const command = isDryRun ? "plan" : name;
  const extra = words[maxWords];
  if (extra !== undefined) {
    throw new UsageError(`${command} takes no ${quoted(extra)}.`);
  }
  const more = read(words, asked as Values<OptionName>);
  return { command, ...asked, ...more } as CommandInvocation;
}

/**
 * What a command may touch.
 *
 * @returns Null: no more than it names.
 */
export function accessOf(invocation: CommandInvocation): Access | null {
  const { access }: { access: (asked: never) => Access | null } =
    COMMANDS[invocation.command];
  return access(invocation as never);
}

/** The file that a command is to write, besides what runs write. */
export function outputOf(
  invocation: Invocation,
): { readonly option: string; readonly file: string | null } {
  return "report" in invocation
    ? { option: "--report", file: invocation.report }
    : {
      option: "--write",
      file: "write" in invocation ? invocation.write : null,
    };
}

/** Binary and portable folder put the config that is theirs first. */
function ownConfig([first = ""]: readonly string[]): string | null {
  return PROGRAM === "office-sync"
    ? /^--config=(.+)$/s.exec(first)?.[1] ?? null
    : null;
}

function readConflicts(
  [word, path = "", take = ""]: readonly string[],
): {
  readonly resolve: {
    readonly path: string;
    /** Of a conflict, or of a clash copy. */
    readonly take: Take | ClashTake;
  } | null;
} {
  if (word === undefined) return { resolve: null };
  if (word !== "resolve") {
    throw new UsageError(`conflicts takes no ${quoted(word)}, only resolve.`);
  }
  const takes =
    "left, right or both for a conflict; file, copy or both for a " +
    "clash copy";
  if (path === "" || take === "") {
    throw new UsageError(`conflicts resolve needs a path and ${takes}.`);
  }
  const known = [...SIDES, ...CLASH_TAKES].find((it) => it === take);
  if (known !== undefined) return { resolve: { path, take: known } };
  throw notAllowed("conflicts resolve", take, takes);
}

function takeOf(what: string, value: string): Take {
  const take = ([...SIDES, "both"] as const).find((it) => it === value);
  if (take !== undefined) return take;
  throw notAllowed(what, value, "left, right or both");
}

/** Null: the one of this system. */
function schedulerOf(word: string | undefined): Scheduler | null {
  const found = SCHEDULERS.find((it) => it === word) ?? null;
  if (found !== null || word === undefined) return found;
  throw notAllowed("schedule", word, "windows, systemd or cron");
}

function notAllowed(what: string, value: string, allowed: string): UsageError {
  return new UsageError(
    `${what}: ${quoted(value)} is not allowed; ${allowed}.`,
  );
}

/**
 * The arguments with `--help` for what asks for it on Windows.
 *
 * @throws {UsageError} They were quoted wrongly.
 */
export function withHelp(
  args: readonly string[],
  isWindows: boolean,
): readonly string[] {
  const why = isWindows ? whyNoArguments(args) : null;
  if (why !== null) throw new UsageError(why);
  return args.map((it) => isWindows && isHelpMark(it) ? "--help" : it);
}

/**
 * An option's value; of a path, what is meant by it.
 *
 * @param kind What follows the option: a path where it is a FILE or FOLDER.
 * @throws {UsageError} It is none, or Windows has no such file or folder.
 */
export function optionValue<T extends string | null>(
  name: string,
  kind: string,
  value: T,
  isWindows: boolean,
): T | string {
  if (value === null || kind === "") return value;
  if (value === "") throw new UsageError(`--${name} needs a value.`);
  if (!isWindows || kind !== "FILE" && kind !== "FOLDER") return value;
  const path = withoutPrefix(value);
  const allowed = whyNoPath(path);
  if (allowed === null) return path;
  throw new UsageError(
    `--${name}: "${printable(value)}" is not allowed; allowed: ${allowed}.`,
  );
}

/** What there is to know of an option to find it, and its value. */
export interface OptionForm {
  /** What follows it; "": nothing. */
  readonly value: string;
  /** One letter that stands for it. */
  readonly short?: string;
}

/**
 * Tells words and options apart; what comes after `--` are words.
 *
 * @param args The arguments.
 * @param options All options there are, by name.
 * @returns The options with their values, "" for those that have none.
 * @throws {UsageError} There is no such option, or its value lacks.
 */
export function splitArguments<Name extends string>(
  args: readonly string[],
  options: Readonly<Record<Name, OptionForm>>,
): { readonly words: string[]; readonly values: Map<Name, string> } {
  const words: string[] = [];
  const values = new Map<Name, string>();
  const named = Object.entries<OptionForm>(options) as [Name, OptionForm][];
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  for (let at = 0; at < own.length; at++) {
    const arg = own[at]!;
    if (!/^-./su.test(arg)) {
      words.push(arg);
      continue;
    }
    const [, long, given] = /^--([^=]+)(?:=(.*))?$/su.exec(arg) ?? [];
    for (const word of long === undefined ? arg.slice(1) : [long]) {
      const [name, form] = named.find(([name, { short }]) =>
        word === (long === undefined ? short : name)
      ) ?? [];
      if (name === undefined || form === undefined) {
        throw unknownOption(arg, own);
      }
      const { value, short } = form;
      if (value === "" && given !== undefined) {
        const both = short === undefined ? "" : `-${short}, `;
        throw new UsageError(
          `Option '${both}--${name}' does not take an argument.`,
        );
      }
      const next = value === "" ? "" : given ?? args[++at];
      // Nobody can tell a value that begins with a dash from an option.
      if (
        next === undefined || given === undefined && /^-./su.test(next)
      ) {
        throw lackingValue(name, next);
      }
      values.set(name, next);
    }
  }
  if (end >= 0) words.push(...args.slice(end + 1));
  return { words, values };
}

function lackingValue(name: string, next: string | undefined): UsageError {
  const how = next === undefined ? "" : "; one that begins with - is written " +
    printable(`--${name}=${next}`);
  return new UsageError(`--${name} needs a value${how}.`);
}

/** How a path is written that could be taken for an option. */
const DASHES = "A path that begins with - goes last, after --";

function unknownOption(arg: string, own: readonly string[]): UsageError {
  const [name] =
    Object.entries(COMMANDS).find(([name, { usage }]) =>
      usage.includes("PATH") && own.includes(name)
    ) ?? [];
  const hint = name === undefined
    ? ""
    : ` ${DASHES}: ${exampleOf(name, quoted(arg))}.`;
  return new UsageError(`Unknown option ${quoted(arg)}.${hint}`);
}

/** A command whose path begins with a dash. */
function exampleOf(name: string, path: string): string {
  return name === "conflicts"
    ? `conflicts resolve -- ${path} left`
    : `${name} -- ${path}`;
}

const EXIT_CODES = `Exit codes:
  0  both sides agree (plan: it could be made), or a folder is waited for
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
  const optionLines = (names: readonly OptionName[]) =>
    columns(names.map((name) => {
      const { value, does } = OPTIONS[name];
      return [
        value === "" ? `--${name}` : `--${name} ${value}`,
        name === "config" && config !== null
          ? `the config (default: ${printable(config)})`
          : does,
      ];
    }));
  const words = (name: string, usage: string) => `${name} ${usage}`.trimEnd();
  if (of !== null) {
    const { usage, does, options } = COMMANDS[of];
    return [
      `office-sync ${of}: ${does}`,
      "",
      `Usage: ${PROGRAM} ${words(of, usage)} [OPTIONS]`,
      "",
      "Options:",
      ...optionLines([...options, "help"]),
      ...usage.includes("PATH")
        ? ["", `${DASHES}: ${exampleOf(of, "-draft.txt")}`]
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
    ...columns(
      Object.entries(COMMANDS).map((
        [name, { usage, does }],
      ) => [words(name, usage), does]),
    ),
    "",
    "Options of sync and plan; those of a command: " +
    `${PROGRAM} COMMAND --help`,
    ...optionLines([...SYNC_OPTIONS, "help", "version"]),
    "",
    EXIT_CODES,
  ].join("\n");
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first!.length));
  return rows.map(([first, second]) => `  ${first!.padEnd(width)}  ${second}`);
}
