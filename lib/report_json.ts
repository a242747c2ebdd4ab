/**
 * A run told to programs: the one JSON document that `--json` prints.
 *
 * @module
 */
import { ConfigError, EXIT, type SyncError } from "./errors.ts";
import { summarize } from "./report_text.ts";
import { isTold, type Outcome, type RunResult } from "./run_types.ts";
import { unitEscape } from "./text.ts";

/**
 * The document for a run or a plan.
 *
 * @param result What came of it.
 * @param listsUnchanged List paths at which there is nothing to do.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function jsonReport(
  result: RunResult,
  listsUnchanged: boolean,
): unknown {
  const { stop } = result;
  return {
    run: {
      id: result.id,
      startedAt: new Date(result.startedAtMs).toISOString(),
      finishedAt: new Date(result.finishedAtMs).toISOString(),
      dryRun: result.isDryRun,
      exitCode: result.exitCode,
    },
    summary: summarize(result),
    actions: result.outcomes.filter((outcome) =>
      isListed(outcome, listsUnchanged)
    ).map((outcome) => ({
      action: outcome.action.name,
      path: outcome.action.path,
      newPath: outcome.newPath,
      files: outcome.action.files,
      rule: outcome.action.rule,
      side: outcome.action.side,
      reason: outcome.action.reason,
      outcome: outcome.kind,
      detail: outcome.detail,
      bytes: outcome.action.bytes,
    })),
    problems: [
      // Of a root as a whole.
      ...(result.rootRefusals ?? []).map((it) => ({ ...it, path: "" })),
      ...result.problems.filter(isTold),
    ].map(({ side, path, reason }) => ({ side, path, reason })),
    guard: stop && { name: stop.name, reason: `${stop.reason} ${stop.hint}` },
  };
}

/** NOOPs say nothing, but for open conflicts and for who wants to see all. */
function isListed({ action }: Outcome, listsUnchanged: boolean): boolean {
  return action.name !== "NOOP" || action.conflict !== null ||
    listsUnchanged && action.bytes !== null;
}

/**
 * The document for an error that kept a run from starting.
 *
 * @param error The error.
 */
export function jsonError(error: SyncError): unknown {
  const problems = error instanceof ConfigError ? error.problems : [];
  // What is wrong with a call or a config says itself what is allowed.
  const isTold = error.hint === null || error.exitCode === EXIT.usage;
  const message = isTold ? error.message : `${error.message} ${error.hint}`;
  return { error: { code: error.exitCode, message, problems } };
}

/**
 * A document as text. What a terminal would obey is escaped in it: JSON itself
 * only does that for the oldest control characters.
 *
 * @param document Plain data.
 */
export function jsonText(document: unknown): string {
  return JSON.stringify(document, null, 2).replaceAll(HIDDEN, unitEscape);
}

/** Controls, line separators and what turns the direction of writing. */
const HIDDEN =
  /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
