/**
 * Text as it may be shown on a terminal or written to a log. A file name may
 * hold anything: a line break forges a second record, an escape sequence
 * drives the terminal, a bidi control makes `exe.cod` read as `doc.exe`.
 *
 * @module
 */

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
