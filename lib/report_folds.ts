/**
 * Which rows of a report are shown one by one, and which are only listed
 * because there are too many that are alike.
 *
 * @module
 */
import type { Row } from "./report_rows.ts";

/** Rows that are alike but for their path. */
export interface Alike {
  /** The first of them, which stands for all. */
  readonly like: Row;
  readonly rows: readonly Row[];
}

/** Rows, parted. */
export interface Folded {
  /** In the order they came in. */
  readonly shown: readonly Row[];
  readonly listed: readonly Alike[];
}

/**
 * Parts rows. What is rare is shown, what there is most of is listed: three
 * deletions must not vanish among a hundred thousand copies.
 *
 * @param rows The rows.
 * @param room How many may be shown.
 */
export function fold(rows: readonly Row[], room: number): Folded {
  if (rows.length <= room) return { shown: rows, listed: [] };
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.kind}\n${row.words}\n${row.reason}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  const shown = new Set<Row>();
  const listed: Alike[] = [];
  const bySize = [...groups.values()].sort((a, b) => a.length - b.length);
  for (const group of bySize) {
    const fits = group.slice(0, Math.max(0, room - shown.size));
    for (const row of fits) shown.add(row);
    const rest = group.slice(fits.length);
    if (rest[0]) listed.push({ like: rest[0], rows: rest });
  }
  return { shown: rows.filter((row) => shown.has(row)), listed };
}
