/**
 * The program's own files (state DB, its lock, log): what keeps a run from
 * using one of them, told so that a person knows what to do. The system says
 * "permission denied" for a dozen different things; the commonest is that a
 * first run was made with sudo, and its files belong to root.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import { OWN_FOLDER } from "./names.ts";
import { rulesOf } from "./paths.ts";
import { codeOf, inWords } from "./system.ts";
import { printable, shellQuoted } from "./text.ts";

/** A file of the program. */
export interface OwnFile {
  /** Such as "The state DB". */
  readonly what: string;
  readonly path: string;
  /** The config's key that names it, or the file that it stands beside. */
  readonly key: "state_db" | "logging.file";
  /** Others of the program, which it is the same with more often than not. */
  readonly others: readonly string[];
  /** It was only to be read. */
  readonly isRead?: boolean;
}

/**
 * What keeps the program from using a file, as the guard "state".
 *
 * @param error What the system said.
 * @param todo What to do about it, where that is not what it is otherwise.
 */
export function cantUse(
  own: OwnFile,
  error: unknown,
  todo?: string,
): GuardError {
  const [why, hint] = reasonFor(own, error);
  const verb = own.isRead ? "read" : "written";
  return new GuardError(
    "state",
    `${own.what} ${own.path} can't be ${verb}: ${why}. Nothing was changed.`,
    todo ?? hint,
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

/** What is wrong, as the end of a sentence, and what to do about it. */
type Reason = readonly [why: string, hint: string];

function reasonFor(own: OwnFile, error: unknown): Reason {
  const { path, key } = own;
  const elsewhere = `name a file on another local disk as ${key}`;
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
      return denied(own);
    case "EROFS":
      return [
        "its disk is read-only (EROFS)",
        "Find out why: a disk that fails is often made read-only. Let it be " +
        `written again, or move the file away and ${elsewhere}.`,
      ];
    case "ENOSPC":
    case "EDQUOT":
      return [
        inWords(error),
        "Free space on its disk and run again: what was synced already is " +
        "recognised.",
      ];
    case "ENOENT":
    case "ENOTDIR":
      return [
        `its folder ${rulesOf(path).dirname(path)} is not there`,
        "Connect its disk or bring the folder back; make it only where no run " +
        "was ever made.",
      ];
    case "EISDIR":
      return ["a folder stands there", `Correct ${key}.`];
    default:
      return [
        inWords(error).replace(/\.$/, ""),
        `Look at its disk, or ${elsewhere}.`,
      ];
  }
}

/** Whose it is, and how it comes into the right hands. */
function denied({ path, isRead, others }: OwnFile): Reason {
  const folder = rulesOf(path).dirname(path);
  const found = lookAt(path);
  if (Deno.build.os === "windows") {
    const what = found === null ? `the folder ${folder}` : "it";
    return [
      `Windows does not let this account use ${what}`,
      `Give the account that runs this full control of ${folder} and the ` +
      "files in it, and take off their read-only mark.",
    ];
  }
  if (found === null) {
    const above = nearest(folder);
    return [
      `this account may not make files in ${above}`,
      "Give the folder to the account that runs this: " +
      `${chown([above])} && chmod u+rwx ${typed(above)} ` +
      "(in a terminal of that account).",
    ];
  }
  const mode = found.mode ?? 0;
  if ((mode & (isRead ? 0o400 : 0o200)) === 0) {
    const octal = (mode & 0o777).toString(8);
    return [
      `it is protected (mode ${octal}) and belongs to ${ownerOf(found)}`,
      `Let its owner use it again: chmod u+rw ${typed(path)}`,
    ];
  }
  const theirs = [path, ...others].filter((it) => {
    try {
      return Deno.lstatSync(it).uid === found.uid;
    } catch (error) {
      // Where nobody may look it is named as well: that harms nobody.
      return error instanceof Deno.errors.NotCapable;
    }
  });
  return [
    `it belongs to ${ownerOf(found)}, and this account may not use it`,
    "An earlier run was made by another account, perhaps with sudo. Give its " +
    "files to the account that runs this: " +
    `${chown([...new Set(theirs)])} (in a terminal of that account).`,
  ];
}

/** The folder itself, or the nearest one above it that is there. */
function nearest(folder: string): string {
  try {
    Deno.lstatSync(folder);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    const above = rulesOf(folder).dirname(folder);
    if (isMissing && above !== folder) return nearest(above);
  }
  return folder;
}

function ownerOf({ uid }: Pick<Deno.FileInfo, "uid">): string {
  return uid === 0 ? "root" : uid === null ? "another account" : `user ${uid}`;
}

/**
 * Says that the program's folder of a root is another account's.
 *
 * @param root Absolute path of the root.
 * @param uid That account's number.
 * @returns What it is, and what to do.
 */
export function foreignFolder(
  root: string,
  uid: number,
): { readonly says: string; readonly todo: string } {
  const folder = `${root}/${OWN_FOLDER}`;
  return {
    says:
      `${folder} belongs to ${ownerOf({ uid })}, and this account may not ` +
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
  const { basename, dirname } = rulesOf(file);
  const folder = dirname(file);
  return basename(folder) === "logs" ? [file, folder] : [file];
}
