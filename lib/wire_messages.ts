/**
 * What the threads of the files' world are told and tell: scans, and batches
 * of copies and what became of them, as plain data in columns. One list of
 * numbers for all of a batch costs a fraction of an object for each copy.
 *
 * @module
 */
import { InterruptedError, type StopSignal } from "./errors.ts";
import type { Traits } from "./metadata.ts";
import type { DeletedFolder, TemporaryOwner } from "./names.ts";
import type { Answer, Question, Work } from "./plan_types.ts";
import type { Both, FileId, Metadata, Move, Problem, Side } from "./types.ts";
import type { IgnoreSettings } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";

/** What a scan needs to know. */
export interface ScanRequest extends OnRoot {
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
  /** Temporary files of runs that died. */
  readonly leftovers: readonly Leftover[];
}

/** A temporary file that an earlier run left. */
export interface Leftover {
  readonly path: string;
  /** In ms since 1970. */
  readonly mtimeMs: number;
  readonly metadata: Metadata;
}

/** A copy to be made. */
export interface CopyTask extends
  Pick<
    Work & { readonly kind: "copy" },
    "from" | "path" | "source" | "target" | "mode" | "keepsHash"
  > {
  /** Path of the temporary file. */
  readonly temporary: string;
}

/** What became of a {@linkcode CopyTask}. */
export type CopyDone =
  | {
    /** Has its name, or is written aside and flushed. */
    readonly kind: "placed" | "flushed";
    /** What the look after reading saw of the source. */
    readonly source: Metadata;
    /** Of the copy, as the disk reports them. */
    readonly metadata: Metadata;
    /** When that look began, in ms since 1970. */
    readonly lookedAtMs: number;
    readonly hash: string | null;
  }
  /** Not come to, or something was wrong: nothing is left of it. */
  | { readonly kind: "undone" };

/** What the engine knows of a root, and tells with each request that needs it. */
export interface WireRoot {
  readonly traits: Traits;
  /** Tells the folder at its path from another one. */
  readonly self: { readonly dev: number; readonly ino: number | null } | null;
  /** The most that a name may measure where longer ones were refused. */
  readonly refusedNames: number | null;
}

/** What a thread is told: the roots first, then batch by batch. */
export type CopyOrder =
  | {
    readonly kind: "begin";
    readonly roots: Both<
      Pick<WireRoot, "traits" | "self"> & { readonly path: string }
    >;
    /** Not 0: no more is to be copied. */
    readonly stop: SharedArrayBuffer;
  }
  | BatchOrder;

/** Tasks in columns. */
export interface BatchOrder {
  readonly kind: "batch";
  readonly paths: readonly string[];
  readonly temporaries: readonly string[];
  /** Of all tasks, one after the other. */
  readonly numbers: Float64Array<ArrayBuffer>;
}

/** What became of a batch, in its order. */
export interface CopyReply {
  readonly hashes: readonly (string | null)[];
  readonly numbers: Float64Array<ArrayBuffer>;
}

const KINDS = ["placed", "flushed", "undone"] as const;

/** Numbers of a file's metadata, of a task, and of what became of one. */
const METADATA = 5;
const TASK = 3 + 2 * METADATA;
const DONE = 2 + 2 * METADATA;

/** What stands for null is no number: none of them can be that. */
function columns(metadata: Metadata | null): number[] {
  if (metadata === null) return Array(METADATA).fill(NaN);
  const { sizeBytes, mtimeMs, mode, id } = metadata;
  return [sizeBytes, mtimeMs, mode, id?.ino ?? NaN, id?.birthMs ?? NaN];
}

function metadataAt(numbers: Float64Array, at: number): Metadata | null {
  const [sizeBytes = NaN, mtimeMs = 0, mode = 0, ino = NaN, birthMs = 0] =
    numbers.subarray(at);
  if (Number.isNaN(sizeBytes)) return null;
  const id = Number.isNaN(ino) ? null : { ino, birthMs };
  return { sizeBytes, mtimeMs, mode, id };
}

/** Packs tasks. */
export function packTasks(tasks: readonly CopyTask[]): BatchOrder {
  const rows = tasks.flatMap(({ from, keepsHash, mode, source, target }) => [
    Number(from === "right"),
    Number(keepsHash),
    mode ?? NaN,
    ...columns(source),
    ...columns(target),
  ]);
  return {
    kind: "batch",
    paths: tasks.map(({ path }) => path),
    temporaries: tasks.map(({ temporary }) => temporary),
    numbers: new Float64Array(rows),
  };
}

/** The tasks that were packed. */
export function unpackTasks(order: BatchOrder): CopyTask[] {
  const { paths, temporaries, numbers } = order;
  return paths.map((path, n) => {
    const at = n * TASK;
    const mode = numbers[at + 2]!;
    return {
      from: numbers[at] === 1 ? "right" : "left",
      path,
      temporary: temporaries[n]!,
      keepsHash: numbers[at + 1] === 1,
      mode: Number.isNaN(mode) ? null : mode,
      source: metadataAt(numbers, at + 3)!,
      target: metadataAt(numbers, at + 3 + METADATA),
    };
  });
}

/** Packs what became of tasks. */
export function packDone(done: readonly CopyDone[]): CopyReply {
  const rows = done.flatMap((it) =>
    it.kind === "undone"
      ? [KINDS.indexOf(it.kind), NaN, ...columns(null), ...columns(null)]
      : [
        KINDS.indexOf(it.kind),
        it.lookedAtMs,
        ...columns(it.source),
        ...columns(it.metadata),
      ]
  );
  return {
    hashes: done.map((it) => it.kind === "undone" ? null : it.hash),
    numbers: new Float64Array(rows),
  };
}

/** What became of tasks. */
export function unpackDone({ hashes, numbers }: CopyReply): CopyDone[] {
  return hashes.map((hash, n) => {
    const at = n * DONE;
    const kind = KINDS[numbers[at]!]!;
    if (kind === "undone") return { kind };
    const source = metadataAt(numbers, at + 2)!;
    const metadata = metadataAt(numbers, at + 2 + METADATA)!;
    return { kind, source, metadata, lookedAtMs: numbers[at + 1]!, hash };
  });
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

/** What lies in a root's soft-delete folder. */
export interface Deleted {
  /** Oldest first. */
  readonly runs: readonly (RunFolder & {
    /** Of the folder, in ms since 1970. */
    readonly mtimeMs: number;
    /** None where they were not asked for. */
    readonly files: readonly SoftDeleted[];
  })[];
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
}

/** The name of a request. */
export type RequestKind = keyof Requests;

/** What a thread of the files' world is for: to look, or to act. */
export type FilesKind = "look" | "act";

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
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(24)) {
    this.buffer = buffer;
    this.#stop = new Int32Array(buffer, 0, 1);
    this.#counts = new BigInt64Array(buffer, 8, 2);
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
}
