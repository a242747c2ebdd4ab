/**
 * Why a run does with a path what it does, told to people and to programs.
 *
 * @module
 */
import { actionDocument, actionLine, type PastAction } from "./history_text.ts";
import { words } from "./metadata.ts";
import type { Explanation } from "./plan_explain.ts";
import type { Action } from "./plan_types.ts";
import type { Stop } from "./run_result.ts";
import { printable, versionWords } from "./text.ts";
import { type Both, type FileRow, type Side, SIDES } from "./types.ts";

/** What stands at a path on a side. */
export interface SideNow {
  readonly kind: "absent" | "file" | "folder" | "other" | "unreadable";
  /** Where; another name than the record's after a rename. */
  readonly path: string;
  readonly sizeBytes: number | null;
  /** In ms since 1970. */
  readonly mtimeMs: number | null;
}

/** A setting that decides, and where it stands. */
export interface DecidingSetting {
  readonly key: string;
  readonly value: string;
  readonly file: string;
  /** Counted from 1; null: the default. */
  readonly line: number | null;
}

/** Everything there is to say about a path. */
export interface Why {
  readonly path: string;
  /** What both sides last agreed on. */
  readonly row: FileRow | null;
  /** A folder is recorded there. */
  readonly isRecordedFolder: boolean;
  readonly now: Both<SideNow>;
  /** Null where no plan could be made. */
  readonly explanation: Explanation | null;
  readonly settings: readonly DecidingSetting[];
  /** Newest first. */
  readonly past: readonly PastAction[];
  /** What would stop a run now. */
  readonly stop: Stop | null;
}

/**
 * Tells a person.
 *
 * @param why What there is to say.
 */
export function whyText(why: Why): string {
  const { explanation, settings, past, stop, now } = why;
  const lines = [
    why.path === "" ? "The roots themselves" : printable(why.path),
    `  Record: ${recordWords(why)}`,
    ...SIDES.map((side) => `  ${words(side)}: ${nowWords(why, now, side)}`),
    ...ruleLines(explanation),
    ...planLines(explanation),
    ...settings.map((it) => `  Config: ${settingWords(it)}`),
  ];
  if (stop) {
    lines.push(
      `  A run would stop: ${printable(stop.reason)}`,
      `  What to do: ${printable(stop.hint)}`,
    );
  }
  if (past.length > 0) lines.push("  Past actions, newest first:");
  for (const action of past) {
    lines.push(`    ${printable(action.run)}  ${actionLine(action)}`);
  }
  return lines.join("\n");
}

function recordWords({ row, isRecordedFolder }: Why): string {
  if (row === null) return isRecordedFolder ? "a folder" : "none";
  const [left, right] = SIDES.map((side) => {
    const { sizeBytes, mtimeMs } = row[side];
    return versionWords({ path: row.path, sizeBytes, mtimeMs });
  });
  return left === right ? `${left}` : `Left ${left}; Right ${right}`;
}

function nowWords(why: Why, now: Both<SideNow>, side: Side): string {
  const { kind, path, sizeBytes, mtimeMs } = now[side];
  const change = why.explanation?.change?.[side];
  const where = path === why.path ? "" : `${printable(path)}, `;
  const what = sizeBytes === null || mtimeMs === null
    ? THINGS[kind]
    : `${where}${versionWords({ path, sizeBytes, mtimeMs })}`;
  return change === undefined ? what : `${what}; ${change}`;
}

const THINGS: Record<SideNow["kind"], string> = {
  absent: "nothing",
  file: "a file",
  folder: "a folder",
  other: "a link or a special file",
  unreadable: "can't be looked at",
};

function ruleLines(explanation: Explanation | null): string[] {
  if (explanation === null) return [];
  const { change, isRecorded, rule } = explanation;
  const number = rule === null ? "none" : rule;
  if (change === null) return rule === null ? [] : [`  Rule: ${number}`];
  const known = isRecorded ? "recorded" : "not recorded";
  return [
    `  Rule: ${number} (${known}; ${change.left} on Left, ${change.right} on ` +
    "Right)",
  ];
}

function planLines(explanation: Explanation | null): string[] {
  if (explanation === null) return ["  Plan: none can be made"];
  const { actions, problem } = explanation;
  const lines = actions.map((action) =>
    `  Plan: ${actionLine(plannedAction(action)).replace(/^planned: /, "")}`
  );
  if (problem !== null) {
    const { path, reason } = problem;
    lines.push(`  Left alone: ${printable(path)}: ${printable(reason)}`);
  }
  return lines.length > 0 ? lines : ["  Plan: nothing to do"];
}

function plannedAction(action: Action): PastAction {
  const { name, path, newPath, rule, side, reason, bytes, files } = action;
  return {
    run: "",
    startedAtMs: 0,
    action: name,
    path,
    newPath,
    rule,
    side,
    reason,
    outcome: "planned",
    detail: null,
    bytes,
    files,
  };
}

function settingWords({ key, value, file, line }: DecidingSetting): string {
  const where = line === null ? "default" : `${printable(file)}:${line}`;
  return `${key}: ${printable(value)} (${where})`;
}

/**
 * The same for programs.
 *
 * @param why What there is to say.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function whyDocument(why: Why): unknown {
  const { explanation, row, stop, now } = why;
  const side = (side: Side) => {
    const { kind, path, sizeBytes, mtimeMs } = now[side];
    const mtime = timeOrNull(mtimeMs);
    const change = explanation?.change?.[side] ?? null;
    return { kind, path, sizeBytes, mtime, change };
  };
  return {
    path: why.path,
    record: {
      kind: row ? "file" : why.isRecordedFolder ? "folder" : null,
      left: row && halfDocument(row, "left"),
      right: row && halfDocument(row, "right"),
    },
    left: side("left"),
    right: side("right"),
    rule: explanation?.rule ?? null,
    actions:
      explanation?.actions.map((action) =>
        actionDocument(plannedAction(action))
      ) ?? [],
    leftAlone: explanation?.problem ?? null,
    settings: why.settings,
    history: why.past.map((action) => ({
      run: action.run,
      startedAt: timeOrNull(action.startedAtMs),
      ...actionDocument(action),
    })),
    guard: stop && { name: stop.name, reason: `${stop.reason} ${stop.hint}` },
  };
}

function halfDocument(row: FileRow, side: Side): unknown {
  const { sizeBytes, mtimeMs } = row[side];
  return { sizeBytes, mtime: timeOrNull(mtimeMs) };
}

function timeOrNull(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
