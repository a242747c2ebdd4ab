/**
 * A record in memory that takes changes and is strict about them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { folderOf, isWithin } from "../../lib/paths.ts";
import type { FileRow, RecordedHalf } from "../../lib/types.ts";
import { recordView } from "./fake_merge.ts";
import { type FakeFile, file, folder, type RecordTree } from "./fake_tree.ts";

/** Rows and folders, as they change while a plan is carried out. */
export class FakeRecord {
  readonly #rows = new Map<string, FileRow>();
  /** Whether both sides agree on a folder, by its path. */
  readonly #folders = new Map<string, boolean>();
  readonly #written = new Map<string, FileRow>();

  constructor(literals: RecordTree) {
    const { directories, filesIn } = recordView(literals);
    for (const { path, isAgreed } of directories.values()) {
      if (path !== "") this.#folders.set(path, isAgreed);
      for (const it of filesIn(path)) this.#rows.set(it.path, it);
    }
  }

  /** A run begins. */
  begin(): void {
    this.#written.clear();
  }

  /** A run ends: folders that hold nothing any more are dropped. */
  end(): void {
    for (const [path, isAgreed] of [...this.#folders].reverse()) {
      const holds = [...this.#rows.keys(), ...this.#folders.keys()]
        .some((it) => it !== path && isWithin(it, path));
      if (!isAgreed && !holds) this.#folders.delete(path);
    }
  }

  rows(): FileRow[] {
    return [...this.#rows.values()];
  }

  /** A row that was written since the run began. */
  writtenAt(path: string | null): FileRow | null {
    return path === null ? null : this.#written.get(path) ?? null;
  }

  /** Writes a row; the one that stood for the path until now goes. */
  put(row: FileRow, rowPath: string | null): void {
    if (rowPath !== null) this.forget(rowPath);
    this.#rows.set(row.path, row);
    this.#written.set(row.path, row);
    for (let at = folderOf(row.path); at !== ""; at = folderOf(at)) {
      if (!this.#folders.has(at)) this.#folders.set(at, false);
    }
  }

  forget(path: string): void {
    assert.ok(this.#rows.delete(path), `${path} is recorded`);
  }

  agree(folder: string): void {
    this.#folders.set(folder, true);
  }

  disagree(folder: string): void {
    assert.ok(this.#folders.has(folder), `${folder} is recorded`);
    this.#folders.set(folder, false);
  }

  moveFolder(from: string, to: string): void {
    assert.ok(this.#folders.has(from), `${from} is recorded`);
    move(this.#folders, from, to);
    for (const [path, row] of move(this.#rows, from, to)) {
      this.#rows.set(path, { ...row, path });
    }
  }

  /** The record as literals, without contents. */
  literals(): RecordTree {
    const folders = [...this.#folders].map(([path, isAgreed]) =>
      [path, folder({ isAgreed })] as const
    );
    const rows = this.rows().map(({ path, left, right, hash }) => {
      const halves = { left: literalOf(left), right: literalOf(right) };
      return [path, { kind: "row", ...halves, hash }] as const;
    });
    return Object.fromEntries([...folders, ...rows]);
  }
}

function literalOf(half: RecordedHalf): FakeFile {
  const { sizeBytes, mtimeMs, mode, id, isFresh } = half;
  const ino = id?.ino ?? null;
  return file("", { sizeBytes, mtimeMs, mode, ino, isFresh });
}

/** Moves a folder and all below it; gives what was moved. */
export function move<T>(
  entries: Map<string, T>,
  from: string,
  to: string,
): Map<string, T> {
  const moved = new Map<string, T>();
  for (const [path, it] of [...entries]) {
    if (!isWithin(path, from)) continue;
    entries.delete(path);
    moved.set(to + path.slice(from.length), it);
  }
  for (const [path, it] of moved) entries.set(path, it);
  return moved;
}
