/**
 * What the system's errors mean for a sync, and how they are said.
 *
 * @module
 */

/** What an error means for what is to be done next. */
export type Trouble =
  /** Another program has the file; it may be free soon. */
  | "busy"
  /** The disk is full: no use in trying more copies. */
  | "full"
  | "denied"
  | "read-only"
  | "missing"
  /** It is kept elsewhere, and can't be fetched now. */
  | "away"
  | "exists"
  | "other";

const TROUBLE: Readonly<Record<string, Trouble>> = {
  EBUSY: "busy",
  ETXTBSY: "busy",
  EAGAIN: "busy",
  ENOSPC: "full",
  EDQUOT: "full",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "read-only",
  ENOENT: "missing",
  ENOTDIR: "missing",
  EEXIST: "exists",
  CLOUD: "away",
  SANDBOX: "denied",
};

const WORDS: Readonly<Record<string, string>> = {
  EBUSY: "it is in use by another program",
  ETXTBSY: "it is in use by another program",
  EAGAIN: "it is in use by another program",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "access is denied",
  EPERM: "the system does not permit it",
  EROFS: "the disk is read-only",
  ENOENT: "it is not there any more",
  ENOTDIR: "a folder above it is not there any more",
  EEXIST: "something of that name is there already",
  ENOTEMPTY: "the folder is not empty",
  ENAMETOOLONG:
    "the name is too long for the disk, or its path is: give it a shorter one",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  EIO: "the disk reports an error",
  EXDEV: "it is on another disk",
  EINVAL: "the disk does not take it",
  CLOUD: "it is kept in the cloud only, and can't be fetched now",
  SANDBOX: "the sandbox does not let the program reach it; doctor tells why",
};

/** Errors of Windows that have a number only. */
const NUMBERED: readonly [readonly number[], string][] = [
  // Sharing and lock violations.
  [[32, 33], "EBUSY"],
  // A cloud drive that is not running, not signed in, not reached, or slow.
  [[362, 382, 386, 387, 388, 389, 391, 393, 395, 398, 404, 426], "CLOUD"],
  // A name that the disk does not hold.
  [[111, 206], "ENAMETOOLONG"],
  // Files of a cloud drive can't have two names.
  [[396], "ENOTSUP"],
];

/**
 * The system's name for an error, for instance "ENOENT".
 *
 * @param error Anything thrown.
 * @returns The code, or null where there is none.
 */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  // Deno's own words tell a user to change how it was started.
  if (error.name === "NotCapable") return "SANDBOX";
  if ("code" in error && typeof error.code === "string") return error.code;
  const number = Number(/\(os error (\d+)\)/.exec(error.message)?.[1]);
  return NUMBERED.find(([numbers]) => numbers.includes(number))?.[1] ?? null;
}

/**
 * What an error means.
 *
 * @param error Anything thrown.
 *
 * @example
 * ```ts
 * import { troubleOf } from "./system_errors.ts";
 * troubleOf(Object.assign(new Error(), { code: "ENOSPC" })); // "full"
 * ```
 */
export function troubleOf(error: unknown): Trouble {
  return TROUBLE[codeOf(error) ?? ""] ?? "other";
}

/**
 * An error in words, without the paths a system adds: they stand beside it.
 *
 * @param error Anything thrown.
 */
export function inWords(error: unknown): string {
  const code = codeOf(error);
  const known = code === null ? undefined : WORDS[code];
  if (known !== undefined) return `${known} (${code})`;
  return error instanceof Error ? error.message : String(error);
}
