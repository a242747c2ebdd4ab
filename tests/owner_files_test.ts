import fc from "fast-check";
import assert from "node:assert/strict";
import {
  documentsOf,
  isLeftBehind,
  isOfDatabase,
  isOwnerName,
  openWords,
  ownersOf,
  programOf,
  whoIn,
} from "../lib/owner_files.ts";
import { printable, timeWords } from "../lib/text.ts";

const NAMES = [
  "Plan.docx",
  "Angebot.docx",
  "Berichte.docx",
  "01Berichte.docx",
  "Plan.xlsx",
  "01Budget.xlsx",
  "Budget.xlsx",
  "Plan.odt",
  "Stock.accdb",
  "Stock.mdb",
  "Stock.txt",
  "Plant.dwg",
  "Plant.pdf",
  "e\u0301tude.docx",
];

const OWNERS: readonly (readonly [string, string, ...string[]])[] = [
  ["~$Plan.docx", "Word", "Plan.docx"],
  ["~$PLAN.DOCX", "Word", "Plan.docx"],
  ["~$an.docx", "Word", "Plan.docx"],
  ["~$ngebot.docx", "Word", "Angebot.docx"],
  ["~$gebot.docx", "Word", "Angebot.docx"],
  ["~$richte.docx", "Word", "Berichte.docx"],
  // Of a name of eight letters, or of one of ten whose first two were cut.
  ["~$Berichte.docx", "Word", "Berichte.docx", "01Berichte.docx"],
  ["~$Budget.xlsx", "Excel", "Budget.xlsx"],
  ["~$01Budget.xlsx", "Excel", "01Budget.xlsx"],
  ["~$\u00e9tude.docx", "Word", "e\u0301tude.docx"],
  [".~lock.Plan.odt#", "LibreOffice", "Plan.odt"],
  [".~lock.Plan.xlsx#", "LibreOffice", "Plan.xlsx"],
  ["Stock.laccdb", "Access", "Stock.accdb"],
  ["Stock.ldb", "Access", "Stock.mdb"],
  ["Plant.dwl", "AutoCAD", "Plant.dwg"],
  ["plant.DWL2", "AutoCAD", "Plant.dwg"],
  ["~$Deck.pptx", "PowerPoint"],
  [".~lock.Gone.odt#", "LibreOffice"],
  ["Gone.laccdb", "Access"],
];

for (const [owner, program, ...documents] of OWNERS) {
  Deno.test(`${owner} tells of ${documents.join(" or ") || "nothing there"}`, () => {
    assert.ok(isOwnerName(owner));
    assert.deepEqual(documentsOf(owner, [...NAMES, owner]), documents);
    assert.equal(programOf(owner), program);
    assert.equal(isOfDatabase(owner), program === "Access");
  });
}

Deno.test("no other name is one of an owner file", () => {
  const others = [
    ...NAMES,
    "~$",
    "~Plan.docx",
    "$Plan.docx",
    ".~lock.#",
    ".~lock.Plan.odt",
    ".ldb",
    "Plan.ldb.txt",
    "dwl",
    "",
  ];
  assert.deepEqual(others.filter(isOwnerName), []);
});

Deno.test("whatever is an owner file of a document is one by the names that are tried for it", () => {
  for (const [owner, , ...documents] of OWNERS) {
    for (const document of documents) {
      const tried = ownersOf(document).map((it) =>
        it.normalize("NFC").toLowerCase()
      );
      const name = owner.normalize("NFC").toLowerCase();
      assert.ok(tried.includes(name), `${owner}: ${tried}`);
    }
  }
  // Nothing has half a letter in its name.
  assert.deepEqual(
    ownersOf("😀plan.docx").slice(0, 2),
    ["~$😀plan.docx", "~$plan.docx"],
  );
});

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 30, 12);

Deno.test("an owner file is left behind when it is older than the machine's start, or when nothing happened for a day", () => {
  const isLeft = (hours: number, saved: number, started: number | null) =>
    isLeftBehind(NOW - hours * HOUR, NOW - saved * HOUR, {
      nowMs: NOW,
      startedMs: started === null ? null : NOW - started * HOUR,
    });
  assert.deepEqual([
    isLeft(2, 100, 3),
    isLeft(4, 1, 3),
    isLeft(4, 1, null),
    isLeft(23, 100, null),
    isLeft(25, 100, null),
    isLeft(25, 23, null),
    isLeft(200, 23, 1000),
    isLeft(200, 25, 1000),
    // Saved this very moment, by a clock that is a little ahead.
    isLeft(200, -0.01, null),
    // A time that nobody can mean says nothing of a save.
    isLeft(200, -100, null),
    isLeft(-100, 5, null),
  ], [
    ...[false, true, false, false, true, false, false, true, false, true],
    false,
  ]);
});

/** As Word, and as Excel and PowerPoint write it. */
function office(name: string, wideAt: 54 | 55): Uint8Array {
  const bytes = new Uint8Array(wideAt === 54 ? 162 : 165)
    .fill(wideAt === 54 ? 0 : 0x20);
  bytes[0] = name.length;
  for (let n = 0; n < name.length; n++) {
    bytes[1 + n] = name.charCodeAt(n) & 0xff;
    bytes.set(
      [name.charCodeAt(n) & 0xff, name.charCodeAt(n) >> 8],
      wideAt + 2 + 2 * n,
    );
  }
  bytes.set([name.length, 0], wideAt);
  return bytes;
}

const text = (said: string) => new TextEncoder().encode(said);
const latin = (said: string) => Uint8Array.from(said, (it) => it.charCodeAt(0));

const CONTENTS:
  readonly (readonly [string, string, Uint8Array, string | null])[] = [
    ["Word", "~$Plan.docx", office("Jörg Müller", 54), "Jörg Müller"],
    [
      "Word, in other letters",
      "~$Plan.docx",
      office("Анна Берг", 54),
      "Анна Берг",
    ],
    ["Excel", "~$Plan.xlsx", office("Anna Berg", 55), "Anna Berg"],
    ["PowerPoint", "~$Plan.pptx", office("会社", 55), "会社"],
    [
      "an older Word",
      "~$Plan.doc",
      latin("\x05J\xf6rg\0".padEnd(54, "\0")),
      "Jörg",
    ],
    [
      "Word, cut off",
      "~$Plan.docx",
      office("Anna", 54).subarray(0, 20),
      "Anna",
    ],
    ["Word, with no name", "~$Plan.docx", office("", 54), null],
    ["nonsense", "~$Plan.docx", new Uint8Array(162).fill(0xff), null],
    [
      "LibreOffice",
      ".~lock.a.odt#",
      text("Anna Berg,anna,pc-7,30.11.2026 09:12,file:///home/anna;"),
      "Anna Berg",
    ],
    [
      "LibreOffice without a name",
      ".~lock.a.odt#",
      text(",anna,pc-7,30.11.2026 09:12,;"),
      "anna",
    ],
    [
      "LibreOffice, with commas",
      ".~lock.a.odt#",
      text("Berg\\, Anna\\;,anna,pc-7,,;"),
      "Berg, Anna;",
    ],
    ["LibreOffice, empty", ".~lock.a.odt#", text(""), null],
    [
      "Access",
      "a.laccdb",
      latin("PC-7\0".padEnd(32, " ") + "Admin\0".padEnd(32, " ")),
      "PC-7",
    ],
    [
      "Access with accounts",
      "a.ldb",
      latin("PC-7\0".padEnd(32, "\0") + "anna\0".padEnd(32, "\0")),
      "anna",
    ],
    [
      "AutoCAD",
      "a.dwl",
      latin("anna\r\nPC-7\r\nMonday, November 30, 2026\r\n"),
      "anna",
    ],
    [
      "AutoCAD, the newer one",
      "a.dwl2",
      text('<?xml version="1.0"?><w><username>anna</username></w>'),
      "anna",
    ],
    [
      "AutoCAD, another one",
      "a.dwl2",
      text("<w><machine>PC-7</machine></w>"),
      null,
    ],
    [
      "a forged line",
      ".~lock.a.odt#",
      text("a\n\u001b[2Jb,,,;"),
      "a\\n\\u001b[2Jb",
    ],
  ];

for (const [what, owner, bytes, who] of CONTENTS) {
  Deno.test(`whoIn() reads ${what}`, () => {
    assert.equal(whoIn(owner, bytes), who);
  });
}

Deno.test("whatever is in an owner file, a short line comes of it or nothing", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const name = fc.constantFrom(...OWNERS.map(([owner]) => owner));
  fc.assert(fc.property(name, bytes, (owner, bytes) => {
    const who = whoIn(owner, bytes);
    assert.ok(who === null || who !== "" && who.length < 500, String(who));
    assert.equal(printable(who ?? ""), who ?? "");
  }));
});

Deno.test("who has a document open is said with the time, and the day where it is another", () => {
  const at = new Date(2020, 2, 4, 9, 12, 30).getTime();
  const open = { path: "d/~$Plan.docx", sinceMs: at, by: "Anna Berg" };
  assert.equal(
    openWords(open),
    "open by Anna Berg (Word) since 2020-03-04 09:12",
  );
  const [, time] = timeWords(Date.now()).split(" ");
  assert.equal(
    openWords({ ...open, by: null, sinceMs: Date.now() }),
    `open in Word since ${time!.slice(0, 5)}`,
  );
});
