/**
 * A run as rows of two columns: what Left has, what is done, what Right has.
 *
 * @module
 */
import { words } from "./metadata.ts";
import { comparePaths } from "./paths.ts";
import type { Action, Version, Work } from "./plan_types.ts";
import {
  isTold,
  openConflicts,
  type Outcome,
  type RunResult,
} from "./run_result.ts";
import { settledConflicts } from "./settled_conflicts.ts";
import { waitingWords } from "./summary.ts";
import { conflictWords, printable } from "./text.ts";
import {
  type ActionName,
  type Both,
  type FileFigures,
  otherSide,
  type Side,
} from "./types.ts";

/** What a row is filtered by. */
export type RowKind = ActionName | "CONFLICT" | "LEFT_ALONE" | "WAITING";

/** What one side has. */
export interface Cell {
  readonly path: string;
  readonly isFolder: boolean;
  /** Null for folders, and where nobody looked. */
  readonly sizeBytes: number | null;
  /** In ms since 1970. */
  readonly mtimeMs: number | null;
}

/** One thing that was done, is planned, or was left. */
export interface Row {
  readonly kind: RowKind;
  readonly path: string;
  /** What each side had before; null for nothing. */
  readonly cells: Both<Cell | null>;
  readonly words: string;
  /** Why; rows that are alike share it. */
  readonly reason: string;
  /** What only this row has to say; null for nothing. */
  readonly note: string | null;
  readonly bytes: number | null;
}

/** Rows under one title. */
export interface Section {
  readonly id:
    | "open"
    | "settled"
    | "failed"
    | "skipped"
    | "alone"
    | "waiting"
    | "actions";
  readonly title: string;
  readonly rows: readonly Row[];
}

/** What each action is called where it is planned, and where it is done. */
const WORDS: Readonly<Record<ActionName, readonly [string, string]>> = {
  COPY_LEFT_TO_RIGHT: ["copy to Right", "copied to Right"],
  COPY_RIGHT_TO_LEFT: ["copy to Left", "copied to Left"],
  DELETE_LEFT: ["delete on Left for good", "deleted on Left for good"],
  DELETE_RIGHT: ["delete on Right for good", "deleted on Right for good"],
  SOFT_DELETE_LEFT: ["delete on Left, keep", "deleted on Left, kept"],
  SOFT_DELETE_RIGHT: ["delete on Right, keep", "deleted on Right, kept"],
  CLASH_CREATE: ["keep as clash copy", "kept as clash copy"],
  RENAME_LEFT: ["rename or adjust on Left", "renamed or adjusted on Left"],
  RENAME_RIGHT: ["rename or adjust on Right", "renamed or adjusted on Right"],
  CREATE_DIR_LEFT: ["create folder on Left", "folder created on Left"],
  CREATE_DIR_RIGHT: ["create folder on Right", "folder created on Right"],
  REMOVE_DIR_LEFT: ["remove folder on Left", "folder removed on Left"],
  REMOVE_DIR_RIGHT: ["remove folder on Right", "folder removed on Right"],
  NOOP: ["nothing to do", "nothing to do"],
};

/**
 * What a kind of row is called.
 *
 * @param kind The kind.
 * @param isDone Whether it was done; else it is to be.
 */
export function kindWords(kind: RowKind, isDone: boolean): string {
  if (kind === "CONFLICT") return "in conflict";
  if (kind === "LEFT_ALONE") return "left alone";
  if (kind === "WAITING") return "waits";
  return WORDS[kind][isDone ? 1 : 0];
}

/** How a run is told. */
export interface RowOptions {
  /** Absolute paths of the roots. */
  readonly roots: Both<string>;
  /** Whether paths at which there is nothing to do are rows too. */
  readonly listsUnchanged: boolean;
  /** That the process has no walls, in words; null: it has. */
  readonly missingWalls?: string | null;
}

/**
 * The rows of a run: first what needs a person, by path.
 *
 * @param result What came of the run.
 * @param options How it is told.
 * @returns The sections that hold anything.
 */
export function reportSections(
  result: RunResult,
  options: RowOptions,
): Section[] {
  const { isDryRun } = result;
  const sections: Section[] = [
    {
      id: "open",
      title: "Open conflicts, for a person to settle",
      rows: openConflicts(result.outcomes).map((conflict) =>
        conflictRow(conflict, conflictWords(conflict, "", null))
      ),
    },
    {
      id: "settled",
      title: isDryRun ? "Conflicts to settle" : "Conflicts settled",
      rows: settledConflicts(result.outcomes, options.roots).map((it) =>
        conflictRow(it.conflict, it.words)
      ),
    },
    {
      id: "failed",
      title: "Failed, tried again next time",
      rows: rowsOf(result, (outcome) => outcome.kind === "failed"),
    },
    {
      id: "skipped",
      title: "Skipped, tried again next time",
      rows: rowsOf(result, (outcome) => outcome.kind === "skipped"),
    },
    {
      id: "alone",
      title: "Left alone on both sides",
      rows: result.problems.filter(isTold)
        .map(problemRow),
    },
    {
      id: "waiting",
      title: "Waiting for the next run",
      rows: result.waiting.map(waitingRow),
    },
    {
      id: "actions",
      title: isDryRun ? "What a run would do" : "What was done",
      rows: rowsOf(
        result,
        (outcome) =>
          (outcome.kind === "done" || outcome.kind === "planned") &&
          isListed(outcome, options.listsUnchanged),
      ),
    },
  ];
  return sections.filter(({ rows }) => rows.length > 0).map((section) => ({
    ...section,
    rows: section.rows.toSorted((a, b) => comparePaths(a.path, b.path)),
  }));
}

/** Where nothing differs nothing is to be told, but to who wants to see all. */
function isListed({ action }: Outcome, listsUnchanged: boolean): boolean {
  return action.name !== "NOOP" || listsUnchanged && action.bytes !== null;
}

/** Open conflicts have a section of their own. */
function rowsOf(
  result: RunResult,
  isWanted: (outcome: Outcome) => boolean,
): Row[] {
  return result.outcomes.filter((outcome) => {
    const { conflict } = outcome.action;
    return (conflict === null || conflict.winner !== null) && isWanted(outcome);
  }).map(actionRow);
}

function actionRow(outcome: Outcome): Row {
  const { action, kind, newPath, detail } = outcome;
  const { name, path, rule, bytes } = action;
  const isRename = action.work.kind.startsWith("rename");
  const notes = [
    ...newPath === null
      ? []
      : [isRename ? `new name ${newPath}` : `kept as ${newPath}`],
    ...detail === null ? [] : [detail],
  ];
  return {
    kind: name,
    path,
    cells: cellsOf(action),
    words: kindWords(name, kind === "done"),
    reason: rule === null ? action.reason : `${action.reason}; rule ${rule}`,
    note: notes.length === 0 ? null : notes.join("; "),
    bytes,
  };
}

function conflictRow(
  conflict: NonNullable<Action["conflict"]>,
  sentence: string,
): Row {
  const { versions, winner } = conflict;
  // Only a difference in names leaves a file without figures.
  const isFolder = conflict.kind !== "metadata_conflict";
  // A loser's path is where it goes, not where it was.
  const before = winner === null ? {} : { path: conflict.path };
  const cell = (version: Version | null): Cell =>
    version === null
      ? { ...NOWHERE, path: conflict.path, isFolder }
      : { ...version, ...before, isFolder: false };
  return {
    kind: "CONFLICT",
    path: conflict.path,
    cells: { left: cell(versions.left), right: cell(versions.right) },
    words: winner === null ? "open conflict" : `${words(winner)} wins`,
    reason: `${conflict.kind}; rule ${conflict.rule}; ${conflict.policy}`,
    // Which path it is about stands in the row already.
    note: sentence.slice(`${printable(conflict.path)}: `.length),
    bytes: null,
  };
}

function problemRow(
  { side, path, kind, reason, figures }: RunResult["problems"][number],
): Row {
  const isFolder = kind === "kept";
  const cell = { ...NOWHERE, ...figures, path, isFolder };
  return {
    kind: "LEFT_ALONE",
    path,
    cells: side === "left"
      ? { left: cell, right: null }
      : { left: null, right: cell },
    words: "left alone",
    reason,
    note: null,
    bytes: null,
  };
}

function waitingRow({ side, path, as }: RunResult["waiting"][number]): Row {
  const row = problemRow({
    side,
    path,
    kind: "ignored",
    reason: waitingWords({ as }),
    figures: null,
  });
  return { ...row, kind: "WAITING", words: "waits" };
}

const NOWHERE = { isFolder: false, sizeBytes: null, mtimeMs: null } as const;

function file(path: string, figures: FileFigures | null): Cell | null {
  return figures && { ...figures, path, isFolder: false };
}

function folder(path: string): Cell {
  return { ...NOWHERE, path, isFolder: true };
}

function cellsOf(action: Action): Both<Cell | null> {
  const { work } = action;
  const [side, own, other] = found(work) ??
    ["left", { ...NOWHERE, path: action.path, sizeBytes: action.bytes }, null];
  // What both sides agree on is the same on both.
  const across = work.kind === "record" || work.kind === "none" ? own : other;
  return side === "left"
    ? { left: own, right: across }
    : { left: across, right: own };
}

/** A side, what it has, and what the other one has. */
function found(work: Work): [Side, Cell | null, Cell | null] | null {
  switch (work.kind) {
    case "copy":
      return [
        work.from,
        file(work.path, work.source),
        file(work.path, work.target),
      ];
    case "remove":
      return [work.on, file(work.path, work.figures), null];
    case "clash":
      return [
        work.from,
        file(work.path, work.figures),
        file(work.path, work.winner),
      ];
    case "rename":
      return [
        work.on,
        file(work.from, work.figures),
        file(work.other?.path ?? work.to, work.other?.figures ?? null) ??
          { ...NOWHERE, path: work.to },
      ];
    case "rename-directory":
      return [work.on, folder(work.from), folder(work.to)];
    case "create-directory":
      return [otherSide(work.on), folder(work.path), null];
    case "remove-directory":
      return [work.on, folder(work.path), null];
    case "record":
    case "none":
      return null;
  }
}
