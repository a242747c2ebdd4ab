/**
 * A run as a page for a browser: Left and Right in two columns, between them
 * what is done. It needs nothing besides itself, loads nothing, and runs no
 * script but its own.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isAbsolute, relative, resolve } from "node:path";
import { becameWords } from "./conflict.ts";
import { EXIT, SyncError } from "./errors.ts";
import { escapeHtml } from "./html.ts";
import { words } from "./metadata.ts";
import { comparePaths, folderOf, nameOf } from "./paths.ts";
import { waitingWords } from "./plan_open.ts";
import type { Action, Conflict, Version } from "./plan_types.ts";
import {
  actionWords,
  PART_TITLES,
  type Parts,
  partsOf,
  prunedWords,
  reasonWords,
  resultWords,
  verbOf,
} from "./report_text.ts";
import {
  INTERRUPTED,
  type Outcome,
  type RunResult,
  type Stop,
} from "./run_types.ts";
import { errorKind, inWords } from "./system.ts";
import { numberWords, PROGRAM, quoted, sizeWords, timeWords } from "./text.ts";
import {
  type ActionName,
  type Both,
  type Metadata,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";

// A run as rows of two columns: what Left has, what is done, what Right has.

/** What a row is filtered by. */
export type RowKind = ActionName | "CONFLICT" | "UNKNOWN" | "WAITING";

/** What rows are called that are no actions. */
const OTHERS: Readonly<Record<string, string>> = {
  CONFLICT: "in conflict",
  UNKNOWN: "unknown",
  WAITING: "waits",
};

function kindWords(kind: RowKind, isDone: boolean): string {
  return OTHERS[kind] ?? actionWords(kind as ActionName, isDone);
}

/** Shown to who sees; the words beside them say the same. */
const MARKS: Readonly<Record<string, string>> = {
  COPY: "",
  DELETE: "✕",
  SOFT_DELETE: "✕",
  CLASH_CREATE: "↔",
  RENAME: "~",
  CREATE_DIR: "+",
  REMOVE_DIR: "✕",
  RESTORE: "",
  NOOP: "=",
  CONFLICT: "⚡",
  UNKNOWN: "–",
  WAITING: "…",
};

function markOf(kind: RowKind): string {
  const [verb, side] = verbOf(kind as ActionName);
  const mark = MARKS[verb]!;
  if (side === null) return mark;
  return (side === "left" ? `← ${mark}` : `${mark} →`).trim();
}

/** What one side has. */
export interface Cell {
  readonly path: string;
  readonly isFolder: boolean;
  /** Null for folders, and where nobody looked. */
  readonly sizeBytes: number | null;
  /** In ms since 1970. */
  readonly mtimeMs: number | null;
}

/** One thing that was done, is planned, or was left. */
export interface Row {
  readonly kind: RowKind;
  readonly path: string;
  /** What each side had before; null for nothing. */
  readonly cells: Both<Cell | null>;
  readonly words: string;
  readonly reason: string;
  /** What else there is to say; null for nothing. */
  readonly note: string | null;
  readonly bytes: number | null;
}

/** Rows under one title. */
export interface Section {
  readonly id: keyof Parts;
  readonly title: string;
  readonly rows: readonly Row[];
}

/** How a run is told. */
export interface PageOptions {
  /** Absolute paths of the roots. */
  readonly roots: Both<string>;
  /** Whether paths at which there is nothing to do are rows too. */
  readonly listsUnchanged: boolean;
  /** What held the run to the roots; left out: nothing is said of it. */
  readonly walls?: string | null;
}

/** The rows of a run, by path; first what needs a person. */
export function reportSections(
  result: RunResult,
  { roots, listsUnchanged }: PageOptions,
): Section[] {
  const parts = partsOf(result);
  const conflictRow = (it: Conflict) => rowOfConflict(it, roots);
  const rows: Record<keyof Parts, Row[]> = {
    open: parts.open.map(conflictRow),
    done: parts.done.map(conflictRow),
    failed: parts.failed.map(actionRow),
    skipped: parts.skipped.map(actionRow),
    unknown: parts.unknown.map((it) => ({
      ...unsyncedRow(it, { ...it.metadata, isFolder: it.kind === "lone" }),
      kind: "UNKNOWN",
      words: "unknown",
      reason: it.reason,
    })),
    waiting: parts.waiting.map((it) => ({
      ...unsyncedRow(it, {}),
      kind: "WAITING",
      words: "waits",
      reason: waitingWords(it),
    })),
    // Where nothing differs nothing is told, but to who wants to see all.
    actions: parts.actions.filter(({ action }) =>
      action.name !== "NOOP" || listsUnchanged && action.bytes !== null
    ).map(actionRow),
  };
  const all = Object.entries(rows) as [keyof Parts, Row[]][];
  return all.filter(([, { length }]) => length > 0).map(([id, rows]) => {
    const titles = PART_TITLES[id];
    return {
      id,
      title: (result.isDryRun ? titles.at(-1) : titles[0])!,
      rows: rows.toSorted((a, b) => comparePaths(a.path, b.path)),
    };
  });
}

function actionRow({ action, kind, newPath, detail }: Outcome): Row {
  const { name, path, bytes, work } = action;
  const as = work.kind.startsWith("rename")
    ? "new name"
    : work.kind === "clash"
    ? "kept as"
    : "soft-deleted as";
  const notes = [
    ...newPath === null ? [] : [`${as} ${newPath}`],
    ...detail === null ? [] : [detail],
  ];
  return {
    kind: name,
    path,
    cells: cellsOf(action),
    words: kindWords(name, kind === "done"),
    reason: reasonWords(action),
    note: notes.length === 0 ? null : notes.join("; "),
    bytes,
  };
}

function rowOfConflict(conflict: Conflict, roots: Both<string>): Row {
  const { versions, winner, kind, path, rule, policy } = conflict;
  // Only a difference in names leaves a file without metadata.
  const isFolder = kind !== "metadata_conflict";
  // A loser's path is where it goes, not where it was.
  const before = winner === null ? {} : { path };
  const cell = (version: Version | null): Cell =>
    version === null
      ? { ...NOWHERE, path, isFolder }
      : { ...version, ...before, isFolder: false };
  return {
    kind: "CONFLICT",
    path,
    cells: { left: cell(versions.left), right: cell(versions.right) },
    words: winner === null ? "open conflict" : `${words(winner)} wins`,
    reason: `${kind}; rule ${rule}; ${policy}`,
    note: becameWords(conflict, roots),
    bytes: null,
  };
}

/** What one side has, and what is not synced. */
function unsyncedRow(
  { side, path }: { readonly side: Side; readonly path: string },
  cell: Partial<Cell>,
): Pick<Row, "path" | "cells" | "note" | "bytes"> {
  const cells = across(side, { ...NOWHERE, ...cell, path }, null);
  return { path, cells, note: null, bytes: null };
}

const NOWHERE = { isFolder: false, sizeBytes: null, mtimeMs: null } as const;

function across(
  side: Side,
  own: Cell | null,
  other: Cell | null,
): Both<Cell | null> {
  return side === "left"
    ? { left: own, right: other }
    : { left: other, right: own };
}

function cellsOf({ work, path, bytes }: Action): Both<Cell | null> {
  const file = (path: string, metadata: Metadata | null) =>
    metadata && { ...metadata, path, isFolder: false };
  const folder = (path: string) => ({ ...NOWHERE, path, isFolder: true });
  switch (work.kind) {
    case "copy": {
      const target = file(work.path, work.target);
      return across(work.from, file(work.path, work.source), target);
    }
    case "remove":
      return across(work.on, file(work.path, work.metadata), null);
    case "clash": {
      const winner = file(work.path, work.winner);
      return across(work.from, file(work.path, work.metadata), winner);
    }
    case "rename": {
      const { other, to } = work;
      const named = other === null
        ? { ...NOWHERE, path: to }
        : file(other.path, other.metadata);
      return across(work.on, file(work.from, work.metadata), named);
    }
    case "rename-directory":
      return across(work.on, folder(work.from), folder(work.to));
    case "create-directory":
      return across(otherSide(work.on), folder(work.path), null);
    case "remove-directory":
      return across(work.on, folder(work.path), null);
    case "record":
    case "none": {
      // What both sides agree on is the same on both.
      const both = { ...NOWHERE, path, sizeBytes: bytes };
      return { left: both, right: both };
    }
  }
}

// The page.

/** Rows that a page shows; with more it would open slowly. */
const ROOM = 5000;

/** With more rows than that a page opens with its folders closed. */
const OPEN_ROOM = 500;

/**
 * The page of a run, of a plan, or of a guard that stopped one. Nothing in it
 * obeys, whatever files are called.
 */
export function htmlPage(result: RunResult, options: PageOptions): string {
  const { roots, walls } = options;
  const { stop, id, exitCode } = result;
  const what = result.isDryRun ? "Plan" : "Run";
  const title = `${what} of ${timeWords(result.startedAtMs)}`;
  const lines = [prunedWords(result.pruned), walls ?? null];
  const facts = [
    ["Left", roots.left],
    ["Right", roots.right],
    [what, id],
    ["Exit code", String(exitCode)],
  ] as const;
  const policy = "default-src 'none'; base-uri 'none'; form-action 'none'; " +
    `style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>office-sync: ${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
${
    stop === null
      ? `<p class="result">${escapeHtml(resultWords(result, "below"))}</p>`
      : ""
  }
${lines.map((it) => it === null ? "" : `<p>${escapeHtml(it)}</p>`).join("\n")}
<dl>
${
    facts.map(([term, text]) =>
      `<div><dt>${term}</dt><dd>${escapeHtml(text)}</dd></div>`
    ).join("\n")
  }
</dl>
</header>
<main>${resultHtml(result, options)}</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** What stopped it, and its rows. */
export function resultHtml(result: RunResult, options: PageOptions): string {
  const { stop, outcomes } = result;
  // A signal stops a run after it has done something, a guard before.
  const hasRows = stop === null || outcomes.length > 0;
  return `${stop === null ? "" : stopHtml(stop)}
${hasRows ? rowsHtml(result, reportSections(result, options)) : ""}`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function stopHtml({ name, reason, hint, isWaiting }: Stop): string {
  const title = name === INTERRUPTED
    ? "Interrupted"
    : isWaiting
    ? "Waiting for a folder that is away"
    : `Stopped by the guard “${escapeHtml(name)}”`;
  return `<section class="stop" aria-labelledby="stop">
<h2 id="stop">${title}</h2>
<p>${escapeHtml(reason)}</p>
<p><strong>What to do:</strong> ${escapeHtml(hint)}</p>
</section>`;
}

/** For who sees; each table names its own columns to all others. */
const COLUMNS = `<div class="columns" aria-hidden="true">
<span>Left</span><span>Action</span><span>Right</span><span>Why</span></div>`;

function rowsHtml(
  { id: run, isDryRun }: RunResult,
  sections: readonly Section[],
): string {
  if (sections.length === 0) return "<p>There is nothing to list.</p>";
  const all = sections.flatMap(({ rows }) => rows);
  const isOpen = all.length <= OPEN_ROOM;
  let room = ROOM;
  const parts = sections.map(({ id, title, rows }) => {
    const shown = firstOf(rows, room);
    room -= shown.length;
    const rest = rows.length - shown.length;
    const where = isDryRun
      ? `${PROGRAM} plan --verbose`
      : `${PROGRAM} history ${run}`;
    const more = rest === 0
      ? ""
      : `<p>… and ${numberWords(rest)} more (“${
        escapeHtml(where)
      }” lists all)</p>`;
    return `<section class="rows" aria-labelledby="${id}">
<h2 id="${id}">${escapeHtml(title)} <span class="count">${
      numberWords(rows.length)
    }</span></h2>
${
      id === "actions"
        ? folders(shown, isOpen)
        : table(title, shown, "path")
    }${more}
</section>`;
  });
  return filterHtml(all, !isDryRun) + COLUMNS + parts.join("\n");
}

/** Three deletions must not vanish among a hundred thousand copies. */
function firstOf(rows: readonly Row[], room: number): readonly Row[] {
  if (rows.length <= room) return rows;
  const kinds = Map.groupBy(rows, ({ kind }) => kind);
  const rareFirst = [...kinds.values()].sort((a, b) => a.length - b.length);
  const shown = new Set(rareFirst.flat().slice(0, room));
  return rows.filter((row) => shown.has(row));
}

/** Works with the page's script only; without it, it is a summary. */
function filterHtml(rows: readonly Row[], isDone: boolean): string {
  const kinds = Map.groupBy(rows, ({ kind }) => kind);
  const boxes = [...kinds].map(([kind, of]) => {
    const bytes = of.reduce((sum, row) => sum + (row.bytes ?? 0), 0);
    const size = bytes === 0 ? "" : ` (${sizeWords(bytes)})`;
    return `<label class="${kind}"><input type="checkbox" name="kind" value="${kind}" checked>` +
      ` ${numberWords(of.length)} ${kindWords(kind, isDone)}${size}</label>`;
  });
  const total = rows.length;
  return `<form role="search" aria-label="Filter">
<fieldset disabled><legend>Show</legend>${boxes.join("\n")}</fieldset>
<div class="more" hidden>
<label>Name contains <input type="search" name="name"></label>
<button type="button" name="all">Show all</button>
<button type="button" name="none">Show none</button>
<button type="button" name="open">Open folders</button>
<button type="button" name="close">Close folders</button>
</div>
<p role="status" data-total="${total}">${
    numberWords(Math.min(total, ROOM))
  } of ${numberWords(total)} shown</p>
</form>`;
}

function folders(rows: readonly Row[], isOpen: boolean): string {
  const byFolder = Map.groupBy(rows, ({ path }) => folderOf(path));
  return [...byFolder].map(([folder, inside]) => {
    const words = folder === "" ? "(the root folder)" : folder;
    return `<details class="folder"${isOpen ? " open" : ""}>` +
      `<summary><bdi>${escapeHtml(words)}</bdi> <span class="count">` +
      `${numberWords(inside.length)}</span></summary>` +
      `${table(words, inside, "name")}</details>`;
  }).join("\n");
}

function table(
  caption: string,
  rows: readonly Row[],
  shows: "path" | "name",
): string {
  if (rows.length === 0) return "";
  return `<table><caption>${escapeHtml(caption)}</caption>` +
    "<thead><tr><th>Left<th>Action<th>Right<th>Why</thead><tbody>" +
    `${rows.map((row) => rowHtml(row, shows)).join("\n")}</tbody></table>`;
}

function rowHtml(row: Row, shows: "path" | "name"): string {
  const { kind, cells, words, reason, note } = row;
  return `<tr data-kind="${kind}" class="${kind}">` +
    `<td>${cellHtml(cells.left, shows)}` +
    `<td><b aria-hidden="true">${markOf(kind)}</b> ${escapeHtml(words)}` +
    `<td>${cellHtml(cells.right, shows)}<td>${escapeHtml(reason)}` +
    (note === null ? "" : `<small>${escapeHtml(note)}</small>`);
}

function cellHtml(cell: Cell | null, shows: "path" | "name"): string {
  if (cell === null) return '<span class="none">nothing</span>';
  const { path, isFolder, sizeBytes, mtimeMs } = cell;
  const name = shows === "name" ? nameOf(path) : path;
  const facts = [
    ...isFolder ? ["folder"] : [],
    ...sizeBytes === null ? [] : [sizeWords(sizeBytes)],
    ...mtimeMs === null ? [] : [timeWords(mtimeMs)],
  ].join(", ");
  return `<bdi>${escapeHtml(name)}${isFolder ? "/" : ""}</bdi>` +
    (facts === "" ? "" : `<small>${facts}</small>`);
}

// The file that `--report` names.

/**
 * Makes sure that a report is not written where the next run would sync it.
 *
 * @param file The file, as it was given.
 * @throws {SyncError} Exit code 2: it lies in a root.
 */
export function requireOutside(file: string, roots: Both<string>): void {
  for (const side of SIDES) {
    const way = relative(roots[side], resolve(file));
    if (/^\.\.(?:[\\/]|$)/.test(way) || isAbsolute(way)) continue;
    throw new SyncError(
      `--report: ${quoted(file)} lies in ${side}_root; allowed: outside both` +
        " roots.",
      EXIT.usage,
    );
  }
}

/**
 * Writes the page of a run. The sandbox opens this one file and no other, so
 * it can't be written aside first: if the disk gets full, it is left empty
 * instead of half.
 *
 * @param file The file, as it was given.
 * @returns What went wrong, in a line; null where it is written.
 */
export function writeReport(
  file: string,
  result: RunResult,
  options: PageOptions,
): string | null {
  const bytes = new TextEncoder().encode(htmlPage(result, options));
  try {
    using page = Deno.openSync(file, {
      write: true,
      create: true,
      truncate: true,
    });
    try {
      for (let at = 0; at < bytes.length;) {
        at += page.writeSync(bytes.subarray(at));
      }
    } catch (error) {
      try {
        page.truncateSync();
      } catch {
        // What is no ordinary file can't be; why it failed matters more.
      }
      throw error;
    }
    return null;
  } catch (error) {
    const why = errorKind(error) === "missing"
      ? "its folder does not exist"
      : inWords(error);
    return `The report ${quoted(file)} could not be written: ${why}.`;
  }
}

/** It filters. All there is to read is there without it. */
export const SCRIPT: string = `
"use strict";
(() => {
  const form = document.querySelector("input[name=kind]")?.form;
  if (form === undefined) return;
  const boxes = [...form.querySelectorAll("input[name=kind]")];
  const name = form.elements.name;
  const status = form.querySelector("[role=status]");
  const number = (value) => value.toLocaleString("en-US");
  /* A folder's name counts for its rows. */
  const rows = [...document.querySelectorAll("[data-kind]")].map((node) => {
    const folder = node.closest(".folder")?.querySelector("bdi").textContent;
    const text = (folder === undefined ? "" : folder + "/") + node.textContent;
    return { node, text: text.toLowerCase(), kind: node.dataset.kind };
  });
  const groups = [...document.querySelectorAll("details, section.rows")];
  const apply = () => {
    const kinds = new Set(boxes.filter((it) => it.checked).map((it) => it.value));
    const wanted = name.value.toLowerCase();
    let shown = 0;
    for (const { node, text, kind } of rows) {
      node.hidden = !kinds.has(kind) || !text.includes(wanted);
      if (!node.hidden) shown++;
    }
    for (const group of groups) {
      group.hidden = group.querySelector("[data-kind]:not([hidden])") === null;
    }
    status.textContent = number(shown) + " of " +
      number(Number(status.dataset.total)) + " shown";
  };
  const check = (isChecked) => {
    for (const box of boxes) box.checked = isChecked;
    apply();
  };
  const open = (isOpen) => {
    for (const folder of document.querySelectorAll(".folder")) {
      folder.open = isOpen;
    }
  };
  const { all, none, open: opener, close } = form.elements;
  all.onclick = () => { name.value = ""; check(true); };
  none.onclick = () => check(false);
  opener.onclick = () => open(true);
  close.onclick = () => open(false);
  let timer = 0;
  name.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 150);
  };
  for (const box of boxes) box.onchange = apply;
  form.onsubmit = (event) => { event.preventDefault(); apply(); };
  form.querySelector("fieldset").disabled = false;
  form.querySelector(".more").hidden = false;
  /* A browser brings back boxes that were unticked before a reload. */
  apply();
})();
`;

/** Light and dark. */
export const COLORS: string = `
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
`;

/** On a screen and on paper. */
export const STYLE: string = `${COLORS}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; padding: 1rem; max-width: 90rem; background: var(--paper);
  color: var(--ink); font: 0.95rem/1.45 system-ui, sans-serif;
}
h1 { margin: 0 0 0.25rem; font-size: 1.5rem; }
h2 { margin: 1.5rem 0 0.5rem; font-size: 1.15rem; }
.result { margin: 0 0 0.75rem; font-size: 1.1rem; }
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
caption, thead, .hidden {
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
:is(.CONFLICT, .CLASH_CREATE, .UNKNOWN) td:nth-child(2),
label:is(.CONFLICT, .CLASH_CREATE, .UNKNOWN) { color: var(--heed); }
.CONFLICT td { background: var(--heed-band); }
summary {
  padding: 0.3rem 0.5rem; border-bottom: 1px solid var(--line);
  cursor: pointer; overflow-wrap: anywhere;
}
.folder > summary { font-weight: bold; }
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
}
`;
