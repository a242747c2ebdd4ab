/**
 * A mail as a list of blocks, and the two forms it is sent in: plain text and
 * HTML that follows the reader's own colours. Nothing is loaded from anywhere.
 *
 * @module
 */
import { escapeHtml, printable } from "./text.ts";

/** A piece of a mail. Texts are given as they are; both forms escape them. */
export type Block =
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "facts"; readonly facts: readonly Fact[] }
  /** Lines to be typed or copied. */
  | { readonly kind: "commands"; readonly commands: readonly string[] };

/** What it is, and its value. */
export type Fact = readonly [label: string, value: string];

/**
 * A mail without HTML.
 *
 * @param blocks The mail.
 * @returns Lines of text.
 *
 * @example
 * ```ts
 * import { textOf } from "./mail_blocks.ts";
 * textOf([{ kind: "facts", facts: [["Left", "/srv/a.txt"]] }]);
 * // "  Left: /srv/a.txt\n"
 * ```
 */
export function textOf(blocks: readonly Block[]): string {
  return `${blocks.map(blockText).join("\n\n")}\n`;
}

function blockText(block: Block): string {
  switch (block.kind) {
    case "heading": {
      const text = printable(block.text);
      return `${text}\n${"-".repeat(Math.min(72, [...text].length))}`;
    }
    case "text":
      return printable(block.text);
    case "facts": {
      const width = Math.max(...block.facts.map(([label]) => label.length));
      return block.facts.map(([label, value]) =>
        `  ${`${label}:`.padEnd(width + 1)} ${printable(value)}`
      ).join("\n");
    }
    case "commands":
      return block.commands.map((line) => `    ${printable(line)}`).join("\n");
  }
}

/**
 * A mail as an HTML page.
 *
 * @param title For programs that show one.
 * @param blocks The mail.
 */
export function htmlOf(title: string, blocks: readonly Block[]): string {
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    // No colour of its own but grey lines: bright and dark both are readable.
    '<meta name="color-scheme" content="light dark">',
    '<meta name="supported-color-schemes" content="light dark">',
    `<title>${escapeHtml(title)}</title></head>`,
    `<body style="${BODY}">`,
    ...blocks.map(blockHtml),
    "</body></html>",
    "",
  ].join("\n");
}

const BODY = "font-family:'Segoe UI',Helvetica,Arial,sans-serif;" +
  "font-size:15px;line-height:1.45;max-width:46em";
const HEADING = "font-size:17px;margin:1.6em 0 .4em;padding-top:.8em;" +
  "border-top:1px solid #888";
const CODE = "font-family:Consolas,Menlo,monospace;font-size:13px;" +
  "border-left:3px solid #888;padding:.2em .8em;white-space:pre-wrap;" +
  "word-break:break-word";
const LABEL = "text-align:left;vertical-align:top;font-weight:normal;" +
  "white-space:nowrap;padding:1px 14px 1px 0";
const VALUE = "vertical-align:top;padding:1px 0;word-break:break-word";

function blockHtml(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `<h2 style="${HEADING}">${escapeHtml(block.text)}</h2>`;
    case "text":
      return `<p>${escapeHtml(block.text)}</p>`;
    case "facts":
      return [
        '<table role="presentation" style="border-collapse:collapse">',
        ...block.facts.map(([label, value]) =>
          `<tr><th style="${LABEL}">${escapeHtml(label)}</th>` +
          `<td style="${VALUE}">${escapeHtml(value)}</td></tr>`
        ),
        "</table>",
      ].join("\n");
    case "commands":
      return `<pre style="${CODE}">${
        block.commands.map(escapeHtml).join("\n")
      }</pre>`;
  }
}
