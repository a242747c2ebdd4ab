/**
 * The config on its way from the launcher to the program: read and checked
 * once, for the walls and for what happens inside them alike.
 *
 * @module
 */
import type { Config } from "./config_schema.ts";
import type { Side } from "./types.ts";

/** A config that was read already, and what only the launcher may look at. */
export interface HandedConfig {
  /** What the command line says, so that no other config is meant. */
  readonly said: string;
  /** Null: the program has to read it itself. */
  readonly config: Config | null;
  /** Roots that can't be written, as far as was asked. */
  readonly unwritable?: readonly Side[];
}

const OPTION = "--handed-config=";

/** Windows takes no more than 32,767 characters, flags and quotes included. */
const MAX_LENGTH = 8_000;

/**
 * The argument that hands a config on; to be put before all others.
 *
 * @param handed The config.
 * @returns Without it where the program has to read the file itself: what it is
 * started with can be seen by others on the same computer, so a password is
 * not part of it, and a list may be too long.
 */
export function handOn(handed: HandedConfig): string[] {
  const isSecret = (handed.config?.email?.password ?? null) !== null;
  const argument = OPTION + JSON.stringify(handed);
  if (!isSecret && argument.length <= MAX_LENGTH) return [argument];
  if ((handed.unwritable ?? []).length === 0) return [];
  return [OPTION + JSON.stringify({ ...handed, config: null })];
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
