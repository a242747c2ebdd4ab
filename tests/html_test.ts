import assert from "node:assert/strict";
import { documentHtml, escapeHtml, type Markup, markup } from "../lib/html.ts";

/** [what, text, HTML] */
const ESCAPED: readonly [string, string, string][] = [
  ["tags", "<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"],
  ["quotes", `a"b'c`, "a&quot;b&#39;c"],
  ["line breaks", "a\nb", "a\\nb"],
  ["terminal escapes", "\u001b[2J", "\\u001b[2J"],
  ["bidi controls", "\u202eexe.cod", "\\u202eexe.cod"],
];

for (const [what, text, html] of ESCAPED) {
  Deno.test(`escapeHtml() writes out ${what}`, () => {
    assert.equal(escapeHtml(text), html);
  });
}

Deno.test("what is put into HTML is text, but HTML that was made so", () => {
  const evil = `<img src="x">`;
  const safe = "&lt;img src=&quot;x&quot;&gt;";
  const inner = markup`<b title="${evil}">${evil}</b>`;
  assert.equal(inner.html, `<b title="${safe}">${safe}</b>`);
  const all = markup`<p>${[inner, evil, 1, null, [evil]]}${null}</p>`;
  assert.equal(all.html, `<p>${inner.html}\n${safe}\n1\n\n${safe}</p>`);
  // An object that looks like it is none.
  const forged = { html: evil } as unknown as Markup;
  assert.throws(() => markup`${forged}`);
  assert.match(
    documentHtml(evil, null, markup`<body>${evil}</body>`),
    new RegExp(`<title>${safe}</title>.*<body>${safe}</body>`, "s"),
  );
});
