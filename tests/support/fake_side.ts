/**
 * One side in memory: its entries by path, and a strict look at them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isStill, type Traits } from "../../lib/metadata.ts";
import { folderOf, isWithin, keyOf } from "../../lib/paths.ts";
import type { Metadata, Side } from "../../lib/types.ts";
import { foldersOf } from "./fake_merge.ts";
import { move } from "./fake_record.ts";
import {
  type FakeFile,
  type FakeFolder,
  type FakeProblem,
  folder,
  metadataOf,
  type SideTree,
} from "./fake_tree.ts";

type Entry = FakeFile | FakeFolder | FakeProblem;

/** Everything that stands on a side. */
export class FakeSide {
  readonly #side: Side;
  readonly #entries = new Map<string, Entry>();
  readonly #traits: Partial<Traits>;

  constructor(side: Side, tree: SideTree, traits: Partial<Traits>) {
    this.#side = side;
    this.#traits = traits;
    for (const path of foldersOf(tree)) this.#entries.set(path, folder());
    for (const [path, it] of Object.entries(tree)) this.#entries.set(path, it);
    this.#entries.delete("");
  }

  /** All of it as literals. */
  literals(): SideTree {
    return Object.fromEntries(this.#entries);
  }

  get(path: string): Entry | null {
    return this.#entries.get(path) ?? null;
  }

  /** The file at a path, which must be what was seen. */
  file(path: string, seen: Metadata): FakeFile {
    const found = this.get(path);
    assert.ok(found?.kind === "file", `a file is at ${this.#side}/${path}`);
    const isAsSeen = isStill(seen, metadataOf(found));
    assert.ok(isAsSeen, `${this.#side}/${path} is as seen`);
    return found;
  }

  /** Makes sure that a folder is at a path. */
  folder(path: string): void {
    const { kind } = this.get(path) ?? {};
    assert.equal(kind, "folder", `a folder is at ${this.#side}/${path}`);
  }

  /** Makes sure that a path can be taken. */
  free(path: string): void {
    const parent = folderOf(path);
    if (parent !== "") this.folder(parent);
    for (const other of this.#entries.keys()) {
      const isTaken = this.#isSamePlace(other, path);
      assert.ok(!isTaken, `${this.#side}/${path} is free`);
    }
  }

  /** Makes sure that there is nothing in a folder. */
  empty(path: string): void {
    const within = [...this.#entries.keys()].filter((it) =>
      it !== path && isWithin(it, path)
    );
    assert.deepEqual(within, [], `${this.#side}/${path} is empty`);
  }

  put(path: string, entry: Entry): void {
    this.#entries.set(path, entry);
  }

  remove(path: string): void {
    assert.ok(this.#entries.delete(path));
  }

  /** Gives a new name, which must be free or another spelling. */
  rename(from: string, to: string): void {
    if (!this.#isSamePlace(from, to)) this.free(to);
    move(this.#entries, from, to);
  }

  #isSamePlace(a: string, b: string): boolean {
    const { ignoresCase = false, ignoresNormalForm = false } = this.#traits;
    const folding = { ignoresCase, ignoresNormalForm };
    return keyOf(a, folding) === keyOf(b, folding);
  }
}
