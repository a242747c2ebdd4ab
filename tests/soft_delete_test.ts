import assert from "node:assert/strict";
import { TemporaryNames } from "../lib/file_ops.ts";
import { DELETED_FOLDER } from "../lib/names.ts";
import { SoftDelete } from "../lib/soft_delete.ts";
import {
  actions,
  file,
  MemoryOffice,
  softDeleted,
  type Tree,
} from "./support/support.ts";
import {
  after,
  intercept,
  systemError,
  TwoRoots,
} from "./support/two_roots.ts";

const RUN = "20260102-030405-pair";
const changed = { name: "Skipped", message: "changed during the run" };
const OWNER = { pair: "pair", run: "run" };

function softDelete(at: TwoRoots): SoftDelete {
  return new SoftDelete(RUN, new TemporaryNames(OWNER, [at.left, at.right]));
}

function keep(
  at: TwoRoots,
  path: string,
  run = softDelete(at),
): Promise<string> {
  return run.move(at.left, path, at.seen("left", path));
}

function inSoftDelete(at: TwoRoots): Record<string, string> {
  return softDeleted(at.left.path);
}

function modeOf(at: TwoRoots, path: string): number {
  return Deno.lstatSync(at.left.absolute(path)).mode! & 0o7777;
}

Deno.test("a soft-deleted file keeps its path, content, time and mode below the run's folder", async () => {
  const plan = file("plan", { mtime: 5e11, mode: 0o640 });
  using at = new TwoRoots().write({ left: { d: { "ä b": { plan } } } });
  const seen = at.seen("left", "d/ä b/plan");
  const place = await keep(at, "d/ä b/plan");
  assert.equal(place, `.office-sync/deleted/${RUN}/d/ä b/plan`);
  assert.deepEqual(at.seen("left", place), seen);
  assert.deepEqual(at.trees().left, { d: { "ä b": {} } });
  assert.deepEqual(inSoftDelete(at), { "d/ä b/plan": "plan" });
});

Deno.test("a file of the same name deleted again in one run gets a number", async () => {
  using at = new TwoRoots();
  const run = softDelete(at);
  const places: string[] = [];
  for (const content of ["1", "2", "3"]) {
    at.write({ left: { "a.txt": content } });
    places.push(await keep(at, "a.txt", run));
  }
  assert.deepEqual(places.map((it) => it.split("/").at(-1)), [
    "a.txt",
    "a-2.txt",
    "a-3.txt",
  ]);
  assert.deepEqual(inSoftDelete(at), {
    "a.txt": "1",
    "a-2.txt": "2",
    "a-3.txt": "3",
  });
});

Deno.test("a numbered name stays within what a file system holds", async () => {
  const name = "ä".repeat(125) + ".docx";
  using at = new TwoRoots();
  const run = softDelete(at);
  for (const content of ["1", "2"]) {
    at.write({ left: { [name]: content } });
    await keep(at, name, run);
  }
  assert.deepEqual(Object.values(inSoftDelete(at)).sort(), ["1", "2"]);
});

Deno.test("what stands in the soft-delete folder already is never replaced", async () => {
  const folder: Tree = { a: "earlier", b: { inner: "" } };
  using at = new TwoRoots().write({
    left: { a: "1", b: "2", ".office-sync": { deleted: { [RUN]: folder } } },
  });
  await keep(at, "a");
  await keep(at, "b");
  const found = { a: "earlier", "a-2": "1", "b-2": "2", "b/inner": "" };
  assert.deepEqual(inSoftDelete(at), found);
});

Deno.test("a folder whose name a deleted file has already gets a number too", async () => {
  using at = new TwoRoots().write({ left: { a: "1" } });
  await keep(at, "a");
  at.write({ left: { a: { b: "2", c: "3" } } });
  const run = softDelete(at);
  await keep(at, "a/b", run);
  await keep(at, "a/c", run);
  assert.deepEqual(Object.values(inSoftDelete(at)).sort(), [
    "1",
    "2",
    "3",
  ]);
  assert.deepEqual(at.trees().left, { a: {} });
});

Deno.test("folders get the mode of those they stand for, and stay open to who syncs", async () => {
  using at = new TwoRoots().write({ left: { d: { e: { a: "1" } }, b: "2" } });
  Deno.chmodSync(at.left.path, 0o750);
  Deno.chmodSync(at.left.absolute("d"), 0o2770);
  Deno.chmodSync(at.left.absolute("d/e"), 0o355);
  const run = softDelete(at);
  await keep(at, "b", run);
  await keep(at, "d/e/a", run);
  Deno.chmodSync(at.left.absolute("d/e"), 0o755);
  assert.equal(modeOf(at, DELETED_FOLDER), 0o750);
  assert.equal(modeOf(at, `${DELETED_FOLDER}/${RUN}`), 0o750);
  assert.equal(modeOf(at, `${DELETED_FOLDER}/${RUN}/d`) & 0o777, 0o770);
  assert.equal(modeOf(at, `${DELETED_FOLDER}/${RUN}/d/e`), 0o755);
});

Deno.test("a file that is not what was seen is not moved", async () => {
  using at = new TwoRoots().write({ left: { a: "old" } });
  const seen = at.seen("left", "a");
  Deno.writeTextFileSync(at.left.absolute("a"), "edited");
  const run = softDelete(at);
  await assert.rejects(run.move(at.left, "a", seen), changed);
  assert.deepEqual([at.trees().left, inSoftDelete(at)], [{
    a: "edited",
  }, {}]);
});

Deno.test("a file written to at the last moment is put back", async () => {
  using at = new TwoRoots().write({ left: { a: "old" } });
  const seen = at.seen("left", "a");
  using _program = after("renameSync", (_, place) => {
    Deno.writeTextFileSync(place!, "edited");
  });
  const run = softDelete(at);
  await assert.rejects(run.move(at.left, "a", seen), changed);
  assert.deepEqual([at.trees().left, inSoftDelete(at)], [{
    a: "edited",
  }, {}]);
});

Deno.test("where its name is taken by then, it stays where it is", async () => {
  using at = new TwoRoots().write({ left: { a: "old" } });
  const seen = at.seen("left", "a");
  using _program = after("renameSync", (path, place) => {
    Deno.writeTextFileSync(place!, "edited");
    Deno.writeTextFileSync(path!, "saved anew");
  });
  const run = softDelete(at);
  await assert.rejects(run.move(at.left, "a", seen), changed);
  const there = [at.trees().left, inSoftDelete(at)];
  assert.deepEqual(there, [{ a: "saved anew" }, { a: "edited" }]);
});

for (
  const link of [".office-sync", DELETED_FOLDER, `${DELETED_FOLDER}/${RUN}`]
) {
  Deno.test(`nothing is put through a link in the place of ${link}`, async () => {
    using at = new TwoRoots().write({ left: { a: "1" } });
    const path = `${at.left.path}/${link}`;
    if (link === ".office-sync") Deno.removeSync(path);
    else {Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), {
        recursive: true,
      });}
    Deno.symlinkSync(at.outside, path);
    await assert.rejects(keep(at, "a"), {
      name: "Skipped",
      message: /is no folder; move away what has its name$/,
    });
    assert.equal(Deno.readTextFileSync(at.left.absolute("a")), "1");
    assert.deepEqual([...Deno.readDirSync(at.outside)], []);
  });
}

Deno.test("nothing is taken through a linked folder", async () => {
  using at = new TwoRoots().write({ left: { d: { a: "mine" } } });
  const seen = at.seen("left", "d/a");
  Deno.renameSync(at.left.absolute("d"), `${at.outside}/d`);
  Deno.symlinkSync(`${at.outside}/d`, at.left.absolute("d"));
  const run = softDelete(at);
  await assert.rejects(run.move(at.left, "d/a", seen), changed);
  assert.equal(Deno.readTextFileSync(`${at.outside}/d/a`), "mine");
});

/** A rename between two disks fails as the system fails it, once. */
function acrossDisks(from: string): Disposable {
  return intercept("renameSync", (real, source, target) => {
    const isAcross = source!.endsWith(from) && target!.includes("/deleted/");
    if (isAcross) throw systemError("EXDEV");
    return real(source, target);
  });
}

Deno.test("a file on a disk mounted inside the root is copied, flushed and then removed", async () => {
  const plan = file("plan", { mtime: 5e11, mode: 0o640 });
  using at = new TwoRoots().write({ left: { d: { plan } } });
  const { id: _, ...seen } = at.seen("left", "d/plan");
  using _disks = acrossDisks("/d/plan");
  const place = await keep(at, "d/plan");
  const { id: __, ...found } = at.seen("left", place);
  assert.deepEqual(found, seen);
  assert.deepEqual(at.trees().left, { d: {} });
  assert.deepEqual(inSoftDelete(at), { "d/plan": "plan" });
});

Deno.test("a file edited while it is copied from such a disk stays, and leaves no half copy", async () => {
  using at = new TwoRoots().write({ left: { d: { a: "old" } } });
  const seen = at.seen("left", "d/a");
  using _disks = acrossDisks("/d/a");
  using _program = after("linkSync", () => {
    Deno.writeTextFileSync(at.left.absolute("d/a"), "edited");
  });
  await assert.rejects(softDelete(at).move(at.left, "d/a", seen), changed);
  assert.deepEqual([at.trees().left, inSoftDelete(at)], [
    { d: { a: "edited" } },
    {},
  ]);
});

const MB = 1_048_576;

Deno.test("a file of exactly the limit is soft-deleted, one byte more is not", async () => {
  using office = new MemoryOffice("soft_delete: { max_size_mb: 1 }");
  office.write({
    left: {
      limit: new Array(MB + 1).join("x"),
      over: new Array(MB + 2).join("x"),
    },
  });
  await office.agree();
  Deno.removeSync(`${office.left}/limit`);
  Deno.removeSync(`${office.left}/over`);
  assert.deepEqual(actions(await office.agree()), [
    "SOFT_DELETE_RIGHT limit",
    "DELETE_RIGHT over",
  ]);
  assert.deepEqual(Object.keys(softDeleted(office.right)), ["limit"]);
  assert.deepEqual(softDeleted(office.left), {});
});

Deno.test("with soft delete off nothing is soft-deleted", async () => {
  using office = new MemoryOffice("soft_delete: { enabled: false }");
  office.write({ left: { a: "1" } });
  await office.agree();
  Deno.removeSync(`${office.left}/a`);
  assert.deepEqual(actions(await office.agree()), ["DELETE_RIGHT a"]);
  assert.deepEqual(softDeleted(office.right), {});
});

for (const keeps of [true, false]) {
  Deno.test(`a replaced version is ${keeps ? "" : "not "}soft-deleted with keep_replaced ${keeps}`, async () => {
    using office = new MemoryOffice(`soft_delete: { keep_replaced: ${keeps} }`);
    office.write({ left: { d: { a: "old" } } });
    await office.agree();
    office.write({ left: { d: { a: "newer" } } });
    const result = await office.agree();
    assert.deepEqual(softDeleted(office.right), keeps ? { "d/a": "old" } : {});
    const [outcome] = result.outcomes;
    const place = keeps ? /^\.office-sync\/deleted\/[^/]+\/d\/a$/ : /^null$/;
    assert.match(String(outcome?.newPath), place);
    assert.deepEqual(office.trees().right, { d: { a: "newer" } });
  });
}

Deno.test("where the soft-delete folder can't be made, the file stays and the action fails", async () => {
  using office = new MemoryOffice();
  office.write({ left: { a: "1", b: "2" } });
  await office.agree();
  Deno.writeTextFileSync(`${office.right}/.office-sync/deleted`, "in the way");
  Deno.removeSync(`${office.left}/a`);
  const result = await office.run();
  assert.equal(result.exitCode, 1);
  assert.notEqual(result.outcomes[0]?.kind, "done");
  assert.deepEqual(office.trees().right, { a: "1", b: "2" });
});

Deno.test("a folder, or a number, that another thread takes at that moment is no failure", async () => {
  const name = "x".repeat(200);
  const deep = Array(20).fill(name).join("/");
  using at = new TwoRoots().write({ left: { d: { a: "1" } } });
  const folders: string[] = [];
  {
    using _thread = intercept("mkdirSync", (real, path) => {
      folders.push(path!);
      real(path);
      throw systemError("EEXIST");
    });
    await keep(at, "d/a");
  }
  assert.deepEqual(inSoftDelete(at), { "d/a": "1" });
  assert.equal(folders.length, 3);
  Deno.mkdirSync(`${at.left.path}/${deep.slice(0, 2000)}`, { recursive: true });
  // Its path would be too long there.
  const long = `${deep.slice(0, 2000)}/${"y".repeat(250)}`;
  Deno.writeTextFileSync(`${at.left.path}/${long}`, "2");
  using _room = intercept("mkdirSync", (real, path, ...rest) => {
    if (path!.length > 1000) throw systemError("ENAMETOOLONG");
    return real(path, ...rest);
  });
  let isFirst = true;
  using _thread = intercept("openSync", (real, path, ...rest) => {
    if (isFirst && path!.endsWith("/1.txt")) {
      isFirst = false;
      Deno.writeTextFileSync(path!, "another path");
    }
    return real(path, ...rest);
  });
  const place = await keep(at, long);
  assert.match(place, /\/2-y+$/);
  assert.equal(Deno.readTextFileSync(at.left.absolute(place)), "2");
});
