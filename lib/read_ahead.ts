/**
 * The record, with rows that will be asked for read ahead: while other threads
 * scan, this one has nothing else to do.
 *
 * @module
 */
import type { RecordView } from "./plan_merge.ts";
import type { DirectoryRow, FileRow, Side } from "./types.ts";

/** So many rows are kept at most; the rest is read when it is asked for. */
const MOST_ROWS = 100_000;

/** A record that reads ahead. Nobody may write to it meanwhile. */
export class ReadAhead implements RecordView {
  readonly directories: ReadonlyMap<string, DirectoryRow>;
  readonly #record: RecordView;
  readonly #rows = new Map<string, readonly FileRow[]>();
  #held = 0;

  /** @param record As it is stored. */
  constructor(record: RecordView) {
    this.directories = record.directories;
    this.#record = record;
  }

  /**
   * Reads the rows of a folder that will be asked for. Never throws: what
   * can't be read fails where it is asked for.
   *
   * @param folder The folder; one that is not recorded has none.
   */
  expect(folder: string): void {
    if (this.#held >= MOST_ROWS || this.#rows.has(folder)) return;
    if (!this.directories.has(folder)) return;
    try {
      const rows = this.#record.filesIn(folder);
      this.#rows.set(folder, rows);
      this.#held += rows.length;
    } catch {
      // Whoever asks is told; nobody waits for what is read ahead.
    }
  }

  /** As the record has it. */
  countBelow(folder: string): number {
    return this.#record.countBelow(folder);
  }

  /** As the record has them. */
  foldersWithout(side: Side, wanted: ReadonlySet<string>): readonly string[] {
    return this.#record.foldersWithout(side, wanted);
  }

  /**
   * The rows directly in a folder. What was read ahead is handed out once.
   *
   * @param folder The folder.
   */
  filesIn(folder: string): readonly FileRow[] {
    const rows = this.#rows.get(folder);
    if (rows === undefined) return this.#record.filesIn(folder);
    this.#rows.delete(folder);
    this.#held -= rows.length;
    return rows;
  }
}
