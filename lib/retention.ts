/**
 * What becomes of soft-deleted files in the end: those of old runs are removed
 * for good.
 *
 * Several PCs may share one Right, so each pair of roots removes only what its
 * own runs put there: another's settings are its own business.
 *
 * @module
 */
import { Root, Skipped } from "./disk.ts";
import { GuardError } from "./errors.ts";
import { runFolders } from "./kept.ts";
import { meet } from "./meeting.ts";
import { joinPath } from "./paths.ts";
import { printable } from "./printable.ts";
import { NOTHING_PRUNED, type Pruned } from "./run_result.ts";
import { probeRoots } from "./run_settings.ts";
import type { StateDb } from "./state_db.ts";
import { codeOf, inWords } from "./system_errors.ts";
import { type Both, SIDES } from "./types.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** What removing old files needs. */
export interface RetentionContext {
  /** The run that has just ended. */
  readonly run: string;
  /** When it began, in ms since 1970. */
  readonly startedAtMs: number;
  /** Absolute paths of the roots. */
  readonly paths: Both<string>;
  /** 0 keeps everything. */
  readonly retentionDays: number;
  onWarning(text: string): void;
}

/**
 * Removes what this pair's runs soft-deleted too long ago. It never fails:
 * what can't be removed is told, and tried again by the next run.
 *
 * @param db The state DB.
 * @param context Which roots, and how old is too old.
 * @returns What was removed.
 */
export function pruneOld(db: StateDb, context: RetentionContext): Pruned {
  const { run, startedAtMs, paths, retentionDays, onWarning } = context;
  const pair = db.meta("pair");
  if (retentionDays === 0 || pair === null) return NOTHING_PRUNED;
  const last = db.first("SELECT max(started_at) FROM runs WHERE id <> ?", run);
  if (startedAtMs < Number(last?.[0] ?? 0)) {
    onWarning(
      "The clock is behind the last run: no old soft-deleted files were " +
        "removed.",
    );
    return NOTHING_PRUNED;
  }
  const removal = new Removal();
  try {
    const owner = { pair, run };
    meet(db, paths, { isDryRun: true, acceptRoots: false, owner });
    const probes = probeRoots(db, paths, null);
    for (const side of SIDES) {
      const { habits } = probes[side];
      const root = new Root(side, paths[side], habits);
      // Of two clocks the slower one: nothing goes too early.
      const nowMs = startedAtMs + Math.min(0, habits.clockOffsetMs);
      const troubled = (path: string, why: string) => removal.note(path, why);
      for (const folder of runFolders(root, troubled)) {
        const isOld = nowMs - folder.timeMs > retentionDays * DAY_MS;
        if (folder.pair === pair && isOld) removal.remove(root, folder.path);
      }
    }
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    removal.note("the soft-delete folders", error.message);
  }
  if (removal.trouble !== null) onWarning(removal.trouble);
  return removal.done;
}

/** Removes folders with all that is in them, but nothing that links lead to. */
class Removal {
  #files = 0;
  #bytes = 0;
  #failed = 0;
  #first = "";

  get done(): Pruned {
    return { files: this.#files, bytes: this.#bytes };
  }

  /** What could not be removed, in words; null: all could. */
  get trouble(): string | null {
    if (this.#failed === 0) return null;
    const more = this.#failed === 1 ? "" : `, and ${this.#failed - 1} more`;
    return `Old soft-deleted files could not be removed: ${this.#first}${more}.`;
  }

  note(path: string, why: string): void {
    if (this.#failed++ === 0) {
      this.#first = `${printable(path)} (${printable(why)})`;
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
      Deno.removeSync(root.absolute(path));
      if (look.kind !== "file") return;
      this.#files++;
      this.#bytes += look.figures.sizeBytes;
    } catch (error) {
      if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
      // A folder that is not empty: what is in it has been told.
      if (codeOf(error) !== "ENOTEMPTY") this.note(path, inWords(error));
    }
  }
}
