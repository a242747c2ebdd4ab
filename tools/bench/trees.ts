/**
 * Builds trees, edits them, and tells whether two are the same.
 *
 * @module
 */
import assert from "node:assert/strict";
import { outputOf } from "./programs.ts";

/** What programs keep in the roots themselves. */
export const OWN_NAMES = [".office-sync", ".sync.ffs_db", "sync.ffs_db"];

/** Files of a folder. */
const PER_FOLDER = 100;

/** When the files of a tree were saved: long ago, in s since 1970. */
const LONG_AGO_S = Date.UTC(2024, 0, 15, 8, 30) / 1000;

/** The folder of the n-th file of a tree. */
export function folderOf(n: number): string {
  const folder = Math.floor(n / PER_FOLDER);
  return `area-${folder % 10}/folder-${folder}`;
}

function pathOf(n: number): string {
  return `${folderOf(n)}/file-${n}.dat`;
}

/** Writes a file whose content is different for each number and version. */
function write(path: string, n: number, bytes: number, version = 0): void {
  const all = new Uint8Array(bytes).fill(32 + n % 90);
  new TextEncoder().encodeInto(`file ${n} version ${version}\n`, all);
  Deno.writeFileSync(path, all);
}

/** Builds a tree of so many files, all saved long ago. */
export function build(root: string, files: number, bytes: number): void {
  for (let n = 0; n < files; n++) {
    if (n % PER_FOLDER === 0) {
      Deno.mkdirSync(`${root}/${folderOf(n)}`, { recursive: true });
    }
    const path = `${root}/${pathOf(n)}`;
    write(path, n, bytes);
    Deno.utimeSync(path, LONG_AGO_S, LONG_AGO_S + n % 1000);
  }
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
      const own = nth(side * 2 * each + n);
      const changed = pathOf(own);
      const made = `${folderOf(own)}/new-${round}-${side}-${n}.dat`;
      const gone = pathOf(nth((side * 2 + 1) * each + n));
      write(`${root}/${changed}`, n, 2100 + side, round + 1);
      write(`${root}/${made}`, n, 2200, round);
      Deno.removeSync(`${root}/${gone}`);
      written.push(changed, made);
      removed.push(gone);
    }
  }
  return { written, removed };
}

/** Changes the first files of the first folder. */
export function editFolder(root: string, round: number, files: number): Edits {
  const written = Array.from({ length: files }, (_, n) => pathOf(n));
  for (const [n, path] of written.entries()) {
    write(`${root}/${path}`, n, 120 + round, round + 1);
  }
  return { written, removed: [] };
}

/**
 * Requires that two trees hold the same, read to the last byte, and that what
 * was done to one of them is there, with the same times.
 *
 * @throws {Error} They differ; it says where.
 */
export function requireSame(
  left: string,
  right: string,
  { written, removed }: Edits = { written: [], removed: [] },
): void {
  const own = OWN_NAMES.map((name) => `--exclude=${name}`);
  outputOf("diff", "-r", "--brief", "--no-dereference", ...own, left, right);
  for (const path of written) {
    const [one, other] = [left, right].map((root) =>
      Math.floor(Deno.statSync(`${root}/${path}`).mtime!.getTime() / 1000)
    );
    assert.equal(one, other, `the times of ${path} differ`);
  }
  for (const path of removed) {
    assert.throws(() => Deno.lstatSync(`${left}/${path}`), `${path} is back`);
  }
}

/** Removes what is there; many times faster than the runtime's own call. */
export function remove(...paths: readonly string[]): void {
  outputOf("rm", "-rf", ...paths);
}

/** Makes a copy of a tree, with times. */
export function copyTree(from: string, to: string): void {
  outputOf("cp", "-a", `${from}/.`, to);
}

/** The inodes of the files directly in a folder, by name. */
export function inodes(folder: string): Record<string, number | null> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return Object.fromEntries(
    names.map((name) => [name, Deno.lstatSync(`${folder}/${name}`).ino]),
  );
}
