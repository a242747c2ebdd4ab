/**
 * Walks a root: hands on a listing of each folder that differs from the
 * record, and every path that must be left alone. Runs in a worker, with the
 * synchronous file calls, which cost a fraction of the others.
 *
 * @module
 */
import { folderIdOf, metadataOf, type ReportedFile } from "./metadata.ts";
import {
  isOwnName,
  MOVING_PREFIX,
  TEMPORARY_PREFIX,
  whyNotSeenOnWindows,
} from "./names.ts";
import { joinPath } from "./paths.ts";
import { isLink } from "./root_files.ts";
import { codeOf, inWords, troubleOf } from "./system.ts";
import type { FileId, Metadata, Problem, ProblemKind, Side } from "./types.ts";
import type { IgnorePredicate } from "./wire_ignore.ts";
import { type Listing, ListingBuilder } from "./wire_listing.ts";

// Looks at what stands on a disk: one call after another while each is quick,
// many at once where each takes its time, as on a slow share.

/** What a look gave: what stands there, or why that can't be told. */
export type Look = Deno.FileInfo | FailedLook;

/** A look that failed. */
export class FailedLook {
  /** @param error What the system said. */
  constructor(readonly error: unknown) {}
}

/** A name that is not looked at: this system would find something else. */
export class BadName extends Error {
  override readonly name = "BadName";
}

/** Looks that tell how quick a disk is. */
const SAMPLES = 31;

/** Looks until it is asked again how quick the disk is. */
const SAMPLED_EVERY = 8_192;

/** A look that takes longer is worth waiting for elsewhere, in ms. */
const SLOW_MS = 0.25;

/** What it costs to wait for one look and be told, in ms. */
const WAIT_MS = 0.04;

/** Calls in flight at most: no server gains by more. */
const MOST_AT_ONCE = 64;

/** Looks at one root. */
export class Lookout {
  #samples: number[] = [];
  #looks = 0;
  #atOnce = 1;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /** Whether looks are to be waited for, many at once. */
  get isSlow(): boolean {
    return this.#atOnce > 1;
  }

  /** How many calls are worth having in flight. */
  get atOnce(): number {
    return this.#atOnce;
  }

  /**
   * Looks, and waits for it.
   *
   * @param path Absolute.
   */
  look(path: string): Look {
    if (this.#looks++ % SAMPLED_EVERY >= SAMPLES) return lookAt(path);
    const before = performance.now();
    const look = lookAt(path);
    this.#sample(performance.now() - before);
    return look;
  }

  /**
   * Looks when fewer calls than are worth it are in flight.
   *
   * @param path Absolute.
   */
  later(path: string): Promise<Look> {
    return this.#inTurn(() =>
      Deno.lstat(path).catch((error) => new FailedLook(error))
    );
  }

  /**
   * Lists a folder, in its turn.
   *
   * @param path Absolute.
   * @throws The system's error where it can't be listed.
   */
  namesLater(path: string): Promise<string[]> {
    return this.#inTurn(async () => {
      const names: string[] = [];
      for await (const { name } of Deno.readDir(path)) names.push(name);
      return names;
    });
  }

  /** One look that takes long is chance; half of them are the disk. */
  #sample(tookMs: number): void {
    this.#samples.push(tookMs);
    if (this.#samples.length < SAMPLES) return;
    const sorted = this.#samples.sort((a, b) => a - b);
    const usualMs = sorted[SAMPLES >> 1] ?? 0;
    this.#samples = [];
    if (usualMs < SLOW_MS) return;
    this.#atOnce = Math.min(MOST_AT_ONCE, Math.ceil(usualMs / WAIT_MS));
  }

  async #inTurn<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
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

/**
 * The names in a folder.
 *
 * @param path Absolute.
 * @throws The system's error where it can't be listed.
 */
export function namesIn(path: string): string[] {
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(path)) names.push(name);
  return names;
}

function lookAt(path: string): Look {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    return new FailedLook(error);
  }
}

// Walks down a root, folder by folder: looks into one after another while
// the disk is quick, into many at once where it is slow.

/** A folder to look into. */
export interface FolderToSee {
  /** Below the root; `""` is the root. */
  readonly path: string;
  readonly absolute: string;
  /** Of the disk it is on. */
  readonly dev: number;
  /** Null for the root, and where the file system has none. */
  readonly id: FileId | null;
}

/** What was seen of a folder. */
export interface SeenFolder {
  readonly folder: FolderToSee;
  /** When the look at it began, in ms since 1970. */
  readonly lookedAtMs: number;
  readonly names: readonly string[];
  /** Of each name. */
  readonly looks: readonly Look[];
  /** The look at the folder itself, after all others. */
  readonly own: Look;
}

/** Who goes along. */
export interface WalkListener {
  /**
   * Takes what was seen of a folder; folders come in any order on a slow disk.
   *
   * @param seen The folder.
   * @returns The folders in it to look into next. Where it throws, none.
   */
  take(seen: SeenFolder): readonly FolderToSee[];
  /** Why there is to be no look at a name, in words. Left out: all are seen. */
  readonly whyNoLook?: ((name: string) => string | null) | undefined;
  /** A folder below the root could not be read, or not be taken. */
  unreadable(folder: FolderToSee, error: unknown): void;
  /**
   * Called between two folders.
   *
   * @throws Whatever ends the walk.
   */
  readonly pause?: (() => Promise<void>) | undefined;
}

/**
 * Walks.
 *
 * @param root Absolute path.
 * @param listener Takes what is seen.
 * @throws The system's error, where the root itself can't be read.
 */
export async function walk(
  root: string,
  listener: WalkListener,
): Promise<void> {
  const { dev } = Deno.lstatSync(root);
  const walker = new Walker(listener);
  await walker.run({ path: "", absolute: root, dev, id: null });
}

class Walker {
  readonly #listener: WalkListener;
  readonly #lookout = new Lookout();
  /** A list of its own instead of recursion: folders may nest deeply. */
  readonly #waiting: FolderToSee[] = [];

  constructor(listener: WalkListener) {
    this.#listener = listener;
  }

  async run(root: FolderToSee): Promise<void> {
    const { pause } = this.#listener;
    this.#waiting.push(root);
    while (this.#waiting.length > 0 && !this.#lookout.isSlow) {
      this.#see(this.#waiting.pop()!);
      if (pause) await pause();
    }
    await this.#manyAtOnce();
  }

  /** Every call waits for the one before. */
  #see(folder: FolderToSee): void {
    this.#orUnreadable(folder, () => {
      const lookedAtMs = Date.now();
      const names = namesIn(folder.absolute);
      const looks: Look[] = [];
      for (const name of names) {
        const bad = this.#bad(name);
        looks.push(bad ?? this.#lookout.look(`${folder.absolute}/${name}`));
        if (!this.#lookout.isSlow) continue;
        // Nothing is lost: it is begun anew, with many calls at once.
        this.#waiting.push(folder);
        return;
      }
      const own = this.#lookout.look(folder.absolute);
      this.#take({ folder, lookedAtMs, names, looks, own });
    });
  }

  /** Neither calls nor folders wait for each other. */
  async #manyAtOnce(): Promise<void> {
    const { pause } = this.#listener;
    const running = new Set<Promise<void>>();
    let failure: { readonly error: unknown } | null = null;
    while (failure === null && this.#waiting.length + running.size > 0) {
      const hasRoom = running.size < this.#lookout.atOnce;
      const folder = hasRoom ? this.#waiting.pop() : undefined;
      if (folder === undefined) {
        await Promise.race(running);
        continue;
      }
      const going: Promise<void> = this.#seeLater(folder)
        .catch((error) => void (failure ??= { error }))
        .finally(() => running.delete(going));
      running.add(going);
      if (pause) await pause();
    }
    await Promise.all(running);
    if (failure !== null) throw (failure as { error: unknown }).error;
  }

  async #seeLater(folder: FolderToSee): Promise<void> {
    const seen = await this.#lookLater(folder).catch((error) => ({ error }));
    this.#orUnreadable(folder, () => {
      if ("error" in seen) throw seen.error;
      this.#take(seen);
    });
  }

  async #lookLater(folder: FolderToSee): Promise<SeenFolder> {
    const { absolute } = folder;
    const lookedAtMs = Date.now();
    const names = await this.#lookout.namesLater(absolute);
    const looks = await Promise.all(
      names.map((name) =>
        this.#bad(name) ?? this.#lookout.later(`${absolute}/${name}`)
      ),
    );
    const own = await this.#lookout.later(absolute);
    return { folder, lookedAtMs, names, looks, own };
  }

  #bad(name: string): FailedLook | null {
    const why = this.#listener.whyNoLook?.(name) ?? null;
    return why === null ? null : new FailedLook(new BadName(why));
  }

  /** Only then: a folder that fails half-way must not be descended into. */
  #take(seen: SeenFolder): void {
    const found = this.#listener.take(seen);
    for (let at = found.length - 1; at >= 0; at--) {
      this.#waiting.push(found[at]!);
    }
  }

  #orUnreadable(folder: FolderToSee, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (folder.path === "") throw error;
      this.#listener.unreadable(folder, error);
    }
  }
}

/** What a scan needs to know. */
export interface ScanRequest {
  readonly side: Side;
  /** Absolute path of the root. */
  readonly root: string;
  /** The root's tick, in ms. */
  readonly tickMs: number;
  /** When the run began, by the root's own clock, in ms since 1970. */
  readonly startedAtMs: number;
  /**
   * Which names can't be looked at by Windows' rules. "all" of those that
   * break them, where it is the system that keeps to them; "missing", where it
   * may be the disk. Left out: none.
   */
  readonly windowsNames?: "all" | "missing" | undefined;
  /** Digests of the recorded folders; one that agrees is not handed on. */
  readonly digests: ReadonlyMap<string, string>;
}

/** What a scan found besides the listings. */
export interface ScanSummary {
  readonly files: number;
  readonly folders: number;
  readonly problems: readonly Problem[];
  /** Temporary files of runs that died, with mtimes in ms since 1970. */
  readonly leftovers: readonly Leftover[];
}

/** A temporary file that an earlier run left. */
export interface Leftover {
  readonly path: string;
  /** In ms since 1970. */
  readonly mtimeMs: number;
  readonly metadata: Metadata;
}

/** Who is told what a scan finds, and asks it to stop. */
export interface ScanListener {
  /** Takes the listing of each folder that differs. */
  handOn(listing: Listing): void;
  /** Told now and then how many files were seen so far. */
  tellFiles?(files: number): void;
  /**
   * Called between two folders.
   *
   * @throws Whatever ends the scan.
   */
  pause?(): Promise<void>;
}

/**
 * Scans a root.
 *
 * @param request What to scan and what is known of it.
 * @param isIgnored Which names are left alone without a word.
 * @param listener Takes what is found.
 * @returns Counts, problems and leftovers.
 * @throws {Deno.errors.NotFound} The root itself can't be read.
 */
export function scan(
  request: ScanRequest,
  isIgnored: IgnorePredicate,
  listener: ScanListener,
): Promise<ScanSummary> {
  return new Scanner(request, isIgnored, listener).run();
}

class Scanner {
  readonly #request: ScanRequest;
  readonly #isIgnored: IgnorePredicate;
  readonly #listener: ScanListener;
  readonly #builder = new ListingBuilder();
  readonly #problems: Problem[] = [];
  readonly #leftovers: Leftover[] = [];
  #files = 0;
  #folders = 0;

  constructor(
    request: ScanRequest,
    isIgnored: IgnorePredicate,
    listener: ScanListener,
  ) {
    this.#request = request;
    this.#isIgnored = isIgnored;
    this.#listener = listener;
  }

  async run(): Promise<ScanSummary> {
    await walk(this.#request.root, {
      take: (seen) => this.#take(seen),
      unreadable: ({ path, id }, error) =>
        this.#problem(path, unreadableKind(error), null, error, id),
      whyNoLook: this.#request.windowsNames === "all"
        ? whyNotSeenOnWindows
        : undefined,
      pause: this.#listener.pause,
    });
    return {
      files: this.#files,
      folders: this.#folders,
      problems: this.#problems,
      leftovers: this.#leftovers,
    };
  }

  /** Takes what was seen of a folder. */
  #take(seen: SeenFolder): readonly FolderToSee[] {
    const { folder, names, looks, lookedAtMs } = seen;
    // First: it may be that nothing of the folder counts.
    const isUnsettled = this.#isUnsettled(seen.own);
    const found: FolderToSee[] = [];
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
    this.#folders++;
    this.#listener.tellFiles?.(this.#files);
    const known = this.#request.digests.get(folder.path);
    if (known === this.#builder.digest() && !isUnsettled) return found;
    const listing = this.#builder.listing(folder.path, {
      lookedAtMs,
      isUnsettled,
    });
    this.#listener.handOn(listing);
    return found;
  }

  #entry(
    folder: FolderToSee,
    name: string,
    look: Look,
    found: FolderToSee[],
    shared: ReadonlySet<number>,
  ): void {
    if (look instanceof FailedLook) {
      const error = this.#badName(name, look) ?? look.error;
      if (error instanceof BadName) {
        const kind = this.#isIgnored(name, false) ? "ignored" : "name";
        this.#problem(joinPath(folder.path, name), kind, null, error);
        return;
      }
      // What is no Unicode is listed with a stand-in, and not found by it.
      const isBroken = name.includes("\ufffd") &&
        troubleOf(error) === "missing";
      const kind = isBroken ? "name" : unreadableKind(error);
      // Programs make and remove files of such names all the time.
      const isQuiet = kind === "vanished" && this.#isIgnored(name, false);
      const path = joinPath(folder.path, name);
      this.#problem(path, isQuiet ? "ignored" : kind, null, error);
      return;
    }
    const ignored = this.#isIgnored(name, look.isDirectory);
    if (ignored === true) {
      const metadata = look.isFile ? this.#metadata(look) : null;
      this.#problem(joinPath(folder.path, name), "ignored", metadata);
    } else if (ignored === "junk" && look.isFile) {
      this.#junk(joinPath(folder.path, name), this.#metadata(look));
    } else if (look.isSymlink && isLink(`${folder.absolute}/${name}`, look)) {
      this.#problem(joinPath(folder.path, name), "symlink", null);
    } else if (look.isFile) {
      this.#files++;
      const isAlone = look.nlink === 2 && shared.has(look.ino ?? 0);
      const metadata = this.#metadata(isAlone ? { ...look, nlink: 1 } : look);
      this.#builder.addFile(name, metadata);
    } else if (look.isDirectory) {
      const id = folderIdOf(look);
      this.#builder.addDirectory(name, look.dev !== folder.dev, id);
      const path = joinPath(folder.path, name);
      const absolute = `${folder.absolute}/${name}`;
      found.push({ path, absolute, dev: look.dev, id });
    } else {
      this.#problem(joinPath(folder.path, name), "special", null);
    }
  }

  /** What is listed and not found by that name. */
  #badName(name: string, { error }: FailedLook): BadName | null {
    if (error instanceof BadName) return error;
    const isMissing = this.#request.windowsNames === "missing" &&
      troubleOf(error) === "missing";
    const why = isMissing ? whyNotSeenOnWindows(name) : null;
    return why === null ? null : new BadName(why);
  }

  #metadata(info: ReportedFile): Metadata {
    return metadataOf(info, this.#request.tickMs);
  }

  /** What is missing in a folder that changes now may be seen elsewhere. */
  #isUnsettled(look: Look): boolean {
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
      const isKnown = look.error instanceof BadName ||
        codeOf(look.error) !== null;
      if (!isKnown) throw look.error;
      return null;
    }
    if (isMoving) {
      this.#problem(path, "moving", look.isFile ? this.#metadata(look) : null);
      return null;
    }
    if (!look.isFile) {
      this.#problem(path, "own", null);
      return null;
    }
    const mtimeMs = look.mtime?.getTime() ?? 0;
    this.#leftovers.push({ path, mtimeMs, metadata: this.#metadata(look) });
    return look.ino;
  }

  #junk(path: string, metadata: Metadata): void {
    const { side } = this.#request;
    const reason = "junk by the config: ignored, and goes with its folder";
    const problem = { side, path, kind: "ignored", reason, metadata } as const;
    this.#problems.push({ ...problem, isJunk: true });
  }

  #problem(
    path: string,
    kind: ProblemKind,
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

function unreadableKind(error: unknown): ProblemKind {
  return troubleOf(error) === "missing" ? "vanished" : "unreadable";
}

const REASONS: Record<ProblemKind, string> = {
  ignored: "ignored by the config",
  symlink: "a symbolic link: it is neither followed nor copied",
  special: "neither a file nor a folder",
  unreadable: "it can't be read",
  vanished: "it vanished while the folders were being read",
  moving: "a run stopped while it gave this its other spelling: the next run " +
    "of that PC completes it; or rename it by hand",
  elsewhere: "its file stands where it is left alone",
  mount: "another disk is mounted here",
  name: "its name is no valid Unicode: rename it",
  twins: "two names are one to the other side",
  own: "it belongs to office-sync itself and is never synced",
  kept: "only one side has it",
};
