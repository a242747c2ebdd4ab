/**
 * Names of the two files that systemd wants. Pure.
 *
 * @module
 */

/** A service, and the timer that starts it. */
export interface UnitNames {
  readonly service: string;
  readonly timer: string;
}

/**
 * The names of both files, from that of one.
 *
 * @param file A path that ends in `.service` or `.timer`, with no other letters
 *   in its name than systemd allows.
 * @returns Null for another one.
 *
 * @example
 * ```ts
 * import { unitNames } from "./unit_names.ts";
 * unitNames("/home/u/sync.timer")?.service; // "/home/u/sync.service"
 * ```
 */
export function unitNames(file: string): UnitNames | null {
  // Systemd passes over other names without a word.
  const [, stem] = /^((?:.*[/\\])?[\w:.-]+)\.(?:service|timer)$/su.exec(file) ??
    [];
  if (stem === undefined) return null;
  return { service: `${stem}.service`, timer: `${stem}.timer` };
}

/**
 * Of a service the timer, and the other way round.
 *
 * @param file The path of one of them.
 * @returns Null for a file that is neither.
 */
export function twinOf(file: string): string | null {
  const names = unitNames(file);
  return file === names?.timer ? names.service : names?.timer ?? null;
}
