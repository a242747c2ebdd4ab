/**
 * The program behind the command line: reads it, hands on to the command, and
 * tells in one line what is wrong.
 *
 * @module
 */
import {
  type Asked,
  type CommandInvocation,
  type CommandName,
  helpText,
  type Invocation,
  readArguments,
} from "./cli_args.ts";
import { print, printOrWarn, warn } from "./cli_output.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, SyncError } from "./errors.ts";
import type { Handed } from "./sandbox_launcher.ts";
import { oldWordHint } from "./sandbox_network.ts";
import { entryFile } from "./started_as.ts";
import { errorWords, VERSION } from "./text.ts";
import type { Both, Side } from "./types.ts";
import type { Files } from "./wire_port.ts";

/** What differs between a program behind a launcher and a compiled one. */
export interface ProgramHost {
  /** Throws an error for what can't be done here. */
  readonly check: (invocation: Invocation) => void;
  /** Roots that can't be written, as far as was asked for a plan. */
  readonly unwritable?: readonly Side[];
  /** What leads a browser into the panel; left out: the one beside the record. */
  readonly entryFile?: string;
  /** Gives the config, or says why it may not be used here. */
  readonly loadConfig: (file: string) => Promise<Config>;
  /** Gives what answers for the roots of a config. */
  readonly filesOf: FilesOf;
}

/** Gives what answers for roots, by their absolute paths. */
export type FilesOf = (roots: Both<string>) => Promise<Files>;

/**
 * The program behind the launcher, which makes a sandbox for any config and
 * command.
 *
 * @param handed The config, if the launcher handed it on.
 * @param filesOf Gives what answers for the roots.
 */
export function launchedHost(
  handed: Handed | null,
  filesOf: FilesOf,
): ProgramHost {
  return {
    filesOf,
    check() {},
    unwritable: handed?.unwritable ?? [],
    ...handed?.entryFile === undefined ? {} : { entryFile: handed.entryFile },
    async loadConfig(file) {
      if (handed?.said === file && handed.config) return handed.config;
      const { loadConfig, withStateDb } = await import("./config_loader.ts");
      return await withStateDb(await loadConfig(file), filesOf);
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

/** What does a command, by its name; loaded only when it is asked for. */
const COMMANDS: {
  readonly [C in Exclude<CommandName, "sync" | "plan" | "init" | "panel">]:
    () => Promise<
      (
        asked: Asked<C>,
        config: Config,
        files: Files,
      ) => ExitCode | Promise<ExitCode>
    >;
} = {
  history: async () => (await import("./command_history.ts")).history,
  conflicts: async () => (await import("./command_conflicts.ts")).conflicts,
  restore: async () => (await import("./command_restore.ts")).restore,
  purge: async () => (await import("./command_purge.ts")).purge,
  why: async () => (await import("./command_why.ts")).why,
  doctor: async () => (await import("./command_doctor.ts")).doctor,
  schedule: async () => (await import("./command_schedule.ts")).schedule,
};

async function obey(
  invocation: Invocation,
  { loadConfig, filesOf, unwritable = [], entryFile: entry }: ProgramHost,
): Promise<ExitCode> {
  const configOf = async (it: CommandInvocation): Promise<Config> => {
    const config = await loadConfig(it.config);
    const isSilent = "isJson" in it && it.isJson ||
      "isQuiet" in it && it.isQuiet;
    const hint = oldWordHint(config);
    if (hint !== null && !isSilent) warn(hint);
    return config;
  };
  switch (invocation.command) {
    case "help":
      print(helpText(invocation.of, invocation.config));
      return EXIT.agreed;
    case "version":
      print(VERSION);
      return EXIT.agreed;
    case "init": {
      const { init } = await import("./command_init.ts");
      return await init(invocation);
    }
    case "sync":
    case "plan": {
      const config = await configOf(invocation);
      const { syncOrPlan } = await import("./command_sync.ts");
      const files = await filesOf(config.roots);
      return await syncOrPlan(invocation, config, files, unwritable);
    }
    case "panel": {
      const config = await configOf(invocation);
      const { panel } = await import("./command_panel.ts");
      const files = await filesOf(config.roots);
      return await panel(invocation, config, files, entry ?? entryFile(config));
    }
    default: {
      const command = await COMMANDS[invocation.command]();
      const config = await configOf(invocation);
      const files = await filesOf(config.roots);
      return await command(invocation as never, config, files);
    }
  }
}

async function complain(error: unknown, isJson: boolean): Promise<number> {
  const known = error instanceof SyncError ? error : new SyncError(
    `Something unexpected went wrong: ${errorWords(error)}`,
    EXIT.unexpected,
    { cause: error, hint: "The log has the details." },
  );
  const text = known.hint ? `${known.message}\n${known.hint}` : known.message;
  if (isJson) {
    const { jsonError, jsonText } = await import("./report_json.ts");
    printOrWarn(jsonText(jsonError(known)), text);
  } else warn(text);
  return known.exitCode;
}
