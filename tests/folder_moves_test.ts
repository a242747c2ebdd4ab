import assert from "node:assert/strict";
import {
  agreed,
  assertAgreed,
  files,
  foldersRenamed,
} from "./moving_folders.ts";
import { actions, type Office, type Tree } from "./support.ts";
import { otherSide, SIDES } from "../lib/types.ts";

for (const side of SIDES) {
  Deno.test(`a folder renamed on ${side} is renamed as a whole on the other side, and told file by file (R 5.11, R 5.12)`, async () => {
    using office = await agreed({ was: { ...files(), in: files(3) }, a: "1" });
    const other = otherSide(side);
    const inode = Deno.statSync(`${office[other]}/was/in`).ino;
    Deno.renameSync(`${office[side]}/was`, `${office[side]}/is`);
    let told: string[] = [];
    const renamed = await foldersRenamed(office, async () => {
      told = actions(await office.settle());
    });
    assert.deepEqual(renamed, [`${other}/was -> ${other}/is`]);
    assert.equal(Deno.statSync(`${office[other]}/is/in`).ino, inode);
    const NAME = `RENAME_${other.toUpperCase()}`;
    assert.equal(told.filter((it) => it.startsWith(NAME)).length, 23);
    assert.ok(told.includes(`${NAME} was/in/f2 -> is/in/f2`));
    assert.equal(told.length, 23 + 2 + 2, "two folders to make and to remove");
    await assertAgreed(office);
  });
}

Deno.test("a folder moves as a whole into another folder, an old or a new one", async () => {
  using office = await agreed({ was: files(), old: {} });
  const move = (from: string, to: string) => {
    Deno.renameSync(`${office.left}/${from}`, `${office.left}/${to}`);
    return foldersRenamed(office, () => office.settle());
  };
  assert.deepEqual(await move("was", "old/is"), [
    "right/was -> right/old/is",
  ]);
  await assertAgreed(office);
  Deno.mkdirSync(`${office.left}/new/er`, { recursive: true });
  assert.deepEqual(await move("old/is", "new/er/is"), [
    "right/old/is -> right/new/er/is",
  ]);
  await assertAgreed(office);
});

Deno.test("what is new in a folder, or edited on the other side, is copied once the folder has moved (R 5.4, R 5.9)", async () => {
  using office = await agreed({ was: files() });
  Deno.renameSync(`${office.left}/was`, `${office.left}/is`);
  office.write({
    left: { is: { new: "1", in: { new: "2" } } },
    right: { was: { f3: "edited" } },
  });
  const renamed = await foldersRenamed(office, () => office.settle());
  assert.deepEqual(renamed, ["right/was -> right/is"]);
  const { is } = office.trees().left as { is: Tree };
  assert.deepEqual([is.f3, is.new, is.in], ["edited", "1", { new: "2" }]);
  await assertAgreed(office);
});

/** What keeps a folder from moving as a whole; it is renamed on Left. */
const MIXED: readonly {
  readonly it: string;
  readonly act: (office: Office) => void;
  readonly settings?: string;
  readonly count?: number;
  /** Left alone on Right. */
  readonly stays?: Tree;
}[] = [
  { it: "it holds few files", act() {}, count: 15 },
  {
    it: "a file in it was deleted too",
    act: ({ left }) => Deno.removeSync(`${left}/is/f3`),
  },
  {
    it: "a file in it was renamed too",
    act: ({ left }) => Deno.renameSync(`${left}/is/f3`, `${left}/is/g3`),
  },
  {
    it: "a file came out of it",
    act: ({ left }) => Deno.renameSync(`${left}/is/f3`, `${left}/f3`),
  },
  {
    it: "another file came into it",
    act: ({ left }) => Deno.renameSync(`${left}/apart`, `${left}/is/apart`),
  },
  {
    it: "its old name was taken anew",
    act: (office) => office.write({ left: { was: "a file" } }),
  },
  {
    it: "its old name is a folder again",
    act: (office) => office.write({ left: { was: { new: "1" } } }),
  },
  {
    it: "a file in it was edited too",
    act: (office) => office.write({ left: { is: { f3: "edited" } } }),
  },
  {
    it: "a file in it was touched too",
    act: ({ left }) => Deno.utimeSync(`${left}/is/f3`, 1, 1),
  },
  {
    it: "a file is new in it on the other side",
    act: (office) => office.write({ right: { was: { new: "1" } } }),
  },
  {
    it: "something in it is left alone on the other side",
    act: (office) => office.write({ right: { was: { "x.tmp": "1" } } }),
    settings: "ignore:\n  extensions: [tmp]\n",
    stays: { was: { "x.tmp": "1" } },
  },
  {
    it: "a link is in it on the other side",
    act: ({ right }) => Deno.symlinkSync("f1", `${right}/was/link`),
    stays: { was: { link: "-> f1" } },
  },
];

for (const { it, act, settings, count = 20, stays = {} } of MIXED) {
  Deno.test(`a folder's files are renamed one by one where ${it}`, async () => {
    using office = await agreed({ was: files(count), apart: "1" }, settings);
    Deno.renameSync(`${office.left}/was`, `${office.left}/is`);
    act(office);
    const renamed = await foldersRenamed(office, () => office.settle());
    assert.deepEqual(renamed, []);
    const { left, right } = office.trees();
    assert.deepEqual(right, { ...left, ...stays });
    assert.deepEqual(actions(await office.settle()), []);
  });
}
