/**
 * The command restore: lists soft-deleted versions, and brings them back. The
 * record is left alone: the next run sees what a person would have copied.
 *
 * @module
 */
import type { RestoreInvocation } from "./cli_args.ts";
import { print, warn } from "./cli_output.ts";
import { onDisk } from "./config_loader.ts";
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
  keepAsClash,
  moveToFree,
  removeDespite,
  replace,
  setQuietly,
  TemporaryNames,
} from "./file_ops.ts";
import {
  dropCopy,
  flushCopies,
  type FlushedCopy,
  isAcrossDisks,
  stageCopy,
  type StagedCopy,
} from "./files_copy.ts";
import { answerTo } from "./files_read.ts";
import { type Log, openLog } from "./logging_setup.ts";
import { cutToTick, words } from "./metadata.ts";
import { type TemporaryOwner, timeMark, whyNotOnWindows } from "./names.ts";
import {
  comparePaths,
  folderOf,
  type Folding,
  isWithin,
  joinPath,
  keyOf,
  typedPath,
} from "./paths.ts";
import { jsonText } from "./report_json.ts";
import { Root } from "./root_files.ts";
import { checkRoots } from "./root_identity.ts";
import { glance, probe } from "./root_traits.ts";
import { newRunId } from "./run.ts";
import { meet, type Meeting, requireStillThere } from "./run_identify.ts";
import { SignalInterrupt } from "./run_types.ts";
import { missingWalls } from "./sandbox_network.ts";
import { keptFiles, runFolders, SoftDelete } from "./soft_delete.ts";
import { StateDb, takeLock } from "./state_db.ts";
import { actionsInto } from "./state_runs.ts";
import { codeOf, inWords, Skipped, WENT_AWAY } from "./system.ts";
import { printable, quoted, sizeWords } from "./text.ts";
import { type Both, type Metadata, type Side, SIDES } from "./types.ts";

// What `restore` tells, to people and to programs.

/** What became of a version that was to be brought back. */
export interface Restored {
  readonly version: Version;
  /** `same`: it was there already. */
  readonly outcome: "done" | "same" | "refused" | "failed";
  /** The sides it was brought to. */
  readonly sides: readonly Side[];
  /** Where the version now lies that stood in the way; null: none did. */
  readonly replaced: Both<string | null>;
  /** Why it was refused or failed. */
  readonly reason: string | null;
}

/**
 * The exit code for what was done.
 *
 * @param all Of all versions.
 */
export function exitCodeOf(all: readonly Restored[]): ExitCode {
  const isLeft = all.some(({ outcome }) =>
    outcome === "refused" || outcome === "failed"
  );
  return isLeft ? EXIT.leftForPerson : EXIT.agreed;
}

/**
 * What can be brought back, as a list.
 *
 * @param versions By path, the newest first.
 */
export function listText(versions: readonly Version[]): string {
  if (versions.length === 0) return "Nothing is kept in soft delete.";
  const lines: string[] = [];
  let path: string | null = null;
  for (const version of versions) {
    if (version.path !== path) lines.push(printable(version.path));
    path = version.path;
    const { run, folder, side, removedAtMs, metadata } = version;
    lines.push(
      `  removed ${timeWords(removedAtMs)} by run ${printable(run ?? folder)}` +
        ` on ${words(side)}; ${sizeWords(metadata.sizeBytes)}, ` +
        `edited ${timeWords(metadata.mtimeMs)}`,
    );
  }
  const count = versions.length;
  lines.push("", `${count} ${count === 1 ? "version" : "versions"} kept.`);
  return lines.join("\n");
}

/**
 * What was brought back: one line for each file, one for all.
 *
 * @param all Of all versions.
 */
export function restoredText(all: readonly Restored[]): string {
  const done = all.filter(({ outcome }) => outcome === "done").length;
  const left =
    all.filter(({ outcome }) => outcome === "refused" || outcome === "failed")
      .length;
  const files = `${done} ${done === 1 ? "file" : "files"} brought back`;
  return [
    ...all.map(restoredLine),
    "",
    left === 0 ? `${files}.` : `${files}; ${left} not, see above.`,
  ].join("\n");
}

/**
 * What became of one version, in one line.
 *
 * @param restored The version and what became of it.
 */
export function restoredLine(restored: Restored): string {
  const { version, outcome, sides, reason } = restored;
  const path = printable(version.path);
  if (outcome === "same") return `${path}: is there already, just so`;
  const to = sides.map(words).join(" and ");
  const which = `the version edited ${timeWords(version.metadata.mtimeMs)}`;
  const back = `brought back to ${to}, ${which}`;
  const replaced = SIDES.flatMap((side) => {
    const place = restored.replaced[side];
    return place === null ? [] : [`${words(side)} ${printable(place)}`];
  });
  const kept = replaced.length === 0
    ? ""
    : `; what stood there is kept: ${replaced.join(", ")}`;
  if (outcome === "done") return `${path}: ${back}${kept}`;
  const why = printable(reason ?? "");
  const part = to === "" ? "" : ` (${back})`;
  return `${path}: ${outcome}: ${why}${part}${kept}`;
}

function timeWords(timeMs: number): string {
  return new Date(timeMs).toLocaleString("sv-SE");
}

/**
 * The document of `restore --list --json`.
 *
 * @param versions By path, the newest first.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function listDocument(versions: readonly Version[]): unknown {
  return { versions: versions.map(versionDocument) };
}

/**
 * The document of `restore --json`.
 *
 * @param all Of all versions.
 * @param exitCode What the command ends with.
 * @returns Plain data; every key is there, null where it says nothing.
 */
export function restoredDocument(
  all: readonly Restored[],
  exitCode: ExitCode,
): unknown {
  return {
    exitCode,
    files: all.map(({ version, outcome, sides, replaced, reason }) => ({
      path: version.path,
      outcome,
      sides,
      reason,
      replaced,
      version: versionDocument(version),
    })),
  };
}

function versionDocument(version: Version) {
  const { path, side, run, folder, keptAt, removedAtMs, metadata } = version;
  return {
    path,
    side,
    run,
    folder,
    keptAt,
    removedAt: isoTime(removedAtMs),
    modifiedAt: isoTime(metadata.mtimeMs),
    bytes: metadata.sizeBytes,
  };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

// What stands where a soft-deleted version is to be brought back to, and
// whether it may give way.

/** The reason for which a version is not brought back. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** A side that is to have a version. */
export interface Target {
  readonly root: Root;
  /** What stands there; null: nothing. */
  readonly standing: Metadata | null;
}

/** How to judge. */
export interface TargetOptions {
  readonly roots: Both<Root>;
  /** Newer files may be replaced as well. */
  readonly isForced: boolean;
}

/**
 * What a side needs to have a version.
 *
 * @param side The side.
 * @param version The version.
 * @param options How to judge.
 * @returns Null where the side has it already.
 * @throws {Refused} What stands there must not be replaced.
 * @throws {Skipped} It can't be told.
 */
export async function targetOn(
  side: Side,
  version: Version,
  options: TargetOptions,
): Promise<Target | null> {
  const { roots, isForced } = options;
  const root = roots[side];
  const { path, metadata } = version;
  requireName(root, path);
  const look = hasFolders(root, path) ? root.look(path) : null;
  if (look === null || look.kind === "absent") return { root, standing: null };
  // Only such names are short ones: no need to list each folder.
  const second = path.includes("~") ? root.secondName(path) : null;
  if (second !== null) throw new Refused(second.why);
  if (look.kind !== "file") {
    const what = look.kind === "directory" ? "a folder" : "a link or the like";
    throw new Refused(`on ${words(side)} ${what} has that name`);
  }
  const standing = look.metadata;
  if (await isSame(version, root, standing, roots)) return null;
  const { left, right } = roots;
  const tickMs = Math.max(left.traits.tickMs, right.traits.tickMs);
  const isNewer =
    cutToTick(standing.mtimeMs, tickMs) > cutToTick(metadata.mtimeMs, tickMs);
  if (isNewer && !isForced) {
    const when = new Date(standing.mtimeMs).toLocaleString("sv-SE");
    throw new Refused(
      `what is on ${words(side)} is newer (${when}); --force brings the ` +
        "older version back all the same, and keeps the newer",
    );
  }
  return { root, standing };
}

async function isSame(
  { side, path, keptAt, metadata }: Version,
  root: Root,
  standing: Metadata,
  roots: Both<Root>,
): Promise<boolean> {
  if (standing.sizeBytes !== metadata.sizeBytes) return false;
  const answer = await answerTo({
    kind: "compare",
    a: { side, path: keptAt, metadata },
    b: { side: root.side, path, metadata: standing },
    wantsHash: false,
  }, roots);
  if (answer.kind === "unreadable") throw new Skipped(answer.reason);
  return answer.kind === "same";
}

function requireName(root: Root, path: string): void {
  if (!root.traits.hasWindowsNames) return;
  for (const name of path.split("/")) {
    const why = whyNotOnWindows(name);
    if (why !== null) throw new Refused(`${words(root.side)}: ${why}`);
  }
}

/**
 * Whether all folders that a path is in are there.
 *
 * @throws {Refused} Something else stands in the place of one.
 */
function hasFolders(root: Root, path: string): boolean {
  let folder = "";
  for (const name of path.split("/").slice(0, -1)) {
    folder = joinPath(folder, name);
    const { kind } = root.look(folder);
    if (kind === "absent") return false;
    const second = name.includes("~") ? root.secondName(folder) : null;
    if (second !== null) throw new Refused(second.why);
    if (kind === "directory") continue;
    throw new Refused(
      `on ${words(root.side)} ${folder} is no folder any more`,
    );
  }
  return true;
}

// Brings soft-deleted versions back, as a person copying would, but with the
// care of a run: nothing is destroyed, nothing goes through a link, and no
// half file is ever seen. The soft-deleted version stays where it is.

/** What bringing back needs. */
export interface RestoringContext {
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
  readonly pause?: () => Promise<void>;
}

/** Versions whose copies are flushed together. */
const BATCH = 32;

/** A version on its way. */
interface Trip {
  readonly version: Version;
  readonly targets: readonly Target[];
  readonly copies: readonly StagedCopy[];
  readonly made: readonly Made[];
}

/** A folder that was missing, and was made. */
interface Made {
  readonly root: Root;
  readonly folder: string;
}

/** Brings versions back. */
export class Restoring {
  readonly #context: RestoringContext;
  /** Folders in which names changed since they were flushed. */
  readonly #changed = new Map<Root, Set<string>>();

  /** @param context Where to, and with which names. */
  constructor(context: RestoringContext) {
    this.#context = context;
  }

  /**
   * Brings versions back, some at a time.
   *
   * @param versions One of each path.
   * @returns What became of each.
   * @throws What the pause threw, after all that is done was told. A copy that
   *   was under way is dropped.
   */
  async *bringBack(
    versions: readonly Version[],
  ): AsyncGenerator<Restored> {
    for (let at = 0; at < versions.length; at += BATCH) {
      const batch = versions.slice(at, at + BATCH);
      try {
        this.#context.verifyRoots();
      } catch (error) {
        if (!(error instanceof GuardError)) throw error;
        yield* batch.map((version): Restored => ({
          ...nothing(version),
          ...troubleWith(new Skipped(WENT_AWAY)),
        }));
        continue;
      }
      const { results, ended } = await this.#batch(batch);
      yield* results;
      if (ended !== null) throw ended.by;
    }
  }

  /** What is copied already when it is to end is put in place as well. */
  async #batch(versions: readonly Version[]): Promise<{
    readonly results: readonly Restored[];
    readonly ended: { readonly by: unknown } | null;
  }> {
    const staged: (Trip | Restored)[] = [];
    let ended: { readonly by: unknown } | null = null;
    for (const version of versions) {
      try {
        await this.#context.pause?.();
        staged.push(await this.#stage(version));
      } catch (error) {
        ended = { by: error };
        break;
      }
    }
    const trips = staged.filter((it) => "copies" in it);
    const flushed = await flushCopies(trips.flatMap(({ copies }) => copies));
    const results: Restored[] = [];
    for (const it of staged) {
      if (!("copies" in it)) results.push(it);
      else {
        const copies = flushed.splice(0, it.copies.length);
        results.push(await this.#place(it, copies));
      }
    }
    for (const [root, folders] of this.#changed) {
      for (const folder of folders) flushFolder(root, folder);
    }
    this.#changed.clear();
    return { results, ended };
  }

  /** Looks at all sides before anything is written, then copies aside. */
  async #stage(version: Version): Promise<Trip | Restored> {
    const copies: StagedCopy[] = [];
    const made: Made[] = [];
    try {
      const targets: Target[] = [];
      for (const side of this.#context.to) {
        const target = await targetOn(side, version, this.#context);
        if (target !== null) targets.push(target);
      }
      if (targets.length === 0) return { ...nothing(version), outcome: "same" };
      for (const { root } of targets) {
        this.#makeFolders(version, root, made);
        copies.push(await this.#copy(version, root));
      }
      return { version, targets, copies, made };
    } catch (error) {
      for (const copy of copies) dropCopy(copy);
      removeEmpty(made);
      return { ...nothing(version), ...troubleWith(error) };
    }
  }

  /** With the mode that was kept with them, for those who were let in. */
  #makeFolders(version: Version, root: Root, made: Made[]): void {
    const from = this.#context.roots[version.side];
    const names = version.path.split("/").slice(0, -1);
    const kept = version.keptAt.split("/").slice(0, -1);
    for (let depth = 1; depth <= names.length; depth++) {
      const folder = names.slice(0, depth).join("/");
      if (root.look(folder).kind === "directory") continue;
      Deno.mkdirSync(root.absolute(folder));
      made.push({ root, folder });
      this.#note(root, folderOf(folder));
      const deeper = names.length - depth;
      const twin = kept.slice(0, kept.length - deeper).join("/");
      // What is kept under a short path has none.
      if (!twin.endsWith(`/${names[depth - 1]}`)) continue;
      const { mode } = Deno.lstatSync(from.absolute(twin));
      if (mode !== null && Deno.build.os !== "windows") {
        setQuietly(() => Deno.chmodSync(root.absolute(folder), mode & 0o777));
      }
    }
  }

  #copy(
    { side, keptAt, path, metadata }: Version,
    to: Root,
  ): Promise<StagedCopy> {
    return stageCopy({
      from: this.#context.roots[side],
      path: keptAt,
      seen: metadata,
      to,
      temporary: this.#context.names.beside(path),
      mode: metadata.mode,
      wantsHash: false,
      checkpoint: this.#context.pause,
    });
  }

  async #place(
    { version, targets, made }: Trip,
    copies: readonly (FlushedCopy | { readonly error: unknown })[],
  ): Promise<Restored> {
    const sides: Side[] = [];
    const replaced: { left: string | null; right: string | null } = {
      left: null,
      right: null,
    };
    const done = () => ({ ...nothing(version), sides, replaced });
    try {
      const failed = copies.find((copy) => "error" in copy);
      if (failed) throw failed.error;
      for (const [n, { root, standing }] of targets.entries()) {
        const copy = copies[n] as FlushedCopy;
        replaced[root.side] = standing === null
          ? this.#placeNew(copy, version.path)
          : await this.#replace(copy, version.path, standing);
        sides.push(root.side);
      }
      return { ...done(), outcome: "done" };
    } catch (error) {
      for (const copy of copies.slice(sides.length)) {
        if ("temporary" in copy) dropCopy(copy);
      }
      removeEmpty(made);
      return { ...done(), ...troubleWith(error) };
    }
  }

  #placeNew(copy: FlushedCopy, path: string): null {
    moveToFree(copy.to, copy.temporary, path);
    this.#note(copy.to, folderOf(path));
    return null;
  }

  /** What stands there goes to soft delete, however large it is. */
  async #replace(
    copy: FlushedCopy,
    path: string,
    standing: Metadata,
  ): Promise<string> {
    const { softDelete, names } = this.#context;
    const { to: root, temporary } = copy;
    const keptAt = softDelete.placeFor(root, path);
    try {
      replace(root, temporary, path, standing, keptAt);
    } catch (error) {
      if (!isAcrossDisks(error)) throw error;
      const aside = names.beside(path);
      replace(root, temporary, path, standing, aside);
      try {
        await softDelete.moveAcross(root, aside, standing, keptAt);
      } catch {
        // Edited just now, or no room: it is kept beside the file.
        this.#note(root, folderOf(path));
        return keepAsClash(root, aside, path);
      }
    }
    this.#note(root, folderOf(path));
    for (let it = folderOf(keptAt); it !== ""; it = folderOf(it)) {
      this.#note(root, it);
    }
    return keptAt;
  }

  #note(root: Root, folder: string): void {
    const folders = this.#changed.get(root) ?? new Set();
    this.#changed.set(root, folders.add(folder));
  }
}

function nothing(version: Version): Omit<Restored, "outcome"> {
  const replaced = { left: null, right: null };
  return { version, sides: [], replaced, reason: null };
}

function troubleWith(error: unknown): Pick<Restored, "outcome" | "reason"> {
  if (error instanceof Refused) {
    return { outcome: "refused", reason: error.message };
  }
  if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
  return { outcome: "failed", reason: inWords(error) };
}

/** Folders that were made for nothing; never with anything in them. */
function removeEmpty(made: readonly Made[]): void {
  for (const { root, folder } of made.toReversed()) {
    try {
      root.distrust();
      root.requireRealFolder(folder);
      removeDespite(root.absolute(folder));
    } catch {
      // Somebody uses it by now.
    }
  }
}

// Soft-deleted versions: which one is meant, and which is the newest.

/** A soft-deleted version of a file. */
export interface Version {
  /** The side in whose soft-delete folder it lies. */
  readonly side: Side;
  /** The path it had. */
  readonly path: string;
  /** The run that soft-deleted it; null where the state DB knows of none. */
  readonly run: string | null;
  /** Name of the folder of that run, among the soft-deleted files. */
  readonly folder: string;
  /** Where it lies, below the root. */
  readonly keptAt: string;
  /** When that run began, in ms since 1970. */
  readonly removedAtMs: number;
  readonly metadata: Metadata;
}

/** What is asked for. */
export interface Wanted {
  /** "" for everything. */
  readonly path: string;
  /** Everything below the path. */
  readonly isFolder: boolean;
  /** A run or the name of its folder, or how one alone begins; null: any. */
  readonly from: string | null;
}

/**
 * The versions that are asked for, by path and the newest first.
 *
 * @param versions All there are.
 * @param wanted What is asked for.
 * @param folding What the roots take for one name.
 */
export function wantedVersions(
  versions: readonly Version[],
  wanted: Wanted,
  folding: Folding,
): Version[] {
  const key = keyOf(wanted.path, folding);
  const isFrom = wanted.from === null
    ? () => true
    : runMeant(versions, wanted.from);
  return versions.filter((version) => {
    const own = keyOf(version.path, folding);
    const isMeant = wanted.isFolder ? isWithin(own, key) : own === key;
    return isMeant && isFrom(version);
  }).sort((a, b) => comparePaths(a.path, b.path) || newerFirst(a, b));
}

/** The names that a run and its folder begin with, if it is one run only. */
function runMeant(
  versions: readonly Version[],
  from: string,
): (version: Version) => boolean {
  const isMeant = ({ run, folder }: Version): boolean =>
    [run, folder].some((name) => name?.startsWith(from));
  const isNamed = ({ run, folder }: Version): boolean =>
    run === from || folder === from;
  if (versions.some(isNamed)) return isNamed;
  const runs = versions.filter(isMeant).map(({ run, folder }) => run ?? folder);
  return new Set(runs).size === 1 ? isMeant : () => false;
}

/** Removed last; of what one run removed, edited last. */
function newerFirst(a: Version, b: Version): number {
  return b.removedAtMs - a.removedAtMs ||
    b.metadata.mtimeMs - a.metadata.mtimeMs || comparePaths(a.side, b.side);
}

/**
 * Of each path the newest version.
 *
 * @param versions In any order.
 * @param folding What the roots take for one name.
 */
export function newestOfEach(
  versions: readonly Version[],
  folding: Folding,
): Version[] {
  const newest = new Map<string, Version>();
  for (const version of versions) {
    const key = keyOf(version.path, folding);
    const known = newest.get(key);
    if (known === undefined || newerFirst(version, known) < 0) {
      newest.set(key, version);
    }
  }
  return [...newest.values()].sort((a, b) => comparePaths(a.path, b.path));
}

/** The roots, met as a run meets them. */
interface Office {
  readonly db: StateDb;
  readonly owner: TemporaryOwner;
  readonly paths: Both<string>;
  readonly roots: Both<Root>;
  readonly meeting: Meeting;
  readonly folding: Folding;
}

/**
 * Lists soft-deleted versions, or brings the newest of each path back.
 *
 * @param invocation What is asked for.
 * @param config The config.
 * @returns The exit code: 1 if something was refused or failed.
 * @throws {SyncError} The path makes no sense, or nothing is kept of it.
 * @throws {GuardError} A root is not there, or not the one that is known.
 * @throws {LockedError} A run is active.
 */
export async function restore(
  invocation: RestoreInvocation,
  config: Config,
): Promise<ExitCode> {
  const paths = config.roots;
  const isWindows = Deno.build.os === "windows";
  const wanted: Wanted = {
    ...typedPath(invocation.path, paths, isWindows, onDisk),
    from: invocation.from,
  };
  // From here on there is something that a signal must not leave half done.
  using interrupt = invocation.isList ? null : new SignalInterrupt();
  using _lock = invocation.isList ? null : takeLock(config.stateDb);
  // Read only: what is brought back is for the next run to record.
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  const office = meetRoots(db, paths, invocation.isList);
  const all = knownVersions(office);
  const versions = wantedVersions(all, wanted, office.folding);
  if (invocation.isList) {
    const isAny = wanted.path === "" && wanted.from === null;
    if (versions.length === 0 && !isAny) throw nothingFound(wanted, all);
    print(
      invocation.isJson ? jsonText(listDocument(versions)) : listText(versions),
    );
    return EXIT.agreed;
  }
  if (versions.length === 0) throw nothingFound(wanted, all);
  const newest = newestOfEach(versions, office.folding);
  const pause = () => interrupt?.pass() ?? Promise.resolve();
  return await bringBack(newest, { ...office, pause }, invocation, config);
}

function meetRoots(
  db: StateDb,
  paths: Both<string>,
  isList: boolean,
): Office {
  const run = newRunId(Date.now());
  // Without its state DB a pair has no name that could be known.
  const pair = db.meta("pair") ?? crypto.randomUUID().slice(0, 6);
  const owner = { pair, run };
  checkRoots(paths);
  const options = { isDryRun: true, acceptRoots: false, owner };
  const meeting = meet(db, paths, options);
  const rootOf = (side: keyof Both<string>): Root => {
    const probed = isList ? null : probe(paths[side], owner);
    return new Root(side, paths[side], probed?.traits ?? glance(paths[side]));
  };
  const roots = { left: rootOf("left"), right: rootOf("right") };
  const both = SIDES.map((side) => roots[side].traits);
  const folding = {
    ignoresCase: both.some((it) => it.ignoresCase),
    ignoresNormalForm: both.some((it) => it.ignoresNormalForm),
  };
  return { db, owner, paths, roots, meeting, folding };
}

/** All that is kept, with the names and runs that the state DB knows. */
function knownVersions({ db, roots }: Office): Version[] {
  const known = new Map(
    actionsInto(db, ".office-sync/deleted")
      .map((it) => [`${it.side} ${it.newPath}`, it]),
  );
  const onTrouble = (path: string, why: string) =>
    warn(`${printable(path)} can't be looked at: ${printable(why)}`);
  return SIDES.flatMap((side) =>
    runFolders(roots[side], onTrouble).flatMap((folder) =>
      [...keptFiles(roots[side], folder, onTrouble)].map((kept): Version => {
        const told = known.get(`${side} ${kept.keptAt}`);
        return {
          side,
          path: told?.path ?? kept.path,
          run: told?.run ?? null,
          folder: folder.name,
          keptAt: kept.keptAt,
          removedAtMs: folder.timeMs,
          metadata: kept.metadata,
        };
      })
    )
  );
}

function nothingFound(wanted: Wanted, all: readonly Version[]): SyncError {
  const { path, isFolder, from } = wanted;
  const isFolderMeant = !isFolder &&
    all.some((version) => version.path.startsWith(`${path}/`));
  if (isFolderMeant) {
    return refusal(
      `${quoted(path)} is a folder: end it with a slash (${
        quoted(`${path}/`)
      }).`,
    );
  }
  const of = path === "" ? "" : ` of ${quoted(path)}`;
  const by = from === null ? "" : ` by run ${quoted(from)}`;
  return refusal(
    `No version${of} was soft-deleted${by}, or none is kept any more; ` +
      "restore --list shows what is.",
  );
}

function refusal(message: string): SyncError {
  return new SyncError(message, EXIT.usage);
}

async function bringBack(
  versions: readonly Version[],
  office: Office & { readonly pause: () => Promise<void> },
  invocation: RestoreInvocation,
  config: Config,
): Promise<ExitCode> {
  const { owner, roots, meeting, paths, pause } = office;
  const names = new TemporaryNames(owner, [
    office.roots.left,
    office.roots.right,
  ]);
  const restoring = new Restoring({
    roots,
    names,
    softDelete: new SoftDelete(`${timeMark(Date.now())}-${owner.pair}`, names),
    to: invocation.to === "both" ? SIDES : [invocation.to],
    isForced: invocation.isForced,
    verifyRoots: () => requireStillThere(meeting, paths),
    pause,
  });
  using log = openLog({ ...config.logging, runId: owner.run });
  log.info(`restore started, ${versions.length} asked for`);
  const walls = missingWalls(config);
  if (walls !== null) log.warning(walls);
  const all: Restored[] = [];
  const cut = await collect(restoring.bringBack(versions), (restored) => {
    noteIn(log, restored);
    all.push(restored);
  });
  const exitCode = cut?.exitCode ?? exitCodeOf(all);
  const stopped = cut === null ? null : cutWords(cut.message, all, versions);
  if (stopped !== null) log.warning(`interrupted: ${stopped}`);
  log.info(`ended with exit code ${exitCode}`);
  log.flush();
  if (log.failure !== null) warn(log.failure);
  print(
    invocation.isJson
      ? jsonText(restoredDocument(all, exitCode))
      : restoredText(all),
  );
  if (stopped !== null) warn(`${stopped} The same command does the rest.`);
  return exitCode;
}

/** Hands on what was done, and gives what ended it; null: it is through. */
async function collect(
  work: AsyncIterable<Restored>,
  onRestored: (restored: Restored) => void,
): Promise<InterruptedError | null> {
  try {
    for await (const restored of work) onRestored(restored);
    return null;
  } catch (error) {
    if (error instanceof InterruptedError) return error;
    throw error;
  }
}

function cutWords(
  why: string,
  all: readonly Restored[],
  versions: readonly Version[],
): string {
  const done = all.filter(({ outcome }) => outcome === "done").length;
  return `${why}: ${done} of ${versions.length} files brought back.`;
}

function noteIn(log: Log, restored: Restored): void {
  const { version, outcome } = restored;
  const line = `restore from ${version.side} ${quoted(version.keptAt)}: ` +
    restoredLine(restored);
  if (outcome === "done" || outcome === "same") log.info(line);
  else log.warning(line);
}
