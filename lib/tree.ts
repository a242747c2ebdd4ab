/**
 * The folders and paths that a run has to decide about.
 *
 * @module
 */
import type { FolderRename } from "./folder_renames.ts";
import { joinPath } from "./paths.ts";
import type {
  Both,
  DirectoryRow,
  FileFigures,
  FileId,
  FileRow,
  Side,
} from "./types.ts";

/** A folder on either side or in the record. */
export interface Folder {
  /** Its path, folded: what pairs it. */
  readonly key: string;
  readonly parent: Folder | null;
  /** Its name on each side; null where there is no such folder. */
  readonly name: Both<string | null>;
  /** Null where it is not recorded. */
  readonly row: DirectoryRow | null;
  /** Whether another file system begins here. */
  readonly isMount: Both<boolean>;
  /** Null where a side has no such folder, or no id for it. */
  readonly id: Both<FileId | null>;
  /** It got another name; null where it did not. */
  readonly rename: FolderRename | null;
  /** Where a side has it still, which is yet to rename it; else null. */
  readonly stillAt: Both<string | null>;
  /** Its state can't be told: it and all below is left alone. */
  readonly isFrozen: boolean;
  /** Sides on which it directly holds something to be left alone. */
  readonly holdsUnknown: { left: boolean; right: boolean };
  /** Files directly in it that go with it, where it goes. */
  readonly junk: Both<Junk[]>;
  /** All names in it, folded, that exist on a side or are left alone. */
  readonly taken: Set<string>;
}

/** A file that keeps no folder. */
export interface Junk {
  /** Its path, folded. */
  readonly key: string;
  readonly name: string;
  readonly figures: FileFigures;
  /** The name it is recorded under; its own where it is not recorded. */
  readonly rowName: string;
}

/** A name in a folder. */
export interface Location {
  readonly folder: Folder;
  readonly name: string;
}

/** A file where a scan found it. */
export interface FoundFile {
  readonly at: Location;
  readonly figures: FileFigures;
  /** Too young for its figures to be relied on. */
  readonly isFresh: boolean;
  /**
   * It has no id, and another file of its size and mtime came or went: its
   * figures do not tell that it is the recorded one.
   */
  readonly hasDouble: boolean;
}

/** One path: what is recorded and what each side has there, as files. */
export interface Pair {
  /** The folded path. */
  readonly key: string;
  /** Where it is recorded, or found. */
  readonly at: Location;
  readonly row: FileRow | null;
  readonly left: FoundFile | null;
  readonly right: FoundFile | null;
}

/** What is known of a child folder before it is visited. */
export interface ChildFolder {
  readonly key: string;
  readonly name: Both<string | null>;
  readonly row: DirectoryRow | null;
  readonly isMount: Both<boolean>;
  readonly id: Both<FileId | null>;
  readonly rename: FolderRename | null;
  readonly stillAt: Both<string | null>;
  readonly isFrozen: boolean;
  /** A file is still recorded at its path: the folder took its name. */
  readonly hasFileRow?: boolean;
}

/**
 * Where a folder is on a side now.
 *
 * @param folder The folder.
 * @param side The side.
 * @returns Its path there, or null where it does not exist.
 */
export function currentPath(folder: Folder, side: Side): string | null {
  if (folder.parent === null) return "";
  const stillAt = folder.stillAt[side];
  if (stillAt !== null) return stillAt;
  const name = folder.name[side];
  const parent = currentPath(folder.parent, side);
  return name === null || parent === null ? null : joinPath(parent, name);
}

/**
 * A folder's path for a message, even where a side does not have it.
 *
 * @param folder The folder.
 * @param side The side.
 */
export function spelledPath(folder: Folder, side: Side): string {
  if (folder.parent === null) return "";
  const name = folder.name[side] ?? folder.name.left ?? folder.name.right ?? "";
  return joinPath(spelledPath(folder.parent, side), name);
}

/**
 * Whether a side's file stands under another name than the row's.
 *
 * @param pair The pair.
 * @param side The side.
 */
export function isMoved(pair: Pair, side: Side): boolean {
  const found = pair[side];
  return found !== null &&
    (found.at.folder !== pair.at.folder || found.at.name !== pair.at.name);
}
