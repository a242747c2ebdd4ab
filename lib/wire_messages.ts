/**
 * What the threads of the files' world are told and tell: scans, and batches
 * of copies and what became of them, as plain data in columns. One list of
 * numbers for all of a batch costs a fraction of an object for each copy.
 *
 * @module
 */
import {
  GuardError,
  type GuardName,
  InterruptedError,
  type StopSignal,
} from "./errors.ts";
import { isFresh, type Traits } from "./metadata.ts";
import type { DeletedFolder, TemporaryOwner } from "./names.ts";
import type { Owner } from "./owner_files.ts";
import {
  type Answer,
  halfOf,
  type Question,
  type RecordChange,
  type Work,
} from "./plan_types.ts";
import { Skipped } from "./system.ts";
import type {
  Both,
  FileId,
  FileRow,
  Metadata,
  Move,
  Problem,
  RecordedHalf,
  Side,
} from "./types.ts";
import type { IgnoreSettings } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";

/** What a scan needs to know. */
export interface ScanRequest extends OnRoot {
  /** The root's tick, in ms. */
  readonly tickMs: number;
  /** False: the ids that the root tells are none. Left out: they are. */
  readonly hasIds?: boolean | undefined;
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
  /** Temporary files of runs that died. */
  readonly leftovers: readonly Leftover[];
}

/** A temporary file, or a folder of them, that an earlier run left. */
export interface Leftover {
  readonly path: string;
  /** In ms since 1970. */
  readonly mtimeMs: number;
  /** Null: a folder that was being filled. */
  readonly metadata: Metadata | null;
}

// Acting: a batch of actions, and what became of each.

/** What the engine knows of a root, and tells with each request that needs it. */
export interface WireRoot {
  readonly traits: Traits;
  /** Tells the folder at its path from another one. */
  readonly self: { readonly dev: number; readonly ino: number | null } | null;
  /** The most that a name may measure where longer ones were refused. */
  readonly refusedNames: number | null;
}

/** A batch of actions. */
export interface ActBatch {
  readonly wire: Both<WireRoot>;
  /** The ids that both roots have to show still; null: any will do. */
  readonly ids: Both<string | null>;
  /** Names temporary files. */
  readonly owner: TemporaryOwner;
  /** When the run began, in ms since 1970: names its soft-delete folder. */
  readonly startedAtMs: number;
  /** Copies to new names that build on nothing in the batch: most are. */
  readonly copies: CopyColumns;
  /** All others; between them, the copies stand in their order. */
  readonly orders: readonly ActOrder[];
  /** So long after it began, the batch begins nothing more, in ms. */
  readonly forMs: number;
  /** Disks without room: no copy goes there. */
  readonly full: readonly string[];
  /** Copies that are not wanted any more. */
  readonly drops: readonly Aside[];
  /** Folders to be filled aside: the run made them, and nothing is in them. */
  readonly fills: readonly NewFolder[];
}

/** A folder that the run made. */
export interface NewFolder {
  readonly side: Side;
  readonly path: string;
  readonly id: FileId;
}

/** Work that files are needed for. */
export type FilesWork = Exclude<
  Work,
  { readonly kind: "record" | "none" }
>;

/** An action, with all that it takes. */
export interface ActOrder {
  /** Its position in the batch. */
  readonly at: number;
  readonly work: FilesWork;
  /** Positions in the batch of what it builds on. */
  readonly needs: readonly number[];
  /** Whether the batch may end before it: nothing else is left half done. */
  readonly mayWait: boolean;
  /** The row that this run wrote for the path that it builds on. */
  readonly row: FileRow | null;
  /** Makes the name in the middle of a rename that needs two steps. */
  readonly mark: string | null;
  /** Of a copy's temporary name. */
  readonly number: number;
  /** The copy, where it was made before and its place was busy. */
  readonly copied: Made | null;
}

/** A copy that is written aside on a side. */
export interface Aside {
  readonly side: Side;
  /** What it is a copy of. */
  readonly path: string;
  /** Of its temporary name. */
  readonly number: number;
  /** Made for it, the deepest first. */
  readonly folders: readonly string[];
}

/** What was seen of a copy and its source when it was made. */
export interface Made {
  /** What the look after reading saw of the source. */
  readonly source: Metadata;
  /** Of the copy, as the disk reports them. */
  readonly metadata: Metadata;
  /** When that look began, in ms since 1970. */
  readonly lookedAtMs: number;
  readonly hash: string | null;
  /**
   * Folders above it that were made for what is brought back, the deepest
   * first. Left out: none.
   */
  readonly folders?: readonly string[];
}

/**
 * The row of a path that both sides have now.
 *
 * @param traits Of both roots.
 */
export function rowOf(
  { from, path, keepsHash }: Pick<CopyTask, "from" | "path" | "keepsHash">,
  { source, metadata, lookedAtMs, hash }: Made,
  traits: Both<Traits>,
): FileRow {
  const half = (side: Side): RecordedHalf => {
    const now = side === from ? source : metadata;
    const isUnsure = isFresh(now.mtimeMs, lookedAtMs, traits[side]);
    return halfOf(now, isUnsure && hash !== null);
  };
  const [left, right] = [half("left"), half("right")];
  const isNeeded = keepsHash || left.isFresh || right.isFresh;
  return { path, left, right, hash: isNeeded ? hash : null };
}

/** What became of a batch: what is told is on disk, folders included. */
export interface ActReply {
  /** The copies that were made. */
  readonly made: MadeColumns;
  /**
   * What became of all others, by position in the batch. What is not among
   * them was not begun.
   */
  readonly told: readonly (readonly [position: number, became: Became])[];
  /** A root went away: nothing that was done may be recorded. */
  readonly isAway: boolean;
  /** The run is to end. */
  readonly isStopped: boolean;
  /** Disks that turned out to be full. */
  readonly full: readonly string[];
  /** Folders that were filled aside, which are others now, with their ids. */
  readonly filled: readonly NewFolder[];
  /** Files that other disks have now, which are other files to the system. */
  readonly crossed: readonly Crossed[];
  /** The most that a name may measure, where longer ones were refused. */
  readonly refusedNames: Both<number | null>;
}

/** A file that a rename copied to another disk of its root. */
export interface Crossed {
  readonly side: Side;
  readonly path: string;
  readonly metadata: Metadata;
}

/** What became of an action. */
export type Became =
  | {
    readonly kind: "done";
    /** What the record has to learn. */
    readonly changes: readonly RecordChange[];
    /** Where a soft-deleted file is now, below its root. */
    readonly softDeletedPath: string | null;
    /** Anything a person should know besides. */
    readonly note: string | null;
    /** Why only a part of it was done, in words; null: all of it was. */
    readonly left: string | null;
  }
  | {
    readonly kind: "failed";
    readonly error: WireError;
    /** In words, with what a person can do about it. */
    readonly why: string;
    /** The copy, which is made and whose place was busy; null for none. */
    readonly copied: Made | null;
  }
  /** What it builds on was not done. */
  | { readonly kind: "waits" }
  /** It takes a name in the middle; nothing is done yet. */
  | { readonly kind: "two-steps" };

/** A copy to be made. */
export interface CopyTask extends
  Pick<
    Work & { readonly kind: "copy" },
    "from" | "path" | "source" | "target" | "mode" | "keepsHash"
  > {
  /** Of its temporary name. */
  readonly number: number;
}

/** Copies to new names, in columns. */
export interface CopyColumns {
  readonly paths: readonly string[];
  /** Of all copies, one after the other. */
  readonly numbers: Float64Array;
}

/** Copies that were made, in columns; those that were not are left empty. */
export interface MadeColumns {
  readonly hashes: readonly (string | null)[];
  readonly numbers: Float64Array;
}

/** Numbers of a file's metadata, of a copy, and of one that was made. */
const METADATA = 5;
export const COPY_NUMBERS: number = 4 + METADATA;
const MADE = 1 + 2 * METADATA;

/** What stands for null is no number: none of them can be that. */
function put(numbers: Float64Array, at: number, metadata: Metadata): void {
  const { sizeBytes, mtimeMs, mode, id } = metadata;
  numbers[at] = sizeBytes;
  numbers[at + 1] = mtimeMs;
  numbers[at + 2] = mode;
  numbers[at + 3] = id?.ino ?? NaN;
  numbers[at + 4] = id?.birthMs ?? NaN;
}

function metadataAt(numbers: Float64Array, at: number): Metadata {
  const ino = numbers[at + 3]!;
  return {
    sizeBytes: numbers[at]!,
    mtimeMs: numbers[at + 1]!,
    mode: numbers[at + 2]!,
    id: Number.isNaN(ino) ? null : { ino, birthMs: numbers[at + 4]! },
  };
}

/** Packs copies to new names. */
export function packCopies(tasks: readonly CopyTask[]): CopyColumns {
  const numbers = new Float64Array(tasks.length * COPY_NUMBERS);
  for (const [n, task] of tasks.entries()) {
    const { from, keepsHash, mode, number, source } = task;
    const at = n * COPY_NUMBERS;
    numbers[at] = Number(from === "right");
    numbers[at + 1] = Number(keepsHash);
    numbers[at + 2] = mode ?? NaN;
    numbers[at + 3] = number;
    put(numbers, at + 4, source);
  }
  return { paths: tasks.map(({ path }) => path), numbers };
}

/** The copies that were packed. */
export function unpackCopies({ paths, numbers }: CopyColumns): CopyTask[] {
  return paths.map((path, n) => {
    const at = n * COPY_NUMBERS;
    const mode = numbers[at + 2]!;
    return {
      from: numbers[at] === 1 ? "right" : "left",
      path,
      number: numbers[at + 3]!,
      source: metadataAt(numbers, at + 4),
      target: null,
      mode: Number.isNaN(mode) ? null : mode,
      keepsHash: numbers[at + 1] === 1,
    };
  });
}

/** Packs copies that were made; null stands for one that was not. */
export function packMade(made: readonly (Made | null)[]): MadeColumns {
  const numbers = new Float64Array(made.length * MADE).fill(NaN);
  for (const [n, it] of made.entries()) {
    if (it === null) continue;
    numbers[n * MADE] = it.lookedAtMs;
    put(numbers, n * MADE + 1, it.source);
    put(numbers, n * MADE + 1 + METADATA, it.metadata);
  }
  return { hashes: made.map((it) => it?.hash ?? null), numbers };
}

/** The copies that were made. */
export function unpackMade({ hashes, numbers }: MadeColumns): (Made | null)[] {
  return hashes.map((hash, n) => {
    const at = n * MADE;
    const lookedAtMs = numbers[at]!;
    if (Number.isNaN(lookedAtMs)) return null;
    const source = metadataAt(numbers, at + 1);
    const metadata = metadataAt(numbers, at + 1 + METADATA);
    return { source, metadata, lookedAtMs, hash };
  });
}

// Errors, as data.

/** An error as it crosses. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly guard: GuardName | undefined;
  readonly hint: string | null | undefined;
  readonly signal: StopSignal | undefined;
  readonly cause: WireError | undefined;
}

/** An error as plain data, and back: of the classes that callers tell apart. */
export function errorToWire(error: unknown): WireError {
  const it = error instanceof Error ? error : new Error(String(error));
  const { code } = it as { readonly code?: unknown };
  return {
    name: it.name,
    message: it.message,
    stack: it.stack,
    code: typeof code === "string" ? code : undefined,
    guard: it instanceof GuardError ? it.guard : undefined,
    hint: it instanceof GuardError ? it.hint : undefined,
    signal: it instanceof InterruptedError ? it.signal : undefined,
    cause: it.cause === undefined ? undefined : errorToWire(it.cause),
  };
}

/** The error that {@linkcode errorToWire} made data of. */
export function errorFromWire(wire: WireError): Error {
  const { name, message, stack, code, guard, hint, signal } = wire;
  const cause = wire.cause && errorFromWire(wire.cause);
  if (signal !== undefined) return new InterruptedError(signal);
  const options = cause === undefined ? {} : { cause };
  const error = guard !== undefined
    ? new GuardError(guard, message, hint ?? "", options)
    : name === "Skipped"
    ? new Skipped(message, options)
    : new Error(message, options);
  if (error.name !== name) Object.assign(error, { name });
  if (code !== undefined) Object.assign(error, { code });
  if (stack !== undefined) error.stack = stack;
  return error;
}

// What the engine asks of the files' world: for each kind of request what is
// asked, what is told piece by piece before the end, and what is given.

/** A request about one root. */
export interface OnRoot {
  readonly side: Side;
}

/** A root that is there. */
export interface RealRoot {
  /** Without links in it; of a network drive that of the server. */
  readonly path: string;
  readonly dev: number;
  /** Null or 0 where the system tells none. */
  readonly ino: number | null;
}

/** Identity of a root, as its `root.json` gives it. */
export interface Identity {
  /** Random. */
  readonly id: string;
  /** Of `root.json` itself: tells whether file ids can be relied on. */
  readonly fileId: FileId | null;
}

/** What a probe found. */
export interface Probe {
  readonly traits: Traits;
  /** When the probe was made, by the root's own clock, in ms since 1970. */
  readonly startedAtMs: number;
  /** What a call that changes something takes there at least, in ms. */
  readonly callMs: number;
}

/** What is known of a root when a run begins to look into it. */
export interface Probed extends Probe {
  /** Whether a file was tried; if not, the traits are as good as any. */
  readonly isTried: boolean;
  /**
   * Whose the program's own folder is, where that is why nothing could be
   * tried: the owner's number; null: another reason, or none.
   */
  readonly foreignOwner: number | null;
  /** What a name may measure at most, in bytes. */
  readonly nameBytes: number;
  /** The same, where that is less than usual; null: it is not. */
  readonly refusedNames: number | null;
  /** What a path below the root may measure at most, in bytes. */
  readonly pathBytes: number;
  /** Temporary files of this pair in the program's own folder. */
  readonly leftovers: readonly string[];
}

/** What stands at a path; null: nothing. */
export type Looked =
  | {
    readonly kind: "file";
    readonly metadata: Metadata;
    readonly second: string | null;
  }
  | {
    /** Of others: a link or a special file. */
    readonly kind: "directory" | "other";
    /** Why the path is only a second name, in words; null: it is not. */
    readonly second: string | null;
  }
  /** A folder above it is no real folder of the root, or the system refuses. */
  | { readonly kind: "gone" | "refused"; readonly why: string }
  | null;

/** What became of a rename in two steps that a run did not end. */
export interface MoveState {
  /** What keeps it from being completed, in words; null: nothing. */
  readonly why: string | null;
  /** Of a folder's rename, which has one step: it was made. */
  readonly isMade: boolean;
}

/** A run's folder below the soft-delete folder. */
export interface RunFolder extends DeletedFolder {
  readonly name: string;
  /** Below the root. */
  readonly path: string;
}

/** A soft-deleted file. */
export interface SoftDeleted {
  /** Where it is, below the root. */
  readonly softDeletedPath: string;
  /** The path it had. */
  readonly path: string;
  readonly metadata: Metadata;
}

/** A run's folder, with what is in it. */
export interface DeletedRun extends RunFolder {
  /** Of the folder, in ms since 1970. */
  readonly mtimeMs: number;
  /** None where they were not asked for. */
  readonly files: readonly SoftDeleted[];
}

/** What lies in a root's soft-delete folder. */
export interface Deleted {
  /** Oldest first. */
  readonly runs: readonly DeletedRun[];
  /** What can't be looked into, and why. */
  readonly unreadable: readonly Unusable[];
}

/** A path with which something can't be done, and why not, in words. */
export interface Unusable {
  readonly path: string;
  readonly why: string;
}

/** What was removed for good. */
export interface Pruned {
  readonly files: number;
  readonly bytes: number;
  /** How many paths could not be removed. */
  readonly failed: number;
  /** The first of them. */
  readonly first: Unusable | null;
}

/** What came of trying a root out as a run uses it. */
export interface Rehearsed {
  /** Null: no file could be written. */
  readonly probe: Probe | null;
  /** As in {@linkcode Probed}. */
  readonly foreignOwner: number | null;
}

/** The file system that a root is on. */
export interface FileSystem {
  /** Its number, on Linux. */
  readonly type: number;
  readonly freeBytes: number;
  readonly allBytes: number;
}

/** The most that is shown of a file: of a larger one nothing is. */
export const SHOWN_BYTES = 1024 * 1024;

/** What is in a file, or, in words, why that can't be shown. */
export type Shown = { readonly bytes: Uint8Array } | { readonly why: string };

/** What is asked, what is given, and what is told before that. */
export interface Request<Asks, Gives, Part = never> {
  readonly asks: Asks;
  readonly gives: Gives;
  readonly part: Part;
}

/** All requests there are. */
export interface Requests {
  /** Makes sure that a root is a folder that can be read. */
  readonly check: Request<OnRoot, RealRoot>;
  /** Tells what is there, in words, in place of a root that is away; else null. */
  readonly away: Request<OnRoot, string | null>;
  /** Reads a root's identity; null: it has none yet. */
  readonly identity: Request<OnRoot, Identity | null>;
  /** Gives a root an identity. */
  readonly introduce: Request<
    OnRoot & {
      /** Names the temporary file. */
      readonly owner: TemporaryOwner;
      /** Give it a new one though it has one. */
      readonly replaces: boolean;
    },
    Identity
  >;
  /**
   * Reads the number of the last run that changed something, or gives a root
   * that of this one. Gives it, or, in words, why it can't be told or given;
   * null: it has none.
   */
  readonly number: Request<
    OnRoot & {
      readonly pair: string;
      /** Null: only read it. */
      readonly give: number | null;
    },
    number | string | null
  >;
  /** Finds out what a root's file system does. */
  readonly probe: Request<
    OnRoot & {
      /** Names the files that are tried; null: nothing may be written. */
      readonly owner: TemporaryOwner | null;
      /** What is known where nothing can be tried; null: a look must do. */
      readonly traits: Traits | null;
      /** What a name may measure, as far as it is known; null: find out. */
      readonly nameBytes: number | null;
    },
    Probed
  >;
  /** Looks at paths, without following links. */
  readonly looks: Request<
    OnRoot & {
      readonly root: WireRoot;
      readonly paths: readonly string[];
      /** Tell second names: each path that is there is looked for in a list. */
      readonly wantsSecond: boolean;
    },
    readonly Looked[]
  >;
  /** Reads files, to answer what decisions depend on. */
  readonly answer: Request<
    {
      readonly roots: Both<WireRoot>;
      readonly questions: readonly Question[];
    },
    readonly Answer[]
  >;
  /** Reads owner files: who has their documents open. */
  readonly owners: Request<
    OnRoot & { readonly root: WireRoot; readonly paths: readonly string[] },
    /** Null: there is no such file. */
    readonly (Owner | null)[]
  >;
  /** Removes temporary files that runs have left. */
  readonly leftovers: Request<
    OnRoot & { readonly root: WireRoot; readonly paths: readonly string[] },
    null
  >;
  /** Completes renames in two steps. */
  readonly moves: Request<
    OnRoot & {
      readonly root: WireRoot;
      readonly moves: readonly Move[];
      /** Nothing is to be changed: only tell which ones would be. */
      readonly isPlan: boolean;
    },
    readonly MoveState[]
  >;
  /** Lists what was soft-deleted. */
  readonly deleted: Request<
    OnRoot & { readonly root: WireRoot; readonly wantsFiles: boolean },
    Deleted
  >;
  /** Removes for good what some runs have soft-deleted. */
  readonly prune: Request<
    OnRoot & {
      readonly root: WireRoot;
      /** Names of their folders. */
      readonly runs: readonly string[];
    },
    Pruned
  >;
  /** Writes, dates, copies and removes a file of the program's own. */
  readonly rehearse: Request<
    OnRoot & { readonly owner: TemporaryOwner },
    Rehearsed
  >;
  /** Asks what disk a root is on; null: the system does not tell. */
  readonly space: Request<OnRoot, FileSystem | null>;
  /** Lists a root: tells each folder that is not as recorded. */
  readonly scan: Request<
    ScanRequest & { readonly ignore: IgnoreSettings },
    ScanSummary,
    readonly Listing[]
  >;
  /** Carries out a batch of actions. */
  readonly act: Request<ActBatch, ActReply>;
  /** Shows what is in a file, if it is still what was seen. */
  readonly show: Request<
    OnRoot & {
      readonly root: WireRoot;
      readonly path: string;
      readonly metadata: Metadata;
    },
    Shown
  >;
}

/** The name of a request. */
export type RequestKind = keyof Requests;

/** What a thread of the files' world is for: to look, to act, or to show. */
export type FilesKind = "look" | "act" | "show";

/** What such a thread is started with, by the main thread. */
export interface FilesBegin {
  /** Leads to the engine. */
  readonly port: MessagePort;
  /** Absolute paths. The engine never says them: nobody can name others. */
  readonly roots: Both<string>;
  /** Of {@linkcode SharedState}. */
  readonly buffer: SharedArrayBuffer;
}

/** A root that Deno's permissions can't hold. */
export interface NetworkRoot {
  readonly side: Side;
  /** As the config names it. */
  readonly root: string;
  /** Server and share; null where the system does not tell. */
  readonly share: string | null;
}

/** What holds the threads that touch files to the two roots. */
export interface Walls {
  /** Deno's permissions; or the fence alone, where those would have to be all. */
  readonly by: "permissions" | "fence";
  readonly network: readonly NetworkRoot[];
}

/** Where the stop and the counters are, in shared memory. */
const STOP = 0;
const SIGNALS: readonly StopSignal[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGBREAK",
];

/**
 * What all threads of a run share: whether it is to stop, and how far it is.
 * Nobody sends either: it is read wherever a run can be interrupted, and
 * counted where the work is done.
 */
export class SharedState {
  /** To be handed to other threads. */
  readonly buffer: SharedArrayBuffer;
  readonly #stop: Int32Array;
  readonly #counts: BigInt64Array;

  /** @param buffer That of another thread; left out: a new one. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(32)) {
    this.buffer = buffer;
    this.#stop = new Int32Array(buffer, 0, 1);
    this.#counts = new BigInt64Array(buffer, 8, 3);
  }

  /** What asked the run to end; null: nothing did. */
  get signal(): StopSignal | null {
    return SIGNALS[Atomics.load(this.#stop, STOP) - 1] ?? null;
  }

  /** Asks the run to end; the first one counts. */
  stop(signal: StopSignal): void {
    const number = SIGNALS.indexOf(signal) + 1;
    Atomics.compareExchange(this.#stop, STOP, 0, number);
  }

  /** @throws {InterruptedError} The run is to end. */
  checkpoint(): void {
    const { signal } = this;
    if (signal !== null) throw new InterruptedError(signal);
  }

  /** Counts files that were seen and bytes that were read or copied. */
  count(files: number, bytes: number): void {
    if (files !== 0) Atomics.add(this.#counts, 0, BigInt(files));
    if (bytes !== 0) Atomics.add(this.#counts, 1, BigInt(bytes));
  }

  /** All that was counted so far. */
  get counted(): { readonly files: number; readonly bytes: number } {
    const at = (index: number) => Number(Atomics.load(this.#counts, index));
    return { files: at(0), bytes: at(1) };
  }

  /**
   * Takes numbers that nobody else of the run gets: they name temporary files.
   *
   * @param count How many.
   * @returns The first of them.
   */
  takeNumbers(count: number): number {
    return Number(Atomics.add(this.#counts, 2, BigInt(count))) + 1;
  }
}
