/**
 * What differs between two texts, line by line.
 *
 * @module
 */
import { type Markup, markup } from "./html.ts";
import { numberWords } from "./text.ts";

/** Texts that differ in more than can be found out in this time, in ms. */
const PATIENCE_MS = 2000;

/** Lines that are shown; nobody reads more. */
const ROOM = 2000;

/** What a line is, by its first letter. */
const KINDS: Readonly<Record<string, "one" | "other" | "both">> = {
  "-": "one",
  "+": "other",
  " ": "both",
};

/**
 * What differs, as a table.
 *
 * @param texts The one and the other.
 * @param names What both are called.
 */
export async function diffHtml(
  [one, other]: readonly [string, string],
  [oneName, otherName]: readonly [string, string],
): Promise<Markup> {
  if (one === other) return markup`<p>Both hold the same text.</p>`;
  const { structuredPatch } = await import("diff");
  const patch = structuredPatch("", "", one, other, "", "", {
    ...{ context: 3, timeout: PATIENCE_MS },
  });
  if (patch === undefined) {
    return markup`<p>They differ in so much that it can't be shown line by line.</p>`;
  }
  let lineCount = 0;
  const hunks = patch.hunks.map(({ oldStart, newStart, lines }) => {
    let [a, b] = [oldStart, newStart];
    return lines.flatMap((line) => {
      const kind = KINDS[line[0]!];
      // That a text does not end with a line break; or what nobody reads.
      if (kind === undefined || ++lineCount > ROOM) return [];
      const text = line.slice(1).replaceAll("\t", "    ");
      const one = kind === "other" ? null : a++;
      const other = kind === "one" ? null : b++;
      const marked = {
        one:
          markup`<span class="hidden">${oneName} only: </span><del>${text}</del>`,
        other:
          markup`<span class="hidden">${otherName} only: </span><ins>${text}</ins>`,
        both: markup`<span>${text}</span>`,
      }[kind];
      return markup`<tr class="${kind}"><td>${one}<td>${other}<td>${marked}`;
    });
  }).filter((rows) => rows.length > 0);
  const rest = lineCount - ROOM;
  return markup`<table class="diff">
<caption>What differs, line by line: − ${oneName} only, + ${otherName} only</caption>
<thead><tr><th scope="col">${oneName}<th scope="col">${otherName}<th scope="col">Line</thead>
${hunks.map((rows) => markup`<tbody>${rows}</tbody>`)}</table>
${rest > 0 ? markup`<p>… and ${numberWords(rest)} more lines.</p>` : null}`;
}
