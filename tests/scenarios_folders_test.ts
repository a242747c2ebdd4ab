import assert from "node:assert/strict";
import { LONG_AGO, scenario } from "./support/scenario.ts";
import { file } from "./support/support.ts";

scenario(
  "empty folders are created from left → right, however deep",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({ left: { empty: {}, deep: { deeper: { deepest: {} } } } });
    const { document } = await stage.does([
      "CREATE_DIR_RIGHT deep",
      "CREATE_DIR_RIGHT deep/deeper",
      "CREATE_DIR_RIGHT deep/deeper/deepest",
      "CREATE_DIR_RIGHT empty",
    ]);
    assert.equal(document.summary.CREATE_DIR_RIGHT, 4);
    stage.holds({ "a.txt": "a", deep: { deeper: { deepest: {} } }, empty: {} });
  },
);

scenario(
  "empty folders removed on left are removed on right, deepest first",
  async (stage) => {
    await stage.begin({
      "a.txt": "a",
      empty: {},
      deep: { deeper: { deepest: {} } },
    });
    stage.remove("left", "empty", "deep/deeper");
    const { document } = await stage.does([
      "REMOVE_DIR_RIGHT deep/deeper",
      "REMOVE_DIR_RIGHT deep/deeper/deepest",
      "REMOVE_DIR_RIGHT empty",
    ]);
    const deep = document.actions.map(({ path }) => path)
      .filter((path) => path.startsWith("deep"));
    assert.deepEqual(deep, ["deep/deeper/deepest", "deep/deeper"]);
    stage.holds({ "a.txt": "a", deep: {} });
  },
);

scenario(
  "an empty folder made or removed on both sides needs nothing",
  async (stage) => {
    await stage.begin({ gone: {}, "a.txt": "a" });
    for (const side of ["left", "right"] as const) {
      stage.remove(side, "gone");
      stage.write({ [side]: { made: {} } });
    }
    await stage.does([]);
    stage.holds({ "a.txt": "a", made: {} });
  },
  { isMirrored: false },
);

scenario(
  "a folder deleted on left with all its files is removed on right",
  async (stage) => {
    await stage.begin({
      d: { "a.txt": "a", in: { "b.txt": "b" } },
      "c.txt": "c",
    });
    stage.remove("left", "d");
    await stage.does([
      "5.7 SOFT_DELETE_RIGHT d/a.txt -> deleted/d/a.txt",
      "5.7 SOFT_DELETE_RIGHT d/in/b.txt -> deleted/d/in/b.txt",
      "REMOVE_DIR_RIGHT d",
      "REMOVE_DIR_RIGHT d/in",
    ]);
    stage.holds({ "c.txt": "c" });
    assert.deepEqual(stage.kept("right"), {
      "d/a.txt": "a",
      "d/in/b.txt": "b",
    });
  },
);

scenario(
  "a folder deleted on left with a new file in it on right lives on",
  async (stage) => {
    await stage.begin({
      d: { "old.txt": "old", in: { "x.txt": "x" } },
      "c.txt": "c",
    });
    stage.remove("left", "d");
    stage.write({ right: { d: { "new.txt": "new" } } });
    await stage.does([
      "CREATE_DIR_LEFT d",
      "5.10 COPY_RIGHT_TO_LEFT d/new.txt",
      "5.7 SOFT_DELETE_RIGHT d/old.txt -> deleted/d/old.txt",
      "5.7 SOFT_DELETE_RIGHT d/in/x.txt -> deleted/d/in/x.txt",
      "REMOVE_DIR_RIGHT d/in",
    ]);
    stage.holds({ "c.txt": "c", d: { "new.txt": "new" } });
    assert.deepEqual(stage.kept("right"), {
      "d/in/x.txt": "x",
      "d/old.txt": "old",
    });
  },
);

scenario(
  "a folder deleted on left with an edited file in it on right lives on (R 5.5)",
  async (stage) => {
    await stage.begin({
      d: { in: { "a.txt": "a", "b.txt": "b" } },
      "c.txt": "c",
    });
    stage.remove("left", "d");
    stage.write({ right: { d: { in: { "a.txt": "edited" } } } });
    await stage.does([
      "CREATE_DIR_LEFT d",
      "CREATE_DIR_LEFT d/in",
      "5.5 COPY_RIGHT_TO_LEFT d/in/a.txt",
      "5.7 SOFT_DELETE_RIGHT d/in/b.txt -> deleted/d/in/b.txt",
    ]);
    stage.holds({ "c.txt": "c", d: { in: { "a.txt": "edited" } } });
  },
);

scenario(
  "a folder deleted on left with a new empty folder in it on right lives on",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "a" }, "c.txt": "c" });
    stage.remove("left", "d");
    stage.write({ right: { d: { made: {} } } });
    await stage.does([
      "CREATE_DIR_LEFT d",
      "CREATE_DIR_LEFT d/made",
      "5.7 SOFT_DELETE_RIGHT d/a.txt -> deleted/d/a.txt",
    ]);
    stage.holds({ "c.txt": "c", d: { made: {} } });
  },
  { isMirrored: false },
);

scenario(
  "a folder renamed on left with a new file in it on right: the file goes along (R 5.11)",
  async (stage) => {
    await stage.begin({ was: { "a.txt": "a" } });
    stage.rename("left", "was", "is");
    stage.write({ right: { was: { "new.txt": "new" } } });
    await stage.does([
      "5.11 RENAME_RIGHT was -> is",
      "5.10 COPY_RIGHT_TO_LEFT is/new.txt",
    ]);
    stage.holds({ is: { "a.txt": "a", "new.txt": "new" } });
  },
  { isMirrored: false },
);

scenario(
  "a file replaced by a folder on left, unchanged on right (R 5.7, 5.9)",
  async (stage) => {
    await stage.begin({ x: "was a file", "c.txt": "c" });
    stage.remove("left", "x");
    stage.write({ left: { x: { "in.txt": "in" } } });
    await stage.does([
      "5.7 SOFT_DELETE_RIGHT x -> deleted/x",
      "CREATE_DIR_RIGHT x",
      "5.9 COPY_LEFT_TO_RIGHT x/in.txt",
    ]);
    stage.holds({ "c.txt": "c", x: { "in.txt": "in" } });
    assert.deepEqual(stage.kept("right"), { x: "was a file" });
  },
);

scenario(
  "a folder replaced by a file on left, unchanged on right (R 5.7, 5.9)",
  async (stage) => {
    await stage.begin({ x: { "in.txt": "in", e: {} }, "c.txt": "c" });
    stage.remove("left", "x");
    stage.write({ left: { x: "now a file" } });
    await stage.does([
      "5.7 SOFT_DELETE_RIGHT x/in.txt -> deleted/x/in.txt",
      "REMOVE_DIR_RIGHT x/e",
      "REMOVE_DIR_RIGHT x",
      "5.9 COPY_LEFT_TO_RIGHT x",
    ]);
    stage.holds({ "c.txt": "c", x: "now a file" });
    assert.deepEqual(stage.kept("right"), { "x/in.txt": "in" });
  },
);

scenario(
  "a file moved on left into a folder that takes its name (R 5.11)",
  async (stage) => {
    await stage.begin({ x: "content", "c.txt": "c" });
    stage.rename("left", "x", "y");
    Deno.mkdirSync(stage.at("left", "x"));
    stage.rename("left", "y", "x/x");
    await stage.ends(0);
    stage.holds({ "c.txt": "c", x: { x: "content" } });
  },
  { isMirrored: false },
);

scenario("a folder's own time and mode are not synced", async (stage) => {
  await stage.begin({ d: { "a.txt": "a" } });
  Deno.chmodSync(stage.at("left", "d"), 0o700);
  Deno.utimeSync(stage.at("left", "d"), LONG_AGO / 1000, LONG_AGO / 1000);
  const before = stage.snapshots();
  await stage.does([]);
  assert.deepEqual(stage.snapshots(), before);
}, { leavesAlone: true, isMirrored: false });

scenario(
  "a folder with 300 files and 40 levels is created left → right (R 5.9)",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    const names = Array.from({ length: 300 }, (_, n) => `f${n}.txt`);
    const flat = Object.fromEntries(
      names.map((name) => [name, file(name, { mtime: LONG_AGO })]),
    );
    const levels = Array.from({ length: 40 }, () => "level").join("/");
    stage.write({ left: { flat } });
    Deno.mkdirSync(stage.at("left", levels), { recursive: true });
    Deno.writeTextFileSync(stage.at("left", `${levels}/end.txt`), "end");
    const { document } = await stage.ends(0);
    const { COPY_LEFT_TO_RIGHT, CREATE_DIR_RIGHT } = document.summary;
    assert.deepEqual([COPY_LEFT_TO_RIGHT, CREATE_DIR_RIGHT], [301, 41]);
    assert.equal(
      Deno.readTextFileSync(stage.at("right", `${levels}/end.txt`)),
      "end",
    );
  },
  { isMirrored: false },
);
