import assert from "node:assert/strict";
import { reportText } from "../lib/report_text.ts";
import type { RunResult } from "../lib/run_types.ts";
import { resultOf, withOutcomes } from "./support/fake_result.ts";
import {
  but,
  file,
  folder,
  HOUR,
  OLD,
  problem,
  type Situation,
} from "./support/literal_plans.ts";

/** The summary that an office manager reads. */

const OPTIONS = {
  roots: { left: "/home/docs", right: "/mnt/share" },
  logFile: "/var/log/office-sync.log",
  isVerbose: false,
};

const A = file("one");
const NEWER = but(A, { content: "newer", mtimeMs: OLD + HOUR });
const OLDER = but(A, { content: "older one" });
const RUN = ".office-sync/deleted/20260520-120000-ab12cd";

function textOf(result: RunResult, isVerbose = false): string {
  return reportText(result, { ...OPTIONS, isVerbose });
}

/** Makes sure that a report has these lines, one after the other. */
function has(text: string, ...lines: readonly string[]): void {
  const isThere = `\n${text}\n`.includes(`\n${lines.join("\n")}\n`);
  assert.ok(isThere, `${lines.join("\n")}\nis not in\n${text}`);
}

/** [what, situation, lines of the report] */
const SECTIONS: readonly [string, Partial<Situation>, readonly string[]][] = [
  ["copies to Right", { left: { a: A } }, [
    "Copied from Left to Right: 1 (3 bytes)",
    "  a  [new on Left; rule 5.9]",
  ]],
  ["copies to Left", { right: { a: A } }, [
    "Copied from Right to Left: 1 (3 bytes)",
    "  a  [new on Right; rule 5.10]",
  ]],
  ["renames", {
    record: { a: but(A, { ino: 1 }) },
    left: { b: but(A, { ino: 1 }) },
    right: { a: but(A, { ino: 1 }) },
  }, [
    "Renamed or adjusted on Right: 1 (3 bytes)",
    "  a -> b  [name changed on Left; rule 5.11]",
  ]],
  ["adjusted properties", {
    record: { a: A },
    left: { a: A },
    right: { a: but(A, { mode: 0o600 }) },
  }, [
    "Renamed or adjusted on Left: 1 (3 bytes)",
    "  a  [mode changed on Right; rule 5.12]",
  ]],
  ["created folders", { left: { d: folder() } }, [
    "Folders created on Right: 1",
    "  d  [new on Left; rule 5.9]",
  ]],
  ["removed folders", { record: { d: folder() }, right: { d: folder() } }, [
    "Folders removed on Right: 1",
    "  d  [removed on Left; rule 5.7]",
  ]],
  ["hard deletions", {
    record: { a: but(A, { sizeBytes: 30 * 1024 * 1024 }) },
    left: { a: but(A, { sizeBytes: 30 * 1024 * 1024 }) },
  }, [
    "Deleted on Left for good: 1 (30.0 MB)",
    "  a  [deleted on Right; too large for soft delete; rule 5.8]",
  ]],
];

for (const [what, it, lines] of SECTIONS) {
  Deno.test(`reportText() tells ${what}, with sum, rule and reason`, () => {
    has(textOf(resultOf(it)), ...lines);
  });
}

Deno.test("reportText() says what held the roots, of a run that a guard stopped as well", () => {
  const result = resultOf({ left: { a: A } });
  const stop = { name: "roots", reason: "R.", hint: "H." } as const;
  for (const it of [result, { ...result, stop, exitCode: 3 as const }]) {
    const text = reportText(it, { ...OPTIONS, walls: "The fence holds." });
    has(text, "  Right: /mnt/share", "The fence holds.", "");
    has(reportText(it, OPTIONS), "  Right: /mnt/share", "");
  }
});

Deno.test("reportText() says where soft-deleted files can be found", () => {
  const it = {
    record: { a: A, "d/b": A, "d/c": NEWER },
    right: { a: A, "d/b": A },
  };
  const result = withOutcomes(resultOf(it), ({ action }) => ({
    newPath: action.side === null ? null : `${RUN}/${action.path}`,
  }));
  const text = textOf(result);
  assert.match(text, /^Soft-deleted on Right: 2 \(6 bytes\)$/m);
  assert.match(
    text,
    new RegExp(`^  They are in /mnt/share/${RUN}$`, "m"),
  );
});

Deno.test("reportText() says where both versions of a conflict are", () => {
  const it = { record: { a: A }, left: { a: NEWER }, right: { a: OLDER } };
  const text = textOf(resultOf(it));
  assert.match(text, /^Conflicts resolved: 1$/m);
  assert.match(
    text,
    /a: changed on both sides; Left's version \(.*, 5 bytes\) is the file/,
  );
  assert.match(
    text,
    /Right's version \(.*, 9 bytes\) is kept on both sides as a\.clash-20260510-120000-right$/m,
  );
});

Deno.test("reportText() says what was new on both sides, and a folder's part", () => {
  const it = { left: { a: OLDER }, right: { "a/b": A } };
  const text = textOf(resultOf(it));
  assert.match(
    text,
    /a: a file on Left, a folder on Right; Right's folder keeps the name; Left's version .* is kept on both sides as a\.clash-/,
  );
});

Deno.test("reportText() says whether an overwritten version was kept, and where", () => {
  const it = { record: { a: A }, left: { a: NEWER }, right: { a: OLDER } };
  const policies = { modify_modify: "overwrite" } as const;
  const done = withOutcomes(resultOf(it, {}, { policies }), () => ({
    newPath: `${RUN}/a`,
  }));
  assert.match(
    textOf(done),
    new RegExp(`is replaced, soft-deleted as /mnt/share/${RUN}/a$`, "m"),
  );
  const lost = resultOf(it, {}, { policies, softDelete: { enabled: false } });
  assert.match(textOf(lost), /is replaced, not kept$/m);
});

Deno.test("reportText() lists open conflicts with both versions for a person", () => {
  const it = { record: { a: A }, left: { a: NEWER }, right: { a: OLDER } };
  const policies = { modify_modify: "notify" } as const;
  const result = resultOf(it, { exitCode: 1 }, { policies });
  const text = textOf(result);
  assert.match(text, /^Open conflicts, for a person to resolve: 1$/m);
  assert.match(
    text,
    / a: changed on both sides, and nothing was touched; Left: .*, 5 bytes; Right: .*, 9 bytes$/m,
  );
  assert.doesNotMatch(text, /Skipped/, "it is told once");
  assert.match(text, /What is listed above needs a person\.$/m);
});

Deno.test("reportText() lists what was skipped and what failed, and why", () => {
  const it = { left: { a: A, b: A } };
  const result = withOutcomes(
    resultOf(it, { exitCode: 1 }),
    ({ action }) =>
      action.path === "a"
        ? { kind: "skipped", detail: "changed during the run" }
        : { kind: "failed", detail: "the disk is full (ENOSPC)" },
  );
  const text = textOf(result);
  has(
    text,
    "Skipped, tried again next time: 1",
    "  COPY_LEFT_TO_RIGHT a: changed during the run",
    "Failed, tried again next time: 1",
    "  COPY_LEFT_TO_RIGHT b: the disk is full (ENOSPC)",
  );
  assert.doesNotMatch(text, /^Copied/m);
});

Deno.test("reportText() lists what is left alone, ignored paths apart", () => {
  const it = {
    left: { link: problem("symlink"), "x.tmp": problem("ignored") },
  };
  const text = textOf(resultOf(it));
  has(
    text,
    "Unknown, left alone on both sides: 1",
    "  Left: link: a problem: symlink",
  );
  assert.doesNotMatch(text, /x\.tmp/);
});

Deno.test("reportText() of a run without anything to do says so", () => {
  const it = { record: { a: A }, left: { a: A }, right: { a: A } };
  const text = textOf(resultOf(it, { untouched: 7 }));
  assert.match(
    text,
    /^Both sides agree; there was nothing to do\. 7 files unchanged, 1\.5 s\.$/m,
  );
});

Deno.test("reportText() of a run says what was done in metadata", () => {
  const text = textOf(resultOf({ left: { a: A, b: A } }, { untouched: 1 }));
  assert.match(
    text,
    /^Both sides agree\. 2 actions done, 1 file unchanged, 1\.5 s\.$/m,
  );
  has(
    text,
    "Run 20260520-120000-ab12",
    "  Left:  /home/docs",
    "  Right: /mnt/share",
  );
  assert.match(text, /\nLog: \/var\/log\/office-sync\.log$/);
});

Deno.test("reportText() of a plan speaks of what would be done", () => {
  const it = {
    record: { a: A },
    left: { a: NEWER, b: A },
    right: { a: OLDER },
  };
  const text = textOf(resultOf(it, { isDryRun: true }));
  assert.match(text, /^Plan \(nothing was changed\)$/m);
  assert.match(text, /^Copy from Left to Right: 2 \(8 bytes\)$/m);
  assert.match(text, /^Conflicts to resolve: 1$/m);
  assert.match(text, /^3 actions planned; 0 files unchanged\.$/m);
  assert.doesNotMatch(text, /Copied|resolved|done/);
});

Deno.test("reportText() counts one action as one", () => {
  has(
    textOf(resultOf({ left: { a: A } })),
    "Both sides agree. 1 action done, 0 files unchanged, 1.5 s.",
  );
  has(
    textOf(resultOf({ left: { a: A } }, { isDryRun: true })),
    "1 action planned; 0 files unchanged.",
  );
});

Deno.test("reportText() of a plan without actions says so", () => {
  const text = textOf(resultOf({}, { isDryRun: true, untouched: 2 }));
  assert.match(text, /^Nothing to do; 2 files unchanged\.$/m);
});

Deno.test("reportText() of a stopped run says the guard, why, and the next step", () => {
  const stop = {
    name: "mass deletion",
    reason: "30 of 40 recorded files are gone on Left.",
    hint: "Run once with --allow-deletes.",
  };
  const text = textOf(resultOf({}, { stop, exitCode: 3 }));
  assert.match(
    text,
    /^STOPPED by the guard "mass deletion"\.\n30 of 40 recorded files are gone on Left\.\nWhat to do: Run once with --allow-deletes\.$/m,
  );
  assert.doesNotMatch(text, /agree/);
});

Deno.test("reportText() shows the first 20 of a kind, and all with --verbose", () => {
  const left = Object.fromEntries(
    Array.from({ length: 23 }, (_, at) => [`file ${at + 10}`, A]),
  );
  const result = resultOf({ left });
  const text = textOf(result);
  assert.match(text, /file 29/);
  assert.doesNotMatch(text, /file 30/);
  has(
    text,
    '  … and 3 more ("deno task sync history 20260520-120000-ab12" lists all)',
  );
  const all = textOf(result, true);
  assert.match(all, /file 32/);
  assert.doesNotMatch(all, /more \(/);
});

Deno.test("reportText() lists unchanged files with --verbose only", () => {
  const it = { record: { a: A }, left: { a: A }, right: { a: A } };
  const result = resultOf(it, {}, { listUnchanged: true });
  has(
    textOf(result, true),
    "Nothing to do: 1 (3 bytes)",
    "  a  [nothing changed]",
  );
  assert.doesNotMatch(textOf(result), /Nothing to do:/);
});

Deno.test("reportText() lets no file name forge a line or drive the terminal", () => {
  const name = "a\nCopied: all\u001b[2J\u202e";
  const results = [
    resultOf({ left: { [name]: A } }),
    resultOf({
      record: { [name]: A },
      left: { [name]: NEWER },
      right: { [name]: OLDER },
    }),
    resultOf({ left: { [name]: problem("symlink") } }),
    withOutcomes(
      resultOf({ left: { [name]: A } }),
      () => ({ kind: "failed", detail: name }),
    ),
  ];
  for (const result of results) {
    const text = textOf(result);
    assert.match(text, /a\\nCopied: all\\u001b\[2J\\u202e/);
    assert.doesNotMatch(text, /^Copied: all/m);
    for (const hidden of "\u001b\u202e") assert.ok(!text.includes(hidden));
  }
});
