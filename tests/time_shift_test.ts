/** Daylight saving on file systems that keep local time (section 2). */
import assert from "node:assert/strict";
import fc from "fast-check";
import { recordView, scan } from "./fake_merge.ts";
import { situationOf } from "./plan_rows.ts";
import { but, type FakeFile, file, folder, HOUR } from "./fake_tree.ts";
import { timeShift } from "../lib/time_shift.ts";
import { type Side, SIDES } from "../lib/types.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const A = file("one");

/** A record of many files, in two folders. */
function manyFiles(count: number): Record<string, FakeFile> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      at % 2 === 0 ? `a${at}` : `d/a${at}`,
      but(A, { mtimeMs: A.mtimeMs + at * 1000 }),
    ]),
  );
}

/** The shift that is seen where each file of a side became what it says. */
function shiftOf(
  count: number,
  change: (file: FakeFile, index: number) => FakeFile | null,
  side: Side = "left",
): number {
  const record = manyFiles(count);
  const now = Object.entries(record).flatMap(([path, it], index) => {
    const changed = change(it, index);
    return changed ? [[path, changed] as const] : [];
  });
  const it = situationOf({ record, [side]: Object.fromEntries(now) });
  return timeShift(scan(it, side), recordView(record), side, count);
}

const by = (ms: number) => (it: FakeFile): FakeFile =>
  but(it, { mtimeMs: it.mtimeMs + ms });

/** [what, files, what becomes of each, shift] */
const ROWS: readonly [
  string,
  number,
  (file: FakeFile, index: number) => FakeFile | null,
  number,
][] = [
  ["no file that moved", 20, (it) => it, 0],
  ["all by an hour", 20, by(HOUR), HOUR],
  ["all back by an hour", 20, by(-HOUR), -HOUR],
  ["all by several hours", 20, by(9 * HOUR), 9 * HOUR],
  ["all by half an hour", 20, by(HOUR / 2), 0],
  ["all by an hour and a bit", 20, by(HOUR + 1), 0],
  ["nine of ten by an hour", 20, (it, at) => at < 18 ? by(HOUR)(it) : it, HOUR],
  ["fewer than nine of ten", 20, (it, at) => at < 17 ? by(HOUR)(it) : it, 0],
  [
    "half by one hour, half by two",
    20,
    (it, at) => by(at % 2 === 0 ? HOUR : 2 * HOUR)(it),
    0,
  ],
  [
    "all, one of them edited",
    20,
    (it, at) =>
      at === 3 ? but(by(HOUR)(it), { content: "edited" }) : by(HOUR)(it),
    HOUR,
  ],
  [
    "all that are left, one being deleted",
    20,
    (it, at) => at === 3 ? null : by(HOUR)(it),
    HOUR,
  ],
  ["too few to prove anything", 4, by(HOUR), 0],
  ["the fewest that prove it", 5, by(HOUR), HOUR],
  ["too few of the record", 20, (it, at) => at < 17 ? by(HOUR)(it) : null, 0],
  ["none at all", 0, (it) => it, 0],
];

for (const [what, count, change, shift] of ROWS) {
  Deno.test(`timeShift(): ${what}: ${shift / HOUR} h (section 2)`, () => {
    for (const side of SIDES) {
      assert.equal(shiftOf(count, change, side), shift, side);
    }
  });
}

Deno.test("timeShift() takes folders that were not handed on for not shifted (section 2)", () => {
  const record = manyFiles(20);
  const it = situationOf({
    record,
    left: Object.fromEntries(
      Object.entries(record).map(([path, file]) => [path, by(HOUR)(file)]),
    ),
  });
  const { listings, problems } = scan(it, "left");
  const some = new Map([...listings].filter(([path]) => path !== "d"));
  const shift = timeShift(
    { listings: some, problems },
    recordView(record),
    "left",
    20,
  );
  assert.equal(shift, 0);
});

Deno.test("timeShift() counts files only, and recorded ones only", () => {
  const record = manyFiles(6);
  const shifted = Object.fromEntries(
    Object.entries(record).map(([path, file]) => [path, by(HOUR)(file)]),
  );
  const left = { ...shifted, e: folder(), new1: A, new2: A, "d/new3": A };
  const it = situationOf({ record, left });
  const view = recordView(record);
  assert.equal(timeShift(scan(it, "left"), view, "left", 6), HOUR);
});

Deno.test("timeShift() is a whole number of hours that nearly all agree on, or 0", () => {
  const moves = fc.array(fc.constantFrom(0, 1, HOUR, 2 * HOUR, HOUR / 2), {
    minLength: 5,
    maxLength: 12,
  });
  fc.assert(fc.property(moves, (ms) => {
    const shift = shiftOf(ms.length, (it, at) => by(ms[at]!)(it));
    const agreeing = ms.filter((it) => it === shift).length;
    assert.equal(shift % HOUR, 0);
    if (shift !== 0) assert.ok(agreeing >= ms.length * 0.9);
    const hours = ms.filter((it) => it === HOUR).length;
    if (hours >= ms.length * 0.9) assert.equal(shift, HOUR);
  }));
});
