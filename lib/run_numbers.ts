/**
 * Tells a root, or a state DB, that was restored from a backup: its files look
 * like any others, but a run would take what is old for edits, and what is
 * missing for deleted.
 *
 * Each run that changes something has a number. The state DB notes it first,
 * then each root is given it, in a file for each pair of roots; at last the
 * state DB notes that the root has it. So whenever a run dies, no root has a
 * higher number than the state DB, nor a lower one than it is noted to have.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import { OWN_FOLDER } from "./names.ts";
import {
  flushFolder,
  NotOurs,
  ownFile,
  removeIfThere,
  writeDurably,
} from "./root_identity.ts";
import type { StateDb } from "./state_db.ts";
import { codeOf, inWords } from "./system.ts";
import { type Both, type Side, SIDES } from "./types.ts";

const FOLDER = "pairs";
const CALLED: Record<Side, string> = { left: "Left", right: "Right" };

/**
 * Makes sure that neither a root nor the state DB is older than at the last
 * run that changed something.
 *
 * @param db The state DB, which knows these roots.
 * @param roots Absolute paths.
 * @throws {GuardError} "rolled back"; or "roots", where the system refuses to
 *   tell.
 */
export function requireNewest(db: StateDb, roots: Both<string>): void {
  const pair = db.meta("pair");
  if (pair === null) return;
  // RACE: a plan beside a run. Read in this order, what the run writes
  // meanwhile makes nothing look older than it is.
  const given = { left: givenTo(db, "left"), right: givenTo(db, "right") };
  const found = {
    left: readNumber("left", roots.left, pair),
    right: readNumber("right", roots.right, pair),
  };
  const noted = notedIn(db);
  const ahead = SIDES.filter((side) => numberOf(found[side]) > noted);
  if (ahead.length > 0) throw oldStateDb(db, noted, ahead, found);
  const behind = SIDES.filter((side) => numberOf(found[side]) < given[side]);
  if (behind.length > 0) throw oldRoots(behind, roots, found, given);
}

/**
 * Gives a run that is about to change something its number.
 *
 * @param db The state DB.
 * @param roots Absolute paths.
 * @param pair The pair of roots.
 * @param onWarning Told of a root that can't be given it: the run does there
 *   what it can, as always.
 */
export function numberRun(
  db: StateDb,
  roots: Both<string>,
  pair: string,
  onWarning: (text: string) => void,
): void {
  const number = notedIn(db) + 1;
  db.setMeta("run_number", String(number));
  const have = SIDES.filter((side) => {
    try {
      writeNumber(roots[side], pair, number);
      return true;
    } catch (error) {
      const isSystem = error instanceof NotOurs || codeOf(error) !== null;
      if (!isSystem) throw error;
      onWarning(
        `${CALLED[side]} can't be given the number of this run ` +
          `(${inWords(error)}): if it is restored from a backup of an ` +
          "earlier day, that may not be noticed.",
      );
      return false;
    }
  });
  db.transaction(() => {
    for (const side of have) db.setMeta(`run_number_${side}`, String(number));
  });
}

/**
 * Takes the roots as they are for the newest. To be called in the transaction
 * that takes them for those of the state DB.
 *
 * @param db The state DB.
 * @param roots Absolute paths.
 */
export function acceptNumbers(db: StateDb, roots: Both<string>): void {
  const pair = db.meta("pair");
  if (pair === null) return;
  let highest = notedIn(db);
  for (const side of SIDES) {
    const found = readNumber(side, roots[side], pair);
    highest = Math.max(highest, numberOf(found));
    const has = typeof found === "number" ? String(found) : null;
    db.setMeta(`run_number_${side}`, has);
  }
  if (highest > 0) db.setMeta("run_number", String(highest));
}

/** The last number that a run was to have; 0: none so far. */
function notedIn(db: StateDb): number {
  return Number(db.meta("run_number") ?? 0);
}

/** The last number that a root certainly has; 0: none so far. */
function givenTo(db: StateDb, side: Side): number {
  return Number(db.meta(`run_number_${side}`) ?? 0);
}

/** A root's number; what is wrong with it, in words; null: it has none. */
type Found = number | string | null;

function numberOf(found: Found): number {
  return typeof found === "number" ? found : 0;
}

function readNumber(side: Side, root: string, pair: string): Found {
  const path = `${FOLDER}/${pair}`;
  try {
    if (ownFile(root, path) === null) return null;
    const text = Deno.readTextFileSync(`${root}/${OWN_FOLDER}/${path}`).trim();
    return /^\d{1,15}$/.test(text) ? Number(text) : "it is damaged";
  } catch (error) {
    if (error instanceof NotOurs) return error.message;
    if (codeOf(error) === null) throw error;
    throw new GuardError(
      "roots",
      `${root}/${OWN_FOLDER}/${path}, the number of the last run on ` +
        `${CALLED[side]}, can't be read: ${inWords(error)}. Nothing was ` +
        "changed.",
      "Make sure that the disk or network drive is connected, and that the " +
        "account that runs office-sync may read that file; then run again.",
      { cause: error },
    );
  }
}

/** Never half of it, and on disk when it returns. */
function writeNumber(root: string, pair: string, number: number): void {
  // Not on the empty folder that an unmounted disk leaves.
  if (ownFile(root, "root.json") === null) {
    throw new NotOurs("the root went away");
  }
  const own = `${root}/${OWN_FOLDER}`;
  const folder = `${own}/${FOLDER}`;
  ownFile(root, `${FOLDER}/${pair}`);
  if (makeFolder(folder)) flushFolder(own);
  const file = `${folder}/${pair}`;
  const next = `${file}.new`;
  // A run that died may have left it.
  removeIfThere(next);
  writeDurably(next, `${number}\n`);
  Deno.renameSync(next, file);
  flushFolder(folder);
  // There a folder can't be flushed, but a file with its new name can.
  if (Deno.build.os === "windows") {
    using handle = Deno.openSync(file, { write: true });
    handle.syncSync();
  }
}

/** True: it was not there before. */
function makeFolder(folder: string): boolean {
  try {
    Deno.mkdirSync(folder);
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    return false;
  }
}

const NOTHING_LOST =
  "run once with --accept-roots: nothing is deleted then, what is on one " +
  "side only is copied, and what differs is a conflict.";

function oldStateDb(
  db: StateDb,
  noted: number,
  sides: readonly Side[],
  found: Both<Found>,
): GuardError {
  const shown = sides.map((side) => `${CALLED[side]} shows run ${found[side]}`);
  return new GuardError(
    "rolled back",
    `The state DB ${db.file} is older than the last run that changed ` +
      `something: it knows of run ${noted} at most, and ` +
      `${shown.join(", ")}. It was restored from a backup, alone or with ` +
      "what else is on its disk; a run would take old files for new ones. " +
      "Nothing was changed.",
    `Bring the newest state DB back. If there is none, ${NOTHING_LOST}`,
  );
}

function oldRoots(
  sides: readonly Side[],
  roots: Both<string>,
  found: Both<Found>,
  given: Both<number>,
): GuardError {
  const shown = sides.map((side) => {
    const it = found[side];
    const has = it === null
      ? "shows none"
      : typeof it === "string"
      ? `shows none (in ${OWN_FOLDER}/${FOLDER}: ${it})`
      : `shows run ${it}`;
    return `${CALLED[side]} (${roots[side]}) ${has} and had run ${given[side]}`;
  });
  const [is, it] = sides.length === 1 ? ["is", "it"] : ["are", "they"];
  const names = sides.map((side) => CALLED[side]).join(" and ");
  return new GuardError(
    "rolled back",
    `${names} ${is} older than at the last run that changed something: ` +
      `${shown.join("; ")}. Probably ${it} ${
        it === "it" ? "was" : "were"
      } restored from a backup, or from a snapshot; a run would take old ` +
      "files for edits, and missing ones for deleted. Nothing was changed.",
    `If ${names} ${is} not meant to be as old as that, bring the newer files ` +
      `back. Else ${NOTHING_LOST}`,
  );
}
