/**
 * Random situations: a tree that both sides agreed on, edited on each side.
 *
 * @module
 */
import fc from "fast-check";
import { folderOf, type Folding, isWithin, keyOf } from "../../lib/paths.ts";
import type { Side } from "../../lib/types.ts";
import {
  but,
  type FakeFile,
  type FakeFolder,
  file,
  folder,
  HOUR,
  OLD,
  type RecordTree,
  row,
  type SideTree,
  type Situation,
} from "./fake_tree.ts";

/** One edit of one side; it is left out where it makes no sense. */
export interface Edit {
  readonly what: typeof EDITS[number];
  readonly path: string;
  readonly to: string;
  readonly content: string;
  /** Which of a side's times it gets. */
  readonly time: number;
}

const EDITS = [
  "write",
  "write",
  "rename",
  "rename",
  "delete",
  "touch",
  "chmod",
  "folder",
  "rewrite with other id",
] as const;

const PATHS = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "f", "f/a", "f/b"];
const SPELLINGS = [...PATHS, "A", "B", "D/a", "d/A", "D/B", "D/E/a", "F"];

/** Contents of three sizes, two of each. */
const CONTENTS = ["one", "two", "three", "seven", "nothing", "nowhere"];

/** A situation before it is put together. */
export interface Edits {
  readonly agreed: readonly Edit[];
  readonly left: readonly Edit[];
  readonly right: readonly Edit[];
}

/** Random edits; with other spellings where both sides ignore case. */
export function edits(ignoresCase: boolean): fc.Arbitrary<Edits> {
  const path = fc.constantFrom(...(ignoresCase ? SPELLINGS : PATHS));
  const edit = (...whats: Edit["what"][]): fc.Arbitrary<Edit> =>
    fc.record({
      what: fc.constantFrom(...whats),
      path,
      to: path,
      content: fc.constantFrom(...CONTENTS),
      time: fc.integer({ min: 1, max: 3 }),
    });
  const changes = fc.array(edit(...EDITS), { maxLength: 5 });
  return fc.record({
    agreed: fc.array(edit("write", "write", "folder"), { maxLength: 6 }),
    left: changes,
    right: changes,
  });
}

/** Puts a situation together; no two edits of both sides share a time. */
export function editedSituation(made: Edits, folding: Folding): Situation {
  const agreed = new Office(folding, 0);
  made.agreed.forEach((edit) => agreed.apply({ ...edit, time: 0 }));
  const base = agreed.tree();
  const sides = { left: new Office(folding, 1), right: new Office(folding, 2) };
  const record: Record<string, RecordTree[string]> = {};
  let ino = 10;
  for (const [path, it] of Object.entries(base)) {
    const halves = { left: it, right: it };
    for (const side of ["left", "right"] as const) {
      if (it.kind === "file") halves[side] = but(it, { ino: ino++ });
      sides[side].put(path, halves[side]);
    }
    const { left, right } = halves;
    record[path] = left.kind === "file" && right.kind === "file"
      ? row(left, right)
      : folder();
  }
  const tree = (side: Side): SideTree => {
    made[side].forEach((edit) => sides[side].apply(edit));
    return sides[side].tree();
  };
  return { record, left: tree("left"), right: tree("right") };
}

/** A side that is edited as a person would. */
class Office {
  readonly #entries = new Map<string, FakeFile | FakeFolder>();
  readonly #folding: Folding;
  readonly #number: number;
  #nextIno: number;

  constructor(folding: Folding, number: number) {
    this.#folding = folding;
    this.#number = number;
    this.#nextIno = 1000 * (number + 1);
  }

  put(path: string, entry: FakeFile | FakeFolder): void {
    this.#entries.set(path, entry);
  }

  tree(): Record<string, FakeFile | FakeFolder> {
    return Object.fromEntries(this.#entries);
  }

  apply(edit: Edit): void {
    const path = this.#spelled(edit.path);
    const there = this.#entries.get(path);
    const mtimeMs = OLD + (2 * edit.time + this.#number % 2) * HOUR;
    switch (edit.what) {
      case "write":
        if (there?.kind === "folder" || !this.#opens(path)) return;
        return this.put(
          path,
          there
            ? but(there, { content: edit.content, mtimeMs })
            : file(edit.content, { mtimeMs, ino: this.#nextIno++ }),
        );
      case "folder":
        if (!there && this.#opens(path)) this.put(path, folder());
        return;
      case "rename":
        return this.#rename(path, edit.to);
      case "delete":
        for (const at of this.#within(path)) this.#entries.delete(at);
        return;
      case "touch":
        if (there?.kind === "file") this.put(path, { ...there, mtimeMs });
        return;
      case "chmod":
        if (there?.kind === "file") this.put(path, { ...there, mode: 0o600 });
        return;
      case "rewrite with other id":
        if (there?.kind !== "file") return;
        this.put(path, { ...there, ino: this.#nextIno++ });
    }
  }

  /** As it is spelled here, or as it would be if it were made. */
  #spelled(path: string): string {
    const key = keyOf(path, this.#folding);
    for (const at of this.#entries.keys()) {
      if (keyOf(at, this.#folding) === key) return at;
    }
    const parent = folderOf(path);
    return parent === ""
      ? path
      : this.#spelled(parent) + path.slice(parent.length);
  }

  /** Makes the folders above a path, unless a file is in the way. */
  #opens(path: string): boolean {
    const parent = folderOf(path);
    if (parent === "") return true;
    const there = this.#entries.get(parent);
    if (there || !this.#opens(parent)) return there?.kind === "folder";
    this.put(parent, folder());
    return true;
  }

  #within(path: string): string[] {
    return [...this.#entries.keys()].filter((at) => isWithin(at, path));
  }

  #rename(from: string, wanted: string): void {
    const target = this.#spelled(wanted);
    const isRespelled = target === from;
    const to = isRespelled
      ? folderOf(from) + from.slice(folderOf(from).length, -1) +
        wanted.slice(-1)
      : target;
    const isFree = isRespelled || !this.#entries.has(to);
    const isWithinItself = !isRespelled && isWithin(to, from);
    if (!this.#entries.has(from) || !isFree || isWithinItself) return;
    if (!this.#opens(to)) return;
    for (const at of this.#within(from)) {
      const it = this.#entries.get(at)!;
      this.#entries.delete(at);
      this.put(to + at.slice(from.length), it);
    }
  }
}
