/**
 * Entries of a folder as a listing has them, and their digest.
 *
 * @module
 */
import fc from "fast-check";
import {
  DigestBuilder,
  type Entry,
  type FileEntry,
  type ListingBuilder,
} from "../../lib/wire_listing.ts";

/** A file. */
export const A: FileEntry = {
  kind: "file",
  name: "a.txt",
  sizeBytes: 12,
  mtimeMs: 1_778_000_000_123,
  mode: 0o644,
  id: { ino: 1234, birthMs: 1_700_000_000_456 },
};

/** The digest of a folder that holds just these. */
export function digestOf(...entries: readonly Entry[]): string {
  const builder = new DigestBuilder();
  for (const entry of entries) {
    if (entry.kind === "file") builder.addFile(entry.name, entry);
    else builder.addFolder(entry.name, entry.isMount, entry.id);
  }
  return builder.value();
}

/** Adds any entry to a listing. */
export function addTo(builder: ListingBuilder, entry: Entry): void {
  if (entry.kind === "file") builder.addFile(entry.name, entry);
  else builder.addDirectory(entry.name, entry.isMount, entry.id);
}

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((text) => !text.includes("/"));
const PLAIN = { noNullPrototype: true };
const id = fc.option(fc.record({
  ino: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  birthMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
}, PLAIN));
/** Any file. */
export const file: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constant("file" as const),
  name,
  sizeBytes: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  mtimeMs: fc.integer({ min: -(10 ** 12), max: 10 ** 13 }),
  mode: fc.integer({ min: 0, max: 0o777 }),
  id,
}, PLAIN);
const directory: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constant("directory" as const),
  name,
  isMount: fc.boolean(),
  id: fc.constant(null),
}, PLAIN);
/** Any file or folder. */
export const entry: fc.Arbitrary<Entry> = fc.oneof(file, directory);
/** What may be in a folder. */
export const entries: fc.Arbitrary<Entry[]> = fc.array(entry, {
  maxLength: 12,
});
