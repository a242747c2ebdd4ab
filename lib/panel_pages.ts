/**
 * The panel's pages: plain lists and forms that need no script.
 *
 * @module
 */
import { causeWords, conflictMark, fileSide, noFileWords } from "./conflict.ts";
import { NO_FILE, sideWords } from "./command_conflicts.ts";
import { actionLine, countWords } from "./command_history.ts";
import type { Version as Removed } from "./command_restore.ts";
import { documentHtml, type Markup, markup, type Part } from "./html.ts";
import { words } from "./metadata.ts";
import { clashMark } from "./plan_clashes.ts";
import type { Version } from "./plan_types.ts";
import type { ClashCopy } from "./state_record.ts";
import type {
  PastAction,
  PastRun,
  StandingThing,
  StoredConflict,
} from "./state_runs.ts";
import { numberWords, sizeWords, timeWords, versionWords } from "./text.ts";
import { type Both, otherSide, type Side, SIDES } from "./types.ts";

/** What became of a button, in a sentence or a few lines. */
export interface Said {
  readonly isGood: boolean;
  readonly text: string;
}

/** What each page has. */
export interface Frame {
  readonly roots: Both<string>;
  readonly query: URLSearchParams;
  readonly secret: string;
  /** Null: nothing was pressed. */
  readonly said: Said | null;
}

/** Each page: the one in the bar that it belongs to, and its title. */
export const PAGES: Readonly<
  Record<string, readonly [of: string, title: string]>
> = {
  "/": ["/", "Conflicts"],
  "/conflict": ["/", "Conflict"],
  "/clashes": ["/clashes", "Clash copies"],
  "/clash": ["/clashes", "Clash copy"],
  "/deleted": ["/deleted", "Deleted files"],
  "/runs": ["/runs", "Runs"],
  "/run": ["/runs", "What a run did"],
  "/why": ["/runs", "Why"],
  "/next": ["/next", "Next run"],
};

/** A whole page. */
export function pageHtml(
  path: string,
  { roots, secret, said }: Frame,
  body: Markup,
  title: string = PAGES[path]![1],
): string {
  const [of] = PAGES[path]!;
  const bar = Object.entries(PAGES).filter(([path, [of]]) => path === of)
    .map(([path, [, name]]) =>
      path === of
        ? markup`<li><a href="${path}" aria-current="page">${name}</a>`
        : markup`<li><a href="${path}">${name}</a>`
    );
  const head = markup`<link rel="stylesheet" href="/panel.css">
<script src="/panel.js" defer></script>`;
  const lines = said?.text.split("\n").map((it) => markup`<p>${it}</p>`) ?? [];
  const status = said?.isGood === false ? "said bad" : "said";
  return documentHtml(
    `${title} – office-sync`,
    head,
    markup`<body class="panel">
<header class="bar">
<nav aria-label="Panel"><ul>${bar}</ul></nav>
<form class="close" method="post" action="/close">${hidden({ secret })}
<button>Close</button></form>
</header>
<main>
<h1>${title}</h1>
<p class="roots"><b>Left</b> <bdi>${roots.left}</bdi>
<b>Right</b> <bdi>${roots.right}</bdi></p>
<div role="status" class="${status}">${lines}</div>
<noscript><p>The buttons need this page's script: let it run.</p></noscript>
${body}
</main>
</body>`,
  );
}

/** Encoded: a browser gives back other line breaks than it was given. */
function hidden(values: Readonly<Record<string, string>>): Part {
  return Object.entries(values).map(([name, value]) =>
    markup`<input type="hidden" name="${name}" value="${
      encodeURIComponent(value)
    }">`
  );
}

/** What a button's form says. */
export function saidIn(form: URLSearchParams, name: string): string {
  return decodeURIComponent(form.get(name) ?? "");
}

function link(path: string, query: Record<string, string>, name: Part) {
  const search = `${new URLSearchParams(query)}`;
  return markup`<a href="${path}?${search}">${name}</a>`;
}

function bold(path: string): Markup {
  return markup`<bdi class="path">${path}</bdi>`;
}

// Lists.

/** Rows on a page. */
const ROWS = 100;

/** Some of many, and the way to the others. */
function paged<T>(
  all: readonly T[],
  path: string,
  query: URLSearchParams,
  item: (it: T) => Markup,
): Markup {
  const last = Math.max(0, Math.ceil(all.length / ROWS) - 1);
  const page = Math.min(last, Math.max(0, Number(query.get("page")) | 0));
  const some = all.slice(page * ROWS, (page + 1) * ROWS);
  const to = (n: number, name: string) =>
    n < 0 || n > last
      ? null
      : link(path, { ...Object.fromEntries(query), page: String(n) }, name);
  const [from, until, of] = [
    page * ROWS + 1,
    page * ROWS + some.length,
    all.length,
  ]
    .map(numberWords) as [string, string, string];
  return markup`<ul class="rows">${
    some.map((it) => markup`<li>${item(it)}`)
  }</ul>${
    last === 0
      ? null
      : markup`<nav class="pages" aria-label="Pages">${to(page - 1, "Previous")}
<span>${from} to ${until} of ${of}</span> ${to(page + 1, "Next")}</nav>`
  }`;
}

/** A search: what it looks for stays in its fields. */
function searchHtml(
  path: string,
  query: URLSearchParams,
  fields: Readonly<Record<string, string>>,
  button = "Search",
): Markup {
  const inputs = Object.entries(fields).map(([name, label]) =>
    markup`<label>${label} <input name="${name}" value="${
      query.get(name)
    }"></label>`
  );
  return markup`<form role="search" aria-label="${button}" class="search" method="get" action="${path}">
${inputs}<button>${button}</button></form>`;
}

function whyForm(query: URLSearchParams): Markup {
  return searchHtml("/why", query, { path: "Path" }, "Explain");
}

// Conflicts.

function newer(own: Version | null, other: Version | null): Part {
  return own && other && own.mtimeMs > other.mtimeMs
    ? markup` <strong class="newer">newer</strong>`
    : null;
}

/** Open conflicts. */
export function conflictsHtml(
  all: readonly StoredConflict[],
  { query }: Frame,
): Markup {
  if (all.length === 0) {
    return markup`<p>No conflict is open, as far as the last run has seen.</p>`;
  }
  const list = paged(all, "/", query, (conflict) => {
    const { path, rule, sinceMs } = conflict;
    const since = sinceMs === null ? "" : `, open since ${timeWords(sinceMs)}`;
    return markup`${link("/conflict", { path }, bold(path))}
<p>${causeWords(conflict)} (rule ${rule})${since}</p>
${SIDES.map((side) => factHtml(conflict, side))}`;
  });
  return markup`<p>Both sides changed these, and nothing was touched. Look at one to choose.</p>
${list}`;
}

function factHtml(conflict: StoredConflict, side: Side): Markup {
  const { [side]: own, [otherSide(side)]: other } = conflict.versions;
  return markup`<p><b>${words(side)}</b>
${sideWords(conflict, side)}${newer(own, other)}</p>`;
}

/** What a person can say, each with what comes of it. */
export type Choices = Readonly<Record<string, string>>;

/** Both versions, what differs, and, where they are as listed, the buttons. */
function choicesHtml(
  versions: readonly (readonly [name: string, facts: Markup])[],
  { diff, why, isAsListed }: Beside,
  action: string,
  values: Readonly<Record<string, string>>,
  choices: Choices,
): Markup {
  const forms = Object.entries(choices).map(([take, what]) =>
    markup`<form method="post" action="${action}">${hidden({ ...values, take })}
<button aria-describedby="${take}">${
      take[0]!.toUpperCase() + take.slice(1)
    }</button>
<p id="${take}">${what}</p></form>`
  );
  return markup`<div class="sides">${
    versions.map(([name, facts]) =>
      markup`<section aria-label="${name}"><h2>${name}</h2>${facts}</section>`
    )
  }</div>
${why && markup`<p class="stop">${why}</p>`}
${
    diff &&
    markup`<div class="scroll" tabindex="0" role="region" aria-label="What differs">${diff}</div>`
  }
${
    isAsListed
      ? markup`<section class="choices" aria-labelledby="choose">
<h2 id="choose">Choose</h2>${forms}</section>`
      : null
  }`;
}

function conflictChoices(conflict: StoredConflict): Choices {
  const file = fileSide(conflict);
  if (file !== null) {
    return {
      [otherSide(file)]:
        "The folder keeps the name, with all that is in it; the file goes to soft delete, or becomes a clash copy where soft delete does not take it.",
      both:
        "The folder keeps the name; the file stays beside it, as a clash copy on both sides.",
    };
  }
  const each = (what: (side: string, other: string) => string) =>
    Object.fromEntries(
      SIDES.map((it) => [it, what(words(it), words(otherSide(it)))]),
    );
  if (conflict.kind === "metadata_conflict") {
    return each((side) =>
      `The name and properties that it has on ${side} are taken on both sides; no content is lost.`
    );
  }
  return {
    ...each((side, other) =>
      `${side}’s version becomes the file on both sides; ${other}’s goes to soft delete, or becomes a clash copy where soft delete does not take it.`
    ),
    both:
      "The newer version is the file, the older one stays beside it as a clash copy, on both sides.",
  };
}

/** Two versions, and what there is to say of their contents. */
export interface Beside {
  /** What differs; null where that can't be shown. */
  readonly diff: Markup | null;
  /** Why it can't, or why nothing is to be chosen. */
  readonly why: string | null;
  /** They are still what was listed: something may be chosen. */
  readonly isAsListed: boolean;
}

function versionHtml(
  path: string,
  own: Version | null,
  other: Version | null,
  instead: string,
): Markup {
  if (own === null) return markup`<p>${instead}</p>`;
  return markup`<p>${bold(path)}</p>
<p>saved ${timeWords(own.mtimeMs)}${newer(own, other)}</p>
<p>${sizeWords(own.sizeBytes)}</p>`;
}

/** One conflict, both versions beside each other. */
export function conflictHtml(
  conflict: StoredConflict,
  beside: Beside,
  { roots, secret }: Frame,
): Markup {
  const { path, versions, rule } = conflict;
  const sides = SIDES.map((side) => {
    const [own, other] = [versions[side], versions[otherSide(side)]];
    const at = `${roots[side]}/${own?.path ?? path}`;
    const facts = versionHtml(at, own, other, noFileWords(conflict));
    return [words(side), facts] as const;
  });
  const values = { secret, path, shown: conflictMark(conflict) };
  const choices = conflictChoices(conflict);
  return markup`<p>${bold(path)}: ${causeWords(conflict)} (rule ${rule}).
${link("/why", { path }, "Why?")}</p>
${choicesHtml(sides, beside, "/conflict", values, choices)}`;
}

// Clash copies.

const fileVersion = ({ file }: ClashCopy): Version | null =>
  file && { ...file.left, path: file.path };

/** Clash copies that are still there. */
export function clashesHtml(
  all: readonly ClashCopy[],
  { query }: Frame,
): Markup {
  if (all.length === 0) return markup`<p>No clash copy is left.</p>`;
  const list = paged(all, "/clashes", query, (clash) => {
    const { copy: { path, left }, of } = clash;
    const file = fileVersion(clash);
    const what = file ? versionWords(file) : NO_FILE;
    return markup`${link("/clash", { path }, bold(path))}
<p><b>Copy</b> ${versionWords(left)}</p>
<p><b>File</b> ${of}, ${what}</p>`;
  });
  return markup`<p>Each is the version that lost a conflict, kept beside its file.
Look at one to choose which is to stay.</p>
${list}`;
}

export const CLASH_CHOICES: Choices = {
  file: "The file stays; the clash copy goes to soft delete on both sides.",
  copy:
    "The clash copy becomes the file on both sides; the file that is there now goes to soft delete.",
  both: "Both stay as they are, and the clash copy is not listed any more.",
};

/** One clash copy beside its file. */
export function clashHtml(
  clash: ClashCopy,
  beside: Beside,
  { roots, secret }: Frame,
): Markup {
  const { copy, file, of } = clash;
  const { path } = copy;
  const [own, main] = [{ ...copy.left, path }, fileVersion(clash)];
  const sides = [
    ["File", versionHtml(of, main, own, NO_FILE)],
    ["Copy", versionHtml(path, own, main, "")],
  ] as const;
  const values = { secret, path, shown: clashMark(copy, file) };
  return markup`<p>Below <bdi>${roots.left}</bdi>, and the same on Right.
${link("/why", { path }, "Why?")}</p>
${choicesHtml(sides, beside, "/clash", values, CLASH_CHOICES)}`;
}

// Deleted files.

/** How long a soft-deleted version stays, in words. */
function staysWords(removedMs: number, retentionDays: number): string {
  if (retentionDays === 0) return "stays until somebody removes it";
  const leftMs = removedMs + retentionDays * DAY_MS - Date.now();
  const days = Math.ceil(leftMs / DAY_MS);
  return days <= 0 ? "may go with the next runs" : `${days} days left`;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Soft-deleted versions. */
export function deletedHtml(
  all: readonly Removed[],
  retentionDays: number,
  { query, secret }: Frame,
): Markup {
  const fields = { q: "Name contains", folder: "In folder", run: "Run" };
  const search = searchHtml("/deleted", query, fields);
  if (all.length === 0) {
    return markup`${search}<p>Nothing is soft-deleted that fits.</p>`;
  }
  const list = paged(all, "/deleted", query, (version) => {
    const { path, side, run, runId, metadata } = version;
    const back = Object.fromEntries(query);
    const values = { ...back, secret, path, from: run.name };
    const by = runId &&
      markup` by run ${link("/run", { id: runId }, runId)}`;
    const [size, saved] = [metadata.sizeBytes, metadata.mtimeMs];
    return markup`${bold(path)}
<p>removed ${timeWords(run.timeMs)}${by} on ${words(side)}</p>
<p>${sizeWords(size)}, saved ${timeWords(saved)};
${staysWords(run.timeMs, retentionDays)}</p>
<form method="post" action="/deleted">${hidden(values)}
<button aria-describedby="back" aria-label="Bring back ${path}">Bring back</button></form>`;
  });
  return markup`${search}
<p id="back">“Bring back” copies a version to where it was, on both sides.
What stands there goes to soft delete; something newer is not replaced.</p>
${list}`;
}

// Runs.

/** Past runs, what waits, and the question why. */
export function runsHtml(
  runs: readonly PastRun[],
  standing: readonly StandingThing[],
  { query }: Frame,
): Markup {
  return markup`<h2>What waits</h2>
${standingHtml(standing)}
<p>Documents that wait because they are open or being saved, and since when:
<a href="/next">Next run</a>.</p>
<h2>Why is a path as it is?</h2>
${whyForm(query)}
<h2>Past runs</h2>
${
    runs.length === 0
      ? markup`<p>There was no run yet.</p>`
      : paged(runs, "/runs", query, (run) =>
        markup`${link("/run", { id: run.id }, timeWords(run.startedAtMs))}
<p>${runWords(run)}</p>`)
  }`;
}

function standingHtml(all: readonly StandingThing[]): Markup {
  if (all.length === 0) {
    return markup`<p>The last run left nothing undone or unknown.</p>`;
  }
  const items = all.slice(0, ROWS).map(({ path, side, what, why, sinceMs }) =>
    markup`<li>${link("/why", { path }, bold(path))}
<p>${side && `${words(side)}: `}${what}: ${why}; since ${
      timeWords(sinceMs)
    }</p>`
  );
  const open = all.length < ROWS ? markup` open` : null;
  const rest = all.length - items.length;
  return markup`<details${open}>
<summary>${numberWords(all.length)} undone or unknown</summary>
<ul class="rows">${items}</ul>
${rest === 0 ? null : markup`<p>… and ${numberWords(rest)} more.</p>`}
</details>`;
}

function runWords(run: PastRun): string {
  const { startedAtMs, finishedAtMs, exitCode, stoppedBy, summary } = run;
  if (finishedAtMs === null) {
    return "not finished: it goes on still, or was cut off";
  }
  const seconds = ((finishedAtMs - startedAtMs) / 1000).toFixed(1);
  return `${seconds} s, exit code ${exitCode}: ${
    stoppedBy ?? countWords(summary)
  }`;
}

/** What a run did. */
export function runHtml(
  run: PastRun,
  actions: readonly PastAction[],
  { query }: Frame,
): Markup {
  return markup`<p>Run ${run.id}: ${runWords(run)}</p>
${
    actions.length === 0
      ? markup`<p>It changed nothing.</p>`
      : paged(actions, "/run", query, (action) =>
        markup`${link("/why", { path: action.path }, bold(action.path))}
<p>${actionLine(action)}</p>`)
  }`;
}

/** Why a path is as it is. */
export function whyHtml(text: string, { query }: Frame): Markup {
  return markup`${whyForm(query)}<pre>${text.split("\n")}</pre>`;
}

/** The next run, and the command to be copied; null: there is none. */
export function nextHtml(
  rows: Markup,
  command: readonly [what: string, command: string] | null,
): Markup {
  return markup`<p>This is what a run would do now. Nothing was changed.</p>
${
    command && markup`<p>${command[0]}</p>
<pre class="command" tabindex="0">${command[1]}</pre>`
  }
${rows}`;
}
