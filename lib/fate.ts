/**
 * What becomes of a version that is removed or replaced.
 *
 * @module
 */
import type { Fate } from "./plan_types.ts";

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
 * @param sizeBytes Its size.
 * @param settings What soft delete takes.
 *
 * @example
 * ```ts
 * import { fateOf } from "./fate.ts";
 * const settings = { enabled: true, maxSizeBytes: 10, keepReplaced: false };
 * fateOf(11, settings); // "destroy"
 * ```
 */
export function fateOf(sizeBytes: number, settings: SoftDeleteSettings): Fate {
  const { enabled, maxSizeBytes } = settings;
  return enabled && sizeBytes <= maxSizeBytes ? "soft-delete" : "destroy";
}
