/**
 * A run as the body of a page for a browser: Left and Right in two columns,
 * between them what is done.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isAbsolute, relative, resolve } from "node:path";
import { EXIT, SyncError } from "./errors.ts";
import { words } from "./metadata.ts";
import { comparePaths, folderOf, nameOf } from "./paths.ts";
import type { Action, Version, Work } from "./plan_types.ts";
import {
  prunedWords,
  settledConflicts,
  verdict,
  waitingWords,
} from "./report_text.ts";
import {
  INTERRUPTED,
  isTold,
  openConflicts,
  type Outcome,
  type RunResult,
  type Stop,
} from "./run_types.ts";
import { inWords, troubleOf } from "./system.ts";
import {
  conflictWords,
  escapeHtml,
  printable,
  quoted,
  sizeWords,
} from "./text.ts";
import {
  type ActionName,
  type Both,
  type Metadata,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";

// Which rows of a report are shown one by one, and which are only listed
// because there are too many that are alike.

/** Rows that are alike but for their path. */
export interface Alike {
  /** The first of them, which stands for all. */
  readonly like: Row;
  readonly rows: readonly Row[];
}

/** Rows, parted. */
export interface Folded {
  /** In the order they came in. */
  readonly shown: readonly Row[];
  readonly listed: readonly Alike[];
}

/**
 * Parts rows. What is rare is shown, what there is most of is listed: three
 * deletions must not vanish among a hundred thousand copies.
 *
 * @param rows The rows.
 * @param room How many may be shown.
 */
export function fold(rows: readonly Row[], room: number): Folded {
  if (rows.length <= room) return { shown: rows, listed: [] };
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.kind}\n${row.words}\n${row.reason}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  const shown = new Set<Row>();
  const listed: Alike[] = [];
  const bySize = [...groups.values()].sort((a, b) => a.length - b.length);
  for (const group of bySize) {
    const fits = group.slice(0, Math.max(0, room - shown.size));
    for (const row of fits) shown.add(row);
    const rest = group.slice(fits.length);
    if (rest[0]) listed.push({ like: rest[0], rows: rest });
  }
  return { shown: rows.filter((row) => shown.has(row)), listed };
}

// A run as rows of two columns: what Left has, what is done, what Right has.

/** What a row is filtered by. */
export type RowKind = ActionName | "CONFLICT" | "LEFT_ALONE" | "WAITING";

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
  /** Why; rows that are alike share it. */
  readonly reason: string;
  /** What only this row has to say; null for nothing. */
  readonly note: string | null;
  readonly bytes: number | null;
}

/** Rows under one title. */
export interface Section {
  readonly id:
    | "open"
    | "settled"
    | "failed"
    | "skipped"
    | "alone"
    | "waiting"
    | "actions";
  readonly title: string;
  readonly rows: readonly Row[];
}

/** What each action is called where it is planned, and where it is done. */
const WORDS: Readonly<Record<ActionName, readonly [string, string]>> = {
  COPY_LEFT_TO_RIGHT: ["copy to Right", "copied to Right"],
  COPY_RIGHT_TO_LEFT: ["copy to Left", "copied to Left"],
  DELETE_LEFT: ["delete on Left for good", "deleted on Left for good"],
  DELETE_RIGHT: ["delete on Right for good", "deleted on Right for good"],
  SOFT_DELETE_LEFT: ["delete on Left, keep", "deleted on Left, kept"],
  SOFT_DELETE_RIGHT: ["delete on Right, keep", "deleted on Right, kept"],
  CLASH_CREATE: ["keep as clash copy", "kept as clash copy"],
  RENAME_LEFT: ["rename or adjust on Left", "renamed or adjusted on Left"],
  RENAME_RIGHT: ["rename or adjust on Right", "renamed or adjusted on Right"],
  CREATE_DIR_LEFT: ["create folder on Left", "folder created on Left"],
  CREATE_DIR_RIGHT: ["create folder on Right", "folder created on Right"],
  REMOVE_DIR_LEFT: ["remove folder on Left", "folder removed on Left"],
  REMOVE_DIR_RIGHT: ["remove folder on Right", "folder removed on Right"],
  NOOP: ["nothing to do", "nothing to do"],
};

/**
 * What a kind of row is called.
 *
 * @param kind The kind.
 * @param isDone Whether it was done; else it is to be.
 */
export function kindWords(kind: RowKind, isDone: boolean): string {
  if (kind === "CONFLICT") return "in conflict";
  if (kind === "LEFT_ALONE") return "left alone";
  if (kind === "WAITING") return "waits";
  return WORDS[kind][isDone ? 1 : 0];
}

/** How a run is told. */
export interface RowOptions {
  /** Absolute paths of the roots. */
  readonly roots: Both<string>;
  /** Whether paths at which there is nothing to do are rows too. */
  readonly listsUnchanged: boolean;
  /** That the process has no walls, in words; null: it has. */
  readonly missingWalls?: string | null;
}

/**
 * The rows of a run: first what needs a person, by path.
 *
 * @param result What came of the run.
 * @param options How it is told.
 * @returns The sections that hold anything.
 */
export function reportSections(
  result: RunResult,
  options: RowOptions,
): Section[] {
  const { isDryRun } = result;
  const sections: Section[] = [
    {
      id: "open",
      title: "Open conflicts, for a person to settle",
      rows: openConflicts(result.outcomes).map((conflict) =>
        conflictRow(conflict, conflictWords(conflict, "", null))
      ),
    },
    {
      id: "settled",
      title: isDryRun ? "Conflicts to settle" : "Conflicts settled",
      rows: settledConflicts(result.outcomes, options.roots).map((it) =>
        conflictRow(it.conflict, it.words)
      ),
    },
    {
      id: "failed",
      title: "Failed, tried again next time",
      rows: rowsOf(result, (outcome) => outcome.kind === "failed"),
    },
    {
      id: "skipped",
      title: "Skipped, tried again next time",
      rows: rowsOf(result, (outcome) => outcome.kind === "skipped"),
    },
    {
      id: "alone",
      title: "Left alone on both sides",
      rows: result.problems.filter(isTold)
        .map(problemRow),
    },
    {
      id: "waiting",
      title: "Waiting for the next run",
      rows: result.waiting.map(waitingRow),
    },
    {
      id: "actions",
      title: isDryRun ? "What a run would do" : "What was done",
      rows: rowsOf(
        result,
        (outcome) =>
          (outcome.kind === "done" || outcome.kind === "planned") &&
          isListed(outcome, options.listsUnchanged),
      ),
    },
  ];
  return sections.filter(({ rows }) => rows.length > 0).map((section) => ({
    ...section,
    rows: section.rows.toSorted((a, b) => comparePaths(a.path, b.path)),
  }));
}

/** Where nothing differs nothing is to be told, but to who wants to see all. */
function isListed({ action }: Outcome, listsUnchanged: boolean): boolean {
  return action.name !== "NOOP" || listsUnchanged && action.bytes !== null;
}

/** Open conflicts have a section of their own. */
function rowsOf(
  result: RunResult,
  isWanted: (outcome: Outcome) => boolean,
): Row[] {
  return result.outcomes.filter((outcome) => {
    const { conflict } = outcome.action;
    return (conflict === null || conflict.winner !== null) && isWanted(outcome);
  }).map(actionRow);
}

function actionRow(outcome: Outcome): Row {
  const { action, kind, newPath, detail } = outcome;
  const { name, path, rule, bytes } = action;
  const isRename = action.work.kind.startsWith("rename");
  const notes = [
    ...newPath === null
      ? []
      : [isRename ? `new name ${newPath}` : `kept as ${newPath}`],
    ...detail === null ? [] : [detail],
  ];
  return {
    kind: name,
    path,
    cells: cellsOf(action),
    words: kindWords(name, kind === "done"),
    reason: rule === null ? action.reason : `${action.reason}; rule ${rule}`,
    note: notes.length === 0 ? null : notes.join("; "),
    bytes,
  };
}

function conflictRow(
  conflict: NonNullable<Action["conflict"]>,
  sentence: string,
): Row {
  const { versions, winner } = conflict;
  // Only a difference in names leaves a file without metadata.
  const isFolder = conflict.kind !== "metadata_conflict";
  // A loser's path is where it goes, not where it was.
  const before = winner === null ? {} : { path: conflict.path };
  const cell = (version: Version | null): Cell =>
    version === null
      ? { ...NOWHERE, path: conflict.path, isFolder }
      : { ...version, ...before, isFolder: false };
  return {
    kind: "CONFLICT",
    path: conflict.path,
    cells: { left: cell(versions.left), right: cell(versions.right) },
    words: winner === null ? "open conflict" : `${words(winner)} wins`,
    reason: `${conflict.kind}; rule ${conflict.rule}; ${conflict.policy}`,
    // Which path it is about stands in the row already.
    note: sentence.slice(`${printable(conflict.path)}: `.length),
    bytes: null,
  };
}

function problemRow(
  { side, path, kind, reason, metadata }: RunResult["problems"][number],
): Row {
  const isFolder = kind === "kept";
  const cell = { ...NOWHERE, ...metadata, path, isFolder };
  return {
    kind: "LEFT_ALONE",
    path,
    cells: side === "left"
      ? { left: cell, right: null }
      : { left: null, right: cell },
    words: "left alone",
    reason,
    note: null,
    bytes: null,
  };
}

function waitingRow({ side, path, as }: RunResult["waiting"][number]): Row {
  const row = problemRow({
    side,
    path,
    kind: "ignored",
    reason: waitingWords({ as }),
    metadata: null,
  });
  return { ...row, kind: "WAITING", words: "waits" };
}

const NOWHERE = { isFolder: false, sizeBytes: null, mtimeMs: null } as const;

function file(path: string, metadata: Metadata | null): Cell | null {
  return metadata && { ...metadata, path, isFolder: false };
}

function folder(path: string): Cell {
  return { ...NOWHERE, path, isFolder: true };
}

function cellsOf(action: Action): Both<Cell | null> {
  const { work } = action;
  const [side, own, other] = found(work) ??
    ["left", { ...NOWHERE, path: action.path, sizeBytes: action.bytes }, null];
  // What both sides agree on is the same on both.
  const across = work.kind === "record" || work.kind === "none" ? own : other;
  return side === "left"
    ? { left: own, right: across }
    : { left: across, right: own };
}

/** A side, what it has, and what the other one has. */
function found(work: Work): [Side, Cell | null, Cell | null] | null {
  switch (work.kind) {
    case "copy":
      return [
        work.from,
        file(work.path, work.source),
        file(work.path, work.target),
      ];
    case "remove":
      return [work.on, file(work.path, work.metadata), null];
    case "clash":
      return [
        work.from,
        file(work.path, work.metadata),
        file(work.path, work.winner),
      ];
    case "rename":
      return [
        work.on,
        file(work.from, work.metadata),
        file(work.other?.path ?? work.to, work.other?.metadata ?? null) ??
          { ...NOWHERE, path: work.to },
      ];
    case "rename-directory":
      return [work.on, folder(work.from), folder(work.to)];
    case "create-directory":
      return [otherSide(work.on), folder(work.path), null];
    case "remove-directory":
      return [work.on, folder(work.path), null];
    case "record":
    case "none":
      return null;
  }
}

/** Rows that a page shows one by one; with more it would open slowly. */
const ROOM = 5000;

/** With more rows than that a page opens with its folders closed. */
const OPEN_ROOM = 500;

/** Lines of a list that are drawn as one, so that a browser can skip them. */
const LINES = 500;

/** Shown to who sees; the words beside them say the same. */
const MARKS: Readonly<Record<RowKind, string>> = {
  COPY_LEFT_TO_RIGHT: "→",
  COPY_RIGHT_TO_LEFT: "←",
  DELETE_LEFT: "← ✕",
  DELETE_RIGHT: "✕ →",
  SOFT_DELETE_LEFT: "← ✕",
  SOFT_DELETE_RIGHT: "✕ →",
  CLASH_CREATE: "↔",
  RENAME_LEFT: "← ~",
  RENAME_RIGHT: "~ →",
  CREATE_DIR_LEFT: "← +",
  CREATE_DIR_RIGHT: "+ →",
  REMOVE_DIR_LEFT: "← ✕",
  REMOVE_DIR_RIGHT: "✕ →",
  NOOP: "=",
  CONFLICT: "⚡",
  LEFT_ALONE: "–",
  WAITING: "…",
};

/** A page without what surrounds it. */
export interface PageContent {
  /** Plain text. */
  readonly title: string;
  /** HTML. */
  readonly body: string;
}

/**
 * The page of a run, of a plan, or of a guard that stopped one.
 *
 * @param result What came of it.
 * @param options Roots, and what is told.
 * @returns Title and body; nothing in it obeys, whatever files are called.
 */
export function htmlReport(
  result: RunResult,
  options: RowOptions,
): PageContent {
  const what = result.isDryRun ? "Plan" : "Run";
  const title = `${what} of ${timeWords(result.startedAtMs)}`;
  const content = [
    ...result.stop ? [stopHtml(result.stop)] : [],
    // A signal stops a run after it has done something, a guard before.
    ...result.stop === null || result.outcomes.length > 0
      ? [rowsHtml(result, reportSections(result, options))]
      : [],
  ].join("\n");
  const freed = prunedWords(result.pruned);
  const body = [
    "<header>",
    `<h1>${escapeHtml(title)}</h1>`,
    result.stop
      ? ""
      : `<p class="verdict">${escapeHtml(verdict(result, "below"))}</p>`,
    ...[freed, options.missingWalls ?? null].map((line) =>
      line === null ? "" : `<p>${escapeHtml(line)}</p>`
    ),
    "<dl>",
    ...[
      ["Left", options.roots.left],
      ["Right", options.roots.right],
      [what, result.id],
      ["Exit code", String(result.exitCode)],
    ].map(([term = "", text = ""]) =>
      `<div><dt>${term}</dt><dd>${escapeHtml(text)}</dd></div>`
    ),
    "</dl>",
    "</header>",
    `<main>${content}</main>`,
  ].join("\n");
  return { title: `office-sync: ${title}`, body };
}

function stopHtml({ name, reason, hint }: Stop): string {
  const title = name === INTERRUPTED
    ? "Interrupted"
    : `Stopped by the guard “${escapeHtml(name)}”`;
  return `<section class="stop" aria-labelledby="stop">
<h2 id="stop">${title}</h2>
<p>${escapeHtml(reason)}</p>
<p><strong>What to do:</strong> ${escapeHtml(hint)}</p>
</section>`;
}

function rowsHtml(result: RunResult, sections: readonly Section[]): string {
  if (sections.length === 0) return "<p>There is nothing to list.</p>";
  const all = sections.flatMap(({ rows }) => rows);
  const isOpen = all.length <= OPEN_ROOM;
  let room = ROOM;
  const parts = sections.map((section) => {
    const { shown, listed } = fold(section.rows, room);
    room -= shown.length;
    const { id, title, rows } = section;
    return `<section class="rows" aria-labelledby="${id}">
<h2 id="${id}">${escapeHtml(title)} <span class="count">${
      number(rows.length)
    }</span></h2>
${id === "actions" ? folders(shown, isOpen) : table(title, shown, "path")}${
      listed.map(alikeHtml).join("")
    }
</section>`;
  });
  return filterHtml(all, !result.isDryRun) + COLUMNS + parts.join("\n");
}

/** Works with the page's script only; without it, it is a summary. */
function filterHtml(rows: readonly Row[], isDone: boolean): string {
  const counts = new Map<RowKind, { count: number; bytes: number }>();
  for (const { kind, bytes } of rows) {
    const of = counts.get(kind) ?? { count: 0, bytes: 0 };
    counts.set(kind, { count: of.count + 1, bytes: of.bytes + (bytes ?? 0) });
  }
  const boxes = [...counts].map(([kind, { count, bytes }]) => {
    const size = bytes === 0 ? "" : ` (${sizeWords(bytes)})`;
    const words = escapeHtml(kindWords(kind, isDone));
    return `<label class="${kind}"><input type="checkbox" name="kind" value="${kind}" checked>` +
      ` ${number(count)} ${words}${size}</label>`;
  });
  return `<form role="search" aria-label="Filter">
<fieldset disabled><legend>Show</legend>${boxes.join("\n")}</fieldset>
<div class="more" hidden>
<label>Name contains <input type="search" name="name"></label>
<button type="button" name="all">Show all</button>
<button type="button" name="none">Show none</button>
<button type="button" name="open">Open folders</button>
<button type="button" name="close">Close folders</button>
</div>
<p role="status">${number(rows.length)} of ${number(rows.length)} shown</p>
</form>`;
}

/** For who sees; each table names its own columns to all others. */
const COLUMNS = `<div class="columns" aria-hidden="true">
<span>Left</span><span>Action</span><span>Right</span><span>Why</span></div>`;

function folders(rows: readonly Row[], isOpen: boolean): string {
  const byFolder = Map.groupBy(rows, ({ path }) => folderOf(path));
  return [...byFolder].map(([folder, inside]) => {
    const words = folder === "" ? "(the root folder)" : folder;
    return `<details class="folder"${isOpen ? " open" : ""}>` +
      `<summary><bdi>${escapeHtml(words)}</bdi> <span class="count">` +
      `${number(inside.length)}</span></summary>` +
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
  const cell = (it: Cell | null) => cellHtml(it, shows);
  return `<tr data-kind="${kind}" class="${kind}"><td>${cell(cells.left)}` +
    `<td><b aria-hidden="true">${MARKS[kind]}</b> ${escapeHtml(words)}` +
    `<td>${cell(cells.right)}<td>${escapeHtml(reason)}` +
    `${note === null ? "" : `<small>${escapeHtml(note)}</small>`}`;
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

/** Too many that are alike: their paths, as text. */
function alikeHtml({ like, rows }: Alike): string {
  const bytes = rows.reduce((sum, row) => sum + (row.bytes ?? 0), 0);
  const size = bytes === 0 ? "" : `, ${sizeWords(bytes)}`;
  const blocks: string[] = [];
  for (let at = 0; at < rows.length; at += LINES) {
    const lines = rows.slice(at, at + LINES).map(lineOf).join("\n");
    blocks.push(`<pre data-kind="${like.kind}">${lines}</pre>`);
  }
  return `<details class="alike"><summary>` +
    `<b aria-hidden="true">${MARKS[like.kind]}</b> ${number(rows.length)} ` +
    `more: ${escapeHtml(like.words)} (${escapeHtml(like.reason)}${size})` +
    `</summary>${blocks.join("")}</details>`;
}

function lineOf({ path, bytes, note }: Row): string {
  const size = bytes === null ? "" : ` (${sizeWords(bytes)})`;
  return escapeHtml(`${path}${size}${note === null ? "" : `: ${note}`}`);
}

const TIME = new Intl.DateTimeFormat("sv-SE", {
  dateStyle: "short",
  timeStyle: "medium",
});

function timeWords(timeMs: number): string {
  return TIME.format(timeMs);
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

// The little script of a report: it filters. All there is to read is there
// without it.

/** The script. */
export const PAGE_SCRIPT: string = `
"use strict";
(() => {
  const form = document.querySelector("form");
  if (form === null) return;
  const boxes = [...form.querySelectorAll("input[name=kind]")];
  const name = form.elements.name;
  const status = form.querySelector("[role=status]");
  const number = (value) => value.toLocaleString("en-US");
  /* A row is one line, a list has many; a folder's name counts for its rows. */
  const units = [...document.querySelectorAll("[data-kind]")].map((node) => {
    const isList = node.tagName === "PRE";
    const folder = node.closest(".folder")?.querySelector("bdi").textContent;
    const lines = isList
      ? node.textContent.split("\\n")
      : [(folder === undefined ? "" : folder + "/") + node.textContent];
    return { node, isList, lines, kind: node.dataset.kind, shown: lines.length };
  });
  const groups = [...document.querySelectorAll("details, section.rows")];
  const total = units.reduce((sum, { lines }) => sum + lines.length, 0);
  const apply = () => {
    const kinds = new Set(boxes.filter((it) => it.checked).map((it) => it.value));
    const wanted = name.value.toLowerCase();
    let shown = 0;
    for (const unit of units) {
      const lines = !kinds.has(unit.kind)
        ? []
        : wanted === ""
        ? unit.lines
        : unit.lines.filter((line) => line.toLowerCase().includes(wanted));
      unit.node.hidden = lines.length === 0;
      if (unit.isList && lines.length !== unit.shown && lines.length > 0) {
        unit.node.textContent = lines.join("\\n");
        unit.shown = lines.length;
      }
      shown += lines.length;
    }
    for (const group of groups) {
      group.hidden = group.querySelector("[data-kind]:not([hidden])") === null;
    }
    status.textContent = number(shown) + " of " + number(total) + " shown";
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

// How a report looks: light and dark, on a screen and on paper.

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

// What surrounds the body of a page: style, script, and a policy that lets it
// load nothing and run nothing else.

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

// The page that `--report` writes.

/**
 * Makes sure that a report is not written where the next run would sync it.
 *
 * @param file The file, as it was given.
 * @param roots Absolute paths of the roots.
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
 * @param result What came of the run.
 * @param options How it is told.
 * @returns What went wrong, in a line; null where it is written.
 */
export function writeReport(
  file: string,
  result: RunResult,
  options: RowOptions,
): string | null {
  const bytes = new TextEncoder().encode(htmlPage(htmlReport(result, options)));
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
      empty(page);
      throw error;
    }
    return null;
  } catch (error) {
    const why = troubleOf(error) === "missing"
      ? "its folder does not exist"
      : inWords(error);
    return `The report ${quoted(file)} could not be written: ${why}.`;
  }
}

function empty(page: Deno.FsFile): void {
  try {
    page.truncateSync();
  } catch {
    // What is no ordinary file can't be; why it failed before matters more.
  }
}
