import assert from "node:assert/strict";
import { scenario, Stage } from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";
import { file, read, type Tree } from "./support/support.ts";

const IGNORE = `ignore:
  extensions: [tmp, .BAK]
  filenames_prefix: ["~$", ".~lock."]
  filenames_exact: [Thumbs.db, node_modules]
`;

/** Ignored files and folders, in any case, and what only looks like it. */
const IGNORED: Tree = {
  "a.tmp": "1",
  "B.TMP": "2",
  "c.bak": "3",
  "x.tar.Bak": "4",
  "~$report.docx": "5",
  ".~LOCK.sheet.ods#": "6",
  "thumbs.DB": "7",
  Node_Modules: { "in.txt": "8", deep: { "er.txt": "9" } },
  "~$folder": { "in.txt": "10" },
};
const SYNCED: Tree = {
  "tmp": "not an extension",
  "a.tmp.txt": "other extension",
  "report~$.docx": "no prefix",
  "Thumbs.db.txt": "not exact",
  "folder.tmp": { "in.txt": "extensions are of files" },
};

scenario(
  "ignored file types on left stay there, whatever their case",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({
      left: { ...IGNORED, ...SYNCED, d: { ...IGNORED, ...SYNCED } },
    });
    const { document } = await stage.ends(0);
    assert.deepEqual(document.problems, [], "ignored without a word");
    assert.equal(document.summary.unknown, 0);
    const { left, right } = stage.trees();
    assert.deepEqual(right, { "a.txt": "a", ...SYNCED, d: { ...SYNCED } });
    assert.deepEqual(left, {
      "a.txt": "a",
      ...IGNORED,
      ...SYNCED,
      d: { ...IGNORED, ...SYNCED },
    });
  },
  { settings: IGNORE, leavesAlone: true },
);

scenario(
  "ignored files of one name on both sides stay as they are",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({
      left: { "x.tmp": "of Left" },
      right: { "x.tmp": "of Right" },
    });
    const before = stage.snapshots();
    await stage.does([]);
    assert.deepEqual(stage.snapshots(), before);
  },
  { settings: IGNORE, leavesAlone: true, isMirrored: false },
);

scenario("what is ignored later on is deleted nowhere", async (stage) => {
  await stage.begin({ "a.txt": "a", "b.old": "b", d: { "c.old": "c" } });
  stage.office.configure("ignore:\n  extensions: [old]\n");
  stage.remove("left", "b.old", "d");
  await stage.does([]);
  assert.deepEqual(stage.trees().right, {
    "a.txt": "a",
    "b.old": "b",
    d: { "c.old": "c" },
  });
}, { isMirrored: false, leavesAlone: true });

scenario(
  "an unrecorded folder of ignored files on left is not created on right",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({ left: { d: { "x.tmp": "x" }, empty: {} } });
    await stage.does(["CREATE_DIR_RIGHT empty"]);
    assert.deepEqual(stage.trees().right, { "a.txt": "a", empty: {} });
  },
  { settings: IGNORE, leavesAlone: true, isMirrored: false },
);

scenario(
  "a folder deleted on left stays on right for the ignored file in it",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "a" }, "b.txt": "b" });
    stage.write({ right: { d: { "x.tmp": "x" } } });
    stage.remove("left", "d");
    await stage.does(["5.7 SOFT_DELETE_RIGHT d/a.txt -> deleted/d/a.txt"]);
    assert.deepEqual(stage.trees(), {
      left: { "b.txt": "b" },
      right: { "b.txt": "b", d: { "x.tmp": "x" } },
    });
  },
  { settings: IGNORE, leavesAlone: true },
);

scenario(
  "a folder of the product's own name is never seen, at any depth, in any case",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "a" } });
    for (const name of [".office-sync", ".Office-Sync"]) {
      const folder = stage.at("left", `d/${name}`);
      Deno.mkdirSync(folder);
      Deno.writeTextFileSync(`${folder}/x.txt`, "x");
    }
    const { document } = await stage.does([]);
    assert.deepEqual(document.problems, []);
    const names = [...Deno.readDirSync(stage.at("right", "d"))];
    assert.deepEqual(names.map(({ name }) => name), ["a.txt"]);
  },
  { leavesAlone: true, isMirrored: false },
);

/** Links and a pipe on Left; beside the link `taken`, a file on Right. */
function makeOddThings(stage: Stage): void {
  const outside = `${stage.office.folder}/outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/secret.txt`, "secret");
  Deno.symlinkSync(outside, stage.at("left", "to-folder"));
  Deno.symlinkSync(`${outside}/secret.txt`, stage.at("left", "to-file"));
  Deno.symlinkSync("nowhere", stage.at("left", "dangling"));
  Deno.symlinkSync("a.txt", stage.at("left", "taken"));
  const { success } = new Deno.Command("mkfifo", {
    args: [stage.at("left", "pipe")],
  }).outputSync();
  assert.ok(success, "mkfifo");
}

scenario(
  "symlinks and special files on left are warned of and never touched",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    makeOddThings(stage);
    stage.write({
      right: { taken: "a real file", "to-folder": { "in.txt": "x" } },
    });
    const before = stage.snapshots();
    const { document } = await stage.does([]);
    assert.deepEqual(
      document.problems.filter(({ side }) => side === "left")
        .map(({ path }) => path).sort(),
      ["dangling", "pipe", "taken", "to-file", "to-folder"],
    );
    assert.deepEqual(stage.snapshots(), before);
    const log = Deno.readTextFileSync(stage.office.log);
    assert.match(log, / WARNING .*path="pipe"/);
  },
  { leavesAlone: true, isCommand: true },
);

scenario(
  "a recorded file that became a symlink on left is not deleted on right",
  async (stage) => {
    await stage.begin({ "a.txt": "a", d: { "in.txt": "in" }, "b.txt": "b" });
    stage.rename("left", "a.txt", "elsewhere.txt");
    stage.rename("left", "d", "e");
    Deno.symlinkSync("elsewhere.txt", stage.at("left", "a.txt"));
    Deno.symlinkSync("e", stage.at("left", "d"));
    await stage.ends(0);
    const { right } = stage.trees();
    assert.equal(right["a.txt"], "a");
    assert.deepEqual(right.d, { "in.txt": "in" });
  },
  { leavesAlone: true, isMirrored: false },
);

scenario(
  "an unreadable folder on left is frozen on both sides until it can be read",
  async (stage) => {
    await stage.begin({
      d: { "gone.txt": "g", "edited.txt": "e", in: { "x.txt": "x" } },
      "a.txt": "a",
    });
    stage.remove("right", "d/gone.txt", "d/in");
    stage.write({ right: { d: { "edited.txt": "edited" }, "new.txt": "new" } });
    Deno.chmodSync(stage.at("left", "d"), 0o000);
    const theirs = () =>
      Object.entries(snapshot(stage.root("right"))).filter(([path]) =>
        !path.startsWith(".office-sync/")
      );
    const right = theirs();
    const told = stage.told(await stage.office.humbleCommand("--json"));
    Deno.chmodSync(stage.at("left", "d"), 0o755);
    assert.equal(told.code, 1);
    assert.deepEqual(told.lines, ["5.10 COPY_RIGHT_TO_LEFT new.txt"]);
    const { problems, summary } = told.document;
    assert.deepEqual(
      problems.map(({ side, path }) => `${side} ${path}`),
      ["left d"],
    );
    assert.equal(summary.unknown, 1);
    assert.deepEqual(theirs(), right);
    await stage.does([
      "5.4 COPY_RIGHT_TO_LEFT d/edited.txt",
      "5.8 SOFT_DELETE_LEFT d/gone.txt -> deleted/d/gone.txt",
      "5.8 SOFT_DELETE_LEFT d/in/x.txt -> deleted/d/in/x.txt",
      "REMOVE_DIR_LEFT d/in",
    ]);
  },
);

scenario(
  "an unreadable new file on left stops nothing else, and is copied once it can be read (R 5.9)",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({
      left: { "closed.txt": file("c", { mode: 0o000 }), "new.txt": "n" },
    });
    const told = stage.told(await stage.office.humbleCommand("--json"));
    assert.equal(told.code, 1);
    const there = read(stage.root("right"));
    assert.deepEqual(there, { "a.txt": "a", "new.txt": "n" });
    const { skipped, failed, unknown } = told.document.summary;
    assert.equal(skipped! + failed! + unknown!, 1);
    Deno.chmodSync(stage.at("left", "closed.txt"), 0o644);
    await stage.does(["5.9 COPY_LEFT_TO_RIGHT closed.txt"]);
  },
  { isMirrored: false },
);

scenario(
  "a folder on right that can't be written to fails alone, exit 1 (R 5.9)",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "a" } });
    stage.write({ left: { d: { "b.txt": "b" }, "c.txt": "c" } });
    Deno.chmodSync(stage.at("right", "d"), 0o555);
    const told = stage.told(await stage.office.humbleCommand("--json"));
    Deno.chmodSync(stage.at("right", "d"), 0o755);
    assert.equal(told.code, 1);
    assert.deepEqual(stage.trees().right, {
      "c.txt": "c",
      d: { "a.txt": "a" },
    });
    assert.match(
      Deno.readTextFileSync(stage.office.log),
      /(?:WARNING|ERROR) .*d\/b\.txt/,
    );
    await stage.does(["5.9 COPY_LEFT_TO_RIGHT d/b.txt"]);
  },
  { isMirrored: false },
);

for (const [where, within] of [["", ""], [" in another", "p/"]] as const) {
  scenario(
    `a folder${where} that both sides hid, one after the other, can be made again on left`,
    async (stage) => {
      const tree = { d: { "b.txt": "b" } };
      await stage.begin({
        "a.txt": "a",
        ...within === "" ? tree : { p: tree },
      });
      stage.rename("left", `${within}d`, `${within}~$d`);
      stage.rename("right", `${within}d/b.txt`, `${within}d/~$b.txt`);
      await stage.does([]);
      stage.rename("right", `${within}d`, `${within}~$d`);
      await stage.does([]);
      Deno.mkdirSync(stage.at("left", `${within}d`));
      await stage.does([`CREATE_DIR_RIGHT ${within}d`]);
    },
    { settings: IGNORE, leavesAlone: true },
  );
}

Deno.test("a folder whose new name can't be looked into is left alone with all below it, and told by name", async () => {
  for (const isMirrored of [false, true]) {
    using stage = new Stage("", isMirrored);
    await stage.begin({
      d: { "a.txt": "a", e: { "b.txt": "b", empty: {} } },
      "x.txt": "x",
    });
    stage.rename("left", "d", "gone");
    Deno.chmodSync(stage.at("left", "gone"), 0);
    const before = read(stage.root("right"));
    const { code, stdout } = await stage.office.humbleCommand();
    Deno.chmodSync(stage.at("left", "gone"), 0o755);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /d: it is now gone, which is left alone/);
    assert.deepEqual(read(stage.root("right")), before);
    // With its old name back all is as it was.
    stage.rename("left", "gone", "d");
    await stage.rests(0);
    stage.agrees();
  }
});
