import assert from "node:assert/strict";
import { type FileSpec, Office, write } from "../support/support.ts";
import { at, isThere, requireTool, rests, told, tool, why } from "./support.ts";

/** Names that try to be more than names. */
const NAMES: readonly string[] = [
  "a\nINFO forged line.txt",
  "b\r\n2026-01-01T00:00:00.000Z ERROR forged.txt",
  "tab\there.txt",
  "quo\"te ' `tick`.txt",
  "back\\slash\\n.txt",
  "\u001b[2J\u001b[31mred\u0007bell.txt",
  "\u009b31mc1.txt",
  "\u001b]0;title\u0007.txt",
  "del\u007f.txt",
  "-rf",
  "--config",
  "<script>alert(1)<script>",
  "<img src=x onerror=alert(1)>.html",
  "&amp;%20%s%n${x}$(id).txt",
  "\u202egnp.exe",
  "\u2066isolate\u2069.txt",
  "line\u2028sep\u2029.txt",
  "zero\u200bwidth\ufeff.txt",
  '{"json": "no"}',
  '}],"actions":[',
  "...",
  "~",
  "*",
  "emoji 👩‍👩‍👧.txt",
];

const RAW = new RegExp(
  "[\\p{Zl}\\p{Zp}\\p{Bidi_Control}\\u200b\\ufeff]|(?!\\n)\\p{Cc}",
  "u",
);

function requireTidy(text: string, where: string): void {
  const at = RAW.exec(text)?.index ?? -1;
  assert.equal(
    at,
    -1,
    `${where}: ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 20))}`,
  );
}

/** Every line of the log is one that the program wrote. */
function requireTidyLog(office: Office): void {
  const text = Deno.readTextFileSync(office.log);
  requireTidy(text, "log");
  for (const line of text.trimEnd().split("\n")) {
    assert.match(
      line,
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ \d{8}-\d{6}-[0-9a-f]{8} /,
    );
  }
}

function all(content: string): Record<string, FileSpec> {
  return Object.fromEntries(
    NAMES.map((name) => [name, at(2024, content)]),
  );
}

for (const args of [["--verbose"], ["--quiet"], ["--json"]]) {
  Deno.test(`names that try to be more leave terminal and log intact (${args})`, async () => {
    using office = new Office("logging:\n  level: debug\n");
    const step = async (code: number): Promise<string> => {
      const ended = await office.command(...args);
      requireTidy(ended.stdout, "terminal");
      requireTidy(ended.stderr, "errors");
      assert.equal(ended.code, code, ended.stdout + ended.stderr);
      requireTidyLog(office);
      return ended.stdout;
    };
    const folders = NAMES.map((name) => [name, { [name]: "in" }] as const);
    office.write({
      left: { files: all("one"), folders: Object.fromEntries(folders) },
    });
    const created = await step(0);
    if (args[0] === "--json") {
      const { actions } = JSON.parse(created);
      const paths = actions.map(({ path }: { path: string }) => path);
      for (const name of NAMES) assert.ok(paths.includes(`files/${name}`));
    }
    // Edited on both sides, deleted, renamed, links, a folder in the way.
    const { left, right } = office;
    const [a, b, c, d, ...more] = NAMES;
    write(left, { files: { [a!]: "edit 1", [b!]: "edited there" } });
    write(right, { files: { [a!]: "edit no. 2" } });
    Deno.removeSync(`${left}/files/${c}`);
    Deno.renameSync(`${left}/files/${d}`, `${left}/files/${d}\n2`);
    for (const name of more) {
      Deno.symlinkSync("nowhere", `${right}/files/${name} link`);
    }
    tool("mkfifo", `${left}/files/${a} pipe`);
    await step(0);
    for (const name of NAMES.filter((it) => it !== c && it !== d)) {
      const at = `/files/${name}`;
      assert.equal(
        Deno.readTextFileSync(left + at),
        Deno.readTextFileSync(right + at),
      );
    }
    if (args[0] === "--json") await rests(office.config);
  });
}

Deno.test("a config that names odd folders leaves the terminal intact", async () => {
  using office = new Office();
  const odd = `odd \u001b[31m\n"root" \u202e`;
  Deno.writeTextFileSync(
    office.config,
    `left_root: ${JSON.stringify(odd)}\nright_root: right\n`,
  );
  const ended = await office.command();
  requireTidy(ended.stdout, "terminal");
  requireTidy(ended.stderr, "errors");
  assert.ok([2, 3].includes(ended.code), ended.stderr);
});

Deno.test("names that are no Unicode are reported and left alone, all else is synced", async () => {
  requireTool("bash");
  using office = new Office();
  office.write({ left: { "a.txt": "a" } });
  await office.agree();
  const script = `cd "$1" && printf bad > $'bad \\xff\\xfe.txt' && ` +
    `mkdir $'dir \\xc3\\x28' && printf in > $'dir \\xc3\\x28/in.txt'`;
  tool("bash", "-c", script, "bash", office.left);
  office.write({ left: { "b.txt": "b" }, right: { "c.txt": "c" } });
  for (let n = 0; n < 2; n++) {
    const ran = await told(office.config);
    assert.equal(ran.code, 1, why(ran));
    assert.equal(ran.document.problems.length, 2, why(ran));
    requireTidyLog(office);
    const names = [...Deno.readDirSync(office.right)].map(({ name }) => name);
    assert.deepEqual(names.sort(), [".office-sync", "a.txt", "b.txt", "c.txt"]);
  }
  // A recorded file that gets such a name is not taken for deleted.
  tool(
    "bash",
    "-c",
    `cd "$1" && mv a.txt $'a \\xff.txt'`,
    "bash",
    office.left,
  );
  const ran = await told(office.config);
  assert.equal(ran.code, 1, why(ran));
  assert.ok(isThere(`${office.right}/a.txt`), why(ran));
});
