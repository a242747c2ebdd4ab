/**
 * What becomes of soft-deleted files in the end: those of old runs are removed
 * for good.
 *
 * Several PCs may share one Right, so each pair of roots removes only what its
 * own runs put there: another's settings are its own business.
 *
 * @module
 */
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
import type { RunFolder, Unusable } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Removes what this pair's runs soft-deleted too long ago. It never fails:
 * what can't be removed is told, and tried again by the next run.
 *
 * Any clock may be wrong for a while. So a folder counts from the latest time
 * that anything tells of it, and goes only when a second run, a day or more
 * after the first, finds it too old, and so did every run between.
 *
 * @returns What was removed.
 */
export async function pruneOld(
  files: Files,
  db: StateDb,
  { startedAtMs, paths, retentionDays, onWarning }: {
    /** When the run that has just ended began, in ms since 1970. */
    readonly startedAtMs: number;
    /** Absolute paths of the roots. */
    readonly paths: Both<string>;
    /** 0 keeps everything. */
    readonly retentionDays: number;
    onWarning(text: string): void;
  },
): Promise<Pruned> {
  const pair = db.meta("pair");
  if (retentionDays === 0 || pair === null) {
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
      const isYoung = (timeMs: number) =>
        nowMs - timeMs <= retentionDays * DAY_MS;
      const found = await files.ask("deleted", {
        side,
        root,
        wantsFiles: false,
      });
      notes.push(...found.unreadable);
      failed += found.unreadable.length;
      const runs: string[] = [];
      for (const folder of found.runs) {
        if (folder.pair !== pair) continue;
        if (isYoung(Math.max(folder.timeMs, folder.mtimeMs))) continue;
        if (isYoung(timeBefore(db, folder, startedAtMs))) continue;
        const [since = startedAtMs] = db.first(
          "SELECT since FROM expired WHERE side = ? AND folder = ?",
          side,
          folder.name,
        ) ?? [];
        // A run whose clock was ahead puts nothing off for long.
        const sinceMs = Math.min(Number(since), startedAtMs);
        if (startedAtMs - sinceMs >= DAY_MS) runs.push(folder.name);
        expired.push([side, folder.name, sinceMs]);
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

/** A run's folder that is too old, and when a run found that first. */
type Expired = readonly [side: Side, folder: string, sinceMs: number];

/** What is not among them was young enough, or is gone. */
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
