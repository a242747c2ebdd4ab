import assert from "node:assert/strict";
import { scenario, Stage } from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";
import { file, read } from "./support/support.ts";

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
