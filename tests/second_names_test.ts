import assert from "node:assert/strict";
import { moveToFree } from "../lib/file_ops.ts";
import {
  actions,
  describe,
  file,
  MemoryOffice,
  type Office,
  read,
  softDeleted,
} from "./support/support.ts";
import { PATH_CALLS, replaceCall } from "./support/system_calls.ts";
import { systemError, TwoRoots } from "./support/two_roots.ts";
import { bring } from "./support/work_bench.ts";

/**
 * Names by which an entry is known besides its own, as Windows and FAT know
 * `Langer Name.docx` as `LANGER~1.DOC` too.
 */

const OLD = Date.UTC(2024, 0, 15, 8, 30);
const LONG = "Langer Dateiname.docx";
const SHORT = "LANGER~1.DOC";

/**
 * A disk on which an entry with a long name answers to a short one as well,
 * unless that is an entry's own; it is never listed.
 */
function shortNames(
  root: string,
  names: Readonly<Record<string, string>>,
  takesOwn = false,
): Disposable {
  const lstat = Deno.lstatSync;
  const isThere = (path: string): boolean => {
    try {
      lstat(path);
      return true;
    } catch {
      return false;
    }
  };
  const meant = (path: string): string => {
    if (!path.startsWith(`${root}/`)) return path;
    let at = root;
    for (const name of path.slice(root.length + 1).split("/")) {
      const entry = names[name];
      const isShort = entry !== undefined && !isThere(`${at}/${name}`) &&
        isThere(`${at}/${entry}`);
      at += `/${isShort ? entry : name}`;
    }
    return at;
  };
  const stack = new DisposableStack();
  for (const [call, paths] of Object.entries(PATH_CALLS)) {
    stack.use(replaceCall(Deno, call, (real, ...args) => {
      const seen = args.map((it, n) => n < paths ? meant(String(it)) : it);
      // As wine does it: a file is not put in the place of itself.
      const isColon = String(seen[0]).endsWith(":");
      if (call === "openSync" && isColon && String(seen[0]).startsWith(root)) {
        throw systemError("EINVAL");
      }
      if (call === "renameSync" && seen[0] === seen[1]) {
        if (takesOwn) real(seen[0], args[1]);
        return;
      }
      return real(...seen);
    }));
  }
  return stack;
}

const sides = ["left", "right"] as const;

/** So many that their folder is renamed as a whole. */
const inMany = Object.fromEntries(
  Array.from({ length: 20 }, (_, n) => [`file ${n}`, "x".repeat(n + 5)]),
);
const many = Object.fromEntries(
  Object.entries(inMany).map(([name, text]) => [
    name,
    file(text, { mtime: OLD }),
  ]),
);

for (const long of sides) {
  const short = long === "left" ? "right" : "left";
  const where = long === "left" ? "Left" : "Right";
  const disk = (
    office: Office,
    names: Record<string, string> = { [SHORT]: LONG },
  ) => shortNames(office[long], names);

  Deno.test(`a real file of the name that ${where} has as the second one of another is told, with the way out, and nothing is lost`, async () => {
    using office = new MemoryOffice();
    await office.agree();
    office.write({
      [long]: { [LONG]: file("long", { mtime: OLD }) },
      [short]: { [SHORT]: file("another", { mtime: OLD }), b: "b" },
    });
    using _disk = disk(office);
    for (let n = 0; n < 2; n++) {
      const result = await office.run();
      assert.equal(result.exitCode, 1, describe(result));
      const skipped = result.outcomes.filter(({ kind }) => kind !== "done");
      assert.deepEqual(skipped.map(({ detail }) => detail), [
        `on ${where} "${SHORT}" is a second name of "${LONG}": ` +
        "rename one of the two",
      ]);
      assert.deepEqual(read(office[long]), { [LONG]: "long", b: "b" });
      assert.deepEqual(read(office[short]), {
        [LONG]: "long",
        [SHORT]: "another",
        b: "b",
      });
    }
    Deno.renameSync(`${office[short]}/${SHORT}`, `${office[short]}/other.doc`);
    await office.agree();
    assert.deepEqual(office.trees().left, office.trees().right);
  });

  Deno.test(`a folder of the name that ${where} has as the second one of another: what is in it is mixed with nothing`, async () => {
    using office = new MemoryOffice();
    await office.agree();
    office.write({
      [long]: { "Langer Ordner": { a: file("1", { mtime: OLD }) } },
      [short]: { "LANGER~1": { a: file("2", { mtime: OLD }), d: { e: "3" } } },
    });
    using _disk = disk(office, { "LANGER~1": "Langer Ordner" });
    for (let n = 0; n < 2; n++) {
      const result = await office.run();
      assert.equal(result.exitCode, 1, describe(result));
      assert.match(describe(result), /is a second name of .{1,2}Langer Ordner/);
      assert.doesNotMatch(describe(result), /changed during the run/);
      const one = { "Langer Ordner": { a: "1" } };
      assert.deepEqual(read(office[long]), one);
      const other = { "LANGER~1": { a: "2", d: { e: "3" } }, ...one };
      assert.deepEqual(read(office[short]), other);
    }
  });

  Deno.test(`a file that is gone from ${where}, where its name is a second one of another now, is gone`, async () => {
    using office = new MemoryOffice().write({
      left: { [SHORT]: file("own", { mtime: OLD }), "LANGER~2": { x: "1" } },
    });
    await office.agree();
    using _disk = disk(office, { [SHORT]: LONG, "LANGER~2": "Langer Ordner" });
    Deno.removeSync(`${office[long]}/${SHORT}`);
    Deno.removeSync(`${office[long]}/LANGER~2`, { recursive: true });
    // In it stands what has the name of what is gone.
    const tree = { [LONG]: "new", "Langer Ordner": { x: "another one" } };
    office.write({ [long]: tree });
    await office.agree();
    assert.deepEqual(office.trees(), { left: tree, right: tree });
    assert.deepEqual(softDeleted(office[short]), {
      [SHORT]: "own",
      "LANGER~2/x": "1",
    });
    assert.deepEqual(actions(await office.agree()), []);
  });

  Deno.test(`a rename to a name that is a second one of another file on ${where} is told, and to its own second one is done`, async () => {
    using office = new MemoryOffice().write({
      left: {
        [LONG]: file("long", { mtime: OLD }),
        a: file("22", { mtime: OLD }),
        "Langer Ordner": many,
      },
    });
    await office.agree();
    using _disk = disk(office, { [SHORT]: LONG, "LANGER~1": "Langer Ordner" });
    const rename = (from: string, to: string) =>
      Deno.renameSync(`${office[short]}/${from}`, `${office[short]}/${to}`);
    rename("a", SHORT);
    const result = await office.run();
    assert.equal(result.exitCode, 1, describe(result));
    assert.match(describe(result), /is a second name of/);
    const tree = { [LONG]: "long", "Langer Ordner": inMany };
    assert.deepEqual(read(office[long]), { ...tree, a: "22" });
    assert.deepEqual(read(office[short]), { ...tree, [SHORT]: "22" });
    rename(SHORT, "a");
    // The long name is given up for the short one that it had.
    rename(LONG, SHORT);
    rename("Langer Ordner", "LANGER~1");
    await office.agree();
    const now = { a: "22", [SHORT]: "long", "LANGER~1": inMany };
    assert.deepEqual(office.trees(), { left: now, right: now });
    assert.deepEqual(actions(await office.agree()), []);
  });

  Deno.test(`restore to ${where} puts nothing in the place of a file, or into a folder, that only has that second name`, async () => {
    using at = new TwoRoots().write({
      [long]: { [LONG]: "long", "Langer Ordner": { x: "1" } },
    });
    const kept = { [SHORT]: "version", "LANGER~1": { x: "2", new: "3" } };
    at.write({
      [short]: {
        ".office-sync": { deleted: { "20240101-000000-pair": kept } },
      },
    });
    const before = at.trees()[long];
    using _disk = shortNames(at[long].path, {
      [SHORT]: LONG,
      "LANGER~1": "Langer Ordner",
    });
    for (const path of [SHORT, "LANGER~1/x", "LANGER~1/new"]) {
      const how = { to: [long], isForced: true };
      const { restored: [refused] } = await bring(at, short, [path], how);
      assert.equal(refused?.outcome, "refused");
      assert.match(refused.reason ?? "", /is a second name of "Langer /);
      assert.deepEqual(at.trees()[long], before);
      const other = await bring(at, short, [path], { ...how, to: [short] });
      assert.equal(other.restored[0]?.outcome, "done");
    }
  });

  Deno.test(`two folders of which one has the other's name as a second one are soft-deleted apart`, async () => {
    using office = new MemoryOffice().write({
      left: {
        "Langer Ordner": { x: file("1", { mtime: OLD }) },
        "langer~1": { x: file("2", { mtime: OLD }) },
      },
    });
    await office.agree();
    for (const name of ["Langer Ordner", "langer~1"]) {
      Deno.removeSync(`${office[short]}/${name}`, { recursive: true });
    }
    using _disk = disk(office, { "langer~1": "Langer Ordner" });
    await office.agree();
    assert.deepEqual(Object.values(softDeleted(office[long])).sort(), [
      "1",
      "2",
    ]);
    assert.equal(
      Object.keys(softDeleted(office[long])).some((it) => it.endsWith("/x-2")),
      false,
    );
  });
}

for (const takesOwn of [true, false]) {
  Deno.test(
    `a file that has the short name of what is copied for it ${
      takesOwn ? "takes it" : "is told"
    }`,
    () => {
      using at = new TwoRoots({ hasWindowsNames: true });
      const temporary = at.left.admit(".office-sync-tmp-pair-run-1");
      at.write({ left: { [temporary]: "new" } });
      using _disk = shortNames(
        at.left.path,
        { "OFFICE~1": temporary },
        takesOwn,
      );
      const place = () => moveToFree(at.left, temporary, "OFFICE~1");
      if (takesOwn) place();
      else assert.throws(place, { name: "Skipped", message: /second name/ });
      const name = takesOwn ? "OFFICE~1" : temporary;
      assert.deepEqual(read(at.left.path), { [name]: "new" });
    },
  );
}

Deno.test("where a listing is cut off, a file with two names of its own is not taken for gone", async () => {
  using office = new MemoryOffice().write({
    left: { a: file("1", { mtime: OLD }), b: file("22", { mtime: OLD }) },
  });
  await office.agree();
  Deno.removeSync(`${office.left}/b`);
  Deno.linkSync(`${office.left}/a`, `${office.left}/b`);
  await office.agree();
  const both = office.trees();
  using _disk = replaceCall(
    Deno,
    "readDirSync",
    (real, path) =>
      [...real(path)].filter(({ name }) =>
        path !== office.left || name !== "b"
      ),
  );
  const result = await office.run();
  assert.equal(result.exitCode, 1, describe(result));
  assert.match(describe(result), /though its folder's listing left it out/);
  assert.deepEqual(read(office.right), both.right);
});

Deno.test("the short name of the program's own folder leads nobody into it, and a user's folder of such a name is a folder like any other", () => {
  using at = new TwoRoots().write({
    left: { d: { ".office-sync": { a: "own" } }, "KEEP~1": { a: "a" } },
  });
  const { left } = at;
  const told = {
    name: "Skipped",
    message: /"OFFICE~1" is a second name of "\.office-sync": rename it$/,
  };
  using _disk = shortNames(left.path, { "OFFICE~1": ".office-sync" });
  for (const above of ["", "d/"]) {
    const path = `${above}OFFICE~1`;
    // What stands there may be told, as for any second name.
    assert.equal(left.look(path).kind, "directory");
    assert.throws(() => left.requireAbsent(path), told);
    for (
      const into of [
        () => left.absolute(path),
        () => left.absolute(`${path}/a`),
        () => left.folder(path),
        () => left.way(`${path}/a`),
        () => left.look(`${path}/a`),
        () => left.requireRealFolder(path),
        () => moveToFree(left, "KEEP~1/a", path),
        () => moveToFree(left, `${path}/a`, "new"),
      ]
    ) assert.throws(into, told);
  }
  assert.equal(left.absolute("KEEP~1/a"), `${left.path}/KEEP~1/a`);
  assert.equal(left.look("KEEP~1/a").kind, "file");
  left.distrust();
  Deno.mkdirSync(`${left.path}/KEEP~1/OFFICE~1`);
  Deno.mkdirSync(`${left.path}/KEEP~1/.office-sync`);
  assert.equal(left.look("KEEP~1/OFFICE~1/a").kind, "absent");
});
