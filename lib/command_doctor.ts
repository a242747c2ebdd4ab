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
import { answer, stateFiles } from "./command_shared.ts";
import { onDisk } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import {
  EXIT,
  type ExitCode,
  GuardError,
  InterruptedError,
  LockedError,
} from "./errors.ts";
import { type Traits, words } from "./metadata.ts";
import type { TemporaryOwner } from "./names.ts";
import { cantUse, foreignFolder, logFiles, refusalOf } from "./own_files.ts";
import { newRunId, runSync } from "./run.ts";
import { waitForAway } from "./run_away.ts";
import {
  checkRoots,
  identifyRoots,
  joiningWords,
  requireNewest,
  wireRoot,
} from "./run_identify.ts";
import {
  networkOf,
  placeOf,
  realPathOnWindows,
  wallOf,
} from "./sandbox_network.ts";
import {
  asGuard,
  cantWrite,
  type Lock,
  StateDb,
  takeLock,
  tryWriting,
} from "./state_db.ts";
import { codeOf, inWords, orElse, Skipped } from "./system.ts";
import {
  countOf,
  errorWords,
  printable,
  PROGRAM,
  sizeWords,
  timeWords,
} from "./text.ts";
import { type Both, type Side, SIDES } from "./types.ts";
import type {
  Deleted,
  FileSystem,
  NetworkRoot,
  RealRoot,
  Walls,
} from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

/** What was found of one thing. */
export interface Found {
  readonly status: "ok" | "warning" | "problem";
  readonly says: string;
  /** What to do about it; null: nothing. */
  readonly todo: string | null;
}

const fine = (says: string): Found => ({ status: "ok", says, todo: null });

/** It may do harm one day. */
const warning = (says: string, todo: string): Found => {
  return { status: "warning", says, todo };
};

/** A run can't do with it. */
const problem = (says: string, todo: string): Found => {
  return { status: "problem", says, todo };
};

/** A guard's complaint; anything else that was thrown is thrown on. */
function complaint(error: unknown): Found {
  if (!(error instanceof GuardError)) throw error;
  const says = error.message.replace(/\.(?: Nothing was changed\.)?$/, "");
  return problem(says, error.hint ?? "");
}

/** What a look found; where a guard ends it, that. */
async function guarded<T>(look: () => Promise<T>): Promise<T | Found> {
  try {
    return await look();
  } catch (error) {
    return complaint(error);
  }
}

/** A finding, with what was looked at. */
export interface Check extends Found {
  readonly name: string;
  /** Null where it is about both sides or none. */
  readonly side: Side | null;
}

/** Checks from their names, in order; null: there is nothing to tell. */
function table(
  side: Side | null,
  checks: Readonly<Record<string, Found | null>>,
): Check[] {
  return Object.entries(checks).flatMap(([name, found]) =>
    found === null ? [] : [{ name, side, ...found }]
  );
}

/**
 * Looks, and tells what was found.
 *
 * @returns The exit code: 1 if something needs attention.
 */
export async function doctor(
  { isJson }: DoctorInvocation,
  config: Config,
  files: Files,
): Promise<ExitCode> {
  const office = await lookAtOffice(files, config);
  const looked = [
    ...table(null, { "config": fine(config.file) }),
    ...office.checks,
    ...ownFileChecks(config.stateDb, config.logging.file),
    ...office.isJoining ? await joiningChecks(files, config) : [],
    ...table(null, {
      "mail": await mailServer(config),
      "permissions": permissions(config),
    }),
  ];
  const isWell = looked.every(({ status }) => status !== "problem");
  const checks = [
    ...looked,
    ...table(null, { "monitor": await monitorOf(config, isWell) }),
  ];
  const bad = checks.filter(({ status }) => status !== "ok").length;
  const exitCode = bad === 0 ? EXIT.agreed : EXIT.leftForPerson;
  const summary = bad === 0
    ? "All is as a run needs it."
    : `${bad} of ${checks.length} checks ${
      bad === 1 ? "needs" : "need"
    } attention.`;
  answer(
    isJson,
    () => [...checks.flatMap(linesOf), "", summary].join("\n"),
    () => ({
      exitCode,
      checks: checks.map(({ name, side, status, says, todo }) => {
        return { check: name, side, status, says, todo };
      }),
    }),
  );
  return exitCode;
}

function linesOf({ name, side, status, says, todo }: Check): string[] {
  const about = side === null ? name : `${words(side)}, ${name}`;
  const mark = status === "ok" ? "ok" : status.toUpperCase();
  const line = `${mark.padEnd(8)} ${about}: ${printable(says)}`;
  if (todo === null) return [line];
  return [line, `${"".padEnd(8)} What to do: ${printable(todo)}`];
}

/** Without a state DB that can be read, at least the roots are looked at. */
async function lookAtOffice(
  files: Files,
  config: Config,
): Promise<{
  readonly checks: readonly Check[];
  /** Of two roots that meet, one was synced before. */
  readonly isJoining: boolean;
}> {
  const { roots, file } = config;
  let damage: Found | null = null;
  const failed = (error: unknown): null => {
    damage = complaint(asGuard(error, config.stateDb));
    return null;
  };
  const asked = <T>(ask: () => T): T | null => {
    if (damage !== null) return null;
    try {
      return ask();
    } catch (error) {
      return failed(error);
    }
  };
  const askedLater = async <T>(ask: () => Promise<T>): Promise<T | null> =>
    damage === null ? await ask().catch(failed) : null;
  using db = asked(() => new StateDb(config.stateDb, { isReadOnly: true }));
  // A pair without a state DB has no name yet.
  const pair = asked(() => db!.meta("pair")) ?? "doctor";
  const owner = { pair, run: newRunId(Date.now()) };
  const left = await lookAtRoot(files, "left", config, owner);
  const right = await lookAtRoot(files, "right", config, owner);
  const { traits } = left;
  const apart = left.realPath !== null && right.realPath !== null
    ? await guarded(async () => {
      await checkRoots(files, roots);
      return fine("apart from each other");
    })
    : null;
  const away = await askedLater(() =>
    guarded(async () => {
      const stop = await waitForAway(files, db!, config, Date.now(), true);
      const says = stop?.reason.replace(/\. Nothing was done\.$/, "");
      return stop && warning(says!, stop.hint);
    })
  );
  const identity = apart?.status === "ok"
    ? await askedLater(() => identities(files, db!, roots))
    : null;
  const state = asked(() => ({
    "state DB": stateDb(db!),
    "state DB's disk": stateDisk(db!, file),
    "last run": lastRun(db!, Date.now()),
  }));
  return {
    checks: [
      ...left.checks,
      ...right.checks,
      ...table(null, {
        "clocks": traits && right.traits &&
          clocks({ left: traits, right: right.traits }),
        "roots": apart,
        "away": away,
        "identity": identity?.found ?? null,
        ...state ?? { "state DB": damage },
      }),
    ],
    isJoining: identity?.isJoining ?? false,
  };
}

/** What was found of a root. */
export interface RootFindings {
  readonly checks: readonly Check[];
  /** Null: the root is not there, or can't be written. */
  readonly traits: Traits | null;
  /** Null: nothing can be read in it, as far as the sandbox goes, or is there. */
  readonly realPath: string | null;
}

/**
 * Looks at a root: that it is there, what it is, and what it does to files.
 *
 * @param owner Names the probe file.
 */
export async function lookAtRoot(
  files: Files,
  side: Side,
  config: Pick<Config, "roots" | "networkRoots" | "softDelete">,
  owner: TemporaryOwner,
): Promise<RootFindings> {
  const path = config.roots[side];
  const { walls } = files;
  const network = walls.network.find((it) => it.side === side);
  const unreadable = (name: string, found: Found): RootFindings => {
    const checks = table(side, { [name]: found });
    return { checks, traits: null, realPath: null };
  };
  // What lies there can't be reached then, by nobody.
  if (network && config.networkRoots === "refuse") {
    return unreadable("real path", refusedPlace(network));
  }
  let real: RealRoot;
  try {
    real = await files.ask("check", { side });
  } catch (error) {
    return unreadable("root", complaint(error));
  }
  const [writing, traits] = await tryOut(files, side, path, real, owner);
  const known = { side, owner: null, traits, nameBytes: null };
  const probed = await files.ask("probe", known);
  const root = wireRoot(real, probed);
  const found = await files.ask("deleted", { side, root, wantsFiles: true });
  const disk = await files.ask("space", { side });
  const room = disk?.allBytes === 0 ? null : disk;
  const checks = table(side, {
    "root": fine(path),
    "real path": place(path, real, disk, network),
    "wall": fine(wallOf(walls, side)),
    "free space": space(room),
    writing,
    "names": traits && namesIn(traits),
    "times": traits && timesIn(traits),
    "replaced files": fine(keptOf(walls)),
    "soft delete": softDeleted(
      found,
      room,
      owner.pair,
      config.softDelete,
    ),
  });
  return { checks, traits, realPath: real.path };
}

const LETTER = "A drive letter is there only while its user is logged on: " +
  "for a task that runs without, name the folder as \\\\server\\share.";

const isDrive = (path: string): boolean => /^[a-z]:/i.test(path);

function place(
  path: string,
  real: RealRoot,
  disk: FileSystem | null,
  network: NetworkRoot | undefined,
): Found {
  const [led, named] = [real.path, path].map((it) =>
    it.replace(/(?<=.)[/\\]+$/, "")
  );
  const where = led === named ? path : `${real.path}, where ${path} leads to`;
  if (network === undefined) {
    const over = networkOf(path, real.path, disk);
    return fine(over === null ? where : `${where}, over ${over}`);
  }
  const says = `${placeOf(network)}, on the network`;
  return fine(isDrive(path) ? `${says}. ${LETTER}` : says);
}

function refusedPlace(network: NetworkRoot): Found {
  const { root } = network;
  const todo = "Let the config say sandbox.network_roots: fence, or leave " +
    "that out; or use a folder of this computer.";
  return problem(
    `${placeOf(network)} is on the network, and the config says ` +
      "sandbox.network_roots: refuse, so no run starts",
    isDrive(root) ? `${todo} ${LETTER}` : todo,
  );
}

/** How much room there is on a disk. */
export interface Room {
  readonly freeBytes: number;
  readonly allBytes: number;
}

const MB = 1_048_576;

/** With less a run may end with copies that were not made. */
const SCARCE_BYTES = 1024 * MB;

/** With less not even a record can be relied on to be written. */
const NEARLY_NONE_BYTES = 50 * MB;

/** How much room a disk has; null where the system tells nothing. */
export function space(room: Room | null): Found {
  if (room === null) return fine("the system does not tell");
  const { freeBytes, allBytes } = room;
  const says = `${sizeWords(freeBytes)} of ${sizeWords(allBytes)} free`;
  const todo = "Free space: copies that find none are left for the next run.";
  if (freeBytes < NEARLY_NONE_BYTES) return problem(says, todo);
  return freeBytes < SCARCE_BYTES ? warning(says, todo) : fine(says);
}

/** By the steps of a run: with its probe, and with a copy from end to end. */
async function tryOut(
  files: Files,
  side: Side,
  path: string,
  real: RealRoot,
  owner: TemporaryOwner,
): Promise<[Found, Traits | null]> {
  try {
    const asks = { side, owner };
    const { probe, foreignOwner } = await files.ask("rehearse", asks);
    if (probe !== null) {
      const says = "a file could be written, dated and removed";
      return [fine(says), probe.traits];
    }
    const { says, todo } = foreignOwner !== null
      ? foreignFolder(path, foreignOwner)
      : {
        says: "no file can be written",
        todo: "Give the account that runs office-sync the right to write to " +
          `"${path}".`,
      };
    return [problem(says, todo), null];
  } catch (error) {
    const code = codeOf(error);
    if (code === null && !(error instanceof Skipped)) throw error;
    const says = `the file that was written could not be used: ${
      inWords(error)
    }`;
    if (code === "SANDBOX") {
      return [problem(says, spellingTodo(side, path, real.path)), null];
    }
    return [warning(says, "Try once more when no run is active."), null];
  }
}

function spellingTodo(side: Side, path: string, real: string): string {
  return real === path
    ? "Start the doctor by the command that starts the runs."
    : `Write ${side}_root as the disk spells it, "${real}"; a program that ` +
      "was made for one config must then be made anew.";
}

function namesIn(traits: Traits): Found {
  const { ignoresCase, ignoresNormalForm, hasWindowsNames } = traits;
  const says = [
    `A and a are ${ignoresCase ? "one name" : "two names"}`,
    ...ignoresNormalForm ? ["é in two spellings is one name"] : [],
    ...hasWindowsNames ? ["names are held to Windows' rules"] : [],
  ].join("; ");
  if (traits.hasIds !== false) return fine(says);
  return warning(
    `${says}; the system makes file ids up: what is renamed there is copied ` +
      "anew",
    "Mount the share anew, without noserverino.",
  );
}

function timesIn({ tickMs }: Traits): Found {
  if (tickMs === 1) return fine("to the millisecond");
  return fine(
    `cut to ${tickMs < 1000 ? `${tickMs} ms` : `${tickMs / 1000} s`}`,
  );
}

function softDeleted(
  { runs, unreadable: bad }: Deleted,
  room: Room | null,
  pair: string,
  { retentionDays, maxTotalBytes }: Config["softDelete"],
): Found {
  let [files, bytes, foreign] = [0, 0, 0];
  const unreadable = bad.length === 0
    ? ""
    : `; ${bad[0]!.path} can't be looked at: ${bad[0]!.why}`;
  for (const run of runs) {
    for (const { metadata } of run.files) {
      files++;
      bytes += metadata.sizeBytes;
      if (run.pair !== pair) foreign += metadata.sizeBytes;
    }
  }
  const limit = (retentionDays === 0 ? "good" : `${retentionDays} days`) +
    (maxTotalBytes === 0 ? "" : `, up to ${sizeWords(maxTotalBytes)}`);
  const others = foreign === 0
    ? ""
    : `; ${sizeWords(foreign)} of it by other PCs, or before the state DB ` +
      "was lost: runs of this PC leave that alone";
  const says = `${countOf(files, "file")}, ` +
    `${sizeWords(bytes)}, kept for ${limit}${others}${unreadable}`;
  if (unreadable !== "") return warning(says, "See who may read that folder.");
  const free = room?.freeBytes ?? Infinity;
  if (bytes <= free) return fine(says);
  return warning(
    `${says}: more than is free on the disk`,
    "Set soft_delete.retention_days or soft_delete.max_total_mb, or remove " +
      `what is old now: ${PROGRAM} purge --older-than 30.`,
  );
}

/**
 * What stays where a version replaces another.
 *
 * @param by What holds the files threads: behind a fence, Windows lets them set
 *   all that they may read.
 */
export function keptOf(
  { by }: Pick<Walls, "by">,
  isWindows = Deno.build.os === "windows",
): string {
  if (!isWindows) {
    return "they keep their mode, and owner and group as far as this account " +
      "may set them; access lists and extended attributes are lost";
  }
  return by === "fence"
    ? "they keep the time of creation, the attributes read-only, hidden, " +
      "system and not indexed, and, as far as this account may set them, " +
      "access rights and owner; streams beside their content are lost"
    : "they keep the rights that they inherit from their folder; rights of " +
      "their own, attributes and the time of creation are lost";
}

/** Two clocks that differ by more may take the wrong version for newer. */
const CLOCK_MS = 5000;

/** Whether both file systems go by one clock. */
export function clocks({ left, right }: Both<Traits>): Found {
  const [a, b] = [left.clockOffsetMs, right.clockOffsetMs];
  const apartMs = Math.abs(a - b);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  if (Math.max(apartMs, Math.abs(a), Math.abs(b)) <= CLOCK_MS) {
    return fine(`Left and Right differ by ${seconds(apartMs)}`);
  }
  return warning(
    `against this PC's clock Left is ${seconds(a)} ahead, Right ${seconds(b)}`,
    "Set all clocks by one time server: of two versions the one with the " +
      "later time counts as the newer.",
  );
}

/** Whether the roots are those of the state DB, and one joins the other. */
async function identities(
  files: Files,
  db: StateDb,
  roots: Both<string>,
): Promise<{ readonly found: Found; readonly isJoining: boolean }> {
  try {
    const identified = await identifyRoots(files, db, roots);
    const isJoining = identified.newSide !== null;
    if (identified.isKnown) await requireNewest(files, db, roots);
    if (identified.warning !== null) {
      const says = identified.warning.replace(/\.$/, "");
      const todo = "Bring the state DB back from where it was, if it was " +
        "moved; else look at the plan before the first run.";
      return { found: warning(says, todo), isJoining };
    }
    const [first, second] = SIDES.filter((side) => identified.identities[side]);
    const says = first === undefined
      ? "none yet; the first run gives both roots one"
      : second === undefined
      ? `only ${words(first)} has one yet; the first run gives the other ` +
        "root one"
      : "both roots show the identity they had";
    return { found: fine(says), isJoining };
  } catch (error) {
    return { found: complaint(error), isJoining: false };
  }
}

function stateDb(db: StateDb): Found {
  const { file } = db;
  if (!mayBeThere(file)) return fine(`none yet; the first run makes ${file}`);
  const [found] = db.first("PRAGMA quick_check") ?? ["ok"];
  if (found === "ok") return fine(`${file} is whole`);
  const [line = ""] = String(found).split("\n");
  return problem(
    `${file} is damaged (${printable(line)})`,
    "Move the file away and run again: the run is then a first meeting, in " +
      "which files deleted since the last run come back.",
  );
}

/** Before the state DB is made, the config beside it tells of its disk. */
function stateDisk({ file }: StateDb, configFile: string): Found {
  const isBeside = dirname(file) === dirname(configFile);
  const near = mayBeThere(file) ? file : isBeside ? configFile : null;
  if (near === null) {
    return fine("can't be told before the first run; it must be a local one");
  }
  const network = networkOf(
    near,
    Deno.build.os === "windows" ? realPathOnWindows(near) : near,
    // Null where the system, or the sandbox of a compiled program, won't tell.
    orElse(null, () => ({ type: Number(statfsSync(near).type) })),
  );
  if (network === null) return fine("local");
  return problem(
    `${file} is reached over the network (${network}), where its locks ` +
      "can't be relied on",
    "Name a file on a local disk as state_db, and move the DB there.",
  );
}

/** With no good run for so long, both sides have drifted apart. */
const STALE_MS = 7 * 24 * 60 * 60 * 1000;

/** When a run last went well; one that only brought files back is none. */
function lastRun(db: StateDb, nowMs: number): Found {
  const last = db.first(
    `SELECT id, started_at, finished_at, exit_code, stopped_by,
     summary ->> '$.openConflicts' FROM runs WHERE run_kind = 'sync'
     ORDER BY rowid DESC LIMIT 1`,
  );
  if (last === null) return fine("none yet");
  const [id, startedAt, finishedAt, exitCode, stoppedBy, conflicts] = last;
  const [good = null] = db.first(
    `SELECT started_at FROM runs WHERE exit_code = 0 AND run_kind = 'sync'
     AND stopped_by IS NULL ORDER BY rowid DESC LIMIT 1`,
  ) ?? [];
  const told = good === null
    ? "none went well so far"
    : `the last that went well began ${timeWords(Number(good))}`;
  const when = timeWords(Number(startedAt));
  if (Number(startedAt) > nowMs) {
    const says = `it began ${when}, and this PC's clock is behind that`;
    return warning(says, "Set the clock.");
  }
  if (finishedAt === null) {
    if (isActive(db.file)) return fine(`one is active since ${when}`);
    return warning(
      `that of ${when} never ended: it was killed, or the PC was; ${told}`,
      "Run once: what was done already is recognised.",
    );
  }
  if (exitCode === 0 && stoppedBy !== null) {
    return warning(
      `that of ${when} only waited (${printable(String(stoppedBy))}); ${told}`,
      "Connect the disk or network drive.",
    );
  }
  if (exitCode !== 0) {
    const why = stoppedBy === null ? "" : ` (${printable(String(stoppedBy))})`;
    return warning(
      `that of ${when} ended with exit code ${exitCode}${why}; ${told}`,
      // A run does nothing about an open conflict: the history has none.
      `See what it left: ${PROGRAM} history ${id}` +
        (Number(conflicts) > 0 ? `, and ${PROGRAM} conflicts.` : "."),
    );
  }
  return nowMs - Number(startedAt) <= STALE_MS ? fine(told) : warning(
    `${told}, which is long ago`,
    "See whether the task that starts it is still there.",
  );
}

/** Asked only where a run is said not to have ended. */
function isActive(stateDb: string): boolean {
  if (!mayBeThere(`${stateDb}.lock`)) return false;
  using lock = lockOf(stateDb);
  return lock === null;
}

/** Null where an active run has it. */
function lockOf(stateDb: string): Lock | null {
  try {
    return takeLock(stateDb);
  } catch (error) {
    if (error instanceof LockedError) return null;
    throw error;
  }
}

/**
 * Whether a run can use its own files: each is tried as a run uses it, and
 * what was not there before is taken away again.
 */
function ownFileChecks(stateDb: string, log: string): Check[] {
  const tried = <T>(work: () => T): [T | null, Found | null] => {
    try {
      return [work(), null];
    } catch (error) {
      return [null, complaint(error)];
    }
  };
  const hadLock = mayBeThere(`${stateDb}.lock`);
  const [lock, locking] = tried(() => lockOf(stateDb));
  const [, writing] = tried(() => {
    // What can't be read at all was told before.
    if (!mayBeThere(stateDb) || refusalOf(stateDb, true) !== null) return;
    const refusal = refusalOf(stateDb);
    if (refusal !== null) throw cantWrite(stateDb, refusal);
    if (lock !== null) tryWriting(stateDb);
  });
  if (lock !== null) {
    // Windows removes nothing that is open; an empty file harms nobody.
    const isOurs = !hadLock && Deno.build.os !== "windows";
    if (isOurs) Deno.removeSync(`${stateDb}.lock`);
    lock[Symbol.dispose]();
  }
  const [, logging] = tried(() => tryLog(log, stateDb));
  // Damage is found by reading, too, and told there.
  const isDamage = writing?.says.includes(" is damaged ");
  const checks = table(null, {
    "state DB's lock": locking,
    "state DB": isDamage ? null : writing,
    "log": logging,
  });
  if (checks.length > 0) return checks;
  const says = "the state DB, its lock and the log can be written";
  return table(null, { "own files": fine(says) });
}

function tryLog(file: string, stateDb: string): void {
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
    const others = [...logFiles(file), ...stateFiles(stateDb)];
    const key = "logging.file";
    throw cantUse({ what: "The log", path: file, key, others }, error);
  }
}

/** What may not be looked at is tried as if it were there. */
function mayBeThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    return codeOf(error) !== "ENOENT";
  }
}

/**
 * Of two roots that meet, one was synced before. What that means for how many
 * files a plan would tell; here it ends before it would read any.
 */
async function joiningChecks(files: Files, config: Config): Promise<Check[]> {
  const checks: Check[] = [];
  await runSync(newRunId(Date.now()), config, {
    files,
    isDryRun: true,
    allowed: { deletes: false, changes: false },
    acceptRoots: false,
    listUnchanged: false,
  }, {
    onOutcome() {},
    onProblem() {},
    onWarning() {},
    onJoining(side, files) {
      const says = joiningWords(side, files)?.replace(/\.$/, "");
      const todo = "Look at the plan before the first run; remove what is " +
        "old, or meant to stay deleted, on the side that is new.";
      const found = says === undefined ? null : warning(says, todo);
      checks.push(...table(side, { "first meeting": found }));
      throw new InterruptedError("SIGINT");
    },
  });
  return checks;
}

/** How long the mail server may take, in ms. */
const MAIL_BOUND_MS = 15_000;

async function mailServer({ email }: Config): Promise<Found> {
  if (email === null) return fine("no mail is sent");
  const { passwordEnv, username } = email;
  const password = passwordEnv === null
    ? email.password
    : Deno.env.get(passwordEnv) || null;
  if (passwordEnv !== null && password === null) {
    return problem(
      `the variable ${passwordEnv} with the password is not set`,
      "Set it for the account, or the task, that runs office-sync.",
    );
  }
  const waits = "Mails wait until they can be sent; no run fails for want of " +
    "them.";
  try {
    const { Mailer, serverWords } = await import("./mail_smtp.ts");
    using mailer = new Mailer({ email, password, boundMs: MAIL_BOUND_MS });
    const fault = await mailer.verify();
    if (fault === null) {
      const login = mailer.hasLoggedIn
        ? " and takes the login"
        : username === null
        ? ""
        : " and asks for no login";
      return fine(`${serverWords(email)} answers${login}`);
    }
    const [says, order] = fault;
    const todo = order === null
      ? "Nothing in the config is wrong with that; try again later."
      : asSentence(order);
    return problem(says, `${todo} ${waits}`);
  } catch (error) {
    const says = `the mail server can't be asked: ${errorWords(error)}`;
    return problem(says, waits);
  }
}

/** Whether a monitor answers; it takes that for a run that went well. */
async function monitorOf(
  { monitor }: Config,
  isWell: boolean,
): Promise<Found> {
  if (monitor === null) return fine("none is told how runs end");
  const { host, pingUrl } = monitor;
  if (!isWell) {
    return fine(
      `${host} was not asked: it would take that for a run that went well`,
    );
  }
  const { askMonitor } = await import("./monitor.ts");
  const why = await askMonitor(pingUrl);
  if (why === null) {
    return fine(`${host} answers, and takes that for a run that went well`);
  }
  return problem(
    `${host}: ${why}`,
    "See whether monitor.ping_url is as the monitor shows it. No run fails " +
      "for want of it.",
  );
}

function asSentence(words: string): string {
  const text = words[0]!.toUpperCase() + words.slice(1);
  return text.endsWith("?") ? text : `${text}.`;
}

/**
 * What all that touches no root may do here, as it is, and not as it should
 * be. Whether the roots can be used, using them tells.
 */
function permissions({ stateDb, email, monitor }: Config): Found {
  const isTask = PROGRAM !== "office-sync";
  const may = (it: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(it).state === "granted";
  // Most calls are checked by what is written, an open file by the disk's words.
  const isShut = [stateDb, onDisk(stateDb)].some((path) =>
    !may({ name: "read", path }) || !may({ name: "write", path })
  );
  if (isShut) {
    return problem(
      `${stateDb} can't be used`,
      isTask
        ? `Start it by ${PROGRAM}.`
        : "Make the program anew, with this config.",
    );
  }
  const open = (["read", "write", "net", "run", "ffi"] as const)
    .filter((name) => may({ name }));
  if (open.length === 0) {
    const server = email === null ? "" : ", the mail server";
    const asked = monitor === null ? "" : ", the monitor's host";
    return fine(
      "what touches no root may use its own files" +
        `${server}${asked} and nothing else`,
    );
  }
  return warning(
    `no sandbox: ${open.join(", ")} without limits`,
    `Start it by ${PROGRAM}.`,
  );
}
