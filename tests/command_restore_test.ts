import assert from "node:assert/strict";
import type { RestoreContext, Restored } from "../lib/command_restore.ts";
import { filesHere } from "../lib/files_handlers.ts";
import { StateDb, takeLock } from "../lib/state_db.ts";
import { SIDES } from "../lib/types.ts";
import { type RequestKind, SharedState } from "../lib/wire_messages.ts";
import type { Asks, Files } from "../lib/wire_port.ts";
import { ActingThreads } from "./support/files_threads.ts";
import { snapshot } from "./support/snapshot.ts";
import {
  actions,
  AtMoment,
  describe,
  file,
  MemoryOffice,
  type Office,
  read,
  softDeleted,
  write,
} from "./support/support.ts";
import { intercept, systemError, TwoRoots } from "./support/two_roots.ts";
import { bring } from "./support/work_bench.ts";

const OLD = "2024-01-15T08:30:00.123Z";
const OLDER = "2024-01-14T08:30:00Z";

/** Both sides held this; Left removed it, and a run has followed. */
async function removed(
  office: Office,
  tree: Parameters<Office["write"]>[0]["left"] = {},
  names = Object.keys(tree),
): Promise<string> {
  write(office.left, tree);
  await office.agree();
  for (const name of names) {
    Deno.removeSync(`${office.left}/${name}`, { recursive: true });
  }
  return (await office.agree()).id;
}

function both(office: Office) {
  return [office.left, office.right].map((root) => snapshot(root));
}

/** What both sides agreed on. */
function recorded({ stateDb }: Office): unknown {
  using db = new StateDb(stateDb, { isReadOnly: true });
  return ["files", "directories", "meta", "conflicts"]
    .map((table) => db.query(`SELECT * FROM ${table}`));
}

/** One more run finds nothing to do. */
async function rests(office: Office): Promise<void> {
  const again = await office.run();
  assert.deepEqual(actions(again), [], describe(again));
  assert.equal(again.exitCode, 0, describe(again));
  const left = JSON.stringify(both(office)).match(/\.office-sync-(?:tmp|mv)/g);
  assert.equal(left, null, "a temporary file is left");
}

Deno.test("restore brings a version back to both sides with its time and mode, and the next run only records it", async () => {
  using office = new MemoryOffice();
  await removed(office, {
    d: { "ä b.txt": file("old", { mtime: OLD, mode: 0o640 }) },
  });
  const before = recorded(office);
  const { code, stdout } = await office.commandHere("restore", "d/ä b.txt");
  assert.equal(code, 0);
  assert.match(stdout, /^d\/ä b\.txt: brought back to Left and Right/);
  assert.deepEqual(recorded(office), before);
  for (const root of [office.left, office.right]) {
    const info = Deno.lstatSync(`${root}/d/ä b.txt`);
    assert.equal(info.mtime?.toISOString(), OLD);
    assert.equal(info.mode! & 0o777, 0o640);
    assert.equal(Deno.readTextFileSync(`${root}/d/ä b.txt`), "old");
  }
  assert.deepEqual(softDeleted(office.right), { "d/ä b.txt": "old" });
  await rests(office);
  assert.match(
    Deno.readTextFileSync(office.log),
    /INFO .* RESTORE_LEFT path="d\/ä b\.txt" rule=- reason="soft-deleted on Right as /,
  );
});

Deno.test("restore takes the newest version, --from another", async () => {
  using office = new MemoryOffice("soft_delete: { keep_replaced: true }");
  const first = await removed(office, { a: file("1", { mtime: OLDER }) });
  // The folders of two runs of one second are one.
  await new Promise((done) => setTimeout(done, 1100));
  await removed(office, { a: file("22", { mtime: OLD }) });
  const listed = await office.json("restore", "a", "--list");
  assert.deepEqual(
    // deno-lint-ignore no-explicit-any
    listed.versions.map((it: any) => [it.path, it.bytes, it.modifiedAt]),
    [["a", 2, OLD], ["a", 1, OLDER.replace("Z", ".000Z")]],
  );
  assert.equal(listed.versions[1].run, first);
  await office.commandHere("restore", "a");
  assert.deepEqual(office.trees(), { left: { a: "22" }, right: { a: "22" } });
  const begins = first.slice(0, -2);
  const refused = await office.commandHere("restore", "a", "--from", begins);
  assert.equal(refused.code, 1, refused.stdout);
  const century = await office.commandHere("restore", "a", "--from", "20");
  assert.equal(century.code, 2, "two runs begin so");
  const { code } = await office.commandHere(
    ...["restore", "--from", first, "--force"],
  );
  assert.equal(code, 0);
  assert.deepEqual(office.trees(), { left: { a: "1" }, right: { a: "1" } });
  await rests(office);
});

Deno.test("restore --list shows what is soft-deleted, also while a run is active, and changes nothing", async () => {
  using office = new MemoryOffice();
  await removed(office, { a: "1", d: { b: "2" } });
  const before = [office.left, office.right].map((it) => snapshot(it, true));
  using _run = takeLock(office.stateDb);
  const { code, stdout } = await office.commandHere("restore", "--list");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^a\n {2}removed .* on Right; 1 byte, edited .*\nd\/b\n/,
  );
  assert.match(stdout, /\n2 versions\.\n$/);
  const { versions } = await office.json("restore", "d/", "--list");
  assert.deepEqual(Object.keys(versions[0]), [
    ...["path", "side", "run", "folder", "softDeletedPath", "removedAt"],
    ...["modifiedAt", "bytes"],
  ]);
  assert.deepEqual([versions.length, versions[0].path], [1, "d/b"]);
  const after = [office.left, office.right].map((it) => snapshot(it, true));
  assert.deepEqual(after, before);
});

Deno.test("restore --list says so where nothing is soft-deleted", async () => {
  using office = new MemoryOffice();
  const { code, stdout } = await office.commandHere("restore", "--list");
  assert.deepEqual([code, stdout], [0, "Nothing is soft-deleted.\n"]);
});

Deno.test("restore gives a numbered file the name it had, as long as the state DB knows it", async () => {
  using office = new MemoryOffice();
  // Runs of one second have one folder for what they soft-delete.
  const startedAtMs = Date.now();
  let run = "";
  for (const text of ["1", "22"]) {
    write(office.left, { "a.txt": text });
    await office.agree();
    Deno.removeSync(`${office.left}/a.txt`);
    run = (await office.agree({ startedAtMs })).id;
  }
  const kept = softDeleted(office.right);
  assert.deepEqual(kept, { "a.txt": "1", "a-2.txt": "22" });
  const second = async () => {
    const { versions } = await office.json("restore", "--list");
    return versions.find((it: { bytes: number }) => it.bytes === 2);
  };
  const known = await second();
  assert.deepEqual([known.path, known.run], ["a.txt", run]);
  Deno.removeSync(office.stateDb);
  const lost = await second();
  assert.deepEqual([lost.path, lost.run], ["a-2.txt", null]);
  const { code } = await office.commandHere("restore", "--from", lost.folder);
  assert.equal(code, 0);
  assert.deepEqual(office.trees().left, kept);
  assert.throws(() => Deno.lstatSync(office.stateDb), "no DB is made");
});

Deno.test("restore brings all of a folder back, with what is in it", async () => {
  using office = new MemoryOffice();
  await removed(office, { d: { a: "1", e: { b: "2" } }, x: "3" });
  const { code, stdout } = await office.commandHere("restore", "d/");
  assert.equal(code, 0);
  assert.match(stdout, /\n2 files brought back\.\n$/);
  const tree = { d: { a: "1", e: { b: "2" } } };
  assert.deepEqual(office.trees(), { left: tree, right: tree });
  await rests(office);
});

Deno.test("restore gives new folders the mode of those that were removed", async () => {
  using office = new MemoryOffice();
  write(office.left, { d: { a: "1" } });
  write(office.right, { d: {} });
  Deno.chmodSync(`${office.right}/d`, 0o750);
  await office.agree();
  Deno.removeSync(`${office.left}/d`, { recursive: true });
  await office.agree();
  await office.commandHere("restore", "d/a");
  assert.equal(Deno.lstatSync(`${office.left}/d`).mode! & 0o777, 0o750);
});

Deno.test("restore --to one side leaves the other to the next run", async () => {
  using office = new MemoryOffice();
  await removed(office, { a: "1" });
  await office.commandHere("restore", "a", "--to", "left");
  assert.deepEqual(office.trees(), { left: { a: "1" }, right: {} });
  assert.deepEqual(actions(await office.agree()), ["COPY_LEFT_TO_RIGHT a"]);
});

Deno.test("restore soft-deletes an older file that stands in the way", async () => {
  using office = new MemoryOffice();
  await removed(office, { a: file("new", { mtime: OLD }) });
  office.configure("soft_delete: { enabled: false }");
  write(office.left, { a: file("older", { mtime: OLDER }) });
  const document = await office.json("restore", "a");
  assert.equal(document.exitCode, 0);
  const [restored] = document.files;
  assert.deepEqual(Object.keys(restored), [
    ...["path", "outcome", "sides", "reason", "replaced", "version"],
  ]);
  assert.deepEqual(restored.sides, ["left", "right"]);
  assert.match(restored.replaced.left, /^\.office-sync\/deleted\/[^/]+\/a$/);
  assert.equal(restored.replaced.right, null);
  assert.deepEqual(office.trees(), { left: { a: "new" }, right: { a: "new" } });
  assert.deepEqual(softDeleted(office.left), { a: "older" });
  await rests(office);
});

Deno.test("restore is a run of the history, and what it replaced is known as its own", async () => {
  using office = new MemoryOffice(
    "conflict_policy: { modify_modify: notify, new_new: notify }",
  );
  await removed(office, { a: file("new", { mtime: OLD }), b: "b" });
  write(office.left, { a: file("older", { mtime: OLDER }), c: "c" });
  write(office.right, { c: "other" });
  assert.equal((await office.run({})).exitCode, 1);
  const { conflicts } = await office.json("conflicts");
  assert.equal(conflicts.length, 1);
  write(office.right, { b: "newer" });
  assert.equal((await office.commandHere("restore", "./")).code, 1);
  const { runs: [{ id, exitCode, summary }] } = await office.json("history");
  assert.equal(exitCode, 1);
  assert.deepEqual(
    [summary.RESTORE_LEFT, summary.RESTORE_RIGHT, summary.bytesCopied],
    [1, 1, 6],
  );
  const told = await office.json("history", id);
  assert.deepEqual(
    // deno-lint-ignore no-explicit-any
    told.actions.map((it: any) => [it.action, it.path, it.outcome]),
    [
      ["RESTORE_RIGHT", "b", "skipped"],
      ["RESTORE_LEFT", "a", "done"],
      ["RESTORE_RIGHT", "a", "done"],
    ],
  );
  assert.match(told.actions[0].detail, /^what is on Right is newer/);
  const { stdout } = await office.commandHere("history");
  assert.match(stdout, /exit 1 {2}brought back 2, skipped 1\n/);
  const { versions } = await office.json("restore", "--list", "a");
  const [mine] = versions.filter((it: { run: string }) => it.run === id);
  assert.equal(mine.softDeletedPath, told.actions[1].newPath);
  const after = await office.json("conflicts");
  assert.deepEqual(after.conflicts, conflicts, "they are open still");
});

Deno.test("restore refuses to replace a newer file, on either side, and changes nothing", async () => {
  for (const side of ["left", "right"] as const) {
    using office = new MemoryOffice();
    await removed(office, { a: file("old", { mtime: OLD }), b: "b" });
    write(office[side], { a: "newer" });
    const before = both(office);
    const { code, stdout } = await office.commandHere("restore", "a");
    assert.equal(code, 1);
    const name = side === "left" ? "Left" : "Right";
    assert.match(stdout, RegExp(`^a: refused: what is on ${name} is newer`));
    assert.deepEqual(both(office), before);
    const all = await office.json("restore", "./");
    assert.deepEqual(
      // deno-lint-ignore no-explicit-any
      all.files.map((it: any) => `${it.path} ${it.outcome}`),
      ["a refused", "b done"],
    );
    const forced = await office.json("restore", "a", "--force");
    assert.equal(forced.exitCode, 0);
    const tree = { a: "old", b: "b" };
    assert.deepEqual(office.trees(), { left: tree, right: tree });
    const place = forced.files[0].replaced[side];
    assert.equal(Deno.readTextFileSync(`${office[side]}/${place}`), "newer");
    await rests(office);
  }
});

Deno.test("restore leaves a file alone that is there already, just so", async () => {
  using office = new MemoryOffice();
  await removed(office, { a: "1" });
  await office.commandHere("restore", "a");
  const before = both(office);
  const { code, stdout } = await office.commandHere("restore", "a");
  assert.deepEqual([code, stdout], [
    0,
    "a: is there already, just so\n\n0 files brought back.\n",
  ]);
  assert.deepEqual(both(office), before);
});

Deno.test("restore given twice ends as given once, and what it put aside comes back by --from alone", async () => {
  using office = new MemoryOffice();
  const first = await removed(office, {
    d: { a: file("1", { mtime: OLDER }) },
  });
  write(office.left, { d: { a: file("newer", { mtime: OLD }) } });
  await office.agree();
  // The folders of two runs of one second are one.
  await new Promise((done) => setTimeout(done, 1100));
  const is = { left: { d: { a: "1" } }, right: { d: { a: "1" } } };
  // They mean what they meant, though that restore has begun so as well.
  const begins = ["--from", first.slice(0, 8)];
  for (const words of [["d/a"], ["d/"], ["./"], ["d/a", ...begins], begins]) {
    for (const outcome of ["done", "same", "same"]) {
      const { files } = await office.json("restore", ...words, "--force");
      assert.equal(files[0].outcome, outcome, `${words}`);
      assert.deepEqual(office.trees(), is);
    }
    const { runs } = await office.json("history");
    const id = runs.find((it: { summary: { RESTORE_LEFT: number } }) =>
      it.summary.RESTORE_LEFT > 0
    )?.id;
    for (const outcome of ["done", "same"]) {
      const words = ["d/a", "--from", id, "--force"];
      const { files } = await office.json("restore", ...words);
      assert.equal(files[0].outcome, outcome);
      assert.deepEqual(office.trees().left, { d: { a: "newer" } });
    }
  }
  const { stdout } = await office.commandHere("restore", "--list", "d/a");
  assert.match(stdout, /^ {2}put aside .* by restore \S+ on Left; 5 bytes/m);
  assert.match(stdout, /^ {2}removed .* by run \S+ on Right; 1 byte,/m);
  Deno.removeSync(
    `${office.right}/.office-sync/deleted/${
      [...Deno.readDirSync(`${office.right}/.office-sync/deleted`)]
        .map(({ name }) => name).sort()[0]
    }`,
    { recursive: true },
  );
  const { code, stderr } = await office.commandHere("restore", "d/a");
  assert.equal(code, 2);
  assert.match(stderr, /"d\/a" was put aside by a restore: --from RUN brings/);
});

Deno.test("restore refuses what a folder, a link or a file above stands in the way of, even with --force", async () => {
  using office = new MemoryOffice();
  await removed(office, { a: "1", b: "2", d: { c: "3" }, e: { f: "4" } });
  const outside = `${office.folder}/outside`;
  Deno.mkdirSync(outside);
  write(office.left, { a: {}, d: "in the way" });
  Deno.symlinkSync("nowhere", `${office.left}/b`);
  Deno.symlinkSync(outside, `${office.left}/e`);
  const before = both(office);
  const { code, stdout } = await office.commandHere("restore", ".", "--force");
  assert.equal(code, 1);
  assert.match(stdout, /^a: refused: on Left a folder has that name$/m);
  assert.match(
    stdout,
    /^b: refused: on Left a link or the like has that name$/m,
  );
  assert.match(stdout, /^d\/c: refused: on Left d is no folder any more$/m);
  assert.match(stdout, /^e\/f: refused: on Left e is no folder any more$/m);
  assert.match(stdout, /\n0 files brought back; 4 not, see above\.\n$/);
  assert.deepEqual(both(office), before);
  assert.deepEqual([...Deno.readDirSync(outside)], []);
});

Deno.test("restore replaces nothing under the program that has it open, not even with --force", async () => {
  using office = new MemoryOffice();
  const name = "01Offer.xlsx";
  const tree = { d: { [name]: file("version", { mtime: OLD }) } };
  await removed(office, tree, ["d"]);
  const standing = file("older", { mtime: OLDER });
  for (const side of SIDES) write(office[side], { d: { [name]: standing } });
  const owner = `${office.right}/d/~$Offer.xlsx`;
  const told = "\x04Anna".padEnd(55, "\0") + "\x04\0A\0n\0n\0a\0";
  Deno.writeTextFileSync(owner, told);
  const before = both(office);
  const command = ["restore", `d/${name}`];
  for (const more of [[], ["--force"], ["--to", "right"]]) {
    const { code, stdout } = await office.commandHere(...command, ...more);
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^d\/01Offer\.xlsx: refused: what is on Right is open by Anna \(Excel\) since \d\d:\d\d: have it closed there, then bring the version back\n/,
    );
    assert.deepEqual(both(office), before);
  }
  // Left is free: what has the document open there is on Right alone.
  const left = await office.commandHere(...command, "--to", "left");
  assert.equal(left.code, 0, left.stdout);
  office.configure("open_documents: ignore");
  assert.equal((await office.commandHere(...command)).code, 0);
  assert.equal(read(`${office.right}/d`)[name], "version");
});

Deno.test("restore goes by no owner file that is left behind, or tells of another document", async () => {
  using office = new MemoryOffice();
  const names = ["😀 plan.docx", "01Offer.xlsx"];
  const tree = (text: string, mtime: string) =>
    Object.fromEntries(names.map((name) => [name, file(text, { mtime })]));
  await removed(office, tree("version", OLD), names);
  write(office.right, {
    ...tree("older", OLDER),
    "~$😀 plan.docx": file("", { mtime: OLD }),
    "~$Offer.xlsx": "",
    "Offer.xlsx": "this one is open",
  });
  const { code, stdout } = await office.commandHere("restore", ".");
  assert.equal(code, 0, stdout);
  for (const name of names) {
    assert.equal(office.trees().right[name], "version");
  }
});

Deno.test("restore never takes anything through a link", async () => {
  using office = new MemoryOffice();
  await removed(office, { a: "1", d: { b: "2" } });
  const base = `${office.right}/.office-sync/deleted`;
  const [{ name = "" } = {}] = [...Deno.readDirSync(base)];
  const outside = `${office.folder}/outside`;
  Deno.mkdirSync(outside);
  for (const inner of ["a", "d"]) {
    Deno.renameSync(`${base}/${name}/${inner}`, `${outside}/${inner}`);
    Deno.symlinkSync(`${outside}/${inner}`, `${base}/${name}/${inner}`);
  }
  assert.deepEqual(await office.json("restore", "--list"), { versions: [] });
  for (const link of [`${base}/${name}`, base]) {
    Deno.removeSync(link, { recursive: true });
    Deno.mkdirSync(`${outside}/${name}/${name}`, { recursive: true });
    write(`${outside}/${name}`, { c: "3", [name]: { c: "3" } });
    Deno.symlinkSync(`${outside}/${name}`, link);
    assert.deepEqual(await office.json("restore", "--list"), { versions: [] });
  }
});

Deno.test("restore lists other pairs' versions, and nothing that no run made", async () => {
  using office = new MemoryOffice();
  await office.agree();
  write(office.right, {
    ".office-sync": {
      deleted: {
        "20240115-083000-other1": { a: "1" },
        "20240115-083000-other1-2": { b: "2" },
        "20240231-083000-other1": { c: "3" },
        "my own": { d: "4" },
        "e": "5",
      },
    },
  });
  const { versions } = await office.json("restore", "--list");
  // deno-lint-ignore no-explicit-any
  assert.deepEqual(versions.map((it: any) => it.path), ["a", "b"]);
  assert.equal(versions[0].removedAt, "2024-01-15T08:30:00.000Z");
});

Deno.test("restore ends with 4 while a run is active", async () => {
  using office = new MemoryOffice();
  await removed(office, { a: "1" });
  using _run = takeLock(office.stateDb);
  const { code, stderr } = await office.commandHere("restore", "a");
  assert.equal(code, 4, stderr);
  assert.deepEqual(office.trees(), { left: {}, right: {} });
});

Deno.test("restore ends with 3 where a root is not the one that is known", async () => {
  using office = new MemoryOffice();
  await removed(office, { a: "1" });
  Deno.removeSync(`${office.left}/.office-sync/root.json`);
  const { code, stderr } = await office.commandHere("restore", "a");
  assert.equal(code, 3, stderr);
  assert.deepEqual(office.trees(), { left: {}, right: {} });
});

Deno.test("restore goes on where one file can't be brought back, and leaves nothing of it", async () => {
  using office = new MemoryOffice();
  await removed(office, { d: { a: "1" }, e: { f: { c: "3" } }, b: "2" });
  Deno.mkdirSync(`${office.left}/d`, { mode: 0o555 });
  const [{ softDeletedPath }] =
    (await office.json("restore", "--list", "e/")).versions;
  Deno.chmodSync(`${office.right}/${softDeletedPath}`, 0);
  const { code, stdout } = await office.humbleHere("restore", ".");
  assert.equal(code, 1);
  assert.match(stdout, /^d\/a: failed: access is denied.* \(EACCES\)$/m);
  assert.match(stdout, /^e\/f\/c: failed: access is denied.* \(EACCES\)$/m);
  const left = { b: "2", d: {} };
  assert.deepEqual(office.trees(), { left, right: { b: "2" } });
  const names = JSON.stringify(both(office));
  assert.doesNotMatch(names, /\.office-sync-tmp/);
});

Deno.test("restore takes paths as people type them, and tells in one line what is wrong with others", async () => {
  using office = new MemoryOffice();
  await removed(office, { d: { a: "1" } });
  for (
    const typed of ["./d/a", "d//a", `${office.left}/d/a`, `${office.right}/d/`]
  ) {
    const { code, stderr } = await office.commandHere("restore", typed);
    assert.equal(code, 0, `${typed}: ${stderr}`);
  }
  const wrong: [string[], RegExp][] = [
    [
      ["restore", "b"],
      /^No version of "b" was soft-deleted, or none is there /,
    ],
    [["restore", "d"], /^"d" is a folder: end it with a slash \("d\/"\)\.\n/],
    [["restore", "../a"], /^"\.\.\/a": \.\. is not allowed; /],
    [["restore", "/etc/passwd"], /^"\/etc\/passwd" is in neither root\.\n/],
    [["restore", "--from", "x"], /^No version was soft-deleted by run "x", /],
    [["restore", "--list", "b"], /^No version of "b" was soft-deleted/],
    [["restore"], /^restore needs a path, --from RUN or --list\.\n/],
    [["restore", "d/a", "--to", "up"], /^--to: "up" is not allowed/],
  ];
  for (const [args, line] of wrong) {
    const { code, stdout, stderr } = await office.commandHere(...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, line);
  }
});

// Bringing back in process, while other programs act or disks fail.

/** A version on Right, and an older file where it goes. */
function twoRoots(standing: Record<string, string> = {}): TwoRoots {
  const older = Object.fromEntries(
    Object.entries(standing).map(([name, text]) => [
      name,
      file(text, { mtime: "2023-01-01T00:00:00Z" }),
    ]),
  );
  return new TwoRoots().write({
    left: older,
    right: {
      ".office-sync": {
        deleted: {
          "20240101-000000-pair": { a: "kept", d: { b: "kept too", c: "c" } },
        },
      },
    },
  });
}

async function broughtBack(
  at: TwoRoots,
  paths: readonly string[] = ["a"],
  how: Partial<RestoreContext> = {},
): Promise<readonly Restored[]> {
  const { restored, isWhole } = await bring(at, "right", paths, how);
  assert.ok(isWhole);
  return restored;
}

/** Lets another program act just before a file gets its name, once. */
function before(path: string, act: () => void): Disposable {
  let isDone = false;
  return intercept("linkSync", (real, from, to) => {
    if (to === path && !isDone) {
      isDone = true;
      act();
    }
    return real(from, to);
  });
}

function leftovers(at: TwoRoots): string[] {
  return SIDES.flatMap((side) => at.names(side))
    .filter((name) => name.includes("-tmp-"));
}

Deno.test("a file that appears at the last moment keeps its name", async () => {
  using at = twoRoots();
  const path = at.right.absolute("a");
  using _program = before(path, () => Deno.writeTextFileSync(path, "saved"));
  const [restored] = await broughtBack(at);
  assert.equal(restored?.outcome, "failed");
  assert.equal(restored?.reason, "changed during the run");
  assert.deepEqual(restored?.sides, ["left"], "that is where it is by now");
  assert.deepEqual(at.trees(), { left: { a: "kept" }, right: { a: "saved" } });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("what does not get its name on one side gets none on the other", async () => {
  using at = twoRoots();
  const path = at.left.absolute("d/b");
  using _program = before(path, () => Deno.writeTextFileSync(path, "saved"));
  const [a, b] = await broughtBack(at, ["a", "d/b"]);
  assert.equal(a?.outcome, "done");
  assert.deepEqual(
    [b?.outcome, b?.sides, b?.reason],
    ["failed", [], "changed during the run"],
  );
  assert.deepEqual(at.trees(), {
    left: { a: "kept", d: { b: "saved" } },
    right: { a: "kept" },
  });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("a file that is saved after the places were looked at is not replaced", async () => {
  for (const standing of [{}, { a: "older" }]) {
    using at = twoRoots(standing);
    const path = at.left.absolute("a");
    // Just before anything is written.
    const files = filesHere({ left: at.left.path, right: at.right.path });
    const ask: Files["ask"] = (kind, ...rest) => {
      if (kind === "act") Deno.writeTextFileSync(path, "saved");
      return files.ask(kind, ...rest);
    };
    const { shared, walls, actors, isBusy } = files;
    const idle = { grow() {}, listen() {} };
    const [restored] = await broughtBack(at, ["a"], {
      files: { ask, shared, walls, actors, isBusy, ...idle },
    });
    assert.deepEqual(
      [restored?.outcome, restored?.sides, restored?.reason],
      ["failed", [], "changed during the run"],
    );
    assert.deepEqual(at.trees(), { left: { a: "saved" }, right: {} });
    assert.deepEqual(leftovers(at), []);
  }
});

Deno.test("a file that is busy for a moment is tried again on its side, and its other side with it", async () => {
  for (const times of [2, Infinity]) {
    using at = twoRoots({ a: "older" });
    const path = at.left.absolute("a");
    let tries = 0;
    using _program = intercept("renameSync", (real, from, to) => {
      if (from === path && ++tries <= times) throw systemError("EBUSY");
      return real(from, to);
    });
    const [restored] = await broughtBack(at);
    const isDone = times === 2;
    assert.equal(restored?.outcome, isDone ? "done" : "failed");
    assert.deepEqual(restored?.sides, isDone ? SIDES : []);
    if (!isDone) assert.match(restored?.reason ?? "", /in use by another/);
    assert.ok(tries > 2);
    assert.deepEqual(at.trees(), {
      left: { a: isDone ? "kept" : "older" },
      right: isDone ? { a: "kept" } : {},
    });
    assert.deepEqual(leftovers(at), []);
  }
});

Deno.test("what is interrupted leaves no copy on one side only, and no folder made for it", async () => {
  const all = { a: "kept", d: { b: "kept too", c: "c" } };
  let none = 0;
  for (let n = 1, isWhole = false; !isWhole; n++) {
    using at = twoRoots();
    const shared = new AtMoment(n);
    const brought = await bring(at, "right", ["a", "d/b", "d/c"], {
      shared,
      checkpoint: () => Promise.try(() => shared.checkpoint()),
    });
    ({ isWhole } = brought);
    assert.equal(isWhole, shared.signal === null);
    // On a busy machine a batch may have ended before.
    const { left: now, right } = at.trees();
    assert.deepEqual(right, now, `at ${n}`);
    const paths = [
      ...Object.keys(now).filter((it) => it !== "d"),
      ...Object.keys(now["d"] ?? {}).map((it) => `d/${it}`),
    ];
    if ("d" in now) assert.ok(paths.length > 1, "a folder without a file");
    const told = brought.restored.map(({ version, outcome }) => {
      assert.equal(outcome, "done");
      return version.path;
    });
    assert.deepEqual(told, paths);
    if (isWhole) assert.deepEqual(now, all);
    else assert.ok(paths.length < 3);
    if (paths.length === 0) none++;
    assert.deepEqual(leftovers(at), []);
  }
  assert.ok(none > 5, `${none}`);
});

Deno.test("a file that is saved while it is replaced keeps its name, and what stood there is kept", async () => {
  using at = twoRoots({ a: "older" });
  const path = at.left.absolute("a");
  using _program = before(path, () => Deno.writeTextFileSync(path, "saved"));
  const [restored] = await broughtBack(at);
  assert.equal(restored?.outcome, "failed");
  const texts = SIDES.flatMap((side) =>
    at.names(side).filter((it) => !it.startsWith(".office-sync/deleted"))
      .flatMap((name) => {
        const info = Deno.lstatSync(`${at[side].path}/${name}`);
        return info.isFile
          ? [Deno.readTextFileSync(`${at[side].path}/${name}`)]
          : [];
      })
  );
  assert.ok(texts.includes("saved"));
  const all = [...texts, ...Object.values(softDeleted(at.left.path))];
  assert.ok(all.includes("older"), all.join());
  assert.deepEqual(leftovers(at), []);
});

Deno.test("what stands on a disk mounted inside the root is soft-deleted too", async () => {
  using at = twoRoots({ a: "older" });
  const path = at.left.absolute("a");
  using _disks = intercept("renameSync", (real, from, to) => {
    if (from === path && to!.includes("/deleted/")) throw systemError("EXDEV");
    return real(from, to);
  });
  const [restored] = await broughtBack(at);
  assert.equal(restored?.outcome, "done", restored?.reason ?? "");
  assert.deepEqual(softDeleted(at.left.path), { a: "older" });
  assert.deepEqual(at.trees(), { left: { a: "kept" }, right: { a: "kept" } });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("what can't be moved to soft delete from a disk mounted inside the root is kept beside the file, and told", async () => {
  using at = twoRoots({ a: "older" });
  const path = at.left.absolute("a");
  using _disks = intercept("renameSync", (real, from, to) => {
    if (from === path && to!.includes("/deleted/")) throw systemError("EXDEV");
    return real(from, to);
  });
  using _full = intercept("openSync", (real, file, options) => {
    // On its way to soft delete a file has a name in the product's folder.
    const isMoved = file!.startsWith(`${at.left.path}/.office-sync/`) &&
      file!.includes("-tmp-");
    if (isMoved) throw systemError("ENOSPC");
    return real(file, options);
  });
  const [restored] = await broughtBack(at);
  assert.equal(restored?.outcome, "done");
  const [, clash = ""] = /that version is now (a\.clash-\S+)$/.exec(
    restored?.reason ?? "",
  ) ?? [];
  assert.equal(Deno.readTextFileSync(at.left.absolute(clash)), "older");
  assert.equal(Deno.readTextFileSync(path), "kept");
  assert.deepEqual(leftovers(at), []);
});

Deno.test("a full disk stops the copy, and leaves no half file", async () => {
  using at = twoRoots();
  using _disk = intercept("openSync", (real, path, options) => {
    const isCopy = path!.startsWith(at.left.path) && path!.includes("-tmp-");
    if (isCopy) throw systemError("ENOSPC");
    return real(path, options);
  });
  const [a, b] = await broughtBack(at, ["a", "d/b"]);
  for (const it of [a, b]) {
    assert.deepEqual([it?.outcome, it?.sides], ["failed", []]);
    assert.match(it?.reason ?? "", /^the disk is full: make room there/);
  }
  assert.deepEqual(at.trees(), { left: {}, right: {} });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("a folder that another thread makes at that moment is as good as one's own", async () => {
  using at = twoRoots();
  let made = 0;
  using _thread = intercept("mkdirSync", (real, path) => {
    if (path!.endsWith("/d") && ++made < 3) real(path);
    return real(path);
  });
  const [restored] = await broughtBack(at, ["d/b"]);
  assert.deepEqual([made, restored?.outcome], [2, "done"]);
});

Deno.test("many versions are brought back by several threads, into the same new folders", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 300 }, (_, n) => [`${n}`, `version ${n}`]),
  );
  const tree = { d: { e: files }, f: files };
  using at = new TwoRoots().write({
    right: {
      ".office-sync": { deleted: { "20240101-000000-pair": tree } },
    },
  });
  const paths = Object.keys(files).flatMap((it) => [`d/e/${it}`, `f/${it}`]);
  const shared = new SharedState();
  const roots = { left: at.left.path, right: at.right.path };
  using threads = new ActingThreads(roots, shared, 3);
  const restored = await broughtBack(at, paths, {
    // They only act.
    files: Object.assign(filesHere(roots, shared), {
      ask: <K extends RequestKind>(kind: K, asks: Asks<K>) =>
        (kind === "act" ? threads : filesHere(roots, shared)).ask(kind, asks),
      grow: (count: number) => threads.grow(count),
    }),
    threadsFor: () => 3,
  });
  const left = restored.filter(({ outcome }) => outcome !== "done");
  assert.deepEqual(left, []);
  assert.deepEqual(at.trees(), { left: tree, right: tree });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("a disk that is full on Right alone keeps nothing from Left, and that is told", async () => {
  using at = twoRoots();
  using _disk = intercept("openSync", (real, path, options) => {
    const isCopy = path!.startsWith(at.right.path) && path!.includes("-tmp-");
    if (isCopy) throw systemError("ENOSPC");
    return real(path, options);
  });
  const brought = await broughtBack(at, ["a", "d/b"]);
  assert.deepEqual(
    brought.map(({ outcome, sides }) => [outcome, sides]),
    [["failed", ["left"]], ["failed", ["left"]]],
  );
  const left = { a: "kept", d: { b: "kept too" } };
  assert.deepEqual(at.trees(), { left, right: {} });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("nothing is written once a root shows another identity", async () => {
  using at = twoRoots();
  const ids = { left: "another", right: null };
  const [restored] = await broughtBack(at, ["a"], { ids });
  assert.deepEqual(
    [restored?.outcome, restored?.reason],
    ["failed", "a root went away during the run"],
  );
  assert.deepEqual(at.trees(), { left: {}, right: {} });
});
