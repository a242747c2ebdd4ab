/**
 * What the panel's pages look like, and the little script they have.
 *
 * @module
 */
import { COLORS, SCRIPT } from "./report_html.ts";

/** Light and dark, narrow and wide. */
export const PANEL_STYLE: string = `${COLORS}
.panel {
  margin: 0 auto; padding: 0 1rem 2rem; max-width: 75rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
}
.panel *, .panel *::before { box-sizing: border-box; }
.bar {
  display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center;
  justify-content: space-between; padding: 0.75rem 0;
  border-bottom: 2px solid var(--line);
}
.bar ul, .rows { margin: 0; padding: 0; list-style: none; }
.bar ul { display: flex; flex-wrap: wrap; gap: 0.25rem; }
.bar a {
  display: block; padding: 0.3rem 0.7rem; border-radius: 0.4rem;
  color: inherit; text-decoration: none;
}
.bar a:hover { background: var(--band); text-decoration: underline; }
.bar a[aria-current] { background: var(--ink); color: var(--paper); }
.panel h1 { margin: 1rem 0 0.25rem; font-size: 1.6rem; }
.panel h2 { margin: 1.5rem 0 0.5rem; font-size: 1.15rem; }
.panel p { margin: 0.25rem 0; overflow-wrap: anywhere; }
.panel a { color: var(--copy); }
.roots { color: var(--soft); }
.roots b { margin-left: 1rem; }
.roots b:first-child { margin-left: 0; }
.path { font-weight: 600; overflow-wrap: anywhere; }
.said:not(:empty) {
  margin: 0.75rem 0; padding: 0.5rem 1rem; border-left: 0.4rem solid
  var(--make); background: var(--band);
}
.said.bad:not(:empty), .heed {
  border-left: 0.4rem solid var(--heed); background: var(--heed-band);
}
.panel .heed { margin: 1rem 0; padding: 0.5rem 1rem; }
.rows li { padding: 0.7rem 0; border-bottom: 1px solid var(--line); }
.rows form { margin-top: 0.3rem; }
.panel .bar form, .panel .rows form, .panel .choices form {
  padding: 0; background: none;
}
.newer {
  padding: 0 0.4rem; border-radius: 0.3rem; background: var(--make);
  color: var(--paper); font-size: 0.85rem;
}
.search {
  display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: end;
  margin: 0.75rem 0; padding: 0.75rem 1rem; border-radius: 0.5rem;
  background: var(--band);
}
.search label { display: grid; }
.panel input, .panel button {
  padding: 0.35rem 0.8rem; border: 1px solid var(--soft);
  border-radius: 0.4rem; background: var(--paper); color: inherit;
  font: inherit; max-width: 100%;
}
.panel button { cursor: pointer; font-weight: 600; }
.panel button:hover { background: var(--band); }
.panel button[disabled] { cursor: progress; opacity: 0.6; }
.panel :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin: 1rem 0; }
.sides section { padding: 0.5rem 1rem 1rem; border: 1px solid var(--line); border-radius: 0.5rem; }
.sides h2 { margin-top: 0.25rem; }
.choices form {
  display: grid; grid-template-columns: 7rem 1fr; gap: 1rem;
  align-items: center; margin: 0.6rem 0;
}
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 0.5rem; }
.diff { width: 100%; border-collapse: collapse; }
.diff caption { padding: 0.4rem; color: var(--soft); text-align: left; }
.diff th { padding: 0 0.5rem; text-align: left; }
.diff td { padding: 0 0.5rem; vertical-align: top; color: var(--soft); }
.diff td:last-child {
  width: 100%; color: var(--ink); font-family: ui-monospace, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
.diff tbody + tbody { border-top: 0.4rem double var(--line); }
.diff del, .diff ins { text-decoration: none; }
.diff .one { background: color-mix(in srgb, var(--remove) 14%, var(--paper)); }
.diff .other { background: color-mix(in srgb, var(--make) 14%, var(--paper)); }
.diff .one td:last-child::before { content: "− " / ""; }
.diff .other td:last-child::before { content: "+ " / ""; }
.diff .both td:last-child::before { content: "  " / ""; }
.hidden {
  position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%);
}
.pages { display: flex; gap: 1rem; margin: 1rem 0; }
.panel pre {
  margin: 0.75rem 0; padding: 0.75rem 1rem; border-radius: 0.5rem;
  background: var(--band); white-space: pre-wrap; overflow-wrap: anywhere;
}
.command { user-select: all; }
@media (max-width: 40rem) {
  .sides, .choices form { grid-template-columns: 1fr; gap: 0.5rem; }
  .roots b { display: block; margin-left: 0; }
}
`;

/** Sends forms, once, and goes where that leads. */
export const PANEL_SCRIPT: string = `${SCRIPT}
const said = document.querySelector(".said");
const end = (sentence) => {
  document.querySelector(".bar").remove();
  document.querySelector("main").replaceChildren(sentence);
};
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    said.textContent = "At work …";
    try {
      const body = new URLSearchParams(new FormData(form));
      const reply = await fetch(form.action, { method: "POST", body });
      const text = await reply.text();
      if (reply.headers.get("content-type").startsWith("text/plain")) {
        location.assign(text);
      } else {
        const page = new DOMParser().parseFromString(text, "text/html");
        end(page.querySelector("main p").textContent);
      }
    } catch {
      end("The panel does not answer: it was closed. Start it again.");
    }
  });
}
`;
