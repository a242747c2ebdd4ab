import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { htmlPage, reportSections, writeReport } from "../lib/report_html.ts";
import type { RunResult } from "../lib/run_types.ts";
import type { Problem } from "../lib/types.ts";
import { resultOf, withOutcomes } from "./support/fake_result.ts";
import {
  but,
  file,
  folder,
  HOUR,
  OLD,
  type Situation,
} from "./support/literal_plans.ts";
import { MemoryOffice, Office } from "./support/support.ts";

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
    "actions: a 3 | soft-deleted on Left | - | " +
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

Deno.test("htmlPage() shows 5,000 rows, what is rare among them, and says how many more there are and what lists them", () => {
  const left = Object.fromEntries(
    Array.from({ length: 5003 }, (_, n) => [`f${n}`, A]),
  );
  const result = resultOf({ left, right: { rare: A } });
  const page = htmlPage(result, OPTIONS);
  assert.equal(page.match(/<tr data-kind=/g)?.length, 5000);
  assert.match(page, /5,000 of 5,004 shown/);
  assert.match(page, /5,003 copied to Right/);
  assert.match(page, /<bdi>rare<\/bdi>/);
  assert.match(
    page,
    /… and 4 more \(“deno task sync history 20260520-120000-ab12” lists all\)/,
  );
});

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

Deno.test("htmlPage() says what holds the run to the roots, where it is told", () => {
  const result = resultOf({ left: { a: A } });
  const told = { ...OPTIONS, walls: "A <fence> holds it." };
  const page = htmlPage(result, told);
  assert.ok(page.includes("<p>A &lt;fence&gt; holds it.</p>"));
  assert.doesNotMatch(htmlPage(result, OPTIONS), /holds/);
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

const PAGE = /^<!DOCTYPE html>[^]*<\/html>\n$/;

Deno.test("--report writes a page of a plan and of a run, where the command was started", async () => {
  using office = new Office().write({ left: { "a.txt": "a" } });
  for (const [command, title] of [["plan", "Plan"], ["sync", "Run"]]) {
    const told = await office.command(command!, "--report", "page.html");
    assert.deepEqual([told.code, told.stderr], [0, ""]);
    const page = Deno.readTextFileSync(`${office.folder}/page.html`);
    assert.match(page, PAGE);
    assert.match(page, new RegExp(`<title>office-sync: ${title} of `));
    assert.match(page, /a\.txt/);
  }
  const names = [...Deno.readDirSync(office.folder)].map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.includes("page")), [
    "page.html",
  ]);
});

Deno.test("--report replaces a longer page", async () => {
  using office = new MemoryOffice();
  const page = `${office.folder}/page.htm`;
  Deno.writeTextFileSync(page, "x".repeat(100_000));
  assert.equal((await office.commandHere("--report", page)).code, 0);
  assert.match(Deno.readTextFileSync(page), PAGE);
});

Deno.test("--report shows a run that a guard stopped: what it saw and what to do", async () => {
  using office = new MemoryOffice();
  Deno.removeSync(office.right);
  const file = `${office.folder}/page.html`;
  const { code } = await office.commandHere("--report", file);
  assert.equal(code, 3);
  const page = Deno.readTextFileSync(file);
  assert.match(page, /Stopped by the guard “roots”[^]*does not exist/);
  assert.match(page, /What to do:<\/strong> Make sure/);
});

Deno.test("a report that can't be written is told, and fails no sync", async () => {
  using office = new MemoryOffice().write({ left: { "a.txt": "a" } });
  const args = ["--report", "nowhere/page.html"];
  const { code, stdout, stderr } = await office.commandHere(...args);
  const line = 'The report "nowhere/page.html" could not be written: ' +
    "its folder does not exist.";
  assert.deepEqual([code, stderr], [1, `${line}\n`]);
  assert.match(stdout, /Both sides agree\. 1 action done/);
  assert.deepEqual(office.trees().right, { "a.txt": "a" });
  assert.ok(Deno.readTextFileSync(office.log).includes("could not be written"));
  const document = await office.json(...args);
  assert.equal(document.run.exitCode, 1);
});

Deno.test("a report that can't be written changes no other exit code", async () => {
  using office = new MemoryOffice();
  Deno.removeSync(office.right);
  const { code } = await office.commandHere("--report", "nowhere/page.html");
  assert.equal(code, 3);
});

Deno.test("a page that the disk has no room for is told", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const roots = { left: "/left", right: "/right" };
  const options = { roots, listsUnchanged: false };
  const told = writeReport("/dev/full", resultOf({}), options);
  assert.match(
    told ?? "",
    /^The report "\/dev\/full" could not be written: the disk is full.*ENOSPC/,
  );
});

Deno.test("a page that leads to a device is told, without words of Deno's", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  using office = new Office();
  Deno.symlinkSync("/dev/full", `${office.folder}/page.html`);
  const { code, stderr } = await office.command("--report", "page.html");
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^The report "page\.html" could not be written: the san/,
  );
  assert.doesNotMatch(stderr, /Requires |--allow-/);
});

// Roots are what the launcher knows, and the program as well.
const BOTH = ["launchHere", "commandHere"] as const;

for (
  const [name, complaint, by] of [
    ["left/page.html", "lies in left_root", BOTH],
    ["right/sub/../page.html", "lies in right_root", BOTH],
    ["page.txt", "a name that ends in .html", ["commandHere"]],
    ["config.yaml", "a name that ends in .html", ["commandHere"]],
  ] as const
) {
  Deno.test(`--report refuses ${name} before anything is done`, async () => {
    using office = new MemoryOffice().write({ left: { "a.txt": "a" } });
    const config = Deno.readTextFileSync(office.config);
    for (const way of by) {
      const file = `${office.folder}/${name}`;
      const { code, stderr } = await office[way]("--report", file);
      assert.equal(code, 2);
      assert.ok(stderr.includes(complaint), stderr);
    }
    assert.deepEqual(office.trees(), { left: { "a.txt": "a" }, right: {} });
    assert.equal(Deno.readTextFileSync(office.config), config);
  });
}
