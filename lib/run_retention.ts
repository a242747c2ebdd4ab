/**
 * What becomes of soft-deleted files in the end: those of old runs, and those
 * for which there is no room, are removed for good.
 *
 * Several PCs may share one Right, so each pair of roots removes only what its
 * own runs put there: another's settings are its own business.
 *
 * @module
 */
import type { Config } from "./config_schema.ts";
import { GuardError } from "./errors.ts";
import {
  checkRoots,
  identifyRoots,
  probeRoots,
  wireRoots,
} from "./run_identify.ts";
import { NOTHING_PRUNED, type Pruned } from "./run_types.ts";
import type { StateDb } from "./state_db.ts";
import { printable } from "./text.ts";
import { type Both, type Side, SIDES } from "./types.ts";
import type {
  DeletedRun,
  RunFolder,
  Unusable,
  WireRoot,
} from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** A run's folder, and what counts for its age. */
export interface OwnRun extends DeletedRun {
  /**
   * The latest time that anything tells of it, in ms since 1970: the clock of
   * its run may have been wrong.
   */
  readonly latestMs: number;
}

/**
 * What this pair's runs have soft-deleted on a side, and nobody else's.
 *
 * @param nowMs In ms since 1970.
 * @param wantsFiles Tell what is in each folder, too.
 * @returns Oldest first, and what can't be looked into.
 */
export async function ownRuns(
  files: Files,
  db: StateDb,
  { side, root }: { readonly side: Side; readonly root: WireRoot },
  nowMs: number,
  wantsFiles: boolean,
): Promise<{
  readonly runs: readonly OwnRun[];
  readonly unreadable: readonly Unusable[];
}> {
  const pair = db.meta("pair");
  const found = await files.ask("deleted", { side, root, wantsFiles });
  const runs = found.runs.filter((it) => it.pair === pair).map((it) => ({
    ...it,
    latestMs: Math.max(it.timeMs, it.mtimeMs, timeBefore(db, it, nowMs)),
  }));
  return {
    runs: runs.sort((a, b) => a.latestMs - b.latestMs),
    unreadable: found.unreadable,
  };
}

/** What the files in a run's folder take. */
export function bytesIn({ files }: DeletedRun): number {
  return files.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0);
}

/**
 * The folders that are too old, or for which there is no room: the newest ones
 * that fit stay.
 */
function toGo(
  runs: readonly OwnRun[],
  nowMs: number,
  { retentionDays, maxTotalBytes }: Pick<
    Config["softDelete"],
    "retentionDays" | "maxTotalBytes"
  >,
): readonly OwnRun[] {
  let room = maxTotalBytes === 0 ? Infinity : maxTotalBytes;
  const oldestMs = retentionDays === 0
    ? -Infinity
    : nowMs - retentionDays * DAY_MS;
  return runs.toReversed().filter((run) => {
    // Once one does not fit, none that is older does.
    room -= room < 0 ? 0 : bytesIn(run);
    return run.latestMs < oldestMs || room < 0;
  });
}

/**
 * Removes what this pair's runs soft-deleted too long ago, or what is more than
 * there is to be. It never fails: what can't be removed is told, and tried
 * again by the next run.
 *
 * Any clock may be wrong for a while. So a folder counts from the latest time
 * that anything tells of it, and goes only when a second run, a day or more
 * after the first, finds that it is to go, and so did every run between.
 *
 * @returns What was removed.
 */
export async function pruneOld(
  files: Files,
  db: StateDb,
  { startedAtMs, paths, softDelete, onWarning }: {
    /** When the run that has just ended began, in ms since 1970. */
    readonly startedAtMs: number;
    /** Absolute paths of the roots. */
    readonly paths: Both<string>;
    /** 0 keeps everything. */
    readonly softDelete: Pick<
      Config["softDelete"],
      "retentionDays" | "maxTotalBytes"
    >;
    onWarning(text: string): void;
  },
): Promise<Pruned> {
  const { retentionDays, maxTotalBytes } = softDelete;
  if (retentionDays + maxTotalBytes === 0 || db.meta("pair") === null) {
    noteExpired(db, []);
    return NOTHING_PRUNED;
  }
  const expired: Expired[] = [];
  const done = { files: 0, bytes: 0 };
  const notes: Unusable[] = [];
  let failed = 0;
  try {
    const real = await checkRoots(files, paths);
    await identifyRoots(files, db, paths);
    const probed = await probeRoots(files, db, paths, null);
    const roots = wireRoots(real, probed);
    for (const side of SIDES) {
      const root = roots[side];
      // Of two clocks the slower one: nothing goes too early.
      const nowMs = startedAtMs + Math.min(0, root.traits.clockOffsetMs);
      const at = { side, root };
      const found = await ownRuns(
        files,
        db,
        at,
        startedAtMs,
        maxTotalBytes > 0,
      );
      notes.push(...found.unreadable);
      failed += found.unreadable.length;
      const runs: string[] = [];
      for (const { name } of toGo(found.runs, nowMs, softDelete)) {
        const [since = startedAtMs] = db.first(
          "SELECT since FROM expired WHERE side = ? AND folder = ?",
          side,
          name,
        ) ?? [];
        // A run whose clock was ahead puts nothing off for long.
        const sinceMs = Math.min(Number(since), startedAtMs);
        if (startedAtMs - sinceMs >= DAY_MS) runs.push(name);
        expired.push([side, name, sinceMs]);
      }
      if (runs.length === 0) continue;
      const pruned = await files.ask("prune", { side, root, runs });
      done.files += pruned.files;
      done.bytes += pruned.bytes;
      failed += pruned.failed;
      if (pruned.first !== null) notes.push(pruned.first);
    }
    noteExpired(db, expired);
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    notes.push({ path: "the soft-delete folders", why: error.message });
    failed++;
  }
  const [first] = notes;
  if (first !== undefined) {
    const more = failed === 1 ? "" : `, and ${failed - 1} more`;
    onWarning(
      "Old soft-deleted files could not be removed: " +
        `${printable(first.path)} (${printable(first.why)})${more}.`,
    );
  }
  return done;
}

/**
 * The latest time that runs before a folder's own run tell, in ms since 1970:
 * the one just before it, and, where several in a row were behind, the last
 * that was not.
 */
function timeBefore(db: StateDb, folder: RunFolder, nowMs: number): number {
  // The name tells seconds.
  const [own = null] = db.first(
    "SELECT min(runs.rowid) FROM runs WHERE started_at BETWEEN ? AND ?",
    folder.timeMs,
    folder.timeMs + 999,
  ) ?? [];
  if (own === null) return 0;
  const times = [
    db.first(
      `SELECT started_at FROM runs WHERE runs.rowid < ?
       ORDER BY runs.rowid DESC LIMIT 1`,
      own,
    ),
    // What is yet to come tells nothing.
    db.first(
      `SELECT started_at FROM runs WHERE runs.rowid < ? AND started_at > ?
       AND started_at <= ? ORDER BY runs.rowid DESC LIMIT 1`,
      own,
      folder.timeMs,
      nowMs,
    ),
  ];
  return Math.max(...times.map((row) => Number(row?.[0] ?? 0)));
}

/** A run's folder that is to go, and when a run found that first. */
type Expired = readonly [side: Side, folder: string, sinceMs: number];

/** What is not among them is to stay, or is gone. */
function noteExpired(db: StateDb, expired: readonly Expired[]): void {
  const isNoted = db.first("SELECT 1 FROM expired LIMIT 1") !== null;
  if (!isNoted && expired.length === 0) return;
  db.transaction(() => {
    db.run("DELETE FROM expired");
    for (const row of expired) {
      db.run("INSERT INTO expired VALUES (?, ?, ?)", ...row);
    }
  });
}
