/**
 * What stands in a folder on one side, be it listed or taken from the record.
 *
 * @module
 */
import { type Habits, isFresh } from "./metadata.ts";
import { folderOf, nameOf } from "./paths.ts";
import type {
  DirectoryRow,
  FileFigures,
  FileId,
  FileRow,
  Problem,
  Side,
} from "./types.ts";
import { entriesOf, type Listing } from "./wire_listing.ts";

/** A file of one side, before it is paired. */
export interface SideFile {
  readonly name: string;
  readonly figures: FileFigures;
  readonly isFresh: boolean;
}

/** A folder of one side, before it is paired. */
export interface SideFolder {
  readonly name: string;
  readonly isMount: boolean;
  readonly id: FileId | null;
}

/** What stands in a folder on one side. */
export interface SideEntries {
  /** The folder changed while it was scanned: what is missing may be elsewhere. */
  readonly isUnsettled: boolean;
  readonly files: readonly SideFile[];
  readonly folders: readonly SideFolder[];
}

/** A folder that is not there. */
export const EMPTY: SideEntries = {
  isUnsettled: false,
  files: [],
  folders: [],
};

/**
 * What a listing says.
 *
 * @param listing The listing.
 * @param habits Of the root it comes from.
 */
export function fromListing(listing: Listing, habits: Habits): SideEntries {
  const files: SideFile[] = [];
  const folders: SideFolder[] = [];
  for (const entry of entriesOf(listing)) {
    if (entry.kind === "directory") {
      folders.push(entry);
      continue;
    }
    const isYoung = isFresh(entry.mtimeMs, listing.lookedAtMs, habits);
    files.push({ name: entry.name, figures: entry, isFresh: isYoung });
  }
  return { isUnsettled: listing.isUnsettled, files, folders };
}

/**
 * What the record says of a folder that is as recorded.
 *
 * @param rows Its file rows.
 * @param directories Its folders' rows.
 * @param side The side.
 */
export function fromRecord(
  rows: readonly FileRow[],
  directories: readonly DirectoryRow[],
  side: Side,
): SideEntries {
  return {
    isUnsettled: false,
    files: rows.map((row) => ({
      name: nameOf(row.path),
      figures: row[side],
      isFresh: row[side].isFresh,
    })),
    folders: directories.filter((row) => row.isAgreed).map((row) => ({
      name: nameOf(row.path),
      isMount: row.isMount[side],
      id: row.id[side],
    })),
  };
}

/**
 * Problems by the folder they are in, then by name.
 *
 * @param problems Of one side.
 */
export function problemsByFolder(
  problems: readonly Problem[],
): Map<string, Map<string, Problem>> {
  const folders = new Map<string, Map<string, Problem>>();
  for (const problem of problems) {
    const folder = folderOf(problem.path);
    const names = folders.get(folder) ?? new Map<string, Problem>();
    names.set(nameOf(problem.path), problem);
    folders.set(folder, names);
  }
  return folders;
}

/**
 * Why what is missing in a folder may not be gone.
 *
 * @param entries What stands in the folder on a side.
 * @param problems What is to be left alone in it there, by name.
 * @returns The reason in words; null where it is gone for certain.
 */
export function whyUnsettled(
  entries: SideEntries,
  problems: ReadonlyMap<string, Problem>,
): string | null {
  if (entries.isUnsettled) {
    return "it vanished while the folders were being read";
  }
  // A name that is no Unicode can't be looked at: it may be any file.
  const isNameless = [...problems.values()].some(({ kind, figures }) =>
    kind === "name" && figures === null
  );
  return isNameless
    ? "it is missing, and may be the file beside it whose name can't be read: rename that one"
    : null;
}
