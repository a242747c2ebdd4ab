/** Files that are nobody's work: ignored, but they go with their folder. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import {
  actions,
  describe,
  file,
  MemoryOffice,
  type Office,
  read,
  softDeleted,
  type Tree,
} from "./support/support.ts";
import { replaceCall } from "./support/system_calls.ts";

const OLD = "2026-01-05T09:00:00Z";
const NAMES = ["Thumbs.db", "desktop.ini", ".DS_Store", "thumbs.DB"];

function old(content: string): ReturnType<typeof file> {
  return file(content, { mtime: OLD });
}

/** An office both of whose sides hold pictures, and junk of their own. */
async function pictures(settings = "", junk = NAMES[0]!): Promise<Office> {
  const office = new MemoryOffice(settings);
  office.write({
    left: { pics: { "a.jpg": old("a"), "b.jpg": old("bb") } },
  });
  await office.agree();
  office.write({
    left: { pics: { [junk]: "left's junk" } },
    right: { pics: { [junk]: "right's junk" } },
  });
  return office;
}

for (const [from, to] of [["left", "right"], ["right", "left"]] as const) {
  const side = to.toUpperCase();
  for (const junk of NAMES) {
    Deno.test(`a folder that was removed on ${from} goes on ${to}, whatever ${junk} is in it`, async () => {
      using office = await pictures("", junk);
      rmSync(`${office[from]}/pics`, { recursive: true });
      const result = await office.agree();
      const files = [junk, "a.jpg", "b.jpg"].sort();
      assert.deepEqual(actions(result), [
        ...files.map((name) => `SOFT_DELETE_${side} pics/${name}`),
        `REMOVE_DIR_${side} pics`,
      ]);
      assert.deepEqual(office.trees(), { left: {}, right: {} });
      assert.equal(softDeleted(office[to])[`pics/${junk}`], `${to}'s junk`);
      assert.deepEqual(actions(await office.agree()), [], "nothing is left");
    });
  }

  Deno.test(`a folder that was renamed on ${from} leaves no shell on ${to}`, async () => {
    using office = await pictures();
    renameSync(`${office[from]}/pics`, `${office[from]}/photos`);
    await office.agree();
    const photos = { "a.jpg": "a", "b.jpg": "bb" };
    assert.deepEqual(office.trees()[from], {
      photos: { "Thumbs.db": `${from}'s junk`, ...photos },
    });
    const there = office.trees()[to] as { photos: Tree };
    assert.deepEqual(Object.keys(there), ["photos"]);
    assert.equal(there.photos["a.jpg"], "a");
    assert.deepEqual(actions(await office.agree()), []);
  });

  Deno.test(`a new folder on ${from} that holds junk alone is an empty one on ${to}`, async () => {
    using office = await pictures();
    office.write({
      [from]: { camera: { "2026": { ".DS_Store": "x" }, "Thumbs.db": "y" } },
    });
    const result = await office.agree();
    assert.deepEqual(actions(result), [
      `CREATE_DIR_${side} camera`,
      `CREATE_DIR_${side} camera/2026`,
    ]);
    assert.deepEqual((office.trees()[to] as { camera: Tree }).camera, {
      "2026": {},
    });
    assert.deepEqual(actions(await office.agree()), []);
    // And goes as one.
    rmSync(`${office[to]}/camera`, { recursive: true });
    await office.agree();
    assert.equal((office.trees()[from] as Tree).camera, undefined);
  });

  Deno.test(`folders in folders that hold junk alone go from ${to}, deepest first`, async () => {
    using office = await pictures();
    office.write({ left: { pics: { x: { y: { "z.jpg": old("z") } } } } });
    await office.agree();
    for (const path of ["pics", "pics/x", "pics/x/y"]) {
      Deno.writeTextFileSync(`${office[to]}/${path}/.DS_Store`, path);
    }
    rmSync(`${office[from]}/pics`, { recursive: true });
    await office.agree();
    assert.deepEqual(office.trees(), { left: {}, right: {} });
    assert.equal(softDeleted(office[to])["pics/x/y/.DS_Store"], "pics/x/y");
  });

  Deno.test(`junk stays beside what is left alone in a folder that was removed on ${from}`, async () => {
    using office = await pictures("ignore: {extensions: [bak]}\n");
    office.write({ [to]: { pics: { "mine.bak": "kept" } } });
    rmSync(`${office[from]}/pics`, { recursive: true });
    const { problems } = await office.run();
    const [lone] = problems.filter(({ kind }) => kind === "lone");
    assert.match(lone?.reason ?? "", /it holds mine\.bak \(ignored by /);
    assert.doesNotMatch(lone?.reason ?? "", /Thumbs/, "that keeps no folder");
    assert.deepEqual(office.trees()[to], {
      pics: { "Thumbs.db": `${to}'s junk`, "mine.bak": "kept" },
    });
    assert.deepEqual(softDeleted(office[to])["pics/Thumbs.db"], undefined);
    assert.deepEqual(actions(await office.run()), []);
  });

  Deno.test(`junk stays beside a link in a folder that was removed on ${from}`, async () => {
    using office = await pictures();
    Deno.symlinkSync("nowhere", `${office[to]}/pics/link`);
    rmSync(`${office[from]}/pics`, { recursive: true });
    await office.run();
    assert.deepEqual(office.trees()[to], {
      pics: { "Thumbs.db": `${to}'s junk`, link: "-> nowhere" },
    });
  });

  Deno.test(`what is new in a folder that was removed on ${from} keeps it, and its junk`, async () => {
    using office = await pictures();
    office.write({ [to]: { pics: { "new.jpg": "new" } } });
    rmSync(`${office[from]}/pics`, { recursive: true });
    await office.agree();
    assert.deepEqual(office.trees()[to], {
      pics: { "Thumbs.db": `${to}'s junk`, "new.jpg": "new" },
    });
    assert.deepEqual(office.trees()[from], { pics: { "new.jpg": "new" } });
  });

  Deno.test(`a file takes the name of a folder on ${to} that holds junk alone`, async () => {
    using office = await pictures();
    rmSync(`${office[from]}/pics`, { recursive: true });
    office.write({ [from]: { pics: "now a file" } });
    await office.agree();
    assert.deepEqual(office.trees()[to], { pics: "now a file" });
    assert.equal(softDeleted(office[to])["pics/Thumbs.db"], `${to}'s junk`);
  });

  Deno.test(`junk that was recorded as a file goes with its folder from ${to}, and so does its row`, async () => {
    using office = new MemoryOffice("ignore: {junk: []}\n");
    office.write({
      left: { pics: { "a.jpg": old("a"), "Thumbs.db": old("agreed") } },
    });
    await office.agree();
    office.configure("");
    assert.deepEqual(actions(await office.agree()), []);
    // Whatever a side does with it by itself is nobody's concern.
    office.write({ [to]: { pics: { "Thumbs.db": "made anew" } } });
    Deno.removeSync(`${office[from]}/pics/Thumbs.db`);
    assert.deepEqual(actions(await office.agree()), []);
    assert.deepEqual(office.trees()[to], {
      pics: { "Thumbs.db": "made anew", "a.jpg": "a" },
    });
    rmSync(`${office[from]}/pics`, { recursive: true });
    await office.agree();
    assert.deepEqual(office.trees(), { left: {}, right: {} });
    // Nothing is left of it in the record that would delete a new one.
    office.configure("ignore: {junk: []}\n");
    mkdirSync(`${office[to]}/pics`);
    office.write({ [to]: { pics: { "Thumbs.db": old("agreed") } } });
    await office.agree();
    assert.deepEqual(office.trees()[from], { pics: { "Thumbs.db": "agreed" } });
  });

  Deno.test(`a folder that has a name of junk is a folder on ${to} as well`, async () => {
    using office = await pictures();
    office.write({ [from]: { "Thumbs.db": { "a.txt": "a" } } });
    await office.agree();
    assert.deepEqual((office.trees()[to] as Tree)["Thumbs.db"], {
      "a.txt": "a",
    });
  });

  Deno.test(`a link that has a name of junk keeps its folder on ${to}`, async () => {
    using office = await pictures();
    Deno.symlinkSync("nowhere", `${office[to]}/pics/.DS_Store`);
    rmSync(`${office[from]}/pics`, { recursive: true });
    await office.run();
    assert.deepEqual(office.trees()[to], {
      pics: { ".DS_Store": "-> nowhere", "Thumbs.db": `${to}'s junk` },
    });
  });
}

Deno.test("junk is never synced, whatever its case", async () => {
  using office = await pictures();
  office.write({ left: { "THUMBS.DB": "1", d: { "Desktop.INI": "2" } } });
  await office.agree();
  assert.deepEqual(read(office.right), {
    d: {},
    pics: { "Thumbs.db": "right's junk", "a.jpg": "a", "b.jpg": "bb" },
  });
});

Deno.test("a list of junk of one's own takes the place of the default", async () => {
  using office = await pictures("ignore: {junk: [Cache.tmp]}\n", "cache.TMP");
  office.write({ left: { pics: { "Thumbs.db": "synced now" } } });
  await office.agree();
  assert.equal(
    Deno.readTextFileSync(`${office.right}/pics/Thumbs.db`),
    "synced now",
  );
  rmSync(`${office.left}/pics`, { recursive: true });
  await office.agree();
  assert.deepEqual(read(office.right), {});
});

Deno.test("what a list names by itself is left alone, even where it is junk as well", async () => {
  using office = await pictures("ignore: {filenames_exact: [thumbs.db]}\n");
  rmSync(`${office.left}/pics`, { recursive: true });
  await office.run();
  assert.deepEqual(read(office.right), {
    pics: { "Thumbs.db": "right's junk" },
  });
});

Deno.test("without soft delete junk is deleted with its folder, and said to be", async () => {
  using office = await pictures("soft_delete: {enabled: false}\n");
  rmSync(`${office.left}/pics`, { recursive: true });
  const result = await office.agree();
  assert.ok(actions(result).includes("DELETE_RIGHT pics/Thumbs.db"));
  assert.deepEqual(read(office.right), {});
  assert.deepEqual(softDeleted(office.right), {});
});

Deno.test("a plan names the junk that goes, and does nothing", async () => {
  using office = await pictures();
  rmSync(`${office.left}/pics`, { recursive: true });
  const plan = await office.run({ isDryRun: true });
  const junk = plan.outcomes.find(({ action }) =>
    action.path === "pics/Thumbs.db"
  );
  assert.equal(junk?.action.name, "SOFT_DELETE_RIGHT", describe(plan));
  assert.equal(junk?.action.rule, "5.7");
  assert.match(junk!.action.reason, /^junk: goes with its folder/);
  assert.equal(
    Deno.readTextFileSync(`${office.right}/pics/Thumbs.db`),
    "right's junk",
  );
});

Deno.test("restore brings junk back with its folder", async () => {
  using office = await pictures();
  rmSync(`${office.left}/pics`, { recursive: true });
  await office.agree();
  const { code, stderr } = await office.commandHere("restore", "pics/");
  assert.equal(code, 0, stderr);
  assert.equal(
    Deno.readTextFileSync(`${office.right}/pics/Thumbs.db`),
    "right's junk",
  );
  await office.agree();
});

Deno.test("why tells that junk is ignored, by which key", async () => {
  using office = await pictures();
  const { stdout } = await office.commandHere("why", "pics/Thumbs.db");
  assert.match(stdout, /junk by the config/);
});

Deno.test("many folders of pictures go without being counted for more than their files", async () => {
  using office = new MemoryOffice("safety: {max_delete_files: 10}\n");
  const tree: Record<string, Tree> = {};
  for (let n = 0; n < 8; n++) tree[`d${n}`] = { "a.jpg": old(`a${n}`) };
  office.write({ left: { ...tree, "keep.txt": old("keep") } });
  await office.agree();
  for (let n = 0; n < 8; n++) {
    office.write({ right: { [`d${n}`]: { "Thumbs.db": "junk" } } });
    rmSync(`${office.left}/d${n}`, { recursive: true });
  }
  const result = await office.agree();
  assert.equal(result.stop, null);
  assert.deepEqual(read(office.right), { "keep.txt": "keep" });
});

/** What happens to Right's junk just before a call of the system about it. */
// deno-fmt-ignore
const RACES: readonly [what: string, call: string, about: string, act: (path: string) => void][] = [
  ["is edited just before it goes", "renameSync", "pics/Thumbs.db", (path) => Deno.writeTextFileSync(path, "edited meanwhile")],
  ["becomes a folder just before it goes", "renameSync", "pics/Thumbs.db", (path) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    Deno.writeTextFileSync(`${path}/work.txt`, "work");
  }],
  ["is in use", "renameSync", "pics/Thumbs.db", () => {
    throw Object.assign(new Error("EBUSY"), { code: "EBUSY" });
  }],
  ["is made anew before its folder goes", "removeSync", "pics", (path) => Deno.writeTextFileSync(`${path}/Thumbs.db`, "made anew")],
];

for (const [what, call, about, act] of RACES) {
  Deno.test(`junk that ${what} keeps its folder until the next run`, async () => {
    using office = await pictures();
    rmSync(`${office.left}/pics`, { recursive: true });
    const before = `${office.right}/${about}`;
    {
      using _ = replaceCall(Deno, call, (real, ...args) => {
        if (args[0] === before) act(before);
        return real(...args);
      });
      const result = await office.run();
      assert.equal(result.exitCode, 1, describe(result));
    }
    assert.ok(Deno.statSync(`${office.right}/pics`).isDirectory);
    await office.agree();
    const isWork = what.startsWith("becomes a folder");
    const left = isWork
      ? { pics: { "Thumbs.db": { "work.txt": "work" } } }
      : {};
    assert.deepEqual(office.trees(), { left, right: left });
    assert.deepEqual(actions(await office.agree()), []);
  });
}
