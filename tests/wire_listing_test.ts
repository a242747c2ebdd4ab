import fc from "fast-check";
import assert from "node:assert/strict";
import { entriesOf, type Entry, ListingBuilder } from "../lib/wire_listing.ts";
import { A, addTo, digestOf, entries, entry, file } from "./support/listed.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const LOOK = { lookedAtMs: 1_779_000_000_000, isChanging: false };

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
  const first = builder.listing("d/e", { lookedAtMs: 7, isChanging: true });
  builder.clear();
  addTo(builder, { ...A, name: "b", sizeBytes: 99 });
  const second = builder.listing("f", LOOK);
  assert.deepEqual(entriesOf(first), [A], "the first is not written over");
  assert.deepEqual(entriesOf(second), [{ ...A, name: "b", sizeBytes: 99 }]);
  assert.equal(first.folder, "d/e");
  assert.equal(first.lookedAtMs, 7);
  assert.equal(first.isChanging, true);
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

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

Deno.test("DigestBuilder gives 16 hex digits", () => {
  fc.assert(fc.property(entries, (any) => {
    assert.match(digestOf(...any), /^[0-9a-f]{16}$/);
  }));
});

Deno.test("DigestBuilder does not depend on the order", () => {
  const shuffled = entries.chain((any) =>
    fc.tuple(
      fc.constant(any),
      fc.shuffledSubarray(any, { minLength: any.length }),
    )
  );
  fc.assert(fc.property(shuffled, ([one, other]) => {
    assert.equal(digestOf(...one), digestOf(...other));
  }));
});

const D: Entry = { kind: "directory", name: "a.txt", isMount: false, id: null };

/** One figure at a time, by the least that can be. */
const CHANGES: readonly [string, Entry][] = [
  ["name", { ...A, name: "b.txt" }],
  ["spelling", { ...A, name: "A.txt" }],
  ["size", { ...A, sizeBytes: 13 }],
  ["size by 4 GB", { ...A, sizeBytes: 12 + 2 ** 32 }],
  ["mtime", { ...A, mtimeMs: A.mtimeMs + 1 }],
  ["mode", { ...A, mode: 0o645 }],
  ["inode", { ...A, id: { ...A.id!, ino: 1235 } }],
  ["inode by 2^32", { ...A, id: { ...A.id!, ino: 1234 + 2 ** 32 } }],
  ["birth time", { ...A, id: { ...A.id!, birthMs: A.id!.birthMs + 1 } }],
  ["id", { ...A, id: null }],
  ["size and mtime exchanged", { ...A, sizeBytes: A.mtimeMs, mtimeMs: 12 }],
  ["kind", D],
];

for (const [what, changed] of CHANGES) {
  Deno.test(`DigestBuilder tells another ${what}`, () => {
    assert.notEqual(digestOf(changed), digestOf(A));
    assert.notEqual(digestOf(D, changed), digestOf(D, A));
  });
}

Deno.test("DigestBuilder tells a mount point from a folder, and more from fewer", () => {
  assert.notEqual(digestOf({ ...D, isMount: true }), digestOf(D));
  assert.notEqual(digestOf(), digestOf(A));
  assert.notEqual(digestOf(A), digestOf(A, A));
  assert.notEqual(digestOf(A, A), digestOf());
});

Deno.test("DigestBuilder tells any other set of entries", () => {
  fc.assert(
    fc.property(entries, entry, entry, (any, a, b) => {
      fc.pre(JSON.stringify(a) !== JSON.stringify(b));
      assert.notEqual(digestOf(...any, a), digestOf(...any, b));
      assert.notEqual(digestOf(...any, a), digestOf(...any));
    }),
    { numRuns: 300 },
  );
});

Deno.test("DigestBuilder tells metadata that were exchanged between two files", () => {
  fc.assert(
    fc.property(file, file, (a, b) => {
      fc.pre(a.kind === "file" && b.kind === "file");
      fc.pre(a.name !== b.name && a.sizeBytes !== b.sizeBytes);
      const before = digestOf(a, b);
      const after = digestOf(
        { ...a, sizeBytes: b.sizeBytes },
        { ...b, sizeBytes: a.sizeBytes },
      );
      assert.notEqual(before, after);
    }),
    { numRuns: 300 },
  );
});

Deno.test("DigestBuilder gives no two of 200,000 like folders one digest", () => {
  const seen = new Set<string>();
  let count = 0;
  const add = (...some: Entry[]) => {
    seen.add(digestOf(...some));
    count++;
  };
  // Names, sizes, times and ids that follow each other, as on a real disk.
  for (let at = 0; at < 40_000; at++) {
    add({ ...A, name: `scan ${at}.pdf` });
    add({ ...A, sizeBytes: 100 + at });
    add({ ...A, mtimeMs: A.mtimeMs + 1 + at * 1000 });
    add({ ...A, id: { ino: 2000 + at, birthMs: A.id!.birthMs } });
    add({ kind: "directory", name: at.toString(36), isMount: false, id: null });
  }
  assert.equal(seen.size, count);
});

Deno.test("DigestBuilder gives no two pairs of like files one digest", () => {
  const seen = new Set<string>();
  let count = 0;
  for (let a = 0; a < 300; a++) {
    for (let b = 0; b < 300; b++) {
      const first = { ...A, name: "a", mtimeMs: A.mtimeMs + a };
      const second = { ...A, name: "b", mtimeMs: A.mtimeMs + b };
      seen.add(digestOf(first, second));
      count++;
    }
  }
  assert.equal(seen.size, count);
});
