import assert from "node:assert/strict";
import {
  addEntries,
  type Listed,
  windowsLister,
} from "../lib/files_list_windows.ts";

/** An entry as Windows packs it. */
interface Packed {
  readonly name: string;
  readonly attributes?: number;
  readonly tag?: number;
  readonly ino?: bigint;
  readonly size?: bigint;
  /** In tenths of microseconds since 1601. */
  readonly mtime?: bigint;
  readonly birth?: bigint;
}

/** Tenths of microseconds since 1601, as of a time in ms since 1970. */
const ticks = (ms: number): bigint => BigInt(ms + 11_644_473_600_000) * 10_000n;

const BIRTH = Date.UTC(2024, 0, 15, 8, 30);

/** A chain of entries, as it stands in [MS-FSCC] 2.4.22. */
function packed(entries: readonly Packed[]): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(65_536).fill(0xee);
  const view = new DataView(buffer.buffer);
  let at = 0;
  for (const [n, entry] of entries.entries()) {
    const { name, attributes = 0x20, tag = 0, ino = 7n, size = 1n } = entry;
    const { birth = ticks(BIRTH), mtime = ticks(BIRTH + 1) } = entry;
    const bytes = (104 + name.length * 2 + 7) & ~7;
    view.setUint32(at, n === entries.length - 1 ? 0 : bytes, true);
    view.setBigUint64(at + 8, birth, true);
    view.setBigUint64(at + 24, mtime, true);
    view.setBigUint64(at + 40, size, true);
    view.setUint32(at + 56, attributes, true);
    view.setUint32(at + 60, name.length * 2, true);
    view.setUint32(at + 64, tag, true);
    view.setBigUint64(at + 96, ino, true);
    for (let unit = 0; unit < name.length; unit++) {
      view.setUint16(at + 104 + unit * 2, name.charCodeAt(unit), true);
    }
    at += bytes;
  }
  return buffer;
}

function unpacked(...entries: readonly Packed[]): Listed[] {
  const listed: Listed[] = [];
  addEntries(packed(entries), 5, listed);
  return listed;
}

const FILE = {
  isFile: true,
  isDirectory: false,
  isSymlink: false,
  size: 1,
  mtime: new Date(BIRTH + 1),
  birthtime: new Date(BIRTH),
  mode: 0o666,
  ino: 7,
  dev: 5,
  nlink: 1,
};

const FOLDER = { ...FILE, isFile: false, isDirectory: true, size: 0 };

const FROM_1601 = 11_644_473_600_000;

/** What is told of an entry that is packed so; null: it is looked at. */
const ENTRIES: readonly [string, Omit<Packed, "name">, Listed["told"]][] = [
  ["a file", {}, FILE],
  ["a read-only file", { attributes: 0x21 }, { ...FILE, mode: 0o444 }],
  ["a hidden file of the system", { attributes: 0x26 }, FILE],
  ["a file without a mark", { attributes: 0x80 }, FILE],
  ["a folder", { attributes: 0x10, size: 4096n }, FOLDER],
  ["a file above 4 GB", { size: 2n ** 40n + 3n }, {
    ...FILE,
    size: 2 ** 40 + 3,
  }],
  // As Deno gives it: the nearest number there is.
  ["an id of 64 bits", { ino: 0x1234_0000_0000_5679n }, {
    ...FILE,
    ino: 0x1234_0000_0000_5679,
  }],
  ["no id", { ino: 0n }, null],
  ["an id that is longer than 64 bits", { ino: 2n ** 64n - 1n }, null],
  ["a link", { attributes: 0x420, tag: 0xa000_000c }, null],
  ["a junction", { attributes: 0x410, tag: 0xa000_0003 }, null],
  ["a link of Linux", { attributes: 0x420, tag: 0xa000_001d }, null],
  ["a deduplicated file", { attributes: 0x620, tag: 0x8000_0013 }, FILE],
  ["a file of OneDrive", { attributes: 0x420, tag: 0x9000_701a }, FILE],
  ["a folder of OneDrive", { attributes: 0x410, tag: 0x9000_701a }, null],
  ["a folder of another server", { attributes: 0x410, tag: 0x8000_000a }, null],
  ["a mark without a tag", { attributes: 0x420 }, null],
  ["a size of attributes", { tag: 0xa000_000c }, FILE],
  ["no times", { mtime: 0n, birth: 0n }, {
    ...FILE,
    mtime: new Date(-FROM_1601),
    birthtime: new Date(-FROM_1601),
  }],
];

for (const [what, entry, told] of ENTRIES) {
  Deno.test(`a listing of Windows tells ${told ? "all of" : "only the name of"} ${what}`, () => {
    assert.deepEqual(unpacked({ name: "a", ...entry }), [{ name: "a", told }]);
  });
}

Deno.test("a listing of Windows cuts times to ms, at every tick of one", () => {
  for (const ms of [-1, 0, 1, BIRTH, Date.UTC(9999, 11, 31)]) {
    for (const more of [0n, 1n, 4_999n, 5_000n, 9_999n]) {
      const mtime = ticks(ms) + more;
      const [entry] = unpacked({ name: "a", mtime });
      assert.equal(entry?.told?.mtime?.getTime(), ms, `${ms} ms + ${more}`);
    }
  }
});

Deno.test("a listing of Windows tells every name but those of the folder and the one above", () => {
  const names = [
    ".",
    "..",
    "...",
    "ä",
    "e\u0301",
    "\u{1f4c4}",
    "x".repeat(255),
  ];
  const listed = unpacked(...names.map((name) => ({ name })));
  assert.deepEqual(listed.map(({ name }) => name), names.slice(2));
  assert.ok(listed.every(({ told }) => told !== null));
});

Deno.test("a name that is no valid Unicode is told as any listing tells it, and looked at", () => {
  const listed = unpacked({ name: "a\ud800b" }, { name: "c" });
  assert.deepEqual(listed, [
    { name: "a\ufffdb", told: null },
    { name: "c", told: FILE },
  ]);
});

Deno.test({
  name: "on other systems folders are not listed so",
  ignore: Deno.build.os === "windows",
  fn: () => assert.equal(windowsLister(), null),
});
