/**
 * Situations as literals: what is recorded and what stands on each side, by
 * path. Folders above a path need not be named; "" is the root.
 *
 * @module
 */
import type { Metadata, ProblemKind } from "../../lib/types.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** The clock of all situations. */
export const NOW = Date.UTC(2026, 4, 20, 12);
/** When files without an mtime of their own were written. */
export const OLD = NOW - 10 * DAY;

/** A file of a side, or of both sides of the record. */
export interface FakeFile {
  readonly kind: "file";
  readonly content: string;
  readonly mtimeMs: number;
  readonly mode: number;
  /** Null where the file has no id. */
  readonly ino: number | null;
  /** Larger than the content, where a test needs it. */
  readonly sizeBytes: number;
  /** In the record: so young that its metadata can't be relied on. */
  readonly isFresh: boolean;
  /** Reading it fails. */
  readonly isUnreadable: boolean;
}

/** A recorded file whose halves differ, or that keeps a hash. */
export interface FakeRow {
  readonly kind: "row";
  readonly left: FakeFile;
  readonly right: FakeFile;
  readonly hash: string | null;
}

/** A folder; folders above a path need not be named. */
export interface FakeFolder {
  readonly kind: "folder";
  readonly isMount: boolean;
  readonly isChanging: boolean;
  readonly isAgreed: boolean;
}

/** Something to be left alone; it may be seen as a file or a folder. */
export interface FakeProblem {
  readonly kind: "problem";
  readonly problem: ProblemKind;
  readonly seen: FakeFile | FakeFolder | null;
}

export type SideTree = Readonly<
  Record<string, FakeFile | FakeFolder | FakeProblem>
>;
export type RecordTree = Readonly<
  Record<string, FakeFile | FakeRow | FakeFolder>
>;

/** What is recorded and what stands on each side. */
export interface Situation {
  readonly record: RecordTree;
  readonly left: SideTree;
  readonly right: SideTree;
}

type FileOptions = Partial<Omit<FakeFile, "kind" | "content">>;

export function file(content: string, more: FileOptions = {}): FakeFile {
  return {
    kind: "file",
    content,
    mtimeMs: OLD,
    mode: 0o644,
    ino: null,
    sizeBytes: content.length,
    isFresh: false,
    isUnreadable: false,
    ...more,
  };
}

/** The same file with something else about it. */
export function but(base: FakeFile, more: Partial<FakeFile>): FakeFile {
  const { content } = { ...base, ...more };
  return { ...base, sizeBytes: content.length, ...more };
}

export function row(
  left: FakeFile,
  right: FakeFile,
  hash: string | null = null,
): FakeRow {
  return { kind: "row", left, right, hash };
}

export function folder(
  more: Partial<Omit<FakeFolder, "kind">> = {},
): FakeFolder {
  const plain = { isMount: false, isChanging: false, isAgreed: true };
  return { kind: "folder", ...plain, ...more };
}

export function problem(
  kind: ProblemKind,
  seen: FakeFile | FakeFolder | null = null,
): FakeProblem {
  return { kind: "problem", problem: kind, seen };
}

/** What `hash` questions are answered with. */
export const hashOf = (content: string): string => `hash of ${content}`;

/** The metadata a file system reports for a literal. */
export function metadataOf(literal: FakeFile): Metadata {
  const { sizeBytes, mtimeMs, mode, ino } = literal;
  const id = ino === null ? null : { ino, birthMs: 1000 };
  return { sizeBytes, mtimeMs, mode, id };
}
