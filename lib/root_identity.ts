/**
 * The two roots before a run: whether they can be synced at all, whether they
 * are the ones the state DB knows, and what their file systems do.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import { OWN_FOLDER, temporaryName, type TemporaryOwner } from "./names.ts";
import { isLink } from "./root_files.ts";
import { codeOf, inWords } from "./system.ts";
import {
  type Both,
  type FileId,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";

/** Identity of a root, as its `root.json` gives it. */
export interface Identity {
  /** Random. */
  readonly id: string;
  /** Of `root.json` itself: tells whether file ids can be relied on. */
  readonly fileId: FileId | null;
}

const CALLED: Record<Side, string> = { left: "Left", right: "Right" };
const ID_PATTERN = /^[0-9a-f-]{36}$/;

/**
 * Makes sure that both roots are there and apart.
 *
 * @param roots Absolute paths.
 * @throws {GuardError} "roots".
 */
export function checkRoots(roots: Both<string>): void {
  const real = {
    left: checkRoot("left", roots.left),
    right: checkRoot("right", roots.right),
  };
  if (real.left.path === real.right.path || isOneFolder(real)) {
    throw rootsGuard(
      `left_root and right_root are the same folder ("${roots.left}").`,
      "Name two different folders in the config.",
    );
  }
  for (const side of SIDES) {
    const inner = real[side].path;
    const outer = real[otherSide(side)].path;
    if (!isInside(inner, outer)) continue;
    throw rootsGuard(
      `${side}_root ("${roots[side]}") is inside ${otherSide(side)}_root ` +
        `("${roots[otherSide(side)]}").`,
      "Name two folders of which neither contains the other.",
    );
  }
}

/** A root that is there. */
export interface RealRoot {
  /** Without links in it; of a network drive that of the server. */
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/**
 * Makes sure that a root is a folder that can be read.
 *
 * @param side Which root.
 * @param root Its absolute path.
 * @throws {GuardError} "roots".
 */
export function checkRoot(side: Side, root: string): RealRoot {
  const key = `${side}_root`;
  try {
    const info = Deno.statSync(root);
    if (!info.isDirectory) {
      throw rootsGuard(
        `${key} "${root}" is not a folder.`,
        `Name a folder as ${key} in the config.`,
      );
    }
    Deno.readDirSync(root)[Symbol.iterator]().next();
    return { path: Deno.realPathSync(root), info };
  } catch (error) {
    if (error instanceof GuardError) throw error;
    throw unreadableRoot(side, root, error);
  }
}

/**
 * Does something that has to do with a root and nothing else.
 *
 * @param side Which root.
 * @param root Its absolute path.
 * @param read What to do.
 * @throws {GuardError} "roots": the system refuses it.
 */
export function readingRoot<T>(side: Side, root: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === null) throw error;
    throw unreadableRoot(side, root, error);
  }
}

function unreadableRoot(
  side: Side,
  root: string,
  cause: unknown,
): GuardError {
  const key = `${side}_root`;
  const isMissing = codeOf(cause) === "ENOENT";
  return new GuardError(
    "roots",
    `${key} "${root}" ${isMissing ? "does not exist" : "can't be read"}${
      isMissing ? "" : ` (${inWords(cause)})`
    }. Nothing was changed.`,
    "Make sure that the disk or network drive is connected, then run again; " +
      `if the folder has moved, correct ${key} in the config.`,
    { cause },
  );
}

function rootsGuard(message: string, hint: string): GuardError {
  return new GuardError("roots", `${message} Nothing was changed.`, hint);
}

function isOneFolder({ left, right }: Both<RealRoot>): boolean {
  const { ino, dev } = left.info;
  return !!ino && ino === right.info.ino && dev === right.info.dev;
}

function isInside(inner: string, outer: string): boolean {
  const folder = outer.replace(/[/\\]$/, "");
  return inner.startsWith(`${folder}/`) || inner.startsWith(`${folder}\\`);
}

/**
 * Reads the identity of a root.
 *
 * @param side Which root.
 * @param root Its absolute path.
 * @returns The identity, or null where the root has none yet.
 * @throws {GuardError} "identity": what stands there is none. "roots": the
 *   system refuses to tell.
 */
export function readIdentity(side: Side, root: string): Identity | null {
  const file = `${root}/${OWN_FOLDER}/root.json`;
  let id: string;
  let info: Deno.FileInfo | null;
  try {
    info = ownFile(root, "root.json");
    if (info === null) return null;
    id = idIn(Deno.readTextFileSync(file));
  } catch (error) {
    if (error instanceof NotOurs) {
      throw strangeIdentity(side, file, error.message);
    }
    if (codeOf(error) === null) throw error;
    throw untoldIdentity(side, file, error);
  }
  const { ino, birthtime } = info;
  const fileId = ino && birthtime
    ? { ino, birthMs: birthtime.getTime() }
    : null;
  return { id, fileId };
}

/** Something stands where a file of the program's own should; why, in words. */
export class NotOurs extends Error {}

/**
 * A file in a root's own folder, which is never read through a link.
 *
 * @param root Absolute path of the root.
 * @param path Below the root's own folder.
 * @returns Null where it is not there.
 * @throws {NotOurs} Something else stands there, or in place of a folder
 *   above it.
 */
export function ownFile(root: string, path: string): Deno.FileInfo | null {
  const parts = path.split("/");
  for (let n = 0; n < parts.length; n++) {
    const name = [OWN_FOLDER, ...parts.slice(0, n)].join("/");
    const info = lookAt(`${root}/${name}`);
    if (info === null) return null;
    const what = kindWords(`${root}/${name}`, info);
    if (what !== "a folder") throw new NotOurs(`${name} is ${what}`);
  }
  const file = `${root}/${OWN_FOLDER}/${path}`;
  const info = lookAt(file);
  const what = info && kindWords(file, info);
  if (what !== null && what !== "a file") throw new NotOurs(`it is ${what}`);
  return info;
}

function lookAt(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function kindWords(path: string, info: Deno.FileInfo): string {
  if (isLink(path, info)) return "a link";
  if (info.isDirectory) return "a folder";
  return info.isFile ? "a file" : "no file, but a pipe, socket or device";
}

/** The id in the text of a `root.json`. */
function idIn(text: string): string {
  if (text.trim() === "") throw new NotOurs("it is empty");
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    throw new NotOurs("it is damaged, for it is no JSON");
  }
  const id = said !== null && typeof said === "object" && "id" in said
    ? said.id
    : null;
  if (typeof id === "string" && ID_PATTERN.test(id)) return id;
  throw new NotOurs("it holds no id");
}

function strangeIdentity(side: Side, file: string, why: string): GuardError {
  return new GuardError(
    "identity",
    `The identity of ${CALLED[side]}, "${file}", can't be read: ${why}. ` +
      "Nothing was changed.",
    `Bring the file back from a backup. Or, if ${CALLED[side]} is the right ` +
      "folder, move away what stands there, and run once with " +
      "--accept-roots: nothing is deleted then.",
  );
}

/** It may be in order: the system does not let anybody look. */
function untoldIdentity(side: Side, file: string, cause: unknown): GuardError {
  return new GuardError(
    "roots",
    `The identity of ${CALLED[side]}, "${file}", can't be read: ` +
      `${inWords(cause)}. Nothing was changed.`,
    "Make sure that the disk or network drive is connected, and that the " +
      "account that runs office-sync may read that file; then run again.",
    { cause },
  );
}

/**
 * Gives a root an identity, durably. Whoever finds one takes it.
 *
 * @param side Which root.
 * @param root Its absolute path.
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
    writeDurably(temporary, `{ "id": "${crypto.randomUUID()}" }\n`);
    try {
      if (replaces) Deno.renameSync(temporary, file);
      else placeFirst(temporary, file);
    } finally {
      removeIfThere(temporary);
    }
    flushFolder(folder);
    flushFolder(root);
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
  if (made === null) throw strangeIdentity(side, file, "it vanished");
  return made;
}

/**
 * Writes a new file, and flushes it.
 *
 * @param path Where nothing is yet.
 * @param text What is to be in it.
 */
export function writeDurably(path: string, text: string): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncSync();
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
    // No links here. A file that is there is kept.
    if (!isThere(file)) Deno.renameSync(temporary, file);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Removes a file, and never what a link leads to. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** Has the names in a folder written to disk, where the system can. */
export function flushFolder(folder: string): void {
  if (Deno.build.os === "windows") return;
  using handle = Deno.openSync(folder, { read: true });
  try {
    handle.syncSync();
  } catch (error) {
    if (codeOf(error) !== "EINVAL") throw error;
  }
}
