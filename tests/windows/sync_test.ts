import assert from "node:assert/strict";
import { join } from "node:path";
import { linesOf, Office, old, put } from "./support.ts";

Deno.test("C:\\pdrive_local and P:\\ are synced: new, changed, renamed and deleted both ways; a second run finds nothing", async () => {
  // As in the example config; other tests have folders of their own in P:\.
  const left = "C:\\pdrive_local";
  Deno.mkdirSync(left);
  const ignore = 'ignore: { filenames_prefix: ["office-sync-test-"] }\n';
  using office = new Office(ignore, { left, right: "P:\\" });
  const get = (root: string, name: string) =>
    Deno.readTextFileSync(join(root, name));
  put(left, "Verträge\\Müller.docx", "one");
  put(left, "edited.xlsx", "1");
  put(left, "gone.txt", "kept");
  put("P:\\", "named.txt", "a name");
  put("P:\\", "back.txt", "1");
  put("P:\\", "late.txt", "deleted on the right");
  const first = linesOf(await office.ends(0));
  assert.deepEqual(
    first.sort(),
    [
      "CREATE_DIR_RIGHT Verträge",
      "COPY_LEFT_TO_RIGHT Verträge/Müller.docx",
      "COPY_LEFT_TO_RIGHT edited.xlsx",
      "COPY_LEFT_TO_RIGHT gone.txt",
      "COPY_RIGHT_TO_LEFT named.txt",
      "COPY_RIGHT_TO_LEFT back.txt",
      "COPY_RIGHT_TO_LEFT late.txt",
    ].sort(),
  );
  assert.deepEqual(linesOf(await office.ends(0)), []);
  assert.equal(get("P:\\", "Verträge\\Müller.docx"), "one");
  put(left, "edited.xlsx", "longer");
  put("P:\\", "back.txt", "longer still");
  Deno.removeSync(join(left, "gone.txt"));
  Deno.removeSync("P:\\late.txt");
  Deno.renameSync("P:\\named.txt", "P:\\another name.txt");
  const second = linesOf(await office.ends(0));
  assert.deepEqual(
    second.sort(),
    [
      "COPY_LEFT_TO_RIGHT edited.xlsx",
      "COPY_RIGHT_TO_LEFT back.txt",
      "SOFT_DELETE_RIGHT gone.txt",
      "SOFT_DELETE_LEFT late.txt",
      "RENAME_LEFT named.txt -> another name.txt",
    ].sort(),
  );
  assert.equal(get("P:\\", "edited.xlsx"), "longer");
  assert.equal(get(left, "back.txt"), "longer still");
  assert.equal(get(left, "another name.txt"), "a name");
  assert.deepEqual(office.softDeleted("right"), { "gone.txt": "kept" });
  assert.deepEqual(office.softDeleted("left"), {
    "late.txt": "deleted on the right",
  });
  await office.rests();
  const log = Deno.readTextFileSync(office.log);
  assert.match(log, /INFO .*COPY_LEFT_TO_RIGHT path="Verträge\/Müller\.docx"/);
  assert.ok(Deno.statSync(join(office.config, "..", "config.db")).isFile);
  Deno.removeSync(left, { recursive: true });
});

Deno.test("a file edited on both sides is kept in both versions, on both sides", async () => {
  using office = new Office().write({
    left: { "plan.xlsx": old("first") },
  });
  await office.does(["COPY_LEFT_TO_RIGHT plan.xlsx"]);
  office.write({
    left: { "plan.xlsx": old("older edit", 1) },
    right: { "plan.xlsx": old("the newer", 2) },
  });
  await office.does([
    "CLASH_CREATE plan.xlsx -> plan.clash-20240115-083100-left.xlsx",
    "COPY_RIGHT_TO_LEFT plan.xlsx",
  ]);
  office.holds({
    "plan.clash-20240115-083100-left.xlsx": "older edit",
    "plan.xlsx": "the newer",
  });
  await office.rests();
});

Deno.test("two files that are new under one name are kept in both versions", async () => {
  using office = new Office().write({
    left: { d: { a: old("left's", 1) } },
    right: { d: { a: old("right's own") } },
  });
  await office.does([
    "CLASH_CREATE d/a -> d/a.clash-20240115-083000-right",
    "COPY_LEFT_TO_RIGHT d/a",
  ]);
  office.holds({
    d: { a: "left's", "a.clash-20240115-083000-right": "right's own" },
  });
  await office.rests();
});

Deno.test("plan tells what a run then does, and writes nothing", async () => {
  using office = new Office().write({
    left: { a: "1", d: { b: "2" } },
    right: { c: "3" },
  });
  const planned = linesOf(await office.ends(0, "plan"));
  assert.equal(planned.length, 4);
  assert.deepEqual([...Deno.readDirSync(office.right)].length, 1);
  await office.does(planned);
});

Deno.test("a state DB that is damaged stops the run with 3, and can be moved out of the way", async () => {
  using office = new Office().write({ left: { a: "1" } });
  const file = join(office.config, "..", "config.db");
  Deno.writeTextFileSync(file, "this was never a database ".repeat(100));
  const { exitCode, stop } = await office.run();
  assert.deepEqual([exitCode, stop?.name], [3, "state"]);
  Deno.renameSync(file, `${file}.damaged`);
  await office.does(["COPY_LEFT_TO_RIGHT a"]);
});

Deno.test("a drive that is not connected, or shows another disk, stops the run with 3; nothing is changed", async () => {
  using office = new Office().write({ left: { a: "1" } });
  await office.does(["COPY_LEFT_TO_RIGHT a"]);
  Deno.renameSync(office.right, `${office.right}~`);
  const { guard } = await office.ends(3);
  assert.equal(guard?.name, "roots");
  Deno.mkdirSync(office.right);
  const other = await office.run();
  assert.deepEqual([other.exitCode, other.stop?.name], [3, "identity"]);
  assert.equal(Deno.readTextFileSync(office.at("left", "a")), "1");
  Deno.removeSync(office.right, { recursive: true });
  Deno.renameSync(`${office.right}~`, office.right);
  await office.rests();
});
