/**
 * The command restore: lists soft-deleted versions, and brings them back as a
 * person copying would, but with the care of a run: nothing is destroyed,
 * nothing goes through a link, and no half file is ever seen. The version
 * itself stays in soft delete, and the record as it is: the next run sees
 * what a person would have copied.
 *
 * Copies are written and put in place by what a run does that with. What is
 * different stands here: a version comes back on all sides or on none, comes
 * from another path, perhaps of the same side, and is not recorded.
 *
 * @module
 */
import type { RestoreInvocation } from "./cli_args.ts";
import { warn } from "./cli_output.ts";
import { answer, isoTime, openRunLog, pathTyped } from "./command_shared.ts";
import type { Config } from "./config_schema.ts";
import {
  EXIT,
  type ExitCode,
  GuardError,
  InterruptedError,
  SyncError,
} from "./errors.ts";
import {
  flushFolder,
  removeDespite,
  setQuietly,
  TemporaryNames,
} from "./file_ops.ts";
import { type Performed, Performer } from "./files_act.ts";
import {
  dropCopy,
  flushCopies,
  type FlushedCopy,
  stageCopy,
  type StagedCopy,
} from "./files_copy.ts";
import { answerTo } from "./files_read.ts";
import { cutToTick, words } from "./metadata.ts";
import { DELETED_FOLDER, flawIn, timeMark, whyNotOnWindows } from "./names.ts";
import {
  comparePaths,
  folderOf,
  type Folding,
  isWithin,
  keyOf,
  sharedFolding,
  type TypedPath,
} from "./paths.ts";
import { Root } from "./root_files.ts";
import { readIdentity } from "./root_identity.ts";
import { glance, probe } from "./root_traits.ts";
import { newRunId } from "./run.ts";
import { checkRoots, identifyRoots, requireSame } from "./run_identify.ts";
import { Interrupt } from "./run_types.ts";
import {
  admitRun,
  runFolders,
  SoftDelete,
  softDeletedFiles,
} from "./soft_delete.ts";
import { StateDb, takeLock } from "./state_db.ts";
import { actionsInto } from "./state_runs.ts";
import { codeOf, inWords, Skipped, WENT_AWAY } from "./system.ts";
import { countOf, printable, quoted, sizeWords, timeWords } from "./text.ts";
import {
  type Both,
  both,
  type Checkpoint,
  type Metadata,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";
import type { RunFolder, SoftDeleted } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

/** A soft-deleted version of a file. */
export interface Version extends SoftDeleted {
  /** The folder of the run that soft-deleted it. */
  readonly run: RunFolder;
  /** The side in whose soft-delete folder it lies. */
  readonly side: Side;
  /** The run that soft-deleted it; null where the state DB knows of none. */
  readonly runId: string | null;
}

/** A version that is to be brought back, and what became of that. */
export interface Restored {
  readonly version: Version;
  /** `same`: it was there already. */
  outcome: "done" | "same" | "refused" | "failed";
  /** The sides it was brought to. */
  readonly sides: Side[];
  /** Where the version now lies that stood in the way; null: none did. */
  readonly replaced: { left: string | null; right: string | null };
  /** Why it was refused or failed, or what else there is to say. */
  reason: string | null;
}

/** What is asked for. */
interface Wanted extends TypedPath {
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
  // From here on there is something that a signal must not leave half done.
  if (!isList) files.listen();
  using _lock = isList ? null : takeLock(config.stateDb);
  // Read only: what is brought back is for the next run to record.
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  // Without its state DB a pair has no name that could be known.
  const pair = db.meta("pair") ?? crypto.randomUUID().slice(0, 6);
  const owner = { pair, run: newRunId(Date.now()) };
  await checkRoots(files, config.roots);
  const identified = await identifyRoots(files, db, config.roots);
  const rootOf = (side: Side): Root => {
    const path = config.roots[side];
    const probed = isList ? null : probe(path, owner);
    return new Root(side, path, probed?.traits ?? glance(path));
  };
  const roots = { left: rootOf("left"), right: rootOf("right") };
  const folding = sharedFolding(SIDES.map((side) => roots[side].traits));
  const all = storedVersions(db, roots);
  const versions = wantedVersions(all, wanted, folding);
  const isAny = isList && wanted.path === "" && from === null;
  if (versions.length === 0 && !isAny) throw nothingFound(wanted, all);
  if (isList) {
    const document = () => ({ versions: versions.map(versionDocument) });
    answer(isJson, () => listText(versions), document);
    return EXIT.agreed;
  }
  // Of each path what comes last: the newest.
  const byKey = new Map(
    versions.toSorted(newerFirst).reverse()
      .map((it) => [keyOf(it.path, folding), it]),
  );
  const newest = [...byKey.values()]
    .sort((a, b) => comparePaths(a.path, b.path));
  const began = `restore started, ${newest.length} asked for`;
  using log = openRunLog(config, owner.run, began, files);
  const names = new TemporaryNames(owner, [roots.left, roots.right]);
  const interrupt = new Interrupt(files.shared);
  const restoring = bringBack(newest, {
    roots,
    names,
    softDelete: new SoftDelete(`${timeMark(Date.now())}-${pair}`, names),
    to: to === "both" ? SIDES : [to],
    isForced,
    verifyRoots: () =>
      requireSame(
        identified,
        both((side) => readIdentity(side, config.roots[side])),
        config.roots,
      ),
    checkpoint: () => interrupt.checkpoint(),
  });
  const results: Restored[] = [];
  let exitCode: ExitCode | null = null;
  let stopped: string | null = null;
  try {
    for await (const restored of restoring) {
      results.push(restored);
      const { version: { side, softDeletedPath }, outcome } = restored;
      const line = `restore from ${side} ${quoted(softDeletedPath)}: ` +
        restoredLine(restored);
      if (outcome === "done" || outcome === "same") log.info(line);
      else log.warning(line);
    }
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    exitCode = error.exitCode;
    const done = results.filter(({ outcome }) => outcome === "done").length;
    stopped = `${error.message}: ${done} of ${newest.length} files brought ` +
      "back.";
    log.warning(`interrupted: ${stopped}`);
  }
  exitCode ??= results.some(isLeft) ? EXIT.leftForPerson : EXIT.agreed;
  log.info(`ended with exit code ${exitCode}`);
  log.flush();
  if (log.failure !== null) warn(log.failure);
  const document = () => results.map(restoredDocument);
  answer(
    isJson,
    () => textOf(results),
    () => ({ exitCode, files: document() }),
  );
  if (stopped !== null) warn(`${stopped} The same command does the rest.`);
  return exitCode;
}

/** All that was soft-deleted, with the names and runs that the state DB knows. */
function storedVersions(db: StateDb, roots: Both<Root>): Version[] {
  const known = new Map(
    actionsInto(db, DELETED_FOLDER)
      .map((it) => [`${it.side} ${it.newPath}`, it]),
  );
  const onUnreadable = (path: string, why: string) =>
    warn(`${printable(path)} can't be looked at: ${printable(why)}`);
  return SIDES.flatMap((side) =>
    runFolders(roots[side], onUnreadable).flatMap((run) =>
      [...softDeletedFiles(roots[side], run, onUnreadable)].map(
        (it): Version => {
          const told = known.get(`${side} ${it.softDeletedPath}`);
          const path = told?.path ?? it.path;
          return { ...it, side, run, path, runId: told?.run ?? null };
        },
      )
    )
  );
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
    const begins = (it: Version) =>
      names(it).some((name) => name.startsWith(from));
    const runs = new Set(all.filter(begins).map((it) => names(it)[0]));
    isFrom = all.some(isNamed)
      ? isNamed
      : runs.size === 1
      ? begins
      : () => false;
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

function nothingFound(wanted: Wanted, all: readonly Version[]): SyncError {
  const { path, isFolder, from } = wanted;
  const isFolderMeant = !isFolder &&
    all.some((version) => version.path.startsWith(`${path}/`));
  const of = path === "" ? "" : ` of ${quoted(path)}`;
  const by = from === null ? "" : ` by run ${quoted(from)}`;
  const message = isFolderMeant
    ? `${quoted(path)} is a folder: end it with a slash (${
      quoted(`${path}/`)
    }).`
    : `No version${of} was soft-deleted${by}, or none is there any more; ` +
      "restore --list shows what is.";
  return new SyncError(message, EXIT.usage);
}

/** What bringing back needs. */
export interface RestoreContext {
  readonly roots: Both<Root>;
  readonly names: TemporaryNames;
  readonly softDelete: SoftDelete;
  /** The sides that are to have it. */
  readonly to: readonly Side[];
  /** Newer files may be replaced as well. */
  readonly isForced: boolean;
  /** Reads both roots' identity again. */
  verifyRoots(): void;
  /** Called between any two pieces of work; what it throws ends it all. */
  readonly checkpoint?: Checkpoint;
}

/** A side that is to have a version. */
export interface Target {
  readonly root: Root;
  /** What stands there; null: nothing. */
  readonly standing: Metadata | null;
}

/** A folder of a side. */
type Place = Performed["folders"][number];

/** A version on its way: a copy for each side that is to have it. */
interface Trip extends Restored {
  readonly copies: (Target & { readonly copy: StagedCopy })[];
  /** Folders that were missing, and were made. */
  readonly made: Place[];
}

/** Versions whose copies are flushed together. */
const BATCH = 32;

/**
 * Brings versions back, some at a time.
 *
 * @param versions One of each path.
 * @returns What became of each.
 * @throws What the checkpoint threw, after all that is done was told: what is
 *   copied already is put in place, a copy that was under way is dropped.
 */
export async function* bringBack(
  versions: readonly Version[],
  context: RestoreContext,
): AsyncGenerator<Restored> {
  for (let at = 0; at < versions.length; at += BATCH) {
    const trips: Trip[] = [];
    let cut: { readonly by: unknown } | null = null;
    try {
      for (const version of versions.slice(at, at + BATCH)) {
        await context.checkpoint?.();
        trips.push(await stage(version, context));
      }
    } catch (by) {
      cut = { by };
    }
    const copies = trips.flatMap((trip) => trip.copies);
    const flushed = await flushCopies(copies.map(({ copy }) => copy));
    const changed: Place[] = [];
    for (const trip of trips) {
      const own = flushed.splice(0, trip.copies.length);
      await place(trip, own, context, changed);
    }
    for (const side of SIDES) {
      const folders = changed.filter((it) => it.side === side)
        .map(({ folder }) => folder);
      for (const folder of new Set(folders)) {
        flushFolder(context.roots[side], folder);
      }
    }
    yield* trips;
    if (cut !== null) throw cut.by;
  }
}

/** Looks at all sides before anything is written, then copies aside. */
async function stage(version: Version, context: RestoreContext): Promise<Trip> {
  const { roots, names, to, verifyRoots, checkpoint } = context;
  const { side, softDeletedPath, path, metadata } = version;
  const trip: Trip = {
    version,
    outcome: "done",
    sides: [],
    replaced: { left: null, right: null },
    reason: null,
    copies: [],
    made: [],
  };
  try {
    verifyRoots();
    admitRun(roots[side], version.run.name);
    const targets: Target[] = [];
    for (const it of to) {
      const target = await targetOn(it, version, context);
      if (target !== null) targets.push(target);
    }
    if (targets.length === 0) trip.outcome = "same";
    for (const target of targets) {
      makeFolders(trip, target.root, roots);
      const copy = await stageCopy({
        from: roots[side],
        path: softDeletedPath,
        seen: metadata,
        to: target.root,
        temporary: names.beside(path),
        mode: metadata.mode,
        wantsHash: false,
        checkpoint,
      });
      trip.copies.push({ ...target, copy });
    }
  } catch (error) {
    giveUp(trip, error, roots);
  }
  return trip;
}

/**
 * What a side needs to have a version.
 *
 * @returns Null where the side has it already.
 * @throws {Refused} What stands there must not be replaced.
 * @throws {Skipped} It can't be told.
 */
export async function targetOn(
  side: Side,
  version: Version,
  { roots, isForced, checkpoint }: Pick<
    RestoreContext,
    "roots" | "isForced" | "checkpoint"
  >,
): Promise<Target | null> {
  const root = roots[side];
  const { path, metadata, softDeletedPath } = version;
  const flaw = flawIn(path, Deno.build.os === "windows");
  if (flaw !== null) throw new Refused(`it can't have that path: ${flaw.why}`);
  const names = path.split("/");
  for (const name of root.traits.hasWindowsNames ? names : []) {
    const why = whyNotOnWindows(name);
    if (why !== null) throw new Refused(`${words(side)}: ${why}`);
  }
  for (let depth = 1; depth < names.length; depth++) {
    const folder = names.slice(0, depth).join("/");
    const { kind } = root.look(folder);
    if (kind === "absent") return { root, standing: null };
    requireOwnName(root, folder);
    if (kind === "directory") continue;
    throw new Refused(`on ${words(side)} ${folder} is no folder any more`);
  }
  const look = root.look(path);
  if (look.kind === "absent") return { root, standing: null };
  requireOwnName(root, path);
  if (look.kind !== "file") {
    const what = look.kind === "directory" ? "a folder" : "a link or the like";
    throw new Refused(`on ${words(side)} ${what} has that name`);
  }
  const standing = look.metadata;
  if (standing.sizeBytes === metadata.sizeBytes) {
    const compared = await answerTo(
      {
        kind: "compare",
        a: { side: version.side, path: softDeletedPath, metadata },
        b: { side, path, metadata: standing },
        wantsHash: false,
      },
      roots,
      checkpoint,
    );
    if (compared.kind === "unreadable") throw new Skipped(compared.reason);
    if (compared.kind === "same") return null;
  }
  const tickMs = Math.max(...SIDES.map((it) => roots[it].traits.tickMs));
  const isNewer =
    cutToTick(standing.mtimeMs, tickMs) > cutToTick(metadata.mtimeMs, tickMs);
  if (isNewer && !isForced) {
    throw new Refused(
      `what is on ${words(side)} is newer (${timeWords(standing.mtimeMs)}); ` +
        "--force brings the older version back all the same, and keeps the " +
        "newer",
    );
  }
  return { root, standing };
}

/** The reason for which a version is not brought back. */
class Refused extends Error {
  override readonly name = "Refused";
}

/** Only short names have a ~: no need to list each folder. */
function requireOwnName(root: Root, path: string): void {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const second = name.includes("~") ? root.secondName(path) : null;
  if (second !== null) throw new Refused(second.why);
}

/** With the mode that they have in soft delete, for those who were let in. */
function makeFolders(
  { version: { side, path, softDeletedPath }, made }: Trip,
  root: Root,
  roots: Both<Root>,
): void {
  const names = path.split("/").slice(0, -1);
  const from = softDeletedPath.split("/").slice(0, -1);
  for (let depth = 1; depth <= names.length; depth++) {
    const folder = names.slice(0, depth).join("/");
    if (root.look(folder).kind === "directory") continue;
    Deno.mkdirSync(root.absolute(folder));
    made.push({ side: root.side, folder });
    const deeper = names.length - depth;
    const twin = from.slice(0, from.length - deeper).join("/");
    // What lies under a short path has none.
    if (!twin.endsWith(`/${names[depth - 1]}`)) continue;
    const { mode } = Deno.lstatSync(roots[side].absolute(twin));
    if (mode !== null && Deno.build.os !== "windows") {
      setQuietly(() => Deno.chmodSync(root.absolute(folder), mode & 0o777));
    }
  }
}

/**
 * Puts copies in place as a run does. What stands there goes to soft delete,
 * however large it is, or beside the file where that fails.
 *
 * @param changed Takes the folders in which names changed, to be flushed.
 */
async function place(
  trip: Trip,
  flushed: Awaited<ReturnType<typeof flushCopies>>,
  context: RestoreContext,
  changed: Place[],
): Promise<void> {
  const { version: { path }, copies, made, sides, replaced } = trip;
  const performer = new Performer({
    ...context,
    rowAt: () => null,
  });
  for (const { side, folder } of made) {
    changed.push({ side, folder: folderOf(folder) });
  }
  try {
    const failed = flushed.find((copy) => "error" in copy);
    if (failed) throw failed.error;
    for (const [n, { root: { side }, standing }] of copies.entries()) {
      const copy = flushed[n] as FlushedCopy;
      const done = await performer.place({
        kind: "copy",
        path,
        // What the record would learn of it is not wanted.
        from: otherSide(side),
        source: copy.source,
        rowPath: null,
        keepsHash: false,
        mode: null,
        target: standing,
        fate: "soft-delete",
        clashPath: null,
        isDoubtful: false,
      }, copy);
      changed.push(...done.folders);
      replaced[side] = done.softDeletedPath;
      trip.reason ??= done.note;
      sides.push(side);
    }
  } catch (error) {
    giveUp(trip, error, context.roots);
  }
}

/**
 * Drops the copies that have not got their name, and folders that were made
 * for nothing.
 *
 * @throws What was thrown, where it is neither the system's nor a refusal.
 */
function giveUp(trip: Trip, error: unknown, roots: Both<Root>): void {
  const { copies, made, sides } = trip;
  for (const { copy } of copies.slice(sides.length)) dropCopy(copy);
  copies.length = 0;
  for (const { side, folder } of made.toReversed()) {
    try {
      roots[side].distrust();
      roots[side].requireRealFolder(folder);
      // Never with anything in it.
      removeDespite(roots[side].absolute(folder));
    } catch {
      // Somebody uses it by now.
    }
  }
  const isRefused = error instanceof Refused;
  const isAway = error instanceof GuardError;
  const isKnown = isRefused || isAway || error instanceof Skipped ||
    codeOf(error) !== null;
  if (!isKnown) throw error;
  trip.outcome = isRefused ? "refused" : "failed";
  trip.reason = isAway ? WENT_AWAY : inWords(error);
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
    const { runId, run, side, metadata } = version;
    lines.push(
      `  removed ${timeWords(run.timeMs)} by run ` +
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

function restoredLine(restored: Restored): string {
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
