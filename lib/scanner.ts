/**
 * Walks a root: hands on a listing of each folder that differs from the
 * record, and every path that must be left alone. Runs in a worker, with the
 * synchronous file calls, which cost a fraction of the others.
 *
 * @module
 */
import { figuresOf, type ReportedFile } from "./figures.ts";
import type { IgnorePredicate } from "./ignore.ts";
import { isLink } from "./links.ts";
import { type Listing, ListingBuilder } from "./listing.ts";
import { isOwnName, MOVING_PREFIX, TEMPORARY_PREFIX } from "./names.ts";
import { joinPath } from "./paths.ts";
import { codeOf, inWords, troubleOf } from "./system_errors.ts";
import type { FileFigures, Problem, ProblemKind, Side } from "./types.ts";

/** What a scan needs to know. */
export interface ScanRequest {
  readonly side: Side;
  /** Absolute path of the root. */
  readonly root: string;
  /** The root's tick, in ms. */
  readonly tickMs: number;
  /** When the run began, by the root's own clock, in ms since 1970. */
  readonly startedAtMs: number;
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
}

/** Files between two tellings: on a slow share they take a moment. */
const TOLD_EVERY = 64;

/**
 * Scans a root.
 *
 * @param request What to scan and what is known of it.
 * @param isIgnored Which names are left alone without a word.
 * @param handOn Takes the listing of each folder that differs.
 * @param tellFiles Told now and then how many files were seen so far.
 * @returns Counts, problems and leftovers.
 * @throws {Deno.errors.NotFound} The root itself can't be read.
 */
export function scan(
  request: ScanRequest,
  isIgnored: IgnorePredicate,
  handOn: (listing: Listing) => void,
  tellFiles: (files: number) => void = () => {},
): ScanSummary {
  return new Scanner(request, isIgnored, handOn, tellFiles).run();
}

class Scanner {
  readonly #request: ScanRequest;
  readonly #isIgnored: IgnorePredicate;
  readonly #handOn: (listing: Listing) => void;
  readonly #tellFiles: (files: number) => void;
  readonly #builder = new ListingBuilder();
  readonly #problems: Problem[] = [];
  readonly #leftovers: Leftover[] = [];
  #files = 0;
  #folders = 0;

  constructor(
    request: ScanRequest,
    isIgnored: IgnorePredicate,
    handOn: (listing: Listing) => void,
    tellFiles: (files: number) => void,
  ) {
    this.#request = request;
    this.#isIgnored = isIgnored;
    this.#handOn = handOn;
    this.#tellFiles = tellFiles;
  }

  run(): ScanSummary {
    const { root } = this.#request;
    const info = Deno.lstatSync(root);
    // A list of its own instead of recursion: folders may nest deeply.
    const waiting: Waiting[] = [{ path: "", absolute: root, dev: info.dev }];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      try {
        this.#folder(next, waiting);
      } catch (error) {
        if (next.path === "") throw error;
        this.#problem(next.path, unreadableKind(error), null, error);
      }
    }
    return {
      files: this.#files,
      folders: this.#folders,
      problems: this.#problems,
      leftovers: this.#leftovers,
    };
  }

  #folder(folder: Waiting, waiting: Waiting[]): void {
    const lookedAtMs = Date.now();
    const { absolute, path } = folder;
    const found: Waiting[] = [];
    this.#builder.clear();
    const names = [...Deno.readDirSync(absolute)].map(({ name }) => name);
    // First: a file that shares its inode with a leftover has one name of its
    // own, and will have only that when the leftover is gone.
    const shared = new Set<number>();
    for (const name of names.filter(isOwnName)) {
      const ino = this.#ownName(
        joinPath(path, name),
        `${absolute}/${name}`,
        name,
      );
      if (ino !== null) shared.add(ino);
    }
    for (const name of names) {
      if (!isOwnName(name)) this.#entry(folder, name, found, shared);
    }
    const isUnsettled = this.#isUnsettled(absolute);
    this.#folders++;
    // Only now: a folder that fails half-way must not be descended into.
    waiting.push(...found.reverse());
    const known = this.#request.digests.get(path);
    if (known === this.#builder.digest() && !isUnsettled) return;
    this.#handOn(this.#builder.listing(path, { lookedAtMs, isUnsettled }));
  }

  #entry(
    folder: Waiting,
    name: string,
    found: Waiting[],
    shared: ReadonlySet<number>,
  ): void {
    const path = joinPath(folder.path, name);
    const absolute = `${folder.absolute}/${name}`;
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(absolute);
    } catch (error) {
      // What is no Unicode is listed with a stand-in, and not found by it.
      const isBroken = name.includes("\ufffd") &&
        troubleOf(error) === "missing";
      const kind = isBroken ? "name" : unreadableKind(error);
      this.#problem(path, kind, null, error);
      return;
    }
    if (this.#isIgnored(name, info.isDirectory)) {
      const figures = info.isFile ? this.#figures(info) : null;
      this.#problem(path, "ignored", figures);
    } else if (isLink(absolute, info)) {
      this.#problem(path, "symlink", null);
    } else if (info.isFile) {
      this.#files++;
      if (this.#files % TOLD_EVERY === 0) this.#tellFiles(this.#files);
      const isAlone = info.nlink === 2 && shared.has(info.ino ?? 0);
      const figures = this.#figures(isAlone ? { ...info, nlink: 1 } : info);
      this.#builder.add({ kind: "file", name, ...figures });
    } else if (info.isDirectory) {
      const isMount = info.dev !== folder.dev;
      this.#builder.add({ kind: "directory", name, isMount });
      found.push({ path, absolute, dev: info.dev });
    } else {
      this.#problem(path, "special", null);
    }
  }

  #figures(info: ReportedFile): FileFigures {
    return figuresOf(info, this.#request.tickMs);
  }

  /** What is missing in a folder that changes now may be seen elsewhere. */
  #isUnsettled(absolute: string): boolean {
    const mtime = Deno.lstatSync(absolute).mtime?.getTime() ?? 0;
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
  #ownName(path: string, absolute: string, name: string): number | null {
    const lower = name.toLowerCase();
    const isMoving = lower.startsWith(MOVING_PREFIX);
    if (!isMoving && !lower.startsWith(TEMPORARY_PREFIX)) return null;
    try {
      const info = Deno.lstatSync(absolute);
      if (isMoving) {
        this.#problem(path, "moving", info.isFile ? this.#figures(info) : null);
        return null;
      }
      const mtimeMs = info.mtime?.getTime() ?? 0;
      this.#leftovers.push({ path, mtimeMs });
      return info.ino;
    } catch (error) {
      // Another PC's, gone meanwhile: nobody's concern.
      if (codeOf(error) === null) throw error;
      return null;
    }
  }

  #problem(
    path: string,
    kind: ProblemKind,
    figures: FileFigures | null,
    error?: unknown,
  ): void {
    const { side } = this.#request;
    const reason = kind === "unreadable" ? inWords(error) : REASONS[kind];
    this.#problems.push({ side, path, kind, reason, figures });
  }
}

interface Waiting {
  readonly path: string;
  readonly absolute: string;
  readonly dev: number;
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
  moving: "a run stopped while it gave this its other spelling",
  mount: "another disk is mounted here",
  name: "its name is no valid Unicode",
  twins: "two names are one to the other side",
};
