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
import { removeDespite } from "./file_ops.ts";
import { joinPath } from "./paths.ts";
import { Root } from "./root_files.ts";
import { identifyRoots, probeRoots } from "./run_identify.ts";
import { NOTHING_PRUNED, type Pruned } from "./run_types.ts";
import { isPathFile, type RunFolder, runFolders } from "./soft_delete.ts";
import type { StateDb } from "./state_db.ts";
import { codeOf, inWords, Skipped } from "./system.ts";
import { printable } from "./text.ts";
import { type Both, type Side, SIDES } from "./types.ts";
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
  const removal = new Removal();
  const expired: Expired[] = [];
  try {
    await identifyRoots(files, db, paths);
    const probes = await probeRoots(files, db, paths, null);
    for (const side of SIDES) {
      const { traits } = probes[side];
      const root = new Root(side, paths[side], traits);
      // Of two clocks the slower one: nothing goes too early.
      const nowMs = startedAtMs + Math.min(0, traits.clockOffsetMs);
      const onFailure = (path: string, why: string) => removal.note(path, why);
      for (const folder of runFolders(root, onFailure)) {
        if (folder.pair !== pair) continue;
        const isYoung = (timeMs: number) =>
          nowMs - timeMs <= retentionDays * DAY_MS;
        if (isYoung(Math.max(folder.timeMs, mtimeOf(root, folder)))) continue;
        if (isYoung(timeBefore(db, folder, startedAtMs))) continue;
        const [since = startedAtMs] = db.first(
          "SELECT since FROM expired WHERE side = ? AND folder = ?",
          side,
          folder.name,
        ) ?? [];
        // A run whose clock was ahead puts nothing off for long.
        const sinceMs = Math.min(Number(since), startedAtMs);
        if (startedAtMs - sinceMs >= DAY_MS) {
          removal.removeRun(root, folder.path);
        }
        expired.push([side, folder.name, sinceMs]);
      }
    }
    noteExpired(db, expired);
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    removal.note("the soft-delete folders", error.message);
  }
  if (removal.failed !== null) onWarning(removal.failed);
  return { files: removal.files, bytes: removal.bytes };
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

function mtimeOf(root: Root, { path }: RunFolder): number {
  try {
    return root.info(path)?.mtime?.getTime() ?? Infinity;
  } catch (error) {
    if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
    // It can't be told now.
    return Infinity;
  }
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

/** Removes folders with all that is in them, but nothing that links lead to. */
class Removal {
  files = 0;
  bytes = 0;
  #failed = 0;
  #first = "";

  /** What could not be removed, in words; null: all could. */
  get failed(): string | null {
    if (this.#failed === 0) return null;
    const more = this.#failed === 1 ? "" : `, and ${this.#failed - 1} more`;
    return `Old soft-deleted files could not be removed: ${this.#first}${more}.`;
  }

  note(path: string, why: string): void {
    if (this.#failed++ === 0) {
      this.#first = `${printable(path)} (${printable(why)})`;
    }
  }

  /** Removes a run's folder; what can't go stays as old as it was. */
  removeRun(root: Root, path: string): void {
    const mtime = root.info(path)?.mtime ?? null;
    this.remove(root, path);
    try {
      if (mtime !== null && root.look(path).kind === "directory") {
        Deno.utimeSync(root.absolute(path), mtime, mtime);
      }
    } catch (error) {
      // It then counts from now.
      if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
    }
  }

  remove(root: Root, path: string): void {
    try {
      const look = root.look(path);
      if (look.kind === "directory") {
        for (const { name } of [...Deno.readDirSync(root.absolute(path))]) {
          this.remove(root, joinPath(path, name));
        }
        root.distrust();
      }
      // Never with what is in it: a link goes, and not what it leads to.
      removeDespite(root.absolute(path));
      const inRun = path.split("/").slice(3).join("/");
      if (look.kind !== "file" || isPathFile(inRun)) return;
      this.files++;
      this.bytes += look.metadata.sizeBytes;
    } catch (error) {
      if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
      // A folder that is not empty: what is in it has been told.
      if (codeOf(error) !== "ENOTEMPTY") this.note(path, inWords(error));
    }
  }
}
