/**
 * The command restore: lists soft-deleted versions, and brings them back as a
 * person copying would. That is a plan like any other: a copy to each side,
 * where all sides may have it, and it is applied as the plan of a run is. The
 * version itself stays in soft delete, and the record as it is: the next run
 * sees what a person would have copied.
 *
 * @module
 */
import { type ApplyContext, applyPlan } from "./apply_plan.ts";
import type { RestoreInvocation } from "./cli_args.ts";
import { warn } from "./cli_output.ts";
import {
  answer,
  endPart,
  isoTime,
  openRunLog,
  pathTyped,
} from "./command_shared.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, InterruptedError, SyncError } from "./errors.ts";
import { cutToTick, words } from "./metadata.ts";
import { DELETED_FOLDER, flawIn, whyNotOnWindows } from "./names.ts";
import { documentsOf, openWords, type Owner, ownersOf } from "./owner_files.ts";
import {
  comparePaths,
  folderOf,
  type Folding,
  isWithin,
  joinPath,
  keyOf,
  nameOf,
  NO_FOLDING,
  sharedFolding,
  type TypedPath,
} from "./paths.ts";
import { type Draft, Drafts, inOrder } from "./plan_order.ts";
import type { Work } from "./plan_types.ts";
import { type IsOpen, newRunId, ownersThatCount } from "./run.ts";
import { checkRoots, identifyRoots, wireRoots } from "./run_identify.ts";
import {
  Interrupt,
  INTERRUPTED,
  NOTHING_PRUNED,
  type Outcome,
  type Stop,
} from "./run_types.ts";
import { exists, StateDb, takeLock } from "./state_db.ts";
import { actionsInto, beginRun, restoreSeconds } from "./state_runs.ts";
import { countOf, printable, quoted, sizeWords, timeWords } from "./text.ts";
import {
  type Both,
  both,
  type Metadata,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";
import type {
  Deleted,
  RunFolder,
  SoftDeleted,
  WireRoot,
} from "./wire_messages.ts";
import { askBoth, type Files } from "./wire_port.ts";

/** A soft-deleted version of a file. */
export interface Version extends SoftDeleted {
  /** The folder of the run that soft-deleted it. */
  readonly run: RunFolder;
  /** The side in whose soft-delete folder it lies. */
  readonly side: Side;
  /** The run that soft-deleted it; null where the state DB knows of none. */
  readonly runId: string | null;
  /**
   * A restore put it aside, for the version that it brought back: only whoever
   * names that run wants it. Else the same command, given twice, would swap
   * the two.
   */
  readonly isReplaced: boolean;
}

/** A version that is to be brought back, and what became of that. */
export interface Restored {
  readonly version: Version;
  /** `same`: it was there already. */
  readonly outcome: "done" | "same" | "refused" | "failed";
  /** The sides it was brought to. */
  readonly sides: readonly Side[];
  /** Where the version now lies that stood in the way; null: none did. */
  readonly replaced: Both<string | null>;
  /** Why it was refused or failed, or what else there is to say. */
  readonly reason: string | null;
}

/** Which versions are meant. */
export interface Wanted extends TypedPath {
  /** A run or the name of its folder, or how one alone begins; null: any. */
  readonly from: string | null;
}

/**
 * Lists soft-deleted versions, or brings the newest of each path back.
 *
 * @returns The exit code: 1 if something was refused or failed.
 * @throws {SyncError} The path makes no sense, or nothing of it was soft-deleted.
 * @throws {GuardError} A root is not there, or not the one that is known.
 * @throws {LockedError} A run is active.
 */
export async function restore(
  { path: typed, from, isList, isJson, to, isForced }: RestoreInvocation,
  config: Config,
  files: Files,
): Promise<ExitCode> {
  const wanted = { ...await pathTyped(typed, config, files), from };
  const how = isList ? null : { to, isForced };
  const { versions, restored, stop, exitCode } = await restoring(
    ...[wanted, how, config, files] as const,
  );
  if (isList) {
    const document = () => ({ versions: versions.map(versionDocument) });
    answer(isJson, () => listText(versions), document);
    return exitCode;
  }
  const document = () => restored.map(restoredDocument);
  answer(
    isJson,
    () => textOf(restored),
    () => ({ exitCode, files: document() }),
  );
  if (stop !== null) warn(`${stop.reason} ${stop.hint}`);
  return exitCode;
}

/** What became of versions that were asked for. */
export interface Restoring {
  /** By path and the newest first. */
  readonly versions: readonly Version[];
  /** None where they were only to be listed. */
  readonly restored: readonly Restored[];
  readonly stop: Stop | null;
  readonly exitCode: ExitCode;
}

/**
 * Finds soft-deleted versions, and brings the newest of each path back.
 *
 * @param how Null: only list them.
 * @throws What {@linkcode restore} does.
 */
export async function restoring(
  wanted: Wanted,
  how: Pick<RestoreInvocation, "to" | "isForced"> | null,
  config: Config,
  files: Files,
): Promise<Restoring> {
  const isList = how === null;
  // From here on there is something that a signal must not leave half done.
  if (!isList) files.listen();
  using _lock = isList ? null : takeLock(config.stateDb);
  // Where there is no history, none is begun.
  const isNoted = !isList && exists(config.stateDb);
  using db = new StateDb(config.stateDb, { isReadOnly: !isNoted });
  // Without its state DB a pair has no name that could be known.
  const pair = db.meta("pair") ?? crypto.randomUUID().slice(0, 6);
  const startedAtMs = Date.now();
  const run = newRunId(startedAtMs);
  const real = await checkRoots(files, config.roots);
  const identified = await identifyRoots(files, db, config.roots);
  const asks = {
    owner: isList ? null : { pair, run },
    ...{ traits: null, nameBytes: null },
  };
  const probed = await askBoth(files, "probe", (side) => ({ side, ...asks }));
  const roots = wireRoots(real, probed);
  const folding = sharedFolding(SIDES.map((side) => roots[side].traits));
  const deleted = await askBoth(
    files,
    "deleted",
    (side) => ({ side, root: roots[side], wantsFiles: true }),
  );
  const all = storedVersions(db, deleted, pair);
  const found = wantedVersions(all, wanted, folding);
  const versions = isList || wanted.from !== null
    ? found
    : found.filter(({ isReplaced }) => !isReplaced);
  const isAny = isList && wanted.path === "" && wanted.from === null;
  if (versions.length === 0 && !isAny) {
    throw nothingFound(wanted, all, found.length);
  }
  if (isList) {
    return { versions, restored: [], stop: null, exitCode: EXIT.agreed };
  }
  const { to, isForced } = how;
  // Of each path what comes last: the newest.
  const byKey = new Map(
    versions.toSorted(newerFirst).reverse()
      .map((it) => [keyOf(it.path, folding), it]),
  );
  const newest = [...byKey.values()]
    .sort((a, b) => comparePaths(a.path, b.path));
  const began = `restore started, ${newest.length} asked for`;
  using log = openRunLog(config, run, began, files);
  const interrupt = new Interrupt(files.shared);
  if (isNoted) beginRun(db, run, startedAtMs, "restore");
  const traits = both((side) => roots[side].traits);
  const { restored, outcomes, isWhole } = await bringBack(newest, {
    ...{ files, startedAtMs, isForced },
    ...await ownersThatCount(files, config, real, traits, startedAtMs),
    owner: { pair, run },
    to: to === "both" ? SIDES : [to],
    wire: roots,
    ids: both((side) => identified.identities[side]?.id ?? null),
    callMs: Math.max(probed.left.callMs, probed.right.callMs),
    onOutcome: (outcome) => log.outcome(outcome),
    checkpoint: () => interrupt.checkpoint(),
  });
  let stop: Stop | null = null;
  let exitCode: ExitCode = restored.some(isLeft)
    ? EXIT.leftForPerson
    : EXIT.agreed;
  if (!isWhole) {
    const cut = new InterruptedError(interrupt.signal!);
    const done = restored.filter(({ outcome }) => outcome === "done").length;
    const reason = `${cut.message}: ${done} of ${newest.length} files ` +
      "brought back.";
    const hint = "The same command does the rest.";
    stop = { name: INTERRUPTED, reason, hint };
    exitCode = cut.exitCode;
  }
  const result = {
    ...{ id: run, startedAtMs, finishedAtMs: Date.now(), isDryRun: false },
    ...{ outcomes, problems: [], waiting: [], untouched: 0 },
    ...{ pruned: NOTHING_PRUNED, stop, exitCode },
  };
  endPart(result, isNoted ? db : null, log);
  return { versions, restored, stop, exitCode };
}

/** All that was soft-deleted, with the names and runs that the state DB knows. */
function storedVersions(
  db: StateDb,
  deleted: Both<Deleted>,
  pair: string,
): Version[] {
  const known = new Map(
    actionsInto(db, DELETED_FOLDER)
      .map((it) => [`${it.side} ${it.newPath}`, it]),
  );
  const restores = restoreSeconds(db);
  return SIDES.flatMap((side) => {
    for (const { path, why } of deleted[side].unreadable) {
      warn(`${printable(path)} can't be looked at: ${printable(why)}`);
    }
    return deleted[side].runs.flatMap((run) =>
      run.files.map((it): Version => {
        const told = known.get(`${side} ${it.softDeletedPath}`);
        const path = told?.path ?? it.path;
        // One that was killed told nothing but when it began.
        const isReplaced = told?.action.startsWith("RESTORE_") ??
          (run.pair === pair && restores.has(run.timeMs / 1000));
        return { ...it, side, run, path, runId: told?.run ?? null, isReplaced };
      })
    );
  });
}

/** The versions that are asked for, by path and the newest first. */
function wantedVersions(
  all: readonly Version[],
  { path, isFolder, from }: Wanted,
  folding: Folding,
): Version[] {
  const names = ({ runId, run }: Version) => [runId ?? run.name, run.name];
  let isFrom = (_: Version): boolean => true;
  if (from !== null) {
    const isNamed = (it: Version) => names(it).includes(from);
    // How a name begins will do, if it is one run only.
    const begun = all.filter((it) =>
      names(it).some((name) => name.startsWith(from))
    );
    // A restore may have begun so since: the same words mean what they meant.
    const first = begun.filter(({ isReplaced }) => !isReplaced);
    const [run, ...others] = new Set(
      (first.length > 0 ? first : begun).map((it) => names(it)[0]),
    );
    isFrom = all.some(isNamed)
      ? isNamed
      : (it) => others.length === 0 && names(it)[0] === run;
  }
  const key = keyOf(path, folding);
  return all.filter((version) => {
    const own = keyOf(version.path, folding);
    return (isFolder ? isWithin(own, key) : own === key) && isFrom(version);
  }).sort((a, b) => comparePaths(a.path, b.path) || newerFirst(a, b));
}

/** Removed last; of what one run removed, edited last. */
function newerFirst(a: Version, b: Version): number {
  return b.run.timeMs - a.run.timeMs ||
    b.metadata.mtimeMs - a.metadata.mtimeMs || comparePaths(a.side, b.side);
}

function nothingFound(
  wanted: Wanted,
  all: readonly Version[],
  replaced: number,
): SyncError {
  const { path, isFolder, from } = wanted;
  const isFolderMeant = !isFolder &&
    all.some((version) => version.path.startsWith(`${path}/`));
  const of = path === "" ? "" : ` of ${quoted(path)}`;
  const by = from === null ? "" : ` by run ${quoted(from)}`;
  const message = isFolderMeant
    ? `${quoted(path)} is a folder: end it with a slash (${
      quoted(`${path}/`)
    }).`
    : replaced > 0
    ? `What there is${of} was put aside by a restore: --from RUN brings it ` +
      "back; restore --list shows the runs."
    : `No version${of} was soft-deleted${by}, or none is there any more; ` +
      "restore --list shows what is.";
  return new SyncError(message, EXIT.usage);
}

/** What bringing back needs. */
export interface RestoreContext extends Omit<ApplyContext, "record">, IsOpen {
  /** The sides that are to have it. */
  readonly to: readonly Side[];
  /** Newer files may be replaced as well. */
  readonly isForced: boolean;
}

/** What bringing back came to. */
export interface BroughtBack {
  /** What became of each version that was come to. */
  readonly restored: readonly Restored[];
  readonly outcomes: readonly Outcome[];
  /** Whether all was come to; false: a signal came before that. */
  readonly isWhole: boolean;
}

type CopyWork = Work & { readonly kind: "copy" };

/** Why a version is not brought back. */
interface Refusal {
  readonly outcome: "refused" | "failed";
  readonly reason: string;
}

/** What is to be done about a version. */
interface Decision {
  readonly version: Version;
  /** For each side that is to have it and has not, in order. */
  readonly works: readonly CopyWork[];
  /** Why nothing of that is done; null: all of it is. */
  readonly refusal: Refusal | null;
}

/**
 * Brings versions back: looks at all places, makes a plan, and applies it.
 *
 * @param versions One of each path.
 */
export async function bringBack(
  versions: readonly Version[],
  context: RestoreContext,
): Promise<BroughtBack> {
  const decisions: Decision[] = [];
  try {
    for (const version of versions) {
      await context.checkpoint();
      decisions.push(await decide(version, context));
    }
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    return { restored: [], outcomes: [], isWhole: false };
  }
  const plan = new Drafts(NO_FOLDING);
  const refused: Outcome[] = [];
  for (const { version, works, refusal } of decisions) {
    const { side, softDeletedPath } = version;
    const reason = `soft-deleted on ${words(side)} as ${softDeletedPath}`;
    const drafts = refusal === null ? plan : new Drafts(NO_FOLDING);
    let after: readonly Draft[] = [];
    // The second side waits for the first.
    for (const work of works) {
      after = [drafts.add(work, { reason }, { after })];
      if (refusal === null) continue;
      const action = { ...after[0]!.action, needs: [] };
      const detail = { detail: refusal.reason, newPath: null, error: null };
      refused.push({ action, kind: "skipped", ...detail });
    }
  }
  for (const outcome of refused) context.onOutcome(outcome);
  const actions = inOrder(plan.all);
  // What is brought back is for the next run to record.
  const record = { apply() {}, noteMove() {} };
  const applied = await applyPlan(actions, { ...context, record });
  const outcomes = [...refused, ...applied];
  const outcomeOf = new Map(outcomes.map((it) => [it.action.work, it]));
  return {
    restored: decisions.flatMap((it) => restoredBy(it, outcomeOf)),
    outcomes,
    isWhole: applied.length === actions.length,
  };
}

/** Looks at all places: either all sides take a version, or none does. */
async function decide(
  version: Version,
  context: RestoreContext,
): Promise<Decision> {
  const { files, wire, to, isForced } = context;
  const { path, run, metadata } = version;
  const softDeleted = {
    side: version.side,
    run: run.name,
    path: version.softDeletedPath.slice(run.path.length + 1),
  };
  const tickMs = Math.max(...SIDES.map((it) => wire[it].traits.tickMs));
  const works: CopyWork[] = [];
  for (const side of to) {
    const standing = await standingAt(path, side, wire[side], files);
    const now = "reason" in standing ? null : standing.metadata;
    const work: CopyWork = {
      ...{ kind: "copy", from: otherSide(side), path, softDeleted },
      ...{ source: metadata, target: now, mode: metadata.mode },
      ...{ fate: "soft-delete", clashPath: null, rowPath: null },
      ...{ isDoubtful: false, keepsHash: false },
    };
    const refuse = (refusal: Refusal) => ({ version, works: [work], refusal });
    if ("reason" in standing) return refuse(standing);
    if (now?.sizeBytes === metadata.sizeBytes) {
      const a = { ...softDeleted, metadata };
      const b = { side, path, metadata: now };
      const question = { kind: "compare", a, b, wantsHash: false } as const;
      const asks = { roots: wire, questions: [question] };
      const [answer] = await files.ask("answer", asks);
      if (answer?.kind === "same") continue;
      if (answer?.kind === "unreadable") {
        return refuse({ outcome: "failed", reason: answer.reason });
      }
    }
    const owner = now && await openAt(path, side, now, context);
    if (owner !== null) {
      const reason = `what is on ${words(side)} is ${openWords(owner)}: have ` +
        "it closed there, then bring the version back";
      return refuse({ outcome: "refused", reason });
    }
    const [nowMs, thenMs] = [now?.mtimeMs ?? 0, metadata.mtimeMs]
      .map((it) => cutToTick(it, tickMs));
    if (now !== null && nowMs! > thenMs! && !isForced) {
      const reason = `what is on ${words(side)} is newer ` +
        `(${timeWords(now.mtimeMs)}); --force brings the older version back ` +
        "all the same, and keeps the newer";
      return refuse({ outcome: "refused", reason });
    }
    works.push(work);
  }
  return { version, works, refusal: null };
}

/** What stands at a place, null for nothing, as far as it may be replaced. */
async function standingAt(
  path: string,
  side: Side,
  root: WireRoot,
  files: Files,
): Promise<{ readonly metadata: Metadata | null } | Refusal> {
  const on = words(side);
  const refused = (reason: string) => ({ outcome: "refused", reason } as const);
  const flaw = flawIn(path, Deno.build.os === "windows");
  if (flaw !== null) return refused(`it can't have that path: ${flaw.why}`);
  const names = path.split("/");
  for (const name of root.traits.hasWindowsNames ? names : []) {
    const why = whyNotOnWindows(name);
    if (why !== null) return refused(`${on}: ${why}`);
  }
  const paths = names.map((_, n) => names.slice(0, n + 1).join("/"));
  // Only short names have a ~: no need to list each folder.
  const asks = { side, root, paths, wantsSecond: path.includes("~") };
  for (const [n, found] of (await files.ask("looks", asks)).entries()) {
    if (found === null) break;
    if ("why" in found) return { outcome: "failed", reason: found.why };
    if (found.second !== null) return refused(found.second);
    const { kind } = found;
    if (n < names.length - 1) {
      if (kind === "directory") continue;
      return refused(`on ${on} ${paths[n]} is no folder any more`);
    }
    if (kind === "file") return found;
    const what = kind === "directory" ? "a folder" : "a link or the like";
    return refused(`on ${on} ${what} has that name`);
  }
  return { metadata: null };
}

/** Who has a file open that is to be replaced; null: nobody. */
async function openAt(
  path: string,
  side: Side,
  { mtimeMs }: Metadata,
  { files, wire, isOpen }: RestoreContext,
): Promise<Owner | null> {
  const beside = (name: string) => joinPath(folderOf(path), name);
  const owners = ownersOf(nameOf(path)).map(beside);
  if (isOpen === undefined || owners.length === 0) return null;
  const at = { side, root: wire[side] };
  for (const owner of await files.ask("owners", { ...at, paths: owners })) {
    if (owner === null || !isOpen(side, owner, mtimeMs)) continue;
    // Where a shorter name is there as well, it may tell of that.
    const name = nameOf(owner.path);
    const paths = [beside(name.slice(2))]
      .filter((it) => flawIn(it, Deno.build.os === "windows") === null);
    const asks = { ...at, paths, wantsSecond: false };
    const [other = null] = await files.ask("looks", asks);
    const names = [path, ...other === null ? [] : paths].map(nameOf);
    if (documentsOf(name, names).includes(nameOf(path))) return owner;
  }
  return null;
}

/** What became of a version; nothing where it was not come to. */
function restoredBy(
  { version, works, refusal }: Decision,
  outcomeOf: ReadonlyMap<Work, Outcome>,
): Restored[] {
  const sides: Side[] = [];
  const replaced: { [S in Side]: string | null } = { left: null, right: null };
  let reason: string | null = null;
  const told = { version, sides, replaced };
  for (const work of works) {
    const done = outcomeOf.get(work);
    if (done === undefined && sides.length === 0) return [];
    if (done?.kind !== "done") {
      reason = done?.detail ?? INTERRUPTED;
      return [{ ...told, ...refusal ?? { outcome: "failed", reason } }];
    }
    const side = otherSide(work.from);
    sides.push(side);
    replaced[side] = done.newPath;
    reason ??= done.detail;
  }
  return [{ ...told, outcome: works.length === 0 ? "same" : "done", reason }];
}

function isLeft({ outcome }: Restored): boolean {
  return outcome === "refused" || outcome === "failed";
}

function listText(versions: readonly Version[]): string {
  if (versions.length === 0) return "Nothing is soft-deleted.";
  const lines: string[] = [];
  let path: string | null = null;
  for (const version of versions) {
    if (version.path !== path) lines.push(printable(version.path));
    path = version.path;
    const { runId, run, side, metadata, isReplaced } = version;
    const how = isReplaced ? "put aside" : "removed";
    lines.push(
      `  ${how} ${timeWords(run.timeMs)} by ${
        isReplaced ? "restore" : "run"
      } ` +
        `${printable(runId ?? run.name)} on ${words(side)}; ` +
        `${sizeWords(metadata.sizeBytes)}, edited ${
          timeWords(metadata.mtimeMs)
        }`,
    );
  }
  lines.push("", `${countOf(versions.length, "version")}.`);
  return lines.join("\n");
}

/** One line for each file, one for all. */
function textOf(all: readonly Restored[]): string {
  const done = all.filter(({ outcome }) => outcome === "done").length;
  const left = all.filter(isLeft).length;
  const files = `${countOf(done, "file")} brought back`;
  const summary = left === 0 ? files : `${files}; ${left} not, see above`;
  return [...all.map(restoredLine), "", `${summary}.`].join("\n");
}

/** What became of a version, in a line. */
export function restoredLine(restored: Restored): string {
  const { version, outcome, sides, replaced, reason } = restored;
  const path = printable(version.path);
  if (outcome === "same") return `${path}: is there already, just so`;
  const back = `brought back to ${sides.map(words).join(" and ")}, ` +
    `the version edited ${timeWords(version.metadata.mtimeMs)}`;
  const places = SIDES.flatMap((side) => {
    const place = replaced[side];
    return place === null ? [] : [`${words(side)} ${printable(place)}`];
  });
  const before = places.length === 0
    ? ""
    : `; what stood there is now ${places.join(", ")}`;
  if (outcome === "done") {
    const more = reason === null ? "" : `; ${printable(reason)}`;
    return `${path}: ${back}${before}${more}`;
  }
  const part = sides.length === 0 ? "" : ` (${back})`;
  return `${path}: ${outcome}: ${printable(reason ?? "")}${part}${before}`;
}

function versionDocument(version: Version) {
  const { path, side, runId, run, softDeletedPath, metadata } = version;
  return {
    ...{ path, side, run: runId, folder: run.name, softDeletedPath },
    removedAt: isoTime(run.timeMs),
    modifiedAt: isoTime(metadata.mtimeMs),
    bytes: metadata.sizeBytes,
  };
}

function restoredDocument(restored: Restored) {
  const { version, outcome, sides, reason, replaced } = restored;
  return {
    ...{ path: version.path, outcome, sides, reason, replaced },
    version: versionDocument(version),
  };
}
