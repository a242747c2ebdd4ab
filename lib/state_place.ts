/**
 * Which state DB a config is about, where it does not name one: the one that
 * is called like the config, or one of the old name that knows these roots.
 *
 * @module
 */
import { codeOf } from "./system.ts";

/** The part of a config that this is about. */
interface StatePlaces {
  readonly leftRoot: string;
  readonly rightRoot: string;
  readonly stateDb: string;
  readonly oldStateDb: string | null;
}

/**
 * Decides which state DB is used. A record must never be passed over: without
 * it, what was deleted comes back.
 *
 * @param config A config as it was read.
 * @returns It with the one state DB that counts.
 */
export async function withStateDb<C extends StatePlaces>(
  config: C,
): Promise<C> {
  const { stateDb, oldStateDb } = config;
  const settled = { ...config, oldStateDb: null };
  if (oldStateDb === null || !isThere(oldStateDb)) return settled;
  const { knowsRoots } = await import("./run_identify.ts");
  const roots = { left: config.leftRoot, right: config.rightRoot };
  const isMade = isThere(stateDb);
  // What can't be told of it, a guard tells.
  if (isMade && knowsRoots(stateDb, roots) !== false) return settled;
  const isKnown = knowsRoots(oldStateDb, roots) ?? !isMade;
  return isKnown ? { ...settled, stateDb: oldStateDb } : settled;
}

/** Inside walls that let it not be looked at, it is not the one. */
function isThere(file: string): boolean {
  try {
    return Deno.lstatSync(file).isFile;
  } catch (error) {
    const isWall = error instanceof Deno.errors.NotCapable;
    if (!isWall && codeOf(error) === null) throw error;
    return false;
  }
}
