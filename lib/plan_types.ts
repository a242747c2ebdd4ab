/**
 * A plan: all actions of a run, in order, as plain data.
 *
 * @module
 */
import type { NameRoom } from "./names.ts";
import type { Folding } from "./paths.ts";
import type {
  ActionName,
  Both,
  ConflictKind,
  FileId,
  FileRow,
  Metadata,
  Policy,
  Problem,
  RecordedHalf,
  Rule,
  Side,
  Take,
} from "./types.ts";

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
    /** The file to be replaced; null where the name is to be free. */
    readonly target: Metadata | null;
    /** For the target; null keeps what it has. */
    readonly mode: number | null;
    /** Of the version that is replaced. */
    readonly fate: Fate;
    /** The clash name that keeps it; null where there is none. */
    readonly clashPath: string | null;
    /** What it replaces is kept whatever its size: perhaps nobody meant it. */
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

/** A recorded path that is gone on a side while a program saves its file. */
export interface Waiting {
  readonly side: Side;
  /** As it is recorded. */
  readonly path: string;
  /** The name that its file has meanwhile. */
  readonly as: string;
  /** When a run first met it so, in ms since 1970. */
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

// Questions about content. Deciding is pure, so it can't read files: it asks,
// somebody reads, and it decides again with the answers.

/** A file to be read, as the scan saw it. */
export interface FileRef {
  readonly side: Side;
  readonly path: string;
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
