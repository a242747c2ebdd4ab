/**
 * Open conflicts, and one that was settled, told to people and to programs.
 *
 * @module
 */
import type { ListedConflict } from "./conflict.ts";
import { words } from "./metadata.ts";
import type { Version } from "./plan_types.ts";
import type { Outcome, RunResult } from "./run_result.ts";
import {
  conflictWords,
  printable,
  PROGRAM,
  timeWords,
  versionWords,
} from "./text.ts";
import { type Both, otherSide, type Rule, type Side, SIDES } from "./types.ts";

/** A conflict as the state DB has it. */
export interface StoredConflict extends ListedConflict {
  readonly rule: Rule;
  /** The run that saw this pair of versions first. */
  readonly sinceRun: string;
  /** When that run began, in ms since 1970; null where it is not known. */
  readonly sinceMs: number | null;
}

/**
 * Open conflicts for people.
 *
 * @param conflicts By path.
 */
export function conflictsText(conflicts: readonly StoredConflict[]): string {
  if (conflicts.length === 0) {
    return "No conflict is open, as far as the last run has seen.";
  }
  return [
    ...conflicts.flatMap(conflictLines),
    "",
    `To settle one: ${PROGRAM} conflicts resolve PATH left|right|both`,
  ].join("\n");
}

function conflictLines(conflict: StoredConflict): string[] {
  const { path, kind, rule, sinceMs, versions } = conflict;
  const since = sinceMs === null ? "" : `, open since ${timeWords(sinceMs)}`;
  return [
    `${printable(path)}  [${kind}, rule ${rule}${since}]`,
    ...SIDES.map((side) => `  ${words(side)}: ${sideWords(conflict, side)}`),
    ...versions.left === null && versions.right === null
      ? ["  No content is at stake: left and right choose whose name it has."]
      : [],
  ];
}

function sideWords({ path, versions }: StoredConflict, side: Side): string {
  const version = versions[side];
  if (version !== null) {
    const where = version.path === path ? "" : `${printable(version.path)}, `;
    return where + versionWords(version);
  }
  return versions[otherSide(side)] === null
    ? "a folder with a new name"
    : "a folder";
}

/**
 * Open conflicts as a document.
 *
 * @param conflicts By path.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function conflictsDocument(
  conflicts: readonly StoredConflict[],
): unknown {
  return {
    conflicts: conflicts.map((conflict) => ({
      path: conflict.path,
      kind: conflict.kind,
      rule: conflict.rule,
      left: versionDocument(conflict.versions.left),
      right: versionDocument(conflict.versions.right),
      since: {
        run: conflict.sinceRun,
        startedAt: conflict.sinceMs === null
          ? null
          : new Date(conflict.sinceMs).toISOString(),
      },
    })),
  };
}

function versionDocument(version: Version | null): unknown {
  if (version === null) return null;
  const { path, sizeBytes, mtimeMs } = version;
  return { path, sizeBytes, mtime: new Date(mtimeMs).toISOString() };
}

/**
 * What came of settling a conflict, for people.
 *
 * @param path The conflict's.
 * @param result What came of the run.
 * @param roots Absolute paths of the roots.
 */
export function settledText(
  path: string,
  result: RunResult,
  roots: Both<string>,
): string {
  const left = result.outcomes.filter(({ kind }) => kind !== "done");
  if (left.length > 0) {
    return [
      `Not settled: ${printable(path)}`,
      ...left.map(({ action, detail }) =>
        `  ${action.name} ${printable(action.path)}: ${printable(detail ?? "")}`
      ),
    ].join("\n");
  }
  // A name that was chosen is the path of its conflict from now on.
  const [last] = result.outcomes.filter(({ action }) => action.conflict)
    .toReversed();
  return [
    `Settled: ${last ? settledWords(last, roots) : printable(path)}`,
    ...result.outcomes.filter(({ action }) => action.name !== "NOOP")
      .map(({ action, newPath }) => {
        const to = newPath === null ? "" : ` -> ${printable(newPath)}`;
        return `  ${action.name} ${printable(action.path)}${to}`;
      }),
  ].join("\n");
}

function settledWords(
  { action, newPath }: Outcome,
  roots: Both<string>,
): string {
  const { work, conflict, side } = action;
  const isKept = (work.kind === "copy" || work.kind === "remove") &&
    work.fate === "soft-delete";
  const keptAt = isKept && newPath !== null && side !== null
    ? `${roots[side]}/${newPath}`
    : null;
  return conflictWords(conflict!, "not kept", keptAt);
}
