/**
 * What `restore` tells, to people and to programs.
 *
 * @module
 */
import { EXIT, type ExitCode } from "./errors.ts";
import { words } from "./metadata.ts";
import { printable, sizeWords } from "./text.ts";
import { type Both, type Side, SIDES } from "./types.ts";
import type { Version } from "./versions.ts";

/** What became of a version that was to be brought back. */
export interface Restored {
  readonly version: Version;
  /** `same`: it was there already. */
  readonly outcome: "done" | "same" | "refused" | "failed";
  /** The sides it was brought to. */
  readonly sides: readonly Side[];
  /** Where the version now lies that stood in the way; null: none did. */
  readonly replaced: Both<string | null>;
  /** Why it was refused or failed. */
  readonly reason: string | null;
}

/**
 * The exit code for what was done.
 *
 * @param all Of all versions.
 */
export function exitCodeOf(all: readonly Restored[]): ExitCode {
  const isLeft = all.some(({ outcome }) =>
    outcome === "refused" || outcome === "failed"
  );
  return isLeft ? EXIT.leftForPerson : EXIT.agreed;
}

/**
 * What can be brought back, as a list.
 *
 * @param versions By path, the newest first.
 */
export function listText(versions: readonly Version[]): string {
  if (versions.length === 0) return "Nothing is kept in soft delete.";
  const lines: string[] = [];
  let path: string | null = null;
  for (const version of versions) {
    if (version.path !== path) lines.push(printable(version.path));
    path = version.path;
    const { run, folder, side, removedAtMs, figures } = version;
    lines.push(
      `  removed ${timeWords(removedAtMs)} by run ${printable(run ?? folder)}` +
        ` on ${words(side)}; ${sizeWords(figures.sizeBytes)}, ` +
        `edited ${timeWords(figures.mtimeMs)}`,
    );
  }
  const count = versions.length;
  lines.push("", `${count} ${count === 1 ? "version" : "versions"} kept.`);
  return lines.join("\n");
}

/**
 * What was brought back: one line for each file, one for all.
 *
 * @param all Of all versions.
 */
export function restoredText(all: readonly Restored[]): string {
  const done = all.filter(({ outcome }) => outcome === "done").length;
  const left =
    all.filter(({ outcome }) => outcome === "refused" || outcome === "failed")
      .length;
  const files = `${done} ${done === 1 ? "file" : "files"} brought back`;
  return [
    ...all.map(restoredLine),
    "",
    left === 0 ? `${files}.` : `${files}; ${left} not, see above.`,
  ].join("\n");
}

/**
 * What became of one version, in one line.
 *
 * @param restored The version and what became of it.
 */
export function restoredLine(restored: Restored): string {
  const { version, outcome, sides, reason } = restored;
  const path = printable(version.path);
  if (outcome === "same") return `${path}: is there already, just so`;
  const to = sides.map(words).join(" and ");
  const which = `the version edited ${timeWords(version.figures.mtimeMs)}`;
  const back = `brought back to ${to}, ${which}`;
  const replaced = SIDES.flatMap((side) => {
    const place = restored.replaced[side];
    return place === null ? [] : [`${words(side)} ${printable(place)}`];
  });
  const kept = replaced.length === 0
    ? ""
    : `; what stood there is kept: ${replaced.join(", ")}`;
  if (outcome === "done") return `${path}: ${back}${kept}`;
  const why = printable(reason ?? "");
  const part = to === "" ? "" : ` (${back})`;
  return `${path}: ${outcome}: ${why}${part}${kept}`;
}

function timeWords(timeMs: number): string {
  return new Date(timeMs).toLocaleString("sv-SE");
}

/**
 * The document of `restore --list --json`.
 *
 * @param versions By path, the newest first.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function listDocument(versions: readonly Version[]): unknown {
  return { versions: versions.map(versionDocument) };
}

/**
 * The document of `restore --json`.
 *
 * @param all Of all versions.
 * @param exitCode What the command ends with.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function restoredDocument(
  all: readonly Restored[],
  exitCode: ExitCode,
): unknown {
  return {
    exitCode,
    files: all.map(({ version, outcome, sides, replaced, reason }) => ({
      path: version.path,
      outcome,
      sides,
      reason,
      replaced,
      version: versionDocument(version),
    })),
  };
}

function versionDocument(version: Version) {
  const { path, side, run, folder, keptAt, removedAtMs, figures } = version;
  return {
    path,
    side,
    run,
    folder,
    keptAt,
    removedAt: isoTime(removedAtMs),
    modifiedAt: isoTime(figures.mtimeMs),
    bytes: figures.sizeBytes,
  };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
