import assert from "node:assert/strict";
import { ReadAhead } from "../lib/run.ts";
import type { DirectoryRow, FileRow } from "../lib/types.ts";

/** A record of folders with so many rows each, and what it was asked for. */
function recorded(folders: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  const rows = new Map(
    Object.entries(folders).map(([folder, count]) => [
      folder,
      Array.from({ length: count }, (_, n) => ({
        path: `${folder}/${n}`,
      } as FileRow)),
    ]),
  );
  const record = {
    directories: new Map(
      Object.keys(folders).map((path) => [path, { path } as DirectoryRow]),
    ),
    foldersWithout: () => [],
    countBelow: () => 0,
    filesIn(folder: string): readonly FileRow[] {
      asked.push(folder);
      return rows.get(folder) ?? [];
    },
  };
  return { ahead: new ReadAhead(record), record, asked, rows };
}

Deno.test("a folder that is expected is read then, and not when it is asked for", () => {
  const { ahead, asked, rows } = recorded({ a: 3, b: 2 });
  ahead.expect("a");
  assert.deepEqual(asked, ["a"]);
  assert.deepEqual(ahead.filesIn("a"), rows.get("a"));
  assert.deepEqual(asked, ["a"]);
  assert.deepEqual(ahead.filesIn("b"), rows.get("b"));
  assert.deepEqual(asked, ["a", "b"]);
});

Deno.test("a folder that both sides expect is read once", () => {
  const { ahead, asked } = recorded({ a: 3 });
  ahead.expect("a");
  ahead.expect("a");
  ahead.filesIn("a");
  assert.deepEqual(asked, ["a"]);
});

Deno.test("who asks a second time gets the rows as they are then", () => {
  const { ahead, asked, rows } = recorded({ a: 3 });
  ahead.expect("a");
  ahead.filesIn("a");
  rows.set("a", [{ path: "a/new" } as FileRow]);
  assert.deepEqual(ahead.filesIn("a"), [{ path: "a/new" }]);
  assert.deepEqual(asked, ["a", "a"]);
});

Deno.test("a folder that is not recorded is not read ahead", () => {
  const { ahead, asked } = recorded({ a: 3 });
  ahead.expect("new");
  assert.deepEqual(asked, []);
  assert.deepEqual(ahead.filesIn("new"), []);
});

Deno.test("no more than 100,000 rows are kept, and all that is asked for is found", () => {
  const { ahead, asked, rows } = recorded({ a: 60_000, b: 60_000, c: 1 });
  for (const folder of ["a", "b", "c"]) ahead.expect(folder);
  assert.deepEqual(asked, ["a", "b"]);
  for (const folder of ["c", "b", "a"]) {
    assert.equal(ahead.filesIn(folder), rows.get(folder));
  }
  assert.deepEqual(asked, ["a", "b", "c"]);
  // What was handed out makes room.
  ahead.expect("c");
  assert.deepEqual(asked, ["a", "b", "c", "c"]);
});

Deno.test("folders are those of the record", () => {
  const { ahead, record } = recorded({ a: 1, b: 1 });
  assert.equal(ahead.directories, record.directories);
});

Deno.test("a record that can't be read fails who asks, and nobody before", () => {
  const { record } = recorded({ a: 1 });
  const ahead = new ReadAhead({
    directories: record.directories,
    foldersWithout: () => [],
    countBelow: () => 0,
    filesIn() {
      throw new Error("malformed");
    },
  });
  ahead.expect("a");
  assert.throws(() => ahead.filesIn("a"), /malformed/);
});
