/**
 * Clash copies that are still there: to which file each belongs, and what it
 * takes to settle one as a person says. Pure.
 *
 * @module
 */
import {
  type ClashResolution,
  isAsRecorded,
  type Refusal,
  refusalOf,
  shownMark,
} from "./conflict.ts";
import { clashedName } from "./names.ts";
import { folderOf, joinPath, keyOf, nameOf } from "./paths.ts";
import type { Merged } from "./plan_merge.ts";
import { type Draft, Drafts, inOrder } from "./plan_order.ts";
import {
  type Action,
  type DecisionSettings,
  type Pair,
  pathOf,
} from "./plan_types.ts";
import { quoted } from "./text.ts";
import { type FileRow, otherSide, SIDES } from "./types.ts";

/**
 * The path of the file that a clash copy belongs to; null where the name is not
 * that of a clash copy.
 */
export function clashedPath(path: string): string | null {
  const name = clashedName(nameOf(path));
  return name === null ? null : joinPath(folderOf(path), name);
}

/** Tells a clash copy and its file from all other versions of them. */
export function clashMark(copy: FileRow, file: FileRow | null): string {
  const versions = (row: FileRow) =>
    SIDES.map((side) => ({ ...row[side], path: row.path }));
  return shownMark([copy, file].flatMap((it) => it ? versions(it) : [null]));
}

/**
 * What settles a clash copy: what is not to be the file goes to soft delete on
 * both sides, whatever its size, as somebody may have meant the other one.
 *
 * @param merged Of a full scan.
 * @returns The actions, in order, or why there are none: never against a
 *   version that is not as it was listed.
 */
export function settlingActions(
  merged: Merged,
  { path, keep, shown }: ClashResolution,
  { folding }: Pick<DecisionSettings, "folding">,
): readonly Action[] | Refusal {
  const target = clashedPath(path)!;
  const folderKey = keyOf(folderOf(path), folding);
  const folder = merged.folders.find(({ key }) => key === folderKey);
  const at = (wanted: string) =>
    folder ? merged.pairAt(folder, keyOf(wanted, folding)) : null;
  const [copy, file] = [at(path), at(target)];
  const row = copy?.row ?? null;
  const isAsListed = [copy, file].every((it) =>
    it === null || isAsRecorded(it)
  );
  if (row === null || copy === null || !isAsListed) return refusalOf(path);
  const mark = clashMark(row, file?.row ?? null);
  if ((shown ?? mark) !== mark) return refusalOf(path);
  if (keep === "both") return [];
  const drafts = new Drafts(folding);
  let after: readonly Draft[] = [];
  const reason = keep === "file"
    ? `clash copy of ${quoted(target)}; the file was chosen`
    : `the clash copy ${quoted(path)} was chosen`;
  /** From both sides; the next run undoes it where only one could be done. */
  const remove = (pair: Pair): void => {
    for (const on of SIDES) {
      const { metadata } = pair[on]!;
      const other = pair[otherSide(on)]!.metadata;
      after = [drafts.add(
        {
          ...{ kind: "remove", on, path: pathOf(pair[on]!, on), metadata },
          ...on === SIDES[0] ? { other } : {},
          ...{ fate: "soft-delete", rowPath: pair.row!.path },
        },
        { reason },
        { after },
      )];
    }
  };
  if (keep === "file") remove(copy);
  else {
    if (file !== null) remove(file);
    const to = joinPath(folderOf(row.path), nameOf(target));
    let rowPath = row.path;
    for (const on of SIDES) {
      const found = copy[on]!;
      const from = pathOf(found, on);
      after = [drafts.add(
        {
          ...{ kind: "rename", on, from, metadata: found.metadata, rowPath },
          to: joinPath(folderOf(from), nameOf(target)),
          ...{ other: null, mtimeMs: null, mode: null, keepsHalves: false },
          row: { ...row, path: to },
        },
        { reason },
        { after },
      )];
      rowPath = to;
    }
  }
  return inOrder(drafts.all);
}
