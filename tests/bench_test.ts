import assert from "node:assert/strict";
import { optionsFrom, UsageError } from "../tools/bench/options.ts";
import {
  EMPTY,
  type Figure,
  type Goal,
  goalResults,
  GOALS,
  median,
  otherCores,
  OURS,
  ratio,
  type Results,
  ROWS,
} from "../tools/bench/results.ts";
import {
  between,
  chart,
  fullText,
  goalTable,
  markdown,
  megabytes,
  seconds,
  shortText,
  table,
} from "../tools/bench/show.ts";

/** A figure with these times, in s, and peaks of 10 MB a second. */
function figure(row: string, what: string, ...times: number[]): Figure {
  const samples = times.map((it) => ({
    seconds: it,
    cpuSeconds: it / 2,
    peakBytes: it * 1e7,
    otherSeconds: it / 10,
  }));
  return { place: "disk", row, what, command: `${what} LEFT RIGHT`, samples };
}

const RESULTS: Results = {
  machine: ["a machine"],
  files: 20_000,
  rounds: 3,
  figures: [
    figure("unchanged", OURS, 9, 2, 1),
    figure("unchanged", "Unison", 4, 4, 4),
    figure("first-run", OURS, 1),
    figure("first-run", "Unison", 3),
    figure("first-run", "cp -a <all>", 0.5),
  ],
  missing: ["rclone bisync: apt-get install rclone"],
};

Deno.test("median() takes the middle value, and of an even count the mean of two", () => {
  for (
    const [values, expected] of [[[3], 3], [[10, 9, 100], 10], [
      [4, 1, 3, 2],
      2.5,
    ]] as const
  ) {
    assert.equal(median(figure("", "", ...values), "seconds"), expected);
  }
});

Deno.test("goals hold the median against a limit, or against another's median", () => {
  const rows: [Partial<Goal>, number, boolean][] = [
    [{ limit: 2 }, 2, true],
    [{ limit: 1.99 }, 2, false],
    [{ against: { what: "Unison" }, limit: 0.5 }, 0.5, true],
    [{ against: { what: "Unison" }, limit: 0.49 }, 0.5, false],
    [
      { row: "first-run", against: { row: "unchanged", what: OURS } },
      0.5,
      true,
    ],
    [{ measure: "peakBytes", limit: 2e7 }, 2e7, true],
  ];
  for (const [how, value, isReached] of rows) {
    const goal = { row: "unchanged", limit: 1, words: "", ...how };
    const expected = [{ goal, place: "disk", value, isReached }];
    assert.deepEqual(goalResults(RESULTS.figures, [goal]), expected);
  }
});

Deno.test("goals say nothing of what was not measured in that place", () => {
  const goal = { row: "unchanged", limit: 1, words: "" };
  const absent = { ...goal, against: { what: "FreeFileSync" } };
  const elsewhere = RESULTS.figures.map((it, n) =>
    n === 0 ? { ...it, place: "memory" } : it
  );
  const against = { ...goal, against: { what: "Unison" } };
  assert.deepEqual(goalResults(RESULTS.figures, [absent]), []);
  assert.deepEqual(goalResults(elsewhere, [against]), []);
});

Deno.test("every goal is of a kind of work that there is, and each kind has one", () => {
  const rows = GOALS.flatMap((it) => [it.row, it.against?.row ?? it.row]);
  assert.deepEqual([...new Set(rows)].sort(), Object.keys(ROWS).sort());
});

Deno.test("a table keeps columns in line, numbers to the right", () => {
  const cells = [["a|b", "time"], ["**work**", ""], ["long name", "9 s"]];
  assert.equal(
    markdown(cells),
    [
      "| a\\|b      | time |",
      "| --------- | ---: |",
      "| **work**  |      |",
      "| long name |  9 s |",
    ].join("\n"),
  );
});

Deno.test("the table has for each program its median, its range and ours in its terms", () => {
  const found = table(RESULTS.figures, "disk");
  assert.deepEqual(found.slice(1, 4), [
    ["**Nothing changed**", "", "", "", "", ""],
    [OURS, "2.00 s", "1.00 – 9.00", "", "1.00 s", "20 MB"],
    ["Unison", "4.00 s", "4.00 – 4.00", "0.50 ×", "2.00 s", "40 MB"],
  ]);
});

Deno.test("each goal is told with what was measured, and whether it is reached", () => {
  const [nothing, copied] = [ROWS["unchanged"], ROWS["first-run"]];
  const small = [figure("small", OURS, 9), figure("small", EMPTY, 1)];
  const results = goalResults([...RESULTS.figures, ...small], GOALS);
  assert.deepEqual(goalTable(results).slice(1), [
    [`${nothing}: ≤ 0.85 × Unison`, "disk", "0.50 ×", "yes"],
    [`${nothing}: memory ≤ 130 MB`, "disk", "20 MB", "yes"],
    [`${copied}: ≤ 0.45 × Unison`, "disk", "0.33 ×", "yes"],
    [`${copied}: memory ≤ 300 MB`, "disk", "10 MB", "yes"],
    [`${ROWS["small"]}: ≤ 6 × an empty Deno`, "disk", "9.00 ×", "NO"],
  ]);
});

Deno.test("a ratio is made round by round; of unequal numbers of rounds it is that of the medians", () => {
  // The machine was three times as slow in the last round.
  const own = figure("unchanged", OURS, 2, 4, 9);
  assert.equal(ratio(own, figure("unchanged", "Unison", 4, 5, 30)), 0.5);
  assert.equal(ratio(own, figure("unchanged", "Unison", 10, 2)), 4 / 6);
});

Deno.test("how busy all else kept the machine is told with the figures", () => {
  assert.equal(
    otherCores([figure("unchanged", OURS, 1, 3)]).toFixed(3),
    "0.100",
  );
  assert.equal(otherCores([]), 0);
  assert.match(
    fullText(RESULTS),
    /all else on the machine kept 0\.10 cores busy/,
  );
});

Deno.test("all of it has command lines, the machine, and how to get what is missing", () => {
  const text = fullText(RESULTS);
  assert.ok(text.includes("\nUnison: Unison LEFT RIGHT\n"));
  assert.ok(text.startsWith("- a machine\n"));
  assert.ok(text.endsWith("- rclone bisync: apt-get install rclone"));
});

Deno.test("the short form has a line for each program and a column for each work", () => {
  const lines = shortText(RESULTS).split("\n").map((it) =>
    it.replaceAll(/ +/g, " ")
  );
  assert.deepEqual(lines.toSpliced(1, 1), [
    "| 20,000 files a side, in disk | Nothing changed | First run, everything copied one way |",
    `| ${OURS} | 2.00 s | 1.00 s |`,
    "| Unison | 0.50 × (4.00 s) | 0.33 × (3.00 s) |",
    "| cp -a <all> | – | 2.00 × (0.500 s) |",
  ]);
});

Deno.test("between() replaces what stands between the marks, and nothing else", () => {
  const page = "a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nz\n";
  const once = between(page, "new");
  assert.equal(
    once,
    "a\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nz\n",
  );
  assert.equal(between(once, "new"), once);
  assert.throws(() => between("no marks", "new"), /bench: begin/);
});

Deno.test("both pages that the benchmark writes have the marks", () => {
  for (const name of ["README.md", "tools/bench/README.md"]) {
    const page = Deno.readTextFileSync(new URL(`../${name}`, import.meta.url));
    assert.ok(between(page, "x").includes("\nx\n"), name);
  }
});

Deno.test("the chart's bars are as long as the times, the longest of each work the same", () => {
  const svg = chart(RESULTS);
  const widths = [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)]
    .map(([, width]) => Number(width));
  assert.deepEqual(widths, [240, 480, 160, 480, 80]);
  assert.equal([...svg.matchAll(/class="ours"/g)].length, 2);
  assert.ok(svg.includes("cp -a &lt;all>"));
  assert.ok(svg.includes("prefers-color-scheme: dark"));
});

Deno.test("figures are rounded to what they mean", () => {
  assert.deepEqual([seconds(0.1234), seconds(12.345)], ["0.123 s", "12.35 s"]);
  assert.deepEqual([megabytes(119_600_000), megabytes(0)], ["120 MB", "–"]);
});

Deno.test("options: all work in memory and on the disk, unless it is said otherwise", () => {
  const byDefault = optionsFrom([]);
  assert.deepEqual([...byDefault.rows], Object.keys(ROWS));
  assert.deepEqual(byDefault.places, ["memory", "disk"]);
  assert.deepEqual(byDefault.size, {
    files: 100_000,
    edits: 100,
    largeBytes: 2e9,
    fewer: 10_000,
    rounds: 5,
  });
  const said = optionsFrom(
    "--quick --only first-run,small --rounds 7 --on disk,/srv".split(" "),
  );
  assert.deepEqual([...said.rows], ["first-run", "small"]);
  assert.deepEqual(said.places, ["disk", "/srv"]);
  assert.deepEqual([said.size.files, said.size.rounds], [20_000, 7]);
});

Deno.test("a word that is not understood is told in one line", () => {
  const lines: [string[], RegExp][] = [
    [["--fast"], /^[^\n]*'--fast'[^\n]*$/],
    [["unchanged"], /^[^\n]*unchanged[^\n]*$/],
    [["--only", "copy"], /^[^\n]*no "copy", but unchanged, changed[^\n]*$/],
    [["--rounds", "0"], /^--rounds takes a whole number above 0, not "0"\.$/],
    [["--files", "950"], /^[^\n]*1000 or more[^\n]*$/],
  ];
  for (const [args, message] of lines) {
    assert.throws(
      () => optionsFrom(args),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
});
