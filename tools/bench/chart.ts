/**
 * Results as a picture: bars, one group for each kind of work.
 *
 * @module
 */
import { figureAt, middle, placesOf, type Results } from "./results.ts";
import { OURS, ROWS } from "./rows.ts";
import { seconds } from "./table.ts";

const SHOWN = ["unchanged", "changed", "first-run", "equal-sides"];
const WIDTH = 760;
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
export function chart({ metadata, files }: Results): string {
  const [place = ""] = placesOf(metadata);
  const lines: string[] = [];
  let y = 0;
  const text = (x: number, words: string, kind = "") =>
    `<text x="${x}" y="${y + 17}"${kind}>${escaped(words)}</text>`;
  for (const row of SHOWN) {
    const group = metadata.filter((it) => it.place === place && it.row === row);
    if (!figureAt(group, place, row, OURS)) continue;
    const longest = Math.max(...group.map((it) => middle(it, "seconds")));
    lines.push(text(0, ROWS[row] ?? row, ` class="head"`));
    y += LINE;
    for (const figure of group) {
      const time = middle(figure, "seconds");
      const width = Math.max(1, Math.round(time / longest * BAR_LENGTH));
      const kind = figure.what === OURS ? ` class="ours"` : "";
      lines.push(
        text(12, figure.what),
        `<rect x="${BAR_FROM}" y="${y + 4}" width="${width}" height="16"` +
          ` rx="3"${kind}/>`,
        text(BAR_FROM + width + 8, seconds(time)),
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
