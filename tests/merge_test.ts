import assert from "node:assert/strict";
import {
  IGNORING_CASE,
  merged,
  type Options,
  told,
} from "./support/fake_merge.ts";
import { situationOf } from "./support/plan_rows.ts";
import {
  but,
  file,
  folder,
  problem,
  type Situation,
} from "./support/fake_tree.ts";

const A = file("one");
const EDIT = but(A, { content: "edited" });

/** [what, situation, pairs, unknown keys, options] */
const ROWS: readonly [
  string,
  Partial<Situation>,
  readonly string[],
  readonly string[],
  Options?,
][] = [
  [
    "nothing where nothing differs",
    {
      record: { a: A, "d/b": A },
      left: { a: A, "d/b": A },
      right: { a: A, "d/b": A },
    },
    [],
    [],
  ],
  [
    "every path, where that is asked for",
    { record: { a: A }, left: { a: A }, right: { a: A } },
    ["a a a a"],
    [],
    { listUnchanged: true },
  ],
  [
    "an edited path",
    { record: { a: A, b: A }, left: { a: EDIT, b: A }, right: { a: A, b: A } },
    ["a a a a"],
    [],
  ],
  ["a path that is new on a side", { right: { "d/a": A } }, ["d/a - - a"], []],
  ["a path that is gone on a side", { record: { a: A }, left: { a: A } }, [
    "a a a -",
  ], []],
  [
    "a path that is gone on both",
    { record: { "d/a": A } },
    ["d/a d/a - -"],
    [],
  ],
  [
    "two spellings of one key as one path",
    { record: { "D/a": A }, left: { "d/A": A }, right: { "D/a": A } },
    ["d/a D/a A a"],
    [],
    IGNORING_CASE,
  ],
  [
    "two spellings as two paths where no root ignores case",
    { left: { a: A }, right: { A: A } },
    ["A - - A", "a - a -"],
    [],
  ],
  [
    "no path that must be left alone",
    { record: { a: A }, left: { a: problem("symlink") }, right: { a: EDIT } },
    [],
    ["a"],
  ],
  [
    "nothing below a folder that must be left alone",
    {
      record: { "d/a": A },
      left: { d: problem("unreadable", folder()) },
      right: { "d/a": EDIT, "d/b": A },
    },
    [],
    ["d"],
  ],
  [
    "the file beside the folder where a side changed its kind",
    { record: { a: A }, left: { a: folder() }, right: { a: A } },
    ["a a - a"],
    [],
  ],
];

for (const [what, it, pairs, unknown, options] of ROWS) {
  Deno.test(`merge() gives ${what}`, () => {
    const result = merged(situationOf(it), options);
    assert.deepEqual(told(result), pairs);
    assert.deepEqual([...result.unknown.keys()], unknown);
  });
}

Deno.test("merge() tells of two problems at a path the one that is no secret", () => {
  const [ignored, link] = [problem("ignored"), problem("symlink")];
  for (const [left, right] of [[ignored, link], [link, ignored]] as const) {
    const it = situationOf({ left: { a: left }, right: { a: right } });
    assert.equal(merged(it).unknown.get("a")?.kind, "symlink");
  }
});

Deno.test("merge() gives folders parents first", () => {
  const { folders } = merged(
    situationOf({ left: { "a/b/c/d": A, "a/e": A }, right: { f: folder() } }),
  );
  const keys = folders.map(({ key }) => key);
  assert.deepEqual([...keys].sort(), ["", "a", "a/b", "a/b/c", "f"]);
  for (const { key, parent } of folders) {
    if (parent) assert.ok(keys.indexOf(parent.key) < keys.indexOf(key));
  }
});

Deno.test("merge() finds any path of a folder again, even an unchanged one", () => {
  const same = { a: A, b: A };
  const { pairs, folders, pairAt } = merged(
    situationOf({ record: same, left: { ...same, a: EDIT }, right: same }),
  );
  assert.deepEqual(pairs.map(({ key }) => key), ["a"]);
  assert.equal(pairAt(folders[0]!, "b")?.row?.path, "b");
  assert.equal(pairAt(folders[0]!, "c"), null);
});

Deno.test("merge() notes which names of a folder are taken, and what it holds", () => {
  const { folders: [root] } = merged(situationOf({
    record: { a: A },
    left: { b: A, link: problem("symlink") },
    right: { d: folder() },
  }));
  assert.deepEqual([...root!.taken].sort(), ["a", "b", "d", "link"]);
  assert.deepEqual(root!.holdsUnknown, { left: true, right: false });
});
