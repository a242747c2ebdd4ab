/**
 * What the panel's pages look like, and the little script they have.
 *
 * @module
 */
import { SCRIPT, STYLE } from "./report_html.ts";

/** As a report's page looks, and what that has not. */
export const PANEL_STYLE: string = `${STYLE}
.panel { padding-top: 0; max-width: 75rem; font-size: 1rem; }
.bar {
  display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center;
  justify-content: space-between; padding: 0.75rem 0;
  border-bottom: 2px solid var(--line);
}
.bar ul, .rows { margin: 0; padding: 0; list-style: none; }
.bar ul, .pages { display: flex; flex-wrap: wrap; gap: 0.25rem; }
.bar a {
  display: block; padding: 0.3rem 0.7rem; border-radius: 0.4rem;
  color: inherit; text-decoration: none;
}
.bar a:hover { text-decoration: underline; }
.bar a[aria-current=page] { background: var(--ink); color: var(--paper); }
.panel h1 { margin-top: 1rem; }
.panel p { margin: 0.25rem 0; overflow-wrap: anywhere; }
.panel a { color: var(--copy); }
.roots { color: var(--soft); }
.roots bdi { margin-right: 1rem; }
.path { font-weight: 600; overflow-wrap: anywhere; }
.said:not(:empty) {
  margin: 0.75rem 0; padding: 0.5rem 1rem; background: var(--band);
  border-left: 0.4rem solid var(--make);
}
.rows li { padding: 0.7rem 0; border-bottom: 1px solid var(--line); }
.panel form[method=post] { padding: 0; background: none; }
.newer {
  padding: 0 0.4rem; border-radius: 0.3rem; background: var(--make);
  color: var(--paper); font-size: 0.85rem;
}
.search {
  display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: end;
  margin: 0.75rem 0;
}
.search label { display: grid; }
.panel :is(input, button) { padding: 0.35rem 0.8rem; max-width: 100%; }
.panel button { cursor: pointer; font-weight: 600; }
.panel button[disabled] { cursor: progress; opacity: 0.6; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin: 1rem 0; }
.sides section { padding: 0 1rem 1rem; }
.sides section, .scroll { border: 1px solid var(--line); border-radius: 0.5rem; }
.choices form {
  display: grid; grid-template-columns: 7rem 1fr; gap: 1rem;
  align-items: center; margin: 0.6rem 0;
}
.choices form p { color: inherit; }
.scroll { overflow-x: auto; }
.scroll p { padding: 0 0.5rem; color: var(--soft); }
.diff tr { grid-template-columns: 3.5rem 3.5rem 1fr; border: 0; }
.diff td { padding: 0 0.5rem; background: none; color: var(--soft); }
.diff td:last-child {
  color: var(--ink); font-family: ui-monospace, monospace; white-space: pre-wrap;
}
.diff tbody + tbody { border-top: 0.4rem double var(--line); }
.diff del, .diff ins { text-decoration: none; }
.diff .one { background: color-mix(in srgb, var(--remove) 14%, var(--paper)); }
.diff .other { background: color-mix(in srgb, var(--make) 14%, var(--paper)); }
.diff .one td:last-child::before { content: "− " / ""; }
.diff .other td:last-child::before { content: "+ " / ""; }
.diff .both td:last-child::before { content: "  " / ""; }
.panel pre {
  padding: 0.75rem 1rem; border-radius: 0.5rem; background: var(--band);
  white-space: pre-wrap; overflow-wrap: anywhere;
}
.command { user-select: all; }
@media (max-width: 40rem) {
  .sides, .choices form { grid-template-columns: 1fr; gap: 0.5rem; }
}
`;

/** Sends forms, once, and goes where that leads. */
export const PANEL_SCRIPT: string = `${SCRIPT}
const said = document.querySelector("main > [role=status]");
const end = (sentence) => {
  document.querySelector(".bar").remove();
  const title = document.querySelector("h1");
  title.textContent = sentence;
  document.querySelector("main").replaceChildren(title);
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
