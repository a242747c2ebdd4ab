import assert from "node:assert/strict";
import { LONG_AGO, scenario, type Stage } from "./support/scenario.ts";
import { file } from "./support/support.ts";

const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";
const MARK = "clash-20240301-100005";

scenario(
  "modify both: the older left version becomes the clash copy (R 5.1)",
  async (stage) => {
    await stage.begin({ d: { "plan.xlsx": "first" } });
    stage.write({
      left: { d: { "plan.xlsx": file("older words", { mtime: OLDER }) } },
      right: { d: { "plan.xlsx": file("newer", { mtime: NEWER }) } },
    });
    const { document } = await stage.does([
      `5.1 CLASH_CREATE d/plan.xlsx -> d/plan.${MARK}-left.xlsx`,
      "5.1 COPY_RIGHT_TO_LEFT d/plan.xlsx",
    ]);
    assert.equal(document.summary.openConflicts, 0);
    stage.holds({
      d: { [`plan.${MARK}-left.xlsx`]: "older words", "plan.xlsx": "newer" },
    });
    for (const side of ["left", "right"] as const) {
      const files = [...Deno.readDirSync(stage.at(side, "d"))].map((
        { name },
      ) => [
        name.includes("clash"),
        Deno.statSync(stage.at(side, `d/${name}`)).mtime?.toISOString(),
      ]);
      assert.deepEqual(
        new Map(files as [boolean, string][]),
        new Map([
          [true, "2024-03-01T10:00:05.000Z"],
          [false, "2024-03-02T11:30:00.000Z"],
        ]),
      );
      assert.deepEqual(stage.kept(side), {});
    }
  },
);

scenario(
  "a tie goes to Left: the version of Right becomes the clash copy",
  async (stage) => {
    await stage.begin({ "a.txt": "first", "new.txt": "x" });
    stage.write({
      left: { "a.txt": file("of Left", { mtime: NEWER }) },
      right: { "a.txt": file("of Right", { mtime: NEWER }) },
    });
    await stage.does([
      "5.1 CLASH_CREATE a.txt -> a.clash-20240302-113000-right.txt",
      "5.1 COPY_LEFT_TO_RIGHT a.txt",
    ]);
    stage.holds({
      "a.clash-20240302-113000-right.txt": "of Right",
      "a.txt": "of Left",
      "new.txt": "x",
    });
  },
  { isMirrored: false },
);

scenario(
  "create on both with different content: both are kept (R 5.2)",
  async (stage) => {
    await stage.begin({ "other.txt": "o" });
    stage.write({
      left: { "new.txt": file("older", { mtime: OLDER }) },
      right: { "new.txt": file("newer words", { mtime: NEWER }) },
    });
    await stage.does([
      `5.2 CLASH_CREATE new.txt -> new.${MARK}-left.txt`,
      "5.2 COPY_RIGHT_TO_LEFT new.txt",
    ]);
    stage.holds({
      [`new.${MARK}-left.txt`]: "older",
      "new.txt": "newer words",
      "other.txt": "o",
    });
  },
);

scenario(
  "files of equal size and time but different content clash (R 5.2)",
  async (stage) => {
    await stage.begin({ "other.txt": "o" });
    stage.write({
      left: { "new.txt": file("abc", { mtime: OLDER }) },
      right: { "new.txt": file("xyz", { mtime: OLDER }) },
    });
    await stage.does([
      `5.2 CLASH_CREATE new.txt -> new.${MARK}-right.txt`,
      "5.2 COPY_LEFT_TO_RIGHT new.txt",
    ]);
  },
  { isMirrored: false },
);

scenario(
  "deleted on left, changed on right: the change comes back (R 5.5)",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "one" }, "b.txt": "b" });
    stage.remove("left", "d/a.txt");
    stage.write({
      right: { d: { "a.txt": file("edited", { mtime: NEWER }) } },
    });
    const { document } = await stage.does(["5.5 COPY_RIGHT_TO_LEFT d/a.txt"]);
    assert.match(
      document.actions[0]!.reason,
      /changed on Right, deleted on Left/,
    );
    stage.holds({ "b.txt": "b", d: { "a.txt": "edited" } });
  },
);

scenario(
  "touched on left, deleted on right: it counts as a change (R 5.6)",
  async (stage) => {
    await stage.begin({ "a.txt": "one", "b.txt": "b" });
    stage.write({ left: { "a.txt": file("one", { mtime: NEWER }) } });
    stage.remove("right", "a.txt");
    await stage.does(["5.6 COPY_LEFT_TO_RIGHT a.txt"]);
    stage.holds({ "a.txt": "one", "b.txt": "b" });
  },
);

scenario(
  "touched on left, changed on right: the change is copied (R 5.4)",
  async (stage) => {
    await stage.begin({ "a.txt": "one" });
    stage.write({
      left: { "a.txt": file("one", { mtime: OLDER }) },
      right: { "a.txt": file("edited", { mtime: NEWER }) },
    });
    await stage.ends(0);
    const { left } = stage.trees();
    assert.equal(left["a.txt"], "edited", "the edit is the file on both sides");
  },
  { isMirrored: false },
);

scenario("an unbelievable time never wins", async (stage) => {
  await stage.begin({ "ahead.txt": "a", "ancient.txt": "b" });
  const ahead = Date.now() + 3 * 86_400_000;
  stage.write({
    left: {
      "ahead.txt": file("from the future", {
        mtime: Math.floor(ahead / 1000) * 1000,
      }),
      "ancient.txt": file("older but believable", { mtime: OLDER }),
    },
    right: {
      "ahead.txt": file("believable", { mtime: OLDER }),
      "ancient.txt": file("before 1980", { mtime: "1979-12-31T00:00:00Z" }),
    },
  });
  await stage.ends(0);
  const { left, right } = stage.trees();
  assert.deepEqual(left, right);
  assert.equal(left["ahead.txt"], "believable");
  assert.equal(left["ancient.txt"], "older but believable");
  assert.equal(left["ancient.clash-19791231-000000-right.txt"], "before 1980");
  assert.equal(Object.values(left).includes("from the future"), true);
}, { isMirrored: false });

/** Both sides edited these; left is older. */
async function disagree(
  stage: Stage,
  names: readonly string[],
  besides: Readonly<Record<string, string>> = {},
): Promise<void> {
  const all = (content: string, mtime: string | number) =>
    Object.fromEntries(names.map((name) => [name, file(content, { mtime })]));
  await stage.begin({ ...all("first", LONG_AGO), ...besides });
  stage.write({ left: all("older", OLDER), right: all("newer!", NEWER) });
}

scenario(
  "a clash name keeps the extension and stays within 255 bytes",
  async (stage) => {
    const long = `${"ü".repeat(120)}.docx`;
    const names = {
      "README": `README.${MARK}-left`,
      ".profile": `.profile.${MARK}-left`,
      "ends.": `ends..${MARK}-left`,
      "a.tar.gz": `a.tar.${MARK}-left.gz`,
      "b.clash-20230101-000000-right-3.txt": `b.${MARK}-left.txt`,
      [long]: `${"ü".repeat(111)}.${MARK}-left.docx`,
    };
    await disagree(stage, Object.keys(names));
    await stage.ends(0);
    const { left, right } = stage.trees();
    assert.deepEqual(left, right);
    assert.deepEqual(
      Object.keys(left).sort(),
      [...Object.keys(names), ...Object.values(names)].sort(),
    );
    for (const name of Object.values(names)) assert.equal(left[name], "older");
    assert.ok(Math.max(...Object.keys(left).map(bytes)) <= 255);
  },
  { isMirrored: false },
);

function bytes(name: string): number {
  return new TextEncoder().encode(name).length;
}

scenario(
  "a taken clash name gets -2, one with the same content is used again",
  async (stage) => {
    await disagree(stage, ["a.txt", "b.txt"], {
      [`a.${MARK}-left.txt`]: "something else",
      [`b.${MARK}-left.txt`]: "older",
    });
    await stage.does([
      `5.1 CLASH_CREATE a.txt -> a.${MARK}-left-2.txt`,
      "5.1 COPY_RIGHT_TO_LEFT a.txt",
      `5.1 CLASH_CREATE b.txt -> b.${MARK}-left.txt`,
      "5.1 COPY_RIGHT_TO_LEFT b.txt",
    ]);
    stage.holds({
      [`a.${MARK}-left-2.txt`]: "older",
      [`a.${MARK}-left.txt`]: "something else",
      "a.txt": "newer!",
      [`b.${MARK}-left.txt`]: "older",
      "b.txt": "newer!",
    });
  },
  { isMirrored: false },
);

scenario("a clash copy is an ordinary file afterwards", async (stage) => {
  await disagree(stage, ["a.txt"]);
  await stage.office.settle();
  stage.write({ left: { [`a.${MARK}-left.txt`]: "edited copy" } });
  await stage.does([`5.3 COPY_LEFT_TO_RIGHT a.${MARK}-left.txt`]);
  stage.holds({ [`a.${MARK}-left.txt`]: "edited copy", "a.txt": "newer!" });
}, { isMirrored: false });
