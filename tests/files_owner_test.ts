import assert from "node:assert/strict";
import type { Side } from "../lib/types.ts";
import { file, MemoryOffice, write } from "./support/support.ts";

/** Of nobody who runs this. */
const ANNA = { uid: 12_345, gid: 23_456 };
const BERT = { uid: 12_346, gid: 23_457 };
const MINE = { uid: 0, gid: 0 };

const OLD = "2024-01-01T00:00:00Z";
const NEW = "2024-02-02T00:00:00Z";

type Owner = typeof ANNA;

/** Whom the files of a side belong to, with the last of their mode's bits. */
function owners(office: MemoryOffice, side: Side): Record<string, Owner> {
  const all = [...Deno.readDirSync(office[side])].filter((it) => it.isFile);
  return Object.fromEntries(all.map(({ name }) => {
    const { uid, gid, mode } = Deno.lstatSync(`${office[side]}/${name}`);
    assert.equal(mode! & 0o777, 0o640, name);
    const key = name.replace(/clash-\d{8}-\d{6}/, "clash");
    return [key, { uid: uid!, gid: gid! }];
  }));
}

function give(office: MemoryOffice, side: Side, { uid, gid }: Owner): void {
  Deno.chownSync(`${office[side]}/a.txt`, uid, gid);
}

function edit(office: MemoryOffice, side: Side, text: string): void {
  Deno.writeTextFileSync(`${office[side]}/a.txt`, text);
}

/** Both sides have the file, Anna's on Left and Bert's on Right. */
async function begun(settings = ""): Promise<MemoryOffice> {
  const office = new MemoryOffice(settings);
  write(office.left, { "a.txt": file("a", { mtime: OLD, mode: 0o640 }) });
  await office.agree();
  give(office, "left", ANNA);
  give(office, "right", BERT);
  return office;
}

/** Only root gives files away. */
function test(name: string, body: () => Promise<void>): void {
  const ignore = Deno.build.os === "windows" || Deno.uid() !== 0;
  Deno.test({ name, ignore, fn: body });
}

for (const side of ["left", "right"] as const) {
  test(`a version that replaces another belongs to whom that did (edited on ${side})`, async () => {
    using office = await begun();
    edit(office, side, "edited");
    await office.agree();
    assert.deepEqual(office.trees().left, office.trees().right);
    assert.deepEqual(owners(office, "left"), { "a.txt": ANNA });
    assert.deepEqual(owners(office, "right"), { "a.txt": BERT });
  });
}

test("where a conflict is overwritten, the file belongs on each side to whom it did", async () => {
  using office = await begun("conflict_policy: { modify_modify: overwrite }");
  edit(office, "left", "left");
  edit(office, "right", "right!");
  await office.agree();
  assert.deepEqual(office.trees().left, office.trees().right);
  assert.deepEqual(owners(office, "left"), { "a.txt": ANNA });
  assert.deepEqual(owners(office, "right"), { "a.txt": BERT });
});

test("a clash copy belongs on each side to whom the file there does", async () => {
  using office = await begun();
  edit(office, "left", "left");
  edit(office, "right", "right!");
  Deno.utimeSync(`${office.right}/a.txt`, new Date(OLD), new Date(NEW));
  await office.agree();
  const of = (owner: Owner) => ({ "a.txt": owner, "a.clash-right.txt": owner });
  assert.deepEqual(owners(office, "left"), of(ANNA));
  assert.deepEqual(owners(office, "right"), of(BERT));
});

test("what is brought back belongs to whom the file in its place does, or to whom it did", async () => {
  using office = await begun("soft_delete: { keep_replaced: true }");
  edit(office, "left", "edited");
  await office.agree();
  const restore = () => office.json("restore", "a.txt", "--force");
  assert.equal((await restore()).files[0].outcome, "done");
  assert.deepEqual(office.trees().left, { "a.txt": "a" });
  assert.deepEqual(owners(office, "left"), { "a.txt": ANNA });
  assert.deepEqual(owners(office, "right"), { "a.txt": BERT });
  await office.agree();
  Deno.removeSync(`${office.left}/a.txt`);
  await office.agree();
  assert.equal((await restore()).files[0].outcome, "done");
  // Nobody knows any more whom it belonged to on Left.
  assert.deepEqual(owners(office, "left"), { "a.txt": MINE });
  assert.deepEqual(owners(office, "right"), { "a.txt": BERT });
});
