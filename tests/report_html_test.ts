import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { htmlPage, reportSections } from "../lib/report_html.ts";
import type { RunResult } from "../lib/run_types.ts";
import { escapeHtml } from "../lib/text.ts";
import type { Problem } from "../lib/types.ts";
import { resultOf, withOutcomes } from "./support/fake_result.ts";
import {
  but,
  file,
  folder,
  HOUR,
  OLD,
  type Situation,
} from "./support/fake_tree.ts";

const OPTIONS = {
  roots: { left: "/home/docs", right: "/mnt/share" },
  listsUnchanged: false,
};

const A = file("one");
const NEWER = but(A, { content: "newer", mtimeMs: OLD + HOUR });

/** `section: Left | words | Right | reason | note` for each row. */
function rowsOf(result: RunResult, listsUnchanged = false): string[] {
  const sections = reportSections(result, { ...OPTIONS, listsUnchanged });
  return sections.flatMap(({ id, rows }) =>
    rows.map(({ cells, words, reason, note }) => {
      const [left, right] = [cells.left, cells.right].map((cell) =>
        cell ? `${cell.path}${cell.isFolder ? "/" : ""} ${cell.sizeBytes}` : "-"
      );
      return `${id}: ${left} | ${words} | ${right} | ${reason} | ${note}`;
    })
  );
}

function left(path: string): Problem {
  const reason = "a symbolic link";
  return { side: "left", path, kind: "symlink", reason, metadata: null };
}

/** [what, situation, rows] */
const ROWS: readonly [string, Partial<Situation>, readonly string[]][] = [
  ["a copy to a side that has nothing", { left: { a: A } }, [
    "actions: a 3 | copied to Right | - | new on Left; rule 5.9 | null",
  ]],
  ["a copy over another version", {
    record: { a: A },
    left: { a: A },
    right: { a: NEWER },
  }, [
    "actions: a 3 | copied to Left | a 5 | changed on Right; rule 5.4 | null",
  ]],
  ["a deletion", { record: { a: A }, left: { a: A } }, [
    "actions: a 3 | deleted on Left, kept | - | " +
    "deleted on Right; rule 5.8 | null",
  ]],
  ["a rename", {
    record: { a: but(A, { ino: 1 }) },
    left: { b: but(A, { ino: 1 }) },
    right: { a: but(A, { ino: 1 }) },
  }, [
    "actions: b 3 | renamed or adjusted on Right | a 3 | " +
    "name changed on Left; rule 5.11 | new name b",
  ]],
  ["a folder", { left: { d: folder() } }, [
    "actions: d/ null | folder created on Right | - | " +
    "new on Left; rule 5.9 | null",
  ]],
];

for (const [what, situation, rows] of ROWS) {
  Deno.test(`reportSections() shows ${what}`, () => {
    assert.deepEqual(rowsOf(resultOf(situation)), rows);
  });
}

Deno.test("reportSections() puts conflicts first, under the path both sides had", () => {
  const result = resultOf({ left: { a: A, b: A }, right: { a: NEWER } });
  const rows = rowsOf(result);
  assert.match(
    rows[0]!,
    /^done: a 3 \| Right wins \| a 5 \| new_new; rule 5\.2; clash \| new on both sides; Right's version .* as a\.clash-.*-left$/,
  );
  assert.deepEqual(rows.slice(1).map((row) => row.split(" | ")[1]), [
    "kept as clash copy",
    "copied to Left",
    "copied to Right",
  ]);
});

Deno.test("reportSections() lists what failed, was skipped and left alone apart from what was done", () => {
  const result = withOutcomes(
    resultOf({ left: { a: A, b: A, c: A } }, {
      problems: [left("link"), left("x~")],
    }),
    ({ action }) =>
      action.path === "a"
        ? { kind: "failed", detail: "the disk is full" }
        : action.path === "b"
        ? { kind: "skipped", detail: "changed during the run" }
        : {},
  );
  const told = rowsOf(result).map((row) => row.replace(/ \| .* \| /, " … "));
  assert.deepEqual(told, [
    "failed: a 3 … the disk is full",
    "skipped: b 3 … changed during the run",
    "unknown: link null … null",
    "unknown: x~ null … null",
    "actions: c 3 … null",
  ]);
});

Deno.test("htmlPage() shows the first 5,000 rows, and says how many more there are and what lists them", () => {
  const left = Object.fromEntries(
    Array.from({ length: 5003 }, (_, n) => [`f${n}`, A]),
  );
  const result = resultOf({ left });
  const page = htmlPage(result, OPTIONS);
  assert.equal(page.match(/<tr data-kind=/g)?.length, 5000);
  assert.match(page, /5,000 of 5,003 shown/);
  assert.match(page, /5,003 copied to Right/);
  assert.match(
    page,
    /… and 3 more \(“deno task sync history 20260520-120000-ab12” lists all\)/,
  );
});

/** [what, text, HTML] */
const ESCAPED: readonly [string, string, string][] = [
  ["tags", "<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"],
  ["quotes", `a"b'c`, "a&quot;b&#39;c"],
  ["line breaks", "a\nb", "a\\nb"],
  ["terminal escapes", "\u001b[2J", "\\u001b[2J"],
  ["bidi controls", "\u202eexe.cod", "\\u202eexe.cod"],
];

for (const [what, text, html] of ESCAPED) {
  Deno.test(`escapeHtml() writes out ${what}`, () => {
    assert.equal(escapeHtml(text), html);
  });
}

Deno.test("htmlPage() shows what was done until a signal stopped the run", () => {
  const done = resultOf({ left: { "one.txt": A } });
  const stop = { name: "interrupted", reason: "1 of 2 done.", hint: "Again." };
  const body = htmlPage({ ...done, stop, exitCode: 130 }, OPTIONS);
  assert.match(body, /<h2 id="stop">Interrupted<\/h2>\n<p>1 of 2 done\./);
  assert.match(body, /<tr data-kind="COPY_LEFT_TO_RIGHT"[^]*one\.txt/);
  assert.ok(body.indexOf('id="stop"') < body.indexOf("one.txt"));
  const nothing = { ...done, stop, outcomes: [] };
  const empty = htmlPage(nothing, OPTIONS);
  assert.doesNotMatch(empty, /<table|There is nothing to list/);
});

Deno.test("htmlPage() says that there are no walls, and nothing of walls that are there", () => {
  const result = resultOf({ left: { a: A } });
  const told = { ...OPTIONS, missingWalls: "Without the <sandbox>." };
  assert.ok(
    htmlPage(result, told).includes(
      "<p>Without the &lt;sandbox&gt;.</p>",
    ),
  );
  assert.doesNotMatch(htmlPage(result, OPTIONS), /sandbox/);
});

Deno.test("htmlPage() escapes every text it is given", () => {
  const evil = "<i>'\"\u0007";
  const result = withOutcomes(
    resultOf({ left: { [evil]: A, d: folder(), [`d/${evil}`]: A } }, {
      id: evil,
      problems: [{ ...left(evil), reason: evil }],
    }),
    () => ({ detail: evil }),
  );
  const roots = { left: evil, right: evil };
  const pages = [
    htmlPage(result, { ...OPTIONS, roots }),
    htmlPage({
      ...result,
      stop: { name: evil, reason: evil, hint: evil },
    }, { ...OPTIONS, roots }),
  ];
  for (const body of pages) {
    for (const letters of ["<i>", "\u0007"]) {
      assert.ok(!body.includes(letters), letters);
    }
    assert.match(body, /&lt;i&gt;&#39;&quot;\\u0007/);
  }
});

Deno.test("htmlPage() allows its own style and script only", () => {
  const page = htmlPage(resultOf({ left: { a: A } }), OPTIONS);
  const [, policy = ""] = /Security-Policy" content="([^"]+)"/.exec(page)!;
  assert.match(policy, /^default-src 'none';/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  for (const tag of ["style", "script"]) {
    const [, text = ""] = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)!;
    const hash = createHash("sha256").update(text).digest("base64");
    assert.ok(policy.includes(`${tag}-src 'sha256-${hash}'`), tag);
  }
  assert.doesNotMatch(page, /\b(?:src|href)=/);
});
