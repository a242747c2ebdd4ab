import fc from "fast-check";
import assert from "node:assert/strict";
import {
  cutToTick,
  type HalfState,
  halfState,
  isFresh,
  isOtherId,
  isSameId,
  isStill,
  mayBeFresh,
  metadataOf,
  type ReportedFile,
  type Traits,
} from "../lib/metadata.ts";
import type { FileId, Metadata, RecordedHalf } from "../lib/types.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const MTIME = 1_779_000_000_123;

const REPORTED: ReportedFile = {
  size: 12,
  mtime: new Date(MTIME),
  birthtime: new Date(5000),
  mode: 0o100644,
  ino: 7,
  nlink: 1,
};

const METADATA: Metadata = {
  sizeBytes: 12,
  mtimeMs: MTIME,
  mode: 0o644,
  id: { ino: 7, birthMs: 5000 },
};

/** [what, what the system reports, what is made of it] */
const REPORTS: readonly [
  string,
  Partial<ReportedFile>,
  Partial<Metadata>,
][] = [
  ["size, mtime, permission bits and id", {}, {}],
  ["no set-uid, set-gid or sticky bit", { mode: 0o107755 }, { mode: 0o755 }],
  ["mode 0 where the system has none", { mode: null }, { mode: 0 }],
  ["no id without an inode", { ino: null }, { id: null }],
  ["no id for inode 0", { ino: 0 }, { id: null }],
  ["no id without a time of birth", { birthtime: null }, { id: null }],
  ["no id for a file with several names", { nlink: 2 }, { id: null }],
  ["an id where links are not counted", { nlink: null }, {}],
  ["time 0 where the system has none", { mtime: null }, { mtimeMs: 0 }],
];

for (const [what, reported, wanted] of REPORTS) {
  Deno.test(`metadataOf() takes ${what} (section 1)`, () => {
    const metadata = metadataOf({ ...REPORTED, ...reported }, { tickMs: 1 });
    assert.deepEqual(metadata, { ...METADATA, ...wanted });
  });
}

Deno.test("metadataOf() cuts the mtime to the root's tick (section 2)", () => {
  assert.equal(
    metadataOf(REPORTED, { tickMs: 2000 }).mtimeMs,
    1_779_000_000_000,
  );
});

/** [time, tick, cut] */
const CUTS: readonly [number, number, number][] = [
  [1999, 1, 1999],
  [1999, 2000, 0],
  [2000, 2000, 2000],
  [-1, 2000, -2000],
  [0, 100, 0],
];

for (const [timeMs, tickMs, cut] of CUTS) {
  Deno.test(`cutToTick(${timeMs}, ${tickMs}) is ${cut}`, () => {
    assert.equal(cutToTick(timeMs, tickMs), cut);
  });
}

Deno.test("cutToTick() gives the last tick that is not later", () => {
  const time = fc.integer({ min: -(10 ** 13), max: 10 ** 13 });
  fc.assert(
    fc.property(time, fc.constantFrom(1, 2, 10, 100, 2000), (t, tick) => {
      const cut = cutToTick(t, tick);
      assert.ok(cut <= t && t < cut + tick);
      assert.ok(cut % tick === 0);
      assert.equal(cutToTick(cut, tick), cut);
    }),
  );
});

const ID: FileId = { ino: 7, birthMs: 5000 };

/** [a, b, known to be the same, known to differ] */
const IDS: readonly [FileId | null, FileId | null, boolean, boolean][] = [
  [ID, { ...ID }, true, false],
  [ID, { ...ID, ino: 8 }, false, true],
  [ID, { ...ID, birthMs: 5001 }, false, true],
  [ID, null, false, false],
  [null, null, false, false],
];

for (const [a, b, isSame, isOther] of IDS) {
  Deno.test(`isSameId() and isOtherId() of ${JSON.stringify([a, b])}`, () => {
    for (const [one, other] of [[a, b], [b, a]] as const) {
      assert.equal(isSameId(one, other), isSame);
      assert.equal(isOtherId(one, other), isOther);
    }
  });
}

/** [what, what the second look shows, whether it is still the file] */
const LOOKS: readonly [string, Partial<Metadata>, boolean][] = [
  ["the same metadata", {}, true],
  ["another size", { sizeBytes: 13 }, false],
  ["another mtime", { mtimeMs: MTIME + 1 }, false],
  ["another id", { id: { ...ID, ino: 8 } }, false],
  ["no id any more", { id: null }, true],
  ["another mode", { mode: 0o600 }, true],
];

for (const [what, now, isIt] of LOOKS) {
  Deno.test(`isStill() with ${what} is ${isIt} (section 6)`, () => {
    assert.equal(isStill(METADATA, { ...METADATA, ...now }), isIt);
  });
}

const TRAITS: Traits = {
  ignoresCase: false,
  ignoresNormalForm: false,
  hasWindowsNames: false,
  tickMs: 1,
  clockOffsetMs: 0,
};
const FAT: Partial<Traits> = { tickMs: 2000 };

/** [what, age at the look in ms, traits, whether it is fresh] */
const AGES: readonly [string, number, Partial<Traits>, boolean][] = [
  ["just written", 0, {}, true],
  ["50 ms old, at the least window there is", 50, {}, true],
  ["51 ms old", 51, {}, false],
  ["2 s old on FAT", 2000, FAT, true],
  ["2.001 s old on FAT", 2001, FAT, false],
  ["a little ahead", -50, {}, true],
  ["far ahead", -51, {}, false],
  ["written now by a clock one hour ahead", -3_600_000, {
    clockOffsetMs: 3_600_000,
  }, true],
  [
    "an hour old by a clock one hour ahead",
    0,
    { clockOffsetMs: 3_600_000 },
    false,
  ],
];

for (const [what, ageMs, traits, isIt] of AGES) {
  Deno.test(`isFresh() is ${isIt} for a file ${what} (section 2)`, () => {
    const looked = MTIME + ageMs;
    assert.equal(isFresh(MTIME, looked, { ...TRAITS, ...traits }), isIt);
  });
}

/** [what, age in ms, whether it may be fresh once it is read] */
const READING: readonly [string, number, boolean][] = [
  ["just written", 0, true],
  ["50 ms old", 50, true],
  ["51 ms old", 51, false],
  ["an hour ahead", -3_600_000, true],
];

for (const [what, ageMs, isIt] of READING) {
  Deno.test(`mayBeFresh() is ${isIt} for a file ${what} (section 2)`, () => {
    assert.equal(mayBeFresh(MTIME, MTIME + ageMs, TRAITS), isIt);
  });
}

const HALF: RecordedHalf = { ...METADATA, isFresh: false };

/** [what, metadata now, the half, suspicious, state] */
const STATES: readonly [
  string,
  Partial<Metadata>,
  Partial<RecordedHalf>,
  boolean,
  HalfState,
][] = [
  ["all metadata as recorded", {}, {}, false, "same"],
  ["only another mode", { mode: 0o600 }, {}, false, "mode"],
  ["another size", { sizeBytes: 13 }, {}, false, "different"],
  [
    "another size and all else too",
    { sizeBytes: 13, mtimeMs: 1, id: null, mode: 0 },
    { isFresh: true },
    true,
    "different",
  ],
  ["another mtime", { mtimeMs: MTIME - 1 }, {}, false, "undecided"],
  ["another id", { id: { ino: 8, birthMs: 5000 } }, {}, false, "undecided"],
  ["no id now", { id: null }, {}, false, "same"],
  ["no id recorded", {}, { id: null }, false, "same"],
  ["a fresh half", {}, { isFresh: true }, false, "suspect"],
  ["a kind that is always read", {}, {}, true, "suspect"],
  [
    "a fresh half and another mode",
    { mode: 0 },
    { isFresh: true },
    false,
    "suspect",
  ],
  [
    "a fresh half and another mtime",
    { mtimeMs: 1 },
    { isFresh: true },
    false,
    "undecided",
  ],
];

for (const [what, now, half, isSuspicious, state] of STATES) {
  Deno.test(`halfState() of ${what} is ${state} (section 2)`, () => {
    const found = { ...METADATA, ...now };
    assert.equal(halfState(found, { ...HALF, ...half }, isSuspicious), state);
  });
}
