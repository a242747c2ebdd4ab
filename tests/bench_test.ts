import assert from "node:assert/strict";
import { chart } from "../tools/bench/chart.ts";
import { sampleOf } from "../tools/bench/measured.ts";
import { optionsFrom, UsageError } from "../tools/bench/options.ts";
import {
  type Figure,
  type Goal,
  median,
  type Results,
  verdicts,
} from "../tools/bench/results.ts";
import { GOALS, OURS, ROWS } from "../tools/bench/rows.ts";
import {
  between,
  goalTable,
  markdown,
  megabytes,
  plain,
  seconds,
  shortText,
  table,
  terminalText,
} from "../tools/bench/table.ts";

/** A figure with these times, in s, and peaks of 10 MB a second. */
function figure(row: string, what: string, ...times: number[]): Figure {
  const samples = times.map((it) => ({
    seconds: it,
    cpuSeconds: it / 2,
    peakBytes: it * 1e7,
  }));
  return { place: "disk", row, what, command: `${what} LEFT RIGHT`, samples };
}

const RESULTS: Results = {
  machine: ["a machine"],
  files: 20_000,
  rounds: 3,
  metadata: [
    figure("unchanged", OURS, 9, 2, 1),
    figure("unchanged", "Unison", 4, 4, 4),
    figure("first-run", OURS, 1),
    figure("first-run", "Unison", 3),
    figure("first-run", "cp -a <all>", 0.5),
  ],
  missing: ["rclone bisync: apt-get install rclone"],
};

Deno.test("median() takes the middle value, and of an even count the mean of two", () => {
  const rows: [number[], number][] = [
    [[3], 3],
    [[10, 9, 100], 10],
    [[4, 1, 3, 2], 2.5],
  ];
  for (const [values, expected] of rows) {
    assert.equal(median(values), expected);
  }
  assert.throws(() => median([]), RangeError);
});

Deno.test("verdicts() hold the median against a limit, or against another's median", () => {
  const goal = (how: Partial<Goal>): Goal => ({
    row: "unchanged",
    of: OURS,
    against: null,
    measure: "seconds",
    limit: 1,
    words: "",
    ...how,
  });
  const rows: [Goal, number, boolean][] = [
    [goal({ limit: 2 }), 2, true],
    [goal({ limit: 1.99 }), 2, false],
    [goal({ against: { what: "Unison" }, limit: 0.5 }), 0.5, true],
    [goal({ against: { what: "Unison" }, limit: 0.49 }), 0.5, false],
    [
      goal({ row: "first-run", against: { row: "unchanged", what: OURS } }),
      0.5,
      true,
    ],
    [goal({ measure: "peakBytes", limit: 2e7 }), 2e7, true],
  ];
  for (const [wanted, value, isReached] of rows) {
    const [verdict] = verdicts(RESULTS.metadata, [wanted]);
    assert.deepEqual(verdict, {
      goal: wanted,
      place: "disk",
      value,
      isReached,
    });
  }
});

Deno.test("verdicts() say nothing of what was not measured", () => {
  const missing: Goal = {
    row: "unchanged",
    of: OURS,
    against: { what: "FreeFileSync" },
    measure: "seconds",
    limit: 1,
    words: "",
  };
  const elsewhere = RESULTS.metadata.map((it, n) =>
    n === 0 ? it : { ...it, place: "memory" }
  );
  const against = { ...missing, against: { what: "Unison" } };
  assert.deepEqual(verdicts(RESULTS.metadata, [missing]), []);
  assert.deepEqual(verdicts(elsewhere, [against]), []);
});

Deno.test("every goal is of a kind of work that there is, and each kind has one", () => {
  const rows = new Set(GOALS.flatMap((it) => [it.row, it.against?.row]));
  rows.delete(undefined);
  assert.deepEqual([...rows].sort(), Object.keys(ROWS).sort());
});

Deno.test("sampleOf() reads what GNU time wrote, with kilobytes of 1,024 bytes", () => {
  assert.deepEqual(sampleOf("1.25 0.50 2000\n", 3), {
    seconds: 3,
    cpuSeconds: 1.75,
    peakBytes: 2_048_000,
  });
});

Deno.test("a plain table keeps columns in line, numbers to the right", () => {
  const cells = [["what", "time"], ["a", "1.00 s"], ["long name", "9 s"]];
  assert.equal(
    plain(cells),
    [
      "what         time",
      "─────────  ──────",
      "a          1.00 s",
      "long name     9 s",
    ].join("\n"),
  );
});

Deno.test("a Markdown table is laid out as the formatter leaves it", async () => {
  const cells = [["a|b", "time"], ["work", ""], ["  long name", "9 s"]];
  const text = `${markdown(cells)}\n`;
  assert.equal(
    text,
    [
      "| a\\|b      | time |",
      "| --------- | ---: |",
      "| **work**  |      |",
      "| long name |  9 s |",
      "",
    ].join("\n"),
  );
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=md", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = formatter.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  assert.equal(await formatter.stdout.text(), text);
});

Deno.test("the table has for each program its median, its range and ours in its terms", () => {
  const found = table(RESULTS.metadata, "disk");
  assert.deepEqual(found.slice(1, 4), [
    ["Nothing changed", "", "", "", "", ""],
    [`  ${OURS}`, "2.00 s", "1.00 – 9.00", "", "1.00 s", "20 MB"],
    ["  Unison", "4.00 s", "4.00 – 4.00", "0.50 ×", "2.00 s", "40 MB"],
  ]);
});

Deno.test("each goal is told with what was measured, and whether it is reached", () => {
  const cells = goalTable(verdicts(RESULTS.metadata, GOALS));
  assert.deepEqual(cells.slice(1), [
    ["Nothing changed: ≤ 0.75 × Unison", "disk", "0.50 ×", "yes"],
    ["Nothing changed: memory ≤ 120 MB", "disk", "20 MB", "yes"],
    [
      "First run, everything copied one way: ≤ 0.25 × Unison",
      "disk",
      "0.33 ×",
      "NO",
    ],
  ]);
});

Deno.test("the terminal is told command lines, the machine, and how to get what is missing", () => {
  const text = terminalText(RESULTS);
  const wanted = [
    "Unison: Unison LEFT RIGHT",
    "a machine",
    "rclone bisync: apt-get install rclone",
  ];
  for (const words of wanted) assert.ok(text.includes(words), words);
});

Deno.test("the short form has a line for each program and a column for each work", () => {
  const lines = shortText(RESULTS).split("\n").map((it) =>
    it.replaceAll(/ +/g, " ")
  );
  assert.equal(
    lines[0],
    "| 20,000 files a side, in disk | Nothing changed | First run, everything copied one way |",
  );
  assert.deepEqual(lines.slice(2), [
    `| ${OURS} | 2.00 s | 1.00 s |`,
    "| Unison | 4.00 s | 3.00 s |",
    "| cp -a <all> | – | 0.500 s |",
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

Deno.test("README.md and bench/README.md have the marks", () => {
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

Deno.test("metadata is rounded to what they mean", () => {
  assert.deepEqual([seconds(0.1234), seconds(12.345)], ["0.123 s", "12.35 s"]);
  assert.deepEqual([megabytes(119_600_000), megabytes(0)], ["120 MB", "–"]);
});

Deno.test("options: all work in memory and on the disk, unless it is said otherwise", () => {
  const plainly = optionsFrom([]);
  assert.deepEqual([...plainly.rows], Object.keys(ROWS));
  assert.deepEqual(plainly.places, ["memory", "disk"]);
  assert.deepEqual(plainly.size, {
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
  assert.equal(said.size.files, 20_000);
  assert.equal(said.size.rounds, 7);
});

Deno.test("a word that is not understood is told in one line", () => {
  const lines: [string[], RegExp][] = [
    [["--fast"], /'--fast'/],
    [["unchanged"], /unchanged/],
    [["--only", "copy"], /no "copy", but unchanged, changed/],
    [["--rounds", "0"], /--rounds takes a whole number above 0, not "0"/],
    [["--files", "950"], /1000 or more/],
  ];
  for (const [args, words] of lines) {
    assert.throws(() => optionsFrom(args), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, words);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
});
