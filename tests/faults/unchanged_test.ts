import assert from "node:assert/strict";
import { file, type Office, type Tree } from "../support/support.ts";
import { fromFileUrl } from "../support/urls.ts";
import { QuickOffice, requireTool } from "./support.ts";

/** Files and folders that are added, to see what they cost. */
const MORE_FILES = 1000;
const MORE_FOLDERS = 100;

/**
 * What differs by chance on a side: a trace can make a root look like a slow
 * one, and what was looked at until then, 31 folders, is looked at again.
 */
const BY_CHANCE = 31;

/** Folders with as many files each as it takes, saved long ago. */
function tree(files: number, folders: number): Tree {
  const long = { mtime: "2024-01-15T08:30:00Z" };
  const found: Record<string, Record<string, Tree[string]>> = {};
  for (let n = 0; n < folders; n++) found[`d${n}`] = {};
  for (let n = 0; n < files; n++) {
    found[`d${n % folders}`]![`f${n}`] = file(`${n}`, long);
  }
  return found;
}

/** An office in which all is recorded, and nothing is young any more. */
async function agreedOffice(files: number, folders: number): Promise<Office> {
  const office = new QuickOffice();
  office.write({ left: tree(files, folders) });
  for (let run = 0; run < 3; run++) {
    const { code, stderr } = await office.command();
    assert.equal(code, 0, stderr);
  }
  return office;
}

/** Runs the real command, launcher included; gives each call in a line. */
function calls(office: Office, ...options: readonly string[]): string[] {
  requireTool("strace");
  const trace = `${office.folder}/trace`;
  const { code, stderr } = new Deno.Command("strace", {
    args: [
      ...["-f", "-qq", "-o", trace, ...options],
      ...[Deno.execPath(), "run", "--no-prompt", "--frozen", "--allow-all"],
      ...[fromFileUrl("../main.ts"), "--config", office.config],
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).outputSync();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return Deno.readTextFileSync(trace).split("\n")
    // A call that another thread gets into has two lines.
    .filter((line) => /^\d+ +\w+\(/.test(line));
}

/**
 * How many calls name a path of the tree, or list a folder of it. What is
 * above it is left out: how often a probe is tried depends on the clock.
 */
function treeCalls(office: Office): number {
  return calls(office, "-y", "-e", "trace=%file,getdents64")
    .filter((line) => /\/(left|right)\/d\d/.test(line)).length;
}

Deno.test("an unchanged file costs one call a side, an unchanged folder six", async () => {
  using few = await agreedOffice(MORE_FILES, MORE_FOLDERS);
  using files = await agreedOffice(2 * MORE_FILES, MORE_FOLDERS);
  using folders = await agreedOffice(MORE_FILES, 2 * MORE_FOLDERS);
  const least = treeCalls(few);
  const forFiles = (treeCalls(files) - least) / 2;
  const forFolders = (treeCalls(folders) - least) / 2;
  // Its lstat; less would mean that it is not looked at.
  assert.ok(forFiles >= MORE_FILES - BY_CHANCE, `${forFiles} calls`);
  assert.ok(forFiles <= MORE_FILES + BY_CHANCE, `${forFiles} calls`);
  // Its lstat, the opening, a look at what was opened, two to list it, and
  // another lstat when that is done.
  const most = 6 * MORE_FOLDERS + BY_CHANCE;
  assert.ok(forFolders <= most, `${forFolders} calls`);
});

Deno.test("a run in which nothing changed does not read the recorded files in the state DB", async () => {
  const PAGE = 4096;
  const read = (office: Office): number =>
    calls(office, "-e", "trace=pread64", "-P", office.stateDb).length;
  using few = await agreedOffice(MORE_FILES, 10);
  using files = await agreedOffice(2 * MORE_FILES, 10);
  const pages = read(files) - read(few);
  const size = (office: Office) => Deno.statSync(office.stateDb).size / PAGE;
  const written = size(files) - size(few);
  assert.ok(written > 15, `the DB grew by ${written} pages`);
  // They are counted, by an index of a few bytes a file.
  assert.ok(pages <= written / 5, `${pages} of ${written} pages more`);
});
