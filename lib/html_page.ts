/**
 * What surrounds the body of a page: style, script, and a policy that lets it
 * load nothing and run nothing else.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { PAGE_SCRIPT } from "./html_script.ts";
import { PAGE_STYLE } from "./html_style.ts";
import type { PageContent } from "./report_html.ts";
import { escapeHtml } from "./text.ts";

/**
 * A whole page, which needs nothing besides itself.
 *
 * @param content Its title and body.
 */
export function htmlPage({ title, body }: PageContent): string {
  const policy = "default-src 'none'; base-uri 'none'; form-action 'none'; " +
    `style-src ${hashOf(PAGE_STYLE)}; script-src ${hashOf(PAGE_SCRIPT)}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
${body}
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
