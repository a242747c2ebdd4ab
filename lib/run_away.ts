/**
 * Roots that are away: a share that is not connected, a mount point without its
 * mount. A config may have runs wait for them, for some days.
 *
 * @module
 */
import type { Config } from "./config_schema.ts";
import { GuardError } from "./errors.ts";
import { words } from "./metadata.ts";
import { isInPlace } from "./run_identify.ts";
import type { Stop } from "./run_types.ts";
import type { StateDb } from "./state_db.ts";
import { countOf, zonedTime } from "./text.ts";
import { type Side, SIDES } from "./types.ts";
import type { Files } from "./wire_port.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** A run that starts a little earlier than that of some days ago is as late. */
const EARLIER_MS = 10 * 60 * 1000;

/** Since when every run has found a root away, in ms since 1970. */
const key = (side: Side) => `away_since_${side}`;

/** A root that is away. */
interface Away {
  readonly side: Side;
  /** What is there in its place, in words. */
  readonly why: string;
  /** In ms since 1970. */
  readonly sinceMs: number;
}

/**
 * Waits for roots that earlier runs have met and that are away now, where the
 * config says so.
 *
 * @param nowMs In ms since 1970.
 * @param isPlan Only look, and note nothing.
 * @returns Why a run has nothing to do; null where it goes on.
 * @throws {GuardError} "away": every run for `safety.away_days` found it so.
 */
export async function waitForAway(
  files: Files,
  db: StateDb,
  { roots, safety }: Pick<Config, "roots" | "safety">,
  nowMs: number,
  isPlan: boolean,
): Promise<Stop | null> {
  const away: Away[] = [];
  for (const side of SIDES) {
    const noted = db.meta(key(side));
    const why = safety.whenAway === "wait" && isKnown(db, side, roots[side])
      ? await files.ask("away", { side })
      : null;
    // A clock that was ahead puts nothing off.
    const sinceMs = Math.min(Number(noted ?? nowMs), nowMs);
    if (why !== null) away.push({ side, why, sinceMs });
    const now = why === null ? null : String(sinceMs);
    if (!isPlan && now !== noted) db.setMeta(key(side), now);
  }
  if (away.length === 0) return null;
  const { awayDays } = safety;
  const tellable = away.map(({ side, why }) =>
    `${words(side)} (${roots[side]}) is away: ${why}`
  ).join("; ");
  const limitMs = awayDays * DAY_MS;
  const longest = Math.min(...away.map(({ sinceMs }) => sinceMs));
  const days = `${countOf(awayDays, "day")} (safety.away_days)`;
  if (nowMs - longest >= limitMs - EARLIER_MS) {
    throw new GuardError(
      "away",
      `${tellable}. So every run has found it for ${days}, since ` +
        `${zonedTime(longest)}. Nothing was changed.`,
      "Make sure that the disk or network drive is connected, then run again. " +
        "If it may stay away for longer, set safety.away_days higher.",
    );
  }
  return {
    name: "away",
    isWaiting: true,
    reason: `${tellable}. Nothing was done.`,
    hint: `Runs wait for it for ${days}, until ${
      zonedTime(longest + limitMs)
    }.`,
  };
}

/** At another path a config may be wrong about it. */
function isKnown(db: StateDb, side: Side, root: string): boolean {
  return db.meta(`root_${side}`) !== null &&
    isInPlace(db, side, root) !== false;
}
