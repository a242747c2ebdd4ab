/**
 * What differs between two texts, line by line.
 *
 * @module
 */
import { escapeHtml, numberWords } from "./text.ts";

// deno-lint-ignore no-control-regex
const BINARY = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/;

/**
 * The text in a file: UTF-8, UTF-16 or Windows-1252.
 *
 * @returns Null where it is no text.
 */
export function textIn(bytes: Uint8Array): string | null {
  const [first, second] = bytes;
  const utf16 = first === 0xff && second === 0xfe
    ? "utf-16le"
    : first === 0xfe && second === 0xff
    ? "utf-16be"
    : null;
  const text = utf16 === null
    ? decoded("utf-8", bytes) ?? decoded("windows-1252", bytes)
    : decoded(utf16, bytes);
  return text === null || BINARY.test(text) ? null : text;
}

function decoded(encoding: string, bytes: Uint8Array): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Texts that differ in more than can be found out in this time, in ms. */
const PATIENCE_MS = 2000;

/** Lines that are shown; nobody reads more. */
const ROOM = 2000;

/** What a line is, by its first letter, and how it is marked. */
const KINDS: Readonly<Record<string, readonly [kind: string, tag: string]>> = {
  "-": ["one", "del"],
  "+": ["other", "ins"],
  " ": ["both", "span"],
};

/**
 * What differs, as a table.
 *
 * @param names What both are called.
 */
export async function diffHtml(
  [one, other]: readonly [string, string],
  names: readonly [string, string],
): Promise<string> {
  if (one === other) return "<p>Both hold the same text.</p>";
  const { structuredPatch } = await import("diff");
  const patch = structuredPatch("", "", one, other, "", "", {
    ...{ context: 3, timeout: PATIENCE_MS },
  });
  if (patch === undefined) {
    return "<p>They differ in so much that it can't be shown line by line.</p>";
  }
  let room = ROOM;
  let rest = 0;
  const rows = patch.hunks.flatMap(({ oldStart, newStart, lines }) => {
    let [a, b] = [oldStart, newStart];
    const rows = lines.flatMap((line) => {
      const known = KINDS[line[0]!];
      // That a text does not end with a line break.
      if (known === undefined) return [];
      const [kind, tag] = known;
      const at = [kind === "other" ? "" : a++, kind === "one" ? "" : b++];
      if (--room < 0) {
        rest++;
        return [];
      }
      const only = kind === "both"
        ? ""
        : `<span class="hidden">${names[kind === "one" ? 0 : 1]} only: </span>`;
      const text = escapeHtml(line.slice(1).replaceAll("\t", "    "));
      return [
        `<tr class="${kind}"><td>${at[0]}<td>${at[1]}<td>${only}` +
        `<${tag}>${text}</${tag}>`,
      ];
    });
    return rows.length === 0 ? [] : [`<tbody>${rows.join("\n")}</tbody>`];
  });
  const more = rest === 0
    ? ""
    : `<p>… and ${numberWords(rest)} more lines.</p>`;
  return `<table class="diff"><caption>What differs, line by line: − ${
    names[0]
  } only, + ${names[1]} only</caption><thead><tr><th scope="col">${
    names[0]
  }<th scope="col">${names[1]}<th scope="col">Line</thead>${
    rows.join("")
  }</table>${more}`;
}
