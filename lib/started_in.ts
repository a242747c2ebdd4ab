/**
 * Where a task was called: it starts in the project's folder itself.
 *
 * @module
 */

const STARTED_IN = "--started-in=";

/**
 * Goes to the folder the task was called in, if the first argument names it:
 * whoever calls a task means paths to start where they stand.
 *
 * @param args The arguments, as the task hands them on.
 * @returns The arguments that are left.
 *
 * @example A task's own arguments
 * ```ts
 * import { fromThere } from "./started_in.ts";
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
