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
  const how = { context: 3, timeout: PATIENCE_MS };
  const patch = structuredPatch("", "", one, other, "", "", how);
  if (patch === undefined) {
    return markup`<p>They differ in so much that it can't be shown line by line.</p>`;
  }
  const only = (name: string) =>
    markup`<span class="hidden">${name} only: </span>`;
  const rows = patch.hunks.flatMap(({ oldStart, newStart, lines }) => {
    let [a, b] = [oldStart, newStart];
    const rows = lines.flatMap((line) => {
      const text = line.slice(1).replaceAll("\t", "    ");
      switch (line[0]) {
        case "-":
          return markup`<tr class="one"><td>${a++}<td><td>${
            only(oneName)
          }<del>${text}</del>`;
        case "+":
          return markup`<tr class="other"><td><td>${b++}<td>${
            only(otherName)
          }<ins>${text}</ins>`;
        case " ":
          return markup`<tr class="both"><td>${a++}<td>${b++}<td>${text}`;
        default:
          // That a text does not end with a line break.
          return [];
      }
    });
    return [markup`<tbody>`, ...rows];
  });
  const rest = rows.length - ROOM;
  return markup`<p>What differs, line by line: − ${oneName} only, + ${otherName} only</p>
<table class="diff">
<thead><tr><th scope="col">${oneName}<th scope="col">${otherName}<th scope="col">Line</thead>
${rows.slice(0, ROOM)}</table>
${rest > 0 ? markup`<p>… and ${numberWords(rest)} more lines.</p>` : null}`;
}
