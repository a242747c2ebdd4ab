/**
 * What a root says of itself before a run: whether it can be read, which one
 * it is, and which run changed it last.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import { flushFolderAt, writeDurably } from "./file_ops.ts";
import { folderIdOf } from "./metadata.ts";
import {
  OWN_FOLDER,
  requireParts,
  temporaryName,
  type TemporaryOwner,
} from "./names.ts";
import { isLink, lstatOf, removeIfThere } from "./root_files.ts";
import { codeOf, inWords } from "./system.ts";
import type { Side } from "./types.ts";
import type { Identity, RealRoot } from "./wire_messages.ts";

const CALLED: Record<Side, string> = { left: "Left", right: "Right" };
const ID_PATTERN = /^[0-9a-f-]{36}$/;

/**
 * Makes sure that a root is a folder that can be read.
 *
 * @throws {GuardError} "roots".
 */
export function checkRoot(side: Side, root: string): RealRoot {
  return readingRoot(side, root, () => {
    const info = Deno.statSync(root);
    if (!info.isDirectory) {
      throw rootsGuard(
        `${side}_root "${root}" is not a folder.`,
        `Name a folder as ${side}_root in the config.`,
      );
    }
    Deno.readDirSync(root)[Symbol.iterator]().next();
    const { dev, ino } = info;
    return { path: Deno.realPathSync(root), dev, ino };
  });
}

/**
 * What is there, in words, in place of a root whose disk or share is not; null
 * where something is there, whatever it is, or may only not be looked at.
 */
export function whyAway(root: string): string | null {
  try {
    if (!Deno.statSync(root).isDirectory) return null;
    const { done } = Deno.readDirSync(root)[Symbol.iterator]().next();
    return done ? "its folder is empty" : null;
  } catch (error) {
    const code = codeOf(error);
    if (code === null) throw error;
    if (code === "ENOENT") return "it is not there";
    const isRefused = code === "EACCES" || code === "EPERM";
    return isRefused ? null : `it is out of reach (${inWords(error)})`;
  }
}

/**
 * Does something that has to do with a root and nothing else.
 *
 * @throws {GuardError} "roots": the system refuses it.
 */
export function readingRoot<T>(side: Side, root: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (codeOf(cause) === null) throw cause;
    const what = codeOf(cause) === "ENOENT"
      ? "does not exist"
      : `can't be read (${inWords(cause)})`;
    throw rootsGuard(
      `${side}_root "${root}" ${what}.`,
      "Make sure that the disk or network drive is connected, then run again; " +
        `if the folder has moved, correct ${side}_root in the config.`,
      cause,
    );
  }
}

function rootsGuard(what: string, hint: string, cause?: unknown): GuardError {
  return new GuardError("roots", `${what} Nothing was changed.`, hint, {
    cause,
  });
}

/**
 * Reads the identity of a root.
 *
 * @returns Null where the root has none yet.
 * @throws {GuardError} "identity": what stands there is none. "roots": the
 *   system refuses to tell.
 */
export function readIdentity(side: Side, root: string): Identity | null {
  const file = `${root}/${OWN_FOLDER}/root.json`;
  try {
    const info = ownFile(root, "root.json");
    if (info === null) return null;
    const id = idIn(Deno.readTextFileSync(file));
    return { id, fileId: folderIdOf(info) };
  } catch (error) {
    if (error instanceof NotOurs) throw strangeIdentity(side, file, error);
    if (codeOf(error) === null) throw error;
    // It may be in order: the system does not let anybody look.
    throw rootsGuard(
      `The identity of ${CALLED[side]}, "${file}", can't be read: ` +
        `${inWords(error)}.`,
      "Make sure that the disk or network drive is connected, and that the " +
        "account that runs office-sync may read that file; then run again.",
      error,
    );
  }
}

/** Something stands where a file of the program's own should; why, in words. */
class NotOurs extends Error {}

/**
 * A file in a root's own folder, which is never read through a link.
 *
 * @param root Absolute path of the root.
 * @param path Below the root's own folder.
 * @returns Null where it is not there.
 * @throws {NotOurs} Something else stands there, or in place of a folder
 *   above it.
 */
function ownFile(root: string, path: string): Deno.FileInfo | null {
  const names = path.split("/");
  for (let depth = 0; depth <= names.length; depth++) {
    const name = [OWN_FOLDER, ...names.slice(0, depth)].join("/");
    const info = lstatOf(`${root}/${name}`);
    if (info === null) return null;
    const what = isLink(`${root}/${name}`, info)
      ? "a link"
      : info.isDirectory
      ? "a folder"
      : info.isFile
      ? "a file"
      : "no file, but a pipe, socket or device";
    if (depth < names.length) {
      if (what !== "a folder") throw new NotOurs(`${name} is ${what}`);
    } else if (what !== "a file") throw new NotOurs(`it is ${what}`);
    else return info;
  }
  return null;
}

/** The id in the text of a `root.json`. */
function idIn(text: string): string {
  if (text.trim() === "") throw new NotOurs("it is empty");
  let said: { readonly id?: unknown } | null;
  try {
    said = JSON.parse(text);
  } catch {
    throw new NotOurs("it is damaged, for it is no JSON");
  }
  const id = said?.id;
  if (typeof id === "string" && ID_PATTERN.test(id)) return id;
  throw new NotOurs("it holds no id");
}

function strangeIdentity(
  side: Side,
  file: string,
  { message }: Error,
): GuardError {
  return new GuardError(
    "identity",
    `The identity of ${CALLED[side]}, "${file}", can't be read: ${message}. ` +
      "Nothing was changed.",
    `Bring the file back from a backup. Or, if ${CALLED[side]} is the right ` +
      "folder, move away what stands there, and run once with " +
      "--accept-roots: nothing is deleted then.",
  );
}

/**
 * Gives a root an identity, durably. Whoever finds one takes it.
 *
 * @param owner Names the temporary file.
 * @param replaces Give it a new one though it has one.
 * @throws {GuardError} "roots": the root can't be written.
 */
export function makeIdentity(
  side: Side,
  root: string,
  owner: TemporaryOwner,
  replaces: boolean,
): Identity {
  const folder = `${root}/${OWN_FOLDER}`;
  const file = `${folder}/root.json`;
  const temporary = `${folder}/${temporaryName(owner, 0)}`;
  try {
    Deno.mkdirSync(folder, { recursive: true });
    ownFile(root, "root.json");
    writeDurably(temporary, `{ "id": "${crypto.randomUUID()}" }\n`);
    try {
      if (replaces) Deno.renameSync(temporary, file);
      else placeFirst(temporary, file);
    } finally {
      removeIfThere(temporary);
    }
    flushFolderAt(folder);
    flushFolderAt(root);
  } catch (error) {
    throw new GuardError(
      "roots",
      `${CALLED[side]} "${root}" can't be written (${inWords(error)}). ` +
        "No file was changed.",
      `Give the account that runs office-sync the right to write to "${root}".`,
      { cause: error },
    );
  }
  const made = readIdentity(side, root);
  if (made) return made;
  throw strangeIdentity(side, file, new NotOurs("it vanished"));
}

/** Never over one that is there: two PCs may meet one Right at once. */
function placeFirst(temporary: string, file: string): void {
  try {
    Deno.linkSync(temporary, file);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") return;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code ?? "")) {
      throw error;
    }
    // No links here. RACE: an identity that is made right now is replaced;
    // who made it finds another one at its next run.
    if (lstatOf(file) === null) Deno.renameSync(temporary, file);
  }
}

// The number of the last run that changed something, in a file for each pair
// of roots.

/** Where a root's numbers are, below its own folder. */
const NUMBERS = "pairs";

function numberPath(pair: string): string {
  requireParts(pair);
  return `${NUMBERS}/${pair}`;
}

/**
 * Reads the number that a pair's runs gave a root.
 *
 * @returns What is wrong with it, in words; null: it has none.
 * @throws {GuardError} "roots": the system refuses to tell.
 */
export function readNumber(
  side: Side,
  root: string,
  pair: string,
): number | string | null {
  const path = numberPath(pair);
  const wrong = (what: string) => `in ${OWN_FOLDER}/${NUMBERS}: ${what}`;
  try {
    if (ownFile(root, path) === null) return null;
    const text = Deno.readTextFileSync(`${root}/${OWN_FOLDER}/${path}`).trim();
    return /^\d{1,15}$/.test(text) ? Number(text) : wrong("it is damaged");
  } catch (error) {
    if (error instanceof NotOurs) return wrong(error.message);
    if (codeOf(error) === null) throw error;
    throw rootsGuard(
      `${root}/${OWN_FOLDER}/${path}, the number of the last run on ` +
        `${CALLED[side]}, can't be read: ${inWords(error)}.`,
      "Make sure that the disk or network drive is connected, and that the " +
        "account that runs office-sync may read that file; then run again.",
      error,
    );
  }
}

/**
 * Gives a root a number. There is never half of it, and it is on disk when
 * this returns.
 *
 * @returns The number; or, in words, why it can't be given.
 */
export function giveNumber(
  root: string,
  pair: string,
  number: number,
): number | string {
  try {
    writeNumber(root, pair, number);
    return number;
  } catch (error) {
    const isSystem = error instanceof NotOurs || codeOf(error) !== null;
    if (!isSystem) throw error;
    return inWords(error);
  }
}

function writeNumber(root: string, pair: string, number: number): void {
  const path = numberPath(pair);
  // Not on the empty folder that an unmounted disk leaves.
  if (ownFile(root, "root.json") === null) {
    throw new NotOurs("the root went away");
  }
  const own = `${root}/${OWN_FOLDER}`;
  const folder = `${own}/${NUMBERS}`;
  ownFile(root, path);
  try {
    Deno.mkdirSync(folder);
    flushFolderAt(own);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  const file = `${own}/${path}`;
  const next = `${file}.new`;
  // A run that died may have left it.
  removeIfThere(next);
  writeDurably(next, `${number}\n`);
  Deno.renameSync(next, file);
  flushFolderAt(folder);
  // There a folder can't be flushed, but a file with its new name can.
  if (Deno.build.os === "windows") {
    using handle = Deno.openSync(file, { write: true });
    handle.syncSync();
  }
}
