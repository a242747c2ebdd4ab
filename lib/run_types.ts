/**
 * What a run goes by: the config, and the habits of both roots.
 *
 * @module
 */
import type { Settling } from "./conflict.ts";
import type { Alarm } from "./email_notifications.ts";
import type { Interrupt } from "./interrupt.ts";
import type { Habits } from "./metadata.ts";
import type { Progress } from "./meter.ts";
import {
  type NameRoom,
  OWN_FOLDER,
  sharedRoom,
  type TemporaryOwner,
} from "./names.ts";
import { foreignFolder } from "./own_files.ts";
import type { Folding } from "./paths.ts";
import type { Allowances, SafetyLimits } from "./plan_guard.ts";
import { type Folder, spelledPath } from "./plan_merge.ts";
import type { Decided } from "./planning.ts";
import type { Root } from "./root_files.ts";
import { readingRoot } from "./root_identity.ts";
import { glance, longestName, type Probe, probe } from "./root_traits.ts";
import type { Outcome, RunResult } from "./run_result.ts";
import type { Lock, StateDb } from "./state_db.ts";
import type { RecordStore } from "./state_record.ts";
import type { DecisionSettings } from "./sync_logic.ts";
import {
  type Both,
  type ConflictKind,
  type FileId,
  type Policy,
  type Problem,
  type Side,
  SIDES,
} from "./types.ts";
import { extensionOf, type IgnoreSettings } from "./wire_ignore.ts";

/** The part of a config that a run depends on. */
export interface SyncConfig {
  readonly leftRoot: string;
  readonly rightRoot: string;
  readonly stateDb: string;
  readonly softDelete: {
    readonly enabled: boolean;
    readonly maxSizeBytes: number;
    readonly retentionDays: number;
    readonly keepReplaced: boolean;
  };
  readonly policies: Readonly<Record<ConflictKind, Policy>>;
  readonly ignore: IgnoreSettings;
  readonly safety: SafetyLimits;
  readonly compare: {
    readonly verifyFirstRun: boolean;
    readonly alwaysRead: readonly string[];
  };
}

/** What a person asked for, for this one run. */
export interface SyncOptions {
  /** Make a plan and write nothing. */
  readonly isDryRun: boolean;
  readonly allowed: Allowances;
  readonly acceptRoots: boolean;
  /** List paths at which nothing differs. */
  readonly listUnchanged: boolean;
  /** When the run began, in ms since 1970, as its id says. Left out: now. */
  readonly startedAtMs?: number;
  /** Settle this conflict, and do nothing else. Left out: an ordinary run. */
  readonly settle?: Settling;
  /** Asked whether to go on. Left out: nothing ends the run in good order. */
  readonly interrupt?: Interrupt;
}

/** Told what happens while it happens. */
export interface SyncListener {
  onOutcome(outcome: Outcome): void;
  onProblem(problem: Problem): void;
  /** `isGrave`: also for who wants to hear of nothing but errors. */
  onWarning(text: string, isGrave?: boolean): void;
  /** What is to be mailed besides; it was said by a warning. */
  onAlarm?(alarm: Alarm): void;
  /** How far the run is, ten times a second at most. */
  onProgress?(progress: Progress): void;
  /** How many files only a side has that meets one that was synced before. */
  onJoining?(side: Side, files: number): void;
  /** What was decided, before a guard looks at it; for who asks why. */
  onDecided?(decided: Decided): void;
  /** The lock is held and the state DB is open; not told to a plan. */
  onOpen?(db: StateDb): void;
  /**
   * It is over, but for what is done here: the lock is still held. Never told
   * to a plan, nor where another run has the lock.
   */
  onEnd?(end: RunEnd): Promise<void>;
}

/** How a run ended, for what still has to be done under its lock. */
export interface RunEnd {
  /** Null: it ended with `error`. */
  readonly result: RunResult | null;
  readonly error: unknown;
  /** Null where it can't be opened. */
  readonly db: StateDb | null;
  /** Null where it can't be made. */
  readonly lock: Lock | null;
}

/**
 * Probes both roots, each once per run. A plan writes nothing: it goes by what
 * the last run found.
 *
 * @param db The state DB, which remembers.
 * @param roots Absolute paths.
 * @param owner Names the file that is used; null for a plan.
 * @param onWarning Told of a folder that can't be used.
 * @throws {GuardError} "roots": one can't be read.
 */
export function probeRoots(
  db: StateDb,
  roots: Both<string>,
  owner: TemporaryOwner | null,
  onWarning: (text: string) => void = () => {},
): Both<Probe> {
  const of = (side: Side): Probe => {
    const root = roots[side];
    const probed = owner && readingRoot(side, root, () => probe(root, owner));
    if (probed) {
      db.setMeta(`habits_${side}`, JSON.stringify(probed.habits));
      return probed;
    }
    const foreign = owner && foreignFolder(root);
    if (foreign) {
      onWarning(
        `${foreign.says}: nothing can be soft-deleted there. ${foreign.todo}`,
      );
    }
    const known = db.meta(`habits_${side}`);
    const habits: Habits = known === null
      ? readingRoot(side, root, () => glance(root))
      : JSON.parse(known);
    // Without a file to tell the time, an edit just before the plan must not
    // pass for one during it.
    const aheadMs = Math.max(0, habits.clockOffsetMs);
    return { habits, startedAtMs: Date.now() + aheadMs, callMs: 0 };
  };
  return { left: of("left"), right: of("right") };
}

/**
 * What the roots take for one name, as the last run found it.
 *
 * @param db The state DB.
 */
export function storedFolding(db: StateDb): Folding {
  const known = SIDES.map((side): Habits | null =>
    JSON.parse(db.meta(`habits_${side}`) ?? "null")
  );
  return {
    ignoresCase: known.some((it) => it?.ignoresCase),
    ignoresNormalForm: known.some((it) => it?.ignoresNormalForm),
  };
}

/**
 * How long names may be that go into a folder of both roots. A root's file
 * system is asked when it matters first; what it does not take is remembered.
 *
 * @param db The state DB, which remembers.
 * @param roots Both roots; they learn it.
 * @param owner Names the file that is tried; null for a plan.
 */
export function roomIn(
  db: StateDb,
  roots: Both<Root>,
  owner: TemporaryOwner | null,
): (folder: Folder) => NameRoom {
  const known = new Map<Side, NameRoom>();
  const roomOf = (side: Side): NameRoom => {
    const root = roots[side];
    let room = known.get(side);
    if (room === undefined) {
      const stored = db.meta(`name_bytes_${side}`);
      const bytes = stored === null
        ? longestName(root.absolute(owner ? OWN_FOLDER : ""), owner)
        : Number(stored);
      if (bytes < root.nameRoom.bytes) root.refuseNames(bytes);
      known.set(side, room = root.nameRoom);
    }
    return room;
  };
  return (folder) =>
    SIDES.reduce((room, side) => {
      const bytes = roots[side].pathRoom(spelledPath(folder, side));
      const path = { bytes, units: Infinity };
      return sharedRoom(room, sharedRoom(roomOf(side), path));
    }, { bytes: Infinity, units: Infinity });
}

/**
 * Remembers what names the roots have refused as too long.
 *
 * @param db The state DB.
 * @param roots Both roots.
 */
export function rememberRooms(db: StateDb, roots: Both<Root>): void {
  for (const side of SIDES) {
    const bytes = roots[side].refusedNames;
    if (bytes !== null) db.setMeta(`name_bytes_${side}`, String(bytes));
  }
}

/** What decides, besides config and habits. */
export interface RunFacts {
  /** In ms since 1970. */
  readonly startedAtMs: number;
  readonly recordedFiles: number;
  /** List paths at which nothing differs. */
  readonly listUnchanged: boolean;
  /** How long a name in a folder may be. */
  roomIn(folder: Folder): NameRoom;
}

/**
 * Everything that decisions depend on besides what was found and recorded.
 *
 * @param config The config.
 * @param probes What the roots' file systems do.
 * @param record The record.
 * @param facts Of this run.
 */
export function decisionSettings(
  config: SyncConfig,
  probes: Both<Probe>,
  record: RecordStore,
  facts: RunFacts,
): DecisionSettings {
  const [left, right] = [probes.left.habits, probes.right.habits];
  const alwaysRead = new Set(config.compare.alwaysRead);
  let shared: Both<ReadonlySet<string>> | null = null;
  let saved: ReadonlyMap<string, number> | null = null;
  return {
    folding: {
      ignoresCase: left.ignoresCase || right.ignoresCase,
      ignoresNormalForm: left.ignoresNormalForm || right.ignoresNormalForm,
    },
    ignoresModes: [left, right].some((it) => it.carriesModes === false),
    coarserTickMs: Math.max(left.tickMs, right.tickMs),
    isFirstMeeting: facts.recordedFiles === 0,
    verifyFirstRun: config.compare.verifyFirstRun,
    policies: config.policies,
    ruling: null,
    nowMs: facts.startedAtMs,
    softDelete: config.softDelete,
    listUnchanged: facts.listUnchanged,
    roomIn: facts.roomIn,
    recordedFiles: facts.recordedFiles,
    maxChangePercent: config.safety.maxChangePercent,
    isSuspicious: (name) =>
      alwaysRead.size > 0 && alwaysRead.has(extensionOf(name)),
    savedSince: (side, path) =>
      (saved ??= record.savedSince()).get(`${side}/${path}`) ?? null,
    isSharedId: (side, id) => {
      // Only asked where something looks like a rename.
      shared ??= {
        left: new Set(record.sharedIds("left").map(idKey)),
        right: new Set(record.sharedIds("right").map(idKey)),
      };
      return shared[side].has(idKey(id));
    },
  };
}

function idKey({ ino, birthMs }: FileId): string {
  return `${ino}:${birthMs}`;
}
