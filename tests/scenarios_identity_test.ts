import assert from "node:assert/strict";
import { scenario, type Stage } from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";
import { DiskOffice } from "./support/support.ts";

const IDENTITY = ".office-sync/root.json";

function idOf(root: string): string {
  return JSON.parse(Deno.readTextFileSync(`${root}/${IDENTITY}`)).id;
}

/** A run that a guard stops, with nothing changed below either root. */
async function stops(
  stage: Stage,
  guard: string,
  says: RegExp,
): Promise<void> {
  const before = stage.snapshots();
  const { document } = await stage.ends(3);
  assert.equal(document.guard?.name, guard);
  assert.match(document.guard.reason, says);
  assert.deepEqual(document.actions, []);
  assert.deepEqual(stage.snapshots(), before, "nothing was changed");
}

async function pending(stage: Stage): Promise<void> {
  await stage.begin({ "a.txt": "a", "b.txt": "b" });
  stage.write({ left: { "new.txt": "new" } });
  stage.remove("left", "b.txt");
}

const PENDING = [
  "5.9 COPY_LEFT_TO_RIGHT new.txt",
  "5.7 SOFT_DELETE_RIGHT b.txt -> deleted/b.txt",
];

/** With the record forgotten nothing counts as deleted. */
const MET_ANEW = [
  "5.9 COPY_LEFT_TO_RIGHT new.txt",
  "5.10 COPY_RIGHT_TO_LEFT b.txt",
];

scenario(
  "each root gets an identity of its own on the first run, and keeps it",
  async (stage) => {
    stage.write({ left: { "a.txt": "a" } });
    await stage.ends(0);
    const ids = [idOf(stage.root("left")), idOf(stage.root("right"))];
    assert.notEqual(ids[0], ids[1]);
    for (const id of ids) assert.match(id, /^[0-9a-f-]{36}$/);
    await stage.ends(0);
    assert.deepEqual(
      [idOf(stage.root("left")), idOf(stage.root("right"))],
      ids,
    );
  },
  { isMirrored: false },
);

scenario(
  "guard identity: root.json is missing on left; --accept-roots makes a new one",
  async (stage) => {
    await pending(stage);
    stage.remove("left", IDENTITY);
    await stops(stage, "identity", /Left .*identity/);
    await stage.does(MET_ANEW, "--accept-roots");
    stage.holds({ "a.txt": "a", "b.txt": "b", "new.txt": "new" });
  },
);

scenario(
  "guard identity: an empty folder in place of left deletes nothing on right",
  async (stage) => {
    await pending(stage);
    const left = stage.root("left");
    Deno.renameSync(left, `${left}-unmounted`);
    Deno.mkdirSync(left);
    await stops(stage, "identity", /Left/);
    assert.deepEqual([...Deno.readDirSync(left)], [], "not even an identity");
    Deno.removeSync(left);
    Deno.renameSync(`${left}-unmounted`, left);
    await stage.does(PENDING);
  },
);

scenario(
  "guard identity: Left and Right are swapped in the config",
  async (stage) => {
    await pending(stage);
    const { config } = stage.office;
    Deno.writeTextFileSync(config, "left_root: right\nright_root: left\n");
    await stops(stage, "identity", /swapped/);
    stage.office.configure("");
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario(
  "guard identity: left is another folder that was synced elsewhere",
  async (stage) => {
    await pending(stage);
    using elsewhere = new DiskOffice();
    elsewhere.write({ left: { "else.txt": "else" } });
    await elsewhere.settle();
    const left = stage.root("left");
    Deno.renameSync(left, `${left}-away`);
    Deno.renameSync(elsewhere.left, left);
    await stops(stage, "identity", /Left .*another/);
    Deno.renameSync(left, elsewhere.left);
    Deno.renameSync(`${left}-away`, left);
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario(
  "guard identity: a root.json on left that makes no sense",
  async (stage) => {
    await pending(stage);
    const path = stage.at("left", IDENTITY);
    const asItWas = Deno.readTextFileSync(path);
    for (const text of ["", "{", '{"id": 7}', "null"]) {
      Deno.writeTextFileSync(path, text);
      await stops(stage, "identity", /Left/);
    }
    Deno.writeTextFileSync(path, asItWas);
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario(
  "guard roots: right is a copy of left; --accept-roots gives Right a new id",
  async (stage) => {
    await stage.begin({ "a.txt": "a", d: { "b.txt": "b" } });
    const [left, right] = [stage.office.left, stage.office.right];
    Deno.removeSync(right, { recursive: true });
    const { success } = new Deno.Command("cp", { args: ["-a", left, right] })
      .outputSync();
    assert.ok(success, "cp");
    for (const { name } of [...Deno.readDirSync(stage.office.folder)]) {
      if (!name.startsWith("config.db")) continue;
      Deno.removeSync(`${stage.office.folder}/${name}`);
    }
    await stops(stage, "roots", /copy/);
    const id = idOf(left);
    await stage.does([], "--accept-roots");
    assert.equal(idOf(left), id, "Left keeps its id");
    assert.notEqual(idOf(right), id, "Right has a new one");
    stage.holds({ "a.txt": "a", d: { "b.txt": "b" } });
  },
  { isMirrored: false },
);

scenario(
  "guard identity: a known right root became a copy of left",
  async (stage) => {
    await pending(stage);
    const [left, right] = [stage.root("left"), stage.root("right")];
    const asItWas = Deno.readTextFileSync(`${right}/${IDENTITY}`);
    Deno.copyFileSync(`${left}/${IDENTITY}`, `${right}/${IDENTITY}`);
    const before = stage.snapshots();
    await stage.ends(3);
    assert.deepEqual(stage.snapshots(), before);
    Deno.writeTextFileSync(`${right}/${IDENTITY}`, asItWas);
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario(
  "--accept-roots forgets the record: nothing is deleted, both sides get everything",
  async (stage) => {
    await pending(stage);
    stage.write({ right: { "a.txt": "edited" } });
    const told = await stage.ends(0, "--accept-roots");
    assert.equal(
      told.lines.filter((line) => line.includes("DELETE")).length,
      0,
      told.lines.join("\n"),
    );
    const { left, right } = stage.trees();
    assert.deepEqual(left, right);
    assert.equal(left["b.txt"], "b");
    assert.equal(left["new.txt"], "new");
    assert.ok(Object.values(left).includes("edited"));
    assert.ok(Object.values(left).includes("a"), "no version is lost");
  },
  { isMirrored: false },
);

scenario("--accept-roots as a plan changes nothing", async (stage) => {
  await pending(stage);
  stage.remove("right", IDENTITY);
  const before = snapshot(stage.office.folder, true);
  const told = await stage.ends(0, "plan", "--accept-roots");
  assert.deepEqual(
    told.lines,
    MET_ANEW.map((line) => `planned: ${line}`).sort(),
  );
  assert.deepEqual(
    withoutLog(snapshot(stage.office.folder, true)),
    withoutLog(before),
  );
  await stage.does(MET_ANEW, "--accept-roots");
}, { isMirrored: false });

function withoutLog(all: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(all).filter(([path]) => !/^(?:logs\/|$|\/$)/.test(path)),
  );
}
