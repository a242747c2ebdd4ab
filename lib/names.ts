/**
 * Names that the program gives (clash copies, temporary files, soft-deleted
 * files), names it never sees, and names that a root can't hold.
 *
 * @module
 */
import type { Side } from "./types.ts";

/**
 * A path that no user's file can have, or one of the program's own that was
 * not admitted. No disk and no user brings it about: it is a mistake in the
 * program, or an attack, and ends what was asked for with nothing done.
 */
export class Refused extends Error {
  override readonly name = "Refused";

  /**
   * @param what What was said to be a path, or a part of one.
   * @param why What is wrong with it, in words.
   */
  constructor(what: unknown, why: string) {
    const said = typeof what === "string" ? JSON.stringify(what) : typeof what;
    super(`refused: ${said}: ${why}`);
  }
}

/** The product's own folder in each root. */
export const OWN_FOLDER = ".office-sync";

/** The folder that holds all soft-deleted files of a root. */
export const DELETED_FOLDER = `${OWN_FOLDER}/deleted`;

/** How every temporary name starts, whichever run made it. */
export const TEMPORARY_PREFIX = ".office-sync-tmp-";

/** How the middle name of a rename in two steps starts. */
export const MOVING_PREFIX = ".office-sync-mv-";

/**
 * The name in the middle of a rename in two steps.
 *
 * @param mark Random letters and digits.
 * @throws {Refused} It is more than that.
 */
export function movingName(mark: string): string {
  requireParts(mark);
  return `${MOVING_PREFIX}${mark}`;
}

/**
 * Requires that what was said can't make more than a name of the name it goes
 * into.
 *
 * @throws {Refused} One of them can.
 */
export function requireParts(...parts: readonly unknown[]): void {
  for (const part of parts) {
    if (!/^[\w-]+$/.test(String(part))) {
      throw new Refused(part, "it is no part of a name");
    }
  }
}

/** How long a name may be: of either as much as is allowed. */
export interface NameRoom {
  /** In UTF-8, as most file systems count. */
  readonly bytes: number;
  /** In UTF-16 code units, as Windows counts. */
  readonly units: number;
}

/** What every common file system holds. */
export const COMMON_ROOM: NameRoom = { bytes: 255, units: 255 };

/** What both of two places hold. */
export function sharedRoom(a: NameRoom, b: NameRoom): NameRoom {
  return {
    bytes: Math.min(a.bytes, b.bytes),
    units: Math.min(a.units, b.units),
  };
}

const CLASH_MARK = /\.clash-\d{8}-\d{6}-(?:left|right)(?:-\d+)?$/;
const DELETED_NAME = /^(\d{8})-(\d{6})-([^/-]+)(?:-\d+)?$/;
/** Devices of Windows, whatever follows a dot. */
const DEVICE =
  "(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\\$|conout\\$|clock\\$) *";
const RESERVED = new RegExp(`^${DEVICE}(?:\\.|$)`, "i");
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[<>:"\\|?*\u0000-\u001f]/;

/** As {@linkcode isOwnName} finds it, when a name is spelled plainly. */
const OWN_NAME = /^\.office-sync(?:[. ]*(?:$|:)|-tmp-|-mv-)/;

/** Letters become fewer where some are ligatures. */
const SHORTEST_OWN = ".o\ufb03ce-sync".length;

/**
 * Whether a name belongs to the program itself, at any depth and in any
 * spelling that some file system takes for it: in any case and normal form,
 * with letters that nobody sees, with dots or blanks at the end, as the name
 * of a stream.
 *
 * @param name A file or folder name.
 *
 * @example
 * ```ts
 * import { isOwnName } from "./names.ts";
 * isOwnName(".Office-Sync. "); // true
 * isOwnName("office-sync"); // false
 * ```
 */
export function isOwnName(name: string): boolean {
  // Nearly every name ends here: this is asked once for each file of a scan.
  const first = name.charCodeAt(0);
  if (first !== 46 && first < 128 || name.length < SHORTEST_OWN) return false;
  if (ASCII.test(name)) return OWN_NAME.test(name.toLowerCase());
  return BEGINS_OWN.test(name) && OWN_NAME.test(spelledPlainly(name));
}

// deno-lint-ignore no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;

/** Letters that nobody sees, and then what some take for a dot. */
const DOT = "\\p{DI}*[.\\u2024\\ufe52\\uff0e]";
const BEGINS_OWN = new RegExp(`^${DOT}`, "u");

/** A name as the file systems compare it that tell the fewest apart. */
function spelledPlainly(name: string): string {
  // Capital first: it takes ligatures apart, and a long s is an S.
  return name.replaceAll(/\p{DI}/gu, "").normalize("NFKC")
    .toUpperCase().toLowerCase();
}

/** Why a path is nobody's, or none of the asker's business. */
export interface PathFlaw {
  /** In words. */
  readonly why: string;
  /**
   * All that is wrong is that it holds names of the program itself: in its own
   * spelling, or in another one. Null: it is no path.
   */
  readonly own: "plain" | "odd" | null;
}

// Both are tried on every path of an action. What they find may be harmless;
// what they don't find is.

/** No name, `.`, `..`, and whatever begins as the program's own names do. */
const BEGINNING = `(?:/|$|${DOT})`;
const SUSPECT = new RegExp(`(?:^|/)${BEGINNING}|\\0`, "u");

/** Also devices, letters that are forbidden, and dots and blanks at an end. */
const SUSPECT_ON_WINDOWS = new RegExp(
  `(?:^|/)(?:${BEGINNING}|${DEVICE}(?:[./]|$))|${FORBIDDEN.source}|[. ](?:/|$)`,
  "iu",
);

/**
 * What keeps a path from being that of anything a person has in a root.
 *
 * @param path Below a root, with `/` between names; whatever else it is, is a
 *   flaw.
 * @param isWindows Names are held to the rules of Windows.
 * @returns Null where nothing is wrong with it.
 *
 * @example
 * ```ts
 * import { flawIn } from "./names.ts";
 * flawIn("d/../../x", false)?.why; // '".." is no name'
 * flawIn("d/aux.txt", false); // null
 * ```
 */
export function flawIn(path: unknown, isWindows: boolean): PathFlaw | null {
  if (typeof path !== "string") return { why: "it is no text", own: null };
  if (!path.isWellFormed()) return { why: "it is no Unicode", own: null };
  if (!(isWindows ? SUSPECT_ON_WINDOWS : SUSPECT).test(path)) return null;
  let own: PathFlaw | null = null;
  for (let start = 0, end = 0; end >= 0; start = end + 1) {
    end = path.indexOf("/", start);
    const name = path.slice(start, end < 0 ? undefined : end);
    const why = flawOfName(name, isWindows);
    if (why !== null) return { why, own: null };
    if (!isOwnName(name)) continue;
    const says = `${JSON.stringify(name)} is the program's own`;
    if (!IN_OWN_SPELLING.test(name)) own = { why: says, own: "odd" };
    else own ??= { why: says, own: "plain" };
  }
  return own;
}

const IN_OWN_SPELLING = /^\.office-sync(?:$|-tmp-|-mv-)/;

function flawOfName(name: string, isWindows: boolean): string | null {
  if (name === "") return "a name in it is empty";
  if (name === "." || name === "..") return `"${name}" is no name`;
  if (name.includes("\0")) return "it holds NUL";
  const flaw = isWindows ? flawOnWindows(name) : null;
  return flaw && `Windows can't hold ${flaw}`;
}

/** Names that programs give a file while they save it, in lower case. */
const PASSING_NAME = new RegExp(
  [
    "\\.(?:tmp|temp)$",
    "~$",
    "^\\.goutputstream-",
    "\\.sb-",
    "^\\..*\\.sw.$",
    "^[0-9a-f]{8}$",
  ].join("|"),
);

/** Folders that hold what was thrown away, or older states of all else. */
const TRASH_NAME =
  /^(?:#recycle|@recycle|\.recycle|\$recycle\.bin|\.trash.*|#snapshot|\.snapshot|~snapshot|\.zfs)$/;

/**
 * Whether a path is a passing name: one that a program gives a file only while
 * it saves it, or any below a trash or snapshot folder. A file that got one
 * was not renamed by anybody.
 *
 * @param path Relative to the root.
 *
 * @example
 * ```ts
 * import { isPassing } from "./names.ts";
 * isPassing("plans/~WRL0001.tmp"); // true
 * isPassing("#recycle/plans/Plan.docx"); // true
 * isPassing("plans/Plan.docx"); // false
 * ```
 */
export function isPassing(path: string): boolean {
  const names = path.toLowerCase().split("/");
  const name = names.pop()!;
  return PASSING_NAME.test(name) || names.some((it) => TRASH_NAME.test(it));
}

/** As {@linkcode PASSING_NAME}, of folders: eight digits may be a date. */
const PASSING_FOLDER = /\.(?:tmp|temp)$|~$|\.sb-/;

/**
 * The folder of a path that has its name only while a program saves a document
 * that is a folder, as programs of a Mac do: the outermost one.
 *
 * @param path Relative to the root.
 * @returns Its path, or null.
 *
 * @example
 * ```ts
 * import { passingFolder } from "./names.ts";
 * passingFolder("d/Plan.pages.sb-1a2b-XyZ/Index.zip"); // "d/Plan.pages.sb-1a2b-XyZ"
 * passingFolder("d/Plan.pages/Index.zip"); // null
 * ```
 */
export function passingFolder(path: string): string | null {
  const names = path.split("/");
  const n = names.findIndex((name, at) =>
    at < names.length - 1 && PASSING_FOLDER.test(name.toLowerCase())
  );
  return n < 0 ? null : names.slice(0, n + 1).join("/");
}

/** Who made a temporary name. */
export interface TemporaryOwner {
  /** The pair of roots, as its state DB names it. */
  readonly pair: string;
  /** The run. */
  readonly run: string;
}

/**
 * A temporary name: `.office-sync-tmp-<pair>-<run>-<n>`.
 *
 * @param owner Pair and run.
 * @param n Counted by the run.
 * @throws {Refused} One of them is more than a part of a name.
 */
export function temporaryName(owner: TemporaryOwner, n: number): string {
  requireParts(owner.pair, owner.run, n);
  return `${TEMPORARY_PREFIX}${owner.pair}-${owner.run}-${n}`;
}

/** Whether a name is a temporary one that a given pair made. */
export function isTemporaryOf(name: string, pair: string): boolean {
  return name.toLowerCase().startsWith(`${TEMPORARY_PREFIX}${pair}-`);
}

/**
 * A time as names carry it: `YYYYMMDD-HHMMSS`, in UTC.
 *
 * @param timeMs In ms since 1970.
 */
export function timeMark(timeMs: number): string {
  const at = new Date(clampTime(timeMs)).toISOString();
  return at.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
}

/** Keeps the year at four digits, whatever a file system claims. */
function clampTime(timeMs: number): number {
  const latest = Date.UTC(9999, 11, 31, 23, 59, 59);
  const earliest = Date.UTC(0, 0, 1);
  return Math.min(Math.max(timeMs, earliest), latest);
}

/** Stem and extension; the extension keeps its dot and may be empty. */
interface NameParts {
  readonly stem: string;
  readonly extension: string;
}

/** The extension starts at the last dot, unless that is first or last. */
function splitName(name: string): NameParts {
  const dot = name.lastIndexOf(".");
  if (dot <= 0 || dot === name.length - 1) return { stem: name, extension: "" };
  return { stem: name.slice(0, dot), extension: name.slice(dot) };
}

/** What a clash name is made of. */
export interface ClashName {
  /** The name both versions have. */
  readonly name: string;
  /** The older version's mtime, in ms since 1970. */
  readonly mtimeMs: number;
  /** The older version's side. */
  readonly side: Side;
  /** 1 for the first try, then 2, 3, … */
  readonly attempt: number;
  /** How long it may be. Left out: as long as most file systems hold. */
  readonly room?: NameRoom;
}

/**
 * The name of a clash copy:
 * `<stem>.clash-<YYYYMMDD-HHMMSS>-<left|right><n>.<ext>`.
 *
 * An older mark in the name is replaced, not added to, and the stem is cut so
 * that the whole name has the room that there is.
 *
 * @param clash The name, and what tells the older version.
 * @returns A name in the same folder.
 *
 * @example
 * ```ts
 * import { clashName } from "./names.ts";
 * clashName({ name: "plan.xlsx", mtimeMs: 0, side: "left", attempt: 1 });
 * // "plan.clash-19700101-000000-left.xlsx"
 * ```
 */
export function clashName(clash: ClashName): string {
  // A name without extension ends with its mark, which looks like one.
  const { stem, extension } = splitName(withoutMark(clash.name));
  const plainStem = withoutMark(stem);
  const mark = `.clash-${timeMark(clash.mtimeMs)}-${clash.side}` +
    (clash.attempt === 1 ? "" : `-${clash.attempt}`);
  return fitName(plainStem, extension, mark, clash.room ?? COMMON_ROOM);
}

/**
 * The name of the file that a clash copy belongs to.
 *
 * @returns Null where the name is not that of a clash copy.
 *
 * @example
 * ```ts
 * import { clashedName } from "./names.ts";
 * clashedName("plan.clash-20261122-081500-left.xlsx"); // "plan.xlsx"
 * ```
 */
export function clashedName(name: string): string | null {
  // Without an extension the mark, which looks like one, ends the name.
  const { stem, extension } = CLASH_MARK.test(name)
    ? { stem: name, extension: "" }
    : splitName(name);
  const plain = withoutMark(stem);
  return plain === stem ? null : plain + extension;
}

function withoutMark(text: string): string {
  return text.replace(CLASH_MARK, "") || text;
}

/**
 * A soft-deleted file's name where the plain one is taken: `plan-2.xlsx`.
 *
 * @param name The file's name.
 * @param attempt 1 for the plain name, then 2, 3, …
 * @param room How long it may be.
 */
export function numberedName(
  name: string,
  attempt: number,
  room: NameRoom = COMMON_ROOM,
): string {
  if (attempt === 1) return name;
  const { stem, extension } = splitName(name);
  return fitName(stem, extension, `-${attempt}`, room);
}

/**
 * A name cut so that it fits; its extension is kept.
 *
 * @param room How long it may be.
 */
export function fittingName(name: string, room: NameRoom): string {
  const { stem, extension } = splitName(name);
  return fitName(stem, extension, "", room);
}

/** What the name of a run's folder among the soft-deleted files tells. */
export interface DeletedFolder {
  /** When the run began, in ms since 1970. */
  readonly timeMs: number;
  /** The pair of roots. */
  readonly pair: string;
}

/**
 * Reads the name of a run's folder among the soft-deleted files:
 * `<YYYYMMDD-HHMMSS>-<pair>`, with a number where that was taken.
 *
 * @param name The folder's name.
 * @returns Null for a name that no run gives.
 *
 * @example
 * ```ts
 * import { deletedFolder } from "./names.ts";
 * deletedFolder("20260102-030405-ab12cd")?.pair; // "ab12cd"
 * ```
 */
export function deletedFolder(name: string): DeletedFolder | null {
  const [, date = "", time = "", pair = ""] = DELETED_NAME.exec(name) ?? [];
  const iso = date.replace(/^(....)(..)/, "$1-$2-") + "T" +
    time.replace(/^(..)(..)/, "$1:$2:") + "Z";
  const timeMs = Date.parse(iso);
  // 20260231 is read as a day in March: no run gives such a name.
  const isTime = !Number.isNaN(timeMs) &&
    timeMark(timeMs) === `${date}-${time}`;
  return isTime ? { timeMs, pair } : null;
}

/** Cuts the stem so that the name fits. */
function fitName(
  stem: string,
  extension: string,
  mark: string,
  room: NameRoom,
): string {
  const tail = mark + extension;
  if (fits(stem + tail, room)) return stem + tail;
  // An extension that leaves no room is cut like a stem.
  if (extension !== "" && !fits(`a${tail}`, room)) {
    return fitName(stem + extension, "", mark, room);
  }
  return cutToFit(stem, tail, room) + tail;
}

/** Never inside of what a person sees as one character, if one has room. */
function cutToFit(stem: string, tail: string, room: NameRoom): string {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const characters = Array.from(segmenter.segment(stem), (it) => it.segment);
  for (const letters of [characters, [...stem]]) {
    let kept = "";
    for (const letter of letters) {
      if (!fits(kept + letter + tail, room)) break;
      kept += letter;
    }
    if (kept !== "") return kept;
  }
  return "";
}

function fits(name: string, { bytes, units }: NameRoom): boolean {
  return name.length <= units && utf8Length(name) <= bytes;
}

/** What a text measures in UTF-8, in bytes. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/**
 * Why a root that keeps to Windows' rules can't hold a name.
 *
 * @param name A file or folder name.
 * @returns The reason in words, or null where the name is fine.
 *
 * @example
 * ```ts
 * import { whyNotOnWindows } from "./names.ts";
 * whyNotOnWindows("a:b.txt"); // 'the other side can't hold names with ":": rename it'
 * ```
 */
export function whyNotOnWindows(name: string): string | null {
  const flaw = flawOnWindows(name);
  return flaw && `the other side can't hold ${flaw}: rename it`;
}

/**
 * Why a system that keeps to Windows' rules can't look at what another system
 * made: it would find something else by that name, or nothing.
 *
 * @param name A file or folder name, as it is listed.
 * @returns The reason and the way out in words, or null where it can.
 *
 * @example
 * ```ts
 * import { whyNotSeenOnWindows } from "./names.ts";
 * whyNotSeenOnWindows("plan.txt"); // null
 * ```
 */
export function whyNotSeenOnWindows(name: string): string | null {
  const flaw = flawOnWindows(name);
  return flaw &&
    `this system can't open ${flaw}: rename it on the machine that made it`;
}

function flawOnWindows(name: string): string | null {
  const forbidden = FORBIDDEN.exec(name);
  if (forbidden) return `names with ${JSON.stringify(forbidden[0])}`;
  if (RESERVED.test(name)) {
    return `${name}, which is the name of a device on Windows`;
  }
  return /[. ]$/.test(name) ? "names that end with a dot or a space" : null;
}
