/**
 * What the system's errors mean for a sync, and how they are said.
 *
 * @module
 */

/** What an error means for what is to be done next. */
export type ErrorKind =
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

const ERROR_KINDS: Readonly<Record<string, ErrorKind>> = {
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
  ENOSPC: "the disk is full: make room there",
  EDQUOT: "the disk quota is used up: make room there",
  EACCES: "access is denied: give the account that syncs the right to it",
  EPERM: "the system does not permit it: lift its protection, or give it to " +
    "the account that syncs",
  EROFS: "the disk is read-only: make it writable",
  ENOENT: "it is not there any more",
  ENOTDIR: "a folder above it is not there any more",
  EEXIST: "something of that name is there already: rename one of the two",
  ENOTEMPTY: "the folder is not empty: see what came into it",
  ENAMETOOLONG:
    "the name is too long for the disk, or its path is: give it a shorter one",
  EFBIG: "the file is too large for the disk: keep it elsewhere",
  EMFILE: "too many files are open: close programs, or raise the limit",
  ENFILE: "too many files are open: close programs, or raise the limit",
  ENOMEM: "there is too little memory: close programs",
  EIO: "the disk reports an error: have it checked",
  EXDEV: "it is on another disk: move it by hand",
  EINVAL: "the disk does not take it: give it another name",
  EILSEQ: "the disk does not take it: give it another name",
  ELOOP: "a link is in its way: remove that",
  EISDIR: "a folder of that name is there: rename one of the two",
  EMLINK: "it has too many names: make a copy of it",
  ENOTSUP: "the disk can't do that: keep it elsewhere",
  EOPNOTSUPP: "the disk can't do that: keep it elsewhere",
  ENOSYS: "the disk can't do that: keep it elsewhere",
  ENODEV: "its disk is gone: connect it again",
  ENXIO: "its disk is gone: connect it again",
  ESTALE: "the share has lost it: connect the share anew",
  ENOTCONN: "the share does not answer: connect it again",
  ECONNRESET: "the share does not answer: connect it again",
  EHOSTDOWN: "the share does not answer: connect it again",
  EHOSTUNREACH: "the share does not answer: connect it again",
  ENETUNREACH: "the share does not answer: connect it again",
  ETIMEDOUT: "the share does not answer: connect it again",
  CLOUD: "it is kept in the cloud only, and can't be fetched now: see that " +
    "the cloud drive runs and is signed in",
  SANDBOX: "the sandbox does not let the program reach it; doctor tells why",
};

/** Errors that have a number only, nearly all of them Windows'. */
const NUMBERED: readonly [readonly number[], string][] = [
  // A server that is down, or the way to it; 112 is Linux's number.
  [[53, 55, 59, 64, 67, 112, 121, 1231, 1232, 1236], "EHOSTDOWN"],
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
 * @returns The code, or what it has in place of one, as "os error 321"; null
 *   where it is none of the system's.
 */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  // Deno's own words tell a user to change how it was started.
  if (error.name === "NotCapable") return "SANDBOX";
  if ("code" in error && typeof error.code === "string") return error.code;
  const [, said, digits] = /\((os error (\d+))\)/.exec(error.message) ?? [];
  const number = Number(digits);
  return NUMBERED.find(([numbers]) => numbers.includes(number))?.[1] ??
    said ?? null;
}

/**
 * What an error means.
 *
 * @example
 * ```ts
 * import { errorKind } from "./system.ts";
 * errorKind(Object.assign(new Error(), { code: "ENOSPC" })); // "full"
 * ```
 */
export function errorKind(error: unknown): ErrorKind {
  return ERROR_KINDS[codeOf(error) ?? ""] ?? "other";
}

/** An error in words, without the paths a system adds: they stand beside it. */
export function inWords(error: unknown): string {
  const code = codeOf(error);
  const known = code === null ? undefined : WORDS[code];
  if (known !== undefined) return `${known} (${code})`;
  if (!(error instanceof Error)) return String(error);
  // The system's own words, in the system's own language.
  return /^.*?\(os error \d+\)/.exec(error.message)?.[0] ?? error.message;
}

// What a run leaves for the next one, because something came in between.

/** The reason for which an action is left for the next run. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/**
 * Does what the system may refuse, or what may find a path changed. Whatever
 * else is thrown is a mistake in the program, and thrown on.
 *
 * @param otherwise What it gives then.
 */
export function orElse<T>(otherwise: T, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
    return otherwise;
  }
}

/** Said where a root is not there any more. */
export const WENT_AWAY = "a root went away during the run";

/** Said wherever a second look finds something else than the scan did. */
export const CHANGED = "changed during the run";
