/**
 * Builds trees, edits them, and tells whether two are the same.
 *
 * @module
 */
import assert from "node:assert/strict";

/** Files that programs keep in the roots themselves. */
export const OWN_NAMES = [".office-sync", ".sync.ffs_db", "sync.ffs_db"];

/** Files of a folder. */
const PER_FOLDER = 100;

/** When the files of a tree were saved: long ago, in s since 1970. */
const LONG_AGO_S = Date.UTC(2024, 0, 15, 8, 30) / 1000;

/** Where the n-th file of a tree is. */
export function pathOf(n: number): string {
  return `${folderOf(n)}/file-${n}.dat`;
}

function folderOf(n: number): string {
  const folder = Math.floor(n / PER_FOLDER);
  return `area-${folder % 10}/folder-${folder}`;
}

/** Content that is different for each file and version. */
function content(n: number, bytes: number, version = 0): Uint8Array {
  const all = new Uint8Array(bytes).fill(32 + n % 90);
  const head = new TextEncoder().encode(`file ${n} version ${version}\n`);
  all.set(head.subarray(0, bytes));
  return all;
}

/**
 * Builds a tree: 100 files in each folder, saved long ago.
 *
 * @param root Where; made if it is missing.
 * @param files How many.
 * @param bytes Size of each.
 */
export function build(root: string, files: number, bytes: number): void {
  for (let n = 0; n < files; n++) {
    if (n % PER_FOLDER === 0) {
      Deno.mkdirSync(`${root}/${folderOf(n)}`, { recursive: true });
    }
    const path = `${root}/${pathOf(n)}`;
    Deno.writeFileSync(path, content(n, bytes));
    Deno.utimeSync(path, LONG_AGO_S, LONG_AGO_S + n % 1000);
  }
}

/** Writes one large file that nothing can shorten. */
export function buildLarge(path: string, bytes: number): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const block = new Uint8Array(1 << 20);
  for (let at = 0; at < block.length; at += 65536) {
    crypto.getRandomValues(block.subarray(at, at + 65536));
  }
  const numbers = new DataView(block.buffer);
  for (let left = bytes, n = 0; left > 0; n++) {
    for (let at = 0; at < block.length; at += 4096) numbers.setUint32(at, n);
    left -= file.writeSync(block.subarray(0, Math.min(left, block.length)));
  }
  file.utimeSync(LONG_AGO_S, LONG_AGO_S);
}

/** What was done to two trees, and must be found on both afterwards. */
export interface Edits {
  readonly written: readonly string[];
  readonly removed: readonly string[];
}

/**
 * A day's work: on each side so many files changed, made and deleted, all of
 * different folders and none touched before.
 *
 * @param roots Both roots.
 * @param files How many files the trees began with.
 * @param round Counted from 0.
 * @param each How many of each kind on each side.
 */
export function edit(
  roots: readonly [string, string],
  files: number,
  round: number,
  each: number,
): Edits {
  const written: string[] = [];
  const removed: string[] = [];
  // Over all folders; each round takes other files of them.
  const step = Math.floor(files / (each * 4));
  const nth = (n: number) => n * step + round % step;
  for (const [side, root] of roots.entries()) {
    for (let n = 0; n < each; n++) {
      const changed = pathOf(nth(side * 2 * each + n));
      const bytes = content(n, 2100 + side, round + 1);
      Deno.writeFileSync(`${root}/${changed}`, bytes);
      const gone = pathOf(nth((side * 2 + 1) * each + n));
      Deno.removeSync(`${root}/${gone}`);
      const folder = folderOf(nth(side * 2 * each + n));
      const made = `${folder}/new-${round}-${side}-${n}.dat`;
      Deno.writeFileSync(`${root}/${made}`, content(n, 2200, round));
      written.push(changed, made);
      removed.push(gone);
    }
  }
  return { written, removed };
}

/** Changes the first files of one folder. */
export function editFolder(
  root: string,
  round: number,
  files: number,
): Edits {
  const written = Array.from({ length: files }, (_, n) => pathOf(n));
  for (const [n, path] of written.entries()) {
    Deno.writeFileSync(`${root}/${path}`, content(n, 120 + round, round + 1));
  }
  return { written, removed: [] };
}

/**
 * Requires that two trees hold the same, read to the last byte, and that what
 * was done to one of them is there.
 *
 * @param left One root.
 * @param right The other.
 * @param edits What must be there, with the same times, and what must not.
 * @throws {Error} They differ; it says where.
 */
export function requireSame(
  left: string,
  right: string,
  edits: Edits = { written: [], removed: [] },
): void {
  const { success, stdout, stderr } = new Deno.Command("diff", {
    args: [
      "--recursive",
      "--brief",
      "--no-dereference",
      ...OWN_NAMES.map((name) => `--exclude=${name}`),
      left,
      right,
    ],
  }).outputSync();
  if (!success) {
    const said = new TextDecoder().decode(stdout.length > 0 ? stdout : stderr);
    throw new Error(`the sides differ: ${said.slice(0, 300)}`);
  }
  for (const path of edits.written) {
    const [one, other] = [left, right].map((root) =>
      Math.floor(Deno.statSync(`${root}/${path}`).mtime!.getTime() / 1000)
    );
    assert.equal(one, other, `the times of ${path} differ`);
  }
  for (const path of edits.removed) {
    assert.throws(() => Deno.lstatSync(`${left}/${path}`), `${path} is back`);
  }
}

/** Removes a folder and all in it; fine if it is missing. */
export function remove(path: string): void {
  // Many times faster than the recursive call of the runtime.
  new Deno.Command("rm", { args: ["-rf", path] }).outputSync();
}

/** Makes a copy of a tree, with times. */
export function copyTree(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  const { success, stderr } = new Deno.Command("cp", {
    args: ["-a", `${from}/.`, to],
  }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Removes what programs keep in a root. */
export function cleanOwn(root: string): void {
  for (const name of OWN_NAMES) remove(`${root}/${name}`);
}

/** The inodes of the files directly in a folder, by name. */
export function inodes(folder: string): Map<string, number | null> {
  return new Map(
    [...Deno.readDirSync(folder)].map(({ name }) => [
      name,
      Deno.lstatSync(`${folder}/${name}`).ino,
    ]),
  );
}
