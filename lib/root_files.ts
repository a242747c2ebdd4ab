/**
 * A root on disk, and the one fence around it: every path of a root goes
 * through here, is held to names below the root, and no look ever follows a
 * link out of it. Whoever asks may be mistaken, or hostile: what a path says
 * is never believed.
 *
 * @module
 */
import { isStill, metadataOf, type Traits } from "./metadata.ts";
import {
  flawIn,
  isOwnName,
  type NameRoom,
  OWN_FOLDER,
  Refused,
  utf8Length,
  whyNotSeenOnWindows,
} from "./names.ts";
import { folderOf, joinPath, keyOf, nameOf } from "./paths.ts";
import { CHANGED, codeOf, orElse, Skipped, WENT_AWAY } from "./system.ts";
import { quoted } from "./text.ts";
import type { Metadata, Side } from "./types.ts";
import type { WireRoot } from "./wire_messages.ts";

// Which paths are links. On Windows that is not what the system calls one:
// files that a cloud drive keeps elsewhere, or that a server keeps without
// what they have in common, are marked in the same way as links are, and are
// files and folders like any other all the same.

/** Said by the system where something marked so leads nowhere else. */
const LEADS_NOWHERE = /\(os error 4390\)|Unsupported reparse point type/;

/**
 * Whether a path leads somewhere else.
 *
 * @param absolute The path.
 * @param info What `lstat` gave for it.
 * @returns False only where it is certain: whatever is a link is left alone.
 *
 * @example
 * ```ts
 * import { isLink } from "./root_files.ts";
 * isLink(".", Deno.lstatSync(".")); // false
 * ```
 */
export function isLink(
  absolute: string,
  info: Pick<Deno.FileInfo, "isFile" | "isDirectory" | "isSymlink">,
): boolean {
  if (!info.isSymlink) return false;
  // A true link is neither.
  if (!info.isFile && !info.isDirectory) return true;
  try {
    Deno.readLinkSync(absolute);
    return true;
  } catch (error) {
    return !(error instanceof Error && LEADS_NOWHERE.test(error.message));
  }
}

/** What `lstat` tells of an absolute path; null where nothing is. */
export function lstatOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether a folder stands at an absolute path, and no link to one. */
export function isRealFolder(path: string): boolean {
  const info = lstatOf(path);
  return info !== null && info.isDirectory && !isLink(path, info);
}

/** Removes a file of the program's own, and never what a link leads to. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

const IS_WINDOWS = Deno.build.os === "windows";

/**
 * Requires that paths can be those of users' files, before anything is done
 * with the first of them. Of the names only: nothing is looked at.
 *
 * @throws {Refused} One of them can't.
 */
export function requirePaths(paths: readonly unknown[]): void {
  for (const path of paths) {
    const flaw = flawIn(path, IS_WINDOWS);
    if (flaw !== null) throw new Refused(path, flaw.why);
  }
}

/** What the path of a root begins with. */
const ABSOLUTE = IS_WINDOWS
  ? /^(?:[A-Za-z]:[\\/]|[\\/]{2}[^\\/?.][^\\/]*[\\/]+[^\\/])/
  : /^\//;

/**
 * Names such as systems give in place of long ones, for programs that know
 * none: `OFFICE~1`.
 */
const SHORT_NAME = /^[^.~]{1,7}~[^.~]{1,6}(?:\.[^.~]{0,3})?$/;

/** What stands at a path. */
export type Look =
  | { readonly kind: "absent" }
  | { readonly kind: "file"; readonly metadata: Metadata }
  | { readonly kind: "directory" }
  /** A link or a special file. */
  | { readonly kind: "other" };

/** What a path is only a second name of. */
export interface SecondName {
  /** The entry's own path. */
  readonly path: string;
  /** What it is and what to do about it, in words. */
  readonly why: string;
}

/** A parent folder that was looked at is not looked at again for so long. */
const PARENT_TRUST_MS = 20;

/** The longest path that the system takes, in UTF-8 bytes. */
const LONGEST_PATH = { linux: 4095, darwin: 1023 } as const;

/** One root, and what its file system does to names and times. */
export class Root {
  /** Which root. */
  readonly side: Side;
  /** Absolute path. */
  readonly path: string;
  /** Probed at the start of the run. */
  readonly traits: Traits;
  readonly #trusted = new Map<string, number>();
  /** Paths of the program's own that may be used; nothing else is wrong there. */
  readonly #admitted = new Set<string>();
  /** What stood at its path when it was first looked at. */
  readonly self: WireRoot["self"];
  /** False once the file system has shown that it has no links. */
  hasLinks = true;
  /** The most that a name may measure where longer ones were refused. */
  refusedNames: number | null = null;

  /**
   * @param path Absolute path.
   * @param self What another thread saw first; left out: what is there now.
   * @throws {Refused} The path is not absolute: what it means would depend on
   *   where the process happens to be.
   */
  constructor(
    side: Side,
    path: string,
    traits: Traits,
    self?: WireRoot["self"],
  ) {
    if (!ABSOLUTE.test(path)) throw new Refused(path, "no absolute path");
    this.side = side;
    this.path = path.replace(/(?<=.)[/\\]+$/, "");
    this.traits = traits;
    this.self = self === undefined ? statOf(this.folder("")) : self;
  }

  /**
   * The absolute path of what is in the root, for whoever acts on it: never
   * that of the root itself, and of the program's own only what was admitted.
   * It is not looked at, and nor are the folders above it.
   *
   * @throws {Refused} It is none of that.
   * @throws {Skipped} It is a second name of the program's own folder.
   */
  absolute(path: string): string {
    if (path === "") throw new Refused(path, "it is the root itself");
    this.#require(path);
    if (path.includes("~")) this.#requireNoSecondOwn(path);
    return this.#join(path);
  }

  /**
   * The same, when the folders above have been looked at.
   *
   * @throws {Skipped} One of them is no real folder of the root.
   */
  way(path: string): string {
    const absolute = this.absolute(path);
    this.#requireReal(folderOf(path));
    return absolute;
  }

  /**
   * The absolute path of a folder that is looked into or flushed, and nothing
   * else.
   *
   * @param path "" for the root itself.
   * @throws As {@linkcode absolute}.
   */
  folder(path: string): string {
    return path === "" ? this.#join(path) : this.absolute(path);
  }

  /**
   * Lets in a path of the program's own, for as long as this object lives.
   * Never one that somebody told: only those whose business it is call this,
   * with a path that they made themselves of a run, a number and a name.
   *
   * @param path A path; with a slash at its end, that of a folder, and all
   *   that is in it. What is not the program's needs no leave.
   * @returns The path, without that slash.
   * @throws {Refused} It is no path, or spells the program's names otherwise.
   */
  admit(path: string): string {
    const bare = path.endsWith("/") ? path.slice(0, -1) : path;
    const flaw = flawIn(bare, IS_WINDOWS);
    if (flaw === null) return bare;
    if (flaw.own !== "plain") throw new Refused(path, flaw.why);
    this.#admitted.add(path);
    return bare;
  }

  /**
   * The path of what a listing shows in a folder: it is there, whoever made it
   * and whatever it is called.
   *
   * @throws {Skipped} This system can't reach it by that name.
   */
  listed(folder: string, name: string): string {
    const path = joinPath(folder, name);
    const flaw = flawIn(name, IS_WINDOWS);
    if (flaw && !flaw.own) {
      throw new Skipped(whyNotSeenOnWindows(name) ?? CHANGED);
    }
    if (flawIn(path, IS_WINDOWS)?.own) this.#admitted.add(path);
    return path;
  }

  #join(path: string): string {
    if (path !== "") return `${this.path}/${path}`;
    // P: alone is the current folder of that drive.
    return this.path.endsWith(":") ? `${this.path}/` : this.path;
  }

  /** Whatever else a path is, it stays below the root. */
  #requireNames(path: string): void {
    if (this.#admitted.has(path)) return;
    const flaw = flawIn(path, IS_WINDOWS);
    if (flaw && flaw.own === null) throw new Refused(path, flaw.why);
  }

  /** Itself, or, under a name like any other, with the folder it is in. */
  #isLetIn(path: string): boolean {
    return this.#admitted.has(path) ||
      typeof path === "string" && this.#admitted.has(`${folderOf(path)}/`) &&
        flawIn(nameOf(path), IS_WINDOWS) === null;
  }

  #require(path: string): void {
    // Most are temporary names, which it would take long to look through.
    if (this.#isLetIn(path)) return;
    const flaw = flawIn(path, IS_WINDOWS);
    if (flaw && !(flaw.own && this.#isInAdmitted(path))) {
      throw new Refused(path, flaw.why);
    }
  }

  #isInAdmitted(path: string): boolean {
    for (let at = path; at !== ""; at = folderOf(at)) {
      if (this.#admitted.has(`${at}/`)) return true;
    }
    return false;
  }

  /**
   * Systems that know short names would follow one into the program's folder.
   * What `OFFICE~1` is can't be told by its name: it may be a user's folder.
   */
  #requireNoSecondOwn(path: string): void {
    const above = folderOf(path);
    if (above.includes("~")) this.#requireNoSecondOwn(above);
    if (!SHORT_NAME.test(nameOf(path))) return;
    const own = lstatOf(this.#join(joinPath(above, OWN_FOLDER)));
    const info = own && lstatOf(this.#join(path));
    if (!info || info.dev !== own.dev || info.ino !== own.ino) return;
    const second = this.#secondName(path);
    // Some servers know no ids: then the listing tells.
    if (second === null && !info.ino) return;
    throw new Skipped(second?.why ?? CHANGED);
  }

  /** What the names it holds may measure. */
  get nameRoom(): NameRoom {
    const most = Deno.build.os === "windows" ? Infinity : 255;
    return { bytes: this.refusedNames ?? most, units: 255 };
  }

  /**
   * Learns that it takes no longer names.
   *
   * @param bytes What a name may measure in UTF-8 at most.
   */
  refuseNames(bytes: number): void {
    this.refusedNames = Math.min(bytes, this.refusedNames ?? Infinity);
  }

  /**
   * What came of giving a name: Windows says of a name that a disk does not
   * take that it is not there.
   *
   * @param from What was to have it; left out: a new folder.
   * @returns The error, or a truer one.
   */
  refusal(error: unknown, path: string, from?: string): unknown {
    if (codeOf(error) !== "ENOENT" || !this.traits.hasWindowsNames) {
      return error;
    }
    try {
      const isThere = this.look(folderOf(path)).kind === "directory" &&
        (from === undefined || this.look(from).kind !== "absent");
      if (!isThere) return error;
    } catch {
      return error;
    }
    const message = error instanceof Error ? error.message : String(error);
    return Object.assign(new Error(message), { code: "ENAMETOOLONG" });
  }

  /**
   * What a name in a folder may measure in UTF-8, in bytes, before its path is
   * too long for the system.
   *
   * @param folder The folder; it may be gone.
   */
  pathRoom(folder: string): number {
    const { os } = Deno.build;
    if (os === "windows") return Infinity;
    const longest = os === "darwin" ? LONGEST_PATH.darwin : LONGEST_PATH.linux;
    return longest - utf8Length(`${this.#join(folder)}/`);
  }

  /**
   * Looks at a path, without following links.
   *
   * @throws {Skipped} A folder above it is no real folder of the root.
   */
  look(path: string): Look {
    const info = this.info(path);
    if (info === null) return { kind: "absent" };
    if (isLink(this.#join(path), info)) return { kind: "other" };
    if (info.isFile) return { kind: "file", metadata: this.metadata(info) };
    return { kind: info.isDirectory ? "directory" : "other" };
  }

  /**
   * What the system says of a path, without following links.
   *
   * @returns Null where nothing is.
   * @throws {Skipped} A folder above it is no real folder of the root.
   */
  info(path: string): Deno.FileInfo | null {
    if (path !== "") this.#require(path);
    return this.#info(path);
  }

  #info(path: string): Deno.FileInfo | null {
    this.#requireReal(folderOf(path));
    return lstatOf(this.#join(path));
  }

  /** Metadata as this root's record keeps them. */
  metadata(info: Deno.FileInfo): Metadata {
    return metadataOf(info, this.traits);
  }

  /**
   * Makes sure that a folder and all above it are folders of the root and no
   * links: path permissions are lexical, a link would lead out of them.
   *
   * RACE: a folder that is swapped for a link after this look and before the
   * call it is for leads out of the root: no call of the runtime is relative
   * to an open folder.
   *
   * @throws {Skipped} One of them is missing or something else.
   * @throws {Refused} It is no path.
   */
  requireRealFolder(folder: string): void {
    if (folder !== "") this.#requireNames(folder);
    this.#requireReal(folder);
  }

  #requireReal(folder: string): void {
    const until = this.#trusted.get(folder);
    const now = performance.now();
    if (until !== undefined && now < until) return;
    if (folder === "") this.#requireSelf();
    else {
      this.#requireReal(folderOf(folder));
      this.#requireFolder(folder);
    }
    if (this.#trusted.size > 1000) this.#trusted.clear();
    this.#trusted.set(folder, now + PARENT_TRUST_MS);
  }

  #requireFolder(folder: string): void {
    const info = lstatOf(this.#join(folder));
    if (!info?.isDirectory || isLink(this.#join(folder), info)) {
      throw new Skipped(CHANGED);
    }
    if (folder.includes("~")) this.#requireNoSecondOwn(folder);
  }

  /** Where a disk is unmounted, an empty folder takes its place. */
  #requireSelf(): void {
    const now = statOf(this.#join(""));
    const isSame = now !== null && now.dev === this.self?.dev &&
      now.ino === this.self.ino;
    if (!isSame) throw new Skipped(WENT_AWAY);
  }

  /** Forgets which folders were looked at: one of them is about to change. */
  distrust(): void {
    this.#trusted.clear();
  }

  /**
   * Looks at a file that was seen before.
   *
   * When a file on a share is closed, if only after reading, Linux may tell
   * that moment for its mtime, for a second or two. A listing of its folder
   * puts that right: so there is one before a time alone tells of an edit.
   *
   * @param look What it is looked at with, perhaps twice.
   */
  lookAgain<T extends Look | { readonly metadata: Metadata | null }>(
    path: string,
    seen: Metadata,
    look: () => T,
  ): T {
    const found = look();
    const now = "metadata" in found ? found.metadata : null;
    if (now === null || isStill(seen, now)) return found;
    const isTimeAlone = isStill({ ...seen, mtimeMs: now.mtimeMs }, now);
    if (!isTimeAlone || Deno.build.os !== "linux") return found;
    orElse([], () => [...Deno.readDirSync(this.#join(folderOf(path)))]);
    return look();
  }

  /**
   * Requires that a file is what the scan saw.
   *
   * @returns What the system says of it now.
   * @throws {Skipped} It is something else by now.
   */
  requireFile(path: string, seen: Metadata): Deno.FileInfo {
    const { info, metadata } = this.lookAgain(path, seen, () => {
      const info = this.info(path);
      const isFile = info?.isFile && !isLink(this.#join(path), info);
      return { info, metadata: isFile ? this.metadata(info) : null };
    });
    if (!info || !metadata || !isStill(seen, metadata)) {
      throw new Skipped(CHANGED);
    }
    return info;
  }

  /**
   * Requires that nothing stands at a path.
   *
   * @throws {Skipped} Something does.
   */
  requireAbsent(path: string): void {
    if (this.look(path).kind === "absent") return;
    const second = this.secondName(path);
    throw new Skipped(second === null ? CHANGED : second.why);
  }

  /**
   * Whether a path is only a second name of a given entry.
   *
   * @param entry The entry's path.
   */
  isSecondName(path: string, entry: string): boolean {
    return this.traits.hasWindowsNames && folderOf(path) === folderOf(entry) &&
      this.look(path).kind !== "absent" &&
      this.secondName(path)?.path === entry;
  }

  /**
   * Whether a path at which something was found is only a second name of an
   * entry, as Windows and FAT know `Langer Name.docx` as `LANGER~1.DOC` too: no
   * listing shows it, so no scan has seen it, and whatever is done by that name
   * is done to the entry. Lists folders: for the rare case that something
   * stands where nothing should.
   *
   * @returns The entry's path, and in words what it is and the way out; null
   *   where the path is an entry's own, or nothing is there by now.
   */
  secondName(path: string): SecondName | null {
    if (path !== "") this.#require(path);
    return this.#secondName(path);
  }

  #secondName(path: string): SecondName | null {
    const above = folderOf(path);
    if (path === "") return null;
    if (above !== "") {
      const folder = this.#secondName(above);
      if (folder !== null) return folder;
    }
    const name = nameOf(path);
    const own = keyOf(name, this.traits);
    return orElse(null, () => {
      const info = this.#info(path);
      // Where a listing was cut off, a link must not pass for a second name.
      const isLinked = info?.isFile && (info.nlink ?? 1) > 1;
      if (info === null || isLinked) return null;
      const names = [...Deno.readDirSync(this.#join(above))]
        .map((entry) => entry.name);
      if (names.some((it) => keyOf(it, this.traits) === own)) return null;
      const entry = names.find((it) => {
        const other = this.#info(joinPath(above, it));
        return other !== null && other.ino === info.ino &&
          other.dev === info.dev && other.size === info.size;
      });
      if (entry === undefined) return null;
      const where = this.side === "left" ? "Left" : "Right";
      const way = isOwnName(entry) ? "rename it" : "rename one of the two";
      const why = `on ${where} ${quoted(name)} is a second name of ` +
        `${quoted(entry)}: ${way}`;
      return { path: joinPath(above, entry), why };
    });
  }
}

/** Null for what can't be looked at. */
function statOf(path: string): Deno.FileInfo | null {
  return orElse(null, () => Deno.statSync(path));
}
