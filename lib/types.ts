/**
 * The vocabulary of a sync: the nouns that every other module speaks in.
 * Types, the constants they are derived from, and the side across.
 *
 * @module
 */

/** One of the two roots. */
export type Side = "left" | "right";

/** Both sides, in the order in which they are named. */
export const SIDES = ["left", "right"] as const;

/** The side across. */
export function otherSide(side: Side): Side {
  return side === "left" ? "right" : "left";
}

/** A value for each side. */
export type Both<T> = { readonly [S in Side]: T };

/**
 * Asks for the value of each side.
 *
 * @param of Gives that of a side.
 */
export function both<T>(of: (side: Side) => T): { [S in Side]: T } {
  return { left: of("left"), right: of("right") };
}

/**
 * Waits for the value of each side, both at once.
 *
 * @throws What one of them was rejected with, of two that of Left.
 */
export async function bothOf<T>(
  of: (side: Side) => Promise<T>,
): Promise<{ [S in Side]: T }> {
  const all = both(of);
  // A failure is told when the other side has come to its end.
  await Promise.allSettled([all.left, all.right]);
  return { left: await all.left, right: await all.right };
}

/** What a file system says a file is: two names with one id are one file. */
export interface FileId {
  /** Inode, or file index. */
  readonly ino: number;
  /** Time of creation, in ms since 1970. */
  readonly birthMs: number;
}

/** The metadata of a file on one side. Content is never part of them. */
export interface Metadata {
  readonly sizeBytes: number;
  /** In ms since 1970. */
  readonly mtimeMs: number;
  /** Permission bits only (0o777); 0 where the system has none. */
  readonly mode: number;
  /** Null where the file system has no id that could be trusted. */
  readonly id: FileId | null;
}

/** One side's half of a recorded file. */
export interface RecordedHalf extends Metadata {
  /** So young when it was looked at that a rewrite might not show. */
  readonly isFresh: boolean;
}

/** A file as both sides last agreed on it. */
export interface FileRow {
  readonly path: string;
  readonly left: RecordedHalf;
  readonly right: RecordedHalf;
  /** SHA-256 of the content in hex, where a later run will need it. */
  readonly hash: string | null;
}

/** A folder as both sides last agreed on it. */
export interface DirectoryRow {
  /** "" for the root itself. */
  readonly path: string;
  /** False for a folder that only still holds rows of paths below it. */
  readonly isAgreed: boolean;
  /** Whether another file system began here. */
  readonly isMount: Both<boolean>;
  /** Null where the file system has none that could be trusted. */
  readonly id: Both<FileId | null>;
  /** Digest of the rows directly in it; null where there is none. */
  readonly digest: Both<string | null>;
}

/** Why a path is left alone. Quiet ones are nobody's concern. */
export type ProblemKind =
  | "ignored"
  | "symlink"
  | "special"
  | "unreadable"
  | "vanished"
  | "mount"
  | "moving"
  | "elsewhere"
  | "name"
  | "twins"
  /** It belongs to the program itself. */
  | "own"
  /** It tells that a document beside it is open. */
  | "owner"
  /** A folder that one side alone has, because of what it holds. */
  | "lone";

/** A path whose state can't be told or must not be touched. */
export interface Problem {
  readonly side: Side;
  readonly path: string;
  readonly kind: ProblemKind;
  /** In words. */
  readonly reason: string;
  /** Its metadata where they could be had: it may be a file that moved. */
  readonly metadata: Metadata | null;
  /** Of a folder: it may be one that moved. Left out: none. */
  readonly folderId?: FileId | null;
  /** Of an ignored file: it goes with its folder. Left out: no. */
  readonly isJunk?: boolean;
}

/** What the user's rule list calls a rule, for instance "5.3". */
export type Rule =
  | "5.1"
  | "5.2"
  | "5.3"
  | "5.4"
  | "5.5"
  | "5.6"
  | "5.7"
  | "5.8"
  | "5.9"
  | "5.10"
  | "5.11"
  | "5.12"
  | "5.13";

/** Every action there is, in the words of the contract. */
export const ACTION_NAMES = [
  "COPY_LEFT_TO_RIGHT",
  "COPY_RIGHT_TO_LEFT",
  "DELETE_LEFT",
  "DELETE_RIGHT",
  "SOFT_DELETE_LEFT",
  "SOFT_DELETE_RIGHT",
  "CLASH_CREATE",
  "RENAME_LEFT",
  "RENAME_RIGHT",
  "CREATE_DIR_LEFT",
  "CREATE_DIR_RIGHT",
  "REMOVE_DIR_LEFT",
  "REMOVE_DIR_RIGHT",
  "RESTORE_LEFT",
  "RESTORE_RIGHT",
  "NOOP",
] as const;

/** One of {@linkcode ACTION_NAMES}. */
export type ActionName = typeof ACTION_NAMES[number];

/** What may be done about a conflict. */
export const POLICIES = [
  "clash",
  "notify",
  "overwrite",
  "left",
  "right",
] as const;

/** One of {@linkcode POLICIES}. */
export type Policy = typeof POLICIES[number];

/** The three kinds of conflict, each with its policy. */
export type ConflictKind = "modify_modify" | "new_new" | "metadata_conflict";

/** The version of a conflict that a person keeps. */
export type Take = Side | "both";

/** What a person says about a clash copy: what becomes the file. */
export const CLASH_TAKES = ["file", "copy", "both"] as const;

/** One of {@linkcode CLASH_TAKES}; both: both stay, and that is settled. */
export type ClashTake = typeof CLASH_TAKES[number];

/** What became of an action. */
export type OutcomeKind = "planned" | "done" | "skipped" | "failed";

/** A rename in two steps: what is moved, through where, to where. */
export interface Move {
  readonly side: Side;
  readonly from: string;
  readonly middle: string;
  readonly to: string;
}

/**
 * Called wherever a run can be interrupted.
 *
 * @throws {InterruptedError} No more is to be done.
 */
export type Checkpoint = () => Promise<void>;
