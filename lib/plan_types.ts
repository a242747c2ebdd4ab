/**
 * What is decided about, and what comes of it, as plain data: files and folders
 * of both sides, paired; a plan, all actions of a run in order.
 *
 * @module
 */
import type { NameRoom } from "./names.ts";
import type { Owner } from "./owner_files.ts";
import { type Folding, joinPath } from "./paths.ts";
import {
  type ActionName,
  type Both,
  type ConflictKind,
  type DirectoryRow,
  type FileId,
  type FileRow,
  type Metadata,
  otherSide,
  type Policy,
  type Problem,
  type RecordedHalf,
  type Rule,
  type Side,
  type Take,
} from "./types.ts";
import type { Listing } from "./wire_listing.ts";

/** What becomes of a version that is replaced or removed. */
export type Fate = "soft-delete" | "destroy";

/**
 * How an action is carried out. Paths are as they will be by then; a
 * `rowPath` is where the record has the path until then, null for nowhere.
 */
export type Work =
  | {
    /** Bring one side's content to the other. */
    readonly kind: "copy";
    readonly from: Side;
    readonly path: string;
    readonly source: Metadata;
    /**
     * The soft-deleted file that is brought back instead of what `from` has at
     * the path; it is not recorded. Null for an ordinary copy.
     */
    readonly softDeleted: SoftDeletedRef | null;
    /** The file to be replaced; null where the name is to be free. */
    readonly target: Metadata | null;
    /** For the target; null keeps what it has. */
    readonly mode: number | null;
    /** Of the version that is replaced. */
    readonly fate: Fate;
    /** The clash name that keeps it; null where there is none. */
    readonly clashPath: string | null;
    /** What it replaces is soft-deleted in any case: perhaps nobody meant it. */
    readonly isDoubtful: boolean;
    /** Keep a hash of the content in the row, whatever its age. */
    readonly keepsHash: boolean;
    readonly rowPath: string | null;
  }
  | {
    readonly kind: "remove";
    readonly on: Side;
    readonly path: string;
    readonly metadata: Metadata;
    /**
     * What the other side has there, which goes by an action after this one.
     * Left out: nothing, nor may there be anything.
     */
    readonly other?: Metadata;
    readonly fate: Fate;
    readonly rowPath: string;
  }
  | {
    /** Put a version under its clash name on both sides. */
    readonly kind: "clash";
    /** The side that has the version. */
    readonly from: Side;
    readonly path: string;
    readonly clashPath: string;
    readonly metadata: Metadata;
    /** What stands at the clash name already: the very content. */
    readonly existing: Both<Metadata | null>;
    /** What the other side has at the path; null where it is no file. */
    readonly winner: Metadata | null;
    /** A folder is to take the path: the file leaves it. */
    readonly leaves: boolean;
    /** Keep a hash of the content in the row, whatever its age. */
    readonly keepsHash: boolean;
    /** The path's row, to be dropped when the file leaves it. */
    readonly rowPath: string | null;
  }
  | {
    /** Bring a name, mtime or mode to a file. */
    readonly kind: "rename";
    readonly on: Side;
    readonly from: string;
    readonly to: string;
    readonly metadata: Metadata;
    /** What the other side has meanwhile, and where. */
    readonly other:
      | { readonly path: string; readonly metadata: Metadata }
      | null;
    /** In ms since 1970; null keeps what it has. */
    readonly mtimeMs: number | null;
    readonly mode: number | null;
    /** The row to be written; null where the path is not recorded yet. */
    readonly row: FileRow | null;
    /** The row's path until now; null where there is none. */
    readonly rowPath: string | null;
    /** The content differs still: the halves stay as recorded. */
    readonly keepsHalves: boolean;
  }
  | {
    readonly kind: "rename-directory";
    readonly on: Side;
    readonly from: string;
    readonly to: string;
    /** Recorded path of the folder; null where it is not recorded. */
    readonly rowPath: string | null;
    readonly isMount: Both<boolean>;
    readonly id: Both<FileId | null>;
    /** Documents in it that stay where they are: open there. Relative to it. */
    readonly open: readonly string[];
  }
  | {
    readonly kind: "create-directory";
    readonly on: Side;
    readonly path: string;
    /** Of the folder on the side that has it. */
    readonly isMount: boolean;
    readonly id: FileId | null;
  }
  | {
    readonly kind: "remove-directory";
    readonly on: Side;
    readonly path: string;
    readonly rowPath: string;
  }
  /** Both sides agree already; only the record has to learn it. */
  | { readonly kind: "record"; readonly change: RecordChange }
  /** An open conflict, or a path at which nothing differs. */
  | { readonly kind: "none" };

/** A soft-deleted file. */
export interface SoftDeletedRef {
  readonly side: Side;
  /** Name of the folder of the run that soft-deleted it. */
  readonly run: string;
  /** Below that folder. */
  readonly path: string;
}

/** A change to the record that no change of a file goes with. */
export type RecordChange =
  | {
    readonly kind: "put";
    readonly row: FileRow;
    /** The row's path until now, where that is another. */
    readonly rowPath: string | null;
  }
  | { readonly kind: "forget"; readonly path: string }
  | {
    readonly kind: "put-directory";
    readonly path: string;
    readonly isMount: Both<boolean>;
    readonly id: Both<FileId | null>;
  }
  | { readonly kind: "forget-directory"; readonly path: string }
  | {
    /** A folder's row, and all below, under another path. */
    readonly kind: "move-directory";
    readonly from: string;
    readonly to: string;
  }
  | {
    /** A folder that was made anew on a side. */
    readonly kind: "folder-id";
    readonly path: string;
    readonly side: Side;
    readonly id: FileId | null;
  }
  | {
    readonly kind: "move-file";
    readonly from: string;
    readonly to: string;
  };

/** One thing to do. */
export interface Action {
  readonly name: ActionName;
  readonly path: string;
  /** The clash or new name; the soft-delete place is known when it is done. */
  readonly newPath: string | null;
  readonly rule: Rule | null;
  /** The side that is changed; null for both or neither. */
  readonly side: Side | null;
  readonly reason: string;
  /** Size of the file concerned; null for folders. */
  readonly bytes: number | null;
  /** How many files a folder's rename moves; null for all else. */
  readonly files: number | null;
  readonly work: Work;
  /** Positions in the plan of the actions that this one builds on. */
  readonly needs: readonly number[];
  /** The conflict that it is part of, resolved by it or left open. */
  readonly conflict: Conflict | null;
}

/** A path that both sides changed: one type from its detection to its mail. */
export interface Conflict {
  readonly kind: ConflictKind;
  readonly rule: Rule;
  readonly policy: Policy;
  readonly path: string;
  /** What each side has; null for a folder. */
  readonly versions: Both<Version | null>;
  /** The side whose version stays at the path; null while it is open. */
  readonly winner: Side | null;
  /** The winner, if any, is truly the newer one. */
  readonly isNewer: boolean;
  /** What a run did about it. Left out: it is open, or not told yet. */
  readonly done?: ConflictDone;
}

/** What a run did about a conflict, or was about to do when it was cut off. */
export interface ConflictDone {
  /** Names of the actions that it took, in order. */
  readonly actions: readonly ActionName[];
  /** The name of its clash copy; null where there is none. */
  readonly clashPath: string | null;
  /** Soft delete takes the version that lost. */
  readonly isKept: boolean;
  /** Where that is, below its side's root; null: nowhere, or not yet. */
  readonly softDeletedPath: string | null;
  /** Of a name that was given to one side. */
  readonly renamed: { readonly from: string; readonly to: string } | null;
  /** What else there is to say. */
  readonly detail: string | null;
  /** The run that was cut off while it resolved it; null for the usual case. */
  readonly cutOff: string | null;
}

/** One side of a conflict. */
export interface Version {
  /** Where it stands now. */
  readonly path: string;
  readonly sizeBytes: number;
  /** In ms since 1970. */
  readonly mtimeMs: number;
}

/** What a run is going to do. */
export interface Plan {
  /** In the order in which they are carried out. */
  readonly actions: readonly Action[];
  readonly problems: readonly Problem[];
  /** What waits for a later run, though nothing is wrong with it. */
  readonly waiting: readonly Waiting[];
  /**
   * What may be another file with the recorded one's metadata, and is not
   * recorded anew by this plan: the next run has to read it, too.
   */
  readonly suspects: readonly Suspect[];
  /** Counts for the guards. */
  readonly counts: PlanCounts;
}

/** A side of a recorded path. */
export interface Suspect {
  readonly side: Side;
  /** As it is recorded. */
  readonly path: string;
}

/** A document of which a run leaves to a later one what is to be done. */
export interface Waiting {
  /**
   * Saved: it is recorded, and gone while a program saves it. Open: a program
   * has it open there.
   */
  readonly kind: "saved" | "open";
  readonly side: Side;
  /** Where it stands there; of one that is being saved as it is recorded. */
  readonly path: string;
  /** The name that its file has meanwhile; null: none that is known. */
  readonly as: string | null;
  /**
   * What waits with it: its name on the other side, and what was moved there to
   * a folder of its name.
   */
  readonly others: readonly string[];
  /** Its owner file; null: there is none. */
  readonly owner: Owner | null;
  /**
   * When a run first met it being saved, or when it was opened, in ms since
   * 1970.
   */
  readonly sinceMs: number;
  /** It has been met so for so long that it counts as deleted. */
  readonly isOver: boolean;
}

/** What the guards look at. */
export interface PlanCounts {
  /** Files that are gone on a side and would be removed on the other. */
  readonly deleted: Both<number>;
  /**
   * As many of those as new files of the same sizes are on that side: renamed,
   * perhaps, where no file id could tell.
   */
  readonly replaced: Both<number>;
  /** Recorded files whose content changed on a side. */
  readonly modified: Both<number>;
}

/**
 * A half of a row from a file's metadata.
 *
 * @param isFresh Whether they can't be relied on yet.
 */
export function halfOf(metadata: Metadata, isFresh: boolean): RecordedHalf {
  const { sizeBytes, mtimeMs, mode, id } = metadata;
  return { sizeBytes, mtimeMs, mode, id, isFresh };
}

// What was found and recorded: files and folders of both sides, paired.

/** What one scan handed on. */
export interface SideScan {
  /** Listings by folder, as the side spells it. */
  readonly listings: ReadonlyMap<string, Listing>;
  /** Every path there that is unknown. */
  readonly problems: readonly Problem[];
}

/** The record, read only as far as it is needed. */
export interface RecordView {
  /** Every recorded folder by its path; the root is always there. */
  readonly directories: ReadonlyMap<string, DirectoryRow>;
  /** The rows directly in a folder. */
  filesIn(folder: string): readonly FileRow[];
  /** How many files are recorded below a folder. */
  countBelow(folder: string): number;
  /**
   * Folders of the rows that have no id on a side and of whose metadata there
   * `identityOf()` gives one of `wanted`.
   */
  foldersWithout(side: Side, wanted: ReadonlySet<string>): readonly string[];
}

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
  /** Its state can't be told: nothing is done about it and all below. */
  readonly isUnknown: boolean;
  /** Sides on which something directly in it is unknown. */
  readonly holdsUnknown: { left: boolean; right: boolean };
  /** Files directly in it that go with it, where it goes. */
  readonly junk: Both<Junk[]>;
  /** All names in it, folded, that exist on a side or are unknown. */
  readonly taken: Set<string>;
}

/** A folder under its new name. */
export interface FolderRename {
  /** Its row, as it is recorded. */
  readonly row: DirectoryRow;
  /** Its path before, under the new names of folders above that were found. */
  readonly from: string;
  /** Where each side has it that has not got its new name yet. */
  readonly at: Both<string>;
  /** Its path from now on. */
  readonly to: string;
  /** The sides that have it under the new name already. */
  readonly by: readonly Side[];
  /** Both sides renamed it, and not to the same name. */
  readonly isConflict: boolean;
  /** How many files are recorded in it. */
  readonly files: number;
  /** Its position among all that were found: each builds on those before. */
  readonly order: number;
}

/** A file that keeps no folder. */
export interface Junk {
  /** Its path, folded. */
  readonly key: string;
  readonly name: string;
  readonly metadata: Metadata;
  /** The name it is recorded under; its own where it is not recorded. */
  readonly rowName: string;
}

/** A name in a folder. */
export interface Location {
  readonly folder: Folder;
  readonly name: string;
}

/** A file where a scan found it. */
export interface FoundFile extends Location {
  readonly metadata: Metadata;
  /** Too young for its metadata to be relied on. */
  readonly isFresh: boolean;
  /**
   * It has no id, and another file of its size and mtime came or went: its
   * metadata does not tell that it is the recorded one.
   */
  readonly hasDouble: boolean;
}

/** One path, where it is recorded or found, and what each side has, as files. */
export interface Pair extends Location {
  /** The folded path. */
  readonly key: string;
  readonly row: FileRow | null;
  readonly left: FoundFile | null;
  readonly right: FoundFile | null;
  /** Owner files beside it, or beside its place. Left out: there are none. */
  readonly owners?: Both<Owner | null>;
}

/** A document, as it stands on a side, with its owner file. */
export interface OwnedDocument extends Location {
  readonly side: Side;
  readonly owner: Owner;
  /** When it was saved last, in ms since 1970. */
  readonly mtimeMs: number;
}

/** Where a file stands that is missed at its recorded path. */
export interface Elsewhere {
  /** As the side spells it. */
  readonly path: string;
  /** Why it is unknown there, in words. */
  readonly reason: string;
}

/** Where a folder is on a side now; null where it does not exist there. */
export function currentPath(folder: Folder, side: Side): string | null {
  if (folder.parent === null) return "";
  const stillAt = folder.stillAt[side];
  if (stillAt !== null) return stillAt;
  const name = folder.name[side];
  const parent = currentPath(folder.parent, side);
  return name === null || parent === null ? null : joinPath(parent, name);
}

/** Where a file is on a side now. */
export function pathOf({ folder, name }: FoundFile, side: Side): string {
  return joinPath(currentPath(folder, side) ?? "", name);
}

/** A folder's path for a message, even where a side does not have it. */
export function spelledPath(folder: Folder, side: Side): string {
  if (folder.parent === null) return "";
  const name = folder.name[side] ?? folder.name.left ?? folder.name.right ?? "";
  return joinPath(spelledPath(folder.parent, side), name);
}

/** Whether a side's file stands under another name than the row's. */
export function isMoved(pair: Pair, side: Side): boolean {
  const found = pair[side];
  return found !== null &&
    (found.folder !== pair.folder || found.name !== pair.name);
}

/**
 * Work as it is after the renames before it: what one of them had to copy is
 * another file to the system.
 *
 * @param crossed What was copied, by side and path.
 */
export function afterRenames<W extends Work>(
  work: W,
  crossed: ReadonlyMap<string, Metadata>,
): W {
  if (crossed.size === 0) return work;
  const at = <F extends Metadata | null>(
    side: Side,
    path: string,
    seen: F,
  ): F | Metadata => seen && (crossed.get(`${side}/${path}`) ?? seen);
  switch (work.kind) {
    case "copy": {
      const { from, path } = work;
      const source = at(from, path, work.source);
      const target = at(otherSide(from), path, work.target);
      return { ...work, source, target };
    }
    case "clash": {
      const { from, path } = work;
      const metadata = at(from, path, work.metadata);
      const winner = at(otherSide(from), path, work.winner);
      return { ...work, metadata, winner };
    }
    case "rename": {
      const { on, from } = work;
      const metadata = at(on, from, work.metadata);
      const other = work.other && {
        ...work.other,
        metadata: at(otherSide(on), work.other.path, work.other.metadata),
      };
      return { ...work, metadata, other };
    }
    default:
      return work;
  }
}

// Questions about content. Deciding is pure, so it can't read files: it asks,
// somebody reads, and it decides again with the answers.

/** A file to be read, as the scan saw it. */
export interface FileRef {
  readonly side: Side;
  readonly path: string;
  /** It is soft-deleted, as a {@linkcode SoftDeletedRef}. Left out: it is not. */
  readonly run?: string;
  readonly metadata: Metadata;
}

/** What has to be known of the content of files. */
export type Question =
  | {
    readonly kind: "compare";
    readonly a: FileRef;
    readonly b: FileRef;
    /** The hash is needed as well, should they be the same. */
    readonly wantsHash: boolean;
  }
  | { readonly kind: "hash"; readonly file: FileRef };

/** What reading told. */
export type Answer =
  | { readonly kind: "same"; readonly hash: string | null }
  | { readonly kind: "different" }
  | { readonly kind: "hash"; readonly hash: string }
  | {
    readonly kind: "unreadable";
    readonly side: Side;
    readonly path: string;
    readonly reason: string;
  };

/** The answers so far, and what is still to be asked. */
export class Inquiry {
  /** Questions that have no answer yet. */
  readonly open: Map<string, Question> = new Map();
  readonly #answers: ReadonlyMap<string, Answer>;

  /** @param answers By {@linkcode questionId}. */
  constructor(answers: ReadonlyMap<string, Answer>) {
    this.#answers = answers;
  }

  /**
   * Asks.
   *
   * @returns The answer, or null where somebody has to read first.
   */
  ask(question: Question): Answer | null {
    const id = questionId(question);
    const answer = this.#answers.get(id) ?? null;
    if (answer === null) this.open.set(id, question);
    return answer;
  }
}

/** What tells one question from all others of a run. */
export function questionId(question: Question): string {
  const ref = (file: FileRef) => `${file.side}/${file.path}`;
  return question.kind === "hash"
    ? `hash\n${ref(question.file)}`
    : `compare\n${ref(question.a)}\n${ref(question.b)}`;
}

// What decisions depend on.

/** What decisions depend on besides what was found and recorded. */
export interface DecisionSettings {
  readonly folding: Folding;
  /** The coarser of both roots' ticks, in ms. */
  readonly coarserTickMs: number;
  /** By the local clock, in ms since 1970. */
  readonly nowMs: number;
  /** A side carries no modes: they are no change. Left out: both do. */
  readonly ignoresModes?: boolean | undefined;
  /** The run started without any rows. */
  readonly isFirstMeeting: boolean;
  /** Read both files on a first meeting, even where metadata agree. */
  readonly verifyFirstRun: boolean;
  readonly policies: Readonly<Record<ConflictKind, Policy>>;
  /** What a person said about one conflict; null: the policies decide. */
  readonly ruling: Ruling | null;
  readonly softDelete: SoftDeleteSettings;
  /** List paths at which nothing differs. */
  readonly listUnchanged: boolean;
  /** How many files the record holds. */
  readonly recordedFiles: number;
  /** Of those: more changed on one side are more than anybody does at once. */
  readonly maxChangePercent: number;
  /** How long a name in a folder may be. Left out: as most disks hold. */
  readonly roomIn?: ((folder: Both<string>) => NameRoom) | undefined;
  /** Whether files of a name are read always. */
  isSuspicious(name: string): boolean;
  /** Ids that more than one recorded file of a side has. */
  isSharedId(side: Side, id: FileId): boolean;
  /**
   * Since when runs have met a path as being saved on a side, in ms since
   * 1970; null: no run before this one did.
   */
  savedSince(side: Side, path: string): number | null;
  /**
   * Whether somebody has a document open, as its owner file says. Left out:
   * nobody has any.
   *
   * @param mtimeMs When the document was saved last, in ms since 1970.
   */
  isOpen?(side: Side, owner: Owner, mtimeMs: number): boolean;
  /** Whether a path is a conflict that is open already. Left out: none is. */
  isOpenConflict?(path: string): boolean;
}

/** What a person said about one conflict that was left open. */
export interface Ruling {
  /** The folded path. */
  readonly key: string;
  /** The version to be kept; both: as the policy clash has it. */
  readonly take: Take;
  /** A folder was chosen against a file: all that is in it stays. */
  readonly keepsFolder: boolean;
}

/** The config's `soft_delete` section, as far as it decides. */
export interface SoftDeleteSettings {
  readonly enabled: boolean;
  /** Up to and including this size. */
  readonly maxSizeBytes: number;
  readonly keepReplaced: boolean;
}

/**
 * Whether soft delete takes a version.
 *
 * @example
 * ```ts
 * import { fateOf } from "./plan_types.ts";
 * const settings = { enabled: true, maxSizeBytes: 10, keepReplaced: false };
 * fateOf(11, settings); // "destroy"
 * ```
 */
export function fateOf(sizeBytes: number, settings: SoftDeleteSettings): Fate {
  const { enabled, maxSizeBytes } = settings;
  return enabled && sizeBytes <= maxSizeBytes ? "soft-delete" : "destroy";
}
