/**
 * A file's metadata: taken from what a file system reports, and held against
 * what was seen or recorded before.
 *
 * @module
 */
import type { FileId, Metadata, RecordedHalf, Side } from "./types.ts";

/** What a root's file system does to names and times; probed once per run. */
export interface Traits {
  /** `A` and `a` are one name. */
  readonly ignoresCase: boolean;
  /** Composed and decomposed letters are one name. */
  readonly ignoresNormalForm: boolean;
  /** Names are held to Windows' rules. */
  readonly hasWindowsNames: boolean;
  /** Permission bits are kept; left out by versions that did not ask. */
  readonly carriesModes?: boolean | undefined;
  /**
   * A file has one id, by whatever name; false: who mounts it makes ids up,
   * others each time. Left out by versions that did not ask.
   */
  readonly hasIds?: boolean | undefined;
  /** mtimes are cut to multiples of this, in ms. */
  readonly tickMs: number;
  /** The file system's clock less the local one, in ms. */
  readonly clockOffsetMs: number;
}

/** What is needed of `Deno.FileInfo`. */
export interface ReportedFile {
  readonly size: number;
  readonly mtime: Date | null;
  readonly birthtime: Date | null;
  readonly mode: number | null;
  readonly ino: number | null;
  readonly nlink: number | null;
}

/** Rewrites within this of a look may leave the mtime as it was, in ms. */
const SHORTEST_FRESH_MS = 50;

/**
 * The metadata in what a file system reports.
 *
 * A file with several names has no id: an id must tell one path from all
 * others. Set-uid, set-gid and sticky bits are left out, so they never travel.
 *
 * @param info What `lstat` gave.
 * @param traits Of the root it is in.
 */
export function metadataOf(
  info: ReportedFile,
  { tickMs, hasIds = true }: Pick<Traits, "tickMs" | "hasIds">,
): Metadata {
  return {
    sizeBytes: info.size,
    mtimeMs: cutToTick(info.mtime?.getTime() ?? 0, tickMs),
    mode: (info.mode ?? 0) & 0o777,
    id: hasIds ? idOf(info) : null,
  };
}

function idOf(info: ReportedFile): FileId | null {
  if (!info.ino || !info.birthtime || (info.nlink ?? 1) > 1) return null;
  return { ino: info.ino, birthMs: info.birthtime.getTime() };
}

/**
 * The id of a folder, which has several names by its nature.
 *
 * @param info What `lstat` gave.
 * @param traits Of the root it is in.
 */
export function folderIdOf(
  { ino, birthtime }: Pick<ReportedFile, "ino" | "birthtime">,
  { hasIds = true }: Pick<Traits, "hasIds"> = {},
): FileId | null {
  return hasIds && ino && birthtime
    ? { ino, birthMs: birthtime.getTime() }
    : null;
}

/**
 * Whether a folder at one path has the id that is recorded for it. Some servers
 * tell the time of the last change for that of creation: it does not count.
 */
export function isEqualId(a: FileId | null, b: FileId | null): boolean {
  return a?.ino === b?.ino;
}

/**
 * Cuts a time to a file system's precision.
 *
 * @param timeMs In ms since 1970.
 * @param tickMs The precision, in ms.
 */
export function cutToTick(timeMs: number, tickMs: number): number {
  return Math.floor(timeMs / tickMs) * tickMs;
}

/** Whether two ids are known to be the same. */
export function isSameId(a: FileId | null, b: FileId | null): boolean {
  return a !== null && b !== null && a.ino === b.ino && a.birthMs === b.birthMs;
}

/**
 * What is equal for one file under two names: its id or, without ids, its size
 * and mtime.
 */
export function identityOf(
  metadata: Pick<Metadata, "id" | "sizeBytes" | "mtimeMs">,
): string {
  const { id, sizeBytes, mtimeMs } = metadata;
  return id ? keyOfId(id) : `${sizeBytes}@${mtimeMs}`;
}

/** An id as a key of a map. */
export function keyOfId({ ino, birthMs }: FileId): string {
  return `${ino}:${birthMs}`;
}

/** Whether two ids are known to differ; no id differs from nothing. */
export function isOtherId(a: FileId | null, b: FileId | null): boolean {
  return a !== null && b !== null && !isSameId(a, b);
}

/**
 * Whether a file is still what was seen before: the look just before an
 * action. The mode does not count: it can't hide an edit.
 *
 * @param now The metadata of the second look.
 */
export function isStill(seen: Metadata, now: Metadata): boolean {
  return seen.sizeBytes === now.sizeBytes && seen.mtimeMs === now.mtimeMs &&
    !isOtherId(seen.id, now.id);
}

/**
 * Whether a file is so young that it could be rewritten without its metadata
 * telling.
 *
 * @param mtimeMs The file's mtime, in ms since 1970.
 * @param lookedAtMs When it was looked at, by the local clock.
 * @param traits Of the root it is in.
 */
export function isFresh(
  mtimeMs: number,
  lookedAtMs: number,
  traits: Traits,
): boolean {
  const window = Math.max(traits.tickMs, SHORTEST_FRESH_MS);
  const lookedThere = lookedAtMs + traits.clockOffsetMs;
  return Math.abs(lookedThere - mtimeMs) <= window;
}

/**
 * Whether a file is fresh, or may be by the time it has been read: its mtime
 * may lie ahead of the clock.
 *
 * @param mtimeMs The file's mtime, in ms since 1970.
 * @param nowMs By the local clock, before it is read.
 * @param traits Of the root it is in.
 */
export function mayBeFresh(
  mtimeMs: number,
  nowMs: number,
  traits: Traits,
): boolean {
  const nowThere = nowMs + traits.clockOffsetMs;
  return mtimeMs >= nowThere || isFresh(mtimeMs, nowMs, traits);
}

/** What a side's metadata alone say of a recorded file. */
export type HalfState =
  /** All metadata is as recorded. */
  | "same"
  /** Only the mode differs. */
  | "mode"
  /** Same size, other mtime or other id: the content decides. */
  | "undecided"
  /** As recorded, but the metadata can't be relied on: read it. */
  | "suspect"
  /** Another size: another content. */
  | "different";

/**
 * Holds a file against its own half of the record.
 *
 * @param half The half recorded for the same side.
 * @param isSuspicious Whether files of its kind are read always.
 */
export function halfState(
  now: Metadata,
  half: RecordedHalf,
  isSuspicious: boolean,
): HalfState {
  if (now.sizeBytes !== half.sizeBytes) return "different";
  if (now.mtimeMs !== half.mtimeMs || isOtherId(now.id, half.id)) {
    return "undecided";
  }
  if (half.isFresh || isSuspicious) return "suspect";
  return now.mode === half.mode ? "same" : "mode";
}

/**
 * Whether two times of two sides are the same, as far as both can tell.
 *
 * @param tickMs The coarser of both roots' ticks.
 */
export function isSameTime(a: number, b: number, tickMs: number): boolean {
  return cutToTick(a, tickMs) === cutToTick(b, tickMs);
}

/** A side as it is called in sentences. */
export function words(side: Side): string {
  return side === "left" ? "Left" : "Right";
}
