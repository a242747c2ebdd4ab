import assert from "node:assert/strict";
import {
  LONG_AGO,
  scenario,
  type Stage,
  type Told,
} from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";
import { file } from "./support/support.ts";

const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";

/** Something for each action there is. */
async function muchToDo(stage: Stage): Promise<void> {
  await stage.begin({
    "edited.txt": "e",
    "gone.txt": "g",
    "large.txt": "l".repeat(3000),
    "named.txt": "n",
    "both.txt": "b",
    "deleted and changed.txt": "d",
    "touched.txt": "t",
    was: { deep: { "x.txt": "x" } },
  });
  stage.write({
    left: {
      "edited.txt": "edited",
      "both.txt": file("older", { mtime: OLDER }),
      "nn.txt": file("older", { mtime: OLDER }),
      "touched.txt": file("t", { mtime: OLDER }),
      made: { "new.txt": "new", empty: {} },
      kind: file("a file", { mtime: OLDER }),
    },
    right: {
      "both.txt": file("newer!", { mtime: NEWER }),
      "nn.txt": file("newer!", { mtime: NEWER }),
      "deleted and changed.txt": "changed",
      "theirs.txt": "theirs",
      kind: { "in.txt": "in" },
    },
  });
  stage.remove(
    "left",
    "gone.txt",
    "large.txt",
    "was",
    "deleted and changed.txt",
  );
  stage.rename("left", "named.txt", "renamed.txt");
}

/** Everything there is but for the log, which a plan may write. */
function everything(stage: Stage): Readonly<Record<string, string>> {
  const all = snapshot(stage.office.folder, true);
  return Object.fromEntries(
    Object.entries(all).filter(([path]) => !/^(?:logs\/|\/$)/.test(path)),
  );
}

function deeds({ document }: Told) {
  return document.actions.map((item) => ({
    ...item,
    outcome: "",
    detail: null,
    // Where a file is kept is known when it is done.
    newPath: item.newPath?.startsWith(".office-sync/") ? null : item.newPath,
  }));
}

const SETTINGS = "soft_delete:\n  max_size_mb: 0.001\n";

scenario(
  "a dry run writes nothing, and the run then does what it said",
  async (stage) => {
    await muchToDo(stage);
    const before = everything(stage);
    const planned = await stage.ends(0, "plan");
    assert.deepEqual(
      everything(stage),
      before,
      "nothing is written, DB included",
    );
    assert.equal(planned.document.run.dryRun, true);
    assert.ok(planned.lines.every((line) => line.startsWith("planned: ")));
    const done = await stage.ends(0);
    assert.deepEqual(deeds(done), deeds(planned));
    assert.deepEqual(
      { ...done.document.summary },
      { ...planned.document.summary },
    );
    const names = new Set(done.document.actions.map(({ action }) => action));
    assert.deepEqual([...names].sort(), [
      "CLASH_CREATE",
      "COPY_LEFT_TO_RIGHT",
      "COPY_RIGHT_TO_LEFT",
      "CREATE_DIR_LEFT",
      "CREATE_DIR_RIGHT",
      "DELETE_RIGHT",
      "REMOVE_DIR_RIGHT",
      "RENAME_RIGHT",
      "SOFT_DELETE_RIGHT",
    ]);
  },
  { settings: SETTINGS },
);

scenario(
  "a dry run before the first run leaves no trace, and is what the run then does",
  async (stage) => {
    stage.write({
      left: { "a.txt": file("a", { mtime: OLDER }), d: { "b.txt": "b" } },
      right: { "a.txt": file("other", { mtime: NEWER }), "c.txt": "c" },
    });
    const before = everything(stage);
    const planned = await stage.ends(0, "--dry-run");
    const after = everything(stage);
    assert.deepEqual(after, before, "not even an identity or a state DB");
    const done = await stage.ends(0);
    assert.deepEqual(deeds(done), deeds(planned));
  },
  { isMirrored: false },
);

scenario("a dry run needs no lock", async (stage) => {
  await stage.begin({ "a.txt": "a" });
  stage.write({ left: { "b.txt": "b" } });
  {
    using lock = Deno.openSync(`${stage.office.stateDb}.lock`, {
      write: true,
      create: true,
    });
    lock.lockSync(true);
    const planned = await stage.ends(0, "plan");
    assert.deepEqual(planned.lines, ["planned: 5.9 COPY_LEFT_TO_RIGHT b.txt"]);
  }
  await stage.ends(0);
}, { isMirrored: false });

scenario(
  "a dry run with an open conflict ends with 0: a plan could be made",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({
      left: { "a.txt": "left's" },
      right: { "a.txt": "right's!" },
    });
    const { document } = await stage.ends(0, "plan");
    assert.equal(document.summary.openConflicts, 1);
  },
  {
    settings: "conflict_policy:\n  modify_modify: notify\n",
    isMirrored: false,
    ends: 1,
  },
);

scenario(
  "a dry run of what touching brings says so, with the time as the reason",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    const at = (LONG_AGO + 5000) / 1000;
    Deno.utimeSync(stage.at("left", "a.txt"), at, at);
    const planned = await stage.ends(0, "plan");
    assert.deepEqual(planned.lines, ["planned: 5.11 RENAME_RIGHT a.txt"]);
    const done = await stage.ends(0);
    assert.deepEqual(deeds(done), deeds(planned));
  },
  { isMirrored: false },
);
