import assert from "node:assert/strict";
import { StateDb } from "../lib/state_db.ts";
import { RecordStore } from "../lib/state_record.ts";
import {
  actions,
  describe,
  MemoryOffice,
  type Office,
  read,
  type Tree,
} from "./support/support.ts";
import { replaceCall } from "./support/system_calls.ts";
import { intercept, systemError } from "./support/two_roots.ts";
import { WatchedCalls } from "./support/watched_calls.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** A folder with files enough to be filled aside. */
const FILES: Tree = Object.fromEntries(
  Array.from({ length: 6 }, (_, n) => [`f${n}.txt`, `content ${n}`]),
);
const TREE: Tree = { top: { new: FILES, "beside.txt": "1" }, "a.txt": "2" };

/** Does something when the folder is made that is filled aside. */
function whenMade(act: (aside: string) => void): Disposable {
  return intercept("mkdirSync", (real, path) => {
    real(path!);
    if (path!.includes("-tmp-")) act(path!);
  });
}

/** Names of the program's own below Right, but for its folder. */
function temporary(office: Office, folder = office.right): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => [
    ...name.includes("-tmp-") ? [name] : [],
    ...isDirectory ? temporary(office, `${folder}/${name}`) : [],
  ]);
}

async function assertDone(office: Office, tree = TREE): Promise<void> {
  assert.deepEqual(temporary(office), []);
  assert.deepEqual(read(office.right), tree);
  assert.deepEqual(actions(await office.agree()), []);
  assert.deepEqual(read(office.left), tree);
}

Deno.test({
  name:
    "a new folder is filled aside and put in place by one rename, and recorded as the folder that it is",
  ignore: IS_WINDOWS,
  async fn() {
    using office = new MemoryOffice();
    office.write({ left: TREE });
    const links: string[] = [];
    const renames: string[] = [];
    {
      using _links = intercept("linkSync", (real, from, to) => {
        links.push(to!);
        real(from, to);
      });
      using _renames = intercept("renameSync", (real, from, to) => {
        if (from!.includes("-tmp-")) renames.push(to!);
        real(from, to);
      });
      await office.agree();
    }
    assert.deepEqual(renames, [`${office.right}/top/new`]);
    assert.deepEqual(
      links.filter((it) => it.includes("/top/new")),
      [],
      "no file of it takes its name by itself",
    );
    using db = new StateDb(office.stateDb, { isReadOnly: true });
    const id = new RecordStore(db).directories().get("top/new")?.id.right;
    assert.equal(id?.ino, Deno.lstatSync(`${office.right}/top/new`).ino);
    await assertDone(office);
  },
});

for (
  const [what, act] of [
    [
      "in which somebody puts a file meanwhile",
      (right: string) => Deno.writeTextFileSync(`${right}/top/new/own`, "3"),
    ],
    [
      "that somebody makes anew meanwhile",
      (right: string) => {
        Deno.mkdirSync(`${right}/other`);
        Deno.removeSync(`${right}/top/new`);
        Deno.renameSync(`${right}/other`, `${right}/top/new`);
      },
    ],
  ] as const
) {
  Deno.test({
    name: `a new folder ${what} stays, and is filled file by file`,
    ignore: IS_WINDOWS,
    async fn() {
      using office = new MemoryOffice();
      office.write({ left: TREE });
      let ino: number | null = null;
      {
        using _made = whenMade(() => {
          act(office.right);
          ino = Deno.lstatSync(`${office.right}/top/new`).ino;
        });
        await office.run();
      }
      assert.equal(Deno.lstatSync(`${office.right}/top/new`).ino, ino);
      await office.agree();
      const own = what.startsWith("in which") ? { own: "3" } : {};
      const top = { new: { ...FILES, ...own }, "beside.txt": "1" };
      await assertDone(office, { ...TREE, top });
    },
  });
}

Deno.test("a new folder that can't be put in place is filled file by file; one that can't be made aside, too", async () => {
  for (const call of ["renameSync", "mkdirSync"] as const) {
    using office = new MemoryOffice();
    office.write({ left: TREE });
    {
      using _refused = intercept(call, (real, from, to) => {
        if (from!.includes("-tmp-")) throw systemError("EEXIST");
        real(from, to);
      });
      await office.agree();
    }
    await assertDone(office);
  }
});

Deno.test("a file of a new folder that can't be copied fails alone", async () => {
  using office = new MemoryOffice();
  office.write({ left: TREE });
  {
    using _gone = whenMade(() =>
      Deno.writeTextFileSync(`${office.left}/top/new/f3.txt`, "longer by now")
    );
    const result = await office.run();
    const left = result.outcomes.filter(({ kind }) => kind !== "done");
    assert.deepEqual(
      left.map(({ action }) => action.path),
      IS_WINDOWS ? [] : ["top/new/f3.txt"],
      describe(result),
    );
  }
  await office.agree();
  const files = { ...FILES, "f3.txt": "longer by now" };
  await assertDone(office, { ...TREE, top: { new: files, "beside.txt": "1" } });
});

Deno.test("a copy that can be neither flushed nor dropped gets no name with its folder", async () => {
  using office = new MemoryOffice();
  office.write({ left: TREE });
  const refuse = () => {
    throw systemError("EIO");
  };
  const isIt = (path: string) =>
    path.endsWith("/f3.txt") && path.includes("-tmp-");
  let isMet = false;
  {
    using _open = intercept("openSync", (real, path, options) => {
      const file = real(path!, options!) as Deno.FsFile;
      if (!isIt(path!)) return file;
      isMet = true;
      return Object.assign(file, { syncSync: refuse });
    });
    using _drop = intercept("removeSync", (real, path, options) => {
      if (isIt(path!)) refuse();
      real(path!, options!);
    });
    await office.run();
  }
  const { top } = read(office.right) as { top: { new: Tree } };
  assert.equal("f3.txt" in top.new, IS_WINDOWS);
  assert.equal(isMet, !IS_WINDOWS);
  await office.agree();
  await assertDone(office);
});

Deno.test("a folder that a run which died was filling goes, with the copies in it", async () => {
  using office = new MemoryOffice();
  office.write({ left: TREE });
  await office.agree();
  using db = new StateDb(office.stateDb, { isReadOnly: true });
  const aside = `${office.right}/top/.office-sync-tmp-${db.meta("pair")}-x-1`;
  Deno.mkdirSync(aside);
  for (const name of Object.keys(FILES)) {
    Deno.writeTextFileSync(`${aside}/${name}`, "half of ");
  }
  office.write({ left: { "b.txt": "new" } });
  await office.agree();
  await assertDone(office, { ...TREE, "b.txt": "new" });
});

Deno.test({
  name: "a copied file of a new folder costs ten calls",
  ignore: IS_WINDOWS,
  async fn() {
    // A batch ends with its time, and what is left of a folder goes otherwise.
    using _clock = replaceCall(performance, "now", () => 1);
    const count = async (files: number): Promise<number> => {
      using office = new MemoryOffice();
      const all = Array.from({ length: files }, (_, n) => [`f${n}`, `${n}`]);
      office.write({ left: { new: Object.fromEntries(all) } });
      let calls = 0;
      using _watched = new WatchedCalls(
        [`${office.left}/new`, office.right],
        (n) => calls = n,
      );
      await office.agree();
      return calls;
    };
    // The scan looks at it. It is opened, read and looked at; the copy is made,
    // written, looked at by its name, given its rights, flushed and looked at.
    assert.equal((await count(60) - await count(20)) / 40, 10);
  },
});
