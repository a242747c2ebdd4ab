/**
 * What a run leaves for the next one, because something came in between.
 *
 * @module
 */

/** The reason for which an action is left for the next run. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** Said where a root is not there any more. */
export const WENT_AWAY = "a root went away during the run";

/** Said wherever a second look finds something else than the scan did. */
export const CHANGED = "changed during the run";
