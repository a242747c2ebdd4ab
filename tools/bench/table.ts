/**
 * Results as tables: plain for a terminal, Markdown for a page.
 *
 * @module
 */
import {
  type Figure,
  figureAt,
  middle,
  placesOf,
  type Results,
  type Verdict,
  verdicts,
} from "./results.ts";
import { GOALS, OURS, ROWS } from "./rows.ts";

/** Rows of cells; the first is the head. */
type Cells = readonly (readonly string[])[];

/** Seconds, as exact as they mean something. */
export function seconds(value: number): string {
  return `${value < 1 ? value.toFixed(3) : value.toFixed(2)} s`;
}

/** Bytes as MB; a MB is a million bytes. */
export function megabytes(bytes: number): string {
  return bytes === 0 ? "–" : `${Math.round(bytes / 1e6)} MB`;
}

/** How many times something is another. */
export function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}

/** A table for a terminal: columns in line, numbers to the right. */
export function plain(cells: Cells): string {
  const widths = (cells[0] ?? []).map((_, n) =>
    Math.max(...cells.map((row) => row[n]?.length ?? 0))
  );
  const lines = cells.map((row) =>
    row.map((cell, n) =>
      n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)
    ).join("  ").trimEnd()
  );
  lines.splice(1, 0, widths.map((width) => "─".repeat(width)).join("  "));
  return lines.join("\n");
}

/** A table for a page, laid out as the formatter does. */
export function markdown(cells: Cells): string {
  const safe = cells.map((row, n) =>
    row.map((cell) => {
      const text = cell.trim().replaceAll("|", "\\|");
      // A line of its own for what the next ones are about.
      const isTitle = n > 0 && text !== "" &&
        row.every((it) => it === cell || it === "");
      return isTitle ? `**${text}**` : text;
    })
  );
  const widths = (safe[0] ?? []).map((_, n) =>
    Math.max(3, ...safe.map((row) => row[n]?.length ?? 0))
  );
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, n) =>
        n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)
      ).join(" | ")
    } |`;
  const rule = `| ${
    widths.map((width, n) =>
      n === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
    ).join(" | ")
  } |`;
  const [head = [], ...rest] = safe;
  return [line(head), rule, ...rest.map(line)].join("\n");
}

const HEAD = ["", "time", "from – to", "ours ÷ this", "processor", "memory"];

/** Our figure for the same part of the same work. */
function oursBeside(metadata: readonly Figure[], figure: Figure) {
  const { place, row, what } = figure;
  const part = what.replace(/^[^,]*/, "");
  return figureAt(metadata, place, row, OURS + part) ??
    figureAt(metadata, place, row, OURS);
}

/** The lines of one kind of work in one place. */
function linesOf(metadata: readonly Figure[], place: string, row: string) {
  return metadata.filter((it) => it.place === place && it.row === row)
    .map((figure) => {
      const time = middle(figure, "seconds");
      const all = figure.samples.map((sample) => sample.seconds);
      const own = oursBeside(metadata, figure);
      const peak = middle(figure, "peakBytes");
      return [
        `  ${figure.what}`,
        seconds(time),
        `${Math.min(...all).toFixed(2)} – ${Math.max(...all).toFixed(2)}`,
        own && own !== figure ? times(middle(own, "seconds") / time) : "",
        // What was not a program has neither.
        peak === 0 ? "–" : seconds(middle(figure, "cpuSeconds")),
        megabytes(peak),
      ];
    });
}

/** The big table of a place: each kind of work, each program. */
export function table(metadata: readonly Figure[], place: string): Cells {
  const rows = Object.entries(ROWS).flatMap(([row, title]) => {
    const lines = linesOf(metadata, place, row);
    return lines.length === 0 ? [] : [[title, "", "", "", "", ""], ...lines];
  });
  return [[place, ...HEAD.slice(1)], ...rows];
}

/** What each goal came to. */
export function goalTable(found: readonly Verdict[]): Cells {
  return [
    ["goal", "place", "measured", "reached"],
    ...found.map(({ goal, place, value, isReached }) => [
      `${ROWS[goal.row]}: ${goal.words}`,
      place,
      goal.against !== null
        ? times(value)
        : goal.measure === "seconds"
        ? seconds(value)
        : megabytes(value),
      isReached ? "yes" : "NO",
    ]),
  ];
}

/** The command lines, each once. */
export function commands(metadata: readonly Figure[]): string[] {
  const all = metadata.filter(({ command }) => command !== "")
    .map(({ what, command }) => `${what.replace(/,.*/, "")}: ${command}`);
  return [...new Set(all)];
}

/** All of it for a terminal. */
export function terminalText(results: Results): string {
  const { metadata, machine, missing } = results;
  return [
    ...placesOf(metadata).map((place) => plain(table(metadata, place))),
    plain(goalTable(verdicts(metadata, GOALS))),
    ["Command lines:", ...commands(metadata)].join("\n  "),
    machine.join("\n"),
    ...(missing.length > 0 ? [["Missing:", ...missing].join("\n  ")] : []),
  ].join("\n\n");
}

/** All of it for a page. */
export function markdownText(results: Results): string {
  const { metadata, machine, missing } = results;
  return [
    machine.map((line) => `- ${line}`).join("\n"),
    ...placesOf(metadata).map((place) => markdown(table(metadata, place))),
    markdown(goalTable(verdicts(metadata, GOALS))),
    ["```text", ...commands(metadata), "```"].join("\n"),
    ...(missing.length > 0
      ? [["Missing:", missing.map((it) => `- ${it}`).join("\n")].join("\n\n")]
      : []),
  ].join("\n\n");
}

/** Kinds of work that the short form tells of. */
const SHORT = ["unchanged", "changed", "first-run", "equal-sides"];

/** The short form: one line for each program, one column for each work. */
export function shortText({ metadata, files }: Results): string {
  const [place = ""] = placesOf(metadata);
  const rows = SHORT.filter((row) => figureAt(metadata, place, row, OURS));
  const names = [
    ...new Set(
      metadata.filter((it) => it.place === place && rows.includes(it.row))
        .map(({ what }) => what),
    ),
  ];
  const cells = names.map((what) => [
    what,
    ...rows.map((row) => {
      const figure = figureAt(metadata, place, row, what);
      return figure ? seconds(middle(figure, "seconds")) : "–";
    }),
  ]);
  const head = [
    `${files.toLocaleString("en")} files a side, in ${place}`,
    ...rows.map((row) => ROWS[row] ?? row),
  ];
  return markdown([head, ...cells]);
}

/**
 * Puts a text between two marks of a page.
 *
 * @param page The page.
 * @param text What is to stand there.
 * @throws {Error} The page has no such marks.
 */
export function between(page: string, text: string): string {
  const begin = "<!-- bench: begin -->";
  const end = "<!-- bench: end -->";
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`no ${begin} … ${end} in it`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${
    page.slice(to)
  }`;
}
