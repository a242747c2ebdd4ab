/** What programs do while they save: the path is gone for a moment. */
import assert from "node:assert/strict";
import { scenario, Stage } from "./support/scenario.ts";
import {
  actions,
  describe,
  file,
  Office,
  type Tree,
  write,
} from "./support/support.ts";

const BAK = 'ignore:\n  extensions: [bak]\n  filenames_prefix: ["~$"]\n';

/** [what, name of the document, name its old version has, config] */
const PROGRAMS: readonly [string, string, string, string?][] = [
  ["Word", "Brief.docx", "~WRL0001.tmp"],
  ["Excel", "Plan.xlsx", "5F2A1B00.tmp"],
  ["Excel without an ending", "Plan.xlsx", "5F2A1B00"],
  ["vim and gedit", "notes.txt", "notes.txt~"],
  ["GNOME", "notes.txt", ".goutputstream-QX7D91"],
  ["a Mac", "notes.txt", "notes.txt.sb-1a2b3c4d-XyZ"],
  ["CAD with an ignored backup", "haus.dwg", "haus.bak", BAK],
  ["an ignored beginning", "list.csv", "~$list.csv", BAK],
];

/** Both versions are on both sides. */
function hasBoth(stage: Stage, ...versions: string[]): void {
  for (const tree of Object.values(stage.trees())) {
    const contents = Object.values(tree);
    for (const version of versions) {
      assert.ok(contents.includes(version), `${version} is there`);
    }
  }
}

/** How a save ends: [in words, what it does, what a run does then]. */
const ENDS: readonly [
  string,
  (stage: Stage, name: string, meanwhile: string) => void,
  readonly string[],
][] = [
  ["by writing the name anew (R 5.1)", (stage, name, meanwhile) => {
    stage.write({ left: { [name]: "the saved version" } });
    stage.remove("left", meanwhile);
  }, ["the saved version", "edited there, meanwhile"]],
  ["by a rename over the name (R 5.1)", (stage, name, meanwhile) => {
    stage.write({ left: { "new.part": "the saved version" } });
    stage.rename("left", "new.part", name);
    stage.remove("left", meanwhile);
  }, ["the saved version", "edited there, meanwhile"]],
  ["by being given up (R 5.4)", (stage, name, meanwhile) => {
    stage.rename("left", meanwhile, name);
  }, ["edited there, meanwhile"]],
];

for (const [program, name, meanwhile, settings = ""] of PROGRAMS) {
  for (const [how, end, versions] of ENDS) {
    Deno.test(`a save by ${program} waits, and ends ${how}`, async () => {
      for (const isMirrored of [false, true]) {
        using stage = new Stage(settings, isMirrored);
        await stage.begin({ [name]: "agreed", "other.txt": "other" });
        stage.rename("left", name, meanwhile);
        stage.write({ right: { [name]: "edited there, meanwhile" } });
        // However often a run comes by in the middle.
        for (const _ of [1, 2]) {
          const result = await stage.office.run();
          assert.deepEqual(actions(result), [], describe(result));
          assert.deepEqual(result.waiting.map(({ path }) => path), [name]);
          assert.equal(result.exitCode, 0, describe(result));
        }
        assert.equal(stage.trees().right[name], "edited there, meanwhile");
        end(stage, name, meanwhile);
        const result = await stage.office.run();
        assert.equal(result.exitCode, 0, describe(result));
        hasBoth(stage, ...versions);
        await stage.rests(0);
      }
    });
  }
}

scenario(
  "a document that is being saved on left waits, and that is what is said",
  async (stage) => {
    await stage.begin({ "Brief.docx": "agreed", "other.txt": "other" });
    stage.rename("left", "Brief.docx", "~WRL0001.tmp");
    stage.write({ right: { "Brief.docx": "edited there" } });
    const { document, lines } = await stage.ends(0);
    assert.deepEqual(lines, []);
    assert.equal(document.summary.waiting, 1);
    assert.equal(document.summary.unknown, 0);
    const told = await stage.office.command();
    assert.match(told.stdout, /agree but for what is being saved/);
    assert.match(told.stdout, /Waiting for the next run: 1/);
    for (const name of ["Brief.docx", "~WRL0001.tmp"]) {
      const why = await stage.office.command("why", name);
      assert.match(why.stdout, /being saved/);
    }
    stage.rename("left", "~WRL0001.tmp", "Brief.docx");
    await stage.does(["5.4 COPY_RIGHT_TO_LEFT Brief.docx"]);
  },
);

for (const meanwhile of ["n.sb-1a2b3c4d-XyZ", "n.pages.tmp", "n.pages~"]) {
  scenario(
    `a document that is a folder waits while left calls it ${meanwhile}, and so does an edit (R 5.1)`,
    async (stage) => {
      const d = { "n.pages": { i: "agreed", media: { p: "picture" } }, e: {} };
      await stage.begin({ d, x: "x" });
      stage.rename("left", "d/n.pages", `d/${meanwhile}`);
      stage.write({ right: { d: { "n.pages": { i: "edited there" } } } });
      await stage.does([]);
      await stage.does([]);
      stage.write({ left: { d: { "n.pages": { i: "the saved version" } } } });
      stage.remove("left", `d/${meanwhile}`);
      const { lines } = await stage.ends(0);
      assert.equal(lines.filter((it) => /CLASH_CREATE/.test(it)).length, 1);
      for (const { d } of Object.values(stage.trees())) {
        const document = (d as Tree)["n.pages"] as Tree;
        const contents = Object.values(document);
        assert.ok(contents.includes("edited there"), "the edit is there");
        assert.ok(contents.includes("the saved version"), "and the save");
      }
    },
  );
}

scenario(
  "a document in a folder that right removed meanwhile waits with its folder",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "agreed" }, "x.txt": "x" });
    stage.rename("left", "d/a.txt", "d/a.txt~");
    stage.remove("right", "d");
    await stage.does([]);
    stage.rename("left", "d/a.txt~", "d/a.txt");
    await stage.does([
      "5.8 SOFT_DELETE_LEFT d/a.txt -> deleted/d/a.txt",
      "REMOVE_DIR_LEFT d",
    ]);
  },
);

scenario(
  "a folder that right made in place of a document that is being saved waits with it",
  async (stage) => {
    await stage.begin({ a: "agreed", "x.txt": "x" });
    stage.rename("left", "a", "a~");
    stage.remove("right", "a");
    stage.write({ right: { a: { "in.txt": "in the folder" } } });
    await stage.does([]);
    stage.rename("left", "a~", "a");
    await stage.does([
      "5.8 SOFT_DELETE_LEFT a -> deleted/a",
      "CREATE_DIR_LEFT a",
      "5.10 COPY_RIGHT_TO_LEFT a/in.txt",
    ]);
  },
);

scenario(
  "a document that right renamed meanwhile waits under both names (R 5.11)",
  async (stage) => {
    await stage.begin({ "a.txt": "agreed" });
    stage.rename("left", "a.txt", "a.txt~");
    stage.rename("right", "a.txt", "b.txt");
    await stage.does([]);
    stage.rename("left", "a.txt~", "a.txt");
    await stage.does(["5.12 RENAME_LEFT a.txt -> b.txt"]);
    stage.holds({ "b.txt": "agreed" });
  },
);

scenario(
  "what went into a trash inside left is deleted at once, and kept (R 5.7)",
  async (stage) => {
    await stage.begin({ "a.txt": "agreed", "#recycle": {}, d: {} });
    stage.rename("left", "a.txt", "#recycle/a.txt");
    await stage.does([
      "5.9 COPY_LEFT_TO_RIGHT #recycle/a.txt",
      "5.7 SOFT_DELETE_RIGHT a.txt -> deleted/a.txt",
    ]);
  },
);

scenario(
  "an edit on right of what went into a trash inside left comes back (R 5.5)",
  async (stage) => {
    await stage.begin({ "a.txt": "agreed", ".Trash-1000": {} });
    stage.rename("left", "a.txt", ".Trash-1000/a.txt");
    stage.write({ right: { "a.txt": "edited there" } });
    await stage.does([
      "5.9 COPY_LEFT_TO_RIGHT .Trash-1000/a.txt",
      "5.5 COPY_RIGHT_TO_LEFT a.txt",
    ]);
  },
);

scenario(
  "what got an ignored name in another folder on left is deleted at once (R 5.7)",
  async (stage) => {
    await stage.begin({ "a.txt": "agreed", d: {}, "x.txt": "x" });
    stage.rename("left", "a.txt", "d/a.bak");
    await stage.does(["5.7 SOFT_DELETE_RIGHT a.txt -> deleted/a.txt"]);
  },
  { settings: BAK, leavesAlone: true },
);

scenario(
  "what got an ignored name in an ignored folder on left is deleted at once (R 5.7)",
  async (stage) => {
    await stage.begin({ "a.txt": "agreed", "x.txt": "x" });
    stage.write({ left: { "~$old": {} } });
    stage.rename("left", "a.txt", "~$old/a.txt");
    stage.write({ right: { "a.txt": "edited there" } });
    await stage.does(["5.5 COPY_RIGHT_TO_LEFT a.txt"]);
  },
  { settings: BAK, leavesAlone: true },
);

for (const isEdited of [false, true]) {
  Deno.test(`an ignored name is a deletion once runs ten minutes apart have met it${isEdited ? ", also where the ignored file was edited" : ""} (R 5.7)`, async () => {
    using office = new Office(BAK);
    office.write({ left: { "a.txt": file("agreed"), "b.txt": file("b") } });
    await office.settle();
    Deno.renameSync(`${office.left}/a.txt`, `${office.left}/a.bak`);
    if (isEdited) write(office.left, { "a.bak": "edited since" });
    const at = async (minutes: number) => {
      const startedAtMs = Date.now() + minutes * 60_000;
      const result = await office.run({ startedAtMs });
      assert.equal(result.exitCode, 0, describe(result));
      return result.outcomes.map(({ action }) => action.name)
        .filter((name) => name !== "NOOP");
    };
    assert.deepEqual(await at(0), []);
    assert.deepEqual(await at(9), []);
    assert.deepEqual(await at(10.1), ["SOFT_DELETE_RIGHT"]);
    assert.deepEqual(await at(30), []);
  });
}

Deno.test("a save that ended in between is no reason to count on", async () => {
  using office = new Office();
  office.write({ left: { "a.txt": file("agreed") } });
  await office.settle();
  const names = async (minutes: number) => {
    const startedAtMs = Date.now() + minutes * 60_000;
    const { outcomes } = await office.run({ startedAtMs });
    return outcomes.map(({ action }) => action.name)
      .filter((name) => name !== "NOOP");
  };
  const rename = (from: string, to: string) =>
    Deno.renameSync(`${office.left}/${from}`, `${office.left}/${to}`);
  rename("a.txt", "a.txt~");
  assert.deepEqual(await names(0), []);
  rename("a.txt~", "a.txt");
  assert.deepEqual(await names(8), []);
  rename("a.txt", "a.txt~");
  assert.deepEqual(await names(16), [], "the ten minutes begin anew");
});
