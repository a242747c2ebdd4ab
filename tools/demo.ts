/**
 * The main job on two sample folders: they are made and synced, both sides
 * are edited, the plan is shown, and the real command syncs them in its
 * sandbox. All of it happens in `demo/`, which git ignores.
 *
 * @module
 */

import { join } from "node:path";

const project = join(import.meta.dirname ?? "", "..");
const folder = `${project}/demo`;
const left = `${folder}/left`;
const right = `${folder}/right`;

/** A working day ago, so that nothing in the demo depends on the clock. */
const yesterday = Date.now() - 24 * 60 * 60 * 1000;

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function title(text: string): void {
  say(`\n=== ${text} ${"=".repeat(Math.max(3, 72 - text.length))}\n`);
}

/** Writes a file that was saved some hours after yesterday's start of work. */
function save(path: string, content: string, hours: number): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, content);
  const at = new Date(yesterday + hours * 60 * 60 * 1000);
  Deno.utimeSync(path, at, at);
}

async function officeSync(...args: readonly string[]): Promise<void> {
  say(`$ deno task sync ${args.join(" ")} --config demo/config.yaml\n`);
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      `${project}/main.ts`,
      ...args,
      "--config",
      `${folder}/config.yaml`,
    ],
    stdin: "null",
  });
  const { code } = await command.spawn().status;
  if (code !== 0) {
    say(`\nThe command ended with exit code ${code}; 0 was expected.`);
    Deno.exit(1);
  }
}

function tree(root: string, indent = "  "): string[] {
  const names = [...Deno.readDirSync(root)].sort((a, b) =>
    a.name < b.name ? -1 : 1
  );
  return names.flatMap(({ name, isDirectory }) => {
    if (name === "root.json") return [];
    const path = `${root}/${name}`;
    return isDirectory
      ? [`${indent}${name}/`, ...tree(path, `${indent}  `)]
      : [`${indent}${name}`];
  });
}

try {
  Deno.removeSync(folder, { recursive: true });
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
Deno.mkdirSync(right, { recursive: true });

title("Two folders: an office PC (Left) and its share (Right)");
save(`${left}/Offers/Miller.docx`, "Offer for Miller\n", 1);
save(`${left}/Offers/Baker.docx`, "Offer for Baker\n", 1);
save(`${left}/Budget 2026.xlsx`, "Budget: 1000\n", 1);
save(`${left}/Phone list.txt`, "Reception 100\n", 1);
save(`${left}/holidays.txt`, "24 December\n", 1);
save(`${left}/Old notes.txt`, "not needed any more\n", 1);
save(`${right}/Minutes/2026-10.txt`, "Minutes of October\n", 1);
save(
  `${folder}/config.yaml`,
  "left_root: left\nright_root: right\n" +
    'ignore:\n  filenames_prefix: ["~$"]\n',
  0,
);
await officeSync();

title("A day later, both sides have been worked on");
const edits: readonly (readonly [string, () => void])[] = [
  ["new on Left:         Offers/Cooper.docx", () => {
    save(`${left}/Offers/Cooper.docx`, "Offer for Cooper\n", 2);
  }],
  ["new on Right:        Minutes/2026-11.txt", () => {
    save(`${right}/Minutes/2026-11.txt`, "Minutes of November\n", 2);
  }],
  ["changed on Left:     Offers/Miller.docx", () => {
    save(`${left}/Offers/Miller.docx`, "Offer for Miller, revised\n", 3);
  }],
  ["deleted on Right:    Old notes.txt", () => {
    Deno.removeSync(`${right}/Old notes.txt`);
  }],
  ["renamed on Left:     Offers/Baker.docx -> Offers/Baker & Sons.docx", () => {
    Deno.renameSync(
      `${left}/Offers/Baker.docx`,
      `${left}/Offers/Baker & Sons.docx`,
    );
  }],
  ["case changed, Right: holidays.txt -> Holidays.txt", () => {
    Deno.renameSync(`${right}/holidays.txt`, `${right}/Holidays.txt`);
  }],
  ["changed on both:     Budget 2026.xlsx", () => {
    save(`${left}/Budget 2026.xlsx`, "Budget: 1200\n", 4);
    save(`${right}/Budget 2026.xlsx`, "Budget: 1500 (Anna)\n", 5);
  }],
  ["new on both:         To do.txt", () => {
    save(`${left}/To do.txt`, "call Miller\n", 4);
    save(`${right}/To do.txt`, "order paper\n", 3);
  }],
  ["open in Word, Left:  Offers/~$Miller.docx (ignored)", () => {
    save(`${left}/Offers/~$Miller.docx`, "", 4);
  }],
];
for (const [what, edit] of edits) {
  edit();
  say(`  ${what}`);
}

title("What a run would do");
await officeSync("plan");

title("The run");
await officeSync();

title("Both sides now");
say(`Left (${left}):\n${tree(left).join("\n")}\n`);
say(`Right (${right}):\n${tree(right).join("\n")}`);

title("A second run finds nothing to do");
await officeSync();
say(`\nThe log of all three runs: ${folder}/logs/config.log`);
