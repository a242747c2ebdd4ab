/**
 * Texts for tests with random cases.
 *
 * @module
 */
import fc from "fast-check";

/** Code points but for halves of pairs; fast-check's own list takes a second. */
const character = fc.integer({ min: 0, max: 0x10f7ff }).map((n) =>
  String.fromCodePoint(n < 0xd800 ? n : n + 0x800)
);

/** Any text at all. */
export const anyText: fc.Arbitrary<string> = fc.string({ unit: character });
