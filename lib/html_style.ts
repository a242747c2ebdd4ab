/**
 * How a report looks: light and dark, on a screen and on paper.
 *
 * @module
 */

/** The style sheet. */
export const PAGE_STYLE: string = `
:root {
  --paper: #fff; --ink: #1c2024; --soft: #555c66; --line: #d5d9de;
  --band: #f2f4f7; --copy: #1a5fb4; --remove: #a51d2d; --rename: #6a3aa5;
  --make: #26722f; --heed: #8a4b00; --heed-band: #fff4dd; --focus: #0b57d0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --ink: #e6e8eb; --soft: #a6adb7; --line: #363b42;
    --band: #21252a; --copy: #8ab8ff; --remove: #ff9a9a; --rename: #cbaaff;
    --make: #86d992; --heed: #ffc46b; --heed-band: #33270f; --focus: #a8c7fa;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; padding: 1rem; max-width: 90rem; background: var(--paper);
  color: var(--ink); font: 0.95rem/1.45 system-ui, sans-serif;
}
h1 { margin: 0 0 0.25rem; font-size: 1.5rem; }
h2 { margin: 1.5rem 0 0.5rem; font-size: 1.15rem; }
.verdict { margin: 0 0 0.75rem; font-size: 1.1rem; }
dl { display: flex; flex-wrap: wrap; gap: 0.25rem 2rem; margin: 0 0 1rem; }
dt { color: var(--soft); font-size: 0.85rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.count { color: var(--soft); font-weight: normal; }
.stop {
  padding: 0.25rem 1rem; border-left: 0.4rem solid var(--heed);
  background: var(--heed-band);
}
.stop h2 { margin-top: 0.75rem; }
form { padding: 0.75rem 1rem; border-radius: 0.5rem; background: var(--band); }
fieldset {
  display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 0;
  padding: 0; border: 0; color: inherit;
}
legend { padding: 0; font-weight: bold; }
.more {
  display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center;
  margin-top: 0.5rem;
}
form p { margin: 0.5rem 0 0; color: var(--soft); }
input, button {
  border: 1px solid var(--soft); border-radius: 0.3rem; color: inherit;
  background: var(--paper); font: inherit;
}
input[type=search], button { padding: 0.2rem 0.6rem; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.columns, tr { display: grid; grid-template-columns: 3fr 2fr 3fr 3fr; }
.columns {
  position: sticky; top: 0; z-index: 1; margin-top: 1rem;
  border-bottom: 2px solid var(--line); background: var(--paper);
  font-weight: bold;
}
.columns span, td { padding: 0.3rem 0.5rem; }
table, tbody { display: block; }
caption, thead {
  position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%);
}
tr { border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
small { display: block; color: var(--soft); font-size: 0.85em; }
.none { color: var(--soft); font-style: italic; }
td:nth-child(2) { background: var(--band); }
b { display: inline-block; min-width: 2.2em; text-align: center; }
td:nth-child(2), label { color: var(--ink); }
[class^=COPY] :is(td:nth-child(2)), label[class^=COPY] { color: var(--copy); }
:is([class^=DELETE], [class^=SOFT], [class^=REMOVE]) td:nth-child(2),
label:is([class^=DELETE], [class^=SOFT], [class^=REMOVE]) {
  color: var(--remove);
}
[class^=RENAME] td:nth-child(2), label[class^=RENAME] { color: var(--rename); }
[class^=CREATE] td:nth-child(2), label[class^=CREATE] { color: var(--make); }
:is(.CONFLICT, .CLASH_CREATE, .LEFT_ALONE) td:nth-child(2),
label:is(.CONFLICT, .CLASH_CREATE, .LEFT_ALONE) { color: var(--heed); }
.CONFLICT td { background: var(--heed-band); }
summary {
  padding: 0.3rem 0.5rem; border-bottom: 1px solid var(--line);
  cursor: pointer; overflow-wrap: anywhere;
}
.folder > summary { font-weight: bold; }
pre {
  margin: 0; padding: 0 0.5rem 0 2rem; content-visibility: auto;
  contain-intrinsic-size: auto 500lh; font: inherit; white-space: pre-wrap;
  overflow-wrap: anywhere; unicode-bidi: plaintext;
}
@media (max-width: 45rem) {
  .columns, tr { grid-template-columns: 1fr 1fr; }
}
@media print {
  :root {
    --paper: #fff; --ink: #000; --soft: #333; --line: #999; --band: #fff;
    --copy: #000; --remove: #000; --rename: #000; --make: #000;
    --heed: #000; --heed-band: #fff;
  }
  body { padding: 0; max-width: none; font-size: 9pt; }
  .more, form p { display: none; }
  form { padding: 0; }
  input { display: none; }
  .columns { position: static; }
  tr { break-inside: avoid; }
  .folder::details-content { content-visibility: visible; display: block; }
  pre { content-visibility: visible; }
}
`;
