/**
 * HTML that is safe by the way it is made: what is put into it is text,
 * whatever it holds, unless it was made here itself.
 *
 * @module
 */
import { printable } from "./text.ts";

/**
 * Text as HTML shows it: what can't be seen is written out, and nothing is
 * taken for a tag.
 *
 * @param text Any text, such as a file name.
 *
 * @example
 * ```ts
 * import { escapeHtml } from "./html.ts";
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

/** HTML: nothing in it has to be escaped any more. */
export class Markup {
  constructor(readonly html: string) {}
}

/** What can be put into HTML: lists as their items, null as nothing. */
export type Part =
  | Markup
  | string
  | number
  | null
  | undefined
  | readonly Part[];

/**
 * HTML from a template: what is put in is escaped, but HTML that was made so.
 *
 * @example
 * ```ts
 * import { markup } from "./html.ts";
 * const name = markup`<b>${"<i>"}</b>`;
 * markup`<p>${name}</p>`.html; // "<p><b>&lt;i&gt;</b></p>"
 * ```
 */
export function markup(
  raw: TemplateStringsArray,
  ...parts: readonly Part[]
): Markup {
  return new Markup(String.raw({ raw }, ...parts.map(htmlOf)));
}

function htmlOf(part: Part): string {
  if (part === null || part === undefined) return "";
  if (part instanceof Markup) return part.html;
  return typeof part === "object"
    ? part.map(htmlOf).join("\n")
    : escapeHtml(String(part));
}

/** A whole document, for light and dark, narrow and wide. */
export function documentHtml(title: string, head: Part, body: Part): string {
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${head}
</head>
${body}
</html>
`.html;
}
