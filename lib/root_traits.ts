/**
 * Probes what a root's file system does to names and times.
 *
 * @module
 */
import type { Traits } from "./metadata.ts";
import { OWN_FOLDER, temporaryName, type TemporaryOwner } from "./names.ts";
import { isRealFolder, lstatOf, removeIfThere } from "./root_files.ts";
import { codeOf, orElse } from "./system.ts";
import type { Probe } from "./wire_messages.ts";

/** Traits where nothing is known: nothing is folded, times are exact. */
export const PLAIN_TRAITS: Traits = {
  ignoresCase: Deno.build.os === "windows",
  ignoresNormalForm: false,
  hasWindowsNames: Deno.build.os === "windows",
  carriesModes: Deno.build.os !== "windows",
  hasIds: true,
  tickMs: 1,
  clockOffsetMs: 0,
};

/**
 * What can be told of a root's traits without writing: for a plan before the
 * first run.
 *
 * @param root Absolute path of the root.
 */
export function glance(root: string): Traits {
  const names = [...Deno.readDirSync(root)].map(({ name }) => name);
  const known = new Set(names);
  // A name that is not listed and found all the same is another's spelling.
  const isFoundAs = (respell: (name: string) => string): boolean | null => {
    const other = names.map(respell).find((name) => !known.has(name));
    return other === undefined ? null : isThere(`${root}/${other}`);
  };
  return {
    ...PLAIN_TRAITS,
    ignoresCase: isFoundAs(swapCase) ?? PLAIN_TRAITS.ignoresCase,
    ignoresNormalForm: isFoundAs(swapForm) ?? false,
  };
}

/** Composed for decomposed letters, or the other way round. */
function swapForm(name: string): string {
  const composed = name.normalize("NFC");
  return composed === name ? name.normalize("NFD") : composed;
}

/** Upper case for lower case: the same name only where case is ignored. */
function swapCase(name: string): string {
  const upper = name.toUpperCase();
  return upper === name ? name.toLowerCase() : upper;
}

/** One of so many is not held up by something else, on a busy PC too. */
const CALLS = 3;

/** An odd second and a fraction: each tick cuts it differently. */
const PROBE_TIME_MS = 1_000_000_001_777;

/**
 * Probes what a root's file system does to names and times, with a file of
 * its own in the product's folder.
 *
 * @param root Absolute path of the root.
 * @param owner Names the file.
 * @param inside The folder in the root; "" for the root itself.
 * @returns Null where the root can't be written.
 */
export function probe(
  root: string,
  owner: TemporaryOwner,
  inside: string = OWN_FOLDER,
): Probe | null {
  const folder = inside === "" ? root : `${root}/${inside}`;
  const name = `${temporaryName(owner, 0)}-\u00e9`;
  const path = `${folder}/${name}`;
  try {
    // Never through a link that somebody put in place of the folder.
    if (inside !== "" && !isRealFolder(folder)) return null;
    Deno.openSync(path, { write: true, createNew: true }).close();
  } catch {
    return null;
  }
  try {
    const made = Deno.lstatSync(path);
    const madeAtMs = made.mtime?.getTime() ?? Date.now();
    const mode = (made.mode ?? 0) & 0o777 ^ 0o011;
    const hasMode = takesMode(path, mode);
    const clockOffsetMs = madeAtMs - Date.now();
    const probeTime = new Date(PROBE_TIME_MS);
    const callMs = leastMs(() => Deno.utimeSync(path, probeTime, probeTime));
    const set = Deno.lstatSync(path);
    const time = set.mtime?.getTime() ?? PROBE_TIME_MS;
    const upper = name.toUpperCase().replace("\u00c9", "\u00e9");
    const traits: Traits = {
      ignoresCase: isThere(`${folder}/${upper}`),
      ignoresNormalForm: isThere(`${folder}/${name.normalize("NFD")}`),
      hasWindowsNames: hasWindowsNames(folder, owner),
      carriesModes: hasMode && ((set.mode ?? 0) & 0o777) === mode,
      hasIds: hasIds(path),
      tickMs: tickOf(time),
      clockOffsetMs,
    };
    return { traits, startedAtMs: madeAtMs, callMs };
  } finally {
    removeIfThere(path);
  }
}

/**
 * Why nothing can be written in the program's folder of a root where the root
 * itself may be written: another account made it.
 *
 * @param root Absolute path of the root.
 * @returns That account's number; null: its owner is not to blame.
 */
export function foreignOwner(root: string): number | null {
  const look = (path: string) => orElse(null, () => Deno.lstatSync(path));
  const [found, above] = [look(`${root}/${OWN_FOLDER}`), look(root)];
  return found?.isDirectory && found.uid !== above?.uid ? found.uid : null;
}

/**
 * Whether a file has the same id by a second name. Linux makes ids up for a
 * share that was mounted so, and for any from when another PC renamed a folder
 * on it.
 */
function hasIds(path: string): boolean {
  if (Deno.build.os !== "linux") return true;
  const second = `${path}-2`;
  try {
    Deno.linkSync(path, second);
  } catch {
    // Without second names nothing tells.
    return true;
  }
  try {
    return Deno.lstatSync(path).ino === Deno.lstatSync(second).ino;
  } finally {
    removeIfThere(second);
  }
}

/** Some file systems refuse a mode, others say yes and do nothing. */
function takesMode(path: string, mode: number): boolean {
  // There is no more than a read-only bit, which is no user's business here.
  if (Deno.build.os === "windows") return false;
  return orElse(false, () => {
    Deno.chmodSync(path, mode);
    return true;
  });
}

/** What a call takes when nothing else holds it up, in ms. */
function leastMs(call: () => void): number {
  let least = Infinity;
  for (let n = 0; n < CALLS; n++) {
    const beganMs = performance.now();
    call();
    least = Math.min(least, performance.now() - beganMs);
  }
  return least;
}

function tickOf(timeMs: number): number {
  const fraction = timeMs % 1000;
  if (fraction % 10 === 7) return 1;
  if (fraction !== 0) return fraction % 100 === 0 ? 100 : 10;
  return timeMs / 1000 % 2 === 0 ? 2000 : 1000;
}

const DISK_ERRORS = new Set(["EACCES", "EROFS", "ENOSPC", "EDQUOT", "EIO"]);

function hasWindowsNames(folder: string, owner: TemporaryOwner): boolean {
  // There a colon would open another stream of a file.
  if (Deno.build.os === "windows") return true;
  const path = `${folder}/${temporaryName(owner, 0)}:`;
  try {
    Deno.openSync(path, { write: true, createNew: true }).close();
  } catch (error) {
    // The file beside it has just been made: anything that is no trouble with
    // the disk can only mean the name.
    return !DISK_ERRORS.has(codeOf(error) ?? "");
  }
  removeIfThere(path);
  return false;
}

/** What nearly every file system takes, in bytes. */
const LONG_NAME = 255;

/**
 * The longest name that a folder takes, of 255 letters at most.
 *
 * @param folder Absolute path.
 * @param owner Names the file that is tried; null where nothing may be written:
 *   then it is what can be looked for, which Windows does not tell.
 * @returns In bytes; Infinity where letters count, as on Windows' own disks, and
 *   not what a NAS behind a drive makes of them.
 */
export function longestName(
  folder: string,
  owner: TemporaryOwner | null,
): number {
  const start = `${temporaryName(owner ?? NOBODY, 0)}-`;
  const isWindows = Deno.build.os === "windows";
  const takes = (length: number, letter = "n"): boolean => {
    const name = start.padEnd(length, letter);
    const path = `${folder}/${name}`;
    try {
      if (owner === null) Deno.lstatSync(path);
      else Deno.openSync(path, { write: true, createNew: true }).close();
    } catch (error) {
      // Windows has several words for it; these are about something else.
      const code = codeOf(error) ?? "";
      return isWindows ? DISK_ERRORS.has(code) : code !== "ENAMETOOLONG";
    }
    // Some cut a name that is too long for them, and say nothing.
    const isWhole = !isWindows ||
      [...Deno.readDirSync(folder)].some((entry) => entry.name === name);
    if (owner !== null) removeIfThere(path);
    return isWhole;
  };
  if (isWindows && owner === null) return LONG_NAME;
  if (isWindows && takes(LONG_NAME, "\u00fc")) return Infinity;
  if (takes(LONG_NAME)) return LONG_NAME;
  let [most, less] = [start.length, LONG_NAME];
  while (less - most > 1) {
    const middle = (most + less) >> 1;
    if (takes(middle)) most = middle;
    else less = middle;
  }
  return most;
}

const NOBODY: TemporaryOwner = { pair: "plan", run: "plan" };

function isThere(path: string): boolean {
  return orElse(null, () => lstatOf(path)) !== null;
}
