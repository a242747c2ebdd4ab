import fc from "fast-check";
import assert from "node:assert/strict";
import { entriesOf, type Entry, ListingBuilder } from "../lib/wire_listing.ts";
import { A, addTo, digestOf, entries } from "./support/listed.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const LOOK = { lookedAtMs: 1_779_000_000_000, isUnsettled: false };

function roundTrip(entries: readonly Entry[]): Entry[] {
  const builder = new ListingBuilder();
  entries.forEach((entry) => addTo(builder, entry));
  return entriesOf(builder.listing("d", LOOK));
}

/** Entries as an office has them, and at the edges of what can be packed. */
const PACKED: readonly [string, readonly Entry[]][] = [
  ["nothing", []],
  ["a file", [A]],
  ["a file without id", [{ ...A, id: null }]],
  ["an empty file of 1970", [{ ...A, sizeBytes: 0, mtimeMs: 0 }]],
  ["a file from before 1970", [{ ...A, mtimeMs: -1_000 }]],
  ["a file of many terabytes", [{ ...A, sizeBytes: 2 ** 52 }]],
  ["a large inode", [{ ...A, id: { ino: 2 ** 53 - 1, birthMs: 1 } }]],
  ["no permission at all", [{ ...A, mode: 0 }]],
  ["every permission", [{ ...A, mode: 0o777 }]],
  ["a folder", [{ kind: "directory", name: "d", isMount: false, id: null }]],
  ["a mount point", [{
    kind: "directory",
    name: "d",
    isMount: true,
    id: null,
  }]],
  ["strange names", [{ ...A, name: " \n\u{1f600}" }, { ...A, name: "\\" }]],
  ["files and folders", [A, {
    kind: "directory",
    name: "d",
    isMount: true,
    id: null,
  }, {
    ...A,
    name: "b",
  }]],
];

for (const [what, entries] of PACKED) {
  Deno.test(`entriesOf() gives back ${what}`, () => {
    assert.deepEqual(roundTrip(entries), entries);
  });
}

Deno.test("entriesOf() gives back what was added, in order, whatever it is", () => {
  fc.assert(fc.property(entries, (any) => {
    assert.deepEqual(roundTrip(any), any);
  }));
});

Deno.test("ListingBuilder hands on folder, look and numbers of its own", () => {
  const builder = new ListingBuilder();
  addTo(builder, A);
  const first = builder.listing("d/e", { lookedAtMs: 7, isUnsettled: true });
  builder.clear();
  addTo(builder, { ...A, name: "b", sizeBytes: 99 });
  const second = builder.listing("f", LOOK);
  assert.deepEqual(entriesOf(first), [A], "the first is not written over");
  assert.deepEqual(entriesOf(second), [{ ...A, name: "b", sizeBytes: 99 }]);
  assert.equal(first.folder, "d/e");
  assert.equal(first.lookedAtMs, 7);
  assert.equal(first.isUnsettled, true);
});

Deno.test("ListingBuilder grows with the folder", () => {
  const many = Array.from({ length: 1000 }, (_, at) => ({
    ...A,
    name: `file ${at}`,
    sizeBytes: at,
  }));
  assert.deepEqual(roundTrip(many), many);
});

Deno.test("ListingBuilder's digest is that of its entries, anew after clear()", () => {
  const builder = new ListingBuilder();
  addTo(builder, { ...A, name: "gone" });
  builder.clear();
  assert.equal(builder.digest(), digestOf());
  addTo(builder, A);
  assert.equal(builder.digest(), digestOf(A));
});
