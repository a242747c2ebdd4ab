/**
 * The command line: words in, a plain value out.
 *
 * @module
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import {
  type CommandName,
  COMMANDS,
  DASHES,
  exampleOf,
  type OptionName,
} from "./cli_program.ts";
import { UsageError } from "./errors.ts";
import {
  isHelpMark,
  whyNoArguments,
  whyNoPath,
  withoutPrefix,
} from "./paths.ts";
import {
  EVERY_WORDS,
  minutesOf,
  type Scheduler,
  SCHEDULERS,
} from "./schedule_text.ts";
import { printable, PROGRAM, quoted } from "./text.ts";
import { SIDES, type Take } from "./types.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

const KINDS: Readonly<Record<OptionName, "boolean" | "string">> = {
  "config": "string",
  "dry-run": "boolean",
  "json": "boolean",
  "quiet": "boolean",
  "only-new": "boolean",
  "verbose": "boolean",
  "allow-deletes": "boolean",
  "allow-changes": "boolean",
  "accept-roots": "boolean",
  "report": "string",
  "no-email": "boolean",
  "limit": "string",
  "list": "boolean",
  "from": "string",
  "to": "string",
  "force": "boolean",
  "left": "string",
  "right": "string",
  "every": "string",
  "write": "string",
  "help": "boolean",
  "version": "boolean",
};

const SHORT: Partial<Record<OptionName, string>> = { help: "h", version: "V" };

const OPTIONS: Options = Object.fromEntries(
  Object.entries(KINDS).map(([name, type]) => {
    const short = SHORT[name as OptionName];
    return [name, short === undefined ? { type } : { type, short }];
  }),
);

const DEFAULT_CONFIG = "config.yaml";

const DEFAULT_LIMIT = 20;

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
  const trouble = isWindows ? whyNoArguments(args) : null;
  if (trouble !== null) throw new UsageError(trouble);
  const said = new Said(args, isWindows);
  const command = commandOf(said);
  if (said.has("help")) {
    return {
      command: "help",
      of: said.words.length === 0 ? null : command,
      config: ownConfig(args),
    };
  }
  if (said.has("version")) return { command: "version" };
  said.requireAllowed(command);
  return READERS[command](said);
}

/** Binary and portable folder put the config that is theirs first. */
function ownConfig([first = ""]: readonly string[]): string | null {
  return PROGRAM === "office-sync"
    ? /^--config=(.+)$/s.exec(first)?.[1] ?? null
    : null;
}

function commandOf({ words: [word = "sync"] }: Said): CommandName {
  const command = COMMANDS.find(({ name }) => name === word)?.name;
  if (command !== undefined) return command;
  const names = COMMANDS.map(({ name }) => name).join(", ");
  throw new UsageError(`Unknown command ${quoted(word)}; allowed: ${names}.`);
}

const READERS: Readonly<Record<CommandName, (said: Said) => Invocation>> = {
  sync: readSync,
  plan: readSync,
  history: (said) => ({
    command: "history",
    ...said.common("history", 1),
    run: said.words[1] ?? null,
    limit: limitOf(said),
  }),
  conflicts: readConflicts,
  restore: (said) => ({
    command: "restore",
    ...said.common("restore", 1),
    path: restorePath(said),
    isList: said.has("list"),
    from: said.text("from"),
    to: takeOf("--to", said.text("to") ?? "both"),
    isForced: said.has("force"),
  }),
  why: (said) => ({
    command: "why",
    ...said.common("why", 1),
    path: said.word(1, "why needs a path."),
  }),
  doctor: (said) => ({ command: "doctor", ...said.common("doctor", 0) }),
  init: (said) => ({
    command: "init",
    config: said.common("init", 0).config,
    left: said.text("left"),
    right: said.text("right"),
  }),
  schedule: (said) => ({
    command: "schedule",
    config: said.common("schedule", 1).config,
    scheduler: schedulerOf(said),
    everyMinutes: everyOf(said),
    write: said.text("write"),
  }),
};

function readSync(said: Said): SyncInvocation {
  const isPlan = said.has("dry-run") || said.words[0] === "plan";
  const command = isPlan ? "plan" : "sync";
  if (said.has("quiet") && said.has("verbose")) {
    throw new UsageError("--quiet and --verbose can't be had at once.");
  }
  return {
    command,
    ...said.common(command, 0),
    isQuiet: said.has("quiet"),
    onlyNew: said.has("only-new"),
    isVerbose: said.has("verbose"),
    allowDeletes: said.has("allow-deletes"),
    allowChanges: said.has("allow-changes"),
    acceptRoots: said.has("accept-roots"),
    report: reportOf(said),
    sendsMail: !said.has("no-email"),
  };
}

/** A slip of the hand must not cost a workbook. */
function reportOf(said: Said): string | null {
  const file = said.text("report");
  if (file === null || /\.html?$/i.test(file)) return file;
  throw new UsageError(
    `--report: ${quoted(file)} is not allowed; a name that ends in .html.`,
  );
}

function readConflicts(said: Said): ConflictsInvocation {
  const [, word, path = "", take = ""] = said.words;
  if (word === undefined) {
    const common = said.common("conflicts", 0);
    return { command: "conflicts", ...common, resolve: null };
  }
  if (word !== "resolve") {
    throw new UsageError(`conflicts takes no ${quoted(word)}, only resolve.`);
  }
  if (path === "" || take === "") {
    throw new UsageError(
      "conflicts resolve needs a path and one of left, right, both.",
    );
  }
  return {
    command: "conflicts",
    ...said.common("conflicts", 3),
    resolve: { path, take: takeOf("conflicts resolve", take) },
  };
}

/** Without a path, `--list` and `--from` stand for everything. */
function restorePath(said: Said): string {
  const isAll = said.has("list") || said.text("from") !== null;
  return isAll
    ? said.words[1] ?? ""
    : said.word(1, "restore needs a path, --from RUN or --list.");
}

function takeOf(what: string, value: string): Take {
  const take = ([...SIDES, "both"] as const).find((it) => it === value);
  if (take !== undefined) return take;
  throw new UsageError(
    `${what}: ${quoted(value)} is not allowed; left, right or both.`,
  );
}

function schedulerOf({ words: [, word] }: Said): Scheduler | null {
  const found = SCHEDULERS.find((it) => it === word);
  if (found !== undefined || word === undefined) return found ?? null;
  throw new UsageError(
    `schedule: ${quoted(word)} is not allowed; windows, systemd or cron.`,
  );
}

function everyOf(said: Said): number {
  const words = said.text("every") ?? "15m";
  const minutes = minutesOf(words);
  if (minutes !== null) return minutes;
  throw new UsageError(
    `--every: ${quoted(words)} is not allowed; ${EVERY_WORDS}.`,
  );
}

function limitOf(said: Said): number {
  const value = said.text("limit");
  if (value === null) return DEFAULT_LIMIT;
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new UsageError(
    `--limit: ${quoted(value)} is not allowed; a whole number from 1.`,
  );
}

/** Words and options, as they were given. */
class Said {
  /** The command, and what follows it. */
  readonly words: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #isWindows: boolean;

  constructor(args: readonly string[], isWindows: boolean) {
    const { values, positionals } = parse(
      isWindows ? args.map((it) => isHelpMark(it) ? "--help" : it) : args,
    );
    this.#isWindows = isWindows;
    this.words = positionals;
    this.#values = values;
  }

  has(name: OptionName): boolean {
    return this.#values[name] === true;
  }

  text(name: OptionName): string | null {
    const value = this.#values[name];
    if (typeof value !== "string") return null;
    if (value === "") throw new UsageError(`--${name} needs a value.`);
    if (!this.#isWindows || !PATHS.has(name)) return value;
    return windowsPath(`--${name}`, value);
  }

  /** A word that must be there. */
  word(at: number, complaint: string): string {
    const word = this.words[at] ?? "";
    if (word === "") throw new UsageError(complaint);
    return word;
  }

  /** What nearly all commands have; and no more words than they take. */
  common(
    command: CommandName,
    words: number,
  ): { readonly config: string; readonly isJson: boolean } {
    const extra = this.words[words + 1];
    if (extra !== undefined) {
      throw new UsageError(`${command} takes no ${quoted(extra)}.`);
    }
    return {
      config: this.text("config") ?? DEFAULT_CONFIG,
      isJson: this.has("json"),
    };
  }

  requireAllowed(command: CommandName): void {
    const { options } = COMMANDS.find(({ name }) => name === command)!;
    for (const name of Object.keys(this.#values)) {
      if (options.some((option) => option === name)) continue;
      throw new UsageError(`${command} takes no --${name}.`);
    }
  }
}

/** Options whose value is a path. */
const PATHS = new Set<OptionName>([
  "config",
  "report",
  "write",
  "left",
  "right",
]);

/**
 * A path as it is meant, on Windows.
 *
 * @param name What names it.
 * @param value The path, as it was given.
 * @returns It without a prefix.
 * @throws {UsageError} Windows has no such file or folder.
 */
export function windowsPath(name: string, value: string): string {
  const path = withoutPrefix(value);
  const allowed = whyNoPath(path);
  if (allowed === null) return path;
  throw new UsageError(
    `${name}: "${printable(value)}" is not allowed; allowed: ${allowed}.`,
  );
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
    const { message } = error as Error;
    const [line = ""] = message.split("\n");
    throw new UsageError(
      strangeOption(message, args) ?? lackingValue(line, args) ??
        `${printable(line.split(". ")[0] ?? "").replace(/\.$/, "")}.`,
    );
  }
}

/** Of a word such as -draft.txt the parser names the first letter alone. */
function strangeOption(
  message: string,
  args: readonly string[],
): string | null {
  const option = /^Unknown option '(-.*?)'(?:\. |$)/s.exec(message)?.[1];
  if (option === undefined) return null;
  const end = args.indexOf("--");
  const said = end < 0 ? args : args.slice(0, end);
  const letter = option.slice(1);
  const word = said.find((it) => it.startsWith(option)) ??
    said.find((it) => /^-[^-]/.test(it) && it.includes(letter)) ?? option;
  const command = COMMANDS.find(({ name, usage }) =>
    usage.includes("PATH") && said.includes(name)
  );
  const hint = command === undefined
    ? ""
    : ` ${DASHES}: ${exampleOf(command.name, quoted(word))}.`;
  return `Unknown option ${quoted(word)}.${hint}`;
}

/** Nobody can tell a value that begins with a dash from an option. */
function lackingValue(message: string, args: readonly string[]): string | null {
  const [, option = "", what] =
    /^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument (is ambiguous|missing)/
      .exec(message) ?? [];
  if (option === "") return null;
  const value = args[args.indexOf(option) + 1];
  return what === "missing" || value === undefined
    ? `${option} needs a value.`
    : `${option} needs a value; one that begins with - is written ` +
      `${printable(`${option}=${value}`)}.`;
}

// What the command line asks for, as plain values.

/** One run, or what it would do. */
export interface SyncInvocation {
  readonly command: "sync" | "plan";
  /** Path of the config, as it was given. */
  readonly config: string;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  /** Print no error that the run before printed, for a day. */
  readonly onlyNew: boolean;
  readonly isVerbose: boolean;
  readonly allowDeletes: boolean;
  readonly allowChanges: boolean;
  readonly acceptRoots: boolean;
  /** The page to be written, as it was given; null: none. */
  readonly report: string | null;
  readonly sendsMail: boolean;
}

/** Past runs. */
export interface HistoryInvocation {
  readonly command: "history";
  readonly config: string;
  readonly isJson: boolean;
  /** The run whose actions are wanted; null: the runs. */
  readonly run: string | null;
  /** How many runs at most. */
  readonly limit: number;
}

/** Open conflicts. */
export interface ConflictsInvocation {
  readonly command: "conflicts";
  readonly config: string;
  readonly isJson: boolean;
  /** Null: they are only listed. */
  readonly resolve: { readonly path: string; readonly take: Take } | null;
}

/** Soft-deleted versions. */
export interface RestoreInvocation {
  readonly command: "restore";
  readonly config: string;
  readonly isJson: boolean;
  /** A file, or a folder with a slash at its end; "" for everything. */
  readonly path: string;
  readonly isList: boolean;
  /** The run that soft-deleted; null: whichever did last. */
  readonly from: string | null;
  readonly to: Take;
  readonly isForced: boolean;
}

/** What is known of a path, and what decides about it. */
export interface WhyInvocation {
  readonly command: "why";
  readonly config: string;
  readonly isJson: boolean;
  readonly path: string;
}

/** Whether all is as a run needs it. */
export interface DoctorInvocation {
  readonly command: "doctor";
  readonly config: string;
  readonly isJson: boolean;
}

/** A first config. */
export interface InitInvocation {
  readonly command: "init";
  readonly config: string;
  /** Null: it is asked for. */
  readonly left: string | null;
  readonly right: string | null;
}

/** Runs at regular intervals. */
export interface ScheduleInvocation {
  readonly command: "schedule";
  readonly config: string;
  /** Null: the one of this system. */
  readonly scheduler: Scheduler | null;
  readonly everyMinutes: number;
  /** The file to be written, as it was given; null: it is printed. */
  readonly write: string | null;
}

/** What is asked for. */
export type Invocation =
  | SyncInvocation
  | HistoryInvocation
  | ConflictsInvocation
  | RestoreInvocation
  | WhyInvocation
  | DoctorInvocation
  | InitInvocation
  | ScheduleInvocation
  /** Of one command, or of all of them. */
  | {
    readonly command: "help";
    readonly of: CommandName | null;
    /** The config of a program that has one of its own. */
    readonly config: string | null;
  }
  | { readonly command: "version" };
