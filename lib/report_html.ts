/**
 * A run as the body of a page for a browser: Left and Right in two columns,
 * between them what is done.
 *
 * @module
 */
import { folderOf, nameOf } from "./paths.ts";
import { type Alike, fold } from "./report_folds.ts";
import {
  type Cell,
  kindWords,
  reportSections,
  type Row,
  type RowKind,
  type RowOptions,
  type Section,
} from "./report_rows.ts";
import { verdict } from "./report_text.ts";
import { INTERRUPTED, type RunResult, type Stop } from "./run_result.ts";
import { prunedWords } from "./summary.ts";
import { escapeHtml, sizeWords } from "./text.ts";

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
