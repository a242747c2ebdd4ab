import assert from "node:assert/strict";
import { UsageError } from "../lib/errors.ts";
import { typedPath } from "../lib/paths.ts";

const POSIX = { left: "/srv/left", right: "/srv/right/" };
const WINDOWS = { left: "C:\\pdrive_local", right: "P:\\" };

/** [what is typed, the path it means; with a slash at its end: a folder] */
const ON_POSIX: readonly [string, string][] = [
  ["a", "a"],
  ["d/a", "d/a"],
  ["./d//a", "d/a"],
  ["d/./a", "d/a"],
  ["d/", "d/"],
  ["d/.", "d/"],
  ["", "/"],
  [".", "/"],
  ["./", "/"],
  ["/srv/left", "/"],
  ["/srv/left/", "/"],
  ["/srv/left/d/a", "d/a"],
  ["/srv/right/d/", "d/"],
  ["a\\b", "a\\b"],
  ["C:\\x", "C:\\x"],
];

const ON_WINDOWS: readonly [string, string][] = [
  ["d\\a", "d/a"],
  [".\\d\\", "d/"],
  ["c:\\PDrive_Local\\d\\a", "d/a"],
  ["P:\\d/a", "d/a"],
  ["p:\\", "/"],
  ["\\\\?\\C:\\pdrive_local\\d\\a", "d/a"],
  ["\\\\.\\P:\\d\\", "d/"],
  ["P:/d/", "d/"],
];

for (
  const [isWindows, roots, rows] of [
    [false, POSIX, ON_POSIX],
    [true, WINDOWS, ON_WINDOWS],
  ] as const
) {
  for (const [typed, meant] of rows) {
    Deno.test(`typedPath(${JSON.stringify(typed)}${isWindows ? ", on Windows" : ""})`, () => {
      const { path, isFolder } = typedPath(typed, roots, isWindows);
      assert.equal(isFolder ? `${path}/` : path, meant);
    });
  }
}

Deno.test("typedPath() takes a root as the disk spells it, too", () => {
  const real: Record<string, string> = { "/srv/left": "/disk/Left" };
  const onDisk = (root: string) => real[root] ?? root;
  const read = (typed: string) => typedPath(typed, POSIX, false, onDisk).path;
  assert.equal(read("/disk/Left/d/a"), "d/a");
  assert.equal(read("/srv/left/d/a"), "d/a");
  assert.equal(read("disk/Left"), "disk/Left");
  assert.throws(() => read("/disk/left/d"), UsageError);
});

Deno.test("typedPath() refuses what is in neither root", () => {
  for (
    const typed of [
      "/",
      "/srv",
      "/srv/left2/a",
      "/srv/lef",
      "..",
      "d/../a",
      "/srv/left/..",
    ]
  ) {
    assert.throws(() => typedPath(typed, POSIX, false), UsageError, typed);
  }
  for (
    const typed of ["C:\\x", "C:", "D:\\a", "\\\\server\\x", "d\\..\\a", "\\a"]
  ) {
    assert.throws(() => typedPath(typed, WINDOWS, true), UsageError, typed);
  }
});
