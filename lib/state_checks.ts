/**
 * What the doctor asks of the state DB: that it is whole and on a local disk,
 * knows these roots, and when a run last went well.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Check, fine, problem, warning } from "./checks.ts";
import { networkOf } from "./disk_checks.ts";
import { GuardError, LockedError } from "./errors.ts";
import { cantUse, logFiles, refusalOf } from "./own_files.ts";
import { meet } from "./run_identify.ts";
import { requireNewest } from "./run_numbers.ts";
import { cantWrite, type StateDb, takeLock, tryWriting } from "./state_db.ts";
import { codeOf } from "./system.ts";
import { printable, PROGRAM } from "./text.ts";
import type { Both } from "./types.ts";

/** With no good run for so long, both sides have drifted apart. */
const STALE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * A guard's complaint as a check.
 *
 * @param name What was looked at.
 * @param error What was thrown; anything but a guard is thrown on.
 */
export function asProblem(name: string, error: unknown): Check {
  if (!(error instanceof GuardError)) throw error;
  const says = error.message.replace(/\.(?: Nothing was changed\.)?$/, "");
  return problem({ name, side: null }, says, error.hint ?? "");
}

/**
 * Whether the roots are those that the state DB knows.
 *
 * @param db The state DB.
 * @param paths Absolute paths of the roots, which are there.
 */
export function identityCheck(db: StateDb, paths: Both<string>): Check {
  const of = { name: "identity", side: null };
  try {
    const owner = { pair: "doctor", run: "doctor" };
    const options = { isDryRun: true, acceptRoots: false, owner };
    const { identities, isKnown, warning: why } = meet(db, paths, options);
    if (isKnown) requireNewest(db, paths);
    if (why !== null) {
      return warning(
        of,
        why.replace(/\.$/, ""),
        "Bring the state DB back from where it was, if it was moved; else " +
          "look at the plan before the first run.",
      );
    }
    const { left, right } = identities;
    return fine(
      of,
      left !== null && right !== null
        ? "both roots show the identity they had"
        : left === null && right === null
        ? "none yet; the first run gives both roots one"
        : `only ${left === null ? "Right" : "Left"} has one yet; the first ` +
          "run gives the other root one",
    );
  } catch (error) {
    return asProblem("identity", error);
  }
}

/**
 * Whether the state DB is whole, and on a local disk.
 *
 * @param db The state DB, open for reading.
 * @param configFile The config, which tells of a DB that is not there yet.
 */
export function stateChecks(db: StateDb, configFile: string): Check[] {
  const of = { name: "state DB", side: null };
  const { file } = db;
  const isMade = isThere(file);
  const isBeside = dirname(file) === dirname(configFile);
  const near = isMade ? file : isBeside ? configFile : null;
  const network = near === null ? null : networkOf(near);
  const place = { name: "state DB's disk", side: null };
  const disk = network !== null
    ? problem(
      place,
      `${file} is reached over the network (${network}), where its locks ` +
        "can't be relied on",
      "Name a file on a local disk as state_db, and move the DB there.",
    )
    : near === null
    ? fine(place, "can't be told before the first run; it must be a local one")
    : fine(place, "local");
  if (!isMade) return [fine(of, `none yet; the first run makes ${file}`), disk];
  const found = String(db.first("PRAGMA quick_check")?.[0] ?? "ok");
  const whole = found === "ok" ? fine(of, `${file} is whole`) : problem(
    of,
    `${file} is damaged (${printable(found.split("\n")[0] ?? "")})`,
    "Move the file away and run again: the run is then a first meeting, in " +
      "which files deleted since the last run come back.",
  );
  return [whole, disk];
}

/**
 * Whether a run can use its own files: each is tried as a run uses it, and
 * what was not there before is taken away again.
 *
 * @param stateDb Path of the state DB.
 * @param log Path of the log.
 */
export function ownFileChecks(stateDb: string, log: string): Check[] {
  const checks = [
    tried("state DB's lock", () => tryLock(stateDb)),
    tried("state DB", () => tryStateDb(stateDb)),
    tried("log", () => tryLog(log, filesOf(stateDb))),
  ].filter((it) => it !== null);
  const of = { name: "own files", side: null };
  return checks.length > 0
    ? checks
    : [fine(of, "the state DB, its lock and the log can be written")];
}

function filesOf(stateDb: string): string[] {
  return [stateDb, `${stateDb}-journal`, `${stateDb}.lock`];
}

/** Null where it went well. */
function tried(name: string, work: () => void): Check | null {
  try {
    work();
    return null;
  } catch (error) {
    return asProblem(name, error);
  }
}

function tryLock(stateDb: string): void {
  const path = `${stateDb}.lock`;
  const wasThere = mayBeThere(path);
  try {
    using _ = takeLock(stateDb);
    // Windows removes nothing that is open; an empty file harms nobody.
    if (!wasThere && Deno.build.os !== "windows") Deno.removeSync(path);
  } catch (error) {
    // A run that is active shows that it can.
    if (!(error instanceof LockedError)) throw error;
  }
}

/** What can't be read at all was told before. */
function tryStateDb(stateDb: string): void {
  if (!mayBeThere(stateDb) || refusalOf(stateDb, true) !== null) return;
  const refusal = refusalOf(stateDb);
  if (refusal !== null) throw cantWrite(stateDb, refusal);
  try {
    using _ = takeLock(stateDb);
    tryWriting(stateDb);
  } catch (error) {
    // A lock that can't be made is told, one that a run has is no trouble.
    const isTold = error instanceof LockedError ||
      error instanceof GuardError && !isAbout(error, stateDb);
    if (!isTold) throw error;
  }
}

/** Damage is found by reading, too, and told there. */
function isAbout({ message }: GuardError, stateDb: string): boolean {
  return message.startsWith(`The state DB ${stateDb}`) &&
    !message.includes(" is damaged ");
}

function tryLog(file: string, others: readonly string[]): void {
  const folder = dirname(file);
  try {
    if (mayBeThere(file)) {
      Deno.openSync(file, { append: true }).close();
      return;
    }
    const isMade = !mayBeThere(folder);
    if (isMade) Deno.mkdirSync(folder);
    Deno.openSync(file, { append: true, createNew: true }).close();
    Deno.removeSync(file);
    if (isMade) Deno.removeSync(folder);
  } catch (error) {
    const what = "The log";
    const all = [...logFiles(file), ...others];
    throw cantUse(
      { what, path: file, key: "logging.file", others: all },
      error,
    );
  }
}

/** What may not be looked at is tried as if it were there. */
function mayBeThere(path: string): boolean {
  try {
    return isThere(path);
  } catch {
    return true;
  }
}

function isThere(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/**
 * When a run last went well.
 *
 * @param db The state DB.
 * @param nowMs In ms since 1970.
 */
export function lastRunCheck(db: StateDb, nowMs: number): Check {
  const of = { name: "last run", side: null };
  const last = db.first(
    `SELECT id, started_at, finished_at, exit_code, stopped_by,
     summary ->> '$.openConflicts' FROM runs ORDER BY rowid DESC LIMIT 1`,
  );
  if (last === null) return fine(of, "none yet");
  const [id, startedAt, finishedAt, exitCode, stoppedBy, conflicts] = last;
  const good = db.first(
    "SELECT started_at FROM runs WHERE exit_code = 0 ORDER BY rowid DESC LIMIT 1",
  )?.[0] ?? null;
  const told = good === null
    ? "none went well so far"
    : `the last that went well began ${timeWords(Number(good))}`;
  const when = timeWords(Number(startedAt));
  if (Number(startedAt) > nowMs) {
    return warning(
      of,
      `it began ${when}, and this PC's clock is behind that`,
      "Set the clock.",
    );
  }
  if (finishedAt === null) {
    if (isActive(db.file)) return fine(of, `one is active since ${when}`);
    return warning(
      of,
      `that of ${when} never ended: it was killed, or the PC was; ${told}`,
      "Run once: what was done already is recognised.",
    );
  }
  if (exitCode !== 0) {
    const why = stoppedBy === null ? "" : ` (${printable(String(stoppedBy))})`;
    return warning(
      of,
      `that of ${when} ended with exit code ${exitCode}${why}; ${told}`,
      // A run does nothing about an open conflict: the history has none.
      `See what it left: ${PROGRAM} history ${id}` +
        (Number(conflicts) > 0 ? `, and ${PROGRAM} conflicts.` : "."),
    );
  }
  return nowMs - Number(startedAt) <= STALE_MS ? fine(of, told) : warning(
    of,
    `${told}, which is long ago`,
    "See whether the task that starts it is still there.",
  );
}

/** Asked only where a run is said not to have ended. */
function isActive(stateDb: string): boolean {
  if (!isThere(`${stateDb}.lock`)) return false;
  try {
    takeLock(stateDb)[Symbol.dispose]();
    return false;
  } catch (error) {
    if (error instanceof LockedError) return true;
    throw error;
  }
}

function timeWords(timeMs: number): string {
  return new Date(timeMs).toLocaleString("sv-SE");
}
