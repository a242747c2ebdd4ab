/**
 * Walks a root: hands on a listing of each folder that differs from the
 * record, and tells every path that is unknown. It makes one call after
 * another while each is quick, as synchronous calls cost a fraction of the
 * others, and many at once where each takes its time, as on a slow share. On
 * Windows a listing may tell that a folder is as recorded, without a look at
 * each of its entries.
 *
 * @module
 */
import { type Lister, type Told, windowsLister } from "./files_list_windows.ts";
import { folderIdOf, metadataOf, type ReportedFile } from "./metadata.ts";
import {
  isOwnName,
  MOVING_PREFIX,
  TEMPORARY_PREFIX,
  whyNotSeenOnWindows,
} from "./names.ts";
import { folderOf, joinPath } from "./paths.ts";
import { isLink } from "./root_files.ts";
import { codeOf, errorKind, inWords } from "./system.ts";
import type {
  Checkpoint,
  FileId,
  Metadata,
  Problem,
  ProblemKind,
} from "./types.ts";
import type { IgnorePredicate } from "./wire_ignore.ts";
import { type Listing, ListingBuilder } from "./wire_listing.ts";
import type { Leftover, ScanRequest, ScanSummary } from "./wire_messages.ts";

/** Who is told what a scan finds, and asks it to stop. */
export interface ScanListener {
  /** Takes the listing of each folder that differs. */
  handOn(listing: Listing): void;
  /** Told now and then how many files were seen so far. */
  tellFiles?(files: number): void;
  /** Called between two folders. */
  readonly checkpoint?: Checkpoint;
}

/** What is scanned. */
export interface Scan extends ScanRequest {
  /** Absolute path of the root. */
  readonly root: string;
}

/**
 * Scans a root.
 *
 * @param isIgnored What is unknown without a word.
 * @param openLister What lists folders with metadata, if anything does.
 * @throws The system's error, where the root itself can't be read; what the
 *   checkpoint throws.
 */
export async function scan(
  request: Scan,
  isIgnored: IgnorePredicate,
  listener: ScanListener,
  openLister: () => Lister | null = windowsLister,
): Promise<ScanSummary> {
  // Where nothing is recorded, it would save no look.
  using lister = request.digests.size === 0 ? null : openLister();
  return await new Scanner(request, isIgnored, listener, lister).run();
}

/** What a look gave: what stands there, or why that can't be told. */
type Look = Told | FailedLook;

class FailedLook {
  constructor(readonly error: unknown) {}
}

/** A name that is not looked at: this system would find something else. */
class BadName extends Error {}

/** A folder to look into. */
interface Folder {
  /** Below the root; `""` is the root. */
  readonly path: string;
  readonly absolute: string;
  /** Of the disk it is on. */
  readonly dev: number;
  readonly id: FileId | null;
  /** Listed already, and not as recorded: its entries are looked at. */
  readonly isListed?: boolean;
}

/** What was seen of a folder. */
interface Seen {
  /** When the look at it began, in ms since 1970. */
  readonly lookedAtMs: number;
  readonly names: readonly string[];
  /** Of each name. */
  readonly looks: readonly Look[];
  /** Most were not made: they are what a listing tells instead. */
  readonly isTold?: boolean;
  /** The look at the folder itself, after all others. */
  readonly own: Look;
}

/** Looks that tell how quick a disk is, and how many until it is asked again. */
const SAMPLES = 31;
const SAMPLED_EVERY = 8_192;

/** A look that takes longer is worth waiting for elsewhere, in ms. */
const SLOW_MS = 0.25;

/** What it costs to wait for one look and be told, in ms. */
const WAIT_MS = 0.04;

/** Calls in flight at most: no server gains by more. */
const MOST_AT_ONCE = 64;

/** Calls to the disk of a root. */
class Disk {
  /** How many calls are worth having in flight; 1: each is quick. */
  atOnce = 1;
  #samples: number[] = [];
  #looks = 0;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /** Looks at once, and learns whether that is quick. */
  look(path: string): Look {
    const isSample = this.#looks++ % SAMPLED_EVERY < SAMPLES;
    const before = isSample ? performance.now() : 0;
    let look: Look;
    try {
      look = Deno.lstatSync(path);
    } catch (error) {
      look = new FailedLook(error);
    }
    if (isSample) this.#sample(performance.now() - before);
    return look;
  }

  /** Looks when fewer than are worth it are in flight. */
  lookLater(path: string): Promise<Look> {
    return this.later<Look>(() =>
      Deno.lstat(path).catch((error) => new FailedLook(error))
    );
  }

  /** One look that takes long is chance; half of them are the disk. */
  #sample(tookMs: number): void {
    this.#samples.push(tookMs);
    if (this.#samples.length < SAMPLES) return;
    const usualMs = this.#samples.sort((a, b) => a - b)[SAMPLES >> 1] ?? 0;
    this.#samples = [];
    if (usualMs < SLOW_MS) return;
    this.atOnce = Math.min(MOST_AT_ONCE, Math.ceil(usualMs / WAIT_MS));
  }

  /** Makes a call when fewer than are worth it are in flight. */
  async later<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running >= this.atOnce) {
      await new Promise<void>((go) => this.#queue.push(go));
    } else this.#running++;
    try {
      return await call();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

class Scanner {
  readonly #request: Scan;
  readonly #isIgnored: IgnorePredicate;
  readonly #listener: ScanListener;
  readonly #lister: Lister | null;
  readonly #disk = new Disk();
  /** A list of its own instead of recursion: folders may nest deeply. */
  readonly #waiting: Folder[] = [];
  readonly #builder = new ListingBuilder();
  readonly #problems: Problem[] = [];
  readonly #leftovers: Leftover[] = [];
  #files = 0;
  #folders = 0;

  constructor(
    request: Scan,
    isIgnored: IgnorePredicate,
    listener: ScanListener,
    lister: Lister | null,
  ) {
    this.#request = request;
    this.#isIgnored = isIgnored;
    this.#listener = listener;
    this.#lister = lister;
  }

  async run(): Promise<ScanSummary> {
    const { root } = this.#request;
    const { dev } = Deno.lstatSync(root);
    this.#waiting.push({ path: "", absolute: root, dev, id: null });
    while (this.#waiting.length > 0 && this.#disk.atOnce === 1) {
      const folder = this.#waiting.pop()!;
      const told = await this.#tell(folder);
      this.#take(folder, () => told ?? this.#see(folder));
      await this.#listener.checkpoint?.();
    }
    await this.#runManyAtOnce();
    const [problems, leftovers] = [this.#problems, this.#leftovers];
    return { files: this.#files, folders: this.#folders, problems, leftovers };
  }

  /** Neither calls nor folders wait for each other. */
  async #runManyAtOnce(): Promise<void> {
    const running = new Set<Promise<void>>();
    const failures: unknown[] = [];
    while (failures.length === 0 && this.#waiting.length + running.size > 0) {
      const hasRoom = running.size < this.#disk.atOnce;
      const folder = hasRoom ? this.#waiting.pop() : undefined;
      if (folder === undefined) {
        await Promise.race(running);
        continue;
      }
      const going: Promise<void> = this.#seeLater(folder)
        .then(
          (seen) => this.#take(folder, () => seen),
          (error) =>
            this.#take(folder, () => {
              throw error;
            }),
        )
        .catch((error) => void failures.push(error))
        .finally(() => running.delete(going));
      running.add(going);
      await this.#listener.checkpoint?.();
    }
    await Promise.all(running);
    if (failures.length > 0) throw failures[0];
  }

  /**
   * What a listing tells of a folder, and looks where that does not do. Null
   * where it can't be so told, or need not: all is handed on anyway.
   */
  async #tell({ path, absolute, dev, isListed }: Folder): Promise<Seen | null> {
    const lister = this.#lister;
    if (!lister || isListed || !this.#request.digests.has(path)) return null;
    const disk = this.#disk;
    const lookedAtMs = Date.now();
    const listed = await disk.later(() => lister.list(absolute, dev));
    if (listed === null) return null;
    const look = (at: string) =>
      disk.atOnce === 1 ? disk.look(at) : disk.lookLater(at);
    const names = listed.map(({ name }) => name);
    const looks = await Promise.all(
      listed.map(({ name, told }) =>
        this.#bad(name) ??
          (this.#isEnough(path, name, told)
            ? told
            : look(`${absolute}/${name}`))
      ),
    );
    return {
      lookedAtMs,
      names,
      looks,
      own: await look(absolute),
      isTold: true,
    };
  }

  /** Of what no digest counts, how many names it has must be known. */
  #isEnough(folder: string, name: string, told: Told | null): told is Told {
    return told !== null && !isOwnName(name) &&
      !(told.isFile && this.#isIgnored(name, false, folder));
  }

  /** Null where the disk turns out to be slow: it is begun anew then. */
  #see({ absolute }: Folder): Seen | null {
    const lookedAtMs = Date.now();
    const names: string[] = [];
    for (const { name } of Deno.readDirSync(absolute)) names.push(name);
    const looks: Look[] = [];
    for (const name of names) {
      looks.push(this.#bad(name) ?? this.#disk.look(`${absolute}/${name}`));
      if (this.#disk.atOnce > 1) return null;
    }
    return { lookedAtMs, names, looks, own: this.#disk.look(absolute) };
  }

  async #seeLater(folder: Folder): Promise<Seen> {
    const told = await this.#tell(folder);
    if (told !== null) return told;
    const { absolute } = folder;
    const lookedAtMs = Date.now();
    const names = await this.#disk.later(async () => {
      const found: string[] = [];
      for await (const { name } of Deno.readDir(absolute)) found.push(name);
      return found;
    });
    const look = (path: string) => this.#disk.lookLater(path);
    const looks = await Promise.all(
      names.map((name) => this.#bad(name) ?? look(`${absolute}/${name}`)),
    );
    return { lookedAtMs, names, looks, own: await look(absolute) };
  }

  #bad(name: string): FailedLook | null {
    if (this.#request.windowsNames !== "all") return null;
    const why = whyNotSeenOnWindows(name);
    return why === null ? null : new FailedLook(new BadName(why));
  }

  /** Only the root itself must be readable; folders may come in any order. */
  #take(folder: Folder, see: () => Seen | null): void {
    try {
      const seen = see();
      // A folder that fails half-way must not be descended into.
      const next = seen === null ? [folder] : this.#folder(folder, seen);
      for (let at = next.length - 1; at >= 0; at--) {
        this.#waiting.push(next[at]!);
      }
    } catch (error) {
      const { path, id } = folder;
      if (path === "") throw error;
      this.#problem(path, unreadableKind(error), null, error, id);
    }
  }

  /** Takes what was seen of a folder; gives the folders in it. */
  #folder(folder: Folder, seen: Seen): Folder[] {
    const { names, looks, lookedAtMs, own, isTold = false } = seen;
    // First: it may be that nothing of the folder counts.
    const isChanging = this.#isChanging(own);
    const problems = this.#problems.length;
    const leftovers = this.#leftovers.length;
    const files = this.#files;
    const found: Folder[] = [];
    this.#builder.clear();
    // A file that shares its inode with a leftover has one name of its own,
    // and will have only that when the leftover is gone.
    const shared = new Set<number>();
    for (const [at, name] of names.entries()) {
      if (!isOwnName(name)) continue;
      const ino = this.#ownName(joinPath(folder.path, name), name, looks[at]!);
      if (ino !== null) shared.add(ino);
    }
    for (let at = 0; at < names.length; at++) {
      const name = names[at]!;
      if (!isOwnName(name)) {
        this.#entry(folder, name, looks[at]!, found, shared);
      }
    }
    const known = this.#request.digests.get(folder.path);
    const isAsRecorded = known === this.#builder.digest() && !isChanging;
    if (isTold && !isAsRecorded) {
      // Only looks tell what is handed on: as if it had not been seen.
      this.#problems.length = problems;
      this.#leftovers.length = leftovers;
      this.#files = files;
      return [{ ...folder, isListed: true }];
    }
    this.#folders++;
    this.#listener.tellFiles?.(this.#files);
    if (isAsRecorded) return found;
    const look = { lookedAtMs, isChanging };
    this.#listener.handOn(this.#builder.listing(folder.path, look));
    return found;
  }

  #entry(
    folder: Folder,
    name: string,
    look: Look,
    found: Folder[],
    shared: ReadonlySet<number>,
  ): void {
    // Joined only where it is needed: most entries are files.
    const path = () => joinPath(folder.path, name);
    if (look instanceof FailedLook) return this.#failed(path(), name, look);
    const ignored = this.#isIgnored(name, look.isDirectory, folder.path);
    if (ignored === true) {
      const metadata = look.isFile ? this.#metadata(look) : null;
      this.#problem(path(), "ignored", metadata);
    } else if (ignored === "junk" && look.isFile) {
      const { side } = this.#request;
      const reason = "junk by the config: ignored, and goes with its folder";
      const metadata = this.#metadata(look);
      const problem = { side, path: path(), reason, metadata, isJunk: true };
      this.#problems.push({ kind: "ignored", ...problem });
    } else if (look.isSymlink && isLink(`${folder.absolute}/${name}`, look)) {
      this.#problem(path(), "symlink", null);
    } else if (look.isFile) {
      this.#files++;
      const isAlone = look.nlink === 2 && shared.has(look.ino ?? 0);
      const metadata = this.#metadata(isAlone ? { ...look, nlink: 1 } : look);
      this.#builder.addFile(name, metadata);
    } else if (look.isDirectory) {
      const { dev } = look;
      const id = folderIdOf(look, this.#request);
      this.#builder.addDirectory(name, dev !== folder.dev, id);
      const absolute = `${folder.absolute}/${name}`;
      found.push({ path: path(), absolute, dev, id });
    } else {
      this.#problem(path(), "special", null);
    }
  }

  /** What is listed and can't be looked at. */
  #failed(path: string, name: string, { error }: FailedLook): void {
    const isMissing = errorKind(error) === "missing";
    const why = error instanceof BadName
      ? error.message
      : isMissing && this.#request.windowsNames === "missing"
      ? whyNotSeenOnWindows(name)
      : null;
    const isIgnored = this.#isIgnored(name, false, folderOf(path));
    if (why !== null) {
      const kind = isIgnored ? "ignored" : "name";
      return this.#problem(path, kind, null, new BadName(why));
    }
    // What is no Unicode is listed with a stand-in, and not found by it.
    const isBroken = name.includes("\ufffd") && isMissing;
    const kind = isBroken ? "name" : unreadableKind(error);
    // Programs make and remove files of ignored names all the time.
    const isQuiet = kind === "vanished" && isIgnored;
    this.#problem(path, isQuiet ? "ignored" : kind, null, error);
  }

  #metadata(info: ReportedFile): Metadata {
    return metadataOf(info, this.#request);
  }

  /** What is missing in a folder that changes now may be seen elsewhere. */
  #isChanging(look: Look): boolean {
    if (look instanceof FailedLook) throw look.error;
    const mtime = look.mtime?.getTime() ?? 0;
    const { tickMs, startedAtMs } = this.#request;
    // In the tick in which the scan began, before and after look the same.
    return mtime + tickMs - 1 > startedAtMs;
  }

  /**
   * Notes a leftover, and what a run of this or another PC is about to rename:
   * that is missing under its own name, but not gone.
   *
   * @returns The inode of a leftover; null for what is none.
   */
  #ownName(path: string, name: string, look: Look): number | null {
    const lower = name.toLowerCase();
    const isMoving = lower.startsWith(MOVING_PREFIX);
    if (!isMoving && !lower.startsWith(TEMPORARY_PREFIX)) {
      // That of the root itself keeps nothing.
      if (path !== name) this.#problem(path, "own", null);
      return null;
    }
    if (look instanceof FailedLook) {
      // Another PC's, gone meanwhile: nobody's concern.
      const { error } = look;
      if (error instanceof BadName || codeOf(error) !== null) return null;
      throw error;
    }
    const metadata = look.isFile ? this.#metadata(look) : null;
    if (isMoving || !look.isFile && !look.isDirectory) {
      this.#problem(path, isMoving ? "moving" : "own", metadata);
      return null;
    }
    const mtimeMs = look.mtime?.getTime() ?? 0;
    this.#leftovers.push({ path, mtimeMs, metadata });
    return look.isFile ? look.ino : null;
  }

  #problem(
    path: string,
    kind: ScannedKind | "unreadable",
    metadata: Metadata | null,
    error?: unknown,
    folderId: FileId | null = null,
  ): void {
    const { side } = this.#request;
    const reason = kind === "unreadable"
      ? inWords(error)
      : kind === "name" && error instanceof BadName
      ? error.message
      : REASONS[kind];
    this.#problems.push({ side, path, kind, reason, metadata, folderId });
  }
}

function unreadableKind(error: unknown): "vanished" | "unreadable" {
  return errorKind(error) === "missing" ? "vanished" : "unreadable";
}

type ScannedKind = Exclude<
  ProblemKind,
  "unreadable" | "elsewhere" | "mount" | "twins" | "lone" | "owner"
>;

const REASONS: Record<ScannedKind, string> = {
  ignored: "ignored by the config",
  symlink: "a symbolic link: it is neither followed nor copied",
  special: "neither a file nor a folder",
  vanished: "it vanished while the folders were being read",
  moving: "a run stopped while it gave this its other spelling: the next run " +
    "of that PC completes it; or rename it by hand",
  name: "its name is no valid Unicode: rename it",
  own: "it belongs to office-sync itself and is never synced",
};
