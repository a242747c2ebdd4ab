/**
 * The program's own files (state DB, its lock, log): what keeps a run from
 * using one of them, told so that a person knows what to do. The system says
 * "permission denied" for a dozen different things; the commonest is that a
 * first run was made with sudo, and its files belong to root.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { GuardError } from "./errors.ts";
import { OWN_FOLDER } from "./names.ts";
import { codeOf, inWords } from "./system.ts";
import { printable, shellQuoted } from "./text.ts";
import type { Both } from "./types.ts";

/** A file of the program. */
export interface OwnFile {
  /** Such as "The state DB". */
  readonly what: string;
  readonly path: string;
  /** The config's key that names it, or the file that it stands beside. */
  readonly key: "state_db" | "logging.file";
  /** Others of the program, which have the same trouble more often than not. */
  readonly others: readonly string[];
  /** It was only to be read. */
  readonly isRead?: boolean;
}

/** What is wrong with a file, and what to do about it. */
interface Trouble {
  /** As the end of a sentence. */
  readonly why: string;
  readonly hint: string;
}

/**
 * What keeps the program from using a file, as the guard "state".
 *
 * @param own The file.
 * @param error What the system said.
 */
export function cantUse(own: OwnFile, error: unknown): GuardError {
  const { why, hint } = troubleWith(own, error);
  const verb = own.isRead ? "read" : "written";
  return new GuardError(
    "state",
    `${own.what} ${own.path} can't be ${verb}: ${why}. Nothing was changed.`,
    hint,
    { cause: error },
  );
}

/**
 * What the system says where a file is opened as a run opens it.
 *
 * @param path The file, which is there.
 * @param isRead Only to read it.
 * @returns What was thrown; null: it can be opened.
 */
export function refusalOf(path: string, isRead = false): unknown {
  try {
    Deno.openSync(path, { read: true, write: !isRead }).close();
    return null;
  } catch (error) {
    return error;
  }
}

function troubleWith(own: OwnFile, error: unknown): Trouble {
  const { path, key } = own;
  const folder = dirname(path);
  const elsewhere = `name a file on another local disk as ${key}`;
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
      return denied(own);
    case "EROFS":
      return {
        why: "its disk is read-only (EROFS)",
        hint: "Find out why: a disk that fails is often made read-only. Let " +
          `it be written again, or move the file away and ${elsewhere}.`,
      };
    case "ENOSPC":
    case "EDQUOT":
      return {
        why: inWords(error),
        hint: "Free space on its disk and run again: what was synced already " +
          "is recognised.",
      };
    case "ENOENT":
    case "ENOTDIR":
      return {
        why: `its folder ${folder} is not there`,
        hint: "Connect its disk or bring the folder back; make it only where " +
          "no run was ever made.",
      };
    case "EISDIR":
      return { why: "a folder stands there", hint: `Correct ${key}.` };
    default:
      return {
        why: inWords(error).replace(/\.$/, ""),
        hint: `Look at its disk, or ${elsewhere}.`,
      };
  }
}

/** Whose it is, and how it comes into the right hands. */
function denied(own: OwnFile): Trouble {
  const { path, isRead } = own;
  const folder = dirname(path);
  const found = lookAt(path);
  if (Deno.build.os === "windows") {
    const what = found === null ? `the folder ${folder}` : "it";
    return {
      why: `Windows does not let this account use ${what}`,
      hint: `Give the account that runs this full control of ${folder} and ` +
        "the files in it, and take off their read-only mark.",
    };
  }
  if (found === null) {
    const above = nearest(folder);
    return {
      why: `this account may not make files in ${above}`,
      hint: "Give the folder to the account that runs this: " +
        `${chown([above])} && chmod u+rwx ${typed(above)} ` +
        "(in a terminal of that account).",
    };
  }
  const bit = isRead ? 0o400 : 0o200;
  const mode = found.mode ?? 0;
  if ((mode & bit) === 0) {
    const octal = (mode & 0o777).toString(8);
    return {
      why: `it is protected (mode ${octal}) and belongs to ${ownerOf(found)}`,
      hint: `Let its owner use it again: chmod u+rw ${typed(path)}`,
    };
  }
  const theirs = [path, ...own.others].filter((it) => isTheirs(it, found.uid));
  return {
    why: `it belongs to ${ownerOf(found)}, and this account may not use it`,
    hint: "An earlier run was made by another account, perhaps with sudo. " +
      "Give its files to the account that runs this: " +
      `${chown([...new Set(theirs)])} (in a terminal of that account).`,
  };
}

/** The folder itself, or the nearest one above it that is there. */
function nearest(folder: string): string {
  try {
    Deno.lstatSync(folder);
    return folder;
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    return isMissing && dirname(folder) !== folder
      ? nearest(dirname(folder))
      : folder;
  }
}

function ownerOf({ uid }: Deno.FileInfo): string {
  return uid === 0 ? "root" : uid === null ? "another account" : `user ${uid}`;
}

/** Where nobody may look it is named as well: that harms nobody. */
function isTheirs(path: string, uid: number | null): boolean {
  try {
    return Deno.lstatSync(path).uid === uid;
  } catch (error) {
    return error instanceof Deno.errors.NotCapable;
  }
}

/**
 * Why nothing can be written in the program's folder of a root where the root
 * itself may be written.
 *
 * @param root Absolute path of the root.
 * @returns What it is, and what to do; null: its owner is not to blame.
 */
export function foreignFolder(
  root: string,
): { readonly says: string; readonly todo: string } | null {
  const folder = `${root}/${OWN_FOLDER}`;
  const [found, above] = [lookAt(folder), lookAt(root)];
  if (!found?.isDirectory || found.uid === null || found.uid === above?.uid) {
    return null;
  }
  return {
    says: `${folder} belongs to ${ownerOf(found)}, and this account may not ` +
      "write there",
    todo: "An earlier run was made by another account, perhaps with sudo. " +
      "Give the folder to the account that runs this: " +
      `sudo chown -R "$(id -un)" ${typed(folder)} ` +
      "(in a terminal of that account).",
  };
}

/** `$(id -un)` is the name of who types it: the shell goes before sudo. */
function chown(paths: readonly string[]): string {
  return `sudo chown "$(id -un)" ${paths.map(typed).join(" ")}`;
}

function typed(path: string): string {
  return shellQuoted(path, false) ?? `"${printable(path)}"`;
}

/** Null where it is not there, or may not be looked at. */
function lookAt(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch {
    return null;
  }
}

/**
 * The files of a log that belong together: itself, and the folder that a run
 * made for it.
 *
 * @param file Path of the log.
 */
export function logFiles(file: string): string[] {
  const folder = dirname(file);
  return basename(folder) === "logs" ? [file, folder] : [file];
}

// Which state DB a config is about, where it does not name one: the one that
// is called like the config, or one of the old name that knows these roots.

/** The part of a config that this is about. */
interface StatePlaces {
  readonly roots: Both<string>;
  readonly stateDb: string;
  readonly oldStateDb: string | null;
}

/**
 * Decides which state DB is used. A record must never be passed over: without
 * it, what was deleted comes back.
 *
 * @param config A config as it was read.
 * @returns It with the one state DB that counts.
 */
export async function withStateDb<C extends StatePlaces>(
  config: C,
): Promise<C> {
  const { stateDb, oldStateDb } = config;
  const settled = { ...config, oldStateDb: null };
  if (oldStateDb === null || !isThere(oldStateDb)) return settled;
  const { knowsRoots } = await import("./run_identify.ts");
  const roots = config.roots;
  const isMade = isThere(stateDb);
  // What can't be told of it, a guard tells.
  if (isMade && knowsRoots(stateDb, roots) !== false) return settled;
  const isKnown = knowsRoots(oldStateDb, roots) ?? !isMade;
  return isKnown ? { ...settled, stateDb: oldStateDb } : settled;
}

/** Inside walls that let it not be looked at, it is not the one. */
function isThere(file: string): boolean {
  try {
    return Deno.lstatSync(file).isFile;
  } catch (error) {
    const isWall = error instanceof Deno.errors.NotCapable;
    if (!isWall && codeOf(error) === null) throw error;
    return false;
  }
}
