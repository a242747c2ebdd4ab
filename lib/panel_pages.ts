/**
 * The panel's pages: plain lists and forms that need no script.
 *
 * @module
 */
import type { Config } from "./config_schema.ts";
import { causeWords, conflictMark, fileSide, noFileWords } from "./conflict.ts";
import { NO_FILE } from "./command_conflicts.ts";
import { actionLine, runFacts } from "./command_history.ts";
import type { Version as Removed } from "./command_restore.ts";
import { documentHtml, Markup, markup, type Part } from "./html.ts";
import { words } from "./metadata.ts";
import type { Asked } from "./panel_server.ts";
import { clashMark } from "./plan_clashes.ts";
import type { Version } from "./plan_types.ts";
import { resultHtml } from "./report_html.ts";
import type { RunResult } from "./run_types.ts";
import type { ClashCopy } from "./state_record.ts";
import type {
  PastAction,
  PastRun,
  StandingThing,
  StoredConflict,
} from "./state_runs.ts";
import {
  countOf,
  numberWords,
  PROGRAM,
  shellQuoted,
  sizeWords,
  timeWords,
  versionWords,
} from "./text.ts";
import {
  type Both,
  type FileRow,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";

/** What became of a button, in a sentence or a few lines. */
export interface Said {
  readonly isGood: boolean;
  readonly text: string;
}

/** What each page has. */
export interface Frame extends Asked {
  readonly roots: Both<string>;
}

/** The pages in the bar, and what they are called. */
export const PAGES: Readonly<Record<string, string>> = {
  "/": "Conflicts",
  "/clashes": "Clash copies",
  "/deleted": "Deleted files",
  "/runs": "Runs",
  "/why": "Why",
  "/next": "Next run",
};

/** A whole page; nothing is said where nothing was pressed. */
export function pageHtml(
  { page, roots, secret }: Frame,
  said: Said | null,
  body: Markup,
): string {
  const title = PAGES[page]!;
  const bar = Object.entries(PAGES).map(([it, name]) =>
    markup`<li><a href="${it}" aria-current="${
      it === page ? "page" : "false"
    }">${name}</a>`
  );
  const head = markup`<link rel="stylesheet" href="/panel.css">
<script src="/panel.js" defer></script>`;
  const lines = said?.text.split("\n").map((it) => markup`<p>${it}</p>`);
  const status = said?.isGood === false ? "stop" : "said";
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

/** Some of many, and the way to the others; or what is said of none. */
function paged<T>(
  all: readonly T[],
  none: string,
  { page, query }: Frame,
  item: (it: T) => Markup,
): Markup {
  if (all.length === 0) return markup`<p>${none}</p>`;
  const last = Math.max(0, Math.ceil(all.length / ROWS) - 1);
  const nth = Math.min(last, Math.max(0, Number(query.get("page")) | 0));
  const some = all.slice(nth * ROWS, (nth + 1) * ROWS);
  const rows = markup`<ul class="rows">${
    some.map((it) => markup`<li>${item(it)}`)
  }</ul>`;
  if (last === 0) return rows;
  const to = (n: number, name: string) =>
    n < 0 || n > last
      ? null
      : link(page, { ...Object.fromEntries(query), page: String(n) }, name);
  const first = nth * ROWS + 1;
  return markup`${rows}
<nav class="pages" aria-label="Pages">${to(nth - 1, "Previous")}
<span>${numberWords(first)} to ${numberWords(first + some.length - 1)} of ${
    numberWords(all.length)
  }</span> ${to(nth + 1, "Next")}</nav>`;
}

/** A search: what it looks for stays in its fields. */
function searchHtml(
  { page, query }: Frame,
  button: string,
  fields: Readonly<Record<string, string>>,
): Markup {
  const inputs = Object.entries(fields).map(([name, label]) =>
    markup`<label>${label} <input name="${name}" value="${
      query.get(name)
    }"></label>`
  );
  return markup`<form role="search" aria-label="${button}" class="search" method="get" action="${page}">
${inputs}<button>${button}</button></form>`;
}

// Conflicts and clash copies.

/** One of two versions. */
export interface Half {
  readonly name: string;
  /** Where it stands, the first as it is told; none: there is no such file. */
  readonly at: readonly {
    readonly side: Side;
    readonly version: Version;
  }[];
  /** What there is instead. */
  readonly instead: string;
}

/** A conflict or a clash copy: two versions, of which one may be chosen. */
export interface Choice {
  readonly path: string;
  readonly what: string;
  /** Tells these versions from all others. */
  readonly shown: string;
  readonly halves: readonly [Half, Half];
  /** What a person can say, each with what comes of it. */
  readonly takes: Readonly<Record<string, string>>;
}

/** An open conflict. */
export function conflictChoice(conflict: StoredConflict): Choice {
  const { path, rule, sinceMs, versions } = conflict;
  const since = sinceMs === null ? "" : `, open since ${timeWords(sinceMs)}`;
  const half = (side: Side): Half => {
    const version = versions[side];
    const at = version === null ? [] : [{ side, version }];
    return { name: words(side), at, instead: noFileWords(conflict) };
  };
  return {
    path,
    what: `${causeWords(conflict)} (rule ${rule})${since}`,
    shown: conflictMark(conflict),
    halves: [half("left"), half("right")],
    takes: conflictTakes(conflict),
  };
}

function conflictTakes(conflict: StoredConflict): Choice["takes"] {
  const file = fileSide(conflict);
  if (file !== null) {
    return {
      [otherSide(file)]:
        "The folder keeps the name, with all that is in it; the file goes to soft delete, or becomes a clash copy where soft delete does not take it.",
      both:
        "The folder keeps the name; the file stays beside it, as a clash copy on both sides.",
    };
  }
  const isOfNames = conflict.kind === "metadata_conflict";
  const takes = Object.fromEntries(SIDES.map((it) => {
    const [side, other] = [words(it), words(otherSide(it))];
    return [
      it,
      isOfNames
        ? `The name and properties that it has on ${side} are taken on both sides; no content is lost.`
        : `${side}’s version becomes the file on both sides; ${other}’s goes to soft delete, or becomes a clash copy where soft delete does not take it.`,
    ];
  }));
  return isOfNames ? takes : {
    ...takes,
    both:
      "The newer version is the file, the older one stays beside it as a clash copy, on both sides.",
  };
}

/** A clash copy that is still there. */
export function clashChoice({ copy, of, file }: ClashCopy): Choice {
  const { path } = copy;
  const half = (name: string, row: FileRow | null): Half => ({
    name,
    at: SIDES.flatMap((side) =>
      row ? [{ side, version: { ...row[side], path: row.path } }] : []
    ),
    instead: `${of}, ${NO_FILE}`,
  });
  return {
    path,
    what: `lost a conflict, and is kept beside ${of} on both sides`,
    shown: clashMark(copy, file),
    halves: [half("File", file), half("Copy", copy)],
    takes: CLASH_TAKES_WORDS,
  };
}

export const CLASH_TAKES_WORDS = {
  file: "The file stays; the clash copy goes to soft delete on both sides.",
  copy:
    "The clash copy becomes the file on both sides; the file that is there now goes to soft delete.",
  both: "Both stay as they are, and the clash copy is not listed any more.",
} as const;

/** What the page of each list says: of none, and of some. */
const LISTS: Readonly<Record<string, readonly [none: string, some: string]>> = {
  "/": [
    "No conflict is open, as far as the last run has seen.",
    "Both sides changed these, and nothing was touched. Look at one to choose.",
  ],
  "/clashes": [
    "No clash copy is left.",
    "Each is the version that lost a conflict, kept beside its file. Look at one to choose which is to stay.",
  ],
};

/** What may be chosen about. */
export function choicesHtml(all: readonly Choice[], frame: Frame): Markup {
  const [none, some] = LISTS[frame.page]!;
  const list = paged(all, none, frame, ({ path, what, halves }) => {
    const versions = halves.map((half) => {
      const version = versionOf(half);
      const at = !version || version.path === path ? "" : `${version.path}, `;
      return markup`<p><b>${half.name}</b>
${at}${version ? versionWords(version) : half.instead}${
        newer(half, halves)
      }</p>`;
    });
    return markup`${link(frame.page, { path }, bold(path))}
<p>${what}</p>
${versions}`;
  });
  return markup`${all.length === 0 ? null : markup`<p>${some}</p>`}
${list}`;
}

function versionOf({ at }: Half): Version | null {
  return at[0]?.version ?? null;
}

function newer(half: Half, halves: Choice["halves"]): Part {
  const times = halves.map((it) => versionOf(it)?.mtimeMs ?? Infinity);
  const isNewest = Math.max(...times) === versionOf(half)?.mtimeMs &&
    times[0] !== times[1];
  return isNewest ? markup` <strong class="newer">newer</strong>` : null;
}

/** Two versions as they are now. */
export interface Beside {
  /** What differs, or, as a sentence, why that is not shown. */
  readonly diff: Markup | string | null;
  /** They are still what was listed: something may be chosen. */
  readonly isAsListed: boolean;
}

/** Both versions, what differs, and, where they are as listed, the buttons. */
export function choiceHtml(
  { path, what, shown, halves, takes }: Choice,
  { diff, isAsListed }: Beside,
  { page, roots, secret }: Frame,
): Markup {
  const sides = halves.map((half) => {
    const { name, at: [at], instead } = half;
    const facts = at
      ? markup`<p>${bold(`${roots[at.side]}/${at.version.path}`)}</p>
<p>saved ${timeWords(at.version.mtimeMs)}${newer(half, halves)}</p>
<p>${sizeWords(at.version.sizeBytes)}</p>`
      : markup`<p>${instead}</p>`;
    return markup`<section aria-label="${name}"><h2>${name}</h2>${facts}</section>`;
  });
  const forms = Object.entries(takes).map(([take, what]) =>
    markup`<form method="post" action="${page}">${
      hidden({ secret, path, shown, take })
    }
<button aria-describedby="${take}">${
      take[0]!.toUpperCase() + take.slice(1)
    }</button>
<p id="${take}">${what}</p></form>`
  );
  return markup`<p>${bold(path)}: ${what}.
${link("/why", { path }, "Why?")}</p>
<div class="sides">${sides}</div>
${
    typeof diff === "string" ? markup`<p class="stop">${diff}</p>` : diff &&
      markup`<div class="scroll" tabindex="0" role="region" aria-label="What differs">${diff}</div>`
  }
${
    isAsListed
      ? markup`<section class="choices" aria-labelledby="choose">
<h2 id="choose">Choose</h2>${forms}</section>`
      : null
  }`;
}

// Deleted files.

const DAY_MS = 24 * 60 * 60 * 1000;

/** Soft-deleted versions. */
export function deletedHtml(
  all: readonly Removed[],
  { softDelete: { retentionDays, maxTotalBytes } }: Config,
  frame: Frame,
): Markup {
  const { page, query, secret } = frame;
  const fields = { q: "Name contains", folder: "In folder", run: "Run" };
  const none = "Nothing is soft-deleted that fits.";
  const list = paged(all, none, frame, (version) => {
    const { path, side, run, runId, metadata } = version;
    const values = { secret, path, from: run.name, back: `${query}` };
    const endMs = run.timeMs + retentionDays * DAY_MS;
    const days = Math.max(0, Math.ceil((endMs - Date.now()) / DAY_MS));
    const until = retentionDays === 0
      ? "until somebody removes it"
      : countOf(days, "more day");
    const room = maxTotalBytes > 0
      ? ", or until its room is needed"
      : retentionDays > 0
      ? " at least"
      : "";
    const by = runId && markup` by run ${link("/runs", { id: runId }, runId)}`;
    const { sizeBytes, mtimeMs } = metadata;
    return markup`${bold(path)}
<p>removed ${timeWords(run.timeMs)}${by} on ${words(side)}</p>
<p>${sizeWords(sizeBytes)}, saved ${
      timeWords(mtimeMs)
    }; stays ${until}${room}</p>
<form method="post" action="${page}">${hidden(values)}
<button aria-describedby="back" aria-label="Bring back ${path}">Bring back</button></form>`;
  });
  return markup`${searchHtml(frame, "Search", fields)}
<p id="back">“Bring back” copies a version to where it was, on both sides.
What stands there goes to soft delete; something newer is not replaced.</p>
${list}`;
}

// Runs.

/** Past runs, and what waits. */
export function runsHtml(
  runs: readonly PastRun[],
  standing: readonly StandingThing[],
  frame: Frame,
): Markup {
  return markup`<h2>What waits</h2>
${standingHtml(standing)}
<h2>Past runs</h2>
${
    paged(runs, "There was no run yet.", frame, (run) =>
      markup`${link(frame.page, { id: run.id }, timeWords(run.startedAtMs))}
<p>${runFacts(run).join(", ")}</p>`)
  }`;
}

function standingHtml(all: readonly StandingThing[]): Markup {
  if (all.length === 0) {
    return markup`<p>The last run left nothing undone, unknown or waiting.</p>`;
  }
  const items = all.slice(0, ROWS).map(({ path, side, what, why, sinceMs }) =>
    markup`<li>${link("/why", { path }, bold(path))}
<p>${side && `${words(side)}: `}${what}: ${why}${
      sinceMs && `; since ${timeWords(sinceMs)}`
    }</p>`
  );
  const rest = all.length - items.length;
  return markup`<details open>
<summary>${numberWords(all.length)} undone, unknown or waiting</summary>
<ul class="rows">${items}</ul>
${rest === 0 ? null : markup`<p>… and ${numberWords(rest)} more.</p>`}
</details>`;
}

/** What a run did. */
export function runHtml(
  run: PastRun,
  actions: readonly PastAction[],
  frame: Frame,
): Markup {
  return markup`<p>Run ${run.id}: ${runFacts(run).join(", ")}</p>
${
    paged(actions, "It changed nothing.", frame, (action) =>
      markup`${link("/why", { path: action.path }, bold(action.path))}
<p>${actionLine(action)}</p>`)
  }`;
}

/** Why a path is as it is; null: nothing is asked yet. */
export function whyHtml(text: string | null, frame: Frame): Markup {
  const form = searchHtml(frame, "Explain", { path: "Path" });
  return markup`${form}${text && markup`<pre>${text.split("\n")}</pre>`}`;
}

/** The next run, and its command, for which there is no button on purpose. */
export function nextHtml(result: RunResult, { file, roots }: Config): Markup {
  const { stop } = result;
  const option = stop && /--allow-\w+/.exec(stop.hint)?.[0];
  const config = shellQuoted(file, Deno.build.os === "windows") ?? "FILE";
  const words = [PROGRAM, "--config", config, ...option ? [option] : []];
  return markup`<p>This is what a run would do now. Nothing was changed.</p>
${
    stop && !option
      ? null
      : markup`<p>${
        stop
          ? "If that is what you want, let this one run through:"
          : "To run it, type:"
      }</p>
<pre class="command" tabindex="0">${words.join(" ")}</pre>`
  }
${new Markup(resultHtml(result, { roots, listsUnchanged: false }))}`;
}
