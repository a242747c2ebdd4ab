import assert from "node:assert/strict";
import { LONG_AGO, scenario } from "./support/scenario.ts";
import { file } from "./support/support.ts";

scenario("create left → right (R 5.9)", async (stage) => {
  await stage.begin({ "old.txt": "old" });
  stage.write({
    left: {
      "plan.txt": file("new plan", { mtime: "2024-05-01T10:00:00.500Z" }),
      "script.sh": file("#!/bin/sh", { mode: 0o755 }),
      "empty.txt": "",
      reports: { 2024: { "may.txt": "metadata" } },
    },
  });
  const { document } = await stage.does([
    "5.9 COPY_LEFT_TO_RIGHT plan.txt",
    "5.9 COPY_LEFT_TO_RIGHT script.sh",
    "5.9 COPY_LEFT_TO_RIGHT empty.txt",
    "CREATE_DIR_RIGHT reports",
    "CREATE_DIR_RIGHT reports/2024",
    "5.9 COPY_LEFT_TO_RIGHT reports/2024/may.txt",
  ]);
  assert.equal(document.summary.bytesCopied, 8 + 9 + 8);
  stage.holds({
    "empty.txt": "",
    "old.txt": "old",
    "plan.txt": "new plan",
    "script.sh": "#!/bin/sh",
    reports: { 2024: { "may.txt": "metadata" } },
  });
  const made = Deno.statSync(stage.at("right", "plan.txt"));
  assert.equal(made.mtime?.toISOString(), "2024-05-01T10:00:00.500Z");
  const script = Deno.statSync(stage.at("right", "script.sh"));
  assert.equal((script.mode ?? 0) & 0o777, 0o755);
});

scenario("change left only (R 5.3)", async (stage) => {
  await stage.begin({ "a.txt": "one", "b.txt": "same", d: { "c.txt": "ab" } });
  stage.write({
    left: {
      "a.txt": "one and more",
      d: { "c.txt": file("ba", { mtime: LONG_AGO + 2000 }) },
    },
  });
  await stage.does([
    "5.3 COPY_LEFT_TO_RIGHT a.txt",
    "5.3 COPY_LEFT_TO_RIGHT d/c.txt",
  ]);
  stage.holds({
    "a.txt": "one and more",
    "b.txt": "same",
    d: { "c.txt": "ba" },
  });
  assert.deepEqual(stage.kept("right"), {}, "an edit keeps no old version");
});

scenario(
  "an older version put back on left only is a change, and keeps what it replaces (R 5.3)",
  async (stage) => {
    await stage.begin({ "a.txt": "newer version" });
    stage.write({
      left: { "a.txt": file("from backup", { mtime: LONG_AGO - 86_400_000 }) },
    });
    await stage.does(["5.3 COPY_LEFT_TO_RIGHT a.txt -> deleted/a.txt"]);
    stage.holds({ "a.txt": "from backup" });
    assert.deepEqual(stage.kept("right"), { "a.txt": "newer version" });
  },
  { isMirrored: false },
);

scenario(
  "a changed left file keeps the mode it has on right (R 5.3)",
  async (stage) => {
    await stage.begin({ "a.txt": "one", "b.txt": "one" });
    Deno.chmodSync(stage.at("right", "a.txt"), 0o600);
    Deno.chmodSync(stage.at("left", "b.txt"), 0o640);
    await stage.office.settle();
    stage.write({ left: { "a.txt": "two!", "b.txt": "two!" } });
    Deno.chmodSync(stage.at("left", "b.txt"), 0o600);
    await stage.does([
      "5.3 COPY_LEFT_TO_RIGHT a.txt",
      "5.3 COPY_LEFT_TO_RIGHT b.txt",
    ]);
    for (const name of ["a.txt", "b.txt"]) {
      const { mode } = Deno.statSync(stage.at("right", name));
      assert.equal((mode ?? 0) & 0o777, 0o600, name);
    }
  },
  { isMirrored: false },
);

scenario(
  "a version replaced by left is kept with keep_replaced (R 5.3)",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "old words" } });
    stage.write({ left: { d: { "a.txt": "new" } } });
    await stage.does(["5.3 COPY_LEFT_TO_RIGHT d/a.txt -> deleted/d/a.txt"]);
    stage.holds({ d: { "a.txt": "new" } });
    assert.deepEqual(stage.kept("right"), { "d/a.txt": "old words" });
    assert.deepEqual(stage.kept("left"), {});
  },
  { isMirrored: false, settings: "soft_delete:\n  keep_replaced: true\n" },
);

scenario("delete on left only (R 5.7)", async (stage) => {
  await stage.begin({
    "a.txt": "gone",
    "b.txt": "stays",
    d: { "c.txt": "gone too" },
  });
  stage.remove("left", "a.txt", "d/c.txt");
  await stage.does([
    "5.7 SOFT_DELETE_RIGHT a.txt -> deleted/a.txt",
    "5.7 SOFT_DELETE_RIGHT d/c.txt -> deleted/d/c.txt",
  ]);
  stage.holds({ "b.txt": "stays", d: {} });
  assert.deepEqual(stage.kept("right"), {
    "a.txt": "gone",
    "d/c.txt": "gone too",
  });
  assert.deepEqual(stage.kept("left"), {});
});

scenario(
  "what is gone on both sides is forgotten without a word",
  async (stage) => {
    await stage.begin({
      "a.txt": "gone",
      d: { "b.txt": "gone" },
      "c.txt": "c",
    });
    for (const side of ["left", "right"] as const) {
      stage.remove(
        side,
        "a.txt",
        "d",
      );
    }
    const { document } = await stage.does([]);
    assert.deepEqual([document.problems, document.summary.unknown], [[], 0]);
    stage.holds({ "c.txt": "c" });
  },
  { isMirrored: false },
);

scenario(
  "a touched left file brings its time, not its content (R 5.11)",
  async (stage) => {
    await stage.begin({ "newer.txt": "n", "older.txt": "o" });
    const times = {
      "newer.txt": LONG_AGO + 60_000,
      "older.txt": LONG_AGO - 60_000,
    };
    for (const [name, at] of Object.entries(times)) {
      Deno.utimeSync(stage.at("left", name), at / 1000, at / 1000);
    }
    const { document } = await stage.does([
      "5.11 RENAME_RIGHT newer.txt",
      "5.11 RENAME_RIGHT older.txt",
    ]);
    assert.match(document.actions[0]!.reason, /time/);
    assert.equal(document.summary.bytesCopied, 0);
    for (const [name, at] of Object.entries(times)) {
      const { mtime } = Deno.statSync(stage.at("right", name));
      assert.equal(mtime?.getTime(), at, name);
    }
  },
);

scenario(
  "a changed mode on left only is brought to right (R 5.11)",
  async (stage) => {
    await stage.begin({ "run.sh": "#!/bin/sh" });
    Deno.chmodSync(stage.at("left", "run.sh"), 0o755);
    const { document } = await stage.does(["5.11 RENAME_RIGHT run.sh"]);
    assert.match(document.actions[0]!.reason, /mode/);
    assert.equal(document.summary.bytesCopied, 0);
    const { mode, mtime } = Deno.statSync(stage.at("right", "run.sh"));
    assert.equal((mode ?? 0) & 0o777, 0o755);
    assert.equal(mtime?.getTime(), LONG_AGO);
  },
);

scenario(
  "the same edit on both sides is adopted with the newer time of right",
  async (stage) => {
    await stage.begin({ "a.txt": "one" });
    const newer = LONG_AGO + 9000;
    stage.write({
      left: { "a.txt": file("the same", { mtime: newer - 5000 }) },
      right: { "a.txt": file("the same", { mtime: newer }) },
    });
    const { document } = await stage.does(["- RENAME_LEFT a.txt"]);
    assert.equal(document.actions[0]!.reason, "same content");
    assert.equal(document.summary.openConflicts, 0);
    stage.holds({ "a.txt": "the same" });
    const { mtime } = Deno.statSync(stage.at("left", "a.txt"));
    assert.equal(mtime?.getTime(), newer);
  },
);

scenario(
  "the same new file on both sides is adopted with the newer time of right",
  async (stage) => {
    await stage.begin({ "other.txt": "o" });
    const newer = LONG_AGO + 9000;
    stage.write({
      left: {
        "a.txt": file("the same", { mtime: newer - 5000 }),
        "b.txt": file("at one time", { mtime: newer }),
      },
      right: {
        "a.txt": file("the same", { mtime: newer }),
        "b.txt": file("at one time", { mtime: newer }),
      },
    });
    await stage.does(["- RENAME_LEFT a.txt"]);
    stage.holds({
      "a.txt": "the same",
      "b.txt": "at one time",
      "other.txt": "o",
    });
  },
  { isMirrored: false },
);

scenario(
  "everything at once is done in the order of the contract",
  async (stage) => {
    await stage.begin({
      "edited.txt": "e",
      "gone.txt": "g",
      "named.txt": "n",
      "both.txt": "b",
      was: { deep: { "x.txt": "x" } },
    });
    stage.write({
      left: {
        "edited.txt": "edited",
        "both.txt": file("mine", { mtime: LONG_AGO + 1000 }),
        made: { "new.txt": "new" },
      },
      right: { "both.txt": file("yours!", { mtime: LONG_AGO + 2000 }) },
    });
    stage.remove("left", "gone.txt", "was");
    stage.rename("left", "named.txt", "renamed.txt");
    const told = await stage.ends(0);
    const done = told.document.actions.map(({ action, path }) =>
      `${action} ${path}`
    );
    assert.deepEqual(done.slice(0, 3), [
      "CLASH_CREATE both.txt",
      "CREATE_DIR_RIGHT made",
      "RENAME_RIGHT named.txt",
    ]);
    assert.deepEqual(done.slice(3, 6).sort(), [
      "COPY_LEFT_TO_RIGHT edited.txt",
      "COPY_LEFT_TO_RIGHT made/new.txt",
      "COPY_RIGHT_TO_LEFT both.txt",
    ]);
    assert.deepEqual(done.slice(6, 8).sort(), [
      "SOFT_DELETE_RIGHT gone.txt",
      "SOFT_DELETE_RIGHT was/deep/x.txt",
    ]);
    assert.deepEqual(done.slice(8), [
      "REMOVE_DIR_RIGHT was/deep",
      "REMOVE_DIR_RIGHT was",
    ]);
  },
);
