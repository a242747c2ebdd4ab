/**
 * What the first argument tells of how the program was started.
 *
 * @module
 */

/** By a task, which starts in the project's folder itself: from where. */
const STARTED_IN = "--started-in=";

/** By the launcher, in its sandbox: with what that has read. */
export const IN_SANDBOX = "--in-sandbox=";

/** As a binary: with what that was made for. */
export const MADE_FOR = "--made-for=";

/**
 * Takes the first argument, if it is of a kind.
 *
 * @returns Null if it is not; else what it tells, and the other arguments.
 */
export function startedAs<T>(
  kind: string,
  [first = "", ...rest]: readonly string[],
): { readonly told: T; readonly rest: readonly string[] } | null {
  if (!first.startsWith(kind)) return null;
  return { told: JSON.parse(first.slice(kind.length) || "null"), rest };
}

/**
 * Goes to the folder the task was called in, if the first argument names it:
 * whoever calls a task means paths to start where they stand.
 *
 * @param args The arguments, as the task hands them on.
 * @returns The arguments that are left.
 *
 * @example A task's own arguments
 * ```ts
 * import { fromThere } from "./started_as.ts";
 * fromThere(["--started-in=/tmp", "plan"]); // ["plan"]
 * ```
 */
export function fromThere(args: readonly string[]): readonly string[] {
  const [first = "", ...rest] = args;
  if (!first.startsWith(STARTED_IN)) return args;
  const folder = first.slice(STARTED_IN.length);
  if (folder !== "") Deno.chdir(folder);
  return rest;
}

/**
 * The file that leads a browser into the panel.
 *
 * @param mark Tells that of one panel from others; left out: there is one only.
 */
export function entryFile(
  { stateDb }: { readonly stateDb: string },
  mark: string = "",
): string {
  return `${stateDb}.panel${mark}.html`;
}
