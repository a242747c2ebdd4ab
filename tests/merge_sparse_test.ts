import fc from "fast-check";
import assert from "node:assert/strict";
import { nameOf, NO_FOLDING } from "../lib/paths.ts";
import {
  merge,
  type Merged,
  type RecordView,
  type SideScan,
} from "../lib/plan_merge.ts";
import type { Side } from "../lib/types.ts";
import { entriesOf, type Entry, type Listing } from "../lib/wire_listing.ts";
import { edits, situationOf as edited } from "./support/fake_edits.ts";
import { recordView, scan, told } from "./support/fake_merge.ts";
import { but, file, folder, type Situation } from "./support/fake_tree.ts";
import { digestOf } from "./support/listed.ts";
import { situationOf } from "./support/plan_rows.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const A = file("one");
const EDIT = but(A, { content: "edited" });

const HABITS = {
  ignoresCase: false,
  ignoresNormalForm: false,
  hasWindowsNames: false,
  tickMs: 1,
  clockOffsetMs: 0,
};
const SETTINGS = {
  traits: { left: HABITS, right: HABITS },
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
  assert.deepEqual(told(result), ["d/e/c d/e/c c c"]);
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
    assert.deepEqual(told(result), [`${within}d/a ${within}d/a - -`]);
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
  assert.deepEqual(told(result), ["a a a a", "b b - b"]);
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
      assert.deepEqual(told(found), told(wanted));
      assert.deepEqual(toldFolders(found), toldFolders(wanted));
      assert.deepEqual(found.problems, wanted.problems);
    }),
    { numRuns: 200 },
  );
});
