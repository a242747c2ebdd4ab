/**
 * Batches of copies and what became of them, in the compact form in which they
 * go from thread to thread: one list of numbers for all of a batch costs a
 * fraction of an object for each copy.
 *
 * @module
 */
import type { Work } from "./plan_types.ts";
import type { RootSelf } from "./root_files.ts";
import type { Metadata, Side } from "./types.ts";

type CopyWork = Work & { readonly kind: "copy" };

/** A copy to be made. */
export interface CopyTask extends
  Pick<
    CopyWork,
    "from" | "path" | "source" | "target" | "mode" | "keepsHash"
  > {
  /** Path of the temporary file. */
  readonly temporary: string;
}

/** A large file that another thread has begun to copy. */
export interface ShareTask {
  /** The side it is copied from. */
  readonly from: Side;
  readonly path: string;
  /** What the scan saw of it. */
  readonly seen: Metadata;
  /** Path of its copy. */
  readonly temporary: string;
  /** Tells the copy from any other file. */
  readonly self: RootSelf;
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
  /** Something was wrong with it, and nothing is left of it. */
  | { readonly kind: "failed" }
  /** Not come to, or dropped. */
  | { readonly kind: "left" };

/** Tasks as they are sent. */
export interface PackedTasks {
  readonly paths: readonly string[];
  readonly temporaries: readonly string[];
  readonly numbers: Float64Array<ArrayBuffer>;
}

/** What became of them, as it is sent. */
export interface PackedDone {
  readonly hashes: readonly (string | null)[];
  readonly numbers: Float64Array<ArrayBuffer>;
}

const FIGURES = 5;
const TASK = 2 * FIGURES + 4;
const DONE = 2 * FIGURES + 2;

const KINDS = ["placed", "flushed", "failed", "left"] as const;

/** No number: none of the metadata can be that. */
const NONE = NaN;

/**
 * Packs tasks.
 *
 * @param tasks The tasks.
 */
export function packTasks(tasks: readonly CopyTask[]): PackedTasks {
  const numbers = new Float64Array(tasks.length * TASK);
  tasks.forEach((task, n) => {
    const at = n * TASK;
    numbers[at] = task.from === "left" ? 0 : 1;
    numbers[at + 1] = task.keepsHash ? 1 : 0;
    numbers[at + 2] = task.mode ?? NONE;
    numbers[at + 3] = task.target === null ? 0 : 1;
    putMetadata(numbers, at + 4, task.source);
    if (task.target) putMetadata(numbers, at + 4 + FIGURES, task.target);
  });
  return {
    paths: tasks.map(({ path }) => path),
    temporaries: tasks.map(({ temporary }) => temporary),
    numbers,
  };
}

/**
 * The tasks that were packed.
 *
 * @param packed As they came.
 */
export function unpackTasks(packed: PackedTasks): CopyTask[] {
  const { paths, temporaries, numbers } = packed;
  return paths.map((path, n) => {
    const at = n * TASK;
    const mode = numbers[at + 2]!;
    return {
      from: numbers[at] === 0 ? "left" : "right",
      path,
      temporary: temporaries[n]!,
      keepsHash: numbers[at + 1] === 1,
      mode: Number.isNaN(mode) ? null : mode,
      source: metadataAt(numbers, at + 4),
      target: numbers[at + 3] === 0
        ? null
        : metadataAt(numbers, at + 4 + FIGURES),
    };
  });
}

/**
 * Packs what became of tasks.
 *
 * @param done One for each task, in their order.
 */
export function packDone(done: readonly CopyDone[]): PackedDone {
  const numbers = new Float64Array(done.length * DONE);
  const hashes = done.map((it, n) => {
    const at = n * DONE;
    numbers[at] = KINDS.indexOf(it.kind);
    if (!("metadata" in it)) return null;
    numbers[at + 1] = it.lookedAtMs;
    putMetadata(numbers, at + 2, it.source);
    putMetadata(numbers, at + 2 + FIGURES, it.metadata);
    return it.hash;
  });
  return { hashes, numbers };
}

/**
 * What became of tasks.
 *
 * @param packed As it came.
 */
export function unpackDone({ hashes, numbers }: PackedDone): CopyDone[] {
  return hashes.map((hash, n) => {
    const at = n * DONE;
    const kind = KINDS[numbers[at]!]!;
    if (kind === "failed" || kind === "left") return { kind };
    return {
      kind,
      source: metadataAt(numbers, at + 2),
      metadata: metadataAt(numbers, at + 2 + FIGURES),
      lookedAtMs: numbers[at + 1]!,
      hash,
    };
  });
}

function putMetadata(
  numbers: Float64Array,
  at: number,
  { sizeBytes, mtimeMs, mode, id }: Metadata,
): void {
  numbers[at] = sizeBytes;
  numbers[at + 1] = mtimeMs;
  numbers[at + 2] = mode;
  numbers[at + 3] = id?.ino ?? NONE;
  numbers[at + 4] = id?.birthMs ?? NONE;
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
