/**
 * Text as it may be shown on a terminal or written to a log. A file name may
 * hold anything: a line break forges a second record, an escape sequence
 * drives the terminal, a bidi control makes `exe.cod` read as `doc.exe`.
 *
 * @module
 */
import { words } from "./metadata.ts";
import type { Conflict, Version } from "./plan_types.ts";
import { codeOf, inWords } from "./system.ts";
import { otherSide, type Side, SIDES } from "./types.ts";

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
  return text.replace(
    HIDDEN,
    (char) => SHORT[char] ?? `\\u${hex(char.charCodeAt(0))}`,
  );
}

/** Every character that is escaped is one UTF-16 unit. */
function hex(unit: number): string {
  return unit.toString(16).padStart(4, "0");
}

/**
 * A text in double quotes that can be told from every other one: quotes and
 * backslashes are escaped as well, so the result is a JSON string.
 *
 * @param text Any text.
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
 * Text as HTML shows it: what can't be seen is written out, and nothing is
 * taken for a tag.
 *
 * @param text Any text, such as a file name.
 *
 * @example
 * ```ts
 * import { escapeHtml } from "./text.ts";
 * escapeHtml("<b>\n"); // "&lt;b&gt;\\n"
 * ```
 */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (letter) => ENTITIES[letter]!);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

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

// What a person types to start this program. Pure.

/** Its own file, or part of the one that a binary or portable folder holds. */
const isBundled = !import.meta.url.endsWith("/text.ts");

/** The words before a command: those of the binary and the portable folder. */
export const PROGRAM: string = isBundled ? "office-sync" : "deno task sync";

// The program's version.

/** As `--version` prints it. */
export const VERSION = "0.1.0";

// Conflicts in sentences.

/**
 * A conflict and where each version is now.
 *
 * @param conflict The conflict.
 * @param fate What becomes of a version that is replaced.
 * @param keptAt Where a replaced version is now; null where it is not kept, or
 *   not yet.
 */
export function conflictWords(
  conflict: Conflict,
  fate: string,
  keptAt: string | null,
): string {
  const { winner, policy, versions } = conflict;
  if (winner === null) return openWords(conflict);
  const loser = otherSide(winner);
  const won = versions[winner];
  const lost = versions[loser];
  const path = printable(conflict.path);
  if (conflict.kind === "metadata_conflict") {
    return `${path}: ${causeWords(conflict)}; ` +
      `those of ${words(winner)} were taken`;
  }
  const main = won
    ? `${words(winner)}'s version (${versionWords(won)}) is the file`
    : `${words(winner)}'s folder keeps the name`;
  const other = lost === null
    ? ""
    : policy === "overwrite"
    ? `; ${words(loser)}'s version (${versionWords(lost)}) is replaced, ${
      keptAt === null ? fate : `kept as ${printable(keptAt)}`
    }`
    : `; ${words(loser)}'s version (${versionWords(lost)}) is kept on both ` +
      `sides as ${printable(lost.path)}`;
  return `${path}: ${causeWords(conflict)}; ${main}${other}`;
}

/**
 * A conflict that is left for a person.
 *
 * @param conflict The conflict.
 */
export function openWords(conflict: Conflict): string {
  const versions = SIDES.map((side) => {
    const version = conflict.versions[side];
    const what = version
      ? versionWords(version)
      : fileSide(conflict) === null
      ? "a folder with a new name"
      : "a folder";
    return `${words(side)}: ${what}`;
  });
  return `${printable(conflict.path)}: ${causeWords(conflict)}, and nothing ` +
    `was touched; ${versions.join("; ")}`;
}

/**
 * What makes it a conflict. Of a file against a folder nobody can tell whether
 * the folder was changed: it may be there for what is left alone in it.
 *
 * @param conflict The conflict.
 */
export function causeWords(
  { kind, versions }: Pick<Conflict, "kind" | "versions">,
): string {
  const file = fileSide({ kind, versions });
  if (file !== null) {
    const folder = otherSide(file);
    return `a file on ${words(file)}, a folder on ${words(folder)}`;
  }
  switch (kind) {
    case "modify_modify":
      return "changed on both sides";
    case "new_new":
      return "new on both sides";
    case "metadata_conflict":
      return "name or properties changed on both sides";
  }
}

/**
 * The side of the file where a file stands against a folder.
 *
 * @param conflict The conflict.
 * @returns The side; null for a conflict of any other kind.
 */
export function fileSide(
  { kind, versions }: Pick<Conflict, "kind" | "versions">,
): Side | null {
  if (kind === "metadata_conflict") return null;
  const files = SIDES.filter((side) => versions[side] !== null);
  return files.length === 1 ? files[0]! : null;
}

/**
 * Time and size of a version.
 *
 * @param version The version.
 */
export function versionWords({ sizeBytes, mtimeMs }: Version): string {
  return `${timeWords(mtimeMs)}, ${sizeWords(sizeBytes)}`;
}

/**
 * A time for people: local, to the second.
 *
 * @param timeMs In ms since 1970.
 */
export function timeWords(timeMs: number): string {
  return new Date(timeMs).toLocaleString("sv-SE");
}

/**
 * A size for people.
 *
 * @param bytes The size in bytes.
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

// Paths as they are typed into a command line.

/** What no shell gives a meaning to. */
const PLAIN = /^[\p{L}\p{N}_./@:+,][\p{L}\p{N}_./@:+,-]*$/u;

/**
 * A path as one word of a command line, to be copied and pasted.
 *
 * @param path The path.
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
