/**
 * The config on its way from the launcher to the program: read and checked
 * once, for the walls and for what happens inside them alike.
 *
 * @module
 */
import type { Config } from "./config_schema.ts";

/** A config that was read already. */
export interface HandedConfig {
  /** What the command line says, so that no other config is meant. */
  readonly said: string;
  readonly config: Config;
}

const OPTION = "--handed-config=";

/** Windows takes no more than 32,767 characters, flags and quotes included. */
const MAX_LENGTH = 8_000;

/**
 * The argument that hands a config on; to be put before all others.
 *
 * @param handed The config.
 * @returns None where the program has to read the file itself: what it is
 * started with can be seen by others on the same computer, so a password is
 * not part of it, and a list may be too long.
 */
export function handOn(handed: HandedConfig): string[] {
  if ((handed.config.email?.password ?? null) !== null) return [];
  const argument = OPTION + JSON.stringify(handed);
  return argument.length > MAX_LENGTH ? [] : [argument];
}

/**
 * Takes the config from the arguments, if it is there.
 *
 * @param args All arguments of the program.
 * @returns The config, or null, and the arguments that are meant for it.
 */
export function takeHanded(
  args: readonly string[],
): { readonly handed: HandedConfig | null; readonly rest: readonly string[] } {
  const [first = "", ...rest] = args;
  if (!first.startsWith(OPTION)) return { handed: null, rest: args };
  return { handed: JSON.parse(first.slice(OPTION.length)), rest };
}
