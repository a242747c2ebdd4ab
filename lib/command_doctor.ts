/**
 * The command doctor: looks whether all is as a run needs it, also before the
 * first one. It writes nothing but the file by which a run, too, tries out
 * what a root does to names and times.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { DoctorInvocation } from "./cli_args.ts";
import { print } from "./cli_output.ts";
import { onDisk } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import {
  EXIT,
  type ExitCode,
  GuardError,
  InterruptedError,
  LockedError,
} from "./errors.ts";
import { dropCopy, flushCopy, placeNew, stageCopy } from "./file_ops.ts";
import { type Traits, words } from "./metadata.ts";
import { OWN_FOLDER, temporaryName, type TemporaryOwner } from "./names.ts";
import { cantUse, foreignFolder, logFiles, refusalOf } from "./own_files.ts";
import { joinPath } from "./paths.ts";
import { jsonText } from "./report_json.ts";
import { Root } from "./root_files.ts";
import { checkRoot, checkRoots, type RealRoot } from "./root_identity.ts";
import { glance, probe } from "./root_traits.ts";
import { newRunId, runSync } from "./run.ts";
import { joiningWords, meet, requireNewest } from "./run_identify.ts";
import {
  type SyncListener,
  type SyncOptions,
  UNINTERRUPTED,
} from "./run_types.ts";
import {
  isNetworkPath,
  type NetworkRoot,
  networkRootsOf,
  networkWords,
  REAL_PATH,
  type RealPath,
  realPathOnWindows,
  realRootsOf,
} from "./sandbox_network.ts";
import { keptFiles, runFolders } from "./soft_delete.ts";
import {
  asGuard,
  cantWrite,
  StateDb,
  takeLock,
  tryWriting,
} from "./state_db.ts";
import { CHANGED, codeOf, inWords, Skipped } from "./system.ts";
import { errorWords, printable, PROGRAM, sizeWords } from "./text.ts";
import type { Both, Side } from "./types.ts";

// What the doctor found: one check after the other, told to people and to
// programs.

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  /** Null where it is about both sides or none. */
  readonly side: Side | null;
  readonly status: "ok" | "warning" | "problem";
  /** What was found. */
  readonly says: string;
  /** What to do about it; null: nothing. */
  readonly todo: string | null;
}

/** What a check is about. */
export type Subject = Pick<Check, "name" | "side">;

/**
 * A check that found nothing wrong.
 *
 * @param of What it is about.
 * @param says What was found.
 */
export function fine(of: Subject, says: string): Check {
  return { ...of, status: "ok", says, todo: null };
}

/**
 * A check that found something that may do harm one day.
 *
 * @param of What it is about.
 * @param says What was found.
 * @param todo What to do about it.
 */
export function warning(of: Subject, says: string, todo: string): Check {
  return { ...of, status: "warning", says, todo };
}

/**
 * A check that found something that a run can't do with.
 *
 * @param of What it is about.
 * @param says What was found.
 * @param todo What to do about it.
 */
export function problem(of: Subject, says: string, todo: string): Check {
  return { ...of, status: "problem", says, todo };
}

/**
 * The exit code for what was found.
 *
 * @param checks All checks.
 */
export function exitCodeOf(checks: readonly Check[]): ExitCode {
  const isWell = checks.every(({ status }) => status === "ok");
  return isWell ? EXIT.agreed : EXIT.leftForPerson;
}

/**
 * What was found, line by line.
 *
 * @param checks All checks.
 */
export function checksText(checks: readonly Check[]): string {
  const bad = checks.filter(({ status }) => status !== "ok").length;
  const verdict = bad === 0
    ? "All is as a run needs it."
    : `${bad} of ${checks.length} checks ${
      bad === 1 ? "needs" : "need"
    } attention.`;
  return [...checks.flatMap(checkLines), "", verdict].join("\n");
}

function checkLines({ name, side, status, says, todo }: Check): string[] {
  const about = side === null ? name : `${words(side)}, ${name}`;
  const mark = status === "ok" ? "ok" : status.toUpperCase();
  const line = `${mark.padEnd(8)} ${about}: ${printable(says)}`;
  return todo === null
    ? [line]
    : [line, `${"".padEnd(8)} What to do: ${printable(todo)}`];
}

/**
 * The document of `doctor --json`.
 *
 * @param checks All checks.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function checksDocument(checks: readonly Check[]): unknown {
  return {
    exitCode: exitCodeOf(checks),
    checks: checks.map(({ name, side, status, says, todo }) => ({
      check: name,
      side,
      status,
      says,
      todo,
    })),
  };
}

// What the doctor asks of disks: how full they are, and whether they are
// reached over the network.

const MB = 1_048_576;

/** With less a run may end with copies that were not made. */
const SCARCE_BYTES = 1024 * MB;

/** With less not even a record can be relied on to be written. */
const NEARLY_NONE_BYTES = 50 * MB;

/** How much room there is on a disk. */
export interface Room {
  readonly freeBytes: number;
  readonly allBytes: number;
}

/**
 * How much room a disk has.
 *
 * @param of What is looked at.
 * @param room As the system tells it; null where it tells nothing.
 */
export function spaceCheck(of: Subject, room: Room | null): Check {
  if (room === null) return fine(of, "the system does not tell");
  const { freeBytes, allBytes } = room;
  const says = `${sizeWords(freeBytes)} of ${sizeWords(allBytes)} free`;
  const todo = "Free space: copies that find none are left for the next run.";
  if (freeBytes < NEARLY_NONE_BYTES) return problem(of, says, todo);
  return freeBytes < SCARCE_BYTES ? warning(of, says, todo) : fine(of, says);
}

/**
 * Asks how much room there is.
 *
 * @param path Anything on the disk.
 * @returns Null where the system does not tell.
 */
export function roomAt(path: string): Room | null {
  const told = fileSystemAt(path);
  if (told === null) return null;
  const blockBytes = Number(told.bsize);
  const allBytes = Number(told.blocks) * blockBytes;
  const freeBytes = Number(told.bavail) * blockBytes;
  return allBytes === 0 ? null : { freeBytes, allBytes };
}

function fileSystemAt(path: string): ReturnType<typeof statfsSync> | null {
  try {
    return statfsSync(path);
  } catch (error) {
    // A compiled program has the walls of a sync.
    const isWall = error instanceof Deno.errors.NotCapable;
    if (!isWall && codeOf(error) === null) throw error;
    return null;
  }
}

/** How Linux numbers file systems that another computer serves. */
const NETWORKS: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB",
  0x01021997: "9P",
  0x00c36400: "Ceph",
  0x5346414f: "AFS",
};

/**
 * The network that a path is reached over.
 *
 * @param path The path.
 * @returns Its name, or that of the server and share; null: it is local, as
 *   far as can be told.
 */
export function networkOf(path: string): string | null {
  if (Deno.build.os === "windows") {
    const real = isNetworkPath(path) ? path : realPathOnWindows(path);
    return isNetworkPath(real) ? real : null;
  }
  if (Deno.build.os !== "linux") return null;
  return NETWORKS[Number(fileSystemAt(path)?.type ?? 0)] ?? null;
}

// What the doctor asks of a root: that it is there, what it is, and what its
// file system does to names, times and clocks.

/** Two clocks that differ by more may take the wrong version for newer. */
const CLOCK_MS = 5000;

/** What is asked of a root. */
export interface RootContext {
  readonly side: Side;
  /** Absolute path. */
  readonly path: string;
  /** Names the probe file. */
  readonly owner: TemporaryOwner;
  readonly networkRoots: "refuse" | "allow_all";
  /** What Deno takes for the network; null: it is none of that. */
  readonly network: NetworkRoot | null;
  readonly retentionDays: number;
}

/** What was found of a root. */
export interface RootFindings {
  readonly checks: readonly Check[];
  /** Null: the root is not there, or can't be written. */
  readonly traits: Traits | null;
  /** Whether files can be read in it, as far as walls go. */
  readonly isReadable: boolean;
}

/**
 * Looks at a root.
 *
 * @param context Which one.
 * @returns What was found.
 */
export function lookAtRoot(context: RootContext): RootFindings {
  const { side, path } = context;
  const of = (name: string) => ({ name, side });
  const { network, networkRoots } = context;
  if (network !== null && networkRoots === "refuse") {
    // Inside the walls nothing more can be found out of it.
    const checks = [refusedCheck(side, network)];
    return { checks, traits: null, isReadable: false };
  }
  let real: RealRoot;
  try {
    real = checkRoot(side, path);
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    const says = error.message.replace(/\.(?: Nothing was changed\.)?$/, "");
    const checks = [problem(of("root"), says, error.hint ?? "")];
    return { checks, traits: null, isReadable: false };
  }
  const { traits, check: writing } = tryOut(context);
  return {
    checks: [
      fine(of("root"), path),
      placeCheck(context, real),
      spaceCheck(of("free space"), roomAt(path)),
      writing,
      ...traits === null ? [] : traitChecks(side, traits),
      keptCheck(context, traits),
    ],
    traits,
    isReadable: true,
  };
}

const LETTER = "A drive letter is there only while its user is logged on: " +
  "for a task that runs without, name the folder as \\\\server\\share.";

function placeCheck(
  { side, path, network }: RootContext,
  real: RealRoot,
): Check {
  const of = { name: "real path", side };
  const [led, named] = [real.path, path].map((it) =>
    it.replace(/(?<=.)[/\\]+$/, "")
  );
  const isLink = led !== named;
  const where = isLink ? `${real.path}, where ${path} leads to` : path;
  if (network !== null) {
    const says = `${where}, on the network: runs are made without the ` +
      "sandbox, as sandbox.network_roots: allow_all says";
    return fine(of, isDrive(path) ? `${says}. ${LETTER}` : says);
  }
  const over = networkOf(path);
  return fine(of, over === null ? where : `${where}, over ${over}`);
}

function refusedCheck(side: Side, network: NetworkRoot): Check {
  const { root, share } = network;
  const where = share === null || share === root ? "" : ` (${share})`;
  const todo = "To run without the sandbox, add sandbox: { network_roots: " +
    "allow_all } to the config, or set it in the section that is there; or " +
    "use a folder of this computer.";
  return problem(
    { name: "real path", side },
    `${root}${where} is on the network: inside the sandbox its files can't ` +
      "be read, so no run starts",
    isDrive(root) ? `${todo} ${LETTER}` : todo,
  );
}

function isDrive(path: string): boolean {
  return /^[a-z]:/i.test(path);
}

/** By the steps of a run: with its probe, and with a copy from end to end. */
function tryOut(
  context: RootContext,
): { readonly traits: Traits | null; readonly check: Check } {
  const { side, path, owner } = context;
  const of = { name: "writing", side };
  try {
    // Before the first run there is no folder of its own, and none is made.
    const inside = isThere(`${path}/${OWN_FOLDER}`) ? OWN_FOLDER : "";
    const probed = probe(path, owner, inside);
    if (probed !== null) {
      rehearse(new Root(side, path, probed.traits), owner, inside);
      const says = "a file could be written, dated and removed";
      return { traits: probed.traits, check: fine(of, says) };
    }
    const foreign = foreignFolder(path);
    if (foreign !== null) {
      return { traits: null, check: problem(of, foreign.says, foreign.todo) };
    }
    const says = "no file can be written";
    const todo = "Give the account that runs office-sync the right to write " +
      `to "${path}".`;
    return { traits: null, check: problem(of, says, todo) };
  } catch (error) {
    const code = codeOf(error);
    if (code === null && !(error instanceof Skipped)) throw error;
    const says = `the file that was written could not be used: ${
      inWords(error)
    }`;
    if (code === "SANDBOX") {
      return { traits: null, check: problem(of, says, spellingTodo(context)) };
    }
    const todo = "Try once more when no run is active.";
    return { traits: null, check: warning(of, says, todo) };
  }
}

/** Copies a file of its own within the root, and removes both. */
function rehearse(root: Root, owner: TemporaryOwner, inside: string): void {
  const [source, temporary, target] = [1, 2, 3].map((n) =>
    joinPath(inside, temporaryName(owner, n))
  ) as [string, string, string];
  try {
    Deno.writeTextFileSync(root.absolute(source), "tried by the doctor", {
      createNew: true,
    });
    const seen = root.look(source);
    if (seen.kind !== "file") throw new Skipped(CHANGED);
    const copy = flushCopy(stageCopy({
      from: root,
      path: source,
      seen: seen.metadata,
      to: root,
      temporary,
      mode: 0o600,
      wantsHash: true,
    }));
    if ("error" in copy) throw copy.error;
    placeNew(root, temporary, target);
  } finally {
    for (const path of [source, temporary, target]) {
      dropCopy({ to: root, temporary: path });
    }
  }
}

function spellingTodo({ side, path }: RootContext): string {
  const real = onDisk(path);
  return real === path
    ? "Start the doctor by the command that starts the runs."
    : `Write ${side}_root as the disk spells it, "${real}"; a program that ` +
      "was made for one config must then be made anew.";
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return false;
  }
}

function traitChecks(side: Side, traits: Traits): Check[] {
  const { ignoresCase, ignoresNormalForm, hasWindowsNames, tickMs } = traits;
  const names = [
    `A and a are ${ignoresCase ? "one name" : "two names"}`,
    ...ignoresNormalForm ? ["é in two spellings is one name"] : [],
    ...hasWindowsNames ? ["names are held to Windows' rules"] : [],
  ];
  return [
    fine({ name: "names", side }, names.join("; ")),
    fine(
      { name: "times", side },
      tickMs === 1
        ? "to the millisecond"
        : `cut to ${tickMs < 1000 ? `${tickMs} ms` : `${tickMs / 1000} s`}`,
    ),
  ];
}

function keptCheck(context: RootContext, traits: Traits | null): Check {
  const { side, path, owner, retentionDays } = context;
  const of = { name: "soft delete", side };
  const root = new Root(side, path, traits ?? glance(path));
  let [files, bytes, foreign] = [0, 0, 0];
  let trouble: string | null = null;
  const onTrouble = (at: string, why: string) =>
    trouble ??= `${at} can't be looked at: ${why}`;
  for (const run of runFolders(root, onTrouble)) {
    for (const { metadata } of keptFiles(root, run, onTrouble)) {
      files++;
      bytes += metadata.sizeBytes;
      if (run.pair !== owner.pair) foreign += metadata.sizeBytes;
    }
  }
  const limit = retentionDays === 0
    ? "kept for good"
    : `kept for ${retentionDays} days`;
  const others = foreign === 0
    ? ""
    : `; ${sizeWords(foreign)} of it by other PCs, or before the state DB ` +
      "was lost: runs of this PC leave that alone";
  const count = `${files} ${files === 1 ? "file" : "files"}`;
  const says = `${count}, ${sizeWords(bytes)}, ${limit}${others}`;
  if (trouble !== null) {
    return warning(of, `${says}; ${trouble}`, "See who may read that folder.");
  }
  const free = roomAt(path)?.freeBytes ?? Infinity;
  if (bytes <= free) return fine(of, says);
  return warning(
    of,
    `${says}: more than is free on the disk`,
    "Set soft_delete.retention_days, or remove old folders below " +
      `${path}/.office-sync/deleted.`,
  );
}

/**
 * Whether both file systems go by one clock.
 *
 * @param traits Of both roots.
 */
export function clockCheck(traits: Both<Traits>): Check {
  const of = { name: "clocks", side: null };
  const offsets = [traits.left.clockOffsetMs, traits.right.clockOffsetMs];
  const [left = 0, right = 0] = offsets;
  const apartMs = Math.abs(left - right);
  const worst = Math.max(apartMs, ...offsets.map(Math.abs));
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  if (worst <= CLOCK_MS) {
    return fine(of, `Left and Right differ by ${seconds(apartMs)}`);
  }
  return warning(
    of,
    `against this PC's clock Left is ${seconds(left)} ahead, Right ${
      seconds(right)
    }`,
    "Set all clocks by one time server: of two versions the one with the " +
      "later time counts as the newer.",
  );
}

// What the doctor asks of the state DB: that it is whole and on a local disk,
// knows these roots, and when a run last went well.

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
  const isMade = isThereStateChecks(file);
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
    return isThereStateChecks(path);
  } catch {
    return true;
  }
}

function isThereStateChecks(file: string): boolean {
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
  if (!isThereStateChecks(`${stateDb}.lock`)) return false;
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

const isTask = PROGRAM !== "office-sync";

/** How long the mail server may take, in ms. */
const MAIL_BOUND_MS = 15_000;

/**
 * Looks, and tells what was found.
 *
 * @param invocation How to tell it.
 * @param config The config.
 * @param realPath Tells real paths of roots.
 * @returns The exit code: 1 if something needs attention.
 */
export async function doctor(
  invocation: DoctorInvocation,
  config: Config,
  realPath: RealPath | null = REAL_PATH,
): Promise<ExitCode> {
  const network = networkRootsOf(config, realRootsOf(config, realPath));
  const checks = [
    fine({ name: "config", side: null }, config.file),
    ...officeChecks(config, network),
    ...ownFileChecks(config.stateDb, config.logging.file),
    ...await joiningChecks(config),
    await mailCheck(config),
    permissionCheck(config, network),
  ];
  print(
    invocation.isJson ? jsonText(checksDocument(checks)) : checksText(checks),
  );
  return exitCodeOf(checks);
}

/** Without a state DB that can be read, at least the roots are looked at. */
function officeChecks(
  config: Config,
  network: readonly NetworkRoot[],
): Check[] {
  try {
    using db = new StateDb(config.stateDb, { isReadOnly: true });
    const roots = rootFindings(config, network, db.meta("pair"));
    return [
      ...rootChecks(config, roots, db),
      ...stateChecks(db, config.file),
      lastRunCheck(db, Date.now()),
    ];
  } catch (error) {
    const damage = asProblem("state DB", asGuard(error, config.stateDb));
    const roots = rootFindings(config, network, null);
    return [...rootChecks(config, roots, null), damage];
  }
}

/**
 * Of two roots that meet, one was synced before. What that means for how many
 * files a plan would tell; here it ends before it would read any.
 */
async function joiningChecks(config: Config): Promise<Check[]> {
  if (!isJoining(config)) return [];
  const found: { readonly side: Side; readonly files: number }[] = [];
  const options: SyncOptions = {
    isDryRun: true,
    allowed: { deletes: false, changes: false },
    acceptRoots: false,
    listUnchanged: false,
    interrupt: {
      ...UNINTERRUPTED,
      pass: () =>
        found.length === 0
          ? Promise.resolve()
          : Promise.reject(new InterruptedError("SIGINT")),
    },
  };
  const listener: SyncListener = {
    onOutcome() {},
    onProblem() {},
    onWarning() {},
    onJoining: (side, files) => found.push({ side, files }),
  };
  await runSync(newRunId(Date.now()), config, options, listener);
  return found.flatMap(({ side, files }) => {
    const words = joiningWords(side, files);
    return words === null ? [] : [warning(
      { name: "first meeting", side },
      words.replace(/\.$/, ""),
      "Look at the plan before the first run; remove what is old, or meant " +
        "to stay deleted, on the side that is new.",
    )];
  });
}

/** What is wrong with the roots is told by other checks. */
function isJoining(config: Config): boolean {
  const paths = config.roots;
  try {
    using db = new StateDb(config.stateDb, { isReadOnly: true });
    const owner = { pair: "doctor", run: "doctor" };
    const options = { isDryRun: true, acceptRoots: false, owner };
    return meet(db, paths, options).newSide !== null;
  } catch {
    return false;
  }
}

function rootFindings(
  config: Config,
  network: readonly NetworkRoot[],
  pair: string | null,
): Both<RootFindings> {
  // A pair without a state DB has no name yet.
  const owner = { pair: pair ?? "doctor", run: newRunId(Date.now()) };
  const look = (side: Side, path: string) => {
    const context: RootContext = {
      side,
      path,
      owner,
      networkRoots: config.networkRoots,
      network: network.find(({ key }) => key === `${side}_root`) ?? null,
      retentionDays: config.softDelete.retentionDays,
    };
    return lookAtRoot(context);
  };
  return {
    left: look("left", config.roots.left),
    right: look("right", config.roots.right),
  };
}

function rootChecks(
  config: Config,
  { left, right }: Both<RootFindings>,
  db: StateDb | null,
): Check[] {
  const checks = [...left.checks, ...right.checks];
  const paths = config.roots;
  if (left.traits !== null && right.traits !== null) {
    checks.push(clockCheck({ left: left.traits, right: right.traits }));
  }
  if (!left.isReadable || !right.isReadable) return checks;
  try {
    checkRoots(paths);
    checks.push(fine({ name: "roots", side: null }, "apart from each other"));
    if (db !== null) checks.push(identityCheck(db, paths));
  } catch (error) {
    checks.push(asProblem("roots", error));
  }
  return checks;
}

async function mailCheck({ email }: Config): Promise<Check> {
  const of = { name: "mail", side: null };
  if (email === null) return fine(of, "no mail is sent");
  const { passwordEnv, username } = email;
  const password = passwordEnv === null
    ? email.password
    : Deno.env.get(passwordEnv) || null;
  if (passwordEnv !== null && password === null) {
    const says = `the variable ${passwordEnv} with the password is not set`;
    const todo = "Set it for the account, or the task, that runs office-sync.";
    return problem(of, says, todo);
  }
  const waits = "Mails wait until they can be sent; no run fails for want of " +
    "them.";
  try {
    const { Mailer } = await import("./mail_smtp.ts");
    const { serverWords } = await import("./mail_smtp.ts");
    using mailer = new Mailer({ email, password, boundMs: MAIL_BOUND_MS });
    const fault = await mailer.verify();
    if (fault === null) {
      const login = mailer.hasLoggedIn
        ? " and takes the login"
        : username === null
        ? ""
        : " and asks for no login";
      return fine(of, `${serverWords(email)} answers${login}`);
    }
    const todo = fault.todo === null
      ? "Nothing in the config is wrong with that; try again later."
      : asSentence(fault.todo);
    return problem(of, fault.says, `${todo} ${waits}`);
  } catch (error) {
    const says = `the mail server can't be asked: ${errorWords(error)}`;
    return problem(of, says, waits);
  }
}

function asSentence(words: string): string {
  const text = words[0]!.toUpperCase() + words.slice(1);
  return text.endsWith("?") ? text : `${text}.`;
}

/** What this process may do, as it is, and not as it should be. */
function permissionCheck(
  config: Config,
  network: readonly NetworkRoot[],
): Check {
  const of = { name: "permissions", side: null };
  const may = (it: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(it).state === "granted";
  const { roots, stateDb } = config;
  // Most calls are judged by what is written, an open file by the disk's words.
  const shut = [roots.left, roots.right, stateDb].filter((path) =>
    [path, onDisk(path)].some((path) =>
      !may({ name: "read", path }) || !may({ name: "write", path })
    )
  );
  if (shut.length > 0) {
    const todo = isTask
      ? `Start it by ${PROGRAM}.`
      : "Make the program anew, with this config.";
    return problem(of, `${shut.join(", ")} can't be used`, todo);
  }
  const open = (["read", "write", "net", "run", "ffi"] as const)
    .filter((name) => may({ name }));
  if (open.length === 0) {
    return fine(
      of,
      "the two roots, its own files" +
        `${config.email === null ? "" : ", the mail server"} and nothing else`,
    );
  }
  const says = `no sandbox: ${open.join(", ")} without limits`;
  const isMeant = config.networkRoots === "allow_all" && network.length > 0;
  return isMeant
    ? fine(
      of,
      `${says}, as sandbox.network_roots: allow_all says: ${
        networkWords(network)
      }`,
    )
    : warning(
      of,
      says,
      isTask
        ? `Start it by ${PROGRAM}.`
        : "Make the program anew, if no root is on the network any more.",
    );
}
