import assert from "node:assert/strict";
import {
  commandScenario as scenario,
  LONG_AGO,
  type Stage,
} from "./support/scenario.ts";
import { file } from "./support/support.ts";

/** The mtime of the file that stands against a folder, and its clash mark. */
const OLDER = "2024-03-01T10:00:05Z";
const MARK = "clash-20240301-100005";

function policy(name: string): string {
  return `conflict_policy:\n  modify_modify: ${name}\n  new_new: ${name}\n`;
}

/**
 * A file on left against a folder on right, in the three ways that come about:
 * `new.d` is new on both sides; `file.d` was a file that left edited; `dir.d`
 * was a folder that right worked in.
 */
async function disagree(stage: Stage): Promise<void> {
  await stage.begin({
    "file.d": "first",
    "dir.d": { "in.txt": "in", "old.txt": "old" },
    "c.txt": "c",
  });
  const edited = file("the file", { mtime: OLDER });
  stage.remove("left", "dir.d");
  stage.remove("right", "file.d");
  stage.write({
    left: { "new.d": edited, "file.d": edited, "dir.d": edited },
    right: {
      "new.d": { "in.txt": "new", deep: { "er.txt": "er" } },
      "file.d": { "in.txt": "new" },
      "dir.d": { "in.txt": file("edited", { mtime: LONG_AGO + 5000 }) },
    },
  });
}

const HELD = {
  "c.txt": "c",
  [`dir.${MARK}-left.d`]: "the file",
  "dir.d": { "in.txt": "edited" },
  [`file.${MARK}-left.d`]: "the file",
  "file.d": { "in.txt": "new" },
  [`new.${MARK}-left.d`]: "the file",
  "new.d": { deep: { "er.txt": "er" }, "in.txt": "new" },
};

for (const name of ["clash", "overwrite"]) {
  scenario(
    `${name}: a file on left against a folder on right moves aside (R 5.1, 5.2)`,
    async (stage) => {
      await disagree(stage);
      const { document } = await stage.does([
        `5.2 CLASH_CREATE new.d -> new.${MARK}-left.d`,
        "CREATE_DIR_LEFT new.d",
        "CREATE_DIR_LEFT new.d/deep",
        "5.10 COPY_RIGHT_TO_LEFT new.d/in.txt",
        "5.10 COPY_RIGHT_TO_LEFT new.d/deep/er.txt",
        `5.1 CLASH_CREATE file.d -> file.${MARK}-left.d`,
        "CREATE_DIR_LEFT file.d",
        "5.10 COPY_RIGHT_TO_LEFT file.d/in.txt",
        `5.1 CLASH_CREATE dir.d -> dir.${MARK}-left.d`,
        "CREATE_DIR_LEFT dir.d",
        "5.5 COPY_RIGHT_TO_LEFT dir.d/in.txt",
        "5.7 SOFT_DELETE_RIGHT dir.d/old.txt -> deleted/dir.d/old.txt",
      ]);
      assert.equal(document.summary.openConflicts, 0);
      stage.holds(HELD);
      assert.deepEqual(
        stage.kept("left"),
        {},
        "the file is kept by its new name",
      );
    },
    { settings: policy(name) },
  );
}

scenario(
  "notify: a file on left against a folder on right stays open (R 5.1, 5.2)",
  async (stage) => {
    await disagree(stage);
    const before = stage.snapshots();
    const { document } = await stage.ends(1);
    assert.equal(document.summary.openConflicts, 3);
    assert.deepEqual(
      document.actions.map(({ action, path, rule }) =>
        `${rule} ${action} ${path}`
      )
        .sort(),
      ["5.1 NOOP dir.d", "5.1 NOOP file.d", "5.2 NOOP new.d"],
    );
    assert.deepEqual(
      stage.snapshots(),
      before,
      "nothing below is touched either",
    );
  },
  { settings: policy("notify"), ends: 1 },
);

scenario("notify: it ends when a side makes room", async (stage) => {
  await disagree(stage);
  assert.equal((await stage.office.run()).exitCode, 1);
  stage.rename("left", "new.d", "new.txt");
  stage.remove("left", "file.d");
  stage.remove("right", "dir.d");
  await stage.does([
    "5.9 COPY_LEFT_TO_RIGHT new.txt",
    "CREATE_DIR_LEFT new.d",
    "CREATE_DIR_LEFT new.d/deep",
    "5.10 COPY_RIGHT_TO_LEFT new.d/in.txt",
    "5.10 COPY_RIGHT_TO_LEFT new.d/deep/er.txt",
    "CREATE_DIR_LEFT file.d",
    "5.10 COPY_RIGHT_TO_LEFT file.d/in.txt",
    "5.9 COPY_LEFT_TO_RIGHT dir.d",
  ]);
  stage.holds({
    "c.txt": "c",
    "dir.d": "the file",
    "file.d": { "in.txt": "new" },
    "new.d": { deep: { "er.txt": "er" }, "in.txt": "new" },
    "new.txt": "the file",
  });
}, { settings: policy("notify"), isMirrored: false });
