/**
 * Offices in which a folder of many files gets another name.
 *
 * @module
 */
import assert from "node:assert/strict";
import { actions, Office, type Tree } from "./support.ts";
import { intercept } from "./two_roots.ts";

/** Enough of them for a folder to move as a whole. */
export function files(count = 20): Record<string, string> {
  const names = Array.from({ length: count }, (_, n) => `f${n}`);
  return Object.fromEntries(names.map((name) => [name, `${name} of it`]));
}

/** Two sides that agree on a folder of many files, and on another one. */
export async function agreed(tree: Tree, settings = ""): Promise<Office> {
  const office = new Office(settings).write({ left: tree });
  await office.settle();
  assert.deepEqual(actions(await office.settle()), []);
  return office;
}

/** Folders that are renamed meanwhile: from and to, below the roots. */
export async function foldersRenamed(
  office: Office,
  work: () => Promise<unknown>,
): Promise<string[]> {
  const renamed: string[] = [];
  const name = (path: string) => path.slice(office.folder.length + 1);
  using _ = intercept("renameSync", (real, from, to) => {
    if (Deno.lstatSync(from!).isDirectory) {
      renamed.push(`${name(from!)} -> ${name(to!)}`);
    }
    real(from, to);
  });
  await work();
  return renamed;
}

/** Both sides hold the same, and the next run finds nothing to do. */
export async function assertAgreed(office: Office): Promise<void> {
  const { left, right } = office.trees();
  assert.deepEqual(right, left);
  assert.deepEqual(actions(await office.settle()), []);
}
