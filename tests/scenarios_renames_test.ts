import assert from "node:assert/strict";
import { LONG_AGO, scenario, type Stage } from "./support/scenario.ts";
import { file } from "./support/support.ts";

function inodeOf(stage: Stage, side: "left" | "right", path: string) {
  return Deno.statSync(stage.at(side, path)).ino;
}

scenario("rename on left only (R 5.11)", async (stage) => {
  await stage.begin({ "plan.txt": "p", "other.txt": "p" });
  const inode = inodeOf(stage, "right", "plan.txt");
  stage.rename("left", "plan.txt", "plan 2024.txt");
  const { document } = await stage.does([
    "5.11 RENAME_RIGHT plan.txt -> plan 2024.txt",
  ]);
  assert.match(document.actions[0]!.reason, /name/);
  assert.equal(document.summary.bytesCopied, 0);
  stage.holds({ "other.txt": "p", "plan 2024.txt": "p" });
  assert.equal(inodeOf(stage, "right", "plan 2024.txt"), inode);
  assert.deepEqual(stage.kept("right"), {});
});

scenario(
  "a file moved to another folder on left only (R 5.11)",
  async (stage) => {
    await stage.begin({ a: { "x.txt": "x" }, b: {}, "y.txt": "y" });
    stage.rename("left", "a/x.txt", "b/x.txt");
    Deno.mkdirSync(stage.at("left", "new"));
    stage.rename("left", "y.txt", "new/z.txt");
    await stage.does([
      "5.11 RENAME_RIGHT a/x.txt -> b/x.txt",
      "CREATE_DIR_RIGHT new",
      "5.11 RENAME_RIGHT y.txt -> new/z.txt",
    ]);
    stage.holds({ a: {}, b: { "x.txt": "x" }, new: { "z.txt": "y" } });
  },
);

scenario(
  "a folder renamed on left is one rename that says how many files it moves (R 5.11)",
  async (stage) => {
    await stage.begin({
      was: { "1.txt": "1", "2.txt": "2", in: { "3.txt": "3" } },
    });
    const inode = inodeOf(stage, "right", "was/in/3.txt");
    stage.rename("left", "was", "is");
    const { document } = await stage.does(["5.11 RENAME_RIGHT was -> is"]);
    assert.equal(document.actions[0]?.files, 3);
    assert.equal(document.summary.bytesCopied, 0);
    stage.holds({ is: { "1.txt": "1", "2.txt": "2", in: { "3.txt": "3" } } });
    assert.equal(inodeOf(stage, "right", "is/in/3.txt"), inode);
  },
);

scenario(
  "a case-only rename on left: Plan.txt becomes plan.txt (R 5.11)",
  async (stage) => {
    await stage.begin({ "Plan.txt": "p", d: { "Ärger.txt": "ä" } });
    const inode = inodeOf(stage, "right", "Plan.txt");
    stage.rename("left", "Plan.txt", "plan.txt");
    stage.rename("left", "d/Ärger.txt", "d/ärger.txt");
    const { document } = await stage.does([
      "5.11 RENAME_RIGHT Plan.txt -> plan.txt",
      "5.11 RENAME_RIGHT d/Ärger.txt -> d/ärger.txt",
    ]);
    assert.equal(document.summary.bytesCopied, 0);
    stage.holds({ d: { "ärger.txt": "ä" }, "plan.txt": "p" });
    assert.equal(inodeOf(stage, "right", "plan.txt"), inode);
  },
);

scenario(
  "edited on left, renamed on right: new name and new content (R 5.3, 5.12)",
  async (stage) => {
    await stage.begin({ "a.txt": "one" });
    stage.write({ left: { "a.txt": "edited" } });
    stage.rename("right", "a.txt", "A.txt");
    const { document } = await stage.does([
      "5.12 RENAME_LEFT a.txt -> A.txt",
      "5.3 COPY_LEFT_TO_RIGHT A.txt",
    ]);
    assert.deepEqual(document.actions.map(({ action }) => action), [
      "RENAME_LEFT",
      "COPY_LEFT_TO_RIGHT",
    ]);
    stage.holds({ "A.txt": "edited" });
  },
);

scenario(
  "renamed on left, deleted on right: it comes back under its new name (R 5.6)",
  async (stage) => {
    await stage.begin({ "a.txt": "one", "b.txt": "b" });
    stage.rename("left", "a.txt", "renamed.txt");
    stage.remove("right", "a.txt");
    await stage.does(["5.6 COPY_LEFT_TO_RIGHT renamed.txt"]);
    stage.holds({ "b.txt": "b", "renamed.txt": "one" });
  },
);

scenario(
  "renamed on left to a name taken on right: deletion and creation (R 5.2, 5.7)",
  async (stage) => {
    await stage.begin({ "a.txt": "one", "b.txt": "b" });
    stage.rename("left", "a.txt", "taken.txt");
    stage.write({
      right: { "taken.txt": file("newer", { mtime: LONG_AGO + 60_000 }) },
    });
    await stage.does([
      "5.7 SOFT_DELETE_RIGHT a.txt -> deleted/a.txt",
      "5.2 CLASH_CREATE taken.txt -> taken.clash-20240115-083000-left.txt",
      "5.2 COPY_RIGHT_TO_LEFT taken.txt",
    ]);
    stage.holds({
      "b.txt": "b",
      "taken.clash-20240115-083000-left.txt": "one",
      "taken.txt": "newer",
    });
  },
);

scenario("two files that swap names on left swap on right", async (stage) => {
  await stage.begin({ "a.txt": "was a", "b.txt": "was b, longer" });
  stage.rename("left", "a.txt", "c.txt");
  stage.rename("left", "b.txt", "a.txt");
  stage.rename("left", "c.txt", "b.txt");
  await stage.ends(0);
  stage.holds({ "a.txt": "was b, longer", "b.txt": "was a" });
}, { isMirrored: false });

scenario("a chain of renames on left follows on right", async (stage) => {
  await stage.begin({
    "1.txt": "one",
    "2.txt": "second",
    "3.txt": "the third",
  });
  stage.rename("left", "3.txt", "4.txt");
  stage.rename("left", "2.txt", "3.txt");
  stage.rename("left", "1.txt", "2.txt");
  await stage.ends(0);
  stage.holds({ "2.txt": "one", "3.txt": "second", "4.txt": "the third" });
}, { isMirrored: false });

scenario(
  "a file saved by replacing it with a new one on left is a change (R 5.3)",
  async (stage) => {
    await stage.begin({ "doc.txt": "first words" });
    stage.write({ left: { "doc.tmp": "other words" } });
    stage.rename("left", "doc.tmp", "doc.txt");
    await stage.does(["5.3 COPY_LEFT_TO_RIGHT doc.txt"]);
    stage.holds({ "doc.txt": "other words" });
  },
  { isMirrored: false },
);

scenario(
  "the file deleted and a copy of it elsewhere on left is no rename (R 5.7, 5.9)",
  async (stage) => {
    await stage.begin({ "a.txt": "one", "b.txt": "b" });
    stage.remove("left", "a.txt");
    stage.write({
      left: { "copy.txt": file("one", { mtime: LONG_AGO + 5000 }) },
    });
    await stage.does([
      "5.7 SOFT_DELETE_RIGHT a.txt -> deleted/a.txt",
      "5.9 COPY_LEFT_TO_RIGHT copy.txt",
    ]);
    stage.holds({ "b.txt": "b", "copy.txt": "one" });
  },
  { isMirrored: false },
);
