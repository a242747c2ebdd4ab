/**
 * Shows results: tables in Markdown, for a terminal as for a page, and a
 * picture with bars.
 *
 * @module
 */
import {
  type Figure,
  figureAt,
  type GoalResult,
  goalResults,
  GOALS,
  median,
  otherCores,
  OURS,
  placesOf,
  ratio,
  type Results,
  ROWS,
} from "./results.ts";

/** Rows of cells; the first is the head. */
type Cells = readonly (readonly string[])[];

/** Kinds of work that the short table and the picture tell of. */
const SHORT = ["unchanged", "changed", "first-run", "equal-sides"];

/** Seconds, as exact as they mean something. */
export function seconds(value: number): string {
  return `${value < 1 ? value.toFixed(3) : value.toFixed(2)} s`;
}

/** Bytes as MB; a MB is a million bytes. */
export function megabytes(bytes: number): string {
  return bytes === 0 ? "–" : `${Math.round(bytes / 1e6)} MB`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}

/** A table, columns in line and numbers to the right, as the formatter does. */
export function markdown(cells: Cells): string {
  const safe = cells.map((row) => row.map((it) => it.replaceAll("|", "\\|")));
  const widths = safe[0]!.map((_, n) =>
    Math.max(3, ...safe.map((row) => row[n]!.length))
  );
  const lines = safe.map((row) =>
    row.map((cell, n) =>
      n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)
    )
  );
  const rule = widths.map((width, n) =>
    n === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  lines.splice(1, 0, rule);
  return lines.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Our figure for the same part of the same work. */
function oursBeside(figures: readonly Figure[], figure: Figure) {
  const { place, row, what } = figure;
  const part = what.replace(/^[^,]*/, "");
  return figureAt(figures, place, row, OURS + part) ??
    figureAt(figures, place, row, OURS);
}

/** The big table of a place: each kind of work, each program. */
export function table(figures: readonly Figure[], place: string): Cells {
  const rows = Object.entries(ROWS).flatMap(([row, title]) => {
    const lines = figures.filter((it) => it.place === place && it.row === row)
      .map((figure) => {
        const time = median(figure, "seconds");
        const all = figure.samples.map((sample) => sample.seconds);
        const own = oursBeside(figures, figure);
        const peak = median(figure, "peakBytes");
        return [
          figure.what,
          seconds(time),
          `${Math.min(...all).toFixed(2)} – ${Math.max(...all).toFixed(2)}`,
          own && own !== figure ? times(ratio(own, figure)) : "",
          // What was not a program has neither.
          peak === 0 ? "–" : seconds(median(figure, "cpuSeconds")),
          megabytes(peak),
        ];
      });
    return lines.length === 0
      ? []
      : [[`**${title}**`, "", "", "", "", ""], ...lines];
  });
  const head = ["time", "from – to", "ours ÷ this", "processor", "memory"];
  return [[place, ...head], ...rows];
}

/** What each goal came to. */
export function goalTable(results: readonly GoalResult[]): Cells {
  return [
    ["goal", "place", "measured", "reached"],
    ...results.map(({ goal, place, value, isReached }) => [
      `${ROWS[goal.row]}: ${goal.words}`,
      place,
      goal.against
        ? times(value)
        : goal.measure
        ? megabytes(value)
        : seconds(value),
      isReached ? "yes" : "NO",
    ]),
  ];
}

/** All of it. */
export function fullText(results: Results): string {
  const { figures, machine, missing } = results;
  const list = (lines: readonly string[]) =>
    lines.map((it) => `- ${it}`).join("\n");
  const commands = figures.filter(({ command }) => command !== "")
    .map(({ what, command }) => `${what.replace(/,.*/, "")}: ${command}`);
  const others = `all else on the machine kept ${
    otherCores(figures).toFixed(2)
  } cores busy meanwhile`;
  return [
    list([...machine, others]),
    ...placesOf(figures).map((place) => markdown(table(figures, place))),
    markdown(goalTable(goalResults(figures, GOALS))),
    ["```text", ...new Set(commands), "```"].join("\n"),
    ...missing.length > 0 ? ["Missing:", list(missing)] : [],
  ].join("\n\n");
}

/**
 * The short form: one line for each program, one column for each work. The
 * ratio comes first, ours in terms of the program: times depend on the machine.
 */
export function shortText({ figures, files }: Results): string {
  const [place = ""] = placesOf(figures);
  const rows = SHORT.filter((row) => figureAt(figures, place, row, OURS));
  const shown = figures.filter((it) =>
    it.place === place && rows.includes(it.row)
  );
  const names = [...new Set(shown.map(({ what }) => what))];
  return markdown([
    [
      `${files.toLocaleString("en")} files a side, in ${place}`,
      ...rows.map((row) => ROWS[row]!),
    ],
    ...names.map((what) => [
      what,
      ...rows.map((row) => {
        const figure = figureAt(shown, place, row, what);
        if (!figure) return "–";
        const time = seconds(median(figure, "seconds"));
        const own = figureAt(shown, place, row, OURS)!;
        return own === figure ? time : `${times(ratio(own, figure))} (${time})`;
      }),
    ]),
  ]);
}

/**
 * Puts a text between two marks of a page.
 *
 * @throws {Error} The page has no such marks.
 */
export function between(page: string, text: string): string {
  const begin = "<!-- bench: begin -->";
  const end = "<!-- bench: end -->";
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`no ${begin} … ${end} in it`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`;
}

const WIDTH = 800;
const BAR_FROM = 170;
const BAR_LENGTH = 480;
const LINE = 24;

/** Readable on light and dark pages alike. */
const STYLE = `
text { font: 14px system-ui, sans-serif; fill: #24292f; }
.head { font-weight: 600; } rect { fill: #8c959f; } .ours { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } rect { fill: #6e7681; } .ours { fill: #3fb950; }
}`;

/**
 * Draws the times of the first place as SVG; shorter is faster.
 *
 * @param results What was measured.
 */
export function chart({ figures, files }: Results): string {
  const [place = ""] = placesOf(figures);
  const lines: string[] = [];
  let y = 0;
  const text = (x: number, words: string, kind = "") =>
    `<text x="${x}" y="${y + 17}"${kind}>${escaped(words)}</text>`;
  for (const row of SHORT) {
    const group = figures.filter((it) => it.place === place && it.row === row);
    const own = figureAt(group, place, row, OURS);
    if (!own) continue;
    const inTerms = (it: Figure) =>
      it === own ? "" : ` (${times(ratio(own, it))})`;
    const longest = Math.max(...group.map((it) => median(it, "seconds")));
    lines.push(text(0, ROWS[row] ?? row, ` class="head"`));
    y += LINE;
    for (const figure of group) {
      const time = median(figure, "seconds");
      const width = Math.max(1, Math.round(time / longest * BAR_LENGTH));
      const kind = figure.what === OURS ? ` class="ours"` : "";
      lines.push(
        text(12, figure.what),
        `<rect x="${BAR_FROM}" y="${y + 4}" width="${width}" height="16"` +
          ` rx="3"${kind}/>`,
        text(BAR_FROM + width + 8, seconds(time) + inTerms(figure)),
      );
      y += LINE;
    }
    y += LINE / 2;
  }
  const label = `Seconds for ${files.toLocaleString("en")} files a side`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" ` +
    `height="${y}" viewBox="0 0 ${WIDTH} ${y}" role="img" ` +
    `aria-label="${label}">\n<style>${STYLE}\n</style>\n` +
    `${lines.join("\n")}\n</svg>\n`;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
