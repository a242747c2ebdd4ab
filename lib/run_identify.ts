/**
 * Identifies the roots: whether they are the ones this state DB belongs to and
 * as new as it left them, what to do when it has never met them, and what
 * their file systems do.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import { isSameId, type Traits, words } from "./metadata.ts";
import {
  type NameRoom,
  sharedRoom,
  type TemporaryOwner,
  utf8Length,
} from "./names.ts";
import { foreignFolder } from "./own_files.ts";
import { type Folding, sharedFolding } from "./paths.ts";
import type { Alert } from "./run_types.ts";
import { StateDb } from "./state_db.ts";
import { RecordStore } from "./state_record.ts";
import { PROGRAM } from "./text.ts";
import {
  type Both,
  both,
  type FileId,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";
import type { Identity, Probed, RealRoot, WireRoot } from "./wire_messages.ts";
import { askBoth, type Files } from "./wire_port.ts";

/**
 * Makes sure that both roots are there and apart.
 *
 * @param roots Absolute paths.
 * @throws {GuardError} "roots".
 */
export async function checkRoots(
  files: Files,
  roots: Both<string>,
): Promise<Both<RealRoot>> {
  const real = await askBoth(files, "check", (side) => ({ side }));
  const { left, right } = real;
  const isOneFolder = left.path === right.path ||
    !!left.ino && left.ino === right.ino && left.dev === right.dev;
  if (isOneFolder) {
    throw rootsGuard(
      `left_root and right_root are the same folder ("${roots.left}").`,
      "Name two different folders in the config.",
    );
  }
  for (const side of SIDES) {
    const outer = real[otherSide(side)].path.replace(/[/\\]$/, "");
    const inner = real[side].path;
    const isInside = inner.startsWith(outer) &&
      /^[/\\]/.test(inner.slice(outer.length));
    if (!isInside) continue;
    throw rootsGuard(
      `${side}_root ("${roots[side]}") is inside ${otherSide(side)}_root ` +
        `("${roots[otherSide(side)]}").`,
      "Name two folders of which neither contains the other.",
    );
  }
  return real;
}

function rootsGuard(what: string, hint: string): GuardError {
  return new GuardError("roots", `${what} Nothing was changed.`, hint);
}

/** The roots of a run, known by their ids. */
export interface Identified {
  readonly identities: Both<Identity | null>;
  /** Whether a root's file ids mean what they meant when recorded. */
  readonly idsCount: Both<boolean>;
  /** Something the user should know. */
  readonly warning: string | null;
  /** The state DB has met these roots, and is to go on from there. */
  readonly isKnown: boolean;
  /** The side that was never synced, where the other was; null: neither. */
  readonly newSide: Side | null;
  /** The record is to be taken for empty. */
  readonly forgets: boolean;
}

/**
 * Identifies the roots: the ids they show must be those the state DB knows. On
 * a first meeting they are read, or made where there are none.
 *
 * @param roots Absolute paths.
 * @param owner Names the files that are made; null for a plan, which writes
 *   nothing.
 * @throws {GuardError} "identity", or "roots" where one is a copy of the
 *   other.
 */
export async function identifyRoots(
  files: Files,
  db: StateDb,
  roots: Both<string>,
  owner: TemporaryOwner | null = null,
  acceptRoots = false,
): Promise<Identified> {
  const found = await askBoth(files, "identity", (side) => ({ side }));
  const known = { left: db.meta("root_left"), right: db.meta("root_right") };
  const isFirst = known.left === null || known.right === null;
  if (!isFirst) requireThisPair(db, found, known, roots);
  if (!isFirst && !acceptRoots) {
    requireKnown(db, found, known, roots);
    if (owner) notePaths(db, roots);
    const idCounts = (side: Side): boolean => {
      const stored = db.meta(`root_file_${side}`);
      const id: FileId | null = stored && JSON.parse(stored);
      return isSameId(found[side]!.fileId, id);
    };
    return {
      identities: found,
      idsCount: { left: idCounts("left"), right: idCounts("right") },
      isKnown: true,
      newSide: null,
      warning: null,
      forgets: false,
    };
  }
  const areCopies = found.left !== null && found.left.id === found.right?.id;
  if (areCopies && !acceptRoots) {
    throw new GuardError(
      "roots",
      `${roots.left} and ${roots.right} show one identity: one is a copy of ` +
        "the other, or both lead to one folder. Nothing was changed.",
      "Correct the config. If one really is a copy, made by hand, run once " +
        "with --accept-roots: Right then gets an identity of its own.",
    );
  }
  const introduce = async (owner: TemporaryOwner): Promise<Both<Identity>> => {
    const make = (side: Side, replaces: boolean) =>
      files.ask("introduce", { side, owner, replaces });
    // Both ids are on disk before the state DB learns of either.
    const left = found.left ?? await make("left", false);
    const right = found.right === null || areCopies
      ? await make("right", areCopies)
      : found.right;
    const pair = db.meta("pair");
    const numbers = pair === null ? null : await numbersOf(files, pair);
    if (acceptRoots) new RecordStore(db).forgetRecord();
    db.transaction(() => {
      db.setMeta("root_left", left.id);
      db.setMeta("root_right", right.id);
      notePaths(db, roots);
      if (numbers !== null) acceptNumbers(db, numbers);
    });
    return { left, right };
  };
  return {
    identities: owner ? await introduce(owner) : found,
    idsCount: { left: true, right: true },
    isKnown: false,
    newSide:
      SIDES.find((side) =>
        found[side] === null && found[otherSide(side)] !== null
      ) ?? null,
    warning: found.left && found.right && !acceptRoots
      ? "Both folders have been synced before, but this state DB knows " +
        "nothing of it: files that were deleted on one side since the last " +
        "run come back."
      : null,
    forgets: acceptRoots,
  };
}

/**
 * What it means that a root was never synced and the other was.
 *
 * @param side The one that was not.
 * @param files How many files are on that side only.
 * @returns Null where there are none.
 */
export function joiningWords(side: Side, files: number): string | null {
  if (files === 0) return null;
  const [here, there] = [words(side), words(otherSide(side))];
  const what = files === 1
    ? `1 file that only ${here} has comes`
    : `${files} files that only ${here} has come`;
  return `${there} has been synced before and ${here} has not: ${what} to ` +
    `${there}, deleted there before or not.`;
}

/** What is mailed where the record of earlier runs is gone. */
export function lostRecord(reason: string, run: string, db: StateDb): Alert {
  return {
    key: "lost record",
    isStop: false,
    isEvent: true,
    title: "The record of earlier runs was lost",
    reason,
    hint:
      `Look through what came back: "${PROGRAM} history ${run}" lists it. ` +
      "What nobody wants can be deleted on one side; the other follows. Find " +
      `out what removed the state DB (${db.file}), so that it stays.`,
  };
}

/**
 * Remembers what tells, next time, whether file ids still mean the same. Only
 * at the end of a run, when every row has the ids of today.
 */
export function rememberIds(
  db: StateDb,
  identities: Both<Identity | null>,
): void {
  for (const side of SIDES) {
    const id = identities[side]?.fileId ?? null;
    db.setMeta(`root_file_${side}`, id && JSON.stringify(id));
  }
}

/**
 * Makes sure that both roots are still the ones that were identified: one that
 * was unmounted meanwhile shows an empty folder.
 *
 * @throws {GuardError} "identity".
 */
export async function requireStillThere(
  files: Files,
  identified: Pick<Identified, "identities">,
  roots: Both<string>,
): Promise<void> {
  const now = await askBoth(files, "identity", (side) => ({ side }));
  requireSame(identified, now, roots);
}

/** The same, with what they show now. */
export function requireSame(
  { identities }: Pick<Identified, "identities">,
  now: Both<Identity | null>,
  roots: Both<string>,
): void {
  for (const side of SIDES) {
    const expected = identities[side];
    if (expected === null || now[side]?.id === expected.id) continue;
    throw identityGuard(
      `${words(side)} (${roots[side]}) went away while it was being read.`,
      "Make sure that the disk or network drive is connected, then run again.",
    );
  }
}

/** Where the roots are now. */
function notePaths(db: StateDb, roots: Both<string>): void {
  for (const side of SIDES) {
    if (db.meta(`path_${side}`) === roots[side]) continue;
    db.setMeta(`path_${side}`, roots[side]);
  }
}

/**
 * Whether a root is where it was; null where an older version of the program
 * did not note that.
 */
export function isInPlace(
  db: StateDb,
  side: Side,
  root: string,
): boolean | null {
  const known = db.meta(`path_${side}`);
  if (known === null) return null;
  const plain = (path: string) => path.replace(/(?<=.)[/\\]+$/, "");
  if (Deno.build.os !== "windows") return plain(known) === plain(root);
  const folded = (path: string) =>
    plain(path).replaceAll("/", "\\").toLowerCase();
  return folded(known) === folded(root);
}

/**
 * Whether a state DB is that of two roots, as far as can be told now.
 *
 * @param file The state DB, which is there.
 * @param roots Absolute paths.
 * @returns Null where it can't be read.
 */
export async function knowsRoots(
  files: Files,
  file: string,
  roots: Both<string>,
): Promise<boolean | null> {
  try {
    using db = new StateDb(file, { isReadOnly: true });
    const known = await Promise.all(
      SIDES.map((side) => isKnownRoot(files, db, side, roots[side])),
    );
    return known.includes(true) && !known.includes(false);
  } catch (error) {
    // Damaged, of a newer version, or in use for a long time.
    if (!(error instanceof Error)) throw error;
    return null;
  }
}

/** Null: it can't be told now. */
async function isKnownRoot(
  files: Files,
  db: StateDb,
  side: Side,
  root: string,
): Promise<boolean | null> {
  const known = db.meta(`root_${side}`);
  if (known === null) return false;
  let found: Identity | null = null;
  try {
    found = await files.ask("identity", { side });
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    return isInPlace(db, side, root) === true ? true : null;
  }
  if (found?.id === known) return true;
  const isThere = isInPlace(db, side, root);
  // Emptied, or not mounted, perhaps.
  return isThere ?? (found === null ? null : false);
}

/**
 * A config of other roots than the state DB's has been given a state DB that
 * is in use already. Accepting them would throw the other's record away.
 */
function requireThisPair(
  db: StateDb,
  found: Both<Identity | null>,
  known: Both<string | null>,
  roots: Both<string>,
): void {
  const isOther = SIDES.every((side) => {
    if (found[side]?.id === known[side]) return false;
    const isThere = isInPlace(db, side, roots[side]);
    return isThere === null ? found[side] !== null : !isThere;
  });
  if (!isOther || isSwapped(found, known)) return;
  const pair = pairIn(db);
  throw identityGuard(
    `The state DB ${db.file} belongs to another pair of folders` +
      `${pair && ` (${pair})`}, and neither ${roots.left} nor ` +
      `${roots.right} is one of them.`,
    "Give this config a state DB of its own: name another file as state_db " +
      "in it. Or, if it was meant to sync those other folders, correct " +
      "left_root and right_root.",
  );
}

/** The roots that a state DB knows; "" where it does not know their places. */
function pairIn(db: StateDb): string {
  const [left, right] = [db.meta("path_left"), db.meta("path_right")];
  return left === null || right === null ? "" : `Left ${left}, Right ${right}`;
}

function isSwapped(
  found: Both<Identity | null>,
  known: Both<string | null>,
): boolean {
  return found.left?.id === known.right && found.right?.id === known.left;
}

function requireKnown(
  db: StateDb,
  found: Both<Identity | null>,
  known: Both<string | null>,
  roots: Both<string>,
): void {
  if (isSwapped(found, known)) {
    throw identityGuard(
      "Left and Right are swapped: each shows the identity of the other.",
      "Correct left_root and right_root in the config.",
    );
  }
  for (const side of SIDES) {
    const identity = found[side];
    if (identity?.id === known[side]) continue;
    const where = `${words(side)} (${roots[side]})`;
    const isThere = isInPlace(db, side, roots[side]);
    if (isThere === false) {
      const shows = identity === null ? "it shows no" : "it shows another";
      throw identityGuard(
        `${where} is another folder than at the last run, when it was ` +
          `${db.meta(`path_${side}`)}: ${shows} identity.`,
        `Correct the config. If it is for another pair than ${pairIn(db)}, ` +
          "name a state_db of its own in it. Only if this folder takes the " +
          "place of the other, run once with --accept-roots: nothing is " +
          "deleted then.",
      );
    }
    if (identity === null) {
      // Where an older version noted no places, nobody can tell these apart.
      const otherPair = isThere === null
        ? " If this config is for other folders than this state DB is, name " +
          "a state_db of its own in it."
        : "";
      throw identityGuard(
        `${where} does not show the identity it had at the last run: its ` +
          "disk or network drive may not be connected, or the folder was " +
          "emptied.",
        `Connect it and run again.${otherPair} Only if ${words(side)} is ` +
          "meant to start anew, run once with --accept-roots: nothing is " +
          `deleted then, and what is on ${words(otherSide(side))} is copied.`,
      );
    }
    throw identityGuard(
      `${where} is another folder than at the last run: it shows another ` +
        "identity.",
      "Connect the right disk, or correct the config. Only if this folder is " +
        "meant to be synced from now on, run once with --accept-roots: " +
        "nothing is deleted then.",
    );
  }
}

function identityGuard(message: string, hint: string): GuardError {
  return new GuardError("identity", `${message} Nothing was changed.`, hint);
}

// Tells a root, or a state DB, that was restored from a backup: its files look
// like any others, but a run would take what is old for edits, and what is
// missing for deleted.
//
// Each run that changes something has a number. The state DB notes it first,
// then each root is given it, in a file for each pair of roots; at last the
// state DB notes that the root has it. So whenever a run dies, no root has a
// higher number than the state DB, nor a lower one than it is noted to have.

/**
 * Makes sure that neither a root nor the state DB is older than at the last
 * run that changed something.
 *
 * @param db The state DB, which knows these roots.
 * @param roots Absolute paths.
 * @throws {GuardError} "rolled back"; or "roots", where the system refuses to
 *   tell.
 */
export async function requireNewest(
  files: Files,
  db: StateDb,
  roots: Both<string>,
): Promise<void> {
  const pair = db.meta("pair");
  if (pair === null) return;
  // RACE: a plan beside a run. Read in this order, what the run writes
  // meanwhile makes nothing look older than it is.
  const given = {
    left: Number(db.meta("run_number_left") ?? 0),
    right: Number(db.meta("run_number_right") ?? 0),
  };
  const found = await numbersOf(files, pair);
  const noted = notedIn(db);
  const acceptOnce =
    "run once with --accept-roots: nothing is deleted then, what is on one " +
    "side only is copied, and what differs is a conflict.";
  const ahead = SIDES.filter((side) => numberOf(found[side]) > noted);
  if (ahead.length > 0) {
    const shown = ahead.map((side) =>
      `${words(side)} shows run ${found[side]}`
    );
    throw new GuardError(
      "rolled back",
      `The state DB ${db.file} is older than the last run that changed ` +
        `something: it knows of run ${noted} at most, and ` +
        `${shown.join(", ")}. It was restored from a backup, alone or with ` +
        "what else is on its disk; a run would take old files for new ones. " +
        "Nothing was changed.",
      `Bring the newest state DB back. If there is none, ${acceptOnce}`,
    );
  }
  const behind = SIDES.filter((side) => numberOf(found[side]) < given[side]);
  if (behind.length === 0) return;
  const shown = behind.map((side) => {
    const it = found[side];
    const has = typeof it === "number"
      ? `shows run ${it}`
      : `shows none${it === null ? "" : ` (${it})`}`;
    return `${words(side)} (${roots[side]}) ${has} and had run ${given[side]}`;
  });
  const isOne = behind.length === 1;
  const names = behind.map(words).join(" and ");
  throw new GuardError(
    "rolled back",
    `${names} ${
      isOne ? "is" : "are"
    } older than at the last run that changed ` +
      `something: ${shown.join("; ")}. Probably ${
        isOne ? "it was" : "they were"
      } restored from a backup, or from a snapshot; a run would take old ` +
      "files for edits, and missing ones for deleted. Nothing was changed.",
    `If ${names} ${isOne ? "is" : "are"} not meant to be as old as that, ` +
      `bring the newer files back. Else ${acceptOnce}`,
  );
}

/**
 * Gives a run that is about to change something its number.
 *
 * @param pair The pair of roots.
 * @param onWarning Told of a root that can't be given it: the run does there
 *   what it can, as always.
 */
export async function numberRun(
  files: Files,
  db: StateDb,
  pair: string,
  onWarning: (text: string) => void,
): Promise<void> {
  const number = notedIn(db) + 1;
  db.setMeta("run_number", String(number));
  const given = await askBoth(
    files,
    "number",
    (side) => ({ side, pair, give: number }),
  );
  const have = SIDES.filter((side) => {
    if (given[side] === number) return true;
    onWarning(
      `${words(side)} can't be given the number of this run ` +
        `(${given[side]}): if it is restored from a backup of an earlier ` +
        "day, that may not be noticed.",
    );
    return false;
  });
  db.transaction(() => {
    for (const side of have) db.setMeta(`run_number_${side}`, String(number));
  });
}

/** A root's number; what is wrong with it, in words; null: it has none. */
type Found = number | string | null;

function numberOf(found: Found): number {
  return typeof found === "number" ? found : 0;
}

function numbersOf(files: Files, pair: string): Promise<Both<Found>> {
  return askBoth(files, "number", (side) => ({ side, pair, give: null }));
}

/**
 * Takes the roots as they are for the newest; in the transaction that takes
 * them for those of the state DB.
 */
function acceptNumbers(db: StateDb, found: Both<Found>): void {
  let highest = notedIn(db);
  for (const side of SIDES) {
    highest = Math.max(highest, numberOf(found[side]));
    const it = found[side];
    const has = typeof it === "number" ? String(it) : null;
    db.setMeta(`run_number_${side}`, has);
  }
  if (highest > 0) db.setMeta("run_number", String(highest));
}

/** The last number that a run was to have; 0: none so far. */
function notedIn(db: StateDb): number {
  return Number(db.meta("run_number") ?? 0);
}

// What the roots' file systems do, and what is remembered of that.

/**
 * Probes both roots, each once per run.
 *
 * @param roots Absolute paths.
 * @param owner Names the file that is used; null for a plan, which goes by what
 *   the last run found.
 * @param isSame Whether a root is, for all that is known, on the disk that it
 *   was on.
 * @param onWarning Told of a folder that can't be used.
 * @throws {GuardError} "roots": one can't be read.
 */
export async function probeRoots(
  files: Files,
  db: StateDb,
  roots: Both<string>,
  owner: TemporaryOwner | null,
  isSame: Both<boolean> = { left: true, right: true },
  onWarning: (text: string) => void = () => {},
): Promise<Both<Probed>> {
  const probed = await askBoth(files, "probe", (side) => {
    const bytes = isSame[side] ? db.meta(`name_bytes_${side}`) : null;
    return {
      side,
      owner,
      traits: storedTraits(db, side),
      nameBytes: bytes === null ? null : Number(bytes),
    };
  });
  for (const side of owner ? SIDES : []) {
    const { traits, isTried, foreignOwner, nameBytes } = probed[side];
    if (isTried) db.setMeta(`traits_${side}`, JSON.stringify(traits));
    const isNew = db.meta(`name_bytes_${side}`) !== String(nameBytes);
    if (isTried && isNew) rememberRoom(db, side, nameBytes);
    if (foreignOwner === null) continue;
    const { says, todo } = foreignFolder(roots[side], foreignOwner);
    onWarning(`${says}: nothing can be soft-deleted there. ${todo}`);
  }
  return probed;
}

/** What is told of the roots with a request. */
export function wireRoots(
  real: Both<RealRoot>,
  probed: Both<Pick<Probed, "traits" | "refusedNames">>,
): Both<WireRoot> {
  return both((side) => wireRoot(real[side], probed[side]));
}

/** The same of one root. */
export function wireRoot(
  { dev, ino }: RealRoot,
  { traits, refusedNames }: Pick<Probed, "traits" | "refusedNames">,
): WireRoot {
  return { traits, self: { dev, ino }, refusedNames };
}

function storedTraits(db: StateDb, side: Side): Traits | null {
  return JSON.parse(db.meta(`traits_${side}`) ?? "null");
}

/** What the roots take for one name, as the last run found it. */
export function storedFolding(db: StateDb): Folding {
  return sharedFolding(SIDES.map((side) => storedTraits(db, side)));
}

/**
 * How long names may be that go into a folder of both roots.
 *
 * @param probed What the roots' file systems take.
 */
export function roomIn(
  probed: Both<Pick<Probed, "nameBytes" | "pathBytes">>,
): (folder: Both<string>) => NameRoom {
  return (folder) =>
    SIDES.reduce((room, side) => {
      const { nameBytes, pathBytes } = probed[side];
      const above = folder[side] === "" ? 0 : utf8Length(`${folder[side]}/`);
      const bytes = Math.min(nameBytes, pathBytes - above);
      return sharedRoom(room, { bytes, units: 255 });
    }, { bytes: Infinity, units: Infinity });
}

/**
 * Remembers what names a root has refused as too long.
 *
 * @param bytes What a name may measure there at most, in UTF-8.
 */
export function rememberRoom(db: StateDb, side: Side, bytes: number): void {
  db.setMeta(`name_bytes_${side}`, String(bytes));
}
