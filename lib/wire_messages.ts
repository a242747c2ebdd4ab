/**
 * What the threads that copy are told and tell: batches of copies and what
 * became of them, as plain data in columns. One list of numbers for all of a
 * batch costs a fraction of an object for each copy.
 *
 * @module
 */
import type { Traits } from "./metadata.ts";
import type { Work } from "./plan_types.ts";
import type { Both, Metadata } from "./types.ts";

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

/** A root, as a thread is told of it. */
export interface WireRoot {
  /** Absolute path. */
  readonly path: string;
  readonly traits: Traits;
  /** Tells the folder at its path from another one. */
  readonly self: { readonly dev: number; readonly ino: number | null } | null;
}

/** What a thread is told: the roots first, then batch by batch. */
export type CopyOrder =
  | {
    readonly kind: "begin";
    readonly roots: Both<WireRoot>;
    /** Not 0: no more is to be copied. */
    readonly stop: SharedArrayBuffer;
  }
  | {
    readonly kind: "batch";
    readonly paths: readonly string[];
    readonly temporaries: readonly string[];
    readonly numbers: Float64Array<ArrayBuffer>;
  };

/** What became of a batch, in its order. */
export interface CopyReply {
  readonly hashes: readonly (string | null)[];
  readonly numbers: Float64Array<ArrayBuffer>;
}

const METADATA = 5;
const TASK = 4 + 2 * METADATA;
const DONE = 2 + 2 * METADATA;
const KINDS = ["placed", "flushed", "undone"] as const;

/** Stands for null: none of the numbers can be that. */
const NONE = NaN;

function metadataTo(
  numbers: Float64Array,
  at: number,
  { sizeBytes, mtimeMs, mode, id }: Metadata,
): void {
  numbers.set(
    [sizeBytes, mtimeMs, mode, id?.ino ?? NONE, id?.birthMs ?? NONE],
    at,
  );
}

function metadataAt(numbers: Float64Array, at: number): Metadata {
  const [sizeBytes, mtimeMs, mode, ino, birthMs] = numbers.subarray(at);
  return {
    sizeBytes: sizeBytes!,
    mtimeMs: mtimeMs!,
    mode: mode!,
    id: Number.isNaN(ino) ? null : { ino: ino!, birthMs: birthMs! },
  };
}

/** Packs tasks. */
export function packTasks(
  tasks: readonly CopyTask[],
): CopyOrder & { readonly kind: "batch" } {
  const numbers = new Float64Array(tasks.length * TASK);
  for (
    const [n, { from, keepsHash, mode, source, target }] of tasks.entries()
  ) {
    const at = n * TASK;
    numbers[at] = Number(from === "right");
    numbers[at + 1] = Number(keepsHash);
    numbers[at + 2] = mode ?? NONE;
    numbers[at + 3] = Number(target !== null);
    metadataTo(numbers, at + 4, source);
    if (target) metadataTo(numbers, at + 4 + METADATA, target);
  }
  return {
    kind: "batch",
    paths: tasks.map(({ path }) => path),
    temporaries: tasks.map(({ temporary }) => temporary),
    numbers,
  };
}

/** The tasks that were packed. */
export function unpackTasks(
  { paths, temporaries, numbers }: CopyOrder & { readonly kind: "batch" },
): CopyTask[] {
  return paths.map((path, n) => {
    const at = n * TASK;
    const mode = numbers[at + 2]!;
    return {
      from: numbers[at] === 1 ? "right" : "left",
      path,
      temporary: temporaries[n]!,
      keepsHash: numbers[at + 1] === 1,
      mode: Number.isNaN(mode) ? null : mode,
      source: metadataAt(numbers, at + 4),
      target: numbers[at + 3] === 1
        ? metadataAt(numbers, at + 4 + METADATA)
        : null,
    };
  });
}

/** Packs what became of tasks. */
export function packDone(done: readonly CopyDone[]): CopyReply {
  const numbers = new Float64Array(done.length * DONE);
  const hashes = done.map((it, n) => {
    const at = n * DONE;
    numbers[at] = KINDS.indexOf(it.kind);
    if (it.kind === "undone") return null;
    numbers[at + 1] = it.lookedAtMs;
    metadataTo(numbers, at + 2, it.source);
    metadataTo(numbers, at + 2 + METADATA, it.metadata);
    return it.hash;
  });
  return { hashes, numbers };
}

/** What became of tasks. */
export function unpackDone({ hashes, numbers }: CopyReply): CopyDone[] {
  return hashes.map((hash, n) => {
    const at = n * DONE;
    const kind = KINDS[numbers[at]!]!;
    if (kind === "undone") return { kind };
    return {
      kind,
      source: metadataAt(numbers, at + 2),
      metadata: metadataAt(numbers, at + 2 + METADATA),
      lookedAtMs: numbers[at + 1]!,
      hash,
    };
  });
}
