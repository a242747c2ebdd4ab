import assert from "node:assert/strict";
import { LONG_AGO, scenario, type Stage } from "./support/scenario.ts";
import { file } from "./support/support.ts";

const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";
const MARK = "clash-20240301-100005";

function policies(policy: string): string {
  return "conflict_policy:\n" +
    ["modify_modify", "new_new", "metadata_conflict"]
      .map((kind) => `  ${kind}: ${policy}\n`).join("");
}

/** One conflict of each kind; left is older where there is an older. */
async function disagree(stage: Stage): Promise<void> {
  await stage.begin({ "mm.txt": "first", "mode.txt": "m", "quiet.txt": "q" });
  stage.write({
    left: {
      "mm.txt": file("older edit", { mtime: OLDER }),
      "nn.txt": file("older new", { mtime: OLDER }),
      "mode.txt": file("m", { mode: 0o600, mtime: OLDER }),
    },
    right: {
      "mm.txt": file("newer edit!", { mtime: NEWER }),
      "nn.txt": file("newer new!", { mtime: NEWER }),
      "mode.txt": file("m", { mode: 0o640, mtime: NEWER }),
    },
  });
}

function modeOf(stage: Stage, side: "left" | "right", path: string): number {
  return (Deno.statSync(stage.at(side, path)).mode ?? 0) & 0o777;
}

scenario(
  "policy clash: right is newer and wins, contents of left are kept",
  async (stage) => {
    await disagree(stage);
    const { document } = await stage.does([
      `5.1 CLASH_CREATE mm.txt -> mm.${MARK}-left.txt`,
      "5.1 COPY_RIGHT_TO_LEFT mm.txt",
      `5.2 CLASH_CREATE nn.txt -> nn.${MARK}-left.txt`,
      "5.2 COPY_RIGHT_TO_LEFT nn.txt",
      "5.13 RENAME_LEFT mode.txt",
    ]);
    assert.equal(document.summary.openConflicts, 0);
    stage.holds({
      [`mm.${MARK}-left.txt`]: "older edit",
      "mm.txt": "newer edit!",
      "mode.txt": "m",
      [`nn.${MARK}-left.txt`]: "older new",
      "nn.txt": "newer new!",
      "quiet.txt": "q",
    });
    assert.equal(modeOf(stage, "left", "mode.txt"), 0o640);
  },
  { settings: policies("clash") },
);

scenario(
  "policy overwrite: right is newer and wins, left goes to soft delete",
  async (stage) => {
    await disagree(stage);
    const { document } = await stage.does([
      "5.1 COPY_RIGHT_TO_LEFT mm.txt -> deleted/mm.txt",
      "5.2 COPY_RIGHT_TO_LEFT nn.txt -> deleted/nn.txt",
      "5.13 RENAME_LEFT mode.txt",
    ]);
    assert.equal(document.summary.openConflicts, 0);
    stage.holds({
      "mm.txt": "newer edit!",
      "mode.txt": "m",
      "nn.txt": "newer new!",
      "quiet.txt": "q",
    });
    assert.deepEqual(stage.kept("left"), {
      "mm.txt": "older edit",
      "nn.txt": "older new",
    });
    assert.deepEqual(stage.kept("right"), {});
    assert.equal(modeOf(stage, "left", "mode.txt"), 0o640);
  },
  { settings: policies("overwrite") },
);

scenario(
  "policy notify: nothing is touched while the conflict is open",
  async (stage) => {
    await disagree(stage);
    stage.rename("left", "quiet.txt", "one.txt");
    stage.rename("right", "quiet.txt", "two.txt");
    const before = stage.snapshots();
    for (const _ of ["first time", "again"]) {
      const { document } = await stage.ends(1);
      assert.deepEqual(
        document.actions.map(({ action, path, rule }) =>
          `${rule} ${action} ${path}`
        )
          .sort(),
        [
          "5.1 NOOP mm.txt",
          "5.13 NOOP mode.txt",
          "5.13 NOOP quiet.txt",
          "5.2 NOOP nn.txt",
        ],
      );
      assert.equal(document.summary.openConflicts, 4);
      assert.deepEqual(stage.snapshots(), before);
    }
  },
  { settings: policies("notify"), ends: 1 },
);

scenario("each kind of conflict has its own policy", async (stage) => {
  await disagree(stage);
  const { document } = await stage.ends(1);
  assert.deepEqual(
    document.actions.map(({ action, path }) => `${action} ${path}`).sort(),
    [
      "CLASH_CREATE nn.txt",
      "COPY_RIGHT_TO_LEFT mm.txt",
      "COPY_RIGHT_TO_LEFT nn.txt",
      "NOOP mode.txt",
    ],
  );
  assert.deepEqual(stage.kept("left"), { "mm.txt": "older edit" });
}, {
  settings: "conflict_policy:\n  modify_modify: overwrite\n  new_new: clash\n" +
    "  metadata_conflict: notify\n",
  isMirrored: false,
  ends: 1,
});

scenario(
  "an open conflict ends when a side takes it back (R 5.4, 5.5)",
  async (stage) => {
    const names = [
      "deleted.txt",
      "put-back.txt",
      "made-equal.txt",
      "moved.txt",
    ];
    const all = (content: string, mtime: string | number) =>
      Object.fromEntries(names.map((name) => [name, file(content, { mtime })]));
    await stage.begin(all("first", LONG_AGO));
    stage.write({ left: all("older", OLDER), right: all("newer!", NEWER) });
    stage.write({
      left: { "new.txt": file("older", { mtime: OLDER }) },
      right: { "new.txt": file("newer!", { mtime: NEWER }) },
    });
    assert.equal((await stage.office.run()).exitCode, 1);
    stage.remove("left", "deleted.txt", "new.txt");
    stage.rename("left", "moved.txt", "moved-to.txt");
    stage.write({
      left: {
        "put-back.txt": file("first", { mtime: LONG_AGO }),
        "made-equal.txt": file("newer!", { mtime: NEWER }),
      },
    });
    await stage.does([
      "5.5 COPY_RIGHT_TO_LEFT deleted.txt",
      "5.10 COPY_RIGHT_TO_LEFT new.txt",
      "5.5 COPY_RIGHT_TO_LEFT moved.txt",
      "5.9 COPY_LEFT_TO_RIGHT moved-to.txt",
      "5.4 COPY_RIGHT_TO_LEFT put-back.txt",
    ]);
    stage.holds({
      "deleted.txt": "newer!",
      "made-equal.txt": "newer!",
      "moved-to.txt": "older",
      "moved.txt": "newer!",
      "new.txt": "newer!",
      "put-back.txt": "newer!",
    });
  },
  { settings: policies("notify") },
);

scenario("overwrite says when the older version is not kept", async (stage) => {
  await stage.begin({ "large.txt": "first", "small.txt": "first" });
  const older = { "large.txt": "o".repeat(2000), "small.txt": "o" };
  const newer = { "large.txt": "n", "small.txt": "n" };
  for (
    const [side, files, mtime] of [["left", older, OLDER], [
      "right",
      newer,
      NEWER,
    ]] as const
  ) {
    for (const [name, content] of Object.entries(files)) {
      stage.write({ [side]: { [name]: file(content, { mtime }) } });
    }
  }
  const { document } = await stage.does([
    "5.1 COPY_RIGHT_TO_LEFT large.txt",
    "5.1 COPY_RIGHT_TO_LEFT small.txt -> deleted/small.txt",
  ]);
  const reasons = Object.fromEntries(
    document.actions.map(({ path, reason }) => [path, reason]),
  );
  assert.match(reasons["large.txt"]!, /not kept/);
  assert.doesNotMatch(reasons["small.txt"]!, /not kept/);
  assert.deepEqual(stage.kept("left"), { "small.txt": "o" });
  stage.holds({ "large.txt": "n", "small.txt": "n" });
}, {
  settings: `${policies("overwrite")}soft_delete:\n  max_size_mb: 0.001\n`,
  isMirrored: false,
});

for (const policy of ["clash", "overwrite"]) {
  scenario(
    `two different new names: that of Left is taken under ${policy} (R 5.13)`,
    async (stage) => {
      await stage.begin({ "plan.txt": "p", d: {} });
      stage.rename("left", "plan.txt", "d/of Left.txt");
      stage.rename("right", "plan.txt", "of Right.txt");
      const { document } = await stage.does([
        "5.13 RENAME_RIGHT of Right.txt -> d/of Left.txt",
      ]);
      assert.deepEqual([
        document.summary.openConflicts,
        document.summary.bytesCopied,
      ], [0, 0]);
      stage.holds({ d: { "of Left.txt": "p" } });
    },
    { settings: policies(policy), isMirrored: false },
  );
}

scenario(
  "two different modes at one time: that of Left is taken (R 5.13)",
  async (stage) => {
    await stage.begin({ "plan.txt": "p" });
    Deno.chmodSync(stage.at("left", "plan.txt"), 0o600);
    Deno.chmodSync(stage.at("right", "plan.txt"), 0o660);
    await stage.does(["5.13 RENAME_RIGHT plan.txt"]);
    assert.equal(modeOf(stage, "right", "plan.txt"), 0o600);
  },
  { isMirrored: false },
);

scenario(
  "the same new name and mode on both sides are no conflict",
  async (stage) => {
    await stage.begin({ "plan.txt": "p", "mode.txt": "m" });
    for (const side of ["left", "right"] as const) {
      stage.rename(side, "plan.txt", "renamed.txt");
      Deno.chmodSync(stage.at(side, "mode.txt"), 0o600);
    }
    await stage.does([]);
    stage.holds({ "mode.txt": "m", "renamed.txt": "p" });
  },
  { isMirrored: false },
);
