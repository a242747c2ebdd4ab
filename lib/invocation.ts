/**
 * What the command line asks for, as plain values.
 *
 * @module
 */
import type { CommandName } from "./cli_words.ts";
import type { Scheduler } from "./schedule_text.ts";
import type { Side } from "./types.ts";

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

/** What to take of two versions. */
export type Take = Side | "both";

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
