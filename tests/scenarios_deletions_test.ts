import assert from "node:assert/strict";
import { LONG_AGO, scenario, type Stage } from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";
import { file } from "./support/support.ts";

const LIMIT = 20 * 1_048_576;
const DELETED = ".office-sync/deleted";

/** Soft-deleted files of a side with their run's folders. */
function keptPaths(stage: Stage, side: "left" | "right"): string[] {
  return Object.entries(snapshot(stage.root(side)))
    .filter(([path, what]) =>
      path.startsWith(DELETED) && what.startsWith("file")
    )
    .map(([path]) => path);
}

/** A file of nothing but zeros that takes no room. */
function makeSparse(path: string, sizeBytes: number): void {
  Deno.writeTextFileSync(path, "");
  Deno.truncateSync(path, sizeBytes);
  Deno.utimeSync(path, LONG_AGO / 1000, LONG_AGO / 1000);
}

scenario(
  "a file over the limit deleted on left is hard-deleted, one of 20 MB is kept (R 5.7)",
  async (stage) => {
    makeSparse(stage.at("left", "at.bin"), LIMIT);
    makeSparse(stage.at("left", "over.bin"), LIMIT + 1);
    await stage.office.settle();
    stage.remove("left", "at.bin", "over.bin");
    const { document } = await stage.does([
      "5.7 DELETE_RIGHT over.bin",
      "5.7 SOFT_DELETE_RIGHT at.bin -> deleted/at.bin",
    ]);
    const { DELETE_RIGHT, SOFT_DELETE_RIGHT } = document.summary;
    assert.deepEqual([DELETE_RIGHT, SOFT_DELETE_RIGHT], [1, 1]);
    stage.holds({});
    const [kept, ...others] = keptPaths(stage, "right");
    assert.deepEqual(others, []);
    assert.equal(Deno.statSync(stage.at("right", kept!)).size, LIMIT);
  },
);

scenario("the limit is the one of the config, to the byte", async (stage) => {
  await stage.begin({
    "at.txt": "a".repeat(1024),
    "over.txt": "o".repeat(1025),
  });
  stage.remove("left", "at.txt", "over.txt");
  const { document } = await stage.does([
    "5.7 SOFT_DELETE_RIGHT at.txt -> deleted/at.txt",
    "5.7 DELETE_RIGHT over.txt",
  ]);
  const over = document.actions.find(({ path }) => path === "over.txt");
  assert.match(over!.reason, /too large for soft delete/);
}, {
  settings: `soft_delete:\n  max_size_mb: ${1024 / 1_048_576}\n`,
  isMirrored: false,
});

scenario(
  "a soft-deleted file keeps path, time and mode in a folder of its run",
  async (stage) => {
    await stage.begin({ closed: { "a.txt": file("gone", { mode: 0o640 }) } });
    Deno.chmodSync(stage.at("right", "closed"), 0o750);
    stage.remove("left", "closed/a.txt");
    const { document } = await stage.ends(0);
    const { newPath } = document.actions[0]!;
    const mark = document.run.id.slice(0, "YYYYMMDD-HHMMSS".length);
    const place = new RegExp(`^${DELETED}/${mark}-[0-9a-z]+/closed/a\\.txt$`);
    assert.match(newPath!, place);
    const kept = Deno.statSync(stage.at("right", newPath!));
    assert.equal((kept.mode ?? 0) & 0o777, 0o640);
    assert.equal(kept.mtime?.getTime(), LONG_AGO);
    assert.equal(Deno.readTextFileSync(stage.at("right", newPath!)), "gone");
    const parent = Deno.statSync(
      stage.at("right", newPath!.replace("/a.txt", "")),
    );
    assert.equal((parent.mode ?? 0) & 0o777, 0o750);
  },
  { isMirrored: false },
);

scenario("a taken soft-delete name gets -2", async (stage) => {
  await stage.begin({ d: { "a.txt": "first" }, "b.txt": "b" });
  stage.remove("left", "d/a.txt");
  const { outcomes } = await stage.office.settle();
  const pair = /-([0-9a-z]+)\/d\/a\.txt$/.exec(outcomes[0]!.newPath!)![1]!;
  stage.write({ left: { d: { "a.txt": "second" } } });
  await stage.office.settle();
  stage.remove("left", "d/a.txt");
  // Whatever second the run starts in: the name is taken.
  for (let ahead = 0; ahead < 60; ahead++) {
    const at = new Date(Date.now() + ahead * 1000).toISOString();
    const mark = at.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
    const taken = stage.at("right", `${DELETED}/${mark}-${pair}/d`);
    Deno.mkdirSync(taken, { recursive: true });
    Deno.writeTextFileSync(`${taken}/a.txt`, "taken");
  }
  await stage.does(["5.7 SOFT_DELETE_RIGHT d/a.txt -> deleted/d/a-2.txt"]);
  const kept = keptPaths(stage, "right").filter((path) =>
    path.endsWith("a-2.txt")
  );
  assert.equal(kept.length, 1);
  assert.equal(Deno.readTextFileSync(stage.at("right", kept[0]!)), "second");
  stage.holds({ "b.txt": "b", d: {} });
}, { isMirrored: false });

scenario(
  "a soft-deleted file put back by hand is new on right (R 5.10)",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "precious" }, "b.txt": "b" });
    stage.remove("left", "d/a.txt");
    await stage.office.settle();
    const [kept] = keptPaths(stage, "right");
    stage.rename("right", kept!, "d/a.txt");
    await stage.does(["5.10 COPY_RIGHT_TO_LEFT d/a.txt"]);
    stage.holds({ "b.txt": "b", d: { "a.txt": "precious" } });
    assert.equal(
      Deno.statSync(stage.at("left", "d/a.txt")).mtime?.getTime(),
      LONG_AGO,
    );
  },
);

scenario("soft-deleted files are never synced", async (stage) => {
  await stage.begin({ "a.txt": "gone", "b.txt": "b" });
  stage.remove("left", "a.txt");
  await stage.office.settle();
  const { document } = await stage.does([]);
  assert.equal(document.summary.NOOP, 1);
  assert.deepEqual([stage.kept("left"), stage.kept("right")], [
    {},
    { "a.txt": "gone" },
  ]);
}, { isMirrored: false });
