/**
 * A run, from its lock to its result: its stages in order, and what becomes of
 * one that is stopped.
 *
 * @module
 */
import { ignoreSettings } from "./config_ignore.ts";
import type { Config } from "./config_schema.ts";
import {
  addedActions,
  alwaysWinner,
  type ClashResolution,
  openAsListed,
  type Refusal,
  type Resolution,
  rulingOn,
} from "./conflict.ts";
import {
  EXIT,
  type ExitCode,
  GuardError,
  InterruptedError,
  LockedError,
} from "./errors.ts";
import { keyOfId, type Traits, words } from "./metadata.ts";
import { timeMark } from "./names.ts";
import { isLeftBehind, type Owner, type OwnerAge } from "./owner_files.ts";
import { type Folding, joinPath, nameOf, sharedFolding } from "./paths.ts";
import { settlingActions } from "./plan_clashes.ts";
import { guardPlan } from "./plan_guard.ts";
import {
  type AlikeFiles,
  merge,
  type Merged,
  type MergeSettings,
} from "./plan_merge.ts";
import { openAmong, waitingWords } from "./plan_open.ts";
import {
  type Action,
  type Answer,
  currentPath,
  type DecisionSettings,
  type Folder,
  type Plan,
  type RecordView,
  type SideScan,
  type Waiting,
} from "./plan_types.ts";
import { waitForAway } from "./run_away.ts";
import {
  checkRoots,
  identifyRoots,
  joiningWords,
  lostRecord,
  numberRun,
  probeRoots,
  rememberIds,
  rememberRoom,
  requireNewest,
  requireStillThere,
  roomIn,
  wireRoots,
} from "./run_identify.ts";
import { completeMoves, foreignLeftovers, isToGo } from "./run_leftovers.ts";
import { scanRoots } from "./run_scan.ts";
import {
  type Decided,
  Interrupt,
  INTERRUPTED,
  isInterrupted,
  isTold,
  Meter,
  needsPerson,
  NOTHING_PRUNED,
  type Outcome,
  type RunResult,
  type Stop,
  type SyncListener,
  type SyncOptions,
} from "./run_types.ts";
import {
  asFailure,
  asGuard,
  type Lock,
  StateDb,
  takeLock,
} from "./state_db.ts";
import { NO_RECORD, RecordStore } from "./state_record.ts";
import { beginRun, endRun, listedConflict } from "./state_runs.ts";
import { networkOf } from "./sandbox_network.ts";
import { decide } from "./sync_logic.ts";
import { printable } from "./text.ts";
import {
  type Both,
  both,
  bothOf,
  type FileRow,
  otherSide,
  type Problem,
  type Side,
  SIDES,
} from "./types.ts";
import { extensionOf } from "./wire_ignore.ts";
import type { Probe, RealRoot, WireRoot } from "./wire_messages.ts";
import { type Files, ThreadLost } from "./wire_port.ts";

/** What a run is. */
interface RunContext {
  readonly id: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  readonly config: Config;
  readonly options: SyncOptions;
  readonly listener: SyncListener;
}

/**
 * An id for a run: its time and random digits, as several runs of a second
 * need different ones.
 *
 * @param nowMs In ms since 1970.
 */
export function newRunId(nowMs: number): string {
  return `${timeMark(nowMs)}-${crypto.randomUUID().slice(0, 8)}`;
}

/**
 * Makes both sides agree, or, as a dry run, says what that would take.
 *
 * @returns What came of it; a guard that stopped it is part of that.
 */
export async function runSync(
  id: string,
  config: Config,
  options: SyncOptions,
  listener: SyncListener,
): Promise<RunResult> {
  const { startedAtMs = Date.now() } = options;
  const run: RunContext = { id, startedAtMs, config, options, listener };
  try {
    if (options.isDryRun) {
      using db = new StateDb(config.stateDb, { isReadOnly: true });
      return await stages(run, db);
    }
    let lock: Lock;
    try {
      lock = takeLock(config.stateDb);
    } catch (error) {
      if (error instanceof LockedError) throw error;
      // One that can't be made must be told as well as any guard.
      return await endBeforeStart(id, config, options, listener, error);
    }
    try {
      return await runLocked(run, lock);
    } finally {
      // What hangs in a root goes on when the run is over: until this process
      // is gone no other run may begin.
      if (!options.files.isBusy) lock[Symbol.dispose]();
    }
  } catch (error) {
    const result = stoppedBy(error, run);
    if (result === null) throw error;
    return result;
  }
}

async function runLocked(
  run: RunContext,
  lock: Lock,
): Promise<RunResult> {
  const { id, startedAtMs, config, listener } = run;
  let db: StateDb | null = null;
  try {
    let result: RunResult | null = null;
    let error: unknown = null;
    try {
      db = new StateDb(config.stateDb, { isReadOnly: false });
      listener.onOpen?.(db);
      const kind = run.options.resolve ? "resolve" : "sync";
      beginRun(db, id, startedAtMs, kind);
      result = await pruned(run, db, await toItsEnd(run, db));
    } catch (thrown) {
      error = thrown;
      result = stoppedBy(thrown, run);
    }
    // Who is in a hurry can't wait for a mail server; the next run tells it.
    const isCut = result !== null && isInterrupted(result);
    if (!isCut) await listener.onEnd?.({ result, error, db, lock });
    if (result === null) throw error;
    return result;
  } finally {
    db?.[Symbol.dispose]();
  }
}

/** A run and how it ended, also where a guard or a signal stopped it. */
async function toItsEnd(run: RunContext, db: StateDb): Promise<RunResult> {
  const { config, options } = run;
  try {
    const result = await stages(run, db);
    try {
      const { resolve } = options;
      endRun(db, result, resolve ? { resolved: resolve.path } : null);
    } catch (error) {
      // What a run did is done, whether it can be noted or not.
      throw asFailure(error, config.stateDb);
    }
    return result;
  } catch (error) {
    const result = stoppedBy(error, run);
    if (result === null) throw error;
    // A damaged DB can't even take that.
    if (result.stop?.name !== "state") endRun(db, result);
    return result;
  }
}

/** The stages of a run, or of a plan, which writes nothing. */
async function stages(run: RunContext, db: StateDb): Promise<RunResult> {
  const { id, startedAtMs, config, options, listener } = run;
  const { files, isDryRun, resolve } = options;
  const { roots: paths, stateDb } = config;
  const isSettling = resolve !== undefined && "keep" in resolve;
  const interrupt = new Interrupt(files.shared);
  const meter = new Meter(
    (progress) => listener.onProgress?.(progress),
    files.shared,
  );
  const record = new RecordStore(db);

  // Whoever names a conflict, or new roots, wants to hear that one is away.
  if (resolve === undefined && !options.acceptRoots) {
    const stop = await waitForAway(files, db, config, startedAtMs, isDryRun);
    if (stop !== null) return stopped(run, { stop, exitCode: EXIT.agreed });
  }

  // Identify the roots: they are there, apart, known, and as new as they were.
  const pair = pairName(db, isDryRun);
  const owner = isDryRun ? null : { pair, run: id };
  const real = await checkRoots(files, paths);
  const identified = await identifyRoots(
    files,
    db,
    paths,
    owner,
    options.acceptRoots,
  );
  const { isKnown, warning, newSide } = identified;
  if (isKnown) await requireNewest(files, db, paths);
  if (warning) {
    listener.onWarning(warning, true);
    listener.onAlert?.(lostRecord(warning, id, db));
  }
  const probes = await probeRoots(
    files,
    db,
    paths,
    owner,
    // Where there are no ids, nothing tells another disk.
    both((side) =>
      identified.idsCount[side] || !identified.identities[side]?.fileId
    ),
    (text) => listener.onWarning(text),
  );
  const idsCount = both((side) =>
    identified.idsCount[side] && probes[side].traits.hasIds !== false
  );
  const roots = wireRoots(real, probes);
  const when = isDryRun ? "plan" : "start";
  await completeMoves(files, record, roots, paths, when);

  // Scan.
  const view = identified.forgets
    ? NO_RECORD
    : new RecordStore(db, idsCount).view();
  const recordedFiles = identified.forgets ? 0 : record.countFiles();
  // Without a record nobody knows what there is.
  const known = recordedFiles === 0 ? null : 2 * recordedFiles;
  meter.begin("scan", known);
  // What the last run read always: rows are as it left them.
  const readBefore = db.meta("always_read") ?? "[]";
  const alwaysRead = JSON.stringify(config.compare.alwaysRead);
  const scans = await interrupt.waitFor(meter.watch(scanRoots(files, {
    paths,
    probes,
    directories: view.directories,
    idsCount,
    // A listing of all paths needs all rows, and so does another setting; a
    // clash copy that is to be settled differs from nothing.
    isFull: options.listUnchanged || isSettling || readBefore !== alwaysRead,
    ignore: await ignoreSettings(config.ignore, foldingOf(probes).ignoresCase),
  })));
  await requireStillThere(files, identified, paths);

  // Merge what was found and recorded.
  const settings = decisionSettings(config, probes, record, {
    nowMs: startedAtMs,
    recordedFiles,
    listUnchanged: options.listUnchanged,
    roomIn: roomIn(probes),
  });
  const found = (side: Side): SideScan => {
    const { listings, problems, summary: { leftovers } } = scans[side];
    // What other PCs' runs have left is there, and is nobody's file.
    const foreign = foreignLeftovers(side, leftovers, pair, startedAtMs);
    return { listings, problems: [...problems, ...foreign] };
  };
  const namesFolders = alwaysWinner("metadata_conflict", settings)?.side;
  const merged = await mergeTwice(
    files,
    { left: found("left"), right: found("right") },
    view,
    {
      traits: { left: probes.left.traits, right: probes.right.traits },
      folding: settings.folding,
      isSuspicious: settings.isSuspicious,
      keepUnchanged: options.listUnchanged,
      ...namesFolders && { namesFolders },
      trustsMetadata: settings.isFirstMeeting && !settings.verifyFirstRun &&
        resolve === undefined,
    },
    roots,
  );
  if (newSide !== null) {
    const { length: count } = merged.pairs.filter((pair) =>
      pair.row === null && pair[newSide] !== null &&
      pair[otherSide(newSide)] === null
    );
    listener.onJoining?.(newSide, count);
    const words = joiningWords(newSide, count);
    if (words !== null) {
      listener.onWarning(words, true);
    }
  }

  // Decide, and ask what decisions depend on.
  const open = await openDocuments(files, merged, config, real, settings, {
    traits: both((side) => probes[side].traits),
    isAny: resolve !== undefined,
  });
  const decided = await decideReading(
    files,
    merged,
    roots,
    {
      ...settings,
      ...open,
      isOpenConflict: (path) => listedConflict(db, path) !== null,
    },
    interrupt,
    meter,
  );
  listener.onDecided?.(decided);
  for (const problem of decided.plan.problems) {
    if (isTold(problem)) listener.onProblem(problem);
  }

  // Guard: a plan that would do too much stops here.
  const { counts } = decided.plan;
  guardPlan(counts, recordedFiles, config.safety, options.allowed);
  const plan = resolve === undefined ? decided.plan : await resolvingPlan(
    files,
    decided,
    resolve,
    db,
    roots,
    interrupt,
    meter,
  );
  if ("stop" in plan) return stopped(run, plan);
  await interrupt.checkpoint();

  const { actions, problems, waiting, suspects } = plan;
  const { alike, pairs } = merged;
  const looked = pairs.filter(({ row }) => row !== null).length;
  const untouched = Math.max(0, recordedFiles - looked) + alike.count;
  const result = (outcomes: readonly Outcome[], isLeft: boolean) => ({
    ...ended(run),
    outcomes,
    problems,
    waiting: waiting.filter(({ isOver }) => !isOver),
    untouched,
    pruned: NOTHING_PRUNED,
    stop: null,
    exitCode: isLeft ? EXIT.leftForPerson : EXIT.agreed,
  });
  if (isDryRun) return result(planned(actions, listener), false);

  try {
    // Apply.
    for (const side of SIDES) {
      const met = scans[side].summary.leftovers
        .filter((it) => isToGo(it, pair, startedAtMs));
      const gone = [...met.map(({ path }) => path), ...probes[side].leftovers];
      if (gone.length === 0) continue;
      const asks = { side, root: roots[side], paths: gone };
      await files.ask("leftovers", asks);
    }
    // Before anything that a restored backup would undo.
    if (alike.count > 0 || actions.some((it) => isChange(it, record))) {
      await numberRun(files, db, pair, (text) => listener.onWarning(text));
    }
    // Ids that mean nothing any more go, before anything else is written.
    if (!idsCount.left || !idsCount.right) {
      db.transaction(() => {
        for (const side of SIDES) if (!idsCount[side]) record.dropIds(side);
        record.dropDigests();
      });
    }
    // Before what shows them is recorded: a run may end at any moment.
    record.suspect(suspects);
    for (const rows of alikeRows(alike)) {
      await interrupt.checkpoint();
      // What went to another disk must not be recorded.
      await requireStillThere(files, identified, paths);
      record.apply(rows.map((row) => ({ kind: "put", row, rowPath: null })));
    }
    let outcomes: readonly Outcome[] = [];
    if (actions.length > 0) {
      // What acts takes a moment to load, and most runs have nothing to do.
      const { applyPlan } = await import("./apply_plan.ts");
      meter.begin("apply", ...totalsOf(actions));
      outcomes = await meter.watch(applyPlan(actions, {
        files,
        wire: roots,
        ids: both((side) => identified.identities[side]!.id),
        owner: { pair, run: id },
        startedAtMs,
        record,
        callMs: Math.max(probes.left.callMs, probes.right.callMs),
        onOutcome: (outcome) => {
          listener.onOutcome(outcome);
          if (outcome.action.name !== "NOOP") meter.add(1, 0);
        },
        onRefusedNames: (side, bytes) => rememberRoom(db, side, bytes),
        checkpoint: () => interrupt.checkpoint(),
      }));
    }

    // Record what the next run needs to know. Most of it is true only of a run
    // that came to all of its actions.
    if (outcomes.length === actions.length) {
      await completeMoves(files, record, roots, paths, "end");
      record.sealFolders();
      db.transaction(() => {
        rememberIds(db, identified.identities);
        record.rememberWaiting(waiting);
        db.setMeta("always_read", resolve ? readBefore : alwaysRead);
        if (isSettling && resolve.keep === "both") record.settle(resolve.path);
      });
    }
    const isLost = files.actors === 0 ||
      outcomes.some(({ error }) => error instanceof ThreadLost);
    return {
      ...result(outcomes, needsPerson(outcomes, problems)),
      ...isLost ? { exitCode: EXIT.unexpected } : {},
      ...asCut(interrupt, actions, outcomes),
    };
  } catch (error) {
    throw asFailure(error, stateDb);
  }
}

/** Names the pair of roots in temporary and soft-delete names. */
function pairName(db: StateDb, isDryRun: boolean): string {
  const known = db.meta("pair");
  if (known !== null || isDryRun) return known ?? "plan";
  const pair = crypto.randomUUID().slice(0, 6);
  db.setMeta("pair", pair);
  return pair;
}

// A second look at what is missing: the runtime ends a listing without a word
// when a disk fails in the middle, and nothing must count as deleted only
// because it was not listed.

/** Merges, and merges again where something that was not listed is there. */
async function mergeTwice(
  files: Files,
  scans: Both<SideScan>,
  record: RecordView,
  settings: MergeSettings,
  roots: Both<WireRoot>,
): Promise<Merged> {
  const merged = merge(scans, record, settings);
  const again = await bothOf(async (side): Promise<SideScan> => {
    const { listings, problems } = scans[side];
    const found = await unlisted(files, merged, side, roots[side]);
    return { listings, problems: [...problems, ...found] };
  });
  const isMore = SIDES.some((side) =>
    again[side].problems.length > scans[side].problems.length
  );
  return isMore ? merge(again, record, settings) : merged;
}

/**
 * Looks at every recorded path that a scan did not list, in folders that are
 * there.
 *
 * @returns A problem for each path that is there all the same, or can't be
 *   looked at.
 */
async function unlisted(
  files: Files,
  { pairs, folders }: Merged,
  side: Side,
  root: WireRoot,
): Promise<Problem[]> {
  const missing = new Map<string, "file" | "directory">();
  const note = (
    folder: Folder,
    { path: recorded }: { readonly path: string },
    kind: "file" | "directory",
  ) => {
    const parent = currentPath(folder, side);
    if (parent !== null) missing.set(joinPath(parent, nameOf(recorded)), kind);
  };
  for (const { row, folder, ...found } of pairs) {
    if (row && found[side] === null) note(folder, row, "file");
  }
  for (const { row, parent, name, isUnknown } of folders) {
    // One that is left alone is there, or need not be.
    if (!row || !parent || isUnknown) continue;
    if (name[side] === null) note(parent, row, "directory");
  }
  if (missing.size === 0) return [];
  const all = [...missing.keys()];
  const asks = { side, root, paths: all, wantsSecond: true };
  const looks = await files.ask("looks", asks);
  return all.flatMap((path, n): Problem[] => {
    const look = looks[n] ?? null;
    const unreadable = (reason: string): Problem[] => [
      { side, path, kind: "unreadable", reason, metadata: null },
    ];
    if (look?.kind === "refused") return unreadable(look.why);
    // Otherwise it has become something else.
    const isThere = look?.kind === missing.get(path) && look?.second === null;
    return !isThere ? [] : unreadable(
      "it is there, though its folder's listing left it out: have the disk " +
        "checked",
    );
  });
}

/**
 * Everything that decisions depend on besides what was found and recorded.
 *
 * @param probes What the roots' file systems do.
 */
function decisionSettings(
  config: Config,
  probes: Both<Probe>,
  record: RecordStore,
  facts: Pick<
    DecisionSettings,
    "nowMs" | "recordedFiles" | "listUnchanged" | "roomIn"
  >,
): DecisionSettings {
  const [left, right] = [probes.left.traits, probes.right.traits];
  const alwaysRead = new Set(config.compare.alwaysRead);
  let shared: Both<ReadonlySet<string>> | null = null;
  let saved: ReadonlyMap<string, number> | null = null;
  return {
    ...facts,
    folding: foldingOf(probes),
    ignoresModes: [left, right].some((it) => it.carriesModes === false),
    coarserTickMs: Math.max(left.tickMs, right.tickMs),
    isFirstMeeting: facts.recordedFiles === 0,
    verifyFirstRun: config.compare.verifyFirstRun,
    policies: config.policies,
    ruling: null,
    softDelete: config.softDelete,
    maxChangePercent: config.safety.maxChangePercent,
    isSuspicious: (name) =>
      alwaysRead.size > 0 && alwaysRead.has(extensionOf(name)),
    savedSince: (side, path) =>
      (saved ??= record.savedSince()).get(`${side}/${path}`) ?? null,
    isSharedId: (side, id) => {
      // Only asked where something looks like a rename.
      shared ??= {
        left: new Set(record.sharedIds("left").map(keyOfId)),
        right: new Set(record.sharedIds("right").map(keyOfId)),
      };
      return shared[side].has(keyOfId(id));
    },
  };
}

/** What the roots take for one name. */
function foldingOf({ left, right }: Both<Probe>): Folding {
  return sharedFolding([left.traits, right.traits]);
}

/** So many questions go into one message. */
const ASKED_AT_ONCE = 256;

/**
 * Decides, reads what decisions depend on, and decides again.
 *
 * @throws {InterruptedError} The run is to end.
 */
async function decideReading(
  files: Files,
  merged: Merged,
  roots: Both<WireRoot>,
  settings: DecisionSettings,
  interrupt: Interrupt,
  meter: Meter,
): Promise<Decided> {
  const answers = new Map<string, Answer>();
  for (;;) {
    await interrupt.checkpoint();
    meter.begin("decide");
    const decision = decide(merged, answers, settings);
    if (decision.kind === "plan") {
      const { pairs } = decision;
      const plan = await withOwners(files, decision.plan, roots);
      return { plan, pairs, merged, settings };
    }
    meter.begin("compare", decision.questions.size);
    const all = [...decision.questions];
    for (let at = 0; at < all.length; at += ASKED_AT_ONCE) {
      const some = all.slice(at, at + ASKED_AT_ONCE);
      const questions = some.map(([, question]) => question);
      const given = await interrupt.waitFor(
        meter.watch(files.ask("answer", { roots, questions })),
      );
      for (const [n, [id]] of some.entries()) answers.set(id, given[n]!);
    }
  }
}

/**
 * Of a plan that leaves a conflict open, what it takes to resolve that one, or
 * what settles a clash copy; or why that can't be done.
 */
async function resolvingPlan(
  files: Files,
  { plan, merged, settings }: Decided,
  asked: Resolution | ClashResolution,
  db: StateDb,
  roots: Both<WireRoot>,
  interrupt: Interrupt,
  meter: Meter,
): Promise<Plan | Refusal> {
  if ("keep" in asked) {
    const actions = settlingActions(merged, asked, settings);
    if ("stop" in actions) return actions;
    const open = openAmong(actions, merged.owned, settings);
    if (open === null) return { ...plan, actions, problems: [] };
    const { waiting: [told = open] } = await withOwners(
      files,
      { ...plan, waiting: [open] },
      roots,
    );
    return openRefusal(told);
  }
  const conflict = openAsListed(plan, listedConflict(db, asked.path), asked);
  if ("stop" in conflict) return conflict;
  const ruling = rulingOn(conflict, asked.take, settings.folding);
  const ruled = { ...settings, ruling };
  const resolved = await decideReading(
    files,
    merged,
    roots,
    ruled,
    interrupt,
    meter,
  );
  const waits = resolved.plan.waiting.find(({ side, path }) =>
    path === (conflict.versions[side]?.path ?? conflict.path)
  );
  if (waits !== undefined) return openRefusal(waits);
  const actions = addedActions(resolved.plan, plan);
  return { ...plan, actions, problems: [] };
}

/** A conflict whose document is open is not resolved under its program. */
function openRefusal(waits: Waiting): Refusal {
  const reason = `On ${words(waits.side)}, ${printable(waits.path)} is ` +
    `${waitingWords(waits)}. Nothing was changed.`;
  const hint = "Have it closed there, then resolve the conflict.";
  const stop = { name: "conflict", reason, hint } as const;
  return { stop, exitCode: EXIT.leftForPerson };
}

// Documents that somebody has open.

/** Tells which owner files count; they are asked about where any matters. */
async function openDocuments(
  files: Files,
  { pairs, folders, owned }: Merged,
  config: Config,
  real: Both<RealRoot>,
  { nowMs }: DecisionSettings,
  { traits, isAny }: {
    readonly traits: Both<Traits>;
    /** Also those of which nothing is to be decided. */
    readonly isAny: boolean;
  },
): Promise<IsOpen> {
  const doMatter = pairs.some(({ owners }) => owners !== undefined) ||
    owned.length > 0 &&
      (isAny || folders.some(({ rename }) => rename !== null));
  return doMatter
    ? await ownersThatCount(files, config, real, traits, nowMs)
    : {};
}

/** Tells which owner files count. */
export type IsOpen = Pick<DecisionSettings, "isOpen">;

/**
 * Tells which owner files count: none, where the config says so.
 *
 * @param nowMs By this machine's clock, in ms since 1970.
 */
export async function ownersThatCount(
  files: Files,
  { openDocuments, roots }: Config,
  real: Both<RealRoot>,
  traits: Both<Traits>,
  nowMs: number,
): Promise<IsOpen> {
  if (openDocuments !== "wait") return {};
  const ages = await bothOf(async (side): Promise<OwnerAge> => {
    const { clockOffsetMs } = traits[side];
    const disk = await files.ask("space", { side });
    const isShared = files.walls.network.some((it) => it.side === side) ||
      networkOf(roots[side], real[side].path, disk) !== null;
    const startedMs = isShared ? null : machineStartMs();
    return {
      nowMs: nowMs + clockOffsetMs,
      startedMs: startedMs && startedMs + clockOffsetMs,
    };
  });
  return {
    isOpen: (side, { sinceMs }, mtimeMs) =>
      !isLeftBehind(sinceMs, mtimeMs, ages[side]),
  };
}

/** When this machine was started, in ms since 1970; null: nobody tells. */
function machineStartMs(): number | null {
  try {
    return Date.now() - Deno.osUptime() * 1000;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return null;
  }
}

/** What waits, with who has it open. */
async function withOwners(
  files: Files,
  plan: Plan,
  roots: Both<WireRoot>,
): Promise<Plan> {
  const told = await bothOf(async (side) => {
    const paths = plan.waiting.flatMap((it) =>
      it.side === side && it.owner ? [it.owner.path] : []
    );
    if (paths.length === 0) return new Map<string, Owner>();
    const asks = { side, root: roots[side], paths };
    const owners = await files.ask("owners", asks);
    return new Map(owners.flatMap((it) => it ? [[it.path, it]] : []));
  });
  const waiting = plan.waiting.map((it) => {
    const owner = it.owner && (told[it.side].get(it.owner.path) ?? it.owner);
    return { ...it, owner };
  });
  return { ...plan, waiting };
}

/** What a plan that is only shown comes to. */
function planned(
  actions: readonly Action[],
  listener: SyncListener,
): Outcome[] {
  return actions.map((action) => {
    const { newPath } = action;
    const detail = { detail: null, newPath, error: null };
    const outcome: Outcome = { action, kind: "planned", ...detail };
    listener.onOutcome(outcome);
    return outcome;
  });
}

/** So many rows are written at once; in between a signal is heard. */
const ROWS_AT_ONCE = 5_000;

/** Rows of what was found alike in a first meeting, some at a time. */
function* alikeRows(alike: AlikeFiles): Generator<readonly FileRow[]> {
  let rows: FileRow[] = [];
  for (const some of alike.rows()) {
    for (const row of some) rows.push(row);
    if (rows.length < ROWS_AT_ONCE) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

/** Whether an action is more than to learn what a file is by now. */
function isChange({ work }: Action, record: RecordStore): boolean {
  if (work.kind === "none") return false;
  if (work.kind !== "record" || work.change.kind !== "put") return true;
  const { row, rowPath } = work.change;
  const before = rowPath === row.path ? record.fileAt(rowPath) : null;
  return before === null ||
    SIDES.some((side) =>
      before[side].sizeBytes !== row[side].sizeBytes ||
      before[side].mtimeMs !== row[side].mtimeMs
    );
}

/** What lies before a run: a clash copy is written on either side. */
function totalsOf(
  actions: readonly Action[],
): [files: number, bytes: number] {
  let [files, bytes] = [0, 0];
  for (const { name, work, bytes: size } of actions) {
    if (name !== "NOOP") files++;
    if (work.kind === "copy") bytes += size ?? 0;
    if (work.kind === "clash") bytes += 2 * (size ?? 0);
  }
  return [files, bytes];
}

/** Removes what was soft-deleted too long ago, at the end of a run. */
async function pruned(
  { startedAtMs, config, options, listener }: RunContext,
  db: StateDb,
  result: RunResult,
): Promise<RunResult> {
  const { softDelete } = config;
  const { retentionDays, maxTotalBytes } = softDelete;
  if (result.stop !== null || options.resolve !== undefined) return result;
  const isNoted = db.first("SELECT 1 FROM expired LIMIT 1") !== null;
  if (retentionDays + maxTotalBytes === 0 && !isNoted) return result;
  const { pruneOld } = await import("./run_retention.ts");
  const removed = await pruneOld(options.files, db, {
    startedAtMs,
    paths: config.roots,
    softDelete,
    onWarning: (text) => listener.onWarning(text),
  });
  return { ...result, pruned: removed };
}

// A run that was stopped: by a guard before anything was changed, or by a
// signal at any moment.

/** A stop, and what the program ends with then. */
interface Stopped {
  readonly stop: Stop;
  readonly exitCode: ExitCode;
}

/** What a run came to that was stopped; null for anything unexpected. */
function stoppedBy(thrown: unknown, run: RunContext): RunResult | null {
  // Damage to the state DB is a guard's business.
  const error = asGuard(thrown, run.config.stateDb);
  if (error instanceof InterruptedError) {
    const reason = `${error.message}: nothing was changed.`;
    const stop = { name: INTERRUPTED, reason, hint: "Run again." };
    return stopped(run, { stop, exitCode: error.exitCode });
  }
  const isLocked = error instanceof LockedError;
  if (!isLocked && !(error instanceof GuardError)) return null;
  const name = isLocked ? "lock" : error.guard;
  const stop = { name, reason: error.message, hint: error.hint ?? "" };
  return stopped(run, { stop, exitCode: isLocked ? EXIT.busy : EXIT.guard });
}

/** What a run came to that was stopped before it changed anything. */
function stopped(run: RunContext, { stop, exitCode }: Stopped): RunResult {
  return {
    ...ended(run),
    outcomes: [],
    problems: [],
    waiting: [],
    untouched: 0,
    pruned: NOTHING_PRUNED,
    stop,
    exitCode,
  };
}

/** A run that is over now. */
function ended({ id, startedAtMs, options }: RunContext) {
  const { isDryRun } = options;
  return { id, startedAtMs, finishedAtMs: Date.now(), isDryRun };
}

/** The stop of a run that a signal cut short while it changed things. */
function asCut(
  { signal }: Interrupt,
  actions: readonly Action[],
  outcomes: readonly Outcome[],
): Stopped | null {
  if (signal === null || outcomes.length === actions.length) return null;
  const all = actions.filter(({ name }) => name !== "NOOP").length;
  const done =
    outcomes.filter(({ action, kind }) =>
      kind === "done" && action.name !== "NOOP"
    ).length;
  const { message, exitCode } = new InterruptedError(signal);
  const reason = `${message}: ${done} of ${all} actions done.`;
  const hint = "The next run does the rest.";
  return { stop: { name: INTERRUPTED, reason, hint }, exitCode };
}

/**
 * A run that did not even come to its lock: tells it as a run does that was
 * stopped, under the lock and by the state DB where there are any, so that it
 * is mailed once and not in every try.
 *
 * @param error What stopped it.
 * @throws What was given, where it is no guard.
 */
export async function endBeforeStart(
  id: string,
  config: Config,
  options: SyncOptions,
  listener: Pick<SyncListener, "onOpen" | "onEnd">,
  error: unknown,
): Promise<RunResult> {
  const { startedAtMs = Date.now(), isDryRun } = options;
  const nobody = { onOutcome() {}, onProblem() {}, onWarning() {} };
  const run = { id, startedAtMs, config, options, listener: nobody };
  const result = stoppedBy(error, run);
  if (!isDryRun) {
    let lock: Lock | null = null;
    let db: StateDb | null = null;
    try {
      lock = takeLock(config.stateDb);
      db = new StateDb(config.stateDb, { isReadOnly: false });
      listener.onOpen?.(db);
    } catch {
      // What stopped the run is told without them.
    }
    try {
      await listener.onEnd?.({ result, error, db, lock });
    } finally {
      db?.[Symbol.dispose]();
      lock?.[Symbol.dispose]();
    }
  }
  if (result === null) throw error;
  return result;
}
