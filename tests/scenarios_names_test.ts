import assert from "node:assert/strict";
import { LONG_AGO, scenario } from "./support/scenario.ts";
import { file, type Tree } from "./support/support.ts";

const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";

/** Names that people, programs and mishaps give. */
const NAMES: readonly string[] = [
  "with spaces  and more .txt",
  " leading and trailing space ",
  "Übergrößenträger.txt",
  "Cafe\u0301 decomposed.txt",
  "Caf\u00e9 composed.txt",
  "日本語のファイル.txt",
  "قائمة.txt",
  "🎉 party 👩‍👩‍👧 list.txt",
  "n".repeat(200),
  `${"ö".repeat(120)}.doc`,
  "-rf",
  "--help",
  "new\nline.txt",
  "tab\tand\rreturn",
  "'single' and \"double\" quotes.txt",
  "back\\slash and $(sh) `x` %20 *?<>|:;&#.txt",
  "\u001b[31mred\u0007",
  "trailing dot.",
  "..hidden",
  "...",
  "con",
  "__proto__",
];

function all(content: string, mtime: string | number = LONG_AGO): Tree {
  const entries = NAMES.map((name) => [name, file(content, { mtime })]);
  return Object.fromEntries(entries);
}

function held(content: string): Tree {
  return Object.fromEntries(NAMES.map((name) => [name, content]));
}

scenario(
  "odd names of files and folders are created from left → right (R 5.9)",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    const folders = Object.fromEntries(
      NAMES.map((name) => [name, { [name]: file("in", { mtime: LONG_AGO }) }]),
    );
    stage.write({ left: { files: all("new"), folders } });
    const { document } = await stage.ends(0);
    const { COPY_LEFT_TO_RIGHT, CREATE_DIR_RIGHT } = document.summary;
    assert.equal(COPY_LEFT_TO_RIGHT, 2 * NAMES.length);
    assert.equal(CREATE_DIR_RIGHT, NAMES.length + 2);
    const told = document.actions.filter(({ path }) =>
      path.startsWith("files/")
    );
    assert.deepEqual(
      told.map(({ path }) => path.slice("files/".length)).sort(),
      [...NAMES].sort(),
    );
    stage.holds({
      "a.txt": "a",
      files: held("new"),
      folders: Object.fromEntries(
        NAMES.map((name) => [name, { [name]: "in" }]),
      ),
    });
  },
);

scenario(
  "files of odd names are changed and deleted on left (R 5.3, 5.7)",
  async (stage) => {
    await stage.begin({ edited: all("one"), gone: all("one") });
    stage.write({ left: { edited: all("edited", NEWER) } });
    stage.remove("left", ...NAMES.map((name) => `gone/${name}`));
    // Every recorded file is concerned: the guards are told that it is meant.
    const { document } = await stage.ends(0, "--allow-deletes");
    const { COPY_LEFT_TO_RIGHT, SOFT_DELETE_RIGHT } = document.summary;
    assert.deepEqual(
      [COPY_LEFT_TO_RIGHT, SOFT_DELETE_RIGHT],
      [NAMES.length, NAMES.length],
    );
    stage.holds({ edited: held("edited"), gone: {} });
    const kept = NAMES.map((name) => [`gone/${name}`, "one"]);
    assert.deepEqual(stage.kept("right"), Object.fromEntries(kept));
  },
  { isMirrored: false },
);

scenario("files of odd names are renamed on left (R 5.11)", async (stage) => {
  await stage.begin({ was: all("one"), is: {} });
  for (const name of NAMES) stage.rename("left", `was/${name}`, `is/${name}`);
  const { document } = await stage.ends(0);
  assert.equal(document.summary.RENAME_RIGHT, NAMES.length);
  assert.equal(document.summary.bytesCopied, 0);
  stage.holds({ is: held("one"), was: {} });
}, { isMirrored: false });

scenario(
  "files of odd names clash, and every version is kept (R 5.1)",
  async (stage) => {
    await stage.begin(all("first"));
    stage.write({ left: all("older", OLDER), right: all("newer!", NEWER) });
    const { document } = await stage.ends(0);
    assert.equal(document.summary.CLASH_CREATE, NAMES.length);
    const { left, right } = stage.trees();
    assert.deepEqual(left, right);
    for (const name of NAMES) assert.equal(left[name], "newer!", name);
    const copies = Object.entries(left).filter(([, content]) =>
      content === "older"
    );
    assert.equal(copies.length, NAMES.length);
    for (const [name] of copies) {
      assert.match(name, /\.clash-20240301-100005-left/);
      assert.ok(new TextEncoder().encode(name).length <= 255, name);
    }
  },
  { isMirrored: false },
);

scenario(
  "names that differ only in case are two files where case counts",
  async (stage) => {
    await stage.begin({ "a.txt": "lower" });
    stage.write({ left: { "A.txt": "upper", D: { x: "1" }, d: { x: "2" } } });
    await stage.does([
      "5.9 COPY_LEFT_TO_RIGHT A.txt",
      "CREATE_DIR_RIGHT D",
      "5.9 COPY_LEFT_TO_RIGHT D/x",
      "CREATE_DIR_RIGHT d",
      "5.9 COPY_LEFT_TO_RIGHT d/x",
    ]);
    stage.holds({
      "A.txt": "upper",
      "a.txt": "lower",
      D: { x: "1" },
      d: { x: "2" },
    });
  },
  { isMirrored: false },
);

scenario(
  "a control character in a name never reaches terminal or log",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({ left: { "\u001b[31mred\u0007\n2026 ERROR faked": "x" } });
    const { code, stdout } = await stage.office.command("--verbose");
    assert.equal(code, 0);
    const log = Deno.readTextFileSync(stage.office.log);
    for (const text of [stdout, log]) {
      assert.match(text, /red/, "the file is told");
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f]/);
      assert.doesNotMatch(text, /^2026 ERROR/m);
    }
  },
  { isMirrored: false },
);
