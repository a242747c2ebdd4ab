/**
 * The panel's pages, as HTML: plain lists and forms that need no script. All
 * that is not written here is text, whatever it holds.
 *
 * @module
 */
import { causeWords, conflictMark, fileSide, noFileWords } from "./conflict.ts";
import { actionLine, countWords } from "./command_history.ts";
import type { Version as Removed } from "./command_restore.ts";
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
import {
  escapeHtml,
  numberWords,
  sizeWords,
  timeWords,
  versionWords,
} from "./text.ts";
import { type Both, otherSide, type Side, SIDES } from "./types.ts";

/** What became of a button, in a sentence or a few lines. */
export interface Said {
  readonly isGood: boolean;
  readonly text: string;
}

/** What each page has. */
export interface Frame {
  readonly roots: Both<string>;
  readonly secret: string;
  /** Null: nothing was pressed. */
  readonly said: Said | null;
}

const PAGES: readonly (readonly [PagePath, string])[] = [
  ["/", "Conflicts"],
  ["/clashes", "Clash copies"],
  ["/deleted", "Deleted files"],
  ["/runs", "Runs"],
  ["/next", "Next run"],
];

/** The path of a page that the bar leads to. */
export type PagePath = "/" | "/clashes" | "/deleted" | "/runs" | "/next";

/** A whole page. */
export function pageHtml(
  { roots, secret, said }: Frame,
  current: PagePath,
  title: string,
  body: string,
): string {
  const links = PAGES.map(([path, name]) =>
    `<li><a href="${path}"${
      path === current ? ' aria-current="page"' : ""
    }>${name}</a>`
  );
  const sheets = current === "/next" ? ["report", "panel"] : ["panel"];
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} – office-sync</title>
${sheets.map((it) => `<link rel="stylesheet" href="/${it}.css">`).join("\n")}
<script src="/panel.js" defer></script>
</head>
<body class="panel">
<header class="bar">
<nav aria-label="Panel"><ul>${links.join("")}</ul></nav>
<form class="close" method="post" action="/close">${
    hidden({ secret })
  }<button>Close</button></form>
</header>
<main>
<h1>${escapeHtml(title)}</h1>
<p class="roots"><b>Left</b> <bdi>${
    escapeHtml(roots.left)
  }</bdi> <b>Right</b> <bdi>${escapeHtml(roots.right)}</bdi></p>
<div role="status" class="said${said?.isGood === false ? " bad" : ""}">${
    said === null
      ? ""
      : said.text.split("\n").map((it) => `<p>${escapeHtml(it)}</p>`).join("")
  }</div>
<noscript><p>The buttons need this page's script: let it run.</p></noscript>
${body}
</main>
</body>
</html>
`;
}

/** Encoded: a browser gives back other line breaks than it was given. */
function hidden(values: Readonly<Record<string, string>>): string {
  return Object.entries(values).map(([name, value]) =>
    `<input type="hidden" name="${name}" value="${
      escapeHtml(encodeURIComponent(value))
    }">`
  ).join("");
}

/** What a button's form says. */
export function saidIn(form: URLSearchParams, name: string): string {
  return decodeURIComponent(form.get(name) ?? "");
}

function link(path: string, query: Record<string, string>, name: string) {
  const search = escapeHtml(`${new URLSearchParams(query)}`);
  return `<a href="${path}?${search}">${name}</a>`;
}

function bold(path: string): string {
  return `<bdi class="path">${escapeHtml(path)}</bdi>`;
}

// Lists.

/** Rows on a page. */
const ROWS = 100;

/** Some of many, and the way to the others. */
function paged<T>(
  all: readonly T[],
  path: PagePath | "/run",
  query: URLSearchParams,
  item: (it: T) => string,
): string {
  const last = Math.max(0, Math.ceil(all.length / ROWS) - 1);
  const page = Math.min(last, Math.max(0, Number(query.get("page")) | 0));
  const some = all.slice(page * ROWS, (page + 1) * ROWS);
  const to = (n: number, name: string) =>
    n < 0 || n > last || n === page
      ? ""
      : link(path, { ...Object.fromEntries(query), page: String(n) }, name);
  const pages = last === 0
    ? ""
    : `<nav class="pages" aria-label="Pages">${
      to(page - 1, "Previous")
    } <span>${numberWords(page * ROWS + 1)} to ${
      numberWords(page * ROWS + some.length)
    } of ${numberWords(all.length)}</span> ${to(page + 1, "Next")}</nav>`;
  return `<ul class="rows">${
    some.map((it) => `<li>${item(it)}`).join("\n")
  }</ul>${pages}`;
}

/** A search: what it looks for stays in its fields. */
function searchHtml(
  path: PagePath | "/why",
  query: URLSearchParams,
  fields: Readonly<Record<string, string>>,
  button = "Search",
): string {
  const inputs = Object.entries(fields).map(([name, label]) =>
    `<label>${label} <input name="${name}" value="${
      escapeHtml(query.get(name) ?? "")
    }"></label>`
  );
  return `<form role="search" aria-label="${button}" class="search" method="get" action="${path}">${
    inputs.join("")
  }<button>${button}</button></form>`;
}

// Conflicts.

/** Open conflicts. */
export function conflictsHtml(
  all: readonly StoredConflict[],
  query: URLSearchParams,
): string {
  if (all.length === 0) {
    return "<p>No conflict is open, as far as the last run has seen.</p>";
  }
  return `<p>Both sides changed these, and nothing was touched. Look at one to choose.</p>` +
    paged(all, "/", query, (conflict) => {
      const { path, rule, sinceMs } = conflict;
      const since = sinceMs === null
        ? ""
        : `, open since ${timeWords(sinceMs)}`;
      return `${link("/conflict", { path }, bold(path))}<p>${
        escapeHtml(causeWords(conflict))
      } (rule ${rule})${since}</p>${
        SIDES.map((side) => factHtml(conflict, side)).join("")
      }`;
    });
}

function factHtml(conflict: StoredConflict, side: Side): string {
  const { versions, path } = conflict;
  const own = versions[side];
  const other = versions[otherSide(side)];
  const what = own === null
    ? noFileWords(conflict)
    : (own.path === path ? "" : `${own.path}, `) + versionWords(own);
  const isNewer = own && other && own.mtimeMs > other.mtimeMs;
  return `<p><b>${words(side)}</b> ${escapeHtml(what)}${
    isNewer ? ' <strong class="newer">newer</strong>' : ""
  }</p>`;
}

/** What a person can say, each with what comes of it. */
export type Choices =
  readonly (readonly [take: string, name: string, what: string])[];

function choicesHtml(
  action: string,
  values: Readonly<Record<string, string>>,
  choices: Choices,
): string {
  const forms = choices.map(([take, name, what]) =>
    `<form method="post" action="${action}">${
      hidden({ ...values, take })
    }<button aria-describedby="${take}">${name}</button><p id="${take}">${what}</p></form>`
  );
  return `<section class="choices" aria-labelledby="choose"><h2 id="choose">Choose</h2>${
    forms.join("\n")
  }</section>`;
}

function conflictChoices(conflict: StoredConflict): Choices {
  const file = fileSide(conflict);
  if (file !== null) {
    const folder = otherSide(file);
    return [
      [
        folder,
        words(folder),
        "The folder keeps the name, with all that is in it; the file goes to soft delete, or becomes a clash copy where soft delete does not take it.",
      ],
      [
        "both",
        "Both",
        "The folder keeps the name; the file stays beside it, as a clash copy on both sides.",
      ],
    ];
  }
  if (conflict.kind === "metadata_conflict") {
    return SIDES.map((side) => [
      ...[side, words(side)] as const,
      `The name and properties that it has on ${
        words(side)
      } are taken on both sides; no content is lost.`,
    ]);
  }
  return [
    ...SIDES.map((side) =>
      [
        ...[side, words(side)] as const,
        `${words(side)}’s version becomes the file on both sides; ${
          words(otherSide(side))
        }’s goes to soft delete, or becomes a clash copy where soft delete does not take it.`,
      ] as const
    ),
    [
      "both",
      "Both",
      "The newer version is the file, the older one stays beside it as a clash copy, on both sides.",
    ],
  ];
}

/** Two versions, and what there is to say of their contents. */
export interface Beside {
  /** What differs, as HTML; null where that can't be shown. */
  readonly diff: string | null;
  /** Why it can't, or why nothing is to be chosen. */
  readonly why: string | null;
  /** They are still what was listed: something may be chosen. */
  readonly isAsListed: boolean;
}

function besideHtml(
  versions: readonly (readonly [name: string, facts: string])[],
  { diff, why }: Beside,
): string {
  return `<div class="sides">${
    versions.map(([name, facts]) =>
      `<section aria-label="${name}"><h2>${name}</h2>${facts}</section>`
    ).join("")
  }</div>${why === null ? "" : `<p class="heed">${escapeHtml(why)}</p>`}${
    diff === null
      ? ""
      : `<div class="scroll" tabindex="0" role="region" aria-label="What differs">${diff}</div>`
  }`;
}

function versionHtml(
  path: string,
  own: Version | null,
  other: Version | null,
  instead: string,
): string {
  if (own === null) return `<p>${instead}</p>`;
  const isNewer = other !== null && own.mtimeMs > other.mtimeMs;
  return `<p>${bold(path)}</p><p>saved ${timeWords(own.mtimeMs)}${
    isNewer ? ' <strong class="newer">newer</strong>' : ""
  }</p><p>${sizeWords(own.sizeBytes)}</p>`;
}

/** One conflict, both versions beside each other. */
export function conflictHtml(
  conflict: StoredConflict,
  beside: Beside,
  { roots, secret }: Frame,
): string {
  const { path, versions } = conflict;
  const sides = SIDES.map((side) =>
    [
      words(side),
      versionHtml(
        `${roots[side]}/${versions[side]?.path ?? path}`,
        versions[side],
        versions[otherSide(side)],
        noFileWords(conflict),
      ),
    ] as const
  );
  const values = { secret, path, shown: conflictMark(conflict) };
  return `<p>${bold(path)}: ${
    escapeHtml(causeWords(conflict))
  } (rule ${conflict.rule}). ${link("/why", { path }, "Why?")}</p>${
    besideHtml(sides, beside)
  }${
    beside.isAsListed
      ? choicesHtml("/conflict", values, conflictChoices(conflict))
      : ""
  }`;
}

// Clash copies.

const fileVersion = ({ file }: ClashCopy): Version | null =>
  file && { ...file.left, path: file.path };

/** Clash copies that are still there. */
export function clashesHtml(
  all: readonly ClashCopy[],
  query: URLSearchParams,
): string {
  if (all.length === 0) return "<p>No clash copy is left.</p>";
  return "<p>Each is the version that lost a conflict, kept beside its file. " +
    "Look at one to choose which is to stay.</p>" +
    paged(all, "/clashes", query, (clash) => {
      const { copy, of } = clash;
      const file = fileVersion(clash);
      return `${
        link("/clash", { path: copy.path }, bold(copy.path))
      }<p><b>Copy</b> ${versionWords(copy.left)}</p><p><b>File</b> ${
        escapeHtml(of)
      }, ${
        file === null ? "which is not there any more" : versionWords(file)
      }</p>`;
    });
}

export const CLASH_CHOICES: Choices = [
  [
    "file",
    "File",
    "The file stays; the clash copy goes to soft delete on both sides.",
  ],
  [
    "copy",
    "Copy",
    "The clash copy becomes the file on both sides; the file that is there now goes to soft delete.",
  ],
  [
    "both",
    "Both",
    "Both stay as they are, and the clash copy is not listed any more.",
  ],
];

/** One clash copy beside its file. */
export function clashHtml(
  clash: ClashCopy,
  beside: Beside,
  { roots, secret }: Frame,
): string {
  const { copy, file, of } = clash;
  const [own, main] = [{ ...copy.left, path: copy.path }, fileVersion(clash)];
  const sides = [
    ["File", versionHtml(of, main, own, "is not there any more")],
    ["Copy", versionHtml(copy.path, own, main, "")],
  ] as const;
  const values = { secret, path: copy.path, shown: clashMark(copy, file) };
  return `<p>Below <bdi>${
    escapeHtml(roots.left)
  }</bdi>, and the same on Right. ${
    link("/why", { path: copy.path }, "Why?")
  }</p>${besideHtml(sides, beside)}${
    beside.isAsListed ? choicesHtml("/clash", values, CLASH_CHOICES) : ""
  }`;
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
  query: URLSearchParams,
  retentionDays: number,
  { secret }: Frame,
): string {
  const fields = { q: "Name contains", folder: "In folder", run: "Run" };
  const search = searchHtml("/deleted", query, fields);
  if (all.length === 0) {
    return `${search}<p>Nothing is soft-deleted that fits.</p>`;
  }
  const what =
    '<p id="back">“Bring back” copies a version to where it was, on ' +
    "both sides. What stands there goes to soft delete; something newer is not " +
    "replaced.</p>";
  return search + what + paged(all, "/deleted", query, (version) => {
    const { path, side, run, runId, metadata } = version;
    const back = Object.fromEntries(query);
    const values = { secret, path, from: run.name };
    const by = runId === null
      ? ""
      : ` by run ${link("/run", { id: runId }, escapeHtml(runId))}`;
    return `${bold(path)}<p>removed ${timeWords(run.timeMs)}${by} on ${
      words(side)
    }</p><p>${sizeWords(metadata.sizeBytes)}, saved ${
      timeWords(metadata.mtimeMs)
    }; ${
      staysWords(run.timeMs, retentionDays)
    }</p><form method="post" action="/deleted">${
      hidden({ ...back, ...values })
    }<button aria-describedby="back" aria-label="Bring back ${
      escapeHtml(path)
    }">Bring back</button></form>`;
  });
}

// Runs.

/** Past runs, what waits, and the question why. */
export function runsHtml(
  runs: readonly PastRun[],
  standing: readonly StandingThing[],
  query: URLSearchParams,
): string {
  const waits = standing.length === 0
    ? "<p>Nothing waits, is skipped or unknown since the last run.</p>"
    : `<details${standing.length < ROWS ? " open" : ""}><summary>${
      numberWords(standing.length)
    } wait, are skipped or unknown</summary><ul class="rows">${
      standing.slice(0, ROWS).map(({ path, side, what, why, sinceMs }) =>
        `<li>${link("/why", { path }, bold(path))}<p>${
          side === null ? "" : `${words(side)}: `
        }${escapeHtml(what)}: ${escapeHtml(why)}; since ${
          timeWords(sinceMs)
        }</p>`
      ).join("\n")
    }</ul>${
      standing.length > ROWS
        ? `<p>… and ${standing.length - ROWS} more.</p>`
        : ""
    }</details>`;
  return `<h2>What waits</h2>${waits}<h2>Why is a path as it is?</h2>${
    searchHtml("/why", query, { path: "Path" }, "Explain")
  }<h2>Past runs</h2>${
    runs.length === 0
      ? "<p>There was no run yet.</p>"
      : paged(runs, "/runs", query, (run) =>
        `${link("/run", { id: run.id }, timeWords(run.startedAtMs))}<p>${
          escapeHtml(runWords(run))
        }</p>`)
  }`;
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
  query: URLSearchParams,
): string {
  return `<p>Run ${escapeHtml(run.id)}: ${escapeHtml(runWords(run))}</p>${
    actions.length === 0
      ? "<p>It changed nothing.</p>"
      : paged(actions, "/run", query, (action) =>
        `${link("/why", { path: action.path }, bold(action.path))}<p>${
          escapeHtml(actionLine(action))
        }</p>`)
  }`;
}

/** Why a path is as it is. */
export function whyHtml(text: string, query: URLSearchParams): string {
  return `${searchHtml("/why", query, { path: "Path" }, "Explain")}<pre>${
    text.split("\n").map(escapeHtml).join("\n")
  }</pre>`;
}

/** The next run, and the commands to be copied. */
export function nextHtml(
  rows: string,
  commands: readonly (readonly [what: string, command: string])[],
): string {
  const lines = commands.map(([what, command]) =>
    `<p>${escapeHtml(what)}</p><pre class="command" tabindex="0">${
      escapeHtml(command)
    }</pre>`
  );
  return `<p>This is what a run would do now. Nothing was changed.</p>${
    lines.join("")
  }${rows}`;
}
