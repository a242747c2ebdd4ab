/**
 * Text for people: what may be shown on a terminal or written to a log; sizes,
 * times and counts in words; words of a command line.
 *
 * A file name may hold anything: a line break forges a second record, an
 * escape sequence drives the terminal, a bidi control makes `exe.cod` read as
 * `doc.exe`.
 *
 * @module
 */
import { codeOf, inWords } from "./system.ts";
import type { Metadata } from "./types.ts";

// Cc: C0, DEL and C1, where the terminal escapes begin. Zl and Zp: the line
// breaks that are none in ASCII. Cs: half a surrogate pair, which no encoder
// takes. Joiners stay: names in many scripts, and emoji, need them.
const HIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u{200b}\u{feff}]/gu;

const SHORT: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/**
 * Shows what can't be seen: control characters, line breaks, terminal
 * escapes, bidi controls, zero-width spaces and halves of surrogate pairs
 * are written as escapes. All else stays as it is, a backslash too, so that
 * `P:\Docs` reads as it should. What comes out has no line break.
 *
 * @param text Any text, such as a path or an error message.
 * @returns The text in one line; it comes back unchanged if it is put in
 * once more.
 *
 * @example A name that would forge a line
 * ```ts
 * import { printable } from "./text.ts";
 * printable("a\nb"); // "a\\nb"
 * printable("\u001b[2J"); // "\\u001b[2J"
 * ```
 */
export function printable(text: string): string {
  return text.replace(HIDDEN, (char) => SHORT[char] ?? unitEscape(char));
}

/** A character of one UTF-16 unit, as JSON escapes it. */
export function unitEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * A text in double quotes that can be told from every other one: quotes and
 * backslashes are escaped as well, so the result is a JSON string.
 *
 * @returns The text in one line, in quotes.
 *
 * @example A field of a log line
 * ```ts
 * import { quoted } from "./text.ts";
 * `path=${quoted('a "b".txt')}`; // path="a \"b\".txt"
 * ```
 */
export function quoted(text: string): string {
  return `"${printable(text.replace(/["\\]/g, "\\$&"))}"`;
}

/**
 * At most so much of a text, in one line, without the login in a URL.
 *
 * @param text Somebody's text.
 */
export function brief(text: string, maxLetters = 60): string {
  const safe = text.replace(/:\/\/.*@/su, "://…@");
  const letters = [...safe].slice(0, maxLetters).join("");
  return printable(letters === safe ? safe : `${letters}…`);
}

/** What an error says, in one line and without its stack. */
export function errorWords(error: unknown): string {
  if (codeOf(error) === "SANDBOX") return inWords(error);
  return printable(error instanceof Error ? error.message : anyWords(error));
}

/** Anything can be thrown, also what has no text. */
export function anyWords(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "something that can't be shown";
  }
}

/** Its own file, or part of the one that a binary or portable folder holds. */
const isBundled = !import.meta.url.endsWith("/text.ts");

/** What a person types before a command to start this program. */
export const PROGRAM: string = isBundled ? "office-sync" : "deno task sync";

/** The program's version, as `--version` prints it. */
export const VERSION = "0.1.0";

// Sizes, times and counts in words.

/** A number and its noun, of which there may be several. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A number for people: 12,345. */
export function numberWords(value: number): string {
  return value.toLocaleString("en-US");
}

/** Made once, and late: a page has thousands of times, most runs have none. */
let times: Intl.DateTimeFormat | null = null;

/** A time for people, from ms since 1970: local, to the second. */
export function timeWords(timeMs: number): string {
  times ??= new Intl.DateTimeFormat("sv-SE", {
    dateStyle: "short",
    timeStyle: "medium",
  });
  return times.format(timeMs);
}

/**
 * A local time and how far that is from UTC.
 *
 * @example
 * ```ts
 * import { zonedTime } from "./text.ts";
 * zonedTime(0); // in Berlin: "1970-01-01 01:00:00 UTC+01:00"
 * ```
 */
export function zonedTime(timeMs: number): string {
  const zone = Intl.DateTimeFormat("en", { timeZoneName: "longOffset" })
    .formatToParts(timeMs).find(({ type }) => type === "timeZoneName");
  const offset = (zone?.value ?? "").replace("GMT", "");
  return `${timeWords(timeMs)} UTC${offset}`;
}

/**
 * A size for people.
 *
 * @example
 * ```ts
 * import { sizeWords } from "./text.ts";
 * sizeWords(1536); // "1.5 KB"
 * ```
 */
export function sizeWords(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  if (bytes === 1) return "1 byte";
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Time and size of a version. */
export function versionWords(
  { sizeBytes, mtimeMs }: Pick<Metadata, "sizeBytes" | "mtimeMs">,
): string {
  return `${timeWords(mtimeMs)}, ${sizeWords(sizeBytes)}`;
}

/** A time for people, from ms since 1970: of today without the day. */
export function sinceWords(timeMs: number, nowMs = Date.now()): string {
  const [day, time = ""] = timeWords(timeMs).split(" ");
  const minute = time.replace(/:\d+$/, "");
  return timeWords(nowMs).startsWith(`${day} `) ? minute : `${day} ${minute}`;
}

// deno-lint-ignore no-control-regex
const BINARY = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/;

/** The text in a file, UTF-8, UTF-16 or Windows-1252; null: it is no text. */
export function textIn(bytes: Uint8Array): string | null {
  const mark = bytes.subarray(0, 2).toHex();
  const encodings = mark === "fffe"
    ? ["utf-16le"]
    : mark === "feff"
    ? ["utf-16be"]
    : ["utf-8", "windows-1252"];
  for (const encoding of encodings) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
      return BINARY.test(text) ? null : text;
    } catch {
      // It is in another one, perhaps.
    }
  }
  return null;
}

// Paths as they are typed into a command line.

/** What no shell gives a meaning to. */
const PLAIN = /^[\p{L}\p{N}_./@:+,][\p{L}\p{N}_./@:+,-]*$/u;

/**
 * A path as one word of a command line, to be copied and pasted.
 *
 * @param isWindows Whether the command line is that of Windows.
 * @returns Null where it holds what can't be typed: a control character, or
 * what turns the direction of the text, which shows as something else.
 *
 * @example
 * ```ts
 * import { shellQuoted } from "./text.ts";
 * shellQuoted("Plan.xlsx", false); // Plan.xlsx
 * shellQuoted("My plan.xlsx", false); // "My plan.xlsx"
 * shellQuoted("$HOME", false); // '$HOME'
 * ```
 */
export function shellQuoted(path: string, isWindows: boolean): string | null {
  if (printable(path) !== path) return null;
  if (PLAIN.test(path)) return path;
  // Windows has no way to write a % that is surely none of a variable's, and
  // names can't hold double quotes there.
  if (isWindows) return path.includes("%") ? null : `"${path}"`;
  // In double quotes these still mean something.
  if (/["$`\\!]/.test(path)) return `'${path.replaceAll("'", `'\\''`)}'`;
  return `"${path}"`;
}

// Names of the two files that systemd wants. Pure.

/** A service, and the timer that starts it. */
export interface UnitNames {
  readonly service: string;
  readonly timer: string;
}

/**
 * The names of both files, from that of one.
 *
 * @param file A path that ends in `.service` or `.timer`, with no other letters
 *   in its name than systemd allows.
 * @returns Null for another one.
 *
 * @example
 * ```ts
 * import { unitNames } from "./text.ts";
 * unitNames("/home/u/sync.timer")?.service; // "/home/u/sync.service"
 * ```
 */
export function unitNames(file: string): UnitNames | null {
  // Systemd passes over other names without a word.
  const [, stem] = /^((?:.*[/\\])?[\w:.-]+)\.(?:service|timer)$/su.exec(file) ??
    [];
  if (stem === undefined) return null;
  return { service: `${stem}.service`, timer: `${stem}.timer` };
}

/**
 * Of a service the timer, and the other way round.
 *
 * @param file The path of one of them.
 * @returns Null for a file that is neither.
 */
export function twinOf(file: string): string | null {
  const names = unitNames(file);
  return file === names?.timer ? names.service : names?.timer ?? null;
}
