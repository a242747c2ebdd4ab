/**
 * A record in a DB of its own, and rows for it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { folderOf } from "../../lib/paths.ts";
import type { RecordChange } from "../../lib/plan_types.ts";
import { StateDb } from "../../lib/state_db.ts";
import { digestsOf, RecordStore } from "../../lib/state_record.ts";
import type { FileRow, RecordedHalf } from "../../lib/types.ts";
import { folderInMemory } from "./support.ts";

/** A record in a DB of its own. */
export class Shelf implements Disposable {
  readonly #folder = folderInMemory();
  readonly db = new StateDb(`${this.#folder}/state.db`, { isReadOnly: false });
  readonly record = new RecordStore(this.db);

  /** Records rows, and folders that both sides have. */
  with(...items: readonly (FileRow | string)[]): this {
    this.record.apply(
      items.map((it): RecordChange =>
        typeof it === "string"
          ? agree(it)
          : { kind: "put", row: it, rowPath: null }
      ),
    );
    return this;
  }

  /** Paths of all rows, each found in the folder it is in. */
  paths(): string[] {
    const folders = [...this.record.directories().keys()];
    const rows = folders.flatMap((folder) =>
      this.record.filesIn(folder).map(({ path }) => {
        assert.equal(folderOf(path), folder, path);
        return path;
      })
    );
    assert.equal(this.record.countFiles(), rows.length);
    return rows.sort();
  }

  /** Recorded folders; in brackets those that only hold rows. */
  folders(): string[] {
    return [...this.record.directories().values()]
      .filter(({ path }) => path !== "")
      .map(({ path, isAgreed }) => isAgreed ? path : `(${path})`).sort();
  }

  /** Folders that have a digest. */
  sealed(): string[] {
    return [...digestsOf(this.record.directories(), "left").keys()].sort();
  }

  [Symbol.dispose](): void {
    this.db[Symbol.dispose]();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Both sides have a folder. */
export function agree(path: string): RecordChange {
  const isMount = { left: false, right: false };
  const id = { left: null, right: null };
  return { kind: "put-directory", path, isMount, id };
}

/** Half of a row. */
export const HALF: RecordedHalf = {
  sizeBytes: 5,
  mtimeMs: 1_577_836_922_202,
  mode: 0o644,
  id: { ino: 12, birthMs: 1_577_836_900_001 },
  isFresh: false,
};

/** A row. */
export function row(path: string, how: Partial<FileRow> = {}): FileRow {
  return { path, left: HALF, right: HALF, hash: null, ...how };
}
