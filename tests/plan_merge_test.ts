import fc from "fast-check";
import assert from "node:assert/strict";
import { nameOf, NO_FOLDING } from "../lib/paths.ts";
import { merge, type Merged } from "../lib/plan_merge.ts";
import type { RecordView, SideScan } from "../lib/plan_types.ts";
import type { Side } from "../lib/types.ts";
import { entriesOf, type Entry, type Listing } from "../lib/wire_listing.ts";
import {
  but,
  editedSituation as edited,
  edits,
  file,
  folder,
  IGNORING_CASE,
  merged,
  type Options,
  problem,
  recordView,
  scan,
  type Situation,
  toldPairs,
} from "./support/literal_plans.ts";
import { digestOf } from "./support/listed.ts";
import { situationOf } from "./support/literal_disk.ts";

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
    assert.deepEqual(toldPairs(result), pairs);
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

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const TRAITS = {
  ignoresCase: false,
  ignoresNormalForm: false,
  hasWindowsNames: false,
  tickMs: 1,
  clockOffsetMs: 0,
};
const SETTINGS = {
  traits: { left: TRAITS, right: TRAITS },
  folding: NO_FOLDING,
  isSuspicious: () => false,
  keepUnchanged: false,
};

/** Only folders that differ from the record are handed on, as a scan does. */
function sparse(it: Situation, side: Side, record: RecordView): SideScan {
  const { listings, problems } = scan(it, side);
  const differing = [...listings].filter(([, listing]) =>
    digestOfListing(listing) !== digestOfRows(record, listing.folder, side)
  );
  return { listings: new Map(differing), problems };
}

function digestOfListing(listing: Listing): string {
  return digestOf(...entriesOf(listing));
}

function digestOfRows(record: RecordView, at: string, side: Side): string {
  const entries: Entry[] = [];
  if (!record.directories.has(at)) return "not recorded";
  for (const row of record.filesIn(at)) {
    entries.push({ kind: "file", name: nameOf(row.path), ...row[side] });
  }
  for (const row of record.directories.values()) {
    const isIn = row.path !== "" && row.path.replace(/\/?[^/]*$/, "") === at;
    if (!isIn || !row.isAgreed) continue;
    const isMount = row.isMount[side];
    entries.push({
      kind: "directory",
      name: nameOf(row.path),
      isMount,
      id: null,
    });
  }
  return digestOf(...entries);
}

/** Folders that are not on both sides as recorded, in one line each. */
function toldFolders({ folders }: Merged): string[] {
  return folders.filter(({ row, name }) =>
    !row?.isAgreed || name.left !== name.right ||
    name.left !== nameOf(row.path)
  ).map(({ key, name }) => [key, name.left ?? "-", name.right ?? "-"].join(" "))
    .sort();
}

/** The same where some folders are recorded only for what is in them. */
function holdingOnly(it: Situation, which: number): Situation {
  const record: Record<string, Situation["record"][string]> = {
    ...it.record,
    gone: folder(),
    "gone/a": A,
  };
  if (record["d"]?.kind === "folder") {
    Object.assign(record, { "d/gone": folder(), "d/gone/a": A });
  }
  const recorded = Object.keys(record).filter((path) =>
    record[path]!.kind === "folder"
  );
  recorded.forEach((path, n) => {
    if (which >> n & 1) record[path] = folder({ isAgreed: false });
  });
  return { ...it, record };
}

Deno.test("merge() reads no rows where neither scan handed anything on", () => {
  const view = recordView({ a: A, "d/b": A, "d/e/c": A });
  const nothing: SideScan = { listings: new Map(), problems: [] };
  const record = {
    ...view,
    filesIn: () => assert.fail("rows are read"),
    foldersWithout: () => assert.fail("rows are read"),
  };
  const { pairs, folders } = merge(
    { left: nothing, right: nothing },
    record,
    SETTINGS,
  );
  assert.deepEqual(pairs, []);
  assert.deepEqual(folders.map(({ key }) => key), [""]);
});

Deno.test("merge() reads the rows of those folders only that differ", () => {
  const it = situationOf({
    record: { a: A, "d/b": A, "d/e/c": A, "f/g": A },
    left: { a: A, "d/b": A, "d/e/c": EDIT, "f/g": A },
    right: { a: A, "d/b": A, "d/e/c": A, "f/g": A },
  });
  const view = recordView(it.record);
  const read = new Set<string>();
  const record: RecordView = {
    ...view,
    foldersWithout: view.foldersWithout,
    filesIn: (at) => {
      read.add(at);
      return view.filesIn(at);
    },
  };
  const scans = {
    left: sparse(it, "left", view),
    right: sparse(it, "right", view),
  };
  const result = merge(scans, record, SETTINGS);
  assert.deepEqual(toldPairs(result), ["d/e/c d/e/c c c"]);
  assert.deepEqual([...read], ["d/e"]);
});

Deno.test("merge() looks into a folder that was only held for its rows", () => {
  const it = situationOf({
    record: { d: folder({ isAgreed: false }), "d/a": A },
    left: { "d/a": A },
    right: { "d/a": A },
  });
  const view = recordView(it.record);
  const scans = {
    left: sparse(it, "left", view),
    right: sparse(it, "right", view),
  };
  assert.deepEqual([...scans.left.listings.keys()], [""]);
  const { folders, pairs } = merge(scans, view, SETTINGS);
  assert.deepEqual(folders.map(({ key }) => key), ["", "d"]);
  assert.deepEqual(pairs, []);
});

for (const within of ["", "e/", "e/f/"]) {
  Deno.test(`merge() takes a folder for gone that was only held for its rows: ${within}d`, () => {
    const it = situationOf({
      record: {
        [`${within}d`]: folder({ isAgreed: false }),
        [`${within}d/a`]: A,
        [`${within}b`]: EDIT,
      },
      left: { [`${within}b`]: EDIT },
      right: { [`${within}b`]: EDIT },
    });
    const view = recordView(it.record);
    const scans = {
      left: sparse(it, "left", view),
      right: sparse(it, "right", view),
    };
    assert.equal(scans.left.listings.size + scans.right.listings.size, 0);
    const result = merge(scans, view, SETTINGS);
    assert.deepEqual(toldFolders(result), [`${within}d - -`]);
    assert.deepEqual(toldPairs(result), [`${within}d/a ${within}d/a - -`]);
  });
}

Deno.test("merge() takes the rows for a side that handed nothing on", () => {
  const it = situationOf({
    record: { a: A, b: A },
    left: { a: EDIT },
    right: { a: A, b: A },
  });
  const view = recordView(it.record);
  const right: SideScan = { listings: new Map(), problems: [] };
  const scans = { left: scan(it, "left"), right };
  const result = merge(scans, view, SETTINGS);
  assert.deepEqual(toldPairs(result), ["a a a a", "b b - b"]);
  assert.equal(result.pairs[0]?.right?.metadata.sizeBytes, A.sizeBytes);
});

Deno.test("merge() gives the same whether equal folders are handed on or not", () => {
  fc.assert(
    fc.property(edits(false), fc.nat(63), (made, heldOnly) => {
      const it = holdingOnly(edited(made, NO_FOLDING), heldOnly);
      const record = recordView(it.record);
      const all = { left: scan(it, "left"), right: scan(it, "right") };
      const some = {
        left: sparse(it, "left", record),
        right: sparse(it, "right", record),
      };
      const wanted = merge(all, record, SETTINGS);
      const found = merge(some, record, SETTINGS);
      assert.deepEqual(toldPairs(found), toldPairs(wanted));
      assert.deepEqual(toldFolders(found), toldFolders(wanted));
      assert.deepEqual(found.problems, wanted.problems);
    }),
    { numRuns: 200 },
  );
});
