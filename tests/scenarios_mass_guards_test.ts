import assert from "node:assert/strict";
import { LONG_AGO, scenario, type Stage } from "./support/scenario.ts";
import { file } from "./support/support.ts";

/** Names `f0.txt` … of as many files. */
function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `f${n}.txt`);
}

/** Every file has a time of its own, so that none passes for another. */
async function begin(stage: Stage, count: number): Promise<void> {
  const files = names(count).map((name, n) => [
    name,
    file(name, { mtime: LONG_AGO + n * 1000 }),
  ]);
  stage.write({ left: { d: Object.fromEntries(files), other: {} } });
  await stage.office.settle();
}

function removeFirst(stage: Stage, count: number): void {
  stage.remove("left", ...names(count).map((name) => `d/${name}`));
}

async function stops(
  stage: Stage,
  guard: string,
  says: readonly RegExp[],
): Promise<void> {
  const before = stage.snapshots();
  const { document } = await stage.ends(3);
  assert.equal(document.guard?.name, guard);
  for (const each of says) assert.match(document.guard.reason, each);
  assert.deepEqual(document.actions, []);
  assert.deepEqual(stage.snapshots(), before, "nothing was changed");
}

scenario(
  "guard mass deletion: more than half and more than 10 files gone on left",
  async (stage) => {
    await begin(stage, 24);
    removeFirst(stage, 13);
    await stops(stage, "mass deletion", [
      /13 of 24/,
      /gone on Left/,
      /--allow-deletes/,
    ]);
    // Another permission is none.
    assert.equal((await stage.run("--allow-changes")).code, 3);
    const { document } = await stage.ends(0, "--allow-deletes");
    assert.equal(document.summary.SOFT_DELETE_RIGHT, 13);
  },
);

scenario(
  "guard mass deletion: exactly half, or just 10 files, pass",
  async (stage) => {
    await begin(stage, 24);
    removeFirst(stage, 12);
    const half = await stage.ends(0);
    assert.equal(half.document.summary.SOFT_DELETE_RIGHT, 12);
    stage.remove("left", ...names(22).slice(12).map((name) => `d/${name}`));
    const ten = await stage.ends(0);
    assert.equal(ten.document.summary.SOFT_DELETE_RIGHT, 10);
  },
  { isMirrored: false },
);

scenario("guard mass deletion: moved files are not counted", async (stage) => {
  await begin(stage, 24);
  stage.rename("left", "d", "moved");
  const { document } = await stage.ends(0);
  assert.equal(document.summary.RENAME_RIGHT, 1);
  assert.equal(document.actions[0]?.files, 24);
}, { isMirrored: false });

scenario(
  "guard mass deletion: files that reappear elsewhere by name, size and time are not counted",
  async (stage) => {
    await begin(stage, 24);
    // A copy and a deletion, as between two disks: no file id tells of it.
    for (const name of names(24)) {
      const { mtime } = Deno.statSync(stage.at("left", `d/${name}`));
      const content = Deno.readTextFileSync(stage.at("left", `d/${name}`));
      stage.write({
        left: { other: { [name]: file(content, { mtime: mtime!.getTime() }) } },
      });
      stage.remove("left", `d/${name}`);
    }
    await stage.ends(0);
    assert.equal(Object.keys(stage.trees().right.other ?? {}).length, 24);
  },
  { isMirrored: false },
);

scenario(
  "guard mass deletion: the limits are those of the config",
  async (stage) => {
    await begin(stage, 20);
    removeFirst(stage, 3);
    await stops(stage, "mass deletion", [/3 of 20/]);
    stage.office.configure(
      "safety:\n  max_delete_percent: 100\n  max_delete_files: 2\n",
    );
    await stage.ends(0);
  },
  {
    settings: "safety:\n  max_delete_percent: 10\n  max_delete_files: 2\n",
    isMirrored: false,
  },
);

function edit(stage: Stage, count: number, word = "encrypted"): void {
  const edited = names(count).map((name) => [name, `${word} ${name}`]);
  stage.write({ left: { d: Object.fromEntries(edited) } });
}

scenario(
  "guard mass change: more than half of the files and more than the limit changed on left",
  async (stage) => {
    await begin(stage, 20);
    edit(stage, 11);
    await stops(stage, "mass change", [
      /11 of 20/,
      /changed on Left/,
      /--allow-changes/,
    ]);
    assert.equal((await stage.run("--allow-deletes")).code, 3);
    const { document } = await stage.ends(0, "--allow-changes");
    assert.equal(document.summary.COPY_LEFT_TO_RIGHT, 11);
  },
  { settings: "safety:\n  max_change_files: 10\n" },
);

scenario(
  "guard mass change: exactly half, or not more files than the limit, pass",
  async (stage) => {
    await begin(stage, 20);
    edit(stage, 10);
    const { document } = await stage.ends(0);
    assert.equal(document.summary.COPY_LEFT_TO_RIGHT, 10);
    stage.office.configure("safety:\n  max_change_files: 20\n");
    edit(stage, 20, "again");
    const all = await stage.ends(0);
    assert.equal(all.document.summary.COPY_LEFT_TO_RIGHT, 20);
  },
  { settings: "safety:\n  max_change_files: 9\n", isMirrored: false },
);

scenario(
  "guard mass change: by default 201 of 400 files stop a run, touched ones do not count",
  async (stage) => {
    await begin(stage, 400);
    for (const name of names(400)) {
      const at = (LONG_AGO + 86_400_000) / 1000;
      Deno.utimeSync(stage.at("left", `d/${name}`), at, at);
    }
    const { document } = await stage.ends(0);
    assert.equal(document.summary.RENAME_RIGHT, 400);
    edit(stage, 201);
    await stops(stage, "mass change", [/201 of 400/]);
    await stage.ends(0, "--allow-changes");
  },
  { isMirrored: false },
);

scenario("a dry run is stopped by the guards as well", async (stage) => {
  await begin(stage, 20);
  removeFirst(stage, 15);
  const { document } = await stage.ends(3, "plan");
  assert.equal(document.guard?.name, "mass deletion");
  const allowed = await stage.ends(0, "plan", "--allow-deletes");
  assert.equal(allowed.document.actions.length, 15);
  await stage.ends(0, "--allow-deletes");
}, { isMirrored: false });

/** Renames as a disk without file ids shows them: gone here, new there. */
function renameWithoutIds(stage: Stage, all: readonly string[]): void {
  for (const name of all) {
    const path = stage.at("left", `d/${name}`);
    const content = Deno.readTextFileSync(path);
    const mtime = Deno.statSync(path).mtime!.getTime();
    stage.write({ left: { d: { [`new ${name}`]: file(content, { mtime }) } } });
    stage.remove("left", `d/${name}`);
  }
}

scenario(
  "guard mass deletion: where no file id tells of a bulk rename on left, it names the new files of the same sizes",
  async (stage) => {
    await begin(stage, 30);
    renameWithoutIds(stage, names(30));
    await stops(stage, "mass deletion", [
      /30 of 30 .* gone on Left/,
      /30 new files of the same sizes are there: renamed, perhaps/,
    ]);
    const plan = await stage.ends(3, "plan");
    assert.match(plan.document.guard!.reason, /30 new files of the same sizes/);
    await stage.ends(0, "--allow-deletes");
  },
);

scenario(
  "guard mass deletion: of new files only those count that have a size of what is gone, each once",
  async (stage) => {
    await begin(stage, 30);
    renameWithoutIds(stage, names(12));
    stage.remove(
      "left",
      ...names(30).slice(12).map((name) => `d/${name}`),
    );
    stage.write({ left: { "other.txt": "of a size that none had" } });
    // A second of the size of the one-digit names: there were ten of those.
    stage.write({ left: { "x.txt": "x.txt.." } });
    await stops(stage, "mass deletion", [
      /30 of 30/,
      /13 new files of the same sizes are there/,
    ]);
    await stage.ends(0, "--allow-deletes");
  },
  { isMirrored: false },
);

scenario(
  "guard mass deletion: what was only deleted is not said to be renamed",
  async (stage) => {
    await begin(stage, 30);
    removeFirst(stage, 30);
    // Edited and new on the other side are no answer to where they went.
    stage.write({ right: { "f.txt": "f0.txt" } });
    const { document } = await stage.ends(3);
    assert.doesNotMatch(document.guard!.reason, /renamed/);
    await stage.ends(0, "--allow-deletes");
  },
  { isMirrored: false },
);
