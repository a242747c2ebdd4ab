import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  fold,
  htmlPage,
  htmlReport,
  reportSections,
  type Row,
} from "../lib/report_html.ts";
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
    /^settled: a 3 \| Right wins \| a 5 \| new_new; rule 5\.2; clash \| new on both sides; Right's version .* as a\.clash-.*-left$/,
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
    "alone: link null … null",
    "alone: x~ null … null",
    "actions: c 3 … null",
  ]);
});

Deno.test("fold() shows all there is room for", () => {
  const rows = [row("COPY_LEFT_TO_RIGHT", "a"), row("DELETE_LEFT", "b")];
  assert.deepEqual(fold(rows, 2), { shown: rows, listed: [] });
});

Deno.test("fold() lists what there is most of, shows what is rare, and loses nothing", () => {
  const copies = Array.from(
    { length: 90 },
    (_, n) => row("COPY_LEFT_TO_RIGHT", `c${n}`),
  );
  const rare = row("DELETE_LEFT", "gone");
  const rows = [...copies.slice(0, 50), rare, ...copies.slice(50)];
  const { shown, listed } = fold(rows, 11);
  assert.deepEqual(shown, [...copies.slice(0, 10), rare]);
  assert.deepEqual(listed.map((it) => it.rows), [copies.slice(10)]);
  assert.deepEqual(fold(rows, 0).listed.flatMap((it) => it.rows).length, 91);
});

function row(kind: Row["kind"], path: string): Row {
  const cells = { left: null, right: null };
  const common = { words: kind, reason: "why", note: null, bytes: 1 };
  return { kind, path, cells, ...common };
}

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

Deno.test("htmlReport() shows what was done until a signal stopped the run", () => {
  const done = resultOf({ left: { "one.txt": A } });
  const stop = { name: "interrupted", reason: "1 of 2 done.", hint: "Again." };
  const { body } = htmlReport({ ...done, stop, exitCode: 130 }, OPTIONS);
  assert.match(body, /<h2 id="stop">Interrupted<\/h2>\n<p>1 of 2 done\./);
  assert.match(body, /<tr data-kind="COPY_LEFT_TO_RIGHT"[^]*one\.txt/);
  assert.ok(body.indexOf('id="stop"') < body.indexOf("one.txt"));
  const nothing = { ...done, stop, outcomes: [] };
  const { body: empty } = htmlReport(nothing, OPTIONS);
  assert.doesNotMatch(empty, /<table|There is nothing to list/);
});

Deno.test("htmlReport() says that there are no walls, and nothing of walls that are there", () => {
  const result = resultOf({ left: { a: A } });
  const told = { ...OPTIONS, missingWalls: "Without the <sandbox>." };
  assert.ok(
    htmlReport(result, told).body.includes(
      "<p>Without the &lt;sandbox&gt;.</p>",
    ),
  );
  assert.doesNotMatch(htmlReport(result, OPTIONS).body, /sandbox/);
});

Deno.test("htmlReport() escapes every text it is given", () => {
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
    htmlReport(result, { ...OPTIONS, roots }),
    htmlReport({
      ...result,
      stop: { name: evil, reason: evil, hint: evil },
    }, { ...OPTIONS, roots }),
  ];
  for (const { body } of pages) {
    for (const letters of ["<i>", "\u0007"]) {
      assert.ok(!body.includes(letters), letters);
    }
    assert.match(body, /&lt;i&gt;&#39;&quot;\\u0007/);
  }
});

Deno.test("htmlPage() allows its own style and script only", () => {
  const page = htmlPage({ title: "<t>", body: "<p>b</p>" });
  const [, policy = ""] = /Security-Policy" content="([^"]+)"/.exec(page)!;
  assert.match(policy, /^default-src 'none';/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  for (const tag of ["style", "script"]) {
    const [, text = ""] = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)!;
    const hash = createHash("sha256").update(text).digest("base64");
    assert.ok(policy.includes(`${tag}-src 'sha256-${hash}'`), tag);
  }
  assert.match(page, /<title>&lt;t&gt;<\/title>/);
  assert.doesNotMatch(page, /\b(?:src|href)=/);
});
